//! Decisions about time, and about the help that comes when time runs out.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use chrono::Months;
use proto_events::codes::{
    CaseState, CheckLayer, Clock, ClosingCode, ConveneTrigger, Grade, Level, Position, Role, Solved,
};
use proto_events::events::{
    CaseEvent, Closed, DepartmentPosition, Escalated, MeetingAction, Member,
    RectificationCompleted, RectificationOpened, TaskForceActionDone, TaskForceConvened,
    TaskForceDissolved, TaskForceMet,
};

use super::checks::{Checks, LONG_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX};
use crate::case::Case;
use crate::case::records::Rectification;
use crate::case::records::SpecialHandling;
use crate::command::Context;
use crate::refusal::{Refusal, RefusalCode};
use crate::rules::Rules;
use crate::timetable::{ClockRun, due_steps};

/// Tries in vain after which a case may be closed, and on how many days they have to lie (handbook 5).
const FEEDBACK_TRIES_MIN: usize = 3;
const FEEDBACK_TRY_DAYS_MIN: usize = 2;

/// The wish for a task force.
pub(super) struct ConveneWish<'a> {
    pub(super) trigger: ConveneTrigger,
    pub(super) chair: &'a str,
    pub(super) members: &'a [Member],
    pub(super) objective: &'a str,
    pub(super) reason: &'a str,
}

pub(super) fn convene(
    case: &Case,
    wish: &ConveneWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let by_rule = context.actor.role == Role::System;
    if by_rule && (case.active_task_force().is_some() || !can_sit(case)) {
        // What the rule wants is already true, or no longer makes sense.
        return Ok(Vec::new());
    }
    let mut checks = Checks::default();
    let chair = checks.text("/chair", wish.chair, SHORT_CHARS_MAX);
    checks.count("/members", wish.members.len());
    checks.require(!wish.members.is_empty(), "/members", "at least one member");
    for (index, member) in wish.members.iter().enumerate() {
        let pointer = format!("/members/{index}/department");
        checks.body(&pointer, &member.department, context.rules);
        // A rule names bodies; who comes is theirs to say.
        let person = Some(&member.person);
        checks.optional_text(&format!("/members/{index}/person"), person, SHORT_CHARS_MAX);
    }
    let objective = checks.text("/objective", wish.objective, TEXT_CHARS_MAX);
    let reason = checks.text("/reason", wish.reason, TEXT_CHARS_MAX);
    checks.finish()?;
    if !can_sit(case) {
        return Err(Refusal::wrong_state(case.state));
    }
    if case.active_task_force().is_some() {
        return Err(Refusal::rule(RefusalCode::AlreadyTaskForce, "a task force already sits"));
    }
    let rules = context.rules;
    let convened = TaskForceConvened {
        trigger: wish.trigger,
        chair,
        members: wish.members.to_vec(),
        objective,
        reason,
        first_meeting_due_at: rules
            .calendar
            .deadline(context.now, rules.limits.first_meeting)
            .due_at,
    };
    Ok(vec![convened.into()])
}

fn can_sit(case: &Case) -> bool {
    case.is_open() && case.state != CaseState::NotDoable
}

/// The minutes of a meeting.
pub(super) struct MeetingWish<'a> {
    pub(super) attendees: &'a [String],
    pub(super) positions: &'a [DepartmentPosition],
    pub(super) decisions: &'a [String],
    pub(super) actions: &'a [MeetingAction],
}

