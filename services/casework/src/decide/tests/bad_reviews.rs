//! Bad reviews, and how they are put right.

use alloc::string::String;

use proto_events::codes::{CaseState, Clock, ClosingCode, Solved};
use proto_events::events::CaseEvent;

use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;

/// Both clocks of a bad review.
pub(super) const fn under_rectification(number: u32) -> [(Clock, u32); 2] {
    [(Clock::BadReviewContact, number), (Clock::BadReviewFix, number)]
}

pub(super) fn badly_graded() -> Story {
    Story::resolved().does("callback", wishes::feedback(Solved::Yes, 2))
}

#[test]
fn a_bad_review_opens_a_rectification_with_its_deadlines() {
    let story =
        badly_graded().does("timer", Command::OpenRectification).runs(&under_rectification(1));
    let CaseEvent::RectificationOpened(opened) = story.last() else { panic!("{:?}", story.last()) };
    assert_eq!(opened.owner, "hr-public-service");
    assert_eq!(opened.contact_due_at, at("2026-03-04T17:30:00+08:00"));
    assert_eq!(opened.due_at, at("2026-03-10T17:30:00+08:00"));
    story.says_nothing("timer", &Command::OpenRectification);
}

#[test]
fn not_solved_is_a_bad_review_whatever_the_grade_and_three_stars_are_none() {
    Story::resolved()
        .does("callback", wishes::feedback(Solved::No, 5))
        .does("timer", Command::OpenRectification);
    for (solved, grade) in [(Solved::Yes, 3), (Solved::Partly, 4)] {
        Story::resolved()
            .does("callback", wishes::feedback(solved, grade))
            .says_nothing("timer", &Command::OpenRectification);
    }
    Story::resolved()
        .does("callback", wishes::unanswered())
        .says_nothing("timer", &Command::OpenRectification);
}

#[test]
fn a_second_bad_review_after_the_first_was_put_right_opens_another() {
    badly_graded()
        .does("timer", Command::OpenRectification)
        .does("director", wishes::complete())
        .says_nothing("timer", &Command::OpenRectification)
        .at("2026-03-05T10:00:00+08:00")
        .does("callback", wishes::feedback(Solved::No, 1))
        .does("timer", Command::OpenRectification)
        .runs(&under_rectification(2));
}

#[test]
fn a_second_bad_word_is_put_right_with_the_first_up_to_the_moment_of_its_completion() {
    let completion = "2026-03-05T10:00:00+08:00";
    for heard in ["2026-03-04T10:00:00+08:00", completion] {
        badly_graded()
            .does("timer", Command::OpenRectification)
            .at(heard)
            .does("callback", wishes::feedback(Solved::No, 1))
            .says_nothing("timer", &Command::OpenRectification)
            .at(completion)
            .does("director", wishes::complete())
            .says_nothing("timer", &Command::OpenRectification)
            .does("timer", wishes::close_after_feedback());
    }
}

#[test]
fn a_rectification_that_is_not_open_is_not_completed() {
    Story::resolved().refuses("director", &wishes::complete(), RefusalCode::WrongState);
    badly_graded()
        .does("timer", Command::OpenRectification)
        .does("hr-lead", wishes::complete())
        .refuses("hr-lead", &wishes::complete(), RefusalCode::WrongState);
    let empty = Command::CompleteRectification { action: String::new(), result: String::new() };
    badly_graded().faults("director", &empty, &["/action", "/result"]);
}

#[test]
fn a_case_is_not_closed_before_its_bad_review_is_put_right() {
    let wish = wishes::close(ClosingCode::FeedbackRecorded);
    badly_graded()
        .refuses("timer", &wish, RefusalCode::RectificationOpen)
        .does("timer", Command::OpenRectification)
        .refuses("timer", &wish, RefusalCode::RectificationOpen)
        .does("director", wishes::complete())
        .does("timer", wish)
        .is(CaseState::Closed);
}

#[test]
fn a_bad_word_after_the_closing_is_still_put_right() {
    Story::resolved()
        .does("callback", wishes::feedback(Solved::Yes, 5))
        .does("timer", wishes::close_after_feedback())
        .at("2026-03-05T10:00:00+08:00")
        .does("clerk", wishes::feedback(Solved::No, 1))
        .is(CaseState::Closed)
        .does("timer", Command::OpenRectification)
        .runs(&under_rectification(1))
        .does("director", wishes::complete())
        .runs(&[]);
}

#[test]
fn reaching_the_applicant_stops_the_contact_clock_of_a_bad_review_and_not_its_fix() {
    let story = badly_graded()
        .does("timer", Command::OpenRectification)
        .does("hr-handler", wishes::contact(false))
        .runs(&under_rectification(1))
        .does("hr-handler", wishes::contact(true))
        .runs(&[(Clock::BadReviewFix, 1)])
        .at("2026-03-04T10:00:00+08:00")
        .does("director", wishes::contact(true));
    let work = story.case().rectification.as_ref().unwrap();
    assert_eq!(work.contacted_at, Some(at("2026-03-03T10:00:00+08:00")));
    let done = story.does("hr-lead", wishes::complete()).runs(&[]);
    done.does("hr-handler", wishes::contact(true)).runs(&[]);
}

#[test]
fn an_applicant_may_be_contacted_after_the_end_while_a_bad_word_is_put_right() {
    let contact = wishes::contact(true);
    let closed = Story::resolved()
        .does("callback", wishes::feedback(Solved::Yes, 5))
        .does("timer", wishes::close_after_feedback())
        .refuses("clerk", &contact, RefusalCode::WrongState)
        .does("clerk", wishes::feedback(Solved::No, 1))
        .does("timer", Command::OpenRectification)
        .does("clerk", contact.clone())
        .does("director", wishes::complete());
    closed.refuses("clerk", &contact, RefusalCode::WrongState);
}
