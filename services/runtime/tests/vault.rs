//! The key vault against a real bus.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, also in its helpers")]

mod support;

use std::fs;
use std::path::Path;

use async_nats::jetstream::stream::Config;
use futures::future::join_all;
use proto_events::ids::CaseId;
use runtime::kv::Bucket;
use runtime::streams::CASE_KEYS_BUCKET;
use runtime::vault::{KeyState, MasterKey, Vault, VaultError, rotate};
use support::Bus;
use uuid::Uuid;

async fn vault(bus: &Bus, digit: char) -> Vault {
    let master = MasterKey::of_hex(&digit.to_string().repeat(64)).unwrap();
    Vault::new(Bucket::open(&bus.context, CASE_KEYS_BUCKET).await.unwrap(), master)
}

fn case(number: u128) -> CaseId {
    CaseId(Uuid::from_u128(number))
}

#[tokio::test]
async fn makers_of_one_key_at_once_all_hold_the_same() {
    let bus = Bus::start().await;
    let (one, two) = (vault(&bus, 'a').await, vault(&bus, 'a').await);
    let makers = (0..16).map(|index| if index % 2 == 0 { &one } else { &two });
    let keys = join_all(makers.map(|vault| vault.create_key(case(1)))).await;
    let sealed = keys[0].as_ref().unwrap().seal(b"13800000000", b"phone").unwrap();
    for key in keys {
        assert_eq!(key.unwrap().open(&sealed, b"phone").unwrap().as_slice(), b"13800000000");
    }
    let read = two.key(case(1)).await.unwrap().unwrap();
    assert_eq!(read.open(&sealed, b"phone").unwrap().as_slice(), b"13800000000");
    bus.server.stop().await.unwrap();
}

#[tokio::test]
async fn a_destroyed_key_is_gone_in_every_process_and_never_made_again() {
    let bus = Bus::start().await;
    let (one, two) = (vault(&bus, 'a').await, vault(&bus, 'a').await);
    one.create_key(case(1)).await.unwrap();
    one.create_key(case(2)).await.unwrap();
    assert!(two.key(case(1)).await.unwrap().is_some());
    one.destroy(case(1)).await.unwrap();
    one.destroy(case(1)).await.unwrap();
    assert!(two.key(case(1)).await.unwrap().is_none());
    assert!(matches!(two.state(case(1)).await.unwrap(), KeyState::Destroyed));
    assert!(matches!(two.create_key(case(1)).await, Err(VaultError::Destroyed)));
    assert!(two.key(case(2)).await.unwrap().is_some(), "others keep theirs");
}

#[tokio::test]
async fn never_made_and_destroyed_are_two_states() {
    let bus = Bus::start().await;
    let vault = vault(&bus, 'a').await;
    assert!(matches!(vault.state(case(1)).await.unwrap(), KeyState::Missing));
    assert!(vault.key(case(1)).await.unwrap().is_none());
    vault.destroy(case(1)).await.unwrap();
    assert!(matches!(vault.state(case(1)).await.unwrap(), KeyState::Destroyed));
    bus.stop().await;
}

#[tokio::test]
async fn another_master_key_is_said_and_is_not_an_erasure() {
    let bus = Bus::start().await;
    vault(&bus, 'a').await.create_key(case(1)).await.unwrap();
    let refused = vault(&bus, 'b').await.key(case(1)).await;
    assert!(matches!(refused, Err(VaultError::WrongMasterKey { .. })));
}

/// Whether these bytes stand in any file below a folder.
fn stands_in(folder: &Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => stands_in(&path, bytes),
            // The server may take a file away meanwhile.
            false => fs::read(&path)
                .is_ok_and(|held| held.windows(bytes.len()).any(|window| window == bytes)),
        }
    })
}

async fn wrapped(bus: &Bus, case_id: CaseId) -> Vec<u8> {
    let bucket = Bucket::open(&bus.context, CASE_KEYS_BUCKET).await.unwrap();
    bucket.find(&case_id.to_string()).await.unwrap().value().unwrap().0.to_vec()
}

#[tokio::test]
async fn the_bytes_of_a_destroyed_key_stand_in_no_file_of_the_bus() {
    let bus = Bus::start().await;
    let vault = vault(&bus, 'a').await;
    for number in 1..=3 {
        vault.create_key(case(number)).await.unwrap();
    }
    let (one, two) = (wrapped(&bus, case(1)).await, wrapped(&bus, case(2)).await);
    assert!(stands_in(bus.folder.path(), &one), "the look finds what is there");
    vault.destroy(case(1)).await.unwrap();
    assert!(!stands_in(bus.folder.path(), &one));
    assert!(matches!(vault.state(case(1)).await.unwrap(), KeyState::Destroyed));

    // Cut off behind the marker: the next start ends it, and does not touch what stands.
    let marker = async_nats::HeaderMap::from_iter([(
        "KV-Operation".parse().unwrap(),
        "DEL".parse().unwrap(),
    )]);
    let subject = format!("$KV.{CASE_KEYS_BUCKET}.{}", case(2));
    let stored = bus.context.publish_with_headers(subject, marker, "".into()).await;
    stored.unwrap().await.unwrap();
    assert!(stands_in(bus.folder.path(), &two));
    assert_eq!(vault.overwrite_leftovers().await.unwrap(), 1);
    assert_eq!(vault.overwrite_leftovers().await.unwrap(), 0);
    assert!(!stands_in(bus.folder.path(), &two));
    assert!(matches!(vault.state(case(2)).await.unwrap(), KeyState::Destroyed));
    assert!(vault.key(case(3)).await.unwrap().is_some());
    assert!(stands_in(bus.folder.path(), &wrapped(&bus, case(3)).await));
}

#[tokio::test]
async fn a_rotation_leaves_no_key_under_the_old_wrapping_key_on_the_disk() {
    let bus = Bus::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("master.key");
    let master = MasterKey::load_or_create(&path).unwrap();
    let bucket = Bucket::open(&bus.context, CASE_KEYS_BUCKET).await.unwrap();
    let vault = Vault::new(bucket.clone(), master);
    vault.create_key(case(1)).await.unwrap();
    let old = wrapped(&bus, case(1)).await;
    assert_eq!(rotate(&bucket, &path, |_, _| {}).await.unwrap().wrapped, 1);
    assert!(!stands_in(bus.folder.path(), &old));
    assert!(stands_in(bus.folder.path(), &wrapped(&bus, case(1)).await));
}

#[tokio::test]
async fn a_bucket_of_an_older_version_destroys_keys_as_it_did() {
    let bus = Bus::start().await;
    let name = format!("KV_{CASE_KEYS_BUCKET}");
    let made = bus.context.get_stream(&name).await.unwrap().cached_info().config.clone();
    bus.context.delete_stream(&name).await.unwrap();
    let older = Config {
        max_messages_per_subject: 1,
        deny_delete: true,
        deny_purge: false,
        allow_rollup: true,
        ..made
    };
    bus.context.create_stream(older).await.unwrap();
    let vault = vault(&bus, 'a').await;
    vault.create_key(case(1)).await.unwrap();
    vault.destroy(case(1)).await.unwrap();
    vault.destroy(case(1)).await.unwrap();
    assert!(matches!(vault.state(case(1)).await.unwrap(), KeyState::Destroyed));
    assert!(matches!(vault.create_key(case(1)).await, Err(VaultError::Destroyed)));
    assert_eq!(vault.overwrite_leftovers().await.unwrap(), 0);
}
