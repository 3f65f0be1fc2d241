//! An explanation as a sentence that a clerk can read out, in Chinese and in English.
//!
//! Invariant: made of the explanation alone, so the sentence and the fields cannot disagree.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use chrono::{Datelike, NaiveDate, Timelike};
use proto_events::Timestamp;
use proto_events::codes::Clock;

use super::counting::{DayOff, OffReason, weekday};
use super::{ClockExplanation, ClockState, LimitSource, Words};
use crate::calendar::WorkingCalendar;

/// Says why a promise is provisional.
pub(super) fn provisional_why(calendar: &WorkingCalendar, due: NaiveDate) -> Words {
    let year = due.year();
    if due > calendar.published_to() {
        Words::new(
            format!("{year}年放假安排尚未公布，此期限为暂定，公布后重算"),
            format!(
                "the days off of {year} are not published yet, so it is provisional and will be counted again"
            ),
        )
    } else {
        Words::new(
            format!("{year}年放假安排已公布，此期限即将重算"),
            format!(
                "the days off of {year} are published by now, and it is about to be counted again"
            ),
        )
    }
}

/// Says that the calendar does not know the days on which the clock began.
pub(super) fn calendar_gap(calendar: &WorkingCalendar, from: NaiveDate) -> Option<Words> {
    let year = calendar.published_from().year();
    (from < calendar.published_from()).then(|| {
        Words::new(
            format!("{year}年以前的放假安排不在日历内，按周一至周五计"),
            format!("the calendar has no days off before {year}; Monday to Friday were counted"),
        )
    })
}

