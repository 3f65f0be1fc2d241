//! Calls afterwards (回访): whom to call next, and what they said.
//!
//! Invariants: the telephone number is shown on demand only, with its purpose, and the audit has a line for it; what the
//! applicant said about it is written down in his words; an unanswered call is written down too.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::case::model::{At, Case};
use super::cases::List;
use super::counter::opening::choices;
use super::{changes, drafts};
use crate::api::segment;
use crate::form::{Choice, Faults, Field, Form, Sending, Typed};
use crate::portal::Portal;
use crate::ui::{self, Page, Tone, facts, fresh, moment, next_page, quote, tag};
use crate::visit::{Signed, Visit};

/// Calls on a page: more than one makes in a day, so that they can be shown by their hour.
const SHOWN: &str = "100";

/// Most characters of what somebody said.
const WORDS_CHARS_MAX: u32 = 2000;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/callbacks", get(list))
        .route("/callbacks/{id}", get(page).post(write))
        .route("/callbacks/{id}/number", axum::routing::post(number))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    cursor: String,
    /// The number of the case that was just written about, and its version.
    #[serde(default)]
    done: Option<String>,
    #[serde(default)]
    version: Option<String>,
    /// Asks for the list alone, for the script.
    #[serde(default)]
    fragment: Option<String>,
}

/// By when the applicant is to be asked.
fn due_at(case: &Case) -> Option<At> {
    let of_outcome = case.rest.outcome.as_ref().and_then(|outcome| outcome.callback_due_at);
    let call = case.rest.next.iter().find(|next| next.step == "call_back");
    call.and_then(|next| next.due_at).or(of_outcome)
}

/// What was done, or on what it rests that it could not be.
fn result(visit: &Visit, case: &Case) -> Option<String> {
    let told = case.rest.outcome.as_ref().and_then(|outcome| outcome.result.clone());
    told.or_else(|| {
        let found = case.rest.determination.as_ref()?;
        let quoted: Vec<String> = found.basis.iter().map(|one| one.quoted(visit.lang)).collect();
        Some(quoted.join(&visit.lang.text("list-semicolon")))
    })
}

#[derive(Deserialize)]
struct Revealed {
    name: String,
    phone: String,
}

#[derive(Deserialize)]
struct Written {
    version: u64,
}

async fn list(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let lang = visit.lang;
    let query = [
        ("to_act", "true"),
        ("limit", SHOWN),
        ("cursor", asked.cursor.as_str()),
        ("min_version", asked.version.as_deref().unwrap_or_default()),
    ];
    let mut cases = match visit.api().get::<List>("/v1/cases", &query).await {
        Ok(cases) => cases,
        Err(failure) => return visit.failed(&failure),
    };
    cases.items.sort_by_key(due_at);
    let shown = table(&visit, &cases, &asked.cursor);
    if asked.fragment.is_some() {
        return Html(shown.into_string()).into_response();
    }
    let title = lang.text("callbacks-title");
    let again = format!("/callbacks?fragment=list&cursor={}", segment(&asked.cursor));
    let body = html! {
        div.head { h1 { (title) } }
        div.stack {
            @if let Some(done) = &asked.done {
                p.notice.notice-green role="status" { (lang.with("callbacks-done", &[("number", done)])) }
            }
            div.stack data-refresh=(again) { (shown) }
        }
    };
    Page::new(&visit, &title, body).fresh(fresh(lang, &cases.as_of, cases.as_of_sequence)).respond()
}

fn table(visit: &Visit, cases: &List, cursor: &str) -> Markup {
    let lang = visit.lang;
    if cases.items.is_empty() {
        let all = ui::tile_link("/cases", &lang.text("callbacks-all"));
        return ui::empty(&lang.text("callbacks-none"), &all);
    }
    let first = (!cursor.is_empty()).then_some("/callbacks");
    let next =
        cases.next_cursor.as_deref().map(|next| format!("/callbacks?cursor={}", segment(next)));
    html! {
        div.card {
            table.table-cards {
                thead {
                    tr {
                        th { (lang.text("callbacks-due")) } th { (lang.text("receipt-matter")) }
                        th { (lang.text("callbacks-outcome")) } th { (lang.text("callbacks-whom")) }
                        th { (lang.text("callbacks-act")) }
                    }
                }
                tbody { @for case in &cases.items { (row(visit, case)) } }
            }
        }
        (next_page(lang, cases.total, first, next.as_deref()))
    }
}

