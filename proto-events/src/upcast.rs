//! Upcasters: how an event of an old version is read as the present one.
//!
//! Invariant: an upcaster is pure, takes the JSON of one version to that of the next, and is never
//! removed; the log is never rewritten.
//!
//! To publish a new version of an event: keep the old sample and schema, change the struct and its
//! version in [`crate::events`], append an [`Upcaster`] to [`UPCASTERS`], add a sample of the new version.

use alloc::string::String;

use serde_json::Value;

use crate::events::{CaseEvent, CaseEventKind};

/// Takes the data of one version of an event to the next version.
#[derive(Debug, Clone, Copy)]
pub struct Upcaster {
    /// The full type that it reads.
    pub from: &'static str,
    /// The full type that it makes.
    pub to: &'static str,
    /// The change.
    pub apply: fn(Value) -> Result<Value, String>,
}

/// Every upcaster of the product, in the order in which the versions were published. None yet: every
/// event is in its first version.
pub const UPCASTERS: &[Upcaster] = &[];

/// Most steps from the oldest version to the present; a longer chain is a loop.
const STEPS_MAX: usize = 32;

/// Why an event of the log cannot be read. Such an event goes to quarantine and is never dropped.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEvent {
    /// No version of this type is known here; it may be newer than this program.
    #[error("the event type {0:?} is not known")]
    UnknownType(String),
    /// The body is no JSON.
    #[error("the body is no JSON")]
    NotJson(#[source] serde_json::Error),
    /// The data does not have the shape of its type.
    #[error("the data does not fit the type {event_type}")]
    Shape {
        /// The type.
        event_type: String,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// An upcaster could not make sense of the old data.
    #[error("the old version {event_type} cannot be read: {reason}")]
    Upcast {
        /// The type as it was written.
        event_type: String,
        /// What the upcaster said.
        reason: String,
    },
}

/// Reads an event of any published version.
///
/// # Errors
/// See [`UnreadableEvent`].
pub fn read(event_type: &str, body: &[u8]) -> Result<CaseEvent, UnreadableEvent> {
    read_with(UPCASTERS, event_type, body)
}

/// Reads an event with a given list of upcasters.
///
/// # Errors
/// See [`UnreadableEvent`].
pub fn read_with(
    upcasters: &[Upcaster],
    event_type: &str,
    body: &[u8],
) -> Result<CaseEvent, UnreadableEvent> {
    let shape = |source| UnreadableEvent::Shape { event_type: event_type.into(), source };
    // The present version, nearly always: read without a detour over a tree.
    if let Some(kind) = CaseEventKind::of_type(event_type) {
        return kind.read_body(body).map_err(|error| match error.is_data() {
            true => shape(error),
            false => UnreadableEvent::NotJson(error),
        });
    }
    let mut data: Value = serde_json::from_slice(body).map_err(UnreadableEvent::NotJson)?;
    let mut current = event_type;
    for _ in 0..STEPS_MAX {
        if let Some(kind) = CaseEventKind::of_type(current) {
            return kind.read(data).map_err(shape);
        }
        let Some(step) = upcasters.iter().find(|upcaster| upcaster.from == current) else {
            break;
        };
        data = (step.apply)(data)
            .map_err(|reason| UnreadableEvent::Upcast { event_type: event_type.into(), reason })?;
        current = step.to;
    }
    Err(UnreadableEvent::UnknownType(event_type.into()))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use serde_json::json;

    use super::*;

    /// A version that was never published: progress had one field, `note`, and all of it was public.
    const FROM_V0: Upcaster = Upcaster {
        from: "cn.unstuck.case.progress_noted.v0",
        to: "cn.unstuck.case.progress_noted.v1",
        apply: |old| {
            let text = old.get("note").and_then(Value::as_str).ok_or("note is missing")?;
            Ok(json!({ "text": text, "public": true }))
        },
    };

    #[test]
    fn an_old_version_reads_as_the_present_one() {
        let body = br#"{"note":"called the bureau"}"#;
        let event = read_with(&[FROM_V0], FROM_V0.from, body).unwrap();
        let CaseEvent::ProgressNoted(progress) = event else { panic!("{event:?}") };
        assert_eq!(progress.text, "called the bureau");
        assert!(progress.public);
    }

    #[test]
    fn an_old_event_that_makes_no_sense_is_unreadable_and_says_why() {
        let error = read_with(&[FROM_V0], FROM_V0.from, b"{}").unwrap_err();
        assert!(error.to_string().contains("note is missing"), "{error}");
    }

    #[test]
    fn a_type_from_the_future_is_unreadable() {
        let error = read("cn.unstuck.case.opened.v9", b"{}").unwrap_err();
        assert!(matches!(error, UnreadableEvent::UnknownType(_)));
    }

    #[test]
    fn upcasters_that_run_in_a_circle_end() {
        let there = Upcaster { from: "a", to: "b", apply: Ok };
        let back = Upcaster { from: "b", to: "a", apply: Ok };
        assert!(read_with(&[there, back], "a", b"{}").is_err());
    }

    #[test]
    fn every_upcaster_of_the_product_leads_to_a_version_that_is_read() {
        for upcaster in UPCASTERS {
            let known = CaseEventKind::of_type(upcaster.to).is_some()
                || UPCASTERS.iter().any(|next| next.from == upcaster.to);
            assert!(known, "{}", upcaster.to);
        }
    }
}
