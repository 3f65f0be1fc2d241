//! Going through a stream from its first event, to prove that it was not changed behind the services' backs.
//!
//! What is found: an event that was changed, made up, brought from elsewhere or signed under another key (its MAC); one
//! that was removed, exchanged or moved before an event that links (the link; facts that commute have none); one that
//! stands twice; one that a service wrote which does not write such events; anything else before the last seal, the end
//! of the stream included (the seals). What is not: what was cut off behind the last seal, and whoever has the site's key.
//!
//! Invariants: events from before there were MACs stand before all others; what came past the services and is no event
//! is no fault here, because nobody believes it: it is counted, and stands in quarantine; the first fault ends the walk, with its place;
//! memory grows with the subjects, and by sixteen bytes a fact without a link.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;

use async_nats::jetstream::Context;
use futures::StreamExt as _;
use proto_events::envelope::header;
use proto_events::ids::CenterId;
use proto_events::registry::{self, service_of};
use proto_events::subject::{CaseSubject, CenterSubject};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::chain::{Digest, EventKey, Link, Signature};
use super::{EventLog, LogError, Recorded};
use crate::audit::{Audit, AuditError};
use crate::log::jetstream::JetStreamLog;
use crate::seals::{SEALED_STREAMS, Seal, Wanted, in_audit};

/// Who writes lines of the audit without the key: a tool on a bus that is far from the key's file.
pub const UNSIGNED_ACTOR: &str = "command-line";

/// The first place at which a stream is not as the services wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// The stream.
    pub stream: String,
    /// The place.
    pub sequence: u64,
    /// The subject of the event that stands there.
    pub subject: String,
    /// Its id, as it says itself.
    pub event_id: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, sequence, subject, event_id, fault } = self;
        write!(f, "{stream} {sequence}")?;
        if !subject.is_empty() {
            write!(f, ", subject {subject}, event {event_id}")?;
        }
        write!(f, ": {fault}")
    }
}

/// What is wrong with an event, or with the stream at its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The sequences have a gap before it.
    #[error("events are missing: before it stands sequence {after}")]
    Missing {
        /// The last sequence before the gap.
        after: u64,
    },
    /// It has no MAC, and events before it have one.
    #[error(
        "it has no MAC, and sequence {since} before it has one: somebody wrote past the services"
    )]
    Unsigned {
        /// The first event with a MAC.
        since: u64,
    },
    /// Its MAC does not hold.
    #[error("its MAC does not hold: it was changed, brought here from another subject, or made up")]
    Altered,
    /// Its MAC names another key.
    #[error("it was signed under another key than that of this site")]
    OtherKey,
    /// It names another event than the one before it on its subject.
    #[error(
        "it does not follow what stands before it on its subject: an event was removed, exchanged or moved there"
    )]
    Unlinked,
    /// It says that it is the first of its subject, and is not, or the reverse.
    #[error("it says that {}", if *says_first { "it is the first of its subject, and is not" } else { "there is an event before it on its subject, and there is none" })]
    NotFirst {
        /// What it says.
        says_first: bool,
    },
    /// The same event stands before it.
    #[error("the same event stands before it")]
    Repeated,
    /// A center signed what a center does not write.
    #[error("it was signed by center {center}, which does not write events of its type")]
    NotOfACenter {
        /// The center.
        center: String,
    },
    /// Another service writes events of its type.
    #[error("events of its type are written by {owner}, not by {source_stated}")]
    WrongService {
        /// The service that writes them.
        owner: String,
        /// Where it says that it comes from.
        source_stated: String,
    },
    /// The events up to it are not those that were sealed.
    #[error("the events up to it are not those that were sealed; all up to sequence {good_to} are")]
    NotAsSealed {
        /// The last seal that holds.
        good_to: u64,
    },
    /// The stream ends before its last seal.
    #[error("the stream ends here, and was sealed up to sequence {sealed_to}: its end was cut off")]
    CutOff {
        /// How far it was sealed.
        sealed_to: u64,
    },
}

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Walked {
    /// The stream.
    pub stream: String,
    /// How many events were looked at.
    pub events: u64,
    /// How many of them have no MAC: from before there was one, lines that a tool without the key wrote, and what nobody
    /// can read.
    pub unsigned: u64,
    /// Up to where seals hold.
    pub sealed_to: u64,
    /// A seal over everything, to be kept elsewhere.
    pub seal: String,
    /// The first fault, in words.
    pub first_break: Option<String>,
}

