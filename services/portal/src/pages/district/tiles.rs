//! The figures on their tiles, in the groups in which a district looks at them.
//!
//! Invariants: every figure of the API stands in one group, the integrity panel included (a test of the whole binary
//! looks); each leads to its list with the same scope; what could flatter a rate stands beside the name of that rate.

use maud::{Markup, html};

use super::Board;
use super::answers::{Counted, Entry};
use crate::lang::Lang;
use crate::ui::{Figure, Shown, figure_tile};

/// 三率, and what is on time.
pub(super) const RATES: &[&str] = &["response_rate", "solved_rate", "satisfaction", "on_time"];

/// How it stands now.
pub(super) const STANDING: &[&str] = &["open", "overdue", "due_within_day", "oldest"];

/// The others: the text of the head, and the figures below it.
pub(super) const GROUPS: &[(&str, &[&str])] = &[
    ("district-time", &["on_time_original", "lead_time_p50", "lead_time_p90"]),
    (
        "district-dispatch",
        &["blockages", "declined_share", "first_time_right", "ping_pong_rate", "returns", "dwell"],
    ),
    (
        "district-outcome",
        &[
            "done_rate",
            "explained_share",
            "explained_with_basis",
            "explained_jointly",
            "explained_understood",
            "satisfaction_3",
            "reopen_rate",
            "rectified_in_time",
            "recurrence",
        ],
    ),
    (
        "district-help",
        &["task_forces", "first_meeting_days", "special_handling_rate", "special_layers_complete"],
    ),
    (
        "district-questions",
        &[
            "consultations",
            "consultations_told_route",
            "consultations_printed_guide",
            "consultations_named_contact",
            "consultations_became_case",
            "consultation_conversion",
            "heartbeat",
        ],
    ),
];

/// What could flatter the rates (廉洁面板).
const INTEGRITY: &[&str] = &[
    "pauses",
    "extensions",
    "late_reclassifications",
    "merges",
    "withdrawals",
    "imported",
    "self_feedback_refused",
];

/// What is bad as soon as there is any of it.
const ALARMS: &[&str] = &["overdue", "late_reclassifications", "self_feedback_refused"];

impl Board<'_> {
    /// Tiles with these figures; what the answer does not have is left out.
    pub(super) fn tiles(&self, names: &[&str], class: &str) -> Markup {
        html! {
            div class=(class) {
                @for name in names {
                    @if let Some(counted) = self.read.overview.figures.get(*name) { (self.tile(name, counted)) }
                }
            }
        }
    }

    fn tile(&self, name: &str, counted: &Counted) -> Markup {
        let lang = self.visit.lang;
        let (base, part) = family(name);
        let Some(entry) = self.read.catalogue.entry(base) else { return html! {} };
        let label = match part {
            None => entry.label.say(lang).to_owned(),
            Some((kind, code)) => {
                format!("{} · {}", entry.label.say(lang), self.names.label(lang, kind, code))
            }
        };
        let figure = Figure {
            href: self.behind(base, part, entry),
            is_alarm: ALARMS.contains(&name),
            ..figure(entry, counted, &label, lang)
        };
        figure_tile(lang, &figure)
    }

    /// The list behind a figure. What the audit counts has none.
    fn behind(&self, name: &str, part: Option<(&str, &str)>, entry: &Entry) -> Option<String> {
        let of = match part {
            Some(("complexity", code)) => Some(format!("complexity:{code}")),
            _ => None,
        };
        let more: Vec<_> = of.as_deref().map(|of| ("of", of)).into_iter().collect();
        (entry.counted_over != "audit")
            .then(|| self.scope.address(&format!("/figures/{name}"), &more))
    }
}

/// The figure that a name belongs to, and the group of it that it is about.
fn family(name: &str) -> (&str, Option<(&'static str, &str)>) {
    for (prefix, kind) in [
        ("lead_time_p50", "complexity"),
        ("lead_time_p90", "complexity"),
        ("consultations", "consultation_outcome"),
    ] {
        if let Some(code) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')) {
            return (prefix, Some((kind, code)));
        }
    }
    (name, None)
}

fn shown(entry: &Entry) -> Shown {
    match entry.kind.as_str() {
        "share" => Shown::Share,
        "mean" => Shown::Mean,
        "length" => Shown::Length,
        _ => Shown::Count,
    }
}

/// The kinds of cases, from short to long.
const COMPLEXITIES: [&str; 4] = ["simple", "complex", "special", "hard"];

