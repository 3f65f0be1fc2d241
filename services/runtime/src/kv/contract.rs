//! The contract of a bucket: one suite that every implementation must pass.
//!
//! Invariant: nothing here assumes an empty bucket; each rule takes keys of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;

use super::{Bucket, Found};
use crate::log::random_id;

/// Longest wait for a change to be told.
const TELLING_MAX: Duration = Duration::from_secs(10);

/// Checks the whole contract on one bucket.
///
/// # Panics
/// When the bucket breaks the contract; the message says which rule.
pub async fn check(bucket: &Bucket) {
    what_was_put_is_found_until_it_is_purged(bucket).await;
    a_key_is_created_once_for_ever_or_again_after_a_purge(bucket).await;
    a_value_is_replaced_only_at_its_revision(bucket).await;
    keys_are_those_with_a_value_in_order(bucket).await;
    whoever_watches_is_told_of_a_change(bucket).await;
    whoever_follows_the_contents_knows_them_all(bucket).await;
    a_snapshot_has_values_and_what_was_deleted_and_ends(bucket).await;
    of_two_creators_exactly_one_wins(bucket).await;
}

fn fresh_key() -> String {
    format!("contract.{}", random_id().expect("the system has a source of chance"))
}

fn value(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

async fn found(bucket: &Bucket, key: &str) -> Found {
    let any = bucket.find(key).await.expect("the bucket is readable");
    let leader = bucket.find_at_leader(key).await.expect("the leader is readable");
    assert_eq!(any, leader, "both ways of reading agree at rest");
    leader
}

async fn stands(bucket: &Bucket, key: &str) -> Option<(Bytes, u64)> {
    found(bucket, key).await.value()
}

async fn what_was_put_is_found_until_it_is_purged(bucket: &Bucket) {
    let key = fresh_key();
    assert_eq!(found(bucket, &key).await, Found::Never);
    bucket.put(&key, value("one")).await.expect("put");
    let (first, revision) = stands(bucket, &key).await.expect("a value");
    assert_eq!(first, "one");
    bucket.put(&key, value("two")).await.expect("put over it");
    let (second, later) = stands(bucket, &key).await.expect("a value");
    assert_eq!(second, "two");
    assert!(later > revision, "revisions ascend");
    for _ in 0..2 {
        bucket.purge(&key).await.expect("purged, also twice");
        assert_eq!(found(bucket, &key).await, Found::Deleted, "a marker stays");
    }
}

async fn a_key_is_created_once_for_ever_or_again_after_a_purge(bucket: &Bucket) {
    let key = fresh_key();
    assert!(bucket.create_once(&key, value("one")).await.expect("asked"));
    assert!(!bucket.create_once(&key, value("two")).await.expect("asked"));
    assert!(!bucket.create(&key, value("two")).await.expect("asked"));
    assert_eq!(stands(bucket, &key).await.expect("a value").0, "one");
    bucket.purge(&key).await.expect("purged");
    assert!(!bucket.create_once(&key, value("two")).await.expect("asked"), "there was one");
    assert_eq!(found(bucket, &key).await, Found::Deleted);
    assert!(bucket.create(&key, value("three")).await.expect("asked"), "there is none now");
    assert_eq!(stands(bucket, &key).await.expect("a value").0, "three");
}

async fn a_value_is_replaced_only_at_its_revision(bucket: &Bucket) {
    let key = fresh_key();
    assert!(bucket.replace(&key, value("lost"), 1).await.is_err(), "it never had a revision");
    bucket.put(&key, value("one")).await.expect("put");
    let (_, first) = stands(bucket, &key).await.expect("a value");
    assert!(bucket.replace(&key, value("two"), first).await.expect("asked"));
    assert!(!bucket.replace(&key, value("lost"), first).await.expect("asked"), "it has moved on");
    let (kept, second) = stands(bucket, &key).await.expect("a value");
    assert_eq!(kept, "two");
    bucket.purge(&key).await.expect("purged");
    assert!(!bucket.replace(&key, value("lost"), second).await.expect("asked"), "it is gone");
    assert_eq!(found(bucket, &key).await, Found::Deleted, "a late writer brings nothing back");
}

async fn keys_are_those_with_a_value_in_order(bucket: &Bucket) {
    let (one, two, gone) = (fresh_key(), fresh_key(), fresh_key());
    for key in [&one, &two, &gone] {
        bucket.put(key, value("here")).await.expect("put");
    }
    bucket.purge(&gone).await.expect("purged");
    let keys = bucket.keys().await.expect("listed");
    assert!(keys.contains(&one) && keys.contains(&two) && !keys.contains(&gone));
    assert!(keys.is_sorted());
}

async fn whoever_watches_is_told_of_a_change(bucket: &Bucket) {
    let (one, two) = (fresh_key(), fresh_key());
    bucket.put(&two, value("here")).await.expect("put");
    let mut changes = bucket.changes().await.expect("watched");
    bucket.put(&one, value("here")).await.expect("put");
    bucket.purge(&two).await.expect("purged");
    let mut told = Vec::new();
    let all_told = async {
        while !(told.contains(&one) && told.contains(&two)) {
            told.push(changes.next().await.expect("the line holds"));
        }
    };
    tokio::time::timeout(TELLING_MAX, all_told).await.expect("told in time");
}

async fn whoever_follows_the_contents_knows_them_all(bucket: &Bucket) {
    let (one, two, gone) = (fresh_key(), fresh_key(), fresh_key());
    bucket.put(&two, value("here")).await.expect("put");
    bucket.put(&gone, value("here")).await.expect("put");
    bucket.purge(&gone).await.expect("purged");
    let mut contents = bucket.contents().await.expect("followed");
    bucket.put(&one, value("new")).await.expect("put");
    bucket.purge(&two).await.expect("purged");
    let expected = BTreeMap::from([
        (one.clone(), Some(value("new"))),
        (two.clone(), None),
        (gone.clone(), None),
    ]);
    let mut known = BTreeMap::new();
    let all_known = async {
        while known != expected {
            let (key, value) = contents.next().await.expect("the line holds");
            if [&one, &two, &gone].contains(&&key) {
                known.insert(key, value);
            }
        }
    };
    tokio::time::timeout(TELLING_MAX, all_known).await.expect("known in time");
}

async fn a_snapshot_has_values_and_what_was_deleted_and_ends(bucket: &Bucket) {
    let (here, gone) = (fresh_key(), fresh_key());
    bucket.put(&here, value("here")).await.expect("put");
    bucket.put(&gone, value("gone")).await.expect("put");
    bucket.purge(&gone).await.expect("purged");
    let snapshot = bucket.snapshot().await.expect("asked");
    let found: BTreeMap<_, _> = snapshot.into_iter().collect();
    assert_eq!(found.get(&here), Some(&Some(value("here"))));
    assert_eq!(found.get(&gone), Some(&None));
}

async fn of_two_creators_exactly_one_wins(bucket: &Bucket) {
    for _ in 0..20 {
        let key = fresh_key();
        let (one, two) = tokio::join!(
            bucket.create_once(&key, value("one")),
            bucket.create_once(&key, value("two")),
        );
        let (one, two) = (one.expect("asked"), two.expect("asked"));
        assert!(one != two, "one of two: {one} {two}");
        let expected = if one { "one" } else { "two" };
        assert_eq!(stands(bucket, &key).await.expect("a value").0, expected);
    }
}
