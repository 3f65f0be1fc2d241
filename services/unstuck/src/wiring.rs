//! How the parts come together: a desk on a bus, services on a desk, one router over all, tasks until the end.
//!
//! Invariant: `Listening on …` is said once every readiness check has passed, not before.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use desk::problem::rule_problems;
use desk::service::{BoxError, ServiceParts};
use desk::{Desk, DeskConfig, DeskState, District, Lines, foyer};
use portal::{ApiUrl, PortalConfig};
use projection::Projection;
use runtime::clock::SharedClock;
use runtime::http::{
    Hops, Kit, Operation, PagesKey, ProblemEntry, ReadyCheck, TrustedProxies, health_operations,
    health_routes, kit_layers, openapi, problem_pages, problems, serve,
};
use runtime::identity::{session_operations, session_routes};
use runtime::metrics::Metrics;
use runtime::settings::{Fault, Faults};
use runtime::shutdown::{Fallen, TaskSet};
use runtime::supervisor::Supervisor;
use runtime::vault::{self, CustodyError};
use serde_json::Value;
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::progress::Progress;
use crate::settings::MASTER_KEY_FILE;
use crate::watch::{Watch, end_of, ready_at};

/// How long the tasks may take to end; requests under way get ten seconds of it.
const STOP_TIME_MAX: Duration = Duration::from_secs(14);

/// How often the checks are looked at before the first word.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How much longer a start may take that has just said what it waits for.
const START_TIME_MORE: Duration = Duration::from_secs(60);

/// How often the log and the supervisor hear what the start waits for.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Bytes that the system holds for a caller who does not take them, before the line counts as silent; the system
/// itself would hold four megabytes. On a line of 10 ms some 20 MB a second still go through.
const SEND_BYTES_MAX: u32 = 128 * 1024;

/// How long before its end the published calendar is a concern, in days: the notice of a year comes in November.
pub(crate) const CALENDAR_WARNING_DAYS: i64 = 45;

/// Connections that wait to be taken: a thousand browsers that come back at once after a restart.
const WAITING_MAX: u32 = 1024;

/// Takes the address before anything else is started.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    listener(address).with_context(|| format!("cannot listen on {address}"))
}

fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // On Windows it would let another program take the same address.
    if cfg!(unix) {
        socket.set_reuseaddr(true)?;
    }
    // Each connection inherits it.
    socket.set_send_buffer_size(SEND_BYTES_MAX)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

/// Opens the desk on a bus whose streams stand.
pub(crate) async fn open_desk(
    lines: Lines,
    district: Arc<District>,
    clock: SharedClock,
    data: &Path,
) -> anyhow::Result<Arc<Desk>> {
    let path = data.join(MASTER_KEY_FILE);
    let master_key = vault::of_site(&lines.identity, &path).await.map_err(of_custody)?;
    tracing::info!(fingerprint = master_key.fingerprint(), "the master key is there");
    let metrics = Metrics::new();
    let has_keys = lines.keys.is_some();
    let desk = Desk::open(DeskConfig { lines, district, clock, master_key, metrics }).await?;
    if has_keys {
        vault::hold_against_keys(&desk.vault).await.map_err(of_custody)?;
    }
    Ok(desk)
}

/// Claims a bus of the site's own, on which other processes may start at this moment, for the key of this one.
pub(crate) async fn claim(desk: &Desk, data: &Path) -> anyhow::Result<()> {
    let Some(js) = &desk.js else { return Ok(()) };
    let (key, path) = (desk.vault.master(), data.join(MASTER_KEY_FILE));
    let district = &desk.district.rules.district;
    vault::claim(js, key, &path, district, desk.clock.now()).await.map_err(of_custody)
}

/// A master key that is lost or wrong is a fault of the settings.
pub(crate) fn of_custody(error: CustodyError) -> anyhow::Error {
    if !error.is_of_the_settings() {
        return error.into();
    }
    let problem = format!("{:#}", anyhow::Error::from(error));
    Faults(vec![Fault { setting: MASTER_KEY_FILE.to_owned(), problem }]).into()
}

