//! What holds for the fold, whatever the events say and in whatever order they come.
//!
//! The events are made from the published schemas, so that an event or a field that is added is covered at once.

extern crate std;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;
use std::sync::LazyLock;

use chrono::{DateTime, FixedOffset};
use proptest::prelude::*;
use proptest::sample::select;
use proto_events::codes::{CaseState, Clock, Role, Solved};
use proto_events::events::{CaseEvent, CaseEventKind};
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};
use proto_events::{Timestamp, registry, upcast};
use serde_json::{Map, Value, json};

use super::{Case, EventMeta, fold};

/// Most events of a made-up case.
const EVENTS_MAX: usize = 24;

/// 2021-01-01 in seconds; the events of these tests happen in that year.
const FIRST_SECOND: i64 = 1_609_430_400;
const YEAR_SECONDS: i64 = 365 * 86_400;

fn instant(seconds: i64) -> Timestamp {
    let offset = FixedOffset::east_opt(8 * 3600).expect("less than a day");
    DateTime::from_timestamp(seconds, 0).expect("is a date").with_timezone(&offset)
}

/// One event with what the envelope says of it.
type Recorded = (EventMeta, CaseEvent);

fn meta(number: u64, sequence: u64, time: Timestamp) -> EventMeta {
    let command_id = CommandId::of_key("somebody", &format!("{number}"));
    EventMeta {
        id: EventId::of_command(command_id, 0),
        command_id,
        case_id: CaseId::of_key(&"civil".parse().expect("is a slug"), "a case"),
        sequence,
        time,
        actor: "somebody".to_owned(),
        role: Role::Clerk,
    }
}

/// Makes values that fit a schema; instants lie in the given seconds.
fn fitting(
    root: &'static Value,
    schema: &'static Value,
    instants: &Range<i64>,
) -> BoxedStrategy<Value> {
    if let Some(target) = schema["$ref"].as_str() {
        let pointer = target.strip_prefix('#').expect("schemas are complete in themselves");
        return fitting(root, root.pointer(pointer).expect("is defined"), instants);
    }
    if let Some(alternatives) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let each: Vec<_> =
            alternatives.iter().map(|inner| fitting(root, inner, instants)).collect();
        return proptest::strategy::Union::new(each).boxed();
    }
    if let Some(codes) = schema["enum"].as_array() {
        return select(codes.as_slice()).boxed();
    }
    if let Some(code) = schema.get("const") {
        return Just(code.clone()).boxed();
    }
    let name = match &schema["type"] {
        Value::Array(names) => names.iter().find(|name| *name != "null").and_then(Value::as_str),
        one => one.as_str(),
    };
    match name.expect("every schema of ours names its type") {
        "object" => object(root, schema, instants),
        "array" => proptest::collection::vec(fitting(root, &schema["items"], instants), 0..3)
            .prop_map(Value::from)
            .boxed(),
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => {
            let most = schema["maximum"].as_u64().unwrap_or(u64::from(u32::MAX));
            let least = schema["minimum"].as_u64().unwrap_or(0);
            prop_oneof![least..=most, least..=least + 3].prop_map(Value::from).boxed()
        }
        "string" => string(schema, instants),
        other => panic!("no strategy for the type {other}"),
    }
}

fn string(schema: &'static Value, instants: &Range<i64>) -> BoxedStrategy<Value> {
    match schema["format"].as_str() {
        Some("date-time") => {
            instants.clone().prop_map(|at| json!(instant(at).to_rfc3339())).boxed()
        }
        Some("date") => Just(json!("2021-01-26")).boxed(),
        Some("uuid") => Just(json!("0190b8a0-7c3e-7d52-8a41-2f6f3f1b9c77")).boxed(),
        Some(other) => panic!("no strategy for the format {other}"),
        // Few of them, so that departments meet again.
        None if schema.get("pattern").is_some() => {
            select(&["civil", "housing", "phone"][..]).prop_map(Value::from).boxed()
        }
        None => prop_oneof![
            "\\PC{0,12}",
            select(&["demand", "summary", "matter", "phone"][..]).prop_map(String::from)
        ]
        .prop_map(Value::from)
        .boxed(),
    }
}

