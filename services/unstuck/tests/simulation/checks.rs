//! What must be true of every tale, however it went.
//!
//! Each check is a sentence with the place where it was found to be wrong; nothing here decides anything that the
//! product decides, except by asking the rules themselves about a state that the log has gone through.

use std::collections::{BTreeMap, BTreeSet};

use casework::calendar::WorkingCalendar;
use casework::case::Case;
use casework::command::{Actor, Command, CommandKind, Context};
use casework::decide::decide;
use casework::rules::Rules;
use casework::timetable::ladder;
use proto_events::codes::{CaseState, ClosingCode, ConveneTrigger, Level, Role};
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, CommandId, EventId};
use runtime::vault::KeyState;

use super::answers::what_was_sent_was_answered_truly;
use super::history::{History, Told};
use super::house::districts;
use super::sent::{Ending, Try, Wish};
use super::tale::Tale;

/// Checks everything.
pub(crate) async fn check(tale: &Tale) -> History {
    let history = History::read(&tale.house.log.events());
    no_event_stands_twice(&history);
    for case_id in history.by_case.keys() {
        a_case_goes_its_way(&history, *case_id);
    }
    what_the_house_did_was_legal(&history);
    what_follows_from_an_event_follows_once(&history);
    for sent in &tale.sent {
        what_was_sent_was_answered_truly(&history, sent);
    }
    no_matter_is_open_twice(&history, tale);
    every_refusal_left_a_line(tale);
    every_applicant_opens_or_is_forgotten(&history, tale).await;
    what_was_due_has_happened(&history, tale);
    history
}

fn no_event_stands_twice(history: &History) {
    let mut seen = BTreeSet::new();
    for told in &history.all {
        assert!(seen.insert(told.meta.id), "event {} stands twice: {told}", told.meta.id);
    }
}

/// What holds of a case after each of its events, and what each event may change.
fn a_case_goes_its_way(history: &History, case_id: CaseId) {
    let mut steps = BTreeSet::new();
    for told in history.of(case_id) {
        let before = history.at(case_id, told.meta.sequence - 1);
        let after = history.at(case_id, told.meta.sequence).expect("it was opened");
        assert_eq!(after.version, told.meta.sequence, "{told}");
        always(after, told);
        let Some(before) = before else { continue };
        assert!(!matches!(told.event, CaseEvent::Opened(_)), "a case is opened once: {told}");
        one_step(before, after, told);
        if let CaseEvent::Escalated(step) = &told.event {
            let key = (step.clock, step.occurrence, step.level);
            assert!(steps.insert(key), "a step of a clock is taken once: {told}");
        }
    }
}

fn always(case: &Case, told: &Told) {
    let state = case.state;
    assert_eq!(case.outcome.is_none(), case.is_open(), "an outcome, and only at an end: {told}");
    let outcomes = case.reopen_count + u32::from(case.outcome.is_some());
    assert_eq!(case.outcome_count, outcomes, "no two outcomes without a reopening: {told}");
    assert_eq!(case.closed_at.is_some(), state == CaseState::Closed, "{told}");
    assert!(case.handler.is_none() || case.department.is_some(), "a handler has a house: {told}");
    let has_lead = !matches!(state, CaseState::Forwarded | CaseState::InDepartment)
        || case.department.is_some();
    assert!(has_lead, "one department leads: {told}");
    assert!(case.active_task_force().is_none() || case.is_open(), "nobody sits any more: {told}");
    assert!(case.pause.is_none() || case.is_open(), "an end ends the pause: {told}");
    let clocks = case.clocks();
    let keys: BTreeSet<_> = clocks.iter().map(|run| (run.clock, run.occurrence)).collect();
    assert_eq!(keys.len(), clocks.len(), "a clock runs once at a time: {told}");
    if let Some(special) = &case.special_handling {
        let people: BTreeSet<_> = special.checks.iter().map(|check| &check.by).collect();
        assert_eq!(people.len(), special.checks.len(), "each layer is another person's: {told}");
        if let Some(decision) = &special.decision {
            assert!(!people.contains(&decision.by), "who checked does not decide: {told}");
        }
    }
}

