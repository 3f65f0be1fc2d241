//! The HTTP surface, asked by a machine: schemathesis reads `/openapi.json` and sends what fits it and what does not, as
//! several people, for a bounded time.
//!
//! Invariants: nothing answers 5xx, every answer is one that the document promises, nobody's answer holds a canary unless it
//! is a reveal by somebody who may, and afterwards the log is in order. `UNSTUCK_FUZZ_SECONDS` goes on for longer,
//! `UNSTUCK_SEED` asks other questions.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use unstuck_tests::bodies::{opening, with};
use unstuck_tests::district::{Place, said};
use unstuck_tests::{Api, District, wait_for};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

/// The schemathesis that `tests/run` keeps in the user's cache; `tests/schemathesis.txt` names the same version.
const SCHEMATHESIS: &str = "unstuck/schemathesis-4.32.5";

/// How long all passes take together, unless `UNSTUCK_FUZZ_SECONDS` says otherwise.
const SECONDS: u64 = 30;

/// The seed, unless `UNSTUCK_SEED` says otherwise.
const SEED: u64 = 1;

/// Kinds of questions that all passes together must have asked; the document has more than ninety operations.
const KINDS_MIN: usize = 40;

/// What is held against the document. Left out: that a wrong body is always refused, and that a right one never is (the
/// rules know more than a schema does).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_schema_conformance";

/// Not asked: the feed, which never ends, and what ends, locks or replaces the session that asks.
const NOT_ASKED: &str = "^/v1/(live$|session/)";
const NOT_ASKED_OPERATION: &str = "delete_v1_session";

/// Nothing else in a district looks like these.
const CANARY_NAME: &str = "样例鸑瓂";
const CANARY_PHONES: [&str; 3] = ["13800009801", "13800009802", "13800009803"];
const CANARY_ID_NUMBER: &str = "110101191212100014";

/// How many times as long as another pass the walk along the edges takes; it is as long as the document.
const COVERAGE_SHARES: u64 = 3;

/// Answers that must be a success over all passes: a fuzz that is refused everything finds nothing.
const SUCCESSES_MIN: usize = 5;

/// Who asks, and by which method: `coverage` walks along the edges of the schemas, `fuzzing` draws at random.
struct Pass<'a> {
    who: &'a str,
    token: Option<String>,
    phase: &'a str,
    may_reveal: bool,
}

impl Pass<'_> {
    fn shares(&self) -> u64 {
        if self.phase == "coverage" { COVERAGE_SHARES } else { 1 }
    }
}

/// A question and its answer, of a HAR file.
struct Exchange {
    method: String,
    path: String,
    status: u64,
    answer: String,
}

impl Exchange {
    /// The method and the path without numbers.
    fn kind(&self) -> (String, String) {
        (self.method.clone(), self.path.chars().filter(|c| !c.is_ascii_digit()).collect())
    }
}

#[test]
fn nothing_that_openapi_lets_one_ask_breaks_a_service_or_tells_who_somebody_is() {
    let seed = setting("UNSTUCK_SEED", SEED);
    let seconds = setting("UNSTUCK_FUZZ_SECONDS", SECONDS);
    println!("UNSTUCK_SEED={seed} UNSTUCK_FUZZ_SECONDS={seconds}");
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let cases = canaries(&clerk);
    // A search that misses what is known to be there proves nothing.
    let reveal = format!("/v1/cases/{}/reveal", cases[0]);
    let revealed = clerk.post(reveal, json!({ "purpose": "电话回访" })).expect_status(200);
    assert!(canary_in(&revealed.text).is_some(), "{}", revealed.text);
    let folder = tempfile::tempdir().expect("a folder");
    let document = folder.path().join("openapi.json");
    let text = document_about(&district.anybody().get("/openapi.json").json, &cases).to_string();
    std::fs::write(&document, text).expect("the document can be written");

    let passes = passes(&district, &clerk);
    let share = (seconds / passes.iter().map(Pass::shares).sum::<u64>()).max(1);
    let (mut successes, mut kinds) = (0, BTreeSet::new());
    for (number, pass) in passes.iter().enumerate() {
        let har = folder.path().join(format!("{number}.har"));
        let mut command = schemathesis();
        command.arg(&document).args(["--url", &district.address()]);
        command.args(["--checks", CHECKS, "--phases", pass.phase, "--max-examples", "20"]);
        command.args([
            "--seed",
            &seed.to_string(),
            "--max-time",
            &(share * pass.shares()).to_string(),
        ]);
        command.args(["--exclude-path-regex", NOT_ASKED]);
        command.args(["--exclude-operation-id", NOT_ASKED_OPERATION]);
        command.args(["--report", "har", "--report-preserve-bytes", "--report-har-path"]).arg(&har);
        if let Some(token) = &pass.token {
            command.args(["--header", &format!("authorization: Bearer {token}")]);
        }
        let output = command.current_dir(folder.path()).output().expect("Python can be started");
        assert!(output.status.success(), "{} {}: {}", pass.who, pass.phase, said(&output));
        let exchanges = exchanges(&har);
        successes += look_at(pass, &exchanges);
        kinds.extend(exchanges.iter().map(Exchange::kind));
    }
    assert!(kinds.len() >= KINDS_MIN, "only {} kinds of questions were asked", kinds.len());
    assert!(successes >= SUCCESSES_MIN, "only {successes} answers were a success");

    assert!(!district.logged().contains("panicked"), "a panic stands in the log");
    district.anybody().get("/healthz");
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
}