/// Puts an explanation into a sentence.
pub(super) fn of(told: &ClockExplanation, calendar: &WorkingCalendar) -> Words {
    let dates = Dates::of(told, calendar);
    let mut parts: Vec<Words> = Vec::new();
    parts.push(beginning(told, &dates));
    parts.extend(limit(told));
    parts.extend(changes(told, &dates));
    parts.extend(days_off(told, &dates));
    parts.extend(make_up_days(told, &dates));
    parts.push(promise(told, &dates));
    parts.extend(told.provisional_why.clone());
    parts.extend(told.calendar_gap.clone());
    parts.extend(told.recomputed_due_at.map(|at| {
        let (zh, en) = (dates.moment_zh(at), dates.moment_en(at));
        Words::new(
            format!("按现行时限和日历计算应为{zh}，以已作出的承诺为准"),
            format!("by the limit and the calendar of today it would be {en}; the promise stands"),
        )
    }));
    parts.extend(standing(told, &dates));
    let join = |pick: fn(&Words) -> &str, between: &str| {
        parts.iter().map(pick).collect::<Vec<_>>().join(between)
    };
    let zh = join(|words| &words.zh, "；");
    let en = join(|words| &words.en, "; ");
    Words::new(format!("{zh}。"), format!("{}.", capitalized(&en)))
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn beginning(told: &ClockExplanation, dates: &Dates<'_>) -> Words {
    let day = dates.calendar.date_of(told.started_at);
    let by = told.started_by.as_ref().map(|event| &event.label);
    let zh = by.map_or("开始", |label| &label.zh);
    let en = by.map_or("started", |label| &label.en);
    Words::new(
        format!("{}{zh}，当日不计", dates.day_zh(day)),
        format!("{en} on {}, and that day does not count", dates.day_en(day)),
    )
}

fn limit(told: &ClockExplanation) -> Option<Words> {
    let days = told.limit.working_days;
    // A day that somebody named has no limit.
    if told.clock == Clock::Part && told.limit.source == LimitSource::Counted {
        return None;
    }
    Some(match told.limit.complexity {
        // The limit was another one then, or the case was reclassified when a shorter limit had passed already.
        Some(complexity) if told.limit.district_working_days != Some(days) => Words::new(
            format!("{}件，按{days}个工作日计", complexity.label_zh()),
            format!(
                "a {} case, counted by {days} working {}",
                complexity.label_en().to_lowercase(),
                plural(days)
            ),
        ),
        Some(complexity) => Words::new(
            format!("{}件时限{days}个工作日", complexity.label_zh()),
            format!(
                "the limit of a {} case is {days} working {}",
                complexity.label_en().to_lowercase(),
                plural(days)
            ),
        ),
        None => Words::new(
            format!("时限{days}个工作日"),
            format!("the limit is {days} working {}", plural(days)),
        ),
    })
}

/// What has moved the promise, in the order of the kinds.
fn changes(told: &ClockExplanation, dates: &Dates<'_>) -> Vec<Words> {
    let mut parts = Vec::new();
    for change in &told.reclassifications {
        let day = dates.calendar.date_of(change.at);
        parts.push(Words::new(
            format!(
                "{}由{}改为{}",
                dates.day_zh(day),
                change.from.label_zh(),
                change.to.label_zh()
            ),
            format!(
                "reclassified from {} to {} on {}",
                change.from.label_en(),
                change.to.label_en(),
                dates.day_en(day)
            ),
        ));
    }
    for pause in &told.pauses {
        let from = dates.calendar.date_of(pause.from);
        let days = pause.working_days;
        let Some(to) = pause.to else { continue };
        let to = dates.calendar.date_of(to);
        parts.push(Words::new(
            format!(
                "{}至{}因{}暂停，顺延{days}个工作日",
                dates.day_zh(from),
                dates.day_zh(to),
                pause.label.zh
            ),
            format!(
                "paused from {} to {} ({}), which adds {days} working {}",
                dates.day_en(from),
                dates.day_en(to),
                pause.label.en.to_lowercase(),
                plural(days)
            ),
        ));
    }
    if let Some(extension) = &told.extension {
        let days = extension.working_days;
        parts.push(Words::new(
            format!("经批准延期{days}个工作日"),
            format!("extended by {days} working {}", plural(days)),
        ));
    }
    for again in &told.recalculations {
        let year = again.published_to.year();
        let was = dates.calendar.date_of(again.was_due_at);
        parts.push(Words::new(
            format!("{year}年放假安排公布后重算，原为{}", dates.day_zh(was)),
            format!(
                "counted again when the days off of {year} were published, before that {}",
                dates.day_en(was)
            ),
        ));
    }
    parts
}

/// The holidays one by one, and the plain weekends together.
fn days_off(told: &ClockExplanation, dates: &Dates<'_>) -> Vec<Words> {
    let mut parts = Vec::new();
    let mut holidays: Vec<(&DayOff, &DayOff)> = Vec::new();
    let mut weekend_days = 0_usize;
    for day in &told.skipped.days {
        match (day.reason, holidays.last_mut()) {
            (OffReason::Weekend, _) => weekend_days += 1,
            (OffReason::Holiday, Some((_, last)))
                if last.name == day.name && last.date.succ_opt() == Some(day.date) =>
            {
                *last = day;
            }
            (OffReason::Holiday, _) => holidays.push((day, day)),
        }
    }
    for (first, last) in holidays {
        let (zh, en) = dates.span(first.date, last.date);
        parts.push(Words::new(
            format!("{zh}{}放假", first.name.zh),
            format!("{en} is off for {}", first.name.en),
        ));
    }
    if weekend_days > 0 {
        let others = if parts.is_empty() { "" } else { "其余" };
        parts.push(Words::new(
            format!("{others}周末{weekend_days}天不计"),
            format!(
                "{weekend_days} weekend {} do not count",
                if weekend_days == 1 { "day" } else { "days" }
            ),
        ));
    }
    parts
}

fn make_up_days(told: &ClockExplanation, dates: &Dates<'_>) -> Option<Words> {
    let days = || told.counted.days.iter().filter(|day| day.make_up).map(|day| day.date);
    let (zh, en): (Vec<String>, Vec<String>) =
        days().map(|day| (dates.day_zh(day), dates.day_en(day))).unzip();
    if zh.is_empty() {
        return None;
    }
    Some(Words::new(
        format!("{}调休上班，照计", zh.join("、")),
        format!(
            "{} {} for a day off elsewhere and counts",
            en.join(" and "),
            if en.len() == 1 { "is worked" } else { "are worked" }
        ),
    ))
}

fn promise(told: &ClockExplanation, dates: &Dates<'_>) -> Words {
    let (zh, en) = deed(told.clock);
    Words::new(
        format!("应于{}前{zh}", dates.moment_zh(told.due_at)),
        format!("{en} by {}", dates.moment_en(told.due_at)),
    )
}

/// What has to be done by the promise.
const fn deed(clock: Clock) -> (&'static str, &'static str) {
    match clock {
        Clock::Handling => ("办结", "to be finished"),
        Clock::FirstContact => ("首次联系群众", "the applicant is to be contacted"),
        Clock::Return => ("提出退单", "it may be returned"),
        Clock::Arbitration => ("作出裁定", "to be ruled upon"),
        Clock::Explanation => ("当面说明", "to be explained"),
        Clock::FirstMeeting => ("召开首次会商", "the task force is to meet"),
        Clock::SpecialCheck => ("完成把关或决定", "to be checked or decided"),
        Clock::LookBack => ("完成回头看", "to be looked back on"),
        Clock::Part => ("完成联办事项", "the part is to be done"),
        Clock::Callback => ("完成回访", "the applicant is to be asked"),
        Clock::BadReviewContact => ("联系差评群众", "the applicant is to be contacted"),
        Clock::BadReviewFix => ("整改到位", "to be put right"),
    }
}

/// How it stands now.
fn standing(told: &ClockExplanation, dates: &Dates<'_>) -> Option<Words> {
    match told.state {
        ClockState::Running => None,
        ClockState::Overdue => {
            let days = told.overdue_working_days;
            Some(match days {
                0 => Words::new("现已超期", "it is overdue"),
                _ => Words::new(
                    format!("现已超期{days}个工作日"),
                    format!("it is overdue by {days} working {}", plural(days)),
                ),
            })
        }
        ClockState::Paused => {
            let pause = told.pauses.last()?;
            let until = dates.calendar.date_of(pause.until);
            Some(Words::new(
                format!(
                    "现因{}暂停计时，最迟{}恢复，恢复后期限按暂停的工作日顺延",
                    pause.label.zh,
                    dates.day_zh(until)
                ),
                format!(
                    "it stands still now ({}), until {} at the latest, and will move by the working days of the pause",
                    pause.label.en.to_lowercase(),
                    dates.day_en(until)
                ),
            ))
        }
        ClockState::Stopped => {
            let day = dates.day_zh(dates.calendar.date_of(told.stopped_at?));
            let day_en = dates.day_en(dates.calendar.date_of(told.stopped_at?));
            let late = told.overdue_working_days;
            let (late_zh, late_en) = match late {
                0 => (String::new(), String::new()),
                _ => (
                    format!("，超期{late}个工作日"),
                    format!(", {late} working {} late", plural(late)),
                ),
            };
            Some(match &told.stopped_by {
                Some(event) => Words::new(
                    format!("已于{day}停止计时（{}）{late_zh}", event.label.zh),
                    format!("it stopped on {day_en} ({}){late_en}", event.label.en),
                ),
                None => Words::new(format!("已于{day}过期失效"), format!("it lapsed on {day_en}")),
            })
        }
    }
}

const fn plural(days: u32) -> &'static str {
    if days == 1 { "day" } else { "days" }
}

