//! The centers that have a server of their own, as the district knows them: who was enrolled, how far each has come, and how
//! its line is.
//!
//! Three kinds of entries stand in one bucket: the enrolment (an operator's), the places (the gate's: up to where the events of
//! a center stand here) and the line (the gate's: when the center was last heard, and what it said). Invariants: a place names
//! the event that stands there, so one that is ahead of a log that was restored from a backup is found and not believed;
//! nothing here is needed to read an event.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use proto_events::Timestamp;
use proto_events::ids::{CenterId, EventId};
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use runtime::kv::{Bucket, KvError};
use runtime::log::verify::Running;

/// How often a center says that it is there.
pub const HELLO_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

/// How long a center may be silent before its line counts as down: three hellos that got lost, and some time for the last.
pub const SILENT_MAX: TimeDelta = TimeDelta::seconds(8);

/// How far a center's clock may be off before what it writes is marked: as far as the clock of a caller may run ahead.
pub const CLOCK_OFF_MAX: TimeDelta = TimeDelta::minutes(5);

/// How long the way may take before a fact counts as having come late.
pub const LATE_AFTER: TimeDelta = TimeDelta::minutes(10);

/// The two streams that a center writes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Cases that were opened there, and what their citizens brought.
    Cases,
    /// What it counted.
    Centers,
}

impl Stream {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Cases, Self::Centers];

    /// Its name on the bus, at both ends.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cases => CASES_STREAM,
            Self::Centers => CENTERS_STREAM,
        }
    }

    /// The subjects of a center in it.
    #[must_use]
    pub fn subjects(self, center: &CenterId) -> String {
        match self {
            Self::Cases => format!("case.{center}.*"),
            Self::Centers => format!("center.{center}.*"),
        }
    }

    const fn key(self) -> &'static str {
        match self {
            Self::Cases => "cases",
            Self::Centers => "centers",
        }
    }
}

/// Something for each of the two streams.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfBoth<T> {
    /// For cases.
    pub cases: T,
    /// For what it counted.
    pub centers: T,
}

impl<T> OfBoth<T> {
    /// That of one of them.
    pub const fn of(&self, stream: Stream) -> &T {
        match stream {
            Stream::Cases => &self.cases,
            Stream::Centers => &self.centers,
        }
    }

    /// That of one of them.
    pub const fn of_mut(&mut self, stream: Stream) -> &mut T {
        match stream {
            Stream::Cases => &mut self.cases,
            Stream::Centers => &mut self.centers,
        }
    }
}

/// A place in a stream of a center, with the running digest of everything up to it: two histories that agree in it are the
/// same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The sequence at the center; 0 before the first event.
    pub sequence: u64,
    /// The running digest.
    pub digest: String,
}

impl Mark {
    /// Marks a place.
    #[must_use]
    pub fn at(sequence: u64, running: &Running) -> Self {
        Self { sequence, digest: running.digest().to_string() }
    }

    /// Whether it stands before the first event.
    #[must_use]
    pub const fn is_begin(&self) -> bool {
        self.sequence == 0
    }
}

impl Default for Mark {
    fn default() -> Self {
        Self::at(0, &Running::default())
    }
}

/// Up to where the events of a center stand here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The place in the center's stream.
    pub mark: Mark,
    /// Where the last of them stands in the district's stream; 0 before the first.
    pub stands_at: u64,
    /// Which it is.
    #[serde(default)]
    pub event_id: Option<EventId>,
    /// Everything of this center that stands in the district's stream up to here stands before the place; behind it may stand
    /// more, from questions whose answer got lost, or, after a recovery, in another order.
    #[serde(default)]
    pub all_before: u64,
}

