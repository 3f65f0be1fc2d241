//! Reading one subject, or a stretch of the stream: batched direct get from any replica, single gets from the leader.
//!
//! Invariant: an answer that lost a message on its way is an error, never a shorter history.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageBuilder, RawMessageErrorKind};
use async_nats::{HeaderMap, Message, StatusCode};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use serde::Serialize;

use super::{
    EVENTS_PER_SUBJECT_MAX, JetStreamLog, LogError, Recorded, bounded, first_values, instant,
    too_long, unreachable,
};

/// Events per request of a batched read; nearly every case has fewer.
const PAGE_EVENTS_MAX: usize = 256;

/// Fits every subject.
const EVERY_SUBJECT: &str = ">";

/// Answer of the bus at the end of a page (ADR-31).
const END_OF_PAGE: u16 = 204;

const READING: &str = "reading a subject";

/// The body of a batched direct get.
#[derive(Serialize)]
struct Page<'a> {
    batch: usize,
    seq: u64,
    next_by_subj: &'a str,
}

/// What one page brought.
enum PageEnd {
    /// Nothing is left.
    Complete,
    /// There is more behind the last event.
    More,
}

impl JetStreamLog {
    /// Loads a subject by batched direct gets; no consumer is made (0.27 ms out of a million messages).
    pub(super) async fn load_direct(&self, subject: &str) -> Result<Vec<Recorded>, LogError> {
        let mut events = Vec::new();
        loop {
            let from = events.last().map_or(1, |event: &Recorded| event.sequence + 1);
            // A page ends early when nothing comes; a page that comes may take its time.
            let page = Page { batch: PAGE_EVENTS_MAX, seq: from, next_by_subj: subject };
            let page = self.page(&page, |found| found == subject, &mut events);
            let end = tokio::time::timeout(super::ANSWER_MAX, page)
                .await
                .map_err(|elapsed| unreachable(READING, elapsed))??;
            if events.len() > EVENTS_PER_SUBJECT_MAX {
                return Err(too_long(subject));
            }
            match end {
                PageEnd::Complete => return Ok(events),
                PageEnd::More => {}
            }
        }
    }

    /// Reads up to `count` messages of the stream from the sequence `from` on, whatever their subjects, in order; no
    /// consumer is made. Fewer come only at the end of the stream.
    ///
    /// # Errors
    /// [`LogError::Unreachable`] when the bus does not answer.
    pub async fn stretch(&self, from: u64, count: usize) -> Result<Vec<Recorded>, LogError> {
        self.stretch_of(EVERY_SUBJECT, from, count).await
    }

    /// As [`JetStreamLog::stretch`], of the messages whose subjects fit a pattern (`*` and `>` as on the bus). A pattern makes
    /// the bus search: 70 ms among a million messages, so this is for the rare question.
    ///
    /// # Errors
    /// [`LogError::Unreachable`] when the bus does not answer.
    pub async fn stretch_of(
        &self,
        pattern: &str,
        from: u64,
        count: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let mut events = Vec::new();
        while events.len() < count {
            let from = events.last().map_or(from.max(1), |event: &Recorded| event.sequence + 1);
            let batch = PAGE_EVENTS_MAX.min(count - events.len());
            let page = Page { batch, seq: from, next_by_subj: pattern };
            let page = self.page(&page, |_| true, &mut events);
            let end = tokio::time::timeout(super::ANSWER_MAX, page)
                .await
                .map_err(|elapsed| unreachable(READING, elapsed))??;
            match end {
                PageEnd::Complete => break,
                PageEnd::More => {}
            }
        }
        Ok(events)
    }

