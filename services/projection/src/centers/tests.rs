//! What must hold of the view of the centers whatever their stream brings and whatever breaks.

use chrono::{DateTime, NaiveDate, TimeDelta};
use proptest::prelude::*;
use proto_events::centers::{
    CenterDayClosed, CenterEvent, ConsultationOutcome, ConsultationTallied, OutcomeCount,
};
use proto_events::codes::{Channel, Role};
use proto_events::envelope::Envelope;
use proto_events::ids::{CommandId, EventId};
use proto_events::subject::CenterSubject;
use runtime::clock::ManualClock;
use runtime::log::memory::MemoryLog;
use runtime::log::{Expected, NewEvent};
use uuid::Uuid;

use super::fold::{CloseRow, DayKey, Told};
use super::view::{Days, open_store};
use super::*;
use crate::fold::Quarantined;
use crate::testing::{at, head, recorded};

const CENTERS: [&str; 2] = ["donghuashi", "jingshan"];
const TOPICS: [&str; 3] = ["退休手续办理", "公租房\u{0}k/申请", "z/医保"];

fn day(number: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2021, 1, 25 + number % 4).unwrap()
}

pub(crate) fn tallied(
    center: usize,
    number: u32,
    topic: usize,
    outcome: usize,
    count: u32,
) -> CenterEvent {
    ConsultationTallied {
        center: CENTERS[center].parse().unwrap(),
        day: day(number),
        topic: TOPICS[topic].to_owned(),
        channel: Channel::ALL[outcome],
        outcome: ConsultationOutcome::ALL[outcome],
        count,
    }
    .into()
}

pub(crate) fn closed(center: usize, number: u32, consultations: u64) -> CenterEvent {
    let outcome = ConsultationOutcome::ToldRoute;
    CenterDayClosed {
        center: CENTERS[center].parse().unwrap(),
        day: day(number),
        consultations,
        by_outcome: vec![OutcomeCount { outcome, count: consultations }],
        by_topic: vec![],
        cases_opened: 1,
        late: consultations > 0 && consultations.is_multiple_of(2),
        counted_to: None,
    }
    .into()
}

fn new(number: u128, event: &CenterEvent) -> (String, NewEvent) {
    let time = at("2021-01-26T10:00:00") + TimeDelta::hours(i64::try_from(number).unwrap());
    let command_id = CommandId(Uuid::from_u128(number));
    let center = event.center().clone();
    let subject = match event {
        CenterEvent::ConsultationTallied(_) => CenterSubject::Consultations(center.clone()),
        CenterEvent::CenterDayClosed(_) => CenterSubject::Days(center.clone()),
    };
    let envelope = Envelope {
        id: EventId::of_command(command_id, 0),
        source: "/dongcheng/tests".to_owned(),
        event_type: event.event_type().to_owned(),
        subject: center.to_string(),
        time,
        recorded_at: time,
        actor: "clerk-username".to_owned(),
        role: Role::Clerk,
        command_id,
        command_hash: None,
        causation_id: None,
        correlation_id: None,
        trace_parent: None,
    };
    (subject.to_subject(), NewEvent { envelope, body: event.to_body().into() })
}

/// A random stream: tallies, closes (also second ones), unreadable messages.
fn streams() -> impl Strategy<Value = Vec<(String, NewEvent)>> {
    let step = (0_usize..2, 0_u32..4, 0_usize..3, 0_usize..4, 1_u32..500, 0..8);
    proptest::collection::vec(step, 1..60).prop_map(|steps| {
        let event = |(number, step)| {
            let (center, day, topic, outcome, count, kind): (usize, u32, usize, usize, u32, i32) =
                step;
            let (subject, mut new) = match kind {
                0 | 1 => new(number, &closed(center, day, u64::from(count))),
                _ => new(number, &tallied(center, day, topic, outcome, count)),
            };
            if kind == 2 {
                new.body = bytes::Bytes::from_static(b"{ no JSON");
            }
            (subject, new)
        };
        (0..).zip(steps).map(event).collect()
    })
}

