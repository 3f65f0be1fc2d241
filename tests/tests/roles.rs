//! Who may what over HTTP: every operation of OpenAPI, by everybody: every role, at the own place and at another's, and
//! nobody at all.
//!
//! The rows are told here and not taken from the rules: what is compared is the program with this page, which says in a
//! line what `services/casework/PERMISSIONS.md` says in a table. An operation that stands in no row fails the test.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::district::Place;
use unstuck_tests::{Answer, Api, District};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

/// Everybody, in the order of the letters of a row.
///
/// The case is of the center `donghuashi` and with the department `hr-public-service`, which has had it from the start.
const PEOPLE: [(char, &str); 12] = [
    ('C', "clerk of the case's center"),
    ('c', "clerk of another center"),
    ('D', "director of the case's center"),
    ('d', "director of another center"),
    ('H', "handler of its department"),
    ('h', "handler of another department"),
    ('L', "lead of its department"),
    ('o', "coordinator"),
    ('b', "callback officer"),
    ('p', "privacy officer"),
    ('u', "auditor"),
    ('a', "administrator"),
];

/// Everybody who is signed in.
const ALL: &str = "CcDdHhLobpua";
/// Whoever reads the case.
const READERS: &str = "CDHLobpu";
/// Whoever reads cases at all; the lists show each only their own.
const CASES: &str = "CcDdHhLobpu";

/// What an operation is asked with, and who is let in.
struct Row {
    /// Method and path as OpenAPI has them.
    operation: &'static str,
    /// The letters of those who are not refused with 403.
    may: &'static str,
    /// Whether somebody who is not signed in gets an answer.
    is_public: bool,
    /// The body; null for none.
    body: Value,
}

fn row(operation: &'static str, may: &'static str, body: Value) -> Row {
    Row { operation, may, is_public: false, body }
}

fn public(operation: &'static str, body: Value) -> Row {
    Row { operation, may: ALL, is_public: true, body }
}

