//! Accounts: who works here, in which role, at which center or department.
//!
//! Invariants: one account per username, whatever its case; a role that acts for a center or a department
//! has one; whatever takes trust away (password, removal, disabling) changes the stamp that all sessions
//! of the account carry.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machine::MACHINE_USERNAME_PREFIX;
use super::{Identity, IdentityError, password, random_hex};
use crate::http::body::hex;

/// Longest username, in characters.
pub const USERNAME_CHARS_MAX: usize = 64;
/// Longest name of a person, in characters.
const NAME_CHARS_MAX: usize = 64;
/// How often a change is tried again when somebody else changes the same account.
pub(super) const TRIES_MAX: usize = 8;

/// A username: 1 to 64 letters of any script, digits, `.`, `_` and `-`; in lower case.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    /// The username as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key in the bucket: a key takes ASCII only, a name does not.
    pub(super) fn key(&self) -> String {
        hex(self.0.as_bytes())
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Username {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, IdentityError> {
        let normal = text.trim().to_lowercase();
        let is_fine = (1..=USERNAME_CHARS_MAX).contains(&normal.chars().count())
            && normal.chars().all(|letter| letter.is_alphanumeric() || "._-".contains(letter));
        if is_fine {
            Ok(Self(normal))
        } else {
            let problem =
                format!("must be 1 to {USERNAME_CHARS_MAX} letters, digits, '.', '_' or '-'");
            Err(IdentityError::Invalid { field: "username", problem })
        }
    }
}

impl TryFrom<String> for Username {
    type Error = IdentityError;

    fn try_from(text: String) -> Result<Self, IdentityError> {
        text.parse()
    }
}

impl From<Username> for String {
    fn from(username: Username) -> Self {
        username.0
    }
}

/// A person who works here, as others may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Staff {
    /// The username.
    pub username: Username,
    /// The name, as colleagues say it.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The center; there for clerks and directors.
    pub center: Option<CenterId>,
    /// The department; there for handlers and department leads.
    pub department: Option<DepartmentId>,
}

/// An account, as it is stored.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    /// The person.
    #[serde(flatten)]
    pub staff: Staff,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Whether sign-in is refused.
    pub disabled: bool,
    /// PHC string of Argon2id.
    pub(super) password_hash: String,
    /// Sessions carry it; another stamp ends them.
    pub(super) stamp: String,
    /// Its second factor, sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) second_factor: Option<String>,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("staff", &self.staff)
            .field("disabled", &self.disabled)
            .finish_non_exhaustive()
    }
}

/// What a new account is made of.
#[derive(Debug, Clone)]
pub struct NewStaff {
    /// The username.
    pub username: Username,
    /// The name, as colleagues say it.
    pub name: String,
    /// The role.
    pub role: Role,
    /// The center.
    pub center: Option<CenterId>,
    /// The department.
    pub department: Option<DepartmentId>,
}

impl NewStaff {
    pub(super) fn check(self) -> Result<Staff, IdentityError> {
        let refused = |field, problem: &str| {
            Err(IdentityError::Invalid { field, problem: problem.to_owned() })
        };
        let name = self.name.trim().to_owned();
        if name.is_empty()
            || name.chars().count() > NAME_CHARS_MAX
            || name.chars().any(char::is_control)
        {
            return refused("name", "must be 1 to 64 characters on one line");
        }
        if self.username.as_str().starts_with(MACHINE_USERNAME_PREFIX) {
            return refused("username", "begins with machine., which is for tokens of machines");
        }
        match self.role {
            Role::System => return refused("role", "system is no role for a person"),
            Role::Clerk | Role::Director if self.center.is_none() => {
                return refused("center", "a clerk or director needs a center");
            }
            Role::Handler | Role::DepartmentLead if self.department.is_none() => {
                return refused("department", "a handler or department lead needs a department");
            }
            _ => {}
        }
        Ok(Staff {
            username: self.username,
            name,
            role: self.role,
            center: self.center,
            department: self.department,
        })
    }
}

impl Identity {
    /// Adds an account.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a rule, [`IdentityError::Taken`] for a username in use, or when the
    /// bus is out of reach.
    pub async fn add(&self, new: NewStaff, password: &str) -> Result<Staff, IdentityError> {
        let staff = new.check()?;
        password::check(password, staff.username.as_str())?;
        let password_hash = self.hasher.hash(password).await?;
        self.create(staff, password_hash).await
    }

    /// Adds somebody who is known by name and cannot sign in until an administrator sets a password.
    ///
    /// # Errors
    /// As [`Identity::add`].
    pub async fn introduce(&self, new: NewStaff) -> Result<Staff, IdentityError> {
        self.create(new.check()?, String::new()).await
    }

    async fn create(&self, staff: Staff, password_hash: String) -> Result<Staff, IdentityError> {
        let account = Account {
            staff,
            created_at: self.now(),
            disabled: false,
            password_hash,
            stamp: random_hex::<16>()?,
            second_factor: None,
        };
        let key = account.staff.username.key();
        let is_made = self.staff.create(&key, written(&account)?).await?;
        self.staff_cache.forget(&key);
        self.everybody_cache.forget_all();
        if is_made { Ok(account.staff) } else { Err(IdentityError::Taken(account.staff.username)) }
    }

    /// Removes an account; its sessions end with it.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] when there is none, or when the bus is out of reach.
    pub async fn remove(&self, username: &Username) -> Result<(), IdentityError> {
        let key = username.key();
        if self.staff.find(&key).await?.value().is_none() {
            return Err(IdentityError::Unknown(username.clone()));
        }
        self.staff.purge(&key).await?;
        self.staff_cache.forget(&key);
        self.everybody_cache.forget_all();
        Ok(())
    }

