//! The fields of an action as controls.

use maud::{Markup, html};

use super::table::{Action, Kind, Spec, next_layer, open_actions, open_parts};
use super::{MORE, Shown, TEMPLATE, body};
use crate::form::{Choice, Faults, Field, Form, Typed};
use crate::lang::Lang;
use crate::names::Body;
use crate::pages::case::model::Case;
use crate::pages::cases::List;
use crate::people::Colleague;
use crate::visit::{Person, Visit};

/// What stands where somebody has to write something: `＿＿` in a text to begin with.
const BLANK: &str = "\u{ff3f}\u{ff3f}";

/// What a form begins with: what is known already.
pub(super) fn beginning(visit: &Visit, person: &Person, case: &Case, action: &Action) -> Typed {
    let mut typed = Typed::default();
    if action.name == "meeting"
        && let Some(force) = &case.rest.task_force
    {
        let (lang, names) = (visit.lang, &visit.known_names);
        let bodies = force.members.iter().map(|one| names.body(lang, &one.department));
        typed.set("attendees", &bodies.collect::<Vec<_>>().join("\n"));
        for (row, member) in force.members.iter().enumerate() {
            typed.set(&format!("positions.{row}.department"), &member.department);
        }
    }
    for field in action.fields {
        match (field.name, field.kind) {
            ("handler", _) => typed.set(field.name, &person.username),
            (_, Kind::Explainers) => {
                person.department.iter().for_each(|id| typed.set(field.name, id));
            }
            _ => {}
        }
    }
    typed
}

/// Whether a field names a person.
pub(super) fn names_people(action: &Action) -> bool {
    action.fields.iter().any(|field| matches!(field.kind, Kind::Colleague | Kind::Person(_)))
}

/// All fields.
pub(super) fn all(shown: &Shown<'_>, form: &Form<'_>) -> Markup {
    html! {
        @if shown.action.fields.is_empty() { p { (shown.visit.lang.text("act-sure")) } }
        @for spec in shown.action.fields { (control(shown, form, spec, spec.name)) }
    }
}

fn codes(shown: &Shown<'_>, list: &str) -> Vec<Choice> {
    let (lang, names) = (shown.visit.lang, &shown.visit.known_names);
    let codes = names.codes(list).iter();
    // A cause of the applicant's own is none of a case that is handled, and one without its sub-code none at the end.
    let is_cause = list == "cause";
    // What is kept by law is not erased before its time for that reason.
    let is_kept = shown.case.rest.erase_after.is_none_or(|after| shown.visit.now() < after);
    codes
        .filter(|code| !(is_kept && (list, code.code.as_str()) == ("erasure_reason", "retention")))
        .filter(|code| !is_cause || (!code.code.starts_with('X') && code.code.len() > 1))
        .map(|code| match is_cause {
            true => Choice::new(code.code.clone(), format!("{} {}", code.code, code.label(lang))),
            false => Choice::new(code.code.clone(), code.label(lang)),
        })
        .collect()
}

fn departments(shown: &Shown<'_>) -> Vec<Choice> {
    let lang = shown.visit.lang;
    let choice = |body: &Body| Choice::new(body.id.clone(), body.name(lang));
    shown.visit.known_names.departments.iter().map(choice).collect()
}

/// Departments and, because a center sits in a task force as well, the center of the case.
fn bodies(shown: &Shown<'_>) -> Vec<Choice> {
    let (lang, center) = (shown.visit.lang, &shown.case.center);
    let own = Choice::new(center.clone(), shown.visit.known_names.center(lang, center));
    std::iter::once(own).chain(departments(shown)).collect()
}

