//! What else a case can need, each through its door: papers asked for once, clocks that stop honestly, a promise
//! that is moved in the open, another class, another body, a correction, a link, a push, and to be forgotten.

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, assert_instant, opening, with};
use unstuck_tests::district::Place;
use unstuck_tests::{Answer, Api, District, wait_for, wait_until};

/// Wednesday, and a complex case is due a week later.
const START: &str = "2026-03-04T10:00:00+08:00";
const DUE: &str = "2026-03-11T17:30:00+08:00";

struct People {
    clerk: Api,
    director: Api,
    handler: Api,
    lead: Api,
    coordinator: Api,
}

fn people(district: &District) -> People {
    People {
        clerk: district.clerk("donghuashi"),
        director: district.staff("director", "director", Place::Center("donghuashi")),
        handler: district.handler("hr-public-service"),
        lead: district.lead("hr-public-service"),
        coordinator: district.coordinator(),
    }
}

/// A complex case that the department has signed for.
fn accepted(people: &People, n: u32) -> Answer {
    let body = with(opening("donghuashi", "退休手续办理", n), "/complexity", "complex");
    let opened = people.clerk.open(body);
    people.clerk.case_in_state(opened.case_id(), "forwarded");
    people.handler.done(opened.case_id(), "accept", json!({}));
    people.handler.done(opened.case_id(), "contact", json!({ "mode": "phone", "reached": true }));
    opened
}

#[test]
fn papers_are_asked_for_once_and_completely() {
    let district = District::start(Some(START));
    let people = people(&district);
    let opened = accepted(&people, 1);
    let (id, code) = (opened.case_id(), opened.receipt_code());
    let list = |new_fact: Option<&str>| {
        json!({
            "items": [
                { "name": "参保缴费凭证", "basis": "社会保险个人权益记录管理办法第十一条" },
                { "name": "居民户口簿", "basis": "办事指南第三条" },
            ],
            "mode": "phone",
            "new_fact": new_fact,
        })
    };
    let mut baseless = list(None);
    baseless["items"][1]["basis"] = json!(" ");
    people
        .handler
        .act(id, "material-requests", baseless)
        .refused(422, "invalid")
        .naming("/items/1/basis");
    let asked = people.handler.done(id, "material-requests", list(None));
    assert_instant(&asked["due_at"], DUE);
    people.handler.act(id, "material-requests", list(None)).refused(409, "one_time_notice");
    people.clerk.act(id, "material-requests", list(Some(""))).refused(409, "one_time_notice");

    // The applicant's page tells what to bring, and by when.
    let page = wait_for("the receipt lists the papers", || {
        let page = district.anybody().get(format!("/v1/receipts/{code}"));
        page.text.contains("参保缴费凭证").then_some(page)
    });
    assert!(page.text.contains("居民户口簿"), "{}", page.text);

    people.clerk.done(
        id,
        "materials",
        json!({ "items": [{ "name": "参保缴费凭证" }, { "name": "居民户口簿" }], "complete": true }),
    );
    let fact = Some("缴费凭证显示曾在外省参保");
    people.handler.done(id, "material-requests", list(fact));
    let case = people.handler.case_after(&people.handler.done(
        id,
        "progress",
        json!({ "text": "等待外省复函", "public": true }),
    ));
    assert_eq!(case["material_requests"].as_array().map(Vec::len), Some(2), "{case}");
}

