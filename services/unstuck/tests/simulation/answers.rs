//! Every answer against the history: what was acknowledged stands, what was refused was to be refused.

use casework::case::Case;
use casework::command::{Actor, Command, CommandKind, Context};
use casework::decide::decide;
use casework::refusal::Refusal;
use proto_events::Timestamp;
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, EventId};

use super::history::{History, Told};
use super::people::Accounts;
use super::sent::{Ending, Sent, Try, Wish};

/// An acknowledged command stands in the log as acknowledged; a refused one was to be refused at some moment while
/// it was on its way; what stands in the log is what the rules say to the state right before it.
pub(crate) fn what_was_sent_was_answered_truly(history: &History, sent: &Sent) {
    let stored = history.of_command(sent.command_id);
    if let Some(first) = stored.first() {
        let ids = (0..).map(|index| EventId::of_command(sent.command_id, index));
        assert!(stored.iter().map(|told| told.meta.id).eq(ids.take(stored.len())), "{first}");
        assert!(
            stored.windows(2).all(|pair| pair[0].meta.sequence + 1 == pair[1].meta.sequence),
            "a command's events stand together: {first}"
        );
        it_was_legal(history, sent, &stored);
    }
    for one in &sent.tries {
        match &one.ending {
            Ending::Done(carried) if carried.events.is_empty() => {
                let held = moments(history, sent, one)
                    .any(|(case, now)| said(sent, case, now, one) == Said::Nothing);
                let is_opening = sent.kind() == CommandKind::Open;
                assert!(is_opening || held, "it was not true already: {}", describe(sent, one));
            }
            Ending::Done(carried) => {
                let told: Vec<_> = carried.events.iter().map(|(id, _)| *id).collect();
                let kept: Vec<_> = stored.iter().map(|told| told.meta.id).collect();
                assert_eq!(told, kept, "what was acknowledged stands: {}", describe(sent, one));
                let last = stored.last().map(|told| told.meta.sequence);
                assert_eq!(Some(carried.case.version), last, "{}", describe(sent, one));
            }
            Ending::Refused { status, code } => {
                a_refusal_was_right(history, sent, one, *status, code);
            }
            Ending::Unknown => {}
        }
    }
}

/// What the rules say.
#[derive(Debug, PartialEq)]
enum Said {
    Events(Vec<CaseEvent>),
    Nothing,
    Refused(String),
}

fn second_of(command: &Command) -> Option<&'static Actor> {
    command.second_person().and_then(|(name, _)| Accounts::get().named(name))
}

fn said(sent: &Sent, case: Option<&Case>, now: Timestamp, one: &Try) -> Said {
    let Wish::Order(order) = &sent.wish else { return Said::Nothing };
    let Some(case) = case else { return Said::Refused("not_found".to_owned()) };
    if order.if_match.is_some_and(|version| version != case.version) {
        return Said::Refused("stale".to_owned());
    }
    let second = second_of(&order.command);
    let context = Context { now, actor: &order.actor, second, rules: &one.district.rules };
    match decide(Some(case), &order.command, &context) {
        Ok(events) if events.is_empty() => Said::Nothing,
        Ok(events) => Said::Events(events),
        Err(refusal) => Said::Refused(code_of(refusal)),
    }
}

fn code_of(refusal: Refusal) -> String {
    desk::problem::of_refusal(refusal).code.into_owned()
}

/// The states that the case went through while a try was on its way, before the command's own events.
fn moments<'a>(
    history: &'a History,
    sent: &'a Sent,
    one: &'a Try,
) -> impl Iterator<Item = (Option<&'a Case>, Timestamp)> + 'a {
    let case_id = sent.case_id();
    let own =
        history.of_command(sent.command_id).first().map_or(u64::MAX, |told| told.meta.sequence);
    let between = history
        .of(case_id)
        .map(|told| told.meta.sequence)
        .filter(|sequence| (one.from + 1..=one.to).contains(sequence));
    let places = std::iter::once(one.from).chain(between).filter(move |place| *place < own);
    places.flat_map(move |place| {
        let case = history.at(case_id, place);
        one.nows.map(|now| (case, now))
    })
}

/// What stands in the log is what the rules say to the state right before it.
fn it_was_legal(history: &History, sent: &Sent, stored: &[&Told]) {
    let first = stored[0].meta.sequence;
    // The same command may have been on its way in two processes.
    let writers = sent.tries.iter().filter(|one| (one.from + 1..=one.to).contains(&first));
    let writers: Vec<&Try> = writers.collect();
    assert!(!writers.is_empty(), "somebody wrote it: {}", stored[0]);
    let events: Vec<CaseEvent> = stored.iter().map(|told| told.event.clone()).collect();
    let before = history.at(sent.case_id(), first - 1);
    if matches!(sent.wish, Wish::Opening { .. }) {
        assert!(before.is_none(), "it was not there: {}", stored[0]);
        return;
    }
    let is_fact = events.iter().all(CaseEvent::commutes);
    let was_legal = |one: &&Try| match is_fact {
        // It commutes: it was right about some moment while it was on its way.
        true => moments(history, sent, one)
            .any(|(case, now)| matches!(said(sent, case, now, one), Said::Events(_))),
        false => said(sent, before, stored[0].meta.time, one) == Said::Events(events.clone()),
    };
    assert!(writers.iter().any(was_legal), "it was legal: {}", stored[0]);
}

fn a_refusal_was_right(history: &History, sent: &Sent, one: &Try, status: u16, code: &str) {
    if code == "idempotency_mismatch" {
        let mut stored = history.of_command(sent.command_id).into_iter();
        let hash = stored.next().and_then(|told| told.envelope.command_hash.clone());
        assert!(hash.is_some() && hash != one.hash, "it was the same: {}", describe(sent, one));
        return;
    }
    let Wish::Opening { body, actor, case_id } = &sent.wish else {
        let held = moments(history, sent, one)
            .any(|(case, now)| said(sent, case, now, one) == Said::Refused(code.to_owned()));
        assert!(held, "it was not to be refused: {}", describe(sent, one));
        return;
    };
    match code {
        "forbidden" => assert_ne!(actor.center.as_ref(), Some(&body.center), "{actor:?}"),
        "duplicate_case" => {
            let places = (one.from..=one.to).collect::<Vec<_>>();
            let is_open = |other: &CaseId| {
                places
                    .iter()
                    .any(|place| history.at(*other, *place).is_some_and(|case| case.is_open()))
            };
            assert!(
                history.by_case.keys().any(|other| other != case_id && is_open(other)),
                "a duplicate of something: {}",
                describe(sent, one)
            );
        }
        // Nobody got through with it until its day lay too far back.
        "invalid" => assert!(body.occurred_at.is_some(), "{}", describe(sent, one)),
        _ => panic!("{status} {code} is no answer to an opening: {}", describe(sent, one)),
    }
}

fn describe(sent: &Sent, one: &Try) -> String {
    let ending = match &one.ending {
        Ending::Done(carried) => {
            format!("done, version {}, {} events", carried.case.version, carried.events.len())
        }
        other => format!("{other:?}"),
    };
    let Try { from, to, nows, .. } = one;
    let wish = match &sent.wish {
        Wish::Opening { case_id, .. } => format!("opening of {case_id}"),
        Wish::Order(order) => {
            format!("{} of {}: {:?}", order.case_id, order.actor.username, order.command)
        }
    };
    format!("{wish}, between {from} and {to}, {} to {}: {ending}", nows[0], nows[1])
}
