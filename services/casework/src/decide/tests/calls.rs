//! When an event calls for something by itself, and when it no longer does.

use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, Clock, ClosingCode, Complexity, ConveneTrigger, Exclusion, Level, ReopenReason,
    Solved,
};
use proto_events::events::CaseEvent;

use super::{Story, wishes};
use crate::calendar::tests::at;
use crate::case::Case;
use crate::command::Command;
use crate::reaction::{forwarding, help, may_forward, may_help, still_calls_for_help};

/// A story of this complexity that has just come to its due time, and the director was named.
fn overdue(complexity: Complexity) -> Story {
    let open = wishes::open_with(|open| open.complexity = complexity);
    let story = Story::new().does("clerk", open);
    let due_at = story.case().due_at;
    let mut story = story;
    story.now = due_at;
    story.does("timer", wishes::escalate(Level::Director, Clock::Handling, 1))
}

/// A story with one return.
fn returned() -> Story {
    Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("medical-insurance"))
}

fn help_of(story: &Story) -> Option<Command> {
    help(story.last(), story.case(), &story.rules)
}

fn trigger_of(story: &Story) -> Option<ConveneTrigger> {
    match help_of(story)? {
        Command::ConveneTaskForce { trigger, .. } => Some(trigger),
        other => panic!("{other:?} convenes nobody"),
    }
}

#[test]
fn few_events_call_for_anything() {
    let warned = Story::forwarded()
        .at("2026-03-09T10:00:00+08:00")
        .does("timer", wishes::escalate(Level::Warning50, Clock::Handling, 1));
    let uncontacted = Story::forwarded()
        .at("2026-03-05T10:00:00+08:00")
        .does("timer", wishes::escalate(Level::Director, Clock::FirstContact, 1));
    let reopened = Story::resolved().does("clerk", wishes::reopen(ReopenReason::Partial));
    let answered = Story::resolved().does("callback", wishes::feedback(Solved::Yes, 5));
    for (story, forwards, helps) in [
        (Story::opened(), true, false),
        (Story::forwarded(), false, false),
        (returned(), false, true),
        (reopened, true, true),
        (answered, false, true),
        (overdue(Complexity::Complex), false, true),
        (warned, false, false),
        (uncontacted, false, false),
    ] {
        let event = story.last();
        assert_eq!((may_forward(event), may_help(event)), (forwards, helps), "{event:?}");
    }
}

#[test]
fn an_opening_forwards_only_what_still_lies_in_the_queue_untouched() {
    let told = |story: &Story| forwarding(&story.told[0], story.case(), &story.rules);
    let opened = Story::opened();
    assert!(told(&opened).is_some());
    let convened = Story::opened().does("director", wishes::convene(ConveneTrigger::Person));
    assert_eq!(told(&convened), None);
    let dissolved = convened.does("director", wishes::dissolve()).is(CaseState::Opened);
    assert_eq!(told(&dissolved), None, "people sat over it; they hand it over");
    let declined = Story::opened().does("clerk", wishes::decline(Exclusion::Litigation, None));
    assert_eq!(told(&declined), None);
}

#[test]
fn a_department_that_gets_the_case_again_is_told_from_two_that_return_it() {
    let again = Story::resolved()
        .does("clerk", wishes::reopen(ReopenReason::Partial))
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::send_back("civil-affairs"))
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("hr-public-service"));
    assert_eq!(trigger_of(&again), Some(ConveneTrigger::BackAndForth));
}

#[test]
fn an_unsolved_end_convenes_and_other_reasons_do_not() {
    let reopened = |reason| Story::resolved().does("clerk", wishes::reopen(reason));
    let unsolved = reopened(ReopenReason::NotSolved);
    assert_eq!(trigger_of(&unsolved), Some(ConveneTrigger::ReopenedUnsolved));
    assert_eq!(help_of(&reopened(ReopenReason::Partial)), None);
    // The wish of somebody who had withdrawn wakes nothing.
    let over = Story::opened()
        .does("clerk", wishes::withdraw())
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .is(CaseState::Withdrawn);
    assert_eq!(help_of(&over), None);
}

