//! What a center does beside its cases: questions that it answered, and days that it closed.
//!
//! Invariants: no person stands in these events; they need no knowledge of anything else and commute, so they are
//! appended without an expectation; a day without an event is silent, a day closed with nothing is a report of zero.
//!
//! To add an event: its struct and its line in `center_events!`, a sample `samples/center.<name>.v1.json`, its fold in
//! `casework::centers`, and the golden tests with `UPDATE_GOLDEN=1`.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes::{Channel, UnknownCode, codes};
use crate::events::Service;
use crate::ids::{CenterId, CommandId};
use crate::kinds::event_kinds;
use crate::upcast::UnreadableEvent;

/// What every event type of a center begins with.
pub const TYPE_PREFIX: &str = "cn.unstuck.center.";

codes! {
    /// What a question at the counter led to (咨询结果).
    ConsultationOutcome {
        ToldRoute = "told_route", "告知去向", "Told where to go";
        PrintedGuide = "printed_guide", "打印指南", "Guide printed";
        NamedContact = "named_contact", "指定联系人", "Named contact given";
        BecameCase = "became_case", "转为登记", "Became a case";
    }
}

/// Questions of one kind were answered and counted (咨询计数). Nobody is named: a question is a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsultationTallied {
    /// The center that was asked.
    pub center: CenterId,
    /// The day on which it was asked, in the district's time.
    pub day: NaiveDate,
    /// What was asked about, 1 to 100 characters: the matter's name or a few words.
    pub topic: String,
    /// How the question came in.
    pub channel: Channel,
    /// What it led to.
    pub outcome: ConsultationOutcome,
    /// How many such questions, 1 to 500.
    pub count: u32,
}

/// How many consultations had an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeCount {
    /// The outcome.
    pub outcome: ConsultationOutcome,
    /// How many consultations.
    pub count: u64,
}

/// How many consultations were about a topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopicCount {
    /// The topic as it was tallied.
    pub topic: String,
    /// How many consultations.
    pub count: u64,
}

/// Up to where the streams were read when a day was counted, so that the count can be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountedTo {
    /// The last sequence of the stream of centers.
    pub centers: u64,
    /// The last sequence of the stream of cases.
    pub cases: u64,
}

/// A center closed its day and reported what it had, zero included (日结). The first close of a day counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CenterDayClosed {
    /// The center.
    pub center: CenterId,
    /// The day that is closed, in the district's time.
    pub day: NaiveDate,
    /// Consultations tallied for that day.
    pub consultations: u64,
    /// The consultations by outcome, every outcome in the order of its list.
    pub by_outcome: Vec<OutcomeCount>,
    /// The consultations by topic, most first, at most 100; what is missing to the total was about others.
    pub by_topic: Vec<TopicCount>,
    /// Cases that the center opened on that day.
    pub cases_opened: u64,
    /// Whether it was closed after the close of business of that day.
    pub late: bool,
    /// Up to where the streams were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_to: Option<CountedTo>,
}

event_kinds! {
    /// One event of a center.
    #[derive(Debug, Clone, PartialEq, Eq)]
    CenterEvent,
    /// Which event it is, without its data.
    CenterEventKind, "cn.unstuck.center.";
    ConsultationTallied, "consultation_tallied", v 1, "咨询计数";
    CenterDayClosed, "center_day_closed", v 1, "日结";
}

impl CenterEventKind {
    /// The service that writes it.
    #[must_use]
    pub const fn service(self) -> Service {
        Service::Intake
    }
}

impl CenterEvent {
    /// The full type with its version.
    #[must_use]
    pub const fn event_type(&self) -> &'static str {
        self.kind().event_type()
    }

    /// The center that it is about.
    #[must_use]
    pub const fn center(&self) -> &CenterId {
        match self {
            Self::ConsultationTallied(tally) => &tally.center,
            Self::CenterDayClosed(close) => &close.center,
        }
    }

    /// The day that it is about.
    #[must_use]
    pub const fn day(&self) -> NaiveDate {
        match self {
            Self::ConsultationTallied(tally) => tally.day,
            Self::CenterDayClosed(close) => close.day,
        }
    }
}

/// Derives the id of the command that closes a day of a center: whoever closes it, and however often, it is the same.
#[must_use]
pub fn close_command(center: &CenterId, day: NaiveDate) -> CommandId {
    CommandId::of_key(center.as_str(), &alloc::format!("close/{day}"))
}

/// Reads an event of a center.
///
/// # Errors
/// See [`UnreadableEvent`]; such an event goes to quarantine and is never dropped.
pub fn read(event_type: &str, body: &[u8]) -> Result<CenterEvent, UnreadableEvent> {
    let data: Value = serde_json::from_slice(body).map_err(UnreadableEvent::NotJson)?;
    let kind = CenterEventKind::of_type(event_type)
        .ok_or_else(|| UnreadableEvent::UnknownType(event_type.into()))?;
    kind.read(data)
        .map_err(|source| UnreadableEvent::Shape { event_type: event_type.into(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_a_case_or_of_the_future_is_unreadable() {
        for event_type in ["cn.unstuck.case.opened.v1", "cn.unstuck.center.center_day_closed.v9"] {
            let error = read(event_type, b"{}").unwrap_err();
            assert!(matches!(error, UnreadableEvent::UnknownType(_)), "{error}");
        }
    }

    #[test]
    fn a_day_of_a_center_is_closed_by_one_command_for_ever() {
        let id =
            |center: &str, day: &str| close_command(&center.parse().unwrap(), day.parse().unwrap());
        assert_eq!(id("jingshan", "2021-01-26"), id("jingshan", "2021-01-26"));
        assert_ne!(id("jingshan", "2021-01-26"), id("jingshan", "2021-01-27"));
        assert_ne!(id("jingshan", "2021-01-26"), id("dongsi", "2021-01-26"));
    }

    #[test]
    fn every_outcome_reads_back() {
        for outcome in ConsultationOutcome::ALL {
            assert_eq!(outcome.code().parse(), Ok(*outcome));
        }
    }
}
