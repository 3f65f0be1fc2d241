//! A real nats-server in a folder that goes with the test.

use async_nats::jetstream::Context;
use runtime::nats_server::{NatsServer, NatsServerConfig};
use runtime::streams::{Provision, connect, provision};
use tempfile::TempDir;

/// A bus with all streams on it.
pub(crate) struct Bus {
    pub(crate) context: Context,
    pub(crate) server: NatsServer,
    pub(crate) folder: TempDir,
}

impl Bus {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = NatsServer::start(config(folder.path())).await.expect("the server starts");
        let context = connect(&server.client_url(), "test").await.expect("the server lets us in");
        let provisioned = provision(&context, &Provision { replicas: 1 }).await;
        assert_eq!(provisioned.expect("the streams are made"), []);
        Self { context, server, folder }
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await.expect("the server stops");
        self.folder.close().expect("nobody writes to the folder any more");
    }
}

pub(crate) fn config(folder: &std::path::Path) -> NatsServerConfig {
    NatsServerConfig { data: folder.to_owned(), binary: None, port: None, sync_always: false }
}