/// That a center may connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Counts up with each: a machine that belongs to an earlier one is not this center any more.
    pub number: u32,
    /// When.
    pub enrolled_at: Timestamp,
    /// Since when not any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// Why the district does not take what a center says, or the center does not register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Nobody enrolled it.
    NotEnrolled,
    /// Its enrolment was taken back.
    Revoked,
    /// Another machine is this center.
    AnotherMachine,
    /// It knows less than the district has from it: its disk is an old one.
    OldDisk,
    /// Its history is another than the one that the district has from it: two machines on copies of one disk, or an old disk on
    /// which somebody went on.
    Forked,
    /// It sent what it may not: an event of another center, of another service, or without a signature of its own.
    NotItsOwn,
    /// The district cannot say just now.
    Busy,
}

impl Trouble {
    /// In a sentence, Chinese first.
    #[must_use]
    pub const fn told(self) -> &'static str {
        match self {
            Self::NotEnrolled => {
                "区里没有登记这个中心的服务器：请管理员运行 unstuck enroll (nobody enrolled this center)"
            }
            Self::Revoked => "区里已撤销这台机器的接入 (the district has revoked this machine)",
            Self::AnotherMachine => {
                "另一台机器已作为这个中心接入：这台不能登记 (another machine is this center already)"
            }
            Self::OldDisk => {
                "这台机器的数据早于区里已收到的：请先用 --recover 启动 (this disk is older than what the district has; start with \
                 --recover)"
            }
            Self::Forked => {
                "这台机器的记录与区里收到的不一致：请先用 --recover 启动 (this history is not the one that the district has; start \
                 with --recover)"
            }
            Self::NotItsOwn => {
                "送来的事项不属于这个中心，区里没有采用 (it sent what it may not; nothing of it was taken)"
            }
            Self::Busy => "区里暂时无法接收，稍后重试 (the district cannot take it just now)",
        }
    }
}

/// What a center said last, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The enrolment that the machine belongs to.
    pub number: u32,
    /// The machine: drawn once for each data folder.
    pub instance: String,
    /// When it was last heard.
    pub heard_at: Timestamp,
    /// Since when it is heard without a break.
    pub up_since: Timestamp,
    /// By how many seconds its clock is ahead; negative: behind.
    pub clock_ahead_seconds: i64,
    /// Where its streams end.
    pub ends: OfBoth<u64>,
    /// When the oldest fact was written down that has not arrived.
    #[serde(default)]
    pub waiting_since: Option<Timestamp>,
    /// What is wrong.
    #[serde(default)]
    pub trouble: Option<Trouble>,
    /// Another machine that said it was this center, and when it was last heard.
    #[serde(default)]
    pub other_machine: Option<(String, Timestamp)>,
}

/// The bucket of the enrolled centers.
#[derive(Debug, Clone)]
pub struct Enrolled(Bucket);

impl Enrolled {
    /// Over the bucket [`ENROLLED_BUCKET`](runtime::streams::ENROLLED_BUCKET).
    #[must_use]
    pub const fn new(bucket: Bucket) -> Self {
        Self(bucket)
    }

    async fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<(T, u64)>, KvError> {
        let found = self.0.find_at_leader(key).await?.value();
        // What cannot be read is as good as nothing: a center begins anew, and what stands already is found.
        Ok(found.and_then(|(bytes, revision)| {
            serde_json::from_slice(&bytes).ok().map(|value| (value, revision))
        }))
    }

    async fn write(&self, key: &str, value: &impl Serialize) -> Result<(), KvError> {
        self.0.put(key, json(value)).await
    }

