//! The figures of the district (domain 7), summed over the rows of the index. What one case adds to a figure is defined
//! in [`casework::figures::count`], and nowhere else.

use std::collections::BTreeMap;

use casework::calendar::WorkingCalendar;
use casework::figures::count::{Period, tallies};
use casework::figures::{Figure, Sums};
use chrono::DateTime;

use crate::index::CaseRow;

/// Sums every figure that is counted over cases.
pub(crate) fn figures<'a>(
    rows: impl Iterator<Item = &'a CaseRow>,
    period: &Period,
    calendar: &WorkingCalendar,
) -> BTreeMap<String, Figure> {
    let mut sums = Sums::default();
    for row in rows {
        tallies(&row.counted(), period, &mut |tally| sums.take(&tally));
    }
    let date_of = |micros: i64| {
        let at = DateTime::from_timestamp_micros(micros).unwrap_or_default();
        calendar.date_of(at.with_timezone(&calendar.offset()))
    };
    sums.figures(|opened| calendar.working_days_between(date_of(opened), date_of(period.as_of())))
}

#[cfg(test)]
mod tests;
