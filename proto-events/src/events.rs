//! Every event of a case, typed: what happened, in the past tense.
//!
//! Invariants: a published event is never edited; an optional field may be added (with
//! `#[serde(default)]`), anything else is a new version with an upcaster. Readers ignore fields that
//! they do not know. No personal data in clear: the applicant is sealed, free text has been scanned.
//!
//! To add an event: add its struct to the file of the service that writes it, one line to
//! `case_events!` below, a sample in `proto-events/samples`, its fold in `casework::case`, and run
//! the golden tests with `UPDATE_GOLDEN=1`.

pub mod escalation;
pub mod intake;
pub mod routing;

use alloc::string::{String, ToString};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::event_kinds;

pub use escalation::*;
pub use intake::*;
pub use routing::*;

/// What every event type of a case begins with.
pub const TYPE_PREFIX: &str = "cn.unstuck.case.";

/// The service that writes an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// A citizen's facts.
    Intake,
    /// Who handles the case, and its outcome.
    Routing,
    /// Time and help.
    Escalation,
    /// What the district learns from its cases.
    Learning,
}

impl Service {
    /// The service's name, as in `ce-source`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Routing => "routing",
            Self::Escalation => "escalation",
            Self::Learning => "learning",
        }
    }
}

macro_rules! case_events {
    ($( $variant:ident, $name:literal, v $version:literal, $service:ident, $zh:literal; )+) => {
        event_kinds! {
            /// One event of a case.
            #[derive(Debug, Clone, PartialEq)]
            CaseEvent,
            /// Which event it is, without its data.
            CaseEventKind, "cn.unstuck.case.";
            $( $variant, $name, v $version, $zh; )+
        }

        impl CaseEventKind {
            /// The service that writes it.
            #[must_use]
            pub const fn service(self) -> Service {
                match self { $(Self::$variant => Service::$service),+ }
            }

            /// Reads the data of this kind of event from the body of a message, without a tree in between.
            ///
            /// # Errors
            /// Says what is no JSON or does not fit, as serde puts it.
            pub fn read_body(self, body: &[u8]) -> Result<CaseEvent, serde_json::Error> {
                match self {
                    $(Self::$variant => serde_json::from_slice(body).map(CaseEvent::$variant)),+
                }
            }
        }
    };
}

case_events! {
    Opened, "opened", v 1, Intake, "登记";
    Declined, "declined", v 1, Intake, "不予纳入";
    Forwarded, "forwarded", v 1, Routing, "转办";
    Accepted, "accepted", v 1, Routing, "签收";
    ApplicantContacted, "applicant_contacted", v 1, Routing, "联系群众";
    Returned, "returned", v 1, Routing, "退单";
    Arbitrated, "arbitrated", v 1, Routing, "裁定";
    JointHandlingAssigned, "joint_handling_assigned", v 1, Routing, "联办";
    PartCompleted, "part_completed", v 1, Routing, "联办事项完成";
    MaterialsRequested, "materials_requested", v 1, Routing, "一次性告知";
    MaterialsReceived, "materials_received", v 1, Intake, "收到材料";
    ProgressNoted, "progress_noted", v 1, Routing, "进展";
    TaskForceConvened, "task_force_convened", v 1, Escalation, "成立专班";
    TaskForceMet, "task_force_met", v 1, Escalation, "专班会商";
    TaskForceActionDone, "task_force_action_done", v 1, Escalation, "专班任务完成";
    TaskForceDissolved, "task_force_dissolved", v 1, Escalation, "专班解散";
    SpecialHandlingRequested, "special_handling_requested", v 1, Escalation, "提请特事特办";
    SpecialHandlingChecked, "special_handling_checked", v 1, Escalation, "层层把关";
    SpecialHandlingDecided, "special_handling_decided", v 1, Escalation, "特事特办决定";
    SpecialHandlingReviewed, "special_handling_reviewed", v 1, Escalation, "特事特办回头看";
    NotDoableDetermined, "not_doable_determined", v 1, Routing, "认定不能办";
    Explained, "explained", v 1, Routing, "解释";
    Resolved, "resolved", v 1, Routing, "办成";
    ClockPaused, "clock_paused", v 1, Escalation, "暂停计时";
    ClockResumed, "clock_resumed", v 1, Escalation, "恢复计时";
    DeadlineExtended, "deadline_extended", v 1, Escalation, "延期";
    DeadlineRecalculated, "deadline_recalculated", v 1, Escalation, "时限重算";
    Reclassified, "reclassified", v 1, Routing, "改分类";
    Escalated, "escalated", v 1, Escalation, "督办";
    Urged, "urged", v 1, Escalation, "催办";
    FeedbackRecorded, "feedback_recorded", v 1, Intake, "回访";
    RectificationOpened, "rectification_opened", v 1, Escalation, "启动整改";
    RectificationCompleted, "rectification_completed", v 1, Escalation, "整改完成";
    Reopened, "reopened", v 1, Intake, "重启";
    Withdrawn, "withdrawn", v 1, Intake, "撤回";
    Transferred, "transferred", v 1, Routing, "移送";
    Closed, "closed", v 1, Escalation, "结案";
    Linked, "linked", v 1, Intake, "关联案件";
    Corrected, "corrected", v 1, Intake, "更正";
    PersonalDataErased, "personal_data_erased", v 1, Intake, "删除个人信息";
    Imported, "imported", v 1, Intake, "台账转入";
}

