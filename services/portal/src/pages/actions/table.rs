//! What may be done with a case: for each action its roles, its moment, and what is asked for.
//!
//! Invariant: an action is offered to those roles alone that `services/casework/PERMISSIONS.md` lets take it (a test
//! compares them); whether it fits the case is a hint for the page, the house decides. To add one: a line here, its texts
//! `act-<name>`, and those of its fields.

mod handling;
mod help;

use proto_events::codes::Role;
use proto_events::codes::Role::{Clerk, Coordinator, DepartmentLead, Director, Handler};

use super::super::case::model::{Case, Return};
use crate::visit::Person;

/// What somebody may do.
#[derive(Debug)]
pub(crate) struct Action {
    /// Its name, in the address.
    pub(crate) name: &'static str,
    /// The command of the API, behind the case's id; `{name}` is filled from the field of that name.
    pub(super) command: &'static str,
    pub(super) roles: &'static [Role],
    /// Whether the people of a department may only while they have the case.
    is_now: bool,
    when: fn(&Person, &Case) -> bool,
    pub(super) fields: &'static [Spec],
    /// Whether it cannot be taken back.
    pub(super) is_grave: bool,
}

/// Something that is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    /// The place in the body that it fills, with dots.
    pub(super) name: &'static str,
    /// The key of its text.
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    pub(super) is_optional: bool,
}

/// What kind of thing is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A line, of so many characters.
    Line(u32),
    /// Several lines, of so many characters, with texts to begin with.
    Area(u32, &'static [&'static str]),
    /// One of a list of codes, as buttons.
    Chips(&'static str),
    /// One of a list of codes, in a list that opens.
    Codes(&'static str),
    /// One of these, as buttons: what is sent, and the key of its text.
    Texts(&'static [(&'static str, &'static str)]),
    YesNo,
    Department,
    /// Any departments, each an object with its id.
    Explainers,
    /// Any departments, by their ids.
    Departments,
    /// A person of the own house.
    Colleague,
    /// Any other person of the district who has one of these roles.
    Person(&'static [&'static str]),
    /// One text a line.
    Lines(&'static [&'static str]),
    /// So many rows to begin with, more by a button; those without content are left out.
    Rows(&'static [Spec], usize),
    /// A day, until the close of business.
    Day,
    /// A date.
    Date,
    /// Another case, by its number.
    Case,
    Number,
    /// The present instant; not asked for.
    Now,
    /// The layer that is next; not asked for.
    Layer,
    /// One of the parts that are open; names the command.
    OpenPart,
    /// One of the actions that are open; names the command.
    OpenAction,
}

const fn needed(name: &'static str, label: &'static str, kind: Kind) -> Spec {
    Spec { name, label, kind, is_optional: false }
}

const fn optional(name: &'static str, label: &'static str, kind: Kind) -> Spec {
    Spec { name, label, kind, is_optional: true }
}

/// Characters of a name, of what is written in a sentence or two, and in a paragraph: what the house takes.
const SHORT: u32 = 200;
const TEXT: u32 = 500;
const LONG: u32 = 2000;

const CENTER: &[Role] = &[Clerk, Director, Coordinator];
const WORKERS: &[Role] = &[Clerk, Director, Handler, DepartmentLead, Coordinator];
const DEPARTMENT: &[Role] = &[Handler, DepartmentLead];
const LEADERS: &[Role] = &[Director, DepartmentLead, Coordinator];

/// Every action, in the order in which a page offers them.
pub(super) fn all() -> impl Iterator<Item = &'static Action> {
    handling::ALL.iter().chain(help::ALL)
}

impl Action {
    /// Whether this person is offered it in this case.
    pub(super) fn is_for(&self, person: &Person, case: &Case) -> bool {
        let is_theirs = match person.role {
            Handler | DepartmentLead if self.is_now => {
                person.department.is_some() && person.department == case.rest.department
            }
            Clerk | Director => person.center.as_deref() == Some(&case.center),
            _ => true,
        };
        self.roles.contains(&person.role) && is_theirs && (self.when)(person, case)
    }
}

/// The action that does a step.
pub(super) fn of_step(step: &str) -> &str {
    match step {
        "handle" => "resolve",
        "hand_in_papers" => "materials",
        "complete_part" => "part",
        "meet" => "meeting",
        "act" => "action",
        "check_special" => "check",
        "decide_special" => "decide",
        "review_special" => "review",
        step => step,
    }
}

