//! The code lists of the work, each with its Chinese and English label.
//!
//! Invariants: a code, once published, keeps its meaning for ever; labels may be improved.
//! To add a code: append it to its list here, run the golden tests with `UPDATE_GOLDEN=1`, and say so in CHANGELOG.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is no code of the list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not one of the known codes")]
pub struct UnknownCode;

macro_rules! codes {
    (
        $(#[$doc:meta])*
        $name:ident { $( $(#[$variant_doc:meta])* $variant:ident = $code:literal, $zh:literal, $en:literal; )+ }
    ) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum $name {
            $(
                #[doc = $zh]
                $(#[$variant_doc])*
                #[serde(rename = $code)]
                $variant,
            )+
        }

        impl $name {
            /// Every code of the list, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it stands in events and answers.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The Chinese label.
            #[must_use]
            pub const fn label_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),+ }
            }

            /// The English label.
            #[must_use]
            pub const fn label_en(self) -> &'static str {
                match self { $(Self::$variant => $en),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.code())
            }
        }

        impl FromStr for $name {
            type Err = UnknownCode;

            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                match text { $($code => Ok(Self::$variant),)+ _ => Err(UnknownCode) }
            }
        }
    };
}

pub(crate) use codes;

codes! {
    /// How the applicant reached the desk (来件渠道).
    Channel {
        Window = "window", "反映窗口", "Window";
        GuideDesk = "guide_desk", "总咨询台", "Guide desk";
        Phone = "phone", "电话", "Telephone";
        Hotline12345 = "hotline_12345", "12345热线", "12345 hotline";
        Online = "online", "网上", "Online";
        Wechat = "wechat", "微信", "WeChat";
        Community = "community", "居委会代报", "Neighborhood committee";
        HomeVisit = "home_visit", "上门走访", "Home visit";
        Letter = "letter", "来信", "Letter";
        Proactive = "proactive", "未诉先办", "Before anyone complained";
    }
}

codes! {
    /// The stage of the official process at which the matter is stuck (卡在哪个环节).
    Stage {
        Consult = "consult", "咨询", "Consultation";
        Accept = "accept", "受理", "Acceptance";
        Review = "review", "审核", "Review";
        Approve = "approve", "审批", "Approval";
        Issue = "issue", "发证/发放", "Issue";
        Online = "online", "网办", "Online handling";
        After = "after", "事后", "Afterwards";
    }
}

codes! {
    /// The category of a cause (原因大类); the categories that the district named, plus information and the
    /// applicant's own.
    CauseCategory {
        Policy = "P", "政策", "Policy";
        System = "S", "系统", "System";
        Materials = "M", "材料要件", "Materials";
        Attitude = "A", "服务态度", "Attitude";
        Procedure = "Q", "办理程序", "Procedure";
        Information = "I", "信息告知", "Information";
        /// Never on a case that is handled: the exclusion side.
        Applicant = "X", "申请人自身", "The applicant's own";
    }
}

