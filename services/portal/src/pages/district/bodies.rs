//! The centers with their heartbeat (日报), and the departments with how long matters stay with them.
//!
//! Invariants: a day without a report is silent, which is not zero, and is drawn as neither; today is pending until it is
//! over; a mean stands beside the number of stays that it is of, and of fewer than ten nothing is ranked.

use maud::{Markup, html};

use super::Board;
use super::answers::{Beat, Body, LineState};
use super::scope::is_whole;
use crate::address::address;
use crate::ui::{Tone, clock_off, moment, tag};

/// The centers.
pub(super) fn centers(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    if !are_told(board) {
        return html! {};
    }
    html! {
        section class="card" aria-labelledby="heartbeat" {
            h2 id="heartbeat" { (lang.text("district-heartbeat")) }
            @match &board.read.centers {
                None => (board.unanswered()),
                Some(centers) => {
                    @let has_lines = centers.items.iter().any(|center| center.line.is_some());
                    @let silent: Vec<_> = centers.items.iter().filter(|center| is_silent(center)).collect();
                    @if !silent.is_empty() {
                        p class="notice notice-amber" {
                            (lang.with("district-silent", &[("count", &silent.len())])) " "
                            @for (place, center) in silent.iter().enumerate() {
                                @if place > 0 { (lang.text("district-and")) }
                                (board.names.center(lang, &center.id))
                            }
                        }
                    }
                    div class="table-scroll table-cards" tabindex="0" role="group" aria-labelledby="heartbeat" {
                        table {
                            thead { tr {
                                th scope="col" { (lang.text("district-center")) }
                                th scope="col" { (lang.text("district-last-days")) }
                                @if has_lines { th scope="col" { (lang.text("district-line")) } }
                                th scope="col" class="num" { (lang.text("district-today")) }
                                th scope="col" class="num" { (lang.text("district-open")) }
                                th scope="col" class="num" { (lang.text("district-overdue-short")) }
                            } }
                            tbody { @for center in &centers.items { (center_row(board, center, has_lines)) } }
                        }
                    }
                    p class="heat-scale" {
                        @for standing in ["reported", "late", "silent", "pending"] {
                            span class={ "beat beat-" (standing) } aria-hidden="true" { (sign(standing)) }
                            " " (lang.text(&format!("beat-{standing}"))) " "
                        }
                    }
                }
            }
        }
    }
}

/// Whether the visitor is told how centers report; a department is not.
pub(super) fn are_told(board: &Board<'_>) -> bool {
    let Some(centers) = &board.read.centers else { return true };
    centers.items.iter().any(|center| center.heartbeat.is_some())
}

/// Whether the last day that is over was left without a report.
fn is_silent(center: &Body) -> bool {
    let over = center.heartbeat.iter().flatten().rfind(|beat| beat.standing != "pending");
    over.is_some_and(|beat| beat.standing == "silent")
}

fn center_row(board: &Board<'_>, center: &Body, has_lines: bool) -> Markup {
    let lang = board.visit.lang;
    html! {
        tr {
            th scope="row" { (board.names.center(lang, &center.id)) }
            td {
                @match &center.heartbeat {
                    None => span class="soft" { "–" },
                    Some(beats) => div class="beats" { @for beat in beats { (heart(board, beat)) } },
                }
            }
            @if has_lines {
                td data-label=(lang.text("district-line")) {
                    @match &center.line {
                        None => span class="soft" { "–" },
                        Some(line) => (line_of(board, line)),
                    }
                }
            }
            td class="num" data-label=(lang.text("district-today")) {
                @match &center.today {
                    None => "–",
                    Some(today) => {
                        (lang.number(today.consultations))
                        @if today.closed { " ✓" span class="visually-hidden" { (lang.text("district-closed")) } }
                    }
                }
            }
            td class="num" data-label=(lang.text("district-open")) { (list_of(board, "center", &center.id, center.open, false)) }
            td class="num" data-label=(lang.text("district-overdue-short")) { (list_of(board, "center", &center.id, center.overdue, true)) }
        }
    }
}

