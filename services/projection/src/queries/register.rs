//! `GET /v1/register.csv` and `.xlsx`: the register of the cases that one may open, as a file.
//!
//! Invariants: the filter is that of the list, read by the same code; the answer begins after the audit line stands, and
//! breaks off visibly when the file cannot be finished.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use casework::free_text::find_personal_data;
use casework::register::Lang;
use desk::District;
use futures::stream;
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Doors, actor, cases, fresh, parameters};
use crate::register::{Export, Exporter, FileKind, Wish};

/// The parameters that the list does not have, and those of the list that a file cannot have.
const OWN_PARAMETERS: [&str; 4] = ["lang", "sort", "limit", "cursor"];

/// What the file has for parameters besides the filter.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnParameters {
    #[serde(default)]
    lang: Lang,
}

/// The language of heads and labels.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used; `Lang` knows no schemas")]
enum LangCode {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// Serves the register as CSV.
pub(super) async fn csv(doors: State<Doors>, staff: Signed, query: RawQuery) -> Answer {
    file(FileKind::Csv, doors, staff, query).await
}

/// Serves the register as XLSX.
pub(super) async fn xlsx(doors: State<Doors>, staff: Signed, query: RawQuery) -> Answer {
    file(FileKind::Xlsx, doors, staff, query).await
}

type Answer = Result<Response, Problem>;

async fn file(
    kind: FileKind,
    State(doors): State<Doors>,
    Signed(staff): Signed,
    RawQuery(query): RawQuery,
) -> Answer {
    let (asked, own) = read(query.as_deref().unwrap_or_default())?;
    let min_version = asked.min_version;
    let told = told(query.as_deref().unwrap_or_default());
    let calendar = &doors.core.district.rules.calendar;
    let wish = Wish { kind, lang: own.lang, filter: cases::filter(asked, calendar)?, told };
    fresh(&doors.core, min_version).await;
    let exporter = Exporter { actor: actor(&staff), center: staff.center.clone() };
    let export = doors.register.begin(exporter, wish).await?;
    Ok(answer(kind, export))
}

/// Reads what somebody wishes from a query string.
///
/// # Errors
/// `invalid`, naming the parameter.
pub(crate) fn wish(kind: FileKind, query: &str, district: &District) -> Result<Wish, Problem> {
    let (asked, own) = read(query)?;
    let filter = cases::filter(asked, &district.rules.calendar)?;
    Ok(Wish { kind, lang: own.lang, filter, told: told(query) })
}

/// The parameters of the list by the list's own reader, and the rest.
fn read(query: &str) -> Result<(cases::Parameters, OwnParameters), Problem> {
    let is_own = |pair: &&str| {
        OWN_PARAMETERS.contains(&pair.split_once('=').map_or(*pair, |(name, _)| name))
    };
    let (own, of_list): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_own);
    let Query(own) = Query::<OwnParameters>::of_text(&own.join("&"))?;
    let Query(of_list) = Query::<cases::Parameters>::of_text(&of_list.join("&"))?;
    Ok((of_list, own))
}

/// Parameters that take any text; a name in it has no form by which it is found.
const FREE_TEXTS: [&str; 2] = ["q", "matter"];

/// The filter for the audit: what somebody typed, and what looks like somebody's number, is left out.
fn told(query: &str) -> String {
    let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::of_text(query) else {
        return String::new();
    };
    let shown = pairs.into_iter().map(|(name, value)| {
        let is_kept = !FREE_TEXTS.contains(&name.as_str()) && find_personal_data(&value).is_none();
        if is_kept { format!("{name}={value}") } else { format!("{name}=…") }
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn answer(kind: FileKind, export: Export) -> Response {
    let Export { at, pieces, rows } = export;
    let day = at.format("%Y%m%d");
    let ending = kind.ending();
    // RFC 6266: the plain name for old programs, the other one for all of today.
    let disposition = format!(
        "attachment; filename=\"register-{day}.{ending}\"; filename*=UTF-8''%E7%99%BB%E8%AE%B0%E7%B0%BF-{day}.{ending}"
    );
    let disposition = HeaderValue::try_from(disposition).expect("digits and ASCII letters");
    let content_type = HeaderValue::from_static(content_type(kind));
    let body = stream::try_unfold(pieces, |mut pieces| async move {
        Ok::<_, crate::register::RegisterError>(pieces.next().await?.map(|piece| (piece, pieces)))
    });
    tracing::info!(rows, kind = ending, "an export of the register begins");
    let headers =
        [(header::CONTENT_TYPE, content_type), (header::CONTENT_DISPOSITION, disposition)];
    (headers, Body::from_stream(body)).into_response()
}

const fn content_type(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Csv => "text/csv; charset=utf-8; header=present",
        FileKind::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    }
}

/// Their entries in OpenAPI.
pub(super) fn operations() -> Vec<Operation> {
    let of = |path, kind, summary| {
        let operation = Operation::new(Method::GET, path, "queries", summary)
            .answers_with(200, content_type(kind))
            .refuses(&["invalid"])
            .parameter(Parameter::query::<LangCode>(
                "lang",
                "The language of heads and labels; zh when absent",
            ));
        let shared = cases::filters().into_iter().chain([parameters::min_version()]);
        shared.fold(operation, Operation::parameter)
    };
    vec![
        of(
            "/v1/register.csv",
            FileKind::Csv,
            "The register of the cases that one may open, as CSV",
        ),
        of(
            "/v1/register.xlsx",
            FileKind::Xlsx,
            "The register of the cases that one may open, as XLSX",
        ),
    ]
}
