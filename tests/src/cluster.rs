//! Three hosts of a district, each with a nats-server of one cluster and whatever processes a test starts there.
//!
//! Invariants: every process comes onto the bus with the seeds of its own users and no others, and knows all three
//! servers; a host keeps its address and its folder however often what runs there is ended; where the test may not lay a
//! network, the hosts are addresses of loopback and cannot be cut off ([`Cluster::network`] says why).

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, ServerAddr};
use serde_json::Value;
use tempfile::TempDir;

use crate::api::{Address, Api, PASSWORD};
use crate::binary::{nats_server, sample_district, unstuck, unstuck_command};
use crate::clock::MovedClock;
use crate::district::{Place, output_with_input, said};
use crate::network::Network;
use crate::process::{Process, log_end, processes_of, signal};
use crate::{wait_for, wait_until};

/// How many hosts there are.
pub const HOSTS: u8 = 3;

/// How long a process may take to come up among a dozen others.
const START_TIME_MAX: Duration = Duration::from_secs(120);

/// Where nats-servers and services listen, each on the address of its host.
const CLIENT_PORT: u16 = 4222;
const ROUTE_PORT: u16 = 6222;
const HTTP_PORT: u16 = 8420;

/// A user who may do everything, for what a test does on the bus.
const TESTER: &str = "tester";

/// The master key of the site, which every process is given.
const MASTER_KEY: [&str; 32] = ["5a"; 32];

/// Three hosts.
#[derive(Debug)]
pub struct Cluster {
    folder: TempDir,
    network: Result<Network, String>,
    servers: [Mutex<Option<Process>>; HOSTS as usize],
}

/// A service or tool of a host that runs, and its place to be asked.
#[derive(Debug)]
pub struct Service {
    host: u8,
    arguments: Vec<String>,
    port: u16,
    folder: PathBuf,
    clock: Option<Arc<MovedClock>>,
    /// Where it listens; the same after each start.
    pub address: Address,
    process: Mutex<Option<Process>>,
}

