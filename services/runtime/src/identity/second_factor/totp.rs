//! One-time passwords that follow from a secret and the time (RFC 6238), as every authenticator app makes them: HMAC-SHA-1,
//! six digits, thirty seconds.
//!
//! It is our own and not `totp-rs`: the arithmetic is ten lines, that crate does not say of which step a code was, and
//! without it no used code can be refused; its digests are of another generation than those of the house.
//!
//! Invariant: pure; the instant comes in.

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use sha1::Sha1;

/// Length of a secret, in bytes: as long as the digest (RFC 4226, section 4).
pub(super) const SECRET_BYTES: usize = 20;

/// Digits of a code.
pub(super) const DIGITS: usize = 6;

const STEP_SECONDS: i64 = 30;

/// Steps before and after now that are taken: a telephone's clock is off by some seconds, and typing takes some.
const DRIFT_STEPS: u64 = 1;

/// The step of which a code is, near now; `None` when it is of none, or of one up to `used`, which opened already.
pub(super) fn step_of(secret: &[u8], code: &str, now: DateTime<Utc>, used: u64) -> Option<u64> {
    if code.len() != DIGITS || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let code: u32 = code.parse().ok()?;
    let step = u64::try_from(now.timestamp().div_euclid(STEP_SECONDS)).ok()?;
    (step.saturating_sub(DRIFT_STEPS)..=step + DRIFT_STEPS)
        .filter(|step| *step > used)
        .find(|step| code_of(secret, *step) == code)
}

/// The code of a step (RFC 4226, section 5.3).
fn code_of(secret: &[u8], step: u64) -> u32 {
    let mut mac =
        <Hmac<Sha1> as hmac::Mac>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(&step.to_be_bytes());
    let digest: [u8; 20] = mac.finalize().into_bytes().into();
    let offset = usize::from(digest[19] & 0xf);
    let word = [digest[offset], digest[offset + 1], digest[offset + 2], digest[offset + 3]];
    (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000
}

/// A secret or a recovery code in the letters that people and apps read (RFC 4648, base 32, without padding).
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[(held >> bits) as usize & 31]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(LETTERS[(held << (5 - bits)) as usize & 31]));
    }
    text
}

#[cfg(test)]
pub(super) fn code_at(secret: &[u8], now: DateTime<Utc>) -> String {
    let step = u64::try_from(now.timestamp().div_euclid(STEP_SECONDS)).unwrap();
    format!("{:06}", code_of(secret, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, SHA-1; the last six of its eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, at(seconds)), code);
            assert!(step_of(SECRET, code, at(seconds), 0).is_some());
        }
    }

    #[test]
    fn a_code_opens_within_a_step_of_now_and_once() {
        let now = at(1_111_111_111);
        let code = code_at(SECRET, now);
        for near in [-30, 0, 30] {
            assert!(step_of(SECRET, &code, at(1_111_111_111 + near), 0).is_some(), "{near}");
        }
        for far in [-90, -60, 60, 90] {
            assert!(step_of(SECRET, &code, at(1_111_111_111 + far), 0).is_none(), "{far}");
        }
        let used = step_of(SECRET, &code, now, 0).unwrap();
        assert_eq!(step_of(SECRET, &code, now, used), None);
        // The one before a used one is used up as well.
        let before = code_at(SECRET, at(1_111_111_081));
        assert_eq!(step_of(SECRET, &before, now, used), None);
    }

    #[test]
    fn what_is_no_code_opens_nothing() {
        for text in ["", "28708", "2870822", "28708a", "+28708", "２８７０８２"] {
            assert_eq!(step_of(SECRET, text, at(59), 0), None, "{text}");
        }
    }

    #[test]
    fn letters_are_those_of_the_standard() {
        // RFC 4648, section 10.
        for (text, letters) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(text.as_bytes()), letters);
        }
    }
}
