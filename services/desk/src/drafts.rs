//! Half-filled forms: what somebody has typed survives a reload, signing out, another machine.
//!
//! Invariants: a draft is sealed before it leaves the process, because it may hold an applicant who is not registered
//! yet; it opens for the account that wrote it and for no other, a later one of the same username included; it goes by
//! itself [`DRAFT_LIFE`](runtime::streams::DRAFT_LIFE) after it was last written.

use chrono::{DateTime, Utc};
use runtime::identity::{Account, Username};
use runtime::kv::{Bucket, KvError};
use runtime::vault::{DataKey, MasterKey, SealError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Largest draft, in bytes of JSON: twenty times what the longest form holds.
pub const DRAFT_BYTES_MAX: usize = 32 * 1024;

/// Most drafts of one person at a time: nobody has more forms open, and nobody fills the disk of the bus.
pub const DRAFTS_PER_PERSON_MAX: usize = 40;

/// What the site's key is derived for.
const PURPOSE: &str = "drafts";

/// Why a draft was not kept or read.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// It is larger than a draft may be.
    #[error("a draft has at most {DRAFT_BYTES_MAX} bytes")]
    TooLarge,
    /// The person has as many as one may have.
    #[error("there are {DRAFTS_PER_PERSON_MAX} drafts already")]
    TooMany,
    /// The bus is out of reach.
    #[error("the drafts are out of reach")]
    Unreachable(#[from] KvError),
    /// The cipher refused.
    #[error("the draft could not be sealed")]
    Sealing(#[from] SealError),
}

/// The name of a form: 1 to 64 of `a-z`, `0-9`, `_` and `-`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormName(String);

impl FormName {
    /// Reads a name; `None` when it is none.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        fits.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A draft, opened.
#[derive(Clone, Serialize, Deserialize)]
pub struct Draft {
    /// When it was last written.
    pub saved_at: DateTime<Utc>,
    /// What was typed.
    pub body: Map<String, Value>,
}

impl std::fmt::Debug for Draft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft").field("saved_at", &self.saved_at).finish_non_exhaustive()
    }
}

/// All drafts of a site.
#[derive(Debug, Clone)]
pub struct Drafts {
    bucket: Bucket,
    key: DataKey,
}

impl Drafts {
    /// Makes it over the bucket [`DRAFTS_BUCKET`](runtime::streams::DRAFTS_BUCKET).
    #[must_use]
    pub fn new(bucket: Bucket, master: &MasterKey) -> Self {
        Self { bucket, key: master.key_for(PURPOSE) }
    }

    /// Keeps a draft in place of the one before.
    ///
    /// # Errors
    /// See [`DraftError`].
    pub async fn put(
        &self,
        owner: &Account,
        form: &FormName,
        draft: &Draft,
    ) -> Result<(), DraftError> {
        let plain = serde_json::to_vec(draft).map_err(|_| SealError::CannotSeal)?;
        if Value::Object(draft.body.clone()).to_string().len() > DRAFT_BYTES_MAX {
            return Err(DraftError::TooLarge);
        }
        let key = key(&owner.staff.username, form);
        if self.bucket.find(&key).await?.value().is_none() {
            let prefix = prefix(&owner.staff.username);
            let all = self.bucket.keys().await?;
            if all.iter().filter(|one| one.starts_with(&prefix)).count() >= DRAFTS_PER_PERSON_MAX {
                return Err(DraftError::TooMany);
            }
        }
        let sealed = self.key.seal(&plain, associated(owner, form).as_bytes())?;
        Ok(self.bucket.put(&key, sealed.into_bytes().into()).await?)
    }

    /// The draft of a form; `None` when there is none that is this account's.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn get(&self, owner: &Account, form: &FormName) -> Result<Option<Draft>, DraftError> {
        let key = key(&owner.staff.username, form);
        let Some((sealed, _)) = self.bucket.find_at_leader(&key).await?.value() else {
            return Ok(None);
        };
        let sealed = String::from_utf8_lossy(&sealed);
        // Another account of this username wrote it, or another master key was there: nothing that can be used.
        let opened = self.key.open(&sealed, associated(owner, form).as_bytes());
        Ok(opened.ok().and_then(|plain| serde_json::from_slice(&plain).ok()))
    }

    /// Throws a draft away. Idempotent.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn discard(&self, username: &Username, form: &FormName) -> Result<(), DraftError> {
        Ok(self.bucket.purge(&key(username, form)).await?)
    }

    /// Throws all drafts of a person away, when the account goes.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn discard_all(&self, username: &Username) -> Result<(), DraftError> {
        let prefix = prefix(username);
        for key in self.bucket.keys().await? {
            if key.starts_with(&prefix) {
                self.bucket.purge(&key).await?;
            }
        }
        Ok(())
    }
}

