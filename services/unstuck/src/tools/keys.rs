//! `keys rotate`: another wrapping key for the keys of all cases.
//!
//! Invariant: nobody else makes keys meanwhile, so it is for a data folder that it has for itself.

use std::path::PathBuf;

use anyhow::bail;
use desk::District;
use runtime::kv::Bucket;
use runtime::streams::CASE_KEYS_BUCKET;
use runtime::vault::{self, MASTER_KEY_CREDENTIAL, MASTER_KEY_VARIABLE, MasterKey, Rotated, Vault};

use crate::bus::users::KEYS;
use crate::bus::{must_exist, on_bus};
use crate::progress::Progress;
use crate::say;
use crate::settings::{MASTER_KEY_FILE, Place};
use crate::tools::trace;

/// Rotates the wrapping key of a data folder, in the file that is named or in the folder's own.
pub(crate) async fn rotate(
    place: Place,
    district: District,
    file: Option<PathBuf>,
) -> anyhow::Result<()> {
    must_exist(&place)?;
    if MasterKey::is_given_by_environment() {
        bail!(
            "the master key is given by {MASTER_KEY_VARIABLE} or as the credential {MASTER_KEY_CREDENTIAL}; name its file with \
             --master-key, without either"
        );
    }
    let path = file.unwrap_or_else(|| place.data.join(MASTER_KEY_FILE));
    if !path.is_file() {
        bail!("there is no master key at {}; name its file with --master-key", path.display());
    }
    let Rotated { wrapped, unreadable } = on_bus(&place, async |bus| {
        if !bus.is_alone {
            bail!(
                "a process runs on {} and makes keys under the old wrapping key; stop it first",
                place.data.display()
            );
        }
        let keys = bus.ways.line(KEYS).await?;
        let bucket = Bucket::open(&keys, CASE_KEYS_BUCKET).await?;
        let master = vault::of_site(&bus.js, &path).await?;
        vault::hold_against_keys(&Vault::new(bucket.clone(), master.clone())).await?;
        let mut progress = Progress::of("Wrapping the keys anew");
        let step = |reached, goal| progress.step(reached, goal);
        let rotated = vault::rotate(&bucket, &path, step).await?;
        let detail = format!("{} keys of cases", rotated.wrapped);
        trace::leave(bus, &district, &master, "keys_rotated", detail).await;
        Ok(rotated)
    })
    .await?;
    say(format_args!(
        "Wrapped {wrapped} keys of cases anew; keep a copy of {} in place of the old one",
        path.display()
    ));
    if unreadable > 0 {
        say(format_args!(
            "{unreadable} keys did not open before either; they are left as they are, see the log"
        ));
    }
    Ok(())
}
