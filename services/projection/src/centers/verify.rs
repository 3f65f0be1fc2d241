//! The stream of centers folded a second time, by the rules of `casework` and without store or batches, and compared
//! with the view.
//!
//! Invariant: both are compared at the same checkpoint; in a running projection the writer stands still meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use casework::centers::CenterDay;
use chrono::NaiveDate;
use desk::decode::decode_center;
use proto_events::centers::CenterEvent;
use runtime::log::{EventLog, Recorded};
use runtime::store::StoreError;

use super::fold::{CloseRow, DayKey, TallyKey, Told};
use super::view::{CentersView, open_store};
use super::{Centers, folder};
use crate::core::{ProjectionError, blocking};
use crate::replay::Replay;

/// What a comparison of the view of the centers with their stream found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CentersReport {
    /// How many readable events the stream has.
    pub events: u64,
    /// How many events nobody can read.
    pub quarantined: u64,
    /// The first difference, in words.
    pub first_difference: Option<String>,
}

/// The stream, folded.
#[derive(Debug, Default)]
struct Truth {
    days: BTreeMap<DayKey, CenterDay>,
    /// The report that counts.
    closes: BTreeMap<DayKey, CloseRow>,
    /// What was counted, event by event.
    told: BTreeMap<TallyKey, Vec<Told>>,
    since: Option<NaiveDate>,
    unreadable: BTreeSet<u64>,
    events: u64,
    sequence: u64,
}

impl Truth {
    async fn read(&mut self, log: &dyn EventLog, until: u64) -> Result<(), ProjectionError> {
        let mut events = Replay::start(log, self.sequence, until).await?;
        while let Some(batch) = events.next().await? {
            batch.iter().for_each(|recorded| self.take(recorded));
        }
        Ok(())
    }

    fn take(&mut self, recorded: &Recorded) {
        self.sequence = recorded.sequence;
        let Ok((envelope, event)) = decode_center(recorded) else {
            self.unreadable.insert(recorded.sequence);
            return;
        };
        self.events += 1;
        let written_on = envelope.recorded_at.date_naive();
        self.since = Some(self.since.map_or(written_on, |since| since.min(written_on)));
        let key = (event.center().clone(), event.day());
        match &event {
            CenterEvent::CenterDayClosed(report) => {
                let row = || CloseRow::of(report, recorded.sequence, &envelope);
                self.closes.entry(key.clone()).or_insert_with(row);
            }
            CenterEvent::ConsultationTallied(tally) => {
                let counted = TallyKey {
                    center: tally.center.clone(),
                    day: tally.day,
                    channel: tally.channel,
                    outcome: tally.outcome,
                    topic: tally.topic.clone(),
                };
                let (sequence, count) = (recorded.sequence, u64::from(tally.count));
                let recorded_at = envelope.recorded_at.timestamp_micros();
                self.told.entry(counted).or_default().push(Told { sequence, recorded_at, count });
            }
        }
        self.days.entry(key).or_default().evolve(event, envelope.time);
    }

    fn tallies(&self) -> BTreeMap<TallyKey, u64> {
        let mut tallies = BTreeMap::new();
        for ((center, day), found) in &self.days {
            for ((topic, channel, outcome), count) in &found.counts {
                let key = TallyKey {
                    center: center.clone(),
                    day: *day,
                    channel: *channel,
                    outcome: *outcome,
                    topic: topic.clone(),
                };
                tallies.insert(key, *count);
            }
        }
        tallies
    }

    /// Names the first thing that the view says otherwise. Blocks.
    fn difference(&self, view: &CentersView) -> Result<Option<String>, StoreError> {
        if view.sequence() != self.sequence {
            let text = format!("the centers are at {}, not {}", view.sequence(), self.sequence);
            return Ok(Some(text));
        }
        let told: BTreeMap<TallyKey, Vec<Told>> = view.tallies().collect::<Result<_, _>>()?;
        if let Some((center, day)) = other(&self.told, &told, |key| (key.center.clone(), key.day)) {
            return Ok(Some(format!("{center} has other consultations on {day}")));
        }
        let sum = |told: &[Told]| told.iter().map(|one| one.count).sum();
        let tallies = told.iter().map(|(key, told)| (key.clone(), sum(told))).collect();
        if let Some((center, day)) =
            other(&self.tallies(), &tallies, |key| (key.center.clone(), key.day))
        {
            return Ok(Some(format!("{center} has other consultations on {day}")));
        }
        let closes: BTreeMap<DayKey, CloseRow> = view.closes().collect::<Result<_, _>>()?;
        if let Some((center, day)) = other(&self.closes, &closes, Clone::clone) {
            return Ok(Some(format!("{center} has another report of {day}")));
        }
        let quarantined: BTreeSet<u64> =
            view.quarantine()?.into_iter().map(|one| one.sequence).collect();
        if quarantined != self.unreadable {
            return Ok(Some("other events of centers are in quarantine".to_owned()));
        }
        let stored = view.stored_days()?;
        if stored.since != self.since {
            return Ok(Some("the centers begin on another day".to_owned()));
        }
        if stored != *view.days() {
            return Ok(Some(
                "the days of the centers in memory are not the stored ones".to_owned(),
            ));
        }
        Ok(None)
    }

    fn report(&self, first_difference: Option<String>) -> CentersReport {
        let quarantined = self.unreadable.len() as u64;
        CentersReport { events: self.events, quarantined, first_difference }
    }
}

/// The day of the first entry that is not the same in both.
fn other<K: Ord, V: PartialEq>(
    truth: &BTreeMap<K, V>,
    found: &BTreeMap<K, V>,
    day: impl Fn(&K) -> DayKey,
) -> Option<DayKey> {
    truth.keys().chain(found.keys()).find(|key| truth.get(key) != found.get(key)).map(day)
}

impl Centers {
    /// Folds the stream and compares the serving view with it.
    ///
    /// # Errors
    /// When the stream cannot be read or the store cannot be used.
    pub(crate) async fn verify(&self) -> Result<CentersReport, ProjectionError> {
        if let Some(incident) = self.status().incident {
            return Ok(Truth::default().report(Some(incident)));
        }
        let mut truth = Truth::default();
        truth.read(&*self.log, self.sequence()).await?;
        let held = Arc::clone(&self.writer).lock_owned().await;
        truth.read(&*self.log, held.sequence()).await?;
        blocking(move || {
            let difference = truth.difference(&held)?;
            Ok(truth.report(difference))
        })
        .await
    }
}

/// Folds the stream of centers and compares the view in `dir` with it, at the view's checkpoint. Nothing else may have
/// the view open.
///
/// # Errors
/// When the stream cannot be read or the store cannot be used.
pub async fn verify(log: Arc<dyn EventLog>, dir: &Path) -> Result<CentersReport, ProjectionError> {
    let head = log.head().await?;
    let path = folder(dir);
    let (view, fault) = blocking(move || {
        let opened = open_store(&path, head)?;
        let set_aside =
            opened.was_rebuilt.map(|aside| format!("the view was set aside: {}", aside.reason));
        let incident = opened.incident.map(|incident| incident.to_string());
        Ok::<_, StoreError>((CentersView::load(opened.store, head)?, incident.or(set_aside)))
    })
    .await?;
    let mut truth = Truth::default();
    if fault.is_none() {
        truth.read(&*log, view.sequence()).await?;
    }
    blocking(move || {
        let difference = match fault {
            Some(fault) => Some(fault),
            None => truth.difference(&view)?,
        };
        let store = view.store().clone();
        drop(view);
        store.close()?;
        Ok(truth.report(difference))
    })
    .await
}