fn object(
    root: &'static Value,
    schema: &'static Value,
    instants: &Range<i64>,
) -> BoxedStrategy<Value> {
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = schema["properties"].as_object().expect("an object of ours has properties");
    let mut strategy = Just(Map::new()).boxed();
    for (name, inner) in fields {
        let value = match name.as_str() {
            "receipt_code" => Just(json!(ReceiptCode::from_random(7).as_str())).boxed(),
            _ => fitting(root, inner, instants),
        };
        let value = if required.contains(name.as_str()) {
            value.prop_map(Some).boxed()
        } else {
            proptest::option::weighted(0.6, value).boxed()
        };
        strategy = (strategy, value)
            .prop_map(move |(mut object, value)| {
                if let Some(value) = value {
                    object.insert(name.clone(), value);
                }
                object
            })
            .boxed();
    }
    strategy.prop_map(Value::Object).boxed()
}

/// The schemas live as long as the tests: the strategies borrow from them.
static SCHEMAS: LazyLock<Vec<(CaseEventKind, Value)>> = LazyLock::new(|| {
    CaseEventKind::ALL.iter().map(|kind| (*kind, registry::schema(*kind))).collect()
});

fn event_of(
    kind: CaseEventKind,
    schema: &'static Value,
    instants: &Range<i64>,
) -> BoxedStrategy<CaseEvent> {
    fitting(schema, schema, instants)
        .prop_map(move |body| {
            kind.read(body.clone())
                .unwrap_or_else(|error| panic!("{}: {error}: {body}", kind.name()))
        })
        .boxed()
}

fn any_event(instants: &Range<i64>) -> BoxedStrategy<CaseEvent> {
    let each: Vec<_> =
        SCHEMAS.iter().map(|(kind, schema)| event_of(*kind, schema, instants)).collect();
    proptest::strategy::Union::new(each).boxed()
}

fn opening(instants: &Range<i64>) -> BoxedStrategy<CaseEvent> {
    let (kind, schema) = SCHEMAS
        .iter()
        .find(|(kind, _)| *kind == CaseEventKind::Opened)
        .expect("a case can be opened");
    event_of(*kind, schema, instants)
}

/// The rest of a case after its opening, with times that never run backwards.
fn in_order(events: Vec<(i64, CaseEvent)>) -> Vec<Recorded> {
    let mut seconds = FIRST_SECOND;
    let numbered = events.into_iter().zip(1_u64..);
    numbered
        .map(|((gap, event), sequence)| {
            seconds += gap;
            (meta(sequence, sequence, instant(seconds)), event)
        })
        .collect()
}

/// A case that was opened and lived through events of any kind in any order.
fn history(instants: Range<i64>) -> impl Strategy<Value = Vec<Recorded>> {
    let gap_max = YEAR_SECONDS / (EVENTS_MAX as i64 + 1);
    let rest = proptest::collection::vec((0..gap_max, any_event(&instants)), 0..EVENTS_MAX);
    (opening(&instants), rest)
        .prop_map(|(first, rest)| in_order(core::iter::once((0, first)).chain(rest).collect()))
}

/// Promises at any time, also before the event that gave them.
fn anything_goes() -> Range<i64> {
    FIRST_SECOND - YEAR_SECONDS..FIRST_SECOND + 3 * YEAR_SECONDS
}

/// Promises after every event, as the rules give them.
fn promised_later() -> Range<i64> {
    FIRST_SECOND + YEAR_SECONDS..FIRST_SECOND + 2 * YEAR_SECONDS
}

fn folded(history: &[Recorded]) -> Option<Case> {
    fold(history.iter().map(|(meta, event)| (meta, event)))
}

fn folded_open(history: &[Recorded]) -> Case {
    folded(history).expect("the first event opens the case")
}

