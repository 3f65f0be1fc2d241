//! Who works in the simulated district.

use std::sync::OnceLock;

use bytes::Bytes;
use casework::command::Actor;
use proto_events::codes::Role;
use runtime::audit::{Audit, MemoryAudit};
use runtime::clock::SystemClock;
use runtime::identity::{Identity, NewStaff};
use runtime::kv::Bucket;
use runtime::metrics::Metrics;
use std::sync::Arc;

/// The centers of the stories.
pub(crate) const CENTERS: [&str; 2] = ["donghuashi", "jingshan"];

/// The departments of the stories; the last one is no department's matter in the table.
pub(crate) const DEPARTMENTS: [&str; 4] =
    ["hr-public-service", "civil-affairs", "medical-insurance", "tax"];

/// One word is the name and, for who has one, the center or department.
fn cast() -> Vec<Actor> {
    let actor = |username: String, role| Actor { username, role, center: None, department: None };
    let mut people = Vec::new();
    for center in CENTERS {
        for (name, role) in
            [("clerk", Role::Clerk), ("clerk2", Role::Clerk), ("director", Role::Director)]
        {
            let center_id = center.parse().ok();
            people.push(Actor { center: center_id, ..actor(format!("{name}.{center}"), role) });
        }
    }
    for department in DEPARTMENTS {
        for (name, role) in [
            ("handler", Role::Handler),
            ("handler2", Role::Handler),
            ("lead", Role::DepartmentLead),
        ] {
            let department_id = department.parse().ok();
            let person = actor(format!("{name}.{department}"), role);
            people.push(Actor { department: department_id, ..person });
        }
    }
    for (name, role) in [
        ("coordinator", Role::Coordinator),
        ("coordinator2", Role::Coordinator),
        ("callback", Role::Callback),
        ("privacy", Role::PrivacyOfficer),
        ("auditor", Role::Auditor),
        ("admin", Role::Admin),
    ] {
        people.push(actor(name.to_owned(), role));
    }
    people
}

/// Everybody, with an account; the records of the accounts are made once, because each password is hashed.
pub(crate) struct Accounts {
    pub(crate) people: Vec<Actor>,
    records: Vec<(String, Bytes)>,
}

impl Accounts {
    pub(crate) fn get() -> &'static Self {
        static ACCOUNTS: OnceLock<Accounts> = OnceLock::new();
        ACCOUNTS.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(Self::make())
        })
    }

    async fn make() -> Self {
        let people = cast();
        let staff = Bucket::in_memory("staff");
        let clock = Arc::new(SystemClock);
        let audit = Audit::new(
            MemoryAudit::default(),
            "dongcheng".parse().unwrap(),
            clock.clone(),
            Metrics::new(),
        );
        let identity = Identity::new(staff.clone(), Bucket::in_memory("sessions"), clock, audit);
        for person in &people {
            let new = NewStaff {
                username: person.username.parse().unwrap(),
                name: "样例".to_owned(),
                role: person.role,
                center: person.center.clone(),
                department: person.department.clone(),
            };
            identity.add(new, "a long enough passphrase").await.unwrap();
        }
        let mut records = Vec::new();
        for key in staff.keys().await.unwrap() {
            let (value, _) = staff.find(&key).await.unwrap().value().unwrap();
            records.push((key, value));
        }
        Self { people, records }
    }

    /// Writes the accounts into the bucket of a district.
    pub(crate) async fn settle(&self, staff: &Bucket) {
        for (key, value) in &self.records {
            staff.put(key, value.clone()).await.unwrap();
        }
    }

    pub(crate) fn named(&self, username: &str) -> Option<&Actor> {
        self.people.iter().find(|person| person.username == username)
    }
}
