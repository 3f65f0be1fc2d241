//! `backup` and `restore`: two sets of one site, each encrypted with age to recipients of its own.
//!
//! The events' set has the streams, the accounts and what reactions need; the keys' set has the wrapped keys of cases, with
//! the marks of those that were destroyed. Neither has the master key: it is the third secret, and whoever restores brings
//! it. Views are in no set, because they are built anew; nor are sessions, drafts and answers to repeats, which live for
//! hours.
//!
//! Invariants: the two sets have different readers, so that nobody who steals one set can read a person; a person who was
//! erased stays erased, whichever keys are restored; a set that is damaged, cut off or of another site restores nothing.

mod restore;
mod set;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use proto_events::subject::{AUDIT_STREAM, CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM};
use runtime::clock::{Clock as _, SystemClock};
use runtime::kv::Bucket;
use runtime::log::chain::Digest;
use runtime::log::jetstream::JetStreamLog;
use runtime::log::verify::Running;
use runtime::log::{EventLog as _, Recorded};
use runtime::seals::Seal;
use runtime::settings::{Fault, Faults};
use runtime::streams::{
    CASE_KEYS_BUCKET, ENROLLED_BUCKET, OPEN_MATTERS_BUCKET, PARKED_BUCKET, STAFF_BUCKET,
};
use runtime::vault::{MasterKey, WRAPPING_ENTRY};

use crate::bus::users::KEYS_READER;
use crate::bus::{ToolBus, must_exist, on_bus};
use crate::cli::BackupArguments;
use crate::progress::Progress;
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, MASTER_KEY_FILE, Reader};
use crate::tools::trace;

pub(crate) use restore::restore;
use set::{Head, Kind, Line, Recipients, SetWriter};

/// The streams of a site. The audit is pinned first, because its seals speak of the others; the cases last, because the
/// others speak of them.
const STREAMS: [&str; 4] = [AUDIT_STREAM, CENTERS_STREAM, LEARNING_STREAM, CASES_STREAM];

/// The buckets of the events' set.
const BUCKETS: [&str; 4] = [STAFF_BUCKET, OPEN_MATTERS_BUCKET, PARKED_BUCKET, ENROLLED_BUCKET];

/// Events that are read at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// What the audit says of a backup that was written.
pub(crate) const BACKED_UP: &str = "backed_up";

/// Names of the sets in their folder.
const EVENTS_FILE: &str = "events.age";
const KEYS_FILE: &str = "keys.age";

/// Writes both sets, beside a running `up` or without one.
pub(crate) async fn backup(
    arguments: BackupArguments,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    let BackupArguments { place, to, events_recipients, keys_recipients } = arguments;
    let mut reader = Reader::new();
    let place = reader.place(place);
    let mut read = |setting: &str, named: &[String]| {
        Recipients::read(named).map_err(|problem| reader.0.fault(setting, problem)).ok()
    };
    let events_recipients = read("--events-recipient", &events_recipients);
    let keys_recipients = read("--keys-recipient", &keys_recipients);
    let district = reader.district(None);
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    must_exist(&place)?;
    let recipients = events_recipients.zip(keys_recipients).context("the recipients were read")?;
    let district = district.context("the district was read")?;
    let master = MasterKey::load(&place.data.join(MASTER_KEY_FILE))?;
    let master =
        master.context("the site's master key is not here; without it nothing is sealed")?;
    make_folder(&to)?;
    let totals = on_bus(&place, async |bus| {
        let totals = write_sets(bus, &to, &master, recipients).await?;
        let Totals { events, keys, .. } = &totals;
        let detail = format!("{events} events, {keys} keys of cases");
        trace::leave(bus, &district, &master, BACKED_UP, detail).await;
        Ok(totals)
    })
    .await?;
    say(format_args!(
        "Backed up {} events, {} accounts and other entries, {} keys of cases to {}",
        totals.events,
        totals.entries,
        totals.keys,
        to.display()
    ));
    totals.seals.iter().for_each(|seal| say(format_args!("  {seal}")));
    say(format_args!(
        "The master key {} is in neither set; keep it apart from both",
        master.fingerprint()
    ));
    Ok(())
}

/// Makes the folder; one that has a set already is another backup's.
fn make_folder(to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for file in [EVENTS_FILE, KEYS_FILE] {
        if to.join(file).exists() {
            let problem =
                format!("{} has a {file} already; name a folder of its own", to.display());
            return Err(fault("--to", problem));
        }
    }
    Ok(())
}

struct Totals {
    events: u64,
    entries: usize,
    keys: usize,
    seals: Vec<String>,
}

