//! One kept connection, one request at a time: a client that costs little, so that what is measured is the server.
//!
//! Invariant: an answer is read to its end before the next request goes out.

use std::net::SocketAddr;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use unstuck_tests::api::PASSWORD;

/// Room for what comes next: a page of a list is within it.
const READ_BYTES: usize = 64 * 1024;

/// A connection.
pub(crate) struct Line {
    stream: TcpStream,
    /// What has come and was not taken yet.
    buffer: Vec<u8>,
}

/// The head of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    bytes: usize,
    /// None when it comes in chunks.
    length: Option<usize>,
}

impl Line {
    pub(crate) async fn to(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(READ_BYTES) })
    }

    /// Sends a request and gives the whole body of its answer, which must have this status.
    pub(crate) async fn ask(&mut self, request: &[u8], status: u16) -> anyhow::Result<&[u8]> {
        let head = self.begin(request).await?;
        let Some(length) = head.length else { bail!("the answer comes in chunks") };
        let end = head.bytes + length;
        while self.buffer.len() < end {
            self.read().await?;
        }
        let body = &self.buffer[head.bytes..end];
        ensure!(head.status == status, "{}: {}", head.status, String::from_utf8_lossy(body));
        Ok(body)
    }

    /// Sends a request and gives its JSON.
    pub(crate) async fn json(&mut self, request: &[u8], status: u16) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(self.ask(request, status).await?)?)
    }

    /// Sends a request whose answer comes in chunks, which [`Line::chunk`] gives.
    pub(crate) async fn open(&mut self, request: &[u8]) -> anyhow::Result<()> {
        let head = self.begin(request).await?;
        self.buffer.drain(..head.bytes);
        ensure!(head.status == 200, "{}", head.status);
        ensure!(head.length.is_none(), "the answer does not come in chunks");
        Ok(())
    }

    /// Appends the next chunk to `into`; false at the end.
    pub(crate) async fn chunk(&mut self, into: &mut Vec<u8>) -> anyhow::Result<bool> {
        let (start, length) = loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let size = std::str::from_utf8(&self.buffer[..end])?;
                break (end + 2, usize::from_str_radix(size, 16)?);
            }
            self.read().await?;
        };
        let end = start + length;
        while self.buffer.len() < end + 2 {
            self.read().await?;
        }
        into.extend_from_slice(&self.buffer[start..end]);
        self.buffer.drain(..end + 2);
        Ok(length > 0)
    }

    async fn begin(&mut self, request: &[u8]) -> anyhow::Result<Head> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        loop {
            self.read().await?;
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                return head_of(&self.buffer[..end], end + 4);
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        self.buffer.reserve(READ_BYTES);
        ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed the line");
        Ok(())
    }
}

fn head_of(text: &[u8], bytes: usize) -> anyhow::Result<Head> {
    let text = std::str::from_utf8(text)?;
    let status = text.get(9..12).context("no status")?.parse()?;
    let value = |name: &str| {
        let named =
            |line: &&str| line.get(..name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name));
        text.lines().find(named).map(|line| line[name.len()..].trim())
    };
    let length = value("content-length:").map(str::parse).transpose()?;
    Ok(Head { status, bytes, length })
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) address: SocketAddr,
    token: String,
}

impl Caller {
    /// Signs in at a district.
    pub(crate) async fn sign_in(address: SocketAddr, username: &str) -> anyhow::Result<Self> {
        let nobody = Self { address, token: String::new() };
        let body = json!({ "username": username, "password": PASSWORD });
        let mut line = Line::to(address).await?;
        let answer = line.ask(&nobody.post("/v1/session", &body), 200).await;
        let answer: Value = serde_json::from_slice(answer.context("signing in")?)?;
        let token = answer["token"].as_str().context("no token")?.to_owned();
        Ok(Self { address, token })
    }

    /// The same person at another address.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self { address, token: self.token.clone() }
    }

    /// The bytes of a GET.
    pub(crate) fn get(&self, path: &str) -> Vec<u8> {
        format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\r\n",
            self.address, self.token
        )
        .into_bytes()
    }

    /// The bytes of a POST.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        let authorization = match self.token.as_str() {
            "" => String::new(),
            token => format!("authorization: Bearer {token}\r\n"),
        };
        format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\n{authorization}content-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .into_bytes()
    }
}
