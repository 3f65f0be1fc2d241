//! The doors: every query of the contract, over the view and its index.
//!
//! Invariants: every answer says of when it is (`as_of`, `as_of_sequence`); a reader gets what the one table of
//! rights lets him open and nothing else; the public page of a receipt shows no person.

pub(crate) mod applicant;
mod blockages;
mod called;
mod case;
mod cases;
mod clocks;
mod consultations;
mod events;
mod figures;
mod guard;
mod heartbeat;
pub(crate) mod history;
mod learning;
mod live;
mod open311;
mod overview;
mod parameters;
mod quarantine;
mod receipt;
pub(crate) mod register;
mod rendered;
mod sentences;
mod similar;
mod state;
mod tables;
mod timeline;
mod trend;
mod words;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use casework::command::Actor;
use desk::{Desk, actor_of};
use proto_events::Timestamp;
use runtime::http::{Allowance, Operation, Problem};
use runtime::identity::{Identity, Staff};
use runtime::store::StoreError;
use runtime::vault::KeyRing;

use self::events::Followers;
use self::live::Feeds;
use self::rendered::Rendered;
use crate::centers::Centers;
use crate::core::Core;
use crate::figures::past::Past;
use crate::figures::refusals::Refusals;
use crate::learning::Learned;
use crate::lines::Lines;
use crate::quarantine::Quarantine;
use crate::register::Register;
use crate::similar::Similar;

/// How long a query waits for the view to include a version, at most.
const VERSION_WAIT_MAX: Duration = Duration::from_secs(2);

/// The type of answers that are put together by hand.
const JSON: &str = "application/json";

/// What the handlers stand on.
#[derive(Debug, Clone)]
pub(crate) struct Doors {
    pub(crate) core: Arc<Core>,
    pub(crate) centers: Arc<Centers>,
    pub(crate) learned: Arc<Learned>,
    pub(crate) similar: Arc<Similar>,
    pub(crate) lines: Arc<Lines>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) register: Register,
    /// The cases as they stood.
    pub(crate) past: Arc<Past>,
    pub(crate) refusals: Arc<Refusals>,
    feeds: Feeds,
    followers: Followers,
    open311: Arc<open311::Ids>,
    looks: Arc<Allowance>,
    pub(crate) keys: Arc<KeyRing>,
    rendered: Arc<Rendered>,
}

impl FromRef<Doors> for Arc<Identity> {
    fn from_ref(doors: &Doors) -> Self {
        Arc::clone(&doors.desk.identity)
    }
}

impl Doors {
    pub(crate) fn new(
        core: Arc<Core>,
        centers: Arc<Centers>,
        learned: Arc<Learned>,
        similar: Arc<Similar>,
        lines: Arc<Lines>,
        desk: Arc<Desk>,
    ) -> Self {
        let keys = KeyRing::new(desk.vault.clone());
        let rendered = Arc::new(Rendered::new(&core.district.rules));
        let register = Register::new(Arc::clone(&core), Arc::clone(&desk), Arc::clone(&keys));
        Self {
            core,
            centers,
            learned,
            similar,
            lines,
            desk,
            register,
            past: Arc::default(),
            refusals: Arc::default(),
            feeds: Feeds::default(),
            followers: Followers::default(),
            open311: Arc::default(),
            looks: Arc::new(receipt::looks()),
            keys,
            rendered,
        }
    }

    /// What nobody can read.
    pub(crate) fn quarantine(&self) -> Quarantine {
        let (core, centers) = (Arc::clone(&self.core), Arc::clone(&self.centers));
        Quarantine { core, centers, learned: Arc::clone(&self.learned) }
    }
}

