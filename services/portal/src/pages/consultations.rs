//! A center's questions and its days: what was asked, and closing the day (日结).
//!
//! Invariants: a close counts what the house has counted, nobody types a number; zero is a report too; a day that is closed
//! says so instead of offering it again.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Days, FixedOffset, NaiveDate};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::counter::tally;
use crate::api::segment;
use crate::form::{Faults, Typed};
use crate::portal::Portal;
use crate::ui::{self, Page, Tone, fresh, tag};
use crate::visit::{Person, Signed, Visit};

/// How far back the list of topics goes, in days: what a center still has in mind.
const TOPICS_DAYS: u64 = 30;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/consultations", get(page))
        .route("/consultations/close", post(close))
        .route("/consultations/belated", post(belated))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    tallied: Option<String>,
    /// The day that was just closed, and the version of that.
    #[serde(default)]
    closed: Option<String>,
    #[serde(default)]
    version: Option<String>,
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
    heartbeat: Option<Vec<Beat>>,
    #[serde(default)]
    today: Option<Today>,
    #[serde(default)]
    last_report: Option<Report>,
}

#[derive(Deserialize)]
struct Beat {
    date: NaiveDate,
    standing: String,
    #[serde(default)]
    consultations: Option<u64>,
}

#[derive(Deserialize)]
struct Today {
    date: NaiveDate,
    #[serde(default)]
    consultations: u64,
    #[serde(default)]
    closed: bool,
    #[serde(default)]
    by_outcome: Vec<OfOutcome>,
}

#[derive(Deserialize)]
struct Report {
    date: NaiveDate,
    #[serde(default)]
    consultations: u64,
    #[serde(default)]
    cases_opened: u64,
    closed_at: DateTime<FixedOffset>,
}

#[derive(Deserialize)]
struct OfOutcome {
    outcome: String,
    count: u64,
}

#[derive(Deserialize)]
struct Topics {
    #[serde(default)]
    items: Vec<Topic>,
    #[serde(default)]
    consultations: u64,
    as_of: DateTime<FixedOffset>,
    #[serde(default)]
    as_of_sequence: u64,
}

#[derive(Deserialize)]
struct Topic {
    topic: String,
    consultations: u64,
    #[serde(default)]
    by_outcome: Vec<OfOutcome>,
}

async fn page(Signed { visit, person }: Signed, Query(asked): Query<Asked>) -> Response {
    let typed = Typed::of([("count", "1"), ("channel", "window")]);
    answer(&visit, &person, &asked, &typed, &Faults::none()).await
}

/// Counts what was noted on paper.
async fn belated(Signed { visit, person }: Signed, typed: Typed) -> Response {
    let lang = visit.lang;
    let mut faults = Faults::none();
    for name in ["date", "topic", "outcome"] {
        if typed.some(name).is_none() {
            faults.add(name, &lang.text(&format!("tally-missing-{name}")));
        }
    }
    if typed.number::<u32>("count").is_none_or(|count| count == 0) {
        faults.add("count", &lang.text("tally-missing-count"));
    }
    if faults.is_empty() {
        match tally::send(&visit, person.center.as_deref(), &typed).await {
            Ok(version) => {
                return Redirect::to(&format!("/consultations?tallied={version}")).into_response();
            }
            Err(failure) if matches!(failure.code(), "unauthenticated" | "locked") => {
                return visit.failed(&failure);
            }
            Err(failure) => faults = Faults::of(&failure, lang),
        }
    }
    answer(&visit, &person, &Asked::default(), &typed, &faults).await
}

/// How far back a question may be counted, in days, as the API takes them.
const BELATED_DAYS: u64 = 7;

