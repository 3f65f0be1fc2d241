//! What holds of every explanation, whatever happened and in whatever order.

extern crate std;

use alloc::collections::BTreeSet;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::calendar::tests::instants;

/// A case with pauses and an extension at random, as the rules would have made it.
fn stories() -> impl Strategy<Value = Story> {
    let complexity = 0..Complexity::ALL.len();
    let pauses = prop::collection::vec((0_i64..4 * 24 * 60, 0_i64..20 * 24 * 60), 0..4);
    (instants(), complexity, pauses, prop::option::of(1_u32..10)).prop_map(
        |(start, complexity, pauses, extension)| {
            let mut story = Story::opened_at(start, Complexity::ALL[complexity], rules());
            let mut time = start;
            for (gap, length) in pauses {
                let from = time + TimeDelta::minutes(gap);
                let to = from + TimeDelta::minutes(length);
                story = story.paused_at(from, to);
                time = to;
            }
            match extension {
                Some(days) => story.extended_at(time + TimeDelta::minutes(1), days),
                None => story,
            }
        },
    )
}

/// The stored sample of every event but the opening.
fn samples() -> Vec<CaseEvent> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-events/samples");
    let kinds = CaseEventKind::ALL.iter().filter(|kind| **kind != CaseEventKind::Opened);
    kinds
        .map(|kind| {
            let body = std::fs::read(alloc::format!("{folder}/{}.v1.json", kind.name())).unwrap();
            proto_events::upcast::read(kind.event_type(), &body).unwrap()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_happens_in_whatever_order_the_explanation_has_the_clocks_that_run_and_no_others(
        steps in prop::collection::vec((0_usize..100, 1_i64..3 * 24 * 60), 0..40),
    ) {
        let samples = samples();
        let mut time = at("2021-01-26T15:10:00+08:00");
        let mut story = Story::opened_at(time, Complexity::Complex, rules());
        for (which, minutes) in steps {
            time += TimeDelta::minutes(minutes);
            story = story.then_at(time, samples[which % samples.len()].clone());
        }
        let case = story.case();
        let all = explain(&case, &story.events, &story.rules, time);
        let keys = |told: &ClockExplanation| (told.clock, told.occurrence);
        let distinct: BTreeSet<_> = all.iter().map(keys).collect();
        prop_assert_eq!(distinct.len(), all.len(), "a run is explained once");
        for run in case.clocks() {
            let told = all.iter().find(|told| keys(told) == (run.clock, run.occurrence));
            prop_assert!(told.is_some(), "{run:?} is not explained");
            let told = told.unwrap();
            prop_assert!(told.stopped_by.is_none() && told.started_by.is_some());
            prop_assert_eq!((told.started_at, told.due_at), (run.started_at, run.due_at));
        }
        let going: BTreeSet<_> = standing(&case, time).iter().map(|one| (one.clock, one.occurrence)).collect();
        let told: BTreeSet<_> =
            all.iter().filter(|told| told.state != ClockState::Stopped).map(keys).collect();
        prop_assert_eq!(going, told);
        for told in &all {
            prop_assert_eq!(told.stopped_at.is_some(), told.state == ClockState::Stopped);
            prop_assert!(told.sentence.zh.ends_with('。') && told.sentence.en.ends_with('.'));
        }
    }

    #[test]
    fn what_counts_is_worked_what_is_skipped_is_not_and_the_sum_is_limit_extension_and_pauses(
        story in stories(), minutes in 0_i64..60 * 24 * 60,
    ) {
        let calendar = &story.rules.calendar;
        let case = story.case();
        let now = case.last_event_at + TimeDelta::minutes(minutes);
        for told in explain(&case, &story.events, &story.rules, now) {
            prop_assert!(told.counted.days.iter().all(|day| calendar.is_working_day(day.date)));
            prop_assert!(told.skipped.days.iter().all(|day| !calendar.is_working_day(day.date)));
            let paused: u32 = told.pauses.iter().map(|pause| pause.working_days).sum();
            let extended = told.extension.as_ref().map_or(0, |extension| extension.working_days);
            prop_assert_eq!(told.counted.count, told.limit.working_days + extended + paused);
            prop_assert!(told.as_promised, "{:?}", told.recomputed_due_at);
            if !told.counted.truncated {
                prop_assert_eq!(told.counted.days.len(), told.counted.count as usize);
                let last = told.counted.days.last().map(|day| day.date);
                prop_assert_eq!(last, Some(calendar.date_of(told.due_at)));
            }
            let paused_days = told.counted.days.iter().filter(|day| day.paused).count();
            prop_assert!(paused_days <= paused as usize);
            let start = calendar.date_of(told.started_at);
            prop_assert!(told.counted.days.iter().all(|day| day.date > start));
            let all: BTreeSet<NaiveDate> = told.counted.days.iter().map(|day| day.date)
                .chain(told.skipped.days.iter().map(|day| day.date)).collect();
            prop_assert_eq!(all.len(), told.counted.days.len() + told.skipped.days.len());
            prop_assert!(told.next_step.iter().all(|step| calendar.may_notify_at(step.at) && step.at >= now));
        }
    }

    #[test]
    fn a_day_is_worked_exactly_when_its_kind_says_so(days in 0_u64..4000) {
        let calendar = china();
        let date = day("2019-01-01") + chrono::Days::new(days);
        prop_assert_eq!(calendar.is_working_day(date), calendar.kind_of(date).is_working());
    }
}
