//! Forwarding, signing, contacting, sending back, ruling.

use alloc::string::ToString;
use alloc::vec;

use proto_events::codes::{
    CaseState, Clock, ConveneTrigger, ExplanationMode, ReopenReason, ReturnReason, Understood,
};
use proto_events::events::{CaseEvent, WindowContact};

use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;

/// Sent back by two departments.
fn twice_returned() -> Story {
    Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("medical-insurance"))
        .does("clerk", wishes::forward("medical-insurance"))
        .does("medical-handler", wishes::send_back("civil-affairs"))
}

#[test]
fn forwarding_names_a_window_and_stores_every_deadline() {
    let story = Story::forwarded().is(CaseState::Forwarded);
    let CaseEvent::Forwarded(forwarded) = story.last() else { panic!("{:?}", story.last()) };
    assert_eq!(forwarded.due_at, at("2026-03-10T17:30:00+08:00"), "the promise of the opening");
    assert_eq!(forwarded.first_contact_due_at, at("2026-03-04T17:30:00+08:00"));
    assert_eq!(forwarded.return_until, at("2026-03-04T17:30:00+08:00"));
    let window = &forwarded.contact.as_ref().unwrap().window;
    assert_eq!(window, "区人力资源公共服务中心办不成事窗口", "taken from the district");
    assert_eq!(story.case().contact, forwarded.contact);
    assert_eq!(story.case().hops.len(), 1);
    story.runs(&[(Clock::Handling, 1), (Clock::FirstContact, 1)]);
}

#[test]
fn a_window_that_is_named_goes_before_the_one_of_the_district() {
    let contact = Some(WindowContact { window: "三层7号窗口".to_string(), phone: None });
    let wish = Command::Forward {
        department: "civil-affairs".parse().unwrap(),
        ask: "请办理".to_string(),
        contact: contact.clone(),
        automatic: false,
    };
    let story = Story::opened().does("clerk", wish);
    assert_eq!(story.case().contact, contact);
}

#[test]
fn the_routing_table_forwards_in_the_name_of_the_system() {
    let wish = Command::Forward {
        department: "hr-public-service".parse().unwrap(),
        ask: "请办理".to_string(),
        contact: None,
        automatic: true,
    };
    let story = Story::opened().does("timer", wish);
    assert!(story.case().hops[0].automatic);
}

#[test]
fn a_forwarding_that_makes_no_sense_is_told_why() {
    let wrong = Command::Forward {
        department: "nowhere".parse().unwrap(),
        ask: " ".to_string(),
        contact: Some(WindowContact { window: long(201), phone: Some("0".repeat(41)) }),
        automatic: false,
    };
    let pointers = ["/department", "/ask", "/contact/window", "/contact/phone"];
    Story::opened().faults("clerk", &wrong, &pointers);
}

