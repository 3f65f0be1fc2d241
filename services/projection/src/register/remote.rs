//! Asking a running projection for the register over the bus, because it alone has its store open; and answering.
//!
//! The asker publishes a [`Request`] with an inbox. What comes there is `working`, any number of times; then each piece of
//! the file, which the asker confirms once it is written, so that no more than one piece is under way; then `done` with the
//! number of rows, or `failed`. The word stands in the header `WORD`. Invariant: a file without its `done` is none.

use std::io;
use std::time::Duration;

use async_nats::{Client, HeaderMap, Message, Request as BusRequest, StatusCode};
use bytes::Bytes;
use futures::StreamExt as _;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Export, Exporter, Register, RegisterError, Request};
use crate::core::Core;
use crate::queries::register::wish;

/// The subject of a request for the register; whichever projection is free answers.
const SUBJECT: &str = "unstuck.register.export";
/// Where pieces are confirmed: a subject of the projection's own, because nobody else may write into its inbox.
const TAKEN: &str = "unstuck.register.taken";
/// Projections share the requests.
const GROUP: &str = "projection";

/// The header that says what a message is.
const WORD: &str = "Unstuck-Word";
const WORKING: &str = "working";
const PIECE: &str = "piece";
const DONE: &str = "done";
const FAILED: &str = "failed";

/// How often an export that has no piece yet says that it lives.
const WORKING_EVERY: Duration = Duration::from_secs(1);
/// How long the asker waits for the next word; a projection that was killed says none.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// How long the asker may take to write a piece.
const WRITE_TIME_MAX: Duration = Duration::from_secs(60);
/// Bytes of a message: a quarter of what a nats-server takes by default.
const MESSAGE_BYTES_MAX: usize = 256 * 1024;
/// Requests that are answered at once; the register itself refuses sooner.
const REQUESTS_MAX: usize = 16;

/// Asks the running projection for the register and writes it with `write`; gives the number of rows, `None` when no
/// projection is running.
///
/// # Errors
/// When the bus does not carry it, the request is refused, the export breaks off, or `write` fails.
pub async fn export(
    client: &Client,
    request: &Request,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<Option<usize>, RegisterError> {
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.map_err(of_bus)?;
    let body = serde_json::to_vec(request).map_err(of_bus)?;
    client.publish_with_reply(SUBJECT, inbox, body.into()).await.map_err(of_bus)?;
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, answers.next());
        let answer = next.await.ok().flatten().ok_or(RegisterError::BrokeOff)?;
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Ok(None);
        }
        match word(&answer) {
            WORKING => {}
            PIECE => {
                write(&answer.payload)?;
                let Some(confirm_to) = answer.reply else { return Err(RegisterError::BrokeOff) };
                client.publish(confirm_to, Bytes::new()).await.map_err(of_bus)?;
            }
            DONE => {
                let rows = std::str::from_utf8(&answer.payload).ok();
                let rows = rows.and_then(|text| text.parse().ok());
                return rows.map(Some).ok_or(RegisterError::BrokeOff);
            }
            _ => {
                let reason = String::from_utf8_lossy(&answer.payload).into_owned();
                return Err(RegisterError::Refused(reason));
            }
        }
    }
}

fn word(message: &Message) -> &str {
    let word = message.headers.as_ref().and_then(|headers| headers.get(WORD));
    word.map_or("", |word| word.as_str())
}

fn of_bus(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RegisterError {
    RegisterError::Bus(error.into())
}

/// Answers requests until the token is cancelled.
///
/// # Errors
/// When the bus does not let it listen.
pub(crate) async fn answer_requests(
    register: Register,
    client: Client,
    token: CancellationToken,
) -> Result<(), async_nats::SubscribeError> {
    let mut requests = client.queue_subscribe(SUBJECT, GROUP.to_owned()).await?;
    let mut answering = JoinSet::new();
    while let Some(Some(request)) = token.run_until_cancelled(requests.next()).await {
        while answering.try_join_next().is_some() {}
        let Some(reply_to) = request.reply else { continue };
        let line = Line { client: client.clone(), to: reply_to };
        if answering.len() >= REQUESTS_MAX {
            line.say(FAILED, "as many requests are under way as the service serves").await;
            continue;
        }
        answering.spawn(answer(register.clone(), line, request.payload));
    }
    // The client may have closed the subscription; the task still lasts as long as the process.
    token.cancelled().await;
    // Exports under way end with the house, and say so to their askers.
    while answering.join_next().await.is_some() {}
    let _ = client.flush().await;
    Ok(())
}

async fn answer(register: Register, line: Line, body: Bytes) {
    match begin(&register, &body).await {
        Err(reason) => line.say(FAILED, &reason).await,
        Ok(export) => {
            if let Err(reason) = line.carry(export, &register.core).await {
                line.say(FAILED, reason).await;
            }
        }
    }
}

async fn begin(register: &Register, body: &[u8]) -> Result<Export, String> {
    let request: Request =
        serde_json::from_slice(body).map_err(|error| format!("the request is none: {error}"))?;
    let district = &register.core.district;
    let wish = wish(request.kind, &request.query, district).map_err(|problem| problem.detail)?;
    let begun = register.begin(Exporter::operator(), wish).await;
    begun.map_err(|problem| problem.detail)
}

/// The way to an asker.
struct Line {
    client: Client,
    to: async_nats::Subject,
}

impl Line {
    async fn carry(&self, mut export: Export, core: &Core) -> Result<(), &'static str> {
        const BROKE_OFF: &str = "the export broke off; the log of the projection says why";
        let mut ticks = tokio::time::interval(WORKING_EVERY);
        loop {
            let piece = tokio::select! {
                piece = export.pieces.next() => piece,
                _ = ticks.tick() => {
                    self.say(WORKING, "").await;
                    continue;
                }
            };
            let Some(bytes) = piece.map_err(|_| BROKE_OFF)? else { break };
            for start in (0..bytes.len()).step_by(MESSAGE_BYTES_MAX) {
                let end = bytes.len().min(start + MESSAGE_BYTES_MAX);
                let confirmed = self.send(bytes.slice(start..end));
                let confirmed = core.ended.run_until_cancelled(confirmed).await;
                confirmed.ok_or("it is stopping")??;
            }
        }
        self.say(DONE, &export.rows.to_string()).await;
        Ok(())
    }

    /// Sends a piece and waits until it is written.
    async fn send(&self, bytes: Bytes) -> Result<(), &'static str> {
        // Of the client's own name for an inbox, which nobody guesses, only the last part is taken.
        let inbox = self.client.new_inbox();
        let taken = format!("{TAKEN}.{}", inbox.rsplit('.').next().unwrap_or_default());
        let request = BusRequest::new()
            .headers(headers(PIECE))
            .payload(bytes)
            .inbox(taken)
            .timeout(Some(WRITE_TIME_MAX));
        let sent = self.client.send_request(self.to.clone(), request).await;
        sent.map(drop).map_err(|_| "nobody took a piece of the file")
    }

    async fn say(&self, word: &str, text: &str) {
        let said = self.client.publish_with_headers(
            self.to.clone(),
            headers(word),
            text.to_owned().into(),
        );
        if let Err(error) = said.await {
            tracing::warn!(%error, "an answer could not be sent");
        }
    }
}

fn headers(word: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(WORD, word);
    headers
}
