//! Wishes of every kind, with whatever stands in them by chance: plausible, and now and then wrong.

use casework::case::Case;
use casework::case::records::SpecialHandling;
use casework::command::{Actor, Command, CommandKind, Context, CorrectedField, PartWish};
use casework::decide::decide;
use casework::permission;
use casework::rules::Rules;
use chrono::TimeDelta;
use desk::bodies;
use intake::{Applicant, OpenBody};
use proto_events::Timestamp;
use proto_events::codes::{
    ApplicantKind, CaseState, Cause, Channel, CheckLayer, Clock, ClosingCode, Complexity,
    ConveneTrigger, ErasureReason, Exclusion, ExplanationMode, Grade, Level, LinkRelation,
    PauseReason, Position, ReopenReason, Resolution, ReturnReason, ReviewResult, Solved, Stage,
    Understood,
};
use proto_events::events::{
    DepartmentPosition, Explainer, MeetingAction, Member, Mode, PolicyBasis, ReceivedItem, Remedy,
    RequestedItem,
};
use proto_events::ids::{CaseId, DepartmentId};

use super::chance::Chance;
use super::people::{Accounts, CENTERS, DEPARTMENTS};

/// Matters that people come with: three that the routing table knows, two that it does not.
const MATTERS: [&str; 5] = ["退休手续办理", "低保申请", "医保关系转移", "税务登记变更", "邻里噪声"];

/// Attempts to find a wish that would be granted.
const LOOKS_MAX: usize = 60;

/// What a wish may be about.
pub(crate) struct Scene<'a> {
    pub(crate) case: &'a Case,
    /// All cases, for links.
    pub(crate) cases: &'a [CaseId],
    pub(crate) now: Timestamp,
    pub(crate) rules: &'a Rules,
}

/// An opening by chance; the few applicants meet their own open cases now and then.
pub(crate) fn opening(chance: &mut Chance, now: Timestamp) -> OpenBody {
    let number = chance.below(4);
    let is_written_later = chance.percent(10);
    OpenBody {
        center: chance.pick(&CENTERS).parse().unwrap(),
        channel: *chance.pick(Channel::ALL),
        matter: bodies::Matter { name: (*chance.pick(&MATTERS)).to_owned(), code: None },
        blocked_stage: *chance.pick(Stage::ALL),
        cause: *chance.pick(Cause::ALL),
        demand: "想知道应该找哪个部门".to_owned(),
        summary: chance.percent(30).then(|| "跑了几趟没有结果".to_owned()),
        attempts_before: u32::try_from(chance.below(6)).unwrap(),
        complexity: *chance.pick(Complexity::ALL),
        applicant: Applicant {
            kind: ApplicantKind::Person,
            name: format!("样例{number}"),
            phone: format!("1380000000{number}"),
            id_number: None,
            address: None,
            care: Vec::new(),
        },
        notice: bodies::Notice { version: "1".to_owned(), mode: mode(chance) },
        occurred_at: is_written_later.then(|| now - TimeDelta::hours(chance.between(1, 100))),
    }
}

/// A wish of any kind by anybody.
pub(crate) fn any(chance: &mut Chance, scene: &Scene<'_>) -> (Actor, Command) {
    let kind = *chance.pick(kinds());
    let actor = chance.pick(&Accounts::get().people).clone();
    (actor, wish(chance, kind, scene))
}

/// A wish that the rules would grant now, where one is found: so that stories get far.
pub(crate) fn granted(chance: &mut Chance, scene: &Scene<'_>) -> (Actor, Command) {
    let people = &Accounts::get().people;
    for _ in 0..LOOKS_MAX {
        let next = next_steps(scene.case);
        let kind = match chance.percent(50) && !next.is_empty() {
            true => *chance.pick(&next),
            false => *chance.pick(kinds()),
        };
        if is_dull(kind, scene.case) && chance.percent(85) {
            continue;
        }
        let may = |actor: &&Actor| {
            permission::may(actor.role, kind) && permission::in_scope(actor, kind, scene.case)
        };
        let able: Vec<&Actor> = people.iter().filter(may).collect();
        if able.is_empty() {
            continue;
        }
        let actor = *chance.pick(&able);
        let command = wish(chance, kind, scene);
        let second = command.second_person().and_then(|(name, _)| Accounts::get().named(name));
        let context = Context { now: scene.now, actor, second, rules: scene.rules };
        if decide(Some(scene.case), &command, &context).is_ok_and(|events| !events.is_empty()) {
            return (actor.clone(), command);
        }
    }
    any(chance, scene)
}

