//! The drill: back a site up, erase somebody, lose the site, restore newer events with older keys. And what must not happen:
//! a set that is damaged, cut off, mixed up, for somebody else or of another site restores nothing; a site whose master key
//! is lost or exchanged does not start.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use age::secrecy::ExposeSecret as _;
use age::x25519::Identity;
use serde_json::json;
use unstuck_tests::binary::unstuck_command;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::district::{Place, said};
use unstuck_tests::{District, wait_until};

/// A reader of sets, with his identity in a file.
struct Reader {
    recipient: String,
    file: PathBuf,
}

impl Reader {
    fn new(folder: &Path, name: &str) -> Self {
        let identity = Identity::generate();
        let file = folder.join(name);
        fs::write(&file, identity.to_string().expose_secret()).expect("the identity is written");
        Self { recipient: identity.to_public().to_string(), file }
    }
}

struct Drill {
    district: District,
    folder: tempfile::TempDir,
    events: Reader,
    keys: Reader,
}

impl Drill {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let events = Reader::new(folder.path(), "events.identity");
        let keys = Reader::new(folder.path(), "keys.identity");
        Self { district: District::start(None), folder, events, keys }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn back_up(&self, name: &str) -> PathBuf {
        let to = self.path(name);
        let done = self.district.tool(&[
            "backup",
            "--to",
            to.to_str().expect("a path"),
            "--events-recipient",
            &self.events.recipient,
            "--keys-recipient",
            &self.keys.recipient,
        ]);
        assert!(done.status.success(), "{}", said(&done));
        to
    }

    /// Restores with both identities and this master key.
    fn restore(&self, data: &Path, from: &Path, keys_from: &Path, master_key: &Path) -> Output {
        let mut command = unstuck_command();
        command.arg("restore").arg("--data").arg(data).arg("--from").arg(from);
        command.arg("--keys-from").arg(keys_from).arg("--master-key").arg(master_key);
        command.arg("--identity").arg(&self.events.file).arg("--identity").arg(&self.keys.file);
        command.output().expect("the binary can be started")
    }
}

#[track_caller]
fn refused(output: &Output, code: i32, what: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    assert!(said(output).contains(what), "{what}: {}", said(output));
    assert!(!said(output).contains("panicked"), "{}", said(output));
}

#[test]
fn who_was_erased_stays_erased_when_older_keys_are_restored_over_newer_events() {
    let drill = Drill::new();
    let clerk = drill.district.clerk("jingshan");
    let officer = drill.district.staff("privacy", "privacy_officer", Place::District);
    let coordinator = drill.district.coordinator();
    let stays = clerk.open(opening("jingshan", UNROUTED_MATTER, 1)).case_id().to_owned();
    let goes = clerk.open(opening("jingshan", UNROUTED_MATTER, 2)).case_id().to_owned();
    clerk.done(&goes, "withdraw", json!({ "reason": "本人不再办理" }));
    let older = drill.back_up("older");
    let erased = officer.done(&goes, "erase", json!({ "reason": "request" }));
    clerk.case_after(&erased);
    let newer = drill.back_up("newer");
    for sets in [&older, &newer] {
        let mut files: Vec<_> =
            fs::read_dir(sets).expect("sets").flatten().map(|file| file.file_name()).collect();
        files.sort();
        assert_eq!(files, ["events.age", "keys.age"]);
    }
    let figures = || coordinator.get("/v1/overview").json["figures"].clone();
    let before = (figures(), clerk.timeline(&stays), clerk.case(&stays)["applicant"].clone());

    // The site is lost; its master key was kept apart.
    drill.district.shut_down();
    let data = drill.district.data();
    let lost = drill.path("lost");
    fs::rename(&data, &lost).expect("the folder moves");
    let restored = drill.restore(&data, &newer, &older, &lost.join("master.key"));
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(
        said(&restored).contains("1 keys of cases")
            && said(&restored).contains("1 people stay erased"),
        "{}",
        said(&restored)
    );
    assert!(said(&restored).contains("CASES: 4 events, sealed up to 4"), "{}", said(&restored));
    drill.district.bring_up();
    wait_until("the views stand", || clerk.request("GET", "/v1/cases").send().json["total"] == 2);
    assert_eq!(
        (figures(), clerk.timeline(&stays), clerk.case(&stays)["applicant"].clone()),
        before
    );
    assert_eq!(clerk.case(&goes)["applicant"]["erased"], true);
    let verified = drill.district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
    // And it goes on: what is opened now follows what was restored.
    clerk.open(opening("jingshan", UNROUTED_MATTER, 3));
    assert!(drill.district.verify().status.success());
}

