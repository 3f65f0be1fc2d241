//! The first account, made with a link that only whoever started the program has.
//!
//! Invariants: the token is kept as its hash only, in the bus, so that whichever process is asked knows it; it opens once,
//! for [`FIRST_LINK_HOURS`] at most, and only while there is no account at all; a new link makes the one before
//! it worthless.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use proto_events::codes::Role;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Identity, IdentityError, NewStaff, Opened, Username, password, random_hex};
use crate::audit::AuditLine;
use crate::http::body::hex;
use crate::kv::Bucket;

/// How long a link opens, in hours: the working day on which the house is set up, and the morning after.
pub const FIRST_LINK_HOURS: i64 = 24;

/// The one key of the bucket.
const LINK: &str = "link";

/// Half of a token in hex digits: 128 random bits, more than anybody guesses in a day.
const TOKEN_BYTES: usize = 16;

#[derive(Serialize, Deserialize)]
struct Link {
    /// SHA-256 of the token, in hex.
    hash: String,
    expires_at: DateTime<Utc>,
    /// Whether somebody was let in with it.
    #[serde(default)]
    used: bool,
}

/// Lets the first person in.
#[derive(Debug, Clone)]
pub struct FirstAccount {
    bucket: Bucket,
    identity: Arc<Identity>,
}

impl FirstAccount {
    /// Makes it over the bucket [`FIRST_RUN_BUCKET`](crate::streams::FIRST_RUN_BUCKET).
    #[must_use]
    pub fn new(bucket: Bucket, identity: Arc<Identity>) -> Self {
        Self { bucket, identity }
    }

    /// Whether there is no account yet, so that a link can open something.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn is_missing(&self) -> Result<bool, IdentityError> {
        Ok(self.identity.everybody().await?.is_empty())
    }

    /// Makes a new link and gives its token; `None` when there is an account already.
    ///
    /// # Errors
    /// When the bus is out of reach or the machine gives no randomness.
    pub async fn invite(&self) -> Result<Option<String>, IdentityError> {
        if !self.identity.list().await?.is_empty() {
            return Ok(None);
        }
        let token = random_hex::<TOKEN_BYTES>()?;
        let expires_at = self.identity.now() + TimeDelta::hours(FIRST_LINK_HOURS);
        let link = Link { hash: hash(&token), expires_at, used: false };
        self.bucket.put(LINK, written(&link)?).await?;
        Ok(Some(token))
    }

    /// Makes the first account, an administrator, and signs it in.
    ///
    /// # Errors
    /// [`IdentityError::FirstLinkInvalid`], [`IdentityError::Invalid`] for a rule (the link stays good then), or when the
    /// bus is out of reach.
    pub async fn make(
        &self,
        token: &str,
        username: Username,
        name: String,
        password: &str,
    ) -> Result<Opened, IdentityError> {
        let found = self.bucket.find_at_leader(LINK).await?.value();
        let (value, revision) = found.ok_or(IdentityError::FirstLinkInvalid)?;
        let link: Link = serde_json::from_slice(&value)
            .map_err(|source| IdentityError::Damaged { what: "the first link", source })?;
        // Hashes are compared, so that the time it takes tells nothing of the token.
        if link.used || hash(token) != link.hash || self.identity.now() >= link.expires_at {
            return Err(IdentityError::FirstLinkInvalid);
        }
        let new = NewStaff { username, name, role: Role::Admin, center: None, department: None };
        // What is wrong with the account is said before the link is spent.
        password::check(password, new.username.as_str())?;
        new.clone().check()?;
        if !self.identity.list().await?.is_empty() {
            return Err(IdentityError::FirstLinkInvalid);
        }
        let spent = Link { used: true, ..link };
        if !self.bucket.replace(LINK, written(&spent)?, revision).await? {
            return Err(IdentityError::FirstLinkInvalid);
        }
        let staff = match self.identity.add(new, password).await {
            Ok(staff) => staff,
            Err(error) => {
                // Nobody was let in: the link is good again, as far as the bus can be reached.
                if let Err(failed) = self.bucket.put(LINK, value).await {
                    tracing::warn!(error = %failed, "the first link could not be given back; start again for a new one");
                }
                return Err(error);
            }
        };
        let line = AuditLine::new(staff.username.as_str(), "first_account_made").role(staff.role);
        self.identity.audit.record(line).await;
        self.identity.open_session(&staff.username).await
    }
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.trim().as_bytes()))
}

