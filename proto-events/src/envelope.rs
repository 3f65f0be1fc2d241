//! The envelope of an event: CloudEvents 1.0 attributes in NATS binary mode, and our own beside them.
//!
//! Invariants: header names are spelt here and nowhere else (NATS compares them case-sensitively);
//! a value never carries a line break, so nobody can smuggle in a header; no personal data stands here.
//!
//! Headers that do not begin with `ce-` say how an event came, and are no part of it: no signature covers them.
//! Two of the others are no part of the envelope: `ce-previous` and `ce-mac`, by which a change of the log behind the services'
//! backs is found. Whoever appends adds them (`runtime::log::chain`).

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::Timestamp;
use crate::codes::Role;
use crate::ids::{CommandId, EventId};

/// The version of CloudEvents that the envelope follows.
pub const SPEC_VERSION: &str = "1.0";

/// Header names on the bus.
pub mod header {
    #![expect(missing_docs, reason = "each name is the attribute that it carries; see `Envelope`")]
    pub const SPEC_VERSION: &str = "ce-specversion";
    pub const ID: &str = "ce-id";
    pub const SOURCE: &str = "ce-source";
    pub const TYPE: &str = "ce-type";
    pub const SUBJECT: &str = "ce-subject";
    pub const TIME: &str = "ce-time";
    pub const CONTENT_TYPE: &str = "ce-datacontenttype";
    pub const RECORDED_AT: &str = "ce-recordedat";
    pub const ACTOR: &str = "ce-actor";
    pub const ROLE: &str = "ce-role";
    pub const COMMAND_ID: &str = "ce-commandid";
    pub const COMMAND_HASH: &str = "ce-commandhash";
    pub const CAUSATION_ID: &str = "ce-causationid";
    pub const CORRELATION_ID: &str = "ce-correlationid";
    pub const TRACE_PARENT: &str = "traceparent";
    pub const PREVIOUS: &str = "ce-previous";
    pub const MAC: &str = "ce-mac";
    pub const NATS_MESSAGE_ID: &str = "Nats-Msg-Id";
    /// When the district took an event that a center with a server of its own had written; by the district's clock.
    pub const ARRIVED_AT: &str = "Unstuck-Arrived-At";
    /// By how many seconds the center's clock was ahead then, when that was beyond the limit; negative: behind.
    pub const CLOCK_AHEAD: &str = "Unstuck-Clock-Ahead";
}

/// Everything about an event except what happened: who, when, why, by which command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Identifies the event; also the bus's message id.
    pub id: EventId,
    /// Where it was written: `/<district>/<service>[/<center>]`.
    pub source: String,
    /// The full type with its version, `cn.unstuck.case.forwarded.v1`.
    pub event_type: String,
    /// What it is about: the case id.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// When the service wrote it down; later than `time` when a line was down.
    pub recorded_at: Timestamp,
    /// The username of the person who did it, or the name of the reaction.
    pub actor: String,
    /// The role in which the actor did it.
    pub role: Role,
    /// The command that led to it; the same command is never carried out twice.
    pub command_id: CommandId,
    /// Keyed hash of the request, to tell a repeat from another request with the same key.
    pub command_hash: Option<String>,
    /// The event that caused the command, when a reaction sent it.
    pub causation_id: Option<EventId>,
    /// The first event or request of the chain.
    pub correlation_id: Option<String>,
    /// W3C trace context of the request.
    pub trace_parent: Option<String>,
}

/// Says which header of a message cannot be read, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// A header that every event has is missing.
    #[error("header {0} is missing")]
    Missing(&'static str),
    /// A header has a value that is not of its form.
    #[error("header {name} has the value {value:?}, which cannot be read")]
    Unreadable {
        /// The header.
        name: &'static str,
        /// Its value, cut to 80 characters.
        value: String,
    },
}

