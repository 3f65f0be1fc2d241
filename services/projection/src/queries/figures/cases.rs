//! `GET /v1/figures/{name}/cases`: what stands behind the numerator or the denominator of a figure.
//!
//! Invariants: the sum over all pages is the number that the figure shows to the same reader (of percentiles and of the
//! oldest case see [`crate::figures::behind`]); only cases that the reader may open are among them; a cursor belongs to
//! what was asked.

use std::cmp::Reverse;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use casework::figures::count::Period;
use casework::figures::days::day_tallies;
use casework::figures::part::AskedPart;
use casework::figures::{Formula, Source};
use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};
use proto_events::Timestamp;
use proto_events::centers::ConsultationOutcome;
use proto_events::codes::CaseState;
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::heartbeat::Reports;
use super::super::overview::{PeriodAnswer, of_period, of_scope, period};
use super::super::{AsOf, Doors, actor, fresh, fresh_centers, parameters};
use super::{as_of, moment, past_is_out_of_reach};
use crate::figures::Scope;
use crate::figures::behind::{Asked, Behind, Side, Unfit};
use crate::figures::past::Seen;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::queries) struct Parameters {
    part: Option<PartAsked>,
    of: Option<String>,
    from: Option<String>,
    to: Option<String>,
    center: Option<CenterId>,
    department: Option<DepartmentId>,
    as_of: Option<String>,
    #[serde(default)]
    sort: Sort,
    limit: Option<u64>,
    cursor: Option<String>,
    min_version: Option<u64>,
    min_centers_version: Option<u64>,
}

/// Which side of a figure.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::queries) enum PartAsked {
    /// What fulfils the condition, or is counted.
    #[default]
    Numerator,
    /// What could have.
    Denominator,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
pub(in crate::queries) enum Sort {
    /// The newest first.
    #[default]
    #[serde(rename = "-opened_at")]
    Newest,
    /// Those first that were due first.
    #[serde(rename = "due_at")]
    DueAt,
}

/// What stands behind a figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::queries) enum BehindItem {
    /// A case; the whole of it is at `/v1/cases/{case_id}`.
    Case {
        /// The case.
        case_id: CaseId,
        /// Its number.
        case_no: String,
        /// Its center.
        center: CenterId,
        /// Who has it.
        department: Option<DepartmentId>,
        /// What it is about.
        matter: String,
        /// How it stands.
        state: CaseState,
        /// When its promise is due.
        due_at: Option<Timestamp>,
        /// How often it counts; of the numerator of a mean, its working days.
        times: u64,
    },
    /// A day of a center: consultations and reports have no case.
    Day {
        /// The center.
        center: CenterId,
        /// The day.
        date: NaiveDate,
        /// How many on that day.
        times: u64,
    },
}

/// A page of what stands behind a figure.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::queries) struct BehindAnswer {
    /// In the order that was asked for; days always the newest first.
    items: Vec<BehindItem>,
    next_cursor: Option<String>,
    /// How many items there are.
    total: usize,
    /// The sum of all `times`: what the figure says.
    counted: u64,
    /// The name of the formula.
    formula: &'static str,
    period: PeriodAnswer,
    /// What had been written down by then was counted.
    as_of: Timestamp,
    as_of_sequence: u64,
    /// The sequence of the stream of centers.
    as_of_centers_sequence: u64,
}

/// A figure by the name under which it stands in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Named {
    formula: Formula,
    part: AskedPart,
    outcome: Option<ConsultationOutcome>,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    /// What was asked, in short.
    asked: u64,
    place: Place,
}

/// The order of the items: an instant or a day, and what it is of.
type Place = (Reverse<i64>, String);

/// Everything of a query that decides what its items are.
struct Question {
    named: Named,
    side: Side,
    scope: Scope,
    period: PeriodAnswer,
}

/// Finds a figure by its name: of a formula (`on_time`), or of a part that stands in the overview under its own name
/// (`lead_time_p50_simple`, `consultations_told_route`).
fn named(name: &str, of: Option<&str>) -> Result<Named, Problem> {
    let unknown = || Problem::not_found("there is no such figure (没有这个指标)");
    let whole = |formula| Named { formula, part: AskedPart::All, outcome: None };
    let mut named = match name.parse::<Formula>() {
        Ok(formula) => whole(formula),
        Err(_) => Formula::ALL
            .iter()
            .find_map(|formula| {
                let rest = name.strip_prefix(formula.name())?.strip_prefix('_')?;
                match formula {
                    Formula::LeadTimeP50 | Formula::LeadTimeP90 => {
                        let part = AskedPart::Complexity(rest.parse().ok()?);
                        Some(Named { part, ..whole(*formula) })
                    }
                    Formula::Consultations => {
                        Some(Named { outcome: Some(rest.parse().ok()?), ..whole(*formula) })
                    }
                    _ => None,
                }
            })
            .ok_or_else(unknown)?,
    };
    if let Some(of) = of {
        let part = of.parse::<AskedPart>().ok().filter(|part| part.is_of(named.formula));
        let is_whole = named == whole(named.formula);
        named.part = part.filter(|_| is_whole).ok_or_else(|| {
            Problem::invalid("/of", "is no group of this figure, such as blockage:P1:accept")
        })?;
    }
    Ok(named)
}

