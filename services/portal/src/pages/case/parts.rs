//! What was done about a case, part by part: how it ended, why it cannot be done, who sat together, what was asked for.

use maud::{Markup, html};

use super::model::{
    Action, Case, Determination, Explanation, Member, Outcome, Part, Request, Special, TaskForce,
};
use crate::pages::actions;
use crate::ui::{Tone, facts, moment, tag};
use crate::visit::{Person, Visit};

/// Every part that the case has; what it has not is not mentioned.
pub(super) fn all(visit: &Visit, case: &Case) -> Markup {
    let rest = &case.rest;
    html! {
        @if let Some(outcome) = &rest.outcome { (ended(visit, case, outcome)) }
        @if let Some(found) = &rest.determination { (not_doable(visit, found, &rest.explanations)) }
        @if let Some(force) = &rest.task_force { (task_force(visit, force)) }
        @if let Some(special) = &rest.special_handling { (special_handling(visit, special)) }
        @if !rest.parts.is_empty() { (joint(visit, &rest.parts)) }
        @if !rest.material_requests.is_empty() { (papers(visit, &rest.material_requests)) }
        @if !rest.returns.is_empty() { (returns(visit, case)) }
    }
}

/// The part of the case that an action is about, for whoever writes about it.
pub(crate) fn about(visit: &Visit, case: &Case, deed: &str) -> Markup {
    let rest = &case.rest;
    let about = match deed {
        "rectify" | "reopen" => rest.outcome.as_ref().map(|outcome| ended(visit, case, outcome)),
        "explain" => {
            let found = rest.determination.as_ref();
            found.map(|found| not_doable(visit, found, &rest.explanations))
        }
        "meeting" | "action" | "dissolve" => {
            rest.task_force.as_ref().map(|force| task_force(visit, force))
        }
        "check" | "decide" | "review" => {
            rest.special_handling.as_ref().map(|special| special_handling(visit, special))
        }
        "part" | "joint" => (!rest.parts.is_empty()).then(|| joint(visit, &rest.parts)),
        "materials" | "request-materials" => {
            let requests = &rest.material_requests;
            (!requests.is_empty()).then(|| papers(visit, requests))
        }
        "accept" | "arbitrate" | "forward" | "return" => {
            (!rest.returns.is_empty()).then(|| returns(visit, case))
        }
        _ => None,
    };
    about.unwrap_or_else(|| html! {})
}

/// What this person may do with the case now: what is his turn as a button, the rest behind a word.
pub(super) fn deeds(visit: &Visit, person: &Person, case: &Case) -> Markup {
    let lang = visit.lang;
    let offered = actions::offered(person, case);
    let (turns, others): (Vec<&str>, Vec<&str>) =
        offered.into_iter().partition(|name| actions::is_turn(case, name));
    let deed = |name: &str, class: &str| {
        html! { a class=(class) href={ "/cases/" (case.case_id) "/do/" (name) } { (lang.text(&format!("act-{name}"))) } }
    };
    html! {
        @if !turns.is_empty() {
            div.row { @for name in &turns { (deed(name, "button")) } }
        }
        @if !others.is_empty() {
            details open[turns.is_empty()] {
                summary { (lang.text("act-more")) }
                div.row { @for name in &others { (deed(name, "button button-plain")) } }
            }
        }
    }
}

fn section(visit: &Visit, key: &str, body: Markup) -> Markup {
    html! {
        section.card.stack aria-labelledby=(key) {
            h2.card-title id=(key) { (visit.lang.text(key)) }
            (body)
        }
    }
}

fn lines(visit: &Visit, texts: &[String]) -> Option<Markup> {
    (!texts.is_empty()).then(|| html! { (texts.join(&visit.lang.text("list-semicolon"))) })
}

fn some(text: &str) -> Option<Markup> {
    (!text.is_empty()).then(|| html! { (text) })
}

