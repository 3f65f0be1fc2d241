//! A client of the bus that says one thing and hears whether the server let it through.
//!
//! Invariant: what was refused is told by the server itself, in order: a look ends with something that nobody may do, and
//! what was not refused before that was let through.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use async_nats::{Client, ConnectOptions, Event, HeaderMap, ServerAddr, ServerError};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What nobody may say; the number tells one look from the next.
const FORBIDDEN: &str = "nobody.may.say.this";

/// How long the server may take to refuse.
const REFUSAL_MAX: Duration = Duration::from_secs(20);

/// One thing that a client may want of the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish<'a> {
    /// To publish on a subject.
    Publish(&'a str),
    /// To hear a subject or pattern.
    Hear(&'a str),
}

/// A user on the bus.
#[derive(Debug)]
pub struct Line {
    client: Client,
    refusals: UnboundedReceiver<String>,
    looks: u64,
}

impl Line {
    /// Connects with the seed of a file to one of these hosts, separated by commas; the user's inbox is its own.
    ///
    /// # Errors
    /// When the seed cannot be read or the bus does not let it in.
    pub async fn open(url: &str, seed: &Path) -> anyhow::Result<Self> {
        Self::with(url, seed, |options| options).await
    }

    /// As [`Line::open`], over TLS with a certificate that this authority has signed.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub async fn open_over_tls(url: &str, seed: &Path, authority: PathBuf) -> anyhow::Result<Self> {
        let with_tls =
            |options: ConnectOptions| options.add_root_certificates(authority).require_tls(true);
        Self::with(url, seed, with_tls).await
    }

    async fn with(
        url: &str,
        seed: &Path,
        more: impl FnOnce(ConnectOptions) -> ConnectOptions,
    ) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(seed).with_context(|| seed.display().to_string())?;
        let name = seed.file_stem().context("a file has a name")?.to_string_lossy();
        let (told, refusals) = unbounded_channel();
        let options = ConnectOptions::with_nkey(text.trim().to_owned())
            .custom_inbox_prefix(format!("_INBOX_{}", name.replace(':', "-")))
            .event_callback(move |event| {
                let told = told.clone();
                async move {
                    if let Event::ServerError(ServerError::Other(text)) = event {
                        let _ = told.send(text);
                    }
                }
            });
        let hosts: Vec<ServerAddr> = url.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let client = more(options).connect(hosts).await?;
        Ok(Self { client, refusals, looks: 0 })
    }

    /// The client, for what is let through.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Says whether the server lets a wish through. What is published is a message that no stream keeps: it expects an
    /// end that none has.
    ///
    /// # Errors
    /// When the line breaks.
    pub async fn may(&mut self, wish: Wish<'_>) -> anyhow::Result<bool> {
        match wish {
            Wish::Publish(subject) => {
                let mut headers = HeaderMap::new();
                headers.insert("Nats-Expected-Last-Sequence", u64::MAX.to_string());
                let (subject, reply) = (subject.to_owned(), self.client.new_inbox());
                let body = bytes::Bytes::from_static(b"no question");
                let publish =
                    self.client.publish_with_reply_and_headers(subject, reply, headers, body);
                publish.await?;
            }
            // It stays until the line ends.
            Wish::Hear(subject) => {
                let heard = self.client.subscribe(subject.to_owned()).await?;
                self.client.flush().await?;
                drop(heard);
            }
        }
        self.looks += 1;
        let end = format!("{FORBIDDEN}.{}", self.looks);
        self.client.publish(end.clone(), bytes::Bytes::new()).await?;
        let subject = match wish {
            Wish::Publish(subject) | Wish::Hear(subject) => subject,
        };
        let mut refused = false;
        loop {
            let told = tokio::time::timeout(REFUSAL_MAX, self.refusals.recv()).await;
            let told = told.context("the server says nothing")?.context("the line is closed")?;
            ensure!(told.to_lowercase().contains("permissions violation"), "{told}");
            match told {
                told if told.contains(&format!("\"{end}\"")) => return Ok(!refused),
                told if told.contains(&format!("\"{subject}\"")) => refused = true,
                told => bail!("refused was something else: {told}"),
            }
        }
    }
}
