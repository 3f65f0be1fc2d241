//! Folding a batch of the stream of centers into what the view has to write: pure.
//!
//! Invariants: an event at or before the checkpoint changes nothing; what cannot be read is quarantined with its reason,
//! and the others go on; of several closes of a day the first counts.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use desk::decode::decode_center;
use proto_events::Timestamp;
use proto_events::centers::{CenterDayClosed, CenterEvent, ConsultationOutcome, OutcomeCount};
use proto_events::codes::Channel;
use proto_events::envelope::Envelope;
use proto_events::ids::CenterId;
use runtime::log::Recorded;
use serde::{Deserialize, Serialize};

use crate::fold::Quarantined;

/// A day of a center.
pub(crate) type DayKey = (CenterId, NaiveDate);

/// What makes two questions alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TallyKey {
    pub(crate) center: CenterId,
    pub(crate) day: NaiveDate,
    pub(crate) channel: Channel,
    pub(crate) outcome: ConsultationOutcome,
    pub(crate) topic: String,
}

/// Questions that were counted at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    /// The place of the event in the stream.
    pub(crate) sequence: u64,
    /// When it was written down, in microseconds since 1970.
    pub(crate) recorded_at: i64,
    /// How many.
    pub(crate) count: u64,
}

/// How a day was closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CloseRow {
    /// Its place in the stream.
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    /// When it was written down.
    pub(crate) recorded_at: Timestamp,
    /// Username.
    pub(crate) by: String,
    pub(crate) late: bool,
    pub(crate) consultations: u64,
    pub(crate) by_outcome: Vec<OutcomeCount>,
    pub(crate) cases_opened: u64,
}

impl CloseRow {
    /// Keeps of a report, and of the event at `sequence` that it stands in, what is not in the tallies themselves.
    pub(crate) fn of(report: &CenterDayClosed, sequence: u64, envelope: &Envelope) -> Self {
        Self {
            sequence,
            at: envelope.time,
            recorded_at: envelope.recorded_at,
            by: envelope.actor.clone(),
            late: report.late,
            consultations: report.consultations,
            by_outcome: report.by_outcome.clone(),
            cases_opened: report.cases_opened,
        }
    }
}

/// What a batch brings.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    /// The checkpoint after it.
    pub(crate) sequence: u64,
    /// The questions of each kind that come to those that are there.
    pub(crate) tallies: BTreeMap<TallyKey, Vec<Told>>,
    /// The days that it closes, unless they are closed already.
    pub(crate) closes: BTreeMap<DayKey, CloseRow>,
    /// The earliest day on which one of its events was written down.
    pub(crate) since: Option<NaiveDate>,
    /// The events that nobody can read.
    pub(crate) quarantined: Vec<Quarantined>,
}

/// Events are missing.
#[derive(Debug, thiserror::Error)]
#[error("events of centers are missing: after sequence {after} came {came}")]
pub(crate) struct Gap {
    after: u64,
    came: u64,
}

/// Folds a batch behind a checkpoint.
///
/// # Errors
/// [`Gap`]; nothing has changed then.
pub(crate) fn fold(checkpoint: u64, batch: &[Recorded]) -> Result<Folded, Gap> {
    let mut folded = Folded { sequence: checkpoint, ..Folded::default() };
    for recorded in batch {
        if recorded.sequence <= folded.sequence {
            continue;
        }
        if recorded.sequence != folded.sequence + 1 {
            return Err(Gap { after: folded.sequence, came: recorded.sequence });
        }
        folded.sequence = recorded.sequence;
        folded.take(recorded);
    }
    Ok(folded)
}

impl Folded {
    fn take(&mut self, recorded: &Recorded) {
        let (envelope, event) = match decode_center(recorded) {
            Ok(read) => read,
            Err(unreadable) => {
                self.quarantined.push(Quarantined::of(recorded, unreadable.reason));
                return;
            }
        };
        // Times are written in the district's offset.
        let written_on = envelope.recorded_at.date_naive();
        self.since = Some(self.since.map_or(written_on, |since| since.min(written_on)));
        match event {
            CenterEvent::ConsultationTallied(tally) => {
                let key = TallyKey {
                    center: tally.center,
                    day: tally.day,
                    channel: tally.channel,
                    outcome: tally.outcome,
                    topic: tally.topic,
                };
                self.tallies.entry(key).or_default().push(Told {
                    sequence: recorded.sequence,
                    recorded_at: envelope.recorded_at.timestamp_micros(),
                    count: u64::from(tally.count),
                });
            }
            CenterEvent::CenterDayClosed(report) => {
                let row = CloseRow::of(&report, recorded.sequence, &envelope);
                self.closes.entry((report.center, report.day)).or_insert(row);
            }
        }
    }
}
