//! Cases as they were answered a moment ago: the same bytes for whoever asks next.
//!
//! A list shows the same cases to everybody who looks at it, and a case that is worked on is looked at again and again;
//! making its answer anew costs thirty times what handing it out costs. Invariants: an answer is used for the version it
//! was made of, and only until the next instant that stands in it, because time alone changes what is overdue; a mask is
//! shown for [`AGE_MAX`] at most, also should its key be destroyed and the event that says so come late; what could not
//! be opened is not remembered; the memory that it takes has a limit. They lie there packed, so
//! that more of them are still there when somebody asks.

mod template;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use casework::rules::Rules;
use chrono::{DateTime, SecondsFormat, TimeDelta};
use lz4_flex::block::{compress_with_dict, decompress_with_dict};
use proto_events::Timestamp;
use proto_events::ids::CaseId;

use self::template::Epoch;
pub(super) use self::template::Template;
use crate::index::CaseRow;
use crate::views::DICTIONARY;

/// How long an answer is used at most.
const AGE_MAX: TimeDelta = TimeDelta::seconds(30);

/// Bytes of an offset: `+08:00`.
const OFFSET_BYTES: usize = 6;

/// Bytes of packed answers after which the older half is let go: some twenty thousand cases.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// What tells one form of a case from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// The sequence of its last event.
    pub(super) version: u64,
    /// Whether one of its events cannot be read.
    pub(super) is_quarantined: bool,
}

impl Form {
    /// The form of a case, by its row.
    pub(super) fn of(row: &CaseRow) -> Self {
        Self { version: row.version, is_quarantined: row.is_quarantined }
    }
}

/// The JSON of a case's answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    form: Form,
    /// From when to when it says what is true, in microseconds since 1970.
    from: i64,
    until: i64,
    /// Whether its promise has passed.
    pub(super) is_overdue: bool,
    /// The object, without its closing brace: the answer to one case says more behind it.
    pub(super) open_json: Vec<u8>,
}

/// An answer as it is kept.
#[derive(Debug, Clone)]
struct Kept {
    /// Without its JSON.
    answer: Answer,
    length: usize,
    packed: Arc<[u8]>,
}

/// The answers of late.
#[derive(Debug)]
pub(crate) struct Rendered {
    halves: Mutex<Halves>,
    pub(super) epoch: Epoch,
}

/// What was used since the last change of halves, and what was used before.
#[derive(Debug, Default)]
struct Halves {
    young: HashMap<CaseId, Kept>,
    old: HashMap<CaseId, Kept>,
    young_bytes: usize,
}

impl Answer {
    /// The sequence of the last event that is in it.
    pub(super) fn version(&self) -> u64 {
        self.form.version
    }

    fn is_good(&self, form: Form, now: i64) -> bool {
        // A promise has passed behind its instant, not at it.
        self.form == form && self.from <= now && now <= self.until
    }
}

impl Kept {
    fn of(answer: &Answer) -> Self {
        let length = answer.open_json.len();
        let packed = compress_with_dict(&answer.open_json, DICTIONARY).into();
        Self { answer: Answer { open_json: Vec::new(), ..*answer }, length, packed }
    }

    /// Unpacks it.
    fn unpack(self) -> Option<Answer> {
        // What was packed here comes out again; if it did not, the answer would be made anew.
        let open_json = decompress_with_dict(&self.packed, self.length, DICTIONARY).ok()?;
        Some(Answer { open_json, ..self.answer })
    }
}

impl Rendered {
    /// Nothing yet; what was kept on the disk is good for the same program and the same rules.
    pub(crate) fn new(rules: &Rules) -> Self {
        Self { halves: Mutex::default(), epoch: Epoch::of(rules) }
    }

    /// The answer to a case in this form, if it was made a moment ago.
    pub(super) fn find(&self, case_id: CaseId, form: Form, now: Timestamp) -> Option<Answer> {
        self.kept(case_id, form, now.timestamp_micros())?.unpack()
    }

    /// What is kept of it, to be unpacked while others look for theirs.
    fn kept(&self, case_id: CaseId, form: Form, now: i64) -> Option<Kept> {
        let mut halves = self.halves.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = halves.young.get(&case_id) {
            return kept.answer.is_good(form, now).then(|| kept.clone());
        }
        let kept = halves.old.remove(&case_id).filter(|kept| kept.answer.is_good(form, now))?;
        halves.put(case_id, kept.clone());
        Some(kept)
    }

    /// Keeps an answer.
    pub(super) fn keep(&self, case_id: CaseId, answer: &Answer) {
        let kept = Kept::of(answer);
        self.halves.lock().unwrap_or_else(PoisonError::into_inner).put(case_id, kept);
    }
}

impl Halves {
    fn put(&mut self, case_id: CaseId, kept: Kept) {
        self.young_bytes += kept.packed.len();
        if let Some(before) = self.young.insert(case_id, kept) {
            self.young_bytes -= before.packed.len();
        }
        if self.young_bytes > BYTES_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
    }
}

/// The first instant from the second of `now` on that stands anywhere in an answer. What somebody wrote may look like
/// one; the answer is then made anew a little earlier.
fn next_instant(json: &str, now: Timestamp) -> Option<i64> {
    // Instants of one offset are in the order of their texts; most are of the district's, and none of those is parsed
    // but the first.
    let now_text = now.to_rfc3339_opts(SecondsFormat::Secs, false);
    let offset = &now_text[now_text.len() - OFFSET_BYTES..];
    let mut next: Option<&str> = None;
    let mut next_elsewhere: Option<i64> = None;
    for (at, _) in json.match_indices('T') {
        let Some(text) = instant_around(json, at) else { continue };
        if text.ends_with(offset) {
            if *text >= *now_text && next.is_none_or(|next| text < next) {
                next = Some(text);
            }
        } else if let Some(instant) = micros_of(text).filter(|at| *at >= now.timestamp_micros()) {
            next_elsewhere = Some(next_elsewhere.map_or(instant, |next| next.min(instant)));
        }
    }
    next.and_then(micros_of).into_iter().chain(next_elsewhere).min()
}

