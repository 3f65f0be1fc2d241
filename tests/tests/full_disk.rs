//! A disk that is full, of the bus and of the views: who asks is told to come again, nothing that was acknowledged is lost.
//! When there is room again the bus goes on by itself, the views after a start.
//!
//! The disk is a small one in memory, which only root may mount; without the right the tests are left out, loudly.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::{Answer, Api, District, wait_for, wait_until};

/// A small disk in memory.
struct Disk {
    place: PathBuf,
}

impl Disk {
    /// Mounts one of so many megabytes, or says why not.
    fn mount(place: &Path, megabytes: u32) -> Option<Self> {
        std::fs::create_dir_all(place).expect("the folder is writable");
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "none"]).arg(place);
        let output = command.output().expect("there is a mount");
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            eprintln!("LEFT OUT: a full disk, because none can be mounted here: {reason}");
            return None;
        }
        Some(Self { place: place.to_owned() })
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }

    /// Leaves no room.
    fn fill(&self) {
        let mut filler = File::create(self.filler()).expect("the file can be made");
        let megabyte = vec![0; 1 << 20];
        while filler.write_all(&megabyte).is_ok() {}
        let byte = [0; 512];
        while filler.write_all(&byte).is_ok() {}
    }

    /// Makes room again.
    fn clear(&self) {
        std::fs::remove_file(self.filler()).expect("the file can be removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because the server may still end.
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

fn asked(clerk: &Api, n: u32) -> anyhow::Result<Answer> {
    let body = opening("jingshan", UNROUTED_MATTER, n);
    clerk.request("POST", "/v1/cases").key(format!("full-{n}")).json(&body).try_send()
}

#[test]
fn while_the_disk_of_the_bus_is_full_nothing_is_acknowledged_that_is_not_kept() {
    let district = District::start(None);
    district.shut_down();
    let Some(disk) = Disk::mount(&district.data().join("bus/store"), 48) else { return };
    district.bring_up();
    let clerk = district.clerk("jingshan");
    let mut opened = vec![asked(&clerk, 0).expect("an answer").expect_status(201)];
    disk.fill();
    let mut n = 0;
    // What was set aside for the next events may still do for some.
    let refused = wait_for("the disk is full", || {
        n += 1;
        let answer = asked(&clerk, n).expect("an answer");
        if answer.status == 201 {
            opened.push(answer);
            return None;
        }
        Some(answer)
    });
    assert_eq!(refused.status, 503, "{}", refused.text);
    assert!(refused.headers.contains_key("retry-after"), "{:?}", refused.headers);
    wait_until("the log says so", || district.logged().contains("the disk of the bus is full"));
    disk.clear();
    let again = wait_for("it goes on when there is room again", || {
        asked(&clerk, n).ok().filter(|answer| answer.status == 201)
    });
    opened.push(again);
    wait_until("every acknowledged case is shown", || {
        let list = clerk.request("GET", "/v1/cases?limit=1").send();
        list.status == 200 && list.json["total"] == opened.len()
    });
    for case in &opened {
        clerk.done(case.case_id(), "progress", json!({ "text": "已联系", "public": false }));
    }
    assert!(district.verify().status.success());
}

#[test]
fn while_the_disk_of_the_views_is_full_cases_are_opened_and_after_a_start_shown() {
    let district = District::start(None);
    district.shut_down();
    let Some(disk) = Disk::mount(&district.data().join("views"), 24) else { return };
    district.bring_up();
    let clerk = district.clerk("jingshan");
    disk.fill();
    let mut opened = 0;
    wait_until("the views stay behind", || {
        assert_eq!(asked(&clerk, opened).expect("an answer").status, 201);
        opened += 1;
        district.logged().contains("could not be folded")
    });
    disk.clear();
    // The store has seen an error and writes no more until it is opened anew; the events stand.
    district.kill();
    district.bring_up();
    wait_until("the views have them all", || {
        let list = clerk.request("GET", "/v1/cases?limit=1").send();
        list.status == 200 && list.json["total"] == opened
    });
    assert!(district.verify().status.success());
}
