//! `GET /v1/blockages`: where matters are stuck, of the cases opened in the period.
//!
//! Invariants: a group of fewer than five is not shown, nor are as many others as it takes that it cannot be worked out;
//! groups of fewer than ten have no rank and stand in the order of their names.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::figures::Formula;
use casework::figures::count::{Part, Period};
use casework::figures::groups::{Group, fit_to_show};
use casework::figures::part::AskedPart;
use proto_events::Timestamp;
use proto_events::codes::{Cause, Stage};
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::Serialize;

use super::overview::{FigureAnswer, PeriodAnswer};
use super::tables::{Counted, PeriodParameters, over_period, with_period};
use super::{Doors, actor};
use crate::figures::past::Seen;
use crate::figures::{self, Scope};

/// How many cases there are in a group.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// Null when it is suppressed.
    count: Option<u64>,
    /// Whether there are too few to be shown, or they would give away another group.
    suppressed: bool,
}

/// How many cases are stuck for a cause at a stage.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct BlockageRow {
    cause: Cause,
    stage: Stage,
    #[serde(flatten)]
    shown: Shown,
}

/// How many cases are about a matter.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct MatterRow {
    matter: String,
    #[serde(flatten)]
    shown: Shown,
}

/// How many cases are with a department.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct OfDepartmentRow {
    /// Null when nobody has them yet.
    department: Option<DepartmentId>,
    #[serde(flatten)]
    shown: Shown,
}

/// How many cases came to a center.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct OfCenterRow {
    center: CenterId,
    #[serde(flatten)]
    shown: Shown,
}

/// Where matters are stuck.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct BlockagesAnswer {
    /// Cause by stage.
    items: Vec<BlockageRow>,
    /// How many cells the map has.
    total: usize,
    by_matter: Vec<MatterRow>,
    by_department: Vec<OfDepartmentRow>,
    by_center: Vec<OfCenterRow>,
    /// All cases of the map; null when there are fewer than five.
    cases: Option<u64>,
    /// How much of it is the same again.
    recurrence: FigureAnswer,
    period: PeriodAnswer,
    /// What had been written down by then was counted.
    as_of: Timestamp,
    as_of_sequence: u64,
}

impl From<Option<u64>> for Shown {
    fn from(count: Option<u64>) -> Self {
        Self { count, suppressed: count.is_none() }
    }
}

/// The breakdowns of the map.
struct Breakdowns {
    cells: Vec<BlockageRow>,
    by_matter: Vec<MatterRow>,
    by_department: Vec<OfDepartmentRow>,
    by_center: Vec<OfCenterRow>,
    cases: Option<u64>,
    recurrence: FigureAnswer,
}

/// Serves the map.
pub(super) async fn blockages(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<PeriodParameters>,
) -> Result<Json<BlockagesAnswer>, Problem> {
    let counted = over_period(&doors, actor(&staff), asked, |seen, scope, period, calendar| {
        let recurrence = figures::recurrence(scope.rows(seen, period), period, calendar);
        broken_down(seen, scope, period, recurrence.into())
    });
    let Counted { told, period, as_of, as_of_sequence } = counted.await?;
    let total = told.cells.len();
    Ok(Json(BlockagesAnswer {
        items: told.cells,
        total,
        by_matter: told.by_matter,
        by_department: told.by_department,
        by_center: told.by_center,
        cases: told.cases,
        recurrence: told.recurrence,
        period,
        as_of,
        as_of_sequence,
    }))
}

fn broken_down(
    seen: &Seen<'_>,
    scope: &Scope,
    period: &Period,
    recurrence: FigureAnswer,
) -> Breakdowns {
    let groups = figures::groups(scope.rows(seen, period), period, Formula::Blockages);
    let groups: Vec<(Part<'_>, u64)> =
        groups.into_iter().map(|(part, (count, _))| (part, count)).collect();
    // Every case has one center.
    let of_centers = groups.iter().filter(|(part, _)| matches!(part, Part::Center(_)));
    let all: u64 = of_centers.map(|(_, count)| count).sum();
    let mut found = Breakdowns {
        cells: Vec::new(),
        by_matter: Vec::new(),
        by_department: Vec::new(),
        by_center: Vec::new(),
        cases: (!casework::figures::is_suppressed(all)).then_some(all),
        recurrence,
    };
    // Each breakdown by itself: of each the total is known.
    for kind in breakdowns(&groups) {
        let beside = groups.iter().filter(|(part, _)| kind.is_beside(part)).copied();
        for Group { key, count } in fit_to_show(beside) {
            let shown = Shown::from(count);
            match key {
                Part::Blockage(cause, stage) => {
                    found.cells.push(BlockageRow { cause, stage, shown })
                }
                Part::Matter(matter) => {
                    found.by_matter.push(MatterRow { matter: matter.to_owned(), shown });
                }
                Part::Department(department) => {
                    let department = department.cloned();
                    found.by_department.push(OfDepartmentRow { department, shown });
                }
                Part::Center(center) => {
                    found.by_center.push(OfCenterRow { center: center.clone(), shown });
                }
                Part::All | Part::Complexity(_) | Part::Return(..) => {}
            }
        }
    }
    found
}

/// One group of each breakdown that there is.
fn breakdowns(groups: &[(Part<'_>, u64)]) -> Vec<AskedPart> {
    let mut kinds: Vec<AskedPart> = Vec::new();
    for (part, _) in groups {
        if !kinds.iter().any(|kind| kind.is_beside(part)) {
            kinds.push(AskedPart::of(part));
        }
    }
    kinds
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    with_period(
        Operation::new(
            Method::GET,
            "/v1/blockages",
            "queries",
            "Where matters are stuck: cause by stage, by matter, by department and by center",
        )
        .answers::<BlockagesAnswer>(200),
    )
}
