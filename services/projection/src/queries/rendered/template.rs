//! The answer to a case without its applicant, kept on the disk beside the row: what it takes to make an answer of it is
//! to unpack it and to open the applicant anew.
//!
//! An answer made of its record took 110 µs of processor time with everything around it, made of this 50 to 61 (measured
//! 2026-11-25, 20,000 cases).
//! Invariants: nothing of the applicant stands in it but the ciphertext; it is used for the version of the case that it
//! was made of, until the next instant that stands in it, and by the program and under the rules that it was made by: others
//! may say it in other words.

use std::hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _, RandomState};
use std::os::unix::fs::MetadataExt as _;

use casework::rules::Rules;

use lz4_flex::block::{compress_with_dict, decompress_with_dict};
use proto_events::Timestamp;
use proto_events::codes::ApplicantKind;
use proto_events::ids::CaseId;

use super::super::applicant::{ApplicantAnswer, Sealed};
use super::{AGE_MAX, Answer, Form, next_instant};
use crate::views::{DICTIONARY, Views};

/// Bytes of what stands before the packed part.
const HEAD_BYTES: usize = 8 + 8 + 8 + 8 + 4 + 4 + 4 + 3;

/// What tells the templates of this program under these rules from those of others.
#[derive(Debug)]
pub(crate) struct Epoch(u64);

impl Epoch {
    /// The epoch of this program under these rules. A program is told from another by its file; where that cannot be looked
    /// at, no two processes share one.
    pub(crate) fn of(rules: &Rules) -> Self {
        let mut hash = DefaultHasher::new();
        match std::env::current_exe().and_then(std::fs::metadata) {
            Ok(file) => (file.dev(), file.ino(), file.len(), file.mtime(), file.mtime_nsec())
                .hash(&mut hash),
            Err(_) => RandomState::new().hash_one(()).hash(&mut hash),
        }
        // All of the rules, in one order.
        format!("{rules:?}").hash(&mut hash);
        Self(hash.finish())
    }
}

/// The answer to a case, but for the applicant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    form: Form,
    /// From when to when it says what is true, in microseconds since 1970.
    from: i64,
    until: i64,
    is_overdue: bool,
    /// The object up to its applicant, and on from there, without its closing brace; all of it when he was erased.
    before: String,
    after: String,
    applicant: Option<(ApplicantKind, String)>,
}

impl Template {
    /// Takes the JSON of an answer whose applicant is hidden, if somebody is to be opened for it.
    pub(crate) fn of(
        json: &str,
        form: Form,
        applicant: Option<(ApplicantKind, String)>,
        is_overdue: bool,
        now: Timestamp,
    ) -> Option<Self> {
        let json = json.strip_suffix('}')?;
        let (before, after) = match &applicant {
            None => (json, ""),
            Some((kind, _)) => {
                // A quotation mark in a text is escaped: this is the member, and nothing somebody wrote.
                let hidden = ApplicantAnswer::hidden_of(*kind);
                json.split_once(&format!("\"applicant\":{}", serde_json::to_string(&hidden).ok()?))?
            }
        };
        let from = now.timestamp_micros();
        let until = next_instant(json, now).unwrap_or(i64::MAX);
        let (before, after) = (before.to_owned(), after.to_owned());
        Some(Self { form, from, until, is_overdue, before, after, applicant })
    }

    /// The template of a case in this form, if it was kept and still says what is true.
    pub(crate) fn find(
        views: &Views,
        epoch: &Epoch,
        case_id: CaseId,
        form: Form,
        now: Timestamp,
    ) -> Option<Self> {
        let kept = views.kept_answer(case_id)?;
        Self::decode(&kept, epoch, |head| {
            let now = now.timestamp_micros();
            head.form == form && head.from <= now && now <= head.until
        })
    }

    /// Keeps it.
    pub(crate) fn keep(&self, views: &Views, epoch: &Epoch, case_id: CaseId) {
        views.keep_answer(case_id, &self.encode(epoch));
    }

