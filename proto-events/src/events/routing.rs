//! What routing writes: who handles the case, and how it ends.

use alloc::string::String;
use alloc::vec::Vec;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Mode;
use crate::Timestamp;
use crate::codes::{Cause, Complexity, ExplanationMode, Resolution, ReturnReason, Understood};
use crate::ids::DepartmentId;

/// The named window that a case is handed over to; never "the department".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WindowContact {
    /// The window's name.
    pub window: String,
    /// The window's telephone, an office's and not a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// The case was handed over to a department's window (转办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Forwarded {
    /// The department.
    pub to: DepartmentId,
    /// What is asked of it.
    pub ask: String,
    /// Its window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<WindowContact>,
    /// The case's promise, as it stands; handing over never moves it.
    pub due_at: Timestamp,
    /// By when the applicant has to be contacted.
    pub first_contact_due_at: Timestamp,
    /// Until when the department may send it back.
    pub return_until: Timestamp,
    /// True when the routing table decided.
    pub automatic: bool,
}

/// The department signed for the case (签收).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Accepted {
    /// The department.
    pub department: DepartmentId,
    /// Username of who handles it from here.
    pub handler: String,
}

/// Somebody got in touch with the applicant, or tried to (联系群众).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApplicantContacted {
    /// How.
    pub mode: Mode,
    /// Whether the applicant was reached.
    pub reached: bool,
}

/// The department sent the case back (退单).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Returned {
    /// The department that sent it back.
    pub department: DepartmentId,
    /// Why.
    pub reason: ReturnReason,
    /// The text that says whose duty it is (R1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty_basis: Option<String>,
    /// Whose it is instead (R1, R2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggested_department: Option<DepartmentId>,
    /// The explanation; for R3 the list of what is missing.
    pub note: String,
    /// By when the coordinator has to rule.
    pub arbitration_due_at: Timestamp,
}

/// The coordinator ruled whose case it is (裁定); binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Arbitrated {
    /// The lead.
    pub department: DepartmentId,
    /// Who helps.
    #[serde(default)]
    pub co_departments: Vec<DepartmentId>,
    /// The text that the ruling stands on.
    pub basis: String,
    /// By when the applicant has to be contacted.
    pub first_contact_due_at: Timestamp,
}

/// A department's part in a joint matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JointPart {
    /// The department.
    pub department: DepartmentId,
    /// What is asked of it.
    pub ask: String,
    /// By when.
    pub due_at: Timestamp,
}

/// Parts of the matter were given to departments (联办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JointHandlingAssigned {
    /// The parts.
    pub parts: Vec<JointPart>,
}

/// A department finished its part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartCompleted {
    /// The department.
    pub department: DepartmentId,
    /// What came of it.
    pub result: String,
}

/// A paper that is asked for, with the text that requires it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequestedItem {
    /// What it is.
    pub name: String,
    /// The text that requires it.
    pub basis: String,
}

/// Everything that is missing was said at once (一次性告知; 行政许可法 32(4)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaterialsRequested {
    /// The complete list.
    pub items: Vec<RequestedItem>,
    /// How it was said.
    pub mode: Mode,
    /// The new fact that makes a second request necessary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_fact: Option<String>,
    /// By when the applicant is asked to bring them.
    pub due_at: Timestamp,
}

/// Somebody wrote down how far it is (进展); touches no clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgressNoted {
    /// What is new.
    pub text: String,
    /// Whether the applicant sees it on the status page.
    pub public: bool,
}

/// A text of law or policy that a decision stands on (政策依据).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyBasis {
    /// Its title.
    pub title: String,
    /// Its document number (文号).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The article.
    pub article: String,
    /// The day from which it is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force_from: Option<chrono::NaiveDate>,
}

/// The department determined, with a second signature, that the thing cannot be done (认定不能办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotDoableDetermined {
    /// The texts, at least one.
    pub basis: Vec<PolicyBasis>,
    /// How they apply to this case.
    pub facts: String,
    /// What the applicant can do instead.
    #[serde(default)]
    pub alternatives: Vec<String>,
    /// Username of the second person who signed.
    pub countersigned_by: String,
    /// By when it has to be explained.
    pub explanation_due_at: Timestamp,
}

/// A body that took part in explaining.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explainer {
    /// A department, or a center by its id.
    pub department: DepartmentId,
}

/// The answer was explained to the applicant, with the documents (解释).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Explained {
    /// Which session it was, from 1.
    pub session: u32,
    /// How.
    pub mode: ExplanationMode,
    /// Who explained.
    pub explainers: Vec<Explainer>,
    /// The documents that were shown.
    #[serde(default)]
    pub documents: Vec<String>,
    /// The ways that remain (复议, 诉讼, others), at least one.
    pub remedies: Vec<String>,
    /// Whether the applicant understood.
    pub understood: Understood,
    /// True when a department lead led the session.
    pub led_by_lead: bool,
    /// True when the session ended the case.
    pub ends: bool,
    /// By when the applicant is asked how it went, when it ended the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_due_at: Option<Timestamp>,
}

/// The matter was done (办成).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resolved {
    /// How.
    pub resolution: Resolution,
    /// What came of it, in words for the applicant.
    pub result: String,
    /// Why it had been stuck (确认), with its sub-code.
    pub cause: Cause,
    /// True when the guide or the process should be changed so that it does not happen again.
    #[serde(default)]
    pub process_change_needed: bool,
    /// By when the applicant is asked how it went.
    pub callback_due_at: Timestamp,
}

/// A change of one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change<T> {
    /// What it was.
    pub from: T,
    /// What it is.
    pub to: T,
}

/// The case turned out harder, easier or otherwise caused than it looked (改分类).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reclassified {
    /// The complexity, when it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub complexity: Option<Change<Complexity>>,
    /// The provisional cause, when it changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Change<Cause>>,
    /// Why.
    pub reason: String,
    /// The promise after it.
    pub due_at: Timestamp,
    /// True when the promise lies beyond the last published calendar year.
    #[serde(default)]
    pub provisional: bool,
    /// How many working days the promise counts from the start of the handling: limit, extension and pauses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_days: Option<u32>,
}

/// The case was handed to a body outside the district, which gave a receipt (移送).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transferred {
    /// The body.
    pub body: String,
    /// Its receipt.
    pub receipt: String,
    /// Why.
    pub reason: String,
}
