//! Load in a closed loop, and what it came to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::http::Line;

/// How long each answer took, and how long all of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Load {
    pub(crate) took: Vec<Duration>,
    pub(crate) seconds: f64,
    pub(crate) bytes: u64,
}

impl Load {
    pub(crate) fn rate(&self) -> f64 {
        self.took.len() as f64 / self.seconds
    }
}

/// Requests that are sent one after the other, and again from the first when all were.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) all: Vec<Vec<u8>>,
    next: AtomicUsize,
}

impl Requests {
    pub(crate) fn new(all: Vec<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { all, next: AtomicUsize::new(0) })
    }

    fn next(&self) -> anyhow::Result<&[u8]> {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len().max(1);
        Ok(self.all.get(place).context("no request")?)
    }
}

/// Asks over each of `lines` kept connections for `duration`, each time the next of the requests, going on where the
/// last call ended.
pub(crate) async fn closed_loop(
    address: SocketAddr,
    lines: usize,
    duration: Duration,
    requests: &Arc<Requests>,
) -> anyhow::Result<Load> {
    let mut open = Vec::new();
    for _ in 0..lines {
        open.push(Line::to(address).await?);
    }
    let started = Instant::now();
    let mut running = JoinSet::new();
    for mut line in open {
        let requests = Arc::clone(requests);
        running.spawn(async move {
            let (mut took, mut bytes) = (Vec::new(), 0);
            while started.elapsed() < duration {
                let request = requests.next()?;
                let asked = Instant::now();
                bytes += line.ask(request, 200).await?.len() as u64;
                took.push(asked.elapsed());
            }
            anyhow::Ok((took, bytes))
        });
    }
    let mut load = Load::default();
    while let Some(one) = running.join_next().await {
        let (took, bytes) = one??;
        load.took.extend(took);
        load.bytes += bytes;
    }
    load.seconds = started.elapsed().as_secs_f64();
    Ok(load)
}

/// Asks each of `requests` once, one at a time.
pub(crate) async fn one_by_one(
    address: SocketAddr,
    requests: &[Vec<u8>],
) -> anyhow::Result<Vec<Duration>> {
    let mut line = Line::to(address).await?;
    let mut took = Vec::new();
    for request in requests {
        let asked = Instant::now();
        line.ask(request, 200).await?;
        took.push(asked.elapsed());
    }
    Ok(took)
}

/// The value below which `permille` of a thousand lie.
pub(crate) fn percentile(values: &[Duration], permille: usize) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * permille / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}

/// The middle of some numbers, and the least and the greatest.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Of numbers of which there is at least one.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        // Of an even number, between the two in the middle.
        let median = f64::midpoint(at(last / 2), at(last.div_ceil(2)));
        Self { median, min: at(0), max: at(last) }
    }
}

/// Draws for the bench: the same for the same seed (SplitMix64).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    /// Puts these into another order.
    pub(crate) fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
