//! The live feed of a district, read by one person: when the views had what of which case.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::http::{Caller, Line};

/// Longest wait for something to be seen.
const SEEN_MAX: Duration = Duration::from_secs(30);

/// What was seen, or who waits for it, by event and case.
type Seen = Arc<Mutex<HashMap<(String, String), Sight>>>;

enum Sight {
    Was(Instant),
    AwaitedBy(oneshot::Sender<Instant>),
}

/// A feed that is being read.
pub(crate) struct Feed {
    seen: Seen,
    reader: JoinHandle<anyhow::Result<()>>,
}

impl Feed {
    /// Opens the feed of a person.
    pub(crate) async fn open(person: &Caller) -> anyhow::Result<Self> {
        let mut line = Line::to(person.address).await?;
        line.open(&person.get("/v1/live")).await?;
        let seen = Seen::default();
        let noting = Arc::clone(&seen);
        let reader = tokio::spawn(async move {
            let mut text = Vec::new();
            while line.chunk(&mut text).await? {
                let now = Instant::now();
                while let Some(end) = text.windows(2).position(|two| two == b"\n\n") {
                    note(&noting, std::str::from_utf8(&text[..end])?, now);
                    text.drain(..end + 2);
                }
            }
            Ok(())
        });
        Ok(Self { seen, reader })
    }

    /// Waits until an event of a case is in the feed, and says when it was.
    pub(crate) async fn saw(&self, event: &str, case_id: &str) -> anyhow::Result<Instant> {
        let (awaiting, at) = oneshot::channel();
        let key = (event.to_owned(), case_id.to_owned());
        if let Some(Sight::Was(at)) = held(&self.seen).remove(&key) {
            return Ok(at);
        }
        // Between the two looks it may have come.
        match held(&self.seen).insert(key, Sight::AwaitedBy(awaiting)) {
            Some(Sight::Was(at)) => return Ok(at),
            Some(Sight::AwaitedBy(_)) | None => {}
        }
        let at = tokio::time::timeout(SEEN_MAX, at).await;
        at.with_context(|| format!("no {event} of {case_id} in the feed"))?
            .context("the feed ended")
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn held(seen: &Seen) -> MutexGuard<'_, HashMap<(String, String), Sight>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn note(seen: &Seen, told: &str, now: Instant) {
    let Some(event) = told.lines().find_map(|line| line.strip_prefix("event:")) else { return };
    let case_id = told.split_once("\"case_id\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let Some((case_id, _)) = case_id else { return };
    let key = (event.trim().to_owned(), case_id.to_owned());
    let mut seen = held(seen);
    if let Some(Sight::AwaitedBy(awaiting)) = seen.remove(&key) {
        // Whoever waited may have given up.
        let _ = awaiting.send(now);
    } else {
        seen.insert(key, Sight::Was(now));
    }
}
