//! A bucket on a real nats-server: the same contract as the bucket in memory.

mod support;

use runtime::kv::{Bucket, contract};
use runtime::streams::OPEN_MATTERS_BUCKET;
use support::Bus;

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_on_jetstream_keeps_the_contract() {
    let bus = Bus::start().await;
    let bucket = Bucket::open(&bus.context, OPEN_MATTERS_BUCKET).await.unwrap();
    contract::check(&bucket).await;
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_said_when_it_is_opened() {
    let bus = Bus::start().await;
    assert!(Bucket::open(&bus.context, "nowhere").await.is_err());
    bus.stop().await;
}
