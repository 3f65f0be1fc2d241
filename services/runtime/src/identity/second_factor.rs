//! The second factor (双因素认证): a code of an authenticator app, or one of ten recovery codes on paper.
//!
//! Invariants: secret, used step and what is left of the recovery codes stand in the account sealed together, bound to it,
//! and never in clear; a code opens once, in whatever process it is tried, because it is used up on the revision that was
//! read; a recovery code is kept as its hash only; a wrong code counts as a wrong password of its name; whoever has to
//! have a second factor and has none can do nothing but enrol.

mod totp;

use chrono::{DateTime, TimeDelta, Utc};
use proto_events::codes::Role;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::staff::{TRIES_MAX, read, written};
use super::{Account, Identity, IdentityError, Username};
use crate::http::body::hex;
use crate::vault::{DataKey, MasterKey};
use totp::{SECRET_BYTES, base32};

/// What the site's key is derived for.
const PURPOSE: &str = "second factors";

/// Recovery codes of one enrolment.
pub const RECOVERY_CODES: usize = 10;
/// Length of a recovery code, in bytes: 80 random bits, which nobody finds from a hash.
const RECOVERY_BYTES: usize = 10;

/// How long the second step of a sign-in may take, in minutes: to fetch a telephone.
const SIGN_IN_MINUTES: i64 = 5;
/// How long an enrolment may take, in minutes: to install an app.
const ENROLMENT_MINUTES: i64 = 15;

/// What an app shows beside a code.
const ISSUER: &str = "Unstuck";

/// How second factors are kept, and who has to have one.
#[derive(Debug, Clone)]
pub struct SecondFactors {
    key: DataKey,
    obligatory_for: Vec<Role>,
}

impl SecondFactors {
    /// Seals under a key that is derived from the master key; `obligatory_for` are the roles that have to have one.
    #[must_use]
    pub fn new(master: &MasterKey, obligatory_for: Vec<Role>) -> Self {
        Self { key: master.key_for(PURPOSE), obligatory_for }
    }
}

/// What is sealed in an account.
#[derive(Clone, Serialize, Deserialize)]
struct Factor {
    secret: Vec<u8>,
    /// The newest step that opened.
    used_step: u64,
    /// SHA-256 of those recovery codes that were not used yet.
    recovery: Vec<String>,
}

/// What begins an enrolment, for the eyes of its person only.
#[derive(Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The secret, as it is typed into an app.
    pub secret: String,
    /// The same as an address that an app reads from a square.
    pub uri: String,
    /// Gives the secret back to the house with the first code.
    pub ticket: String,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment(..)")
    }
}

/// Says that a password was right, so that the second step does not ask for it again and no page has to hold it.
#[derive(Serialize, Deserialize)]
struct SignInTicket {
    username: Username,
    /// Another password makes it worthless.
    stamp: String,
    expires_at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct EnrolmentTicket {
    secret: Vec<u8>,
    expires_at: DateTime<Utc>,
}

impl Account {
    /// Whether a sign-in needs a code.
    #[must_use]
    pub const fn has_second_factor(&self) -> bool {
        self.second_factor.is_some()
    }
}

impl Identity {
    /// Whether this account has to have a second factor and has none.
    pub(super) fn lacks_second_factor(&self, account: &Account) -> bool {
        let obligatory =
            |factors: &SecondFactors| factors.obligatory_for.contains(&account.staff.role);
        !account.has_second_factor() && self.second_factors.as_ref().is_some_and(obligatory)
    }

