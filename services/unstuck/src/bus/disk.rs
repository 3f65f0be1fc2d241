//! The disk of the managed server: whether it was full and has room again.
//!
//! A nats-server that could not write to a stream because the disk was full writes to it no more, although there is room
//! again, until it is started anew (seen with 2.15.1). Invariant: a disk that was never seen full starts nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::watch::disk_of;

/// How often the disk is looked at; the look costs microseconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// With less free it counts as full: one message may have so many bytes.
const FULL_BELOW_BYTES: u64 = 1 << 20;

/// With so much free it has room again, so that it does not go to and fro at the limit.
const ROOM_FROM_BYTES: u64 = 16 << 20;

/// The disk on which a data folder has its streams.
pub(super) struct Disk {
    store: PathBuf,
}

impl Disk {
    pub(super) fn of(data: &Path) -> Self {
        Self { store: data.join("bus/store") }
    }

    /// Waits until the disk was full and has room again; for ever, when it is never full. Cancellation safe but for what it
    /// has seen.
    pub(super) async fn has_room_again(&self) {
        let mut was_full = false;
        loop {
            match self.free_bytes() {
                Some(free) if free < FULL_BELOW_BYTES && !was_full => {
                    was_full = true;
                    tracing::error!(free, path = %self.store.display(), "the disk of the bus is full: nothing can be registered");
                }
                Some(free) if free >= ROOM_FROM_BYTES && was_full => return,
                _ => {}
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        disk_of(&self.store).ok().map(|disk| disk.free_bytes)
    }
}
