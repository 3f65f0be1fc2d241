//! Why something is due when it is due: every clock of a case, running or stopped, told from the events that
//! promised it, day by day.
//!
//! Invariants:
//! - What was promised is read from the events; the calendar and the limits of today only explain it. Where
//!   they lead to another day, the explanation says so and the promise stands.
//! - Which clocks run is asked of [`Case::clocks`] and of nothing else: the explanation cannot disagree with the
//!   timers.
//! - Every list of days is capped; its count is not.
//! - No text of a person and no name of a person enters an explanation, except the reasons that were written for
//!   an extension or a reclassification.

mod counting;
mod life;
mod sentence;
#[cfg(test)]
mod tests;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use chrono::NaiveDate;
use proto_events::Timestamp;
use proto_events::codes::{Clock, Complexity, Level, PauseReason, Role};
use proto_events::events::{CaseEvent, CaseEventKind};
use proto_events::ids::EventId;
use serde::Serialize;

use crate::case::{Case, EventMeta};
use crate::decide::{Told, told};
use crate::rules::Rules;
use crate::timetable::{ClockRun, due_after_pause, ladder};

pub use counting::{Counted, CountedDay, DAYS_SHOWN_MAX, DayOff, OffReason, Skipped};
use life::Life;

/// A text in both languages of the house.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Words {
    /// Takes a text in both languages.
    #[must_use]
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }
}

/// Whether a clock runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockState {
    /// It runs, and its promise has passed.
    Overdue,
    /// It runs.
    Running,
    /// It stands still and will run again (暂停).
    Paused,
    /// What it ran for has happened, or can no longer happen.
    Stopped,
}

impl ClockState {
    /// The state in words.
    #[must_use]
    pub fn label(self) -> Words {
        match self {
            Self::Overdue => Words::new("已超期", "Overdue"),
            Self::Running => Words::new("计时中", "Running"),
            Self::Paused => Words::new("已暂停", "Paused"),
            Self::Stopped => Words::new("已停止", "Stopped"),
        }
    }
}

/// A clock of a case at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockStanding {
    /// Which limit runs.
    pub clock: Clock,
    /// The how-manieth run of it, from 1.
    pub occurrence: u32,
    /// Its name.
    pub label: Words,
    /// When the event happened that started it.
    pub started_at: Timestamp,
    /// The promise.
    pub due_at: Timestamp,
    /// Whether it runs.
    pub state: ClockState,
}

/// An event that something happened by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happening {
    /// The event.
    pub event_id: EventId,
    /// Its name, `opened`.
    pub event: &'static str,
    /// Its name in words.
    pub label: Words,
    /// When.
    pub at: Timestamp,
}

impl Happening {
    fn of(meta: &EventMeta, event: &CaseEvent) -> Self {
        let kind = event.kind();
        Self { event_id: meta.id, event: kind.name(), label: event_label(kind), at: meta.time }
    }
}

/// The name of an event, for people.
#[must_use]
pub fn event_label(kind: CaseEventKind) -> Words {
    Words::new(kind.label_zh(), kind.name().replace('_', " "))
}

/// Where the number of working days of a limit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitSource {
    /// The event that promised it says so.
    Event,
    /// The event does not say; it is the limit that the district's file has today.
    District,
    /// Neither: a day was named, or the limit was another one then; the working days up to the promise.
    Counted,
}

/// The limit of a clock, before extensions and pauses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// Working days.
    pub working_days: u32,
    /// Where the number comes from.
    pub source: LimitSource,
    /// The limit that the district's file has today; none where a day is named instead.
    pub district_working_days: Option<u32>,
    /// How hard the case is, where the limit depends on it.
    pub complexity: Option<Complexity>,
}

/// A time in which the clock stood still (暂停).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PauseSpan {
    /// Why.
    pub reason: PauseReason,
    /// Why, in words.
    pub label: Words,
    /// Since when.
    pub from: Timestamp,
    /// When the clock ran again; none while it stands still.
    pub to: Option<Timestamp>,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Whether it ended by itself.
    pub automatic: bool,
    /// By how many working days it moved the promise; for one that lasts, by how many it would now.
    pub working_days: u32,
}

/// The promise was extended (延期).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExtensionSpan {
    /// By how many working days.
    pub working_days: u32,
    /// Why.
    pub reason: String,
    /// When it was granted.
    pub at: Timestamp,
    /// When the applicant was told.
    pub applicant_told_at: Timestamp,
    /// The promise after it.
    pub due_at: Timestamp,
}

/// The case turned out harder or easier (改分类).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reclassification {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub from: Complexity,
    /// What it is.
    pub to: Complexity,
    /// Why.
    pub reason: String,
    /// The promise after it.
    pub due_at: Timestamp,
}

