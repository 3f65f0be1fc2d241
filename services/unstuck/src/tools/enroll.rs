//! `enroll`: lets a center connect with a server of its own, and takes that back.
//!
//! Invariants: each enrolment is a new credential and a new number, so that the machine of an earlier one is the center no more;
//! the file that is written is the only copy of the credential beside the bus's own; what was revoked is refused from the next
//! word on, and a center that is heard is told so before its line is broken: one that is not told goes on registering.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};
use desk::enrolled::{Enrolled, Enrolment, Trouble};
use proto_events::ids::CenterId;
use runtime::clock::{Clock as _, SystemClock};
use runtime::kv::Bucket;
use runtime::nats_server::seeds_folder;
use runtime::seeds::{Seed, seed_file};
use runtime::streams::ENROLLED_BUCKET;
use runtime::vault::MasterKey;
use tokio::time::Instant;

use crate::bus::users::center_name;
use crate::bus::{ToolBus, must_exist, on_bus};
use crate::cli::EnrollArguments;
use crate::join::Join;
use crate::say;
use crate::settings::{Enroll, MASTER_KEY_FILE, Place};

/// How long the running bus may take to let the center in.
const LET_IN_MAX: Duration = Duration::from_secs(10);

/// How long a center may take to hear that it is revoked: it asks every two seconds, when its line is up.
const TOLD_MAX: Duration = Duration::from_secs(6);

/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Enrolls a center, or revokes it.
pub(crate) async fn run(
    arguments: EnrollArguments,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    let Enroll { place, district, center, wanted } = Enroll::read(arguments, log_format)?;
    must_exist(&place)?;
    match wanted {
        None => {
            on_bus(&place, async |bus| revoke(&place, bus, &center).await).await?;
            say(format_args!("{center}: revoked; nothing of its machine is taken any more"));
            if place.remote_bus.is_some() {
                say("Remove its user from the configuration of the bus as well, and reload it.");
            }
        }
        Some((hub, out)) => {
            let key = MasterKey::load(&place.data.join(MASTER_KEY_FILE))?
                .context("there is no master key; start the district first")?;
            let seed = on_bus(&place, async |bus| enroll(&place, bus, &center).await).await?;
            let join = Join::new(district, center.clone(), hub, &seed, &key);
            join.write(&out).with_context(|| format!("{} cannot be written", out.display()))?;
            say(format_args!(
                "{center}: enrolled; {} opens its line: bring it to the machine, start there\n  \
                 unstuck center --join {}",
                out.display(),
                out.display()
            ));
        }
    }
    Ok(())
}

async fn enrolled(bus: &ToolBus) -> anyhow::Result<Enrolled> {
    Ok(Enrolled::new(Bucket::open(&bus.js, ENROLLED_BUCKET).await?))
}

async fn enroll(place: &Place, bus: &ToolBus, center: &CenterId) -> anyhow::Result<Seed> {
    let enrolled = enrolled(bus).await?;
    let before = enrolled.enrolment(center).await?;
    let seed = match &place.remote_bus {
        None => {
            let file = seed_file(&seeds_folder(&place.data), &center_name(center));
            remove(&file)?;
            Seed::read_or_make(&file)?
        }
        // The bus knows the seed that `bus-config` made.
        Some(remote) => {
            let seeds =
                remote.seeds.as_ref().context("name the seeds of the bus with --nats-seeds")?;
            Seed::read(&seed_file(seeds, &center_name(center)))?
        }
    };
    if !bus.is_alone {
        is_let_in(bus, center).await?;
    }
    let enrolment = Enrolment {
        number: before.map_or(1, |before| before.number + 1),
        enrolled_at: SystemClock.now().fixed_offset(),
        revoked_at: None,
    };
    enrolled.enrol(center, &enrolment).await?;
    Ok(seed)
}

/// Waits until the running bus knows the center's credential.
async fn is_let_in(bus: &ToolBus, center: &CenterId) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < LET_IN_MAX {
        if bus.ways.knows_now(&center_name(center)).await {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    bail!(
        "the bus does not let {center} in; is `unstuck up` or the bus's configuration an old one?"
    )
}

async fn revoke(place: &Place, bus: &ToolBus, center: &CenterId) -> anyhow::Result<()> {
    let enrolled = enrolled(bus).await?;
    let before = enrolled.enrolment(center).await?;
    let Some(before) = before else { bail!("{center} is not enrolled") };
    let revoked_at = Some(SystemClock.now().fixed_offset());
    enrolled.enrol(center, &Enrolment { revoked_at, ..before }).await?;
    if !bus.is_alone {
        is_told(&enrolled, center).await?;
    }
    match place.remote_bus {
        None => remove(&seed_file(&seeds_folder(&place.data), &center_name(center))),
        Some(_) => Ok(()),
    }
}

/// Waits until a center that was ever heard has been told; one whose line is down is not.
async fn is_told(enrolled: &Enrolled, center: &CenterId) -> anyhow::Result<()> {
    let started = Instant::now();
    while started.elapsed() < TOLD_MAX {
        match enrolled.line(center).await? {
            Some(line) if line.trouble != Some(Trouble::Revoked) => {}
            _ => return Ok(()),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    say(format_args!("{center} was not heard; its clerks are not told, and its line stays closed"));
    Ok(())
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", file.display()))
        }
        _ => Ok(()),
    }
}
