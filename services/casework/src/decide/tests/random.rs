//! Any sequence of wishes by anybody: nothing breaks, and what always holds, holds.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use proto_events::codes::{
    Cause, Clock, ClosingCode, ConveneTrigger, Exclusion, ExplanationMode, Level, Position,
    ReopenReason, Resolution, Solved, Understood,
};
use proto_events::events::CaseEventKind;
use proto_events::upcast;

use super::*;
use crate::command::CommandKind;

const DEPARTMENTS: [&str; 3] = ["hr-public-service", "civil-affairs", "medical-insurance"];

/// Wishes of every kind, right and wrong.
fn repertoire() -> Vec<Command> {
    let mut wishes = wishes::one_of_each();
    for department in DEPARTMENTS {
        wishes.extend([
            wishes::forward(department),
            wishes::send_back(department),
            wishes::arbitrate(department),
        ]);
    }
    for name in ["hr-handler", "hr-handler-2", "civil-handler", "medical-lead", "coordinator"] {
        wishes.extend([wishes::accept_for(name), wishes::not_doable(name)]);
    }
    for reason in ReopenReason::ALL {
        wishes.push(wishes::reopen(*reason));
    }
    for (solved, grade) in [(Solved::No, 1), (Solved::Partly, 3), (Solved::Yes, 2)] {
        wishes.push(wishes::feedback(solved, grade));
    }
    for understood in Understood::ALL {
        let bodies = ["donghuashi", "hr-bureau"];
        wishes.push(wishes::explain(ExplanationMode::Phone, &bodies, *understood));
        wishes.push(wishes::explain(ExplanationMode::Joint, &bodies, *understood));
    }
    for clock in Clock::ALL {
        for occurrence in 1..=2 {
            wishes.push(wishes::escalate(Level::Director, *clock, occurrence));
        }
    }
    for code in ClosingCode::ALL {
        wishes.push(wishes::close(*code));
    }
    for resolution in Resolution::ALL {
        wishes.push(wishes::resolve_as(*resolution, Cause::PolicyGap));
    }
    wishes.extend([
        wishes::unanswered(),
        wishes::contact(false),
        wishes::convene(ConveneTrigger::ReopenedUnsolved),
        wishes::meet(Position::Object, None),
        wishes::decline(Exclusion::Abusive, Some("clerk-2")),
        wishes::note(&wishes::telling_a_phone()),
    ]);
    wishes
}

/// Who attempts what.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The very wish, by the very person.
    Blind,
    /// The very wish, by the next person who may wish it.
    Allowed,
    /// The next pair of wish and person that leads to something, so that stories get far.
    Granted,
}

/// One attempt: after so many minutes, a wish, a person, and how strictly these are meant.
type Attempt = (i64, usize, usize, Choice);

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let waits = prop_oneof![12 => 0..60_i64, 2 => 0..3000_i64, 1 => 0..40_000_i64];
    let choice = prop_oneof![1 => Just(Choice::Blind), 4 => Just(Choice::Allowed), 4 => Just(Choice::Granted)];
    prop::collection::vec((waits, any::<usize>(), any::<usize>(), choice), 1..40)
}

fn next_allowed<'a>(
    story: &Story,
    staff: &'a [Actor],
    command: &Command,
    person: usize,
) -> Option<&'a Actor> {
    let is_allowed =
        |actor: &&Actor| !matches!(story.wish_of(actor, command), Err(Refusal::Forbidden(_)));
    (0..staff.len()).map(|step| &staff[(person + step) % staff.len()]).find(is_allowed)
}

fn first_granted<'a>(
    story: &Story,
    wishes: &'a [Command],
    staff: &'a [Actor],
    wish: usize,
    person: usize,
) -> Option<(&'a Actor, &'a Command)> {
    // These are possible nearly always and lead nowhere, or end the story; they come up unguided.
    let is_dull = |kind| {
        use CommandKind::{
            Contact, Decline, Escalate, NoteProgress, ReceiveMaterials, Reopen, Withdraw,
        };
        matches!(kind, Contact | Decline | Escalate | NoteProgress | ReceiveMaterials | Withdraw)
            || (kind == Reopen && story.case().is_open())
    };
    // A stride, so that what stands behind many useless wishes is not chosen more often.
    (0..wishes.len())
        .map(|step| &wishes[(wish + step * 37) % wishes.len()])
        .filter(|command| !is_dull(command.kind()))
        .flat_map(|command| {
            (0..staff.len()).map(move |step| (&staff[(person + step) % staff.len()], command))
        })
        .find(|(actor, command)| story.wish_of(actor, command).is_ok_and(|told| !told.is_empty()))
}

