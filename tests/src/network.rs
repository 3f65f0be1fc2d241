//! Hosts of their own on one machine: network namespaces on one bridge, whose cables can be pulled.
//!
//! Invariants: a network is there only where the test may make one (root, `ip` of iproute2); who may not says so with the
//! reason, and nothing pretends to be cut; namespaces end with their test, and those of a test that was killed with the
//! next one that makes some.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::signal;

/// What the names of our namespaces begin with; the id of the test's process follows.
const PREFIX: &str = "unstuck-";

/// Hosts that hear each other, and the test on a bridge between them.
#[derive(Debug)]
pub struct Network {
    id: u32,
    hosts: u8,
}

impl Network {
    /// Lays a network of so many hosts.
    ///
    /// # Errors
    /// Why this test may not: it is said to people.
    pub fn lay(hosts: u8) -> Result<Self, String> {
        // Whoever may not make a namespace hears it from the first command.
        sweep();
        let network = Self { id: std::process::id(), hosts };
        network.bridge()?;
        for host in 1..=hosts {
            network.host(host)?;
        }
        Ok(network)
    }

    /// The address of a host, from 1 on.
    #[must_use]
    pub fn address(&self, host: u8) -> Ipv4Addr {
        let [low, high, ..] = self.id.to_le_bytes();
        // The block for measuring networks (RFC 2544): it is nobody's.
        Ipv4Addr::new(198, 18 + (high & 1), low, host)
    }

    /// The namespace of a host.
    #[must_use]
    pub fn namespace(&self, host: u8) -> String {
        format!("{PREFIX}{}-{host}", self.id)
    }

    /// A command that runs on a host.
    #[must_use]
    pub fn on(&self, host: u8, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(host)]).arg(program);
        command
    }

    /// Pulls the cable of a host: nothing comes in or goes out, and nobody is told.
    ///
    /// # Panics
    /// When it cannot be pulled.
    pub fn pull(&self, host: u8) {
        ip(&["link", "set", &self.cable(host), "down"]).expect("a cable can be pulled");
    }

    /// Puts it back.
    ///
    /// # Panics
    /// When it cannot be.
    pub fn plug(&self, host: u8) {
        ip(&["link", "set", &self.cable(host), "up"]).expect("a cable can be put back");
    }

    /// Cuts two hosts off from each other; others hear both.
    ///
    /// # Panics
    /// When they cannot be.
    pub fn part(&self, one: u8, other: u8) {
        for (here, there) in [(one, other), (other, one)] {
            let there = self.address(there).to_string();
            ip(&["-n", &self.namespace(here), "route", "add", "blackhole", &there])
                .expect("a route can be closed");
        }
    }

    /// Lets them hear each other again.
    ///
    /// # Panics
    /// When they cannot.
    pub fn join(&self, one: u8, other: u8) {
        for (here, there) in [(one, other), (other, one)] {
            let there = self.address(there).to_string();
            ip(&["-n", &self.namespace(here), "route", "del", "blackhole", &there])
                .expect("a route can be opened");
        }
    }

    /// Makes the cable of a host carry at most so many kilobits a second, in each direction; `None`: as fast as it goes.
    ///
    /// # Panics
    /// When the system cannot.
    pub fn slow(&self, host: u8, kilobits_per_second: Option<u32>) {
        let (namespace, cable) = (self.namespace(host), self.cable(host));
        let ends: [&[&str]; 2] = [
            &["qdisc", "replace", "dev", &cable],
            &["-n", &namespace, "qdisc", "replace", "dev", "eth0"],
        ];
        for end in ends {
            let rate = kilobits_per_second.map(|rate| format!("{rate}kbit"));
            let mut words = end.to_vec();
            match &rate {
                Some(rate) => {
                    words.extend(["root", "tbf", "rate", rate, "burst", "10kb", "latency", "400ms"])
                }
                None => words.extend(["root", "pfifo"]),
            }
            run("tc", &words).expect("a cable can be slow");
        }
    }

    fn bridge_name(&self) -> String {
        format!("us{}b", self.id)
    }

    fn cable(&self, host: u8) -> String {
        format!("us{}h{host}", self.id)
    }

    fn bridge(&self) -> Result<(), String> {
        let bridge = self.bridge_name();
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&["addr", "add", &format!("{}/24", self.address(254)), "dev", &bridge])?;
        ip(&["link", "set", &bridge, "up"])
    }

    fn host(&self, host: u8) -> Result<(), String> {
        let (namespace, cable) = (self.namespace(host), self.cable(host));
        ip(&["netns", "add", &namespace])?;
        ip(&["link", "add", &cable, "type", "veth", "peer", "name", "eth0", "netns", &namespace])?;
        ip(&["link", "set", &cable, "master", &self.bridge_name(), "up"])?;
        let inside = |words: &[&str]| ip(&[&["-n", namespace.as_str()], words].concat());
        inside(&["addr", "add", &format!("{}/24", self.address(host)), "dev", "eth0"])?;
        inside(&["link", "set", "eth0", "up"])?;
        inside(&["link", "set", "lo", "up"])
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for host in 1..=self.hosts {
            // What could not be made cannot be removed either.
            let _ = remove(&self.namespace(host));
        }
        let _ = ip(&["link", "del", &self.bridge_name()]);
    }
}

/// Removes what tests have left that were killed.
fn sweep() {
    let list = Command::new("ip").args(["netns", "list"]).output();
    let list = list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    for name in list.unwrap_or_default().lines().filter_map(|line| line.split(' ').next()) {
        let id = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if let Some(id) = id.filter(|id| !Path::new("/proc").join(id).exists()) {
            let _ = remove(name);
            let _ = ip(&["link", "del", &format!("us{id}b")]);
        }
    }
}

/// Ends what runs in a namespace, and the namespace.
fn remove(namespace: &str) -> Result<(), String> {
    let inside = Command::new("ip").args(["netns", "pids", namespace]).output();
    let inside = inside.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    for process in inside.unwrap_or_default().lines().filter_map(|line| line.parse().ok()) {
        signal(process, "KILL");
    }
    ip(&["netns", "del", namespace])
}

fn ip(words: &[&str]) -> Result<(), String> {
    run("ip", words)
}

fn run(program: &str, words: &[&str]) -> Result<(), String> {
    let said = |problem: &str| format!("{program} {}: {problem}", words.join(" "));
    let mut command = Command::new(program);
    let output = command.args(words).stdin(Stdio::null()).output();
    let output = output.map_err(|error| said(&error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(said(String::from_utf8_lossy(&output.stderr).trim())),
    }
}
