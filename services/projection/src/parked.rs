//! How many events are parked, for whoever watches the house.
//!
//! The counter of each reaction begins at zero with its process; what waits for a person does not go away with a restart.

use std::time::Duration;

use async_nats::jetstream::Context;
use desk::Desk;
use desk::service::ServiceTask;
use runtime::kv::{Bucket, KvError};
use runtime::streams::PARKED_BUCKET;
use tokio::time::MissedTickBehavior;

/// How often it is looked: a list of the bucket is one request, and a person has hours.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The task that counts; none in memory, where nobody parks.
pub(crate) fn task(desk: &Desk) -> Option<ServiceTask> {
    let (js, metrics) = (desk.js.clone()?, desk.metrics.clone());
    Some(ServiceTask::new("parked events", |token| async move {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while token.run_until_cancelled(ticks.tick()).await.is_some() {
            match token.run_until_cancelled(count(&js)).await {
                Some(Ok(parked)) => metrics.parked_now(parked),
                Some(Err(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(error, "how many events are parked is not known");
                }
                None => break,
            }
        }
        Ok(())
    }))
}

async fn count(js: &Context) -> Result<usize, KvError> {
    Ok(Bucket::open(js, PARKED_BUCKET).await?.keys().await?.len())
}
