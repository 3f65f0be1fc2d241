//! The bodies of escalation's commands.

use casework::command::Command;
use desk::bodies::{DepartmentPosition, MeetingAction, Member, all};
use desk::endpoint::CommandBody;
use proto_events::codes::ConveneTrigger;
use runtime::http::FieldError;
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
    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::CompleteRectification { action: self.action, result: self.result })
    }
}
