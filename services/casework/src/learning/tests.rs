//! The rules of what the district learns, and its folds.

mod folds;
mod improvements;
mod precedents;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use chrono::NaiveDate;
use proto_events::Timestamp;
use proto_events::codes::{ApplicantKind, Cause, Channel, Complexity, Resolution, Role, Stage};
use proto_events::events::{
    CaseEvent, Forwarded, Matter, Notice, Opened, PolicyBasis, Resolved, SealedApplicant, Withdrawn,
};
use proto_events::ids::{CaseId, CommandId, EventId, PrecedentId, ReceiptCode};
use proto_events::learning::{ImprovementActionSet, LearningEvent, RetirementReason};
use proto_events::subject::LearningSubject;

use super::improvement::{
    ImprovementState, OpenImprovement, decide_action, decide_done, decide_open, decide_recurrence,
    decide_verify,
};
use super::precedent::{Apply, Publish, Retire, decide_apply, decide_publish, decide_retire};
use super::recurrence::{Recurrence, Recurrences};
use super::*;
use crate::calendar::WorkingCalendar;
use crate::calendar::tests::{at, china};
use crate::case::{Case, EventMeta, fold};
use crate::rules::{Center, Department};
use crate::timetable::Limits;

extern crate std;

/// The calendar of the tests; it is read once, because random days ask for it thousands of times.
static CHINA: std::sync::LazyLock<WorkingCalendar> = std::sync::LazyLock::new(china);

/// The `n`-th case.
fn case_number(n: u32) -> CaseId {
    CaseId::of_key(&"donghuashi".parse().unwrap(), &n.to_string())
}

const MATTER: &str = "退休手续办理";
const NOW: &str = "2026-03-20T10:00:00+08:00";

fn rules() -> Rules {
    let department = |id: &str, name: &str| {
        (id.parse().unwrap(), Department { name: name.to_string(), contact: None })
    };
    let center = |id: &str| {
        (id.parse().unwrap(), Center { code: "C".to_string(), name: "中心".to_string() })
    };
    Rules {
        district: "dongcheng".parse().unwrap(),
        limits: Limits::default(),
        calendar: CHINA.clone(),
        centers: BTreeMap::from([center("donghuashi"), center("longtan")]),
        departments: BTreeMap::from([
            department("hr-bureau", "区人力资源和社会保障局"),
            department("housing", "区住房保障中心"),
        ]),
        coordinator: "hr-bureau".parse().unwrap(),
        matters: vec![],
    }
}

fn who(name: &str) -> Actor {
    let (role, center, department) = match name {
        "clerk" => (Role::Clerk, Some("donghuashi"), None),
        "longtan-clerk" => (Role::Clerk, Some("longtan"), None),
        "director" => (Role::Director, Some("donghuashi"), None),
        "handler" => (Role::Handler, None, Some("hr-bureau")),
        "lead" => (Role::DepartmentLead, None, Some("hr-bureau")),
        "housing-lead" => (Role::DepartmentLead, None, Some("housing")),
        "coordinator" => (Role::Coordinator, None, None),
        "auditor" => (Role::Auditor, None, None),
        other => return Actor::system(other),
    };
    Actor {
        username: name.to_string(),
        role,
        center: center.map(|id| id.parse().unwrap()),
        department: department.map(|id| id.parse().unwrap()),
    }
}

/// The events of a case and how they fold.
#[derive(Default)]
struct Cases {
    sequence: u64,
    told: Vec<(EventMeta, CaseEvent)>,
    noticed: Vec<Recurrence>,
    fold: Recurrences,
}

impl Cases {
    fn tell(&mut self, n: u32, time: Timestamp, event: CaseEvent) {
        self.sequence += 1;
        let case_id = case_number(n);
        let command_id = CommandId::of_timer(case_id, &self.sequence.to_string());
        let meta = EventMeta {
            id: EventId::of_command(command_id, 0),
            command_id,
            case_id,
            sequence: self.sequence,
            time,
            actor: "clerk".to_string(),
            role: Role::Clerk,
        };
        self.noticed.extend(self.fold.evolve(&meta, &event, &CHINA));
        self.told.push((meta, event));
    }

    fn opened(&mut self, n: u32, day: &str) -> &mut Self {
        let time = at(&alloc::format!("{day}T10:00:00+08:00"));
        self.tell(n, time, opened(time));
        self.tell(n, time, forwarded("hr-bureau", time));
        self
    }

