//! Reactions: what the house does by itself when something has happened to a case.
//!
//! Invariant: pure, and about the case as it stands now, so a late or repeated look asks for what is still right;
//! who looks (routing, escalation, the teller of the demo) only carries the commands out.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, Cause, CauseCategory, Clock, ClosingCode, Complexity, ConveneTrigger, Level,
    ReopenReason,
};
use proto_events::events::{CaseEvent, Member};
use proto_events::ids::{CaseId, DepartmentId};

use crate::case::Case;
use crate::command::Command;
use crate::rules::Rules;

/// Whether [`forwarding`] can have anything to say about an event; saves the reading of the case for all others.
#[must_use]
pub fn may_forward(event: &CaseEvent) -> bool {
    matches!(event, CaseEvent::Opened(_) | CaseEvent::Reopened(_))
}

/// Hands a case over that the table knows, and a reopened one back to whoever had it. A case whose cause is the
/// applicant's own waits for a person; an unsolved one gets a task force instead ([`help`]). A case that was handed
/// over since, or taken up anew, is as people left it, however late or often the event is told.
#[must_use]
pub fn forwarding(event: &CaseEvent, case: &Case, rules: &Rules) -> Option<Command> {
    if !waits_since_it_was_taken_up(case) {
        return None;
    }
    let department = match event {
        // What a person put right since is that person's to hand over.
        CaseEvent::Opened(data)
            if case.reopen_count == 0
                && case.matter == data.matter
                && !is_the_applicants_own(data.cause)
                && !is_the_applicants_own(case.cause_provisional) =>
        {
            rules.route(&case.matter.name)?.department.clone()
        }
        // A case that waits and was never reopened was never handed over: its wish to be reopened has nobody to go
        // back to.
        CaseEvent::Reopened(data)
            if data.reason != ReopenReason::NotSolved && data.due_at == case.original_due_at =>
        {
            case.last_hop().filter(|hop| hop.returned_at.is_none())?.to.clone()
        }
        _ => return None,
    };
    let ask = case.demand.clone();
    Some(Command::Forward { department, ask, contact: None, automatic: true })
}

fn is_the_applicants_own(cause: Cause) -> bool {
    cause.category() == CauseCategory::Applicant
}

/// Whether the case lies in the queue of its center since it was opened or reopened, and nobody has handed it over
/// or convened anybody.
pub(crate) fn waits_since_it_was_taken_up(case: &Case) -> bool {
    let is_untouched = match case.reopen_count {
        0 => case.hops.is_empty() && case.task_force_count == 0,
        _ => {
            let handed_over_at = case.last_hop().map(|hop| hop.at);
            let convened_at = case.task_force.as_ref().map(|force| force.convened_at);
            handed_over_at.max(convened_at).is_none_or(|at| at <= case.handling_since)
        }
    };
    case.state == CaseState::Opened && is_untouched
}

/// Links the other case back, when one was linked to it by a person: the other case, and what it is to say.
#[must_use]
pub fn link_back(case_id: CaseId, event: &CaseEvent) -> Option<(CaseId, Command)> {
    let CaseEvent::Linked(data) = event else { return None };
    let command = Command::Link {
        other: case_id,
        relation: data.relation.reciprocal(),
        note: data.note.clone(),
        reciprocal: true,
    };
    (!data.reciprocal).then_some((data.case_id, command))
}

/// Whether [`help`] can have anything to say about an event.
#[must_use]
pub fn may_help(event: &CaseEvent) -> bool {
    match event {
        CaseEvent::Returned(_)
        | CaseEvent::Reopened(_)
        | CaseEvent::FeedbackRecorded(_)
        | CaseEvent::RectificationCompleted(_) => true,
        CaseEvent::Escalated(step) => {
            step.clock == Clock::Handling && step.level == Level::Director
        }
        _ => false,
    }
}

