//! What must hold of the view whatever the stream brings and whatever breaks.

use std::collections::BTreeMap;
use std::sync::Arc;

use desk::District;
use proptest::prelude::*;
use proto_events::ids::CaseId;
use runtime::clock::ManualClock;
use runtime::log::memory::MemoryLog;
use runtime::log::{EventLog, Expected, NewEvent, Recorded};
use runtime::metrics::Metrics;
use tokio_util::sync::CancellationToken;

use crate::core::{Core, Limits, Writer};
use crate::fold::Quarantined;
use crate::index::CaseRow;
use crate::record::CaseRecord;
use crate::testing::{
    KINDS, SECRET, at, case_id, district, event, of_kind, opened, poison, receipt, recorded,
    subject, writer,
};

/// Cases of a random stream.
const CASES: u128 = 4;

/// Everything that a view holds.
#[derive(Debug, PartialEq)]
struct Content {
    sequence: u64,
    cases: Vec<(CaseId, CaseRecord)>,
    receipts: Vec<Option<CaseId>>,
    quarantined: Vec<Quarantined>,
    rows: BTreeMap<CaseId, CaseRow>,
}

fn content(writer: &Writer) -> Content {
    let (view, views) = (&writer.view, &writer.view.views);
    let rows = view.index().rows().map(|row| (row.case_id, row.clone())).collect();
    Content {
        sequence: views.checkpoint().unwrap(),
        cases: views.cases().map(Result::unwrap).collect(),
        receipts: (0..CASES).map(|n| views.receipt(&receipt(n)).unwrap()).collect(),
        quarantined: views.quarantined().unwrap(),
        rows,
    }
}

/// A random stream: openings (also second ones), events of every kind, repeated facts, unreadable messages.
fn streams() -> impl Strategy<Value = Vec<(String, NewEvent)>> {
    proptest::collection::vec((0..CASES, 0..KINDS + 4, any::<bool>()), 1..60).prop_map(|steps| {
        let mut events: Vec<(String, NewEvent)> = Vec::new();
        for (number, (n, kind, again)) in (0_u32..).zip(steps) {
            let time = at("2021-01-26T10:00:00") + chrono::TimeDelta::minutes(i64::from(number));
            let last = events.iter().rev().find(|(name, _)| *name == subject(n));
            let new = match kind {
                // The same fact, delivered by two lines.
                _ if again && last.is_some() => last.unwrap().1.clone(),
                kind if kind < KINDS => event(n, u128::from(number), time, of_kind(kind, time)),
                kind if kind == KINDS => poison(n, u128::from(number), time),
                _ => event(n, u128::from(number), time, opened(n, time)),
            };
            events.push((subject(n), new));
        }
        events
    })
}

fn whole(stream: &[Recorded], district: &District) -> Content {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = writer(dir.path(), district);
    writer.apply(stream, Some(district), 0).unwrap();
    content(&writer)
}

/// So little memory that what has ended is written ahead, or so much that nothing is.
fn limits() -> impl Strategy<Value = Limits> {
    let small = (1_usize..4, 1_usize..3, 1_u64..30);
    let small = small.prop_map(|(remembered_max, ended_min, unwritten_events_max)| Limits {
        remembered_max,
        ended_min,
        unwritten_events_max,
    });
    prop_oneof![Just(Limits::default()), small]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_split_any_repetition_and_any_kill_give_the_same_view(
        events in streams(),
        cuts in proptest::collection::vec(
            (0..20_usize, 0..6_usize, any::<bool>(), any::<bool>()),
            60,
        ),
        limits in limits(),
    ) {
        let district = district();
        let stream = recorded(&events);
        let expected = whole(&stream, &district);
        let dir = tempfile::tempdir().unwrap();
        let open = || {
            let mut live = writer(dir.path(), &district);
            live.limits = limits;
            live
        };
        let mut live = open();
        let mut cuts = cuts.into_iter();
        while live.view.sequence() < stream.len() as u64 {
            let (size, repeated, is_killed, is_live) =
                cuts.next().unwrap_or((stream.len(), 0, false, true));
            let done = usize::try_from(live.sequence()).unwrap();
            let batch = &stream[done.saturating_sub(repeated)..stream.len().min(done + size)];
            // What catches up writes at the end; what is live writes each batch.
            let goal = if is_live { 0 } else { stream.len() as u64 };
            let written = live.apply(batch, Some(&district), goal).unwrap();
            prop_assert!(written.is_some() || live.sequence() < goal);
            if is_killed {
                drop(live);
                live = open();
            }
        }
        prop_assert!(!live.view.views.is_ahead().unwrap());
        prop_assert_eq!(content(&live), expected);
    }
}

