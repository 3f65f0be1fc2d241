//! The live feed under a crowd: a thousand readers, readers that never read, readers that come back.
//!
//! Measured on 2026-11-25 (release, two busy cores): 1000 readers cost 80 KB of resident memory each, 60 of them what an
//! open line of HTTP costs by itself, and heard 220 events once each within five seconds, the start of the district
//! included. With 200 readers that never read, 8000 events left 17 MB more resident in all; the texts for those readers
//! are half a gigabyte.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use async_nats::HeaderMap;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Runtime;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::bus::Bus;
use unstuck_tests::{Api, District, wait_until};

/// Readers of the crowd.
const READERS: usize = 1000;
/// Connections that are opened at once; the service takes 512 requests at a time.
const OPENED_AT_ONCE: usize = 64;
/// How long a crowd may take on a busy machine.
const CROWD_TIME_MAX: Duration = Duration::from_secs(120);

/// Each note has an id of its own.
static NOTES_PUT: AtomicU64 = AtomicU64::new(0);

/// A feed over a socket of its own.
struct Feed {
    socket: TcpStream,
    /// What has come and is not a whole line yet.
    rest: Vec<u8>,
    last_id: u64,
    has_begun: bool,
    has_ended: bool,
}

impl Feed {
    /// Asks for the feed and reads no more than the answer's head and greeting.
    async fn open(address: &str, token: &str, last_event_id: Option<u64>) -> anyhow::Result<Self> {
        let mut feed = Self::asked(address, token, last_event_id, None).await?;
        while !feed.has_begun {
            feed.read().await?;
        }
        Ok(feed)
    }

    /// Asks for the feed and reads nothing.
    async fn asked(
        address: &str,
        token: &str,
        last_event_id: Option<u64>,
        receive_bytes: Option<u32>,
    ) -> anyhow::Result<Self> {
        let address = address.trim_start_matches("http://").parse()?;
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        let mut socket = socket.connect(address).await?;
        let last_event_id =
            last_event_id.map_or_else(String::new, |id| format!("Last-Event-ID: {id}\r\n"));
        let request = format!(
            "GET /v1/live HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{last_event_id}\r\n"
        );
        socket.write_all(request.as_bytes()).await?;
        Ok(Self { socket, rest: Vec::new(), last_id: 0, has_begun: false, has_ended: false })
    }

    /// Reads once; gives the ids of the events that came. Each event is a chunk, so its lines are whole.
    async fn read(&mut self) -> anyhow::Result<Vec<u64>> {
        let mut bytes = [0; 16 * 1024];
        let count = self.socket.read(&mut bytes).await?;
        if count == 0 {
            bail!("the feed ended");
        }
        self.rest.extend_from_slice(&bytes[..count]);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8(line)?;
            let line = line.trim_end();
            if let Some(status) = line.strip_prefix("HTTP/1.1 ")
                && !status.starts_with("200")
            {
                bail!("the feed was refused: {status}");
            }
            if line == "0" {
                // The last chunk: the answer is whole, the line may stay.
                self.has_ended = true;
            }
            self.has_begun |= line.starts_with("retry: ");
            if let Some(id) = line.strip_prefix("id: ") {
                self.last_id = id.parse()?;
            }
            if line.starts_with("event: ") {
                events.push(self.last_id);
            }
        }
        Ok(events)
    }

    /// Reads until the event with this id has come; gives the ids of all that came.
    async fn until(&mut self, last: u64) -> anyhow::Result<Vec<u64>> {
        let mut events = Vec::new();
        while events.last().is_none_or(|id| *id < last) {
            events.extend(self.read().await.with_context(|| format!("after {:?}", events.last()))?);
        }
        Ok(events)
    }

    /// Reads until the feed ends in order.
    async fn end(&mut self) -> anyhow::Result<()> {
        while !self.has_ended {
            self.read().await?;
        }
        Ok(())
    }
}

/// Hears what comes behind an event, as a browser does: whose feed ends comes back with the last id.
async fn resumed(address: &str, token: &str, from: u64, last: u64) -> anyhow::Result<Vec<u64>> {
    let (mut heard, mut place) = (Vec::new(), from);
    while heard.last().is_none_or(|id| *id < last) {
        let mut feed = Feed::open(address, token, Some(place)).await?;
        while !feed.has_ended && heard.last().is_none_or(|id| *id < last) {
            heard.extend(feed.read().await?);
            place = feed.last_id;
        }
    }
    Ok(heard)
}

