//! Signing in with an identity provider: a provider of the test's own, the real binary with the feature `oidc`, its pages
//! as a browser without script sees them.

#[path = "oidc/fake.rs"]
mod fake;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use fake::{Behaviour, CLIENT, Fails, Fake, SECRET, Signer};
use ring::hmac;
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tempfile::TempDir;
use unstuck_tests::api::{Answer, PASSWORD};
use unstuck_tests::binary::{sample_district, unstuck_command};
use unstuck_tests::district::Place;
use unstuck_tests::visitor::Visitor;
use unstuck_tests::{Api, District, Holder, wait_for};

/// Where people would reach the house; the tests go there by its own address.
const PUBLIC_URL: &str = "https://desk.example";

/// A house with a provider.
struct House {
    fake: Fake,
    district: District,
    _folder: TempDir,
}

impl House {
    fn start() -> Self {
        let fake = Fake::start();
        let (folder, file) = district_file(&format!(
            "issuer = \"{}\"\nclient_id = \"{CLIENT}\"\nclient_secret_file = \"oidc.secret\"\n\
             public_url = \"{PUBLIC_URL}\"\nsecond_factor_amr = [\"otp\"]\n",
            fake.issuer()
        ));
        let district = District::start_from(&file, None);
        Self { fake, district, _folder: folder }
    }

    /// Begins over the API and goes to the provider; gives what would be sent to the API next.
    fn back(&self) -> Value {
        let begun = self.district.anybody().post("/v1/session/oidc", json!(null));
        let begun = begun.expect_status(200);
        let sent_back = follow(text(&begun.json["authorize_url"]));
        let mut back = query_of(&sent_back);
        back["ticket"] = begun.json["ticket"].clone();
        back
    }

    fn finish(&self, back: &Value) -> Answer {
        self.district.anybody().post("/v1/session/oidc/finish", back.clone())
    }

    /// A whole sign-in, while the provider behaves so.
    fn sign_in(&self, behaviour: Behaviour) -> Answer {
        self.fake.behave(behaviour);
        self.finish(&self.back())
    }
}

/// A district file with `[oidc]`, and the secret beside it.
fn district_file(oidc: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("oidc.secret");
    fs::write(&secret, SECRET).expect("the secret is written");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("it is private");
    let sample = fs::read_to_string(sample_district()).expect("the sample district");
    let file = folder.path().join("district.toml");
    let accounts = "[accounts]\nsecond_factor = \"required\"\n";
    let text = format!("{sample}\n{accounts}[oidc]\n{oidc}");
    fs::write(&file, text).expect("the file is written");
    (folder, file)
}

/// Goes to an address of the provider as a browser does, and gives where it sends on.
fn follow(url: &str) -> String {
    let (origin, path) = url.split_at(url[8..].find('/').expect("a path") + 8);
    let provider = Api::new(Arc::new(RwLock::new(origin.to_owned())), None);
    let answer = provider.request("GET", path).send().expect_status(303);
    answer.headers["location"].clone()
}

