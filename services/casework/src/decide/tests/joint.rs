//! Several departments on one case, and the papers that are asked for at once.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Clock, ReopenReason, Role, Solved};
use proto_events::events::{CaseEvent, RequestedItem};

use super::*;
use crate::command::{Command, PartWish};
use crate::permission;
use crate::refusal::RefusalCode;

fn part(department: &str, due_at: Option<&str>) -> PartWish {
    PartWish {
        department: department.parse().unwrap(),
        ask: "请核实".to_string(),
        due_at: due_at.map(at),
    }
}

fn parts(wishes: &[(&str, Option<&str>)]) -> Command {
    let parts = wishes.iter().map(|(department, due_at)| part(department, *due_at)).collect();
    Command::AssignParts { parts }
}

/// Signed for, with a part for each of two other departments.
fn shared() -> Story {
    let both = parts(&[
        ("disabled-federation", Some("2026-03-06T17:30:00+08:00")),
        ("civil-affairs", None),
    ]);
    Story::accepted().does("hr-handler", both)
}

#[test]
fn a_part_has_its_own_clock_within_the_case() {
    let story = shared().runs(&[
        (Clock::Handling, 1),
        (Clock::FirstContact, 1),
        (Clock::Part, 1),
        (Clock::Part, 2),
    ]);
    let due: Vec<_> = story.case().parts.iter().map(|part| part.due_at).collect();
    assert_eq!(due, [at("2026-03-06T17:30:00+08:00"), at("2026-03-10T17:30:00+08:00")]);
    story
        .promises("2026-03-10T17:30:00+08:00")
        .does("disabled-handler", wishes::finish_part("disabled-federation"))
        .runs(&[(Clock::Handling, 1), (Clock::FirstContact, 1), (Clock::Part, 2)]);
}

#[test]
fn whoever_has_a_part_sees_the_case_and_finishes_only_the_own_part() {
    let stranger = who("disabled-handler");
    assert!(!permission::may_read(&stranger, Story::accepted().case()));
    let story = shared();
    assert!(permission::may_read(&stranger, story.case()));
    story
        .forbids("disabled-handler", &wishes::finish_part("civil-affairs"))
        .forbids("hr-handler", &wishes::finish_part("civil-affairs"))
        .forbids("disabled-handler", &wishes::resolve())
        .forbids("director", &wishes::finish_part("civil-affairs"))
        .does("civil-handler", wishes::finish_part("civil-affairs"))
        .does("coordinator", wishes::finish_part("disabled-federation"));
}

#[test]
fn a_part_that_nobody_has_is_not_finished() {
    let wish = wishes::finish_part("civil-affairs");
    let code = RefusalCode::NoSuchPart;
    Story::accepted().refuses("coordinator", &wish, code).refuses(
        "hr-handler",
        &wishes::finish_part("hr-public-service"),
        code,
    );
    shared().does("civil-handler", wish.clone()).refuses("civil-handler", &wish, code);
    shared().faults(
        "civil-handler",
        &Command::CompletePart { department: "civil-affairs".parse().unwrap(), result: long(2001) },
        &["/result"],
    );
}

#[test]
fn no_outcome_no_determination_and_no_transfer_while_a_part_is_open() {
    let code = RefusalCode::PartsOpen;
    shared()
        .refuses("hr-handler", &wishes::resolve(), code)
        .refuses("hr-handler", &wishes::not_doable("hr-lead"), code)
        .refuses("hr-lead", &wishes::transfer(), code)
        .does("civil-handler", wishes::finish_part("civil-affairs"))
        .refuses("hr-handler", &wishes::resolve(), code)
        .does("disabled-handler", wishes::finish_part("disabled-federation"))
        .does("hr-handler", wishes::resolve())
        .is(CaseState::Resolved);
}

#[test]
fn a_withdrawal_is_the_applicants_fact_and_stops_the_parts_with_the_case() {
    shared().does("clerk", wishes::withdraw()).is(CaseState::Withdrawn).runs(&[]).refuses(
        "civil-handler",
        &wishes::finish_part("civil-affairs"),
        RefusalCode::WrongState,
    );
}

#[test]
fn the_lead_has_no_part_and_nobody_has_two() {
    let twice = [("civil-affairs", None), ("medical-insurance", None), ("civil-affairs", None)];
    Story::accepted()
        .faults("hr-handler", &parts(&[]), &["/parts"])
        .faults("hr-handler", &parts(&[("hr-public-service", None)]), &["/parts/0/department"])
        .faults("hr-handler", &parts(&[("nowhere", None)]), &["/parts/0/department"])
        .faults("hr-handler", &parts(&twice), &["/parts/2/department"]);
    shared()
        .faults("hr-handler", &wishes::assign("civil-affairs"), &["/parts/0/department"])
        .does("civil-handler", wishes::finish_part("civil-affairs"))
        .does("hr-handler", wishes::assign("civil-affairs"))
        .runs(&[
            (Clock::Handling, 1),
            (Clock::FirstContact, 1),
            (Clock::Part, 1),
            (Clock::Part, 3),
        ]);
}

#[test]
fn a_part_is_due_after_now_and_not_after_the_case() {
    for (due, is_right) in [
        ("2026-03-03T10:00:00+08:00", false),
        ("2019-03-03T10:00:00+08:00", false),
        ("2026-03-03T10:00:01+08:00", true),
        ("2026-03-10T17:30:00+08:00", true),
        ("2026-03-10T17:30:01+08:00", false),
        ("9999-12-31T23:59:59+08:00", false),
    ] {
        let wish = parts(&[("civil-affairs", Some(due))]);
        match is_right {
            true => drop(Story::accepted().does("hr-handler", wish)),
            false => drop(Story::accepted().faults("hr-handler", &wish, &["/parts/0/due_at"])),
        }
    }
}

