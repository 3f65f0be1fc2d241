//! Who may wish what: the whole matrix, whose cases are in reach, and the page that says so.

extern crate std;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Clock, ConveneTrigger, Level, Role};

use super::*;
use crate::centers;
use crate::command::{Command, CommandKind};
use crate::learning::{self, permission::LearningKind};
use crate::permission::{self, Reach};

/// Rows are commands, columns are [`COLUMNS`]; `x` may, `.` may not; how far it reaches for a department's people.
const MATRIX: &[(CommandKind, &str, Reach)] = &[
    (CommandKind::Open, "x x . . x . . . . .", Reach::Ever),
    (CommandKind::Decline, "x x . . x . . . . .", Reach::Ever),
    (CommandKind::ReceiveMaterials, "x x x x x . . . . .", Reach::Ever),
    (CommandKind::RecordFeedback, "x x x x x x . . . .", Reach::Ever),
    (CommandKind::Reopen, "x x . . x x . . . .", Reach::Ever),
    (CommandKind::Withdraw, "x x . . x . . . . .", Reach::Ever),
    (CommandKind::Forward, "x x . . x . . . . x", Reach::Ever),
    (CommandKind::Accept, ". . x x . . . . . .", Reach::Now),
    (CommandKind::Contact, "x x x x . . . . . .", Reach::Ever),
    (CommandKind::NoteProgress, "x x x x x x . . . .", Reach::Ever),
    (CommandKind::Return, ". . x x . . . . . .", Reach::Now),
    (CommandKind::Arbitrate, ". . . . x . . . . .", Reach::Ever),
    (CommandKind::DetermineNotDoable, ". . x x x . . . . .", Reach::Now),
    (CommandKind::Explain, "x x x x x . . . . .", Reach::Ever),
    (CommandKind::Resolve, "x x x x x . . . . .", Reach::Now),
    (CommandKind::ConveneTaskForce, ". x . . x . . . . x", Reach::Ever),
    (CommandKind::RecordMeeting, ". x . x x . . . . .", Reach::Ever),
    (CommandKind::DissolveTaskForce, ". x . x x . . . . .", Reach::Ever),
    (CommandKind::Escalate, ". . . . . . . . . x", Reach::Ever),
    (CommandKind::OpenRectification, ". . . . . . . . . x", Reach::Ever),
    (CommandKind::CompleteRectification, "x x x x x . . . . .", Reach::Ever),
    (CommandKind::Close, ". . . . . . . . . x", Reach::Ever),
    (CommandKind::Correct, "x x . . x . . . . .", Reach::Ever),
    (CommandKind::Link, "x x . . x . . . . x", Reach::Ever),
    (CommandKind::ErasePersonalData, ". . . . . . x . . x", Reach::Ever),
    (CommandKind::AssignParts, ". x x x x . . . . .", Reach::Now),
    (CommandKind::CompletePart, ". . x x x . . . . .", Reach::Ever),
    (CommandKind::RequestMaterials, "x x x x x . . . . .", Reach::Now),
    (CommandKind::Reclassify, "x x x x x . . . . .", Reach::Now),
    (CommandKind::Transfer, "x x . x x . . . . .", Reach::Now),
    (CommandKind::RequestSpecialHandling, ". x x x x . . . . .", Reach::Ever),
    (CommandKind::CheckSpecialHandling, "x x x x x . . . . .", Reach::Ever),
    (CommandKind::DecideSpecialHandling, ". x . x x . . . . .", Reach::Ever),
    (CommandKind::ReviewSpecialHandling, ". x . x x . . . . .", Reach::Ever),
    (CommandKind::Pause, ". x . x x . . . . .", Reach::Now),
    (CommandKind::Resume, "x x x x x . . . . x", Reach::Now),
    (CommandKind::Extend, ". x . x x . . . . .", Reach::Now),
    (CommandKind::RecalculateDeadline, ". . . . . . . . . x", Reach::Ever),
    (CommandKind::Urge, "x x . . x . . . . .", Reach::Ever),
    (CommandKind::FinishAction, "x x x x x . . . . .", Reach::Ever),
    (CommandKind::Import, ". . . . . . . . . x", Reach::Ever),
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

/// Somebody of a role, of the district when the role is.
fn nearest(role: Role) -> Actor {
    staff().into_iter().find(|person| person.role == role).unwrap()
}

#[test]
fn every_role_may_what_the_matrix_says_and_nothing_else() {
    assert_eq!(COLUMNS.len(), Role::ALL.len());
    let rows: Vec<_> = MATRIX.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(rows, CommandKind::ALL, "a command has no row, or stands elsewhere");
    for (kind, expected, reach) in MATRIX {
        let mark = |role| if permission::may(role, *kind) { "x" } else { "." };
        let found: Vec<&str> = COLUMNS.into_iter().map(mark).collect();
        assert_eq!(found.join(" "), *expected, "{kind:?}");
        assert_eq!(permission::line(*kind).reach, *reach, "{kind:?}");
    }
}

/// Whether the matrix lets a role give a command.
fn may(role: Role, kind: CommandKind) -> bool {
    let (_, marks, _) =
        MATRIX.iter().find(|(row, ..)| *row == kind).expect("every command has a row");
    let column = COLUMNS.iter().position(|one| *one == role).expect("every role has a column");
    marks.split(' ').nth(column) == Some("x")
}

/// How near a person is to the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Of the center that took it on, of the department that has it, or of the district.
    Own,
    /// Of a department that had it and sent it back.
    Before,
    /// Of a department that has a part of it.
    Part,
    /// Of another center, or of a department that never heard of it.
    Elsewhere,
}

