//! Sessions: they end when they should, everywhere at once, and nothing but their own token opens them; what a browser is
//! told of every answer.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use serde_json::json;
use unstuck_tests::api::{Answer, PASSWORD};
use unstuck_tests::binary::unstuck_command;
use unstuck_tests::bus::Bus;
use unstuck_tests::district::{output_with_input, said};
use unstuck_tests::process::Process;
use unstuck_tests::{Api, District, wait_until};

/// How long a service may take until it answers.
const START_TIME_MAX: Duration = Duration::from_secs(60);

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

fn with_token(anybody: &Api, token: &str, path: &str) -> Answer {
    anybody.request("GET", path).header("authorization", format!("Bearer {token}")).send()
}

#[test]
fn what_one_process_revokes_is_over_in_another_at_once() {
    let bus = Bus::start();
    let here = District::start_on(&bus);
    let folder = tempfile::tempdir().expect("a folder");
    let key = here.data().join("master.key");
    std::fs::copy(key, folder.path().join("master.key")).expect("the key can be copied");
    let mut command = unstuck_command();
    command.args(["projection", "--nats-url", &bus.url(), "--listen", "127.0.0.1:0"]);
    command.arg("--data").arg(folder.path());
    let mut projection = Process::start(command, &folder.path().join("projection.log"));
    let address = projection.wait_for_line("Listening on ", START_TIME_MAX);
    let there = Api::new(Arc::new(RwLock::new(address.trim().to_owned())), None);
    let clerk = here.clerk("donghuashi");
    // Memory of a process is three seconds old at most when nobody tells it; this is less.
    let ends_in_time = |token: &str, what: &str| {
        let revoked = Instant::now();
        wait_until(what, || with_token(&there, token, "/v1/session").status == 401);
        assert!(revoked.elapsed() < Duration::from_secs(2), "{what}: {:?}", revoked.elapsed());
    };
    let open = || {
        let token = clerk.sign_in().expect("the clerk signs in");
        // The other process knows it before it is revoked.
        with_token(&there, &token, "/v1/session").expect_status(200);
        token
    };
    let token = open();
    let bearer = format!("Bearer {token}");
    let anybody = here.anybody();
    let signed_out = anybody.request("DELETE", "/v1/session").header("authorization", bearer);
    signed_out.send().expect_status(204);
    ends_in_time(&token, "signed out");
    let token = open();
    let mut passwd = unstuck_command();
    passwd.args(["staff", "passwd", "--nats-url", &bus.url(), "--username", clerk.username()]);
    passwd.arg("--password-stdin");
    let output = output_with_input(passwd, PASSWORD);
    assert!(output.status.success(), "{}", said(&output));
    ends_in_time(&token, "another password");
    let token = open();
    let mut remove = unstuck_command();
    remove.args(["staff", "remove", "--nats-url", &bus.url(), "--username", clerk.username()]);
    let output = remove.output().expect("the tool runs");
    assert!(output.status.success(), "{}", said(&output));
    ends_in_time(&token, "removed");
}