/// Everything that a view holds.
#[derive(Debug, PartialEq)]
struct Content {
    sequence: u64,
    tallies: Vec<(TallyKey, Vec<Told>)>,
    closes: Vec<(DayKey, CloseRow)>,
    quarantined: Vec<Quarantined>,
    days: Days,
}

fn content(view: &CentersView) -> Content {
    let days = view.stored_days().unwrap();
    assert_eq!(days, *view.days());
    Content {
        sequence: view.sequence(),
        tallies: view.tallies().map(Result::unwrap).collect(),
        closes: view.closes().map(Result::unwrap).collect(),
        quarantined: view.quarantine().unwrap(),
        days,
    }
}

fn open(dir: &Path) -> CentersView {
    let opened = open_store(&folder(dir), head(u64::MAX)).unwrap();
    assert_eq!((opened.was_rebuilt, opened.incident), (None, None));
    CentersView::load(opened.store, head(u64::MAX)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_split_any_repetition_and_any_kill_give_the_same_view(
        events in streams(),
        cuts in proptest::collection::vec((0..20_usize, 0..6_usize, any::<bool>()), 60),
    ) {
        let stream = recorded(&events);
        let dir = tempfile::tempdir().unwrap();
        let whole = open(dir.path());
        applied(&whole, &stream).unwrap();
        let expected = content(&whole);
        let dir = tempfile::tempdir().unwrap();
        let mut live = open(dir.path());
        let mut cuts = cuts.into_iter();
        while live.sequence() < stream.len() as u64 {
            let (size, repeated, is_killed) = cuts.next().unwrap_or((stream.len(), 0, false));
            let done = usize::try_from(live.sequence()).unwrap();
            let batch = &stream[done.saturating_sub(repeated)..stream.len().min(done + size)];
            applied(&live, batch).unwrap();
            if is_killed {
                drop(live);
                live = open(dir.path());
            }
        }
        prop_assert_eq!(content(&live), expected);
    }
}

#[test]
fn a_gap_in_a_batch_is_an_incident_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut stream = recorded(&[
        new(1, &tallied(0, 0, 0, 0, 1)),
        new(2, &tallied(0, 0, 0, 0, 1)),
        new(3, &closed(0, 0, 2)),
    ]);
    stream.remove(1);
    let view = open(dir.path());
    assert!(matches!(applied(&view, &stream), Err(FoldError::Broken(_))));
    assert_eq!((view.sequence(), view.tallies().count()), (0, 0));
}

#[test]
fn the_counts_of_some_days_of_a_center_are_those_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let events: Vec<_> = (0..16_u32)
        .map(|number| {
            let center = usize::try_from(number % 2).unwrap();
            new(u128::from(number), &tallied(center, number / 2, 1, 3, 1 + number))
        })
        .collect();
    let view = open(dir.path());
    applied(&view, &recorded(&events)).unwrap();
    let center = CENTERS[0].parse().unwrap();
    let between = |from: u32, to: u32| -> Vec<(NaiveDate, u64)> {
        let found = view.tallies_between(&center, day(from), day(to)).map(Result::unwrap);
        found.map(|(key, told)| (key.day, told.iter().map(|one| one.count).sum())).collect()
    };
    assert_eq!(between(1, 2), [(day(1), 3 + 11), (day(2), 5 + 13)]);
    assert_eq!(between(3, 3), [(day(3), 7 + 15)]);
    assert_eq!(between(2, 1), between(2, 2));
    let all = view.tallies_between(&center, NaiveDate::MIN, NaiveDate::MAX);
    assert_eq!(all.count(), 4);
}

/// A projection of centers over a log in memory.
pub(crate) async fn running(
    log: &MemoryLog,
    dir: &Path,
) -> (Arc<Centers>, CancellationToken, tokio::task::JoinHandle<()>) {
    let shared: Arc<dyn EventLog> = Arc::new(log.clone());
    let centers = Centers::open(shared, Metrics::new(), dir).await.unwrap();
    let token = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&centers).run(token.clone()));
    (centers, token, task)
}

