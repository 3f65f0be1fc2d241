//! The predicates of `INVARIANTS.md`, each under its id.
//!
//! To add one: its line there, its predicate here, and a wish in `random.rs` that could break it.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use proto_events::codes::{
    CaseState, CheckLayer, Clock, ClosingCode, PauseReason, Resolution, Role,
};
use proto_events::events::CaseEvent;

use crate::calendar::WorkingCalendar;
use crate::case::Case;
use crate::case::records::SpecialHandling;
use crate::command::Actor;
use crate::free_text::find_personal_data;
use crate::next::{Party, next_steps};
use crate::rules::Rules;
use crate::timetable::{ClockRun, ladder};

/// One event in the life of a case, with what stood before and after it.
pub(super) struct Step<'a> {
    pub(super) before: Option<&'a Case>,
    pub(super) after: &'a Case,
    pub(super) event: &'a CaseEvent,
    pub(super) actor: &'a Actor,
    pub(super) rules: &'a Rules,
    /// The event is followed by others of the same decision.
    pub(super) is_within: bool,
}

/// An invariant: its id, and the predicate that says what is wrong.
pub(super) type Invariant = (&'static str, fn(&Step<'_>) -> bool);

/// Every invariant that is asked after every event; C21 is asked of the decision itself.
pub(super) const ALL: &[Invariant] = &[
    ("C1", one_lead),
    ("C2", no_end_with_open_parts),
    ("C3", nobody_for_himself),
    ("C4", promise_moves_by_name),
    ("C5", over_stays_over),
    ("C6", clocks_run_and_step_once),
    ("C7", first_receiver_stays),
    ("C8", told_in_opening_hours),
    ("C9", four_layers_and_a_fifth),
    ("C10", returned_once_and_twice),
    ("C11", promise_is_counted),
    ("C12", extended_once_paused_apart),
    ("C13", outcome_while_ended),
    ("C14", closed_with_a_reason),
    ("C15", erased_stays_erased),
    ("C16", papers_once),
    ("C17", no_number_in_clear),
    ("C18", one_task_force),
    ("C19", no_feedback_by_handlers),
    ("C20", told_is_told),
    ("C22", waits_for_somebody),
];

fn one_lead(step: &Step<'_>) -> bool {
    let case = step.after;
    let has_department = case.department.is_some();
    let leads_alone =
        case.department.as_ref().is_none_or(|lead| !case.co_departments.contains(lead));
    let remembers = case.department.iter().all(|lead| case.departments_ever.contains(lead));
    (case.handler.is_none() || has_department)
        && leads_alone
        && remembers
        && (!has_department || !case.hops.is_empty())
}

fn no_end_with_open_parts(step: &Step<'_>) -> bool {
    let ends = matches!(
        step.event,
        CaseEvent::Resolved(_)
            | CaseEvent::Transferred(_)
            | CaseEvent::Declined(_)
            | CaseEvent::Closed(_)
            | CaseEvent::NotDoableDetermined(_)
    ) || matches!(step.event, CaseEvent::Explained(data) if data.ends);
    !ends || !step.after.has_open_parts()
}

fn nobody_for_himself(step: &Step<'_>) -> bool {
    let actor = &step.actor.username;
    match step.event {
        CaseEvent::NotDoableDetermined(data) => data.countersigned_by != *actor,
        CaseEvent::Declined(data) => data.second_check_by.as_ref() != Some(actor),
        CaseEvent::ClockPaused(_) | CaseEvent::DeadlineExtended(_) => {
            step.after.handler.as_ref() != Some(actor)
        }
        _ => true,
    }
}

fn promise_moves_by_name(step: &Step<'_>) -> bool {
    let Some(before) = step.before else { return true };
    let may_move = matches!(
        step.event,
        CaseEvent::Reopened(_)
            | CaseEvent::ClockResumed(_)
            | CaseEvent::DeadlineExtended(_)
            | CaseEvent::Reclassified(_)
            | CaseEvent::DeadlineRecalculated(_)
    );
    let is_reopened = step.after.reopen_count > before.reopen_count;
    let starts_anew = step.after.original_due_at != before.original_due_at
        || step.after.handling_since != before.handling_since;
    (may_move || step.after.due_at == before.due_at) && (is_reopened || !starts_anew)
}

