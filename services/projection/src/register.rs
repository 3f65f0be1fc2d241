//! The register (登记簿) as a file: the cases that somebody may open, filtered as the list is, one row each, the oldest
//! first.
//!
//! Invariants: who exports, what and how many rows stands in the audit before the first byte leaves; the file misses
//! nothing that was acknowledged when it was asked for; it has exactly those rows, or it breaks off and whoever reads it
//! notices; personal data leaves masked. Memory holds one page of cases, `PIECES_AHEAD` pieces of the file, and 16 bytes
//! for each row to come: it does not grow with the file.

mod csv;
mod improvements;
mod making;
pub mod remote;
#[cfg(test)]
mod tests;
mod xlsx;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use casework::command::Actor;
use casework::register::Lang;
use desk::Desk;
use desk::service::ServiceTask;
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::ids::CenterId;
use runtime::audit::AuditLine;
use runtime::http::Problem;
use runtime::vault::KeyRing;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use self::improvements::Improvements;
use self::making::{Making, Out};
use crate::core::{Core, ProjectionError, blocking};
use crate::index::{Filter, Sort};

/// Pieces of the file that wait for a slow reader.
const PIECES_AHEAD: usize = 2;

/// Exports under way at once: each reads the store and opens keys as fast as it can.
const EXPORTS_MAX: usize = 4;

/// How long an export waits for the view to come to where the stream ended when it was asked for.
const VIEW_WAIT_MAX: Duration = Duration::from_secs(10);

/// Who the audit names for what was done on the command line.
const COMMAND_LINE: &str = "command-line";

/// What kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Comma-separated values.
    Csv,
    /// A workbook.
    Xlsx,
}

impl FileKind {
    /// The ending of its name.
    #[must_use]
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

/// What somebody at the command line asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// What kind of file.
    pub kind: FileKind,
    /// The filter and the language, as the query string of `GET /v1/register.csv` has them.
    pub query: String,
}

/// Why a tool could not get the register.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The view could not be opened.
    #[error("the view could not be opened")]
    View(#[from] ProjectionError),
    /// The projection is not in order.
    #[error("the view stopped, and a person must look: {0}")]
    Incident(String),
    /// The request was refused.
    #[error("{0}")]
    Refused(String),
    /// The bus did not carry it.
    #[error("the running projection could not be asked")]
    Bus(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It broke off.
    #[error("the export broke off; the log says why")]
    BrokeOff,
    /// What came could not be written.
    #[error("the file could not be written")]
    Write(#[from] io::Error),
}

/// What is exported.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) kind: FileKind,
    pub(crate) lang: Lang,
    pub(crate) filter: Filter,
    /// The filter as it was asked for; no personal data.
    pub(crate) told: String,
}

/// Who exports.
#[derive(Debug)]
pub(crate) struct Exporter {
    pub(crate) actor: Actor,
    /// Whose audit the line belongs to.
    pub(crate) center: Option<CenterId>,
}

impl Exporter {
    /// Whoever has the data folder or the bus may read all of it; here as everywhere, masked.
    pub(crate) fn operator() -> Self {
        let actor = Actor {
            username: COMMAND_LINE.to_owned(),
            role: Role::System,
            center: None,
            department: None,
        };
        Self { actor, center: None }
    }
}

/// Exports the register of a view.
#[derive(Debug, Clone)]
pub(crate) struct Register {
    core: Arc<Core>,
    desk: Arc<Desk>,
    keys: Arc<KeyRing>,
    slots: Arc<Semaphore>,
}

/// An export that has begun.
#[derive(Debug)]
pub(crate) struct Export {
    /// How many rows it has besides the head.
    pub(crate) rows: usize,
    /// Of when it is.
    pub(crate) at: Timestamp,
    /// The file.
    pub(crate) pieces: Pieces,
}

/// A file, piece by piece.
#[derive(Debug)]
pub(crate) struct Pieces(mpsc::Receiver<Piece>);

#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    /// The file is whole. Without it, it broke off.
    End,
}

impl Pieces {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the export broke off: what has come so far is not the file.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, RegisterError> {
        match self.0.recv().await {
            Some(Piece::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Piece::End) => Ok(None),
            None => Err(RegisterError::BrokeOff),
        }
    }
}

impl Register {
    pub(crate) fn new(core: Arc<Core>, desk: Arc<Desk>, keys: Arc<KeyRing>) -> Self {
        Self { core, desk, keys, slots: Arc::new(Semaphore::new(EXPORTS_MAX)) }
    }

