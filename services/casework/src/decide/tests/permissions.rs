//! Who may wish what: the whole matrix, and whose cases are in reach.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Clock, ConveneTrigger, Level, Role};

use super::*;
use crate::command::{Command, CommandKind};
use crate::permission;

/// Rows are commands, columns are [`COLUMNS`]; `x` may, `.` may not.
const MATRIX: &[(CommandKind, &str)] = &[
    (CommandKind::Open, "x x . . x . . . . ."),
    (CommandKind::Decline, "x x . . x . . . . ."),
    (CommandKind::ReceiveMaterials, "x x x x x . . . . ."),
    (CommandKind::RecordFeedback, "x x x x x x . . . ."),
    (CommandKind::Reopen, "x x . . x x . . . ."),
    (CommandKind::Withdraw, "x x . . x . . . . ."),
    (CommandKind::Forward, "x x . . x . . . . x"),
    (CommandKind::Accept, ". . x x . . . . . ."),
    (CommandKind::Contact, "x x x x . . . . . ."),
    (CommandKind::NoteProgress, "x x x x x x . . . ."),
    (CommandKind::Return, ". . x x . . . . . ."),
    (CommandKind::Arbitrate, ". . . . x . . . . ."),
    (CommandKind::DetermineNotDoable, ". . x x x . . . . ."),
    (CommandKind::Explain, "x x x x x . . . . ."),
    (CommandKind::Resolve, "x x x x x . . . . ."),
    (CommandKind::ConveneTaskForce, ". x . . x . . . . x"),
    (CommandKind::RecordMeeting, ". x . x x . . . . ."),
    (CommandKind::DissolveTaskForce, ". x . x x . . . . ."),
    (CommandKind::Escalate, ". . . . . . . . . x"),
    (CommandKind::OpenRectification, ". . . . . . . . . x"),
    (CommandKind::CompleteRectification, "x x x x x . . . . ."),
    (CommandKind::Close, ". . . . . . . . . x"),
    (CommandKind::Correct, "x x . . x . . . . ."),
    (CommandKind::Link, "x x . . x . . . . x"),
    (CommandKind::ErasePersonalData, ". . . . . . x . . x"),
    (CommandKind::AssignParts, ". x x x x . . . . ."),
    (CommandKind::CompletePart, ". . x x x . . . . ."),
    (CommandKind::RequestMaterials, "x x x x x . . . . ."),
    (CommandKind::Reclassify, "x x x x x . . . . ."),
    (CommandKind::Transfer, "x x . x x . . . . ."),
    (CommandKind::RequestSpecialHandling, ". x x x x . . . . ."),
    (CommandKind::CheckSpecialHandling, "x x x x x . . . . ."),
    (CommandKind::DecideSpecialHandling, ". x . x x . . . . ."),
    (CommandKind::ReviewSpecialHandling, ". x . x x . . . . ."),
    (CommandKind::Pause, ". x . x x . . . . ."),
    (CommandKind::Resume, "x x x x x . . . . x"),
    (CommandKind::Extend, ". x . x x . . . . ."),
    (CommandKind::RecalculateDeadline, ". . . . . . . . . x"),
    (CommandKind::Urge, "x x . . x . . . . ."),
    (CommandKind::FinishAction, "x x x x x . . . . ."),
];

const COLUMNS: [Role; 10] = [
    Role::Clerk,
    Role::Director,
    Role::Handler,
    Role::DepartmentLead,
    Role::Coordinator,
    Role::Callback,
    Role::PrivacyOfficer,
    Role::Auditor,
    Role::Admin,
    Role::System,
];

/// A person of each role who is as near to the case of the tests as the role can be.
fn nearest(role: Role) -> Actor {
    staff().into_iter().find(|person| person.role == role).unwrap()
}

#[test]
fn every_role_may_what_the_matrix_says_and_nothing_else() {
    assert_eq!(COLUMNS.len(), Role::ALL.len());
    let rows: Vec<_> = MATRIX.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(rows, CommandKind::ALL, "a command has no row, or stands elsewhere");
    for (kind, expected) in MATRIX {
        let mark = |role| if permission::may(role, *kind) { "x" } else { "." };
        let found: Vec<&str> = COLUMNS.into_iter().map(mark).collect();
        assert_eq!(found.join(" "), *expected, "{kind:?}");
    }
}

#[test]
fn a_decision_asks_the_matrix_for_every_command() {
    let wishes = wishes::one_of_each();
    let kinds: Vec<_> = wishes.iter().map(Command::kind).collect();
    assert_eq!(kinds, CommandKind::ALL);
    let story = Story::accepted();
    for wish in &wishes {
        for role in COLUMNS {
            let answer = story.wish_of(&nearest(role), wish);
            let is_forbidden = matches!(answer, Err(Refusal::Forbidden(_)));
            let may = permission::may(role, wish.kind());
            assert_eq!(is_forbidden, !may, "{role} {:?}: {answer:?}", wish.kind());
        }
    }
}

