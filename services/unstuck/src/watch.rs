//! What a process watches of itself: its lines to the bus, how the bus answers, the disk of its data. `/metrics` shows it,
//! and the supervisor of the system gets its signs of life from it.
//!
//! Invariants: looking changes nothing, and what cannot be looked at is not told as if it were well; a sign of life is given
//! only after this process has answered a request over its own address and the bus has answered this process. A bus that
//! runs elsewhere and is away is no reason to end a process that waits for it; one that hangs on a line that stands is.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::Context;
use casework::calendar::WorkingCalendar;
use chrono::{DateTime, NaiveTime, Utc};
use runtime::metrics::Metrics;
use runtime::supervisor::Supervisor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often it is looked at lines and disk, which costs no request.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How often the bus is asked for `/metrics`.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// How long JetStream may take to answer before it does not.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// The most of an answer of our own that is read: its first line says enough.
const HEAD_BYTES_MAX: usize = 64;

/// What is watched.
#[derive(Clone)]
pub(crate) struct Watch {
    /// The lines to the bus, by the names of their users; the first is asked how the bus answers.
    pub(crate) lines: Arc<[(String, Context)]>,
    /// Whether the bus is of this process: it is ended and started together with it.
    pub(crate) has_own_bus: bool,
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
            for (line, context) in &*self.lines {
                metrics.bus_line(line, stands(context));
            }
            self.look_at_disk(&metrics);
            if asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
                asked = Some(Instant::now());
                token.run_until_cancelled(self.time_bus(&metrics)).await;
            }
        }
    }

    /// Gives the supervisor a sign of life whenever there is one, until the token is cancelled; the process serves at
    /// `address`.
    pub(crate) async fn live(
        self,
        supervisor: Supervisor,
        address: SocketAddr,
        token: CancellationToken,
    ) {
        let Some(within) = supervisor.sign_of_life_within() else {
            return token.cancelled().await;
        };
        // Twice in the time, as systemd advises; each look has ended before the next.
        let pause = within / 2;
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_stuck = false;
        while token.run_until_cancelled(ticks.tick()).await.is_some() {
            let looked = async { tokio::join!(answers(address, pause), self.bus_lives(pause)) };
            match token.run_until_cancelled(looked).await {
                Some((true, true)) => {
                    supervisor.alive();
                    if std::mem::take(&mut was_stuck) {
                        supervisor.status(ready_at(address));
                    }
                }
                Some((http, bus)) => {
                    was_stuck = true;
                    tracing::error!(http, bus, "no sign of life: this process does not answer");
                    supervisor.status(format_args!("stuck: {}", stuck_at(http)));
                }
                None => return,
            }
        }
    }

    /// Whether the bus answers, or is away through no fault of this process.
    async fn bus_lives(&self, within: Duration) -> bool {
        let Some((_, context)) = self.lines.first() else { return true };
        if !self.has_own_bus && !stands(context) {
            return true;
        }
        matches!(tokio::time::timeout(within, context.query_account()).await, Ok(Ok(_)))
    }

    async fn time_bus(&self, metrics: &Metrics) {
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
                tracing::debug!(%error, "the disk of the data folder cannot be looked at");
            }
        }
    }
}

/// What the supervisor shows of a process that is well.
pub(crate) fn ready_at(address: SocketAddr) -> String {
    format!("ready at http://{address}")
}

fn stands(context: &Context) -> bool {
    context.client().connection_state() == State::Connected
}

const fn stuck_at(http: bool) -> &'static str {
    if http { "the bus does not answer" } else { "no answer over the own address" }
}

/// Whether the process answers a request over its own address: listener, event loop, layers and router.
async fn answers(address: SocketAddr, within: Duration) -> bool {
    let asked = async {
        let mut line = TcpStream::connect(address).await?;
        line.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            .await?;
        let mut head = Vec::with_capacity(HEAD_BYTES_MAX);
        line.take(HEAD_BYTES_MAX as u64).read_to_end(&mut head).await?;
        std::io::Result::Ok(head.starts_with(b"HTTP/1.1 200 "))
    };
    matches!(tokio::time::timeout(within, asked).await, Ok(Ok(true)))
}

/// How much room a disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disk {
    /// What is free for others than root.
    pub(crate) free_bytes: u64,
    pub(crate) size_bytes: u64,
}

/// Looks at the disk of a folder.
#[cfg(target_os = "linux")]
pub(crate) fn disk_of(folder: &Path) -> std::io::Result<Disk> {
    let found = rustix::fs::statvfs(folder)?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Ok(Disk { free_bytes: bytes(found.f_bavail), size_bytes: bytes(found.f_blocks) })
}

/// Other systems are not asked.
#[cfg(not(target_os = "linux"))]
pub(crate) fn disk_of(_: &Path) -> std::io::Result<Disk> {
    Err(std::io::ErrorKind::Unsupported.into())
}

/// When the last published year of the calendar ends.
pub(crate) fn end_of(calendar: &WorkingCalendar) -> DateTime<Utc> {
    let last = calendar.published_to();
    let next_day = last.succ_opt().unwrap_or(last);
    let midnight = next_day.and_time(NaiveTime::MIN).and_local_timezone(calendar.offset());
    midnight.earliest().unwrap_or_default().to_utc()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn a_process_that_takes_lines_and_answers_nothing_does_not_live() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // The system takes the line; nobody here ever does.
        assert!(!answers(address, SOON).await);
        let router =
            axum::Router::new().route("/healthz", axum::routing::get(|| async { "alive" }));
        tokio::spawn(axum::serve(listener, router).into_future());
        assert!(answers(address, Duration::from_secs(5)).await);
    }
}
