//! Decisions that move a promise, and the one that only asks for speed.
//!
//! Invariants: a promise moves by these events and by no other; what moved it stands in the event; it never moves
//! into the past.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{Cause, CauseCategory, Complexity, PauseReason, Role};
use proto_events::events::{
    CaseEvent, Change, ClockPaused, ClockResumed, DeadlineExtended, DeadlineRecalculated,
    Reclassified, Urged,
};

use super::checks::{Checks, TEXT_CHARS_MAX};
use crate::calendar::Deadline;
use crate::case::Case;
use crate::command::Context;
use crate::refusal::{Refusal, RefusalCode};
use crate::timetable::due_after_pause;

/// The share of the time after which a longer limit needs the coordinator, in percent (handbook 5).
pub(crate) const LENGTHENING_FREE_UNTIL_PERCENT: u8 = 80;

pub(super) fn pause(
    case: &Case,
    reason: PauseReason,
    handler_informed: Option<bool>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    if !case.is_open() || case.pause.is_some() {
        return Err(Refusal::wrong_state(case.state));
    }
    if case.handler.as_deref() == Some(context.actor.username.as_str()) {
        return Err(Refusal::rule(
            RefusalCode::SamePerson,
            "who works against the clock does not stop it (承办人不得自行暂停计时)",
        ));
    }
    if case.is_overdue(context.now) {
        return Err(Refusal::rule(
            RefusalCode::PauseOverdue,
            "an overdue clock cannot be paused (已超期，不能暂停)",
        ));
    }
    let rules = context.rules;
    let cap_working_days = rules.limits.pause(reason).saturating_sub(paused_days(case, reason));
    if cap_working_days == 0 {
        return Err(Refusal::rule(
            RefusalCode::WrongState,
            format!("the pause for {reason} ({}) is used up (暂停天数已用完)", reason.label_zh()),
        ));
    }
    let until = rules.calendar.deadline(context.now, cap_working_days).due_at;
    Ok(vec![ClockPaused { reason, cap_working_days, until, handler_informed }.into()])
}

/// The working days for which the present handling has stood still for a reason: its cap is one for all pauses, or
/// a pause after a pause would have no end.
fn paused_days(case: &Case, reason: PauseReason) -> u32 {
    let pauses = case.pauses.iter();
    let pauses = pauses.filter(|one| one.reason == reason && one.since >= case.handling_since);
    pauses.fold(0, |days, pause| days.saturating_add(pause.working_days))
}

pub(super) fn resume(
    case: &Case,
    automatic: bool,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let Some(pause) = case.pause.as_ref().filter(|_| case.is_open()) else {
        // The timer may come a moment after a person.
        return if automatic { Ok(Vec::new()) } else { Err(Refusal::wrong_state(case.state)) };
    };
    if automatic && context.now < pause.until {
        return Ok(Vec::new());
    }
    Ok(resumed(case, automatic, context).into_iter().collect())
}

/// The clock runs again; what every end of a case has to say first when it is paused.
pub(super) fn resumed(case: &Case, automatic: bool, context: &Context<'_>) -> Option<CaseEvent> {
    let pause = case.pause.as_ref()?;
    let calendar = &context.rules.calendar;
    // A pause ends when it was meant to, however late that is noticed.
    let ended_at = context.now.min(pause.until);
    let days =
        calendar.working_days_between(calendar.date_of(pause.since), calendar.date_of(ended_at));
    let days = u32::try_from(days).unwrap_or(0);
    let Deadline { due_at, provisional } = match case.provisional_due {
        true => counted_anew(case, days, context),
        false => due_after_pause(calendar, case.due_at, pause.since, ended_at),
    };
    let working_days = Some(days);
    Some(ClockResumed { due_at, automatic, working_days, provisional }.into())
}

pub(super) fn extend(
    case: &Case,
    working_days: u32,
    reason: &str,
    applicant_told_at: Timestamp,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let rules = context.rules;
    let mut checks = Checks::default();
    let longest = rules.limits.extension_max;
    if !(1..=longest).contains(&working_days) {
        checks
            .fault("/working_days", format!("1 to {longest} working days (1至{longest}个工作日)"));
    }
    let reason = checks.text("/reason", reason, TEXT_CHARS_MAX);
    let is_told = (case.opened_at..=context.now).contains(&applicant_told_at);
    let detail = "the applicant is told before, and after the opening (须在延期前告知申请人)";
    checks.require(is_told, "/applicant_told_at", detail);
    checks.finish()?;
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    if case.handler.as_deref() == Some(context.actor.username.as_str()) {
        return Err(Refusal::rule(
            RefusalCode::SamePerson,
            "who works against the clock does not extend it (承办人不得自行延期)",
        ));
    }
    if case.extension.is_some() {
        return Err(Refusal::rule(
            RefusalCode::ExtendedAlready,
            "it was extended once (已延期一次)",
        ));
    }
    if case.is_overdue(context.now) {
        return Err(Refusal::rule(
            RefusalCode::TooLate,
            format!("it could be extended until {}", case.due_at.to_rfc3339()),
        ));
    }
    let Deadline { due_at, provisional } = match case.provisional_due {
        true => counted_anew(case, working_days, context),
        false => rules.calendar.deadline(case.due_at, working_days),
    };
    let extended =
        DeadlineExtended { working_days, reason, applicant_told_at, due_at, provisional };
    Ok(vec![extended.into()])
}

