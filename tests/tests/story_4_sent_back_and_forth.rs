//! Story 4, Sent back and forth: two departments return a case to each other's door.

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::{District, wait_for};

fn not_our_duty(suggested: &str) -> Value {
    json!({
        "reason": "R1",
        "duty_basis": "部门职责规定第三条",
        "suggested_department": suggested,
        "note": "该事项不在本部门职责范围内",
    })
}

fn forward_to(department: &str) -> Value {
    json!({ "department": department, "ask": "请办理并联系申请人", "contact": { "window": "综合窗口" } })
}

#[test]
fn the_second_return_convenes_a_task_force_and_arbitration_is_binding() {
    let district = District::start(Some("2021-01-26T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let coordinator = district.coordinator();
    let civil_affairs = district.handler("civil-affairs");
    let insurance = district.handler("medical-insurance");

    let opened = clerk.open(opening("donghuashi", UNROUTED_MATTER, 1));
    let id = opened.case_id();
    assert_eq!(
        clerk.case_after(&opened)["state"],
        "opened",
        "nothing fits, so it waits for a person"
    );

    let forwarded = clerk.done(id, "forward", forward_to("civil-affairs"));
    assert_eq!(forwarded["state"], "forwarded");
    assert_eq!(forwarded.event_names(), ["forwarded"]);

    // A return says whose it is, and on which basis.
    for missing in ["duty_basis", "suggested_department"] {
        let mut body = not_our_duty("medical-insurance");
        body.as_object_mut().expect("an object").remove(missing);
        civil_affairs
            .act(id, "return", body)
            .refused(422, "invalid")
            .naming(&format!("/{missing}"));
    }
    let returned = civil_affairs.done(id, "return", not_our_duty("medical-insurance"));
    assert_eq!(returned["state"], "returned");
    insurance.act(id, "return", not_our_duty("civil-affairs")).refused(403, "forbidden");

    clerk.done(id, "forward", forward_to("medical-insurance"));
    insurance.done(id, "return", not_our_duty("civil-affairs"));

    // By itself.
    let convened = wait_for("a task force is convened", || {
        coordinator.events(id, "task_force_convened").into_iter().next()
    });
    assert_eq!(convened["data"]["trigger"], "two_returns", "{convened}");
    let case = coordinator.case(id);
    assert!(case["task_force"].is_object(), "{case}");
    assert_eq!(case["returns"].as_array().map(Vec::len), Some(2), "{case}");

    clerk.act(id, "forward", forward_to("civil-affairs")).refused(409, "ping_pong");

    let ruling = json!({
        "department": "civil-affairs",
        "co_departments": ["medical-insurance"],
        "basis": "区级协调会议纪要",
    });
    civil_affairs.act(id, "arbitrate", ruling.clone()).refused(403, "forbidden");
    let arbitrated = coordinator.done(id, "arbitrate", ruling);
    let case = coordinator.case_after(&arbitrated);
    assert_eq!(case["department"], "civil-affairs");
    assert_eq!(case["co_departments"], json!(["medical-insurance"]));

    civil_affairs.act(id, "return", not_our_duty("medical-insurance")).refused(409, "arbitrated");
    let accepted = civil_affairs.done(id, "accept", json!({}));

    // The redelivery of a restart convenes no second one.
    coordinator.case_after(&accepted);
    district.at("2021-01-26T11:00:00+08:00");
    civil_affairs.done(id, "progress", json!({ "text": "已联系申请人并说明流程", "public": true }));
    assert_eq!(coordinator.events(id, "task_force_convened").len(), 1);

    let matrix = coordinator.get("/v1/returns");
    for (from, to) in
        [("civil-affairs", "medical-insurance"), ("medical-insurance", "civil-affairs")]
    {
        let row = matrix.items().iter().find(|row| row["from"] == from && row["to"] == to);
        let row = row.unwrap_or_else(|| panic!("no {from} to {to}: {}", matrix.text));
        assert_eq!(row["count"], 1, "{from} to {to}: {}", matrix.text);
    }
}
