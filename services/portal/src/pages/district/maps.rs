//! Where matters are stuck (堵点图), and who sends what back to whom (退回矩阵), as heat maps that are tables.
//!
//! Invariants: every cell has its number; a group that the API suppresses is a dot with its reason below, and no sum on
//! the page gives it away; a cell leads to its cases; the scale is the same over the whole map.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::Board;
use super::answers::{Blockages, Returns};
use super::groups;

/// The stages in the order in which people meet them.
const STAGES: [&str; 7] = ["consult", "accept", "review", "approve", "issue", "online", "after"];
/// Who stands for nobody: a return that names no other department.
const NOBODY: &str = "-";

/// The map of blockages.
pub(super) fn blockages(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    html! {
        section class="card" aria-labelledby="blockages" {
            h2 id="blockages" {
                (lang.text("district-blockages"))
                @if let Some(cases) = board.read.blockages.as_ref().and_then(|map| map.cases) {
                    " " span class="count" { (lang.number(cases)) }
                }
            }
            @match &board.read.blockages {
                None => (board.unanswered()),
                Some(map) if map.items.is_empty() => p class="soft" { (lang.text("district-no-cases")) },
                Some(map) => {
                    (heat(board, map))
                    div class="columns" {
                        (groups::of_matters(board, map))
                        (groups::of_departments(board, map))
                        (groups::of_centers(board, map))
                    }
                }
            }
        }
    }
}

fn heat(board: &Board<'_>, map: &Blockages) -> Markup {
    let lang = board.visit.lang;
    let mut rows: BTreeMap<&str, BTreeMap<&str, Option<u64>>> = BTreeMap::new();
    for cell in &map.items {
        rows.entry(&cell.cause).or_default().insert(&cell.stage, cell.count);
    }
    // A cause of which every group is small says nothing here; how many such causes there are is said below.
    let count = rows.len();
    rows.retain(|_, cells| cells.values().any(Option::is_some));
    let left_out = count - rows.len();
    let most = map.items.iter().filter_map(|cell| cell.count).max().unwrap_or(0);
    if rows.is_empty() {
        return html! { p class="soft" { (lang.text("district-all-small")) } };
    }
    let mut categories: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (cause, cells) in &rows {
        categories.entry(cause.get(..1).unwrap_or_default()).or_default().push((*cause, cells));
    }
    html! {
        div class="table-scroll" tabindex="0" role="group" aria-labelledby="blockages" {
            table class="heat" {
                caption class="visually-hidden" { (lang.text("district-blockages")) }
                thead { tr {
                    th scope="col" { (lang.text("district-cause")) }
                    @for stage in STAGES { th scope="col" class="num" { (board.names.label(lang, "blocked_stage", stage)) } }
                } }
                @for (category, rows) in &categories {
                    tbody {
                        tr class="group" {
                            th scope="rowgroup" colspan=(STAGES.len() + 1) { (board.names.label(lang, "cause", category)) }
                        }
                        @for (cause, cells) in rows {
                            tr {
                                th scope="row" {
                                    @if cause.len() == 1 { (lang.text("district-not-narrowed")) } @else { (board.names.label(lang, "cause", cause)) }
                                    " " span class="soft small" { (cause) }
                                }
                                @for stage in STAGES { td { (cell(board, cause, stage, cells.get(stage).copied(), most)) } }
                            }
                        }
                    }
                }
            }
        }
        p class="heat-scale" {
            (lang.text("district-few")) " "
            @for step in 1..=5 { span class={ "heat-cell heat-" (step) } aria-hidden="true" {} }
            " " (lang.with("district-many", &[("most", &most)]))
            " · " (lang.text("district-suppressed"))
            @if left_out > 0 { " · " (lang.with("district-left-out", &[("count", &left_out)])) }
        }
    }
}

