//! The days between the start of a clock and its promise: which count, which do not, and why.

use alloc::string::String;
use alloc::vec::Vec;

use chrono::{Datelike, NaiveDate, Weekday};
use proto_events::Timestamp;
use proto_events::codes::Clock;
use serde::Serialize;

use super::life::Life;
use super::{Limit, LimitSource, PauseSpan, Words};
use crate::calendar::{DayKind, WorkingCalendar};
use crate::rules::Rules;

/// Days that a list shows at most: the longest limit that is believed is 60 working days, with its extension and
/// pauses; a longer list explains nothing to anybody.
pub const DAYS_SHOWN_MAX: usize = 120;

/// Calendar days that are looked at for a list, so that a promise in another age costs nothing.
const DAYS_LOOKED_AT_MAX: usize = 400;

/// A working day that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CountedDay {
    /// The day.
    pub date: NaiveDate,
    /// True for a Saturday or Sunday on which people work (调休).
    pub make_up: bool,
    /// True when the clock stood still that day.
    pub paused: bool,
}

/// The working days from the start, whose own day does not count, to the promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How many.
    pub count: u32,
    /// Which; the first of them, when `truncated`.
    pub days: Vec<CountedDay>,
    /// Whether the list is cut off.
    pub truncated: bool,
}

/// Why a day does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OffReason {
    /// A Saturday or Sunday.
    Weekend,
    /// A day of a public holiday.
    Holiday,
}

/// A day that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DayOff {
    /// The day.
    pub date: NaiveDate,
    /// Why.
    pub reason: OffReason,
    /// The name of the holiday, or of the day of the week.
    pub name: Words,
}

/// The days off between the start and the promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// How many.
    pub count: u32,
    /// Which; the first of them, when `truncated`.
    pub days: Vec<DayOff>,
    /// Whether the list is cut off.
    pub truncated: bool,
}

/// Names the days after `from` up to and including `to`.
pub(super) fn days(
    calendar: &WorkingCalendar,
    from: NaiveDate,
    to: NaiveDate,
    pauses: &[PauseSpan],
) -> (Counted, Skipped) {
    let paused = |date: NaiveDate| {
        pauses.iter().any(|pause| {
            let end = pause.to.unwrap_or(pause.until);
            calendar.date_of(pause.from) < date && date <= calendar.date_of(end)
        })
    };
    let (mut working, mut off) = (Vec::new(), Vec::new());
    for (date, kind) in calendar.days_between(from, to).take(DAYS_LOOKED_AT_MAX) {
        let reason = match kind {
            DayKind::Working | DayKind::MakeUp => {
                let make_up = kind == DayKind::MakeUp;
                working.push(CountedDay { date, make_up, paused: paused(date) });
                continue;
            }
            DayKind::Weekend => (OffReason::Weekend, weekday(date)),
            DayKind::Holiday(name) => (OffReason::Holiday, holiday(name)),
        };
        off.push(DayOff { date, reason: reason.0, name: reason.1 });
    }
    let all = count(to.signed_duration_since(from).num_days());
    let working_days = count(calendar.working_days_between(from, to));
    let off_days = all.saturating_sub(working_days);
    working.truncate(DAYS_SHOWN_MAX);
    off.truncate(DAYS_SHOWN_MAX);
    let is_cut = |shown: usize, of: u32| u32::try_from(shown).is_ok_and(|shown| shown < of);
    let counted = Counted {
        count: working_days,
        truncated: is_cut(working.len(), working_days),
        days: working,
    };
    let skipped = Skipped { count: off_days, truncated: is_cut(off.len(), off_days), days: off };
    (counted, skipped)
}

/// Finds the limit of a run, and where limit and calendar lead today when that is another instant than the
/// promise. `added` is what extension and pauses have added.
pub(super) fn limit(life: &Life, added: u32, rules: &Rules) -> (Limit, Option<Timestamp>) {
    let (calendar, run) = (&rules.calendar, &life.run);
    let complexity = life.complexity.filter(|_| run.clock == Clock::Handling);
    let of_district = match complexity {
        Some(complexity) => Some(rules.limits.handling(complexity)),
        // Whoever gives a part names its day.
        None if run.clock == Clock::Part => None,
        None => rules.limits.of(run.clock),
    };
    let leads_to = |days: u32| calendar.deadline(run.started_at, days.saturating_add(added)).due_at;
    let with = |working_days, source| Limit {
        working_days,
        source,
        district_working_days: of_district,
        complexity,
    };
    if let Some(days) = life.stated_days {
        let recomputed = leads_to(days);
        return (with(days, LimitSource::Event), (recomputed != run.due_at).then_some(recomputed));
    }
    let (from, to) = (calendar.date_of(run.started_at), calendar.date_of(run.due_at));
    let counted = count(calendar.working_days_between(from, to)).saturating_sub(added);
    match of_district {
        Some(days) => {
            let recomputed = leads_to(days);
            let is_kept = recomputed == run.due_at;
            // A promise within the published years was counted by these days already: it is the limit that was
            // another one then.
            let source = if is_kept { LimitSource::District } else { LimitSource::Counted };
            let days = if is_kept { days } else { counted };
            (with(days, source), (!is_kept).then_some(recomputed))
        }
        None => (with(counted, LimitSource::Counted), None),
    }
}

fn count(days: i64) -> u32 {
    u32::try_from(days).unwrap_or(0)
}

/// The name of a day of the week.
pub(super) fn weekday(date: NaiveDate) -> Words {
    let (zh, en) = match date.weekday() {
        Weekday::Mon => ("周一", "Mon"),
        Weekday::Tue => ("周二", "Tue"),
        Weekday::Wed => ("周三", "Wed"),
        Weekday::Thu => ("周四", "Thu"),
        Weekday::Fri => ("周五", "Fri"),
        Weekday::Sat => ("周六", "Sat"),
        Weekday::Sun => ("周日", "Sun"),
    };
    Words::new(zh, en)
}

/// The name of a holiday: the yearly notices know seven, alone or joined with `、`. Another one keeps its own
/// name in both languages.
fn holiday(name: &str) -> Words {
    const ENGLISH: &[(&str, &str)] = &[
        ("元旦", "New Year's Day"),
        ("春节", "Spring Festival"),
        ("清明节", "Qingming Festival"),
        ("劳动节", "Labour Day"),
        ("端午节", "Dragon Boat Festival"),
        ("中秋节", "Mid-Autumn Festival"),
        ("国庆节", "National Day"),
    ];
    if name.is_empty() {
        return Words::new("放假", "a public holiday");
    }
    let mut english = String::new();
    for part in name.split('、') {
        if !english.is_empty() {
            english.push_str(" and ");
        }
        let known = ENGLISH.iter().find(|known| known.0 == part);
        english.push_str(known.map_or(part, |known| known.1));
    }
    Words::new(name, english)
}
