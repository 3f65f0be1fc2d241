//! A real nats-server in a folder that goes with the test.

use async_nats::jetstream::Context;
use runtime::nats_server::{NatsServer, NatsServerConfig};
use runtime::streams::{Provision, connect, provision};
use tempfile::TempDir;

/// A bus with all streams on it.
pub(crate) struct Bus {
    pub(crate) context: Context,
    pub(crate) server: NatsServer,
    /// Kept, so that the folder goes last.
    pub(crate) folder: TempDir,
}

impl Bus {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = NatsServer::start(config(folder.path())).await.unwrap();
        let context = connect(&server.client_url(), "test").await.unwrap();
        let drifts = provision(&context, &Provision { replicas: 1 }).await.unwrap();
        assert_eq!(drifts, []);
        Self { context, server, folder }
    }
}

pub(crate) fn config(folder: &std::path::Path) -> NatsServerConfig {
    NatsServerConfig { data: folder.to_owned(), binary: None, port: None, sync_always: false }
}
