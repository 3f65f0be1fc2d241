//! Events that a reaction gave up on, kept where people see them.
//!
//! Invariant: an event is parked before it is given back to the bus as done; the key names the reaction and the
//! sequence, so that parking twice is parking once.

use async_nats::jetstream::Context;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use crate::streams::PARKED_BUCKET;

/// An event that a reaction gave up on. No personal data: where it stands, not what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The reaction that gave up.
    pub reaction: String,
    /// The stream.
    pub stream: String,
    /// The event's sequence in it.
    pub sequence: u64,
    /// The event's subject.
    pub subject: String,
    /// The event's type, as far as it can be read.
    pub event_type: Option<String>,
    /// How often it was delivered.
    pub delivered: u64,
    /// Why the reaction gave up.
    pub reason: String,
    /// When it was parked.
    pub at: DateTime<Utc>,
}

/// Why parked events could not be handled.
#[derive(Debug, thiserror::Error)]
#[error("{attempted} failed")]
pub struct ParkedError {
    attempted: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl Parked {
    fn key(&self) -> String {
        format!("{}.{}", self.reaction, self.sequence)
    }
}

/// Lists what is parked, oldest first; the list is empty in a healthy house, so it is read whole.
///
/// # Errors
/// When the bus does not answer or an entry cannot be read.
pub async fn parked(context: &Context) -> Result<Vec<Parked>, ParkedError> {
    const LISTING: &str = "listing parked events";
    let bucket =
        context.get_key_value(PARKED_BUCKET).await.map_err(|error| failed(LISTING, error))?;
    let keys = bucket.keys().await.map_err(|error| failed(LISTING, error))?;
    let keys: Vec<String> = keys.try_collect().await.map_err(|error| failed(LISTING, error))?;
    let mut list = Vec::with_capacity(keys.len());
    for key in keys {
        // `None`: removed since its key was read.
        if let Some(value) = bucket.get(key).await.map_err(|error| failed(LISTING, error))? {
            let entry: Parked =
                serde_json::from_slice(&value).map_err(|error| failed(LISTING, error))?;
            list.push(entry);
        }
    }
    list.sort_by_key(|entry| entry.at);
    Ok(list)
}

/// Removes an entry, after a person has dealt with it.
///
/// # Errors
/// When the bus does not answer.
pub async fn unpark(context: &Context, entry: &Parked) -> Result<(), ParkedError> {
    const REMOVING: &str = "removing a parked event";
    let bucket =
        context.get_key_value(PARKED_BUCKET).await.map_err(|error| failed(REMOVING, error))?;
    bucket.purge(entry.key()).await.map_err(|error| failed(REMOVING, error))
}

/// Parks an event.
pub(super) async fn park(context: &Context, entry: &Parked) -> Result<(), ParkedError> {
    const PARKING: &str = "parking an event";
    let bucket =
        context.get_key_value(PARKED_BUCKET).await.map_err(|error| failed(PARKING, error))?;
    let value = serde_json::to_vec(entry).map_err(|error| failed(PARKING, error))?;
    bucket.put(entry.key(), value.into()).await.map_err(|error| failed(PARKING, error))?;
    Ok(())
}

fn failed(
    attempted: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ParkedError {
    ParkedError { attempted, source: Box::new(source) }
}
