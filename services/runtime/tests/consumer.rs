//! Reactions and followers on a real nats-server.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use runtime::clock::SystemClock;
use runtime::consumer::{
    Fold, FoldError, Reaction, ReactionError, ReactionFigures, ReactionLoop, follow, parked, unpark,
};
use runtime::log::contract::{self, events, fresh_subject};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::{EventLog, Expected, Recorded};
use runtime::nats_server::{NatsServer, NatsServerConfig};
use support::{Bus, config};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Longest wait for an effect.
const WAIT_MAX: Duration = Duration::from_secs(30);

async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(WAIT_MAX, met).await.is_ok(), "{what}");
}

/// Counts attempts per sequence; fails the first attempts of some, poisons one, panics never.
#[derive(Default)]
struct Probe {
    attempts: Mutex<BTreeMap<u64, u32>>,
    done: Mutex<Vec<u64>>,
    poison: AtomicU64,
    fails_twice: AtomicU64,
    holds: AtomicBool,
    release: tokio::sync::Notify,
}

impl Probe {
    fn done(&self) -> Vec<u64> {
        self.done.lock().expect("whole").clone()
    }
}

impl Reaction for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn react<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<(), ReactionError>> {
        async move {
            let sequence = event.sequence;
            let attempt = {
                let mut attempts = self.attempts.lock().expect("whole");
                let attempt = attempts.entry(sequence).or_default();
                *attempt += 1;
                *attempt
            };
            if self.holds.load(Ordering::SeqCst) {
                self.release.notified().await;
            }
            if sequence == self.poison.load(Ordering::SeqCst) {
                return Err(ReactionError::Poison("it cannot be read".to_owned()));
            }
            if sequence == self.fails_twice.load(Ordering::SeqCst) && attempt <= 2 {
                return Err(ReactionError::Retry("the case is busy".into()));
            }
            self.done.lock().expect("whole").push(sequence);
            Ok(())
        }
        .boxed()
    }
}

struct Running {
    probe: Arc<Probe>,
    figures: Arc<ReactionFigures>,
    token: CancellationToken,
    task: JoinHandle<()>,
}

fn start(bus: &Bus, probe: Probe) -> Running {
    let probe = Arc::new(probe);
    let reaction = Arc::clone(&probe) as Arc<dyn Reaction>;
    let reactions =
        ReactionLoop::new(bus.context.clone(), "CASES", reaction, Arc::new(SystemClock));
    let (figures, token) = (reactions.figures(), CancellationToken::new());
    let task = tokio::spawn(reactions.run(token.clone()));
    Running { probe, figures, token, task }
}

impl Running {
    async fn stop(self) {
        self.token.cancel();
        tokio::time::timeout(WAIT_MAX, self.task)
            .await
            .expect("it drains")
            .expect("it does not panic");
    }
}

