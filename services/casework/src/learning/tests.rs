//! The rules of what the district learns, and its folds.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use chrono::NaiveDate;
use proptest::prelude::*;
use proto_events::Timestamp;
use proto_events::codes::{ApplicantKind, Cause, Channel, Complexity, Resolution, Role, Stage};
use proto_events::events::{
    CaseEvent, Forwarded, Matter, Notice, Opened, PolicyBasis, Resolved, SealedApplicant, Withdrawn,
};
use proto_events::ids::{CaseId, CommandId, EventId, ImprovementId, PrecedentId, ReceiptCode};
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

#[test]
fn a_precedent_takes_what_the_case_says_and_names_its_checker() {
    let world = World::published();
    let precedent = world.precedent();
    assert_eq!(precedent.matter, MATTER);
    assert_eq!(precedent.cause, Cause::SystemNotShared);
    assert_eq!(precedent.department, Some("hr-bureau".parse().unwrap()));
    assert_eq!((&*precedent.published_by, &*precedent.checked_by), ("handler", "lead"));
    assert_eq!(precedent.from_case, case_number(1));
}

#[test]
fn a_precedent_is_published_by_two_people() {
    let world = World::new();
    let checked_by = |name: &str| Publish { checked_by: name.to_string(), ..publish() };
    breaks(world.publishes("lead", &checked_by("lead"), 1), RefusalCode::SamePerson);
    faults(world.publishes("handler", &checked_by("nobody"), 1), &["/checked_by"]);
    faults(world.publishes("handler", &checked_by("clerk"), 1), &["/checked_by"]);
    assert!(world.publishes("clerk", &checked_by("director"), 1).is_ok());
}

#[test]
fn only_a_case_that_ended_with_a_solution_or_an_explanation_becomes_a_precedent() {
    let mut world = World::new();
    breaks(world.publishes("handler", &publish(), 2), RefusalCode::WrongState);
    let withdrawn = Withdrawn { reason: "不办了".to_string(), note: None };
    world.cases.tell(2, at(NOW), withdrawn.into());
    breaks(world.publishes("handler", &publish(), 2), RefusalCode::WrongState);
}

#[test]
fn a_precedent_needs_conditions_and_a_basis_and_whoever_may_read_the_case() {
    let world = World::new();
    let bare = Publish { conditions: vec![], basis: vec![], title: " ".to_string(), ..publish() };
    faults(world.publishes("handler", &bare, 1), &["/title", "/conditions", "/basis"]);
    is_forbidden(world.publishes("longtan-clerk", &publish(), 1));
    is_forbidden(world.publishes("auditor", &publish(), 1));
}

#[test]
fn nobody_who_asked_for_help_stands_in_a_precedent() {
    let world = World::new();
    for situation in ["陈桂兰早年在外区参保", "陈 桂 兰的记录查不到", "电话13800000001"]
    {
        let named = Publish { situation: situation.to_string(), ..publish() };
        breaks(world.publishes("handler", &named, 1), RefusalCode::PiiInText);
    }
    let condition = Publish { conditions: vec!["陈桂兰同意".to_string()], ..publish() };
    breaks(world.publishes("handler", &condition, 1), RefusalCode::PiiInText);
    // One character is no name.
    let flower = Publish { situation: "申请人在兰州参保".to_string(), ..publish() };
    assert!(world.publishes("handler", &flower, 1).is_ok());
}

