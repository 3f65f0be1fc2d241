//! One action on one case: a short form beside the citizen's own words.
//!
//! Invariants: what was typed stays whatever the house says; who looked at an older version sees what has happened since,
//! and sends his form again knowing it; a text to begin with is not sent before its blanks are filled.

mod body;
mod fields;
mod table;

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;

use self::table::{Action, all};
use super::case::model::{Case, Next};
use super::case::{flags, parts, state_tag};
use super::{changes, drafts};
use crate::api::{Failure, segment};
use crate::form::{Choice, Faults, Form, Sending, Typed};
use crate::people::{Colleague, Colleagues};
use crate::portal::Portal;
use crate::ui::{Page, moment, quote};
use crate::visit::{Person, Signed, Visit};

/// The name of the button that puts a text to begin with into its field.
const TEMPLATE: &str = "_template";

/// The name of the button that adds a row to a list.
const MORE: &str = "_more";

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/cases/{id}/do/{action}", get(page).post(write))
}

/// What this person may do with a case now, what is his turn first.
pub(crate) fn offered<'a>(person: &Person, case: &'a Case) -> Vec<&'static str> {
    let mut steps: Vec<&'a Next> = case.rest.next.iter().collect();
    // What waits for him comes before what waits for others whom he may stand in for.
    steps.sort_by_key(|next| !waits_for(person, next));
    let turns: Vec<&'a str> = steps.iter().map(|next| table::of_step(&next.step)).collect();
    let mut names: Vec<&'static str> =
        all().filter(|one| one.is_for(person, case)).map(|one| one.name).collect();
    names.sort_by_key(|name| turns.iter().position(|turn| turn == name).unwrap_or(usize::MAX));
    names
}

/// Whether a step is this person's, or that of his house.
fn waits_for(person: &Person, next: &Next) -> bool {
    match next.party.as_str() {
        "center" => next.id.is_some() && next.id == person.center,
        "department" => next.id.is_some() && next.id == person.department,
        "coordinator" => person.role == Role::Coordinator,
        "callback" => person.role == Role::Callback,
        _ => false,
    }
}

/// The key of what a command is called on the pages, by its name in the audit (`NoteProgress`); none for what only the
/// house itself does.
pub(crate) fn title_of(command: &str) -> Option<String> {
    match command {
        "Open" => Some("nav-counter".to_owned()),
        "RecordFeedback" => Some("callbacks-call".to_owned()),
        _ => table::of_command(command).map(|name| format!("act-{name}")),
    }
}

/// Whether an action is what the case waits for.
pub(crate) fn is_turn(case: &Case, name: &str) -> bool {
    case.rest.next.iter().any(|next| table::of_step(&next.step) == name)
}

/// The one thing that a list lets its reader do with a case at once: his turn, else nothing.
pub(crate) fn turn_button(visit: &Visit, case: &Case) -> Markup {
    let person = visit.person.as_ref();
    let turn = person
        .and_then(|person| offered(person, case).into_iter().find(|name| is_turn(case, name)));
    html! { @if let Some(name) = turn { div.row { (link(visit, case, name, "button")) } } }
}

/// Those of these actions that the reader may take, his turn in the colour of what is next.
pub(crate) fn buttons(visit: &Visit, case: &Case, names: &[&str]) -> Markup {
    let offered = visit.person.as_ref().map(|person| offered(person, case)).unwrap_or_default();
    let names: Vec<&str> = offered.into_iter().filter(|name| names.contains(name)).collect();
    // One button has the colour: a page that shouts twice says nothing.
    let turn = names.first().copied().filter(|name| is_turn(case, name));
    let class = |name| if turn == Some(name) { "button" } else { "button button-plain" };
    html! {
        @if !names.is_empty() {
            div.row { @for name in names { (link(visit, case, name, class(name))) } }
        }
    }
}

fn link(visit: &Visit, case: &Case, name: &str, class: &str) -> Markup {
    let text = visit.lang.text(&format!("act-{name}"));
    html! { a class=(class) href={ "/cases/" (case.case_id) "/do/" (name) } { (text) } }
}