/// All that a process runs.
pub(crate) struct House {
    /// The desk of what every process serves: accounts, sessions, drafts, the audit.
    pub(crate) desk: Arc<Desk>,
    pub(crate) parts: Vec<ServiceParts>,
    /// The views, when they are in this process.
    pub(crate) views: Option<Arc<Projection>>,
    /// Whether the pages are served on the same address.
    pub(crate) has_pages: bool,
    /// Who says truly for whom he asks.
    pub(crate) trusted_proxies: TrustedProxies,
    /// What the process watches of itself.
    pub(crate) watch: Watch,
}

impl House {
    /// Serves until `shutdown`, or until a task falls. `on_ready` is called once everything answers.
    pub(crate) async fn run(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
        on_ready: impl FnOnce(SocketAddr) + Send + 'static,
    ) -> anyhow::Result<()> {
        let Self { desk, mut parts, views, has_pages, trusted_proxies, watch } = self;
        let address = listener.local_addr().context("the listener has no address")?;
        let mut tasks = TaskSet::new(shutdown.clone());
        for task in parts.iter_mut().flat_map(|part| part.tasks.drain(..)) {
            tasks.spawn(task.name, (task.run)(shutdown.clone()));
        }
        tasks.spawn("identity", Arc::clone(&desk.identity).watch(shutdown.clone()));
        desk.metrics.calendar_end(end_of(&desk.district.rules.calendar));
        let supervisor = Supervisor::of_environment();
        let watching = watch.clone().run(desk.metrics.clone(), shutdown.clone());
        let living = watch.live(supervisor.clone(), address, shutdown.clone());
        tasks.spawn("watch", async move {
            tokio::join!(watching, living);
            Ok::<_, BoxError>(())
        });
        let checks = ready_checks(&desk, &mut parts);
        let pages_key = has_pages.then(PagesKey::random).flatten();
        let pages = has_pages.then(|| pages_of(address, &desk, pages_key.clone())).transpose()?;
        let hops = Hops::new(trusted_proxies, pages_key);
        let router = router(&desk, parts, checks.clone(), pages, hops)?;
        tasks.spawn("http", serve(listener, router, shutdown.clone()));
        tasks.spawn("announcement", async move {
            let ready = all_ready(&checks, views.as_deref(), &supervisor);
            if shutdown.run_until_cancelled(ready).await.is_some() {
                supervisor.ready(ready_at(address));
                on_ready(address);
                shutdown.cancelled().await;
            }
            supervisor.stopping();
            Ok::<_, BoxError>(())
        });
        // A task that was cut at the end has been logged; what matters stands in the log of the bus.
        let fallen = tasks.run(STOP_TIME_MAX).await;
        match fallen.into_iter().find(|fall| !matches!(fall, Fallen::Late { .. })) {
            None => Ok(()),
            Some(fall) => Err(anyhow::anyhow!("{fall}")),
        }
    }
}

/// The pages, on top of the API that this process serves.
fn pages_of(
    address: SocketAddr,
    desk: &Desk,
    pages_key: Option<PagesKey>,
) -> anyhow::Result<Router> {
    let api_url = ApiUrl::of_listener(address);
    let clock = Arc::clone(&desk.clock);
    portal::open(PortalConfig { api_url, pages_key, clock }).context("the pages cannot be opened")
}

fn ready_checks(desk: &Arc<Desk>, parts: &mut [ServiceParts]) -> Vec<ReadyCheck> {
    let bus = desk.js.clone().map(|js| {
        ReadyCheck::new("bus", move || {
            let js = js.clone();
            async move {
                js.query_account()
                    .await
                    .map(|_| ())
                    .map_err(|_| "the bus does not answer".to_owned())
            }
        })
    });
    let calendar = calendar_check(desk);
    let of_parts = parts.iter_mut().flat_map(|part| part.ready.drain(..));
    bus.into_iter().chain([calendar]).chain(of_parts).collect()
}

