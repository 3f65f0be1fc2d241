//! The view `centers` in its store, and its days in memory.
//!
//! Keys, all with a prefix: `k/<center>\0<day><channel>\0<outcome>\0<topic>` when how many such questions were counted, `z/<center>\0<day>`
//! how the day was closed, `s/` the day since which anything was written down, `q/<sequence>` an event that nobody can
//! read. Days are written as dates, numbers big-endian. Invariants: a batch and its checkpoint are one write; the days in
//! memory follow from the rows alone. All calls that reach the store block.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use chrono::{DateTime, NaiveDate, Utc};
use proto_events::centers::{ConsultationOutcome, OutcomeCount};
use proto_events::ids::CenterId;
use runtime::log::Head;
use runtime::store::{Batch, Checkpoint, Opened, Row, StoreError, ViewStore};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::fold::{CloseRow, DayKey, Folded, TallyKey, Told};
use crate::fold::Quarantined;
use crate::views::{quarantine_behind, quarantine_key};

/// The schema of the rows. One higher: the view is set aside and built anew at the next start.
const SCHEMA_VERSION: u32 = 3;

/// Bytes of a count with its place and its instant.
const TOLD_BYTES: usize = 24;

const SINCE_KEY: &[u8] = b"s/";

/// Opens the store of the view. Blocks.
///
/// # Errors
/// When another process has it open, or the disk does not do.
pub(crate) fn open_store(folder: &Path, head: Head) -> Result<Opened, StoreError> {
    ViewStore::open(folder, SCHEMA_VERSION, head)
}

/// A day of a center in memory: what was counted for it and when, and its report. It is looked at as it stood when
/// everything up to an instant had been written down, in microseconds since 1970; [`i64::MAX`] for now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Day {
    /// In the order of the stream.
    told: Vec<(Told, ConsultationOutcome)>,
    close: Option<CloseRow>,
}

impl Day {
    /// How many questions had each outcome; outcomes of none may be missing.
    pub(crate) fn counts(&self, seen_to: i64) -> BTreeMap<ConsultationOutcome, u64> {
        let mut counts = BTreeMap::new();
        for (told, outcome) in self.told.iter().filter(|(told, _)| told.recorded_at <= seen_to) {
            let count: &mut u64 = counts.entry(*outcome).or_default();
            *count = count.saturating_add(told.count);
        }
        counts
    }

    /// Its report.
    pub(crate) fn close(&self, seen_to: i64) -> Option<&CloseRow> {
        self.close.as_ref().filter(|close| close.recorded_at.timestamp_micros() <= seen_to)
    }

    /// The place of its latest event in the stream; 0 when there was none.
    fn sequence(&self, seen_to: i64) -> u64 {
        let told = self.told.iter().filter(|(told, _)| told.recorded_at <= seen_to);
        let told = told.map(|(told, _)| told.sequence).max();
        told.max(self.close(seen_to).map(|close| close.sequence)).unwrap_or_default()
    }
}

/// Every outcome with its count.
pub(crate) fn named(counts: &BTreeMap<ConsultationOutcome, u64>) -> Vec<OutcomeCount> {
    let count = |outcome: &_| OutcomeCount {
        outcome: *outcome,
        count: counts.get(outcome).copied().unwrap_or_default(),
    };
    ConsultationOutcome::ALL.iter().map(count).collect()
}

/// The days of all centers: some thousands a year.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Days {
    days: BTreeMap<DayKey, Day>,
    /// The day since which anything was written down.
    pub(crate) since: Option<NaiveDate>,
}

impl Days {
    /// A day of a center.
    pub(crate) fn day(&self, center: &CenterId, day: NaiveDate) -> Option<&Day> {
        self.days.get(&(center.clone(), day))
    }

