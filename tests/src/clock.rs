//! A wall clock that a test moves while a program runs: what happens when somebody sets the clock of a machine.
//!
//! The product is run as it is; a small library that is preloaded (`tests/clock/clock.c`) adds to the machine's time what
//! a file says. Invariants: the clock runs at the speed of real time between two moves; programs wait by the monotonic
//! clock, which nobody moves; a nats-server beside the program has the machine's own time.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use runtime::clock::{Clock as _, SystemClock};
use tempfile::TempDir;

use crate::binary::repository;
use crate::district::said;

/// The variable that names the file to the library.
pub const VARIABLE: &str = "UNSTUCKTEST_CLOCK";

/// A clock that can be moved, for any number of programs.
#[derive(Debug)]
pub struct MovedClock {
    folder: TempDir,
    state: File,
}

impl MovedClock {
    /// Makes one that is right. Needs a C compiler.
    ///
    /// # Panics
    /// When the library cannot be compiled.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("unstuck-clock-").tempdir().expect("a folder");
        let mut options = File::options();
        let state = options.create(true).truncate(true).read(true).write(true);
        let state = state.open(folder.path().join("shift")).expect("the folder is writable");
        state.write_all_at(&0_i64.to_ne_bytes(), 0).expect("the file is writable");
        let clock = Self { folder, state };
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(clock.library());
        command.arg(repository().join("tests/clock/clock.c"));
        let output = command.output().expect("there is a C compiler");
        assert!(output.status.success(), "{}", said(&output));
        clock
    }

    /// Lets a command run by this clock.
    pub fn rule(&self, command: &mut Command) {
        command.env("LD_PRELOAD", self.library()).env(VARIABLE, self.state_file());
    }

    /// The library that is preloaded.
    #[must_use]
    pub fn library(&self) -> PathBuf {
        self.folder.path().join("clock.so")
    }

    /// The file that says how far it is from the machine's.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        self.folder.path().join("shift")
    }

    /// Moves it to be so far ahead of the machine's, or behind it.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn is_ahead_by(&self, shift: TimeDelta) {
        let nanoseconds = shift.num_nanoseconds().expect("less than three hundred years");
        // Eight bytes at a place of eight: whoever reads has the old or the new.
        self.state.write_all_at(&nanoseconds.to_ne_bytes(), 0).expect("the file is writable");
    }

    /// How far it is ahead of the machine's.
    ///
    /// # Panics
    /// When the file cannot be read.
    #[must_use]
    pub fn ahead(&self) -> TimeDelta {
        let mut bytes = [0; 8];
        self.state.read_exact_at(&mut bytes, 0).expect("the file is readable");
        TimeDelta::nanoseconds(i64::from_ne_bytes(bytes))
    }

    /// Moves it to a time (RFC 3339).
    ///
    /// # Panics
    /// When this is no time.
    pub fn is(&self, time: &str) {
        let time: DateTime<FixedOffset> =
            DateTime::parse_from_rfc3339(time).unwrap_or_else(|error| panic!("{time}: {error}"));
        self.is_ahead_by(time.with_timezone(&Utc) - SystemClock.now());
    }
}

impl Default for MovedClock {
    fn default() -> Self {
        Self::new()
    }
}
