//! A week of a district in fast motion: three hosts with a nats-server and `unstuck up` each, three centers, lines that are
//! cut, machines that die, a clock of a host that is wrong; in the end every count is the same everywhere, or the program
//! ends with 1.
//!
//! The clocks of all hosts are set to nine o'clock of each day, and to half past five when it closes; in between they run
//! at the speed of real time, so a day is some seconds of work. Waiting is not made faster: what a promise of days leads to
//! is found when the clock has been set, as after a night. The nats-servers have the machine's own time.

use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use serde_json::{Value, json};
use unstuck_tests::chance::Chance;
use unstuck_tests::cluster::HOSTS;
use unstuck_tests::faults::{FAULTS, Site};
use unstuck_tests::load::Load;
use unstuck_tests::truth::Truth;
use unstuck_tests::wait_until;

/// The centers.
const CENTERS: [&str; 3] = ["jingshan", "donghuashi", "dongsi"];

/// Monday to Sunday, with a published calendar.
const DAYS: [&str; 7] = [
    "2026-03-02",
    "2026-03-03",
    "2026-03-04",
    "2026-03-05",
    "2026-03-06",
    "2026-03-07",
    "2026-03-08",
];

/// How many of them are worked on.
const WORKING_DAYS: usize = 5;

/// Longest time for which something stays broken.
const BROKEN_MAX: Duration = Duration::from_secs(6);

/// What is done.
#[derive(Debug, Clone, Copy)]
struct Plan {
    seed: u64,
    faults_per_day: usize,
}

fn plan() -> Result<Plan, String> {
    let mut plan = Plan { seed: 1, faults_per_day: 2 };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().and_then(|value| value.parse::<u64>().ok());
        match (word.as_str(), value) {
            ("--seed", Some(seed)) => plan.seed = seed,
            ("--faults-per-day", Some(count)) => {
                plan.faults_per_day = usize::try_from(count).unwrap_or(usize::MAX);
            }
            _ => return Err(format!("{word}: there are --seed N and --faults-per-day N")),
        }
    }
    Ok(plan)
}

fn main() -> ExitCode {
    let plan = match plan() {
        Ok(plan) => plan,
        Err(fault) => {
            eprintln!("week: {fault}");
            return ExitCode::from(64);
        }
    };
    // What a person of this week was answered wrongly is told where it happened.
    match catch_unwind(|| week(plan)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Plays the week; whether every count is the same everywhere.
fn week(plan: Plan) -> bool {
    let started = Instant::now();
    let mut chance = Chance::new(plan.seed);
    let site = Site::start(&CENTERS, Some(&format!("{}T08:55:00+08:00", DAYS[0])));
    let may_cut = site.cluster.network();
    if let Err(reason) = may_cut {
        println!("LEFT OUT: cut and slow lines, because no network can be laid here: {reason}");
    }
    println!("seed {}; three hosts are up after {:?}", plan.seed, started.elapsed());
    let truth = Truth::default();
    let load = Load::new(&truth, &CENTERS, &site.doors()).with_tallies();
    let mut reported: BTreeMap<&str, Reported> = BTreeMap::new();
    let mut waiting = Vec::new();
    for (number, day) in DAYS.iter().enumerate() {
        site.is(&format!("{day}T09:00:00+08:00"));
        if number >= WORKING_DAYS {
            println!("{day}: nobody is there");
            continue;
        }
        let before = truth.cases();
        load.during(|| {
            for _ in 0..plan.faults_per_day {
                if waiting.is_empty() {
                    waiting = FAULTS.to_vec();
                    waiting.retain(|fault| may_cut.is_ok() || !fault.needs_network());
                }
                let fault = waiting.swap_remove(chance.below(waiting.len()));
                let host = u8::try_from(chance.below(usize::from(HOSTS)) + 1).unwrap_or(1);
                let time = chance.within(BROKEN_MAX);
                println!("{day}: {fault:?} at host {host} for {time:?}");
                let cases = truth.cases();
                site.breaks(fault, host, time, TimeDelta::hours(1));
                wait_until("people are served", || truth.cases() >= cases + CENTERS.len());
                site.is_mended();
            }
        });
        site.is(&format!("{day}T17:30:00+08:00"));
        for (clerk, center) in &load.clerks {
            let path = format!("/v1/centers/{center}/days/{day}/close");
            let closed = clerk.does(&path, &format!("close-{center}-{day}"), &json!({}));
            reported.entry(*center).or_default().take(&closed.json);
        }
        println!("{day}: {} cases", truth.cases() - before);
    }
    site.is(&format!("{}T20:00:00+08:00", DAYS[DAYS.len() - 1]));
    truth.holds(&site.cluster, &site.houses);
    site.assert_calm();
    let is_equal = told(&site, &truth, &reported);
    println!(
        "{} cases, {} events acknowledged, {:?}: {}",
        truth.cases(),
        truth.events(),
        started.elapsed(),
        if is_equal { "every count is the same everywhere" } else { "COUNTS DIFFER" }
    );
    is_equal
}

/// What the days of a center have reported.
#[derive(Debug, Default, Clone, Copy)]
struct Reported {
    cases: u64,
    consultations: u64,
}

impl Reported {
    fn take(&mut self, closed: &Value) {
        self.cases += closed["cases_opened"].as_u64().unwrap_or_default();
        self.consultations += closed["consultations"].as_u64().unwrap_or_default();
    }
}

/// Prints the table; whether each row is of one number only.
fn told(site: &Site, truth: &Truth, reported: &BTreeMap<&str, Reported>) -> bool {
    let mut is_equal = true;
    println!("\n| center | what | acknowledged | days' reports | host 1 | host 2 | host 3 | |");
    println!("|---|---|---|---|---|---|---|---|");
    let (cases, tallies) = (truth.centers(), truth.tallies());
    for center in CENTERS {
        let reported = reported.get(center).copied().unwrap_or_default();
        let shown = |path: &str, field: &str| {
            let count = |house: &unstuck_tests::cluster::Service| {
                house.api(Some("coordinator")).get(path).json[field].as_u64().unwrap_or_default()
            };
            site.houses.iter().map(count).collect::<Vec<_>>()
        };
        let (first, last) = (DAYS[0], DAYS[DAYS.len() - 1]);
        let of_cases = shown(&format!("/v1/cases?center={center}&limit=1"), "total");
        let of_tallies = shown(
            &format!("/v1/consultations?from={first}&to={last}&center={center}"),
            "consultations",
        );
        let rows = [
            ("cases", cases.get(center), reported.cases, of_cases),
            ("consultations", tallies.get(center), reported.consultations, of_tallies),
        ];
        for (what, acknowledged, reported, shown) in rows {
            let acknowledged = acknowledged.copied().unwrap_or_default();
            let is_same =
                reported == acknowledged && shown.iter().all(|count| *count == acknowledged);
            is_equal &= is_same;
            let shown: Vec<String> = shown.iter().map(ToString::to_string).collect();
            let verdict = if is_same { "equal" } else { "DIFFERENT" };
            println!(
                "| {center} | {what} | {acknowledged} | {reported} | {} | {verdict} |",
                shown.join(" | ")
            );
        }
    }
    println!();
    is_equal
}
