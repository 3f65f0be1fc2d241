//! A case on one page: what it waits for, by whom and by when; what the citizen said; everything that happened.
//!
//! Invariants: people are masked until somebody says why he looks, and then the audit has a line for it; how late or early
//! a case is, is said by the days that the house counted, never by days counted here.

pub(crate) mod model;
pub(crate) mod parts;
mod people;
mod time;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use self::model::{Case, Clocks, Next, Revealed, Timeline};
use crate::api::{Failure, segment};
use crate::form::{Faults, Typed};
use crate::portal::Portal;
use crate::ui::{Page, Tone, quote, tag};
use crate::visit::{Signed, Visit};

/// Events on the page; a case has a dozen as a rule, and the whole history behind a link.
const EVENTS_SHOWN: &str = "100";

/// Linked cases that are looked at; a case has one or two.
const LINKED_MAX: usize = 10;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/cases/{id}", get(page))
        .route("/cases/{id}/reveal", post(reveal).get(after_reveal))
}

#[derive(Default, Deserialize)]
struct Asked {
    /// The version that the visitor has just made.
    #[serde(default)]
    version: Option<String>,
    /// Only what changes, for a page that is open.
    #[serde(default)]
    fragment: Option<String>,
}

/// Everything that the page tells.
struct Told {
    case: Case,
    /// Without them when the log does not answer: the page stands all the same.
    timeline: Option<Timeline>,
    clocks: Option<Clocks>,
    revealed: Option<Revealed>,
    /// Those that it has to do with, as far as one may open them.
    linked: Vec<Case>,
}

async fn page(
    Signed { mut visit, .. }: Signed,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let version = asked.version.unwrap_or_default();
    if asked.fragment.is_some() {
        return match read(&mut visit, &id, &version).await {
            Ok(told) => inner(&visit, &told, &Faults::none()).into_response(),
            Err(failure) => visit.failed(&failure),
        };
    }
    answer(visit, &id, &version, None, &Faults::none()).await
}

/// Shows the applicant in clear; the house notes who looked, and why.
async fn reveal(Signed { visit, .. }: Signed, Path(id): Path<String>, typed: Typed) -> Response {
    let lang = visit.lang;
    let Some(purpose) = typed.some("purpose") else {
        let mut faults = Faults::none();
        faults.add("purpose", &lang.text("reveal-purpose-missing"));
        return answer(visit, &id, "", None, &faults).await;
    };
    let path = format!("/v1/cases/{}/reveal", segment(&id));
    match visit.api().post::<Revealed>(&path, &json!({ "purpose": purpose }), None).await {
        Ok(revealed) => answer(visit, &id, "", Some(revealed), &Faults::none()).await,
        Err(failure) if failure.code() == "invalid" => {
            answer(visit, &id, "", None, &Faults::of(&failure, lang)).await
        }
        Err(failure) => visit.failed(&failure),
    }
}

/// Whoever reads the address of a reveal again, or in the other language, sees the case as it is without one: each look
/// has its own purpose.
async fn after_reveal(Path(id): Path<String>) -> Redirect {
    Redirect::to(&format!("/cases/{}", segment(&id)))
}

async fn answer(
    mut visit: Visit,
    id: &str,
    version: &str,
    revealed: Option<Revealed>,
    faults: &Faults,
) -> Response {
    let told = match read(&mut visit, id, version).await {
        Ok(told) => Told { revealed, ..told },
        Err(failure) => return visit.failed(&failure),
    };
    let title = format!("{} · {}", told.case.matter.name, told.case.case_no);
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(&visit, &title, body(&visit, &told, faults)).status(status).respond()
}

async fn read(visit: &mut Visit, id: &str, version: &str) -> Result<Told, Failure> {
    let (api, path) = (visit.api(), format!("/v1/cases/{}", segment(id)));
    let (history, reasons) = (format!("{path}/timeline"), format!("{path}/clocks"));
    let of_events = [("limit", EVENTS_SHOWN), ("min_version", version)];
    let of_version = [("min_version", version)];
    let (case, timeline, clocks) = tokio::join!(
        api.get::<Case>(&path, &of_version),
        api.get::<Timeline>(&history, &of_events),
        api.get::<Clocks>(&reasons, &of_version),
    );
    let (case, timeline) = (case?, timeline.ok());
    let told = timeline.iter().flat_map(Timeline::people);
    visit.meet(case.people().chain(told)).await;
    let linked = linked(visit, &case).await;
    Ok(Told { case, timeline, clocks: clocks.ok(), revealed: None, linked })
}

/// The cases that a case has to do with; of the others their link alone is shown.
async fn linked(visit: &Visit, case: &Case) -> Vec<Case> {
    let (api, links) = (visit.api(), case.rest.links.iter().take(LINKED_MAX));
    let paths: Vec<String> =
        links.map(|link| format!("/v1/cases/{}", segment(&link.case_id))).collect();
    let reads = paths.iter().map(|path| api.get::<Case>(path, &[]));
    futures::future::join_all(reads).await.into_iter().flatten().collect()
}