fn over_stays_over(step: &Step<'_>) -> bool {
    let Some(before) = step.before else { return true };
    let (was, is) = (before.state, step.after.state);
    match was {
        CaseState::Withdrawn | CaseState::Transferred => is == was,
        CaseState::Closed => is == was || matches!(step.event, CaseEvent::Reopened(_)),
        _ if !before.is_open() => {
            is == was || matches!(step.event, CaseEvent::Reopened(_) | CaseEvent::Closed(_))
        }
        _ => true,
    }
}

fn clocks_run_and_step_once(step: &Step<'_>) -> bool {
    let case = step.after;
    let clocks = case.clocks();
    let keys: BTreeSet<_> = clocks.iter().map(|run| (run.clock, run.occurrence)).collect();
    let steps: BTreeSet<_> =
        case.escalations.iter().map(|one| (one.clock, one.occurrence, one.level)).collect();
    keys.len() == clocks.len()
        && steps.len() == case.escalations.len()
        && clocks
            .iter()
            .all(|run| run.occurrence >= 1 && run.due_at >= run.started_at && may_run(case, run))
}

/// Which clocks run after the end.
fn may_run(case: &Case, run: &ClockRun) -> bool {
    match run.clock {
        Clock::Handling => case.is_open() && case.pause.is_none() && run.due_at == case.due_at,
        Clock::BadReviewContact | Clock::BadReviewFix => case.open_rectification().is_some(),
        Clock::Callback => case.has_ended(),
        Clock::LookBack => case.special_handling.as_ref().is_some_and(SpecialHandling::is_in_force),
        _ => case.is_open(),
    }
}

fn first_receiver_stays(step: &Step<'_>) -> bool {
    step.before.is_none_or(|before| {
        let after = step.after;
        before.center == after.center
            && before.case_no == after.case_no
            && before.case_id == after.case_id
            && before.receipt_code == after.receipt_code
            && before.opened_by == after.opened_by
            && before.opened_at == after.opened_at
            && before.applicant.kind == after.applicant.kind
    })
}

fn told_in_opening_hours(step: &Step<'_>) -> bool {
    let CaseEvent::Escalated(data) = step.event else { return true };
    let (calendar, now) = (&step.rules.calendar, step.after.last_event_at);
    let runs = step.before.map(Case::clocks).unwrap_or_default();
    let run = runs.iter().find(|run| run.clock == data.clock && run.occurrence == data.occurrence);
    let is_due = |run: &ClockRun| {
        let steps = ladder(calendar, run);
        steps.iter().any(|rung| rung.level == data.level && rung.at <= now)
    };
    calendar.may_notify_at(now) && run.is_some_and(is_due)
}

fn four_layers_and_a_fifth(step: &Step<'_>) -> bool {
    let special = step.after.special_handling.as_ref();
    if let Some(special) = special {
        let layers: Vec<_> = special.checks.iter().map(|check| check.layer).collect();
        let people: BTreeSet<_> = special.checks.iter().map(|check| &check.by).collect();
        let is_whole = special.decision.as_ref().is_none_or(|decision| {
            special.next_layer().is_none() && !people.contains(&decision.by)
        });
        if !CheckLayer::ALL.starts_with(&layers) || people.len() != layers.len() || !is_whole {
            return false;
        }
    }
    let stands_on_it = matches!(
        step.event,
        CaseEvent::Resolved(data) if data.resolution == Resolution::SpecialHandling
    );
    !stands_on_it || special.is_some_and(SpecialHandling::is_in_force)
}