    /// The enrolment of a center.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn enrolment(&self, center: &CenterId) -> Result<Option<Enrolment>, KvError> {
        Ok(self.read(&enrolment_key(center)).await?.map(|(value, _)| value))
    }

    /// Writes the enrolment of a center.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn enrol(&self, center: &CenterId, enrolment: &Enrolment) -> Result<(), KvError> {
        self.write(&enrolment_key(center), enrolment).await
    }

    /// The line of a center.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn line(&self, center: &CenterId) -> Result<Option<Line>, KvError> {
        Ok(self.read(&line_key(center)).await?.map(|(value, _)| value))
    }

    /// Writes the line of a center.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn heard(&self, center: &CenterId, line: &Line) -> Result<(), KvError> {
        self.write(&line_key(center), line).await
    }

    /// Up to where a stream of a center stands here, and the revision of what says so.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn place(&self, center: &CenterId, stream: Stream) -> Result<(Place, u64), KvError> {
        Ok(self.read(&place_key(center, stream)).await?.unwrap_or_default())
    }

    /// Moves a place from a revision; false when somebody else has moved it.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn move_place(
        &self,
        center: &CenterId,
        stream: Stream,
        place: &Place,
        revision: u64,
    ) -> Result<bool, KvError> {
        let key = place_key(center, stream);
        match revision {
            0 => self.0.create(&key, json(place)).await,
            revision => self.0.replace(&key, json(place), revision).await,
        }
    }

    /// Everything that is known, of every center, kept up to date until the line to the bus breaks; `take` hears each change.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn follow(&self, mut take: impl FnMut(Known)) -> Result<(), KvError> {
        use futures::StreamExt as _;
        let mut contents = self.0.contents().await?;
        while let Some((key, value)) = contents.next().await {
            if let Some(known) = value.and_then(|value| Known::read(&key, &value)) {
                take(known);
            }
        }
        Ok(())
    }
}

/// One entry of the bucket.
#[derive(Debug, Clone)]
pub enum Known {
    /// An enrolment.
    Enrolment(CenterId, Enrolment),
    /// A line.
    Line(CenterId, Line),
    /// A place.
    Place(CenterId, Stream, Place),
}

impl Known {
    fn read(key: &str, value: &[u8]) -> Option<Self> {
        let (kind, rest) = key.split_once('.')?;
        match kind {
            "enrolled" => {
                Some(Self::Enrolment(rest.parse().ok()?, serde_json::from_slice(value).ok()?))
            }
            "line" => Some(Self::Line(rest.parse().ok()?, serde_json::from_slice(value).ok()?)),
            "place" => {
                let (center, stream) = rest.split_once('.')?;
                let stream = Stream::ALL.into_iter().find(|one| one.key() == stream)?;
                let place = serde_json::from_slice(value).ok()?;
                Some(Self::Place(center.parse().ok()?, stream, place))
            }
            _ => None,
        }
    }
}

/// How a line is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum LineStanding {
    /// It is heard.
    Up,
    /// It was heard, and is not any more.
    Down,
    /// It was enrolled, and never heard.
    Never,
}

/// What is known of a center with a server of its own.
#[derive(Debug, Clone, Default)]
pub struct CenterKnown {
    /// Its enrolment.
    pub enrolment: Option<Enrolment>,
    /// What it said last.
    pub line: Option<Line>,
    /// Up to where its events stand here.
    pub places: OfBoth<Place>,
}

impl CenterKnown {
    /// How its line is at an instant.
    #[must_use]
    pub fn standing(&self, now: DateTime<Utc>) -> LineStanding {
        match &self.line {
            None => LineStanding::Never,
            Some(line) if now - line.heard_at.to_utc() <= SILENT_MAX => LineStanding::Up,
            Some(_) => LineStanding::Down,
        }
    }

    /// How many of its events have not arrived, as far as is known: what it wrote since it was last heard is not.
    #[must_use]
    pub fn lag_events(&self) -> u64 {
        let Some(line) = &self.line else { return 0 };
        let lag =
            |stream| line.ends.of(stream).saturating_sub(self.places.of(stream).mark.sequence);
        Stream::ALL.into_iter().map(lag).sum()
    }

    /// How many seconds old what is known of it may be: the age of the oldest fact that has not arrived, or of the last word.
    #[must_use]
    pub fn lag_seconds(&self, now: DateTime<Utc>) -> i64 {
        let Some(line) = &self.line else { return 0 };
        let since = match line.waiting_since.filter(|_| self.lag_events() > 0) {
            // By the center's clock, put right.
            Some(since) => since.to_utc() - TimeDelta::seconds(line.clock_ahead_seconds),
            None if self.standing(now) == LineStanding::Up => return 0,
            None => line.heard_at.to_utc(),
        };
        (now - since).num_seconds().max(0)
    }
}

