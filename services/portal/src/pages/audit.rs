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

use super::actions;
use crate::address::address;
use crate::api::Meanings;
use crate::form::{Choice, Faults, Field, Form, Typed};
use crate::lang::Lang;
use crate::portal::Portal;
use crate::ui::{self, Page, moment};
use crate::visit::{Signed, Visit};

/// Lines on a page.
const SHOWN: &str = "50";

/// The kinds of lines that have a word of their own, `audit-kind-…`; most asked for first.
const KINDS: [&str; 22] = [
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
    "staff_second_factor_reset",
    "second_factor_enrolled",
    "second_factor_refused",
    "token_added",
    "token_revoked",
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
    Signed { mut visit, .. }: Signed,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let typed = Typed::of(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut query: Vec<(&str, &str)> = FILTERS.map(|name| (name, typed.get(name))).to_vec();
    query.extend([("case", typed.get("case")), ("cursor", typed.get("cursor")), ("limit", SHOWN)]);
    let answer = match visit.api().get::<Answer>("/v1/audit", &query).await {
        Ok(answer) => answer,
        Err(failure) => return visit.failed(&failure),
    };
    visit.meet(answer.items.iter().map(|line| line.actor.as_str())).await;
    let lang = visit.lang;
    let title = lang.text("audit-title");
    let api = visit.api();
    let meanings = api.meanings().await;
    let place = |cursor: &str| {
        let names = FILTERS.iter().chain(&["case"]).map(|name| (*name, typed.get(name)));
        address("/audit", names.chain([("cursor", cursor)]))
    };
    let body = html! {
        div.head { h1 { (title) } }
        div.stack {
            (filter_form(&visit, &typed))
            @if answer.items.is_empty() && answer.next_cursor.is_none() {
                (ui::empty(&lang.text("audit-none"), &ui::tile_link("/audit", &lang.text("audit-all"))))
            } @else {
                div.card { (table(&visit, &answer.items, &meanings)) }
            }
            nav.pages aria-label=(lang.text("pages-label")) {
                @if typed.some("cursor").is_some() {
                    a.button.button-plain href=(place("")) { (lang.text("page-first")) }
                }
                @if let Some(next) = &answer.next_cursor {
                    a.button.button-plain href=(place(next)) rel="next" {
                        (lang.text("page-next"))
                    }
                }
            }
        }
    };
    Page::new(&visit, &title, body).respond()
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

/// What a line adds, in the language of the page: of a refusal, which wish and why. What it is not known of stands as it
/// was written.
fn detail(lang: Lang, line: &Line, meanings: &Meanings) -> String {
    let Some(written) = line.detail.as_deref() else { return "–".to_owned() };
    let refused = written.rsplit_once(": ");
    let told = refused.and_then(|(wish, code)| Some((wish, meanings.get(code)?)));
    let Some((wish, (zh, en))) = told else { return written.to_owned() };
    let wish = match actions::title_of(wish) {
        Some(key) => lang.text(&key),
        None => wish.to_owned(),
    };
    lang.with("audit-refusal", &[("wish", &wish), ("why", &lang.of(zh, en))])
}

fn table(visit: &Visit, lines: &[Line], meanings: &Meanings) -> Markup {
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
                            @let name = visit.known_people.name(&line.actor);
                            (name)
                            // Two may have one name; what the filter takes is the username.
                            @if name != line.actor { " " span.soft.small { (line.actor) } }
                            @if let Some(role) = line.role {
                                " " span.soft.small { (lang.of(role.label_zh(), role.label_en())) }
                            }
                            @if let Some(center) = &line.center {
                                br; span.soft.small { (visit.known_names.center(lang, center)) }
                            }
                        }
                        td data-label=(heads[2]) { (kind_of(lang, &line.kind)) }
                        td data-label=(heads[3]) { (detail(lang, line, meanings)) }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_language_of_the_page() {
        let why = ("回访须由非经办人员进行。".to_owned(), "Somebody else has to ask.".to_owned());
        let meanings = Meanings::from([("self_feedback".to_owned(), why)]);
        let told = |lang, written: &str| {
            let line = json!({ "at": "2026-03-04T09:00:00+08:00", "actor": "a", "kind": "refused", "detail": written });
            detail(lang, &serde_json::from_value(line).unwrap(), &meanings)
        };
        let written = "RecordFeedback: self_feedback";
        assert_eq!(told(Lang::Chinese, written), "回访：回访须由非经办人员进行。");
        assert_eq!(told(Lang::English, written), "Call: Somebody else has to ask.");
        assert_eq!(told(Lang::Chinese, "核对：材料"), "核对：材料");
        assert_eq!(told(Lang::Chinese, "Else: unknown"), "Else: unknown");
    }
}
