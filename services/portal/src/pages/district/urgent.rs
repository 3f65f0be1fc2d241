//! What is overdue and what is due soon, the most urgent first, each with the way to its whole list.
//!
//! Invariant: how late something is, is said by days of the calendar on the page of its case only; here stands when it is
//! due, which needs no counting.

use maud::{Markup, html};

use super::Board;
use super::answers::{Behind, BehindPage};
use crate::address::address;
use crate::ui::{self, Tone, tag};

/// The overdue ones.
pub(super) fn overdue(board: &Board<'_>) -> Markup {
    // Lists of cases are of now; how it stood then is behind the figure.
    let all = match board.scope.as_of {
        Some(_) => board.scope.address("/figures/overdue", &[]),
        None => {
            let mut query = vec![("overdue", "true".to_owned()), ("sort", "due_at".to_owned())];
            query.extend(board.scope.narrowed());
            address("/cases", query)
        }
    };
    card(board, "district-overdue", board.read.overdue.as_ref(), &all, Tone::Red)
}

/// Those that are due next.
pub(super) fn soon(board: &Board<'_>) -> Markup {
    let all = board.scope.address("/figures/due_within_day", &[]);
    card(board, "district-soon", board.read.soon.as_ref(), &all, Tone::Amber)
}

fn card(
    board: &Board<'_>,
    head: &str,
    cases: Option<&BehindPage>,
    all: &str,
    tone: Tone,
) -> Markup {
    let lang = board.visit.lang;
    let is_late = tone == Tone::Red && cases.is_some_and(|cases| cases.total > 0);
    let class = if is_late { "card card-late" } else { "card" };
    html! {
        section class=(class) aria-labelledby=(head) {
            h2 id=(head) { (lang.text(head)) @if let Some(cases) = cases { " " span class="count" { (cases.total) } } }
            @match cases {
                None => (board.unanswered()),
                Some(cases) if cases.items.is_empty() => p class="soft" { (lang.text("district-nothing-urgent")) },
                Some(cases) => {
                    ul class="list" { @for case in &cases.items { li { (line(board, case, tone)) } } }
                    @if cases.total > cases.items.len() as u64 || tone == Tone::Red {
                        p { a href=(all) { (lang.text("district-whole-list")) } }
                    }
                }
            }
        }
    }
}

/// A case in a line: what it is about, whose it is, when it is due.
pub(super) fn line(board: &Board<'_>, case: &Behind, tone: Tone) -> Markup {
    let lang = board.visit.lang;
    let now = board.visit.now();
    html! {
        div class="row" {
            @match &case.case_id {
                Some(id) => a href={ "/cases/" (id) } { (case.matter) },
                None => (case.matter),
            }
            (tag(Tone::Plain, board.names.label(lang, "state", &case.state)))
        }
        div class="small" {
            span class=(if tone == Tone::Red { "deadline deadline-late" } else { "deadline" }) {
                @if let Some(due) = &case.due_at { (lang.text("district-due")) " " (ui::moment(lang, due, &now)) }
            }
            span class="soft" {
                " · " (case.case_no) " · " (board.names.center(lang, &case.center))
                @if let Some(department) = &case.department { " · " (board.names.department(lang, department)) }
            }
        }
    }
}