/// What a case waits for.
fn next_steps(case: &Case) -> Vec<CommandKind> {
    use CommandKind as K;
    let mut steps = match case.state {
        CaseState::Opened => vec![K::Forward],
        CaseState::Forwarded => vec![K::Accept, K::Accept, K::Return],
        CaseState::InDepartment => {
            vec![K::Resolve, K::DetermineNotDoable, K::AssignParts, K::RequestSpecialHandling]
        }
        CaseState::Returned => vec![K::Forward, K::Arbitrate],
        CaseState::InTaskForce => vec![K::RecordMeeting, K::DissolveTaskForce, K::Accept],
        CaseState::NotDoable => vec![K::Explain],
        CaseState::Resolved | CaseState::Explained | CaseState::Declined => {
            vec![K::RecordFeedback, K::Reopen]
        }
        CaseState::Closed => vec![K::Reopen, K::ErasePersonalData],
        CaseState::Withdrawn | CaseState::Transferred => vec![],
    };
    if case.is_open() && case.pending_special_handling().is_some() {
        steps.extend([K::CheckSpecialHandling, K::CheckSpecialHandling, K::DecideSpecialHandling]);
    }
    let is_approved = |special: &SpecialHandling| {
        special.review.is_none()
            && special.decision.as_ref().is_some_and(|decision| decision.approved)
    };
    if case.special_handling.as_ref().is_some_and(is_approved) {
        steps.push(K::ReviewSpecialHandling);
    }
    if case.has_open_parts() {
        steps.extend([K::CompletePart, K::CompletePart]);
    }
    if case.open_rectification().is_some() {
        steps.push(K::CompleteRectification);
    }
    steps
}

/// Whether a wish is possible nearly always and leads nowhere, or ends the story; such come up by themselves.
fn is_dull(kind: CommandKind, case: &Case) -> bool {
    use CommandKind as K;
    match kind {
        K::RecordFeedback => case.is_open(),
        K::Arbitrate => case.state != CaseState::Returned,
        K::Withdraw
        | K::Reopen
        | K::Transfer
        | K::Decline
        | K::NoteProgress
        | K::Urge
        | K::Link
        | K::Correct
        | K::Contact
        | K::ReceiveMaterials
        | K::RequestMaterials
        | K::Reclassify
        | K::ErasePersonalData => true,
        _ => false,
    }
}

/// All kinds that concern a case that is there.
fn kinds() -> &'static [CommandKind] {
    let (opening, others) = CommandKind::ALL.split_first().unwrap();
    assert_eq!(*opening, CommandKind::Open);
    let (import, others) = others.split_last().unwrap();
    assert_eq!(*import, CommandKind::Import);
    others
}

fn text(chance: &mut Chance, good: &str) -> String {
    match chance.below(40) {
        0 => String::new(),
        1 => "请打 13800138000 联系".to_owned(),
        _ => good.to_owned(),
    }
}

fn mode(chance: &mut Chance) -> Mode {
    (*chance.pick(&["phone", "in_person", "sms"])).to_owned().try_into().unwrap()
}

fn department(chance: &mut Chance) -> DepartmentId {
    let name = if chance.percent(2) { "nowhere" } else { *chance.pick(&DEPARTMENTS) };
    name.parse().unwrap()
}

fn body(chance: &mut Chance) -> DepartmentId {
    if chance.percent(30) { chance.pick(&CENTERS).parse().unwrap() } else { department(chance) }
}

fn username(chance: &mut Chance) -> String {
    if chance.percent(3) {
        return "nobody".to_owned();
    }
    chance.pick(&Accounts::get().people).username.clone()
}

fn maybe<T>(chance: &mut Chance, percent: u64, value: impl FnOnce(&mut Chance) -> T) -> Option<T> {
    chance.percent(percent).then(|| value(chance))
}

fn some<T>(chance: &mut Chance, max: usize, mut one: impl FnMut(&mut Chance) -> T) -> Vec<T> {
    (0..chance.below(max + 1)).map(|_| one(chance)).collect()
}

