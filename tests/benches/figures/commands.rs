//! What a command costs beside the bare bus, on the same server: one at a time, many at once, and until it is seen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use async_nats::jetstream::{self, message::PublishMessage, stream};
use bytes::Bytes;
use proto_events::subject::CASES_STREAM;
use serde_json::json;
use tokio::task::JoinSet;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};

use crate::district::CENTER;
use crate::feed::Feed;
use crate::http::{Caller, Line};
use crate::load::{Spread, percentile};
use crate::queries::millis;
use crate::table::{Bound, Figure};
use crate::views::state_of;

/// Openings of one side of a round.
const OPENINGS: u32 = 60;

/// Cases that are on their way at once.
const AT_ONCE: usize = 32;

/// How long new cases are begun on one side of a round: a disk that others use, too, stands still now and then.
const FLOWS_FOR: Duration = Duration::from_secs(3);

/// The events of a flow: opened, forwarded, accepted, resolved.
const FLOW_EVENTS: u64 = 4;

/// Cases a second, and for how long.
const PACE: u32 = 200;
const PACED_SECONDS: u32 = 15;

/// Clerks that keep the pace together: each has a third of a second for one case.
const CLERKS: u32 = 64;

/// Longest way into the view but one in a hundred, in milliseconds.
const VISIBLE_MAX: f64 = 20.0;

/// A matter that the table knows, so that the case goes on by itself.
const ROUTED_MATTER: &str = "公租房申请";

/// What a stored message has beside its headers and body, in bytes.
const RECORD_BYTES: u64 = 22;

/// People at a district, and its bus.
pub(crate) struct Desk {
    pub(crate) clerk: Caller,
    pub(crate) handler: Caller,
    pub(crate) coordinator: Caller,
    pub(crate) context: jetstream::Context,
    /// Numbers that no case has yet.
    next: AtomicU32,
}

impl Desk {
    pub(crate) fn new(
        clerk: Caller,
        handler: Caller,
        coordinator: Caller,
        context: jetstream::Context,
    ) -> Self {
        Self { clerk, handler, coordinator, context, next: AtomicU32::new(0) }
    }

    /// An opening of a case that nobody has opened yet.
    fn opening(&self, matter: &str) -> Vec<u8> {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        self.clerk.post("/v1/cases", &opening(CENTER, &format!("{matter}{n}"), n))
    }

    pub(crate) async fn events(&self) -> anyhow::Result<stream::State> {
        state_of(&self.context, CASES_STREAM).await
    }
}

/// Opens cases one at a time; gives how long each took.
pub(crate) async fn open_one_by_one(desk: &Desk, count: u32) -> anyhow::Result<Vec<Duration>> {
    let mut line = Line::to(desk.clerk.address).await?;
    let mut took = Vec::new();
    for _ in 0..count {
        let request = desk.opening(UNROUTED_MATTER);
        let asked = Instant::now();
        line.ask(&request, 201).await?;
        took.push(asked.elapsed());
    }
    Ok(took)
}

/// A stream like the cases' own, on the same server.
pub(crate) struct Raw {
    context: jetstream::Context,
    body: Bytes,
}

/// Numbers of raw subjects that this run has used.
static RAW_SUBJECTS: AtomicU32 = AtomicU32::new(0);

impl Raw {
    pub(crate) async fn new(context: &jetstream::Context, bytes: u64) -> anyhow::Result<Self> {
        let config = stream::Config {
            name: "BENCH".to_owned(),
            subjects: vec!["bench.*".to_owned()],
            duplicate_window: Duration::from_secs(120),
            deny_delete: true,
            deny_purge: true,
            allow_direct: true,
            allow_atomic_publish: true,
            ..Default::default()
        };
        context.get_or_create_stream(config).await?;
        let bytes = usize::try_from(bytes.saturating_sub(RECORD_BYTES))?;
        let body = Bytes::from(vec![b'x'; bytes.max(1)]);
        Ok(Self { context: context.clone(), body })
    }

    pub(crate) async fn publish(&self, subject: &str, expected: u64) -> anyhow::Result<u64> {
        let message = PublishMessage::build()
            .payload(self.body.clone())
            .expected_last_subject_sequence(expected);
        Ok(self.context.send_publish(subject.to_owned(), message).await?.await?.sequence)
    }
}