/// All centers with a server of their own.
pub type Centers = BTreeMap<CenterId, CenterKnown>;

/// Puts an entry where it belongs.
pub fn take(centers: &mut Centers, known: Known) {
    match known {
        Known::Enrolment(center, enrolment) => {
            centers.entry(center).or_default().enrolment = Some(enrolment);
        }
        Known::Line(center, line) => centers.entry(center).or_default().line = Some(line),
        Known::Place(center, stream, place) => {
            *centers.entry(center).or_default().places.of_mut(stream) = place;
        }
    }
}

fn enrolment_key(center: &CenterId) -> String {
    format!("enrolled.{center}")
}

fn line_key(center: &CenterId) -> String {
    format!("line.{center}")
}

fn place_key(center: &CenterId, stream: Stream) -> String {
    format!("place.{center}.{}", stream.key())
}

fn json(value: &impl Serialize) -> bytes::Bytes {
    serde_json::to_vec(value).expect("ids, times and numbers are always JSON").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap().fixed_offset()
    }

    fn known(ends: u64, arrived: u64, waiting_since: Option<Timestamp>) -> CenterKnown {
        let mut known = CenterKnown {
            line: Some(Line {
                number: 1,
                instance: "one".to_owned(),
                heard_at: at(0),
                up_since: at(0),
                clock_ahead_seconds: 3600,
                ends: OfBoth { cases: ends, centers: 0 },
                waiting_since,
                trouble: None,
                other_machine: None,
            }),
            ..CenterKnown::default()
        };
        known.places.cases.mark.sequence = arrived;
        known
    }

    #[test]
    fn a_line_is_up_while_it_is_heard_and_never_before_its_first_word() {
        let known = known(0, 0, None);
        assert_eq!(known.standing(at(8).to_utc()), LineStanding::Up);
        assert_eq!(known.standing(at(9).to_utc()), LineStanding::Down);
        assert_eq!(CenterKnown::default().standing(at(0).to_utc()), LineStanding::Never);
    }

    #[test]
    fn a_lag_is_as_old_as_the_oldest_fact_by_the_districts_clock_and_silence_is_a_lag() {
        // Written an hour and a minute "later", by a clock that is an hour ahead.
        let behind = known(5, 3, Some(at(3600 - 60)));
        assert_eq!((behind.lag_events(), behind.lag_seconds(at(0).to_utc())), (2, 60));
        let silent = known(3, 3, None);
        assert_eq!((silent.lag_events(), silent.lag_seconds(at(4).to_utc())), (0, 0));
        assert_eq!(silent.lag_seconds(at(500).to_utc()), 500);
    }

    #[tokio::test]
    async fn a_place_moves_from_the_revision_that_was_read_only() {
        let enrolled = Enrolled::new(Bucket::in_memory("enrolled"));
        let center: CenterId = "donghuashi".parse().unwrap();
        let (place, revision) = enrolled.place(&center, Stream::Cases).await.unwrap();
        assert!(place.mark.is_begin() && revision == 0);
        let moved = Place { stands_at: 7, ..Place::default() };
        assert!(enrolled.move_place(&center, Stream::Cases, &moved, 0).await.unwrap());
        assert!(!enrolled.move_place(&center, Stream::Cases, &moved, 0).await.unwrap());
        let (read, revision) = enrolled.place(&center, Stream::Cases).await.unwrap();
        assert_eq!(read, moved);
        assert!(
            enrolled.move_place(&center, Stream::Cases, &Place::default(), revision).await.unwrap()
        );
        assert_eq!(enrolled.place(&center, Stream::Centers).await.unwrap(), (Place::default(), 0));
    }
}
