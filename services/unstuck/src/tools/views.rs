//! `rebuild` and `verify`: of every running projection of the bus by asking it, otherwise on the folder.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use projection::{VerifyReport, remote};
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM};
use runtime::audit::Audit;
use runtime::clock::SystemClock;
use runtime::log::EventLog;
use runtime::log::jetstream::JetStreamLog;
use runtime::log::verify::{Walked, prove};
use runtime::metrics::Metrics;
use runtime::vault::MasterKey;

use crate::bus::{ToolBus, must_exist, on_bus};
use crate::progress::Progress;
use crate::say;
use crate::settings::{MASTER_KEY_FILE, Place};
use crate::up::VIEWS_FOLDER;

/// Proves that the log is as the services wrote it, and compares the views with an independent fold of it; a break or a
/// difference ends with 1. `kept` are seals that somebody wrote down elsewhere.
pub(crate) async fn verify(place: Place, kept: Vec<String>) -> anyhow::Result<()> {
    must_exist(&place)?;
    let reports = on_bus(&place, async |bus| {
        let reports = asked(bus, remote::verify(&bus.client(), &kept)).await?;
        if !reports.is_empty() {
            return Ok(reports);
        }
        let streams = proved(bus, &place, &kept).await?;
        let views = place.data.join(VIEWS_FOLDER);
        let cases = projection::verify(log(bus, CASES_STREAM).await?, &views).await?;
        let centers = projection::centers::verify(log(bus, CENTERS_STREAM).await?, &views).await?;
        Ok(vec![cases.with_centers(centers).with_streams(streams)])
    })
    .await?;
    // Each projection has proved the same log.
    if let Some(report) = reports.first() {
        say_of_streams(&report.streams);
    }
    reports.into_iter().try_for_each(judged)
}

/// Says what one projection has found.
fn judged(report: VerifyReport) -> anyhow::Result<()> {
    if let Some(found) = report.first_break() {
        bail!("the log was changed past the services: {found}");
    }
    let VerifyReport { events, cases, center_events, quarantined, first_difference, .. } = report;
    if let Some(difference) = first_difference {
        bail!("the views differ from the log: {difference}");
    }
    say(format_args!(
        "No difference: {events} events, {cases} cases; {center_events} events of centers"
    ));
    if quarantined > 0 {
        say(format_args!("{quarantined} events cannot be read and stand in quarantine"));
    }
    Ok(())
}

/// Walks through the streams, when the key of the site is here.
pub(crate) async fn proved(
    bus: &ToolBus,
    place: &Place,
    kept: &[String],
) -> anyhow::Result<Vec<Walked>> {
    let Some(master) = MasterKey::load(&place.data.join(MASTER_KEY_FILE))? else {
        return Ok(Vec::new());
    };
    let key = master.event_key();
    let district = "unknown".parse().context("a name of a district")?;
    let audit = Audit::new(bus.js.clone(), district, Arc::new(SystemClock), Metrics::new());
    let mut progress = Progress::of("Proving the log");
    let step = |reached, goal| progress.step(reached, goal);
    Ok(prove(&bus.js, &audit, &key, kept, step).await?)
}

pub(crate) fn say_of_streams(streams: &[Walked]) {
    if streams.is_empty() {
        say("The log is not proved: the site's key is not here");
    }
    for walked in streams.iter().filter(|walked| walked.first_break.is_none()) {
        let Walked { stream, events, unsigned, sealed_to, seal, .. } = walked;
        let unsigned = match unsigned {
            0 => String::new(),
            unsigned => format!(", {unsigned} of them without a MAC"),
        };
        say(format_args!("{stream}: {events} events{unsigned}, sealed up to {sealed_to}; {seal}"));
    }
}

/// Builds the views anew.
pub(crate) async fn rebuild(place: Place) -> anyhow::Result<()> {
    must_exist(&place)?;
    let of_each = on_bus(&place, async |bus| {
        let mut progress = Progress::of("Building the views anew");
        let mut step = |reached, goal| progress.step(reached, goal);
        let of_each = asked(bus, remote::rebuild(&bus.client(), &mut step)).await?;
        if !of_each.is_empty() {
            return Ok(of_each);
        }
        let views = place.data.join(VIEWS_FOLDER);
        let of_centers =
            projection::centers::rebuild(log(bus, CENTERS_STREAM).await?, &views).await?;
        let of_cases = projection::rebuild(log(bus, CASES_STREAM).await?, &views, step).await?;
        Ok(vec![of_cases + of_centers])
    })
    .await?;
    for events in of_each {
        say(format_args!("The views were built anew from {events} events"));
    }
    Ok(())
}

/// The answers of the running projections; none when nobody runs one. Who has the folder alone need not ask.
async fn asked<T>(
    bus: &ToolBus,
    question: impl Future<Output = Result<Vec<T>, remote::RemoteError>>,
) -> anyhow::Result<Vec<T>> {
    if bus.is_alone { Ok(Vec::new()) } else { Ok(question.await?) }
}

async fn log(bus: &ToolBus, stream: &str) -> anyhow::Result<Arc<dyn EventLog>> {
    Ok(Arc::new(JetStreamLog::open(bus.js.clone(), stream).await?))
}
