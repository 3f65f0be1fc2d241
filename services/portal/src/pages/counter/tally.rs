//! The day's count of questions: one key for each.
//!
//! Invariant: nobody who asked stands in it; the topic is a matter or a few words.

use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::super::home::way_back;
use crate::form::{Typed, fresh_key};
use crate::visit::{Signed, Visit};

/// What is counted with one key each: code and key. What became a case is counted by itself.
const OUTCOMES: [(&str, &str); 3] =
    [("told_route", "Alt+1"), ("printed_guide", "Alt+2"), ("named_contact", "Alt+3")];

/// What was counted today.
pub(crate) struct Today {
    /// `None` when nobody knows.
    pub(crate) count: Option<u64>,
    pub(crate) is_closed: bool,
}

impl Today {
    pub(crate) const fn unknown() -> Self {
        Self { count: None, is_closed: false }
    }
}

#[derive(Deserialize)]
struct Centers {
    #[serde(default)]
    items: Vec<Center>,
}

#[derive(Deserialize)]
struct Center {
    id: String,
    #[serde(default)]
    today: Option<Counted>,
}

#[derive(Deserialize)]
struct Counted {
    #[serde(default)]
    consultations: u64,
    #[serde(default)]
    closed: bool,
}

#[derive(Deserialize)]
struct Tallied {
    version: u64,
}

/// What the center counted today.
///
/// `version` is that of a count that must be in it already.
pub(crate) async fn today(visit: &Visit, center: &str, version: &str) -> Today {
    let query = [("min_centers_version", version)];
    let Ok(centers) = visit.api().get::<Centers>("/v1/centers", &query).await else {
        return Today::unknown();
    };
    let row = centers.items.into_iter().find(|row| row.id == center);
    match row.and_then(|row| row.today) {
        Some(counted) => Today { count: Some(counted.consultations), is_closed: counted.closed },
        None => Today::unknown(),
    }
}

/// The panel beside the form.
pub(crate) fn panel(visit: &Visit, today: &Today, back: &str) -> Markup {
    let lang = visit.lang;
    html! {
        section.card {
            h2.card-title { (lang.text("tally-title")) }
            p.soft {
                @if let Some(count) = today.count { (lang.with("tally-today", &[("count", &count)])) }
                @if today.is_closed { " " (lang.text("tally-closed")) }
            }
            form.stack method="post" action="/counter/tally" {
                input type="hidden" name="_key" value=(fresh_key());
                input type="hidden" name="back" value=(back);
                div.field {
                    label for="tally-topic" { (lang.text("tally-topic")) }
                    input id="tally-topic" name="topic" type="text" maxlength="100" autocomplete="off" list="tally-topics" value=(lang.text("tally-general"));
                    datalist id="tally-topics" {
                        @for matter in &visit.known_names.matters { option value=(matter.name) {} }
                    }
                }
                div.buttons {
                    @for (outcome, key) in OUTCOMES {
                        button.button.button-plain type="submit" name="outcome" value=(outcome) data-key=(key) {
                            (visit.known_names.label(lang, "consultation_outcome", outcome)) " " kbd { (key) }
                        }
                    }
                }
            }
        }
    }
}

/// Counts one.
pub(super) async fn count(Signed { visit, person }: Signed, typed: Typed) -> Response {
    let body = json!({
        "center": person.center,
        "topic": typed.some("topic").map_or_else(|| visit.lang.text("tally-general"), str::to_owned),
        "channel": typed.some("channel").unwrap_or("window"),
        "outcome": typed.get("outcome"),
    });
    match visit.api().post::<Tallied>("/v1/consultations", &body, typed.key()).await {
        Ok(tallied) => {
            let way = format!("{}?tallied={}", way_back(typed.get("back")), tallied.version);
            Redirect::to(&way).into_response()
        }
        Err(failure) => visit.failed(&failure),
    }
}
