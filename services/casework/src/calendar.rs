//! The working calendar of mainland China with its make-up workdays (调休), and time counted in
//! business hours.
//!
//! Invariants:
//! - The calendar is built once, from whole years without a gap; every fault of its data is told at
//!   once.
//! - Every function is total. Days are counted by their rank (how many working days lie before), so
//!   no function walks from day to day; results beyond the years an RFC 3339 text can hold are
//!   clamped to 0001–9999.
//! - Hours are counted in the calendar's own offset, whatever offset a [`Timestamp`] comes with.
//! - The closing minute belongs to the business: the period ends when the business stops (民法典 203).

use alloc::{collections::BTreeMap, string::String, vec::Vec};

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike,
};
use proto_events::Timestamp;

mod days;
mod hours;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use self::{
    days::{CalendarVersion, DayKind},
    hours::{BusinessHours, BusinessHoursFault},
    table::{CalendarFault, CalendarYear, DaysOff, OFF_RUN_DAYS_MAX},
};

/// How long after the close of a working day people may still be told of something, in minutes.
///
/// A deadline stands at the close of business; the timer that notices it runs a moment later.
pub const CLOSE_GRACE_MINUTES: u16 = 30;

const NANOS_PER_MINUTE: i64 = 60_000_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The end of business of a last day, as it is promised to a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// The closing time of the last day, in the calendar's offset.
    pub due_at: Timestamp,
    /// True when the last day lies beyond the last published year, so that days off may still be
    /// added.
    pub provisional: bool,
}

/// The working days of a country and the business hours of a district.
///
/// Outside the published years, Monday to Friday are working days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingCalendar {
    /// The name under which the district names it, such as `cn`; may be empty.
    name: String,
    /// Days from Monday to Friday that are off, as day numbers of the common era, ascending.
    weekdays_off: Vec<i64>,
    /// Make-up workdays on a weekend, as day numbers of the common era, ascending.
    weekend_work: Vec<i64>,
    /// The runs of days off with their names, ascending.
    holidays: Vec<DaysOff>,
    hours: BusinessHours,
    offset: FixedOffset,
    published_from: NaiveDate,
    published_to: NaiveDate,
}

impl WorkingCalendar {
    /// Builds the calendar from its published years.
    ///
    /// # Errors
    /// Every fault of the data, in the order of the dates: no year at all, years that are not
    /// contiguous, runs that end before they start or are longer than [`OFF_RUN_DAYS_MAX`], dates
    /// outside their year, a make-up day that is no weekend day, a day that is named twice or is
    /// both off and work.
    pub fn new(
        years: BTreeMap<i32, CalendarYear>,
        hours: BusinessHours,
        offset: FixedOffset,
    ) -> Result<Self, Vec<CalendarFault>> {
        let table = table::read(&years)?;
        Ok(Self {
            name: String::new(),
            weekdays_off: table.weekdays_off,
            weekend_work: table.weekend_work,
            holidays: table.holidays,
            hours,
            offset,
            published_from: table.published_from,
            published_to: table.published_to,
        })
    }

    /// Tells the last day of the last published year.
    #[must_use]
    pub const fn published_to(&self) -> NaiveDate {
        self.published_to
    }

    /// Tells the offset in which days and hours are counted.
    #[must_use]
    pub const fn offset(&self) -> FixedOffset {
        self.offset
    }

    /// Tells the business hours of a working day.
    #[must_use]
    pub const fn hours(&self) -> &BusinessHours {
        &self.hours
    }

    /// Tells whether a day is a working day.
    #[must_use]
    pub fn is_working_day(&self, date: NaiveDate) -> bool {
        let day = day_number(date);
        self.rank(day) > self.rank(day - 1)
    }

    /// Finds the `n`th working day after a day; the day itself does not count (民法典 201), so 0 gives
    /// the day itself.
    #[must_use]
    pub fn add_working_days(&self, from: NaiveDate, n: u32) -> NaiveDate {
        if n == 0 {
            return from;
        }
        let start = day_number(from);
        self.day_of_rank(self.rank(start) + i64::from(n), start)
    }

    /// Counts the working days after `a` up to and including `b`; negative when `b` lies before
    /// `a`.
    #[must_use]
    pub fn working_days_between(&self, a: NaiveDate, b: NaiveDate) -> i64 {
        self.rank(day_number(b)) - self.rank(day_number(a))
    }