fn ended(visit: &Visit, case: &Case, outcome: &Outcome) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    let label = |list: &str, code: &Option<String>| {
        code.as_deref().map(|code| html! { (names.label(lang, list, code)) })
    };
    let time = match outcome.on_time {
        true => tag(Tone::Green, &lang.text("case-on-time")),
        false => tag(Tone::Red, &lang.text("case-late")),
    };
    let rest = &case.rest;
    let said = rest.feedback.as_ref().map(|said| {
        let solved = said.solved.as_ref().map(|code| names.label(lang, "solved", code));
        let grade = said.grade.map(|grade| grade.to_string());
        let grade = grade.as_ref().map(|code| names.label(lang, "grade", code));
        let judged: Vec<&str> = solved.into_iter().chain(grade).collect();
        html! {
            (judged.join(&lang.text("list-comma"))) " "
            @if let Some(comment) = &said.comment { (lang.with("quoted", &[("text", comment)])) " " }
            span.soft.small { (lang.moment_near(&said.at, &now)) }
        }
    });
    let rectified = rest.rectification.as_ref().map(|work| {
        html! {
            @match &work.completed_at {
                Some(at) => {
                    (tag(Tone::Green, &lang.text("case-done"))) " " (work.result.as_deref().unwrap_or_default()) " "
                    span.soft.small { (lang.moment_near(at, &now)) }
                },
                None => {
                    @let (what, by) = work.is_due();
                    (names.body(lang, &work.owner)) " "
                    (lang.with(what, &[("at", &lang.moment_near(by, &now))]))
                },
            }
        }
    });
    let remedy = outcome.remedy.as_ref().map(|remedy| {
        html! { (remedy.body) " " (remedy.contact.as_deref().unwrap_or_default()) }
    });
    let (k_kind, k_at, k_how, k_result, k_exclusion, k_remedy, k_said, k_rectified) = (
        lang.text("case-outcome-kind"),
        lang.text("case-outcome-at"),
        lang.text("case-resolution"),
        lang.text("case-result"),
        lang.text("case-exclusion"),
        lang.text("case-remedy"),
        lang.text("case-said"),
        lang.text("case-rectification"),
    );
    section(
        visit,
        "case-outcome",
        facts(&[
            (&k_kind, Some(html! { (names.label(lang, "state", &outcome.kind)) " " (time) })),
            (&k_at, Some(moment(lang, &outcome.at, &now))),
            (&k_how, label("resolution", &outcome.resolution)),
            (&k_result, outcome.result.as_deref().and_then(some)),
            (&k_exclusion, label("exclusion", &outcome.exclusion)),
            (&k_remedy, remedy),
            (&k_said, said),
            (&k_rectified, rectified),
        ]),
    )
}

fn not_doable(visit: &Visit, found: &Determination, explanations: &[Explanation]) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    let titled = |username: &str| visit.known_people.titled(lang, names, username);
    let bases: Vec<String> = found.basis.iter().map(|one| one.quoted(lang)).collect();
    let (k_basis, k_facts, k_instead, k_by, k_countersigned) = (
        lang.text("case-basis"),
        lang.text("case-facts"),
        lang.text("case-instead"),
        lang.text("case-determined-by"),
        lang.text("case-countersigned-by"),
    );
    section(
        visit,
        "case-not-doable",
        html! {
            (facts(&[
                (&k_basis, lines(visit, &bases)),
                (&k_facts, some(&found.facts)),
                (&k_instead, lines(visit, &found.alternatives)),
                (&k_by, some(&titled(&found.by))),
                (&k_countersigned, some(&titled(&found.countersigned_by))),
            ]))
            @if !explanations.is_empty() {
                ol.list {
                    @for one in explanations {
                        li {
                            strong { (lang.with("case-session", &[("number", &one.session)])) } " "
                            (names.label(lang, "explanation_mode", &one.mode)) " · "
                            (moment(lang, &one.at, &now)) " "
                            (tag(
                                if one.understood == "yes" { Tone::Green } else { Tone::Amber },
                                &lang.with("case-understood", &[("how", &names.label(lang, "understood", &one.understood))]),
                            ))
                            p.small.soft {
                                @for who in &one.explainers { (names.body(lang, &who.department)) " " }
                                @if !one.documents.is_empty() { (lang.with("case-documents", &[("documents", &one.documents.join(&lang.text("list-comma")))])) " " }
                                @if !one.remedies.is_empty() { (lang.with("case-remedies", &[("remedies", &one.remedies.join(&lang.text("list-semicolon")))])) }
                            }
                        }
                    }
                }
            }
        },
    )
}

