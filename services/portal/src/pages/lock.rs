//! The lock of a shared counter machine (锁屏): the session waits for the password of its person.
//!
//! Invariants: the API refuses everything while it is locked, so that the lock is more than a page in front; a form that
//! was open goes on after it; nothing about any case stands on it.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::html;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::home::way_back;
use super::sign_in::faults_of;
use crate::form::{Carried, Faults, Field, Form, Sending, Typed};
use crate::portal::Portal;
use crate::ui::{Dress, Page};
use crate::visit::Visit;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/lock", get(page).post(lock)).route("/unlock", post(unlock))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

async fn page(visit: Visit, Query(asked): Query<Asked>) -> Response {
    if !visit.is_locked() {
        return Redirect::to(way_back(&asked.next)).into_response();
    }
    answer(&visit, &Typed::of([("next", asked.next.as_str())]), &Faults::none(), None)
}

/// The lock for somebody who sent a form while it was down.
pub(crate) fn page_carrying(visit: &Visit, carried: &Carried) -> Response {
    let mut response = answer(visit, &Typed::default(), &Faults::none(), Some(carried));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

fn answer(visit: &Visit, typed: &Typed, faults: &Faults, carried: Option<&Carried>) -> Response {
    let lang = visit.lang;
    let form = Form::new(lang, typed, faults);
    let password = lang.text("sign-in-password");
    let button = lang.text("lock-button");
    let sending = Sending { action: "/unlock", button: &button, ..Sending::default() };
    let title = lang.text("lock-title");
    let name = visit.person.as_ref().map_or("", |person| person.name.as_str());
    let username = visit.person.as_ref().map_or("", |person| person.username.as_str());
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            p { (lang.with("lock-text", &[("name", &name)])) }
            @if carried.is_some() { p.notice { (lang.text("lock-carries")) } }
            (form.whole(visit, &sending, html! {
                input type="hidden" name="next" value=(way_back(typed.get("next")));
                // So that a keeper of passwords knows whose it is.
                input type="text" name="username" value=(username) autocomplete="username" hidden readonly;
                @if let Some(carried) = carried { (carried.hidden()) }
                (form.line(Field::new("password", &password).kind("password").complete("current-password").first()))
            }))
            form method="post" action="/sign-out" {
                button.button.button-text type="submit" { (lang.text("lock-other")) }
            }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    // The navigation leads nowhere while it is locked.
    let stranger = visit.as_stranger();
    Page::new(&stranger, &title, body).dressed(Dress::Public).status(status).respond()
}

async fn lock(visit: Visit, headers: HeaderMap) -> Response {
    let from = headers
        .get(header::REFERER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<Uri>().ok())
        .and_then(|uri| uri.path_and_query().map(ToString::to_string))
        .unwrap_or_default();
    match visit.api().post::<IgnoredAny>("/v1/session/lock", &json!({}), None).await {
        Ok(_) => {
            let next: String =
                form_urlencoded::byte_serialize(way_back(&from).as_bytes()).collect();
            Redirect::to(&format!("/lock?next={next}")).into_response()
        }
        Err(failure) => visit.failed(&failure),
    }
}

async fn unlock(
    State(portal): State<Arc<Portal>>,
    visit: Visit,
    headers: HeaderMap,
    typed: Typed,
) -> Response {
    let carried = Carried::within(&typed);
    let body = json!({ "password": typed.get("password") });
    let outcome = visit.api().post::<IgnoredAny>("/v1/session/unlock", &body, None).await;
    match (outcome, carried, &visit.token) {
        (Ok(_), Some(carried), Some(token)) => carried.go_on(&portal, &headers, token).await,
        (Ok(_), ..) => Redirect::to(way_back(typed.get("next"))).into_response(),
        // The session itself is over: another sign-in is needed, and the form goes on after that.
        (Err(failure), carried, _) if failure.code() == "unauthenticated" && !visit.is_locked() => {
            match carried {
                Some(carried) => super::sign_in::page_carrying(&visit, &carried),
                None => visit.failed(&failure),
            }
        }
        (Err(failure), carried, _) => {
            answer(&visit, &typed, &faults_of(&visit, &failure), carried.as_ref())
        }
    }
}
