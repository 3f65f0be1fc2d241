//! `schema`: the published face of the product, as files.
//!
//! Invariant: what is written is derived from the types; the services themselves say what they offer, standing
//! on a bus that exists for the moment only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use desk::District;
use proto_events::events::CaseEventKind;
use proto_events::registry;
use runtime::clock::SystemClock;
use serde_json::Value;

use crate::bus::on_bus;
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, Place, Reader};
use crate::up::{VIEWS_FOLDER, all_services};
use crate::wiring::{document, open_desk};

/// Writes `schemas/*.json`, `asyncapi.json` and `openapi.json` to a folder.
pub(crate) async fn run(out: PathBuf, log_format: Option<String>) -> anyhow::Result<()> {
    let mut reader = Reader::new();
    let district = reader.district(None);
    let arguments = crate::cli::PlaceArguments { data: None, nats_url: None };
    let nats_server = reader.place(arguments).nats_server;
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    let district = Arc::new(district.context("the district was read")?);

    let schemas = out.join("schemas");
    std::fs::create_dir_all(&schemas)
        .with_context(|| format!("{} cannot be made", schemas.display()))?;
    for kind in CaseEventKind::ALL {
        write(&schemas.join(registry::file_name(*kind)), &registry::schema(*kind))?;
    }
    write(&out.join("asyncapi.json"), &registry::async_api(env!("CARGO_PKG_VERSION")))?;
    write(&out.join("openapi.json"), &open_api(district, nats_server).await?)?;
    say(format_args!("Written to {}", out.display()));
    Ok(())
}

async fn open_api(district: Arc<District>, nats_server: Option<PathBuf>) -> anyhow::Result<Value> {
    let folder = tempfile::tempdir().context("a folder for the moment cannot be made")?;
    let place = Place { data: folder.path().to_owned(), nats_url: None, nats_server };
    on_bus(&place, async |bus| {
        let clock = Arc::new(SystemClock);
        let desk = open_desk(bus.js.clone(), district, clock, &place.data).await?;
        Ok(document(&all_services(&desk, &place.data.join(VIEWS_FOLDER)).await?))
    })
    .await
}

fn write(path: &Path, value: &Value) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
