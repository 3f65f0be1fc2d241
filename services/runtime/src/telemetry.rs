//! Logs: one line per message on stderr, for people or for machines.
//!
//! Invariant: stdout belongs to the product's own words (`Listening on …`); no log line goes there.

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

/// Checks a filter, for the settings.
///
/// # Errors
/// When it cannot be read.
pub fn filter(text: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::builder()
        .parse(text)
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
    fn a_format_reads_back() {
        for format in [LogFormat::Text, LogFormat::Json] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        assert!("xml".parse::<LogFormat>().is_err());
    }
}