/// Registers a case for each canary; gives their ids.
fn canaries(clerk: &Api) -> Vec<String> {
    let applicant = |phone: &str| {
        json!({
            "kind": "person", "name": CANARY_NAME, "phone": phone, "id_number": CANARY_ID_NUMBER,
        })
    };
    let open = |phone: &&str| {
        let body = opening("donghuashi", "退休手续办理", 1);
        clerk.open(with(body, "/applicant", applicant(phone))).case_id().to_owned()
    };
    let cases: Vec<String> = CANARY_PHONES.iter().map(open).collect();
    for case in &cases {
        wait_for("the view has the case", || {
            (clerk.request("GET", format!("/v1/cases/{case}")).send().status == 200).then_some(())
        });
    }
    cases
}

/// The document, with the cases that there are as the ids to ask about: at random nobody finds one.
fn document_about(document: &Value, cases: &[String]) -> Value {
    let mut document = document.clone();
    let paths = document["paths"].as_object_mut().expect("a document has paths");
    for (_, operations) in paths.iter_mut().filter(|(path, _)| path.starts_with("/v1/cases/{id}")) {
        for operation in operations.as_object_mut().expect("a path has operations").values_mut() {
            let parameters = operation["parameters"].as_array_mut().expect("an id is a parameter");
            let id = parameters.iter_mut().find(|one| one["name"] == "id").expect("an id");
            id["schema"] = json!({ "type": "string", "enum": cases });
        }
    }
    document
}

fn passes<'a>(district: &District, clerk: &Api) -> Vec<Pass<'a>> {
    let token = |person: &Api| Some(person.sign_in().expect("a person can sign in"));
    let of_district = |role: &str| token(&district.staff(role, role, Place::District));
    let pass = |who, token, phase, may_reveal| Pass { who, token, phase, may_reveal };
    vec![
        pass("clerk", token(clerk), "coverage", true),
        pass("clerk", token(clerk), "fuzzing", true),
        pass("coordinator", of_district("coordinator"), "fuzzing", true),
        pass("auditor", of_district("auditor"), "fuzzing", false),
        pass("admin", of_district("admin"), "fuzzing", false),
        pass("nobody", None, "fuzzing", false),
        // The last one, because he may have people forgotten.
        pass("privacy officer", of_district("privacy_officer"), "fuzzing", true),
    ]
}

/// Looks through what was asked and answered; gives how often it was a success.
fn look_at(pass: &Pass<'_>, exchanges: &[Exchange]) -> usize {
    let name = format!("{} {}", pass.who, pass.phase);
    let done = exchanges.iter().filter(|one| (200..300).contains(&one.status)).count();
    println!("{name}: {} answers, {done} of them a success", exchanges.len());
    for one in exchanges {
        let Exchange { method, path, status, answer } = one;
        assert!(*status < 500, "{name}: {method} {path} answered {status}: {answer}");
        if pass.may_reveal && path.ends_with("/reveal") {
            continue;
        }
        if let Some(canary) = canary_in(answer) {
            panic!("{name}: {method} {path} tells {canary}: {answer}");
        }
    }
    done
}

/// The first word of an answer that only a canary has.
fn canary_in(answer: &str) -> Option<&'static str> {
    let mut canaries = CANARY_PHONES.into_iter().chain([CANARY_NAME, CANARY_ID_NUMBER]);
    canaries.find(|canary| answer.contains(canary))
}

/// What a HAR file holds.
fn exchanges(har: &Path) -> Vec<Exchange> {
    let text = std::fs::read_to_string(har).expect("schemathesis wrote what it did");
    let har: Value = serde_json::from_str(&text).expect("a HAR file is JSON");
    let entries = har["log"]["entries"].as_array().expect("a HAR file has entries");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_entry = |entry: &Value| {
        let (request, response) = (&entry["request"], &entry["response"]);
        let content = &response["content"];
        let bytes = match content["encoding"] == "base64" {
            true => BASE64_STANDARD.decode(word(&content["text"])).expect("base64"),
            false => word(&content["text"]).into_bytes(),
        };
        let url = word(&request["url"]);
        let path =
            url.split_once("/v1/").map_or_else(String::new, |(_, rest)| format!("/v1/{rest}"));
        Exchange {
            method: word(&request["method"]),
            path: path.split('?').next().unwrap_or_default().to_owned(),
            status: response["status"].as_u64().unwrap_or_default(),
            answer: String::from_utf8_lossy(&bytes).into_owned(),
        }
    };
    entries.iter().map(of_entry).collect()
}

/// schemathesis, from `UNSTUCK_TEST_SCHEMATHESIS` or from where `tests/run` keeps it.
fn schemathesis() -> Command {
    let folder = env::var_os("UNSTUCK_TEST_SCHEMATHESIS").map(PathBuf::from).or_else(in_cache);
    let folder = folder.expect("there is a home for a cache");
    assert!(
        folder.join("schemathesis").is_dir(),
        "{} has no schemathesis; tests/run fetches it once, or name its folder in UNSTUCK_TEST_SCHEMATHESIS",
        folder.display()
    );
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", folder).args(["-m", "schemathesis.cli", "run"]);
    command.args(["--no-color", "--warnings", "off", "--continue-on-failure", "--no-shrink"]);
    command.args(["--generation-database", "none", "--output-sanitize", "false"]);
    command.args(["--request-timeout", "35"]);
    command
}

fn in_cache() -> Option<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME").filter(|value| !value.is_empty());
    let cache = cache.map(PathBuf::from);
    Some(
        cache
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")))?
            .join(SCHEMATHESIS),
    )
}

fn setting(name: &str, otherwise: u64) -> u64 {
    env::var(name).map_or(otherwise, |text| text.parse().expect("a whole number"))
}