/// Every operation.
fn rows() -> Vec<Row> {
    let nothing = || Value::Null;
    let text = || json!({ "text": "正在核对", "public": false });
    let basis = json!([{ "title": "社会保险法", "article": "第十六条" }]);
    vec![
        // Who is not signed in: the way in, the receipt, and names.
        public("POST /v1/session", json!({ "username": "nobody", "password": "wrong-password" })),
        public("GET /v1/district", nothing()),
        public("GET /v1/first-account", nothing()),
        public(
            "POST /v1/first-account",
            json!({ "token": "nonsense", "username": "x", "name": "样例", "password": "correct-horse-battery" }),
        ),
        public("GET /v1/receipts/{code}", nothing()),
        // What watches the process.
        public("GET /healthz", nothing()),
        public("GET /readyz", nothing()),
        public("GET /metrics", nothing()),
        // Open to all where a district says so, and nowhere in the sample district.
        public("GET /open311/v2/discovery.json", nothing()),
        public("GET /open311/v2/discovery.xml", nothing()),
        public("GET /open311/v2/services.json", nothing()),
        public("GET /open311/v2/services.xml", nothing()),
        public("GET /open311/v2/services/{code}", nothing()),
        public("GET /open311/v2/requests.json", nothing()),
        public("GET /open311/v2/requests.xml", nothing()),
        public("GET /open311/v2/requests/{id}", nothing()),
        // One's own session and drafts.
        row("GET /v1/session", ALL, nothing()),
        row("POST /v1/session/unlock", ALL, json!({ "password": "wrong-password" })),
        row(
            "POST /v1/session/password",
            ALL,
            json!({ "current": "wrong-password", "new": "another-horse-battery" }),
        ),
        row("GET /v1/drafts/{form}", ALL, nothing()),
        row("PUT /v1/drafts/{form}", ALL, json!({ "text": "样例" })),
        row("DELETE /v1/drafts/{form}", ALL, nothing()),
        row("GET /v1/colleagues", ALL, nothing()),
        // Accounts, the audit, what cannot be read.
        row("GET /v1/staff", "a", nothing()),
        row(
            "POST /v1/staff",
            "a",
            json!({ "username": "x", "name": "", "role": "auditor", "password": "correct-horse-battery" }),
        ),
        row("POST /v1/staff/{username}/password", "a", json!({ "password": "short" })),
        row("POST /v1/staff/{username}/change", "a", json!({ "name": "" })),
        row("POST /v1/staff/{username}/remove", "a", json!({})),
        row("GET /v1/audit", "pu", nothing()),
        row("GET /v1/quarantine", "oua", nothing()),
        // Lists and figures.
        row("GET /v1/cases", ALL, nothing()),
        row("GET /v1/cases/{id}", READERS, nothing()),
        row("GET /v1/cases/{id}/timeline", READERS, nothing()),
        row("GET /v1/cases/{id}/clocks", READERS, nothing()),
        row("GET /v1/overview", ALL, nothing()),
        row("GET /v1/trend", ALL, nothing()),
        row("GET /v1/blockages", ALL, nothing()),
        row("GET /v1/returns", ALL, nothing()),
        row("GET /v1/figures", ALL, nothing()),
        row("GET /v1/figures/{name}/cases", ALL, nothing()),
        row("GET /v1/centers", ALL, nothing()),
        row("GET /v1/departments", ALL, nothing()),
        row("GET /v1/consultations", "CcDdobpu", nothing()),
        row("GET /v1/similar", CASES, nothing()),
        row("GET /v1/precedents", CASES, nothing()),
        row("GET /v1/improvements", CASES, nothing()),
        row("GET /v1/register.csv", ALL, nothing()),
        row("GET /v1/register.xlsx", ALL, nothing()),
        row("GET /v1/events", "ou", nothing()),
        row("GET /v1/lag", ALL, nothing()),
        // The case: a citizen's facts.
        row("POST /v1/cases", "CDo", opening("donghuashi", UNROUTED_MATTER, 2)),
        row("POST /v1/cases/{id}/reveal", "CDHLobp", json!({ "purpose": "电话回访" })),
        row("POST /v1/cases/{id}/decline", "CDo", json!({ "exclusion": "E2", "reason": "" })),
        row("POST /v1/cases/{id}/materials", "CDHLo", json!({ "items": [], "complete": true })),
        row(
            "POST /v1/cases/{id}/feedback",
            "CDHLob",
            json!({ "responded": false, "mode": "phone" }),
        ),
        row(
            "POST /v1/cases/{id}/reopen",
            "CDob",
            json!({ "reason": "new_fact", "note": "长".repeat(5000) }),
        ),
        row("POST /v1/cases/{id}/withdraw", "CDo", json!({ "reason": "" })),
        row(
            "POST /v1/cases/{id}/corrections",
            "CDo",
            json!({ "field": "demand", "value": "", "reason": "" }),
        ),
        row(
            "POST /v1/cases/{id}/links",
            "CDo",
            json!({ "case_id": "{id}", "relation": "related" }),
        ),
        row("POST /v1/cases/{id}/erase", "p", json!({ "reason": "request" })),
        // Who handles it.
        row("POST /v1/cases/{id}/forward", "CDo", json!({ "department": "housing", "ask": "" })),
        row("POST /v1/cases/{id}/accept", "HL", json!({ "handler": "nobody-of-this-name" })),
        row("POST /v1/cases/{id}/contact", "CDHL", json!({ "mode": "phone", "reached": true })),
        row("POST /v1/cases/{id}/progress", "CDHLob", text()),
        row("POST /v1/cases/{id}/return", "HL", json!({ "reason": "R1", "note": "" })),
        row(
            "POST /v1/cases/{id}/arbitrate",
            "o",
            json!({ "department": "housing", "co_departments": [], "basis": "" }),
        ),
        row("POST /v1/cases/{id}/joint", "DHLo", json!({ "parts": [] })),
        row("POST /v1/cases/{id}/parts/{department}/complete", "HLo", json!({ "result": "" })),
        row(
            "POST /v1/cases/{id}/material-requests",
            "CDHLo",
            json!({ "items": [], "mode": "phone" }),
        ),
        row(
            "POST /v1/cases/{id}/not-doable",
            "HLo",
            json!({ "basis": basis, "facts": "", "alternatives": [], "countersigned_by": "lead" }),
        ),
        row(
            "POST /v1/cases/{id}/explain",
            "CDHLo",
            json!({ "mode": "phone", "explainers": [], "documents": [], "remedies": [], "understood": "no" }),
        ),
        row(
            "POST /v1/cases/{id}/resolve",
            "CDHLo",
            json!({ "resolution": "D1", "result": "", "cause": "I1" }),
        ),
        row("POST /v1/cases/{id}/reclassify", "CDHLo", json!({ "reason": "" })),
        row(
            "POST /v1/cases/{id}/transfer",
            "CDLo",
            json!({ "body": "", "receipt": "", "reason": "" }),
        ),
        // Time and help.
        row(
            "POST /v1/cases/{id}/task-force",
            "Do",
            json!({ "chair": "director", "members": [], "objective": "", "reason": "" }),
        ),
        row(
            "POST /v1/cases/{id}/task-force/meetings",
            "DLo",
            json!({ "attendees": [], "positions": [], "decisions": [], "actions": [] }),
        ),
        row("POST /v1/cases/{id}/task-force/dissolve", "DLo", json!({ "outcome": "" })),
        row(
            "POST /v1/cases/{id}/task-force/actions/{number}/complete",
            "CDHLo",
            json!({ "result": "" }),
        ),
        row(
            "POST /v1/cases/{id}/special-handling",
            "DHLo",
            json!({ "facts": "", "requirement_waived": "", "discretion_basis": "" }),
        ),
        row(
            "POST /v1/cases/{id}/special-handling/checks",
            "CDHLo",
            json!({ "layer": "community", "finding": "" }),
        ),
        row(
            "POST /v1/cases/{id}/special-handling/decision",
            "DLo",
            json!({ "approved": true, "reason": "" }),
        ),
        row("POST /v1/cases/{id}/special-handling/review", "DLo", json!({ "result": "ok" })),
        row("POST /v1/cases/{id}/pause", "DLo", json!({ "reason": "H4" })),
        row("POST /v1/cases/{id}/resume", "CDHLo", json!({})),
        row(
            "POST /v1/cases/{id}/extend",
            "DLo",
            json!({ "working_days": 0, "reason": "", "applicant_told_at": "2026-03-04T10:00:00+08:00" }),
        ),
        row(
            "POST /v1/cases/{id}/rectification/complete",
            "CDHLo",
            json!({ "action": "", "result": "" }),
        ),
        row("POST /v1/cases/{id}/urge", "CDo", json!({ "text": "" })),
    ]
}

