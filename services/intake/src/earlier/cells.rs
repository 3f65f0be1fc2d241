//! What stands in a cell: dates as people and Excel write them, codes with or without their labels.
//!
//! Invariants: total and pure; what is not understood is none, never something near.

use casework::calendar::WorkingCalendar;
use casework::free_text::normalize_digits;
use chrono::{Days, NaiveDate, NaiveTime, TimeZone as _};
use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, Cause, Channel, Complexity, Exclusion, Grade, Resolution, Solved, Stage,
};

/// Earliest year that a register of these desks may have.
const YEAR_MIN: i32 = 1990;
/// Latest year of any date.
const YEAR_MAX: i32 = 2099;
/// Excel counts days from here; its false leap day of 1900 lies before every date that is read.
const EXCEL_ORIGIN: Option<NaiveDate> = NaiveDate::from_ymd_opt(1899, 12, 30);
/// Excel's numbers of days that are taken for dates: 1990 to 2099.
const EXCEL_DAYS: std::ops::RangeInclusive<f64> = 32_874.0..=73_050.0;

/// A date, perhaps with a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct When {
    pub(super) date: NaiveDate,
    pub(super) time: Option<NaiveTime>,
    /// Whether the year was taken from elsewhere.
    pub(super) year_assumed: bool,
}

impl When {
    /// The instant: a day without a time begins with work when something is opened, and ends with it otherwise.
    pub(super) fn instant(self, is_opening: bool, calendar: &WorkingCalendar) -> Option<Timestamp> {
        let nine = NaiveTime::from_hms_opt(9, 0, 0)?;
        match self.time {
            None if !is_opening => Some(calendar.closing_of(self.date)),
            time => {
                let local = self.date.and_time(time.unwrap_or(nine));
                calendar.offset().from_local_datetime(&local).single()
            }
        }
    }
}

/// Reads a date. `year` is that of the sheet, for dates that name none.
pub(super) fn when(text: &str, year: Option<i32>) -> Option<When> {
    let text = normalize_digits(text);
    // Our own mark of a promise beyond the calendar.
    let text = text.replace("(暂定)", "").replace("(provisional)", "").replace('T', " ");
    let text = text.trim();
    if let Some(days) = excel_days(text) {
        return Some(days);
    }
    let (date, time) = split(text);
    let time = match time.trim() {
        "" => None,
        time => Some(time_of_day(time)?),
    };
    let numbers = numbers(&date.replace(['年', '月', '/', '.'], "-").replace(['日', '号'], ""))?;
    let (date, year_assumed) = match (numbers.as_slice(), year) {
        ([joined], _) if *joined >= 19_000_000 => {
            let joined = *joined;
            (ymd(i32::try_from(joined / 10_000).ok()?, joined / 100 % 100, joined % 100)?, false)
        }
        ([year, month, day], _) => (ymd(i32::try_from(*year).ok()?, *month, *day)?, false),
        ([month, day], Some(year)) => (ymd(year, *month, *day)?, true),
        _ => return None,
    };
    Some(When { date, time, year_assumed })
}

fn ymd(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    let year = if (0..100).contains(&year) { year + 2000 } else { year };
    NaiveDate::from_ymd_opt(year, month, day).filter(|_| (YEAR_MIN..=YEAR_MAX).contains(&year))
}

/// A number of days since the end of 1899, with the time of day behind the point.
fn excel_days(text: &str) -> Option<When> {
    let is_number = text.len() >= 5 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = text.parse().ok().filter(|_| is_number)?;
    if !EXCEL_DAYS.contains(&number) {
        return None;
    }
    let whole = number.trunc();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within EXCEL_DAYS"
    )]
    let (days, seconds) = (whole as u64, ((number - whole) * 86_400.0).round() as u32);
    let date = EXCEL_ORIGIN?.checked_add_days(Days::new(days))?;
    let time = NaiveTime::from_num_seconds_from_midnight_opt(seconds, 0);
    Some(When { date, time: time.filter(|_| seconds > 0), year_assumed: false })
}

/// Splits a date from a time: by a blank, or behind the 日.
fn split(text: &str) -> (&str, &str) {
    if let Some(at) = text.find(['日', '号']) {
        return text.split_at(at + '日'.len_utf8());
    }
    text.split_once(' ').unwrap_or((text, ""))
}

