//! The district's end of the line: it hears the centers, and puts what they bring into the log.
//!
//! Invariants: nothing is believed of a question but the subject that it came on; nothing is taken unless all of it may be
//! taken; what was answered stands on the disk; a question that is repeated, at any distance in time, changes nothing.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::{Client, Message};
use chrono::TimeDelta;
use desk::enrolled::{
    CLOCK_OFF_MAX, Enrolled, HELLO_EVERY, Line, Mark, OfBoth, Place, SILENT_MAX, Stream, Trouble,
};
use desk::service::ServiceTask;
use desk::{Desk, Order};
use futures::StreamExt as _;
use proto_events::Timestamp;
use proto_events::codes::LinkRelation;
use proto_events::envelope::header;
use proto_events::ids::{CaseId, CenterId, CommandId, EventId};
use proto_events::subject::CaseSubject;
use runtime::kv::{Bucket, KvError};
use runtime::log::chain::Digest;
use runtime::log::jetstream::JetStreamLog;
use runtime::log::verify::Running;
use runtime::log::{AppendError, EventLog as _, LogError, Recorded};
use runtime::streams::ENROLLED_BUCKET;
use runtime::vault::{DataKey, VaultError, base64url};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::look::{NotItsOwn, Opening, look};
use super::protocol::{
    ASKED, Answer, BYTES_MAX, Carried, CarriedKey, Deliver, EVENTS_MAX, Fetch, Hello, asked_on,
    inbox_of,
};
use crate::applicant::Applicant;
use crate::duplicates;

/// Those who keep a gate share the questions.
const QUEUE: &str = "gate";

/// Questions that are answered at once: each center has one or two under way.
const AT_ONCE: usize = 16;

/// The pause before a gate that fell is opened again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The name from which the ids of its commands are derived.
const NAME: &str = "intake-gate";

/// The task of a gate; none on a desk in memory, which no center can reach.
#[must_use]
pub fn task(desk: &Arc<Desk>) -> Option<ServiceTask> {
    let js = desk.js.clone()?;
    let desk = Arc::clone(desk);
    Some(ServiceTask::new("gate of the centers", |token| async move {
        while !token.is_cancelled() {
            match Gate::open(&desk, &js).await {
                Ok(gate) => Arc::new(gate).run(js.client(), &token).await,
                Err(error) => {
                    tracing::warn!(%error, "the gate of the centers does not open; again")
                }
            }
            token.run_until_cancelled(tokio::time::sleep(AGAIN_AFTER)).await;
        }
        Ok(())
    }))
}

struct Gate {
    desk: Arc<Desk>,
    enrolled: Enrolled,
    logs: OfBoth<JetStreamLog>,
}

/// Why a question is not answered as it wishes.
enum No {
    Trouble(Trouble, String),
    Elsewhere(Mark),
}

impl No {
    fn because(trouble: Trouble) -> Self {
        Self::Trouble(trouble, trouble.told().to_owned())
    }
}

impl From<NotItsOwn> for No {
    fn from(why: NotItsOwn) -> Self {
        tracing::error!(%why, "a center brought what it may not; nothing of it was taken");
        Self::Trouble(Trouble::NotItsOwn, format!("{}: {why}", Trouble::NotItsOwn.told()))
    }
}

macro_rules! busy {
    ($($error:ty),+) => {
        $(impl From<$error> for No {
            fn from(error: $error) -> Self {
                tracing::warn!(error = &error as &dyn std::error::Error, "a center has to come again");
                Self::because(Trouble::Busy)
            }
        })+
    };
}

busy!(KvError, LogError, VaultError);

impl Gate {
    async fn open(
        desk: &Arc<Desk>,
        js: &Context,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let log = |stream: Stream| JetStreamLog::open(js.clone(), stream.name());
        Ok(Self {
            desk: Arc::clone(desk),
            enrolled: Enrolled::new(Bucket::open(js, ENROLLED_BUCKET).await?),
            logs: OfBoth { cases: log(Stream::Cases).await?, centers: log(Stream::Centers).await? },
        })
    }

