//! Looking back gives what a projection that had stopped then would have said.

use axum::http::StatusCode;
use chrono::NaiveDate;
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::ids::{CaseId, CenterId};
use proto_events::subject::CaseSubject;
use runtime::log::Expected;
use serde_json::Value;

use super::year::{Place, end_of, until};
use crate::index::CaseRow;
use crate::testing::{event, of_kind};

/// Ends of days in the year: a holiday, a weekend, days in the middle of work, the last full day.
const DAYS: [&str; 4] = ["2025-10-04", "2025-12-28", "2026-03-11", "2026-06-09"];

const TABLES: [&str; 9] = [
    "overview?",
    "overview?from=2025-09-01&to=2026-12-31",
    "blockages?",
    "returns?",
    "departments?",
    "centers?",
    "consultations?",
    "figures/on_time/cases?part=denominator",
    "figures/dwell/cases?part=numerator",
];

async fn readers(place: &Place) -> [String; 3] {
    [
        place.person("coordinator", Role::Coordinator, (None, None)).await,
        place.person("clerk", Role::Clerk, (Some("donghuashi"), None)).await,
        place.person("lead", Role::DepartmentLead, (None, Some("hr-bureau"))).await,
    ]
}

/// Where two answers are not the same.
fn difference(place: &str, left: &Value, right: &Value) -> String {
    if let (Some(left), Some(right)) = (left.as_object(), right.as_object()) {
        let names = left.keys().chain(right.keys());
        let parts = |name: &String| (left.get(name).cloned(), right.get(name).cloned());
        for name in names {
            let (left, right) = parts(name);
            if left != right {
                let place = format!("{place}/{name}");
                return difference(&place, &left.unwrap_or_default(), &right.unwrap_or_default());
            }
        }
    }
    if let (Some(left), Some(right)) = (left.as_array(), right.as_array()) {
        for (number, (left, right)) in left.iter().zip(right).enumerate() {
            if left != right {
                return difference(&format!("{place}/{number}"), left, right);
            }
        }
    }
    format!("{place}: {left} and {right}")
}

#[tokio::test(flavor = "multi_thread")]
async fn any_past_day_is_seen_as_a_projection_that_stopped_then_saw_it() {
    let whole = Place::at(until()).await;
    let now = readers(&whole).await;
    let mut moments: Vec<Timestamp> =
        DAYS.iter().map(|day| end_of(day.parse::<NaiveDate>().unwrap())).collect();
    // Not only days: the middle of one, and before anything was written down.
    moments.push(Timestamp::parse_from_rfc3339("2026-01-14T11:23:45.678901+08:00").unwrap());
    moments.push(end_of("2025-01-01".parse().unwrap()));
    for at in moments {
        let stopped = Place::at(at).await;
        let then = readers(&stopped).await;
        for (number, (now, then)) in now.iter().zip(&then).enumerate() {
            let is_of_department = number == 2;
            for table in TABLES {
                let separator = if table.ends_with('?') { "" } else { "&" };
                let as_of = at.format("%Y-%m-%dT%H:%M:%S%.6f%%2B08:00");
                let path = format!("/v1/{table}{separator}as_of={as_of}");
                if table.starts_with("consultations") && is_of_department {
                    let answer = whole.get(&path, now).await;
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{table} at {at}");
                    continue;
                }
                let mut looked_back = whole.found(&path, now).await;
                let path = format!("/v1/{table}");
                let mut seen_then = stopped.found(&path, then).await;
                // A cursor belongs to what was asked.
                for answer in [&mut looked_back, &mut seen_then] {
                    if let Some(next) = answer.get_mut("next_cursor") {
                        next.take();
                    }
                }
                if looked_back != seen_then {
                    let difference = difference("", &looked_back, &seen_then);
                    panic!("{table} at {at} differs: {difference}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_date_means_the_end_of_that_day() {
    let place = Place::at(until()).await;
    let token = place.person("coordinator", Role::Coordinator, (None, None)).await;
    let mut by_date = place.found("/v1/overview?as_of=2026-03-11", &token).await;
    let at = "2026-03-11T23:59:59.999999%2B08:00";
    assert_eq!(by_date, place.found(&format!("/v1/overview?as_of={at}"), &token).await);
    let now = place.found("/v1/overview", &token).await;
    assert_ne!(by_date["figures"].take(), now["figures"], "nothing has happened since March");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_been_stays_as_it_was_when_a_case_goes_on() {
    let place = Place::at(until()).await;
    let token = place.person("coordinator", Role::Coordinator, (None, None)).await;
    let path = "/v1/overview?as_of=2026-06-09";
    let before = place.found(path, &token).await;
    // A case that had its last event by then, and one that was read again for the answer, both go on.
    let then = end_of("2026-06-09".parse().unwrap()).timestamp_micros();
    let cases: Vec<(CaseId, CenterId)> = {
        let view = place.doors.core.view();
        let index = view.index();
        let is_before = |row: &&CaseRow| row.last_recorded_at <= then;
        let has_gone_on = |row: &&CaseRow| row.first_recorded_at <= then && !is_before(row);
        let (still, moving) = (index.rows().find(is_before), index.rows().find(has_gone_on));
        let rows = [still.unwrap(), moving.unwrap()];
        rows.map(|row| (row.case_id, (*row.center).clone())).to_vec()
    };
    for (number, (case_id, center)) in (0..).zip(cases) {
        let subject = CaseSubject { center, case_id }.to_subject();
        let mut new = event(1, 900_000 + number, until(), of_kind(9, until()));
        new.envelope.subject = case_id.to_string();
        let sequence = place.doors.core.log.append(&subject, Expected::Any, &[new]).await.unwrap();
        place.doors.core.applied().wait_for(|applied| *applied >= sequence).await.unwrap();
    }
    assert_eq!(place.found(path, &token).await, before);
    // Nor does it change when more instants were looked at than are kept.
    for day in 1..=9 {
        place.found(&format!("/v1/overview?as_of=2026-05-0{day}"), &token).await;
    }
    assert_eq!(place.found(path, &token).await, before);
}
