//! The day's count of questions: one key for each.
//!
//! Invariant: nobody who asked stands in it; the topic is a matter or a few words.

use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::NaiveDate;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::super::home::way_back;
use super::opening::choices;
use crate::api::Failure;
use crate::form::{Choice, Faults, Field, Form, Sending, Typed, fresh_key};
use crate::visit::{Signed, Visit};

/// What is counted with one key each: code and key. What became a case is counted by itself.
const OUTCOMES: [(&str, &str); 3] =
    [("told_route", "Alt+1"), ("printed_guide", "Alt+2"), ("named_contact", "Alt+3")];

/// What was counted today.
pub(crate) struct Today {
    /// `None` when nobody knows.
    pub(crate) count: Option<u64>,
    pub(crate) is_closed: bool,
    /// How many cases wait for the center; `None` when nobody asked.
    pub(crate) waiting: Option<u64>,
}

impl Today {
    pub(crate) const fn unknown() -> Self {
        Self { count: None, is_closed: false, waiting: None }
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
        Some(counted) => {
            Today { count: Some(counted.consultations), is_closed: counted.closed, waiting: None }
        }
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
            @if !today.is_closed {
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
}

/// The form for what was noted on paper: several at once, of a day that is over.
pub(crate) fn belated(visit: &Visit, days: &[NaiveDate], typed: &Typed, faults: &Faults) -> Markup {
    let lang = visit.lang;
    let text = |key| lang.text(key);
    let form = Form::new(lang, typed, faults);
    let (topic, count) = (text("tally-topic"), text("tally-count"));
    let (date, outcome) = (text("tally-date"), text("days-outcomes"));
    let channel = text("counter-channel");
    let button = text("tally-add");
    let sending =
        Sending { action: "/consultations/belated", button: &button, ..Sending::default() };
    let days: Vec<Choice> =
        days.iter().map(|day| Choice::new(day.to_string(), lang.day(*day))).collect();
    html! {
        details.card open[!faults.is_empty()] {
            summary { (text("tally-belated")) }
            p.soft { (text("tally-belated-hint")) }
            (form.whole(visit, &sending, html! {
                div.form-row {
                    (form.select(Field::new("date", &date), &days))
                    (form.line(Field::new("count", &count).kind("number")))
                }
                (form.line(Field::new("topic", &topic).chars_max(100)))
                (form.chips(Field::new("outcome", &outcome), &choices(visit, "consultation_outcome")))
                (form.select(Field::new("channel", &channel), &choices(visit, "channel")))
            }))
        }
    }
}

/// Counts one.
pub(super) async fn count(Signed { visit, person }: Signed, typed: Typed) -> Response {
    match send(&visit, person.center.as_deref(), &typed).await {
        Ok(version) => {
            let way = format!("{}?tallied={version}", way_back(typed.get("back")));
            Redirect::to(&way).into_response()
        }
        Err(failure) => visit.failed(&failure),
    }
}

/// Counts what was typed; gives the version of the count.
pub(crate) async fn send(
    visit: &Visit,
    center: Option<&str>,
    typed: &Typed,
) -> Result<u64, Failure> {
    let body = json!({
        "center": center,
        "topic": typed.some("topic").map_or_else(|| visit.lang.text("tally-general"), str::to_owned),
        "channel": typed.some("channel").unwrap_or("window"),
        "outcome": typed.get("outcome"),
        "count": typed.number::<u32>("count"),
        "date": typed.some("date"),
    });
    let tallied = visit.api().post::<Tallied>("/v1/consultations", &body, typed.key()).await?;
    Ok(tallied.version)
}