    /// Finds the end of business of the last day of a limit that starts with an event.
    ///
    /// The day of the event does not count. A limit of 0 days ends with the day of the event, or
    /// with the next working day when that day is none.
    #[must_use]
    pub fn deadline(&self, start: Timestamp, working_days: u32) -> Deadline {
        let from = self.date_of(start);
        let last = if working_days == 0 && !self.is_working_day(from) {
            self.add_working_days(from, 1)
        } else {
            self.add_working_days(from, working_days)
        };
        Deadline { due_at: self.closing_of(last), provisional: last > self.published_to }
    }

    /// Tells the day on which an instant falls here.
    #[must_use]
    pub fn date_of(&self, at: Timestamp) -> NaiveDate {
        self.local(at).date()
    }

    /// Tells when business would open on a day, whether or not it is a working day.
    #[must_use]
    pub fn opening_of(&self, date: NaiveDate) -> Timestamp {
        self.instant(date, i64::from(self.hours.opening()) * NANOS_PER_MINUTE)
    }

    /// Tells when business would close on a day, whether or not it is a working day.
    #[must_use]
    pub fn closing_of(&self, date: NaiveDate) -> Timestamp {
        self.instant(date, i64::from(self.hours.closing()) * NANOS_PER_MINUTE)
    }

    /// Tells whether an instant lies in the business hours of a working day; both ends belong to
    /// them.
    #[must_use]
    pub fn is_open_at(&self, at: Timestamp) -> bool {
        let local = self.local(at);
        let nanos = nanos_of_day(local.time());
        self.is_working_day(local.date())
            && self.hours.iter().any(|(from, to)| (minutes(from)..=minutes(to)).contains(&nanos))
    }

    /// Finds the first instant at or after `at` that lies in business hours; `at` itself when it
    /// does.
    #[must_use]
    pub fn next_opening(&self, at: Timestamp) -> Timestamp {
        if self.is_open_at(at) {
            return at;
        }
        let local = self.local(at);
        let nanos = nanos_of_day(local.time());
        let today = self.hours.iter().map(|(from, _)| minutes(from)).find(|from| *from >= nanos);
        match today {
            Some(from) if self.is_working_day(local.date()) => self.instant(local.date(), from),
            _ => self.opening_of(self.add_working_days(local.date(), 1)),
        }
    }

    /// Tells whether people may be told of something at an instant.
    ///
    /// True in business hours and for [`CLOSE_GRACE_MINUTES`] after the close of a working day;
    /// never at night, on a day off or in the lunch break.
    #[must_use]
    pub fn may_notify_at(&self, at: Timestamp) -> bool {
        if self.is_open_at(at) {
            return true;
        }
        let local = self.local(at);
        let close = minutes(self.hours.closing());
        let grace = close + minutes(CLOSE_GRACE_MINUTES);
        self.is_working_day(local.date()) && (close..=grace).contains(&nanos_of_day(local.time()))
    }

    /// Counts the whole minutes of business between two instants; negative when `b` lies before
    /// `a`.
    ///
    /// Each instant counts from the start of its minute, so that the counts of adjoining spans add
    /// up.
    #[must_use]
    pub fn business_minutes_between(&self, a: Timestamp, b: Timestamp) -> i64 {
        let minute =
            |at| self.business_nanos(self.local(at)).div_euclid(i128::from(NANOS_PER_MINUTE));
        saturated(minute(b) - minute(a))
    }

    /// Finds the instant at which a share of the business time between start and due has passed.
    ///
    /// It lies in business hours, never before `start` and never after `due`. Where a share ends
    /// exactly at a break, the next opening is named: a message at closing time helps nobody. 100 %
    /// and more, and a span without any business time, give `due`.
    #[must_use]
    pub fn at_share(&self, start: Timestamp, due: Timestamp, percent: u8) -> Timestamp {
        let begin = self.business_nanos(self.local(start));
        let total = self.business_nanos(self.local(due)) - begin;
        let before = day_number(self.local(start.min(due)).date()) - 1;
        let at = self.opening_side_of(begin + total * i128::from(percent) / 100, before);
        // `at < due` holds while business time remains. Without any, and from 100 % on, the opening lies behind the
        // due time, and the clamp gives the due time.
        at.clamp(start.min(due), due)
    }

    /// Counts the working days from the start of the common era to the end of a day.
    fn rank(&self, day: i64) -> i64 {
        // Day 1 of the common era was a Monday.
        let weekdays = day.div_euclid(7) * 5 + day.rem_euclid(7).min(5);
        weekdays - count_to(&self.weekdays_off, day) + count_to(&self.weekend_work, day)
    }