/// A subject on which nothing was published yet: the folder of a run is its own.
pub(crate) fn raw_subject() -> String {
    format!("bench.{}", RAW_SUBJECTS.fetch_add(1, Ordering::Relaxed))
}

/// Bytes of a message of the cases' stream between two states of it.
pub(crate) fn bytes_each(before: &stream::State, after: &stream::State) -> u64 {
    (after.bytes - before.bytes) / (after.messages - before.messages).max(1)
}

/// One opening after the other, beside one raw publish after the other.
pub(crate) async fn openings(desk: &Desk, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let before = desk.events().await?;
    open_one_by_one(desk, OPENINGS).await?;
    let raw = Raw::new(&desk.context, bytes_each(&before, &desk.events().await?)).await?;
    let (mut opened, mut published, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let own = open_one_by_one(desk, OPENINGS).await?;
        let mut limit = Vec::new();
        for _ in 0..OPENINGS {
            let subject = raw_subject();
            let asked = Instant::now();
            raw.publish(&subject, 0).await?;
            limit.push(asked.elapsed());
        }
        // The first round warms up.
        if round > 0 {
            let p50 = |took: &[Duration]| percentile(took, 500).as_secs_f64();
            ratios.push(p50(&own) / p50(&limit));
            opened.extend(own);
            published.extend(limit);
        }
    }
    let text = |took: &[Duration]| {
        format!("p50 {:.2} ms, p99 {:.2} ms", millis(took, 500), millis(took, 990))
    };
    Ok(vec![
        Figure::ratio(
            "POST /v1/cases, one at a time, p50",
            text(&opened),
            format!("raw publish of {} bytes: {}", raw.body.len(), text(&published)),
            Spread::of(ratios),
            Bound::AtMost(2.0),
        )
        .with(&[("p50_ms", millis(&opened, 500)), ("beside_p50_ms", millis(&published, 500))]),
    ])
}

/// Whole cases, many at once, beside raw publishes that expect a sequence, as many at once.
pub(crate) async fn flows(desk: &Arc<Desk>, rounds: usize) -> anyhow::Result<Vec<Figure>> {
    let feed = Arc::new(Feed::open(&desk.coordinator).await?);
    let before = desk.events().await?;
    flow_all(desk, &feed).await?;
    let bytes = bytes_each(&before, &desk.events().await?);
    let raw = Arc::new(Raw::new(&desk.context, bytes).await?);
    let (mut own, mut limit, mut took) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = desk.events().await?.last_sequence;
        let started = Instant::now();
        took.extend(flow_all(desk, &feed).await?);
        let seconds = started.elapsed().as_secs_f64();
        let events = desk.events().await?.last_sequence - before;
        own.push(events as f64 / seconds);

        let started = Instant::now();
        let events = raw_all(&raw).await?;
        limit.push(events as f64 / started.elapsed().as_secs_f64());
    }
    let rate = |rates: &[f64]| Spread::of(rates.iter().copied()).median;
    Ok(vec![
        Figure::ratio(
            format!("open → forwarded by itself → accept → resolve, {AT_ONCE} cases at once"),
            format!("{:.0} events/s; a case p50 {:.0} ms", rate(&own), millis(&took, 500)),
            format!("raw publishes of {bytes} bytes, {AT_ONCE} at once: {:.0}/s", rate(&limit)),
            Spread::of(own.iter().zip(&limit).map(|(own, limit)| own / limit)),
            Bound::AtLeast(0.4),
        )
        .with(&[("events_per_second", rate(&own)), ("beside_per_second", rate(&limit))]),
    ])
}

async fn flow_all(desk: &Arc<Desk>, feed: &Arc<Feed>) -> anyhow::Result<Vec<Duration>> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (desk, feed) = (Arc::clone(desk), Arc::clone(feed));
        running.spawn(async move {
            let mut line = Line::to(desk.clerk.address).await?;
            let mut took = Vec::new();
            while begun.elapsed() < FLOWS_FOR {
                let started = Instant::now();
                flow(&desk, &feed, &mut line).await?;
                took.push(started.elapsed());
            }
            anyhow::Ok(took)
        });
    }
    let mut took = Vec::new();
    while let Some(one) = running.join_next().await {
        took.extend(one??);
    }
    Ok(took)
}

