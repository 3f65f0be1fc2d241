//! The log on a real nats-server: the same contract as the log in memory, and what only a bus can do.

mod support;

use std::sync::Arc;

use runtime::command_loop::{CommandLoop, Decision};
use runtime::log::contract::{self, event, events, fresh_command, fresh_subject};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::{AppendError, EventLog, Expected, Freshness, LogError};
use runtime::streams::{Provision, provision};
use support::Bus;

#[tokio::test(flavor = "multi_thread")]
async fn the_log_on_jetstream_keeps_the_contract() {
    let bus = Bus::start().await;
    let log =
        JetStreamLog::open(bus.context.clone(), "CASES").await.unwrap().signing(contract::key());
    contract::check(Arc::new(log)).await;
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_with_too_many_events_is_said_instead_of_loaded() {
    let bus = Bus::start().await;
    let log =
        JetStreamLog::open(bus.context.clone(), "CASES").await.unwrap().signing(contract::key());
    let subject = fresh_subject();
    for _ in 0..157 {
        log.append(&subject, Expected::Any, &events(64)).await.unwrap();
    }
    for freshness in [Freshness::Any, Freshness::Leader] {
        let result = log.load(&subject, freshness).await;
        assert!(matches!(result, Err(LogError::TooLong { .. })), "{freshness:?}");
    }
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_bus_leaves_the_outcome_unknown_and_a_load_unreachable() {
    let bus = Bus::start().await;
    let log =
        JetStreamLog::open(bus.context.clone(), "CASES").await.unwrap().signing(contract::key());
    bus.server.stop().await.unwrap();
    let subject = fresh_subject();
    let new = events(1);
    let (append, load) = tokio::join!(
        log.append(&subject, Expected::Nothing, &new),
        log.load(&subject, Freshness::Any),
    );
    assert!(matches!(append, Err(AppendError::Unknown(_))), "{append:?}");
    assert!(matches!(load, Err(LogError::Unreachable { .. })), "{load:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_stream_is_said_when_the_log_is_opened() {
    let bus = Bus::start().await;
    let opened = JetStreamLog::open(bus.context.clone(), "NOWHERE").await;
    assert!(matches!(opened, Err(LogError::Unreachable { .. })));
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_of_one_case_on_two_loops_are_all_served_once() {
    let bus = Bus::start().await;
    let log =
        JetStreamLog::open(bus.context.clone(), "CASES").await.unwrap().signing(contract::key());
    let loops = [(); 2].map(|()| CommandLoop::new(Arc::new(log.clone())));
    let subject = fresh_subject();
    let commands: Vec<_> = (0..40).map(|_| fresh_command()).collect();
    let all = commands.iter().flat_map(|id| loops.iter().map(move |commands| (commands, *id)));
    let runs = all.map(|(commands, id)| {
        let subject = &subject;
        async move {
            let decide = |_: &[_]| {
                let events = vec![event(id, 0), event(id, 1)];
                Ok::<_, std::convert::Infallible>(Decision { events, commutes: false })
            };
            commands.run(subject, id, decide).await.unwrap()
        }
    });
    for outcome in futures::future::join_all(runs).await {
        assert_eq!(outcome.command_events.len(), 2);
    }
    let stored = log.load(&subject, Freshness::Leader).await.unwrap();
    assert_eq!(stored.len(), 80);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_of_the_stream_is_read_in_order_across_subjects_and_pages() {
    let bus = Bus::start().await;
    for number in 1..=600 {
        let subject = format!("audit.place-{}", number % 3);
        bus.context.publish(subject, number.to_string().into()).await.unwrap().await.unwrap();
    }
    let log = JetStreamLog::open(bus.context.clone(), "AUDIT").await.unwrap();
    let read = async |from, count| {
        let events = log.stretch(from, count).await.unwrap();
        events.into_iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    assert_eq!(read(1, 600).await, (1..=600).collect::<Vec<_>>());
    assert_eq!(read(0, 3).await, [1, 2, 3]);
    assert_eq!(read(299, 301).await, (299..=599).collect::<Vec<_>>());
    assert_eq!(read(599, 10).await, [599, 600], "the stream ends");
    assert!(read(601, 10).await.is_empty());
    assert!(read(1, 0).await.is_empty());
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_again_changes_nothing_and_a_difference_is_named_but_not_repaired() {
    let bus = Bus::start().await;
    assert_eq!(provision(&bus.context, &Provision { replicas: 1 }).await.unwrap(), []);
    let mut config = bus.context.get_stream("AUDIT").await.unwrap().cached_info().config.clone();
    config.max_messages = 1_000;
    bus.context.update_stream(config).await.unwrap();
    for _ in 0..2 {
        let drifts = provision(&bus.context, &Provision { replicas: 1 }).await.unwrap();
        let named: Vec<_> =
            drifts.iter().map(|drift| (drift.stream.as_str(), drift.field)).collect();
        assert_eq!(named, [("AUDIT", "max_msgs")]);
    }
    bus.stop().await;
}