pub(super) fn record_meeting(
    case: &Case,
    wish: &MeetingWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.require(!wish.attendees.is_empty(), "/attendees", "at least one");
    let attendees = checks.texts("/attendees", wish.attendees, SHORT_CHARS_MAX);
    checks.count("/positions", wish.positions.len());
    for (index, one) in wish.positions.iter().enumerate() {
        checks.body(&format!("/positions/{index}/department"), &one.department, context.rules);
        let pointer = format!("/positions/{index}/basis");
        let basis = checks.optional_text(&pointer, one.basis.as_ref(), TEXT_CHARS_MAX);
        let detail = "an objection needs a basis (反对须有依据)";
        checks.require(one.position != Position::Object || basis.is_some(), &pointer, detail);
    }
    let decisions = checks.texts("/decisions", wish.decisions, TEXT_CHARS_MAX);
    checks.count("/actions", wish.actions.len());
    for (index, action) in wish.actions.iter().enumerate() {
        checks.text(&format!("/actions/{index}/owner"), &action.owner, SHORT_CHARS_MAX);
        checks.text(&format!("/actions/{index}/what"), &action.what, TEXT_CHARS_MAX);
    }
    checks.finish()?;
    let Some(force) = case.active_task_force() else {
        return Err(Refusal::wrong_state(case.state));
    };
    let met = TaskForceMet {
        number: u32::try_from(force.meetings.len()).unwrap_or(u32::MAX).saturating_add(1),
        attendees,
        positions: wish.positions.to_vec(),
        decisions,
        actions: wish.actions.to_vec(),
    };
    Ok(vec![met.into()])
}

pub(super) fn dissolve(case: &Case, outcome: &str) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let outcome = checks.text("/outcome", outcome, TEXT_CHARS_MAX);
    checks.finish()?;
    if case.active_task_force().is_none() {
        return Err(Refusal::wrong_state(case.state));
    }
    let carried = case.open_actions().map(|action| action.number).collect();
    Ok(vec![TaskForceDissolved { outcome, carried }.into()])
}

pub(super) fn finish_action(
    case: &Case,
    number: u32,
    result: &str,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let result = checks.text("/result", result, LONG_CHARS_MAX);
    checks.finish()?;
    if !case.open_actions().any(|action| action.number == number) {
        return Err(Refusal::rule(
            RefusalCode::NoSuchAction,
            format!("there is no open action {number} (没有这项未完成的任务)"),
        ));
    }
    Ok(vec![TaskForceActionDone { number, result }.into()])
}

pub(super) fn escalate(
    case: &Case,
    level: Level,
    clock: Clock,
    occurrence: u32,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let runs = case.clocks();
    let run = runs.iter().find(|run| run.clock == clock && run.occurrence == occurrence);
    let fired = |level| case.has_escalated(clock, occurrence, level);
    let is_due = |run: &&ClockRun| {
        due_steps(&context.rules.calendar, run, fired, context.now)
            .iter()
            .any(|step| step.level == level)
    };
    let Some(run) = run.filter(is_due) else {
        // The clock has stopped or its promise has moved meanwhile, the step was taken, or nobody may be told at
        // this hour: nothing to say.
        return Ok(Vec::new());
    };
    let Told { rule, role, body } = told(case, clock, occurrence, level, context.rules);
    let escalated = Escalated {
        level,
        clock,
        occurrence,
        rule: rule.to_string(),
        told: role,
        body,
        due_at: run.due_at,
    };
    Ok(vec![escalated.into()])
}

/// Who is told of a clock that has climbed to a level, by which rule, and which body it concerns.
pub(crate) struct Told {
    pub(crate) rule: &'static str,
    pub(crate) role: Role,
    pub(crate) body: String,
}

/// Names who is told when a run of a clock climbs to a level.
pub(crate) fn told(
    case: &Case,
    clock: Clock,
    occurrence: u32,
    level: Level,
    rules: &Rules,
) -> Told {
    let (body, worker) = owes(case, clock, occurrence, rules);
    let (rule, role) = match level {
        Level::Warning50 => ("50%", worker),
        Level::Warning80 => ("80%", worker),
        Level::Director => ("due", Role::Director),
        Level::DepartmentLead => ("due+1", Role::DepartmentLead),
        Level::Coordinator => ("due+3", Role::Coordinator),
        Level::LeadingGroup => ("due+5", Role::Coordinator),
    };
    Told { rule, role, body }
}

