//! Where the product under test lies: the repository, the binary, the nats-server that it keeps.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The nats-server that the product pins.
pub const NATS_SERVER_VERSION: &str = "2.15.1";

/// The root of the repository.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ stands in the repository")
}

/// The sample district of the repository.
#[must_use]
pub fn sample_district() -> PathBuf {
    repository().join("deploy/districts/dongcheng.toml")
}

/// The binary under test: `UNSTUCK_BIN`, else the one that was built into the profile folder in which
/// this test lies.
///
/// # Panics
/// When there is none; says how to build it.
#[must_use]
pub fn unstuck() -> PathBuf {
    if let Some(path) = env::var_os("UNSTUCK_BIN") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "UNSTUCK_BIN names {}, which is no file", path.display());
        return path;
    }
    let test = env::current_exe().expect("a running test has a path");
    let path = test
        .ancestors()
        .map(|folder| folder.join(format!("unstuck{}", env::consts::EXE_SUFFIX)))
        .find(|candidate| candidate.is_file());
    path.unwrap_or_else(|| {
        panic!(
            "no unstuck binary beside {}: run `cargo build -p unstuck` first, or set UNSTUCK_BIN",
            test.display()
        )
    })
}

/// The binary as a command, without settings from the environment of the test.
#[must_use]
pub fn unstuck_command() -> Command {
    let mut command = Command::new(unstuck());
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("UNSTUCK_") {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null()).current_dir(repository());
    command
}

/// A nats-server to play with: `UNSTUCK_TEST_NATS_SERVER`, the product's cache, or `PATH`. When none of
/// them has one, the product is started once, which fetches it.
///
/// # Panics
/// When there is still none.
#[must_use]
pub fn nats_server() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        find_nats_server().unwrap_or_else(|| {
            drop(crate::District::start(None));
            find_nats_server().expect("the product has put a nats-server into its cache")
        })
    })
}

fn find_nats_server() -> Option<PathBuf> {
    if let Some(path) = env::var_os("UNSTUCK_TEST_NATS_SERVER") {
        return Some(path.into());
    }
    let cache = env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let cached = cache
        .map(|cache| cache.join(format!("unstuck/nats-server-{NATS_SERVER_VERSION}/nats-server")));
    let on_path: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).map(|folder| folder.join("nats-server")).collect())
        .unwrap_or_default();
    cached.into_iter().chain(on_path).find(|candidate| candidate.is_file())
}
