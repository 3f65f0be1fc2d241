//! The projection is killed again and again, at any moment of its start, of building, of building anew beside what serves
//! and of following along; its views come out of it equal to the log.
//!
//! The moments are drawn from a seed, which a failure shows; `UNSTUCK_SEED` takes another, `UNSTUCK_KILLS=100` kills
//! longer.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::Value;
use unstuck_tests::binary::unstuck_command;
use unstuck_tests::bus::Bus;
use unstuck_tests::chance::Chance;
use unstuck_tests::district::said;
use unstuck_tests::process::Process;
use unstuck_tests::{Api, District, wait_until};

/// How often it is killed unless `UNSTUCK_KILLS` says so: what every run of all tests has time for.
const KILLS: usize = 40;

/// Cases at the beginning: more than go into one write of the view, so that a kill falls between two.
const CASES: &str = "560";
/// Cases that come while it follows along, each time.
const MORE_CASES: &str = "12";

/// After how many kills the views are held against the log on the way, right after the last of them.
const VERIFY_EVERY: usize = 8;

/// How long a start may take on a machine that is busy with other tests.
const START_TIME_MAX: Duration = Duration::from_secs(90);

/// The subject on which a running projection is asked to build its views anew.
const REBUILD_SUBJECT: &str = "unstuck.projection.rebuild";

/// What it does when it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// It builds from nothing.
    Building,
    /// It starts on what the last kill has left.
    GoingOn,
    /// It builds anew beside what serves.
    Rebuilding,
    /// It applies what comes.
    Following,
}

/// Each leaves something else behind for the next.
const TURNS: [Moment; 5] =
    [Moment::Building, Moment::GoingOn, Moment::Rebuilding, Moment::GoingOn, Moment::Following];

/// How long each of the moments lasts on this machine, without a kill.
type Lengths = BTreeMap<Moment, Duration>;

/// A folder of views, and the bus beside it.
struct Site {
    bus: Bus,
    /// Its services stand still; its folder, its accounts and its tools are used.
    district: District,
    told: u32,
}

impl Site {
    fn new() -> Self {
        let bus = Bus::start();
        let district = District::start_on(&bus);
        drop(district.coordinator());
        district.shut_down();
        let mut site = Self { bus, district, told: 0 };
        let told = site.history(CASES, &["--from", "2026-02-27", "--to", "2026-02-28"]).output();
        succeeded(&told.expect("the binary can be started"));
        site
    }

    fn command(&self, service: &str) -> Command {
        let mut command = unstuck_command();
        command.arg(service).arg("--data").arg(self.district.data());
        command.args(["--nats-url", &self.bus.url()]);
        command
    }

    /// A part of the history that was not told yet.
    fn history(&mut self, cases: &str, arguments: &[&str]) -> Command {
        self.told += 1;
        let mut command = self.command("simulate");
        command.args(["--cases", cases, "--seed", &self.told.to_string()]).args(arguments);
        command
    }

    /// Starts to add some cases.
    fn tell_more(&mut self) -> Process {
        let more =
            self.history(MORE_CASES, &["--append", "--from", "2026-02-27", "--to", "2026-02-28"]);
        Process::start(more, &self.log("history.log"))
    }

    fn start(&self) -> Process {
        let mut command = self.command("projection");
        command.args(["--listen", "127.0.0.1:0"]);
        Process::start(command, &self.log("projection.log"))
    }

    fn log(&self, name: &str) -> PathBuf {
        self.district.data().join(name)
    }

    fn views(&self) -> PathBuf {
        self.district.data().join("views")
    }

    fn remove_views(&self) {
        fs::remove_dir_all(self.views()).expect("the views can be removed");
    }

    /// Whether an unfinished or outlived generation of a view lies beside the one that counts.
    fn has_two_generations(&self) -> bool {
        ["cases", "centers"].iter().any(|view| {
            let entries = fs::read_dir(self.views().join(view)).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.filter(|name| name.starts_with("gen-") && !name.contains('.')).count() > 1
        })
    }

