//! A district under test: `unstuck up` on a folder of its own, with the people who work there.
//!
//! Invariants: a district's clock runs from where a test sets it, at the speed of real time; moving it is
//! a restart on the same data, so every step of a story is a restart test too; nothing that was started on
//! the folder outlives the district.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::api::{Address, Api, PASSWORD};
use crate::binary::{sample_district, unstuck_command};
use crate::bus::Bus;
use crate::process::{Process, log_end, processes_of, signal};

/// How long a start may take; the very first one fetches nats-server.
const START_TIME_MAX: Duration = Duration::from_secs(120);

/// Where a person works.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In a center.
    Center(&'a str),
    /// In a department.
    Department(&'a str),
    /// In the district as a whole.
    District,
}

/// A running district.
#[derive(Debug)]
pub struct District {
    folder: TempDir,
    district_file: PathBuf,
    bus_url: Option<String>,
    clock_start: Mutex<Option<String>>,
    log_filter: Mutex<Option<&'static str>>,
    /// Where centers with a server of their own connect.
    leaf_listen: Option<SocketAddr>,
    leaf_tls: Option<(PathBuf, PathBuf)>,
    up: Mutex<Option<Process>>,
    address: Address,
    /// Whether the test has said on the bus what nobody may say.
    has_violated: AtomicBool,
}

impl District {
    /// Starts the sample district on an empty folder, its clock at `clock_start` (RFC 3339).
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[must_use]
    #[track_caller]
    pub fn start(clock_start: Option<&str>) -> Self {
        Self::start_with(&sample_district(), clock_start, None)
    }

    /// Starts a district of its own file on an empty folder, its clock at `clock_start` (RFC 3339). The file is
    /// read again at every start.
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[must_use]
    #[track_caller]
    pub fn start_from(district_file: &Path, clock_start: Option<&str>) -> Self {
        Self::start_with(district_file, clock_start, None)
    }

    /// Starts the sample district on an empty folder with a bus of the test's own.
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[must_use]
    #[track_caller]
    pub fn start_on(bus: &Bus) -> Self {
        Self::start_with(&sample_district(), None, Some(bus.url()))
    }

    #[track_caller]
    fn start_with(
        district_file: &Path,
        clock_start: Option<&str>,
        bus_url: Option<String>,
    ) -> Self {
        Self::start_as(district_file, clock_start, bus_url, None, None)
    }

    /// Starts the sample district on an empty folder, its clock at `clock_start`, for centers with a server of their own.
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[must_use]
    #[track_caller]
    pub fn start_for_centers(clock_start: Option<&str>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let leaf_listen = Some(free.expect("a free port"));
        Self::start_as(&sample_district(), clock_start, None, leaf_listen, None)
    }

    /// The same, over TLS with a certificate and its key (PEM).
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[must_use]
    #[track_caller]
    pub fn start_for_centers_over_tls(certificate: &Path, key: &Path) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let leaf_listen = Some(free.expect("a free port"));
        let tls = Some((certificate.to_owned(), key.to_owned()));
        Self::start_as(&sample_district(), None, None, leaf_listen, tls)
    }

    /// Where the managed bus is.
    ///
    /// # Panics
    /// When it does not say so.
    #[must_use]
    pub fn bus_url(&self) -> String {
        let address =
            std::fs::read(self.data().join("bus.json")).expect("the bus says where it is");
        let address: Value = serde_json::from_slice(&address).expect("JSON");
        format!("nats://127.0.0.1:{}", address["port"])
    }

    /// Where centers connect.
    ///
    /// # Panics
    /// When they cannot.
    #[must_use]
    pub fn leaf_address(&self) -> SocketAddr {
        self.leaf_listen.expect("the district was started for centers")
    }

    #[track_caller]
    fn start_as(
        district_file: &Path,
        clock_start: Option<&str>,
        bus_url: Option<String>,
        leaf_listen: Option<SocketAddr>,
        leaf_tls: Option<(PathBuf, PathBuf)>,
    ) -> Self {
        let district = Self {
            leaf_listen,
            leaf_tls,
            district_file: district_file.to_owned(),
            folder: tempfile::Builder::new().prefix("unstuck-test-").tempdir().expect("a folder"),
            bus_url,
            clock_start: Mutex::new(clock_start.map(ToOwned::to_owned)),
            log_filter: Mutex::new(None),
            up: Mutex::new(None),
            address: Arc::new(RwLock::new(String::new())),
            has_violated: AtomicBool::new(false),
        };
        district.bring_up();
        district
    }

    /// Starts `unstuck up` on the folder, after it was stopped or killed.
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[track_caller]
    pub fn bring_up(&self) {
        let mut command = unstuck_command();
        command.arg("up").arg("--data").arg(self.data());
        command.args(["--listen", "127.0.0.1:0", "--district"]).arg(&self.district_file);
        if let Some(url) = &self.bus_url {
            command.args(["--nats-url", url]);
        }
        if let Some(address) = self.leaf_listen {
            command.args(["--leaf-listen", &address.to_string()]);
        }
        if let Some((certificate, key)) = &self.leaf_tls {
            command.arg("--leaf-certificate").arg(certificate).arg("--leaf-key").arg(key);
        }
        if let Some(start) = lock(&self.clock_start).as_deref() {
            command.args(["--clock-start", start]);
        }
        if let Some(filter) = *lock(&self.log_filter) {
            command.env("UNSTUCK_LOG", filter);
        }
        let mut process = Process::start(command, &self.log_file());
        let address = process.wait_for_line("Listening on ", START_TIME_MAX);
        assert!(address.starts_with("http://127.0.0.1:"), "listens on {address}");
        *self.address.write().unwrap_or_else(PoisonError::into_inner) = address.trim().to_owned();
        *lock(&self.up) = Some(process);
    }

    /// Moves the clock: stops the district cleanly and starts it again at `clock_start` on the same data.
    ///
    /// # Panics
    /// When it does not stop cleanly or does not come up; shows its log.
    #[track_caller]
    pub fn at(&self, clock_start: &str) {
        self.shut_down();
        *lock(&self.clock_start) = Some(clock_start.to_owned());
        self.bring_up();
    }

    /// Has everything logged that a filter such as `trace` names: restarts the district on the same data.
    ///
    /// # Panics
    /// When it does not stop cleanly or does not come up; shows its log.
    #[track_caller]
    pub fn log(&self, filter: &'static str) {
        self.shut_down();
        *lock(&self.log_filter) = Some(filter);
        self.bring_up();
    }

    /// Stops the district with SIGTERM.
    ///
    /// # Panics
    /// When it does not stop, or not with success; shows its log.
    #[track_caller]
    pub fn shut_down(&self) {
        if let Some(mut process) = lock(&self.up).take() {
            let status = process.stop();
            assert!(status.success(), "stopped with {status}\n{}", process.story());
        }
    }

    /// Kills `unstuck up` with SIGKILL, in the middle of whatever it does.
    pub fn kill(&self) {
        if let Some(mut process) = lock(&self.up).take() {
            process.kill();
        }
    }

    /// The address, `http://…`; another one after every start.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The id of the process of `unstuck up`.
    ///
    /// # Panics
    /// When it does not run.
    #[must_use]
    #[track_caller]
    pub fn process_id(&self) -> u32 {
        lock(&self.up).as_ref().expect("`unstuck up` runs").id()
    }

    /// The rest of a line that `unstuck up` says on standard output and that begins with `prefix`; waits for it.
    ///
    /// # Panics
    /// When it does not say so; shows its log.
    #[must_use]
    #[track_caller]
    pub fn line(&self, prefix: &str) -> String {
        let mut up = lock(&self.up);
        up.as_mut().expect("`unstuck up` runs").wait_for_line(prefix, START_TIME_MAX)
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The processes that work on the data folder.
    #[must_use]
    pub fn processes(&self) -> Vec<u32> {
        processes_of(self.folder.path())
    }

    /// How many nats-servers work on the data folder; the shells that watch over one do not count.
    #[must_use]
    pub fn nats_servers(&self) -> usize {
        let name =
            |id: &u32| std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
        self.processes().iter().filter(|id| name(id).trim() == "nats-server").count()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("up.log")
    }

    /// What the district has logged so far.
    #[must_use]
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// Somebody from the street, who has no account.
    #[must_use]
    pub fn anybody(&self) -> Api {
        Api::new(Arc::clone(&self.address), None)
    }

    /// Somebody whose account exists already.
    #[must_use]
    pub fn person(&self, username: &str) -> Api {
        Api::new(Arc::clone(&self.address), Some(username))
    }

    /// Adds an account while the district runs, and gives its person.
    ///
    /// # Panics
    /// When the account cannot be added; shows what the tool said.
    #[must_use]
    #[track_caller]
    pub fn staff(&self, username: &str, role: &str, place: Place<'_>) -> Api {
        let mut command = unstuck_command();
        command.args(["staff", "add"]);
        self.name_bus(&mut command);
        command.args(["--username", username, "--name", "测试员工", "--role", role]);
        match place {
            Place::Center(center) => command.args(["--center", center]),
            Place::Department(department) => command.args(["--department", department]),
            Place::District => &mut command,
        };
        command.arg("--password-stdin");
        let output = output_with_input(command, PASSWORD);
        assert!(output.status.success(), "staff add {username}: {}", said(&output));
        self.person(username)
    }

    /// A clerk of a center.
    #[must_use]
    #[track_caller]
    pub fn clerk(&self, center: &str) -> Api {
        self.staff(&format!("clerk-{center}"), "clerk", Place::Center(center))
    }

    /// A handler of a department.
    #[must_use]
    #[track_caller]
    pub fn handler(&self, department: &str) -> Api {
        self.staff(&format!("handler-{department}"), "handler", Place::Department(department))
    }

    /// The lead of a department.
    #[must_use]
    #[track_caller]
    pub fn lead(&self, department: &str) -> Api {
        self.staff(&format!("lead-{department}"), "department_lead", Place::Department(department))
    }

    /// The district's coordinator.
    #[must_use]
    #[track_caller]
    pub fn coordinator(&self) -> Api {
        self.staff("coordinator", "coordinator", Place::District)
    }

    /// The callback officer.
    #[must_use]
    #[track_caller]
    pub fn callback_officer(&self) -> Api {
        self.staff("callback", "callback", Place::District)
    }

    /// Runs `unstuck verify` on the folder.
    #[must_use]
    pub fn verify(&self) -> Output {
        self.tool(&["verify"])
    }

    /// Runs a tool of the binary on the folder.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn tool(&self, arguments: &[&str]) -> Output {
        let mut command = unstuck_command();
        command.args(arguments).arg("--data").arg(self.data());
        if let Some(url) = &self.bus_url {
            command.args(["--nats-url", url]);
        }
        command.output().expect("the binary can be started")
    }

    /// The sum of a metric over its labels; zero when it is not there.
    #[must_use]
    #[track_caller]
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.anybody().get("/metrics").text;
        let of_line = |line: &str| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with([' ', '{']).then(|| rest.rsplit_once(' ')?.1.parse::<f64>().ok())?
        };
        text.lines().filter_map(of_line).sum()
    }

    /// The public status page of a receipt, as somebody from the street sees it.
    #[must_use]
    #[track_caller]
    pub fn receipt(&self, code: &str) -> Value {
        self.anybody().get(format!("/v1/receipts/{code}")).json
    }

    /// Says that the test itself has tried on the bus what is forbidden. Else a district that ends looks for it: no part
    /// of the product may try what its user has no right to.
    pub fn expects_violations(&self) {
        self.has_violated.store(true, Ordering::Relaxed);
    }

    /// What the managed bus has refused to the product.
    fn violations(&self) -> Vec<String> {
        let log = std::fs::read_to_string(self.data().join("bus/nats-server.log"));
        let log = log.unwrap_or_default();
        log.lines().filter(|line| line.contains("Violation")).map(ToOwned::to_owned).collect()
    }

    fn name_bus(&self, command: &mut Command) {
        match &self.bus_url {
            Some(url) => command.args(["--nats-url", url]),
            None => command.arg("--data").arg(self.data()),
        };
    }
}

