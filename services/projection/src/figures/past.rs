//! The cases as they stood at an instant: what the district would have seen then, exactly.
//!
//! The events of a case that had been written down by an instant are the first ones of its history. So a case whose latest
//! event was written down by then stands today as it stood; one whose first came later was not there; the few in between
//! are folded again from the log as far as the instant, and kept: what has been is not going to change.
//!
//! Invariants: a case that is folded again has a later event, so nothing can come before its cut any more; a view of another
//! stream has another past; what is kept has a bound, and so has what is read at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use casework::figures::count::Period;
use casework::figures::facts::micros;
use desk::decode;
use futures::{StreamExt as _, stream};
use proto_events::Timestamp;
use proto_events::ids::CaseId;
use proto_events::subject::CaseSubject;
use runtime::log::{EventLog, Freshness, LogError, Recorded};
use tokio::sync::Semaphore;

use crate::core::{Core, View, blocking};
use crate::index::{CaseRow, Index, Names, Outline};
use crate::record::{CaseRecord, Written};

/// Instants that are kept: the end of yesterday, of the last week, month and year, and some that somebody looks at.
const INSTANTS_MAX: usize = 8;

/// Histories that are read at once: the bus answers a single one in 0.3 ms.
const READ_AT_ONCE: usize = 16;

/// Rows that are kept of all instants together, some 60 MB. An instant with more is read again for every question.
const ROWS_KEPT_MAX: usize = 50_000;

/// Instants that are read at once.
const INSTANTS_READ_AT_ONCE: usize = 2;

/// How often cases may have moved on while others were read, before an answer is given up.
const ROUNDS_MAX: usize = 8;

/// Of when figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The instant.
    pub(crate) at: Timestamp,
    /// Whether later events have to be left out.
    pub(crate) is_past: bool,
}

impl Moment {
    /// The present.
    pub(crate) fn now(at: Timestamp) -> Self {
        Self { at, is_past: false }
    }

    /// The instant up to which events count by the time at which they were written down, in microseconds since 1970. In
    /// the present all of them do, whatever the clock of whoever wrote them says.
    pub(crate) fn seen_to(self) -> i64 {
        if self.is_past { micros(self.at) } else { i64::MAX }
    }
}

/// The past could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PastError {
    /// The log did not answer, or not with all that the view has seen.
    #[error("the history of a case could not be read")]
    Log(#[source] Option<LogError>),
    /// Cases moved on faster than they could be read.
    #[error("too many cases moved on meanwhile")]
    Restless,
}

/// Rows as they were; none for a case of which nothing can be read up to then.
type RowsThen = HashMap<CaseId, Option<Box<CaseRow>>>;

/// What has been read of one instant: the rows of cases that have gone on since.
#[derive(Debug, Default)]
struct Instant {
    rows: RwLock<RowsThen>,
    names: Mutex<Names>,
    /// Whoever reads: two who ask at once read a history once.
    reading: tokio::sync::Mutex<()>,
}

/// The instants that were looked at last.
#[derive(Debug)]
pub(crate) struct Past {
    kept: Mutex<Kept>,
    reading: Semaphore,
}

impl Default for Past {
    fn default() -> Self {
        Self { kept: Mutex::default(), reading: Semaphore::new(INSTANTS_READ_AT_ONCE) }
    }
}

#[derive(Debug, Default)]
struct Kept {
    /// Whose past it is.
    view: Weak<View>,
    /// The one that was looked at last stands last.
    instants: Vec<(i64, Arc<Instant>)>,
}

/// The cases at an instant, for the length of one query.
pub(crate) struct Seen<'a> {
    index: &'a Index,
    /// The instant, and the rows of what has gone on since.
    past: Option<(i64, &'a RowsThen)>,
    sequence: u64,
}

/// A case that has gone on since an instant and was not read yet.
struct Missing {
    case_id: CaseId,
    subject: String,
    version: u64,
}

