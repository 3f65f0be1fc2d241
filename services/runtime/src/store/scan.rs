//! Walking over rows.
//!
//! An iterator of sled takes pages into memory and does not count them as used, so that none is let go of: after a walk
//! over 70,000 cases 79 MB stayed, whatever the cache was allowed to hold. A lookup of each row on the way counts, and
//! 12 MB stay (2026-11-25, 0.4 s became 0.6 s).

use super::{Row, StoreError, from_sled};

/// Rows in the order of their keys; `rev()` walks from the end.
pub struct Scan {
    db: sled::Db,
    inner: sled::Iter,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").finish_non_exhaustive()
    }
}

impl Scan {
    pub(super) fn new(db: &sled::Db, inner: sled::Iter) -> Self {
        Self { db: db.clone(), inner }
    }

    fn counted(&self, row: sled::Result<(Row, Row)>) -> Result<(Row, Row), StoreError> {
        let (key, value) = row.map_err(from_sled)?;
        self.db.contains_key(&key).map_err(from_sled)?;
        Ok((key, value))
    }
}

impl Iterator for Scan {
    type Item = Result<(Row, Row), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.inner.next()?;
        Some(self.counted(row))
    }
}

impl DoubleEndedIterator for Scan {
    fn next_back(&mut self) -> Option<Self::Item> {
        let row = self.inner.next_back()?;
        Some(self.counted(row))
    }
}