/// A complex case with a history: civil affairs had it, the human resources have it, the disabled federation has a
/// part of it.
fn with_history() -> Story {
    Story::opened()
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::send_back("hr-public-service"))
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::assign("disabled-federation"))
}

/// Somebody of each role at each place.
fn everybody() -> Vec<(Actor, Place)> {
    let at_center = |role, id: &str| Actor {
        username: format!("{role}-of-{id}"),
        role,
        center: Some(id.parse().unwrap()),
        department: None,
    };
    let of_department = |role, id: &str| Actor {
        username: format!("{role}-of-{id}"),
        role,
        center: None,
        department: Some(id.parse().unwrap()),
    };
    let mut people = Vec::new();
    for role in COLUMNS {
        match role {
            Role::Clerk | Role::Director => people.extend([
                (at_center(role, "donghuashi"), Place::Own),
                (at_center(role, "longtan"), Place::Elsewhere),
            ]),
            Role::Handler | Role::DepartmentLead => people.extend([
                (of_department(role, "hr-public-service"), Place::Own),
                (of_department(role, "civil-affairs"), Place::Before),
                (of_department(role, "disabled-federation"), Place::Part),
                (of_department(role, "medical-insurance"), Place::Elsewhere),
            ]),
            _ => people.push((nearest(role), Place::Own)),
        }
    }
    people
}

/// The wish in the form that fits the person: the own center, the own part, the own layer.
fn fitting(wish: Command, actor: &Actor) -> Command {
    match wish {
        Command::Open(mut open) => {
            if let Some(center) = &actor.center {
                open.center.clone_from(center);
            }
            Command::Open(open)
        }
        Command::CompletePart { result, department } => {
            let department = actor.department.clone().unwrap_or(department);
            Command::CompletePart { department, result }
        }
        other => other,
    }
}

#[test]
fn every_role_at_every_place_reaches_what_the_matrix_says() {
    let story = with_history();
    let wishes = wishes::one_of_each();
    let kinds: Vec<_> = wishes.iter().map(Command::kind).collect();
    assert_eq!(kinds, CommandKind::ALL);
    for wish in wishes {
        let kind = wish.kind();
        let (_, _, reach) = MATRIX.iter().find(|(row, ..)| *row == kind).unwrap();
        for (actor, place) in everybody() {
            let is_near = match place {
                Place::Own => true,
                Place::Before | Place::Part => *reach == Reach::Ever,
                // Nobody opens a case at the center of others: he opens it at his own.
                Place::Elsewhere => kind == CommandKind::Open,
            };
            let expected = may(actor.role, kind) && is_near;
            let answer = story.wish_of(&actor, &fitting(wish.clone(), &actor));
            let is_forbidden = matches!(answer, Err(Refusal::Forbidden(_)));
            assert_eq!(
                !is_forbidden, expected,
                "{} {place:?} {kind:?}: {answer:?}",
                actor.username
            );
        }
    }
}

