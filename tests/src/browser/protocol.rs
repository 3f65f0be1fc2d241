//! The line to Chromium: its DevTools protocol over two pipes, no port and no driver in between.
//!
//! Invariants: whatever the browser says is kept in order, per session, until the page asks for it; a call ends with
//! an answer, an error or the deadline; when the line is cut, everybody who waits is told. The browser ends when the
//! pipe does, so it cannot outlive the test however that ends.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{ChildStdin, ChildStdout};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long one call may take; a page of axe on a busy machine takes a second or two.
const CALL_TIME_MAX: Duration = Duration::from_secs(60);

/// Calls that the reader makes by itself have ids from here on, far beyond those of the tests.
const OWN_CALLS_FROM: u64 = 1 << 40;

/// Something that the browser said without being asked.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) method: String,
    pub(super) params: Value,
}

/// An open line.
#[derive(Debug)]
pub(super) struct Connection {
    shared: Arc<Shared>,
    next_id: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    writer: Mutex<ChildStdin>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<u64, Value>,
    events: HashMap<String, Vec<Event>>,
    is_cut: bool,
}

impl Connection {
    /// Speaks over the two ends of the pipes.
    pub(super) fn new(writer: ChildStdin, reader: ChildStdout) -> Self {
        let shared = Arc::new(Shared {
            writer: Mutex::new(writer),
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let read = Arc::clone(&shared);
        thread::spawn(move || read.listen(reader));
        Self { shared, next_id: AtomicU64::new(1) }
    }

    /// Calls a method and waits for its answer.
    ///
    /// # Errors
    /// What the browser said against it, or that it said nothing.
    pub(super) fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, String> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.shared.send(id, session, method, params)?;
        let answer = self.shared.wait(CALL_TIME_MAX, |state| state.answers.remove(&id));
        let mut answer = answer.map_err(|why| format!("{method}: {why}"))?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].take()),
        }
    }

    /// How many events a session has had so far: a place to look from.
    pub(super) fn mark(&self, session: &str) -> usize {
        lock(&self.shared.state).events.get(session).map_or(0, Vec::len)
    }

    /// The events of a session from a mark on.
    pub(super) fn events_since(&self, session: &str, mark: usize) -> Vec<Event> {
        let state = lock(&self.shared.state);
        state.events.get(session).map_or_else(Vec::new, |events| events[mark..].to_vec())
    }

    /// Waits for an event of a session, from a mark on, in which `look` finds something.
    ///
    /// # Errors
    /// When there is none before the deadline.
    pub(super) fn wait_event<T>(
        &self,
        session: &str,
        mark: usize,
        deadline: Duration,
        look: impl Fn(&Event) -> Option<T>,
    ) -> Result<T, String> {
        self.shared
            .wait(deadline, |state| state.events.get(session)?[mark..].iter().find_map(&look))
    }
}

impl Shared {
    fn send(
        &self,
        id: u64,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<(), String> {
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let mut writer = lock(&self.writer);
        writer.write_all(&bytes).map_err(|error| format!("{method}: the browser is gone: {error}"))
    }

    fn wait<T>(
        &self,
        deadline: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T, String> {
        let until = Instant::now() + deadline;
        let mut state = lock(&self.state);
        loop {
            if let Some(found) = look(&mut state) {
                return Ok(found);
            }
            if state.is_cut {
                return Err("the browser has ended".to_owned());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("nothing within {} s", deadline.as_secs()));
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn listen(&self, reader: ChildStdout) {
        let mut own_id = OWN_CALLS_FROM;
        for message in BufReader::new(reader).split(0).map_while(Result::ok) {
            let Ok(mut message) = serde_json::from_slice::<Value>(&message) else { continue };
            let mut state = lock(&self.state);
            if let Some(id) = message["id"].as_u64() {
                if id < OWN_CALLS_FROM {
                    state.answers.insert(id, message);
                }
            } else {
                let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
                let method = message["method"].as_str().unwrap_or_default().to_owned();
                // A page that asks "leave?" stands still until somebody answers, and a test cannot while it navigates.
                if method == "Page.javascriptDialogOpening" {
                    own_id += 1;
                    let accept = json!({ "accept": true });
                    let method = "Page.handleJavaScriptDialog";
                    // Gone is gone: whoever waits for the page is told.
                    let _ = self.send(own_id, Some(&session), method, accept);
                }
                let event = Event { method, params: message["params"].take() };
                state.events.entry(session).or_default().push(event);
            }
            drop(state);
            self.changed.notify_all();
        }
        lock(&self.state).is_cut = true;
        self.changed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
