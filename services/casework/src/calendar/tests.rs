//! The calendar against the vectors of the domain, the published years of the country, and laws of
//! arithmetic.

use alloc::{borrow::ToOwned, string::ToString, vec, vec::Vec};

use chrono::{FixedOffset, NaiveDate};
use proptest::prelude::*;

use super::*;

/// The calendar that is delivered, with the hours of the sample district.
pub(crate) fn china() -> WorkingCalendar {
    WorkingCalendar::new(published_years(), hours(), beijing()).unwrap()
}

/// The same, with a made-up notice for 2027 whose New Year takes the first two working days of the year.
pub(crate) fn china_with_2027() -> WorkingCalendar {
    let mut years = published_years();
    let new_year =
        DaysOff { from: day("2027-01-01"), to: day("2027-01-05"), name: "元旦".to_owned() };
    years.insert(2027, CalendarYear { off: vec![new_year], work: vec![] });
    WorkingCalendar::new(years, hours(), beijing()).unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap()
}

fn beijing() -> FixedOffset {
    FixedOffset::east_opt(8 * 3600).unwrap()
}

fn hours() -> BusinessHours {
    BusinessHours::parse(&["09:00-12:00", "13:30-17:30"]).unwrap()
}

fn published_years() -> BTreeMap<i32, CalendarYear> {
    let file: toml::Table = include_str!("../../../../deploy/calendars/cn.toml").parse().unwrap();
    file.iter().map(|(year, days)| (year.parse().unwrap(), year_of(days))).collect()
}

fn year_of(days: &toml::Value) -> CalendarYear {
    let off = days["off"].as_array().unwrap().iter().map(|run| DaysOff {
        from: date_of(&run["from"]),
        to: date_of(&run["to"]),
        name: run["name"].as_str().unwrap().to_owned(),
    });
    CalendarYear {
        off: off.collect(),
        work: days["work"].as_array().unwrap().iter().map(date_of).collect(),
    }
}

