//! What is read with a key: sealed text, the seals of the streams, the key itself.

use runtime::log::chain::Digest;
use runtime::seals::Seal;
use runtime::vault::MasterKey;

use crate::{Target, texts};

const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const PURPOSE: &str = "fuzz";
const PLACE: &[u8] = b"case event field";

fn master() -> MasterKey {
    MasterKey::of_hex(KEY).expect("64 digits are a key")
}

/// Opens what somebody else may have written: only what this key sealed for this place opens.
pub(crate) const SEALED_TEXT: Target = Target {
    name: "sealed_text",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let key = master().key_for(PURPOSE);
        let is_open = key.open(text, PLACE).is_ok();
        assert!(key.open(text, b"elsewhere").is_err(), "it opens at another place");
        let other = master().key_for("other");
        assert!(other.open(text, PLACE).is_err(), "it opens with another key");
        is_open
    },
    samples: || {
        let sealed = master().key_for(PURPOSE).seal("样例甲".as_bytes(), PLACE);
        texts(&[&sealed.expect("this machine has randomness")])
    },
};

/// Seals anything; what was sealed opens as it was.
pub(crate) const SEALED_AND_OPENED: Target = Target {
    name: "sealed_and_opened",
    run: |bytes| {
        let key = master().key_for(PURPOSE);
        let sealed = key.seal(bytes, PLACE).expect("this machine has randomness");
        let opened = key.open(&sealed, PLACE).expect("it is whole");
        assert_eq!(opened.as_slice(), bytes);
        true
    },
    samples: || texts(&["", "样例甲"]),
};

/// The file of the master key.
pub(crate) const MASTER_KEY: Target = Target {
    name: "master_key",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        MasterKey::of_hex(text).is_some_and(|key| key.fingerprint().len() == 16)
    },
    samples: || {
        texts(&[KEY, " 000102030405060708090A0B0C0D0E0F101112131415161718191a1b1c1d1e1f\n"])
    },
};

/// A seal of a stream, as a line of the audit tells it.
pub(crate) const STREAM_SEAL: Target = Target {
    name: "stream_seal",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let key = master().event_key();
        let seals = Seal::read_all(&key, text);
        for seal in &seals {
            assert_eq!(Seal::read(&key, &seal.to_string()).as_ref(), Some(seal));
        }
        !seals.is_empty()
    },
    samples: || {
        let digest = Digest::of_parts("case.donghuashi.1", vec![("ce-id", "1")], b"{}");
        let seal =
            |sequence| Seal::new(&master().event_key(), "CASES", sequence, digest).to_string();
        texts(&[&seal(1), &format!("{} {}", seal(2), seal(u64::MAX))])
    },
};
