//! How the centers report: their last working days, today's counts, the figures of consultations.
//!
//! Invariants: a day that nobody closed is silent once it is over, and never zero; a report of zero is a report; days
//! before anything was written down in the district are nobody's debt.

use std::collections::BTreeMap;

use casework::centers::{DayStanding, may_read};
use casework::command::Actor;
use casework::figures::Figure;
use casework::figures::days::{CountedDay, DaySums, day_tallies};
use chrono::{DateTime, NaiveDate};
use proto_events::Timestamp;
use proto_events::centers::OutcomeCount;
use proto_events::ids::CenterId;
use schemars::JsonSchema;
use serde::Serialize;

use crate::centers::{CentersView, CloseRow, Day, named};
use crate::core::Core;
use crate::figures::past::Moment;

/// Working days of a center's heartbeat: two weeks.
const HEARTBEAT_DAYS: usize = 10;

/// How a center stands with the report of a working day.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Beat {
    date: NaiveDate,
    standing: Standing,
    /// The consultations of the report; null without one, because silence is not zero.
    consultations: Option<u64>,
}

/// How a day stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// Closed by the close of business.
    Reported,
    /// Closed after it.
    Late,
    /// Over, and not closed.
    Silent,
    /// Not over yet.
    Pending,
}

impl From<DayStanding> for Standing {
    fn from(standing: DayStanding) -> Self {
        match standing {
            DayStanding::Reported => Self::Reported,
            DayStanding::Late => Self::Late,
            DayStanding::Silent => Self::Silent,
            DayStanding::Pending => Self::Pending,
        }
    }
}

/// What a center has counted today.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Today {
    date: NaiveDate,
    consultations: u64,
    by_outcome: Vec<OutcomeCount>,
    /// Whether the day is closed.
    closed: bool,
}

/// The newest report of a center.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct LastReport {
    date: NaiveDate,
    consultations: u64,
    by_outcome: Vec<OutcomeCount>,
    cases_opened: u64,
    late: bool,
    closed_at: Timestamp,
    /// Username.
    closed_by: String,
}

/// How a center reports; null where one may not see its counts.
#[derive(Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Reporting {
    /// The last ten working days, oldest first, today included.
    heartbeat: Option<Vec<Beat>>,
    today: Option<Today>,
    last_report: Option<LastReport>,
}

/// What the reports are looked at with.
pub(super) struct Reports<'a> {
    core: &'a Core,
    centers: &'a CentersView,
    now: Timestamp,
    /// Up to when events count by the time at which they were written down.
    seen_to: i64,
    /// The day on which the district began.
    begin: Option<NaiveDate>,
}

impl<'a> Reports<'a> {
    /// Looks at the reports as they stand at a moment; the first case was opened at `first_opened_at`, in microseconds
    /// since 1970.
    pub(super) fn new(
        core: &'a Core,
        first_opened_at: Option<i64>,
        centers: &'a CentersView,
        moment: Moment,
    ) -> Self {
        let first_case = first_opened_at.and_then(DateTime::from_timestamp_micros);
        let first_case = first_case.map(|at| at.with_timezone(&core.district.offset).date_naive());
        let today = core.district.rules.calendar.date_of(moment.at);
        let since = centers.days().since.filter(|since| !moment.is_past || *since <= today);
        let begin = [first_case, since].into_iter().flatten().min();
        Self { core, centers, now: moment.at, seen_to: moment.seen_to(), begin }
    }

    /// The place of the latest event of a center that is looked at.
    pub(super) fn sequence(&self) -> u64 {
        match self.seen_to {
            i64::MAX => self.centers.sequence(),
            seen_to => self.centers.days().sequence(seen_to),
        }
    }

