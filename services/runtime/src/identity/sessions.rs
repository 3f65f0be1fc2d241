//! Sessions: a random token in the caller's hand, its hash in the bucket.
//!
//! Invariants: the token itself is never stored; a session that was ended is not brought back by a late
//! touch (every write names the revision that it saw); a locked session opens nothing until its own person
//! has typed the password again, in whatever process it is asked, and locking does not make it live longer.

use axum::http::Method;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::machine::is_machine_token;
use super::staff::{TRIES_MAX, Username};
use super::{Account, Identity, IdentityError, Opened, Staff, password, random_hex};
use crate::audit::AuditLine;
use crate::http::body::hex;
use crate::kv::Found;

/// Longest session, in hours: a working day with its margins.
pub const SESSION_HOURS_MAX: i64 = 10;
/// Longest pause within a session, in minutes: a noon break, not an evening.
pub const SESSION_IDLE_MINUTES_MAX: i64 = 120;
/// How often a session in use is written again, in minutes.
const TOUCH_MINUTES: i64 = 5;
/// Length of a token in hex digits: 256 random bits.
const TOKEN_CHARS: usize = 64;

/// A session that stands, as its own person may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Whose it is.
    pub staff: Staff,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Whether it waits for the password of its person.
    pub locked: bool,
    /// Whether its person has a second factor.
    pub has_second_factor: bool,
    /// Whether its person has to enrol a second factor before anything else.
    pub must_enrol: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionRecord {
    username: Username,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    seen_at: DateTime<Utc>,
    /// The account's stamp when the session was opened.
    stamp: String,
    /// Since when it is locked (锁屏).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    locked_at: Option<DateTime<Utc>>,
    /// Whether an identity provider has asked for a second factor; absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    second_factor_elsewhere: bool,
    /// The revision that was read; not stored.
    #[serde(skip)]
    revision: u64,
}

impl SessionRecord {
    fn is_alive(&self, now: DateTime<Utc>) -> bool {
        now < self.expires_at
            && now < self.seen_at + TimeDelta::minutes(SESSION_IDLE_MINUTES_MAX)
            // A clock that was set back far must not lengthen a session.
            && self.created_at <= now + TimeDelta::minutes(TOUCH_MINUTES)
    }

    pub(super) const fn is_locked(&self) -> bool {
        self.locked_at.is_some()
    }
}

impl Identity {
    /// Opens a session for an account, without asking for a password.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] when there is no such account or it is disabled, or when the bus is out
    /// of reach.
    pub async fn open_session(&self, username: &Username) -> Result<Opened, IdentityError> {
        let account = self
            .find_fresh(username)
            .await?
            .filter(|account| !account.disabled)
            .ok_or_else(|| IdentityError::Unknown(username.clone()))?;
        self.open_session_of(account).await
    }

    /// Opens a session for an account as it was when its person proved who he is: when it has got another password or a
    /// second factor since, the session is none from the beginning.
    pub(super) async fn open_session_of(&self, account: Account) -> Result<Opened, IdentityError> {
        self.open_proved_session(account, false).await
    }

    /// As [`Identity::open_session_of`], for whom an identity provider may have asked for a second factor.
    pub(super) async fn open_proved_session(
        &self,
        account: Account,
        second_factor_elsewhere: bool,
    ) -> Result<Opened, IdentityError> {
        let now = self.now();
        let record = SessionRecord {
            username: account.staff.username.clone(),
            created_at: now,
            expires_at: now + TimeDelta::hours(SESSION_HOURS_MAX),
            seen_at: now,
            stamp: account.stamp,
            locked_at: None,
            second_factor_elsewhere,
            revision: 0,
        };
        let token = random_hex::<{ TOKEN_CHARS / 2 }>()?;
        self.sessions.put(&key(&token), written(&record)?).await?;
        Ok(Opened { token, expires_at: record.expires_at, staff: account.staff })
    }

    /// Finds whose session a token opens, and notes that it is in use; `None` when it opens none (any more).
    ///
    /// # Errors
    /// [`IdentityError::Locked`] when it waits for its person's password, [`IdentityError::MustEnrol`] when its person has to
    /// enrol a second factor first, or when the bus is out of reach: then nobody knows.
    pub async fn resolve(&self, token: &str) -> Result<Option<Staff>, IdentityError> {
        self.find_staff(token, true).await
    }

    /// Finds whose session a token opens, for what goes on by itself: a page that nobody sits before is not in use, and
    /// its session ends when it has been idle for long enough. A machine's token opens it when its scope has `route`.
    ///
    /// # Errors
    /// As [`Identity::resolve`], and [`IdentityError::OutOfScope`].
    pub async fn look(&self, token: &str, route: &str) -> Result<Option<Staff>, IdentityError> {
        match is_machine_token(token) {
            true => self.machine(token, &Method::GET, route).await,
            false => self.find_staff(token, false).await,
        }
    }

