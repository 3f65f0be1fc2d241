//! Whose turn it is, told along the life of a case.

use proto_events::codes::{CheckLayer, ConveneTrigger, PauseReason, Solved};

use super::*;
use crate::next::{Party, Step, next_steps};

/// What the case waits for: codes and parties, the most urgent first.
fn next(story: &Story) -> Vec<(Step, String)> {
    let name = |party: Party| match party {
        Party::Center(id) => id.to_string(),
        Party::Department(id, None) => id.to_string(),
        Party::Department(id, Some(handler)) => alloc::format!("{id}/{handler}"),
        Party::Person(name) => name,
        Party::Coordinator => "coordinator".into(),
        Party::Callback => "callback".into(),
        Party::Applicant => "applicant".into(),
    };
    let case = story.case.as_ref().expect("an opened case");
    next_steps(case, &story.rules).into_iter().map(|one| (one.step, name(one.by))).collect()
}

fn named(steps: &[(Step, &str)]) -> Vec<(Step, String)> {
    steps.iter().map(|(step, by)| (*step, (*by).to_string())).collect()
}

#[test]
fn an_ordinary_case_waits_for_one_after_the_other() {
    assert_eq!(next(&Story::opened()), named(&[(Step::Forward, "donghuashi")]));
    assert_eq!(next(&Story::forwarded()), named(&[(Step::Accept, "hr-public-service")]));
    let accepted = Story::accepted();
    let handler = accepted.case.as_ref().and_then(|case| case.handler.clone()).expect("a handler");
    let by = alloc::format!("hr-public-service/{handler}");
    assert_eq!(next(&accepted), named(&[(Step::Contact, &by), (Step::Handle, &by)]));
    let contacted = accepted.does("hr-handler", wishes::contact(true));
    assert_eq!(next(&contacted), named(&[(Step::Handle, &by)]));
    assert_eq!(next(&Story::resolved()), named(&[(Step::CallBack, "callback")]));
    let answered = Story::resolved().does("callback", wishes::feedback(Solved::Yes, 5));
    assert_eq!(next(&answered), named(&[]));
}

#[test]
fn a_returned_case_waits_for_a_ruling_or_another_department() {
    let returned = Story::forwarded().does("hr-handler", wishes::send_back("civil-affairs"));
    let expected = [(Step::Forward, "donghuashi"), (Step::Arbitrate, "coordinator")];
    assert_eq!(next(&returned), named(&expected));
}

#[test]
fn a_pause_waits_for_whom_it_was_made_for() {
    let accepted = || Story::accepted().does("hr-handler", wishes::contact(true));
    let for_applicant = accepted().does("director", wishes::pause(PauseReason::WaitingApplicant));
    assert_eq!(next(&for_applicant), named(&[(Step::HandInPapers, "applicant")]));
    let for_others = accepted().does("director", wishes::pause(PauseReason::SystemDown));
    assert_eq!(next(&for_others)[0].0, Step::Resume);
}

#[test]
fn a_part_waits_for_its_department() {
    let story = Story::accepted().does("hr-handler", wishes::assign("disabled-federation"));
    assert!(next(&story).contains(&(Step::CompletePart, "disabled-federation".into())));
    let story = story.does("disabled-handler", wishes::finish_part("disabled-federation"));
    assert!(!next(&story).iter().any(|(step, _)| *step == Step::CompletePart));
}

#[test]
fn what_cannot_be_done_waits_for_the_explanation() {
    let story = Story::not_doable();
    assert_eq!(next(&story)[0].0, Step::Explain);
}

#[test]
fn a_special_handling_waits_for_layer_after_layer_and_the_decision() {
    let story = Story::accepted().does("hr-handler", wishes::special());
    let waits_for = |story: &Story, step: Step| {
        next(story).into_iter().find(|one| one.0 == step).map(|one| one.1)
    };
    assert_eq!(waits_for(&story, Step::CheckSpecial).as_deref(), Some("donghuashi"));
    let story = story.does("clerk", wishes::check(CheckLayer::Community));
    assert_eq!(waits_for(&story, Step::CheckSpecial).as_deref(), Some("donghuashi"));
    assert_eq!(waits_for(&story, Step::DecideSpecial), None);
    let story = story
        .does("director", wishes::check(CheckLayer::Street))
        .does("hr-lead", wishes::check(CheckLayer::Department))
        .does("coordinator", wishes::check(CheckLayer::District));
    assert_eq!(waits_for(&story, Step::CheckSpecial), None);
    assert_eq!(waits_for(&story, Step::DecideSpecial).as_deref(), Some("coordinator"));
}

#[test]
fn a_bad_review_waits_to_be_put_right() {
    let story = Story::resolved()
        .does("callback", wishes::feedback(Solved::No, 1))
        .does("timer", Command::OpenRectification);
    assert_eq!(next(&story), named(&[(Step::Rectify, "hr-public-service")]));
    let story = story.does("director", wishes::complete());
    assert_eq!(next(&story), named(&[]));
}

#[test]
fn a_task_force_waits_for_its_chair_whoever_that_is() {
    let meets = |chair: &str| {
        let mut story =
            Story::accepted().does("coordinator", wishes::convene(ConveneTrigger::Person));
        let case = story.case.as_mut().expect("an opened case");
        case.task_force.as_mut().expect("a task force").chair = chair.to_string();
        next(&story).into_iter().find(|(step, _)| *step == Step::Meet).map(|(_, by)| by)
    };
    assert_eq!(meets("civil-affairs").as_deref(), Some("civil-affairs"));
    assert_eq!(meets("区民政局").as_deref(), Some("civil-affairs"));
    assert_eq!(meets("东花市街道政务服务中心").as_deref(), Some("donghuashi"));
    assert_eq!(meets("hr-bureau").as_deref(), Some("coordinator"), "it coordinates the district");
    assert_eq!(meets("hr-lead").as_deref(), Some("hr-lead"));
}
