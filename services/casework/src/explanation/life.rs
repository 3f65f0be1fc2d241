//! The life of each run of a clock, out of the events: begun, moved, stopped.
//!
//! Invariant: a run begins with the event after which [`Case::clocks`] has it and stops with the event after which
//! it is gone. Nothing here knows which event starts which clock.

use alloc::string::ToString;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{Clock, Complexity, PauseReason};
use proto_events::events::CaseEvent;

use super::{ExtensionSpan, Happening, PauseSpan, Recalculation, Reclassification, Words};
use crate::calendar::WorkingCalendar;
use crate::case::{Case, EventMeta};
use crate::timetable::ClockRun;

/// One run of a clock, from the event that started it to the one that stopped it.
#[derive(Debug, Clone)]
pub(super) struct Life {
    /// The run as it last was.
    pub(super) run: ClockRun,
    pub(super) first_due_at: Timestamp,
    pub(super) started_by: Option<Happening>,
    pub(super) stopped_by: Option<Happening>,
    /// The limit that the events say, before extensions and pauses.
    pub(super) stated_days: Option<u32>,
    /// How hard the case is; of handling only.
    pub(super) complexity: Option<Complexity>,
    pub(super) extension: Option<ExtensionSpan>,
    pub(super) reclassifications: Vec<Reclassification>,
    pub(super) recalculations: Vec<Recalculation>,
    stops: Vec<Stop>,
}

/// A pause as the events tell it.
#[derive(Debug, Clone, Copy)]
struct Stop {
    reason: PauseReason,
    since: Timestamp,
    until: Timestamp,
    ended: Option<StopEnd>,
}

#[derive(Debug, Clone, Copy)]
struct StopEnd {
    at: Timestamp,
    automatic: bool,
    working_days: Option<u32>,
}

impl Life {
    fn of(run: ClockRun, started_by: Option<Happening>) -> Self {
        Self {
            first_due_at: run.due_at,
            run,
            started_by,
            stopped_by: None,
            stated_days: None,
            complexity: None,
            extension: None,
            reclassifications: Vec::new(),
            recalculations: Vec::new(),
            stops: Vec::new(),
        }
    }

    fn is(&self, run: &ClockRun) -> bool {
        self.run.clock == run.clock && self.run.occurrence == run.occurrence
    }

    /// The pauses, with the working days by which they moved the promise.
    pub(super) fn pauses(&self, calendar: &WorkingCalendar, now: Timestamp) -> Vec<PauseSpan> {
        let days = |from: Timestamp, to: Timestamp| {
            let days = calendar.working_days_between(calendar.date_of(from), calendar.date_of(to));
            u32::try_from(days).unwrap_or(0)
        };
        let span = |stop: &Stop| PauseSpan {
            reason: stop.reason,
            label: Words::new(stop.reason.label_zh(), stop.reason.label_en()),
            from: stop.since,
            to: stop.ended.map(|end| end.at),
            until: stop.until,
            automatic: stop.ended.is_some_and(|end| end.automatic),
            working_days: match stop.ended {
                Some(end) => end.working_days.unwrap_or_else(|| days(stop.since, end.at)),
                None => days(stop.since, now.min(stop.until)),
            },
        };
        self.stops.iter().map(span).collect()
    }

    /// Takes what an event says about the handling clock.
    fn note(&mut self, meta: &EventMeta, event: &CaseEvent) {
        match event {
            // A second opening, or a wish to reopen what is open, promises nothing.
            CaseEvent::Opened(data) if self.began_with(meta) => {
                self.stated_days = data.working_days;
            }
            CaseEvent::Reopened(data) if self.began_with(meta) => {
                self.stated_days = data.working_days;
            }
            CaseEvent::ClockPaused(data) => {
                self.end_pause(meta.time, false, Some(0));
                self.stops.push(Stop {
                    reason: data.reason,
                    since: meta.time,
                    until: data.until,
                    ended: None,
                });
            }
            CaseEvent::ClockResumed(data) => {
                self.end_pause(meta.time, data.automatic, data.working_days);
            }
            CaseEvent::DeadlineExtended(data) => {
                self.extension = Some(ExtensionSpan {
                    working_days: data.working_days,
                    reason: data.reason.clone(),
                    at: meta.time,
                    applicant_told_at: data.applicant_told_at,
                    due_at: data.due_at,
                });
            }
            CaseEvent::Reclassified(data) => {
                if let Some(total) = data.working_days {
                    self.stated_days = Some(total.saturating_sub(self.added_days()));
                } else if data.complexity.is_some() {
                    self.stated_days = None;
                }
                if let Some(change) = &data.complexity {
                    self.complexity = Some(change.to);
                    self.reclassifications.push(Reclassification {
                        at: meta.time,
                        from: change.from,
                        to: change.to,
                        reason: data.reason.to_string(),
                        due_at: data.due_at,
                    });
                }
            }
            CaseEvent::DeadlineRecalculated(data) => self.recalculations.push(Recalculation {
                at: meta.time,
                was_due_at: data.was_due_at,
                due_at: data.due_at,
                published_to: data.published_to,
            }),
            _ => {}
        }
    }