    /// Finds the first day whose rank reaches `rank`, knowing a day whose rank does not; the last day there is when
    /// none does.
    fn day_of_rank(&self, rank: i64, before: i64) -> NaiveDate {
        // Most are days away, and a search from here to the end of all dates took three times as long; wherever the
        // first guess lies, it is passed before the search begins.
        let last = day_number(NaiveDate::MAX);
        let mut step = rank.saturating_sub(self.rank(before)).max(1);
        let (mut low, mut high) = (before, before.saturating_add(step).min(last));
        while high < last && self.rank(high) < rank {
            step = step.saturating_mul(2);
            (low, high) = (high, high.saturating_add(step).min(last));
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if self.rank(middle) >= rank {
                high = middle;
            } else {
                low = middle;
            }
        }
        i32::try_from(high)
            .ok()
            .and_then(NaiveDate::from_num_days_from_ce_opt)
            .unwrap_or(NaiveDate::MAX)
    }

    /// Counts the business time from the start of the common era to a local time, in nanoseconds.
    ///
    /// Ten thousand years of them do not fit into 64 bits.
    fn business_nanos(&self, local: NaiveDateTime) -> i128 {
        let day = day_number(local.date());
        let whole_days =
            i128::from(self.rank(day - 1)) * i128::from(minutes(self.hours.minutes_per_day()));
        if !self.is_working_day(local.date()) {
            return whole_days;
        }
        let nanos = nanos_of_day(local.time());
        let today: i64 = self
            .hours
            .iter()
            .map(|(from, to)| (nanos.min(minutes(to)) - minutes(from)).max(0))
            .sum();
        whole_days + i128::from(today)
    }

    /// Finds the last instant at which no more than `nanos` of business time had passed: where they
    /// end at a break, the opening after it. It lies behind the day `before`.
    fn opening_side_of(&self, nanos: i128, before: i64) -> Timestamp {
        let per_day = i128::from(minutes(self.hours.minutes_per_day()));
        let date = self.day_of_rank(saturated(nanos.div_euclid(per_day) + 1), before);
        let mut rest = saturated(nanos.rem_euclid(per_day));
        for (from, to) in self.hours.iter() {
            let length = minutes(to) - minutes(from);
            if rest < length {
                return self.instant(date, minutes(from) + rest);
            }
            rest -= length;
        }
        self.closing_of(date)
    }

    /// Reads an instant as people here read it.
    fn local(&self, at: Timestamp) -> NaiveDateTime {
        let utc = at.naive_utc();
        utc.checked_add_offset(self.offset).unwrap_or(utc).clamp(first_moment(), last_moment())
    }

    /// Makes the instant that lies so many nanoseconds after the midnight of a day here.
    fn instant(&self, date: NaiveDate, nanos: i64) -> Timestamp {
        let midnight =
            date.clamp(first_moment().date(), last_moment().date()).and_time(NaiveTime::MIN);
        let utc = midnight + TimeDelta::nanoseconds(nanos) - self.offset;
        DateTime::from_naive_utc_and_offset(utc, self.offset)
    }
}

/// The first moment that four-digit years can hold, with a day to spare for offsets.
fn first_moment() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(1, 1, 2).expect("a fixed date").and_time(NaiveTime::MIN)
}

/// The last moment that four-digit years can hold, with a day to spare for offsets.
fn last_moment() -> NaiveDateTime {
    NaiveDate::from_ymd_opt(9999, 12, 30)
        .expect("a fixed date")
        .and_hms_opt(23, 59, 59)
        .expect("a fixed time")
}

fn day_number(date: NaiveDate) -> i64 {
    i64::from(date.num_days_from_ce())
}

const fn minutes(count: u16) -> i64 {
    count as i64 * NANOS_PER_MINUTE
}

/// Counts from midnight; a leap second counts as the end of its minute.
fn nanos_of_day(time: NaiveTime) -> i64 {
    let nanos = i64::from(time.nanosecond()).min(NANOS_PER_SECOND - 1);
    i64::from(time.num_seconds_from_midnight()) * NANOS_PER_SECOND + nanos
}

/// Narrows a count that fits except for calendars nobody has.
fn saturated(count: i128) -> i64 {
    let fitting = count.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(fitting).expect("clamped to what fits")
}

/// Counts the days of an ascending list up to and including a day.
fn count_to(days: &[i64], day: i64) -> i64 {
    i64::try_from(days.partition_point(|listed| *listed <= day)).unwrap_or(i64::MAX)
}
