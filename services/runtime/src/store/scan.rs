//! Walking over rows.

use super::{Row, StoreError, from_sled};

/// Rows in the order of their keys; `rev()` walks from the end.
pub struct Scan {
    inner: sled::Iter,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").finish_non_exhaustive()
    }
}

impl Scan {
    pub(super) fn new(inner: sled::Iter) -> Self {
        Self { inner }
    }
}

impl Iterator for Scan {
    type Item = Result<(Row, Row), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.inner.next()?.map_err(from_sled))
    }
}

impl DoubleEndedIterator for Scan {
    fn next_back(&mut self) -> Option<Self::Item> {
        Some(self.inner.next_back()?.map_err(from_sled))
    }
}
