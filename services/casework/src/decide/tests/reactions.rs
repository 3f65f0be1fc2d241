//! What the house asks for by itself, about stories that were told by decisions.

use alloc::vec;

use proto_events::codes::{Cause, ClosingCode, ConveneTrigger, ReopenReason, Solved};

use super::{Story, wishes};
use crate::command::Command;
use crate::reaction::{forwarding, help, may_forward, may_help, still_calls_for_help};
use crate::rules::MatterRoute;

impl Story {
    /// What routing would order about the last event.
    fn routing_orders(&self) -> Option<Command> {
        forwarding(self.told.last().unwrap(), self.case(), &self.rules)
    }

    /// What escalation would order about the last event.
    fn escalation_orders(&self) -> Option<Command> {
        help(self.told.last().unwrap(), self.case(), &self.rules)
    }
}

#[test]
fn the_table_forwards_what_it_knows_and_nothing_that_is_the_applicants_own() {
    let Some(Command::Forward { department, automatic, .. }) = Story::opened().routing_orders()
    else {
        panic!("the table knows the matter");
    };
    assert!(automatic);
    assert_eq!(department.as_str(), "hr-public-service");
    let own = wishes::open_with(|open| open.cause = Cause::ApplicantNotQualified);
    assert_eq!(Story::new().does("clerk", own).routing_orders(), None);
    let unknown = wishes::open_with(|open| open.matter.name = "楼道堆物清理".into());
    assert_eq!(Story::new().does("clerk", unknown).routing_orders(), None);
}

#[test]
fn the_first_line_decides_that_has_the_name_of_the_matter_or_a_word_of_it() {
    let mut rules = Story::new().rules;
    let line = |name: &str, words: &[&str], department: &str| MatterRoute {
        name: name.into(),
        keywords: words.iter().map(|word| (*word).into()).collect(),
        department: department.parse().unwrap(),
    };
    rules.matters = vec![
        line("居住登记", &["暂住证", "居住证"], "civil-affairs"),
        line("就业登记", &[], "hr-bureau"),
        line("居住证签注", &["签注"], "medical-insurance"),
    ];
    for (matter, department) in [
        ("居住登记", Some("civil-affairs")),
        ("补办暂住证", Some("civil-affairs")),
        ("居住证签注", Some("civil-affairs")),
        ("就业登记", Some("hr-bureau")),
        ("年度签注", Some("medical-insurance")),
        ("就业登记变更", None),
        ("登记", None),
        ("养犬登记", None),
    ] {
        let found = rules.route(matter).map(|line| line.department.as_str());
        assert_eq!(found, department, "{matter}");
    }
}

#[test]
fn the_second_return_asks_for_everybody_who_had_the_case_or_was_named_and_the_coordinator() {
    let once = Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("medical-insurance"));
    assert_eq!(once.escalation_orders(), None);
    let twice = once
        .does("clerk", wishes::forward("medical-insurance"))
        .does("medical-handler", wishes::send_back("civil-affairs"));
    let Some(Command::ConveneTaskForce { trigger, members, .. }) = twice.escalation_orders() else {
        panic!("two returns convene a task force");
    };
    assert_eq!(trigger, ConveneTrigger::TwoReturns);
    for body in
        ["donghuashi", "civil-affairs", "medical-insurance", twice.rules.coordinator.as_str()]
    {
        let seats = members.iter().filter(|member| member.department.as_str() == body).count();
        assert_eq!(seats, 1, "{body}");
    }
}

#[test]
fn a_good_answer_closes_and_a_bad_one_is_put_right_first() {
    let good = Story::resolved().does("callback", wishes::feedback(Solved::Yes, 5));
    let close = Command::Close { code: ClosingCode::FeedbackRecorded };
    assert_eq!(good.escalation_orders(), Some(close));
    let bad = Story::resolved().does("callback", wishes::feedback(Solved::Yes, 2));
    assert_eq!(bad.escalation_orders(), Some(Command::OpenRectification));
}

#[test]
fn an_order_comes_only_about_an_event_that_may_lead_to_one() {
    let story = Story::resolved().does("callback", wishes::feedback(Solved::No, 1));
    for event in &story.told {
        assert!(may_forward(event) || forwarding(event, story.case(), &story.rules).is_none());
        assert!(may_help(event) || help(event, story.case(), &story.rules).is_none());
    }
}

#[test]
fn an_opening_that_is_told_late_finds_the_case_as_people_left_it() {
    let story = Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("medical-insurance"));
    let opening = &story.told[0];
    assert_eq!(forwarding(opening, story.case(), &story.rules), None);
    // Also when it was on its way already.
    let mut late = wishes::forward("hr-public-service");
    if let Command::Forward { automatic, .. } = &mut late {
        *automatic = true;
    }
    story.says_nothing("timer", &late);
}

#[test]
fn a_case_that_waits_for_a_person_goes_on_waiting_when_its_opening_is_told_again() {
    let own = wishes::open_with(|open| open.cause = Cause::ApplicantNotQualified);
    let mut story = Story::new().does("clerk", own);
    let opening = story.last().clone();
    story.case.as_mut().unwrap().cause_provisional = Cause::PolicyGap;
    assert_eq!(forwarding(&opening, story.case(), &story.rules), None);
    let mut story = Story::opened();
    story.case.as_mut().unwrap().matter.name = "低保申请".into();
    assert_eq!(story.routing_orders(), None);
}

#[test]
fn a_reopening_that_is_told_again_after_the_next_one_forwards_nothing() {
    let story = Story::resolved().at("2026-03-04T10:00:00+08:00");
    let story = story.does("clerk", wishes::reopen(ReopenReason::Partial));
    let first = story.last().clone();
    assert!(forwarding(&first, story.case(), &story.rules).is_some());
    let story = story
        .at("2026-03-04T11:00:00+08:00")
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::resolve())
        .at("2026-03-06T10:00:00+08:00")
        .does("clerk", wishes::reopen(ReopenReason::NotSolved));
    assert_eq!(forwarding(&first, story.case(), &story.rules), None);
}

#[test]
fn what_a_task_force_has_answered_calls_for_no_second_one_when_it_is_told_again() {
    let story = Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("medical-insurance"))
        .does("clerk", wishes::forward("medical-insurance"))
        .does("medical-handler", wishes::send_back("civil-affairs"));
    let (at, returned) = (story.now, story.last().clone());
    assert!(still_calls_for_help(at, &returned, story.case()));
    let story = story
        .at("2026-03-03T11:00:00+08:00")
        .does("coordinator", wishes::convene(ConveneTrigger::Person));
    assert!(!still_calls_for_help(at, &returned, story.case()));
    let story = story.at("2026-03-03T12:00:00+08:00").does("coordinator", wishes::dissolve());
    assert!(!still_calls_for_help(at, &returned, story.case()));
}

#[test]
fn a_rectification_that_was_finished_while_the_clock_went_back_is_finished() {
    let story = Story::resolved()
        .at("2026-03-03T11:45:00+08:00")
        .does("callback", wishes::feedback(Solved::Yes, 1))
        .at("2026-03-03T11:46:00+08:00")
        .does("timer", Command::OpenRectification)
        .at("2026-03-03T11:09:00+08:00")
        .does("clerk", wishes::complete())
        .at("2026-03-03T11:50:00+08:00")
        .says_nothing("timer", &Command::OpenRectification);
    story.does("timer", wishes::close(ClosingCode::FeedbackRecorded));
}