    /// Begins an enrolment for the person of a session, who types the password once more, and a code when there is a second
    /// factor already. Nothing changes until [`Identity::confirm_second_factor`]. `None` when the token opens no session.
    ///
    /// # Errors
    /// As [`Identity::authenticate`]; [`IdentityError::Locked`]; [`IdentityError::SecondFactorRequired`] and
    /// [`IdentityError::SecondFactorWrong`] about the code.
    pub async fn begin_second_factor(
        &self,
        token: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<Option<Enrolment>, IdentityError> {
        let Some(account) = self.unlocked_account(token).await? else { return Ok(None) };
        let username = &account.staff.username;
        let (_, outcome) = self.check(username.as_str(), password).await?;
        let account = outcome?;
        if account.has_second_factor() {
            match code {
                Some(code) => self.use_code(username, code).await?,
                None => return Err(self.second_factor_required(&account)?),
            }
        }
        self.throttle.succeeded(username.as_str());
        let mut secret = Zeroizing::new([0; SECRET_BYTES]);
        getrandom::fill(secret.as_mut_slice())
            .map_err(|_| IdentityError::Machine("drawing a secret"))?;
        let expires_at = self.now() + TimeDelta::minutes(ENROLMENT_MINUTES);
        let ticket = EnrolmentTicket { secret: secret.to_vec(), expires_at };
        let ticket = self.factors()?.sealed(&ticket, &enrolment_of(&account))?;
        let secret = base32(secret.as_slice());
        let label = percent_encoded(&format!("{ISSUER}:{username}"));
        let uri = format!("otpauth://totp/{label}?secret={secret}&issuer={ISSUER}");
        Ok(Some(Enrolment { secret, uri, ticket }))
    }

    /// Ends an enrolment with the first code of the app, and gives the recovery codes, which nobody can ask for again. The
    /// other sessions of the account end; this one goes on. `None` when the token opens no session.
    ///
    /// # Errors
    /// [`IdentityError::EnrolmentOver`] for a ticket that is none of this account or too old,
    /// [`IdentityError::SecondFactorWrong`] for another code, [`IdentityError::Locked`], or when the bus is out of reach.
    pub async fn confirm_second_factor(
        &self,
        token: &str,
        ticket: &str,
        code: &str,
    ) -> Result<Option<Vec<String>>, IdentityError> {
        let Some(account) = self.unlocked_account(token).await? else { return Ok(None) };
        let now = self.now();
        let ticket = self.factors()?.opened::<EnrolmentTicket>(ticket, &enrolment_of(&account));
        let ticket = ticket.filter(|ticket| now < ticket.expires_at);
        let EnrolmentTicket { secret, .. } = ticket.ok_or(IdentityError::EnrolmentOver)?;
        let used_step = totp::step_of(&secret, &digits(code), now, 0)
            .ok_or(IdentityError::SecondFactorWrong)?;
        let codes = recovery_codes()?;
        let recovery = codes.iter().map(|code| recovery_hash(code)).collect();
        let factor = Factor { secret, used_step, recovery };
        let sealed = self.factors()?.sealed(&factor, &place_of(&account))?;
        let username = &account.staff.username;
        let enrol = |account: &mut Account| {
            account.second_factor = Some(sealed.clone());
            Ok(())
        };
        let stamp = self.change(username, enrol).await?.stamp;
        self.keep_session(token, username, &stamp).await?;
        self.note(&account.staff, "second_factor_enrolled").await;
        Ok(Some(codes))
    }

    /// Takes the second factor of an account away, for somebody who has lost telephone and paper; its sessions end.
    /// Idempotent.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] when there is no such account, or when the bus is out of reach.
    pub async fn reset_second_factor(&self, username: &Username) -> Result<(), IdentityError> {
        let reset = |account: &mut Account| {
            account.second_factor = None;
            Ok(())
        };
        self.change(username, reset).await.map(drop)
    }

    /// That the password was right and a code is missing, with the ticket for the second step.
    pub(super) fn second_factor_required(
        &self,
        account: &Account,
    ) -> Result<IdentityError, IdentityError> {
        let expires_at = self.now() + TimeDelta::minutes(SIGN_IN_MINUTES);
        let (username, stamp) = (account.staff.username.clone(), account.stamp.clone());
        let ticket = SignInTicket { username, stamp, expires_at };
        let ticket = self.factors()?.sealed(&ticket, SIGN_IN)?;
        Ok(IdentityError::SecondFactorRequired { ticket })
    }

    /// The account of which a ticket says that its password was right.
    pub(super) async fn account_of_ticket(
        &self,
        ticket: &str,
    ) -> Result<Option<Account>, IdentityError> {
        let ticket = self.factors()?.opened::<SignInTicket>(ticket, SIGN_IN);
        let Some(ticket) = ticket.filter(|ticket| self.now() < ticket.expires_at) else {
            return Ok(None);
        };
        let account = self.find_fresh(&ticket.username).await?;
        Ok(account.filter(|account| !account.disabled && account.stamp == ticket.stamp))
    }

    /// Uses a code of the app or a recovery code up. A wrong one counts as a wrong password.
    pub(super) async fn use_code(
        &self,
        username: &Username,
        code: &str,
    ) -> Result<(), IdentityError> {
        if let Some(retry_after_seconds) = self.throttle.wait_seconds(username.as_str()) {
            return Err(IdentityError::Throttled { retry_after_seconds });
        }
        let key = username.key();
        for _ in 0..TRIES_MAX {
            let Some((value, revision)) = self.staff.find_at_leader(&key).await?.value() else {
                return Err(IdentityError::Unknown(username.clone()));
            };
            let mut account = read(&value)?;
            // Somebody has reset it meanwhile: there is nothing to prove any more.
            let Some(sealed) = &account.second_factor else { return Ok(()) };
            let factors = self.factors()?;
            let factor = factors.opened::<Factor>(sealed, &place_of(&account));
            let factor = factor.ok_or(IdentityError::Machine(
                "opening a second factor; was it sealed under another master key?",
            ))?;
            let Some(factor) = factor.without(code, self.now()) else {
                self.throttle.failed(username.as_str());
                return Err(IdentityError::SecondFactorWrong);
            };
            account.second_factor = Some(factors.sealed(&factor, &place_of(&account))?);
            let is_used = self.staff.replace(&key, written(&account)?, revision).await?;
            self.staff_cache.forget(&key);
            if is_used {
                return Ok(());
            }
        }
        Err(IdentityError::Busy)
    }

    fn factors(&self) -> Result<&SecondFactors, IdentityError> {
        // Whoever lets people in has them; a tool that only writes accounts does not.
        self.second_factors.as_ref().ok_or(IdentityError::Machine("looking for its master key"))
    }

    async fn unlocked_account(&self, token: &str) -> Result<Option<Account>, IdentityError> {
        match self.open_record(token).await? {
            Some((_, record, _)) if record.is_locked() => Err(IdentityError::Locked),
            found => Ok(found.map(|(_, _, account)| account)),
        }
    }
}

impl SecondFactors {
    fn sealed(&self, value: &impl Serialize, place: &str) -> Result<String, IdentityError> {
        let failed = IdentityError::Machine("sealing a second factor");
        let Ok(plain) = serde_json::to_vec(value).map(Zeroizing::new) else { return Err(failed) };
        self.key.seal(&plain, place.as_bytes()).map_err(|_| failed)
    }

