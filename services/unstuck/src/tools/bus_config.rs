//! `bus-config`: the users of a NATS server that somebody else runs: what each may do there, and a seed for each.
//!
//! Invariants: a seed that stands there stays, so that a new version changes permissions and nobody's key; nothing is
//! printed that opens anything.

use anyhow::Context as _;
use runtime::bus_users::{BusUser, authorization};
use runtime::seeds::{Seed, seed_file};

use crate::bus::users;
use crate::cli::BusConfigArguments;
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, Reader};

/// The file with the users, to be included by the server's configuration.
const USERS_FILE: &str = "users.conf";

/// The folder of the seeds.
const SEEDS_FOLDER: &str = "seeds";

/// Said at the beginning of the file.
const HEAD: &str = "\
# The users of Unstuck and what each may do on the bus. Written by `unstuck bus-config`; changes are lost at its next run.
# Include it in the server's configuration. Here stand public keys only; each user's seed belongs to its process.
";

/// Writes the users and the seeds that are missing.
pub(crate) fn run(arguments: BusConfigArguments, log_format: Option<String>) -> anyhow::Result<()> {
    let mut reader = Reader::new();
    let district = reader.district(arguments.district);
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    let mut all = users::house();
    if arguments.centers {
        all.extend(users::centers(&district.context("the district was read")?));
    }
    let seeds = arguments.out.join(SEEDS_FOLDER);
    let mut keys = std::collections::HashMap::new();
    for user in &all {
        let seed = Seed::read_or_make(&seed_file(&seeds, &user.name))?;
        keys.insert(user.name.clone(), seed.public_key().to_owned());
    }
    let file = arguments.out.join(USERS_FILE);
    let text = text(&all, |name| keys.get(name).cloned().unwrap_or_default());
    std::fs::write(&file, text).with_context(|| format!("{} cannot be written", file.display()))?;
    say(format_args!("{}: {} users, with their public keys", file.display(), all.len()));
    say(format_args!("{}: a seed for each, for its owner only", seeds.display()));
    Ok(())
}

fn text(all: &[BusUser], public_key: impl Fn(&str) -> String) -> String {
    format!("{HEAD}{}", authorization(all, public_key))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_users_in_deploy_are_those_of_the_code() {
        let district = desk::District::load(None).unwrap();
        let all: Vec<_> = users::house().into_iter().chain(users::centers(&district)).collect();
        let written = text(&all, |name| format!("public key of {name}"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/nats/users.conf");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        let is_same = committed == written;
        assert!(is_same, "run it again with UPDATE_GOLDEN=1 and look at the difference");
    }
}
