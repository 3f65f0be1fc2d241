//! The figures, counted over small districts.

use chrono::TimeDelta;

mod agree;
mod past;
mod year;

use super::*;
use crate::index::Names;
use crate::record::{CaseRecord, Written};
use crate::testing::{at, district, event, of_kind, opened, recorded, subject};

/// The row of a case with these kinds of events, a day apart, from the 26th at 10:00.
fn row(n: u128, kinds: &[usize]) -> CaseRow {
    let district = district();
    let start = at("2021-01-26T10:00:00");
    let mut events = vec![(subject(n), event(n, 0, start, opened(n, start)))];
    for (number, kind) in (1..).zip(kinds) {
        let time = start + TimeDelta::days(number);
        let number = number.cast_unsigned().into();
        events.push((subject(n), event(n, number, time, of_kind(*kind, time))));
    }
    let mut record = None;
    for recorded in recorded(&events) {
        let (meta, event) = desk::decode(&recorded).unwrap();
        record = CaseRecord::step(record, &meta, &event, Written::of(&recorded, &meta));
    }
    CaseRow::of(&record.unwrap(), &district.rules, &mut Names::default())
}

fn counted(rows: &[CaseRow], from: &str, to: &str, as_of: &str) -> BTreeMap<String, Figure> {
    let district = district();
    let calendar = &district.rules.calendar;
    let period = Period::new(at(from), at(to), at(as_of), calendar);
    figures(rows.iter(), &period, calendar, &[])
}

fn january(rows: &[CaseRow]) -> BTreeMap<String, Figure> {
    counted(rows, "2021-01-01T00:00:00", "2021-01-31T23:59:59", "2021-01-31T12:00:00")
}

#[track_caller]
fn assert_share(figures: &BTreeMap<String, Figure>, name: &str, numerator: u64, denominator: u64) {
    let figure = figures.get(name).unwrap_or_else(|| panic!("no figure {name}"));
    assert_eq!((figure.numerator, figure.denominator), (numerator, denominator), "{name}");
}

const FORWARDED: usize = 0;
const CONTACTED: usize = 2;
const RETURNED: usize = 3;
const ANSWERED: usize = 6;
const RESOLVED: usize = 7;
const EXPLAINED: usize = 8;
const REOPENED: usize = 9;
const DETERMINED: usize = 12;

#[test]
fn an_open_overdue_case_is_in_the_denominator_of_on_time() {
    // Due on the 29th at 10:00: one resolved on the 27th, one still open on the 31st.
    let figures = january(&[row(0, &[RESOLVED]), row(1, &[])]);
    assert_share(&figures, "on_time", 1, 2);
    assert_share(&figures, "on_time_original", 1, 2);
    assert_eq!(figures["overdue"].value, Some(1.0));
    assert_eq!(figures["open"].value, Some(1.0));
    assert!(figures["on_time"].interval.is_some(), "two cases need their interval");
}

#[test]
fn an_outcome_after_the_promise_is_not_on_time() {
    let figures = january(&[row(0, &[FORWARDED, CONTACTED, RETURNED, RESOLVED])]);
    assert_share(&figures, "on_time", 0, 1);
    assert_share(&figures, "done_rate", 1, 1);
    assert_share(&figures, "first_time_right", 0, 1);
    assert_share(&figures, "ping_pong_rate", 0, 1);
}

#[test]
fn a_promise_that_is_not_due_yet_is_broken_by_nobody_and_kept_by_whoever_kept_it() {
    // Both due on the 29th; one was resolved on the 27th, one is open on the 28th and late on the 30th.
    let rows = [row(0, &[RESOLVED]), row(1, &[])];
    let on = |as_of| counted(&rows, "2021-01-01T00:00:00", "2021-01-31T00:00:00", as_of);
    assert_share(&on("2021-01-28T12:00:00"), "on_time", 1, 1);
    assert_share(&on("2021-01-28T12:00:00"), "on_time_original", 1, 1);
    assert_share(&on("2021-01-30T12:00:00"), "on_time", 1, 2);
}

#[test]
fn what_was_explained_is_never_done() {
    let figures = january(&[row(0, &[DETERMINED, EXPLAINED]), row(1, &[RESOLVED])]);
    assert_share(&figures, "done_rate", 1, 2);
    assert_share(&figures, "explained_share", 1, 2);
    for name in ["explained_with_basis", "explained_jointly", "explained_understood"] {
        assert_share(&figures, name, 1, 1);
    }
}

#[test]
fn reopening_does_not_make_an_earlier_round_disappear() {
    let figures = january(&[row(0, &[RESOLVED, ANSWERED, REOPENED])]);
    assert_share(&figures, "done_rate", 1, 1);
    assert_share(&figures, "reopen_rate", 1, 1);
    assert_share(&figures, "solved_rate", 1, 1);
    // The first promise lies in January, the second on 1 February.
    assert_share(&figures, "on_time", 1, 1);
    assert_eq!(figures["open"].value, Some(1.0));
    assert_eq!(figures["due_within_day"].value, Some(1.0));
}

#[test]
fn the_first_contact_counts_when_it_is_due_and_a_return_before_it_ends_the_duty() {
    let in_time = row(0, &[FORWARDED, CONTACTED]);
    let never = row(1, &[FORWARDED]);
    let mut returned = row(2, &[FORWARDED, RETURNED]);
    returned.facts.hops[0].left_at = Some(returned.facts.hops[0].contact_due_at - 1);
    assert_share(&january(&[in_time, never, returned]), "response_rate", 1, 2);
}

#[test]
fn lead_times_are_working_days_by_complexity() {
    // Resolved one, two and three days after the 26th, a Tuesday.
    let rows = [row(0, &[RESOLVED]), row(1, &[5, RESOLVED]), row(2, &[5, 5, RESOLVED])];
    let figures = january(&rows);
    assert_eq!(figures["lead_time_p50"].value, Some(2.0));
    assert_eq!(figures["lead_time_p90_simple"].value, Some(3.0));
    assert_eq!(figures["lead_time_p50"].denominator, 3);
    assert_eq!(figures["lead_time_p50_hard"].value, None);
}

#[test]
fn nothing_to_count_is_no_figure_and_not_zero() {
    let figures = january(&[]);
    assert_eq!(figures["solved_rate"].value, None);
    assert_eq!(figures["open"].value, Some(0.0));
    for name in ["rectified_in_time", "special_layers_complete", "first_meeting_days", "dwell"] {
        assert_share(&figures, name, 0, 0);
    }
}

#[test]
fn an_earlier_as_of_sees_the_cases_that_were_open_then() {
    let rows = [row(0, &[RESOLVED])];
    let then = counted(&rows, "2021-01-01T00:00:00", "2021-01-31T00:00:00", "2021-01-26T12:00:00");
    assert_eq!(then["open"].value, Some(1.0));
    assert_eq!(january(&rows)["open"].value, Some(0.0));
}
