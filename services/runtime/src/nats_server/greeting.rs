//! What a nats-server says first to whoever connects, before it asks who that is: its name.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::net::TcpStream;

/// How long a server on loopback may take to greet.
const GREETING_MAX: Duration = Duration::from_secs(3);

/// Longest greeting, in bytes: it names a server, and in a cluster its neighbours.
const GREETING_BYTES_MAX: u64 = 64 * 1024;

/// Says whether a server of this name greets at a port on loopback.
pub(super) async fn greets_as(port: u16, server_name: &str) -> bool {
    let greeting = tokio::time::timeout(GREETING_MAX, greeting(port)).await;
    greeting.ok().flatten().is_some_and(|name| name == server_name)
}

async fn greeting(port: u16) -> Option<String> {
    #[derive(Deserialize)]
    struct Info {
        server_name: String,
    }
    let line = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()?;
    let mut text = String::new();
    BufReader::new(line.take(GREETING_BYTES_MAX)).read_line(&mut text).await.ok()?;
    let info: Info = serde_json::from_str(text.strip_prefix("INFO ")?.trim()).ok()?;
    Some(info.server_name)
}
