//! Identity: who somebody is, by a password once and by a session afterwards.
//!
//! Invariants: a token is stored only as its hash, a password only as Argon2id; an answer to a wrong
//! password does not say, not even by its time, whether the username exists; a session ends at once, in
//! every process, when it is deleted and when its person is removed, disabled or gets another password;
//! a bus out of reach is [`IdentityError::Unreachable`], never "not signed in".
//!
//! Routers take `Signed` with any state `S` for which `Arc<Identity>: FromRef<S>` holds; a service's state
//! gives it with `impl FromRef<State> for Arc<Identity>`, or with `#[derive(FromRef)]`.

mod administer;
mod cache;
mod first;
mod password;
mod routes;
mod sessions;
mod signed;
mod staff;
mod throttle;

use std::sync::Arc;

use async_nats::jetstream::{self};
use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use tokio_util::sync::CancellationToken;

pub use administer::StaffChange;
pub use first::{FIRST_LINK_HOURS, FirstAccount};
pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
pub use routes::{SignIn, SignedIn, Who, session_operations, session_routes};
pub use sessions::{SESSION_HOURS_MAX, SESSION_IDLE_MINUTES_MAX, Session};
pub use signed::{SESSION_COOKIE, Signed, token_of};
pub use staff::{Account, NewStaff, Staff, USERNAME_CHARS_MAX, Username};

use crate::audit::{Audit, AuditLine};
use crate::clock::SharedClock;
use crate::http::{Allowance, Visitor};
use crate::kv::{Bucket, KvError};
use crate::streams::{SESSIONS_BUCKET, STAFF_BUCKET};
use cache::Cache;
use password::Hasher;
use sessions::SessionRecord;
use throttle::Throttle;

/// Wrong sign-ins of one address at once, and a minute. Everybody of a center may sit behind one and mistypes now and then;
/// who tries one password on many names gets six hundred of them an hour. A right one costs nothing.
const TRIES_BURST: u32 = 100;
const TRIES_PER_MINUTE: u32 = 10;

