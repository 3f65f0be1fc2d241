//! `GET /v1/cases`: the cases that one may open, filtered, sorted, in pages.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::calendar::WorkingCalendar;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, Stage};
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::applicant::{self, ApplicantAnswer};
use super::case::CaseAnswer;
use super::parameters::{self, DayEnd};
use super::{AsOf, Doors, actor, broken, fresh};
use crate::core::blocking;
use crate::index::{Cursor, Filter, Sort};

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    state: Option<CaseState>,
    center: Option<CenterId>,
    department: Option<DepartmentId>,
    handler: Option<String>,
    cause: Option<Cause>,
    stage: Option<Stage>,
    matter: Option<String>,
    overdue: Option<bool>,
    due_before: Option<String>,
    opened_from: Option<String>,
    opened_to: Option<String>,
    q: Option<String>,
    #[serde(default)]
    sort: Sort,
    limit: Option<u64>,
    cursor: Option<String>,
    pub(super) min_version: Option<u64>,
}

/// A page of cases.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ListAnswer {
    items: Vec<CaseAnswer>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
    /// How many cases all pages have.
    total: usize,
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// Serves a page.
pub(super) async fn list(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<ListAnswer>, Problem> {
    let limit = parameters::limit(asked.limit)?;
    let sort = asked.sort;
    let cursor: Option<Cursor> = parameters::cursor(asked.cursor.as_deref())?;
    if cursor.is_some_and(|cursor| !cursor.is_of(sort)) {
        return Err(parameters::foreign_cursor());
    }
    let min_version = asked.min_version;
    let filter = filter(asked, &doors.core.district.rules.calendar)?;
    let AsOf { at, sequence } = fresh(&doors.core, min_version).await;
    let actor = actor(&staff);
    let view = doors.core.view();
    // A search may look at every case, and a page reads up to 200 rows of the store.
    let (page, records) = blocking(move || {
        let now = at.timestamp_micros();
        let page = view.index().page(&actor, &filter, sort, cursor, limit, now);
        let records: Result<Vec<_>, _> =
            page.case_ids.iter().filter_map(|id| view.views.case(*id).transpose()).collect();
        records.map(|records| (page, records))
    })
    .await
    .map_err(broken)?;
    let cases = records.iter().map(|record| &record.case);
    let mut applicants = applicant::of_page(&doors, cases).await;
    let items = records
        .into_iter()
        .map(|record| {
            let applicant = applicants
                .remove(&record.case.case_id)
                .unwrap_or_else(|| ApplicantAnswer::hidden(&record.case));
            CaseAnswer::of(record, applicant, &doors.core.district.rules, at)
        })
        .collect();
    let next_cursor = page.next.map(|cursor| cursor.to_string());
    let total = page.total;
    Ok(Json(ListAnswer { items, next_cursor, total, as_of: at, as_of_sequence: sequence }))
}

/// What the list is narrowed to; the register reads its filter here as well.
///
/// # Errors
/// `invalid`, naming the parameter.
pub(super) fn filter(asked: Parameters, calendar: &WorkingCalendar) -> Result<Filter, Problem> {
    let at = |name, text: Option<String>, end| {
        let instant = parameters::instant(name, text.as_deref(), end, calendar)?;
        Ok::<_, Problem>(instant.map(|at| at.timestamp_micros()))
    };
    Ok(Filter {
        state: asked.state,
        center: asked.center,
        department: asked.department,
        handler: parameters::searched("handler", asked.handler)?,
        cause: asked.cause,
        stage: asked.stage,
        matter: parameters::searched("matter", asked.matter)?,
        overdue: asked.overdue,
        due_before: at("due_before", asked.due_before, DayEnd::Start)?,
        opened_from: at("opened_from", asked.opened_from, DayEnd::Start)?,
        opened_to: at("opened_to", asked.opened_to, DayEnd::End)?,
        text: parameters::searched("q", asked.q)?,
    })
}

/// The parameters of the filter, for OpenAPI.
pub(super) fn filters() -> [Parameter; 12] {
    [
        Parameter::query::<CaseState>("state", "Where in its life"),
        Parameter::query::<CenterId>("center", "Which center took it on"),
        Parameter::query::<DepartmentId>("department", "Which department has it now"),
        Parameter::query::<String>("handler", "Username of who handles it"),
        Parameter::query::<Cause>("cause", "A cause, or the letter of its category"),
        Parameter::query::<Stage>("stage", "Where it is stuck"),
        Parameter::query::<String>("matter", "The exact name of the matter"),
        Parameter::query::<bool>("overdue", "Whether the promise has passed"),
        Parameter::query::<String>("due_before", "Promised before this date or time"),
        Parameter::query::<String>("opened_from", "Opened from this date or time on"),
        Parameter::query::<String>("opened_to", "Opened up to this time, or on this date"),
        Parameter::query::<String>("q", "Stands in the matter, the demand or the number"),
    ]
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let order = [
        Parameter::query::<Sort>("sort", "The order; the earliest promise first when absent"),
        parameters::min_version(),
    ];
    let operation =
        Operation::new(Method::GET, "/v1/cases", "queries", "The cases that one may open")
            .answers::<ListAnswer>(200)
            .refuses(&["invalid"]);
    let all = filters().into_iter().chain(order).chain(parameters::of_page());
    all.fold(operation, Operation::parameter)
}