/// Whether an event that happened at `at` still calls for help, when it is told late or again: what it may ask for was
/// not given since, and the case was not taken up anew.
#[must_use]
pub fn still_calls_for_help(at: Timestamp, event: &CaseEvent, case: &Case) -> bool {
    // A task force that sat then, or came later, has answered it.
    let is_unanswered = case.task_force.as_ref().is_none_or(|force| {
        force.convened_at < at && force.dissolved_at.is_some_and(|dissolved_at| dissolved_at <= at)
    });
    match event {
        CaseEvent::Reopened(_) => at == case.handling_since && is_unanswered,
        CaseEvent::Returned(_) => at >= case.handling_since && is_unanswered,
        // A promise that moved since has been given anew.
        CaseEvent::Escalated(step) => {
            at >= case.handling_since && step.due_at == case.due_at && is_unanswered
        }
        // The decision looks at the applicant's last word.
        _ => true,
    }
}

/// Convenes a task force after the second return, after the due date of a matter that is not simple and after an
/// unsolved end; opens a rectification after a bad review; closes after a good one.
#[must_use]
pub fn help(event: &CaseEvent, case: &Case, rules: &Rules) -> Option<Command> {
    if !may_help(event) {
        return None;
    }
    match event {
        CaseEvent::Returned(_) if case.is_ping_pong() && case.arbitration.is_none() => {
            let trigger = match came_back(case) {
                true => ConveneTrigger::BackAndForth,
                false => ConveneTrigger::TwoReturns,
            };
            Some(task_force(trigger, case, rules))
        }
        CaseEvent::Reopened(data) if data.reason == ReopenReason::NotSolved && case.is_open() => {
            Some(task_force(ConveneTrigger::ReopenedUnsolved, case, rules))
        }
        CaseEvent::Escalated(_) if case.complexity != Complexity::Simple => {
            Some(task_force(ConveneTrigger::OverdueComplex, case, rules))
        }
        CaseEvent::FeedbackRecorded(data) if data.is_bad() => Some(Command::OpenRectification),
        CaseEvent::FeedbackRecorded(data) if !data.responded => {
            Some(Command::Close { code: ClosingCode::NotReached })
        }
        CaseEvent::FeedbackRecorded(_) | CaseEvent::RectificationCompleted(_) => {
            Some(Command::Close { code: ClosingCode::FeedbackRecorded })
        }
        _ => None,
    }
}

/// Whether a department got the case a second time (A→B→A).
fn came_back(case: &Case) -> bool {
    let hops = &case.hops;
    hops.iter().enumerate().any(|(index, hop)| hops[..index].iter().any(|early| early.to == hop.to))
}

/// The bodies that have to sit together: the center, everybody who had the case, everybody who was named, with
/// the coordinator in the chair.
fn task_force(trigger: ConveneTrigger, case: &Case, rules: &Rules) -> Command {
    let named = case.returns.iter().filter_map(|record| record.suggested_department.as_ref());
    let center = case.center.as_str().parse().ok();
    let mut bodies: Vec<DepartmentId> = center.into_iter().collect();
    for department in case.departments_ever.iter().chain(named).chain([&rules.coordinator]) {
        if !bodies.contains(department) && rules.knows_body(department) {
            bodies.push(department.clone());
        }
    }
    let member = |department| Member { department, person: String::new() };
    let reason = match trigger {
        ConveneTrigger::TwoReturns => "两次退单，自动成立专班",
        ConveneTrigger::BackAndForth => "来回推转，自动成立专班",
        ConveneTrigger::OverdueComplex => "复杂事项逾期，自动成立专班",
        ConveneTrigger::ReopenedUnsolved => "群众反映未解决，自动成立专班",
        ConveneTrigger::Person => "人工提请",
    };
    Command::ConveneTaskForce {
        trigger,
        chair: rules.body_name(rules.coordinator.as_str()).to_owned(),
        members: bodies.into_iter().map(member).collect(),
        objective: "明确承办单位，限期解决，或依据政策作出解释".to_owned(),
        reason: reason.to_owned(),
    }
}