fn time_of_day(text: &str) -> Option<NaiveTime> {
    let text = text.trim();
    let (text, is_afternoon) = match text.strip_prefix("下午") {
        Some(rest) => (rest, true),
        None => (text.strip_prefix("上午").unwrap_or(text), false),
    };
    let plain = text.replace(['时', '点', '分'], ":").replace('秒', "");
    let numbers = numbers(&plain.trim_end_matches(':').replace(':', "-"))?;
    let (hour, minute, second) = match numbers.as_slice() {
        [hour] => (*hour, 0, 0),
        [hour, minute] => (*hour, *minute, 0),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    let hour = if is_afternoon && hour < 12 { hour + 12 } else { hour };
    NaiveTime::from_hms_opt(hour, minute, second)
}

/// Numbers with dashes between them; none when there is anything else.
fn numbers(text: &str) -> Option<Vec<u32>> {
    text.trim().trim_end_matches('-').split('-').map(|part| part.trim().parse().ok()).collect()
}

/// A code list, as far as cells are concerned.
pub(super) trait Code: Copy + 'static {
    fn all() -> &'static [Self];
    fn code(self) -> &'static str;
    fn labels(self) -> [&'static str; 2];
}

macro_rules! codes {
    ($($list:ty),+) => {
        $(
            impl Code for $list {
                fn all() -> &'static [Self] {
                    Self::ALL
                }
                fn code(self) -> &'static str {
                    self.code()
                }
                fn labels(self) -> [&'static str; 2] {
                    [self.label_zh(), self.label_en()]
                }
            }
        )+
    };
}

codes!(CaseState, Cause, Channel, Complexity, Exclusion, Resolution, Solved, Stage);

/// How surely a code was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// The code, or the whole label.
    Surely(T),
    /// By a part of the text.
    Perhaps(T),
}

/// Reads a code: `受理（accept）`, `accept`, `受理`, and, less surely, `受理环节`.
pub(super) fn code<T: Code>(text: &str) -> Option<Found<T>> {
    let text = normalize_digits(text);
    let text = text.trim();
    let by_code = |code: &str| T::all().iter().copied().find(|one| one.code() == code);
    let (label, bracketed) = unbracketed(text);
    if let Some(found) = bracketed.and_then(by_code).or_else(|| by_code(text)) {
        return Some(Found::Surely(found));
    }
    let is_label = |one: &T, text: &str| {
        one.labels().iter().any(|label| normalize_digits(label).eq_ignore_ascii_case(text))
    };
    let by_label = |text: &str| T::all().iter().copied().find(|one| is_label(one, text));
    if let Some(found) = by_label(text).or_else(|| by_label(label)) {
        return Some(Found::Surely(found));
    }
    // The longest label that stands in the text, so that 网办走不通 is not taken for 网办.
    let stands = |one: &T| {
        let labels = one.labels().into_iter().map(normalize_digits);
        let inside = labels.filter(|label| label.chars().count() >= 2 && text.contains(label));
        inside.map(|label| label.len()).max().map(|length| (length, *one))
    };
    let longest = T::all().iter().filter_map(stands).max_by_key(|(length, _)| *length)?;
    Some(Found::Perhaps(longest.1))
}

/// Splits `受理(accept)` into label and code.
pub(super) fn unbracketed(text: &str) -> (&str, Option<&str>) {
    let inner = text.strip_suffix([')', '）']);
    let split = inner.and_then(|inner| {
        let at = inner.rfind(['(', '（'])?;
        let open = inner[at..].chars().next()?;
        Some((inner[..at].trim(), inner[at + open.len_utf8()..].trim()))
    });
    split.map_or((text, None), |(label, code)| (label, Some(code)))
}

/// Reads a grade: `满意（4）`, `4`, `非常满意`, `不满意`.
pub(super) fn grade(text: &str) -> Option<Grade> {
    let text = normalize_digits(text);
    let (label, bracketed) = unbracketed(text.trim());
    let number = bracketed.unwrap_or(label).trim_end_matches('分').trim();
    if let Ok(value) = number.parse::<u8>() {
        return Grade::try_from(value).ok();
    }
    let by_label = |grade: &Grade| grade.label_zh() == label || grade.label_en() == label;
    let usual = match label {
        "是" | "yes" => Some(4),
        "否" | "不满" | "no" => Some(2),
        "一般" | "基本满意" => Some(3),
        "很满意" | "非常满意" => Some(5),
        "满意" => Some(4),
        "不满意" => Some(2),
        "很不满意" | "非常不满意" => Some(1),
        _ => None,
    };
    Grade::ALL.into_iter().find(by_label).or_else(|| Grade::try_from(usual?).ok())
}

