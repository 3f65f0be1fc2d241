//! Asking the running projections how they stand, or to verify or rebuild themselves: request and reply on the bus, because
//! each alone has its store open.
//!
//! Invariants: one request at a time; a request changes no event; every projection of the bus answers, and who asks waits
//! for all that he has heard of.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, HeaderMap, StatusCode, Subject};
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
/// How long a tool waits to hear of further projections: each says at once that it works.
const OTHERS_MAX: Duration = Duration::from_millis(300);
/// The header that tells one projection's words from another's.
const SPEAKER: &str = "Unstuck-Projection";

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

/// Asks every running projection to prove the streams, against these seals as well, and to compare itself with them; an
/// answer of each, none when none is running.
///
/// # Errors
/// When the bus does not carry it or a projection fails.
pub async fn verify(client: &Client, kept: &[String]) -> Result<Vec<VerifyReport>, RemoteError> {
    ask(client, VERIFY_SUBJECT, serde_json::to_vec(kept)?.into(), |_, _| {}).await
}

/// Asks every running projection to build its views anew; gives how many events each has read, none when none is
/// running. `progress` hears how far the last of them is and where it wants to.
///
/// # Errors
/// When the bus does not carry it or a projection fails.
pub async fn rebuild(
    client: &Client,
    progress: impl FnMut(u64, u64),
) -> Result<Vec<u64>, RemoteError> {
    ask(client, REBUILD_SUBJECT, Bytes::new(), progress).await
}

/// Asks every running projection how its views stand; `None` when none is running.
///
/// # Errors
/// When the bus does not carry it, or a projection is at other work.
pub async fn views(client: &Client) -> Result<Option<Vec<Standing>>, RemoteError> {
    let of_each: Vec<Vec<Standing>> = ask(client, VIEWS_SUBJECT, Bytes::new(), |_, _| {}).await?;
    Ok((!of_each.is_empty()).then(|| of_each.concat()))
}

/// What a projection has said so far.
enum Said<T> {
    /// That it works; how far it is, if it knows.
    Working(Option<(u64, u64)>),
    Done(T),
}

async fn ask<T: for<'de> Deserialize<'de>>(
    client: &Client,
    subject: &'static str,
    question: Bytes,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<T>, RemoteError> {
    let inbox = client.new_inbox();
    let mut answers =
        client.subscribe(inbox.clone()).await.map_err(|error| RemoteError::Bus(error.into()))?;
    let asked = client.publish_with_reply(subject, inbox, question);
    asked.await.map_err(|error| RemoteError::Bus(error.into()))?;
    let others_until = tokio::time::Instant::now() + OTHERS_MAX;
    let mut speakers: BTreeMap<String, Said<T>> = BTreeMap::new();
    loop {
        let all_done =
            !speakers.is_empty() && speakers.values().all(|said| matches!(said, Said::Done(_)));
        let answer = if all_done {
            match tokio::time::timeout_at(others_until, answers.next()).await {
                Ok(answer) => answer,
                Err(_) => return Ok(speakers.into_values().filter_map(done).collect()),
            }
        } else {
            tokio::time::timeout(SILENCE_MAX, answers.next()).await.ok().flatten()
        };
        let answer = answer.ok_or(RemoteError::Silent)?;
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Ok(Vec::new());
        }
        let headers = answer.headers.as_ref();
        let speaker = headers.and_then(|headers| headers.get(SPEAKER)).map(ToString::to_string);
        let said = match serde_json::from_slice(&answer.payload)? {
            Reply::Working => Said::Working(None),
            Reply::At(reached, goal) => Said::Working(Some((reached, goal))),
            Reply::Done(value) => Said::Done(value),
            Reply::Failed(reason) => return Err(RemoteError::Failed(reason)),
        };
        speakers.insert(speaker.unwrap_or_default(), said);
        let places = speakers.values().filter_map(|said| match said {
            Said::Working(place) => *place,
            Said::Done(_) => None,
        });
        if let Some((reached, goal)) = places.min() {
            progress(reached, goal);
        }
    }
}

fn done<T>(said: Said<T>) -> Option<T> {
    match said {
        Said::Done(value) => Some(value),
        Said::Working(_) => None,
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
    // A name that nobody else has.
    let mut headers = HeaderMap::new();
    headers.insert(SPEAKER, client.new_inbox());
    let say = async |to: Subject, words: Vec<u8>| {
        client.publish_with_headers(to, headers.clone(), words.into()).await
    };
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
            if let Err(error) = say(reply_to.clone(), words).await {
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
            let _ = say(reply_to, stopping()).await;
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
