//! `--demo`: accounts for every role, and a district with a year behind it.
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
use proto_events::Timestamp;
use simulation::{History, Plan, World};
use tokio::time::Instant;

use crate::simulate::HOUSE;
use crate::simulate::publisher::Publisher;
use told::Told;

/// What the demo's year grows from.
const SEED: u64 = 1;

/// What the stories tell of and the district does not have; empty for the sample district.
pub(crate) fn missing_in(district: &District) -> Vec<String> {
    let rules = &district.rules;
    let mut missing = Vec::new();
    for story in stories::all() {
        if !rules.centers.contains_key(&story.center) {
            missing.push(format!("center {}", story.center));
        }
        for department in story.departments() {
            if !rules.departments.contains_key(department) {
                missing.push(format!("department {department}"));
            }
        }
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// Makes the accounts, and tells the history when the district has none. Gives the accounts' password.
///
/// Nothing else may react to events meanwhile.
pub(crate) async fn prepare(desk: &Arc<Desk>, data: &Path) -> anyhow::Result<String> {
    let accounts = async { accounts::prepare(desk, data).await.context("the demo accounts") };
    // Side by side: the accounts are busy with hashing, the history with the disk.
    let (password, ()) = tokio::try_join!(accounts, history(desk, data))?;
    Ok(password)
}

/// Tells the history, unless it stands there already.
async fn history(desk: &Desk, data: &Path) -> anyhow::Result<()> {
    let head = desk.log.head().await?;
    let Some(told) = Told::to_tell(data, head.last_sequence == 0, desk.now())? else {
        return Ok(());
    };
    let started = Instant::now();
    let events = tell(desk, told.until()).await?;
    told.complete()?;
    tracing::info!(
        events,
        milliseconds = started.elapsed().as_millis(),
        "the demo's history is told"
    );
    Ok(())
}

/// Tells a year, with the stories in it; gives the number of facts.
async fn tell(desk: &Desk, until: Timestamp) -> anyhow::Result<u64> {
    let world = World::new(&desk.district.rules, HOUSE)?;
    let plan = Plan::of_the_year_before(&world, until, SEED);
    let mut history = History::new(&world, plan)?;
    for (number, story) in stories::all().iter().enumerate() {
        history.add(teller::tell(&world, number, story, until));
    }
    let js = desk.js.as_ref().context("the demo is told on a bus")?;
    let mut publisher = Publisher::going_on(desk, js).await?;
    let mut facts = 0;
    for fact in history.by_ref() {
        publisher.publish(fact).await?;
        facts += 1;
    }
    publisher.finish().await?;
    for (command, refusal) in history.refused() {
        tracing::warn!(?command, ?refusal, "a rule refuses what the demo tells");
    }
    Ok(facts)
}
