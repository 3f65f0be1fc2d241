//! Reactions: event → commands, on a durable pull consumer that the bus remembers.
//!
//! Invariants: an event is acknowledged only after its reaction succeeded or it was parked; the number of attempts
//! is counted by the bus, so a crash counts, too, and an event that kills the process is parked in the end;
//! while one event waits for its next attempt, or is slow, those of other subjects go on. A reaction must therefore be
//! idempotent and must look at the state of its case, not at the order of events.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::error::Error;
use std::future::pending;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_nats::jetstream::consumer::pull::{Batch, Config};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use async_nats::jetstream::message::Acker;
use async_nats::jetstream::{AckKind, Context, Message};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use proto_events::envelope::header;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;

use super::Backoff;
use super::lag::watch_consumer;
use super::parked::{Parked, park};
use crate::clock::SharedClock;
use crate::log::Recorded;
use crate::log::jetstream::{delivered, reconnected};
use crate::metrics::Metrics;

/// Waits between the attempts of one event: a busy case is free again in a moment, a service comes back in
/// seconds, a person mends in minutes.
pub const RETRY_DELAYS: [Duration; 6] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// Attempts before an event is parked.
pub const ATTEMPTS_MAX: u64 = RETRY_DELAYS.len() as u64 + 1;

/// Longest time of one attempt; a command loop gives up after five seconds.
pub const REACTING_MAX: Duration = Duration::from_secs(25);

/// After this time without a sign of life the bus delivers again. Short, because after a crash the events that
/// were held wait this long; an attempt may be longer, since it gives signs of life.
const ACK_WAIT: Duration = Duration::from_secs(10);

/// How often the bus hears that held events are still being worked on.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(3);

/// Events held at once, those of different subjects worked on side by side: reactions wait for the disk of the bus, not
/// for a processor.
const HELD_MAX: usize = 64;

/// How long the bus holds a question for the next event.
const LONG_POLL: Duration = Duration::from_secs(15);

/// Reacts to events, one at a time per subject.
pub trait Reaction: Send + Sync + 'static {
    /// The durable name: letters, digits and dashes; another name starts from the first event of the stream.
    fn name(&self) -> &'static str;

    /// Reacts to one event; most events concern it not and are left with `Ok`.
    ///
    /// Idempotent: derive command ids from the event's id ([`proto_events::ids::CommandId::of_reaction`]).
    ///
    /// # Errors
    /// [`ReactionError::Retry`] comes again, [`ReactionError::Poison`] is parked at once.
    fn react<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<(), ReactionError>>;
}

/// Why a reaction failed.
#[derive(Debug, thiserror::Error)]
pub enum ReactionError {
    /// It may succeed later.
    #[error("the reaction failed for now")]
    Retry(#[source] Box<dyn Error + Send + Sync>),
    /// It never will: the event cannot be read, a rule says no. Without personal data.
    #[error("the reaction cannot succeed: {0}")]
    Poison(String),
}

/// What a loop has done since it started, for `/metrics`.
#[derive(Debug, Default)]
pub struct ReactionFigures {
    handled: AtomicU64,
    retried: AtomicU64,
    parked: AtomicU64,
    last_sequence: AtomicU64,
}

impl ReactionFigures {
    /// Events whose reaction succeeded.
    #[must_use]
    pub fn handled(&self) -> u64 {
        self.handled.load(Ordering::Relaxed)
    }

    /// Attempts that failed and come again.
    #[must_use]
    pub fn retried(&self) -> u64 {
        self.retried.load(Ordering::Relaxed)
    }

    /// Events that were parked; anything but zero needs a person.
    #[must_use]
    pub fn parked(&self) -> u64 {
        self.parked.load(Ordering::Relaxed)
    }

    /// The highest sequence that was handled or parked.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.last_sequence.load(Ordering::Relaxed)
    }
}

/// Runs one reaction on one stream.
pub struct ReactionLoop {
    context: Context,
    stream: String,
    reaction: Arc<dyn Reaction>,
    clock: SharedClock,
    figures: Arc<ReactionFigures>,
    metrics: Option<Metrics>,
}

impl std::fmt::Debug for ReactionLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReactionLoop")
            .field("reaction", &self.reaction.name())
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// An event that the bus gave us, and the handle to answer for it.
struct Held {
    event: Recorded,
    attempt: u64,
    /// Shared with whoever gives signs of life meanwhile.
    acker: Arc<Acker>,
}

impl ReactionLoop {
    /// Makes a loop; `clock` dates what is parked.
    #[must_use]
    pub fn new(
        context: Context,
        stream: &str,
        reaction: Arc<dyn Reaction>,
        clock: SharedClock,
    ) -> Self {
        let figures = Arc::default();
        Self { context, stream: stream.to_owned(), reaction, clock, figures, metrics: None }
    }

