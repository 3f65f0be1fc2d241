//! Seals: from time to time the site signs how far a stream goes and the digest of everything up to there, so that an
//! end that was cut off, or a history that was exchanged as a whole, is found.
//!
//! Invariants: a seal is whole by itself, so it counts wherever it was kept: in the audit, in the manifest of a backup, on
//! paper; whoever has no key cannot make one. What happened after the last seal can be cut off unseen: it is as good as
//! it is young, and as it is kept where the bus's disk is not.

mod sealer;

use proto_events::subject::{AUDIT_STREAM, CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM};

pub use sealer::Sealer;

use crate::audit::{Audit, AuditError, AuditLine};
use crate::log::chain::{Digest, EventKey};
use crate::vault::base64url;

/// What an audit line of seals says in `what`.
pub const SEALED: &str = "sealed";

/// The streams that are sealed; the seals stand in the last.
pub const SEALED_STREAMS: [&str; 4] = [CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM, AUDIT_STREAM];

/// Lines of the audit that are read at once.
const LINES_AT_ONCE: usize = 1_000;

/// Bytes of the signature that are kept: nobody finds another by trying.
const SIGNATURE_BYTES: usize = 16;

/// How far a stream goes, and the digest of everything up to there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    /// The stream.
    pub stream: String,
    /// The last event that it covers.
    pub sequence: u64,
    /// The running digest behind it.
    pub digest: Digest,
    signature: Vec<u8>,
}

impl Seal {
    /// Signs a place.
    #[must_use]
    pub fn new(key: &EventKey, stream: &str, sequence: u64, digest: Digest) -> Self {
        let signature = key.sign("seal", &signed(stream, sequence, &digest));
        let signature = signature[..SIGNATURE_BYTES].to_vec();
        Self { stream: stream.to_owned(), sequence, digest, signature }
    }

    /// Reads what `Display` wrote, when this site signed it.
    #[must_use]
    pub fn read(key: &EventKey, text: &str) -> Option<Self> {
        let mut parts = text.trim().split(':');
        let (stream, sequence) = (parts.next()?, parts.next()?.parse().ok()?);
        let digest = Digest::parse(parts.next()?)?;
        let signature = base64url::decode(parts.next()?)?;
        let seal = Self::new(key, stream, sequence, digest);
        // Both sides are in the hands of whoever reads: nothing is to be learned from the time it takes.
        (parts.next().is_none() && seal.signature == signature).then_some(seal)
    }

    /// Reads the seals of an audit line's detail; what was not signed here is left out.
    #[must_use]
    pub fn read_all(key: &EventKey, detail: &str) -> Vec<Self> {
        detail.split_whitespace().filter_map(|text| Self::read(key, text)).collect()
    }
}

/// Which seals of the audit are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// The newest of each stream.
    Newest,
}

/// Reads the seals in the audit that this site signed, the newest first.
///
/// # Errors
/// When the audit cannot be read.
pub async fn in_audit(
    audit: &Audit,
    key: &EventKey,
    wanted: Wanted,
) -> Result<Vec<Seal>, AuditError> {
    let (mut seals, mut before) = (Vec::<Seal>::new(), None);
    loop {
        let lines = audit.lines_before(before, LINES_AT_ONCE).await?;
        for line in &lines {
            // Few lines are about seals; the others are not read for it.
            let Ok(line) = serde_json::from_slice::<AuditLine>(&line.body) else { continue };
            if line.what == SEALED {
                seals.extend(Seal::read_all(key, line.detail.as_deref().unwrap_or_default()));
            }
        }
        let has = |stream: &&str| seals.iter().any(|seal| seal.stream == **stream);
        let is_enough = wanted == Wanted::Newest && SEALED_STREAMS.iter().all(has);
        before = lines.last().map(|line| line.sequence);
        if is_enough || before.is_none_or(|before| before <= 1) {
            return Ok(seals);
        }
    }
}

fn signed(stream: &str, sequence: u64, digest: &Digest) -> String {
    format!("{stream}:{sequence}:{digest}")
}

impl std::fmt::Display for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stream, sequence, digest, signature } = self;
        write!(f, "{}:{}", signed(stream, *sequence, digest), base64url::encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_reads_back_under_its_own_key_and_unchanged_only() {
        let key = EventKey::of_bytes([1; 32]);
        let seal = Seal::new(&key, "CASES", 12, Digest::of_bytes([3; 32]));
        let text = seal.to_string();
        assert_eq!(Seal::read(&key, &text), Some(seal.clone()));
        assert_eq!(Seal::read(&EventKey::of_bytes([2; 32]), &text), None);
        for changed in
            [text.replace(":12:", ":13:"), text.replace("CASES", "AUDIT"), format!("{text}:")]
        {
            assert_eq!(Seal::read(&key, &changed), None, "{changed}");
        }
        let two = format!("{text} nonsense {text}");
        assert_eq!(Seal::read_all(&key, &two), [seal.clone(), seal]);
    }
}
