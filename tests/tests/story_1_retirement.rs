//! Story 1, Retirement (东花市, 26 to 27 January 2021): a man about to retire whom nobody told whom to ask.

use serde_json::{Value, json};
use unstuck_tests::bodies::{assert_instant, opening, with};
use unstuck_tests::district::Place;
use unstuck_tests::{Answer, District, wait_until};

const DUE: &str = "2021-01-29T17:30:00+08:00";

#[test]
fn a_retirement_is_routed_worked_on_resolved_on_time_and_closed() {
    let district = District::start(Some("2021-01-26T15:10:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let coordinator = district.coordinator();
    let callback = district.callback_officer();
    let stranger = district.clerk("jingshan");
    let outsider = district.handler("housing");
    let federation = district.handler("disabled-federation");

    // A telephone call.
    let body = opening("donghuashi", "退休手续办理", 1);
    let body = with(body, "/channel", "phone");
    let body = with(body, "/notice/mode", "phone");
    let body = with(body, "/applicant/care", json!(["veteran", "disabled"]));
    let opened = clerk.open(body);
    let id = opened.case_id();
    let code = opened.receipt_code();
    assert_eq!(opened["state"], "opened");
    assert_eq!(opened.event_names(), ["opened"]);
    assert_instant(&opened["due_at"], DUE);
    assert!(
        opened["case_no"].as_str().is_some_and(|number| number.contains("DHS")),
        "{}",
        opened.text
    );

    // The table routes it to the named window.
    let case = clerk.case_in_state(id, "forwarded");
    assert_eq!(case["department"], "hr-public-service");
    assert_eq!(case["contact"]["window"], "退休业务专窗");
    assert_eq!(case["first_receiver"], "donghuashi");
    assert_eq!(case["hops"], 1);
    assert_eq!(case["cause"], json!({ "provisional": "I1", "confirmed": null }));
    assert_the_person_is_masked(&clerk.get(format!("/v1/cases/{id}")));
    assert_receipt(&district, code, "forwarded");

    // It shows in the lists of those who may open it, and in no other.
    let in_list = |api: &unstuck_tests::Api, query: &str| -> Vec<String> {
        let items = api.whole_list(&format!("/v1/cases{query}"));
        items.iter().map(|item| item["case_id"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(in_list(&handler, "?state=forwarded&department=hr-public-service"), [id]);
    assert_eq!(in_list(&coordinator, "?center=donghuashi&cause=I1&stage=consult"), [id]);
    assert!(in_list(&coordinator, "?state=resolved").is_empty());
    for api in [&stranger, &outsider] {
        assert!(in_list(api, "").is_empty(), "{} sees it in the list", api.username());
        api.request("GET", format!("/v1/cases/{id}")).send().refused(403, "forbidden");
    }
    outsider.act(id, "accept", json!({})).refused(403, "forbidden");

    district.at("2021-01-27T09:20:00+08:00");
    let accepted = handler.done(id, "accept", json!({}));
    assert_eq!(accepted["state"], "in_department");
    let case = handler.case_after(&accepted);
    assert_eq!(case["handler"], handler.username());
    assert_receipt(&district, code, "in_department");

    district.at("2021-01-27T09:40:00+08:00");
    let contacted = handler.done(id, "contact", json!({ "mode": "phone", "reached": true }));
    assert_eq!(contacted.event_names(), ["applicant_contacted"]);
    assert_instant(&contacted["due_at"], DUE);
    assert_receipt(&district, code, "in_department");

    // The federation of the disabled explains that the state pays the insurance.
    district.at("2021-01-27T09:45:00+08:00");
    federation
        .act(id, "progress", json!({ "text": "尚未派来", "public": false }))
        .refused(403, "forbidden");
    let ask = "说明残疾人保险由国家缴纳的政策";
    let parts = json!({ "parts": [{ "department": "disabled-federation", "ask": ask }] });
    federation.act(id, "joint", parts.clone()).refused(403, "forbidden");
    let assigned = handler.done(id, "joint", parts);
    assert_eq!(assigned.event_names(), ["joint_handling_assigned"]);
    let case = federation.case_after(&assigned);
    assert_eq!(case["parts"][0]["department"], "disabled-federation", "{case}");
    assert_eq!(case["parts"][0]["completed_at"], Value::Null, "{case}");
    assert_instant(&case["parts"][0]["due_at"], DUE);
    assert_eq!(case["co_departments"], json!(["disabled-federation"]));
    // No outcome while a part is open; nobody else finishes it.
    handler.act(id, "resolve", resolution()).refused(409, "parts_open");
    let done = json!({ "result": "已电话说明：保险由国家缴纳" });
    let finish = "parts/disabled-federation/complete";
    handler.act(id, finish, done.clone()).refused(403, "forbidden");
    outsider.act(id, finish, done.clone()).refused(403, "forbidden");

    district.at("2021-01-27T11:00:00+08:00");
    let finished = federation.done(id, finish, done.clone());
    assert_eq!(finished.event_names(), ["part_completed"]);
    federation.act(id, finish, done).refused(409, "no_such_part");
    let case = handler.case_after(&finished);
    assert!(case["parts"][0]["completed_at"].is_string(), "{case}");
    assert_receipt(&district, code, "in_department");

    district.at("2021-01-27T16:30:00+08:00");
    let resolved = handler.done(id, "resolve", resolution());
    assert_eq!(resolved["state"], "resolved");
    let case = handler.case_after(&resolved);
    assert_eq!(case["outcome"]["resolution"], "D3", "{case}");
    assert_eq!(case["cause"]["confirmed"], "I1");
    assert_instant(&case["due_at"], DUE);
    assert_instant(&case["original_due_at"], DUE);
    assert_eq!(case["hops"], 1);
    assert_eq!(case["returns"], json!([]));
    assert_eq!(case["first_receiver"], "donghuashi");
    assert_eq!(case["flags"]["overdue"], false);
    assert_receipt(&district, code, "resolved");

    // Who handled it may not rate it; another person may, and that closes it.
    district.at("2021-01-28T10:00:00+08:00");
    let review = json!({ "responded": true, "solved": "yes", "grade": 5, "mode": "phone" });
    let own = handler.act(id, "feedback", review.clone());
    assert!(matches!(own.status, 403 | 409), "a handler rates the own work: {}", own.text);
    callback.done(id, "feedback", review);
    let case = coordinator.case_in_state(id, "closed");
    assert_eq!(case["feedback"]["solved"], "yes");
    assert_eq!(case["feedback"]["grade"], 5);
    assert!(case["closed_at"].is_string(), "{case}");
    assert_receipt(&district, code, "closed");

    let story = coordinator.story(id);
    let expected = [
        "opened",
        "forwarded",
        "accepted",
        "applicant_contacted",
        "joint_handling_assigned",
        "part_completed",
        "resolved",
        "feedback_recorded",
        "closed",
    ];
    assert_eq!(story, expected, "no step twice, none missing, across seven restarts");

    assert_figures(&coordinator);
    let verified = district.verify();
    assert!(verified.status.success(), "{}", unstuck_tests::district::said(&verified));
}

#[test]
fn a_director_sees_what_the_clerks_of_the_center_opened() {
    let district = District::start(Some("2021-01-26T15:10:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let director = district.staff("director", "director", Place::Center("donghuashi"));
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 2));
    let case = director.case_after(&opened);
    assert_eq!(case["case_no"], opened["case_no"]);
    wait_until("the director's list has it", || {
        director.get("/v1/cases?center=donghuashi").json["total"] == 1
    });
}

fn resolution() -> Value {
    let result = "已在专窗办理退休申报，保险由国家缴纳";
    json!({ "resolution": "D3", "result": result, "cause": "I1" })
}

/// The public page says at every step where the case is and by when, and nothing about the person.
#[track_caller]
fn assert_receipt(district: &District, code: &str, state: &str) {
    let page = unstuck_tests::wait_for(&format!("the receipt says {state}"), || {
        let answer = district.anybody().get(format!("/v1/receipts/{code}"));
        (answer["state"] == state).then_some(answer)
    });
    assert_the_person_is_masked(&page);
    assert_instant(&page["due_at"], DUE);
    if state != "opened" {
        assert!(page.text.contains("区人力资源公共服务中心"), "who has it: {}", page.text);
    }
}

#[track_caller]
fn assert_the_person_is_masked(answer: &Answer) {
    for secret in ["样例甲", "13800000001", "veteran", "disabled"] {
        assert!(!answer.text.contains(secret), "{secret} in {}", answer.text);
    }
}

#[track_caller]
fn assert_figures(coordinator: &unstuck_tests::Api) {
    let overview = coordinator.get("/v1/overview?from=2021-01-01&to=2021-01-31");
    let share = |name: &str| -> (Value, Value) {
        let figure = overview.figure(name);
        (figure["numerator"].clone(), figure["denominator"].clone())
    };
    for name in
        ["response_rate", "solved_rate", "satisfaction", "on_time", "on_time_original", "done_rate"]
    {
        assert_eq!(share(name), (json!(1), json!(1)), "{name}: {}", overview.text);
    }
    assert_eq!(share("explained_share").0, 0);
    assert_eq!(share("ping_pong_rate").0, 0);
    for name in ["open", "overdue"] {
        assert_eq!(overview.figure(name)["value"], 0, "{name}");
    }
    assert!(
        overview["as_of"].is_string() && overview["as_of_sequence"].is_u64(),
        "{}",
        overview.text
    );
}