codes! {
    /// Why the matter is stuck (原因). A category alone is enough at opening; the sub-code is required at the end.
    Cause {
        Policy = "P", "政策", "Policy";
        PolicyGap = "P1", "政策空白", "Policy gap";
        PolicyConflict = "P2", "政策冲突", "Rules conflict";
        PolicyTransition = "P3", "新旧政策衔接", "Old-to-new transition";
        PolicyForbids = "P4", "现行规定不允许", "Current rules forbid it";
        PolicyLegacy = "P5", "历史遗留", "Legacy";
        PolicyReading = "P6", "各级理解不一", "Levels read it differently";
        System = "S", "系统", "System";
        SystemFault = "S1", "系统故障", "System fault";
        SystemNotShared = "S2", "数据未共享", "Data not shared";
        SystemWrongData = "S3", "数据有误或不一致", "Wrong or inconsistent data";
        SystemNotSupported = "S4", "系统不支持该情形", "Case not supported";
        SystemOnlineBroken = "S5", "网办走不通", "Online path broken";
        Materials = "M", "材料要件", "Materials";
        MaterialsNotIssuable = "M1", "材料无法开具", "Cannot be issued";
        MaterialsLost = "M2", "材料遗失或存于他处", "Lost or held elsewhere";
        MaterialsThirdParty = "M3", "第三方无法联系或不配合", "Third party unreachable or unwilling";
        MaterialsContradict = "M4", "材料互相矛盾", "Contradict each other";
        MaterialsNotInGuide = "M5", "指南未列明", "Not in the guide";
        MaterialsBeyondGuide = "M6", "超出指南要求", "Asked beyond the guide";
        MaterialsCircular = "M7", "互为前置", "Each needs the other first";
        Attitude = "A", "服务态度", "Attitude";
        AttitudeShirking = "A1", "推诿", "Shirking";
        AttitudeDelay = "A2", "拖延", "Delay";
        AttitudeManner = "A3", "态度生硬", "Manner";
        AttitudeNotTold = "A4", "未一次性告知", "Not told everything at once";
        AttitudeUnskilled = "A5", "业务不熟或误导", "Unskilled or misleading";
        Procedure = "Q", "办理程序", "Procedure";
        ProcedureNobody = "Q1", "无人负责", "Nobody responsible";
        ProcedureBackAndForth = "Q2", "来回推转", "Sent back and forth";
        ProcedurePastLimit = "Q3", "超过时限", "Past its limit";
        ProcedureCrossDistrict = "Q4", "跨区办理", "Crosses districts";
        ProcedureNotThisLevel = "Q5", "不属本级", "Not this level";
        ProcedureNoLead = "Q6", "联办事项无牵头", "Joint matter without a lead";
        Information = "I", "信息告知", "Information";
        InformationWhom = "I1", "不知找谁", "Whom to ask";
        InformationNotNotified = "I2", "未收到通知", "Not notified";
        InformationGuideUnclear = "I3", "指南不清楚", "Guide unclear";
        Applicant = "X", "申请人自身", "The applicant's own";
        ApplicantNotQualified = "X1", "不符合条件", "Does not qualify";
        ApplicantWillNot = "X2", "拒不提供", "Will not provide";
        ApplicantFalse = "X3", "材料虚假", "False";
        ApplicantGone = "X4", "失去联系", "Gone";
    }
}

impl Cause {
    /// The category that the cause belongs to: its first letter.
    #[must_use]
    pub fn category(self) -> CauseCategory {
        match self.code().as_bytes().first() {
            Some(b'P') => CauseCategory::Policy,
            Some(b'S') => CauseCategory::System,
            Some(b'M') => CauseCategory::Materials,
            Some(b'A') => CauseCategory::Attitude,
            Some(b'Q') => CauseCategory::Procedure,
            Some(b'I') => CauseCategory::Information,
            _ => CauseCategory::Applicant,
        }
    }

    /// True when the sub-code is there, as the end of a case requires.
    #[must_use]
    pub fn has_sub_code(self) -> bool {
        self.code().len() > 1
    }
}

codes! {
    /// How hard the matter is; decides the limit in working days (难易程度).
    Complexity {
        Simple = "simple", "简单", "Simple";
        Complex = "complex", "复杂", "Complex";
        Special = "special", "特殊", "Special";
        Hard = "hard", "疑难", "Hard";
    }
}

codes! {
    /// Why a case is not taken on (不予纳入). E1 and E10 need a second person; E4 and E6 the right body
    /// (行政许可法 32(2)).
    Exclusion {
        ApplicantsOwn = "E1", "申请人自身原因", "Applicant's own reason";
        Litigation = "E2", "诉讼或执法程序中", "Litigation or law enforcement";
        Petition = "E3", "信访程序中", "Petition in progress";
        NotGovernment = "E4", "不属政务服务", "Not a government service";
        PrivateDispute = "E5", "民事纠纷", "Private dispute";
        OtherDistrict = "E6", "属其他区", "Another district's";
        Emergency = "E7", "紧急求助", "Emergency";
        Secret = "E8", "涉密", "Secret";
        Duplicate = "E9", "同一事项已在办", "Same matter already open here";
        Abusive = "E10", "重复缠访", "Abusive repetition";
    }
}

