//! Wishes as people type them; each is right as it is, tests spoil what they look at.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{
    ApplicantKind, CaseState, Cause, Channel, CheckLayer, Clock, ClosingCode, Complexity,
    ConveneTrigger, ErasureReason, Exclusion, ExplanationMode, Grade, Level, LinkRelation,
    PauseReason, Position, ReopenReason, Resolution, ReturnReason, ReviewResult, Solved, Stage,
    Understood,
};
use proto_events::events::{
    DepartmentPosition, Explainer, ImportedOutcome, Matter, MeetingAction, Member, Mode, Notice,
    PolicyBasis, ReceivedItem, RegisterRow, Remedy, RequestedItem, SealedApplicant,
};
use proto_events::ids::{CaseId, DepartmentId, ReceiptCode};

use crate::calendar::tests::at;
use crate::command::{Command, CorrectedField, Import, Open, PartWish};

pub(super) fn mode(text: &str) -> Mode {
    Mode::try_from(text.to_string()).unwrap()
}

fn body(id: &str) -> DepartmentId {
    id.parse().unwrap()
}

pub(super) fn opening() -> Open {
    Open {
        center: "donghuashi".parse().unwrap(),
        channel: Channel::Window,
        matter: Matter { name: "退休手续办理".to_string(), code: None },
        blocked_stage: Stage::Accept,
        cause: Cause::Information,
        demand: "想办理退休手续，不知道该找谁".to_string(),
        summary: None,
        attempts_before: 2,
        complexity: Complexity::Complex,
        applicant: SealedApplicant { kind: ApplicantKind::Person, sealed: "c2VhbGVk".to_string() },
        notice: Notice { version: "2026-01".to_string(), mode: mode("oral") },
        case_no: "DHS-20260303-001".to_string(),
        receipt_code: ReceiptCode::from_random(7),
    }
}

pub(super) fn open() -> Command {
    Command::Open(opening())
}

pub(super) fn open_with(change: impl FnOnce(&mut Open)) -> Command {
    let mut open = opening();
    change(&mut open);
    Command::Open(open)
}

/// What an earlier register says of a case that was solved within a week, two years ago.
pub(super) fn imported() -> Import {
    Import {
        open: opening(),
        from: RegisterRow { file: "0".repeat(64), row: 4 },
        imported_at: at("2026-03-03T10:00:00+08:00"),
        due_at: Some(at("2024-03-12T17:30:00+08:00")),
        first_receiver: Some("clerk".to_string()),
        cause_confirmed: Some(Cause::InformationWhom),
        department: Some(body("hr-public-service")),
        co_departments: vec![body("civil-affairs")],
        forwarded_at: Some(at("2024-03-05T17:30:00+08:00")),
        accepted_at: Some(at("2024-03-06T17:30:00+08:00")),
        first_contact_at: None,
        returns: 1,
        task_force: Some("是；两部门会商".to_string()),
        special_handling: None,
        outcome: Some(ImportedOutcome {
            kind: CaseState::Resolved,
            at: at("2024-03-11T17:30:00+08:00"),
            resolution: Some(Resolution::Coordinated),
            exclusion: None,
            result: Some("协调后当场办理".to_string()),
        }),
        policy_basis: None,
        solved: Some(Solved::Yes),
        grade: None,
        rectification: None,
        improvements: Some("窗口张贴办事地图".to_string()),
        assumed: vec!["channel".to_string()],
    }
}

pub(super) fn import() -> Command {
    import_with(|_| {})
}

pub(super) fn import_with(change: impl FnOnce(&mut Import)) -> Command {
    let mut import = imported();
    change(&mut import);
    Command::Import(alloc::boxed::Box::new(import))
}

pub(super) fn decline(exclusion: Exclusion, second: Option<&str>) -> Command {
    Command::Decline {
        exclusion,
        reason: "不属于办不成事窗口受理范围".to_string(),
        remedy: Some(Remedy {
            body: "区人民法院".to_string(),
            contact: Some("立案大厅".to_string()),
        }),
        second_check_by: second.map(str::to_string),
    }
}

pub(super) fn materials() -> Command {
    let item = ReceivedItem { name: "户口簿复印件".to_string(), basis: None };
    Command::ReceiveMaterials { items: vec![item], complete: true }
}

pub(super) fn feedback(solved: Solved, grade: u8) -> Command {
    Command::RecordFeedback {
        responded: true,
        solved: Some(solved),
        grade: Some(Grade::try_from(grade).unwrap()),
        comment: Some("谢谢".to_string()),
        mode: mode("phone"),
    }
}

pub(super) fn unanswered() -> Command {
    Command::RecordFeedback {
        responded: false,
        solved: None,
        grade: None,
        comment: None,
        mode: mode("phone"),
    }
}