/// A calendar that has ended makes promises provisional, which is a matter for a person; it must not close the house on
/// New Year's day.
fn calendar_check(desk: &Arc<Desk>) -> ReadyCheck {
    let desk = Arc::clone(desk);
    ReadyCheck::noting("calendar", move || {
        let calendar = &desk.district.rules.calendar;
        let today = calendar.date_of(desk.now());
        let left = (calendar.published_to() - today).num_days();
        (left <= CALENDAR_WARNING_DAYS).then(|| {
            let (end, version) = (calendar.published_to(), calendar.version());
            format!(
                "the working calendar {version} ends on {end}; promises beyond it are provisional"
            )
        })
    })
}

async fn all_ready(checks: &[ReadyCheck], views: Option<&Projection>, supervisor: &Supervisor) {
    let mut said = Instant::now();
    let mut told: Option<Instant> = None;
    let mut progress = Progress::of("Building the views");
    loop {
        let mut waits_for = None;
        for check in checks {
            if let Err(detail) = check.run().await {
                waits_for = Some((check.name(), detail));
                break;
            }
        }
        let Some((check, detail)) = waits_for else { return };
        if told.is_none_or(|told| told.elapsed() > SAY_EVERY) {
            told = Some(Instant::now());
            supervisor.starting(format_args!("waits for {check}: {detail}"), START_TIME_MORE);
        }
        if let Some((reached, goal)) = views.and_then(Projection::building) {
            progress.step(reached, goal);
            said = Instant::now();
        } else if said.elapsed() > SAY_EVERY {
            tracing::warn!(check, detail, "the start waits");
            said = Instant::now();
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The kit's problems and the rules'.
fn catalogue() -> Vec<ProblemEntry> {
    problems().iter().copied().chain(rule_problems()).collect()
}

/// The OpenAPI document of these operations, with those that every process has.
pub(crate) fn document(operations: impl IntoIterator<Item = Operation>) -> Value {
    let everywhere =
        session_operations().into_iter().chain(foyer::operations()).chain(health_operations());
    let operations: Vec<Operation> = everywhere.chain(operations).collect();
    openapi("Unstuck (办得成)", env!("CARGO_PKG_VERSION"), &operations, &catalogue())
}

fn router(
    desk: &Arc<Desk>,
    parts: Vec<ServiceParts>,
    checks: Vec<ReadyCheck>,
    pages: Option<Router>,
    hops: Hops,
) -> anyhow::Result<Router> {
    let (elsewhere, operations) = sign_in_elsewhere(desk)?;
    let operations = operations.into_iter();
    let document =
        document(operations.chain(parts.iter().flat_map(|part| part.operations.iter().cloned())));
    let sessions = session_routes().with_state(DeskState(Arc::clone(desk)));
    let fixed = Router::new()
        .merge(sessions)
        .merge(elsewhere)
        .merge(foyer::routes(desk))
        .merge(problem_pages(rule_problems()))
        .merge(health_routes(checks, desk.metrics.clone(), &document));
    let router = parts.into_iter().fold(fixed, |router, part| router.merge(part.router));
    let router = pages.into_iter().fold(router, Router::merge);
    Ok(kit_layers(router, Kit::new(desk.metrics.clone()).with_hops(hops)))
}

/// Sign-in with the identity provider of the district, when it has one and this program can.
fn sign_in_elsewhere(desk: &Arc<Desk>) -> anyhow::Result<(Router, Vec<Operation>)> {
    #[cfg(feature = "oidc")]
    if let Some(settings) = desk.district.oidc.clone() {
        let provider = oidc::Provider::new(settings, desk)
            .context("the way to the identity provider cannot be opened")?;
        return Ok((oidc::routes(provider), oidc::operations()));
    }
    let _ = desk;
    Ok((Router::new(), Vec::new()))
}
