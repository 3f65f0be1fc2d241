//! The command line, as people type it.
//!
//! Invariant: every value stays text here; `settings` reads and checks them all, so that all faults are said
//! at once and a variable counts as much as a flag.

#[cfg(test)]
mod tests;
mod tools;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use self::tools::{
    AddArguments, AddTokenArguments, BackupArguments, DoctorArguments, EventsArguments,
    ExportCommand, FilterArguments, ImportArguments, ImportCommand, KeysCommand, ParkedCommand,
    RegisterArguments, RestoreArguments, RotateArguments, SettleArguments, SimulateArguments,
    StaffCommand, TokenCommand, VerifyArguments,
};

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
