//! What it costs that events are signed, persons sealed, and bytes of keys overwritten: each beside what it is done along
//! with, on the same machine and a real nats-server that waits for the disk.
//!
//! `cargo bench -p runtime --bench integrity`; it takes some ten seconds and prints a line for each.

#[path = "../tests/support/mod.rs"]
#[expect(dead_code, reason = "the tests start a bus that does not wait for the disk")]
mod support;

use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::StreamExt as _;
use proto_events::ids::CaseId;
use runtime::kv::Bucket;
use runtime::log::chain::{EventKey, Link, sign};
use runtime::log::contract::{events, fresh_subject};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::verify::{Walk, walk};
use runtime::log::{EventLog as _, Expected};
use runtime::nats_server::NatsServer;
use runtime::streams::{CASE_KEYS_BUCKET, IDEMPOTENCY_BUCKET, Provision, provision};
use runtime::vault::{MasterKey, Vault};

/// Events that are walked through.
const WALKED: usize = 20_480;
/// Events of one append of them, as many as may be.
const EVENTS_OF_AN_APPEND: usize = 64;
/// How often what goes to the disk is done.
const WRITES: u128 = 300;
/// How often what is only counted is done.
const TURNS: u32 = 50_000;
/// A body as long as that of an opened case.
const BODY: &[u8] = &[b'x'; 1_100];
/// A person: name, telephone, address.
const PERSON: &[u8] = &[b'x'; 160];

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = support::config(folder.path());
    config.sync_always = true;
    let server = NatsServer::start(config).await.expect("the server starts");
    let access = server.access(support::USER).expect("the user has a seed");
    let context = runtime::connect::connect(&access, "bench").await.expect("it lets us in");
    provision(&context, &Provision { replicas: 1 }).await.expect("the streams are made");
    let key = EventKey::of_bytes([7; 32]);
    let log = JetStreamLog::open(context.clone(), "CASES").await.expect("the stream");
    let log = log.signing(key.clone());

    let mut appends = Vec::new();
    for _ in 0..WRITES {
        let (subject, event) = (fresh_subject(), events(1));
        let started = Instant::now();
        log.append(&subject, Expected::Nothing, &event).await.expect("appended");
        appends.push(started.elapsed());
    }
    let signing = each(TURNS, || {
        let mut headers = events(1)[0].envelope.to_headers();
        let unsigned = headers.len();
        let started = Instant::now();
        sign(&key, "case.north.sample", Link::First, &mut headers, BODY);
        let took = started.elapsed();
        assert!(headers.len() > unsigned);
        took
    });
    say("an event: signed", signing, "appended", middle(appends));

    for _ in 0..WALKED / EVENTS_OF_AN_APPEND {
        log.append(&fresh_subject(), Expected::Nothing, &events(EVENTS_OF_AN_APPEND))
            .await
            .expect("appended");
    }
    let end = log.head().await.expect("the stream").last_sequence;
    let started = Instant::now();
    let mut followed = log.follow(0).await.expect("followed");
    while followed.next().await.expect("events").expect("readable").sequence < end {}
    let following = started.elapsed() / u32::try_from(end).expect("some thousands");
    let started = Instant::now();
    let walked = walk(&log, Walk::new("CASES", key, &[]), |_, _| {}).await.expect("walked");
    assert_eq!((walked.first_break, walked.events), (None, end));
    let walking = started.elapsed() / u32::try_from(end).expect("some thousands");
    say("an event: proved", walking, "followed alone", following);

    let master = MasterKey::of_hex(&"5a".repeat(32)).expect("a key");
    let keys = Bucket::open(&context, CASE_KEYS_BUCKET).await.expect("the bucket");
    let other = Bucket::open(&context, IDEMPOTENCY_BUCKET).await.expect("a bucket");
    let vault = Vault::new(keys, master);
    let case = |number| CaseId(uuid::Uuid::from_u128(number));
    let (mut made, mut put, mut destroyed, mut purged) = (vec![], vec![], vec![], vec![]);
    for number in 1..=WRITES {
        let name = case(number).to_string();
        made.push(timed(vault.create_key(case(number))).await);
        put.push(timed(other.create(&name, Bytes::from_static(&[7; 73]))).await);
        destroyed.push(timed(vault.destroy(case(number))).await);
        purged.push(timed(other.purge(&name)).await);
    }
    let data_key = vault.create_key(case(0)).await.expect("a key");
    let sealing = each(TURNS, || {
        let started = Instant::now();
        let sealed = data_key.seal(PERSON, b"00000000-0000-0000-0000-000000000000");
        let took = started.elapsed();
        assert!(sealed.is_ok());
        took
    });
    let put = middle(put);
    say("a person: sealed", sealing, "a value put into a bucket", put);
    say("a key: made", middle(made), "a value put into a bucket", put);
    say("a key: destroyed, overwritten", middle(destroyed), "a value purged", middle(purged));
    server.stop().await.expect("the server stops");
}

async fn timed<T, E: std::fmt::Debug>(work: impl Future<Output = Result<T, E>>) -> Duration {
    let started = Instant::now();
    work.await.expect("the bus answers");
    started.elapsed()
}

fn each(turns: u32, mut one: impl FnMut() -> Duration) -> Duration {
    middle((0..turns).map(|_| one()).collect())
}

fn middle(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn say(what: &str, took: Duration, beside: &str, other: Duration) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let ratio = took.as_secs_f64() / other.as_secs_f64();
    println!(
        "{what} {:.1} µs ({:.0}/s), {beside} {:.1} µs ({:.0}/s): {ratio:.3} ×",
        micros(took),
        1.0 / took.as_secs_f64(),
        micros(other),
        1.0 / other.as_secs_f64()
    );
}
