//! `GET /v1/cases`: the cases that one may open, filtered, sorted, in pages.

use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use casework::calendar::WorkingCalendar;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, Stage};
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::case::{CaseAnswer, Keep, answers, as_of_members};
use super::parameters::{self, DayEnd};
use super::rendered::Form;
use super::{AsOf, Doors, JSON, actor, fresh};
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
    open: Option<bool>,
    overdue: Option<bool>,
    paused: Option<bool>,
    arrived_late: Option<bool>,
    to_act: Option<bool>,
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

/// A page of cases; the shape of what is written by hand.
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
) -> Result<Response, Problem> {
    let limit = parameters::limit(asked.limit)?;
    let sort = asked.sort;
    let (min_version, cursor) = (asked.min_version, asked.cursor.clone());
    let filter = filter(asked, &doors.core.district.rules.calendar)?;
    let question = format!("{sort:?} {filter:?}");
    let cursor: Option<Cursor> = parameters::cursor_of(&question, cursor.as_deref())?;
    // Two questions may be the same in short.
    if cursor.is_some_and(|cursor| !cursor.is_of(sort)) {
        return Err(parameters::foreign_cursor());
    }
    let is_search = filter.text.is_some();
    let AsOf { at, sequence } = fresh(&doors.core, min_version).await;
    let actor = actor(&staff);
    let view = doors.core.view();
    // A search may look at every case.
    let find = move || {
        let index = view.index();
        let page = index.page(&actor, &filter, sort, cursor, limit, at.timestamp_micros());
        let form = |case_id: &CaseId| {
            let row = index.row(*case_id)?;
            Some((*case_id, Form::of(row)))
        };
        let cases: Vec<_> = page.case_ids.iter().filter_map(form).collect();
        (page, cases)
    };
    let (page, cases) = if is_search { blocking(find).await } else { find() };
    let answers = answers(&doors, cases, at, Keep::Answers).await?;
    let bytes: usize = answers.iter().map(|answer| answer.open_json.len() + 2).sum();
    let mut json = Vec::with_capacity(bytes + 200);
    json.extend_from_slice(b"{\"items\":[");
    for (index, answer) in answers.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        json.extend_from_slice(&answer.open_json);
        json.push(b'}');
    }
    let next_cursor = page.next.map(|cursor| parameters::cursor_at(&question, &cursor));
    let rest = format!("],\"next_cursor\":{},\"total\":{}", json!(next_cursor), page.total);
    json.extend_from_slice(rest.as_bytes());
    json.extend_from_slice(as_of_members(at, sequence).as_bytes());
    Ok(([(header::CONTENT_TYPE, JSON)], json).into_response())
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
    let opened_from = at("opened_from", asked.opened_from, DayEnd::Start)?;
    let opened_to = at("opened_to", asked.opened_to, DayEnd::End)?;
    if opened_from.is_some_and(|from| opened_to.is_some_and(|to| from > to)) {
        return Err(Problem::invalid("/opened_from", "must not lie after opened_to"));
    }
    Ok(Filter {
        state: asked.state,
        center: asked.center,
        department: asked.department,
        handler: parameters::searched("handler", asked.handler)?,
        cause: asked.cause,
        stage: asked.stage,
        matter: parameters::searched("matter", asked.matter)?,
        open: asked.open,
        overdue: asked.overdue,
        paused: asked.paused,
        arrived_late: asked.arrived_late,
        to_act: asked.to_act,
        due_before: at("due_before", asked.due_before, DayEnd::Start)?,
        opened_from,
        opened_to,
        text: parameters::searched("q", asked.q)?,
    })
}

/// The parameters of the filter, for OpenAPI.
pub(super) fn filters() -> [Parameter; 16] {
    [
        Parameter::query::<CaseState>("state", "Where in its life"),
        Parameter::query::<CenterId>("center", "Which center took it on"),
        Parameter::query::<DepartmentId>("department", "Which department has it now"),
        Parameter::query::<String>("handler", "Username of who handles it"),
        Parameter::query::<Cause>("cause", "A cause, or the letter of its category"),
        Parameter::query::<Stage>("stage", "Where it is stuck"),
        Parameter::query::<String>("matter", "The exact name of the matter"),
        Parameter::query::<bool>("open", "Whether it still has no outcome"),
        Parameter::query::<bool>("overdue", "Whether the promise has passed"),
        Parameter::query::<bool>("paused", "Whether its clock stands still"),
        Parameter::query::<bool>(
            "arrived_late",
            "Whether it took more than ten minutes to arrive from a center with a server of its own",
        ),
        Parameter::query::<bool>("to_act", "Whether the reader is to do something"),
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
