//! The answers of the API, as the dashboard reads them.

use super::answers::{Behind, Blockages, Bodies, Lag, Overview, Trend};

#[test]
fn an_answer_with_fields_that_nobody_knows_is_read() {
    let text = r#"{"figures":{"on_time":{"value":null,"numerator":0,"denominator":0,"formula":"on_time","later":1}},
        "as_of":"2026-11-25T10:00:00+08:00","as_of_sequence":7,"later":{}}"#;
    let overview: Overview = serde_json::from_str(text).unwrap();
    assert_eq!(overview.figures["on_time"].value, None);
    assert_eq!(overview.as_of_sequence, 7);
}

#[test]
fn what_is_suppressed_stays_without_a_count() {
    let text = r#"{"items":[{"cause":"P","stage":"consult","count":null,"suppressed":true}],"cases":null}"#;
    let map: Blockages = serde_json::from_str(text).unwrap();
    assert_eq!((map.items[0].count, map.cases), (None, None));
}

#[test]
fn a_center_without_a_heartbeat_is_read() {
    let text = r#"{"items":[{"id":"tiantan","open":1,"overdue":0,"heartbeat":null,"today":null,"last_report":null}]}"#;
    let centers: Bodies = serde_json::from_str(text).unwrap();
    assert!(centers.items[0].heartbeat.is_none());
}

#[test]
fn a_lag_that_says_less_is_no_alarm() {
    let lag: Lag = serde_json::from_str("{}").unwrap();
    assert!(lag.incident.is_none() && lag.bus_answers.is_none() && lag.quarantined == 0);
}

#[test]
fn a_case_of_a_list_needs_only_what_a_line_shows() {
    let case: Behind = serde_json::from_str(r#"{"case_id":"a"}"#).unwrap();
    assert!(case.department.is_none() && case.due_at.is_none());
}

#[test]
fn a_month_begins_where_its_period_does() {
    let text = r#"{"items":[{"period":{"from":"2026-03-01T00:00:00+08:00","to":"2026-03-04T10:00:00+08:00"},
        "figures":{"on_time":{"numerator":1,"denominator":2}}}]}"#;
    let trend: Trend = serde_json::from_str(text).unwrap();
    assert_eq!(trend.items[0].period.from.to_rfc3339(), "2026-03-01T00:00:00+08:00");
    assert_eq!(trend.items[0].figures["on_time"].denominator, 2);
}