    /// Asks the running projection to build its views anew, and does not wait for it.
    fn ask_to_rebuild(&self) -> anyhow::Result<()> {
        let url = self.bus.url();
        on_runtime(async {
            let client = async_nats::connect(url).await?;
            client.publish_with_reply(REBUILD_SUBJECT, client.new_inbox(), "".into()).await?;
            client.flush().await.context("the request did not leave")
        })
    }

    /// Measures each of the moments once.
    fn lengths(&mut self) -> Lengths {
        let timed = |process: &mut Process, started: Instant| {
            process.wait_for_line("Listening on ", START_TIME_MAX);
            started.elapsed()
        };
        let started = Instant::now();
        let mut first = self.start();
        let building = timed(&mut first, started);
        first.kill();
        let started = Instant::now();
        let mut second = self.start();
        let starting = timed(&mut second, started);
        let started = Instant::now();
        succeeded(&self.command("rebuild").output().expect("the binary can be started"));
        let rebuilding = started.elapsed();
        let started = Instant::now();
        ended_well(self.tell_more());
        let following = started.elapsed();
        assert!(second.stop().success(), "{}", second.story());
        [
            (Moment::Building, building),
            // What goes on has less to do than what begins; a longer time was the machine's.
            (Moment::GoingOn, starting.min(building)),
            (Moment::Rebuilding, rebuilding.min(building)),
            (Moment::Following, following),
        ]
        .into()
    }

    /// Nothing but what a start after a kill says: no view was set aside, nobody has to look.
    fn assert_calm(&self, seed: u64) {
        let text = fs::read_to_string(self.log("projection.log")).unwrap_or_default();
        let alarm = text.lines().find(|line| {
            ["set aside", "a person must look", "panicked", " ERROR ", " WARN "]
                .iter()
                .any(|word| line.contains(word))
        });
        assert_eq!(alarm, None, "seed {seed}");
    }
}

fn on_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

fn ended_well(mut process: Process) {
    let status = process.wait_for_end(START_TIME_MAX);
    assert!(status.is_some_and(|status| status.success()), "{}", process.story());
}

fn is_at_work(process: &mut Process) -> bool {
    process.wait_for_end(Duration::from_millis(1)).is_none()
}

/// Waits until it serves; the views stand then, and nobody has to look.
fn serving(process: &mut Process) -> String {
    let address = process.wait_for_line("Listening on ", START_TIME_MAX);
    let ready = Api::new(Arc::new(RwLock::new(address.clone())), None).get("/readyz");
    assert_eq!(ready.status, 200, "{}", ready.text);
    address
}

/// What the views say that does not move with the time.
fn picture(address: &str) -> Vec<Value> {
    let reader = Api::new(Arc::new(RwLock::new(address.to_owned())), Some("coordinator"));
    wait_until("every view has come to the end", || {
        let lag = reader.get("/v1/lag").json;
        let reached = &lag["stream_last_sequence"];
        lag["as_of_sequence"] == *reached
            && lag["similar_as_of_sequence"] == *reached
            && lag["centers"]["lag_events"] == 0
    });
    let lag = reader.get("/v1/lag").json;
    for part in [&lag, &lag["centers"], &lag["learning"]] {
        assert_eq!(part["quarantined"], 0, "{lag}");
        assert_eq!(part["incident"], Value::Null, "{lag}");
        assert_eq!(part["building"], Value::Null, "{lag}");
    }
    let violated = |line: &&str| {
        line.starts_with("unstuck_invariant_violations_total") && !line.trim_end().ends_with(" 0")
    };
    let metrics = reader.get("/metrics").text;
    assert_eq!(metrics.lines().find(violated), None);

    let cases = reader.whole_list("/v1/cases?sort=-opened_at");
    let mut answers: Vec<Value> = cases
        .into_iter()
        .map(|mut case| {
            let kept = ["case_id", "case_no", "version", "state", "due_at", "department"];
            kept.into_iter().map(|name| (name, case[name].take())).collect()
        })
        .collect();
    let similar = reader.get("/v1/similar?q=%E9%80%80%E4%BC%91%E6%89%8B%E7%BB%AD").json;
    let mut alike: Vec<Value> = similar["items"]
        .as_array()
        .map(|items| items.iter().map(|item| item["case_id"].clone()).collect())
        .unwrap_or_default();
    assert!(!alike.is_empty(), "{similar}");
    // How alike is reckoned among all that the index ever held, so equals may change places.
    alike.sort_by_key(Value::to_string);
    answers.push(alike.into());
    for path in ["/v1/centers", "/v1/consultations?from=2026-02-27&to=2026-02-28"] {
        let mut answer = reader.get(path).expect_status(200).json;
        if let Some(fields) = answer.as_object_mut() {
            fields.retain(|name, _| !name.starts_with("as_of"));
        }
        answers.push(answer);
    }
    answers
}