/// A provisional promise was counted again, because a year was published (时限重算).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recalculation {
    /// When.
    pub at: Timestamp,
    /// The promise before it.
    pub was_due_at: Timestamp,
    /// The promise after it.
    pub due_at: Timestamp,
    /// The last day of the last published year then.
    pub published_to: NaiveDate,
}

/// The next step of the ladder (督办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextStep {
    /// How far the clock climbs.
    pub level: Level,
    /// The step in words.
    pub label: Words,
    /// When it is taken, if nothing happens before.
    pub at: Timestamp,
    /// The role that is told.
    pub told: Role,
    /// The role in words.
    pub told_label: Words,
    /// The body that owes what the clock runs for: a department or a center by its id.
    pub body: String,
    /// Its name.
    pub body_name: String,
}

/// Why one run of a clock is due when it is due.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClockExplanation {
    /// Which limit it is.
    pub clock: Clock,
    /// The how-manieth run of it on the case, from 1.
    pub occurrence: u32,
    /// Its name.
    pub label: Words,
    /// Whether it runs.
    pub state: ClockState,
    /// The state in words.
    pub state_label: Words,
    /// When the event happened that started it.
    pub started_at: Timestamp,
    /// That event; none when the history does not show it.
    pub started_by: Option<Happening>,
    /// The event that stopped it; none while it runs, or when it lapsed by itself.
    pub stopped_by: Option<Happening>,
    /// When it stopped.
    pub stopped_at: Option<Timestamp>,
    /// The limit, before extensions and pauses.
    pub limit: Limit,
    /// The promise as it was first given.
    pub first_due_at: Timestamp,
    /// The promise as it stands in the events.
    pub due_at: Timestamp,
    /// The working days from the start to the promise: limit, extension and pauses.
    pub counted: Counted,
    /// The days off between the start and the promise.
    pub skipped: Skipped,
    /// The times in which it stood still.
    pub pauses: Vec<PauseSpan>,
    /// The extension.
    pub extension: Option<ExtensionSpan>,
    /// Every change of the complexity.
    pub reclassifications: Vec<Reclassification>,
    /// Every time it was counted again.
    pub recalculations: Vec<Recalculation>,
    /// Whether days off may still be published before the promise.
    pub provisional: bool,
    /// Why, when it is.
    pub provisional_why: Option<Words>,
    /// What the calendar does not know: days before its first year.
    pub calendar_gap: Option<Words>,
    /// Whether the calendar and the limit of today lead to the same promise.
    pub as_promised: bool,
    /// Where they lead, when not.
    pub recomputed_due_at: Option<Timestamp>,
    /// Where the promise would be if the clock ran again now; only while it stands still.
    pub due_if_resumed_now: Option<Timestamp>,
    /// Working days since the promise passed; 0 while it has not, or when it stopped in time.
    pub overdue_working_days: u32,
    /// The calendar that counted, `cn 2020–2026 #a1b2c3`.
    pub calendar: String,
    /// Who is told next, and when; none when nobody will be.
    pub next_step: Option<NextStep>,
    /// All of it in a sentence that can be read out.
    pub sentence: Words,
}

/// The clocks of a case that run or stand still now, most urgent first.
#[must_use]
pub fn standing(case: &Case, now: Timestamp) -> Vec<ClockStanding> {
    let mut all: Vec<ClockStanding> = life::runs(case)
        .into_iter()
        .map(|run| ClockStanding {
            clock: run.clock,
            occurrence: run.occurrence,
            label: clock_label(run.clock),
            started_at: run.started_at,
            due_at: run.due_at,
            state: state(case, &run, now),
        })
        .filter(|clock| clock.state != ClockState::Stopped)
        .collect();
    all.sort_by_key(|clock| (clock.due_at, clock.clock, clock.occurrence));
    all
}

/// Explains every clock that a case ever had: those that run first, most urgent first, then the stopped ones in
/// the order in which they began.
///
/// `history` is every event of the case, oldest first; `case` is what it folds to.
#[must_use]
pub fn explain(
    case: &Case,
    history: &[(EventMeta, CaseEvent)],
    rules: &Rules,
    now: Timestamp,
) -> Vec<ClockExplanation> {
    let lives = life::lives(case, history);
    let mut all: Vec<ClockExplanation> =
        lives.into_iter().map(|life| explanation(case, life, rules, now)).collect();
    all.sort_by_key(|one| match one.state {
        ClockState::Stopped => (true, one.started_at, one.clock, one.occurrence),
        _ => (false, one.due_at, one.clock, one.occurrence),
    });
    all
}

/// The name of a clock.
fn clock_label(clock: Clock) -> Words {
    Words::new(clock.label_zh(), clock.label_en())
}

