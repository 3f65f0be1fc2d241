//! What escalation writes: time, and the help that comes when time runs out.

use alloc::string::String;
use alloc::vec::Vec;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;
use crate::codes::{
    CheckLayer, Clock, ClosingCode, ConveneTrigger, Level, PauseReason, Position, ReviewResult,
    Role,
};
use crate::ids::DepartmentId;

/// A member of a task force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Member {
    /// The body that sends him: a department, or a center by its id.
    pub department: DepartmentId,
    /// His username or office; empty until the body names somebody.
    pub person: String,
}

/// Departments have to sit together (成立专班).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskForceConvened {
    /// The rule that convened it, or a person.
    pub trigger: ConveneTrigger,
    /// Who chairs: a username or an office.
    pub chair: String,
    /// Who sits.
    pub members: Vec<Member>,
    /// What it has to achieve.
    pub objective: String,
    /// Why it is needed.
    pub reason: String,
    /// By when it has to meet first.
    pub first_meeting_due_at: Timestamp,
}

/// Where a department stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentPosition {
    /// The department, or a center by its id.
    pub department: DepartmentId,
    /// Its position.
    pub position: Position,
    /// The text that an objection stands on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
}

/// Something that a meeting gave somebody to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeetingAction {
    /// Who: a department, a center or a username.
    pub owner: String,
    /// What.
    pub what: String,
    /// By when.
    pub due_at: Timestamp,
}

/// The task force met (会商).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskForceMet {
    /// Which meeting it was, from 1.
    pub number: u32,
    /// Who sat: usernames or offices.
    pub attendees: Vec<String>,
    /// Where the departments stand.
    pub positions: Vec<DepartmentPosition>,
    /// What was decided.
    #[serde(default)]
    pub decisions: Vec<String>,
    /// What somebody has to do.
    #[serde(default)]
    pub actions: Vec<MeetingAction>,
}

/// Somebody did what a meeting had given him to do (专班任务完成).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskForceActionDone {
    /// Which action: its place in the case's list of actions, from 1.
    pub number: u32,
    /// What came of it.
    pub result: String,
}

/// The task force has done its work (专班解散).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskForceDissolved {
    /// What came of it.
    pub outcome: String,
    /// The numbers of the actions that were still open; their owners carry them on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<u32>,
}

/// Somebody asked to waive a requirement in this one case (特事特办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecialHandlingRequested {
    /// The facts that make it special.
    pub facts: String,
    /// Which requirement.
    pub requirement_waived: String,
    /// The text that gives the discretion.
    pub discretion_basis: String,
    /// The precedents that were looked at.
    #[serde(default)]
    pub precedents_checked: Vec<String>,
    /// By when the first layer has to check.
    pub check_due_at: Timestamp,
}

/// One layer checked the request (层层把关).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecialHandlingChecked {
    /// Which layer.
    pub layer: CheckLayer,
    /// What it found.
    pub finding: String,
    /// By when the next step is due.
    pub next_due_at: Timestamp,
}

/// The request was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecialHandlingDecided {
    /// Approved or refused.
    pub approved: bool,
    /// Why.
    pub reason: String,
    /// Under which conditions.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// True when later cases may follow it.
    pub is_precedent: bool,
    /// When somebody looks back, when it was approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due_at: Option<Timestamp>,
}

/// Somebody looked back on an approved special handling (回头看).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpecialHandlingReviewed {
    /// In order, or revoked.
    pub result: ReviewResult,
}

/// The handling clock stands still (暂停计时).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockPaused {
    /// Why.
    pub reason: PauseReason,
    /// After how many working days it runs again by itself.
    pub cap_working_days: u32,
    /// When that is.
    pub until: Timestamp,
    /// Whether the handler was told that his clock stands still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handler_informed: Option<bool>,
}

/// The handling clock runs again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClockResumed {
    /// The promise after the pause.
    pub due_at: Timestamp,
    /// True when the cap ended the pause.
    pub automatic: bool,
    /// By how many working days the pause moved the promise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_days: Option<u32>,
    /// True when the promise lies beyond the last published calendar year.
    #[serde(default)]
    pub provisional: bool,
}

/// The promise was moved, once, and the applicant was told before (延期).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlineExtended {
    /// By how many working days.
    pub working_days: u32,
    /// Why.
    pub reason: String,
    /// When the applicant was told.
    pub applicant_told_at: Timestamp,
    /// The promise after it.
    pub due_at: Timestamp,
    /// True when the promise lies beyond the last published calendar year.
    #[serde(default)]
    pub provisional: bool,
}

/// A clock climbed one step and somebody was named (督办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Escalated {
    /// How far.
    pub level: Level,
    /// Which clock.
    pub clock: Clock,
    /// The how-manieth run of that clock on this case, from 1.
    pub occurrence: u32,
    /// The rule in words: `due`, `due+1`, `50%`.
    pub rule: String,
    /// The role that is named.
    pub told: Role,
    /// The body that it concerns: a department or a center by its id.
    pub body: String,
    /// The promise that the clock runs to.
    pub due_at: Timestamp,
}

/// The applicant, or the center for him, asked to hurry (催办); touches no clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Urged {
    /// What was said.
    pub text: String,
}

/// The working days of a year were published, and a provisional promise was counted again (时限重算).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadlineRecalculated {
    /// The promise after it.
    pub due_at: Timestamp,
    /// The promise before it.
    pub was_due_at: Timestamp,
    /// True when it still lies beyond the last published calendar year.
    pub provisional: bool,
    /// The last day of the last published year, by which it was counted.
    pub published_to: chrono::NaiveDate,
}

/// A bad review has to be put right (启动整改).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RectificationOpened {
    /// The body that puts it right: a department or a center by its id.
    pub owner: String,
    /// By when the applicant has to be contacted.
    pub contact_due_at: Timestamp,
    /// By when it has to be right.
    pub due_at: Timestamp,
}

/// The bad review was put right (整改完成).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RectificationCompleted {
    /// What was done.
    pub action: String,
    /// What came of it.
    pub result: String,
}

/// The case is finished (结案).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Closed {
    /// Why now.
    pub code: ClosingCode,
    /// From when the personal data may be erased.
    pub erase_after: Timestamp,
}
