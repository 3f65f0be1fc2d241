//! Every command of the runbook, typed as it stands there, against a running district: it is understood, it ends as the
//! runbook says, and what it shows is not empty. What belongs to the machine (systemd, its clock) is left out, by name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use age::secrecy::ExposeSecret as _;
use serde_json::json;
use unstuck_tests::api::PASSWORD;
use unstuck_tests::binary::{repository, sample_district, unstuck};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::district::{Place, said};
use unstuck_tests::{District, wait_until};

/// What only a machine with systemd, or another version, can be told.
const OF_THE_MACHINE: [&str; 4] =
    ["systemctl ", "journalctl ", "timedatectl", "install -m 755 unstuck-OLD"];

/// Commands at least that are typed here.
const TYPED_MIN: usize = 20;

/// What stands between fences, a command at a time, without what is said about it.
fn commands(text: &str) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut goes_on = false;
    for block in text.split("```").skip(1).step_by(2) {
        for line in block.lines().filter(|line| !line.trim().is_empty()) {
            let line = line.split("  #").next().unwrap_or(line).trim();
            match (goes_on, all.last_mut()) {
                (true, Some(before)) => {
                    *before = format!("{} {line}", before.trim_end_matches('\\'))
                }
                _ => all.push(line.to_owned()),
            }
            goes_on = line.ends_with('\\') || line.ends_with('|');
        }
    }
    all
}

/// Types a command into a shell that finds the program.
fn typed(command: &str, folder: &Path) -> Output {
    let binary = unstuck();
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", binary.parent().expect("a folder").display());
    let mut shell = Command::new("bash");
    shell.args(["-c", command]).current_dir(folder).env("PATH", path).env("PASSWORD", PASSWORD);
    shell.output().expect("a shell")
}

#[test]
fn every_command_of_the_runbook_does_what_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    drop(district.staff("privacy-officer", "privacy_officer", Place::District));
    let ended = clerk.open(opening("jingshan", UNROUTED_MATTER, 1)).case_id().to_owned();
    let withdrawn = clerk.done(&ended, "withdraw", json!({ "reason": "本人不再办理" }));
    clerk.case_after(&withdrawn);

    // What a site has beside the machine: sets, who opens them, a copy of the key, a certificate.
    let mut recipients = Vec::new();
    for name in ["EVENTS.txt", "KEYS.txt"] {
        let identity = age::x25519::Identity::generate();
        fs::write(path(name), identity.to_string().expose_secret()).expect("an identity");
        recipients.push(identity.to_public().to_string());
    }
    let kept = ["--events-recipient", &recipients[0], "--keys-recipient", &recipients[1]];
    let backed_up =
        district.tool(&[["backup", "--to", &path("BACKUP")].as_slice(), &kept].concat());
    assert!(backed_up.status.success(), "{}", said(&backed_up));
    fs::copy(district.data().join("master.key"), path("master.key")).expect("the key is copied");
    let certificate = rcgen::generate_simple_self_signed(["bus.example".to_owned()]);
    fs::write(path("server.crt"), certificate.expect("a certificate").cert.pem()).expect("a file");
    let verified = district.tool(&["verify"]);
    let seal = said(&verified)
        .lines()
        .find_map(|line| line.strip_prefix("CASES: ")?.rsplit(' ').next().map(str::to_owned));
    let seal = seal.expect("a seal is printed");

    let replaced = [
        ("DATA", district.data().display().to_string()),
        ("127.0.0.1:8420", district.address().trim_start_matches("http://").to_owned()),
        ("/etc/unstuck/district.toml", sample_district().display().to_string()),
        ("/etc/nats/server.crt", path("server.crt")),
        ("cases/CASE/", format!("cases/{ended}/")),
        ("COPY", path("master.key")),
        ("SEAL", seal),
    ];

    let text = fs::read_to_string(repository().join("deploy/RUNBOOK.md")).expect("the runbook");
    let (mut count, mut left_out, mut token) = (0, BTreeSet::new(), String::new());
    for command in commands(&text) {
        if let Some(of) = OF_THE_MACHINE.iter().find(|of| command.starts_with(**of)) {
            left_out.insert(*of);
            continue;
        }
        let mut line = command.clone();
        for (from, to) in &replaced {
            line = line.replace(from, to);
        }
        // What one line sets the next one uses.
        if line.starts_with("TOKEN=") {
            token = format!("set -o pipefail; {line}; ");
            continue;
        }
        let output = typed(&format!("{token}{line}"), folder.path());
        token.clear();
        count += 1;
        let told = said(&output);
        if command.starts_with("unstuck parked settle") {
            // Nothing was given up on here; with something: tests/doctor.rs.
            assert!(told.contains("routing-forwarding"), "{line}\n{told}");
            continue;
        }
        assert!(output.status.success() && !told.contains("/problems/"), "{line}\n{told}");
        let shows = !output.stdout.is_empty() || command.starts_with("install ");
        assert!(shows || is_quiet_when_all_is_well(&command), "{line} shows nothing\n{told}");
    }
    assert!(count >= TYPED_MIN, "only {count} commands were typed");
    assert_eq!(left_out.into_iter().collect::<Vec<_>>(), {
        let mut all = OF_THE_MACHINE;
        all.sort_unstable();
        all
    });
    wait_until("the person is forgotten", || clerk.case(&ended)["applicant"]["erased"] == true);
}

/// Whether a command that finds nothing wrong says nothing.
fn is_quiet_when_all_is_well(command: &str) -> bool {
    ["unstuck events --quarantined", "unstuck parked list"]
        .iter()
        .any(|one| command.starts_with(one))
}
