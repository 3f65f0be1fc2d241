//! What of an event other systems are told: what its schema says can only be a code, an id, an instant, a number or a
//! yes and no. Never a text that somebody wrote, because a text may name somebody.
//!
//! Invariant: nothing is listed here. A field of a new event is told when its schema closes it (`enum`, `const`, a
//! `format`, a `pattern`, a number, a boolean), and is not when it is free text, whoever forgets to think of it.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use serde_json::{Map, Value};

use crate::events::CaseEventKind;
use crate::registry;

/// The most definitions that lead to a field: a longer way is a circle.
const DEPTH_MAX: usize = 16;

/// What is told of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// All of it: it is a code, an id, an instant, a number or a yes and no.
    Whole,
    /// Some of its members.
    Members(BTreeMap<String, Told>),
    /// Each of its items, as far as this goes.
    Items(Box<Told>),
}

/// What is told of the data of an event.
#[must_use]
pub fn told_of(kind: CaseEventKind) -> Told {
    let schema = registry::schema(kind);
    told(&schema, &schema, 0).unwrap_or_else(|| Told::Members(BTreeMap::new()))
}

impl Told {
    /// Takes what is told out of a value; none when nothing is.
    #[must_use]
    pub fn of(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (_, Value::Null) => None,
            // An object or a list where a code was expected is of a later version, and says what nobody has looked at.
            (Self::Whole, Value::Object(_) | Value::Array(_)) => None,
            (Self::Whole, value) => Some(value.clone()),
            (Self::Members(members), Value::Object(object)) => {
                let told = members
                    .iter()
                    .filter_map(|(name, told)| Some((name.clone(), told.of(object.get(name)?)?)));
                Some(Value::Object(told.collect::<Map<_, _>>()))
            }
            (Self::Items(told), Value::Array(items)) => {
                Some(Value::Array(items.iter().filter_map(|item| told.of(item)).collect()))
            }
            _ => None,
        }
    }

    /// The paths of everything that is told: `due_at`, `positions[].department`.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        match self {
            Self::Whole => Vec::from([String::new()]),
            Self::Items(told) => told.paths().iter().map(|path| joined("[]", path)).collect(),
            Self::Members(members) => members
                .iter()
                .flat_map(|(name, told)| {
                    let paths = told.paths();
                    paths.into_iter().map(move |path| joined(name, &path))
                })
                .collect(),
        }
    }
}

fn joined(name: &str, path: &str) -> String {
    match path {
        "" => name.to_owned(),
        path if path.starts_with("[]") => format!("{name}{path}"),
        path => format!("{name}.{path}"),
    }
}

/// What is told of a value with this schema; none when nothing is.
fn told(schema: &Value, root: &Value, depth: usize) -> Option<Told> {
    if depth > DEPTH_MAX {
        return None;
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let name = name.strip_prefix("#/$defs/")?;
        return told(root.get("$defs")?.get(name)?, root, depth + 1);
    }
    if schema.get("enum").is_some() || schema.get("const").is_some() {
        return Some(Told::Whole);
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(Value::Array(cases)) = schema.get(choice) {
            return of_choice(cases, root, depth);
        }
    }
    let is = |name: &str| match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    };
    if is("object") {
        let members = schema.get("properties")?.as_object()?.iter();
        let members: BTreeMap<String, Told> = members
            .filter_map(|(name, member)| Some((name.clone(), told(member, root, depth + 1)?)))
            .collect();
        return (!members.is_empty()).then_some(Told::Members(members));
    }
    if is("array") {
        return Some(Told::Items(Box::new(told(schema.get("items")?, root, depth + 1)?)));
    }
    let is_closed_text =
        is("string") && (schema.get("format").is_some() || schema.get("pattern").is_some());
    let is_closed = is_closed_text || is("boolean") || is("integer") || is("number");
    is_closed.then_some(Told::Whole)
}

/// One of several, or nothing: told when each of them is told alike.
fn of_choice(cases: &[Value], root: &Value, depth: usize) -> Option<Told> {
    let is_null = |case: &&Value| case.get("type").is_some_and(|name| name == "null");
    let mut found = None;
    for case in cases.iter().filter(|case| !is_null(case)) {
        let one = told(case, root, depth + 1)?;
        if found.as_ref().is_some_and(|found| *found != one) {
            return None;
        }
        found = Some(one);
    }
    found
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use serde_json::json;

    use super::*;

    fn told_of_schema(schema: &Value) -> Option<Told> {
        told(schema, schema, 0)
    }

    #[test]
    fn a_code_a_number_and_an_instant_are_told_and_a_text_is_not() {
        for closed in [
            json!({"enum": ["a"]}),
            json!({"const": 1}),
            json!({"type": "boolean"}),
            json!({"type": ["integer", "null"]}),
            json!({"type": "string", "format": "date-time"}),
            json!({"type": ["string", "null"], "pattern": "^[a-z]$"}),
            json!({"anyOf": [{"enum": ["a"]}, {"type": "null"}]}),
            json!({"oneOf": [{"const": "a"}, {"const": "b"}]}),
        ] {
            assert_eq!(told_of_schema(&closed), Some(Told::Whole), "{closed}");
        }
        for open in [
            json!({"type": "string"}),
            json!({"type": "string", "maxLength": 3}),
            json!({"anyOf": [{"type": "string"}, {"enum": ["a"]}]}),
            json!({"type": "array", "items": {"type": "string"}}),
            json!({"type": "object", "properties": {"a": {"type": "string"}}}),
            json!({}),
            json!(true),
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}),
        ] {
            assert_eq!(told_of_schema(&open), None, "{open}");
        }
    }

    #[test]
    fn of_an_opening_nobody_can_tell_whose_it_is() {
        let paths = told_of(CaseEventKind::Opened).paths();
        for path in ["applicant.kind", "cause", "center", "complexity", "due_at", "notice.mode"] {
            assert!(paths.iter().any(|one| one == path), "{path}: {paths:?}");
        }
        for hidden in ["sealed", "receipt_code", "case_no", "demand", "summary", "name", "file"] {
            assert!(!paths.iter().any(|one| one.ends_with(hidden)), "{hidden}: {paths:?}");
        }
    }

    #[test]
    fn what_is_told_is_cut_out_of_the_data_at_any_depth() {
        let met = told_of(CaseEventKind::TaskForceMet);
        let data = json!({
            "number": 1,
            "attendees": ["somebody"],
            "positions": [{"department": "housing", "position": "agree", "basis": "a text"}, 3],
            "actions": {"owner": "somebody"},
            "added_later": "a text",
        });
        let told = met.of(&data).unwrap();
        let positions = json!([{"department": "housing", "position": "agree"}]);
        assert_eq!(told["positions"], positions);
        assert!(!told.to_string().contains("text") && !told.to_string().contains("somebody"));
        assert!(met.paths().iter().any(|path| path == "positions[].department"));
    }
}
