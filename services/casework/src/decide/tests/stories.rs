//! The stories of the district that the commands can tell: 1, 3, 4 and 6.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{
    Cause, Channel, Clock, ClosingCode, Complexity, ConveneTrigger, ExplanationMode, Level,
    Resolution, Role, Solved, Stage, Understood,
};
use proto_events::events::CaseEvent;

use super::*;
use crate::command::{Command, PartWish};
use crate::refusal::RefusalCode;
use crate::timetable::due_steps;

#[test]
fn story_1_a_man_reaching_retirement_age_is_told_whom_to_ask() {
    let opening = wishes::open_with(|open| {
        open.channel = Channel::Phone;
        open.blocked_stage = Stage::Consult;
        open.cause = Cause::InformationWhom;
        open.complexity = Complexity::Simple;
    });
    let story = Story::beginning("2021-01-26T15:10:00+08:00");
    let route = story.rules.route("退休手续办理").unwrap().department.clone();
    let routed = Command::Forward {
        department: route,
        ask: "请协助办理退休手续".to_string(),
        contact: None,
        automatic: true,
    };
    let part = PartWish {
        department: "disabled-federation".parse().unwrap(),
        ask: "说明保险由国家代缴".to_string(),
        due_at: Some(at("2021-01-28T17:30:00+08:00")),
    };
    let done = Command::CompletePart {
        department: "disabled-federation".parse().unwrap(),
        result: "已说明由国家代缴".to_string(),
    };
    let resolve = wishes::resolve_as(Resolution::Coordinated, Cause::InformationWhom);
    let story = story
        .does("clerk", opening)
        .promises("2021-01-29T17:30:00+08:00")
        .does("timer", routed)
        .at("2021-01-27T09:20:00+08:00")
        .does("hr-handler", wishes::accept())
        .at("2021-01-27T09:40:00+08:00")
        .does("hr-handler", wishes::contact(true))
        .at("2021-01-27T09:45:00+08:00")
        .does("hr-handler", Command::AssignParts { parts: vec![part] })
        .refuses("hr-handler", &resolve, RefusalCode::PartsOpen)
        .at("2021-01-27T11:00:00+08:00")
        .does("disabled-handler", done)
        .at("2021-01-27T16:30:00+08:00")
        .does("hr-handler", resolve)
        .is(CaseState::Resolved);
    let case = story.case();
    assert!(case.outcome.as_ref().unwrap().is_on_time());
    assert_eq!((case.hops.len(), case.returns.len()), (1, 0));
    assert_eq!(case.center.as_str(), "donghuashi", "the first receiver");
    story
        .refuses("hr-handler", &wishes::feedback(Solved::Yes, 5), RefusalCode::SelfFeedback)
        .at("2021-01-28T10:00:00+08:00")
        .does("callback", wishes::feedback(Solved::Yes, 5))
        .does("timer", wishes::close(ClosingCode::FeedbackRecorded))
        .is(CaseState::Closed)
        .runs(&[]);
}

#[test]
fn story_3_what_cannot_be_done_is_explained_again_with_the_bureau() {
    let story = Story::accepted()
        .refuses("hr-handler", &wishes::not_doable("hr-handler"), RefusalCode::SamePerson)
        .does("hr-handler", wishes::not_doable("hr-lead"))
        .is(CaseState::NotDoable)
        .at("2026-03-04T10:00:00+08:00")
        .does(
            "hr-handler",
            wishes::explain(ExplanationMode::InPerson, &["hr-public-service"], Understood::No),
        )
        .is(CaseState::NotDoable)
        .at("2026-03-05T10:00:00+08:00")
        .does(
            "hr-handler",
            wishes::explain(
                ExplanationMode::Joint,
                &["hr-public-service", "hr-bureau"],
                Understood::No,
            ),
        )
        .is(CaseState::Explained);
    let case = story.case();
    assert_eq!(case.determination.as_ref().unwrap().basis.len(), 1);
    assert_eq!(case.explanations.len(), 2);
    assert!(case.explanations.iter().all(|session| !session.remedies.is_empty()));
    let outcome = case.outcome.as_ref().unwrap();
    assert_eq!((outcome.kind, outcome.resolution), (CaseState::Explained, None));
}

