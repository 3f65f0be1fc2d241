//! Letting somebody in whom an identity provider (统一身份认证) has proved.
//!
//! Invariants: who comes this way has an account here already, none is made; a second factor is asked for as after a
//! password, unless the provider has asked for one; the session is like any other, with its limits and its end.

use sha2::{Digest as _, Sha256};

use super::{Identity, IdentityError, Opened, Username};
use crate::audit::AuditLine;
use crate::http::body::hex;
use crate::metrics::SignInOutcome;

/// What an identity provider says of somebody, once that was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedElsewhere {
    /// What names the account here, as the provider says it.
    pub username: String,
    /// Whether the provider has asked for a second factor.
    pub second_factor: bool,
    /// How it was proved, for the audit: `oidc`.
    pub way: &'static str,
}

impl Identity {
    /// Opens a session for whom an identity provider has proved, and writes an audit line, whatever comes of it.
    ///
    /// # Errors
    /// [`IdentityError::NoAccount`] when there is no such account or it is disabled,
    /// [`IdentityError::SecondFactorRequired`] when a code is needed, which goes the way of a sign-in with a password, or
    /// when the bus is out of reach.
    pub async fn sign_in_proved(&self, proved: &ProvedElsewhere) -> Result<Opened, IdentityError> {
        let account = match proved.username.parse::<Username>() {
            Ok(username) => self.find_fresh(&username).await?,
            Err(_) => None,
        };
        let Some(account) = account.filter(|account| !account.disabled) else {
            self.audit.metrics().sign_in(SignInOutcome::Refused);
            // The name is one of somebody who has nothing to do with this house: it does not stand here.
            let line = AuditLine::new("unknown", "sign_in_refused");
            self.audit.record(line.detail(format!("{}: no account", proved.way))).await;
            return Err(IdentityError::NoAccount);
        };
        if account.has_second_factor() && !proved.second_factor {
            return Err(self.second_factor_required(&account)?);
        }
        let opened = self.open_proved_session(account, proved.second_factor).await?;
        self.audit.metrics().sign_in(SignInOutcome::Done);
        let staff = &opened.staff;
        let line = AuditLine::new(staff.username.as_str(), "signed_in").role(staff.role);
        self.audit.record(line.center(staff.center.clone()).detail(proved.way)).await;
        Ok(opened)
    }

    /// Marks something as used, in all processes; false when it was used before. Remembered for as long as a session
    /// may last.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn use_once(&self, what: &str) -> Result<bool, IdentityError> {
        // The key of a session is the hash of its token, which has no line break.
        let key = hex(&Sha256::digest(format!("used\n{what}").as_bytes()));
        Ok(self.sessions.create(&key, "used".into()).await?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto_events::codes::Role;

    use super::*;
    use crate::audit::{Audit, MemoryAudit};
    use crate::clock::SystemClock;
    use crate::identity::{Admission, NewStaff, SecondFactors};
    use crate::kv::Bucket;
    use crate::metrics::Metrics;
    use crate::vault::MasterKey;

    async fn house(obligatory_for: Vec<Role>) -> Arc<Identity> {
        let clock = Arc::new(SystemClock);
        let district = "dongcheng".parse().unwrap();
        let audit = Audit::new(MemoryAudit::default(), district, clock.clone(), Metrics::new());
        let master = MasterKey::of_hex(&"5a".repeat(32)).unwrap();
        let second_factors = SecondFactors::new(&master, obligatory_for);
        let identity = Identity::with_admission(
            Bucket::in_memory("staff"),
            Bucket::in_memory("sessions"),
            clock,
            audit,
            Admission { second_factors, scopes: &[] },
        );
        let new = NewStaff {
            username: "auditor".parse().unwrap(),
            name: "样例".to_owned(),
            role: Role::Auditor,
            center: None,
            department: None,
        };
        identity.introduce(new).await.unwrap();
        identity
    }

    fn proved(username: &str, second_factor: bool) -> ProvedElsewhere {
        ProvedElsewhere { username: username.to_owned(), second_factor, way: "oidc" }
    }

    #[tokio::test]
    async fn an_account_is_named_and_never_made() {
        let identity = house(Vec::new()).await;
        let opened = identity.sign_in_proved(&proved(" Auditor ", false)).await.unwrap();
        assert!(identity.resolve(&opened.token).await.unwrap().is_some());
        for stranger in ["nobody", "", "a@b", "*"] {
            let refused = identity.sign_in_proved(&proved(stranger, true)).await;
            assert!(matches!(refused, Err(IdentityError::NoAccount)), "{stranger:?}");
        }
        let username = "auditor".parse().unwrap();
        identity.set_disabled(&username, true).await.unwrap();
        let refused = identity.sign_in_proved(&proved("auditor", true)).await;
        assert!(matches!(refused, Err(IdentityError::NoAccount)));
        assert!(identity.resolve(&opened.token).await.unwrap().is_none(), "revoked at once");
    }

    #[tokio::test]
    async fn who_has_to_enrol_has_to_unless_the_provider_has_asked_for_a_second_factor() {
        let identity = house(vec![Role::Auditor]).await;
        let opened = identity.sign_in_proved(&proved("auditor", false)).await.unwrap();
        let refused = identity.resolve(&opened.token).await;
        assert!(matches!(refused, Err(IdentityError::MustEnrol)));
        let opened = identity.sign_in_proved(&proved("auditor", true)).await.unwrap();
        assert!(identity.resolve(&opened.token).await.unwrap().is_some());
        assert!(!identity.session(&opened.token).await.unwrap().unwrap().must_enrol);
    }

    #[tokio::test]
    async fn what_was_used_is_used() {
        let identity = house(Vec::new()).await;
        assert!(identity.use_once("one").await.unwrap());
        assert!(!identity.use_once("one").await.unwrap());
        assert!(identity.use_once("another").await.unwrap());
    }
}
