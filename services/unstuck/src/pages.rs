//! The pages alone, on an API that runs elsewhere.
//!
//! Invariant: neither bus nor views nor keys are near; what the pages show, they asked the API for.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use portal::PortalConfig;
use runtime::clock::SystemClock;
use runtime::http::{Hops, Kit, health_routes, kit_layers, openapi, serve};
use runtime::metrics::Metrics;
use runtime::shutdown;
use runtime::supervisor::Supervisor;

use crate::say;
use crate::settings::Pages;
use crate::watch::{Watch, ready_at};
use crate::wiring::bind;

/// Runs until a signal comes.
pub(crate) async fn run(settings: Pages) -> anyhow::Result<()> {
    let shutdown = shutdown::signal().context("signals cannot be listened for")?;
    let listener = bind(settings.listen)?;
    let address = listener.local_addr().context("the listener has no address")?;
    let config =
        PortalConfig { api_url: settings.api_url, pages_key: None, clock: Arc::new(SystemClock) };
    let (pages, ready) = portal::open_alone(config).context("the pages cannot be opened")?;
    let metrics = Metrics::new();
    // The API describes itself; the pages alone have none.
    let document = openapi("Unstuck (办得成)", env!("CARGO_PKG_VERSION"), &[], &[]);
    let router = pages.merge(health_routes(vec![ready], metrics.clone(), &document));
    let supervisor = Supervisor::of_environment();
    let watch = Watch { lines: Arc::default(), has_own_bus: false, data: PathBuf::from("/") };
    let living = watch.live(supervisor.clone(), address, shutdown.clone());
    supervisor.ready(ready_at(address));
    say(format_args!("Listening on http://{address}"));
    let kit = Kit::new(metrics).with_hops(Hops::new(settings.trusted_proxies, None));
    let serving = serve(listener, kit_layers(router, kit), shutdown);
    let (served, ()) = tokio::join!(serving, living);
    supervisor.stopping();
    served.context("http")
}
