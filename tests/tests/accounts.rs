//! Accounts: the second factor, machines that read, the last administrator; over the API, the pages and the tools.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};
use unstuck_tests::api::{Answer, PASSWORD};
use unstuck_tests::binary::sample_district;
use unstuck_tests::bodies::opening;
use unstuck_tests::district::{Place, said, spoilt_copy};
use unstuck_tests::{Api, District, Holder};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

fn sign_in(district: &District, username: &str, code: Option<&str>) -> Answer {
    let mut body = json!({ "username": username, "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = code.into();
    }
    district.anybody().post("/v1/session", body)
}

fn holder(district: &District, answer: &Answer) -> Holder {
    Holder::of(district, answer["token"].as_str().expect("a token"))
}

/// The code that an app shows some steps of thirty seconds from now; made by other code than the product's.
fn code_of(secret: &str, steps: i32) -> String {
    const PROGRAM: &str = "
import base64, hashlib, hmac, struct, sys, time
secret = sys.argv[1] + '=' * (-len(sys.argv[1]) % 8)
step = int(time.time()) // 30 + int(sys.argv[2])
digest = hmac.new(base64.b32decode(secret), struct.pack('>Q', step), hashlib.sha1).digest()
at = digest[19] & 15
print('%06d' % ((struct.unpack('>I', digest[at:at + 4])[0] & 0x7fffffff) % 1000000), end='')
";
    let mut python = Command::new("python3");
    let output = python.args(["-c", PROGRAM, secret, &steps.to_string()]).output();
    String::from_utf8(output.expect("Python runs").stdout).expect("digits")
}

/// Enrols; gives the secret and the recovery codes. The code of now is used by it.
fn enrol(person: &Holder) -> (String, Vec<String>) {
    let begun = person.post("/v1/session/second-factor", json!({ "password": PASSWORD }));
    let begun = begun.expect_status(200);
    let secret = begun["secret"].as_str().expect("a secret").to_owned();
    assert!(begun["uri"].as_str().is_some_and(|uri| uri.contains(&secret)), "{}", begun.text);
    let confirm = |code: &str| json!({ "ticket": begun["ticket"], "code": code });
    let path = "/v1/session/second-factor/confirm";
    person.post(path, confirm("000000")).refused(422, "invalid").naming("/code");
    let confirmed = person.post(path, confirm(&code_of(&secret, 0))).expect_status(200);
    let codes = confirmed["recovery_codes"].as_array().expect("codes");
    let codes = codes.iter().map(|code| code.as_str().expect("a code").to_owned());
    (secret, codes.collect())
}

/// Whether a file in a folder has one of these texts.
fn stands_in(folder: &std::path::Path, texts: &[&str]) -> bool {
    std::fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => stands_in(&path, texts),
            false => {
                let bytes = std::fs::read(&path).unwrap_or_default();
                texts.iter().any(|text| bytes.windows(text.len()).any(|one| one == text.as_bytes()))
            }
        }
    })
}

