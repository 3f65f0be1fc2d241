//! `verify`: the stream folded a second time, without store, index or batches, and compared with the view.
//!
//! Invariant: both are compared at the same checkpoint; in a running projection the writer stands still while
//! it is compared.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use desk::{District, decode};
use proto_events::ids::{CaseId, ReceiptCode};
use runtime::log::verify::Walked;
use runtime::log::{EventLog, Recorded};
use runtime::store::StoreError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::centers::CentersReport;
use crate::core::{Core, ProjectionError, View, Writer, blocking, folder};
use crate::index::{CaseRow, Index, Names};
use crate::record::{CaseRecord, Written};
use crate::replay::{Replay, fill};
use crate::views::{Views, open_store};

/// What a comparison of the view with the stream found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifyReport {
    /// Whether the view says what the stream says.
    pub equal: bool,
    /// The sequence at which they were compared.
    pub sequence: u64,
    /// How many cases the stream has.
    pub cases: u64,
    /// How many events of cases it has.
    pub events: u64,
    /// How many events of centers their own stream has.
    #[serde(default)]
    pub center_events: u64,
    /// How many events nobody can read.
    pub quarantined: u64,
    /// The first difference, in words; no personal data.
    pub first_difference: Option<String>,
    /// Whether each stream is as the services wrote it; none when nobody here has the key that says so.
    #[serde(default)]
    pub streams: Vec<Walked>,
}

impl VerifyReport {
    /// Adds what the comparison of the centers found.
    #[must_use]
    pub fn with_centers(mut self, centers: CentersReport) -> Self {
        self.equal &= centers.first_difference.is_none();
        self.center_events = centers.events;
        self.quarantined += centers.quarantined;
        self.first_difference = self.first_difference.or(centers.first_difference);
        self
    }

    /// Adds what the walks through the streams found.
    #[must_use]
    pub fn with_streams(mut self, streams: Vec<Walked>) -> Self {
        self.equal &= streams.iter().all(|walked| walked.first_break.is_none());
        self.streams = streams;
        self
    }

    /// The first place at which a stream is not as the services wrote it.
    #[must_use]
    pub fn first_break(&self) -> Option<&str> {
        self.streams.iter().find_map(|walked| walked.first_break.as_deref())
    }
}

/// The stream, folded.
#[derive(Debug, Default)]
struct Truth {
    cases: BTreeMap<CaseId, CaseRecord>,
    events: u64,
    receipts: BTreeMap<ReceiptCode, CaseId>,
    unreadable: BTreeSet<u64>,
    sequence: u64,
}

impl Truth {
    /// Folds on up to `until`.
    async fn read(&mut self, log: &dyn EventLog, until: u64) -> Result<(), ProjectionError> {
        let mut events = Replay::start(log, self.sequence, until).await?;
        while let Some(batch) = events.next().await? {
            batch.iter().for_each(|recorded| self.take(recorded));
        }
        Ok(())
    }

    fn take(&mut self, recorded: &Recorded) {
        self.sequence = recorded.sequence;
        match decode(recorded) {
            Ok((meta, event)) => {
                self.events += 1;
                let before = self.cases.remove(&meta.case_id);
                let is_new = before.is_none();
                let written = Written::of(recorded, &meta);
                if let Some(record) = CaseRecord::step(before, &meta, &event, written) {
                    if is_new {
                        self.receipts.insert(record.case.receipt_code.clone(), meta.case_id);
                    }
                    self.cases.insert(meta.case_id, record);
                }
            }
            Err(unreadable) => {
                self.unreadable.insert(recorded.sequence);
                if let Some(record) =
                    unreadable.case_id.and_then(|case_id| self.cases.get_mut(&case_id))
                {
                    record.quarantined = true;
                }
            }
        }
    }

    /// Names the first thing that the view says otherwise. Blocks.
    fn difference(&self, views: &Views) -> Result<Option<String>, StoreError> {
        if views.checkpoint()? != self.sequence {
            let text = format!("the view is at {}, not {}", views.checkpoint()?, self.sequence);
            return Ok(Some(text));
        }
        let mut expected = self.cases.iter();
        for found in views.cases() {
            let (case_id, record) = found?;
            match expected.next() {
                Some((wanted, truth)) if *wanted == case_id => {
                    if *truth != record {
                        return Ok(Some(told_apart(case_id, truth, &record)));
                    }
                }
                Some((wanted, _)) => {
                    return Ok(Some(format!("case {wanted} or {case_id} is not in both")));
                }
                None => return Ok(Some(format!("case {case_id} is in the view only"))),
            }
        }
        if let Some((case_id, _)) = expected.next() {
            return Ok(Some(format!("case {case_id} is not in the view")));
        }
        for (code, case_id) in &self.receipts {
            if views.receipt(code)? != Some(*case_id) {
                return Ok(Some(format!("the receipt of case {case_id} leads elsewhere")));
            }
        }
        if views.receipt_count()? != self.receipts.len() {
            return Ok(Some("the view has receipts that no case has".to_owned()));
        }
        let quarantined: BTreeSet<u64> =
            views.quarantined()?.into_iter().map(|one| one.sequence).collect();
        if quarantined != self.unreadable {
            let text = format!(
                "{} events in quarantine, not {}",
                quarantined.len(),
                self.unreadable.len()
            );
            return Ok(Some(text));
        }
        Ok(None)
    }