    /// Finds the session of a token, locked or not; its use is not noted. `None` when there is none (any more).
    ///
    /// # Errors
    /// When the bus is out of reach: then nobody knows.
    pub async fn session(&self, token: &str) -> Result<Option<Session>, IdentityError> {
        let found = self.open_record(token).await?;
        Ok(found.map(|(_, record, account)| self.shown(&record, account)))
    }

    /// Whether the person of a session has to enrol a second factor before anything else.
    fn must_enrol(&self, record: &SessionRecord, account: &Account) -> bool {
        !record.second_factor_elsewhere && self.lacks_second_factor(account)
    }

    fn shown(&self, record: &SessionRecord, account: Account) -> Session {
        Session {
            expires_at: record.expires_at,
            locked: record.is_locked(),
            has_second_factor: account.has_second_factor(),
            must_enrol: self.must_enrol(record, &account),
            staff: account.staff,
        }
    }

    /// Locks the session of a token, for a counter that its person leaves for a while. Idempotent; `None` when there is
    /// no such session.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn lock(&self, token: &str) -> Result<Option<Session>, IdentityError> {
        let now = self.now();
        let locked = self.rewrite(token, |record| {
            let is_new = record.locked_at.is_none();
            record.locked_at.get_or_insert(now);
            is_new
        });
        let locked = locked.await?;
        if let Some((session, true)) = &locked {
            self.note(&session.staff, "session_locked").await;
        }
        Ok(locked.map(|(session, _)| session))
    }

    /// Opens a locked session with the password of its person; `None` when there is no such session. One that is not
    /// locked stays as it is.
    ///
    /// # Errors
    /// [`IdentityError::WrongPassword`] and [`IdentityError::Throttled`], which count as at a sign-in, or when the bus is
    /// out of reach.
    pub async fn unlock(
        &self,
        token: &str,
        password: &str,
    ) -> Result<Option<Session>, IdentityError> {
        let Some((_, _, Account { staff, .. })) = self.open_record(token).await? else {
            return Ok(None);
        };
        if let Err(error) = self.authenticate(staff.username.as_str(), password).await {
            if matches!(error, IdentityError::WrongPassword | IdentityError::Throttled { .. }) {
                self.note(&staff, "unlock_refused").await;
            }
            return Err(error);
        }
        let now = self.now();
        let unlocked = self.rewrite(token, |record| {
            let was_locked = record.locked_at.take().is_some();
            record.seen_at = now;
            was_locked
        });
        let unlocked = unlocked.await?;
        if let Some((session, true)) = &unlocked {
            self.note(&session.staff, "session_unlocked").await;
        }
        Ok(unlocked.map(|(session, _)| session))
    }

    /// Gives a person another password, who has typed the present one. Every other session of the account ends; this one
    /// goes on. False when the token opens no session.
    ///
    /// # Errors
    /// As [`Identity::resolve`] and [`Identity::set_password`]; [`IdentityError::WrongPassword`] and
    /// [`IdentityError::Throttled`] are about the present password, and count as at a sign-in.
    pub async fn change_password(
        &self,
        token: &str,
        current: &str,
        new: &str,
    ) -> Result<bool, IdentityError> {
        let Some(staff) = self.resolve(token).await? else { return Ok(false) };
        password::check(new, staff.username.as_str())?;
        self.authenticate(staff.username.as_str(), current).await?;
        if current == new {
            let problem = "must be another than before".to_owned();
            return Err(IdentityError::Invalid { field: "password", problem });
        }
        // In between this session stands still as well: a crash there costs a sign-in and leaves no old session open.
        let stamp = self.renew_password(&staff.username, new).await?;
        self.keep_session(token, &staff.username, &stamp).await?;
        self.note(&staff, "password_changed").await;
        Ok(true)
    }

    /// Lets the session of a token go on under the new stamp of its account.
    pub(super) async fn keep_session(
        &self,
        token: &str,
        username: &Username,
        stamp: &str,
    ) -> Result<(), IdentityError> {
        self.rewrite(token, |record| {
            if record.username == *username {
                stamp.clone_into(&mut record.stamp);
            }
            true
        })
        .await
        .map(drop)
    }

    async fn find_staff(&self, token: &str, is_use: bool) -> Result<Option<Staff>, IdentityError> {
        let Some((key, record, account)) = self.open_record(token).await? else { return Ok(None) };
        if record.is_locked() {
            return Err(IdentityError::Locked);
        }
        if self.must_enrol(&record, &account) {
            return Err(IdentityError::MustEnrol);
        }
        let now = self.now();
        if is_use && now >= record.seen_at + TimeDelta::minutes(TOUCH_MINUTES) {
            self.touch(&key, record, now).await;
        }
        Ok(Some(account.staff))
    }

    /// The record of a session that is alive and whose account still trusts it, with its key and account.
    pub(super) async fn open_record(
        &self,
        token: &str,
    ) -> Result<Option<(String, SessionRecord, Account)>, IdentityError> {
        if !is_token(token) {
            return Ok(None);
        }
        let key = key(token);
        let Some(record) = self.record(&key).await? else { return Ok(None) };
        if !record.is_alive(self.now()) {
            // Ended for all: a clock that is set back brings nothing back.
            self.session_cache.forget(&key);
            self.sessions.purge(&key).await?;
            return Ok(None);
        }
        let account = self.find(&record.username).await?;
        let account = account.filter(|account| !account.disabled && account.stamp == record.stamp);
        Ok(account.map(|account| (key, record, account)))
    }

    /// Changes the record of a session on the revision that was read, again when somebody else was faster. `apply` says
    /// whether it did something worth telling. An account that is gone or was re-stamped meanwhile does not matter here:
    /// its session opens nothing, however its record reads.
    async fn rewrite(
        &self,
        token: &str,
        apply: impl Fn(&mut SessionRecord) -> bool,
    ) -> Result<Option<(Session, bool)>, IdentityError> {
        if !is_token(token) {
            return Ok(None);
        }
        let key = key(token);
        for _ in 0..TRIES_MAX {
            // At the leader: a late replica would give a revision that is no longer the newest, again and again.
            let found = self.sessions.find_at_leader(&key).await?;
            let Some(mut record) = read(found)? else { return Ok(None) };
            let Some(account) = self.find(&record.username).await? else { return Ok(None) };
            let revision = record.revision;
            let is_told = apply(&mut record);
            let is_written = self.sessions.replace(&key, written(&record)?, revision).await?;
            self.session_cache.forget(&key);
            if is_written {
                return Ok(Some((self.shown(&record, account), is_told)));
            }
        }
        Err(IdentityError::Busy)
    }

    pub(super) async fn note(&self, staff: &Staff, what: &'static str) {
        let line = AuditLine::new(staff.username.as_str(), what).role(staff.role);
        self.audit.record(line.center(staff.center.clone())).await;
    }

    /// Ends the session of a token, in every process. Idempotent.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn close_session(&self, token: &str) -> Result<(), IdentityError> {
        if is_token(token) {
            let key = key(token);
            self.sessions.purge(&key).await?;
            self.session_cache.forget(&key);
        }
        Ok(())
    }

    async fn record(&self, key: &str) -> Result<Option<SessionRecord>, IdentityError> {
        if let Some(record) = self.session_cache.get(key) {
            return Ok(Some(record));
        }
        let ticket = self.session_cache.ticket();
        let Some(record) = read(self.sessions.find(key).await?)? else { return Ok(None) };
        self.session_cache.remember(ticket, key, record.clone());
        Ok(Some(record))
    }

    /// Notes that the session is in use. A failure costs nothing but an earlier end of the session.
    async fn touch(&self, key: &str, record: SessionRecord, now: DateTime<Utc>) {
        let revision = record.revision;
        let Ok(value) = written(&SessionRecord { seen_at: now, ..record }) else { return };
        if let Err(error) = self.sessions.replace(key, value, revision).await {
            tracing::debug!(%error, "a session could not be touched");
        }
        self.session_cache.forget(key);
    }
}

