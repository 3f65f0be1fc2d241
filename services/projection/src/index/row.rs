//! The row of a case in the index: what filters, rights and figures look at.
//!
//! Instants are microseconds since 1970; lengths in working days are counted once, here.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use casework::calendar::WorkingCalendar;
use casework::command::Actor;
use casework::permission;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, CheckLayer, Complexity, Grade, Solved, Stage};
use proto_events::ids::{CaseId, CenterId, DepartmentId};

use crate::record::{CaseRecord, Round};

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
    pub(crate) is_ping_pong: bool,
    pub(crate) center: Arc<CenterId>,
    pub(crate) department: Option<Arc<DepartmentId>>,
    pub(crate) departments_ever: Box<[Arc<DepartmentId>]>,
    pub(crate) handler: Option<Arc<str>>,
    pub(crate) opened_at: i64,
    pub(crate) due_at: i64,
    pub(crate) last_event_at: i64,
    pub(crate) version: u64,
    pub(crate) hops: Box<[HopFact]>,
    pub(crate) returns: Box<[ReturnFact]>,
    /// Oldest first; the last is the present one.
    pub(crate) rounds: Box<[RoundFact]>,
    pub(crate) answers: Box<[AnswerFact]>,
    pub(crate) task_forces: Box<[TaskForceFact]>,
    pub(crate) rectifications: Box<[RectificationFact]>,
    pub(crate) special: Option<SpecialFact>,
    pub(crate) pauses: Box<[i64]>,
    pub(crate) extensions: Box<[i64]>,
}

/// A handing over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HopFact {
    pub(crate) at: i64,
    pub(crate) contact_due_at: i64,
    pub(crate) contacted_at: Option<i64>,
    pub(crate) is_returned: bool,
    /// When the case left the department: returned, handed on, or ended.
    pub(crate) left_at: Option<i64>,
    /// Working days of the stay, when it is over.
    pub(crate) days: i64,
}

/// A return.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ReturnFact {
    pub(crate) at: i64,
    pub(crate) from: Arc<DepartmentId>,
    pub(crate) to: Option<Arc<DepartmentId>>,
}

/// From an opening or reopening to its outcome.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RoundFact {
    pub(crate) since: i64,
    pub(crate) due_at: i64,
    pub(crate) original_due_at: i64,
    pub(crate) complexity: Complexity,
    pub(crate) end: Option<EndFact>,
}

/// An outcome.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EndFact {
    pub(crate) at: i64,
    pub(crate) kind: CaseState,
    pub(crate) is_reopened: bool,
    pub(crate) with_basis: bool,
    pub(crate) jointly: bool,
    pub(crate) understood: bool,
    /// Working days since the round began.
    pub(crate) days: i64,
}

/// An answer of the applicant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AnswerFact {
    pub(crate) at: i64,
    pub(crate) solved: Option<Solved>,
    pub(crate) grade: Option<Grade>,
}

/// A task force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TaskForceFact {
    pub(crate) convened_at: i64,
    pub(crate) first_met_at: Option<i64>,
    /// Working days to the first meeting, when there was one.
    pub(crate) days: i64,
}

/// A rectification.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RectificationFact {
    pub(crate) due_at: i64,
    pub(crate) completed_at: Option<i64>,
}

/// A special handling that was decided.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpecialFact {
    pub(crate) decided_at: i64,
    pub(crate) is_approved: bool,
    pub(crate) has_all_layers: bool,
}

