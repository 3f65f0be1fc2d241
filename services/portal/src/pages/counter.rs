//! The counter: one screen to register a case, beside it what was done for others in the same place, and the day's count
//! of questions.
//!
//! Invariants: six things are asked for, everything else has a sensible beginning; what is typed is kept as a draft; the
//! key of the form makes sending it twice harmless; who is not at a counter does not see it.

mod matters;
pub(super) mod opening;
mod similar;
pub(super) mod tally;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use super::drafts;
use crate::api::Failure;
use crate::form::{Faults, Form, Typed};
use crate::portal::Portal;
use crate::ui::{self, Page};
use crate::visit::{Person, Signed, Visit};

/// Under which name the draft is kept.
const DRAFT: &str = "opening";

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/counter", get(page).post(open))
        .route("/counter/matters", get(matters::suggest))
        .route("/counter/similar", get(similar::suggest))
        .route("/counter/tally", post(tally::count))
}

#[derive(Default, Deserialize)]
struct Asked {
    /// The version of a question that was just counted.
    #[serde(default)]
    tallied: Option<String>,
}

async fn page(Signed { visit, person }: Signed, Query(asked): Query<Asked>) -> Response {
    let Some(center) = center_of(&visit, &person) else { return elsewhere(&visit) };
    let (draft, today, waiting) = tokio::join!(
        drafts::kept(&visit, DRAFT),
        tally::today(&visit, &center, asked.tallied.as_deref().unwrap_or_default()),
        waiting(&visit),
    );
    let today = tally::Today { waiting, ..today };
    let note = draft.as_ref().map(|draft| drafts::note(&visit, DRAFT, draft, "/counter"));
    let typed = draft.map_or_else(opening::beginning, |draft| draft.typed);
    let note = html! {
        @if asked.tallied.is_some() {
            p.notice.notice-green role="status" { (visit.lang.text("tally-done")) }
        }
        @if let Some(note) = note { (note) }
    };
    let found = similar::find(&visit, typed.get("demand"), typed.get("matter")).await;
    answer(&visit, &typed, &Faults::none(), &today, note, found)
}

#[derive(Deserialize)]
struct Waiting {
    total: u64,
}

/// How many cases wait for the center: those that nobody has forwarded, those that came back.
async fn waiting(visit: &Visit) -> Option<u64> {
    let query = [("to_act", "true"), ("limit", "1")];
    visit.api().get::<Waiting>("/v1/cases", &query).await.ok().map(|waiting| waiting.total)
}

/// The center of a clerk or director.
pub(super) fn center_of(_visit: &Visit, person: &Person) -> Option<String> {
    person.center.clone()
}

fn elsewhere(visit: &Visit) -> Response {
    let title = visit.lang.text("counter-title");
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            (ui::empty(&visit.lang.text("counter-elsewhere"), &ui::tile_link("/", &visit.lang.text("go-on"))))
        }
    };
    Page::new(visit, &title, body).status(StatusCode::FORBIDDEN).respond()
}

fn answer(
    visit: &Visit,
    typed: &Typed,
    faults: &Faults,
    today: &tally::Today,
    note: Markup,
    found: similar::Found,
) -> Response {
    let lang = visit.lang;
    let title = lang.text("counter-title");
    let form = Form::new(lang, typed, faults);
    let body = html! {
        div.head {
            h1 { (title) }
            div.buttons {
                @if let Some(waiting) = today.waiting.filter(|waiting| *waiting > 0) {
                    a.button.button-plain href="/cases?to_act=true" {
                        (lang.text("counter-waiting")) " " span.count { (waiting) }
                    }
                }
                a.button.button-plain href="/cases" { (lang.text("counter-cases")) }
                a.button.button-plain href="/consultations" {
                    (lang.text("counter-day"))
                    @if let Some(count) = today.count { " " span.count { (count) } }
                }
            }
        }
        div.stack {
            (note)
            div.with-side {
                (opening::fields(visit, &form))
                aside.stack {
                    section.card aria-live="polite" {
                        h2.card-title { (lang.text("similar-title")) }
                        div.stack id="similar" { (found.render(visit, typed.get("matter"))) }
                    }
                    (tally::panel(visit, today, "/counter"))
                }
            }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

async fn open(Signed { visit, person }: Signed, typed: Typed) -> Response {
    let Some(center) = center_of(&visit, &person) else { return elsewhere(&visit) };
    let today = tally::Today::unknown();
    // Without script: what others in the same place were told, before it is sent.
    if typed.some("_look").is_some() {
        let found = similar::find(&visit, typed.get("demand"), typed.get("matter")).await;
        return answer(&visit, &typed, &Faults::none(), &today, html! {}, found);
    }
    let faults = opening::check(&visit, &typed);
    if !faults.is_empty() {
        return answer(&visit, &typed, &faults, &today, html! {}, similar::Found::none());
    }
    match opening::send(&visit, &center, &typed).await {
        Ok(opened) => {
            drafts::discard(&visit, DRAFT).await;
            let way = format!("/cases/{}/receipt?new={}", opened.case_id, opened.version);
            Redirect::to(&way).into_response()
        }
        Err(failure) => match failure.code() {
            "unauthenticated" | "locked" => visit.failed(&failure),
            _ => refused(&visit, &typed, &failure, &today).await,
        },
    }
}

async fn refused(
    visit: &Visit,
    typed: &Typed,
    failure: &Failure,
    today: &tally::Today,
) -> Response {
    // What was typed stands in the page; should the page be lost as well, the draft has it.
    let _ = drafts::keep(visit, DRAFT, typed).await;
    let faults = opening::faults_of(visit, failure);
    let note = opening::twin_of(failure).map_or_else(
        || html! {},
        |(id, number)| {
            html! {
                p.notice.notice-amber {
                    (visit.lang.text("counter-twin")) " "
                    a href={ "/cases/" (id) } { (number) }
                }
            }
        },
    );
    answer(visit, typed, &faults, today, note, similar::Found::none())
}

/// A piece of a page, for the script.
fn piece(markup: Markup) -> Response {
    Html(markup.into_string()).into_response()
}
