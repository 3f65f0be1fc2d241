//! The rules of improvements.

use super::*;

#[test]
fn a_recurrence_opens_one_improvement_and_an_unfinished_one_answers_for_the_next() {
    let world = World::recurred();
    let recurrence = &world.cases.noticed[0];
    let again = world.with("learning", None, |context| {
        decide_recurrence(Some(world.improvement()), recurrence, context)
    });
    assert_eq!(again, Ok(vec![]));
    let improvement = world.improvement();
    assert_eq!(improvement.case_count, 3);
    assert_eq!(improvement.state, ImprovementState::Opened);
    assert!(world.book.covers(&recurrence.kind, at("2026-05-01T10:00:00+08:00")));
    let person = world.with("coordinator", None, |context| {
        decide_recurrence(None, recurrence, context).map(|events| events.len())
    });
    assert_eq!(person, Ok(1), "the coordinator may do by hand what the house does");
    is_forbidden(world.with("clerk", None, |context| decide_recurrence(None, recurrence, context)));
}

#[test]
fn an_improvement_goes_from_action_to_change_to_number() {
    let mut world = World::recurred();
    let (wednesday, april) = ("2026-03-25T10:00:00+08:00", "2026-04-01T10:00:00+08:00");
    is_forbidden(world.acts("housing-lead", wednesday));
    is_forbidden(world.acts("clerk", wednesday));
    breaks(world.reports("handler", wednesday), RefusalCode::WrongState);
    assert_eq!(world.acts("lead", wednesday), Ok(ImprovementState::ActionSet));
    assert_eq!(world.acts("coordinator", wednesday), Ok(ImprovementState::ActionSet));
    assert_eq!(world.improvement().attempts.len(), 1);
    breaks(world.verifies("director", april, true), RefusalCode::WrongState);
    assert_eq!(world.reports("coordinator", april), Ok(ImprovementState::Done));
    breaks(world.acts("lead", april), RefusalCode::WrongState);
    is_forbidden(world.verifies("lead", april, true));
    breaks(world.verifies("director", "2026-04-30T10:00:00+08:00", true), RefusalCode::TooEarly);
    let late = "2026-05-01T10:00:00+08:00";
    breaks(world.verifies("coordinator", late, true), RefusalCode::SamePerson);
    assert_eq!(world.verifies("director", late, true), Ok(ImprovementState::Verified));
    let found = world.improvement().attempts[0].verification.as_ref().unwrap();
    assert_eq!((found.before.cases, found.before.days), (3, 90));
    assert_eq!((found.after.cases, found.after.days), (0, 30));
    // What is noticed after the end begins anew; what was noticed before is answered for.
    let kind = world.improvement().kind.clone();
    assert!(world.book.covers(&kind, at("2026-04-15T10:00:00+08:00")));
    assert!(!world.book.covers(&kind, at("2026-05-02T10:00:00+08:00")));
    assert!(world.book.unfinished(&kind).is_none());
}

#[test]
fn an_improvement_does_not_hold_against_its_number_and_another_attempt_follows() {
    let mut world = World::recurred();
    world.acts("lead", "2026-03-25T10:00:00+08:00").unwrap();
    world.reports("handler", "2026-04-01T10:00:00+08:00").unwrap();
    world.cases.stuck(7, "2026-04-10").stuck(8, "2026-04-20");
    // Two in thirty days are more than three in ninety.
    let late = "2026-05-01T10:00:00+08:00";
    breaks(world.verifies("director", late, true), RefusalCode::NotBetter);
    assert_eq!(world.verifies("director", late, false), Ok(ImprovementState::NotHeld));
    let kind = world.improvement().kind.clone();
    assert!(world.book.unfinished(&kind).is_some());
    world.now = at("2026-04-01T10:00:00+08:00");
    assert_eq!(world.acts("lead", "2026-04-02T10:00:00+08:00"), Ok(ImprovementState::ActionSet));
    assert_eq!(world.improvement().attempts.len(), 2);
}

#[test]
fn an_improvement_is_opened_by_hand_unless_one_is_under_way() {
    let world = World::recurred();
    let kind = world.improvement().kind.clone();
    let open = |actor: &str, kind: &CaseKind| {
        let wish =
            OpenImprovement { kind: kind.clone(), problem: "窗口反映多次".to_string() };
        world.with(actor, None, |context| {
            let unfinished = world.book.unfinished(kind);
            decide_open(None, &wish, unfinished, &world.cases.fold, context)
        })
    };
    breaks(open("director", &kind), RefusalCode::ImprovementOpen);
    let own = CaseKind { cause: Cause::System, ..kind.clone() };
    faults(open("director", &own), &["/cause"]);
    let nowhere = CaseKind { department: "nowhere".parse().unwrap(), ..kind.clone() };
    faults(open("director", &nowhere), &["/department"]);
    is_forbidden(open("clerk", &kind));
    is_forbidden(open("housing-lead", &kind));
    let other = CaseKind { cause: Cause::SystemFault, ..kind };
    let events = open("lead", &other).unwrap();
    let [LearningEvent::ImprovementOpened(opened)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((opened.case_count, opened.problem.as_deref()), (0, Some("窗口反映多次")));
}

#[test]
fn a_recurrence_of_long_ago_is_history() {
    let world = World::recurred();
    let recurrence = &world.cases.noticed[0];
    assert!(recurrence.is_worth_acting_on(at("2026-04-18T10:00:00+08:00")));
    assert!(!recurrence.is_worth_acting_on(at("2026-04-19T10:00:00+08:00")));
}