    /// Who is to be opened for an answer; nobody when he was erased.
    pub(crate) fn sealed(&self, case_id: CaseId) -> Option<Sealed<'_>> {
        let (kind, sealed) = self.applicant.as_ref()?;
        Some(Sealed { case_id, kind: *kind, sealed })
    }

    /// The answer, with an applicant who is masked already; `None` when it needs one.
    pub(crate) fn answer(
        self,
        applicant: Option<&ApplicantAnswer>,
        now: Timestamp,
    ) -> Option<Answer> {
        let mut open_json = self.before;
        if self.applicant.is_some() {
            open_json.push_str("\"applicant\":");
            open_json.push_str(&serde_json::to_string(applicant?).ok()?);
            open_json.push_str(&self.after);
        }
        let until = (now + AGE_MAX).timestamp_micros().min(self.until);
        Some(Answer {
            form: self.form,
            from: now.timestamp_micros(),
            until,
            is_overdue: self.is_overdue,
            open_json: open_json.into_bytes(),
        })
    }

    fn encode(&self, epoch: &Epoch) -> Vec<u8> {
        let sealed = self.applicant.as_ref().map_or("", |(_, sealed)| sealed);
        let text = [self.before.as_str(), &self.after, sealed].concat();
        let packed = compress_with_dict(text.as_bytes(), DICTIONARY);
        let mut bytes = Vec::with_capacity(HEAD_BYTES + packed.len());
        bytes.extend_from_slice(&epoch.0.to_be_bytes());
        bytes.extend_from_slice(&self.form.version.to_be_bytes());
        bytes.extend_from_slice(&self.from.to_be_bytes());
        bytes.extend_from_slice(&self.until.to_be_bytes());
        for length in [self.before.len(), self.after.len(), sealed.len()] {
            bytes.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        }
        let kind = self.applicant.as_ref().map(|(kind, _)| *kind);
        let kind = ApplicantKind::ALL.iter().position(|one| Some(*one) == kind);
        let kind = kind.and_then(|place| u8::try_from(place).ok()).unwrap_or(u8::MAX);
        bytes.extend_from_slice(&[
            u8::from(self.form.is_quarantined),
            u8::from(self.is_overdue),
            kind,
        ]);
        bytes.extend_from_slice(&packed);
        bytes
    }

    /// Reads what was kept by this process and passes; anything else is nothing.
    fn decode(bytes: &[u8], epoch: &Epoch, passes: impl Fn(&Self) -> bool) -> Option<Self> {
        let mut rest = bytes;
        let mut long = || take(&mut rest).map(u64::from_be_bytes);
        let (of, version) = (long()?, long()?);
        let (from, until) = (long()?.cast_signed(), long()?.cast_signed());
        let mut length = || take(&mut rest).map(|bytes| u32::from_be_bytes(bytes) as usize);
        let (before, after, sealed) = (length()?, length()?, length()?);
        let [is_quarantined, is_overdue, kind]: [u8; 3] = take(&mut rest)?;
        let head = Self {
            form: Form { version, is_quarantined: is_quarantined != 0 },
            from,
            until,
            is_overdue: is_overdue != 0,
            before: String::new(),
            after: String::new(),
            applicant: None,
        };
        if of != epoch.0 || !passes(&head) {
            return None;
        }
        let length = before.checked_add(after)?.checked_add(sealed)?;
        let text = decompress_with_dict(rest, length, DICTIONARY).ok()?;
        let mut text = String::from_utf8(text).ok().filter(|text| text.len() == length)?;
        let sealed = text.split_off(before + after);
        let after = text.split_off(before);
        let kind = ApplicantKind::ALL.get(usize::from(kind)).copied();
        Some(Self { before: text, after, applicant: kind.map(|kind| (kind, sealed)), ..head })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{at, case_id};

    const FORM: Form = Form { version: 7, is_quarantined: false };
    const NOW: &str = "2021-01-26T10:00:00";

    fn template(kind: Option<ApplicantKind>) -> Template {
        let hidden = ApplicantAnswer::hidden_of(kind.unwrap_or(ApplicantKind::Person));
        // In the order of the members of a struct.
        let case = format!(
            "{{\"demand\":{},\"applicant\":{},\"due_at\":{}}}",
            json!(r#"他写了 "applicant":{"kind":"person"} 几个字"#),
            serde_json::to_string(&hidden).unwrap(),
            json!(at("2021-01-29T17:30:00")),
        );
        let applicant = kind.map(|kind| (kind, "密文 sealed".to_owned()));
        Template::of(&case, FORM, applicant, true, at(NOW)).unwrap()
    }

    fn whole(answer: &Answer) -> Value {
        let json = [answer.open_json.as_slice(), b"}"].concat();
        serde_json::from_slice(&json).unwrap()
    }

    #[test]
    fn an_answer_has_the_applicant_in_its_place_and_nobody_else() {
        let template = template(Some(ApplicantKind::Enterprise));
        let sealed = template.sealed(case_id(0)).unwrap();
        assert_eq!((sealed.kind, sealed.sealed), (ApplicantKind::Enterprise, "密文 sealed"));
        let mut masked = ApplicantAnswer::hidden_of(sealed.kind);
        masked.name = "张*".to_owned();
        assert!(template.clone().answer(None, at(NOW)).is_none(), "somebody has to be opened");
        let answer = template.answer(Some(&masked), at(NOW)).unwrap();
        let case = whole(&answer);
        assert_eq!(case["applicant"]["name"], "张*");
        assert_eq!(case["demand"], r#"他写了 "applicant":{"kind":"person"} 几个字"#);
        assert!(!case.to_string().contains("密文"));
        assert!(answer.is_overdue);
    }

    #[test]
    fn whoever_was_erased_is_not_opened() {
        let template = template(None);
        assert!(template.sealed(case_id(0)).is_none());
        let case = whole(&template.answer(None, at(NOW)).unwrap());
        assert_eq!(case["applicant"]["name"], "**");
    }

    #[test]
    fn what_was_kept_comes_back_for_its_process_form_and_time_alone() {
        let (epoch, all) = (Epoch(7), |_: &Template| true);
        for kind in [None, Some(ApplicantKind::Person), Some(ApplicantKind::Other)] {
            let template = template(kind);
            let kept = template.encode(&epoch);
            assert_eq!(Template::decode(&kept, &epoch, all), Some(template));
            assert_eq!(Template::decode(&kept, &Epoch(epoch.0 ^ 1), all), None);
            assert_eq!(Template::decode(&kept, &epoch, |head| head.form.version == 8), None);
            let until = at("2021-01-29T17:30:00").timestamp_micros();
            assert!(Template::decode(&kept, &epoch, |head| head.until == until).is_some());
            for length in 0..kept.len() {
                assert_eq!(Template::decode(&kept[..length], &epoch, all), None, "{length}");
            }
        }
    }
}