#[test]
fn what_a_person_may_see_follows_from_the_place_alone() {
    let story = with_history();
    for (actor, place) in everybody() {
        let sees = place != Place::Elsewhere && actor.role != Role::Admin;
        assert_eq!(
            permission::may_read(&actor, story.case()),
            sees,
            "{} {place:?}",
            actor.username
        );
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
fn an_applicant_is_revealed_to_who_has_the_case_and_to_no_department_that_gave_it_back() {
    let story = Story::accepted();
    for (name, may) in [
        ("clerk", true),
        ("director", true),
        ("hr-handler", true),
        ("civil-handler", false),
        ("coordinator", true),
        ("callback", true),
        ("privacy-officer", true),
        ("auditor", false),
        ("admin", false),
        ("timer", false),
    ] {
        assert_eq!(permission::may_reveal(&who(name), story.case()), may, "{name}");
    }
    let mut case = story.case().clone();
    case.department = None;
    assert!(case.departments_ever.iter().any(|department| department.as_str().starts_with("hr")));
    assert!(!permission::may_reveal(&who("hr-handler"), &case));
    case.co_departments = who("civil-handler").department.into_iter().collect();
    assert!(permission::may_reveal(&who("civil-handler"), &case));
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

/// The words of a command, `Record feedback`.
fn words(kind: impl core::fmt::Debug) -> String {
    let name = format!("{kind:?}");
    let mut words = String::new();
    for (index, letter) in name.char_indices() {
        match letter {
            capital if capital.is_ascii_uppercase() && index > 0 => {
                words.push(' ');
                words.push(capital.to_ascii_lowercase());
            }
            other => words.push(other),
        }
    }
    words
}

/// The page for people.
fn page() -> String {
    let mut page = String::from(
        "# Who may what\n\n\
         Generated from `src/permission.rs` by the test `the_page_of_permissions_is_what_the_table_says`; run it with \
         `UPDATE_GOLDEN=1` to write it anew.\n\n\
         What is not marked is forbidden. Center people reach the cases of their own center, the coordinator and the \
         other roles of the district all cases. The last column says how far a command reaches for the people of a \
         department: cases that are or were with it, as its own or as a part (ever 曾办), or only those that it has now \
         (now 在办).\n\n",
    );
    head(&mut page);
    for kind in CommandKind::ALL {
        let line = permission::line(*kind);
        let reach = match line.reach {
            Reach::Ever => "ever 曾办",
            Reach::Now => "now 在办",
        };
        row(&mut page, &words(*kind), |role| line.roles.contains(&role), reach);
    }
    page.push_str(
        "\nBeside the table, the rules of the work say more:\n\n\
         - A case is opened at one's own center. (在本中心登记)\n\
         - A part of a joint matter is finished by the people of the department that has it, or by the coordinator. \
         (联办事项由承担部门办结)\n\
         - A layer of a special handling is checked by whoever stands for it: community and street by the center, \
         department by the department, district by the coordinator, who may stand for any; each by another person. \
         (层层把关，每层另一人)\n\
         - After 80 % of the time only the coordinator lengthens a limit by reclassifying. (时限过八成后延长须由区级协调员决定)\n\
         - Whoever handles a case neither pauses nor extends its clock, nor collects its feedback. (承办人不得自行暂停、延期、回访)\n\n\
         ## What the district learns\n\n\
         From `src/learning/permission.rs`. Who checks a precedent is another than who publishes it: a director, a \
         department lead or a coordinator. (先例须经第二人审核)\n\n",
    );
    head(&mut page);
    for kind in LearningKind::ALL {
        let line = learning::permission::line(*kind);
        let reach = match line.reach {
            learning::permission::Reach::District => "district 全区",
            learning::permission::Reach::OwnDepartment => "own department 本部门",
        };
        row(&mut page, &words(*kind), |role| line.roles.contains(&role), reach);
    }
    page.push_str(
        "\n## What a center counts\n\n\
         From `src/centers.rs`: questions and day closes of the own center, of every center for the coordinator. \
         (咨询计数与日结，限本中心)\n\n",
    );
    head(&mut page);
    let center: proto_events::ids::CenterId = "donghuashi".parse().unwrap();
    let reports = |role| centers::may_report(&nearest(role), &center);
    row(&mut page, "Count consultations, close the day", reports, "");
    page.push_str(
        "\n## What cannot be read\n\n\
         Which events stand in quarantine, and why; nothing of what is in them. (无法读取的事件：仅列位置与原因)\n\n",
    );
    head(&mut page);
    row(&mut page, "See the quarantine", permission::may_read_quarantine, "");
    page.push_str(
        "\n## Who reads people, the audit and accounts\n\n\
         An applicant is read in clear for a purpose, and the audit has a line before he is shown: by his center, by the \
         departments that have the case or a part of it now, and by whoever calls or answers for the whole district. \
         (查看个人信息须写明用途并先留痕；退回后的部门不再可见)\n\n",
    );
    head(&mut page);
    row(&mut page, "Reveal the applicant", permission::reveals, "now 在办");
    row(&mut page, "Read the audit", permission::may_read_audit, "");
    row(&mut page, "Administer accounts", permission::may_administer_accounts, "");
    let needs = permission::needs_second_factor;
    row(&mut page, "Need a second factor, where the district requires one", needs, "");
    page
}

/// The head of a table of the page.
fn head(page: &mut String) {
    let role = |role: Role| format!("{}<br>{}", role.label_zh(), role.label_en());
    let names: Vec<_> = COLUMNS.into_iter().map(role).collect();
    page.push_str(&format!("| Command | {} | Reach<br>范围 |\n", names.join(" | ")));
    page.push_str(&format!("|---|{}---|\n", ":-:|".repeat(COLUMNS.len())));
}

/// A row of it; the reach is that of a department's people, where they have any.
fn row(page: &mut String, name: &str, may: impl Fn(Role) -> bool, reach: &str) {
    let marks: Vec<_> = COLUMNS.into_iter().map(|role| if may(role) { "●" } else { "" }).collect();
    let is_of_department = [Role::Handler, Role::DepartmentLead].into_iter().any(&may);
    let reach = if is_of_department { reach } else { "" };
    page.push_str(&format!("| {name} | {} | {reach} |\n", marks.join(" | ")));
}

#[test]
fn the_page_of_permissions_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/PERMISSIONS.md");
    let page = page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, page).expect("the folder is there and may be written");
        return;
    }
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stored == page,
        "PERMISSIONS.md is not what the table says; run with UPDATE_GOLDEN=1 and read the difference"
    );
}
