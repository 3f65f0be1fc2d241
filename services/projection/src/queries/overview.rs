//! `GET /v1/overview`: every figure of the district, over the cases that one may open.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::figures::Figure;
use casework::figures::count::Period;
use chrono::TimeDelta;
use proto_events::Timestamp;
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

use super::figures::{as_of, moment, past_is_out_of_reach};
use super::heartbeat::Reports;
use super::parameters::{self, DayEnd};
use super::{AsOf, Doors, actor, fresh, fresh_centers};
use crate::core::Core;
use crate::figures::past::Moment;
use crate::figures::{self, Scope};

/// The period when the caller does not say, in days: a year, so that small centers have something to count.
const PERIOD_DAYS: i64 = 365;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    from: Option<String>,
    to: Option<String>,
    center: Option<CenterId>,
    department: Option<DepartmentId>,
    as_of: Option<String>,
    min_version: Option<u64>,
    min_centers_version: Option<u64>,
}

/// From when to when it was counted.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(super) struct PeriodAnswer {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// A figure as it is handed out.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FigureAnswer {
    /// The value, a whole number for a count; null when there was nothing to count.
    #[schemars(with = "Option<f64>")]
    value: Option<Number>,
    /// How many fulfil the condition.
    numerator: u64,
    /// How many could have.
    denominator: u64,
    /// The 95 % interval, when the counts are too small for the value alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    interval: Option<IntervalAnswer>,
    /// The name of the formula.
    formula: &'static str,
}

/// Where the underlying rate lies with 95 % confidence.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct IntervalAnswer {
    low: f64,
    high: f64,
}

impl From<Figure> for FigureAnswer {
    fn from(figure: Figure) -> Self {
        let value = match figure.value {
            Some(_) if figure.formula.is_count() => Some(Number::from(figure.numerator)),
            Some(share) => Number::from_f64(share),
            None => None,
        };
        let interval = figure.interval;
        Self {
            value,
            numerator: figure.numerator,
            denominator: figure.denominator,
            interval: interval.map(|one| IntervalAnswer { low: one.low, high: one.high }),
            formula: figure.formula.name(),
        }
    }
}

/// The figures.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OverviewAnswer {
    /// By name; lead times also by complexity (`lead_time_p50_simple`), consultations by outcome
    /// (`consultations_told_route`). Those of consultations and reports are left out when one department is asked for.
    figures: BTreeMap<String, FigureAnswer>,
    period: PeriodAnswer,
    /// What had been written down by then was counted.
    as_of: Timestamp,
    as_of_sequence: u64,
    /// The sequence of the stream of centers.
    as_of_centers_sequence: u64,
}

/// Reads the period of a query; by default the last year until now.
///
/// # Errors
/// `invalid`, naming the parameter.
pub(super) fn period(
    from: Option<&str>,
    to: Option<&str>,
    now: Timestamp,
    core: &Core,
) -> Result<PeriodAnswer, Problem> {
    let calendar = &core.district.rules.calendar;
    let to = parameters::instant("to", to, DayEnd::End, calendar)?.unwrap_or(now);
    let year = TimeDelta::days(PERIOD_DAYS);
    let from = parameters::instant("from", from, DayEnd::Start, calendar)?;
    let from = from.or_else(|| to.checked_sub_signed(year)).unwrap_or(to);
    if from > to {
        return Err(Problem::invalid("/from", "must not lie after the end of the period"));
    }
    Ok(PeriodAnswer { from, to })
}

/// Serves the figures.
pub(super) async fn overview(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<OverviewAnswer>, Problem> {
    let centers_sequence = fresh_centers(&doors.centers, asked.min_centers_version).await;
    let AsOf { at: now, sequence } = fresh(&doors.core, asked.min_version).await;
    let moment = moment(asked.as_of.as_deref(), now, &doors.core)?;
    let scope = Scope { actor: actor(&staff), center: asked.center, department: asked.department };
    let (from, to) = (asked.from.as_deref(), asked.to.as_deref());
    let told = told(&doors, moment, scope, (from, to)).await?;
    let (sequence, centers_sequence) = match moment.is_past {
        true => (told.sequence, told.centers_sequence),
        false => (sequence, centers_sequence),
    };
    let figures = told.figures.into_iter().map(|(name, figure)| (name, figure.into())).collect();
    Ok(Json(OverviewAnswer {
        figures,
        period: told.period,
        as_of: moment.at,
        as_of_sequence: sequence,
        as_of_centers_sequence: centers_sequence,
    }))
}

/// Every figure at a moment.
pub(super) struct Told {
    pub(super) figures: BTreeMap<String, Figure>,
    pub(super) period: PeriodAnswer,
    pub(super) sequence: u64,
    pub(super) centers_sequence: u64,
}

/// Sums every figure of a period, as it is seen at a moment.
///
/// # Errors
/// `invalid` for a period that is none, `unavailable` when the past cannot be read.
pub(super) async fn told(
    doors: &Doors,
    moment: Moment,
    scope: Scope,
    (from, to): (Option<&str>, Option<&str>),
) -> Result<Told, Problem> {
    let (core, centers) = (Arc::clone(&doors.core), doors.centers.view());
    let period = period(from, to, moment.at, &core)?;
    let refusals = doors.refusals.until(moment.seen_to());
    let told = doors.past.look(&doors.core, moment, move |seen| {
        let calendar = &core.district.rules.calendar;
        let counted = Period::new(period.from, period.to, moment.at, calendar);
        let rows = scope.rows_and_refused(seen, &counted, &refusals);
        let mut figures = figures::figures(rows, &counted, calendar, &refusals);
        let reports = Reports::new(&core, seen.first_opened_at(), &centers, moment);
        if scope.department.is_none() {
            let days = (calendar.date_of(period.from), calendar.date_of(period.to));
            figures.extend(reports.figures(&scope.actor, scope.center.as_ref(), days));
        }
        let (sequence, centers_sequence) = (seen.sequence(), reports.sequence());
        Told { figures, period, sequence, centers_sequence }
    });
    told.await.map_err(past_is_out_of_reach)
}

/// The parameters of a period.
pub(super) fn of_period() -> [Parameter; 2] {
    [
        Parameter::query::<String>(
            "from",
            "Date or time from which is counted; a year ago when absent",
        ),
        Parameter::query::<String>("to", "Date (that day included) or time; now when absent"),
    ]
}

/// The parameters of whose cases are counted.
pub(super) fn of_scope() -> [Parameter; 2] {
    [
        Parameter::query::<CenterId>("center", "Only the cases of this center"),
        Parameter::query::<DepartmentId>("department", "Only the cases that are or were with it"),
    ]
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let operation =
        Operation::new(Method::GET, "/v1/overview", "queries", "The figures of the district")
            .answers::<OverviewAnswer>(200)
            .refuses(&["invalid"])
            .parameter(as_of())
            .parameter(parameters::min_version())
            .parameter(parameters::min_centers_version());
    of_scope().into_iter().chain(of_period()).fold(operation, Operation::parameter)
}