/// Whether a cell says that there is nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    let plain = normalize_digits(text).to_lowercase();
    matches!(
        plain.trim(),
        "" | "无" | "否" | "no" | "none" | "-" | "--" | "/" | "\\" | "没有" | "0"
    )
}

#[cfg(test)]
mod tests {
    use casework::calendar::BusinessHours;
    use chrono::FixedOffset;

    use super::*;

    fn read(text: &str) -> Option<String> {
        when(text, Some(2023)).map(|when| {
            let time = when.time.map_or(String::new(), |time| format!(" {time}"));
            format!("{}{time}{}", when.date, if when.year_assumed { " ?" } else { "" })
        })
    }

    #[test]
    fn a_date_is_read_as_people_and_excel_write_it() {
        for (text, date) in [
            ("2024/3/5", "2024-03-05"),
            ("2024-03-05", "2024-03-05"),
            ("2024.3.5", "2024-03-05"),
            ("２０２４／３／５", "2024-03-05"),
            ("2024年3月5日", "2024-03-05"),
            ("2024年3月5号", "2024-03-05"),
            ("20240305", "2024-03-05"),
            ("45356", "2024-03-05"),
            ("45356.5", "2024-03-05 12:00:00"),
            ("3.5", "2023-03-05 ?"),
            ("3月5日", "2023-03-05 ?"),
            ("24/3/5", "2024-03-05"),
            ("2026-03-04 10:00", "2026-03-04 10:00:00"),
            ("2026-03-04T10:00:05", "2026-03-04 10:00:05"),
            ("2026-03-04 17:30（暂定）", "2026-03-04 17:30:00"),
            ("2024年3月5日 下午2:30", "2024-03-05 14:30:00"),
            ("2024年3月5日9时30分", "2024-03-05 09:30:00"),
        ] {
            assert_eq!(read(text).as_deref(), Some(date), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["", "待定", "2024/13/5", "2024/2/30", "1024/3/5", "13800000000", "5", "3天内"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(when("3.5", None), None);
    }

    #[test]
    fn a_day_without_a_time_begins_an_opening_and_ends_everything_else() {
        let offset = FixedOffset::east_opt(8 * 3600).unwrap();
        let hours = BusinessHours::parse(&["09:00-17:30".to_owned()]).unwrap();
        let year = casework::calendar::CalendarYear { off: Vec::new(), work: Vec::new() };
        let calendar = WorkingCalendar::new([(2024, year)].into(), hours, offset).unwrap();
        let day = when("2024/3/5", None).unwrap();
        let told = |is_opening| day.instant(is_opening, &calendar).unwrap().to_rfc3339();
        assert_eq!(told(true), "2024-03-05T09:00:00+08:00");
        assert_eq!(told(false), "2024-03-05T17:30:00+08:00");
    }

    #[test]
    fn a_code_is_read_with_and_without_its_label() {
        for (text, found) in [
            ("受理（accept）", Found::Surely(Stage::Accept)),
            ("Acceptance (accept)", Found::Surely(Stage::Accept)),
            ("accept", Found::Surely(Stage::Accept)),
            ("受理", Found::Surely(Stage::Accept)),
            ("受理环节", Found::Perhaps(Stage::Accept)),
        ] {
            assert_eq!(code::<Stage>(text), Some(found), "{text}");
        }
        assert_eq!(code::<Cause>("系统故障"), Some(Found::Surely(Cause::SystemFault)));
        assert_eq!(code::<Cause>("因系统故障"), Some(Found::Perhaps(Cause::SystemFault)));
        assert_eq!(code::<Stage>("某某"), None);
    }

    #[test]
    fn a_grade_is_read_by_number_and_by_word() {
        for (text, value) in
            [("5", 5), ("满意（4）", 4), ("非常满意", 5), ("不满意", 2), ("３分", 3)]
        {
            assert_eq!(grade(text).map(Grade::value), Some(value), "{text}");
        }
        assert_eq!(grade("6"), None);
        assert_eq!(grade("未回访"), None);
    }
}
