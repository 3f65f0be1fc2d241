//! The contract of an event log: one suite that every implementation must pass.
//!
//! Invariant: nothing here assumes an empty log; each rule takes subjects of its own.

use std::sync::Arc;
use std::time::Duration;

use super::chain::{DIGEST_BYTES, Digest, EventKey, Link, Signature};
use super::{
    AppendError, EVENT_BYTES_MAX, EVENTS_PER_APPEND_MAX, EventLog, Expected, Freshness, LogError,
    NewEvent, Recorded, random_id,
};
use bytes::Bytes;
use chrono::{DateTime, FixedOffset};
use futures::StreamExt;
use proto_events::codes::Role;
use proto_events::envelope::{Envelope, header};
use proto_events::ids::{CommandId, EventId};

/// Rounds of the race of two writers; with a broken expectation nearly every round fails (measured: 192 of 200).
const RACES: usize = 50;

/// Longest wait for an event that is already stored.
const DELIVERY_MAX: Duration = Duration::from_secs(10);

/// Checks the whole contract on one log.
///
/// # Panics
/// When the log breaks the contract; the message says which rule.
pub async fn check(log: Arc<dyn EventLog>) {
    what_was_appended_is_read_back_in_order(&*log).await;
    a_wrong_expectation_is_a_conflict_and_leaves_nothing(&*log).await;
    several_events_stand_together_or_not_at_all(&*log).await;
    a_commuting_fact_needs_no_expectation(&*log).await;
    the_same_event_is_not_stored_twice(&*log).await;
    what_is_too_much_is_refused(&*log).await;
    an_event_is_signed_and_links_to_the_one_that_its_writer_saw(&*log).await;
    the_newest_subject_of_a_pattern_is_found(&*log).await;
    following_starts_behind_the_checkpoint_and_goes_on(&*log).await;
    a_checkpoint_beyond_the_end_is_a_gap(&*log).await;
    of_two_writers_exactly_one_wins(&log).await;
}