    /// Names the first row of the index that is not its record's.
    fn difference_of_index(&self, index: &Index, district: &District) -> Option<String> {
        if index.len() != self.cases.len() {
            return Some(format!("the index has {} cases, not {}", index.len(), self.cases.len()));
        }
        let mut names = Names::default();
        let (case_id, _) = self.cases.iter().find(|(case_id, record)| {
            let row = CaseRow::of(record, &district.rules, &mut names);
            index.row(**case_id) != Some(&row)
        })?;
        Some(format!("the index has another row for case {case_id}"))
    }

    fn report(&self, first_difference: Option<String>) -> VerifyReport {
        VerifyReport {
            equal: first_difference.is_none(),
            sequence: self.sequence,
            cases: self.cases.len() as u64,
            events: self.events,
            center_events: 0,
            quarantined: self.unreadable.len() as u64,
            first_difference,
            streams: Vec::new(),
        }
    }
}

/// Names the first field that differs, without its value: it may be about a person.
fn told_apart(case_id: CaseId, truth: &CaseRecord, found: &CaseRecord) -> String {
    let fields = |record: &CaseRecord| serde_json::to_value(record).unwrap_or_default();
    let (truth, found) = (fields(truth), fields(found));
    let field = |part: &str| {
        let members = truth[part].as_object()?;
        let name = members.keys().find(|name| truth[part][*name] != found[part][*name])?;
        Some(format!("{part}.{name}"))
    };
    let named = field("case").or_else(|| field("past"));
    format!("case {case_id} differs in {}", named.as_deref().unwrap_or("its marks"))
}

/// Folds the stream and compares the view in `dir` with it, at the view's checkpoint. Nothing else may have the
/// view open; of a running projection ask [`crate::remote::verify`].
///
/// # Errors
/// When the stream cannot be read or the store cannot be used.
pub async fn verify(log: Arc<dyn EventLog>, dir: &Path) -> Result<VerifyReport, ProjectionError> {
    let head = log.head().await?;
    let path = folder(dir);
    let (view, fault) = blocking(move || {
        let opened = open_store(&path, head)?;
        let set_aside =
            opened.was_rebuilt.map(|aside| format!("the view was set aside: {}", aside.reason));
        let incident = opened.incident.map(|incident| incident.to_string());
        Ok::<_, StoreError>((View::load(opened.store, head, None)?, incident.or(set_aside)))
    })
    .await?;
    let mut view = Arc::new(view);
    // Killed while it wrote, a view has rows ahead of its checkpoint; they are compared when it has gone on.
    let looking = Arc::clone(&view);
    if fault.is_none() && blocking(move || looking.views.is_ahead()).await? {
        view = fill(Writer::new(view), &*log, None, head.last_sequence, |_| {}).await?.view;
    }
    let mut truth = Truth::default();
    if fault.is_none() {
        truth.read(&*log, view.sequence()).await?;
    }
    blocking(move || {
        let difference = match fault {
            Some(fault) => Some(fault),
            None => truth.difference(&view.views)?,
        };
        let store = view.views.store().clone();
        drop(view);
        store.close()?;
        Ok(truth.report(difference))
    })
    .await
}

impl Core {
    /// Folds the stream and compares the serving view and its index with it.
    ///
    /// # Errors
    /// When the stream cannot be read or the store cannot be used.
    pub(crate) async fn verify(&self) -> Result<VerifyReport, ProjectionError> {
        // After a kill rows may be ahead of the checkpoint until the view has caught up, or found out why it cannot.
        let mut status = self.status.subscribe();
        tokio::select! {
            () = self.caught_up() => {}
            _ = status.wait_for(|status| status.incident.is_some()) => {}
        }
        if let Some(incident) = self.status().incident {
            return Ok(Truth::default().report(Some(incident)));
        }
        let mut truth = Truth::default();
        truth.read(&*self.log, self.sequence()).await?;
        let held = Arc::clone(&self.writer).lock_owned().await;
        truth.read(&*self.log, held.view.sequence()).await?;
        let district = Arc::clone(&self.district);
        blocking(move || {
            let mut difference = truth.difference(&held.view.views)?;
            if difference.is_none() {
                difference = truth.difference_of_index(&held.view.index(), &district);
            }
            Ok(truth.report(difference))
        })
        .await
    }
}
