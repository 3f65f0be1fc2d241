//! Every wish, by everybody, in every state and at every time: it is granted or refused, and nothing breaks.

use alloc::vec;
use alloc::vec::Vec;

use chrono::DateTime;
use proptest::prelude::*;
use proto_events::codes::{CaseState, Exclusion, PauseReason, Solved};

use super::*;
use crate::command::Command;

/// The case in every state.
pub(super) fn in_every_state() -> Vec<Story> {
    let convened = Story::accepted().does("director", wishes::convene(wishes::person_asks()));
    let explained = Story::not_doable().does("hr-lead", wishes::explain_understood());
    let closed = Story::resolved()
        .does("callback", wishes::feedback(Solved::Yes, 5))
        .does("timer", wishes::close_after_feedback());
    vec![
        Story::opened(),
        Story::forwarded(),
        Story::accepted(),
        Story::forwarded().does("hr-handler", wishes::send_back("civil-affairs")),
        convened,
        Story::not_doable(),
        Story::resolved(),
        explained,
        Story::opened().does("clerk", wishes::decline(Exclusion::Litigation, None)),
        Story::opened().does("clerk", wishes::withdraw()),
        Story::accepted().does("clerk", wishes::transfer()),
        closed,
    ]
}

#[test]
fn there_is_a_story_for_every_state() {
    let states: Vec<_> = in_every_state().iter().map(|story| story.case().state).collect();
    assert!(CaseState::ALL.iter().all(|state| states.contains(state)), "{states:?}");
    assert_eq!(states.len(), CaseState::ALL.len());
}

/// What a caller may count on, whoever he is and whatever he wishes.
#[track_caller]
fn is_an_answer(story: &Story, actor: &Actor, wish: &Command) {
    let answer = story.wish_of(actor, wish);
    match &answer {
        Ok(events) => assert!(events.len() <= 3, "{wish:?}: {events:?}"),
        Err(Refusal::Rule { code, detail }) => {
            assert!(RefusalCode::ALL.contains(code) && !detail.is_empty(), "{wish:?}");
        }
        Err(Refusal::Invalid(faults)) => {
            assert!(!faults.is_empty() && faults.iter().all(|fault| !fault.detail.is_empty()));
        }
        Err(Refusal::Forbidden(why)) => assert!(!why.is_empty(), "{wish:?}"),
        Err(Refusal::NotFound) => assert!(story.case.is_none(), "{wish:?}"),
    }
    // An event that a decision leads to folds, whatever comes of it.
    if let (Ok(events), Some(case)) = (answer, &story.case) {
        let mut after = Story { case: Some(case.clone()), ..Story::beginning_at(story.now) };
        for event in events {
            after.fold(actor, event);
        }
    }
}

#[test]
fn every_wish_by_everybody_in_every_state_is_answered() {
    let (wishes, staff) = (wishes::one_of_each(), staff());
    for story in in_every_state() {
        for wish in &wishes {
            for actor in &staff {
                is_an_answer(&story, actor, wish);
            }
        }
    }
}

#[test]
fn every_wish_for_a_case_that_was_never_opened_is_answered() {
    let story = Story::new();
    for wish in wishes::one_of_each() {
        for actor in staff() {
            is_an_answer(&story, &actor, &wish);
        }
    }
}

#[test]
fn what_is_over_is_moved_by_nothing_but_a_wish_to_take_it_up_again() {
    for story in in_every_state().into_iter().filter(|story| !story.case().is_open()) {
        let before = story.case().state;
        for wish in wishes::one_of_each() {
            for actor in staff() {
                let Ok(events) = story.wish_of(&actor, &wish) else { continue };
                let mut after =
                    Story { case: Some(story.case().clone()), ..Story::beginning_at(story.now) };
                for event in events {
                    after.fold(&actor, event);
                }
                let state = after.case().state;
                let is_right = state == before
                    || (state == CaseState::Opened && matches!(wish, Command::Reopen { .. }))
                    || (state == CaseState::Closed && matches!(wish, Command::Close { .. }));
                assert!(is_right, "{before} became {state} by {wish:?}");
            }
        }
    }
}

/// Any second that an RFC 3339 text can name.
fn seconds() -> impl Strategy<Value = i64> {
    let (first, last) = (at("0001-01-02T00:00:00Z"), at("9999-12-29T00:00:00Z"));
    let odd = [
        "2019-12-31T23:59:59+08:00",
        "2020-01-01T00:00:00+08:00",
        "2026-12-31T17:30:00+08:00",
        "2027-01-01T00:00:00+08:00",
        "2100-02-28T12:00:00+08:00",
    ]
    .map(|time| at(time).timestamp());
    prop_oneof![
        first.timestamp()..last.timestamp(),
        at("1990-01-01T00:00:00Z").timestamp()..at("2040-01-01T00:00:00Z").timestamp(),
        proptest::sample::select(odd.to_vec()),
    ]
}

fn instant(seconds: i64) -> proto_events::Timestamp {
    let offset = at("2026-01-01T00:00:00+08:00").timezone();
    DateTime::from_timestamp(seconds, 0).unwrap().with_timezone(&offset)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_wish_at_any_time_is_answered(opened in seconds(), later in seconds(), pauses in any::<bool>()) {
        let mut story = Story::beginning_at(instant(opened))
            .does("clerk", wishes::open())
            .does("clerk", wishes::forward("hr-public-service"))
            .does("hr-handler", wishes::accept());
        prop_assert!(story.case().due_at >= story.case().opened_at);
        if pauses {
            story = story.does("director", wishes::pause(PauseReason::ForceMajeure));
        }
        // Also a clock that was set back.
        story.now = instant(later);
        let staff = staff();
        for wish in wishes::one_of_each() {
            for actor in &staff {
                is_an_answer(&story, actor, &wish);
            }
        }
    }
}

#[test]
fn a_case_of_before_the_first_and_after_the_last_published_year_is_promised_weekdays() {
    for (opened, due, provisional) in [
        // Nobody asks the New Year of 2019: its notice is not in the data.
        ("2018-12-28T10:00:00+08:00", "2019-01-04T17:30:00+08:00", false),
        ("2026-12-31T10:00:00+08:00", "2027-01-07T17:30:00+08:00", true),
        ("2031-02-03T10:00:00+08:00", "2031-02-10T17:30:00+08:00", true),
    ] {
        let story = Story::beginning(opened).does("clerk", wishes::open()).promises(due);
        assert_eq!(story.case().provisional_due, provisional, "{opened}");
    }
}

#[test]
fn a_deadline_over_the_spring_festival_counts_neither_holiday_nor_weekend() {
    for (opened, due) in [
        ("2026-02-12T10:00:00+08:00", "2026-02-26T17:30:00+08:00"),
        ("2026-02-13T10:00:00+08:00", "2026-02-27T17:30:00+08:00"),
        // Opened on New Year's day itself, at the window of a center that was open.
        ("2026-02-17T10:00:00+08:00", "2026-02-28T17:30:00+08:00"),
    ] {
        Story::beginning(opened).does("clerk", wishes::open()).promises(due);
    }
}
