//! A real nats-server in a folder that goes with the test.

use async_nats::jetstream::Context;
use runtime::bus_users::{BusUser, Right};
use runtime::connect::connect;
use runtime::nats_server::{NatsServer, NatsServerConfig};
use runtime::streams::{Provision, provision};
use tempfile::TempDir;

/// The user of the tests, who may do everything.
pub(crate) const USER: &str = "test";

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
        let access = server.access(USER).expect("the user has a seed");
        let context = connect(&access, "test").await.expect("the server lets us in");
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
    let rights = vec![Right::Publish(">".to_owned()), Right::Hear(">".to_owned())];
    let user = BusUser { name: USER.to_owned(), purpose: "everything".to_owned(), rights };
    let users = vec![user];
    NatsServerConfig {
        data: folder.to_owned(),
        binary: None,
        port: None,
        sync_always: false,
        users,
        leaf: None,
    }
}
