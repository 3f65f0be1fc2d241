//! The way of many events to one stream, in atomic batches.
//!
//! Invariants: a batch is sent when the one before has been answered; what a batch leaves behind is checked by its
//! sequence, so that a second writer is noticed.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use async_nats::jetstream::Context;
use async_nats::{Client, HeaderMap, Request};
use bytes::Bytes;
use proto_events::envelope::{Envelope, header};
use proto_events::ids::EventId;
use runtime::log::chain::{Digest, EventKey, Link, sign};
use serde::Deserialize;
use tokio::task::JoinHandle;

use crate::demo::accounts::random;

/// Events in one batch: the bus takes a thousand.
pub(crate) const BATCH_EVENTS_MAX: usize = 500;

/// Longest wait for the answer to one batch.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// A message that waits for its batch.
pub(crate) struct Message {
    subject: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Message {
    /// An event as it stood, with the signature that it had.
    pub(crate) fn stored(subject: String, headers: HeaderMap, body: Bytes) -> Self {
        Self { subject, headers, body }
    }

    /// Signs an event; gives its digest as well, to which the next of its subject links.
    pub(crate) fn signed(
        key: &EventKey,
        subject: String,
        link: Link,
        envelope: &Envelope,
        body: Bytes,
    ) -> (Self, Digest) {
        let mut fields = envelope.to_headers();
        let digest = sign(key, &subject, link, &mut fields, &body);
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.insert(name, value);
        }
        (Self { subject, headers, body }, digest)
    }
}

/// What the bus answers to a batch.
#[derive(Deserialize)]
struct Answer {
    error: Option<Refusal>,
    seq: Option<u64>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

/// The way to one stream.
pub(crate) struct Line {
    js: Context,
    stream: &'static str,
    messages: Vec<Message>,
    /// Where the told history begins.
    began_at: u64,
    /// Where the stream ends when everything that was sent has arrived.
    sequence: u64,
    /// Told events that stand in the stream already, and the last of them.
    skips: u64,
    skips_to: Option<String>,
    on_its_way: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Line {
    /// Begins behind what stands in the stream.
    pub(crate) async fn behind(js: &Context, stream: &'static str) -> anyhow::Result<Self> {
        let mut handle = js.get_stream(stream).await.context("a stream could not be found")?;
        let info = handle.info().await.context("a stream does not answer")?;
        let sequence = info.state.last_sequence;
        Ok(Self {
            js: js.clone(),
            stream,
            messages: Vec::new(),
            began_at: sequence,
            sequence,
            skips: 0,
            skips_to: None,
            on_its_way: None,
        })
    }

    /// What stands in the stream is the beginning of what will be told.
    pub(crate) async fn go_on(&mut self) -> anyhow::Result<()> {
        self.skips = self.sequence;
        self.began_at = 0;
        if self.sequence > 0 {
            let stream = self.js.get_stream(self.stream).await.context("a stream")?;
            let last = stream.get_raw_message(self.sequence).await.context("its last event")?;
            self.skips_to = last.headers.get(header::ID).map(|id| id.as_str().to_owned());
        }
        Ok(())
    }

    pub(crate) fn began_at(&self) -> u64 {
        self.began_at
    }

    /// Whether the next event stands in the stream already.
    pub(crate) fn skips(&mut self, id: EventId) -> anyhow::Result<bool> {
        if self.skips == 0 {
            return Ok(false);
        }
        self.skips -= 1;
        if self.skips == 0 {
            let is_it = self.skips_to.as_deref() == Some(id.to_string().as_str());
            ensure!(is_it, "the stream {} does not begin with this history", self.stream);
        }
        Ok(true)
    }

    /// Takes the next event.
    pub(crate) async fn push(&mut self, message: Message) -> anyhow::Result<()> {
        self.messages.push(message);
        if self.messages.len() >= BATCH_EVENTS_MAX { self.send().await } else { Ok(()) }
    }

    /// Sends what is left and waits until all stands.
    pub(crate) async fn finish(&mut self) -> anyhow::Result<()> {
        self.send().await?;
        self.arrived().await
    }

    async fn arrived(&mut self) -> anyhow::Result<()> {
        match self.on_its_way.take() {
            Some(sent) => sent.await.context("a batch was given up")?,
            None => Ok(()),
        }
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        let messages = std::mem::take(&mut self.messages);
        if messages.is_empty() {
            return Ok(());
        }
        self.arrived().await?;
        self.sequence += messages.len() as u64;
        let (client, stream, expected) = (self.js.client(), self.stream, self.sequence);
        self.on_its_way = Some(tokio::spawn(async move {
            let came = publish(&client, messages).await?;
            ensure!(
                came == expected,
                "somebody else writes to the stream {stream}: {came} instead of {expected}"
            );
            Ok(())
        }));
        Ok(())
    }
}

/// Publishes a batch; gives the sequence of its last event.
async fn publish(client: &Client, mut messages: Vec<Message>) -> anyhow::Result<u64> {
    let Some(mut last) = messages.pop() else { bail!("a batch has no events") };
    if !messages.is_empty() {
        let batch = format!("{:016x}", random()?);
        let count = messages.len() + 1;
        for (index, message) in messages.into_iter().enumerate() {
            let Message { subject, mut headers, body } = message;
            headers.insert(NATS_BATCH_ID, batch.as_str());
            headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string());
            client.publish_with_headers(subject, headers, body).await?;
        }
        last.headers.insert(NATS_BATCH_ID, batch.as_str());
        last.headers.insert(NATS_BATCH_SEQUENCE, count.to_string());
        last.headers.insert(NATS_BATCH_COMMIT, "1");
    }
    let request = Request::new().headers(last.headers).payload(last.body).timeout(Some(ANSWER_MAX));
    let answer = client.send_request(last.subject, request).await?;
    let answer: Answer =
        serde_json::from_slice(&answer.payload).context("the bus's answer is unreadable")?;
    match answer {
        Answer { error: Some(refusal), .. } => {
            bail!("the bus refused a batch: {}: {}", refusal.err_code, refusal.description)
        }
        Answer { seq: Some(sequence), .. } => Ok(sequence),
        Answer { .. } => bail!("the bus named no sequence"),
    }
}
