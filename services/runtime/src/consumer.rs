//! Consuming events: reactions that act once per event, and followers that fold the stream.
//!
//! Invariants: delivery is at least once, so whatever consumes is idempotent; an event that cannot be handled
//! is parked with its reason and never dropped; only [`LogError::Gap`](crate::log::LogError::Gap) stops a
//! consumer for good, everything else is tried again with a back-off until the token is cancelled.

mod follow;
mod lag;
mod parked;
mod reaction;

use std::time::Duration;

pub use follow::{BATCH_EVENTS_MAX, Fold, FoldError, FollowError, follow};
pub use lag::{Behind, LOOK_EVERY, watch_follower};
pub use parked::{Parked, ParkedError, parked, unpark};
pub use reaction::{
    ATTEMPTS_MAX, REACTING_MAX, RETRY_DELAYS, Reaction, ReactionError, ReactionFigures,
    ReactionLoop,
};

/// Back-off between tries to reach the bus: quick at first, because a server restarts within a second.
const RECONNECT_MIN: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(5);

/// A back-off that doubles up to [`RECONNECT_MAX`].
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: RECONNECT_MIN }
    }
}

impl Backoff {
    /// Waits, longer each time; ends early when the token is cancelled.
    pub(crate) async fn wait(&mut self, token: &tokio_util::sync::CancellationToken) {
        let wait = self.next;
        self.next = (wait * 2).min(RECONNECT_MAX);
        let _ = token.run_until_cancelled(tokio::time::sleep(wait)).await;
    }
}
