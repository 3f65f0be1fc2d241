//! `parked`: the events that a reaction gave up on, and how a person says that he has dealt with one.
//!
//! Invariant: an entry goes only when it is named by reaction and sequence, and the audit has a line for it.

use anyhow::bail;
use runtime::consumer::{Parked, parked, unpark};
use serde_json::json;

use super::staff::Accounts;
use crate::bus::{must_exist, on_bus};
use crate::cli::{ParkedCommand, SettleArguments};
use crate::say;
use crate::settings::{self, FILTER_OF_TOOLS, Reader};

/// What the audit says of an entry that a person has dealt with.
const SETTLED: &str = "parked_settled";

/// Lists what is parked, or takes one entry away.
pub(crate) async fn run(command: ParkedCommand, log_format: Option<String>) -> anyhow::Result<()> {
    match command {
        ParkedCommand::List { place, json } => {
            let place = settings::tool(place, log_format)?;
            must_exist(&place)?;
            let list = on_bus(&place, async |bus| Ok(parked(&bus.js).await?)).await?;
            match json {
                true => say(json!(list)),
                false if list.is_empty() => say("No reaction gave up on an event"),
                false => list.iter().for_each(|entry| say(line(entry))),
            }
            Ok(())
        }
        ParkedCommand::Settle(SettleArguments { place, district, reaction, sequence }) => {
            let mut reader = Reader::new();
            let (place, district) = (reader.place(place), reader.district(district));
            reader.finish(log_format, FILTER_OF_TOOLS)?;
            must_exist(&place)?;
            let district = district.map(|district| district.rules.district.to_string());
            on_bus(&place, async |bus| {
                let list = parked(&bus.js).await?;
                let is_meant =
                    |entry: &&Parked| entry.reaction == reaction && entry.sequence == sequence;
                let Some(entry) = list.iter().find(is_meant) else {
                    bail!("the reaction {reaction} has not parked event {sequence}");
                };
                unpark(&bus.js, entry).await?;
                let accounts = Accounts::open(bus, &district.unwrap_or_default()).await?;
                accounts.write_down(SETTLED, &format!("{reaction} {sequence}")).await;
                Ok(())
            })
            .await?;
            say(format_args!("Event {sequence} is parked no more for {reaction}"));
            Ok(())
        }
    }
}

fn line(entry: &Parked) -> String {
    let Parked { reaction, stream, sequence, subject, event_type, reason, at, .. } = entry;
    let kind = event_type.as_deref().unwrap_or("an event without a type");
    format!("{reaction} {sequence}  {at}  {kind} on {subject} ({stream}): {reason}")
}
