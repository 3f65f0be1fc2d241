//! Commands: what somebody wishes to happen to a case. A wish may be refused.
//!
//! The bodies are those of the HTTP contract; what a handler looked up (sealed data, the second
//! person's record, generated codes) comes in with [`Context`] or stands in the wish itself.

use alloc::string::String;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{
    Cause, Channel, CheckLayer, Clock, ClosingCode, Complexity, ConveneTrigger, ErasureReason,
    Exclusion, ExplanationMode, Grade, Level, LinkRelation, PauseReason, ReopenReason, Resolution,
    ReturnReason, ReviewResult, Role, Solved, Stage, Understood,
};
use proto_events::events::{
    DepartmentPosition, Explainer, ImportedOutcome, Matter, MeetingAction, Member, Mode, Notice,
    PolicyBasis, ReceivedItem, RegisterRow, Remedy, RequestedItem, SealedApplicant, WindowContact,
};
use proto_events::ids::{CaseId, CenterId, DepartmentId, ReceiptCode};

/// The wish to open a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// Which center takes it on.
    pub center: CenterId,
    /// How it came in.
    pub channel: Channel,
    /// The matter.
    pub matter: Matter,
    /// Where it is stuck.
    pub blocked_stage: Stage,
    /// Why, as far as can be told.
    pub cause: Cause,
    /// What the applicant asks for.
    pub demand: String,
    /// What happened before.
    pub summary: Option<String>,
    /// Visits in vain.
    pub attempts_before: u32,
    /// How hard it looks.
    pub complexity: Complexity,
    /// The applicant, already sealed by the handler (in `decide` the clear text is never seen).
    pub applicant: SealedApplicant,
    /// The notice that was given.
    pub notice: Notice,
    /// Number for people, made by the handler.
    pub case_no: String,
    /// Code for the receipt, made by the handler.
    pub receipt_code: ReceiptCode,
}

/// The wish to take a case over from an earlier register (台账转入).
#[derive(Debug, Clone, PartialEq)]
pub struct Import {
    /// Its opening, as the register has it. The instant of the wish is that of the opening.
    pub open: Open,
    /// Where it stood.
    pub from: RegisterRow,
    /// When it is taken over.
    pub imported_at: Timestamp,
    /// The promise that the register has; the district's limits otherwise.
    pub due_at: Option<Timestamp>,
    /// Who opened it there, by the account that he has here.
    pub first_receiver: Option<String>,
    /// The cause as it turned out.
    pub cause_confirmed: Option<Cause>,
    /// Who has it, or had it when it ended.
    pub department: Option<DepartmentId>,
    /// Who helped.
    pub co_departments: Vec<DepartmentId>,
    /// When the department got it; with the opening when nobody wrote it down.
    pub forwarded_at: Option<Timestamp>,
    /// When it signed for it.
    pub accepted_at: Option<Timestamp>,
    /// When the applicant was first reached.
    pub first_contact_at: Option<Timestamp>,
    /// How often a department had sent it back.
    pub returns: u32,
    /// What was written of a task force.
    pub task_force: Option<String>,
    /// What was written of a special handling.
    pub special_handling: Option<String>,
    /// How it ended.
    pub outcome: Option<ImportedOutcome>,
    /// The texts on which it could not be done.
    pub policy_basis: Option<String>,
    /// Whether it is solved, in the applicant's words.
    pub solved: Option<Solved>,
    /// How satisfied he is.
    pub grade: Option<Grade>,
    /// What was written of a rectification.
    pub rectification: Option<String>,
    /// What was written of improvements.
    pub improvements: Option<String>,
    /// The columns that were filled by whoever imports it.
    pub assumed: Vec<String>,
}

