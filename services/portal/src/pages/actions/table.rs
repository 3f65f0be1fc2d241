//! What may be done with a case: for each action its roles, its moment, and what is asked for.
//!
//! Invariant: an action is offered to those roles alone that `services/casework/PERMISSIONS.md` lets take it (a test
//! compares them); whether it fits the case is a hint for the page, the house decides. To add one: a line here, its texts
//! `act-<name>`, and those of its fields.

use proto_events::codes::Role;
use proto_events::codes::Role::{
    Callback, Clerk, Coordinator, DepartmentLead, Director, Handler, PrivacyOfficer,
};

use super::super::case::model::Case;
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
    YesNo,
    Department,
    /// Any departments, each an object with its id.
    Explainers,
    /// Any departments, by their ids.
    Departments,
    /// A person of the own house.
    Colleague,
    /// Any other person of the district.
    Person,
    /// One text a line.
    Lines(&'static [&'static str]),
    /// So many rows, those without content left out.
    Rows(&'static [Spec], usize),
    /// A day, until the close of business.
    Day,
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

/// Characters of what is written in a sentence, and in a paragraph.
const SHORT: u32 = 200;
const LONG: u32 = 2000;

const CENTER: &[Role] = &[Clerk, Director, Coordinator];
const WORKERS: &[Role] = &[Clerk, Director, Handler, DepartmentLead, Coordinator];
const DEPARTMENT: &[Role] = &[Handler, DepartmentLead];
const LEADERS: &[Role] = &[Director, DepartmentLead, Coordinator];

/// Every action, in the order in which a page offers them.
pub(super) const ALL: &[Action] = &[
    Action {
        name: "accept",
        command: "accept",
        roles: DEPARTMENT,
        is_now: true,
        when: |_, case| case.state == "forwarded",
        fields: &[optional("handler", "field-handler", Kind::Colleague)],
        is_grave: false,
    },
    Action {
        name: "forward",
        command: "forward",
        roles: CENTER,
        is_now: false,
        when: |_, case| matches!(case.state.as_str(), "opened" | "returned"),
        fields: &[
            needed("department", "field-department", Kind::Department),
            needed("ask", "field-ask", Kind::Area(LONG, &[])),
            optional("contact.window", "field-window", Kind::Line(SHORT)),
            optional("contact.phone", "field-phone", Kind::Line(20)),
        ],
        is_grave: false,
    },
    Action {
        name: "arbitrate",
        command: "arbitrate",
        roles: &[Coordinator],
        is_now: false,
        when: |_, case| matches!(case.state.as_str(), "returned" | "in_task_force"),
        fields: &[
            needed("department", "field-lead", Kind::Department),
            optional("co_departments", "field-co-departments", Kind::Departments),
            needed("basis", "field-ruling-basis", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "contact",
        command: "contact",
        roles: &[Clerk, Director, Handler, DepartmentLead],
        is_now: false,
        when: |_, case| is_handled(case) || has_open_rectification(case),
        fields: &[
            needed("mode", "field-mode", Kind::Chips("mode")),
            needed("reached", "field-reached", Kind::YesNo),
        ],
        is_grave: false,
    },
    Action {
        name: "resolve",
        command: "resolve",
        roles: WORKERS,
        is_now: true,
        when: |_, case| matches!(case.state.as_str(), "in_department" | "in_task_force"),
        fields: &[
            needed(
                "result",
                "field-result",
                Kind::Area(LONG, &["template-resolve-1", "template-resolve-2"]),
            ),
            needed("resolution", "field-resolution", Kind::Codes("resolution")),
            needed("cause", "field-cause", Kind::Codes("cause")),
            optional("process_change_needed", "field-process-change", Kind::YesNo),
        ],
        is_grave: false,
    },
    Action {
        name: "return",
        command: "return",
        roles: DEPARTMENT,
        is_now: true,
        when: |_, case| matches!(case.state.as_str(), "forwarded" | "in_department"),
        fields: &[
            needed("reason", "field-return-reason", Kind::Chips("return_reason")),
            optional("suggested_department", "field-suggested", Kind::Department),
            optional("duty_basis", "field-duty-basis", Kind::Line(500)),
            needed("note", "field-note", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "progress",
        command: "progress",
        roles: &[Clerk, Director, Callback, Handler, DepartmentLead, Coordinator],
        is_now: false,
        when: |_, case| is_open(case),
        fields: &[
            needed(
                "text",
                "field-progress",
                Kind::Area(LONG, &["template-progress-1", "template-progress-2"]),
            ),
            needed("public", "field-public", Kind::YesNo),
        ],
        is_grave: false,
    },
    Action {
        name: "request-materials",
        command: "material-requests",
        roles: WORKERS,
        is_now: true,
        when: |_, case| matches!(case.state.as_str(), "in_department" | "in_task_force"),
        fields: &[
            needed(
                "items",
                "field-items",
                Kind::Rows(
                    &[
                        needed("name", "field-paper", Kind::Line(SHORT)),
                        needed("basis", "field-paper-basis", Kind::Line(500)),
                    ],
                    4,
                ),
            ),
            needed("mode", "field-told", Kind::Chips("mode")),
            optional("new_fact", "field-new-fact", Kind::Line(500)),
        ],
        is_grave: false,
    },
    Action {
        name: "materials",
        command: "materials",
        roles: WORKERS,
        is_now: false,
        when: |_, case| is_open(case),
        fields: &[
            needed(
                "items",
                "field-items-received",
                Kind::Rows(&[needed("name", "field-paper", Kind::Line(SHORT))], 4),
            ),
            needed("complete", "field-complete", Kind::YesNo),
        ],
        is_grave: false,
    },
    Action {
        name: "joint",
        command: "joint",
        roles: &[Director, Handler, DepartmentLead, Coordinator],
        is_now: true,
        when: |_, case| matches!(case.state.as_str(), "in_department" | "in_task_force"),
        fields: &[needed(
            "parts",
            "field-parts",
            Kind::Rows(
                &[
                    needed("department", "field-department", Kind::Department),
                    needed("ask", "field-ask", Kind::Line(500)),
                ],
                3,
            ),
        )],
        is_grave: false,
    },
    Action {
        name: "part",
        command: "parts/{department}/complete",
        roles: &[Handler, DepartmentLead, Coordinator],
        is_now: false,
        when: |person, case| open_parts(person, case).next().is_some(),
        fields: &[
            needed("department", "field-part", Kind::OpenPart),
            needed("result", "field-part-result", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "not-doable",
        command: "not-doable",
        roles: &[Handler, DepartmentLead, Coordinator],
        is_now: true,
        when: |_, case| matches!(case.state.as_str(), "in_department" | "in_task_force"),
        fields: &[
            needed(
                "basis",
                "field-basis",
                Kind::Rows(
                    &[
                        needed("title", "field-policy", Kind::Line(SHORT)),
                        optional("number", "field-policy-number", Kind::Line(100)),
                        needed("article", "field-article", Kind::Line(500)),
                    ],
                    3,
                ),
            ),
            needed("facts", "field-facts", Kind::Area(LONG, &[])),
            optional("alternatives", "field-alternatives", Kind::Lines(&[])),
            needed("countersigned_by", "field-countersigner", Kind::Person),
        ],
        is_grave: true,
    },
    Action {
        name: "explain",
        command: "explain",
        roles: WORKERS,
        is_now: false,
        when: |_, case| case.state == "not_doable",
        fields: &[
            needed("mode", "field-explain-mode", Kind::Chips("explanation_mode")),
            needed("explainers", "field-explainers", Kind::Explainers),
            needed("documents", "field-documents", Kind::Lines(&["template-explain-documents"])),
            needed("remedies", "field-remedies", Kind::Lines(&["template-explain-remedies"])),
            needed("understood", "field-understood", Kind::Chips("understood")),
        ],
        is_grave: false,
    },
    Action {
        name: "task-force",
        command: "task-force",
        roles: &[Director, Coordinator],
        is_now: false,
        when: |_, case| is_open(case) && !has_task_force(case),
        fields: &[
            needed("reason", "field-force-reason", Kind::Area(LONG, &[])),
            needed("objective", "field-objective", Kind::Area(LONG, &[])),
            needed("chair", "field-chair", Kind::Person),
            needed(
                "members",
                "field-members",
                Kind::Rows(
                    &[
                        needed("department", "field-department", Kind::Department),
                        optional("person", "field-person", Kind::Line(100)),
                    ],
                    4,
                ),
            ),
        ],
        is_grave: false,
    },
    Action {
        name: "meeting",
        command: "task-force/meetings",
        roles: LEADERS,
        is_now: false,
        when: |_, case| has_task_force(case),
        fields: &[
            needed("attendees", "field-attendees", Kind::Lines(&[])),
            needed(
                "positions",
                "field-positions",
                Kind::Rows(
                    &[
                        needed("department", "field-department", Kind::Department),
                        needed("position", "field-position", Kind::Codes("position")),
                        optional("basis", "field-objection-basis", Kind::Line(500)),
                    ],
                    4,
                ),
            ),
            optional("decisions", "field-decisions", Kind::Lines(&[])),
            optional(
                "actions",
                "field-actions",
                Kind::Rows(
                    &[
                        needed("what", "field-what", Kind::Line(500)),
                        needed("owner", "field-owner", Kind::Department),
                        needed("due_at", "field-due", Kind::Day),
                    ],
                    3,
                ),
            ),
        ],
        is_grave: false,
    },
    Action {
        name: "action",
        command: "task-force/actions/{number}/complete",
        roles: WORKERS,
        is_now: false,
        when: |_, case| open_actions(case).next().is_some(),
        fields: &[
            needed("number", "field-action", Kind::OpenAction),
            needed("result", "field-part-result", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "dissolve",
        command: "task-force/dissolve",
        roles: LEADERS,
        is_now: false,
        when: |_, case| has_task_force(case),
        fields: &[needed("outcome", "field-force-outcome", Kind::Area(LONG, &[]))],
        is_grave: false,
    },
    Action {
        name: "special",
        command: "special-handling",
        roles: &[Director, Handler, DepartmentLead, Coordinator],
        is_now: false,
        when: |_, case| {
            matches!(case.state.as_str(), "in_department" | "in_task_force") && !is_pending(case)
        },
        fields: &[
            needed("facts", "field-special-facts", Kind::Area(LONG, &[])),
            needed("requirement_waived", "field-waived", Kind::Line(500)),
            needed("discretion_basis", "field-discretion", Kind::Area(LONG, &[])),
            optional("precedents_checked", "field-precedents", Kind::Lines(&[])),
        ],
        is_grave: false,
    },
    Action {
        name: "check",
        command: "special-handling/checks",
        roles: WORKERS,
        is_now: false,
        when: may_check,
        fields: &[
            needed("layer", "field-layer", Kind::Layer),
            needed("finding", "field-finding", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "decide",
        command: "special-handling/decision",
        roles: LEADERS,
        is_now: false,
        when: |_, case| is_pending(case) && next_layer(case).is_none(),
        fields: &[
            needed("approved", "field-approved", Kind::YesNo),
            needed("reason", "field-reason", Kind::Area(LONG, &[])),
            optional("conditions", "field-conditions", Kind::Lines(&[])),
            optional("is_precedent", "field-is-precedent", Kind::YesNo),
        ],
        is_grave: false,
    },
    Action {
        name: "review",
        command: "special-handling/review",
        roles: LEADERS,
        is_now: false,
        when: |_, case| {
            let special = case.rest.special_handling.as_ref();
            special.is_some_and(|special| {
                let approved = special.decision.as_ref().is_some_and(|one| one.approved);
                approved && special.review.is_none()
            })
        },
        fields: &[needed("result", "field-review", Kind::Chips("review_result"))],
        is_grave: false,
    },
    Action {
        name: "pause",
        command: "pause",
        roles: LEADERS,
        is_now: true,
        when: |_, case| is_open(case) && !case.rest.flags.paused && !case.rest.flags.overdue,
        fields: &[
            needed("reason", "field-pause-reason", Kind::Chips("pause_reason")),
            optional("handler_informed", "field-informed", Kind::YesNo),
        ],
        is_grave: false,
    },
    Action {
        name: "resume",
        command: "resume",
        roles: WORKERS,
        is_now: true,
        when: |_, case| case.rest.flags.paused,
        fields: &[],
        is_grave: false,
    },
    Action {
        name: "extend",
        command: "extend",
        roles: LEADERS,
        is_now: true,
        when: |_, case| is_open(case) && case.rest.extension.is_none() && !case.rest.flags.overdue,
        fields: &[
            needed("working_days", "field-days", Kind::Number),
            needed("reason", "field-extend-reason", Kind::Area(LONG, &[])),
            needed("applicant_told_at", "field-told-now", Kind::Now),
        ],
        is_grave: false,
    },
    Action {
        name: "reclassify",
        command: "reclassify",
        roles: WORKERS,
        is_now: true,
        when: |_, case| is_open(case),
        fields: &[
            optional("complexity", "field-complexity", Kind::Chips("complexity")),
            optional("cause", "field-cause", Kind::Codes("cause")),
            needed("reason", "field-reason", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "urge",
        command: "urge",
        roles: CENTER,
        is_now: false,
        when: |_, case| is_open(case),
        fields: &[needed("text", "field-urge", Kind::Area(LONG, &["template-urge"]))],
        is_grave: false,
    },
    Action {
        name: "rectify",
        command: "rectification/complete",
        roles: WORKERS,
        is_now: false,
        when: |_, case| has_open_rectification(case),
        fields: &[
            needed("action", "field-rectify-action", Kind::Area(LONG, &[])),
            needed("result", "field-rectify-result", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "reopen",
        command: "reopen",
        roles: &[Clerk, Director, Callback, Coordinator],
        is_now: false,
        when: |_, case| {
            matches!(case.state.as_str(), "resolved" | "explained" | "declined" | "closed")
        },
        fields: &[
            needed("reason", "field-reopen-reason", Kind::Chips("reopen_reason")),
            optional("note", "field-note", Kind::Area(LONG, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "decline",
        command: "decline",
        roles: CENTER,
        is_now: false,
        when: |_, case| case.state == "opened",
        fields: &[
            needed("exclusion", "field-exclusion", Kind::Codes("exclusion")),
            needed("reason", "field-reason", Kind::Area(LONG, &[])),
            optional("remedy.body", "field-remedy-body", Kind::Line(SHORT)),
            optional("remedy.contact", "field-remedy-contact", Kind::Line(SHORT)),
            optional("second_check_by", "field-second", Kind::Person),
        ],
        is_grave: true,
    },
    Action {
        name: "transfer",
        command: "transfer",
        roles: &[Clerk, Director, DepartmentLead, Coordinator],
        is_now: true,
        when: |_, case| is_open(case),
        fields: &[
            needed("body", "field-transfer-body", Kind::Line(SHORT)),
            needed("receipt", "field-transfer-receipt", Kind::Line(SHORT)),
            needed("reason", "field-reason", Kind::Area(LONG, &[])),
        ],
        is_grave: true,
    },
    Action {
        name: "withdraw",
        command: "withdraw",
        roles: CENTER,
        is_now: false,
        when: |_, case| is_open(case),
        fields: &[
            needed("reason", "field-withdraw-reason", Kind::Line(500)),
            optional("note", "field-note", Kind::Area(LONG, &[])),
        ],
        is_grave: true,
    },
    Action {
        name: "erase",
        command: "erase",
        roles: &[PrivacyOfficer],
        is_now: false,
        when: |_, case| !case.rest.applicant.erased && !is_open(case),
        fields: &[needed("reason", "field-erase-reason", Kind::Chips("erasure_reason"))],
        is_grave: true,
    },
];

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

fn is_open(case: &Case) -> bool {
    matches!(
        case.state.as_str(),
        "opened" | "forwarded" | "in_department" | "returned" | "in_task_force" | "not_doable"
    )
}

fn is_handled(case: &Case) -> bool {
    matches!(case.state.as_str(), "forwarded" | "in_department" | "in_task_force" | "not_doable")
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

fn may_check(person: &Person, case: &Case) -> bool {
    let Some(layer) = next_layer(case).filter(|_| is_pending(case)) else { return false };
    match person.role {
        Coordinator => true,
        Clerk | Director => matches!(layer, "community" | "street"),
        Handler | DepartmentLead => layer == "department",
        _ => false,
    }
}