    fn opened<T: for<'de> Deserialize<'de>>(&self, sealed: &str, place: &str) -> Option<T> {
        let plain = self.key.open(sealed, place.as_bytes()).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

impl Factor {
    /// What is left when a code is used up; `None` when it opens nothing.
    fn without(mut self, code: &str, now: DateTime<Utc>) -> Option<Self> {
        let code = digits(code);
        if let Some(step) = totp::step_of(&self.secret, &code, now, self.used_step) {
            self.used_step = step;
            return Some(self);
        }
        let hash = recovery_hash(&code);
        let place = self.recovery.iter().position(|one| *one == hash)?;
        self.recovery.remove(place);
        Some(self)
    }
}

/// Where a ticket for the second step belongs.
const SIGN_IN: &str = "sign-in";

/// Where a second factor belongs. Neither a username nor an instant has a line break, so no two places read alike.
fn place_of(account: &Account) -> String {
    format!("factor\n{}\n{}", account.staff.username, account.created_at.timestamp_micros())
}

fn enrolment_of(account: &Account) -> String {
    format!("enrolment\n{}\n{}", account.staff.username, account.created_at.timestamp_micros())
}

/// A code as it counts: people type blanks and hyphens, and small letters.
fn digits(code: &str) -> String {
    code.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_uppercase()).collect()
}

fn recovery_codes() -> Result<Vec<String>, IdentityError> {
    let one = || {
        let mut bytes = [0; RECOVERY_BYTES];
        getrandom::fill(&mut bytes).map_err(|_| IdentityError::Machine("drawing a code"))?;
        let letters = base32(&bytes);
        let groups: Vec<&str> = [0, 4, 8, 12].map(|at| &letters[at..at + 4]).into();
        Ok(groups.join("-"))
    };
    (0..RECOVERY_CODES).map(|_| one()).collect()
}

fn recovery_hash(code: &str) -> String {
    hex(&Sha256::digest(digits(code).as_bytes()))
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b':' => {
                all.push(char::from(byte));
            }
            _ => all.push_str(&format!("%{byte:02X}")),
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::audit::{Audit, MemoryAudit};
    use crate::clock::ManualClock;
    use crate::identity::{Admission, NewStaff, Opened};
    use crate::kv::Bucket;
    use crate::metrics::Metrics;

    const PASSWORD: &str = "correct-horse-battery";

    /// Two processes over the same buckets, and an auditor.
    struct House {
        clock: Arc<ManualClock>,
        staff: Bucket,
        here: Arc<Identity>,
        there: Arc<Identity>,
        auditor: Username,
    }

    impl House {
        async fn new(obligatory_for: &[Role]) -> Self {
            let clock = Arc::new(ManualClock::new("2026-03-02T01:00:00Z".parse().unwrap()));
            let (staff, sessions) = (Bucket::in_memory("staff"), Bucket::in_memory("sessions"));
            let master = MasterKey::of_hex(&"5a".repeat(32)).unwrap();
            let process = || {
                let district = "dongcheng".parse().unwrap();
                let audit =
                    Audit::new(MemoryAudit::default(), district, clock.clone(), Metrics::new());
                let factors = SecondFactors::new(&master, obligatory_for.to_vec());
                let (staff, sessions) = (staff.clone(), sessions.clone());
                let admission = Admission { second_factors: factors, scopes: &[] };
                Identity::with_admission(staff, sessions, clock.clone(), audit, admission)
            };
            let (here, there) = (process(), process());
            let auditor = add(&here, "auditor").await;
            Self { clock, staff, here, there, auditor }
        }

        async fn sign_in(&self, code: Option<&str>) -> Result<Opened, IdentityError> {
            self.here.sign_in("auditor", PASSWORD, code, None).await
        }

        /// Enrols, and gives the secret and the recovery codes.
        async fn enrol(&self, token: &str) -> (Vec<u8>, Vec<String>) {
            let begun = self.here.begin_second_factor(token, PASSWORD, None).await;
            let Enrolment { secret, ticket, uri } = begun.unwrap().unwrap();
            assert!(uri.contains(&secret) && uri.starts_with("otpauth://totp/Unstuck:auditor?"));
            let secret = bytes_of(&secret);
            let code = totp::code_at(&secret, self.here.now());
            let confirmed = self.here.confirm_second_factor(token, &ticket, &code).await;
            (secret, confirmed.unwrap().unwrap())
        }

        fn next_code(&self, secret: &[u8]) -> String {
            self.clock.advance(TimeDelta::seconds(30));
            totp::code_at(secret, self.here.now())
        }
    }

    async fn add(identity: &Identity, username: &str) -> Username {
        let new = NewStaff {
            username: username.parse().unwrap(),
            name: "样例".to_owned(),
            role: Role::Auditor,
            center: None,
            department: None,
        };
        identity.add(new, PASSWORD).await.unwrap().username
    }

    fn bytes_of(letters: &str) -> Vec<u8> {
        let place = |c: char| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(c).unwrap();
        let bits: String = letters.chars().map(|c| format!("{:05b}", place(c))).collect();
        let byte = |at: usize| u8::from_str_radix(&bits[at..at + 8], 2).unwrap();
        (0..SECRET_BYTES).map(|n| byte(n * 8)).collect()
    }

    #[tokio::test]
    async fn once_enrolled_a_password_alone_opens_nothing_and_a_code_opens_once_in_any_process() {
        let house = House::new(&[]).await;
        let token = house.sign_in(None).await.unwrap().token;
        let other = house.sign_in(None).await.unwrap().token;
        let (secret, _) = house.enrol(&token).await;
        assert!(house.here.resolve(&token).await.unwrap().is_some(), "this session goes on");
        assert!(house.there.resolve(&other).await.unwrap().is_none(), "the other one ended");
        let session = house.there.session(&token).await.unwrap().unwrap();
        assert!(session.has_second_factor && !session.must_enrol);

        let missing = house.sign_in(None).await;
        assert!(matches!(missing, Err(IdentityError::SecondFactorRequired { .. })));
        let code = house.next_code(&secret);
        assert!(house.sign_in(Some(&code)).await.is_ok());
        for process in [&house.here, &house.there] {
            let again = process.sign_in("auditor", PASSWORD, Some(&code), None).await;
            assert!(matches!(again, Err(IdentityError::SecondFactorWrong)));
        }
        // The one that enrolled was used by it.
        let code = house.next_code(&secret);
        let wrong_password = house.here.sign_in("auditor", "another", Some(&code), None).await;
        assert!(matches!(wrong_password, Err(IdentityError::WrongPassword)));
        assert!(house.sign_in(Some(&code)).await.is_ok(), "a wrong password uses no code up");
    }

    #[tokio::test]
    async fn a_password_that_was_checked_before_the_enrolment_opens_nothing_after_it() {
        let house = House::new(&[]).await;
        let (_, before) = house.here.check("auditor", PASSWORD).await.unwrap();
        let token = house.sign_in(None).await.unwrap().token;
        house.enrol(&token).await;
        let late = house.here.open_session_of(before.unwrap()).await.unwrap();
        assert!(house.here.resolve(&late.token).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn of_many_who_come_with_one_code_at_once_one_gets_in() {
        let house = House::new(&[]).await;
        let token = house.sign_in(None).await.unwrap().token;
        let (secret, _) = house.enrol(&token).await;
        let code = house.next_code(&secret);
        let tries = [&house.here, &house.there].into_iter().cycle().take(4);
        let tries = tries.map(|process| process.use_code(&house.auditor, &code));
        let let_in = futures::future::join_all(tries).await;
        assert_eq!(let_in.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{let_in:?}");
    }

    #[tokio::test]
    async fn a_recovery_code_opens_once_however_it_is_typed() {
        let house = House::new(&[]).await;
        let token = house.sign_in(None).await.unwrap().token;
        let (_, codes) = house.enrol(&token).await;
        assert_eq!(codes.len(), RECOVERY_CODES);
        let typed = codes[3].to_lowercase().replace('-', " ");
        assert!(house.sign_in(Some(&typed)).await.is_ok());
        let again = house.sign_in(Some(&codes[3])).await;
        assert!(matches!(again, Err(IdentityError::SecondFactorWrong)));
        assert!(house.sign_in(Some(&codes[4])).await.is_ok());
    }

    #[tokio::test]
    async fn the_ticket_of_a_right_password_leads_on_for_five_minutes_and_until_another_password() {
        let house = House::new(&[]).await;
        let token = house.sign_in(None).await.unwrap().token;
        let (secret, _) = house.enrol(&token).await;
        let ticket = || async {
            match house.sign_in(None).await {
                Err(IdentityError::SecondFactorRequired { ticket }) => ticket,
                other => panic!("{other:?}"),
            }
        };
        let second_step = async |ticket: &str, code: &str| {
            house.there.sign_in_second_step(ticket, code, None).await
        };
        let first = ticket().await;
        let code = house.next_code(&secret);
        assert!(second_step(&first, &code).await.is_ok());
        assert!(matches!(second_step(&first, &code).await, Err(IdentityError::SecondFactorWrong)));
        let forged = second_step("forged", &house.next_code(&secret)).await;
        assert!(matches!(forged, Err(IdentityError::WrongPassword)));
        let old = ticket().await;
        house.clock.advance(TimeDelta::minutes(SIGN_IN_MINUTES));
        let late = second_step(&old, &house.next_code(&secret)).await;
        assert!(matches!(late, Err(IdentityError::WrongPassword)));
        let before = ticket().await;
        house.here.set_password(&house.auditor, "another and longer").await.unwrap();
        let stale = second_step(&before, &house.next_code(&secret)).await;
        assert!(matches!(stale, Err(IdentityError::WrongPassword)));
    }

    #[tokio::test]
    async fn wrong_codes_make_a_wait_that_a_right_password_does_not_end() {
        let house = House::new(&[]).await;
        let token = house.sign_in(None).await.unwrap().token;
        let (secret, _) = house.enrol(&token).await;
        for _ in 0..5 {
            assert!(matches!(
                house.sign_in(Some("000000")).await,
                Err(IdentityError::SecondFactorWrong)
            ));
            let _ = house.sign_in(None).await;
        }
        let waits = house.sign_in(Some(&house.next_code(&secret))).await;
        assert!(matches!(waits, Err(IdentityError::Throttled { .. })), "{waits:?}");
    }

    #[tokio::test]
    async fn nothing_of_it_stands_in_clear_and_it_opens_for_its_own_account_only() {
        let house = House::new(&[]).await;
        let token = house.sign_in(None).await.unwrap().token;
        let (secret, codes) = house.enrol(&token).await;
        let stored = |username: &Username| {
            let (staff, key) = (house.staff.clone(), username.key());
            async move { staff.find(&key).await.unwrap().value().unwrap().0 }
        };
        let value = stored(&house.auditor).await;
        let text = String::from_utf8_lossy(&value).into_owned();
        let hash = recovery_hash(&codes[0]);
        for secret in [base32(&secret), hex(&secret), codes[0].clone(), hash] {
            assert!(!text.contains(&secret), "{text}");
        }
        // Put under another account, with the password of that one.
        let thief = add(&house.here, "thief").await;
        let mut account = read(&stored(&thief).await).unwrap();
        account.second_factor = read(&value).unwrap().second_factor;
        house.staff.put(&thief.key(), written(&account).unwrap()).await.unwrap();
        house.here.staff_cache.forget_all();
        let code = house.next_code(&secret);
        let moved = house.here.sign_in("thief", PASSWORD, Some(&code), None).await;
        assert!(matches!(moved, Err(IdentityError::Machine(_))), "{moved:?}");
    }

    #[tokio::test]
    async fn who_must_have_one_can_do_nothing_but_enrol() {
        let house = House::new(&[Role::Auditor]).await;
        let token = house.sign_in(None).await.unwrap().token;
        assert!(matches!(house.here.resolve(&token).await, Err(IdentityError::MustEnrol)));
        let looked = house.here.look(&token, "/v1/live").await;
        assert!(matches!(looked, Err(IdentityError::MustEnrol)));
        assert!(house.here.session(&token).await.unwrap().unwrap().must_enrol);
        house.enrol(&token).await;
        assert!(house.here.resolve(&token).await.unwrap().is_some());
        // An administrator takes it away; the next session enrols again.
        house.here.reset_second_factor(&house.auditor).await.unwrap();
        assert!(house.here.resolve(&token).await.unwrap().is_none());
        let token = house.sign_in(None).await.unwrap().token;
        assert!(matches!(house.here.resolve(&token).await, Err(IdentityError::MustEnrol)));
    }

    #[tokio::test]
    async fn an_enrolment_needs_the_password_the_present_code_and_its_own_ticket_in_time() {
        let house = House::new(&[]).await;
        let token = house.sign_in(None).await.unwrap().token;
        let begin = async |password: &str, code: Option<&str>| {
            house.here.begin_second_factor(&token, password, code).await
        };
        assert!(matches!(begin("another", None).await, Err(IdentityError::WrongPassword)));
        let begun = begin(PASSWORD, None).await.unwrap().unwrap();
        house.clock.advance(TimeDelta::minutes(ENROLMENT_MINUTES));
        let code = totp::code_at(&bytes_of(&begun.secret), house.here.now());
        let confirm = async |ticket: &str, code: &str| {
            house.here.confirm_second_factor(&token, ticket, code).await
        };
        assert!(matches!(confirm(&begun.ticket, &code).await, Err(IdentityError::EnrolmentOver)));
        assert!(matches!(confirm("forged", &code).await, Err(IdentityError::EnrolmentOver)));
        let (secret, _) = house.enrol(&token).await;
        assert!(matches!(
            begin(PASSWORD, None).await,
            Err(IdentityError::SecondFactorRequired { .. })
        ));
        assert!(matches!(
            begin(PASSWORD, Some("000000")).await,
            Err(IdentityError::SecondFactorWrong)
        ));
        assert!(begin(PASSWORD, Some(&house.next_code(&secret))).await.unwrap().is_some());
    }
}
