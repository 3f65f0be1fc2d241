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
mod elsewhere;
mod first;
mod machine;
mod password;
mod routes;
mod second_factor;
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
pub use elsewhere::ProvedElsewhere;
pub use first::{FIRST_LINK_HOURS, FirstAccount};
pub use machine::{
    MACHINE_TOKEN_DAYS_MAX, MACHINE_TOKEN_PREFIX, MachineToken, NewMachineToken, Scope,
};
pub use password::{PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
pub use routes::{SignIn, SignedIn, Who, session_operations, session_routes};
pub use second_factor::{Enrolment, RECOVERY_CODES, SecondFactors};
pub use sessions::{SESSION_HOURS_MAX, SESSION_IDLE_MINUTES_MAX, Session};
pub use signed::{SESSION_COOKIE, Signed, token_of};
pub use staff::{Account, NewStaff, Staff, USERNAME_CHARS_MAX, Username};

use crate::audit::{Audit, AuditLine};
use crate::clock::SharedClock;
use crate::http::{Allowance, Visitor};
use crate::kv::{Bucket, KvError};
use crate::metrics::SignInOutcome;
use crate::streams::{SESSIONS_BUCKET, STAFF_BUCKET};
use cache::Cache;
use machine::MachineReads;
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
    /// An identity provider has proved somebody who has no account here, or a disabled one.
    #[error(
        "there is no account here for whom the identity provider has proved (本系统没有对应账号)"
    )]
    NoAccount,
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
    /// The password is right, and the account has a second factor.
    #[error("a code of the second factor is needed")]
    SecondFactorRequired {
        /// For the second step, so that it does not need the password.
        ticket: String,
    },
    /// The code is wrong, old or used.
    #[error("the code is wrong, too old or was used (验证码有误、已过期或已使用)")]
    SecondFactorWrong,
    /// The role needs a second factor, and the account has none.
    #[error("this role needs a second factor here; enrol one first (请先启用双因素认证)")]
    MustEnrol,
    /// The enrolment began too long ago, or is another account's.
    #[error("the enrolment is over; begin anew (启用已超时，请重新开始)")]
    EnrolmentOver,
    /// A machine's token does not open this address.
    #[error("{}", out_of_scope(*needed))]
    OutOfScope {
        /// The scope that it lacks; `None` when no machine may do this.
        needed: Option<&'static str>,
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
        matches!(self, Self::WrongPassword | Self::SecondFactorWrong | Self::Throttled { .. })
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
    machine_cache: Cache<MachineToken>,
    machine_reads: MachineReads,
    hasher: Hasher,
    throttle: Throttle,
    tries: Allowance,
    second_factors: Option<SecondFactors>,
    scopes: &'static [Scope],
    clock: SharedClockBox,
    audit: Audit,
}

/// What whoever lets people and machines in has to know.
#[derive(Debug, Clone)]
pub struct Admission {
    /// How second factors are kept, and who has to have one.
    pub second_factors: SecondFactors,
    /// What machines may read.
    pub scopes: &'static [Scope],
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

    /// Makes it over opened buckets, for whoever only writes accounts: nobody with a second factor gets in through it.
    #[must_use]
    pub fn new(staff: Bucket, sessions: Bucket, clock: SharedClock, audit: Audit) -> Arc<Self> {
        Arc::new(Self::made(staff, sessions, clock, audit, None))
    }

    /// Makes it over opened buckets, for whoever lets people and machines in.
    #[must_use]
    pub fn with_admission(
        staff: Bucket,
        sessions: Bucket,
        clock: SharedClock,
        audit: Audit,
        admission: Admission,
    ) -> Arc<Self> {
        Arc::new(Self::made(staff, sessions, clock, audit, Some(admission)))
    }

    fn made(
        staff: Bucket,
        sessions: Bucket,
        clock: SharedClock,
        audit: Audit,
        admission: Option<Admission>,
    ) -> Self {
        let scopes = admission.as_ref().map_or(&[][..], |admission| admission.scopes);
        Self {
            staff,
            sessions,
            staff_cache: Cache::new(),
            session_cache: Cache::new(),
            everybody_cache: Cache::new(),
            machine_cache: Cache::new(),
            machine_reads: MachineReads::default(),
            hasher: Hasher::new(),
            throttle: Throttle::default(),
            tries: Allowance::new(TRIES_BURST, TRIES_PER_MINUTE).wide_for_this_machine(),
            second_factors: admission.map(|admission| admission.second_factors),
            scopes,
            clock: SharedClockBox(clock),
            audit,
        }
    }

