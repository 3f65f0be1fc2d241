//! The event log: the port that the command loop, the views and the reactions stand on.
//!
//! Invariants: an event that was appended is never changed; sequences of the stream are contiguous;
//! an append names the event that it expects to be the last of the exact subject, or says that it commutes; what the
//! services append is signed and linked ([`chain`]).

pub mod chain;
pub mod contract;
mod headers;
pub mod jetstream;
pub mod memory;
pub mod verify;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use proto_events::envelope::{Envelope, EnvelopeError};
use uuid::Uuid;

pub use headers::Headers;

/// An event about to be appended: its envelope and the JSON of its data.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// Who, when, why, by which command.
    pub envelope: Envelope,
    /// The JSON of the event's data.
    pub body: Bytes,
}

/// An event as it stands in the log, not yet interpreted: a reader must be able to hold what it cannot read.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Position in the stream; starts at 1, without gaps.
    pub sequence: u64,
    /// The subject, for example `case.<center>.<case_id>`.
    pub subject: String,
    /// When the bus stored it.
    pub stored_at: DateTime<Utc>,
    /// The message's headers, the first value of each.
    pub headers: Headers,
    /// The body as it was appended.
    pub body: Bytes,
}

impl Recorded {
    /// Reads the envelope from the headers.
    ///
    /// # Errors
    /// Names the first header that is missing or unreadable.
    pub fn envelope(&self) -> Result<Envelope, EnvelopeError> {
        Envelope::from_headers(|name| self.headers.get(name))
    }

    /// Makes the record that an append of `event` leaves at `sequence`.
    #[must_use]
    pub fn of(event: &NewEvent, subject: &str, sequence: u64, stored_at: DateTime<Utc>) -> Self {
        let headers = event.envelope.to_headers();
        Self {
            sequence,
            subject: subject.to_owned(),
            stored_at,
            headers: headers.into_iter().collect(),
            body: event.body.clone(),
        }
    }
}

/// What an append expects to be the last event of its subject.
#[derive(Debug, Clone, Copy)]
pub enum Expected<'a> {
    /// The subject has no event yet.
    Nothing,
    /// Exactly this event. For every decision.
    After(&'a Recorded),
    /// Anything: the event commutes with whatever was decided meanwhile. For a citizen's facts only.
    Any,
}

impl<'a> Expected<'a> {
    /// Expects that nothing was added to a history that was read.
    #[must_use]
    pub fn behind(history: &'a [Recorded]) -> Self {
        history.last().map_or(Self::Nothing, Self::After)
    }

    /// The sequence of the event that is expected to be the last; 0 when there is to be none.
    #[must_use]
    pub const fn sequence(self) -> Option<u64> {
        match self {
            Self::Nothing => Some(0),
            Self::After(last) => Some(last.sequence),
            Self::Any => None,
        }
    }
}

/// Which copy of the log may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// Any replica; a stale answer leads to a conflict, never to a wrong append.
    Any,
    /// The leader; after a conflict or an unknown outcome.
    Leader,
}

/// Where the stream ends, and which stream it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// When the stream was made; another instant is another stream.
    pub created_at: DateTime<Utc>,
    /// Sequence of the first event that is still there (1, or 0/1 when empty).
    pub first_sequence: u64,
    /// Sequence of the newest event; 0 when there is none.
    pub last_sequence: u64,
}

/// Why an append did not, or may not, have happened.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote first (10071, 10164): read again, then decide again.
    #[error("the subject has moved on since it was read")]
    Conflict,
    /// The bus cannot say whether the event was stored (timeout, 10163, 10158, 10201, duplicate): read again.
    #[error("the bus did not say whether the append happened: {0}")]
    Unknown(String),
    /// The bus refuses for a reason that a repeat does not mend (stream missing, too large, a bug of ours).
    #[error("the bus refused the append: {0}")]
    Refused(String),
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The bus is out of reach, or did not answer in time.
    #[error("the bus is out of reach while {attempted}")]
    Unreachable {
        /// What was attempted.
        attempted: &'static str,
        /// What the client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The sequences of the stream have a gap, or the stream ends before the checkpoint (`came` is then its
    /// end): events are missing. An incident, never repaired in silence.
    #[error("events are missing: after sequence {after} came {came}")]
    Gap {
        /// The last sequence before the gap.
        after: u64,
        /// The first sequence behind it.
        came: u64,
    },
    /// A subject has more events than one case can have.
    #[error("subject {subject} has more than {limit} events")]
    TooLong {
        /// The subject.
        subject: String,
        /// The limit.
        limit: usize,
    },
}