async fn answer(
    visit: &Visit,
    person: &Person,
    asked: &Asked,
    typed: &Typed,
    faults: &Faults,
) -> Response {
    let lang = visit.lang;
    let title = lang.text("days-title");
    let Some(center) = person.center.as_deref() else {
        let body = html! {
            h1 { (title) }
            (ui::empty(&lang.text("days-elsewhere"), &ui::tile_link("/district", &lang.text("nav-district"))))
        };
        return Page::new(visit, &title, body).respond();
    };
    let version = asked.version.as_deref().or(asked.tallied.as_deref()).unwrap_or_default();
    let from =
        visit.now().date_naive().checked_sub_days(Days::new(TOPICS_DAYS)).unwrap_or_default();
    let from = from.to_string();
    let (of_centers, of_topics) = (
        [("min_centers_version", version)],
        [("center", center), ("from", &from), ("min_version", version)],
    );
    let api = visit.api();
    let (centers, topics) = tokio::join!(
        api.get::<Centers>("/v1/centers", &of_centers),
        api.get::<Topics>("/v1/consultations", &of_topics)
    );
    let (centers, topics) = match (centers, topics) {
        (Ok(centers), Ok(topics)) => (centers, topics),
        (Err(failure), _) | (_, Err(failure)) => return visit.failed(&failure),
    };
    let mine = centers.items.into_iter().find(|row| row.id == center);
    let (heartbeat, today, report) = mine.map_or((Vec::new(), None, None), |row| {
        (row.heartbeat.unwrap_or_default(), row.today, row.last_report)
    });
    // What is closed takes nothing more.
    let today_is = visit.now().date_naive();
    let is_closed = |day: &NaiveDate| {
        heartbeat
            .iter()
            .any(|beat| beat.date == *day && matches!(beat.standing.as_str(), "reported" | "late"))
    };
    let back = (0..=BELATED_DAYS).filter_map(|back| today_is.checked_sub_days(Days::new(back)));
    let days: Vec<NaiveDate> = back.filter(|day| !is_closed(day)).collect();
    let counted = tally::Today {
        count: today.as_ref().map(|today| today.consultations),
        is_closed: today.as_ref().is_some_and(|today| today.closed),
        waiting: None,
    };
    let body = html! {
        div.head { h1 { (title) } }
        div.stack {
            @if asked.tallied.is_some() { p.notice.notice-green role="status" { (lang.text("tally-done")) } }
            @if let Some(date) = asked.closed.as_deref().and_then(|date| date.parse::<NaiveDate>().ok()) {
                p.notice.notice-green role="status" { (lang.with("days-closed", &[("day", &lang.day(date))])) }
            }
            div.with-side {
                div.stack {
                    @if let Some(today) = &today { (today_card(visit, today)) }
                    (silent_days(visit, &heartbeat, today.as_ref()))
                    (beats(visit, &heartbeat))
                    (topics_table(visit, &topics))
                }
                aside.stack {
                    (tally::panel(visit, &counted, "/consultations"))
                    (tally::belated(visit, &days, typed, faults))
                    @if let Some(report) = &report { (last_report(visit, report)) }
                    (register_card(visit, center))
                }
            }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body)
        .status(status)
        .fresh(fresh(lang, &topics.as_of, topics.as_of_sequence))
        .respond()
}

fn today_card(visit: &Visit, today: &Today) -> Markup {
    let lang = visit.lang;
    html! {
        section.card.stack {
            h2.card-title { (lang.with("days-today", &[("day", &lang.day(today.date))])) }
            p {
                (lang.with("tally-today", &[("count", &today.consultations)]))
                @for part in today.by_outcome.iter().filter(|part| part.count > 0) {
                    " · " (visit.known_names.label(lang, "consultation_outcome", &part.outcome)) " " (part.count)
                }
            }
            @if today.closed { p { (tag(Tone::Green, &lang.text("tally-closed"))) } }
            @else {
                p.soft { (lang.text("days-close-hint")) }
                (close_form(today.date, &lang.text("days-close"), true))
            }
        }
    }
}

/// Days that are over and were not closed; each can still be.
fn silent_days(visit: &Visit, heartbeat: &[Beat], today: Option<&Today>) -> Markup {
    let lang = visit.lang;
    let is_other = |beat: &&Beat| today.is_none_or(|today| today.date != beat.date);
    let silent: Vec<&Beat> =
        heartbeat.iter().filter(|beat| beat.standing == "silent").filter(is_other).collect();
    html! {
        @if !silent.is_empty() {
            section.card.stack {
                h2.card-title { (lang.text("days-silent")) }
                p.soft { (lang.text("days-silent-hint")) }
                @for beat in silent {
                    div.row {
                        span { (lang.day(beat.date)) }
                        (close_form(beat.date, &lang.text("days-close-late"), false))
                    }
                }
            }
        }
    }
}

fn close_form(date: NaiveDate, button: &str, is_first: bool) -> Markup {
    html! {
        form method="post" action="/consultations/close" {
            input type="hidden" name="date" value=(date);
            button.button.button-plain[!is_first] type="submit" { (button) }
        }
    }
}

/// The last days, each with how it was reported.
fn beats(visit: &Visit, heartbeat: &[Beat]) -> Markup {
    let lang = visit.lang;
    html! {
        @if !heartbeat.is_empty() {
            section.card {
                h2.card-title { (lang.text("days-beats")) }
                table.table-cards {
                    thead { tr { th { (lang.text("days-day")) } th { (lang.text("days-standing")) } th.num { (lang.text("days-questions")) } } }
                    tbody {
                        @for beat in heartbeat.iter().rev() {
                            tr {
                                td data-label=(lang.text("days-day")) { (lang.day(beat.date)) }
                                td data-label=(lang.text("days-standing")) {
                                    (tag(tone_of(&beat.standing), &lang.text(&format!("beat-{}", known(&beat.standing)))))
                                }
                                td.num data-label=(lang.text("days-questions")) {
                                    @if let Some(count) = beat.consultations { (count) } @else { "–" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The standings that have a word; one that comes later is read as not over yet.
fn known(standing: &str) -> &str {
    match standing {
        "reported" | "late" | "silent" => standing,
        _ => "pending",
    }
}

fn tone_of(standing: &str) -> Tone {
    match standing {
        "reported" => Tone::Green,
        "late" => Tone::Amber,
        "silent" => Tone::Red,
        _ => Tone::Plain,
    }
}

fn topics_table(visit: &Visit, topics: &Topics) -> Markup {
    let lang = visit.lang;
    html! {
        section.card {
            h2.card-title { (lang.with("days-topics", &[("count", &topics.consultations)])) }
            @if topics.items.is_empty() { p.soft { (lang.text("days-no-topics")) } }
            @else {
                table.table-cards {
                    thead { tr { th { (lang.text("tally-topic")) } th.num { (lang.text("days-questions")) } th { (lang.text("days-outcomes")) } } }
                    tbody {
                        @for topic in &topics.items {
                            tr {
                                td data-label=(lang.text("tally-topic")) { (topic.topic) }
                                td.num data-label=(lang.text("days-questions")) { (topic.consultations) }
                                td data-label=(lang.text("days-outcomes")) {
                                    @for (place, part) in topic.by_outcome.iter().filter(|part| part.count > 0).enumerate() {
                                        @if place > 0 { " · " }
                                        (visit.known_names.label(lang, "consultation_outcome", &part.outcome)) " " (part.count)
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

fn last_report(visit: &Visit, report: &Report) -> Markup {
    let lang = visit.lang;
    html! {
        section.card.stack {
            h2.card-title { (lang.text("days-last")) }
            p {
                (lang.day(report.date)) " · "
                (lang.with("days-report", &[("questions", &report.consultations), ("cases", &report.cases_opened)]))
            }
            p.soft.small { (lang.moment_near(&report.closed_at, &visit.now())) }
        }
    }
}

/// The register of the center as a file.
fn register_card(visit: &Visit, center: &str) -> Markup {
    let lang = visit.lang;
    let query = format!("center={}&lang={}", segment(center), lang.of("zh", "en"));
    html! {
        section.card.stack {
            h2.card-title { (lang.text("register-title")) }
            p.soft { (lang.text("register-hint")) }
            div.buttons {
                a.button.button-plain href={ "/register.xlsx?" (query) } download { "XLSX" }
                a.button.button-plain href={ "/register.csv?" (query) } download { "CSV" }
            }
        }
    }
}

#[derive(Deserialize)]
struct Closed {
    version: u64,
}

async fn close(Signed { visit, person }: Signed, typed: Typed) -> Response {
    let center = person.center.unwrap_or_default();
    let date = typed.get("date");
    let path = format!("/v1/centers/{}/days/{}/close", segment(&center), segment(date));
    match visit.api().post::<Closed>(&path, &json!({}), None).await {
        Ok(closed) => {
            let way = format!("/consultations?closed={}&version={}", segment(date), closed.version);
            Redirect::to(&way).into_response()
        }
        Err(failure) => visit.failed(&failure),
    }
}
