//! The bus: the managed one of a data folder, kept running, or one that runs elsewhere.
//!
//! Invariants: a managed server is started only by whoever holds the folder's lock, and ends with him; a tool
//! beside a running `up` uses the bus that stands in the folder; whoever comes, comes as the user whose rights fit
//! what he does ([`users`]).

mod disk;
pub(crate) mod users;
pub(crate) mod ways;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::jetstream;
use desk::Lines;
use runtime::nats_server::{BusAddress, DataLock, Leaf, LockError, NatsServer, NatsServerConfig};
use runtime::streams::{self, Provision};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::settings::Place;
use disk::Disk;
use users::{OPERATOR, PROVISIONER};
use ways::{KeysOf, Ways};

/// Starts again after unexpected ends that come close together; more means that a person has to look.
const RESTARTS_MAX: u32 = 5;

/// After this long without an unexpected end, the count begins anew.
const CALM: Duration = Duration::from_secs(10 * 60);

/// How often the seeds of centers are looked for: whoever has enrolled one waits for it.
const LOOK_FOR_CENTERS_EVERY: Duration = Duration::from_millis(500);

/// How long a tool waits for the bus of an `up` that is just starting.
const BUS_WAIT_MAX: Duration = Duration::from_secs(30);

/// A managed server under supervision.
pub(crate) struct ManagedBus {
    pub(crate) ways: Ways,
    stop: CancellationToken,
    supervisor: JoinHandle<anyhow::Result<()>>,
}

impl ManagedBus {
    /// Starts the server of a data folder, whose lock the caller holds, tied to others as `leaf` says. When the server cannot
    /// be kept running, `shutdown` is cancelled.
    pub(crate) async fn start(
        data: &Path,
        binary: Option<&Path>,
        leaf: Option<Leaf>,
        shutdown: CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut config = NatsServerConfig { leaf, ..config(data, binary) };
        let server = NatsServer::start(config.clone()).await?;
        let address = server.address();
        tracing::info!(
            url = server.url(),
            version = address.server_version,
            adopted = server.was_adopted(),
            "nats-server runs"
        );
        // Clients find it again only where it was.
        config.port = Some(address.port);
        let ways = Ways::to_managed(address.clone(), data.to_owned());
        let stop = CancellationToken::new();
        let supervisor = tokio::spawn(supervise(server, config, stop.clone(), shutdown));
        Ok(Self { ways, stop, supervisor })
    }

    /// Closes the lines to the server, then stops it.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.ways.close().await;
        self.stop.cancel();
        self.supervisor.await.context("the supervisor of nats-server fell")?
    }
}

fn config(data: &Path, binary: Option<&Path>) -> NatsServerConfig {
    NatsServerConfig {
        data: data.to_owned(),
        binary: binary.map(Path::to_owned),
        port: None,
        sync_always: true,
        users: users::of_folder(data),
        leaf: None,
    }
}

/// Why the server is started anew.
enum End {
    ByItself(String),
    DiskHasRoom,
}

/// Waits until the server has to be started anew.
async fn end(server: &mut NatsServer, config: &mut NatsServerConfig, disk: &Disk) -> End {
    tokio::select! {
        how = ended(server, config) => End::ByItself(how),
        () = disk.has_room_again() => End::DiskHasRoom,
    }
}

async fn supervise(
    mut server: NatsServer,
    mut config: NatsServerConfig,
    stop: CancellationToken,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let mut restarts = 0;
    let mut running_since = Instant::now();
    let disk = Disk::of(&config.data);
    while let Some(end) = stop.run_until_cancelled(end(&mut server, &mut config, &disk)).await {
        if running_since.elapsed() > CALM {
            restarts = 0;
        }
        match end {
            End::ByItself(how) => tracing::error!(how, "nats-server ended by itself"),
            End::DiskHasRoom => {
                tracing::warn!("the disk was full and has room again; nats-server is started anew");
                server.stop().await?;
            }
        }
        server = loop {
            restarts += 1;
            if restarts > RESTARTS_MAX {
                shutdown.cancel();
                bail!(
                    "nats-server ended {RESTARTS_MAX} times; its log is in {}",
                    config.data.join("bus").display()
                );
            }
            let pause = Duration::from_millis(250) * 2_u32.pow(restarts - 1);
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Ok(());
            }
            match NatsServer::start(config.clone()).await {
                Ok(next) => break next,
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    restarts,
                    "nats-server could not be started again"
                ),
            }
        };
        running_since = Instant::now();
        tracing::warn!(restarts, "nats-server was started again");
    }
    server.stop().await?;
    Ok(())
}

/// Waits until the server ends by itself; meanwhile it lets in who was enrolled, and nobody who was revoked.
async fn ended(server: &mut NatsServer, config: &mut NatsServerConfig) -> String {
    let mut looks = tokio::time::interval(LOOK_FOR_CENTERS_EVERY);
    loop {
        tokio::select! {
            biased;
            how = server.watch() => return how,
            _ = looks.tick() => {}
        }
        config.users = users::of_folder(&config.data);
        if let Err(error) = server.let_in(config).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, "the bus could not be told who may come; again");
        }
    }
}