/// A member of a task force: the body, and who comes for it.
pub(crate) fn member(visit: &Visit, one: &Member) -> String {
    let body = visit.known_names.body(visit.lang, &one.department);
    format!("{body} {}", visit.known_people.name(&one.person)).trim().to_owned()
}

/// Who owes an action: a body, or a person.
pub(crate) fn owner<'a>(visit: &'a Visit, action: &'a Action) -> &'a str {
    match visit.known_people.name(&action.owner) {
        name if name != action.owner => name,
        owner => visit.known_names.body(visit.lang, owner),
    }
}

fn task_force(visit: &Visit, force: &TaskForce) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    let members: Vec<String> = force.members.iter().map(|one| member(visit, one)).collect();
    let (k_why, k_aim, k_chair, k_members, k_since, k_end) = (
        lang.text("case-force-why"),
        lang.text("case-force-aim"),
        lang.text("case-force-chair"),
        lang.text("case-force-members"),
        lang.text("case-force-since"),
        lang.text("case-force-end"),
    );
    section(
        visit,
        "case-task-force",
        html! {
            (facts(&[
                (&k_why, some(&force.reason)),
                (&k_aim, some(&force.objective)),
                (&k_chair, some(names.body(lang, &force.chair))),
                (&k_members, lines(visit, &members)),
                (&k_since, Some(moment(lang, &force.convened_at, &now))),
                (&k_end, force.dissolved_at.as_ref().map(|at| html! {
                    (moment(lang, at, &now)) " " (force.outcome.as_deref().unwrap_or_default())
                })),
            ]))
            @if force.meetings.is_empty() && force.dissolved_at.is_none() {
                p { (lang.with("case-first-meeting", &[("at", &lang.moment_near(&force.first_meeting_due_at, &now))])) }
            }
            @if !force.meetings.is_empty() {
                ol.list {
                    @for meeting in &force.meetings {
                        li {
                            strong { (lang.with("case-meeting", &[("number", &meeting.number)])) } " " (moment(lang, &meeting.at, &now))
                            p.row {
                                @for one in &meeting.positions {
                                    (tag(
                                        match one.position.as_str() { "agree" => Tone::Green, "object" => Tone::Red, _ => Tone::Plain },
                                        &format!("{} {}", names.body(lang, &one.department), names.label(lang, "position", &one.position)),
                                    ))
                                    @if let Some(basis) = &one.basis { span.small.soft { (basis) } }
                                }
                            }
                            @for decision in &meeting.decisions { p { (decision) } }
                        }
                    }
                }
            }
            @if !force.actions.is_empty() {
                h3 { (lang.text("case-force-actions")) }
                ul.list {
                    @for action in &force.actions {
                        li {
                            (action.what) " · " strong { (owner(visit, action)) } " "
                            @match &action.done_at {
                                Some(at) => {
                                    (tag(Tone::Green, &lang.text("case-done"))) " " span.soft.small { (lang.moment_near(at, &now)) }
                                    @if let Some(result) = &action.result { " " (result) }
                                },
                                None => {
                                    span class=(if action.overdue { "deadline deadline-late" } else { "deadline" }) {
                                        (lang.with("case-by", &[("at", &lang.moment_near(&action.due_at, &now))]))
                                    }
                                },
                            }
                        }
                    }
                }
            }
        },
    )
}

