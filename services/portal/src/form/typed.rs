//! What was typed.
//!
//! Invariant: white space around a value is nobody's wish, except in a password; what is between is kept as it was typed.

use std::collections::HashMap;
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

/// The content type of a form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// What was typed into a form, by the name of its control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Typed(pub(crate) HashMap<String, Vec<String>>);

impl Typed {
    /// What a form begins with.
    pub(crate) fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut typed = Self::default();
        for (name, value) in pairs {
            typed.add(name, value);
        }
        typed
    }

    /// Reads a body or a query.
    pub(crate) fn read(text: &[u8]) -> Self {
        let mut typed = Self::default();
        for (name, value) in form_urlencoded::parse(text) {
            typed.add(&name, &value);
        }
        typed
    }

    /// Reads what a draft was saved as; whatever is no text and no list of texts is left out.
    pub(crate) fn of_json(map: &Map<String, Value>) -> Self {
        let mut typed = Self::default();
        for (name, value) in map {
            match value {
                Value::String(text) => typed.add(name, text),
                Value::Array(items) => {
                    items.iter().filter_map(Value::as_str).for_each(|text| typed.add(name, text));
                }
                _ => {}
            }
        }
        typed
    }

    /// As it is saved: each name with the list of its values. Names that begin with `_` are the form's own and are left
    /// out.
    pub(crate) fn to_json(&self) -> Map<String, Value> {
        let own = |name: &str| name.starts_with('_');
        self.0
            .iter()
            .filter(|(name, values)| !own(name) && values.iter().any(|value| !value.is_empty()))
            .map(|(name, values)| (name.clone(), Value::from(values.clone())))
            .collect()
    }

    /// Adds a value.
    pub(crate) fn add(&mut self, name: &str, value: &str) {
        let value = if is_secret(name) { value } else { value.trim() };
        self.0.entry(name.to_owned()).or_default().push(value.to_owned());
    }

    /// Puts a value in place of what is there.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), vec![value.trim().to_owned()]);
    }

    /// The value; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).first().map_or("", String::as_str)
    }

    /// The value, when there is one.
    pub(crate) fn some(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// All values of a name.
    pub(crate) fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether this value is among those of the name.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).iter().any(|typed| typed == value)
    }

    /// Whether anything was typed.
    pub(crate) fn is_empty(&self) -> bool {
        self.to_json().is_empty()
    }

    /// The value as a number, full-width digits too; `None` when there is none or it is none.
    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Option<T> {
        narrow(self.get(name)).parse().ok()
    }

    /// The key of the rendered form, for `Idempotency-Key`.
    pub(crate) fn key(&self) -> Option<&str> {
        self.some("_key")
    }

    /// The version that the person looked at.
    pub(crate) fn version(&self) -> Option<u64> {
        self.number("_version")
    }
}

/// Whether a control takes a password: the space around it belongs to it, and it is never kept or sent back.
pub(crate) fn is_secret(name: &str) -> bool {
    matches!(name, "password" | "current" | "new" | "again" | "ticket")
}

/// Digits, letters and marks that an input method left in full width, in their usual width: `１３８` is `138`.
pub(crate) fn narrow(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            c => c,
        })
        .collect()
}

impl<S: Send + Sync> FromRequest<S> for Typed {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(FORM.as_bytes()));
        if !is_form {
            return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response());
        }
        let body =
            Bytes::from_request(request, state).await.map_err(|error| error.into_response())?;
        Ok(Self::read(&body))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_a_form_and_what_was_typed_comes_back_from_a_draft(bytes: Vec<u8>, text in ".{0,200}") {
            for form in [bytes.as_slice(), text.as_bytes()] {
                let typed = Typed::read(form);
                let kept = Typed::of_json(&typed.to_json());
                for (name, values) in &kept.0 {
                    prop_assert!(!name.starts_with('_'), "{}", name);
                    let all = typed.0.get(name).unwrap();
                    prop_assert!(values.iter().all(|one| all.contains(one)), "{}", name);
                }
                for name in typed.0.keys() {
                    let _ = (typed.get(name), typed.number::<u32>(name), narrow(typed.get(name)));
                }
            }
        }
    }

    #[test]
    fn what_is_typed_keeps_its_marks_and_loses_the_space_around() {
        let typed = Typed::read("demand=+%3Cb%3E%F0%A0%AE%B7+&items=a&items=b".as_bytes());
        assert_eq!(typed.get("demand"), "<b>\u{20bb7}");
        assert_eq!(typed.all("items"), ["a", "b"]);
        assert!(typed.has("items", "b"));
        assert_eq!(typed.get("nothing"), "");
    }

    #[test]
    fn a_number_is_read_from_full_width_digits() {
        let typed = Typed::of([("count", "\u{ff11}\u{ff12}"), ("word", "x")]);
        assert_eq!(typed.number::<u32>("count"), Some(12));
        assert_eq!(typed.number::<u32>("word"), None);
    }

    #[test]
    fn a_draft_comes_back_as_it_was_without_the_forms_own_names() {
        let typed = Typed::of([("a", "1"), ("b", "2"), ("b", "3"), ("_key", "k"), ("empty", "")]);
        let back = Typed::of_json(&typed.to_json());
        assert_eq!(back, Typed::of([("a", "1"), ("b", "2"), ("b", "3")]));
    }
}
