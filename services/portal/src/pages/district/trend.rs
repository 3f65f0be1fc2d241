//! The last twelve months: the three rates as lines, what was taken on as bars.
//!
//! Invariant: a month in which nothing was counted is a gap.

use chrono::Datelike as _;
use maud::{Markup, html};

use super::Board;
use crate::chart::{Bars, Lines, Point, Series};

/// The lines, in this order.
const LINES: [&str; 3] = ["response_rate", "solved_rate", "satisfaction"];
/// The bars.
const BARS: &str = "blockages";

/// The trend.
pub(super) fn section(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    let Some(trend) = &board.read.trend else {
        return html! {
            section class="card" aria-label=(lang.text("district-trend")) {
                h2 { (lang.text("district-trend")) } (board.unanswered())
            }
        };
    };
    let months = &trend.items;
    let columns: Vec<String> = months
        .iter()
        .map(|month| lang.with("district-month", &[("month", &month.period.from.month())]))
        .collect();
    let label = |name: &str| match board.read.catalogue.entry(name) {
        Some(entry) => entry.label.say(lang).to_owned(),
        None => name.to_owned(),
    };
    let series = LINES.map(|name| Series {
        name: label(name),
        points: months
            .iter()
            .map(|month| {
                let counted = month.figures.get(name)?;
                let Point { numerator, denominator } =
                    Point { numerator: counted.numerator, denominator: counted.denominator };
                (denominator > 0).then_some(Point { numerator, denominator })
            })
            .collect(),
    });
    let rates = Lines {
        name: lang.text("district-trend-rates"),
        head: lang.text("district-month-head"),
        columns: columns.clone(),
        series: series.into(),
    };
    let taken = Bars {
        name: lang.text("district-trend-cases"),
        head: lang.text("district-month-head"),
        columns,
        counts: months.iter().map(|month| Some(month.figures.get(BARS)?.numerator)).collect(),
    };
    html! {
        section class="columns" aria-label=(lang.text("district-trend")) {
            div class="card" { h2 { (lang.text("district-trend-rates")) } (rates.draw(lang)) }
            div class="card" { h2 { (lang.text("district-trend-cases")) } (taken.draw(lang)) }
        }
    }
}
