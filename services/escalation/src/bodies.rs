//! The bodies of escalation's commands.

use casework::command::{Command, CommandKind};
use desk::bodies::{DepartmentPosition, MeetingAction, Member, all};
use desk::endpoint::{CommandBody, ItemBody};
use proto_events::Timestamp;
use proto_events::codes::{CheckLayer, ConveneTrigger, PauseReason, ReviewResult};
use runtime::http::{FieldError, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

/// Convenes a task force.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Convene {
    /// Who chairs: a username or an office.
    chair: String,
    /// Who sits.
    members: Vec<Member>,
    /// What it has to achieve.
    objective: String,
    /// Why it is needed.
    reason: String,
}

impl CommandBody for Convene {
    const KIND: CommandKind = CommandKind::ConveneTaskForce;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::ConveneTaskForce {
            trigger: ConveneTrigger::Person,
            chair: self.chair,
            members: all(self.members),
            objective: self.objective,
            reason: self.reason,
        })
    }
}

/// A meeting.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meeting {
    /// Who sat.
    attendees: Vec<String>,
    /// Where the departments stand.
    #[serde(default)]
    positions: Vec<DepartmentPosition>,
    /// What was decided.
    #[serde(default)]
    decisions: Vec<String>,
    /// What somebody has to do.
    #[serde(default)]
    actions: Vec<MeetingAction>,
}

impl CommandBody for Meeting {
    const KIND: CommandKind = CommandKind::RecordMeeting;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::RecordMeeting {
            attendees: self.attendees,
            positions: all(self.positions),
            decisions: self.decisions,
            actions: all(self.actions),
        })
    }
}

/// Dissolves the task force.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dissolve {
    /// What came of it, and what is carried on by whom.
    outcome: String,
}

impl CommandBody for Dissolve {
    const KIND: CommandKind = CommandKind::DissolveTaskForce;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::DissolveTaskForce { outcome: self.outcome })
    }
}

/// Finishes a rectification.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rectified {
    /// What was done.
    action: String,
    /// What came of it.
    result: String,
}

impl CommandBody for Rectified {
    const KIND: CommandKind = CommandKind::CompleteRectification;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::CompleteRectification { action: self.action, result: self.result })
    }
}

/// Finishes an action.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionDone {
    /// What came of it.
    result: String,
}

impl ItemBody for ActionDone {
    const KIND: CommandKind = CommandKind::FinishAction;

    fn into_command_for(self, number: &str) -> Result<Command, Problem> {
        let number = number
            .parse()
            .map_err(|_| Problem::not_found("there is no such action (没有这项任务)"))?;
        Ok(Command::FinishAction { number, result: self.result })
    }
}

/// Asks to waive a requirement in this one case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Special {
    /// The facts that make it special.
    facts: String,
    /// Which requirement.
    requirement_waived: String,
    /// The text that gives the discretion.
    discretion_basis: String,
    /// The precedents that were looked at.
    #[serde(default)]
    precedents_checked: Vec<String>,
}

impl CommandBody for Special {
    const KIND: CommandKind = CommandKind::RequestSpecialHandling;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::RequestSpecialHandling {
            facts: self.facts,
            requirement_waived: self.requirement_waived,
            discretion_basis: self.discretion_basis,
            precedents_checked: self.precedents_checked,
        })
    }
}

/// Checks it for one layer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    /// The layer.
    layer: CheckLayer,
    /// What it found.
    finding: String,
}

impl CommandBody for Check {
    const KIND: CommandKind = CommandKind::CheckSpecialHandling;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::CheckSpecialHandling { layer: self.layer, finding: self.finding })
    }
}

/// Decides it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// Approved or refused.
    approved: bool,
    /// Why.
    reason: String,
    /// Under which conditions.
    #[serde(default)]
    conditions: Vec<String>,
    /// Whether later cases may follow it.
    #[serde(default)]
    is_precedent: bool,
}

impl CommandBody for Decision {
    const KIND: CommandKind = CommandKind::DecideSpecialHandling;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::DecideSpecialHandling {
            approved: self.approved,
            reason: self.reason,
            conditions: self.conditions,
            is_precedent: self.is_precedent,
        })
    }
}

/// Looks back on it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    /// In order, or revoked.
    result: ReviewResult,
}

impl CommandBody for Review {
    const KIND: CommandKind = CommandKind::ReviewSpecialHandling;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::ReviewSpecialHandling { result: self.result })
    }
}

/// Lets the clock stand still.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pause {
    /// Why.
    reason: PauseReason,
    /// Whether the handler was told.
    #[serde(default)]
    handler_informed: Option<bool>,
}

impl CommandBody for Pause {
    const KIND: CommandKind = CommandKind::Pause;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Pause { reason: self.reason, handler_informed: self.handler_informed })
    }
}

/// Lets the clock run again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resume {}

impl CommandBody for Resume {
    const KIND: CommandKind = CommandKind::Resume;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Resume { automatic: false })
    }
}

/// Moves the promise, once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Extend {
    /// By how many working days.
    working_days: u32,
    /// Why.
    reason: String,
    /// When the applicant was told.
    applicant_told_at: Timestamp,
}

impl CommandBody for Extend {
    const KIND: CommandKind = CommandKind::Extend;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Extend {
            working_days: self.working_days,
            reason: self.reason,
            applicant_told_at: self.applicant_told_at,
        })
    }
}

/// Asks to hurry.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Urge {
    /// What was said.
    text: String,
}

impl CommandBody for Urge {
    const KIND: CommandKind = CommandKind::Urge;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Urge { text: self.text })
    }
}
