//! `rebuild` and `verify`: of a running projection by asking it, otherwise on its folder.

use std::sync::Arc;

use anyhow::bail;
use projection::{VerifyReport, remote};
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM};
use runtime::log::EventLog;
use runtime::log::jetstream::JetStreamLog;

use crate::bus::{ToolBus, must_exist, on_bus};
use crate::progress::Progress;
use crate::say;
use crate::settings::Place;
use crate::up::VIEWS_FOLDER;

/// Compares the views with an independent fold of the log; a difference ends with 1.
pub(crate) async fn verify(place: Place) -> anyhow::Result<()> {
    must_exist(&place)?;
    let report = on_bus(&place, async |bus| {
        if let Some(report) = asked(bus, remote::verify(&bus.client())).await? {
            return Ok(report);
        }
        let views = place.data.join(VIEWS_FOLDER);
        let cases = projection::verify(log(bus, CASES_STREAM).await?, &views).await?;
        let centers = projection::centers::verify(log(bus, CENTERS_STREAM).await?, &views).await?;
        Ok(cases.with_centers(centers))
    })
    .await?;
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

/// Builds the views anew.
pub(crate) async fn rebuild(place: Place) -> anyhow::Result<()> {
    must_exist(&place)?;
    let events = on_bus(&place, async |bus| {
        let mut progress = Progress::of("Building the views anew");
        let mut step = |reached, goal| progress.step(reached, goal);
        if let Some(events) = asked(bus, remote::rebuild(&bus.client(), &mut step)).await? {
            return Ok(events);
        }
        let views = place.data.join(VIEWS_FOLDER);
        let of_centers =
            projection::centers::rebuild(log(bus, CENTERS_STREAM).await?, &views).await?;
        let of_cases = projection::rebuild(log(bus, CASES_STREAM).await?, &views, step).await?;
        Ok(of_cases + of_centers)
    })
    .await?;
    say(format_args!("The views were built anew from {events} events"));
    Ok(())
}

/// The answer of the running projection; `None` when nobody runs one. Who has the folder alone need not ask.
async fn asked<T>(
    bus: &ToolBus,
    question: impl Future<Output = Result<Option<T>, remote::RemoteError>>,
) -> anyhow::Result<Option<T>> {
    if bus.is_alone { Ok(None) } else { Ok(question.await?) }
}

async fn log(bus: &ToolBus, stream: &str) -> anyhow::Result<Arc<dyn EventLog>> {
    Ok(Arc::new(JetStreamLog::open(bus.js.clone(), stream).await?))
}
