//! Tokens of machines (机器令牌): another program of the district reads figures, cases or the feed, without a person behind it.
//!
//! Invariants: a token stands in the bucket as its hash only, is shown once, and ends by itself; it opens the addresses of
//! its scopes for reading and nothing else, whatever its role could do, so that no machine ever sees a person in clear;
//! what is revoked opens nothing any more, in any process; the audit says who read which scope in which hour. `unstuck_` in front lets a scanner of source code find one that
//! has got lost.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use axum::http::Method;
use chrono::{DateTime, TimeDelta, Utc};
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Identity, IdentityError, NewStaff, Staff, Username, random_hex};
use crate::audit::AuditLine;
use crate::http::body::hex;

/// What every token begins with.
pub const MACHINE_TOKEN_PREFIX: &str = "unstuck_";

/// Longest life of a token, in days: a year and the weeks in which somebody notices that it is over.
pub const MACHINE_TOKEN_DAYS_MAX: u32 = 400;

/// Length of the random part in hex digits: 256 random bits.
const RANDOM_CHARS: usize = 64;

/// Longest name, in characters; with its prefix it is a username.
const NAME_CHARS_MAX: usize = 40;

/// Digits of the hash by which a token is named in lists.
const ID_CHARS: usize = 12;

/// What the usernames of machines begin with, and of nobody else.
pub(super) const MACHINE_USERNAME_PREFIX: &str = "machine.";

/// What the keys of tokens begin with, in the bucket of the accounts, whose keys have no dot.
const KEY_PREFIX: &str = "token.";

/// Most machines and scopes whose last reading is remembered; beyond it some are written down once more.
const READS_MAX: usize = 4096;

/// The roles that a machine may read as: those that see a whole center, department or district.
const ROLES: [Role; 4] = [Role::Director, Role::DepartmentLead, Role::Coordinator, Role::Auditor];

/// A part of the API that a machine may be let into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The code, `read:figures`.
    pub code: &'static str,
    /// What it opens, in Chinese.
    pub label_zh: &'static str,
    /// What it opens, in English.
    pub label_en: &'static str,
    /// The addresses, as routes name them; for reading only.
    pub reads: &'static [&'static str],
}

/// A token, as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MachineToken {
    /// The first digits of its hash.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// As which role it reads.
    pub role: Role,
    /// The center of a director.
    pub center: Option<CenterId>,
    /// The department of a department lead.
    pub department: Option<DepartmentId>,
    /// What it may read.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// What a new token is made of.
#[derive(Debug, Clone)]
pub struct NewMachineToken {
    /// What it is for: 1 to 40 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// As which role it reads.
    pub role: Role,
    /// The center of a director.
    pub center: Option<CenterId>,
    /// The department of a department lead.
    pub department: Option<DepartmentId>,
    /// What it may read.
    pub scopes: Vec<String>,
    /// How many days it lives.
    pub days: u32,
}

impl NewMachineToken {
    fn check(&self, scopes: &[Scope]) -> Result<(), IdentityError> {
        let refused = |field, problem: String| Err(IdentityError::Invalid { field, problem });
        let is_name = (1..=NAME_CHARS_MAX).contains(&self.name.len())
            && self.name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if !is_name {
            let problem = format!("must be 1 to {NAME_CHARS_MAX} of a-z, 0-9 and -");
            return refused("name", problem);
        }
        if !ROLES.contains(&self.role) {
            let known: Vec<_> = ROLES.iter().map(|role| role.code()).collect();
            return refused("role", format!("a machine reads as one of {}", known.join(", ")));
        }
        let is_known = |code: &String| scopes.iter().any(|scope| scope.code == code);
        if self.scopes.is_empty() || !self.scopes.iter().all(is_known) {
            let known: Vec<_> = scopes.iter().map(|scope| scope.code).collect();
            return refused("scopes", format!("must be some of {}", known.join(", ")));
        }
        if !(1..=MACHINE_TOKEN_DAYS_MAX).contains(&self.days) {
            return refused("days", format!("must be 1 to {MACHINE_TOKEN_DAYS_MAX}"));
        }
        // The place that the role needs, by the rule of people.
        let as_person = NewStaff {
            username: self.name.parse()?,
            name: self.name.clone(),
            role: self.role,
            center: self.center.clone(),
            department: self.department.clone(),
        };
        as_person.check().map(drop)
    }
}

impl MachineToken {
    /// The machine as the queries see it: somebody of its role.
    fn staff(&self) -> Result<Staff, IdentityError> {
        Ok(Staff {
            username: format!("{MACHINE_USERNAME_PREFIX}{}", self.name).parse::<Username>()?,
            name: self.name.clone(),
            role: self.role,
            center: self.center.clone(),
            department: self.department.clone(),
        })
    }
}

