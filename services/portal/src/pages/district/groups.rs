//! Short lists with their counts: matters, departments, centers, and what people asked.
//!
//! Invariant: small groups have no count, and none of fewer than ten has a rank: the lists are in the order of the API, by
//! size where the size may be told.

use maud::{Markup, html};

use super::Board;
use super::answers::{Blockages, Group};

/// Lines of a list; the rest is behind the figure.
const LINES_MAX: usize = 8;

/// The matters that get stuck.
pub(super) fn of_matters(board: &Board<'_>, map: &Blockages) -> Markup {
    list(board, "district-by-matter", &map.by_matter, |group| {
        let matter = group.matter.clone()?;
        Some((matter.clone(), format!("matter:{matter}")))
    })
}

/// The departments that have them.
pub(super) fn of_departments(board: &Board<'_>, map: &Blockages) -> Markup {
    let lang = board.visit.lang;
    list(board, "district-by-department", &map.by_department, |group| {
        Some(match &group.department {
            Some(id) => (board.names.department(lang, id).to_string(), format!("department:{id}")),
            None => (lang.text("district-nobody-yet"), "department:-".to_owned()),
        })
    })
}

/// The centers that they came to.
pub(super) fn of_centers(board: &Board<'_>, map: &Blockages) -> Markup {
    let lang = board.visit.lang;
    list(board, "district-by-center", &map.by_center, |group| {
        let id = group.center.as_ref()?;
        Some((board.names.center(lang, id).to_string(), format!("center:{id}")))
    })
}

fn list(
    board: &Board<'_>,
    head: &str,
    groups: &[Group],
    named: impl Fn(&Group) -> Option<(String, String)>,
) -> Markup {
    let lang = board.visit.lang;
    let most = groups.iter().filter_map(|group| group.count).max().unwrap_or(1).max(1);
    let shown = groups.iter().filter_map(|group| Some((named(group)?, group.count?)));
    if !groups.iter().any(|group| group.count.is_some()) {
        return html! {};
    }
    html! {
        div {
            h3 { (lang.text(head)) }
            ul class="list small" {
                @for ((name, of), count) in shown.take(LINES_MAX) {
                    li {
                        (bar(&name, &board.scope.address("/figures/blockages", &[("of", &of)]), count, most, &lang.number(count)))
                    }
                }
            }
        }
    }
}

/// What people asked at the counters.
pub(super) fn topics(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    let Some(asked) = &board.read.consultations else { return html! {} };
    html! {
        section class="card" aria-labelledby="topics" {
            h2 id="topics" {
                (lang.text("district-topics"))
                " " span class="count" { (lang.number(asked.consultations)) }
            }
            @match asked.items.as_slice() {
                [] => p class="soft" { (lang.text("district-no-questions")) },
                _ => {
                    @let most = asked.items.iter().map(|topic| topic.consultations).max().unwrap_or(1);
                    ul class="list small" {
                        @for topic in asked.items.iter().take(LINES_MAX) {
                            li { (bar(&topic.topic, "", topic.consultations, most, &lang.number(topic.consultations))) }
                        }
                    }
                }
            }
        }
    }
}

/// A name, its number, and a bar that is as long as it is large.
fn bar(name: &str, href: &str, count: u64, most: u64, written: &str) -> Markup {
    let wide = count * 100 / most.max(1);
    html! {
        div class="bar-row" {
            @if href.is_empty() { span { (name) } } @else { a href=(href) { (name) } }
            span class="num" { (written) }
        }
        svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" {
            rect class="bar-ground" width="100" height="4" {}
            rect class="chart-bar" width=(wide) height="4" {}
        }
    }
}
