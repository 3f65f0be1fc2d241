//! What a history amounts to, on one screen.

use std::collections::{BTreeMap, HashMap};

use proto_events::Timestamp;
use proto_events::centers::CenterEvent;
use proto_events::codes::{Exclusion, Resolution};
use proto_events::events::CaseEvent;
use proto_events::ids::CaseId;

use crate::history::Fact;
use crate::life::Told;

/// How a case ended, as far as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    /// Done.
    Resolved(Resolution),
    /// It cannot be done, and was explained.
    Explained,
    /// Not taken on.
    Declined(Exclusion),
    /// The applicant took it back.
    Withdrawn,
    /// It went to a body outside the district.
    Transferred,
}

/// What is remembered of a case.
#[derive(Debug, Clone, Copy)]
struct Line {
    due_at: Timestamp,
    ended: Option<(Ended, Timestamp)>,
}

/// Counts a history while it passes.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    lines: HashMap<CaseId, Line>,
    kinds: BTreeMap<&'static str, u64>,
    case_events: u64,
    center_events: u64,
    consultations: u64,
    days_closed: u64,
    learning_events: u64,
    learned: BTreeMap<&'static str, u64>,
}

impl Summary {
    /// Takes a fact in.
    pub fn take(&mut self, fact: &Fact) {
        match fact {
            Fact::Case(told) => self.take_case(told),
            Fact::Center(told) => {
                self.center_events += 1;
                match &told.event {
                    CenterEvent::ConsultationTallied(tally) => {
                        self.consultations += u64::from(tally.count);
                    }
                    CenterEvent::CenterDayClosed(_) => self.days_closed += 1,
                }
            }
            Fact::Learning(told) => {
                self.learning_events += 1;
                *self.learned.entry(told.event.kind().name()).or_default() += 1;
            }
        }
    }

    fn take_case(&mut self, told: &Told) {
        self.case_events += 1;
        *self.kinds.entry(told.event.kind().name()).or_default() += 1;
        if let CaseEvent::Opened(data) = &told.event {
            self.lines.insert(told.case_id, Line { due_at: data.due_at, ended: None });
            return;
        }
        let Some(line) = self.lines.get_mut(&told.case_id) else { return };
        let ended = match &told.event {
            CaseEvent::Resolved(data) => Ended::Resolved(data.resolution),
            CaseEvent::Explained(data) if data.ends => Ended::Explained,
            CaseEvent::Declined(data) => Ended::Declined(data.exclusion),
            CaseEvent::Withdrawn(_) => Ended::Withdrawn,
            CaseEvent::Transferred(_) => Ended::Transferred,
            CaseEvent::Reopened(data) => {
                *line = Line { due_at: data.due_at, ended: None };
                return;
            }
            CaseEvent::ClockResumed(data) => return line.due_at = data.due_at,
            CaseEvent::DeadlineExtended(data) => return line.due_at = data.due_at,
            CaseEvent::Reclassified(data) => return line.due_at = data.due_at,
            _ => return,
        };
        line.ended = Some((ended, told.time));
    }

    /// How many cases were opened.
    #[must_use]
    pub fn cases(&self) -> u64 {
        self.lines.len() as u64
    }

    /// How many events of cases were told.
    #[must_use]
    pub fn case_events(&self) -> u64 {
        self.case_events
    }

    /// How many events of centers were told.
    #[must_use]
    pub fn center_events(&self) -> u64 {
        self.center_events
    }

    /// How many events of all streams were told.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.case_events + self.center_events + self.learning_events
    }

    /// How many events of each kind were told.
    #[must_use]
    pub fn kinds(&self) -> &BTreeMap<&'static str, u64> {
        &self.kinds
    }

    /// The summary in lines for a terminal, as of the end of the history.
    #[must_use]
    pub fn lines(&self, until: Timestamp) -> Vec<String> {
        let mut ends: BTreeMap<Ended, u64> = BTreeMap::new();
        let (mut ended, mut on_time, mut open, mut overdue) = (0_u64, 0_u64, 0_u64, 0_u64);
        for line in self.lines.values() {
            match line.ended {
                Some((how, at)) => {
                    *ends.entry(how).or_default() += 1;
                    ended += 1;
                    on_time += u64::from(at <= line.due_at);
                }
                None => {
                    open += 1;
                    overdue += u64::from(line.due_at < until);
                }
            }
        }
        let total = self.cases().max(1);
        let mut lines = vec![format!(
            "{} cases, {} events, up to {}",
            self.cases(),
            self.case_events,
            until.format("%Y-%m-%d %H:%M")
        )];
        let row = |name: &str, count: u64| {
            format!("  {name:<44} {count:>8}  {:>5.1} %", count as f64 * 100.0 / total as f64)
        };
        for (how, count) in &ends {
            let name = match how {
                Ended::Resolved(code) => format!("{code} {}", code.label_en()),
                Ended::Explained => "   Explained".to_owned(),
                Ended::Declined(code) => format!("{code} Declined: {}", code.label_en()),
                Ended::Withdrawn => "   Withdrawn".to_owned(),
                Ended::Transferred => "   Transferred".to_owned(),
            };
            lines.push(row(&name, *count));
        }
        lines.push(row("   Open", open));
        lines.push(format!(
            "  on time {on_time} of {ended} that ended ({:.1} %), overdue now {overdue}",
            on_time as f64 * 100.0 / ended.max(1) as f64
        ));
        let count = |name: &str| self.kinds.get(name).copied().unwrap_or(0);
        lines.push(format!(
            "  returned {}, task forces {}, special handling {}, paused {}, reopened {}, steps of clocks {}",
            count("returned"),
            count("task_force_convened"),
            count("special_handling_requested"),
            count("clock_paused"),
            count("reopened"),
            count("escalated")
        ));
        lines.push(format!(
            "  {} consultations in {} tallies, {} days closed",
            self.consultations,
            self.center_events - self.days_closed,
            self.days_closed
        ));
        let learned = |name: &str| self.learned.get(name).copied().unwrap_or(0);
        lines.push(format!(
            "  precedents {} (applied {} times), improvements {} (done {}, verified {})",
            learned("precedent_published"),
            learned("precedent_applied"),
            learned("improvement_opened"),
            learned("improvement_done"),
            learned("improvement_verified")
        ));
        lines
    }
}
