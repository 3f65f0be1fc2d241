//! The board of what is stuck between bodies: task forces (专班), matters that wait for a ruling (裁定), special handling
//! (特事特办) with its layers.
//!
//! Invariants: it shows what one may open, and nothing of a person; whoever may act next is named on every card; the piece
//! that changes is fetched anew when something happens.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::actions::buttons;
use super::case::model::{Case, Layer, Meeting, Next, Special, TaskForce};
use super::case::parts::{member, owner};
use super::case::{flags, who};
use super::cases::List;
use crate::portal::Portal;
use crate::ui::{self, Page, Tone, facts, fresh, moment, tag};
use crate::visit::{Signed, Visit};

/// Most open cases that are looked at: a district has some dozens that are stuck between bodies.
const LOOKED_AT: &str = "200";

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/task-forces", get(page))
}

#[derive(Default, Deserialize)]
struct Asked {
    /// Only what changes, for a page that is open.
    #[serde(default)]
    fragment: Option<String>,
}

async fn page(Signed { mut visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let lang = visit.lang;
    let of = |state| [("state", state), ("limit", LOOKED_AT), ("sort", "due_at")];
    let (forces, returned, others) = (of("in_task_force"), of("returned"), of("in_department"));
    let (first, second, third) = (visit.api(), visit.api(), visit.api());
    let (forces, returned, others) = tokio::join!(
        first.get::<List>("/v1/cases", &forces),
        second.get::<List>("/v1/cases", &returned),
        third.get::<List>("/v1/cases", &others),
    );
    let (forces, returned, others) = match (forces, returned, others) {
        (Ok(forces), Ok(returned), Ok(others)) => (forces, returned, others),
        (Err(failure), ..) | (_, Err(failure), _) | (.., Err(failure)) => {
            return visit.failed(&failure);
        }
    };
    let (as_of, sequence) = (forces.as_of, forces.as_of_sequence);
    let waits = |case: &Case| case.rest.next.iter().any(|next| next.party == "coordinator");
    let rulings: Vec<Case> = returned.items.into_iter().filter(waits).collect();
    let is_special = |case: &&Case| {
        case.rest.special_handling.as_ref().is_some_and(|special| special.decision.is_none())
    };
    let special: Vec<&Case> = others.items.iter().chain(&forces.items).filter(is_special).collect();
    let shown = forces.items.iter().chain(&rulings).chain(special.iter().copied());
    visit.meet(shown.flat_map(Case::people)).await;
    let board = html! {
        (section(&visit, "forces-title", "forces-none", forces.items.len(), html! {
            @for case in &forces.items { (force_card(&visit, case)) }
        }))
        (section(&visit, "rulings-title", "rulings-none", rulings.len(), html! {
            @for case in &rulings { (ruling_card(&visit, case)) }
        }))
        (section(&visit, "special-title", "special-none", special.len(), html! {
            @for case in &special { (special_card(&visit, case)) }
        }))
    };
    if asked.fragment.is_some() {
        return Html(board.into_string()).into_response();
    }
    let title = lang.text("forces-board");
    let body = html! {
        div.head { h1 { (title) } }
        div.stack.stack-wide data-refresh="/task-forces?fragment=board" { (board) }
    };
    Page::new(&visit, &title, body).fresh(fresh(lang, &as_of, sequence)).respond()
}

fn section(visit: &Visit, title: &str, none: &str, count: usize, cards: Markup) -> Markup {
    let lang = visit.lang;
    html! {
        section.stack aria-labelledby=(title) {
            h2 id=(title) { (lang.text(title)) " " span.count { (count) } }
            @if count == 0 { (ui::empty(&lang.text(none), &html! {})) }
            @else { div.columns { (cards) } }
        }
    }
}

/// The head of a card: which case, how it stands, who is next and by when.
fn head(visit: &Visit, case: &Case, next: Option<&Next>) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    html! {
        div.row {
            h3.card-title { a href={ "/cases/" (case.case_id) } { (case.matter.name) } }
            (flags(visit, case))
        }
        p.soft.small { (case.case_no) " · " (visit.known_names.center(lang, &case.center)) }
        p { (case.demand) }
        @if let Some(next) = next {
            p {
                strong { (who(visit, next)) } " " (next.label.text(lang))
                @if let Some(due) = &next.due_at {
                    " "
                    span class=(if *due < now { "deadline deadline-late" } else { "deadline" }) {
                        (lang.with("case-by", &[("at", &lang.moment_near(due, &now))]))
                    }
                }
            }
        }
    }
}

fn card_class(case: &Case) -> &'static str {
    if case.rest.flags.overdue { "card card-late stack" } else { "card stack" }
}

