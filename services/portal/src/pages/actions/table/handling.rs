//! Whose it is, and how it ends: from signing for it to explaining why it cannot be done.

use proto_events::codes::Role::{Callback, Clerk, Coordinator, DepartmentLead, Director, Handler};

use super::{
    Action, CENTER, DEPARTMENT, Kind, LONG, SHORT, TEXT, WORKERS, has_open_rectification,
    is_handled, is_open, may_end, may_return, needed, open_parts, optional,
};

/// Who may countersign that something cannot be done.
const SECONDS: &[&str] = &["handler", "department_lead", "director", "coordinator"];

/// In the order in which a page offers them.
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
            needed("ask", "field-ask", Kind::Area(TEXT, &[])),
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
            needed("basis", "field-ruling-basis", Kind::Area(TEXT, &[])),
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
        when: |_, case| may_end(case),
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
        when: |_, case| may_return(case),
        fields: &[
            needed("reason", "field-return-reason", Kind::Chips("return_reason")),
            optional("suggested_department", "field-suggested", Kind::Department),
            optional("duty_basis", "field-duty-basis", Kind::Line(TEXT)),
            needed("note", "field-note", Kind::Area(TEXT, &[])),
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
                        needed("basis", "field-paper-basis", Kind::Line(TEXT)),
                    ],
                    4,
                ),
            ),
            needed("mode", "field-told", Kind::Chips("mode")),
            optional("new_fact", "field-new-fact", Kind::Line(TEXT)),
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
                    needed("ask", "field-ask", Kind::Line(TEXT)),
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
        when: |_, case| may_end(case),
        fields: &[
            needed(
                "basis",
                "field-basis",
                Kind::Rows(
                    &[
                        needed("title", "field-policy", Kind::Line(SHORT)),
                        optional("number", "field-policy-number", Kind::Line(100)),
                        needed("article", "field-article", Kind::Line(TEXT)),
                        optional("in_force_from", "field-in-force-from", Kind::Date),
                    ],
                    3,
                ),
            ),
            needed("facts", "field-facts", Kind::Area(LONG, &[])),
            optional("alternatives", "field-alternatives", Kind::Lines(&[])),
            needed("countersigned_by", "field-countersigner", Kind::Person(SECONDS)),
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
];