/// Why identity did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The username or the password does not fit, or the account is disabled.
    #[error("the username or the password is wrong")]
    WrongPassword,
    /// Too many wrong passwords for this username.
    #[error("too many wrong passwords; try again in {retry_after_seconds} s")]
    Throttled {
        /// When to try again, in seconds.
        retry_after_seconds: u32,
    },
    /// Too many wrong passwords from one address, whatever the usernames.
    #[error(
        "too many sign-ins from this address (此地址登录过于频繁); try again in {retry_after_seconds} s"
    )]
    TooManyFromHere {
        /// When to try again, in seconds.
        retry_after_seconds: u32,
    },
    /// More sign-ins at once than the process takes.
    #[error("too many people sign in at once")]
    Busy,
    /// The username has an account already.
    #[error("the username {0} is taken")]
    Taken(Username),
    /// The username has no account.
    #[error("there is no account {0}")]
    Unknown(Username),
    /// A rule for accounts says no.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The session is locked; its person has to type the password.
    #[error("the session is locked; unlock it with the password")]
    Locked,
    /// The one-time link for the first account opens nothing.
    #[error("the one-time link is wrong, was used or has expired, or there is an account already")]
    FirstLinkInvalid,
    /// Without this account nobody could administer accounts any more.
    #[error("{0} is the last administrator")]
    LastAdmin(Username),
    /// The bus is out of reach.
    #[error("the accounts are out of reach")]
    Unreachable(#[from] KvError),
    /// What is stored cannot be read.
    #[error("the record of {what} cannot be read")]
    Damaged {
        /// Which record.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The machine failed: no randomness, no thread.
    #[error("the machine failed while {0}")]
    Machine(&'static str),
}

impl IdentityError {
    /// Whether somebody tried what he does not know.
    fn is_wrong_try(&self) -> bool {
        matches!(self, Self::WrongPassword | Self::Throttled { .. })
    }
}

/// A session that was just opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The token; nobody can ask for it again.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Whose it is.
    pub staff: Staff,
}

/// Accounts and sessions of a site.
#[derive(Debug)]
pub struct Identity {
    staff: Bucket,
    sessions: Bucket,
    staff_cache: Cache<Account>,
    session_cache: Cache<SessionRecord>,
    everybody_cache: Cache<Arc<Vec<Account>>>,
    hasher: Hasher,
    throttle: Throttle,
    tries: Allowance,
    clock: SharedClockBox,
    audit: Audit,
}

/// `dyn Clock` has no `Debug`.
struct SharedClockBox(SharedClock);

impl std::fmt::Debug for SharedClockBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Identity {
    /// Opens the buckets [`STAFF_BUCKET`] and [`SESSIONS_BUCKET`].
    ///
    /// # Errors
    /// When the bus is out of reach or a bucket is missing.
    pub async fn open(
        bus: &jetstream::Context,
        clock: SharedClock,
        audit: Audit,
    ) -> Result<Arc<Self>, IdentityError> {
        let staff = Bucket::open(bus, STAFF_BUCKET).await?;
        let sessions = Bucket::open(bus, SESSIONS_BUCKET).await?;
        Ok(Self::new(staff, sessions, clock, audit))
    }

    /// Makes it over opened buckets.
    #[must_use]
    pub fn new(staff: Bucket, sessions: Bucket, clock: SharedClock, audit: Audit) -> Arc<Self> {
        Arc::new(Self {
            staff,
            sessions,
            staff_cache: Cache::new(),
            session_cache: Cache::new(),
            everybody_cache: Cache::new(),
            hasher: Hasher::new(),
            throttle: Throttle::default(),
            tries: Allowance::new(TRIES_BURST, TRIES_PER_MINUTE).wide_for_this_machine(),
            clock: SharedClockBox(clock),
            audit,
        })
    }

    /// Follows both buckets, so that what another process revokes is forgotten here at once; a task for
    /// `TaskSet`. While it cannot follow, what is remembered is at most some seconds old.
    ///
    /// # Errors
    /// Never; it tries again until `shutdown`.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), IdentityError> {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = follow(&self.staff, &self.staff_cache, Some(&self.everybody_cache)) => {}
            () = follow(&self.sessions, &self.session_cache, None::<&Cache<()>>) => {}
        }
        Ok(())
    }

    /// Checks a username and password, without opening a session.
    ///
    /// # Errors
    /// [`IdentityError::WrongPassword`], [`IdentityError::Throttled`], [`IdentityError::Busy`], or when
    /// the bus is out of reach.
    pub async fn authenticate(
        &self,
        username: &str,
        password: &str,
    ) -> Result<Staff, IdentityError> {
        let (_, outcome) = self.check(username, password).await?;
        outcome
    }

    /// Signs somebody in: checks the password, opens a session, writes an audit line. `visitor` is where the try comes
    /// from, when that is known.
    ///
    /// # Errors
    /// As [`Identity::authenticate`], and [`IdentityError::TooManyFromHere`].
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        visitor: Option<Visitor>,
    ) -> Result<Opened, IdentityError> {
        self.let_try(visitor)?;
        let opened = self.sign_in_by_password(username, password).await;
        if !opened.as_ref().is_err_and(IdentityError::is_wrong_try) {
            self.forgive(visitor);
        }
        opened
    }

    /// Lets a visitor try. A try counts as a wrong one until it turns out otherwise, so that a thousand at once are not a
    /// thousand hashes; what is refused here leaves no line in the audit, or a flood of tries would be one of lines.
    fn let_try(&self, visitor: Option<Visitor>) -> Result<(), IdentityError> {
        let Some(visitor) = visitor else { return Ok(()) };
        self.tries
            .take(visitor, 1)
            .map_err(|retry_after_seconds| IdentityError::TooManyFromHere { retry_after_seconds })
    }

    fn forgive(&self, visitor: Option<Visitor>) {
        if let Some(visitor) = visitor {
            self.tries.give_back(visitor, 1);
        }
    }

    async fn sign_in_by_password(
        &self,
        username: &str,
        password: &str,
    ) -> Result<Opened, IdentityError> {
        let (known, outcome) = self.check(username, password).await?;
        let staff = match outcome {
            Ok(staff) => staff,
            Err(error) => {
                // What was typed is written only when it is a name that is known: it may be a password.
                let actor = known.map_or_else(|| "unknown".to_owned(), String::from);
                let what = match error {
                    IdentityError::Throttled { .. } => "sign_in_throttled",
                    _ => "sign_in_refused",
                };
                self.audit.record(AuditLine::new(actor, what)).await;
                return Err(error);
            }
        };
        let opened = self.open_session(&staff.username).await?;
        let line = AuditLine::new(staff.username.as_str(), "signed_in").role(staff.role);
        self.audit.record(line.center(staff.center)).await;
        Ok(opened)
    }

    /// Checks a password. The outer error is a failure of the machinery; the inner result is what the
    /// person learns, beside the username when it has an account.
    async fn check(
        &self,
        username: &str,
        password: &str,
    ) -> Result<(Option<Username>, Result<Staff, IdentityError>), IdentityError> {
        // A name that cannot exist costs and answers as one that does not exist.
        let username = username.parse::<Username>().ok();
        let name = username.as_ref().map_or("", Username::as_str);
        let account = match &username {
            Some(username) => self.find_fresh(username).await?,
            None => None,
        };
        let known = account.as_ref().map(|account| account.staff.username.clone());
        if let Some(retry_after_seconds) = self.throttle.wait_seconds(name) {
            return Ok((known, Err(IdentityError::Throttled { retry_after_seconds })));
        }
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let is_right = self.hasher.verify(password, hash).await?;
        match account {
            Some(account) if is_right && !account.disabled => {
                self.throttle.succeeded(name);
                Ok((known, Ok(account.staff)))
            }
            _ => {
                self.throttle.failed(name);
                Ok((known, Err(IdentityError::WrongPassword)))
            }
        }
    }

    /// Signs somebody out: ends the session of a token, everywhere, and writes an audit line. Idempotent.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn sign_out(&self, token: &str) -> Result<(), IdentityError> {
        let session = self.session(token).await?;
        self.close_session(token).await?;
        if let Some(Session { staff, .. }) = session {
            let line = AuditLine::new(staff.username.as_str(), "signed_out").role(staff.role);
            self.audit.record(line.center(staff.center)).await;
        }
        Ok(())
    }

    fn now(&self) -> DateTime<Utc> {
        self.clock.0.now()
    }
}

/// Forgets each key that changes, and all of `lists` with it. Ends never.
async fn follow<V: Clone, L: Clone>(bucket: &Bucket, cache: &Cache<V>, lists: Option<&Cache<L>>) {
    let mut pause = std::time::Duration::from_millis(100);
    let forget_all = || {
        cache.forget_all();
        if let Some(lists) = lists {
            lists.forget_all();
        }
    };
    loop {
        if let Ok(mut changes) = bucket.changes().await {
            // What changed before the watch stood is not told.
            forget_all();
            while let Some(key) = changes.next().await {
                cache.forget(&key);
                if let Some(lists) = lists {
                    lists.forget_all();
                }
                pause = std::time::Duration::from_millis(100);
            }
        }
        forget_all();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(5));
    }
}

/// Random bytes in hex.
fn random_hex<const N: usize>() -> Result<String, IdentityError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| IdentityError::Machine("drawing randomness"))?;
    Ok(crate::http::body::hex(&bytes))
}