/// A task force: why it was convened, where it stands, what is promised by whom.
fn force_card(visit: &Visit, case: &Case) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    html! {
        article class=(card_class(case)) {
            (head(visit, case, case.rest.next.first()))
            @if let Some(force) = &case.rest.task_force {
                p {
                    (tag(Tone::Amber, visit.known_names.label(lang, "convene_trigger", &force.trigger)))
                    " " (force.reason)
                }
                (facts(&[
                    (&lang.text("forces-objective"), Some(html! { (force.objective) })),
                    (&lang.text("forces-since"), Some(moment(lang, &force.convened_at, &now))),
                    (&lang.text("forces-chair"), Some(html! { (visit.known_names.body(lang, &force.chair)) })),
                    (&lang.text("forces-members"), Some(html! { (members(visit, force)) })),
                ]))
                @match force.meetings.last() {
                    Some(meeting) => (last_meeting(visit, force.meetings.len(), meeting)),
                    None => p.soft { (lang.with("forces-no-meeting", &[("at", &lang.moment_near(&force.first_meeting_due_at, &now))])) },
                }
                (promises(visit, force))
                (buttons(visit, case, &["meeting", "action", "dissolve"]))
            }
        }
    }
}

fn members(visit: &Visit, force: &TaskForce) -> String {
    let names = force.members.iter().map(|one| member(visit, one));
    names.collect::<Vec<_>>().join(&visit.lang.text("forces-comma"))
}

fn last_meeting(visit: &Visit, count: usize, meeting: &Meeting) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    html! {
        div {
            p.soft { (lang.with("forces-meeting", &[("count", &count), ("at", &lang.moment_near(&meeting.at, &now))])) }
            p.row {
                @for position in &meeting.positions {
                    span {
                        (visit.known_names.body(lang, &position.department)) " "
                        (tag(position_tone(&position.position), visit.known_names.label(lang, "position", &position.position)))
                    }
                }
            }
            @for decision in &meeting.decisions { p { (decision) } }
        }
    }
}

fn position_tone(position: &str) -> Tone {
    match position {
        "agree" => Tone::Green,
        "object" => Tone::Red,
        _ => Tone::Amber,
    }
}

/// What was promised and is not done, the earliest first.
fn promises(visit: &Visit, force: &TaskForce) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let mut open: Vec<_> = force.actions.iter().filter(|action| action.done_at.is_none()).collect();
    open.sort_by_key(|action| action.due_at);
    html! {
        @if !open.is_empty() {
            ul.list aria-label=(lang.text("forces-actions")) {
                @for action in open {
                    li {
                        (action.what) br;
                        span.soft.small { (owner(visit, action)) " · " (moment(lang, &action.due_at, &now)) }
                        @if action.overdue { " " (tag(Tone::Red, &lang.text("state-overdue"))) }
                    }
                }
            }
        }
    }
}

/// A matter that came back and waits for a ruling: who sent it back, why, and whom that body named.
fn ruling_card(visit: &Visit, case: &Case) -> Markup {
    let (lang, now, names) = (visit.lang, visit.now(), &visit.known_names);
    let ruling = case.rest.next.iter().find(|next| next.party == "coordinator");
    html! {
        article class=(card_class(case)) {
            (head(visit, case, ruling.or(case.rest.next.first())))
            ul.list {
                @for back in &case.rest.returns {
                    li {
                        strong { (names.department(lang, &back.department)) } " "
                        (tag(Tone::Amber, names.label(lang, "return_reason", &back.reason))) " " (back.note)
                        @if let Some(other) = &back.suggested_department {
                            br; span.soft.small { (lang.with("rulings-suggested", &[("department", &names.department(lang, other))])) }
                        }
                        br; span.soft.small { (moment(lang, &back.at, &now)) }
                    }
                }
            }
            (buttons(visit, case, &["arbitrate", "forward"]))
        }
    }
}

/// A special handling under way: what would be waived, and which layer has looked already.
fn special_card(visit: &Visit, case: &Case) -> Markup {
    let lang = visit.lang;
    html! {
        article class=(card_class(case)) {
            (head(visit, case, case.rest.next.first()))
            @if let Some(special) = &case.rest.special_handling {
                (facts(&[
                    (&lang.text("special-waived"), Some(html! { (special.requirement_waived) })),
                    (&lang.text("special-facts"), Some(html! { (special.facts) })),
                    (&lang.text("special-basis"), Some(html! { (special.discretion_basis) })),
                ]))
                (layers(visit, special))
                (buttons(visit, case, &["check", "decide"]))
            }
        }
    }
}

fn layers(visit: &Visit, special: &Special) -> Markup {
    let lang = visit.lang;
    // The first that has not looked is the one that may act.
    let turn = special.layers.iter().position(|layer| layer.at.is_none());
    html! {
        ol.list aria-label=(lang.text("special-layers")) {
            @for (place, layer) in special.layers.iter().enumerate() {
                li { (layer_line(visit, layer, turn == Some(place))) }
            }
        }
    }
}

fn layer_line(visit: &Visit, layer: &Layer, is_next: bool) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    html! {
        strong { (layer.label.text(lang)) } " "
        @match &layer.at {
            Some(at) => {
                (tag(Tone::Green, &lang.text("special-checked"))) " "
                span.soft.small { (visit.known_people.name(layer.by.as_deref().unwrap_or_default())) " " (moment(lang, at, &now)) }
                @if let Some(finding) = &layer.finding { br; (finding) }
            },
            None if is_next => (tag(Tone::Amber, &lang.text("special-next"))),
            None => span.soft { (lang.text("special-later")) },
        }
    }
}
