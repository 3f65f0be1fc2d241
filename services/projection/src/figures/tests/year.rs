//! A simulated year with its doors, whole or as far as a projection that stopped had come.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use chrono::{DateTime, NaiveDate, TimeDelta};
use desk::{Desk, Ground};
use proto_events::Timestamp;
use proto_events::centers::CenterEvent;
use proto_events::codes::Role;
use proto_events::envelope::Envelope;
use proto_events::ids::EventId;
use proto_events::subject::{CaseSubject, CenterSubject};
use runtime::clock::ManualClock;
use runtime::http::{Kit, kit_layers};
use runtime::identity::NewStaff;
use runtime::log::memory::MemoryLog;
use runtime::log::{EventLog, Expected, NewEvent};
use runtime::metrics::Metrics;
use runtime::vault::MasterKey;
use serde_json::Value;
use simulation::{Fact, History, House, Plan, Told, ToldOfCenter, World};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::centers::Centers;
use crate::core::Core;
use crate::learning::Learned;
use crate::queries::Doors;
use crate::similar::Similar;
use crate::testing::district;

/// The middle of a working day.
pub(super) const UNTIL: &str = "2026-06-10T10:02:00+08:00";

/// More than such a district has, so that groups are large and small.
const CASES: u64 = 420;

/// Centers whose days are told; the others are silent.
const CENTERS_OF_DAYS: usize = 3;

const PASSWORD: &str = "correct-horse-battery";

/// Something that stands in a log.
type Line = (String, NewEvent);

/// What the logs hold at the end of the year.
struct Year {
    cases: Vec<Line>,
    centers: Vec<Line>,
}

/// The year, told once for all tests.
fn year() -> &'static Year {
    static YEAR: OnceLock<Year> = OnceLock::new();
    YEAR.get_or_init(|| {
        let district = district();
        let house = House {
            forwarding: "routing-forwarding",
            help: "escalation-help",
            linking: "intake-aftercare",
            recurrences: "learning-recurrences",
            case_no: |code, at, _| format!("{code}{}", at.format("%Y%m%d")),
        };
        let world = World::new(&district.rules, house).unwrap();
        let mut plan = Plan::of_the_year_before(&world, until(), 7);
        plan.cases = CASES;
        let (mut cases, mut centers) = (Vec::new(), Vec::new());
        let told_of: Vec<_> = district.rules.centers.keys().take(CENTERS_OF_DAYS).collect();
        // Some things are written down hours after they happened, and never before what stands in front of them.
        let mut recorded_at = BTreeMap::new();
        for (number, fact) in (0_i64..).zip(History::new(&world, plan).unwrap()) {
            let mut late = |log: &'static str, time: Timestamp| {
                let hours = if number % 11 == 0 { number % 9 } else { 0 };
                let last: &mut Timestamp = recorded_at.entry(log).or_insert(time);
                *last = (*last).max(time + TimeDelta::hours(hours));
                *last
            };
            match fact {
                Fact::Case(told) => {
                    let recorded_at = late("cases", told.time);
                    cases.push(line_of_case(*told, recorded_at));
                }
                Fact::Center(told) if told_of.contains(&told.event.center()) => {
                    let recorded_at = late("centers", told.time);
                    centers.push(line_of_center(*told, recorded_at));
                }
                Fact::Center(_) | Fact::Learning(_) => {}
            }
        }
        assert!(cases.len() > 3000 && centers.len() > 1000, "a year is told");
        Year { cases, centers }
    })
}

pub(super) fn until() -> Timestamp {
    Timestamp::parse_from_rfc3339(UNTIL).unwrap()
}

/// The end of a day.
pub(super) fn end_of(day: NaiveDate) -> Timestamp {
    let offset = *until().offset();
    let next = day.succ_opt().unwrap().and_hms_opt(0, 0, 0).unwrap();
    next.and_local_timezone(offset).unwrap() - TimeDelta::microseconds(1)
}

fn line_of_case(told: Told, recorded_at: Timestamp) -> Line {
    let subject = CaseSubject { center: told.center, case_id: told.case_id };
    let envelope = Envelope {
        id: told.id,
        source: "/dongcheng/tests".to_owned(),
        event_type: told.event.event_type().to_owned(),
        subject: told.case_id.to_string(),
        time: told.time,
        recorded_at,
        actor: told.actor,
        role: told.role,
        command_id: told.command_id,
        command_hash: None,
        causation_id: told.causation,
        correlation_id: None,
        trace_parent: None,
    };
    (subject.to_subject(), NewEvent { envelope, body: told.event.to_body().into() })
}

