//! The arguments of the tools: what works beside a running house, or without one.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::PlaceArguments;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Wraps the keys of all cases under a new key in master.key, with no service running; goes on when it was cut off
    Rotate(RotateArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RotateArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The file of the master key [default: master.key in the data folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct BackupArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The folder for both sets, one for each backup
    #[arg(long, value_name = "DIR")]
    pub(crate) to: PathBuf,
    /// Who may read the events' set: age1…, or a file with one a line; may be said several times
    #[arg(long = "events-recipient", value_name = "AGE", required = true)]
    pub(crate) events_recipients: Vec<String>,
    /// Who may read the keys' set: somebody else; as above
    #[arg(long = "keys-recipient", value_name = "AGE", required = true)]
    pub(crate) keys_recipients: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArguments {
    /// The folder to restore into; it has nothing yet [default: unstuck-data] [variable: UNSTUCK_DATA]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// The folder of the backup
    #[arg(long, value_name = "DIR")]
    pub(crate) from: PathBuf,
    /// The folder of another backup, for its keys' set: who was erased since then stays erased
    #[arg(long, value_name = "DIR")]
    pub(crate) keys_from: Option<PathBuf>,
    /// A file with identities of age that open the sets; may be said several times
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) identity: Vec<PathBuf>,
    /// The master key of the site, which is in neither set [variable: UNSTUCK_MASTER_KEY]
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// A seal that an earlier verify or backup has printed and that was kept elsewhere; may be said several times
    #[arg(long, value_name = "SEAL")]
    pub(crate) seal: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// As JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ParkedCommand {
    /// Lists what is parked
    List {
        #[command(flatten)]
        place: PlaceArguments,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Takes an entry away, once a person has done what the reaction could not
    Settle(SettleArguments),
}

#[derive(Debug, Args)]
pub(crate) struct SettleArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// The reaction, as the list has it
    #[arg(long, value_name = "NAME")]
    pub(crate) reaction: String,
    /// The event's sequence, as the list has it
    #[arg(long, value_name = "N")]
    pub(crate) sequence: u64,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// What chance grows from: the same seed tells the same history [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<String>,
    /// The first day, such as 2025-01-01 [default: a year before the end]
    #[arg(long, value_name = "DATE")]
    pub(crate) from: Option<String>,
    /// The last day, up to the close of business [default: up to now]
    #[arg(long, value_name = "DATE")]
    pub(crate) to: Option<String>,
    /// Copies of each stream when it is made: 1, or 3 in a cluster [default: 1] [variable: UNSTUCK_REPLICAS]
    #[arg(long, value_name = "N")]
    pub(crate) replicas: Option<String>,
    /// How many cases are opened [default: one or two per center and month]
    #[arg(long, value_name = "N")]
    pub(crate) cases: Option<String>,
    /// Adds cases, and nothing but cases, to a log that has events already; never beside real ones
    #[arg(long)]
    pub(crate) append: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EventsArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// One case only
    #[arg(long, value_name = "ID")]
    pub(crate) case: Option<String>,
    /// What the centers have counted and closed, in place of the cases
    #[arg(long, conflicts_with = "case")]
    pub(crate) centers: bool,
    /// Precedents and improvements, in place of the cases
    #[arg(long, conflicts_with_all = ["case", "centers"])]
    pub(crate) learning: bool,
    /// Goes on with what happens from now on
    #[arg(long)]
    pub(crate) follow: bool,
    /// Only what nobody can read, with its reason: of every stream, unless one is named
    #[arg(long, conflicts_with_all = ["case", "follow"])]
    pub(crate) quarantined: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Takes the cases of a register over, one a row; the same file again adds nothing
    Register(Box<ImportArguments>),
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// The register as CSV, in UTF-8 or GBK
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// What columns and values of the file mean, where their names do not say it
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// Takes nothing over and says what would become of each row
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where to write what became of each row, as CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ExportCommand {
    /// Writes the register, one row a case, the oldest first; people are masked
    Register(Box<RegisterArguments>),
}

#[derive(Debug, Args)]
pub(crate) struct RegisterArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file, when no projection runs that has read it already; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// csv or xlsx
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: String,
    /// The file to write; standard output otherwise, unless that is a terminal
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The language of heads and labels: zh or en [default: zh]
    #[arg(long, value_name = "LANG")]
    pub(crate) lang: Option<String>,
    #[command(flatten)]
    pub(crate) filter: FilterArguments,
}

/// What the list of cases can be narrowed to, each as `GET /v1/cases` takes it.
#[derive(Debug, Args)]
pub(crate) struct FilterArguments {
    /// Only cases in this state
    #[arg(long, value_name = "STATE")]
    pub(crate) state: Option<String>,
    /// Only cases of this center
    #[arg(long, value_name = "C")]
    pub(crate) center: Option<String>,
    /// Only cases that this department has now
    #[arg(long, value_name = "D")]
    pub(crate) department: Option<String>,
    /// Only cases of this handler
    #[arg(long, value_name = "U")]
    pub(crate) handler: Option<String>,
    /// Only cases of this cause, or of the category with this letter
    #[arg(long, value_name = "CAUSE")]
    pub(crate) cause: Option<String>,
    /// Only cases that are stuck at this stage
    #[arg(long, value_name = "STAGE")]
    pub(crate) stage: Option<String>,
    /// Only cases of the matter with exactly this name
    #[arg(long, value_name = "NAME")]
    pub(crate) matter: Option<String>,
    /// Only cases whose promise has passed (true), or has not (false)
    #[arg(long, value_name = "BOOL")]
    pub(crate) overdue: Option<String>,
    /// Only cases that were promised before this date or time
    #[arg(long, value_name = "WHEN")]
    pub(crate) due_before: Option<String>,
    /// Only cases opened from this date or time on
    #[arg(long, value_name = "WHEN")]
    pub(crate) opened_from: Option<String>,
    /// Only cases opened up to this time, or on this date
    #[arg(long, value_name = "WHEN")]
    pub(crate) opened_to: Option<String>,
    /// Only cases with this text in matter, demand or number
    #[arg(long, value_name = "TEXT")]
    pub(crate) q: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StaffCommand {
    /// Adds an account
    Add(AddArguments),
    /// Lists all accounts
    List {
        #[command(flatten)]
        place: PlaceArguments,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Removes an account; its sessions end
    Remove {
        #[command(flatten)]
        place: PlaceArguments,
        /// The username
        #[arg(long, value_name = "U")]
        username: String,
    },
    /// Takes the second factor of an account away, for who has lost it; the account's sessions end
    ResetSecondFactor {
        #[command(flatten)]
        place: PlaceArguments,
        /// The username
        #[arg(long, value_name = "U")]
        username: String,
    },
    /// Sets another password; the account's sessions end
    Passwd {
        #[command(flatten)]
        place: PlaceArguments,
        /// The username
        #[arg(long, value_name = "U")]
        username: String,
        /// Reads the password from standard input, one line
        #[arg(long, required = true)]
        password_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Makes a token and prints it once
    Add(AddTokenArguments),
    /// Lists all tokens, without themselves
    List {
        #[command(flatten)]
        place: PlaceArguments,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Revokes a token at once
    Revoke {
        #[command(flatten)]
        place: PlaceArguments,
        /// Its id, as the list has it
        #[arg(long, value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AddTokenArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// What it is for: 1 to 40 of a-z, 0-9 and -
    #[arg(long, value_name = "N")]
    pub(crate) name: String,
    /// As which role it reads: director, department_lead, coordinator or auditor
    #[arg(long, value_name = "R")]
    pub(crate) role: String,
    /// The center of a director
    #[arg(long, value_name = "C")]
    pub(crate) center: Option<String>,
    /// The department of a department lead
    #[arg(long, value_name = "D")]
    pub(crate) department: Option<String>,
    /// What it may read, once for each: read:figures, read:cases, read:register, read:learning, read:events or read:feed
    #[arg(long = "scope", value_name = "SCOPE", required = true)]
    pub(crate) scopes: Vec<String>,
    /// How many days it lives, 1 to 400 [default: 90]
    #[arg(long, value_name = "DAYS")]
    pub(crate) days: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AddArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// What the person signs in with
    #[arg(long, value_name = "U")]
    pub(crate) username: String,
    /// The person's name
    #[arg(long, value_name = "N")]
    pub(crate) name: String,
    /// clerk, director, handler, department_lead, coordinator, callback, privacy_officer, auditor or admin
    #[arg(long, value_name = "R")]
    pub(crate) role: String,
    /// The center of a clerk or director
    #[arg(long, value_name = "C")]
    pub(crate) center: Option<String>,
    /// The department of a handler or department lead
    #[arg(long, value_name = "D")]
    pub(crate) department: Option<String>,
    /// Reads the password from standard input, one line
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
}