fn returned_once_and_twice(step: &Step<'_>) -> bool {
    let case = step.after;
    let departments: BTreeSet<_> = case.returns.iter().map(|record| &record.department).collect();
    let after_ruling = case
        .arbitration
        .as_ref()
        .is_some_and(|ruling| case.returns.iter().any(|record| record.at > ruling.at));
    departments.len() == case.returns.len()
        && case.returns.len() <= 2
        && case.hops.len() >= case.returns.len()
        && !after_ruling
}

fn promise_is_counted(step: &Step<'_>) -> bool {
    let case = step.after;
    let is_promised = step.before.is_none_or(|before| {
        (before.due_at, before.promised_days) != (case.due_at, case.promised_days)
    });
    // A promise is counted by the calendar of the day on which it is given.
    if !is_promised {
        return true;
    }
    let Some(days) = case.promised_days else { return false };
    let counted = step.rules.calendar.deadline(case.handling_since, days);
    let is_granted = |case: &Case| {
        let limit = step.rules.limits.handling(case.complexity);
        let extended = case.extension.as_ref().map_or(0, |extension| extension.working_days);
        let paused = case.pauses.iter().filter(|pause| pause.since >= case.handling_since);
        limit + extended + paused.map(|pause| pause.working_days).sum::<u32>()
    };
    // A shorter limit may be cut to the next close, which is later than the limit says.
    let was_shortened = days > is_granted(case);
    counted.due_at == case.due_at
        && counted.provisional == case.provisional_due
        && (days >= is_granted(case))
        && (!was_shortened || case.due_at > case.handling_since)
}

fn extended_once_paused_apart(step: &Step<'_>) -> bool {
    let case = step.after;
    let extended = match (step.event, step.before) {
        (CaseEvent::DeadlineExtended(data), Some(before)) => {
            before.extension.is_none()
                && (1..=step.rules.limits.extension_max).contains(&data.working_days)
                && data.due_at > before.due_at
        }
        _ => true,
    };
    let ends: Vec<_> = case.pauses.iter().map(|pause| (pause.since, pause.resumed_at)).collect();
    let is_apart = ends.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    let is_forward = ends.iter().all(|(since, resumed_at)| since <= resumed_at);
    let capped = PauseReason::ALL.iter().all(|reason| {
        let pauses = case.pauses.iter();
        let present =
            pauses.filter(|one| one.reason == *reason && one.since >= case.handling_since);
        let days: u32 = present.map(|pause| pause.working_days).sum();
        days <= step.rules.limits.pause(*reason)
    });
    extended && is_apart && is_forward && capped && (case.pause.is_none() || case.is_open())
}

fn outcome_while_ended(step: &Step<'_>) -> bool {
    let case = step.after;
    let outcomes = case.reopen_count + u32::from(case.outcome.is_some());
    let kind = case.outcome.as_ref().map(|outcome| outcome.kind);
    case.outcome.is_none() == case.is_open()
        && case.outcome_count == outcomes
        && (!case.has_ended() || kind == Some(case.state))
        && case.closed_at.is_some() == (case.state == CaseState::Closed)
        && (case.state != CaseState::NotDoable || case.determination.is_some())
        && (case.state != CaseState::InTaskForce || case.active_task_force().is_some())
}

fn closed_with_a_reason(step: &Step<'_>) -> bool {
    let (CaseEvent::Closed(data), Some(before)) = (step.event, step.before) else { return true };
    let now = step.after.last_event_at;
    let window = |calendar: &WorkingCalendar| {
        before.outcome.as_ref().is_some_and(|outcome| {
            calendar.deadline(outcome.at, step.rules.limits.reopen_window).due_at <= now
        })
    };
    let reason = match data.code {
        ClosingCode::FeedbackRecorded => before.feedback.is_some(),
        ClosingCode::NotReached => {
            before.feedback_tries.len() >= 3 && before.feedback_try_days() >= 2
        }
        ClosingCode::WindowPassed => window(&step.rules.calendar),
    };
    reason && before.open_rectification().is_none() && data.erase_after > now
}

