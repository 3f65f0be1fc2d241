//! What is kept of a case, and what it adds to each figure.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{
    ApplicantKind, Channel, CheckLayer, Grade, LinkRelation, PauseReason, Role,
};
use proto_events::events::{
    CaseEvent, Change, ClockPaused, Linked, Matter, Notice, Opened, Reclassified, SealedApplicant,
    SpecialHandlingChecked, SpecialHandlingDecided, SpecialHandlingRequested,
};
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};

use super::super::facts::{
    AnswerFact, EndFact, HopFact, RectificationFact, ReturnFact, SpecialFact, TaskForceFact,
};
use super::super::history::Past;
use super::*;
use crate::calendar::tests::{at, china};
use crate::case::{Case, EventMeta};

/// Monday, 2 March 2026, ten o'clock.
const OPENED: &str = "2026-03-02T10:00:00+08:00";
/// Five working days later.
const DUE: &str = "2026-03-09T17:30:00+08:00";

/// The facts of a case that was opened on the second of March and is due on the ninth.
fn facts_after(events: &[(&str, CaseEvent)]) -> CaseFacts {
    let opened = Opened {
        case_no: "DHS-1".to_string(),
        receipt_code: ReceiptCode::from_random(1),
        center: "donghuashi".parse().unwrap(),
        channel: Channel::Window,
        matter: Matter { name: "退休手续办理".to_string(), code: None },
        blocked_stage: Stage::Consult,
        cause: Cause::InformationWhom,
        demand: "想知道找谁".to_string(),
        summary: None,
        attempts_before: 0,
        complexity: Complexity::Complex,
        applicant: SealedApplicant { kind: ApplicantKind::Person, sealed: "x".to_string() },
        notice: Notice { version: "1".to_string(), mode: "phone".to_string().try_into().unwrap() },
        due_at: at(DUE),
        provisional: false,
        working_days: Some(5),
        imported_from: None,
    };
    let mut all = vec![(OPENED, CaseEvent::Opened(opened))];
    all.extend(events.iter().cloned());
    let (mut case, mut past) = (None::<Case>, Past::default());
    for (sequence, (time, event)) in (1..).zip(all) {
        let command_id = CommandId::of_key("somebody", &format!("{sequence}"));
        let meta = EventMeta {
            id: EventId::of_command(command_id, 0),
            command_id,
            case_id: CaseId::of_key(&"donghuashi".parse().unwrap(), "a case"),
            sequence,
            time: at(time),
            actor: "somebody".to_string(),
            role: Role::Clerk,
        };
        if let Some(case) = &case {
            past.note(case, &meta, &event);
        }
        case = Case::step(case, &meta, &event);
    }
    CaseFacts::of(&case.unwrap(), &past, &china())
}

fn reclassified(to: Complexity, due_at: &str) -> CaseEvent {
    let complexity = Some(Change { from: Complexity::Complex, to });
    let reason = "比预想复杂".to_string();
    let due_at = at(due_at);
    Reclassified { complexity, cause: None, reason, due_at, provisional: false, working_days: None }
        .into()
}

#[test]
fn a_longer_limit_after_four_fifths_of_the_time_is_late() {
    let longer = || reclassified(Complexity::Hard, "2026-03-23T17:30:00+08:00");
    let late = |time| facts_after(&[(time, longer())]).late_reclassifications.len();
    // Four fifths of the business time from the second at ten to the ninth at half past five.
    let boundary = china().at_share(at(OPENED), at(DUE), 80);
    assert_eq!(late("2026-03-03T10:00:00+08:00"), 0);
    assert_eq!(late("2026-03-09T16:00:00+08:00"), 1);
    assert_eq!(
        facts_after(&[("2026-03-09T16:00:00+08:00", longer())]).late_reclassifications[0],
        micros(at("2026-03-09T16:00:00+08:00"))
    );
    let exactly = boundary.to_rfc3339();
    assert_eq!(late(&exactly), 0, "at the boundary it is free");
    let shorter = reclassified(Complexity::Simple, "2026-03-05T17:30:00+08:00");
    assert_eq!(
        facts_after(&[("2026-03-09T16:00:00+08:00", shorter)]).late_reclassifications.len(),
        0
    );
}

