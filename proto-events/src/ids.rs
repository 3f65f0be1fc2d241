//! Identities as newtypes, so that one cannot be taken for another.
//!
//! Invariant: a value of these types has been checked; it may enter a subject or a key as it is.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codes::Cause;

/// Longest slug in characters: fits a NATS subject token and a screen column.
pub const SLUG_CHARS_MAX: usize = 64;

/// Says what is wrong with a text that should have been an identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// The text is not a UUID.
    #[error("is not a UUID")]
    NotUuid,
    /// The text is empty, too long or has characters that may not enter a subject.
    #[error(
        "must be 1 to {SLUG_CHARS_MAX} characters of a-z, 0-9 and '-', starting with a letter or digit"
    )]
    NotSlug,
    /// The text is no receipt code: wrong length, alphabet or check character.
    #[error("is not a receipt code")]
    NotReceiptCode,
}

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                // Only the hyphenated lower-case form: one case must have one subject.
                let id = Uuid::try_parse(text).map_err(|_| InvalidId::NotUuid)?;
                let mut buffer = Uuid::encode_buffer();
                if id.as_hyphenated().encode_lower(&mut buffer) == text {
                    Ok(Self(id))
                } else {
                    Err(InvalidId::NotUuid)
                }
            }
        }
    };
}

uuid_id!(
    /// Identifies a case (案件) for ever; part of its subject.
    CaseId
);
uuid_id!(
    /// Identifies one event; UUIDv5 of the command and the event's index in it.
    EventId
);
uuid_id!(
    /// Identifies a command: what makes a repeat harmless.
    CommandId
);
uuid_id!(
    /// Identifies a precedent (先例) for ever; part of its subject.
    PrecedentId
);
uuid_id!(
    /// Identifies an improvement (改进) for ever; part of its subject.
    ImprovementId
);

/// Name space of all ids that are derived by this product (UUIDv5, RFC 9562 section 5.5).
pub const NAMESPACE: Uuid = Uuid::from_u128(0x6f1d_9f0e_5a0b_5c58_9d6e_0b0f_4f2a_7c11);

impl CaseId {
    /// Derives the id of the case that this Idempotency-Key opens at this center, for ever the same.
    #[must_use]
    pub fn of_key(center: &CenterId, idempotency_key: &str) -> Self {
        Self(derive("case", center.as_str(), idempotency_key))
    }
}

impl PrecedentId {
    /// Derives the id of the precedent that this command publishes.
    #[must_use]
    pub fn of_command(command: CommandId) -> Self {
        Self(derive("precedent", &command.to_string(), ""))
    }
}

impl ImprovementId {
    /// Derives the id of the improvement that this command opens by hand.
    #[must_use]
    pub fn of_command(command: CommandId) -> Self {
        Self(derive("improvement", &command.to_string(), ""))
    }

    /// Derives the id of the improvement that a recurrence opens: the same cause, matter and department in the window
    /// that begins on `from` is one improvement for ever, whoever notices it and however often.
    #[must_use]
    pub fn of_recurrence(
        cause: Cause,
        matter: &str,
        department: &DepartmentId,
        from: NaiveDate,
    ) -> Self {
        // Only the matter is free text, and it stands last.
        let window = alloc::format!("{}/{department}/{from}", cause.code());
        Self(derive("recurrence", &window, matter))
    }
}

impl CommandId {
    /// Derives the command id of a request that carries an Idempotency-Key.
    #[must_use]
    pub fn of_key(actor: &str, idempotency_key: &str) -> Self {
        Self(derive("command", actor, idempotency_key))
    }

    /// Derives the command id of a reaction to an event; a redelivery yields the same id.
    #[must_use]
    pub fn of_reaction(reaction: &str, cause: EventId) -> Self {
        let mut buffer = Uuid::encode_buffer();
        Self(derive("reaction", reaction, cause.0.as_hyphenated().encode_lower(&mut buffer)))
    }

