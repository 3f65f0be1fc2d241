//! A nats-server of the test's own, to be stopped, frozen and fed with what the product never writes.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::nats_server;
use crate::process::{Process, signal};
use crate::wait_for;

/// A nats-server with JetStream on loopback.
#[derive(Debug)]
pub struct Bus {
    folder: TempDir,
    port: u16,
    process: Option<Process>,
}

impl Bus {
    /// Starts a server on a free port and an empty folder.
    ///
    /// # Panics
    /// When it does not come up.
    #[must_use]
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("unstuck-bus-").tempdir().expect("a folder");
        let mut bus = Self { folder, port: 0, process: None };
        bus.bring_up();
        bus
    }

    /// Starts the server again on the same port and folder, after it was killed.
    ///
    /// # Panics
    /// When it does not come up.
    #[track_caller]
    pub fn bring_up(&mut self) {
        let folder = self.folder.path();
        let listen = if self.port == 0 { "-1".to_owned() } else { self.port.to_string() };
        let config = format!(
            "listen: \"127.0.0.1:{listen}\"\nports_file_dir: \"{0}\"\n\
             jetstream {{ store_dir: \"{0}/store\", sync_interval: always }}\n",
            folder.display()
        );
        let file = folder.join("nats.conf");
        std::fs::write(&file, config).expect("the configuration can be written");
        let mut command = Command::new(nats_server());
        command.arg("--config").arg(&file).stdin(Stdio::null());
        let process = Process::start(command, &folder.join("nats.log"));
        let ports = folder.join(format!("nats-server_{}.ports", process.id()));
        self.process = Some(process);
        self.port = wait_for("nats-server says its port", || client_port(&ports).ok());
    }

    /// The address for clients.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Kills the server with SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Freezes the server: connections stay open, nothing is answered.
    pub fn freeze(&self) {
        self.send("STOP");
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        self.send("CONT");
    }

    fn send(&self, name: &str) {
        signal(self.process.as_ref().expect("the server runs").id(), name);
    }

    /// Takes a stream away with all that is in it.
    ///
    /// # Panics
    /// When the server does not do it.
    #[track_caller]
    pub fn take_away(&self, stream: &str) {
        let url = self.url();
        let taken = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(async {
                let client = async_nats::connect(url).await?;
                async_nats::jetstream::new(client).delete_stream(stream).await?;
                anyhow::Ok(())
            });
        taken.unwrap_or_else(|error| panic!("taking {stream} away: {error:#}"));
    }

    /// Puts a message on a stream's subject, as a program would that knows nothing of the product.
    ///
    /// # Panics
    /// When the stream does not take it.
    #[track_caller]
    pub fn put(&self, subject: &str, headers: &[(&str, &str)], body: &str) -> u64 {
        let url = self.url();
        let published = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(async {
                let client = async_nats::connect(url).await?;
                let mut map = async_nats::HeaderMap::new();
                for (name, value) in headers {
                    map.insert(*name, *value);
                }
                let jetstream = async_nats::jetstream::new(client);
                let body = bytes::Bytes::copy_from_slice(body.as_bytes());
                let sent = jetstream.publish_with_headers(subject.to_owned(), map, body).await?;
                let acknowledged = tokio::time::timeout(Duration::from_secs(10), sent).await??;
                anyhow::Ok(acknowledged.sequence)
            });
        published.unwrap_or_else(|error| panic!("putting a message on {subject}: {error:#}"))
    }
}

fn client_port(ports_file: &Path) -> anyhow::Result<u16> {
    let ports: Value = serde_json::from_str(&std::fs::read_to_string(ports_file)?)?;
    let url = ports["nats"][0].as_str().context("no client address")?;
    Ok(url.rsplit(':').next().unwrap_or_default().parse()?)
}
