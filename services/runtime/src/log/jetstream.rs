//! The log on NATS JetStream: batched direct reads, appends with an exact expectation, an ordered follower.
//!
//! Invariants: the outcome of an append is classified by error code, never by text; an expectation names
//! the exact subject, never a filter (a wildcard let two writers through in 192 of 200 races on three
//! replicas); every wait has an end.

mod append;
mod read;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::stream::{Info, Stream};
use async_nats::jetstream::{self, Context};
use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, FutureExt, try_join};
use futures::stream::{self, BoxStream, StreamExt};

use super::chain::EventKey;
use super::{
    AppendError, EVENTS_PER_SUBJECT_MAX, EventLog, Expected, Freshness, Head, Headers, LogError,
    NewEvent, Recorded, random_id,
};

/// Longest wait for one answer of the bus: the fsync of a busy disk takes tens of milliseconds, the election
/// of a leader two to four seconds; a person at a counter waits no longer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How soon a new connection is noticed. An atomic counter is looked at, so this may be short.
const RECONNECT_LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a cluster may say that it has less than it had before that is an incident, and how often it is asked meanwhile.
const FILLED_UP_MAX: Duration = Duration::from_secs(30);
const FILLED_UP_PAUSE: Duration = Duration::from_millis(500);

const FOLLOWING: &str = "following the stream";

/// The log on one stream of JetStream. Cheap to clone.
#[derive(Debug, Clone)]
pub struct JetStreamLog {
    context: Context,
    /// A handle that fetched no info: every question goes to the bus.
    stream: Stream<()>,
    name: String,
    /// Signs what is appended; none on a log that is only read.
    key: Option<EventKey>,
}

impl JetStreamLog {
    /// Opens the log on a stream that stands (see [`crate::streams::provision`]), for reading.
    ///
    /// # Errors
    /// [`LogError::Unreachable`] when the bus does not answer or has no such stream.
    pub async fn open(context: Context, stream: &str) -> Result<Self, LogError> {
        let handle = bounded("opening the log", context.get_stream_no_info(stream)).await?;
        let log = Self { context, stream: handle, name: stream.to_owned(), key: None };
        log.info().await?;
        Ok(log)
    }

    /// Lets it append, and signs what it appends.
    #[must_use]
    pub fn signing(mut self, key: EventKey) -> Self {
        self.key = Some(key);
        self
    }

    async fn info(&self) -> Result<Info, LogError> {
        bounded("asking for the state of the stream", self.stream.get_info()).await
    }

    /// Loads from any replica and asks the leader, side by side, then fills up from the leader what that replica did
    /// not have yet.
    async fn load_from_leader(&self, subject: &str) -> Result<Vec<Recorded>, LogError> {
        let (newest, mut events) =
            try_join(self.newest(subject), self.load_direct(subject)).await?;
        let Some(newest) = newest else { return Ok(events) };
        loop {
            let reached = events.last().map_or(0, |event| event.sequence);
            if reached >= newest.sequence {
                return Ok(events);
            }
            // A replica holds a prefix of the stream, so what is missing stands behind what it gave.
            match self.next(subject, reached + 1).await? {
                Some(event) => events.push(event),
                None => return Err(LogError::Gap { after: reached, came: newest.sequence }),
            }
            if events.len() > EVENTS_PER_SUBJECT_MAX {
                return Err(too_long(subject));
            }
        }
    }

    /// Where the stream ends, for whoever has come to `after`. A cluster is asked again while it says that it has less: a
    /// member that lost its disk may answer before it was filled up, and that is no incident yet.
    async fn end_for(&self, after: u64) -> Result<u64, LogError> {
        let started = Instant::now();
        loop {
            let info = self.info().await?;
            let end = info.state.last_sequence;
            if after <= end || info.config.num_replicas < 2 || started.elapsed() >= FILLED_UP_MAX {
                return Ok(end);
            }
            tracing::warn!(
                stream = self.name,
                stream.last_sequence = end,
                after,
                "the cluster says that it has less than it had; asking again"
            );
            tokio::time::sleep(FILLED_UP_PAUSE).await;
        }
    }