/// The routes.
pub(crate) fn router(doors: Doors) -> Router {
    Router::new()
        .route("/v1/cases", get(cases::list))
        .route("/v1/cases/{id}/clocks", get(clocks::clocks))
        .route("/v1/cases/{id}/timeline", get(timeline::page))
        .route("/v1/overview", get(overview::overview))
        .route("/v1/returns", get(tables::returns))
        .route("/v1/blockages", get(blockages::blockages))
        .route("/v1/figures", get(figures::catalogue))
        .route("/v1/figures/{name}/cases", get(figures::cases))
        .route("/v1/centers", get(tables::centers))
        .route("/v1/consultations", get(consultations::consultations))
        .route("/v1/departments", get(tables::departments))
        .route("/v1/improvements", get(learning::improvements))
        .route("/v1/precedents", get(learning::precedents))
        .route("/v1/quarantine", get(quarantine::quarantine))
        .route("/v1/similar", get(similar::similar))
        .route("/v1/trend", get(trend::trend))
        .route_layer(from_fn_with_state(doors.clone(), guard::tagged))
        // These have tags of their own, or are told once.
        .route("/v1/cases/{id}", get(case::one))
        .route("/v1/receipts/{code}", get(receipt::page))
        .route("/v1/events", get(events::page))
        .route("/v1/register.csv", get(register::csv))
        .route("/v1/register.xlsx", get(register::xlsx))
        .route("/open311/v2/discovery.json", get(open311::discovery))
        .route("/open311/v2/discovery.xml", get(open311::discovery))
        .route("/open311/v2/services.json", get(open311::services))
        .route("/open311/v2/services.xml", get(open311::services))
        .route("/open311/v2/services/{code}", get(open311::service))
        .route("/open311/v2/requests.json", get(open311::requests))
        .route("/open311/v2/requests.xml", get(open311::requests))
        .route("/open311/v2/requests/{id}", get(open311::request))
        .route(live::ROUTE, get(live::feed))
        .route_layer(from_fn_with_state(doors.clone(), guard::whole))
        .route("/v1/lag", get(state::lag))
        .with_state(doors)
}

/// What the routes do, for OpenAPI.
pub fn operations() -> Vec<Operation> {
    let mut all = vec![
        cases::operation(),
        case::operation(),
        clocks::operation(),
        timeline::operation(),
        receipt::operation(),
        overview::operation(),
        blockages::operation(),
        figures::operation(),
        figures::operation_of_cases(),
        consultations::operation(),
        similar::operation(),
        quarantine::operation(),
        trend::operation(),
        state::operation(),
        live::operation(),
        events::operation(),
    ];
    all.extend(open311::operations());
    all.extend(register::operations());
    all.extend(tables::operations());
    all.extend(learning::operations());
    all
}

/// Of when an answer is.
#[derive(Debug, Clone, Copy)]
struct AsOf {
    at: Timestamp,
    sequence: u64,
}

impl AsOf {
    fn now(core: &Core) -> Self {
        Self { at: core.now(), sequence: core.sequence() }
    }
}

/// Waits until the view includes `min_version`, at most two seconds, and says of when the answer will be.
async fn fresh(core: &Core, min_version: Option<u64>) -> AsOf {
    if let Some(version) = min_version.filter(|version| *version > core.sequence()) {
        let mut applied = core.applied();
        let included = applied.wait_for(|sequence| *sequence >= version);
        let _ = tokio::time::timeout(VERSION_WAIT_MAX, included).await;
    }
    AsOf::now(core)
}

/// Waits until the view of the centers includes a version, at most two seconds; gives the sequence that it has come to.
async fn fresh_centers(centers: &Centers, min_version: Option<u64>) -> u64 {
    if let Some(version) = min_version.filter(|version| *version > centers.sequence()) {
        let mut applied = centers.applied();
        let included = applied.wait_for(|sequence| *sequence >= version);
        let _ = tokio::time::timeout(VERSION_WAIT_MAX, included).await;
    }
    centers.sequence()
}

/// Looks a second time before "not found" is said: whoever has just opened a case finds it, because the view is
/// first waited for to come to where the stream ended when it was asked. A view that does not come there cannot say that
/// there is no such case, and asks to come again.
async fn find<T>(core: &Core, look: impl Fn() -> Result<T, Problem>) -> Result<T, Problem> {
    match look() {
        Err(problem) if problem.status == StatusCode::NOT_FOUND => {}
        found => return found,
    }
    let reached = match core.log.head().await {
        Ok(head) => fresh(core, Some(head.last_sequence)).await.sequence >= head.last_sequence,
        Err(_) => false,
    };
    match look() {
        Err(problem) if problem.status == StatusCode::NOT_FOUND && !reached => {
            Err(Problem::busy("the view is behind the stream; try again soon"))
        }
        found => found,
    }
}

/// The person as the rules see him.
fn actor(staff: &Staff) -> Actor {
    actor_of(staff)
}

/// A broken store, as the caller sees it.
fn broken(error: StoreError) -> Problem {
    tracing::error!(error = &error as &dyn std::error::Error, "the view could not be read");
    Problem::unavailable("the view cannot be read; an operator has been told")
}

#[cfg(test)]
mod tests;