#[test]
fn a_part_of_a_late_case_is_due_the_next_working_day() {
    let late = || Story::accepted().at("2026-03-12T10:00:00+08:00");
    let story = late().does("hr-handler", wishes::assign("civil-affairs"));
    let run = story.run_of(Clock::Part);
    assert_eq!(run.due_at, at("2026-03-13T17:30:00+08:00"));
    assert!(run.started_at < run.due_at);
    let agreed = |time| parts(&[("civil-affairs", Some(time))]);
    late()
        .faults("hr-handler", &agreed("2026-03-14T09:00:00+08:00"), &["/parts/0/due_at"])
        .does("hr-handler", agreed("2026-03-13T12:00:00+08:00"));
}

#[test]
fn parts_are_given_while_somebody_works_on_the_case() {
    let wish = wishes::assign("civil-affairs");
    for (story, person) in [
        (Story::opened(), "director"),
        (Story::forwarded(), "hr-handler"),
        (Story::not_doable(), "hr-handler"),
        (Story::resolved(), "hr-handler"),
    ] {
        story.refuses(person, &wish, RefusalCode::WrongState);
    }
    Story::accepted()
        .does("director", wishes::convene(wishes::person_asks()))
        .does("director", wish)
        .is(CaseState::InTaskForce);
}

#[test]
fn a_late_part_is_told_to_its_own_department() {
    let story = shared().at("2026-03-06T17:30:00+08:00").ticks();
    let told: Vec<_> = story
        .told
        .iter()
        .filter_map(|event| match event {
            CaseEvent::Escalated(data) if data.clock == Clock::Part => {
                Some((data.occurrence, data.told, data.body.as_str()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, [(1, Role::Director, "disabled-federation")]);
}

#[test]
fn a_department_that_had_a_part_is_not_asked_how_it_went() {
    let done = || {
        shared()
            .does("civil-handler", wishes::finish_part("civil-affairs"))
            .does("disabled-handler", wishes::finish_part("disabled-federation"))
    };
    let answer = wishes::feedback(Solved::Yes, 5);
    let code = RefusalCode::SelfFeedback;
    done().does("hr-handler", wishes::resolve()).refuses("civil-handler", &answer, code);
    // A ruling names its own helpers; who had a part before it had it all the same.
    done()
        .does("coordinator", wishes::arbitrate("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::resolve())
        .refuses("civil-handler", &answer, code);
}

#[test]
fn a_helper_that_gets_the_case_leads_it_and_helps_no_longer() {
    let story = shared()
        .does("hr-handler", wishes::send_back("civil-affairs"))
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::finish_part("civil-affairs"));
    let helpers: Vec<_> = story.case().co_departments.iter().map(|one| one.as_str()).collect();
    assert_eq!(helpers, ["disabled-federation"]);
}

fn asking_for(items: Vec<RequestedItem>) -> Command {
    Command::RequestMaterials { items, mode: wishes::mode("phone"), new_fact: None }
}

#[test]
fn papers_are_asked_for_at_once_each_with_its_basis() {
    let nameless = RequestedItem { name: " ".to_string(), basis: String::new() };
    Story::accepted().faults("hr-handler", &asking_for(vec![]), &["/items"]).faults(
        "hr-handler",
        &asking_for(vec![nameless]),
        &["/items/0/name", "/items/0/basis"],
    );
    let story = Story::accepted().does("hr-handler", wishes::request_materials(None));
    let request = &story.case().material_requests[0];
    assert_eq!(request.due_at, at("2026-03-10T17:30:00+08:00"));
    story.promises("2026-03-10T17:30:00+08:00").is(CaseState::InDepartment);
}

#[test]
fn a_second_request_for_papers_needs_a_new_fact_also_in_another_life() {
    let (again, code) = (wishes::request_materials(None), RefusalCode::OneTimeNotice);
    let blank = wishes::request_materials(Some("  "));
    let story = Story::accepted()
        .does("hr-handler", wishes::request_materials(None))
        .does("clerk", wishes::materials())
        .refuses("hr-handler", &again, code)
        .refuses("director", &blank, code)
        .does("hr-handler", wishes::request_materials(Some("申请人婚姻状况变更")));
    story
        .does("hr-handler", wishes::resolve())
        .does("clerk", wishes::reopen(ReopenReason::NewFact))
        .does("clerk", wishes::forward("hr-public-service"))
        .refuses("hr-handler", &again, code);
}

#[test]
fn papers_are_asked_for_by_whoever_has_the_case_while_it_is_open() {
    let wish = wishes::request_materials(None);
    Story::forwarded().does("clerk", wish.clone());
    Story::opened().refuses("clerk", &wish, RefusalCode::WrongState);
    Story::not_doable().refuses("hr-handler", &wish, RefusalCode::WrongState);
    Story::resolved().refuses("hr-handler", &wish, RefusalCode::WrongState);
}

#[test]
fn a_part_that_is_given_at_the_very_end_is_due_the_next_working_day() {
    let story = Story::accepted()
        .at("2026-03-10T17:30:00+08:00")
        .does("hr-handler", wishes::assign("disabled-federation"));
    assert_eq!(story.case().parts[0].due_at, at("2026-03-11T17:30:00+08:00"));
}