pub(crate) async fn append(log: &MemoryLog, number: u128, event: &CenterEvent) -> u64 {
    let (subject, event) = new(number, event);
    log.append(&subject, Expected::Any, &[event]).await.unwrap()
}

#[tokio::test]
async fn a_rebuilt_view_equals_the_live_one_and_both_equal_the_stream() {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let (log, dir) = (MemoryLog::new(clock), tempfile::tempdir().unwrap());
    let (centers, token, task) = running(&log, dir.path()).await;
    for number in 0..20 {
        let count = 1 + u32::try_from(number).unwrap();
        append(&log, number, &tallied(0, count, 0, 0, count)).await;
    }
    append(&log, 50, &closed(0, 0, 3)).await;
    append(&log, 51, &closed(0, 0, 4)).await;
    let last = append(&log, 52, &tallied(0, 0, 0, 0, 9)).await;
    centers.applied().wait_for(|applied| *applied >= last).await.unwrap();
    let live = content(&centers.view());
    let report = centers.verify().await.unwrap();
    assert_eq!((report.events, report.quarantined, report.first_difference), (23, 0, None));
    assert_eq!(centers.rebuild().await.unwrap(), 23);
    assert_eq!(content(&centers.view()), live);
    // It goes on from there.
    let last = append(&log, 53, &tallied(1, 0, 0, 0, 1)).await;
    centers.applied().wait_for(|applied| *applied >= last).await.unwrap();
    assert_eq!(centers.verify().await.unwrap().first_difference, None);
    token.cancel();
    task.await.unwrap();
    drop(centers);

    // A tool finds the same while nothing runs, and finds what somebody has changed.
    let shared: Arc<dyn EventLog> = Arc::new(log.clone());
    assert_eq!(verify(Arc::clone(&shared), dir.path()).await.unwrap().first_difference, None);
    assert_eq!(rebuild(Arc::clone(&shared), dir.path()).await.unwrap(), 24);
    {
        let head = log.head().await.unwrap();
        let view =
            CentersView::load(open_store(&folder(dir.path()), head).unwrap().store, head).unwrap();
        let mut folded = fold::Folded { sequence: 24, ..fold::Folded::default() };
        let key = view.tallies().next().unwrap().unwrap().0;
        folded.tallies.insert(key, vec![Told { sequence: 24, recorded_at: 0, count: 1 }]);
        view.apply(&folded).unwrap();
    }
    let report = verify(shared, dir.path()).await.unwrap();
    let difference = report.first_difference.unwrap();
    assert!(difference.contains("other consultations on 2021-01-25"), "{difference}");
}

#[tokio::test]
async fn another_stream_is_an_incident_until_a_person_rebuilds() {
    let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let (log, dir) = (MemoryLog::new(clock.clone()), tempfile::tempdir().unwrap());
    let (centers, token, task) = running(&log, dir.path()).await;
    append(&log, 1, &tallied(0, 0, 0, 0, 1)).await;
    centers.applied().wait_for(|applied| *applied >= 1).await.unwrap();
    token.cancel();
    task.await.unwrap();
    drop(centers);
    clock.advance(TimeDelta::seconds(1));
    let other = MemoryLog::new(clock);
    let (centers, token, task) = running(&other, dir.path()).await;
    let incident = centers.status().incident.unwrap();
    assert!(incident.contains("was made from a stream"), "{incident}");
    // The readers still see what was true.
    assert_eq!(centers.view().tallies().count(), 1);
    assert!(centers.verify().await.unwrap().first_difference.is_some());
    assert_eq!(centers.rebuild().await.unwrap(), 0);
    assert_eq!(centers.status().incident, None);
    assert_eq!(centers.view().tallies().count(), 0);
    append(&other, 2, &closed(0, 0, 0)).await;
    centers.applied().wait_for(|applied| *applied >= 1).await.unwrap();
    assert_eq!(centers.verify().await.unwrap().first_difference, None);
    token.cancel();
    task.await.unwrap();
}
