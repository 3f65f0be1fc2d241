//! Special handling: layer by layer, each another person, and what may stand on it.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{
    CaseState, Cause, CheckLayer, Clock, Level, ReopenReason, Resolution, ReviewResult, Role,
    Solved,
};
use proto_events::events::CaseEvent;

use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;

/// Who stands for each layer here.
const CHECKERS: [(&str, CheckLayer); 4] = [
    ("clerk", CheckLayer::Community),
    ("clerk-2", CheckLayer::Street),
    ("hr-handler", CheckLayer::Department),
    ("coordinator", CheckLayer::District),
];

fn requested() -> Story {
    Story::accepted().does("hr-handler-2", wishes::special())
}

/// Requested, and checked by so many layers.
fn checked(layers: usize) -> Story {
    CHECKERS[..layers]
        .iter()
        .fold(requested(), |story, (person, layer)| story.does(person, wishes::check(*layer)))
}

fn approved() -> Story {
    checked(4).does("director", wishes::decide_special(true))
}

fn by_special_handling() -> Command {
    wishes::resolve_as(Resolution::SpecialHandling, Cause::MaterialsThirdParty)
}

#[test]
fn four_layers_and_a_fifth_person_open_the_door() {
    let story = approved();
    let special = story.case().special_handling.as_ref().unwrap();
    let layers: Vec<_> = special.checks.iter().map(|check| check.layer).collect();
    assert_eq!(layers, CheckLayer::ALL);
    let decision = special.decision.as_ref().unwrap();
    // Thirty working days, over the days of Qingming.
    assert_eq!(decision.review_due_at, Some(at("2026-04-15T17:30:00+08:00")));
    story.does("hr-handler", by_special_handling()).is(CaseState::Resolved);
}

#[test]
fn nothing_is_resolved_by_special_handling_before_it_is_approved_or_after_it_was_revoked() {
    let (wish, code) = (by_special_handling(), RefusalCode::SpecialHandlingMissing);
    Story::accepted().refuses("hr-handler", &wish, code);
    for layers in 0..=4 {
        checked(layers).refuses("hr-handler", &wish, code);
    }
    let refused = checked(4).does("director", wishes::decide_special(false));
    refused.refuses("hr-handler", &wish, code);
    approved().does("director", wishes::review(ReviewResult::Revoked)).refuses(
        "hr-handler",
        &wish,
        code,
    );
    approved().does("director", wishes::review(ReviewResult::Ok)).does("hr-handler", wish);
}

#[test]
fn no_layer_is_skipped_and_none_checks_twice() {
    let code = RefusalCode::LayerMissing;
    requested()
        .refuses("clerk", &wishes::check(CheckLayer::Street), code)
        .refuses("hr-handler", &wishes::check(CheckLayer::Department), code)
        .refuses("coordinator", &wishes::check(CheckLayer::District), code);
    checked(1)
        .refuses("clerk-2", &wishes::check(CheckLayer::Community), RefusalCode::WrongState)
        .refuses("hr-handler", &wishes::check(CheckLayer::Department), code);
    let whole = wishes::check(CheckLayer::District);
    checked(4).refuses("director", &whole, RefusalCode::WrongState);
    for layers in 0..4 {
        checked(layers).refuses("director", &wishes::decide_special(true), code);
        checked(layers).refuses("director", &wishes::decide_special(false), code);
    }
}

#[test]
fn each_layer_is_another_persons_and_who_checked_does_not_decide() {
    let code = RefusalCode::SamePerson;
    checked(1).refuses("clerk", &wishes::check(CheckLayer::Street), code);
    checked(4)
        .refuses("coordinator", &wishes::decide_special(true), code)
        .refuses("coordinator", &wishes::decide_special(false), code)
        .does("hr-lead", wishes::decide_special(true));
}

#[test]
fn each_role_stands_for_its_layers() {
    use super::super::special::stands_for;
    let center = [Role::Clerk, Role::Director, Role::Coordinator];
    let department = [Role::Handler, Role::DepartmentLead, Role::Coordinator];
    for (layer, roles) in [
        (CheckLayer::Community, &center[..]),
        (CheckLayer::Street, &center[..]),
        (CheckLayer::Department, &department[..]),
        (CheckLayer::District, &[Role::Coordinator][..]),
    ] {
        for role in Role::ALL {
            assert_eq!(stands_for(*role, layer), roles.contains(role), "{role} {layer}");
        }
    }
    requested().forbids("hr-handler", &wishes::check(CheckLayer::Community));
    checked(1).forbids("hr-lead", &wishes::check(CheckLayer::Street));
    checked(2).forbids("director", &wishes::check(CheckLayer::Department));
    checked(3)
        .forbids("director", &wishes::check(CheckLayer::District))
        .forbids("hr-lead", &wishes::check(CheckLayer::District));
}

#[test]
fn every_step_has_a_clock_of_its_own_that_calls_its_own_layer() {
    let expected = [
        ("donghuashi", Role::Director),
        ("donghuashi", Role::Director),
        ("hr-public-service", Role::Handler),
        ("hr-bureau", Role::Coordinator),
        ("hr-bureau", Role::Coordinator),
    ];
    for (step, (body, role)) in expected.into_iter().enumerate() {
        let occurrence = u32::try_from(step).unwrap() + 1;
        let story = checked(step);
        let run = story.run_of(Clock::SpecialCheck);
        assert_eq!((run.occurrence, run.due_at), (occurrence, at("2026-03-05T17:30:00+08:00")));
        // Four fifths of it: in the afternoon of the second day.
        let wish = wishes::escalate(Level::Warning80, Clock::SpecialCheck, occurrence);
        let story = story.at("2026-03-05T15:00:00+08:00").does("timer", wish);
        let CaseEvent::Escalated(told) = story.last() else { panic!("{:?}", story.last()) };
        assert_eq!((told.body.as_str(), told.told), (body, role), "step {occurrence}");
    }
}

