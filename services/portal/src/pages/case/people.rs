//! Whose it is, who came with it, and the papers that go with it.

use maud::{Markup, html};
use proto_events::codes::Role;

use super::model::{Case, Revealed};
use super::{Told, state_tag};
use crate::form::{Choice, Faults, Field, Form, Sending, Typed};
use crate::ui::{clock_off, facts, tile_link};
use crate::visit::{Person, Visit};

/// Who has it, who had it first, and how it came.
pub(super) fn whose(visit: &Visit, case: &Case) -> Markup {
    let (lang, names, rest) = (visit.lang, &visit.known_names, &case.rest);
    let people = &visit.known_people;
    let label = |list: &str, code: &str| {
        let is_known = !code.is_empty();
        is_known.then(|| html! { (names.label(lang, list, code)) })
    };
    let cause = rest.cause.confirmed.as_deref().unwrap_or(&rest.cause.provisional);
    let co: Vec<&str> = rest.co_departments.iter().map(|id| names.department(lang, id)).collect();
    let (k_department, k_handler, k_window) =
        (lang.text("case-department"), lang.text("case-handler"), lang.text("case-window"));
    let (k_co, k_first, k_opened) =
        (lang.text("case-co-departments"), lang.text("case-first"), lang.text("case-opened"));
    let (k_stage, k_cause, k_kind, k_channel, k_attempts) = (
        lang.text("case-stage"),
        lang.text("case-cause"),
        lang.text("case-complexity"),
        lang.text("case-channel"),
        lang.text("case-attempts"),
    );
    // Who imported it has met nobody.
    let opened_by = match &rest.imported {
        Some(imported) => lang.with("case-imported", &[("row", &imported.row)]),
        None => people.name(&rest.opened_by).to_owned(),
    };
    html! {
        section.card.stack aria-labelledby="case-whose" {
            h2.card-title id="case-whose" { (lang.text("case-whose")) }
            (facts(&[
                (&k_department, rest.department.as_deref().map(|id| html! { (names.department(lang, id)) })),
                (&k_handler, rest.handler.as_deref().map(|one| html! { (people.name(one)) })),
                (&k_window, rest.contact.as_ref().map(|contact| html! {
                    (contact.window)
                    @if let Some(phone) = &contact.phone { " " a href={ "tel:" (phone) } { (phone) } }
                })),
                (&k_co, (!co.is_empty()).then(|| html! { (co.join(&lang.text("list-comma"))) })),
                (&k_first, Some(html! { (names.center(lang, &case.center)) })),
                (&k_opened, Some(html! { (lang.moment_near(&case.opened_at, &visit.now())) br; span.soft.small { (opened_by) } })),
                (&k_stage, label("blocked_stage", &rest.blocked_stage)),
                (&k_cause, label("cause", cause)),
                (&k_kind, label("complexity", &rest.complexity)),
                (&k_channel, label("channel", &rest.channel)),
                (&lang.text("district-line"), came(visit, case)),
                (&k_attempts, (rest.attempts_before > 0).then(|| html! { (lang.with("case-times", &[("times", &rest.attempts_before)])) })),
            ]))
        }
    }
}

/// How a case came, when its center has a server of its own: late, by a clock that was off, or, at the center, not yet.
fn came(visit: &Visit, case: &Case) -> Option<Markup> {
    let (lang, now) = (visit.lang, visit.now());
    let late = case.rest.arrived_late.as_ref().map(|late| {
        let registered = lang.moment_near(&late.registered_at, &now);
        let arrived = lang.moment_near(&late.arrived_at, &now);
        lang.with("case-arrived-late", &[("registered", &registered), ("arrived", &arrived)])
    });
    let off = case
        .rest
        .center_clock_ahead_seconds
        .map(|seconds| lang.with("case-clock-off", &[("clock", &clock_off(lang, seconds))]));
    let here = visit.line.as_ref().map(|line| {
        let has_arrived = case.version <= line.delivered_version;
        lang.text(if has_arrived { "line-arrived" } else { "line-still-here" })
    });
    let told: Vec<String> = late.into_iter().chain(off).chain(here).collect();
    (!told.is_empty()).then(|| html! { @for one in &told { p { (one) } } })
}

