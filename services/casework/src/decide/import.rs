//! The decision to take a case over from an earlier register (台账转入).
//!
//! Invariants: what is taken over is marked as such for ever; nothing is invented: a step that the register does not know
//! is no event, and a promise is the register's own or that of the district's limits; what ended is closed when its window
//! has passed, and kept no longer than any other case, counted from its end.

use alloc::string::String;
use alloc::vec::Vec;

use chrono::Months;
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::events::{
    CaseEvent, Imported, ImportedFeedback, ImportedHandingOver, ImportedOutcome, Mode, Opened,
};

use super::checks::{Checks, LONG_CHARS_MAX, SHORT_CHARS_MAX};
use super::intake;
use crate::case::Case;
use crate::command::{Context, Import};
use crate::refusal::{Refusal, RefusalCode};

/// Most returns that anybody counts.
const RETURNS_MAX: u32 = 99;

pub(super) fn import(
    case: Option<&Case>,
    wish: &Import,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    if let Some(case) = case {
        let detail = alloc::format!("the case {} is there already", case.case_no);
        return Err(Refusal::rule(RefusalCode::ImportedBefore, detail));
    }
    // What holds of every opening holds of this one.
    let opened = intake::open(None, &wish.open, context)?;
    let mut checks = Checks::default();
    let opened_at = context.now;
    checks.text("/case_no", &wish.open.case_no, SHORT_CHARS_MAX);
    days_are_in_order(&mut checks, wish, opened_at);
    checks.require(wish.returns <= RETURNS_MAX, "/returns", "at most 99");
    for department in wish.department.iter().chain(&wish.co_departments) {
        checks.department("/department", department, context.rules);
    }
    let mut text = |pointer: &str, text: &Option<String>| {
        checks.optional_text(pointer, text.as_ref(), LONG_CHARS_MAX)
    };
    let task_force = text("/task_force", &wish.task_force);
    let special_handling = text("/special_handling", &wish.special_handling);
    let policy_basis = text("/policy_basis", &wish.policy_basis);
    let rectification = text("/rectification", &wish.rectification);
    let improvements = text("/improvements", &wish.improvements);
    let result = wish.outcome.as_ref().map(|outcome| text("/outcome", &outcome.result));
    checks.finish()?;
    let outcome =
        wish.outcome.clone().map(|outcome| ImportedOutcome { result: result.flatten(), ..outcome });
    let feedback = feedback(wish);
    let closed_at = outcome
        .as_ref()
        .and_then(|outcome| closed_at(outcome, feedback.is_some(), wish.imported_at, context));
    let months = Months::new(context.rules.limits.erase_after_years.saturating_mul(12));
    let imported = Imported {
        imported_at: wish.imported_at,
        first_receiver: wish.first_receiver.clone(),
        cause_confirmed: wish.cause_confirmed,
        handing_over: handing_over(wish, context),
        co_departments: wish.co_departments.clone(),
        returns: wish.returns,
        task_force,
        special_handling,
        outcome,
        policy_basis,
        feedback,
        rectification,
        improvements,
        closed_at,
        erase_after: closed_at.and_then(|at| at.checked_add_months(months)),
        assumed: wish.assumed.clone(),
    };
    let mut events: Vec<CaseEvent> =
        opened.into_iter().map(|event| of_the_register(event, wish)).collect();
    events.push(imported.into());
    Ok(events)
}

/// An opening with its mark, and with the promise that the register has.
fn of_the_register(event: CaseEvent, wish: &Import) -> CaseEvent {
    match event {
        CaseEvent::Opened(opened) => {
            let imported_from = Some(wish.from.clone());
            CaseEvent::Opened(match wish.due_at {
                None => Opened { imported_from, ..opened },
                Some(due_at) => Opened {
                    imported_from,
                    due_at,
                    provisional: false,
                    working_days: None,
                    ..opened
                },
            })
        }
        other => other,
    }
}

/// Whether each step lies on the day of the one before, or later: a register often has days only.
fn days_are_in_order(checks: &mut Checks, wish: &Import, opened_at: Timestamp) {
    let opened = opened_at.date_naive();
    checks.require(
        opened_at <= wish.imported_at,
        "/opened_at",
        "lies in the future (不能晚于现在)",
    );
    let steps = [
        ("/due_at", wish.due_at),
        ("/forwarded_at", wish.forwarded_at),
        ("/accepted_at", wish.accepted_at),
        ("/first_contact_at", wish.first_contact_at),
        ("/outcome_at", wish.outcome.as_ref().map(|outcome| outcome.at)),
    ];
    for (pointer, at) in steps {
        let is_before = at.is_some_and(|at| at.date_naive() < opened);
        checks.require(!is_before, pointer, "lies before the opening (早于登记时间)");
        let is_ahead = at.is_some_and(|at| at > wish.imported_at) && pointer != "/due_at";
        checks.require(!is_ahead, pointer, "lies in the future (不能晚于现在)");
    }
}

/// The handing over; a promise that starts now is counted from now, because nobody here has broken an earlier one.
fn handing_over(wish: &Import, context: &Context<'_>) -> Option<ImportedHandingOver> {
    let rules = context.rules;
    let due_at = |days| rules.calendar.deadline(wish.imported_at, days).due_at;
    Some(ImportedHandingOver {
        to: wish.department.clone()?,
        at: wish.forwarded_at.unwrap_or(context.now),
        accepted_at: wish.accepted_at,
        first_contact_at: wish.first_contact_at,
        first_contact_due_at: due_at(rules.limits.first_contact),
        return_until: due_at(rules.limits.r#return),
    })
}

fn feedback(wish: &Import) -> Option<ImportedFeedback> {
    let (solved, grade) = (wish.solved, wish.grade);
    let mode = Mode::try_from(String::from("unknown")).ok()?;
    (wish.outcome.is_some() && (solved.is_some() || grade.is_some())).then_some(ImportedFeedback {
        solved,
        grade,
        mode,
    })
}

/// When it is over for good: answered, or with the window in which somebody might have spoken.
fn closed_at(
    outcome: &ImportedOutcome,
    is_answered: bool,
    imported_at: Timestamp,
    context: &Context<'_>,
) -> Option<Timestamp> {
    // What was withdrawn or handed away is over without a closing.
    if matches!(outcome.kind, CaseState::Withdrawn | CaseState::Transferred) {
        return None;
    }
    let window = context.rules.limits.reopen_window;
    let end = context.rules.calendar.deadline(outcome.at, window).due_at;
    if is_answered { Some(outcome.at) } else { Some(end).filter(|end| *end <= imported_at) }
}