#[test]
fn a_case_that_a_department_has_is_not_handed_to_another_behind_its_back() {
    let wish = wishes::forward("civil-affairs");
    Story::forwarded().refuses("clerk", &wish, RefusalCode::WrongState);
    Story::accepted().refuses("clerk", &wish, RefusalCode::WrongState);
    Story::not_doable().refuses("clerk", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("clerk", &wish, RefusalCode::WrongState);
}

#[test]
fn a_task_force_may_hand_on_a_case_that_no_department_has() {
    Story::opened()
        .does("director", wishes::convene(ConveneTrigger::Person))
        .does("clerk", wishes::forward("civil-affairs"))
        .is(CaseState::Forwarded)
        .does("civil-handler", wishes::accept())
        .is(CaseState::InTaskForce);
}

#[test]
fn a_task_force_hands_on_no_case_that_a_department_has() {
    for story in [Story::forwarded(), Story::accepted()] {
        story.does("director", wishes::convene(ConveneTrigger::Person)).refuses(
            "clerk",
            &wishes::forward("civil-affairs"),
            RefusalCode::WrongState,
        );
    }
}

#[test]
fn only_the_addressed_department_signs() {
    let story = Story::forwarded()
        .forbids("civil-handler", &wishes::accept())
        .does("hr-handler", wishes::accept())
        .is(CaseState::InDepartment);
    assert_eq!(story.case().handler.as_deref(), Some("hr-handler"));
}

#[test]
fn signing_for_nothing_is_forbidden_because_no_department_has_it() {
    Story::opened().forbids("hr-handler", &wishes::accept());
}

#[test]
fn signing_twice_leads_to_nothing() {
    Story::accepted().says_nothing("hr-handler", &wishes::accept());
    Story::accepted().says_nothing("hr-lead", &wishes::accept_for("hr-handler"));
}

#[test]
fn a_lead_names_a_handler_of_the_department_only() {
    let story = Story::forwarded()
        .faults("hr-lead", &wishes::accept_for("civil-handler"), &["/handler"])
        .faults("hr-lead", &wishes::accept_for("clerk"), &["/handler"])
        .faults("hr-lead", &wishes::accept_for("nobody"), &["/handler"])
        .does("hr-lead", wishes::accept_for("hr-handler-2"));
    assert_eq!(story.case().handler.as_deref(), Some("hr-handler-2"));
}

#[test]
fn another_handler_takes_over_and_no_clock_begins_anew() {
    let before = Story::accepted();
    let clocks = before.case().clocks();
    let story = before.at("2026-03-05T10:00:00+08:00").does("hr-handler-2", wishes::accept());
    assert_eq!(story.case().handler.as_deref(), Some("hr-handler-2"));
    assert_eq!(story.case().clocks(), clocks);
    let signed = story.case().hops[0].accepted_at;
    assert_eq!(signed, Some(at("2026-03-03T10:00:00+08:00")), "it was signed for once");
}

#[test]
fn what_is_over_is_not_signed_for() {
    Story::resolved().refuses("hr-handler-2", &wishes::accept(), RefusalCode::WrongState);
    Story::not_doable().refuses("hr-handler-2", &wishes::accept(), RefusalCode::WrongState);
}

#[test]
fn reaching_the_applicant_stops_the_clock_of_first_contact_and_trying_does_not() {
    let both = [(Clock::Handling, 1), (Clock::FirstContact, 1)];
    Story::forwarded()
        .does("hr-handler", wishes::contact(false))
        .runs(&both)
        .does("hr-handler", wishes::contact(true))
        .runs(&[(Clock::Handling, 1)]);
}

#[test]
fn a_second_contact_leaves_the_first_where_it_was() {
    let story = Story::forwarded()
        .does("hr-handler", wishes::contact(true))
        .at("2026-03-06T10:00:00+08:00")
        .does("hr-handler", wishes::contact(true));
    assert_eq!(story.case().hops[0].first_contact_at, Some(at("2026-03-03T10:00:00+08:00")));
}

#[test]
fn an_applicant_may_be_contacted_after_the_outcome_and_not_after_the_end() {
    Story::resolved().does("clerk", wishes::contact(true));
    let withdrawn = Story::opened().does("clerk", wishes::withdraw());
    withdrawn.refuses("clerk", &wishes::contact(true), RefusalCode::WrongState);
}

#[test]
fn the_clock_of_first_contact_does_not_run_while_a_reopened_case_waits_at_the_center() {
    Story::resolved()
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .runs(&[(Clock::Handling, 2)])
        .does("clerk", wishes::forward("hr-public-service"))
        .runs(&[(Clock::Handling, 2), (Clock::FirstContact, 2)]);
}

#[test]
fn progress_is_noted_in_every_state_and_touches_no_clock() {
    let before = Story::accepted();
    let (clocks, due_at) = (before.case().clocks(), before.case().due_at);
    let story = before.at("2026-03-09T16:00:00+08:00").does("clerk", wishes::note("正在协调"));
    assert_eq!((story.case().clocks(), story.case().due_at), (clocks, due_at));
    Story::resolved().does("clerk", wishes::note("补记"));
    Story::opened().faults("clerk", &wishes::note(" "), &["/text"]);
}

#[test]
fn a_return_stores_when_the_ruling_is_due_and_keeps_the_promise() {
    let story = Story::forwarded()
        .does("hr-handler", wishes::send_back("civil-affairs"))
        .is(CaseState::Returned)
        .promises("2026-03-10T17:30:00+08:00")
        .runs(&[(Clock::Handling, 1), (Clock::Arbitration, 1)]);
    let record = &story.case().returns[0];
    assert_eq!(record.arbitration_due_at, at("2026-03-04T17:30:00+08:00"));
    assert_eq!(record.suggested_department, Some("civil-affairs".parse().unwrap()));
    assert_eq!(story.case().department, None);
}

#[test]
fn not_our_duty_needs_a_basis_and_whose_duty_it_is() {
    let wish = |reason, duty_basis: Option<&str>, suggested: Option<&str>| Command::Return {
        reason,
        duty_basis: duty_basis.map(str::to_string),
        suggested_department: suggested.map(|id| id.parse().unwrap()),
        note: "退回".to_string(),
    };
    let both = ["/duty_basis", "/suggested_department"];
    let suggestion = ["/suggested_department"];
    let own = Some("hr-public-service");
    Story::forwarded()
        .faults("hr-handler", &wish(ReturnReason::NotOurDuty, None, None), &both)
        .faults("hr-handler", &wish(ReturnReason::NotOurDuty, Some(" "), None), &both)
        .faults("hr-handler", &wish(ReturnReason::WrongPlace, None, None), &suggestion)
        .faults("hr-handler", &wish(ReturnReason::WrongPlace, None, own), &suggestion)
        .faults("hr-handler", &wish(ReturnReason::WrongPlace, None, Some("nowhere")), &suggestion);
    for reason in
        [ReturnReason::InformationMissing, ReturnReason::AlreadyHandled, ReturnReason::NeedsRuling]
    {
        Story::forwarded().does("hr-handler", wish(reason, None, None)).is(CaseState::Returned);
    }
}

#[test]
fn a_case_is_returned_within_one_working_day() {
    let wish = wishes::send_back("civil-affairs");
    Story::forwarded().at("2026-03-04T17:30:00+08:00").does("hr-handler", wish.clone());
    Story::accepted().at("2026-03-04T17:30:00+08:00").does("hr-handler", wish.clone());
    Story::forwarded().at("2026-03-04T17:30:01+08:00").refuses(
        "hr-handler",
        &wish,
        RefusalCode::ReturnTooLate,
    );
}

#[test]
fn a_weekend_does_not_use_up_the_time_to_return() {
    Story::beginning("2026-03-06T16:00:00+08:00")
        .does("clerk", wishes::open())
        .does("clerk", wishes::forward("civil-affairs"))
        .at("2026-03-09T17:00:00+08:00")
        .does("civil-handler", wishes::send_back("medical-insurance"));
}

#[test]
fn only_the_department_that_has_the_case_returns_it() {
    Story::forwarded().forbids("civil-handler", &wishes::send_back("medical-insurance"));
    Story::opened().forbids("hr-handler", &wishes::send_back("medical-insurance"));
}

#[test]
fn a_case_that_ended_or_cannot_be_done_is_not_returned() {
    let wish = wishes::send_back("civil-affairs");
    Story::resolved().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::not_doable().refuses("hr-handler", &wish, RefusalCode::WrongState);
}

#[test]
fn a_department_that_returned_a_case_does_not_get_it_again_without_a_ruling() {
    Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("medical-insurance"))
        .refuses("clerk", &wishes::forward("civil-affairs"), RefusalCode::PingPong)
        .does("clerk", wishes::forward("medical-insurance"));
}