#[test]
fn while_the_clock_stands_still_no_time_passes_for_a_longer_limit() {
    let paused = ClockPaused {
        reason: PauseReason::WaitingApplicant,
        cap_working_days: 10,
        until: at("2026-03-20T17:30:00+08:00"),
        handler_informed: None,
    };
    let longer = reclassified(Complexity::Hard, "2026-03-23T17:30:00+08:00");
    let facts = facts_after(&[
        ("2026-03-03T10:00:00+08:00", paused.into()),
        ("2026-03-09T16:00:00+08:00", longer),
    ]);
    assert_eq!(facts.late_reclassifications.len(), 0);
    assert_eq!((facts.pauses.len(), facts.is_paused), (1, true));
}

#[test]
fn a_link_to_a_duplicate_is_a_merge_and_the_link_back_is_none() {
    let link = |relation, reciprocal| {
        let case_id = CaseId::of_key(&"donghuashi".parse().unwrap(), "another");
        CaseEvent::from(Linked { case_id, relation, note: None, reciprocal })
    };
    let merges = |event| facts_after(&[("2026-03-03T10:00:00+08:00", event)]).merges.len();
    assert_eq!(merges(link(LinkRelation::Duplicate, false)), 1);
    assert_eq!(merges(link(LinkRelation::Duplicate, true)), 0);
    assert_eq!(merges(link(LinkRelation::Related, false)), 0);
}

#[test]
fn a_special_handling_that_was_decided_is_kept_when_another_is_asked_for() {
    let time = "2026-03-03T10:00:00+08:00";
    let requested = || SpecialHandlingRequested {
        facts: "事实".to_string(),
        requirement_waived: "材料".to_string(),
        discretion_basis: "依据".to_string(),
        precedents_checked: vec![],
        check_due_at: at(DUE),
    };
    let checked =
        |layer| SpecialHandlingChecked {
            layer, finding: "属实".to_string(), next_due_at: at(DUE)
        };
    let decided = |approved| SpecialHandlingDecided {
        approved,
        reason: "理由".to_string(),
        conditions: vec![],
        is_precedent: false,
        review_due_at: None,
    };
    let mut events: Vec<(&str, CaseEvent)> = vec![(time, requested().into())];
    events.extend(CheckLayer::ALL.iter().map(|layer| (time, checked(*layer).into())));
    events.push((time, decided(true).into()));
    events.push((time, requested().into()));
    events.push((time, checked(CheckLayer::ALL[0]).into()));
    events.push((time, checked(CheckLayer::ALL[0]).into()));
    events.push((time, decided(false).into()));
    let specials = facts_after(&events).specials;
    let told: Vec<_> = specials.iter().map(|one| (one.is_approved, one.has_all_layers)).collect();
    assert_eq!(told, [(true, true), (false, false)]);
}

#[test]
fn facts_are_read_back_from_any_plain_encoding() {
    let facts = crowded();
    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<CaseFacts>(&text).unwrap(), facts);
    assert!(text.contains("\"contacted_at\":null"), "every field stands there: {text}");
}

fn day(day: i64) -> i64 {
    micros(at(OPENED)) + day * 86_400_000_000
}