impl Cluster {
    /// Starts three nats-servers, and waits until they have agreed on who leads.
    ///
    /// # Panics
    /// When they do not come up.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("unstuck-cluster-").tempdir();
        let cluster = Self {
            folder: folder.expect("a folder"),
            network: Network::lay(HOSTS),
            servers: Default::default(),
        };
        cluster.write_users();
        for host in 1..=HOSTS {
            std::fs::create_dir_all(cluster.host_folder(host)).expect("the folder is writable");
            cluster.start_server(host);
        }
        cluster.has_leader();
        cluster
    }

    /// The network, when this test may cut it.
    ///
    /// # Errors
    /// Why it may not.
    pub fn network(&self) -> Result<&Network, &str> {
        self.network.as_ref().map_err(String::as_str)
    }

    /// The address of a host, from 1 on.
    #[must_use]
    pub fn address(&self, host: u8) -> Ipv4Addr {
        match &self.network {
            Ok(network) => network.address(host),
            Err(_) => {
                let [low, high, ..] = std::process::id().to_le_bytes();
                Ipv4Addr::new(127, 64 + (high & 63), low, host)
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of a host.
    #[must_use]
    pub fn host_folder(&self, host: u8) -> PathBuf {
        self.path(&format!("host-{host}"))
    }

    /// The folder in which a host's nats-server keeps its streams.
    #[must_use]
    pub fn store(&self, host: u8) -> PathBuf {
        self.host_folder(host).join("store")
    }

    /// All three servers, for a client.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts = (1..=HOSTS).map(|host| format!("nats://{}:{CLIENT_PORT}", self.address(host)));
        hosts.collect::<Vec<_>>().join(",")
    }

    fn write_users(&self) {
        let mut command = unstuck_command();
        let nats = self.path("nats");
        let output = command.args(["bus-config", "--out"]).arg(&nats).output();
        let output = output.expect("the binary can be started");
        assert!(output.status.success(), "{}", said(&output));
        let file = nats.join("users.conf");
        let text = std::fs::read_to_string(&file).expect("it was written");
        let tester = format!("users: [\n    {{ user: {TESTER}, password: {TESTER} }}");
        std::fs::write(&file, text.replacen("users: [", &tester, 1)).expect("writable");
        let key = format!("{}\n", MASTER_KEY.concat());
        std::fs::write(self.path("master.key"), key).expect("writable");
    }

    fn configuration(&self, host: u8) -> PathBuf {
        let file = self.host_folder(host).join("nats.conf");
        let routes =
            (1..=HOSTS).map(|host| format!("\"nats-route://{}:{ROUTE_PORT}\"", self.address(host)));
        let routes = routes.collect::<Vec<_>>().join(", ");
        // As in `deploy/nats/cluster.conf`, without TLS, which `bus_locks` tries.
        let text = format!(
            "server_name: bus-{host}\nlisten: \"{address}:{CLIENT_PORT}\"\nmax_payload: 1MB\n\
             include \"{users}\"\n\
             cluster {{ name: unstuck, listen: \"{address}:{ROUTE_PORT}\", routes: [ {routes} ] }}\n\
             jetstream {{ store_dir: \"{store}\", sync_interval: always }}\n",
            address = self.address(host),
            // The server takes it from the folder of the configuration.
            users = "../nats/users.conf",
            store = self.store(host).display(),
        );
        std::fs::write(&file, text).expect("the folder is writable");
        file
    }

    /// Starts a host's nats-server, after it was ended.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start_server(&self, host: u8) {
        let config = self.configuration(host);
        let mut command = self.command_on(host, nats_server());
        command.arg("--config").arg(config).stdin(Stdio::null());
        let process = Process::start(command, &self.host_folder(host).join("nats.log"));
        *self.server(host) = Some(process);
    }

    /// Stops a host's nats-server as its operator would.
    #[track_caller]
    pub fn stop_server(&self, host: u8) {
        if let Some(mut process) = self.server(host).take() {
            let _ = process.stop();
        }
    }

    /// Kills a host's nats-server with SIGKILL.
    pub fn kill_server(&self, host: u8) {
        if let Some(mut process) = self.server(host).take() {
            process.kill();
        }
    }

    /// Freezes a host's nats-server (`STOP`), or lets it go on (`CONT`).
    pub fn signal_server(&self, host: u8, name: &str) {
        if let Some(process) = &*self.server(host) {
            signal(process.id(), name);
        }
    }

    fn server(&self, host: u8) -> MutexGuard<'_, Option<Process>> {
        lock(&self.servers[usize::from(host - 1)])
    }

    /// Waits until somebody leads the streams.
    #[track_caller]
    pub fn has_leader(&self) {
        wait_until("the servers have a leader", || {
            self.ask("$JS.API.INFO").is_ok_and(|info| info["error"].is_null())
        });
    }

    /// Waits until each copy of each stream and consumer is there and up to date, and gives how long it took.
    #[track_caller]
    pub fn is_whole(&self) {
        wait_until("every copy of every stream is up to date", || {
            self.behind().is_ok_and(|behind| behind.is_empty())
        });
    }

    /// The copies of streams that are missing or behind.
    ///
    /// # Errors
    /// When the bus does not answer.
    pub fn behind(&self) -> anyhow::Result<Vec<String>> {
        let list = self.ask("$JS.API.STREAM.LIST")?;
        let streams = list["streams"].as_array().cloned().unwrap_or_default();
        anyhow::ensure!(!streams.is_empty(), "no streams: {list}");
        let mut behind = Vec::new();
        for stream in &streams {
            let (name, cluster) = (&stream["config"]["name"], &stream["cluster"]);
            let replicas = cluster["replicas"].as_array().cloned().unwrap_or_default();
            let current = replicas.iter().filter(|one| one["current"] == true).count();
            let wanted = stream["config"]["num_replicas"].as_u64().unwrap_or(1);
            if cluster["leader"].is_null() || current as u64 + 1 < wanted {
                behind.push(format!("{name}: {cluster}"));
            }
        }
        Ok(behind)
    }

    /// Asks the bus as the user who may do everything.
    ///
    /// # Errors
    /// When no server answers.
    pub fn ask(&self, subject: &str) -> anyhow::Result<Value> {
        self.on_bus(async |client| {
            let asked = client.request(subject.to_owned(), bytes::Bytes::new());
            let answer = tokio::time::timeout(Duration::from_secs(5), asked).await??;
            Ok(serde_json::from_slice(&answer.payload)?)
        })
    }

    /// Does something on the bus as the user who may do everything.
    ///
    /// # Errors
    /// When no server answers, or what is done fails.
    pub fn on_bus<T>(
        &self,
        work: impl AsyncFnOnce(Client) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let worker = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        worker.block_on(async {
            let url = self.url();
            let hosts: Vec<ServerAddr> =
                url.split(',').map(str::parse).collect::<Result<_, _>>()?;
            let options = ConnectOptions::with_user_and_password(TESTER.into(), TESTER.into())
                .connection_timeout(Duration::from_secs(2));
            work(options.connect(hosts).await?).await
        })
    }

    fn command_on(&self, host: u8, program: &Path) -> Command {
        match &self.network {
            Ok(network) => network.on(host, program),
            Err(_) => Command::new(program),
        }
    }

    /// A folder with the seeds of these users and no other; of all, when none is named.
    fn seeds(&self, users: &[&str]) -> PathBuf {
        let all = self.path("nats/seeds");
        if users.is_empty() {
            return all;
        }
        let folder = self.path(&format!("seeds-{}", users.join("-")));
        std::fs::create_dir_all(&folder).expect("the folder is writable");
        for user in users {
            let file = format!("{user}.nk");
            // A copy keeps who may read it.
            std::fs::copy(all.join(&file), folder.join(&file)).expect("the seed is there");
        }
        folder
    }

    /// Starts `unstuck up` on a host: all services and the pages.
    #[must_use]
    #[track_caller]
    pub fn up(&self, host: u8) -> Service {
        self.service(host, "up", &[])
    }

    /// Starts one service, or `up`, on a host, with the seeds of these users.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn service(&self, host: u8, name: &str, users: &[&str]) -> Service {
        let service = self.prepared(host, name, users);
        service.start(self);
        service.ready();
        service
    }

    /// As [`Cluster::service`], and does not start it yet: several may start side by side.
    #[must_use]
    pub fn prepared(&self, host: u8, name: &str, users: &[&str]) -> Service {
        let names = ["up", "intake", "routing", "escalation", "learning", "projection", "portal"];
        let place = names.iter().position(|one| *one == name).expect("a service of the house");
        let port = HTTP_PORT + u16::try_from(place).expect("a small number");
        let folder = self.host_folder(host).join(name);
        std::fs::create_dir_all(&folder).expect("the folder is writable");
        let listen = format!("{}:{port}", self.address(host));
        let mut arguments = vec![name.to_owned(), "--listen".to_owned(), listen.clone()];
        let mut more =
            |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
        if name != "portal" {
            more(&["--nats-url", &self.url(), "--replicas", "3"]);
            more(&["--nats-seeds", &self.seeds(users).display().to_string()]);
            more(&["--district", &sample_district().display().to_string()]);
            more(&["--data", &folder.display().to_string()]);
        }
        let address = Arc::new(RwLock::new(format!("http://{listen}")));
        Service { host, arguments, port, folder, clock: None, address, process: Mutex::default() }
    }

    /// A tool of the binary on this bus.
    #[must_use]
    pub fn tool(&self, arguments: &[&str]) -> Command {
        let mut command = unstuck_command();
        command.args(arguments).args(["--nats-url", &self.url()]);
        command.arg("--nats-seeds").arg(self.seeds(&[]));
        command.env("UNSTUCK_MASTER_KEY", MASTER_KEY.concat());
        command
    }

    /// Adds an account with the tool.
    ///
    /// # Panics
    /// When it cannot be added.
    #[track_caller]
    pub fn staff(&self, username: &str, role: &str, place: Place<'_>) {
        let words = ["staff", "add", "--username", username, "--name", "测试员工", "--role", role];
        let mut command = self.tool(&words);
        match place {
            Place::Center(center) => command.args(["--center", center]),
            Place::Department(department) => command.args(["--department", department]),
            Place::District => &mut command,
        };
        command.arg("--password-stdin");
        let output = output_with_input(command, PASSWORD);
        assert!(output.status.success(), "{}", said(&output));
    }

    /// What the servers have refused.
    #[must_use]
    pub fn violations(&self) -> Vec<String> {
        let logs = (1..=HOSTS).map(|host| {
            std::fs::read_to_string(self.host_folder(host).join("nats.log")).unwrap_or_default()
        });
        let lines: Vec<String> = logs
            .flat_map(|log| log.lines().map(ToOwned::to_owned).collect::<Vec<_>>())
            .filter(|line| line.contains("Violation"))
            .collect();
        lines
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for host in 1..=HOSTS {
                let folder = self.host_folder(host);
                let end = log_end(&folder.join("nats.log"));
                eprintln!("---- end of the log of bus-{host} ----\n{end}");
                for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                    let log = entry.path().join("log");
                    if log.is_file() {
                        eprintln!("---- {} ----\n{}", log.display(), log_end(&log));
                    }
                }
            }
        }
        for process in processes_of(self.folder.path()) {
            signal(process, "KILL");
        }
    }
}

