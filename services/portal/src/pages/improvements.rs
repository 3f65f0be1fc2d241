//! What recurs and what is changed so that it does not happen again (改进), and the cases to go by (先例).
//!
//! Invariants: whether something helped is said with its counts before and after; a step is offered to those alone whom the
//! house lets take it.

mod deeds;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use chrono::NaiveDate;
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;

use super::case::model::{At, Basis};
use crate::address::address;
use crate::portal::Portal;
use crate::ui::{self, Page, Tone, facts, fresh, next_page, quote, tag};
use crate::visit::{Person, Signed, Visit};

/// Entries on a page.
const SHOWN: &str = "20";

/// The states of an improvement, with the key of each name.
const STATES: [&str; 5] = ["opened", "action_set", "done", "verified", "not_held"];

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/improvements", get(list))
        .route("/improvements/{id}/{deed}", get(deeds::page).post(deeds::write))
        .route("/precedents", get(precedents))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    cursor: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    version: String,
}

#[derive(Deserialize)]
struct List<T> {
    items: Vec<T>,
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    total: u64,
    as_of: At,
    #[serde(default)]
    as_of_sequence: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Improvement {
    improvement_id: String,
    state: String,
    #[serde(default)]
    cause: String,
    #[serde(default)]
    matter: String,
    #[serde(default)]
    department: String,
    #[serde(default)]
    from: Option<NaiveDate>,
    #[serde(default)]
    to: Option<NaiveDate>,
    #[serde(default)]
    case_count: u64,
    #[serde(default)]
    cases: Vec<String>,
    #[serde(default)]
    problem: Option<String>,
    opened_at: At,
    #[serde(default)]
    attempts: Vec<Attempt>,
    version: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Attempt {
    action: Action,
    #[serde(default)]
    done: Option<Done>,
    #[serde(default)]
    verification: Option<Verification>,
}

#[derive(Debug, Clone, Deserialize)]
struct Action {
    owner: String,
    what: String,
    due_at: At,
    #[serde(default)]
    overdue: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Done {
    result: String,
    at: At,
}

#[derive(Debug, Clone, Deserialize)]
struct Verification {
    before: Count,
    after: Count,
    holds: bool,
}

#[derive(Debug, Clone, Deserialize)]
struct Count {
    days: u64,
    cases: u64,
}

#[derive(Debug, Clone, Deserialize)]
struct Precedent {
    title: String,
    #[serde(default)]
    department: Option<String>,
    /// The case that it was made of, when one may open it.
    #[serde(default)]
    from_case: Option<String>,
    situation: String,
    #[serde(default)]
    conditions: Vec<String>,
    #[serde(default)]
    basis: Vec<Basis>,
    solution: String,
    #[serde(default)]
    application_count: u64,
    #[serde(default)]
    retired: Option<serde_json::Value>,
}

async fn list(Signed { visit, person }: Signed, Query(asked): Query<Asked>) -> Response {
    let lang = visit.lang;
    let state = asked.state.as_str();
    let query = [
        ("state", state),
        ("limit", SHOWN),
        ("cursor", asked.cursor.as_str()),
        ("min_version", asked.version.as_str()),
    ];
    let found = match visit.api().get::<List<Improvement>>("/v1/improvements", &query).await {
        Ok(found) => found,
        Err(failure) => return visit.failed(&failure),
    };
    let title = lang.text("improvements-title");
    let address = |cursor: Option<&str>| {
        address("/improvements", [("state", state), ("cursor", cursor.unwrap_or_default())])
    };
    let body = html! {
        div.head {
            div { h1 { (title) } p.soft { (lang.text("improvements-lead")) } }
            (ui::tile_link("/precedents", &lang.text("precedents-title")))
        }
        nav.tabs aria-label=(lang.text("improvements-states")) {
            a href="/improvements" aria-current=[state.is_empty().then_some("page")] { (lang.text("improvements-all")) }
            @for one in STATES {
                a href={ "/improvements?state=" (one) } aria-current=[(state == one).then_some("page")] { (lang.text(&format!("improvements-state-{one}"))) }
            }
        }
        div.stack {
            @if found.items.is_empty() { (ui::empty(&lang.text("improvements-none"), &html! {})) }
            @for one in &found.items { (card(&visit, &person, one)) }
            (next_page(
                lang,
                found.total,
                (!asked.cursor.is_empty()).then(|| address(None)).as_deref(),
                found.next_cursor.as_deref().map(|cursor| address(Some(cursor))).as_deref(),
            ))
        }
    };
    Page::new(&visit, &title, body).fresh(fresh(lang, &found.as_of, found.as_of_sequence)).respond()
}

fn tone(state: &str) -> Tone {
    match state {
        "verified" => Tone::Green,
        "not_held" => Tone::Red,
        "opened" => Tone::Amber,
        _ => Tone::Accent,
    }
}

fn card(visit: &Visit, person: &Person, one: &Improvement) -> Markup {
    let (lang, names) = (visit.lang, &visit.known_names);
    let state = lang.text(&format!("improvements-state-{}", one.state));
    html! {
        article.card.stack aria-labelledby={ "i-" (one.improvement_id) } {
            (what_recurs(visit, one, &state))
            @for attempt in &one.attempts { (tried(visit, attempt)) }
            @if let Some(deed) = deeds::next(person, one) {
                div.row {
                    a.button href={ "/improvements/" (one.improvement_id) "/" (deed) } { (lang.text(&format!("improvements-do-{deed}"))) }
                }
            }
            details {
                summary { (lang.with("improvements-cases", &[("count", &one.case_count)])) }
                ul.list { @for (number, id) in (1_usize..).zip(&one.cases) {
                    li { a href={ "/cases/" (id) } { (lang.with("improvements-case", &[("number", &number)])) } }
                } }
            }
            p.soft.small { (lang.text("improvements-opened")) " " (lang.day_near(one.opened_at.date_naive(), visit.now().date_naive())) " · " (names.department(lang, &one.department)) }
        }
    }
}

/// What happened again and again, and where.
fn what_recurs(visit: &Visit, one: &Improvement, state: &str) -> Markup {
    let (lang, names) = (visit.lang, &visit.known_names);
    let today = visit.now().date_naive();
    html! {
        div.row {
            h2.card-title id={ "i-" (one.improvement_id) } { (one.matter) " · " (names.label(lang, "cause", &one.cause)) }
            (tag(tone(&one.state), state))
        }
        p {
            strong { (names.department(lang, &one.department)) } " "
            @if let (Some(from), Some(to)) = (one.from, one.to) {
                (lang.with("improvements-window", &[
                    ("from", &lang.day_near(from, today)), ("to", &lang.day_near(to, today)), ("count", &one.case_count),
                ]))
            }
        }
        @if let Some(problem) = &one.problem { (quote(problem)) }
    }
}

fn tried(visit: &Visit, attempt: &Attempt) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    let (k_action, k_done, k_helped) = (
        lang.text("improvements-action"),
        lang.text("improvements-done"),
        lang.text("improvements-helped"),
    );
    let action = html! {
        (attempt.action.what) " · " strong { (names.body(lang, &attempt.action.owner)) } " "
        span class=(if attempt.action.overdue { "deadline deadline-late" } else { "deadline-at" }) {
            (lang.with("case-by", &[("at", &lang.moment_near(&attempt.action.due_at, &now))]))
        }
    };
    let done = attempt.done.as_ref().map(|done| {
        html! { (done.result) " " span.soft.small { (lang.moment_near(&done.at, &now)) } }
    });
    let helped = attempt.verification.as_ref().map(|seen| {
        html! {
            (tag(
                if seen.holds { Tone::Green } else { Tone::Red },
                &lang.text(if seen.holds { "improvements-holds" } else { "improvements-not" }),
            ))
            " "
            (lang.with("improvements-counts", &[
                ("before", &seen.before.cases), ("before_days", &seen.before.days),
                ("after", &seen.after.cases), ("after_days", &seen.after.days),
            ]))
        }
    });
    facts(&[(&k_action, Some(action)), (&k_done, done), (&k_helped, helped)])
}

async fn precedents(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let lang = visit.lang;
    let query = [("q", asked.q.as_str()), ("limit", SHOWN), ("cursor", asked.cursor.as_str())];
    let found = match visit.api().get::<List<Precedent>>("/v1/precedents", &query).await {
        Ok(found) => found,
        Err(failure) => return visit.failed(&failure),
    };
    let title = lang.text("precedents-title");
    let address = |cursor: Option<&str>| {
        address("/precedents", [("q", asked.q.as_str()), ("cursor", cursor.unwrap_or_default())])
    };
    let body = html! {
        div.head {
            div { h1 { (title) } p.soft { (lang.text("precedents-lead")) } }
            (ui::tile_link("/improvements", &lang.text("improvements-title")))
        }
        form.filter method="get" action="/precedents" role="search" aria-label=(lang.text("cases-q")) {
            div.field {
                label for="p-q" { (lang.text("cases-q")) }
                input type="search" id="p-q" name="q" value=(asked.q) autocomplete="off" data-key="/";
            }
            button.button type="submit" { (lang.text("precedents-find")) }
        }
        div.stack {
            @if found.items.is_empty() { (ui::empty(&lang.text("precedents-none"), &html! {})) }
            @for one in &found.items { (precedent(&visit, one)) }
            (next_page(
                lang,
                found.total,
                (!asked.cursor.is_empty()).then(|| address(None)).as_deref(),
                found.next_cursor.as_deref().map(|cursor| address(Some(cursor))).as_deref(),
            ))
        }
    };
    Page::new(&visit, &title, body).fresh(fresh(lang, &found.as_of, found.as_of_sequence)).respond()
}

fn precedent(visit: &Visit, one: &Precedent) -> Markup {
    let (lang, names) = (visit.lang, &visit.known_names);
    let basis: Vec<String> = one.basis.iter().map(|basis| basis.quoted(lang)).collect();
    let separator = lang.text("list-semicolon");
    let (k_conditions, k_solution, k_basis, k_department) = (
        lang.text("precedents-conditions"),
        lang.text("precedents-solution"),
        lang.text("case-basis"),
        lang.text("case-department"),
    );
    html! {
        article.card.stack {
            div.row {
                h2.card-title {
                    @match &one.from_case {
                        Some(case) => a href={ "/cases/" (case) } { (one.title) },
                        None => (one.title),
                    }
                }
                @if one.retired.is_some() { (tag(Tone::Amber, &lang.text("precedents-retired"))) }
                span.soft.small { (lang.with("precedents-applied", &[("count", &one.application_count)])) }
            }
            (quote(&one.situation))
            (facts(&[
                (&k_solution, Some(html! { (one.solution) })),
                (&k_conditions, (!one.conditions.is_empty()).then(|| html! { (one.conditions.join(&separator)) })),
                (&k_basis, (!basis.is_empty()).then(|| html! { (basis.join(&separator)) })),
                (&k_department, one.department.as_deref().map(|id| html! { (names.department(lang, id)) })),
            ]))
        }
    }
}

/// Whether this person speaks for the department that something is about.
fn is_own(person: &Person, department: &str) -> bool {
    person.role == Role::Coordinator || person.department.as_deref() == Some(department)
}
