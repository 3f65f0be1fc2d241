//! The ladder of story 6 (Spring Festival 2026), what a restart changes, and laws of every ladder.

use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::calendar::tests::{at, china, instants};

/// A complex case, opened on the Friday before the Spring Festival of 2026.
fn spring_festival() -> ClockRun {
    run_of(Clock::Handling, at("2026-02-13T10:00:00+08:00"), Limits::default().complex)
}

fn run_of(clock: Clock, started_at: Timestamp, days: u32) -> ClockRun {
    ClockRun { clock, occurrence: 1, started_at, due_at: china().deadline(started_at, days).due_at }
}

fn levels(steps: &[Step]) -> Vec<Level> {
    steps.iter().map(|step| step.level).collect()
}

#[test]
fn a_case_opened_before_the_spring_festival_climbs_in_opening_hours_after_it() {
    let run = spring_festival();
    assert_eq!(run.due_at, at("2026-02-27T17:30:00+08:00"));
    let expected = [
        (Level::Warning50, "2026-02-25T09:30:00+08:00"),
        (Level::Warning80, "2026-02-26T16:18:00+08:00"),
        (Level::Director, "2026-02-27T17:30:00+08:00"),
        // A Saturday, and a working day.
        (Level::DepartmentLead, "2026-02-28T09:00:00+08:00"),
        (Level::Coordinator, "2026-03-03T09:00:00+08:00"),
        (Level::LeadingGroup, "2026-03-05T09:00:00+08:00"),
    ];
    assert_eq!(
        ladder(&china(), &run),
        expected.map(|(level, instant)| Step { level, at: at(instant) })
    );
}

#[test]
fn the_director_is_named_by_the_tick_after_the_close() {
    let (calendar, run) = (china(), spring_festival());
    let warned = |level: Level| level.rank() == 0;
    assert!(due_steps(&calendar, &run, warned, at("2026-02-27T17:29:59+08:00")).is_empty());
    let steps = due_steps(&calendar, &run, warned, at("2026-02-27T17:30:07+08:00"));
    assert_eq!(levels(&steps), [Level::Director]);
}

#[test]
fn a_process_that_was_down_tells_every_level_once_lowest_first_and_no_late_warning() {
    let (calendar, run) = (china(), spring_festival());
    let mut fired = vec![];
    // Down from the beginning; up again in the night after the third overdue working day began.
    let night = at("2026-03-03T03:00:00+08:00");
    assert!(due_steps(&calendar, &run, |_| false, night).is_empty());
    assert_eq!(next_due(&calendar, &run, |_| false, night), Some(at("2026-03-03T09:00:00+08:00")));
    let morning = at("2026-03-03T09:00:00+08:00");
    let steps = due_steps(&calendar, &run, |level| fired.contains(&level), morning);
    assert_eq!(levels(&steps), [Level::Director, Level::DepartmentLead, Level::Coordinator]);
    fired.extend(levels(&steps));
    // A second look, and a restart with the same facts, say nothing more.
    assert!(due_steps(&calendar, &run, |level| fired.contains(&level), morning).is_empty());
    let next = next_due(&calendar, &run, |level| fired.contains(&level), morning);
    assert_eq!(next, Some(at("2026-03-05T09:00:00+08:00")));
    fired.push(Level::LeadingGroup);
    assert_eq!(next_due(&calendar, &run, |level| fired.contains(&level), morning), None);
}

#[test]
fn both_warnings_are_told_when_both_were_missed_before_the_due_time() {
    let steps = due_steps(&china(), &spring_festival(), |_| false, at("2026-02-27T10:00:00+08:00"));
    assert_eq!(levels(&steps), [Level::Warning50, Level::Warning80]);
}

#[test]
fn a_small_promise_climbs_a_short_ladder_and_the_right_to_return_none() {
    let (calendar, start) = (china(), at("2026-03-02T10:00:00+08:00"));
    for clock in Clock::ALL {
        let expected: &[Level] = match clock {
            Clock::Handling => Level::ALL,
            Clock::Return => &[],
            Clock::Arbitration => &[Level::Warning80, Level::Director, Level::Coordinator],
            _ => &[Level::Warning80, Level::Director, Level::DepartmentLead],
        };
        assert_eq!(levels(&ladder(&calendar, &run_of(*clock, start, 1))), expected, "{clock}");
    }
    assert_eq!(next_due(&calendar, &run_of(Clock::Return, start, 1), |_| false, start), None);
}

