//! What holds of an export whoever reads it, and whoever does not.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use casework::register::Lang;
use chrono::TimeDelta;
use desk::{Desk, Ground};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use runtime::audit::{AuditError, AuditStore, MemoryAudit};
use runtime::log::{EventLog as _, Expected};
use runtime::vault::MasterKey;

use super::making::{PAGE_CASES, PIECE_BYTES};
use super::*;
use crate::testing::{at, district, event, opened, subject};
use crate::tests::Running;

/// Cases of these tests: several pages, and far more than the pieces that may wait.
const CASES: usize = PAGE_CASES * 8 + 7;

/// Nobody keeps the audit.
struct NoAudit;

impl AuditStore for NoAudit {
    fn store(&self, _: String, _: Bytes) -> BoxFuture<'_, Result<(), AuditError>> {
        async { Err(AuditError { source: "the disk is full".into() }) }.boxed()
    }
}

struct House {
    running: Running,
    register: Register,
}

impl House {
    async fn with(audit: impl AuditStore) -> Self {
        let running = Running::start().await;
        let ground = Ground::in_memory(running.clock.clone());
        let ground = Ground { audit: Arc::new(audit), ..ground };
        let key = MasterKey::load_or_create(&running.dir.path().join("master.key")).unwrap();
        let (clock, metrics) = (running.clock.clone(), running.metrics.clone());
        let desk = Desk::on(ground, district(), clock, key, metrics);
        let keys = runtime::vault::KeyRing::new(desk.vault.clone());
        let register = Register::new(Arc::clone(&running.core), desk, keys);
        Self { running, register }
    }

    async fn tell(&self, cases: usize) {
        let time = at("2021-01-26T10:00:00");
        let mut last = 0;
        for n in 0..cases as u128 {
            // The last is the oldest: the file has another order than the stream.
            let time = time - TimeDelta::seconds(i64::try_from(n).unwrap());
            let new = event(n, 0, time, opened(n, time));
            last = self.running.log.append(&subject(n), Expected::Any, &[new]).await.unwrap();
        }
        self.running.core.applied().wait_for(|applied| *applied >= last).await.unwrap();
    }

    async fn begin(&self, kind: FileKind) -> Result<Export, Problem> {
        let wish = Wish { kind, lang: Lang::Zh, filter: Filter::default(), told: String::new() };
        self.register.begin(Exporter::operator(), wish).await
    }
}

async fn within<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect(what)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_in_small_pieces_and_is_made_no_faster_than_it_is_read() {
    let house = House::with(MemoryAudit::default()).await;
    house.tell(CASES).await;
    let mut export = house.begin(FileKind::Csv).await.unwrap();
    assert_eq!(export.rows, CASES);
    // Nobody reads: as many pieces as may wait are there, and the rest is not made.
    within("pieces wait", async {
        while export.pieces.0.len() < PIECES_AHEAD {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(house.register.slots.available_permits() < EXPORTS_MAX, "it is not done");
    let mut text = String::new();
    let mut pieces = 0;
    while let Some(piece) = export.pieces.next().await.unwrap() {
        assert!(piece.len() < PAGE_CASES * 1024, "{} bytes", piece.len());
        text.push_str(std::str::from_utf8(&piece).unwrap());
        pieces += 1;
    }
    assert_eq!(pieces, CASES.div_ceil(PAGE_CASES));
    assert_eq!(text.lines().count(), CASES + 1);
    let numbers: Vec<_> =
        text.lines().skip(1).filter_map(|line| line.split_once(',').map(|cells| cells.0)).collect();
    let oldest_first: Vec<_> = (0..CASES).rev().map(|n| format!("DHS-{n}")).collect();
    assert_eq!(numbers, oldest_first);
    within("the slot is free", house.register.slots.acquire_many(4)).await.unwrap().forget();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workbook_comes_in_pieces_of_one_size() {
    let house = House::with(MemoryAudit::default()).await;
    house.tell(CASES).await;
    let mut export = house.begin(FileKind::Xlsx).await.unwrap();
    let (mut sizes, mut end) = (Vec::new(), Bytes::new());
    while let Some(piece) = export.pieces.next().await.unwrap() {
        sizes.push(piece.len());
        end = piece;
    }
    // What a ZIP ends with, when it is whole.
    assert!(end.windows(4).any(|bytes| bytes == b"PK\x05\x06"));
    let last = sizes.pop().unwrap();
    assert!(last <= PIECE_BYTES && sizes.iter().all(|size| *size == PIECE_BYTES), "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_frees_his_slot_and_a_fifth_waits_for_one() {
    let audit = MemoryAudit::default();
    let house = House::with(audit.clone()).await;
    house.tell(CASES).await;
    let mut exports = Vec::new();
    for kind in [FileKind::Csv, FileKind::Xlsx, FileKind::Csv, FileKind::Csv] {
        exports.push(house.begin(kind).await.unwrap());
    }
    let refused = house.begin(FileKind::Csv).await.unwrap_err();
    assert_eq!(refused.code, "busy");
    assert_eq!(audit.lines().len(), 4, "what was refused is no export");
    exports.clear();
    let free = house.register.slots.acquire_many(4);
    within("all slots are free", free).await.unwrap().forget();
}

#[tokio::test]
async fn nothing_is_exported_without_its_line_in_the_audit() {
    let house = House::with(NoAudit).await;
    house.tell(1).await;
    let refused = house.begin(FileKind::Csv).await.unwrap_err();
    assert_eq!(refused.code, "unavailable");
    assert_eq!(house.register.slots.available_permits(), EXPORTS_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_that_stops_breaks_the_file_off_and_says_so() {
    let house = House::with(MemoryAudit::default()).await;
    house.tell(CASES).await;
    let mut export = house.begin(FileKind::Csv).await.unwrap();
    export.pieces.next().await.unwrap();
    house.running.core.ended.cancel();
    let outcome = within("it ends", async {
        loop {
            match export.pieces.next().await {
                Ok(Some(_)) => {}
                outcome => break outcome,
            }
        }
    })
    .await;
    assert!(matches!(outcome, Err(RegisterError::BrokeOff)), "{outcome:?}");
}

#[tokio::test]
async fn an_empty_register_has_its_head() {
    let house = House::with(MemoryAudit::default()).await;
    for kind in [FileKind::Csv, FileKind::Xlsx] {
        let mut export = house.begin(kind).await.unwrap();
        assert_eq!(export.rows, 0);
        assert!(export.pieces.next().await.unwrap().is_some_and(|piece| !piece.is_empty()));
    }
}

#[tokio::test]
async fn a_view_that_stopped_exports_nothing() {
    let audit = MemoryAudit::default();
    let house = House::with(audit.clone()).await;
    house.tell(1).await;
    house.running.core.raise(&std::io::Error::other("events are missing"));
    let refused = house.begin(FileKind::Csv).await.unwrap_err();
    assert_eq!(refused.code, "unavailable");
    assert!(refused.detail.contains("events are missing"), "{}", refused.detail);
    assert!(audit.lines().is_empty());
}

#[tokio::test]
async fn a_file_has_what_the_stream_had_when_it_was_asked_for() {
    let house = House::with(MemoryAudit::default()).await;
    let time = at("2021-01-26T10:00:00");
    for n in 0..40 {
        let new = event(n, 0, time, opened(n, time));
        // Not waited for: the view may not have it yet.
        house.running.log.append(&subject(n), Expected::Any, &[new]).await.unwrap();
    }
    assert_eq!(house.begin(FileKind::Csv).await.unwrap().rows, 40);
}