#[test]
fn a_clock_stops_for_a_reason_up_to_its_cap_and_moves_the_promise_by_working_days_only() {
    let district = District::start(Some(START));
    let people = people(&district);
    let opened = accepted(&people, 1);
    let id = opened.case_id();
    let waiting = json!({ "reason": "H4", "handler_informed": true });

    people.handler.act(id, "pause", waiting.clone()).refused(403, "forbidden");
    people.handler.act(id, "resume", json!({})).refused(409, "wrong_state");
    // The lead signed for it himself: then he is the handler, and another has to stop the clock.
    people.lead.done(id, "accept", json!({}));
    people.lead.act(id, "pause", waiting.clone()).refused(409, "same_person");
    people.handler.done(id, "accept", json!({}));
    let paused = people.lead.done(id, "pause", waiting.clone());
    assert_instant(&paused["due_at"], DUE);
    let case = people.handler.case_after(&paused);
    assert_eq!(case["flags"]["paused"], true, "{case}");
    people.director.act(id, "pause", waiting.clone()).refused(409, "wrong_state");

    // By hand, over a weekend: Friday, Monday and Tuesday count with Thursday.
    district.at("2026-03-10T10:00:00+08:00");
    let resumed = people.handler.done(id, "resume", json!({}));
    assert_instant(&resumed["due_at"], "2026-03-17T17:30:00+08:00");
    let case = people.handler.case_after(&resumed);
    assert_eq!(case["flags"]["paused"], false, "{case}");
    assert_instant(&case["original_due_at"], DUE);

    // By itself at the end of what is left of the cap of five working days, however late somebody looks.
    people.lead.done(id, "pause", waiting.clone());
    district.at("2026-03-19T10:00:00+08:00");
    let resumed = wait_for("the clock runs again by itself", || {
        people.coordinator.events(id, "clock_resumed").into_iter().nth(1)
    });
    assert_eq!(resumed["data"]["automatic"], true, "{resumed}");
    wait_until("the case shows it", || people.handler.case(id)["flags"]["paused"] == false);
    assert_instant(&people.handler.case(id)["due_at"], "2026-03-18T17:30:00+08:00");

    // An overdue clock is not stopped.
    district.at("2026-03-25T10:00:00+08:00");
    people.lead.act(id, "pause", waiting).refused(409, "pause_overdue");
    people
        .lead
        .act(id, "extend", extension(3, "2026-03-18T10:00:00+08:00"))
        .refused(409, "too_late");
    assert!(district.verify().status.success());
}

fn extension(working_days: u32, told: &str) -> Value {
    json!({
        "working_days": working_days,
        "reason": "须等待外省社保机构复函",
        "applicant_told_at": told,
    })
}

#[test]
fn a_promise_is_moved_once_and_the_applicant_is_told_before() {
    let district = District::start(Some(START));
    let people = people(&district);
    let opened = accepted(&people, 1);
    let id = opened.case_id();
    let told = "2026-03-04T10:00:05+08:00";
    for days in [0, 11] {
        people
            .lead
            .act(id, "extend", extension(days, told))
            .refused(422, "invalid")
            .naming("/working_days");
    }
    for when in ["2026-03-05T10:00:00+08:00", "2026-03-03T10:00:00+08:00"] {
        people
            .lead
            .act(id, "extend", extension(5, when))
            .refused(422, "invalid")
            .naming("/applicant_told_at");
    }
    people.handler.act(id, "extend", extension(5, told)).refused(403, "forbidden");
    district.at("2026-03-05T10:00:00+08:00");
    let extended = people.lead.done(id, "extend", extension(5, "2026-03-05T09:30:00+08:00"));
    assert_instant(&extended["due_at"], "2026-03-18T17:30:00+08:00");
    people
        .coordinator
        .act(id, "extend", extension(1, "2026-03-05T09:30:00+08:00"))
        .refused(409, "extended_already");

    // Another class counts from the opening, and keeps what was granted.
    let longer = json!({ "complexity": "special", "reason": "涉及外省转移接续" });
    let reclassified = people.handler.done(id, "reclassify", longer.clone());
    assert_instant(&reclassified["due_at"], "2026-03-25T17:30:00+08:00");
    people.handler.act(id, "reclassify", longer).refused(422, "invalid");
    let case = people.handler.case_after(&reclassified);
    assert_eq!(case["complexity"], "special");
    assert_instant(&case["original_due_at"], DUE);

    // Late, only the coordinator gives more time.
    district.at("2026-03-24T16:00:00+08:00");
    let hard = json!({ "complexity": "hard", "reason": "外省尚未复函" });
    people.handler.act(id, "reclassify", hard.clone()).refused(403, "forbidden");
    let moved = people.coordinator.done(id, "reclassify", hard);
    assert_instant(&moved["due_at"], "2026-04-01T17:30:00+08:00");
    let cause = json!({ "cause": "S2", "reason": "两省数据未共享" });
    let caused = people.handler.done(id, "reclassify", cause);
    assert_instant(&caused["due_at"], "2026-04-01T17:30:00+08:00");
    assert_eq!(people.handler.case_after(&caused)["cause"]["provisional"], "S2");

    // A push is heard and moves nothing.
    let urged = people.clerk.done(id, "urge", json!({ "text": "申请人来窗口询问进度" }));
    assert_eq!(urged.event_names(), ["urged"]);
    assert_instant(&urged["due_at"], "2026-04-01T17:30:00+08:00");
}

