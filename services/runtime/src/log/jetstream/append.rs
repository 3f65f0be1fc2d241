//! Appending the events of one command: one is a plain publish, several are one atomic batch (ADR-50).
//!
//! Invariants: the expectation stands on the first message only (on a later one the bus answers 10164
//! against our own batch); nothing is repeated here, because only a reader can tell what an unknown
//! outcome means; nothing is appended without link and MAC.

use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
};
use async_nats::{HeaderMap, Request, RequestErrorKind};
use proto_events::envelope::{Envelope, header};
use serde::Deserialize;

use super::{ANSWER_MAX, AppendError, Expected, JetStreamLog, NewEvent, Recorded};
use crate::log::chain::{self, Link, headers_of};
use crate::log::{check_append, random_id};

/// The bus's answer to an append, as far as we read it.
#[derive(Deserialize)]
struct Answer {
    error: Option<Refusal>,
    seq: Option<u64>,
    #[serde(default)]
    duplicate: bool,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl JetStreamLog {
    pub(super) async fn append_events(
        &self,
        subject: &str,
        expected: Expected<'_>,
        events: &[NewEvent],
    ) -> Result<u64, AppendError> {
        check_append(subject, events)?;
        let Some(key) = &self.key else {
            return Err(AppendError::Refused("this log was opened for reading".to_owned()));
        };
        let Some((last, earlier)) = events.split_last() else {
            return Err(AppendError::Refused("no events".to_owned()));
        };
        let signed = headers_of(Some(key), subject, expected, events);
        let batch = match earlier.is_empty() {
            true => None,
            false => {
                Some(random_id().map_err(|e| AppendError::Refused(e.to_string()))?.to_string())
            }
        };
        let client = self.context.client();
        let headers_at = |index: usize| {
            let mut headers = HeaderMap::new();
            for (name, value) in signed.get(index).into_iter().flatten() {
                headers.insert(*name, value.as_str());
            }
            if let Some(batch) = &batch {
                headers.insert(NATS_BATCH_ID, batch.as_str());
                headers.insert(NATS_BATCH_SEQUENCE, (index + 1).to_string());
            }
            if let Some(sequence) = expected.sequence().filter(|_| index == 0) {
                headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, sequence.to_string());
            }
            headers
        };
        // Only the commit is answered: the bus judges the whole batch there, so that an append costs one
        // round trip however many events it has. A message that got lost makes the batch incomplete (10176).
        for (index, event) in earlier.iter().enumerate() {
            let headers = headers_at(index);
            let sent = client.publish_with_headers(subject.to_owned(), headers, event.body.clone());
            match tokio::time::timeout(ANSWER_MAX, sent).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(AppendError::Unknown(error.to_string())),
                Err(elapsed) => return Err(AppendError::Unknown(elapsed.to_string())),
            }
        }
        let mut headers = headers_at(earlier.len());
        if batch.is_some() {
            headers.insert(NATS_BATCH_COMMIT, "1");
        }
        self.request(subject, headers, last.body.clone()).await
    }

    /// Appends an event that was signed where it was written, as it is: nothing of it is signed anew. `marks` say how it came,
    /// in headers that are no attributes of the event. The first event of a subject is expected to be the first here as well;
    /// every other one must commute.
    ///
    /// # Errors
    /// See [`AppendError`]; an event that the bus remembers under its id is [`AppendError::Unknown`], as everywhere.
    pub async fn bring(
        &self,
        event: &Recorded,
        marks: &[(&'static str, String)],
    ) -> Result<u64, AppendError> {
        let new = NewEvent { envelope: envelope_of(event)?, body: event.body.clone() };
        check_append(&event.subject, std::slice::from_ref(&new))?;
        let mut headers = HeaderMap::new();
        for (name, value) in event.headers.iter().filter(|(name, _)| is_of_the_event(name)) {
            headers.insert(name, value);
        }
        for (name, value) in marks {
            headers.insert(*name, value.as_str());
        }
        if Link::of(event) == Link::First {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, "0");
        }
        self.request(&event.subject, headers, event.body.clone()).await
    }

    async fn request(
        &self,
        subject: &str,
        headers: HeaderMap,
        body: bytes::Bytes,
    ) -> Result<u64, AppendError> {
        let request = Request::new().headers(headers).payload(body).timeout(Some(ANSWER_MAX));
        match self.context.client().send_request(subject.to_owned(), request).await {
            Ok(message) => outcome(&message.payload),
            Err(error) => Err(match error.kind() {
                RequestErrorKind::InvalidSubject | RequestErrorKind::MaxPayloadExceeded => {
                    AppendError::Refused(error.to_string())
                }
                // Timed out, nobody listens, the connection closed: it may have been stored all the same.
                _ => AppendError::Unknown(error.to_string()),
            }),
        }
    }
}

