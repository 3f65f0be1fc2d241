//! Counting and closing on a desk in memory: once, from the log, and only as far back as needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use casework::centers::Tally;
use casework::command::Actor;
use desk::{District, Ground};
use futures::stream::BoxStream;
use proto_events::centers::{ConsultationOutcome, ConsultationTallied};
use proto_events::codes::{Channel, Role};

use runtime::clock::ManualClock;
use runtime::log::Head;
use runtime::log::memory::MemoryLog;
use runtime::metrics::Metrics;
use runtime::vault::MasterKey;
use uuid::Uuid;

use super::*;
use crate::consultations::{Wish, count_questions};
use crate::days::close;

struct Counting {
    desk: Arc<Desk>,
    clock: Arc<ManualClock>,
    ledger: Arc<Ledger>,
    token: CancellationToken,
}

impl Counting {
    fn start() -> Self {
        Self::start_on(|log| Arc::new(log))
    }

    fn start_on(log: impl FnOnce(MemoryLog) -> Arc<dyn EventLog>) -> Self {
        let clock = Arc::new(ManualClock::new(at("2021-01-26T10:00:00").to_utc()));
        let key = MasterKey::of_hex(&"0f".repeat(32)).unwrap();
        let district = Arc::new(District::load(None).unwrap());
        let mut ground = Ground::in_memory(clock.clone());
        ground.centers = log(MemoryLog::new(clock.clone()));
        let desk = Desk::on(ground, district, clock.clone(), key, Metrics::new());
        Self::on(desk, clock)
    }

    /// As another process would, or this one after a restart.
    fn on(desk: Arc<Desk>, clock: Arc<ManualClock>) -> Self {
        let ledger = Ledger::new(Arc::clone(&desk.centers_log));
        let token = CancellationToken::new();
        tokio::spawn(Arc::clone(&ledger).run(Arc::clone(&desk), token.clone()));
        Self { desk, clock, ledger, token }
    }

    fn again(&self) -> Self {
        Self::on(Arc::clone(&self.desk), Arc::clone(&self.clock))
    }

    async fn count(&self, command: u128, hash: &str, count: u32) -> Result<Kept, Problem> {
        let tally = Tally {
            center: center(),
            topic: "退休手续办理".to_owned(),
            channel: Channel::GuideDesk,
            outcome: ConsultationOutcome::ToldRoute,
            count: Some(count),
            date: None,
        };
        let wish = wish(command, hash);
        count_questions(&self.desk, &self.ledger, &tally, &clerk(), wish).await
    }

