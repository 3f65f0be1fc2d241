//! Bodies of requests that are right, for tests to send or to spoil; and how answers are read.
//!
//! All names and numbers are invented: 1380000… is no telephone of anybody.

use chrono::{DateTime, FixedOffset};
use serde_json::{Value, json};

/// A matter that the sample district's table does not know: the case waits for a person.
pub const UNROUTED_MATTER: &str = "楼道堆物清理";

/// Opens a simple case at `center`, told at the window by a person with the `n`-th sample telephone.
/// Two openings with the same matter and `n` are the same person with the same matter.
#[must_use]
pub fn opening(center: &str, matter: &str, n: u32) -> Value {
    json!({
        "center": center,
        "channel": "window",
        "matter": { "name": matter },
        "blocked_stage": "consult",
        "cause": "I1",
        "demand": "想知道这件事应该找哪个部门办理",
        "attempts_before": 2,
        "complexity": "simple",
        "applicant": { "kind": "person", "name": "样例甲", "phone": phone(n) },
        "notice": { "version": "2021-01", "mode": "in_person" },
    })
}

/// The `n`-th sample telephone number.
#[must_use]
pub fn phone(n: u32) -> String {
    format!("1380000{:04}", n % 10_000)
}

/// `body` with the value at a JSON pointer replaced or added.
///
/// # Panics
/// When the parent of the pointer is no object of `body`.
#[must_use]
pub fn with(mut body: Value, pointer: &str, value: impl Into<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
    let object = body.pointer_mut(parent).and_then(Value::as_object_mut);
    object.expect("the parent is an object").insert(name.to_owned(), value.into());
    body
}

/// `body` without the field at a JSON pointer.
///
/// # Panics
/// When the parent of the pointer is no object of `body`.
#[must_use]
pub fn without(mut body: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
    let object = body.pointer_mut(parent).and_then(Value::as_object_mut);
    object.expect("the parent is an object").remove(name);
    body
}

/// The last part of an event's type: `forwarded` of `cn.unstuck.case.forwarded.v1` or of `forwarded`.
#[must_use]
pub fn event_name(event_type: &str) -> &str {
    let name = event_type.strip_prefix("cn.unstuck.case.").unwrap_or(event_type);
    name.rsplit_once(".v").map_or(name, |(name, _)| name)
}

/// Reads a time of an answer.
///
/// # Panics
/// When it is none: every time has an offset.
#[must_use]
#[track_caller]
pub fn instant(value: &Value) -> DateTime<FixedOffset> {
    let text = value.as_str().unwrap_or_else(|| panic!("{value} is no time"));
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// Asserts that a value is the instant that is written, whatever its offset.
///
/// # Panics
/// When it is another one.
#[track_caller]
pub fn assert_instant(value: &Value, expected: &str) {
    assert_eq!(instant(value), instant(&json!(expected)), "{value} is not {expected}");
}