pub(super) fn reopen(reason: ReopenReason) -> Command {
    Command::Reopen { reason, note: None }
}

pub(super) fn withdraw() -> Command {
    Command::Withdraw { reason: "本人不再办理".to_string(), note: None }
}

pub(super) fn forward(to: &str) -> Command {
    Command::Forward {
        department: body(to),
        ask: "请协助办理".to_string(),
        contact: None,
        automatic: false,
    }
}

pub(super) fn accept() -> Command {
    Command::Accept { handler: None }
}

pub(super) fn accept_for(handler: &str) -> Command {
    Command::Accept { handler: Some(handler.to_string()) }
}

pub(super) fn contact(reached: bool) -> Command {
    Command::Contact { mode: mode("phone"), reached }
}

pub(super) fn note(text: &str) -> Command {
    Command::NoteProgress { text: text.to_string(), public: true }
}

pub(super) fn send_back(suggested: &str) -> Command {
    Command::Return {
        reason: ReturnReason::NotOurDuty,
        duty_basis: Some("三定方案第二条".to_string()),
        suggested_department: Some(body(suggested)),
        note: "该事项由其他部门负责".to_string(),
    }
}

pub(super) fn arbitrate(lead: &str) -> Command {
    Command::Arbitrate {
        department: body(lead),
        co_departments: Vec::new(),
        basis: "区政府职责分工".to_string(),
    }
}

pub(super) fn not_doable(countersigner: &str) -> Command {
    Command::DetermineNotDoable {
        basis: vec![PolicyBasis {
            title: "中华人民共和国社会保险法".to_string(),
            number: None,
            article: "第十六条".to_string(),
            in_force_from: None,
        }],
        facts: "无缴费记录".to_string(),
        alternatives: vec!["城乡居民养老保险".to_string()],
        countersigned_by: countersigner.to_string(),
    }
}

pub(super) fn explain(mode: ExplanationMode, bodies: &[&str], understood: Understood) -> Command {
    Command::Explain {
        mode,
        explainers: bodies.iter().map(|id| Explainer { department: body(id) }).collect(),
        documents: vec!["社会保险法".to_string()],
        remedies: vec!["可依法申请行政复议".to_string()],
        understood,
    }
}

pub(super) fn resolve_as(resolution: Resolution, cause: Cause) -> Command {
    Command::Resolve {
        resolution,
        result: "已办理".to_string(),
        cause,
        process_change_needed: false,
    }
}

pub(super) fn resolve() -> Command {
    resolve_as(Resolution::Normal, Cause::InformationWhom)
}

pub(super) fn convene(trigger: ConveneTrigger) -> Command {
    let member = |department: &str, person: &str| Member {
        department: body(department),
        person: person.to_string(),
    };
    Command::ConveneTaskForce {
        trigger,
        chair: "director".to_string(),
        members: vec![member("donghuashi", "director"), member("civil-affairs", "civil-lead")],
        objective: "确定牵头部门并办结".to_string(),
        reason: "需多部门会商".to_string(),
    }
}

pub(super) fn meet(position: Position, basis: Option<&str>) -> Command {
    Command::RecordMeeting {
        attendees: vec!["director".to_string(), "civil-lead".to_string()],
        positions: vec![DepartmentPosition {
            department: body("civil-affairs"),
            position,
            basis: basis.map(str::to_string),
        }],
        decisions: vec!["由民政局牵头".to_string()],
        actions: Vec::new(),
    }
}

pub(super) fn dissolve() -> Command {
    Command::DissolveTaskForce { outcome: "已明确牵头部门".to_string() }
}

pub(super) fn escalate(level: Level, clock: Clock, occurrence: u32) -> Command {
    Command::Escalate { level, clock, occurrence }
}

pub(super) fn complete() -> Command {
    Command::CompleteRectification {
        action: "上门致歉并办理".to_string(),
        result: "群众认可".to_string(),
    }
}

pub(super) fn close(code: ClosingCode) -> Command {
    Command::Close { code }
}

/// One right wish of every kind.
pub(super) fn one_of_each() -> Vec<Command> {
    vec![
        open(),
        decline(Exclusion::Litigation, None),
        materials(),
        feedback(Solved::Yes, 5),
        reopen(ReopenReason::NewFact),
        withdraw(),
        forward("hr-public-service"),
        accept(),
        contact(true),
        note("进展"),
        send_back("civil-affairs"),
        arbitrate("hr-public-service"),
        not_doable("hr-lead"),
        explain(ExplanationMode::InPerson, &["hr-public-service"], Understood::Yes),
        resolve(),
        convene(ConveneTrigger::Person),
        meet(Position::Agree, None),
        dissolve(),
        escalate(Level::Director, Clock::Handling, 1),
        Command::OpenRectification,
        complete(),
        close(ClosingCode::FeedbackRecorded),
        correct(CorrectedField::Demand, "请先告知所需材料"),
        link(LinkRelation::Related),
        erase(ErasureReason::Request),
        assign("disabled-federation"),
        finish_part("disabled-federation"),
        request_materials(None),
        reclassify(Complexity::Special),
        transfer(),
        special(),
        check(CheckLayer::Community),
        decide_special(true),
        review(ReviewResult::Ok),
        pause(PauseReason::WaitingApplicant),
        resume(),
        extend(5),
        Command::RecalculateDeadline,
        urge(),
        finish_action(1),
        import(),
    ]
}

