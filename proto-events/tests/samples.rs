//! A stored sample of every version of every event: what was written once is read for ever.
//!
//! Invariant: a sample is never edited after its version was published; an old one stays when a new version comes.

mod schema_check;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proto_events::events::{CaseEventKind, TYPE_PREFIX};
use proto_events::{registry, upcast};
use serde_json::{Value, json};

/// Every stored sample: full type and text.
fn samples() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let entries =
        fs::read_dir(folder).expect("is a folder").map(|entry| entry.expect("is readable").path());
    entries
        .map(|path| {
            let name =
                path.file_stem().and_then(|stem| stem.to_str()).expect("has a name").to_owned();
            (format!("{TYPE_PREFIX}{name}"), fs::read_to_string(&path).expect("is text"))
        })
        .collect()
}

fn sample(kind: CaseEventKind) -> Value {
    let text = samples().remove(kind.event_type());
    let text = text.unwrap_or_else(|| panic!("{} has no sample", kind.event_type()));
    serde_json::from_str(&text).expect("is JSON")
}

/// All objects inside a value, itself included.
fn objects(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            object.values_mut().for_each(|inner| objects(inner, change));
            change(object);
        }
        Value::Array(items) => items.iter_mut().for_each(|item| objects(item, change)),
        _ => {}
    }
}

#[test]
fn every_event_has_a_sample_that_fits_its_schema() {
    for kind in CaseEventKind::ALL {
        let faults = schema_check::faults(&registry::schema(*kind), &sample(*kind));
        assert!(faults.is_empty(), "{}: {faults:#?}", kind.event_type());
    }
}

#[test]
fn every_sample_of_any_version_still_reads() {
    for (event_type, text) in samples() {
        let read = upcast::read(&event_type, text.as_bytes());
        assert!(read.is_ok(), "{event_type}: {read:?}");
    }
}

#[test]
fn a_sample_of_the_present_version_is_written_back_as_it_was() {
    for kind in CaseEventKind::ALL {
        let stored = sample(*kind);
        let event = upcast::read(kind.event_type(), stored.to_string().as_bytes()).unwrap();
        assert_eq!(event.kind(), *kind);
        assert_eq!(event.event_type(), kind.event_type());
        let written: Value = serde_json::from_slice(&event.to_body()).unwrap();
        assert_eq!(written, stored, "{}", kind.event_type());
    }
}

#[test]
fn a_field_that_is_not_known_yet_is_passed_over_at_any_depth() {
    for kind in CaseEventKind::ALL {
        let mut later = sample(*kind);
        objects(&mut later, &mut |object| {
            object.insert("added_later".to_owned(), json!({ "nested": [1, "二"] }));
        });
        let read = upcast::read(kind.event_type(), later.to_string().as_bytes()).unwrap();
        let known = upcast::read(kind.event_type(), sample(*kind).to_string().as_bytes()).unwrap();
        assert_eq!(read, known, "{}", kind.event_type());
    }
}

#[test]
fn a_missing_required_field_is_an_error_that_names_it() {
    for kind in CaseEventKind::ALL {
        let schema = registry::schema(*kind);
        for field in schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            let mut body = sample(*kind);
            body.as_object_mut().unwrap().remove(field);
            let error = upcast::read(kind.event_type(), body.to_string().as_bytes()).unwrap_err();
            let upcast::UnreadableEvent::Shape { source, .. } = &error else { panic!("{error}") };
            assert!(source.to_string().contains(field), "{}: {source}", kind.name());
        }
    }
}

#[test]
fn an_optional_field_may_be_missing() {
    for kind in CaseEventKind::ALL {
        let schema = registry::schema(*kind);
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut body = sample(*kind);
        body.as_object_mut().unwrap().retain(|field, _| required.contains(&field.as_str()));
        let read = upcast::read(kind.event_type(), body.to_string().as_bytes());
        assert!(read.is_ok(), "{}: {read:?}", kind.name());
    }
}

#[test]
fn the_schema_check_itself_finds_faults() {
    let schema = registry::schema(CaseEventKind::Opened);
    let good = sample(CaseEventKind::Opened);
    let spoilt = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        schema_check::faults(&schema, &body)
    };
    assert!(!spoilt("/complexity", json!("easy")).is_empty());
    assert!(!spoilt("/attempts_before", json!("two")).is_empty());
    assert!(!spoilt("/attempts_before", json!(-1)).is_empty());
    assert!(!spoilt("/matter", json!({})).is_empty());
    assert!(!spoilt("/applicant/kind", json!(1)).is_empty());
    let mut body = good.clone();
    body.as_object_mut().unwrap().remove("due_at");
    assert_eq!(schema_check::faults(&schema, &body), [": due_at is missing"]);
}

#[test]
fn no_sample_carries_a_personal_number() {
    for (event_type, text) in samples() {
        let longest =
            text.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
        assert!(longest < 11, "{event_type} has a number of {longest} digits");
    }
}
