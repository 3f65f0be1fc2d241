//! What an administrator does with the accounts of others.
//!
//! Invariants: whatever is changed ends the sessions of the account; somebody who can administer accounts is always
//! left, also when two administrators remove each other at the same moment in two processes: each looks again
//! after he has written, and takes back what was one too many. `unstuck staff` is held to it as well.

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};

use super::machine::is_token_key;
use super::staff::{read, written};
use super::{Account, Identity, IdentityError, NewStaff, Staff, Username};

/// Accounts that are read at once: a district has some hundreds, each read takes a third of a millisecond.
const READS_AT_ONCE: usize = 16;

/// Under which key the memory keeps the list of everybody.
const EVERYBODY: &str = "everybody";

/// What becomes of an account; what is `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct StaffChange {
    /// The name.
    pub name: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// The center, or that there is none any more.
    pub center: Option<Option<CenterId>>,
    /// The department, or that there is none any more.
    pub department: Option<Option<DepartmentId>>,
}

impl StaffChange {
    fn onto(self, staff: &Staff) -> NewStaff {
        NewStaff {
            username: staff.username.clone(),
            name: self.name.unwrap_or_else(|| staff.name.clone()),
            role: self.role.unwrap_or(staff.role),
            center: self.center.unwrap_or_else(|| staff.center.clone()),
            department: self.department.unwrap_or_else(|| staff.department.clone()),
        }
    }
}

impl Identity {
    /// All accounts, by username; the answer may be some seconds old when the bus was just out of reach.
    ///
    /// # Errors
    /// When the bus is out of reach or a record cannot be read.
    pub async fn everybody(&self) -> Result<Arc<Vec<Account>>, IdentityError> {
        if let Some(accounts) = self.everybody_cache.get(EVERYBODY) {
            return Ok(accounts);
        }
        let ticket = self.everybody_cache.ticket();
        let accounts = Arc::new(self.list().await?);
        self.everybody_cache.remember(ticket, EVERYBODY, Arc::clone(&accounts));
        Ok(accounts)
    }

    /// All accounts, by username.
    ///
    /// # Errors
    /// When the bus is out of reach or a record cannot be read.
    pub async fn list(&self) -> Result<Vec<Account>, IdentityError> {
        let keys = self.staff.keys().await?.into_iter().filter(|key| !is_token_key(key));
        let values = self.values_of(keys).await?;
        let mut accounts =
            values.iter().map(|value| read(value)).collect::<Result<Vec<Account>, _>>()?;
        accounts.sort_by(|a, b| a.staff.username.cmp(&b.staff.username));
        Ok(accounts)
    }

    /// What stands in the bucket of the staff under each of these keys that is still there.
    pub(super) async fn values_of(
        &self,
        keys: impl Iterator<Item = String>,
    ) -> Result<Vec<Bytes>, IdentityError> {
        let found = stream::iter(keys)
            .map(|key| async move { self.staff.find(&key).await })
            .buffered(READS_AT_ONCE)
            .try_collect::<Vec<_>>()
            .await?;
        Ok(found.into_iter().filter_map(|found| Some(found.value()?.0)).collect())
    }

    /// Changes name, role, center or department; the sessions of the account end.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`], [`IdentityError::Invalid`] for a rule, [`IdentityError::LastAdmin`] when nobody could
    /// administer accounts any more, or when the bus is out of reach.
    pub async fn change_staff(
        &self,
        username: &Username,
        change: StaffChange,
    ) -> Result<Staff, IdentityError> {
        let before = self.known(username).await?;
        let after = change.clone().onto(&before.staff).check()?;
        let loses_admin = is_admin(&before) && after.role != Role::Admin;
        if loses_admin {
            self.must_be_another_admin(username).await?;
        }
        let apply = |account: &mut Account| {
            account.staff = change.clone().onto(&account.staff).check()?;
            Ok(())
        };
        let changed = self.change(username, apply).await?;
        self.everybody_cache.forget_all();
        if loses_admin && !self.has_admin().await? {
            let take_back = |account: &mut Account| {
                account.staff = before.staff.clone();
                Ok(())
            };
            self.change(username, take_back).await?;
            return Err(IdentityError::LastAdmin(username.clone()));
        }
        Ok(changed.staff)
    }

    /// Removes an account that is not the last administrator; its sessions end with it.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`], [`IdentityError::LastAdmin`], or when the bus is out of reach.
    pub async fn remove_staff(&self, username: &Username) -> Result<Staff, IdentityError> {
        let account = self.known(username).await?;
        if is_admin(&account) {
            self.must_be_another_admin(username).await?;
        }
        self.remove(username).await?;
        if is_admin(&account) && !self.has_admin().await? {
            self.staff.create(&username.key(), written(&account)?).await?;
            self.staff_cache.forget(&username.key());
            self.everybody_cache.forget_all();
            return Err(IdentityError::LastAdmin(username.clone()));
        }
        Ok(account.staff)
    }