fn body(visit: &Visit, told: &Told, faults: &Faults) -> Markup {
    let (lang, case) = (visit.lang, &told.case);
    let fragment = format!("/cases/{}?fragment=1", case.case_id);
    html! {
        div.head {
            h1 { (case.matter.name) }
            p.soft { (case.case_no) " · " (visit.known_names.center(lang, &case.center)) }
        }
        div data-refresh=(fragment) data-refresh-on=(case.case_id) { (inner(visit, told, faults)) }
    }
}

/// What changes while the page is open.
fn inner(visit: &Visit, told: &Told, faults: &Faults) -> Markup {
    let (lang, case) = (visit.lang, &told.case);
    html! {
        div.with-side {
            div.stack {
                (waits_for(visit, case, told.clocks.as_ref()))
                section.card.stack aria-labelledby="case-words" {
                    h2.card-title id="case-words" { (lang.text("case-words")) }
                    (quote(&case.demand))
                    @if let Some(summary) = &case.rest.summary { p.soft { (lang.with("case-adds", &[("text", summary)])) } }
                }
                (parts::all(visit, case))
                (time::history(visit, told))
            }
            aside.stack {
                (time::deadline(visit, case, told.clocks.as_ref()))
                (people::whose(visit, case))
                (people::applicant(visit, case, told.revealed.as_ref(), faults))
                (people::papers(visit, case))
                (people::linked(visit, told))
            }
        }
    }
}

/// The state of a case in a colour.
pub(crate) fn state_tag(visit: &Visit, case: &Case) -> Markup {
    let tone = match case.state.as_str() {
        "resolved" => Tone::Green,
        "opened" | "returned" | "not_doable" => Tone::Amber,
        "forwarded" | "in_department" | "in_task_force" => Tone::Accent,
        _ => Tone::Plain,
    };
    tag(tone, visit.known_names.label(visit.lang, "state", &case.state))
}

/// What is to be seen at a glance beside the state.
pub(crate) fn flags(visit: &Visit, case: &Case) -> Markup {
    let (lang, flags) = (visit.lang, &case.rest.flags);
    html! {
        @if flags.overdue { (tag(Tone::Red, &lang.text("state-overdue"))) }
        @if flags.paused { (tag(Tone::Amber, &lang.text("state-paused"))) }
        @if flags.ping_pong { (tag(Tone::Amber, &lang.text("case-ping-pong"))) }
        @if case.rest.reopen_count > 0 { (tag(Tone::Amber, &lang.text("case-reopened"))) }
        @if let Some(late) = &case.rest.arrived_late {
            (tag(Tone::Amber, &lang.with("case-came-late", &[("span", &lang.span(late.late_seconds))])))
        }
        @if visit.line.as_ref().is_some_and(|line| case.version > line.delivered_version) {
            (tag(Tone::Amber, &lang.text("line-still-here")))
        }
        @if flags.quarantined { (tag(Tone::Red, &lang.text("case-quarantined"))) }
    }
}

/// What the case waits for: the sentence that everybody comes for.
fn waits_for(visit: &Visit, case: &Case, clocks: Option<&Clocks>) -> Markup {
    let lang = visit.lang;
    let class =
        if case.rest.flags.overdue { "card card-late stack" } else { "card card-focus stack" };
    html! {
        section class=(class) aria-labelledby="case-next" {
            div.row {
                h2.card-title id="case-next" { (lang.text("case-next")) }
                (state_tag(visit, case)) (flags(visit, case))
            }
            @if case.rest.next.is_empty() {
                p { (lang.text(if case.state == "closed" { "case-closed" } else { "case-ended" })) }
            } @else {
                ul.list {
                    @for next in &case.rest.next { li { (next_step(visit, next, clocks)) } }
                }
            }
            @if let Some(person) = &visit.person { (parts::deeds(visit, person, case)) }
        }
    }
}

/// A step as a sentence: who, what, by when.
fn next_step(visit: &Visit, next: &Next, clocks: Option<&Clocks>) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let is_late = next.due_at.is_some_and(|due| due < now);
    html! {
        strong { (who(visit, next)) } (lang.text("case-step-between")) (next.label.text(lang))
        @if let Some(due) = &next.due_at {
            " "
            span class=(if is_late { "deadline deadline-late" } else { "deadline" }) {
                (lang.with("case-by", &[("at", &lang.moment_near(due, &now))]))
                @if let Some(words) = time::in_words(visit, due, clocks) { (lang.with("in-brackets", &[("text", &words)])) }
            }
        }
    }
}

/// Whose turn it is.
pub(crate) fn who(visit: &Visit, next: &Next) -> String {
    let (lang, people) = (visit.lang, &visit.known_people);
    match (next.party.as_str(), &next.id) {
        ("center", Some(id)) => visit.known_names.center(lang, id).to_owned(),
        ("department", Some(id)) => match &next.handler {
            Some(handler) => {
                format!("{} {}", visit.known_names.department(lang, id), people.name(handler))
            }
            None => visit.known_names.department(lang, id).to_owned(),
        },
        ("coordinator", _) => lang.text("party-coordinator"),
        ("callback", _) => lang.text("party-callback"),
        ("applicant", _) => lang.text("party-applicant"),
        ("person", Some(id)) => people.name(id).to_owned(),
        _ => next.name.clone().unwrap_or_else(|| "–".to_owned()),
    }
}

#[cfg(test)]
mod tests;
