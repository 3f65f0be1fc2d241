//! Signing in and out, with a password or with an identity provider.
//!
//! Invariants: a wrong name and a wrong password look the same; whoever was sent here in the middle of a form goes on
//! with it, and somebody else looks at it first; the way back is an address of ours; no password is sent back to a page,
//! also not between the two steps of a sign-in.

mod elsewhere;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;
use serde_json::json;

use super::home::{home_of, way_back};
use crate::api::Failure;
use crate::form::{Carried, Faults, Field, Form, Sending, Typed, narrow};
use crate::portal::Portal;
use crate::session;
use crate::ui::{Dress, Page};
use crate::visit::Visit;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/sign-in", get(page).post(sign_in))
        .route("/sign-in/code", post(second_step))
        .route("/sign-out", post(sign_out))
        .merge(elsewhere::router())
}

/// What `POST /v1/session` and `POST /v1/first-account` answer.
#[derive(Deserialize)]
pub(super) struct SignedIn {
    pub(super) token: String,
    pub(super) staff: Staff,
}

#[derive(Deserialize)]
pub(super) struct Staff {
    pub(super) username: String,
    pub(super) role: Role,
}

#[derive(Deserialize)]
struct FirstAccount {
    #[serde(default)]
    missing: bool,
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    next: String,
}

async fn page(visit: Visit, Query(asked): Query<Asked>) -> Response {
    if let Some(role) = visit.role().filter(|_| !visit.is_locked()) {
        return Redirect::to(onward(&asked.next, role)).into_response();
    }
    // Whether the house is new is a help, no more: without an answer the page is what it always is.
    let first = visit.api().get::<FirstAccount>("/v1/first-account", &[]).await;
    let is_new = first.is_ok_and(|first| first.missing);
    let typed = Typed::of([("next", way_back(&asked.next))]);
    let extra = is_new.then(|| {
        html! {
            p.notice {
                (visit.lang.text("sign-in-first")) " "
                a href="/first-run" { (visit.lang.text("sign-in-first-link")) }
            }
        }
    });
    answer(&visit, &typed, &Faults::none(), None, extra)
}

/// The sign-in page for somebody whose session ended in the middle of a form.
pub(crate) fn page_carrying(visit: &Visit, carried: &Carried) -> Response {
    let extra = html! { p.notice.notice-amber { (visit.lang.text("sign-in-ended")) } };
    let mut response =
        answer(visit, &Typed::default(), &Faults::none(), Some(carried), Some(extra));
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    response
}

fn answer(
    visit: &Visit,
    typed: &Typed,
    faults: &Faults,
    carried: Option<&Carried>,
    extra: Option<Markup>,
) -> Response {
    let lang = visit.lang;
    let form = Form::new(lang, typed, faults);
    let (username, password) = (lang.text("sign-in-username"), lang.text("sign-in-password"));
    let button = lang.text("sign-in-button");
    let sending = Sending { action: "/sign-in", button: &button, ..Sending::default() };
    let title = lang.text("sign-in-title");
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            @if let Some(extra) = extra { (extra) }
            (form.whole(visit, &sending, html! {
                input type="hidden" name="next" value=(way_back(typed.get("next")));
                @if let Some(carried) = carried { (carried.hidden()) }
                (form.line(Field::new("username", &username).complete("username").first()))
                (form.line(Field::new("password", &password).kind("password").complete("current-password")))
            }))
            // What was typed elsewhere would not come back from another site.
            @if visit.known_names.oidc && carried.is_none() {
                (elsewhere::button(lang, typed.get("next")))
            }
            p.soft { (lang.text("sign-in-help")) }
            p { a href="/status" { (lang.text("sign-in-citizen")) } }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).dressed(Dress::Public).status(status).respond()
}

async fn sign_in(
    State(portal): State<Arc<Portal>>,
    visit: Visit,
    headers: HeaderMap,
    typed: Typed,
) -> Response {
    let carried = Carried::within(&typed);
    let (username, password) = (typed.get("username"), typed.get("password"));
    let mut faults = Faults::none();
    if username.is_empty() {
        faults.add("username", &visit.lang.text("sign-in-username-missing"));
    }
    if password.is_empty() {
        faults.add("password", &visit.lang.text("sign-in-password-missing"));
    }
    if !faults.is_empty() {
        return answer(&visit, &typed, &faults, carried.as_ref(), None);
    }
    let body = json!({ "username": username, "password": password });
    match visit.api().post::<SignedIn>("/v1/session", &body, None).await {
        Ok(signed) => welcome(&portal, &visit, &headers, &signed, typed.get("next"), carried).await,
        Err(failure) => match ticket_of(&failure) {
            Some(ticket) => {
                let typed = Typed::of([("next", typed.get("next")), ("ticket", ticket)]);
                ask_for_code(&visit, &typed, &Faults::none(), carried.as_ref())
            }
            None => {
                let faults = faults_of(&visit, &failure);
                answer(&visit, &typed, &faults, carried.as_ref(), None)
            }
        },
    }
}

