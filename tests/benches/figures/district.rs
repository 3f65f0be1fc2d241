//! The district that is measured: told once by `unstuck simulate` onto a bus that does not wait for the disk, kept
//! under `target/`, and copied for each run.
//!
//! Invariants: a kept folder is whole (it gets its name when it is) and is never run on, so that every run begins
//! alike; what was told ends at [`CLOCK_START`], where the clocks of the run begin.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use futures::TryStreamExt as _;
use proto_events::subject::CASES_STREAM;
use serde_json::{Value, json};
use tempfile::TempDir;
use unstuck_tests::api::PASSWORD;
use unstuck_tests::binary::{sample_district, unstuck, unstuck_command};
use unstuck_tests::district::{output_with_input, said};

use crate::places::{Bus, Product, Starting, managed_bus_soon, processor_seconds};
use crate::views::state_of;

const SEED: u64 = 1;

/// One year has them all: what a year's figures cost is then the worst.
const FROM: &str = "2025-01-01";
const TO: &str = "2025-12-31";

/// The close of business of the last day.
pub(crate) const CLOCK_START: &str = "2025-12-31T17:30:00+08:00";

/// Any day of the year that is told.
pub(crate) const PAST_DAY: &str = "2025-06-30";

pub(crate) const CLERK: &str = "clerk-jingshan";
pub(crate) const CENTER: &str = "jingshan";
/// Centers of the district that is measured: those of the sample district, and what it has less than twenty.
pub(crate) static CENTERS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let sample = std::fs::read_to_string(sample_district()).expect("the sample district");
    let ids = sample.split("[[center]]\nid = \"").skip(1).filter_map(|rest| rest.split('"').next());
    ids.map(ToOwned::to_owned).chain((1..=FURTHER_CENTERS).map(further)).collect()
});

/// What the sample district has less than twenty.
const FURTHER_CENTERS: usize = 3;

fn further(n: usize) -> String {
    format!("further-{n}")
}

/// The username of the clerk of a center.
pub(crate) fn clerk_at(center: &str) -> String {
    format!("clerk-{center}")
}

/// The file of the district that is measured, beside what was built.
pub(crate) static DISTRICT_FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let mut text = std::fs::read_to_string(sample_district()).expect("the sample district");
    for n in 1..=FURTHER_CENTERS {
        let id = further(n);
        text += &format!(
            "\n[[center]]\nid = \"{id}\"\ncode = \"FC{n}\"\nname = \"样例{n}街道政务服务中心\"\n\
             name_en = \"Sample {n} Subdistrict Government Service Center\"\n"
        );
    }
    let file = target().expect("a folder of what was built").join("bench-district.toml");
    std::fs::write(&file, text).expect("a file beside what was built");
    file
});

pub(crate) const HANDLER: &str = "handler-housing";
pub(crate) const COORDINATOR: &str = "coordinator";

/// The reactions on the stream of cases that the bus remembers, by their names there.
const REACTIONS: [&str; 3] = ["routing-forwarding", "escalation-help", "intake-aftercare"];

/// Longest wait for a reaction to make its consumer.
const REACTIONS_MAX: Duration = Duration::from_secs(60);

/// How long the product has nothing to do, and what of a core counts as nothing.
const CALM: Duration = Duration::from_secs(1);
const CALM_SHARE_MAX: f64 = 0.05;

/// Longest wait for the reactions to have seen everything.
const SETTLED_MAX: Duration = Duration::from_secs(900);

/// A copy of a told district, to run on.
pub(crate) struct Copy {
    folder: TempDir,
}

impl Copy {
    /// Copies the district of so many cases, which is told first when it is not there yet.
    pub(crate) async fn of(cases: u64) -> anyhow::Result<Self> {
        let kept = kept(cases).await?;
        let folder = tempfile::Builder::new().prefix("bench-run-").tempdir_in(target()?)?;
        let mut command = Command::new("cp");
        command.args(["-a", "--reflink=auto"]).arg(&kept).arg(folder.path().join("data"));
        run(command)?;
        Ok(Self { folder })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A folder beside the data.
    pub(crate) fn scratch(&self) -> &Path {
        self.folder.path()
    }
}

/// The version of the product under test.
pub(crate) fn version() -> anyhow::Result<String> {
    let output = unstuck_command().arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().nth(1).context("a version")?.to_owned())
}

/// The folder of what was built, on the same disk as the binary under test.
fn target() -> anyhow::Result<PathBuf> {
    let binary = unstuck();
    let folder = binary.parent().and_then(Path::parent).context("the binary has a folder")?;
    Ok(folder.to_owned())
}

