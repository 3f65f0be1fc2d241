//! The simulated district: two processes on one bus in memory, which fails.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, TimeDelta};
use desk::{Desk, District, Ground};
use escalation::{Help, Timers};
use futures::FutureExt as _;
use intake::Aftercare;
use proto_events::Timestamp;
use routing::Forwarding;
use runtime::audit::MemoryAudit;
use runtime::clock::{Clock as _, ManualClock};
use runtime::consumer::Reaction;
use runtime::kv::Bucket;
use runtime::kv::memory::MemoryBucket;
use runtime::log::EventLog as _;
use runtime::log::memory::MemoryLog;
use runtime::metrics::Metrics;
use runtime::vault::MasterKey;

use super::chance::Chance;
use super::faults::{Weather, WeatheredBucket, WeatheredLog};
use super::people::Accounts;

/// How many processes there are.
pub(crate) const PROCESSES: usize = 2;

/// How many reactions each of them has.
pub(crate) const REACTIONS: usize = 3;

/// Mornings before the holidays of two years, and before the end of a year whose successor is not published.
const BEGINNINGS: [&str; 6] = [
    "2025-09-22T09:40:00+08:00",
    "2025-12-15T10:00:00+08:00",
    "2025-12-22T14:00:00+08:00",
    "2026-02-05T09:10:00+08:00",
    "2026-04-27T16:30:00+08:00",
    "2026-12-14T11:00:00+08:00",
];

/// The district with all years, and with the years before 2026 only.
pub(crate) fn districts() -> &'static [Arc<District>; 2] {
    static DISTRICTS: OnceLock<[Arc<District>; 2]> = OnceLock::new();
    DISTRICTS.get_or_init(|| {
        let whole = District::load(None).unwrap();
        let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
        let calendar = std::fs::read_to_string(format!("{deploy}/calendars/cn.toml")).unwrap();
        let district =
            std::fs::read_to_string(format!("{deploy}/districts/dongcheng.toml")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (before, _) = calendar.split_once("[2026]").unwrap();
        std::fs::write(folder.path().join("cn-2025.toml"), before).unwrap();
        let district = district.replace("calendar = \"cn\"", "calendar = \"cn-2025\"");
        let early = District::parse(&district, Some(folder.path())).unwrap();
        [Arc::new(whole), Arc::new(early)]
    })
}

/// Reads what the district is made of, before time is measured.
pub(crate) fn prepare() {
    districts();
    Accounts::get();
}

/// A running process with everything in it.
pub(crate) struct Process {
    pub(crate) desk: Arc<Desk>,
    pub(crate) reactions: [Arc<dyn Reaction>; REACTIONS],
    pub(crate) timers: Arc<Timers>,
}

/// The district.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) weather: Arc<Weather>,
    pub(crate) log: MemoryLog,
    pub(crate) audit: MemoryAudit,
    pub(crate) processes: Vec<Process>,
    pub(crate) district: Arc<District>,
    ground: Ground,
    master_key: MasterKey,
    metrics: Metrics,
}

impl House {
    pub(crate) async fn build(chance: &mut Chance) -> Self {
        let beginning = *chance.pick(&BEGINNINGS);
        let beginning = DateTime::parse_from_rfc3339(beginning).unwrap();
        let is_early =
            beginning < DateTime::parse_from_rfc3339("2025-12-31T00:00:00+08:00").unwrap();
        let district = Arc::clone(&districts()[usize::from(is_early)]);
        let clock = Arc::new(ManualClock::new(beginning.to_utc()));
        let weather = Weather::new(chance.branch());
        let log = MemoryLog::new(clock.clone());
        let audit = MemoryAudit::default();
        let bucket = |name| {
            let bucket = MemoryBucket::new(name);
            Bucket::new(WeatheredBucket { bucket, weather: Arc::clone(&weather) })
        };
        let staff = MemoryBucket::new("staff");
        Accounts::get().settle(&Bucket::new(staff.clone())).await;
        let ground = Ground {
            cases: Arc::new(WeatheredLog { log: log.clone(), weather: Arc::clone(&weather) }),
            staff: Bucket::new(WeatheredBucket { bucket: staff, weather: Arc::clone(&weather) }),
            sessions: bucket("sessions"),
            case_keys: bucket("case_keys"),
            open_matters: bucket("open_matters"),
            audit: Arc::new(audit.clone()),
            ..Ground::in_memory(clock.clone())
        };
        let master_key = MasterKey::of_hex(&"5a".repeat(32)).unwrap();
        let metrics = Metrics::new();
        let processes = Vec::new();
        let mut house =
            Self { clock, weather, log, audit, processes, district, ground, master_key, metrics };
        for _ in 0..PROCESSES {
            let process = house.process();
            house.processes.push(process);
        }
        house
    }

    /// A desk on the district's ground.
    pub(crate) fn desk(&self) -> Arc<Desk> {
        Desk::on(
            self.ground.clone(),
            Arc::clone(&self.district),
            self.clock.clone(),
            self.master_key.clone(),
            self.metrics.clone(),
        )
    }

    fn process(&self) -> Process {
        let desk = self.desk();
        Process {
            reactions: [
                Arc::new(Forwarding::new(Arc::clone(&desk))),
                Arc::new(Help::new(Arc::clone(&desk))),
                Arc::new(Aftercare::new(Arc::clone(&desk))),
            ],
            timers: Arc::new(Timers::new(Arc::clone(&desk))),
            desk,
        }
    }

    /// Ends a process and starts it again.
    pub(crate) fn restart(&mut self, index: usize) {
        self.processes[index] = self.process();
    }

    /// From now on processes that start know all years.
    pub(crate) fn publish_calendar(&mut self) {
        self.district = Arc::clone(&districts()[0]);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().with_timezone(&self.district.offset)
    }

    /// Moves the clock to the next instant at which people may be told something.
    pub(crate) fn wait_for_opening(&self) {
        let now = self.now();
        let next = self.district.rules.calendar.next_opening(now);
        self.clock.set(next.to_utc() + TimeDelta::minutes(1));
    }

    /// The end of the log.
    pub(crate) fn length(&self) -> u64 {
        let head = self.log.head().now_or_never().expect("memory answers at once");
        head.unwrap().last_sequence
    }
}
