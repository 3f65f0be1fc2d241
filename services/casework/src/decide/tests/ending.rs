//! The two ways a case ends in the department: it is resolved, or it cannot be done and that is explained.

use alloc::vec;

use proto_events::codes::{
    CaseState, Cause, CauseCategory, Clock, ConveneTrigger, ExplanationMode, Resolution, Understood,
};
use proto_events::events::CaseEvent;

use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;

#[test]
fn a_resolved_case_keeps_how_and_stores_when_the_applicant_is_called_back() {
    let story = Story::resolved().is(CaseState::Resolved).runs(&[(Clock::Callback, 1)]);
    let outcome = story.case().outcome.as_ref().unwrap();
    assert_eq!(outcome.resolution, Some(Resolution::Normal));
    assert_eq!(outcome.callback_due_at, Some(at("2026-03-06T17:30:00+08:00")));
    assert_eq!(outcome.due_at, at("2026-03-10T17:30:00+08:00"));
    assert!(outcome.is_on_time());
    assert_eq!(story.case().cause_confirmed, Some(Cause::InformationWhom));
}

#[test]
fn an_outcome_at_the_due_time_is_on_time_and_a_second_later_is_not() {
    for (time, is_on_time) in
        [("2026-03-10T17:30:00+08:00", true), ("2026-03-10T17:30:01+08:00", false)]
    {
        let story = Story::accepted().at(time).does("hr-handler", wishes::resolve());
        assert_eq!(story.case().outcome.as_ref().unwrap().is_on_time(), is_on_time, "{time}");
    }
}

#[test]
fn the_confirmed_cause_has_its_sub_code_and_is_never_the_applicants_own() {
    for cause in Cause::ALL {
        let wish = wishes::resolve_as(Resolution::Normal, *cause);
        if cause.has_sub_code() && cause.category() != CauseCategory::Applicant {
            Story::accepted().does("hr-handler", wish);
        } else {
            Story::accepted().faults("hr-handler", &wish, &["/cause"]);
        }
    }
}

#[test]
fn nothing_is_resolved_before_it_is_signed_for_or_after_it_ended() {
    let wish = wishes::resolve();
    Story::opened().refuses("clerk", &wish, RefusalCode::WrongState);
    Story::forwarded().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::not_doable().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("hr-handler", &wish, RefusalCode::WrongState);
}

#[test]
fn resolved_by_a_task_force_needs_one() {
    let wish = wishes::resolve_as(Resolution::TaskForce, Cause::ProcedureNobody);
    Story::accepted().faults("hr-handler", &wish, &["/resolution"]);
    Story::accepted()
        .does("director", wishes::convene(ConveneTrigger::Person))
        .does("hr-handler", wish.clone())
        .is(CaseState::Resolved);
    Story::accepted()
        .does("director", wishes::convene(ConveneTrigger::Person))
        .does("director", wishes::dissolve())
        .does("hr-handler", wish);
}

#[test]
fn a_task_force_ends_with_the_outcome_in_the_same_breath() {
    let story = Story::accepted().does("director", wishes::convene(ConveneTrigger::Person));
    let told = story.told.len();
    let story = story.does("hr-handler", wishes::resolve()).is(CaseState::Resolved);
    assert_eq!(story.names_from(told), ["task_force_dissolved", "resolved"]);
    assert!(story.case().active_task_force().is_none());
    story.runs(&[(Clock::Callback, 1)]);
}

#[test]
fn not_doable_needs_a_basis_and_another_persons_countersignature() {
    let Command::DetermineNotDoable { facts, alternatives, countersigned_by, .. } =
        wishes::not_doable("hr-lead")
    else {
        panic!("it is a determination")
    };
    let baseless =
        Command::DetermineNotDoable { basis: vec![], facts, alternatives, countersigned_by };
    Story::accepted()
        .faults("hr-handler", &baseless, &["/basis"])
        .refuses("hr-handler", &wishes::not_doable("hr-handler"), RefusalCode::SamePerson)
        .faults("hr-handler", &wishes::not_doable("nobody"), &["/countersigned_by"])
        .faults("hr-handler", &wishes::not_doable("clerk"), &["/countersigned_by"])
        .faults("hr-handler", &wishes::not_doable("auditor"), &["/countersigned_by"]);
    for second in ["hr-handler-2", "hr-lead", "director", "coordinator"] {
        Story::accepted().does("hr-handler", wishes::not_doable(second)).is(CaseState::NotDoable);
    }
}