pub(super) fn correct(field: CorrectedField, value: &str) -> Command {
    Command::Correct {
        field,
        value: Some(value.to_string()),
        sealed: None,
        reason: "登记时听错".to_string(),
    }
}

pub(super) fn link(relation: LinkRelation) -> Command {
    let other = CaseId::of_key(&"longtan".parse().unwrap(), "other");
    Command::Link { other, relation, note: None, reciprocal: false }
}

pub(super) fn erase(reason: ErasureReason) -> Command {
    Command::ErasePersonalData { reason }
}

pub(super) fn assign(department: &str) -> Command {
    let part =
        PartWish {
            department: body(department), ask: "说明补贴政策".to_string(), due_at: None
        };
    Command::AssignParts { parts: vec![part] }
}

pub(super) fn finish_part(department: &str) -> Command {
    Command::CompletePart { department: body(department), result: "已说明".to_string() }
}

pub(super) fn request_materials(new_fact: Option<&str>) -> Command {
    Command::RequestMaterials {
        items: vec![RequestedItem {
            name: "户口簿复印件".to_string(),
            basis: "办事指南第三条".to_string(),
        }],
        mode: mode("phone"),
        new_fact: new_fact.map(str::to_string),
    }
}

pub(super) fn reclassify(to: Complexity) -> Command {
    Command::Reclassify {
        complexity: Some(to), cause: None, reason: "涉及多个部门".to_string()
    }
}

pub(super) fn transfer() -> Command {
    Command::Transfer {
        body: "朝阳区政务服务中心".to_string(),
        receipt: "移送函第1号".to_string(),
        reason: "户籍在外区".to_string(),
    }
}

pub(super) fn special() -> Command {
    Command::RequestSpecialHandling {
        facts: "配偶在境外失联".to_string(),
        requirement_waived: "离婚协议".to_string(),
        discretion_basis: "社会救助暂行办法".to_string(),
        precedents_checked: Vec::new(),
    }
}

pub(super) fn check(layer: CheckLayer) -> Command {
    Command::CheckSpecialHandling { layer, finding: "情况属实".to_string() }
}

pub(super) fn decide_special(approved: bool) -> Command {
    Command::DecideSpecialHandling {
        approved,
        reason: "事实清楚".to_string(),
        conditions: vec!["每季度复核一次".to_string()],
        is_precedent: false,
    }
}

pub(super) fn review(result: ReviewResult) -> Command {
    Command::ReviewSpecialHandling { result }
}

pub(super) fn pause(reason: PauseReason) -> Command {
    Command::Pause { reason, handler_informed: Some(true) }
}

pub(super) fn resume() -> Command {
    Command::Resume { automatic: false }
}

pub(super) fn extend(working_days: u32) -> Command {
    Command::Extend {
        working_days,
        reason: "须等待外省复函".to_string(),
        applicant_told_at: at("2026-03-03T10:00:00+08:00"),
    }
}

pub(super) fn urge() -> Command {
    Command::Urge { text: "申请人来电询问进度".to_string() }
}

pub(super) fn finish_action(number: u32) -> Command {
    Command::FinishAction { number, result: "已完成".to_string() }
}

/// A meeting that gives somebody something to do.
pub(super) fn meet_and_give(owner: &str) -> Command {
    let Command::RecordMeeting { attendees, positions, decisions, .. } =
        meet(Position::Agree, None)
    else {
        unreachable!("a meeting is recorded")
    };
    let action = MeetingAction {
        owner: owner.to_string(),
        what: "核对缴费记录".to_string(),
        due_at: at("2026-03-06T17:30:00+08:00"),
    };
    Command::RecordMeeting { attendees, positions, decisions, actions: vec![action] }
}

/// A text with a made-up telephone number in it.
pub(super) fn telling_a_phone() -> String {
    "请打13812345678联系".to_string()
}

pub(super) const fn person_asks() -> ConveneTrigger {
    ConveneTrigger::Person
}

pub(super) fn explain_understood() -> Command {
    explain(ExplanationMode::InPerson, &["hr-public-service"], Understood::Yes)
}

pub(super) fn close_after_feedback() -> Command {
    close(ClosingCode::FeedbackRecorded)
}
