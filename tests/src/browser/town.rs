//! The demo district, for visitors: a year of history, and an account of each kind of people.

use std::time::Duration;

use tempfile::TempDir;

use crate::binary::{sample_district, unstuck_command};
use crate::process::{Process, processes_of, signal};

/// How long its start may take: a debug build tells a year in some seconds, on a busy machine in many.
const START_TIME_MAX: Duration = Duration::from_secs(180);

/// Who can sign in.
#[derive(Debug, Clone)]
pub struct Account {
    /// What they type.
    pub username: String,
    /// What they type below.
    pub password: String,
}

/// A running demo district.
#[derive(Debug)]
pub struct Town {
    up: Option<Process>,
    address: String,
    accounts: Vec<Account>,
    folder: TempDir,
}

impl Town {
    /// Starts `unstuck up --demo` on an empty folder, its clock at `clock_start` (RFC 3339).
    ///
    /// # Panics
    /// When it does not come up; shows its log.
    #[must_use]
    #[track_caller]
    pub fn start(clock_start: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("unstuck-town-").tempdir().expect("a folder");
        let mut command = unstuck_command();
        command.args(["up", "--demo", "--listen", "127.0.0.1:0", "--clock-start", clock_start]);
        command.arg("--district").arg(sample_district());
        command.arg("--data").arg(folder.path().join("data"));
        let mut up = Process::start(command, &folder.path().join("up.log"));
        let address = up.wait_for_line("Listening on ", START_TIME_MAX).trim().to_owned();
        let password = up.wait_for_line("Demo accounts (password ", START_TIME_MAX);
        let password = password.trim_end_matches("):").to_owned();
        // The last line of the list.
        up.wait_for_line("  demo-admin ", START_TIME_MAX);
        let usernames = up.lines().into_iter().filter_map(|line| {
            line.split_whitespace()
                .next()
                .filter(|word| word.starts_with("demo-"))
                .map(str::to_owned)
        });
        let accounts =
            usernames.map(|username| Account { username, password: password.clone() }).collect();
        Self { up: Some(up), address, accounts, folder }
    }

    /// The address, `http://…`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Everybody who can sign in.
    #[must_use]
    pub fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// The account of a name without its `demo-`: `clerk-donghuashi`, `handler-hr`, `coordinator`, `admin`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    #[track_caller]
    pub fn account(&self, name: &str) -> &Account {
        let username = format!("demo-{name}");
        let found = self.accounts.iter().find(|account| account.username == username);
        found.unwrap_or_else(|| panic!("no account {username} in {:?}", self.accounts))
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(up) = &self.up
        {
            eprintln!("---- the demo district ----\n{}", up.story());
        }
        drop(self.up.take());
        for process in processes_of(self.folder.path()) {
            signal(process, "KILL");
        }
    }
}