#[test]
fn kills_at_random_moments_leave_views_that_are_equal_to_the_log() {
    let kills =
        env::var("UNSTUCK_KILLS").map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let seed = env::var("UNSTUCK_SEED").map_or(1, |text| text.parse().expect("a seed is a number"));
    let mut chance = Chance::new(seed);
    let mut site = Site::new();
    let mut lengths = site.lengths();
    // Shown when the test fails.
    eprintln!("UNSTUCK_SEED={seed}, {lengths:?}");

    let (mut verified, mut unverified) = (0, 0);
    let mut halfway: BTreeMap<Moment, usize> = BTreeMap::new();
    for (kill, moment) in TURNS.into_iter().cycle().take(kills).enumerate() {
        if moment == Moment::Building {
            site.remove_views();
        }
        let mut process = site.start();
        let mut telling = None;
        match moment {
            Moment::Building | Moment::GoingOn => {}
            Moment::Rebuilding => {
                serving(&mut process);
                site.ask_to_rebuild().expect("the projection can be asked");
            }
            Moment::Following => {
                serving(&mut process);
                telling = Some(site.tell_more());
            }
        }
        let length = lengths.get_mut(&moment).expect("each moment was measured");
        let pause = chance.within(*length);
        eprintln!("kill {kill}: {moment:?} after {pause:?}");
        thread::sleep(pause);
        process.kill();
        let is_halfway = match moment {
            Moment::Building | Moment::GoingOn => {
                !process.lines().iter().any(|line| line.starts_with("Listening on "))
            }
            Moment::Rebuilding => site.has_two_generations(),
            Moment::Following => telling.as_mut().is_some_and(is_at_work),
        };
        *halfway.entry(moment).or_default() += usize::from(is_halfway);
        // The machine is faster or slower from one minute to the next; some kills come after the end, most before.
        *length = if is_halfway { *length * 11 / 10 } else { *length * 4 / 5 };
        if let Some(telling) = telling {
            ended_well(telling);
        }
        unverified += 1;
        // A kill right at the start has left nothing to look at.
        if unverified >= VERIFY_EVERY && site.views().join("centers").exists() {
            let output = site.district.verify();
            assert!(output.status.success(), "seed {seed}, kill {kill}: {}", said(&output));
            verified += 1;
            unverified = 0;
        }
        site.assert_calm(seed);
    }
    eprintln!("killed halfway: {halfway:?}, verified {verified} times, {lengths:?}");
    assert!(verified >= kills / 10, "verified {verified} times on the way");
    // The kills did fall where they should.
    let halfway = |moment| halfway.get(&moment).copied().unwrap_or_default();
    assert!(halfway(Moment::Building) >= kills / 20, "{} in building", halfway(Moment::Building));
    assert!(
        halfway(Moment::Rebuilding) >= kills / 20,
        "{} in rebuilding",
        halfway(Moment::Rebuilding)
    );

    let mut survivor = site.start();
    let survived = picture(&serving(&mut survivor));
    succeeded(&site.district.verify());
    assert!(survivor.stop().success(), "{}", survivor.story());
    succeeded(&site.district.verify());

    site.remove_views();
    let mut fresh = site.start();
    let built = picture(&serving(&mut fresh));
    for (survived, built) in survived.iter().zip(&built) {
        assert_eq!(survived, built, "seed {seed}");
    }
    assert_eq!(survived.len(), built.len(), "seed {seed}");
    assert!(fresh.stop().success(), "{}", fresh.story());
    site.assert_calm(seed);
}
