//! The names of the figures, with what each of them counts.
//!
//! Invariant: a name is never reused for another count. To add a figure, add a row to the table
//! below; the name is what callers and exports see.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A text is the name of no formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a figure")]
pub struct UnknownFormula;

/// What a figure is counted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Cases.
    Cases,
    /// The days of the centers: what they tallied, and whether they reported.
    Days,
    /// The audit trail.
    Audit,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// So many of so many; the numerator is part of the denominator.
    Share,
    /// A sum over so many.
    Mean,
    /// So many.
    Count,
    /// So long, in working days.
    Length,
}

impl Kind {
    /// The name as it stands in answers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Mean => "mean",
            Self::Count => "count",
            Self::Length => "length",
        }
    }
}

macro_rules! formulas {
    ($( $variant:ident, $name:literal, $kind:ident, $zh:literal, $en:literal, $zh_definition:literal, $definition:literal; )+) => {
        /// The formula of a figure (指标口径).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Formula {
            $(
                #[doc = $definition]
                #[serde(rename = $name)]
                $variant,
            )+
        }

        impl Formula {
            /// Every formula, in the order in which the district looks at them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name as it stands in answers and exports.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
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

            /// What is counted, in one Chinese sentence.
            #[must_use]
            pub const fn definition_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh_definition),+ }
            }

            /// What is counted, in one English sentence.
            #[must_use]
            pub const fn definition_en(self) -> &'static str {
                match self { $(Self::$variant => $definition),+ }
            }

            /// Tells what the figure is.
            #[must_use]
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),+ }
            }
        }
    };
}

