//! One service: how it comes onto the bus, and how it runs alone on one that runs elsewhere.
//!
//! Invariant: alone it has the same wiring as in `up`, with the routes of one service and those of the session.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use desk::Desk;
use desk::service::ServiceParts;
use projection::Projection;
use runtime::clock::SystemClock;
use runtime::http::ReadyCheck;
use runtime::nats_server::DataLock;
use runtime::{shutdown, vault};

use crate::bus::ways::{KeysOf, Ways};
use crate::bus::{provision, users};
use crate::say;
use crate::settings::Single;
use crate::up::VIEWS_FOLDER;
use crate::watch::Watch;
use crate::wiring::{House, bind, claim, of_custody, open_desk};

/// Which service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Intake,
    Routing,
    Escalation,
    Learning,
    Projection,
}

impl Service {
    /// All of them, in the order in which they start.
    pub(crate) const ALL: [Self; 5] =
        [Self::Intake, Self::Routing, Self::Escalation, Self::Learning, Self::Projection];

    /// The user as which it comes onto the bus.
    pub(crate) const fn user(self) -> &'static str {
        match self {
            Self::Intake => users::INTAKE,
            Self::Routing => users::ROUTING,
            Self::Escalation => users::ESCALATION,
            Self::Learning => users::LEARNING,
            Self::Projection => users::PROJECTION,
        }
    }

    const fn keys(self) -> KeysOf {
        match self {
            Self::Intake => KeysOf::Keeper,
            Self::Learning | Self::Projection => KeysOf::Reader,
            Self::Routing | Self::Escalation => KeysOf::Nobody,
        }
    }

    /// The users whose seeds its process has to have.
    pub(crate) fn users(self) -> Vec<&'static str> {
        [self.user(), users::IDENTITY].into_iter().chain(self.keys().user()).collect()
    }

    /// Opens it on a desk of its own, beside that of the process; with the views, when it is the projection.
    pub(crate) async fn open(
        self,
        beside: &Desk,
        ways: &Ways,
        views: &Path,
    ) -> anyhow::Result<(ServiceParts, Option<Arc<Projection>>)> {
        let desk = beside.beside(&ways.lines(self.user(), self.keys()).await?).await?;
        if self.keys() != KeysOf::Nobody {
            vault::hold_against_keys(&desk.vault).await.map_err(of_custody)?;
        }
        if self.keys() == KeysOf::Keeper {
            let leftovers = desk.vault.overwrite_leftovers().await?;
            tracing::debug!(leftovers, "no key that was destroyed or wrapped anew stands any more");
        }
        let keys = self.keys_check(&desk);
        let (mut part, views) = match self {
            Self::Intake => (intake::service(&desk), None),
            Self::Routing => (routing::service(&desk), None),
            Self::Escalation => (escalation::service(&desk), None),
            Self::Learning => (learning::service(&desk), None),
            Self::Projection => {
                let (part, views) = projection::open(desk, views).await?;
                (part, Some(views))
            }
        };
        part.ready.extend(keys);
        Ok((part, views))
    }

    /// Whether the keys of cases can be asked, and stand under the master key that is here; for a service that needs them.
    fn keys_check(self, desk: &Arc<Desk>) -> Option<ReadyCheck> {
        let name = match self {
            Self::Intake => "keys of cases for intake",
            Self::Learning => "keys of cases for learning",
            Self::Projection => "keys of cases for projection",
            Self::Routing | Self::Escalation => return None,
        };
        let desk = Arc::clone(desk);
        Some(ReadyCheck::new(name, move || {
            let desk = Arc::clone(&desk);
            async move {
                let held = vault::hold_against_keys(&desk.vault).await;
                held.map_err(|error| format!("{:#}", anyhow::Error::from(error)))
            }
        }))
    }
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
    let ways = Ways::to_remote(settings.remote_bus);
    provision(&ways, settings.replicas).await?;
    let lines = ways.lines(users::IDENTITY, KeysOf::Nobody).await?;
    let desk = open_desk(lines, settings.district, Arc::new(SystemClock), &settings.data).await?;
    claim(&desk, &settings.data).await?;
    let (part, views) = service.open(&desk, &ways, &settings.data.join(VIEWS_FOLDER)).await?;
    let trusted_proxies = settings.trusted_proxies;
    let watch =
        Watch { lines: ways.open_lines().await.into(), has_own_bus: false, data: settings.data };
    let parts = vec![part];
    let house = House { desk, parts, views, has_pages: false, trusted_proxies, watch };
    let on_ready = |address| say(format_args!("Listening on http://{address}"));
    house.run(listener, shutdown, on_ready).await
}
