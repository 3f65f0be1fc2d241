//! What is wrong with what was typed.

use std::collections::BTreeMap;

use crate::api::{Failure, in_words};
use crate::lang::Lang;

/// What is wrong, by the name of the control, and as a whole.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    by_name: BTreeMap<String, String>,
    /// In the order in which they were found, which is that of the form.
    order: Vec<String>,
    /// What is wrong with no control in particular.
    whole: Vec<String>,
    status: Option<u16>,
}

impl Faults {
    /// Nothing is wrong.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// What a failure is as a whole, for whoever says it in words of his own.
    pub(crate) fn as_whole(failure: &Failure, text: String) -> Self {
        let status = Some(failure.status());
        Self { status, whole: vec![text], ..Self::default() }
    }

    /// What the API said about a form that was sent.
    pub(crate) fn of(failure: &Failure, lang: Lang) -> Self {
        let mut faults = Self { status: Some(failure.status()), ..Self::default() };
        let Some(problem) = failure.problem() else {
            faults.whole.push(lang.text("form-away"));
            return faults;
        };
        for fault in &problem.errors {
            faults.add(&name_of(&fault.pointer), &field_words(lang, &fault.detail));
        }
        match problem.code.as_str() {
            "invalid" if !faults.order.is_empty() => {}
            "stale" => faults.whole.push(lang.text("form-stale")),
            "unavailable" | "busy" | "internal" => faults.whole.push(lang.text("form-away")),
            "too_many_requests" => {
                let seconds = problem.retry_after.unwrap_or(60);
                faults.whole.push(lang.with("form-too-often", &[("seconds", &seconds)]));
            }
            // It says where: `/demand contains …`.
            "pii_in_text" if problem.detail.starts_with('/') => {
                let pointer = problem.detail.split_whitespace().next().unwrap_or_default();
                faults.add(&name_of(pointer), &problem.says(lang));
            }
            _ => faults.whole.push(problem.says(lang)),
        }
        faults
    }

    /// Something is wrong with a control.
    pub(crate) fn add(&mut self, name: &str, text: &str) {
        if self.by_name.insert(name.to_owned(), text.to_owned()).is_none() {
            self.order.push(name.to_owned());
        }
    }

    /// The same, where controls have other names than the places that they fill.
    pub(crate) fn renamed(mut self, names: &[(&str, &str)]) -> Self {
        for (place, name) in names {
            if let Some(text) = self.by_name.remove(*place) {
                self.by_name.insert((*name).to_owned(), text);
            }
            for known in self.order.iter_mut().filter(|known| known == place) {
                *known = (*name).to_owned();
            }
        }
        self
    }

    /// Something is wrong as a whole.
    pub(crate) fn add_whole(&mut self, text: String) {
        self.whole.push(text);
    }

    /// What is wrong with a control.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.order.is_empty() && self.whole.is_empty()
    }

    /// What is wrong as a whole.
    pub(crate) fn whole(&self) -> &[String] {
        &self.whole
    }

    /// What is wrong with controls: name and text, in the order of the form.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&str, &str)> {
        self.order.iter().filter_map(|name| Some((name.as_str(), self.get(name)?)))
    }

    /// The status of the page that shows them.
    pub(crate) fn status(&self) -> u16 {
        match self.status {
            // A page that asks again is no failure of the line.
            Some(status @ (403 | 409 | 412 | 429 | 503)) => status,
            None if self.is_empty() => 200,
            _ => 422,
        }
    }
}

/// The name of the control that fills this place.
fn name_of(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// What is wrong with a field, for a person; a sentence that nobody translated says at least where it comes from.
fn field_words(lang: Lang, detail: &str) -> String {
    let words = in_words(lang, detail);
    match lang {
        Lang::Chinese if words.is_ascii() => lang.with("form-refused", &[("detail", &words)]),
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Problem;

    fn failure(problem: Problem) -> Failure {
        Failure::Problem(Box::new(problem))
    }

    #[test]
    fn a_fault_finds_the_control_that_fills_its_place() {
        let problem = serde_json::from_value(serde_json::json!({
            "status": 422,
            "code": "invalid",
            "errors": [{ "pointer": "/applicant/phone", "detail": "is short" }],
        }));
        let problem = problem.unwrap();
        let faults = Faults::of(&failure(problem), Lang::English);
        assert_eq!(faults.get("applicant.phone"), Some("is short"));
        assert_eq!(faults.status(), 422);
        assert!(faults.whole().is_empty());
    }

    #[test]
    fn who_is_away_and_who_was_slower_are_told_apart() {
        assert_eq!(Faults::of(&Failure::Away, Lang::Chinese).status(), 503);
        let stale = Problem { status: 412, code: "stale".to_owned(), ..Problem::default() };
        assert_eq!(Faults::of(&failure(stale), Lang::Chinese).status(), 412);
        assert_eq!(Faults::none().status(), 200);
    }
}
