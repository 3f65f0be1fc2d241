//! Cases that are taken over from an earlier register.

use alloc::string::String;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Clock};
use proto_events::events::CaseEvent;

use super::{Story, long, wishes};
use crate::calendar::tests::at;
use crate::command::Import;
use crate::figures::Formula;
use crate::figures::count::{Counted, Period, Tally, tallies};
use crate::figures::facts::CaseFacts;
use crate::figures::history::Past;
use crate::refusal::RefusalCode;
use crate::register::Column;

/// The day in 2024 on which the register says that it was opened.
const THEN: &str = "2024-03-04T09:00:00+08:00";
const NOW: &str = "2026-03-03T10:00:00+08:00";

fn taken_over(change: impl FnOnce(&mut Import)) -> Story {
    Story::beginning(THEN).does("timer", wishes::import_with(change)).at(NOW)
}

fn open_one(import: &mut Import) {
    import.outcome = None;
    import.solved = None;
    import.cause_confirmed = None;
    import.due_at = None;
}

/// What the case adds to the figures of both years.
fn figures(story: &Story) -> Vec<Formula> {
    let calendar = &story.rules.calendar;
    let facts = CaseFacts::of(story.case(), &Past::default(), calendar);
    let case = story.case();
    let counted = Counted {
        facts: &facts,
        center: &case.center,
        department: case.department.as_ref(),
        matter: &case.matter.name,
        stage: case.blocked_stage,
        cause: case.cause_provisional,
    };
    let now = at("2026-12-31T10:00:00+08:00");
    let period = Period::new(at("2024-01-01T00:00:00+08:00"), now, now, calendar);
    let mut told: Vec<Formula> = Vec::new();
    tallies(&counted, &period, &mut |tally: Tally<'_>| told.push(tally.formula));
    told.sort_unstable();
    told.dedup();
    told
}

#[test]
fn a_case_of_an_earlier_register_stands_as_it_stood_there() {
    let story = taken_over(|_| {});
    let case = story.case();
    assert_eq!(case.state, CaseState::Closed);
    assert_eq!(case.opened_at, at(THEN));
    assert_eq!(case.department.as_ref().unwrap().as_str(), "hr-public-service");
    let outcome = case.outcome.as_ref().unwrap();
    assert_eq!((outcome.kind, outcome.at), (CaseState::Resolved, at("2024-03-11T17:30:00+08:00")));
    assert!(outcome.is_on_time());
    let record = case.imported.as_ref().unwrap();
    assert_eq!((record.from.row, record.at), (4, at(NOW)));
    assert_eq!(record.assumed, ["channel"]);
    // Kept as long as any other, counted from its end and not from the taking over.
    assert_eq!(case.erase_after, Some(at("2027-03-11T17:30:00+08:00")));
    story
        .runs(&[])
        .writes(Column::FirstReceiver, "clerk", "clerk")
        .writes(Column::Returns, "1", "1")
        .writes(Column::TaskForce, "是；两部门会商", "是；两部门会商")
        .writes(Column::SpecialHandling, "否", "No")
        .writes(
            Column::Improvements,
            "窗口张贴办事地图；窗口张贴办事地图",
            "窗口张贴办事地图; 窗口张贴办事地图",
        );
}

#[test]
fn what_was_promised_elsewhere_is_in_no_rate() {
    let told = figures(&taken_over(|_| {}));
    assert_eq!(told, [Formula::Blockages, Formula::Imported]);
    let told = figures(&taken_over(open_one));
    let open = [Formula::Open, Formula::Overdue, Formula::Oldest, Formula::Blockages];
    assert!(open.iter().all(|formula| told.contains(formula)), "{told:?}");
    assert_eq!(told.len(), open.len() + 1, "{told:?}");
}

#[test]
fn what_is_promised_after_it_was_taken_over_counts() {
    let reopened = wishes::reopen(proto_events::codes::ReopenReason::NewFact);
    let story = taken_over(|_| {}).does("clerk", reopened);
    let facts = CaseFacts::of(story.case(), &Past::default(), &story.rules.calendar);
    assert!(facts.is_imported);
    let story = story.is(CaseState::Opened);
    let case = story.case();
    assert!(case.due_at > at(NOW), "the promise is a new one");
}

#[test]
fn an_open_case_goes_on_here_with_promises_that_start_now() {
    let story = taken_over(open_one).is(CaseState::InDepartment);
    let contact = story.run_of(Clock::FirstContact);
    assert_eq!(contact.due_at, at("2026-03-04T17:30:00+08:00"));
    // The first promise is as old as the case, and long broken.
    assert_eq!(story.run_of(Clock::Handling).due_at, at("2024-03-11T17:30:00+08:00"));
    assert!(story.case().is_overdue(at(NOW)));
    story.does("hr-handler", wishes::resolve()).is(CaseState::Resolved);
}

#[test]
fn without_a_department_it_waits_at_its_center() {
    let story = taken_over(|import| {
        open_one(import);
        import.department = None;
    });
    let opening = story.told.first().cloned().unwrap();
    let forwards = crate::reaction::forwarding(&opening, story.case(), &story.rules);
    assert!(forwards.is_some(), "and is handed over as any other");
}

#[test]
fn an_end_of_last_week_waits_for_a_word_and_an_older_one_is_closed() {
    let ended = |day: &str| {
        let day = at(day);
        taken_over(move |import| {
            import.solved = None;
            if let Some(outcome) = &mut import.outcome {
                outcome.at = day;
            }
        })
    };
    ended("2026-02-27T17:30:00+08:00").is(CaseState::Resolved);
    ended("2026-01-05T17:30:00+08:00").is(CaseState::Closed);
}

#[test]
fn a_case_that_is_there_is_left_alone() {
    Story::opened().refuses("timer", &wishes::import(), RefusalCode::ImportedBefore);
    // Nor does the event change one that was opened here.
    let story = taken_over(|_| {});
    let Some(imported) = story.told.last().cloned() else { panic!() };
    assert!(matches!(imported, CaseEvent::Imported(_)));
    let here = Story::accepted();
    let before = here.case().state;
    here.happened("timer", imported).is(before);
}

#[test]
fn a_row_is_told_everything_that_is_wrong_with_it() {
    let story = Story::beginning(THEN);
    let wrong = wishes::import_with(|import| {
        import.returns = 100;
        import.department = Some("nobody".parse().unwrap());
        import.accepted_at = Some(at("2024-03-01T17:30:00+08:00"));
        import.task_force = Some(long(2001));
        if let Some(outcome) = &mut import.outcome {
            outcome.at = at("2026-03-03T10:00:01+08:00");
        }
    });
    let pointers = ["/accepted_at", "/outcome_at", "/returns", "/department", "/task_force"];
    let story = story.faults("timer", &wrong, &pointers);
    let named = wishes::import_with(|import| {
        import.policy_basis = Some(String::from("电话13800000000"));
    });
    let story = story.refuses("timer", &named, RefusalCode::PiiInText);
    story.forbids("coordinator", &wishes::import());
    let ahead = wishes::import_with(|import| import.imported_at = at("2024-03-01T10:00:00+08:00"));
    assert!(Story::beginning(THEN).wish("timer", &ahead).is_err(), "{}", "not before it was");
}