#[test]
fn a_session_ends_after_two_idle_hours_and_after_ten_in_any_case() {
    let district = District::start(Some("2026-03-04T08:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let anybody = district.anybody();
    let [used, idle] = [(), ()].map(|()| clerk.sign_in().expect("the clerk signs in"));
    for hour in ["09:50", "11:40", "13:30", "15:20", "17:10"] {
        district.at(&format!("2026-03-04T{hour}:00+08:00"));
        with_token(&anybody, &used, "/v1/cases").expect_status(200);
    }
    with_token(&anybody, &idle, "/v1/cases").refused(401, "unauthenticated");
    district.at("2026-03-04T17:59:00+08:00");
    with_token(&anybody, &used, "/v1/cases").expect_status(200);
    district.at("2026-03-04T18:01:00+08:00");
    with_token(&anybody, &used, "/v1/cases").refused(401, "unauthenticated");
    // A clock that is set back brings nothing back.
    district.at("2026-03-04T09:00:00+08:00");
    with_token(&anybody, &used, "/v1/cases").refused(401, "unauthenticated");
    with_token(&anybody, &idle, "/v1/cases").refused(401, "unauthenticated");
}

#[test]
fn forged_and_replayed_tokens_open_nothing() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let anybody = district.anybody();
    let token = clerk.sign_in().expect("the clerk signs in");
    with_token(&anybody, &token, "/v1/cases").expect_status(200);
    let last = token.chars().last().map_or('0', |c| if c == '0' { '1' } else { '0' });
    let altered = format!("{}{last}", &token[..token.len() - 1]);
    let (upper, twice) = (token.to_uppercase(), format!("{token}{token}"));
    let forged = [
        altered.as_str(),
        &upper,
        &twice,
        &token[..63],
        "",
        "*",
        "null",
        "../sessions",
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "unstuck_0000000000000000000000000000000000000000000000000000000000000000",
    ];
    for forged in forged {
        with_token(&anybody, forged, "/v1/cases").refused(401, "unauthenticated");
    }
    // The header decides, also when it is wrong; another scheme or another cookie is no session.
    let ask = |headers: &[(&str, String)]| {
        let mut request = anybody.request("GET", "/v1/cases");
        for (name, value) in headers {
            request = request.header(name, value.clone());
        }
        request.send()
    };
    let cookie = ("cookie", format!("session={token}"));
    ask(std::slice::from_ref(&cookie)).expect_status(200);
    let basic = ("authorization", format!("Basic {token}"));
    ask(&[basic, cookie]).refused(401, "unauthenticated");
    ask(&[("cookie", format!("sessions={token}"))]).refused(401, "unauthenticated");
    // After the sign-out the same token is a replay.
    let bearer = format!("Bearer {token}");
    let out = anybody.request("DELETE", "/v1/session").header("authorization", bearer).send();
    out.expect_status(204);
    with_token(&anybody, &token, "/v1/cases").refused(401, "unauthenticated");
    assert!(!district.logged().contains(&token));
}

#[test]
fn every_kind_of_answer_tells_a_browser_what_it_may_do_with_it() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let anybody = district.anybody();
    let page = anybody.get("/sign-in");
    let asset = page.text.split("href=\"/").filter_map(|rest| rest.split('"').next());
    let asset = asset.filter(|path| path.ends_with(".css")).map(|path| format!("/{path}")).next();
    let asset = asset.expect("a style sheet");
    let large = vec![b'a'; 300 * 1024];
    let answers = [
        ("page", page.clone()),
        ("page of nothing", anybody.request("GET", "/nothing").send()),
        ("style sheet", anybody.get(&asset)),
        ("redirect", anybody.request("GET", "/counter").send()),
        ("list", clerk.get("/v1/cases")),
        ("unauthenticated", anybody.request("GET", "/v1/cases").send()),
        ("not found", clerk.request("GET", "/v1/nothing").send()),
        ("method", clerk.request("PUT", "/v1/cases").json(&json!({})).send()),
        ("type", clerk.request("POST", "/v1/cases").bytes("text/plain", "a").send()),
        ("large", clerk.request("POST", "/v1/cases").bytes("application/json", large).send()),
        ("file", clerk.get("/v1/register.csv")),
        ("document", anybody.get("/openapi.json")),
        ("health", anybody.get("/healthz")),
        ("form of another site", {
            let form = anybody.request("POST", "/sign-in").header("sec-fetch-site", "cross-site");
            form.bytes("application/x-www-form-urlencoded", "username=a&password=b").send()
        }),
    ];
    let header =
        |answer: &Answer, name: &str| answer.headers.get(name).cloned().unwrap_or_default();
    for (kind, answer) in &answers {
        assert_eq!(header(answer, "x-content-type-options"), "nosniff", "{kind}");
        assert_eq!(header(answer, "referrer-policy"), "same-origin", "{kind}");
        assert_eq!(header(answer, "cross-origin-resource-policy"), "same-origin", "{kind}");
        assert!(!header(answer, "cache-control").is_empty(), "{kind}");
        assert!(!header(answer, "x-request-id").is_empty(), "{kind}");
        assert_eq!(header(answer, "server"), "", "{kind}");
        if header(answer, "content-type").starts_with("text/html") {
            let policy = header(answer, "content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{kind}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{kind}: {policy}");
            assert!(!policy.contains("unsafe"), "{kind}: {policy}");
            assert_eq!(header(answer, "cache-control"), "no-store", "{kind}");
        }
    }
    assert_eq!(answers[13].1.status, 403, "{}", answers[13].1.text);

    // The cookie of a session is for no script and no other site, and for TLS alone where there is TLS.
    let form = format!("username={}&password={PASSWORD}", clerk.username());
    let sign_in = |proto: &str| {
        let request = anybody.request("POST", "/sign-in").header("x-forwarded-proto", proto);
        let signed = request.bytes("application/x-www-form-urlencoded", form.clone()).send();
        assert_eq!(signed.status, 303, "{}", signed.text);
        let tls_only = header(&signed, "strict-transport-security");
        assert_eq!(tls_only.starts_with("max-age="), proto == "https", "{proto}: {tls_only}");
        header(&signed, "set-cookie")
    };
    for flag in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(sign_in("http").contains(flag), "{flag}");
    }
    assert!(!sign_in("http").contains("Secure") && sign_in("https").contains("; Secure"));
    assert!(!sign_in("https").contains("Max-Age"), "it goes with the browser");
}
