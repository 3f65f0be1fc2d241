//! The bodies of intake's commands.

use casework::command::{Command, CommandKind};
use desk::bodies::{ReceivedItem, Remedy, all};
use desk::endpoint::CommandBody;
use proto_events::codes::{ErasureReason, Exclusion, Grade, ReopenReason, Solved};
use proto_events::events::Mode;
use runtime::http::FieldError;
use schemars::JsonSchema;
use serde::Deserialize;

/// Does not take the case on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decline {
    /// Which exclusion.
    exclusion: Exclusion,
    /// Why it applies.
    reason: String,
    /// Where to go instead; E4 and E6 name the body.
    #[serde(default)]
    remedy: Option<Remedy>,
    /// Username of the second person (E1, E10).
    #[serde(default)]
    second_check_by: Option<String>,
}

impl CommandBody for Decline {
    const KIND: CommandKind = CommandKind::Decline;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Decline {
            exclusion: self.exclusion,
            reason: self.reason,
            remedy: self.remedy.map(Into::into),
            second_check_by: self.second_check_by,
        })
    }
}

/// Papers that came in.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Materials {
    /// What came.
    items: Vec<ReceivedItem>,
    /// Whether everything that was asked for is there.
    complete: bool,
}

impl CommandBody for Materials {
    const KIND: CommandKind = CommandKind::ReceiveMaterials;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::ReceiveMaterials { items: all(self.items), complete: self.complete })
    }
}

/// What the applicant said.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedbackBody {
    /// Whether anybody answered.
    responded: bool,
    /// Whether it is solved.
    #[serde(default)]
    solved: Option<Solved>,
    /// 5 very satisfied to 1 very dissatisfied; null: not rated.
    #[serde(default)]
    grade: Option<Grade>,
    /// In his words.
    #[serde(default)]
    comment: Option<String>,
    /// How he was asked.
    mode: Mode,
}

impl CommandBody for FeedbackBody {
    const KIND: CommandKind = CommandKind::RecordFeedback;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::RecordFeedback {
            responded: self.responded,
            solved: self.solved,
            grade: self.grade,
            comment: self.comment,
            mode: self.mode,
        })
    }
}

/// Takes the case up again.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reopen {
    /// Why.
    reason: ReopenReason,
    /// More about it.
    #[serde(default)]
    note: Option<String>,
}

impl CommandBody for Reopen {
    const KIND: CommandKind = CommandKind::Reopen;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Reopen { reason: self.reason, note: self.note })
    }
}

/// Withdraws the case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdraw {
    /// Why.
    reason: String,
    /// More about it.
    #[serde(default)]
    note: Option<String>,
}

impl CommandBody for Withdraw {
    const KIND: CommandKind = CommandKind::Withdraw;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Withdraw { reason: self.reason, note: self.note })
    }
}

/// Has the applicant forgotten.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Erase {
    /// Why.
    reason: ErasureReason,
}

impl CommandBody for Erase {
    const KIND: CommandKind = CommandKind::ErasePersonalData;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::ErasePersonalData { reason: self.reason })
    }
}
