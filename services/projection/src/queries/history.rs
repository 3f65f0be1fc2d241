//! The history of a case, read from the log: the view keeps what a case has become, not a second copy of its events.
//!
//! One subject is one request of 0.3 ms. Invariants: a history ends with the event that the view's record ends with,
//! so that both tell the same; what nobody can read is in quarantine and not here; no personal data, sealed or not,
//! leaves with an entry.

use casework::case::{Case, EventMeta};
use desk::decode;
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::envelope::header;
use proto_events::events::CaseEvent;
use proto_events::ids::EventId;
use proto_events::subject::CaseSubject;
use runtime::http::Problem;
use runtime::log::{Freshness, Recorded};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::core::Core;

/// The fields of an event's data that stay out of a history: ciphertext of personal data.
const SEALED_FIELDS: [&str; 2] = ["applicant", "sealed"];

/// An event of a case as it stands in the log.
#[derive(Debug)]
pub(crate) struct Happened {
    recorded: Recorded,
    pub(crate) meta: EventMeta,
    pub(crate) event: CaseEvent,
}

/// One event of a case, as its history shows it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct TimelineEntry {
    /// Its place in the stream.
    pub(crate) sequence: u64,
    /// The event.
    pub(crate) id: EventId,
    /// Its full type with its version.
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// When it happened.
    pub(crate) time: Timestamp,
    /// When it was written down.
    pub(crate) recorded_at: String,
    /// Username of who did it, or the name of the reaction.
    pub(crate) actor: String,
    /// In which role.
    pub(crate) role: Role,
    /// The data of the event, without personal data.
    pub(crate) data: Value,
}

impl Happened {
    /// Shows it in a history.
    pub(crate) fn entry(&self) -> TimelineEntry {
        let text = |name: &str| self.recorded.headers.get(name).unwrap_or_default().to_owned();
        let mut data: Value = serde_json::from_slice(&self.recorded.body).unwrap_or_default();
        if let Some(members) = data.as_object_mut() {
            for field in SEALED_FIELDS {
                members.remove(field);
            }
        }
        TimelineEntry {
            sequence: self.meta.sequence,
            id: self.meta.id,
            event_type: text(header::TYPE),
            time: self.meta.time,
            recorded_at: text(header::RECORDED_AT),
            actor: self.meta.actor.clone(),
            role: self.meta.role,
            data,
        }
    }
}

/// Reads what led to `case`, oldest first.
///
/// # Errors
/// `unavailable` when the log cannot be read, or does not yet show what the view has seen.
pub(crate) async fn of_case(core: &Core, case: &Case) -> Result<Vec<Happened>, Problem> {
    let subject = CaseSubject { center: case.center.clone(), case_id: case.case_id }.to_subject();
    // A late replica may not have the end yet.
    for freshness in [Freshness::Any, Freshness::Leader] {
        let events = core.log.load(&subject, freshness).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "a history cannot be read");
            Problem::unavailable("the bus is out of reach; the history of the case stands there")
        })?;
        if events.last().is_some_and(|last| last.sequence >= case.version) {
            // What came since the view was looked at comes with the next answer.
            let seen = events.into_iter().take_while(|event| event.sequence <= case.version);
            return Ok(seen.filter_map(happened).collect());
        }
    }
    Err(Problem::unavailable("the log does not show the whole history of the case"))
}

/// What led to a case as the explanation of its clocks wants it.
pub(crate) fn told(history: Vec<Happened>) -> Vec<(EventMeta, CaseEvent)> {
    history.into_iter().map(|one| (one.meta, one.event)).collect()
}

fn happened(recorded: Recorded) -> Option<Happened> {
    let (meta, event) = decode(&recorded).ok()?;
    Some(Happened { recorded, meta, event })
}