/// The digest of all events up to a place, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running(Digest);

impl Default for Running {
    fn default() -> Self {
        Self(Digest::of_bytes([0; 32]))
    }
}

impl Running {
    /// Goes on from where a seal stands.
    #[must_use]
    pub const fn of(digest: Digest) -> Self {
        Self(digest)
    }

    /// Takes the next event.
    pub fn take(&mut self, event: &Digest) {
        let hash = Sha256::new().chain_update(self.0.bytes()).chain_update(event.bytes());
        self.0 = Digest::of_bytes(hash.finalize().into());
    }

    /// The digest so far.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

/// A walk through one stream.
pub struct Walk {
    stream: String,
    key: EventKey,
    /// What is checked of an event on its way, without what came before it.
    judge: Judge,
    running: Running,
    /// The newest event of each subject.
    newest: HashMap<Box<str>, Digest>,
    /// The ids of events without a link: nothing else keeps them from standing twice.
    unlinked: HashSet<Uuid>,
    seals: VecDeque<Seal>,
    reached: u64,
    walked: Walked,
}

impl Walk {
    /// Begins before the first event; of the seals, those of this stream count.
    #[must_use]
    pub fn new(stream: &str, key: EventKey, seals: &[Seal]) -> Self {
        let mut seals: Vec<_> = seals
            .iter()
            .filter(|seal| seal.stream == stream && seal.sequence > 0)
            .cloned()
            .collect();
        seals.sort_unstable_by_key(|seal| seal.sequence);
        Self {
            stream: stream.to_owned(),
            judge: Judge::new(key.clone()),
            key,
            running: Running::default(),
            newest: HashMap::new(),
            unlinked: HashSet::new(),
            seals: seals.into(),
            reached: 0,
            walked: Walked { stream: stream.to_owned(), ..Walked::default() },
        }
    }

    /// The place that was reached.
    #[must_use]
    pub const fn reached(&self) -> u64 {
        self.reached
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// The break, when this is where the stream is not as it was written.
    pub fn take(&mut self, event: &Recorded) -> Result<(), Break> {
        let digest = Digest::of(event);
        self.check(event, &digest).map_err(|fault| self.broken(event, fault))
    }

    fn check(&mut self, event: &Recorded, digest: &Digest) -> Result<(), Fault> {
        if event.sequence != self.reached + 1 {
            return Err(Fault::Missing { after: self.reached });
        }
        let is_signed = self.judge.check(event, digest)?;
        match (Link::of(event), self.newest.get(event.subject.as_str())) {
            // Sixteen bytes each: what links cannot stand twice.
            (Link::None, _) => {
                let id = event.headers.get(header::ID).and_then(|id| id.parse().ok());
                if id.is_some_and(|id| !self.unlinked.insert(id)) {
                    return Err(Fault::Repeated);
                }
            }
            (Link::First, None) => {}
            (Link::To(previous), Some(newest)) if previous == *newest => {}
            (Link::First, Some(_)) => return Err(Fault::NotFirst { says_first: true }),
            (Link::To(_), None) => return Err(Fault::NotFirst { says_first: false }),
            (Link::To(_) | Link::Unreadable, _) => return Err(Fault::Unlinked),
        }
        match self.newest.get_mut(event.subject.as_str()) {
            Some(newest) => *newest = *digest,
            None => drop(self.newest.insert(event.subject.as_str().into(), *digest)),
        }
        self.reached = event.sequence;
        self.running.take(digest);
        while let Some(seal) = self.seals.pop_front_if(|seal| seal.sequence <= self.reached) {
            if seal.digest != self.running.digest() {
                return Err(Fault::NotAsSealed { good_to: self.walked.sealed_to });
            }
            self.walked.sealed_to = seal.sequence;
        }
        self.walked.events += 1;
        self.walked.unsigned += u64::from(!is_signed);
        Ok(())
    }

    fn broken(&self, event: &Recorded, fault: Fault) -> Break {
        Break {
            stream: self.stream.clone(),
            sequence: event.sequence,
            subject: event.subject.clone(),
            event_id: event.headers.get(header::ID).unwrap_or("without an id").to_owned(),
            fault,
        }
    }

    /// Ends the walk where the stream ends.
    ///
    /// # Errors
    /// The break, when the stream was sealed further than it goes.
    pub fn end(self) -> Result<Walked, Break> {
        if let Some(seal) = self.seals.back() {
            return Err(Break {
                stream: self.stream,
                sequence: self.reached,
                subject: String::new(),
                event_id: String::new(),
                fault: Fault::CutOff { sealed_to: seal.sequence },
            });
        }
        Ok(self.so_far(None))
    }

    /// What was found so far, with the break that ended it.
    #[must_use]
    pub fn so_far(&self, found: Option<Break>) -> Walked {
        let first_break = found.map(|found| found.to_string());
        let seal = Seal::new(&self.key, &self.stream, self.reached, self.running.digest());
        Walked { seal: seal.to_string(), first_break, ..self.walked.clone() }
    }
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("reached", &self.reached).finish_non_exhaustive()
    }
}

/// What can be said of an event by itself.
#[derive(Debug)]
pub struct Judge {
    key: EventKey,
    /// The first event that has a MAC.
    signed_since: Option<u64>,
    /// Which service writes a type.
    owners: HashMap<String, Option<&'static str>>,
    /// The keys of centers that were met.
    centers: HashMap<CenterId, EventKey>,
}

impl Judge {
    /// Judges by the key of the site.
    #[must_use]
    pub fn new(key: EventKey) -> Self {
        Self { key, signed_since: None, owners: HashMap::new(), centers: HashMap::new() }
    }