    fn began_with(&self, meta: &EventMeta) -> bool {
        self.started_by.as_ref().is_some_and(|event| event.event_id == meta.id)
    }

    /// The working days that pauses and the extension have added, as far as the events say.
    fn added_days(&self) -> u32 {
        let paused = self.stops.iter().filter_map(|stop| stop.ended?.working_days);
        let extended = self.extension.as_ref().map_or(0, |extension| extension.working_days);
        paused.fold(extended, u32::saturating_add)
    }

    fn end_pause(&mut self, at: Timestamp, automatic: bool, working_days: Option<u32>) {
        let Some(stop) = self.stops.last_mut().filter(|stop| stop.ended.is_none()) else { return };
        // Noticed late, a pause still ended when it was meant to.
        stop.ended = Some(StopEnd { at: at.min(stop.until), automatic, working_days });
    }
}

/// Follows the history and tells the life of every run, in the order in which they began.
///
/// `case` has the last word about what runs now; a run that the history does not show begins without an event.
pub(super) fn lives(case: &Case, history: &[(EventMeta, CaseEvent)]) -> Vec<Life> {
    let mut lives: Vec<Life> = Vec::new();
    let mut folded: Option<Case> = None;
    for (meta, event) in history {
        let is_copy = folded
            .as_ref()
            .is_some_and(|before| event.commutes() && before.facts_seen.contains(&meta.id));
        folded = Case::step(folded, meta, event);
        let Some(after) = folded.as_ref().filter(|_| !is_copy) else { continue };
        follow(&mut lives, &runs(after), Some(&Happening::of(meta, event)));
        let handling = lives
            .iter_mut()
            .rev()
            .find(|life| life.run.clock == Clock::Handling && life.stopped_by.is_none());
        if let Some(life) = handling {
            life.complexity.get_or_insert(after.complexity);
            life.note(meta, event);
        }
    }
    follow(&mut lives, &runs(case), None);
    lives
}

/// Takes the step from the runs that there were to those that there are.
fn follow(lives: &mut Vec<Life>, runs: &[ClockRun], by: Option<&Happening>) {
    for life in lives.iter_mut().filter(|life| life.stopped_by.is_none()) {
        if !runs.iter().any(|run| life.is(run))
            && let Some(by) = by
        {
            // Whatever ended the case ended its pause as well.
            life.end_pause(by.at, false, Some(0));
            life.stopped_by = Some(by.clone());
        }
    }
    for run in runs {
        match lives.iter_mut().find(|life| life.is(run)) {
            Some(life) => {
                life.run = run.clone();
                life.stopped_by = None;
            }
            None => lives.push(Life::of(run.clone(), by.cloned())),
        }
    }
}

/// The runs of a case that are not over: its clocks, the handling that stands still, and the right to return.
pub(super) fn runs(case: &Case) -> Vec<ClockRun> {
    let mut runs = case.clocks();
    if !case.is_open() {
        return runs;
    }
    if case.pause.is_some() {
        runs.push(ClockRun {
            clock: Clock::Handling,
            occurrence: case.reopen_count.saturating_add(1),
            started_at: case.handling_since,
            due_at: case.due_at,
        });
    }
    if case.department.is_some()
        && let Some(hop) = case.last_hop()
        && hop.returned_at.is_none()
        && let Some(until) = hop.return_until
    {
        runs.push(ClockRun {
            clock: Clock::Return,
            occurrence: u32::try_from(case.hops.len()).unwrap_or(u32::MAX),
            started_at: hop.at,
            due_at: until,
        });
    }
    runs
}