#[test]
fn an_overdue_case_convenes_unless_it_is_simple() {
    assert_eq!(help_of(&overdue(Complexity::Simple)), None);
    for complexity in [Complexity::Complex, Complexity::Special, Complexity::Hard] {
        let trigger = trigger_of(&overdue(complexity));
        assert_eq!(trigger, Some(ConveneTrigger::OverdueComplex), "{complexity}");
    }
}

#[test]
fn nobody_at_home_closes_only_as_not_reached() {
    let unanswered = Story::resolved().does("callback", wishes::unanswered());
    let close = Command::Close { code: ClosingCode::NotReached };
    assert_eq!(help_of(&unanswered), Some(close));
    assert_eq!(unanswered.case().closing_key(), "close#1");
}

/// Whether the last event of a story, told late, still calls for help from a case that was changed since.
fn calls(story: &Story, time: Timestamp, change: impl FnOnce(&mut Case)) -> bool {
    let mut case = story.case().clone();
    change(&mut case);
    still_calls_for_help(time, story.last(), &case)
}

#[test]
fn a_return_calls_until_somebody_sat_over_it_or_the_case_was_taken_up_anew() {
    let story = returned();
    let time = story.now;
    let (before, after) = (at("2026-03-03T09:30:00+08:00"), at("2026-03-03T10:30:00+08:00"));
    assert!(calls(&story, time, |_| {}));
    assert!(calls(&story, time, |case| case.handling_since = before));
    assert!(!calls(&story, time, |case| case.handling_since = after));

    let convened = story.does("director", wishes::convene(ConveneTrigger::Person));
    let force = convened.case().task_force.clone();
    let story = returned();
    for (convened_at, dissolved_at, is_unanswered) in [
        (before, Some(before), true),
        (before, Some(time), true),
        (before, Some(after), false),
        (before, None, false),
        (time, Some(time), false),
        (after, Some(after), false),
        (after, None, false),
    ] {
        let found = calls(&story, time, |case| {
            case.task_force = force.clone().map(|mut force| {
                (force.convened_at, force.dissolved_at) = (convened_at, dissolved_at);
                force
            });
        });
        assert_eq!(found, is_unanswered, "{convened_at} to {dissolved_at:?}");
    }
}

#[test]
fn a_reopening_and_a_step_call_for_the_handling_and_the_promise_they_were_about() {
    let reopened = Story::resolved().does("clerk", wishes::reopen(ReopenReason::NotSolved));
    let (time, later) = (reopened.now, at("2026-03-20T10:00:00+08:00"));
    assert!(calls(&reopened, time, |_| {}));
    assert!(!calls(&reopened, time, |case| case.handling_since = later));
    let sits = reopened.does("timer", wishes::convene(ConveneTrigger::ReopenedUnsolved));
    let force = sits.case().task_force.clone();
    let reopened = Story::resolved().does("clerk", wishes::reopen(ReopenReason::NotSolved));
    assert!(!calls(&reopened, time, |case| case.task_force.clone_from(&force)));

    let late = overdue(Complexity::Complex);
    let time = late.now;
    assert!(calls(&late, time, |_| {}));
    assert!(!calls(&late, time, |case| case.due_at = later), "it was promised anew");
    assert!(!calls(&late, time, |case| case.handling_since = later));
    assert!(calls(&late, time, |case| case.handling_since = time));
    let sits = |case: &mut Case| {
        case.task_force = force.clone();
        if let Some(force) = &mut case.task_force {
            force.convened_at = later;
        }
    };
    assert!(!calls(&late, time, sits));

    // What the applicant said is looked at by the decision.
    let answered = Story::resolved().does("callback", wishes::feedback(Solved::No, 1));
    assert!(matches!(answered.last(), CaseEvent::FeedbackRecorded(_)));
    assert!(calls(&answered, answered.now, sits));
}