/// What a center with a server of its own may write of a case: that it was opened, and the facts of its citizen, which
/// commute with everything that the district decides meanwhile.
pub const OF_A_CENTER: [CaseEventKind; 5] = [
    CaseEventKind::Opened,
    CaseEventKind::MaterialsReceived,
    CaseEventKind::FeedbackRecorded,
    CaseEventKind::Reopened,
    CaseEventKind::Withdrawn,
];

impl CaseEvent {
    /// The full type with its version.
    #[must_use]
    pub const fn event_type(&self) -> &'static str {
        self.kind().event_type()
    }

    /// True for a citizen's fact that needs no knowledge of the case: it commutes with whatever the
    /// district decides, and is appended without an expectation (design 2, "many centers").
    #[must_use]
    pub const fn commutes(&self) -> bool {
        matches!(
            self,
            Self::MaterialsReceived(_)
                | Self::FeedbackRecorded(_)
                | Self::Reopened(_)
                | Self::Withdrawn(_)
        )
    }
}

/// How a person was reached, told or asked (方式): an open list, because ways of reaching people change
/// faster than software. Known ones have labels in [`Mode::label_zh`], others are shown as they are.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^[a-z][a-z0-9_]{0,31}$"))]
pub struct Mode(String);

/// The modes that have a label: code, Chinese, English.
const MODES: &[(&str, &str, &str)] = &[
    ("in_person", "当面", "In person"),
    ("oral", "口头", "Orally"),
    ("phone", "电话", "By telephone"),
    ("sms", "短信", "By text message"),
    ("wechat", "微信", "By WeChat"),
    ("video", "视频", "By video"),
    ("home_visit", "上门", "Home visit"),
    ("written", "书面", "In writing"),
    ("online", "网上", "Online"),
];

impl Mode {
    /// Every mode that has a label: code, Chinese, English.
    #[must_use]
    pub const fn labelled() -> &'static [(&'static str, &'static str, &'static str)] {
        MODES
    }

    /// The code as it stands in events.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The Chinese label, or the code itself.
    #[must_use]
    pub fn label_zh(&self) -> &str {
        MODES.iter().find(|mode| mode.0 == self.0).map_or(self.as_str(), |mode| mode.1)
    }

    /// The English label, or the code itself.
    #[must_use]
    pub fn label_en(&self) -> &str {
        MODES.iter().find(|mode| mode.0 == self.0).map_or(self.as_str(), |mode| mode.2)
    }
}

impl TryFrom<String> for Mode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = text.len() <= 32
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if fits {
            Ok(Self(text))
        } else {
            Err("a mode is 1 to 32 characters of a-z, 0-9 and '_', such as phone or in_person"
                .to_string())
        }
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.0
    }
}
