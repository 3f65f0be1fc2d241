//! The center's end of the line: reads the local log, and brings what is new to the district.
//!
//! Invariants: what is brought next continues what stands at the district, by the digest of everything before it; nothing of
//! the local log is changed or taken away, whatever the district says; the key of a case goes when the district has it and has
//! the case; a line that breaks costs a repetition, never an event.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::Context;
use desk::Desk;
use desk::decode::decode;
use desk::enrolled::{HELLO_EVERY, Mark, OfBoth, Stream, Trouble};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use proto_events::Timestamp;
use proto_events::envelope::header;
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, CenterId};
use proto_events::subject::CaseSubject;
use runtime::log::chain::{Digest, Signature};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::verify::Running;
use runtime::log::{AppendError, EventLog as _, Freshness, LogError, Recorded};
use runtime::vault::{VaultError, base64url};
use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::protocol::{
    Answer, BYTES_MAX, Carried, CarriedKey, Deliver, EVENTS_MAX, Fetch, Hello, question,
};
use super::standing::Standing;

/// How long the district may take to answer: it writes up to [`EVENTS_MAX`] events to its disk.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How long it may take to answer a hello; then the line counts as down.
const HELLO_ANSWER_MAX: Duration = Duration::from_secs(2);

/// The pause before the next try while the line is down.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The pause before the places are asked for again, after an answer got lost.
const AT_ONCE_AGAIN: Duration = Duration::from_millis(50);

/// Events that are read at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// What a courier is made with.
pub struct CourierConfig {
    /// The desk of the center, over its own bus.
    pub desk: Arc<Desk>,
    /// The local line on which the logs are read, and on which what was fetched is written.
    pub logs: Context,
    /// The local line of the center's own user, whose questions go to the district.
    pub client: Client,
    /// The center.
    pub center: CenterId,
    /// The machine: drawn once for each data folder.
    pub instance: String,
    /// What the doors know.
    pub standing: Arc<Standing>,
    /// Whether to fetch what this machine lacks, and to bring everything again.
    pub is_recovering: bool,
}

/// Why a courier cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The local log does not open.
    #[error("the log of this center does not open")]
    Log(#[from] LogError),
}

/// Brings the facts of a center to its district.
pub struct Courier {
    desk: Arc<Desk>,
    client: Client,
    center: CenterId,
    instance: String,
    standing: Arc<Standing>,
    is_recovering: bool,
    outboxes: OfBoth<Outbox>,
    /// What it has found wrong itself.
    trouble: Option<Trouble>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("center", &self.center).finish_non_exhaustive()
    }
}

/// A local stream, and how far it has come.
struct Outbox {
    stream: Stream,
    log: JetStreamLog,
    /// Up to where the digest was reckoned, and the digest: everything up to here stands at the district.
    reached: u64,
    running: Running,
}

/// Why the courier stops for a moment.
enum Stop {
    /// The district did not answer.
    Silence,
    /// It said no.
    Refused(Trouble, String),
    /// The local bus did not do what was asked.
    Local(Box<dyn std::error::Error + Send + Sync>),
    /// The places have to be asked for again.
    Again,
}

macro_rules! local {
    ($($error:ty),+) => {
        $(impl From<$error> for Stop {
            fn from(error: $error) -> Self {
                Self::Local(error.into())
            }
        })+
    };
}

local!(LogError, VaultError, AppendError);

impl Outbox {
    async fn open(logs: &Context, stream: Stream) -> Result<Self, LogError> {
        let log = JetStreamLog::open(logs.clone(), stream.name()).await?;
        Ok(Self { stream, log, reached: 0, running: Running::default() })
    }

    fn mark(&self) -> Mark {
        Mark::at(self.reached, &self.running)
    }

    /// Reckons the digest up to a place; gives the mark there, or at the end when that comes before.
    async fn reckon(&mut self, to: u64) -> Result<Mark, LogError> {
        if to < self.reached {
            (self.reached, self.running) = (0, Running::default());
        }
        while self.reached < to {
            let count =
                usize::try_from(to - self.reached).unwrap_or(usize::MAX).min(EVENTS_AT_ONCE);
            let events = self.log.stretch(self.reached + 1, count).await?;
            if events.is_empty() {
                break;
            }
            for event in events {
                self.take(&event);
            }
        }
        Ok(self.mark())
    }