#[test]
fn the_staff_of_another_center_or_department_has_no_reach() {
    let strangers =
        ["longtan-clerk", "longtan-director", "civil-handler", "civil-lead", "bureau-lead"];
    let story = Story::accepted();
    for name in strangers {
        let stranger = who(name);
        assert!(!permission::may_read(&stranger, story.case()), "{name}");
        for wish in wishes::one_of_each() {
            // Opening is about one's own center, which has its own test.
            if wish.kind() != CommandKind::Open {
                let answer = story.wish_of(&stranger, &wish);
                assert!(matches!(answer, Err(Refusal::Forbidden(_))), "{name}: {answer:?}");
            }
        }
    }
}

#[test]
fn a_department_that_had_the_case_still_speaks_and_no_longer_decides() {
    let story = Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("hr-public-service"))
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept());
    assert!(permission::may_read(&who("civil-handler"), story.case()));
    story
        .forbids("civil-handler", &wishes::accept())
        .forbids("civil-handler", &wishes::send_back("medical-insurance"))
        .forbids("civil-handler", &wishes::not_doable("civil-lead"))
        .forbids("civil-handler", &wishes::resolve())
        .does("civil-handler", wishes::note("可提供婚姻登记档案"))
        .does("civil-handler", wishes::materials());
}

#[test]
fn a_member_of_the_task_force_has_reach_from_its_convening_on() {
    let meet = wishes::meet(proto_events::codes::Position::Agree, None);
    Story::accepted()
        .forbids("civil-lead", &meet)
        .does("director", wishes::convene(ConveneTrigger::Person))
        .does("civil-lead", meet)
        .forbids("civil-lead", &wishes::resolve());
}

#[test]
fn who_belongs_nowhere_reaches_nothing() {
    let story = Story::opened();
    for role in [Role::Clerk, Role::Director, Role::Handler, Role::DepartmentLead] {
        let nobody =
            Actor { username: String::from("nobody"), role, center: None, department: None };
        assert!(!permission::may_read(&nobody, story.case()), "{role}");
        for kind in CommandKind::ALL {
            assert!(!permission::in_scope(&nobody, *kind, story.case()), "{role} {kind:?}");
        }
        assert!(!permission::is_of_center(&nobody, &story.case().center), "{role}");
    }
}

#[test]
fn readers_see_every_case_and_the_administrator_none() {
    let case = Story::opened();
    for (name, sees) in [
        ("coordinator", true),
        ("callback", true),
        ("privacy-officer", true),
        ("auditor", true),
        ("timer", true),
        ("admin", false),
        ("clerk", true),
        ("hr-handler", false),
    ] {
        assert_eq!(permission::may_read(&who(name), case.case()), sees, "{name}");
    }
}

#[test]
fn a_refusal_for_the_role_names_the_role() {
    let answer = Story::opened().wish("auditor", &wishes::withdraw());
    let Err(Refusal::Forbidden(detail)) = answer else { panic!("{answer:?}") };
    assert!(detail.contains(Role::Auditor.label_zh()), "{detail}");
}

#[test]
fn every_refusal_code_has_its_page_and_no_two_share_a_name() {
    let mut names: Vec<_> = RefusalCode::ALL.iter().map(|code| code.code()).collect();
    for code in RefusalCode::ALL {
        let (zh, en) = code.page();
        assert!(!zh.is_empty() && !en.is_empty(), "{}", code.code());
        let is_snake = |b: u8| b.is_ascii_lowercase() || b == b'_';
        assert!(code.code().bytes().all(is_snake), "{}", code.code());
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RefusalCode::ALL.len());
    let refusal = Refusal::wrong_state(CaseState::Closed);
    assert!(format!("{refusal:?}").contains("已结案"), "it says where the case is");
}

#[test]
fn only_a_wish_that_names_a_second_person_has_one() {
    let named: Vec<_> = wishes::one_of_each()
        .iter()
        .filter_map(|wish| wish.second_person().map(|(name, at)| format!("{name}{at}")))
        .collect();
    assert_eq!(named, ["hr-lead/countersigned_by"]);
    assert_eq!(wishes::accept_for("hr-lead").second_person(), Some(("hr-lead", "/handler")));
    let declined = wishes::decline(proto_events::codes::Exclusion::Abusive, Some("clerk-2"));
    assert_eq!(declined.second_person(), Some(("clerk-2", "/second_check_by")));
    let escalation = wishes::escalate(Level::Director, Clock::Handling, 1);
    assert_eq!(escalation.second_person(), None);
}
