//! The command line, as people type it.
//!
//! Invariant: every value stays text here; `settings` reads and checks them all, so that all faults are said
//! at once and a variable counts as much as a flag.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Unstuck (办得成): the desks for matters that got stuck.
#[derive(Debug, Parser)]
#[command(name = "unstuck", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// How log lines on stderr look: text or json [variable: UNSTUCK_LOG_FORMAT; what is logged: UNSTUCK_LOG]
    #[arg(long, global = true, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs everything in one process, with its own nats-server unless one is named
    Up(UpArguments),
    /// Runs a center on a server of its own, which registers also while the line to the district is down
    Center(CenterArguments),
    /// Lets a center connect with a server of its own, and writes the file with which it joins; or takes that back
    Enroll(EnrollArguments),
    /// Runs intake alone: a citizen's facts become events
    Intake(ServiceArguments),
    /// Runs routing alone: who handles a case, and how it ends
    Routing(ServiceArguments),
    /// Runs escalation alone: time, and help when it runs out
    Escalation(ServiceArguments),
    /// Runs learning alone: precedents, improvements, and what recurs
    Learning(ServiceArguments),
    /// Runs projection alone: the views and the queries
    Projection(ServiceArguments),
    /// Runs the pages alone, on an API that runs elsewhere
    Portal(PortalArguments),
    /// Adds, lists and removes the accounts of the staff
    Staff {
        #[command(subcommand)]
        command: StaffCommand,
    },
    /// Makes, lists and revokes the tokens of machines
    Token {
        #[command(subcommand)]
        command: TokenCommand,
    },
    /// Tells a district's year from a seed into an empty log, for training and for measuring
    Simulate(SimulateArguments),
    /// Builds the views anew from the log
    Rebuild(PlaceArguments),
    /// Proves that the log is as it was written, and compares the views with an independent fold of it
    Verify(VerifyArguments),
    /// Writes the events and the keys as two sets, each encrypted for its own readers
    Backup(BackupArguments),
    /// Restores a backup into an empty folder, and proves the log
    Restore(RestoreArguments),
    /// Rotates the key under which the keys of cases are wrapped
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Prints the events, one line of JSON each, without personal data
    Events(EventsArguments),
    /// Takes over what a district kept before
    Import {
        #[command(subcommand)]
        command: ImportCommand,
    },
    /// Writes a book of the district as a file
    Export {
        #[command(subcommand)]
        command: ExportCommand,
    },
    /// Writes JSON Schemas, AsyncAPI and OpenAPI
    Schema {
        /// The folder to write to
        #[arg(long, value_name = "DIR", default_value = "unstuck-schema")]
        out: PathBuf,
    },
    /// Lists the events that a reaction gave up on, and takes away those that a person has dealt with
    Parked {
        #[command(subcommand)]
        command: ParkedCommand,
    },
    /// Looks at a data folder or a bus, and at the district's calendar, and says what is wrong and how it is mended; exit code 1 when something is
    Doctor(DoctorArguments),
    /// Writes the users of a NATS server of your own: what each may do, and their seeds
    BusConfig(BusConfigArguments),
}

#[derive(Debug, Args)]
pub(crate) struct BusConfigArguments {
    /// The folder to write to; seeds that stand there already stay
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// A user for each center as well, which writes for that center alone
    #[arg(long)]
    pub(crate) centers: bool,
    /// The district file, for its centers; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
}