    /// Begins an export: finds the rows, writes the audit line, and lets the file be made as it is read.
    ///
    /// # Errors
    /// When as many exports are under way as there may be, the file would be too large for its kind, or the audit line
    /// could not be written; nothing is exported then.
    pub(crate) async fn begin(&self, exporter: Exporter, wish: Wish) -> Result<Export, Problem> {
        let slot = Arc::clone(&self.slots)
            .try_acquire_owned()
            .map_err(|_| Problem::busy("as many exports are under way as the service serves"))?;
        self.whole().await?;
        let at = self.core.now();
        let improvements = Improvements::read(&self.desk, wish.lang).await?;
        let Exporter { actor, center } = exporter;
        let audit_line = AuditLine::new(&actor.username, "register_exported");
        let audit_line = audit_line.role(actor.role).center(center);
        let (view, filter) = (self.core.view(), wish.filter);
        let rows = blocking(move || {
            let now = at.timestamp_micros();
            view.index().page(&actor, &filter, Sort::Opened, None, usize::MAX, now).case_ids
        })
        .await;
        if wish.kind == FileKind::Xlsx && rows.len() > xlsx::ROWS_MAX {
            let detail = "a sheet cannot have so many rows; ask for fewer cases, or for CSV";
            return Err(Problem::invalid("", detail));
        }
        let kind = wish.kind.ending();
        let told = if wish.told.is_empty() { "everything" } else { &wish.told };
        let detail = format!("{kind}, {} rows, {told}", rows.len());
        self.desk.audit.record_or_fail(audit_line.detail(detail)).await.map_err(|_| {
            Problem::unavailable("the audit line could not be written, so nothing was exported")
        })?;
        let (out, pieces) = mpsc::channel(PIECES_AHEAD);
        let export = Export { rows: rows.len(), at, pieces: Pieces(pieces) };
        let making = Making {
            core: Arc::clone(&self.core),
            keys: Arc::clone(&self.keys),
            metrics: self.desk.metrics.clone(),
            improvements,
            lang: wish.lang,
            at,
            out: Out { pieces: out, ended: self.core.ended.clone() },
            _slot: slot,
        };
        // Ends with its reader, with the house, or a minute after the reader has stopped to read.
        tokio::spawn(making.run(wish.kind, rows));
        Ok(export)
    }

    /// Waits until the view has everything that the stream had when it was asked. A list that is a moment old is looked
    /// at again; a file is kept, and may not miss a case that somebody has a receipt for.
    async fn whole(&self) -> Result<(), Problem> {
        let core = &self.core;
        if let Some(incident) = core.status().incident {
            return Err(Problem::unavailable(format!("the view stopped: {incident}")));
        }
        if let Some((reached, of)) = core.catching_up() {
            let detail = format!("the view is catching up: {reached} of {of} events");
            return Err(Problem::unavailable(detail));
        }
        let head = core.log.head().await;
        let head = head.map_err(|_| Problem::unavailable("the bus does not answer"))?;
        let mut applied = core.applied();
        let reached = applied.wait_for(|sequence| *sequence >= head.last_sequence);
        match tokio::time::timeout(VIEW_WAIT_MAX, reached).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Problem::unavailable("the view is behind the stream; try again soon")),
        }
    }
}

/// The task that answers the tools' requests; none in memory, where nobody beside this process could ask.
pub(crate) fn task(register: &Register, desk: &Desk) -> Option<ServiceTask> {
    let (register, client) = (register.clone(), desk.js.as_ref()?.client());
    Some(ServiceTask::new("register requests", |token| async move {
        remote::answer_requests(register, client, token).await.map_err(Into::into)
    }))
}

/// Exports from the view under `dir` while nothing else has it open, after it has caught up; gives how many rows there
/// were. Of a running projection ask [`remote::export`].
///
/// # Errors
/// When the view cannot be used, the request is refused, or `write` fails.
pub async fn export(
    desk: Arc<Desk>,
    dir: &Path,
    request: &Request,
    write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<usize, RegisterError> {
    let core = Core::open(
        Arc::clone(&desk.log),
        Arc::clone(&desk.district),
        Arc::clone(&desk.clock),
        desk.metrics.clone(),
        dir,
    )
    .await?;
    let token = CancellationToken::new();
    let following = tokio::spawn(Arc::clone(&core).run(token.clone()));
    let outcome = async {
        caught_up(&core).await?;
        let keys = KeyRing::new(desk.vault.clone());
        let register = Register::new(Arc::clone(&core), desk, keys);
        let wish = crate::queries::register::wish(request.kind, &request.query, &core.district)
            .map_err(refused)?;
        let export = register.begin(Exporter::operator(), wish).await.map_err(refused)?;
        written(export, write).await
    }
    .await;
    token.cancel();
    // A panic of the follower has been logged; the file is whole or an error all the same.
    let _ = following.await;
    outcome
}

/// Says what is wrong with a request: the name of each parameter, and its fault.
#[must_use]
pub fn faults(request: &Request, district: &desk::District) -> Vec<(String, String)> {
    match crate::queries::register::wish(request.kind, &request.query, district) {
        Ok(_) => Vec::new(),
        Err(problem) => {
            let named = |error: runtime::http::FieldError| {
                (error.pointer.trim_start_matches('/').to_owned(), error.detail)
            };
            problem.errors.into_iter().map(named).collect()
        }
    }
}

async fn written(
    mut export: Export,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<usize, RegisterError> {
    while let Some(bytes) = export.pieces.next().await? {
        write(&bytes)?;
    }
    Ok(export.rows)
}

fn refused(problem: Problem) -> RegisterError {
    RegisterError::Refused(problem.detail)
}

async fn caught_up(core: &Core) -> Result<(), RegisterError> {
    const LOOK_EVERY: Duration = Duration::from_millis(200);
    let head = core.log.head().await.map_err(ProjectionError::from)?.last_sequence;
    let mut applied = core.applied();
    loop {
        if let Some(incident) = core.status().incident {
            return Err(RegisterError::Incident(incident));
        }
        let reached = applied.wait_for(|sequence| *sequence >= head);
        if tokio::time::timeout(LOOK_EVERY, reached).await.is_ok() {
            return Ok(());
        }
    }
}
