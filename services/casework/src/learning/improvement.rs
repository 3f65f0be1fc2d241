//! An improvement (改进): from the same thing that happens again and again to a change, and to the number that says
//! whether it has helped.
//!
//! Invariants: one unfinished improvement per kind of case; whoever reported the change does not verify it; it is verified
//! by what the cases say, over no less than [`VERIFIED_AFTER_DAYS_MIN`] days, and it holds only when the rate fell.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use chrono::{NaiveDate, TimeDelta};
use proto_events::Timestamp;
use proto_events::codes::CauseCategory;
use proto_events::ids::{CaseId, ImprovementId};
use proto_events::learning::{
    ImprovementActionSet, ImprovementDone, ImprovementOpened, ImprovementTrigger,
    ImprovementVerified, LearningEvent, PeriodCount,
};
use serde::{Deserialize, Serialize};

use super::permission::{LearningKind, may, may_of};
use super::recurrence::{Recurrence, Recurrences};
use super::{CaseKind, LearningContext, LearningMeta, forbidden, wrong_state};
use crate::decide::checks::{
    Checks, LONG_CHARS_MAX, MATTER_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX,
};
use crate::refusal::{Refusal, RefusalCode};

/// How many days before the opening are counted for the rate before. Three times the window that opens an improvement:
/// counted over that window alone, which was picked because it was bad, every rate would fall by itself.
pub const BASELINE_DAYS: u32 = 90;

/// How many days have to be over since the change before its rate says anything: as many as a recurrence is counted in.
pub const VERIFIED_AFTER_DAYS_MIN: u32 = 30;

/// Most cases that an opening names.
pub const CASES_NAMED_MAX: usize = 50;

/// Where an improvement stands (改进状态).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImprovementState {
    /// 已立项: nobody has said what is to be changed.
    Opened,
    /// 已定措施: it is being changed.
    ActionSet,
    /// 已落实: it is changed, and nobody knows yet whether it helps.
    Done,
    /// 已见效: it helped.
    Verified,
    /// 未见效: it did not help; another action is wanted.
    NotHeld,
}

impl ImprovementState {
    /// Every state.
    pub const ALL: &'static [Self] =
        &[Self::Opened, Self::ActionSet, Self::Done, Self::Verified, Self::NotHeld];

    /// The code as it stands in answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::ActionSet => "action_set",
            Self::Done => "done",
            Self::Verified => "verified",
            Self::NotHeld => "not_held",
        }
    }

    /// The Chinese label.
    #[must_use]
    pub const fn label_zh(self) -> &'static str {
        match self {
            Self::Opened => "已立项",
            Self::ActionSet => "已定措施",
            Self::Done => "已落实",
            Self::Verified => "已见效",
            Self::NotHeld => "未见效",
        }
    }
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionPlan {
    /// Who.
    pub owner: String,
    /// What.
    pub what: String,
    /// By when.
    pub due_at: Timestamp,
    /// Username of who decided it.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// That it was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoneReport {
    /// What was changed.
    pub result: String,
    /// Username.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Whether it helped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The days before it was opened.
    pub before: PeriodCount,
    /// The days since the change was made.
    pub after: PeriodCount,
    /// Whether it has helped.
    pub holds: bool,
    /// What else was looked at.
    pub note: Option<String>,
    /// Username.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// One attempt: an action, its end, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What is to be changed.
    pub action: ActionPlan,
    /// That it was changed.
    pub done: Option<DoneReport>,
    /// Whether it helped.
    pub verification: Option<Verification>,
}

/// An improvement as its events have made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Improvement {
    /// The improvement.
    pub improvement_id: ImprovementId,
    /// Where it stands.
    pub state: ImprovementState,
    /// Which cases it is about.
    pub kind: CaseKind,
    /// What opened it.
    pub trigger: ImprovementTrigger,
    /// The first day of the window that was looked at.
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    /// How many cases the window had.
    pub case_count: u32,
    /// Those cases.
    pub cases: Vec<CaseId>,
    /// What the person who opened it said.
    pub problem: Option<String>,
    /// Username, or the name of the reaction.
    pub opened_by: String,
    /// When.
    pub opened_at: Timestamp,
    /// Every attempt, oldest first.
    pub attempts: Vec<Attempt>,
    /// Sequence of its last event in the stream.
    pub version: u64,
}

