//! `export register`: the register as a file, of a running projection by asking it, otherwise from its folder.
//!
//! Invariants: a file stands under its name only when it is whole; people are masked and the audit has its line, here as
//! over HTTP; what the command line says wrong ends with 64 before anything is started.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use desk::District;
use projection::register::{self, FileKind, RegisterError, Request, remote};
use runtime::clock::SystemClock;
use runtime::vault::{MASTER_KEY_VARIABLE, MasterKey};

use crate::bus::users::PROJECTION;
use crate::bus::ways::KeysOf;
use crate::bus::{ToolBus, must_exist, on_bus};
use crate::cli::{FilterArguments, RegisterArguments};
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, MASTER_KEY_FILE, Place, Reader};
use crate::up::VIEWS_FOLDER;
use crate::wiring::open_desk;

/// Exports the register.
pub(crate) async fn run(
    arguments: RegisterArguments,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    let RegisterArguments { place, district, format, out, lang, filter } = arguments;
    let mut reader = Reader::new();
    let place = reader.place(place);
    let district = reader.district(district);
    let kind = read_kind(&mut reader, &format);
    if out.is_none() && io::stdout().is_terminal() {
        reader.0.fault("--out", "is missing: the file is not for a terminal");
    }
    let request = Request { kind: kind.unwrap_or(FileKind::Csv), query: query(filter, lang) };
    if let Some(district) = &district {
        for (parameter, problem) in register::faults(&request, district) {
            reader.0.fault(format!("--{}", parameter.replace('_', "-")), problem);
        }
    }
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    must_exist(&place)?;
    let district = Arc::new(district.context("the district was read")?);
    let Some(path) = out else {
        let mut stdout = io::stdout().lock();
        let write = |bytes: &[u8]| stdout.write_all(bytes).and_then(|()| stdout.flush());
        return match export(&place, district, &request, write).await {
            // The reader has seen enough.
            Err(error) if is_closed_pipe(&error) => Ok(()),
            outcome => outcome.map(drop),
        };
    };
    let mut target = Target::create(path)?;
    let rows = export(&place, district, &request, |bytes| target.file.write_all(bytes)).await?;
    let path = target.finish()?;
    say(format_args!("Wrote {rows} rows to {}", path.display()));
    Ok(())
}

async fn export(
    place: &Place,
    district: Arc<District>,
    request: &Request,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> anyhow::Result<usize> {
    on_bus(place, async |bus: &ToolBus| {
        if !bus.is_alone
            && let Some(rows) = remote::export(&bus.client(), request, &mut write).await?
        {
            return Ok(rows);
        }
        // A key that was made here would open nothing.
        let key = place.data.join(MASTER_KEY_FILE);
        if !MasterKey::is_there(&key) {
            bail!(
                "no projection runs, and there is no master key to mask people with: neither {} nor {MASTER_KEY_VARIABLE}",
                key.display()
            );
        }
        let clock = Arc::new(SystemClock);
        // It does the work of a projection, and may as much.
        let lines = bus.ways.lines(PROJECTION, KeysOf::Reader).await?;
        let desk = open_desk(lines, district, clock, &place.data).await?;
        let views = place.data.join(VIEWS_FOLDER);
        Ok(register::export(desk, &views, request, &mut write).await?)
    })
    .await
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let written = error.downcast_ref::<RegisterError>();
    matches!(written, Some(RegisterError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe)
}

fn read_kind(reader: &mut Reader, text: &str) -> Option<FileKind> {
    match text {
        "csv" => Some(FileKind::Csv),
        "xlsx" => Some(FileKind::Xlsx),
        other => {
            reader.0.fault("--format", format!("{other:?} is neither csv nor xlsx"));
            None
        }
    }
}

/// The filter as `GET /v1/register.csv` takes it.
fn query(filter: FilterArguments, lang: Option<String>) -> String {
    let FilterArguments {
        state,
        center,
        department,
        handler,
        cause,
        stage,
        matter,
        overdue,
        due_before,
        opened_from,
        opened_to,
        q,
    } = filter;
    let parameters = [
        ("state", state),
        ("center", center),
        ("department", department),
        ("handler", handler),
        ("cause", cause),
        ("stage", stage),
        ("matter", matter),
        ("overdue", overdue),
        ("due_before", due_before),
        ("opened_from", opened_from),
        ("opened_to", opened_to),
        ("q", q),
        ("lang", lang),
    ];
    let given = parameters.into_iter().filter_map(|(name, value)| {
        let value = value.filter(|value| !value.is_empty())?;
        Some(format!("{name}={}", escaped(&value)))
    });
    given.collect::<Vec<_>>().join("&")
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let of_byte = |byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(of_byte).collect()
}

/// A file on its way: under another name until it is whole, and gone when it does not become so.
struct Target {
    path: PathBuf,
    partial: PathBuf,
    file: BufWriter<File>,
    is_whole: bool,
}

impl Target {
    fn create(path: PathBuf) -> anyhow::Result<Self> {
        let name = path.file_name().context("--out names no file")?.to_owned();
        let mut partial_name = name;
        partial_name.push(".part");
        let partial = path.with_file_name(partial_name);
        let file = File::create(&partial)
            .with_context(|| format!("{} cannot be written", partial.display()))?;
        Ok(Self { path, partial, file: BufWriter::new(file), is_whole: false })
    }

    fn finish(mut self) -> anyhow::Result<PathBuf> {
        let finished = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        finished
            .and_then(|()| std::fs::rename(&self.partial, &self.path))
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.is_whole = true;
        Ok(std::mem::take(&mut self.path))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.is_whole {
            remove(&self.partial);
        }
    }
}

fn remove(partial: &Path) {
    if let Err(error) = std::fs::remove_file(partial) {
        tracing::warn!(%error, file = %partial.display(), "a half file could not be removed");
    }
}
