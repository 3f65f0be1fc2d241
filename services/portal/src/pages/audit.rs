//! The audit: who did or read what, for the auditor and the privacy officer.
//!
//! Invariants: it only reads; a filter stands in the address; a kind of line that has no word yet is shown by its code.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;

use crate::api::segment;
use crate::form::{Choice, Faults, Field, Form, Typed};
use crate::lang::Lang;
use crate::portal::Portal;
use crate::ui::{self, Page, moment};
use crate::visit::{Signed, Visit};

/// Lines on a page.
const SHOWN: &str = "50";

/// The kinds of lines that have a word of their own, `audit-kind-…`; most asked for first.
const KINDS: [&str; 17] = [
    "personal_data_read",
    "personal_data_erased",
    "refused",
    "register_exported",
    "signed_in",
    "signed_out",
    "sign_in_throttled",
    "session_locked",
    "session_unlocked",
    "unlock_refused",
    "password_changed",
    "staff_added",
    "staff_changed",
    "staff_password_set",
    "staff_removed",
    "first_account_made",
    "sign_in_refused",
];

/// What the audit may be narrowed to; the names are those of the API.
const FILTERS: [&str; 5] = ["actor", "kind", "center", "from", "to"];

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/audit", get(page))
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    items: Vec<Line>,
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Line {
    at: DateTime<FixedOffset>,
    actor: String,
    #[serde(default)]
    role: Option<Role>,
    kind: String,
    #[serde(default)]
    case_id: Option<String>,
    #[serde(default)]
    detail: Option<String>,
    #[serde(default)]
    center: Option<String>,
}

async fn page(
    Signed { visit, .. }: Signed,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let typed = Typed::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut query: Vec<(&str, &str)> = FILTERS.map(|name| (name, typed.get(name))).to_vec();
    query.extend([("case", typed.get("case")), ("cursor", typed.get("cursor")), ("limit", SHOWN)]);
    let answer = match visit.api().get::<Answer>("/v1/audit", &query).await {
        Ok(answer) => answer,
        Err(failure) => return visit.failed(&failure),
    };
    let lang = visit.lang;
    let title = lang.text("audit-title");
    let filter = filter_of(&typed);
    let body = html! {
        div.head { h1 { (title) } }
        div.stack {
            (filter_form(&visit, &typed))
            @if answer.items.is_empty() && answer.next_cursor.is_none() {
                (ui::empty(&lang.text("audit-none"), &ui::tile_link("/audit", &lang.text("audit-all"))))
            } @else {
                div.card { (table(&visit, &answer.items)) }
            }
            nav.pages aria-label=(lang.text("pages-label")) {
                @if typed.some("cursor").is_some() {
                    a.button.button-plain href={ "/audit?" (filter) } { (lang.text("page-first")) }
                }
                @if let Some(next) = &answer.next_cursor {
                    a.button.button-plain href={ "/audit?" (filter) "&cursor=" (segment(next)) } rel="next" {
                        (lang.text("page-next"))
                    }
                }
            }
        }
    };
    Page::new(&visit, &title, body).respond()
}

/// The filter as it stands in an address.
fn filter_of(typed: &Typed) -> String {
    let mut text = form_urlencoded::Serializer::new(String::new());
    let names = FILTERS.iter().chain(&["case"]);
    text.extend_pairs(names.filter_map(|name| Some((*name, typed.some(name)?))));
    text.finish()
}

fn filter_form(visit: &Visit, typed: &Typed) -> Markup {
    let lang = visit.lang;
    let faults = Faults::none();
    let form = Form::new(lang, typed, &faults);
    let kinds: Vec<Choice> =
        KINDS.iter().map(|kind| Choice::new(*kind, kind_of(lang, kind))).collect();
    let centers: Vec<Choice> = visit
        .known_names
        .centers
        .iter()
        .map(|center| Choice::new(center.id.as_str(), center.name(lang)))
        .collect();
    let (actor, kind) = (lang.text("sign-in-username"), lang.text("audit-kind"));
    let (center, from, to) =
        (lang.text("account-center"), lang.text("audit-from"), lang.text("audit-to"));
    html! {
        form.filter method="get" action="/audit" role="search" {
            (form.select(Field::new("kind", &kind).filter(), &kinds))
            (form.line(Field::new("actor", &actor).filter()))
            (form.select(Field::new("center", &center).filter(), &centers))
            (form.line(Field::new("from", &from).filter().kind("date")))
            (form.line(Field::new("to", &to).filter().kind("date")))
            @if let Some(case) = typed.some("case") { input type="hidden" name="case" value=(case); }
            button.button.button-plain type="submit" { (lang.text("shortcut-search")) }
        }
    }
}

fn kind_of(lang: Lang, kind: &str) -> String {
    match KINDS.contains(&kind) {
        true => lang.text(&format!("audit-kind-{kind}")),
        false => kind.to_owned(),
    }
}

fn table(visit: &Visit, lines: &[Line]) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let heads = ["audit-at", "audit-who", "audit-kind", "audit-detail", "audit-case"]
        .map(|key| lang.text(key));
    html! {
        table.table-cards {
            thead { tr { @for head in &heads { th { (head) } } } }
            tbody {
                @for line in lines {
                    tr {
                        td.nowrap data-label=(heads[0]) { (moment(lang, &line.at, &now)) }
                        td data-label=(heads[1]) {
                            (line.actor)
                            @if let Some(role) = line.role {
                                " " span.soft.small { (lang.of(role.label_zh(), role.label_en())) }
                            }
                            @if let Some(center) = &line.center {
                                br; span.soft.small { (visit.known_names.center(lang, center)) }
                            }
                        }
                        td data-label=(heads[2]) { (kind_of(lang, &line.kind)) }
                        td data-label=(heads[3]) { (line.detail.as_deref().unwrap_or("–")) }
                        td data-label=(heads[4]) {
                            @match &line.case_id {
                                Some(id) => a href={ "/cases/" (id) } { (lang.text("audit-open")) },
                                None => "–",
                            }
                        }
                    }
                }
            }
        }
    }
}
