//! The real view of a tale: sled in a folder, built of the log, compared with it.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::house::House;
use super::tale::Tale;

/// Longest time until the view has folded the log.
const FOLDING_MAX: Duration = Duration::from_secs(20);

/// Builds the view of the tale's log and compares it with the log.
pub(crate) fn says_what_the_log_says(tale: &Tale) {
    // Blocking threads and a disk: this is in real time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(FOLDING_MAX, compare(&tale.house)).await.expect("the view is built");
    });
}

async fn compare(house: &House) {
    let folder = tempfile::tempdir().unwrap();
    let (mut parts, projection) = projection::open(house.desk(), folder.path()).await.unwrap();
    let token = CancellationToken::new();
    let tasks: Vec<_> =
        parts.tasks.drain(..).map(|task| tokio::spawn((task.run)(token.clone()))).collect();
    while projection.sequence() < house.length() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let report = projection.verify(&[]).await.unwrap();
    assert!(report.equal, "the view: {:?}", report.first_difference);
    assert_eq!(report.sequence, house.length());
    token.cancel();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
}