    /// Shows what the loop does in `/metrics`, from zero on.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        metrics.declare_consumers(&[self.reaction.name()]);
        self.metrics = Some(metrics);
        self
    }

    fn count(&self, outcome: &'static str) {
        if let Some(metrics) = &self.metrics {
            metrics.reaction(self.reaction.name(), outcome);
        }
    }

    /// What the loop has done; keep a handle before it runs.
    #[must_use]
    pub fn figures(&self) -> Arc<ReactionFigures> {
        Arc::clone(&self.figures)
    }

    /// Reacts until the token is cancelled, from the first event that this reaction has not answered for;
    /// finishes the events that it holds, then returns. A broken line is tried again for ever.
    pub async fn run(self, token: CancellationToken) {
        match &self.metrics {
            Some(metrics) => {
                let name = self.reaction.name();
                let watching = watch_consumer(&self.context, &self.stream, name, metrics, &token);
                tokio::join!(self.react(&token), watching);
            }
            None => self.react(&token).await,
        }
        // What was acknowledged last is on its way; without this it would come again, harmlessly.
        let _ = tokio::time::timeout(Duration::from_secs(2), self.context.client().flush()).await;
    }

    async fn react(&self, token: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !token.is_cancelled() {
            let before = self.figures.last_sequence();
            if let Err(error) = self.run_line(token).await {
                let reaction = self.reaction.name();
                tracing::warn!(reaction, error = &*error, "the line of a reaction broke; again");
            }
            if self.figures.last_sequence() > before {
                backoff = Backoff::default();
            }
            if !token.is_cancelled() {
                backoff.wait(token).await;
            }
        }
    }

    async fn run_line(
        &self,
        token: &CancellationToken,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let config = Config {
            durable_name: Some(self.reaction.name().to_owned()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            // Without end on the bus: there, an event beyond the last delivery would be dropped without a word.
            // We count and park ourselves.
            max_deliver: -1,
            max_ack_pending: 1_000,
            ..Config::default()
        };
        let consumer = self.context.create_consumer_on_stream(config, self.stream.clone()).await?;
        let mut holding = Holding::of(self);
        let broke = self.take_and_answer(&consumer, &mut holding, token).await;
        // What was taken is answered for, also when no more can be.
        while !holding.is_empty() {
            holding.step().await;
        }
        broke
    }

    /// Takes events and answers for them, side by side, until the token is cancelled or the line breaks.
    async fn take_and_answer(
        &self,
        consumer: &Consumer<Config>,
        holding: &mut Holding<'_>,
        token: &CancellationToken,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut away = pin!(reconnected(self.context.client()));
        // A question that the bus holds: whatever comes until then comes at once.
        let mut asked: Option<Batch> = None;
        loop {
            let room = HELD_MAX.saturating_sub(holding.len());
            if asked.is_none() && room > 0 {
                let question = consumer.batch().max_messages(room).expires(LONG_POLL);
                asked = Some(question.messages().await?);
            }
            tokio::select! {
                biased;
                () = token.cancelled() => {
                    if let Some(asked) = asked {
                        give_back(asked).await;
                    }
                    return Ok(());
                }
                () = &mut away => return Err("the bus was away".into()),
                () = holding.step(), if !holding.is_empty() => {}
                message = next_of(&mut asked) => match message {
                    Some(message) => {
                        let held = read(message?)?;
                        self.note_redelivery(&held);
                        holding.take(held);
                    }
                    None => asked = None,
                },
            }
        }
    }

    fn note_redelivery(&self, held: &Held) {
        if held.attempt > 1
            && let Some(metrics) = &self.metrics
        {
            metrics.redelivered(self.reaction.name());
        }
    }

    async fn attempt(&self, held: Held) {
        let reaction = self.reaction.name();
        let sequence = held.event.sequence;
        let result = if held.attempt > ATTEMPTS_MAX {
            // The last attempt never came to an end.
            Err(ReactionError::Poison("every attempt ended without an answer".to_owned()))
        } else {
            tokio::time::timeout(REACTING_MAX, self.reaction.react(&held.event))
                .await
                .unwrap_or_else(|elapsed| Err(ReactionError::Retry(elapsed.into())))
        };
        let answer = match result {
            Ok(()) => {
                self.figures.handled.fetch_add(1, Ordering::Relaxed);
                self.count("done");
                self.figures.last_sequence.fetch_max(sequence, Ordering::Relaxed);
                AckKind::Ack
            }
            Err(ReactionError::Retry(error)) => match retry_delay(held.attempt) {
                Some(delay) => {
                    self.figures.retried.fetch_add(1, Ordering::Relaxed);
                    self.count("failed");
                    let attempt = held.attempt;
                    tracing::debug!(reaction, sequence, attempt, error = &*error, "comes again");
                    AckKind::Nak(Some(delay))
                }
                None => self.give_up(&held, chain(&*error)).await,
            },
            Err(ReactionError::Poison(reason)) => self.give_up(&held, reason).await,
        };
        if let Err(error) = held.acker.ack_with(answer).await {
            // Without an answer it comes again, and the reaction is idempotent.
            tracing::debug!(reaction, sequence, error = &*error, "the answer did not get out");
        }
    }

    /// Parks the event; while that fails, the event comes again.
    async fn give_up(&self, held: &Held, reason: String) -> AckKind {
        let reaction = self.reaction.name();
        let event = &held.event;
        let entry = Parked {
            reaction: reaction.to_owned(),
            stream: self.stream.clone(),
            sequence: event.sequence,
            subject: event.subject.clone(),
            event_type: event.headers.get(header::TYPE).map(ToOwned::to_owned),
            delivered: held.attempt,
            reason,
            at: self.clock.now(),
        };
        let sequence = entry.sequence;
        match park(&self.context, &entry).await {
            Ok(()) => {
                self.figures.parked.fetch_add(1, Ordering::Relaxed);
                if let Some(metrics) = &self.metrics {
                    metrics.parked(reaction);
                }
                self.figures.last_sequence.fetch_max(sequence, Ordering::Relaxed);
                tracing::error!(
                    reaction,
                    stream.sequence = sequence,
                    reason = entry.reason,
                    "a reaction gave up on an event; it is parked and needs a person"
                );
                AckKind::Term
            }
            Err(error) => {
                tracing::error!(
                    reaction,
                    stream.sequence = sequence,
                    error = &error as &dyn Error,
                    "an event could not be parked; it comes again"
                );
                AckKind::Nak(Some(RETRY_DELAYS[2]))
            }
        }
    }
}

