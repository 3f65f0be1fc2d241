//! The command loop on a log that fails in every way that the bus may fail.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Mutex;

use futures::future::{BoxFuture, FutureExt};
use futures::stream::BoxStream;
use proptest::prelude::*;

use super::*;
use crate::clock::ManualClock;
use crate::log::Head;
use crate::log::contract::{event, events, fresh_command, fresh_subject};
use crate::log::memory::MemoryLog;

/// What happens to one append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Stored, but the answer never came.
    AnswerLost,
    /// Not stored, and nobody says so.
    RequestLost,
    /// The bus says conflict without a reason.
    FalseConflict,
    /// Somebody else writes just before.
    Overtaken,
}

/// A log whose appends meet the faults of a list, then none.
struct FaultyLog {
    inner: MemoryLog,
    faults: Mutex<Vec<Fault>>,
    unreachable: bool,
    /// A replica that lags: loads from any copy miss the newest event.
    stale: bool,
}

impl FaultyLog {
    fn with(faults: &[Fault]) -> Self {
        let mut faults = faults.to_vec();
        faults.reverse();
        Self {
            inner: MemoryLog::default(),
            faults: Mutex::new(faults),
            unreachable: false,
            stale: false,
        }
    }
}

impl EventLog for FaultyLog {
    fn load<'a>(
        &'a self,
        subject: &'a str,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        async move {
            if self.unreachable {
                return Err(LogError::Unreachable { attempted: "testing", source: "down".into() });
            }
            let mut events = self.inner.load(subject, freshness).await?;
            if self.stale && freshness == Freshness::Any {
                events.pop();
            }
            Ok(events)
        }
        .boxed()
    }

    fn append<'a>(
        &'a self,
        subject: &'a str,
        expected: Expected<'a>,
        events: &'a [NewEvent],
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        async move {
            let fault = self.faults.lock().unwrap().pop().unwrap_or(Fault::None);
            match fault {
                Fault::None => self.inner.append(subject, expected, events).await,
                Fault::AnswerLost => {
                    let _ = self.inner.append(subject, expected, events).await;
                    Err(AppendError::Unknown("timed out".to_owned()))
                }
                Fault::RequestLost => Err(AppendError::Unknown("timed out".to_owned())),
                Fault::FalseConflict => Err(AppendError::Conflict),
                Fault::Overtaken => {
                    let rival = crate::log::contract::events(1);
                    self.inner.append(subject, Expected::Any, &rival).await?;
                    self.inner.append(subject, expected, events).await
                }
            }
        }
        .boxed()
    }

    fn follow(
        &self,
        after: u64,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Recorded, LogError>>, LogError>> {
        self.inner.follow(after)
    }

    fn locate<'a>(&'a self, pattern: &'a str) -> BoxFuture<'a, Result<Option<String>, LogError>> {
        self.inner.locate(pattern)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, LogError>> {
        self.inner.head()
    }
}

fn decision(command_id: CommandId, count: usize, commutes: bool) -> Decision {
    Decision { events: (0..count).map(|index| event(command_id, index)).collect(), commutes }
}

fn count_of(log: &MemoryLog, command_id: CommandId) -> usize {
    let id = command_id.to_string();
    log.events().iter().filter(|e| e.headers.get(header::COMMAND_ID) == Some(id.as_str())).count()
}

async fn run(
    commands: &CommandLoop,
    subject: &str,
    command_id: CommandId,
    count: usize,
    commutes: bool,
) -> Result<Outcome, CommandError<Infallible>> {
    commands.run(subject, command_id, |_| Ok(decision(command_id, count, commutes))).await
}

#[tokio::test]
async fn a_repeated_command_appends_nothing_and_gives_its_events_again() {
    let log = MemoryLog::default();
    let commands = CommandLoop::new(Arc::new(log.clone()));
    let (subject, id) = (fresh_subject(), fresh_command());
    let first = run(&commands, &subject, id, 3, false).await.unwrap();
    let again = run(&commands, &subject, id, 3, false).await.unwrap();
    assert!(!first.repeated && again.repeated);
    let sequences = |outcome: &Outcome| {
        outcome.command_events.iter().map(|event| event.sequence).collect::<Vec<_>>()
    };
    assert_eq!(sequences(&first), [1, 2, 3]);
    assert_eq!(sequences(&first), sequences(&again));
    assert_eq!(first.version(), 3);
    assert_eq!(log.events().len(), 3);
}

#[tokio::test]
async fn a_refusal_and_an_empty_decision_append_nothing() {
    let log = MemoryLog::default();
    let commands = CommandLoop::new(Arc::new(log.clone()));
    let refused = commands.run(&fresh_subject(), fresh_command(), |_| Err("no")).await;
    assert!(matches!(refused, Err(CommandError::Refused("no"))));
    let unchanged = run(&commands, &fresh_subject(), fresh_command(), 0, false).await.unwrap();
    assert!(!unchanged.repeated && unchanged.command_events.is_empty());
    assert!(log.events().is_empty());
}

#[tokio::test]
async fn a_decision_is_made_again_on_what_the_rival_wrote() {
    let log = Arc::new(FaultyLog::with(&[Fault::Overtaken, Fault::Overtaken]));
    let commands = CommandLoop::new(Arc::clone(&log) as Arc<dyn EventLog>);
    let id = fresh_command();
    let mut seen = Vec::new();
    let outcome = commands
        .run(&fresh_subject(), id, |history| {
            seen.push(history.len());
            Ok::<_, Infallible>(decision(id, 1, false))
        })
        .await
        .unwrap();
    assert_eq!(seen, [0, 1, 2]);
    assert_eq!((outcome.conflicts, outcome.version()), (2, 3));
}

#[tokio::test]
async fn a_stale_replica_leads_to_a_conflict_and_then_to_the_leader() {
    let mut log = FaultyLog::with(&[]);
    log.stale = true;
    let subject = fresh_subject();
    log.inner.append(&subject, Expected::Nothing, &events(2)).await.unwrap();
    let commands = CommandLoop::new(Arc::new(log));
    let outcome = run(&commands, &subject, fresh_command(), 1, false).await.unwrap();
    assert_eq!((outcome.conflicts, outcome.history.len()), (1, 3));
}

#[tokio::test]
async fn what_a_late_replica_does_not_know_yet_is_no_reason_to_refuse() {
    let mut log = FaultyLog::with(&[]);
    log.stale = true;
    let subject = fresh_subject();
    log.inner.append(&subject, Expected::Nothing, &events(1)).await.unwrap();
    let commands = CommandLoop::new(Arc::new(log));
    let id = fresh_command();
    let only_onto_something = |history: &[Recorded]| match history.is_empty() {
        true => Err("there is nothing"),
        false => Ok(decision(id, 1, false)),
    };
    let outcome = commands.run(&subject, id, only_onto_something).await.unwrap();
    assert_eq!((outcome.conflicts, outcome.version()), (0, 2));
}

#[tokio::test]
async fn a_repeat_is_answered_with_all_events_although_a_replica_is_late() {
    let mut log = FaultyLog::with(&[]);
    log.stale = true;
    let commands = CommandLoop::new(Arc::new(log));
    let (subject, id) = (fresh_subject(), fresh_command());
    run(&commands, &subject, id, 2, false).await.unwrap();
    let again = run(&commands, &subject, id, 2, false).await.unwrap();
    assert_eq!((again.repeated, again.command_events.len()), (true, 2));
}

#[tokio::test]
async fn a_fact_that_commutes_stands_once_also_when_a_replica_is_late_for_long() {
    let clock = Arc::new(ManualClock::new(chrono::DateTime::UNIX_EPOCH));
    let mut log = FaultyLog::with(&[]);
    log.inner = MemoryLog::new(clock.clone());
    log.stale = true;
    let (subject, id, stored) = (fresh_subject(), fresh_command(), log.inner.clone());
    let commands = CommandLoop::new(Arc::new(log));
    run(&commands, &subject, id, 1, true).await.unwrap();
    // By now the bus has forgotten the event's id.
    clock.advance(chrono::TimeDelta::minutes(3));
    let again = run(&commands, &subject, id, 1, true).await.unwrap();
    assert!(again.repeated);
    assert_eq!(count_of(&stored, id), 1);
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_conflicts_ends_with_busy_and_leaves_nothing() {
    let log = Arc::new(FaultyLog::with(&[Fault::FalseConflict; 100]));
    let commands = CommandLoop::new(Arc::clone(&log) as Arc<dyn EventLog>);
    let started = Instant::now();
    let result = run(&commands, &fresh_subject(), fresh_command(), 1, false).await;
    assert!(matches!(result, Err(CommandError::Busy)), "{result:?}");
    assert!(started.elapsed() < TRYING_MAX);
    assert!(log.inner.events().is_empty());
}

#[tokio::test]
async fn an_unreachable_log_is_said_at_once() {
    let mut log = FaultyLog::with(&[]);
    log.unreachable = true;
    let commands = CommandLoop::new(Arc::new(log));
    let result = run(&commands, &fresh_subject(), fresh_command(), 1, false).await;
    assert!(matches!(result, Err(CommandError::Log(LogError::Unreachable { .. }))));
}

#[tokio::test]
async fn the_first_command_of_a_subject_reads_nothing_and_is_carried_out_once() {
    let mut log = FaultyLog::with(&[Fault::None, Fault::AnswerLost]);
    let (subject, id) = (fresh_subject(), fresh_command());
    let first = async |commands: &CommandLoop, subject: &str, id| {
        commands.run_first(subject, id, |_| Ok::<_, Infallible>(decision(id, 2, false))).await
    };
    log.unreachable = true;
    let inner = log.inner.clone();
    let blind = CommandLoop::new(Arc::new(log));
    assert_eq!(first(&blind, &subject, id).await.unwrap().version(), 2);
    // Its answer lost, it has to read, and says so when it cannot.
    let lost = first(&blind, &fresh_subject(), fresh_command()).await;
    assert!(matches!(lost, Err(CommandError::Log(_))));
    // It comes again, and so does another with a name that is taken.
    let commands = CommandLoop::new(Arc::new(inner.clone()));
    assert!(first(&commands, &subject, id).await.unwrap().repeated);
    assert_eq!(count_of(&inner, id), 2);
    let other = first(&commands, &subject, fresh_command()).await.unwrap();
    assert_eq!((other.history.len(), other.conflicts), (4, 1));
}

#[tokio::test]
async fn too_many_events_are_refused_before_the_bus_sees_them() {
    let commands = CommandLoop::new(Arc::new(MemoryLog::default()));
    let count = EVENTS_PER_APPEND_MAX + 1;
    let result = run(&commands, &fresh_subject(), fresh_command(), count, false).await;
    assert!(matches!(result, Err(CommandError::TooLarge)));
}

#[tokio::test]
async fn many_writers_of_one_case_are_all_served_once() {
    let log = MemoryLog::default();
    // Two loops, as two processes have them: they do not share their queues.
    let loops = [CommandLoop::new(Arc::new(log.clone())), CommandLoop::new(Arc::new(log.clone()))];
    let subject = fresh_subject();
    let ids: Vec<_> = (0..50).map(|_| fresh_command()).collect();
    let all = ids.iter().flat_map(|id| [(&loops[0], *id), (&loops[1], *id)]);
    let runs = all.map(|(commands, id)| run(commands, &subject, id, 2, false));
    for outcome in futures::future::join_all(runs).await {
        assert_eq!(outcome.unwrap().command_events.len(), 2);
    }
    assert_eq!(log.events().len(), 100);
    let expected: BTreeSet<_> = ids.iter().map(|id| (*id, 2)).collect();
    let found: BTreeSet<_> = ids.iter().map(|id| (*id, count_of(&log, *id))).collect();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn under_any_faults_nothing_is_doubled_and_what_was_promised_is_there(
        faults in proptest::collection::vec(
            prop_oneof![
                Just(Fault::None),
                Just(Fault::AnswerLost),
                Just(Fault::RequestLost),
                Just(Fault::FalseConflict),
                Just(Fault::Overtaken),
            ],
            0..40,
        ),
        commands_count in 1..6_usize,
        events_count in 1..4_usize,
        commutes: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let log = Arc::new(FaultyLog::with(&faults));
            let commands = CommandLoop::new(Arc::clone(&log) as Arc<dyn EventLog>);
            let subject = fresh_subject();
            for _ in 0..commands_count {
                let id = fresh_command();
                let result = run(&commands, &subject, id, events_count, commutes).await;
                let stored = count_of(&log.inner, id);
                match result {
                    Ok(outcome) => {
                        prop_assert_eq!(outcome.command_events.len(), events_count);
                        prop_assert_eq!(stored, events_count);
                    }
                    Err(CommandError::Busy) => prop_assert_eq!(stored, 0),
                    Err(other) => prop_assert!(false, "{other:?}"),
                }
            }
            Ok(())
        })?;
    }
}
