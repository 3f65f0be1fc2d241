//! What the district learns on the way: precedents of what was solved or explained, and improvements of what recurs.
//!
//! Invariants: the rules decide; what recurs is noticed by the fold that the house uses, so that the live reaction
//! finds it answered for; a lesson is decided when its time comes, on what is known then.

use std::collections::BTreeMap;

use casework::case::{Case, EventMeta};
use casework::command::Actor;
use casework::learning::improvement::{
    VERIFIED_AFTER_DAYS_MIN, decide_action, decide_done, decide_recurrence, decide_verify,
};
use casework::learning::precedent::{
    Apply, Publish, Retire, decide_apply, decide_publish, decide_retire,
};
use casework::learning::recurrence::{Recurrence, Recurrences};
use casework::learning::{Book, LearningContext, LearningMeta};
use casework::refusal::{Refusal, RefusalCode};
use chrono::TimeDelta;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Resolution, Role};
use proto_events::events::PolicyBasis;
use proto_events::ids::{CommandId, DepartmentId, EventId, ImprovementId, PrecedentId};
use proto_events::learning::{ImprovementActionSet, LearningEvent, RetirementReason};
use proto_events::subject::LearningSubject;

use crate::World;
use crate::catalogue::{How, Problem};
use crate::chance::Chance;
use crate::life::{AT_ONCE, Told};
use crate::office;
use crate::people::person;

/// An event of what was learned, as it is told.
#[derive(Debug, Clone, PartialEq)]
pub struct ToldOfLearning {
    /// What it is about.
    pub subject: LearningSubject,
    /// The command that led to it.
    pub command_id: CommandId,
    /// The event that caused the command, in the reaction.
    pub causation: Option<EventId>,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub event: LearningEvent,
}

/// Something that is to be learned when its time comes.
pub(crate) enum Lesson {
    Publish { case: Box<Case>, problem: usize },
    Apply { case: Box<Case>, problem: usize },
    Retire(PrecedentId),
    Open(Box<Recurrence>),
    SetAction(ImprovementId),
    Report(ImprovementId),
    Verify(ImprovementId),
}

/// A lesson and when its time comes.
pub(crate) type Due = (Timestamp, Lesson);

/// Everything that was learned so far.
pub(crate) struct Lessons<'w> {
    world: &'w World<'w>,
    seed: u64,
    book: Book,
    recurrences: Recurrences,
    /// The precedent in force of a problem, by its place in the catalogue.
    of_problem: BTreeMap<usize, PrecedentId>,
    /// How many events were told, for ids and places.
    told: u64,
}

impl<'w> Lessons<'w> {
    pub(crate) fn new(world: &'w World<'w>, seed: u64) -> Self {
        let (book, recurrences) = (Book::default(), Recurrences::default());
        Self { world, seed, book, recurrences, of_problem: BTreeMap::new(), told: 0 }
    }

    /// Hears an event of a case in its place in the stream; what recurs with it is a lesson.
    pub(crate) fn hear(&mut self, told: &Told, sequence: u64) -> Option<Due> {
        let meta = EventMeta {
            id: told.id,
            command_id: told.command_id,
            case_id: told.case_id,
            sequence,
            time: told.time,
            actor: told.actor.clone(),
            role: told.role,
        };
        let calendar = &self.world.rules.calendar;
        let recurrence = self.recurrences.evolve(&meta, &told.event, calendar)?;
        Some((told.time + AT_ONCE, Lesson::Open(Box::new(recurrence))))
    }

    /// What a case that has lived may teach, and when: a precedent of its end, or the use of one that is there.
    pub(crate) fn of_case(
        &self,
        case: &Case,
        told: &[Told],
        problem: usize,
        number: u64,
    ) -> Option<Due> {
        let mut chance = Chance::of(self.seed ^ 0x6c65_7373, number);
        let calendar = &self.world.rules.calendar;
        if self.of_problem.contains_key(&problem) {
            let accepted = told.iter().position(|one| one.event.kind().name() == "accepted")?;
            let at = office::after(calendar, told[accepted].time, chance.between(15, 90));
            if !chance.permille(600) {
                return None;
            }
            let now = told.iter().take_while(|one| one.time <= at);
            let case = Box::new(fold(now)?);
            return case.is_open().then_some((at, Lesson::Apply { case, problem }));
        }
        let outcome = case.outcome.as_ref().filter(|_| !case.is_open())?;
        let share = match (outcome.kind, outcome.resolution) {
            (CaseState::Explained, _) => 120,
            (_, Some(Resolution::SpecialHandling)) => 350,
            (_, Some(Resolution::TaskForce | Resolution::ProcessFix)) => 280,
            (_, Some(Resolution::Coordinated | Resolution::PapersToFollow)) => 90,
            _ => 0,
        };
        if !chance.permille(share) {
            return None;
        }
        let days = chance.between(2, 6);
        let at = office::on_a_day_after(calendar, outcome.at, days, &mut chance);
        Some((at, Lesson::Publish { case: Box::new(case.clone()), problem }))
    }