/// The events that are held: of each subject one is worked on, and the later ones wait behind it.
struct Holding<'a> {
    line: &'a ReactionLoop,
    /// The subjects that are worked on, and what waits behind.
    subjects: HashMap<String, VecDeque<Held>>,
    work: FuturesUnordered<BoxFuture<'a, (String, u64)>>,
    /// Of all that is held, by sequence.
    ackers: BTreeMap<u64, Arc<Acker>>,
    signs_of_life: Interval,
}

impl<'a> Holding<'a> {
    fn of(line: &'a ReactionLoop) -> Self {
        let mut signs_of_life =
            interval_at(Instant::now() + SIGN_OF_LIFE_EVERY, SIGN_OF_LIFE_EVERY);
        signs_of_life.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (subjects, work, ackers) = (HashMap::new(), FuturesUnordered::new(), BTreeMap::new());
        Self { line, subjects, work, ackers, signs_of_life }
    }

    fn len(&self) -> usize {
        self.ackers.len()
    }

    fn is_empty(&self) -> bool {
        self.ackers.is_empty()
    }

    /// Begins with an event, or puts it behind the others of its subject.
    fn take(&mut self, held: Held) {
        self.ackers.insert(held.event.sequence, Arc::clone(&held.acker));
        match self.subjects.get_mut(&held.event.subject) {
            Some(waiting) => waiting.push_back(held),
            None => {
                self.subjects.insert(held.event.subject.clone(), VecDeque::new());
                self.begin(held);
            }
        }
    }

    fn begin(&self, held: Held) {
        let line = self.line;
        self.work.push(Box::pin(async move {
            let (subject, sequence) = (held.event.subject.clone(), held.event.sequence);
            line.attempt(held).await;
            (subject, sequence)
        }));
    }

    /// Goes on with the work until one event is answered for, or the bus has heard that all are still held. Cancellation
    /// safe: what is begun stays begun.
    async fn step(&mut self) {
        tokio::select! {
            Some((subject, sequence)) = self.work.next() => {
                self.ackers.remove(&sequence);
                match self.subjects.get_mut(&subject).and_then(VecDeque::pop_front) {
                    Some(next) => self.begin(next),
                    None => {
                        self.subjects.remove(&subject);
                    }
                }
            }
            _ = self.signs_of_life.tick() => {
                for acker in self.ackers.values() {
                    // For an event that is answered already the bus ignores it.
                    let _ = acker.ack_with(AckKind::Progress).await;
                }
            }
        }
    }
}

/// The next event of what was asked for; never, when nothing was.
async fn next_of(
    asked: &mut Option<Batch>,
) -> Option<Result<Message, Box<dyn Error + Send + Sync>>> {
    match asked {
        Some(asked) => asked.next().await,
        None => pending().await,
    }
}

/// Gives back what came and was not begun, so that it comes again at once to whoever asks next.
async fn give_back(mut asked: Batch) {
    while let Some(Some(Ok(message))) = asked.next().now_or_never() {
        let _ = message.ack_with(AckKind::Nak(None)).await;
    }
}

fn read(message: Message) -> Result<Held, Box<dyn Error + Send + Sync>> {
    let event = delivered(&message)?;
    let attempt = u64::try_from(message.info()?.delivered).unwrap_or(1);
    let (_, acker) = message.split();
    Ok(Held { event, attempt, acker: Arc::new(acker) })
}

fn retry_delay(attempt: u64) -> Option<Duration> {
    let index = usize::try_from(attempt.saturating_sub(1)).ok()?;
    RETRY_DELAYS.get(index).copied()
}

/// An error with its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_tried_as_often_as_there_are_delays_and_once_more() {
        assert_eq!(retry_delay(1), Some(RETRY_DELAYS[0]));
        assert_eq!(retry_delay(ATTEMPTS_MAX - 1), Some(RETRY_DELAYS[5]));
        assert_eq!(retry_delay(ATTEMPTS_MAX), None);
    }
}
