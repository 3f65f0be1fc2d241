//! Whether a center may register, and how its line is, as everybody at the center may know.
//!
//! Invariants: what the district said last counts while the line is down, across restarts; a machine that the district has never
//! accepted registers nothing, and neither does one that it refused: what is written there would never arrive.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::TimeDelta;
use desk::enrolled::{CLOCK_OFF_MAX, LineStanding, OfBoth, SILENT_MAX, Trouble};
use desk::{Desk, DeskState};
use proto_events::Timestamp;
use proto_events::ids::CenterId;
use runtime::http::problem::NOT_ACCEPTED;
use runtime::http::{Operation, Problem};
use runtime::identity::Signed;
use runtime::private_files;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file that keeps what the district said last.
const FILE: &str = "line.json";

/// What the district said last, as it stands in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Said {
    /// The enrolment's credential for which it was said; another one begins anew.
    credential: String,
    /// Whether it has ever accepted this machine.
    is_accepted: bool,
    /// Why it does not now.
    trouble: Option<Trouble>,
}

/// How the line is; nothing of it outlives the process.
#[derive(Debug, Clone, Default)]
struct Now {
    heard_at: Option<Timestamp>,
    up_since: Option<Timestamp>,
    clock_ahead_seconds: i64,
    detail: String,
    waiting: u64,
    waiting_since: Option<Timestamp>,
    delivered: OfBoth<u64>,
}

/// Whether a center may register, and how its line is. Shared by the courier and the doors.
#[derive(Debug)]
pub struct Standing {
    center: CenterId,
    file: PathBuf,
    said: RwLock<Said>,
    now: RwLock<Now>,
}

/// How the line of a center is, as the center sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LineAnswer {
    /// The center.
    center: CenterId,
    /// Whether the district is heard.
    line: LineStanding,
    /// Since when without a break.
    up_since: Option<Timestamp>,
    /// When it was last heard, since this process started.
    heard_at: Option<Timestamp>,
    /// Whether cases and questions are registered here.
    registers: bool,
    /// Why not, or why nothing arrives.
    trouble: Option<Trouble>,
    /// The same in a sentence.
    detail: Option<String>,
    /// Facts that are still here.
    waiting: u64,
    /// When the oldest of them was written down.
    waiting_since: Option<Timestamp>,
    /// Up to which version the cases have arrived at the district.
    delivered_version: u64,
    /// By how many seconds the clock here is ahead of the district's; negative: behind.
    clock_ahead_seconds: i64,
    /// Whether that is more than five minutes: what is written here is marked. Set the clock before anybody registers.
    clock_is_off: bool,
}