#[test]
fn a_second_factor_is_asked_for_once_it_is_enrolled() {
    let district = District::start(None);
    let auditor = district.staff("auditor", "auditor", Place::District);
    let admin = district.staff("admin", "admin", Place::District);
    let person = holder(&district, &sign_in(&district, "auditor", None).expect_status(200));
    let elsewhere = holder(&district, &sign_in(&district, "auditor", None).expect_status(200));
    assert_eq!(person.get("/v1/session")["second_factor"], Value::Null);
    let wrong = json!({ "password": "not the password" });
    person.post("/v1/session/second-factor", wrong).refused(422, "invalid").naming("/password");
    let (secret, recovery) = enrol(&person);
    assert_eq!(recovery.len(), 10);
    assert_eq!(person.get("/v1/session")["second_factor"], true);
    elsewhere.get("/v1/session").refused(401, "unauthenticated");

    // The password alone, a used code and a wrong one open nothing; the next one does, once.
    sign_in(&district, "auditor", None).refused(401, "second_factor_required");
    sign_in(&district, "auditor", Some("000000")).refused(401, "second_factor_wrong");
    let next = code_of(&secret, 1);
    sign_in(&district, "auditor", Some(&next)).expect_status(200);
    sign_in(&district, "auditor", Some(&next)).refused(401, "second_factor_wrong");
    sign_in(&district, "auditor", Some(&recovery[0])).expect_status(200);
    sign_in(&district, "auditor", Some(&recovery[0])).refused(401, "second_factor_wrong");
    // Whoever knows the password does not need it for the second step, and nobody gets there without.
    let ticket = sign_in(&district, "auditor", None)["ticket"].clone();
    let step = |ticket: &Value, code: &str| {
        district
            .anybody()
            .post("/v1/session/second-step", json!({ "ticket": ticket, "code": code }))
    };
    step(&json!("forged"), &recovery[1]).refused(401, "unauthenticated");
    step(&ticket, "000000").refused(401, "second_factor_wrong");
    step(&ticket, &recovery[1]).expect_status(200);

    // Nothing of it stands in the folder in clear, nor in the log.
    let texts: Vec<&str> = recovery.iter().map(String::as_str).chain([secret.as_str()]).collect();
    assert!(!stands_in(&district.data(), &texts));
    assert!(!texts.iter().any(|text| district.logged().contains(text)));

    // An administrator helps who has lost telephone and paper; so does the tool.
    let listed = admin.get("/v1/staff");
    let row = listed.items().iter().find(|one| one["username"] == "auditor").expect("the auditor");
    assert_eq!(row["second_factor"], true);
    auditor.sign_in().expect_err("a code is needed");
    admin.post("/v1/staff/auditor/second-factor/reset", json!({})).expect_status(204);
    person.get("/v1/session").refused(401, "unauthenticated");
    let person = holder(&district, &sign_in(&district, "auditor", None).expect_status(200));
    enrol(&person);
    let output = district.tool(&["staff", "reset-second-factor", "--username", "auditor"]);
    assert!(output.status.success(), "{}", said(&output));
    person.get("/v1/session").refused(401, "unauthenticated");
    enrol(&holder(&district, &sign_in(&district, "auditor", None).expect_status(200)));
    let mut browser = Browser { anybody: district.anybody(), cookie: String::new() };
    browser.ask("POST", "/sign-in", &[("username", "admin"), ("password", PASSWORD)]);
    let page = browser.ask("GET", "/admin/accounts/auditor", &[]);
    assert!(page.text.contains("/admin/accounts/auditor/second-factor"), "{}", page.text);
    let reset = browser.ask("POST", "/admin/accounts/auditor/second-factor", &[]);
    assert_eq!(reset.headers["location"], "/admin/accounts?done=second-factor&who=auditor");
    let told = auditor.get("/v1/audit?limit=200");
    let count = |kind: &str| told.items().iter().filter(|line| line["kind"] == kind).count();
    assert_eq!(count("second_factor_enrolled"), 3, "{}", told.text);
    assert_eq!(count("staff_second_factor_reset"), 3);
    assert_eq!(count("second_factor_refused"), 4);
    auditor.post("/v1/staff/admin/second-factor/reset", json!({})).refused(403, "forbidden");
}

/// A browser without script that holds one cookie.
struct Browser {
    anybody: Api,
    cookie: String,
}

impl Browser {
    fn ask(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut request = self.anybody.request(method, path).header("cookie", self.cookie.clone());
        if method == "POST" {
            let pairs = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
            let body = pairs.collect::<Vec<_>>().join("&");
            request = request.bytes("application/x-www-form-urlencoded", body);
        }
        let answer = request.send();
        if let Some(cookie) = answer.headers.get("set-cookie") {
            self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        }
        answer
    }

