//! What the API answers about the district, as far as the pages read it.
//!
//! Invariants: what a page does not know is ignored, what is missing is empty: a newer API breaks no page. What the API
//! suppresses stays suppressed here: a count that is null is never made up.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use proto_events::Timestamp;
use serde::Deserialize;

use crate::lang::Lang;

/// A text in both languages.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Both {
    zh: String,
    en: String,
}

impl Both {
    pub(super) fn say(&self, lang: Lang) -> &str {
        lang.of(&self.zh, &self.en)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) high: f64,
}

/// A figure.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counted {
    pub(super) value: Option<f64>,
    pub(super) numerator: u64,
    pub(super) denominator: u64,
    pub(super) interval: Option<Interval>,
}

/// `GET /v1/overview`.
#[derive(Debug, Deserialize)]
pub(super) struct Overview {
    #[serde(default)]
    pub(super) figures: BTreeMap<String, Counted>,
    pub(super) as_of: Timestamp,
    #[serde(default)]
    pub(super) as_of_sequence: u64,
}

/// `GET /v1/trend`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Trend {
    pub(super) items: Vec<Month>,
}

/// A month of the trend.
#[derive(Debug, Deserialize)]
pub(super) struct Month {
    pub(super) period: Days,
    #[serde(default)]
    pub(super) figures: BTreeMap<String, Counted>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Days {
    pub(super) from: Timestamp,
}

/// A figure of the catalogue.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) label: Both,
    pub(super) definition: Both,
    pub(super) kind: String,
    pub(super) counted_over: String,
    pub(super) could_flatter: Vec<String>,
}

/// `GET /v1/figures`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Catalogue {
    pub(super) items: Vec<Entry>,
}

impl Catalogue {
    pub(super) fn entry(&self, name: &str) -> Option<&Entry> {
        self.items.iter().find(|entry| entry.name == name)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Cell {
    pub(super) cause: String,
    pub(super) stage: String,
    pub(super) count: Option<u64>,
}

/// How many cases a matter, a department or a center has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    pub(super) matter: Option<String>,
    pub(super) department: Option<String>,
    pub(super) center: Option<String>,
    pub(super) count: Option<u64>,
}

/// `GET /v1/blockages`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Blockages {
    pub(super) items: Vec<Cell>,
    pub(super) by_matter: Vec<Group>,
    pub(super) by_department: Vec<Group>,
    pub(super) by_center: Vec<Group>,
    pub(super) cases: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Return {
    pub(super) from: String,
    pub(super) to: Option<String>,
    pub(super) count: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Returns {
    pub(super) items: Vec<Return>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Beat {
    pub(super) date: NaiveDate,
    /// `reported`, `late`, `silent` or `pending`.
    #[serde(default)]
    pub(super) standing: String,
    pub(super) consultations: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Today {
    pub(super) consultations: u64,
    pub(super) closed: bool,
}

/// How the line of a center is that has a server of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LineState {
    pub(super) state: String,
    pub(super) since: Option<Timestamp>,
    pub(super) lag_events: u64,
    pub(super) clock_is_off: bool,
    pub(super) clock_ahead_seconds: Option<i64>,
    pub(super) trouble_detail: Option<String>,
}

/// A center or a department.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Body {
    pub(super) id: String,
    pub(super) open: u64,
    pub(super) overdue: u64,
    pub(super) last_event_at: Option<Timestamp>,
    pub(super) heartbeat: Option<Vec<Beat>>,
    pub(super) today: Option<Today>,
    pub(super) line: Option<LineState>,
    pub(super) dwell: Option<Counted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Bodies {
    pub(super) items: Vec<Body>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Topic {
    pub(super) topic: String,
    pub(super) consultations: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Consultations {
    pub(super) items: Vec<Topic>,
    pub(super) consultations: u64,
}

/// A case or a day behind a figure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Behind {
    pub(super) case_id: Option<String>,
    pub(super) case_no: String,
    pub(super) center: String,
    pub(super) department: Option<String>,
    pub(super) matter: String,
    pub(super) state: String,
    pub(super) due_at: Option<Timestamp>,
    pub(super) date: Option<NaiveDate>,
    pub(super) times: u64,
}

/// `GET /v1/figures/{name}/cases`.
#[derive(Debug, Deserialize)]
pub(super) struct BehindPage {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<Behind>,
    #[serde(default)]
    pub(super) next_cursor: Option<String>,
    #[serde(default)]
    pub(super) total: u64,
    #[serde(default)]
    pub(super) counted: u64,
    pub(super) as_of: Timestamp,
    #[serde(default)]
    pub(super) as_of_sequence: u64,
}

/// How far a view is while it is being built.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Building {
    pub(super) sequence: u64,
    pub(super) of: u64,
}

/// `GET /v1/lag`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lag {
    pub(super) lag_seconds: f64,
    pub(super) quarantined: u64,
    pub(super) incident: Option<String>,
    pub(super) rebuilding: Option<Building>,
    pub(super) bus_answers: Option<bool>,
}
