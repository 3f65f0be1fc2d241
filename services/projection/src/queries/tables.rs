//! The tables beside the figures: who sends to whom, and how each body stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::calendar::WorkingCalendar;
use casework::command::Actor;
use casework::figures::count::{Part, Period};
use casework::figures::groups::fit_to_show;
use casework::figures::{Formula, Ratio};
use casework::rules::Department;
use chrono::DateTime;
use proto_events::Timestamp;
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figures::{as_of, moment, past_is_out_of_reach};
use super::heartbeat::{Reporting, Reports};
use super::overview::{FigureAnswer, PeriodAnswer, of_period, period};
use super::{AsOf, Doors, actor, fresh, fresh_centers, parameters};
use crate::core::Core;
use crate::figures::behind::size;
use crate::figures::past::Seen;
use crate::figures::{self, Scope};
use crate::index::CaseRow;
use crate::lines::LineAnswer;

/// The parameters of a table over a period.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeriodParameters {
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) center: Option<CenterId>,
    pub(super) department: Option<DepartmentId>,
    pub(super) as_of: Option<String>,
    pub(super) min_version: Option<u64>,
}

/// The parameters of the table of departments.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DepartmentsParameters {
    from: Option<String>,
    to: Option<String>,
    as_of: Option<String>,
    min_version: Option<u64>,
}

/// The parameters of the table of centers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CentersParameters {
    as_of: Option<String>,
    min_version: Option<u64>,
    min_centers_version: Option<u64>,
}

/// How often a department sent cases back for another.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ReturnRow {
    from: DepartmentId,
    /// Whose it is instead; null when nobody was named.
    to: Option<DepartmentId>,
    count: u64,
}

/// How a center stands.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct CenterRow {
    id: CenterId,
    code: String,
    #[serde(flatten)]
    standing: Standing,
    #[serde(flatten)]
    reporting: Reporting,
    /// How its line is, when it has a server of its own; null of the past.
    line: Option<LineAnswer>,
}

/// How a department stands.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DepartmentRow {
    id: DepartmentId,
    #[serde(flatten)]
    standing: Standing,
    /// Working days that cases stayed with it, per stay that ended in the period; null when there were too few to show, or
    /// when they would give away another department's.
    dwell: Option<FigureAnswer>,
}

/// How a body stands, over the cases that one may open.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Standing {
    name: String,
    open: u64,
    overdue: u64,
    /// When something last happened in one of its cases.
    last_event_at: Option<Timestamp>,
}

/// A table over a period.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PeriodTable<T> {
    items: Vec<T>,
    total: usize,
    period: PeriodAnswer,
    /// What had been written down by then was counted.
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// A table.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Table<T> {
    items: Vec<T>,
    total: usize,
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// The table of centers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CentersTable {
    #[serde(flatten)]
    table: Table<CenterRow>,
    /// The sequence of the stream of centers.
    as_of_centers_sequence: u64,
}

/// A table of a period as it is seen at a moment.
pub(super) struct Counted<T> {
    pub(super) told: T,
    pub(super) period: PeriodAnswer,
    pub(super) as_of: Timestamp,
    pub(super) as_of_sequence: u64,
}

/// Serves the matrix of returns: from which department, for which.
pub(super) async fn returns(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<PeriodParameters>,
) -> Result<Json<PeriodTable<ReturnRow>>, Problem> {
    let Counted { told: items, period, as_of, as_of_sequence } =
        over_period(&doors, actor(&staff), asked, |seen, scope, period, _| {
            let groups = figures::groups(scope.rows(seen, period), period, Formula::Returns);
            let row = |(part, (count, _)): (Part<'_>, (u64, u64))| match part {
                Part::Return(from, to) => {
                    Some(ReturnRow { from: from.clone(), to: to.cloned(), count })
                }
                _ => None,
            };
            groups.into_iter().filter_map(row).collect::<Vec<_>>()
        })
        .await?;
    let total = items.len();
    Ok(Json(PeriodTable { items, total, period, as_of, as_of_sequence }))
}