    fn take(&mut self, event: &Recorded) {
        self.running.take(&Digest::of(event));
        self.reached = event.sequence;
    }

    /// The mark at the end of the stream; what has arrived stays reckoned.
    async fn end(&self) -> Result<Mark, LogError> {
        let mut ahead = Self {
            stream: self.stream,
            log: self.log.clone(),
            reached: self.reached,
            running: self.running,
        };
        let end = self.log.head().await?.last_sequence;
        ahead.reckon(end).await
    }

    /// When the oldest event was written down that has not arrived.
    async fn waiting_since(&self) -> Result<Option<Timestamp>, LogError> {
        let next = self.log.stretch(self.reached + 1, 1).await?;
        Ok(next.first().and_then(|event| Some(event.envelope().ok()?.recorded_at)))
    }
}

impl Courier {
    /// Opens the local logs.
    ///
    /// # Errors
    /// See [`CourierError`].
    pub async fn open(config: CourierConfig) -> Result<Self, CourierError> {
        let CourierConfig { desk, logs, client, center, instance, standing, is_recovering } =
            config;
        let outboxes = OfBoth {
            cases: Outbox::open(&logs, Stream::Cases).await?,
            centers: Outbox::open(&logs, Stream::Centers).await?,
        };
        let trouble = None;
        Ok(Self { desk, client, center, instance, standing, is_recovering, outboxes, trouble })
    }

    /// Goes on until the token is cancelled.
    pub async fn run(mut self, token: CancellationToken) {
        while !token.is_cancelled() {
            let Some(stop) = token.run_until_cancelled(self.session()).await else { return };
            let pause = match stop {
                Stop::Again => AT_ONCE_AGAIN,
                Stop::Silence => AGAIN_AFTER,
                Stop::Refused(trouble, detail) => {
                    self.standing.refused(trouble, detail);
                    AGAIN_AFTER
                }
                Stop::Local(error) => {
                    let error = &*error as &dyn std::error::Error;
                    tracing::warn!(error, "the courier begins again");
                    AGAIN_AFTER
                }
            };
            // What waits is told again with the next word.
            let _ = self.tell_waiting().await;
            token.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Says hello, then brings what comes, until something stops it.
    async fn session(&mut self) -> Stop {
        match self.bring_all().await {
            Ok(never) => match never {},
            Err(stop) => stop,
        }
    }

    async fn bring_all(&mut self) -> Result<std::convert::Infallible, Stop> {
        let places = self.hello().await?;
        if self.is_recovering {
            self.recover().await?;
        } else {
            self.compare(&places).await?;
        }
        self.standing.accepted();
        self.let_keys_go().await?;
        let mut lines = OfBoth {
            cases: self.follow(Stream::Cases).await?,
            centers: self.follow(Stream::Centers).await?,
        };
        let mut hellos = tokio::time::interval_at(Instant::now() + HELLO_EVERY, HELLO_EVERY);
        hellos.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.tell_waiting().await?;
            let (stream, events) = tokio::select! {
                events = lines.cases.next() => (Stream::Cases, events),
                events = lines.centers.next() => (Stream::Centers, events),
                _ = hellos.tick() => {
                    self.hello().await?;
                    continue;
                }
            };
            let events = events.ok_or(Stop::Again)?;
            let events: Vec<_> = events.into_iter().collect::<Result<_, _>>()?;
            self.deliver(stream, events, false).await?;
        }
    }

    async fn follow(
        &self,
        stream: Stream,
    ) -> Result<BoxStream<'static, Vec<Result<Recorded, LogError>>>, LogError> {
        let outbox = self.outboxes.of(stream);
        Ok(outbox.log.follow(outbox.reached).await?.ready_chunks(EVENTS_MAX).boxed())
    }

    async fn hello(&self) -> Result<OfBoth<Mark>, Stop> {
        let ends = OfBoth {
            cases: self.outboxes.cases.end().await?,
            centers: self.outboxes.centers.end().await?,
        };
        let hello = Hello {
            instance: self.instance.clone(),
            clock: self.desk.now(),
            ends,
            waiting_since: self.waiting_since().await?,
            trouble: self.trouble,
            is_recovering: self.is_recovering,
        };
        match self.ask("hello", &hello, HELLO_ANSWER_MAX).await? {
            Answer::Welcome { places, .. } => Ok(places),
            _ => Err(Stop::Again),
        }
    }