/// Everything that can be wished of a case that exists, and the opening of one.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the HTTP contract and of the events")]
pub enum Command {
    /// Opens a case.
    Open(Open),
    /// Takes a case over from an earlier register (the tool of the operator only).
    Import(alloc::boxed::Box<Import>),
    /// Does not take it on.
    Decline {
        exclusion: Exclusion,
        reason: String,
        remedy: Option<Remedy>,
        second_check_by: Option<String>,
    },
    /// Writes down papers that came in.
    ReceiveMaterials { items: Vec<ReceivedItem>, complete: bool },
    /// Writes down what the applicant said.
    RecordFeedback {
        responded: bool,
        solved: Option<Solved>,
        grade: Option<Grade>,
        comment: Option<String>,
        mode: Mode,
    },
    /// Takes the case up again.
    Reopen { reason: ReopenReason, note: Option<String> },
    /// Withdraws it.
    Withdraw { reason: String, note: Option<String> },
    /// Hands it to a department.
    Forward {
        department: DepartmentId,
        ask: String,
        contact: Option<WindowContact>,
        automatic: bool,
    },
    /// Signs for it; the handler is the actor unless named.
    Accept { handler: Option<String> },
    /// Writes down a contact with the applicant.
    Contact { mode: Mode, reached: bool },
    /// Writes down progress.
    NoteProgress { text: String, public: bool },
    /// Sends it back.
    Return {
        reason: ReturnReason,
        duty_basis: Option<String>,
        suggested_department: Option<DepartmentId>,
        note: String,
    },
    /// Rules whose it is.
    Arbitrate { department: DepartmentId, co_departments: Vec<DepartmentId>, basis: String },
    /// Determines that it cannot be done.
    DetermineNotDoable {
        basis: Vec<PolicyBasis>,
        facts: String,
        alternatives: Vec<String>,
        countersigned_by: String,
    },
    /// Explains it.
    Explain {
        mode: ExplanationMode,
        explainers: Vec<Explainer>,
        documents: Vec<String>,
        remedies: Vec<String>,
        understood: Understood,
    },
    /// Resolves it.
    Resolve { resolution: Resolution, result: String, cause: Cause, process_change_needed: bool },
    /// Convenes a task force; by a rule when the trigger is not a person.
    ConveneTaskForce {
        trigger: ConveneTrigger,
        chair: String,
        members: Vec<Member>,
        objective: String,
        reason: String,
    },
    /// Writes down a meeting.
    RecordMeeting {
        attendees: Vec<String>,
        positions: Vec<DepartmentPosition>,
        decisions: Vec<String>,
        actions: Vec<MeetingAction>,
    },
    /// Dissolves the task force.
    DissolveTaskForce { outcome: String },
    /// Takes one step of a clock (the timer only).
    Escalate { level: Level, clock: Clock, occurrence: u32 },
    /// Opens a rectification (the reaction only).
    OpenRectification,
    /// Finishes the rectification.
    CompleteRectification { action: String, result: String },
    /// Closes the case (the reaction and the timer only).
    Close { code: ClosingCode },
    /// Puts right what was written down; a personal field comes sealed.
    Correct { field: CorrectedField, value: Option<String>, sealed: Option<String>, reason: String },
    /// Says that it has to do with another case; the house says it of the other one by itself.
    Link { other: CaseId, relation: LinkRelation, note: Option<String>, reciprocal: bool },
    /// Has the applicant forgotten: the key of the case is destroyed.
    ErasePersonalData { reason: ErasureReason },
    /// Gives departments their parts of a joint matter.
    AssignParts { parts: Vec<PartWish> },
    /// Finishes a department's part.
    CompletePart { department: DepartmentId, result: String },
    /// Says everything that is missing, at once.
    RequestMaterials { items: Vec<RequestedItem>, mode: Mode, new_fact: Option<String> },
    /// Changes complexity or provisional cause.
    Reclassify { complexity: Option<Complexity>, cause: Option<Cause>, reason: String },
    /// Hands it to a body outside the district.
    Transfer { body: String, receipt: String, reason: String },
    /// Asks to waive a requirement in this one case.
    RequestSpecialHandling {
        facts: String,
        requirement_waived: String,
        discretion_basis: String,
        precedents_checked: Vec<String>,
    },
    /// Checks it for one layer.
    CheckSpecialHandling { layer: CheckLayer, finding: String },
    /// Decides it.
    DecideSpecialHandling {
        approved: bool,
        reason: String,
        conditions: Vec<String>,
        is_precedent: bool,
    },
    /// Looks back on an approved one.
    ReviewSpecialHandling { result: ReviewResult },
    /// Lets the handling clock stand still.
    Pause { reason: PauseReason, handler_informed: Option<bool> },
    /// Lets it run again; automatically at the end of the pause (the timer only).
    Resume { automatic: bool },
    /// Moves the promise, once.
    Extend { working_days: u32, reason: String, applicant_told_at: Timestamp },
    /// Counts a provisional promise again, after a year was published (the timer only).
    RecalculateDeadline,
    /// Asks to hurry.
    Urge { text: String },
    /// Finishes an action that a meeting gave.
    FinishAction { number: u32, result: String },
}