impl Seen<'_> {
    /// Every case, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &CaseRow> {
        self.index.rows().filter_map(|row| match self.past {
            Some((at, _)) if row.first_recorded_at > at => None,
            Some((at, rows)) if row.last_recorded_at > at => rows.get(&row.case_id)?.as_deref(),
            _ => Some(row),
        })
    }

    /// The cases that figures over a period could count, in no order.
    pub(crate) fn rows_of(&self, period: &Period) -> impl Iterator<Item = &CaseRow> {
        self.index.outlined().filter_map(|(outline, row)| match self.past {
            Some((at, _)) if outline.first_recorded_at > at => None,
            Some((at, rows)) if outline.last_recorded_at > at => {
                rows.get(&row.case_id)?.as_deref().filter(|row| period.meets(row.facts.span()))
            }
            _ => period.meets(outline.span).then_some(row),
        })
    }

    /// A case.
    pub(crate) fn row(&self, case_id: CaseId) -> Option<&CaseRow> {
        let row = self.index.row(case_id)?;
        match self.past {
            Some((at, _)) if row.first_recorded_at > at => None,
            Some((at, rows)) if row.last_recorded_at > at => rows.get(&case_id)?.as_deref(),
            _ => Some(row),
        }
    }

    /// When the first case was opened here, in microseconds since 1970.
    pub(crate) fn first_opened_at(&self) -> Option<i64> {
        match self.past {
            None => self.index.first_opened_at(),
            Some(_) => {
                let here = self.rows().filter(|row| !row.facts.is_imported);
                here.map(|row| row.opened_at).min()
            }
        }
    }

    /// The sequence of the latest event.
    pub(crate) fn sequence(&self) -> u64 {
        match self.past {
            None => self.sequence,
            Some(_) => self.rows().map(|row| row.version).max().unwrap_or_default(),
        }
    }
}

impl Past {
    /// Looks at the cases as they stood at a moment, on a thread that may block.
    ///
    /// # Errors
    /// [`PastError`] when it lies in the past and the log cannot be read.
    pub(crate) async fn look<T, F>(
        &self,
        core: &Arc<Core>,
        moment: Moment,
        look: F,
    ) -> Result<T, PastError>
    where
        T: Send + 'static,
        F: FnOnce(&Seen<'_>) -> T + Send + 'static,
    {
        let mut look = look;
        for _ in 0..ROUNDS_MAX {
            let view = core.view();
            let instant = moment.is_past.then(|| self.instant(&view, moment.seen_to()));
            let (held, kept) = (Arc::clone(&view), instant.clone());
            let outcome = blocking(move || looked_at(&held, moment, kept.as_deref(), look)).await;
            let missing = match outcome {
                Ok(answer) => {
                    self.trim();
                    return Ok(answer);
                }
                Err((missing, unused)) => {
                    look = unused;
                    missing
                }
            };
            if let Some(instant) = instant {
                let _in_turn = instant.reading.lock().await;
                let _permit = self.reading.acquire().await;
                let missing = instant.without_those_read(missing);
                read(core, &instant, moment.seen_to(), missing).await?;
            }
        }
        Err(PastError::Restless)
    }

    /// What is kept of an instant.
    fn instant(&self, view: &Arc<View>, at: i64) -> Arc<Instant> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::ptr::eq(kept.view.as_ptr(), Arc::as_ptr(view)) {
            *kept = Kept { view: Arc::downgrade(view), instants: Vec::new() };
        }
        let found = kept.instants.iter().position(|(instant, _)| *instant == at);
        let instant = found.map(|place| kept.instants.remove(place).1).unwrap_or_default();
        if kept.instants.len() >= INSTANTS_MAX {
            kept.instants.remove(0);
        }
        kept.instants.push((at, Arc::clone(&instant)));
        instant
    }

    /// Lets instants go, the oldest first, until what is kept is within its bound.
    fn trim(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |kept: &Kept| kept.instants.iter().map(|(_, one)| one.len()).sum::<usize>();
        while count(&kept) > ROWS_KEPT_MAX {
            kept.instants.remove(0);
        }
    }
}

impl Instant {
    fn len(&self) -> usize {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What is still missing once it is one's turn to read.
    fn without_those_read(&self, mut missing: Vec<Missing>) -> Vec<Missing> {
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|one| !rows.contains_key(&one.case_id));
        missing
    }
}

/// Answers when everything that is needed is there, else says what is missing. Blocks.
fn looked_at<T, F: FnOnce(&Seen<'_>) -> T>(
    view: &View,
    moment: Moment,
    instant: Option<&Instant>,
    look: F,
) -> Result<T, (Vec<Missing>, F)> {
    let sequence = view.sequence();
    let index = view.index();
    let Some(instant) = instant else {
        return Ok(look(&Seen { index: &index, past: None, sequence }));
    };
    let at = moment.seen_to();
    let rows = instant.rows.read().unwrap_or_else(PoisonError::into_inner);
    let has_gone_on =
        |outline: &Outline| outline.first_recorded_at <= at && outline.last_recorded_at > at;
    let gone_on = index.outlined().filter(|(outline, _)| has_gone_on(outline));
    let missing = gone_on.map(|(_, row)| row).filter(|row| !rows.contains_key(&row.case_id));
    let missing: Vec<Missing> = missing.map(Missing::of).collect();
    if !missing.is_empty() {
        return Err((missing, look));
    }
    Ok(look(&Seen { index: &index, past: Some((at, &rows)), sequence }))
}

