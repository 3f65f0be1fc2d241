//! What an operator watches: that each figure moves when the house does, and says nothing of anybody.

use serde_json::json;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::bus::Bus;
use unstuck_tests::{Api, District, wait_until};

/// The value of one series, as it stands on `/metrics`.
fn series(district: &District, series: &str) -> Option<f64> {
    let text = district.anybody().get("/metrics").text;
    let line = text
        .lines()
        .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[track_caller]
fn wait_for_series(district: &District, name: &str, value: f64) {
    wait_until(&format!("{name} is {value}"), || series(district, name) == Some(value));
}

fn sign_in_wrongly(district: &District, username: &str) -> u16 {
    let body = json!({ "username": username, "password": "not the password" });
    district.anybody().post("/v1/session", body).status
}

#[test]
fn what_waits_for_a_person_and_what_is_gone_can_be_seen_from_outside() {
    let mut bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("jingshan");
    let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));

    for consumer in ["routing-forwarding", "escalation-help", "intake-aftercare"] {
        wait_for_series(
            &district,
            &format!("unstuck_consumer_pending_events{{consumer=\"{consumer}\"}}"),
            0.0,
        );
    }
    for follower in
        ["cases", "centers", "learning", "similar", "timers", "learning-book", "learning-cases"]
    {
        wait_for_series(
            &district,
            &format!("unstuck_follower_lag_events{{follower=\"{follower}\"}}"),
            0.0,
        );
    }
    wait_for_series(&district, "unstuck_open_cases", 1.0);
    wait_for_series(&district, "unstuck_overdue_cases", 0.0);
    wait_for_series(&district, "unstuck_view_built_ratio{view=\"cases\"}", 1.0);

    assert_eq!(sign_in_wrongly(&district, "clerk-jingshan"), 401);
    assert_eq!(series(&district, "unstuck_sign_ins_total{outcome=\"refused\"}"), Some(1.0));
    wait_until("the name waits", || sign_in_wrongly(&district, "clerk-jingshan") == 429);
    assert_eq!(series(&district, "unstuck_sign_ins_total{outcome=\"locked\"}"), Some(1.0));
    assert_eq!(series(&district, "unstuck_sign_ins_total{outcome=\"done\"}"), Some(1.0));

    bus.put("case.jingshan.nonsense", &[], "{}");
    wait_for_series(&district, "unstuck_quarantine_events{view=\"cases\"}", 1.0);
    bus.put("$KV.parked.routing-forwarding.7", &[], "{}");
    // Looked at every half minute, and at the start.
    district.kill();
    district.bring_up();
    wait_for_series(&district, "unstuck_parked_events", 1.0);
    wait_for_series(&district, "unstuck_quarantine_events{view=\"cases\"}", 1.0);

    let text = district.anybody().get("/metrics").text;
    for told in
        [opened.case_id(), opened.receipt_code(), "clerk-jingshan", "jingshan", UNROUTED_MATTER]
    {
        assert!(!text.contains(told), "{told} stands on /metrics");
    }

    wait_for_series(&district, "unstuck_bus_connected{line=\"everybody\"}", 1.0);
    bus.kill();
    wait_for_series(&district, "unstuck_bus_connected{line=\"everybody\"}", 0.0);
    bus.bring_up();
    wait_for_series(&district, "unstuck_bus_connected{line=\"everybody\"}", 1.0);
}

#[test]
fn broken_promises_the_calendar_and_each_line_to_the_bus_are_counted() {
    let district = District::start(Some("2021-03-01T10:00:00+08:00"));
    let clerk: Api = district.clerk("jingshan");
    let _ = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    wait_for_series(&district, "unstuck_overdue_cases", 0.0);
    district.at("2021-06-01T10:00:00+08:00");
    wait_for_series(&district, "unstuck_overdue_cases", 1.0);
    wait_for_series(&district, "unstuck_open_cases", 1.0);
    // The first second of 2027 in Beijing: the sample calendar has the year 2026.
    let end = chrono::DateTime::parse_from_rfc3339("2027-01-01T00:00:00+08:00").expect("a time");
    assert_eq!(
        district.metric("unstuck_calendar_end_timestamp_seconds") as i64,
        end.timestamp(),
        "the end of the published calendar"
    );
    for line in [
        "escalation",
        "identity",
        "intake",
        "keys",
        "keys-reader",
        "learning",
        "projection",
        "provisioner",
        "routing",
    ] {
        wait_for_series(&district, &format!("unstuck_bus_connected{{line=\"{line}\"}}"), 1.0);
    }
    let (free, size) = (
        district.metric("unstuck_data_disk_free_bytes"),
        district.metric("unstuck_data_disk_size_bytes"),
    );
    assert!(free > 0.0 && free <= size, "{free} of {size} bytes are free");
    wait_until("the log was checked", || {
        district.metric("unstuck_log_checked_timestamp_seconds") > 0.0
    });
}