/// A department's part as it is wished for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartWish {
    /// The department.
    pub department: DepartmentId,
    /// What is asked of it.
    pub ask: String,
    /// By when; with the case when left out.
    pub due_at: Option<Timestamp>,
}

/// What can be put right by a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectedField {
    /// What the applicant asks for.
    Demand,
    /// What happened before.
    Summary,
    /// The matter's name.
    Matter,
    /// Where it is stuck.
    BlockedStage,
    /// How it came in.
    Channel,
    /// Visits in vain.
    AttemptsBefore,
    /// The applicant's name, telephone, ID number, address or care; stands sealed in the event.
    Personal(PersonalField),
}

/// A field of the applicant; what stands in it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonalField {
    /// The name.
    Name,
    /// The telephone.
    Phone,
    /// The ID number.
    IdNumber,
    /// The address.
    Address,
    /// The care needs.
    Care,
}

impl CorrectedField {
    /// Every field.
    pub const ALL: &'static [Self] = &[
        Self::Demand,
        Self::Summary,
        Self::Matter,
        Self::BlockedStage,
        Self::Channel,
        Self::AttemptsBefore,
        Self::Personal(PersonalField::Name),
        Self::Personal(PersonalField::Phone),
        Self::Personal(PersonalField::IdNumber),
        Self::Personal(PersonalField::Address),
        Self::Personal(PersonalField::Care),
    ];

    /// The name of the field in the case's JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Demand => "demand",
            Self::Summary => "summary",
            Self::Matter => "matter",
            Self::BlockedStage => "blocked_stage",
            Self::Channel => "channel",
            Self::AttemptsBefore => "attempts_before",
            Self::Personal(PersonalField::Name) => "name",
            Self::Personal(PersonalField::Phone) => "phone",
            Self::Personal(PersonalField::IdNumber) => "id_number",
            Self::Personal(PersonalField::Address) => "address",
            Self::Personal(PersonalField::Care) => "care",
        }
    }

    /// Finds a field by its name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }
}

/// Which wish it is, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each names the variant of `Command`")]
pub enum CommandKind {
    Open,
    Decline,
    ReceiveMaterials,
    RecordFeedback,
    Reopen,
    Withdraw,
    Forward,
    Accept,
    Contact,
    NoteProgress,
    Return,
    Arbitrate,
    DetermineNotDoable,
    Explain,
    Resolve,
    ConveneTaskForce,
    RecordMeeting,
    DissolveTaskForce,
    Escalate,
    OpenRectification,
    CompleteRectification,
    Close,
    Correct,
    Link,
    ErasePersonalData,
    AssignParts,
    CompletePart,
    RequestMaterials,
    Reclassify,
    Transfer,
    RequestSpecialHandling,
    CheckSpecialHandling,
    DecideSpecialHandling,
    ReviewSpecialHandling,
    Pause,
    Resume,
    Extend,
    RecalculateDeadline,
    Urge,
    FinishAction,
    Import,
}

impl CommandKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Open,
        Self::Decline,
        Self::ReceiveMaterials,
        Self::RecordFeedback,
        Self::Reopen,
        Self::Withdraw,
        Self::Forward,
        Self::Accept,
        Self::Contact,
        Self::NoteProgress,
        Self::Return,
        Self::Arbitrate,
        Self::DetermineNotDoable,
        Self::Explain,
        Self::Resolve,
        Self::ConveneTaskForce,
        Self::RecordMeeting,
        Self::DissolveTaskForce,
        Self::Escalate,
        Self::OpenRectification,
        Self::CompleteRectification,
        Self::Close,
        Self::Correct,
        Self::Link,
        Self::ErasePersonalData,
        Self::AssignParts,
        Self::CompletePart,
        Self::RequestMaterials,
        Self::Reclassify,
        Self::Transfer,
        Self::RequestSpecialHandling,
        Self::CheckSpecialHandling,
        Self::DecideSpecialHandling,
        Self::ReviewSpecialHandling,
        Self::Pause,
        Self::Resume,
        Self::Extend,
        Self::RecalculateDeadline,
        Self::Urge,
        Self::FinishAction,
        Self::Import,
    ];
}