fn row(visit: &Visit, case: &Case) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let due = due_at(case);
    let is_late = due.is_some_and(|due| due < now);
    html! {
        tr {
            td.nowrap data-label=(lang.text("callbacks-due")) {
                @if let Some(due) = due { (moment(lang, &due, &now)) }
                @if is_late { " " (tag(Tone::Red, &lang.text("state-overdue"))) }
            }
            td data-label=(lang.text("receipt-matter")) {
                a.nowrap href={ "/cases/" (case.case_id) } { (case.case_no) } br; (case.matter.name)
                br; span.soft.small { (visit.known_names.center(lang, &case.center)) }
            }
            td data-label=(lang.text("callbacks-outcome")) {
                (tag(outcome_tone(&case.state), visit.known_names.label(lang, "state", &case.state)))
                @if let Some(result) = result(visit, case) { br; span.small { (result) } }
            }
            td data-label=(lang.text("callbacks-whom")) { (case.rest.applicant.name) }
            td.nowrap data-label=(lang.text("callbacks-act")) {
                a.button.button-plain href={ "/callbacks/" (case.case_id) } { (lang.text("callbacks-call")) }
            }
        }
    }
}

fn outcome_tone(state: &str) -> Tone {
    if state == "resolved" { Tone::Green } else { Tone::Plain }
}

async fn page(Signed { visit, .. }: Signed, Path(id): Path<String>) -> Response {
    let name = format!("callback-{id}");
    let draft = drafts::kept(&visit, &name).await;
    let back = format!("/callbacks/{}", segment(&id));
    let note = draft.as_ref().map(|draft| drafts::note(&visit, &name, draft, &back));
    let typed = draft.map_or_else(beginning, |draft| draft.typed);
    answer(&visit, &id, &typed, &Faults::none(), None, note).await
}

fn beginning() -> Typed {
    Typed::of([("mode", "phone")])
}

