//! What moves a case that is stuck, and what concerns its time, its record and its end.

use proto_events::codes::Role::{
    Callback, Clerk, Coordinator, DepartmentLead, Director, Handler, PrivacyOfficer,
};

use super::{
    Action, CENTER, Kind, LEADERS, LONG, SHORT, TEXT, WORKERS, has_checked, has_open_rectification,
    has_task_force, is_open, is_pending, may_check, needed, next_layer, open_actions, optional,
};

/// In the order in which a page offers them.
pub(super) const ALL: &[Action] = &[
    Action {
        name: "task-force",
        command: "task-force",
        roles: &[Director, Coordinator],
        is_now: false,
        when: |_, case| is_open(case) && !has_task_force(case),
        fields: &[
            needed("reason", "field-force-reason", Kind::Area(TEXT, &[])),
            needed("objective", "field-objective", Kind::Area(TEXT, &[])),
            needed("chair", "field-chair", Kind::Department),
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
            optional(
                "positions",
                "field-positions",
                Kind::Rows(
                    &[
                        needed("department", "field-department", Kind::Department),
                        needed("position", "field-position", Kind::Codes("position")),
                        optional("basis", "field-objection-basis", Kind::Line(TEXT)),
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
                        needed("what", "field-what", Kind::Line(TEXT)),
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
        fields: &[needed("outcome", "field-force-outcome", Kind::Area(TEXT, &[]))],
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
            needed("requirement_waived", "field-waived", Kind::Line(TEXT)),
            needed("discretion_basis", "field-discretion", Kind::Area(TEXT, &[])),
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
        when: |person, case| {
            is_pending(case) && next_layer(case).is_none() && !has_checked(person, case)
        },
        fields: &[
            needed("approved", "field-approved", Kind::YesNo),
            needed("reason", "field-reason", Kind::Area(TEXT, &[])),
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
            needed("reason", "field-extend-reason", Kind::Area(TEXT, &[])),
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
            needed("reason", "field-reason", Kind::Area(TEXT, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "urge",
        command: "urge",
        roles: CENTER,
        is_now: false,
        when: |_, case| is_open(case),
        fields: &[needed("text", "field-urge", Kind::Area(TEXT, &["template-urge"]))],
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
            optional("note", "field-note", Kind::Area(TEXT, &[])),
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
            needed("reason", "field-reason", Kind::Area(TEXT, &[])),
            optional("remedy.body", "field-remedy-body", Kind::Line(SHORT)),
            optional("remedy.contact", "field-remedy-contact", Kind::Line(SHORT)),
            optional(
                "second_check_by",
                "field-second",
                Kind::Person(&["clerk", "director", "coordinator"]),
            ),
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
            needed("reason", "field-reason", Kind::Area(TEXT, &[])),
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
            needed("reason", "field-withdraw-reason", Kind::Line(SHORT)),
            optional("note", "field-note", Kind::Area(TEXT, &[])),
        ],
        is_grave: true,
    },
    Action {
        name: "correct",
        command: "corrections",
        roles: CENTER,
        is_now: false,
        when: |_, case| !case.rest.applicant.erased,
        fields: &[
            needed(
                "field",
                "field-corrected",
                Kind::Texts(&[
                    ("demand", "corrected-demand"),
                    ("summary", "corrected-summary"),
                    ("matter", "corrected-matter"),
                    ("name", "corrected-name"),
                    ("phone", "corrected-phone"),
                    ("address", "corrected-address"),
                ]),
            ),
            needed("value", "field-corrected-value", Kind::Area(LONG, &[])),
            needed("reason", "field-reason", Kind::Area(TEXT, &[])),
        ],
        is_grave: false,
    },
    Action {
        name: "link",
        command: "links",
        roles: CENTER,
        is_now: false,
        when: |_, _| true,
        fields: &[
            needed("case_id", "field-linked", Kind::Case),
            needed("relation", "field-relation", Kind::Chips("link_relation")),
            optional("note", "field-note", Kind::Line(TEXT)),
        ],
        is_grave: false,
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