impl Improvement {
    /// Takes an improvement one event further. Total: an event of another kind or out of its turn changes nothing.
    #[must_use]
    pub fn step(
        improvement: Option<Self>,
        id: ImprovementId,
        meta: &LearningMeta,
        event: &LearningEvent,
    ) -> Option<Self> {
        let Some(mut improvement) = improvement else {
            let LearningEvent::ImprovementOpened(data) = event else { return None };
            return Some(Self::opened(id, meta, data));
        };
        improvement.version = improvement.version.max(meta.sequence);
        improvement.evolve(meta, event);
        Some(improvement)
    }

    fn opened(id: ImprovementId, meta: &LearningMeta, data: &ImprovementOpened) -> Self {
        Self {
            improvement_id: id,
            state: ImprovementState::Opened,
            kind: CaseKind {
                cause: data.cause,
                matter: data.matter.clone(),
                department: data.department.clone(),
            },
            trigger: data.trigger,
            from: data.from,
            to: data.to,
            case_count: data.case_count,
            cases: data.cases.clone(),
            problem: data.problem.clone(),
            opened_by: meta.actor.clone(),
            opened_at: meta.time,
            attempts: Vec::new(),
            version: meta.sequence,
        }
    }

    fn evolve(&mut self, meta: &LearningMeta, event: &LearningEvent) {
        let (by, at) = (meta.actor.clone(), meta.time);
        match event {
            LearningEvent::ImprovementActionSet(data) => {
                let ImprovementActionSet { owner, what, due_at } = data.clone();
                let action = ActionPlan { owner, what, due_at, by, at };
                match self.attempts.last_mut().filter(|last| last.done.is_none()) {
                    // Decided otherwise before anything was done.
                    Some(attempt) => attempt.action = action,
                    None => self.attempts.push(Attempt { action, done: None, verification: None }),
                }
                self.state = ImprovementState::ActionSet;
            }
            LearningEvent::ImprovementDone(data) => {
                if let Some(attempt) = self.attempts.last_mut() {
                    attempt.done = Some(DoneReport { result: data.result.clone(), by, at });
                    self.state = ImprovementState::Done;
                }
            }
            LearningEvent::ImprovementVerified(data) => {
                if let Some(attempt) = self.attempts.last_mut() {
                    let ImprovementVerified { before, after, holds, note, .. } = data.clone();
                    attempt.verification =
                        Some(Verification { before, after, holds, note, by, at });
                    self.state = match data.holds {
                        true => ImprovementState::Verified,
                        false => ImprovementState::NotHeld,
                    };
                }
            }
            LearningEvent::ImprovementOpened(_)
            | LearningEvent::PrecedentPublished(_)
            | LearningEvent::PrecedentApplied(_)
            | LearningEvent::PrecedentRetired(_) => {}
        }
    }

    /// When it was found to hold; none while it is not finished.
    #[must_use]
    pub fn verified_at(&self) -> Option<Timestamp> {
        let last = self.attempts.last()?.verification.as_ref()?;
        (self.state == ImprovementState::Verified).then_some(last.at)
    }

    fn refused_in_this_state(&self) -> Refusal {
        wrong_state(&format!(
            "the improvement is {} ({}), where this cannot be done",
            self.state.code(),
            self.state.label_zh()
        ))
    }
}

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
    let from = days_before(to, super::recurrence::WINDOW_DAYS);
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

impl core::fmt::Display for ImprovementState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.code())
    }
}

impl core::str::FromStr for ImprovementState {
    type Err = proto_events::codes::UnknownCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|state| state.to_string() == text);
        found.ok_or(proto_events::codes::UnknownCode)
    }
}
