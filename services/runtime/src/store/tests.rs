//! The view store, healthy and hurt.

use super::*;

const SCHEMA: u32 = 3;

fn head(last_sequence: u64) -> Head {
    Head {
        created_at: DateTime::from_timestamp(1_700_000_000, 5).unwrap(),
        first_sequence: 1,
        last_sequence,
    }
}

fn at(sequence: u64) -> Checkpoint {
    Checkpoint { sequence, stream_created_at: head(0).created_at }
}

fn filled(dir: &Path, rows: u32) -> ViewStore {
    let store = ViewStore::open(dir, SCHEMA, head(1_000)).unwrap().store;
    for chunk in 0..rows / 100 {
        let mut batch = Batch::default();
        for row in 0..100 {
            let key = format!("c/{:06}", chunk * 100 + row);
            batch.insert(key.as_bytes(), &[7; 2_000]);
        }
        store.apply(batch, at(u64::from(chunk) + 1)).unwrap();
    }
    store
}

fn count(store: &ViewStore) -> usize {
    store.range(Bound::Unbounded, Bound::Unbounded).map(Result::unwrap).count()
}

#[test]
fn rows_and_checkpoint_are_there_after_a_clean_and_after_an_unclean_end() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 1_000).close().unwrap();
    let opened = ViewStore::open(dir.path(), SCHEMA, head(1_000)).unwrap();
    assert_eq!((opened.was_rebuilt, opened.incident), (None, None));
    assert_eq!(opened.checkpoint, at(10));
    assert_eq!(count(&opened.store), 1_000);
    // Dropped without `close`: the next start reads everything.
    drop(opened.store);
    let opened = ViewStore::open(dir.path(), SCHEMA, head(1_000)).unwrap();
    assert_eq!((opened.was_rebuilt, opened.checkpoint), (None, at(10)));
}

#[test]
fn scans_see_rows_in_order_from_both_ends_and_never_the_stores_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = ViewStore::open(dir.path(), SCHEMA, head(9)).unwrap().store;
    let mut batch = Batch::default();
    for key in ["a/1", "a/2", "b/1"] {
        batch.insert(key.as_bytes(), b"x");
    }
    store.apply(batch, at(1)).unwrap();
    let keys = |scan: Scan| {
        scan.map(|row| String::from_utf8(row.unwrap().0.to_vec()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(keys(store.scan_prefix(b"a/")), ["a/1", "a/2"]);
    assert_eq!(store.scan_prefix(b"a/").next_back().unwrap().unwrap().0, b"a/2");
    assert_eq!(keys(store.range(Bound::Unbounded, Bound::Unbounded)), ["a/1", "a/2", "b/1"]);
    assert_eq!(keys(store.range(Bound::Excluded(b"a/1"), Bound::Included(b"b/1"))), ["a/2", "b/1"]);
    assert_eq!(keys(store.range(Bound::Included(b""), Bound::Excluded(b"a/2"))), ["a/1"]);
}

#[test]
fn what_a_view_may_not_hold_is_refused_before_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let store = ViewStore::open(dir.path(), SCHEMA, head(9)).unwrap().store;
    let large = vec![0; VALUE_BYTES_MAX + 1];
    for (key, value) in [(&b""[..], &b"x"[..]), (b"\0checkpoint", b"x"), (b"a", &large)] {
        let mut batch = Batch::default();
        batch.insert(b"good", b"x");
        batch.insert(key, value);
        assert!(matches!(store.apply(batch, at(1)), Err(StoreError::Unfit(_))));
    }
    assert_eq!((count(&store), store.checkpoint().unwrap()), (0, at(0)));
}

#[test]
fn a_store_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let _open = filled(dir.path(), 100);
    let second = ViewStore::open(dir.path(), SCHEMA, head(1_000));
    assert!(matches!(second, Err(StoreError::Locked(LockError::InUse { .. }))));
}

#[test]
fn another_schema_version_is_set_aside_and_the_view_starts_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 100).close().unwrap();
    let opened = ViewStore::open(dir.path(), SCHEMA + 1, head(1_000)).unwrap();
    let set_aside = opened.was_rebuilt.unwrap();
    assert!(set_aside.reason.contains("schema version 3"), "{}", set_aside.reason);
    assert!(set_aside.folder.is_dir());
    assert_eq!((opened.checkpoint, count(&opened.store)), (at(0), 0));
    assert_eq!(opened.store.generation(), 2);
    drop(opened.store);
    let again = ViewStore::open(dir.path(), SCHEMA + 1, head(1_000)).unwrap();
    assert_eq!((again.was_rebuilt, again.store.generation()), (None, 2));
}

