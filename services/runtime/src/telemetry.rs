//! Logs: one line per message on stderr, for people or for machines.
//!
//! Invariants: stdout belongs to the product's own words (`Listening on …`), no log line goes there; what goes over the bus
//! is logged for nobody who did not ask for it by name: its keys have in them what somebody typed.

use std::fmt;
use std::io::{self, IsTerminal as _};
use std::str::FromStr;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The filter when nobody set one: our own lifecycle, others' warnings.
pub const FILTER_DEFAULT: &str = "info,async_nats=warn";

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("a log format is text or json"),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("{filter:?} is no log filter, such as {FILTER_DEFAULT:?}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Logs were set up before in this process.
    #[error("logs were set up already")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}

/// The client of the bus; from its `debug` on it logs every request with its body.
const BUS_CLIENT: &str = "async_nats";

/// Checks a filter, for the settings. One that does not name the client of the bus lets only its warnings through, as the
/// default does.
///
/// # Errors
/// When it cannot be read.
pub fn filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    let is_named = text.contains(BUS_CLIENT);
    let whole = if is_named { text.to_owned() } else { format!("{text},{BUS_CLIENT}=warn") };
    EnvFilter::builder()
        .parse(whole)
        .map_err(|source| TelemetryError::Filter { filter: text.to_owned(), source })
}

/// Sets up the logs of this process, once.
///
/// # Errors
/// When the filter cannot be read, or logs were set up before.
pub fn init(format: LogFormat, filter_text: &str) -> Result<(), TelemetryError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(filter_text)?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => lines.finish().try_init(),
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init(),
    }
    .map_err(TelemetryError::AlreadySet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_filter_can_be_read_and_nonsense_cannot() {
        assert!(filter(FILTER_DEFAULT).is_ok());
        assert!(filter("a=b=c").is_err());
    }

    #[test]
    fn what_goes_over_the_bus_is_logged_only_when_it_is_asked_for_by_name() {
        let told = |text| filter(text).unwrap().to_string();
        assert!(told("trace").contains("async_nats=warn"), "{}", told("trace"));
        assert!(!told("info,async_nats=trace").contains("async_nats=warn"));
    }

    #[test]
    fn a_format_reads_back() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
