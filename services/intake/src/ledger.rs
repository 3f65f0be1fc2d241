//! What the house knows of the centers' days: the stream of centers, folded into memory.
//!
//! Days that can still be counted or closed, the commands that led there, and marks up to where earlier reports have
//! counted. Whoever asks waits until everything that was acknowledged is in it, so it answers as the log would; it is
//! thrown away with the process. Invariants: its size is that of the last [`DAYS_KEPT`] days, however long the stream
//! is; a command whose id stands here is not carried out again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use casework::centers::{CLOSE_DAYS_BACK_MAX, CenterDay, TALLY_DAYS_BACK_MAX};
use chrono::{NaiveDate, TimeDelta};
use desk::decode::decode_center;
use desk::service::{BoxError, ServiceTask};
use desk::{Desk, problem};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use proto_events::Timestamp;
use proto_events::centers::{CenterEvent, CountedTo};
use proto_events::ids::{CenterId, CommandId, EventId};
use proto_events::subject::CenterSubject;
use runtime::consumer::{Fold, FoldError, follow};
use runtime::http::{Problem, ReadyCheck};
use runtime::log::{AppendError, EventLog, Expected, Freshness, LogError, NewEvent, Recorded};
use tokio::sync::{RwLock, watch};
use tokio_util::sync::CancellationToken;

/// How long a day is kept, in days: as long as it may be closed, and a working week.
const DAYS_KEPT: i64 = CLOSE_DAYS_BACK_MAX + 7;

/// How long a tally's command is kept, in days: as long as the tally itself would be taken.
const TALLIES_KEPT: i64 = TALLY_DAYS_BACK_MAX + 1;

/// How many commands may come before a pruned memory is looked at again on the same day.
const COMMANDS_SPARE: usize = 10_000;

/// Longest wait for what was acknowledged to come back: milliseconds as a rule.
const COMING_BACK_MAX: Duration = Duration::from_secs(5);

/// Tries of an append whose outcome is unknown, and the pause before the second; it doubles.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// The fact that a command has led to.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    /// Its place in the stream.
    pub(crate) sequence: u64,
    /// Its id.
    pub(crate) event_id: EventId,
    /// When it happened.
    pub(crate) time: Timestamp,
    /// When it was written down.
    pub(crate) recorded_at: Timestamp,
    /// Who did it.
    pub(crate) actor: String,
    /// Hash of the request, when it came with an Idempotency-Key.
    pub(crate) hash: Option<String>,
    /// The fact.
    pub(crate) event: CenterEvent,
    /// Whether it stood there before the command came.
    pub(crate) repeated: bool,
}

#[derive(Debug, Default)]
struct Known {
    days: BTreeMap<(NaiveDate, CenterId), CenterDay>,
    commands: HashMap<CommandId, Kept>,
    /// Up to where a report had counted when it was written down.
    marks: BTreeMap<Timestamp, CountedTo>,
    pruned_on: NaiveDate,
    /// How many commands are held before it is pruned again on the same day: a long stream that is being read.
    commands_max: usize,
}

impl Known {
    fn take(&mut self, recorded: &Recorded) {
        // What cannot be read is the projection's to report.
        let Ok((envelope, event)) = decode_center(recorded) else { return };
        let day = self.days.entry((event.day(), event.center().clone())).or_default();
        day.evolve(event.clone(), envelope.time);
        if let CenterEvent::CenterDayClosed(close) = &event
            && let Some(counted_to) = close.counted_to
        {
            self.marks.insert(envelope.recorded_at, counted_to);
        }
        let kept = Kept {
            sequence: recorded.sequence,
            event_id: envelope.id,
            time: envelope.time,
            recorded_at: envelope.recorded_at,
            actor: envelope.actor,
            hash: envelope.command_hash,
            event,
            repeated: false,
        };
        // The first fact of a command is what was answered then.
        self.commands.entry(envelope.command_id).or_insert(kept);
    }

