//! Who watches over a process: what it says to the supervisor of the system, when it falls silent, and the units that come
//! with it.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use unstuck_tests::binary::{repository, sample_district, unstuck, unstuck_command};
use unstuck_tests::process::{Process, processes_of, signal};

/// A sign of life is due within this time.
const WITHIN: Duration = Duration::from_secs(1);

/// How long anything may take to be heard.
const HEARD_WITHIN: Duration = Duration::from_secs(60);

/// A supervisor as systemd is one: a socket that listens.
struct Supervisor {
    socket: UnixDatagram,
}

impl Supervisor {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        Self { socket }
    }

    /// The next words, if any come within a moment.
    fn words(&self) -> Option<String> {
        let mut words = [0; 4096];
        let length = self.socket.recv(&mut words).ok()?;
        Some(String::from_utf8_lossy(&words[..length]).into_owned())
    }

    #[track_caller]
    fn hears(&self, wanted: &str) -> String {
        let begun = Instant::now();
        while begun.elapsed() < HEARD_WITHIN {
            if let Some(words) = self.words().filter(|words| words.contains(wanted)) {
                return words;
            }
        }
        panic!("{wanted} was never heard");
    }

    /// Waits until no sign of life has come for as long as a supervisor waits, and a bit.
    #[track_caller]
    fn loses_patience(&self) -> Vec<String> {
        let (begun, mut alive, mut others) = (Instant::now(), Instant::now(), Vec::new());
        while alive.elapsed() < WITHIN * 2 {
            assert!(begun.elapsed() < HEARD_WITHIN, "it goes on giving signs of life");
            match self.words() {
                Some(words) if words == "WATCHDOG=1" => alive = Instant::now(),
                words => others.extend(words),
            }
        }
        others
    }
}

fn nats_server_of(folder: &Path) -> u32 {
    let name = |id: &u32| fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
    let mut servers =
        processes_of(folder).into_iter().filter(|id| name(id).trim() == "nats-server");
    servers.next().expect("a nats-server works on the folder")
}

#[test]
fn the_supervisor_hears_that_it_is_ready_and_no_sign_of_life_once_the_bus_hangs() {
    let folder: TempDir =
        tempfile::Builder::new().prefix("unstuck-test-").tempdir().expect("a folder");
    let socket = folder.path().join("notify");
    let supervisor = Supervisor::at(&socket);
    let mut command = unstuck_command();
    command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(folder.path().join("data"));
    command.arg("--district").arg(sample_district());
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", WITHIN.as_micros().to_string());
    let mut process = Process::start(command, &folder.path().join("up.log"));

    let ready = supervisor.hears("READY=1");
    let address = ready.split("STATUS=ready at ").nth(1).expect("it says where").trim();
    let answer = ureq::get(format!("{address}/readyz")).call().expect("it answers when it says so");
    assert_eq!(answer.status(), 200);
    supervisor.hears("WATCHDOG=1");

    let bus = nats_server_of(folder.path());
    signal(bus, "STOP");
    let said = supervisor.loses_patience();
    let stuck = "STATUS=stuck: the bus does not answer";
    assert!(said.iter().any(|words| words == stuck), "{said:?}");
    signal(bus, "CONT");
    supervisor.hears("WATCHDOG=1");
    supervisor.hears("STATUS=ready at ");

    // While it stops, what it has still to say is heard.
    signal(process.id(), "TERM");
    supervisor.hears("STOPPING=1");
    let ended = process.wait_for_end(HEARD_WITHIN);
    assert!(ended.is_some_and(|status| status.success()), "{}", process.story());
}

/// The units, with the program that is tested in the place of the one that they name.
fn units(folder: &Path) -> Vec<std::path::PathBuf> {
    let units = fs::read_dir(repository().join("deploy/systemd")).expect("deploy/systemd");
    let units = units.flatten().map(|entry| entry.path());
    let units = units.filter(|path| path.extension().is_some_and(|end| end == "service"));
    let program = unstuck().to_string_lossy().into_owned();
    let copied = |path: std::path::PathBuf| {
        let text = fs::read_to_string(&path).expect("a unit is text");
        assert!(
            text.contains("/usr/local/bin/unstuck"),
            "{} starts something else",
            path.display()
        );
        let name = path.file_name().expect("a unit has a name").to_string_lossy().into_owned();
        // A template is looked at as one of its instances.
        let copy = folder.join(name.replace("@.", "@intake."));
        fs::write(&copy, text.replace("/usr/local/bin/unstuck", &program)).expect("a copy");
        copy
    };
    units.map(copied).collect()
}

#[test]
fn the_units_are_right_and_shut_in() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!(
            "LEFT OUT: there is no systemd-analyze here, so nobody has looked at deploy/systemd"
        );
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let units = units(folder.path());
    assert_eq!(units.len(), 2, "{units:?}");
    for unit in units {
        let verified = Command::new("systemd-analyze").arg("verify").arg(&unit).output();
        let verified = verified.expect("systemd-analyze runs");
        let said = String::from_utf8_lossy(&verified.stderr).into_owned();
        let name = unit.file_name().expect("a name").to_string_lossy().into_owned();
        // It looks at the units of the machine as well.
        let faults: Vec<_> = said.lines().filter(|line| line.contains(&name)).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        // From 0, shut in, to 10, left alone. A service that says nothing of it has 9.6.
        let shut_in = Command::new("systemd-analyze")
            .args(["security", "--offline=yes", "--threshold=20"])
            .arg(&unit)
            .output()
            .expect("systemd-analyze runs");
        let said = String::from_utf8_lossy(&shut_in.stdout).into_owned();
        assert!(shut_in.status.success(), "{name} is left too open:\n{said}");
    }
}
