//! Decisions: a wish, the case as it stands and the district's rules lead to events, or to a refusal.
//!
//! Invariants: pure; no event without a passed rule; what was looked up (deadlines, the department's
//! window) is recorded in the event; a wish that is already true leads to no event and is no error.
//! Order of checks: who may, then what is wrong with the wish itself, then the rules of the work.

pub(crate) mod checks;
mod clocks;
mod escalation;
mod import;
mod intake;
mod joint;
mod record;
mod routing;
mod special;
#[cfg(test)]
mod tests;

pub(crate) use clocks::LENGTHENING_FREE_UNTIL_PERCENT;

use alloc::vec::Vec;

pub(crate) use escalation::{Told, told};
use proto_events::events::{CaseEvent, TaskForceDissolved};

use crate::case::Case;
use crate::command::{Actor, Command, CommandKind, Context};
use crate::permission;
use crate::refusal::Refusal;

/// Whether this person may give such a command at all.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub fn admit_role(actor: &Actor, kind: CommandKind) -> Result<(), Refusal> {
    match permission::may(actor.role, kind) {
        true => Ok(()),
        false => Err(Refusal::Forbidden(alloc::format!(
            "the role {} ({}) may not do this",
            actor.role.code(),
            actor.role.label_zh()
        ))),
    }
}

/// Whether this person may give such a command on this case.
///
/// # Errors
/// [`Refusal::Forbidden`].
pub fn admit(case: &Case, actor: &Actor, kind: CommandKind) -> Result<(), Refusal> {
    admit_role(actor, kind)?;
    match permission::in_scope(actor, kind, case) {
        true => Ok(()),
        false => Err(Refusal::Forbidden(
            "the case is of another center or department (不在本中心或本部门)".into(),
        )),
    }
}

