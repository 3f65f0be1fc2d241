//! Passwords: Argon2id, few at once, and always the same work.
//!
//! Invariants: an unknown username costs as much as a wrong password; hashes (each takes 19 MiB) run on half of the
//! processors at most, so that a flood of sign-ins leaves the other half to whoever is in; at most [`QUEUE_MAX`] people
//! wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::IdentityError;

/// Shortest password, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;
/// Longest password, in characters; more is no safer and costs time.
pub const PASSWORD_CHARS_MAX: usize = 256;

/// About two seconds of hashing on one processor.
const QUEUE_MAX: usize = 64;

/// OWASP's recommendation for Argon2id (Password Storage Cheat Sheet, 2024): 19 MiB, 2 passes, 1 lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The hash of a password that nobody has, for usernames that nobody has; same cost as the others.
const NOBODYS_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$kcBcWCRtfJvHpZDUfYp9kw$VJR0h8mTTHQ8hVmO0bHzJ2cLr3yFqj3Q9S0V4t1mX5E";

#[derive(Debug)]
pub(super) struct Hasher {
    slots: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Hasher {
    pub(super) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(hashes_at_once())),
            waiting: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// Hashes a password with a new salt.
    pub(super) async fn hash(&self, password: &str) -> Result<String, IdentityError> {
        let password = Zeroizing::new(password.to_owned());
        self.in_turn(move || {
            let mut salt = [0; 16];
            getrandom::fill(&mut salt).map_err(|_| IdentityError::Machine("drawing a salt"))?;
            let salt = SaltString::encode_b64(&salt)
                .map_err(|_| IdentityError::Machine("writing down a salt"))?;
            argon2()
                .hash_password(password.as_bytes(), &salt)
                .map(|hash| hash.to_string())
                .map_err(|_| IdentityError::Machine("hashing a password"))
        })
        .await?
    }

    /// Compares a password with a hash; without one, or with an empty one, it works as long and says no.
    pub(super) async fn verify(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool, IdentityError> {
        // Longer ones were never stored; cut off before they cost anything.
        let is_too_long = password.chars().nth(PASSWORD_CHARS_MAX).is_some();
        let hash = hash.filter(|text| !text.is_empty());
        let password =
            Zeroizing::new(if is_too_long { String::new() } else { password.to_owned() });
        self.in_turn(move || {
            let text = hash.as_deref().unwrap_or(NOBODYS_HASH);
            let is_right = PasswordHash::new(text).is_ok_and(|parsed| {
                // The cost stands in the hash, so that old hashes stay valid when it rises.
                argon2().verify_password(password.as_bytes(), &parsed).is_ok()
            });
            is_right && hash.is_some() && !is_too_long
        })
        .await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, IdentityError> {
        let place = Place::take(&self.waiting).ok_or(IdentityError::Busy)?;
        let slot = self
            .slots
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| IdentityError::Machine("waiting to hash"))?;
        drop(place);
        // The slot moves into the thread: a caller that goes away does not free it early.
        tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(slot);
            outcome
        })
        .await
        .map_err(|_| IdentityError::Machine("hashing a password"))
    }
}

/// Half of the processors, and one at least.
fn hashes_at_once() -> usize {
    std::thread::available_parallelism().map_or(1, |all| (all.get() / 2).max(1))
}

/// A place in the queue.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting.clone());
        (before < QUEUE_MAX).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None)
        .expect("the cost of a password is within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Checks a new password against the rules.
pub(super) fn check(password: &str, username: &str) -> Result<(), IdentityError> {
    let refused = |problem: String| Err(IdentityError::Invalid { field: "password", problem });
    let length = password.chars().count();
    if length < PASSWORD_CHARS_MIN {
        return refused(format!("must have at least {PASSWORD_CHARS_MIN} characters"));
    }
    if length > PASSWORD_CHARS_MAX {
        return refused(format!("must have at most {PASSWORD_CHARS_MAX} characters"));
    }
    if password.to_lowercase().contains(username) && length < username.chars().count() + 4 {
        return refused("must not be the username".to_owned());
    }
    let first = password.chars().next();
    if password.chars().all(|letter| Some(letter) == first) {
        return refused("must not be one character repeated".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_nobody_costs_as_much_as_a_real_one() {
        let hash = PasswordHash::new(NOBODYS_HASH).unwrap();
        let params = Params::try_from(&hash).unwrap();
        assert_eq!(
            (params.m_cost(), params.t_cost(), params.p_cost()),
            (MEMORY_KIB, PASSES, LANES)
        );
        assert_eq!(hash.hash.unwrap().len(), 32);
    }

    #[tokio::test]
    async fn a_hash_takes_its_own_password_only() {
        let hasher = Hasher::new();
        let hash = hasher.hash("right and long").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify("right and long", Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify("wrong and long", Some(hash)).await.unwrap());
        assert!(!hasher.verify("right and long", None).await.unwrap());
        assert!(!hasher.verify("right and long", Some("damaged".to_owned())).await.unwrap());
    }

    #[test]
    fn the_queue_has_an_end_and_places_are_given_back() {
        let waiting = Arc::new(AtomicUsize::new(0));
        let places: Vec<_> = (0..QUEUE_MAX).filter_map(|_| Place::take(&waiting)).collect();
        assert_eq!(places.len(), QUEUE_MAX);
        assert!(Place::take(&waiting).is_none());
        drop(places);
        assert!(Place::take(&waiting).is_some());
    }

    #[test]
    fn a_password_is_long_and_neither_the_username_nor_one_letter() {
        assert!(check("窗口一号今天很高兴呀", "yang.li").is_ok());
        assert!(check("short", "yang.li").is_err());
        assert!(check("Administrator", "administrator").is_err());
        assert!(check("aaaaaaaaaaaa", "yang.li").is_err());
        assert!(check(&"ab".repeat(200), "yang.li").is_err());
    }
}