#[test]
fn ping_pong_is_remembered_over_a_reopening() {
    Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("hr-public-service"))
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::resolve())
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .refuses("clerk", &wishes::forward("civil-affairs"), RefusalCode::PingPong);
}

#[test]
fn a_case_is_returned_twice_and_no_third_time() {
    twice_returned().does("clerk", wishes::forward("hr-public-service")).refuses(
        "hr-handler",
        &wishes::send_back("hr-bureau"),
        RefusalCode::ReturnLimit,
    );
    assert!(twice_returned().case().is_ping_pong());
    twice_returned().runs(&[(Clock::Handling, 1), (Clock::Arbitration, 2)]);
}

#[test]
fn a_department_returns_a_case_once_even_when_an_old_log_gave_it_back() {
    let story = Story::forwarded();
    let again = story.last().clone();
    story.does("hr-handler", wishes::send_back("civil-affairs")).happened("clerk", again).refuses(
        "hr-handler",
        &wishes::send_back("civil-affairs"),
        RefusalCode::ReturnLimit,
    );
}

#[test]
fn a_ruling_is_binding() {
    let story = twice_returned()
        .does("coordinator", wishes::arbitrate("civil-affairs"))
        .is(CaseState::Forwarded)
        .runs(&[(Clock::Handling, 1), (Clock::FirstContact, 3)])
        .refuses("civil-handler", &wishes::send_back("medical-insurance"), RefusalCode::Arbitrated)
        .does("civil-handler", wishes::accept())
        .refuses("civil-handler", &wishes::send_back("medical-insurance"), RefusalCode::Arbitrated);
    let hop = story.case().last_hop().unwrap();
    assert!(hop.arbitrated && hop.return_until.is_none());
    assert_eq!(hop.first_contact_due_at, at("2026-03-04T17:30:00+08:00"));
}