/// What stands between quotation marks around a `T`, when it looks like 2021-01-26T10:00:00+08:00.
fn instant_around(json: &str, at: usize) -> Option<&str> {
    let date = json.get(at.checked_sub(11)?..at)?.strip_prefix('"')?;
    if date.as_bytes()[4] != b'-' {
        return None;
    }
    let (time, _) = json.get(at..)?.split_once('"')?;
    json.get(at - 10..at + time.len())
}

fn micros_of(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{at, case_id};

    const FORM: Form = Form { version: 7, is_quarantined: false };

    fn rendered() -> Rendered {
        Rendered::new(&crate::testing::district().rules)
    }

    /// An answer as a template makes it.
    fn written(json: &str, now: Timestamp) -> Answer {
        let until = (now + AGE_MAX).timestamp_micros();
        Answer {
            form: FORM,
            from: now.timestamp_micros(),
            until: next_instant(json, now).map_or(until, |next| next.min(until)),
            is_overdue: false,
            open_json: json.strip_suffix('}').unwrap().into(),
        }
    }

    fn answer(due_at: &str, made_at: &str) -> Answer {
        let case = json!({ "clocks": [{ "due_at": at(due_at) }], "demand": "2021-中文不是时间", "version": 7 });
        written(&case.to_string(), at(made_at))
    }

    #[test]
    fn an_answer_is_good_for_its_form_until_something_falls_due_and_not_for_long() {
        let rendered = rendered();
        let find = |form, now: &str| rendered.find(case_id(0), form, at(now)).is_some();
        rendered.keep(case_id(0), &answer("2021-01-26T10:00:10", "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:10"));
        assert!(!find(FORM, "2021-01-26T10:00:11"), "it is overdue now");
        let whole = rendered.find(case_id(0), FORM, at("2021-01-26T10:00:00")).unwrap();
        assert_eq!(whole.open_json, answer("2021-01-26T10:00:10", "2021-01-26T10:00:00").open_json);
        assert!(!find(FORM, "2021-01-26T09:59:59"), "a clock that went back");
        assert!(!find(Form { version: 8, ..FORM }, "2021-01-26T10:00:00"));
        assert!(!find(Form { is_quarantined: true, ..FORM }, "2021-01-26T10:00:00"));
        assert!(rendered.find(case_id(1), FORM, at("2021-01-26T10:00:00")).is_none());
        rendered.keep(case_id(0), &answer("2021-01-29T10:00:00", "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:30"));
        assert!(!find(FORM, "2021-01-26T10:00:31"), "the mask is too old");
        rendered.keep(case_id(0), &answer("2021-01-25T10:00:00", "2021-01-26T10:00:00"));
        assert!(find(FORM, "2021-01-26T10:00:30"), "what is over changes nothing");
    }

    #[test]
    fn what_is_asked_for_stays_and_the_memory_has_a_limit() {
        let rendered = rendered();
        let made_at = at("2021-01-26T10:00:00");
        // Noise, of which no packing makes less.
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from_u32(0x4e00 + (state >> 40) as u32 % 20_000).unwrap()
        };
        let long: String = (0..20_000).map(|_| noise()).collect();
        let answer = written(&json!({ "demand": long }).to_string(), made_at);
        let bytes = Kept::of(&answer).packed.len();
        for n in 0..BYTES_MAX / bytes * 3 {
            rendered.keep(case_id(n as u128 + 1), &answer);
            if n % 10 == 0 {
                rendered.keep(case_id(0), &answer);
            }
            assert!(rendered.find(case_id(0), FORM, made_at).is_some(), "after {n}");
        }
        let halves = rendered.halves.lock().unwrap();
        assert!((halves.young.len() + halves.old.len()) * bytes <= BYTES_MAX + 2 * bytes);
        assert!(!halves.young.contains_key(&case_id(1)) && !halves.old.contains_key(&case_id(1)));
    }

    #[test]
    fn the_next_instant_is_found_among_those_of_any_offset() {
        let now = at("2021-01-26T10:00:00.5");
        let next = |json: &str| next_instant(json, now).map(|at| at - now.timestamp_micros());
        assert_eq!(
            next(r#"["2021-01-26T10:00:07+08:00","2021-01-26T10:00:03+08:00"]"#),
            Some(2_500_000)
        );
        assert_eq!(
            next(r#"["2021-01-26T10:00:07.25+08:00","2021-01-26T09:59:59+08:00"]"#),
            Some(6_750_000)
        );
        assert_eq!(
            next(r#"["2021-01-26T10:00:07+08:00","2021-01-26T02:00:02Z"]"#),
            Some(1_500_000)
        );
        // Earlier in the same second: the answer is not used again, and never too long.
        assert_eq!(next(r#"["2021-01-26T10:00:00+08:00"]"#), Some(-500_000));
        for nothing in
            [r#"["2021-01-25T10:00:00+08:00"]"#, r#"{"T":"T","a":"2021-中文T不是时间"}"#, "T"]
        {
            assert_eq!(next(nothing), None);
        }
    }
}