/// Decides a wish.
///
/// # Errors
/// The refusal: who is not allowed to, what is wrong with the wish, or which rule said no.
pub fn decide(
    case: Option<&Case>,
    command: &Command,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let kind = command.kind();
    admit_role(context.actor, kind)?;
    if let Command::Open(open) = command {
        return intake::open(case, open, context);
    }
    if let Command::Import(wish) = command {
        return import::import(case, wish, context);
    }
    let case = case.ok_or(Refusal::NotFound)?;
    admit(case, context.actor, kind)?;
    match command {
        // Handled above: they need no case.
        Command::Open(_) | Command::Import(_) => Ok(Vec::new()),
        Command::Decline { exclusion, reason, remedy, second_check_by } => {
            let second = second_check_by.as_deref();
            intake::decline(case, *exclusion, reason, remedy.as_ref(), second, context)
        }
        Command::ReceiveMaterials { items, complete } => {
            intake::receive_materials(items, *complete)
        }
        Command::RecordFeedback { responded, solved, grade, comment, mode } => {
            let data = proto_events::events::FeedbackRecorded {
                responded: *responded,
                solved: *solved,
                grade: *grade,
                comment: checks::optional(comment.as_ref()),
                mode: mode.clone(),
            };
            intake::record_feedback(case, data, context)
        }
        Command::Reopen { reason, note } => intake::reopen(case, *reason, note.as_ref(), context),
        Command::Withdraw { reason, note } => intake::withdraw(case, reason, note.as_ref()),
        Command::Forward { department, ask, contact, automatic } => {
            routing::forward(case, department, ask, contact.as_ref(), *automatic, context)
        }
        Command::Accept { handler } => routing::accept(case, handler.as_deref(), context),
        Command::Contact { mode, reached } => routing::contact(case, mode, *reached),
        Command::NoteProgress { text, public } => routing::note_progress(text, *public),
        Command::Return { reason, duty_basis, suggested_department, note } => {
            let wish = routing::ReturnWish {
                reason: *reason,
                duty_basis: duty_basis.as_ref(),
                suggested: suggested_department.as_ref(),
                note,
            };
            routing::send_back(case, &wish, context)
        }
        Command::Arbitrate { department, co_departments, basis } => {
            routing::arbitrate(case, department, co_departments, basis, context)
        }
        Command::DetermineNotDoable { basis, facts, alternatives, countersigned_by } => {
            let wish = routing::NotDoableWish { basis, facts, alternatives, countersigned_by };
            routing::determine_not_doable(case, &wish, context)
        }
        Command::Explain { mode, explainers, documents, remedies, understood } => {
            let wish = routing::ExplainWish {
                mode: *mode,
                explainers,
                documents,
                remedies,
                understood: *understood,
            };
            routing::explain(case, &wish, context)
        }
        Command::Resolve { resolution, result, cause, process_change_needed } => {
            let wish = routing::ResolveWish {
                resolution: *resolution,
                result,
                cause: *cause,
                process_change_needed: *process_change_needed,
            };
            routing::resolve(case, &wish, context)
        }
        Command::ConveneTaskForce { trigger, chair, members, objective, reason } => {
            let wish =
                escalation::ConveneWish { trigger: *trigger, chair, members, objective, reason };
            escalation::convene(case, &wish, context)
        }
        Command::RecordMeeting { attendees, positions, decisions, actions } => {
            let wish = escalation::MeetingWish { attendees, positions, decisions, actions };
            escalation::record_meeting(case, &wish, context)
        }
        Command::DissolveTaskForce { outcome } => escalation::dissolve(case, outcome),
        Command::Escalate { level, clock, occurrence } => {
            escalation::escalate(case, *level, *clock, *occurrence, context)
        }
        Command::OpenRectification => escalation::open_rectification(case, context),
        Command::CompleteRectification { action, result } => {
            escalation::complete_rectification(case, action, result)
        }
        Command::Close { code } => escalation::close(case, *code, context),
        Command::Correct { field, value, sealed, reason } => {
            let wish = record::CorrectionWish {
                field: *field,
                value: value.as_ref(),
                sealed: sealed.as_ref(),
                reason,
            };
            record::correct(case, &wish)
        }
        Command::Link { other, relation, note, reciprocal } => {
            record::link(case, *other, *relation, note.as_ref(), *reciprocal)
        }
        Command::ErasePersonalData { reason } => record::erase(case, *reason, context),
        Command::AssignParts { parts } => joint::assign_parts(case, parts, context),
        Command::CompletePart { department, result } => {
            joint::complete_part(case, department, result, context)
        }
        Command::RequestMaterials { items, mode, new_fact } => {
            joint::request_materials(case, items, mode, new_fact.as_ref(), context)
        }
        Command::Reclassify { complexity, cause, reason } => {
            let wish = clocks::ReclassifyWish { complexity: *complexity, cause: *cause, reason };
            clocks::reclassify(case, &wish, context)
        }
        Command::Transfer { body, receipt, reason } => {
            record::transfer(case, body, receipt, reason, context)
        }
        Command::RequestSpecialHandling {
            facts,
            requirement_waived,
            discretion_basis,
            precedents_checked,
        } => {
            let wish = special::SpecialWish {
                facts,
                requirement_waived,
                discretion_basis,
                precedents_checked,
            };
            special::request(case, &wish, context)
        }
        Command::CheckSpecialHandling { layer, finding } => {
            special::check(case, *layer, finding, context)
        }
        Command::DecideSpecialHandling { approved, reason, conditions, is_precedent } => {
            let wish = special::DecisionWish {
                approved: *approved,
                reason,
                conditions,
                is_precedent: *is_precedent,
            };
            special::decide(case, &wish, context)
        }
        Command::ReviewSpecialHandling { result } => special::review(case, *result),
        Command::Pause { reason, handler_informed } => {
            clocks::pause(case, *reason, *handler_informed, context)
        }
        Command::Resume { automatic } => clocks::resume(case, *automatic, context),
        Command::Extend { working_days, reason, applicant_told_at } => {
            clocks::extend(case, *working_days, reason, *applicant_told_at, context)
        }
        Command::RecalculateDeadline => clocks::recalculate(case, context),
        Command::Urge { text } => clocks::urge(case, text),
        Command::FinishAction { number, result } => {
            escalation::finish_action(case, *number, result)
        }
    }
}

/// The events of an end: a clock that stands still runs again first, a task force ends in the same breath.
fn ending(
    case: &Case,
    outcome: &str,
    end: impl Into<CaseEvent>,
    context: &Context<'_>,
) -> Vec<CaseEvent> {
    let mut events: Vec<CaseEvent> = clocks::resumed(case, true, context).into_iter().collect();
    if case.active_task_force().is_some() {
        let outcome = outcome.chars().take(checks::TEXT_CHARS_MAX).collect();
        let carried = case.open_actions().map(|action| action.number).collect();
        events.push(TaskForceDissolved { outcome, carried }.into());
    }
    events.push(end.into());
    events
}