impl Identity {
    /// Makes a token for a machine, and gives it with its record; nobody can ask for it again. `scopes` are those that
    /// there are.
    ///
    /// # Errors
    /// [`IdentityError::Invalid`] for a rule, or when the bus is out of reach.
    pub async fn add_machine_token(
        &self,
        new: NewMachineToken,
        scopes: &[Scope],
        by: &str,
    ) -> Result<(String, MachineToken), IdentityError> {
        new.check(scopes)?;
        let token = format!("{MACHINE_TOKEN_PREFIX}{}", random_hex::<{ RANDOM_CHARS / 2 }>()?);
        let hash = hash(&token);
        let NewMachineToken { name, role, center, department, scopes, days } = new;
        let created_at = self.now();
        let record = MachineToken {
            id: hash[..ID_CHARS].to_owned(),
            name,
            role,
            center,
            department,
            scopes,
            created_at,
            created_by: by.to_owned(),
            expires_at: created_at + TimeDelta::days(i64::from(days)),
        };
        let value = serde_json::to_vec(&record)
            .map_err(|source| IdentityError::Damaged { what: "a machine's token", source })?;
        self.staff.put(&key(&hash), value.into()).await?;
        Ok((token, record))
    }

    /// All tokens of machines, by name; those that have ended as well.
    ///
    /// # Errors
    /// When the bus is out of reach or a record cannot be read.
    pub async fn machine_tokens(&self) -> Result<Vec<MachineToken>, IdentityError> {
        let keys = self.staff.keys().await?.into_iter().filter(|key| is_token_key(key));
        let values = self.values_of(keys).await?;
        let mut tokens =
            values.iter().map(|value| read(value)).collect::<Result<Vec<MachineToken>, _>>()?;
        tokens.sort_by(|a, b| (&a.name, a.created_at).cmp(&(&b.name, b.created_at)));
        Ok(tokens)
    }

    /// Revokes a token; what it was is given. `None` when there is none with this id.
    ///
    /// # Errors
    /// When the bus is out of reach or a record cannot be read.
    pub async fn revoke_machine_token(
        &self,
        id: &str,
    ) -> Result<Option<MachineToken>, IdentityError> {
        let is_id = id.len() == ID_CHARS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let keys = self.staff.keys().await?;
        let prefix = format!("{KEY_PREFIX}{id}");
        let Some(key) = keys.into_iter().find(|key| is_id && key.starts_with(&prefix)) else {
            return Ok(None);
        };
        let Some((value, _)) = self.staff.find(&key).await?.value() else { return Ok(None) };
        self.staff.purge(&key).await?;
        self.machine_cache.forget(&key);
        read(&value).map(Some)
    }

    /// Whom a machine's token reads as, at an address; `None` when it opens nothing (any more).
    ///
    /// # Errors
    /// [`IdentityError::OutOfScope`] when it may not read there, or when the bus is out of reach.
    pub(super) async fn machine(
        &self,
        token: &str,
        method: &Method,
        route: &str,
    ) -> Result<Option<Staff>, IdentityError> {
        let Some(record) = self.machine_token(token).await? else { return Ok(None) };
        let opens = |scope: &&Scope| scope.reads.contains(&route);
        let is_reading = matches!(*method, Method::GET | Method::HEAD);
        let needed = self.scopes.iter().find(opens).filter(|_| is_reading);
        match needed {
            Some(scope) if record.scopes.iter().any(|code| code == scope.code) => {
                let staff = record.staff()?;
                self.note_machine(&staff, scope).await;
                Ok(Some(staff))
            }
            needed => Err(IdentityError::OutOfScope { needed: needed.map(|scope| scope.code) }),
        }
    }

    /// Leaves a line for what a machine reads, one for each scope and hour: what it sees is masked, so that who, what and
    /// when is enough, and a machine asks all day.
    async fn note_machine(&self, staff: &Staff, scope: &Scope) {
        let hour = self.now().timestamp().div_euclid(3600);
        if self.machine_reads.is_first(staff.username.as_str(), scope.code, hour) {
            let line = AuditLine::new(staff.username.as_str(), "machine_read").role(staff.role);
            self.audit.record(line.center(staff.center.clone()).detail(scope.code)).await;
        }
    }

    async fn machine_token(&self, token: &str) -> Result<Option<MachineToken>, IdentityError> {
        if !is_machine_token(token) {
            return Ok(None);
        }
        let key = key(&hash(token));
        let record = match self.machine_cache.get(&key) {
            Some(record) => record,
            None => {
                let ticket = self.machine_cache.ticket();
                let Some((value, _)) = self.staff.find(&key).await?.value() else {
                    return Ok(None);
                };
                let record = read(&value)?;
                self.machine_cache.remember(ticket, &key, record.clone());
                record
            }
        };
        Ok(Some(record).filter(|record| self.now() < record.expires_at))
    }
}