async fn kept(cases: u64) -> anyhow::Result<PathBuf> {
    let target = target()?;
    let folder = target.join(format!("bench-district-{SEED}-{cases}-{}", version()?));
    if folder.is_dir() {
        return Ok(folder);
    }
    eprintln!("telling a district of {cases} cases, once …");
    let partial = tempfile::Builder::new().prefix("bench-district-").tempdir_in(&target)?;
    tell(partial.path(), cases).await?;
    std::fs::rename(partial.keep(), &folder)?;
    Ok(folder)
}

async fn tell(data: &Path, cases: u64) -> anyhow::Result<()> {
    // The services find their master key here; any will do.
    write_private(&data.join("master.key"), &"5a".repeat(32))?;
    let bus = Bus::start(data, false)?;
    let mut command = unstuck_command();
    command.args(["simulate", "--nats-url", &bus.url, "--data"]).arg(data);
    command.args(["--seed", &SEED.to_string(), "--cases", &cases.to_string()]);
    command.args(["--from", FROM, "--to", TO, "--district"]).arg(&*DISTRICT_FILE);
    let told = run(command)?;
    eprintln!("{}", told.lines().last().unwrap_or_default().trim());
    let mut people = vec![
        (HANDLER.to_owned(), "handler", vec!["--department", "housing"]),
        (COORDINATOR.to_owned(), "coordinator", vec![]),
    ];
    people.extend(CENTERS.iter().map(|id| (clerk_at(id), "clerk", vec!["--center", id])));
    for (username, role, place) in people {
        let mut command = unstuck_command();
        command.args(["staff", "add", "--nats-url", &bus.url, "--username", &username]);
        command.arg("--district").arg(&*DISTRICT_FILE);
        command.args(["--name", "测试员工", "--role", role, "--password-stdin"]).args(place);
        let output = output_with_input(command, PASSWORD);
        ensure!(output.status.success(), "{}", said(&output));
    }
    drop(bus);
    settle(data).await
}

/// What was told needs no reaction: it has been told what came of it. So the reactions begin behind it, as they would
/// in a district that has lived through it; without this they would look at millions of events while it is measured.
async fn settle(data: &Path) -> anyhow::Result<()> {
    {
        // The product makes its consumers itself; then it is ended in the middle of its start.
        let _starting = Starting::up(data, CLOCK_START);
        let context = managed_bus_soon(data).await?;
        let stream = context.get_stream(CASES_STREAM).await?;
        for name in REACTIONS {
            let started = Instant::now();
            while stream.consumer_info(name).await.is_err() {
                ensure!(started.elapsed() < REACTIONS_MAX, "no consumer {name}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    std::fs::remove_dir_all(data.join("views")).context("the views that were begun")?;
    let bus = Bus::start(data, false)?;
    let context = bus.connect().await?;
    let last = state_of(&context, CASES_STREAM).await?.last_sequence;
    for name in REACTIONS {
        let subject = format!("CONSUMER.RESET.{CASES_STREAM}.{name}");
        let answer: Value = context.request(subject, &json!({ "seq": last + 1 })).await?;
        ensure!(answer["error"].is_null(), "{name}: {answer}");
    }
    Ok(())
}

/// Waits until every reaction of the district has seen every event, and what is folded in memory at a start as well:
/// until the product has nothing to do.
pub(crate) async fn settled(context: &jetstream::Context, product: &Product) -> anyhow::Result<()> {
    no_reaction_behind(context).await?;
    let started = Instant::now();
    loop {
        let before = processor_seconds(product.id())?;
        tokio::time::sleep(CALM).await;
        let share = (processor_seconds(product.id())? - before) / CALM.as_secs_f64();
        if share < CALM_SHARE_MAX {
            return Ok(());
        }
        ensure!(started.elapsed() < SETTLED_MAX, "still busy: {share:.2} of a core");
    }
}

async fn no_reaction_behind(context: &jetstream::Context) -> anyhow::Result<()> {
    let stream = context.get_stream(CASES_STREAM).await?;
    let started = Instant::now();
    loop {
        let mut consumers = stream.consumers();
        let mut behind = Vec::new();
        while let Some(consumer) = consumers.try_next().await? {
            let left = consumer.num_pending + consumer.num_ack_pending as u64;
            if consumer.config.durable_name.is_some() && left > 0 {
                behind.push(format!("{} by {left}", consumer.name));
            }
        }
        if behind.is_empty() {
            return Ok(());
        }
        ensure!(started.elapsed() < SETTLED_MAX, "reactions are behind: {}", behind.join(", "));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn run(mut command: Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", said(&output));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
}
