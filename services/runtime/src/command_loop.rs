//! The way of one command: load, decide, append with an expectation; on a conflict again.
//!
//! Invariants: a command whose id stands in the subject's history is never carried out again; a decision is
//! appended only onto the history that it saw (unless it commutes); an unknown outcome is cleared up by
//! reading from the leader, never by a blind repeat; every wait and every retry has an end.

mod keyed_lock;

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use proto_events::envelope::header;
use proto_events::ids::CommandId;
use tokio::time::Instant;

use crate::log::{
    AppendError, EVENT_BYTES_MAX, EVENTS_PER_APPEND_MAX, EVENTS_PER_SUBJECT_MAX, EventLog,
    Expected, Freshness, LogError, NewEvent, Recorded,
};
use keyed_lock::KeyedLocks;

/// Tries of one command. Eight left 3 % of commands unserved with eight writers on one case (measured);
/// twelve with jitter serve them.
pub const TRIES_MAX: u32 = 12;

/// Longest time for all tries together; after it the caller is told to come again.
pub const TRYING_MAX: Duration = Duration::from_secs(5);

/// Longest wait for those before us on the same subject in this process.
pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(5);

/// First back-off; it doubles up to [`BACKOFF_MAX`], half of it is jitter.
const BACKOFF_MIN: Duration = Duration::from_millis(5);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// What a decision wants to be appended.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// The events, in order; none when the command is already true.
    pub events: Vec<NewEvent>,
    /// Whether they commute with everything that may have been decided meanwhile: a citizen's facts only.
    pub commutes: bool,
}

/// What a command led to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Everything on the subject that was seen, and the events of this command at the end; with a commuting
    /// decision, what others appended in between is missing.
    pub history: Vec<Recorded>,
    /// The events of this command.
    pub command_events: Vec<Recorded>,
    /// Whether the command had been carried out before, so that nothing was appended now.
    pub repeated: bool,
    /// How often somebody else was faster, or the outcome was unknown at first.
    pub conflicts: u32,
}

impl Outcome {
    /// The version of the subject: the sequence of its last event, 0 when there is none.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.history.last().map_or(0, |event| event.sequence)
    }
}

/// Why a command led to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError<R> {
    /// A rule said no. Not a failure of a machine.
    #[error("a rule refused the command")]
    Refused(R),
    /// Others were faster until the time was over, or the outcome stays unknown; the same command may come again.
    #[error("the case is busy")]
    Busy,
    /// The log could not be read.
    #[error("the log could not be read")]
    Log(#[source] LogError),
    /// The bus refuses the events for good: a bug or a setting.
    #[error("the events could not be appended")]
    Append(#[source] AppendError),
    /// More or larger events than a subject may hold.
    #[error("the command would make more, or larger, events than a case may have")]
    TooLarge,
}

/// Hears how each command ended, for figures.
pub trait CommandObserver: Send + Sync + 'static {
    /// `ended` is one of `appended`, `unchanged`, `repeated`, `refused`, `busy`, `log_error`, `append_error`, `too_large`.
    fn command_ended(&self, ended: &'static str, conflicts: u32, took: Duration);
}

/// Carries out commands on one log. Cheap to clone; clones share the queues.
#[derive(Clone)]
pub struct CommandLoop {
    log: Arc<dyn EventLog>,
    queues: KeyedLocks,
    observer: Option<Arc<dyn CommandObserver>>,
}

impl std::fmt::Debug for CommandLoop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CommandLoop").finish_non_exhaustive()
    }
}