/// A case to which everything has happened: its days are counted from its opening.
fn crowded() -> CaseFacts {
    let hop = |to: &str, start: i64, contacted: Option<i64>, left: Option<i64>| HopFact {
        to: to.parse().unwrap(),
        at: day(start),
        contact_due_at: day(start + 1),
        contacted_at: contacted.map(day),
        is_returned: start == 0,
        left_at: left.map(day),
        days: left.map_or(0, |left| left - start),
    };
    let end = |at: i64, kind, is_reopened, days| EndFact {
        at: day(at),
        kind,
        is_reopened,
        with_basis: true,
        jointly: false,
        understood: true,
        days,
    };
    let round = |since: i64, due: i64, original: i64, complexity, end| RoundFact {
        since: day(since),
        due_at: day(due),
        original_due_at: day(original),
        complexity,
        end,
    };
    let answer = |at: i64, solved, grade: u8| AnswerFact {
        at: day(at),
        solved,
        grade: Some(Grade::try_from(grade).unwrap()),
    };
    CaseFacts {
        opened_at: day(0),
        is_ping_pong: true,
        is_paused: false,
        is_imported: false,
        hops: [
            // Left before the contact was due: nobody owes it.
            HopFact { left_at: Some(day(0)), days: 0, ..hop("housing", 0, None, Some(0)) },
            hop("civil-affairs", 1, Some(2), Some(8)),
            hop("tax", 12, None, None),
        ]
        .into(),
        returns: [ReturnFact {
            at: day(0),
            from: "housing".parse().unwrap(),
            to: Some("civil-affairs".parse().unwrap()),
        }]
        .into(),
        rounds: [
            round(0, 9, 7, Complexity::Complex, Some(end(8, CaseState::Explained, true, 6))),
            round(11, 20, 18, Complexity::Hard, None),
        ]
        .into(),
        answers: [answer(9, Some(Solved::No), 3), answer(10, None, 5)].into(),
        task_forces: [TaskForceFact { convened_at: day(2), first_met_at: Some(day(4)), days: 2 }]
            .into(),
        rectifications: [
            RectificationFact { due_at: day(10), completed_at: Some(day(11)) },
            RectificationFact { due_at: day(19), completed_at: None },
        ]
        .into(),
        specials: [SpecialFact { decided_at: day(6), is_approved: true, has_all_layers: true }]
            .into(),
        pauses: [day(3), day(5)].into(),
        extensions: [day(6)].into(),
        late_reclassifications: [day(13)].into(),
        merges: [day(14)].into(),
    }
}

/// What a case adds to the figures of the days from one to another, as it is seen on a third.
fn added(facts: &CaseFacts, from: i64, to: i64, as_of: i64) -> BTreeMap<Formula, (i64, i64)> {
    let instant = |at: i64| -> Timestamp {
        chrono::DateTime::from_timestamp_micros(at).unwrap().with_timezone(at_offset())
    };
    let period = Period::new(instant(day(from)), instant(day(to)), instant(day(as_of)), &china());
    let center: CenterId = "donghuashi".parse().unwrap();
    let counted = Counted {
        facts,
        center: &center,
        department: None,
        matter: "退休手续办理",
        stage: Stage::Consult,
        cause: Cause::InformationWhom,
    };
    let mut sums: BTreeMap<Formula, (i64, i64)> = BTreeMap::new();
    tallies(&counted, &period, &mut |tally| {
        if tally.part == Part::All {
            let sum = sums.entry(tally.formula).or_default();
            sum.0 += tally.numerator;
            sum.1 += tally.denominator;
        }
    });
    sums
}

fn at_offset() -> &'static chrono::FixedOffset {
    const OFFSET: chrono::FixedOffset = chrono::FixedOffset::east_opt(8 * 3600).unwrap();
    &OFFSET
}

#[test]
fn a_case_adds_to_every_figure_what_has_happened_to_it() {
    let found = added(&crowded(), 0, 30, 21);
    let expected: BTreeMap<Formula, (i64, i64)> = [
        // The second in time; the third was due on the thirteenth and is not made.
        (Formula::ResponseRate, (1, 2)),
        (Formula::SolvedRate, (0, 1)),
        (Formula::Satisfaction, (1, 2)),
        (Formula::Satisfaction3, (2, 2)),
        // Kept in the first round, broken in the second.
        (Formula::OnTime, (1, 2)),
        (Formula::OnTimeOriginal, (0, 2)),
        (Formula::Open, (1, 0)),
        (Formula::Overdue, (1, 0)),
        (Formula::Oldest, (day(0), 0)),
        (Formula::LeadTimeP50, (6, 1)),
        (Formula::LeadTimeP90, (6, 1)),
        (Formula::Returns, (1, 0)),
        (Formula::Dwell, (7, 2)),
        (Formula::FirstTimeRight, (0, 1)),
        (Formula::PingPongRate, (1, 1)),
        (Formula::DoneRate, (0, 1)),
        (Formula::ExplainedShare, (1, 1)),
        (Formula::ExplainedWithBasis, (1, 1)),
        (Formula::ExplainedJointly, (0, 1)),
        (Formula::ExplainedUnderstood, (1, 1)),
        (Formula::DeclinedShare, (0, 1)),
        (Formula::TaskForces, (1, 0)),
        (Formula::FirstMeetingDays, (2, 1)),
        (Formula::SpecialHandlingRate, (1, 1)),
        (Formula::SpecialLayersComplete, (1, 1)),
        (Formula::ReopenRate, (1, 1)),
        (Formula::RectifiedInTime, (0, 2)),
        (Formula::Blockages, (1, 0)),
        (Formula::Pauses, (2, 0)),
        (Formula::Extensions, (1, 0)),
        (Formula::LateReclassifications, (1, 0)),
        (Formula::Merges, (1, 0)),
    ]
    .into();
    for formula in Formula::ALL {
        assert_eq!(found.get(formula), expected.get(formula), "{formula}");
    }
}