/// Serves what stands behind a figure.
pub(in crate::queries) async fn cases(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Path(name): Path<String>,
    Query(asked): Query<Parameters>,
) -> Result<Json<BehindAnswer>, Problem> {
    let limit = parameters::limit(asked.limit)?;
    let cursor: Option<Cursor> = parameters::cursor(asked.cursor.as_deref())?;
    let named = named(&name, asked.of.as_deref())?;
    let part = asked.part.unwrap_or_default();
    let in_short = in_short(&named, part, &asked);
    if cursor.as_ref().is_some_and(|cursor| cursor.asked != in_short) {
        return Err(parameters::foreign_cursor());
    }
    if named.formula.source() == Source::Days && asked.department.is_some() {
        let detail = "is not told apart in what the centers count";
        return Err(Problem::invalid("/department", detail));
    }
    let of_centers = fresh_centers(&doors.centers, asked.min_centers_version).await;
    let AsOf { at: now, sequence } = fresh(&doors.core, asked.min_version).await;
    let moment = moment(asked.as_of.as_deref(), now, &doors.core)?;
    let period = period(asked.from.as_deref(), asked.to.as_deref(), moment.at, &doors.core)?;
    let side = match part {
        PartAsked::Numerator => Side::Numerator,
        PartAsked::Denominator => Side::Denominator,
    };
    let scope = Scope { actor: actor(&staff), center: asked.center, department: asked.department };
    let (formula, sort) = (named.formula, asked.sort);
    let question = Question { named, side, scope, period };
    let (core, centers) = (Arc::clone(&doors.core), doors.centers.view());
    let refusals = doors.refusals.until(moment.seen_to());
    let found = doors.past.look(&doors.core, moment, move |seen| {
        let reports = Reports::new(&core, seen.first_opened_at(), &centers, moment);
        let calendar = &core.district.rules.calendar;
        let items = match formula.source() {
            Source::Days => days_behind(&question, &reports, |at| calendar.date_of(at)),
            Source::Cases | Source::Audit => {
                let Question { named, side, scope, .. } = &question;
                let asked = Asked { formula, part: named.part.clone(), side: *side };
                let period = Period::new(period.from, period.to, moment.at, calendar);
                let behind = asked.behind(seen, scope, &period, calendar, &refusals);
                let offset = calendar.offset();
                behind.map(|all| all.into_iter().map(|one| item(one, sort, offset)).collect())
            }
        };
        items.map(|items| {
            let page = page(items, cursor.as_ref(), limit, in_short);
            (page, seen_sequences(seen, &reports))
        })
    });
    let found = found.await.map_err(past_is_out_of_reach)?;
    let (page, then) = found.map_err(unfit)?;
    let (sequence, of_centers) = if moment.is_past { then } else { (sequence, of_centers) };
    Ok(Json(BehindAnswer {
        items: page.items,
        next_cursor: page.next.map(|cursor| cursor.to_string()),
        total: page.total,
        counted: page.counted,
        formula: formula.name(),
        period,
        as_of: moment.at,
        as_of_sequence: sequence,
        as_of_centers_sequence: of_centers,
    }))
}

fn seen_sequences(seen: &Seen<'_>, reports: &Reports<'_>) -> (u64, u64) {
    (seen.sequence(), reports.sequence())
}

fn unfit(unfit: Unfit) -> Problem {
    match unfit {
        Unfit::NoDenominator => {
            Problem::invalid("/part", "is not of this figure: it is counted and not divided")
        }
        Unfit::Suppressed => Problem::invalid(
            "/of",
            "has too few cases to be shown, or would give away another group",
        ),
    }
}

fn item(behind: Behind<'_>, sort: Sort, offset: FixedOffset) -> (Place, BehindItem) {
    let row = behind.row;
    let due_at = DateTime::from_timestamp_micros(row.due_at);
    let order = match sort {
        Sort::Newest => row.opened_at,
        Sort::DueAt => row.due_at.saturating_neg(),
    };
    let item = BehindItem::Case {
        case_id: row.case_id,
        case_no: row.case_no.to_string(),
        center: (*row.center).clone(),
        department: row.department.as_deref().cloned(),
        matter: row.matter.to_string(),
        state: row.state,
        due_at: due_at.map(|at| at.with_timezone(&offset)),
        times: behind.times,
    };
    ((Reverse(order), row.case_id.to_string()), item)
}

