//! What is looked at: the period, the instant, whose cases; and the sentence that says so.
//!
//! Invariant: it is a form of the kind that reads, so that every view of the dashboard has an address to send around.

use maud::{Markup, html};

use super::scope::{PERIODS_DAYS, is_whole};
use super::{Board, bodies};

/// The sentence.
pub(super) fn said(board: &Board<'_>) -> Markup {
    let (lang, scope) = (board.visit.lang, board.scope);
    let today = board.visit.now().date_naive();
    let last = scope.to.or(scope.as_of).unwrap_or(today);
    let days = lang.with(
        "district-period-said",
        &[("from", &lang.day_near(scope.from, today)), ("to", &lang.day_near(last, today))],
    );
    html! {
        (days)
        @if !scope.center.is_empty() { " · " (board.names.center(lang, &scope.center)) }
        @if !scope.department.is_empty() { " · " (board.names.department(lang, &scope.department)) }
        @if !is_whole(board.visit.role()) { " · " (lang.text("district-own-said")) }
        @if let Some(as_of) = scope.as_of {
            " · " strong { (lang.with("district-as-of-said", &[("day", &lang.day_near(as_of, today))])) }
        }
    }
}

/// The form.
pub(super) fn picker(board: &Board<'_>) -> Markup {
    let (lang, scope) = (board.visit.lang, board.scope);
    let preset = |days: u64| {
        let mut other = scope.clone();
        other.days = Some(days);
        other.address("/district", &[])
    };
    let day = |day: Option<chrono::NaiveDate>| day.map(|day| day.to_string());
    let chosen = scope.days.is_none();
    html! {
        nav class="tabs" aria-label=(lang.text("district-period")) {
            @for days in sorted_periods() {
                a href=(preset(days)) aria-current=[(scope.days == Some(days)).then_some("true")] {
                    (lang.with("district-days", &[("days", &days)]))
                }
            }
        }
        details class="no-print" open[chosen || scope.as_of.is_some() || !scope.narrowed().is_empty()] {
            summary { (lang.text("district-choose")) }
            form class="filter" method="get" action="/district" {
                div class="field" {
                    label for="from" { (lang.text("district-from-day")) }
                    input id="from" type="date" name="from" value=[chosen.then(|| scope.from.to_string())];
                }
                div class="field" {
                    label for="to" { (lang.text("district-to-day")) }
                    input id="to" type="date" name="to" value=[chosen.then_some(()).and_then(|()| day(scope.to))];
                }
                div class="field" {
                    label for="as_of" { (lang.text("district-as-of-day")) }
                    input id="as_of" type="date" name="as_of" value=[day(scope.as_of)];
                }
                div class="field" {
                    label for="center" { (lang.text("district-center")) }
                    select id="center" name="center" {
                        option value="" { (lang.text("district-all")) }
                        @for center in &board.names.centers {
                            option value=(center.id) selected[center.id == scope.center] { (center.name(lang)) }
                        }
                    }
                }
                div class="field" {
                    label for="department" { (lang.text("district-department")) }
                    select id="department" name="department" {
                        option value="" { (lang.text("district-all")) }
                        @for department in &board.names.departments {
                            option value=(department.id) selected[department.id == scope.department] { (department.name(lang)) }
                        }
                    }
                }
                button class="button" type="submit" { (lang.text("district-look")) }
                a class="button button-plain" href="/district" { (lang.text("district-reset")) }
            }
        }
    }
}

/// The way to each part of a long page.
pub(super) fn jumps(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    html! {
        nav class="jumps no-print" aria-label=(lang.text("district-jump")) {
            @for (id, text) in [
                ("blockages", "district-blockages"),
                ("returns", "district-returns"),
                ("heartbeat", "district-heartbeat"),
                ("departments", "district-departments"),
                ("district-time", "district-time"),
                ("district-outcome", "district-outcome"),
                ("integrity", "district-integrity"),
                ("feed", "district-feed"),
            ] {
                @if is_there(board, id) { a href={ "#" (id) } { (lang.text(text)) } }
            }
        }
    }
}

/// Whether the page has this part for this visitor.
fn is_there(board: &Board<'_>, id: &str) -> bool {
    match id {
        "heartbeat" => bodies::are_told(board),
        "feed" => board.scope.as_of.is_none(),
        _ => true,
    }
}

/// The periods from short to long.
fn sorted_periods() -> [u64; 4] {
    let mut days = PERIODS_DAYS;
    days.sort_unstable();
    days
}
