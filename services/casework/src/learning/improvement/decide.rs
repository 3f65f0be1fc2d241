//! What may happen to an improvement, and what may not.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use chrono::{NaiveDate, TimeDelta};
use proto_events::codes::CauseCategory;
use proto_events::learning::{
    ImprovementActionSet, ImprovementDone, ImprovementOpened, ImprovementTrigger,
    ImprovementVerified, LearningEvent, PeriodCount,
};

use super::{
    BASELINE_DAYS, CASES_NAMED_MAX, Improvement, ImprovementState, VERIFIED_AFTER_DAYS_MIN,
};
use crate::decide::checks::{
    Checks, LONG_CHARS_MAX, MATTER_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX,
};
use crate::learning::permission::{LearningKind, may, may_of};
use crate::learning::recurrence::{Recurrence, Recurrences, WINDOW_DAYS};
use crate::learning::{CaseKind, LearningContext, forbidden};
use crate::refusal::{Refusal, RefusalCode};

/// The wish to open an improvement by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenImprovement {
    /// Which cases it is about.
    pub kind: CaseKind,
    /// What is wrong.
    pub problem: String,
}

/// Decides what a recurrence leads to: one improvement, however often it is looked at.
///
/// # Errors
/// The refusal of who is not the house.
pub fn decide_recurrence(
    known: Option<&Improvement>,
    recurrence: &Recurrence,
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    if !may(context.actor.role, LearningKind::OpenImprovement) {
        return Err(forbidden(context.actor));
    }
    if known.is_some() {
        return Ok(Vec::new());
    }
    let CaseKind { cause, matter, department } = recurrence.kind.clone();
    Ok(alloc::vec![
        ImprovementOpened {
            trigger: ImprovementTrigger::Recurrence,
            cause,
            matter,
            department,
            from: recurrence.from,
            to: recurrence.to,
            case_count: u32::try_from(recurrence.cases.len()).unwrap_or(u32::MAX),
            cases: recurrence.cases.iter().copied().take(CASES_NAMED_MAX).collect(),
            problem: None,
        }
        .into()
    ])
}

/// Decides to open an improvement by hand; `unfinished` is the one of this kind that is under way.
///
/// # Errors
/// The refusal: who is not allowed to, what is wrong with the wish, or `improvement_open`.
pub fn decide_open(
    known: Option<&Improvement>,
    wish: &OpenImprovement,
    unfinished: Option<&Improvement>,
    cases: &Recurrences,
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    let CaseKind { cause, department, .. } = &wish.kind;
    if !may_of(context.actor, LearningKind::OpenImprovement, Some(department)) {
        return Err(forbidden(context.actor));
    }
    if known.is_some() {
        return Ok(Vec::new());
    }
    let mut checks = Checks::default();
    checks.require(cause.has_sub_code(), "/cause", "needs its sub-code (须选到细类)");
    let is_own = cause.category() == CauseCategory::Applicant;
    checks.require(!is_own, "/cause", "the applicant's own cause is not the district's to change");
    let matter = checks.text("/matter", &wish.kind.matter, MATTER_CHARS_MAX);
    checks.department("/department", department, context.rules);
    let problem = checks.text("/problem", &wish.problem, TEXT_CHARS_MAX);
    checks.finish()?;
    if let Some(other) = unfinished {
        let id = other.improvement_id;
        return Err(Refusal::rule(
            RefusalCode::ImprovementOpen,
            format!("{id} is under way ({})", other.state.label_zh()),
        ));
    }
    let kind = CaseKind { matter, ..wish.kind.clone() };
    let to = context.rules.calendar.date_of(context.now);
    let from = days_before(to, WINDOW_DAYS);
    let found = cases.opened_between(&kind, from, to);
    let CaseKind { cause, matter, department } = kind;
    Ok(alloc::vec![
        ImprovementOpened {
            trigger: ImprovementTrigger::Person,
            cause,
            matter,
            department,
            from,
            to,
            case_count: u32::try_from(found.len()).unwrap_or(u32::MAX),
            cases: found.into_iter().take(CASES_NAMED_MAX).collect(),
            problem: Some(problem),
        }
        .into()
    ])
}

/// Decides what is to be changed, by whom and by when; before it is done, it may be decided otherwise.
///
/// # Errors
/// The refusal: no such improvement, who is not allowed to, what is wrong with the wish, or the wrong state.
pub fn decide_action(
    improvement: Option<&Improvement>,
    wish: &ImprovementActionSet,
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    let improvement = reached(improvement, LearningKind::SetAction, context)?;
    let mut checks = Checks::default();
    let owner = checks.text("/owner", &wish.owner, SHORT_CHARS_MAX);
    let what = checks.text("/what", &wish.what, TEXT_CHARS_MAX);
    let detail = "has to lie ahead (须晚于现在)";
    checks.require(wish.due_at > context.now, "/due_at", detail);
    checks.finish()?;
    if matches!(improvement.state, ImprovementState::Done | ImprovementState::Verified) {
        return Err(improvement.refused_in_this_state());
    }
    Ok(alloc::vec![ImprovementActionSet { owner, what, due_at: wish.due_at }.into()])
}

