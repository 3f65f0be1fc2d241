//! Brings a told history into the bus: many events in one atomic batch, one batch on its way while the next is made.
//!
//! Invariants: the events stand in the log in the order in which they were told, so that a telling that was cut off
//! can go on where it stopped; when somebody else writes meanwhile, the telling ends; a case's key is there before
//! its opening; nothing personal leaves unsealed.

use std::collections::HashMap;

use anyhow::Context as _;
use async_nats::jetstream::Context;
use bytes::Bytes;
use desk::Desk;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use intake::Applicant;
use proto_events::centers::CenterEvent;
use proto_events::envelope::Envelope;
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, EventId};
use proto_events::subject::{
    CASES_STREAM, CENTERS_STREAM, CaseSubject, CenterSubject, LEARNING_STREAM, LearningSubject,
};
use runtime::log::chain::{Digest, EventKey, Link};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::{EventLog as _, Freshness};
use runtime::vault::DataKey;
use simulation::{Fact, SampleApplicant, Told, ToldOfCenter, ToldOfLearning};

use super::line::{BATCH_EVENTS_MAX, Line, Message};

/// Keys that are made side by side: each waits for the disk.
const KEYS_AT_ONCE: usize = 64;

/// Publishes the facts of a history.
pub(crate) struct Publisher<'a> {
    desk: &'a Desk,
    cases: Line,
    centers: Line,
    learning: Line,
    /// Events of cases that wait for their batch, and for the keys of those that open one.
    told: Vec<Told>,
    erased: Vec<CaseId>,
    chain: Chain,
}

/// The newest event of each subject, to which the next one links.
struct Chain {
    key: EventKey,
    js: Context,
    newest: HashMap<String, Digest>,
}

impl Chain {
    /// What an event links to; what was told by somebody before is looked for in the stream.
    async fn link(&self, stream: &str, subject: &str, is_first: bool) -> anyhow::Result<Link> {
        match self.newest.get(subject) {
            Some(digest) => Ok(Link::To(*digest)),
            None if is_first => Ok(Link::First),
            None => {
                let log = JetStreamLog::open(self.js.clone(), stream).await?;
                let history = log.load(subject, Freshness::Leader).await?;
                Ok(history.last().map_or(Link::First, |last| Link::To(Digest::of(last))))
            }
        }
    }

    fn message(
        &mut self,
        subject: String,
        link: Link,
        envelope: &Envelope,
        body: Vec<u8>,
    ) -> Message {
        let name = subject.clone();
        let (message, digest) =
            Message::signed(&self.key, subject, link, envelope, Bytes::from(body));
        self.newest.insert(name, digest);
        message
    }
}

