//! The key vault against a real bus.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, also in its helpers")]

mod support;

use futures::future::join_all;
use proto_events::ids::CaseId;
use runtime::kv::Bucket;
use runtime::streams::CASE_KEYS_BUCKET;
use runtime::vault::{KeyState, MasterKey, Vault, VaultError};
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
