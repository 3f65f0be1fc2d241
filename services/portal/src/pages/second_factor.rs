//! Enrolling a second factor: the password once more, a square for the app, its first code, and the recovery codes.
//!
//! Invariants: whoever has to enrol reaches this page and no other; the recovery codes stand on one answer and are kept
//! nowhere; no password is sent back to a page.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::receipt::qr;
use crate::api::Failure;
use crate::form::{Faults, Field, Form, Sending, Typed, narrow};
use crate::portal::Portal;
use crate::ui::{Dress, Page};
use crate::visit::{Person, Visit};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/second-factor", get(page).post(begin))
        .route("/second-factor/confirm", post(confirm))
}

/// What `POST /v1/session/second-factor` answers.
#[derive(Default, Deserialize)]
struct Enrolment {
    secret: String,
    uri: String,
    ticket: String,
}

/// What `POST /v1/session/second-factor/confirm` answers.
#[derive(Deserialize)]
struct Confirmed {
    recovery_codes: Vec<String>,
}

async fn page(visit: Visit) -> Response {
    ask(&visit, &Faults::none())
}

/// Asks for the password, and for a code of the factor that there is.
fn ask(visit: &Visit, faults: &Faults) -> Response {
    let Some(person) = visit.enrolling() else { return visit.to_be_known() };
    let lang = visit.lang;
    let typed = Typed::default();
    let form = Form::new(lang, &typed, faults);
    let (password, present) = (lang.text("password-current"), lang.text("second-factor-present"));
    let (hint, button) =
        (lang.text("second-factor-present-hint"), lang.text("second-factor-begin"));
    let sending = Sending { action: "/second-factor", button: &button, ..Sending::default() };
    let body = html! {
        @if visit.must_enrol() { p.notice.notice-amber { (lang.text("second-factor-must")) } }
        p { (lang.text("second-factor-text")) }
        @if person.has_second_factor { p { (lang.text("second-factor-is-on")) } }
        (form.whole(visit, &sending, html! {
            (name_of(person))
            (form.line(Field::new("password", &password).kind("password").complete("current-password").first()))
            @if person.has_second_factor {
                (form.line(Field::new("code", &present).hint(&hint).complete("one-time-code").chars_max(24)))
            }
        }))
    };
    whole(visit, "second-factor-title", &body, faults)
}

async fn begin(visit: Visit, typed: Typed) -> Response {
    if visit.enrolling().is_none() {
        return visit.to_be_known();
    }
    let mut body = Map::new();
    body.insert("password".to_owned(), typed.get("password").into());
    body.insert(
        "code".to_owned(),
        typed.some("code").map_or(Value::Null, |code| narrow(code).into()),
    );
    match visit.api().post::<Enrolment>("/v1/session/second-factor", &body, None).await {
        Ok(begun) => scan(&visit, &begun, &Faults::none()),
        Err(failure) => refused(&visit, &failure),
    }
}

fn refused(visit: &Visit, failure: &Failure) -> Response {
    match failure.code() {
        "unauthenticated" | "locked" => visit.failed(failure),
        _ => ask(visit, &Faults::of(failure, visit.lang)),
    }
}

/// Shows the square and asks for the first code.
fn scan(visit: &Visit, begun: &Enrolment, faults: &Faults) -> Response {
    let lang = visit.lang;
    let typed = Typed::default();
    let form = Form::new(lang, &typed, faults);
    let (label, button) =
        (lang.text("second-factor-first-code"), lang.text("second-factor-confirm"));
    let sending =
        Sending { action: "/second-factor/confirm", button: &button, ..Sending::default() };
    let body = html! {
        p { (lang.text("second-factor-scan")) }
        (qr(&begun.uri, &lang.text("second-factor-square")))
        p { (lang.text("second-factor-typed")) br; code { (begun.secret) } }
        (form.whole(visit, &sending, html! {
            input type="hidden" name="ticket" value=(begun.ticket);
            input type="hidden" name="uri" value=(begun.uri);
            input type="hidden" name="secret" value=(begun.secret);
            (form.line(Field::new("code", &label).complete("one-time-code").chars_max(8).first()))
        }))
    };
    whole(visit, "second-factor-title", &body, faults)
}

async fn confirm(visit: Visit, typed: Typed) -> Response {
    if visit.enrolling().is_none() {
        return visit.to_be_known();
    }
    let body = json!({ "ticket": typed.get("ticket"), "code": narrow(typed.get("code")) });
    let path = "/v1/session/second-factor/confirm";
    let mut faults = Faults::none();
    match visit.api().post::<Confirmed>(path, &body, None).await {
        Ok(confirmed) => done(&visit, &confirmed),
        Err(failure) if failure.code() == "invalid" => {
            faults.add("code", &visit.lang.text("second-factor-first-wrong"));
            let text = |name| typed.get(name).to_owned();
            let (secret, uri, ticket) = (text("secret"), text("uri"), text("ticket"));
            scan(&visit, &Enrolment { secret, uri, ticket }, &faults)
        }
        Err(failure) if failure.code() == "enrolment_over" => {
            faults.add_whole(visit.lang.text("second-factor-over"));
            ask(&visit, &faults)
        }
        Err(failure) => refused(&visit, &failure),
    }
}

fn done(visit: &Visit, confirmed: &Confirmed) -> Response {
    let lang = visit.lang;
    let body = html! {
        p { (lang.text("second-factor-recovery")) }
        ul.list { @for code in &confirmed.recovery_codes { li { code { (code) } } } }
        div.buttons.no-print {
            a.button href="/" { (lang.text("go-on")) }
            button.button.button-plain type="button" data-print { (lang.text("second-factor-print")) }
        }
    };
    whole(visit, "second-factor-done", &body, &Faults::none())
}

/// So that a keeper of passwords knows whose it is.
fn name_of(person: &Person) -> Markup {
    html! { input type="text" name="username" value=(person.username) autocomplete="username" hidden readonly; }
}

fn whole(visit: &Visit, title: &str, body: &Markup, faults: &Faults) -> Response {
    let title = visit.lang.text(title);
    let body = html! { div.narrow.stack { h1 { (title) } (body) } };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    // The navigation leads nowhere before there is a second factor.
    let stranger = visit.as_stranger();
    let (shown, dress) = match visit.must_enrol() {
        true => (&stranger, Dress::Public),
        false => (visit, Dress::Work),
    };
    Page::new(shown, &title, body).dressed(dress).status(status).respond()
}
