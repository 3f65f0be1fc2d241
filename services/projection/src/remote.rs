//! Asking a running projection how it stands, or to verify or rebuild itself: request and reply on the bus, because it alone has
//! its store open.
//!
//! Invariant: one request at a time; a request changes no event.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, StatusCode};
use bytes::Bytes;
use futures::{FutureExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::Projection;
use crate::core::ProjectionError;
use crate::standing::Standing;
use crate::verify::VerifyReport;

/// The subject of a request to verify.
pub const VERIFY_SUBJECT: &str = "unstuck.projection.verify";
/// The subject of a request to rebuild.
pub const REBUILD_SUBJECT: &str = "unstuck.projection.rebuild";
/// The subject of the question how the views stand.
pub const VIEWS_SUBJECT: &str = "unstuck.projection.views";
const ALL_SUBJECTS: &str = "unstuck.projection.*";

/// How often the projection says that it is still at work.
const WORKING_EVERY: Duration = Duration::from_secs(1);
/// How long a tool waits for the next word; a projection that was killed says none.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// Why a running projection could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The bus did not carry the request.
    #[error("the projection could not be asked")]
    Bus(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The answer is none.
    #[error("the projection's answer cannot be read")]
    Answer(#[from] serde_json::Error),
    /// The projection failed.
    #[error("the projection failed: {0}")]
    Failed(String),
    /// The projection ended before it answered.
    #[error("the projection fell silent before it answered")]
    Silent,
}

/// What comes back: that it works, any number of times, then what came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<T> {
    Working,
    /// How far it is, and where it wants to.
    At(u64, u64),
    Done(T),
    Failed(String),
}

/// Asks the running projection to prove the streams, against these seals as well, and to compare itself with them; `None`
/// when none is running.
///
/// # Errors
/// When the bus does not carry it or the projection fails.
pub async fn verify(client: &Client, kept: &[String]) -> Result<Option<VerifyReport>, RemoteError> {
    ask(client, VERIFY_SUBJECT, serde_json::to_vec(kept)?.into(), |_, _| {}).await
}

/// Asks the running projection to build its views anew; gives how many events were read, `None` when none
/// is running. `progress` hears how far it is and where it wants to.
///
/// # Errors
/// When the bus does not carry it or the projection fails.
pub async fn rebuild(
    client: &Client,
    progress: impl FnMut(u64, u64),
) -> Result<Option<u64>, RemoteError> {
    ask(client, REBUILD_SUBJECT, Bytes::new(), progress).await
}

/// Asks the running projection how its views stand; `None` when none is running.
///
/// # Errors
/// When the bus does not carry it, or the projection is at other work.
pub async fn views(client: &Client) -> Result<Option<Vec<Standing>>, RemoteError> {
    ask(client, VIEWS_SUBJECT, Bytes::new(), |_, _| {}).await
}

async fn ask<T: for<'de> Deserialize<'de>>(
    client: &Client,
    subject: &'static str,
    question: Bytes,
    mut progress: impl FnMut(u64, u64),
) -> Result<Option<T>, RemoteError> {
    let inbox = client.new_inbox();
    let mut answers =
        client.subscribe(inbox.clone()).await.map_err(|error| RemoteError::Bus(error.into()))?;
    let asked = client.publish_with_reply(subject, inbox, question);
    asked.await.map_err(|error| RemoteError::Bus(error.into()))?;
    loop {
        let next = tokio::time::timeout(SILENCE_MAX, answers.next());
        let answer = next.await.ok().flatten().ok_or(RemoteError::Silent)?;
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Ok(None);
        }
        match serde_json::from_slice(&answer.payload)? {
            Reply::Working => {}
            Reply::At(reached, goal) => progress(reached, goal),
            Reply::Done(value) => return Ok(Some(value)),
            Reply::Failed(reason) => return Err(RemoteError::Failed(reason)),
        }
    }
}

/// Answers requests until the token is cancelled.
///
/// # Errors
/// When the bus does not let it listen.
pub(crate) async fn answer_requests(
    projection: Arc<Projection>,
    client: Client,
    token: CancellationToken,
) -> Result<(), async_nats::SubscribeError> {
    let mut requests = client.subscribe(ALL_SUBJECTS).await?;
    while let Some(Some(request)) = token.run_until_cancelled(requests.next()).await {
        let Some(reply_to) = request.reply else { continue };
        let mut work = match request.subject.as_str() {
            VERIFY_SUBJECT => {
                let kept: Vec<String> =
                    serde_json::from_slice(&request.payload).unwrap_or_default();
                let projection = &projection;
                async move { written(projection.verify(&kept).await) }.boxed()
            }
            VIEWS_SUBJECT => {
                let standings = projection.standings();
                async move { written(Ok(standings)) }.boxed()
            }
            REBUILD_SUBJECT => async { written(projection.rebuild().await) }.boxed(),
            _ => continue,
        };
        let mut ticks = tokio::time::interval(WORKING_EVERY);
        loop {
            let (words, is_last) = tokio::select! {
                () = token.cancelled() => (stopping(), true),
                words = &mut work => (words, true),
                _ = ticks.tick() => (at_work(&projection), false),
            };
            if let Err(error) = client.publish(reply_to.clone(), words.into()).await {
                tracing::warn!(%error, "an answer could not be sent");
            }
            if is_last {
                break;
            }
        }
    }
    // The client may have closed the subscription; the task still lasts as long as the process.
    token.cancelled().await;
    // Whoever has just asked need not wait for silence; the rest learns that nobody is there.
    let _ = requests.drain().await;
    while let Ok(Some(request)) = tokio::time::timeout(WORKING_EVERY, requests.next()).await {
        if let Some(reply_to) = request.reply {
            let _ = client.publish(reply_to, stopping().into()).await;
        }
    }
    let _ = client.flush().await;
    Ok(())
}

fn written<T: Serialize>(outcome: Result<T, ProjectionError>) -> Vec<u8> {
    match outcome {
        Ok(value) => reply(&Reply::Done(value)),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request of a tool failed");
            reply(&Reply::<T>::Failed(error.to_string()))
        }
    }
}

fn at_work(projection: &Projection) -> Vec<u8> {
    let working = match projection.core.status().rebuilding {
        Some((reached, goal)) => Reply::<()>::At(reached, goal),
        None => Reply::Working,
    };
    reply(&working)
}

fn stopping() -> Vec<u8> {
    reply(&Reply::<()>::Failed("it is stopping".to_owned()))
}

fn reply<T: Serialize>(reply: &Reply<T>) -> Vec<u8> {
    // A reply has string keys only; an empty answer would be named as unreadable by the tool.
    serde_json::to_vec(reply).unwrap_or_default()
}
