//! Story 2, Low-income allowance (played at 龙潭): a woman whose husband vanished abroad has no divorce paper. The
//! departments sit together, and four layers check before a fifth person decides: 层层把关，不随意妥协.

use serde_json::{Value, json};
use unstuck_tests::bodies::{assert_instant, opening, with};
use unstuck_tests::district::Place;
use unstuck_tests::{Answer, Api, District};

const LAYERS: [&str; 4] = ["community", "street", "department", "district"];

fn resolution() -> Value {
    let result = "经专班会商并层层把关，同意以承诺书代替离婚协议，低保已批准";
    json!({ "resolution": "D5", "result": result, "cause": "M3", "process_change_needed": true })
}

fn check(layer: &str) -> Value {
    json!({ "layer": layer, "finding": "已核实：配偶失联多年，家庭收入符合条件" })
}

fn decision(approved: bool) -> Value {
    json!({
        "approved": approved,
        "reason": "事实清楚，符合救助政策本意",
        "conditions": ["每半年复核一次婚姻状况"],
        "is_precedent": false,
    })
}

/// Opens the case at Longtan and has the department sign for it.
fn in_department(district: &District) -> (Answer, Api, Api) {
    let clerk = district.clerk("longtan");
    let body = opening("longtan", "最低生活保障申请", 2);
    let body = with(body, "/blocked_stage", "review");
    let body = with(body, "/cause", "M3");
    let body = with(body, "/complexity", "special");
    let opened = clerk.open(body);
    let handler = district.handler("civil-affairs");
    clerk.case_in_state(opened.case_id(), "forwarded");
    let accepted = handler.done(opened.case_id(), "accept", json!({}));
    assert_eq!(accepted["state"], "in_department");
    handler.done(opened.case_id(), "contact", json!({ "mode": "in_person", "reached": true }));
    (opened, clerk, handler)
}

fn request() -> Value {
    json!({
        "facts": "配偶为外籍，失联十余年，无法取得离婚协议",
        "requirement_waived": "离婚协议或离婚证",
        "discretion_basis": "社会救助暂行办法；区级专班会商意见",
        "precedents_checked": ["未找到相同情形的先例"],
    })
}

