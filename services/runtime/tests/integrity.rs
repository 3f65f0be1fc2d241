//! A log that somebody changed past the services, on a real nats-server: each change is found, at its place.

mod support;

use std::sync::Arc;

use async_nats::HeaderMap;
use async_nats::jetstream::stream::Config;
use runtime::audit::{Audit, AuditLine, SignedAudit};
use runtime::clock::SystemClock;
use runtime::log::chain::EventKey;
use runtime::log::contract::{self, events};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::verify::{ProofError, Walked, prove};
use runtime::log::{EventLog, Expected, Freshness, Headers, Recorded};
use runtime::metrics::Metrics;
use runtime::seals::{SEALED, Sealer};
use support::Bus;
use tokio_util::sync::CancellationToken;

/// The subjects of the story, and how it goes: every event but the facts links to the one before.
const ONE: &str = "case.north.00000000-0000-5000-8000-000000000001";
const TWO: &str = "case.north.00000000-0000-5000-8000-000000000002";

struct Site {
    bus: Bus,
}

impl Site {
    /// A log of eight events: 1 ONE, 2-3 ONE, 4 TWO, 5 ONE (a fact), 6 TWO, 7 ONE, 8 TWO (a fact).
    async fn start() -> Self {
        let site = Self { bus: Bus::start().await };
        let log = site.log("CASES").await.signing(contract::key());
        for (subject, count, commutes) in [
            (ONE, 1, false),
            (ONE, 2, false),
            (TWO, 1, false),
            (ONE, 1, true),
            (TWO, 1, false),
            (ONE, 1, false),
            (TWO, 1, true),
        ] {
            let seen = log.load(subject, Freshness::Leader).await.expect("the bus answers");
            let expected = if commutes { Expected::Any } else { Expected::behind(&seen) };
            log.append(subject, expected, &events(count)).await.expect("the bus answers");
        }
        site
    }

    async fn log(&self, stream: &str) -> JetStreamLog {
        JetStreamLog::open(self.bus.context.clone(), stream).await.expect("the bus answers")
    }

    fn audit(&self, key: &EventKey) -> Audit {
        let place = SignedAudit::new(self.bus.context.clone(), key.clone());
        let district = "district".parse().expect("it is a name");
        Audit::new(place, district, Arc::new(SystemClock), Metrics::new())
    }

    async fn events(&self, stream: &str) -> Vec<Recorded> {
        self.log(stream).await.stretch(1, 1_000).await.expect("the bus answers")
    }

    async fn prove(&self, kept: &[String]) -> Result<Vec<Walked>, ProofError> {
        let key = contract::key();
        prove(&self.bus.context, &self.audit(&key), &key, kept, |_, _| {}).await
    }

    /// The first break of all streams.
    async fn first_break(&self) -> Option<String> {
        let walked = self.prove(&[]).await.expect("the streams can be read");
        walked.into_iter().find_map(|walked| walked.first_break)
    }

    /// Throws a stream away and makes it anew of these events, as somebody does who has the disk or an administrator's
    /// credentials.
    async fn exchange(&self, stream: &str, events: &[Recorded]) {
        let js = &self.bus.context;
        let config =
            js.get_stream(stream).await.expect("the bus answers").cached_info().config.clone();
        // The server takes the folder away after it has answered; a stream that is made too soon finds the old events.
        loop {
            js.delete_stream(stream).await.expect("the bus answers");
            let made = js.create_stream(config.clone()).await.expect("the bus answers");
            if made.cached_info().state.last_sequence == 0 {
                break;
            }
        }
        for event in events {
            self.publish(event).await;
        }
    }

    async fn publish(&self, event: &Recorded) {
        let mut headers = HeaderMap::new();
        for (name, value) in event.headers.iter().filter(|(name, _)| !name.starts_with("Nats-")) {
            headers.insert(name, value);
        }
        let js = &self.bus.context;
        let sent = js.publish_with_headers(event.subject.clone(), headers, event.body.clone());
        sent.await.expect("the bus answers").await.expect("the bus answers");
    }

    /// Runs the sealer until a line of seals stands that was not there before.
    async fn seal(&self) {
        let key = contract::key();
        let before = self.sealings().await;
        let sealer = Sealer::new(self.bus.context.clone(), self.audit(&key), key, Metrics::new());
        let token = CancellationToken::new();
        let running = tokio::spawn(sealer.run(token.clone()));
        let written = async {
            while self.sealings().await == before {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), written).await.expect("sealed");
        token.cancel();
        running.await.expect("the bus answers");
    }

    async fn sealings(&self) -> usize {
        let lines = self.events("AUDIT").await;
        let is_one = |line: &&Recorded| {
            serde_json::from_slice::<AuditLine>(&line.body).is_ok_and(|line| line.what == SEALED)
        };
        lines.iter().filter(is_one).count()
    }
}

fn changed(event: &Recorded, name: &str, value: &str) -> Recorded {
    let headers = event
        .headers
        .iter()
        .map(|(found, before)| if found == name { (found, value) } else { (found, before) });
    Recorded { headers: headers.collect(), ..event.clone() }
}