/// A cell: a number that leads to its cases, a dot for few, nothing for none.
fn cell(
    board: &Board<'_>,
    cause: &str,
    stage: &str,
    count: Option<Option<u64>>,
    most: u64,
) -> Markup {
    html! {
        @match count {
            None => span class="heat-cell" aria-hidden="true" {},
            Some(None) => span class="heat-cell" title=(board.visit.lang.text("district-suppressed")) { "·" },
            Some(Some(count)) => {
                @let of = format!("blockage:{cause}:{stage}");
                a class={ "heat-cell heat-" (warmth(count, most)) }
                    href=(board.scope.address("/figures/blockages", &[("of", &of)])) { (count) }
            }
        }
    }
}

/// One of five steps, by the share of the greatest.
fn warmth(count: u64, most: u64) -> u64 {
    (count * 5).div_ceil(most.max(1)).clamp(1, 5)
}

/// The matrix of returns.
pub(super) fn returns(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    html! {
        section class="card" aria-labelledby="returns" {
            h2 id="returns" { (lang.text("district-returns")) }
            @match &board.read.returns {
                None => (board.unanswered()),
                Some(returns) if returns.items.is_empty() => p class="soft" { (lang.text("district-no-returns")) },
                Some(returns) => { (matrix(board, returns)) (both_ways(board, returns)) }
            }
        }
    }
}

fn matrix(board: &Board<'_>, returns: &Returns) -> Markup {
    let lang = board.visit.lang;
    let mut cells: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for one in &returns.items {
        *cells.entry(&one.from).or_default().entry(to(one.to.as_deref())).or_default() += one.count;
    }
    let mut columns: Vec<&str> = cells.values().flat_map(|row| row.keys().copied()).collect();
    columns.sort_unstable();
    columns.dedup();
    let most = returns.items.iter().map(|one| one.count).max().unwrap_or(0);
    let name = |id: &str| match id {
        NOBODY => lang.text("district-nobody-named"),
        id => board.names.department(lang, id).to_string(),
    };
    html! {
        div class="table-scroll" tabindex="0" role="group" aria-labelledby="returns" {
            table class="heat" {
                caption { (lang.text("district-returns-read")) }
                thead { tr {
                    th scope="col" { (lang.text("district-from")) }
                    @for column in &columns { th scope="col" class="num" { (name(column)) } }
                } }
                tbody {
                    @for (from, row) in &cells {
                        tr {
                            th scope="row" { (name(from)) }
                            @for column in &columns {
                                td {
                                    @match row.get(column) {
                                        None => span class="heat-cell" aria-hidden="true" {},
                                        Some(count) => {
                                            @let of = format!("return:{from}:{column}");
                                            a class={ "heat-cell heat-" (warmth(*count, most)) }
                                                href=(board.scope.address("/figures/returns", &[("of", &of)])) { (count) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The pairs that send to each other (来回推转).
fn both_ways(board: &Board<'_>, returns: &Returns) -> Markup {
    let lang = board.visit.lang;
    let count = |from: &str, to: &str| -> u64 {
        let fits =
            |one: &&super::answers::Return| one.from == from && one.to.as_deref() == Some(to);
        returns.items.iter().filter(fits).map(|one| one.count).sum()
    };
    let pairs: Vec<_> = returns
        .items
        .iter()
        .filter_map(|one| Some((one.from.as_str(), one.to.as_deref()?)))
        .filter(|(from, to)| from < to && count(to, from) > 0)
        .collect();
    html! {
        @if !pairs.is_empty() {
            p { strong { (lang.text("district-both-ways")) } }
            ul {
                @for (one, other) in pairs {
                    li {
                        (board.names.department(lang, one)) " → " (board.names.department(lang, other)) " " (count(one, other))
                        " · " (board.names.department(lang, other)) " → " (board.names.department(lang, one)) " " (count(other, one))
                    }
                }
            }
        }
    }
}

fn to(department: Option<&str>) -> &str {
    department.unwrap_or(NOBODY)
}

#[cfg(test)]
mod tests {
    use super::warmth;

    #[test]
    fn the_scale_has_five_steps_and_the_greatest_is_the_warmest() {
        assert_eq!([1, 6, 12, 18, 24, 30].map(|count| warmth(count, 30)), [1, 1, 2, 3, 4, 5]);
        assert_eq!(warmth(0, 0), 1);
        assert_eq!(warmth(1, 1), 5);
    }
}