    /// The days of a center between two, both included, oldest first.
    pub(crate) fn between(
        &self,
        center: &CenterId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> impl DoubleEndedIterator<Item = (NaiveDate, &Day)> {
        // A range that ends before it begins is nobody's question, and a panic of the map.
        let to = to.max(from);
        let range = (center.clone(), from)..=(center.clone(), to);
        self.days.range(range).map(|((_, day), found)| (*day, found))
    }

    /// The place of the latest event that had been written down at an instant.
    pub(crate) fn sequence(&self, seen_to: i64) -> u64 {
        self.days.values().map(|day| day.sequence(seen_to)).max().unwrap_or_default()
    }

    fn add(&mut self, key: &TallyKey, told: &[Told]) {
        let day = self.days.entry((key.center.clone(), key.day)).or_default();
        for one in told {
            let place = day.told.partition_point(|(other, _)| other.sequence < one.sequence);
            day.told.insert(place, (*one, key.outcome));
        }
    }

    fn close(&mut self, key: &DayKey, row: &CloseRow) {
        self.days.entry(key.clone()).or_default().close.get_or_insert_with(|| row.clone());
    }

    fn began(&mut self, since: Option<NaiveDate>) {
        self.since = [self.since, since].into_iter().flatten().min();
    }
}

/// One generation of the view.
#[derive(Debug)]
pub(crate) struct CentersView {
    store: ViewStore,
    stream_created_at: DateTime<Utc>,
    days: RwLock<Days>,
    checkpoint: AtomicU64,
    quarantined: AtomicU64,
}

impl CentersView {
    /// Takes an opened store and reads its days. Blocks.
    pub(crate) fn load(store: ViewStore, head: Head) -> Result<Self, StoreError> {
        let view = Self {
            checkpoint: AtomicU64::new(store.checkpoint()?.sequence),
            store,
            stream_created_at: head.created_at,
            days: RwLock::default(),
            quarantined: AtomicU64::new(0),
        };
        let days = view.stored_days()?;
        let quarantined = view.quarantine()?.len() as u64;
        *view.days.write().unwrap_or_else(PoisonError::into_inner) = days;
        view.quarantined.store(quarantined, Ordering::Release);
        Ok(view)
    }

    /// The store itself.
    pub(crate) fn store(&self) -> &ViewStore {
        &self.store
    }

    /// The sequence that it has come to.
    pub(crate) fn sequence(&self) -> u64 {
        self.checkpoint.load(Ordering::Acquire)
    }

    /// How many events are in quarantine.
    pub(crate) fn quarantined(&self) -> u64 {
        self.quarantined.load(Ordering::Acquire)
    }

    /// The days; held for the length of one query.
    pub(crate) fn days(&self) -> RwLockReadGuard<'_, Days> {
        self.days.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes what a batch brings, with its checkpoint, in one step. Blocks; only one at a time may write.
    pub(crate) fn apply(&self, folded: &Folded) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        for (key, added) in &folded.tallies {
            let row = tally_key(key);
            let mut bytes = self.store.get(&row)?.map_or_else(Vec::new, |bytes| bytes.to_vec());
            added.iter().for_each(|told| write(told, &mut bytes));
            batch.insert(&row, &bytes);
        }
        for (key, row) in &folded.closes {
            let place = close_key(key);
            if self.store.get(&place)?.is_none() {
                batch.insert(&place, &encode(row)?);
            }
        }
        if let Some(since) = folded.since
            && self.days().since.is_none_or(|before| since < before)
        {
            batch.insert(SINCE_KEY, since.to_string().as_bytes());
        }
        for unreadable in &folded.quarantined {
            batch.insert(&quarantine_key(unreadable.sequence), &encode(unreadable)?);
        }
        let stream_created_at = self.stream_created_at;
        self.store.apply(batch, Checkpoint { sequence: folded.sequence, stream_created_at })?;
        let mut days = self.days.write().unwrap_or_else(PoisonError::into_inner);
        folded.tallies.iter().for_each(|(key, added)| days.add(key, added));
        folded.closes.iter().for_each(|(key, row)| days.close(key, row));
        days.began(folded.since);
        drop(days);
        self.quarantined.fetch_add(folded.quarantined.len() as u64, Ordering::AcqRel);
        self.checkpoint.store(folded.sequence, Ordering::Release);
        Ok(())
    }

    /// Every count, by center and day.
    pub(crate) fn tallies(
        &self,
    ) -> impl Iterator<Item = Result<(TallyKey, Vec<Told>), StoreError>> {
        self.store.scan_prefix(b"k/").map(tally)
    }