/// The hour in which this process has last written down that a machine reads a scope.
#[derive(Debug, Default)]
pub(super) struct MachineReads(Mutex<HashMap<(String, &'static str), i64>>);

impl MachineReads {
    /// Whether this is the first reading of the scope in its hour.
    fn is_first(&self, machine: &str, scope: &'static str, hour: i64) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() >= READS_MAX {
            noted.retain(|_, last| *last == hour);
        }
        noted.insert((machine.to_owned(), scope), hour) != Some(hour)
    }
}

/// Whether a text has the form of a machine's token.
pub(super) fn is_machine_token(text: &str) -> bool {
    text.strip_prefix(MACHINE_TOKEN_PREFIX).is_some_and(|random| {
        random.len() == RANDOM_CHARS
            && random.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// Whether a key of the bucket of accounts is that of a token.
pub(super) fn is_token_key(key: &str) -> bool {
    key.starts_with(KEY_PREFIX)
}

fn key(hash: &str) -> String {
    format!("{KEY_PREFIX}{hash}")
}

fn hash(token: &str) -> String {
    hex(&Sha256::digest(token.as_bytes()))
}

fn read(value: &[u8]) -> Result<MachineToken, IdentityError> {
    serde_json::from_slice(value)
        .map_err(|source| IdentityError::Damaged { what: "a machine's token", source })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::audit::{Audit, MemoryAudit};
    use crate::clock::ManualClock;
    use crate::identity::{Admission, SecondFactors};
    use crate::kv::Bucket;
    use crate::metrics::Metrics;
    use crate::vault::MasterKey;

    const SCOPES: &[Scope] = &[
        Scope { code: "read:figures", label_zh: "", label_en: "", reads: &["/v1/overview"] },
        Scope { code: "read:cases", label_zh: "", label_en: "", reads: &["/v1/cases"] },
    ];

    /// Two processes over the same buckets.
    fn house() -> (Arc<ManualClock>, Bucket, [Arc<Identity>; 2]) {
        let clock = Arc::new(ManualClock::new("2026-03-02T01:00:00Z".parse().unwrap()));
        let (staff, sessions) = (Bucket::in_memory("staff"), Bucket::in_memory("sessions"));
        let process = || {
            let district = "dongcheng".parse().unwrap();
            let audit = Audit::new(MemoryAudit::default(), district, clock.clone(), Metrics::new());
            let master = MasterKey::of_hex(&"5a".repeat(32)).unwrap();
            let second_factors = SecondFactors::new(&master, Vec::new());
            let admission = Admission { second_factors, scopes: SCOPES };
            let (staff, sessions) = (staff.clone(), sessions.clone());
            Identity::with_admission(staff, sessions, clock.clone(), audit, admission)
        };
        let processes = [process(), process()];
        (clock, staff, processes)
    }

    fn new() -> NewMachineToken {
        NewMachineToken {
            name: "reports".to_owned(),
            role: Role::Auditor,
            center: None,
            department: None,
            scopes: vec!["read:figures".to_owned()],
            days: 30,
        }
    }

    #[tokio::test]
    async fn the_audit_says_once_an_hour_what_a_machine_reads() {
        let clock = Arc::new(ManualClock::new("2026-03-02T01:30:00Z".parse().unwrap()));
        let lines = MemoryAudit::default();
        let district = "dongcheng".parse().unwrap();
        let audit = Audit::new(lines.clone(), district, clock.clone(), Metrics::new());
        let master = MasterKey::of_hex(&"5a".repeat(32)).unwrap();
        let second_factors = SecondFactors::new(&master, Vec::new());
        let admission = Admission { second_factors, scopes: SCOPES };
        let (staff, sessions) = (Bucket::in_memory("staff"), Bucket::in_memory("sessions"));
        let identity = Identity::with_admission(staff, sessions, clock.clone(), audit, admission);
        let scopes = ["read:figures", "read:cases"].map(str::to_owned).to_vec();
        let new = NewMachineToken { scopes, ..new() };
        let (token, _) = identity.add_machine_token(new, SCOPES, "admin").await.unwrap();
        let read = async |route| {
            identity.machine(&token, &Method::GET, route).await.unwrap().unwrap();
        };
        let details = || -> Vec<String> {
            let line = |(_, body): &(String, bytes::Bytes)| -> AuditLine {
                serde_json::from_slice(body).unwrap()
            };
            let read = lines.lines().iter().map(line).collect::<Vec<_>>();
            let read = read.into_iter().filter(|line| line.what == "machine_read");
            read.map(|line| format!("{} {}", line.actor, line.detail.unwrap())).collect()
        };
        for route in ["/v1/overview", "/v1/overview", "/v1/cases", "/v1/overview"] {
            read(route).await;
        }
        let once = ["machine.reports read:figures", "machine.reports read:cases"];
        assert_eq!(details(), once);
        clock.advance(TimeDelta::minutes(30));
        read("/v1/overview").await;
        read("/v1/overview").await;
        assert_eq!(details(), [once[0], once[1], once[0]]);
        identity.machine(&token, &Method::POST, "/v1/overview").await.unwrap_err();
        assert_eq!(details().len(), 3, "what is refused reads nothing");
    }

    #[tokio::test]
    async fn a_token_reads_within_its_scope_until_it_ends() {
        let (clock, staff, [here, there]) = house();
        let (token, record) = here.add_machine_token(new(), SCOPES, "admin").await.unwrap();
        let read_at =
            async |method: Method, route: &str| there.machine(&token, &method, route).await;
        let machine = read_at(Method::GET, "/v1/overview").await.unwrap().unwrap();
        assert_eq!((machine.username.as_str(), machine.role), ("machine.reports", Role::Auditor));
        for (method, route, needs) in [
            (Method::GET, "/v1/cases", Some("read:cases")),
            (Method::POST, "/v1/overview", None),
            (Method::GET, "/v1/staff", None),
        ] {
            let refused = read_at(method, route).await;
            assert!(
                matches!(refused, Err(IdentityError::OutOfScope { needed }) if needed == needs)
            );
        }
        for key in staff.keys().await.unwrap() {
            let (value, _) = staff.find(&key).await.unwrap().value().unwrap();
            assert!(!key.contains(&token) && !String::from_utf8_lossy(&value).contains(&token));
        }
        assert_eq!(here.machine_tokens().await.unwrap(), [record]);
        assert!(here.list().await.unwrap().is_empty(), "a token is no account");
        clock.advance(TimeDelta::days(30));
        assert_eq!(read_at(Method::GET, "/v1/overview").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_revoked_token_opens_nothing_and_neither_does_another() {
        let (_, _, [here, _]) = house();
        let (token, record) = here.add_machine_token(new(), SCOPES, "admin").await.unwrap();
        let other = format!("{MACHINE_TOKEN_PREFIX}{}", "0a".repeat(32));
        for unknown in [other.as_str(), "unstuck_", "unstuck_*", &token.to_uppercase()] {
            let found = here.machine(unknown, &Method::GET, "/v1/overview").await.unwrap();
            assert_eq!(found, None, "{unknown}");
        }
        assert!(here.machine(&token, &Method::GET, "/v1/overview").await.unwrap().is_some());
        assert_eq!(here.revoke_machine_token("").await.unwrap(), None);
        assert_eq!(here.revoke_machine_token(&record.id).await.unwrap(), Some(record.clone()));
        assert_eq!(here.revoke_machine_token(&record.id).await.unwrap(), None);
        assert_eq!(here.machine(&token, &Method::GET, "/v1/overview").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_machine_has_a_plain_name_a_reading_role_known_scopes_and_an_end() {
        let (_, _, [here, _]) = house();
        for (field, wrong) in [
            ("name", NewMachineToken { name: "A".to_owned(), ..new() }),
            ("name", NewMachineToken { name: String::new(), ..new() }),
            ("role", NewMachineToken { role: Role::Admin, ..new() }),
            ("role", NewMachineToken { role: Role::Clerk, ..new() }),
            ("center", NewMachineToken { role: Role::Director, ..new() }),
            ("scopes", NewMachineToken { scopes: Vec::new(), ..new() }),
            ("scopes", NewMachineToken { scopes: vec!["write:all".to_owned()], ..new() }),
            ("days", NewMachineToken { days: 0, ..new() }),
            ("days", NewMachineToken { days: MACHINE_TOKEN_DAYS_MAX + 1, ..new() }),
        ] {
            let refused = here.add_machine_token(wrong, SCOPES, "admin").await;
            assert!(
                matches!(&refused, Err(IdentityError::Invalid { field: found, .. }) if *found == field),
                "{field}: {refused:?}"
            );
        }
    }

    #[tokio::test]
    async fn nobody_has_the_username_of_a_machine() {
        let (_, _, [here, _]) = house();
        let username = "machine.reports".parse().unwrap();
        let name = "样例".to_owned();
        let new = NewStaff { username, name, role: Role::Auditor, center: None, department: None };
        let refused = here.add(new, "correct-horse-battery").await;
        assert!(matches!(refused, Err(IdentityError::Invalid { field: "username", .. })));
    }
}
