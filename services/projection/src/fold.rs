//! Folding the stream into what the views have to write: pure, so that a test may split and repeat batches as it likes.
//!
//! Invariants: an event at or before the checkpoint changes nothing; a case is written once, however many events it
//! had since it was written last; what cannot be read is quarantined with its reason and marks its case, and the others
//! go on.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use casework::case::EventMeta;
use chrono::{DateTime, Utc};
use desk::{Undecodable, decode};
use proto_events::envelope::header;
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, ReceiptCode};
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};
use runtime::log::Recorded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{CaseRecord, Written};

/// Cases that are remembered, written or not: a case has its events in a few days, and a view that catches up would
/// otherwise load, change and write it many times. More than the cases under way in a city's week; some 80 MiB, reckoned with five KiB each.
pub(crate) const REMEMBERED_MAX: usize = 16 * 1024;

/// Cases that are remembered by a view that has caught up: those of the last minutes.
pub(crate) const REMEMBERED_LIVE_MAX: usize = 512;

/// Events for which another core is asked to help: some hundred microseconds of work.
const SHARE_EVENTS_MIN: usize = 32;

/// Longest name of a type, in characters: twice the longest that there is.
const TYPE_CHARS_MAX: usize = 64;

/// An event that nobody can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Quarantined {
    /// Its place in the stream.
    pub(crate) sequence: u64,
    /// Its subject.
    pub(crate) subject: String,
    /// What its header says that it is, when that may be the name of a type.
    pub(crate) event_type: Option<String>,
    /// Why.
    pub(crate) reason: String,
    /// When the bus stored it: nobody has been able to read it since.
    pub(crate) since: DateTime<Utc>,
}

impl Quarantined {
    /// Notes why an event cannot be read.
    pub(crate) fn of(recorded: &Recorded, reason: String) -> Self {
        let event_type = recorded.headers.get(header::TYPE).filter(|name| is_type_name(name));
        Self {
            sequence: recorded.sequence,
            subject: recorded.subject.clone(),
            event_type: event_type.map(ToString::to_string),
            reason,
            since: recorded.stored_at,
        }
    }
}