/// Starts a rotation and kills it once it has begun to wrap; `false` when it was faster.
fn rotation_cut_off(data: &Path, key: &Path) -> bool {
    let mut command = unstuck_command();
    let mut tool = command.args(["keys", "rotate", "--data"]).arg(data).spawn().expect("started");
    let is_rotating = || fs::read_to_string(key).expect("the key").contains("next ");
    while !is_rotating() && tool.try_wait().expect("the tool").is_none() {
        std::hint::spin_loop();
    }
    tool.kill().expect("killed");
    tool.wait().expect("ended");
    is_rotating()
}

#[test]
fn after_a_rotation_that_was_killed_everybody_is_read_and_the_old_file_opens_nothing() {
    let drill = Drill::new();
    let district = &drill.district;
    let clerk = district.clerk("jingshan");
    let officer = district.staff("privacy", "privacy_officer", Place::District);
    let open =
        |number| clerk.open(opening("jingshan", UNROUTED_MATTER, number)).case_id().to_owned();
    let cases: Vec<String> = (1..=40).map(open).collect();
    clerk.done(&cases[0], "withdraw", json!({ "reason": "本人不再办理" }));
    clerk.case_after(&officer.done(&cases[0], "erase", json!({ "reason": "request" })));
    let applicants = |cases: &[String]| {
        cases.iter().map(|id| clerk.case(id)["applicant"].clone()).collect::<Vec<_>>()
    };
    let before = applicants(&cases);
    let are_as_before = || {
        district.bring_up();
        wait_until("the views stand", || {
            clerk.request("GET", "/v1/cases").send().json["total"].as_u64() >= Some(40)
        });
        assert_eq!(applicants(&cases), before);
    };
    refused(&district.tool(&["keys", "rotate"]), 1, "stop it first");
    let (data, key) = (district.data(), district.data().join("master.key"));
    let (kept, sets) = (drill.path("kept.key"), drill.back_up("sets"));
    fs::copy(&key, &kept).expect("a copy");
    district.shut_down();
    wait_until("a rotation is cut off", || rotation_cut_off(&data, &key));
    are_as_before();
    // The same person with the same matter is known, and a new one is sealed under the next key.
    clerk.post("/v1/cases", opening("jingshan", UNROUTED_MATTER, 2)).refused(409, "duplicate_case");
    let later = open(41);
    district.shut_down();
    let rotated = district.tool(&["keys", "rotate"]);
    assert!(rotated.status.success() && said(&rotated).contains("anew"), "{}", said(&rotated));
    let text = fs::read_to_string(&key).expect("the key");
    assert!(text.lines().count() == 2 && !text.contains("next "), "the one before is let go");
    are_as_before();
    assert_eq!(clerk.case(&cases[0])["applicant"]["erased"], true);
    assert_ne!(clerk.case(&later)["applicant"]["erased"], true);
    assert!(district.verify().status.success(), "signatures stay");
    let newer = drill.back_up("newer");
    district.shut_down();

    // The file from before is known for what it is, at the start and by who restores.
    let rotated = drill.path("rotated.key");
    fs::copy(&key, &rotated).expect("a copy");
    fs::copy(&kept, &key).expect("the old file");
    let mut command = unstuck_command();
    command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
    refused(
        &command.output().expect("started"),
        64,
        "the file back that `unstuck keys rotate` wrote",
    );
    refused(&district.tool(&["keys", "rotate"]), 1, "the file back");
    let place = drill.path("restored");
    refused(&drill.restore(&place, &newer, &newer, &kept), 1, "as it was when the set was written");
    for (sets, key) in [(&sets, &kept), (&newer, &rotated)] {
        let restored = drill.restore(&place, sets, sets, key);
        assert!(restored.status.success(), "{}", said(&restored));
        fs::remove_dir_all(&place).expect("room for the next");
    }
    fs::copy(&rotated, &key).expect("the new file is back");
    are_as_before();
}