#[test]
fn a_case_of_another_district_is_handed_over_with_a_receipt() {
    let district = District::start(Some(START));
    let people = people(&district);
    let opened = accepted(&people, 1);
    let id = opened.case_id();
    let transfer = json!({
        "body": "朝阳区政务服务中心",
        "receipt": "移送函回执第1号",
        "reason": "户籍与参保地均在外区",
    });
    people.handler.act(id, "transfer", transfer.clone()).refused(403, "forbidden");
    let parts = json!({ "parts": [{ "department": "tax", "ask": "核对缴费记录" }] });
    people.handler.done(id, "joint", parts);
    people.director.act(id, "transfer", transfer.clone()).refused(409, "parts_open");
    district.handler("tax").done(id, "parts/tax/complete", json!({ "result": "无缴费记录" }));
    let transferred = people.director.done(id, "transfer", transfer.clone());
    assert_eq!(transferred["state"], "transferred");
    people.director.act(id, "transfer", transfer).refused(409, "wrong_state");
}

#[test]
fn what_was_written_down_wrongly_is_put_right_and_the_person_stays_sealed() {
    let district = District::start(Some(START));
    let people = people(&district);
    let opened = people.clerk.open(opening("donghuashi", UNROUTED_MATTER, 1));
    let id = opened.case_id();
    let correct = |field: &str, value: Value| json!({ "field": field, "value": value, "reason": "登记时听错" });
    people.clerk.done(id, "corrections", correct("demand", json!("请明确由谁清理楼道堆物")));
    people.clerk.done(id, "corrections", correct("attempts_before", json!(4)));
    people.clerk.done(id, "corrections", correct("blocked_stage", json!("accept")));
    people.clerk.done(id, "corrections", correct("name", json!("样例乙丙")));
    people.clerk.done(id, "corrections", correct("phone", json!("１３８００００００７７")));
    let last = people.clerk.done(id, "corrections", correct("care", json!(["elderly"])));
    assert_eq!(last.event_names(), ["corrected"]);
    let case = people.clerk.case_after(&last);
    assert_eq!(case["demand"], "请明确由谁清理楼道堆物", "{case}");
    assert_eq!(case["blocked_stage"], "accept");
    assert_eq!(case["applicant"]["name"], "样**丙", "{case}");
    assert_eq!(case["applicant"]["phone"], "138****0077", "{case}");

    for (field, value) in [
        ("due_at", json!("2026-04-01T17:30:00+08:00")),
        ("demand", json!("")),
        ("demand", json!("请打13800000077")),
        ("blocked_stage", json!("nowhere")),
        ("phone", json!("12")),
        ("name", json!("")),
        ("care", json!(["rich"])),
    ] {
        let answer = people.clerk.act(id, "corrections", correct(field, value));
        assert!(matches!(answer.status, 409 | 422), "{field}: {} {}", answer.status, answer.text);
        assert!(!answer.text.contains("13800000077"), "{}", answer.text);
    }
    // History is never edited, and no event has the person in clear.
    let events = people.coordinator.events(id, "corrected");
    assert_eq!(events.len(), 6);
    let text = serde_json::to_string(&events).expect("is JSON");
    for secret in ["样例乙丙", "13800000077", "elderly"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[test]
fn a_second_case_about_the_same_is_refused_or_linked_and_the_link_stands_in_both() {
    let district = District::start(Some(START));
    let people = people(&district);
    let first = people.clerk.open(opening("donghuashi", UNROUTED_MATTER, 1));
    let other_clerk = district.clerk("longtan");
    let again = opening("longtan", UNROUTED_MATTER, 1);
    let refused = other_clerk.post("/v1/cases", again).refused(409, "duplicate_case");
    assert_eq!(refused["case_id"], first["case_id"]);
    let second = other_clerk.open(opening("longtan", "最低生活保障申请", 1));

    let link = |case_id: &Value, relation: &str| json!({ "case_id": case_id, "relation": relation, "note": "同一家庭" });
    let (one, two) = (first.case_id(), second.case_id());
    people
        .clerk
        .act(one, "links", link(&first["case_id"], "related"))
        .refused(422, "invalid")
        .naming("/case_id");
    let nobody = json!("0190b8a0-7c3e-7d52-8a41-2f6f3f1b9c77");
    people.clerk.act(one, "links", link(&nobody, "related")).refused(422, "invalid");
    let linked = people.clerk.done(one, "links", link(&second["case_id"], "later"));
    assert_eq!(linked.event_names(), ["linked"]);
    let back = wait_for("the other case says it too", || {
        people.coordinator.events(two, "linked").into_iter().next()
    });
    assert_eq!(back["data"]["case_id"], first["case_id"], "{back}");
    assert_eq!(back["data"]["relation"], "earlier", "{back}");
    // Once is enough.
    let repeated = people.clerk.act(one, "links", link(&second["case_id"], "later"));
    assert_eq!(repeated["events"], json!([]), "{}", repeated.text);
}

#[test]
fn a_person_can_be_forgotten_and_the_case_goes_on_counting() {
    let district = District::start(Some(START));
    let people = people(&district);
    let officer = district.staff("privacy", "privacy_officer", Place::District);
    let opened = accepted(&people, 1);
    let (id, code) = (opened.case_id(), opened.receipt_code());
    let request = json!({ "reason": "request" });
    people.coordinator.act(id, "erase", request.clone()).refused(403, "forbidden");
    officer.act(id, "erase", request.clone()).refused(409, "wrong_state");
    let result = json!({ "resolution": "D1", "result": "已办理", "cause": "I1" });
    people.handler.done(id, "resolve", result);
    officer.act(id, "erase", json!({ "reason": "retention" })).refused(409, "wrong_state");
    let before = people.coordinator.get("/v1/overview?from=2026-03-01&to=2026-03-31");
    let erased = officer.done(id, "erase", request.clone());
    assert_eq!(erased.event_names(), ["personal_data_erased"]);
    let case = people.clerk.case_after(&erased);
    assert_eq!(case["applicant"]["erased"], true, "{case}");
    assert!(!case.to_string().contains("138****"), "{case}");
    let again = officer.done(id, "erase", request);
    assert_eq!(again["events"], json!([]));
    let corrected = json!({ "field": "name", "value": "样例丁", "reason": "补登" });
    people.clerk.act(id, "corrections", corrected).refused(409, "wrong_state");
    let after = people.coordinator.get("/v1/overview?from=2026-03-01&to=2026-03-31");
    assert_eq!(before["figures"], after["figures"], "forgetting a person changes no figure");
    assert_eq!(district.anybody().get(format!("/v1/receipts/{code}")).status, 200);
}
