//! The register (登记簿): the book in which a clerk finds every matter again, one line a case.
//!
//! Invariants: the columns are those of the paper book, in its order, and every case has a cell in each; a cell follows
//! from the case, the names of the district and the time alone; who the applicant is comes in masked and is shown as it
//! comes. Nothing here knows of files: what a cell becomes in one is the business of whoever writes it.
//!
//! To add a column: a line in `columns!` below, its cell in `cells.rs`, a test in
//! `decide/tests/register.rs`, where cases are told by decisions.

mod cells;

use alloc::string::String;
use alloc::vec::Vec;

use proto_events::Timestamp;
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::rules::Rules;

/// The language of heads, labels and phrases. Texts of people and names of bodies stay as they were written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing to say yet.
    Empty,
    /// A text; never a formula.
    Text(String),
    /// An instant in the district's offset, written to the minute.
    Time(Timestamp),
    /// A count.
    Count(u64),
}

/// How much room the texts of a column want.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// A code or a few characters.
    Narrow,
    /// A name or an instant.
    Middle,
    /// Sentences.
    Wide,
}

macro_rules! columns {
    ($( $(#[$doc:meta])* $variant:ident = $zh:literal, $en:literal, $width:ident; )+) => {
        /// A column of the register.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Column {
            $(
                #[doc = $zh]
                $(#[$doc])*
                $variant,
            )+
        }

        impl Column {
            /// Every column, in the order of the book.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// What stands above it.
            #[must_use]
            pub const fn head(self, lang: Lang) -> &'static str {
                match (self, lang) {
                    $(
                        (Self::$variant, Lang::Zh) => $zh,
                        (Self::$variant, Lang::En) => $en,
                    )+
                }
            }

            /// How much room it wants.
            #[must_use]
            pub const fn width(self) -> Width {
                match self { $(Self::$variant => Width::$width),+ }
            }
        }
    };
}

columns! {
    CaseNo = "编号", "Case no.", Middle;
    OpenedAt = "登记时间", "Registered at", Middle;
    Center = "中心", "Center", Middle;
    Channel = "渠道", "Channel", Middle;
    ApplicantName = "反映人(脱敏)", "Applicant (masked)", Narrow;
    ApplicantPhone = "电话(脱敏)", "Telephone (masked)", Middle;
    Matter = "事项", "Matter", Middle;
    Demand = "反映问题", "Problem", Wide;
    BlockedStage = "受阻环节", "Blocked at", Middle;
    CauseProvisional = "原因(初判)", "Cause (provisional)", Middle;
    CauseConfirmed = "原因(确认)", "Cause (confirmed)", Middle;
    /// Who opened it.
    FirstReceiver = "首接人", "First receiver", Middle;
    Department = "责任部门", "Department", Middle;
    CoDepartments = "协办部门", "Co-departments", Middle;
    Complexity = "分类", "Complexity", Narrow;
    /// The promise as it stands, or as it stood at the outcome.
    DueAt = "应办时限", "Due at", Middle;
    /// When the department that has it got it.
    ForwardedAt = "转办时间", "Forwarded at", Middle;
    /// When that department signed for it.
    AcceptedAt = "签收时间", "Accepted at", Middle;
    /// When the applicant was first reached, by whichever department.
    FirstContactAt = "首次联系时间", "First contact at", Middle;
    Returns = "退回次数", "Returns", Narrow;
    TaskForce = "专班", "Task force", Wide;
    SpecialHandling = "特事特办", "Special handling", Wide;
    Outcome = "结果", "Outcome", Wide;
    /// The texts on which it cannot be done.
    PolicyBasis = "政策依据", "Policy basis", Wide;
    OutcomeAt = "办结时间", "Outcome at", Middle;
    /// By the final promise; never better than it is: an open case that is late says so.
    OnTime = "是否按时", "On time", Narrow;
    /// In the applicant's words.
    Solved = "是否解决", "Solved", Narrow;
    Grade = "满意度", "Satisfaction", Middle;
    Rectification = "整改", "Rectification", Wide;
    Improvements = "改进措施", "Improvements", Wide;
    /// When the district got it, if the line of its center was down when it was registered; else empty.
    ArrivedLate = "晚到送达时间", "Arrived late at", Middle;
}

/// What is known of a case beside its events.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The names of the bodies, and the offset in which instants are written.
    pub rules: &'a Rules,
    /// The name of the applicant, masked.
    pub name: &'a str,
    /// The telephone number, masked; none when it is not known.
    pub phone: Option<&'a str>,
    /// When it arrived, if that was late.
    pub arrived_late_at: Option<Timestamp>,
    /// What the district changes because of cases like this one.
    pub improvements: &'a [String],
    /// Now.
    pub now: Timestamp,
}

/// The cells of a case, one for each of [`Column::ALL`].
#[must_use]
pub fn cells(case: &Case, known: &Known<'_>, lang: Lang) -> Vec<Cell> {
    Column::ALL.iter().map(|column| cells::cell(*column, case, known, lang)).collect()
}

/// An instant as a clerk writes it: `2026-03-04 10:00`, in its own offset.
#[must_use]
pub fn written(at: Timestamp) -> String {
    alloc::format!("{}", at.format("%Y-%m-%d %H:%M"))
}

impl Lang {
    /// Takes the text of this language.
    #[must_use]
    pub fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}
