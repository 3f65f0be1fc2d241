//! The bodies of routing's commands.

use casework::command::{Command, CommandKind};
use desk::bodies::{Explainer, PartWish, PolicyBasis, RequestedItem, WindowContact, all};
use desk::endpoint::{CommandBody, ItemBody};
use proto_events::codes::{
    Cause, Complexity, ExplanationMode, Resolution, ReturnReason, Understood,
};
use proto_events::events::Mode;
use proto_events::ids::DepartmentId;
use runtime::http::{FieldError, Problem};
use schemars::JsonSchema;
use serde::Deserialize;

/// Hands the case to a department.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Forward {
    /// The department.
    department: DepartmentId,
    /// What is asked of it.
    ask: String,
    /// Its window; the one of the district file when left out.
    #[serde(default)]
    contact: Option<WindowContact>,
}

impl CommandBody for Forward {
    const KIND: CommandKind = CommandKind::Forward;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Forward {
            department: self.department,
            ask: self.ask,
            contact: self.contact.map(Into::into),
            automatic: false,
        })
    }
}

/// Signs for the case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accept {
    /// Username of who handles it; the signed-in person when left out.
    #[serde(default)]
    handler: Option<String>,
}

impl CommandBody for Accept {
    const KIND: CommandKind = CommandKind::Accept;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Accept { handler: self.handler })
    }
}

/// A contact with the applicant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contact {
    /// How.
    mode: Mode,
    /// Whether he was reached.
    reached: bool,
}

impl CommandBody for Contact {
    const KIND: CommandKind = CommandKind::Contact;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Contact { mode: self.mode, reached: self.reached })
    }
}

/// Progress.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// What is new.
    text: String,
    /// Whether the applicant sees it.
    public: bool,
}

impl CommandBody for Progress {
    const KIND: CommandKind = CommandKind::NoteProgress;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::NoteProgress { text: self.text, public: self.public })
    }
}

/// Sends the case back.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendBack {
    /// Why.
    reason: ReturnReason,
    /// The text about whose duty it is (R1).
    #[serde(default)]
    duty_basis: Option<String>,
    /// Whose it is instead (R1, R2).
    #[serde(default)]
    suggested_department: Option<DepartmentId>,
    /// The explanation.
    note: String,
}

impl CommandBody for SendBack {
    const KIND: CommandKind = CommandKind::Return;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Return {
            reason: self.reason,
            duty_basis: self.duty_basis,
            suggested_department: self.suggested_department,
            note: self.note,
        })
    }
}

/// Rules whose case it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arbitrate {
    /// The lead.
    department: DepartmentId,
    /// Who helps.
    #[serde(default)]
    co_departments: Vec<DepartmentId>,
    /// The text that the ruling stands on.
    basis: String,
}

impl CommandBody for Arbitrate {
    const KIND: CommandKind = CommandKind::Arbitrate;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Arbitrate {
            department: self.department,
            co_departments: self.co_departments,
            basis: self.basis,
        })
    }
}

/// Determines that it cannot be done.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotDoable {
    /// The texts, at least one.
    #[serde(default)]
    basis: Vec<PolicyBasis>,
    /// How they apply here.
    facts: String,
    /// What the applicant can do instead.
    #[serde(default)]
    alternatives: Vec<String>,
    /// Username of the second person who signed.
    countersigned_by: String,
}

impl CommandBody for NotDoable {
    const KIND: CommandKind = CommandKind::DetermineNotDoable;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::DetermineNotDoable {
            basis: all(self.basis),
            facts: self.facts,
            alternatives: self.alternatives,
            countersigned_by: self.countersigned_by,
        })
    }
}

/// A session of explaining.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Explain {
    /// How.
    mode: ExplanationMode,
    /// Who explained.
    explainers: Vec<Explainer>,
    /// What was shown.
    #[serde(default)]
    documents: Vec<String>,
    /// The ways that remain.
    #[serde(default)]
    remedies: Vec<String>,
    /// Whether the applicant understood.
    understood: Understood,
}

impl CommandBody for Explain {
    const KIND: CommandKind = CommandKind::Explain;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Explain {
            mode: self.mode,
            explainers: all(self.explainers),
            documents: self.documents,
            remedies: self.remedies,
            understood: self.understood,
        })
    }
}

/// Resolves the case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Resolve {
    /// How.
    resolution: Resolution,
    /// What came of it, for the applicant.
    result: String,
    /// Why it had been stuck, with its sub-code.
    cause: Cause,
    /// Whether the guide or process should be changed.
    #[serde(default)]
    process_change_needed: bool,
}

impl CommandBody for Resolve {
    const KIND: CommandKind = CommandKind::Resolve;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Resolve {
            resolution: self.resolution,
            result: self.result,
            cause: self.cause,
            process_change_needed: self.process_change_needed,
        })
    }
}

/// Gives departments their parts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joint {
    /// The parts, one per department.
    parts: Vec<PartWish>,
}

impl CommandBody for Joint {
    const KIND: CommandKind = CommandKind::AssignParts;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::AssignParts { parts: all(self.parts) })
    }
}

/// Finishes a part.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PartDone {
    /// What came of it.
    result: String,
}

impl ItemBody for PartDone {
    const KIND: CommandKind = CommandKind::CompletePart;

    fn into_command_for(self, department: &str) -> Result<Command, Problem> {
        let department = department
            .parse()
            .map_err(|_| Problem::not_found("there is no such department (没有这个部门)"))?;
        Ok(Command::CompletePart { department, result: self.result })
    }
}

/// Asks for papers, for all of them at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Materials {
    /// The complete list.
    items: Vec<RequestedItem>,
    /// How the applicant is told.
    mode: Mode,
    /// The new fact that makes a second request necessary.
    #[serde(default)]
    new_fact: Option<String>,
}

impl CommandBody for Materials {
    const KIND: CommandKind = CommandKind::RequestMaterials;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::RequestMaterials {
            items: all(self.items),
            mode: self.mode,
            new_fact: self.new_fact,
        })
    }
}

/// Changes complexity or cause.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reclassify {
    /// The complexity as it turned out.
    #[serde(default)]
    complexity: Option<Complexity>,
    /// The provisional cause as it turned out.
    #[serde(default)]
    cause: Option<Cause>,
    /// Why.
    reason: String,
}

impl CommandBody for Reclassify {
    const KIND: CommandKind = CommandKind::Reclassify;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Reclassify {
            complexity: self.complexity,
            cause: self.cause,
            reason: self.reason,
        })
    }
}

/// Hands the case to a body outside the district.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Transfer {
    /// The body.
    body: String,
    /// Its receipt.
    receipt: String,
    /// Why.
    reason: String,
}

impl CommandBody for Transfer {
    const KIND: CommandKind = CommandKind::Transfer;

    fn into_command(self) -> Result<Command, Vec<FieldError>> {
        Ok(Command::Transfer { body: self.body, receipt: self.receipt, reason: self.reason })
    }
}
