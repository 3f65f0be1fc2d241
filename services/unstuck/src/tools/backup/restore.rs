//! `restore`: both sets into a folder that has nothing yet.
//!
//! Invariants: everything is built beside the folder and takes its name at the end, so that what fails leaves nothing; events
//! get the sequences that they had, because other events name them; a key is not restored for whom the log says that he
//! was erased, nor where one of the sets says that it was destroyed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use age::{Identity, IdentityFile};
use anyhow::{Context as _, bail, ensure};
use async_nats::HeaderMap;
use proto_events::envelope::header;
use proto_events::events::CaseEventKind;
use proto_events::ids::CaseId;
use proto_events::registry::unversioned;
use proto_events::subject::CaseSubject;
use runtime::kv::Bucket;
use runtime::streams::CASE_KEYS_BUCKET;
use runtime::vault::{KeyState, MasterKey, Vault};

use super::set::{Kind, Line as SetLine, SetReader, Value};
use super::{BUCKETS, STREAMS, fault, sets_of};
use crate::bus::users::KEYS;
use crate::bus::{ToolBus, on_bus};
use crate::cli::{BusArguments, PlaceArguments, RestoreArguments};
use crate::progress::Progress;
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, MASTER_KEY_FILE, Place, Reader};
use crate::simulate::line::{Line, Message};
use crate::tools::{trace, views};

/// Restores a backup into an empty place, and proves the log.
pub(crate) async fn restore(
    arguments: RestoreArguments,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    let RestoreArguments { data, from, keys_from, identity, master_key } = arguments;
    let mut reader = Reader::new();
    let bus = BusArguments { nats_url: None, nats_seeds: None, nats_ca: None };
    let place = reader.place(PlaceArguments { data, bus });
    if place.remote_bus.is_some() {
        reader.0.fault("--data", "is restored with a bus of its own; take UNSTUCK_NATS_URL away");
    }
    let identities = read_identities(&identity)
        .map_err(|error| reader.0.fault("--identity", format!("{error:#}")))
        .unwrap_or_default();
    if !is_empty(&place.data) {
        let problem =
            format!("{} has something in it; a restore needs an empty place", place.data.display());
        reader.0.fault("--data", problem);
    }
    let district = reader.district(None);
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    let district = district.context("the district was read")?;
    let (events, keys) = sets_of(&from, keys_from.as_deref());
    let events = SetReader::open(&events, Kind::Events, &identities)?;
    let keys = SetReader::open(&keys, Kind::Keys, &identities)?;
    ensure!(
        events.head.site == keys.head.site,
        "the sets are of two sites: events of {}, keys of {}",
        events.head.site,
        keys.head.site
    );
    let master = key_of_site(master_key.as_deref(), &events.head.site)?;
    let building = Building::begin(&place.data)?;
    building.take_key(master_key.as_deref())?;
    let Place { data, nats_server, .. } = place;
    let scratch = Place { data: building.folder.clone(), remote_bus: None, nats_server };
    let of_set = events.head.at;
    let restored = on_bus(&scratch, async |bus| {
        let restored = write_back(bus, events, keys, &master).await?;
        let seals = restored.seals.clone();
        let streams = views::proved(bus, &scratch, &seals).await?;
        let found = streams.iter().find_map(|walked| walked.first_break.clone());
        ensure!(
            found.is_none(),
            "the events of the set were changed: {}",
            found.unwrap_or_default()
        );
        views::say_of_streams(&streams);
        let detail = format!("from a set of {}", of_set.format("%Y-%m-%dT%H:%M:%SZ"));
        trace::leave(bus, &district, &master, "restored", detail).await;
        Ok(restored)
    })
    .await?;
    building.finish(&data)?;
    say(format_args!(
        "Restored {} events, {} accounts and other entries, {} keys of cases to {}; {} people stay erased",
        restored.events,
        restored.entries,
        restored.keys,
        data.display(),
        restored.erased
    ));
    Ok(())
}