#[test]
fn story_4_sent_back_and_forth_until_the_coordinator_rules() {
    let story = Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("medical-insurance"))
        .runs(&[(Clock::Handling, 1), (Clock::Arbitration, 1)])
        .does("clerk", wishes::forward("medical-insurance"))
        .does("medical-handler", wishes::send_back("civil-affairs"))
        .runs(&[(Clock::Handling, 1), (Clock::Arbitration, 2)])
        .does("timer", wishes::convene(ConveneTrigger::TwoReturns))
        .is(CaseState::InTaskForce)
        .says_nothing("timer", &wishes::convene(ConveneTrigger::TwoReturns))
        .refuses("clerk", &wishes::forward("civil-affairs"), RefusalCode::PingPong)
        .does("coordinator", wishes::arbitrate("civil-affairs"))
        .refuses("civil-handler", &wishes::send_back("medical-insurance"), RefusalCode::Arbitrated)
        .does("civil-handler", wishes::accept())
        .is(CaseState::InTaskForce);
    let pairs: Vec<_> = story
        .case()
        .returns
        .iter()
        .map(|one| (one.department.as_str(), one.suggested_department.as_ref().unwrap().as_str()))
        .collect();
    assert_eq!(
        pairs,
        [("civil-affairs", "medical-insurance"), ("medical-insurance", "civil-affairs")]
    );
    story.promises("2026-03-10T17:30:00+08:00");
}

/// Lets the timer take every step whose time has come, and tells which.
fn tick(mut story: Story) -> (Story, Vec<(Level, Role)>) {
    let first = story.told.len();
    let case = story.case();
    let steps: Vec<_> = case
        .clocks()
        .into_iter()
        .filter(|run| run.clock == Clock::Handling)
        .flat_map(|run| {
            let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
            let due = due_steps(&story.rules.calendar, &run, fired, story.now);
            due.into_iter().map(move |step| (step.level, run.occurrence))
        })
        .collect();
    for (level, occurrence) in steps {
        story = story.does("timer", wishes::escalate(level, Clock::Handling, occurrence));
    }
    let told = story.told[first..]
        .iter()
        .map(|event| match event {
            CaseEvent::Escalated(data) => (data.level, data.told),
            other => panic!("{other:?}"),
        })
        .collect();
    (story, told)
}

#[test]
fn story_6_the_spring_festival_moves_the_promise_and_a_comment_moves_nothing() {
    let mut story = Story::beginning("2026-02-13T10:00:00+08:00")
        .does("clerk", wishes::open())
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .promises("2026-02-27T17:30:00+08:00");
    for (time, expected) in [
        ("2026-02-14T10:00:00+08:00", vec![]),
        ("2026-02-20T10:00:00+08:00", vec![]),
        ("2026-02-25T09:00:00+08:00", vec![]),
        ("2026-02-25T09:30:00+08:00", vec![(Level::Warning50, Role::Handler)]),
        ("2026-02-26T03:00:00+08:00", vec![]),
        ("2026-02-26T16:18:00+08:00", vec![(Level::Warning80, Role::Handler)]),
        ("2026-02-27T17:29:00+08:00", vec![]),
        ("2026-02-27T17:30:00+08:00", vec![(Level::Director, Role::Director)]),
        ("2026-02-28T03:00:00+08:00", vec![]),
        ("2026-02-28T09:00:00+08:00", vec![(Level::DepartmentLead, Role::DepartmentLead)]),
        ("2026-02-28T09:30:00+08:00", vec![]),
    ] {
        let (next, told) = tick(story.at(time));
        assert_eq!(told, expected, "{time}");
        story = next.does("hr-handler", wishes::note("仍在核实"));
    }
    story.promises("2026-02-27T17:30:00+08:00");
}
