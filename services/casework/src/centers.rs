//! A center's day: the questions that it counts, and the report with which it closes.
//!
//! Invariants: pure; no person in what is counted; a day that nobody closed is silent, a day closed with nothing is a
//! report of zero; the first close of a day counts; what is tallied for a day is counted whatever comes in between, so
//! the order of the facts does not matter.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use chrono::{NaiveDate, TimeDelta};
use proto_events::Timestamp;
use proto_events::centers::{
    CenterDayClosed, CenterEvent, ConsultationOutcome, ConsultationTallied, CountedTo,
    OutcomeCount, TopicCount,
};
use proto_events::codes::{Channel, Role};
use proto_events::ids::CenterId;

use crate::calendar::WorkingCalendar;
use crate::command::Actor;
use crate::free_text;
use crate::permission;
use crate::refusal::{FieldFault, Refusal, RefusalCode};
use crate::rules::Rules;

#[cfg(test)]
mod tests;

/// Most questions of one tally: more than a counter answers in a day, so a slip of the keyboard shows.
pub const COUNT_MAX: u32 = 500;

/// How far back a question may be counted, in days: over a weekend or the paper list of a week.
pub const TALLY_DAYS_BACK_MAX: i64 = 7;

/// How far back a day may be closed, in days: after the longest holiday, and as far as a case may be written down later.
pub const CLOSE_DAYS_BACK_MAX: i64 = 31;

/// Longest topic in characters: as long as the name of a matter.
pub const TOPIC_CHARS_MAX: usize = 100;

/// Most topics that a report lists; more would be no report.
pub const TOPICS_REPORTED_MAX: usize = 100;

/// The wish to count questions of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// The center that was asked.
    pub center: CenterId,
    /// What was asked about.
    pub topic: String,
    /// How it came in.
    pub channel: Channel,
    /// What it led to.
    pub outcome: ConsultationOutcome,
    /// How many; none: one.
    pub count: Option<u32>,
    /// On which day; none: today.
    pub date: Option<NaiveDate>,
}

/// What a decision about a center stands on.
#[derive(Debug, Clone, Copy)]
pub struct CenterContext<'a> {
    /// The time, read once.
    pub now: Timestamp,
    /// Who wishes it.
    pub actor: &'a Actor,
    /// The district.
    pub rules: &'a Rules,
}

/// Whether this person may count questions and close days at this center: its clerks and director, and the coordinator.
#[must_use]
pub fn may_report(actor: &Actor, center: &CenterId) -> bool {
    matches!(actor.role, Role::Clerk | Role::Director | Role::Coordinator)
        && permission::is_of_center(actor, center)
}

/// Whether this person may count questions and close days at any center.
#[must_use]
pub fn may_report_somewhere(actor: &Actor) -> bool {
    match &actor.center {
        Some(own) => may_report(actor, own),
        None => actor.role == Role::Coordinator,
    }
}

/// Refuses who may not do this at a center.
#[must_use]
pub fn forbidden(actor: &Actor, place: &str) -> Refusal {
    Refusal::Forbidden(format!(
        "the role {} ({}) may not do this for {place} (不在本中心或无权)",
        actor.role.code(),
        actor.role.label_zh()
    ))
}

/// Whether this person may see the counts of this center: those who see its cases because of the center or the district,
/// not because of a department.
#[must_use]
pub fn may_read(actor: &Actor, center: &CenterId) -> bool {
    permission::sees(actor, center, |_| false)
}

/// Decides to count questions; `is_closed` tells whether the center has closed a day.
///
/// # Errors
/// The refusal: who is not allowed to, what is wrong with the wish, personal data in the topic, or a closed day.
pub fn decide_tally(
    wish: &Tally,
    is_closed: impl FnOnce(NaiveDate) -> bool,
    context: &CenterContext<'_>,
) -> Result<ConsultationTallied, Refusal> {
    let Tally { center, channel, outcome, .. } = wish;
    let mut faults = Vec::new();
    check_center(center, context)?;
    if !context.rules.centers.contains_key(center) {
        faults.push(fault("/center", format!("the district has no center {center}")));
    }
    let topic = wish.topic.split_whitespace().collect::<Vec<_>>().join(" ");
    let chars = topic.chars().count();
    if chars == 0 {
        faults.push(fault("/topic", "must not be empty (不能为空)"));
    } else if chars > TOPIC_CHARS_MAX {
        let text = format!("at most {TOPIC_CHARS_MAX} characters (不超过{TOPIC_CHARS_MAX}字)");
        faults.push(fault("/topic", text));
    } else if topic.chars().any(char::is_control) {
        faults.push(fault("/topic", "has control characters"));
    }
    let count = wish.count.unwrap_or(1);
    if !(1..=COUNT_MAX).contains(&count) {
        faults.push(fault("/count", format!("must be 1 to {COUNT_MAX}")));
    }
    let today = context.rules.calendar.date_of(context.now);
    let day = wish.date.unwrap_or(today);
    if let Err(text) = check_day(day, today, TALLY_DAYS_BACK_MAX) {
        faults.push(fault("/date", text));
    }
    if !faults.is_empty() {
        return Err(Refusal::Invalid(faults));
    }
    if free_text::find_personal_data(&topic).is_some() {
        return Err(Refusal::rule(
            RefusalCode::PiiInText,
            "/topic contains an ID, phone or bank card number (文字中含有个人号码)",
        ));
    }
    if is_closed(day) {
        return Err(Refusal::rule(
            RefusalCode::DayClosed,
            format!("{center} has closed {day} (该日已日结)"),
        ));
    }
    let (center, channel, outcome) = (center.clone(), *channel, *outcome);
    Ok(ConsultationTallied { center, day, topic, channel, outcome, count })
}