    /// The counts of a center between two days, both included.
    pub(crate) fn tallies_between(
        &self,
        center: &CenterId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> impl Iterator<Item = Result<(TallyKey, Vec<Told>), StoreError>> {
        // Keys are in the order of days as long as years have four digits.
        let last = NaiveDate::from_ymd_opt(9999, 12, 31).expect("a fixed date");
        let first = NaiveDate::from_ymd_opt(0, 1, 1).expect("a fixed date");
        let (from, to) = (from.clamp(first, last), to.clamp(first, last));
        let key = |day: NaiveDate| format!("k/{center}\0{day}").into_bytes();
        // Codes are ASCII: nothing of the last day stands behind this byte.
        let (from, to) = (key(from), [key(to.max(from)), vec![0xff]].concat());
        self.store.range(Bound::Included(&from), Bound::Included(&to)).map(tally)
    }

    /// Every report, by center and day.
    pub(crate) fn closes(&self) -> impl Iterator<Item = Result<(DayKey, CloseRow), StoreError>> {
        self.store.scan_prefix(b"z/").map(|row| {
            let (key, value) = row?;
            Ok((day_of(&key).ok_or_else(unreadable)?, decode(&value)?))
        })
    }

    /// What is in quarantine, oldest first.
    pub(crate) fn quarantine(&self) -> Result<Vec<Quarantined>, StoreError> {
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

    /// The days as the rows say them.
    pub(crate) fn stored_days(&self) -> Result<Days, StoreError> {
        let mut days = Days::default();
        for tally in self.tallies() {
            let (key, told) = tally?;
            days.add(&key, &told);
        }
        for close in self.closes() {
            let (key, row) = close?;
            days.close(&key, &row);
        }
        if let Some(since) = self.store.get(SINCE_KEY)? {
            let text = std::str::from_utf8(&since).map_err(|_| unreadable())?;
            days.began(Some(text.parse().map_err(|_| unreadable())?));
        }
        Ok(days)
    }
}

fn tally(row: Result<(Row, Row), StoreError>) -> Result<(TallyKey, Vec<Told>), StoreError> {
    let (key, value) = row?;
    Ok((tally_of(&key).ok_or_else(unreadable)?, told(&value)?))
}

fn tally_key(key: &TallyKey) -> Vec<u8> {
    let TallyKey { center, day, channel, outcome, topic } = key;
    format!("k/{center}\0{day}{channel}\0{outcome}\0{topic}").into_bytes()
}

fn close_key((center, day): &DayKey) -> Vec<u8> {
    format!("z/{center}\0{day}").into_bytes()
}

fn tally_of(key: &[u8]) -> Option<TallyKey> {
    let text = std::str::from_utf8(key.strip_prefix(b"k/")?).ok()?;
    // The topic is last: nothing in it can be taken for something else.
    let mut parts = text.splitn(4, '\0');
    let center = parts.next()?.parse().ok()?;
    let (day, channel) = split_day(parts.next()?)?;
    let (channel, outcome) = (channel.parse().ok()?, parts.next()?.parse().ok()?);
    Some(TallyKey { center, day, channel, outcome, topic: parts.next()?.to_owned() })
}

fn day_of(key: &[u8]) -> Option<DayKey> {
    let text = std::str::from_utf8(key.strip_prefix(b"z/")?).ok()?;
    let (center, day) = text.split_once('\0')?;
    Some((center.parse().ok()?, day.parse().ok()?))
}

/// A date at the beginning of a text; codes begin with a letter.
fn split_day(text: &str) -> Option<(NaiveDate, &str)> {
    let end = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (day, rest) = text.split_at(end);
    Some((day.parse().ok()?, rest))
}

fn write(told: &Told, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&told.sequence.to_be_bytes());
    bytes.extend_from_slice(&told.recorded_at.to_be_bytes());
    bytes.extend_from_slice(&told.count.to_be_bytes());
}

fn told(bytes: &[u8]) -> Result<Vec<Told>, StoreError> {
    let (all, rest) = bytes.as_chunks::<TOLD_BYTES>();
    if !rest.is_empty() {
        return Err(unreadable());
    }
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).map_err(|_| unreadable());
    all.iter()
        .map(|one| {
            let (sequence, recorded_at) = (number(&one[..8])?, number(&one[8..16])?);
            let recorded_at = recorded_at.cast_signed();
            Ok(Told { sequence, recorded_at, count: number(&one[16..])? })
        })
        .collect()
}

fn encode(row: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(row).map_err(|_| StoreError::Unfit("a row that is no JSON"))
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| StoreError::Damaged(Box::new(error)))
}

fn unreadable() -> StoreError {
    StoreError::Damaged("a row has not the form of its key".into())
}