/// Does work within the time of a crowd. What was opened in it may be used in later work.
fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"));
    let timed = async { tokio::time::timeout(CROWD_TIME_MAX, work).await };
    let outcome = runtime.block_on(timed).expect("in time");
    outcome.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Puts notes onto cases, as a handler would write them, in the order of the list; gives the sequence of each.
async fn put_notes(bus: &Bus, cases: &[String], count: usize) -> anyhow::Result<Vec<u64>> {
    let jetstream = async_nats::jetstream::new(async_nats::connect(bus.url()).await?);
    let mut acknowledgements = Vec::new();
    let mut sequences = Vec::new();
    for (number, subject) in (0..count).zip(cases.iter().cycle()) {
        let mut headers = HeaderMap::new();
        let id =
            format!("00000000-0000-5000-8000-{:012x}", NOTES_PUT.fetch_add(1, Ordering::Relaxed));
        for (name, value) in [
            ("ce-specversion", "1.0"),
            ("ce-id", id.as_str()),
            ("ce-source", "/dongcheng/tests"),
            ("ce-type", "cn.unstuck.case.progress_noted.v1"),
            ("ce-subject", subject.rsplit('.').next().unwrap_or_default()),
            ("ce-time", "2026-01-01T00:00:00+08:00"),
            ("ce-recordedat", "2026-01-01T00:00:00+08:00"),
            ("ce-actor", "somebody"),
            ("ce-role", "clerk"),
            ("ce-commandid", id.as_str()),
        ] {
            headers.insert(name, value);
        }
        let body = r#"{"text":"材料已交，等候核对","public":false}"#;
        let sent = jetstream.publish_with_headers(subject.clone(), headers, body.into()).await?;
        acknowledgements.push(sent);
        if acknowledgements.len() == 256 || number + 1 == count {
            for acknowledgement in acknowledgements.drain(..) {
                sequences.push(acknowledgement.await?.sequence);
            }
        }
    }
    Ok(sequences)
}

/// The subjects of so many cases of a center.
fn cases_of(clerk: &Api, center: &str, count: u32) -> Vec<String> {
    // Another center's cases are other people's.
    let first = if center == "jingshan" { 1 } else { 1001 };
    let open = |n| clerk.open(opening(center, UNROUTED_MATTER, n)).case_id().to_owned();
    (first..first + count).map(|n| format!("case.{center}.{}", open(n))).collect()
}

/// The sequence that the view has come to, once it is up with the stream.
fn newest(reader: &Api) -> u64 {
    unstuck_tests::wait_for("the view is up with the stream", || {
        let lag = reader.get("/v1/lag");
        let sequence = lag["as_of_sequence"].as_u64();
        sequence.filter(|_| lag["stream_last_sequence"] == lag["as_of_sequence"])
    })
}

/// Resident memory of a process in KiB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn sockets(process: u32) -> usize {
    let Ok(files) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return 0 };
    let target = |file: std::fs::DirEntry| std::fs::read_link(file.path()).ok();
    let targets = files.flatten().filter_map(target);
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

/// Open files that this process may have beside those of the test itself.
fn files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    soft.unwrap_or(1024).saturating_sub(200)
}

