//! `GET /v1/figures`: every figure with its name and what it counts, in Chinese and English; and below it, the cases behind
//! a figure.

mod cases;

use axum::Json;
use axum::http::Method;
use casework::figures::{Formula, INTERVAL_BELOW, SUPPRESSED_BELOW, Source};
use proto_events::Timestamp;
use runtime::http::{Operation, Parameter, Problem};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) use self::cases::{cases, operation as operation_of_cases};

use super::parameters::{self, DayEnd};
use crate::core::Core;
use crate::figures::past::{Moment, PastError};

/// A text in both languages.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Both {
    zh: &'static str,
    en: &'static str,
}

/// A figure of the catalogue.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FigureEntry {
    /// The name under which it stands in answers; it is never given to another count.
    name: &'static str,
    label: Both,
    /// What is counted, in one sentence.
    definition: Both,
    /// `share`: so many of so many · `mean`: working days per … · `count` · `length`: working days.
    kind: &'static str,
    /// What it is counted over: `cases`, `days` of the centers, or the `audit`.
    counted_over: &'static str,
    /// The rates that it stands beside because what it counts could flatter them.
    could_flatter: Vec<&'static str>,
}

/// The catalogue.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CatalogueAnswer {
    /// In the order in which the district looks at them.
    items: Vec<FigureEntry>,
    total: usize,
    /// Shares of fewer come with their 95 % interval, and nothing of fewer is ranked.
    interval_below: u64,
    /// Groups of fewer are suppressed.
    suppressed_below: u64,
}

/// Serves the catalogue.
pub(super) async fn catalogue(Signed(_): Signed) -> Json<CatalogueAnswer> {
    let entry = |formula: &Formula| FigureEntry {
        name: formula.name(),
        label: Both { zh: formula.label_zh(), en: formula.label_en() },
        definition: Both { zh: formula.definition_zh(), en: formula.definition_en() },
        kind: formula.kind().name(),
        counted_over: match formula.source() {
            Source::Cases => "cases",
            Source::Days => "days",
            Source::Audit => "audit",
        },
        could_flatter: formula.could_flatter().iter().map(|one| one.name()).collect(),
    };
    let items: Vec<FigureEntry> = Formula::ALL.iter().map(entry).collect();
    let total = items.len();
    let (interval_below, suppressed_below) = (INTERVAL_BELOW, SUPPRESSED_BELOW);
    Json(CatalogueAnswer { items, total, interval_below, suppressed_below })
}

/// Reads of when an answer is to be. Today's date means now.
///
/// # Errors
/// `invalid`, naming the parameter, for what is no instant or lies in the future.
pub(super) fn moment(as_of: Option<&str>, now: Timestamp, core: &Core) -> Result<Moment, Problem> {
    let calendar = &core.district.rules.calendar;
    let Some(at) = parameters::instant("as_of", as_of, DayEnd::End, calendar)? else {
        return Ok(Moment::now(now));
    };
    let is_today = as_of.is_some_and(|text| text == calendar.date_of(now).to_string());
    if is_today {
        return Ok(Moment::now(now));
    }
    if at > now {
        return Err(Problem::invalid("/as_of", "must not lie in the future"));
    }
    Ok(Moment { at: at.with_timezone(&calendar.offset()), is_past: true })
}

/// The parameter.
pub(super) fn as_of() -> Parameter {
    Parameter::query::<String>(
        "as_of",
        "Date (its end) or time: the answer is what the district would have seen then; now when absent",
    )
}

/// The answer when the past cannot be read.
pub(super) fn past_is_out_of_reach(error: PastError) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "the past cannot be read");
    Problem::unavailable("the bus is out of reach; the histories of the cases stand there")
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let summary = "Every figure, with what it counts in Chinese and English";
    Operation::new(Method::GET, "/v1/figures", "queries", summary).answers::<CatalogueAnswer>(200)
}