    /// Forgets what nobody can ask for any more: once a day, and when it has grown.
    fn prune(&mut self, now: Timestamp) {
        let today = now.date_naive();
        if self.pruned_on == today && self.commands.len() <= self.commands_max {
            return;
        }
        self.pruned_on = today;
        let oldest = now - TimeDelta::days(DAYS_KEPT);
        let oldest_tally = now - TimeDelta::days(TALLIES_KEPT);
        self.days.retain(|(day, _), _| *day >= oldest.date_naive());
        self.commands.retain(|_, kept| match kept.event {
            CenterEvent::ConsultationTallied(_) => kept.recorded_at >= oldest_tally,
            CenterEvent::CenterDayClosed(_) => kept.recorded_at >= oldest,
        });
        // One older mark stays: counting the oldest day begins there.
        if let Some(before) = self.marks.range(..oldest).next_back().map(|(at, _)| *at) {
            self.marks = self.marks.split_off(&before);
        }
        self.commands_max = self.commands.len() * 2 + COMMANDS_SPARE;
    }
}

/// The ledger of the centers' days.
pub(crate) struct Ledger {
    log: Arc<dyn EventLog>,
    known: Mutex<Known>,
    applied: watch::Sender<u64>,
    /// Why it stands still, when it does.
    incident: Mutex<Option<String>>,
    /// Tallies hold it together, a close alone: what was answered before a close is counted by it.
    turn: RwLock<()>,
}

impl Ledger {
    pub(crate) fn new(log: Arc<dyn EventLog>) -> Arc<Self> {
        Arc::new(Self {
            log,
            known: Mutex::default(),
            applied: watch::Sender::new(0),
            incident: Mutex::new(None),
            turn: RwLock::new(()),
        })
    }

    /// Lets tallies in together, and no close.
    pub(crate) async fn tallying(&self) -> impl Drop {
        self.turn.read().await
    }

    /// Lets one close in, and no tally.
    pub(crate) async fn closing(&self) -> impl Drop {
        self.turn.write().await
    }

    /// Waits until everything that the log has acknowledged is known; gives the sequence reached.
    pub(crate) async fn catch_up(&self) -> Result<u64, Problem> {
        let head = self.log.head().await.map_err(|error| {
            problem::unavailable("the end of the stream of centers could not be asked for", &error)
        })?;
        self.reach(head.last_sequence).await?;
        Ok(head.last_sequence)
    }

