//! What goes over the line, as JSON: a question of the center's, an answer of the district's.
//!
//! Invariants: a center asks on subjects that carry its name, on which the bus lets nobody else publish; who asks is what the
//! subject says, never what the question says; every message has a limit far below the bus's own.

use desk::enrolled::{Mark, OfBoth, Stream, Trouble};
use proto_events::Timestamp;
use proto_events::ids::{CaseId, CenterId};
use runtime::bus_users::inbox_prefix;
use runtime::log::{Headers, Recorded};
use serde::{Deserialize, Serialize};

/// Everything that centers ask.
pub const ASKED: &str = "gate.*.*";

/// Events of one message at most.
pub(crate) const EVENTS_MAX: usize = 200;

/// Bytes of the events of one message, headers included, unless it is a single one: half of what the bus takes.
pub(crate) const BYTES_MAX: usize = 400 * 1024;

/// The subject on which a center asks something.
#[must_use]
pub fn question(center: &CenterId, what: &str) -> String {
    format!("gate.{center}.{what}")
}

/// The center that asks on a subject, and what.
pub(crate) fn asked_on(subject: &str) -> Option<(CenterId, &str)> {
    let (center, what) = subject.strip_prefix("gate.")?.split_once('.')?;
    Some((center.parse().ok()?, what))
}

/// Where a center hears answers. Whoever answers elsewhere would say what the asker wishes where the asker may not.
#[must_use]
pub fn inbox_of(center: &CenterId) -> String {
    format!("{}.", inbox_prefix(&format!("center:{center}")))
}

/// A center says that it is there. Asked on `hello`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    /// The machine.
    pub(crate) instance: String,
    /// Its clock.
    pub(crate) clock: Timestamp,
    /// Where its streams end.
    pub(crate) ends: OfBoth<Mark>,
    /// When the oldest fact was written down that has not arrived.
    pub(crate) waiting_since: Option<Timestamp>,
    /// What it has found wrong itself.
    pub(crate) trouble: Option<Trouble>,
    /// Whether it fetches what it lacks, and brings everything again.
    pub(crate) is_recovering: bool,
}

/// A center brings events. Asked on `deliver`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deliver {
    pub(crate) instance: String,
    pub(crate) clock: Timestamp,
    pub(crate) stream: Stream,
    /// Behind what they stand.
    pub(crate) after: Mark,
    /// Whether it begins anew, after a recovery: what stands here already is not taken twice.
    pub(crate) is_anew: bool,
    pub(crate) events: Vec<Carried>,
    /// The keys of the cases that are opened by them, as they stand wrapped at the center.
    pub(crate) keys: Vec<CarriedKey>,
}

/// A center asks for what it brought once. Asked on `fetch`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Fetch {
    pub(crate) instance: String,
    pub(crate) stream: Stream,
    /// From this sequence of the district's stream on.
    pub(crate) from: u64,
}

/// An event on its way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Carried {
    pub(crate) subject: String,
    pub(crate) headers: Vec<(String, String)>,
    /// The JSON of the event.
    pub(crate) body: String,
}

impl Carried {
    /// Takes an event up; one whose body is no text is none that anybody here wrote.
    pub(crate) fn of(event: &Recorded) -> Option<Self> {
        let field = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Some(Self {
            subject: event.subject.clone(),
            headers: event.headers.iter().map(field).collect(),
            body: String::from_utf8(event.body.to_vec()).ok()?,
        })
    }

    /// Puts it down; it stands nowhere yet.
    pub(crate) fn put_down(self, now: Timestamp) -> Recorded {
        Recorded {
            sequence: 0,
            subject: self.subject,
            stored_at: now.to_utc(),
            headers: self.headers.into_iter().collect::<Headers>(),
            body: self.body.into(),
        }
    }

    /// What it weighs.
    pub(crate) fn bytes(&self) -> usize {
        let headers: usize =
            self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.subject.len() + headers + self.body.len()
    }
}

/// The key of a case on its way, wrapped under the master key of its center.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CarriedKey {
    pub(crate) case_id: CaseId,
    /// base64url.
    pub(crate) wrapped: String,
}

/// What the district answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    /// The center is known. Up to where its events stand, and the district's clock.
    Welcome { clock: Timestamp, places: OfBoth<Mark> },
    /// Everything that was brought stands.
    Stands { place: Mark },
    /// The events stand up to another place than the question says: begin there.
    StandsElsewhere { place: Mark },
    /// What the center brought once.
    Fetched { events: Vec<Carried>, next: Option<u64> },
    /// No, and why.
    Refused { trouble: Trouble, detail: String },
}