formulas! {
    ResponseRate, "response_rate", Share, "响应率", "Response rate",
        "期内应首次联系的事项中，按时联系的占比。",
        "First contacts made in time, of the first contacts due in the period.";
    SolvedRate, "solved_rate", Share, "解决率", "Solved rate",
        "期内收到答复的回访中，答复“已解决”的占比。",
        "Answers \"solved\", of all callbacks answered in the period.";
    Satisfaction, "satisfaction", Share, "满意率", "Satisfaction",
        "期内收到的评价中，满意及以上（4、5分）的占比。",
        "Grades of 4 and 5, of all grades given in the period.";
    Satisfaction3, "satisfaction_3", Share, "满意率（含基本满意）", "Satisfaction, basically satisfied included",
        "期内收到的评价中，基本满意及以上（3分及以上）的占比。",
        "Grades of 3 and more, of all grades given in the period.";
    OnTime, "on_time", Share, "按时办结率", "On time",
        "最终时限在期内的事项（含逾期未结，不含未到期的在办）中，按最终时限办结的占比。",
        "Outcomes by the final due date, of all cases whose final due date lies in the period, open ones included once they are overdue.";
    OnTimeOriginal, "on_time_original", Share, "按原时限办结率", "On time by the original due date",
        "原定时限在期内的事项（含逾期未结，不含未到期的在办）中，不计延期和暂停、按原定时限办结的占比。",
        "Outcomes by the first due date, ignoring extensions and pauses, of all cases whose first due date lies in the period, open ones included once it has passed.";
    Open, "open", Count, "在办", "Open",
        "统计时尚无结果的事项数。",
        "Cases without an outcome at the time of the figure.";
    Overdue, "overdue", Count, "逾期在办", "Overdue",
        "统计时已过时限仍无结果的事项数，暂停的不计。",
        "Cases without an outcome whose due time has passed and whose clock runs.";
    DueWithinDay, "due_within_day", Count, "一个工作日内到期", "Due within a day",
        "统计时一个工作日内到期、尚无结果的事项数，暂停的不计。",
        "Cases without an outcome that are due within one working day and whose clock runs.";
    Oldest, "oldest", Length, "最久在办（工作日）", "Oldest open case, in working days",
        "在办事项中登记最早的一件已历时的工作日数。",
        "Working days since the oldest case without an outcome was opened.";
    LeadTimeP50, "lead_time_p50", Length, "办理时长中位数（工作日）", "Lead time, median, in working days",
        "期内有结果的事项从登记到结果的工作日数的中位数。",
        "Median of the working days from opening to outcome, of the cases with an outcome in the period.";
    LeadTimeP90, "lead_time_p90", Length, "办理时长90分位（工作日）", "Lead time, 90th percentile, in working days",
        "期内有结果的事项从登记到结果的工作日数的90分位数。",
        "90th percentile of the working days from opening to outcome, of the cases with an outcome in the period.";
    Returns, "returns", Count, "退回次数", "Returns",
        "期内部门退回的次数。",
        "Times that a department sent a case back in the period.";
    Dwell, "dwell", Mean, "部门停留（工作日）", "Dwell, in working days",
        "事项在部门停留的工作日总数除以停留次数。",
        "Working days that cases stayed with a department, per stay.";
    FirstTimeRight, "first_time_right", Share, "一次派准率", "First-time-right dispatch",
        "期内首次转办的事项中，未被首个部门退回的占比。",
        "Cases that the first department did not return, of the cases first forwarded in the period.";
    PingPongRate, "ping_pong_rate", Share, "来回推转率", "Ping-pong rate",
        "期内登记的事项中，被退回两次及以上或退回原部门的占比。",
        "Cases returned twice or sent back to a department that had returned them, of the cases opened in the period.";
    DoneRate, "done_rate", Share, "办成率", "Done rate",
        "期内有结果的事项中，办成的占比；解释告知不计入分子。",
        "Cases resolved, of all cases with an outcome in the period; explained ones are not in the numerator.";
    ExplainedShare, "explained_share", Share, "解释告知占比", "Explained share",
        "期内有结果的事项中，依规不能办并完成解释的占比。",
        "Cases that could not be done and were explained, of all cases with an outcome in the period.";
    ExplainedWithBasis, "explained_with_basis", Share, "解释附依据率", "Explained with a basis",
        "期内完成解释的事项中，附政策依据的占比。",
        "Explained cases that name a policy basis, of the cases explained in the period.";
    ExplainedJointly, "explained_jointly", Share, "联合解释率", "Explained jointly",
        "期内完成解释的事项中，有两个及以上单位共同解释的占比。",
        "Explained cases with a session by two or more bodies, of the cases explained in the period.";
    ExplainedUnderstood, "explained_understood", Share, "解释获理解率", "Explained and understood",
        "期内完成解释的事项中，当事人表示理解的占比。",
        "Explained cases in which the applicant said to have understood, of the cases explained in the period.";
    DeclinedShare, "declined_share", Share, "不予纳入占比", "Declined share",
        "期内登记的事项中，不予纳入的占比。",
        "Cases declined, of the cases opened in the period.";
    TaskForces, "task_forces", Count, "成立专班", "Task forces",
        "期内成立的专班数。",
        "Task forces convened in the period.";
    FirstMeetingDays, "first_meeting_days", Mean, "首次会商用时（工作日）", "Days to the first meeting",
        "期内首次会商的专班，从成立到会商的工作日平均数。",
        "Working days from convening to the first meeting, per task force that first met in the period.";
    SpecialHandlingRate, "special_handling_rate", Share, "特事特办率", "Special handling",
        "期内登记的事项中，批准特事特办的占比。",
        "Cases with an approved special handling, of the cases opened in the period.";
    SpecialLayersComplete, "special_layers_complete", Share, "层层把关完整率", "Special handling with all layers",
        "期内决定的特事特办中，各层把关齐全的占比。",
        "Special handlings with every layer checked, of those decided in the period.";
    ReopenRate, "reopen_rate", Share, "重启率", "Reopen rate",
        "期内有结果的事项中，此后被重启的占比。",
        "Cases reopened later, of the cases with an outcome in the period.";
    RectifiedInTime, "rectified_in_time", Share, "差评按时整改率", "Bad reviews put right in time",
        "期内应完成的差评整改中，按时完成的占比。",
        "Rectifications completed in time, of the rectifications due in the period.";
    Blockages, "blockages", Count, "受阻事项", "Blocked cases",
        "期内登记的事项数，按原因和环节、事项、部门、中心分布。",
        "Cases opened in the period, by cause and stage, by matter, by department and by center.";
    Recurrence, "recurrence", Share, "同类反复率", "Recurrence",
        "期内登记并已办成或解释的事项中，30天内同一原因、同一事项、同一部门达三件及以上的占比。",
        "Cases of which three or more of the same cause, matter and department were opened within 30 days, of the cases opened in the period and resolved or explained.";
    Consultations, "consultations", Count, "咨询量", "Consultations",
        "期内各中心登记的咨询数。",
        "Questions that the centers counted in the period.";
    ConsultationConversion, "consultation_conversion", Share, "咨询转登记率", "Consultations that became cases",
        "期内登记的咨询中，转为事项登记的占比。",
        "Consultations that became a case, of the consultations tallied in the period.";
    Heartbeat, "heartbeat", Share, "日报率", "Heartbeat",
        "期内各中心应报工作日中，已报日结（含零报告）的占比。",
        "Working days that centers reported, zero included, of centers times working days in the period.";
    Pauses, "pauses", Count, "暂停次数", "Pauses",
        "期内暂停时限的次数。",
        "Pauses of a clock begun in the period.";
    Extensions, "extensions", Count, "延期次数", "Extensions",
        "期内延长时限的次数。",
        "Extensions granted in the period.";
    LateReclassifications, "late_reclassifications", Count, "临期改级次数", "Late reclassifications",
        "期内时限过八成后延长办理类别的次数。",
        "Reclassifications to a longer limit after 80 % of the time, in the period.";
    Merges, "merges", Count, "并案次数", "Merges",
        "期内被关联为重复件的次数。",
        "Cases linked to another as its duplicate in the period.";
    Withdrawals, "withdrawals", Count, "撤回件数", "Withdrawals",
        "期内撤回的事项数。",
        "Cases withdrawn in the period.";
    Imported, "imported", Count, "台账转入件数", "Taken over from an earlier register",
        "期内登记的事项中，从原有台账转入的件数；转入前的时限、流转和结果不计入任何比率。",
        "Cases taken over from an earlier register, of those opened in the period; what was promised and done before is in no rate.";
    SelfFeedbackRefused, "self_feedback_refused", Count, "拒绝自评次数", "Refused self-feedback",
        "期内因承办方自行回访而被拒绝的次数。",
        "Feedback refused in the period because the handling side collected it.";
}

