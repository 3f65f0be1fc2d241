//! Another complexity or another cause, and what it may do to the promise.

use alloc::string::ToString;

use proto_events::codes::{Cause, CauseCategory, Complexity, PauseReason};
use proto_events::events::CaseEvent;

use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;

fn to(complexity: Option<Complexity>, cause: Option<Cause>) -> Command {
    Command::Reclassify { complexity, cause, reason: "核实后调整".to_string() }
}

#[test]
fn another_complexity_counts_the_promise_anew_from_the_start_of_the_handling() {
    for (complexity, due, days) in [
        (Complexity::Simple, "2026-03-06T17:30:00+08:00", 3),
        (Complexity::Special, "2026-03-17T17:30:00+08:00", 10),
        (Complexity::Hard, "2026-03-24T17:30:00+08:00", 15),
    ] {
        let story = Story::accepted()
            .at("2026-03-05T10:00:00+08:00")
            .does("hr-handler", wishes::reclassify(complexity))
            .promises(due);
        let case = story.case();
        assert_eq!((case.complexity, case.promised_days), (complexity, Some(days)));
        assert_eq!(case.original_due_at, at("2026-03-10T17:30:00+08:00"));
        let CaseEvent::Reclassified(data) = story.last() else { panic!("{:?}", story.last()) };
        assert_eq!(data.complexity.as_ref().unwrap().from, Complexity::Complex);
    }
}

#[test]
fn another_cause_moves_no_promise() {
    let story = Story::accepted()
        .at("2026-03-10T17:00:00+08:00")
        .does("hr-handler", to(None, Some(Cause::SystemNotShared)))
        .promises("2026-03-10T17:30:00+08:00");
    assert_eq!(story.case().cause_provisional, Cause::SystemNotShared);
    assert_eq!(story.case().promised_days, Some(5));
}

#[test]
fn the_extension_and_the_pauses_are_kept() {
    Story::accepted()
        .does("director", wishes::extend(5))
        .does("director", wishes::pause(PauseReason::WaitingApplicant))
        .at("2026-03-05T10:00:00+08:00")
        .does("clerk", wishes::resume())
        .promises("2026-03-19T17:30:00+08:00")
        .does("hr-handler", wishes::reclassify(Complexity::Special))
        .promises("2026-03-26T17:30:00+08:00")
        .does("hr-handler", wishes::reclassify(Complexity::Simple))
        .promises("2026-03-17T17:30:00+08:00");
}

#[test]
fn after_four_fifths_of_the_time_only_the_coordinator_lengthens_it() {
    let longer = wishes::reclassify(Complexity::Special);
    let last = "2026-03-09T16:18:00+08:00";
    Story::accepted().at(last).does("hr-handler", longer.clone());
    for person in ["clerk", "director", "hr-handler", "hr-lead"] {
        Story::accepted().at("2026-03-09T16:18:01+08:00").forbids(person, &longer);
    }
    let late = Story::accepted().at("2026-03-09T16:18:01+08:00");
    late.does("coordinator", longer).promises("2026-03-17T17:30:00+08:00");
    Story::accepted()
        .at("2026-03-09T16:18:01+08:00")
        .does("hr-handler", wishes::reclassify(Complexity::Simple))
        .promises("2026-03-09T17:30:00+08:00");
}

#[test]
fn time_does_not_pass_for_a_clock_that_stands_still() {
    Story::accepted()
        .does("director", wishes::pause(PauseReason::WaitingApplicant))
        .at("2026-03-13T10:00:00+08:00")
        .does("hr-handler", wishes::reclassify(Complexity::Special))
        .promises("2026-03-17T17:30:00+08:00")
        .does("hr-handler", wishes::reclassify(Complexity::Simple))
        .promises("2026-03-06T17:30:00+08:00")
        .does("hr-handler", wishes::resume())
        .promises("2026-03-18T17:30:00+08:00");
}

#[test]
fn a_shorter_limit_never_makes_a_case_late() {
    let shorter = wishes::reclassify(Complexity::Simple);
    let hard =
        || Story::new().does("clerk", wishes::open_with(|open| open.complexity = Complexity::Hard));
    for (now, due) in [
        // Three days are over since Friday 6 March: the close of the present day, or of the next one.
        ("2026-03-06T17:30:00+08:00", "2026-03-06T17:30:00+08:00"),
        ("2026-03-09T10:00:00+08:00", "2026-03-09T17:30:00+08:00"),
        ("2026-03-09T20:00:00+08:00", "2026-03-10T17:30:00+08:00"),
        ("2026-03-14T11:00:00+08:00", "2026-03-16T17:30:00+08:00"),
    ] {
        let story = hard().at(now).does("clerk", shorter.clone()).promises(due);
        assert!(!story.case().is_overdue(story.now), "{now}");
    }
}

#[test]
fn a_shorter_limit_never_gives_more_time_than_was_promised() {
    let shorter = wishes::reclassify(Complexity::Simple);
    for now in ["2026-03-10T18:00:00+08:00", "2026-03-13T10:00:00+08:00"] {
        let story = Story::accepted()
            .at(now)
            .does("coordinator", shorter.clone())
            .promises("2026-03-10T17:30:00+08:00");
        assert!(story.case().is_overdue(story.now), "what is late stays late: {now}");
    }
}

#[test]
fn there_and_back_gives_no_day_more() {
    Story::accepted()
        .at("2026-03-09T10:00:00+08:00")
        .does("clerk", wishes::reclassify(Complexity::Simple))
        .promises("2026-03-09T17:30:00+08:00")
        .does("coordinator", wishes::reclassify(Complexity::Complex))
        .promises("2026-03-10T17:30:00+08:00");
}

#[test]
fn a_longer_limit_that_is_over_as_well_leaves_the_case_late() {
    let story = Story::new()
        .does("clerk", wishes::open_with(|open| open.complexity = Complexity::Simple))
        .at("2026-03-13T10:00:00+08:00")
        .does("coordinator", wishes::reclassify(Complexity::Complex))
        .promises("2026-03-10T17:30:00+08:00");
    assert!(story.case().is_overdue(story.now));
}

#[test]
fn the_limits_of_today_do_not_pass_for_something_that_was_granted() {
    let mut story = Story::accepted();
    story.rules.limits.complex = 3;
    story
        .does("clerk", wishes::reclassify(Complexity::Special))
        .promises("2026-03-17T17:30:00+08:00");
}

#[test]
fn a_change_names_what_changes_and_never_the_applicants_own_cause() {
    let same = to(Some(Complexity::Complex), Some(Cause::Information));
    Story::accepted().faults("hr-handler", &to(None, None), &[""]).faults(
        "hr-handler",
        &same,
        &[""],
    );
    for cause in Cause::ALL.iter().filter(|one| one.category() == CauseCategory::Applicant) {
        Story::accepted().faults("hr-handler", &to(None, Some(*cause)), &["/cause"]);
    }
}

#[test]
fn what_is_over_is_not_reclassified() {
    let wish = wishes::reclassify(Complexity::Hard);
    Story::resolved().refuses("hr-handler", &wish, RefusalCode::WrongState);
    let withdrawn = Story::opened().does("clerk", wishes::withdraw());
    withdrawn.refuses("clerk", &wish, RefusalCode::WrongState);
}