fn without(event: &Recorded, name: &str) -> Recorded {
    let headers = event.headers.iter().filter(|(found, _)| *found != name);
    Recorded { headers: headers.collect(), ..event.clone() }
}

#[track_caller]
fn found(found: Option<&String>, place: &str, what: &str) {
    let text = found.unwrap_or_else(|| panic!("nothing was found; expected {place}: {what}"));
    assert!(
        text.starts_with(&format!("{place},")) || text.starts_with(&format!("{place}:")),
        "{place}: {text}"
    );
    assert!(text.contains(what), "{what}: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_as_the_services_wrote_it_is_proved_also_when_it_was_stored_again() {
    let site = Site::start().await;
    site.seal().await;
    let events = site.events("CASES").await;
    let whole = site.prove(&[]).await.unwrap();
    let cases = &whole[0];
    assert_eq!((cases.events, cases.unsigned, cases.sealed_to), (8, 0, 8));
    assert_eq!(site.first_break().await, None);
    site.exchange("CASES", &events).await;
    assert_eq!(site.first_break().await, None, "a copy is as good");
    // What nobody can read is the quarantine's to show: no service believes it, and it breaks nothing.
    let unreadable =
        Recorded { headers: Headers::default(), body: "{ no JSON".into(), ..events[0].clone() };
    let with_it: Vec<_> = events.iter().cloned().chain([unreadable]).collect();
    site.exchange("CASES", &with_it).await;
    assert_eq!(site.first_break().await, None);
    let cases_with_it = site.prove(&[]).await.unwrap().remove(0);
    assert_eq!((cases_with_it.events, cases_with_it.unsigned), (9, 1));
    site.exchange("CASES", &events).await;
    // A seal that was kept elsewhere holds as well, and a foreign one is said to be one.
    assert!(site.prove(std::slice::from_ref(&cases.seal)).await.is_ok());
    let foreign = cases.seal.replace("CASES:8", "CASES:7");
    assert!(matches!(site.prove(&[foreign]).await, Err(ProofError::ForeignSeal(_))));
    site.bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_an_event_is_found_at_its_place() {
    let site = Site::start().await;
    let whole = site.events("CASES").await;
    let with = |index: usize, event: Recorded| {
        let mut events = whole.clone();
        events[index] = event;
        events
    };
    let other_key = {
        let other = EventKey::of_bytes([9; 32]);
        let digest = runtime::log::chain::Digest::of(&whole[3]);
        changed(&whole[3], "ce-mac", &other.mac_of(&digest))
    };
    let body = Recorded { body: r#"{"index":7}"#.into(), ..whole[1].clone() };
    let elsewhere = Recorded { subject: TWO.to_owned(), ..whole[4].clone() };
    for (events, place, what) in [
        (with(1, body), format!("CASES 2, subject {ONE}, event"), "MAC does not hold"),
        (
            with(5, changed(&whole[5], "ce-actor", "somebody")),
            "CASES 6".to_owned(),
            "MAC does not hold",
        ),
        (with(4, elsewhere), "CASES 5".to_owned(), "MAC does not hold"),
        (with(3, other_key), "CASES 4".to_owned(), "another key"),
        (with(2, without(&whole[2], "ce-mac")), "CASES 3".to_owned(), "has no MAC"),
    ] {
        site.exchange("CASES", &events).await;
        let text = site.first_break().await.expect(what);
        assert!(text.starts_with(&place) && text.contains(what), "{place}, {what}: {text}");
    }
    site.bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_removed_exchanged_inserted_or_repeated_is_found_without_a_seal() {
    let site = Site::start().await;
    let whole = site.events("CASES").await;
    let order =
        |places: &[usize]| places.iter().map(|place| whole[place - 1].clone()).collect::<Vec<_>>();
    for (events, place, what) in [
        (order(&[1, 3, 4, 5, 6, 7, 8]), "CASES 2", "removed, exchanged or moved"),
        (order(&[1, 3, 2, 4, 5, 6, 7, 8]), "CASES 2", "removed, exchanged or moved"),
        (order(&[2, 3, 4, 5, 6, 7, 8]), "CASES 1", "there is none"),
        (order(&[1, 2, 3, 4, 6, 7, 8]), "CASES 6", "removed, exchanged or moved"),
        (order(&[1, 2, 3, 4, 5, 1, 6, 7, 8]), "CASES 6", "is not"),
        (order(&[1, 2, 3, 4, 5, 6, 6, 7, 8]), "CASES 7", "removed, exchanged or moved"),
        (order(&[1, 2, 3, 4, 5, 6, 7, 8, 8]), "CASES 9", "stands before it"),
    ] {
        site.exchange("CASES", &events).await;
        found(site.first_break().await.as_ref(), place, what);
    }
    site.bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seals_find_a_lost_fact_another_order_of_cases_and_an_end_that_was_cut_off() {
    let site = Site::start().await;
    site.seal().await;
    let log = site.log("CASES").await.signing(contract::key());
    log.append(TWO, Expected::Any, &events(1)).await.unwrap();
    site.seal().await;
    let whole = site.events("CASES").await;
    let order =
        |places: &[usize]| places.iter().map(|place| whole[place - 1].clone()).collect::<Vec<_>>();
    for (events, place, what) in [
        // What stands before a fact that commutes is lost: nothing links to it.
        (order(&[1, 2, 4, 5, 6, 7, 8, 9]), "CASES 8", "all up to sequence 0 are"),
        // A fact of the first case moves behind an event of the second: every link holds.
        (order(&[1, 2, 3, 5, 4, 6, 7, 8, 9]), "CASES 8", "all up to sequence 0 are"),
        (order(&[1, 2, 3, 4, 5, 6, 7, 9, 8]), "CASES 8", "all up to sequence 0 are"),
        (order(&[1, 2, 3, 4, 5, 6, 7]), "CASES 7", "sealed up to sequence 9"),
        (order(&[1, 2, 3, 4, 5, 6, 7, 8]), "CASES 8", "sealed up to sequence 9"),
        (Vec::new(), "CASES 0", "sealed up to sequence 9"),
    ] {
        site.exchange("CASES", &events).await;
        found(site.first_break().await.as_ref(), place, what);
    }
    // What came after the last seal is the limit; a seal that was kept elsewhere is younger.
    site.exchange("CASES", &whole).await;
    assert_eq!(site.first_break().await, None);
    site.bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_deleted_is_a_gap() {
    let site = Site::start().await;
    let js = &site.bus.context;
    let config = js.get_stream("CASES").await.unwrap().cached_info().config.clone();
    let whole = site.events("CASES").await;
    js.delete_stream("CASES").await.unwrap();
    js.create_stream(Config { deny_delete: false, ..config }).await.unwrap();
    for event in &whole {
        site.publish(event).await;
    }
    js.get_stream("CASES").await.unwrap().delete_message(5).await.unwrap();
    found(site.first_break().await.as_ref(), "CASES 6", "before it stands sequence 4");
    js.get_stream("CASES").await.unwrap().delete_message(1).await.unwrap();
    found(site.first_break().await.as_ref(), "CASES 2", "before it stands sequence 0");
    site.bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_from_before_there_were_macs_may_stand_at_the_beginning_only() {
    let site = Site::start().await;
    let whole = site.events("CASES").await;
    let old = |event: &Recorded| without(&without(event, "ce-mac"), "ce-previous");
    let mut events: Vec<_> = whole[..3].iter().map(old).collect();
    site.exchange("CASES", &events).await;
    // The services go on with what they find.
    let log = site.log("CASES").await.signing(contract::key());
    let seen = log.load(ONE, Freshness::Leader).await.unwrap();
    log.append(ONE, Expected::behind(&seen), &contract::events(1)).await.unwrap();
    let walked = site.prove(&[]).await.unwrap();
    assert_eq!((walked[0].events, walked[0].unsigned, &walked[0].first_break), (4, 3, &None));
    // One of the old ones was changed afterwards: the first new one says so.
    let new = site.events("CASES").await[3].clone();
    events[2] = Recorded { body: "{}".into(), ..events[2].clone() };
    events.push(new);
    site.exchange("CASES", &events).await;
    found(site.first_break().await.as_ref(), "CASES 4", "removed, exchanged or moved");
    site.bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_the_audit_are_proved_as_well() {
    let site = Site::start().await;
    let audit = site.audit(&contract::key());
    for what in ["signed_in", "revealed", "exported"] {
        audit.record_or_fail(AuditLine::new("yang.li", what)).await.unwrap();
    }
    site.seal().await;
    assert_eq!(site.first_break().await, None);
    let whole = site.events("AUDIT").await;
    let line = |what: &str, actor: &str| {
        let body = serde_json::to_vec(&AuditLine::new(actor.to_owned(), what.to_owned())).unwrap();
        Recorded { body: body.into(), ..without(&whole[1], "ce-mac") }
    };
    let mut changed = whole.clone();
    changed[1] = line("signed_in", "yang.li");
    site.exchange("AUDIT", &changed).await;
    found(site.first_break().await.as_ref(), "AUDIT 2", "has no MAC");
    // The line that tells too much is taken out; what seals it stands behind it.
    site.exchange("AUDIT", &[whole[0].clone(), whole[2].clone(), whole[3].clone()]).await;
    found(site.first_break().await.as_ref(), "AUDIT 3", "not those that were sealed");
    // A tool on a bus far from the key writes lines of its own name without one.
    site.exchange("AUDIT", &whole).await;
    site.publish(&without(&line("staff_added", "command-line"), "ce-id")).await;
    let walked = site.prove(&[]).await.unwrap();
    assert_eq!((walked[3].unsigned, &walked[3].first_break), (1, &None));
    site.bus.stop().await;
}
