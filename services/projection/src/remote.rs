//! Asking a running projection to verify or rebuild itself: request and reply on the bus, because it alone has
//! its store open.
//!
//! Invariant: one request at a time; a request changes no event.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::{Client, Request, RequestErrorKind};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::core::{Core, ProjectionError};
use crate::verify::VerifyReport;

/// The subject of a request to verify.
pub const VERIFY_SUBJECT: &str = "unstuck.projection.verify";
/// The subject of a request to rebuild.
pub const REBUILD_SUBJECT: &str = "unstuck.projection.rebuild";
const BOTH_SUBJECTS: &str = "unstuck.projection.*";

/// How long an answer may take: a million events are folded in a minute, a slow disk takes longer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30 * 60);

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
}

/// What comes back.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply<T> {
    Done(T),
    Failed(String),
}

/// Asks the running projection to compare itself with the stream; `None` when none is running.
///
/// # Errors
/// When the bus does not carry it or the projection fails.
pub async fn verify(client: &Client) -> Result<Option<VerifyReport>, RemoteError> {
    ask(client, VERIFY_SUBJECT).await
}

/// Asks the running projection to build its view anew; gives the sequence that it has come to, `None` when none
/// is running.
///
/// # Errors
/// When the bus does not carry it or the projection fails.
pub async fn rebuild(client: &Client) -> Result<Option<u64>, RemoteError> {
    ask(client, REBUILD_SUBJECT).await
}

async fn ask<T: for<'de> Deserialize<'de>>(
    client: &Client,
    subject: &'static str,
) -> Result<Option<T>, RemoteError> {
    let request = Request::new().timeout(Some(ANSWER_TIME_MAX));
    let answer = match client.send_request(subject, request).await {
        Ok(answer) => answer,
        Err(error) if error.kind() == RequestErrorKind::NoResponders => return Ok(None),
        Err(error) => return Err(RemoteError::Bus(error.into())),
    };
    match serde_json::from_slice(&answer.payload)? {
        Reply::Done(value) => Ok(Some(value)),
        Reply::Failed(reason) => Err(RemoteError::Failed(reason)),
    }
}

/// Answers requests until the token is cancelled.
pub(crate) async fn answer_requests(
    core: Arc<Core>,
    client: Client,
    token: CancellationToken,
) -> Result<(), async_nats::SubscribeError> {
    let mut requests = client.subscribe(BOTH_SUBJECTS).await?;
    while let Some(Some(request)) = token.run_until_cancelled(requests.next()).await {
        let Some(reply_to) = request.reply else { continue };
        let work = async {
            match request.subject.as_str() {
                VERIFY_SUBJECT => written(core.verify().await),
                REBUILD_SUBJECT => written(core.rebuild().await),
                _ => written::<()>(Err(ProjectionError::Ended)),
            }
        };
        let Some(answer) = token.run_until_cancelled(work).await else { break };
        if let Err(error) = client.publish(reply_to, answer.into()).await {
            tracing::warn!(%error, "an answer could not be sent");
        }
    }
    // The client may have closed the subscription; the task still lasts as long as the process.
    token.cancelled().await;
    Ok(())
}

fn written<T: Serialize>(outcome: Result<T, ProjectionError>) -> Vec<u8> {
    let reply = match outcome {
        Ok(value) => Reply::Done(value),
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a request of a tool failed");
            Reply::Failed(error.to_string())
        }
    };
    serde_json::to_vec(&reply).unwrap_or_default()
}
