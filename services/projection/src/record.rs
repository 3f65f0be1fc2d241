//! A case as the view keeps it: its state, the facts of earlier rounds that the state forgets, and when it was recorded.
//!
//! Invariants: a fold of the events and of nothing else; a second copy of a commuting fact changes nothing.

use casework::case::{Case, EventMeta};
use casework::figures::history::Past;
use chrono::TimeDelta;
use desk::enrolled::LATE_AFTER;
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
    /// How it came, when its center has a server of its own.
    pub(crate) arrival: Option<Arrival>,
}

/// How an event came over the line of a center.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Arrival {
    /// When the district took it, by its own clock.
    pub(crate) at: Timestamp,
    /// By how many seconds the center's clock was ahead, when that was beyond the limit.
    pub(crate) clock_ahead_seconds: Option<i64>,
}

/// When an event was written down, and how it came.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// By its header; when it happened, if that cannot be read.
    pub(crate) at: Timestamp,
    pub(crate) arrival: Option<Arrival>,
}

impl Written {
    /// Reads the headers of an event.
    pub(crate) fn of(recorded: &Recorded, meta: &EventMeta) -> Self {
        let time = |name| {
            let text = recorded.headers.get(name);
            text.and_then(|text| Timestamp::parse_from_rfc3339(text).ok())
        };
        let ahead = recorded.headers.get(header::CLOCK_AHEAD);
        let arrival = |at| Arrival {
            at,
            clock_ahead_seconds: ahead.and_then(|seconds| seconds.parse().ok()),
        };
        Self {
            at: time(header::RECORDED_AT).unwrap_or(meta.time),
            arrival: time(header::ARRIVED_AT).map(arrival),
        }
    }
}

impl CaseRecord {
    /// Takes one event further; `None` while there is no opening.
    pub(crate) fn step(
        record: Option<Self>,
        meta: &EventMeta,
        event: &CaseEvent,
        written: Written,
    ) -> Option<Self> {
        let Some(mut record) = record else { return Self::begin(meta, event, written) };
        record.evolve(meta, event, written);
        Some(record)
    }

    /// Begins a case with its opening; `None` for any other event.
    pub(crate) fn begin(meta: &EventMeta, event: &CaseEvent, written: Written) -> Option<Self> {
        Some(Self {
            case: Case::step(None, meta, event)?,
            past: Past::default(),
            first_recorded_at: written.at,
            last_recorded_at: written.at,
            quarantined: false,
            arrival: written.arrival,
        })
    }

    /// Takes one more event.
    pub(crate) fn evolve(&mut self, meta: &EventMeta, event: &CaseEvent, written: Written) {
        self.past.note(&self.case, meta, event);
        self.case.evolve(meta, event);
        self.last_recorded_at = self.last_recorded_at.max(written.at);
    }

    /// When it arrived and how long that took by the district's clock, if it took more than ten minutes.
    pub(crate) fn late_arrival(&self) -> Option<(Timestamp, TimeDelta)> {
        let arrival = self.arrival?;
        let ahead = TimeDelta::seconds(arrival.clock_ahead_seconds.unwrap_or_default());
        let took = arrival.at - (self.first_recorded_at - ahead);
        (took > LATE_AFTER).then_some((arrival.at, took))
    }

    /// Whether little or nothing is still to come for it.
    pub(crate) fn has_ended(&self) -> bool {
        use CaseState::{Closed, Transferred, Withdrawn};
        matches!(self.case.state, Closed | Transferred | Withdrawn)
    }
}