    fn resolved(&mut self, n: u32, day: &str, cause: Cause) -> &mut Self {
        let time = at(&alloc::format!("{day}T16:00:00+08:00"));
        self.tell(n, time, resolved(cause, time));
        self
    }

    /// Opened and resolved on one day, for want of shared data.
    fn stuck(&mut self, n: u32, day: &str) -> &mut Self {
        self.opened(n, day).resolved(n, day, Cause::SystemNotShared)
    }

    fn case(&self, n: u32) -> Case {
        let own = self.told.iter().filter(|(meta, _)| meta.case_id == case_number(n));
        fold(own.map(|(meta, event)| (meta, event))).unwrap()
    }
}

fn opened(time: Timestamp) -> CaseEvent {
    Opened {
        case_no: "DHS-1".to_string(),
        receipt_code: ReceiptCode::from_random(7),
        center: "donghuashi".parse().unwrap(),
        channel: Channel::Window,
        matter: Matter { name: MATTER.to_string(), code: None },
        blocked_stage: Stage::Accept,
        cause: Cause::System,
        demand: "外区参保记录查不到".to_string(),
        summary: None,
        attempts_before: 2,
        complexity: Complexity::Simple,
        applicant: SealedApplicant { kind: ApplicantKind::Person, sealed: "sealed".to_string() },
        notice: Notice { version: "1".to_string(), mode: "oral".to_string().try_into().unwrap() },
        due_at: time,
        provisional: false,
        working_days: Some(3),
        imported_from: None,
    }
    .into()
}

fn forwarded(to: &str, time: Timestamp) -> CaseEvent {
    Forwarded {
        to: to.parse().unwrap(),
        ask: "请办理".to_string(),
        contact: None,
        due_at: time,
        first_contact_due_at: time,
        return_until: time,
        automatic: true,
    }
    .into()
}

fn resolved(cause: Cause, time: Timestamp) -> CaseEvent {
    Resolved {
        resolution: Resolution::Coordinated,
        result: "已由两区核对并补录".to_string(),
        cause,
        process_change_needed: true,
        callback_due_at: time,
    }
    .into()
}

fn publish() -> Publish {
    Publish {
        title: "外区参保记录缺失的退休申报".to_string(),
        situation: "申请人早年在外区参保，本区系统查不到记录。".to_string(),
        conditions: vec![
            "有原单位工资单或缴费凭证".to_string(),
            "外区经办机构书面确认".to_string(),
        ],
        basis: vec![PolicyBasis {
            title: "社会保险法".to_string(),
            number: None,
            article: "第十九条".to_string(),
            in_force_from: None,
        }],
        solution: "由区人社局发函核对，补录后当场受理。".to_string(),
        checked_by: "lead".to_string(),
    }
}

fn meta(sequence: u64, actor: &str, time: Timestamp) -> LearningMeta {
    let actor = who(actor);
    let command_id = CommandId::of_key("learning", &sequence.to_string());
    LearningMeta {
        id: EventId::of_command(command_id, 0),
        command_id,
        sequence,
        time,
        actor: actor.username,
        role: actor.role,
    }
}

struct World {
    rules: Rules,
    now: Timestamp,
    book: Book,
    cases: Cases,
    sequence: u64,
}

impl World {
    fn new() -> Self {
        let mut cases = Cases::default();
        cases.stuck(1, "2026-03-03").opened(2, "2026-03-19");
        Self { rules: rules(), now: at(NOW), book: Book::default(), cases, sequence: 0 }
    }