/// Whether a run that has not been stopped by an event runs now.
fn state(case: &Case, run: &ClockRun, now: Timestamp) -> ClockState {
    let is_past = now > run.due_at;
    match run.clock {
        Clock::Handling if case.pause.is_some() => ClockState::Paused,
        // A right that lapses by itself: nobody is late with it.
        Clock::Return if is_past => ClockState::Stopped,
        _ if is_past => ClockState::Overdue,
        _ => ClockState::Running,
    }
}

fn explanation(case: &Case, life: Life, rules: &Rules, now: Timestamp) -> ClockExplanation {
    let calendar = &rules.calendar;
    let run = life.run.clone();
    // A right that had lapsed before anything could stop it.
    let has_lapsed = |event: &Happening| run.clock == Clock::Return && event.at > run.due_at;
    let stopped_by = life.stopped_by.clone().filter(|event| !has_lapsed(event));
    let is_over = life.stopped_by.is_some();
    let state = match &stopped_by {
        None if is_over => ClockState::Stopped,
        Some(_) => ClockState::Stopped,
        None => state(case, &run, now),
    };
    let lapsed_at = (state == ClockState::Stopped).then_some(run.due_at);
    let stopped_at = stopped_by.as_ref().map(|event| event.at).or(lapsed_at);
    let pauses = life.pauses(calendar, now);
    // A pause that lasts has moved nothing yet.
    let paused_days = pauses.iter().filter(|pause| pause.to.is_some());
    let added = paused_days.map(|pause| pause.working_days).fold(0, u32::saturating_add)
        + life.extension.as_ref().map_or(0, |extension| extension.working_days);
    let (limit, recomputed_due_at) = counting::limit(&life, added, rules);
    let (from, to) = (calendar.date_of(run.started_at), calendar.date_of(run.due_at));
    let (counted, skipped) = counting::days(calendar, from, to, &pauses);
    let until = stopped_at.unwrap_or(now);
    let late = calendar.working_days_between(to, calendar.date_of(until)).max(0);
    let is_late = until > run.due_at && run.clock != Clock::Return && state != ClockState::Paused;
    let due_if_resumed_now =
        case.pause.as_ref().filter(|_| state == ClockState::Paused).map(|pause| {
            due_after_pause(calendar, run.due_at, pause.since, now.min(pause.until)).due_at
        });
    let provisional = to > calendar.published_to()
        || (run.clock == Clock::Handling && !is_over && case.provisional_due);
    let mut explanation = ClockExplanation {
        clock: run.clock,
        occurrence: run.occurrence,
        label: clock_label(run.clock),
        state,
        state_label: state.label(),
        started_at: run.started_at,
        started_by: life.started_by,
        stopped_at,
        stopped_by,
        limit,
        first_due_at: life.first_due_at,
        due_at: run.due_at,
        counted,
        skipped,
        pauses,
        extension: life.extension,
        reclassifications: life.reclassifications,
        recalculations: life.recalculations,
        provisional,
        provisional_why: provisional.then(|| sentence::provisional_why(calendar, to)),
        calendar_gap: sentence::calendar_gap(calendar, from),
        as_promised: recomputed_due_at.is_none(),
        recomputed_due_at,
        due_if_resumed_now,
        overdue_working_days: if is_late { u32::try_from(late).unwrap_or(u32::MAX) } else { 0 },
        calendar: calendar.version().to_string(),
        next_step: next_step(case, &run, rules, state, now),
        sentence: Words::new("", ""),
    };
    explanation.sentence = sentence::of(&explanation, calendar);
    explanation
}

/// The step of the ladder that comes next, told at the first instant at which people may be told.
fn next_step(
    case: &Case,
    run: &ClockRun,
    rules: &Rules,
    state: ClockState,
    now: Timestamp,
) -> Option<NextStep> {
    if !matches!(state, ClockState::Running | ClockState::Overdue) {
        return None;
    }
    let calendar = &rules.calendar;
    let is_due = now >= run.due_at;
    let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
    let open = |level: Level| !fired(level) && (!is_due || level.rank() > 0);
    let step = ladder(calendar, run).into_iter().find(|step| open(step.level))?;
    let at = step.at.max(now);
    let at = if calendar.may_notify_at(at) { at } else { calendar.next_opening(at) };
    let Told { role, body, .. } = told(case, run.clock, run.occurrence, step.level, rules);
    Some(NextStep {
        level: step.level,
        label: Words::new(step.level.label_zh(), step.level.label_en()),
        at,
        told: role,
        told_label: Words::new(role.label_zh(), role.label_en()),
        body_name: rules.body_name(&body).into(),
        body,
    })
}
