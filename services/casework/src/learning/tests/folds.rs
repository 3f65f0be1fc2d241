//! What recurs, and the folds under any events.

use proptest::prelude::*;
use proto_events::ids::ImprovementId;

use super::*;

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
