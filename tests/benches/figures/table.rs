//! What was measured, beside its limit: as a table for people and as JSON for programs.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use crate::load::Spread;

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) measured: String,
    /// What it is held against, measured in the same run; empty when there is nothing of the kind.
    pub(crate) beside: String,
    /// Measured to limit, round by round.
    pub(crate) ratio: Option<Spread>,
    /// What is to hold; empty when it is only watched.
    pub(crate) bound: String,
    pub(crate) holds: Option<bool>,
    /// What stands in the texts, for programs.
    pub(crate) numbers: BTreeMap<&'static str, f64>,
}

/// What must be true of a ratio.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Watched,
}

impl Bound {
    fn text(self) -> String {
        match self {
            Self::AtLeast(least) => format!("≥ {least} ×"),
            Self::AtMost(most) => format!("≤ {most} ×"),
            Self::Watched => String::new(),
        }
    }

    fn holds(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtLeast(least) => Some(ratio >= least),
            Self::AtMost(most) => Some(ratio <= most),
            Self::Watched => None,
        }
    }
}

impl Figure {
    /// Something that was measured beside its limit, in rounds.
    pub(crate) fn ratio(
        what: impl Into<String>,
        measured: String,
        beside: String,
        ratio: Spread,
        bound: Bound,
    ) -> Self {
        let (holds, bound) = (bound.holds(ratio.median), bound.text());
        Self { measured, beside, ratio: Some(ratio), bound, holds, ..Self::watched(what, "") }
    }

    /// Something with a bound of its own.
    pub(crate) fn bounded(
        what: impl Into<String>,
        measured: String,
        bound: impl Into<String>,
        holds: bool,
    ) -> Self {
        Self { bound: bound.into(), holds: Some(holds), ..Self::watched(what, measured) }
    }

    /// Something that is only watched.
    pub(crate) fn watched(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            measured: measured.into(),
            beside: String::new(),
            ratio: None,
            bound: String::new(),
            holds: None,
            numbers: BTreeMap::new(),
        }
    }

    /// Keeps numbers for programs.
    pub(crate) fn with(mut self, numbers: &[(&'static str, f64)]) -> Self {
        self.numbers.extend(numbers.iter().copied());
        self
    }

    /// Says more of what it is held against.
    pub(crate) fn beside(mut self, text: impl Into<String>) -> Self {
        self.beside = text.into();
        self
    }

    fn row(&self) -> String {
        let ratio = self.ratio.map_or_else(String::new, |ratio| {
            format!("{:.2} × ({:.2}–{:.2})", ratio.median, ratio.min, ratio.max)
        });
        let holds = self.holds.map_or("", |holds| if holds { "yes" } else { "**no**" });
        format!(
            "| {} | {} | {} | {ratio} | {} | {holds} |",
            self.what, self.measured, self.beside, self.bound
        )
    }
}

const HEAD: &str = "| what | measured | beside | ratio (least–greatest) | to hold | holds |\n\
                    |---|---|---|---|---|---|";

/// All lines of a run, and on what it ran.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) about: Vec<(&'static str, String)>,
    pub(crate) figures: Vec<Figure>,
}

impl Table {
    /// Takes the lines of a part, or that it failed: the others are measured all the same.
    pub(crate) fn attempt(&mut self, part: &str, outcome: anyhow::Result<Vec<Figure>>) {
        let figures = outcome.unwrap_or_else(|error| {
            vec![Figure::bounded(
                format!("{part} failed"),
                format!("{error:#}"),
                "an answer",
                false,
            )]
        });
        for figure in figures {
            // At once: a run takes minutes.
            eprintln!("{}", figure.row());
            self.figures.push(figure);
        }
    }

    /// The table as Markdown.
    pub(crate) fn text(&self) -> String {
        let about = self.about.iter().map(|(name, value)| format!("{name}: {value}"));
        let about = about.collect::<Vec<_>>().join("; ");
        let rows: Vec<String> = self.figures.iter().map(Figure::row).collect();
        format!("{about}\n\n{HEAD}\n{}\n", rows.join("\n"))
    }

    /// Writes the table as JSON.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let about: serde_json::Map<String, Value> =
            self.about.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let whole = json!({ "about": about, "figures": self.figures });
        Ok(std::fs::write(path, serde_json::to_vec_pretty(&whole)?)?)
    }
}