async fn answer(
    visit: &Visit,
    id: &str,
    typed: &Typed,
    faults: &Faults,
    revealed: Option<&Revealed>,
    note: Option<Markup>,
) -> Response {
    let lang = visit.lang;
    let case = match visit.api().get::<Case>(&format!("/v1/cases/{}", segment(id)), &[]).await {
        Ok(case) => case,
        Err(failure) => return visit.failed(&failure),
    };
    let title = lang.with("callback-title", &[("number", &case.case_no)]);
    let body = html! {
        div.head { h1 { (title) } }
        div.with-side {
            div.stack {
                @if let Some(note) = note { (note) }
                (fields(visit, &case, typed, faults))
            }
            aside.stack { (about(visit, &case, typed, revealed)) }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

/// What was asked for and what came of it: what one has to know on the telephone.
fn about(visit: &Visit, case: &Case, typed: &Typed, revealed: Option<&Revealed>) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let names = &visit.known_names;
    html! {
        section.card.stack {
            h2.card-title { (case.matter.name) }
            (quote(&case.demand))
            (facts(&[
                (&lang.text("callbacks-outcome"), Some(html! { (names.label(lang, "state", &case.state)) })),
                (&lang.text("callback-result"), result(visit, case).map(|result| html! { (result) })),
                (&lang.text("receipt-department"), case.rest.department.as_deref().map(|id| html! { (names.department(lang, id)) })),
                (&lang.text("callback-ended"), case.rest.outcome.as_ref().map(|outcome| moment(lang, &outcome.at, &now))),
                (&lang.text("callbacks-due"), due_at(case).map(|due| moment(lang, &due, &now))),
            ]))
            p { a href={ "/cases/" (case.case_id) } { (lang.text("receipt-case")) } }
        }
        section.card.stack {
            h2.card-title { (lang.text("callbacks-whom")) }
            @match revealed {
                Some(person) => {
                    p { strong { (person.name) } }
                    p.phone { a href={ "tel:" (person.phone) } { (person.phone) } }
                    p.soft.small { (lang.text("callback-number-noted")) }
                },
                None => {
                    p { (case.rest.applicant.name) " " (case.rest.applicant.phone.as_deref().unwrap_or_default()) }
                    form method="post" action={ "/callbacks/" (case.case_id) "/number" } {
                        // What is typed already comes along.
                        @for name in ["responded", "solved", "grade", "mode", "comment"] {
                            @if let Some(value) = typed.some(name) { input type="hidden" name=(name) value=(value); }
                        }
                        button.button.button-plain type="submit" { (lang.text("callback-number")) }
                    }
                    p.soft.small { (lang.text("callback-number-hint")) }
                },
            }
        }
    }
}

fn fields(visit: &Visit, case: &Case, typed: &Typed, faults: &Faults) -> Markup {
    let lang = visit.lang;
    let text = |key| lang.text(key);
    let form = Form::new(lang, typed, faults);
    let action = format!("/callbacks/{}", case.case_id);
    let (button, draft) = (text("callback-send"), format!("callback-{}", case.case_id));
    let sending = Sending {
        action: &action,
        version: Some(case.version),
        draft: Some(&draft),
        button: &button,
        ..Sending::default()
    };
    let responded = [
        Choice::new("yes", text("callback-responded-yes")),
        Choice::new("no", text("callback-responded-no")),
    ];
    let (q_responded, q_solved) = (text("callback-responded"), text("callback-solved"));
    let (q_grade, q_mode, q_comment) =
        (text("callback-grade"), text("callback-mode"), text("callback-comment"));
    let (solved_hint, comment_hint) = (text("callback-solved-hint"), text("callback-comment-hint"));
    form.whole(visit, &sending, html! {
        (form.chips(Field::new("responded", &q_responded), &responded))
        (form.chips(Field::new("solved", &q_solved).hint(&solved_hint).optional(), &choices(visit, "solved")))
        (form.chips(Field::new("grade", &q_grade).optional(), &choices(visit, "grade")))
        (form.area(Field::new("comment", &q_comment).hint(&comment_hint).optional().chars_max(WORDS_CHARS_MAX)))
        (form.chips(Field::new("mode", &q_mode), &choices(visit, "mode")))
    })
}

/// Shows whom to call; the house notes who looked, and why.
async fn number(Signed { visit, .. }: Signed, Path(id): Path<String>, typed: Typed) -> Response {
    let body = json!({ "purpose": visit.lang.text("callback-purpose") });
    let path = format!("/v1/cases/{}/reveal", segment(&id));
    let typed = if typed.is_empty() { beginning() } else { typed };
    match visit.api().post::<Revealed>(&path, &body, None).await {
        Ok(revealed) => answer(&visit, &id, &typed, &Faults::none(), Some(&revealed), None).await,
        Err(failure) => visit.failed(&failure),
    }
}

async fn write(Signed { visit, .. }: Signed, Path(id): Path<String>, typed: Typed) -> Response {
    let lang = visit.lang;
    let has_answered = typed.get("responded") == "yes";
    let mut faults = Faults::none();
    if typed.some("responded").is_none() {
        faults.add("responded", &lang.text("callback-responded-missing"));
    }
    if has_answered && typed.some("solved").is_none() {
        faults.add("solved", &lang.text("callback-solved-missing"));
    }
    if !faults.is_empty() {
        return answer(&visit, &id, &typed, &faults, None, None).await;
    }
    // Nobody who was not reached has said anything.
    let said = |name: &str| typed.some(name).filter(|_| has_answered);
    let body = json!({
        "responded": has_answered,
        "solved": said("solved"),
        "grade": said("grade").and_then(|grade| grade.parse::<u8>().ok()),
        "comment": said("comment"),
        "mode": typed.some("mode").unwrap_or("phone"),
    });
    let path = format!("/v1/cases/{}/feedback", segment(&id));
    let version = typed.version().unwrap_or_default();
    match visit.api().post_if::<Written>(&path, &body, typed.key(), version).await {
        Ok(written) => {
            drafts::discard(&visit, &format!("callback-{id}")).await;
            let way = format!(
                "/callbacks?done={}&version={}",
                number_of(&visit, &id).await,
                written.version
            );
            Redirect::to(&way).into_response()
        }
        Err(failure) if matches!(failure.code(), "unauthenticated" | "locked" | "not_found") => {
            visit.failed(&failure)
        }
        Err(failure) => {
            let note = match failure.code() {
                "stale" | "wrong_state" => Some(changes::since(&visit, &id, version).await),
                _ => None,
            };
            answer(&visit, &id, &typed, &Faults::of(&failure, lang), None, note).await
        }
    }
}

/// The number of a case, to say which one is done.
async fn number_of(visit: &Visit, id: &str) -> String {
    let case = visit.api().get::<Case>(&format!("/v1/cases/{}", segment(id)), &[]).await;
    case.map_or_else(|_| String::new(), |case| segment(&case.case_no))
}