fn read_identities(files: &[PathBuf]) -> anyhow::Result<Vec<Box<dyn Identity>>> {
    let mut identities = Vec::new();
    for path in files {
        let named = || format!("{} is no identity file of age", path.display());
        let file = IdentityFile::from_file(path.display().to_string()).with_context(named)?;
        identities.extend(file.into_identities().with_context(named)?);
    }
    Ok(identities)
}

fn is_empty(data: &Path) -> bool {
    fs::read_dir(data).map_or(true, |mut entries| entries.next().is_none())
}

/// The master key that whoever restores brings; another opens nothing of what is restored.
fn key_of_site(file: Option<&Path>, site: &str) -> anyhow::Result<MasterKey> {
    let nowhere = Path::new("");
    let key = MasterKey::load(file.unwrap_or(nowhere))
        .map_err(|error| fault("--master-key", format!("{:#}", anyhow::Error::from(error))))?;
    let Some(key) = key else {
        return Err(fault(
            "--master-key",
            format!("is missing: this backup needs the master key {site}, which is in neither set"),
        ));
    };
    if key.fingerprint() != site {
        let problem = format!("is the key {}, and this backup needs {site}", key.fingerprint());
        return Err(fault("--master-key", problem));
    }
    Ok(key)
}

/// A folder that is built beside its name, and goes when it does not come so far.
struct Building {
    folder: PathBuf,
    is_finished: bool,
}

