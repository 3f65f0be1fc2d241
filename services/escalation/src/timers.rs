//! The timers: every open case's clocks, looked at when the next step is due.
//!
//! The log is folded into memory, cases that may still get a clock only; a restart folds it again and finds every
//! step that was missed. Of a case that is over, only the instant is kept at which its retention ends (some 50 bytes);
//! when it moves again it is read from the log. Invariants: a timer is a command with an id of its own, so firing twice
//! is harmless; what it decides on is the case in the log, not this memory; nothing here waits or reads a clock but the
//! task at the end.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use casework::case::Case;
use casework::command::Command;
use casework::timetable::{due_steps, next_due};
use desk::service::{BoxError, ServiceTask};
use desk::{Desk, Order, decode};
use futures::FutureExt;
use futures::future::BoxFuture;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, ClosingCode, ErasureReason};
use proto_events::ids::{CaseId, CommandId};
use runtime::consumer::{Fold, FoldError, follow, watch_follower};
use runtime::log::Recorded;
use tokio_util::sync::CancellationToken;

/// How often the timers look at the clock: a second late is on time for a promise in days.
const TICK: Duration = Duration::from_secs(1);

/// When a step is looked at again whose command did not get through, or whose event is not back yet.
const AGAIN: chrono::TimeDelta = chrono::TimeDelta::seconds(5);

/// When a case is looked at again whose step a rule refused: it waits for something that a person does.
const LATER: chrono::TimeDelta = chrono::TimeDelta::minutes(10);

/// Most commands of one tick; the rest comes with the next, oldest first.
const COMMANDS_PER_TICK_MAX: usize = 200;

/// Names the erasure of a case within its commands; a person is forgotten once.
const ERASURE_KEY: &str = "erase";

/// A case that still has a clock, and when to look at it.
struct Watched {
    case: Case,
    look_at: Option<Timestamp>,
}

#[derive(Default)]
struct Memory {
    checkpoint: u64,
    cases: HashMap<CaseId, Watched>,
    /// Cases that moved since the last look: when they are due is reckoned once, however many events they had.
    moved: BTreeSet<CaseId>,
    /// Cases that are over and moved again; read from the log before the next look.
    returned: BTreeSet<CaseId>,
    /// Cases that are over, by when to look whether their applicant is to be forgotten. One that was reopened and closed
    /// again stands here twice; the rules refuse the earlier.
    retained: BTreeSet<(Timestamp, CaseId)>,
}

/// The timers of all cases: tell them every event ([`Timers::fold`]), ask what is due ([`Timers::due`]) and have
/// it carried out ([`Timers::carry_out`]). New ones that are told the log again find everything that is due.
pub struct Timers {
    desk: Arc<Desk>,
    memory: Mutex<Memory>,
}