/// What holds for every case, whatever happened.
fn check(case: &Case) {
    let state = case.state;
    assert_eq!(case.outcome.is_none(), case.is_open(), "{state}: an outcome, and only at an end");
    let outcomes = case.reopen_count + u32::from(case.outcome.is_some());
    assert_eq!(case.outcome_count, outcomes, "no two outcomes without a reopening");
    assert!(case.hops.len() >= case.returns.len(), "what comes back was sent");
    assert!(case.returns.len() <= 2);
    assert_eq!(case.closed_at.is_some(), state == CaseState::Closed);
    assert!(case.handler.is_none() || case.department.is_some(), "a handler has a department");
    assert!(case.department.is_none() || !case.hops.is_empty());
    assert!(case.active_task_force().is_none() || case.is_open(), "{state}: nobody sits any more");
    assert!(state != CaseState::InTaskForce || case.active_task_force().is_some());
    let is_not_doable = state == CaseState::NotDoable;
    assert!(!is_not_doable || case.determination.is_some());
    let feedback_ends = case.feedback.is_none()
        || case
            .feedback_tries
            .iter()
            .all(|try_at| case.outcome.as_ref().is_none_or(|outcome| *try_at >= outcome.at));
    assert!(feedback_ends, "tries belong to the last outcome");

    let clocks = case.clocks();
    let keys: BTreeSet<_> = clocks.iter().map(|run| (run.clock, run.occurrence)).collect();
    assert_eq!(keys.len(), clocks.len(), "a clock runs once at a time");
    for run in &clocks {
        assert!(run.occurrence >= 1 && run.due_at >= run.started_at, "{run:?}");
        let may_run = case.is_open()
            || run.clock == Clock::BadReviewFix
            || (run.clock == Clock::Callback && case.has_ended());
        assert!(may_run, "{state}: {run:?}");
    }
    let steps: BTreeSet<_> =
        case.escalations.iter().map(|one| (one.clock, one.occurrence, one.level)).collect();
    assert_eq!(steps.len(), case.escalations.len(), "a step is taken once");
}

/// What an event may change, given the case before and after it.
fn check_step(before: Option<&Case>, after: &Case, event: &CaseEvent) {
    let Some(before) = before else { return };
    if !matches!(event, CaseEvent::Reopened(_)) {
        assert_eq!(after.due_at, before.due_at, "{event:?} moved the promise");
        assert_eq!(after.original_due_at, before.original_due_at, "{event:?}");
        assert_eq!(after.handling_since, before.handling_since, "{event:?}");
    }
    if matches!(before.state, CaseState::Withdrawn | CaseState::Transferred) {
        assert_eq!(after.state, before.state, "{event:?} woke what was over");
    }
    assert_eq!(after.center, before.center, "the first receiver stays");
    assert!(after.hops.len() >= before.hops.len() && after.returns.len() >= before.returns.len());
    assert!(after.version > before.version);
}

/// What came up in the telling of stories.
#[derive(Debug, Default)]
struct Seen {
    states: BTreeSet<CaseState>,
    events: BTreeSet<CaseEventKind>,
    refusals: BTreeSet<RefusalCode>,
}

/// Carries out one attempt, checking everything on the way.
fn attempt(story: &mut Story, actor: &Actor, command: &Command, seen: &mut Seen) {
    let before = story.case.clone();
    let answer = story.wish_of(actor, command);
    assert_eq!(answer, story.wish_of(actor, command), "a decision depends on nothing else");
    assert_eq!(story.case, before, "a decision changes nothing by itself");
    let events = match answer {
        Ok(events) => events,
        Err(Refusal::Rule { code, .. }) => {
            seen.refusals.insert(code);
            return;
        }
        Err(_) => return,
    };
    for event in events {
        let body = event.to_body();
        assert_eq!(upcast::read(event.event_type(), &body).unwrap(), event, "it survives the log");
        let before = story.case.clone();
        seen.events.insert(event.kind());
        story.fold(actor, event);
        seen.states.insert(story.case().state);
        check_step(before.as_ref(), story.case(), story.last());
        check(story.case());
    }
}

/// Tells a whole story.
fn tell(attempts: Vec<Attempt>, wishes: &[Command], staff: &[Actor], seen: &mut Seen) {
    let mut story = Story::opened();
    for (minutes, wish, person, choice) in attempts {
        let (wish, person) = (wish % wishes.len(), person % staff.len());
        story.now += TimeDelta::minutes(minutes);
        let command = &wishes[wish];
        let chosen = match choice {
            Choice::Blind => Some((&staff[person], command)),
            Choice::Allowed => {
                next_allowed(&story, staff, command, person).map(|actor| (actor, command))
            }
            Choice::Granted => first_granted(&story, wishes, staff, wish, person),
        };
        if let Some((actor, command)) = chosen {
            attempt(&mut story, actor, command, seen);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_sequence_of_wishes_keeps_what_always_holds(attempts in attempts()) {
        tell(attempts, &repertoire(), &staff(), &mut Seen::default());
    }
}

/// Without this the property could hold because nothing ever happens.
#[test]
fn random_stories_come_to_every_state_and_event_that_commands_lead_to() {
    let (wishes, staff) = (repertoire(), staff());
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    for _ in 0..512 {
        let attempts = attempts().new_tree(&mut runner).unwrap().current();
        tell(attempts, &wishes, &staff, &mut seen);
    }
    // No command transfers a case yet.
    let missing: Vec<_> = CaseState::ALL.iter().filter(|one| !seen.states.contains(one)).collect();
    assert_eq!(missing, [&CaseState::Transferred]);
    // Every command but the opening, which begins each story, adds the event that is called after it.
    assert_eq!(seen.events.len(), CommandKind::ALL.len() - 1, "{:?}", seen.events);
    for code in [
        RefusalCode::WrongState,
        RefusalCode::PiiInText,
        RefusalCode::PingPong,
        RefusalCode::ReturnTooLate,
        RefusalCode::SamePerson,
        RefusalCode::SelfFeedback,
        RefusalCode::AlreadyTaskForce,
        RefusalCode::SpecialHandlingMissing,
        RefusalCode::ReopenTooLate,
    ] {
        assert!(seen.refusals.contains(&code), "{code:?}: {:?}", seen.refusals);
    }
}
