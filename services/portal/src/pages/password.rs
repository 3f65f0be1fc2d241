//! Another password for oneself.
//!
//! Invariant: no password is ever sent back to a page.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use maud::html;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::form::{Faults, Field, Form, Sending, Typed};
use crate::portal::Portal;
use crate::ui::Page;
use crate::visit::{Signed, Visit};

/// Fewest characters of a password, as the API wants them.
pub(super) const PASSWORD_CHARS_MIN: usize = 10;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/password", get(page).post(change)).route("/password/done", get(done))
}

async fn page(Signed { visit, .. }: Signed) -> Response {
    answer(&visit, &Faults::none())
}

fn answer(visit: &Visit, faults: &Faults) -> Response {
    let lang = visit.lang;
    let typed = Typed::default();
    let form = Form::new(lang, &typed, faults);
    let (current, new) = (lang.text("password-current"), lang.text("password-new"));
    let (again, hint) = (lang.text("password-again"), lang.text("password-hint"));
    let button = lang.text("password-button");
    let sending = Sending { action: "/password", button: &button, ..Sending::default() };
    let title = lang.text("account-password");
    let username = visit.person.as_ref().map_or("", |person| person.username.as_str());
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            (form.whole(visit, &sending, html! {
                input type="text" name="username" value=(username) autocomplete="username" hidden readonly;
                (form.line(Field::new("current", &current).kind("password").complete("current-password").first()))
                (form.line(Field::new("new", &new).hint(&hint).kind("password").complete("new-password")))
                (form.line(Field::new("again", &again).kind("password").complete("new-password")))
            }))
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

async fn change(Signed { visit, .. }: Signed, typed: Typed) -> Response {
    let lang = visit.lang;
    let mut faults = Faults::none();
    let (current, new) = (typed.get("current"), typed.get("new"));
    if current.is_empty() {
        faults.add("current", &lang.text("sign-in-password-missing"));
    }
    if new.chars().count() < PASSWORD_CHARS_MIN {
        faults.add("new", &lang.text("password-short"));
    } else if new != typed.get("again") {
        faults.add("again", &lang.text("password-differs"));
    }
    if !faults.is_empty() {
        return answer(&visit, &faults);
    }
    let body = json!({ "current": current, "new": new });
    match visit.api().post::<IgnoredAny>("/v1/session/password", &body, None).await {
        Ok(_) => Redirect::to("/password/done").into_response(),
        Err(failure) => {
            let refused = Faults::of(&failure, lang);
            let mut faults = Faults::none();
            match failure.code() {
                "unauthenticated" | "forbidden" => {
                    faults.add("current", &lang.text("password-wrong"))
                }
                "invalid" if refused.get("current").is_some() => {
                    faults.add("current", &lang.text("password-wrong"));
                }
                "invalid" => faults.add("new", &lang.text("password-refused")),
                "locked" => return visit.failed(&failure),
                _ => faults = refused,
            }
            answer(&visit, &faults)
        }
    }
}

async fn done(Signed { visit, .. }: Signed) -> Response {
    let title = visit.lang.text("password-done");
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            p { (visit.lang.text("password-done-text")) }
            p { a.button href="/" { (visit.lang.text("go-on")) } }
        }
    };
    Page::new(&visit, &title, body).respond()
}