    /// Judges what stands behind a seal: whoever sealed signs, so everything has a MAC from there on.
    #[must_use]
    pub fn behind(key: EventKey, sealed_to: Option<u64>) -> Self {
        Self { signed_since: sealed_to, ..Self::new(key) }
    }

    /// Says whether an event is signed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&mut self, event: &Recorded, digest: &Digest) -> Result<bool, Fault> {
        let Some(stated) = event.headers.get(header::MAC) else {
            return match self.signed_since {
                Some(since) if !is_of_a_tool(event) && is_readable(event) => {
                    Err(Fault::Unsigned { since })
                }
                _ => Ok(false),
            };
        };
        match self.key.judge(stated, digest) {
            Signature::Holds => {}
            Signature::DoesNotHold => return Err(Fault::Altered),
            Signature::OtherKey => self.check_center(event, stated, digest)?,
        }
        self.signed_since.get_or_insert(event.sequence);
        self.check_service(event)?;
        Ok(true)
    }

    /// Judges what a center with a server of its own has signed: facts of citizens, and its counts, of that center.
    fn check_center(
        &mut self,
        event: &Recorded,
        stated: &str,
        digest: &Digest,
    ) -> Result<(), Fault> {
        let center = center_of(&event.subject).ok_or(Fault::OtherKey)?;
        let key = match self.centers.entry(center.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(self.key.of_center(&center).ok_or(Fault::OtherKey)?)
            }
        };
        match key.judge(stated, digest) {
            Signature::Holds => {}
            Signature::DoesNotHold => return Err(Fault::Altered),
            Signature::OtherKey => return Err(Fault::OtherKey),
        }
        let event_type = event.headers.get(header::TYPE).unwrap_or_default();
        match registry::is_of_a_center(event_type) {
            true => Ok(()),
            false => Err(Fault::NotOfACenter { center: center.to_string() }),
        }
    }

    fn check_service(&mut self, event: &Recorded) -> Result<(), Fault> {
        let stated = event.headers.get(header::TYPE).zip(event.headers.get(header::SOURCE));
        let Some((event_type, source)) = stated else { return Ok(()) };
        let owner = match self.owners.get(event_type) {
            Some(owner) => *owner,
            None => {
                let owner = service_of(event_type).map(|service| service.name());
                self.owners.insert(event_type.to_owned(), owner);
                owner
            }
        };
        // "/<district>/<service>[/<center>]"
        match owner {
            Some(owner) if source.split('/').nth(2) != Some(owner) => Err(Fault::WrongService {
                owner: owner.to_owned(),
                source_stated: source.to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// The center whose subject it is.
fn center_of(subject: &str) -> Option<CenterId> {
    let case = CaseSubject::parse(subject).map(|subject| subject.center);
    case.or_else(|| CenterSubject::parse(subject).map(|subject| subject.center().clone()))
}

/// Whether it is something that a service would believe. What nobody can read changes nothing: it stands in quarantine.
fn is_readable(event: &Recorded) -> bool {
    event.subject.starts_with("audit.")
        || event
            .envelope()
            .is_ok_and(|envelope| registry::is_readable(&envelope.event_type, &event.body))
}

/// Whether it is a line of the audit that a tool wrote which did not have the key.
fn is_of_a_tool(event: &Recorded) -> bool {
    #[derive(Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        actor: std::borrow::Cow<'a, str>,
    }
    event.subject.starts_with("audit.")
        && serde_json::from_slice::<Line<'_>>(&event.body)
            .is_ok_and(|line| line.actor == UNSIGNED_ACTOR)
}

/// Walks through a stream up to where it ends now; `progress` hears how far it is and where it wants to.
///
/// # Errors
/// When the stream cannot be read. A break is no error: it stands in the report.
pub async fn walk(
    log: &dyn EventLog,
    mut walk: Walk,
    mut progress: impl FnMut(u64, u64),
) -> Result<Walked, LogError> {
    let head = log.head().await?;
    let goal = head.last_sequence;
    if goal > 0 && head.first_sequence > 1 {
        return Ok(walk.so_far(Some(missing(&walk.stream, 0, head.first_sequence))));
    }
    if goal > 0 {
        let mut events = log.follow(0).await?;
        while walk.reached() < goal {
            let event = match events.next().await {
                Some(Ok(event)) => event,
                Some(Err(LogError::Gap { after, came })) => {
                    return Ok(walk.so_far(Some(missing(&walk.stream, after, came))));
                }
                Some(Err(error)) => return Err(error),
                None => break,
            };
            if let Err(found) = walk.take(&event) {
                return Ok(walk.so_far(Some(found)));
            }
            progress(walk.reached(), goal);
        }
    }
    let so_far = walk.so_far(None);
    Ok(walk.end().unwrap_or_else(|found| Walked { first_break: Some(found.to_string()), ..so_far }))
}

/// Why a log could not be proved.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// A stream could not be read.
    #[error("a stream could not be read to prove it")]
    Log(#[from] LogError),
    /// The seals could not be read.
    #[error("the seals could not be read")]
    Seals(#[from] AuditError),
    /// A seal that was kept elsewhere is none of this site.
    #[error("{0:?} is no seal of this site: it was changed, or signed under another key")]
    ForeignSeal(String),
}

/// Walks through every stream of the house. Beside the seals of the audit it holds the streams against those that were `kept`
/// elsewhere.
///
/// # Errors
/// When a stream cannot be read. A break is no error: it stands in the report of its stream.
pub async fn prove(
    js: &Context,
    audit: &Audit,
    key: &EventKey,
    kept: &[String],
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<Walked>, ProofError> {
    let mut seals = in_audit(audit, key, Wanted::All).await?;
    for text in kept {
        let seal = Seal::read(key, text).ok_or_else(|| ProofError::ForeignSeal(text.clone()))?;
        seals.push(seal);
    }
    let mut logs = Vec::new();
    let mut goal = 0;
    for stream in SEALED_STREAMS {
        let log = JetStreamLog::open(js.clone(), stream).await?;
        goal += log.head().await?.last_sequence;
        logs.push((stream, log));
    }
    let (mut found, mut before) = (Vec::new(), 0);
    for (stream, log) in logs {
        let step = |reached, _| progress(before + reached, goal);
        let walked = walk(&log, Walk::new(stream, key.clone(), &seals), step).await?;
        before += walked.events;
        found.push(walked);
    }
    Ok(found)
}

fn missing(stream: &str, after: u64, came: u64) -> Break {
    Break {
        stream: stream.to_owned(),
        sequence: came,
        subject: String::new(),
        event_id: String::new(),
        fault: Fault::Missing { after },
    }
}
