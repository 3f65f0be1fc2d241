//! What the district learns from its cases: precedents (先例) and improvements (改进).
//!
//! Invariants: no applicant stands in these events; a precedent is published by two people and never edited, only retired;
//! an improvement begins with a number and ends with one.
//!
//! To add an event: its struct and its line in `learning_events!`, a sample `samples/learning.<name>.v1.json`, its fold in
//! `casework::learning`, and the golden tests with `UPDATE_GOLDEN=1`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Timestamp;
use crate::codes::{Cause, Stage, UnknownCode, codes};
use crate::events::{PolicyBasis, Service};
use crate::ids::{CaseId, DepartmentId};
use crate::kinds::event_kinds;
use crate::upcast::UnreadableEvent;

/// What every event type of what was learned begins with.
pub const TYPE_PREFIX: &str = "cn.unstuck.learning.";

codes! {
    /// How the case ended that a precedent was made of (先例来源结果).
    PrecedentOutcome {
        Resolved = "resolved", "办成", "Resolved";
        Explained = "explained", "不能办并已解释", "Could not be done, explained";
    }
}

codes! {
    /// Why a precedent no longer holds (先例废止原因).
    RetirementReason {
        PolicyChanged = "policy_changed", "政策变化", "The policy has changed";
        Wrong = "wrong", "适用有误", "It was wrong";
        Superseded = "superseded", "已有新先例", "Another one has taken its place";
    }
}

codes! {
    /// What opened an improvement (改进立项缘由).
    ImprovementTrigger {
        Recurrence = "recurrence", "同类问题反复出现", "The same happened again and again";
        Person = "person", "人工提出", "A person";
    }
}

/// A solved or explained case was made a precedent by two people (发布先例).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrecedentPublished {
    /// What it is called, up to 100 characters.
    pub title: String,
    /// The name of the matter.
    pub matter: String,
    /// Where it was stuck.
    pub blocked_stage: Stage,
    /// Why it was stuck.
    pub cause: Cause,
    /// The department that solved or explained it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentId>,
    /// How the case ended.
    pub outcome: PrecedentOutcome,
    /// The case that it was made of.
    pub from_case: CaseId,
    /// What the situation was, without anybody in it.
    pub situation: String,
    /// What has to be so for it to hold again; each of them.
    pub conditions: Vec<String>,
    /// The texts that it stands on.
    pub basis: Vec<PolicyBasis>,
    /// What was done, or what was said.
    pub solution: String,
    /// Username of the second person who checked it; another than the author.
    pub checked_by: String,
}

/// A precedent was applied to a case (适用先例).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrecedentApplied {
    /// The case.
    pub case_id: CaseId,
    /// The conditions that were found to be met, as the precedent words them: all of them.
    pub conditions_met: Vec<String>,
    /// What else was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A precedent no longer holds (废止先例).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PrecedentRetired {
    /// Why.
    pub reason: RetirementReason,
    /// Which policy, what was wrong, or what has taken its place.
    pub note: String,
}

/// An improvement was opened: the same thing is not to happen again (改进立项).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImprovementOpened {
    /// What opened it.
    pub trigger: ImprovementTrigger,
    /// Why people got stuck.
    pub cause: Cause,
    /// The name of the matter.
    pub matter: String,
    /// The department that handles it.
    pub department: DepartmentId,
    /// The first day of the window that was looked at.
    pub from: NaiveDate,
    /// Its last day.
    pub to: NaiveDate,
    /// How many cases of this kind were opened in the window.
    pub case_count: u32,
    /// Those cases, oldest first, at most 50.
    pub cases: Vec<CaseId>,
    /// What the person who opened it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// It was decided what is to be changed, by whom and by when (改进措施).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImprovementActionSet {
    /// Who: a department, a center or a username.
    pub owner: String,
    /// What.
    pub what: String,
    /// By when.
    pub due_at: Timestamp,
}

/// The change was made (改进落实).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImprovementDone {
    /// What was changed.
    pub result: String,
}

/// How many cases of a kind were opened in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeriodCount {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// How many days it has.
    pub days: u32,
    /// How many cases.
    pub cases: u32,
}

/// It was looked whether the change has helped, by the rate before and after (改进核验).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImprovementVerified {
    /// The days before it was opened.
    pub before: PeriodCount,
    /// The days since the change was made.
    pub after: PeriodCount,
    /// Whether it has helped.
    pub holds: bool,
    /// What else was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The last sequence of the stream of cases that was counted, so that the count can be made again.
    pub counted_to: u64,
}

event_kinds! {
    /// One event of what the district learns.
    #[derive(Debug, Clone, PartialEq, Eq)]
    LearningEvent,
    /// Which event it is, without its data.
    LearningEventKind, "cn.unstuck.learning.";
    PrecedentPublished, "precedent_published", v 1, "发布先例";
    PrecedentApplied, "precedent_applied", v 1, "适用先例";
    PrecedentRetired, "precedent_retired", v 1, "废止先例";
    ImprovementOpened, "improvement_opened", v 1, "改进立项";
    ImprovementActionSet, "improvement_action_set", v 1, "改进措施";
    ImprovementDone, "improvement_done", v 1, "改进落实";
    ImprovementVerified, "improvement_verified", v 1, "改进核验";
}

impl LearningEventKind {
    /// The service that writes it.
    #[must_use]
    pub const fn service(self) -> Service {
        Service::Learning
    }

    /// Whether it is an event of a `precedent` or of an `improvement`: what stands first in its subject.
    #[must_use]
    pub fn is_of(self, subject: &str) -> bool {
        self.name().split_once('_').is_some_and(|(first, _)| first == subject)
    }
}

impl LearningEvent {
    /// The full type with its version.
    #[must_use]
    pub const fn event_type(&self) -> &'static str {
        self.kind().event_type()
    }
}

/// Reads an event of what the district learns.
///
/// # Errors
/// See [`UnreadableEvent`]; such an event is counted and never dropped.
pub fn read(event_type: &str, body: &[u8]) -> Result<LearningEvent, UnreadableEvent> {
    let data: Value = serde_json::from_slice(body).map_err(UnreadableEvent::NotJson)?;
    let kind = LearningEventKind::of_type(event_type)
        .ok_or_else(|| UnreadableEvent::UnknownType(event_type.into()))?;
    kind.read(data)
        .map_err(|source| UnreadableEvent::Shape { event_type: event_type.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_a_case_or_of_the_future_is_unreadable() {
        for event_type in
            ["cn.unstuck.case.opened.v1", "cn.unstuck.learning.precedent_published.v9"]
        {
            let error = read(event_type, b"{}").unwrap_err();
            assert!(matches!(error, UnreadableEvent::UnknownType(_)), "{error}");
        }
    }

    #[test]
    fn every_event_is_of_a_precedent_or_of_an_improvement() {
        for kind in LearningEventKind::ALL {
            assert_ne!(kind.is_of("precedent"), kind.is_of("improvement"), "{kind:?}");
        }
    }

    #[test]
    fn every_code_reads_back() {
        for reason in RetirementReason::ALL {
            assert_eq!(reason.code().parse(), Ok(*reason));
        }
        for outcome in PrecedentOutcome::ALL {
            assert_eq!(outcome.code().parse(), Ok(*outcome));
        }
        for trigger in ImprovementTrigger::ALL {
            assert_eq!(trigger.code().parse(), Ok(*trigger));
        }
    }
}