impl Timers {
    /// Makes timers that know of no event yet.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk, memory: Mutex::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Memory> {
        // A panic inside would have ended the task; the data is a cache of the log all the same.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sequence of the last event that they were told; 0 before the first.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        self.lock().checkpoint
    }

    /// Takes events further, in the order of the log, from behind [`Timers::checkpoint`].
    pub fn fold(&self, batch: &[Recorded]) {
        let mut memory = self.lock();
        for recorded in batch {
            memory.checkpoint = recorded.sequence;
            // What cannot be read is the projection's to report.
            let Ok((meta, event)) = decode(recorded) else { continue };
            let known = memory.cases.remove(&meta.case_id).map(|watched| watched.case);
            if known.as_ref().is_some_and(|case| case.version >= meta.sequence) {
                // It was read from the log when this event stood there already.
                memory
                    .cases
                    .extend(known.map(|case| (meta.case_id, Watched { case, look_at: None })));
            } else if let Some(case) = Case::step(known, &meta, &event) {
                if is_over(&case) {
                    memory.retained.extend(retention(&self.desk, &case));
                } else {
                    memory.cases.insert(meta.case_id, Watched { case, look_at: None });
                }
            } else {
                memory.returned.insert(meta.case_id);
            }
            memory.moved.insert(meta.case_id);
        }
    }

    /// The commands whose time has come, the longest waiting case first, so that nothing starves; at most
    /// `COMMANDS_PER_TICK_MAX`. What is not carried out is due again after some seconds.
    pub async fn due(&self, now: Timestamp) -> Vec<Order> {
        self.read_returned(now).await;
        let mut memory = self.lock();
        for case_id in std::mem::take(&mut memory.moved) {
            let Some(watched) = memory.cases.get_mut(&case_id) else { continue };
            watched.look_at = look_at(&self.desk, &watched.case, now);
        }
        let is_due = |watched: &Watched| watched.look_at.filter(|at| *at <= now);
        let mut waiting: Vec<(Timestamp, CaseId)> = memory
            .cases
            .iter()
            .filter_map(|(case_id, watched)| Some((is_due(watched)?, *case_id)))
            .collect();
        waiting.sort_unstable();
        let mut orders = Vec::new();
        for (_, case_id) in waiting {
            if orders.len() >= COMMANDS_PER_TICK_MAX {
                break;
            }
            let Some(watched) = memory.cases.get_mut(&case_id) else { continue };
            orders.extend(orders_of(&self.desk, &watched.case, now));
            watched.look_at = Some(now + AGAIN);
        }
        let room = COMMANDS_PER_TICK_MAX.saturating_sub(orders.len());
        let over = memory.retained.iter().take_while(|(at, _)| *at <= now).take(room);
        for (at, case_id) in over.copied().collect::<Vec<_>>() {
            memory.retained.remove(&(at, case_id));
            memory.retained.insert((now + AGAIN, case_id));
            orders.push(erasure_of(case_id));
        }
        orders
    }

    /// Carries out what was due at `now`.
    pub async fn carry_out(&self, order: Order, now: Timestamp) {
        let case_id = order.case_id;
        let level = match &order.command {
            Command::Escalate { level, .. } => Some(*level),
            _ => None,
        };
        let erases = matches!(order.command, Command::ErasePersonalData { .. });
        let outcome = self.desk.execute(order).await;
        let is_settled =
            outcome.as_ref().map_or_else(|problem| problem.status.is_client_error(), |_| true);
        if erases && is_settled {
            self.lock().retained.remove(&(now + AGAIN, case_id));
        }
        match outcome {
            Ok(carried) if !carried.repeated && !carried.events.is_empty() => {
                if let Some(level) = level {
                    self.desk.metrics.escalation(level.code());
                }
            }
            Ok(_) => {}
            Err(problem) if problem.status.is_client_error() => {
                if let Some(watched) = self.lock().cases.get_mut(&case_id) {
                    watched.look_at = Some(now + LATER);
                }
            }
            Err(problem) => {
                let problem = problem.code;
                tracing::warn!(case.id = %case_id, %problem, "a timer did not get through; again");
            }
        }
    }

    /// Reads the cases that were over and moved again.
    async fn read_returned(&self, now: Timestamp) {
        let returned: Vec<CaseId> = self.lock().returned.iter().copied().collect();
        for case_id in returned {
            let loaded = match self.desk.subject_of(case_id, None).await {
                Ok(subject) => self.desk.load(&subject).await,
                Err(problem) => Err(problem),
            };
            let mut memory = self.lock();
            match loaded {
                Ok(Some(case)) if !is_over(&case) => {
                    let look_at = look_at(&self.desk, &case, now);
                    memory.cases.insert(case_id, Watched { case, look_at });
                }
                Ok(Some(case)) => memory.retained.extend(retention(&self.desk, &case)),
                Ok(None) => {}
                Err(problem) if problem.status.is_client_error() => {}
                // Out of reach: it stays for the next look.
                Err(_) => return,
            }
            memory.returned.remove(&case_id);
        }
    }
}

impl std::fmt::Debug for Timers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timers").field("checkpoint", &self.checkpoint()).finish_non_exhaustive()
    }
}

/// When the window after the outcome is over, in which the applicant may speak.
fn window_end(desk: &Desk, case: &Case) -> Option<Timestamp> {
    let rules = &desk.district.rules;
    let outcome = case.outcome.as_ref().filter(|_| case.has_ended())?;
    Some(rules.calendar.deadline(outcome.at, rules.limits.reopen_window).due_at)
}

/// Whether the promise was given for a year whose calendar has been published since.
fn is_out_of_date(desk: &Desk, case: &Case) -> bool {
    let calendar = &desk.district.rules.calendar;
    case.is_open()
        && case.provisional_due
        && calendar.date_of(case.due_at) <= calendar.published_to()
}

/// A case whose clocks have all stopped, unless it is taken up again.
fn is_over(case: &Case) -> bool {
    matches!(case.state, CaseState::Closed | CaseState::Withdrawn | CaseState::Transferred)
        && case.clocks().is_empty()
}

/// When the retention of a case ends, and whose it is.
fn retention(desk: &Desk, case: &Case) -> Option<(Timestamp, CaseId)> {
    case.retention_ends(&desk.district.rules.limits).map(|end| (end, case.case_id))
}

