//! One service alone, on a bus that runs elsewhere.
//!
//! Invariant: the same wiring as `up`, with the routes of one service and those of the session.

use std::sync::Arc;

use anyhow::Context as _;
use runtime::clock::SystemClock;
use runtime::nats_server::DataLock;
use runtime::{shutdown, streams};

use crate::bus::provision;
use crate::say;
use crate::settings::Single;
use crate::up::VIEWS_FOLDER;
use crate::wiring::{House, bind, open_desk};

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Intake,
    Routing,
    Escalation,
    Learning,
    Projection,
}

/// Runs until a signal comes or a task falls.
pub(crate) async fn run(service: Service, settings: Single) -> anyhow::Result<()> {
    let shutdown = shutdown::signal().context("signals cannot be listened for")?;
    let listener = bind(settings.listen)?;
    // Only the projection has something in the folder that must have one owner.
    let _lock = match service {
        Service::Projection => Some(DataLock::acquire(&settings.data)?),
        _ => None,
    };
    let js = streams::connect(&settings.nats_url, "unstuck").await?;
    provision(&js, settings.replicas).await?;
    let district = Arc::clone(&settings.district);
    let desk = open_desk(js, district, Arc::new(SystemClock), &settings.data).await?;
    let (part, views) = match service {
        Service::Intake => (intake::service(&desk), None),
        Service::Routing => (routing::service(&desk), None),
        Service::Escalation => (escalation::service(&desk), None),
        Service::Learning => (learning::service(&desk), None),
        Service::Projection => {
            let folder = settings.data.join(VIEWS_FOLDER);
            let (part, views) = projection::open(Arc::clone(&desk), &folder).await?;
            (part, Some(views))
        }
    };
    let trusted_proxies = settings.trusted_proxies;
    let house = House { desk, parts: vec![part], views, has_pages: false, trusted_proxies };
    let on_ready = |address| say(format_args!("Listening on http://{address}"));
    house.run(listener, shutdown, on_ready).await
}
