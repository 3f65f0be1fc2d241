//! The page of a receipt (办理进度查询): for the citizen who holds it, without sign-in.
//!
//! Invariants: one answer first: where it is, and what there is to do; a code that is none and a code of no case get the
//! same page with the same status; nothing about a person is on it, the API sees to that; no captcha: an address that
//! asks too often is told to wait, by the API, which hears for whom this page asks.

mod answer;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use proto_events::ids::ReceiptCode;
use serde::Deserialize;

use crate::api::segment;
use crate::portal::Portal;
use crate::ui::{self, Dress, Page, Tone};
use crate::visit::Visit;
use answer::Receipt;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/status", get(ask)).route("/s/{code}", get(page))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    code: String,
}

/// Asks for the code. A form without script leads to the address that a receipt's square has.
async fn ask(visit: Visit, Query(asked): Query<Asked>) -> Response {
    match asked.code.trim() {
        "" => form_page(&visit, "", false, StatusCode::OK),
        typed => match typed.parse::<ReceiptCode>() {
            Ok(code) => Redirect::to(&format!("/s/{code}")).into_response(),
            Err(_) => form_page(&visit, typed, true, StatusCode::NOT_FOUND),
        },
    }
}

async fn page(visit: Visit, Path(typed): Path<String>) -> Response {
    // What is no code is asked as well: it costs whoever tries it as much as one of nobody.
    let code = typed.parse::<ReceiptCode>().map_or_else(|_| typed.clone(), |code| code.to_string());
    let path = format!("/v1/receipts/{}", segment(&code));
    let (receipt, names) =
        tokio::join!(async { visit.api().get::<Receipt>(&path, &[]).await }, visit.names(),);
    match receipt {
        Ok(receipt) => {
            let title = visit.lang.text("public-title");
            let fresh = ui::fresh(visit.lang, &receipt.as_of, receipt.as_of_sequence);
            Page::new(&visit, &title, receipt.page(visit.lang, &names))
                .dressed(Dress::Public)
                .fresh(fresh)
                .respond()
        }
        Err(failure) if failure.status() == StatusCode::NOT_FOUND.as_u16() => {
            form_page(&visit, &typed, true, StatusCode::NOT_FOUND)
        }
        Err(failure) => visit.failed(&failure),
    }
}

/// The page that asks for a code; when one was typed that leads nowhere, it says so and keeps it.
fn form_page(visit: &Visit, typed: &str, is_unknown: bool, status: StatusCode) -> Response {
    let title = visit.lang.text("public-title");
    let body = form(visit, typed, is_unknown);
    Page::new(visit, &title, body).dressed(Dress::Public).status(status).respond()
}

fn form(visit: &Visit, typed: &str, is_unknown: bool) -> Markup {
    let lang = visit.lang;
    html! {
        div class="stack" {
            h1 { (lang.text("public-title")) }
            p { (lang.text("public-ask")) }
            @if is_unknown {
                (ui::notice(Tone::Amber, &lang.text("public-unknown"), &html! { p { (lang.text("public-unknown-do")) } }))
            }
            form class="form card" method="get" action="/status" {
                div class={ "field" @if is_unknown { " field-faulty" } } {
                    label for="code" { (lang.text("public-code")) }
                    span class="field-hint" id="code-hint" { (lang.text("public-code-hint")) }
                    input id="code" class="code-input" name="code" value=(typed) required maxlength="40"
                        autocomplete="off" autocapitalize="characters" spellcheck="false"
                        aria-describedby="code-hint" aria-invalid=[is_unknown.then_some("true")] autofocus;
                }
                button class="button" type="submit" { (lang.text("public-look")) }
            }
        }
    }
}
