//! A whole page that says what went wrong, in a person's words, and what to do now.
//!
//! Invariants: never a code alone; what the API says stands there as a detail, escaped like anything from outside; the
//! number that support asks for is shown when there is one; nothing about the inside of the house.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::{Dress, Page};
use crate::api::Failure;
use crate::visit::Visit;

/// Answers with the page of a failure.
pub(crate) fn problem_page(visit: &Visit, failure: &Failure) -> Response {
    let lang = visit.lang;
    let kind = match (failure.status(), failure.code()) {
        (_, "away") => "away",
        (404, _) => "missing",
        (410, _) => "gone",
        (401 | 403, _) => "forbidden",
        (429, _) => "often",
        (502..=504, _) => "busy",
        (400 | 409 | 412 | 422, _) => "refused",
        _ => "broken",
    };
    let title = lang.text(&format!("problem-{kind}"));
    let problem = failure.problem();
    let says = problem.filter(|_| kind == "refused").map(|problem| problem.says(lang));
    let body = html! {
        div class="narrow stack" {
            h1 { (title) }
            p { (lang.text(&format!("problem-{kind}-do"))) }
            @if let Some(says) = says { p class="notice notice-amber" { (says) } }
            @if let Some(seconds) = problem.and_then(|problem| problem.retry_after) {
                p class="soft" { (lang.with("problem-wait", &[("seconds", &seconds)])) }
            }
            div class="buttons" {
                @if failure.is_passing() { a class="button" href=(visit.path) { (lang.text("problem-again")) } }
                a class="button button-plain" href="/" { (lang.text("problem-home")) }
            }
            @if let Some(id) = problem.and_then(|problem| problem.request_id.as_deref()) {
                p class="soft small" { (lang.text("problem-number")) " " span class="code" { (id) } }
            }
        }
    };
    let status =
        StatusCode::from_u16(failure.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let dress = if visit.person.is_some() { Dress::Work } else { Dress::Public };
    Page::new(visit, &title, body).dressed(dress).status(status).respond()
}
