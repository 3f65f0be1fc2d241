//! A figure on a tile: its name, its value, of how many, how sure, and the way to what stands behind it.
//!
//! Invariants: no share without its counts; of fewer than ten its interval stands beside it; what was not counted is
//! said to be so and is never zero; the definition is one tap away.

use maud::{Markup, html};

use crate::lang::Lang;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// `93.4%`, with its counts.
    Share,
    /// `1.4`, a mean, with its counts.
    Mean,
    /// `12`.
    Count,
    /// `3 working days`, of so many.
    Length,
}

/// A figure as the API gives it.
#[derive(Debug, Clone)]
pub(crate) struct Figure<'a> {
    pub(crate) name: &'a str,
    pub(crate) definition: &'a str,
    pub(crate) shown: Shown,
    /// None where nothing was counted.
    pub(crate) value: Option<f64>,
    pub(crate) numerator: u64,
    pub(crate) denominator: u64,
    pub(crate) interval: Option<(f64, f64)>,
    /// The list behind it.
    pub(crate) href: Option<String>,
    /// Whether more than none of it is bad.
    pub(crate) is_alarm: bool,
}

impl Figure<'_> {
    /// The value as it is written, without its unit.
    pub(crate) fn written(&self, lang: Lang) -> Option<String> {
        let value = self.value.filter(|value| value.is_finite())?;
        Some(match self.shown {
            Shown::Share => percent(value),
            Shown::Mean => format!("{value:.1}"),
            Shown::Count | Shown::Length if value.fract() == 0.0 => lang.number(value as u64),
            Shown::Count | Shown::Length => format!("{value:.1}"),
        })
    }
}

/// A share as it is written: a tenth of a percent is all that such numbers carry.
pub(super) fn percent(share: f64) -> String {
    match share {
        1.0 => "100%".to_owned(),
        // What is not all is never rounded to all, nor what is not nothing to nothing.
        share if share > 0.999 && share < 1.0 => "99.9%".to_owned(),
        share if share < 0.001 && share > 0.0 => "<0.1%".to_owned(),
        share => format!("{:.1}%", share * 100.0),
    }
}

/// Renders a tile.
pub(crate) fn figure_tile(lang: Lang, figure: &Figure<'_>) -> Markup {
    let is_late = figure.is_alarm && figure.value.is_some_and(|value| value > 0.0);
    html! {
        div class={ "figure" @if is_late { " figure-late" } } {
            div class="figure-name" { (figure.name) }
            @match figure.written(lang) {
                None => { div class="figure-value soft" { "–" } div class="figure-n" { (lang.text("figure-none")) } }
                Some(written) => {
                    @match &figure.href {
                        Some(href) => a class="figure-value" href=(href) { (value(lang, figure, &written)) },
                        None => span class="figure-value" { (value(lang, figure, &written)) },
                    }
                    (counts(lang, figure))
                }
            }
            details {
                summary { (lang.text("figure-definition")) }
                p { (figure.definition) }
            }
        }
    }
}

fn value(lang: Lang, figure: &Figure<'_>, written: &str) -> Markup {
    html! {
        (written)
        @if matches!(figure.shown, Shown::Length | Shown::Mean) {
            " " span class="figure-unit" { (lang.text("figure-unit-days")) }
        }
    }
}

fn counts(lang: Lang, figure: &Figure<'_>) -> Markup {
    let (numerator, denominator) = (lang.number(figure.numerator), lang.number(figure.denominator));
    html! {
        @match figure.shown {
            Shown::Share | Shown::Mean => div class="figure-n" {
                (lang.with("figure-of", &[("numerator", &numerator), ("denominator", &denominator)]))
                @if figure.shown == Shown::Share && figure.denominator < 10 { " · " (lang.text("figure-few")) }
            },
            Shown::Length if figure.denominator > 1 => div class="figure-n" { "n = " (denominator) },
            Shown::Count | Shown::Length => {}
        }
        @if let Some((low, high)) = figure.interval {
            div class="figure-n" {
                (lang.with("figure-interval", &[("low", &percent(low)), ("high", &percent(high))]))
            }
        }
    }
}