#[test]
fn a_gap_in_a_batch_is_an_incident_and_changes_nothing() {
    let (district, dir) = (district(), tempfile::tempdir().unwrap());
    let time = at("2021-01-26T10:00:00");
    let mut stream = recorded(&[
        (subject(0), event(0, 1, time, opened(0, time))),
        (subject(0), event(0, 2, time, of_kind(0, time))),
        (subject(0), event(0, 3, time, of_kind(1, time))),
    ]);
    stream.remove(1);
    let mut writer = writer(dir.path(), &district);
    assert!(writer.apply(&stream, Some(&district), 0).is_err());
    assert_eq!(writer.sequence(), 0);
    assert_eq!(writer.view.sequence(), 0);
    assert_eq!(writer.view.views.cases().count(), 0);
}

#[test]
fn what_nobody_can_read_marks_its_case_and_the_others_go_on() {
    let (district, dir) = (district(), tempfile::tempdir().unwrap());
    let time = at("2021-01-26T10:00:00");
    let stream = recorded(&[
        (subject(0), event(0, 1, time, opened(0, time))),
        (subject(0), poison(0, 2, time)),
        (subject(0), event(0, 3, time, of_kind(0, time))),
        (subject(1), event(1, 1, time, opened(1, time))),
        ("case.nobody".to_owned(), event(2, 1, time, opened(2, time))),
    ]);
    let mut writer = writer(dir.path(), &district);
    writer.apply(&stream, Some(&district), 0).unwrap();
    let found = content(&writer);
    assert_eq!(found.sequence, 5);
    let marks: Vec<_> = found.cases.iter().map(|(_, record)| record.quarantined).collect();
    assert_eq!(marks, [true, false]);
    let sequences: Vec<_> = found.quarantined.iter().map(|one| one.sequence).collect();
    assert_eq!(sequences, [2, 5]);
    assert_eq!(found.cases[0].1.case.hops.len(), 1);
    assert_eq!(writer.view.quarantined(), 2);
}

#[test]
fn a_case_of_many_parts_is_read_whole() {
    let (district, dir) = (district(), tempfile::tempdir().unwrap());
    let time = at("2021-01-26T10:00:00");
    let mut events = vec![(subject(0), event(0, 0, time, opened(0, time)))];
    events.extend((1..1500).map(|number| (subject(0), event(0, number, time, of_kind(10, time)))));
    let mut live = writer(dir.path(), &district);
    live.apply(&recorded(&events), Some(&district), 0).unwrap();
    drop(live);
    let again = writer(dir.path(), &district);
    let record = again.view.views.case(case_id(0)).unwrap().unwrap();
    assert_eq!(record.case.escalations.len(), 1499);
    assert!(serde_json::to_vec(&record).unwrap().len() > 64 * 1024);
}

#[tokio::test]
async fn no_history_shows_sealed_data() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 1, time, opened(0, time))).await;
    let record = running.core.view().views.case(case_id(0)).unwrap().unwrap();
    let history = crate::queries::history::of_case(&running.core, &record.case).await.unwrap();
    let entry = history[0].entry();
    let text = serde_json::to_string(&entry).unwrap();
    assert!(!text.contains(SECRET), "{text}");
    assert_eq!(entry.data["demand"], "想知道应该找哪个部门 0");
    assert!(entry.data.get("applicant").is_none());
}

/// A projection over a log in memory, without doors.
pub(crate) struct Running {
    pub(crate) core: Arc<Core>,
    pub(crate) log: MemoryLog,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) metrics: Metrics,
    token: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    pub(crate) dir: tempfile::TempDir,
}