    async fn reach(&self, sequence: u64) -> Result<(), Problem> {
        let mut applied = self.applied.subscribe();
        let reached = applied.wait_for(|applied| *applied >= sequence);
        match tokio::time::timeout(COMING_BACK_MAX, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Problem::busy("the days of the centers are not read yet; send it again")),
        }
    }

    /// What a command has led to before.
    pub(crate) fn repeated(&self, command_id: CommandId) -> Option<Kept> {
        let kept = self.of_command(command_id)?;
        Some(Kept { repeated: true, ..kept })
    }

    fn of_command(&self, command_id: CommandId) -> Option<Kept> {
        self.known().commands.get(&command_id).cloned()
    }

    /// A day of a center; one without events is an empty one.
    pub(crate) fn day(&self, center: &CenterId, day: NaiveDate) -> CenterDay {
        self.known().days.get(&(day, center.clone())).cloned().unwrap_or_default()
    }

    /// Whether a center has closed a day.
    pub(crate) fn is_closed(&self, center: &CenterId, day: NaiveDate) -> bool {
        let known = self.known();
        known.days.get(&(day, center.clone())).is_some_and(|day| day.closed.is_some())
    }

    /// Up to where some report had counted before `instant`: what was written down later stands behind it.
    pub(crate) fn mark_before(&self, instant: Timestamp) -> Option<CountedTo> {
        self.known().marks.range(..instant).next_back().map(|(_, mark)| *mark)
    }

    /// Appends a fact, once, and waits until it is known here; gives what is known then.
    pub(crate) async fn append(
        &self,
        subject: &CenterSubject,
        new: NewEvent,
    ) -> Result<Kept, Problem> {
        let command_id = new.envelope.command_id;
        let (subject, events) = (subject.to_subject(), [new]);
        let mut pause = PAUSE;
        for _ in 0..TRIES_MAX {
            match self.log.append(&subject, Expected::Any, &events).await {
                Ok(sequence) => self.reach(sequence).await?,
                Err(AppendError::Refused(reason)) => {
                    tracing::error!(reason, "the bus refused a fact of a center");
                    return Err(Problem::internal());
                }
                // Another process may have been faster with the same command: the log says what is true.
                Err(AppendError::Conflict | AppendError::Unknown(_)) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    self.catch_up().await?;
                }
            }
            if let Some(kept) = self.of_command(command_id) {
                return Ok(kept);
            }
        }
        Err(Problem::busy("the bus did not say whether it was written down; send it again"))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic inside leaves a cache of the log that lacks at worst one event.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds where to begin: behind what a report had counted before the oldest day that is kept.
    async fn begin(&self, desk: &Desk) -> Result<(), LogError> {
        let now = desk.now();
        let oldest = now - TimeDelta::days(DAYS_KEPT);
        let mut begin: Option<(Timestamp, CountedTo)> = None;
        for center in desk.district.rules.centers.keys() {
            let subject = CenterSubject::Days(center.clone()).to_subject();
            for recorded in self.log.load(&subject, Freshness::Any).await? {
                let Ok((envelope, CenterEvent::CenterDayClosed(close))) = decode_center(&recorded)
                else {
                    continue;
                };
                let mark = close.counted_to.map(|mark| (envelope.recorded_at, mark));
                if envelope.recorded_at < oldest
                    && mark.is_some_and(|(_, mark)| {
                        begin.is_none_or(|(_, begin)| begin.centers < mark.centers)
                    })
                {
                    begin = mark;
                }
            }
        }
        if let Some((at, mark)) = begin {
            self.known().marks.insert(at, mark);
            self.applied.send_replace(mark.centers);
        }
        Ok(())
    }

    async fn run(self: Arc<Self>, desk: Arc<Desk>, token: CancellationToken) {
        if let Err(error) = self.begin(&desk).await {
            // Then it reads the whole stream, which takes longer and says the same.
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the days could not be looked at"
            );
        }
        let mut fold = LedgerFold { ledger: Arc::clone(&self), desk };
        let log = Arc::clone(&self.log);
        if let Err(incident) = follow(log, &mut fold, token.clone()).await {
            tracing::error!(
                error = &incident as &dyn std::error::Error,
                "the days of the centers cannot be followed; a person must look"
            );
            *self.incident.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(incident.to_string());
        }
        // Cases are opened all the same; who counts is told to come again.
        token.cancelled().await;
    }
}

struct LedgerFold {
    ledger: Arc<Ledger>,
    desk: Arc<Desk>,
}

impl Fold for LedgerFold {
    fn checkpoint(&self) -> u64 {
        *self.ledger.applied.borrow()
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        let mut known = self.ledger.known();
        batch.iter().for_each(|recorded| known.take(recorded));
        known.prune(self.desk.now());
        drop(known);
        if let Some(last) = batch.last() {
            self.ledger.applied.send_replace(last.sequence);
        }
        async { Ok(()) }.boxed()
    }
}

/// The task that keeps the ledger.
pub(crate) fn task(ledger: Arc<Ledger>, desk: Arc<Desk>) -> ServiceTask {
    ServiceTask::new("intake-ledger", |token| async move {
        ledger.run(desk, token).await;
        Ok::<(), BoxError>(())
    })
}

/// Whether the ledger has come to the end of the stream.
pub(crate) fn readiness(ledger: &Arc<Ledger>) -> ReadyCheck {
    let ledger = Arc::clone(ledger);
    ReadyCheck::new("days of the centers", move || {
        let ledger = Arc::clone(&ledger);
        async move {
            let incident = ledger.incident.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(incident) = incident {
                return Err(format!("stopped: {incident}"));
            }
            ledger.catch_up().await.map(|_| ()).map_err(|problem| problem.code.to_string())
        }
    })
}

#[cfg(test)]
mod tests;
