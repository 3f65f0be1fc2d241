//! What a page asks of the views, beside a server that always says the same.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use futures::TryStreamExt as _;
use proto_events::codes::CaseState;
use proto_events::subject::{CASES_STREAM, CASES_SUBJECTS};

use crate::district::PAST_DAY;
use crate::http::{Caller, Line};
use crate::load::{Draw, Load, Requests, Spread, closed_loop, one_by_one, percentile};
use crate::places::{Constant, Product, processor_seconds};
use crate::table::{Bound, Figure};

/// Connections that ask at once: some for each core, so that the server never waits for the client.
const LINES: usize = 8;

/// How long one side of a pair lasts, and how many pairs a round has: short and many, because a busy machine is busy
/// in bursts.
const PAIR: Duration = Duration::from_secs(1);
const PAIRS: usize = 3;

/// Lists that are drawn: about as many as there are different ones.
const LISTS: usize = 4096;

/// Longest answer but one in a hundred, in milliseconds.
const P99_MAX: f64 = 10.0;

/// A district that answers, and what is known of it.
pub(crate) struct Asked<'a> {
    pub(crate) product: &'a Product,
    pub(crate) person: Caller,
    pub(crate) case_ids: Vec<String>,
    centers: Vec<String>,
    departments: Vec<String>,
}

impl<'a> Asked<'a> {
    /// Learns the cases and bodies of a district.
    pub(crate) async fn of(
        product: &'a Product,
        person: Caller,
        context: &jetstream::Context,
    ) -> anyhow::Result<Self> {
        let stream = context.get_stream(CASES_STREAM).await?;
        let subjects = stream.info_with_subjects(CASES_SUBJECTS).await?;
        let subjects: Vec<(String, usize)> = subjects.try_collect().await?;
        let id = |(subject, _): (String, usize)| Some(subject.rsplit_once('.')?.1.to_owned());
        let mut case_ids: Vec<String> = subjects.into_iter().filter_map(id).collect();
        case_ids.sort_unstable();
        let mut line = Line::to(product.address).await?;
        let (mut centers, mut departments) = (Vec::new(), Vec::new());
        for (path, into) in [("/v1/centers", &mut centers), ("/v1/departments", &mut departments)] {
            let answer = line.json(&person.get(path), 200).await?;
            let items = answer["items"].as_array().context("items")?;
            into.extend(items.iter().filter_map(|item| Some(item["id"].as_str()?.to_owned())));
        }
        ensure!(!case_ids.is_empty() && !centers.is_empty() && !departments.is_empty());
        Ok(Self { product, person, case_ids, centers, departments })
    }

    /// Every case once, in any order.
    fn cases(&self) -> Vec<Vec<u8>> {
        let one = |id: &String| self.person.get(&format!("/v1/cases/{id}"));
        let mut all: Vec<Vec<u8>> = self.case_ids.iter().map(one).collect();
        Draw(1).shuffle(&mut all);
        all
    }

    /// First pages by one, two or three of center, state and department.
    pub(crate) fn lists(&self, count: usize, seed: u64) -> Vec<Vec<u8>> {
        let mut draw = Draw(seed);
        let states: Vec<&str> = CaseState::ALL.iter().map(|state| state.code()).collect();
        let one = |_| {
            let mut path = "/v1/cases?limit=20".to_owned();
            let which = 1 + draw.below(7);
            for (bit, name) in [(1, "center"), (2, "state"), (4, "department")] {
                if which & bit != 0 {
                    let value = match bit {
                        1 => draw.pick(&self.centers).as_str(),
                        2 => *draw.pick(&states),
                        _ => draw.pick(&self.departments).as_str(),
                    };
                    path += &format!("&{name}={value}");
                }
            }
            self.person.get(&path)
        };
        (0..count).map(one).collect()
    }

    pub(crate) fn overviews(&self, query: &str, count: usize) -> Vec<Vec<u8>> {
        vec![self.person.get(&format!("/v1/overview{query}")); count]
    }
}