/// What an event may change, and what has to be so before it.
fn one_step(before: &Case, after: &Case, told: &Told) {
    let actor = &told.meta.actor;
    let moves = matches!(
        told.event,
        CaseEvent::Reopened(_)
            | CaseEvent::ClockResumed(_)
            | CaseEvent::DeadlineExtended(_)
            | CaseEvent::Reclassified(_)
            | CaseEvent::DeadlineRecalculated(_)
    );
    assert!(moves || after.due_at == before.due_at, "it moved the promise: {told}");
    assert_eq!(after.center, before.center, "the first receiver stays: {told}");
    if matches!(before.state, CaseState::Withdrawn | CaseState::Transferred) {
        assert_eq!(after.state, before.state, "it woke what was over: {told}");
    }
    match &told.event {
        CaseEvent::ProgressNoted(_)
        | CaseEvent::Urged(_)
        | CaseEvent::Linked(_)
        | CaseEvent::Corrected(_) => {
            assert_eq!(after.clocks(), before.clocks(), "a comment moves no clock: {told}");
            assert_eq!(after.state, before.state, "a comment moves nothing: {told}");
        }
        CaseEvent::Resolved(_) | CaseEvent::NotDoableDetermined(_) | CaseEvent::Transferred(_) => {
            assert!(!before.has_open_parts(), "no outcome while a part is open: {told}");
        }
        CaseEvent::Closed(data) => {
            assert!(before.has_ended(), "it closes once, and what has ended: {told}");
            assert!(before.open_rectification().is_none(), "the rectification is done: {told}");
            if data.code == ClosingCode::FeedbackRecorded {
                assert!(before.feedback.is_some(), "somebody said something: {told}");
            }
        }
        CaseEvent::TaskForceConvened(_) => {
            assert!(before.active_task_force().is_none(), "one task force at a time: {told}");
        }
        CaseEvent::RectificationOpened(_) => {
            assert!(before.open_rectification().is_none(), "one at a time: {told}");
        }
        CaseEvent::Escalated(step) => {
            let at = told.meta.time;
            let run = before
                .clocks()
                .into_iter()
                .find(|run| run.clock == step.clock && run.occurrence == step.occurrence);
            let run = run.unwrap_or_else(|| panic!("only a clock that runs is told of: {told}"));
            // A process may not know the newest year yet.
            let was_due = |calendar: &&WorkingCalendar| {
                ladder(calendar, &run).iter().any(|one| one.level == step.level && one.at <= at)
            };
            let known = districts().iter().map(|district| &district.rules.calendar);
            let mut knowing = known.filter(was_due).peekable();
            assert!(knowing.peek().is_some(), "nobody is told before it is time: {told}");
            assert!(knowing.any(|calendar| calendar.may_notify_at(at)), "nor at night: {told}");
            let is_warning = matches!(step.level, Level::Warning50 | Level::Warning80);
            let is_late = is_warning && at >= run.due_at;
            assert!(!is_late, "a warning after the fact is noise: {told}");
        }
        _ => {}
    }
    match &told.event {
        CaseEvent::NotDoableDetermined(data) => {
            assert_ne!(&data.countersigned_by, actor, "nobody countersigns himself: {told}");
        }
        CaseEvent::Declined(data) => {
            assert_ne!(data.second_check_by.as_ref(), Some(actor), "nobody checks himself: {told}");
        }
        CaseEvent::ClockPaused(_) | CaseEvent::DeadlineExtended(_) => {
            assert_ne!(before.handler.as_ref(), Some(actor), "not by who works on it: {told}");
        }
        _ => {}
    }
}

/// What the house did by itself was right about the state right before it, under a calendar that a process had.
fn what_the_house_did_was_legal(history: &History) {
    for told in history.all.iter().filter(|told| told.meta.role == Role::System) {
        let command = match &told.event {
            CaseEvent::Escalated(data) => Command::Escalate {
                level: data.level,
                clock: data.clock,
                occurrence: data.occurrence,
            },
            CaseEvent::Closed(data) => Command::Close { code: data.code },
            CaseEvent::RectificationOpened(_) => Command::OpenRectification,
            CaseEvent::ClockResumed(_) => Command::Resume { automatic: true },
            CaseEvent::DeadlineRecalculated(_) => Command::RecalculateDeadline,
            CaseEvent::Forwarded(data) => Command::Forward {
                department: data.to.clone(),
                ask: data.ask.clone(),
                contact: None,
                automatic: true,
            },
            CaseEvent::TaskForceConvened(data) => Command::ConveneTaskForce {
                trigger: data.trigger,
                chair: data.chair.clone(),
                members: data.members.clone(),
                objective: data.objective.clone(),
                reason: data.reason.clone(),
            },
            CaseEvent::Linked(data) => Command::Link {
                other: data.case_id,
                relation: data.relation,
                note: data.note.clone(),
                reciprocal: true,
            },
            _ => panic!("the house does not do this by itself: {told}"),
        };
        let before = history.at(told.meta.case_id, told.meta.sequence - 1);
        let actor = Actor::system(&told.meta.actor);
        let is_legal = |rules: &Rules| {
            let context = Context { now: told.meta.time, actor: &actor, second: None, rules };
            decide(before, &command, &context).is_ok_and(|events| *events == [told.event.clone()])
        };
        assert!(districts().iter().any(|one| is_legal(&one.rules)), "it was legal: {told}");
    }
}