/// Checks a wish to close a day before anything is counted for it.
///
/// # Errors
/// The refusal: who is not allowed to, an unknown center, a day in the future or too far back.
pub fn check_close(
    center: &CenterId,
    day: NaiveDate,
    context: &CenterContext<'_>,
) -> Result<(), Refusal> {
    check_center(center, context)?;
    if !context.rules.centers.contains_key(center) {
        return Err(Refusal::NotFound);
    }
    let today = context.rules.calendar.date_of(context.now);
    check_day(day, today, CLOSE_DAYS_BACK_MAX).map_err(|text| Refusal::invalid("/date", &text))
}

/// Decides to close a day with what was counted for it; `None` when it is closed already.
///
/// # Errors
/// As [`check_close`].
pub fn decide_close(
    center: &CenterId,
    day: NaiveDate,
    known: &CenterDay,
    cases_opened: u64,
    counted_to: CountedTo,
    context: &CenterContext<'_>,
) -> Result<Option<CenterDayClosed>, Refusal> {
    check_close(center, day, context)?;
    if known.closed.is_some() {
        return Ok(None);
    }
    Ok(Some(CenterDayClosed {
        center: center.clone(),
        day,
        consultations: known.consultations(),
        by_outcome: known.by_outcome(),
        by_topic: known.by_topic(TOPICS_REPORTED_MAX),
        cases_opened,
        late: context.now > context.rules.calendar.closing_of(day),
        counted_to: Some(counted_to),
    }))
}

fn check_center(center: &CenterId, context: &CenterContext<'_>) -> Result<(), Refusal> {
    if may_report(context.actor, center) {
        return Ok(());
    }
    Err(forbidden(context.actor, center.as_str()))
}

fn check_day(day: NaiveDate, today: NaiveDate, days_back_max: i64) -> Result<(), String> {
    if day > today {
        return Err("lies in the future (不能晚于今天)".to_owned());
    }
    if today.signed_duration_since(day) > TimeDelta::days(days_back_max) {
        return Err(format!(
            "lies more than {days_back_max} days back (不能早于{days_back_max}天前)"
        ));
    }
    Ok(())
}

fn fault(pointer: &str, detail: impl Into<String>) -> FieldFault {
    FieldFault { pointer: pointer.to_owned(), detail: detail.into() }
}

/// What makes two questions alike.
pub type QuestionKind = (String, Channel, ConsultationOutcome);

/// A day of a center, as its events have made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CenterDay {
    /// How many questions of each kind.
    pub counts: BTreeMap<QuestionKind, u64>,
    /// The report with which it was closed, and when.
    pub closed: Option<(CenterDayClosed, Timestamp)>,
}

impl CenterDay {
    /// Takes an event of this day in. Total: a second close changes nothing, a tally counts whenever it comes.
    pub fn evolve(&mut self, event: CenterEvent, at: Timestamp) {
        match event {
            CenterEvent::ConsultationTallied(tally) => {
                let kind = (tally.topic, tally.channel, tally.outcome);
                let count = self.counts.entry(kind).or_default();
                *count = count.saturating_add(u64::from(tally.count));
            }
            CenterEvent::CenterDayClosed(close) => {
                self.closed.get_or_insert((close, at));
            }
        }
    }

    /// How many questions in all.
    #[must_use]
    pub fn consultations(&self) -> u64 {
        self.counts.values().sum()
    }

    /// How many questions had each outcome; every outcome is named.
    #[must_use]
    pub fn by_outcome(&self) -> Vec<OutcomeCount> {
        let of = |outcome| self.counts.iter().filter(move |(kind, _)| kind.2 == outcome);
        ConsultationOutcome::ALL
            .iter()
            .map(|outcome| OutcomeCount {
                outcome: *outcome,
                count: of(*outcome).map(|(_, count)| count).sum(),
            })
            .collect()
    }

    /// How many questions were about each topic, most first, at most `limit` topics.
    #[must_use]
    pub fn by_topic(&self, limit: usize) -> Vec<TopicCount> {
        let mut topics: BTreeMap<&str, u64> = BTreeMap::new();
        for ((topic, ..), count) in &self.counts {
            *topics.entry(topic).or_default() += count;
        }
        let mut topics: Vec<TopicCount> = topics
            .into_iter()
            .map(|(topic, count)| TopicCount { topic: topic.to_owned(), count })
            .collect();
        // Stable: topics of one count stay in the order of their names.
        topics.sort_by_key(|topic| core::cmp::Reverse(topic.count));
        topics.truncate(limit);
        topics
    }
}

/// How a center stands with the report of a day (日报状态).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayStanding {
    /// Closed by the close of business.
    Reported,
    /// Closed after it.
    Late,
    /// The day is over and nobody closed it. Not zero: nobody knows.
    Silent,
    /// The day is not over yet.
    Pending,
}

impl DayStanding {
    /// Tells how a day stands; `closed_late` is the `late` of its report.
    #[must_use]
    pub fn of(
        day: NaiveDate,
        closed_late: Option<bool>,
        now: Timestamp,
        calendar: &WorkingCalendar,
    ) -> Self {
        match closed_late {
            Some(false) => Self::Reported,
            Some(true) => Self::Late,
            None if now > calendar.closing_of(day) => Self::Silent,
            None => Self::Pending,
        }
    }

    /// The code as it stands in answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Late => "late",
            Self::Silent => "silent",
            Self::Pending => "pending",
        }
    }

    /// Whether a report was due or is there: what the heartbeat counts.
    #[must_use]
    pub const fn is_due(self) -> bool {
        !matches!(self, Self::Pending)
    }

    /// Whether there is a report.
    #[must_use]
    pub const fn is_reported(self) -> bool {
        matches!(self, Self::Reported | Self::Late)
    }
}
