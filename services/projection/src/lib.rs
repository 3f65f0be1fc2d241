//! The projection: the view of all cases in sled and in memory, the query API over it, and the live feed.
//!
//! Invariants: a view is a fold of the stream and of nothing else, so any split and any repetition of batches
//! gives the same view; it may be thrown away and built anew at any time; nothing here decides anything about
//! a case; no answer shows personal data in clear.
//!
//! Reading order: `record` and `fold` (pure), `views` (the store), `index` and `figures` (memory), `core` (the
//! one writer), `replay`, `verify` and `remote` (the tools), `centers` (the same once more for the stream of centers),
//! `learning` (what the district learned), `similar` (the index of solved cases), `queries` (the doors).

pub mod centers;
mod core;
mod feed;
mod figures;
mod fold;
mod index;
mod learning;
mod lines;
mod parked;
pub mod quarantine;
mod queries;
mod readable;
mod record;
pub mod register;
pub mod remote;
mod replay;
mod similar;
mod standing;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verify;
mod views;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use desk::Desk;
use desk::service::{ServiceParts, ServiceTask};
use runtime::consumer::watch_follower;
use runtime::http::ReadyCheck;
use runtime::log::verify::prove;
use runtime::seals::Sealer;
use tokio_util::sync::CancellationToken;

use crate::centers::Centers;
use crate::core::Core;
use crate::learning::Learned;
use crate::lines::Lines;
use crate::queries::Doors;
use crate::similar::Similar;

pub use crate::core::ProjectionError;
pub use queries::operations;
pub use replay::{rebuild, set_aside};
pub use standing::Standing;
pub use verify::{VerifyReport, verify};

/// How often the end of the stream is asked for.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// A projection that runs in this process.
#[derive(Debug)]
pub struct Projection {
    core: Arc<Core>,
    centers: Arc<Centers>,
    learned: Arc<Learned>,
    lines: Arc<Lines>,
    desk: Arc<Desk>,
}

impl Projection {
    /// The sequence that the view has come to.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.core.sequence()
    }

    /// How far the views are while they are first being built, and where they want to; `None` when they stand.
    #[must_use]
    pub fn building(&self) -> Option<(u64, u64)> {
        self.core.catching_up().or_else(|| self.centers.catching_up())
    }

    /// Asks where the streams end, and says how the views stand to them.
    async fn measure(&self) {
        tokio::join!(self.core.measure(), self.centers.measure(), self.learned.measure());
    }

    /// Proves that the streams are as the services wrote them, also against seals that were kept elsewhere, and compares
    /// the views with them; a writer stands still only while its view is compared.
    ///
    /// # Errors
    /// When the stream cannot be read or the store cannot be used.
    pub async fn verify(&self, kept: &[String]) -> Result<VerifyReport, ProjectionError> {
        let streams = match &self.desk.js {
            Some(js) => {
                let key = self.desk.vault.master().event_key();
                prove(js, &self.desk.audit, &key, kept, |_, _| {}).await?
            }
            // In memory nobody comes past the services.
            None => Vec::new(),
        };
        let cases = self.core.verify().await?;
        Ok(cases.with_centers(self.centers.verify().await?).with_streams(streams))
    }

    /// Builds the views anew beside those that serve; gives how many events were read.
    ///
    /// # Errors
    /// When the stream or the store fails; the old view serves on.
    pub async fn rebuild(&self) -> Result<u64, ProjectionError> {
        let of_centers = self.centers.rebuild().await?;
        let of_cases = self.core.rebuild().await;
        self.core.generation.fetch_add(1, Ordering::AcqRel);
        Ok(of_cases? + of_centers)
    }
}

/// Opens the view under `dir` and makes the service of it. A view that cannot be used is set aside and built
/// anew; `/readyz` and `/v1/lag` say how far that is.
///
/// # Errors
/// When the log does not answer, another process has the view open, or the disk does not do.
pub async fn open(
    desk: Arc<Desk>,
    dir: &Path,
) -> Result<(ServiceParts, Arc<Projection>), ProjectionError> {
    let core = Core::open(
        Arc::clone(&desk.log),
        Arc::clone(&desk.district),
        Arc::clone(&desk.clock),
        desk.metrics.clone(),
        dir,
    )
    .await?;
    let log = Arc::clone(&desk.centers_log);
    let centers = Centers::open(log, desk.metrics.clone(), dir).await?;
    let log = Arc::clone(&desk.learning_log);
    let learned = Learned::open(log, desk.metrics.clone()).await?;
    let similar = Similar::open(Arc::clone(&core), dir).await?;
    let lines = Arc::<Lines>::default();
    let doors = Doors::new(
        Arc::clone(&core),
        Arc::clone(&centers),
        Arc::clone(&learned),
        Arc::clone(&similar),
        Arc::clone(&lines),
        Arc::clone(&desk),
    );
    let ready = vec![
        readiness(Arc::clone(&core)),
        readiness_of_centers(Arc::clone(&centers)),
        readiness_of_learning(Arc::clone(&learned)),
    ];
    let auditing = desk.js.clone().map(|js| {
        let refusals = Arc::clone(&doors.refusals);
        ServiceTask::new("refusals in the audit", |token| async move {
            refusals.run(js, token).await;
            Ok(())
        })
    });
    let keys = Arc::clone(&doors.keys);
    let answering = register::task(&doors.register, &desk)
        .into_iter()
        .chain(quarantine::task(doors.quarantine(), &desk));
    let following_lines = (Arc::clone(&lines), Arc::clone(&desk));
    let projection = Arc::new(Projection {
        core,
        centers,
        learned: Arc::clone(&learned),
        lines,
        desk: Arc::clone(&desk),
    });
    let parts = ServiceParts {
        name: "projection",
        router: queries::router(doors),
        operations: queries::operations(),
        ready,
        tasks: tasks(&projection, &desk)
            .into_iter()
            .chain([
                ServiceTask::new("projection of learning", |token| async move {
                    learned.run(token).await;
                    Ok(())
                }),
                ServiceTask::new("lines of the centers", |token| async move {
                    let (lines, desk) = following_lines;
                    lines.run(desk, token).await;
                    Ok(())
                }),
                ServiceTask::new("case keys", |token| async move {
                    keys.follow(token).await;
                    Ok(())
                }),
                ServiceTask::new("similar cases", |token| async move {
                    tokio::join!(
                        watched(&similar, &token),
                        Arc::clone(&similar).run(token.clone())
                    );
                    Ok(())
                }),
            ])
            .chain(parked::task(&desk))
            .chain(answering)
            .chain(auditing)
            .collect(),
    };
    Ok((parts, projection))
}