#[test]
fn the_clock_of_a_layer_starts_with_the_layer_before_it() {
    let story = checked(1).at("2026-03-05T10:00:00+08:00");
    let story = story.does("clerk-2", wishes::check(CheckLayer::Street));
    let run = story.run_of(Clock::SpecialCheck);
    assert_eq!(
        (run.started_at, run.due_at),
        (at("2026-03-05T10:00:00+08:00"), at("2026-03-09T17:30:00+08:00"))
    );
    let decided = approved();
    assert!(decided.case().clocks().iter().all(|run| run.clock != Clock::SpecialCheck));
}

#[test]
fn what_waits_or_stands_is_not_asked_for_again_and_what_was_refused_or_revoked_is() {
    let wish = wishes::special();
    requested().refuses("hr-lead", &wish, RefusalCode::WrongState);
    approved().refuses("hr-lead", &wish, RefusalCode::WrongState);
    let refused = checked(4).does("director", wishes::decide_special(false));
    let revoked = approved().does("director", wishes::review(ReviewResult::Revoked));
    for story in [refused, revoked] {
        let again = story.does("hr-lead", wish.clone());
        let special = again.case().special_handling.as_ref().unwrap();
        assert!(special.checks.is_empty() && special.decision.is_none());
        assert_eq!(again.case().special_handling_count, 2);
        assert_eq!(again.run_of(Clock::SpecialCheck).occurrence, 6, "its own runs");
        again.refuses("hr-handler", &by_special_handling(), RefusalCode::SpecialHandlingMissing);
    }
}

#[test]
fn a_request_says_everything_and_is_made_while_somebody_works_on_the_case() {
    let empty = Command::RequestSpecialHandling {
        facts: String::new(),
        requirement_waived: String::new(),
        discretion_basis: String::new(),
        precedents_checked: vec![" ".to_string()],
    };
    let pointers = ["/facts", "/requirement_waived", "/discretion_basis", "/precedents_checked/0"];
    Story::accepted().faults("hr-handler", &empty, &pointers);
    let wish = wishes::special();
    Story::opened().refuses("director", &wish, RefusalCode::WrongState);
    Story::not_doable().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("hr-handler", &wish, RefusalCode::WrongState);
}

#[test]
fn a_refusal_is_no_precedent_and_has_no_look_back() {
    let wrong = Command::DecideSpecialHandling {
        approved: false,
        reason: "不符合".to_string(),
        conditions: vec![],
        is_precedent: true,
    };
    let story = checked(4)
        .faults("director", &wrong, &["/is_precedent"])
        .does("director", wishes::decide_special(false))
        .refuses("director", &wishes::decide_special(true), RefusalCode::WrongState)
        .refuses("director", &wishes::review(ReviewResult::Ok), RefusalCode::WrongState);
    assert!(story.case().clocks().iter().all(|run| run.clock != Clock::LookBack));
}

#[test]
fn nothing_is_checked_decided_or_looked_back_on_that_nobody_asked_for() {
    Story::accepted()
        .refuses("clerk", &wishes::check(CheckLayer::Community), RefusalCode::WrongState)
        .refuses("director", &wishes::decide_special(true), RefusalCode::WrongState)
        .refuses("director", &wishes::review(ReviewResult::Ok), RefusalCode::WrongState);
    checked(4).refuses("director", &wishes::review(ReviewResult::Ok), RefusalCode::WrongState);
    approved().does("director", wishes::review(ReviewResult::Ok)).refuses(
        "director",
        &wishes::review(ReviewResult::Revoked),
        RefusalCode::WrongState,
    );
}

#[test]
fn the_look_back_runs_on_after_the_closing_and_calls_the_coordinator() {
    let look_back = [(Clock::LookBack, 1)];
    let story = approved()
        .does("hr-handler", by_special_handling())
        .does("callback", wishes::feedback(Solved::Yes, 5))
        .does("timer", wishes::close_after_feedback())
        .is(CaseState::Closed)
        .runs(&look_back)
        // Four fifths of thirty working days.
        .at("2026-04-09T10:00:00+08:00")
        .ticks();
    let CaseEvent::Escalated(told) = story.last() else { panic!("{:?}", story.last()) };
    assert_eq!(
        (told.clock, told.body.as_str(), told.told),
        (Clock::LookBack, "hr-bureau", Role::Coordinator)
    );
    story.runs(&look_back).does("director", wishes::review(ReviewResult::Ok)).runs(&[]);
}

#[test]
fn nobody_looks_back_on_what_was_given_up() {
    approved().does("clerk", wishes::withdraw()).runs(&[]);
    approved().does("clerk", wishes::transfer()).runs(&[]);
}

#[test]
fn a_request_that_waited_when_the_case_ended_has_lapsed() {
    let wish = wishes::check(CheckLayer::Street);
    let story = checked(1)
        .does("hr-handler", wishes::resolve())
        .refuses("clerk-2", &wish, RefusalCode::WrongState)
        .at("2026-03-12T10:00:00+08:00")
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .runs(&[(Clock::Handling, 2)])
        .refuses("clerk-2", &wish, RefusalCode::WrongState);
    story
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::special())
        .does("clerk-2", wishes::check(CheckLayer::Community));
}