impl Envelope {
    /// Lists the headers of a message with this envelope.
    #[must_use]
    pub fn to_headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(16);
        headers.push((header::SPEC_VERSION, SPEC_VERSION.to_owned()));
        headers.push((header::ID, self.id.to_string()));
        headers.push((header::NATS_MESSAGE_ID, self.id.to_string()));
        headers.push((header::SOURCE, one_line(&self.source)));
        headers.push((header::TYPE, one_line(&self.event_type)));
        headers.push((header::SUBJECT, one_line(&self.subject)));
        headers.push((header::TIME, self.time.to_rfc3339()));
        headers.push((header::CONTENT_TYPE, "application/json".to_owned()));
        headers.push((header::RECORDED_AT, self.recorded_at.to_rfc3339()));
        headers.push((header::ACTOR, one_line(&self.actor)));
        headers.push((header::ROLE, self.role.code().to_owned()));
        headers.push((header::COMMAND_ID, self.command_id.to_string()));
        if let Some(hash) = &self.command_hash {
            headers.push((header::COMMAND_HASH, one_line(hash)));
        }
        if let Some(cause) = &self.causation_id {
            headers.push((header::CAUSATION_ID, cause.to_string()));
        }
        if let Some(correlation) = &self.correlation_id {
            headers.push((header::CORRELATION_ID, one_line(correlation)));
        }
        if let Some(parent) = &self.trace_parent {
            headers.push((header::TRACE_PARENT, one_line(parent)));
        }
        headers
    }

    /// Reads the envelope from a message's headers.
    ///
    /// # Errors
    /// Names the first header that is missing or unreadable; such a message goes to quarantine.
    pub fn from_headers<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Result<Self, EnvelopeError> {
        let required = |name| get(name).ok_or(EnvelopeError::Missing(name));
        let version = required(header::SPEC_VERSION)?;
        if version != SPEC_VERSION {
            return Err(unreadable(header::SPEC_VERSION, version));
        }
        Ok(Self {
            id: parsed(header::ID, required(header::ID)?)?,
            source: required(header::SOURCE)?.to_owned(),
            event_type: required(header::TYPE)?.to_owned(),
            subject: required(header::SUBJECT)?.to_owned(),
            time: instant(header::TIME, required(header::TIME)?)?,
            recorded_at: instant(header::RECORDED_AT, required(header::RECORDED_AT)?)?,
            actor: required(header::ACTOR)?.to_owned(),
            role: parsed(header::ROLE, required(header::ROLE)?)?,
            command_id: parsed(header::COMMAND_ID, required(header::COMMAND_ID)?)?,
            command_hash: get(header::COMMAND_HASH).map(ToOwned::to_owned),
            causation_id: get(header::CAUSATION_ID)
                .map(|value| parsed(header::CAUSATION_ID, value))
                .transpose()?,
            correlation_id: get(header::CORRELATION_ID).map(ToOwned::to_owned),
            trace_parent: get(header::TRACE_PARENT).map(ToOwned::to_owned),
        })
    }
}

fn parsed<T: core::str::FromStr>(name: &'static str, value: &str) -> Result<T, EnvelopeError> {
    value.parse().map_err(|_| unreadable(name, value))
}

fn instant(name: &'static str, value: &str) -> Result<Timestamp, EnvelopeError> {
    Timestamp::parse_from_rfc3339(value).map_err(|_| unreadable(name, value))
}

fn unreadable(name: &'static str, value: &str) -> EnvelopeError {
    EnvelopeError::Unreadable { name, value: value.chars().take(80).collect() }
}

/// Folds line breaks and other control characters into spaces.
fn one_line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use super::*;
    use crate::ids::EventId;
    use uuid::Uuid;

    fn envelope() -> Envelope {
        let at = Timestamp::parse_from_rfc3339("2021-01-26T15:10:00+08:00").unwrap();
        let command_id = CommandId(Uuid::from_u128(7));
        Envelope {
            id: EventId::of_command(command_id, 0),
            source: "/dongcheng/intake/donghuashi".to_owned(),
            event_type: "cn.unstuck.case.opened.v1".to_owned(),
            subject: "a case".to_owned(),
            time: at,
            recorded_at: at,
            actor: "clerk\r\nNats-Rollup: all".to_owned(),
            role: Role::Clerk,
            command_id,
            command_hash: Some("00ff".to_owned()),
            causation_id: None,
            correlation_id: None,
            trace_parent: None,
        }
    }

    #[test]
    fn an_envelope_reads_back_from_its_headers() {
        let mut expected = envelope();
        let headers: BTreeMap<_, _> = expected.to_headers().into_iter().collect();
        let read = Envelope::from_headers(|name| headers.get(name).map(String::as_str)).unwrap();
        expected.actor = "clerk  Nats-Rollup: all".to_owned();
        assert_eq!(read, expected);
    }

    #[test]
    fn no_header_value_carries_a_line_break() {
        for (name, value) in envelope().to_headers() {
            assert!(!value.contains(['\r', '\n']), "{name}");
        }
    }

    #[test]
    fn a_missing_header_is_named() {
        assert_eq!(
            Envelope::from_headers(|_| None),
            Err(EnvelopeError::Missing(header::SPEC_VERSION))
        );
    }
}
