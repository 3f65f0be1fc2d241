//! What happened last, and what happens now: the end of the live feed, read as anybody reads it.
//!
//! Invariants: nothing of an event's data is in it, the API sees to that; reading it has an end, and a feed that is away
//! leaves an empty list.

use std::time::Duration;

use axum::http::HeaderValue;
use axum::response::{Html, IntoResponse as _, Response};
use futures::StreamExt as _;
use maud::{Markup, html};
use proto_events::Timestamp;
use serde::Deserialize;

use crate::names::Names;
use crate::visit::{Signed, Visit};

/// Events that are shown.
const EVENTS_SHOWN: usize = 12;
/// Events that are read back for them: who may not hear an event does not get it.
const EVENTS_BACK: u64 = 60;
/// How long the beginning of the feed is waited for; it comes at once, or its line is down.
const BEGIN_TIME_MAX: Duration = Duration::from_millis(500);
/// How long it may be silent after that: what is past comes in one piece, what is to come is not waited for.
const SILENCE_TIME_MAX: Duration = Duration::from_millis(30);
/// Bytes that are read of it at most: sixty events have some 20 KB.
const FEED_BYTES_MAX: usize = 128 * 1024;

/// Something that happened.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    case_id: String,
    #[serde(default)]
    case_no: String,
    #[serde(default)]
    center: String,
    #[serde(default)]
    department: Option<String>,
    #[serde(default, rename = "type")]
    kind: String,
    time: Timestamp,
    #[serde(default)]
    version: u64,
}

/// Reads the latest events, the newest first.
pub(super) async fn latest(visit: &Visit) -> Vec<Told> {
    let Ok(lag) = visit.api().get::<Place>("/v1/lag", &[]).await else { return Vec::new() };
    let from = HeaderValue::from(lag.as_of_sequence.saturating_sub(EVENTS_BACK));
    let Ok(response) = visit.api().stream("/v1/live", &[], Some(&from)).await else {
        return Vec::new();
    };
    let mut read = Vec::new();
    let mut told = Vec::new();
    let mut body = response.into_body().into_data_stream();
    let mut patience = BEGIN_TIME_MAX;
    while let Ok(Some(Ok(chunk))) = tokio::time::timeout(patience, body.next()).await {
        read.extend_from_slice(&chunk);
        told = events(&read);
        let is_there = told.last().is_some_and(|last| last.version >= lag.as_of_sequence);
        if is_there || read.len() > FEED_BYTES_MAX {
            break;
        }
        patience = SILENCE_TIME_MAX;
    }
    told.reverse();
    told.truncate(EVENTS_SHOWN);
    told
}

#[derive(Deserialize)]
struct Place {
    #[serde(default)]
    as_of_sequence: u64,
}

/// The events in what was read so far; a line that is not complete is left for later.
fn events(read: &[u8]) -> Vec<Told> {
    let text = String::from_utf8_lossy(read);
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    let data = complete.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

/// Answers the list alone, for the script.
pub(super) async fn fragment(Signed { visit, .. }: Signed) -> Response {
    let (told, names) = tokio::join!(latest(&visit), visit.names());
    Html(list(&visit, &names, &told).into_string()).into_response()
}

/// The list.
pub(super) fn list(visit: &Visit, names: &Names, told: &[Told]) -> Markup {
    let lang = visit.lang;
    let today = visit.now().date_naive();
    html! {
        @if told.is_empty() { p class="soft" { (lang.text("district-feed-empty")) } }
        @else {
            ul class="feed" {
                @for event in told {
                    li {
                        time datetime=(event.time.to_rfc3339()) {
                            @if event.time.date_naive() == today { (lang.hour(&event.time)) }
                            @else { (event.time.format("%m-%d")) }
                        }
                        span {
                            a href={ "/cases/" (event.case_id) } { (event.case_no) }
                            " " (lang.text(&format!("event-{}", event.kind.replace('_', "-"))))
                            " " span class="soft" {
                                (names.center(lang, &event.center))
                                @if let Some(department) = &event.department { " · " (names.department(lang, department)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_cut_is_read_when_it_is_whole() {
        let event = r#"data: {"case_id":"a","type":"opened","time":"2026-11-25T17:30:00+08:00","version":7}"#;
        let whole = format!("retry: 2000\nid: 6\n\nid: 7\nevent: opened\n{event}\n\n");
        for end in 0..whole.len() {
            let count = usize::from(end > whole.find('}').unwrap() + 1);
            assert_eq!(events(&whole.as_bytes()[..end]).len(), count, "{end}");
        }
        assert_eq!(events(whole.as_bytes())[0].version, 7);
    }

    #[test]
    fn what_is_no_event_is_left_out() {
        assert!(events(b"data: {}\ndata: no\n\n").is_empty());
    }
}