    /// Derives the command id of a timer from the case and the timer's key.
    #[must_use]
    pub fn of_timer(case_id: CaseId, key: &str) -> Self {
        let mut buffer = Uuid::encode_buffer();
        Self(derive("timer", case_id.0.as_hyphenated().encode_lower(&mut buffer), key))
    }
}

impl EventId {
    /// Derives the id of the `index`-th event of a command.
    #[must_use]
    pub fn of_command(command: CommandId, index: usize) -> Self {
        Self(Uuid::new_v5(&command.0, &index.to_be_bytes()))
    }
}

/// Length-prefixed, so that no two pairs of names share a text.
fn derive(kind: &str, first: &str, second: &str) -> Uuid {
    let text = alloc::format!("{kind}:{}:{first}:{second}", first.len());
    Uuid::new_v5(&NAMESPACE, text.as_bytes())
}

macro_rules! slug_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String", extend("pattern" = r"^[a-z0-9][a-z0-9-]{0,63}$"))]
        pub struct $name(String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_slug(text) { Ok(Self(text.to_owned())) } else { Err(InvalidId::NotSlug) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                if is_slug(&text) { Ok(Self(text)) } else { Err(InvalidId::NotSlug) }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

slug_id!(
    /// Identifies a street-level government service center (街道政务服务中心).
    CenterId
);
slug_id!(
    /// Identifies a department of the district (承办部门).
    DepartmentId
);
slug_id!(
    /// Identifies a district (区).
    DistrictId
);

fn is_slug(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.len() <= SLUG_CHARS_MAX
        && bytes[0] != b'-'
        && bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

/// The 31 characters of a receipt code: no 0/O, 1/I/L, which people misread over the telephone.
pub const RECEIPT_ALPHABET: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// Characters of a receipt code without its dashes: eleven random ones (54 bits) and a check character.
pub const RECEIPT_CHARS: usize = 12;

/// The code on the applicant's receipt (回执码), `ABCD-EFGH-JKMN`: opens the public status page, so it
/// must not be guessed (54 random bits) and survives a slip of the tongue (check character, mod 31).
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ReceiptCode(String);

impl ReceiptCode {
    /// Makes a code from random bits; only the lowest 54 of them matter.
    #[must_use]
    pub fn from_random(mut bits: u64) -> Self {
        let mut characters = [0_u8; RECEIPT_CHARS];
        let mut sum = 0;
        for (index, character) in characters.iter_mut().take(RECEIPT_CHARS - 1).enumerate() {
            let digit = (bits % 31) as usize;
            bits /= 31;
            sum += (index + 1) * digit;
            *character = RECEIPT_ALPHABET[digit];
        }
        characters[RECEIPT_CHARS - 1] = RECEIPT_ALPHABET[sum % 31];
        Self(grouped(&characters))
    }

    /// The code in groups of four, as it is printed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn grouped(characters: &[u8; RECEIPT_CHARS]) -> String {
    let mut text = String::with_capacity(RECEIPT_CHARS + 2);
    for (index, character) in characters.iter().enumerate() {
        if index > 0 && index % 4 == 0 {
            text.push('-');
        }
        text.push(char::from(*character));
    }
    text
}

impl fmt::Display for ReceiptCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ReceiptCode {
    type Err = InvalidId;

    /// Reads a code as people type it: any case, full-width characters, with or without dashes and spaces.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut characters = [0_u8; RECEIPT_CHARS];
        let mut sum = 0;
        let mut count = 0;
        for character in text.chars() {
            let folded = match character {
                '\u{ff01}'..='\u{ff5e}' => {
                    char::from_u32(character as u32 - 0xfee0).unwrap_or(character)
                }
                '\u{3000}' => ' ',
                other => other,
            };
            if matches!(folded, '-' | ' ' | '—' | '－') {
                continue;
            }
            let upper = folded.to_ascii_uppercase();
            let digit = RECEIPT_ALPHABET
                .iter()
                .position(|known| char::from(*known) == upper)
                .ok_or(InvalidId::NotReceiptCode)?;
            if count == RECEIPT_CHARS {
                return Err(InvalidId::NotReceiptCode);
            }
            if count < RECEIPT_CHARS - 1 {
                sum += (count + 1) * digit;
            } else if digit != sum % 31 {
                return Err(InvalidId::NotReceiptCode);
            }
            characters[count] = RECEIPT_ALPHABET[digit];
            count += 1;
        }
        if count == RECEIPT_CHARS {
            Ok(Self(grouped(&characters)))
        } else {
            Err(InvalidId::NotReceiptCode)
        }
    }
}

impl TryFrom<String> for ReceiptCode {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ReceiptCode> for String {
    fn from(code: ReceiptCode) -> Self {
        code.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_recurrence_has_one_id_by_cause_matter_department_and_window() {
        let id = |cause, matter, department: &str, from: &str| {
            let (department, from) = (department.parse().unwrap(), from.parse().unwrap());
            ImprovementId::of_recurrence(cause, matter, &department, from)
        };
        let one = id(Cause::SystemNotShared, "退休手续办理", "hr-bureau", "2026-03-02");
        assert_eq!(one, id(Cause::SystemNotShared, "退休手续办理", "hr-bureau", "2026-03-02"));
        for other in [
            id(Cause::SystemFault, "退休手续办理", "hr-bureau", "2026-03-02"),
            id(Cause::SystemNotShared, "公租房申请", "hr-bureau", "2026-03-02"),
            id(Cause::SystemNotShared, "退休手续办理", "housing", "2026-03-02"),
            id(Cause::SystemNotShared, "退休手续办理", "hr-bureau", "2026-03-03"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn a_subject_cannot_be_injected_through_a_slug() {
        for text in ["", "-a", "a.b", "a*", ">", "a b", "A", "东花市", "a\n", &"x".repeat(65)] {
            assert_eq!(text.parse::<CenterId>(), Err(InvalidId::NotSlug), "{text:?}");
        }
        assert!("donghuashi".parse::<CenterId>().is_ok());
    }

    #[test]
    fn a_case_id_has_one_spelling() {
        let id = "0198f3a0-0000-7000-8000-00000000000a";
        assert!(id.parse::<CaseId>().is_ok());
        assert!(id.to_uppercase().parse::<CaseId>().is_err());
        assert!(id.replace('-', "").parse::<CaseId>().is_err());
    }

    #[test]
    fn derived_ids_do_not_collide_across_borders() {
        assert_ne!(CommandId::of_key("ab", "c"), CommandId::of_key("a", "bc"));
        let center: CenterId = "a".parse().unwrap();
        assert_eq!(CaseId::of_key(&center, "k"), CaseId::of_key(&center, "k"));
    }

    proptest! {
        #[test]
        fn every_receipt_code_reads_back(bits: u64) {
            let code = ReceiptCode::from_random(bits);
            prop_assert_eq!(code.as_str().parse::<ReceiptCode>(), Ok(code.clone()));
            let typed = code.to_string().to_lowercase().replace('-', " ");
            prop_assert_eq!(typed.parse::<ReceiptCode>(), Ok(code));
        }

        #[test]
        fn one_wrong_character_is_noticed(bits: u64, place in 0..11_usize, shift in 1..31_usize) {
            let code = ReceiptCode::from_random(bits).to_string().replace('-', "");
            let mut bytes = code.into_bytes();
            let old = RECEIPT_ALPHABET.iter().position(|c| *c == bytes[place]).unwrap();
            bytes[place] = RECEIPT_ALPHABET[(old + shift) % 31];
            let text = String::from_utf8(bytes).unwrap();
            prop_assert_eq!(text.parse::<ReceiptCode>(), Err(InvalidId::NotReceiptCode));
        }
    }
}
