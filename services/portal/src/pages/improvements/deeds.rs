//! The steps of an improvement: what is to be changed, what was changed, whether it has helped.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Improvement, List, is_own, what_recurs};
use crate::api::{Failure, segment};
use crate::form::{Choice, Faults, Field, Form, Sending, Typed};
use crate::ui::Page;
use crate::visit::{Person, Signed, Visit};

/// Most entries that the API gives at once; a district has some dozens.
const ALL: &str = "200";

/// Most characters of what is to be changed, and of what was.
const ACTION_CHARS_MAX: u32 = 500;
const RESULT_CHARS_MAX: u32 = 2000;

/// The step that this person may take next.
pub(super) fn next(person: &Person, one: &Improvement) -> Option<&'static str> {
    let is_own = is_own(person, &one.department);
    match (one.state.as_str(), person.role) {
        ("opened" | "not_held", Role::DepartmentLead | Role::Coordinator) if is_own => {
            Some("action")
        }
        ("action_set", Role::Handler | Role::DepartmentLead | Role::Coordinator) if is_own => {
            Some("done")
        }
        ("done", Role::Director | Role::Coordinator) => Some("verify"),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    version: u64,
}

/// The improvement, when it is there and its next step is this one.
async fn find(
    visit: &Visit,
    person: &Person,
    id: &str,
    deed: &str,
) -> Result<Option<Improvement>, Failure> {
    let query = [("limit", ALL)];
    let all = visit.api().get::<List<Improvement>>("/v1/improvements", &query).await?;
    let found = all.items.into_iter().find(|one| one.improvement_id == id);
    Ok(found.filter(|one| next(person, one) == Some(deed)))
}

pub(super) async fn page(
    Signed { visit, person }: Signed,
    Path((id, deed)): Path<(String, String)>,
) -> Response {
    match find(&visit, &person, &id, &deed).await {
        Ok(Some(one)) => answer(&visit, &one, &deed, &Typed::default(), &Faults::none()),
        // Somebody was faster, or it is another's turn: the list says how it stands.
        Ok(None) => Redirect::to("/improvements").into_response(),
        Err(failure) => visit.failed(&failure),
    }
}

fn answer(
    visit: &Visit,
    one: &Improvement,
    deed: &str,
    typed: &Typed,
    faults: &Faults,
) -> Response {
    let lang = visit.lang;
    let title = lang.text(&format!("improvements-do-{deed}"));
    let state = lang.text(&format!("improvements-state-{}", one.state));
    let body = html! {
        div.head { h1 { (title) } }
        div.with-side {
            (fields(visit, one, deed, typed, faults))
            aside.stack { section.card.stack { (what_recurs(visit, one, &state)) } }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

fn fields(visit: &Visit, one: &Improvement, deed: &str, typed: &Typed, faults: &Faults) -> Markup {
    let lang = visit.lang;
    let form = Form::new(lang, typed, faults);
    let action = format!("/improvements/{}/{deed}", one.improvement_id);
    let draft = format!("improvement-{deed}-{}", one.improvement_id);
    let sending = Sending {
        action: &action,
        version: Some(one.version),
        draft: Some(&draft),
        ..Sending::default()
    };
    let (what, owner, due) = (
        lang.text("improvements-what"),
        lang.text("improvements-owner"),
        lang.text("improvements-due"),
    );
    let (result, holds, note) = (
        lang.text("improvements-result"),
        lang.text("improvements-helped"),
        lang.text("improvements-note"),
    );
    let departments: Vec<Choice> = visit
        .known_names
        .departments
        .iter()
        .map(|body| Choice::new(body.id.clone(), body.name(lang)))
        .collect();
    let answers = [
        Choice::new("yes", lang.text("improvements-holds")),
        Choice::new("no", lang.text("improvements-not")),
    ];
    form.whole(
        visit,
        &sending,
        match deed {
            "action" => html! {
                (form.area(Field::new("what", &what).chars_max(ACTION_CHARS_MAX).first()))
                (form.select(Field::new("owner", &owner), &departments))
                (form.line(Field::new("due_at", &due).kind("date").short()))
            },
            "done" => {
                html! { (form.area(Field::new("result", &result).chars_max(RESULT_CHARS_MAX).first())) }
            }
            _ => html! {
                (form.chips(Field::new("holds", &holds), &answers))
                (form.area(Field::new("note", &note).optional().chars_max(ACTION_CHARS_MAX)))
            },
        },
    )
}

/// The body of the command.
fn wish(visit: &Visit, deed: &str, typed: &Typed) -> Value {
    match deed {
        "action" => {
            let due_at = typed.some("due_at").map(|day| visit.end_of(day));
            json!({ "what": typed.get("what"), "owner": typed.get("owner"), "due_at": due_at })
        }
        "done" => json!({ "result": typed.get("result") }),
        _ => json!({ "holds": typed.get("holds") == "yes", "note": typed.some("note") }),
    }
}

pub(super) async fn write(
    Signed { visit, person }: Signed,
    Path((id, deed)): Path<(String, String)>,
    typed: Typed,
) -> Response {
    let lang = visit.lang;
    let one = match find(&visit, &person, &id, &deed).await {
        Ok(Some(one)) => one,
        Ok(None) => return Redirect::to("/improvements").into_response(),
        Err(failure) => return visit.failed(&failure),
    };
    let needed: &[&str] = match deed.as_str() {
        "action" => &["what", "owner", "due_at"],
        "done" => &["result"],
        _ => &["holds"],
    };
    let mut faults = Faults::none();
    for name in needed.iter().filter(|name| typed.some(name).is_none()) {
        faults.add(name, &lang.text("improvements-missing"));
    }
    if !faults.is_empty() {
        return answer(&visit, &one, &deed, &typed, &faults);
    }
    let path = format!("/v1/improvements/{}/{}", segment(&id), segment(&deed));
    match visit.api().post::<Written>(&path, &wish(&visit, &deed, &typed), typed.key()).await {
        Ok(written) => {
            let draft = format!("improvement-{deed}-{id}");
            super::super::drafts::discard(&visit, &draft).await;
            Redirect::to(&format!("/improvements?version={}", written.version)).into_response()
        }
        Err(failure) if matches!(failure.code(), "unauthenticated" | "locked") => {
            visit.failed(&failure)
        }
        Err(failure) => answer(&visit, &one, &deed, &typed, &Faults::of(&failure, lang)),
    }
}
