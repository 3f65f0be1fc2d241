//! `up`: everything in one process, the pages on the address of the API.
//!
//! Invariants: the address and the folder are taken before anything is started; the history of a demo stands
//! before any reaction looks at it; whatever happens, the nats-server that was started here is stopped.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use desk::Desk;
use desk::service::ServiceParts;
use projection::Projection;
use runtime::identity::FIRST_LINK_HOURS;
use runtime::nats_server::DataLock;
use runtime::shutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::bus::users::{IDENTITY, OPERATOR};
use crate::bus::ways::{KeysOf, Ways};
use crate::bus::{ManagedBus, provision};
use crate::settings::Up;
use crate::single::Service;
use crate::watch::Watch;
use crate::wiring::{House, bind, claim, open_desk};
use crate::{demo, say};

/// The folder of the views in the data folder.
pub(crate) const VIEWS_FOLDER: &str = "views";

/// Runs until a signal comes or a task falls.
pub(crate) async fn run(settings: Up) -> anyhow::Result<()> {
    let shutdown = shutdown::signal().context("signals cannot be listened for")?;
    let listener = bind(settings.listen)?;
    let lock = DataLock::acquire(&settings.data)?;
    let outcome = match &settings.remote_bus {
        Some(bus) => serve(&settings, &Ways::to_remote(bus.clone()), listener, &shutdown).await,
        None => {
            let binary = settings.nats_server.as_deref();
            let leaf = settings.leaf.clone();
            let starting = ManagedBus::start(&settings.data, binary, leaf, shutdown.clone());
            match shutdown.run_until_cancelled(starting).await {
                None => Ok(()),
                Some(bus) => {
                    let bus = bus?;
                    let outcome = serve(&settings, &bus.ways, listener, &shutdown).await;
                    let stopped = bus.stop().await;
                    outcome.and(stopped)
                }
            }
        }
    };
    drop(lock);
    outcome
}

async fn serve(
    settings: &Up,
    ways: &Ways,
    listener: TcpListener,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    // A signal during the start ends it where it is: everything that was begun goes on at the next start.
    let Some(begun) = shutdown.run_until_cancelled(begin(settings, ways)).await else {
        return Ok(());
    };
    let Begun { house, demo_password, first_token } = begun?;
    let data = settings.data.clone();
    let is_remote = settings.remote_bus.is_some();
    let on_ready = move |address: SocketAddr| {
        say(format_args!("Listening on http://{address}"));
        if let Some(password) = demo_password {
            demo::accounts::introduce(&password);
        } else if let Some(token) = first_token {
            say(how_to_begin(address, &token, &data, is_remote));
        }
    };
    house.run(listener, shutdown.clone(), on_ready).await
}

struct Begun {
    house: House,
    demo_password: Option<String>,
    /// Lets the first person in, while there is no account.
    first_token: Option<String>,
}

async fn begin(settings: &Up, ways: &Ways) -> anyhow::Result<Begun> {
    provision(ways, settings.replicas).await?;
    let lines = ways.lines(IDENTITY, KeysOf::Nobody).await?;
    let (district, clock) = (Arc::clone(&settings.district), Arc::clone(&settings.clock));
    let desk = open_desk(lines, district, clock, &settings.data).await?;
    if settings.remote_bus.is_some() {
        claim(&desk, &settings.data).await?;
    }
    let demo_password = match settings.demo {
        true => {
            let teller = desk.beside(&ways.lines(OPERATOR, KeysOf::Keeper).await?).await?;
            Some(demo::prepare(&teller, &settings.data).await?)
        }
        false => None,
    };
    let first_token = desk.first_account.invite().await?;
    let (parts, views) = all_services(&desk, ways, &settings.data.join(VIEWS_FOLDER)).await?;
    let trusted_proxies = settings.trusted_proxies.clone();
    let watch = Watch {
        lines: ways.open_lines().await.into(),
        has_own_bus: settings.remote_bus.is_none(),
        data: settings.data.clone(),
    };
    let house = House { desk, parts, views: Some(views), has_pages: true, trusted_proxies, watch };
    Ok(Begun { house, demo_password, first_token })
}

/// All services, each on a desk of its own beside the given one, and the views.
async fn all_services(
    desk: &Arc<Desk>,
    ways: &Ways,
    views: &Path,
) -> anyhow::Result<(Vec<ServiceParts>, Arc<Projection>)> {
    let mut parts = Vec::new();
    let mut projection = None;
    for service in Service::ALL {
        let (part, opened) = service.open(desk, ways, views).await?;
        parts.push(part);
        projection = projection.or(opened);
    }
    Ok((parts, projection.context("one of the services is the projection")?))
}

/// Says how the first person gets in.
///
/// The token stands behind `#`, the part of an address that a browser keeps to itself: it comes into no access log of
/// ours or of a proxy and into no `Referer`. A page without script asks for it in a field instead.
pub(crate) fn how_to_begin(
    address: SocketAddr,
    token: &str,
    data: &Path,
    is_remote: bool,
) -> String {
    let place = match is_remote {
        true => "--nats-url URL".to_owned(),
        false => format!("--data {}", data.display()),
    };
    format!(
        "There is no account yet. Make the first, an administrator, within {FIRST_LINK_HOURS} hours at:\n  \
         http://{address}/first-run#{token}\n\
         The link works once; a new start prints a new one. Or add an account here:\n  \
         unstuck staff add {place} --username NAME --name \"REAL NAME\" --role admin --password-stdin"
    )
}
