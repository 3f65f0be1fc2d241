//! What runs while it is measured, each as a process of its own: a bus alone, the product, a constant answer.
//!
//! Invariant: whatever was started here ends with the value that stands for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use runtime::connect::{Access, connect};
use runtime::http::{Kit, kit_layers, serve};
use runtime::metrics::Metrics;
use runtime::nats_server::BusAddress;
use runtime::telemetry::{self, FILTER_DEFAULT, LogFormat};
use tokio_util::sync::CancellationToken;
use unstuck_tests::binary::{nats_server, unstuck_command};
use unstuck_tests::process::{Process, processes_of};
use unstuck_tests::wait_for;

use crate::district::DISTRICT_FILE;

/// How long a start may take: views of millions of events may have to be built first.
const START_MAX: Duration = Duration::from_secs(30 * 60);

/// How long a bus may take to answer.
const BUS_MAX: Duration = Duration::from_secs(60);

/// The argument that makes this program the server of constant answers.
pub(crate) const CONSTANT: &str = "--constant-answers";

/// A bus alone on the store of a data folder, as the product would run it.
pub(crate) struct Bus {
    _process: Process,
    pub(crate) url: String,
}

impl Bus {
    /// Starts it; without `sync` an event is acknowledged before it is on the disk, for filling.
    pub(crate) fn start(data: &Path, sync: bool) -> anyhow::Result<Self> {
        let folder = data.join("bus");
        std::fs::create_dir_all(&folder)?;
        let sync = if sync { "sync_interval: always" } else { "" };
        let config = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: \"{0}\"\nmax_payload: 1MB\n\
             jetstream {{\n store_dir: \"{0}/store\"\n max_file_store: 8TB\n {sync}\n}}\n",
            folder.display()
        );
        let file = folder.join("bench.conf");
        std::fs::write(&file, config)?;
        let mut command = Command::new(nats_server());
        command.arg("--config").arg(&file).stdin(Stdio::null());
        let process = Process::start(command, &folder.join("bench.log"));
        let ports = folder.join(format!("nats-server_{}.ports", process.id()));
        let url = wait_for("nats-server says its port", || {
            let ports = std::fs::read(&ports).ok()?;
            let ports: serde_json::Value = serde_json::from_slice(&ports).ok()?;
            ports["nats"][0].as_str().map(ToOwned::to_owned)
        });
        Ok(Self { _process: process, url })
    }

    /// Connects as a client, once the streams are served.
    pub(crate) async fn connect(&self) -> anyhow::Result<jetstream::Context> {
        context_at(&self.url).await
    }
}

/// The product, or one service of it.
pub(crate) struct Product {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Product {
    /// Runs everything on a data folder, the clock at `clock_start`.
    pub(crate) fn up(data: &Path, clock_start: &str) -> anyhow::Result<Self> {
        Self::run(up(data, clock_start), data)
    }

    /// Runs the projection alone; its views and its key stand in `data`.
    pub(crate) fn projection(data: &Path, bus: &Bus) -> anyhow::Result<Self> {
        let mut command = unstuck_command();
        command.args(["projection", "--nats-url", &bus.url, "--data"]).arg(data);
        Self::run(command, data)
    }

    fn run(command: Command, data: &Path) -> anyhow::Result<Self> {
        let mut process = start(command, data);
        let address = process.wait_for_line("Listening on http://", START_MAX);
        Ok(Self { process, address: address.trim().parse()? })
    }