impl CaseRow {
    /// Makes the row of a record.
    pub(crate) fn of(record: &CaseRecord, calendar: &WorkingCalendar, names: &mut Names) -> Self {
        let case = &record.case;
        let department = |names: &mut Names, id: &DepartmentId| shared(&mut names.departments, id);
        let mut departments_ever = Vec::with_capacity(case.departments_ever.len());
        for id in &case.departments_ever {
            departments_ever.push(department(names, id));
        }
        let mut returns = Vec::with_capacity(case.returns.len());
        for one in &case.returns {
            let from = department(names, &one.department);
            let to = one.suggested_department.as_ref().map(|id| department(names, id));
            returns.push(ReturnFact { at: micros(one.at), from, to });
        }
        let days = |from: Timestamp, to: Timestamp| {
            calendar.working_days_between(calendar.date_of(from), calendar.date_of(to))
        };
        let past = &record.past;
        Self {
            case_id: case.case_id,
            case_no: case.case_no.as_str().into(),
            demand: case.demand.as_str().into(),
            matter: names.text(&case.matter.name),
            state: case.state,
            stage: case.blocked_stage,
            cause: case.cause_confirmed.unwrap_or(case.cause_provisional),
            is_paused: case.pause.is_some(),
            is_ping_pong: is_ping_pong(record),
            center: shared(&mut names.centers, &case.center),
            department: case.department.as_ref().map(|id| department(names, id)),
            departments_ever: departments_ever.into(),
            handler: case.handler.as_ref().map(|name| names.text(name)),
            opened_at: micros(case.opened_at),
            due_at: micros(case.due_at),
            last_event_at: micros(case.last_event_at),
            version: case.version,
            hops: hops(record, &days),
            returns: returns.into(),
            rounds: rounds(record, &days),
            answers: past
                .answers
                .iter()
                .map(|one| AnswerFact { at: micros(one.at), solved: one.solved, grade: one.grade })
                .collect(),
            task_forces: past
                .task_forces
                .iter()
                .map(|force| TaskForceFact {
                    convened_at: micros(force.convened_at),
                    first_met_at: force.first_met_at.map(micros),
                    days: force.first_met_at.map_or(0, |met| days(force.convened_at, met)),
                })
                .collect(),
            rectifications: past
                .rectifications
                .iter()
                .map(|work| RectificationFact {
                    due_at: micros(work.due_at),
                    completed_at: work.completed_at.map(micros),
                })
                .collect(),
            special: case.special_handling.as_ref().and_then(|special| {
                let decision = special.decision.as_ref()?;
                let has = |layer: &CheckLayer| special.checks.iter().any(|one| one.layer == *layer);
                Some(SpecialFact {
                    decided_at: micros(decision.at),
                    is_approved: decision.approved,
                    has_all_layers: CheckLayer::ALL.iter().all(has),
                })
            }),
            pauses: past.pauses.iter().copied().map(micros).collect(),
            extensions: past.extensions.iter().copied().map(micros).collect(),
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

/// An instant in microseconds since 1970.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

fn hops(record: &CaseRecord, days: &impl Fn(Timestamp, Timestamp) -> i64) -> Box<[HopFact]> {
    let case = &record.case;
    let ends: Vec<Timestamp> = record.rounds().filter_map(|round| Some(round.end?.at)).collect();
    let fact = |(index, hop): (usize, &casework::case::records::Hop)| {
        let next = case.hops.get(index + 1).map(|next| next.at);
        let end = ends.iter().copied().find(|end| *end >= hop.at);
        let left = [hop.returned_at, next, end].into_iter().flatten().min();
        HopFact {
            at: micros(hop.at),
            contact_due_at: micros(hop.first_contact_due_at),
            contacted_at: hop.first_contact_at.map(micros),
            is_returned: hop.returned_at.is_some(),
            left_at: left.map(micros),
            days: left.map_or(0, |left| days(hop.at, left)),
        }
    };
    case.hops.iter().enumerate().map(fact).collect()
}

fn rounds(record: &CaseRecord, days: &impl Fn(Timestamp, Timestamp) -> i64) -> Box<[RoundFact]> {
    let reopened = record.past.rounds.len();
    let fact = |(index, round): (usize, Round)| RoundFact {
        since: micros(round.since),
        due_at: micros(round.due_at),
        original_due_at: micros(round.original_due_at),
        complexity: round.complexity,
        end: round.end.map(|end| EndFact {
            at: micros(end.at),
            kind: end.kind,
            is_reopened: index < reopened,
            with_basis: end.with_basis,
            jointly: end.jointly,
            understood: end.understood,
            days: days(round.since, end.at),
        }),
    };
    record.rounds().enumerate().map(fact).collect()
}

/// Returned twice or more, or sent by somebody to a department that had returned it.
fn is_ping_pong(record: &CaseRecord) -> bool {
    let case = &record.case;
    let came_back = |hop: &casework::case::records::Hop| {
        let returned =
            |one: &casework::case::records::Return| one.department == hop.to && one.at < hop.at;
        case.returns.iter().any(returned)
    };
    case.is_ping_pong() || case.hops.iter().any(came_back)
}
