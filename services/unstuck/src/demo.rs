//! `--demo`: accounts for every role, and a district with a believable history of five months.
//!
//! Invariants: the history is told by the real rules, with the ids that the live reactions would use, so that
//! they find everything done; it is told once per data folder, and an interrupted telling goes on where it
//! stopped; no person in it is a real one.

pub(crate) mod accounts;
mod stories;
mod teller;
mod told;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use desk::{Desk, District};
use tokio::time::Instant;

use told::Told;

/// What the stories tell of and the district does not have; empty for the sample district.
pub(crate) fn missing_in(district: &District) -> Vec<String> {
    let rules = &district.rules;
    let mut missing: Vec<String> = stories::all()
        .iter()
        .filter(|story| !rules.centers.contains_key(&story.center))
        .map(|story| format!("center {}", story.center))
        .collect();
    let departments = stories::all().into_iter().flat_map(|story| story.departments());
    missing.extend(
        departments
            .filter(|department| !rules.departments.contains_key(department))
            .map(|department| format!("department {department}")),
    );
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// Makes the accounts, and tells the history when the district has none. Gives the accounts' password.
///
/// Nothing else may react to events meanwhile.
pub(crate) async fn prepare(desk: &Arc<Desk>, data: &Path) -> anyhow::Result<String> {
    let password = accounts::prepare(desk, data).await.context("the demo accounts")?;
    let head = desk.log.head().await?;
    let Some(told) = Told::to_tell(data, head.last_sequence == 0, desk.now())? else {
        return Ok(password);
    };
    let started = Instant::now();
    let events = teller::tell(desk, stories::all(), told.until()).await?;
    told.complete()?;
    tracing::info!(
        events,
        milliseconds = started.elapsed().as_millis(),
        "the demo's history is told"
    );
    Ok(password)
}