    /// Decides a lesson whose time has come: what is told of it, and what is to follow.
    pub(crate) fn carry_out(
        &mut self,
        lesson: &Lesson,
        at: Timestamp,
    ) -> (Option<ToldOfLearning>, Option<Due>) {
        let mut chance = Chance::of(self.seed ^ 0x626f_6f6b, self.told);
        let key = format!("simulation-{}/learning/{}", self.seed, self.told);
        let mut command_id = CommandId::of_key("learning", &key);
        let mut causation = None;
        let (subject, actor, decided) = match lesson {
            Lesson::Publish { case, problem } => {
                if self.of_problem.contains_key(problem) {
                    return (None, None);
                }
                let id = PrecedentId::of_command(command_id);
                let (actor, decided) = self.publish(case, *problem, at);
                if decided.is_ok() {
                    self.of_problem.insert(*problem, id);
                }
                (LearningSubject::Precedent(id), actor, decided)
            }
            Lesson::Apply { case, problem } => {
                let Some(id) = self.of_problem.get(problem).copied() else { return (None, None) };
                let actor = of_department(Role::Handler, case.department.as_ref());
                let wish = Apply { conditions_met: None, note: None };
                let known = self.book.precedents.get(&id);
                let decided = decide_apply(known, &wish, case, &self.context(at, &actor, None));
                (LearningSubject::Precedent(id), actor, decided)
            }
            Lesson::Retire(id) => {
                self.of_problem.retain(|_, one| one != id);
                let note = self.world.catalogue.phrases.retired.clone();
                let wish = Retire { reason: RetirementReason::PolicyChanged, note };
                let actor = person(Role::Coordinator, None, None);
                let known = self.book.precedents.get(id);
                let decided = decide_retire(known, &wish, &self.context(at, &actor, None));
                (LearningSubject::Precedent(*id), actor, decided)
            }
            Lesson::Open(recurrence) => {
                if self.book.covers(&recurrence.kind, recurrence.at) {
                    return (None, None);
                }
                let id = recurrence.improvement_id();
                command_id = CommandId::of_reaction(self.world.house.recurrences, recurrence.cause);
                causation = Some(recurrence.cause);
                let actor = Actor::system("learning");
                let known = self.book.improvements.get(&id);
                let context = self.context(at, &actor, None);
                let decided = decide_recurrence(known, recurrence, &context);
                (LearningSubject::Improvement(id), actor, decided)
            }
            Lesson::SetAction(id) | Lesson::Report(id) | Lesson::Verify(id) => {
                let (actor, decided) = self.improve(lesson, *id, at, &mut chance);
                (LearningSubject::Improvement(*id), actor, decided)
            }
        };
        // A refusal means that it is no longer right; people leave it at that.
        let Some(event) = decided.ok().and_then(|events| events.into_iter().next()) else {
            return (None, None);
        };
        self.told += 1;
        let meta = LearningMeta {
            id: EventId::of_command(command_id, 0),
            command_id,
            sequence: self.told,
            time: at,
            actor: actor.username.clone(),
            role: actor.role,
        };
        self.book.evolve(subject, &meta, &event);
        let follows = self.follows(subject, &event, at, &mut chance);
        let told = ToldOfLearning { subject, command_id, causation, time: at, actor, event };
        (Some(told), follows)
    }