#[test]
fn special_handling_passes_every_layer_by_another_person_before_the_case_is_resolved() {
    let district = District::start(Some("2020-12-07T09:30:00+08:00"));
    let (opened, clerk, handler) = in_department(&district);
    let id = opened.case_id();
    let code = opened.receipt_code();
    assert_instant(&opened["due_at"], "2020-12-21T17:30:00+08:00");

    // Sit together.
    let coordinator = district.coordinator();
    let convened = coordinator.done(
        id,
        "task-force",
        json!({
            "chair": coordinator.username(),
            "members": [
                { "department": "civil-affairs", "person": handler.username() },
                { "department": "longtan", "person": "" },
                { "department": "hr-bureau", "person": "" },
            ],
            "objective": "确定无离婚协议时能否受理低保申请",
            "reason": "要件无法取得，需多部门会商",
        }),
    );
    assert_eq!(convened["state"], "in_task_force");
    let agree = |department: &str| json!({ "department": department, "position": "agree" });
    let met = json!({
        "attendees": [coordinator.username(), handler.username(), "龙潭街道政务服务中心"],
        "positions": [agree("civil-affairs"), agree("longtan"), agree("hr-bureau")],
        "decisions": ["以承诺书和社区证明代替离婚协议，按特事特办提请"],
        "actions": [{
            "owner": "longtan",
            "what": "入户核实并出具社区证明",
            "due_at": "2020-12-09T17:30:00+08:00",
        }],
    });
    let mut silent_objection = met.clone();
    silent_objection["positions"][2] = json!({ "department": "hr-bureau", "position": "object" });
    coordinator
        .act(id, "task-force/meetings", silent_objection)
        .refused(422, "invalid")
        .naming("/positions/2/basis");
    coordinator.done(id, "task-force/meetings", met);

    // Nobody resolves by special handling before there is one.
    handler.act(id, "resolve", resolution()).refused(409, "special_handling_missing");
    let director = district.staff("longtan-director", "director", Place::Center("longtan"));
    clerk.act(id, "special-handling", request()).refused(403, "forbidden");
    let requested = handler.done(id, "special-handling", request());
    assert_eq!(requested.event_names(), ["special_handling_requested"]);
    handler.act(id, "special-handling", request()).refused(409, "wrong_state");
    handler.act(id, "resolve", resolution()).refused(409, "special_handling_missing");

    // In order, each another person, none skipped.
    let lead = district.lead("civil-affairs");
    let second = district.staff("coordinator-2", "coordinator", Place::District);
    director.act(id, "special-handling/checks", check("street")).refused(409, "layer_missing");
    clerk.done(id, "special-handling/checks", check("community"));
    clerk.act(id, "special-handling/checks", check("street")).refused(409, "same_person");
    director.act(id, "special-handling/checks", check("community")).refused(409, "wrong_state");
    director.done(id, "special-handling/checks", check("street"));
    second.act(id, "special-handling/decision", decision(true)).refused(409, "layer_missing");
    director.act(id, "special-handling/checks", check("department")).refused(409, "same_person");
    lead.done(id, "special-handling/checks", check("department"));
    let checked = coordinator.done(id, "special-handling/checks", check("district"));
    let case = handler.case_after(&checked);
    assert_eq!(case["flags"]["special_handling"], "requested", "{case}");
    let layers = case["special_handling"]["checks"].as_array().expect("a list of checks");
    let found: Vec<_> = layers.iter().map(|check| check["layer"].as_str().unwrap_or("")).collect();
    assert_eq!(found, LAYERS);
    handler.act(id, "resolve", resolution()).refused(409, "special_handling_missing");

    // Who checked does not decide.
    for checker in [&director, &lead, &coordinator] {
        checker.act(id, "special-handling/decision", decision(true)).refused(409, "same_person");
    }
    let decided = second.done(id, "special-handling/decision", decision(true));
    assert_eq!(decided.event_names(), ["special_handling_decided"]);
    let case = handler.case_after(&decided);
    assert_eq!(case["flags"]["special_handling"], "approved", "{case}");
    let special = &case["special_handling"];
    assert_eq!(special["decision"]["is_precedent"], false, "{special}");
    assert!(special["decision"]["review_due_at"].is_string(), "a look-back is due: {special}");

    // What the meeting gave to do is done, or carried; the end of the case says which.
    let done = json!({ "result": "已入户核实，社区证明附卷" });
    clerk.act(id, "task-force/actions/7/complete", done.clone()).refused(409, "no_such_action");
    clerk.done(id, "task-force/actions/1/complete", done);

    district.at("2020-12-16T15:00:00+08:00");
    let resolved = handler.done(id, "resolve", resolution());
    assert_eq!(resolved["state"], "resolved");
    assert_eq!(resolved.event_names(), ["task_force_dissolved", "resolved"]);
    let case = handler.case_after(&resolved);
    assert_eq!(case["outcome"]["resolution"], "D5");
    assert_eq!(case["first_receiver"], "longtan");
    assert_eq!(case["flags"]["overdue"], false);

    // The look-back comes after the end, and a second one is none.
    let ok = json!({ "result": "ok" });
    second.done(id, "special-handling/review", ok.clone());
    second.act(id, "special-handling/review", ok).refused(409, "wrong_state");

    // The applicant's page speaks of the case and not of the layers.
    let page = district.anybody().get(format!("/v1/receipts/{code}"));
    for inner in ["已核实：配偶失联多年", "社会救助暂行办法", handler.username()]
    {
        assert!(!page.text.contains(inner), "{inner}: {}", page.text);
    }
    let story = coordinator.story(id);
    let special: Vec<_> =
        story.iter().filter(|name| name.starts_with("special_handling")).collect();
    assert_eq!(special.len(), 7, "{story:?}");
    assert!(district.verify().status.success());
}

#[test]
fn a_refused_special_handling_opens_no_door_and_may_be_asked_for_again() {
    let district = District::start(Some("2020-12-07T09:30:00+08:00"));
    let (opened, clerk, handler) = in_department(&district);
    let id = opened.case_id();
    let director = district.staff("longtan-director", "director", Place::Center("longtan"));
    let lead = district.lead("civil-affairs");
    let coordinator = district.coordinator();
    let second = district.staff("coordinator-2", "coordinator", Place::District);
    handler.done(id, "special-handling", request());
    for (person, layer) in [&clerk, &director, &lead, &coordinator].into_iter().zip(LAYERS) {
        person.done(id, "special-handling/checks", check(layer));
    }
    let mut precedent = decision(false);
    precedent["is_precedent"] = json!(true);
    second
        .act(id, "special-handling/decision", precedent)
        .refused(422, "invalid")
        .naming("/is_precedent");
    let refused = second.done(id, "special-handling/decision", decision(false));
    assert_eq!(handler.case_after(&refused)["flags"]["special_handling"], "refused");
    handler.act(id, "resolve", resolution()).refused(409, "special_handling_missing");
    second
        .act(id, "special-handling/review", json!({ "result": "ok" }))
        .refused(409, "wrong_state");

    // New facts, a new request, and the layers begin anew.
    handler.done(id, "special-handling", request());
    second.act(id, "special-handling/decision", decision(true)).refused(409, "layer_missing");
}
