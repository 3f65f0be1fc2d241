//! The published contract, byte for byte: the JSON Schemas in `schemas/` and the AsyncAPI document `asyncapi.json`.
//!
//! Invariant: a change of an event shows up as a change of these files, in the same commit. `UPDATE_GOLDEN=1` rewrites
//! them; a reviewer then reads the difference: a new optional field is fine, anything else needs a new version.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proto_events::registry;
use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn schema_file(name: &str) -> PathBuf {
    root().join("schemas").join(name)
}

fn async_api() -> Value {
    registry::async_api(env!("CARGO_PKG_VERSION"))
}

/// Sorts the keys, so that the text does not depend on how serde_json was built.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<(String, Value)> =
                object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

#[track_caller]
fn assert_golden(path: &Path, value: Value) {
    let text = serde_json::to_string_pretty(&sorted(value)).expect("a value is JSON") + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, text).expect("the folder is there and may be written");
        return;
    }
    let stored = fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == text,
        "{} is not what the types say; if that is meant, run with UPDATE_GOLDEN=1 and read the difference.\n{}",
        path.display(),
        first_difference(&stored, &text),
    );
}

fn first_difference(stored: &str, text: &str) -> String {
    let mut new = text.lines();
    for (number, old) in stored.lines().enumerate() {
        let line = new.next().unwrap_or("(end)");
        if old != line {
            return format!("line {}:\n  stored: {old}\n  now:    {line}", number + 1);
        }
    }
    format!("the stored file ends before: {}", new.next().unwrap_or("(a final newline)"))
}

/// Every `$ref` in a document, with the place where it stands.
fn references(value: &Value, place: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                if key == "$ref"
                    && let Some(target) = inner.as_str()
                {
                    found.push((place.to_owned(), target.to_owned()));
                }
                references(inner, &format!("{place}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                references(inner, &format!("{place}/{index}"), found);
            }
        }
        _ => {}
    }
}

#[test]
fn every_event_has_its_schema_and_no_schema_is_left_over() {
    let mut expected = BTreeSet::new();
    for (name, schema) in registry::schemas() {
        let path = schema_file(&name);
        assert_golden(&path, schema);
        expected.insert(path);
    }
    for entry in fs::read_dir(root().join("schemas")).unwrap() {
        let path = entry.unwrap().path();
        // The schema of an older version stays as long as its upcaster: it is named there.
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_old = proto_events::upcast::UPCASTERS
            .iter()
            .any(|step| step.from == registry::event_type_of(&name));
        assert!(expected.contains(&path) || is_old, "{} belongs to no event", path.display());
    }
}

#[test]
fn the_async_api_document_is_the_stored_one() {
    assert_golden(&root().join("asyncapi.json"), async_api());
}

#[test]
fn a_schema_says_what_it_is_and_is_complete_in_itself() {
    let mut ids = BTreeSet::new();
    for (name, schema) in registry::schemas() {
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        let title = schema["title"].as_str().unwrap_or_default();
        assert_eq!(registry::file_name_of(title), name);
        assert_eq!(registry::event_type_of(name.trim_end_matches(".json")), title);
        assert_eq!(schema["type"], "object", "{name}");
        assert!(schema["description"].as_str().is_some_and(|text| !text.is_empty()));
        let id = schema["$id"].as_str().unwrap().to_owned();
        assert!(id.starts_with("urn:"), "{id}");
        assert!(ids.insert(id), "{name} shares its $id");

        let mut found = Vec::new();
        references(&schema, "", &mut found);
        for (place, target) in found {
            let pointer = target.strip_prefix('#');
            let resolves = pointer.is_some_and(|pointer| {
                pointer.starts_with("/$defs/") && schema.pointer(pointer).is_some()
            });
            assert!(resolves, "{name} at {place}: {target} leads nowhere");
        }
    }
}

#[test]
fn no_schema_forbids_a_field_that_a_later_version_may_add() {
    for (name, schema) in registry::schemas() {
        assert!(!schema.to_string().contains("additionalProperties"), "{name}");
    }
}

#[test]
fn every_reference_of_the_async_api_document_resolves() {
    let document = async_api();
    let mut found = Vec::new();
    references(&document, "", &mut found);
    assert!(found.len() > registry::schemas().len() * 3, "only {} references", found.len());
    for (place, target) in found {
        if let Some(pointer) = target.strip_prefix('#') {
            assert!(document.pointer(pointer).is_some(), "{place}: {target} leads nowhere");
        } else {
            let file = root().join(target.trim_start_matches("./"));
            assert!(file.is_file(), "{place}: {target} is no file");
        }
    }
}

#[test]
fn every_event_is_sent_by_exactly_one_service() {
    let document = async_api();
    assert_eq!(document["asyncapi"], "3.0.0");
    let operations = document["operations"].as_object().unwrap();
    let mut sent = BTreeSet::new();
    for operation in operations.values().filter(|operation| operation["action"] == "send") {
        for message in operation["messages"].as_array().unwrap() {
            let target = message["$ref"].as_str().unwrap().to_owned();
            assert!(sent.insert(target.clone()), "{target} is sent by two");
        }
    }
    assert_eq!(sent.len(), registry::schemas().len());
}
