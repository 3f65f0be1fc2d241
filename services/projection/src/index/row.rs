//! The row of a case in the index: what filters, rights and figures look at.
//!
//! Instants are microseconds since 1970.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use casework::command::Actor;
use casework::figures::count::Counted;
use casework::figures::facts::{CaseFacts, micros};
use casework::next::{NextStep, Party, next_steps};
use casework::permission;
use casework::rules::Rules;
use proto_events::codes::{CaseState, Cause, Stage};
use proto_events::ids::{CaseId, CenterId, DepartmentId};

use super::Awaited;
use crate::record::CaseRecord;

/// Texts that many rows share, each held once.
#[derive(Debug, Default)]
pub(crate) struct Names {
    centers: HashSet<Arc<CenterId>>,
    departments: HashSet<Arc<DepartmentId>>,
    texts: HashSet<Arc<str>>,
}

/// A case in the index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CaseRow {
    pub(crate) case_id: CaseId,
    pub(crate) case_no: Box<str>,
    pub(crate) demand: Box<str>,
    pub(crate) matter: Arc<str>,
    pub(crate) state: CaseState,
    pub(crate) stage: Stage,
    /// The confirmed cause, else the provisional one.
    pub(crate) cause: Cause,
    pub(crate) is_paused: bool,
    /// Whether it took more than ten minutes to arrive from its center.
    pub(crate) arrived_late: bool,
    /// Whether one of its events could not be read.
    pub(crate) is_quarantined: bool,
    pub(crate) center: Arc<CenterId>,
    pub(crate) department: Option<Arc<DepartmentId>>,
    pub(crate) departments_ever: Box<[Arc<DepartmentId>]>,
    pub(crate) handler: Option<Arc<str>>,
    /// Who is to do something; nobody when the case has come to its end.
    pub(crate) awaits: Box<[Awaited]>,
    /// When the first of what it waits for is due; [`i64::MAX`] when it waits for nothing that is.
    pub(crate) next_due_at: i64,
    pub(crate) opened_at: i64,
    pub(crate) due_at: i64,
    pub(crate) last_event_at: i64,
    /// When its opening and the latest of its events were written down.
    pub(crate) first_recorded_at: i64,
    pub(crate) last_recorded_at: i64,
    pub(crate) version: u64,
    /// What the figures look at.
    pub(crate) facts: CaseFacts,
}

impl CaseRow {
    /// Makes the row of a record.
    pub(crate) fn of(record: &CaseRecord, rules: &Rules, names: &mut Names) -> Self {
        let case = &record.case;
        let department = |names: &mut Names, id: &DepartmentId| shared(&mut names.departments, id);
        let mut departments_ever = Vec::with_capacity(case.departments_ever.len());
        for id in &case.departments_ever {
            departments_ever.push(department(names, id));
        }
        let next = next_steps(case, rules);
        Self {
            case_id: case.case_id,
            case_no: case.case_no.as_str().into(),
            demand: case.demand.as_str().into(),
            matter: names.text(&case.matter.name),
            state: case.state,
            stage: case.blocked_stage,
            cause: case.cause_confirmed.unwrap_or(case.cause_provisional),
            is_paused: case.pause.is_some(),
            arrived_late: record.late_arrival().is_some(),
            is_quarantined: record.quarantined,
            center: shared(&mut names.centers, &case.center),
            department: case.department.as_ref().map(|id| department(names, id)),
            departments_ever: departments_ever.into(),
            handler: case.handler.as_ref().map(|name| names.text(name)),
            next_due_at: next.first().and_then(|one| one.due_at).map_or(i64::MAX, micros),
            awaits: awaits(next, names),
            opened_at: micros(case.opened_at),
            due_at: micros(case.due_at),
            last_event_at: micros(case.last_event_at),
            first_recorded_at: micros(record.first_recorded_at),
            last_recorded_at: micros(record.last_recorded_at),
            version: case.version,
            facts: CaseFacts::of(case, &record.past, &rules.calendar),
        }
    }

    /// What the figures count it by.
    pub(crate) fn counted(&self) -> Counted<'_> {
        Counted {
            facts: &self.facts,
            center: &self.center,
            department: self.department.as_deref(),
            matter: &self.matter,
            stage: self.stage,
            cause: self.cause,
        }
    }

    /// Whether somebody still has to bring it to an outcome.
    pub(crate) fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Whether it is open, not paused, and its promise has passed.
    pub(crate) fn is_overdue(&self, now: i64) -> bool {
        self.is_open() && !self.is_paused && now > self.due_at
    }

    /// Whether this person may open it.
    pub(crate) fn may_be_read_by(&self, actor: &Actor) -> bool {
        permission::sees(actor, &self.center, |department| {
            self.departments_ever.iter().any(|one| **one == *department)
        })
    }
}

impl Names {
    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new: Arc<str> = text.into();
        self.texts.insert(new.clone());
        new
    }
}

/// Who is to do something in a case, each once.
fn awaits(next: Vec<NextStep>, names: &mut Names) -> Box<[Awaited]> {
    let mut awaits = Vec::new();
    let mut add = |one: Awaited| {
        if !awaits.contains(&one) {
            awaits.push(one);
        }
    };
    for next in next {
        match next.by {
            Party::Center(id) => add(Awaited::Center(shared(&mut names.centers, &id))),
            Party::Department(id, handler) => {
                let id = shared(&mut names.departments, &id);
                add(Awaited::Department(id.clone()));
                match handler {
                    Some(handler) => add(Awaited::Person(names.text(&handler))),
                    None => add(Awaited::AnyoneOf(id)),
                }
            }
            Party::Person(name) => add(Awaited::Person(names.text(&name))),
            Party::Coordinator => add(Awaited::Coordinator),
            Party::Callback => add(Awaited::Callback),
            Party::Applicant => {}
        }
    }
    awaits.into()
}

fn shared<T: Clone + Eq + Hash>(known: &mut HashSet<Arc<T>>, value: &T) -> Arc<T>
where
    Arc<T>: Borrow<T>,
{
    if let Some(known) = known.get(value) {
        return known.clone();
    }
    let new = Arc::new(value.clone());
    known.insert(new.clone());
    new
}