/// Decides that the change was made.
///
/// # Errors
/// As [`decide_action`].
pub fn decide_done(
    improvement: Option<&Improvement>,
    result: &str,
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    let improvement = reached(improvement, LearningKind::ReportDone, context)?;
    let mut checks = Checks::default();
    let result = checks.text("/result", result, LONG_CHARS_MAX);
    checks.finish()?;
    if improvement.state != ImprovementState::ActionSet {
        return Err(improvement.refused_in_this_state());
    }
    Ok(alloc::vec![ImprovementDone { result }.into()])
}

/// Decides whether the change has helped. The house counts; a person judges, and cannot judge against the number.
///
/// # Errors
/// The refusal: as [`decide_action`], `same_person` for whoever reported the change, `too_early`, or `not_better`.
pub fn decide_verify(
    improvement: Option<&Improvement>,
    holds: bool,
    note: Option<&String>,
    cases: &Recurrences,
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    let improvement = reached(improvement, LearningKind::VerifyImprovement, context)?;
    let mut checks = Checks::default();
    let note = checks.optional_text("/note", note, TEXT_CHARS_MAX);
    checks.finish()?;
    let done = improvement.attempts.last().and_then(|attempt| attempt.done.as_ref());
    let Some(done) = done.filter(|_| improvement.state == ImprovementState::Done) else {
        return Err(improvement.refused_in_this_state());
    };
    if done.by == context.actor.username {
        return Err(Refusal::rule(
            RefusalCode::SamePerson,
            "verified by another person than who reported the change (须由另一人核验)",
        ));
    }
    let calendar = &context.rules.calendar;
    let (today, done_on) = (calendar.date_of(context.now), calendar.date_of(done.at));
    // The day of the change belongs to neither side.
    let since = done_on.succ_opt().unwrap_or(done_on);
    let after = counted(cases, &improvement.kind, since, today);
    if after.days < VERIFIED_AFTER_DAYS_MIN {
        let from = since + TimeDelta::days(i64::from(VERIFIED_AFTER_DAYS_MIN) - 1);
        return Err(Refusal::rule(
            RefusalCode::TooEarly,
            format!("from {from} on: {VERIFIED_AFTER_DAYS_MIN} days have to be counted first"),
        ));
    }
    let opened_on = calendar.date_of(improvement.opened_at);
    let first = days_before(opened_on, BASELINE_DAYS);
    let before = counted(cases, &improvement.kind, first, opened_on);
    if holds && !fell(before, after) {
        return Err(Refusal::rule(
            RefusalCode::NotBetter,
            format!(
                "{} in {} days before, {} in {} days since (前后对比未下降)",
                before.cases, before.days, after.cases, after.days
            ),
        ));
    }
    let counted_to = cases.checkpoint();
    Ok(alloc::vec![ImprovementVerified { before, after, holds, note, counted_to }.into()])
}

fn reached<'a>(
    improvement: Option<&'a Improvement>,
    kind: LearningKind,
    context: &LearningContext<'_>,
) -> Result<&'a Improvement, Refusal> {
    if !may(context.actor.role, kind) {
        return Err(forbidden(context.actor));
    }
    let improvement = improvement.ok_or(Refusal::NotFound)?;
    if !may_of(context.actor, kind, Some(&improvement.kind.department)) {
        return Err(forbidden(context.actor));
    }
    Ok(improvement)
}

/// Whether the rate fell; when there were none before, there may be none after.
fn fell(before: PeriodCount, after: PeriodCount) -> bool {
    let rate = |one: PeriodCount, other: PeriodCount| u64::from(one.cases) * u64::from(other.days);
    rate(after, before) < rate(before, after) || (before.cases == 0 && after.cases == 0)
}

/// Counts the cases of a kind that were opened from one day to another, both included.
fn counted(cases: &Recurrences, kind: &CaseKind, from: NaiveDate, to: NaiveDate) -> PeriodCount {
    let days = to.signed_duration_since(from).num_days() + 1;
    PeriodCount {
        from,
        to,
        days: u32::try_from(days).unwrap_or(0),
        cases: u32::try_from(cases.opened_between(kind, from, to).len()).unwrap_or(u32::MAX),
    }
}

/// The first of `days` days that end with `to`.
fn days_before(to: NaiveDate, days: u32) -> NaiveDate {
    to - TimeDelta::days(i64::from(days) - 1)
}
