//! Every command on a case in every state, by everybody: it succeeds or is refused with a code that OpenAPI names,
//! and nothing breaks.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unstuck_tests::bodies::opening;
use unstuck_tests::district::Place;
use unstuck_tests::{Api, District};

/// Tuesday; a simple case is due on Friday.
const START: &str = "2026-03-03T09:30:00+08:00";

/// A right body for every command on a case, by the end of its path.
fn bodies(countersigner: &str) -> Vec<(&'static str, Value)> {
    let basis = json!([{ "title": "社会保险法", "article": "第十六条" }]);
    vec![
        ("decline", json!({ "exclusion": "E2", "reason": "已进入诉讼程序" })),
        ("materials", json!({ "items": [{ "name": "户口簿" }], "complete": true })),
        ("feedback", json!({ "responded": true, "solved": "yes", "grade": 5, "mode": "phone" })),
        ("reopen", json!({ "reason": "new_fact" })),
        ("withdraw", json!({ "reason": "本人不再办理" })),
        ("corrections", json!({ "field": "name", "value": "样例乙", "reason": "听错" })),
        (
            "links",
            json!({ "case_id": "0190b8a0-7c3e-7d52-8a41-2f6f3f1b9c77", "relation": "related" }),
        ),
        ("erase", json!({ "reason": "request" })),
        ("forward", json!({ "department": "hr-public-service", "ask": "请协助办理" })),
        ("accept", json!({})),
        ("contact", json!({ "mode": "phone", "reached": true })),
        ("progress", json!({ "text": "正在核对", "public": true })),
        (
            "return",
            json!({
                "reason": "R1", "duty_basis": "三定方案", "suggested_department": "hr-bureau",
                "note": "不属本部门职责",
            }),
        ),
        (
            "arbitrate",
            json!({ "department": "hr-public-service", "co_departments": [], "basis": "职责分工" }),
        ),
        ("joint", json!({ "parts": [{ "department": "tax", "ask": "核对缴费记录" }] })),
        ("parts/{department}/complete", json!({ "result": "已核对" })),
        (
            "material-requests",
            json!({ "items": [{ "name": "户口簿", "basis": "办事指南" }], "mode": "phone" }),
        ),
        (
            "not-doable",
            json!({
                "basis": basis, "facts": "无缴费记录", "alternatives": [],
                "countersigned_by": countersigner,
            }),
        ),
        (
            "explain",
            json!({
                "mode": "phone", "explainers": [{ "department": "hr-public-service" }],
                "documents": [], "remedies": ["行政复议"], "understood": "no",
            }),
        ),
        ("resolve", json!({ "resolution": "D1", "result": "已办理", "cause": "I1" })),
        ("reclassify", json!({ "complexity": "hard", "reason": "涉及多个部门" })),
        ("transfer", json!({ "body": "朝阳区", "receipt": "回执", "reason": "户籍在外区" })),
        (
            "task-force",
            json!({
                "chair": "director", "members": [{ "department": "hr-bureau", "person": "" }],
                "objective": "办结", "reason": "多部门",
            }),
        ),
        (
            "task-force/meetings",
            json!({ "attendees": ["director"], "positions": [], "decisions": [], "actions": [] }),
        ),
        ("task-force/actions/{number}/complete", json!({ "result": "已完成" })),
        ("task-force/dissolve", json!({ "outcome": "已明确" })),
        (
            "special-handling",
            json!({ "facts": "失联", "requirement_waived": "协议", "discretion_basis": "办法" }),
        ),
        ("special-handling/checks", json!({ "layer": "community", "finding": "属实" })),
        ("special-handling/decision", json!({ "approved": true, "reason": "事实清楚" })),
        ("special-handling/review", json!({ "result": "ok" })),
        ("pause", json!({ "reason": "H1" })),
        ("resume", json!({})),
        (
            "extend",
            json!({
                "working_days": 1, "reason": "等待复函",
                "applicant_told_at": "2026-03-03T09:30:05+08:00",
            }),
        ),
        ("rectification/complete", json!({ "action": "致歉", "result": "认可" })),
        ("urge", json!({ "text": "催问进度" })),
    ]
}