impl Missing {
    fn of(row: &CaseRow) -> Self {
        let subject = CaseSubject { center: (*row.center).clone(), case_id: row.case_id };
        Self { case_id: row.case_id, subject: subject.to_subject(), version: row.version }
    }
}

/// Reads cases as they stood at an instant.
async fn read(
    core: &Core,
    instant: &Instant,
    at: i64,
    missing: Vec<Missing>,
) -> Result<(), PastError> {
    let mut reading = stream::iter(missing)
        .map(|one| async move {
            let events = history(&*core.log, &one).await?;
            Ok::<_, PastError>((one.case_id, folded(&events, at)))
        })
        .buffer_unordered(READ_AT_ONCE);
    while let Some(read) = reading.next().await {
        let (case_id, record) = read?;
        let row = record.map(|record| {
            let mut names = instant.names.lock().unwrap_or_else(PoisonError::into_inner);
            Box::new(CaseRow::of(&record, &core.district.rules, &mut names))
        });
        instant.rows.write().unwrap_or_else(PoisonError::into_inner).insert(case_id, row);
    }
    Ok(())
}

/// Everything that the view has seen of a case; a late replica may not have it yet.
async fn history(log: &dyn EventLog, case: &Missing) -> Result<Vec<Recorded>, PastError> {
    for freshness in [Freshness::Any, Freshness::Leader] {
        let events = log.load(&case.subject, freshness).await;
        let events = events.map_err(|error| PastError::Log(Some(error)))?;
        if events.last().is_some_and(|last| last.sequence >= case.version) {
            return Ok(events);
        }
    }
    Err(PastError::Log(None))
}

/// Folds a history up to the first event that was written down after an instant. What nobody can read is passed over, as
/// in the view.
fn folded(events: &[Recorded], at: i64) -> Option<CaseRecord> {
    let mut record: Option<CaseRecord> = None;
    for recorded in events {
        let Ok((meta, event)) = decode(recorded) else { continue };
        let written = Written::of(recorded, &meta);
        if micros(written.at) > at {
            break;
        }
        record = CaseRecord::step(record, &meta, &event, written);
    }
    record
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::testing::{at, case_id, event, of_kind, opened, poison, recorded, subject};

    #[test]
    fn what_is_kept_of_the_past_has_a_bound_and_the_oldest_goes_first() {
        let past = Past::default();
        let keep = |at: i64, rows: usize| {
            let rows = (0..rows as u128).map(|n| (case_id(n), None)).collect();
            let instant = Instant { rows: RwLock::new(rows), ..Instant::default() };
            past.kept.lock().unwrap().instants.push((at, Arc::new(instant)));
            past.trim();
            let kept = past.kept.lock().unwrap();
            kept.instants.iter().map(|(at, _)| *at).collect::<Vec<_>>()
        };
        assert_eq!(keep(1, ROWS_KEPT_MAX / 2), [1]);
        assert_eq!(keep(2, ROWS_KEPT_MAX / 2), [1, 2]);
        assert_eq!(keep(3, 1), [2, 3]);
        assert_eq!(keep(4, ROWS_KEPT_MAX + 1), Vec::<i64>::new());
    }

    #[test]
    fn an_event_that_came_late_is_not_there_before_the_one_in_front_of_it() {
        let time = at("2021-01-26T10:00:00");
        let hours = |hours| time + TimeDelta::hours(hours);
        let written = |number, kind, at| {
            let mut new = event(0, number, time, of_kind(kind, time));
            new.envelope.recorded_at = at;
            (subject(0), new)
        };
        let events = recorded(&[
            (subject(0), event(0, 0, time, opened(0, time))),
            (subject(0), poison(0, 1, time)),
            written(2, 0, hours(4)),
            // Over a line that was down: written down before the one in front of it, and seen after it.
            written(3, 1, hours(2)),
            written(4, 7, hours(6)),
        ]);
        let state = |at: Timestamp| {
            let record = folded(&events, micros(at))?;
            Some((record.case.hops.len(), record.case.handler.is_some(), record.case.is_open()))
        };
        assert_eq!(state(hours(-1)), None);
        assert_eq!(state(hours(0)), Some((0, false, true)));
        assert_eq!(state(hours(3)), Some((0, false, true)));
        assert_eq!(state(hours(4)), Some((1, true, true)));
        assert_eq!(state(hours(6)), Some((1, true, false)));
    }
}