    fn leads_to(&mut self, path: &str, target: &str) {
        let answer = self.ask("GET", path, &[]);
        assert_eq!(answer.status, 303, "{path}: {}", answer.text);
        assert_eq!(answer.headers["location"], target, "{path}");
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn hidden(page: &Answer, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.text.split_once(&start).unwrap_or_else(|| panic!("no {name}: {}", page.text)).1;
    rest.split('"').next().unwrap_or_default().replace("&amp;", "&")
}

#[test]
fn a_second_factor_outlives_a_rotation_of_the_wrapping_key() {
    let district = District::start(None);
    let _auditor = district.staff("auditor", "auditor", Place::District);
    let person = holder(&district, &sign_in(&district, "auditor", None).expect_status(200));
    let (secret, recovery) = enrol(&person);
    district.shut_down();
    let rotated = district.tool(&["keys", "rotate"]);
    assert!(rotated.status.success(), "{}", said(&rotated));
    district.bring_up();
    sign_in(&district, "auditor", None).refused(401, "second_factor_required");
    let code = code_of(&secret, 1);
    let person = holder(&district, &sign_in(&district, "auditor", Some(&code)).expect_status(200));
    sign_in(&district, "auditor", Some(&recovery[0])).expect_status(200);
    let told = person.get("/v1/audit?kind=keys_rotated").expect_status(200);
    assert_eq!(told.items().len(), 1, "{}", told.text);
    assert_eq!(told.items()[0]["actor"], "command-line");
}

#[test]
fn where_the_district_requires_it_a_role_can_do_nothing_but_enrol() {
    let folder = tempfile::tempdir().expect("a folder");
    let required = "[accounts]\nsecond_factor = \"required\"\n\n[limits]";
    let file = spoilt_copy(&sample_district(), folder.path(), &[("[limits]", required)]);
    let district = District::start_from(&file, None);
    let _ = district.staff("chief", "coordinator", Place::District);
    let clerk = district.clerk("jingshan");
    clerk.get("/v1/cases");
    let chief = holder(&district, &sign_in(&district, "chief", None).expect_status(200));
    assert_eq!(chief.get("/v1/session").expect_status(200)["must_enrol"], true);
    for path in ["/v1/cases", "/v1/overview", "/v1/live", "/v1/colleagues"] {
        chief.get(path).refused(403, "must_enrol");
    }
    let body = opening("jingshan", "退休手续办理", 1);
    chief.post("/v1/cases", body).refused(403, "must_enrol");

    // The pages lead there and nowhere else, without script.
    let mut browser = Browser { anybody: district.anybody(), cookie: String::new() };
    let credentials = [("username", "chief"), ("password", PASSWORD)];
    assert_eq!(browser.ask("POST", "/sign-in", &credentials).status, 303);
    browser.leads_to("/district", "/second-factor");
    browser.leads_to("/cases", "/second-factor");
    let page = browser.ask("GET", "/second-factor", &[]);
    assert!(page.status == 200 && page.text.contains("双因素认证"), "{}", page.text);
    let wrong = browser.ask("POST", "/second-factor", &[("password", "not the password")]);
    assert_eq!(wrong.status, 422, "{}", wrong.text);
    let page = browser.ask("POST", "/second-factor", &[("password", PASSWORD)]);
    assert!(page.text.contains("<svg") && !page.text.contains(PASSWORD), "{}", page.text);
    let (secret, uri, ticket) =
        (hidden(&page, "secret"), hidden(&page, "uri"), hidden(&page, "ticket"));
    let fields = |code| {
        [
            ("secret", secret.as_str()),
            ("uri", uri.as_str()),
            ("ticket", ticket.as_str()),
            ("code", code),
        ]
    };
    let again = browser.ask("POST", "/second-factor/confirm", &fields("000000"));
    assert!(again.status == 422 && again.text.contains("<svg"), "{}", again.text);
    let code = code_of(&secret, 0);
    let done = browser.ask("POST", "/second-factor/confirm", &fields(&code));
    assert_eq!(done.text.matches("<li><code>").count(), 10, "{}", done.text);
    assert_eq!(browser.ask("GET", "/cases", &[]).status, 200);
    // What was opened before it had one is over.
    chief.get("/v1/session").refused(401, "unauthenticated");

    // The next sign-in has two steps; the page between them has no password.
    let mut browser = Browser { anybody: district.anybody(), cookie: String::new() };
    let page = browser.ask("POST", "/sign-in", &credentials);
    assert!(page.status == 200 && page.text.contains("/sign-in/code"), "{}", page.text);
    assert!(!page.text.contains(PASSWORD), "{}", page.text);
    let ticket = hidden(&page, "ticket");
    let fields = |code| [("ticket", ticket.as_str()), ("next", "/cases"), ("code", code)];
    let wrong = browser.ask("POST", "/sign-in/code", &fields("000000"));
    assert!(wrong.status == 422 && wrong.text.contains("/sign-in/code"), "{}", wrong.text);
    let code = code_of(&secret, 1);
    let signed = browser.ask("POST", "/sign-in/code", &fields(&code));
    assert_eq!((signed.status, signed.headers["location"].as_str()), (303, "/cases"));
    assert_eq!(browser.ask("GET", "/cases", &[]).status, 200);
}

/// The status of an answer whose body may never end.
fn status_of_stream(district: &District, path: &str, token: &str) -> u16 {
    let address = district.address();
    let mut line = TcpStream::connect(address.trim_start_matches("http://")).expect("a line");
    line.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
    line.write_all(head.as_bytes()).expect("a request is written");
    let mut start = [0; 12];
    line.read_exact(&mut start).expect("an answer begins");
    String::from_utf8_lossy(&start[9..]).parse().expect("a status")
}

#[test]
fn a_machine_reads_what_its_token_is_for_and_nothing_else() {
    let district = District::start(Some(START));
    let admin = district.staff("admin", "admin", Place::District);
    let opened = district.clerk("donghuashi").open(opening("donghuashi", "退休手续办理", 1));
    let made = |body: Value| admin.post("/v1/tokens", body);
    let all: Vec<Value> = admin.get("/v1/tokens")["scopes"].as_array().expect("scopes").clone();
    let codes: Vec<&str> = all.iter().filter_map(|scope| scope["code"].as_str()).collect();
    let body = json!({ "name": "reports", "role": "auditor", "scopes": codes, "days": 30 });
    let answer = made(body.clone()).expect_status(201);
    let token = answer["token"].as_str().expect("a token");
    assert!(token.starts_with("unstuck_") && token.len() == 72, "{token}");
    let machine = Holder::of(&district, token);

    // Every address of every scope, and no other of the contract.
    let document = district.anybody().get("/openapi.json");
    let paths = document["paths"].as_object().expect("paths");
    let reads = all.iter().flat_map(|scope| scope["reads"].as_array().expect("addresses"));
    let reads: Vec<&str> = reads.filter_map(Value::as_str).collect();
    assert!(reads.iter().all(|read| paths.contains_key(*read)), "{reads:?}");
    let filled = |path: &str| {
        let path = path.replace("{id}", opened.case_id()).replace("{name}", "opened");
        if path == "/v1/similar" { format!("{path}?q=x") } else { path }
    };
    let mut tried = 0;
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().expect("methods") {
            let is_public = operation["security"].as_array().is_some_and(Vec::is_empty);
            let is_open = method == "get" && reads.contains(&path.as_str());
            if is_public {
                continue;
            }
            tried += 1;
            if is_open && path == "/v1/live" {
                assert_eq!(status_of_stream(&district, path, token), 200);
                continue;
            }
            let body = (method != "get").then(|| json!({}));
            let method = method.to_uppercase();
            let answer = machine.ask(&method, &filled(path), body.as_ref());
            match is_open {
                true => {
                    assert!(matches!(answer.status, 200 | 404 | 422), "{path}: {}", answer.text);
                }
                // These read their body first.
                false if path.starts_with("/v1/session/") && answer.status == 422 => {}
                false => drop(answer.refused(403, "forbidden")),
            }
        }
    }
    assert!(tried > 60, "{tried} operations");
    let case = machine.get(&format!("/v1/cases/{}", opened.case_id())).expect_status(200);
    assert_eq!(case["applicant"]["masked"], true, "{}", case.text);
    assert_eq!(machine.get("/v1/register.csv").status, 200);

    // Its scope is what it has; its place what its role has.
    let narrow = json!({ "name": "board", "role": "director", "center": "dongsi", "scopes": ["read:cases"] });
    let narrow = made(narrow).expect_status(201);
    let board = Holder::of(&district, narrow["token"].as_str().expect("a token"));
    board.get("/v1/overview").refused(403, "forbidden");
    assert_eq!(board.get("/v1/cases").expect_status(200)["total"], 0);
    board.get(&format!("/v1/cases/{}", opened.case_id())).refused(403, "forbidden");
    for (field, value) in [
        ("/name", json!({ "name": "A b" })),
        ("/role", json!({ "role": "admin" })),
        ("/scopes", json!({ "scopes": ["write:cases"] })),
        ("/days", json!({ "days": 500 })),
        ("/center", json!({ "role": "director" })),
        ("/center", json!({ "role": "director", "center": "nowhere" })),
    ] {
        let mut wrong = body.clone();
        for (name, value) in value.as_object().expect("a change") {
            wrong[name] = value.clone();
        }
        made(wrong).refused(422, "invalid").naming(field);
    }
    district.clerk("jingshan").post("/v1/tokens", body).refused(403, "forbidden");

    // It is shown once, stands nowhere, and is revoked at once.
    let listed = admin.get("/v1/tokens");
    assert_eq!(listed["total"], 2);
    assert!(!listed.text.contains(token));
    assert!(!stands_in(&district.data(), &[token]) && !district.logged().contains(token));
    let revoke = format!("/v1/tokens/{}/revoke", answer["id"].as_str().expect("an id"));
    admin.post(&revoke, json!({})).expect_status(204);
    machine.get("/v1/cases").refused(401, "unauthenticated");
    admin.post(&revoke, json!({})).refused(404, "not_found");
    let auditor = district.staff("auditor", "auditor", Place::District);
    let told = auditor.get("/v1/audit?limit=200");
    let kinds: Vec<&str> = told.items().iter().filter_map(|line| line["kind"].as_str()).collect();
    assert!(kinds.contains(&"token_added") && kinds.contains(&"token_revoked"), "{kinds:?}");
    assert!(!told.text.contains(token));
}

#[test]
fn an_administrator_makes_a_token_on_the_page_sees_it_once_and_revokes_it() {
    let district = District::start(Some(START));
    let admin = district.staff("admin", "admin", Place::District);
    let mut browser = Browser { anybody: district.anybody(), cookie: String::new() };
    let credentials = [("username", "admin"), ("password", PASSWORD)];
    assert_eq!(browser.ask("POST", "/sign-in", &credentials).status, 303);
    let page = browser.ask("GET", "/admin/tokens", &[]);
    assert!(page.status == 200 && page.text.contains("read:register"), "{}", page.text);
    let filled = |days| {
        let scopes = [("scopes", "read:figures"), ("scopes", "read:register")];
        [("name", "reports"), ("role", "auditor"), scopes[0], scopes[1], ("days", days)]
    };
    let wrong = browser.ask("POST", "/admin/tokens", &filled("500"));
    assert!(wrong.status == 422 && wrong.text.contains("reports"), "{}", wrong.text);
    assert_eq!(admin.get("/v1/tokens")["total"], 0);
    let made = browser.ask("POST", "/admin/tokens", &filled("30"));
    let token = made.text.split("<code>").nth(1).and_then(|rest| rest.split('<').next());
    let token = token.unwrap_or_else(|| panic!("no token: {}", made.text));
    let machine = Holder::of(&district, token);
    machine.get("/v1/overview").expect_status(200);
    let page = browser.ask("GET", "/admin/tokens", &[]);
    assert!(page.text.contains("reports") && !page.text.contains(token), "{}", page.text);
    let listed = admin.get("/v1/tokens");
    let id = listed.items()[0]["id"].as_str().expect("an id");
    let revoke = format!("/admin/tokens/{id}/revoke");
    let revoked = browser.ask("POST", &revoke, &[("name", "reports")]);
    assert_eq!(revoked.headers["location"], "/admin/tokens?revoked=reports");
    machine.get("/v1/overview").refused(401, "unauthenticated");
}

fn ran(output: Output) -> String {
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn the_tools_make_and_revoke_tokens_and_leave_the_last_administrator() {
    let district = District::start(Some(START));
    let add = ["token", "add", "--name", "reports", "--role", "auditor", "--scope", "read:figures"];
    let token = ran(district.tool(&add));
    let machine = Holder::of(&district, token.trim());
    machine.get("/v1/overview").expect_status(200);
    machine.get("/v1/cases").refused(403, "forbidden");
    let wrong =
        ["token", "add", "--name", "a", "--role", "emperor", "--scope", "read:all", "--days", "0"];
    let refused = district.tool(&wrong);
    assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
    assert!(said(&refused).contains("emperor") && said(&refused).contains("--days"));
    let listed: Value =
        serde_json::from_str(&ran(district.tool(&["token", "list", "--json"]))).expect("JSON");
    let id = listed[0]["id"].as_str().expect("an id");
    assert!(!listed.to_string().contains(token.trim()));
    ran(district.tool(&["token", "revoke", "--id", id]));
    unstuck_tests::wait_until("the token is over", || machine.get("/v1/overview").status == 401);

    let _ = district.staff("first", "admin", Place::District);
    let _ = district.staff("second", "admin", Place::District);
    ran(district.tool(&["staff", "remove", "--username", "first"]));
    let refused = district.tool(&["staff", "remove", "--username", "second"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("last administrator"), "{}", said(&refused));
    district.person("second").get("/v1/staff");
}