/// The commands on a case that OpenAPI knows, with the codes that each may refuse with.
fn documented(api: &Api) -> Vec<(String, BTreeSet<String>)> {
    let document = api.get("/openapi.json");
    let paths = document["paths"].as_object().expect("OpenAPI has paths").clone();
    let of_case = |path: &str| path.strip_prefix("/v1/cases/{id}/").map(ToOwned::to_owned);
    paths
        .iter()
        .filter(|(_, methods)| methods["post"].is_object())
        .filter_map(|(path, methods)| Some((of_case(path)?, methods["post"].to_string())))
        .filter(|(command, _)| command != "reveal")
        .map(|(command, text)| {
            let codes = text.split('"').flat_map(|part| part.split(['`', ' ', ',', '/']));
            (command, codes.map(ToOwned::to_owned).collect())
        })
        .collect()
}

/// Brings a fresh case to a state; gives its id.
fn case_in(state: &str, n: u32, people: &[Api]) -> String {
    let [clerk, handler, lead, _, coordinator, ..] = people else { panic!("somebody is missing") };
    let matter = if state == "opened" { "楼道堆物清理" } else { "退休手续办理" };
    let opened = clerk.open(opening("donghuashi", matter, n));
    let id = opened.case_id().to_owned();
    let body = |name: &str| {
        let all = bodies(lead.username());
        all.into_iter().find(|(command, _)| *command == name).expect("stands in the table").1
    };
    let done = |person: &Api, command: &str| person.done(&id, command, body(command));
    if !matches!(state, "opened" | "declined" | "withdrawn") {
        clerk.case_in_state(&id, "forwarded");
    }
    if matches!(state, "in_department" | "in_task_force" | "not_doable" | "resolved" | "closed") {
        done(handler, "accept");
    }
    match state {
        "returned" => drop(done(handler, "return")),
        "in_task_force" => drop(done(coordinator, "task-force")),
        "not_doable" => drop(done(handler, "not-doable")),
        "resolved" => drop(done(handler, "resolve")),
        "closed" => {
            done(handler, "resolve");
            done(coordinator, "feedback");
            coordinator.case_in_state(&id, "closed");
        }
        "withdrawn" => drop(done(clerk, "withdraw")),
        "transferred" => drop(done(coordinator, "transfer")),
        _ => {}
    }
    id
}

const STATES: [&str; 9] = [
    "opened",
    "forwarded",
    "in_department",
    "returned",
    "in_task_force",
    "not_doable",
    "resolved",
    "closed",
    "transferred",
];

#[test]
fn every_command_in_every_state_succeeds_or_is_refused_with_a_code_of_the_table() {
    let district = District::start(Some(START));
    let people = [
        district.clerk("donghuashi"),
        district.handler("hr-public-service"),
        district.lead("hr-public-service"),
        district.staff("director", "director", Place::Center("donghuashi")),
        district.coordinator(),
        district.staff("privacy", "privacy_officer", Place::District),
        district.staff("auditor", "auditor", Place::District),
        district.clerk("longtan"),
        district.handler("housing"),
    ];
    let documented = documented(&people[4]);
    let bodies = bodies(people[2].username());
    let known: BTreeSet<&str> = bodies.iter().map(|(command, _)| *command).collect();
    let named: BTreeSet<&str> = documented.iter().map(|(command, _)| command.as_str()).collect();
    assert_eq!(named, known, "OpenAPI and this table name the same commands");

    let mut refused = BTreeSet::new();
    for (index, state) in STATES.into_iter().enumerate() {
        let id = case_in(state, u32::try_from(index).expect("few states") + 1, &people);
        for (command, body) in &bodies {
            // An end would hide the commands after it from this state.
            let ends =
                matches!(*command, "withdraw" | "reopen" | "decline" | "transfer" | "resolve");
            let path = command.replace("{department}", "tax").replace("{number}", "1");
            for person in people.iter().filter(|person| !ends || person.username() == "auditor") {
                let answer = person.act(&id, &path, body.clone());
                let code = answer["code"].as_str().unwrap_or_default().to_owned();
                let context =
                    format!("{} {command} in {state}: {}", person.username(), answer.text);
                match answer.status {
                    200 => {}
                    403 => assert_eq!(code, "forbidden", "{context}"),
                    422 => assert_eq!(code, "invalid", "{context}"),
                    409 => {
                        let (_, codes) = documented
                            .iter()
                            .find(|(name, _)| name == command)
                            .expect("compared above");
                        assert!(codes.contains(&code), "{code} is not documented: {context}");
                        refused.insert(code);
                    }
                    _ => panic!("{context}"),
                }
            }
        }
    }
    assert!(refused.len() >= 4, "hardly anything was refused: {refused:?}");
    assert!(district.verify().status.success());
}
