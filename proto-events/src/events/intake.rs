//! What intake writes: a citizen's facts.

use alloc::string::String;
use alloc::vec::Vec;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Mode;
use crate::Timestamp;
use crate::codes::{
    ApplicantKind, CaseState, Cause, Channel, Complexity, ErasureReason, Exclusion, Grade,
    LinkRelation, ReopenReason, Resolution, Solved, Stage,
};
use crate::ids::{CaseId, CenterId, DepartmentId, ReceiptCode};

/// The matter that got stuck (事项).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matter {
    /// Its name as the guide has it, 1 to 100 characters.
    pub name: String,
    /// Its code in the national catalogue of matters (事项编码), where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The notice about personal data that was given before anything was written down
/// (个人信息保护法 17).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    /// Which version of the text.
    pub version: String,
    /// How it was given.
    pub mode: Mode,
}

/// The applicant as the log holds him: everything that tells who he is, is ciphertext.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SealedApplicant {
    /// What kind of applicant; says nothing about a person.
    pub kind: ApplicantKind,
    /// XChaCha20-Poly1305 of the JSON of name, phone, id_number, address and care, under the case's data
    /// key: `XC20P.` and base64url of nonce and ciphertext; the name of the algorithm and the case id are authenticated
    /// with it. Texts from before there was a name are base64url alone, and the case id is authenticated with them.
    pub sealed: String,
}

/// Somebody's matter got stuck and the desk took it on (登记).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Opened {
    /// The number that people write down (编号), `DHS20210126-7K3M`.
    pub case_no: String,
    /// The code on the receipt.
    pub receipt_code: ReceiptCode,
    /// The center that took it on: the first receiver (首接), responsible until the end.
    pub center: CenterId,
    /// How it came in.
    pub channel: Channel,
    /// The matter.
    pub matter: Matter,
    /// Where in the official process it is stuck.
    pub blocked_stage: Stage,
    /// Why, as far as the desk can tell now (初判).
    pub cause: Cause,
    /// What the applicant asks for, 1 to 500 characters.
    pub demand: String,
    /// What happened so far, up to 2000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// How many times the applicant had come in vain before.
    pub attempts_before: u32,
    /// How hard it looks; decides the limit.
    pub complexity: Complexity,
    /// The applicant, sealed.
    pub applicant: SealedApplicant,
    /// The notice that was given.
    pub notice: Notice,
    /// The promise: end of business of the last day.
    pub due_at: Timestamp,
    /// True when the promise lies beyond the last published calendar year.
    #[serde(default)]
    pub provisional: bool,
    /// How many working days were promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_days: Option<u32>,
    /// Where it stood before, when it was not opened here but taken over from an earlier register (台账转入). Then an
    /// [`Imported`] follows, and what was promised and done until then is no figure of this desk's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imported_from: Option<RegisterRow>,
}

/// A row of an earlier register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RegisterRow {
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub file: String,
    /// The number of the row as a spreadsheet shows it, from 1.
    pub row: u32,
}

/// What an earlier register says of a case beside its opening (台账转入): as it stood there, without the steps that
/// nobody wrote down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// When it was taken over.
    pub imported_at: Timestamp,
    /// Who opened it there, by the account that he has here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_receiver: Option<String>,
    /// The cause as it turned out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause_confirmed: Option<Cause>,
    /// Who has it, or had it when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handing_over: Option<ImportedHandingOver>,
    /// Who helped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub co_departments: Vec<DepartmentId>,
    /// How often a department had sent it back.
    #[serde(default)]
    pub returns: u32,
    /// What was written of a task force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_force: Option<String>,
    /// What was written of a special handling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub special_handling: Option<String>,
    /// How it ended; none when it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ImportedOutcome>,
    /// The texts on which it could not be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_basis: Option<String>,
    /// What the applicant said of the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<ImportedFeedback>,
    /// What was written of a rectification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rectification: Option<String>,
    /// What was written of improvements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub improvements: Option<String>,
    /// When it was closed; none when somebody may still speak of its outcome, or it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
    /// From when its personal data may be erased, of a closed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erase_after: Option<Timestamp>,
    /// The columns that the register left open and whoever imported it filled, by their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<String>,
}

/// The handing over that an earlier register knows of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedHandingOver {
    /// The department.
    pub to: DepartmentId,
    /// When it got the case.
    pub at: Timestamp,
    /// When it signed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// When the applicant was first reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_contact_at: Option<Timestamp>,
    /// By when the applicant has to be reached, counted from the taking over.
    pub first_contact_due_at: Timestamp,
    /// Until when the department may send it back, counted from the taking over.
    pub return_until: Timestamp,
}

/// How a case of an earlier register ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedOutcome {
    /// Resolved, explained, declined, withdrawn or transferred.
    pub kind: CaseState,
    /// When.
    pub at: Timestamp,
    /// How it was solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<Resolution>,
    /// Which exclusion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<Exclusion>,
    /// The result in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// What the applicant said of the outcome, as an earlier register has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImportedFeedback {
    /// Whether it is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<Solved>,
    /// How satisfied he is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// How he was asked; `unknown` as a rule.
    pub mode: Mode,
}

/// Where to go instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Remedy {
    /// The right body.
    pub body: String,
    /// How to reach it: a window, a number of an office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// The desk does not take it on, and says why and where to go instead (不予纳入).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Declined {
    /// Which exclusion.
    pub exclusion: Exclusion,
    /// Why it applies here.
    pub reason: String,
    /// Where to go instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
    /// The second person who looked (E1, E10).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second_check_by: Option<String>,
}

/// A paper that was handed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceivedItem {
    /// What it is.
    pub name: String,
    /// Why it is needed, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<String>,
}

/// The applicant handed in papers (收到材料).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MaterialsReceived {
    /// What came.
    pub items: Vec<ReceivedItem>,
    /// True when everything that was asked for is there.
    pub complete: bool,
}

/// Somebody asked the applicant how it went (回访).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedbackRecorded {
    /// False when nobody answered; such a try counts towards closing.
    pub responded: bool,
    /// Whether the matter is solved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solved: Option<Solved>,
    /// How satisfied the applicant is; none: not rated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// In the applicant's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// How he was asked.
    pub mode: Mode,
}

impl FeedbackRecorded {
    /// True for a grade of 1 or 2 or an unsolved matter: opens a rectification by itself.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        self.responded && (self.grade.is_some_and(Grade::is_bad) || self.solved == Some(Solved::No))
    }
}

/// The applicant asked to take the case up again (重启).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reopened {
    /// Why.
    pub reason: ReopenReason,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The new promise, counted from now.
    pub due_at: Timestamp,
    /// True when the promise lies beyond the last published calendar year.
    #[serde(default)]
    pub provisional: bool,
    /// How many working days were promised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_days: Option<u32>,
}

/// The applicant no longer wants it (撤回).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    /// Why.
    pub reason: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The case has to do with another one (关联案件).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Linked {
    /// The other case.
    pub case_id: CaseId,
    /// How the other case stands to this one.
    pub relation: LinkRelation,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// True when the house wrote it because the other case was linked to this one.
    #[serde(default)]
    pub reciprocal: bool,
}

/// Something written down before was wrong (更正); history is never edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Corrected {
    /// Which field of the case.
    pub field: String,
    /// The right value; none when it is personal and stands in `sealed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The right value of a personal field, sealed like the applicant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<String>,
    /// Why.
    pub reason: String,
}

/// The case's data key was destroyed (删除个人信息); nobody can read the applicant any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonalDataErased {
    /// Why.
    pub reason: ErasureReason,
}
