//! How a day, an hour and a number are written: `1月27日（周三）17:30`, `Wed 27 Jan, 17:30`.
//!
//! Invariants: what is written is the wall time that the instant carries: the API says every instant in the time of the
//! house. A year stands there when it is not the year of today.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};

use super::Lang;

impl Lang {
    /// A day with its weekday, without a year: `1月27日（周三）`, `Wed 27 Jan`.
    pub(crate) fn day(self, date: NaiveDate) -> String {
        let weekday = date.weekday().number_from_monday();
        self.with(
            "moment-day",
            &[("month", &date.month()), ("day", &date.day()), ("weekday", &weekday)],
        )
    }

    /// A day with its year: `2021年1月27日（周三）`, `Wed 27 Jan 2021`.
    pub(crate) fn full_day(self, date: NaiveDate) -> String {
        let (year, day) = (date.year().to_string(), self.day(date));
        self.with("moment-day-and-year", &[("year", &year), ("day", &day)])
    }

    /// A day as it is said today: its year stands there when it is another.
    pub(crate) fn day_near(self, date: NaiveDate, today: NaiveDate) -> String {
        match date.year() == today.year() {
            true => self.day(date),
            false => self.full_day(date),
        }
    }

    /// Day and hour as they are said now, `1月27日（周三）17:30`: the year stands there when it is another.
    pub(crate) fn moment_near(
        self,
        at: &DateTime<FixedOffset>,
        now: &DateTime<FixedOffset>,
    ) -> String {
        self.joined(&self.day_near(at.date_naive(), now.date_naive()), at)
    }

    /// The hour alone: `17:30`.
    pub(crate) fn hour(self, at: &DateTime<FixedOffset>) -> String {
        at.format("%H:%M").to_string()
    }

    /// How long something took, in the largest unit that it fills: `3 天`, `2 hours`.
    pub(crate) fn span(self, seconds: i64) -> String {
        let minutes = seconds.unsigned_abs() / 60;
        match minutes {
            0..60 => self.with("span-minutes", &[("count", &minutes)]),
            60..1440 => self.with("span-hours", &[("count", &(minutes / 60))]),
            _ => self.with("span-days", &[("count", &(minutes / 1440))]),
        }
    }

    /// A number with its thousands apart: `40,793`.
    pub(crate) fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut written = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                written.push(',');
            }
            written.push(digit);
        }
        written
    }

    fn joined(self, day: &str, at: &DateTime<FixedOffset>) -> String {
        self.with("moment-day-and-hour", &[("day", &day), ("hour", &self.hour(at))])
    }
}