    /// Sets another password; all sessions of the account end.
    ///
    /// # Errors
    /// As [`Identity::add`], and [`IdentityError::Unknown`].
    pub async fn set_password(
        &self,
        username: &Username,
        password: &str,
    ) -> Result<(), IdentityError> {
        self.renew_password(username, password).await.map(drop)
    }

    /// Sets another password, and gives the stamp that new sessions carry.
    pub(super) async fn renew_password(
        &self,
        username: &Username,
        password: &str,
    ) -> Result<String, IdentityError> {
        password::check(password, username.as_str())?;
        let hash = self.hasher.hash(password).await?;
        let set = |account: &mut Account| {
            account.password_hash.clone_from(&hash);
            Ok(())
        };
        Ok(self.change(username, set).await?.stamp)
    }

    /// Disables or enables an account; its sessions end.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] when there is none, or when the bus is out of reach.
    pub async fn set_disabled(
        &self,
        username: &Username,
        disabled: bool,
    ) -> Result<(), IdentityError> {
        let set = |account: &mut Account| {
            account.disabled = disabled;
            Ok(())
        };
        self.change(username, set).await.map(drop)
    }

    /// Looks an account up; the answer may be some seconds old when the bus was just out of reach.
    ///
    /// # Errors
    /// When the bus is out of reach or the record cannot be read.
    pub async fn find(&self, username: &Username) -> Result<Option<Account>, IdentityError> {
        match self.staff_cache.get(&username.key()) {
            Some(account) => Ok(Some(account)),
            None => self.find_fresh(username).await,
        }
    }

    /// Looks a person up who can be named in a command (`second_check_by`, `countersigned_by`): there and
    /// not disabled.
    ///
    /// # Errors
    /// When the bus is out of reach or the record cannot be read.
    pub async fn find_active(&self, username: &Username) -> Result<Option<Staff>, IdentityError> {
        let account = self.find(username).await?;
        Ok(account.filter(|account| !account.disabled).map(|account| account.staff))
    }

    pub(super) async fn find_fresh(
        &self,
        username: &Username,
    ) -> Result<Option<Account>, IdentityError> {
        let key = username.key();
        let ticket = self.staff_cache.ticket();
        let Some((value, _)) = self.staff.find_at_leader(&key).await?.value() else {
            return Ok(None);
        };
        let account: Account = read(&value)?;
        self.staff_cache.remember(ticket, &key, account.clone());
        Ok(Some(account))
    }

    /// Changes an account on the revision that was read, again when somebody else was faster; its sessions end.
    pub(super) async fn change(
        &self,
        username: &Username,
        apply: impl Fn(&mut Account) -> Result<(), IdentityError>,
    ) -> Result<Account, IdentityError> {
        let key = username.key();
        let stamp = random_hex::<16>()?;
        for _ in 0..TRIES_MAX {
            let Some((value, revision)) = self.staff.find(&key).await?.value() else {
                return Err(IdentityError::Unknown(username.clone()));
            };
            let mut account = read(&value)?;
            apply(&mut account)?;
            account.stamp.clone_from(&stamp);
            let is_written = self.staff.replace(&key, written(&account)?, revision).await?;
            self.staff_cache.forget(&key);
            self.everybody_cache.forget_all();
            if is_written {
                return Ok(account);
            }
        }
        Err(IdentityError::Busy)
    }
}

pub(super) fn read(value: &[u8]) -> Result<Account, IdentityError> {
    serde_json::from_slice(value)
        .map_err(|source| IdentityError::Damaged { what: "an account", source })
}

pub(super) fn written(account: &Account) -> Result<bytes::Bytes, IdentityError> {
    serde_json::to_vec(account)
        .map(Into::into)
        .map_err(|source| IdentityError::Damaged { what: "an account", source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(role: Role) -> NewStaff {
        let username = "yang.li".parse().unwrap();
        NewStaff { username, name: " 样例 ".to_owned(), role, center: None, department: None }
    }

    #[test]
    fn a_username_is_normal_and_may_be_chinese() {
        let username: Username = " Yang.Li ".parse().unwrap();
        assert_eq!(username.as_str(), "yang.li");
        let username: Username = "样例_1".parse().unwrap();
        assert!(username.key().bytes().all(|byte| byte.is_ascii_hexdigit()));
        for text in ["", " ", "a b", "a/b", "a@b", "a\nb", &"a".repeat(65)] {
            assert!(text.parse::<Username>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_role_that_acts_for_a_place_needs_one() {
        for (role, field) in [
            (Role::Clerk, "center"),
            (Role::Director, "center"),
            (Role::Handler, "department"),
            (Role::DepartmentLead, "department"),
            (Role::System, "role"),
        ] {
            let refused = new(role).check().unwrap_err();
            assert!(matches!(refused, IdentityError::Invalid { field: f, .. } if f == field));
        }
        assert_eq!(new(Role::Coordinator).check().unwrap().name, "样例");
    }

    #[test]
    fn an_account_reads_back_and_does_not_print_its_hash() {
        let account = Account {
            staff: new(Role::Auditor).check().unwrap(),
            created_at: DateTime::UNIX_EPOCH,
            disabled: false,
            password_hash: "secret-hash".to_owned(),
            stamp: "stamp".to_owned(),
            second_factor: None,
        };
        let back = read(&written(&account).unwrap()).unwrap();
        assert_eq!(back.staff, account.staff);
        assert!(!format!("{account:?}").contains("secret"));
    }
}
