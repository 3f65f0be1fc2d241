//! What moves a promise: pauses, the extension, a calendar that was published; and what asks for speed and moves
//! nothing.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

use proto_events::codes::{
    CaseState, Clock, Exclusion, Level, PauseReason, ReopenReason, Understood,
};
use proto_events::events::CaseEvent;

use super::*;
use crate::calendar::tests::china_with_2027;
use crate::calendar::{BusinessHours, CalendarYear, WorkingCalendar};
use crate::command::Command;
use crate::refusal::RefusalCode;

/// Signed for, and paused by the director because the applicant is waited for.
fn paused() -> Story {
    Story::accepted().does("director", wishes::pause(PauseReason::WaitingApplicant))
}

fn timer_resumes() -> Command {
    Command::Resume { automatic: true }
}

/// The delivered calendar without the years after this one.
fn published_to(year: i32) -> WorkingCalendar {
    let whole = district().calendar;
    // The days off of the sample district matter here only where the tests look: New Year and the festival of 2026.
    let off = |from: &str, to: &str| crate::calendar::DaysOff {
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        name: "节假日".to_string(),
    };
    let years = (2025..=year).map(|year| {
        let days = match year {
            2026 => CalendarYear {
                off: Vec::from([off("2026-01-01", "2026-01-03"), off("2026-02-15", "2026-02-23")]),
                work: ["2026-01-04", "2026-02-14", "2026-02-28"]
                    .map(|day| day.parse().unwrap())
                    .to_vec(),
            },
            _ => CalendarYear { off: Vec::new(), work: Vec::new() },
        };
        (year, days)
    });
    let hours = BusinessHours::parse(&["09:00-12:00", "13:30-17:30"]).unwrap();
    WorkingCalendar::new(years.collect::<BTreeMap<_, _>>(), hours, whole.offset()).unwrap()
}

#[test]
fn a_pause_lets_the_handling_clock_stand_still_and_no_other() {
    let story = paused().at("2026-03-16T10:00:00+08:00").runs(&[(Clock::FirstContact, 1)]);
    assert!(!story.case().is_overdue(story.now), "a clock that stands still is not late");
    story
        .promises("2026-03-10T17:30:00+08:00")
        .is(CaseState::InDepartment)
        .says_nothing("timer", &wishes::escalate(Level::Director, Clock::Handling, 1));
}

#[test]
fn each_reason_has_its_cap_and_the_event_says_when_the_pause_ends() {
    for (reason, days, until) in [
        (PauseReason::WaitingApplicant, 10, "2026-03-17T17:30:00+08:00"),
        (PauseReason::WaitingThirdParty, 15, "2026-03-24T17:30:00+08:00"),
        (PauseReason::StatutoryPeriod, 30, "2026-04-15T17:30:00+08:00"),
        (PauseReason::SystemDown, 5, "2026-03-10T17:30:00+08:00"),
        (PauseReason::ForceMajeure, 20, "2026-03-31T17:30:00+08:00"),
    ] {
        let story = Story::accepted().does("hr-lead", wishes::pause(reason));
        let CaseEvent::ClockPaused(data) = story.last() else { panic!("{:?}", story.last()) };
        assert_eq!((data.cap_working_days, data.until), (days, at(until)), "{reason}");
        assert_eq!(data.handler_informed, Some(true));
    }
}

#[test]
fn whoever_works_against_the_clock_neither_stops_nor_lengthens_it() {
    let (pause, extend) = (wishes::pause(PauseReason::SystemDown), wishes::extend(3));
    Story::accepted().forbids("hr-handler", &pause).forbids("hr-handler", &extend);
    Story::forwarded()
        .does("hr-lead", wishes::accept())
        .refuses("hr-lead", &pause, RefusalCode::SamePerson)
        .refuses("hr-lead", &extend, RefusalCode::SamePerson)
        .does("coordinator", extend)
        .does("director", pause);
}

#[test]
fn an_overdue_clock_is_not_paused() {
    let wish = wishes::pause(PauseReason::WaitingApplicant);
    Story::accepted().at("2026-03-10T17:30:00+08:00").does("director", wish.clone());
    Story::accepted().at("2026-03-10T17:30:01+08:00").refuses(
        "director",
        &wish,
        RefusalCode::PauseOverdue,
    );
}

