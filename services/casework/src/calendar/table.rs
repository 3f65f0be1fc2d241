//! The published years of a calendar, checked and brought into the shape that counting needs.
//!
//! Invariant: a table that was read has whole years without a gap, and names no day twice.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};

use chrono::{Datelike, NaiveDate, Weekday};

use super::day_number;

/// The longest run of days off that is believed, in days.
///
/// The longest since 2020 is the Spring Festival of 2020 with 10 days (国办发明电〔2020〕1号); a longer
/// run is more likely a slip in a month.
pub const OFF_RUN_DAYS_MAX: i64 = 14;

/// A run of days off with its name (放假安排).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaysOff {
    /// First day off.
    pub from: NaiveDate,
    /// Last day off.
    pub to: NaiveDate,
    /// Name of the holiday, for people.
    pub name: String,
}

/// One published year: its days off and its make-up workdays (调休).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalendarYear {
    /// Runs of days off; days of the run that fall on a weekend may be named.
    pub off: Vec<DaysOff>,
    /// Saturdays and Sundays on which people work.
    ///
    /// A notice may also name the weekday on which work begins again after a run (in 2020:
    /// 2月3日（星期一）起正常上班, 国办发明电〔2020〕1号); that changes nothing and is no fault.
    pub work: Vec<NaiveDate>,
}

/// A fault in the data of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CalendarFault {
    /// There is no year at all.
    #[error("the calendar has no year")]
    NoYear,
    /// A year that a date with four digits cannot hold.
    #[error("{0} is not a year between 1 and 9999")]
    YearOutOfRange(i32),
    /// A year between the first and the last is missing.
    #[error("the year {0} is missing between the first and the last year")]
    YearMissing(i32),
    /// A run of days off ends before it starts.
    #[error("the days off from {from} to {to} end before they start")]
    EndsBeforeStart {
        /// First day of the run.
        from: NaiveDate,
        /// Last day of the run.
        to: NaiveDate,
    },
    /// A run of days off is longer than [`OFF_RUN_DAYS_MAX`].
    #[error("the days off from {from} to {to} are longer than {OFF_RUN_DAYS_MAX} days")]
    RunTooLong {
        /// First day of the run.
        from: NaiveDate,
        /// Last day of the run.
        to: NaiveDate,
    },
    /// A date stands under another year than its own; a run over New Year is written as two.
    #[error("{date} stands under the year {year}")]
    OutsideYear {
        /// The year under which the date stands.
        year: i32,
        /// The date.
        date: NaiveDate,
    },
    /// A make-up workday is no Saturday or Sunday, nor the first day after a run of days off.
    #[error("the make-up workday {0} is no Saturday or Sunday")]
    MakeUpOnWeekday(NaiveDate),
    /// A day is named twice as off, or twice as work.
    #[error("{0} is named twice")]
    NamedTwice(NaiveDate),
    /// A day is both off and work.
    #[error("{0} is both a day off and a workday")]
    OffAndWork(NaiveDate),
}

pub(super) struct Table {
    pub(super) weekdays_off: Vec<i64>,
    pub(super) weekend_work: Vec<i64>,
    /// Ascending, because the years are and no day is named twice.
    pub(super) holidays: Vec<DaysOff>,
    pub(super) published_from: NaiveDate,
    pub(super) published_to: NaiveDate,
}

/// Checks every year and brings the exceptions into order.
pub(super) fn read(years: &BTreeMap<i32, CalendarYear>) -> Result<Table, Vec<CalendarFault>> {
    let mut faults = Vec::new();
    let (mut off, mut work) = (BTreeSet::new(), BTreeSet::new());
    let mut year_before: Option<i32> = None;
    for (&year, days) in years {
        if !(1..=9999).contains(&year) {
            faults.push(CalendarFault::YearOutOfRange(year));
            continue;
        }
        if let Some(before) = year_before {
            faults.extend((before + 1..year).map(CalendarFault::YearMissing));
        }
        year_before = Some(year);
        days.off.iter().for_each(|run| read_run(year, run, &mut off, &mut faults));
        days.work
            .iter()
            .for_each(|&date| read_make_up_day(year, date, &off, &mut work, &mut faults));
    }
    faults.extend(off.intersection(&work).copied().map(CalendarFault::OffAndWork));
    let first = years.keys().next().and_then(|year| NaiveDate::from_ymd_opt(*year, 1, 1));
    let last = year_before.and_then(|year| NaiveDate::from_ymd_opt(year, 12, 31));
    match first.zip(last) {
        Some((published_from, published_to)) if faults.is_empty() => Ok(Table {
            weekdays_off: off
                .into_iter()
                .filter(|date| !is_weekend(*date))
                .map(day_number)
                .collect(),
            weekend_work: work
                .into_iter()
                .filter(|date| is_weekend(*date))
                .map(day_number)
                .collect(),
            holidays: in_order(years),
            published_from,
            published_to,
        }),
        _ => {
            if years.is_empty() {
                faults.push(CalendarFault::NoYear);
            }
            Err(faults)
        }
    }
}

/// Every run of days off, oldest first.
fn in_order(years: &BTreeMap<i32, CalendarYear>) -> Vec<DaysOff> {
    let mut runs: Vec<DaysOff> = years.values().flat_map(|year| year.off.clone()).collect();
    runs.sort_by_key(|run| run.from);
    runs
}

fn read_run(
    year: i32,
    run: &DaysOff,
    off: &mut BTreeSet<NaiveDate>,
    faults: &mut Vec<CalendarFault>,
) {
    let &DaysOff { from, to, .. } = run;
    let outside = |date: &NaiveDate| date.year() != year;
    faults.extend(
        [from, to]
            .into_iter()
            .filter(outside)
            .map(|date| CalendarFault::OutsideYear { year, date }),
    );
    if from > to {
        faults.push(CalendarFault::EndsBeforeStart { from, to });
    } else if to.signed_duration_since(from).num_days() >= OFF_RUN_DAYS_MAX {
        faults.push(CalendarFault::RunTooLong { from, to });
    } else {
        let named_twice =
            from.iter_days().take_while(|date| *date <= to).filter(|date| !off.insert(*date));
        faults.extend(named_twice.map(CalendarFault::NamedTwice));
    }
}

fn read_make_up_day(
    year: i32,
    date: NaiveDate,
    off: &BTreeSet<NaiveDate>,
    work: &mut BTreeSet<NaiveDate>,
    faults: &mut Vec<CalendarFault>,
) {
    if date.year() != year {
        faults.push(CalendarFault::OutsideYear { year, date });
    }
    let follows_a_run = date.pred_opt().is_some_and(|before| off.contains(&before));
    if !is_weekend(date) && !follows_a_run {
        faults.push(CalendarFault::MakeUpOnWeekday(date));
    }
    if !work.insert(date) {
        faults.push(CalendarFault::NamedTwice(date));
    }
}

fn is_weekend(date: NaiveDate) -> bool {
    matches!(date.weekday(), Weekday::Sat | Weekday::Sun)
}