impl<'a> Publisher<'a> {
    /// Begins behind what stands in the streams.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub(crate) async fn new(desk: &'a Desk, js: &Context) -> anyhow::Result<Self> {
        let cases = Line::behind(js, CASES_STREAM).await?;
        let centers = Line::behind(js, CENTERS_STREAM).await?;
        let learning = Line::behind(js, LEARNING_STREAM).await?;
        let key = desk.vault.master().event_key();
        let chain = Chain { key, js: js.clone(), newest: HashMap::new() };
        Ok(Self { desk, cases, centers, learning, told: Vec::new(), erased: Vec::new(), chain })
    }

    /// Goes on with a history whose beginning stands in the streams: what stands there is not told again.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub(crate) async fn going_on(desk: &'a Desk, js: &Context) -> anyhow::Result<Self> {
        let mut publisher = Self::new(desk, js).await?;
        publisher.cases.go_on().await?;
        publisher.centers.go_on().await?;
        publisher.learning.go_on().await?;
        Ok(publisher)
    }

    /// Takes the next fact; it is in the log once [`Publisher::finish`] has returned.
    ///
    /// # Errors
    /// When the bus is out of reach, refuses, or has another history.
    pub(crate) async fn publish(&mut self, fact: Fact) -> anyhow::Result<()> {
        match fact {
            Fact::Case(told) => {
                if matches!(told.event, CaseEvent::PersonalDataErased(_)) {
                    self.erased.push(told.case_id);
                }
                if self.cases.skips(told.id)? {
                    return Ok(());
                }
                self.told.push(*told);
                if self.told.len() >= BATCH_EVENTS_MAX {
                    self.send_cases().await?;
                }
            }
            Fact::Center(told) => {
                let id = EventId::of_command(told.command_id, 0);
                if self.centers.skips(id)? {
                    return Ok(());
                }
                let message = self.message_of_center(*told, id);
                self.centers.push(message).await?;
            }
            Fact::Learning(told) => {
                let id = EventId::of_command(told.command_id, 0);
                if self.learning.skips(id)? {
                    return Ok(());
                }
                let message = self.message_of_learning(*told, id).await?;
                self.learning.push(message).await?;
            }
        }
        Ok(())
    }

    /// Waits until everything stands in the log.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub(crate) async fn finish(mut self) -> anyhow::Result<()> {
        self.send_cases().await?;
        self.cases.finish().await?;
        self.centers.finish().await?;
        self.learning.finish().await?;
        for case_id in self.erased {
            self.desk.vault.destroy(case_id).await?;
        }
        Ok(())
    }

    async fn send_cases(&mut self) -> anyhow::Result<()> {
        let told = std::mem::take(&mut self.told);
        let opened = told.iter().filter(|one| one.applicant.is_some()).map(|one| one.case_id);
        let vault = &self.desk.vault;
        let keys: HashMap<CaseId, DataKey> = stream::iter(opened.collect::<Vec<_>>())
            .map(|case_id| async move {
                let key = vault.create_key(case_id).await;
                key.map(|key| (case_id, key)).context("the key of a case could not be made")
            })
            .buffer_unordered(KEYS_AT_ONCE)
            .try_collect()
            .await?;
        for one in told {
            let message = self.message_of_case(one, &keys).await?;
            self.cases.push(message).await?;
        }
        Ok(())
    }

    async fn message_of_case(
        &mut self,
        mut told: Told,
        keys: &HashMap<CaseId, DataKey>,
    ) -> anyhow::Result<Message> {
        if let (CaseEvent::Opened(data), Some(applicant)) = (&mut told.event, &told.applicant) {
            let key = keys.get(&told.case_id).context("a case is opened without a key")?;
            data.applicant = checked(applicant)?.seal(key, told.case_id)?;
        }
        let district = &self.desk.district.rules.district;
        let service = told.event.kind().service().name();
        let envelope = Envelope {
            id: told.id,
            source: format!("/{district}/{service}/{}", told.center),
            event_type: told.event.event_type().to_owned(),
            subject: told.case_id.to_string(),
            time: told.time,
            // As if it had been written down at once: another telling gives the same bytes.
            recorded_at: told.time,
            actor: told.actor,
            role: told.role,
            command_id: told.command_id,
            command_hash: None,
            causation_id: told.causation,
            correlation_id: None,
            trace_parent: None,
        };
        let subject = CaseSubject { center: told.center, case_id: told.case_id }.to_subject();
        let is_first = matches!(told.event, CaseEvent::Opened(_));
        let link = self.chain.link(CASES_STREAM, &subject, is_first).await?;
        Ok(self.chain.message(subject, link, &envelope, told.event.to_body()))
    }

    fn message_of_center(&mut self, mut told: ToldOfCenter, id: EventId) -> Message {
        let center = told.event.center().clone();
        let subject = match &mut told.event {
            CenterEvent::ConsultationTallied(_) => CenterSubject::Consultations(center.clone()),
            CenterEvent::CenterDayClosed(report) => {
                if let Some(to) = &mut report.counted_to {
                    // What stood in the streams before stands before it.
                    to.cases += self.cases.began_at();
                    to.centers += self.centers.began_at();
                }
                CenterSubject::Days(center.clone())
            }
        };
        let district = &self.desk.district.rules.district;
        let envelope = Envelope {
            id,
            source: format!("/{district}/{}/{center}", told.event.kind().service().name()),
            event_type: told.event.event_type().to_owned(),
            subject: center.to_string(),
            time: told.time,
            recorded_at: told.time,
            actor: told.actor.username,
            role: told.actor.role,
            command_id: told.command_id,
            command_hash: None,
            causation_id: None,
            correlation_id: None,
            trace_parent: None,
        };
        // Facts of a center commute, here as in intake.
        self.chain.message(subject.to_subject(), Link::None, &envelope, told.event.to_body())
    }
}

impl Publisher<'_> {
    async fn message_of_learning(
        &mut self,
        told: ToldOfLearning,
        id: EventId,
    ) -> anyhow::Result<Message> {
        let subject = match told.subject {
            LearningSubject::Precedent(id) => id.to_string(),
            LearningSubject::Improvement(id) => id.to_string(),
        };
        let district = &self.desk.district.rules.district;
        let envelope = Envelope {
            id,
            source: format!("/{district}/{}", told.event.kind().service().name()),
            event_type: told.event.event_type().to_owned(),
            subject,
            time: told.time,
            recorded_at: told.time,
            actor: told.actor.username,
            role: told.actor.role,
            command_id: told.command_id,
            command_hash: None,
            causation_id: told.causation,
            correlation_id: None,
            trace_parent: None,
        };
        let subject = told.subject.to_subject();
        let link = self.chain.link(LEARNING_STREAM, &subject, false).await?;
        Ok(self.chain.message(subject, link, &envelope, told.event.to_body()))
    }
}

/// The applicant as intake would have taken him.
fn checked(sample: &SampleApplicant) -> anyhow::Result<Applicant> {
    let applicant = Applicant {
        kind: sample.kind,
        name: sample.name.clone(),
        phone: sample.phone.clone(),
        id_number: None,
        address: None,
        care: sample.care.clone(),
    };
    applicant.checked().map_err(|_| anyhow::anyhow!("a sample applicant is none that intake takes"))
}