/// A field of an action at a place of its form.
fn control(shown: &Shown<'_>, form: &Form<'_>, spec: &Spec, name: &str) -> Markup {
    let lang = shown.visit.lang;
    let label = lang.text(spec.label);
    let mut field = Field::new(name, &label);
    if spec.is_optional {
        field = field.optional();
    }
    let (one_a_line, people_away) = (lang.text("act-one-a-line"), lang.text("act-people-away"));
    let case_hint = lang.text("act-case-hint");
    if shown.people.is_none() && matches!(spec.kind, Kind::Colleague | Kind::Person(_)) {
        field = field.hint(&people_away);
    }
    match spec.kind {
        Kind::Line(chars) => form.line(field.chars_max(chars)),
        Kind::Number => form.line(field.kind("number").short()),
        Kind::Day | Kind::Date => form.line(field.kind("date").short()),
        Kind::Case => form.line(field.hint(&case_hint).complete("off").short()),
        Kind::Area(chars, templates) => html! {
            (form.area(field.chars_max(chars).lines(5)))
            (begin_with(lang, name, templates))
        },
        Kind::Lines(templates) => html! {
            (form.area(field.hint(&one_a_line)))
            (begin_with(lang, name, templates))
        },
        Kind::Chips(list) => form.chips(field, &codes(shown, list)),
        Kind::Codes(list) => form.select(field, &codes(shown, list)),
        Kind::Texts(texts) => {
            let choices = texts.iter().map(|(value, key)| Choice::new(*value, lang.text(key)));
            form.chips(field, &choices.collect::<Vec<_>>())
        }
        Kind::YesNo => {
            let answers =
                [Choice::new("yes", lang.text("act-yes")), Choice::new("no", lang.text("act-no"))];
            form.chips(field, &answers)
        }
        Kind::Department if is_in_a_force(shown) => form.select(field, &bodies(shown)),
        Kind::Department => form.select(field, &departments(shown)),
        Kind::Departments => form.many_chips(field, &departments(shown)),
        Kind::Explainers => form.many_chips(field, &bodies(shown)),
        Kind::Colleague => {
            let own = &shown.person.department;
            let is_own = |one: &Colleague| own.is_some() && one.department == *own;
            form.select(field, &shown.people(name, is_own))
        }
        Kind::Person(roles) => {
            let (me, center) = (&shown.person.username, &shown.case.center);
            // Of the people of centers, those of this one.
            let fits = |one: &Colleague| {
                let is_near = one.center.as_ref().is_none_or(|other| other == center);
                one.username != *me && roles.contains(&one.role.as_str()) && is_near
            };
            form.select(field, &shown.people(name, fits))
        }
        Kind::OpenPart => {
            let names = &shown.visit.known_names;
            let open = open_parts(shown.person, shown.case);
            let parts: Vec<Choice> =
                open.map(|id| Choice::new(id, names.department(lang, id))).collect();
            form.chips(field, &parts)
        }
        Kind::OpenAction => {
            let open: Vec<Choice> = open_actions(shown.case)
                .map(|(number, what)| Choice::new(number.to_string(), what))
                .collect();
            form.chips(field, &open)
        }
        Kind::Layer => {
            let layer = next_layer(shown.case).unwrap_or_default();
            let name = shown.visit.known_names.label(lang, "check_layer", layer);
            html! { p { (label) " " strong { (name) } } }
        }
        Kind::Now => html! { p.soft { (label) } },
        Kind::Rows(columns, begun) => rows(shown, form, spec, &field, (columns, begun)),
    }
}

/// Rows of a list, and a button for one more.
fn rows(
    shown: &Shown<'_>,
    form: &Form<'_>,
    spec: &Spec,
    field: &Field<'_>,
    (columns, begun): (&[Spec], usize),
) -> Markup {
    let count = body::rows_of(shown.typed, spec.name, begun);
    // A list that is needed has one row at least.
    let is_needed = |row: usize| row == 0 && !spec.is_optional;
    let cell = |row: usize, column: &Spec| {
        let column = Spec { is_optional: !is_needed(row) || column.is_optional, ..*column };
        control(shown, form, &column, &format!("{}.{row}.{}", spec.name, column.name))
    };
    let kept = format!("{}{}", body::ROWS, spec.name);
    let inner = html! {
        @for row in 0..count {
            div.row-fields { @for column in columns { (cell(row, column)) } }
        }
        input type="hidden" name=(kept) value=(count);
        div.row {
            button.button.button-text type="submit" formnovalidate name=(MORE) value=(spec.name) {
                "+ " (shown.visit.lang.text("act-more-rows"))
            }
        }
    };
    form.group(field, inner)
}