impl Running {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(ManualClock::new(at("2021-01-28T10:00:00").to_utc()));
        let log = MemoryLog::new(clock.clone());
        Self::start_on(log, clock, tempfile::tempdir().unwrap()).await
    }

    async fn start_on(log: MemoryLog, clock: Arc<ManualClock>, dir: tempfile::TempDir) -> Self {
        let metrics = Metrics::new();
        let shared: Arc<dyn EventLog> = Arc::new(log.clone());
        let core = Core::open(shared, district(), clock.clone(), metrics.clone(), dir.path())
            .await
            .unwrap();
        let token = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&core).run(token.clone()));
        Self { core, log, clock, metrics, token, task, dir }
    }

    pub(crate) async fn append(&self, n: u128, new: NewEvent) {
        let sequence = self.log.append(&subject(n), Expected::Any, &[new]).await.unwrap();
        self.core.applied().wait_for(|applied| *applied >= sequence).await.unwrap();
    }

    async fn stop(self) -> (MemoryLog, Arc<ManualClock>, tempfile::TempDir) {
        self.token.cancel();
        self.task.await.unwrap();
        (self.log, self.clock, self.dir)
    }
}

#[tokio::test]
async fn what_an_older_version_could_not_read_is_read_at_the_start_and_what_nobody_can_costs_no_view()
 {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    running.append(0, poison(0, 1, time)).await;
    let generation = running.core.view().views.store().generation();
    let (log, clock, dir) = running.stop().await;
    let running = Running::start_on(log, clock, dir).await;
    let view = running.core.view();
    assert_eq!((view.views.store().generation(), view.quarantined()), (generation, 1));

    // As an older version leaves it, which does not know the kind of the newest event.
    running.append(0, event(0, 2, time, of_kind(5, time))).await;
    let unknown = Quarantined {
        sequence: running.core.sequence(),
        subject: subject(0),
        event_type: None,
        reason: "a kind of tomorrow".to_owned(),
        since: time.to_utc(),
    };
    let mut batch = runtime::store::Batch::default();
    let row = serde_json::to_vec(&unknown).unwrap();
    batch.insert(&crate::views::quarantine_key(unknown.sequence), &row);
    let store = view.views.store().clone();
    store.apply(batch, store.checkpoint().unwrap()).unwrap();
    drop((view, store));

    let (log, clock, dir) = running.stop().await;
    let running = Running::start_on(log, clock, dir).await;
    running.core.caught_up().await;
    let view = running.core.view();
    assert!(view.views.store().generation() > generation);
    assert_eq!(view.quarantined(), 1);
    assert!(running.core.verify().await.unwrap().equal);
}

#[tokio::test]
async fn a_rebuilt_view_equals_the_live_one_and_both_equal_the_stream() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    for n in 0..CASES {
        running.append(n, event(n, 0, time, opened(n, time))).await;
        for kind in 0..KINDS {
            running.append(n, event(n, kind as u128 + 1, time, of_kind(kind, time))).await;
        }
    }
    running.append(0, poison(0, 99, time)).await;
    let live = content(&*running.core.writer.lock().await);
    let report = running.core.verify().await.unwrap();
    assert_eq!((report.equal, report.first_difference), (true, None));
    assert_eq!((report.cases, report.events, report.quarantined), (4, 56, 1));
    let sequence = running.core.rebuild().await.unwrap();
    assert_eq!(sequence, 57);
    let rebuilt = content(&*running.core.writer.lock().await);
    assert_eq!(rebuilt, live);
    // It goes on from there.
    running.append(0, event(0, 100, time, of_kind(5, time))).await;
    assert!(running.core.verify().await.unwrap().equal);
    assert!(running.metrics.render().contains("unstuck_quarantined_events_total 1"));

    // A tool finds the same while nothing runs.
    let (log, clock, dir) = running.stop().await;
    let shared: Arc<dyn EventLog> = Arc::new(log.clone());
    let report = crate::verify(Arc::clone(&shared), dir.path()).await.unwrap();
    assert_eq!((report.equal, report.sequence), (true, 58), "{report:?}");
    assert_eq!(crate::rebuild(Arc::clone(&shared), dir.path(), |_, _| {}).await.unwrap(), 58);
    assert!(crate::verify(shared, dir.path()).await.unwrap().equal);
    let again = Running::start_on(log, clock, dir).await;
    assert!(again.core.verify().await.unwrap().equal);
    assert_eq!(again.core.catching_up(), None);
}

#[tokio::test]
async fn verify_names_what_the_view_says_otherwise() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    let (log, _, dir) = running.stop().await;
    {
        // Somebody changed a row behind the projection's back.
        let writer = writer_of(&log, dir.path()).await;
        let mut record = writer.view.views.case(case_id(0)).unwrap().unwrap();
        record.case.attempts_before = 7;
        let folded = crate::fold::Folded {
            sequence: 1,
            cases: vec![(case_id(0), &record)],
            receipts: &[],
            quarantined: &[],
        };
        writer.view.views.apply(&folded).unwrap();
    }
    let report = crate::verify(Arc::new(log), dir.path()).await.unwrap();
    assert!(!report.equal);
    let difference = report.first_difference.unwrap();
    assert!(difference.contains("case.attempts_before"), "{difference}");
}