/// A bus that runs elsewhere, and how to get onto it.
#[derive(Debug, Args)]
pub(crate) struct BusArguments {
    /// A bus that runs elsewhere: nats://HOST:PORT, several separated by commas [variable: UNSTUCK_NATS_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) nats_url: Option<String>,
    /// The folder with the seeds (nkeys) of the users that come from here, as `bus-config` makes it [variable: UNSTUCK_NATS_SEEDS]
    #[arg(long, value_name = "DIR")]
    pub(crate) nats_seeds: Option<String>,
    /// Certificates (PEM) of the authority that signed the bus's own; asks for TLS [variable: UNSTUCK_NATS_CA]
    #[arg(long, value_name = "FILE")]
    pub(crate) nats_ca: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct UpArguments {
    /// The data folder [default: unstuck-data] [variable: UNSTUCK_DATA]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// Where to listen [default: 127.0.0.1:8420] [variable: UNSTUCK_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Proxies that say truly for whom they ask (X-Forwarded-For): addresses and networks, or none [default: this machine] [variable: UNSTUCK_TRUSTED_PROXIES]
    #[arg(long, value_name = "LIST")]
    pub(crate) trusted_proxies: Option<String>,
    #[command(flatten)]
    pub(crate) bus: BusArguments,
    /// The nats-server program to run [variable: UNSTUCK_NATS_SERVER]
    #[arg(long, value_name = "PATH")]
    pub(crate) nats_server: Option<String>,
    /// Copies of each stream when it is made: 1, or 3 in a cluster [default: 1] [variable: UNSTUCK_REPLICAS]
    #[arg(long, value_name = "N")]
    pub(crate) replicas: Option<String>,
    /// Where centers with a server of their own connect; beyond this machine only with a certificate [variable: UNSTUCK_LEAF_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub(crate) leaf_listen: Option<String>,
    /// The certificate (PEM) of that address [variable: UNSTUCK_LEAF_CERTIFICATE]
    #[arg(long, value_name = "FILE")]
    pub(crate) leaf_certificate: Option<String>,
    /// The key (PEM) of that certificate [variable: UNSTUCK_LEAF_KEY]
    #[arg(long, value_name = "FILE")]
    pub(crate) leaf_key: Option<String>,
    /// Adds demo accounts, and a history when there is none yet
    #[arg(long)]
    pub(crate) demo: bool,
    /// What the clock says now, for training and tests [variable: UNSTUCK_CLOCK_START]
    #[arg(long, value_name = "RFC3339")]
    pub(crate) clock_start: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CenterArguments {
    /// The data folder [default: unstuck-data] [variable: UNSTUCK_DATA]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// The file that `enroll` wrote; kept in the data folder, so that later starts need none
    #[arg(long, value_name = "FILE")]
    pub(crate) join: Option<String>,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// Where to listen [default: 127.0.0.1:8420] [variable: UNSTUCK_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Proxies that say truly for whom they ask (X-Forwarded-For): addresses and networks, or none [default: this machine] [variable: UNSTUCK_TRUSTED_PROXIES]
    #[arg(long, value_name = "LIST")]
    pub(crate) trusted_proxies: Option<String>,
    /// The nats-server program to run [variable: UNSTUCK_NATS_SERVER]
    #[arg(long, value_name = "PATH")]
    pub(crate) nats_server: Option<String>,
    /// What the clock says now, for training and tests [variable: UNSTUCK_CLOCK_START]
    #[arg(long, value_name = "RFC3339")]
    pub(crate) clock_start: Option<String>,
    /// Fetches what the district has from this center and this disk lacks, and brings everything again; nothing is lost by it
    #[arg(long)]
    pub(crate) recover: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EnrollArguments {
    #[command(flatten)]
    pub(crate) place: PlaceArguments,
    /// The district file, for its centers; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// The center
    #[arg(long, value_name = "C")]
    pub(crate) center: String,
    /// Where the district's bus hears centers: tls://HOST:PORT, several separated by commas; nats-leaf:// only on this machine
    #[arg(long, value_name = "URL", required_unless_present = "revoke")]
    pub(crate) hub: Option<String>,
    /// Certificates (PEM) of the authority that signed the certificate of that address
    #[arg(long, value_name = "FILE")]
    pub(crate) hub_ca: Option<String>,
    /// Where citizens reach the district's pages, for the code on a receipt: https://HOST
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The file to write, for its owner only; it opens the line, and what the center seals
    #[arg(long, value_name = "FILE", required_unless_present = "revoke")]
    pub(crate) out: Option<PathBuf>,
    /// Takes the enrolment back: from now on nothing of this center's machine is taken
    #[arg(long, conflicts_with_all = ["hub", "hub_ca", "public_url", "out"])]
    pub(crate) revoke: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServiceArguments {
    #[command(flatten)]
    pub(crate) bus: BusArguments,
    /// Where to listen [default: 127.0.0.1:8420] [variable: UNSTUCK_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Proxies that say truly for whom they ask (X-Forwarded-For): addresses and networks, or none [default: this machine] [variable: UNSTUCK_TRUSTED_PROXIES]
    #[arg(long, value_name = "LIST")]
    pub(crate) trusted_proxies: Option<String>,
    /// The district file; the sample district otherwise [variable: UNSTUCK_DISTRICT]
    #[arg(long, value_name = "FILE")]
    pub(crate) district: Option<String>,
    /// The folder of the views, and of master.key unless UNSTUCK_MASTER_KEY is set [default: unstuck-data] [variable: UNSTUCK_DATA]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    /// Copies of each stream when it is made: 1, or 3 in a cluster [default: 1] [variable: UNSTUCK_REPLICAS]
    #[arg(long, value_name = "N")]
    pub(crate) replicas: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PortalArguments {
    /// The API: http or https, host and port [variable: UNSTUCK_API_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) api_url: Option<String>,
    /// Where to listen [default: 127.0.0.1:8420] [variable: UNSTUCK_LISTEN]
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Proxies that say truly for whom they ask (X-Forwarded-For): addresses and networks, or none [default: this machine] [variable: UNSTUCK_TRUSTED_PROXIES]
    #[arg(long, value_name = "LIST")]
    pub(crate) trusted_proxies: Option<String>,
}

/// Where a tool works.
#[derive(Debug, Args)]
pub(crate) struct PlaceArguments {
    /// The data folder, whether `up` runs on it or not [default: unstuck-data] [variable: UNSTUCK_DATA]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<String>,
    #[command(flatten)]
    pub(crate) bus: BusArguments,
}

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