fn erasure_of(case_id: CaseId) -> Order {
    let command = Command::ErasePersonalData { reason: ErasureReason::Retention };
    let command_id = CommandId::of_timer(case_id, ERASURE_KEY);
    Order::of_system("escalation", case_id, command, command_id)
}

fn look_at(desk: &Desk, case: &Case, now: Timestamp) -> Option<Timestamp> {
    let calendar = &desk.district.rules.calendar;
    let steps = case.clocks().into_iter().filter_map(|run| {
        let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
        next_due(calendar, &run, fired, now)
    });
    let closing = window_end(desk, case);
    let resuming = case.pause.as_ref().map(|pause| pause.until);
    let recalculating = is_out_of_date(desk, case).then_some(now);
    let erasing = case.retention_ends(&desk.district.rules.limits);
    let others = [closing, resuming, recalculating, erasing].into_iter().flatten();
    steps.chain(others.map(|at| at.max(now))).min()
}

fn orders_of(desk: &Desk, case: &Case, now: Timestamp) -> Vec<Order> {
    let calendar = &desk.district.rules.calendar;
    let mut orders = Vec::new();
    let order = |command, key: &str| {
        let command_id = CommandId::of_timer(case.case_id, key);
        let mut order = Order::of_system("escalation", case.case_id, command, command_id);
        order.center = Some(case.center.clone());
        order
    };
    // First what moves a promise: the steps of its ladder depend on it, and the rules look again.
    if case.pause.as_ref().is_some_and(|pause| now >= pause.until) {
        let key = format!("resume#{}", case.pauses.len() + 1);
        orders.push(order(Command::Resume { automatic: true }, &key));
    }
    if is_out_of_date(desk, case) {
        // By the version, because a promise may become provisional again.
        let key = format!("recalculate@{}", case.version);
        orders.push(order(Command::RecalculateDeadline, &key));
    }
    for run in case.clocks() {
        let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
        for step in due_steps(calendar, &run, fired, now) {
            let command = Command::Escalate {
                level: step.level,
                clock: run.clock,
                occurrence: run.occurrence,
            };
            orders.push(order(command, &run.step_key(step.level)));
        }
    }
    if window_end(desk, case).is_some_and(|end| now >= end) {
        let command = Command::Close { code: ClosingCode::WindowPassed };
        orders.push(order(command, &case.closing_key()));
    }
    // One that is closed and still has a clock: a look back, say.
    if case.retention_ends(&desk.district.rules.limits).is_some_and(|end| now >= end) {
        orders.push(erasure_of(case.case_id));
    }
    orders
}

struct Following {
    timers: Arc<Timers>,
}

impl Fold for Following {
    fn checkpoint(&self) -> u64 {
        self.timers.checkpoint()
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        self.timers.fold(&batch);
        async { Ok(()) }.boxed()
    }
}

/// The timers' task: follows the log and ticks.
pub(crate) fn task(desk: Arc<Desk>) -> ServiceTask {
    ServiceTask::new("escalation-timers", |token| async move {
        let timers = Arc::new(Timers::new(Arc::clone(&desk)));
        // What the first half of a case's events says is not what it waits for.
        // Without an answer they look at once, as at any other time: what is decided on is the log.
        let catch_up_to = desk.log.head().await.map_or(0, |head| head.last_sequence);
        let ticking = tick(Arc::clone(&timers), catch_up_to, token.clone());
        let watched = Arc::clone(&timers);
        let watching = watch_follower(
            Arc::clone(&desk.log),
            "timers",
            move || watched.checkpoint(),
            desk.metrics.clone(),
            token.clone(),
        );
        let mut fold = Following { timers };
        let following = follow(Arc::clone(&desk.log), &mut fold, token.clone());
        let (followed, (), ()) = tokio::join!(
            async {
                let ended = following.await;
                token.cancel();
                ended
            },
            ticking,
            watching
        );
        followed.map_err(BoxError::from)
    })
}

/// Looks at the clock every second, once everything up to `catch_up_to` is known.
async fn tick(timers: Arc<Timers>, catch_up_to: u64, token: CancellationToken) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while token.run_until_cancelled(interval.tick()).await.is_some() {
        if timers.checkpoint() < catch_up_to {
            continue;
        }
        let now = timers.desk.now();
        for order in timers.due(now).await {
            if token.is_cancelled() {
                return;
            }
            timers.carry_out(order, now).await;
        }
    }
}
