//! What a case remembers of the things that happened to it.

use alloc::string::String;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, CheckLayer, Clock, ConveneTrigger, Exclusion, ExplanationMode, Grade, Level,
    LinkRelation, PauseReason, Resolution, ReturnReason, ReviewResult, Role, Solved, Understood,
};
use proto_events::events::{
    DepartmentPosition, Explainer, MeetingAction, Member, Mode, PolicyBasis, RegisterRow, Remedy,
    RequestedItem,
};
use proto_events::ids::{CaseId, DepartmentId};
use serde::{Deserialize, Serialize};

/// One handing over to a department (转办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The department.
    pub to: DepartmentId,
    /// When.
    pub at: Timestamp,
    /// Whether the routing table decided.
    pub automatic: bool,
    /// Whether a ruling sent it there.
    pub arbitrated: bool,
    /// By when the applicant has to be contacted.
    pub first_contact_due_at: Timestamp,
    /// Until when the department may send it back; none after a ruling.
    pub return_until: Option<Timestamp>,
    /// When the department signed for it.
    pub accepted_at: Option<Timestamp>,
    /// When the applicant was first reached.
    pub first_contact_at: Option<Timestamp>,
    /// When the department sent it back.
    pub returned_at: Option<Timestamp>,
}

/// What an earlier register said of a case (台账转入), as far as it has no other place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedRecord {
    /// The file and the row.
    pub from: RegisterRow,
    /// When it was taken over.
    pub at: Timestamp,
    /// Who opened it there, by the account that he has here.
    pub first_receiver: Option<String>,
    /// How often a department had sent it back.
    pub returns: u32,
    /// Whether it came with a handing over, which is then the first of its hops.
    pub with_handing_over: bool,
    /// What was written of a task force.
    pub task_force: Option<String>,
    /// What was written of a special handling.
    pub special_handling: Option<String>,
    /// The texts on which it could not be done.
    pub policy_basis: Option<String>,
    /// What was written of a rectification.
    pub rectification: Option<String>,
    /// What was written of improvements.
    pub improvements: Option<String>,
    /// The columns that were filled by whoever imported it.
    pub assumed: Vec<String>,
}

/// One return (退单).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// The department that sent it back.
    pub department: DepartmentId,
    /// Why.
    pub reason: ReturnReason,
    /// The text about whose duty it is.
    pub duty_basis: Option<String>,
    /// Whose it is instead.
    pub suggested_department: Option<DepartmentId>,
    /// The explanation.
    pub note: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// By when the coordinator has to rule.
    pub arbitration_due_at: Timestamp,
}

/// The ruling (裁定).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arbitration {
    /// The lead.
    pub department: DepartmentId,
    /// Who helps.
    pub co_departments: Vec<DepartmentId>,
    /// The text it stands on.
    pub basis: String,
    /// Who ruled.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A task force (专班).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskForce {
    /// What convened it.
    pub trigger: ConveneTrigger,
    /// Who chairs.
    pub chair: String,
    /// Who sits.
    pub members: Vec<Member>,
    /// What it has to achieve.
    pub objective: String,
    /// Why it is needed.
    pub reason: String,
    /// When it was convened.
    pub convened_at: Timestamp,
    /// By when it has to meet first.
    pub first_meeting_due_at: Timestamp,
    /// Its meetings.
    pub meetings: Vec<Meeting>,
    /// When it was dissolved.
    pub dissolved_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: Option<String>,
}

/// A meeting of a task force (会商).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meeting {
    /// Its number, from 1.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// Who sat.
    pub attendees: Vec<String>,
    /// Where the departments stand.
    pub positions: Vec<DepartmentPosition>,
    /// What was decided.
    pub decisions: Vec<String>,
    /// What somebody has to do.
    pub actions: Vec<MeetingAction>,
}

/// A special handling (特事特办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialHandling {
    /// The facts.
    pub facts: String,
    /// Which requirement is waived.
    pub requirement_waived: String,
    /// The text that gives the discretion.
    pub discretion_basis: String,
    /// The precedents that were looked at.
    pub precedents_checked: Vec<String>,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// The layers that have checked, lowest first.
    pub checks: Vec<Check>,
    /// By when the next step is due.
    pub next_due_at: Timestamp,
    /// The decision.
    pub decision: Option<SpecialDecision>,
    /// The look-back.
    pub review: Option<ReviewResult>,
}

impl SpecialHandling {
    /// The layer whose check comes next; none when all have checked.
    #[must_use]
    pub fn next_layer(&self) -> Option<CheckLayer> {
        CheckLayer::ALL.get(self.checks.len()).copied()
    }

    /// Whether it is approved and the look-back did not revoke it: what a resolution may stand on.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.decision.as_ref().is_some_and(|decision| decision.approved)
            && self.review != Some(ReviewResult::Revoked)
    }
}

/// A check by one layer (把关).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The layer.
    pub layer: CheckLayer,
    /// What it found.
    pub finding: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The decision on a special handling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecialDecision {
    /// Approved or refused.
    pub approved: bool,
    /// Why.
    pub reason: String,
    /// Under which conditions.
    pub conditions: Vec<String>,
    /// Whether later cases may follow it.
    pub is_precedent: bool,
    /// When somebody looks back.
    pub review_due_at: Option<Timestamp>,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A department's part of a joint matter (联办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The department.
    pub department: DepartmentId,
    /// What is asked of it.
    pub ask: String,
    /// When it was given.
    pub assigned_at: Timestamp,
    /// By when.
    pub due_at: Timestamp,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
    /// What came of it.
    pub result: Option<String>,
}

