//! Story 7, forgotten: a case is closed, its retention ends, and the timer has the applicant forgotten. Nothing of him
//! is left; the case, its register row and every figure stay as they were.
//!
//! The sample district keeps personal data for three years from the closing. What is under the data folder is looked at by
//! `canaries.rs`.

use std::time::Duration;

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening, with};
use unstuck_tests::district::Place;
use unstuck_tests::{Api, District, holds_for, wait_for, wait_until};

/// A Tuesday; the calendar of three years later is published.
const START: &str = "2021-01-26T10:00:00+08:00";
/// Three years after the closing, an hour before it was.
const BEFORE_THE_END: &str = "2024-01-26T09:00:00+08:00";
/// A day later.
const AFTER_THE_END: &str = "2024-01-27T10:05:00+08:00";

/// How long is looked whether something happens that should not; several turns of the timers.
const A_WHILE: Duration = Duration::from_secs(4);

/// Every question about figures, of the period in which everything of the story happened.
const FIGURES: [&str; 5] = [
    "/v1/overview?from=2021-01-01&to=2021-12-31&center=donghuashi",
    "/v1/overview?from=2021-01-01&to=2021-12-31&department=hr-public-service",
    "/v1/blockages?from=2021-01-01&to=2021-12-31&center=donghuashi",
    "/v1/returns?from=2021-01-01&to=2021-12-31&center=donghuashi",
    "/v1/cases?center=donghuashi&sort=-opened_at",
];

/// The man of the story; the phone and the ID number are nobody's.
fn body() -> Value {
    let body = with(opening("donghuashi", "退休手续办理", 7), "/applicant/name", "样例遗忘者");
    let body = with(body, "/applicant/id_number", "110101195001010017");
    let body = with(body, "/applicant/address", "样例路七号院");
    with(body, "/applicant/care", json!(["elderly", "disabled"]))
}

/// Brings a fresh case to its closing; gives its id and its receipt.
fn closed(clerk: &Api, handler: &Api, callback: &Api, body: Value) -> (String, String) {
    let opened = clerk.open(body);
    let id = opened.case_id().to_owned();
    clerk.case_in_state(&id, "forwarded");
    handler.done(&id, "accept", json!({}));
    handler.done(&id, "contact", json!({ "mode": "phone", "reached": true }));
    handler.done(&id, "resolve", json!({ "resolution": "D1", "result": "已办理", "cause": "I1" }));
    callback.done(
        &id,
        "feedback",
        json!({ "responded": true, "solved": "yes", "grade": 5, "mode": "phone" }),
    );
    callback.case_in_state(&id, "closed");
    (id, opened.receipt_code().to_owned())
}

/// What is asked about everybody, without what tells when it was asked and who the applicants are.
fn figures(reader: &Api) -> Vec<Value> {
    let mut answers: Vec<Value> = FIGURES.iter().map(|path| reader.get(*path).json).collect();
    for answer in &mut answers {
        strip(answer);
    }
    answers
}

fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // An erasure is an event of the case as any other: its version moves.
            for name in
                ["as_of", "as_of_sequence", "applicant", "version", "last_event_at", "erase_after"]
            {
                members.remove(name);
            }
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

/// The rows of the register with the applicant's two columns left out, and those two.
fn register(reader: &Api) -> (Vec<String>, Vec<String>) {
    let text = reader.get("/v1/register.csv?center=donghuashi").text;
    // No cell of this story has a comma or a line break in it.
    let columns = |line: &str| line.split(',').map(ToOwned::to_owned).collect::<Vec<_>>();
    let rows = text.lines().map(columns);
    rows.map(|mut row| {
        let applicant = row.drain(4..6).collect::<Vec<_>>().join(",");
        (row.join(","), applicant)
    })
    .unzip()
}