#[test]
fn a_determination_stores_when_it_has_to_be_explained() {
    let story = Story::not_doable().runs(&[
        (Clock::Handling, 1),
        (Clock::FirstContact, 1),
        (Clock::Explanation, 1),
    ]);
    let CaseEvent::NotDoableDetermined(determined) = story.last() else {
        panic!("{:?}", story.last())
    };
    assert_eq!(determined.explanation_due_at, at("2026-03-05T17:30:00+08:00"));
    assert!(story.case().is_open(), "a determination is not yet an answer");
}

#[test]
fn only_what_is_in_work_is_determined_not_doable() {
    let wish = wishes::not_doable("hr-lead");
    Story::forwarded().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::not_doable().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::opened().refuses("coordinator", &wish, RefusalCode::WrongState);
}

#[test]
fn only_what_is_not_doable_is_explained() {
    let wish = wishes::explain_understood();
    Story::opened().refuses("clerk", &wish, RefusalCode::WrongState);
    Story::accepted().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("hr-handler", &wish, RefusalCode::WrongState);
}

#[test]
fn an_explanation_names_its_bodies_and_the_ways_that_remain() {
    let wrong = Command::Explain {
        mode: ExplanationMode::InPerson,
        explainers: vec![],
        documents: vec![],
        remedies: vec![],
        understood: Understood::Yes,
    };
    let one_twice =
        wishes::explain(ExplanationMode::Joint, &["hr-bureau", "hr-bureau"], Understood::Yes);
    let stranger = wishes::explain(ExplanationMode::Phone, &["nowhere"], Understood::No);
    Story::not_doable()
        .faults("hr-handler", &wrong, &["/explainers", "/remedies"])
        .faults("hr-handler", &one_twice, &["/explainers"])
        .faults("hr-handler", &stranger, &["/explainers/0/department"]);
}

#[test]
fn a_center_explains_beside_a_bureau() {
    let wish =
        wishes::explain(ExplanationMode::Joint, &["donghuashi", "hr-bureau"], Understood::Yes);
    Story::not_doable().does("clerk", wish).is(CaseState::Explained);
}

#[test]
fn an_explanation_that_was_understood_ends_the_case() {
    let story = Story::not_doable()
        .does("hr-handler", wishes::explain_understood())
        .is(CaseState::Explained)
        .runs(&[(Clock::Callback, 1)]);
    let outcome = story.case().outcome.as_ref().unwrap();
    assert_eq!(outcome.kind, CaseState::Explained);
    assert_eq!(outcome.callback_due_at, Some(at("2026-03-06T17:30:00+08:00")));
    assert_eq!(outcome.resolution, None, "explained is not done");
}

#[test]
fn one_session_that_was_not_understood_is_not_enough_however_it_was_held() {
    let joint = wishes::explain(
        ExplanationMode::Joint,
        &["hr-bureau", "hr-public-service"],
        Understood::No,
    );
    Story::not_doable()
        .does("hr-lead", joint)
        .is(CaseState::NotDoable)
        .runs(&[(Clock::Handling, 1), (Clock::FirstContact, 1)]);
}

#[test]
fn sessions_without_weight_go_on_until_one_is_joint_or_led_by_a_lead() {
    let alone =
        || wishes::explain(ExplanationMode::Phone, &["hr-public-service"], Understood::Partly);
    let joint = wishes::explain(
        ExplanationMode::Joint,
        &["hr-bureau", "hr-public-service"],
        Understood::No,
    );
    let twice = || {
        Story::not_doable()
            .does("hr-handler", alone())
            .does("hr-handler", alone())
            .is(CaseState::NotDoable)
    };
    let by_joint = twice().does("hr-handler", joint).is(CaseState::Explained);
    assert_eq!(by_joint.case().explanations.len(), 3);
    twice().does("hr-lead", alone()).is(CaseState::Explained);
}

#[test]
fn an_earlier_session_of_weight_counts_for_a_later_one() {
    let alone = || wishes::explain(ExplanationMode::Phone, &["hr-public-service"], Understood::No);
    let story = Story::not_doable()
        .does("hr-lead", alone())
        .is(CaseState::NotDoable)
        .does("hr-handler", alone())
        .is(CaseState::Explained);
    assert_eq!(story.case().explanations[1].session, 2);
}

#[test]
fn a_second_determination_is_explained_from_the_first_session_on() {
    use proto_events::codes::ReopenReason;
    let story = Story::not_doable()
        .does("hr-handler", wishes::explain_understood())
        .does("clerk", wishes::reopen(ReopenReason::WrongBasis))
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::not_doable("hr-lead"))
        .runs(&[(Clock::Handling, 2), (Clock::FirstContact, 2), (Clock::Explanation, 2)])
        .does("hr-handler", wishes::explain_understood());
    assert_eq!(story.case().explanations[0].session, 1);
    assert_eq!(story.case().outcome_count, 2);
}