/// How days are written: with the year only where years differ.
struct Dates<'a> {
    calendar: &'a WorkingCalendar,
    /// The year that goes without saying.
    year: Option<i32>,
}

impl<'a> Dates<'a> {
    fn of(told: &ClockExplanation, calendar: &'a WorkingCalendar) -> Self {
        let year = |at: Timestamp| calendar.date_of(at).year();
        let first = year(told.started_at);
        let last = [Some(told.due_at), told.stopped_at, told.recomputed_due_at];
        let is_one = last.into_iter().flatten().all(|at| year(at) == first);
        Self { calendar, year: is_one.then_some(first) }
    }

    fn bare_zh(&self, day: NaiveDate) -> String {
        let (month, number) = (day.month(), day.day());
        if self.year == Some(day.year()) {
            format!("{month}月{number}日")
        } else {
            format!("{}年{month}月{number}日", day.year())
        }
    }

    fn bare_en(&self, day: NaiveDate) -> String {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = MONTHS.get(day.month0() as usize).copied().unwrap_or_default();
        if self.year == Some(day.year()) {
            format!("{} {month}", day.day())
        } else {
            format!("{} {month} {}", day.day(), day.year())
        }
    }

    fn day_zh(&self, day: NaiveDate) -> String {
        format!("{}（{}）", self.bare_zh(day), weekday(day).zh)
    }

    fn day_en(&self, day: NaiveDate) -> String {
        format!("{} {}", weekday(day).en, self.bare_en(day))
    }

    fn moment_zh(&self, at: Timestamp) -> String {
        format!("{}{}", self.day_zh(self.calendar.date_of(at)), self.clock(at))
    }

    fn moment_en(&self, at: Timestamp) -> String {
        format!("{} {}", self.day_en(self.calendar.date_of(at)), self.clock(at))
    }

    fn clock(&self, at: Timestamp) -> String {
        let local = at.with_timezone(&self.calendar.offset());
        format!("{:02}:{:02}", local.hour(), local.minute())
    }

    /// A run of days: `2月15日至23日`, `15–23 Feb`.
    fn span(&self, first: NaiveDate, last: NaiveDate) -> (String, String) {
        if first == last {
            return (self.day_zh(first), self.day_en(first));
        }
        let same_month = (first.year(), first.month()) == (last.year(), last.month());
        if same_month {
            (
                format!("{}至{}日", self.bare_zh(first), last.day()),
                format!("{}–{}", first.day(), self.bare_en(last)),
            )
        } else {
            (
                format!("{}至{}", self.bare_zh(first), self.bare_zh(last)),
                format!("{} – {}", self.bare_en(first), self.bare_en(last)),
            )
        }
    }
}
