//! Shares over time, as lines.

use maud::{Markup, html};

use super::scale::Scale;
use super::{at, column, figure, frame, height};
use crate::lang::Lang;

/// A share of one column, with what it was counted of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) numerator: u64,
    pub(crate) denominator: u64,
}

impl Point {
    /// Of fewer than that a share is read with care: its mark is hollow (domain §7).
    const FEW: u64 = 10;

    fn share(self) -> Option<f64> {
        (self.denominator > 0).then(|| self.numerator as f64 / self.denominator as f64)
    }
}

/// One line.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    /// One a column; none where nothing was counted.
    pub(crate) points: Vec<Option<Point>>,
}

/// Lines over columns, three at most: more cannot be told apart without colour.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    pub(crate) name: String,
    /// The head of the first column of the table.
    pub(crate) head: String,
    pub(crate) columns: Vec<String>,
    pub(crate) series: Vec<Series>,
}

impl Lines {
    /// Draws them.
    pub(crate) fn draw(&self, lang: Lang) -> Markup {
        let shares = self.series.iter().flat_map(|series| &series.points);
        let scale = Scale::of_shares(shares.filter_map(|point| point.and_then(Point::share)));
        let ticks: Vec<_> = scale
            .ticks()
            .into_iter()
            .map(|tick| (scale.share(tick), format!("{:.0}%", tick * 100.0)))
            .collect();
        let drawing = html! {
            (frame(&ticks, &self.columns))
            @for (series, number) in self.series.iter().zip(1..=3) {
                (self.line(series, number, scale))
            }
        };
        let legend = html! {
            ul class="legend" {
                @for (series, number) in self.series.iter().zip(1..=3) {
                    li {
                        svg viewBox="0 0 32 12" aria-hidden="true" {
                            line class={ "chart-line series-" (number) } x1="1" x2="31" y1="6" y2="6" {}
                            (mark(number, 16.0, 6.0, true, ""))
                        }
                        (series.name)
                    }
                }
            }
        };
        figure(lang, &self.name, &drawing, &legend, &self.table())
    }

    fn line(&self, series: &Series, number: usize, scale: Scale) -> Markup {
        let places: Vec<_> = series
            .points
            .iter()
            .enumerate()
            .map(|(place, point)| {
                let share = point.and_then(Point::share)?;
                Some((column(place, self.columns.len()), height(scale.share(share)), share))
            })
            .collect();
        // A gap lifts the pen.
        let mut path = String::new();
        let mut is_down = false;
        for place in &places {
            if let Some((x, y, _)) = place {
                path.push_str(&format!("{}{x:.1} {y:.1}", if is_down { "L" } else { "M" }));
            }
            is_down = place.is_some();
        }
        html! {
            path class={ "chart-line series-" (number) } d=(path) {}
            @for ((place, point), name) in places.iter().zip(&series.points).zip(&self.columns) {
                @if let (Some((x, y, _)), Some(point)) = (place, point) {
                    (mark(number, *x, *y, point.denominator >= Point::FEW, &said(&series.name, name, *point)))
                }
            }
        }
    }

    fn table(&self) -> Markup {
        html! {
            table {
                thead { tr {
                    th scope="col" { (self.head) }
                    @for series in &self.series { th scope="col" class="num" { (series.name) } }
                } }
                tbody {
                    @for (place, name) in self.columns.iter().enumerate() {
                        tr {
                            th scope="row" { (name) }
                            @for series in &self.series {
                                td class="num" {
                                    @match series.points.get(place).copied().flatten() {
                                        Some(point) if point.denominator > 0 => {
                                            (percent(point)) " " span class="soft" { (point.numerator) "/" (point.denominator) }
                                        }
                                        _ => "–",
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

fn percent(point: Point) -> String {
    point.share().map_or_else(String::new, |share| format!("{:.1}%", share * 100.0))
}

fn said(series: &str, column: &str, point: Point) -> String {
    format!("{column} {series} {} ({}/{})", percent(point), point.numerator, point.denominator)
}

/// The mark of a series: a circle, a square, a diamond; hollow when it stands on few.
fn mark(number: usize, x: f64, y: f64, is_full: bool, said: &str) -> Markup {
    let class = match is_full {
        true => format!("mark-{number}"),
        false => format!("mark-hollow series-{number}"),
    };
    let path = match number {
        1 => format!("M{} {}a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z", at(x - 4.5), at(y)),
        2 => format!("M{} {}h8v8h-8z", at(x - 4.0), at(y - 4.0)),
        _ => format!("M{} {}l5.5 5.5l-5.5 5.5l-5.5 -5.5z", at(x), at(y - 5.5)),
    };
    html! {
        path class=(class) d=(path) { @if !said.is_empty() { title { (said) } } }
    }
}
