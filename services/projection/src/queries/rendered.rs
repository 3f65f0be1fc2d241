//! Cases as they were answered a moment ago: the same bytes for whoever asks next.
//!
//! A list shows the same cases to everybody who looks at it, and a case that is worked on is looked at again and again;
//! making its answer anew costs thirty times what handing it out costs. Invariants: an answer is used for the version it
//! was made of, and only until the next instant that stands in it, because time alone changes what is overdue; a mask is
//! shown for [`AGE_MAX`] at most, also should its key be destroyed and the event that says so come late; what could not
//! be opened is not remembered; the memory that it takes has a limit.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use proto_events::Timestamp;
use proto_events::ids::CaseId;

/// How long an answer is used at most.
const AGE_MAX: TimeDelta = TimeDelta::seconds(30);

/// Bytes of answers after which the older half is let go.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What tells one form of a case from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    /// The sequence of its last event.
    pub(super) version: u64,
    /// Whether one of its events cannot be read.
    pub(super) is_quarantined: bool,
}

/// The JSON of a case's answer.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    form: Form,
    /// From when to when it says what is true, in microseconds since 1970.
    from: i64,
    until: i64,
    /// Whether its promise has passed.
    pub(super) is_overdue: bool,
    /// The object, without its closing brace: the answer to one case says more behind it.
    pub(super) open_json: Bytes,
}

/// The answers of late.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    halves: Mutex<Halves>,
}

/// What was used since the last change of halves, and what was used before.
#[derive(Debug, Default)]
struct Halves {
    young: HashMap<CaseId, Answer>,
    old: HashMap<CaseId, Answer>,
    young_bytes: usize,
}

impl Answer {
    /// Writes an answer, made at `now`, down.
    pub(super) fn of(mut json: String, form: Form, is_overdue: bool, now: Timestamp) -> Self {
        json.pop();
        let at = now.timestamp_micros();
        let until = (now + AGE_MAX).timestamp_micros();
        let until = next_instant(&json, at).map_or(until, |next| next.min(until));
        Self { form, from: at, until, is_overdue, open_json: json.into() }
    }

    /// The sequence of the last event that is in it.
    pub(super) fn version(&self) -> u64 {
        self.form.version
    }

    fn is_good(&self, form: Form, now: i64) -> bool {
        // A promise has passed behind its instant, not at it.
        self.form == form && self.from <= now && now <= self.until
    }
}

impl Rendered {
    /// The answer to a case in this form, if it was made a moment ago.
    pub(super) fn find(&self, case_id: CaseId, form: Form, now: Timestamp) -> Option<Answer> {
        let now = now.timestamp_micros();
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = halves.young.get(&case_id) {
            return answer.is_good(form, now).then(|| answer.clone());
        }
        let answer = halves.old.remove(&case_id).filter(|answer| answer.is_good(form, now))?;
        halves.put(case_id, answer.clone());
        Some(answer)
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, case_id: CaseId, answer: Answer) {
        self.halves.lock().unwrap_or_else(PoisonError::into_inner).put(case_id, answer);
    }
}

impl Halves {
    fn put(&mut self, case_id: CaseId, answer: Answer) {
        self.young_bytes += answer.open_json.len();
        if let Some(before) = self.young.insert(case_id, answer) {
            self.young_bytes -= before.open_json.len();
        }
        if self.young_bytes > BYTES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

/// The first instant from `now` on that stands anywhere in an answer. What somebody wrote may look like one; the
/// answer is then made anew a little earlier.
fn next_instant(json: &str, now: i64) -> Option<i64> {
    let instants = json.match_indices('T').filter_map(|(at, _)| {
        // 2021-01-26T10:00:00+08:00, between quotation marks.
        let date = at.checked_sub(11).and_then(|start| json.get(start..at))?.strip_prefix('"')?;
        if date.as_bytes()[4] != b'-' {
            return None;
        }
        let (time, _) = json.get(at..)?.split_once('"')?;
        let instant = DateTime::parse_from_rfc3339(json.get(at - 10..at + time.len())?).ok()?;
        Some(instant.timestamp_micros())
    });
    instants.filter(|instant| *instant >= now).min()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{at, case_id};

    const FORM: Form = Form { version: 7, is_quarantined: false };

    fn answer(due_at: &str, made_at: &str) -> Answer {
        let case = json!({ "clocks": [{ "due_at": at(due_at) }], "demand": "2021-中文不是时间", "version": 7 });
        Answer::of(case.to_string(), FORM, false, at(made_at))
    }

    #[test]
    fn an_answer_is_good_for_its_form_until_something_falls_due_and_not_for_long() {
        let rendered = Rendered::default();
        let find = |form, now: &str| rendered.find(case_id(0), form, at(now)).is_some();
        rendered.keep(case_id(0), answer("2021-01-26T10:00:10", "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:10"));
        assert!(!find(FORM, "2021-01-26T10:00:11"), "it is overdue now");
        assert!(!find(FORM, "2021-01-26T09:59:59"), "a clock that went back");
        assert!(!find(Form { version: 8, ..FORM }, "2021-01-26T10:00:00"));
        assert!(!find(Form { is_quarantined: true, ..FORM }, "2021-01-26T10:00:00"));
        assert!(rendered.find(case_id(1), FORM, at("2021-01-26T10:00:00")).is_none());
        rendered.keep(case_id(0), answer("2021-01-29T10:00:00", "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:30"));
        assert!(!find(FORM, "2021-01-26T10:00:31"), "the mask is too old");
        rendered.keep(case_id(0), answer("2021-01-25T10:00:00", "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:30"), "what is over changes nothing");
    }

    #[test]
    fn what_is_asked_for_stays_and_the_memory_has_a_limit() {
        let rendered = Rendered::default();
        let made_at = "2021-01-26T10:00:00";
        let bytes = answer(made_at, made_at).open_json.len();
        let many = BYTES_MAX / bytes * 3;
        for n in 0..many {
            rendered.keep(case_id(n as u128 + 1), answer(made_at, made_at));
            if n % 1000 == 0 {
                rendered.keep(case_id(0), answer(made_at, made_at));
            }
            assert!(rendered.find(case_id(0), FORM, at(made_at)).is_some(), "after {n}");
        }
        let halves = rendered.halves.lock().unwrap();
        assert!((halves.young.len() + halves.old.len()) * bytes <= BYTES_MAX + 2 * bytes);
        assert!(!halves.young.contains_key(&case_id(1)) && !halves.old.contains_key(&case_id(1)));
    }
}