/// Everything but where in the stream the last event stood.
fn but_for_its_place(mut case: Case) -> Case {
    case.version = 0;
    case.last_event_at = case.opened_at;
    case
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn events_of_any_kind_in_any_order_fold_without_panic(history in history(anything_goes())) {
        let case = folded_open(&history);
        let (last, _) = &history[history.len() - 1];
        prop_assert_eq!(case.version, last.sequence);
        prop_assert_eq!(case.last_event_at, last.time);
        // Every reading of the case is total as well.
        let _ = (case.clocks(), case.is_overdue(last.time), case.escalation_rank(), case.feedback_try_days());
    }

    #[test]
    fn a_case_that_was_never_opened_is_no_case(
        events in proptest::collection::vec((0..60_i64, any_event(&anything_goes())), 0..EVENTS_MAX),
    ) {
        let mut history = in_order(events);
        history.retain(|(_, event)| event.kind() != CaseEventKind::Opened);
        prop_assert_eq!(folded(&history), None);
    }

    #[test]
    fn a_case_reads_back_from_its_json(history in history(anything_goes())) {
        let case = folded_open(&history);
        let text = serde_json::to_string(&case).unwrap();
        prop_assert_eq!(serde_json::from_str::<Case>(&text).unwrap(), case);
    }

    #[test]
    fn a_second_copy_of_a_citizens_fact_changes_nothing(
        history in history(anything_goes()),
        which in any::<prop::sample::Index>(),
        later in any::<prop::sample::Index>(),
    ) {
        let facts: Vec<usize> =
            (0..history.len()).filter(|place| history[*place].1.commutes()).collect();
        prop_assume!(!facts.is_empty());
        let place = facts[which.index(facts.len())];
        let again = place + 1 + later.index(history.len() - place);
        let mut doubled = history.clone();
        let (mut copy_meta, copy) = history[place].clone();
        copy_meta.sequence = 1_000;
        doubled.insert(again, (copy_meta, copy));
        prop_assert_eq!(
            but_for_its_place(folded_open(&doubled)),
            but_for_its_place(folded_open(&history))
        );
    }

    #[test]
    fn a_second_opening_and_a_note_of_progress_change_nothing(
        history in history(anything_goes()),
        opening in opening(&anything_goes()),
        text in "\\PC{0,20}",
    ) {
        let before = folded_open(&history);
        let note = CaseEvent::from(proto_events::events::ProgressNoted { text, public: true });
        let mut after = before.clone();
        let sequence = before.version + 1;
        after.evolve(&meta(900, sequence, before.last_event_at), &opening);
        after.evolve(&meta(901, sequence + 1, before.last_event_at), &note);
        prop_assert_eq!(but_for_its_place(after), but_for_its_place(before));
    }

    #[test]
    fn a_clock_runs_forward_and_once(history in history(promised_later())) {
        let case = folded_open(&history);
        let clocks = case.clocks();
        let mut runs = BTreeSet::new();
        for run in &clocks {
            // An import names both instants itself: here they are any two, `decide` puts them in order.
            let is_in_order = run.started_at <= run.due_at || case.imported.is_some();
            prop_assert!(is_in_order, "{run:?}");
            prop_assert!(run.occurrence >= 1, "{run:?}");
            prop_assert!(runs.insert((run.clock, run.occurrence)), "twice: {run:?}");
        }
        let handling = clocks.iter().find(|run| run.clock == Clock::Handling);
        prop_assert_eq!(handling.is_some(), case.is_open() && case.pause.is_none());
        prop_assert!(handling.is_none_or(|run| run.due_at == case.due_at));
    }

    #[test]
    fn after_the_end_only_callback_rectification_and_look_back_run(history in history(promised_later())) {
        let case = folded_open(&history);
        for run in case.clocks() {
            let is_after = match run.clock {
                Clock::Callback => case.has_ended(),
                Clock::BadReviewContact | Clock::BadReviewFix => case.open_rectification().is_some(),
                Clock::LookBack => case.has_ended() || case.state == CaseState::Closed,
                _ => false,
            };
            prop_assert!(case.is_open() || is_after, "{:?}: {run:?}", case.state);
        }
    }

    #[test]
    fn an_outcome_is_there_as_long_as_the_case_has_ended(history in history(anything_goes())) {
        let case = folded_open(&history);
        if case.has_ended() {
            prop_assert_eq!(case.outcome.as_ref().map(|outcome| outcome.kind), Some(case.state));
        }
        prop_assert!(case.departments_ever.len() <= 3, "a department is remembered once");
    }
}

