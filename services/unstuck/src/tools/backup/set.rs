//! A set: lines of JSON inside one age file, a head first and an end last.
//!
//! Invariants: a set stands under its name only when it is whole and on the disk; it is written and read line by line, so its
//! size does not matter; without its end a set is no set.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use age::stream::{StreamReader, StreamWriter};
use age::x25519::Recipient;
use age::{Decryptor, Encryptor, Identity};
use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use runtime::log::Recorded;
use serde::{Deserialize, Serialize};

/// The form of the lines, so that another can come.
pub(super) const FORMAT: u32 = 1;

/// Longest line: a body of 256 KiB as text with its escapes, and the headers.
const LINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Which of the two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Events,
    Keys,
}

/// What a set says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) format: u32,
    /// The fingerprint of the master key.
    pub(super) site: String,
    pub(super) at: DateTime<Utc>,
    /// The last sequence of each stream.
    pub(super) streams: BTreeMap<String, u64>,
}

/// A line of a set.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Head(Head),
    Event {
        stream: String,
        sequence: u64,
        stored_at: DateTime<Utc>,
        subject: String,
        headers: BTreeMap<String, String>,
        body: Value,
    },
    Entry {
        bucket: String,
        key: String,
        /// None: it was deleted.
        value: Option<Value>,
    },
    End {
        /// Lines between head and end.
        lines: u64,
        /// How far each stream goes, signed.
        seals: Vec<String>,
    },
}

/// Bytes: as text where they are, because that is what somebody reads without this program.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Value {
    Text(String),
    Hex(String),
}

impl Value {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Hex(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }

    /// The bytes again; `None` when nobody wrote it so.
    pub(super) fn into_bytes(self) -> Option<Bytes> {
        match self {
            Self::Text(text) => Some(text.into()),
            Self::Hex(text) => {
                let digit = |letter: &u8| match letter {
                    b'0'..=b'9' => Some(letter - b'0'),
                    b'a'..=b'f' => Some(letter - b'a' + 10),
                    _ => None,
                };
                let byte = |pair: &[u8]| match pair {
                    [high, low] => Some(digit(high)? << 4 | digit(low)?),
                    _ => None,
                };
                text.as_bytes().chunks(2).map(byte).collect::<Option<Vec<u8>>>().map(Bytes::from)
            }
        }
    }
}

impl Line {
    pub(super) fn of_event(stream: &str, event: &Recorded) -> Self {
        let headers = event.headers.iter().filter(|(name, _)| is_of_the_event(name));
        Self::Event {
            stream: stream.to_owned(),
            sequence: event.sequence,
            stored_at: event.stored_at,
            subject: event.subject.clone(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            body: Value::of(&event.body),
        }
    }

    pub(super) fn of_entry(bucket: &str, key: &str, value: Option<&[u8]>) -> Self {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Self::Entry { bucket, key, value: value.map(Value::of) }
    }
}

/// Whether a header belongs to the event, and not to the way in which it came into the stream.
fn is_of_the_event(name: &str) -> bool {
    !name.starts_with("Nats-Batch-") && !name.starts_with("Nats-Expected-")
}

/// To whom a set is encrypted.
pub(super) struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Reads recipients, each `age1…` or a file with one a line; says what is wrong with the first that is none.
    pub(super) fn read(named: &[String]) -> Result<Self, String> {
        let mut recipients = Vec::new();
        for text in named {
            if text.starts_with("age1") {
                recipients.push(recipient(text)?);
                continue;
            }
            let lines = std::fs::read_to_string(text)
                .map_err(|error| format!("{text:?} is neither age1… nor a file: {error}"))?;
            for line in lines.lines().map(str::trim) {
                if !line.is_empty() && !line.starts_with('#') {
                    recipients.push(recipient(line)?);
                }
            }
        }
        if recipients.is_empty() { Err("names nobody".to_owned()) } else { Ok(Self(recipients)) }
    }
}

fn recipient(text: &str) -> Result<Recipient, String> {
    text.parse().map_err(|problem| format!("{text:?} is no recipient of age: {problem}"))
}

/// Writes a set.
pub(super) struct SetWriter {
    path: PathBuf,
    draft: PathBuf,
    out: StreamWriter<BufWriter<File>>,
    lines: u64,
}

impl SetWriter {
    /// Begins a set beside the name that it will have.
    pub(super) fn create(path: PathBuf, to: &Recipients, head: Head) -> anyhow::Result<Self> {
        let draft = path.with_extension("draft");
        let named = || format!("{} cannot be written", draft.display());
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft);
        let recipients = to.0.iter().map(|recipient| recipient as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(recipients).context("nobody could read it")?;
        let out = encryptor.wrap_output(BufWriter::new(file.with_context(named)?));
        let mut writer = Self { out: out.with_context(named)?, path, draft, lines: 0 };
        writer.write(&Line::Head(head))?;
        Ok(writer)
    }

