//! What an operator or a person wrote: district files, calendars, drafts, free text.

use casework::free_text::{find_personal_data, normalize_digits, valid_id_number, valid_phone};
use desk::District;
use desk::district::parse_calendar;
use desk::drafts::{Draft, FormName};

use crate::{Target, texts};

/// A district file.
pub(crate) const DISTRICT: Target = Target {
    name: "district",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        match District::parse(text, None) {
            Ok(_) => true,
            Err(faults) => {
                assert!(!faults.is_empty(), "it is refused without a word");
                false
            }
        }
    },
    samples: || texts(&[include_str!("../../../deploy/districts/dongcheng.toml")]),
};

/// A calendar file.
pub(crate) const CALENDAR: Target = Target {
    name: "calendar",
    run: |bytes| str::from_utf8(bytes).is_ok_and(|text| parse_calendar(text).is_ok()),
    samples: || {
        texts(&["[2027]\noff = [{ from = 2027-01-01, to = 2027-01-03, name = \"元旦\" }]\n\
                 work = [2027-01-09]\n"])
    },
};

/// A draft, opened; and the name of its form.
pub(crate) const DRAFT: Target = Target {
    name: "draft",
    run: |bytes| {
        if let Some(name) = str::from_utf8(bytes).ok().and_then(FormName::of) {
            assert_eq!(FormName::of(name.as_str()), Some(name));
        }
        let Ok(draft) = serde_json::from_slice::<Draft>(bytes) else { return false };
        let written = serde_json::to_vec(&draft).expect("a draft is JSON");
        let again: Draft = serde_json::from_slice(&written).expect("what was written is read");
        assert_eq!((again.saved_at, again.body), (draft.saved_at, draft.body));
        true
    },
    samples: || texts(&[r#"{"saved_at":"2026-03-04T02:00:00Z","body":{"matter.name":["退休"]}}"#]),
};

/// Text that may hold a telephone or an ID number.
pub(crate) const FREE_TEXT: Target = Target {
    name: "free_text",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let normal = normalize_digits(text);
        assert_eq!(normalize_digits(&normal), normal, "digits are narrowed once");
        let _ = (valid_phone(text), valid_id_number(text));
        find_personal_data(text).is_some()
    },
    samples: || {
        texts(&[
            "电话13800000000",
            "身份证１１０１０１１９１２１２１０００１４",
            "110101191212100014",
        ])
    },
};
