//! Folding the stream into what the views have to write: pure, so that a test may split and repeat batches as it likes.
//!
//! Invariants: an event at or before the checkpoint changes nothing; a case is written once, however many events it
//! had since it was written last; what cannot be read is quarantined with its reason and marks its case, and the others
//! go on.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use desk::decode;
use proto_events::ids::{CaseId, ReceiptCode};
use runtime::log::Recorded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{CaseRecord, recorded_at};

/// Cases that are remembered when they are written: events of a case come close together. Some 50 MiB at most.
const REMEMBERED_MAX: usize = 8192;

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
    known: HashMap<CaseId, Option<CaseRecord>>,
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

    /// How many cases are not written yet.
    pub(crate) fn touched(&self) -> usize {
        self.touched.len()
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
        for recorded in batch {
            if recorded.sequence > self.sequence {
                self.take(recorded, &mut load)?;
                self.sequence = recorded.sequence;
            }
        }
        Ok(())
    }

    fn take<E: std::error::Error>(
        &mut self,
        recorded: &Recorded,
        load: &mut impl FnMut(CaseId) -> Result<Option<CaseRecord>, E>,
    ) -> Result<(), FoldFault<E>> {
        match decode(recorded) {
            Ok((meta, event)) => {
                let slot = slot(&mut self.known, meta.case_id, load)?;
                let before = slot.take();
                let is_new = before.is_none();
                let recorded_at = recorded_at(recorded, &meta);
                if let Some(record) = CaseRecord::step(before, &meta, &event, recorded_at) {
                    if is_new {
                        self.receipts.push((record.case.receipt_code.clone(), meta.case_id));
                    }
                    *slot = Some(record);
                    self.touched.insert(meta.case_id);
                }
            }
            Err(unreadable) => {
                if let Some(case_id) = unreadable.case_id
                    && let Some(record) = slot(&mut self.known, case_id, load)?
                {
                    record.quarantined = true;
                    self.touched.insert(case_id);
                }
                self.quarantined.push(Quarantined {
                    sequence: recorded.sequence,
                    subject: recorded.subject.clone(),
                    reason: unreadable.reason,
                });
            }
        }
        Ok(())
    }

    /// What is to be written.
    pub(crate) fn folded(&self) -> Folded<'_> {
        let record = |case_id: &CaseId| Some((*case_id, self.known.get(case_id)?.as_ref()?));
        Folded {
            sequence: self.sequence,
            cases: self.touched.iter().filter_map(record).collect(),
            receipts: &self.receipts,
            quarantined: &self.quarantined,
        }
    }

    /// Notes that it is written; gives what went into quarantine with it.
    pub(crate) fn written(&mut self) -> Vec<Quarantined> {
        if self.known.len() > REMEMBERED_MAX {
            // Those that the latest events were about are likely to come again.
            let touched = &self.touched;
            self.known.retain(|case_id, record| {
                touched.contains(case_id)
                    && record.as_ref().is_some_and(|record| record.case.is_open())
            });
        }
        if self.known.len() > REMEMBERED_MAX {
            self.known.clear();
        }
        self.touched.clear();
        self.receipts.clear();
        std::mem::take(&mut self.quarantined)
    }
}

/// A case as it is known; loaded at its first event.
fn slot<'a, E: std::error::Error>(
    known: &'a mut HashMap<CaseId, Option<CaseRecord>>,
    case_id: CaseId,
    load: &mut impl FnMut(CaseId) -> Result<Option<CaseRecord>, E>,
) -> Result<&'a mut Option<CaseRecord>, FoldFault<E>> {
    Ok(match known.entry(case_id) {
        Entry::Occupied(found) => found.into_mut(),
        Entry::Vacant(free) => free.insert(load(case_id).map_err(FoldFault::Load)?),
    })
}
