//! What was done for others in the same place, found while somebody types, and whose matter it seems to be.

use axum::extract::Query;
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::piece;
use crate::ui::{Tone, tag};
use crate::visit::{Signed, Visit};

/// Most cases that are shown: what one reads with somebody waiting.
const SHOWN_MAX: &str = "3";

/// Fewest characters that say something.
const CHARS_MIN: usize = 4;

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    matter: String,
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    items: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    case_id: String,
    case_no: String,
    matter: String,
    demand: String,
    #[serde(default)]
    department_name: Option<String>,
    #[serde(default)]
    solution: Option<String>,
    #[serde(default)]
    alternatives: Vec<String>,
    outcome: String,
}

/// What was found.
pub(super) struct Found {
    cases: Vec<Case>,
    was_asked: bool,
}

impl Found {
    /// Nobody asked yet.
    pub(super) const fn none() -> Self {
        Self { cases: Vec::new(), was_asked: false }
    }

    /// As it stands beside the form.
    pub(super) fn render(&self, visit: &Visit, matter: &str) -> Markup {
        let lang = visit.lang;
        let known = visit.known_names.matters.iter().find(|known| known.name == matter);
        let department = known.and_then(|known| known.department.as_deref());
        html! {
            @if let Some(department) = department {
                p {
                    (lang.text("similar-department")) " "
                    strong { (visit.known_names.department(lang, department)) }
                }
            }
            @if self.cases.is_empty() {
                p.soft { (lang.text(if self.was_asked { "similar-none" } else { "similar-wait" })) }
            }
            @for case in &self.cases {
                article.card.card-flat.stack {
                    p {
                        @if case.outcome == "resolved" { (tag(Tone::Green, &lang.text("similar-solved"))) }
                        @else { (tag(Tone::Plain, &lang.text("similar-explained"))) }
                        " " strong { (case.matter) }
                    }
                    p.soft.small { (case.demand) }
                    @if let Some(solution) = &case.solution { p { (solution) } }
                    @for alternative in &case.alternatives { p { (alternative) } }
                    p.soft.small {
                        @if let Some(department) = &case.department_name { (department) " · " }
                        a href={ "/cases/" (case.case_id) } target="_blank" rel="noopener" { (case.case_no) }
                    }
                }
            }
        }
    }
}

/// Looks for cases like this one.
pub(super) async fn find(visit: &Visit, text: &str, matter: &str) -> Found {
    if text.chars().count() < CHARS_MIN {
        return Found::none();
    }
    // The matter makes no filter: who chose the wrong one still finds what fits.
    let both = format!("{matter} {text}");
    let query = [("q", both.trim()), ("limit", SHOWN_MAX)];
    let answer = visit.api().get::<Answer>("/v1/similar", &query).await;
    Found { cases: answer.unwrap_or_default().items, was_asked: true }
}

/// The panel, for the script.
pub(super) async fn suggest(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let found = find(&visit, &asked.q, &asked.matter).await;
    piece(found.render(&visit, &asked.matter))
}