/// How a line is, since when, what has not arrived, and what a person must look at.
fn line_of(board: &Board<'_>, line: &LineState) -> Markup {
    let lang = board.visit.lang;
    let (tone, state) = match line.state.as_str() {
        "up" => (Tone::Plain, "up"),
        "down" => (Tone::Amber, "down"),
        _ => (Tone::Amber, "never"),
    };
    html! {
        (tag(tone, &lang.text(&format!("line-state-{state}"))))
        @if let Some(since) = &line.since { " " (moment(lang, since, &board.visit.now())) }
        @if line.lag_events > 0 { " " (lang.with("line-lag", &[("count", &line.lag_events)])) }
        @if line.clock_is_off {
            " " (tag(Tone::Amber, &clock_off(lang, line.clock_ahead_seconds.unwrap_or_default())))
        }
        @if let Some(detail) = &line.trouble_detail {
            " " (tag(Tone::Red, &lang.text("line-trouble"))) " " (detail)
        }
    }
}

fn heart(board: &Board<'_>, beat: &Beat) -> Markup {
    let lang = board.visit.lang;
    let standing = match beat.standing.as_str() {
        known @ ("reported" | "late" | "silent") => known,
        _ => "pending",
    };
    let day = lang.day(beat.date);
    let word = lang.text(&format!("beat-{standing}"));
    let said = match beat.consultations {
        Some(count) => {
            lang.with("district-beat", &[("day", &day), ("word", &word), ("count", &count)])
        }
        None => format!("{day} {word}"),
    };
    html! {
        span class={ "beat beat-" (standing) } title=(said) role="img" aria-label=(said) { (sign(standing)) }
    }
}

const fn sign(standing: &str) -> &'static str {
    match standing.as_bytes() {
        b"reported" => "✓",
        b"late" => "△",
        b"silent" => "✕",
        _ => "…",
    }
}

/// The departments.
pub(super) fn departments(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    html! {
        section class="card" aria-labelledby="departments" {
            h2 id="departments" { (lang.text("district-departments")) }
            @match &board.read.departments {
                None => (board.unanswered()),
                Some(departments) => div class="table-scroll table-cards" tabindex="0" role="group" aria-labelledby="departments" {
                    table {
                        thead { tr {
                            th scope="col" { (lang.text("district-department")) }
                            th scope="col" class="num" { (lang.text("district-open")) }
                            th scope="col" class="num" { (lang.text("district-overdue-short")) }
                            th scope="col" class="num" { (lang.text("district-dwell")) }
                            th scope="col" { (lang.text("district-last-event")) }
                        } }
                        tbody {
                            @for department in departments.items.iter().filter(|one| is_shown(board, one)) { (department_row(board, department)) }
                        }
                    }
                },
            }
        }
    }
}

/// Who sees a part of the district sees the departments that have to do with it.
fn is_shown(board: &Board<'_>, department: &Body) -> bool {
    is_whole(board.visit.role()) || department.open > 0 || department.last_event_at.is_some()
}

fn department_row(board: &Board<'_>, department: &Body) -> Markup {
    let lang = board.visit.lang;
    let dwell = department.dwell.as_ref().and_then(|dwell| Some((dwell.value?, dwell.denominator)));
    let of = format!("department:{}", department.id);
    html! {
        tr {
            th scope="row" { (board.names.department(lang, &department.id)) }
            td class="num" data-label=(lang.text("district-open")) { (list_of(board, "department", &department.id, department.open, false)) }
            td class="num" data-label=(lang.text("district-overdue-short")) { (list_of(board, "department", &department.id, department.overdue, true)) }
            td class="num" data-label=(lang.text("district-dwell")) {
                @match dwell {
                    None => "–",
                    Some((days, stays)) => {
                        a href=(board.scope.address("/figures/dwell", &[("of", &of)])) { (format!("{days:.1}")) }
                        " " span class="soft small" { "n = " (lang.number(stays)) }
                    }
                }
            }
            td data-label=(lang.text("district-last-event")) {
                @match &department.last_event_at {
                    None => span class="soft" { "–" },
                    Some(at) => (crate::ui::moment(lang, at, &board.visit.now())),
                }
            }
        }
    }
}

/// A number that leads to its list. Red is for what is overdue, and then a word stands in its column.
fn list_of(board: &Board<'_>, name: &str, id: &str, count: u64, is_overdue: bool) -> Markup {
    let figure = if is_overdue { "/figures/overdue" } else { "/figures/open" };
    let mut query: Vec<_> = board.scope.standing();
    query.retain(|(known, _)| *known == "as_of");
    let query = query.iter().map(|(name, value)| (*name, value.as_str()));
    let href = address(figure, query.chain([(name, id)]));
    html! {
        @if count == 0 { span class="soft" { "0" } }
        @else { a href=(href) class=[is_overdue.then_some("deadline-late")] { (board.visit.lang.number(count)) } }
    }
}