    /// Holds what stands at the district against what was written here.
    async fn compare(&mut self, places: &OfBoth<Mark>) -> Result<(), Stop> {
        self.trouble = None;
        for stream in Stream::ALL {
            let (place, outbox) = (places.of(stream), self.outboxes.of_mut(stream));
            let here = outbox.reckon(place.sequence).await?;
            let trouble = match here.sequence.cmp(&place.sequence) {
                std::cmp::Ordering::Less => Trouble::OldDisk,
                _ if here.digest != place.digest => Trouble::Forked,
                _ => continue,
            };
            // The next hello tells the district.
            self.trouble = Some(trouble);
            self.hello().await?;
            return Err(Stop::Refused(trouble, trouble.told().to_owned()));
        }
        Ok(())
    }

    /// Brings events, in pieces that the bus takes; each piece stands before the next goes.
    async fn deliver(
        &mut self,
        stream: Stream,
        events: Vec<Recorded>,
        mut is_anew: bool,
    ) -> Result<(), Stop> {
        let mut events = events.into_iter().peekable();
        while events.peek().is_some() {
            let (mut piece, mut carried, mut bytes) = (Vec::new(), Vec::new(), 0);
            while let Some(event) = events.next_if(|_| bytes < BYTES_MAX) {
                let one = Carried::of(&event)
                    .ok_or_else(|| Stop::Local("an event of this center is no text".into()))?;
                bytes += one.bytes();
                carried.push(one);
                piece.push(event);
            }
            let opened: Vec<CaseId> = piece.iter().filter_map(opened_by).collect();
            let asked = Deliver {
                instance: self.instance.clone(),
                clock: self.desk.now(),
                stream,
                after: self.outboxes.of(stream).mark(),
                is_anew,
                events: carried,
                keys: self.keys_of(&opened).await?,
            };
            match self.ask("deliver", &asked, ANSWER_MAX).await? {
                Answer::Stands { place } => {
                    let outbox = self.outboxes.of_mut(stream);
                    piece.iter().for_each(|event| outbox.take(event));
                    if outbox.mark() != place {
                        return Err(Stop::Again);
                    }
                }
                // Another place, because an answer got lost: the next hello says which.
                _ => return Err(Stop::Again),
            }
            is_anew = false;
            for case_id in opened {
                self.desk.vault.destroy(case_id).await?;
            }
        }
        Ok(())
    }

    async fn keys_of(&self, cases: &[CaseId]) -> Result<Vec<CarriedKey>, VaultError> {
        let mut keys = Vec::new();
        for case_id in cases {
            // One that is gone was brought before.
            if let Some(wrapped) = self.desk.vault.wrapped_key(*case_id).await? {
                keys.push(CarriedKey { case_id: *case_id, wrapped: base64url::encode(&wrapped) });
            }
        }
        Ok(keys)
    }

    /// Lets the keys go of cases that have arrived: the process may have died between the two.
    async fn let_keys_go(&self) -> Result<(), Stop> {
        let outbox = &self.outboxes.cases;
        for case_id in self.desk.vault.cases().await? {
            let subject = CaseSubject { center: self.center.clone(), case_id }.to_subject();
            let history = outbox.log.load(&subject, Freshness::Leader).await?;
            // A key without a case is that of one who is being registered.
            if history.first().is_some_and(|opened| opened.sequence <= outbox.reached) {
                self.desk.vault.destroy(case_id).await?;
            }
        }
        Ok(())
    }

    /// Writes what the district has from this center and this machine lacks behind what stands here, then brings everything
    /// again from the first event; what stands at the district already is not taken twice.
    async fn recover(&mut self) -> Result<(), Stop> {
        tracing::warn!("recovering: what the district has from this center is fetched");
        for stream in Stream::ALL {
            let fetched = self.fetch_missing(stream).await?;
            let outbox = self.outboxes.of_mut(stream);
            (outbox.reached, outbox.running) = (0, Running::default());
            let end = outbox.log.head().await?.last_sequence;
            let mut is_anew = true;
            while self.outboxes.of(stream).reached < end {
                let from = self.outboxes.of(stream).reached + 1;
                let events = self.outboxes.of(stream).log.stretch(from, EVENTS_MAX).await?;
                self.deliver(stream, events, is_anew).await?;
                is_anew = false;
            }
            tracing::warn!(stream = stream.name(), fetched, brought = end, "recovered");
        }
        self.is_recovering = false;
        Ok(())
    }

