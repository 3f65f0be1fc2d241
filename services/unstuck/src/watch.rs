//! What a process watches of itself, for `/metrics`: its lines to the bus, how the bus answers, the disk of its data, the
//! end of the calendar.
//!
//! Invariant: looking changes nothing, and what cannot be looked at is not told as if it were well.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use casework::calendar::WorkingCalendar;
use chrono::Utc;
use runtime::metrics::Metrics;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often it is looked at lines and disk, which costs no request.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the bus is asked.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How long JetStream may take to answer before it does not.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// What is watched.
pub(crate) struct Watch {
    /// The lines to the bus, by the names of their users; the first is asked how the bus answers.
    pub(crate) lines: Vec<(String, Context)>,
    /// The data folder.
    pub(crate) data: PathBuf,
}

impl Watch {
    /// Looks until the token is cancelled.
    pub(crate) async fn run(self, metrics: Metrics, token: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked: Option<Instant> = None;
        while token.run_until_cancelled(ticks.tick()).await.is_some() {
            for (line, context) in &self.lines {
                let state = context.client().connection_state();
                metrics.bus_line(line, state == State::Connected);
            }
            self.look_at_disk(&metrics);
            if asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
                asked = Some(Instant::now());
                token.run_until_cancelled(self.ask_bus(&metrics)).await;
            }
        }
    }

    async fn ask_bus(&self, metrics: &Metrics) {
        let Some((_, context)) = self.lines.first() else { return };
        let asked = Instant::now();
        // Without an answer in time the longest wait is what is known of it.
        let _ = tokio::time::timeout(ANSWER_MAX, context.query_account()).await;
        metrics.bus_round_trip(asked.elapsed().as_secs_f64());
    }

    fn look_at_disk(&self, metrics: &Metrics) {
        match disk_of(&self.data) {
            Ok(Disk { free_bytes, size_bytes }) => metrics.data_disk(free_bytes, size_bytes),
            Err(error) => {
                tracing::debug!(%error, "the disk of the data folder cannot be looked at")
            }
        }
    }
}

/// How much room a disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disk {
    /// What is free for others than root.
    pub(crate) free_bytes: u64,
    pub(crate) size_bytes: u64,
}

/// Looks at the disk of a folder.
///
/// # Errors
/// When the folder is not there, or the system does not say.
#[cfg(target_os = "linux")]
pub(crate) fn disk_of(folder: &std::path::Path) -> std::io::Result<Disk> {
    let found = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Disk { free_bytes: bytes(found.f_bavail), size_bytes: bytes(found.f_blocks) })
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
pub(crate) fn disk_of(_: &std::path::Path) -> std::io::Result<Disk> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// When the last published year of the calendar ends.
pub(crate) fn end_of(calendar: &WorkingCalendar) -> chrono::DateTime<Utc> {
    let next_day = calendar.published_to().succ_opt().unwrap_or(calendar.published_to());
    let midnight = next_day.and_time(chrono::NaiveTime::MIN).and_local_timezone(calendar.offset());
    midnight.earliest().unwrap_or_default().to_utc()
}
