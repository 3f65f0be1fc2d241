//! `events --quarantined`: the events that nobody can read, one line of JSON each: of a running projection by asking it,
//! otherwise by trying to read every event of the log.
//!
//! Invariant: nothing of an event's body is printed.

use std::io::Write as _;

use futures::StreamExt as _;
use projection::quarantine::{self, Row, Stream};
use runtime::log::EventLog as _;
use runtime::log::jetstream::JetStreamLog;
use serde_json::{Value, json};

use crate::bus::ToolBus;

/// Prints what stands in quarantine: of one stream, or of all.
pub(crate) async fn print(bus: &ToolBus, only: Option<Stream>) -> anyhow::Result<()> {
    if !bus.is_alone && asked(bus, only).await? {
        return Ok(());
    }
    let stop = runtime::shutdown::signal()?;
    for stream in Stream::ALL.into_iter().filter(|stream| only.is_none_or(|only| only == *stream)) {
        let log = JetStreamLog::open(bus.js.clone(), stream.name()).await?;
        let end = log.head().await?.last_sequence;
        if end == 0 {
            continue;
        }
        let mut events = log.follow(0).await?;
        while let Some(Some(recorded)) = stop.run_until_cancelled(events.next()).await {
            let recorded = recorded?;
            let row = Row::of_unreadable(stream, &recorded);
            if row.is_some_and(|row| !written(&row)) {
                return Ok(());
            }
            if recorded.sequence >= end {
                break;
            }
        }
    }
    Ok(())
}

/// Prints what the running projection lists; `false` when none is running.
async fn asked(bus: &ToolBus, only: Option<Stream>) -> anyhow::Result<bool> {
    let mut after = None;
    loop {
        let Some(page) = quarantine::ask(&bus.client(), after).await? else { return Ok(false) };
        let wanted = page.rows.iter().filter(|row| only.is_none_or(|only| only == row.stream));
        for row in wanted {
            if !written(row) {
                return Ok(true);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(true);
        }
    }
}

/// Writes one row; `false` when nobody reads any more.
fn written(row: &Row) -> bool {
    let mut out = std::io::stdout();
    writeln!(out, "{}", line(row)).and_then(|()| out.flush()).is_ok()
}

fn line(row: &Row) -> Value {
    json!({
        "stream": row.stream,
        "sequence": row.sequence,
        "subject": row.subject,
        "type": row.event_type,
        "case_id": row.case_id,
        "reason": row.reason,
        "since": row.since.to_utc(),
    })
}