async fn write_sets(
    bus: &ToolBus,
    to: &Path,
    master: &MasterKey,
    (for_events, for_keys): (Recipients, Recipients),
) -> anyhow::Result<Totals> {
    let mut pinned = BTreeMap::new();
    for stream in STREAMS {
        let log = JetStreamLog::open(bus.js.clone(), stream).await?;
        let head = log.head().await?;
        ensure!(
            head.last_sequence == 0 || head.first_sequence == 1,
            "the stream {stream} begins at {}: events are missing; run `unstuck verify`",
            head.first_sequence
        );
        pinned.insert(stream, (log, head.last_sequence));
    }
    let head = |kind| Head {
        kind,
        format: set::FORMAT,
        site: master.fingerprint(),
        at: SystemClock.now(),
        streams: pinned.iter().map(|(stream, (_, end))| ((*stream).to_owned(), *end)).collect(),
    };
    let mut writer = SetWriter::create(to.join(EVENTS_FILE), &for_events, head(Kind::Events))?;
    let goal: u64 = pinned.values().map(|(_, end)| end).sum();
    let mut progress = Progress::of("Backing up");
    let (mut seals, mut before) = (Vec::new(), 0);
    for stream in STREAMS {
        let Some((log, end)) = pinned.get(stream) else { continue };
        let step = |reached| progress.step(before + reached, goal);
        let digest = write_stream(&mut writer, log, stream, *end, step).await?;
        before += end;
        seals.push(Seal::new(&master.event_key(), stream, *end, digest).to_string());
    }
    let mut entries = 0;
    for name in BUCKETS {
        entries += write_bucket(&mut writer, &Bucket::open(&bus.js, name).await?, name).await?;
    }
    writer.finish(seals.clone())?;
    // Behind the events: a key is made before the event that it seals.
    let line = bus.ways.line(KEYS_READER).await?;
    let mut writer = SetWriter::create(to.join(KEYS_FILE), &for_keys, head(Kind::Keys))?;
    let bucket = Bucket::open(&line, CASE_KEYS_BUCKET).await?;
    let keys = write_bucket(&mut writer, &bucket, CASE_KEYS_BUCKET).await?;
    writer.finish(Vec::new())?;
    Ok(Totals { events: goal, entries, keys, seals })
}

async fn write_stream(
    writer: &mut SetWriter,
    log: &JetStreamLog,
    stream: &str,
    end: u64,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Digest> {
    let (mut reached, mut running) = (0, Running::default());
    while reached < end {
        let wanted = usize::try_from(end - reached).unwrap_or(EVENTS_AT_ONCE).min(EVENTS_AT_ONCE);
        let events = log.stretch(reached + 1, wanted).await?;
        ensure!(!events.is_empty(), "the stream {stream} ends at {reached}, before {end}");
        for event in events {
            let Recorded { sequence, .. } = event;
            ensure!(sequence == reached + 1, "{stream}: events are missing behind {reached}");
            running.take(&Digest::of(&event));
            writer.line(&Line::of_event(stream, &event))?;
            reached = sequence;
        }
        progress(reached);
    }
    Ok(running.digest())
}

async fn write_bucket(
    writer: &mut SetWriter,
    bucket: &Bucket,
    name: &str,
) -> anyhow::Result<usize> {
    let mut contents = bucket.snapshot().await?;
    // Which wrapping key it is, a restore sees from the master key that it is given.
    contents.retain(|(key, _)| key != WRAPPING_ENTRY);
    contents.sort_unstable_by(|one, other| one.0.cmp(&other.0));
    for (key, value) in &contents {
        writer.line(&Line::of_entry(name, key, value.as_deref()))?;
    }
    Ok(contents.len())
}

fn fault(setting: &str, problem: impl Into<String>) -> anyhow::Error {
    Faults(vec![Fault { setting: setting.to_owned(), problem: problem.into() }]).into()
}

/// Where both sets of a backup are.
fn sets_of(from: &Path, keys_from: Option<&Path>) -> (PathBuf, PathBuf) {
    (from.join(EVENTS_FILE), keys_from.unwrap_or(from).join(KEYS_FILE))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use runtime::streams::{
        DRAFTS_BUCKET, FIRST_RUN_BUCKET, IDEMPOTENCY_BUCKET, SESSIONS_BUCKET, bucket_names,
        stream_names,
    };

    use super::*;

    /// Buckets that stand in no set, and why.
    const LEFT_OUT: [(&str, &str); 4] = [
        (SESSIONS_BUCKET, "who was signed in signs in again"),
        (IDEMPOTENCY_BUCKET, "a day; the events themselves answer a repeat"),
        (DRAFTS_BUCKET, "three days, and somebody's name before he is registered"),
        (
            FIRST_RUN_BUCKET,
            "a link that opens a house without accounts, which a restored one is not",
        ),
    ];

    #[test]
    fn every_bucket_and_stream_is_in_one_set_or_left_out_for_a_reason() {
        let left_out = LEFT_OUT.map(|(name, _)| name);
        let known: Vec<&str> =
            BUCKETS.into_iter().chain([CASE_KEYS_BUCKET]).chain(left_out).collect();
        let distinct: BTreeSet<&str> = known.iter().copied().collect();
        assert_eq!(known.len(), distinct.len(), "in two places");
        assert_eq!(distinct, bucket_names().collect());
        let streams = stream_names().filter(|name| !name.starts_with("KV_"));
        assert_eq!(streams.collect::<BTreeSet<_>>(), STREAMS.map(str::to_owned).into());
    }
}
