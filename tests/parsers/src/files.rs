//! What an operator or a person wrote: district files, calendars, drafts, free text.

use std::sync::LazyLock;

use casework::free_text::{find_personal_data, normalize_digits, valid_id_number, valid_phone};
use desk::District;
use desk::district::parse_calendar;
use desk::drafts::{Draft, FormName};
use intake::earlier::{Mapping, Verdict, read_register};
use proto_events::Timestamp;

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

/// The register that a district kept before, in any encoding.
pub(crate) const REGISTER: Target = Target {
    name: "register",
    run: |bytes| {
        static SAMPLE: LazyLock<District> =
            LazyLock::new(|| District::load(None).expect("the sample district is whole"));
        let now = Timestamp::parse_from_rfc3339("2026-03-04T10:00:00+08:00").expect("an instant");
        let read = read_register(bytes, &SAMPLE.rules, &Mapping::default(), now);
        let Ok(reading) = read else { return false };
        for row in &reading.rows {
            let is_refused = matches!(row.verdict, Verdict::Refused);
            let has_faults = row.notes.iter().any(|note| note.is_fault);
            assert_eq!(is_refused, has_faults, "row {} is refused without a word", row.number);
        }
        true
    },
    samples: || {
        texts(&[
            "2024年登记簿\n编号,登记日期,街道,姓名,电话,事项,问题,环节,原因,结果,办结日期,是否满意\n\
             A-1,3.5,东花市街道,样例,13800000000,退休手续办理,没人管,受理,Q1,已解决；当场办理,45361,满意\n\
             A-2,,,样例,,,\"查不到\n记录\",审核,S2,办理中,,\n合计,2件\n",
        ])
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
