//! What a single day is, and which calendar says so: for people who ask why something is due then.
//!
//! Invariant: a day is a working day exactly when its [`DayKind`] says that people work.

use alloc::string::String;
use core::fmt;

use chrono::{Datelike, NaiveDate, Weekday};

use super::{WorkingCalendar, day_number};

/// What a day is for those who count working days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKind<'a> {
    /// Monday to Friday, nothing special.
    Working,
    /// A Saturday or Sunday on which people work, for a day off elsewhere (调休).
    MakeUp,
    /// A Saturday or Sunday.
    Weekend,
    /// A day of a public holiday, with the name of the holiday; weekends inside its run belong to it.
    Holiday(&'a str),
}

impl DayKind<'_> {
    /// Whether people work on such a day.
    #[must_use]
    pub const fn is_working(self) -> bool {
        matches!(self, Self::Working | Self::MakeUp)
    }
}

/// Which calendar counted: its name, its published years, and a fingerprint of its days.
///
/// Two calendars with the same version count every day the same. Shown as `cn 2020–2026 #a1b2c3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarVersion<'a> {
    /// The name under which the district names it; empty when it has none.
    pub name: &'a str,
    /// The first published year.
    pub from_year: i32,
    /// The last published year.
    pub to_year: i32,
    /// 24 bits over all exceptions of the published years.
    pub fingerprint: u32,
}

impl fmt::Display for CalendarVersion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.name.is_empty() {
            write!(f, "{} ", self.name)?;
        }
        write!(f, "{}–{} #{:06x}", self.from_year, self.to_year, self.fingerprint)
    }
}

impl WorkingCalendar {
    /// Gives the calendar the name under which the district names it.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = String::from(name);
        self
    }

    /// Tells the first day of the first published year.
    #[must_use]
    pub const fn published_from(&self) -> NaiveDate {
        self.published_from
    }

    /// Tells which calendar this is.
    #[must_use]
    pub fn version(&self) -> CalendarVersion<'_> {
        CalendarVersion {
            name: &self.name,
            from_year: self.published_from.year(),
            to_year: self.published_to.year(),
            fingerprint: self.fingerprint(),
        }
    }

    /// Tells what a day is.
    #[must_use]
    pub fn kind_of(&self, date: NaiveDate) -> DayKind<'_> {
        let day = day_number(date);
        if self.weekend_work.binary_search(&day).is_ok() {
            return DayKind::MakeUp;
        }
        let after = self.holidays.partition_point(|run| run.from <= date);
        if let Some(run) = self.holidays[..after].last()
            && date <= run.to
        {
            return DayKind::Holiday(&run.name);
        }
        if matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
            DayKind::Weekend
        } else {
            DayKind::Working
        }
    }

    /// Names the days after `after` up to and including `to`, each with what it is.
    pub fn days_between(
        &self,
        after: NaiveDate,
        to: NaiveDate,
    ) -> impl Iterator<Item = (NaiveDate, DayKind<'_>)> {
        let days = after.iter_days().skip(1).take_while(move |date| *date <= to);
        days.map(|date| (date, self.kind_of(date)))
    }

    /// FNV-1a over the published range and every exception, folded to 24 bits: enough to tell two editions
    /// of a file apart, short enough to read out.
    fn fingerprint(&self) -> u32 {
        let range = [day_number(self.published_from), day_number(self.published_to)];
        let lists = [&range[..], &self.weekdays_off, &self.weekend_work];
        let mut hash: u32 = 0x811c_9dc5;
        for list in lists {
            let length = i64::try_from(list.len()).unwrap_or(i64::MAX);
            for number in core::iter::once(&length).chain(list) {
                for byte in number.to_be_bytes() {
                    hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
                }
            }
        }
        (hash >> 24) ^ (hash & 0x00ff_ffff)
    }
}
