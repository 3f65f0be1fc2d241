//! A case as the view keeps it: its state, the facts of earlier rounds that the state forgets, and when it was recorded.
//!
//! Invariants: a fold of the events and of nothing else; a second copy of a commuting fact changes nothing.

use casework::case::{Case, EventMeta};
use casework::figures::history::Past;
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::envelope::header;
use proto_events::events::CaseEvent;
use runtime::log::Recorded;
use serde::{Deserialize, Serialize};

/// A case in the view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CaseRecord {
    /// Its state.
    pub(crate) case: Case,
    /// What the state has forgotten.
    pub(crate) past: Past,
    /// When its opening was written down.
    pub(crate) first_recorded_at: Timestamp,
    /// When the latest of its events was written down. An event that came late, over a line that was down, counts as
    /// written down with the one before it: nobody in the district saw it earlier.
    pub(crate) last_recorded_at: Timestamp,
    /// Whether one of its events could not be read.
    pub(crate) quarantined: bool,
}

/// When an event was written down, by its header; when it happened, if that cannot be read.
pub(crate) fn recorded_at(recorded: &Recorded, meta: &EventMeta) -> Timestamp {
    let text = recorded.headers.get(header::RECORDED_AT);
    text.and_then(|text| Timestamp::parse_from_rfc3339(text).ok()).unwrap_or(meta.time)
}

impl CaseRecord {
    /// Takes one event further, which was written down at `recorded_at`; `None` while there is no opening.
    pub(crate) fn step(
        record: Option<Self>,
        meta: &EventMeta,
        event: &CaseEvent,
        recorded_at: Timestamp,
    ) -> Option<Self> {
        let Some(mut record) = record else { return Self::begin(meta, event, recorded_at) };
        record.evolve(meta, event, recorded_at);
        Some(record)
    }

    /// Begins a case with its opening; `None` for any other event.
    pub(crate) fn begin(
        meta: &EventMeta,
        event: &CaseEvent,
        recorded_at: Timestamp,
    ) -> Option<Self> {
        Some(Self {
            case: Case::step(None, meta, event)?,
            past: Past::default(),
            first_recorded_at: recorded_at,
            last_recorded_at: recorded_at,
            quarantined: false,
        })
    }

    /// Takes one more event, which was written down at `recorded_at`.
    pub(crate) fn evolve(&mut self, meta: &EventMeta, event: &CaseEvent, recorded_at: Timestamp) {
        self.past.note(&self.case, meta, event);
        self.case.evolve(meta, event);
        self.last_recorded_at = self.last_recorded_at.max(recorded_at);
    }

    /// Whether little or nothing is still to come for it.
    pub(crate) fn has_ended(&self) -> bool {
        use CaseState::{Closed, Transferred, Withdrawn};
        matches!(self.case.state, Closed | Transferred | Withdrawn)
    }
}
