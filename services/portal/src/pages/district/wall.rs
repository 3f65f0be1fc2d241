//! The wall (`/wall`): eight numbers, what is overdue, what happens, for a screen that is read at five meters.
//!
//! Invariants: nothing has to be touched: it refreshes itself, and says when it cannot; every number is still a link, for
//! whoever has a keyboard.

use axum::extract::Query;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{Markup, html};

use super::read::Read;
use super::scope::{Asked, Scope};
use super::{Board, feed, urgent};
use crate::ui::{self, Dress, Page, Tone};
use crate::visit::Signed;

/// What stands on the wall.
const FIGURES: &[&str] = &[
    "response_rate",
    "solved_rate",
    "satisfaction",
    "on_time",
    "open",
    "overdue",
    "due_within_day",
    "heartbeat",
];
/// Overdue cases that fit.
const LINES_MAX: usize = 3;
/// Events that fit.
const EVENTS_MAX: usize = 4;

pub(super) async fn page(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let scope = Scope::of(&asked, &visit.now());
    let (read, names) = tokio::join!(Read::now(&visit, &scope), visit.names());
    let read = match read {
        Ok(read) => read,
        Err(failure) => return visit.failed(&failure),
    };
    let board = Board { visit: &visit, names: &names, scope: &scope, read: &read };
    if asked.fragment == "wall" {
        return Html(wall(&board).into_string()).into_response();
    }
    let title = visit.lang.text("wall-title");
    let refresh = scope.address("/wall", &[("fragment", "wall")]);
    let body = html! {
        div class="head" {
            h1 { (names.district(visit.lang)) " · " (title) }
            div class="row" {
                (ui::light(visit.lang))
                a class="button button-plain no-print" href="/district" { (visit.lang.text("wall-leave")) }
            }
        }
        div data-refresh=(refresh) { (wall(&board)) }
    };
    Page::new(&visit, &title, body).dressed(Dress::Wall).respond()
}

fn wall(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    html! {
        (board.troubles())
        (board.tiles(FIGURES, "wall-figures"))
        div class="wall-lower" {
            section class="card card-late" aria-labelledby="wall-overdue" {
                h2 id="wall-overdue" {
                    (lang.text("district-overdue"))
                    @if let Some(cases) = &board.read.overdue { " " (cases.total) }
                }
                @match &board.read.overdue {
                    None => (board.unanswered()),
                    Some(cases) if cases.items.is_empty() => p { (lang.text("district-nothing-urgent")) },
                    Some(cases) => ul class="list" {
                        @for case in cases.items.iter().take(LINES_MAX) { li { (urgent::line(board, case, Tone::Red)) } }
                    },
                }
            }
            section class="card" aria-labelledby="wall-feed" {
                h2 id="wall-feed" { (lang.text("district-feed")) }
                @let told = &board.read.feed;
                (feed::list(board.visit, board.names, &told[..told.len().min(EVENTS_MAX)]))
            }
        }
        p { (ui::fresh(lang, &board.read.overview.as_of, board.read.overview.as_of_sequence)) }
    }
}
