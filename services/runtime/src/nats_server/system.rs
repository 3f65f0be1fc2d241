//! What the house asks of its own server where centers connect: to let a changed list of users count, and to break the lines of
//! leafs, because a server that is told of other users cuts off clients only (nats-server 2.15.1, measured 2026-12-01).
//!
//! Invariants: the user of this has an account of its own, without streams; it can ask these three things and nothing else.

use std::error::Error;
use std::time::Duration;

use async_nats::Client;
use serde::Deserialize;
use serde_json::json;

use crate::bus_users::{inbox_prefix, quoted};
use crate::connect::{Access, connect};

/// The name of the user.
pub(super) const USER: &str = "system";

/// How long the server may take for an answer; a list of users is read in milliseconds.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The account and its one user, in the server's configuration.
pub(super) fn block(public_key: &str) -> String {
    format!(
        "system_account: SYS\n\
         accounts {{\n  SYS {{\n    users: [ {{\n      nkey: {key}\n      permissions: {{\n        \
         publish: {{ allow: [ \"$SYS.REQ.SERVER.*.RELOAD\", \"$SYS.REQ.SERVER.*.LEAFZ\", \"$SYS.REQ.SERVER.*.KICK\" ] }}\n        \
         subscribe: {{ allow: [ {inbox} ] }}\n      }}\n    }} ]\n  }}\n}}\n",
        key = quoted(public_key),
        inbox = quoted(&format!("{}.>", inbox_prefix(USER))),
    )
}

/// What the server answers.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Data,
    error: Option<Refusal>,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    leafs: Vec<Leaf>,
}

#[derive(Deserialize)]
struct Leaf {
    id: u64,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    description: String,
}

/// Lets the users count that stand in the configuration, then breaks the line of each leaf: who may still come is back within
/// a second. Gives how many lines were broken.
///
/// # Errors
/// When the server does not answer, or refuses.
pub(super) async fn break_leafs(access: &Access) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let bus = connect(access, USER).await?;
    let client = bus.client();
    let reloaded = ask(&client, "RELOAD", json!({})).await?;
    if let Some(refusal) = reloaded.error {
        return Err(refusal.description.into());
    }
    let leafs = ask(&client, "LEAFZ", json!({})).await?.data.leafs;
    for leaf in &leafs {
        // One that is gone meanwhile is refused, and is what was wanted.
        ask(&client, "KICK", json!({ "cid": leaf.id })).await?;
    }
    Ok(leafs.len())
}

async fn ask(
    client: &Client,
    what: &str,
    body: serde_json::Value,
) -> Result<Answer, Box<dyn Error + Send + Sync>> {
    let subject = format!("$SYS.REQ.SERVER.{}.{what}", client.server_info().server_id);
    let answer = client.request(subject, body.to_string().into());
    let message = tokio::time::timeout(ANSWER_MAX, answer).await??;
    Ok(serde_json::from_slice(&message.payload)?)
}