#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    version: u64,
}

/// A form that is about to be shown.
struct Shown<'a> {
    visit: &'a Visit,
    person: &'a Person,
    case: &'a Case,
    action: &'static Action,
    typed: &'a Typed,
    /// People, for the fields that name one; none when nobody says who there is.
    people: Option<Vec<Colleague>>,
}

impl Shown<'_> {
    /// People to choose from; who was chosen already stays, also while nobody says who there is.
    fn people(&self, name: &str, is_wanted: impl Fn(&Colleague) -> bool) -> Vec<Choice> {
        let (lang, names) = (self.visit.lang, &self.visit.known_names);
        let wanted = self.people.iter().flatten().filter(|one| is_wanted(one));
        let mut choices: Vec<Choice> = wanted
            .map(|one| {
                let label = format!("{} · {}", one.name, one.post(lang, names));
                Choice::new(one.username.clone(), label)
            })
            .collect();
        if let Some(chosen) = self.typed.some(name)
            && choices.iter().all(|choice| choice.value != chosen)
        {
            choices.push(Choice::new(chosen, self.visit.known_people.name(chosen)));
        }
        choices
    }
}

async fn read(visit: &mut Visit, id: &str) -> Result<Case, Failure> {
    let case = visit.api().get::<Case>(&format!("/v1/cases/{}", segment(id)), &[]).await?;
    visit.meet(case.people()).await;
    Ok(case)
}

fn found(name: &str) -> Option<&'static Action> {
    all().find(|one| one.name == name)
}

async fn page(
    Signed { mut visit, person }: Signed,
    Path((id, name)): Path<(String, String)>,
) -> Response {
    let case = match read(&mut visit, &id).await {
        Ok(case) => case,
        Err(failure) => return visit.failed(&failure),
    };
    let Some(action) = found(&name).filter(|action| action.is_for(&person, &case)) else {
        // Somebody was faster, or it is another's turn: the page of the case says how it stands.
        return Redirect::to(&format!("/cases/{}", segment(&id))).into_response();
    };
    let name = draft_of(action, &case);
    let draft = drafts::kept(&visit, &name).await;
    let note = draft.as_ref().map_or_else(
        || html! {},
        |draft| drafts::note(&visit, &name, draft, &address_of(action, &case)),
    );
    let typed = match draft {
        Some(draft) => draft.typed,
        None => fields::beginning(&visit, &person, &case, action),
    };
    answer(&visit, &person, &case, action, &typed, &Faults::none(), note).await
}

async fn answer(
    visit: &Visit,
    person: &Person,
    case: &Case,
    action: &'static Action,
    typed: &Typed,
    faults: &Faults,
    note: Markup,
) -> Response {
    let lang = visit.lang;
    let mut people = Some(Vec::new());
    if fields::names_people(action) {
        people = match visit.api().get::<Colleagues>("/v1/colleagues", &[]).await {
            Ok(found) => Some(found.items),
            Err(failure) if matches!(failure.code(), "unauthenticated" | "locked") => {
                return visit.failed(&failure);
            }
            // What was typed is worth more than the list: the form stands without it, and says so.
            Err(_) => None,
        };
    }
    let shown = Shown { visit, person, case, action, typed, people };
    let title = lang.text(&format!("act-{}", action.name));
    let form = Form::new(lang, typed, faults);
    let address = address_of(action, case);
    let draft = draft_of(action, case);
    let sending = Sending {
        action: &address,
        version: Some(case.version),
        draft: Some(&draft),
        button: &title,
        is_grave: action.is_grave,
    };
    let body = html! {
        div.head { h1 { (title) } p.soft { (case.matter.name) " · " (case.case_no) } }
        div.with-side.with-words {
            div.stack {
                (note)
                (form.whole(visit, &sending, fields::all(&shown, &form)))
            }
            aside.stack { (beside(visit, case, action)) }
        }
    };
    let title = format!("{title} · {}", case.case_no);
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

fn address_of(action: &Action, case: &Case) -> String {
    format!("/cases/{}/do/{}", case.case_id, action.name)
}

fn draft_of(action: &Action, case: &Case) -> String {
    format!("{}-{}", action.name, case.case_id)
}

/// What somebody has to have before his eyes while he writes.
fn beside(visit: &Visit, case: &Case, action: &Action) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    html! {
        section.card.stack.words {
            h2.card-title { (lang.text("case-words")) }
            (quote(&case.demand))
            @if let Some(summary) = &case.rest.summary { p.soft.small { (lang.with("case-adds", &[("text", summary)])) } }
        }
        (parts::about(visit, case, action.name))
        section.card.stack {
            p.row { (state_tag(visit, case)) (flags(visit, case)) }
            p { (lang.text("case-deadline")) " " strong { (moment(lang, &case.due_at, &now)) } }
            p { a href={ "/cases/" (case.case_id) } { (lang.text("act-back")) } }
        }
    }
}

