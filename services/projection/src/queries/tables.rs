//! The tables beside the figures: who sends to whom, where it is stuck, how each body stands.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::command::Actor;
use chrono::DateTime;
use proto_events::Timestamp;
use proto_events::codes::{Cause, Stage};
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::heartbeat::{Reporting, Reports};
use super::overview::{PeriodAnswer, of_period, period};
use super::{AsOf, Doors, actor, fresh, fresh_centers, parameters};
use crate::core::{Core, blocking};
use crate::index::CaseRow;

/// The parameters of a table over a period.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeriodParameters {
    from: Option<String>,
    to: Option<String>,
    center: Option<CenterId>,
    department: Option<DepartmentId>,
    min_version: Option<u64>,
}

/// The parameters of a table of bodies.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    min_version: Option<u64>,
}

/// The parameters of the table of centers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CentersParameters {
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

/// How many cases are stuck for a cause at a stage.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct BlockageRow {
    cause: Cause,
    stage: Stage,
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
}

/// How a department stands.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct DepartmentRow {
    id: DepartmentId,
    #[serde(flatten)]
    standing: Standing,
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

/// Serves the matrix of returns: from which department, for which.
pub(super) async fn returns(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<PeriodParameters>,
) -> Result<Json<PeriodTable<ReturnRow>>, Problem> {
    over_period(doors.core, actor(&staff), asked, |rows, from, to| {
        let mut counts: BTreeMap<(DepartmentId, Option<DepartmentId>), u64> = BTreeMap::new();
        for one in rows.flat_map(|row| row.facts.returns.iter()) {
            if (from..=to).contains(&one.at) {
                let key = (one.from.clone(), one.to.clone());
                *counts.entry(key).or_default() += 1;
            }
        }
        counts.into_iter().map(|((from, to), count)| ReturnRow { from, to, count }).collect()
    })
    .await
}

/// Serves the blockage map: cause by stage, of the cases opened in the period.
pub(super) async fn blockages(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<PeriodParameters>,
) -> Result<Json<PeriodTable<BlockageRow>>, Problem> {
    over_period(doors.core, actor(&staff), asked, |rows, from, to| {
        let mut counts: BTreeMap<(Cause, Stage), u64> = BTreeMap::new();
        for row in rows.filter(|row| (from..=to).contains(&row.opened_at)) {
            *counts.entry((row.cause, row.stage)).or_default() += 1;
        }
        counts
            .into_iter()
            .map(|((cause, stage), count)| BlockageRow { cause, stage, count })
            .collect()
    })
    .await
}

type Rows<'a> = Box<dyn Iterator<Item = &'a CaseRow> + 'a>;

async fn over_period<T: Send + 'static>(
    core: std::sync::Arc<Core>,
    actor: Actor,
    asked: PeriodParameters,
    count: impl FnOnce(Rows<'_>, i64, i64) -> Vec<T> + Send + 'static,
) -> Result<Json<PeriodTable<T>>, Problem> {
    let AsOf { at, sequence } = fresh(&core, asked.min_version).await;
    let period = period(asked.from.as_deref(), asked.to.as_deref(), at, &core)?;
    let items = blocking(move || {
        let view = core.view();
        let index = view.index();
        let rows = index.rows().filter(|row| {
            row.may_be_read_by(&actor)
                && asked.center.as_ref().is_none_or(|center| *row.center == *center)
                && asked.department.as_ref().is_none_or(|department| {
                    row.departments_ever.iter().any(|one| **one == *department)
                })
        });
        count(Box::new(rows), period.from.timestamp_micros(), period.to.timestamp_micros())
    })
    .await;
    let total = items.len();
    Ok(Json(PeriodTable { items, total, period, as_of: at, as_of_sequence: sequence }))
}

/// Serves how each center stands, and how it reports.
pub(super) async fn centers(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<CentersParameters>,
) -> Json<CentersTable> {
    let sequence_of_centers = fresh_centers(&doors.centers, asked.min_centers_version).await;
    let as_of = fresh(&doors.core, asked.min_version).await;
    let key = |row: &CaseRow| Some(CenterId::clone(&row.center));
    let actor = actor(&staff);
    let mut standings = standings(&doors.core, &actor, as_of, key);
    let (cases, centers) = (doors.core.view(), doors.centers.view());
    let reports = Reports::new(&doors.core, &cases, &centers, as_of.at);
    let rules = &doors.core.district.rules;
    let items = rules.centers.iter().map(|(id, center)| {
        let standing = standings.remove(id).unwrap_or_default();
        let standing = Standing { name: center.name.clone(), ..standing };
        let reporting = reports.of_center(id, &actor);
        CenterRow { id: id.clone(), code: center.code.clone(), standing, reporting }
    });
    let Json(table) = table(items.collect(), as_of);
    Json(CentersTable { table, as_of_centers_sequence: sequence_of_centers })
}

/// Serves how each department stands.
pub(super) async fn departments(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Json<Table<DepartmentRow>> {
    let as_of = fresh(&doors.core, asked.min_version).await;
    let key = |row: &CaseRow| row.department.as_deref().cloned();
    let mut standings = standings(&doors.core, &actor(&staff), as_of, key);
    let rules = &doors.core.district.rules;
    let items = rules.departments.iter().map(|(id, department)| {
        let standing = standings.remove(id).unwrap_or_default();
        DepartmentRow {
            id: id.clone(),
            standing: Standing { name: department.name.clone(), ..standing },
        }
    });
    table(items.collect(), as_of)
}

fn standings<K: Ord>(
    core: &Core,
    actor: &Actor,
    as_of: AsOf,
    key: impl Fn(&CaseRow) -> Option<K>,
) -> BTreeMap<K, Standing> {
    let now = as_of.at.timestamp_micros();
    let offset = core.district.offset;
    let view = core.view();
    let index = view.index();
    let mut standings: BTreeMap<K, Standing> = BTreeMap::new();
    for row in index.rows().filter(|row| row.may_be_read_by(actor)) {
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

/// Their entries in OpenAPI.
pub(super) fn operations() -> Vec<Operation> {
    let query = |path, summary| Operation::new(Method::GET, path, "queries", summary);
    let over_period = |operation: Operation| {
        let operation = operation
            .refuses(&["invalid"])
            .parameter(Parameter::query::<CenterId>("center", "Only the cases of this center"))
            .parameter(Parameter::query::<DepartmentId>(
                "department",
                "Only the cases that are or were with it",
            ))
            .parameter(parameters::min_version());
        of_period().into_iter().fold(operation, Operation::parameter)
    };
    vec![
        over_period(
            query("/v1/returns", "How often each department sent cases back, and for whom")
                .answers::<PeriodTable<ReturnRow>>(200),
        ),
        over_period(
            query("/v1/blockages", "Where matters are stuck: cause by stage")
                .answers::<PeriodTable<BlockageRow>>(200),
        ),
        query("/v1/centers", "How each center stands, and how it reports its days")
            .answers::<CentersTable>(200)
            .parameter(parameters::min_version())
            .parameter(parameters::min_centers_version()),
        query("/v1/departments", "How each department stands")
            .answers::<Table<DepartmentRow>>(200)
            .parameter(parameters::min_version()),
    ]
}