/// Whether departments are named as those who sit in a task force.
fn is_in_a_force(shown: &Shown<'_>) -> bool {
    matches!(shown.action.name, "task-force" | "meeting")
}

/// Texts to begin with; a button puts one into the field, also without script.
fn begin_with(lang: Lang, name: &str, templates: &[&str]) -> Markup {
    html! {
        @if !templates.is_empty() {
            div.row {
                span.soft.small { (lang.text("act-begin-with")) }
                @for key in templates {
                    button.button.button-plain type="submit" formnovalidate name=(TEMPLATE) value={ (name) " " (key) } {
                        (lang.text(key).chars().take(14).collect::<String>()) "…"
                    }
                }
            }
        }
    }
}

/// What is sent in place of what was typed: cases are typed by their numbers, and sent by their ids.
///
/// # Errors
/// What is no number of a case that the person may open.
pub(super) async fn found(visit: &Visit, action: &Action, typed: &Typed) -> Result<Typed, Faults> {
    let (mut sent, mut faults) = (typed.clone(), Faults::none());
    for spec in action.fields.iter().filter(|spec| matches!(spec.kind, Kind::Case)) {
        let number = typed.get(spec.name).trim().to_uppercase();
        let query = [("q", number.as_str()), ("limit", "5")];
        let list = visit.api().get::<List>("/v1/cases", &query).await;
        let items = list.map_err(|failure| Faults::of(&failure, visit.lang))?.items;
        match items.iter().find(|case| case.case_no == number) {
            Some(case) => sent.set(spec.name, &case.case_id),
            None => faults.add(spec.name, &visit.lang.text("act-no-such-case")),
        }
    }
    if faults.is_empty() { Ok(sent) } else { Err(faults) }
}

/// A text to begin with; empty when the action has none of this key.
pub(super) fn template(lang: Lang, action: &Action, key: &str) -> String {
    let texts = action.fields.iter().flat_map(|field| match field.kind {
        Kind::Area(_, texts) | Kind::Lines(texts) => texts,
        _ => &[],
    });
    texts.into_iter().find(|text| **text == key).map(|key| lang.text(key)).unwrap_or_default()
}

/// What is wrong before the house is asked: nothing written where something is needed, and blanks that were left.
pub(super) fn check(lang: Lang, action: &Action, typed: &Typed) -> Faults {
    let mut faults = Faults::none();
    for spec in action.fields {
        let is_missing = match spec.kind {
            Kind::Now | Kind::Layer => false,
            Kind::Rows(columns, _) => columns.iter().any(|column| {
                let name = format!("{}.0.{}", spec.name, column.name);
                !column.is_optional && typed.some(&name).is_none()
            }),
            _ => typed.some(spec.name).is_none(),
        };
        if is_missing && !spec.is_optional {
            let name = match spec.kind {
                Kind::Rows(columns, _) => {
                    let column = columns.iter().find(|column| {
                        typed.some(&format!("{}.0.{}", spec.name, column.name)).is_none()
                    });
                    format!("{}.0.{}", spec.name, column.map_or("", |column| column.name))
                }
                _ => spec.name.to_owned(),
            };
            faults.add(&name, &lang.with("act-missing", &[("what", &lang.text(spec.label))]));
        } else if typed.get(spec.name).contains(BLANK) {
            faults.add(spec.name, &lang.text("act-blank"));
        }
    }
    faults
}
