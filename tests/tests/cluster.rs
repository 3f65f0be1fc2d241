//! Three nats-servers, every service twice, each process with the seeds of its own users: what one does two share, and
//! each may be restarted while people work.

use std::path::Path;
use std::time::Duration;

use unstuck_tests::binary::unstuck_command;
use unstuck_tests::bus::Bus;
use unstuck_tests::cluster::{Cluster, HOSTS, Service};
use unstuck_tests::district::Place;
use unstuck_tests::load::{DEPARTMENT, Doors, Load};
use unstuck_tests::process::Process;
use unstuck_tests::truth::Truth;
use unstuck_tests::{wait_for, wait_until};

/// The centers at whose counters people work.
const CENTERS: [&str; 2] = ["jingshan", "donghuashi"];

/// Each service, and the users whose seeds its process needs.
const SERVICES: [(&str, &[&str]); 5] = [
    ("intake", &["intake", "identity", "keys", "provisioner"]),
    ("routing", &["routing", "identity"]),
    ("escalation", &["escalation", "identity"]),
    ("learning", &["learning", "identity", "keys-reader"]),
    ("projection", &["projection", "identity", "keys-reader"]),
];

/// Every service on two hosts.
fn twice(cluster: &Cluster) -> Vec<[Service; 2]> {
    let mut services = Vec::new();
    for (name, users) in SERVICES {
        let both = [1, 2].map(|host| cluster.prepared(host, name, users));
        // Side by side: of the first two both find no streams.
        both.iter().for_each(|one| one.start(cluster));
        if name == "intake" {
            both.iter().for_each(Service::ready);
        }
        services.push(both);
    }
    services.iter().flatten().for_each(Service::ready);
    services
}

fn accounts(cluster: &Cluster) {
    for center in CENTERS {
        cluster.staff(&format!("clerk-{center}"), "clerk", Place::Center(center));
    }
    cluster.staff("handler", "handler", Place::Department(DEPARTMENT));
    cluster.staff("callback", "callback", Place::District);
    cluster.staff("coordinator", "coordinator", Place::District);
}

fn address(service: &Service) -> String {
    service.address.read().expect("nobody panicked with it").clone()
}

/// Nothing that a person would have to look at was logged.
#[track_caller]
fn assert_calm(log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let alarm = text.lines().find(|line| {
        ["a person must look", "panicked", " ERROR "].iter().any(|word| line.contains(word))
    });
    assert_eq!(alarm, None, "{}", log.display());
}

#[test]
fn every_server_and_service_is_restarted_while_people_work_and_nothing_is_lost_or_done_twice() {
    let cluster = Cluster::start();
    let services = twice(&cluster);
    accounts(&cluster);
    let [intake, routing, _, _, projection] = &services[..] else { panic!("five services") };
    let both = |services: &[Service; 2]| services.each_ref().map(address).to_vec();
    let doors =
        Doors { intake: both(intake), routing: both(routing), projection: both(projection) };
    let truth = Truth::default();
    let load = Load::new(&truth, &CENTERS, &doors);
    let goes_on = || {
        let before = truth.cases();
        wait_until("people are served", || truth.cases() >= before + 3);
    };
    load.during(|| {
        goes_on();
        for both in &services {
            for service in both {
                service.stop();
                goes_on();
                service.start(&cluster);
                service.ready();
            }
        }
        for host in 1..=HOSTS {
            cluster.stop_server(host);
            goes_on();
            cluster.start_server(host);
            cluster.is_whole();
        }
        goes_on();
    });
    truth.holds(&cluster, projection);
    eprintln!("{} cases, {} events acknowledged", truth.cases(), truth.events());
    for service in services.iter().flatten() {
        assert_calm(&service.log());
    }
    assert_eq!(cluster.violations(), [""; 0]);
}

#[test]
fn of_two_houses_that_begin_on_an_empty_bus_with_keys_of_their_own_one_goes_on() {
    let bus = Bus::start();
    let folder = tempfile::tempdir().expect("a folder");
    let mut houses = ["one", "other"].map(|name| {
        let mut command = unstuck_command();
        command.args(["up", "--listen", "127.0.0.1:0", "--nats-url", &bus.url(), "--data"]);
        command.arg(folder.path().join(name));
        Process::start(command, &folder.path().join(format!("{name}.log")))
    });
    let ended = wait_for("one of them ends", || {
        houses.iter_mut().find_map(|house| house.wait_for_end(Duration::from_millis(20)))
    });
    assert_eq!(ended.code(), Some(64));
    let [one, other] = houses.each_ref().map(Process::story);
    let refused = "is not the one of this log";
    assert_eq!((one + &other).matches(refused).count(), 1, "{other}");
    wait_until("the other listens", || {
        houses.iter().any(|house| house.lines().iter().any(|line| line.starts_with("Listening")))
    });
}