/// The action that gives a command, by the command's name among the rules.
pub(super) fn of_command(command: &str) -> Option<&'static str> {
    let name = match command {
        "NoteProgress" => "progress",
        "RequestMaterials" => "request-materials",
        "ReceiveMaterials" => "materials",
        "AssignParts" => "joint",
        "CompletePart" => "part",
        "DetermineNotDoable" => "not-doable",
        "ConveneTaskForce" => "task-force",
        "RecordMeeting" => "meeting",
        "FinishAction" => "action",
        "DissolveTaskForce" => "dissolve",
        "RequestSpecialHandling" => "special",
        "CheckSpecialHandling" => "check",
        "DecideSpecialHandling" => "decide",
        "ReviewSpecialHandling" => "review",
        "CompleteRectification" => "rectify",
        "ErasePersonalData" => "erase",
        other => &other.to_lowercase(),
    };
    all().map(|one| one.name).find(|known| *known == name)
}

fn is_open(case: &Case) -> bool {
    matches!(
        case.state.as_str(),
        "opened" | "forwarded" | "in_department" | "returned" | "in_task_force" | "not_doable"
    )
}

fn is_handled(case: &Case) -> bool {
    matches!(case.state.as_str(), "forwarded" | "in_department" | "in_task_force" | "not_doable")
}

/// Whether who has it may say how it ends: the parts of others come first.
fn may_end(case: &Case) -> bool {
    matches!(case.state.as_str(), "in_department" | "in_task_force")
        && case.rest.parts.iter().all(|part| part.completed_at.is_some())
}

/// Returns that a case bears; a ruling comes after the second.
const RETURNS_MAX: usize = 2;

/// Whether the department that has it may still send it back: within its time, which the API counts as a clock, once a
/// department, and never against a ruling.
fn may_return(case: &Case) -> bool {
    let rest = &case.rest;
    let has_returned = |one: &Return| Some(&one.department) == rest.department.as_ref();
    matches!(case.state.as_str(), "forwarded" | "in_department" | "in_task_force")
        && rest.arbitration.is_none()
        && rest.returns.len() < RETURNS_MAX
        && !rest.returns.iter().any(has_returned)
        && rest.clocks.iter().any(|one| one.clock == "return")
}

fn has_open_rectification(case: &Case) -> bool {
    case.rest.rectification.as_ref().is_some_and(|work| work.completed_at.is_none())
}

fn has_task_force(case: &Case) -> bool {
    case.rest.task_force.as_ref().is_some_and(|force| force.dissolved_at.is_none())
}

/// The departments whose parts this person may finish.
pub(super) fn open_parts<'a>(
    person: &'a Person,
    case: &'a Case,
) -> impl Iterator<Item = &'a str> + 'a {
    let open = case.rest.parts.iter().filter(|part| part.completed_at.is_none());
    open.map(|part| part.department.as_str()).filter(|department| {
        person.role == Coordinator || person.department.as_deref() == Some(*department)
    })
}

/// The actions that nobody has done yet: number and what.
pub(super) fn open_actions(case: &Case) -> impl Iterator<Item = (u32, &str)> {
    let actions = case.rest.task_force.iter().flat_map(|force| &force.actions);
    actions.filter(|one| one.done_at.is_none()).map(|one| (one.number, one.what.as_str()))
}

fn is_pending(case: &Case) -> bool {
    case.rest.special_handling.as_ref().is_some_and(|special| special.decision.is_none())
        && is_open(case)
}

/// The layer of the special handling that is next.
pub(super) fn next_layer(case: &Case) -> Option<&str> {
    let layers = case.rest.special_handling.iter().flat_map(|special| &special.layers);
    layers.clone().find(|layer| layer.at.is_none()).map(|layer| layer.layer.as_str())
}

/// Whether somebody has put their name to a layer: each is another person, and so is who decides.
fn has_checked(person: &Person, case: &Case) -> bool {
    let mut layers = case.rest.special_handling.iter().flat_map(|special| &special.layers);
    layers.any(|layer| layer.by.as_deref() == Some(person.username.as_str()))
}

fn may_check(person: &Person, case: &Case) -> bool {
    let Some(layer) = next_layer(case).filter(|_| is_pending(case)) else { return false };
    if has_checked(person, case) {
        return false;
    }
    match person.role {
        Coordinator => true,
        Clerk | Director => matches!(layer, "community" | "street"),
        Handler | DepartmentLead => layer == "department",
        _ => false,
    }
}
