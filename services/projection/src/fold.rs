//! Folding a batch of the stream into what the views have to write: pure, so that a test may split and repeat
//! batches as it likes.
//!
//! Invariants: an event at or before the checkpoint changes nothing; a case is written once per batch; what
//! cannot be read is quarantined with its reason and marks its case, and the others go on; no personal data,
//! sealed or not, enters a timeline.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use casework::case::{Case, EventMeta};
use desk::decode;
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::envelope::header;
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};
use proto_events::upcast;
use runtime::log::Recorded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::record::CaseRecord;

/// Largest body of an event that a timeline shows, in bytes: below what one row of the store may hold.
const ENTRY_BYTES_MAX: usize = 56 * 1024;

/// What every version of the opening begins with: the only event with an applicant.
const OPENED_PREFIX: &str = "cn.unstuck.case.opened.";

/// The fields of an event's data that stay out of the timeline: ciphertext of personal data.
const SEALED_FIELDS: [&str; 2] = ["applicant", "sealed"];

/// One event of a case, as its history shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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

impl TimelineEntry {
    /// Reads the event back, for whoever explains or tells it. The applicant, who does not enter a history, is the
    /// sealed one of the case. `None` for what was too large to be kept whole.
    pub(crate) fn read(&self, case: &Case) -> Option<(EventMeta, CaseEvent)> {
        let mut data = self.data.clone();
        if self.event_type.starts_with(OPENED_PREFIX)
            && let Some(members) = data.as_object_mut()
        {
            let applicant = serde_json::to_value(&case.applicant).ok()?;
            members.insert("applicant".to_owned(), applicant);
        }
        let body = serde_json::to_vec(&data).ok()?;
        let event = upcast::read(&self.event_type, &body).ok()?;
        let meta = EventMeta {
            id: self.id,
            // A history does not keep it, and no fold asks for it.
            command_id: CommandId(Uuid::nil()),
            case_id: case.case_id,
            sequence: self.sequence,
            time: self.time,
            actor: self.actor.clone(),
            role: self.role,
        };
        Some((meta, event))
    }
}

/// An event that nobody can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Quarantined {
    /// Its place in the stream.
    pub(crate) sequence: u64,
    /// Its subject.
    pub(crate) subject: String,
    /// Why.
    pub(crate) reason: String,
}

/// What a batch makes of the views.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// The checkpoint after it.
    pub(crate) sequence: u64,
    /// The cases that it touched; `None` for one without an opening.
    pub(crate) cases: BTreeMap<CaseId, Option<CaseRecord>>,
    /// The receipts of the cases that it opens.
    pub(crate) receipts: Vec<(ReceiptCode, CaseId)>,
    /// The events that it adds to histories.
    pub(crate) timeline: Vec<(CaseId, TimelineEntry)>,
    /// The events that nobody can read.
    pub(crate) quarantined: Vec<Quarantined>,
}

/// Why a batch could not be folded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldFault<E: std::error::Error + 'static> {
    /// A case could not be loaded.
    #[error("a case of the batch could not be loaded")]
    Load(#[source] E),
    /// Events are missing.
    #[error("events are missing: after sequence {after} came {came}")]
    Gap {
        /// The checkpoint.
        after: u64,
        /// What came.
        came: u64,
    },
}

/// Folds a batch on top of what `load` knows.
///
/// # Errors
/// [`FoldFault`]; nothing has changed then.
pub(crate) fn fold<E: std::error::Error>(
    checkpoint: u64,
    batch: &[Recorded],
    mut load: impl FnMut(CaseId) -> Result<Option<CaseRecord>, E>,
) -> Result<Folded, FoldFault<E>> {
    let mut folded = Folded { sequence: checkpoint, ..Folded::default() };
    for recorded in batch {
        if recorded.sequence <= folded.sequence {
            continue;
        }
        if recorded.sequence != folded.sequence + 1 {
            let (after, came) = (folded.sequence, recorded.sequence);
            return Err(FoldFault::Gap { after, came });
        }
        folded.sequence = recorded.sequence;
        match decode(recorded) {
            Ok((meta, event)) => {
                let slot = slot(&mut folded.cases, meta.case_id, &mut load)?;
                let before = slot.take();
                let is_new = before.is_none();
                if let Some(mut record) = CaseRecord::step(before, &meta, &event) {
                    record.entries += 1;
                    if is_new {
                        folded.receipts.push((record.case.receipt_code.clone(), meta.case_id));
                    }
                    *slot = Some(record);
                }
                let entry = TimelineEntry {
                    sequence: recorded.sequence,
                    id: meta.id,
                    event_type: text(recorded, header::TYPE),
                    time: meta.time,
                    recorded_at: text(recorded, header::RECORDED_AT),
                    actor: meta.actor,
                    role: meta.role,
                    data: shown(&recorded.body),
                };
                folded.timeline.push((meta.case_id, entry));
            }
            Err(unreadable) => {
                if let Some(case_id) = unreadable.case_id
                    && let Some(record) = slot(&mut folded.cases, case_id, &mut load)?
                {
                    record.quarantined = true;
                }
                folded.quarantined.push(Quarantined {
                    sequence: recorded.sequence,
                    subject: recorded.subject.clone(),
                    reason: unreadable.reason,
                });
            }
        }
    }
    Ok(folded)
}

/// The state of a case within the batch; loaded at its first event.
fn slot<'a, E: std::error::Error>(
    cases: &'a mut BTreeMap<CaseId, Option<CaseRecord>>,
    case_id: CaseId,
    load: &mut impl FnMut(CaseId) -> Result<Option<CaseRecord>, E>,
) -> Result<&'a mut Option<CaseRecord>, FoldFault<E>> {
    Ok(match cases.entry(case_id) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(free) => free.insert(load(case_id).map_err(FoldFault::Load)?),
    })
}

fn text(recorded: &Recorded, name: &str) -> String {
    recorded.headers.get(name).cloned().unwrap_or_default()
}

/// The data of an event as a history may show it.
fn shown(body: &[u8]) -> Value {
    if body.len() > ENTRY_BYTES_MAX {
        return json!({ "too_large_bytes": body.len() });
    }
    let mut data: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(members) = data.as_object_mut() {
        for field in SEALED_FIELDS {
            members.remove(field);
        }
    }
    data
}
