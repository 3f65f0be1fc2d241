//! Counts over time, as bars that begin at zero.

use maud::{Markup, html};

use super::scale::Scale;
use super::{HEIGHT, LEFT, RIGHT, WIDTH, at, column, figure, frame, height};
use crate::lang::Lang;

/// One bar a column.
#[derive(Debug, Clone)]
pub(crate) struct Bars {
    pub(crate) name: String,
    /// The head of the first column of the table.
    pub(crate) head: String,
    pub(crate) columns: Vec<String>,
    /// None where nothing was counted, which is not zero.
    pub(crate) counts: Vec<Option<u64>>,
}

impl Bars {
    /// Draws them.
    pub(crate) fn draw(&self, lang: Lang) -> Markup {
        let scale = Scale::of_counts(self.counts.iter().flatten().copied().max().unwrap_or(0));
        let ticks: Vec<_> = scale
            .ticks()
            .into_iter()
            .map(|tick| (scale.share(tick), lang.number(tick as u64)))
            .collect();
        let wide = ((WIDTH - LEFT - RIGHT) / self.columns.len().max(1) as f64 * 0.62).min(48.0);
        let floor = height(0.0);
        let drawing = html! {
            (frame(&ticks, &self.columns))
            @for (place, (count, name)) in self.counts.iter().zip(&self.columns).enumerate() {
                @if let Some(count) = count {
                    @let (x, y) = (column(place, self.columns.len()), height(scale.share(*count as f64)));
                    rect class="chart-bar" x=(at(x - wide / 2.0)) y=(at(y)) width=(at(wide)) height=(at(floor - y)) rx="2" {
                        title { (name) " " (lang.number(*count)) }
                    }
                    @if self.columns.len() <= 16 {
                        text class="chart-label" x=(at(x)) y=(at((y - 5.0).min(HEIGHT))) text-anchor="middle" { (lang.number(*count)) }
                    }
                }
            }
        };
        let table = html! {
            table {
                thead { tr { th scope="col" { (self.head) } th scope="col" class="num" { (self.name) } } }
                tbody {
                    @for (name, count) in self.columns.iter().zip(&self.counts) {
                        tr {
                            th scope="row" { (name) }
                            td class="num" { @match count { Some(count) => (lang.number(*count)), None => "–" } }
                        }
                    }
                }
            }
        };
        figure(lang, &self.name, &drawing, &html! {}, &table)
    }
}