    fn context<'a>(
        &'a self,
        now: Timestamp,
        actor: &'a Actor,
        second: Option<&'a Actor>,
    ) -> LearningContext<'a> {
        LearningContext { now, actor, second, rules: self.world.rules }
    }

    fn publish(
        &self,
        case: &Case,
        problem: usize,
        at: Timestamp,
    ) -> (Actor, Result<Vec<LearningEvent>, Refusal>) {
        let problem = &self.world.catalogue.problems[problem];
        let actor = of_department(Role::Handler, case.department.as_ref());
        let checker = of_department(Role::DepartmentLead, case.department.as_ref());
        let wish = self.precedent(problem, case, &checker);
        let context = self.context(at, &actor, Some(&checker));
        let decided = decide_publish(None, &wish, case, &[], &context);
        (actor, decided)
    }

    fn precedent(&self, problem: &Problem, case: &Case, checker: &Actor) -> Publish {
        let phrases = &self.world.catalogue.phrases;
        let is_explained = case.state == CaseState::Explained
            || case.outcome.as_ref().is_some_and(|outcome| outcome.kind == CaseState::Explained);
        let cannot = problem.cannot.as_ref().filter(|_| is_explained);
        let special = problem.special.as_ref().filter(|_| case.special_handling.is_some());
        let ends = problem.ends.iter().filter(|end| matches!(end.how, How::Resolved(_)));
        let result = case.outcome.as_ref().and_then(|outcome| outcome.result.clone());
        let result = result.or_else(|| ends.map(|end| end.result.clone()).next());
        let label = problem.cause.label_zh();
        let mut conditions =
            vec![format!("事项为“{}”", problem.matter), format!("受阻原因经核实为“{label}”")];
        conditions.extend(special.iter().flat_map(|special| special.conditions.iter().cloned()));
        let general = || PolicyBasis {
            title: phrases.general_basis.0.clone(),
            number: None,
            article: phrases.general_basis.1.clone(),
            in_force_from: None,
        };
        Publish {
            title: format!("{}：{label}", problem.matter),
            situation: case.demand.clone(),
            conditions,
            basis: vec![cannot.map_or_else(general, |cannot| cannot.basis())],
            solution: match cannot {
                Some(cannot) => format!("{}{}", cannot.facts, cannot.alternatives.join("；")),
                None => result.unwrap_or_else(|| phrases.decisions[0].clone()),
            },
            checked_by: checker.username.clone(),
        }
    }

    fn improve(
        &self,
        lesson: &Lesson,
        id: ImprovementId,
        at: Timestamp,
        chance: &mut Chance,
    ) -> (Actor, Result<Vec<LearningEvent>, Refusal>) {
        let phrases = &self.world.catalogue.phrases;
        let known = self.book.improvements.get(&id);
        let department = known.map(|improvement| &improvement.kind.department);
        let coordinator = person(Role::Coordinator, None, None);
        let text =
            |texts: &[String], chance: &mut Chance| chance.pick(texts).cloned().unwrap_or_default();
        match lesson {
            Lesson::SetAction(_) => {
                let days = chance.between(10, 20);
                let wish = ImprovementActionSet {
                    owner: department.map(ToString::to_string).unwrap_or_default(),
                    what: text(&phrases.improvements, chance),
                    due_at: self.world.rules.calendar.deadline(at, days).due_at,
                };
                let context = self.context(at, &coordinator, None);
                let decided = decide_action(known, &wish, &context);
                (coordinator, decided)
            }
            Lesson::Report(_) => {
                let lead = of_department(Role::DepartmentLead, department);
                let result = text(&phrases.improved, chance);
                let decided = decide_done(known, &result, &self.context(at, &lead, None));
                (lead, decided)
            }
            _ => {
                let context = self.context(at, &coordinator, None);
                let verify = |holds| decide_verify(known, holds, None, &self.recurrences, &context);
                let decided = match verify(true) {
                    Err(Refusal::Rule { code: RefusalCode::NotBetter, .. }) => verify(false),
                    other => other,
                };
                (coordinator, decided)
            }
        }
    }

    /// What comes after an event of learning.
    fn follows(
        &self,
        subject: LearningSubject,
        event: &LearningEvent,
        at: Timestamp,
        chance: &mut Chance,
    ) -> Option<Due> {
        let calendar = &self.world.rules.calendar;
        let mut later = |low, high| {
            let days = chance.between(low, high);
            office::on_a_day_after(calendar, at, days, chance)
        };
        match (subject, event) {
            (LearningSubject::Precedent(id), LearningEvent::PrecedentPublished(_)) => {
                let at = later(40, 220);
                chance.permille(120).then_some((at, Lesson::Retire(id)))
            }
            (LearningSubject::Improvement(id), LearningEvent::ImprovementOpened(_)) => {
                Some((later(2, 7), Lesson::SetAction(id)))
            }
            (LearningSubject::Improvement(id), LearningEvent::ImprovementActionSet(_)) => {
                Some((later(6, 22), Lesson::Report(id)))
            }
            (LearningSubject::Improvement(id), LearningEvent::ImprovementDone(_)) => {
                let counted = at + TimeDelta::days(i64::from(VERIFIED_AFTER_DAYS_MIN) + 1);
                let days = chance.between(1, 8);
                let at = office::on_a_day_after(calendar, counted, days, chance);
                Some((at, Lesson::Verify(id)))
            }
            (LearningSubject::Improvement(id), LearningEvent::ImprovementVerified(data)) => {
                (!data.holds).then(|| (later(2, 6), Lesson::SetAction(id)))
            }
            _ => None,
        }
    }
}

fn of_department(role: Role, department: Option<&DepartmentId>) -> Actor {
    person(role, None, department)
}

fn fold<'a>(told: impl Iterator<Item = &'a Told>) -> Option<Case> {
    told.enumerate().fold(None, |case, (place, told)| {
        let meta = EventMeta {
            id: told.id,
            command_id: told.command_id,
            case_id: told.case_id,
            sequence: place as u64 + 1,
            time: told.time,
            actor: told.actor.clone(),
            role: told.role,
        };
        Case::step(case, &meta, &told.event)
    })
}