/// Makes an event of a command that can be read, for tests.
#[must_use]
pub fn event(command_id: CommandId, index: usize) -> NewEvent {
    let time: DateTime<FixedOffset> = DateTime::UNIX_EPOCH.fixed_offset();
    NewEvent {
        envelope: Envelope {
            id: EventId::of_command(command_id, index),
            source: "/district/routing".to_owned(),
            event_type: "cn.unstuck.case.progress_noted.v1".to_owned(),
            subject: "contract".to_owned(),
            time,
            recorded_at: time,
            actor: "contract".to_owned(),
            role: Role::Clerk,
            command_id,
            command_hash: None,
            causation_id: None,
            correlation_id: None,
            trace_parent: None,
        },
        body: Bytes::from(format!(r#"{{"text":"step {index}","public":true}}"#)),
    }
}

/// The key of the logs in tests.
#[must_use]
pub fn key() -> EventKey {
    EventKey::of_bytes([1; DIGEST_BYTES])
}

/// An event that stands at a sequence, for an expectation.
fn at(sequence: u64) -> Recorded {
    Recorded::of(&event(fresh_command(), 0), "case.contract", sequence, DateTime::UNIX_EPOCH)
}

/// Makes the id of a command that nobody has sent, for tests.
///
/// # Panics
/// When the system has no source of chance.
#[must_use]
pub fn fresh_command() -> CommandId {
    CommandId(random_id().expect("the system has a source of chance"))
}

/// Makes the events of one new command, for tests.
///
/// # Panics
/// When the system has no source of chance.
#[must_use]
pub fn events(count: usize) -> Vec<NewEvent> {
    let command_id = fresh_command();
    (0..count).map(|index| event(command_id, index)).collect()
}

/// Makes the subject of a case that nobody has used, for tests.
///
/// # Panics
/// When the system has no source of chance.
#[must_use]
pub fn fresh_subject() -> String {
    format!("case.contract.{}", random_id().expect("the system has a source of chance"))
}

async fn load(log: &dyn EventLog, subject: &str) -> Vec<Recorded> {
    let any = log.load(subject, Freshness::Any).await.expect("the log is readable");
    let leader = log.load(subject, Freshness::Leader).await.expect("the leader is readable");
    let sequences = |events: &[Recorded]| events.iter().map(|e| e.sequence).collect::<Vec<_>>();
    assert_eq!(sequences(&any), sequences(&leader), "both freshnesses agree at rest");
    leader
}

async fn what_was_appended_is_read_back_in_order(log: &dyn EventLog) {
    let subject = fresh_subject();
    assert!(load(log, &subject).await.is_empty(), "an unknown subject has no events");
    let mut last: Option<Recorded> = None;
    let mut sent = Vec::new();
    // More than one page of a batched read.
    for _ in 0..300 {
        let new = events(1);
        let expected = last.as_ref().map_or(Expected::Nothing, Expected::After);
        let sequence = log.append(&subject, expected, &new).await.expect("appended");
        assert!(last.is_none_or(|last| sequence > last.sequence), "sequences ascend");
        last = Some(at(sequence));
        sent.extend(new);
    }
    let read = load(log, &subject).await;
    assert_eq!(read.len(), sent.len(), "everything is read back");
    let last = last.map_or(0, |last| last.sequence);
    assert_eq!(read.last().map(|event| event.sequence), Some(last));
    for (read, sent) in read.iter().zip(&sent) {
        assert_eq!(read.subject, subject);
        assert_eq!(read.envelope().expect("the envelope is readable"), sent.envelope);
        assert_eq!(read.body, sent.body);
    }
    assert!(read.windows(2).all(|pair| pair[0].sequence < pair[1].sequence), "oldest first");
    let head = log.head().await.expect("the head is readable");
    assert!(head.last_sequence >= last, "the head is at or behind the newest event");
}

async fn a_wrong_expectation_is_a_conflict_and_leaves_nothing(log: &dyn EventLog) {
    let subject = fresh_subject();
    let first = log.append(&subject, Expected::Nothing, &events(1)).await.expect("appended");
    for (wrong, count) in [(0, 1), (0, 3), (first + 1, 1), (first + 1, 3)] {
        let wrong = Some(at(wrong)).filter(|wrong| wrong.sequence > 0);
        let expected = wrong.as_ref().map_or(Expected::Nothing, Expected::After);
        let result = log.append(&subject, expected, &events(count)).await;
        assert!(matches!(result, Err(AppendError::Conflict)), "{count} events: {result:?}");
    }
    assert_eq!(load(log, &subject).await.len(), 1, "a conflict leaves nothing");
}

async fn several_events_stand_together_or_not_at_all(log: &dyn EventLog) {
    let subject = fresh_subject();
    let last = log.append(&subject, Expected::Nothing, &events(5)).await.expect("appended");
    let sequences: Vec<_> = load(log, &subject).await.iter().map(|e| e.sequence).collect();
    assert_eq!(sequences, (last - 4..=last).collect::<Vec<_>>(), "contiguous, the last is named");
    let next = log
        .append(&subject, Expected::After(&at(last)), &events(EVENTS_PER_APPEND_MAX))
        .await
        .expect("the largest append is taken");
    assert_eq!(load(log, &subject).await.len(), 5 + EVENTS_PER_APPEND_MAX);
    assert_eq!(next, last + EVENTS_PER_APPEND_MAX as u64);
}

async fn a_commuting_fact_needs_no_expectation(log: &dyn EventLog) {
    let subject = fresh_subject();
    for count in [1, 2, 1] {
        log.append(&subject, Expected::Any, &events(count)).await.expect("appended");
    }
    assert_eq!(load(log, &subject).await.len(), 4);
}

async fn the_same_event_is_not_stored_twice(log: &dyn EventLog) {
    let subject = fresh_subject();
    for count in [1, 3] {
        let new = events(count);
        let last = log.append(&subject, Expected::Any, &new).await.expect("appended");
        let before = load(log, &subject).await.len();
        for expected in [Expected::Any, Expected::Nothing, Expected::After(&at(last))] {
            let again = log.append(&subject, expected, &new).await;
            let honest = matches!(again, Err(AppendError::Conflict | AppendError::Unknown(_)));
            assert!(honest, "{count} events, {expected:?}: {again:?}");
        }
        assert_eq!(load(log, &subject).await.len(), before, "nothing is doubled");
    }
}

async fn what_is_too_much_is_refused(log: &dyn EventLog) {
    let subject = fresh_subject();
    let mut large = events(1);
    large[0].body = Bytes::from(vec![b' '; EVENT_BYTES_MAX + 1]);
    for new in [Vec::new(), events(EVENTS_PER_APPEND_MAX + 1), large] {
        let result = log.append(&subject, Expected::Any, &new).await;
        assert!(matches!(result, Err(AppendError::Refused(_))), "{result:?}");
    }
    for unfit in ["", "case.*.x", "case.>", "case..x", "case.a b.x", "case.a.x\r\n"] {
        let result = log.append(unfit, Expected::Any, &events(1)).await;
        assert!(matches!(result, Err(AppendError::Refused(_))), "{unfit:?}: {result:?}");
    }
    assert!(load(log, &subject).await.is_empty(), "a refusal leaves nothing");
}

async fn an_event_is_signed_and_links_to_the_one_that_its_writer_saw(log: &dyn EventLog) {
    let subject = fresh_subject();
    log.append(&subject, Expected::Nothing, &events(2)).await.expect("appended");
    log.append(&subject, Expected::Any, &events(1)).await.expect("appended");
    let seen = load(log, &subject).await;
    log.append(&subject, Expected::behind(&seen), &events(1)).await.expect("appended");
    let read = load(log, &subject).await;
    let to = |index: usize| Link::To(Digest::of(&read[index]));
    let links: Vec<_> = read.iter().map(Link::of).collect();
    assert_eq!(links, [Link::First, to(0), Link::None, to(2)], "a fact that commutes has no link");
    for event in &read {
        let mac = event.headers.get(header::MAC).expect("it is signed");
        assert_eq!(key().judge(mac, &Digest::of(event)), Signature::Holds);
    }
}

async fn the_newest_subject_of_a_pattern_is_found(log: &dyn EventLog) {
    let id = random_id().expect("the system has a source of chance");
    let pattern = format!("case.*.{id}");
    assert_eq!(log.locate(&pattern).await.expect("readable"), None);
    for center in ["north", "south"] {
        let subject = format!("case.{center}.{id}");
        log.append(&subject, Expected::Nothing, &events(1)).await.expect("appended");
        assert_eq!(log.locate(&pattern).await.expect("readable"), Some(subject));
    }
}

async fn following_starts_behind_the_checkpoint_and_goes_on(log: &dyn EventLog) {
    let subject = fresh_subject();
    let checkpoint = log.head().await.expect("readable").last_sequence;
    log.append(&subject, Expected::Nothing, &events(3)).await.expect("appended");
    let mut following = log.follow(checkpoint).await.expect("followed");
    let mut next = async |wanted: u64| {
        let event = tokio::time::timeout(DELIVERY_MAX, following.next()).await;
        let event = event.expect("in time").expect("without end").expect("without error");
        assert_eq!(event.sequence, wanted, "in order and without gaps");
        assert_eq!(event.subject, subject);
        assert!(event.envelope().is_ok(), "headers come along");
    };
    for step in 1..=3 {
        next(checkpoint + step).await;
    }
    // Whoever follows is woken by what comes later.
    log.append(&subject, Expected::Any, &events(1)).await.expect("appended");
    next(checkpoint + 4).await;
}

async fn a_checkpoint_beyond_the_end_is_a_gap(log: &dyn EventLog) {
    let beyond = log.head().await.expect("readable").last_sequence + 100;
    let result = log.follow(beyond).await;
    assert!(
        matches!(result, Err(LogError::Gap { .. })),
        "a checkpoint beyond the end is an incident"
    );
}

async fn of_two_writers_exactly_one_wins(log: &Arc<dyn EventLog>) {
    for round in 0..RACES {
        let subject = fresh_subject();
        let (left, right) = (events(1 + round % 3), events(1 + round % 2));
        let (first, second) = tokio::join!(
            log.append(&subject, Expected::Nothing, &left),
            log.append(&subject, Expected::Nothing, &right),
        );
        let winner = match (&first, &second) {
            (Ok(_), Err(AppendError::Conflict)) => &left,
            (Err(AppendError::Conflict), Ok(_)) => &right,
            other => panic!("round {round}: {other:?}"),
        };
        let read = load(&**log, &subject).await;
        let ids = read.iter().map(|e| e.envelope().expect("readable").id).collect::<Vec<_>>();
        assert_eq!(ids, winner.iter().map(|e| e.envelope.id).collect::<Vec<_>>(), "round {round}");
    }
}