codes! {
    /// Why a department sends a case back (退单原因). R1 and R2 need a suggested department, R1 its duty basis.
    ReturnReason {
        NotOurDuty = "R1", "不属本部门职责", "Not our duty";
        WrongPlace = "R2", "转办有误", "Wrong place";
        InformationMissing = "R3", "信息不全", "Information missing";
        AlreadyHandled = "R4", "已在办理", "Already being handled";
        NeedsRuling = "R5", "需裁定", "Needs a ruling";
    }
}

codes! {
    /// Why a clock stands still (暂停原因).
    PauseReason {
        WaitingApplicant = "H1", "等待申请人", "Waiting for the applicant";
        WaitingThirdParty = "H2", "等待第三方", "Waiting for a third party";
        StatutoryPeriod = "H3", "法定期间", "Statutory period";
        SystemDown = "H4", "系统停用", "System down";
        ForceMajeure = "H5", "不可抗力", "Force majeure";
    }
}

codes! {
    /// How a case was solved (办结方式).
    Resolution {
        Normal = "D1", "正常办结", "Done normally";
        PapersToFollow = "D2", "容缺办理", "Accepted with papers to follow";
        Coordinated = "D3", "部门协调办结", "Coordinated between departments";
        TaskForce = "D4", "专班办结", "By task force";
        SpecialHandling = "D5", "特事特办", "By special handling";
        DataFix = "D6", "系统或数据修正后办结", "After a system or data fix";
        ProcessFix = "D7", "指南或流程修正后办结", "After the guide or process was fixed";
        OnBehalf = "D8", "帮办代办", "Done on the applicant's behalf";
        Partly = "D9", "部分办结", "Partly done";
    }
}

codes! {
    /// How the answer was explained (解释方式); `joint` takes two or more bodies.
    ExplanationMode {
        InPerson = "in_person", "当面", "In person";
        Phone = "phone", "电话", "By telephone";
        Video = "video", "视频", "By video";
        HomeVisit = "home_visit", "上门", "Home visit";
        Joint = "joint", "多部门联合", "Jointly";
        Written = "written", "书面", "In writing";
    }
}

codes! {
    /// Whether the person understood the explanation (是否理解).
    Understood {
        Yes = "yes", "理解", "Yes";
        Partly = "partly", "部分理解", "Partly";
        No = "no", "不理解", "No";
    }
}

codes! {
    /// Whether the matter was solved, in the person's own words (是否解决); asked apart from satisfaction.
    Solved {
        Yes = "yes", "已解决", "Yes";
        Partly = "partly", "部分解决", "Partly";
        No = "no", "未解决", "No";
    }
}

codes! {
    /// The role in which a person acts (角色).
    Role {
        Clerk = "clerk", "窗口人员", "Clerk";
        Director = "director", "中心主任", "Center director";
        Handler = "handler", "部门承办人", "Department handler";
        DepartmentLead = "department_lead", "部门负责人", "Department lead";
        Coordinator = "coordinator", "区级协调员", "District coordinator";
        Callback = "callback", "回访员", "Callback officer";
        PrivacyOfficer = "privacy_officer", "个人信息保护专员", "Privacy officer";
        Auditor = "auditor", "审计员", "Auditor";
        Admin = "admin", "系统管理员", "Administrator";
        /// The timer and the reactions.
        System = "system", "系统定时", "System";
    }
}

codes! {
    /// The state of a case (案件状态).
    CaseState {
        Opened = "opened", "已登记", "Opened";
        Forwarded = "forwarded", "已转办", "Forwarded";
        InDepartment = "in_department", "部门办理中", "In department";
        Returned = "returned", "已退回", "Returned";
        InTaskForce = "in_task_force", "专班处理中", "In task force";
        NotDoable = "not_doable", "已认定不能办", "Not doable, to be explained";
        Resolved = "resolved", "已办成", "Resolved";
        Explained = "explained", "已解释", "Explained";
        Declined = "declined", "不予纳入", "Declined";
        Withdrawn = "withdrawn", "已撤回", "Withdrawn";
        Transferred = "transferred", "已移送", "Transferred";
        Closed = "closed", "已结案", "Closed";
    }
}

