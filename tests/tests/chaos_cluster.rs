//! Three hosts, each with a nats-server and `unstuck up`, and everything that can break, one after the other in an order
//! that is drawn from a seed, while people work at two counters.
//!
//! `UNSTUCK_SEED` takes another order, `UNSTUCK_FAULTS=200` breaks longer. What needs a network that can be cut is left out,
//! loudly, where the test may not lay one.

use std::env;
use std::time::Instant;

use chrono::TimeDelta;
use unstuck_tests::chance::Chance;
use unstuck_tests::cluster::HOSTS;
use unstuck_tests::faults::{BROKEN_MAX, FAULTS, Site};
use unstuck_tests::load::Load;
use unstuck_tests::truth::Truth;
use unstuck_tests::wait_until;

/// The centers at whose counters people work.
const CENTERS: [&str; 2] = ["jingshan", "donghuashi"];

#[test]
fn whatever_breaks_nothing_acknowledged_is_missing_and_nothing_is_done_twice() {
    let number = |name: &str, usual: u64| {
        env::var(name).map_or(usual, |text| text.parse().expect("a number"))
    };
    let seed = number("UNSTUCK_SEED", 1);
    let faults = number("UNSTUCK_FAULTS", FAULTS.len() as u64);
    let mut chance = Chance::new(seed);
    eprintln!("UNSTUCK_SEED={seed} UNSTUCK_FAULTS={faults}");
    let site = Site::start(&CENTERS, None);
    let may_cut = site.cluster.network();
    if let Err(reason) = may_cut {
        eprintln!("LEFT OUT: cut and slow lines, because no network can be laid here: {reason}");
    }
    let truth = Truth::default();
    let load = Load::new(&truth, &CENTERS, &site.doors());
    let started = Instant::now();
    load.during(|| {
        let mut waiting = Vec::new();
        for number in 0..faults {
            if waiting.is_empty() {
                waiting = FAULTS.to_vec();
                waiting.retain(|fault| may_cut.is_ok() || !fault.needs_network());
            }
            let fault = waiting.swap_remove(chance.below(waiting.len()));
            let host = u8::try_from(chance.below(usize::from(HOSTS)) + 1).expect("a small number");
            let time = chance.within(BROKEN_MAX);
            let days = if chance.below(2) == 0 { 2 } else { -2 };
            let before = truth.cases();
            eprintln!(
                "{:?} {number}: {fault:?} at host {host} for {time:?}, {before} cases",
                started.elapsed()
            );
            site.breaks(fault, host, time, TimeDelta::days(days));
            wait_until(&format!("seed {seed}: people are served after {fault:?}"), || {
                truth.cases() >= before + 2
            });
            site.is_mended();
        }
    });
    eprintln!(
        "{:?} {} cases, {} events acknowledged",
        started.elapsed(),
        truth.cases(),
        truth.events()
    );
    truth.holds(&site.cluster, &site.houses);
    site.assert_calm();
    assert_eq!(site.cluster.violations(), [""; 0]);
}