fn envelope_of(event: &Recorded) -> Result<Envelope, AppendError> {
    event.envelope().map_err(|error| AppendError::Refused(error.to_string()))
}

/// What goes where the event goes: its attributes, and the id by which the bus tells a repeat.
fn is_of_the_event(header: &str) -> bool {
    chain::is_covered(header) || [header::MAC, header::NATS_MESSAGE_ID].contains(&header)
}

fn outcome(payload: &[u8]) -> Result<u64, AppendError> {
    let answer: Answer = serde_json::from_slice(payload).map_err(|error| {
        AppendError::Unknown(format!("the bus's answer is unreadable: {error}"))
    })?;
    match answer {
        Answer { error: Some(refusal), .. } => Err(classify(refusal.err_code, refusal.description)),
        Answer { duplicate: true, .. } => {
            Err(AppendError::Unknown("an event with this id is there already".to_owned()))
        }
        Answer { seq: Some(sequence), .. } => Ok(sequence),
        Answer { seq: None, .. } => {
            Err(AppendError::Unknown("the bus named no sequence".to_owned()))
        }
    }
}

/// Classifies an error of the bus by its code (server/errors.json of 2.15.1).
fn classify(code: u64, description: String) -> AppendError {
    match code {
        // Wrong last sequence; and, on three replicas, another write to the subject is in flight.
        10071 | 10164 => AppendError::Conflict,
        // The leader is not ready yet; the same message id is in process; the batch holds a known id.
        10163 | 10158 | 10201
        // No leader, insufficient resources, a storage error: seen while a cluster elects or fails over.
        | 10008 | 10023 | 10077
        // The batch arrived incomplete, or too many batches are in flight: nothing of it is stored.
        | 10176 | 10210 => AppendError::Unknown(format!("{code}: {description}")),
        _ => AppendError::Refused(format!("{code}: {description}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_judged_by_its_code() {
        let judged = |json: &str| outcome(json.as_bytes());
        assert_eq!(judged(r#"{"stream":"CASES","seq":7}"#).unwrap(), 7);
        for code in [10071, 10164] {
            let json = format!(r#"{{"error":{{"code":400,"err_code":{code},"description":"x"}}}}"#);
            assert!(matches!(judged(&json), Err(AppendError::Conflict)), "{code}");
        }
        for code in [10163, 10158, 10201, 10008, 10077, 10176, 10210] {
            let json = format!(r#"{{"error":{{"code":503,"err_code":{code},"description":"x"}}}}"#);
            assert!(matches!(judged(&json), Err(AppendError::Unknown(_))), "{code}");
        }
        let refused =
            r#"{"error":{"code":400,"err_code":10174,"description":"wrong last sequence"}}"#;
        assert!(matches!(judged(refused), Err(AppendError::Refused(_))), "the text does not count");
        let duplicate = r#"{"stream":"CASES","seq":7,"duplicate":true}"#;
        assert!(matches!(judged(duplicate), Err(AppendError::Unknown(_))));
        assert!(matches!(judged(""), Err(AppendError::Unknown(_))));
    }
}
