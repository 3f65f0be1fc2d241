//! What reads bytes from outside, each as one function that must hold for any bytes: read them or refuse them, never panic,
//! and read again what was written of them.
//!
//! Two drivers run the same [`TARGETS`]: `tests/bounded.rs` on stable in every run, and cargo-fuzz in `../fuzz`.
//!
//! Invariant: a target panics only when the product is wrong; its first samples are ones that its parser understands, so
//! that a mutation begins near what is right.

mod events;
mod files;
mod headers;
mod secrets;

/// A parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name; cargo-fuzz knows it by the same.
    pub name: &'static str,
    /// Reads any bytes; tells whether the parser understood them.
    pub run: fn(&[u8]) -> bool,
    /// Bytes that it understands.
    pub samples: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    events::CASE_EVENT,
    events::CENTER_EVENT,
    events::LEARNING_EVENT,
    events::ENVELOPE,
    events::SUBJECT,
    events::RECEIPT_CODE,
    headers::PRECONDITIONS,
    headers::FORWARDED_FOR,
    headers::TRUSTED_PROXIES,
    headers::QUERY,
    headers::BODY,
    secrets::SEALED_TEXT,
    secrets::SEALED_AND_OPENED,
    secrets::MASTER_KEY,
    secrets::STREAM_SEAL,
    files::DISTRICT,
    files::CALENDAR,
    files::DRAFT,
    files::REGISTER,
    files::FREE_TEXT,
];

/// The target of this name.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn target(name: &str) -> Target {
    let found = TARGETS.iter().find(|target| target.name == name);
    *found.unwrap_or_else(|| panic!("no target {name}"))
}

/// The first line of `bytes` as text, and the rest.
fn first_line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 1..]))
}

fn texts(samples: &[&str]) -> Vec<Vec<u8>> {
    samples.iter().map(|text| text.as_bytes().to_vec()).collect()
}