impl Drop for District {
    fn drop(&mut self) {
        drop(lock(&self.up).take());
        for process in self.processes() {
            signal(process, "KILL");
        }
        if std::thread::panicking() {
            eprintln!("---- end of the district's log ----\n{}", log_end(&self.log_file()));
        } else if !self.has_violated.load(Ordering::Relaxed) {
            let violations = self.violations();
            assert!(
                violations.is_empty(),
                "the bus refused the product:\n{}",
                violations.join("\n")
            );
        }
    }
}

/// Runs a command with text on its standard input.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn output_with_input(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary can be started");
    let mut line = child.stdin.take().expect("standard input is piped");
    // A program that has ended before it read says why in its output.
    let _ = writeln!(line, "{input}");
    drop(line);
    child.wait_with_output().expect("a child can be waited for")
}

/// Everything that a tool has said, for a failure's message.
#[must_use]
pub fn said(output: &Output) -> String {
    format!(
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Copies a file into a folder with some of its text replaced.
///
/// # Panics
/// When the file cannot be read or written, or does not have the text.
#[track_caller]
pub fn spoilt_copy(file: &Path, folder: &Path, replacements: &[(&str, &str)]) -> PathBuf {
    let mut text = std::fs::read_to_string(file).expect("the file can be read");
    for (from, to) in replacements {
        assert!(text.contains(from), "{} has no {from:?}", file.display());
        text = text.replacen(from, to, 1);
    }
    let copy = folder.join(file.file_name().expect("a file has a name"));
    std::fs::write(&copy, text).expect("the copy can be written");
    copy
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
