//! Twenty centers at once: what one bus and one set of services take when every counter of a district registers
//! without a pause, beside as many raw publishes at once on the same server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};

use crate::commands::{Desk, Raw, bytes_each, raw_subject};
use crate::district::{CENTERS, clerk_at};
use crate::http::{Caller, Line};
use crate::load::{Spread, percentile};
use crate::queries::millis;
use crate::table::{Bound, Figure};

/// How long one side of a round goes on.
const FOR: Duration = Duration::from_secs(3);

/// Numbers of one counter, so that no matter comes twice; the first are those of the other figures.
const NUMBERS_OF_A_CENTER: u32 = 1_000_000;

/// Each center's clerk opens one case after the other; beside it each publishes one message after the other.
pub(crate) async fn measure(desk: &Desk, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let mut clerks = Vec::new();
    for center in &*CENTERS {
        clerks.push(Caller::sign_in(desk.clerk.address, &clerk_at(center)).await?);
    }
    let clerks = Arc::new(clerks);
    let mut begun = 0;
    // The first round warms up, and says how large an event is.
    let before = desk.events().await?;
    begun += u32::try_from(open_all(&clerks, begun).await?.len())?;
    let bytes = bytes_each(&before, &desk.events().await?);
    let raw = Arc::new(Raw::new(&desk.context, bytes).await?);
    let (mut own, mut limit) = (Vec::new(), Vec::new());
    let (mut opened, mut published) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let took = open_all(&clerks, begun).await?;
        begun += u32::try_from(took.len())?;
        own.push(took.len() as f64 / FOR.as_secs_f64());
        opened.extend(took);
        let took = publish_all(&raw).await?;
        limit.push(took.len() as f64 / FOR.as_secs_f64());
        published.extend(took);
    }
    let rate = |rates: &[f64]| Spread::of(rates.iter().copied()).median;
    let text = |rates: &[f64], took: &[Duration]| {
        let (p50, p99) = (millis(took, 500), millis(took, 990));
        format!("{:.0}/s, p50 {p50:.1} ms, p99 {p99:.1} ms", rate(rates))
    };
    Ok(vec![
        Figure::ratio(
            format!("{} centers at once, each one POST /v1/cases after the other", CENTERS.len()),
            text(&own, &opened),
            format!(
                "raw publishes of {bytes} bytes, as many at once: {}",
                text(&limit, &published)
            ),
            Spread::of(own.iter().zip(&limit).map(|(own, limit)| own / limit)),
            Bound::Watched,
        )
        .with(&[
            ("cases_per_second", rate(&own)),
            ("p99_ms", percentile(&opened, 990).as_secs_f64() * 1000.0),
            ("beside_per_second", rate(&limit)),
        ]),
    ])
}

/// Opens at every center for [`FOR`]; gives how long each opening took.
async fn open_all(clerks: &Arc<Vec<Caller>>, begun: u32) -> anyhow::Result<Vec<Duration>> {
    let started = Instant::now();
    let mut running = JoinSet::new();
    for (place, center) in CENTERS.iter().enumerate() {
        let clerks = Arc::clone(clerks);
        let first = u32::try_from(place + 1)? * NUMBERS_OF_A_CENTER + begun;
        running.spawn(async move {
            let clerk = &clerks[place];
            let mut line = Line::to(clerk.address).await?;
            let mut took = Vec::new();
            while started.elapsed() < FOR {
                let n = first + u32::try_from(took.len())?;
                let body = opening(center, &format!("{UNROUTED_MATTER}{n}"), n);
                let request = clerk.post("/v1/cases", &body);
                let asked = Instant::now();
                line.ask(&request, 201).await?;
                took.push(asked.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    gathered(running).await
}

/// Publishes on as many tasks for [`FOR`]; gives how long each acknowledgment took.
async fn publish_all(raw: &Arc<Raw>) -> anyhow::Result<Vec<Duration>> {
    let started = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..CENTERS.len() {
        let raw = Arc::clone(raw);
        running.spawn(async move {
            let mut took = Vec::new();
            while started.elapsed() < FOR {
                let asked = Instant::now();
                raw.publish(&raw_subject(), 0).await?;
                took.push(asked.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    gathered(running).await
}

async fn gathered(
    mut running: JoinSet<anyhow::Result<Vec<Duration>>>,
) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    while let Some(one) = running.join_next().await {
        took.extend(one??);
    }
    Ok(took)
}