/// The stored sample of an event, read as the bus would bring it.
fn sample(name: &str) -> CaseEvent {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-events/samples");
    let body = std::fs::read(format!("{folder}/{name}.v1.json")).expect("every event has a sample");
    upcast::read(&format!("cn.unstuck.case.{name}.v1"), &body).expect("every sample reads")
}

/// The states of a case after each of these events.
fn states(names: &[&str]) -> (Case, Vec<CaseState>) {
    let events = names.iter().map(|name| (60, sample(name))).collect();
    let mut case = None;
    let mut states = Vec::new();
    for (meta, event) in &in_order(events) {
        case = Case::step(case, meta, event);
        states.extend(case.as_ref().map(|case| case.state));
    }
    (case.expect("the first event opens the case"), states)
}

#[test]
fn a_plain_case_goes_from_its_opening_to_its_closing() {
    let (case, states) = states(&[
        "opened",
        "forwarded",
        "accepted",
        "applicant_contacted",
        "resolved",
        "feedback_recorded",
        "closed",
    ]);
    assert_eq!(
        states,
        [
            CaseState::Opened,
            CaseState::Forwarded,
            CaseState::InDepartment,
            CaseState::InDepartment,
            CaseState::Resolved,
            CaseState::Resolved,
            CaseState::Closed,
        ]
    );
    assert_eq!(case.clocks(), []);
    assert_eq!(case.feedback.and_then(|feedback| feedback.solved), Some(Solved::Yes));
    assert_eq!(case.hops.len(), 1);
    assert!(case.hops[0].first_contact_at.is_some());
}

#[test]
fn a_case_that_was_sent_back_is_ruled_upon_and_comes_out_of_the_task_force_where_it_was() {
    let (case, states) = states(&[
        "opened",
        "forwarded",
        "returned",
        "arbitrated",
        "accepted",
        "task_force_convened",
        "task_force_met",
        "task_force_dissolved",
    ]);
    assert_eq!(
        states[2..],
        [
            CaseState::Returned,
            CaseState::Forwarded,
            CaseState::InDepartment,
            CaseState::InTaskForce,
            CaseState::InTaskForce,
            CaseState::InDepartment,
        ]
    );
    assert_eq!(case.returns.len(), 1);
    assert!(case.hops.last().is_some_and(|hop| hop.arbitrated && hop.return_until.is_none()));
}

#[test]
fn a_reopened_case_starts_its_handling_anew_and_keeps_its_history() {
    let (case, states) = states(&["opened", "forwarded", "accepted", "resolved", "reopened"]);
    assert_eq!(states.last(), Some(&CaseState::Opened));
    assert_eq!((case.reopen_count, case.hops.len()), (1, 1));
    let handling = case.clocks().into_iter().find(|run| run.clock == Clock::Handling);
    assert_eq!(handling.map(|run| (run.occurrence, run.due_at)), Some((2, case.due_at)));
    assert_eq!(case.original_due_at, case.due_at);
}

#[test]
fn an_erased_case_keeps_everything_but_the_person() {
    let (kept, _) = states(&["opened", "forwarded", "accepted", "resolved"]);
    let (erased, _) =
        states(&["opened", "forwarded", "accepted", "resolved", "personal_data_erased"]);
    assert!(erased.erased && erased.applicant.sealed.is_empty());
    assert_eq!((erased.demand, erased.outcome), (kept.demand, kept.outcome));
}
