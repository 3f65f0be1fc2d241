//! The ring of the live feeds.

use casework::command::Actor;
use proto_events::codes::Role;
use runtime::log::NewEvent;

use super::*;
use crate::core::Writer;
use crate::testing::{at, district, event, of_kind, opened, poison, recorded, subject, writer};

fn person(role: Role, center: Option<&str>) -> Actor {
    let center = center.map(|id| id.parse().unwrap());
    Actor { username: "reader".to_owned(), role, center, department: None }
}

/// Two cases of two centers and `more` events of the first of them; the last but one cannot be read.
fn stream(more: u128) -> Vec<Recorded> {
    let time = at("2021-01-28T10:00:00");
    let mut events: Vec<(String, NewEvent)> =
        (0..2).map(|n| (subject(n), event(n, 0, time, opened(n, time)))).collect();
    for number in 1..=more {
        let one = match number + 1 == more {
            true => poison(0, number, time),
            false => event(0, number, time, of_kind(5, time)),
        };
        events.push((subject(0), one));
    }
    recorded(&events)
}

/// A feed that has told a stream in batches, and the writer that has it.
fn told(stream: &[Recorded], batch: usize) -> (tempfile::TempDir, Writer, Feed) {
    let dir = tempfile::tempdir().unwrap();
    let district = district();
    let mut writer = writer(dir.path(), &district);
    let feed = Feed::behind(0);
    for part in stream.chunks(batch) {
        writer.apply(part, Some(&district), 0).unwrap();
        feed.tell(part, &writer.view.index());
    }
    (dir, writer, feed)
}

/// The places that a reader hears behind one, and where he ends.
fn heard(feed: &Feed, reader: &Actor, mut place: u64) -> (Vec<u64>, Option<u64>) {
    let mut places = Vec::new();
    loop {
        match feed.next(place, reader) {
            Next::Event(sequence, text) => {
                assert!(text.starts_with(format!("id: {sequence}\nevent: ").as_bytes()));
                assert!(text.ends_with(b"}\n\n"));
                assert_eq!(text.iter().filter(|byte| **byte == b'\n').count(), 4);
                places.push(sequence);
                place = sequence;
            }
            Next::Nothing(end) => return (places, Some(end)),
            Next::Behind(_) => return (places, None),
        }
    }
}

#[test]
fn everybody_hears_once_and_in_order_what_may_be_heard() {
    let stream = stream(6);
    for batch in [1, 3, 100] {
        let (_dir, _writer, feed) = told(&stream, batch);
        let coordinator = person(Role::Coordinator, None);
        // The seventh cannot be read.
        assert_eq!(heard(&feed, &coordinator, 0), (vec![1, 2, 3, 4, 5, 6, 8], Some(8)));
        assert_eq!(heard(&feed, &coordinator, 5), (vec![6, 8], Some(8)));
        let of_other = person(Role::Clerk, Some("jingshan"));
        assert_eq!(heard(&feed, &of_other, 0), (vec![2], Some(8)));
        assert_eq!(heard(&feed, &person(Role::Admin, None), 0), (vec![], Some(8)));
        assert_eq!(*feed.bell().borrow(), 8);
    }
}

#[test]
fn the_ring_is_bounded_and_who_falls_behind_it_is_told_so() {
    let stream = stream(EVENTS_MAX as u128 + 50);
    let (_dir, _writer, feed) = told(&stream, 500);
    let (newest, coordinator) = (stream.len() as u64, person(Role::Coordinator, None));
    let begins_behind = newest - EVENTS_MAX as u64;
    assert!(matches!(feed.next(0, &coordinator), Next::Behind(at) if at == begins_behind));
    let last = begins_behind - 1;
    assert!(matches!(feed.next(last, &coordinator), Next::Behind(at) if at == begins_behind));
    // One of them cannot be read.
    assert_eq!(heard(&feed, &coordinator, begins_behind).0.len(), EVENTS_MAX - 1);
    assert_eq!(feed.held().events.len(), EVENTS_MAX);
    assert!(feed.held().bytes <= BYTES_MAX);
}

#[test]
fn a_batch_that_comes_again_or_leaves_a_gap_never_breaks_the_row() {
    let stream = stream(20);
    let (_dir, writer, feed) = told(&stream[..10], 10);
    let coordinator = person(Role::Coordinator, None);
    let index = writer.view.index();
    feed.tell(&stream[4..12], &index);
    assert_eq!(heard(&feed, &coordinator, 8), (vec![9, 10, 11, 12], Some(12)));
    // The view came further by another way, and then the feed goes on.
    feed.tell(&stream[15..18], &index);
    assert!(matches!(feed.next(12, &coordinator), Next::Behind(15)));
    assert_eq!(heard(&feed, &coordinator, 15), (vec![16, 17, 18], Some(18)));
    feed.skip_to(22);
    assert!(matches!(feed.next(18, &coordinator), Next::Behind(22)));
    assert_eq!(heard(&feed, &coordinator, 22), (vec![], Some(22)));
    // A place of the future waits for the view.
    assert_eq!(heard(&feed, &coordinator, 30), (vec![], Some(30)));
    // A log that was restored is shorter.
    feed.skip_to(5);
    assert_eq!(feed.newest(), 5);
}
