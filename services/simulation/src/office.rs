//! Time as it passes in an office: minutes of business, counted by the district's calendar.

use casework::calendar::WorkingCalendar;
use chrono::{NaiveDate, TimeDelta};
use proto_events::Timestamp;

use crate::chance::Chance;

/// Minutes before the close at which nobody begins anything any more.
const LAST_MINUTES: i64 = 5;

/// The instant that lies so many minutes of business after another; in business hours, whatever it began at.
pub(crate) fn after(calendar: &WorkingCalendar, at: Timestamp, minutes: u32) -> Timestamp {
    let mut from = calendar.next_opening(at);
    let mut left = i64::from(minutes);
    loop {
        let date = calendar.date_of(from);
        let now = minute_of_day(calendar, from);
        for (opens, closes) in calendar.hours().iter() {
            let (opens, closes) = (i64::from(opens), i64::from(closes));
            if now >= closes {
                continue;
            }
            let start = now.max(opens);
            let room = closes - LAST_MINUTES - start;
            if left <= room {
                let seconds = from.timestamp().rem_euclid(60) * i64::from(start == now);
                return instant(calendar, date, start + left) + TimeDelta::seconds(seconds);
            }
            left -= (closes - start).min(left);
        }
        from = calendar.opening_of(calendar.add_working_days(date, 1));
    }
}

/// Some instant of the `days`-th working day after an instant.
pub(crate) fn on_a_day_after(
    calendar: &WorkingCalendar,
    at: Timestamp,
    days: u32,
    chance: &mut Chance,
) -> Timestamp {
    let date = calendar.add_working_days(calendar.date_of(at), days);
    on_day(calendar, date, chance).max(at)
}

/// Some instant of a working day.
pub(crate) fn on_day(
    calendar: &WorkingCalendar,
    date: NaiveDate,
    chance: &mut Chance,
) -> Timestamp {
    let length = u32::from(calendar.hours().minutes_per_day()).saturating_sub(30);
    let at = after(calendar, calendar.opening_of(date), chance.between(10, length.max(11)));
    at + TimeDelta::seconds(chance.below(60) as i64)
}

/// The minutes of business of so many working days.
pub(crate) fn minutes_of_days(calendar: &WorkingCalendar, days: u32) -> u32 {
    days * u32::from(calendar.hours().minutes_per_day())
}

fn minute_of_day(calendar: &WorkingCalendar, at: Timestamp) -> i64 {
    let opening = calendar.opening_of(calendar.date_of(at));
    (at - opening).num_seconds().div_euclid(60) + i64::from(calendar.hours().opening())
}

fn instant(calendar: &WorkingCalendar, date: NaiveDate, minute: i64) -> Timestamp {
    let opening = i64::from(calendar.hours().opening());
    calendar.opening_of(date) + TimeDelta::minutes(minute - opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_from_rfc3339(text).unwrap()
    }

    #[test]
    fn minutes_of_business_pass_over_lunch_nights_and_holidays() {
        let district = desk::District::load(None).unwrap();
        let calendar = &district.rules.calendar;
        for (from, minutes, to) in [
            ("2026-03-04T09:10:07+08:00", 20, "2026-03-04T09:30:07+08:00"),
            ("2026-03-04T11:50:00+08:00", 20, "2026-03-04T13:40:00+08:00"),
            ("2026-03-04T17:20:00+08:00", 30, "2026-03-05T09:20:00+08:00"),
            ("2026-03-04T22:00:00+08:00", 0, "2026-03-05T09:00:00+08:00"),
            // Friday before the Spring Festival, which ends on the 23rd.
            ("2026-02-14T17:00:00+08:00", 60, "2026-02-24T09:30:00+08:00"),
        ] {
            assert_eq!(after(calendar, at(from), minutes), at(to), "{from} + {minutes}");
        }
    }

    #[test]
    fn whatever_is_asked_the_office_is_open() {
        let district = desk::District::load(None).unwrap();
        let calendar = &district.rules.calendar;
        let mut chance = Chance::of(5, 5);
        for _ in 0..2000 {
            let from = at("2026-01-01T00:00:00+08:00")
                + TimeDelta::minutes(chance.below(300 * 24 * 60) as i64);
            let days = chance.between(0, 3);
            let some = on_a_day_after(calendar, calendar.next_opening(from), days, &mut chance);
            let later = after(calendar, from, chance.between(0, 3000));
            assert!(later >= from);
            assert!(calendar.is_open_at(later) && calendar.is_open_at(some), "{later} {some}");
        }
    }
}