async fn log(bus: &Bus) -> JetStreamLog {
    JetStreamLog::open(bus.context.clone(), "CASES")
        .await
        .expect("the log opens")
        .signing(contract::key())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_event_comes_again_while_the_others_go_on() {
    let bus = Bus::start().await;
    let log = log(&bus).await;
    log.append(&fresh_subject(), Expected::Any, &events(20)).await.unwrap();
    let running = start(&bus, Probe { fails_twice: 3.into(), ..Probe::default() });
    wait_until("all are handled", || running.probe.done().len() == 20).await;
    let done = running.probe.done();
    assert_eq!(done.last(), Some(&3), "the failing one did not stop the others: {done:?}");
    let in_order: Vec<_> = done.iter().copied().filter(|sequence| *sequence != 3).collect();
    assert!(in_order.is_sorted(), "one subject is handled in order: {in_order:?}");
    assert_eq!((running.figures.retried(), running.figures.parked()), (2, 0));
    // What comes later is handled at once, without a poll's delay.
    let before = tokio::time::Instant::now();
    log.append(&fresh_subject(), Expected::Any, &events(1)).await.unwrap();
    wait_until("the newest is handled", || running.probe.done().len() == 21).await;
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    running.stop().await;
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_event_is_parked_with_its_reason_and_not_delivered_again() {
    let bus = Bus::start().await;
    let subject = fresh_subject();
    log(&bus).await.append(&subject, Expected::Any, &events(5)).await.unwrap();
    let running = start(&bus, Probe { poison: 2.into(), ..Probe::default() });
    wait_until("the others are handled", || running.probe.done().len() == 4).await;
    wait_until("it is parked", || running.figures.parked() == 1).await;
    let list = parked(&bus.context).await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!((list[0].sequence, list[0].delivered), (2, 1));
    assert_eq!((&*list[0].subject, &*list[0].reason), (&*subject, "it cannot be read"));
    assert_eq!(list[0].event_type.as_deref(), Some("cn.unstuck.case.progress_noted.v1"));
    running.stop().await;
    unpark(&bus.context, &list[0]).await.unwrap();
    assert_eq!(parked(&bus.context).await.unwrap(), []);
    // A second run finds nothing left.
    let running = start(&bus, Probe::default());
    log(&bus).await.append(&subject, Expected::Any, &events(1)).await.unwrap();
    wait_until("only the new one comes", || !running.probe.done().is_empty()).await;
    assert_eq!(running.probe.done(), [6]);
    running.stop().await;
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_event_holds_up_its_own_subject_and_no_other() {
    let bus = Bus::start().await;
    let log = log(&bus).await;
    let slow = fresh_subject();
    log.append(&slow, Expected::Any, &events(1)).await.unwrap();
    let running = start(&bus, Probe { holds: true.into(), ..Probe::default() });
    wait_until("it is being handled", || !running.probe.attempts.lock().unwrap().is_empty()).await;
    running.probe.holds.store(false, Ordering::SeqCst);
    log.append(&slow, Expected::Any, &events(1)).await.unwrap();
    log.append(&fresh_subject(), Expected::Any, &events(1)).await.unwrap();
    wait_until("the other subject's is handled", || running.probe.done() == [3]).await;
    running.probe.release.notify_one();
    wait_until("then those of its own", || running.probe.done() == [3, 1, 2]).await;
    running.stop().await;
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_is_held_and_the_next_run_goes_on_behind_it() {
    let bus = Bus::start().await;
    let log = log(&bus).await;
    log.append(&fresh_subject(), Expected::Any, &events(1)).await.unwrap();
    let running = start(&bus, Probe { holds: true.into(), ..Probe::default() });
    wait_until("it is being handled", || !running.probe.attempts.lock().unwrap().is_empty()).await;
    running.token.cancel();
    running.probe.release.notify_one();
    let probe = Arc::clone(&running.probe);
    running.stop().await;
    assert_eq!(probe.done(), [1], "it was finished");
    log.append(&fresh_subject(), Expected::Any, &events(2)).await.unwrap();
    let running = start(&bus, Probe::default());
    wait_until("the rest is handled", || running.probe.done().len() == 2).await;
    assert_eq!(running.probe.done(), [2, 3]);
    running.stop().await;
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reaction_slower_than_the_bus_waits_is_not_delivered_twice() {
    let bus = Bus::start().await;
    log(&bus).await.append(&fresh_subject(), Expected::Any, &events(3)).await.unwrap();
    let running = start(&bus, Probe { holds: true.into(), ..Probe::default() });
    wait_until("it is being handled", || !running.probe.attempts.lock().unwrap().is_empty()).await;
    // The bus waits ten seconds for an answer; what passes here is the time itself.
    tokio::time::sleep(Duration::from_secs(13)).await;
    running.probe.holds.store(false, Ordering::SeqCst);
    running.probe.release.notify_one();
    wait_until("all are handled", || running.probe.done().len() == 3).await;
    assert!(running.probe.attempts.lock().unwrap().values().all(|attempts| *attempts == 1));
    running.stop().await;
    bus.stop().await;
}

struct Seen {
    sequences: Arc<Mutex<Vec<u64>>>,
}

impl Fold for Seen {
    fn checkpoint(&self) -> u64 {
        self.sequences.lock().expect("whole").last().copied().unwrap_or(0)
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        let sequences = batch.iter().map(|event| event.sequence);
        self.sequences.lock().expect("whole").extend(sequences);
        async { Ok(()) }.boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn follower_and_reaction_outlive_a_killed_bus_and_miss_nothing() {
    let mut bus = Bus::start().await;
    let log = log(&bus).await;
    let subject = fresh_subject();
    log.append(&subject, Expected::Any, &events(50)).await.unwrap();
    let running = start(&bus, Probe::default());
    let sequences = Arc::new(Mutex::new(Vec::new()));
    let mut fold = Seen { sequences: Arc::clone(&sequences) };
    let token = CancellationToken::new();
    let following = {
        let (log, token) = (Arc::new(log.clone()), token.clone());
        tokio::spawn(async move { follow(log, &mut fold, token).await })
    };
    let reached = |wanted: usize| {
        let (sequences, probe) = (Arc::clone(&sequences), Arc::clone(&running.probe));
        move || sequences.lock().unwrap().len() == wanted && probe.done().len() >= wanted
    };
    wait_until("both have come to the end", reached(50)).await;
    for round in 1..=3_usize {
        let pid = bus.server.address().pid.to_string();
        std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap();
        bus.server.watch().await;
        let port = Some(bus.server.address().port);
        let again = NatsServerConfig { port, ..config(bus.folder.path()) };
        bus.server = NatsServer::start(again).await.unwrap();
        let appended = async {
            // The client takes a moment to find the bus again; nothing is doubled, the ids are the same.
            let new = events(10);
            while log.append(&subject, Expected::Any, &new).await.is_err()
                && log.head().await.map_or(0, |head| head.last_sequence) < 50 + 10 * round as u64
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(WAIT_MAX, appended).await.unwrap();
        wait_until("both go on", reached(50 + 10 * round)).await;
    }
    assert_eq!(*sequences.lock().unwrap(), (1..=80).collect::<Vec<_>>());
    token.cancel();
    following.await.unwrap().unwrap();
    running.stop().await;
    bus.stop().await;
}