    async fn follow_from(
        &self,
        after: u64,
    ) -> Result<BoxStream<'static, Result<Recorded, LogError>>, LogError> {
        let end = self.end_for(after).await?;
        if after > end {
            return Err(LogError::Gap { after, came: end });
        }
        // The bus lets nobody make a consumer without a name: in its body it could name that of another.
        let name = random_id().map_err(|error| unreachable(FOLLOWING, error.to_string()))?;
        let config = OrderedConfig {
            name: Some(format!("follow-{name}")),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
            ..OrderedConfig::default()
        };
        let consumer =
            bounded("making an ordered consumer", self.stream.create_consumer(config)).await?;
        let messages = bounded(FOLLOWING, consumer.messages()).await?;
        let reconnected = reconnected(self.context.client()).boxed();
        let line = stream::unfold(Some((messages, reconnected, after)), |state| async move {
            let (mut messages, mut reconnected, after) = state?;
            let next = tokio::select! {
                biased;
                next = messages.next() => next?.map_err(|error| unreachable(FOLLOWING, error)),
                () = &mut reconnected => Err(unreachable(FOLLOWING, "the bus was away")),
            };
            let event = next.and_then(|message| contiguous(after, delivered(&message)?));
            match event {
                Ok(event) => Some((Ok(event), Some((messages, reconnected, after + 1)))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(line.boxed())
    }
}

impl EventLog for JetStreamLog {
    fn load<'a>(
        &'a self,
        subject: &'a str,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        async move {
            match freshness {
                Freshness::Any => self.load_direct(subject).await,
                Freshness::Leader => self.load_from_leader(subject).await,
            }
        }
        .boxed()
    }

    fn append<'a>(
        &'a self,
        subject: &'a str,
        expected: Expected<'a>,
        events: &'a [NewEvent],
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        self.append_events(subject, expected, events).boxed()
    }

    fn follow(
        &self,
        after: u64,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Recorded, LogError>>, LogError>> {
        self.follow_from(after).boxed()
    }

    fn locate<'a>(&'a self, pattern: &'a str) -> BoxFuture<'a, Result<Option<String>, LogError>> {
        async move { Ok(self.newest(pattern).await?.map(|event| event.subject)) }.boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, LogError>> {
        async move {
            let info = self.info().await?;
            Ok(Head {
                created_at: instant(info.created)?,
                first_sequence: info.state.first_sequence,
                last_sequence: info.state.last_sequence,
            })
        }
        .boxed()
    }
}

/// Checks that `event` is the next one.
///
/// What is at or before the checkpoint is no gap: the client starts again from the first event when its
/// consumer is lost before it saw a message. The line ends, and the caller comes back with its checkpoint.
fn contiguous(after: u64, event: Recorded) -> Result<Recorded, LogError> {
    match event.sequence {
        came if came == after + 1 => Ok(event),
        came if came > after + 1 => Err(LogError::Gap { after, came }),
        came => Err(unreachable(
            FOLLOWING,
            format!("the consumer started again from {came}, before the checkpoint {after}"),
        )),
    }
}

/// Reads a message of a consumer as a record.
pub(crate) fn delivered(message: &jetstream::Message) -> Result<Recorded, LogError> {
    let info = message.info().map_err(|error| unreachable("reading a message", error))?;
    Ok(Recorded {
        sequence: info.stream_sequence,
        subject: message.subject.to_string(),
        stored_at: instant(info.published)?,
        headers: message.headers.as_ref().map(first_values).unwrap_or_default(),
        body: message.payload.clone(),
    })
}

fn first_values(headers: &HeaderMap) -> Headers {
    headers.iter().filter_map(|(name, values)| Some((name, values.first()?))).collect()
}

fn instant(time: async_nats::datetime::DateTime) -> Result<DateTime<Utc>, LogError> {
    i64::try_from(time.unix_timestamp_nanos())
        .map(DateTime::from_timestamp_nanos)
        .map_err(|error| unreachable("reading a time of the bus", error))
}

fn too_long(subject: &str) -> LogError {
    LogError::TooLong { subject: subject.to_owned(), limit: EVENTS_PER_SUBJECT_MAX }
}

fn unreachable(
    attempted: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> LogError {
    LogError::Unreachable { attempted, source: source.into() }
}

/// Waits until the client has connected anew. A question that the bus was holding is lost then, and the client
/// would notice by a missing heartbeat only, tens of seconds later.
pub(crate) async fn reconnected(client: async_nats::Client) {
    let statistics = client.statistics();
    let connects = || statistics.connects.load(Ordering::Relaxed);
    let before = connects();
    while connects() == before {
        tokio::time::sleep(RECONNECT_LOOK_EVERY).await;
    }
}

/// Waits for an answer of the bus, but not for ever.
async fn bounded<T, E>(
    attempted: &'static str,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, LogError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    match tokio::time::timeout(ANSWER_MAX, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(unreachable(attempted, error)),
        Err(elapsed) => Err(unreachable(attempted, elapsed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::contract::events;

    fn at(sequence: u64) -> Recorded {
        Recorded::of(&events(1)[0], "case.a.b", sequence, DateTime::UNIX_EPOCH)
    }

    #[test]
    fn a_missing_sequence_is_a_gap_and_an_earlier_one_is_a_broken_line() {
        assert!(contiguous(4, at(5)).is_ok());
        assert!(matches!(contiguous(4, at(6)), Err(LogError::Gap { after: 4, came: 6 })));
        assert!(matches!(contiguous(4, at(1)), Err(LogError::Unreachable { .. })));
    }
}