    /// Follows both buckets, so that what another process revokes is forgotten here at once; a task for
    /// `TaskSet`. While it cannot follow, what is remembered is at most some seconds old.
    ///
    /// # Errors
    /// Never; it tries again until `shutdown`.
    pub async fn watch(self: Arc<Self>, shutdown: CancellationToken) -> Result<(), IdentityError> {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = follow(&self.staff, |key| {
                self.staff_cache.forget_what(key);
                self.machine_cache.forget_what(key);
                self.everybody_cache.forget_all();
            }) => {}
            () = follow(&self.sessions, |key| self.session_cache.forget_what(key)) => {}
        }
        Ok(())
    }

    /// Checks a username and password, without opening a session; a second factor is not asked for.
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
        let staff = outcome?.staff;
        self.throttle.succeeded(staff.username.as_str());
        Ok(staff)
    }

    /// Signs somebody in: checks the password, and the code when the account has a second factor, opens a session, writes
    /// an audit line. `visitor` is where the try comes from, when that is known.
    ///
    /// # Errors
    /// As [`Identity::authenticate`], [`IdentityError::TooManyFromHere`], and [`IdentityError::SecondFactorRequired`] or
    /// [`IdentityError::SecondFactorWrong`] once the password was right.
    pub async fn sign_in(
        &self,
        username: &str,
        password: &str,
        code: Option<&str>,
        visitor: Option<Visitor>,
    ) -> Result<Opened, IdentityError> {
        self.let_try(visitor)?;
        let opened = async {
            let (known, outcome) = self.check(username, password).await?;
            let outcome = match outcome {
                Ok(account) => self.prove(account, code).await,
                Err(error) => Err(error),
            };
            self.opened(known, outcome).await
        };
        self.counted(visitor, opened.await)
    }

    /// Goes on with a sign-in of which the password was right, by the ticket of [`IdentityError::SecondFactorRequired`].
    ///
    /// # Errors
    /// [`IdentityError::WrongPassword`] for a ticket that is none or too old, and as [`Identity::sign_in`].
    pub async fn sign_in_second_step(
        &self,
        ticket: &str,
        code: &str,
        visitor: Option<Visitor>,
    ) -> Result<Opened, IdentityError> {
        self.let_try(visitor)?;
        let opened = async {
            let account = self.account_of_ticket(ticket).await?;
            let account = account.ok_or_else(|| {
                self.audit.metrics().sign_in(SignInOutcome::Refused);
                IdentityError::WrongPassword
            })?;
            let known = account.staff.username.clone();
            let outcome = self.prove(account, Some(code)).await;
            self.opened(Some(known), outcome).await
        };
        self.counted(visitor, opened.await)
    }

    /// Asks for the code of an account whose password was right. Only who has proved all of it has his wrong tries
    /// forgotten: a password that is known must not make room for guessing codes.
    async fn prove(&self, account: Account, code: Option<&str>) -> Result<Account, IdentityError> {
        if account.has_second_factor() {
            match code {
                Some(code) => self.use_code(&account.staff.username, code).await?,
                None => return Err(self.second_factor_required(&account)?),
            }
        }
        self.throttle.succeeded(account.staff.username.as_str());
        Ok(account)
    }

    /// Opens a session for who has proved who he is; of who has not, a line stands in the audit.
    async fn opened(
        &self,
        known: Option<Username>,
        outcome: Result<Account, IdentityError>,
    ) -> Result<Opened, IdentityError> {
        let account = match outcome {
            Ok(account) => account,
            Err(error) => {
                let (what, counted) = match error {
                    IdentityError::WrongPassword => ("sign_in_refused", SignInOutcome::Refused),
                    IdentityError::SecondFactorWrong => {
                        ("second_factor_refused", SignInOutcome::SecondFactorRefused)
                    }
                    IdentityError::Throttled { .. } => ("sign_in_throttled", SignInOutcome::Locked),
                    _ => return Err(error),
                };
                self.audit.metrics().sign_in(counted);
                // What was typed is written only when it is a name that is known: it may be a password.
                let actor = known.map_or_else(|| "unknown".to_owned(), String::from);
                self.audit.record(AuditLine::new(actor, what)).await;
                return Err(error);
            }
        };
        let opened = self.open_session_of(account).await?;
        self.audit.metrics().sign_in(SignInOutcome::Done);
        self.note(&opened.staff, "signed_in").await;
        Ok(opened)
    }

    /// Lets a visitor try. A try counts as a wrong one until it turns out otherwise, so that a thousand at once are not a
    /// thousand hashes; what is refused here leaves no line in the audit, or a flood of tries would be one of lines.
    fn let_try(&self, visitor: Option<Visitor>) -> Result<(), IdentityError> {
        let Some(visitor) = visitor else { return Ok(()) };
        self.tries.take(visitor, 1).map_err(|retry_after_seconds| {
            self.audit.metrics().sign_in(SignInOutcome::Limited);
            IdentityError::TooManyFromHere { retry_after_seconds }
        })
    }

    fn counted<T>(
        &self,
        visitor: Option<Visitor>,
        outcome: Result<T, IdentityError>,
    ) -> Result<T, IdentityError> {
        if let Some(visitor) = visitor
            && !outcome.as_ref().is_err_and(IdentityError::is_wrong_try)
        {
            self.tries.give_back(visitor, 1);
        }
        outcome
    }

    /// Checks a password. The outer error is a failure of the machinery; the inner result is what the
    /// person learns, beside the username when it has an account.
    async fn check(
        &self,
        username: &str,
        password: &str,
    ) -> Result<(Option<Username>, Result<Account, IdentityError>), IdentityError> {
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
            Some(account) if is_right && !account.disabled => Ok((known, Ok(account))),
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

/// Tells `forget` each key that changes, and nothing when any may have changed. Ends never.
async fn follow(bucket: &Bucket, forget: impl Fn(Option<&str>)) {
    let mut pause = std::time::Duration::from_millis(100);
    loop {
        if let Ok(mut changes) = bucket.changes().await {
            // What changed before the watch stood is not told.
            forget(None);
            while let Some(key) = changes.next().await {
                forget(Some(&key));
                pause = std::time::Duration::from_millis(100);
            }
        }
        forget(None);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(std::time::Duration::from_secs(5));
    }
}

fn out_of_scope(needed: Option<&str>) -> String {
    match needed {
        Some(scope) => format!("the token has no scope {scope} (令牌没有此权限)"),
        None => {
            "no machine may do this; it takes a person who is signed in (仅限人员操作)".to_owned()
        }
    }
}

/// Random bytes in hex.
fn random_hex<const N: usize>() -> Result<String, IdentityError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| IdentityError::Machine("drawing randomness"))?;
    Ok(crate::http::body::hex(&bytes))
}