    /// Adds a line.
    pub(super) fn line(&mut self, line: &Line) -> anyhow::Result<()> {
        self.lines += 1;
        self.write(line)
    }

    fn write(&mut self, line: &Line) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let named = || format!("{} cannot be written", self.draft.display());
        self.out.write_all(&text).with_context(named)
    }

    /// Ends the set, and gives it its name once it is on the disk.
    pub(super) fn finish(mut self, seals: Vec<String>) -> anyhow::Result<()> {
        self.write(&Line::End { lines: self.lines, seals })?;
        let Self { path, draft, out, .. } = self;
        let named = || format!("{} cannot be written", path.display());
        let file =
            out.finish().with_context(named)?.into_inner().map_err(|error| error.into_error());
        file.with_context(named)?.sync_all().with_context(named)?;
        std::fs::rename(&draft, &path).with_context(named)
    }
}

/// Reads a set.
pub(super) struct SetReader {
    name: String,
    lines: BufReader<StreamReader<BufReader<File>>>,
    pub(super) head: Head,
    read: u64,
}

impl SetReader {
    /// Opens a set of this kind.
    pub(super) fn open(
        path: &Path,
        kind: Kind,
        identities: &[Box<dyn Identity>],
    ) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let file = File::open(path).with_context(|| format!("{name} cannot be read"))?;
        let decryptor = Decryptor::new_buffered(BufReader::new(file)).with_context(|| {
            format!("{name} is no set: it is damaged, cut off or something else")
        })?;
        let identities = identities.iter().map(|one| &**one);
        let lines = decryptor.decrypt(identities).with_context(|| {
            format!("{name} does not open with this identity: it was encrypted for somebody else, or damaged")
        })?;
        let mut lines = BufReader::new(lines);
        let Line::Head(head) = read_line(&name, &mut lines)? else {
            bail!("{name} is no set of this program");
        };
        ensure!(head.kind == kind, "{name} is the other set of the two: the sets were mixed up");
        ensure!(head.format == FORMAT, "{name} is of format {}, not {FORMAT}", head.format);
        Ok(Self { name, lines, head, read: 0 })
    }

    /// The next line; the end, checked, with its seals.
    pub(super) fn next(&mut self) -> anyhow::Result<Line> {
        let line = read_line(&self.name, &mut self.lines)?;
        match &line {
            Line::Head(_) => bail!("{} has two heads", self.name),
            Line::End { lines, .. } => {
                ensure!(*lines == self.read, "{} lacks lines: it is damaged", self.name);
            }
            Line::Event { .. } | Line::Entry { .. } => self.read += 1,
        }
        Ok(line)
    }
}

fn read_line(name: &str, lines: &mut impl BufRead) -> anyhow::Result<Line> {
    let mut text = Vec::new();
    let damaged = || format!("{name} is damaged or cut off");
    let mut lines = std::io::Read::take(lines, LINE_BYTES_MAX);
    lines.read_until(b'\n', &mut text).with_context(damaged)?;
    ensure!(text.last() == Some(&b'\n'), "{name} is cut off: it has no end");
    serde_json::from_slice(&text).with_context(damaged)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(mut text: &[u8]) -> anyhow::Result<Line> {
        read_line("a set", &mut text)
    }

    /// A line as it is written.
    fn written(line: &Line) -> Vec<u8> {
        let mut text = serde_json::to_vec(line).unwrap();
        text.push(b'\n');
        text
    }

    proptest! {
        #[test]
        fn any_bytes_come_back_as_they_were(bytes: Vec<u8>) {
            let line = written(&Line::of_entry("staff", "key", Some(&bytes)));
            let Line::Entry { value: Some(value), .. } = read(&line).unwrap() else {
                panic!("it is an entry");
            };
            prop_assert_eq!(value.into_bytes().unwrap(), bytes);
        }

        #[test]
        fn what_nobody_wrote_is_refused_and_never_a_panic(bytes: Vec<u8>, text in ".{0,200}") {
            let _ = read(&bytes);
            let _ = read(format!("{text}\n").as_bytes());
            if let Some(bytes) = Value::Hex(text.clone()).into_bytes() {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                prop_assert_eq!(hex, text, "one text for each value");
            }
        }

        #[test]
        fn a_line_that_was_changed_is_another_line_or_none(
            at in 0_usize..200, byte: u8, cut in 0_usize..200,
        ) {
            let whole = written(&Line::End { lines: 7, seals: vec!["CASES:7:sample".to_owned()] });
            let mut changed = whole.clone();
            let at = at % changed.len();
            changed[at] = byte;
            if let Ok(line) = read(&changed) {
                // The end of the line may have come earlier; what stands before it was read.
                prop_assert!(changed.starts_with(&written(&line)[..1]));
            }
            prop_assert!(read(&whole[..cut % whole.len()]).is_err(), "it has no end");
        }
    }
}