    async fn run(self: Arc<Self>, client: Client, token: &CancellationToken) {
        let questions = match client.queue_subscribe(ASKED, QUEUE.to_owned()).await {
            Ok(questions) => questions,
            Err(error) => return tracing::warn!(%error, "the centers are not heard; again"),
        };
        let answers = questions.for_each_concurrent(AT_ONCE, |question| {
            let (gate, client) = (Arc::clone(&self), client.clone());
            async move { gate.answer(&client, question).await }
        });
        token.run_until_cancelled(answers).await;
    }

    async fn answer(&self, client: &Client, question: Message) {
        let Some((center, what)) = asked_on(&question.subject) else { return };
        // Where the answer goes was chosen by who asks: this service may publish where he may not.
        let Some(reply) = question.reply.filter(|reply| reply.starts_with(&inbox_of(&center)))
        else {
            return tracing::warn!(center.id = %center, "a center asks and does not hear its own inbox");
        };
        let answer = match what {
            "hello" => self.with(&question.payload, |asked| self.hello(&center, asked)).await,
            "deliver" => self.with(&question.payload, |asked| self.deliver(&center, asked)).await,
            "fetch" => self.with(&question.payload, |asked| self.fetch(&center, asked)).await,
            _ => return,
        };
        let body = serde_json::to_vec(&answer).expect("ids, times and texts are always JSON");
        if let Err(error) = client.publish(reply, body.into()).await {
            tracing::debug!(%error, "a center was not answered; it asks again");
        }
    }

    async fn with<Q: DeserializeOwned, F>(
        &self,
        payload: &[u8],
        work: impl FnOnce(Q) -> F,
    ) -> Answer
    where
        F: Future<Output = Result<Answer, No>>,
    {
        let no = match serde_json::from_slice(payload) {
            Ok(asked) => match work(asked).await {
                Ok(answer) => return answer,
                Err(no) => no,
            },
            Err(error) => No::Trouble(Trouble::NotItsOwn, format!("unreadable: {error}")),
        };
        match no {
            No::Trouble(trouble, detail) => Answer::Refused { trouble, detail },
            No::Elsewhere(place) => Answer::StandsElsewhere { place },
        }
    }

    /// Who comes under an enrolment that counts; gives its number.
    async fn number_of(&self, center: &CenterId) -> Result<u32, No> {
        match self.enrolled.enrolment(center).await? {
            None => Err(No::because(Trouble::NotEnrolled)),
            Some(enrolment) if enrolment.revoked_at.is_some() => Err(No::because(Trouble::Revoked)),
            Some(enrolment) => Ok(enrolment.number),
        }
    }

    async fn hello(&self, center: &CenterId, hello: Hello) -> Result<Answer, No> {
        let number = match self.number_of(center).await {
            Ok(number) => number,
            Err(no) => return Err(self.refused(center, no).await?),
        };
        let now = self.desk.now();
        let known = self.enrolled.line(center).await?.filter(|line| line.number == number);
        if let Some(line) = &known
            && line.instance != hello.instance
        {
            let is_known = |(other, _): &(String, Timestamp)| *other == hello.instance;
            if !line.other_machine.as_ref().is_some_and(is_known) {
                tracing::error!(
                    center.id = %center,
                    machine = line.instance,
                    other = hello.instance,
                    "two machines say that they are one center; the second is refused"
                );
            }
            let line = Line { other_machine: Some((hello.instance, now)), ..line.clone() };
            self.enrolled.heard(center, &line).await?;
            return Err(No::because(Trouble::AnotherMachine));
        }
        let mut places = OfBoth::<Mark>::default();
        let mut found_here = None;
        for stream in Stream::ALL {
            let (place, revision) = self.place(center, stream).await?;
            if place.mark == *hello.ends.of(stream) {
                self.is_level(center, stream, &place, revision).await?;
            }
            if !hello.is_recovering
                && let Some(found) = compared(&place.mark, hello.ends.of(stream))
            {
                found_here = Some(found);
            }
            *places.of_mut(stream) = place.mark;
        }
        let ahead = (hello.clock - now).num_seconds();
        let trouble = found_here.or(hello.trouble);
        self.heard(center, number, &hello, known, trouble, ahead).await?;
        // What the center has found itself it looks at again with what it is told.
        match found_here {
            Some(trouble) => Err(No::because(trouble)),
            None => Ok(Answer::Welcome { clock: now, places }),
        }
    }