/// The wish to change complexity or cause.
pub(super) struct ReclassifyWish<'a> {
    pub(super) complexity: Option<Complexity>,
    pub(super) cause: Option<Cause>,
    pub(super) reason: &'a str,
}

pub(super) fn reclassify(
    case: &Case,
    wish: &ReclassifyWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", wish.reason, TEXT_CHARS_MAX);
    let complexity = wish.complexity.filter(|to| *to != case.complexity);
    let cause = wish.cause.filter(|to| *to != case.cause_provisional);
    if complexity.is_none() && cause.is_none() {
        checks.fault("", "names neither another complexity nor another cause (没有变更)");
    }
    if cause.is_some_and(|cause| cause.category() == CauseCategory::Applicant) {
        checks.fault(
            "/cause",
            "X is never the cause of a case that is handled (X类不用于办理中案件)",
        );
    }
    checks.finish()?;
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    let (deadline, working_days) = match complexity {
        Some(to) => promise_of(case, to, context),
        None => {
            let kept = Deadline { due_at: case.due_at, provisional: case.provisional_due };
            (kept, case.promised_days)
        }
    };
    if deadline.due_at > case.due_at && !may_lengthen(case, context) {
        return Err(Refusal::Forbidden(format!(
            "after {LENGTHENING_FREE_UNTIL_PERCENT} % of the time only a coordinator lengthens it (时限已过八成，延长须由区级协调员决定)"
        )));
    }
    let reclassified = Reclassified {
        complexity: complexity.map(|to| Change { from: case.complexity, to }),
        cause: cause.map(|to| Change { from: case.cause_provisional, to }),
        reason,
        due_at: deadline.due_at,
        provisional: deadline.provisional,
        working_days,
    };
    Ok(vec![reclassified.into()])
}

fn may_lengthen(case: &Case, context: &Context<'_>) -> bool {
    let share = LENGTHENING_FREE_UNTIL_PERCENT;
    let until = context.rules.calendar.at_share(case.handling_since, case.due_at, share);
    context.actor.role == Role::Coordinator || clock_time(case, context) <= until
}

/// The time as the handling clock has it: while it stands still, the moment at which it was stopped.
fn clock_time(case: &Case, context: &Context<'_>) -> Timestamp {
    case.pause.as_ref().map_or(context.now, |pause| pause.since.min(context.now))
}

/// The promise of another complexity, counted from the start of the handling; extension and pauses are kept.
fn promise_of(case: &Case, to: Complexity, context: &Context<'_>) -> (Deadline, Option<u32>) {
    let (calendar, limits) = (&context.rules.calendar, &context.rules.limits);
    let days = limits.handling(to).saturating_add(granted_days(case));
    let deadline = calendar.deadline(case.handling_since, days);
    let now = clock_time(case, context);
    if deadline.due_at >= now.min(case.due_at) {
        return (deadline, Some(days));
    }
    // A shorter limit never makes a case late by itself, and a late one stays late: it has until the next close of
    // business, and never longer than was promised.
    let close = calendar.deadline(calendar.next_opening(now), 0);
    if close.due_at >= case.due_at {
        let kept = Deadline { due_at: case.due_at, provisional: case.provisional_due };
        return (kept, case.promised_days);
    }
    let counted = calendar.working_days_between(
        calendar.date_of(case.handling_since),
        calendar.date_of(close.due_at),
    );
    (close, u32::try_from(counted).ok())
}

/// The working days that were granted on top of the limit since the handling began.
fn granted_days(case: &Case) -> u32 {
    let extended = case.extension.as_ref().map_or(0, |extension| extension.working_days);
    let paused = case.pauses.iter().filter(|pause| pause.since >= case.handling_since);
    paused.fold(extended, |days, pause| days.saturating_add(pause.working_days))
}

/// How many working days the present promise counts from the start of the handling.
fn promised_days(case: &Case, context: &Context<'_>) -> u32 {
    // An opening of before the days were written down: the limit, and what was granted on top of it.
    let counted =
        || context.rules.limits.handling(case.complexity).saturating_add(granted_days(case));
    case.promised_days.unwrap_or_else(counted)
}

/// The promise and so many working days more, counted from the start of the handling. What a provisional promise
/// was counted by may have changed since: days that are added to it would make it final with the old days off.
fn counted_anew(case: &Case, more_days: u32, context: &Context<'_>) -> Deadline {
    let days = promised_days(case, context).saturating_add(more_days);
    context.rules.calendar.deadline(case.handling_since, days)
}

pub(super) fn recalculate(case: &Case, context: &Context<'_>) -> Result<Vec<CaseEvent>, Refusal> {
    let calendar = &context.rules.calendar;
    let is_published = calendar.date_of(case.due_at) <= calendar.published_to();
    if !case.is_open() || !case.provisional_due || !is_published {
        return Ok(Vec::new());
    }
    let Deadline { due_at, provisional } = counted_anew(case, 0, context);
    let recalculated = DeadlineRecalculated {
        due_at,
        was_due_at: case.due_at,
        provisional,
        published_to: calendar.published_to(),
    };
    Ok(vec![recalculated.into()])
}

pub(super) fn urge(case: &Case, text: &str) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let text: String = checks.text("/text", text, TEXT_CHARS_MAX);
    checks.finish()?;
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    Ok(vec![Urged { text }.into()])
}
