//! Charts, drawn on the server as SVG, each with its table beside it.
//!
//! Invariants: no colour carries anything alone: series differ by dash and by the shape of their marks, and the table
//! says every number; nothing missing is drawn as zero, it is a gap; colours are classes, so that both themes, paper and a
//! strict policy hold; what does not come from us is escaped by maud.

mod bars;
mod lines;
mod scale;
#[cfg(test)]
mod tests;

pub(crate) use bars::Bars;
pub(crate) use lines::{Lines, Point, Series};

use maud::{Markup, html};

use crate::lang::Lang;

/// Size of a drawing, in its own units: a third of a screen wide, and legible there.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 250.0;
/// What is left free around the plot: numbers on the left, names below.
const LEFT: f64 = 46.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 16.0;
const BOTTOM: f64 = 30.0;

/// Where the `place`th of so many columns has its middle.
fn column(place: usize, of: usize) -> f64 {
    let step = (WIDTH - LEFT - RIGHT) / of.max(1) as f64;
    LEFT + step * (place as f64 + 0.5)
}

/// Where a share of the height lies.
fn height(share: f64) -> f64 {
    let free = HEIGHT - TOP - BOTTOM;
    TOP + free * (1.0 - share.clamp(0.0, 1.0))
}

/// A coordinate, to a tenth.
fn at(number: f64) -> String {
    format!("{number:.1}")
}

/// The lines behind the plot with their numbers, and the names of the columns.
fn frame(ticks: &[(f64, String)], columns: &[String]) -> Markup {
    // More names than that would run into each other at the width of a phone.
    let every = columns.len().div_ceil(13).max(1);
    html! {
        @for (share, text) in ticks {
            line class="chart-grid" x1=(at(LEFT)) x2=(at(WIDTH - RIGHT)) y1=(at(height(*share))) y2=(at(height(*share))) {}
            text class="chart-axis" x=(at(LEFT - 8.0)) y=(at(height(*share) + 4.5)) text-anchor="end" { (text) }
        }
        @for (place, name) in columns.iter().enumerate() {
            @if place % every == 0 {
                text class="chart-axis" x=(at(column(place, columns.len()))) y=(at(HEIGHT - 8.0)) text-anchor="middle" { (name) }
            }
        }
    }
}

/// A drawing with its legend and its table.
fn figure(lang: Lang, name: &str, drawing: &Markup, legend: &Markup, table: &Markup) -> Markup {
    html! {
        figure class="chart" {
            svg role="img" aria-label=(name) viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } { (drawing) }
            (legend)
            details {
                summary { (lang.text("chart-table")) }
                div class="table-scroll" tabindex="0" role="group" aria-label=(name) { (table) }
            }
        }
    }
}