/// Cases and lists under load, each beside a constant answer of the median size of its answers.
pub(crate) async fn under_load(
    asked: &Asked<'_>,
    scratch: &Path,
    rounds: usize,
) -> anyhow::Result<Vec<Figure>> {
    let kinds = [
        ("GET /v1/cases/{id}, any case", Requests::new(asked.cases())),
        ("GET /v1/cases?…&limit=20, any filter", Requests::new(asked.lists(LISTS, 0))),
    ];
    let address = asked.product.address;
    let mut sizes = Vec::new();
    for (_, requests) in &kinds {
        sizes.push(median_size(address, &requests.all[..200.min(requests.all.len())]).await?);
    }
    let constant = Constant::start(scratch, &sizes)?;
    let mut pairs: Vec<Vec<(Sampled, Sampled)>> = vec![Vec::new(); kinds.len()];
    for _ in 0..rounds * PAIRS {
        for (index, (_, requests)) in kinds.iter().enumerate() {
            let same = asked.person.at(constant.address).get(&format!("/{index}"));
            let same = Requests::new(vec![same]);
            let own = sample(address, asked.product.id(), requests).await?;
            let limit = sample(constant.address, constant.id(), &same).await?;
            pairs[index].push((own, limit));
        }
    }
    let mut figures = Vec::new();
    for (((what, _), pairs), size) in kinds.iter().zip(&pairs).zip(&sizes) {
        let (own, limit) =
            (whole(pairs.iter().map(|pair| &pair.0)), whole(pairs.iter().map(|pair| &pair.1)));
        figures.push(
            Figure::ratio(
                format!("{what}, {LINES} lines"),
                format!("{:.0}/s, {:.0} µs of processor each", own.rate, own.processor),
                format!("constant {size} bytes {:.0}/s, {:.0} µs", limit.rate, limit.processor),
                Spread::of(pairs.iter().map(|(own, limit)| own.load.rate() / limit.load.rate())),
                Bound::AtLeast(0.5),
            )
            .with(&[
                ("per_second", own.rate),
                ("processor_us", own.processor),
                ("beside_per_second", limit.rate),
                ("beside_processor_us", limit.processor),
            ]),
        );
        figures.push(
            Figure::bounded(
                format!("{what}, {LINES} lines, p99"),
                format!("{:.2} ms (p50 {:.2} ms)", own.p99, own.p50),
                format!("≤ {P99_MAX} ms"),
                own.p99 <= P99_MAX,
            )
            .beside(format!("constant {:.2} ms (p50 {:.2} ms)", limit.p99, limit.p50))
            .with(&[
                ("p99_ms", own.p99),
                ("p50_ms", own.p50),
                ("beside_p99_ms", limit.p99),
            ]),
        );
    }
    Ok(figures)
}

/// What one side of a round came to.
#[derive(Debug, Clone)]
struct Sampled {
    load: Load,
    /// Processor time of the server, in seconds.
    processor: f64,
}

async fn sample(
    address: SocketAddr,
    process: u32,
    requests: &Arc<Requests>,
) -> anyhow::Result<Sampled> {
    let before = processor_seconds(process)?;
    let load = closed_loop(address, LINES, PAIR, requests).await?;
    Ok(Sampled { load, processor: processor_seconds(process)? - before })
}

/// All rounds of one side together.
struct Whole {
    /// Requests a second, the median of the rounds.
    rate: f64,
    /// Microseconds of the server's processor time for a request.
    processor: f64,
    /// In milliseconds.
    p50: f64,
    p99: f64,
}

fn whole<'a>(samples: impl Iterator<Item = &'a Sampled> + Clone) -> Whole {
    let rate = Spread::of(samples.clone().map(|sample| sample.load.rate())).median;
    let processor: f64 = samples.clone().map(|sample| sample.processor).sum();
    let took: Vec<Duration> = samples.flat_map(|sample| sample.load.took.iter().copied()).collect();
    let processor = processor * 1e6 / took.len() as f64;
    Whole { rate, processor, p50: millis(&took, 500), p99: millis(&took, 990) }
}

async fn median_size(address: SocketAddr, requests: &[Vec<u8>]) -> anyhow::Result<usize> {
    let mut line = Line::to(address).await?;
    let mut sizes = Vec::new();
    for request in requests {
        sizes.push(line.ask(request, 200).await?.len());
    }
    sizes.sort_unstable();
    Ok(sizes[sizes.len() / 2])
}

/// The figures of a year and of a month, now and as of a past day.
pub(crate) async fn overviews(asked: &Asked<'_>, count: usize) -> anyhow::Result<Vec<Figure>> {
    let month = "?from=2025-12-02";
    let mut figures = Vec::new();
    for (what, query) in [
        ("overview of a year", String::new()),
        ("overview of 30 days", month.to_owned()),
        ("overview of a year as of a day in it", format!("?as_of={PAST_DAY}")),
    ] {
        let requests = asked.overviews(&query, count);
        let took = one_by_one(asked.product.address, &requests).await?;
        let first = took.first().copied().unwrap_or_default().as_secs_f64() * 1000.0;
        figures.push(
            Figure::watched(
                what,
                format!(
                    "p50 {:.1} ms, p99 {:.1} ms, the first {first:.1} ms",
                    millis(&took, 500),
                    millis(&took, 990)
                ),
            )
            .with(&[
                ("p50_ms", millis(&took, 500)),
                ("p99_ms", millis(&took, 990)),
                ("first_ms", first),
            ]),
        );
    }
    Ok(figures)
}

/// The whole register as a file.
pub(crate) async fn register(asked: &Asked<'_>) -> anyhow::Result<Vec<Figure>> {
    let mut line = Line::to(asked.product.address).await?;
    let started = Instant::now();
    line.open(&asked.person.get("/v1/register.csv")).await?;
    let first = started.elapsed().as_secs_f64() * 1000.0;
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while line.chunk(&mut chunk).await? {
        bytes += chunk.len();
        chunk.clear();
    }
    let seconds = started.elapsed().as_secs_f64();
    let rows = asked.case_ids.len() as f64;
    let mebibytes = bytes as f64 / 1024.0 / 1024.0;
    Ok(vec![
        Figure::watched(
            "the whole register as CSV",
            format!(
                "{:.0} rows/s ({mebibytes:.0} MiB in {seconds:.1} s, begins after {first:.0} ms)",
                rows / seconds
            ),
        )
        .with(&[("rows_per_second", rows / seconds), ("seconds", seconds)]),
    ])
}

pub(crate) fn millis(took: &[Duration], permille: usize) -> f64 {
    percentile(took, permille).as_secs_f64() * 1000.0
}