fn special_handling(visit: &Visit, special: &Special) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    let (k_facts, k_waived, k_basis, k_decision) = (
        lang.text("case-facts"),
        lang.text("case-waived"),
        lang.text("case-discretion"),
        lang.text("case-decision"),
    );
    let decision = special.decision.as_ref().map(|decision| {
        html! {
            (tag(
                if decision.approved { Tone::Green } else { Tone::Plain },
                &lang.text(if decision.approved { "case-approved" } else { "case-refused" }),
            ))
            " " (decision.reason)
            @if !decision.conditions.is_empty() { " " (decision.conditions.join(&lang.text("list-semicolon"))) }
            @if let Some(at) = &decision.review_due_at {
                " " span.soft.small { (lang.text("case-look-back")) " " (lang.moment_near(at, &now)) }
            }
        }
    });
    section(
        visit,
        "case-special",
        html! {
            (facts(&[
                (&k_facts, some(&special.facts)),
                (&k_waived, some(&special.requirement_waived)),
                (&k_basis, some(&special.discretion_basis)),
            ]))
            ol.list {
                @for layer in &special.layers {
                    li {
                        strong { (layer.label.text(lang)) } " "
                        @match (&layer.at, &layer.finding) {
                            (Some(at), Some(finding)) => {
                                (tag(Tone::Green, &lang.text("case-checked"))) " " (finding) " "
                                span.soft.small { (visit.known_people.name(layer.by.as_deref().unwrap_or_default())) " " (lang.moment_near(at, &now)) }
                            },
                            _ => (tag(Tone::Amber, &lang.text("case-to-check"))),
                        }
                    }
                }
            }
            (facts(&[(&k_decision, decision)]))
        },
    )
}

fn joint(visit: &Visit, parts: &[Part]) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    section(
        visit,
        "case-joint",
        html! {
            ul.list {
                @for part in parts {
                    li {
                        strong { (names.department(lang, &part.department)) } " " (part.ask) " "
                        @match &part.completed_at {
                            Some(at) => {
                                (tag(Tone::Green, &lang.text("case-done"))) " " (part.result.as_deref().unwrap_or_default()) " "
                                span.soft.small { (lang.moment_near(at, &now)) }
                            },
                            None => {
                                span class=(if part.overdue { "deadline deadline-late" } else { "deadline" }) {
                                    (lang.with("case-by", &[("at", &lang.moment_near(&part.due_at, &now))]))
                                }
                            },
                        }
                    }
                }
            }
        },
    )
}

fn papers(visit: &Visit, requests: &[Request]) -> Markup {
    let (lang, now) = (visit.lang, visit.now());
    section(
        visit,
        "case-requests",
        html! {
            @for request in requests {
                div {
                    p.row {
                        (moment(lang, &request.at, &now))
                        @if request.answered { (tag(Tone::Green, &lang.text("case-handed-in"))) }
                        @else if request.overdue { (tag(Tone::Red, &lang.text("state-overdue"))) }
                        @else { span.deadline { (lang.with("case-by", &[("at", &lang.moment_near(&request.due_at, &now))])) } }
                    }
                    ul.list { @for item in &request.items { li { (item.name) " " span.soft.small { (item.basis) } } } }
                }
            }
        },
    )
}

fn returns(visit: &Visit, case: &Case) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    section(
        visit,
        "case-returns",
        html! {
            ul.list {
                @for one in &case.rest.returns {
                    li {
                        strong { (names.department(lang, &one.department)) } " "
                        (names.label(lang, "return_reason", &one.reason)) " " span.soft.small { (lang.moment_near(&one.at, &now)) }
                        p { (one.note) }
                        @if let Some(other) = &one.suggested_department {
                            p.small { (lang.with("case-suggests", &[("department", &names.department(lang, other))])) }
                        }
                    }
                }
                @if let Some(ruling) = &case.rest.arbitration {
                    li {
                        strong { (lang.text("case-ruled")) } " " (names.department(lang, &ruling.department)) " "
                        span.soft.small { (lang.moment_near(&ruling.at, &now)) }
                        p { (ruling.basis) }
                    }
                }
            }
        },
    )
}