/// Counts a table over the period that is asked for.
///
/// # Errors
/// `invalid` for a period or a moment that is none, `unavailable` when the past cannot be read.
pub(super) async fn over_period<T: Send + 'static>(
    doors: &Doors,
    actor: Actor,
    asked: PeriodParameters,
    count: impl FnOnce(&Seen<'_>, &Scope, &Period, &WorkingCalendar) -> T + Send + 'static,
) -> Result<Counted<T>, Problem> {
    let AsOf { at, sequence } = fresh(&doors.core, asked.min_version).await;
    let moment = moment(asked.as_of.as_deref(), at, &doors.core)?;
    let period = period(asked.from.as_deref(), asked.to.as_deref(), moment.at, &doors.core)?;
    let scope = Scope { actor, center: asked.center, department: asked.department };
    let core = Arc::clone(&doors.core);
    let counted = doors.past.look(&doors.core, moment, move |seen| {
        let calendar = &core.district.rules.calendar;
        let counted = Period::new(period.from, period.to, moment.at, calendar);
        (count(seen, &scope, &counted, calendar), seen.sequence())
    });
    let (told, sequence_then) = counted.await.map_err(past_is_out_of_reach)?;
    let as_of_sequence = if moment.is_past { sequence_then } else { sequence };
    Ok(Counted { told, period, as_of: moment.at, as_of_sequence })
}

/// Serves how each center stands, and how it reports.
pub(super) async fn centers(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<CentersParameters>,
) -> Result<Json<CentersTable>, Problem> {
    let sequence_of_centers = fresh_centers(&doors.centers, asked.min_centers_version).await;
    let AsOf { at, sequence } = fresh(&doors.core, asked.min_version).await;
    let moment = moment(asked.as_of.as_deref(), at, &doors.core)?;
    let (core, centers) = (Arc::clone(&doors.core), doors.centers.view());
    let actor = actor(&staff);
    let (lines, is_past) = (Arc::clone(&doors.lines), moment.is_past);
    let counted = doors.past.look(&doors.core, moment, move |seen| {
        let line = |id: &CenterId| if is_past { None } else { lines.of(id, core.now()) };
        let key = |row: &CaseRow| Some(CenterId::clone(&row.center));
        let mut standings = standings(&core, seen, &actor, moment.at, key);
        let reports = Reports::new(&core, seen.first_opened_at(), &centers, moment);
        let items = core.district.rules.centers.iter().map(|(id, center)| {
            let standing = standings.remove(id).unwrap_or_default();
            let standing = Standing { name: center.name.clone(), ..standing };
            let reporting = reports.of_center(id, &actor);
            let line = line(id);
            CenterRow { id: id.clone(), code: center.code.clone(), standing, reporting, line }
        });
        (items.collect(), seen.sequence(), reports.sequence())
    });
    let (items, sequence_then, of_centers_then) = counted.await.map_err(past_is_out_of_reach)?;
    let (sequence, sequence_of_centers) = match moment.is_past {
        true => (sequence_then, of_centers_then),
        false => (sequence, sequence_of_centers),
    };
    let Json(table) = table(items, AsOf { at: moment.at, sequence });
    Ok(Json(CentersTable { table, as_of_centers_sequence: sequence_of_centers }))
}

/// Serves how each department stands, and how long cases stay with it.
pub(super) async fn departments(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<DepartmentsParameters>,
) -> Result<Json<PeriodTable<DepartmentRow>>, Problem> {
    let DepartmentsParameters { from, to, as_of, min_version } = asked;
    let asked = PeriodParameters { from, to, center: None, department: None, as_of, min_version };
    let core = Arc::clone(&doors.core);
    let now = moment(asked.as_of.as_deref(), core.now(), &core)?.at;
    let Counted { told: items, period, as_of, as_of_sequence } =
        over_period(&doors, actor(&staff), asked, move |seen, scope, period, _| {
            let key = |row: &CaseRow| row.department.as_deref().cloned();
            let mut standings = standings(&core, seen, &scope.actor, now, key);
            let mut dwell = dwell(seen, scope, period);
            let row = |(id, department): (&DepartmentId, &Department)| {
                let standing = standings.remove(id).unwrap_or_default();
                let standing = Standing { name: department.name.clone(), ..standing };
                DepartmentRow { id: id.clone(), standing, dwell: dwell.remove(id) }
            };
            core.district.rules.departments.iter().map(row).collect::<Vec<_>>()
        })
        .await?;
    let total = items.len();
    Ok(Json(PeriodTable { items, total, period, as_of, as_of_sequence }))
}