/// A wish of one kind.
#[expect(clippy::too_many_lines, reason = "one arm for each command of the house")]
pub(crate) fn wish(chance: &mut Chance, kind: CommandKind, scene: &Scene<'_>) -> Command {
    let case = scene.case;
    match kind {
        CommandKind::Open | CommandKind::Import => unreachable!("openings go through intake"),
        CommandKind::Decline => Command::Decline {
            exclusion: *chance.pick(Exclusion::ALL),
            reason: text(chance, "不属于本平台事项"),
            remedy: maybe(chance, 80, |chance| Remedy {
                body: text(chance, "区信访办"),
                contact: None,
            }),
            second_check_by: maybe(chance, 60, username),
        },
        CommandKind::ReceiveMaterials => Command::ReceiveMaterials {
            items: some(chance, 3, |chance| ReceivedItem {
                name: text(chance, "户口簿"),
                basis: None,
            }),
            complete: chance.percent(50),
        },
        CommandKind::RecordFeedback => {
            let responded = chance.percent(70);
            let answered = if responded { 90 } else { 3 };
            Command::RecordFeedback {
                responded,
                solved: maybe(chance, answered, |chance| *chance.pick(Solved::ALL)),
                grade: maybe(chance, answered, |chance| {
                    Grade::try_from(u8::try_from(chance.between(1, 5)).unwrap()).unwrap()
                }),
                comment: maybe(chance, 20, |chance| text(chance, "还行")),
                mode: mode(chance),
            }
        }
        CommandKind::Reopen => Command::Reopen {
            reason: *chance.pick(ReopenReason::ALL),
            note: maybe(chance, 20, |chance| text(chance, "没有解决")),
        },
        CommandKind::Withdraw => {
            Command::Withdraw { reason: text(chance, "自行解决"), note: None }
        }
        CommandKind::Forward => Command::Forward {
            department: department(chance),
            ask: text(chance, "请办理"),
            contact: None,
            automatic: false,
        },
        CommandKind::Accept => Command::Accept { handler: maybe(chance, 30, username) },
        CommandKind::Contact => {
            Command::Contact { mode: mode(chance), reached: chance.percent(70) }
        }
        CommandKind::NoteProgress => {
            Command::NoteProgress { text: text(chance, "正在核对"), public: chance.percent(50) }
        }
        CommandKind::Return => Command::Return {
            reason: *chance.pick(ReturnReason::ALL),
            duty_basis: maybe(chance, 70, |chance| text(chance, "三定方案第五条")),
            suggested_department: maybe(chance, 80, department),
            note: text(chance, "不属于我单位职责"),
        },
        CommandKind::Arbitrate => Command::Arbitrate {
            department: department(chance),
            co_departments: some(chance, 1, department),
            basis: text(chance, "会议纪要"),
        },
        CommandKind::DetermineNotDoable => Command::DetermineNotDoable {
            basis: vec![PolicyBasis {
                title: "社会保险法".to_owned(),
                number: None,
                article: text(chance, "第十六条"),
                in_force_from: None,
            }],
            facts: text(chance, "没有缴费记录"),
            alternatives: some(chance, 2, |chance| text(chance, "灵活就业参保")),
            countersigned_by: username(chance),
        },
        CommandKind::Explain => Command::Explain {
            mode: *chance.pick(ExplanationMode::ALL),
            explainers: some(chance, 3, |chance| Explainer { department: body(chance) }),
            documents: Vec::new(),
            remedies: some(chance, 2, |chance| text(chance, "行政复议")),
            understood: *chance.pick(Understood::ALL),
        },
        CommandKind::Resolve => Command::Resolve {
            resolution: *chance.pick(Resolution::ALL),
            result: text(chance, "已办结"),
            cause: *chance.pick(Cause::ALL),
            process_change_needed: chance.percent(20),
        },
        CommandKind::ConveneTaskForce => Command::ConveneTaskForce {
            trigger: ConveneTrigger::Person,
            chair: text(chance, "区政务服务局"),
            members: some(chance, 3, |chance| Member {
                department: body(chance),
                person: String::new(),
            }),
            objective: text(chance, "明确承办单位"),
            reason: text(chance, "久拖不决"),
        },
        CommandKind::RecordMeeting => Command::RecordMeeting {
            attendees: some(chance, 3, username),
            positions: some(chance, 2, |chance| DepartmentPosition {
                department: body(chance),
                position: *chance.pick(Position::ALL),
                basis: maybe(chance, 70, |chance| text(chance, "三定方案")),
            }),
            decisions: some(chance, 1, |chance| text(chance, "由民政牵头")),
            actions: some(chance, 2, |chance| MeetingAction {
                owner: username(chance),
                what: text(chance, "核对档案"),
                due_at: scene.now + TimeDelta::days(chance.between(1, 9)),
            }),
        },
        CommandKind::DissolveTaskForce => {
            Command::DissolveTaskForce { outcome: text(chance, "已明确") }
        }
        CommandKind::FinishAction => Command::FinishAction {
            number: u32::try_from(chance.between(0, 3)).unwrap(),
            result: text(chance, "已核对"),
        },
        CommandKind::CompleteRectification => Command::CompleteRectification {
            action: text(chance, "重新联系"),
            result: text(chance, "已解决"),
        },
        CommandKind::Correct => {
            let field = *chance.pick(CorrectedField::ALL);
            Command::Correct {
                field,
                value: maybe(chance, 90, |chance| match field {
                    CorrectedField::BlockedStage => chance.pick(Stage::ALL).to_string(),
                    CorrectedField::Channel => chance.pick(Channel::ALL).to_string(),
                    CorrectedField::AttemptsBefore => chance.below(9).to_string(),
                    CorrectedField::Matter => (*chance.pick(&MATTERS)).to_owned(),
                    _ => text(chance, "想办退休"),
                }),
                // What stands sealed is the handler's business; the rules only pass it on.
                sealed: matches!(field, CorrectedField::Personal(_))
                    .then(|| case.applicant.sealed.clone()),
                reason: text(chance, "登记时写错"),
            }
        }
        CommandKind::Link => Command::Link {
            other: *chance.pick(scene.cases),
            relation: *chance.pick(LinkRelation::ALL),
            note: maybe(chance, 20, |chance| text(chance, "同一小区")),
            reciprocal: false,
        },
        CommandKind::ErasePersonalData => {
            Command::ErasePersonalData { reason: *chance.pick(ErasureReason::ALL) }
        }
        CommandKind::AssignParts => Command::AssignParts {
            parts: some(chance, 2, |chance| PartWish {
                department: department(chance),
                ask: text(chance, "出具证明"),
                due_at: maybe(chance, 30, |chance| {
                    scene.now + TimeDelta::days(chance.between(-1, 9))
                }),
            }),
        },
        CommandKind::CompletePart => Command::CompletePart {
            department: department(chance),
            result: text(chance, "已出具"),
        },
        CommandKind::RequestMaterials => Command::RequestMaterials {
            items: some(chance, 3, |chance| RequestedItem {
                name: text(chance, "身份证复印件"),
                basis: text(chance, "办事指南第三条"),
            }),
            mode: mode(chance),
            new_fact: maybe(chance, 30, |chance| text(chance, "申请人更名")),
        },
        CommandKind::Reclassify => Command::Reclassify {
            complexity: maybe(chance, 70, |chance| *chance.pick(Complexity::ALL)),
            cause: maybe(chance, 40, |chance| *chance.pick(Cause::ALL)),
            reason: text(chance, "比看上去复杂"),
        },
        CommandKind::Transfer => Command::Transfer {
            body: text(chance, "市社保中心"),
            receipt: text(chance, "收字1号"),
            reason: text(chance, "市级事权"),
        },
        CommandKind::RequestSpecialHandling => Command::RequestSpecialHandling {
            facts: text(chance, "原单位已注销"),
            requirement_waived: text(chance, "原单位盖章"),
            discretion_basis: text(chance, "容缺受理办法第四条"),
            precedents_checked: some(chance, 2, |chance| text(chance, "去年同类一件")),
        },
        CommandKind::CheckSpecialHandling => {
            // The layer whose turn it is, mostly.
            let next = case.pending_special_handling().and_then(|special| special.next_layer());
            let layer = match next {
                Some(layer) if chance.percent(80) => layer,
                _ => *chance.pick(CheckLayer::ALL),
            };
            Command::CheckSpecialHandling { layer, finding: text(chance, "情况属实") }
        }
        CommandKind::DecideSpecialHandling => Command::DecideSpecialHandling {
            approved: chance.percent(70),
            reason: text(chance, "符合容缺条件"),
            conditions: some(chance, 1, |chance| text(chance, "三十日内补齐")),
            is_precedent: chance.percent(20),
        },
        CommandKind::ReviewSpecialHandling => {
            Command::ReviewSpecialHandling { result: *chance.pick(ReviewResult::ALL) }
        }
        CommandKind::Pause => Command::Pause {
            reason: *chance.pick(PauseReason::ALL),
            handler_informed: maybe(chance, 50, |chance| chance.percent(80)),
        },
        CommandKind::Resume => Command::Resume { automatic: false },
        CommandKind::Extend => Command::Extend {
            working_days: u32::try_from(chance.between(0, 11)).unwrap(),
            reason: text(chance, "等上级批复"),
            applicant_told_at: scene.now - TimeDelta::minutes(chance.between(-5, 100)),
        },
        CommandKind::Urge => Command::Urge { text: text(chance, "请尽快") },
        // The house's own: a person who tries is refused.
        CommandKind::Escalate => Command::Escalate {
            level: *chance.pick(Level::ALL),
            clock: *chance.pick(Clock::ALL),
            occurrence: 1,
        },
        CommandKind::OpenRectification => Command::OpenRectification,
        CommandKind::RecalculateDeadline => Command::RecalculateDeadline,
        CommandKind::Close => Command::Close { code: *chance.pick(ClosingCode::ALL) },
    }
}
