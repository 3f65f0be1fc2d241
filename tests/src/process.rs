//! A program under test: its lines, its log, its end.
//!
//! Invariant: no program outlives the value that stands for it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take to stop cleanly.
pub const STOP_TIME_MAX: Duration = Duration::from_secs(30);

/// How many lines of a log a failure shows.
const LOG_LINES_SHOWN: usize = 60;

/// A running program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; its standard error is appended to `log`.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(mut command: Command, log: &Path) -> Self {
        let errors = OpenOptions::new().create(true).append(true).open(log);
        let errors = errors.unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
        let lines = Arc::new(Mutex::new(Vec::new()));
        let output = child.stdout.take().expect("standard output is piped");
        let collected = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                collected.lock().unwrap_or_else(PoisonError::into_inner).push(line);
            }
        });
        Self { child, lines, log: log.to_owned() }
    }

    /// The id of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard output that starts with `prefix`, and gives the rest of it.
    ///
    /// # Panics
    /// When the program ends or `deadline` passes before; shows the log.
    #[track_caller]
    pub fn wait_for_line(&mut self, prefix: &str, deadline: Duration) -> String {
        let started = Instant::now();
        loop {
            let found =
                self.lines().iter().find_map(|line| Some(line.strip_prefix(prefix)?.to_owned()));
            if let Some(rest) = found {
                return rest;
            }
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                panic!("ended with {status} before it said {prefix:?}\n{}", self.story());
            }
            let waited = started.elapsed();
            assert!(waited < deadline, "no line {prefix:?} within {waited:?}\n{}", self.story());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the program has said on standard output so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its standard output and the end of its log, for a failure's message.
    #[must_use]
    pub fn story(&self) -> String {
        format!("stdout:\n{}\nlog:\n{}", self.lines().join("\n"), log_end(&self.log))
    }

    /// Kills it with SIGKILL, in the middle of whatever it does.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to stop with SIGTERM, and waits until it has.
    ///
    /// # Panics
    /// When it does not within [`STOP_TIME_MAX`].
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        signal(self.id(), "TERM");
        self.wait_for_end(STOP_TIME_MAX)
            .unwrap_or_else(|| panic!("did not stop within {STOP_TIME_MAX:?}\n{}", self.story()))
    }

    /// Waits until it has ended; `None` when `deadline` passes before.
    pub fn wait_for_end(&mut self, deadline: Duration) -> Option<ExitStatus> {
        let started = Instant::now();
        while started.elapsed() < deadline {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            signal(self.id(), "CONT");
            signal(self.id(), "TERM");
            if self.wait_for_end(Duration::from_secs(10)).is_none() {
                self.kill();
            }
        }
    }
}

/// Sends a signal (`TERM`, `STOP`, `CONT`, `KILL`) to a process; one that has ended already is no error.
pub fn signal(process_id: u32, name: &str) {
    let _ = Command::new("kill")
        .args([&format!("-{name}"), &process_id.to_string()])
        .stderr(Stdio::null())
        .status();
}

/// The processes whose command line names `folder`. Empty where there is no `/proc`.
#[must_use]
pub fn processes_of(folder: &Path) -> Vec<u32> {
    let needle = folder.to_string_lossy().into_owned();
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id| {
            let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
            *id != std::process::id() && String::from_utf8_lossy(&line).contains(&needle)
        })
        .collect()
}

/// The last lines of a log.
#[must_use]
pub fn log_end(log: &Path) -> String {
    let Ok(file) = File::open(log) else { return String::new() };
    let lines: Vec<String> = BufReader::new(file).lines().map_while(Result::ok).collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
