//! The desk: one command on one case, from the request to the appended events. What intake, routing and
//! escalation share.
//!
//! It joins `casework` (the rules) and `runtime` (the machinery), so that neither has to know the other.
//! Invariants: the clock is read once per command; a decision sees the whole case; a refused command leaves no
//! event, only an audit line; a repeated command gives the first answer again.

pub mod bodies;
pub mod decode;
pub mod district;
pub mod drafts;
pub mod endpoint;
pub mod enrolled;
pub mod foyer;
pub mod ground;
pub mod learned;
pub mod order;
pub mod problem;
pub mod scopes;
pub mod service;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_nats::jetstream::Context;
use axum::extract::FromRef;
use casework::command::Actor;
use casework::permission;
use chrono::{DateTime, FixedOffset};
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::ids::{CaseId, CenterId};
use proto_events::subject::CASES_STREAM;
use runtime::audit::Audit;
use runtime::clock::SharedClock;
use runtime::command_loop::{CommandLoop, CommandObserver};
use runtime::consumer::{Reaction, ReactionLoop};
use runtime::identity::{Admission, FirstAccount, Identity, SecondFactors, Staff};
use runtime::kv::Bucket;
use runtime::log::EventLog;
use runtime::metrics::Metrics;
use runtime::vault::{MasterKey, Vault};

pub use decode::{Undecodable, decode};
pub use district::District;
pub use drafts::Drafts;
pub use ground::{Ground, Lines};
pub use learned::decode_learning;
pub use order::{Carried, Order};
pub use scopes::SCOPES;

use service::ServiceTask;

/// Cases whose center is remembered; above it the memory starts anew (a miss costs one read of the bus).
const CENTERS_REMEMBERED_MAX: usize = 100_000;

/// What a desk is opened with.
pub struct DeskConfig {
    /// The bus; its streams and buckets are there already.
    pub lines: Lines,
    /// The district.
    pub district: Arc<District>,
    /// The clock.
    pub clock: SharedClock,
    /// The key that wraps the cases' keys.
    pub master_key: MasterKey,
    /// Where figures go.
    pub metrics: Metrics,
}