/// What is walked by no row: the beginnings of operations, and why.
const ELSEWHERE: [&str; 11] = [
    // Endless: `live.rs`.
    "GET /v1/live",
    // They would end the session that the walk needs.
    "DELETE /v1/session",
    "POST /v1/session/lock",
    // Second factors and tokens of machines: `accounts.rs`.
    "POST /v1/session/second-",
    "GET /v1/tokens",
    "POST /v1/tokens",
    "POST /v1/staff/{username}/second-factor",
    // What the district learns and counts: `learning.rs` and `story_5_two_hundred_questions.rs`.
    "POST /v1/precedents",
    "POST /v1/improvements",
    "POST /v1/consultations",
    "POST /v1/centers",
];

fn people(district: &District) -> BTreeMap<char, Api> {
    let center = |name, role, center| district.staff(name, role, Place::Center(center));
    let department = |name, role, at| district.staff(name, role, Place::Department(at));
    let of_district = |name, role| district.staff(name, role, Place::District);
    PEOPLE
        .into_iter()
        .map(|(letter, _)| {
            let person = match letter {
                'C' => center("clerk", "clerk", "donghuashi"),
                'c' => center("clerk-2", "clerk", "longtan"),
                'D' => center("director", "director", "donghuashi"),
                'd' => center("director-2", "director", "longtan"),
                'H' => department("handler", "handler", "hr-public-service"),
                'h' => department("handler-2", "handler", "housing"),
                'L' => department("lead", "department_lead", "hr-public-service"),
                'o' => of_district("coordinator", "coordinator"),
                'b' => of_district("callback", "callback"),
                'p' => of_district("privacy", "privacy_officer"),
                'u' => of_district("auditor", "auditor"),
                'a' => of_district("admin", "admin"),
                other => panic!("nobody is {other}"),
            };
            (letter, person)
        })
        .collect()
}

