//! Story 3, Cannot be done (东花市): a 70-year-old without any contribution record wants to retire.

use serde_json::{Value, json};
use unstuck_tests::District;
use unstuck_tests::bodies::opening;
use unstuck_tests::district::said;

/// A determination that is right.
fn determination(countersigned_by: &str) -> Value {
    json!({
        "basis": [{
            "title": "中华人民共和国社会保险法",
            "number": "主席令第35号",
            "article": "第十六条",
            "in_force_from": "2011-07-01",
        }],
        "facts": "年满七十周岁，没有任何缴费记录",
        "alternatives": ["城乡居民养老保险", "最低生活保障"],
        "countersigned_by": countersigned_by,
    })
}

fn explanation(mode: &str, explainers: &[&str], understood: &str) -> Value {
    let explainers: Vec<_> =
        explainers.iter().map(|department| json!({ "department": department })).collect();
    json!({
        "mode": mode,
        "explainers": explainers,
        "documents": ["社会保险法第十六条"],
        "remedies": ["行政复议", "行政诉讼"],
        "understood": understood,
    })
}

#[test]
fn what_cannot_be_done_is_explained_until_it_is_and_never_counts_as_done() {
    let district = District::start(Some("2021-01-26T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let lead = district.lead("hr-public-service");
    let coordinator = district.coordinator();

    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id();
    clerk.case_in_state(id, "forwarded");
    handler.done(id, "accept", json!({}));
    handler.done(id, "contact", json!({ "mode": "in_person", "reached": true }));

    // Not without a basis, not by oneself, not with a countersigner whom nobody knows.
    let mut without_basis = determination(lead.username());
    without_basis["basis"] = json!([]);
    handler.act(id, "not-doable", without_basis).refused(422, "invalid").naming("/basis");
    handler.act(id, "not-doable", determination(handler.username())).refused(409, "same_person");
    handler
        .act(id, "not-doable", determination("nobody-here"))
        .refused(422, "invalid")
        .naming("/countersigned_by");
    // Nor an explanation before the determination.
    let early = explanation("in_person", &["hr-public-service"], "no");
    handler.act(id, "explain", early).refused(409, "wrong_state");

    let before = district.receipt(opened.receipt_code());
    assert_eq!(before["alternatives"], json!([]));
    let determined = handler.done(id, "not-doable", determination(lead.username()));
    assert_eq!(determined["state"], "not_doable");
    assert_eq!(determined.event_names(), ["not_doable_determined"]);

    // The first session is not understood, so it goes on.
    let first = explanation("in_person", &["hr-public-service"], "no");
    let explained = handler.done(id, "explain", first);
    assert_eq!(explained["state"], "not_doable");

    // The second: told with what to do next, and jointly means two bodies.
    let mut without_remedies = explanation("joint", &["hr-public-service", "hr-bureau"], "partly");
    without_remedies["remedies"] = json!([]);
    handler.act(id, "explain", without_remedies).refused(422, "invalid").naming("/remedies");
    let alone = explanation("joint", &["hr-public-service"], "partly");
    handler.act(id, "explain", alone).refused(422, "invalid").naming("/explainers");

    let jointly = explanation("joint", &["hr-public-service", "hr-bureau"], "partly");
    let explained = handler.done(id, "explain", jointly);
    assert_eq!(explained["state"], "explained");
    let case = coordinator.case_after(&explained);
    assert_eq!(case["explanations"].as_array().map(Vec::len), Some(2), "{case}");
    assert!(case["outcome_at"].is_string(), "{case}");
    let page = district.receipt(opened.receipt_code());
    assert_eq!(page["state"], "explained");
    // What can be done instead is for the applicant; the facts are not for everybody with the receipt.
    assert_eq!(page["alternatives"], json!(["城乡居民养老保险", "最低生活保障"]));
    assert!(!page.to_string().contains("没有任何缴费记录"), "{page}");

    // A refusal leaves nothing behind.
    let story = coordinator.story(id);
    let expected = [
        "opened",
        "forwarded",
        "accepted",
        "applicant_contacted",
        "not_doable_determined",
        "explained",
        "explained",
    ];
    assert_eq!(story, expected);

    let overview = coordinator.get("/v1/overview?from=2021-01-01&to=2021-01-31");
    let done = overview.figure("done_rate");
    assert_eq!(
        (&done["numerator"], &done["denominator"]),
        (&json!(0), &json!(1)),
        "{}",
        overview.text
    );
    let share = overview.figure("explained_share");
    assert_eq!(
        (&share["numerator"], &share["denominator"]),
        (&json!(1), &json!(1)),
        "{}",
        overview.text
    );
    for name in ["explained_with_basis", "explained_jointly"] {
        assert_eq!(overview.figure(name)["numerator"], 1, "{name}: {}", overview.text);
    }
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
}