impl Command {
    /// Which wish it is.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::Open(_) => CommandKind::Open,
            Self::Import(_) => CommandKind::Import,
            Self::Decline { .. } => CommandKind::Decline,
            Self::ReceiveMaterials { .. } => CommandKind::ReceiveMaterials,
            Self::RecordFeedback { .. } => CommandKind::RecordFeedback,
            Self::Reopen { .. } => CommandKind::Reopen,
            Self::Withdraw { .. } => CommandKind::Withdraw,
            Self::Forward { .. } => CommandKind::Forward,
            Self::Accept { .. } => CommandKind::Accept,
            Self::Contact { .. } => CommandKind::Contact,
            Self::NoteProgress { .. } => CommandKind::NoteProgress,
            Self::Return { .. } => CommandKind::Return,
            Self::Arbitrate { .. } => CommandKind::Arbitrate,
            Self::DetermineNotDoable { .. } => CommandKind::DetermineNotDoable,
            Self::Explain { .. } => CommandKind::Explain,
            Self::Resolve { .. } => CommandKind::Resolve,
            Self::ConveneTaskForce { .. } => CommandKind::ConveneTaskForce,
            Self::RecordMeeting { .. } => CommandKind::RecordMeeting,
            Self::DissolveTaskForce { .. } => CommandKind::DissolveTaskForce,
            Self::Escalate { .. } => CommandKind::Escalate,
            Self::OpenRectification => CommandKind::OpenRectification,
            Self::CompleteRectification { .. } => CommandKind::CompleteRectification,
            Self::Close { .. } => CommandKind::Close,
            Self::Correct { .. } => CommandKind::Correct,
            Self::Link { .. } => CommandKind::Link,
            Self::ErasePersonalData { .. } => CommandKind::ErasePersonalData,
            Self::AssignParts { .. } => CommandKind::AssignParts,
            Self::CompletePart { .. } => CommandKind::CompletePart,
            Self::RequestMaterials { .. } => CommandKind::RequestMaterials,
            Self::Reclassify { .. } => CommandKind::Reclassify,
            Self::Transfer { .. } => CommandKind::Transfer,
            Self::RequestSpecialHandling { .. } => CommandKind::RequestSpecialHandling,
            Self::CheckSpecialHandling { .. } => CommandKind::CheckSpecialHandling,
            Self::DecideSpecialHandling { .. } => CommandKind::DecideSpecialHandling,
            Self::ReviewSpecialHandling { .. } => CommandKind::ReviewSpecialHandling,
            Self::Pause { .. } => CommandKind::Pause,
            Self::Resume { .. } => CommandKind::Resume,
            Self::Extend { .. } => CommandKind::Extend,
            Self::RecalculateDeadline => CommandKind::RecalculateDeadline,
            Self::Urge { .. } => CommandKind::Urge,
            Self::FinishAction { .. } => CommandKind::FinishAction,
        }
    }

    /// The username of the second person that the wish names, and where it stands in the body.
    #[must_use]
    pub fn second_person(&self) -> Option<(&str, &'static str)> {
        match self {
            Self::Decline { second_check_by: Some(name), .. } => Some((name, "/second_check_by")),
            Self::DetermineNotDoable { countersigned_by, .. } => {
                Some((countersigned_by, "/countersigned_by"))
            }
            Self::Accept { handler: Some(name) } => Some((name, "/handler")),
            _ => None,
        }
    }
}

/// A member of the staff, as far as rules look at him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Username.
    pub username: String,
    /// Role.
    pub role: Role,
    /// His center.
    pub center: Option<CenterId>,
    /// His department.
    pub department: Option<DepartmentId>,
}

impl Actor {
    /// The timer or a reaction, by name.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { username: name.into(), role: Role::System, center: None, department: None }
    }
}

/// What a decision looks at besides the case and the wish.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// When the wish was made; for a fact of the past, when it happened.
    pub now: Timestamp,
    /// Who wishes it.
    pub actor: &'a Actor,
    /// The second person that the wish names, when there is such an account.
    pub second: Option<&'a Actor>,
    /// The district.
    pub rules: &'a crate::rules::Rules,
}
