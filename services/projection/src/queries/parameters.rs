//! Parameters that queries share: instants, pages, cursors.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use casework::calendar::WorkingCalendar;
use chrono::{NaiveDate, TimeDelta};
use proto_events::Timestamp;
use proto_events::ids::CaseId;
use runtime::http::{Parameter, Problem};

/// Items of a page when the caller does not say.
const LIMIT_DEFAULT: usize = 50;
/// Most items of a page.
pub(super) const LIMIT_MAX: usize = 200;
/// Longest text that a list is searched for, in characters.
const TEXT_CHARS_MAX: usize = 100;

/// Which end of a day a date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayEnd {
    /// Its first instant.
    Start,
    /// Its last instant.
    End,
}

/// Reads an instant: RFC 3339, or a date of the district.
///
/// # Errors
/// `invalid`, naming the parameter.
pub(super) fn instant(
    name: &str,
    text: Option<&str>,
    end: DayEnd,
    calendar: &WorkingCalendar,
) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let date = text.parse::<NaiveDate>().ok();
    if let Some(at) = date.and_then(|date| instant_of(date, end, calendar)) {
        return Ok(Some(at));
    }
    // A plus sign that was not escaped arrives as a space.
    let repaired = text.replace(' ', "+");
    Timestamp::parse_from_rfc3339(&repaired).map(Some).map_err(|_| {
        Problem::invalid(format!("/{name}"), "must be a date or an RFC 3339 time with its offset")
    })
}

/// The first or the last instant of a day of the district; none at the end of time.
pub(super) fn instant_of(
    date: NaiveDate,
    end: DayEnd,
    calendar: &WorkingCalendar,
) -> Option<Timestamp> {
    let offset = *calendar.opening_of(date).offset();
    let start = date.and_time(chrono::NaiveTime::MIN).and_local_timezone(offset).single()?;
    let day = match end {
        DayEnd::Start => TimeDelta::zero(),
        DayEnd::End => TimeDelta::days(1) - TimeDelta::microseconds(1),
    };
    start.checked_add_signed(day)
}

/// Reads how many items a page has.
///
/// # Errors
/// `invalid` for none or more than 200.
pub(super) fn limit(asked: Option<u64>) -> Result<usize, Problem> {
    match asked.map(usize::try_from) {
        None => Ok(LIMIT_DEFAULT),
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::invalid("/limit", format!("must be 1 to {LIMIT_MAX}"))),
    }
}

/// Reads a text to search for.
///
/// # Errors
/// `invalid` when it is too long.
pub(super) fn searched(name: &str, text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.chars().count() > TEXT_CHARS_MAX => Err(Problem::invalid(
            format!("/{name}"),
            format!("must have at most {TEXT_CHARS_MAX} characters"),
        )),
        other => Ok(other.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())),
    }
}

/// Reads a cursor.
///
/// # Errors
/// `invalid` when it is none of this list.
pub(super) fn cursor<T: FromStr>(text: Option<&str>) -> Result<Option<T>, Problem> {
    text.map(|text| text.parse().map_err(|_| foreign_cursor())).transpose()
}

/// Reads a cursor that belongs to a question: to the filter and order of its list.
///
/// # Errors
/// `invalid` when it is none of this list, or of another question.
pub(super) fn cursor_of<T: FromStr>(
    question: &impl Debug,
    text: Option<&str>,
) -> Result<Option<T>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let (mark, place) = text.split_once('.').ok_or_else(foreign_cursor)?;
    if mark != in_short(question) {
        return Err(foreign_cursor());
    }
    cursor(Some(place))
}

/// Writes a cursor that belongs to a question.
pub(super) fn cursor_at(question: &impl Debug, place: &impl Display) -> String {
    format!("{}.{place}", in_short(question))
}

/// A question in short: FNV-1a of its parts, the same in every process, so that a cursor outlives a restart.
fn in_short(question: &impl Debug) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in format!("{question:?}").bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

/// The refusal of a cursor that is not of this list.
pub(super) fn foreign_cursor() -> Problem {
    Problem::invalid("/cursor", "is no cursor of this list; start again without it")
}

/// Reads the id of a case from a path.
///
/// # Errors
/// `not_found`: what is no id is no case.
pub(super) fn case_id(text: &str) -> Result<CaseId, Problem> {
    text.parse().map_err(|_| no_such_case())
}

/// The answer for a case that is not there.
pub(super) fn no_such_case() -> Problem {
    Problem::not_found("there is no such case (没有这个案件)")
}

/// The parameter that every query takes.
pub(super) fn min_version() -> Parameter {
    Parameter::query::<u64>(
        "min_version",
        "Wait up to two seconds until the view includes this version",
    )
}

/// The parameter that queries over the centers' days take beside it.
pub(super) fn min_centers_version() -> Parameter {
    Parameter::query::<u64>(
        "min_centers_version",
        "Wait up to two seconds until the counts of the centers include this version of a consultation or a close",
    )
}

/// The parameters of a page.
pub(super) fn of_page() -> [Parameter; 2] {
    [
        Parameter::query::<u64>("limit", "Items of a page, 1 to 200; 50 when absent"),
        Parameter::query::<String>("cursor", "The next_cursor of the page before"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_belongs_to_its_question_alone() {
        let written = cursor_at(&("due_at", Some("jingshan")), &17_u64);
        let read = |question: &(&str, Option<&str>), text: &str| {
            cursor_of::<u64>(question, Some(text)).map_err(|problem| problem.code)
        };
        assert_eq!(read(&("due_at", Some("jingshan")), &written), Ok(Some(17)));
        for other in [("due_at", None), ("-due_at", Some("jingshan")), ("due_at", Some("longtan"))]
        {
            assert_eq!(read(&other, &written), Err("invalid".into()), "{other:?}");
        }
        for noise in
            ["", ".", "17", "00000000.17", "中文.17", &format!("{written}x"), &written[1..]]
        {
            assert_eq!(
                read(&("due_at", Some("jingshan")), noise),
                Err("invalid".into()),
                "{noise}"
            );
        }
        assert_eq!(cursor_of::<u64>(&"anything", None), Ok(None));
    }
}