fn written(link: &Link) -> Result<bytes::Bytes, IdentityError> {
    serde_json::to_vec(link)
        .map(Into::into)
        .map_err(|source| IdentityError::Damaged { what: "the first link", source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Audit, MemoryAudit};
    use crate::clock::ManualClock;
    use crate::metrics::Metrics;

    const PASSWORD: &str = "correct-horse-battery";

    struct House {
        clock: Arc<ManualClock>,
        identity: Arc<Identity>,
        first: FirstAccount,
    }

    fn house() -> House {
        let clock = Arc::new(ManualClock::new("2026-03-02T01:00:00Z".parse().unwrap()));
        let district = "dongcheng".parse().unwrap();
        let audit = Audit::new(MemoryAudit::default(), district, clock.clone(), Metrics::new());
        let (staff, sessions) = (Bucket::in_memory("staff"), Bucket::in_memory("sessions"));
        let identity = Identity::new(staff, sessions, clock.clone(), audit);
        let first = FirstAccount::new(Bucket::in_memory("first_run"), Arc::clone(&identity));
        House { clock, identity, first }
    }

    async fn make(first: &FirstAccount, token: &str) -> Result<Opened, IdentityError> {
        first.make(token, "yang.li".parse().unwrap(), "样例".to_owned(), PASSWORD).await
    }

    #[tokio::test]
    async fn the_link_makes_one_administrator_and_then_opens_nothing() {
        let House { identity, first, .. } = house();
        let token = first.invite().await.unwrap().unwrap();
        for wrong in ["", "0", &token.to_uppercase(), &format!("{token}0")] {
            assert!(matches!(make(&first, wrong).await, Err(IdentityError::FirstLinkInvalid)));
        }
        let short =
            first.make(&token, "yang.li".parse().unwrap(), "样例".to_owned(), "short").await;
        assert!(matches!(short, Err(IdentityError::Invalid { field: "password", .. })));
        let opened = make(&first, &token).await.unwrap();
        assert_eq!(opened.staff.role, Role::Admin);
        assert!(identity.resolve(&opened.token).await.unwrap().is_some());
        assert!(matches!(make(&first, &token).await, Err(IdentityError::FirstLinkInvalid)));
        assert_eq!(first.invite().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_link_ends_after_a_day_with_the_next_one_and_with_any_account() {
        let House { clock, identity, first } = house();
        let old = first.invite().await.unwrap().unwrap();
        let token = first.invite().await.unwrap().unwrap();
        assert!(matches!(make(&first, &old).await, Err(IdentityError::FirstLinkInvalid)));
        clock.advance(TimeDelta::hours(FIRST_LINK_HOURS));
        assert!(matches!(make(&first, &token).await, Err(IdentityError::FirstLinkInvalid)));
        let token = first.invite().await.unwrap().unwrap();
        let other = NewStaff {
            username: "other".parse().unwrap(),
            name: "样例".to_owned(),
            role: Role::Auditor,
            center: None,
            department: None,
        };
        identity.add(other, PASSWORD).await.unwrap();
        assert!(matches!(make(&first, &token).await, Err(IdentityError::FirstLinkInvalid)));
    }

    #[tokio::test]
    async fn of_many_who_come_with_the_link_at_once_one_gets_in() {
        let House { identity, first, .. } = house();
        let token = first.invite().await.unwrap().unwrap();
        let tries = (0..8).map(|number| {
            let (first, token) = (first.clone(), token.clone());
            async move {
                let username = format!("person-{number}").parse().unwrap();
                first.make(&token, username, "样例".to_owned(), PASSWORD).await.is_ok()
            }
        });
        let let_in = futures::future::join_all(tries).await;
        assert_eq!(let_in.into_iter().filter(|is_in| *is_in).count(), 1);
        assert_eq!(identity.list().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn the_token_itself_is_not_stored() {
        let House { first, .. } = house();
        let token = first.invite().await.unwrap().unwrap();
        let (value, _) = first.bucket.find(LINK).await.unwrap().value().unwrap();
        assert!(!String::from_utf8_lossy(&value).contains(&token));
    }
}