fn line_of_center(told: ToldOfCenter, recorded_at: Timestamp) -> Line {
    let center = told.event.center().clone();
    let envelope = Envelope {
        id: EventId::of_command(told.command_id, 0),
        source: "/dongcheng/tests".to_owned(),
        event_type: told.event.event_type().to_owned(),
        subject: center.to_string(),
        time: told.time,
        recorded_at,
        actor: told.actor.username,
        role: told.actor.role,
        command_id: told.command_id,
        command_hash: None,
        causation_id: None,
        correlation_id: None,
        trace_parent: None,
    };
    let subject = match told.event {
        CenterEvent::ConsultationTallied(_) => CenterSubject::Consultations(center),
        CenterEvent::CenterDayClosed(_) => CenterSubject::Days(center),
    };
    (subject.to_subject(), NewEvent { envelope, body: told.event.to_body().into() })
}

/// A projection with its doors, of the year or of its beginning.
pub(super) struct Place {
    pub(super) doors: Doors,
    router: Router,
    desk: Arc<Desk>,
    token: CancellationToken,
    _dir: tempfile::TempDir,
}

/// What came back.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) json: Value,
}

impl Place {
    /// Opens the doors when everything that had been written down by `now` stands in the logs, and nothing else.
    pub(super) async fn at(now: Timestamp) -> Self {
        let year = year();
        let clock = Arc::new(ManualClock::new(now.to_utc()));
        let dated = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let logs = (MemoryLog::new(dated.clone()), MemoryLog::new(dated.clone()));
        fill(&logs.0, &year.cases, now, &dated).await;
        fill(&logs.1, &year.centers, now, &dated).await;
        let (cases, centers): (Arc<dyn EventLog>, Arc<dyn EventLog>) =
            (Arc::new(logs.0), Arc::new(logs.1));
        let ground = Ground { cases, centers, ..Ground::in_memory(clock.clone()) };
        let dir = tempfile::tempdir().unwrap();
        let metrics = Metrics::new();
        let key = MasterKey::load_or_create(&dir.path().join("master.key")).unwrap();
        let desk = Desk::on(ground, district(), clock.clone(), key, metrics.clone());
        let log = Arc::clone(&desk.log);
        let core = Core::open(log, district(), clock, metrics.clone(), dir.path()).await.unwrap();
        let log = Arc::clone(&desk.centers_log);
        let centers = Centers::open(log, metrics.clone(), dir.path()).await.unwrap();
        let log = Arc::clone(&desk.learning_log);
        let learned = Learned::open(log, metrics.clone()).await.unwrap();
        let similar = Similar::open(Arc::clone(&core), dir.path()).await.unwrap();
        let token = CancellationToken::new();
        tokio::spawn(Arc::clone(&core).run(token.clone()));
        tokio::spawn(Arc::clone(&centers).run(token.clone()));
        let (goal, goal_of_centers) = (core.head(), centers.head());
        core.applied().wait_for(|applied| *applied >= goal).await.unwrap();
        centers.applied().wait_for(|applied| *applied >= goal_of_centers).await.unwrap();
        let lines = Arc::default();
        let doors = Doors::new(core, centers, learned, similar, lines, Arc::clone(&desk));
        let router = kit_layers(crate::queries::router(doors.clone()), Kit::new(metrics));
        Self { doors, router, desk, token, _dir: dir }
    }

    /// Signs somebody in and gives the token.
    pub(super) async fn person(
        &self,
        name: &str,
        role: Role,
        (center, department): (Option<&str>, Option<&str>),
    ) -> String {
        let new = NewStaff {
            username: name.parse().unwrap(),
            name: "样例员".to_owned(),
            role,
            center: center.map(|id| id.parse().unwrap()),
            department: department.map(|id| id.parse().unwrap()),
        };
        self.desk.identity.add(new, PASSWORD).await.unwrap();
        self.desk.identity.open_session(&name.parse().unwrap()).await.unwrap().token
    }

    pub(super) async fn get(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::empty()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 64 << 20).await.unwrap();
        Answer { status, json: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    /// What is there, or the test fails.
    pub(super) async fn found(&self, path: &str, token: &str) -> Value {
        let answer = self.get(path, token).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.json);
        answer.json
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.token.cancel();
    }
}

/// Appends what had been written down by `now`.
async fn fill(log: &MemoryLog, lines: &[Line], now: Timestamp, dated: &ManualClock) {
    for (subject, event) in lines {
        if event.envelope.recorded_at > now {
            break;
        }
        // A bus forgets the ids of repeats after a while; it is no use to remember a year of them here.
        dated.advance(TimeDelta::seconds(90));
        log.append(subject, Expected::Any, std::slice::from_ref(event)).await.unwrap();
    }
}