/// A request for papers (一次性告知).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaterialRequest {
    /// The complete list.
    pub items: Vec<RequestedItem>,
    /// How it was said.
    pub mode: Mode,
    /// The new fact that made a second request necessary.
    pub new_fact: Option<String>,
    /// By when.
    pub due_at: Timestamp,
    /// When it was asked.
    pub at: Timestamp,
}

/// The determination that it cannot be done (认定不能办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Determination {
    /// The texts.
    pub basis: Vec<PolicyBasis>,
    /// How they apply.
    pub facts: String,
    /// What the applicant can do instead.
    pub alternatives: Vec<String>,
    /// Who determined.
    pub by: String,
    /// Who countersigned.
    pub countersigned_by: String,
    /// When.
    pub at: Timestamp,
    /// By when it has to be explained.
    pub explanation_due_at: Timestamp,
}

/// A session of explaining (解释).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Its number, from 1.
    pub session: u32,
    /// How.
    pub mode: ExplanationMode,
    /// Who explained.
    pub explainers: Vec<Explainer>,
    /// What was shown.
    pub documents: Vec<String>,
    /// The ways that remain.
    pub remedies: Vec<String>,
    /// Whether the applicant understood.
    pub understood: Understood,
    /// Whether a department lead led it.
    pub led_by_lead: bool,
    /// Who wrote it down.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// How the case ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Resolved, explained, declined, withdrawn or transferred.
    pub kind: CaseState,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The promise at that moment.
    pub due_at: Timestamp,
    /// The first promise.
    pub original_due_at: Timestamp,
    /// How it was solved.
    pub resolution: Option<Resolution>,
    /// The result, the reason or the outcome in words.
    pub result: Option<String>,
    /// Which exclusion.
    pub exclusion: Option<Exclusion>,
    /// Where to go instead.
    pub remedy: Option<Remedy>,
    /// Whether the guide or process should be changed.
    pub process_change_needed: bool,
    /// By when the applicant is asked how it went.
    pub callback_due_at: Option<Timestamp>,
}

impl Outcome {
    /// Whether it came by the promise as it stood.
    #[must_use]
    pub fn is_on_time(&self) -> bool {
        self.at <= self.due_at
    }

    /// Whether it came by the first promise.
    #[must_use]
    pub fn is_on_original_time(&self) -> bool {
        self.at <= self.original_due_at
    }
}

/// A pause that is running (暂停).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub reason: PauseReason,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// A pause that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPause {
    /// Why.
    pub reason: PauseReason,
    /// Since when.
    pub since: Timestamp,
    /// When the clock ran again: at the end of the pause, though it may have been noticed later.
    pub resumed_at: Timestamp,
    /// By how many working days it moved the promise.
    pub working_days: u32,
}

/// Something that a meeting gave somebody to do (任务).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its number on this case, from 1.
    pub number: u32,
    /// Who: a department, a center or a username.
    pub owner: String,
    /// What.
    pub what: String,
    /// By when.
    pub due_at: Timestamp,
    /// When it was given.
    pub given_at: Timestamp,
    /// When it was done.
    pub done_at: Option<Timestamp>,
    /// What came of it.
    pub result: Option<String>,
    /// Whether the task force ended before it was done.
    pub carried: bool,
}

/// Somebody asked to hurry (催办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urge {
    /// What was said.
    pub text: String,
    /// Who wrote it down.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Another case that this one has to do with (关联案件).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The other case.
    pub case_id: CaseId,
    /// How it stands to this one.
    pub relation: LinkRelation,
    /// Why.
    pub note: Option<String>,
    /// When it was linked.
    pub at: Timestamp,
}

/// Something that was put right in what had been written down (更正).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// Which field.
    pub field: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// The extension (延期).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// By how many working days.
    pub working_days: u32,
    /// Why.
    pub reason: String,
    /// When it was granted.
    pub at: Timestamp,
}

/// A step that a clock has climbed (督办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// How far.
    pub level: Level,
    /// Which clock.
    pub clock: Clock,
    /// Which run of it.
    pub occurrence: u32,
    /// Who is named.
    pub told: Role,
    /// When.
    pub at: Timestamp,
}

/// What the applicant said (回访).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// Whether it is solved.
    pub solved: Option<Solved>,
    /// How satisfied he is.
    pub grade: Option<Grade>,
    /// In his words.
    pub comment: Option<String>,
    /// How he was asked.
    pub mode: Mode,
    /// Who asked.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A rectification (整改).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rectification {
    /// The body that puts it right.
    pub owner: String,
    /// When it began.
    pub opened_at: Timestamp,
    /// By when the applicant has to be contacted.
    pub contact_due_at: Timestamp,
    /// When the applicant was reached.
    pub contacted_at: Option<Timestamp>,
    /// By when it has to be right.
    pub due_at: Timestamp,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
    /// What was done.
    pub action: Option<String>,
    /// What came of it.
    pub result: Option<String>,
}