/// Why a desk could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The log could not be opened.
    #[error("a stream of events could not be opened")]
    Log(#[source] runtime::log::LogError),
    /// A bucket could not be opened.
    #[error("a bucket could not be opened")]
    Bucket(#[from] runtime::kv::KvError),
    /// The accounts could not be opened.
    #[error("the accounts could not be opened")]
    Identity(#[from] runtime::identity::IdentityError),
}

/// What a service stands on.
pub struct Desk {
    /// The district.
    pub district: Arc<District>,
    /// The clock.
    pub clock: SharedClock,
    /// The log of all cases.
    pub log: Arc<dyn EventLog>,
    /// The log of what centers count beside their cases.
    pub centers_log: Arc<dyn EventLog>,
    /// The log of what the district learns.
    pub learning_log: Arc<dyn EventLog>,
    /// The way of one command on a case.
    pub commands: CommandLoop,
    /// The way of one command on a precedent or an improvement.
    pub learning_commands: CommandLoop,
    /// The service's own line to the bus; none on a desk in memory.
    pub js: Option<Context>,
    /// Accounts and sessions.
    pub identity: Arc<Identity>,
    /// The cases' keys.
    pub vault: Vault,
    /// Audit lines.
    pub audit: Audit,
    /// Figures.
    pub metrics: Metrics,
    /// One open case per applicant and matter: fingerprint to case.
    pub open_matters: Bucket,
    /// Half-filled forms.
    pub drafts: Drafts,
    /// Lets the first person in.
    pub first_account: FirstAccount,
    centers: Arc<Mutex<HashMap<CaseId, CenterId>>>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk")
            .field("district", &self.district.rules.district)
            .finish_non_exhaustive()
    }
}

/// Counts the commands on things of one name.
struct CommandFigures(Metrics, &'static str);

impl CommandObserver for CommandFigures {
    fn command_ended(&self, ended: &'static str, conflicts: u32, _took: std::time::Duration) {
        self.0.command(self.1, ended);
        for _ in 0..conflicts {
            self.0.conflict(self.1);
        }
    }
}

impl Desk {
    /// Opens the log and the buckets of the bus.
    ///
    /// # Errors
    /// See [`DeskError`]: mostly that the bus is out of reach.
    pub async fn open(config: DeskConfig) -> Result<Arc<Self>, DeskError> {
        let DeskConfig { lines, district, clock, master_key, metrics } = config;
        let ground = Ground::on_bus(&lines, &master_key.event_key()).await?;
        Ok(Self::on(ground, district, clock, master_key, metrics))
    }

    /// Makes a desk on ground that is there already.
    #[must_use]
    pub fn on(
        ground: Ground,
        district: Arc<District>,
        clock: SharedClock,
        master_key: MasterKey,
        metrics: Metrics,
    ) -> Arc<Self> {
        let audit = Audit::new(
            ground.audit,
            district.rules.district.clone(),
            clock.clone(),
            metrics.clone(),
        );
        let identity = Identity::with_admission(
            ground.staff,
            ground.sessions,
            clock.clone(),
            audit.clone(),
            admission(&district, &master_key),
        );
        let first_account = FirstAccount::new(ground.first_run, Arc::clone(&identity));
        let drafts = Drafts::new(ground.drafts, &master_key);
        metrics.declare_commands(&["case", "learning"]);
        let commands = |log: &Arc<dyn EventLog>, of| {
            let figures = CommandFigures(metrics.clone(), of);
            CommandLoop::new(Arc::clone(log)).with_observer(Arc::new(figures))
        };
        let learning_commands = commands(&ground.learning, "learning");
        let commands = commands(&ground.cases, "case");
        Arc::new(Self {
            district,
            clock,
            log: ground.cases,
            centers_log: ground.centers,
            learning_log: ground.learning,
            commands,
            learning_commands,
            js: ground.js,
            identity,
            vault: Vault::new(ground.case_keys, master_key),
            audit,
            metrics,
            open_matters: ground.open_matters,
            drafts,
            first_account,
            centers: Arc::default(),
        })
    }

    /// Opens the desk of another service in the same process, over lines of its own. Accounts, the queues of commands and
    /// figures are those of this desk: what the services of a process share, they share in memory and not on the bus.
    ///
    /// # Errors
    /// As [`Desk::open`].
    pub async fn beside(&self, lines: &Lines) -> Result<Arc<Self>, DeskError> {
        let ground = Ground::on_bus(lines, &self.vault.master().event_key()).await?;
        let audit = Audit::new(
            ground.audit,
            self.district.rules.district.clone(),
            self.clock.clone(),
            self.metrics.clone(),
        );
        Ok(Arc::new(Self {
            district: Arc::clone(&self.district),
            clock: self.clock.clone(),
            commands: self.commands.over(Arc::clone(&ground.cases)),
            learning_commands: self.learning_commands.over(Arc::clone(&ground.learning)),
            log: ground.cases,
            centers_log: ground.centers,
            learning_log: ground.learning,
            js: ground.js,
            identity: Arc::clone(&self.identity),
            vault: Vault::new(ground.case_keys, self.vault.master().clone()),
            audit,
            metrics: self.metrics.clone(),
            open_matters: ground.open_matters,
            drafts: self.drafts.clone(),
            first_account: self.first_account.clone(),
            centers: Arc::clone(&self.centers),
        }))
    }

    /// The task that delivers every event of a case to a reaction, at least once, until it has answered.
    ///
    /// None on a desk in memory: there is no bus that remembers what was delivered, and whoever runs such a desk
    /// delivers the events himself.
    pub fn reaction_task(&self, reaction: impl Reaction) -> Option<ServiceTask> {
        let js = self.js.clone()?;
        let name = reaction.name();
        let reactions = ReactionLoop::new(js, CASES_STREAM, Arc::new(reaction), self.clock.clone())
            .with_metrics(self.metrics.clone());
        Some(ServiceTask::new(name, |token| async move {
            reactions.run(token).await;
            Ok(())
        }))
    }

    /// The present instant in the district's offset.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.local(self.clock.now())
    }

    /// An instant in the district's offset.
    #[must_use]
    pub fn local(&self, instant: DateTime<chrono::Utc>) -> Timestamp {
        let offset: FixedOffset = self.district.offset;
        instant.with_timezone(&offset)
    }

    fn remembered_center(&self, case_id: CaseId) -> Option<CenterId> {
        self.centers.lock().ok()?.get(&case_id).cloned()
    }

    fn remember_center(&self, case_id: CaseId, center: &CenterId) {
        if let Ok(mut centers) = self.centers.lock() {
            if centers.len() >= CENTERS_REMEMBERED_MAX {
                centers.clear();
            }
            centers.insert(case_id, center.clone());
        }
    }
}

/// Who is let in in this district.
fn admission(district: &District, master_key: &MasterKey) -> Admission {
    let obligatory =
        |role: &&Role| district.requires_second_factor && permission::needs_second_factor(**role);
    let obligatory_for = Role::ALL.iter().filter(obligatory).copied().collect();
    Admission { second_factors: SecondFactors::new(master_key, obligatory_for), scopes: SCOPES }
}

/// The state of a service's routes: a desk, and through it the accounts.
#[derive(Debug, Clone)]
pub struct DeskState(pub Arc<Desk>);

impl FromRef<DeskState> for Arc<Desk> {
    fn from_ref(state: &DeskState) -> Self {
        Arc::clone(&state.0)
    }
}

impl FromRef<DeskState> for Arc<Identity> {
    fn from_ref(state: &DeskState) -> Self {
        Arc::clone(&state.0.identity)
    }
}

/// A member of the staff as the rules see him.
#[must_use]
pub fn actor_of(staff: &Staff) -> Actor {
    Actor {
        username: staff.username.to_string(),
        role: staff.role,
        center: staff.center.clone(),
        department: staff.department.clone(),
    }
}
