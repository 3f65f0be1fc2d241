//! The view `cases` in its store: rows of cases, receipts, and what is in quarantine.
//!
//! Keys, all with a prefix: `c/<case id>` the case, `d/<case id><n>` the rest of one that is too large for a
//! row, `r/<receipt code>` the case of a receipt, `q/<sequence>` an event
//! that nobody can read. Ids are 16 bytes, numbers big-endian. Invariant: a checkpoint is written with the
//! last row of what led to it. All calls but the lookups of one row block.

use std::ops::Bound;
mod packing;

use std::path::Path;

use chrono::{DateTime, Utc};
use proto_events::ids::{CaseId, ReceiptCode};
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};
use runtime::log::Head;
use runtime::store::{Batch, Checkpoint, Opened, Row, StoreError, ViewStore};
use serde::de::DeserializeOwned;
use uuid::Uuid;

pub(crate) use self::packing::DICTIONARY;
use self::packing::{pack, unpack};
use crate::fold::{Folded, Quarantined};
use crate::record::CaseRecord;

/// The schema of the rows. One higher: every view is set aside and built anew at the next start.
const SCHEMA_VERSION: u32 = 9;

/// Bytes of a packed case in one row; the store takes 64 KiB, and a case has one KiB as a rule.
const PART_BYTES: usize = 48 * 1024;

/// Rows that are written in one step: a few megabytes of memory, and a few milliseconds that readers wait.
const STEP_ROWS_MAX: usize = 512;

/// Rows for which another core is asked to help: some hundred microseconds of work.
const SHARE_ROWS_MIN: usize = 16;

/// Bytes of a packed answer that is kept; a case has one KiB as a rule.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Opens the store of the view. Blocks.
///
/// # Errors
/// When another process has it open, or the disk does not do.
pub(crate) fn open_store(folder: &Path, head: Head) -> Result<Opened, StoreError> {
    ViewStore::open(folder, SCHEMA_VERSION, head)
}

/// The view in its store.
#[derive(Debug)]
pub(crate) struct Views {
    store: ViewStore,
    stream_created_at: DateTime<Utc>,
}

impl Views {
    /// Takes an opened store; events come from the stream that was made at `stream_created_at`.
    pub(crate) fn new(store: ViewStore, stream_created_at: DateTime<Utc>) -> Self {
        Self { store, stream_created_at }
    }

    /// The store itself.
    pub(crate) fn store(&self) -> &ViewStore {
        &self.store
    }

    /// The sequence that the view has come to.
    pub(crate) fn checkpoint(&self) -> Result<u64, StoreError> {
        Ok(self.store.checkpoint()?.sequence)
    }

    /// Writes what a batch has led to, with its checkpoint. Many cases go in several steps, the checkpoint with the last
    /// one: a row that is ahead of the checkpoint knows by its version what it has seen.
    pub(crate) fn apply(&self, folded: &Folded<'_>) -> Result<(), StoreError> {
        let mut batch = self.rows(folded)?;
        for unreadable in folded.quarantined {
            batch.insert(&quarantine_key(unreadable.sequence), &encode(unreadable)?);
        }
        let stream_created_at = self.stream_created_at;
        self.store.apply(batch, Checkpoint { sequence: folded.sequence, stream_created_at })
    }

    /// Writes cases and receipts ahead of the checkpoint, which stays.
    pub(crate) fn write_ahead(&self, folded: &Folded<'_>) -> Result<(), StoreError> {
        let batch = self.rows(folded)?;
        self.store.apply(batch, self.store.checkpoint()?)
    }

    /// Writes the receipts and cases but for a last batch, which it gives.
    fn rows(&self, folded: &Folded<'_>) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        let before = self.store.checkpoint()?;
        // Before the cases that they lead to, because the opening of a case that is there is not looked at again.
        for (code, case_id) in folded.receipts {
            self.make_room(&mut batch, 1, before)?;
            batch.insert(&receipt_key(code), case_id.0.as_bytes());
        }
        for cases in folded.cases.chunks(STEP_ROWS_MAX) {
            self.make_room(&mut batch, cases.len(), before)?;
            // One after the other unless they are many: a view that is built packs on all cores.
            let packed: Vec<_> = match cases.len() < 2 * SHARE_ROWS_MIN {
                true => cases.iter().map(|(_, record)| pack(record)).collect(),
                false => cases
                    .par_iter()
                    .with_min_len(SHARE_ROWS_MIN)
                    .map(|(_, record)| pack(record))
                    .collect(),
            };
            for ((case_id, _), packed) in cases.iter().zip(packed) {
                insert(&mut batch, *case_id, &packed?)?;
            }
        }
        Ok(batch)
    }

    /// Writes what is in a batch when so many more rows would be too many for one step.
    fn make_room(
        &self,
        batch: &mut Batch,
        rows: usize,
        before: Checkpoint,
    ) -> Result<(), StoreError> {
        match batch.len() + rows > STEP_ROWS_MAX {
            true => self.store.apply(std::mem::take(batch), before),
            false => Ok(()),
        }
    }

    /// A case.
    pub(crate) fn case(&self, case_id: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        let Some(first) = self.store.get(&case_key(case_id))? else { return Ok(None) };
        self.whole(case_id, &first).map(Some)
    }

