//! The first account of a new house: made with the one-time link that `up` prints.
//!
//! Invariant: the token stands behind `#`, the script puts it into its field; it never stands in a log or a `Referer`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;
use maud::html;
use serde_json::json;

use super::password::PASSWORD_CHARS_MIN;
use super::sign_in::{SignedIn, welcome};
use crate::form::{Faults, Field, Form, Sending, Typed};
use crate::portal::Portal;
use crate::ui::{Dress, Page};
use crate::visit::Visit;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/first-run", get(page).post(make))
}

async fn page(visit: Visit) -> Response {
    answer(&visit, &Typed::default(), &Faults::none())
}

fn answer(visit: &Visit, typed: &Typed, faults: &Faults) -> Response {
    let lang = visit.lang;
    let form = Form::new(lang, typed, faults);
    let text = |key| lang.text(key);
    let (token, token_hint) = (text("first-run-token"), text("first-run-token-hint"));
    let (username, username_hint) = (text("sign-in-username"), text("account-username-hint"));
    let (name, password) = (text("account-name"), text("sign-in-password"));
    let (hint, again) = (text("password-hint"), text("password-again"));
    let button = text("first-run-button");
    let sending = Sending { action: "/first-run", button: &button, ..Sending::default() };
    let title = text("first-run-title");
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            p { (text("first-run-text")) }
            (form.whole(visit, &sending, html! {
                div data-hash="token" {
                    (form.line(Field::new("token", &token).hint(&token_hint)))
                }
                (form.line(Field::new("username", &username).hint(&username_hint).complete("username")))
                (form.line(Field::new("name", &name).complete("name")))
                (form.line(Field::new("password", &password).hint(&hint).kind("password").complete("new-password")))
                (form.line(Field::new("again", &again).kind("password").complete("new-password")))
            }))
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).dressed(Dress::Public).status(status).respond()
}

async fn make(
    State(portal): State<Arc<Portal>>,
    visit: Visit,
    headers: HeaderMap,
    typed: Typed,
) -> Response {
    let lang = visit.lang;
    let mut faults = Faults::none();
    for (name, missing) in [
        ("token", "first-run-token-missing"),
        ("username", "sign-in-username-missing"),
        ("name", "account-name-missing"),
    ] {
        if typed.some(name).is_none() {
            faults.add(name, &lang.text(missing));
        }
    }
    let password = typed.get("password");
    if password.chars().count() < PASSWORD_CHARS_MIN {
        faults.add("password", &lang.text("password-short"));
    } else if password != typed.get("again") {
        faults.add("again", &lang.text("password-differs"));
    }
    if !faults.is_empty() {
        return answer(&visit, &typed, &faults);
    }
    let body = json!({
        "token": typed.get("token"),
        "username": typed.get("username"),
        "name": typed.get("name"),
        "password": password,
    });
    match visit.api().post::<SignedIn>("/v1/first-account", &body, None).await {
        Ok(signed) => welcome(&portal, &visit, &headers, &signed, "/", None).await,
        Err(failure) => {
            let mut faults = Faults::of(&failure, lang);
            if failure.code() == "first_link_invalid" {
                faults = Faults::none();
                faults.add("token", &lang.text("first-run-token-wrong"));
            }
            answer(&visit, &typed, &faults)
        }
    }
}