    /// Notes that a revoked center is told so: whoever revokes it waits for that before its line is broken.
    async fn refused(&self, center: &CenterId, no: No) -> Result<No, No> {
        if let No::Trouble(trouble @ Trouble::Revoked, _) = no
            && let Some(line) = self.enrolled.line(center).await?
            && line.trouble != Some(trouble)
        {
            self.enrolled.heard(center, &Line { trouble: Some(trouble), ..line }).await?;
        }
        Ok(no)
    }

    /// Writes down what a center said; what stays the same for a moment is not written again.
    async fn heard(
        &self,
        center: &CenterId,
        number: u32,
        hello: &Hello,
        known: Option<Line>,
        trouble: Option<Trouble>,
        clock_ahead_seconds: i64,
    ) -> Result<(), No> {
        let now = self.desk.now();
        let is_unbroken =
            |line: &Line| (TimeDelta::zero()..=SILENT_MAX).contains(&(now - line.heard_at));
        let before = known.as_ref();
        let line = Line {
            number,
            instance: hello.instance.clone(),
            heard_at: now,
            up_since: before.filter(|line| is_unbroken(line)).map_or(now, |line| line.up_since),
            clock_ahead_seconds,
            ends: OfBoth { cases: hello.ends.cases.sequence, centers: hello.ends.centers.sequence },
            waiting_since: hello.waiting_since,
            trouble,
            other_machine: before.and_then(|line| line.other_machine.clone()),
        };
        if let Some(trouble) = trouble.filter(|_| before.is_none_or(|line| line.trouble != trouble))
        {
            tracing::error!(center.id = %center, ?trouble, "a center cannot go on by itself; {}", trouble.told());
        }
        let is_off = |seconds: i64| TimeDelta::seconds(seconds).abs() > CLOCK_OFF_MAX;
        if is_off(clock_ahead_seconds)
            && before.is_none_or(|line| !is_off(line.clock_ahead_seconds))
        {
            tracing::warn!(center.id = %center, clock_ahead_seconds, "the clock of a center is off; what it writes is marked");
        }
        let is_as_before = before.is_some_and(|before| {
            let age = now - before.heard_at;
            let is_young = age.to_std().is_ok_and(|age| age < HELLO_EVERY / 2);
            is_young && Line { heard_at: before.heard_at, ..line.clone() } == *before
        });
        if !is_as_before {
            self.enrolled.heard(center, &line).await?;
        }
        Ok(())
    }

    /// Up to where a stream of a center stands, and the revision that says so. One that the log does not bear out, because the
    /// log was restored from an older backup, is no place: the center brings everything again, and what stands is found.
    async fn place(&self, center: &CenterId, stream: Stream) -> Result<(Place, u64), No> {
        let (place, revision) = self.enrolled.place(center, stream).await?;
        if place.stands_at == 0 {
            return Ok((Place::default(), revision));
        }
        let stands = self.logs.of(stream).stretch(place.stands_at, 1).await?;
        let is_there = stands.first().is_some_and(|event| {
            event.sequence == place.stands_at && id_of(event) == place.event_id
        });
        Ok(if is_there { (place, revision) } else { (Place::default(), revision) })
    }

    /// Notes that a center has nothing that does not stand here: what stands here of it already is not looked through again.
    async fn is_level(
        &self,
        center: &CenterId,
        stream: Stream,
        place: &Place,
        revision: u64,
    ) -> Result<(), No> {
        if place.mark.is_begin() || place.all_before >= place.stands_at {
            return Ok(());
        }
        let all_before = self.logs.of(stream).head().await?.last_sequence;
        let place = Place { all_before, ..place.clone() };
        // Who has moved it meanwhile notes it later.
        self.enrolled.move_place(center, stream, &place, revision).await?;
        Ok(())
    }