/// Sends an operation to a case.
fn ask(person: &Api, row: &Row, id: &str, code: &str) -> Answer {
    let (method, path) = row.operation.split_once(' ').expect("a method and a path");
    let path = path
        .replace("{id}", id)
        .replace("{code}", code)
        .replace("{department}", "hr-public-service")
        .replace("{number}", "1")
        .replace("{name}", "on_time")
        .replace("{form}", "roles")
        .replace("{username}", "nobody-of-this-name");
    let path = match path.as_str() {
        "/v1/similar" => "/v1/similar?q=abc".to_owned(),
        _ => path,
    };
    let request = person.request(method, path);
    match &row.body {
        Value::Null => request.send(),
        body => {
            let body = body.to_string().replace("{id}", id);
            request.bytes("application/json", body).send()
        }
    }
}

#[test]
fn every_operation_lets_in_who_may_and_nobody_else() {
    let district = District::start(Some(START));
    let people = people(&district);
    let opened = people[&'C'].open(opening("donghuashi", "退休手续办理", 1));
    let (id, code) = (opened.case_id(), opened.receipt_code());
    people[&'C'].case_in_state(id, "forwarded");

    let rows = rows();
    let document = district.anybody().get("/openapi.json");
    let mut missing = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("OpenAPI has paths") {
        for method in methods.as_object().expect("a path has methods").keys() {
            let operation = format!("{} {path}", method.to_uppercase());
            let is_told = rows.iter().any(|row| row.operation == operation);
            if !is_told && !ELSEWHERE.iter().any(|one| operation.starts_with(one)) {
                missing.push(operation);
            }
        }
    }
    let mut wrong = Vec::new();
    for row in &rows {
        let nobody = ask(&district.anybody(), row, id, code);
        if row.is_public == (nobody.status == 401) && row.operation != "POST /v1/session" {
            wrong.push(format!("{} by nobody: {}", row.operation, nobody.status));
        }
        for (letter, who) in PEOPLE {
            let answer = ask(&people[&letter], row, id, code);
            let is_refused = answer["code"] == "forbidden";
            let context =
                || format!("{} by the {who}: {} {}", row.operation, answer.status, answer.text);
            if answer.status >= 500 || answer.status == 405 {
                wrong.push(format!("is broken: {}", context()));
            } else if row.may.contains(letter) == is_refused {
                let told = if is_refused { "is refused" } else { "is let in" };
                wrong.push(format!("{told}: {}", context()));
            }
            // Who may not anyway learns that, and not what a body would have to be.
            // Where a case is opened stands in the body.
            let hangs_on_body = row.operation == "POST /v1/cases" && "cd".contains(letter);
            if row.may.contains(letter) || row.body.is_null() || hangs_on_body {
                continue;
            }
            for body in [json!({ "nonsense": true }), json!([])] {
                let broken = Row { body, ..*row };
                let answer = ask(&people[&letter], &broken, id, code);
                if answer["code"] != "forbidden" {
                    let text = &answer.text;
                    wrong
                        .push(format!("{} with a broken body by the {who}: {text}", row.operation));
                }
            }
        }
    }
    assert!(
        wrong.is_empty() && missing.is_empty(),
        "{}\nwithout a row: {missing:?}",
        wrong.join("\n")
    );
}

#[test]
fn a_list_shows_only_what_its_reader_may_open() {
    let district = District::start(Some(START));
    let people = people(&district);
    let opened = people[&'C'].open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id();
    people[&'C'].case_in_state(id, "forwarded");
    for (letter, who) in PEOPLE {
        let person = &people[&letter];
        let reads = READERS.contains(letter);
        let list = person.get("/v1/cases");
        assert_eq!(list["total"] == 1, reads, "the list of the {who}: {}", list.text);
        let file = person.get("/v1/register.csv").text;
        let number = opened["case_no"].as_str().expect("a number");
        assert_eq!(file.contains(number), reads, "the register of the {who}: {file}");
        assert_eq!(list.text.contains("138****0001"), reads, "{}", list.text);
    }
}