#[test]
fn a_set_that_is_not_as_it_was_written_restores_nothing() {
    let drill = Drill::new();
    drill.district.clerk("jingshan").open(opening("jingshan", UNROUTED_MATTER, 1));
    let sets = drill.back_up("sets");
    let key = drill.district.data().join("master.key");
    let place = drill.path("restored");
    let nothing = || {
        let left = fs::read_dir(drill.folder.path()).expect("a folder").flatten();
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with("restored")).count()
            == 0
    };
    let copy = |name: &str, change: &dyn Fn(&Path)| {
        let to = drill.path(name);
        fs::create_dir(&to).expect("a folder");
        for file in ["events.age", "keys.age"] {
            fs::copy(sets.join(file), to.join(file)).expect("a copy");
        }
        change(&to);
        to
    };
    let whole = fs::read(sets.join("events.age")).expect("the set");
    let cut = copy("cut", &|to| {
        fs::write(to.join("events.age"), &whole[..whole.len() - 40]).expect("cut");
    });
    let damaged = copy("damaged", &|to| {
        let mut bytes = whole.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(to.join("events.age"), bytes).expect("damaged");
    });
    let mixed = copy("mixed", &|to| {
        fs::copy(to.join("keys.age"), to.join("events.age")).expect("mixed");
    });
    let nonsense =
        copy("nonsense", &|to| fs::write(to.join("keys.age"), "hello").expect("written"));
    for (from, what) in [
        (&cut, "damaged or cut off"),
        (&damaged, "damaged or cut off"),
        (&mixed, "the sets were mixed up"),
        (&nonsense, "is no set"),
    ] {
        refused(&drill.restore(&place, from, from, &key), 1, what);
        assert!(nothing(), "{what}: something is left");
    }
    // Another site's master key, none, and an identity that opens nothing.
    let other = drill.path("other.key");
    fs::copy(&key, &other).expect("a copy");
    fs::write(&other, "0".repeat(64)).expect("another key");
    refused(&drill.restore(&place, &sets, &sets, &other), 64, "this backup needs");
    refused(
        &drill.restore(&place, &sets, &sets, &drill.path("nowhere.key")),
        64,
        "is in neither set",
    );
    let stranger = Reader::new(drill.folder.path(), "stranger.identity");
    let mut command = unstuck_command();
    command.arg("restore").arg("--data").arg(&place).arg("--from").arg(&sets);
    command.arg("--master-key").arg(&key).arg("--identity").arg(&stranger.file);
    refused(&command.output().expect("started"), 1, "does not open with this identity");
    // A place that has something in it.
    refused(&drill.restore(&drill.district.data(), &sets, &sets, &key), 64, "needs an empty place");
    assert!(nothing());
    // Who may read the keys alone reads no event, and the reverse.
    let again = drill.district.tool(&[
        "backup",
        "--to",
        sets.to_str().expect("a path"),
        "--events-recipient",
        "age1nobody",
        "--keys-recipient",
        "/nowhere",
    ]);
    refused(&again, 64, "is no recipient of age");
    assert!(said(&again).contains("is neither age1"), "{}", said(&again));
}

#[test]
fn a_site_whose_master_key_is_lost_or_exchanged_does_not_start() {
    let district = District::start(None);
    district.clerk("jingshan").open(opening("jingshan", UNROUTED_MATTER, 1));
    district.shut_down();
    let key = district.data().join("master.key");
    let kept = fs::read(&key).expect("the key");
    let start = || {
        let mut command = unstuck_command();
        command.args(["up", "--listen", "127.0.0.1:0", "--data"]).arg(district.data());
        command.output().expect("the binary can be started")
    };
    fs::remove_file(&key).expect("the key is lost");
    refused(&start(), 64, "master.key: ");
    refused(&start(), 64, "put it back");
    assert!(!key.exists(), "none is made in its place");
    fs::write(&key, "1".repeat(64)).expect("another key");
    refused(&start(), 64, "can be read by others");
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("rights");
    refused(&start(), 64, "is not the one of this log");
    // A credential of systemd takes its place.
    let credentials = tempfile::tempdir().expect("a folder");
    fs::write(credentials.path().join("master.key"), &kept).expect("the credential");
    let mut command = unstuck_command();
    command.arg("verify").arg("--data").arg(district.data());
    command.env("CREDENTIALS_DIRECTORY", credentials.path());
    let verified = command.output().expect("the binary can be started");
    assert!(
        verified.status.success() && said(&verified).contains("CASES: 1 events"),
        "{}",
        said(&verified)
    );
    fs::write(&key, kept).expect("the key is back");
    district.bring_up();
}
