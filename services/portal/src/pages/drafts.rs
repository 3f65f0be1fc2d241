//! Half-filled forms: saved while somebody types, there again after a reload or another sign-in.
//!
//! Invariants: a draft is its own person's; it keeps the key of its form, so that sending it again after a reload is still
//! the same wish; passwords are in none.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::home::way_back;
use crate::api::{Failure, segment};
use crate::form::{Typed, is_secret};
use crate::portal::Portal;
use crate::visit::{Signed, Visit};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/drafts/{form}", post(save))
        .route("/drafts/{form}/discard", post(discard_and_go_back))
}

/// A draft, as it comes back.
pub(crate) struct Draft {
    pub(crate) typed: Typed,
    pub(crate) saved_at: DateTime<FixedOffset>,
}

#[derive(Deserialize)]
struct DraftAnswer {
    body: Map<String, Value>,
    saved_at: DateTime<FixedOffset>,
}

/// The name under which the key of the form lies in a draft.
const KEY: &str = "key-of-form";

/// The draft of a form, when there is one. A draft is a help: when it cannot be read, the form begins empty.
pub(crate) async fn kept(visit: &Visit, form: &str) -> Option<Draft> {
    let path = path_of(form);
    let answer = visit.api().get::<DraftAnswer>(&path, &[]).await.ok()?;
    let mut typed = Typed::of_json(&answer.body);
    if let Some(mut keys) = typed.0.remove(KEY) {
        typed.set("_key", &keys.pop().unwrap_or_default());
    }
    (!typed.is_empty()).then_some(Draft { typed, saved_at: answer.saved_at })
}

/// Forgets the draft of a form that has been sent; one that stays goes by itself.
pub(crate) async fn discard(visit: &Visit, form: &str) {
    if let Err(failure) = visit.api().delete(&path_of(form)).await {
        tracing::debug!(code = failure.code(), "a draft could not be discarded");
    }
}

/// Keeps what was typed.
pub(crate) async fn keep(visit: &Visit, form: &str, typed: &Typed) -> Result<(), Failure> {
    let mut body = typed.to_json();
    body.retain(|name, _| !is_secret(name));
    if body.is_empty() {
        return visit.api().delete(&path_of(form)).await;
    }
    if let Some(key) = typed.key() {
        body.insert(KEY.to_owned(), key.into());
    }
    visit.api().put::<IgnoredAny>(&path_of(form), &body).await.map(|_| ())
}

/// Says that a form begins with what was typed before, and lets it be thrown away; `back` is the page of the form.
pub(crate) fn note(visit: &Visit, form: &str, draft: &Draft, back: &str) -> Markup {
    let at = visit.lang.moment_near(&draft.saved_at, &visit.now());
    html! {
        div.notice.row {
            p { (visit.lang.with("draft-restored", &[("at", &at)])) }
            form method="post" action={ "/drafts/" (form) "/discard" } {
                input type="hidden" name="back" value=(back);
                button.button.button-text type="submit" { (visit.lang.text("draft-discard")) }
            }
        }
    }
}

fn path_of(form: &str) -> String {
    format!("/v1/drafts/{}", segment(form))
}

async fn save(Signed { visit, .. }: Signed, Path(form): Path<String>, typed: Typed) -> Response {
    match keep(&visit, &form, &typed).await {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        // The script of the page reads the status and says that the draft waits.
        Err(failure) => StatusCode::from_u16(failure.status())
            .unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            .into_response(),
    }
}

async fn discard_and_go_back(
    Signed { visit, .. }: Signed,
    Path(form): Path<String>,
    typed: Typed,
) -> Response {
    discard(&visit, &form).await;
    Redirect::to(way_back(typed.get("back"))).into_response()
}