/// How long cases stay with the departments of which that may be shown.
fn dwell(seen: &Seen<'_>, scope: &Scope, period: &Period) -> BTreeMap<DepartmentId, FigureAnswer> {
    let groups = figures::groups(scope.rows(seen, period), period, Formula::Dwell);
    let sizes = groups.iter().map(|(part, sums)| (*part, size(Formula::Dwell, *sums)));
    let shown = fit_to_show(sizes).into_iter().filter(|group| group.count.is_some());
    shown
        .filter_map(|group| {
            let (days, stays) = *groups.get(&group.key)?;
            let Part::Department(Some(id)) = group.key else { return None };
            Some((id.clone(), Ratio::new(days, stays).under(Formula::Dwell).into()))
        })
        .collect()
}

fn standings<K: Ord>(
    core: &Core,
    seen: &Seen<'_>,
    actor: &Actor,
    now: Timestamp,
    key: impl Fn(&CaseRow) -> Option<K>,
) -> BTreeMap<K, Standing> {
    let now = now.timestamp_micros();
    let offset = core.district.offset;
    let mut standings: BTreeMap<K, Standing> = BTreeMap::new();
    for row in seen.rows().filter(|row| row.may_be_read_by(actor)) {
        let Some(key) = key(row) else { continue };
        let standing = standings.entry(key).or_default();
        standing.open += u64::from(row.is_open());
        standing.overdue += u64::from(row.is_overdue(now));
        let last = DateTime::from_timestamp_micros(row.last_event_at);
        let last = last.map(|at| at.with_timezone(&offset));
        standing.last_event_at = standing.last_event_at.max(last);
    }
    standings
}

fn table<T>(items: Vec<T>, as_of: AsOf) -> Json<Table<T>> {
    let total = items.len();
    Json(Table { items, total, as_of: as_of.at, as_of_sequence: as_of.sequence })
}

/// The parameters of a table over a period, for OpenAPI.
pub(super) fn with_period(operation: Operation) -> Operation {
    let operation = operation
        .refuses(&["invalid", "unavailable"])
        .parameter(Parameter::query::<CenterId>("center", "Only the cases of this center"))
        .parameter(Parameter::query::<DepartmentId>(
            "department",
            "Only the cases that are or were with it",
        ))
        .parameter(as_of())
        .parameter(parameters::min_version());
    of_period().into_iter().fold(operation, Operation::parameter)
}

/// Their entries in OpenAPI.
pub(super) fn operations() -> Vec<Operation> {
    let query = |path, summary| Operation::new(Method::GET, path, "queries", summary);
    vec![
        with_period(
            query("/v1/returns", "How often each department sent cases back, and for whom")
                .answers::<PeriodTable<ReturnRow>>(200),
        ),
        query("/v1/centers", "How each center stands, and how it reports its days")
            .answers::<CentersTable>(200)
            .refuses(&["invalid", "unavailable"])
            .parameter(as_of())
            .parameter(parameters::min_version())
            .parameter(parameters::min_centers_version()),
        of_period().into_iter().fold(
            query("/v1/departments", "How each department stands, and how long cases stay with it")
                .answers::<PeriodTable<DepartmentRow>>(200)
                .refuses(&["invalid", "unavailable"])
                .parameter(as_of())
                .parameter(parameters::min_version()),
            Operation::parameter,
        ),
    ]
}