fn date_of(value: &toml::Value) -> NaiveDate {
    let date = value.as_datetime().unwrap().date.unwrap();
    NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
        .unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn the_vectors_of_the_domain_hold() {
    let calendar = china();
    for (start, n, due) in [
        ("2021-01-26", 5, "2021-02-02"),
        ("2021-02-05", 5, "2021-02-18"),
        ("2021-02-10", 2, "2021-02-19"),
        ("2021-04-23", 5, "2021-04-29"),
        ("2021-04-30", 5, "2021-05-11"),
        ("2021-09-30", 10, "2021-10-20"),
        ("2025-12-31", 2, "2026-01-05"),
        ("2026-02-12", 2, "2026-02-14"),
        ("2026-02-13", 5, "2026-02-27"),
        ("2026-09-18", 5, "2026-09-24"),
        ("2026-09-24", 15, "2026-10-22"),
    ] {
        assert_eq!(calendar.add_working_days(day(start), n), day(due), "{start} + {n}");
        assert_eq!(
            calendar.working_days_between(day(start), day(due)),
            i64::from(n),
            "{start} to {due}"
        );
        assert_eq!(
            calendar.working_days_between(day(due), day(start)),
            -i64::from(n),
            "{due} to {start}"
        );
    }
}

#[test]
fn counting_by_rank_equals_counting_by_hand() {
    let (calendar, years) = (china(), published_years());
    let off = |date: NaiveDate| {
        years.values().flat_map(|year| &year.off).any(|run| run.from <= date && date <= run.to)
    };
    let work = |date: NaiveDate| years.values().any(|year| year.work.contains(&date));
    let mut count = 0;
    for date in day("2020-01-01").iter_days().take_while(|date| *date <= day("2026-12-31")) {
        let weekday = date.weekday().num_days_from_monday() < 5;
        let working = work(date) || (weekday && !off(date));
        assert_eq!(calendar.is_working_day(date), working, "{date}");
        count += i64::from(working);
        assert_eq!(calendar.working_days_between(day("2019-12-31"), date), count, "{date}");
    }
}

#[test]
fn a_deadline_is_the_end_of_business_and_provisional_beyond_the_published_years() {
    let calendar = china();
    let due = calendar.deadline(at("2026-02-13T10:00:00+08:00"), 5);
    assert_eq!(due, Deadline { due_at: at("2026-02-27T17:30:00+08:00"), provisional: false });
    assert_eq!(calendar.published_to(), day("2026-12-31"));
    assert!(!calendar.deadline(at("2026-12-30T10:00:00+08:00"), 1).provisional);
    assert!(calendar.deadline(at("2026-12-31T10:00:00+08:00"), 1).provisional);
}

#[test]
fn the_day_of_an_event_is_the_day_it_is_here() {
    let calendar = china();
    // 17:00 UTC on Thursday is 01:00 on Friday in Beijing.
    let due = calendar.deadline(at("2021-01-28T17:00:00Z"), 1);
    assert_eq!(due.due_at, at("2021-02-01T17:30:00+08:00"));
    assert_eq!(*due.due_at.offset(), beijing());
}

#[test]
fn every_day_has_its_kind_and_its_name() {
    let calendar = china();
    for (date, kind) in [
        ("2026-02-13", DayKind::Working),
        ("2026-02-14", DayKind::MakeUp),
        // A Saturday and a Monday inside the run.
        ("2026-02-21", DayKind::Holiday("春节")),
        ("2026-02-23", DayKind::Holiday("春节")),
        ("2026-03-01", DayKind::Weekend),
        // A Monday on which work began again; its notice names it, and it is no make-up day.
        ("2020-02-03", DayKind::Working),
        ("2020-02-02", DayKind::Holiday("春节")),
        ("2019-10-01", DayKind::Working),
    ] {
        assert_eq!(calendar.kind_of(day(date)), kind, "{date}");
    }
}

#[test]
fn a_version_names_the_years_and_changes_with_every_day_and_with_nothing_else() {
    let calendar = china().named("cn");
    let version = calendar.version().to_string();
    assert!(version.starts_with("cn 2020–2026 #"), "{version}");
    assert_eq!(version.chars().rev().position(|c| c == '#'), Some(6), "{version}");
    let of = |change: fn(&mut BTreeMap<i32, CalendarYear>)| {
        let mut years = published_years();
        change(&mut years);
        WorkingCalendar::new(years, hours(), beijing()).unwrap().named("cn").version().to_string()
    };
    assert_eq!(of(|_| {}), version);
    // Another name of a holiday counts no day otherwise.
    let renamed = of(|years| years.get_mut(&2026).unwrap().off[0].name = "新年".to_owned());
    assert_eq!(renamed, version);
    let one_day_less = of(|years| years.get_mut(&2026).unwrap().off[0].to = day("2026-01-02"));
    assert_eq!(one_day_less, version, "2026-01-03 is a Saturday anyway");
    let moved = of(|years| years.get_mut(&2026).unwrap().work[0] = day("2026-01-11"));
    assert_ne!(moved, version);
    assert_ne!(china_with_2027().named("cn").version().to_string(), version);
}

#[test]
fn a_version_is_the_same_on_every_machine_and_for_ever() {
    let off =
        vec![DaysOff {
            from: day("2026-10-01"), to: day("2026-10-07"), name: "国庆节".to_owned()
        }];
    let years = BTreeMap::from([(2026, CalendarYear { off, work: vec![day("2026-10-10")] })]);
    let calendar = WorkingCalendar::new(years, hours(), beijing()).unwrap();
    assert_eq!(calendar.version().to_string(), "2026–2026 #10891c");
}

#[test]
fn people_work_on_a_day_exactly_when_its_kind_says_so() {
    let calendar = china();
    let days: Vec<_> = calendar.days_between(day("2026-01-31"), day("2026-03-01")).collect();
    assert_eq!(days.len(), 29, "the first does not count, the last does");
    assert_eq!((days[0].0, days[28].0), (day("2026-02-01"), day("2026-03-01")));
    for (date, kind) in days {
        assert_eq!(kind.is_working(), calendar.is_working_day(date), "{date}");
    }
    assert_eq!(calendar.days_between(day("2026-03-01"), day("2026-03-01")).count(), 0);
    assert_eq!(calendar.days_between(day("2026-03-02"), day("2026-03-01")).count(), 0);
}

#[test]
fn a_limit_of_no_days_ends_with_the_day_or_the_next_working_day() {
    let calendar = china();
    assert_eq!(
        calendar.deadline(at("2026-02-12T09:00:00+08:00"), 0).due_at,
        at("2026-02-12T17:30:00+08:00")
    );
    assert_eq!(
        calendar.deadline(at("2026-02-15T09:00:00+08:00"), 0).due_at,
        at("2026-02-24T17:30:00+08:00")
    );
    assert_eq!(calendar.add_working_days(day("2026-02-15"), 0), day("2026-02-15"));
}

#[test]
fn business_is_open_on_a_make_up_saturday_and_closed_at_lunch_and_on_days_off() {
    let calendar = china();
    for open in
        ["2026-02-28T09:00:00", "2026-02-28T12:00:00", "2026-02-28T13:30:00", "2026-02-28T17:30:00"]
    {
        assert!(calendar.is_open_at(at(&alloc::format!("{open}+08:00"))), "{open}");
    }
    for (closed, next) in [
        ("2026-02-28T08:59:59+08:00", "2026-02-28T09:00:00+08:00"),
        ("2026-02-28T12:00:01+08:00", "2026-02-28T13:30:00+08:00"),
        ("2026-02-28T17:30:01+08:00", "2026-03-02T09:00:00+08:00"),
        ("2026-02-16T10:00:00+08:00", "2026-02-24T09:00:00+08:00"),
        ("2026-02-14T18:00:00+08:00", "2026-02-24T09:00:00+08:00"),
        ("2026-02-27T23:00:00Z", "2026-02-28T09:00:00+08:00"),
    ] {
        assert!(!calendar.is_open_at(at(closed)), "{closed}");
        assert_eq!(calendar.next_opening(at(closed)), at(next), "{closed}");
    }
    assert_eq!(
        calendar.next_opening(at("2026-02-28T10:00:00+08:00")),
        at("2026-02-28T10:00:00+08:00")
    );
}

#[test]
fn people_are_told_in_business_hours_and_shortly_after_the_close() {
    let calendar = china();
    for (instant, may) in [
        ("2026-02-27T09:00:00+08:00", true),
        ("2026-02-27T12:10:00+08:00", false),
        ("2026-02-27T17:30:01+08:00", true),
        ("2026-02-27T18:00:00+08:00", true),
        ("2026-02-27T18:00:01+08:00", false),
        ("2026-03-01T17:40:00+08:00", false),
        ("2026-02-27T00:00:00+08:00", false),
    ] {
        assert_eq!(calendar.may_notify_at(at(instant)), may, "{instant}");
    }
}

#[test]
fn a_share_is_counted_in_business_time_and_named_at_an_opening() {
    let calendar = china();
    let (start, due) = (at("2026-02-13T10:00:00+08:00"), at("2026-02-27T17:30:00+08:00"));
    // 6 hours of the 13th, 7 hours of the 14th and of each day from the 24th to the 27th: 41 hours.
    assert_eq!(calendar.business_minutes_between(start, due), 41 * 60);
    assert_eq!(calendar.at_share(start, due, 0), start);
    assert_eq!(calendar.at_share(start, due, 50), at("2026-02-25T09:30:00+08:00"));
    assert_eq!(calendar.at_share(start, due, 80), at("2026-02-26T16:18:00+08:00"));
    assert_eq!(calendar.at_share(start, due, 100), due);
    // Half of a day and a half would be the close of the first day; the next morning is named.
    let (start, due) = (at("2026-03-02T09:00:00+08:00"), at("2026-03-03T17:30:00+08:00"));
    assert_eq!(calendar.at_share(start, due, 50), at("2026-03-03T09:00:00+08:00"));
    // Three of five hours would be the beginning of the lunch break; its end is named.
    let (start, due) = (at("2026-03-02T09:00:00+08:00"), at("2026-03-02T15:30:00+08:00"));
    assert_eq!(calendar.at_share(start, due, 60), at("2026-03-02T13:30:00+08:00"));
    // Opened at night: the first moment is the opening.
    let night = at("2026-03-01T22:00:00+08:00");
    assert_eq!(calendar.at_share(night, due, 0), at("2026-03-02T09:00:00+08:00"));
    // Nothing to share.
    assert_eq!(calendar.at_share(due, start, 50), start);
}

#[test]
fn all_faults_of_a_calendar_are_told_at_once() {
    let run =
        |from: &str, to: &str| DaysOff { from: day(from), to: day(to), name: "节".to_owned() };
    let years = BTreeMap::from([
        (
            2024,
            CalendarYear {
                off: vec![
                    run("2024-05-05", "2024-05-01"),
                    run("2024-06-01", "2024-08-01"),
                    run("2024-12-31", "2025-01-01"),
                    run("2024-10-01", "2024-10-07"),
                    run("2024-10-07", "2024-10-07"),
                ],
                work: vec![
                    day("2024-10-05"),
                    day("2024-10-09"),
                    day("2024-10-12"),
                    day("2024-10-12"),
                    day("2023-10-14"),
                ],
            },
        ),
        (2027, CalendarYear::default()),
        (10_000, CalendarYear::default()),
    ]);
    let faults = WorkingCalendar::new(years, hours(), beijing()).unwrap_err();
    for expected in [
        CalendarFault::EndsBeforeStart { from: day("2024-05-05"), to: day("2024-05-01") },
        CalendarFault::RunTooLong { from: day("2024-06-01"), to: day("2024-08-01") },
        CalendarFault::OutsideYear { year: 2024, date: day("2025-01-01") },
        CalendarFault::OutsideYear { year: 2024, date: day("2023-10-14") },
        CalendarFault::NamedTwice(day("2024-10-07")),
        CalendarFault::NamedTwice(day("2024-10-12")),
        CalendarFault::MakeUpOnWeekday(day("2024-10-09")),
        CalendarFault::OffAndWork(day("2024-10-05")),
        CalendarFault::YearMissing(2025),
        CalendarFault::YearMissing(2026),
        CalendarFault::YearOutOfRange(10_000),
    ] {
        assert!(faults.contains(&expected), "{expected} is missing in {faults:?}");
    }
    assert_eq!(faults.len(), 11, "{faults:?}");
    assert_eq!(
        WorkingCalendar::new(BTreeMap::new(), hours(), beijing()),
        Err(vec![CalendarFault::NoYear])
    );
}

#[test]
fn the_weekday_on_which_work_begins_again_may_be_named() {
    let festival =
        DaysOff { from: day("2020-01-24"), to: day("2020-02-02"), name: "春节".to_owned() };
    let year = CalendarYear { off: vec![festival], work: vec![day("2020-02-03")] };
    let calendar =
        WorkingCalendar::new(BTreeMap::from([(2020, year)]), hours(), beijing()).unwrap();
    assert_eq!(calendar.working_days_between(day("2020-01-23"), day("2020-02-07")), 5);
}

#[test]
fn a_calendar_without_any_day_off_has_its_weekends() {
    let years = BTreeMap::from([(2026, CalendarYear { off: vec![], work: vec![] })]);
    let plain = WorkingCalendar::new(years, hours(), beijing()).unwrap();
    for (from, n, to) in [
        ("2026-03-06", 1, "2026-03-09"),
        ("2026-03-06", 5, "2026-03-13"),
        ("2026-03-06", 6, "2026-03-16"),
        ("2026-03-07", 1, "2026-03-09"),
        ("2026-03-05", 1, "2026-03-06"),
        ("2026-03-05", 250, "2027-02-18"),
    ] {
        assert_eq!(plain.add_working_days(day(from), n), day(to), "{from} + {n}");
    }
}

#[test]
fn a_fraction_of_a_second_counts_and_a_leap_second_is_the_end_of_its_minute() {
    let calendar = china();
    assert!(calendar.is_open_at(at("2026-03-03T17:29:59.5+08:00")));
    assert!(calendar.is_open_at(at("2026-03-03T17:30:00+08:00")));
    assert!(!calendar.is_open_at(at("2026-03-03T17:30:00.5+08:00")));
    let leap = at("2026-03-03T17:29:60.5+08:00");
    assert!(calendar.is_open_at(leap));
    let minute = at("2026-03-03T17:29:00+08:00");
    assert_eq!(calendar.business_minutes_between(minute, leap), 0);
}

#[test]
fn a_count_that_does_not_fit_is_the_nearest_that_does() {
    assert_eq!(saturated(i128::MAX), i64::MAX);
    assert_eq!(saturated(i128::MIN), i64::MIN);
    assert_eq!(saturated(-7), -7);
}

#[test]
fn the_years_before_computers_have_working_days_too() {
    let calendar = china();
    // 1 October 1949 was a Saturday.
    assert!(!calendar.is_working_day(day("1949-10-01")));
    assert_eq!(calendar.date_of(at("1949-10-03T09:00:00+08:00")), day("1949-10-03"));
    assert!(calendar.is_open_at(at("1949-10-03T09:00:00+08:00")));
}

#[test]
fn the_ends_of_time_are_no_surprise() {
    let calendar = china();
    let instants: Vec<Timestamp> =
        [chrono::DateTime::<chrono::Utc>::MIN_UTC, chrono::DateTime::<chrono::Utc>::MAX_UTC]
            .into_iter()
            .flat_map(|end| {
                [-86_399, 0, 86_399]
                    .map(|seconds| end.with_timezone(&FixedOffset::east_opt(seconds).unwrap()))
            })
            .collect();
    for &a in &instants {
        let _ = (calendar.next_opening(a), calendar.is_open_at(a), calendar.may_notify_at(a));
        let _ = (calendar.deadline(a, 0), calendar.deadline(a, u32::MAX));
        for &b in &instants {
            let _ = (calendar.at_share(a, b, 50), calendar.business_minutes_between(a, b));
        }
    }
    for date in [NaiveDate::MIN, NaiveDate::MAX] {
        let _ =
            (calendar.is_working_day(date), calendar.opening_of(date), calendar.closing_of(date));
        let _ = (
            calendar.add_working_days(date, u32::MAX),
            calendar.working_days_between(date, NaiveDate::MAX),
        );
    }
    assert_eq!(calendar.add_working_days(NaiveDate::MAX, 3), NaiveDate::MAX);
}

prop_compose! {
    /// An instant from 2019 to 2028, with any offset.
    pub(crate) fn instants()(
        seconds in 1_546_300_800_i64..1_861_920_000, nanos in 0_u32..1_000_000_000, minutes in -14 * 60..=14 * 60_i32,
    ) -> Timestamp {
        let offset = FixedOffset::east_opt(minutes * 60).unwrap();
        DateTime::from_timestamp(seconds, nanos).unwrap().with_timezone(&offset)
    }
}

prop_compose! {
    fn dates()(days in 0_u64..3650) -> NaiveDate {
        day("2018-06-01") + chrono::Days::new(days)
    }
}

proptest! {
    #[test]
    fn a_deadline_is_always_the_close_of_a_working_day(start in instants(), n in 0_u32..80) {
        let calendar = china();
        let due = calendar.deadline(start, n);
        let local = due.due_at.naive_local();
        prop_assert!(calendar.is_working_day(local.date()));
        prop_assert_eq!((local.hour(), local.minute(), local.second()), (17, 30, 0));
        prop_assert_eq!(due.provisional, local.date() > day("2026-12-31"));
        prop_assert!(calendar.is_open_at(due.due_at));
    }

    #[test]
    fn adding_in_two_steps_is_adding_at_once(from in dates(), n in 0_u32..80, m in 0_u32..80) {
        let calendar = china();
        let stepwise = calendar.add_working_days(calendar.add_working_days(from, n), m);
        prop_assert_eq!(stepwise, calendar.add_working_days(from, n + m));
    }

    #[test]
    fn a_later_start_or_a_longer_limit_is_never_due_earlier(
        a in instants(), b in instants(), n in 0_u32..80, m in 0_u32..80,
    ) {
        let calendar = china();
        let (early, late) = (a.min(b), a.max(b));
        prop_assert!(calendar.deadline(early, n).due_at <= calendar.deadline(late, n).due_at);
        prop_assert!(calendar.deadline(a, n.min(m)).due_at <= calendar.deadline(a, n.max(m)).due_at);
    }

    #[test]
    fn counting_between_inverts_adding(from in dates(), n in 0_u32..400) {
        let calendar = china();
        let to = calendar.add_working_days(from, n);
        prop_assert_eq!(calendar.working_days_between(from, to), i64::from(n));
        prop_assert!(n == 0 || calendar.is_working_day(to));
    }

    #[test]
    fn a_share_lies_between_start_and_due_in_business_hours_and_grows(
        start in instants(), n in 1_u32..40, p in 0_u8..=100, q in 0_u8..=100,
    ) {
        let calendar = china();
        let due = calendar.deadline(start, n).due_at;
        let (low, high) = (calendar.at_share(start, due, p.min(q)), calendar.at_share(start, due, p.max(q)));
        prop_assert!(start <= low && low <= high && high <= due);
        prop_assert!(calendar.is_open_at(low) && calendar.is_open_at(high));
    }

    #[test]
    fn business_minutes_add_up(a in instants(), b in instants(), c in instants()) {
        let calendar = china();
        let (ab, bc) = (calendar.business_minutes_between(a, b), calendar.business_minutes_between(b, c));
        prop_assert_eq!(ab + bc, calendar.business_minutes_between(a, c));
        prop_assert_eq!(calendar.business_minutes_between(b, a), -ab);
        prop_assert!((a <= b) == (ab >= 0) || ab == 0);
    }

    #[test]
    fn the_next_opening_is_open_and_not_before(instant in instants()) {
        let calendar = china();
        let opening = calendar.next_opening(instant);
        prop_assert!(opening >= instant && calendar.is_open_at(opening));
        prop_assert_eq!(calendar.business_minutes_between(instant, opening), 0);
    }
}