#[test]
fn whoever_is_past_the_retention_is_forgotten_by_the_timer_and_every_figure_stays() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let elsewhere = district.clerk("longtan");
    let handler = district.handler("hr-public-service");
    let callback = district.callback_officer();
    let coordinator = district.coordinator();
    let officer = district.staff("privacy", "privacy_officer", Place::District);
    let auditor = district.staff("auditor", "auditor", Place::District);

    let (id, receipt) = closed(&clerk, &handler, &callback, body());
    let withdrawn = clerk.open(opening("donghuashi", UNROUTED_MATTER, 8));
    clerk.done(withdrawn.case_id(), "withdraw", json!({ "reason": "本人不再办理" }));
    // One that is taken up again before its term is over, and one that was never finished.
    let (reopened, _) =
        closed(&elsewhere, &handler, &callback, opening("longtan", "退休手续办理", 9));
    let open = elsewhere.open(opening("longtan", UNROUTED_MATTER, 10));
    let purpose = json!({ "purpose": "回访核实" });

    // An hour before the term nothing is forgotten, not even on a wish.
    district.at(BEFORE_THE_END);
    elsewhere.done(&reopened, "reopen", json!({ "reason": "new_fact" }));
    holds_for(A_WHILE, "the person stays while the term runs", || {
        coordinator.case(&id)["applicant"]["erased"] == false
    });
    officer.act(&id, "erase", json!({ "reason": "retention" })).refused(409, "wrong_state");
    let shown = clerk.act(&id, "reveal", purpose.clone()).expect_status(200);
    assert_eq!(shown["name"], "样例遗忘者");
    let counted = figures(&coordinator);
    let (rows, people) = register(&coordinator);
    assert!(people.iter().any(|person| person.contains("样***者") || person.contains("样**者")));

    // The term is over: the timer does it, and says so.
    district.at(AFTER_THE_END);
    for case_id in [id.as_str(), withdrawn.case_id()] {
        wait_until("the timer has the person forgotten", || {
            coordinator.case(case_id)["applicant"]["erased"] == true
        });
        let erased = coordinator.events(case_id, "personal_data_erased");
        assert_eq!(erased.len(), 1, "{erased:?}");
        assert_eq!(erased[0]["data"]["reason"], "retention");
        let line = wait_for("the audit says why", || {
            let lines = auditor.get(format!("/v1/audit?case={case_id}&kind=personal_data_erased"));
            lines.items().first().cloned()
        });
        assert_eq!((&line["role"], &line["detail"]), (&json!("system"), &json!("retention")));
    }
    holds_for(A_WHILE, "who has a case under way is not forgotten", || {
        [reopened.as_str(), open.case_id()]
            .iter()
            .all(|case_id| coordinator.case(case_id)["applicant"]["erased"] == false)
    });

    // The statistics do not know it, to the digit; the register has the row and nobody in it.
    assert_eq!(figures(&coordinator), counted);
    let (rows_after, people_after) = register(&coordinator);
    assert_eq!(rows_after, rows);
    for (row, person) in rows_after.iter().zip(&people_after).skip(1) {
        assert_eq!(person, "已删除,", "{row}");
    }

    // Nobody reads him any more, and every place says that he is gone rather than that it failed.
    for reader in [&clerk, &handler, &callback, &coordinator, &officer] {
        reader.act(&id, "reveal", purpose.clone()).refused(410, "erased");
    }
    let case = clerk.case(&id);
    assert_eq!(case["applicant"]["name"], "已删除");
    assert_eq!(case["applicant"]["phone"], Value::Null);
    let page = district.receipt(&receipt);
    assert_eq!(page["state"], "closed", "{page}");
    assert!(page["updates"].to_string().contains("您的个人信息已删除"), "{page}");
    for text in ["样例遗忘者", "13800000007", "样例路", "样***者", "138****0007"] {
        let found = coordinator.get(format!("/v1/cases?q={}", percent_encoded(text)));
        assert_eq!(found["total"], 0, "{text}: {}", found.text);
        for answer in [&case, &page, &json!(coordinator.timeline(&id))] {
            assert!(!answer.to_string().contains(text), "{text} in {answer}");
        }
    }

    // Nothing stands in the way of the same person with the same matter, and nothing joins the two.
    let again = clerk.open(body());
    assert_ne!(again.case_id(), id);
    clerk.act(again.case_id(), "reveal", purpose).expect_status(200);

    // A restart finds nothing more to forget.
    district.at("2024-01-27T10:30:00+08:00");
    holds_for(A_WHILE, "a person is forgotten once", || {
        coordinator.events(&id, "personal_data_erased").len() == 1
    });
    let lines = auditor.get(format!("/v1/audit?case={id}&kind=personal_data_erased"));
    assert_eq!(lines.items().len(), 1, "{}", lines.text);
    assert!(district.verify().status.success());
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