impl CaseState {
    /// True while somebody still has to bring the case to an outcome: the states that a clock runs in.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Self::Opened
                | Self::Forwarded
                | Self::InDepartment
                | Self::Returned
                | Self::InTaskForce
                | Self::NotDoable
        )
    }
}

codes! {
    /// Who the applicant is (反映人类型).
    ApplicantKind {
        Person = "person", "个人", "Person";
        Enterprise = "enterprise", "企业", "Enterprise";
        Other = "other", "其他组织", "Other organization";
    }
}

codes! {
    /// A care need (关怀需要); personal data, always sealed.
    Care {
        Elderly = "elderly", "老年人", "Elderly";
        Disabled = "disabled", "残疾人", "Disabled";
        Veteran = "veteran", "退役军人", "Veteran";
        LowIncome = "low_income", "低收入", "Low income";
        Minor = "minor", "未成年人", "Minor";
    }
}

codes! {
    /// Why a task force was convened (专班启动缘由).
    ConveneTrigger {
        Person = "person", "人工提请", "A person";
        TwoReturns = "two_returns", "两次退单", "Two returns";
        BackAndForth = "back_and_forth", "来回推转", "Sent back and forth";
        OverdueComplex = "overdue_complex", "复杂件逾期", "Overdue complex case";
        ReopenedUnsolved = "reopened_unsolved", "未解决重启", "Reopened unsolved";
    }
}

codes! {
    /// A department's position in a meeting (会商意见); an objection needs a basis.
    Position {
        Agree = "agree", "同意", "Agree";
        Object = "object", "反对", "Object";
        Abstain = "abstain", "保留", "Abstain";
    }
}

codes! {
    /// The four layers of checking a special handling (层层把关), lowest first.
    CheckLayer {
        Community = "community", "社区", "Community";
        Street = "street", "街道", "Street";
        Department = "department", "部门", "Department";
        District = "district", "区级", "District";
    }
}

codes! {
    /// Result of the look-back on a special handling (回头看).
    ReviewResult {
        Ok = "ok", "正常", "In order";
        Revoked = "revoked", "撤销", "Revoked";
    }
}

codes! {
    /// A limit that runs on a case (时钟).
    Clock {
        Handling = "handling", "办理时限", "Handling";
        FirstContact = "first_contact", "首次联系", "First contact";
        Return = "return", "退单时限", "Return";
        Arbitration = "arbitration", "裁定时限", "Arbitration";
        Explanation = "explanation", "解释时限", "Explanation";
        FirstMeeting = "first_meeting", "首次会商", "First meeting";
        SpecialCheck = "special_check", "把关时限", "Special check";
        LookBack = "look_back", "回头看时限", "Look-back";
        Part = "part", "联办时限", "Part of a joint matter";
        Callback = "callback", "回访时限", "Callback";
        BadReviewContact = "bad_review_contact", "差评联系", "Bad review contact";
        BadReviewFix = "bad_review_fix", "差评整改", "Bad review fix";
    }
}

codes! {
    /// How far a clock has climbed (督办级别): two warnings, then the people who are told.
    Level {
        Warning50 = "warning_50", "时限过半提醒", "Half of the time has passed";
        Warning80 = "warning_80", "临期提醒", "Four fifths of the time have passed";
        Director = "director", "到期报中心主任", "Due: the center director";
        DepartmentLead = "department_lead", "逾期报部门负责人", "Overdue: the department lead";
        Coordinator = "coordinator", "逾期报区级协调员", "Overdue: the district coordinator";
        LeadingGroup = "leading_group", "逾期报领导小组", "Overdue: the leading group's list";
    }
}

impl Level {
    /// Rank of an escalation: 0 for a warning, 1 director, 2 department lead, 3 coordinator, 4 leading group.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Warning50 | Self::Warning80 => 0,
            Self::Director => 1,
            Self::DepartmentLead => 2,
            Self::Coordinator => 3,
            Self::LeadingGroup => 4,
        }
    }
}

