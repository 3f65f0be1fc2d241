//! The demo from outside: its history stands before anybody looks, and a second start adds nothing.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A working day, in the middle of office hours; no clock strikes within the minute of the test.
const NOW: &str = "2026-03-04T10:02:00+08:00";

fn unstuck() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unstuck"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("UNSTUCK_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `up --demo` until it listens, stops it, and gives what it said on stdout up to the accounts' password.
fn run_demo(data: &Path) -> Vec<String> {
    let log = std::fs::File::create(data.join("up.log")).expect("a log");
    let mut child: Child = unstuck()
        .args(["up", "--demo", "--listen", "127.0.0.1:0", "--clock-start", NOW, "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the binary can be started");
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("standard output is piped")).lines() {
        lines.push(line.expect("a line of text"));
        if lines.last().is_some_and(|line| line.starts_with("Demo accounts")) {
            break;
        }
    }
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let ended = ended.expect("kill can be run");
    assert!(ended.success());
    let status = child.wait().expect("a child can be waited for");
    let log = std::fs::read_to_string(data.join("up.log")).expect("a log");
    assert!(status.success(), "{status}\n{log}");
    assert!(!log.contains("ends a story") && !log.contains("ERROR"), "{log}");
    lines
}

fn events(data: &Path) -> Vec<String> {
    let output = unstuck().args(["events", "--data"]).arg(data).output();
    let output = output.expect("the binary can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_demo_is_told_once_and_one_that_was_cut_is_told_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let said = run_demo(data);
    assert!(said[0].starts_with("Listening on http://127.0.0.1:"), "{said:?}");
    let first = events(data);
    assert!(first.len() > 300, "{}", first.len());
    for name in ["opened", "returned", "task_force_convened", "not_doable_determined", "reopened"] {
        let event_type = format!("\"cn.unstuck.case.{name}.v1\"");
        assert!(first.iter().any(|line| line.contains(&event_type)), "{name}");
    }
    assert!(!first.iter().any(|line| line.contains("样例·") || line.contains("1380000")));

    // As if the telling had been cut before its end was written down.
    let mark = data.join("demo.json");
    let text = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, text.replace("\"complete\":true", "\"complete\":false")).unwrap();
    let again = run_demo(data);
    assert_eq!(again[1], said[1], "the password is the same");
    assert_eq!(events(data), first);
    assert!(std::fs::read_to_string(&mark).unwrap().contains("\"complete\":true"));
    assert_eq!(run_demo(data)[1], said[1]);
    assert_eq!(events(data), first);

    let verified = unstuck().args(["verify", "--data"]).arg(data).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert_eq!(text, format!("No difference: {} events, 50 cases\n", first.len()));
}
