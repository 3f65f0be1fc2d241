//! Why something is due then: told by the running product, over a holiday, with a pause across it, and to those who
//! may read the case.

use serde_json::{Value, json};
use unstuck_tests::bodies::{assert_instant, instant, opening, with};
use unstuck_tests::{Api, District, wait_until};

const OPENED: &str = "2026-02-13T10:00:00+08:00";

/// The explanation of a clock that has not stopped.
#[track_caller]
fn clock(api: &Api, case_id: &str, name: &str) -> Value {
    let answer = api.get(format!("/v1/cases/{case_id}/clocks"));
    assert_eq!(answer.status, 200, "{}", answer.text);
    let running = |item: &&Value| item["clock"] == name && item["state"] != "stopped";
    let found = answer.items().iter().find(running).cloned();
    found.unwrap_or_else(|| panic!("{name} does not run: {}", answer.text))
}

fn dates(list: &Value, is_it: impl Fn(&Value) -> bool) -> Vec<String> {
    let days = list["days"].as_array().into_iter().flatten().filter(|day| is_it(day));
    days.filter_map(|day| Some(day["date"].as_str()?.to_owned())).collect()
}

/// A case that is opened before the Spring Festival of 2026 and signed for.
fn before_the_festival(district: &District, complexity: &str) -> (Api, String) {
    let clerk = district.clerk("donghuashi");
    let body = with(opening("donghuashi", "退休手续办理", 1), "/complexity", complexity);
    let id = clerk.open(body).case_id().to_owned();
    clerk.case_in_state(&id, "forwarded");
    let handler = district.handler("hr-public-service");
    handler.done(&id, "accept", json!({}));
    handler.done(&id, "contact", json!({ "mode": "phone", "reached": true }));
    (clerk, id)
}

#[test]
fn an_explanation_names_the_holiday_and_the_days_that_are_worked_for_it() {
    let district = District::start(Some(OPENED));
    let (clerk, id) = before_the_festival(&district, "special");
    wait_until("the contact is in the view", || {
        let case = clerk.case(&id);
        case["clocks"]
            .as_array()
            .is_some_and(|clocks| clocks.iter().all(|clock| clock["clock"] != "first_contact"))
    });
    let told = clock(&clerk, &id, "handling");
    assert_eq!(told["state"], "running");
    assert_eq!(
        told["limit"],
        json!({ "working_days": 10, "source": "event", "district_working_days": 10, "complexity": "special" })
    );
    assert_instant(&told["due_at"], "2026-03-05T17:30:00+08:00");
    assert_eq!(told["started_by"]["event"], "opened");
    assert_eq!(told["as_promised"], true);
    assert_eq!(
        dates(&told["counted"], |_| true),
        [
            "2026-02-14",
            "2026-02-24",
            "2026-02-25",
            "2026-02-26",
            "2026-02-27",
            "2026-02-28",
            "2026-03-02",
            "2026-03-03",
            "2026-03-04",
            "2026-03-05"
        ]
    );
    assert_eq!(dates(&told["counted"], |day| day["make_up"] == true), ["2026-02-14", "2026-02-28"]);
    let festival = dates(&told["skipped"], |day| day["name"]["zh"] == "春节");
    assert_eq!((festival.len(), &*festival[0], &*festival[8]), (9, "2026-02-15", "2026-02-23"));
    assert_eq!(dates(&told["skipped"], |day| day["reason"] == "weekend"), ["2026-03-01"]);
    let sentence = told["sentence"]["zh"].as_str().unwrap_or_default();
    for part in [
        "2月13日（周五）登记，当日不计",
        "时限10个工作日",
        "2月15日至23日春节放假",
        "2月14日（周六）、2月28日（周六）调休上班",
        "应于3月5日（周四）17:30前办结",
    ] {
        assert!(sentence.contains(part), "{part}: {sentence}");
    }
    assert!(told["calendar"].as_str().is_some_and(|name| name.starts_with("cn 2020–")));
    let next = &told["next_step"];
    assert_eq!((&next["level"], &next["told"]), (&json!("warning_50"), &json!("handler")));
    assert_eq!(next["body"], "hr-public-service");

    // Every clock that the case had: what has stopped says when and by what.
    let answer = clerk.get(format!("/v1/cases/{id}/clocks"));
    assert!(answer["as_of_sequence"].as_u64() >= clerk.case(&id)["version"].as_u64());
    let contact = answer.items().iter().find(|item| item["clock"] == "first_contact");
    let contact = contact.expect("the first contact is explained");
    assert_eq!(contact["state"], "stopped");
    assert_eq!(contact["stopped_by"]["event"], "applicant_contacted");

    // The case itself has the short form, and the public page the sentence.
    let case = clerk.case(&id);
    let handling = case["clocks"]
        .as_array()
        .and_then(|clocks| clocks.iter().find(|clock| clock["clock"] == "handling"));
    assert_eq!(handling.map(|clock| &clock["state"]), Some(&json!("running")));
    let page = district.receipt(case["receipt_code"].as_str().unwrap_or_default());
    assert_eq!(page["due_explained"]["zh"], told["sentence"]["zh"]);
}

