//! The managed server: start, stop, restart on the same data, adoption, clear errors.

mod support;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use runtime::connect::{Access, connect};
use runtime::log::contract::{self, events, fresh_subject};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::{EventLog, Expected, Freshness};
use runtime::nats_server::{BusAddress, NatsServer, NatsServerConfig, NatsServerError};
use runtime::seeds::Seed;
use runtime::streams::{Provision, provision};
use support::{Bus, USER, config};

/// Longest wait for a process to come or go.
const WAIT_MAX: Duration = Duration::from_secs(20);

async fn wait_until_gone(address: &BusAddress) {
    let gone = async {
        while address.answers().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, gone).await.expect("the server goes");
}

fn signal(name: &str, pid: &str) {
    let status = Command::new("kill").args([name, pid]).status().expect("kill runs");
    assert!(status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_there_after_a_restart_on_the_same_data() {
    let bus = Bus::start().await;
    let log =
        JetStreamLog::open(bus.context.clone(), "CASES").await.unwrap().signing(contract::key());
    let subject = fresh_subject();
    log.append(&subject, Expected::Nothing, &events(3)).await.unwrap();
    let head = log.head().await.unwrap();
    let address = bus.server.address().clone();
    bus.server.stop().await.unwrap();
    assert!(!address.answers().await, "it is gone when stop returns");

    let again = NatsServer::start(config(bus.folder.path())).await.unwrap();
    assert!(!again.was_adopted());
    assert_eq!(again.address().server_name, address.server_name);
    let context = connect(&again.access(USER).unwrap(), "test").await.unwrap();
    let log = JetStreamLog::open(context, "CASES").await.unwrap().signing(contract::key());
    assert_eq!(log.load(&subject, Freshness::Any).await.unwrap().len(), 3);
    assert_eq!(log.head().await.unwrap(), head, "the stream is the same one");
    again.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_for_the_owner_only_and_strangers_stay_outside() {
    let bus = Bus::start().await;
    let folder = bus.folder.path();
    let mode =
        |file: &str| std::fs::metadata(folder.join(file)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("bus.json"), 0o600);
    assert_eq!((mode("bus/users"), mode("bus/users/test.nk")), (0o700, 0o600));
    let address = BusAddress::of(folder).unwrap().unwrap();
    assert_eq!(&address, bus.server.address());
    let seed = std::fs::read_to_string(folder.join("bus/users/test.nk")).unwrap();
    let config = std::fs::read_to_string(folder.join("bus/nats-server.conf")).unwrap();
    assert!(!config.contains(seed.trim()), "the server has the public key only");
    let stranger = Access::of_url(&bus.server.url());
    assert!(connect(&stranger, "stranger").await.is_err());
    let stranger = stranger.with_seed(USER, Seed::draw().unwrap());
    assert!(connect(&stranger, "stranger").await.is_err());
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_owner_takes_its_server_along() {
    let bus = Bus::start().await;
    let address = bus.server.address().clone();
    drop(bus.server);
    wait_until_gone(&address).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_is_noticed() {
    let mut bus = Bus::start().await;
    signal("-KILL", &bus.server.address().pid.to_string());
    let how = tokio::time::timeout(WAIT_MAX, bus.server.watch()).await.expect("it is noticed");
    assert!(how.contains("ended"), "{how}");
    let port = bus.server.address().port;
    let again = NatsServerConfig { port: Some(port), ..config(bus.folder.path()) };
    let again = NatsServer::start(again).await.unwrap();
    assert_eq!(again.address().port, port, "clients find it where it was");
    again.stop().await.unwrap();
}

/// Leaves a running server on a folder as an owner does who was killed together with the watchdog.
async fn orphan(folder: &Path, fixed: &NatsServerConfig) -> (BusAddress, Child) {
    let owner = NatsServer::start(fixed.clone()).await.expect("the server starts");
    let mut address = owner.address().clone();
    let binary = std::fs::read_link(format!("/proc/{}/exe", address.pid)).expect("it runs");
    owner.stop().await.expect("the server stops");
    let config = folder.canonicalize().expect("it is there").join("bus/nats-server.conf");
    let child = Command::new(binary).arg("--config").arg(config).spawn().expect("it starts");
    address.pid = child.id();
    write_address(folder, &address);
    let up = async {
        while !address.answers().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WAIT_MAX, up).await.expect("it answers");
    (address, child)
}

fn write_address(folder: &Path, address: &BusAddress) {
    let written = serde_json::to_vec(address).expect("it is JSON");
    std::fs::write(folder.join("bus.json"), written).expect("the folder is writable");
}

fn free_port() -> u16 {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    taken.local_addr().expect("it has an address").port()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_outlived_its_owner_is_adopted_and_stopped_like_our_own() {
    let folder = tempfile::tempdir().unwrap();
    let fixed = NatsServerConfig { port: Some(free_port()), ..config(folder.path()) };
    let (address, mut child) = orphan(folder.path(), &fixed).await;
    let adopted = NatsServer::start(config(folder.path())).await.unwrap();
    assert!(adopted.was_adopted());
    assert_eq!(adopted.address().pid, child.id());
    let context = connect(&adopted.access(USER).unwrap(), "test").await.unwrap();
    provision(&context, &Provision { replicas: 1 }).await.unwrap();
    adopted.stop().await.unwrap();
    assert!(!address.answers().await);
    child.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_other_settings_is_replaced_not_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let fixed = NatsServerConfig { port: Some(free_port()), ..config(folder.path()) };
    let (_, mut child) = orphan(folder.path(), &fixed).await;
    let durable = NatsServerConfig { sync_always: true, ..fixed };
    let replaced = NatsServer::start(durable).await.unwrap();
    assert!(!replaced.was_adopted());
    assert!(child.try_wait().unwrap().is_some(), "the old one is gone");
    replaced.stop().await.unwrap();
}

/// The address as it stood there before each user had a seed.
fn write_address_of_a_password(folder: &Path, address: &BusAddress) {
    let mut written = serde_json::to_value(address).expect("it is JSON");
    let fields = written.as_object_mut().expect("an object");
    fields.remove("users");
    fields.insert("user".to_owned(), "unstuck".into());
    fields.insert("password".to_owned(), "0123".into());
    std::fs::write(folder.join("bus.json"), written.to_string()).expect("the folder is writable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_the_one_password_of_an_older_version_is_replaced_and_its_events_stay() {
    let folder = tempfile::tempdir().unwrap();
    let fixed = NatsServerConfig { port: Some(free_port()), ..config(folder.path()) };
    let (address, mut child) = orphan(folder.path(), &fixed).await;
    write_address_of_a_password(folder.path(), &address);
    let replaced = NatsServer::start(config(folder.path())).await.unwrap();
    assert!(!replaced.was_adopted());
    assert!(child.try_wait().unwrap().is_some(), "the old one is gone");
    assert_eq!(replaced.address().server_name, address.server_name, "it is the same bus");
    let context = connect(&replaced.access(USER).unwrap(), "test").await.unwrap();
    provision(&context, &Provision { replicas: 1 }).await.unwrap();
    replaced.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_users_may_do_something_else_is_replaced_not_adopted() {
    let folder = tempfile::tempdir().unwrap();
    let fixed = NatsServerConfig { port: Some(free_port()), ..config(folder.path()) };
    let (_, mut child) = orphan(folder.path(), &fixed).await;
    let mut fewer = config(folder.path());
    fewer.users[0].rights.pop();
    let replaced = NatsServer::start(fewer).await.unwrap();
    assert!(!replaced.was_adopted());
    assert!(child.try_wait().unwrap().is_some(), "the old one is gone");
    replaced.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_address_does_not_get_a_stranger_killed() {
    let bus = Bus::start().await;
    let mut address = bus.server.address().clone();
    bus.server.stop().await.unwrap();
    // The pid belongs to somebody else now: this test.
    address.pid = std::process::id();
    write_address(bus.folder.path(), &address);
    let again = NatsServer::start(config(bus.folder.path())).await.unwrap();
    assert!(!again.was_adopted());
    again.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_occupied_port_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = NatsServerConfig { port: Some(port), ..config(folder.path()) };
    let result = NatsServer::start(config).await;
    assert!(matches!(result, Err(NatsServerError::PortTaken { port: named }) if named == port));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (program, reason) in [("/nowhere/nats-server", "No such file"), ("/bin/cat", "it says")] {
        let config = NatsServerConfig { binary: Some(program.into()), ..config(folder.path()) };
        let error = NatsServer::start(config).await.unwrap_err();
        assert!(matches!(error, NatsServerError::BinaryUnusable { .. }), "{error}");
        assert!(error.to_string().contains(reason) || program == "/bin/cat", "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_used_is_said_with_the_end_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("bus")).unwrap();
    std::fs::write(folder.path().join("bus/store"), "not a folder").unwrap();
    let error = NatsServer::start(config(folder.path())).await.unwrap_err();
    assert!(
        matches!(&error, NatsServerError::NotStarted { log, .. } if !log.is_empty()),
        "{error}"
    );
}