/// Lead times by kind, each with its n: what takes fifteen days by rule is not compared with what takes three.
pub(super) fn lead_times(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    let cell = |figure: &str, code: &str| {
        let counted = board.read.overview.figures.get(&format!("{figure}_{code}"));
        let days = counted.and_then(|counted| counted.value);
        let of = format!("complexity:{code}");
        let href = board.scope.address(&format!("/figures/{figure}"), &[("of", &of)]);
        html! {
            td class="num" {
                @match days { Some(days) => a href=(href) { (days) }, None => "–" }
            }
        }
    };
    html! {
        div class="table-scroll" {
            table {
                caption { (lang.text("district-lead-times")) }
                thead { tr {
                    th scope="col" { (lang.text("district-complexity")) }
                    th scope="col" class="num" { (lang.text("district-median")) }
                    th scope="col" class="num" { (lang.text("district-ninety")) }
                    th scope="col" class="num" { "n" }
                } }
                tbody {
                    @for code in COMPLEXITIES {
                        tr {
                            th scope="row" { (board.names.label(lang, "complexity", code)) }
                            (cell("lead_time_p50", code))
                            (cell("lead_time_p90", code))
                            td class="num" {
                                @let counted = board.read.overview.figures.get(&format!("lead_time_p50_{code}"));
                                (lang.number(counted.map_or(0, |counted| counted.denominator)))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The integrity panel: what could flatter a rate, beside that rate.
pub(super) fn integrity(board: &Board<'_>) -> Markup {
    let lang = board.visit.lang;
    html! {
        section class="card" aria-labelledby="integrity" {
            h2 id="integrity" { (lang.text("district-integrity")) }
            p class="soft" { (lang.text("district-integrity-why")) }
            div class="table-scroll" tabindex="0" role="group" aria-labelledby="integrity" {
                table {
                    thead { tr {
                        th scope="col" { (lang.text("district-practice")) }
                        th scope="col" class="num" { (lang.text("district-times")) }
                        th scope="col" { (lang.text("district-could-flatter")) }
                    } }
                    tbody {
                        @for name in INTEGRITY {
                            @if let (Some(entry), Some(counted)) = (board.read.catalogue.entry(name), board.read.overview.figures.get(*name)) {
                                tr {
                                    th scope="row" {
                                        (entry.label.say(lang))
                                        div class="soft small" { (entry.definition.say(lang)) }
                                    }
                                    td class="num" {
                                        @match board.behind(name, None, entry) {
                                            Some(href) => a href=(href) { (lang.number(counted.numerator)) },
                                            None => (lang.number(counted.numerator)),
                                        }
                                    }
                                    td { (beside(board, entry)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn beside(board: &Board<'_>, entry: &Entry) -> Markup {
    let lang = board.visit.lang;
    let rates = entry.could_flatter.iter().filter_map(|name| {
        let rate = board.read.catalogue.entry(name)?;
        let counted = board.read.overview.figures.get(name)?;
        let written = figure(rate, counted, rate.label.say(lang), lang).written(lang);
        Some((rate, written.unwrap_or_else(|| "–".to_owned()), counted))
    });
    html! {
        @for (rate, written, counted) in rates {
            div {
                (rate.label.say(lang)) " " strong { (written) }
                @if rate.kind == "share" {
                    " " span class="soft small" { (counted.numerator) "/" (counted.denominator) }
                }
            }
        }
    }
}

/// A figure as it is written, without the list behind it.
fn figure<'a>(entry: &'a Entry, counted: &Counted, name: &'a str, lang: Lang) -> Figure<'a> {
    Figure {
        name,
        definition: entry.definition.say(lang),
        shown: shown(entry),
        value: counted.value,
        numerator: counted.numerator,
        denominator: counted.denominator,
        interval: counted.interval.as_ref().map(|interval| (interval.low, interval.high)),
        href: None,
        is_alarm: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_group_belongs_to_its_figure() {
        assert_eq!(family("lead_time_p50_hard"), ("lead_time_p50", Some(("complexity", "hard"))));
        assert_eq!(family("lead_time_p50"), ("lead_time_p50", None));
        assert_eq!(
            family("consultations_told_route"),
            ("consultations", Some(("consultation_outcome", "told_route")))
        );
        assert_eq!(family("consultation_conversion"), ("consultation_conversion", None));
    }

    #[test]
    fn no_figure_stands_in_two_groups() {
        let mut all: Vec<_> = [RATES, STANDING, INTEGRITY].concat();
        all.extend(GROUPS.iter().flat_map(|(_, names)| *names));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
