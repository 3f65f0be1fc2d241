//! The district dashboard (区级看板): every figure with its counts and its age, where matters are stuck, who sends what
//! back, which centers report, what is due, what happens now. Every number leads to the list that it counts.
//!
//! Invariants: everything is read over the public API at once; a piece whose question failed says so and takes no other
//! along; nothing missing is drawn as zero; nothing of fewer than ten is ranked.

mod answers;
mod behind;
mod bodies;
mod feed;
mod groups;
mod maps;
mod picker;
mod read;
mod scope;
#[cfg(test)]
mod tests;
mod tiles;
mod trend;
mod urgent;
mod wall;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::quarantine;
use crate::names::Names;
use crate::portal::Portal;
use crate::ui::{self, Page, Tone};
use crate::visit::{Signed, Visit};
use read::Read;
use scope::{Asked, Scope};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/district", get(page))
        .route("/district/feed", get(feed::fragment))
        .route("/figures/{name}", get(behind::page))
        .route("/wall", get(wall::page))
}

/// What the pieces of the dashboard know.
struct Board<'a> {
    visit: &'a Visit,
    names: &'a Names,
    scope: &'a Scope,
    read: &'a Read,
}

async fn page(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let now = visit.now();
    let scope = Scope::of(&asked, &now);
    let read = async {
        match asked.fragment.as_str() {
            "now" => Read::now(&visit, &scope).await,
            _ => Read::all(&visit, &scope).await,
        }
    };
    let (read, names) = tokio::join!(read, visit.names());
    let read = match read {
        Ok(read) => read,
        Err(failure) => return visit.failed(&failure),
    };
    let board = Board { visit: &visit, names: &names, scope: &scope, read: &read };
    match asked.fragment.as_str() {
        "now" => return Html(board.now().into_string()).into_response(),
        "rest" => return Html(board.rest().into_string()).into_response(),
        _ => {}
    }
    // Who sees a part of the district sees figures of that part.
    let title = visit.lang.text(match scope::is_whole(visit.role()) {
        true => "district-title",
        false => "district-title-own",
    });
    Page::new(&visit, &title, board.whole(&title)).respond()
}

impl Board<'_> {
    fn whole(&self, title: &str) -> Markup {
        let lang = self.visit.lang;
        // What stood then does not change; what stands now does.
        let refresh = |piece| {
            let is_live = self.scope.as_of.is_none();
            is_live.then(|| self.scope.address("/district", &[("fragment", piece)]))
        };
        html! {
            div class="head" {
                div {
                    h1 { (title) }
                    p class="lead" { (picker::said(self)) }
                }
                div class="row" {
                    a class="button button-plain" href="/wall" { (lang.text("district-wall")) }
                    button type="button" class="button button-plain no-print" data-print { (lang.text("print")) }
                }
            }
            div class="stack stack-wide" {
                div { (picker::picker(self)) (picker::jumps(self)) }
                div class="pill" data-changed hidden {
                    a class="button" href=(self.visit.path) { (lang.text("changed-pill")) }
                }
                div class="stack stack-wide" data-refresh=[refresh("now")] { (self.now()) }
                div class="stack stack-wide" data-refresh=[refresh("rest")] data-refresh-pause=(REST_PAUSE_SECONDS) { (self.rest()) }
            }
        }
    }

    /// What is looked at first: how fresh it is, the rates, what is due.
    fn now(&self) -> Markup {
        let lang = self.visit.lang;
        html! {
            (self.troubles())
            section class="stack" aria-labelledby="rates" {
                div class="row row-apart" {
                    h2 id="rates" { (lang.text("district-rates")) }
                    // It goes with the numbers, also when they are asked for again.
                    (ui::fresh(lang, &self.read.overview.as_of, self.read.overview.as_of_sequence))
                }
                (self.tiles(tiles::RATES, "figures figures-main"))
            }
            section class="stack" aria-labelledby="standing" {
                h2 id="standing" { (lang.text("district-standing")) }
                (self.tiles(tiles::STANDING, "figures"))
            }
            div class="columns" {
                (urgent::overdue(self))
                (urgent::soon(self))
            }
        }
    }

    /// Everything else.
    fn rest(&self) -> Markup {
        let lang = self.visit.lang;
        html! {
            (trend::section(self))
            (maps::blockages(self))
            (maps::returns(self))
            (bodies::centers(self))
            (bodies::departments(self))
            @for (text, names) in tiles::GROUPS {
                // Who may not read what people asked is told no zero of it.
                @if *text != "district-questions" || self.read.consultations.is_some() {
                    section class="stack" aria-labelledby=(text) {
                        h2 id=(text) { (lang.text(text)) }
                        (self.tiles(names, "figures"))
                        @if *text == "district-time" { (tiles::lead_times(self)) }
                    }
                }
            }
            (tiles::integrity(self))
            div class="columns" {
                (groups::topics(self))
                @if self.scope.as_of.is_none() {
                    section class="card" aria-labelledby="feed" {
                        h2 id="feed" { (lang.text("district-feed")) }
                        (feed::list(self.visit, self.names, &self.read.feed))
                    }
                }
            }
        }
    }

    /// What a reader must know before the numbers: how far behind they are, and what nobody could read.
    fn troubles(&self) -> Markup {
        let lang = self.visit.lang;
        let Some(lag) = &self.read.lag else {
            let body = html! { p { (lang.text("district-lag-unknown-do")) } };
            return ui::notice(Tone::Amber, &lang.text("district-lag-unknown"), &body);
        };
        let mut troubles = Vec::new();
        if lag.bus_answers == Some(false) {
            troubles.push(html! { (lang.text("district-bus-away")) });
        }
        if let Some(building) = &lag.rebuilding {
            let percent = building.sequence * 100 / building.of.max(1);
            troubles.push(html! { (lang.with("district-rebuilding", &[("percent", &percent)])) });
        }
        if lag.lag_seconds >= LAG_SECONDS_SAID {
            let seconds = lag.lag_seconds.ceil() as u64;
            troubles.push(html! { (lang.with("district-behind", &[("seconds", &seconds)])) });
        }
        if lag.quarantined > 0 {
            let said = lang.with("district-quarantined", &[("count", &lag.quarantined)]);
            troubles.push(match quarantine::may_look(self.visit.role()) {
                true => html! { a href="/quarantine" { (said) } },
                false => html! { (said) },
            });
        }
        if lag.incident.is_some() {
            troubles.push(html! { (lang.text("district-incident")) });
        }
        html! {
            @if !troubles.is_empty() {
                (ui::notice(Tone::Amber, &lang.text("district-troubles"), &html! {
                    ul { @for trouble in &troubles { li { (trouble) } } }
                }))
            }
        }
    }

    /// A piece whose question was not answered.
    fn unanswered(&self) -> Markup {
        html! { p class="notice notice-amber" { (self.visit.lang.text("district-unanswered")) } }
    }
}

/// How often the lower part of the board is asked for again, in seconds: a year is counted for it, month by month.
const REST_PAUSE_SECONDS: u32 = 30;

/// How many seconds behind the log are worth a word: the view is there within a few hundredths.
const LAG_SECONDS_SAID: f64 = 5.0;
