//! A center under test: `unstuck center` on a folder of its own, with a line to its district.
//!
//! Invariants: the line leads where the test says, so that it can be cut; nothing that was started on the folder outlives the
//! center, and the bus refuses the product nothing there either.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::api::{Address, Api, PASSWORD};
use crate::binary::{sample_district, unstuck_command};
use crate::district::{District, output_with_input, said};
use crate::process::{Process, log_end, processes_of, signal};

/// How long a start may take.
const START_TIME_MAX: Duration = Duration::from_secs(120);

/// A running center.
#[derive(Debug)]
pub struct Center {
    folder: TempDir,
    id: String,
    clock_start: Mutex<Option<String>>,
    up: Mutex<Option<Process>>,
    address: Address,
}

impl Center {
    /// Enrolls a center, lets it join over an address of the test's, and starts it.
    ///
    /// # Panics
    /// When it is not enrolled or does not come up; shows what was said.
    #[must_use]
    #[track_caller]
    pub fn join(district: &District, id: &str, hub: SocketAddr, clock_start: Option<&str>) -> Self {
        let center = Self::prepared(id, clock_start);
        center.enroll(district, hub);
        center.bring_up(&["--join", &center.join_file().display().to_string()]);
        center
    }

    /// A machine of its own for a center, with nothing on it.
    #[must_use]
    pub fn prepared(id: &str, clock_start: Option<&str>) -> Self {
        Self {
            folder: tempfile::Builder::new().prefix("unstuck-center-").tempdir().expect("a folder"),
            id: id.to_owned(),
            clock_start: Mutex::new(clock_start.map(ToOwned::to_owned)),
            up: Mutex::new(None),
            address: Arc::new(RwLock::new(String::new())),
        }
    }

    /// Has the district write the file with which this machine joins.
    ///
    /// # Panics
    /// When it does not; shows what was said.
    #[track_caller]
    pub fn enroll(&self, district: &District, hub: SocketAddr) {
        self.enroll_at(district, &format!("nats-leaf://{hub}"), &[]);
    }

    /// The same with an address of the test's own, and more arguments.
    ///
    /// # Panics
    /// When it does not; shows what was said.
    #[track_caller]
    pub fn enroll_at(&self, district: &District, hub: &str, more: &[&str]) {
        let out = self.join_file().display().to_string();
        let public = "https://district.example";
        let enroll = ["enroll", "--center", &self.id, "--hub", hub, "--public-url", public];
        let output = district.tool(&[&enroll[..], &["--out", &out], more].concat());
        assert!(output.status.success(), "enroll: {}", said(&output));
    }

    /// The file with which it joins.
    #[must_use]
    pub fn join_file(&self) -> PathBuf {
        self.folder.path().join("join.json")
    }

    /// Starts it with more arguments, after it was stopped or killed.
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[track_caller]
    pub fn bring_up(&self, arguments: &[&str]) {
        let mut command = unstuck_command();
        command.arg("center").arg("--data").arg(self.data());
        command.args(["--listen", "127.0.0.1:0", "--district"]).arg(sample_district());
        let clock = self.clock_start.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(clock) = clock {
            command.args(["--clock-start", &clock]);
        }
        command.args(arguments);
        let mut process = Process::start(command, &self.log_file());
        let address = process.wait_for_line("Listening on ", START_TIME_MAX);
        address
            .trim()
            .clone_into(&mut self.address.write().unwrap_or_else(PoisonError::into_inner));
        *self.up.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }

    /// Sets what its clock says at its next start.
    pub fn set_clock(&self, clock_start: &str) {
        *self.clock_start.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(clock_start.to_owned());
    }

    /// Stops it with SIGTERM.
    ///
    /// # Panics
    /// When it does not stop, or not with success; shows its log.
    #[track_caller]
    pub fn shut_down(&self) {
        if let Some(mut process) = self.up.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let status = process.stop();
            assert!(status.success(), "stopped with {status}\n{}", process.story());
        }
    }

    /// Kills it with SIGKILL, and its nats-server too: the machine lost its power.
    pub fn kill(&self) {
        drop(self.up.lock().unwrap_or_else(PoisonError::into_inner).take());
        for process in processes_of(self.folder.path()) {
            signal(process, "KILL");
        }
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("center.log")
    }

    /// What it has logged so far.
    #[must_use]
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// A clerk with an account of the center's own.
    ///
    /// # Panics
    /// When the account cannot be added; shows what the tool said.
    #[must_use]
    #[track_caller]
    pub fn clerk(&self) -> Api {
        let mut command = unstuck_command();
        command.args(["staff", "add", "--data"]).arg(self.data());
        command.args(["--username", "clerk", "--name", "测试员工", "--role", "clerk"]);
        command.args(["--center", &self.id, "--password-stdin"]);
        let output = output_with_input(command, PASSWORD);
        assert!(output.status.success(), "staff add: {}", said(&output));
        self.person("clerk")
    }

    /// Somebody who has an account here.
    #[must_use]
    pub fn person(&self, username: &str) -> Api {
        Api::new(Arc::clone(&self.address), Some(username))
    }

    /// Somebody from the street.
    #[must_use]
    pub fn anybody(&self) -> Api {
        Api::new(Arc::clone(&self.address), None)
    }

    /// How the center sees its line.
    #[must_use]
    #[track_caller]
    pub fn line(&self, clerk: &Api) -> Value {
        clerk.get("/v1/line").json
    }

    /// Runs a tool of the binary on the folder.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn tool(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = unstuck_command();
        command.args(arguments).arg("--data").arg(self.data());
        command.output().expect("the binary can be started")
    }

    /// Copies the data folder of a center that does not run, as somebody does who images a disk.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn image(&self, to: &Path) {
        let status = std::process::Command::new("cp").arg("-a").arg(self.data()).arg(to).status();
        assert!(status.is_ok_and(|status| status.success()), "the folder can be copied");
    }

    /// Puts an image back in place of the data folder.
    ///
    /// # Panics
    /// When it cannot be copied.
    pub fn put_back(&self, image: &Path) {
        std::fs::remove_dir_all(self.data()).expect("the folder can be removed");
        let status =
            std::process::Command::new("cp").arg("-a").arg(image).arg(self.data()).status();
        assert!(status.is_ok_and(|status| status.success()), "the image can be copied");
    }
}

impl Drop for Center {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("---- end of the center's log ----\n{}", log_end(&self.log_file()));
            return;
        }
        let log = std::fs::read_to_string(self.data().join("bus/nats-server.log"));
        let log = log.unwrap_or_default();
        // That a revoked machine is not let in is no violation of its own bus.
        let is_violation = |line: &&str| line.contains("Violation - Subject");
        let violations: Vec<_> = log.lines().filter(is_violation).collect();
        assert!(violations.is_empty(), "the bus refused the product:\n{}", violations.join("\n"));
    }
}