/// A key of a bucket takes ASCII only, a username does not.
fn prefix(username: &Username) -> String {
    let hex: String = username.as_str().bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}.")
}

fn key(username: &Username, form: &FormName) -> String {
    format!("{}{}", prefix(username), form.as_str())
}

/// Where a draft belongs. Neither a username nor an instant has a line break, so no two places read alike.
fn associated(owner: &Account, form: &FormName) -> String {
    let (username, made) = (&owner.staff.username, owner.created_at.timestamp_micros());
    format!("draft\n{username}\n{made}\n{}", form.as_str())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use serde_json::json;

    use super::*;

    fn block_on(work: impl Future<Output = ()>) {
        work.now_or_never().expect("nothing waits for a bucket in memory");
    }

    fn drafts() -> Drafts {
        Drafts::new(Bucket::in_memory("drafts"), &MasterKey::of_hex(&"5a".repeat(32)).unwrap())
    }

    fn account(username: &str, created_at: &str) -> Account {
        serde_json::from_value(json!({
            "username": username, "name": "样例", "role": "auditor", "center": null, "department": null,
            "created_at": created_at, "disabled": false, "password_hash": "h", "stamp": "s",
        }))
        .unwrap()
    }

    fn draft(text: &str) -> Draft {
        let body = json!({ "name": text }).as_object().unwrap().clone();
        Draft { saved_at: DateTime::UNIX_EPOCH, body }
    }

    fn form(name: &str) -> FormName {
        FormName::of(name).unwrap()
    }

    #[test]
    fn a_draft_is_read_by_who_wrote_it_and_by_nobody_else() {
        block_on(async {
            let drafts = drafts();
            let owner = account("yang.li", "2026-01-01T00:00:00Z");
            drafts.put(&owner, &form("open"), &draft("样例甲")).await.unwrap();
            drafts.put(&owner, &form("open"), &draft("样例乙")).await.unwrap();
            let found = drafts.get(&owner, &form("open")).await.unwrap().unwrap();
            assert_eq!(found.body["name"], "样例乙");
            assert!(drafts.get(&owner, &form("resolve")).await.unwrap().is_none());
            let other = account("wang", "2026-01-01T00:00:00Z");
            assert!(drafts.get(&other, &form("open")).await.unwrap().is_none());
            let later = account("yang.li", "2026-02-01T00:00:00Z");
            assert!(drafts.get(&later, &form("open")).await.unwrap().is_none(), "a namesake");
            drafts.discard(&owner.staff.username, &form("open")).await.unwrap();
            assert!(drafts.get(&owner, &form("open")).await.unwrap().is_none());
        });
    }

    #[test]
    fn what_stands_on_the_bus_has_nothing_of_it_in_clear() {
        block_on(async {
            let drafts = drafts();
            let owner = account("yang.li", "2026-01-01T00:00:00Z");
            drafts.put(&owner, &form("open"), &draft("13800000000")).await.unwrap();
            for key in drafts.bucket.keys().await.unwrap() {
                let (value, _) = drafts.bucket.find(&key).await.unwrap().value().unwrap();
                assert!(!String::from_utf8_lossy(&value).contains("13800000000"));
            }
        });
    }

    #[test]
    fn the_size_and_the_number_of_drafts_have_limits() {
        block_on(async {
            let drafts = drafts();
            let owner = account("yang.li", "2026-01-01T00:00:00Z");
            let large = draft(&"a".repeat(DRAFT_BYTES_MAX));
            let refused = drafts.put(&owner, &form("open"), &large).await;
            assert!(matches!(refused, Err(DraftError::TooLarge)));
            for number in 0..DRAFTS_PER_PERSON_MAX {
                drafts.put(&owner, &form(&format!("form-{number}")), &draft("a")).await.unwrap();
            }
            let refused = drafts.put(&owner, &form("one-more"), &draft("a")).await;
            assert!(matches!(refused, Err(DraftError::TooMany)));
            drafts.put(&owner, &form("form-0"), &draft("b")).await.unwrap();
            drafts.discard_all(&owner.staff.username).await.unwrap();
            assert_eq!(drafts.bucket.keys().await.unwrap().len(), 0);
        });
    }

    #[test]
    fn a_form_has_a_plain_name() {
        for name in ["", "Open", "a.b", "a/b", "开", &"a".repeat(65)] {
            assert_eq!(FormName::of(name), None, "{name}");
        }
    }
}
