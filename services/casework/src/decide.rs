//! Decisions: a wish, the case as it stands and the district's rules lead to events, or to a refusal.
//!
//! Invariants: pure; no event without a passed rule; what was looked up (deadlines, the department's
//! window) is recorded in the event; a wish that is already true leads to no event and is no error.
//! Order of checks: who may, then what is wrong with the wish itself, then the rules of the work.

mod checks;
mod escalation;
mod intake;
mod routing;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;

use proto_events::events::CaseEvent;

use crate::case::Case;
use crate::command::{Command, Context};
use crate::permission;
use crate::refusal::Refusal;

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
    if !permission::may(context.actor.role, kind) {
        return Err(Refusal::Forbidden(alloc::format!(
            "the role {} ({}) may not do this",
            context.actor.role.code(),
            context.actor.role.label_zh()
        )));
    }
    if let Command::Open(open) = command {
        return intake::open(case, open, context);
    }
    let case = case.ok_or(Refusal::NotFound)?;
    if !permission::in_scope(context.actor, kind, case) {
        return Err(Refusal::Forbidden(
            "the case is of another center or department (不在本中心或本部门)".into(),
        ));
    }
    match command {
        // Handled above: it is the only wish that needs no case.
        Command::Open(_) => Ok(Vec::new()),
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
        Command::Withdraw { reason, note } => intake::withdraw(reason, note.as_ref()),
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
            escalation::escalate(case, *level, *clock, *occurrence)
        }
        Command::OpenRectification => escalation::open_rectification(case, context),
        Command::CompleteRectification { action, result } => {
            escalation::complete_rectification(case, action, result)
        }
        Command::Close { code } => escalation::close(case, *code, context),
    }
}
