//! The figures of the product, each beside the limit that is measured in the same run, on the same server.
//! Machines are shared and noisy: only the ratios mean anything, so what is measured and its limit take turns, and
//! the middle of the rounds counts.
//!
//! `cargo build --release -p unstuck && cargo bench -p unstuck-tests -- --cases 250000`

mod arguments;
mod commands;
mod district;
mod feed;
mod growth;
mod http;
mod load;
mod places;
mod queries;
mod table;
mod together;
mod views;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use arguments::{Arguments, Part};
use commands::Desk;
use district::{CLERK, CLOCK_START, COORDINATOR, Copy, HANDLER, settled};
use http::Caller;
use places::{CONSTANT, Product, managed_bus, serve_constants};
use queries::Asked;
use runtime::nats_server::BusAddress;
use table::Table;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let Some((CONSTANT, sizes)) = words.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return runtime.block_on(serve_constants(sizes));
    }
    let arguments = Arguments::read(words)?;
    let mut table = Table::default();
    let outcome = runtime.block_on(measure(&arguments, &mut table));
    // What was measured before a failure is worth its time.
    println!("{}", table.text());
    if let Some(path) = &arguments.json {
        table.write(path).with_context(|| format!("writing {}", path.display()))?;
    }
    outcome
}

async fn measure(arguments: &Arguments, table: &mut Table) -> anyhow::Result<()> {
    let rounds = arguments.rounds;
    table.about = about(arguments)?;
    let copy = Copy::of(arguments.cases).await?;
    if arguments.wants(Part::Views) {
        table.attempt("views", views::measure(&copy, arguments.view_rounds()).await);
    }
    if arguments.wants_a_running_product() {
        let data = copy.data();
        let product = Product::up(&data, CLOCK_START)?;
        let address = BusAddress::of(&data)?.context("a managed bus")?;
        table.about.push(("nats-server", address.server_version.clone()));
        let context = managed_bus(&data).await?;
        settled(&context, &product).await?;
        let coordinator = Caller::sign_in(product.address, COORDINATOR).await?;
        let clerk = Caller::sign_in(product.address, CLERK).await?;
        let handler = Caller::sign_in(product.address, HANDLER).await?;
        let asked = Asked::of(&product, coordinator.clone(), &context).await?;
        let desk = Arc::new(Desk::new(clerk, handler, coordinator, context));
        if arguments.wants(Part::Queries) {
            table.attempt("queries", queries::under_load(&asked, copy.scratch(), rounds).await);
        }
        if arguments.wants(Part::Overview) {
            table.attempt("overview", queries::overviews(&asked, arguments.overviews).await);
        }
        if arguments.wants(Part::Register) {
            table.attempt("register", queries::register(&asked).await);
        }
        if arguments.wants(Part::Open) {
            table.attempt("open", commands::openings(&desk, rounds).await);
        }
        if arguments.wants(Part::Flow) {
            table.attempt("flow", commands::flows(&desk, rounds).await);
        }
        if arguments.wants(Part::Visible) {
            table.attempt("visible", commands::visible(&desk).await);
        }
        if arguments.wants(Part::Together) {
            table.attempt("together", together::measure(&desk, rounds).await);
        }
        if arguments.wants(Part::Growth) {
            table.attempt("growth", growth::measure(&asked, &desk, arguments).await);
        }
        drop(asked);
        product.stop()?;
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    table.about.push(("load at the end", load.split(' ').take(3).collect::<Vec<_>>().join(" ")));
    Ok(())
}

/// On what it runs.
fn about(arguments: &Arguments) -> anyhow::Result<Vec<(&'static str, String)>> {
    let cores = std::thread::available_parallelism()?;
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo");
    let model = model.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let load = read("/proc/loadavg");
    let started = std::process::Command::new("date").args(["-u", "+%FT%TZ"]).output()?;
    Ok(vec![
        ("started", String::from_utf8_lossy(&started.stdout).trim().to_owned()),
        ("cores", format!("{cores} ({})", model.unwrap_or("unknown").trim())),
        ("kernel", read("/proc/sys/kernel/osrelease").trim().to_owned()),
        ("unstuck", district::version()?),
        ("sync_interval", "always".to_owned()),
        ("cases", arguments.cases.to_string()),
        ("rounds", arguments.rounds.to_string()),
        ("load at the start", load.split(' ').take(3).collect::<Vec<_>>().join(" ")),
    ])
}
