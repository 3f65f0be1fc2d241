//! The figures of the product, each beside the limit that is measured in the same run, on the same server.
//! Machines are shared and noisy: only the ratios mean anything.
//!
//! `cargo build --release -p unstuck && cargo bench -p unstuck-tests`

use std::time::{Duration, Instant};

use async_nats::jetstream::{Context, stream};
use runtime::nats_server::BusAddress;
use runtime::streams::connect;
use unstuck_tests::District;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};

/// Openings that are measured, one at a time, after as many that warm up.
const OPENINGS: u32 = 300;
const WARM_UP: u32 = 50;

/// Bytes of a raw message: an opened event has about as many.
const RAW_BYTES: usize = 1024;

fn main() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let open = |n: u32| {
        let matter = format!("{UNROUTED_MATTER}{n}");
        let started = Instant::now();
        let answer = clerk.open(opening("jingshan", &matter, n));
        let took = started.elapsed();
        assert!(!answer.case_id().is_empty());
        took
    };
    for n in 0..WARM_UP {
        open(n);
    }
    let opened: Vec<Duration> = (WARM_UP..WARM_UP + OPENINGS).map(open).collect();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let raw = runtime.block_on(raw_publishes(&district));

    let (opened, raw) = (Percentiles::of(opened), Percentiles::of(raw));
    println!("managed nats-server, sync_interval: always, one at a time, {OPENINGS} each");
    println!("| what | p50 | p99 |");
    println!("|---|---|---|");
    println!("| POST /v1/cases | {} | {} |", opened.p50(), opened.p99());
    println!("| raw JetStream publish, {RAW_BYTES} bytes | {} | {} |", raw.p50(), raw.p99());
    let ratio = opened.0[opened.0.len() / 2].as_secs_f64() / raw.0[raw.0.len() / 2].as_secs_f64();
    println!("ratio at p50: {ratio:.2} (to hold: at most 2)");
}

/// Publishes to a stream like the cases' own, on the district's server, each after the last was stored.
async fn raw_publishes(district: &District) -> Vec<Duration> {
    let address = BusAddress::of(&district.data()).expect("readable").expect("a managed bus");
    let context = connect(&address.client_url(), "bench").await.expect("the bus lets us in");
    let config = stream::Config {
        name: "BENCH".to_owned(),
        subjects: vec!["bench.*".to_owned()],
        deny_delete: true,
        allow_direct: true,
        ..Default::default()
    };
    context.create_stream(config).await.expect("a stream");
    for n in 0..WARM_UP {
        publish(&context, n).await;
    }
    let mut took = Vec::new();
    for n in WARM_UP..WARM_UP + OPENINGS {
        let started = Instant::now();
        publish(&context, n).await;
        took.push(started.elapsed());
    }
    took
}

async fn publish(context: &Context, n: u32) {
    let message = async_nats::jetstream::message::PublishMessage::build()
        .payload(vec![b'x'; RAW_BYTES].into())
        .expected_last_subject_sequence(0);
    let ack = context.send_publish(format!("bench.{n}"), message).await.expect("sent");
    ack.await.expect("stored");
}

struct Percentiles(Vec<Duration>);

impl Percentiles {
    fn of(mut values: Vec<Duration>) -> Self {
        values.sort_unstable();
        Self(values)
    }

    fn p50(&self) -> String {
        millis(self.0[self.0.len() / 2])
    }

    fn p99(&self) -> String {
        millis(self.0[self.0.len() * 99 / 100])
    }
}

fn millis(value: Duration) -> String {
    format!("{:.2} ms", value.as_secs_f64() * 1000.0)
}
