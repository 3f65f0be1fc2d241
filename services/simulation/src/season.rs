//! When people come: by season, weekday and time of day, in business hours only.
//!
//! The shares are a picture after what windows report of themselves (quiet before the Spring Festival, a rush after
//! it, the school and hiring months of autumn, full Mondays), not a measurement.

use casework::calendar::{DayKind, WorkingCalendar};
use casework::rules::Rules;
use chrono::{Datelike as _, Days, NaiveDate, TimeDelta, Weekday};
use proto_events::Timestamp;
use proto_events::ids::CenterId;

use crate::chance::Chance;
use crate::office;

/// The name under which the calendars have the Spring Festival.
const SPRING_FESTIVAL: &str = "春节";

/// Days before the Spring Festival in which people have other things to do, and days after it in which they come.
const QUIET_DAYS: u64 = 9;
const RUSH_DAYS: u64 = 35;

/// Days off in a row after which the first working day is full.
const LONG_BREAK_DAYS: i64 = 3;

/// Shares of the hours of a day, by the hour that begins; the minutes that are no business are drawn again.
const HOURS: &[(u32, u32)] =
    &[(9, 24), (10, 26), (11, 14), (13, 8), (14, 18), (15, 16), (16, 11), (17, 2)];

/// Draws when and where people come in a span of time.
pub(crate) struct Season<'a> {
    rules: &'a Rules,
    /// Each working day with the sum of the shares up to and including it.
    days: Vec<(NaiveDate, u64)>,
    centers: Vec<(&'a CenterId, u32)>,
}

impl<'a> Season<'a> {
    /// The season of the days from `from` to `to`, both included.
    pub(crate) fn new(rules: &'a Rules, from: NaiveDate, to: NaiveDate) -> Self {
        let mut sum = 0;
        let days = from.iter_days().take_while(|day| *day <= to);
        let days = days.filter_map(|day| {
            let share = share_of(&rules.calendar, day);
            sum += share;
            (share > 0).then_some((day, sum))
        });
        let days = days.collect();
        let busy = |center: &CenterId| {
            // A center is as busy as its streets are full; the name decides, so that it stays so in every year.
            let bytes = center.as_str().bytes();
            60 + bytes.fold(7_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 101)
        };
        let centers = rules.centers.keys().map(|center| (center, busy(center))).collect();
        Self { rules, days, centers }
    }

    /// The working days, each with how busy it is in percent of an ordinary one.
    pub(crate) fn working_days(&self) -> impl Iterator<Item = (NaiveDate, u64)> + '_ {
        let before = std::iter::once(0).chain(self.days.iter().map(|(_, sum)| *sum));
        self.days.iter().zip(before).map(|((day, sum), before)| (*day, sum - before))
    }

    /// Whether anybody can come at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.days.is_empty() || self.centers.is_empty()
    }

    /// Draws one arrival.
    pub(crate) fn draw(&self, chance: &mut Chance) -> (Timestamp, &'a CenterId) {
        let sum = self.days.last().map_or(0, |(_, sum)| *sum);
        let place = chance.below(sum);
        let day = self.days.partition_point(|(_, to)| *to <= place);
        let center = chance.weighed(&self.centers, |(_, busy)| *busy).or(self.centers.first());
        (self.instant(self.days[day].0, chance), center.expect("the season is not empty").0)
    }

    fn instant(&self, day: NaiveDate, chance: &mut Chance) -> Timestamp {
        let calendar = &self.rules.calendar;
        let opening = calendar.opening_of(day);
        let midnight = opening - TimeDelta::minutes(i64::from(calendar.hours().opening()));
        for _ in 0..8 {
            let minute = chance.of_weights(HOURS) * 60 + chance.between(0, 59);
            let at = midnight + TimeDelta::seconds(i64::from(minute * 60 + chance.between(0, 59)));
            // A reaction follows at once; it too is told in business hours.
            if calendar.is_open_at(at + TimeDelta::seconds(5)) && calendar.is_open_at(at) {
                return at;
            }
        }
        office::on_day(calendar, day, chance)
    }
}

/// How many come on a day, as a share.
fn share_of(calendar: &WorkingCalendar, day: NaiveDate) -> u64 {
    let weekday = match calendar.kind_of(day) {
        kind if !kind.is_working() => return 0,
        DayKind::MakeUp => 60,
        _ => match day.weekday() {
            Weekday::Mon => 135,
            Weekday::Fri => 84,
            _ => 100,
        },
    };
    let month = match day.month() {
        9 => 138,
        3 => 108,
        7 | 8 => 92,
        12 => 104,
        _ => 100,
    };
    let after_break = match (1..=LONG_BREAK_DAYS).all(|days| is_off(calendar, day, days)) {
        true => 135,
        false => 100,
    };
    weekday * month * after_break * around_spring_festival(calendar, day) / 1_000_000
}

fn is_off(calendar: &WorkingCalendar, day: NaiveDate, days_before: i64) -> bool {
    !calendar.is_working_day(day - TimeDelta::days(days_before))
}

fn around_spring_festival(calendar: &WorkingCalendar, day: NaiveDate) -> u64 {
    let is_festival = |day: Option<NaiveDate>| {
        day.is_some_and(|day| calendar.kind_of(day) == DayKind::Holiday(SPRING_FESTIVAL))
    };
    if (1..=QUIET_DAYS).any(|days| is_festival(day.checked_add_days(Days::new(days)))) {
        return 42;
    }
    if (1..=RUSH_DAYS).any(|days| is_festival(day.checked_sub_days(Days::new(days)))) {
        return 145;
    }
    100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_comes_on_a_day_off_and_few_before_the_spring_festival() {
        let rules = desk::District::load(None).unwrap().rules;
        let share = |text| share_of(&rules.calendar, day(text));
        assert_eq!(share("2026-02-18"), 0, "the festival itself");
        assert_eq!(share("2026-03-07"), 0, "a Saturday");
        assert!(share("2026-02-28") > 0, "a Saturday on which people work");
        assert!(share("2026-02-10") * 2 < share("2026-03-10"));
        assert!(share("2026-03-09") > share("2026-03-10"), "Mondays");
        assert!(share("2026-10-08") > share("2026-10-15"), "after a long break");
    }

    #[test]
    fn people_come_in_business_hours() {
        let rules = desk::District::load(None).unwrap().rules;
        let season = Season::new(&rules, day("2026-01-01"), day("2026-12-31"));
        let mut chance = Chance::of(1, 1);
        for _ in 0..2000 {
            let (at, center) = season.draw(&mut chance);
            assert!(rules.calendar.is_open_at(at), "{at}");
            assert!(rules.centers.contains_key(center));
        }
    }
}