    fn with<T>(
        &self,
        actor: &str,
        second: Option<&str>,
        f: impl FnOnce(&LearningContext<'_>) -> T,
    ) -> T {
        let (actor, second) = (who(actor), second.map(who));
        f(&LearningContext {
            now: self.now,
            actor: &actor,
            second: second.as_ref(),
            rules: &self.rules,
        })
    }

    fn fold(&mut self, subject: LearningSubject, actor: &str, events: Vec<LearningEvent>) {
        for event in events {
            self.sequence += 1;
            self.book.evolve(subject, &meta(self.sequence, actor, self.now), &event);
        }
    }

    fn publishes(
        &self,
        actor: &str,
        wish: &Publish,
        n: u32,
    ) -> Result<Vec<LearningEvent>, Refusal> {
        let second = match wish.checked_by.as_str() {
            "nobody" => None,
            name => Some(name),
        };
        let of_applicant = ["陈 桂兰".to_string(), "兰".to_string(), String::new()];
        self.with(actor, second, |context| {
            decide_publish(None, wish, &self.cases.case(n), &of_applicant, context)
        })
    }

    fn published() -> Self {
        let mut world = Self::new();
        let events = world.publishes("handler", &publish(), 1).unwrap();
        world.fold(LearningSubject::Precedent(precedent_id()), "handler", events);
        world
    }

    fn precedent(&self) -> &Precedent {
        &self.book.precedents[&precedent_id()]
    }

    fn applies(
        &self,
        actor: &str,
        met: Option<Vec<u32>>,
        n: u32,
    ) -> Result<Vec<LearningEvent>, Refusal> {
        let wish = Apply { conditions_met: met, note: Some(" 已核对原件 ".to_string()) };
        self.with(actor, None, |context| {
            decide_apply(Some(self.precedent()), &wish, &self.cases.case(n), context)
        })
    }

    fn retires(
        &self,
        actor: &str,
        reason: RetirementReason,
    ) -> Result<Vec<LearningEvent>, Refusal> {
        let wish = Retire { reason, note: "新办法已施行".to_string() };
        self.with(actor, None, |context| decide_retire(Some(self.precedent()), &wish, context))
    }

    /// Three cases have recurred, and the house opened an improvement.
    fn recurred() -> Self {
        let mut world = Self::new();
        world.cases = Cases::default();
        world.cases.stuck(1, "2026-03-03").stuck(2, "2026-03-10").stuck(3, "2026-03-19");
        let recurrence = world.cases.noticed[0].clone();
        let events = world.with("learning", None, |context| {
            decide_recurrence(None, &recurrence, context).unwrap()
        });
        world.fold(LearningSubject::Improvement(recurrence.improvement_id()), "learning", events);
        world
    }

    fn improvement(&self) -> &Improvement {
        self.book.improvements.values().next().unwrap()
    }

    fn improves(
        &mut self,
        actor: &str,
        time: &str,
        decide: impl FnOnce(&Self, &LearningContext<'_>) -> Result<Vec<LearningEvent>, Refusal>,
    ) -> Result<ImprovementState, Refusal> {
        self.now = at(time);
        let events = self.with(actor, None, |context| decide(self, context))?;
        let subject = LearningSubject::Improvement(self.improvement().improvement_id);
        self.fold(subject, actor, events);
        Ok(self.improvement().state)
    }

    fn acts(&mut self, actor: &str, time: &str) -> Result<ImprovementState, Refusal> {
        self.improves(actor, time, |world, context| {
            let wish = ImprovementActionSet {
                owner: "hr-bureau".to_string(),
                what: "开通跨区查询".to_string(),
                due_at: at("2026-04-30T17:30:00+08:00"),
            };
            decide_action(Some(world.improvement()), &wish, context)
        })
    }

    fn reports(&mut self, actor: &str, time: &str) -> Result<ImprovementState, Refusal> {
        self.improves(actor, time, |world, context| {
            decide_done(Some(world.improvement()), "接口已上线", context)
        })
    }

    fn verifies(
        &mut self,
        actor: &str,
        time: &str,
        holds: bool,
    ) -> Result<ImprovementState, Refusal> {
        self.improves(actor, time, |world, context| {
            decide_verify(Some(world.improvement()), holds, None, &world.cases.fold, context)
        })
    }
}

fn precedent_id() -> PrecedentId {
    PrecedentId::of_command(CommandId::of_key("tests", "precedent"))
}

#[track_caller]
fn breaks(outcome: Result<impl core::fmt::Debug, Refusal>, expected: RefusalCode) {
    match outcome {
        Err(Refusal::Rule { code, .. }) => assert_eq!(code, expected),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn faults(outcome: Result<impl core::fmt::Debug, Refusal>, pointers: &[&str]) {
    let Err(Refusal::Invalid(faults)) = outcome else { panic!("{outcome:?}") };
    let found: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(found, pointers);
}

#[track_caller]
fn is_forbidden(outcome: Result<impl core::fmt::Debug, Refusal>) {
    assert!(matches!(outcome, Err(Refusal::Forbidden(_))), "{outcome:?}");
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}
