//! A small check of a value against a JSON Schema: as much of draft 2020-12 as our own schemas use.
//!
//! Invariant: a keyword that is not known here is a fault, so that nothing goes unchecked in silence.

use serde_json::{Map, Value};

/// Keywords that say nothing about whether a value fits, or that a type of ours checks when it reads the value.
const ANNOTATIONS: &[&str] =
    &["$schema", "$id", "$defs", "title", "description", "default", "format", "pattern"];

/// Lists what does not fit, each with the place in the value.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let object = match schema {
        Value::Bool(true) => return,
        Value::Object(object) => object,
        other => return found.push(format!("{place}: the schema {other} is not understood")),
    };
    for (keyword, rule) in object {
        let fits = match keyword.as_str() {
            "$ref" => {
                follow(root, rule, value, place, found);
                true
            }
            "type" => types(rule).iter().any(|name| is_of_type(value, name)),
            "enum" => rule.as_array().is_some_and(|allowed| allowed.contains(value)),
            "const" => rule == value,
            "minimum" => compare(value, rule).is_none_or(core::cmp::Ordering::is_ge),
            "maximum" => compare(value, rule).is_none_or(core::cmp::Ordering::is_le),
            "required" => {
                require(rule, value, place, found);
                true
            }
            "properties" => {
                properties(root, rule, value, place, found);
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, rule, item, &format!("{place}/{index}"), found);
                }
                true
            }
            "anyOf" | "oneOf" => matching(root, rule, value) >= 1,
            name => {
                if !ANNOTATIONS.contains(&name) {
                    found.push(format!("{place}: the keyword {name} is not understood"));
                }
                true
            }
        };
        if !fits {
            found.push(format!("{place}: {value} breaks {keyword} {rule}"));
        }
    }
}

fn follow(root: &Value, rule: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let target = rule.as_str().and_then(|text| root.pointer(text.strip_prefix('#')?));
    match target {
        Some(target) => check(root, target, value, place, found),
        None => found.push(format!("{place}: {rule} leads nowhere")),
    }
}

fn require(rule: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let names = rule.as_array().into_iter().flatten().filter_map(Value::as_str);
    for name in names {
        if value.get(name).is_none() {
            found.push(format!("{place}: {name} is missing"));
        }
    }
}

fn properties(root: &Value, rule: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
    let empty = Map::new();
    let rules = rule.as_object().unwrap_or(&empty);
    for (name, inner) in value.as_object().unwrap_or(&empty) {
        if let Some(schema) = rules.get(name) {
            check(root, schema, inner, &format!("{place}/{name}"), found);
        }
    }
}

/// How many of the alternatives fit.
fn matching(root: &Value, rule: &Value, value: &Value) -> usize {
    let alternatives = rule.as_array().into_iter().flatten();
    alternatives
        .filter(|schema| {
            let mut faults = Vec::new();
            check(root, schema, value, "", &mut faults);
            faults.is_empty()
        })
        .count()
}

fn types(rule: &Value) -> Vec<&str> {
    match rule {
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => false,
    }
}

fn compare(value: &Value, bound: &Value) -> Option<core::cmp::Ordering> {
    value.as_f64()?.partial_cmp(&bound.as_f64()?)
}
