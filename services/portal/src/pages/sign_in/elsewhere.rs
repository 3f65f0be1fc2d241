//! Signing in with an identity provider (统一身份认证): out to it, and back.
//!
//! Invariants: what an attempt has to remember stays in a cookie of the browser that began it, which no script reads; the
//! way out leads to where the API says and nowhere else, the way back to an address of ours; what came back stands in no
//! page and no log.
//!
//! Both are `GET`: a browser comes back with one, and a form of ours may lead to no other site. Neither changes anything
//! for whoever is signed in and follows a link of somebody else: what comes back counts for the browser that began, once.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::super::home::way_back;
use super::{Asked, SignedIn, answer, ask_for_code, ticket_of, welcome};
use crate::address::address;
use crate::api::Failure;
use crate::form::{Faults, Typed};
use crate::lang::Lang;
use crate::portal::Portal;
use crate::session;
use crate::visit::Visit;

const BEGIN: &str = "/sign-in/oidc";

pub(super) fn router() -> Router<Arc<Portal>> {
    Router::new().route(BEGIN, get(begin)).route("/sign-in/oidc/callback", get(back))
}

/// The way to the provider.
pub(super) fn button(lang: Lang, next: &str) -> Markup {
    let next = way_back(next);
    let next = if next == "/" { "" } else { next };
    html! {
        p { a.button.button-plain href=(address(BEGIN, [("next", next)])) { (lang.text("sign-in-elsewhere")) } }
    }
}

/// What `POST /v1/session/oidc` answers.
#[derive(Deserialize)]
struct Begun {
    authorize_url: String,
    ticket: String,
}

/// What comes back from the provider.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Back {
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

async fn begin(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let next = way_back(&asked.next);
    match visit.api().post::<Begun>("/v1/session/oidc", &json!(null), None).await {
        Ok(begun) => {
            let mut response = Redirect::to(&begun.authorize_url).into_response();
            let attempt = session::keep_attempt(&begun.ticket, next, visit.is_secure);
            response.headers_mut().append(header::SET_COOKIE, attempt);
            response
        }
        Err(failure) => refused(&visit, next, &failure),
    }
}

async fn back(
    State(portal): State<Arc<Portal>>,
    visit: Visit,
    headers: HeaderMap,
    Query(back): Query<Back>,
) -> Response {
    let attempt = session::attempt(&headers);
    let next = way_back(attempt.get("next")).to_owned();
    let body = json!({
        "ticket": attempt.get("ticket"),
        "state": back.state,
        "code": back.code,
        "iss": back.iss,
        "error": back.error,
    });
    let finished = visit.api().post::<SignedIn>("/v1/session/oidc/finish", &body, None).await;
    let mut response = match finished {
        Ok(signed) => welcome(&portal, &visit, &headers, &signed, &next, None).await,
        Err(failure) => match ticket_of(&failure) {
            Some(ticket) => {
                let typed = Typed::of([("next", next.as_str()), ("ticket", ticket)]);
                ask_for_code(&visit, &typed, &Faults::none(), None)
            }
            None => refused(&visit, &next, &failure),
        },
    };
    let dropped = session::drop_attempt(visit.is_secure);
    response.headers_mut().append(header::SET_COOKIE, dropped);
    response
}

/// The sign-in page, with why this way did not lead in; a password still does.
fn refused(visit: &Visit, next: &str, failure: &Failure) -> Response {
    let key = match failure.code() {
        "provider_refused" => Some("sign-in-elsewhere-refused"),
        "sign_in_over" => Some("sign-in-elsewhere-over"),
        "no_account" => Some("sign-in-elsewhere-nobody"),
        "unavailable" => Some("sign-in-elsewhere-away"),
        _ => None,
    };
    let faults = match key {
        Some(key) => Faults::as_whole(failure, visit.lang.text(key)),
        None => Faults::of(failure, visit.lang),
    };
    answer(visit, &Typed::of([("next", next)]), &faults, None, None)
}