    async fn deliver(&self, center: &CenterId, asked: Deliver) -> Result<Answer, No> {
        let number = self.number_of(center).await?;
        let known = self.enrolled.line(center).await?.filter(|line| line.number == number);
        match known {
            Some(line) if line.instance == asked.instance => {}
            Some(_) => return Err(No::because(Trouble::AnotherMachine)),
            // It says hello first.
            None => return Err(No::because(Trouble::Busy)),
        }
        let (mut place, revision) = self.place(center, asked.stream).await?;
        if asked.is_anew {
            place = Place::default();
        }
        if place.mark != asked.after {
            return Err(No::Elsewhere(place.mark));
        }
        let now = self.desk.now();
        let events: Vec<_> = asked.events.into_iter().map(|event| event.put_down(now)).collect();
        let key = self.desk.vault.master().event_key();
        let openings = look(&key, center, asked.stream, &events)?;
        if asked.stream == Stream::Cases {
            self.are_here_alone(center, &events).await?;
        }
        let keys = self.take_keys(center, &asked.keys, &openings).await?;
        let marks = marks(now, asked.clock);
        place = self.put(center, asked.stream, place, &events, &marks).await?;
        for opening in &openings {
            if let Some((_, key)) = keys.iter().find(|(case_id, _)| *case_id == opening.case_id) {
                self.flag_duplicate(center, opening, key).await;
            }
        }
        if !self.enrolled.move_place(center, asked.stream, &place, revision).await? {
            // Another gate was asked the same at the same time.
            return Err(No::because(Trouble::Busy));
        }
        Ok(Answer::Stands { place: place.mark })
    }

    /// Whether no case of these events stands under another center: everybody knows a case by its id alone.
    async fn are_here_alone(&self, center: &CenterId, events: &[Recorded]) -> Result<(), No> {
        let mut seen = HashSet::new();
        for event in events {
            let Some(subject) = CaseSubject::parse(&event.subject) else { continue };
            if !seen.insert(subject.case_id) {
                continue;
            }
            let anywhere = format!("case.*.{}", subject.case_id);
            let found = self.logs.cases.locate(&anywhere).await?;
            let found = found.as_deref().and_then(CaseSubject::parse);
            if found.is_some_and(|found| found.center != *center) {
                return Err(NotItsOwn::of(event, "a case of this id is another center's").into());
            }
        }
        Ok(())
    }