fn erased_stays_erased(step: &Step<'_>) -> bool {
    let was_erased = step.before.is_some_and(|before| before.erased);
    let case = step.after;
    (!was_erased || case.erased) && case.erased == case.applicant.sealed.is_empty()
}

fn papers_once(step: &Step<'_>) -> bool {
    let mut requests = step.after.material_requests.iter();
    let _first = requests.next();
    requests.all(|request| request.new_fact.is_some())
}

fn no_number_in_clear(step: &Step<'_>) -> bool {
    let body: serde_json::Value =
        serde_json::from_slice(&step.event.to_body()).expect("an event is JSON");
    strings(&body).iter().all(|text| find_personal_data(text).is_none())
}

fn strings(value: &serde_json::Value) -> Vec<&str> {
    match value {
        serde_json::Value::String(text) => Vec::from([text.as_str()]),
        serde_json::Value::Array(items) => items.iter().flat_map(strings).collect(),
        serde_json::Value::Object(fields) => fields
            .iter()
            // A window's office number is told to the applicant; an id of a case is made of digits and letters.
            .filter(|(name, _)| *name != "phone" && *name != "case_id")
            .flat_map(|(_, inner)| strings(inner))
            .collect(),
        _ => Vec::new(),
    }
}

fn one_task_force(step: &Step<'_>) -> bool {
    let case = step.after;
    let sat_already = step.before.is_some_and(|before| before.active_task_force().is_some());
    let is_first = !matches!(step.event, CaseEvent::TaskForceConvened(_)) || !sat_already;
    let numbered = case.actions.iter().zip(1_u32..).all(|(action, number)| action.number == number);
    let once = match step.event {
        CaseEvent::TaskForceActionDone(data) => step
            .before
            .is_some_and(|before| before.open_actions().any(|action| action.number == data.number)),
        _ => true,
    };
    let carried = match step.event {
        CaseEvent::TaskForceDissolved(data) => case
            .open_actions()
            .all(|action| data.carried.contains(&action.number) && action.carried),
        _ => true,
    };
    is_first
        && numbered
        && once
        && carried
        && (case.active_task_force().is_none() || case.is_open() || step.is_within)
}

fn no_feedback_by_handlers(step: &Step<'_>) -> bool {
    let (CaseEvent::FeedbackRecorded(_), Some(before)) = (step.event, step.before) else {
        return true;
    };
    let handled = before.handler.as_ref() == Some(&step.actor.username);
    let of_department = step.actor.department.as_ref().is_some_and(|own| {
        before.department.as_ref() == Some(own)
            || before.hops.iter().any(|hop| hop.to == *own && hop.returned_at.is_none())
            || before.co_departments.contains(own)
            || before.parts.iter().any(|part| part.department == *own)
    });
    !handled && !of_department && step.actor.role != Role::System
}

fn told_is_told(step: &Step<'_>) -> bool {
    step.before.is_none_or(|before| {
        let after = step.after;
        after.version > before.version
            && after.hops.len() >= before.hops.len()
            && after.returns.starts_with(&before.returns)
            && after.pauses.starts_with(&before.pauses)
            && after.corrections.starts_with(&before.corrections)
            && after.links.starts_with(&before.links)
            && after.urges.starts_with(&before.urges)
            && after.escalations.starts_with(&before.escalations)
            && after.material_requests.starts_with(&before.material_requests)
            && after.parts.len() >= before.parts.len()
            && after.actions.len() >= before.actions.len()
            && after.departments_ever.starts_with(&before.departments_ever)
    })
}

fn waits_for_somebody(step: &Step<'_>) -> bool {
    let case = step.after;
    let next = next_steps(case, step.rules);
    // While papers are waited for, a pause lasts at most until its cap; the timer ends it.
    let is_work = |party: &Party| *party != Party::Applicant || case.pause.is_some();
    !case.is_open() || next.iter().any(|one| is_work(&one.by))
}