impl Building {
    fn begin(data: &Path) -> anyhow::Result<Self> {
        let name = data.file_name().context("--data names no folder")?.to_string_lossy();
        let folder = data.with_file_name(format!("{name}.restoring-{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        // A relative name would be another folder for the server that is started there.
        let folder = folder.canonicalize().context("the new folder has no path")?;
        Ok(Self { folder, is_finished: false })
    }

    fn take_key(&self, file: Option<&Path>) -> anyhow::Result<()> {
        let Some(file) = file else { return Ok(()) };
        // With its rights: it was readable for its owner only.
        fs::copy(file, self.folder.join(MASTER_KEY_FILE))
            .context("the master key cannot be copied")?;
        Ok(())
    }

    fn finish(mut self, data: &Path) -> anyhow::Result<()> {
        if data.is_dir() {
            fs::remove_dir(data).with_context(|| format!("{} is not empty", data.display()))?;
        }
        fs::rename(&self.folder, data)
            .with_context(|| format!("{} cannot be made", data.display()))?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        if !self.is_finished
            && let Err(error) = fs::remove_dir_all(&self.folder)
        {
            tracing::warn!(%error, folder = %self.folder.display(), "a half restored folder is left");
        }
    }
}

struct Restored {
    events: u64,
    entries: u64,
    keys: u64,
    erased: usize,
    seals: Vec<String>,
}

async fn write_back(
    bus: &ToolBus,
    events: SetReader,
    keys: SetReader,
    master: &MasterKey,
) -> anyhow::Result<Restored> {
    let mut restored = Restored { events: 0, entries: 0, keys: 0, erased: 0, seals: Vec::new() };
    let mut erased = write_events(bus, events, &mut restored).await?;
    write_keys(bus, keys, master, &mut erased, &mut restored).await?;
    restored.erased = erased.len();
    Ok(restored)
}

/// Gives the cases whose people were erased.
async fn write_events(
    bus: &ToolBus,
    mut set: SetReader,
    restored: &mut Restored,
) -> anyhow::Result<BTreeSet<CaseId>> {
    let mut lines = BTreeMap::new();
    for stream in STREAMS {
        lines.insert(stream, (Line::behind(&bus.js, stream).await?, 0));
    }
    let mut buckets = BTreeMap::new();
    for name in BUCKETS {
        buckets.insert(name, Bucket::open(&bus.js, name).await?);
    }
    let goal: u64 = set.head.streams.values().sum();
    let mut progress = Progress::of("Restoring");
    let mut erased = BTreeSet::new();
    loop {
        match set.next()? {
            SetLine::Event { stream, sequence, subject, headers, body, .. } => {
                let (line, reached) = lines
                    .get_mut(stream.as_str())
                    .with_context(|| format!("a stream {stream:?}"))?;
                ensure!(sequence == *reached + 1, "{stream}: events are missing behind {reached}");
                *reached = sequence;
                erased.extend(erased_by(&subject, &headers));
                let mut fields = HeaderMap::new();
                headers
                    .iter()
                    .for_each(|(name, value)| fields.insert(name.as_str(), value.as_str()));
                let body = body.into_bytes().context("an event of the set cannot be read")?;
                line.push(Message::stored(subject, fields, body)).await?;
                restored.events += 1;
                progress.step(restored.events, goal);
            }
            SetLine::Entry { bucket, key, value } => {
                let bucket =
                    buckets.get(bucket.as_str()).context("a bucket that is no part of a set")?;
                put(bucket, &key, value).await?;
                restored.entries += 1;
            }
            SetLine::End { seals, .. } => {
                restored.seals = seals;
                break;
            }
            SetLine::Head(_) => bail!("the set has two heads"),
        }
    }
    for (stream, (mut line, reached)) in lines {
        line.finish().await?;
        let stated = set.head.streams.get(stream).copied().unwrap_or(0);
        ensure!(stated == reached, "the stream {stream} ends at {reached}, not at {stated}");
    }
    Ok(erased)
}

/// The case whose person an event erases.
fn erased_by(subject: &str, headers: &BTreeMap<String, String>) -> Option<CaseId> {
    let erasure = unversioned(CaseEventKind::PersonalDataErased.event_type());
    let is_it =
        headers.get(header::TYPE).is_some_and(|event_type| unversioned(event_type) == erasure);
    CaseSubject::parse(subject).filter(|_| is_it).map(|subject| subject.case_id)
}

async fn write_keys(
    bus: &ToolBus,
    mut set: SetReader,
    master: &MasterKey,
    erased: &mut BTreeSet<CaseId>,
    restored: &mut Restored,
) -> anyhow::Result<()> {
    let bucket = Bucket::open(&bus.ways.line(KEYS).await?, CASE_KEYS_BUCKET).await?;
    let vault = Vault::new(bucket.clone(), master.clone());
    loop {
        match set.next()? {
            SetLine::Entry { bucket: name, key, value } => {
                ensure!(
                    name == CASE_KEYS_BUCKET,
                    "a bucket that is no part of the keys' set: {name:?}"
                );
                let case_id: CaseId =
                    key.parse().ok().with_context(|| format!("{key:?} is no id of a case"))?;
                if value.is_none() {
                    erased.insert(case_id);
                }
                if erased.contains(&case_id) {
                    continue;
                }
                put(&bucket, &key, value).await?;
                // Whether it opens is asked now, and not by the first clerk who needs it.
                let state = vault.state(case_id).await.context(
                    "a key of the set does not open; it needs the master key as it was when the set was written",
                )?;
                ensure!(
                    matches!(state, KeyState::Present(_)),
                    "the key of case {case_id} is not there"
                );
                restored.keys += 1;
            }
            SetLine::End { .. } => break,
            SetLine::Event { .. } | SetLine::Head(_) => {
                bail!("the keys' set has something else in it")
            }
        }
    }
    for case_id in erased.iter() {
        vault.destroy(*case_id).await?;
    }
    vault.note_wrapping_key().await?;
    Ok(())
}

async fn put(bucket: &Bucket, key: &str, value: Option<Value>) -> anyhow::Result<()> {
    match value {
        Some(value) => {
            let value = value.into_bytes().context("an entry of the set cannot be read")?;
            bucket.put(key, value).await?;
        }
        None => bucket.purge(key).await?,
    }
    Ok(())
}