    /// How one center reports, to whom may see it.
    pub(super) fn of_center(&self, center: &CenterId, actor: &Actor) -> Reporting {
        if !may_read(actor, center) {
            return Reporting::default();
        }
        let today = self.core.district.rules.calendar.date_of(self.now);
        let days = self.centers.days();
        let found = days.day(center, today);
        let counted = found.map(|day| day.counts(self.seen_to)).unwrap_or_default();
        let last = days.between(center, NaiveDate::MIN, today).rev();
        let last = last.filter_map(|(date, day)| Some((date, day.close(self.seen_to)?))).next();
        Reporting {
            heartbeat: Some(self.heartbeat(center, today)),
            today: Some(Today {
                date: today,
                consultations: counted.values().sum(),
                by_outcome: named(&counted),
                closed: self.report(found).is_some(),
            }),
            last_report: last.map(|(date, close)| LastReport {
                date,
                consultations: close.consultations,
                by_outcome: close.by_outcome.clone(),
                cases_opened: close.cases_opened,
                late: close.late,
                closed_at: close.at,
                closed_by: close.by.clone(),
            }),
        }
    }

    fn heartbeat(&self, center: &CenterId, today: NaiveDate) -> Vec<Beat> {
        let Some(begin) = self.begin else { return Vec::new() };
        let mut beats = Vec::new();
        let days = self.centers.days();
        for date in working_days_back(self.core, begin, today).take(HEARTBEAT_DAYS) {
            let close = self.report(days.day(center, date));
            beats.push(Beat {
                date,
                standing: self.standing(date, close).into(),
                consultations: close.map(|close| close.consultations),
            });
        }
        beats.reverse();
        beats
    }

    /// The report of a day, when it is there at the time that is looked at.
    fn report<'d>(&self, day: Option<&'d Day>) -> Option<&'d CloseRow> {
        day?.close(self.seen_to)
    }

    fn standing(&self, date: NaiveDate, close: Option<&CloseRow>) -> DayStanding {
        let calendar = &self.core.district.rules.calendar;
        DayStanding::of(date, close.map(|close| close.late), self.now, calendar)
    }

    /// The figures of the centers that one may see, of the days from `from` to `to`.
    pub(super) fn figures(
        &self,
        actor: &Actor,
        center: Option<&CenterId>,
        days: (NaiveDate, NaiveDate),
    ) -> BTreeMap<String, Figure> {
        let mut sums = DaySums::default();
        self.each_day(actor, center, days, &mut |_, _, day| {
            day_tallies(day, &mut |tally| sums.take(tally));
        });
        sums.figures()
    }

    /// Tells of every day of the centers that one may see, from `from` to `to`: once of what was counted on it, and once
    /// of how it stands with its report, if one is owed.
    pub(super) fn each_day(
        &self,
        actor: &Actor,
        center: Option<&CenterId>,
        (from, to): (NaiveDate, NaiveDate),
        tell: &mut impl FnMut(&CenterId, NaiveDate, &CountedDay<'_>),
    ) {
        let rules = &self.core.district.rules;
        let seen = rules
            .centers
            .keys()
            .filter(|id| center.is_none_or(|center| center == *id) && may_read(actor, id));
        let last = to.min(rules.calendar.date_of(self.now));
        let days = self.centers.days();
        let nothing = BTreeMap::new();
        for id in seen {
            for (date, day) in days.between(id, from, to) {
                let by_outcome = day.counts(self.seen_to);
                tell(id, date, &CountedDay { by_outcome: &by_outcome, standing: None });
            }
            let Some(begin) = self.begin else { continue };
            for date in working_days_back(self.core, begin.max(from), last) {
                let standing = self.standing(date, self.report(days.day(id, date)));
                tell(id, date, &CountedDay { by_outcome: &nothing, standing: Some(standing) });
            }
        }
    }
}

/// The working days from `to` back to `from`, both included.
fn working_days_back(
    core: &Core,
    from: NaiveDate,
    to: NaiveDate,
) -> impl Iterator<Item = NaiveDate> {
    let calendar = &core.district.rules.calendar;
    let days = std::iter::successors(Some(to), NaiveDate::pred_opt);
    days.take_while(move |day| *day >= from).filter(|day| calendar.is_working_day(*day))
}

#[cfg(test)]
mod tests;
