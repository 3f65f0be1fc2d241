//! What the API says to who holds a receipt, and the page that says it on.
//!
//! Invariants: the state and what there is to do come first, in the words of the API; dates are dates; a part that the
//! house cannot read at the moment is said to be missing, the answer stands without it.

use maud::{Markup, html};
use proto_events::Timestamp;
use serde::Deserialize;

use crate::lang::Lang;
use crate::names::Names;
use crate::ui::{self, Tone};

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Words {
    zh: String,
    en: String,
}

impl Words {
    fn say(&self, lang: Lang) -> &str {
        lang.of(&self.zh, &self.en)
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Body {
    id: String,
    name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Contact {
    window: Option<String>,
    phone: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pause {
    #[serde(default)]
    reason: Words,
    until: Timestamp,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Paper {
    name: String,
    basis: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Papers {
    #[serde(default)]
    items: Vec<Paper>,
    due_at: Timestamp,
    #[serde(default)]
    answered: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parts {
    words: Words,
}

#[derive(Debug, Deserialize)]
struct Update {
    time: Timestamp,
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outcome {
    kind: String,
    text: Option<String>,
    basis: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Remedy {
    body: Option<String>,
    contact: Option<String>,
}

/// `GET /v1/receipts/{code}`.
#[derive(Debug, Deserialize)]
pub(super) struct Receipt {
    #[serde(default)]
    case_no: String,
    #[serde(default)]
    receipt_code: String,
    #[serde(default)]
    state: String,
    #[serde(default)]
    state_label: Words,
    #[serde(default)]
    matter: String,
    #[serde(default)]
    center: Body,
    #[serde(default)]
    department: Option<Body>,
    #[serde(default)]
    contact: Option<Contact>,
    opened_at: Timestamp,
    due_at: Timestamp,
    #[serde(default)]
    provisional_due: bool,
    #[serde(default)]
    due_explained: Option<Words>,
    #[serde(default)]
    overdue: bool,
    #[serde(default)]
    pause: Option<Pause>,
    #[serde(default)]
    next_step: Words,
    #[serde(default)]
    materials: Option<Papers>,
    #[serde(default)]
    parts: Option<Parts>,
    #[serde(default)]
    updates: Option<Vec<Update>>,
    #[serde(default)]
    outcome: Option<Outcome>,
    #[serde(default)]
    alternatives: Vec<String>,
    #[serde(default)]
    remedies: Vec<String>,
    #[serde(default)]
    remedy: Option<Remedy>,
    pub(super) as_of: Timestamp,
    #[serde(default)]
    pub(super) as_of_sequence: u64,
}

impl Receipt {
    /// The page: the answer, what there is to do, whom to ask, what happened.
    pub(super) fn page(&self, lang: Lang, names: &Names) -> Markup {
        html! {
            div class="stack stack-wide" {
                (self.first(lang, names))
                @if let Some(papers) = &self.materials { (self.papers(lang, papers)) }
                @if let Some(outcome) = &self.outcome { (self.outcome_part(lang, outcome)) }
                @if !self.alternatives.is_empty() { (self.instead(lang)) }
                (self.ask(lang, names))
                (self.happened(lang))
                p class="no-print" { a href="/status" { (lang.text("public-another")) } }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.outcome.is_some()
            || matches!(self.state.as_str(), "closed" | "withdrawn" | "transferred" | "declined")
    }

    /// Whether what there is to do is to bring papers; then why the clock stands still is said beside it, else the step
    /// itself says so.
    fn waits_for_papers(&self) -> bool {
        self.materials.as_ref().is_some_and(|papers| !papers.answered)
    }

    fn first(&self, lang: Lang, names: &Names) -> Markup {
        let is_late = self.overdue && !self.is_over();
        let class = match self.state.as_str() {
            _ if is_late => "answer answer-late",
            "resolved" | "closed" => "answer answer-done",
            _ => "answer",
        };
        let has_it = self.department.as_ref().filter(|_| !self.is_over());
        let due = html! {
            @if self.pause.is_some() {
                strong { (lang.text("public-due-paused")) } " "
                span class="soft" { (lang.with("public-due-before", &[("day", &lang.moment_near(&self.due_at, &self.as_of))])) }
            } @else {
                strong { (ui::moment(lang, &self.due_at, &self.as_of)) }
            }
            @if is_late { " " (ui::tag(Tone::Red, &lang.text("state-overdue"))) }
            @if self.provisional_due { " " span class="soft" { (lang.text("public-provisional")) } }
            @if let Some(why) = &self.due_explained {
                details { summary { (lang.text("public-why-then")) } p { (why.say(lang)) } }
            }
        };
        let facts = [
            (
                lang.text("public-has-it"),
                has_it.map(|body| html! { strong { (self.name(lang, names, body, false)) } }),
            ),
            (lang.text("public-due"), (!self.is_over()).then_some(due)),
            (lang.text("public-matter"), Some(html! { (self.matter) })),
            (
                lang.text("public-opened"),
                Some(html! {
                    (ui::moment(lang, &self.opened_at, &self.as_of)) " · " (self.name(lang, names, &self.center, true))
                }),
            ),
            (lang.text("public-number"), Some(html! { span class="code" { (self.case_no) } })),
            (lang.text("public-code"), Some(html! { span class="code" { (self.receipt_code) } })),
        ];
        let facts: Vec<_> =
            facts.iter().map(|(name, what)| (name.as_str(), what.clone())).collect();
        html! {
            section class=(class) {
                h1 class="answer-state" { (self.state_label.say(lang)) }
                p class="answer-step" { (self.next_step.say(lang)) }
                @if is_late { p class="answer-step" { (lang.text("public-late")) } }
                @if let Some(pause) = self.pause.as_ref().filter(|_| self.waits_for_papers()) {
                    p {
                        (ui::tag(Tone::Amber, &lang.text("state-paused"))) " "
                        (lang.with("public-paused", &[
                            ("reason", &pause.reason.say(lang)),
                            ("until", &lang.moment_near(&pause.until, &self.as_of)),
                        ]))
                    }
                }
                @if let Some(parts) = &self.parts { p { (parts.words.say(lang)) } }
                (ui::facts(&facts))
            }
        }
    }

    fn papers(&self, lang: Lang, papers: &Papers) -> Markup {
        html! {
            section class="card card-focus" aria-labelledby="papers" {
                h2 id="papers" { (lang.text("public-papers")) }
                @if papers.answered { p { (ui::tag(Tone::Green, &lang.text("public-papers-there"))) } }
                @else { p { (lang.with("public-papers-by", &[("day", &lang.moment_near(&papers.due_at, &self.as_of))])) } }
                ol {
                    @for paper in &papers.items {
                        li { (paper.name) @if let Some(basis) = &paper.basis { div class="soft small" { (basis) } } }
                    }
                }
            }
        }
    }

    fn outcome_part(&self, lang: Lang, outcome: &Outcome) -> Markup {
        let head = match outcome.kind.as_str() {
            "resolved" => "public-result",
            _ => "public-reason",
        };
        html! {
            section class="card" aria-labelledby="outcome" {
                h2 id="outcome" { (lang.text(head)) }
                @if let Some(text) = &outcome.text { p { (text) } }
                @if !outcome.basis.is_empty() {
                    h3 { (lang.text("public-basis")) }
                    ul { @for basis in &outcome.basis { li { (basis) } } }
                }
                @if !self.remedies.is_empty() {
                    h3 { (lang.text("public-remedies")) }
                    ul { @for remedy in &self.remedies { li { (remedy) } } }
                }
                @if let Some(remedy) = &self.remedy {
                    h3 { (lang.text("public-go-to")) }
                    p {
                        @if let Some(body) = &remedy.body { strong { (body) } }
                        @if let Some(contact) = &remedy.contact { " " (contact) }
                    }
                }
            }
        }
    }

    /// What can be done, where the thing itself cannot.
    fn instead(&self, lang: Lang) -> Markup {
        html! {
            section class="card card-focus" aria-labelledby="instead" {
                h2 id="instead" { (lang.text("public-instead")) }
                ul { @for way in &self.alternatives { li { (way) } } }
            }
        }
    }

    fn ask(&self, lang: Lang, names: &Names) -> Markup {
        let telephone =
            |number: &str| html! { a class="phone" href={ "tel:" (number) } { (number) } };
        let contact = self.contact.as_ref();
        html! {
            section class="card" aria-labelledby="ask" {
                h2 id="ask" { (lang.text("public-ask-whom")) }
                @if let Some(window) = contact.and_then(|contact| contact.window.as_deref()) {
                    p {
                        @if let Some(body) = &self.department { (self.name(lang, names, body, false)) " · " }
                        (window)
                        @if let Some(phone) = contact.and_then(|contact| contact.phone.as_deref()) { " " (telephone(phone)) }
                    }
                }
                p {
                    (self.name(lang, names, &self.center, true))
                    @if let Some(number) = names.telephone() { " · " (lang.text("footer-telephone")) " " (telephone(number)) }
                }
            }
        }
    }

    fn happened(&self, lang: Lang) -> Markup {
        html! {
            section class="card" aria-labelledby="happened" {
                h2 id="happened" { (lang.text("public-happened")) }
                @match &self.updates {
                    None => p class="soft" { (lang.text("public-no-history")) },
                    Some(updates) => ol class="timeline" {
                        @for update in updates.iter().rev() {
                            li {
                                div { (lang.of(&update.zh, &update.en)) }
                                (ui::moment(lang, &update.time, &self.as_of))
                            }
                        }
                    },
                }
            }
        }
    }

    /// The name of a body in the language of the page; the one on the receipt when the list does not have it.
    fn name(&self, lang: Lang, names: &Names, body: &Body, is_center: bool) -> String {
        let known = match is_center {
            true => names.center(lang, &body.id).to_string(),
            false => names.department(lang, &body.id).to_string(),
        };
        if known == body.id && !body.name.is_empty() { body.name.clone() } else { known }
    }
}
