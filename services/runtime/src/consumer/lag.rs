//! How far what consumes events is behind, in events and in seconds, for `/metrics`.
//!
//! Invariants: looking is not consuming, so nothing here holds an event up; without an answer of the bus what was behind
//! goes on growing older, it never looks as if it were gone.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull::Config;
use chrono::{DateTime, Utc};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock as _, SystemClock};
use crate::log::EventLog;
use crate::log::jetstream::JetStreamLog;
use crate::metrics::{ConsumerState, Metrics};

/// How often it is looked; Prometheus asks every 15 s as a rule.
pub const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Ends that are remembered; a follower that is further behind is late by the oldest of them.
const ENDS_MAX: usize = 1_000;

/// For how long something has been behind the end of its stream.
#[derive(Debug, Default)]
pub struct Behind {
    /// Where the stream ended when it was looked, and when that was, as far as it has not been reached.
    ends: VecDeque<(u64, Instant)>,
}

impl Behind {
    /// Looks at how far it has come and where the stream ends; gives the events that it has not seen, and for how many
    /// seconds at least the oldest of them has waited.
    pub fn look(&mut self, reached: u64, end: u64) -> (u64, f64) {
        while self.ends.front().is_some_and(|(end, _)| *end <= reached) {
            self.ends.pop_front();
        }
        let is_news = self.ends.back().is_none_or(|(last, _)| *last < end);
        if end > reached && is_news && self.ends.len() < ENDS_MAX {
            self.ends.push_back((end, Instant::now()));
        }
        let waited = self.ends.front().map_or(0.0, |(_, since)| since.elapsed().as_secs_f64());
        (end.saturating_sub(reached), waited)
    }
}

/// Says from time to time how far a follower of the log is behind its end, until the token is cancelled.
pub async fn watch_follower(
    log: Arc<dyn EventLog>,
    follower: &'static str,
    reached: impl Fn() -> u64,
    metrics: Metrics,
    token: CancellationToken,
) {
    let (mut behind, mut end) = (Behind::default(), 0);
    let mut ticks = ticks();
    while token.run_until_cancelled(ticks.tick()).await.is_some() {
        match token.run_until_cancelled(log.head()).await {
            Some(Ok(head)) => end = head.last_sequence,
            Some(Err(_)) => {}
            None => return,
        }
        let reached = reached();
        let (events, seconds) = behind.look(reached, end.max(reached));
        metrics.follower_lag(follower, events, seconds);
    }
}

/// Says from time to time how a durable consumer stands, until the token is cancelled.
pub(super) async fn watch_consumer(
    context: &Context,
    stream: &str,
    consumer: &'static str,
    metrics: &Metrics,
    token: &CancellationToken,
) {
    let mut ticks = ticks();
    let mut known = None;
    while token.run_until_cancelled(ticks.tick()).await.is_some() {
        match token.run_until_cancelled(stand(context, stream, consumer)).await {
            Some(Ok(stands)) => known = Some(stands),
            Some(Err(error)) => {
                tracing::debug!(consumer, error = &*error, "how a consumer stands is not known");
            }
            None => return,
        }
        if let Some(stands) = &known {
            metrics.consumer(consumer, stands.at(SystemClock.now()));
        }
    }
}

fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// How a consumer stood when the bus last said so; instants are of the bus's clock.
struct Stand {
    pending_events: u64,
    unacknowledged_events: u64,
    oldest_pending: Option<DateTime<Utc>>,
    oldest_unacknowledged: Option<DateTime<Utc>>,
}

impl Stand {
    fn at(&self, now: DateTime<Utc>) -> ConsumerState {
        let age = |since: Option<DateTime<Utc>>| {
            since.map_or(0.0, |since| (now - since).as_seconds_f64().max(0.0))
        };
        ConsumerState {
            pending_events: self.pending_events,
            unacknowledged_events: self.unacknowledged_events,
            lag_seconds: age(self.oldest_pending),
            oldest_unacknowledged_seconds: age(self.oldest_unacknowledged),
        }
    }
}

async fn stand(
    context: &Context,
    stream: &str,
    consumer: &str,
) -> Result<Stand, Box<dyn std::error::Error + Send + Sync>> {
    let found = context.get_consumer_from_stream::<Config, _, _>(consumer, stream).await?;
    let info = found.cached_info();
    let log = JetStreamLog::open(context.clone(), stream).await?;
    let stored_at = async |sequence| {
        let events = log.stretch(sequence, 1).await?;
        Ok::<_, crate::log::LogError>(events.first().map(|event| event.stored_at))
    };
    let unacknowledged_events = info.num_ack_pending as u64;
    // The consumer of a reaction passes over nothing: the next event of the stream is the next of the consumer.
    let oldest_pending = match info.num_pending {
        0 => None,
        _ => stored_at(info.delivered.stream_sequence + 1).await?,
    };
    let oldest_unacknowledged = match unacknowledged_events {
        0 => oldest_pending,
        _ => stored_at(info.ack_floor.stream_sequence + 1).await?,
    };
    Ok(Stand {
        pending_events: info.num_pending,
        unacknowledged_events,
        oldest_pending,
        oldest_unacknowledged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_keeps_up_with_a_busy_stream_is_never_late() {
        let mut behind = Behind::default();
        for end in 1..100 {
            let (events, seconds) = behind.look(end - 1, end);
            assert_eq!(events, 1);
            assert!(seconds <= 1.0, "{seconds} s behind at {end}");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(behind.look(100, 100), (0, 0.0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_still_grows_late_by_its_oldest_event() {
        let mut behind = Behind::default();
        for second in 0..2_000 {
            let (events, seconds) = behind.look(10, 11 + second);
            assert_eq!((events, seconds), (1 + second, second as f64));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let (events, seconds) = behind.look(500, 2_500);
        assert_eq!(events, 2_000);
        assert!((1_500.0..1_600.0).contains(&seconds), "{seconds}");
    }
}