/// The applicant, masked; in clear once somebody has said why.
pub(super) fn applicant(
    visit: &Visit,
    case: &Case,
    revealed: Option<&Revealed>,
    faults: &Faults,
) -> Markup {
    let (lang, names, applicant) = (visit.lang, &visit.known_names, &case.rest.applicant);
    let (k_name, k_phone, k_id, k_address, k_care) = (
        lang.text("case-name"),
        lang.text("case-phone"),
        lang.text("case-id-number"),
        lang.text("case-address"),
        lang.text("case-care"),
    );
    let telephone = |phone: &str| html! { a href={ "tel:" (phone) } { (phone) } };
    html! {
        section.card.stack aria-labelledby="case-applicant" {
            h2.card-title id="case-applicant" { (lang.text("case-applicant")) }
            @match revealed {
                Some(clear) => {
                    (facts(&[
                        (&k_name, Some(html! { strong { (clear.name) } })),
                        (&k_phone, clear.phone.as_deref().map(telephone)),
                        (&k_id, clear.id_number.as_deref().map(|number| html! { (number) })),
                        (&k_address, clear.address.as_deref().map(|address| html! { (address) })),
                        (&k_care, (!clear.care.is_empty()).then(|| html! {
                            @for care in &clear.care { (names.label(lang, "care", care)) " " }
                        })),
                    ]))
                    p.soft.small role="status" { (lang.text("reveal-noted")) }
                },
                None => {
                    (facts(&[
                        (&k_name, Some(html! { (applicant.name) " " span.soft.small { (names.label(lang, "applicant_kind", &applicant.kind)) } })),
                        (&k_phone, applicant.phone.as_deref().map(|phone| html! { (phone) })),
                    ]))
                    @if applicant.erased {
                        p.soft.small { (lang.text("case-erased")) }
                    } @else if visit.person.as_ref().is_some_and(|person| may_reveal(person, case)) {
                        (reveal(visit, case, faults))
                    }
                }
            }
        }
    }
}

/// Whether the API would let this person see who it is (`PERMISSIONS.md`, "Reveal the applicant").
fn may_reveal(person: &Person, case: &Case) -> bool {
    match person.role {
        Role::Clerk | Role::Director => person.center.as_deref() == Some(&case.center),
        Role::Handler | Role::DepartmentLead => {
            person.department.is_some() && person.department == case.rest.department
        }
        Role::Coordinator | Role::Callback | Role::PrivacyOfficer => true,
        _ => false,
    }
}

fn reveal(visit: &Visit, case: &Case, faults: &Faults) -> Markup {
    let lang = visit.lang;
    // The answer opens where the name stands, also on a phone.
    let action = format!("/cases/{}/reveal#case-applicant", case.case_id);
    let (purpose, button) = (lang.text("reveal-purpose"), lang.text("reveal-send"));
    let choices: Vec<Choice> =
        ["reveal-contact", "reveal-identity", "reveal-delivery", "reveal-other"]
            .into_iter()
            .map(|key| lang.text(key))
            .map(|text| Choice::new(text.clone(), text))
            .collect();
    let typed = Typed::default();
    let form = Form::new(lang, &typed, faults);
    let sending = Sending { action: &action, button: &button, ..Sending::default() };
    html! {
        details open[!faults.is_empty()] {
            summary { (lang.text("reveal")) }
            p.soft.small { (lang.text("reveal-hint")) }
            (form.whole(visit, &sending, html! { (form.chips(Field::new("purpose", &purpose), &choices)) }))
        }
    }
}

/// The receipt.
pub(super) fn papers(visit: &Visit, case: &Case) -> Markup {
    let lang = visit.lang;
    html! {
        section.card.stack aria-labelledby="case-papers" {
            h2.card-title id="case-papers" { (lang.text("case-papers")) }
            p { (lang.text("case-receipt-code")) " " strong.nowrap { (case.receipt_code) } }
            div.row {
                (tile_link(&format!("/cases/{}/receipt", case.case_id), &lang.text("case-receipt")))
                (tile_link(&format!("/s/{}", case.receipt_code), &lang.text("case-public-page")))
            }
        }
    }
}

/// The cases that it has to do with: how each stands to it, and what it is about.
pub(super) fn linked(visit: &Visit, told: &Told) -> Markup {
    let lang = visit.lang;
    let links = &told.case.rest.links;
    html! {
        @if !links.is_empty() {
            section.card.stack aria-labelledby="case-linked" {
                h2.card-title id="case-linked" { (lang.text("case-linked")) }
                ul.list {
                    @for link in links {
                        @let case = told.linked.iter().find(|case| case.case_id == link.case_id);
                        li {
                            strong { (link.label.text(lang)) } " "
                            @match case {
                                Some(case) => {
                                    a href={ "/cases/" (case.case_id) } { (case.matter.name) } " " (state_tag(visit, case))
                                    div.soft.small { (case.case_no) }
                                },
                                None => span.soft { (lang.text("case-linked-elsewhere")) },
                            }
                            @if let Some(note) = &link.note { p.small { (note) } }
                        }
                    }
                }
            }
        }
    }
}