/// How far a view is.
fn built(sequence: u64, of: u64) -> String {
    let percent = sequence.saturating_mul(100) / of.max(1);
    format!("the view is being built: {percent} % ({sequence} of {of} events)")
}

fn readiness(core: Arc<Core>) -> ReadyCheck {
    ReadyCheck::new("projection", move || {
        let core = Arc::clone(&core);
        async move {
            if let Some(incident) = core.status().incident {
                return Err(format!("stopped: {incident}"));
            }
            if let Some((sequence, of)) = core.catching_up() {
                return Err(built(sequence, of));
            }
            if !core.bus_answers() {
                return Err("the bus does not answer; the view may be behind".to_owned());
            }
            Ok(())
        }
    })
}

fn readiness_of_centers(centers: Arc<Centers>) -> ReadyCheck {
    ReadyCheck::new("projection of centers", move || {
        let centers = Arc::clone(&centers);
        async move {
            if let Some(incident) = centers.status().incident {
                return Err(format!("stopped: {incident}"));
            }
            match centers.catching_up() {
                Some((sequence, of)) => Err(built(sequence, of)),
                None => Ok(()),
            }
        }
    })
}

fn readiness_of_learning(learned: Arc<Learned>) -> ReadyCheck {
    ReadyCheck::new("projection of learning", move || {
        let learned = Arc::clone(&learned);
        async move {
            if let Some(incident) = learned.incident() {
                return Err(format!("stopped: {incident}"));
            }
            match learned.catching_up() {
                Some((sequence, of)) => Err(built(sequence, of)),
                None => Ok(()),
            }
        }
    })
}

/// Says how far the index of similar cases is behind the stream of cases.
async fn watched(similar: &Arc<Similar>, token: &CancellationToken) {
    let (log, metrics) = (similar.log(), similar.metrics());
    let reached = || similar.sequence();
    watch_follower(log, "similar", reached, metrics, token.clone()).await;
}

/// The duty of sealing is here because this service follows every stream anyway; it begins when the views stand.
fn sealing(projection: &Arc<Projection>, desk: &Desk) -> Option<ServiceTask> {
    let key = desk.vault.master().event_key();
    let (audit, metrics) = (desk.audit.clone(), desk.metrics.clone());
    let sealer = Sealer::new(desk.js.clone()?, audit, key, metrics);
    let core = Arc::clone(&projection.core);
    Some(ServiceTask::new("seals", |token| async move {
        token.run_until_cancelled(core.caught_up()).await;
        sealer.run(token).await;
        Ok(())
    }))
}

fn tasks(projection: &Arc<Projection>, desk: &Arc<Desk>) -> Vec<ServiceTask> {
    let (following, measuring) = (Arc::clone(&projection.core), Arc::clone(projection));
    let (following_centers, answering) = (Arc::clone(&projection.centers), Arc::clone(projection));
    let mut tasks = vec![
        ServiceTask::new("projection", |token| async move {
            following.run(token).await;
            Ok(())
        }),
        ServiceTask::new("projection of centers", |token| async move {
            following_centers.run(token).await;
            Ok(())
        }),
        ServiceTask::new("projection lag", |token| async move {
            let mut ticks = tokio::time::interval(MEASURE_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while token.run_until_cancelled(ticks.tick()).await.is_some() {
                token.run_until_cancelled(measuring.measure()).await;
                measuring.lines.measure(&measuring.desk);
            }
            Ok(())
        }),
    ];
    // In memory there is nobody beside this process who could ask.
    if let Some(client) = desk.js.as_ref().map(|js| js.client()) {
        tasks.extend(sealing(projection, desk));
        tasks.push(ServiceTask::new("projection requests", |token| async move {
            remote::answer_requests(answering, client, token).await.map_err(Into::into)
        }));
    }
    tasks
}
