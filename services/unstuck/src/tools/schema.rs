//! `schema`: the published face of the product, as files.
//!
//! Invariant: what is written is derived from the types; nothing is started for it.

use std::path::Path;

use anyhow::Context as _;
use proto_events::registry;
use serde_json::Value;

use crate::say;
use crate::settings::{FILTER_OF_TOOLS, Reader};
use crate::wiring::document;

/// Writes `schemas/*.json`, `asyncapi.json` and `openapi.json` to a folder.
pub(crate) fn run(out: &Path, log_format: Option<String>) -> anyhow::Result<()> {
    Reader::new().finish(log_format, FILTER_OF_TOOLS)?;
    let schemas = out.join("schemas");
    std::fs::create_dir_all(&schemas)
        .with_context(|| format!("{} cannot be made", schemas.display()))?;
    for (file, schema) in registry::schemas() {
        write(&schemas.join(file), &schema)?;
    }
    write(&out.join("asyncapi.json"), &registry::async_api(env!("CARGO_PKG_VERSION")))?;
    let operations = intake::operations()
        .into_iter()
        .chain(routing::operations())
        .chain(escalation::operations())
        .chain(learning::operations())
        .chain(projection::operations());
    write(&out.join("openapi.json"), &document(operations))?;
    say(format_args!("Written to {}", out.display()));
    Ok(())
}

fn write(path: &Path, value: &Value) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