/// The days behind a figure that is counted over them.
fn days_behind(
    question: &Question,
    reports: &Reports<'_>,
    date_of: impl Fn(Timestamp) -> NaiveDate,
) -> Result<Vec<(Place, BehindItem)>, Unfit> {
    let Question { named, side, scope, period, .. } = question;
    if *side == Side::Denominator && named.formula.is_count() {
        return Err(Unfit::NoDenominator);
    }
    let mut items = Vec::new();
    let days = (date_of(period.from), date_of(period.to));
    reports.each_day(&scope.actor, scope.center.as_ref(), days, &mut |center, date, day| {
        let mut times = 0;
        day_tallies(day, &mut |tally| {
            if tally.formula == named.formula && tally.outcome == named.outcome {
                times += match side {
                    Side::Numerator => tally.numerator,
                    Side::Denominator => tally.denominator,
                };
            }
        });
        if times > 0 {
            let place = (Reverse(i64::from(date.num_days_from_ce())), center.as_str().to_owned());
            items.push((place, BehindItem::Day { center: center.clone(), date, times }));
        }
    });
    Ok(items)
}

/// A page.
struct Page {
    items: Vec<BehindItem>,
    total: usize,
    counted: u64,
    next: Option<Cursor>,
}

fn page(
    mut all: Vec<(Place, BehindItem)>,
    after: Option<&Cursor>,
    limit: usize,
    asked: u64,
) -> Page {
    let times = |item: &BehindItem| match item {
        BehindItem::Case { times, .. } | BehindItem::Day { times, .. } => *times,
    };
    let (total, counted) = (all.len(), all.iter().map(|(_, item)| times(item)).sum());
    all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let start = after.map_or(0, |after| all.partition_point(|(place, _)| *place <= after.place));
    let mut items = all.split_off(start);
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more);
    let next = next.map(|(place, _)| Cursor { asked, place: place.clone() });
    Page { items: items.into_iter().map(|(_, item)| item).collect(), total, counted, next }
}

/// What was asked, in short: FNV-1a, so that a cursor outlives the process.
fn in_short(named: &Named, part: PartAsked, asked: &Parameters) -> u64 {
    let Parameters { from, to, center, department, as_of, sort, .. } = asked;
    let mut hasher = Fnv(0xcbf2_9ce4_8422_2325);
    let name = format!("{} {} {:?} {part:?}", named.formula, named.part, named.outcome);
    (name, from, to, as_of, sort).hash(&mut hasher);
    let ids =
        (center.as_ref().map(CenterId::as_str), department.as_ref().map(DepartmentId::as_str));
    ids.hash(&mut hasher);
    hasher.finish()
}

struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, place: (Reverse(at), id) } = self;
        write!(f, "{asked:x}.{:x}.{id}", at.cast_unsigned())
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (asked, at) = (number().ok_or(())?, number().ok_or(())?.cast_signed());
        let id = parts.next().ok_or(())?.to_owned();
        Ok(Self { asked, place: (Reverse(at), id) })
    }
}

/// Its entry in OpenAPI.
pub(in crate::queries) fn operation() -> Operation {
    let operation = Operation::new(
        Method::GET,
        "/v1/figures/{name}/cases",
        "queries",
        "What stands behind a figure",
    )
    .answers::<BehindAnswer>(200)
    .refuses(&["invalid", "not_found", "unavailable"])
    .parameter(Parameter::path::<String>(
        "name",
        "The name under which the figure stands in the overview",
    ))
    .parameter(Parameter::query::<PartAsked>("part", "Which side of it; the numerator when absent"))
    .parameter(Parameter::query::<Sort>("sort", "In which order; the newest first when absent"))
    .parameter(Parameter::query::<String>(
        "of",
        "Only one group of it, such as complexity:hard, department:housing or blockage:P1:accept",
    ))
    .parameter(as_of())
    .parameter(parameters::min_version())
    .parameter(parameters::min_centers_version());
    let all = of_scope().into_iter().chain(of_period()).chain(parameters::of_page());
    all.fold(operation, Operation::parameter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_and_any_text_is_read_or_refused(
            asked: u64, at: i64, id in "[0-9a-z.-]{0,40}", text in ".{0,60}",
        ) {
            let cursor = Cursor { asked, place: (Reverse(at), id) };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
            if let Ok(read) = text.parse::<Cursor>() {
                prop_assert_eq!(read.to_string().parse(), Ok(read));
            }
        }
    }
}