async fn writer_of(log: &MemoryLog, dir: &std::path::Path) -> Writer {
    let head = log.head().await.unwrap();
    let path = crate::core::folder(dir);
    let store = crate::views::open_store(&path, head).unwrap();
    Writer::new(Arc::new(crate::core::View::load(store.store, head, None).unwrap()))
}

#[tokio::test]
async fn another_stream_is_an_incident_until_a_person_rebuilds() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    let (_, clock, dir) = running.stop().await;
    clock.advance(chrono::TimeDelta::seconds(1));
    let other = MemoryLog::new(clock.clone());
    let running = Running::start_on(other, clock, dir).await;
    let incident = running.core.status().incident.unwrap();
    assert!(incident.contains("was made from a stream"), "{incident}");
    let violated = "unstuck_invariant_violations_total{invariant=\"stream_is_whole\"} 1";
    assert!(running.metrics.render().contains(violated));
    // The readers still see what was true.
    assert!(running.core.view().index().row(case_id(0)).is_some());
    assert!(!running.core.verify().await.unwrap().equal);
    running.core.rebuild().await.unwrap();
    assert_eq!(running.core.status().incident, None);
    assert_eq!(running.core.view().index().len(), 0);
    running.append(1, event(1, 0, time, opened(1, time))).await;
    assert!(running.core.verify().await.unwrap().equal);
}

#[tokio::test]
async fn a_view_that_was_set_aside_is_built_anew() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    let (log, clock, dir) = running.stop().await;
    let moved = crate::set_aside(dir.path()).unwrap().unwrap();
    assert!(moved.is_dir());
    assert_eq!(crate::set_aside(dir.path()).unwrap(), None);
    let running = Running::start_on(log, clock, dir).await;
    running.core.applied().wait_for(|applied| *applied >= 1).await.unwrap();
    assert!(running.core.verify().await.unwrap().equal);
    assert_eq!(running.core.catching_up(), None);
}

#[tokio::test]
async fn receipts_that_a_kill_left_without_their_cases_are_no_difference() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    let (log, _, dir) = running.stop().await;
    crate::set_aside(dir.path()).unwrap();
    let killed = writer_of(&log, dir.path()).await;
    let folded = crate::fold::Folded {
        sequence: 0,
        cases: Vec::new(),
        receipts: &[(receipt(0), case_id(0))],
        quarantined: &[],
    };
    killed.view.views.apply(&folded).unwrap();
    drop(killed);
    let report = crate::verify(Arc::new(log), dir.path()).await.unwrap();
    assert_eq!((report.first_difference, report.sequence), (None, 1));
}

#[test]
fn rows_that_are_ahead_of_the_checkpoint_are_not_folded_twice() {
    // A kill between two steps of one write leaves such rows.
    let (district, dir) = (district(), tempfile::tempdir().unwrap());
    let time = at("2021-01-26T10:00:00");
    let mut events = Vec::new();
    for n in 0..CASES {
        events.push((subject(n), event(n, 0, time, opened(n, time))));
        for kind in 0..KINDS {
            events.push((subject(n), event(n, kind as u128 + 1, time, of_kind(kind, time))));
        }
    }
    let stream = recorded(&events);
    let expected = whole(&stream, &district);
    let ahead = {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = writer(dir.path(), &district);
        writer.apply(&stream, Some(&district), 0).unwrap();
        writer.view.views.case(case_id(1)).unwrap().unwrap()
    };
    let mut live = writer(dir.path(), &district);
    live.apply(&stream[..3], Some(&district), 0).unwrap();
    let folded = crate::fold::Folded {
        sequence: 3,
        cases: vec![(case_id(1), &ahead)],
        receipts: &[(ahead.case.receipt_code.clone(), case_id(1))],
        quarantined: &[],
    };
    live.view.views.apply(&folded).unwrap();
    assert!(live.view.views.is_ahead().unwrap());
    drop(live);
    let mut again = writer(dir.path(), &district);
    again.apply(&stream[3..], Some(&district), 0).unwrap();
    assert!(!again.view.views.is_ahead().unwrap());
    assert_eq!(content(&again), expected);
}