/// Whether a text may be the name of a type; whatever else stands in the header of an event that nobody can read is
/// shown to nobody.
fn is_type_name(text: &str) -> bool {
    (1..=TYPE_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.0123456789".contains(&byte))
}

/// What has been folded and is not written yet.
#[derive(Debug)]
pub(crate) struct Folded<'a> {
    /// The checkpoint after it.
    pub(crate) sequence: u64,
    /// The cases that it touched, in the order of ids.
    pub(crate) cases: Vec<(CaseId, &'a CaseRecord)>,
    /// The receipts of the cases that it opens.
    pub(crate) receipts: &'a [(ReceiptCode, CaseId)],
    /// The events that nobody can read.
    pub(crate) quarantined: &'a [Quarantined],
}

/// The cases as the stream has made them so far, ahead of the view by what is not written yet.
#[derive(Debug)]
pub(crate) struct Folder {
    sequence: u64,
    /// `None` for a case without an opening.
    known: HashMap<CaseId, Option<Box<CaseRecord>>>,
    touched: BTreeSet<CaseId>,
    receipts: Vec<(ReceiptCode, CaseId)>,
    quarantined: Vec<Quarantined>,
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

impl Folder {
    /// Starts behind the last event of a view.
    pub(crate) fn behind(sequence: u64) -> Self {
        Self {
            sequence,
            known: HashMap::new(),
            touched: BTreeSet::new(),
            receipts: Vec::new(),
            quarantined: Vec::new(),
        }
    }

    /// The sequence of the last event that was folded.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How many cases are remembered.
    pub(crate) fn remembered(&self) -> usize {
        self.known.len()
    }

    /// Folds a batch on top of what is known, and of what `load` knows of other cases.
    ///
    /// # Errors
    /// [`FoldFault`]; after a gap nothing has changed, after a case that could not be loaded the folder is of no use.
    pub(crate) fn fold<E: std::error::Error>(
        &mut self,
        batch: &[Recorded],
        mut load: impl FnMut(CaseId) -> Result<Option<CaseRecord>, E>,
    ) -> Result<(), FoldFault<E>> {
        let mut after = self.sequence;
        for came in batch.iter().map(|recorded| recorded.sequence) {
            if came > after + 1 {
                return Err(FoldFault::Gap { after, came });
            }
            after = after.max(came);
        }
        let is_new = |recorded: &Recorded| recorded.sequence > self.sequence;
        let batch = &batch[batch.iter().position(is_new).unwrap_or(batch.len())..];
        for (recorded, read) in batch.iter().zip(read(batch)) {
            if recorded.sequence > self.sequence {
                self.take(recorded, read, &mut load)?;
                self.sequence = recorded.sequence;
            }
        }
        Ok(())
    }

    fn take<E: std::error::Error>(
        &mut self,
        recorded: &Recorded,
        read: Read,
        load: &mut impl FnMut(CaseId) -> Result<Option<CaseRecord>, E>,
    ) -> Result<(), FoldFault<E>> {
        match read {
            Ok((meta, event)) => {
                let slot = slot(&mut self.known, meta.case_id, load)?;
                let written = Written::of(recorded, &meta);
                match slot {
                    // A row may be ahead of the checkpoint.
                    Some(record) if record.case.version >= meta.sequence => {}
                    Some(record) => record.evolve(&meta, &event, written),
                    None => {
                        let begun = CaseRecord::begin(&meta, &event, written);
                        let Some(record) = begun else { return Ok(()) };
                        self.receipts.push((record.case.receipt_code.clone(), meta.case_id));
                        *slot = Some(Box::new(record));
                    }
                }
                self.touched.insert(meta.case_id);
            }
            Err(unreadable) => {
                if let Some(case_id) = unreadable.case_id
                    && let Some(record) = slot(&mut self.known, case_id, load)?
                {
                    record.quarantined = true;
                    self.touched.insert(case_id);
                }
                self.quarantined.push(Quarantined::of(recorded, unreadable.reason));
            }
        }
        Ok(())
    }

    /// What is to be written.
    pub(crate) fn folded(&self) -> Folded<'_> {
        self.folded_if(|_| true)
    }

    /// What is to be written of the cases that have come to their end: nothing, or little, is still to come for them.
    pub(crate) fn ended(&self) -> Folded<'_> {
        self.folded_if(CaseRecord::has_ended)
    }

    fn folded_if(&self, is_wanted: impl Fn(&CaseRecord) -> bool) -> Folded<'_> {
        let record = |case_id: &CaseId| {
            let record = self.known.get(case_id)?.as_deref()?;
            is_wanted(record).then_some((*case_id, record))
        };
        Folded {
            sequence: self.sequence,
            cases: self.touched.iter().filter_map(record).collect(),
            receipts: &self.receipts,
            quarantined: &self.quarantined,
        }
    }

    /// Notes that all of it is written; gives what went into quarantine with it. Of the cases, so many at most are
    /// remembered.
    pub(crate) fn written(&mut self, remembered_max: usize) -> Vec<Quarantined> {
        if self.known.len() > remembered_max {
            // Those that the latest events were about are likely to come again.
            let touched = &self.touched;
            self.known.retain(|case_id, record| {
                let is_under_way = record.as_deref().is_some_and(|record| !record.has_ended());
                is_under_way && touched.contains(case_id)
            });
        }
        if self.known.len() > remembered_max {
            self.known = HashMap::new();
        }
        self.touched.clear();
        self.receipts.clear();
        std::mem::take(&mut self.quarantined)
    }

    /// Notes that what has ended is written, and forgets it.
    pub(crate) fn ended_written(&mut self) {
        let touched = &mut self.touched;
        self.known.retain(|case_id, record| {
            let is_under_way = record.as_deref().is_some_and(|record| !record.has_ended());
            if !is_under_way {
                touched.remove(case_id);
            }
            is_under_way
        });
        self.receipts.clear();
    }
}

/// What an event turned out to be.
type Read = Result<(EventMeta, CaseEvent), Undecodable>;

/// Reads a batch; a large one on all cores, because a view that is built does little else.
fn read(batch: &[Recorded]) -> Vec<Read> {
    match batch.len() < 2 * SHARE_EVENTS_MIN {
        true => batch.iter().map(decode).collect(),
        false => batch.par_iter().with_min_len(SHARE_EVENTS_MIN).map(decode).collect(),
    }
}

/// A case as it is known; loaded at its first event.
fn slot<'a, E: std::error::Error>(
    known: &'a mut HashMap<CaseId, Option<Box<CaseRecord>>>,
    case_id: CaseId,
    load: &mut impl FnMut(CaseId) -> Result<Option<CaseRecord>, E>,
) -> Result<&'a mut Option<Box<CaseRecord>>, FoldFault<E>> {
    Ok(match known.entry(case_id) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(free) => free.insert(load(case_id).map_err(FoldFault::Load)?.map(Box::new)),
    })
}