#[test]
fn a_clock_that_stands_still_or_is_over_is_not_paused() {
    let wish = wishes::pause(PauseReason::WaitingThirdParty);
    paused().refuses("director", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("director", &wish, RefusalCode::WrongState);
}

#[test]
fn a_pause_ends_by_hand_and_moves_the_promise_by_the_working_days_it_lasted() {
    for person in ["clerk", "director", "hr-handler", "hr-lead", "coordinator"] {
        let story = paused()
            .at("2026-03-05T15:00:00+08:00")
            .does(person, wishes::resume())
            .promises("2026-03-12T17:30:00+08:00")
            .runs(&[(Clock::Handling, 1), (Clock::FirstContact, 1)]);
        let CaseEvent::ClockResumed(data) = story.last() else { panic!("{:?}", story.last()) };
        assert_eq!((data.working_days, data.automatic), (Some(2), false));
        let case = story.case();
        assert_eq!((case.promised_days, &case.pause), (Some(7), &None));
        assert_eq!(case.pauses[0].resumed_at, at("2026-03-05T15:00:00+08:00"));
        assert_eq!(case.original_due_at, at("2026-03-10T17:30:00+08:00"));
    }
}

#[test]
fn a_pause_of_some_hours_moves_nothing() {
    paused()
        .at("2026-03-03T16:00:00+08:00")
        .does("hr-handler", wishes::resume())
        .promises("2026-03-10T17:30:00+08:00");
}

#[test]
fn the_timer_ends_a_pause_at_its_end_and_not_before() {
    let story = paused()
        .at("2026-03-17T17:29:59+08:00")
        .says_nothing("timer", &timer_resumes())
        .at("2026-03-17T17:30:00+08:00")
        .does("timer", timer_resumes())
        .promises("2026-03-24T17:30:00+08:00");
    let CaseEvent::ClockResumed(data) = story.last() else { panic!("{:?}", story.last()) };
    assert!(data.automatic);
}

#[test]
fn a_pause_that_was_ended_late_counts_to_its_end_only() {
    let story = paused()
        .at("2026-03-20T09:00:00+08:00")
        .does("timer", timer_resumes())
        .promises("2026-03-24T17:30:00+08:00");
    assert_eq!(story.case().pauses[0].resumed_at, at("2026-03-17T17:30:00+08:00"));
    assert_eq!(story.case().pauses[0].working_days, 10);
    let by_hand = paused().at("2026-03-20T09:00:00+08:00").does("clerk", wishes::resume());
    by_hand.promises("2026-03-24T17:30:00+08:00");
}

#[test]
fn a_clock_that_runs_is_not_resumed_and_the_timer_says_so_by_saying_nothing() {
    Story::accepted()
        .refuses("clerk", &wishes::resume(), RefusalCode::WrongState)
        .says_nothing("timer", &timer_resumes());
    paused()
        .at("2026-03-04T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .at("2026-03-17T17:30:00+08:00")
        .says_nothing("timer", &timer_resumes());
}

#[test]
fn a_case_may_be_paused_again_and_both_pauses_move_its_promise() {
    let story = paused()
        .at("2026-03-04T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .does("coordinator", wishes::pause(PauseReason::ForceMajeure))
        .at("2026-03-06T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .promises("2026-03-13T17:30:00+08:00");
    let days: Vec<_> = story.case().pauses.iter().map(|pause| pause.working_days).collect();
    assert_eq!(days, [1, 2]);
    assert_ne!(story.case().resume_key(), paused().case().resume_key());
}

#[test]
fn the_cap_of_a_reason_is_one_for_all_its_pauses_of_a_handling() {
    let down = || wishes::pause(PauseReason::SystemDown);
    let story = Story::accepted()
        .does("director", down())
        .at("2026-03-06T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .does("director", down());
    // Three of five days are used.
    assert_eq!(story.case().pause.as_ref().unwrap().until, at("2026-03-10T17:30:00+08:00"));
    story
        .at("2026-03-10T17:30:00+08:00")
        .does("timer", timer_resumes())
        .refuses("director", &down(), RefusalCode::WrongState)
        .does("director", wishes::pause(PauseReason::ForceMajeure))
        .does("hr-handler", wishes::resolve())
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .does("director", down());
}

#[test]
fn a_pause_over_the_spring_festival_counts_its_make_up_saturday_and_no_holiday() {
    Story::beginning("2026-02-12T10:00:00+08:00")
        .does("clerk", wishes::open())
        // 13, the Saturday 14, 24, 25 and 26 February.
        .promises("2026-02-26T17:30:00+08:00")
        .at("2026-02-13T10:00:00+08:00")
        .does("director", wishes::pause(PauseReason::SystemDown))
        .at("2026-02-24T10:00:00+08:00")
        .does("clerk", wishes::resume())
        // The 14th and the 24th are given back: Friday 27 and the Saturday 28, a make-up day.
        .promises("2026-02-28T17:30:00+08:00");
}

#[test]
fn a_pause_over_the_national_day_gives_back_two_days_and_not_nine() {
    Story::beginning("2026-09-28T10:00:00+08:00")
        .does("clerk", wishes::open())
        // 29 and 30 September, 8, 9 and the Saturday 10 October.
        .promises("2026-10-10T17:30:00+08:00")
        .at("2026-09-30T10:00:00+08:00")
        .does("director", wishes::pause(PauseReason::WaitingThirdParty))
        .at("2026-10-09T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .promises("2026-10-13T17:30:00+08:00");
}

#[test]
fn a_case_that_ends_while_it_is_paused_runs_again_first_and_is_judged_on_the_moved_promise() {
    let story = Story::accepted()
        .at("2026-03-10T10:00:00+08:00")
        .does("director", wishes::pause(PauseReason::WaitingApplicant))
        .at("2026-03-12T10:00:00+08:00");
    let told = story.told.len();
    let story = story.does("hr-handler", wishes::resolve());
    assert_eq!(story.names_from(told), ["clock_resumed", "resolved"]);
    let outcome = story.case().outcome.as_ref().unwrap();
    assert_eq!(outcome.due_at, at("2026-03-12T17:30:00+08:00"));
    assert!(outcome.is_on_time() && !outcome.is_on_original_time());
    assert!(story.case().pause.is_none());
}

#[test]
fn every_end_of_a_paused_case_runs_its_clock_again() {
    let pause = || wishes::pause(PauseReason::WaitingApplicant);
    let explained = wishes::explain(
        proto_events::codes::ExplanationMode::InPerson,
        &["hr-bureau"],
        Understood::Yes,
    );
    for (story, person, end, names) in [
        (
            Story::opened(),
            "clerk",
            wishes::decline(Exclusion::Litigation, None),
            &["clock_resumed", "declined"][..],
        ),
        (Story::accepted(), "clerk", wishes::transfer(), &["clock_resumed", "transferred"][..]),
        (Story::not_doable(), "hr-lead", explained, &["clock_resumed", "explained"][..]),
        // A citizen's fact knows nothing of pauses; it ends this one all the same.
        (Story::accepted(), "clerk", wishes::withdraw(), &["withdrawn"][..]),
    ] {
        let story = story.does("director", pause());
        let told = story.told.len();
        let story = story.at("2026-03-04T10:00:00+08:00").does(person, end);
        assert_eq!(story.names_from(told), names);
        assert!(story.case().pause.is_none(), "{names:?}");
        story.says_nothing("timer", &timer_resumes()).refuses(
            "clerk",
            &wishes::resume(),
            RefusalCode::WrongState,
        );
    }
}

#[test]
fn an_extension_moves_the_promise_and_never_the_first_one() {
    let story =
        Story::accepted().does("director", wishes::extend(5)).promises("2026-03-17T17:30:00+08:00");
    let case = story.case();
    assert_eq!(case.original_due_at, at("2026-03-10T17:30:00+08:00"));
    assert_eq!(case.promised_days, Some(10));
    assert_eq!(case.extension.as_ref().unwrap().working_days, 5);
    let resolved = story.at("2026-03-16T10:00:00+08:00").does("hr-handler", wishes::resolve());
    let outcome = resolved.case().outcome.as_ref().unwrap();
    assert!(outcome.is_on_time() && !outcome.is_on_original_time());
}

#[test]
fn an_extension_has_one_to_ten_days_and_is_told_before_and_not_in_the_future() {
    for (days, is_right) in [(0, false), (1, true), (10, true), (11, false), (u32::MAX, false)] {
        let wish = wishes::extend(days);
        match is_right {
            true => drop(Story::accepted().does("hr-lead", wish)),
            false => drop(Story::accepted().faults("hr-lead", &wish, &["/working_days"])),
        }
    }
    let told = |time: &str| Command::Extend {
        working_days: 5,
        reason: "须等待外省复函".to_string(),
        applicant_told_at: at(time),
    };
    let pointer = ["/applicant_told_at"];
    Story::accepted()
        .faults("director", &told("2026-03-03T10:00:01+08:00"), &pointer)
        .faults("director", &told("2026-03-03T09:59:59+08:00"), &pointer)
        .faults("director", &told("2031-01-01T09:00:00+08:00"), &pointer)
        .does("director", told("2026-03-03T10:00:00+08:00"));
}

#[test]
fn a_promise_is_extended_once_and_before_it_has_passed() {
    let wish = wishes::extend(5);
    Story::accepted().at("2026-03-10T17:30:00+08:00").does("director", wish.clone());
    Story::accepted().at("2026-03-10T17:30:01+08:00").refuses(
        "director",
        &wish,
        RefusalCode::TooLate,
    );
    Story::accepted().does("director", wish.clone()).refuses(
        "coordinator",
        &wish,
        RefusalCode::ExtendedAlready,
    );
    Story::resolved().refuses("director", &wish, RefusalCode::WrongState);
}

#[test]
fn a_reopened_case_has_an_extension_of_its_own() {
    Story::accepted()
        .does("director", wishes::extend(5))
        .does("hr-handler", wishes::resolve())
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .promises("2026-03-10T17:30:00+08:00")
        .does("director", wishes::extend(1))
        .promises("2026-03-11T17:30:00+08:00");
}

#[test]
fn an_extension_over_the_spring_festival_counts_working_days() {
    Story::beginning("2026-02-05T10:00:00+08:00")
        .does("clerk", wishes::open())
        .promises("2026-02-12T17:30:00+08:00")
        .does(
            "director",
            Command::Extend {
                working_days: 3,
                reason: "节前无法取得档案".to_string(),
                applicant_told_at: at("2026-02-05T10:00:00+08:00"),
            },
        )
        .promises("2026-02-24T17:30:00+08:00");
}

#[test]
fn a_paused_case_may_be_extended_and_both_count() {
    paused()
        .does("coordinator", wishes::extend(5))
        .promises("2026-03-17T17:30:00+08:00")
        .at("2026-03-05T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .promises("2026-03-19T17:30:00+08:00");
}

/// A complex case of the last days of 2026, whose promise lies in a year that nobody has published.
fn provisional() -> Story {
    let story = Story::beginning("2026-12-28T10:00:00+08:00").does("clerk", wishes::open());
    assert!(story.case().provisional_due);
    story.promises("2027-01-04T17:30:00+08:00")
}

fn published(mut story: Story) -> Story {
    story.rules.calendar = china_with_2027();
    story
}

#[test]
fn a_provisional_promise_is_counted_again_when_its_year_is_published() {
    let story = published(provisional().says_nothing("timer", &Command::RecalculateDeadline))
        .does("timer", Command::RecalculateDeadline)
        // The new year takes 1, 4 and 5 January.
        .promises("2027-01-07T17:30:00+08:00")
        .says_nothing("timer", &Command::RecalculateDeadline);
    let CaseEvent::DeadlineRecalculated(data) = story.last() else { panic!("{:?}", story.last()) };
    assert_eq!(data.was_due_at, at("2027-01-04T17:30:00+08:00"));
    assert_eq!(data.published_to.to_string(), "2027-12-31");
    assert!(!data.provisional && !story.case().provisional_due);
    assert_eq!(story.case().original_due_at, at("2027-01-04T17:30:00+08:00"));
}

#[test]
fn only_a_provisional_promise_of_an_open_case_is_counted_again() {
    published(Story::accepted()).says_nothing("timer", &Command::RecalculateDeadline);
    published(provisional().does("clerk", wishes::withdraw()))
        .says_nothing("timer", &Command::RecalculateDeadline);
    published(provisional()).forbids("coordinator", &Command::RecalculateDeadline);
}

#[test]
fn counting_again_keeps_the_extension_and_the_pauses() {
    let told = Command::Extend {
        working_days: 2,
        reason: "须等待外省复函".to_string(),
        applicant_told_at: at("2026-12-28T10:00:00+08:00"),
    };
    let story = provisional()
        .does("director", told)
        .does("director", wishes::pause(PauseReason::SystemDown))
        .at("2026-12-30T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .promises("2027-01-08T17:30:00+08:00");
    // Nine days from 28 December: 29, 30, 31, then 6, 7, 8, 11, 12 and 13 January.
    published(story)
        .does("timer", Command::RecalculateDeadline)
        .promises("2027-01-13T17:30:00+08:00");
}

#[test]
fn what_moves_a_provisional_promise_counts_by_the_year_that_was_published_meanwhile() {
    let paused = provisional().does("director", wishes::pause(PauseReason::SystemDown));
    let resumed = published(paused)
        .at("2026-12-30T10:00:00+08:00")
        .does("clerk", wishes::resume())
        // Seven days: 29, 30, 31 December, 6, 7, 8 and 11 January.
        .promises("2027-01-11T17:30:00+08:00");
    assert!(!resumed.case().provisional_due);
    let told = Command::Extend {
        working_days: 2,
        reason: "须等待外省复函".to_string(),
        applicant_told_at: at("2026-12-28T10:00:00+08:00"),
    };
    published(provisional()).does("director", told).promises("2027-01-11T17:30:00+08:00");
}

#[test]
fn nobody_is_told_of_a_due_time_that_was_counted_again() {
    let director = wishes::escalate(Level::Director, Clock::Handling, 1);
    let story = published(provisional()).at("2027-01-06T09:00:00+08:00");
    story
        .does("timer", Command::RecalculateDeadline)
        .says_nothing("timer", &director)
        .at("2027-01-07T17:30:00+08:00")
        .does("timer", director);
}

#[test]
fn calendars_that_end_in_different_years_agree_once_both_are_published() {
    for ends in [2025, 2026] {
        let mut story = Story::new();
        story.rules.calendar = published_to(ends);
        let mut story = story.at("2026-02-12T10:00:00+08:00").does("clerk", wishes::open());
        let is_known = ends >= 2026;
        assert_eq!(story.case().provisional_due, !is_known, "{ends}");
        let first =
            if is_known { "2026-02-26T17:30:00+08:00" } else { "2026-02-19T17:30:00+08:00" };
        story = story.promises(first);
        story.rules.calendar = published_to(2026);
        if !is_known {
            story = story.does("timer", Command::RecalculateDeadline);
        }
        story
            .promises("2026-02-26T17:30:00+08:00")
            .says_nothing("timer", &Command::RecalculateDeadline);
    }
}

#[test]
fn to_ask_for_speed_is_written_down_and_moves_nothing() {
    let before = Story::accepted();
    let (clocks, due_at) = (before.case().clocks(), before.case().due_at);
    let story = before
        .at("2026-03-05T10:00:00+08:00")
        .does("clerk", wishes::urge())
        .does("coordinator", wishes::urge());
    let case = story.case();
    assert_eq!((case.clocks(), case.due_at), (clocks, due_at));
    assert_eq!(case.urges.len(), 2);
    assert_eq!(case.urges[0].by, "clerk");
    story.is(CaseState::InDepartment);
    Story::resolved().refuses("clerk", &wishes::urge(), RefusalCode::WrongState);
    Story::opened().faults("clerk", &Command::Urge { text: " ".to_string() }, &["/text"]);
}