#[test]
fn a_precedent_is_applied_to_an_open_case_when_every_condition_is_met() {
    let mut world = World::published();
    faults(world.applies("clerk", Some(vec![1, 3]), 2), &["/conditions_met/1"]);
    breaks(world.applies("clerk", Some(vec![1]), 2), RefusalCode::ConditionsUnmet);
    breaks(world.applies("clerk", None, 1), RefusalCode::WrongState);
    is_forbidden(world.applies("longtan-clerk", None, 2));
    let events = world.applies("clerk", Some(vec![2, 1]), 2).unwrap();
    let [LearningEvent::PrecedentApplied(applied)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(applied.conditions_met, publish().conditions);
    assert_eq!(applied.note.as_deref(), Some("已核对原件"));
    world.fold(LearningSubject::Precedent(precedent_id()), "clerk", events);
    assert_eq!(world.precedent().applications.len(), 1);
    // Once is enough.
    assert_eq!(world.applies("clerk", None, 2), Ok(vec![]));
}

#[test]
fn a_retired_precedent_is_not_applied_any_more() {
    let mut world = World::published();
    is_forbidden(world.retires("clerk", RetirementReason::Wrong));
    is_forbidden(world.retires("housing-lead", RetirementReason::Wrong));
    let events = world.retires("lead", RetirementReason::PolicyChanged).unwrap();
    world.fold(LearningSubject::Precedent(precedent_id()), "lead", events);
    breaks(world.applies("clerk", None, 2), RefusalCode::PrecedentRetired);
    assert_eq!(world.retires("lead", RetirementReason::PolicyChanged), Ok(vec![]));
    breaks(world.retires("coordinator", RetirementReason::Wrong), RefusalCode::PrecedentRetired);
}

#[test]
fn three_cases_of_a_kind_in_thirty_days_recur_once() {
    let mut cases = Cases::default();
    cases.stuck(1, "2026-03-01").stuck(2, "2026-03-15");
    assert_eq!(cases.noticed, []);
    cases.stuck(3, "2026-03-30");
    let [recurrence] = &cases.noticed[..] else { panic!("{:?}", cases.noticed) };
    assert_eq!(recurrence.cases, [1, 2, 3].map(case_number));
    assert_eq!((recurrence.from, recurrence.to), (date("2026-03-01"), date("2026-03-30")));
    // The fourth in the window is in it; those after the window begin anew.
    cases.stuck(4, "2026-03-30").stuck(5, "2026-03-31").stuck(6, "2026-04-01");
    assert_eq!(cases.noticed.len(), 1);
    cases.stuck(7, "2026-04-02");
    assert_eq!(cases.noticed.len(), 2);
    assert_eq!(cases.noticed[1].cases, [5, 6, 7].map(case_number));
    assert_ne!(cases.noticed[0].improvement_id(), cases.noticed[1].improvement_id());
}

#[test]
fn thirty_one_days_and_other_kinds_do_not_recur() {
    let mut cases = Cases::default();
    cases.stuck(1, "2026-03-01").stuck(2, "2026-03-15").stuck(3, "2026-03-31");
    cases.opened(4, "2026-03-16").resolved(4, "2026-03-16", Cause::SystemFault);
    cases.opened(5, "2026-03-16");
    let time = at("2026-03-17T10:00:00+08:00");
    cases.tell(5, time, forwarded("housing", time));
    cases.resolved(5, "2026-03-18", Cause::SystemNotShared);
    assert_eq!(cases.noticed, []);
}

#[test]
fn a_case_that_ends_twice_is_one_case() {
    let mut cases = Cases::default();
    cases.stuck(1, "2026-03-01").stuck(2, "2026-03-02").resolved(
        2,
        "2026-03-05",
        Cause::SystemNotShared,
    );
    assert_eq!(cases.noticed, []);
    // Found out at the second end that it was something else.
    cases.resolved(1, "2026-03-06", Cause::SystemFault).stuck(3, "2026-03-07");
    assert_eq!(cases.noticed, []);
    cases.stuck(4, "2026-03-08");
    assert_eq!(cases.noticed.len(), 1);
    assert_eq!(cases.noticed[0].cases, [2, 3, 4].map(case_number));
}

#[test]
fn a_recurrence_opens_one_improvement_and_an_unfinished_one_answers_for_the_next() {
    let world = World::recurred();
    let recurrence = &world.cases.noticed[0];
    let again = world.with("learning", None, |context| {
        decide_recurrence(Some(world.improvement()), recurrence, context)
    });
    assert_eq!(again, Ok(vec![]));
    let improvement = world.improvement();
    assert_eq!(improvement.case_count, 3);
    assert_eq!(improvement.state, ImprovementState::Opened);
    assert!(world.book.covers(&recurrence.kind, at("2026-05-01T10:00:00+08:00")));
    let person = world.with("coordinator", None, |context| {
        decide_recurrence(None, recurrence, context).map(|events| events.len())
    });
    assert_eq!(person, Ok(1), "the coordinator may do by hand what the house does");
    is_forbidden(world.with("clerk", None, |context| decide_recurrence(None, recurrence, context)));
}

#[test]
fn an_improvement_goes_from_action_to_change_to_number() {
    let mut world = World::recurred();
    let (wednesday, april) = ("2026-03-25T10:00:00+08:00", "2026-04-01T10:00:00+08:00");
    is_forbidden(world.acts("housing-lead", wednesday));
    is_forbidden(world.acts("clerk", wednesday));
    breaks(world.reports("handler", wednesday), RefusalCode::WrongState);
    assert_eq!(world.acts("lead", wednesday), Ok(ImprovementState::ActionSet));
    assert_eq!(world.acts("coordinator", wednesday), Ok(ImprovementState::ActionSet));
    assert_eq!(world.improvement().attempts.len(), 1);
    breaks(world.verifies("director", april, true), RefusalCode::WrongState);
    assert_eq!(world.reports("coordinator", april), Ok(ImprovementState::Done));
    breaks(world.acts("lead", april), RefusalCode::WrongState);
    is_forbidden(world.verifies("lead", april, true));
    breaks(world.verifies("director", "2026-04-30T10:00:00+08:00", true), RefusalCode::TooEarly);
    let late = "2026-05-01T10:00:00+08:00";
    breaks(world.verifies("coordinator", late, true), RefusalCode::SamePerson);
    assert_eq!(world.verifies("director", late, true), Ok(ImprovementState::Verified));
    let found = world.improvement().attempts[0].verification.as_ref().unwrap();
    assert_eq!((found.before.cases, found.before.days), (3, 90));
    assert_eq!((found.after.cases, found.after.days), (0, 30));
    // What is noticed after the end begins anew; what was noticed before is answered for.
    let kind = world.improvement().kind.clone();
    assert!(world.book.covers(&kind, at("2026-04-15T10:00:00+08:00")));
    assert!(!world.book.covers(&kind, at("2026-05-02T10:00:00+08:00")));
    assert!(world.book.unfinished(&kind).is_none());
}

#[test]
fn an_improvement_does_not_hold_against_its_number_and_another_attempt_follows() {
    let mut world = World::recurred();
    world.acts("lead", "2026-03-25T10:00:00+08:00").unwrap();
    world.reports("handler", "2026-04-01T10:00:00+08:00").unwrap();
    world.cases.stuck(7, "2026-04-10").stuck(8, "2026-04-20");
    // Two in thirty days are more than three in ninety.
    let late = "2026-05-01T10:00:00+08:00";
    breaks(world.verifies("director", late, true), RefusalCode::NotBetter);
    assert_eq!(world.verifies("director", late, false), Ok(ImprovementState::NotHeld));
    let kind = world.improvement().kind.clone();
    assert!(world.book.unfinished(&kind).is_some());
    world.now = at("2026-04-01T10:00:00+08:00");
    assert_eq!(world.acts("lead", "2026-04-02T10:00:00+08:00"), Ok(ImprovementState::ActionSet));
    assert_eq!(world.improvement().attempts.len(), 2);
}

#[test]
fn an_improvement_is_opened_by_hand_unless_one_is_under_way() {
    let world = World::recurred();
    let kind = world.improvement().kind.clone();
    let open = |actor: &str, kind: &CaseKind| {
        let wish =
            OpenImprovement { kind: kind.clone(), problem: "窗口反映多次".to_string() };
        world.with(actor, None, |context| {
            let unfinished = world.book.unfinished(kind);
            decide_open(None, &wish, unfinished, &world.cases.fold, context)
        })
    };
    breaks(open("director", &kind), RefusalCode::ImprovementOpen);
    let own = CaseKind { cause: Cause::System, ..kind.clone() };
    faults(open("director", &own), &["/cause"]);
    let nowhere = CaseKind { department: "nowhere".parse().unwrap(), ..kind.clone() };
    faults(open("director", &nowhere), &["/department"]);
    is_forbidden(open("clerk", &kind));
    is_forbidden(open("housing-lead", &kind));
    let other = CaseKind { cause: Cause::SystemFault, ..kind };
    let events = open("lead", &other).unwrap();
    let [LearningEvent::ImprovementOpened(opened)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((opened.case_count, opened.problem.as_deref()), (0, Some("窗口反映多次")));
}

#[test]
fn a_recurrence_of_long_ago_is_history() {
    let world = World::recurred();
    let recurrence = &world.cases.noticed[0];
    assert!(recurrence.is_worth_acting_on(at("2026-04-18T10:00:00+08:00")));
    assert!(!recurrence.is_worth_acting_on(at("2026-04-19T10:00:00+08:00")));
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// The stored sample of every event.
fn samples() -> Vec<LearningEvent> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-events/samples");
    let kinds = proto_events::learning::LearningEventKind::ALL.iter();
    kinds
        .map(|kind| {
            let path = alloc::format!("{folder}/learning.{}.v1.json", kind.name());
            let body = std::fs::read(path).unwrap();
            proto_events::learning::read(kind.event_type(), &body).unwrap()
        })
        .collect()
}

proptest! {
    /// Whatever the events say and in whatever order they come, the fold ends, and reading is the same each time.
    #[test]
    fn the_book_is_total(order in proptest::collection::vec((0..7_usize, 0..2_usize), 0..40)) {
        static SAMPLES: std::sync::LazyLock<Vec<LearningEvent>> = std::sync::LazyLock::new(samples);
        let (samples, time) = (&*SAMPLES, at(NOW));
        let command = CommandId::of_key("tests", "any");
        let subjects = [
            LearningSubject::Precedent(PrecedentId::of_command(command)),
            LearningSubject::Improvement(ImprovementId::of_command(command)),
        ];
        let told = |book: &mut Book| {
            for (sequence, (event, subject)) in (1..).zip(&order) {
                book.evolve(subjects[*subject], &meta(sequence, "lead", time), &samples[*event]);
            }
        };
        let (mut one, mut other) = (Book::default(), Book::default());
        told(&mut one);
        told(&mut other);
        prop_assert_eq!(&one, &other);
        for improvement in one.improvements.values() {
            let is_finished = improvement.state == ImprovementState::Verified;
            prop_assert_eq!(improvement.verified_at().is_some(), is_finished);
        }
    }

    /// No case stands in two recurrences, and each has enough cases inside its window.
    #[test]
    fn a_case_recurs_once(days in proptest::collection::vec(0..120_i64, 0..60)) {
        let mut cases = Cases::default();
        for (n, day) in (0..).zip(&days) {
            let day = date("2026-01-01") + chrono::TimeDelta::days(*day);
            cases.stuck(n, &day.to_string());
        }
        let mut seen = alloc::collections::BTreeSet::new();
        for recurrence in &cases.noticed {
            prop_assert!(recurrence.cases.len() >= recurrence::RECURRENCE_MIN);
            for case_id in &recurrence.cases {
                prop_assert!(seen.insert(*case_id));
            }
            let inside =
                cases.fold.opened_between(&recurrence.kind, recurrence.from, recurrence.to);
            prop_assert!(recurrence.cases.iter().all(|id| inside.contains(id)));
        }
    }
}
