//! Refusals: a rule said no. Not an error: nothing is broken.
//!
//! To add a refusal: a variant here, its line in [`RefusalCode::page`], the rule in `decide`, a test there.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proto_events::codes::CaseState;

/// What is wrong with one field of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// JSON pointer into the body, `/basis`.
    pub pointer: String,
    /// What is wrong, for the person who typed it.
    pub detail: String,
}

/// Why a wish was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The wish itself is wrong, field by field (422).
    Invalid(Vec<FieldFault>),
    /// The actor may not wish it (403).
    Forbidden(String),
    /// There is no such case (404).
    NotFound,
    /// A rule of the work said no (409).
    Rule {
        /// Which rule.
        code: RefusalCode,
        /// What it means here.
        detail: String,
    },
}

impl Refusal {
    /// Refuses one field.
    #[must_use]
    pub fn invalid(pointer: &str, detail: &str) -> Self {
        let fault = FieldFault { pointer: pointer.to_owned(), detail: detail.to_owned() };
        Self::Invalid(alloc::vec![fault])
    }

    /// Refuses by a rule.
    #[must_use]
    pub fn rule(code: RefusalCode, detail: impl ToString) -> Self {
        Self::Rule { code, detail: detail.to_string() }
    }

    /// Refuses because the case is in a state in which this makes no sense.
    #[must_use]
    pub fn wrong_state(state: CaseState) -> Self {
        Self::rule(
            RefusalCode::WrongState,
            alloc::format!(
                "the case is {} ({}), where this cannot be done",
                state.code(),
                state.label_zh()
            ),
        )
    }
}

macro_rules! refusal_codes {
    ($( $variant:ident = $code:literal, $zh:literal, $en:literal; )+) => {
        /// The rule that said no (domain handbook, section 5).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RefusalCode {
            $( #[doc = $en] $variant, )+
        }

        impl RefusalCode {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as callers see it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it means, in Chinese and English, for its page.
            #[must_use]
            pub const fn page(self) -> (&'static str, &'static str) {
                match self { $(Self::$variant => ($zh, $en)),+ }
            }
        }
    };
}

refusal_codes! {
    WrongState = "wrong_state", "案件当前状态不能进行此操作。", "The case is in a state in which this cannot be done.";
    PiiInText = "pii_in_text", "文字中含有身份证号、电话或银行卡号，请删去后再提交；个人信息只填在申请人栏。", "Free text contains an ID, phone or bank card number. Take it out; personal data belongs into the applicant's fields only.";
    DuplicateCase = "duplicate_case", "同一申请人的同一事项已在办理，请在原案件上继续。", "The same applicant already has an open case about the same matter; go on there.";
    ImportedBefore = "imported_before", "该编号的事项已在系统中，导入不改动已有案件。", "The case stands in the district already; an import changes nothing in it.";
    PingPong = "ping_pong", "该部门已退回过此案，未经裁定不能再次转去。", "That department has already returned this case; only a ruling can send it there again.";
    ReturnTooLate = "return_too_late", "已过退单时限（一个工作日），请办理或提请裁定。", "The time limit for a return (one working day) has passed.";
    ReturnLimit = "return_limit", "每个部门只能退一次，每案最多退两次。", "A department may return a case once, and a case may be returned twice.";
    Arbitrated = "arbitrated", "已经裁定，裁定具有约束力，不能再退。", "A ruling was made; it is binding and the case cannot be returned.";
    PartsOpen = "parts_open", "还有部门的联办事项没有完成。", "A department's part is still open.";
    OneTimeNotice = "one_time_notice", "材料须一次性告知；没有新情况不能再次要求补充（行政许可法第三十二条）。", "Everything missing has to be said at once; a second request needs a new fact (Administrative License Law 32(4)).";
    SamePerson = "same_person", "须由另一人办理。", "Another person has to do this.";
    LayerMissing = "layer_missing", "前一层级尚未把关，不能跳过。", "A layer has not checked yet; none can be skipped.";
    SpecialHandlingMissing = "special_handling_missing", "以特事特办办结，须先有批准的特事特办。", "Resolving by special handling needs an approved special handling.";
    PauseOverdue = "pause_overdue", "已超期，不能暂停计时。", "An overdue clock cannot be paused.";
    TooLate = "too_late", "须在到期之前提出。", "This has to be done before the deadline.";
    ExtendedAlready = "extended_already", "只能延期一次。", "A deadline can be extended once.";
    SelfFeedback = "self_feedback", "回访须由非经办人、非经办部门的人员进行。", "Feedback has to be collected by somebody who is neither the handler nor of the handling department.";
    ReopenTooLate = "reopen_too_late", "已过重启期限；有新情况、依据有误或政策变化的除外。", "The time in which a case can be reopened has passed, except for a new fact, a wrong basis or a changed policy.";
    AlreadyTaskForce = "task_force_exists", "专班已经成立。", "A task force already sits on this case.";
    NoSuchAction = "no_such_action", "没有这项未完成的专班任务。", "There is no such open action of a task force.";
    RectificationOpen = "rectification_open", "差评整改尚未完成。", "The rectification of a bad review is not finished.";
    NoSuchPart = "no_such_part", "该部门没有未完成的联办事项。", "That department has no open part.";
    DayClosed = "day_closed", "该中心当日已日结，不能再计数。", "The center has closed that day; nothing can be counted for it any more.";
    PrecedentRetired = "precedent_retired", "该先例已废止，不能再适用。", "The precedent has been retired and cannot be applied any more.";
    NotAPrecedent = "not_a_precedent", "特事特办决定写明不作先例，或回头看已撤销，不能发布为先例。", "The special handling was decided not to be a precedent, or was revoked at its look-back.";
    ConditionsUnmet = "conditions_unmet", "该先例的适用条件没有全部满足，不能适用。", "Not all conditions of the precedent are met, so it cannot be applied.";
    ImprovementOpen = "improvement_open", "同一类问题的改进正在进行，请在原改进上继续。", "An improvement about the same kind of case is under way; go on there.";
    TooEarly = "too_early", "时间还不够，数据说明不了问题，请稍后再办。", "It is too early: not enough days have passed for the figures to say anything.";
    NotBetter = "not_better", "落实前后对比没有下降，不能认定见效。", "The rate has not fallen since, so it cannot be said to hold.";
}