impl CommandLoop {
    /// Makes a loop on `log`. One per log and process, so that writers of one case queue up.
    #[must_use]
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, queues: KeyedLocks::default(), observer: None }
    }

    /// Lets `observer` hear how each command ends.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn CommandObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Makes a loop that writes over another line of the same log, and queues up with this one.
    #[must_use]
    pub fn over(&self, log: Arc<dyn EventLog>) -> Self {
        Self { log, ..self.clone() }
    }

    /// The log that it stands on.
    #[must_use]
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// Carries out one command on one subject; `decide` may be called several times, each time with the whole
    /// history, and must be pure.
    ///
    /// Cancelling it leaves the outcome unknown; the same command with the same id clears it up.
    ///
    /// # Errors
    /// See [`CommandError`]; after `Busy`, `Log` and `Append` the same command may be sent again.
    pub async fn run<R: Send>(
        &self,
        subject: &str,
        command_id: CommandId,
        decide: impl FnMut(&[Recorded]) -> Result<Decision, R> + Send,
    ) -> Result<Outcome, CommandError<R>> {
        self.run_from(None, subject, command_id, decide).await
    }

    /// Carries out the first command on a subject, which the caller has just named: it is not read first. Should
    /// somebody have written to it after all, the append conflicts, and it goes on like [`CommandLoop::run`].
    ///
    /// # Errors
    /// As [`CommandLoop::run`].
    pub async fn run_first<R: Send>(
        &self,
        subject: &str,
        command_id: CommandId,
        decide: impl FnMut(&[Recorded]) -> Result<Decision, R> + Send,
    ) -> Result<Outcome, CommandError<R>> {
        self.run_from(Some(Vec::new()), subject, command_id, decide).await
    }

    async fn run_from<R: Send>(
        &self,
        known: Option<Vec<Recorded>>,
        subject: &str,
        command_id: CommandId,
        decide: impl FnMut(&[Recorded]) -> Result<Decision, R> + Send,
    ) -> Result<Outcome, CommandError<R>> {
        let started = Instant::now();
        let mut conflicts = 0;
        let result = match self.queues.lock(subject, QUEUE_WAIT_MAX).await {
            Some(_turn) => {
                self.try_until_done(known, subject, command_id, decide, &mut conflicts).await
            }
            None => Err(CommandError::Busy),
        };
        if let Some(observer) = &self.observer {
            observer.command_ended(ended(&result), conflicts, started.elapsed());
        }
        result
    }

    async fn try_until_done<R: Send>(
        &self,
        mut known: Option<Vec<Recorded>>,
        subject: &str,
        command_id: CommandId,
        mut decide: impl FnMut(&[Recorded]) -> Result<Decision, R> + Send,
        conflicts: &mut u32,
    ) -> Result<Outcome, CommandError<R>> {
        let deadline = Instant::now() + TRYING_MAX;
        let id = command_id.to_string();
        let mut freshness = Freshness::Any;
        loop {
            let mut history = match known.take() {
                Some(history) => history,
                None => self.log.load(subject, freshness).await.map_err(CommandError::Log)?,
            };
            let of_command: Vec<_> = history
                .iter()
                .filter(|event| event.headers.get(header::COMMAND_ID) == Some(id.as_str()))
                .cloned()
                .collect();
            if !of_command.is_empty() && freshness == Freshness::Any {
                // A late replica may have only some of them.
                freshness = Freshness::Leader;
                continue;
            }
            if !of_command.is_empty() {
                // After a conflict it is our own append, whose answer was lost, as often as an earlier one.
                return Ok(Outcome {
                    history,
                    command_events: of_command,
                    repeated: true,
                    conflicts: *conflicts,
                });
            }
            // Only here, after a look at the leader: whoever is told "busy" has not succeeded so far.
            if *conflicts >= TRIES_MAX || (*conflicts > 0 && Instant::now() >= deadline) {
                return Err(CommandError::Busy);
            }
            let decided = decide(&history);
            // What was decided on a late replica's history conflicts when it is appended. A "no" and an "already
            // true" are not appended, and a fact that commutes is without an expectation: it would stand twice.
            let would_conflict = decided
                .as_ref()
                .is_ok_and(|decision| !decision.events.is_empty() && !decision.commutes);
            if freshness == Freshness::Any && !would_conflict {
                freshness = Freshness::Leader;
                continue;
            }
            let decision = decided.map_err(CommandError::Refused)?;
            if decision.events.is_empty() {
                return Ok(Outcome {
                    history,
                    command_events: Vec::new(),
                    repeated: false,
                    conflicts: *conflicts,
                });
            }
            if is_too_large(&decision, history.len()) {
                return Err(CommandError::TooLarge);
            }
            let expected = match decision.commutes {
                true => Expected::Any,
                false => Expected::behind(&history),
            };
            match self.log.append(subject, expected, &decision.events).await {
                Ok(last) => {
                    let appended = records(subject, &decision.events, last);
                    history.extend(appended.iter().cloned());
                    return Ok(Outcome {
                        history,
                        command_events: appended,
                        repeated: false,
                        conflicts: *conflicts,
                    });
                }
                Err(AppendError::Conflict) => {}
                Err(AppendError::Unknown(reason)) => {
                    tracing::debug!(
                        subject,
                        reason,
                        "the outcome of an append is unknown; reading"
                    );
                }
                Err(error @ AppendError::Refused(_)) => return Err(CommandError::Append(error)),
            }
            *conflicts += 1;
            freshness = Freshness::Leader;
            tokio::time::sleep(backoff(command_id, *conflicts)).await;
        }
    }
}

fn is_too_large(decision: &Decision, events_before: usize) -> bool {
    let count = decision.events.len();
    count > EVENTS_PER_APPEND_MAX
        || events_before + count > EVENTS_PER_SUBJECT_MAX
        || decision.events.iter().any(|event| event.body.len() > EVENT_BYTES_MAX)
}

/// The records that an append left; stored when they were recorded, as far as this process can know.
fn records(subject: &str, events: &[NewEvent], last: u64) -> Vec<Recorded> {
    let first = (last + 1).saturating_sub(events.len() as u64);
    let record = |(event, sequence): (&NewEvent, u64)| {
        let stored_at = event.envelope.recorded_at.with_timezone(&Utc);
        Recorded::of(event, subject, sequence, stored_at)
    };
    events.iter().zip(first..).map(record).collect()
}

/// Half of the step for sure, the other half by the command's id, so that rivals do not meet again; the same
/// command waits the same, so that a simulation can be repeated.
fn backoff(command_id: CommandId, conflicts: u32) -> Duration {
    let step =
        BACKOFF_MIN.saturating_mul(1 << conflicts.saturating_sub(1).min(10)).min(BACKOFF_MAX);
    let (high, low) = command_id.0.as_u64_pair();
    // Mixed (a multiplication, upper half), because some bits of an id are its version and its time.
    let mixed = (high ^ low ^ u64::from(conflicts)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    step.mul_f64(0.5 + 0.5 * (mixed as f64) / f64::from(u32::MAX))
}

fn ended<R>(result: &Result<Outcome, CommandError<R>>) -> &'static str {
    match result {
        Ok(outcome) if outcome.repeated => "repeated",
        Ok(outcome) if outcome.command_events.is_empty() => "unchanged",
        Ok(_) => "appended",
        Err(CommandError::Refused(_)) => "refused",
        Err(CommandError::Busy) => "busy",
        Err(CommandError::Log(_)) => "log_error",
        Err(CommandError::Append(_)) => "append_error",
        Err(CommandError::TooLarge) => "too_large",
    }
}

#[cfg(test)]
mod tests;
