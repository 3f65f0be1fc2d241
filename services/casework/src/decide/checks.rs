//! Checks of the fields of a wish; all faults of one wish are told at once.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::codes::CaseState;
use proto_events::ids::DepartmentId;

use crate::case::Case;
use crate::free_text;
use crate::refusal::{FieldFault, Refusal, RefusalCode};
use crate::rules::Rules;

/// Longest short text in characters: a name, a window, a basis.
pub(crate) const SHORT_CHARS_MAX: usize = 200;
/// Longest text in characters that is still read at a counter: a demand, a reason, a note.
pub(crate) const TEXT_CHARS_MAX: usize = 500;
/// Longest account in characters: a summary, facts, a result.
pub(crate) const LONG_CHARS_MAX: usize = 2000;
/// Longest name of a matter in characters.
pub(crate) const MATTER_CHARS_MAX: usize = 100;
/// Most items of any list in a wish.
pub(crate) const ITEMS_MAX: usize = 50;

/// Collects what is wrong with a wish.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    faults: Vec<FieldFault>,
    personal: Option<String>,
}

impl Checks {
    /// Notes one fault.
    pub(crate) fn fault(&mut self, pointer: &str, detail: impl Into<String>) {
        self.faults.push(FieldFault { pointer: pointer.to_owned(), detail: detail.into() });
    }

    /// Notes a fault unless `holds`.
    pub(crate) fn require(&mut self, holds: bool, pointer: &str, detail: &str) {
        if !holds {
            self.fault(pointer, detail);
        }
    }

    /// Checks a text that has to be there; returns it without blanks at its ends.
    pub(crate) fn text(&mut self, pointer: &str, text: &str, chars_max: usize) -> String {
        let text = text.trim();
        if text.is_empty() {
            self.fault(pointer, "must not be empty (不能为空)");
        }
        self.scan(pointer, text, chars_max);
        text.to_owned()
    }

    /// Checks a text that may be missing; an empty one counts as missing.
    pub(crate) fn optional_text(
        &mut self,
        pointer: &str,
        text: Option<&String>,
        chars_max: usize,
    ) -> Option<String> {
        let text = optional(text)?;
        self.scan(pointer, &text, chars_max);
        Some(text)
    }

    /// Checks a list of texts.
    pub(crate) fn texts(
        &mut self,
        pointer: &str,
        texts: &[String],
        chars_max: usize,
    ) -> Vec<String> {
        self.count(pointer, texts.len());
        texts
            .iter()
            .enumerate()
            .map(|(index, text)| self.text(&format!("{pointer}/{index}"), text, chars_max))
            .collect()
    }

    /// Checks the length of a list.
    pub(crate) fn count(&mut self, pointer: &str, count: usize) {
        if count > ITEMS_MAX {
            self.fault(pointer, format!("at most {ITEMS_MAX} items"));
        }
    }

    fn scan(&mut self, pointer: &str, text: &str, chars_max: usize) {
        if text.chars().count() > chars_max {
            self.fault(pointer, format!("at most {chars_max} characters (不超过{chars_max}字)"));
        } else if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t' && c != '\r') {
            self.fault(pointer, "has control characters");
        } else if self.personal.is_none() && free_text::find_personal_data(text).is_some() {
            self.personal = Some(pointer.to_owned());
        }
    }

    /// Checks that the district has this department.
    pub(crate) fn department(&mut self, pointer: &str, department: &DepartmentId, rules: &Rules) {
        if !rules.departments.contains_key(department) {
            self.fault(pointer, format!("the district has no department {department}"));
        }
    }

    /// Checks that the district has this department or center.
    pub(crate) fn body(&mut self, pointer: &str, body: &DepartmentId, rules: &Rules) {
        if !rules.knows_body(body) {
            self.fault(pointer, format!("the district has no department or center {body}"));
        }
    }

    /// Ends the checks.
    pub(crate) fn finish(self) -> Result<(), Refusal> {
        if !self.faults.is_empty() {
            return Err(Refusal::Invalid(self.faults));
        }
        match self.personal {
            Some(pointer) => Err(Refusal::rule(
                RefusalCode::PiiInText,
                format!("{pointer} contains an ID, phone or bank card number (文字中含有个人号码)"),
            )),
            None => Ok(()),
        }
    }
}

/// Whether somebody has signed for the case and works on it.
pub(crate) fn is_in_work(case: &Case) -> bool {
    matches!(case.state, CaseState::InDepartment | CaseState::InTaskForce)
}

/// Refuses while a part of a joint matter is open (handbook 10: a ticket closing while a part is open).
pub(crate) fn parts_are_done(case: &Case) -> Result<(), Refusal> {
    if case.has_open_parts() {
        return Err(Refusal::rule(
            RefusalCode::PartsOpen,
            "a department's part is still open (联办事项尚未全部办结)",
        ));
    }
    Ok(())
}

/// A text that may be missing; blanks count as missing.
pub(crate) fn optional(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}