codes! {
    /// Why a case is taken up again (重启原因). The last three have no time limit.
    ReopenReason {
        NotSolved = "not_solved", "未解决", "Not solved";
        Partial = "partial", "只解决了一部分", "Partly solved";
        NewFact = "new_fact", "有新情况", "New fact";
        WrongBasis = "wrong_basis", "依据有误", "Wrong basis";
        PolicyChanged = "policy_changed", "政策有变", "Policy changed";
    }
}

codes! {
    /// Why a case is closed (结案方式).
    ClosingCode {
        FeedbackRecorded = "feedback_recorded", "已回访", "Feedback recorded";
        NotReached = "not_reached", "多次回访未联系上", "Three tries on two days";
        WindowPassed = "window_passed", "回访期满", "Ten working days passed";
    }
}

codes! {
    /// How one case stands to another (关联关系).
    LinkRelation {
        /// The other case is about the same matter of the same applicant.
        Duplicate = "duplicate", "重复件", "Duplicate";
        Earlier = "earlier", "前案", "Came before";
        Later = "later", "后续件", "Came after";
        Related = "related", "相关件", "Related";
    }
}

impl LinkRelation {
    /// How this case stands to the other one, when the other stands so to this one.
    #[must_use]
    pub const fn reciprocal(self) -> Self {
        match self {
            Self::Earlier => Self::Later,
            Self::Later => Self::Earlier,
            Self::Duplicate | Self::Related => self,
        }
    }
}

codes! {
    /// Why personal data is erased (删除缘由; 个人信息保护法 47).
    ErasureReason {
        Retention = "retention", "保存期满", "Retention is over";
        Request = "request", "本人请求", "The person asked";
    }
}

/// A grade of satisfaction (满意度; 好差评 GB/T 39734): 5 very satisfied to 1 very dissatisfied.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "u8", into = "u8")]
#[schemars(with = "u8", extend("minimum" = 1, "maximum" = 5))]
pub struct Grade(u8);

impl Grade {
    /// The grade as a number, 1 to 5.
    #[must_use]
    pub const fn value(self) -> u8 {
        self.0
    }

    /// Every grade, the best first.
    pub const ALL: [Self; 5] = [Self(5), Self(4), Self(3), Self(2), Self(1)];

    /// The Chinese label, as GB/T 39734 has it.
    #[must_use]
    pub const fn label_zh(self) -> &'static str {
        match self.0 {
            5 => "非常满意",
            4 => "满意",
            3 => "基本满意",
            2 => "不满意",
            _ => "非常不满意",
        }
    }

    /// The English label.
    #[must_use]
    pub const fn label_en(self) -> &'static str {
        match self.0 {
            5 => "Very satisfied",
            4 => "Satisfied",
            3 => "Basically satisfied",
            2 => "Dissatisfied",
            _ => "Very dissatisfied",
        }
    }

    /// True for 4 and 5.
    #[must_use]
    pub const fn is_satisfied(self) -> bool {
        self.0 >= 4
    }

    /// True for 1 and 2: a bad review, which opens a rectification by itself.
    #[must_use]
    pub const fn is_bad(self) -> bool {
        self.0 <= 2
    }
}

impl TryFrom<u8> for Grade {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, String> {
        if (1..=5).contains(&value) {
            Ok(Self(value))
        } else {
            Err(alloc::format!("a grade is 1 to 5, not {value}"))
        }
    }
}

impl From<Grade> for u8 {
    fn from(grade: Grade) -> Self {
        grade.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_belongs_to_the_category_of_its_first_letter() {
        for cause in Cause::ALL {
            assert!(cause.code().starts_with(cause.category().code()), "{cause}");
        }
    }

    #[test]
    fn a_code_reads_back_from_its_text() {
        for state in CaseState::ALL {
            assert_eq!(state.code().parse::<CaseState>(), Ok(*state));
        }
        assert_eq!("Opened".parse::<CaseState>(), Err(UnknownCode));
    }

    #[test]
    fn a_grade_outside_one_to_five_is_refused() {
        assert!(Grade::try_from(0).is_err());
        assert!(Grade::try_from(6).is_err());
        assert!(Grade::try_from(2).is_ok_and(Grade::is_bad));
    }
}
