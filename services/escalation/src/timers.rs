//! The timers: every open case's clocks, looked at when the next step is due.
//!
//! The log is folded into memory, cases that may still get a clock only; a restart folds it again and finds every
//! step that was missed. A case that was forgotten and moves again is read from the log. Invariants: a timer is a command with an id of
//! its own, so firing twice is harmless; what it decides on is the case in the log, not this memory.

use std::collections::{HashMap, HashSet};
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
use proto_events::codes::{CaseState, ClosingCode};
use proto_events::ids::{CaseId, CommandId};
use runtime::consumer::{Fold, FoldError, follow};
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

/// A case that still has a clock, and when to look at it.
struct Watched {
    case: Case,
    look_at: Option<Timestamp>,
}

#[derive(Default)]
struct Timers {
    checkpoint: u64,
    cases: HashMap<CaseId, Watched>,
    /// Forgotten cases that moved again; read from the log at the next tick.
    returned: HashSet<CaseId>,
}

/// The timers' task: follows the log and ticks.
pub(crate) fn task(desk: Arc<Desk>) -> ServiceTask {
    ServiceTask::new("escalation-timers", |token| async move {
        let timers = Arc::new(Mutex::new(Timers::default()));
        let ticking = tick(Arc::clone(&desk), Arc::clone(&timers), token.clone());
        let mut fold = TimersFold { desk: Arc::clone(&desk), timers };
        let following = follow(Arc::clone(&desk.log), &mut fold, token.clone());
        let (followed, ()) = tokio::join!(
            async {
                let ended = following.await;
                token.cancel();
                ended
            },
            ticking
        );
        followed.map_err(BoxError::from)
    })
}

struct TimersFold {
    desk: Arc<Desk>,
    timers: Arc<Mutex<Timers>>,
}

fn lock(timers: &Mutex<Timers>) -> std::sync::MutexGuard<'_, Timers> {
    // A panic inside would have ended the task; the data is a cache of the log all the same.
    timers.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fold for TimersFold {
    fn checkpoint(&self) -> u64 {
        lock(&self.timers).checkpoint
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        let now = self.desk.now();
        let mut timers = lock(&self.timers);
        let mut touched = Vec::new();
        for recorded in &batch {
            timers.checkpoint = recorded.sequence;
            // What cannot be read is the projection's to report.
            let Ok((meta, event)) = decode(recorded) else { continue };
            let known = timers.cases.remove(&meta.case_id).map(|watched| watched.case);
            if known.as_ref().is_some_and(|case| case.version >= meta.sequence) {
                // It was read from the log when this event stood there already.
                timers
                    .cases
                    .extend(known.map(|case| (meta.case_id, Watched { case, look_at: None })));
            } else if let Some(case) = Case::step(known, &meta, &event) {
                if !is_over(&case) {
                    timers.cases.insert(meta.case_id, Watched { case, look_at: None });
                }
            } else {
                timers.returned.insert(meta.case_id);
            }
            touched.push(meta.case_id);
        }
        for case_id in touched {
            let Some(watched) = timers.cases.get_mut(&case_id) else { continue };
            watched.look_at = look_at(&self.desk, &watched.case, now);
        }
        async { Ok(()) }.boxed()
    }
}

/// When the window after the outcome is over, in which the applicant may speak.
fn window_end(desk: &Desk, case: &Case) -> Option<Timestamp> {
    let rules = &desk.district.rules;
    let outcome = case.outcome.as_ref().filter(|_| case.has_ended())?;
    Some(rules.calendar.deadline(outcome.at, rules.limits.reopen_window).due_at)
}

fn look_at(desk: &Desk, case: &Case, now: Timestamp) -> Option<Timestamp> {
    let calendar = &desk.district.rules.calendar;
    let steps = case.clocks().into_iter().filter_map(|run| {
        let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
        next_due(calendar, &run, fired, now)
    });
    let closing = window_end(desk, case).map(|end| end.max(now));
    steps.chain(closing).min()
}

async fn tick(desk: Arc<Desk>, timers: Arc<Mutex<Timers>>, token: CancellationToken) {
    let mut interval = tokio::time::interval(TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while token.run_until_cancelled(interval.tick()).await.is_some() {
        let now = desk.now();
        read_returned(&desk, &timers, now).await;
        let orders = due(&desk, &mut lock(&timers), now);
        for order in orders {
            if token.is_cancelled() {
                return;
            }
            carry_out(&desk, &timers, order, now).await;
        }
    }
}

/// Reads the cases that were forgotten and moved again.
async fn read_returned(desk: &Desk, timers: &Mutex<Timers>, now: Timestamp) {
    let returned: Vec<CaseId> = lock(timers).returned.iter().copied().collect();
    for case_id in returned {
        let loaded = match desk.subject_of(case_id, None).await {
            Ok(subject) => desk.load(&subject).await,
            Err(problem) => Err(problem),
        };
        let mut timers = lock(timers);
        match loaded {
            Ok(Some(case)) if !is_over(&case) => {
                let look_at = look_at(desk, &case, now);
                timers.cases.insert(case_id, Watched { case, look_at });
            }
            Ok(_) => {}
            Err(problem) if problem.status.is_client_error() => {}
            // Out of reach: it stays for the next tick.
            Err(_) => return,
        }
        timers.returned.remove(&case_id);
    }
}

async fn carry_out(desk: &Desk, timers: &Mutex<Timers>, order: Order, now: Timestamp) {
    let case_id = order.case_id;
    let level = match &order.command {
        Command::Escalate { level, .. } => Some(*level),
        _ => None,
    };
    match desk.execute(order).await {
        Ok(carried) if !carried.repeated && !carried.events.is_empty() => {
            if let Some(level) = level {
                desk.metrics.escalation(level.code());
            }
        }
        Ok(_) => {}
        Err(problem) if problem.status.is_client_error() => {
            if let Some(watched) = lock(timers).cases.get_mut(&case_id) {
                watched.look_at = Some(now + LATER);
            }
        }
        Err(problem) => {
            let problem = problem.code;
            tracing::warn!(case.id = %case_id, %problem, "a timer did not get through; again");
        }
    }
}

/// The commands whose time has come, the longest waiting case first, so that nothing starves.
fn due(desk: &Desk, timers: &mut Timers, now: Timestamp) -> Vec<Order> {
    let mut waiting: Vec<(Timestamp, CaseId)> = timers
        .cases
        .iter()
        .filter_map(|(case_id, watched)| Some((watched.look_at.filter(|at| *at <= now)?, *case_id)))
        .collect();
    waiting.sort_unstable();
    let mut orders = Vec::new();
    for (_, case_id) in waiting {
        if orders.len() >= COMMANDS_PER_TICK_MAX {
            break;
        }
        let Some(watched) = timers.cases.get_mut(&case_id) else { continue };
        orders.extend(orders_of(desk, &watched.case, now));
        watched.look_at = Some(now + AGAIN);
    }
    orders
}

/// A case whose clocks have all stopped, unless it is taken up again.
fn is_over(case: &Case) -> bool {
    matches!(case.state, CaseState::Closed | CaseState::Withdrawn | CaseState::Transferred)
        && case.clocks().is_empty()
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
    orders
}