    async fn known(&self, username: &Username) -> Result<Account, IdentityError> {
        let found = self.find_fresh(username).await?;
        found.ok_or_else(|| IdentityError::Unknown(username.clone()))
    }

    async fn must_be_another_admin(&self, username: &Username) -> Result<(), IdentityError> {
        let accounts = self.list().await?;
        let is_another = |one: &Account| is_admin(one) && one.staff.username != *username;
        match accounts.iter().any(is_another) {
            true => Ok(()),
            false => Err(IdentityError::LastAdmin(username.clone())),
        }
    }

    async fn has_admin(&self) -> Result<bool, IdentityError> {
        Ok(self.list().await?.iter().any(is_admin))
    }
}

/// Whether the account can administer others now.
fn is_admin(account: &Account) -> bool {
    account.staff.role == Role::Admin && !account.disabled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Audit, MemoryAudit};
    use crate::clock::ManualClock;
    use crate::kv::Bucket;
    use crate::metrics::Metrics;

    const PASSWORD: &str = "correct-horse-battery";

    /// Two processes over the same buckets, and two administrators.
    async fn house() -> [Arc<Identity>; 2] {
        let clock = Arc::new(ManualClock::new("2026-03-02T01:00:00Z".parse().unwrap()));
        let (staff, sessions) = (Bucket::in_memory("staff"), Bucket::in_memory("sessions"));
        let process = || {
            let district = "dongcheng".parse().unwrap();
            let audit = Audit::new(MemoryAudit::default(), district, clock.clone(), Metrics::new());
            Identity::new(staff.clone(), sessions.clone(), clock.clone(), audit)
        };
        let processes = [process(), process()];
        for username in ["one", "two"] {
            processes[0].add(new(username, Role::Admin), PASSWORD).await.unwrap();
        }
        processes
    }

    fn new(username: &str, role: Role) -> NewStaff {
        let username = username.parse().unwrap();
        NewStaff { username, name: "样例".to_owned(), role, center: None, department: None }
    }

    async fn admins(identity: &Identity) -> usize {
        identity.list().await.unwrap().iter().filter(|one| is_admin(one)).count()
    }

    #[tokio::test]
    async fn two_administrators_who_remove_each_other_at_once_leave_one_at_least() {
        let [here, there] = house().await;
        let (one, two) = ("one".parse().unwrap(), "two".parse().unwrap());
        let (first, second) = tokio::join!(here.remove_staff(&two), there.remove_staff(&one));
        assert!(admins(&here).await >= 1, "{first:?} {second:?}");
        let demoted = StaffChange { role: Some(Role::Auditor), ..StaffChange::default() };
        for username in ["one", "two"] {
            let username = username.parse().unwrap();
            // Whoever is there yet may go, as long as another is left.
            let _ = here.change_staff(&username, demoted.clone()).await;
            let _ = there.remove_staff(&username).await;
        }
        assert_eq!(admins(&there).await, 1);
    }

    #[tokio::test]
    async fn a_disabled_administrator_counts_for_nothing() {
        let [here, _] = house().await;
        let (one, two): (Username, Username) = ("one".parse().unwrap(), "two".parse().unwrap());
        here.set_disabled(&two, true).await.unwrap();
        assert!(matches!(here.remove_staff(&one).await, Err(IdentityError::LastAdmin(_))));
        here.remove_staff(&two).await.unwrap();
    }

    #[tokio::test]
    async fn a_change_is_held_to_the_rules_and_ends_the_sessions() {
        let [here, there] = house().await;
        let two: Username = "two".parse().unwrap();
        let token = here.open_session(&two).await.unwrap().token;
        let clerk = StaffChange { role: Some(Role::Clerk), ..StaffChange::default() };
        let refused = here.change_staff(&two, clerk.clone()).await;
        assert!(matches!(refused, Err(IdentityError::Invalid { field: "center", .. })));
        assert!(here.resolve(&token).await.unwrap().is_some());
        let center = Some(Some("jingshan".parse().unwrap()));
        let moved = here.change_staff(&two, StaffChange { center, ..clerk }).await.unwrap();
        assert_eq!((moved.role, moved.name.as_str()), (Role::Clerk, "样例"));
        assert!(here.resolve(&token).await.unwrap().is_none());
        assert!(there.resolve(&token).await.unwrap().is_none());
    }
}
