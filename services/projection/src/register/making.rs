//! Making the file: page by page of cases, no faster than it is read.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use casework::register::{Cell, Known, Lang, cells};
use proto_events::Timestamp;
use proto_events::ids::CaseId;
use runtime::metrics::Metrics;
use runtime::store::StoreError;
use runtime::vault::KeyRing;
use rust_xlsxwriter::XlsxError;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;

use super::improvements::Improvements;
use super::xlsx::Sheet;
use super::{FileKind, Piece, csv};
use crate::core::{Core, blocking};
use crate::queries::applicant::{self, ApplicantAnswer, Sealed};

/// Cases that are read, opened and written at a time.
pub(super) const PAGE_CASES: usize = 200;

/// Bytes of a piece of an XLSX file; of a CSV file a page of cases is one.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// How long a reader may take for one piece; who takes longer has gone to lunch, and his slot is another's.
const STALL_TIME_MAX: Duration = Duration::from_secs(60);

/// How long the keys of one page may take. A list would show who cannot be opened hidden; a file that is kept may not.
const KEYS_TIME_MAX: Duration = Duration::from_secs(30);

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("the reader went away, or took no piece for a minute")]
    ReaderGone,
    #[error("the service is stopping")]
    Stopping,
    #[error("the view could not be read")]
    Store(#[from] StoreError),
    #[error("a case is no longer in the view")]
    CaseGone,
    #[error("the key store does not answer")]
    KeysSilent,
    #[error("the workbook could not be written")]
    Workbook(#[from] XlsxError),
}

/// An export that is being made.
pub(super) struct Making {
    pub(super) core: Arc<Core>,
    pub(super) keys: Arc<KeyRing>,
    pub(super) metrics: Metrics,
    pub(super) improvements: Improvements,
    pub(super) lang: Lang,
    pub(super) at: Timestamp,
    pub(super) out: Out,
    /// Free again when the file is made, or nobody reads it any more.
    pub(super) _slot: OwnedSemaphorePermit,
}

impl Making {
    pub(super) async fn run(self, kind: FileKind, rows: Vec<CaseId>) {
        let outcome = match kind {
            FileKind::Csv => self.write_csv(&rows).await,
            FileKind::Xlsx => self.write_xlsx(&rows).await,
        };
        match outcome {
            Ok(()) => {}
            Err(Fault::ReaderGone | Fault::Stopping) => {
                tracing::info!(
                    rows = rows.len(),
                    "an export of the register was not read to its end"
                );
            }
            Err(fault) => {
                let error = &fault as &dyn std::error::Error;
                tracing::error!(error, rows = rows.len(), "an export of the register broke off");
            }
        }
    }

    async fn write_csv(&self, rows: &[CaseId]) -> Result<(), Fault> {
        let mut text = csv::head(self.lang);
        for page in rows.chunks(PAGE_CASES) {
            for cells in self.page(page).await? {
                csv::push_row(&mut text, cells);
            }
            self.out.send(Piece::Bytes(std::mem::take(&mut text).into())).await?;
        }
        if !text.is_empty() {
            self.out.send(Piece::Bytes(text.into())).await?;
        }
        self.out.send(Piece::End).await
    }

    async fn write_xlsx(&self, rows: &[CaseId]) -> Result<(), Fault> {
        let (lang, count, at) = (self.lang, rows.len(), self.at);
        let mut sheet = blocking(move || Sheet::begin(lang, count, at)).await?;
        for page in rows.chunks(PAGE_CASES) {
            let cells = self.page(page).await?;
            sheet = blocking(move || {
                for row in cells {
                    sheet.push_row(row)?;
                }
                Ok::<_, XlsxError>(sheet)
            })
            .await?;
        }
        let (out, handle) = (self.out.clone(), Handle::current());
        blocking(move || sheet.write_to(PieceWriter { out, handle, piece: Vec::new() })).await?;
        self.out.send(Piece::End).await
    }

    /// The cells of a page of cases.
    async fn page(&self, page: &[CaseId]) -> Result<Vec<Vec<Cell>>, Fault> {
        let (core, ids) = (Arc::clone(&self.core), page.to_vec());
        let records = blocking(move || {
            // Asked for each page: a generation that no longer serves is not held on to.
            let view = core.view();
            let read = |id| view.views.case(id)?.ok_or(Fault::CaseGone);
            ids.into_iter().map(read).collect::<Result<Vec<_>, Fault>>()
        })
        .await?;
        let cases = || records.iter().map(|record| &record.case);
        let sealed: Vec<_> = cases().filter_map(Sealed::of).collect();
        let all = sealed.len();
        let applicants =
            applicant::of_cases(&self.keys, &self.metrics, sealed.into_iter(), KEYS_TIME_MAX).await;
        if applicants.len() < all {
            return Err(Fault::KeysSilent);
        }
        let hidden = |case| ApplicantAnswer::hidden(case);
        Ok(records
            .iter()
            .map(|record| {
                let case = &record.case;
                let applicant = applicants.get(&case.case_id).cloned();
                let applicant = applicant.unwrap_or_else(|| hidden(case));
                let known = Known {
                    rules: &self.core.district.rules,
                    name: &applicant.name,
                    phone: applicant.phone.as_deref(),
                    arrived_late_at: record.late_arrival().map(|(at, _)| at),
                    improvements: self.improvements.of(case.case_id),
                    now: self.at,
                };
                cells(case, &known, self.lang)
            })
            .collect())
    }
}

/// Where the pieces go.
#[derive(Debug, Clone)]
pub(super) struct Out {
    pub(super) pieces: mpsc::Sender<Piece>,
    pub(super) ended: CancellationToken,
}

impl Out {
    async fn send(&self, piece: Piece) -> Result<(), Fault> {
        let sent = self.pieces.send_timeout(piece, STALL_TIME_MAX);
        match self.ended.run_until_cancelled(sent).await {
            None => Err(Fault::Stopping),
            Some(Err(_)) => Err(Fault::ReaderGone),
            Some(Ok(())) => Ok(()),
        }
    }
}

/// Cuts what is written to it into pieces. Blocks while the reader is slow.
struct PieceWriter {
    out: Out,
    handle: Handle,
    piece: Vec<u8>,
}

impl PieceWriter {
    fn send(&mut self) -> io::Result<()> {
        let piece = Piece::Bytes(std::mem::take(&mut self.piece).into());
        self.handle.block_on(self.out.send(piece)).map_err(io::Error::other)
    }
}

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES - self.piece.len();
        let taken = bytes.len().min(room);
        self.piece.extend_from_slice(&bytes[..taken]);
        if self.piece.len() >= PIECE_BYTES {
            self.send()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() { Ok(()) } else { self.send() }
    }
}
