//! Commands: what somebody wishes to happen to a case. A wish may be refused.
//!
//! The bodies are those of the HTTP contract; what a handler looked up (sealed data, the second
//! person's record, generated codes) comes in with [`Context`] or stands in the wish itself.

use alloc::string::String;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{
    Cause, Channel, Clock, ClosingCode, Complexity, ConveneTrigger, Exclusion, ExplanationMode,
    Grade, Level, ReopenReason, Resolution, ReturnReason, Role, Solved, Stage, Understood,
};
use proto_events::events::{
    DepartmentPosition, Explainer, Matter, MeetingAction, Member, Mode, Notice, PolicyBasis,
    ReceivedItem, Remedy, SealedApplicant, WindowContact,
};
use proto_events::ids::{CenterId, DepartmentId, ReceiptCode};

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

/// Everything that can be wished of a case that exists, and the opening of one.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of the HTTP contract and of the events")]
pub enum Command {
    /// Opens a case.
    Open(Open),
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
    ];
}

impl Command {
    /// Which wish it is.
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::Open(_) => CommandKind::Open,
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