async fn write(
    Signed { mut visit, person }: Signed,
    Path((id, name)): Path<(String, String)>,
    mut typed: Typed,
) -> Response {
    let lang = visit.lang;
    let case = match read(&mut visit, &id).await {
        Ok(case) => case,
        Err(failure) => return visit.failed(&failure),
    };
    let Some(action) = found(&name) else {
        return Redirect::to(&format!("/cases/{}", segment(&id))).into_response();
    };
    if let Some((field, key)) = typed.some(TEMPLATE).and_then(|template| template.split_once(' ')) {
        let (field, text) = (field.to_owned(), fields::template(lang, action, key));
        let before = typed.get(&field);
        let text = if before.is_empty() { text } else { format!("{before}\n{text}") };
        typed.set(&field, &text);
        return answer(&visit, &person, &case, action, &typed, &Faults::none(), html! {}).await;
    }
    if let Some(list) = typed.some(MORE).map(str::to_owned) {
        let kept = format!("{}{list}", body::ROWS);
        let count = typed.number::<usize>(&kept).unwrap_or_default().saturating_add(1);
        typed.set(&kept, &count.to_string());
        return answer(&visit, &person, &case, action, &typed, &Faults::none(), html! {}).await;
    }
    let faults = fields::check(lang, action, &typed);
    if !faults.is_empty() {
        return answer(&visit, &person, &case, action, &typed, &faults, html! {}).await;
    }
    let sent = match fields::found(&visit, action, &typed).await {
        Ok(sent) => sent,
        Err(faults) => {
            return answer(&visit, &person, &case, action, &typed, &faults, html! {}).await;
        }
    };
    let path = format!("/v1/cases/{}/{}", segment(&id), body::command(action, &sent));
    let wish = body::of(&visit, &case, action, &sent);
    let version = typed.version().unwrap_or(case.version);
    match visit.api().post_if::<Written>(&path, &wish, typed.key(), version).await {
        Ok(written) => {
            drafts::discard(&visit, &draft_of(action, &case)).await;
            Redirect::to(&format!("/cases/{}?version={}", segment(&id), written.version))
                .into_response()
        }
        Err(failure) if matches!(failure.code(), "unauthenticated" | "locked" | "not_found") => {
            visit.failed(&failure)
        }
        Err(failure) => {
            let faults = Faults::of(&failure, lang);
            let controls: Vec<(String, String)> = faults
                .each()
                .map(|(place, _)| (place.to_owned(), body::control_of(action, &typed, place)))
                .collect();
            let controls: Vec<(&str, &str)> =
                controls.iter().map(|(place, name)| (place.as_str(), name.as_str())).collect();
            let faults = faults.renamed(&controls);
            // It may work tomorrow: what was written is there again then.
            let _ = drafts::keep(&visit, &draft_of(action, &case), &typed).await;
            let note = match failure.code() {
                "stale" | "wrong_state" => changes::since(&visit, &case.case_id, version).await,
                _ => html! {},
            };
            answer(&visit, &person, &case, action, &typed, &faults, note).await
        }
    }
}

#[cfg(test)]
mod tests;
