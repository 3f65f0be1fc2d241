//! What can break in a district of three hosts, broken and mended.
//!
//! Invariants: what was broken is mended when [`Site::breaks`] ends; a fault of the network is never pretended
//! ([`Fault::needs_network`]).

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::TimeDelta;

use crate::clock::MovedClock;
use crate::cluster::{Cluster, HOSTS, Service};
use crate::district::Place;
use crate::load::{DEPARTMENT, Doors};
use crate::network::Network;

/// Longest time for which something stays broken: as long as an election (two to four seconds) now and then.
pub const BROKEN_MAX: Duration = Duration::from_secs(3);

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `unstuck up` is killed.
    KillHouse,
    /// It stands still, and goes on.
    FreezeHouse,
    /// The nats-server is killed, and comes back with its store.
    KillServer,
    /// It stands still, and goes on.
    FreezeServer,
    /// It comes back without its store.
    LoseReplica,
    /// The clock of a host jumps two days ahead, or back.
    JumpClock,
    /// What reactions have answered for is forgotten: they are told everything again, while new events come.
    TellAgain,
    /// The cable of a host is pulled.
    PullCable,
    /// Two hosts do not hear each other; the third hears both.
    Part,
    /// The line of a host becomes slow.
    SlowLine,
}

/// Each at least once in a run of so many.
pub const FAULTS: [Fault; 10] = [
    Fault::KillHouse,
    Fault::FreezeHouse,
    Fault::KillServer,
    Fault::FreezeServer,
    Fault::LoseReplica,
    Fault::JumpClock,
    Fault::TellAgain,
    Fault::PullCable,
    Fault::Part,
    Fault::SlowLine,
];

impl Fault {
    /// Whether it is one of the network.
    #[must_use]
    pub const fn needs_network(self) -> bool {
        matches!(self, Self::PullCable | Self::Part | Self::SlowLine)
    }
}

/// A district on three hosts, each with a nats-server and `unstuck up`.
#[derive(Debug)]
pub struct Site {
    /// The hosts and their nats-servers.
    pub cluster: Cluster,
    clocks: Vec<Arc<MovedClock>>,
    /// `unstuck up` on each host.
    pub houses: Vec<Service>,
}

impl Site {
    /// Starts it, with a clerk at each of these centers, a handler, a callback officer and a coordinator.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start(centers: &[&str], time: Option<&str>) -> Self {
        let cluster = Cluster::start();
        let clocks: Vec<_> = (1..=HOSTS).map(|_| Arc::new(MovedClock::new())).collect();
        if let Some(time) = time {
            clocks.iter().for_each(|clock| clock.is(time));
        }
        let houses: Vec<_> = (1..=HOSTS)
            .zip(&clocks)
            .map(|(host, clock)| cluster.prepared(host, "up", &[]).by_clock(clock))
            .collect();
        houses.iter().for_each(|house| house.start(&cluster));
        houses.iter().for_each(Service::ready);
        for center in centers {
            cluster.staff(&format!("clerk-{center}"), "clerk", Place::Center(center));
        }
        cluster.staff("handler", "handler", Place::Department(DEPARTMENT));
        cluster.staff("callback", "callback", Place::District);
        cluster.staff("coordinator", "coordinator", Place::District);
        Self { cluster, clocks, houses }
    }

    /// The doors of all three.
    #[must_use]
    pub fn doors(&self) -> Doors {
        let address = |house: &Service| house.address.read().expect("nobody panicked").clone();
        Doors::to_all(&self.houses.iter().map(address).collect::<Vec<_>>())
    }

    fn house(&self, host: u8) -> &Service {
        &self.houses[usize::from(host - 1)]
    }

    fn network(&self) -> &Network {
        self.cluster.network().expect("faults that need one are left out without")
    }

    /// It becomes this time (RFC 3339) on every host.
    pub fn is(&self, time: &str) {
        self.clocks.iter().for_each(|clock| clock.is(time));
    }

    /// Breaks something on a host for some time, and mends it.
    ///
    /// # Panics
    /// When it cannot be broken or mended.
    pub fn breaks(&self, fault: Fault, host: u8, time: Duration, jump: TimeDelta) {
        let (cluster, house) = (&self.cluster, self.house(host));
        match fault {
            Fault::KillHouse => {
                house.kill();
                thread::sleep(time);
                house.start(cluster);
            }
            Fault::FreezeHouse => {
                house.signal("STOP");
                thread::sleep(time);
                house.signal("CONT");
            }
            Fault::KillServer => {
                cluster.kill_server(host);
                thread::sleep(time);
                cluster.start_server(host);
            }
            Fault::FreezeServer => {
                cluster.signal_server(host, "STOP");
                thread::sleep(time);
                cluster.signal_server(host, "CONT");
            }
            Fault::LoseReplica => {
                cluster.kill_server(host);
                std::fs::remove_dir_all(cluster.store(host)).expect("the store can be removed");
                thread::sleep(time);
                cluster.start_server(host);
            }
            Fault::JumpClock => {
                let clock = &self.clocks[usize::from(host - 1)];
                let before = clock.ahead();
                clock.is_ahead_by(before + jump);
                thread::sleep(time);
                clock.is_ahead_by(before);
            }
            Fault::TellAgain => self.tell_again(),
            Fault::PullCable => {
                self.network().pull(host);
                thread::sleep(time);
                self.network().plug(host);
            }
            Fault::Part => {
                let other = host % HOSTS + 1;
                self.network().part(host, other);
                thread::sleep(time);
                self.network().join(host, other);
            }
            Fault::SlowLine => {
                self.network().slow(host, Some(200));
                thread::sleep(time);
                self.network().slow(host, None);
            }
        }
    }

    /// Removes what the bus remembers of the reactions: they begin with the first event again.
    fn tell_again(&self) {
        let names = self.cluster.ask("$JS.API.CONSUMER.NAMES.CASES").expect("the bus answers");
        let names = names["consumers"].as_array().cloned().unwrap_or_default();
        let mut told = 0;
        for name in names.iter().filter_map(|name| name.as_str()) {
            if !name.starts_with("follow-") {
                let subject = format!("$JS.API.CONSUMER.DELETE.CASES.{name}");
                let _ = self.cluster.ask(&subject).expect("the bus answers");
                told += 1;
            }
        }
        assert!(told >= 3, "the reactions are not where they were: {names:?}");
    }

    /// Every server has every event, and every house is ready.
    #[track_caller]
    pub fn is_mended(&self) {
        self.cluster.is_whole();
        self.houses.iter().for_each(Service::becomes_ready);
    }

    /// Nothing that a person would have to look at was logged or counted.
    ///
    /// # Panics
    /// When there is.
    #[track_caller]
    pub fn assert_calm(&self) {
        for house in &self.houses {
            let log = house.logged();
            let alarm = log.lines().find(|line| {
                ["a person must look", "panicked", "changed the log"]
                    .iter()
                    .any(|word| line.contains(word))
            });
            assert_eq!(alarm, None, "host {}", house.host());
            let metrics = house.api(None).get("/metrics").text;
            let violated = metrics.lines().find(|line| {
                line.starts_with("unstuck_invariant_violations_total")
                    && !line.trim_end().ends_with(" 0")
            });
            assert_eq!(violated, None, "host {}", house.host());
        }
    }
}