    /// Stops it, and waits until it has.
    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let status = self.process.stop();
        ensure!(status.success(), "stopped with {status}");
        Ok(())
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

fn up(data: &Path, clock_start: &str) -> Command {
    let mut command = unstuck_command();
    command.arg("up").arg("--data").arg(data).args(["--clock-start", clock_start]);
    command
}

fn start(mut command: Command, data: &Path) -> Process {
    command.args(["--listen", "127.0.0.1:0", "--district"]).arg(&*DISTRICT_FILE);
    Process::start(command, &data.join("bench-product.log"))
}

/// The product while it starts; it is killed when this is dropped, and its bus is gone.
pub(crate) struct Starting {
    process: Process,
    data: PathBuf,
}

impl Starting {
    pub(crate) fn up(data: &Path, clock_start: &str) -> Self {
        Self { process: start(up(data, clock_start), data), data: data.to_owned() }
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        self.process.kill();
        let config = self.data.join("bus/nats-server.conf");
        wait_for("the bus ends with its owner", || processes_of(&config).is_empty().then_some(()));
    }
}

/// Connects to the managed bus of a data folder as soon as it answers.
pub(crate) async fn managed_bus_soon(data: &Path) -> anyhow::Result<jetstream::Context> {
    let started = Instant::now();
    loop {
        match managed_bus(data).await {
            Ok(context) => return Ok(context),
            Err(error) if started.elapsed() > BUS_MAX => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Connects to the managed bus of a data folder on which the product runs.
pub(crate) async fn managed_bus(data: &Path) -> anyhow::Result<jetstream::Context> {
    let address = BusAddress::of(data)?.context("a managed bus")?;
    ensure!(address.sync_always, "the managed bus does not sync");
    let_in(data, &address)?;
    let url = format!("nats://{USER}:{USER}@127.0.0.1:{}", address.port);
    let started = Instant::now();
    loop {
        match context_at(&url).await {
            Ok(context) => return Ok(context),
            Err(error) if started.elapsed() > BUS_MAX => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// The user of the figures: it makes a stream of its own beside those of the house.
const USER: &str = "bench";

/// Lets the figures' own user onto the running bus: none of the house may do what they do.
fn let_in(data: &Path, address: &BusAddress) -> anyhow::Result<()> {
    let file = data.join("bus/nats-server.conf");
    let config = std::fs::read_to_string(&file)?;
    let user = format!("{{ user: {USER}, password: {USER} }}");
    if config.contains(&user) {
        return Ok(());
    }
    let config = config.replacen("users: [", &format!("users: [\n    {user}"), 1);
    ensure!(config.contains(&user), "the configuration has no list of users");
    std::fs::write(&file, config)?;
    // The server reads its configuration again.
    let status = Command::new("kill").arg("-HUP").arg(address.pid.to_string()).status()?;
    ensure!(status.success(), "the bus could not be told of the figures' user");
    Ok(())
}

async fn context_at(url: &str) -> anyhow::Result<jetstream::Context> {
    Ok(connect(&Access::of_url(url), "bench").await?)
}

/// A server of answers that never change, made of the product's own kit, in a process of its own.
pub(crate) struct Constant {
    _process: Process,
    pub(crate) address: SocketAddr,
    id: u32,
}

impl Constant {
    /// Starts it: `/0`, `/1`, … answer with JSON of these sizes.
    pub(crate) fn start(folder: &Path, sizes: &[usize]) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(CONSTANT).args(sizes.iter().map(ToString::to_string)).stdin(Stdio::null());
        let mut process = Process::start(command, &folder.join("bench-constant.log"));
        let address = process.wait_for_line("Listening on http://", START_MAX);
        let id = process.id();
        Ok(Self { _process: process, address: address.trim().parse()?, id })
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }
}

/// Serves constant answers until the process is ended.
pub(crate) async fn serve_constants(sizes: &[String]) -> anyhow::Result<()> {
    telemetry::init(LogFormat::Text, FILTER_DEFAULT)?;
    let mut router = Router::new();
    for (index, size) in sizes.iter().enumerate() {
        // A JSON string of that many bytes.
        let text = format!("\"{}\"", "x".repeat(size.parse::<usize>()?.saturating_sub(2)));
        let answer = move || {
            let text = text.clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], text) }
        };
        router = router.route(&format!("/{index}"), get(answer));
    }
    let router = kit_layers(router, Kit::new(Metrics::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("Listening on http://{}", listener.local_addr()?);
    Ok(serve(listener, router, CancellationToken::new()).await?)
}

/// A figure of `/proc/<id>/status` in MiB, such as `VmRSS`.
pub(crate) fn mebibytes(process: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes: f64 = line
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .context("the line of the status")?
        .trim()
        .parse()?;
    Ok(kibibytes / 1024.0)
}

/// Bytes that the files of a folder take on the disk, in MiB; 0 when it is not there.
pub(crate) fn mebibytes_on_disk(folder: &Path) -> anyhow::Result<f64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut blocks = 0;
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let (entry, found) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            blocks += found.blocks();
            if found.is_dir() {
                folders.push(entry);
            }
        }
    }
    // A block of stat is 512 bytes, whatever the file system's.
    Ok(blocks as f64 * 512.0 / 1024.0 / 1024.0)
}

/// The processor time that a process has taken so far, in seconds, at 100 ticks a second as Linux tells it.
pub(crate) fn processor_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in brackets, may hold anything.
    let rest = stat.rsplit_once(')').context("the line of the process")?.1;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks = |index: usize| -> anyhow::Result<f64> {
        Ok(fields.get(index).context("a field")?.parse::<f64>()?)
    };
    Ok((ticks(11)? + ticks(12)?) / 100.0)
}
