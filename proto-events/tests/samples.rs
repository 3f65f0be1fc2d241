//! A stored sample of every version of every event: what was written once is read for ever.
//!
//! Invariant: a sample is never edited after its version was published; an old one stays when a new version comes.

mod schema_check;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proto_events::centers::{self, CenterEvent, CenterEventKind};
use proto_events::events::{CaseEvent, CaseEventKind};
use proto_events::learning::{self, LearningEvent, LearningEventKind};
use proto_events::upcast::UnreadableEvent;
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
            (registry::event_type_of(&name), fs::read_to_string(&path).expect("is text"))
        })
        .collect()
}

/// An event of any stream.
#[expect(clippy::large_enum_variant, reason = "a test holds one at a time")]
#[derive(Debug, PartialEq)]
enum Event {
    Case(CaseEvent),
    Center(CenterEvent),
    Learning(LearningEvent),
}

impl Event {
    fn event_type(&self) -> &'static str {
        match self {
            Self::Case(event) => event.event_type(),
            Self::Center(event) => event.event_type(),
            Self::Learning(event) => event.event_type(),
        }
    }

    fn to_body(&self) -> Vec<u8> {
        match self {
            Self::Case(event) => event.to_body(),
            Self::Center(event) => event.to_body(),
            Self::Learning(event) => event.to_body(),
        }
    }
}

fn read(event_type: &str, body: &str) -> Result<Event, UnreadableEvent> {
    if event_type.starts_with(centers::TYPE_PREFIX) {
        return centers::read(event_type, body.as_bytes()).map(Event::Center);
    }
    if event_type.starts_with(learning::TYPE_PREFIX) {
        return learning::read(event_type, body.as_bytes()).map(Event::Learning);
    }
    upcast::read(event_type, body.as_bytes()).map(Event::Case)
}

/// The current version of every event with its schema.
fn published() -> Vec<(&'static str, Value)> {
    let of_cases = CaseEventKind::ALL.iter();
    let of_cases = of_cases.map(|kind| (kind.event_type(), registry::schema(*kind)));
    let of_centers = CenterEventKind::ALL.iter();
    let of_centers = of_centers.map(|kind| (kind.event_type(), registry::center_schema(*kind)));
    let of_learning = LearningEventKind::ALL.iter();
    let of_learning = of_learning.map(|kind| (kind.event_type(), registry::learning_schema(*kind)));
    of_cases.chain(of_centers).chain(of_learning).collect()
}

fn sample(event_type: &str) -> Value {
    let text = samples().remove(event_type);
    let text = text.unwrap_or_else(|| panic!("{event_type} has no sample"));
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
    for (event_type, schema) in published() {
        let faults = schema_check::faults(&schema, &sample(event_type));
        assert!(faults.is_empty(), "{event_type}: {faults:#?}");
    }
}

#[test]
fn every_sample_of_any_version_still_reads() {
    for (event_type, text) in samples() {
        let read = read(&event_type, &text);
        assert!(read.is_ok(), "{event_type}: {read:?}");
    }
}

#[test]
fn a_sample_of_the_present_version_is_written_back_as_it_was() {
    for (event_type, _) in published() {
        let stored = sample(event_type);
        let event = read(event_type, &stored.to_string()).unwrap();
        assert_eq!(event.event_type(), event_type);
        let written: Value = serde_json::from_slice(&event.to_body()).unwrap();
        assert_eq!(written, stored, "{event_type}");
    }
}

#[test]
fn a_field_that_is_not_known_yet_is_passed_over_at_any_depth() {
    for (event_type, _) in published() {
        let mut later = sample(event_type);
        objects(&mut later, &mut |object| {
            object.insert("added_later".to_owned(), json!({ "nested": [1, "二"] }));
        });
        let known = read(event_type, &sample(event_type).to_string()).unwrap();
        assert_eq!(read(event_type, &later.to_string()).unwrap(), known, "{event_type}");
    }
}

#[test]
fn a_missing_required_field_is_an_error_that_names_it() {
    for (event_type, schema) in published() {
        for field in schema["required"].as_array().into_iter().flatten() {
            let field = field.as_str().unwrap();
            let mut body = sample(event_type);
            body.as_object_mut().unwrap().remove(field);
            let error = read(event_type, &body.to_string()).unwrap_err();
            let UnreadableEvent::Shape { source, .. } = &error else { panic!("{error}") };
            assert!(source.to_string().contains(field), "{event_type}: {source}");
        }
    }
}

#[test]
fn an_optional_field_may_be_missing() {
    for (event_type, schema) in published() {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut body = sample(event_type);
        body.as_object_mut().unwrap().retain(|field, _| required.contains(&field.as_str()));
        let read = read(event_type, &body.to_string());
        assert!(read.is_ok(), "{event_type}: {read:?}");
    }
}

#[test]
fn the_schema_check_itself_finds_faults() {
    let schema = registry::schema(CaseEventKind::Opened);
    let good = sample(CaseEventKind::Opened.event_type());
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