/// Most events that one subject may have: far above any real case, low enough to load at once.
pub const EVENTS_PER_SUBJECT_MAX: usize = 10_000;

/// Most events that one command may append: the bus takes 1000 in a batch; a decision makes a handful.
pub const EVENTS_PER_APPEND_MAX: usize = 64;

/// Largest body of one event in bytes: a quarter of what the bus takes (1 MB with headers), a hundred times
/// what an event of this house weighs.
pub const EVENT_BYTES_MAX: usize = 256 * 1024;

/// Draws an id that nothing else has; no clock is read for it.
///
/// # Errors
/// When the system has no source of chance.
pub(crate) fn random_id() -> Result<Uuid, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid())
}

/// Says why an append may not even be tried; both implementations ask this first.
///
/// # Errors
/// [`AppendError::Refused`] with the reason.
pub(crate) fn check_append(subject: &str, events: &[NewEvent]) -> Result<(), AppendError> {
    let refused = |reason: String| Err(AppendError::Refused(reason));
    let literal = |token: &str| {
        !token.is_empty()
            && !token
                .contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>'))
    };
    if !subject.split('.').all(literal) {
        return refused(format!("{subject:?} is not a literal subject"));
    }
    if events.is_empty() || events.len() > EVENTS_PER_APPEND_MAX {
        return refused(format!("{} events, not 1 to {EVENTS_PER_APPEND_MAX}", events.len()));
    }
    match events.iter().map(|event| event.body.len()).max() {
        Some(bytes) if bytes > EVENT_BYTES_MAX => {
            refused(format!("a body of {bytes} bytes, more than {EVENT_BYTES_MAX}"))
        }
        _ => Ok(()),
    }
}

/// A log of events by subject. Two implementations, one contract suite ([`contract`]).
pub trait EventLog: Send + Sync + 'static {
    /// Reads all events of a subject, oldest first; an empty list when there are none.
    ///
    /// # Errors
    /// [`LogError::Unreachable`] when the bus does not answer, [`LogError::TooLong`] beyond the limit.
    fn load<'a>(
        &'a self,
        subject: &'a str,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>>;

    /// Appends the events of one command, all or none, and returns the sequence of the last of them; they
    /// stand at contiguous sequences. Cancelling the future leaves the outcome unknown.
    ///
    /// # Errors
    /// See [`AppendError`]. An empty list, or more than [`EVENTS_PER_APPEND_MAX`] events, is refused.
    fn append<'a>(
        &'a self,
        subject: &'a str,
        expected: Expected<'a>,
        events: &'a [NewEvent],
    ) -> BoxFuture<'a, Result<u64, AppendError>>;

    /// Follows the whole stream from behind `after`, without end, in order and without gaps.
    ///
    /// Ends after an error; the caller starts again from its checkpoint with a back-off.
    ///
    /// # Errors
    /// The call when the bus is out of reach, or [`LogError::Gap`] when `after` is beyond the end; an item when
    /// the line breaks or a gap is found.
    fn follow(
        &self,
        after: u64,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Recorded, LogError>>, LogError>>;

    /// Says on which subject the newest message matching `pattern` stands (`*` and `>` as on the bus), asking
    /// the leader; `None` when nothing matches.
    ///
    /// # Errors
    /// [`LogError::Unreachable`] when the bus does not answer.
    fn locate<'a>(&'a self, pattern: &'a str) -> BoxFuture<'a, Result<Option<String>, LogError>>;

    /// Says where the stream ends now.
    ///
    /// # Errors
    /// [`LogError::Unreachable`] when the bus does not answer.
    fn head(&self) -> BoxFuture<'_, Result<Head, LogError>>;
}
