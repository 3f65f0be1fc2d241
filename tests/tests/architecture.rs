//! The architecture, held by a test: which crate may know which, and the house rules of every file.
//!
//! A new crate gets its line in [`ARROWS`]; a new entry at the top level its name in [`TOP_LEVEL`].

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use unstuck_tests::binary::repository;

/// For each crate of the workspace, which others of it it may depend on.
const ARROWS: &[(&str, &[&str])] = &[
    ("proto-events", &[]),
    ("casework", &["proto-events"]),
    ("runtime", &["proto-events"]),
    ("desk", &["proto-events", "casework", "runtime"]),
    ("intake", &["proto-events", "casework", "runtime", "desk"]),
    ("routing", &["proto-events", "casework", "runtime", "desk"]),
    ("escalation", &["proto-events", "casework", "runtime", "desk"]),
    ("learning", &["proto-events", "casework", "runtime", "desk"]),
    ("oidc", &["proto-events", "runtime", "desk"]),
    // For its tests only, `simulation` tells a year.
    ("projection", &["proto-events", "casework", "runtime", "desk", "simulation"]),
    // The pages know the words of the events and the public HTTP API, nothing else of the house.
    ("portal", &["proto-events", "runtime"]),
    // For its tests only, `desk` reads the district file.
    ("simulation", &["proto-events", "casework", "desk"]),
    (
        "unstuck",
        &[
            "proto-events",
            "casework",
            "runtime",
            "desk",
            "intake",
            "routing",
            "escalation",
            "learning",
            "oidc",
            "portal",
            "projection",
            "simulation",
        ],
    ),
    ("unstuck-tests", &["proto-events", "runtime"]),
    ("unstuck-parsers", &["proto-events", "casework", "runtime", "desk", "intake"]),
];

/// The crates that do no I/O, and everything they may depend on.
const PURE: &[(&str, &[&str])] = &[
    ("proto-events", &["chrono", "schemars", "serde", "serde_json", "thiserror", "uuid"]),
    ("casework", &["proto-events", "chrono", "libm", "serde", "thiserror"]),
];

/// What may lie at the top of the repository, beside dot-files.
const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "README.zh-CN.md",
    "deny.toml",
    "deploy",
    "proto-events",
    "rust-toolchain.toml",
    "services",
    "tests",
];

/// A longer file is two files.
const LINES_MAX: usize = 600;

#[test]
fn arrows_point_one_way() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let crates = crates();
    let names: BTreeSet<&str> = crates.iter().map(|one| one.name.as_str()).collect();
    for one in &crates {
        let Some(may_know) = allowed.get(one.name.as_str()) else {
            panic!("{} is no crate that this test knows: draw its arrows", one.name);
        };
        for dependency in &one.dependencies {
            let is_ours = names.contains(dependency.as_str());
            assert!(
                !is_ours || may_know.contains(&dependency.as_str()),
                "{} may not depend on {dependency}",
                one.name
            );
        }
    }
    for (name, _) in ARROWS {
        assert!(names.contains(name), "{name} has arrows but is no crate");
    }
}

#[test]
fn pure_crates_have_a_closed_list_of_dependencies_and_no_std() {
    let crates = crates();
    for (name, may_depend) in PURE {
        let one = crates.iter().find(|one| one.name == *name).expect("the crate is there");
        for dependency in &one.run_time_dependencies {
            assert!(may_depend.contains(&dependency.as_str()), "{name} depends on {dependency}");
        }
        let root = fs::read_to_string(one.folder.join("src/lib.rs")).expect("the crate has a root");
        assert!(root.lines().any(|line| line == "#![no_std]"), "{name} is not no_std");
    }
}

#[test]
fn every_file_says_what_it_is_for_and_has_an_end() {
    let mut files = Vec::new();
    for folder in ["proto-events", "services", "tests"] {
        rust_files(&repository().join(folder), &mut files);
    }
    assert!(files.len() > 20, "only {} files were found", files.len());
    let mut faults = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("the file is UTF-8");
        if !text.starts_with("//! ") {
            faults.push(format!("{} does not open with //!", file.display()));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{} has {lines} lines", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_top_level_stays_small() {
    let ignored = fs::read_to_string(repository().join(".gitignore")).expect("a .gitignore");
    let is_ignored = |name: &str| ignored.lines().any(|line| line.trim_matches('/') == name);
    for entry in fs::read_dir(repository()).expect("the repository can be read") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let is_known = name.starts_with('.') || TOP_LEVEL.contains(&name.as_str());
        assert!(is_known || is_ignored(&name), "{name} does not belong at the top level");
    }
}

/// A crate of the workspace.
struct Crate {
    name: String,
    folder: PathBuf,
    /// All of its dependencies, those for its tests and build as well.
    dependencies: BTreeSet<String>,
    run_time_dependencies: BTreeSet<String>,
}

fn crates() -> Vec<Crate> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(repository())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo speaks JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().map(of_package).collect()
}

fn of_package(package: &Value) -> Crate {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    Crate {
        name: text(&package["name"]),
        folder: manifest.parent().expect("a manifest lies in a folder").to_owned(),
        dependencies: dependencies.iter().map(|one| text(&one["name"])).collect(),
        run_time_dependencies: dependencies
            .iter()
            .filter(|one| one["kind"].is_null())
            .map(|one| text(&one["name"]))
            .collect(),
    }
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if entry.file_name() != "target" {
                rust_files(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