#[test]
fn a_damaged_file_is_set_aside_or_true_and_the_store_is_usable() {
    let cuts = [0, 1, 5, 25, 50, 75, 90, 97, 99].map(|percent| (percent, false));
    for (percent, scrambled) in cuts.into_iter().chain([(100, true)]) {
        let dir = tempfile::tempdir().unwrap();
        let store = filled(dir.path(), 5_000);
        let folder = generation::folder(dir.path(), store.generation());
        store.close().unwrap();
        // A file that was cut does not have its size of the clean end; one that was scrambled has.
        if scrambled {
            std::fs::remove_file(folder.join("clean")).unwrap();
        }
        let db = std::fs::File::options().write(true).read(true).open(folder.join("db")).unwrap();
        let bytes = db.metadata().unwrap().len();
        assert!(bytes > 1_000_000, "the file has something to lose");
        if scrambled {
            use std::os::unix::fs::FileExt;
            db.write_all_at(&[0xa5; 200_000], bytes / 3).unwrap();
        } else {
            db.set_len(bytes * percent / 100).unwrap();
        }
        drop(db);
        let opened = ViewStore::open(dir.path(), SCHEMA, head(1_000)).unwrap();
        match &opened.was_rebuilt {
            Some(_) => assert_eq!((opened.checkpoint, count(&opened.store)), (at(0), 0)),
            // Sled may come back with an earlier state; then rows and checkpoint are of one moment.
            None => {
                let rows = usize::try_from(opened.checkpoint.sequence * 100).unwrap();
                assert_eq!(count(&opened.store), rows, "{percent} %");
            }
        }
        let mut batch = Batch::default();
        batch.insert(b"k", b"v");
        opened.store.apply(batch, at(900)).unwrap();
        assert_eq!(opened.store.get(b"k").unwrap().as_deref(), Some(&b"v"[..]));
    }
}

#[test]
fn a_log_that_is_not_the_views_own_is_an_incident_and_the_view_stays() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 1_000).close().unwrap();
    let shorter = ViewStore::open(dir.path(), SCHEMA, head(9)).unwrap();
    assert!(
        matches!(shorter.incident, Some(StoreIncident::BeyondTheEnd { view, .. }) if view == at(10))
    );
    shorter.store.close().unwrap();
    let other = Head { created_at: DateTime::UNIX_EPOCH, ..head(1_000) };
    let opened = ViewStore::open(dir.path(), SCHEMA, other).unwrap();
    assert!(matches!(opened.incident, Some(StoreIncident::OtherStream { .. })));
    assert_eq!(count(&opened.store), 1_000);
    let anew = opened.store.start_over(other).unwrap();
    assert_eq!(count(&anew), 0);
    assert_eq!(anew.checkpoint().unwrap().stream_created_at, other.created_at);
    anew.close().unwrap();
    let again = ViewStore::open(dir.path(), SCHEMA, other).unwrap();
    assert_eq!((again.incident, again.store.generation()), (None, 2));
}

#[test]
fn a_new_generation_is_built_beside_and_takes_over_when_it_is_promoted() {
    let dir = tempfile::tempdir().unwrap();
    let serving = filled(dir.path(), 200);
    let unfinished = serving.begin_next().unwrap();
    assert_eq!((count(&serving), count(&unfinished)), (200, 0));
    drop(unfinished);
    drop(serving);
    // A build that was not promoted does not count.
    let serving = ViewStore::open(dir.path(), SCHEMA, head(1_000)).unwrap().store;
    assert_eq!((serving.generation(), count(&serving)), (1, 200));
    let next = serving.begin_next().unwrap();
    let mut batch = Batch::default();
    batch.insert(b"c/new", b"x");
    next.apply(batch, at(7)).unwrap();
    next.promote().unwrap();
    serving.discard().unwrap();
    next.close().unwrap();
    let opened = ViewStore::open(dir.path(), SCHEMA, head(1_000)).unwrap();
    assert_eq!((opened.store.generation(), opened.checkpoint), (2, at(7)));
    assert!(!generation::folder(dir.path(), 1).exists());
}

#[test]
fn a_first_generation_that_was_not_finished_is_made_again_without_alarm() {
    let dir = tempfile::tempdir().unwrap();
    // Killed between the making of the folder and the naming of it: no schema is in it yet.
    let unfinished = super::generation::folder(dir.path(), 1);
    drop(sled::open(&unfinished).unwrap());
    let opened = ViewStore::open(dir.path(), 1, head(0)).unwrap();
    assert_eq!(opened.was_rebuilt, None);
    assert_eq!(opened.checkpoint, at(0));
    assert!(!unfinished.exists(), "it is removed");
    opened.store.close().unwrap();
    let again = ViewStore::open(dir.path(), 1, head(0)).unwrap();
    assert_eq!((again.was_rebuilt, again.store.generation()), (None, 2));
}

#[test]
fn the_digest_follows_overwritten_and_removed_rows() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path(), 300);
    let mut batch = Batch::default();
    batch.insert(b"c/000001", b"other");
    batch.remove(b"c/000002");
    batch.remove(b"never there");
    batch.insert(b"twice", b"first");
    batch.insert(b"twice", b"second");
    assert_eq!(batch.len(), 4);
    store.apply(batch, at(4)).unwrap();
    drop(store);
    let opened = ViewStore::open(dir.path(), SCHEMA, head(1_000)).unwrap();
    assert_eq!((opened.was_rebuilt, count(&opened.store)), (None, 300));
    assert_eq!(opened.store.get(b"twice").unwrap().as_deref(), Some(&b"second"[..]));
}

#[test]
fn a_checkpoint_reads_back_to_the_nanosecond() {
    assert_eq!(decode(&encode(at(42))), Some(at(42)));
    assert_eq!(decode(b"short"), None);
}
