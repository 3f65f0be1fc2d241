//! What nobody can read: the events that the views have set aside, of all streams, in pages; and asking a running
//! projection for them over the bus, because it alone has its stores open.
//!
//! Invariants: every event that was set aside is listed until it can be read; nothing of its body is shown.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, StatusCode};
use chrono::{FixedOffset, Offset as _, Utc};
use desk::decode::decode_center;
use desk::service::ServiceTask;
use desk::{Desk, decode, decode_learning};
use futures::StreamExt as _;
use proto_events::Timestamp;
use proto_events::ids::CaseId;
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM, CaseSubject, LEARNING_STREAM};
use runtime::log::Recorded;
use runtime::store::StoreError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::centers::Centers;
use crate::core::{Core, blocking};
use crate::fold::Quarantined;
use crate::learning::Learned;
use crate::remote::RemoteError;

/// The subject of a request for a page.
const SUBJECT: &str = "unstuck.quarantine.page";
/// Rows of a page over the bus: some 150 KiB of the mebibyte that a message may have.
const ROWS_MAX: usize = 500;
/// How long the asker waits for a page.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// A stream of events, by its name on the bus.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "UPPERCASE")]
pub enum Stream {
    /// The cases.
    Cases,
    /// What the centers counted.
    Centers,
    /// What the district learned.
    Learning,
}

impl Stream {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 3] = [Self::Cases, Self::Centers, Self::Learning];

    /// Its name on the bus.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cases => CASES_STREAM,
            Self::Centers => CENTERS_STREAM,
            Self::Learning => LEARNING_STREAM,
        }
    }
}

/// Where an event stands: also where a page ends and the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The stream.
    pub stream: Stream,
    /// Its place in the stream.
    pub sequence: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.stream.name(), self.sequence)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (name, sequence) = text.split_once('_').ok_or(())?;
        let stream = Stream::ALL.into_iter().find(|stream| stream.name() == name).ok_or(())?;
        Ok(Self { stream, sequence: sequence.parse().map_err(|_| ())? })
    }
}

/// An event that nobody can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The stream in which it stands.
    pub stream: Stream,
    /// Its place there.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// What it says that it is; null when even that cannot be read.
    #[serde(rename = "type")]
    pub event_type: Option<String>,
    /// The case that it is about, when its subject names one.
    pub case_id: Option<CaseId>,
    /// Why it cannot be read.
    pub reason: String,
    /// Since when it stands there.
    pub since: Timestamp,
}

impl Row {
    fn of(stream: Stream, one: Quarantined, offset: FixedOffset) -> Self {
        Self {
            stream,
            sequence: one.sequence,
            case_id: CaseSubject::parse(&one.subject).map(|subject| subject.case_id),
            subject: one.subject,
            event_type: one.event_type,
            reason: one.reason,
            since: one.since.with_timezone(&offset),
        }
    }

    /// Tries to read an event as the views do; gives its row, in UTC, when nobody can.
    #[must_use]
    pub fn of_unreadable(stream: Stream, recorded: &Recorded) -> Option<Self> {
        let unreadable = match stream {
            Stream::Cases => decode(recorded).err(),
            Stream::Centers => decode_center(recorded).err(),
            Stream::Learning => decode_learning(recorded).err(),
        }?;
        Some(Self::of(stream, Quarantined::of(recorded, unreadable.reason), Utc.fix()))
    }
}

/// A page of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Its rows: by stream, the oldest first.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<Place>,
    /// How many rows all pages have.
    pub total: u64,
}

/// Where the list is read from.
#[derive(Debug, Clone)]
pub(crate) struct Quarantine {
    pub(crate) core: Arc<Core>,
    pub(crate) centers: Arc<Centers>,
    pub(crate) learned: Arc<Learned>,
}