#[test]
fn the_department_of_the_ruling_may_get_the_case_again() {
    twice_returned()
        .does("coordinator", wishes::arbitrate("civil-affairs"))
        .does("civil-handler", wishes::accept())
        .does("civil-handler", wishes::resolve())
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .refuses("clerk", &wishes::forward("medical-insurance"), RefusalCode::PingPong)
        .does("clerk", wishes::forward("civil-affairs"));
}

#[test]
fn a_ruling_that_makes_no_sense_is_told_why() {
    let wrong = Command::Arbitrate {
        department: "civil-affairs".parse().unwrap(),
        co_departments: vec![
            "civil-affairs".parse().unwrap(),
            "nowhere".parse().unwrap(),
            "hr-bureau".parse().unwrap(),
            "hr-bureau".parse().unwrap(),
        ],
        basis: String::new(),
    };
    let pointers = ["/co_departments/0", "/co_departments/1", "/co_departments/3", "/basis"];
    Story::opened().faults("coordinator", &wrong, &pointers);
}

#[test]
fn there_is_nothing_to_rule_about_once_the_answer_is_known() {
    let wish = wishes::arbitrate("civil-affairs");
    Story::not_doable().refuses("coordinator", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("coordinator", &wish, RefusalCode::WrongState);
    let explained = Story::not_doable().does(
        "hr-lead",
        wishes::explain(ExplanationMode::InPerson, &["hr-bureau"], Understood::Yes),
    );
    explained.refuses("coordinator", &wish, RefusalCode::WrongState);
}

#[test]
fn a_promise_moves_neither_by_comments_nor_reassignment_nor_forwarding_nor_returns() {
    let due = "2026-03-10T17:30:00+08:00";
    let story = Story::opened()
        .at("2026-03-04T10:00:00+08:00")
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-lead", wishes::accept_for("civil-handler"))
        .does("civil-handler", wishes::note("核对中"))
        .does("civil-handler", wishes::send_back("medical-insurance"))
        .promises(due)
        .at("2026-03-05T10:00:00+08:00")
        .does("clerk", wishes::forward("medical-insurance"))
        .does("medical-handler", wishes::accept())
        .does("medical-lead", wishes::accept())
        .does("medical-lead", wishes::contact(true))
        .does("clerk", wishes::materials())
        .promises(due)
        .at("2026-03-06T09:30:00+08:00")
        .does("medical-lead", wishes::send_back("hr-public-service"))
        .does("timer", wishes::convene(ConveneTrigger::TwoReturns))
        .does("director", wishes::dissolve())
        .does("coordinator", wishes::arbitrate("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::not_doable("hr-lead"))
        .promises(due);
    let run = story.case().clocks()[0].clone();
    assert_eq!((run.clock, run.occurrence), (Clock::Handling, 1));
    assert_eq!(run.started_at, at("2026-03-03T10:00:00+08:00"));
    assert_eq!(story.case().original_due_at, at(due));
}