    async fn close(&self, day: &str) -> Result<Kept, Problem> {
        let day = day.parse().unwrap();
        close(&self.desk, &self.ledger, &center(), day, &clerk(), None).await
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_from_rfc3339(&format!("{text}+08:00")).unwrap()
}

fn center() -> CenterId {
    "donghuashi".parse().unwrap()
}

fn clerk() -> Actor {
    Actor {
        username: "clerk".to_owned(),
        role: Role::Clerk,
        center: Some(center()),
        department: None,
    }
}

fn wish(command: u128, hash: &str) -> Wish {
    let command_id = CommandId(Uuid::from_u128(command));
    Wish { command_id, hash: Some(hash.to_owned()), request_id: None }
}

fn consultations(kept: &Kept) -> u64 {
    match &kept.event {
        CenterEvent::CenterDayClosed(report) => report.consultations,
        other @ CenterEvent::ConsultationTallied(_) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_repeat_counts_once_and_another_body_under_its_key_is_refused() {
    let house = Counting::start();
    let first = house.count(1, "a", 3).await.unwrap();
    let again = house.count(1, "a", 3).await.unwrap();
    assert_eq!((again.sequence, again.event_id), (first.sequence, first.event_id));
    // Also for another process.
    assert_eq!(house.again().count(1, "a", 3).await.unwrap().sequence, first.sequence);
    let other = house.count(1, "b", 4).await.unwrap_err();
    assert_eq!(other.code, "idempotency_mismatch");
    let report = house.close("2021-01-26").await.unwrap();
    assert_eq!(consultations(&report), 3);
}

/// A log whose answer to every second append is lost on the way back.
struct Lossy {
    log: MemoryLog,
    appends: AtomicU32,
}

impl EventLog for Lossy {
    fn load<'a>(
        &'a self,
        subject: &'a str,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        self.log.load(subject, freshness)
    }

    fn append<'a>(
        &'a self,
        subject: &'a str,
        expected: Expected<'a>,
        events: &'a [NewEvent],
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        async move {
            let sequence = self.log.append(subject, expected, events).await?;
            match self.appends.fetch_add(1, Ordering::Relaxed) % 2 {
                0 => Err(AppendError::Unknown("the line broke".to_owned())),
                _ => Ok(sequence),
            }
        }
        .boxed()
    }

    fn follow(
        &self,
        after: u64,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Recorded, LogError>>, LogError>> {
        self.log.follow(after)
    }

    fn locate<'a>(&'a self, pattern: &'a str) -> BoxFuture<'a, Result<Option<String>, LogError>> {
        self.log.locate(pattern)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, LogError>> {
        self.log.head()
    }
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_answer_was_lost_is_found_in_the_log() {
    let house = Counting::start_on(|log| Arc::new(Lossy { log, appends: AtomicU32::new(0) }));
    for number in 1..=4 {
        let kept = house.count(number, "a", 1).await.unwrap();
        assert_eq!(u128::from(kept.sequence), number);
    }
    let report = house.close("2021-01-26").await.unwrap();
    assert_eq!((report.sequence, consultations(&report)), (5, 4));
}

#[tokio::test]
async fn a_closed_day_takes_nothing_more_and_is_closed_once() {
    let house = Counting::start();
    house.count(1, "a", 2).await.unwrap();
    let other = house.again();
    let (here, there) = tokio::join!(house.close("2021-01-26"), other.close("2021-01-26"));
    let (here, there) = (here.unwrap(), there.unwrap());
    assert_eq!((here.sequence, consultations(&here)), (there.sequence, 2));
    assert_eq!(house.count(2, "b", 1).await.unwrap_err().code, "day_closed");
    assert_eq!(house.close("2021-01-26").await.unwrap().sequence, here.sequence);
    assert_eq!(house.desk.centers_log.head().await.unwrap().last_sequence, 2);
}

#[tokio::test]
async fn a_new_ledger_begins_behind_what_was_counted_long_ago_and_says_the_same() {
    let house = Counting::start();
    house.count(1, "a", 5).await.unwrap();
    house.close("2021-01-26").await.unwrap();
    house.clock.set(at("2021-04-01T10:00:00").to_utc());
    house.count(2, "b", 7).await.unwrap();
    let again = house.again();
    let report = again.close("2021-04-01").await.unwrap();
    assert_eq!(consultations(&report), 7);
    let known = again.ledger.known();
    let days: Vec<_> = known.days.keys().map(|(day, _)| day.to_string()).collect();
    // The report itself stands behind its own mark.
    assert!(!days.contains(&"2021-01-25".to_owned()) && days.contains(&"2021-04-01".to_owned()));
    assert!(!known.commands.contains_key(&CommandId(Uuid::from_u128(1))));
    assert_eq!(known.marks.len(), 2);
}

#[tokio::test]
async fn what_is_long_past_is_forgotten_and_one_mark_stays() {
    let house = Counting::start();
    for day in 1..=60_u128 {
        house.count(day, "a", 1).await.unwrap();
        let today = house.desk.now().date_naive();
        house.close(&today.to_string()).await.unwrap();
        house.clock.advance(TimeDelta::days(1));
    }
    house.count(1000, "a", 1).await.unwrap();
    let known = house.ledger.known();
    let kept = usize::try_from(DAYS_KEPT).unwrap();
    assert!(known.days.len() <= kept + 2, "{} days", known.days.len());
    assert!(known.commands.len() <= kept + 12, "{} commands", known.commands.len());
    assert!(known.marks.len() <= kept + 2, "{} marks", known.marks.len());
    let oldest_day = house.desk.now() - TimeDelta::days(CLOSE_DAYS_BACK_MAX);
    assert!(known.marks.range(..oldest_day).next_back().is_some());
}

#[test]
fn a_tally_tells_nothing_of_a_person() {
    // The list of its fields is the promise; a new one has to be thought about.
    let ConsultationTallied { center: _, day: _, topic: _, channel: _, outcome: _, count: _ } =
        ConsultationTallied {
            center: center(),
            day: NaiveDate::MIN,
            topic: String::new(),
            channel: Channel::Window,
            outcome: ConsultationOutcome::ToldRoute,
            count: 1,
        };
}