async fn flow(desk: &Desk, feed: &Feed, line: &mut Line) -> anyhow::Result<()> {
    let answer = line.json(&desk.opening(ROUTED_MATTER), 201).await?;
    let id = answer["case_id"].as_str().context("an id")?;
    feed.saw("forwarded", id).await?;
    let accept = desk.handler.post(&format!("/v1/cases/{id}/accept"), &json!({}));
    line.ask(&accept, 200).await?;
    let outcome = json!({ "resolution": "D1", "result": "已办理完毕", "cause": "I1" });
    line.ask(&desk.handler.post(&format!("/v1/cases/{id}/resolve"), &outcome), 200).await?;
    Ok(())
}

async fn raw_all(raw: &Arc<Raw>) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let mut running = JoinSet::new();
    for _ in 0..AT_ONCE {
        let raw = Arc::clone(raw);
        running.spawn(async move {
            let mut events = 0;
            while begun.elapsed() < FLOWS_FOR {
                let subject = raw_subject();
                let mut expected = 0;
                for _ in 0..FLOW_EVENTS {
                    expected = raw.publish(&subject, expected).await?;
                    events += 1;
                }
            }
            anyhow::Ok(events)
        });
    }
    let mut events = 0;
    while let Some(one) = running.join_next().await {
        events += one??;
    }
    Ok(events)
}

/// How long after its acknowledgment an opening is in the view, at a steady pace: from the answer to its line in the
/// live feed, which tells of what the view has. One feed for all costs the least; what comes before its answer is 0.
pub(crate) async fn visible(desk: &Arc<Desk>) -> anyhow::Result<Vec<Figure>> {
    let feed = Arc::new(Feed::open(&desk.coordinator).await?);
    let started = Instant::now();
    let mut running = JoinSet::new();
    for clerk in 0..CLERKS {
        let (desk, feed) = (Arc::clone(desk), Arc::clone(&feed));
        running.spawn(async move {
            let mut line = Line::to(desk.clerk.address).await?;
            let (mut opened, mut seen, mut last) = (Vec::new(), Vec::new(), started);
            for n in (clerk..PACE * PACED_SECONDS).step_by(CLERKS as usize) {
                let due = started + Duration::from_secs(1) * n / PACE;
                tokio::time::sleep_until(due.into()).await;
                let request = desk.opening(ROUTED_MATTER);
                let asked = Instant::now();
                let answer = line.ask(&request, 201).await?;
                let acknowledged = Instant::now();
                let answer: serde_json::Value = serde_json::from_slice(answer)?;
                let id = answer["case_id"].as_str().context("an id")?;
                let saw = feed.saw("opened", id).await?;
                opened.push(acknowledged - asked);
                seen.push(saw.saturating_duration_since(acknowledged));
                last = acknowledged;
            }
            anyhow::Ok((opened, seen, last))
        });
    }
    let (mut opened, mut seen, mut last) = (Vec::new(), Vec::new(), started);
    while let Some(one) = running.join_next().await {
        let (of_one, seen_by_one, end) = one??;
        opened.extend(of_one);
        seen.extend(seen_by_one);
        last = last.max(end);
    }
    let pace = seen.len() as f64 / (last - started).as_secs_f64();
    let p99 = millis(&seen, 990);
    Ok(vec![
        Figure::bounded(
            format!("acknowledged → in the view and the live feed, at {PACE} cases/s, p99"),
            format!("{p99:.2} ms (p50 {:.2} ms) at {pace:.0} cases/s", millis(&seen, 500)),
            format!("≤ {VISIBLE_MAX} ms"),
            p99 <= VISIBLE_MAX && pace >= f64::from(PACE) * 0.98,
        )
        .beside(format!(
            "the openings themselves p50 {:.1} ms, p99 {:.1} ms",
            millis(&opened, 500),
            millis(&opened, 990)
        ))
        .with(&[
            ("p99_ms", p99),
            ("p50_ms", millis(&seen, 500)),
            ("cases_per_second", pace),
        ]),
    ])
}
