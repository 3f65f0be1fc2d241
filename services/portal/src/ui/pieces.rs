//! Small pieces: tags, notices, facts, empty states, moments, pages of a list.
//!
//! Invariants: a piece takes what it says, already in the language of the page; a moment is always machine-readable as
//! well; a colour stands beside a word.

use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};

use crate::lang::Lang;

/// What a piece feels like. Never the only carrier of what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Neither good nor bad.
    Plain,
    /// Under way.
    Accent,
    /// Done.
    Green,
    /// Waits, or is due soon.
    Amber,
    /// Overdue, or wrong; nothing else is red.
    Red,
}

impl Tone {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Accent => "-accent",
            Self::Green => "-green",
            Self::Amber => "-amber",
            Self::Red => "-red",
        }
    }
}

/// A word in a colour.
pub(crate) fn tag(tone: Tone, word: &str) -> Markup {
    match tone {
        Tone::Plain => html! { span class="tag" { (word) } },
        _ => html! { span class={ "tag tag" (tone.suffix()) } { (word) } },
    }
}

/// Something to be noticed, with a head.
pub(crate) fn notice(tone: Tone, head: &str, body: &Markup) -> Markup {
    html! {
        section class={ "notice notice" (tone.suffix()) } role=[(tone == Tone::Red).then_some("alert")] {
            h2 { (head) }
            (body)
        }
    }
}

/// Names and what they are; what has no content is left out.
pub(crate) fn facts(items: &[(&str, Option<Markup>)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, what) in items {
                @if let Some(what) = what { dt { (name) } dd { (what) } }
            }
        }
    }
}

/// A list that has nothing in it: says so, and what to do next.
pub(crate) fn empty(head: &str, what_next: &Markup) -> Markup {
    html! {
        div class="empty" { p { (head) } (what_next) }
    }
}

/// Somebody's own words.
pub(crate) fn quote(words: &str) -> Markup {
    html! { blockquote class="quote" { (words) } }
}

/// A moment, with the year when it is another than that of now.
pub(crate) fn moment(
    lang: Lang,
    at: &DateTime<FixedOffset>,
    now: &DateTime<FixedOffset>,
) -> Markup {
    html! { time datetime=(at.to_rfc3339()) { (lang.moment_near(at, now)) } }
}

/// How fresh a page is: as of when, and up to which event.
pub(crate) fn fresh(lang: Lang, as_of: &DateTime<FixedOffset>, sequence: u64) -> Markup {
    let at = format!("{} {}", lang.day(as_of.date_naive()), as_of.format("%H:%M:%S"));
    html! {
        span class="fresh" {
            (lang.with("fresh", &[("at", &at)]))
            " · " (lang.with("fresh-sequence", &[("sequence", &lang.number(sequence))]))
        }
    }
}

/// How many there are.
fn count_of(lang: Lang, total: u64) -> String {
    lang.with("page-count", &[("total", &total)])
}

/// The way on through a list that goes by cursor, and back to its beginning.
pub(crate) fn next_page(lang: Lang, total: u64, first: Option<&str>, next: Option<&str>) -> Markup {
    html! {
        nav class="pages" aria-label=(lang.text("pages-label")) {
            span class="soft" { (count_of(lang, total)) }
            @if let Some(first) = first { a class="button button-plain" href=(first) { (lang.text("page-first")) } }
            @if let Some(next) = next { a class="button button-plain" href=(next) rel="next" { (lang.text("page-next")) } }
        }
    }
}

/// A link that looks like a button.
pub(crate) fn tile_link(href: &str, words: &str) -> Markup {
    html! { a class="button button-plain" href=(href) { (words) } }
}
