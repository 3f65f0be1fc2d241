//! The rules of precedents.

use proto_events::codes::ReviewResult;
use proto_events::events::{
    SpecialHandlingDecided, SpecialHandlingRequested, SpecialHandlingReviewed,
};

use super::*;

#[test]
fn a_precedent_takes_what_the_case_says_and_names_its_checker() {
    let world = World::published();
    let precedent = world.precedent();
    assert_eq!(precedent.matter, MATTER);
    assert_eq!(precedent.cause, Cause::SystemNotShared);
    assert_eq!(precedent.department, Some("hr-bureau".parse().unwrap()));
    assert_eq!((&*precedent.published_by, &*precedent.checked_by), ("handler", "lead"));
    assert_eq!(precedent.from_case, case_number(1));
}

#[test]
fn a_precedent_is_published_by_two_people() {
    let world = World::new();
    let checked_by = |name: &str| Publish { checked_by: name.to_string(), ..publish() };
    breaks(world.publishes("lead", &checked_by("lead"), 1), RefusalCode::SamePerson);
    faults(world.publishes("handler", &checked_by("nobody"), 1), &["/checked_by"]);
    faults(world.publishes("handler", &checked_by("clerk"), 1), &["/checked_by"]);
    assert!(world.publishes("clerk", &checked_by("director"), 1).is_ok());
}

#[test]
fn only_a_case_that_ended_with_a_solution_or_an_explanation_becomes_a_precedent() {
    let mut world = World::new();
    breaks(world.publishes("handler", &publish(), 2), RefusalCode::WrongState);
    let withdrawn = Withdrawn { reason: "不办了".to_string(), note: None };
    world.cases.tell(2, at(NOW), withdrawn.into());
    breaks(world.publishes("handler", &publish(), 2), RefusalCode::WrongState);
}

#[test]
fn what_was_waived_once_is_a_precedent_only_when_that_was_decided_and_stands() {
    let requested = SpecialHandlingRequested {
        facts: "原单位已注销".to_string(),
        requirement_waived: "单位盖章".to_string(),
        discretion_basis: "容缺办理规定第三条".to_string(),
        precedents_checked: vec![],
        check_due_at: at(NOW),
    };
    let decided = |approved, is_precedent| SpecialHandlingDecided {
        approved,
        reason: "情况属实".to_string(),
        conditions: vec![],
        is_precedent,
        review_due_at: None,
    };
    let publishes = |decision: SpecialHandlingDecided, review: Option<ReviewResult>| {
        let mut world = World::new();
        world.cases.tell(1, at(NOW), requested.clone().into());
        world.cases.tell(1, at(NOW), decision.into());
        if let Some(result) = review {
            world.cases.tell(1, at(NOW), SpecialHandlingReviewed { result }.into());
        }
        world.publishes("handler", &publish(), 1)
    };
    breaks(publishes(decided(true, false), None), RefusalCode::NotAPrecedent);
    let revoked = Some(ReviewResult::Revoked);
    breaks(publishes(decided(true, true), revoked), RefusalCode::NotAPrecedent);
    assert!(publishes(decided(true, true), Some(ReviewResult::Ok)).is_ok());
    assert!(publishes(decided(false, false), None).is_ok(), "what was refused waived nothing");
}

#[test]
fn a_precedent_needs_conditions_and_a_basis_and_whoever_may_read_the_case() {
    let world = World::new();
    let bare = Publish { conditions: vec![], basis: vec![], title: " ".to_string(), ..publish() };
    faults(world.publishes("handler", &bare, 1), &["/title", "/conditions", "/basis"]);
    is_forbidden(world.publishes("longtan-clerk", &publish(), 1));
    is_forbidden(world.publishes("auditor", &publish(), 1));
}

#[test]
fn nobody_who_asked_for_help_stands_in_a_precedent() {
    let world = World::new();
    for situation in ["陈桂兰早年在外区参保", "陈 桂 兰的记录查不到", "电话13800000001"]
    {
        let named = Publish { situation: situation.to_string(), ..publish() };
        breaks(world.publishes("handler", &named, 1), RefusalCode::PiiInText);
    }
    let condition = Publish { conditions: vec!["陈桂兰同意".to_string()], ..publish() };
    breaks(world.publishes("handler", &condition, 1), RefusalCode::PiiInText);
    // One character is no name.
    let flower = Publish { situation: "申请人在兰州参保".to_string(), ..publish() };
    assert!(world.publishes("handler", &flower, 1).is_ok());
}

#[test]
fn a_precedent_is_applied_to_an_open_case_when_every_condition_is_met() {
    let mut world = World::published();
    faults(world.applies("clerk", Some(vec![1, 3]), 2), &["/conditions_met/1"]);
    breaks(world.applies("clerk", Some(vec![1]), 2), RefusalCode::ConditionsUnmet);
    breaks(world.applies("clerk", None, 1), RefusalCode::WrongState);
    is_forbidden(world.applies("longtan-clerk", None, 2));
    let events = world.applies("clerk", Some(vec![2, 1]), 2).unwrap();
    let [LearningEvent::PrecedentApplied(applied)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(applied.conditions_met, publish().conditions);
    assert_eq!(applied.note.as_deref(), Some("已核对原件"));
    world.fold(LearningSubject::Precedent(precedent_id()), "clerk", events);
    assert_eq!(world.precedent().applications.len(), 1);
    // Once is enough.
    assert_eq!(world.applies("clerk", None, 2), Ok(vec![]));
}

#[test]
fn a_retired_precedent_is_not_applied_any_more() {
    let mut world = World::published();
    is_forbidden(world.retires("clerk", RetirementReason::Wrong));
    is_forbidden(world.retires("housing-lead", RetirementReason::Wrong));
    let events = world.retires("lead", RetirementReason::PolicyChanged).unwrap();
    world.fold(LearningSubject::Precedent(precedent_id()), "lead", events);
    breaks(world.applies("clerk", None, 2), RefusalCode::PrecedentRetired);
    assert_eq!(world.retires("lead", RetirementReason::PolicyChanged), Ok(vec![]));
    breaks(world.retires("coordinator", RetirementReason::Wrong), RefusalCode::PrecedentRetired);
}
