//! The doctor: what it finds, what it says that means, and that the command which it gives mends it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use age::x25519::Identity;
use serde_json::{Value, json};
use unstuck_tests::binary::{sample_district, unstuck_command};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::{District, Place, said, spoilt_copy};
use unstuck_tests::wait_until;

/// What the doctor found: look, state, words, fix.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    look: String,
    state: String,
    found: String,
    fix: String,
}

fn asked(district: &District, more: &[&str]) -> (Vec<Finding>, Option<i32>) {
    let output = district.tool(&[&["doctor", "--json"], more].concat());
    (findings(&output), output.status.code())
}

#[track_caller]
fn findings(output: &Output) -> Vec<Finding> {
    let answer: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)));
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let list = answer["findings"].as_array().expect("findings");
    let list: Vec<Finding> = list
        .iter()
        .map(|one| Finding {
            look: text(one, "look"),
            state: text(one, "state"),
            found: text(one, "found"),
            fix: text(one, "fix"),
        })
        .collect();
    for one in &list {
        assert_eq!(
            one.state == "ok",
            one.fix.is_empty(),
            "what is not well has a way to mend it: {one:?}"
        );
    }
    list
}

/// The findings of a look that are not well.
fn not_well<'a>(findings: &'a [Finding], look: &str) -> Vec<&'a Finding> {
    findings.iter().filter(|one| one.look == look && one.state != "ok").collect()
}

#[track_caller]
fn only<'a>(findings: &'a [Finding], look: &str, state: &str) -> &'a Finding {
    let found = not_well(findings, look);
    assert!(
        found.len() == 1 && found[0].state == state,
        "{look} is not {state} once: {findings:#?}"
    );
    found[0]
}

/// Runs a fix as it is printed, with the program that is tested in the place of `unstuck`.
#[track_caller]
fn run(fix: &str) {
    let program = unstuck_command().get_program().to_string_lossy().into_owned();
    let fix = fix
        .strip_prefix("unstuck ")
        .map_or_else(|| fix.to_owned(), |rest| format!("{program} {rest}"));
    let output = Command::new("sh").args(["-c", &fix]).output().expect("sh runs");
    assert!(output.status.success(), "{fix}: {}", said(&output));
}

/// Does something to the bus that only its owner may.
fn as_owner<T>(
    bus: &Bus,
    work: impl AsyncFnOnce(async_nats::jetstream::Context) -> anyhow::Result<T>,
) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let done = runtime.block_on(async {
        work(async_nats::jetstream::new(async_nats::connect(bus.url()).await?)).await
    });
    done.unwrap_or_else(|error| panic!("{error:#}"))
}

fn limit_cases(bus: &Bus, messages: i64) {
    as_owner(bus, async |js| {
        let mut config = js.get_stream("CASES").await?.cached_info().config.clone();
        config.max_messages = messages;
        js.update_stream(config).await?;
        Ok(())
    });
}

#[test]
fn a_house_that_is_well_is_told_so_and_what_is_wrong_in_its_folder_is_mended_by_what_is_printed() {
    let district = District::start(None);
    let _ = district.staff("admin", "admin", Place::District);
    let (found, code) = asked(&district, &[]);
    let looks = [
        "master_key",
        "calendar",
        "disk",
        "server_version",
        "sync_interval",
        "clock",
        "streams",
        "events",
        "master_key_fits",
        "consumers",
        "parked",
        "quarantine",
        "views",
        "accounts",
        "backup",
    ];
    for look in looks {
        assert!(found.iter().any(|one| one.look == look), "nobody looked at {look}: {found:#?}");
    }
    let troubles: Vec<_> = found.iter().filter(|one| one.state == "wrong").collect();
    assert!(troubles.is_empty() && code == Some(0), "{troubles:#?}");

    let none_yet = only(&found, "backup", "note").fix.clone();
    let sets = district.data().with_file_name("sets");
    let reader = || Identity::generate().to_public().to_string();
    let fix = none_yet.replace("--to DIR", &format!("--to {}", sets.display()));
    run(&fix.replacen("age1…", &reader(), 1).replacen("age1…", &reader(), 1));
    assert_eq!(not_well(&asked(&district, &[]).0, "backup"), Vec::<&Finding>::new());

    let key = district.data().join("master.key");
    run(&format!("chmod 644 {}", key.display()));
    let (found, code) = asked(&district, &[]);
    assert_eq!(code, Some(1));
    run(&only(&found, "master_key", "wrong").fix);
    assert!(not_well(&asked(&district, &[]).0, "master_key").is_empty());

    let offline = district.data().with_file_name("offline.key");
    fs::rename(&key, &offline).expect("the key is away");
    let fix = only(&asked(&district, &[]).0, "master_key", "wrong").fix.clone();
    run(&fix.replace("COPY", &offline.to_string_lossy()));
    assert!(not_well(&asked(&district, &[]).0, "master_key").is_empty());

    let other = "0".repeat(64);
    fs::write(&key, other).expect("another key");
    let found = asked(&district, &[]).0;
    let fix = only(&found, "master_key_fits", "wrong").fix.clone();
    run(&fix.replace("COPY", &offline.to_string_lossy()));

    let config = district.data().join("bus/nats-server.conf");
    let text = fs::read_to_string(&config).expect("the configuration");
    fs::write(&config, text.replace("sync_interval: always", "")).expect("spoilt");
    assert!(only(&asked(&district, &[]).0, "sync_interval", "wrong").fix.contains("restart"));
    district.shut_down();
    district.bring_up();
    let (found, code) = asked(&district, &[]);
    assert!(found.iter().all(|one| one.state != "wrong") && code == Some(0), "{found:#?}");

    // For people, the same in words.
    let told = said(&district.tool(&["doctor"]));
    assert!(
        told.contains("ok     master key ") && told.contains("ok     the view cases is up to date"),
        "{told}"
    );
}

