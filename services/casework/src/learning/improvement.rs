//! An improvement (改进): from the same thing that happens again and again to a change, and to the number that says
//! whether it has helped.
//!
//! Invariants: one unfinished improvement per kind of case; whoever reported the change does not verify it; it is verified
//! by what the cases say, over no less than [`VERIFIED_AFTER_DAYS_MIN`] days, and it holds only when the rate fell.

mod decide;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use chrono::NaiveDate;
use proto_events::Timestamp;
use proto_events::ids::{CaseId, ImprovementId};
use proto_events::learning::{
    ImprovementActionSet, ImprovementOpened, ImprovementTrigger, ImprovementVerified,
    LearningEvent, PeriodCount,
};
use serde::{Deserialize, Serialize};

use super::{CaseKind, LearningMeta, wrong_state};
use crate::refusal::Refusal;

pub use decide::{
    OpenImprovement, decide_action, decide_done, decide_open, decide_recurrence, decide_verify,
};

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