impl Standing {
    /// Reads what the district said last to this data folder under a credential.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn of(center: CenterId, data: &Path, credential: &str) -> io::Result<Arc<Self>> {
        let file = data.join(FILE);
        let said = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Said::default(),
            Err(error) => return Err(error),
        };
        let said = match said.credential == credential {
            true => said,
            false => Said { credential: credential.to_owned(), ..Said::default() },
        };
        Ok(Arc::new(Self { center, file, said: RwLock::new(said), now: RwLock::default() }))
    }

    /// The district has accepted this machine.
    pub(super) fn accepted(&self) {
        self.say(|said| Said { is_accepted: true, trouble: None, ..said }, String::new());
    }

    /// The district has refused it, or it has found something wrong itself.
    pub(super) fn refused(&self, trouble: Trouble, detail: String) {
        // That it cannot be answered just now says nothing about the machine.
        match trouble {
            Trouble::Busy => self.write(|now| now.detail = detail),
            trouble => self.say(|said| Said { trouble: Some(trouble), ..said }, detail),
        }
    }

    fn say(&self, change: impl FnOnce(Said) -> Said, detail: String) {
        self.write(|now| now.detail = detail);
        let mut said = self.said.write().unwrap_or_else(PoisonError::into_inner);
        let next = change(said.clone());
        if next == *said {
            return;
        }
        if let Some(trouble) = next.trouble {
            tracing::error!(?trouble, "{}", trouble.told());
        }
        let text = serde_json::to_vec_pretty(&next).expect("texts are always JSON");
        if let Err(error) = private_files::write(&self.file, &text) {
            tracing::error!(%error, "what the district says cannot be kept; a restart forgets it");
        }
        *said = next;
    }

    /// The district was heard.
    pub(super) fn heard(&self, at: Timestamp, clock_ahead_seconds: Option<i64>) {
        self.write(|now| {
            let is_unbroken = now.heard_at.is_some_and(|before| at - before <= SILENT_MAX);
            if !is_unbroken {
                now.up_since = Some(at);
            }
            now.heard_at = Some(at);
            now.clock_ahead_seconds = clock_ahead_seconds.unwrap_or(now.clock_ahead_seconds);
        });
    }

    /// What is still here, and up to where everything has arrived.
    pub(super) fn waits(&self, waiting: u64, since: Option<Timestamp>, delivered: OfBoth<u64>) {
        self.write(|now| {
            now.waiting = waiting;
            now.waiting_since = since;
            now.delivered = delivered;
        });
    }

    fn write(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.now.write().unwrap_or_else(PoisonError::into_inner));
    }

    fn said(&self) -> Said {
        self.said.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says why nothing is registered here.
    fn check(&self) -> Result<(), Problem> {
        match self.said() {
            Said { trouble: Some(trouble), .. } => Err(Problem::of(&NOT_ACCEPTED, trouble.told())),
            Said { is_accepted: false, .. } => Err(Problem::of(
                &NOT_ACCEPTED,
                "区里还没有接纳这台机器：首次使用须先连通一次 (the district has not accepted this machine yet; the line is needed once)",
            )),
            _ => Ok(()),
        }
    }

    fn answer(&self, now: Timestamp) -> LineAnswer {
        let said = self.said();
        let state = self.now.read().unwrap_or_else(PoisonError::into_inner).clone();
        let line = match state.heard_at {
            None => LineStanding::Never,
            Some(at) if now - at <= SILENT_MAX => LineStanding::Up,
            Some(_) => LineStanding::Down,
        };
        LineAnswer {
            center: self.center.clone(),
            line,
            up_since: state.up_since.filter(|_| line == LineStanding::Up),
            heard_at: state.heard_at,
            registers: self.check().is_ok(),
            trouble: said.trouble,
            detail: Some(state.detail).filter(|detail| !detail.is_empty()),
            waiting: state.waiting,
            waiting_since: state.waiting_since,
            delivered_version: state.delivered.cases,
            clock_ahead_seconds: state.clock_ahead_seconds,
            clock_is_off: TimeDelta::seconds(state.clock_ahead_seconds).abs() > CLOCK_OFF_MAX,
        }
    }
}

/// Lets nothing be registered while it would not arrive; reading goes on.
pub(crate) async fn guard(
    State(standing): State<Arc<Standing>>,
    request: Request,
    next: Next,
) -> Response {
    // Seeing who somebody is writes nothing that has to arrive.
    let writes = request.method() != Method::GET && !request.uri().path().ends_with("/reveal");
    match standing.check() {
        Err(problem) if writes => problem.into_response(),
        _ => next.run(request).await,
    }
}

/// Where the line is asked for.
const PATH: &str = "/v1/line";

/// The route of the line, at a center.
pub fn routes(desk: &Arc<Desk>, standing: Arc<Standing>) -> Router {
    let handle = move |State(desk): State<Arc<Desk>>, Signed(_): Signed| {
        let standing = Arc::clone(&standing);
        async move { Json(standing.answer(desk.now())) }
    };
    Router::new().route(PATH, get(handle)).with_state(DeskState(Arc::clone(desk)))
}

/// Its document.
#[must_use]
pub fn operation() -> Operation {
    Operation::new(
        Method::GET,
        PATH,
        "intake",
        "Says how the line to the district is (线路), at a center",
    )
    .answers::<LineAnswer>(200)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(data: &Path, credential: &str) -> Arc<Standing> {
        Standing::of("donghuashi".parse().unwrap(), data, credential).unwrap()
    }

    #[test]
    fn a_machine_registers_once_it_was_accepted_and_no_more_once_it_was_refused() {
        let folder = tempfile::tempdir().unwrap();
        let first = standing(folder.path(), "one");
        assert_eq!(first.check().unwrap_err().code, "not_accepted");
        first.accepted();
        assert!(first.check().is_ok());
        // The line is down at the next start: what was said last counts.
        assert!(standing(folder.path(), "one").check().is_ok());
        first.refused(Trouble::Busy, "later".to_owned());
        assert!(first.check().is_ok(), "busy is no refusal");
        first.refused(Trouble::Revoked, String::new());
        assert!(standing(folder.path(), "one").check().unwrap_err().detail.contains("revoked"));
        // Enrolled anew, it has to be accepted anew.
        let again = standing(folder.path(), "two");
        assert!(again.check().unwrap_err().detail.contains("not accepted"));
        again.accepted();
        assert!(again.check().is_ok());
    }
}
