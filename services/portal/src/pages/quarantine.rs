//! What nobody can read (读不出的记录): for those who answer for the district, its books or its machines.
//!
//! Invariants: it only reads; nothing of what stands in such a record is shown, only where it stands, and why it is not
//! understood.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;

use super::case::model::At;
use crate::address::address;
use crate::portal::Portal;
use crate::ui::{self, Page, fresh, moment, next_page};
use crate::visit::{Signed, Visit};

/// Records on a page.
const SHOWN: &str = "50";

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/quarantine", get(page))
}

/// Whether the API lets this role look.
pub(crate) const fn may_look(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Coordinator | Role::Auditor | Role::Admin))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
}

/// `GET /v1/quarantine`.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    items: Vec<Record>,
    #[serde(default)]
    next_cursor: Option<String>,
    #[serde(default)]
    total: u64,
    as_of: At,
    #[serde(default)]
    as_of_sequence: u64,
}

#[derive(Deserialize)]
struct Record {
    stream: String,
    sequence: u64,
    #[serde(default)]
    subject: String,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    case_id: Option<String>,
    #[serde(default)]
    reason: String,
    since: At,
}

async fn page(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let lang = visit.lang;
    let query = [("limit", SHOWN), ("cursor", asked.cursor.as_str())];
    let answer = match visit.api().get::<Answer>("/v1/quarantine", &query).await {
        Ok(answer) => answer,
        Err(failure) => return visit.failed(&failure),
    };
    let title = lang.text("quarantine-title");
    let next = answer.next_cursor.as_deref();
    let next = next.map(|cursor| address("/quarantine", [("cursor", cursor)]));
    let first = (!asked.cursor.is_empty()).then_some("/quarantine");
    let body = html! {
        div.head {
            div {
                h1 { (title) " " span.count { (lang.number(answer.total)) } }
                @if !answer.items.is_empty() { p.lead { (lang.text("quarantine-lead")) } }
            }
        }
        div.stack {
            @if answer.items.is_empty() {
                (ui::empty(&lang.text("quarantine-none"), &html! {}))
            } @else {
                (table(&visit, &answer.items))
                (next_page(lang, answer.total, first, next.as_deref()))
            }
        }
    };
    Page::new(&visit, &title, body)
        .fresh(fresh(lang, &answer.as_of, answer.as_of_sequence))
        .respond()
}

fn table(visit: &Visit, records: &[Record]) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let heads = ["quarantine-what", "quarantine-why", "quarantine-since", "audit-case"]
        .map(|key| lang.text(key));
    // Who administers accounts opens no cases.
    let opens = visit.role() != Some(Role::Admin);
    html! {
        div.table-scroll.table-cards { table {
            thead { tr { @for head in &heads { th scope="col" { (head) } } } }
            tbody {
                @for one in records {
                    tr {
                        th scope="row" {
                            (one.kind.as_deref().unwrap_or("–"))
                            div.soft.small { (one.stream) " " (one.sequence) " · " (one.subject) }
                        }
                        td data-label=(heads[1]) { (one.reason) }
                        td data-label=(heads[2]) { (moment(lang, &one.since, &now)) }
                        td data-label=(heads[3]) {
                            @match one.case_id.as_ref().filter(|_| opens) {
                                Some(id) => a href={ "/cases/" (id) } { (lang.text("audit-open")) },
                                None => "–",
                            }
                        }
                    }
                }
            }
        } }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lang::Lang;
    use crate::visit::tests::visit;

    #[test]
    fn a_record_says_where_it_stands_and_why_and_leads_to_its_case_those_who_may_open_it() {
        let records: Vec<Record> = serde_json::from_value(json!([{
            "stream": "CASES", "sequence": 17, "subject": "case.donghuashi.018f", "case_id": "018f",
            "type": "cn.unstuck.case.forwarded.v9", "reason": "unknown version", "since": "2026-03-03T09:00:00+08:00",
        }]))
        .unwrap();
        let told = |role| table(&visit(Lang::Chinese, role), &records).into_string();
        let page = told(Role::Coordinator);
        for text in ["CASES 17", "forwarded.v9", "unknown version", "3月3日", "/cases/018f"] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!told(Role::Admin).contains("/cases/018f"));
    }
}