/// The body that owes what a clock runs for, and who works on it there.
fn owes(case: &Case, clock: Clock, occurrence: u32, rules: &Rules) -> (String, Role) {
    let district = || (rules.coordinator.to_string(), Role::Coordinator);
    match clock {
        Clock::Arbitration | Clock::LookBack => district(),
        Clock::Part => {
            let index = (occurrence as usize).saturating_sub(1);
            let part = case.parts.get(index);
            let body = part.map_or_else(|| owner(case), |part| part.department.to_string());
            (body, Role::Handler)
        }
        Clock::SpecialCheck => {
            let special = case.special_handling.as_ref();
            match special.and_then(SpecialHandling::next_layer) {
                Some(CheckLayer::Community | CheckLayer::Street) => {
                    (case.center.to_string(), Role::Director)
                }
                Some(CheckLayer::Department) => (owner(case), Role::Handler),
                Some(CheckLayer::District) | None => district(),
            }
        }
        _ if case.department.is_some() => (owner(case), Role::Handler),
        _ => (owner(case), Role::Clerk),
    }
}

/// The body that has the case: the department, or the center while no department has it.
fn owner(case: &Case) -> String {
    case.department.as_ref().map_or_else(|| case.center.to_string(), ToString::to_string)
}

/// Whether the last word of the applicant is bad, and nobody puts it right or has done so since. One rectification
/// at a time: a second bad word while one is open is put right with it.
fn waits_for_rectification(case: &Case) -> bool {
    let Some(feedback) = &case.feedback else { return false };
    let is_bad = feedback.grade.is_some_and(Grade::is_bad) || feedback.solved == Some(Solved::No);
    // Begun after it, or not done before it, whichever way the clock went meanwhile.
    let is_put_right = |work: &Rectification| {
        let was_done_before = work.completed_at.is_some_and(|done_at| done_at < feedback.at);
        work.opened_at >= feedback.at || !was_done_before
    };
    is_bad && !case.rectification.as_ref().is_some_and(is_put_right)
}

pub(super) fn open_rectification(
    case: &Case,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    if !waits_for_rectification(case) || case.is_open() {
        return Ok(Vec::new());
    }
    let rules = context.rules;
    let deadline = |days| rules.calendar.deadline(context.now, days).due_at;
    let opened = RectificationOpened {
        owner: owner(case),
        contact_due_at: deadline(rules.limits.bad_review_contact),
        due_at: deadline(rules.limits.bad_review_fix),
    };
    Ok(vec![opened.into()])
}

pub(super) fn complete_rectification(
    case: &Case,
    action: &str,
    result: &str,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let action = checks.text("/action", action, LONG_CHARS_MAX);
    let result = checks.text("/result", result, LONG_CHARS_MAX);
    checks.finish()?;
    if case.open_rectification().is_none() {
        return Err(Refusal::wrong_state(case.state));
    }
    Ok(vec![RectificationCompleted { action, result }.into()])
}

pub(super) fn close(
    case: &Case,
    code: ClosingCode,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    if case.state == CaseState::Closed {
        return Ok(Vec::new());
    }
    let Some(outcome) = case.outcome.as_ref().filter(|_| case.has_ended()) else {
        return Err(Refusal::wrong_state(case.state));
    };
    if case.open_rectification().is_some() || waits_for_rectification(case) {
        return Err(Refusal::rule(RefusalCode::RectificationOpen, "a bad review is not put right"));
    }
    let rules = context.rules;
    let holds = match code {
        ClosingCode::FeedbackRecorded => case.feedback.is_some(),
        ClosingCode::NotReached => {
            case.feedback_tries.len() >= FEEDBACK_TRIES_MIN
                && case.feedback_try_days() >= FEEDBACK_TRY_DAYS_MIN
        }
        ClosingCode::WindowPassed => {
            let window = rules.calendar.deadline(outcome.at, rules.limits.reopen_window);
            context.now >= window.due_at
        }
    };
    if !holds {
        return Err(Refusal::rule(RefusalCode::WrongState, "it is not time to close the case"));
    }
    let months = Months::new(rules.limits.erase_after_years.saturating_mul(12));
    let erase_after = context.now.checked_add_months(months).unwrap_or(context.now);
    Ok(vec![Closed { code, erase_after }.into()])
}
