//! Bad settings and bad files: all faults at once, a clear exit code, and nothing lost.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use unstuck_tests::binary::{sample_district, unstuck_command};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::{said, spoilt_copy};
use unstuck_tests::process::processes_of;
use unstuck_tests::{Api, District, wait_until};

/// The exit code of settings that cannot be used (EX_USAGE of sysexits.h).
const EXIT_SETTINGS: i32 = 64;

fn up(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = unstuck_command();
    command.arg("up").arg("--data").arg(folder.join("data")).args(arguments);
    command.output().expect("the binary can be started")
}

#[test]
fn all_five_mistakes_of_a_district_file_are_named_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = spoilt_copy(
        &sample_district(),
        folder.path(),
        &[
            ("\"09:00-12:00\"", "\"12:00-09:00\""),
            ("coordinator = \"government-service\"", "coordinator = \"nobody-here\""),
            ("id = \"jingshan\"", "id = \"donghuashi\""),
            ("id = \"dongsi\"", "id = \"Dong.Si\""),
            ("department = \"housing\"", "department = \"no-such-department\""),
        ],
    );
    let file = file.to_str().expect("a path in UTF-8");
    let output = up(folder.path(), &["--listen", "127.0.0.1:0", "--district", file]);
    assert_eq!(output.status.code(), Some(EXIT_SETTINGS), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stderr);
    for fault in ["12:00-09:00", "nobody-here", "donghuashi", "Dong.Si", "no-such-department"] {
        assert!(text.contains(fault), "{fault} is not named:\n{text}");
    }
    assert!(processes_of(folder.path()).is_empty(), "something was started");
}

#[test]
fn settings_that_cannot_be_used_are_refused_together() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |arguments: &[&str]| {
        let output = up(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(EXIT_SETTINGS), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty(), "{}", said(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let clock =
        ["--clock-start", "2021-01-26T15:10:00+08:00", "--nats-url", "nats://127.0.0.1:4222"];
    let text = refused(&clock);
    assert!(text.contains("clock-start") && text.contains("nats-url"), "{text}");
    let text = refused(&["--listen", "nowhere", "--district", "/no/such/file.toml"]);
    assert!(text.contains("nowhere") && text.contains("/no/such/file.toml"), "{text}");
    refused(&["--clock-start", "yesterday"]);
    let text = refused(&["--trusted-proxies", "10.0.0.0/8, proxy"]);
    assert!(text.contains("--trusted-proxies") && text.contains("\"proxy\""), "{text}");
    refused(&["--no-such-flag"]);
}

#[test]
fn keys_are_not_rotated_on_a_bus_that_others_may_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = unstuck_command();
    command.args(["keys", "rotate", "--nats-url", "nats://127.0.0.1:4222", "--data"]);
    let output = command.arg(folder.path()).output().expect("the binary can be started");
    assert_eq!(output.status.code(), Some(EXIT_SETTINGS), "{}", said(&output));
    assert!(said(&output).contains("no service running"), "{}", said(&output));
}

#[test]
fn an_occupied_port_is_said_in_a_line_and_everything_ends() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let output = up(folder.path(), &["--listen", &address]);
    assert!(output.status.code().is_some_and(|code| code != 0), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().filter(|line| line.contains(&address)).count();
    assert_eq!(lines, 1, "one line about {address}:\n{text}");
    assert!(!text.contains("panicked") && !text.contains("backtrace"), "{text}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Listening"), "{}", said(&output));
    wait_until("its nats-server has ended too", || processes_of(folder.path()).is_empty());
}

#[test]
fn staff_that_do_not_fit_are_refused() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let add = |arguments: &[&str], password: &str| {
        let mut command = unstuck_command();
        command.args(["staff", "add", "--data"]).arg(district.data());
        command.args(["--name", "测试员工", "--password-stdin"]).args(arguments);
        unstuck_tests::district::output_with_input(command, password)
    };
    let password = unstuck_tests::api::PASSWORD;
    for (arguments, password) in [
        (["--username", "a", "--role", "clerk", "--center", "no-such-center"].as_slice(), password),
        (["--username", "a", "--role", "clerk"].as_slice(), password),
        (["--username", "a", "--role", "handler", "--department", "nowhere"].as_slice(), password),
        (["--username", "a", "--role", "emperor"].as_slice(), password),
        (["--username", "a.>", "--role", "clerk", "--center", "jingshan"].as_slice(), password),
        (["--username", "a", "--role", "clerk", "--center", "jingshan"].as_slice(), "short"),
        (
            ["--username", clerk.username(), "--role", "clerk", "--center", "jingshan"].as_slice(),
            password,
        ),
    ] {
        let output = add(arguments, password);
        assert!(!output.status.success(), "{arguments:?} was taken");
        assert!(!said(&output).contains("panicked"), "{}", said(&output));
        assert!(!said(&output).contains(password), "the password is shown: {}", said(&output));
    }
}