fn query_of(url: &str) -> Value {
    assert!(url.starts_with(&format!("{PUBLIC_URL}/sign-in/oidc/callback?")), "{url}");
    let query = url.split_once('?').expect("a query").1;
    let pairs = form_urlencoded::parse(query.as_bytes());
    Value::Object(pairs.map(|(name, value)| (name.into_owned(), value.into())).collect())
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn with(claims: Value) -> Behaviour {
    Behaviour { claims, ..Behaviour::default() }
}

/// What the audit says about sign-ins that were refused.
fn refusals(auditor: &Holder) -> Vec<String> {
    let told = auditor.get("/v1/audit?limit=200").expect_status(200);
    let refused = told.items().iter().filter(|line| line["kind"] == "sign_in_refused");
    let mut details: Vec<String> = refused.map(|line| text(&line["detail"]).to_owned()).collect();
    details.reverse();
    details
}

#[test]
fn a_clerk_signs_in_through_the_pages_and_the_session_is_one_of_ours() {
    let house = House::start();
    let clerk = house.district.clerk("donghuashi");
    let mut visitor = Visitor::at(&house.district);
    let page = visitor.get("/sign-in?next=%2Fcases%3Fq%3Da").expect_status(200);
    let way = "/sign-in/oidc?next=%2Fcases%3Fq%3Da";
    assert!(page.text.contains(&format!("href=\"{way}\"")), "{}", page.text);
    assert!(page.text.contains("统一身份认证登录"));

    let out = visitor.get(way).expect_status(303);
    let to = &out.headers["location"];
    assert!(to.starts_with(&format!("{}/authorize?", house.fake.issuer())), "{to}");
    let back = follow(to);
    let path = back.strip_prefix(PUBLIC_URL).expect("our address").to_owned();
    let welcome = visitor.get(&path).expect_status(303);
    assert_eq!(welcome.headers["location"], "/cases?q=a");
    assert!(welcome.cookies.iter().any(|cookie| cookie.starts_with("unstuck_session=")
        && cookie.contains("HttpOnly")
        && cookie.contains("SameSite=Lax")));
    visitor.get("/cases").expect_status(200);
    let again = visitor.get(&path).expect_status(422);
    assert!(again.text.contains("已超时或已用过"), "{}", again.text);

    // Whoever loses the account loses the session, at once.
    let removed = house.district.tool(&["staff", "remove", "--username", clerk.username()]);
    assert!(removed.status.success());
    let sent_away = visitor.get("/cases").expect_status(303);
    assert_eq!(sent_away.headers["location"], "/sign-in?next=%2Fcases");

    // The way on is ours, whatever somebody puts into the address or the cookie.
    let out = visitor.get("/sign-in/oidc?next=%2F%2Fevil.example").expect_status(303);
    assert!(out.cookies.iter().all(|cookie| !cookie.contains("evil")), "{:?}", out.cookies);
    let known = house.district.clerk("jingshan");
    house.fake.behave(with(json!({ "preferred_username": known.username() })));
    let path = follow(&out.headers["location"]);
    let path = path.strip_prefix(PUBLIC_URL).expect("our address");
    let attempt = out.cookies.iter().find(|cookie| cookie.starts_with("unstuck_attempt="));
    let attempt = attempt.expect("a cookie").split(';').next().unwrap_or_default();
    let forged = format!("{}&next=%2F%2Fevil.example", attempt.split("&next").next().unwrap());
    let welcome = house.district.anybody().request("GET", path).header("cookie", forged).send();
    let location = welcome.expect_status(303).headers["location"].clone();
    assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
    // What came back stands in no log.
    for secret in ["code-", "4711", SECRET] {
        assert!(!house.district.logged().contains(secret), "{secret}");
    }
}

#[test]
fn every_forgery_is_refused_for_its_reason() {
    let house = House::start();
    let _people = [
        house.district.clerk("donghuashi"),
        house.district.staff("auditor", "auditor", Place::District),
    ];
    let gone = house.district.clerk("jingshan");
    let now = SystemClock.now().timestamp();
    let auditor = with(json!({ "preferred_username": "auditor", "amr": ["pwd", "otp"] }));
    let auditor = house.sign_in(auditor).expect_status(200);
    let auditor = Holder::of(&house.district, text(&auditor.json["token"]));
    house.sign_in(Behaviour { signer: Signer::Ec, ..Behaviour::default() }).expect_status(200);
    assert_eq!(refusals(&auditor), Vec::<String>::new());

    let header = |header: Value| Behaviour { header, ..Behaviour::default() };
    let refused = [
        (with(json!({ "nonce": "another" })), "nonce"),
        (with(json!({ "aud": "another" })), "audience"),
        (with(json!({ "aud": [CLIENT, "another"] })), "audience"),
        (with(json!({ "azp": "another" })), "audience"),
        (with(json!({ "iss": "http://127.0.0.1:1" })), "issuer"),
        (with(json!({ "exp": now - 61 })), "expired"),
        (with(json!({ "iat": now + 120 })), "not yet"),
        (with(json!({ "nbf": now + 120 })), "not yet"),
        (with(json!({ "preferred_username": null })), "claim"),
        (header(json!({ "alg": "none" })), "algorithm"),
        (header(json!({ "alg": "HS256" })), "algorithm"),
        (header(json!({ "alg": "HS256", "kid": "symmetric" })), "algorithm"),
        (header(json!({ "alg": "ES256" })), "key"),
        (header(json!({ "kid": "ec-1" })), "key"),
        (header(json!({ "kid": "unknown" })), "key"),
        (Behaviour { signer: Signer::Stranger, ..Behaviour::default() }, "signature"),
    ];
    for (behaviour, _) in &refused {
        house.sign_in(behaviour.clone()).refused(401, "provider_refused");
    }
    // What comes back is not what was sent out.
    house.fake.behave(Behaviour { forgets_codes: true, ..Behaviour::default() });
    let (one, other) = (house.back(), house.back());
    let changed = |name: &str, value: &Value| {
        let mut back = one.clone();
        back[name] = value.clone();
        house.finish(&back)
    };
    changed("state", &other["state"]).refused(401, "provider_refused");
    changed("state", &json!("")).refused(401, "provider_refused");
    changed("ticket", &other["ticket"]).refused(401, "provider_refused");
    changed("ticket", &json!("forged")).refused(401, "sign_in_over");
    // None of these has used it up; once it is used, it is, whatever the provider would say.
    house.finish(&one).expect_status(200);
    house.finish(&one).refused(401, "sign_in_over");
    let changed = |name: &str, value: Value| {
        let mut back = house.back();
        back[name] = value;
        house.finish(&back)
    };
    changed("iss", json!("http://127.0.0.1:1")).refused(401, "provider_refused");
    changed("iss", json!(null)).refused(401, "provider_refused");
    changed("error", json!("access_denied")).refused(401, "provider_refused");
    // The verifier is another attempt's.
    changed("code", one["code"].clone()).refused(401, "provider_refused");

    house.sign_in(with(json!({ "preferred_username": "stranger" }))).refused(403, "no_account");
    house.sign_in(with(json!({ "preferred_username": "a@b" }))).refused(403, "no_account");
    let of_gone = with(json!({ "preferred_username": gone.username() }));
    house.sign_in(of_gone.clone()).expect_status(200);
    let removed = house.district.tool(&["staff", "remove", "--username", gone.username()]);
    assert!(removed.status.success(), "{removed:?}");
    house.sign_in(of_gone).refused(403, "no_account");

    let expected: Vec<String> = refused
        .iter()
        .map(|(_, reason)| *reason)
        .chain([
            "state",
            "state",
            "state",
            "over",
            "over",
            "issuer",
            "issuer",
            "not let in",
            "code",
        ])
        .chain(["no account"; 3])
        .map(|reason| format!("oidc: {reason}"))
        .collect();
    assert_eq!(refusals(&auditor), expected);

    // New keys are found without a restart, those that are gone open nothing.
    let kids = ["rsa-2".to_owned(), "ec-2".to_owned()];
    let renewed = Behaviour { kids, ..Behaviour::default() };
    let opened = wait_for("the new keys are known", || {
        let answer = house.sign_in(renewed.clone());
        (answer.status == 200).then_some(answer)
    });
    assert_eq!(opened.json["staff"]["username"], "clerk-donghuashi");
    let withdrawn = Behaviour { header: json!({ "kid": "rsa-1" }), ..renewed };
    house.sign_in(withdrawn).refused(401, "provider_refused");
}

#[test]
fn a_provider_that_fails_costs_nobody_his_password() {
    let house = House::start();
    let clerk = house.district.clerk("donghuashi");
    for fails in [Fails::Broken, Fails::Endless, Fails::Garbled, Fails::Elsewhere, Fails::Silent] {
        let answer = house.sign_in(Behaviour { fails, ..Behaviour::default() });
        assert_eq!(answer.status, 503, "{fails:?}: {}", answer.text);
        answer.refused(503, "unavailable");
        let mut visitor = Visitor::at(&house.district);
        visitor.sign_in(clerk.username(), &[]).expect_status(303);
    }
    house.sign_in(Behaviour::default()).expect_status(200);

    // One that is not there at all, from the first question on.
    let (_folder, file) = district_file(&format!(
        "issuer = \"http://127.0.0.1:9\"\nclient_id = \"{CLIENT}\"\npublic_url = \"{PUBLIC_URL}\"\n"
    ));
    let district = District::start_from(&file, None);
    let mut visitor = Visitor::at(&district);
    let page = visitor.get("/sign-in/oidc").expect_status(503);
    assert!(page.text.contains("暂时连不上") && page.text.contains("name=\"password\""));
}

#[test]
fn a_second_factor_is_asked_for_unless_the_provider_has() {
    let house = House::start();
    let _auditor = house.district.staff("auditor", "auditor", Place::District);
    let by = |amr: Value| with(json!({ "preferred_username": "auditor", "amr": amr }));
    let holder = |answer: &Answer| Holder::of(&house.district, text(&answer.json["token"]));

    let alone = house.sign_in(by(json!(["pwd"]))).expect_status(200);
    holder(&alone).get("/v1/audit").refused(403, "must_enrol");
    let proved = house.sign_in(by(json!(["pwd", "otp"]))).expect_status(200);
    holder(&proved).get("/v1/audit").expect_status(200);

    let path = "/v1/session/second-factor";
    let begun = holder(&alone).post(path, json!({ "password": PASSWORD })).expect_status(200);
    let secret = text(&begun.json["secret"]).to_owned();
    let confirm = json!({ "ticket": begun.json["ticket"], "code": code_of(&secret, 0) });
    holder(&alone).post(&format!("{path}/confirm"), confirm).expect_status(200);

    // Through the pages: the code is the second step, as after a password.
    house.fake.behave(by(json!(["pwd"])));
    let mut visitor = Visitor::at(&house.district);
    let out = visitor.get("/sign-in/oidc").expect_status(303);
    let back = follow(&out.headers["location"]);
    let page = visitor.get(back.strip_prefix(PUBLIC_URL).expect("our address")).expect_status(200);
    let mut fields = unstuck_tests::visitor::hidden(&page, "/sign-in/code");
    fields.push(("code".to_owned(), code_of(&secret, 1)));
    visitor.post("/sign-in/code", &fields).expect_status(303);
    house.sign_in(by(json!(["otp"]))).expect_status(200);
}

#[test]
fn every_fault_of_the_settings_is_said_at_once() {
    let (_folder, file) = district_file(
        "issuer = \"http://id.example\"\nclient_secret_file = \"nowhere\"\nscope = \"profile\"\n",
    );
    let mut command = unstuck_command();
    let data = tempfile::tempdir().expect("a folder");
    command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(data.path());
    let output = command.arg("--district").arg(&file).output().expect("it starts");
    assert_eq!(output.status.code(), Some(64));
    let said = String::from_utf8_lossy(&output.stderr);
    for word in
        ["oidc: issuer", "client_id is missing", "public_url is missing", "nowhere", "scope is not"]
    {
        assert!(said.contains(word), "{word}: {said}");
    }
}

/// The code that an app shows some steps of thirty seconds from now.
fn code_of(secret: &str, steps: i64) -> String {
    let value = |letter: u8| match letter {
        b'A'..=b'Z' => u64::from(letter - b'A'),
        letter => u64::from(letter - b'2') + 26,
    };
    let mut key = Vec::new();
    for eight in secret.as_bytes().chunks(8) {
        let word = eight.iter().fold(0, |word, letter| word << 5 | value(*letter));
        key.extend_from_slice(&word.to_be_bytes()[3..]);
    }
    let step = SystemClock.now().timestamp() / 30 + steps;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let place = usize::from(tag[19] & 15);
    let number =
        u32::from_be_bytes([tag[place] & 127, tag[place + 1], tag[place + 2], tag[place + 3]]);
    format!("{:06}", number % 1_000_000)
}