#[test]
fn a_thousand_readers_hear_every_event_of_theirs_once_and_in_order() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let coordinator = district.coordinator();
    let clerk = district.clerk("jingshan");
    let elsewhere = district.clerk("donghuashi");
    let here = cases_of(&clerk, "jingshan", 3);
    let there = cases_of(&elsewhere, "donghuashi", 1);
    let begin = newest(&coordinator);
    let up = district.process_id();
    let before = resident(up);
    let address = district.address();
    let (all, other) =
        (coordinator.sign_in().expect("a token"), elsewhere.sign_in().expect("a token"));

    // Where a shell gives fewer files, as many readers as it gives.
    let readers = READERS.min(files_max());
    let crowd = run(async {
        let mut crowd = Vec::new();
        while crowd.len() < readers {
            let opened = (crowd.len()..readers.min(crowd.len() + OPENED_AT_ONCE)).map(|number| {
                // Each tenth is of another center.
                let token = if number % 10 == 9 { &other } else { &all };
                Feed::open(&address, token, None)
            });
            crowd.extend(futures::future::try_join_all(opened).await?);
        }
        Ok(crowd)
    });
    let with_crowd = resident(up);

    let (told, heard) = run(async {
        let mut told = put_notes(&bus, &here, 200).await?;
        let of_other = put_notes(&bus, &there, 20).await?;
        let last_of_other = *of_other.last().context("some were put")?;
        told.extend(&of_other);
        let listening = crowd.into_iter().enumerate().map(|(number, mut feed)| {
            tokio::spawn(async move {
                let events = feed.until(last_of_other).await?;
                anyhow::Ok((number, feed, events))
            })
        });
        let mut heard = BTreeMap::new();
        for listener in listening.collect::<Vec<_>>() {
            let (number, feed, events) = listener.await??;
            heard.insert(number, (feed, events));
        }
        Ok(((told, of_other), heard))
    });
    let (told, of_other) = told;
    assert_eq!(told, (begin + 1..=begin + told.len() as u64).collect::<Vec<_>>());
    for (number, (_, events)) in &heard {
        let expected = if number % 10 == 9 { &of_other } else { &told };
        assert_eq!(events, expected, "reader {number}");
    }
    println!(
        "{readers} readers: {} KiB more resident, {} KiB after {} events each",
        with_crowd.saturating_sub(before),
        resident(up).saturating_sub(before),
        told.len()
    );
    let each = with_crowd.saturating_sub(before) / readers as u64;
    assert!(each < 160, "a feed costs {each} KiB");
    // The process takes other requests meanwhile.
    assert_eq!(coordinator.get("/v1/cases").json["total"], 4);
    drop(heard);
}

#[test]
fn readers_that_never_read_hold_no_memory_and_are_cut_while_others_hear_everything() {
    const SILENT: usize = 200;
    const NOTES: usize = 8000;
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let coordinator = district.coordinator();
    let clerk = district.clerk("jingshan");
    let cases = cases_of(&clerk, "jingshan", 20);
    let begin = newest(&coordinator);
    let up = district.process_id();
    let address = district.address();
    let token = coordinator.sign_in().expect("a token");

    let hears_all = async |from: u64| {
        let mut feed = Feed::open(&address, &token, Some(from)).await?;
        let listener = tokio::spawn(async move { feed.until(from + NOTES as u64).await });
        let told = put_notes(&bus, &cases, NOTES).await?;
        let heard = listener.await??;
        assert!(heard == told, "{} of {} were heard", heard.len(), told.len());
        told.last().copied().context("some were put")
    };
    // Once without them, so that what the views keep of so many events is there already.
    let middle = run(hears_all(begin));
    let (before, sockets_before) = (resident(up), sockets(up));
    let (silent, last) = run(async {
        let silent = (0..SILENT).map(|_| Feed::asked(&address, &token, None, Some(4096)));
        let silent = futures::future::try_join_all(silent).await?;
        Ok((silent, hears_all(middle).await?))
    });
    let after = resident(up);
    let grown = after.saturating_sub(before);
    println!(
        "{SILENT} silent readers, {NOTES} events: {grown} KiB more resident ({before} before)"
    );
    // What was told, for each of them, would be half a gigabyte.
    assert!(grown < 48 * 1024, "{grown} KiB more resident");
    wait_until("the silent ones are cut", || sockets(up) < sockets_before + SILENT / 4);
    drop(silent);

    // Who was away meanwhile, further than the ring reaches, misses nothing and hears nothing twice.
    let started = Instant::now();
    let heard = run(resumed(&address, &token, begin, last));
    println!("{} events from the log in {:?}", heard.len(), started.elapsed());
    assert!(heard == (begin + 1..=last).collect::<Vec<_>>(), "{} were heard", heard.len());
    // Nor who comes back after the process was killed.
    district.kill();
    let more = run(put_notes(&bus, &cases, 10));
    district.bring_up();
    let address = district.address();
    let end = *more.last().expect("some were put");
    let heard = run(resumed(&address, &token, last, end));
    assert_eq!(heard, more);
}

#[test]
fn a_feed_ends_soon_after_its_session() {
    let district = District::start(None);
    let coordinator = district.coordinator();
    let address = district.address();
    let token = coordinator.sign_in().expect("a token");
    let mut feed = run(Feed::open(&address, &token, None));
    let anybody = district.anybody();
    let leaving = anybody.request("DELETE", "/v1/session");
    leaving.header("authorization", format!("Bearer {token}")).send().expect_status(204);
    let started = Instant::now();
    run(feed.end());
    let elapsed = started.elapsed();
    assert!(elapsed < Duration::from_secs(30), "the feed lived on for {elapsed:?}");
}
