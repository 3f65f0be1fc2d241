//! What the live feeds tell, made once for all of them: a ring of the latest events, each as the text that is sent.
//!
//! Whoever follows keeps a place in the stream and nothing else; who falls behind the ring reads on from the log. A
//! thousand readers therefore cost a thousand places, and one that never reads holds nothing
//! (`queries/live.rs`, `tests/tests/live.rs`).
//!
//! Invariants: the ring holds an unbroken part of the stream that ends with what the view has; an event is told only to
//! who may open its case; nothing of an event's data is told.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use casework::command::Actor;
use casework::permission;
use desk::decode;
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use runtime::log::Recorded;
use serde::Serialize;
use tokio::sync::watch;

use crate::index::{CaseRow, Index};

/// Events in the ring: some twenty seconds of the heaviest load, hours of a working day.
const EVENTS_MAX: usize = 4096;
/// Bytes of text in the ring; an event has some 350.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the feed says of an event.
#[derive(Debug, Serialize)]
struct Saying<'a> {
    case_id: CaseId,
    case_no: &'a str,
    center: &'a CenterId,
    department: Option<&'a DepartmentId>,
    state: CaseState,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: Timestamp,
    version: u64,
}

/// An event as it is told, and who may hear it.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) text: Bytes,
    center: Arc<CenterId>,
    departments: Box<[Arc<DepartmentId>]>,
}

impl Told {
    /// Tells an event of a case that the index knows; `None` of what cannot be read.
    pub(crate) fn of(recorded: &Recorded, index: &Index) -> Option<Self> {
        let (meta, event) = decode(recorded).ok()?;
        let row = index.row(meta.case_id)?;
        let text = text(recorded.sequence, event.kind().name(), meta.time, row)?;
        let (center, departments) = (Arc::clone(&row.center), row.departments_ever.clone());
        Some(Self { text, center, departments })
    }

    /// Whether this person may hear it.
    pub(crate) fn may_be_heard_by(&self, actor: &Actor) -> bool {
        permission::sees(actor, &self.center, |department| {
            self.departments.iter().any(|one| **one == *department)
        })
    }
}

/// A server-sent event.
fn text(sequence: u64, event_type: &'static str, time: Timestamp, row: &CaseRow) -> Option<Bytes> {
    let saying = Saying {
        case_id: row.case_id,
        case_no: &row.case_no,
        center: &row.center,
        department: row.department.as_deref(),
        state: row.state,
        event_type,
        time,
        version: row.version,
    };
    // JSON has no line break of its own, so the data is one line.
    let data = serde_json::to_string(&saying).ok()?;
    Some(format!("id: {sequence}\nevent: {event_type}\ndata: {data}\n\n").into())
}

/// What comes behind a place.
#[derive(Debug)]
pub(crate) enum Next {
    /// An event for this reader, and its place.
    Event(u64, Bytes),
    /// Nothing for this reader up to this place, which is the newest.
    Nothing(u64),
    /// The ring begins behind this later place.
    Behind(u64),
}

/// The ring and its bell.
#[derive(Debug)]
pub(crate) struct Feed {
    ring: RwLock<Ring>,
    newest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Ring {
    /// The sequence before its oldest event.
    begins_behind: u64,
    /// One for each sequence; `None` where nobody can read.
    events: VecDeque<Option<Told>>,
    bytes: usize,
}

impl Feed {
    /// Begins behind a sequence.
    pub(crate) fn behind(sequence: u64) -> Self {
        let ring = Ring { begins_behind: sequence, events: VecDeque::new(), bytes: 0 };
        Self { ring: RwLock::new(ring), newest: watch::Sender::new(sequence) }
    }

    /// The sequence of the newest event that was told.
    pub(crate) fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Rings when there is more.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Tells a batch that the view has.
    pub(crate) fn tell(&self, batch: &[Recorded], index: &Index) {
        // What costs time is done before the ring is held.
        let told: Vec<_> = batch.iter().map(|one| (one.sequence, Told::of(one, index))).collect();
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        for (sequence, told) in told {
            ring.push(sequence, told);
        }
        let newest = ring.newest();
        drop(ring);
        self.ring_bell(newest);
    }

    /// Goes on behind a sequence to which the view came by another way; readers find what lies between in the log. A
    /// sequence before the newest is that of a log that was restored.
    pub(crate) fn skip_to(&self, sequence: u64) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if sequence != ring.newest() {
            *ring = Ring { begins_behind: sequence, events: VecDeque::new(), bytes: 0 };
        }
        let newest = ring.newest();
        drop(ring);
        self.ring_bell(newest);
    }

    fn ring_bell(&self, newest: u64) {
        self.newest.send_if_modified(|known| std::mem::replace(known, newest) != newest);
    }

    /// What comes for this reader behind a place.
    pub(crate) fn next(&self, place: u64, actor: &Actor) -> Next {
        let ring = self.held();
        let Some(skipped) = place.checked_sub(ring.begins_behind) else {
            return Next::Behind(ring.begins_behind);
        };
        // A place beyond the newest event stays where it is until the view comes there.
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let behind = (place + 1..).zip(ring.events.iter().skip(skipped));
        for (sequence, told) in behind {
            if let Some(told) = told.as_ref().filter(|told| told.may_be_heard_by(actor)) {
                return Next::Event(sequence, told.text.clone());
            }
        }
        Next::Nothing(place.max(ring.newest()))
    }

    fn held(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn newest(&self) -> u64 {
        self.begins_behind + self.events.len() as u64
    }

    fn push(&mut self, sequence: u64, told: Option<Told>) {
        if sequence <= self.newest() {
            return;
        }
        if sequence > self.newest() + 1 {
            *self = Self { begins_behind: sequence - 1, events: VecDeque::new(), bytes: 0 };
        }
        self.bytes += told.as_ref().map_or(0, |told| told.text.len());
        self.events.push_back(told);
        while self.events.len() > EVENTS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes -= oldest.map_or(0, |told| told.text.len());
            self.begins_behind += 1;
        }
    }
}

#[cfg(test)]
mod tests;