#[test]
fn a_pause_across_the_festival_moves_the_promise_by_its_working_days_only() {
    let district = District::start(Some(OPENED));
    let (clerk, id) = before_the_festival(&district, "complex");
    let coordinator = district.coordinator();
    let paused =
        coordinator.done(&id, "pause", json!({ "reason": "H3", "handler_informed": true }));
    assert_instant(&paused["due_at"], "2026-02-27T17:30:00+08:00");
    let case = clerk.case_after(&paused);
    assert_eq!(case["flags"]["paused"], true);
    assert_eq!(case["pause"]["label"]["zh"], "法定期间");
    let told = clock(&clerk, &id, "handling");
    assert_eq!((&told["state"], &told["next_step"]), (&json!("paused"), &Value::Null));
    let page = district.receipt(case["receipt_code"].as_str().unwrap_or_default());
    assert_eq!(page["pause"]["reason"]["zh"], "法定期间");

    district.at("2026-02-25T10:00:00+08:00");
    // Standing still, nobody is warned: half of the time had passed by the calendar.
    let told = clock(&clerk, &id, "handling");
    assert_eq!(told["state"], "paused");
    assert_instant(&told["due_if_resumed_now"], "2026-03-03T17:30:00+08:00");
    let resumed = coordinator.done(&id, "resume", json!({}));
    // 14 February, a Saturday on which people work, and 24 and 25 February: three days, and not twelve.
    assert_instant(&resumed["due_at"], "2026-03-03T17:30:00+08:00");
    let case = clerk.case_after(&resumed);
    assert_eq!((&case["pause"], &case["flags"]["paused"]), (&Value::Null, &json!(false)));
    assert_eq!(case["pauses"][0]["working_days"], 3);
    let told = clock(&clerk, &id, "handling");
    assert_eq!((&told["counted"]["count"], &told["as_promised"]), (&json!(8), &json!(true)));
    assert_eq!(
        dates(&told["counted"], |day| day["paused"] == true),
        ["2026-02-14", "2026-02-24", "2026-02-25"]
    );
    assert_instant(&told["first_due_at"], "2026-02-27T17:30:00+08:00");
    let sentence = told["sentence"]["zh"].as_str().unwrap_or_default();
    assert!(sentence.contains("因法定期间暂停，顺延3个工作日"), "{sentence}");
}

#[test]
fn a_comment_moves_nothing_in_any_clock() {
    let district = District::start(Some(OPENED));
    let (clerk, id) = before_the_festival(&district, "complex");
    let promises = |api: &Api| -> Vec<Value> {
        let answer = api.get(format!("/v1/cases/{id}/clocks"));
        let kept = |item: &Value| {
            json!([item["clock"], item["due_at"], item["counted"], item["sentence"]])
        };
        answer.items().iter().map(kept).collect()
    };
    let handler = district.person("handler-hr-public-service");
    let first = handler.done(&id, "progress", json!({ "text": "正在核对档案", "public": true }));
    clerk.case_after(&first);
    let before = promises(&clerk);
    let second = handler.done(&id, "progress", json!({ "text": "已调取档案", "public": true }));
    clerk.case_after(&second);
    assert_eq!(promises(&clerk), before);
    // The timeline tells both, in both languages.
    let last = clerk.timeline(&id).pop().expect("a history");
    assert!(last["sentence"]["zh"].as_str().is_some_and(|text| text.contains("已调取档案")));
    assert!(last["sentence"]["en"].as_str().is_some_and(|text| text.starts_with("Progress")));
}

#[test]
fn a_clock_is_explained_to_whoever_may_read_the_case_and_to_nobody_else() {
    let district = District::start(Some(OPENED));
    let (clerk, id) = before_the_festival(&district, "simple");
    let path = format!("/v1/cases/{id}/clocks");
    let refused = |api: &Api, path: &str, status: u16| {
        let answer = api.request("GET", path).send();
        assert_eq!(answer.status, status, "{}", answer.text);
    };
    refused(&district.anybody(), &path, 401);
    refused(&district.clerk("jingshan"), &path, 403);
    refused(&district.handler("civil-affairs"), &path, 403);
    refused(&clerk, "/v1/cases/0190b8a0-7c3e-7d52-8a41-2f6f3f1b9c77/clocks", 404);
    refused(&clerk, "/v1/cases/nonsense/clocks", 404);
    refused(&clerk, &format!("{path}?limit=3"), 422);
    assert!(!clock(&clerk, &id, "handling").is_null());
}

#[test]
fn a_promise_outside_the_published_years_says_so() {
    let district = District::start(Some("2019-12-30T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    clerk.case_after(&opened);
    // 31 December by Monday to Friday; 1 January 2020 is published, and off.
    let told = clock(&clerk, opened.case_id(), "handling");
    assert_instant(&told["due_at"], "2020-01-03T17:30:00+08:00");
    assert!(told["calendar_gap"]["zh"].as_str().is_some_and(|text| text.contains("2020年以前")));
    assert_eq!(instant(&told["due_at"]), instant(&opened["due_at"]));
}