impl Quarantine {
    /// Reads a page behind a place.
    ///
    /// # Errors
    /// When a store cannot be read.
    pub(crate) async fn page(
        &self,
        after: Option<Place>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (view, centers) = (self.core.view(), self.centers.view());
        let (learned, offset) = (Arc::clone(&self.learned), self.core.district.offset);
        blocking(move || {
            let total = view.quarantined() + centers.quarantined() + learned.quarantined();
            let mut rows = Vec::new();
            for stream in Stream::ALL {
                let behind = match after {
                    Some(place) if place.stream > stream => continue,
                    Some(place) if place.stream == stream => place.sequence,
                    _ => 0,
                };
                // One more than a page has tells whether another page follows.
                let wanted = (limit + 1).saturating_sub(rows.len());
                let found = match stream {
                    Stream::Cases => view.views.quarantined_behind(behind, wanted)?,
                    Stream::Centers => centers.quarantined_behind(behind, wanted)?,
                    Stream::Learning => learned.quarantined_behind(behind, wanted),
                };
                rows.extend(found.into_iter().map(|one| Row::of(stream, one, offset)));
            }
            let has_more = rows.len() > limit;
            rows.truncate(limit);
            let last = rows.last().filter(|_| has_more);
            let next = last.map(|row| Place { stream: row.stream, sequence: row.sequence });
            Ok(Page { rows, next, total })
        })
        .await
    }

    /// Answers requests of tools until the token is cancelled.
    ///
    /// # Errors
    /// When the bus does not let it listen.
    pub(crate) async fn answer_requests(
        self,
        client: Client,
        token: CancellationToken,
    ) -> Result<(), async_nats::SubscribeError> {
        let mut requests = client.subscribe(SUBJECT).await?;
        while let Some(Some(request)) = token.run_until_cancelled(requests.next()).await {
            let Some(reply_to) = request.reply else { continue };
            let answer = match serde_json::from_slice(&request.payload) {
                Ok(after) => self.page(after, ROWS_MAX).await.map_err(|error| error.to_string()),
                Err(_) => Err("the request cannot be read".to_owned()),
            };
            // An answer has string keys only; an empty one would be named as unreadable by the tool.
            let answer = serde_json::to_vec(&answer).unwrap_or_default();
            if let Err(error) = client.publish(reply_to, answer.into()).await {
                tracing::warn!(%error, "an answer could not be sent");
            }
        }
        // The client may have closed the subscription; the task still lasts as long as the process.
        token.cancelled().await;
        Ok(())
    }
}

/// The task that answers tools, where there is a bus between.
pub(crate) fn task(list: Quarantine, desk: &Desk) -> Option<ServiceTask> {
    let client = desk.js.as_ref()?.client();
    Some(ServiceTask::new("quarantine requests", |token| async move {
        list.answer_requests(client, token).await.map_err(Into::into)
    }))
}

/// Asks the running projection for a page behind a place; `None` when none is running.
///
/// # Errors
/// When the bus does not carry it or the projection fails.
pub async fn ask(client: &Client, after: Option<Place>) -> Result<Option<Page>, RemoteError> {
    let request = serde_json::to_vec(&after)?;
    let inbox = client.new_inbox();
    let of_bus = |error: Box<dyn std::error::Error + Send + Sync>| RemoteError::Bus(error);
    let mut answers =
        client.subscribe(inbox.clone()).await.map_err(|error| of_bus(error.into()))?;
    let asked = client.publish_with_reply(SUBJECT, inbox, request.into());
    asked.await.map_err(|error| of_bus(error.into()))?;
    let answer = tokio::time::timeout(ANSWER_TIME_MAX, answers.next()).await;
    let answer = answer.ok().flatten().ok_or(RemoteError::Silent)?;
    if answer.status == Some(StatusCode::NO_RESPONDERS) {
        return Ok(None);
    }
    let answer: Result<Page, String> = serde_json::from_slice(&answer.payload)?;
    answer.map(Some).map_err(RemoteError::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        for stream in Stream::ALL {
            let place = Place { stream, sequence: 7 };
            assert_eq!(place.to_string().parse(), Ok(place));
            let name = serde_json::to_value(stream).unwrap();
            assert_eq!(name, stream.name(), "the API names a stream as the bus does");
        }
        for text in ["", "_", "7", "CASES", "CASES_", "CASES_-1", "AUDIT_7", "cases_7", "中文"] {
            assert_eq!(text.parse::<Place>(), Err(()), "{text}");
        }
    }
}
