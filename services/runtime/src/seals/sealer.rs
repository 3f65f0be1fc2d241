//! The duty of sealing: follows the streams, and writes a line of seals into the audit.
//!
//! Invariants: what is sealed has been looked at event by event, so that nothing is sealed that somebody wrote past the
//! services; a stream in which something is wrong is sealed no further, and a person is told; two processes with this duty
//! do no harm.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use async_nats::jetstream::Context;
use tokio_util::sync::CancellationToken;

use super::{SEALED, SEALED_STREAMS, Seal, Wanted, in_audit};
use crate::audit::{Audit, AuditLine};
use crate::clock::{Clock as _, SystemClock};
use crate::consumer::Backoff;
use crate::log::chain::{Digest, EventKey};
use crate::log::jetstream::JetStreamLog;
use crate::log::verify::{Judge, Running};
use crate::log::{EventLog as _, Recorded};
use crate::metrics::Metrics;

/// Who the audit says has sealed.
const ACTOR: &str = "seals";

/// How often the ends of the streams are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// A seal is no older than this when something happened: what can be cut off unseen is an hour's work.
const SEAL_EVERY: Duration = Duration::from_secs(60 * 60);

/// Nor has it so many events behind it.
const EVENTS_UNSEALED_MAX: u64 = 10_000;

/// Events that are read at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// What the counter of broken invariants calls it.
const INVARIANT: &str = "log_unchanged";

/// Seals the streams of a bus.
pub struct Sealer {
    js: Context,
    audit: Audit,
    key: EventKey,
    metrics: Metrics,
    places: BTreeMap<&'static str, Place>,
}

/// How far a stream was read.
struct Place {
    log: JetStreamLog,
    sequence: u64,
    running: Running,
    judge: Judge,
    /// What came since the last seal; lines about seals do not count, or there would be no end to them.
    unsealed: u64,
    is_broken: bool,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

type Failure = Box<dyn Error + Send + Sync>;

impl Sealer {
    /// Prepares to seal under a key.
    #[must_use]
    pub fn new(js: Context, audit: Audit, key: EventKey, metrics: Metrics) -> Self {
        metrics.declare_invariants(&[INVARIANT]);
        Self { js, audit, key, metrics, places: BTreeMap::new() }
    }

    /// Seals at the start, then from time to time, until the token is cancelled.
    pub async fn run(mut self, token: CancellationToken) {
        let mut backoff = Backoff::default();
        let mut last_sealed: Option<tokio::time::Instant> = None;
        while !token.is_cancelled() {
            let is_due = last_sealed.is_none_or(|last| last.elapsed() >= SEAL_EVERY);
            match token.run_until_cancelled(self.step(is_due)).await {
                Some(Ok(has_sealed)) => {
                    if has_sealed || is_due {
                        last_sealed = Some(tokio::time::Instant::now());
                    }
                    backoff = Backoff::default();
                    token.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
                }
                Some(Err(error)) => {
                    tracing::warn!(
                        error = &*error as &dyn Error,
                        "the log is not sealed yet; again"
                    );
                    backoff.wait(&token).await;
                }
                None => {}
            }
        }
    }

    /// Reads what is new, and seals when it is time to; says whether it did.
    async fn step(&mut self, is_due: bool) -> Result<bool, Failure> {
        if self.places.is_empty() {
            self.begin().await?;
        }
        for (stream, place) in &mut self.places {
            if let Some((event, fault)) = place.read_on().await? {
                self.metrics.invariant_violation(INVARIANT);
                tracing::error!(
                    stream.name = stream,
                    stream.sequence = event.sequence,
                    subject = event.subject,
                    fault,
                    "somebody changed the log past the services; run `unstuck verify`"
                );
            }
        }
        if self.places.values().all(|place| !place.is_broken) {
            self.metrics.log_checked(SystemClock.now());
        }
        let unsealed: u64 = self.places.values().map(|place| place.unsealed).sum();
        if unsealed == 0 || !(is_due || unsealed >= EVENTS_UNSEALED_MAX) {
            return Ok(false);
        }
        let seals =
            self.places.iter().filter(|(_, place)| place.sequence > 0).map(|(stream, place)| {
                Seal::new(&self.key, stream, place.sequence, place.running.digest()).to_string()
            });
        let line = AuditLine::new(ACTOR, SEALED).detail(seals.collect::<Vec<_>>().join(" "));
        self.audit.record_or_fail(line).await?;
        self.places.values_mut().for_each(|place| place.unsealed = 0);
        Ok(true)
    }

    /// Goes on from the newest seals; what stands before them is for `verify`.
    async fn begin(&mut self) -> Result<(), Failure> {
        let seals = in_audit(&self.audit, &self.key, Wanted::Newest).await?;
        let mut places = BTreeMap::new();
        for stream in SEALED_STREAMS {
            let seal =
                seals.iter().filter(|seal| seal.stream == stream).max_by_key(|seal| seal.sequence);
            let log = JetStreamLog::open(self.js.clone(), stream).await?;
            let (sequence, running) = match seal {
                Some(seal) => (seal.sequence, Running::of(seal.digest)),
                None => (0, Running::default()),
            };
            let judge = Judge::behind(self.key.clone(), seal.map(|seal| seal.sequence));
            let place = Place { log, sequence, running, judge, unsealed: 0, is_broken: false };
            places.insert(stream, place);
        }
        self.places = places;
        Ok(())
    }
}

impl Place {
    /// Takes what is new, and gives the first event in which something is wrong.
    async fn read_on(&mut self) -> Result<Option<(Recorded, String)>, Failure> {
        while !self.is_broken {
            let events = self.log.stretch(self.sequence + 1, EVENTS_AT_ONCE).await?;
            if events.is_empty() {
                return self.check_end().await;
            }
            for event in events {
                let digest = Digest::of(&event);
                let fault = match self.judge.check(&event, &digest) {
                    _ if event.sequence != self.sequence + 1 => {
                        Some("events are missing".to_owned())
                    }
                    Ok(_) => None,
                    Err(fault) => Some(fault.to_string()),
                };
                if let Some(fault) = fault {
                    self.is_broken = true;
                    return Ok(Some((event, fault)));
                }
                self.sequence = event.sequence;
                self.running.take(&digest);
                self.unsealed += u64::from(!is_about_seals(&event));
            }
        }
        Ok(None)
    }

    /// A stream that ends before its seal was cut off.
    async fn check_end(&mut self) -> Result<Option<(Recorded, String)>, Failure> {
        let end = self.log.head().await?.last_sequence;
        if end >= self.sequence {
            return Ok(None);
        }
        self.is_broken = true;
        let newest = self.log.stretch(end.max(1), 1).await?.pop();
        let fault = format!("the stream ends at {end}, and was sealed up to {}", self.sequence);
        Ok(newest.map(|newest| (newest, fault)))
    }
}

fn is_about_seals(event: &Recorded) -> bool {
    event.subject.starts_with("audit.")
        && serde_json::from_slice::<AuditLine>(&event.body).is_ok_and(|line| line.what == SEALED)
}