#[test]
fn an_event_that_nobody_can_read_is_put_aside_and_the_others_go_on() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("jingshan");
    let marked = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    let before = district.metric("unstuck_quarantined_events_total");

    // A body without an envelope; an envelope of a type nobody knows, on a case that exists.
    bus.put("case.jingshan.00000000-0000-5000-8000-000000000001", &[], "not json at all \u{0}");
    bus.put(
        &format!("case.jingshan.{}", marked.case_id()),
        &[
            ("ce-specversion", "1.0"),
            ("ce-id", "00000000-0000-5000-8000-000000000002"),
            ("ce-source", "/dongcheng/elsewhere"),
            ("ce-type", "cn.unstuck.case.enchanted.v7"),
            ("ce-subject", marked.case_id()),
            ("ce-time", "2026-01-01T00:00:00+00:00"),
            ("ce-recordedat", "2026-01-01T00:00:00+00:00"),
            ("ce-actor", "somebody"),
            ("ce-role", "clerk"),
            ("ce-commandid", "00000000-0000-5000-8000-000000000003"),
        ],
        "{}",
    );

    wait_until("both are counted", || {
        district.metric("unstuck_quarantined_events_total") >= before + 2.0
    });
    // The others go on: in the views, in the reactions.
    let other = clerk.open(opening("jingshan", "公租房申请", 2));
    clerk.case_in_state(other.case_id(), "forwarded");
    assert_eq!(clerk.get("/v1/cases").json["total"], 2);
    // And after a restart they are met again, not lost.
    district.shut_down();
    district.bring_up();
    let third = clerk.open(opening("jingshan", "公租房申请", 3));
    clerk.case_in_state(third.case_id(), "forwarded");
    assert_eq!(clerk.case(marked.case_id())["state"], "opened");
}

#[test]
fn views_that_are_cut_in_half_are_set_aside_and_rebuilt() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let coordinator = district.coordinator();
    let mut cases = Vec::new();
    for n in 1..=12 {
        let matter = if n % 2 == 0 { "公租房申请" } else { UNROUTED_MATTER };
        let opened = clerk.open(opening("jingshan", matter, n));
        if n % 2 == 0 {
            clerk.case_in_state(opened.case_id(), "forwarded");
        }
        cases.push(opened.case_id().to_owned());
    }
    let before = picture(&coordinator, &cases);

    district.shut_down();
    let views = district.data().join("views");
    assert!(cut_in_half(&views) > 0, "no file of views under {}", views.display());
    district.bring_up();

    wait_until("the views are there again", || {
        coordinator.request("GET", "/v1/cases").send().json["total"] == cases.len()
    });
    assert_eq!(picture(&coordinator, &cases), before);
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));

    // The same with the folder gone altogether.
    district.shut_down();
    fs::remove_dir_all(&views).expect("the views can be removed");
    district.bring_up();
    wait_until("the views are there once more", || {
        coordinator.request("GET", "/v1/cases").send().json["total"] == cases.len()
    });
    assert_eq!(picture(&coordinator, &cases), before);
}

/// What the views say, without the time at which they say it.
fn picture(api: &Api, cases: &[String]) -> Vec<Value> {
    let mut answers = vec![
        json!(api.whole_list("/v1/cases?sort=-opened_at")),
        api.get("/v1/overview").json["figures"].clone(),
    ];
    for id in cases {
        answers.push(api.case(id));
        answers.push(json!(api.timeline(id)));
    }
    answers.into_iter().map(without_as_of).collect()
}

fn without_as_of(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| !name.starts_with("as_of"));
        for (_, inner) in object.iter_mut() {
            *inner = without_as_of(inner.take());
        }
    }
    value
}

/// Cuts every file under a folder to half of its length; gives how many had something to lose.
fn cut_in_half(folder: &Path) -> usize {
    let mut cut = 0;
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            cut += cut_in_half(&path);
            continue;
        }
        let file = fs::OpenOptions::new().write(true).open(&path).expect("the file can be opened");
        let length = file.metadata().expect("the file has a length").len();
        file.set_len(length / 2).expect("the file can be cut");
        cut += usize::from(length > 1);
    }
    cut
}