#[test]
fn a_period_has_its_first_and_its_last_instant_and_nothing_outside() {
    let facts = crowded();
    let has = |formula, from, to| added(&facts, from, to, 30).contains_key(&formula);
    for (formula, on) in [
        (Formula::OnTimeOriginal, 7),
        (Formula::DoneRate, 8),
        (Formula::TaskForces, 2),
        (Formula::FirstMeetingDays, 4),
        (Formula::SpecialLayersComplete, 6),
        (Formula::LateReclassifications, 13),
        (Formula::Merges, 14),
        (Formula::Returns, 0),
        (Formula::PingPongRate, 0),
        (Formula::Extensions, 6),
    ] {
        assert!(has(formula, on, on), "{formula} on its day");
        assert!(!has(formula, on - 9, on - 1), "{formula} before it");
        let after = on + 1;
        // The second round has a promise of its own.
        assert!(!has(formula, after, after + 2), "{formula} after it");
    }
}

#[test]
fn a_period_that_a_case_does_not_meet_says_nothing_of_it() {
    let mut facts = crowded();
    assert_eq!(facts.span(), (day(0), i64::MAX), "what is open counts in every period");
    let end = facts.rounds[0].end.clone();
    facts.rounds[1].end = end.map(|end| EndFact { at: day(15), ..end });
    let (first, last) = facts.span();
    assert_eq!((first, last), (day(0), day(20)));
    for from in -4..26 {
        for to in from..26 {
            let says = !added(&facts, from, to, 30).is_empty();
            let meets = day(from) <= last && day(to) >= first;
            assert!(meets || !says, "{from} to {to}");
        }
    }
    assert!(!added(&facts, 20, 20, 30).is_empty() && added(&facts, 21, 25, 30).is_empty());
}

#[test]
fn what_is_neither_kept_nor_due_is_in_no_rate() {
    let facts = crowded();
    let on = |as_of: i64, formula| added(&facts, 0, 30, as_of).get(&formula).copied();
    assert_eq!(on(15, Formula::OnTime), Some((1, 1)), "the second promise is for the twentieth");
    assert_eq!(on(15, Formula::Overdue), None);
    assert_eq!(on(19, Formula::DueWithinDay), Some((1, 0)));
    assert_eq!(on(15, Formula::RectifiedInTime), Some((0, 1)));
    assert_eq!(on(12, Formula::ResponseRate), Some((1, 1)));
    assert_eq!(on(20, Formula::OnTime), Some((1, 2)), "due now is due");
}

#[test]
fn a_clock_that_stands_still_is_neither_overdue_nor_due_nor_broken() {
    let facts = CaseFacts { is_paused: true, ..crowded() };
    let found = added(&facts, 0, 30, 21);
    assert_eq!(found.get(&Formula::Open), Some(&(1, 0)));
    assert_eq!(found.get(&Formula::Overdue), None);
    assert_eq!(found.get(&Formula::OnTime), Some(&(1, 1)));
    // Its twin ignores pauses.
    assert_eq!(found.get(&Formula::OnTimeOriginal), Some(&(0, 2)));
    assert_eq!(added(&facts, 0, 30, 19).get(&Formula::DueWithinDay), None);
}
