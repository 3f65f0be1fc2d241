//! The clocks of a case and the ladder by which a running clock calls for help, as pure functions.
//!
//! Invariants:
//! - A clock carries its own start and due time, as the event that promised them recorded them;
//!   nothing here computes a promise anew from today's limits.
//! - Which steps are due depends on the clock, the calendar, what has fired and the time; never on
//!   how often or when somebody looked. A process that was down finds the same steps when it is
//!   back.
//! - Nobody is told of anything outside [`WorkingCalendar::may_notify_at`].

use alloc::{format, string::String, vec::Vec};

use proto_events::{
    Timestamp,
    codes::{Clock, Level},
};
use serde::{Deserialize, Serialize};

use crate::calendar::{Deadline, WorkingCalendar};

mod limits;
#[cfg(test)]
mod tests;

pub use self::limits::{LIMIT_DAYS_MAX, Limits};

/// One run of a clock on a case (时钟).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRun {
    /// Which limit runs.
    pub clock: Clock,
    /// The how-manieth run of this clock on the case, from 1: a reopened case is handled a second
    /// time.
    pub occurrence: u32,
    /// When the event happened that started the clock.
    pub started_at: Timestamp,
    /// The promised end of business of the last day, after extensions and pauses.
    pub due_at: Timestamp,
}

/// One step of the ladder: who is told, and from when on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// How far the clock has climbed.
    pub level: Level,
    /// The first instant at which the step may be taken.
    pub at: Timestamp,
}

/// When a step of a ladder is taken.
#[derive(Debug, Clone, Copy)]
enum When {
    /// When this percentage of the business time has passed.
    Share(u8),
    /// At the due time.
    Due,
    /// At the opening of the nth working day after the due date.
    MorningAfter(u32),
}

/// The case as a whole is late: everybody up to the leading group is told, one after another.
const LADDER_OF_HANDLING: &[(Level, When)] = &[
    (Level::Warning50, When::Share(50)),
    (Level::Warning80, When::Share(80)),
    (Level::Director, When::Due),
    (Level::DepartmentLead, When::MorningAfter(1)),
    (Level::Coordinator, When::MorningAfter(3)),
    (Level::LeadingGroup, When::MorningAfter(5)),
];

/// A single promise of one to five days inside the case: half of one day is too early to say
/// anything, and what remains undone after the department lead knows of it shows in the ladder of
/// handling, which runs beside it.
const LADDER_OF_A_PROMISE: &[(Level, When)] = &[
    (Level::Warning80, When::Share(80)),
    (Level::Director, When::Due),
    (Level::DepartmentLead, When::MorningAfter(1)),
];

/// A ruling is the coordinator's own work, between departments: a department lead cannot help.
const LADDER_OF_ARBITRATION: &[(Level, When)] = &[
    (Level::Warning80, When::Share(80)),
    (Level::Director, When::Due),
    (Level::Coordinator, When::MorningAfter(1)),
];

impl ClockRun {
    /// Names the run within its case, such as `handling#1`; the key of everything that happens once
    /// per run.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}#{}", self.clock, self.occurrence)
    }

    /// Names one step of this run, `handling#1/director`: what the id of its command is derived from.
    #[must_use]
    pub fn step_key(&self, level: Level) -> String {
        format!("{}/{level}", self.key())
    }
}

/// Tells who is told about a running clock, and when, lowest level first.
///
/// Warnings stand where half and four fifths of the business time have passed. The center director
/// is named at the due time itself. The further levels stand at the opening of a working day, not
/// at its close: a message at closing time helps nobody, the morning of the first overdue working
/// day does. Handling climbs the whole ladder, a smaller promise the part of it that fits its size;
/// the right to return lapses by itself and has no ladder.
#[must_use]
pub fn ladder(calendar: &WorkingCalendar, run: &ClockRun) -> Vec<Step> {
    let at = |when| match when {
        When::Share(percent) => calendar.at_share(run.started_at, run.due_at, percent),
        When::Due => run.due_at,
        When::MorningAfter(days) => {
            calendar.opening_of(calendar.add_working_days(calendar.date_of(run.due_at), days))
        }
    };
    rungs(run.clock).iter().map(|&(level, when)| Step { level, at: at(when) }).collect()
}

/// Finds the steps whose time has come and that did not fire, lowest level first.
///
/// Nothing is due while nobody may be told. When several levels were missed, all of them are due,
/// except that warnings are dropped once the due time has come: a warning after the fact is noise.
#[must_use]
pub fn due_steps(
    calendar: &WorkingCalendar,
    run: &ClockRun,
    fired: impl Fn(Level) -> bool,
    now: Timestamp,
) -> Vec<Step> {
    if !calendar.may_notify_at(now) {
        return Vec::new();
    }
    let mut steps = open_steps(calendar, run, fired, now);
    steps.retain(|step| step.at <= now);
    steps
}

/// Finds the instant from which [`due_steps`] will have something to say; `now` when it has, `None`
/// when it never will.
#[must_use]
pub fn next_due(
    calendar: &WorkingCalendar,
    run: &ClockRun,
    fired: impl Fn(Level) -> bool,
    now: Timestamp,
) -> Option<Timestamp> {
    let steps = open_steps(calendar, run, fired, now);
    let told = |step: Step| {
        let at = step.at.max(now);
        let at = if calendar.may_notify_at(at) { at } else { calendar.next_opening(at) };
        // A warning whose first chance to be told comes when the time is already over is never told.
        let is_too_late = is_warning(step.level) && at >= run.due_at;
        (!is_too_late).then_some(at)
    };
    steps.into_iter().filter_map(told).min()
}

/// Finds when a clock is due that stood still between two instants (暂停扣除): the due date moves by
/// the working days that began after the pause did.
///
/// A pause that ends on the day it began, or before it, moves nothing.
#[must_use]
pub fn due_after_pause(
    calendar: &WorkingCalendar,
    due_at: Timestamp,
    paused_at: Timestamp,
    resumed_at: Timestamp,
) -> Deadline {
    let days =
        calendar.working_days_between(calendar.date_of(paused_at), calendar.date_of(resumed_at));
    calendar.deadline(due_at, u32::try_from(days).unwrap_or(0))
}

const fn rungs(clock: Clock) -> &'static [(Level, When)] {
    match clock {
        Clock::Handling => LADDER_OF_HANDLING,
        Clock::Arbitration => LADDER_OF_ARBITRATION,
        Clock::FirstContact
        | Clock::Explanation
        | Clock::FirstMeeting
        | Clock::SpecialCheck
        | Clock::LookBack
        | Clock::Part
        | Clock::Callback
        | Clock::BadReviewContact
        | Clock::BadReviewFix => LADDER_OF_A_PROMISE,
        Clock::Return => &[],
    }
}

/// Gives the steps that did not fire and still make sense.
fn open_steps(
    calendar: &WorkingCalendar,
    run: &ClockRun,
    fired: impl Fn(Level) -> bool,
    now: Timestamp,
) -> Vec<Step> {
    let is_due = now >= run.due_at;
    let mut steps = ladder(calendar, run);
    steps.retain(|step| !fired(step.level) && (!is_due || !is_warning(step.level)));
    steps
}

const fn is_warning(level: Level) -> bool {
    matches!(level, Level::Warning50 | Level::Warning80)
}
