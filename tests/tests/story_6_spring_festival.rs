//! Story 6, Spring Festival: opened before the holiday of 2026, due after it and its make-up workdays.
//!
//! Working days from 13 February 2026, 10:00: Sat 14 (made up), then the holiday, 24, 25, 26, 27 (due),
//! Sat 28 (made up). Half of the time has passed on the 25th by opening hours, and before the 25th's
//! opening by the calendar; the story takes either.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, FixedOffset, Timelike as _};
use serde_json::{Value, json};
use unstuck_tests::bodies::{assert_instant, instant, opening, with};
use unstuck_tests::{Api, District, holds_for, wait_until};

const DUE: &str = "2026-02-27T17:30:00+08:00";

/// How long is looked whether something happens that should not; several turns of the timers.
const A_WHILE: Duration = Duration::from_secs(4);

#[test]
fn warnings_and_escalations_keep_to_the_working_calendar() {
    let district = District::start(Some("2026-02-13T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let coordinator = district.coordinator();
    let body = with(opening("donghuashi", "退休手续办理", 1), "/complexity", "complex");
    let opened = clerk.open(body);
    let id = opened.case_id();
    assert_instant(&opened["due_at"], DUE);
    clerk.case_in_state(id, "forwarded");
    handler.done(id, "accept", json!({}));
    handler.done(id, "contact", json!({ "mode": "phone", "reached": true }));
    assert_eq!(handler.case(id)["flags"]["provisional_due"], false);

    // In the holiday, and in the night before the first working day, nothing is fired.
    for closed in ["2026-02-20T14:00:00+08:00", "2026-02-24T03:00:00+08:00"] {
        district.at(closed);
        holds_for(A_WHILE, &format!("no escalation at {closed}"), || {
            levels(&coordinator, id).is_empty()
        });
    }

    // By the morning of the 25th half of the time has passed.
    district.at("2026-02-25T10:00:00+08:00");
    wait_until("the first warning", || levels(&coordinator, id).contains(&"warning_50".to_owned()));

    // A comment moves nothing.
    district.at("2026-02-26T10:00:00+08:00");
    let noted = handler.done(id, "progress", json!({ "text": "正在核对档案", "public": false }));
    assert_instant(&noted["due_at"], DUE);

    district.at("2026-02-27T10:00:00+08:00");
    wait_until("the second warning", || {
        levels(&coordinator, id).contains(&"warning_80".to_owned())
    });
    assert_eq!(levels(&coordinator, id), ["warning_50", "warning_80"]);

    // Due: the clock runs through the end of business.
    district.at("2026-02-27T17:29:52+08:00");
    wait_until("the director is named at due", || levels(&coordinator, id).len() == 3);
    assert_eq!(levels(&coordinator, id)[2], "director");
    wait_until("it shows as overdue", || handler.case(id)["flags"]["overdue"] == true);
    assert_eq!(coordinator.get("/v1/cases?overdue=true").json["total"], 1);

    // Nobody is told at night; the next working day is a Saturday, and its morning is early enough to act.
    district.at("2026-02-28T07:30:00+08:00");
    holds_for(A_WHILE, "no further level before opening", || levels(&coordinator, id).len() == 3);
    district.at("2026-02-28T09:30:00+08:00");
    wait_until("the department lead is named", || levels(&coordinator, id).len() == 4);
    assert_eq!(levels(&coordinator, id)[3], "department_lead");

    assert_instant(&coordinator.case(id)["due_at"], DUE);
    for event in coordinator.events(id, "escalated") {
        assert_in_opening_hours(instant(&event["time"]));
    }
    let overview = coordinator.get("/v1/overview?from=2026-02-01&to=2026-02-28");
    let on_time = overview.figure("on_time");
    assert_eq!(
        (&on_time["numerator"], &on_time["denominator"]),
        (&json!(0), &json!(1)),
        "an open overdue case is in the denominator: {}",
        overview.text
    );
}

/// The levels of the handling clock that have fired, in order.
#[track_caller]
fn levels(api: &Api, case_id: &str) -> Vec<String> {
    let is_handling = |event: &&Value| event["data"]["clock"] == "handling";
    let level = |event: &Value| event["data"]["level"].as_str().unwrap_or_default().to_owned();
    api.events(case_id, "escalated").iter().filter(is_handling).map(level).collect()
}

/// 09:00 to 12:00 and 13:30 to 17:30 on a working day; a timer has a minute to notice.
#[track_caller]
fn assert_in_opening_hours(time: DateTime<FixedOffset>) {
    let zone = FixedOffset::east_opt(8 * 3600).expect("an offset");
    let local = time.with_timezone(&zone);
    let minute = local.hour() * 60 + local.minute();
    let is_open = (540..=721).contains(&minute) || (810..=1051).contains(&minute);
    let is_working_day = matches!((local.month(), local.day()), (2, 13 | 14 | 24..=28));
    assert!(is_open && is_working_day, "fired at {local}");
}
