//! Views that are thrown away: how fast they are built again beside a reader that does nothing with the events, and
//! what memory they take.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use async_nats::jetstream::{Context, stream};
use futures::StreamExt as _;
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM};

use crate::district::{COORDINATOR, Copy};
use crate::http::{Caller, Line};
use crate::load::Spread;
use crate::places::{Bus, Product, mebibytes, mebibytes_on_disk};
use crate::table::{Bound, Figure};

/// Most memory that the projection may take, in MiB.
const MEMORY_MAX: f64 = 512.0;

/// How many bytes and events a stream has.
pub(crate) async fn state_of(context: &Context, name: &str) -> anyhow::Result<stream::State> {
    let mut stream = context.get_stream(name).await?;
    Ok(stream.info().await?.state.clone())
}

/// Builds the views of a district as often as there are rounds, each time beside the bare reader; the last views stay
/// in the copy. The memory is that of the first and of a process that finds them.
pub(crate) async fn measure(copy: &Copy, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let data = copy.data();
    let bus = Bus::start(&data, true)?;
    let context = bus.connect().await?;
    let mut events = 0;
    for name in [CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM] {
        events += state_of(&context, name).await?.messages;
    }
    let (mut built, mut read) = (Vec::new(), Vec::new());
    let mut after_building = None;
    for round in 0..rounds {
        let started = Instant::now();
        let mut read_events = 0;
        for name in [CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM] {
            read_events += read_all(&context, name).await?;
        }
        ensure!(read_events == events, "{read_events} of {events} events were read");
        read.push(events as f64 / started.elapsed().as_secs_f64());

        remove_views(&data)?;
        let started = Instant::now();
        let projection = Product::projection(&data, &bus)?;
        built.push(events as f64 / started.elapsed().as_secs_f64());
        eprintln!("round {}: built {:.0}/s, read {:.0}/s", round + 1, built[round], read[round]);
        if after_building.is_none() {
            after_building = Some(memory(projection.id())?);
        }
        projection.stop()?;
    }
    let started = Instant::now();
    let projection = Product::projection(&data, &bus)?;
    let start = started.elapsed().as_secs_f64();
    let after_start = memory(projection.id())?;
    ask_a_bit(&projection).await?;
    let after_asking = memory(projection.id())?;
    projection.stop()?;

    let on_disk = ["bus", "views"].map(|part| mebibytes_on_disk(&data.join(part)));
    let [of_bus, of_views] = on_disk;
    let (of_bus, of_views) = (of_bus?, of_views?);

    let after_building = after_building.context("at least one round")?;
    let ratios = built.iter().zip(&read).map(|(built, read)| built / read);
    let rate = |rates: &[f64]| Spread::of(rates.iter().copied()).median;
    let peak = [after_building, after_start, after_asking].map(|one| one.1).into_iter();
    let peak = peak.fold(0.0, f64::max);
    Ok(vec![
        Figure::ratio(
            format!("views built from {events} events, until everything answers"),
            format!("{:.0} events/s", rate(&built)),
            format!("ordered consumer {:.0} events/s", rate(&read)),
            Spread::of(ratios),
            Bound::AtLeast(0.5),
        )
        .with(&[("events_per_second", rate(&built)), ("beside_per_second", rate(&read))]),
        Figure::bounded(
            "memory of the projection alone (VmRSS, peak VmHWM)",
            format!(
                "built {:.0}, peak {:.0}; started {:.0}, peak {:.0}; asked {:.0}, peak {:.0} MiB",
                after_building.0,
                after_building.1,
                after_start.0,
                after_start.1,
                after_asking.0,
                after_asking.1
            ),
            format!("≤ {MEMORY_MAX} MiB"),
            peak <= MEMORY_MAX,
        )
        .with(&[("peak_mib", peak), ("asked_mib", after_asking.0)]),
        Figure::watched("start of the projection on views that stand", format!("{start:.2} s"))
            .with(&[("seconds", start)]),
        Figure::watched(
            "on the disk",
            format!("the bus {of_bus:.0} MiB, the views {of_views:.0} MiB"),
        )
        .with(&[("bus_mib", of_bus), ("views_mib", of_views)]),
    ])
}

/// Now, and at most so far, in MiB.
fn memory(process: u32) -> anyhow::Result<(f64, f64)> {
    Ok((mebibytes(process, "VmRSS")?, mebibytes(process, "VmHWM")?))
}

fn remove_views(data: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(data.join("views")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Reads a stream as the product follows it, and does nothing with it.
async fn read_all(context: &Context, name: &str) -> anyhow::Result<u64> {
    let stream = context.get_stream(name).await?;
    let last = stream.cached_info().state.last_sequence;
    let config = OrderedConfig {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 1 },
        ..OrderedConfig::default()
    };
    let mut messages = stream.create_consumer(config).await?.messages().await?;
    let mut count = 0;
    while count < last {
        messages.next().await.context("the stream ended")??;
        count += 1;
    }
    Ok(count)
}

/// What a day's work asks: pages, figures, tables.
async fn ask_a_bit(projection: &Product) -> anyhow::Result<()> {
    let person = Caller::sign_in(projection.address, COORDINATOR).await?;
    let mut line = Line::to(projection.address).await?;
    let paths = ["/v1/cases?limit=200", "/v1/overview", "/v1/departments", "/v1/centers"];
    for path in paths.iter().cycle().take(paths.len() * 5) {
        line.ask(&person.get(path), 200).await.with_context(|| (*path).to_owned())?;
    }
    Ok(())
}