#[test]
fn a_run_is_named_by_its_clock_and_occurrence() {
    assert_eq!(spring_festival().key(), "handling#1");
    let json = serde_json::to_value(spring_festival()).unwrap();
    assert_eq!(json["clock"], "handling");
    assert_eq!(serde_json::from_value::<ClockRun>(json).unwrap(), spring_festival());
}

#[test]
fn a_step_is_named_by_its_run_and_its_level() {
    assert_eq!(spring_festival().step_key(Level::Director), "handling#1/director");
}

#[test]
fn a_pause_of_no_day_keeps_the_promise_and_what_is_known_of_it() {
    let calendar = china();
    let noon = at("2026-12-30T12:00:00+08:00");
    for (due, provisional) in
        [("2026-12-31T17:30:00+08:00", false), ("2027-01-04T17:30:00+08:00", true)]
    {
        let kept = due_after_pause(&calendar, at(due), noon, noon);
        assert_eq!(kept, Deadline { due_at: at(due), provisional });
        // A clock that went back in between takes nothing away.
        let back = due_after_pause(&calendar, at(due), noon, at("2026-12-28T12:00:00+08:00"));
        assert_eq!(back, kept);
    }
}

#[test]
fn a_pause_moves_the_due_date_by_the_working_days_it_lasted() {
    let (calendar, due) = (china(), at("2026-02-12T17:30:00+08:00"));
    let after = |from: &str, to: &str| due_after_pause(&calendar, due, at(from), at(to)).due_at;
    assert_eq!(after("2026-02-11T10:00:00+08:00", "2026-02-11T16:00:00+08:00"), due);
    assert_eq!(after("2026-02-11T10:00:00+08:00", "2026-02-10T16:00:00+08:00"), due);
    // Paused over the festival: 12, 13, 14 (a make-up Saturday) and 24 February; so 13, 14, 24, 25
    // are added.
    let moved = after("2026-02-11T10:00:00+08:00", "2026-02-24T10:00:00+08:00");
    assert_eq!(moved, at("2026-02-25T17:30:00+08:00"));
}

fn runs() -> impl Strategy<Value = ClockRun> {
    (0..Clock::ALL.len(), instants(), 1_u32..20)
        .prop_map(|(clock, start, days)| run_of(Clock::ALL[clock], start, days))
}

proptest! {
    #[test]
    fn every_step_stands_in_order_where_people_may_be_told(run in runs()) {
        let calendar = china();
        let steps = ladder(&calendar, &run);
        prop_assert!(steps.is_sorted_by(|a, b| a.level < b.level && a.at <= b.at));
        for step in steps {
            prop_assert!(calendar.may_notify_at(step.at), "{step:?}");
            prop_assert!(step.at >= run.started_at);
        }
    }

    #[test]
    fn however_often_somebody_looks_every_level_is_told_at_most_once_and_in_the_end_every_escalation(
        run in runs(), mut looks in prop::collection::vec(0_i64..60 * 24 * 60, 0..40),
    ) {
        let calendar = china();
        looks.sort_unstable();
        let mut told: Vec<Level> = Vec::new();
        for minutes in looks {
            let now = run.started_at + chrono::TimeDelta::minutes(minutes);
            for step in due_steps(&calendar, &run, |level| told.contains(&level), now) {
                prop_assert!(!told.contains(&step.level) && step.at <= now && calendar.may_notify_at(now));
                prop_assert!(step.level.rank() > 0 || now < run.due_at);
                told.push(step.level);
            }
        }
        prop_assert!(told.is_sorted());
        let later = calendar.next_opening(run.due_at + chrono::TimeDelta::days(60));
        told.extend(levels(&due_steps(&calendar, &run, |level| told.contains(&level), later)));
        let escalations = |levels: Vec<Level>| levels.into_iter().filter(|level| level.rank() > 0).collect::<Vec<_>>();
        prop_assert_eq!(escalations(told), escalations(levels(&ladder(&calendar, &run))));
    }

    #[test]
    fn following_the_next_look_misses_nothing(run in runs()) {
        let calendar = china();
        let (mut told, mut now): (Vec<Level>, _) = (Vec::new(), run.started_at);
        while let Some(next) = next_due(&calendar, &run, |level| told.contains(&level), now) {
            prop_assert!(next >= now);
            let steps = due_steps(&calendar, &run, |level| told.contains(&level), next);
            prop_assert!(!steps.is_empty());
            told.extend(levels(&steps));
            now = next;
        }
        prop_assert_eq!(told, levels(&ladder(&calendar, &run)));
    }
}