    async fn page(
        &self,
        page: &Page<'_>,
        is_asked_for: impl Fn(&str) -> bool,
        events: &mut Vec<Recorded>,
    ) -> Result<PageEnd, LogError> {
        let client = self.context.client();
        let inbox = client.new_inbox();
        let mut answers =
            client.subscribe(inbox.clone()).await.map_err(|error| unreachable(READING, error))?;
        let body = serde_json::to_vec(page).map_err(|error| unreachable(READING, error))?;
        client
            .publish_with_reply(format!("$JS.API.DIRECT.GET.{}", self.name), inbox, body.into())
            .await
            .map_err(|error| unreachable(READING, error))?;
        let mut reached = 0;
        while let Some(answer) = answers.next().await {
            match answer.status.map_or(200, |status| status.as_u16()) {
                200 => {
                    let event = answered(answer, reached)?;
                    let is_in_order = event.sequence >= page.seq.max(reached + 1);
                    if !is_asked_for(&event.subject) || !is_in_order {
                        return Err(unreachable(READING, "the bus answered another question"));
                    }
                    reached = event.sequence;
                    events.push(event);
                }
                END_OF_PAGE => return page_end(&answer, reached),
                status if status == StatusCode::NOT_FOUND.as_u16() => return Ok(PageEnd::Complete),
                status => {
                    let reason = answer.description.as_deref().unwrap_or_default();
                    return Err(unreachable(
                        READING,
                        format!("the bus answered {status} {reason}"),
                    ));
                }
            }
        }
        Err(unreachable(READING, "the connection closed before the end of the page"))
    }

    /// The newest event of a subject or pattern, from the leader.
    pub(super) async fn newest(&self, pattern: &str) -> Result<Option<Recorded>, LogError> {
        let question = self.stream.raw_message_builder().last_by_subject(pattern);
        self.ask_leader(question).await
    }

    /// The first event of a subject at or behind `from`, from the leader.
    pub(super) async fn next(
        &self,
        subject: &str,
        from: u64,
    ) -> Result<Option<Recorded>, LogError> {
        let question = self.stream.raw_message_builder().sequence(from).next_by_subject(subject);
        self.ask_leader(question).await
    }

    async fn ask_leader(&self, question: RawMessageBuilder) -> Result<Option<Recorded>, LogError> {
        let answer = async {
            match question.send().await {
                Ok(message) => Ok(Some(message)),
                Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(error),
            }
        };
        bounded("asking the leader", answer).await?.map(raw).transpose()
    }
}

/// Reads one answer of a page; `reached` is the sequence of the answer before it, 0 at the start.
fn answered(answer: Message, reached: u64) -> Result<Recorded, LogError> {
    let headers = answer.headers.unwrap_or_default();
    unbroken(&headers, reached)?;
    let sequence = number(&headers, "Nats-Sequence")?;
    let subject = text(&headers, "Nats-Subject")?.to_owned();
    let time = text(&headers, "Nats-Time-Stamp")?;
    let stored_at = DateTime::parse_from_rfc3339(time)
        .map_err(|error| unreachable(READING, error))?
        .with_timezone(&Utc);
    // Some belong to the answer, not to the event: both freshnesses give the same record.
    let headers = first_values(&headers);
    let headers = headers.iter().filter(|(name, _)| !ADDED_BY_DIRECT_GET.contains(name)).collect();
    Ok(Recorded { sequence, subject, stored_at, headers, body: answer.payload })
}

const ADDED_BY_DIRECT_GET: [&str; 6] = [
    "Nats-Stream",
    "Nats-Subject",
    "Nats-Sequence",
    "Nats-Time-Stamp",
    "Nats-Num-Pending",
    "Nats-Last-Sequence",
];

fn page_end(answer: &Message, reached: u64) -> Result<PageEnd, LogError> {
    let headers = answer.headers.clone().unwrap_or_default();
    unbroken(&headers, reached)?;
    Ok(if number(&headers, "Nats-Num-Pending")? == 0 { PageEnd::Complete } else { PageEnd::More })
}

/// Checks that no answer was lost between the one at `reached` and this one: each names the one before.
fn unbroken(headers: &HeaderMap, reached: u64) -> Result<(), LogError> {
    let before = number(headers, "Nats-Last-Sequence")?;
    if before == reached {
        return Ok(());
    }
    Err(unreachable(READING, format!("an answer was lost: expected {before}, had {reached}")))
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<&'a str, LogError> {
    let value = headers.get(name).map(|value| value.as_str());
    value.ok_or_else(|| unreachable(READING, format!("the answer has no {name}")))
}

fn number(headers: &HeaderMap, name: &'static str) -> Result<u64, LogError> {
    text(headers, name)?
        .parse()
        .map_err(|error: std::num::ParseIntError| unreachable(READING, error))
}

fn raw(message: StreamMessage) -> Result<Recorded, LogError> {
    Ok(Recorded {
        sequence: message.sequence,
        subject: message.subject.to_string(),
        stored_at: instant(message.time)?,
        headers: first_values(&message.headers),
        body: message.payload,
    })
}
