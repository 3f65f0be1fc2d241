//! The one binary: everything in one process, one service alone, or a tool.
//!
//! Invariants: stdout belongs to what was asked for, stderr to logs and complaints; wrong settings end with
//! 64 and a line for each, before anything is started; a refusal or failure ends with 1 and one line.

mod bus;
mod center;
mod cli;
mod demo;
mod join;
mod pages;
mod progress;
mod settings;
mod simulate;
mod single;
mod tools;
mod up;
mod watch;
mod wiring;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use runtime::settings::{EXIT_CODE_SETTINGS, Faults};

use cli::{Cli, Command, ServiceArguments};
use single::Service;

/// Events are read on one thread, folded on another and dropped on a third; the heaps of glibc, one per thread, kept
/// what the others had given back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Open files that a process takes at most: every feed, every line of a browser, the views and the bus, many times over.
const FILES_WANTED: u64 = 16_384;

/// Asks the system for small pages: with huge ones a process at rest took 91 MB where it needs 40, because two megabytes
/// count as taken when one byte of them is (measured 2026-11-25).
fn keep_pages_small() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::thread::disable_transparent_huge_pages(true) {
        tracing::debug!(%error, "pages may be huge, and memory looks more than it is");
    }
}

fn main() -> ExitCode {
    let Cli { log_format, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return usage(&said),
    };
    keep_pages_small();
    raise_limit_of_files();
    let worker = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = worker.map_err(anyhow::Error::from).and_then(|worker| {
        let outcome = worker.block_on(run(command, log_format));
        // A hash or a read of the disk that still runs belongs to nobody any more.
        worker.shutdown_background();
        outcome
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<Faults>() {
            Some(faults) => {
                complain(&faults.to_string());
                ExitCode::from(faults.exit_code())
            }
            None => {
                complain(&format!("unstuck: {error:#}"));
                ExitCode::FAILURE
            }
        },
    }
}

/// Takes as many open files as the system gives without being asked by an operator: each live feed is one, a login shell
/// starts with 1024.
fn raise_limit_of_files() {
    // What is refused here is said where it hurts: by whoever cannot open something.
    let _ = rlimit::increase_nofile_limit(FILES_WANTED);
}

async fn run(command: Command, log_format: Option<String>) -> anyhow::Result<()> {
    match command {
        Command::Up(arguments) => up::run(settings::up(arguments, log_format)?).await,
        Command::Center(arguments) => center::run(settings::center(arguments, log_format)?).await,
        Command::Enroll(arguments) => tools::enroll::run(arguments, log_format).await,
        Command::Intake(arguments) => alone(Service::Intake, arguments, log_format).await,
        Command::Routing(arguments) => alone(Service::Routing, arguments, log_format).await,
        Command::Escalation(arguments) => alone(Service::Escalation, arguments, log_format).await,
        Command::Learning(arguments) => alone(Service::Learning, arguments, log_format).await,
        Command::Projection(arguments) => alone(Service::Projection, arguments, log_format).await,
        Command::Portal(arguments) => pages::run(settings::pages(arguments, log_format)?).await,
        Command::Staff { command } => tools::staff::run(command, log_format).await,
        Command::Token { command } => tools::token::run(command, log_format).await,
        Command::Simulate(arguments) => {
            simulate::run(settings::simulate(arguments, log_format)?).await
        }
        Command::Rebuild(place) => tools::views::rebuild(settings::tool(place, log_format)?).await,
        Command::Verify(cli::VerifyArguments { place, seal }) => {
            tools::views::verify(settings::tool(place, log_format)?, seal).await
        }
        Command::Keys { command: cli::KeysCommand::Rotate(arguments) } => {
            let cli::RotateArguments { place, master_key } = arguments;
            let (place, district) = settings::rotation(place, log_format)?;
            tools::keys::rotate(place, district, master_key).await
        }
        Command::Backup(arguments) => tools::backup::backup(arguments, log_format).await,
        Command::Restore(arguments) => tools::backup::restore(arguments, log_format).await,
        Command::Events(arguments) => tools::events::run(arguments, log_format).await,
        Command::Import { command: cli::ImportCommand::Register(arguments) } => {
            tools::import::run(*arguments, log_format).await
        }
        Command::Export { command: cli::ExportCommand::Register(arguments) } => {
            tools::register::run(*arguments, log_format).await
        }
        Command::Parked { command } => tools::parked::run(command, log_format).await,
        Command::Schema { out } => tools::schema::run(&out, log_format),
        Command::Doctor(arguments) => {
            let as_json = arguments.json;
            let (place, district) = settings::doctor(arguments, log_format)?;
            tools::doctor::run(place, &district, as_json).await
        }
        Command::BusConfig(arguments) => tools::bus_config::run(arguments, log_format),
    }
}

async fn alone(
    service: Service,
    arguments: ServiceArguments,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    single::run(service, settings::single(service, arguments, log_format)?).await
}

/// Says what clap has to say: help on stdout, a fault of the command line on stderr.
fn usage(said: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's own wish.
    let _ = said.print();
    if said.use_stderr() { ExitCode::from(EXIT_CODE_SETTINGS) } else { ExitCode::SUCCESS }
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Writes a line to stdout at once; a closed pipe is the reader's own wish.
pub(crate) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
