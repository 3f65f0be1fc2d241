//! A browser under test: a headless Chromium of its own, the pages that people see in it, and what must be true of
//! every page.
//!
//! Invariants: a browser has its own profile in a temporary folder and ends with its value, also when a test panics or
//! is killed; each [`Page`] is a visitor of its own, with own cookies; nothing but loopback can be reached from it; a
//! page waits for conditions, never for a time; when a test fails, each page that it had leaves a picture and its
//! address behind.

mod checks;
mod forms;
mod keyboard;
mod looks;
mod page;
mod paper;
mod protocol;
mod town;
mod walk;

use std::env;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;

pub use checks::Fault;
pub use looks::{LANGUAGES, Language, Looks, SIZES, Size, THEMES, Theme};
pub use page::Page;
pub use paper::Paper;
pub use town::{Account, Town};
pub use walk::Walk;

use crate::process::{processes_of, signal};
use protocol::Connection;

/// What Chromium is started with, beside its profile.
///
/// The sandbox needs user namespaces and another user than root, which containers rarely have; the only pages that are
/// ever opened are the product's own. `/dev/shm` is small in containers.
const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=Translate,OptimizationHints,MediaRouter",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "about:blank",
];

/// The names under which distributions install it.
const PROGRAMS: &[&str] =
    &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A running Chromium.
#[derive(Debug)]
pub struct Browser {
    connection: Arc<Connection>,
    child: Child,
    profile: TempDir,
}

impl Browser {
    /// Starts a headless Chromium.
    ///
    /// # Panics
    /// When there is none, or it does not come up; says what to do.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        let profile = tempfile::Builder::new().prefix("unstuck-browser-").tempdir();
        let profile = profile.expect("a folder for the profile");
        let log = File::create(profile.path().join("chromium.log")).expect("a log");
        // Chromium reads its protocol from the third file and writes it to the fourth: the shell puts the pipes there.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 1>&2 0</dev/null"#])
            .arg(program())
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(FLAGS)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("a shell can be started");
        let writer = child.stdin.take().expect("standard input is piped");
        let reader = child.stdout.take().expect("standard output is piped");
        let browser =
            Self { connection: Arc::new(Connection::new(writer, reader)), child, profile };
        if let Err(why) = browser.connection.call(None, "Browser.getVersion", json!({})) {
            let log = std::fs::read_to_string(browser.profile.path().join("chromium.log"));
            panic!("Chromium does not come up: {why}\n{}", log.unwrap_or_default());
        }
        browser
    }

    /// A page for a visitor who was never here before, at the pages of `origin` (`http://127.0.0.1:…`).
    ///
    /// # Panics
    /// When the browser does not open one.
    #[must_use]
    #[track_caller]
    pub fn page(&self, origin: &str) -> Page {
        Page::open(&self.connection, origin)
    }

    /// The id of its process.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Asked first, so that its own children end before it; an error means that it has ended already.
        let _ = self.connection.call(None, "Browser.close", json!({}));
        let _ = self.child.kill();
        let _ = self.child.wait();
        for process in processes_of(self.profile.path()) {
            signal(process, "KILL");
        }
    }
}

/// Chromium: `UNSTUCK_TEST_CHROMIUM`, else the first one on `PATH`.
#[track_caller]
fn program() -> PathBuf {
    if let Some(path) = env::var_os("UNSTUCK_TEST_CHROMIUM") {
        return path.into();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut candidates =
        PROGRAMS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.find(|candidate| candidate.is_file()).unwrap_or_else(|| {
        panic!(
            "no Chromium on PATH: install the packages chromium, fonts-noto-cjk and poppler-utils (tests/run does, \
             where it may), or name one in UNSTUCK_TEST_CHROMIUM"
        )
    })
}