fn read(found: Found) -> Result<Option<SessionRecord>, IdentityError> {
    let Some((value, revision)) = found.value() else { return Ok(None) };
    let record: SessionRecord = serde_json::from_slice(&value)
        .map_err(|source| IdentityError::Damaged { what: "a session", source })?;
    Ok(Some(SessionRecord { revision, ..record }))
}

fn written(record: &SessionRecord) -> Result<Bytes, IdentityError> {
    serde_json::to_vec(record)
        .map(Into::into)
        .map_err(|source| IdentityError::Damaged { what: "a session", source })
}

fn is_token(text: &str) -> bool {
    text.len() == TOKEN_CHARS && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn key(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    fn record(seen_at: i64) -> SessionRecord {
        SessionRecord {
            username: "yang.li".parse().unwrap(),
            created_at: at(0),
            expires_at: at(600),
            seen_at: at(seen_at),
            stamp: "stamp".to_owned(),
            locked_at: None,
            second_factor_elsewhere: false,
            revision: 0,
        }
    }

    #[test]
    fn a_session_ends_after_ten_hours_and_after_two_idle_ones() {
        assert!(record(0).is_alive(at(119)));
        assert!(!record(0).is_alive(at(120)));
        assert!(record(590).is_alive(at(599)));
        assert!(!record(599).is_alive(at(600)));
        assert!(!record(0).is_alive(at(-60)));
    }

    #[test]
    fn only_64_lower_case_hex_digits_are_looked_up() {
        assert!(is_token(&"0a".repeat(32)));
        for text in ["", "*", &"0A".repeat(32), &"0a".repeat(31), &"0a".repeat(33)] {
            assert!(!is_token(text));
        }
    }
}