/// What the house does by itself, it does once for each thing that caused it.
fn what_follows_from_an_event_follows_once(history: &History) {
    let mut caused: BTreeMap<(EventId, String), CommandId> = BTreeMap::new();
    for told in &history.all {
        if told.meta.role != Role::System {
            continue;
        }
        if let Some(cause) = told.envelope.causation_id {
            let key = (cause, told.envelope.actor.clone());
            let command_id = *caused.entry(key).or_insert(told.meta.command_id);
            assert_eq!(command_id, told.meta.command_id, "the cause has one effect: {told}");
            assert!(
                history.all.iter().any(|cause| Some(cause.meta.id) == told.envelope.causation_id),
                "the cause stands in the log: {told}"
            );
        }
        let is_by_rule = match &told.event {
            CaseEvent::Forwarded(data) => data.automatic,
            CaseEvent::TaskForceConvened(data) => data.trigger != ConveneTrigger::Person,
            CaseEvent::RectificationOpened(_) => true,
            _ => continue,
        };
        let has_cause = told.envelope.causation_id.is_some();
        assert!(is_by_rule && has_cause, "the house names rule and cause: {told}");
    }
    for told in &history.all {
        let is_bad = matches!(&told.event, CaseEvent::FeedbackRecorded(data) if data.is_bad());
        let opened = history.all.iter().filter(|other| {
            other.envelope.causation_id == Some(told.meta.id)
                && matches!(other.event, CaseEvent::RectificationOpened(_))
        });
        let count = opened.count();
        assert!(count <= usize::from(is_bad), "{count} rectifications of: {told}");
    }
}

/// Nobody has one matter open twice because of two openings.
fn no_matter_is_open_twice(history: &History, tale: &Tale) {
    let mut openings: BTreeMap<CaseId, (String, String)> = BTreeMap::new();
    for sent in &tale.sent {
        if let Wish::Opening { body, case_id, .. } = &sent.wish {
            openings.insert(*case_id, (body.applicant.identity(), body.matter.name.clone()));
        }
    }
    for told in history.all.iter().filter(|told| matches!(told.event, CaseEvent::Opened(_))) {
        let matter = &openings[&told.meta.case_id];
        let twin = openings.iter().find(|(other, of_other)| {
            **other != told.meta.case_id
                && *of_other == matter
                && history
                    .at(**other, told.meta.sequence)
                    .is_some_and(|case| case.is_open() && case.reopen_count == 0)
        });
        assert!(twin.is_none(), "{matter:?} is open as {twin:?} already: {told}");
    }
}

fn every_refusal_left_a_line(tale: &Tale) {
    let refused = |one: &&Try| matches!(&one.ending, Ending::Refused { status, .. } if matches!(status, 403 | 409 | 412));
    let orders = tale.sent.iter().filter(|sent| sent.kind() != CommandKind::Open);
    let count = orders.flat_map(|sent| &sent.tries).filter(refused).count();
    let lines = tale.house.audit.lines();
    let lines = lines.iter().filter(|(_, line)| {
        serde_json::from_slice::<serde_json::Value>(line).unwrap()["what"] == "refused"
    });
    assert!(lines.count() >= count, "every refusal leaves a line in the audit");
}

async fn every_applicant_opens_or_is_forgotten(history: &History, tale: &Tale) {
    let desk = tale.house.desk();
    for case_id in history.by_case.keys() {
        let case = history.at(*case_id, u64::MAX).expect("it was opened");
        match desk.vault.state(*case_id).await.expect("the weather is calm") {
            KeyState::Present(key) => {
                assert!(!case.erased, "an erased case {case_id} has no key");
                let sealed = &case.applicant.sealed;
                let plain = key.open(sealed, case_id.to_string().as_bytes());
                assert!(plain.is_ok(), "the applicant of {case_id} opens");
            }
            KeyState::Destroyed => assert!(case.erased, "only an erased case loses its key"),
            KeyState::Missing => panic!("{case_id} never had a key"),
        }
    }
}

/// At rest nothing waits for the house itself.
fn what_was_due_has_happened(history: &History, tale: &Tale) {
    let calendar = &tale.house.district.rules.calendar;
    let now = tale.house.now();
    assert!(calendar.may_notify_at(now), "a tale ends in opening hours");
    for case_id in history.by_case.keys() {
        let case = history.at(*case_id, u64::MAX).expect("it was opened");
        for run in case.clocks() {
            let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
            let due = casework::timetable::due_steps(calendar, &run, fired, now);
            assert!(due.is_empty(), "{case_id}: {due:?} of {run:?} is due and was not told");
        }
        let is_over = case.pause.as_ref().is_some_and(|pause| pause.until <= now);
        assert!(!is_over, "the pause of {case_id} is over and goes on");
        let is_published = calendar.date_of(case.due_at) <= calendar.published_to();
        let is_stale = case.is_open() && case.provisional_due && is_published;
        assert!(!is_stale, "the promise of {case_id} waits for a calendar that is there");
        let may_close = case.has_ended() && case.open_rectification().is_none();
        assert!(!may_close, "{case_id} ended weeks ago and is not closed: {:?}", case.state);
    }
}