/// What says that the password was right, when a code is missing.
fn ticket_of(failure: &Failure) -> Option<&str> {
    let problem = failure.problem().filter(|problem| problem.code == "second_factor_required")?;
    problem.extra.get("ticket")?.as_str()
}

/// The second step: the code of the app.
fn ask_for_code(
    visit: &Visit,
    typed: &Typed,
    faults: &Faults,
    carried: Option<&Carried>,
) -> Response {
    let lang = visit.lang;
    // A code is never typed twice.
    let nothing = Typed::default();
    let form = Form::new(lang, &nothing, faults);
    let (label, hint) = (lang.text("second-factor-code"), lang.text("second-factor-code-hint"));
    let button = lang.text("sign-in-button");
    let sending = Sending { action: "/sign-in/code", button: &button, ..Sending::default() };
    let title = lang.text("second-factor-step");
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            (form.whole(visit, &sending, html! {
                input type="hidden" name="next" value=(way_back(typed.get("next")));
                input type="hidden" name="ticket" value=(typed.get("ticket"));
                @if let Some(carried) = carried { (carried.hidden()) }
                (form.line(Field::new("code", &label).hint(&hint).complete("one-time-code").chars_max(24).first()))
            }))
            p.soft { (lang.text("second-factor-lost")) }
            p { a href="/sign-in" { (lang.text("second-factor-back")) } }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).dressed(Dress::Public).status(status).respond()
}

async fn second_step(
    State(portal): State<Arc<Portal>>,
    visit: Visit,
    headers: HeaderMap,
    typed: Typed,
) -> Response {
    let carried = Carried::within(&typed);
    let body = json!({ "ticket": typed.get("ticket"), "code": narrow(typed.get("code")) });
    match visit.api().post::<SignedIn>("/v1/session/second-step", &body, None).await {
        Ok(signed) => welcome(&portal, &visit, &headers, &signed, typed.get("next"), carried).await,
        Err(failure) => match failure.code() {
            // The step took too long: it begins with the password again.
            "unauthenticated" => {
                let mut faults = Faults::none();
                faults.add("password", &visit.lang.text("second-factor-late"));
                let typed = Typed::of([("next", typed.get("next"))]);
                answer(&visit, &typed, &faults, carried.as_ref(), None)
            }
            "second_factor_wrong" => {
                let mut faults = Faults::none();
                faults.add("code", &visit.lang.text("second-factor-wrong"));
                ask_for_code(&visit, &typed, &faults, carried.as_ref())
            }
            _ => {
                let faults = Faults::of(&failure, visit.lang);
                ask_for_code(&visit, &typed, &faults, carried.as_ref())
            }
        },
    }
}

/// What the faults of a password look like, here and at the lock.
pub(super) fn faults_of(visit: &Visit, failure: &Failure) -> Faults {
    match failure.code() {
        "unauthenticated" | "invalid" => {
            let mut faults = Faults::none();
            faults.add("password", &visit.lang.text("sign-in-wrong"));
            faults
        }
        _ => Faults::of(failure, visit.lang),
    }
}

/// Lets somebody in who has just proved who he is.
pub(super) async fn welcome(
    portal: &Arc<Portal>,
    visit: &Visit,
    headers: &HeaderMap,
    signed: &SignedIn,
    next: &str,
    carried: Option<Carried>,
) -> Response {
    let mut response = match carried {
        Some(carried) if carried.is_by(&signed.staff.username) => {
            carried.go_on(portal, headers, &signed.token).await
        }
        Some(carried) => look_first(visit, &carried),
        None => Redirect::to(onward(next, signed.staff.role)).into_response(),
    };
    let cookie = session::keep_token(&signed.token, visit.is_secure);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}

/// Another person signed in than the one who typed: it is shown, and sent only when that person says so.
fn look_first(visit: &Visit, carried: &Carried) -> Response {
    let lang = visit.lang;
    let title = lang.text("carried-title");
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            p { (lang.text("carried-text")) }
            ul.list { @for value in carried.values() { li { (value) } } }
            div.buttons {
                (carried.again(&lang.text("carried-send")))
                a.button.button-plain href="/" { (lang.text("carried-leave")) }
            }
        }
    };
    Page::new(visit, &title, body).dressed(Dress::Public).respond()
}

fn onward(next: &str, role: Role) -> &str {
    match way_back(next) {
        "/" => home_of(role),
        next => next,
    }
}

async fn sign_out(visit: Visit) -> Response {
    // The cookie goes in any case; a session that the API could not end ends by itself.
    let _ = visit.api().delete("/v1/session").await;
    let mut response = Redirect::to("/sign-in").into_response();
    let cookie = session::drop_token(visit.is_secure);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    response
}