    async fn fetch_missing(&self, stream: Stream) -> Result<u64, Stop> {
        let log = &self.outboxes.of(stream).log;
        let end = log.head().await?.last_sequence;
        let mut here = HashSet::new();
        let mut from = 1;
        while from <= end {
            let events = log.stretch(from, EVENTS_AT_ONCE).await?;
            let Some(last) = events.last() else { break };
            from = last.sequence + 1;
            here.extend(events.iter().filter_map(id_of));
        }
        let key = self.desk.vault.master().event_key();
        let (mut fetched, mut from) = (0, 1);
        loop {
            let asked = Fetch { instance: self.instance.clone(), stream, from };
            let answer = self.ask("fetch", &asked, ANSWER_MAX).await?;
            let Answer::Fetched { events, next } = answer else { return Err(Stop::Again) };
            for event in events.into_iter().map(|event| event.put_down(self.desk.now())) {
                let Some(id) = id_of(&event).filter(|id| !here.contains(id)) else { continue };
                let stated = event.headers.get(header::MAC).unwrap_or_default();
                if key.judge(stated, &Digest::of(&event)) != Signature::Holds {
                    return Err(Stop::Local(
                        "what was fetched was not written by this center".into(),
                    ));
                }
                if let Some(case_id) = opened_by(&event) {
                    // The district has the key; here is none, and there will be none.
                    self.desk.vault.destroy(case_id).await?;
                }
                match log.bring(&event, &[]).await {
                    Ok(_) => {}
                    // It came twice: within the memory of the bus for ids.
                    Err(AppendError::Unknown(why)) => tracing::warn!(why, "already here"),
                    Err(error) => return Err(error.into()),
                }
                here.insert(id);
                fetched += 1;
            }
            match next {
                Some(next) => from = next,
                None => return Ok(fetched),
            }
        }
    }

    async fn waiting_since(&self) -> Result<Option<Timestamp>, LogError> {
        let cases = self.outboxes.cases.waiting_since().await?;
        let centers = self.outboxes.centers.waiting_since().await?;
        Ok(cases.into_iter().chain(centers).min())
    }

    async fn tell_waiting(&self) -> Result<(), LogError> {
        let mut waiting = 0;
        for stream in Stream::ALL {
            let outbox = self.outboxes.of(stream);
            waiting += outbox.log.head().await?.last_sequence.saturating_sub(outbox.reached);
        }
        let delivered =
            OfBoth { cases: self.outboxes.cases.reached, centers: self.outboxes.centers.reached };
        self.standing.waits(waiting, self.waiting_since().await?, delivered);
        Ok(())
    }

    async fn ask(
        &self,
        what: &str,
        asked: &impl Serialize,
        answer_max: Duration,
    ) -> Result<Answer, Stop> {
        let body = serde_json::to_vec(asked).map_err(|error| Stop::Local(error.into()))?;
        let answer = self.client.request(question(&self.center, what), body.into());
        let message = match tokio::time::timeout(answer_max, answer).await {
            Ok(Ok(message)) => message,
            // Nobody hears it, or the answer got lost.
            Ok(Err(_)) | Err(_) => return Err(Stop::Silence),
        };
        let answer =
            serde_json::from_slice(&message.payload).map_err(|error| Stop::Local(error.into()))?;
        let now = self.desk.now();
        let ahead = match &answer {
            Answer::Welcome { clock, .. } => Some((now - *clock).num_seconds()),
            _ => None,
        };
        self.standing.heard(now, ahead);
        match answer {
            Answer::Refused { trouble, detail } => Err(Stop::Refused(trouble, detail)),
            answer => Ok(answer),
        }
    }
}

fn id_of(event: &Recorded) -> Option<String> {
    event.headers.get(header::ID).map(ToOwned::to_owned)
}

/// The case that an event opens.
fn opened_by(event: &Recorded) -> Option<CaseId> {
    match decode(event) {
        Ok((meta, CaseEvent::Opened(_))) => Some(meta.case_id),
        _ => None,
    }
}