    /// Every case, in the order of ids.
    pub(crate) fn cases(&self) -> impl Iterator<Item = Result<(CaseId, CaseRecord), StoreError>> {
        self.store.scan_prefix(b"c/").map(|row| {
            let (key, first) = row?;
            let case_id = id_in(&key).ok_or_else(unreadable)?;
            Ok((case_id, self.whole(case_id, &first)?))
        })
    }

    /// Whether a case has seen more than the checkpoint says, or a receipt came before its case: a write of many rows was
    /// cut off. Reads them all.
    pub(crate) fn is_ahead(&self) -> Result<bool, StoreError> {
        let checkpoint = self.checkpoint()?;
        for row in self.cases() {
            if row?.1.case.version > checkpoint {
                return Ok(true);
            }
        }
        for row in self.store.scan_prefix(b"r/") {
            let case_id = Uuid::from_slice(&row?.1).map_err(|_| unreadable())?;
            if self.store.get(&case_key(CaseId(case_id)))?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What was kept of the answer to a case; see [`Views::keep_answer`].
    pub(crate) fn kept_answer(&self, case_id: CaseId) -> Option<Row> {
        // What cannot be read is made anew.
        self.store.aside(case_id.0.as_bytes()).ok().flatten()
    }

    /// Keeps the answer to a case beside its row, no part of the view.
    pub(crate) fn keep_answer(&self, case_id: CaseId, answer: &[u8]) {
        if answer.len() > ANSWER_BYTES_MAX {
            return;
        }
        if let Err(error) = self.store.put_aside(case_id.0.as_bytes(), answer) {
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "an answer could not be kept; it is made anew each time");
        }
    }

    /// The case of a receipt.
    pub(crate) fn receipt(&self, code: &ReceiptCode) -> Result<Option<CaseId>, StoreError> {
        let Some(row) = self.store.get(&receipt_key(code))? else { return Ok(None) };
        Ok(Some(CaseId(Uuid::from_slice(&row).map_err(|_| unreadable())?)))
    }

    /// How many receipts there are. Reads them all.
    pub(crate) fn receipt_count(&self) -> Result<usize, StoreError> {
        self.store.scan_prefix(b"r/").try_fold(0, |count, row| row.map(|_| count + 1))
    }

    /// What is in quarantine, oldest first.
    pub(crate) fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        self.store.scan_prefix(b"q/").map(|row| decode(&row?.1)).collect()
    }

    /// What is in quarantine behind a sequence, oldest first, so many at most.
    pub(crate) fn quarantined_behind(
        &self,
        sequence: u64,
        limit: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        quarantine_behind(&self.store, sequence, limit)
    }

    /// Reads a case of its first row and of those that follow it.
    fn whole(&self, case_id: CaseId, first: &[u8]) -> Result<CaseRecord, StoreError> {
        let (rest, first) = first.split_first().ok_or_else(unreadable)?;
        if *rest == 0 {
            return unpack(first);
        }
        let mut bytes = first.to_vec();
        for number in 1..=*rest {
            let part = self.store.get(&part_key(case_id, number))?.ok_or_else(unreadable)?;
            bytes.extend_from_slice(&part);
        }
        unpack(&bytes)
    }
}

/// Puts a packed case into a batch, in as many rows as it takes.
fn insert(batch: &mut Batch, case_id: CaseId, packed: &[u8]) -> Result<(), StoreError> {
    let mut parts = packed.chunks(PART_BYTES);
    let first = parts.next().unwrap_or_default();
    let rest = u8::try_from(parts.len()).map_err(|_| StoreError::Unfit("a case too large"))?;
    batch.insert(&case_key(case_id), &[&[rest], first].concat());
    for (number, part) in (1_u8..).zip(parts) {
        batch.insert(&part_key(case_id, number), part);
    }
    Ok(())
}

fn case_key(case_id: CaseId) -> Vec<u8> {
    [b"c/", case_id.0.as_bytes().as_slice()].concat()
}

fn part_key(case_id: CaseId, number: u8) -> Vec<u8> {
    [b"d/", case_id.0.as_bytes().as_slice(), &[number]].concat()
}

fn receipt_key(code: &ReceiptCode) -> Vec<u8> {
    [b"r/", code.as_str().as_bytes()].concat()
}

/// What is in quarantine in any view's store behind a sequence, oldest first, so many at most.
pub(crate) fn quarantine_behind(
    store: &ViewStore,
    sequence: u64,
    limit: usize,
) -> Result<Vec<Quarantined>, StoreError> {
    let (first, last) = (quarantine_key(sequence), quarantine_key(u64::MAX));
    let rows = store.range(Bound::Excluded(&first), Bound::Included(&last));
    rows.take(limit).map(|row| decode(&row?.1)).collect()
}

/// The key of an event in quarantine, in any view's store.
pub(crate) fn quarantine_key(sequence: u64) -> Vec<u8> {
    [b"q/".as_slice(), &sequence.to_be_bytes()].concat()
}

fn id_in(key: &[u8]) -> Option<CaseId> {
    Uuid::from_slice(key.get(2..)?).ok().map(CaseId)
}

fn encode(row: &impl serde::Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(row).map_err(|_| StoreError::Unfit("a row that is no JSON"))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged(Box::new(error)))
}

fn unreadable() -> StoreError {
    StoreError::Damaged("a row has not the form of its key".into())
}
