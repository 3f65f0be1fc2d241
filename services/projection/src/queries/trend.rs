//! `GET /v1/trend`: the figures of the last months, one after the other, by one look at the cases.
//!
//! Invariant: a month says what `GET /v1/overview` says of its days as of the same instant; what is counted over days of
//! centers is not among it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::calendar::WorkingCalendar;
use casework::figures::count::Period;
use chrono::{Datelike as _, Months};
use proto_events::Timestamp;
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figures::{as_of, moment, past_is_out_of_reach};
use super::overview::{FigureAnswer, PeriodAnswer, of_scope};
use super::parameters::{self, DayEnd};
use super::{AsOf, Doors, actor, fresh};
use crate::figures::{self, Scope};

/// Months when the caller does not say: a year.
const MONTHS_DEFAULT: u32 = 12;
/// Most months: five years, so that a question costs what a page of cases does.
const MONTHS_MAX: u32 = 60;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    months: Option<u32>,
    center: Option<CenterId>,
    department: Option<DepartmentId>,
    as_of: Option<String>,
    min_version: Option<u64>,
}

/// A month.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MonthAnswer {
    period: PeriodAnswer,
    /// By name, as in the overview; those that are counted over cases.
    figures: BTreeMap<String, FigureAnswer>,
}

/// The figures, month by month.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TrendAnswer {
    /// Oldest first; the last is the one that the answer is of, as far as it has come.
    items: Vec<MonthAnswer>,
    total: usize,
    /// What had been written down by then was counted.
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// Serves the figures of the last months.
pub(super) async fn trend(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<TrendAnswer>, Problem> {
    let count = asked.months.unwrap_or(MONTHS_DEFAULT);
    if !(1..=MONTHS_MAX).contains(&count) {
        return Err(Problem::invalid("/months", format!("must be 1 to {MONTHS_MAX}")));
    }
    let AsOf { at: now, sequence } = fresh(&doors.core, asked.min_version).await;
    let moment = moment(asked.as_of.as_deref(), now, &doors.core)?;
    let scope = Scope { actor: actor(&staff), center: asked.center, department: asked.department };
    let core = Arc::clone(&doors.core);
    let refusals = doors.refusals.until(moment.seen_to());
    let counted = doors.past.look(&doors.core, moment, move |seen| {
        let calendar = &core.district.rules.calendar;
        let month = |period: PeriodAnswer| {
            let counted = Period::new(period.from, period.to, moment.at, calendar);
            let rows = scope.rows_and_refused(seen, &counted, &refusals);
            let figures = figures::figures(rows, &counted, calendar, &refusals);
            let figures = figures.into_iter().map(|(name, figure)| (name, figure.into()));
            MonthAnswer { period, figures: figures.collect() }
        };
        let items: Vec<_> = months(count, moment.at, calendar).into_iter().map(month).collect();
        (items, seen.sequence())
    });
    let (items, sequence_then) = counted.await.map_err(past_is_out_of_reach)?;
    let as_of_sequence = if moment.is_past { sequence_then } else { sequence };
    Ok(Json(TrendAnswer { total: items.len(), items, as_of: moment.at, as_of_sequence }))
}

/// The last months until an instant, oldest first; the last one ends with it.
fn months(count: u32, until: Timestamp, calendar: &WorkingCalendar) -> Vec<PeriodAnswer> {
    let today = calendar.date_of(until);
    let this = today.with_day(1).unwrap_or(today);
    let month = |back| {
        let first = this.checked_sub_months(Months::new(back))?;
        let last = first.checked_add_months(Months::new(1))?.pred_opt()?;
        let from = parameters::instant_of(first, DayEnd::Start, calendar)?;
        let to = parameters::instant_of(last, DayEnd::End, calendar)?;
        Some(PeriodAnswer { from, to: to.min(until) })
    };
    (0..count).rev().filter_map(month).collect()
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let operation =
        Operation::new(Method::GET, "/v1/trend", "queries", "The figures, month by month")
            .answers::<TrendAnswer>(200)
            .refuses(&["invalid", "unavailable"])
            .parameter(Parameter::query::<u32>(
                "months",
                "How many months, 1 to 60; 12 when absent",
            ))
            .parameter(as_of())
            .parameter(parameters::min_version());
    of_scope().into_iter().fold(operation, Operation::parameter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, district};

    #[test]
    fn the_months_are_whole_and_the_last_ends_with_the_instant() {
        let calendar = &district().rules.calendar;
        let until = at("2026-03-15T10:00:00");
        let months = months(12, until, calendar);
        let days: Vec<_> = months.iter().map(|one| one.from.date_naive().to_string()).collect();
        assert_eq!(
            (days.len(), days[0].as_str(), days[11].as_str()),
            (12, "2025-04-01", "2026-03-01")
        );
        assert_eq!(months[10].to.to_rfc3339(), "2026-02-28T23:59:59.999999+08:00");
        assert_eq!(months[11].to, until);
        assert!(months.windows(2).all(|two| two[0].to < two[1].from));
    }
}
