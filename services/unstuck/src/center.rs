//! `center`: a center on a server of its own. It registers, takes what citizens bring, counts and closes days whether the line
//! to the district is up or not; a courier brings everything there.
//!
//! Invariants: the same services as in the district, over a bus of its own with streams of the same names, so that every tool
//! works here; what only the district decides is answered with that, and by nothing else; the accounts are the center's own.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::routing::{MethodFilter, on};
use desk::Desk;
use desk::service::ServiceParts;
use intake::line::{Courier, CourierConfig, Standing};
use projection::Projection;
use runtime::http::problem::DISTRICT_DECIDES;
use runtime::http::{Operation, Problem};
use runtime::nats_server::{DataLock, seeds_folder};
use runtime::private_files;
use runtime::seeds::{Seed, seed_file};
use runtime::shutdown;
use runtime::vault::base64url;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::bus::users::{IDENTITY, center_name};
use crate::bus::ways::{KeysOf, Ways};
use crate::bus::{ManagedBus, provision};
use crate::say;
use crate::settings::CenterOwn;
use crate::single::Service;
use crate::up::{VIEWS_FOLDER, how_to_begin};
use crate::watch::Watch;
use crate::wiring::{House, bind, open_desk};

/// The file by which the district tells this machine from another with the same join file.
const INSTANCE_FILE: &str = "instance";

/// Random bytes of a machine's name: no two are ever the same.
const INSTANCE_BYTES: usize = 12;

/// Runs until a signal comes or a task falls.
pub(crate) async fn run(settings: CenterOwn) -> anyhow::Result<()> {
    let shutdown = shutdown::signal().context("signals cannot be listened for")?;
    let listener = bind(settings.listen)?;
    std::fs::create_dir_all(&settings.data)
        .with_context(|| format!("{} cannot be made", settings.data.display()))?;
    let lock = DataLock::acquire(&settings.data)?;
    let leaf = settings.join.settle(&settings.data).context("the join file cannot be kept")?;
    // Its own user on its own bus has a seed of its own: that of the line opens the district's.
    let user = center_name(&settings.join.center);
    Seed::read_or_make(&seed_file(&seeds_folder(&settings.data), &user))?;
    let binary = settings.nats_server.as_deref();
    let starting = ManagedBus::start(&settings.data, binary, Some(leaf), shutdown.clone());
    let outcome = match shutdown.run_until_cancelled(starting).await {
        None => Ok(()),
        Some(bus) => {
            let bus = bus?;
            let outcome = serve(&settings, &bus.ways, listener, &shutdown).await;
            let stopped = bus.stop().await;
            outcome.and(stopped)
        }
    };
    drop(lock);
    outcome
}

async fn serve(
    settings: &CenterOwn,
    ways: &Ways,
    listener: TcpListener,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let Some(begun) = shutdown.run_until_cancelled(begin(settings, ways)).await else {
        return Ok(());
    };
    let (house, first_token) = begun?;
    let data = settings.data.clone();
    let on_ready = move |address: SocketAddr| {
        say(format_args!("Listening on http://{address}"));
        if let Some(token) = first_token {
            say(how_to_begin(address, &token, &data, false));
        }
    };
    house.run(listener, shutdown.clone(), on_ready).await
}

async fn begin(settings: &CenterOwn, ways: &Ways) -> anyhow::Result<(House, Option<String>)> {
    provision(ways, 1).await?;
    let lines = ways.lines(IDENTITY, KeysOf::Nobody).await?;
    let (district, clock) = (Arc::clone(&settings.district), Arc::clone(&settings.clock));
    let desk = open_desk(lines, district, clock, &settings.data).await?;
    let first_token = desk.first_account.invite().await?;
    let intake = intake_of(settings, &desk, ways).await?;
    let (projection, views) = projection_of(settings, &desk, ways).await?;
    let district = the_districts(&[&intake, &projection]);
    let trusted_proxies = settings.trusted_proxies.clone();
    let parts = vec![intake, projection, district];
    // The center's own user has no JetStream to be asked about; its line is the courier's to tell of.
    let user = center_name(&settings.join.center);
    let mut lines = ways.open_lines().await;
    lines.retain(|(name, _)| *name != user);
    let watch = Watch { lines: lines.into(), has_own_bus: true, data: settings.data.clone() };
    let house = House { desk, parts, views: Some(views), has_pages: true, trusted_proxies, watch };
    Ok((house, first_token))
}

async fn intake_of(
    settings: &CenterOwn,
    desk: &Arc<Desk>,
    ways: &Ways,
) -> anyhow::Result<ServiceParts> {
    let join = &settings.join;
    let user = Service::Intake.user();
    let own = desk.beside(&ways.lines(user, KeysOf::Keeper).await?).await?;
    let credential = join.credential();
    let standing = Standing::of(join.center.clone(), &settings.data, credential.public_key())
        .context("what the district said last cannot be read")?;
    let courier = Courier::open(CourierConfig {
        desk: Arc::clone(&own),
        logs: ways.line(user).await?,
        client: ways.line(&center_name(&join.center)).await?.client(),
        center: join.center.clone(),
        instance: instance_of(&settings.data)?,
        standing: Arc::clone(&standing),
        is_recovering: settings.is_recovering,
    })
    .await?;
    Ok(intake::at_center(&own, courier, standing))
}

async fn projection_of(
    settings: &CenterOwn,
    desk: &Arc<Desk>,
    ways: &Ways,
) -> anyhow::Result<(ServiceParts, Arc<Projection>)> {
    let views = settings.data.join(VIEWS_FOLDER);
    let (part, views) = Service::Projection.open(desk, ways, &views).await?;
    Ok((part, views.context("the service is the projection")?))
}

/// Every command of the house that is not served here, with the answer that the district decides it.
fn the_districts(served: &[&ServiceParts]) -> ServiceParts {
    let is_served = |wanted: &Operation| {
        served
            .iter()
            .flat_map(|part| &part.operations)
            .any(|one| one.path == wanted.path && one.method == wanted.method)
    };
    let services = [
        intake::operations(),
        routing::operations(),
        escalation::operations(),
        learning::operations(),
    ];
    let mut router = Router::new();
    for operation in services.into_iter().flatten().filter(|operation| !is_served(operation)) {
        let Ok(method) = MethodFilter::try_from(operation.method) else { continue };
        router = router.route(operation.path, on(method, district_decides));
    }
    ServiceParts {
        name: "district",
        router,
        operations: Vec::new(),
        ready: Vec::new(),
        tasks: Vec::new(),
    }
}

async fn district_decides() -> Problem {
    Problem::of(
        &DISTRICT_DECIDES,
        "此项由区里办理，请在线路畅通时登录区级系统 (the district decides this; sign in there when the line is up)",
    )
}

/// The name of this machine: drawn once for each data folder.
fn instance_of(data: &Path) -> anyhow::Result<String> {
    let path = data.join(INSTANCE_FILE);
    let mut bytes = [0_u8; INSTANCE_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let drawn = base64url::encode(&bytes);
    if !path.is_file() {
        private_files::make_once(&path, drawn.as_bytes())
            .with_context(|| format!("{} cannot be made", path.display()))?;
    }
    let name = std::fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(name.trim().to_owned())
}