/// A district file whose calendar has ended and whose people need a second factor.
fn strict_and_old(folder: &Path) -> PathBuf {
    let calendars = folder.join("calendars");
    fs::create_dir(&calendars).expect("a folder");
    fs::write(calendars.join("old.toml"), "[2021]\noff = []\nwork = []\n").expect("a calendar");
    let districts = folder.join("districts");
    fs::create_dir(&districts).expect("a folder");
    let changes = [
        ("calendar = \"cn\"", "calendar = \"old\""),
        ("[limits]", "[accounts]\nsecond_factor = \"required\"\n\n[limits]"),
    ];
    spoilt_copy(&sample_district(), &districts, &changes)
}

#[test]
fn what_somebody_did_to_the_bus_is_named_with_its_field_and_gone_once_it_is_mended() {
    let mut bus = Bus::start();
    let district = District::start_on(&bus);
    let _ = district.coordinator();
    limit_cases(&bus, 1_000_000);
    as_owner(&bus, async |js| Ok(js.delete_stream("KV_drafts").await?));
    let parked = json!({
        "reaction": "routing-forwarding", "stream": "CASES", "sequence": 7, "subject": "case.jingshan.x",
        "event_type": null, "delivered": 7, "reason": "a department that is gone", "at": "2026-12-01T00:00:00Z",
    });
    bus.put("$KV.parked.routing-forwarding.7", &[], &parked.to_string());
    bus.put("case.jingshan.nonsense", &[], "{}");
    wait_until("what nobody can read is set aside", || {
        district.metric("unstuck_quarantine_events") >= 1.0
    });

    let folder = tempfile::tempdir().expect("a folder");
    let file = strict_and_old(folder.path());
    let (found, code) = asked(&district, &["--district", &file.to_string_lossy()]);
    assert_eq!(code, Some(1));
    let drift = only(&found, "stream_drift", "wrong");
    assert_eq!(drift.found, "stream CASES: max_msgs is 1000000, not -1");
    assert_eq!(drift.fix, "nats stream edit CASES --max-msgs=-1");
    assert!(only(&found, "missing_stream", "wrong").found.contains("KV_drafts"));
    assert!(only(&found, "quarantine", "wrong").found.starts_with("1 events"));
    assert!(only(&found, "calendar", "wrong").found.contains("ended on 2021-12-31"));
    assert!(only(&found, "second_factor", "note").found.ends_with(": coordinator"));
    assert!(
        not_well(&found, "consumers").is_empty() && not_well(&found, "views").is_empty(),
        "{found:#?}"
    );
    let fix = only(&found, "parked", "wrong").fix.clone();
    run(&fix.replace("$UNSTUCK_NATS_URL", &bus.url()));
    limit_cases(&bus, -1);

    district.kill();
    let (found, _) = asked(&district, &[]);
    let reactions: Vec<_> =
        not_well(&found, "consumers").iter().map(|one| one.found.clone()).collect();
    assert_eq!(reactions.len(), 3, "{reactions:?}");
    assert!(reactions.iter().all(|found| found.contains("nobody takes events")), "{reactions:?}");
    assert_eq!(only(&found, "views", "wrong").found, "no projection runs");

    // A start makes the bucket, takes the events, and has the views.
    district.bring_up();
    let (found, _) = asked(&district, &[]);
    for look in ["stream_drift", "missing_stream", "parked", "consumers", "views"] {
        assert!(not_well(&found, look).is_empty(), "{found:#?}");
    }

    bus.kill();
    let (found, code) = asked(&district, &[]);
    assert_eq!(code, Some(1));
    assert!(only(&found, "bus", "wrong").found.starts_with("the bus cannot be reached"));
    bus.bring_up();
}