impl Service {
    /// Lets it run by a clock that can be moved, from its next start on.
    #[must_use]
    pub fn by_clock(mut self, clock: &Arc<MovedClock>) -> Self {
        self.clock = Some(Arc::clone(clock));
        self
    }

    /// Starts it, after it was ended.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&self, cluster: &Cluster) {
        let mut command = cluster.command_on(self.host, &unstuck());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("UNSTUCK_") {
                command.env_remove(&name);
            }
        }
        command.args(&self.arguments).stdin(Stdio::null());
        if self.arguments[0] != "portal" {
            command.env("UNSTUCK_MASTER_KEY", MASTER_KEY.concat());
        }
        if let Some(clock) = &self.clock {
            clock.rule(&mut command);
        }
        *lock(&self.process) = Some(Process::start(command, &self.log()));
    }

    /// Waits until it has said that it listens.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn ready(&self) {
        let mut process = lock(&self.process);
        process.as_mut().expect("it was started").wait_for_line("Listening on ", START_TIME_MAX);
    }

    /// Stops it with SIGTERM.
    ///
    /// # Panics
    /// When it does not stop, or not with success.
    #[track_caller]
    pub fn stop(&self) {
        if let Some(mut process) = lock(&self.process).take() {
            let status = process.stop();
            assert!(status.success(), "stopped with {status}\n{}", process.story());
        }
    }

    /// Kills it with SIGKILL.
    pub fn kill(&self) {
        if let Some(mut process) = lock(&self.process).take() {
            process.kill();
        }
    }

    /// Sends it a signal, such as `STOP`.
    pub fn signal(&self, name: &str) {
        if let Some(process) = &*lock(&self.process) {
            signal(process.id(), name);
        }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let mut process = lock(&self.process);
        process.as_mut().is_some_and(|one| one.wait_for_end(Duration::from_millis(1)).is_none())
    }

    /// Its host.
    #[must_use]
    pub fn host(&self) -> u8 {
        self.host
    }

    /// The port on its host.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.folder
    }

    /// Its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// What it has logged so far.
    #[must_use]
    pub fn logged(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// A person, or nobody, at this process.
    #[must_use]
    pub fn api(&self, username: Option<&str>) -> Api {
        Api::new(Arc::clone(&self.address), username)
    }

    /// Whether it is ready for requests.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let asked = self.api(None).request("GET", "/readyz").try_send();
        asked.is_ok_and(|answer| answer.status == 200)
    }

    /// Waits until it is ready for requests.
    #[track_caller]
    pub fn becomes_ready(&self) {
        wait_for(&format!("{} is ready", self.arguments[..3].join(" ")), || {
            self.is_ready().then_some(())
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