    /// Keeps the keys of cases under the district's own key. One that was destroyed here stays destroyed; one that does not open
    /// is said, and hides its applicant, but holds nobody else up.
    async fn take_keys(
        &self,
        center: &CenterId,
        carried: &[CarriedKey],
        openings: &[Opening],
    ) -> Result<Vec<(CaseId, DataKey)>, No> {
        let vault = &self.desk.vault;
        let from = vault.master().of_center(center);
        let mut keys = Vec::new();
        let is_opened = |key: &&CarriedKey| openings.iter().any(|one| one.case_id == key.case_id);
        for key in carried.iter().filter(is_opened) {
            let wrapped = base64url::decode(&key.wrapped).unwrap_or_default();
            match vault.take_over(key.case_id, &wrapped, &from).await {
                Ok(taken) => keys.push((key.case_id, taken)),
                Err(VaultError::Destroyed) => {}
                Err(error @ VaultError::WrongMasterKey { .. }) => {
                    self.desk.metrics.unreadable_applicant();
                    tracing::error!(center.id = %center, case.id = %key.case_id, %error, "the key of a case does not open");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(keys)
    }

    /// Puts events behind those that stand, each once: some stand already, when an answer got lost or after a recovery.
    async fn put(
        &self,
        center: &CenterId,
        stream: Stream,
        place: Place,
        events: &[Recorded],
        marks: &[(&'static str, String)],
    ) -> Result<Place, No> {
        let log = self.logs.of(stream);
        let standing = self.standing_behind(center, stream, place.all_before).await?;
        let Some(mut running) = Digest::parse(&place.mark.digest).map(Running::of) else {
            return Err(No::because(Trouble::Busy));
        };
        let mut place = place;
        for event in events {
            let id = id_of(event);
            let stands_at = match id.and_then(|id| standing.get(&id)) {
                Some(sequence) => *sequence,
                None => match log.bring(event, marks).await {
                    Ok(sequence) => sequence,
                    Err(AppendError::Conflict) => {
                        let why = "somebody else has opened a case of this id here";
                        return Err(NotItsOwn::of(event, why).into());
                    }
                    Err(AppendError::Refused(why)) => {
                        return Err(NotItsOwn::of(event, &why).into());
                    }
                    // Whether it stands is seen when it comes again.
                    Err(AppendError::Unknown(why)) => {
                        tracing::warn!(center.id = %center, why, "a center has to come again");
                        return Err(No::because(Trouble::Busy));
                    }
                },
            };
            running.take(&Digest::of(event));
            place = Place {
                mark: Mark::at(place.mark.sequence + 1, &running),
                stands_at,
                event_id: id,
                all_before: place.all_before,
            };
        }
        Ok(place)
    }

    /// The events of a center that stand behind a sequence: their ids, and where.
    async fn standing_behind(
        &self,
        center: &CenterId,
        stream: Stream,
        after: u64,
    ) -> Result<HashMap<EventId, u64>, No> {
        let mut standing = HashMap::new();
        let mut from = after + 1;
        loop {
            let log = self.logs.of(stream);
            let events = log.stretch_of(&stream.subjects(center), from, EVENTS_MAX).await?;
            let Some(last) = events.last() else { return Ok(standing) };
            from = last.sequence + 1;
            standing
                .extend(events.iter().filter_map(|event| Some((id_of(event)?, event.sequence))));
        }
    }

    /// Gives a center what it brought once, and may have lost.
    async fn fetch(&self, center: &CenterId, asked: Fetch) -> Result<Answer, No> {
        let number = self.number_of(center).await?;
        let line = self.enrolled.line(center).await?.filter(|line| line.number == number);
        if line.is_none_or(|line| line.instance != asked.instance) {
            return Err(No::because(Trouble::AnotherMachine));
        }
        let log = self.logs.of(asked.stream);
        let found = log.stretch_of(&asked.stream.subjects(center), asked.from, EVENTS_MAX).await?;
        let (mut events, mut bytes, mut next) = (Vec::new(), 0, None);
        for event in &found {
            if bytes > BYTES_MAX {
                break;
            }
            next = Some(event.sequence + 1);
            let came_over_the_line = event.headers.get(header::ARRIVED_AT).is_some();
            if let Some(carried) = Carried::of(event).filter(|_| came_over_the_line) {
                bytes += carried.bytes();
                events.push(carried);
            }
        }
        Ok(Answer::Fetched { events, next })
    }

    /// Says of a case in the case itself that its matter is open elsewhere in the district, which its center could not see. A
    /// citizen's case is never refused for it.
    async fn flag_duplicate(&self, center: &CenterId, opening: &Opening, key: &DataKey) {
        let opened = &opening.opened;
        let case_id = opening.case_id;
        let Ok(applicant) = Applicant::open(&opened.applicant, key, case_id) else { return };
        let (identity, matter) = (applicant.identity(), &opened.matter.name);
        let other = match duplicates::reserve(&self.desk, &identity, matter, case_id, center).await
        {
            Ok(()) => return,
            Err(problem) => problem.extra.get("case_id").and_then(|id| id.as_str()?.parse().ok()),
        };
        let Some(other) = other else { return };
        let command_id = CommandId::of_reaction(NAME, opening.event_id);
        let command = casework::command::Command::Link {
            other,
            relation: LinkRelation::Duplicate,
            note: None,
            reciprocal: false,
        };
        let mut order = Order::of_system("intake", case_id, command, command_id);
        order.causation = Some(opening.event_id);
        if let Err(problem) = self.desk.execute(order).await {
            tracing::warn!(case.id = %case_id, code = %problem.code, "a duplicate could not be linked");
        }
    }
}

/// What is wrong between what stands here and where a center ends.
fn compared(place: &Mark, end: &Mark) -> Option<Trouble> {
    match place.sequence.cmp(&end.sequence) {
        std::cmp::Ordering::Greater => Some(Trouble::OldDisk),
        std::cmp::Ordering::Equal if place.digest != end.digest => Some(Trouble::Forked),
        // Whether it continues what stands here, the center sees by the digest that it is told.
        _ => None,
    }
}

fn id_of(event: &Recorded) -> Option<EventId> {
    event.headers.get(header::ID)?.parse().ok()
}

/// How the events came: when, and with what clock.
fn marks(now: Timestamp, clock: Timestamp) -> Vec<(&'static str, String)> {
    let ahead = clock - now;
    let mut marks = vec![(header::ARRIVED_AT, now.to_rfc3339())];
    if ahead.abs() > CLOCK_OFF_MAX {
        marks.push((header::CLOCK_AHEAD, ahead.num_seconds().to_string()));
    }
    marks
}