impl Formula {
    /// Tells what the figure is counted over.
    #[must_use]
    pub const fn source(self) -> Source {
        match self {
            Self::Consultations | Self::ConsultationConversion | Self::Heartbeat => Source::Days,
            Self::SelfFeedbackRefused => Source::Audit,
            _ => Source::Cases,
        }
    }

    /// The rates that what this figure counts could flatter: it stands beside them. Empty for all figures but those of
    /// the integrity panel.
    #[must_use]
    pub const fn could_flatter(self) -> &'static [Self] {
        match self {
            Self::Pauses | Self::Extensions => &[Self::OnTime, Self::Overdue],
            Self::LateReclassifications => &[Self::OnTime, Self::Overdue, Self::LeadTimeP90],
            Self::Merges => &[Self::PingPongRate, Self::Recurrence, Self::SolvedRate],
            Self::Withdrawals => &[Self::DoneRate, Self::OnTime, Self::SolvedRate],
            Self::SelfFeedbackRefused => &[Self::SolvedRate, Self::Satisfaction],
            _ => &[],
        }
    }

    /// Tells whether the figure is a share, so that an interval belongs to small counts.
    #[must_use]
    pub const fn is_share(self) -> bool {
        matches!(self.kind(), Kind::Share)
    }

    /// Tells whether the figure is a count or a length, not divided by anything.
    #[must_use]
    pub const fn is_count(self) -> bool {
        matches!(self.kind(), Kind::Count | Kind::Length)
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Formula {
    type Err = UnknownFormula;

    fn from_str(text: &str) -> Result<Self, UnknownFormula> {
        Self::ALL.iter().copied().find(|formula| formula.name() == text).ok_or(UnknownFormula)
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_formula_has_a_stable_name_labels_and_one_sentence() {
        let names: BTreeSet<_> = Formula::ALL.iter().map(|formula| formula.name()).collect();
        assert_eq!(names.len(), Formula::ALL.len());
        for formula in Formula::ALL {
            assert!(
                formula
                    .name()
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
            assert_eq!(formula.name().parse(), Ok(*formula));
            assert_eq!(serde_json::to_value(formula).unwrap(), formula.name());
            assert!(!formula.label_zh().is_empty() && !formula.label_en().is_empty());
            assert!(
                formula.definition_zh().ends_with('。')
                    && formula.definition_zh().matches('。').count() == 1
            );
            assert!(
                formula.definition_en().ends_with('.')
                    && formula.definition_en().matches(". ").count() == 0
            );
        }
        assert_eq!("ResponseRate".parse::<Formula>(), Err(UnknownFormula));
    }
}
