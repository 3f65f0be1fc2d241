//! How a row says that its case ended, and what the applicant said of it.

use proto_events::codes::{CaseState, Exclusion, Grade, Resolution, Solved};
use proto_events::events::ImportedOutcome;

use super::Cells;
use crate::earlier::cells::{self, Found};
use crate::earlier::columns::Field;

impl Cells<'_, '_> {
    /// How it ended: as our own export writes it, or in a word; none while it is open.
    pub(super) fn outcome(&mut self) -> Option<ImportedOutcome> {
        let at = self.instant(Field::OutcomeAt, false);
        let text = self.cell(Field::Outcome).unwrap_or_default();
        let mapped = self.reader.mapping.value(Field::Outcome, &text).map(str::to_owned);
        let parts: Vec<String> = mapped
            .as_deref()
            .unwrap_or(&text)
            .split(['；', ';'])
            .map(|part| part.trim().to_owned())
            .collect();
        let first = parts.first().map_or("", String::as_str);
        let (kind, is_sure, is_word) = match ended(first) {
            Ended::Open if at.is_some() => (CaseState::Resolved, false, false),
            Ended::Open => return None,
            Ended::As(kind) => (kind, true, true),
            Ended::Perhaps(kind) => (kind, false, false),
            Ended::Unknown if at.is_some() => (CaseState::Resolved, false, false),
            Ended::Unknown => {
                self.fault(Field::Outcome, "says neither that it is open nor how it ended, and there is no time of its end; name it under [values.outcome] (无法判断是否办结)");
                return None;
            }
        };
        let Some(at) = at else {
            self.fault(
                Field::OutcomeAt,
                "is empty, though the case has ended (已办结但无办结时间)",
            );
            return None;
        };
        if !is_sure {
            let label = kind.label_zh();
            self.assume(Field::Outcome, format!("is taken as {label} ({})", kind.code()));
        }
        let mut rest = parts.iter().skip(usize::from(is_word)).peekable();
        let surely = |found: Option<Found<Resolution>>| match found {
            Some(Found::Surely(found)) => Some(found),
            _ => None,
        };
        let resolution = rest.peek().and_then(|part| surely(cells::code(part)));
        let exclusion = rest.peek().and_then(|part| match cells::code::<Exclusion>(part) {
            Some(Found::Surely(found)) => Some(found),
            _ => None,
        });
        if resolution.is_some() || exclusion.is_some() {
            rest.next();
        }
        let result: Vec<&str> = rest.map(String::as_str).filter(|part| !part.is_empty()).collect();
        let result = Some(result.join("；")).filter(|text| !text.is_empty());
        Some(ImportedOutcome { kind, at, resolution, exclusion, result })
    }

    pub(super) fn solved(&mut self) -> Option<Solved> {
        let text = self.cell(Field::Solved)?;
        match text.trim() {
            "是" | "已解决" => Some(Solved::Yes),
            "否" | "未解决" => Some(Solved::No),
            "-" | "/" | "无" | "未回访" => None,
            _ => self.code(Field::Solved),
        }
    }

    pub(super) fn grade(&mut self) -> Option<Grade> {
        let text = self.cell(Field::Grade)?;
        let found = cells::grade(&text);
        if found.is_none() && !cells::is_nothing(&text) && !text.contains("未") {
            self.fault(
                Field::Grade,
                "is no grade from 1 to 5 and none of the words for one (无法识别)",
            );
        }
        found
    }
}

/// What the first word of an outcome says.
enum Ended {
    Open,
    As(CaseState),
    Perhaps(CaseState),
    Unknown,
}

fn ended(word: &str) -> Ended {
    let (label, _) = cells::unbracketed(word);
    if let Some(Found::Surely(state)) = cells::code::<CaseState>(word) {
        return match state {
            CaseState::Resolved
            | CaseState::Explained
            | CaseState::Declined
            | CaseState::Withdrawn
            | CaseState::Transferred => Ended::As(state),
            CaseState::Closed => Ended::Perhaps(CaseState::Resolved),
            _ => Ended::Open,
        };
    }
    match label.trim() {
        "" | "在办" | "办理中" | "未办结" | "待办" | "处理中" | "否" | "Open" | "open" => {
            Ended::Open
        }
        "已解决" | "办成" | "已办成" => Ended::As(CaseState::Resolved),
        "已办结" | "办结" | "完成" | "已完成" | "是" => {
            Ended::Perhaps(CaseState::Resolved)
        }
        "不予受理" | "不予纳入" | "不受理" => Ended::As(CaseState::Declined),
        "撤回" | "已撤回" | "撤销" => Ended::As(CaseState::Withdrawn),
        "移送" | "已移送" => Ended::As(CaseState::Transferred),
        "已解释" | "解释" | "不能办" | "不能办理" | "依规不能办" => {
            Ended::As(CaseState::Explained)
        }
        other if other.starts_with("未") => Ended::Unknown,
        other if ["办结", "解决", "办成"].iter().any(|word| other.contains(word)) => {
            Ended::Perhaps(CaseState::Resolved)
        }
        _ => Ended::Unknown,
    }
}