/// Makes what is missing on the bus, and warns of what is other than this version makes it. Who may not make anything
/// finds what is there.
pub(crate) async fn provision(ways: &Ways, replicas: usize) -> anyhow::Result<()> {
    if !ways.knows(PROVISIONER) {
        tracing::info!(
            "the streams are made by somebody else: there is no seed of {PROVISIONER} here"
        );
        return Ok(());
    }
    let line = ways.line(PROVISIONER).await?;
    for drift in streams::provision(&line, &Provision { replicas }).await? {
        tracing::warn!(
            stream = drift.stream,
            field = drift.field,
            expected = drift.expected,
            found = drift.found,
            "a stream is not as this version makes it; it is left as it is"
        );
    }
    Ok(())
}

/// The bus of a tool.
pub(crate) struct ToolBus {
    /// The operator's line: events and accounts, no sessions and no keys.
    pub(crate) js: jetstream::Context,
    /// The ways of the other users, for a tool that does their work.
    pub(crate) ways: Ways,
    /// Whether the tool has the data folder for itself.
    pub(crate) is_alone: bool,
    own: Option<(NatsServer, DataLock)>,
}

impl ToolBus {
    /// Connects to the named bus, to that of the running `up`, or to one that is started for the tool.
    pub(crate) async fn open(place: &Place) -> anyhow::Result<Self> {
        let bus = Self::open_as_it_is(place).await?;
        if place.remote_bus.is_none() {
            provision(&bus.ways, 1).await?;
        }
        Ok(bus)
    }

    /// As [`ToolBus::open`], and nothing that is missing is made.
    pub(crate) async fn open_as_it_is(place: &Place) -> anyhow::Result<Self> {
        if let Some(bus) = &place.remote_bus {
            return Self::over(Ways::to_remote(bus.clone()), false, None).await;
        }
        match DataLock::acquire(&place.data) {
            Ok(lock) => {
                let config = config(&place.data, place.nats_server.as_deref());
                let server = NatsServer::start(config).await?;
                let ways = Ways::to_managed(server.address().clone(), place.data.clone());
                Self::over(ways, true, Some((server, lock))).await
            }
            Err(LockError::InUse { .. }) => {
                let address = bus_of_another(&place.data).await?;
                let ways = Ways::to_managed(address, place.data.clone());
                Self::over(ways, false, None).await
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn over(
        ways: Ways,
        is_alone: bool,
        own: Option<(NatsServer, DataLock)>,
    ) -> anyhow::Result<Self> {
        Ok(Self { js: ways.line(OPERATOR).await?, ways, is_alone, own })
    }

    /// The operator's lines, for a tool that writes history: he makes and destroys keys as intake does.
    pub(crate) async fn lines(&self) -> anyhow::Result<Lines> {
        self.ways.lines(OPERATOR, KeysOf::Keeper).await
    }

    /// The client, for questions that are none of JetStream's.
    pub(crate) fn client(&self) -> async_nats::Client {
        self.js.client()
    }

    /// Ends what was started for the tool.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.ways.close().await;
        if let Some((server, lock)) = self.own {
            server.stop().await?;
            drop(lock);
        }
        Ok(())
    }
}

/// Does something on the bus of a place and closes it again, whatever came of it.
pub(crate) async fn on_bus<T>(
    place: &Place,
    work: impl AsyncFnOnce(&ToolBus) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_bus(ToolBus::open(place).await?, work).await
}

/// Looks at the bus of a place and closes it again; nothing that is missing is made.
pub(crate) async fn on_bus_as_it_is<T>(
    place: &Place,
    work: impl AsyncFnOnce(&ToolBus) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    with_bus(ToolBus::open_as_it_is(place).await?, work).await
}

async fn with_bus<T>(
    bus: ToolBus,
    work: impl AsyncFnOnce(&ToolBus) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let outcome = work(&bus).await;
    let closed = bus.close().await;
    let value = outcome?;
    closed?;
    Ok(value)
}

/// Says that there is nothing to look at, before an empty bus is started for it.
pub(crate) fn must_exist(place: &Place) -> anyhow::Result<()> {
    if place.remote_bus.is_none() && !place.data.is_dir() {
        bail!("there is no data folder {}", place.data.display());
    }
    Ok(())
}

async fn bus_of_another(data: &Path) -> anyhow::Result<BusAddress> {
    let started = Instant::now();
    while started.elapsed() < BUS_WAIT_MAX {
        if let Some(address) = BusAddress::of(data)?
            && address.answers().await
        {
            return Ok(address);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!(
        "{} is in use by another process, but its bus does not answer; if the bus runs elsewhere, name it with --nats-url",
        data.display()
    )
}
