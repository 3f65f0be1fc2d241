//! Streams and buckets: made when missing, compared when present, never repaired in silence.
//!
//! Invariants: the event streams deny delete and purge, so that their sequences are contiguous for ever and a
//! gap is an incident; only in the bucket of keys may a message be deleted; an existing stream is never changed from here.

use std::time::Duration;

use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context, kv};
use proto_events::subject;

/// Longest time for the whole provisioning; a dozen questions of a few milliseconds each.
const PROVISION_MAX: Duration = Duration::from_secs(10);

/// In a cluster each new stream first agrees on who leads it, and several processes may make them at once on servers that
/// have just come up.
const PROVISION_CLUSTER_MAX: Duration = Duration::from_secs(60);

/// The pause before a cluster is asked again.
const AGAIN: Duration = Duration::from_millis(500);

/// How long the bus remembers a message id; a client's repeat comes within seconds.
pub const DEDUPLICATION_WINDOW: Duration = Duration::from_secs(120);

/// Bucket of the wrapped data keys, one per case; deleting one is the erasure.
pub const CASE_KEYS_BUCKET: &str = "case_keys";
/// Bucket of the staff.
pub const STAFF_BUCKET: &str = "staff";
/// Bucket of the revocable sessions.
pub const SESSIONS_BUCKET: &str = "sessions";
/// Bucket of the answers that are given again for the same Idempotency-Key.
pub const IDEMPOTENCY_BUCKET: &str = "idempotency";
/// Bucket of fingerprints of applicant and matter, to the case that is open for them.
pub const OPEN_MATTERS_BUCKET: &str = "open_matters";
/// Bucket of events that a reaction gave up on.
pub const PARKED_BUCKET: &str = "parked";
/// Bucket of half-filled forms, sealed, each for its own person.
pub const DRAFTS_BUCKET: &str = "drafts";
/// Bucket of the centers that have a server of their own: who was enrolled, how far each has come, and how its line is.
pub const ENROLLED_BUCKET: &str = "enrolled";
/// Bucket of the one-time link for the first account.
pub const FIRST_RUN_BUCKET: &str = "first_run";

/// Longest life of a session: one working day with its overtime. The bus forgets it by itself.
pub const SESSION_LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// How long an answer is kept for a repeat. Beyond it, the log's own content still prevents a second case.
pub const IDEMPOTENCY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a draft is kept after it was last written: a weekend. It may hold somebody's name before he is registered.
pub const DRAFT_LIFE: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How long the link for the first account is kept.
pub const FIRST_RUN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// Buckets and the life of their entries; zero is for ever.
const BUCKETS: [(&str, Duration, &str); 9] = [
    (CASE_KEYS_BUCKET, Duration::ZERO, "wrapped data keys of cases; never in the events' backup"),
    (STAFF_BUCKET, Duration::ZERO, "who may sign in"),
    (SESSIONS_BUCKET, SESSION_LIFE, "revocable sessions"),
    (IDEMPOTENCY_BUCKET, IDEMPOTENCY_LIFE, "answers given again"),
    (OPEN_MATTERS_BUCKET, Duration::ZERO, "one open case per applicant and matter"),
    (PARKED_BUCKET, Duration::ZERO, "events that a reaction gave up on"),
    (DRAFTS_BUCKET, DRAFT_LIFE, "half-filled forms, sealed"),
    (ENROLLED_BUCKET, Duration::ZERO, "centers with a server of their own"),
    (FIRST_RUN_BUCKET, FIRST_RUN_LIFE, "the one-time link for the first account"),
];

/// How to make what is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provision {
    /// Copies of each stream: 1 on a single server, 3 in a cluster.
    pub replicas: usize,
}

/// A field of a stream that is not as this version makes it. The stream works; a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The stream; a bucket is the stream `KV_<bucket>`.
    pub stream: String,
    /// The field, as the bus names it.
    pub field: &'static str,
    /// What this version would make.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

/// How the streams and buckets of the house stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Those that are not there; a bucket is the stream `KV_<bucket>`.
    pub missing: Vec<String>,
    /// What is not as this version makes it.
    pub drifts: Vec<Drift>,
}

/// Why streams are not ready.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The bus refused or did not answer.
    #[error("{attempted} {stream} failed")]
    Bus {
        /// What was attempted.
        attempted: &'static str,
        /// The stream.
        stream: String,
        /// What the client said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It took too long.
    #[error("the bus did not make all streams in time")]
    TimedOut,
    /// Nobody leads a stream: too few servers of the cluster are there, or they have not agreed yet.
    #[error("nobody leads the stream {0}")]
    NoLeader(String),
}

/// Makes the streams and buckets that are missing, and says how those that stand differ.
///
/// Idempotent; several services may do it at once. In a cluster what is not ready yet is waited for.
///
/// # Errors
/// See [`ProvisionError`].
pub async fn provision(
    context: &Context,
    provision: &Provision,
) -> Result<Vec<Drift>, ProvisionError> {
    if provision.replicas == 1 {
        return tokio::time::timeout(PROVISION_MAX, provision_all(context, provision))
            .await
            .unwrap_or(Err(ProvisionError::TimedOut));
    }
    let mut last = None;
    let ready = async {
        loop {
            match provision_all(context, provision).await {
                Ok(drifts) => return drifts,
                Err(error) => {
                    tracing::info!(
                        error = &error as &dyn std::error::Error,
                        "the cluster is not ready yet; again"
                    );
                    last = Some(error);
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    };
    match tokio::time::timeout(PROVISION_CLUSTER_MAX, ready).await {
        Ok(drifts) => Ok(drifts),
        Err(_) => Err(last.unwrap_or(ProvisionError::TimedOut)),
    }
}

/// The configuration of a stream that can be written to.
fn of_led(info: &Info) -> Result<Config, ProvisionError> {
    let is_led = info.cluster.as_ref().is_none_or(|cluster| cluster.leader.is_some());
    match is_led {
        true => Ok(info.config.clone()),
        false => Err(ProvisionError::NoLeader(info.config.name.clone())),
    }
}

async fn provision_all(
    context: &Context,
    provision: &Provision,
) -> Result<Vec<Drift>, ProvisionError> {
    let mut drifts = Vec::new();
    for wanted in event_streams(provision.replicas) {
        drifts.extend(provision_stream(context, wanted).await?);
    }
    for (bucket, life, description) in BUCKETS {
        if bucket == CASE_KEYS_BUCKET {
            drifts.extend(provision_stream(context, keys_stream(provision.replicas)).await?);
            continue;
        }
        let wanted = bucket_config(bucket, life, description, provision.replicas);
        let name = format!("KV_{bucket}");
        let found = match context.get_stream(&name).await {
            Ok(stream) => of_led(stream.cached_info())?,
            Err(error) if is_missing(&error) => {
                match context.create_key_value(wanted.clone()).await {
                    Ok(store) => of_led(store.stream.cached_info())?,
                    Err(error) => {
                        let again = context.get_stream(&name).await;
                        let made = again.map_err(|_| failed("making", &name, error))?;
                        of_led(made.cached_info())?
                    }
                }
            }
            Err(error) => return Err(failed("looking at", &name, error)),
        };
        drifts.extend(compare_bucket(&wanted, &found));
    }
    Ok(drifts)
}

async fn provision_stream(context: &Context, wanted: Config) -> Result<Vec<Drift>, ProvisionError> {
    // The same configuration again is no error on the bus; another one is.
    let found = match context.get_stream(&wanted.name).await {
        Ok(stream) => of_led(stream.cached_info())?,
        Err(error) if is_missing(&error) => match context.create_stream(wanted.clone()).await {
            Ok(stream) => of_led(stream.cached_info())?,
            Err(error) => {
                // Perhaps another service was faster, with other settings.
                let again = context.get_stream(&wanted.name).await;
                let made = again.map_err(|_| failed("making", &wanted.name, error))?;
                of_led(made.cached_info())?
            }
        },
        Err(error) => return Err(failed("looking at", &wanted.name, error)),
    };
    Ok(compare(&wanted, &found))
}

/// The bucket of the keys of cases, whose bytes can be overwritten: two values of a key, and who may, may delete one by its
/// sequence ([`crate::kv::jetstream`]). A client makes no such bucket.
fn keys_stream(replicas: usize) -> Config {
    Config {
        name: format!("KV_{CASE_KEYS_BUCKET}"),
        description: Some("wrapped data keys of cases; never in the events' backup".to_owned()),
        subjects: vec![format!("$KV.{CASE_KEYS_BUCKET}.>")],
        discard: DiscardPolicy::New,
        max_messages_per_subject: 2,
        deny_delete: false,
        deny_purge: true,
        allow_rollup: false,
        allow_atomic_publish: false,
        ..stream_of(replicas)
    }
}

/// Looks at all streams and buckets, and makes nothing.
///
/// # Errors
/// See [`ProvisionError`].
pub async fn inspect(context: &Context, wanted: &Provision) -> Result<Inspection, ProvisionError> {
    tokio::time::timeout(PROVISION_MAX, inspect_all(context, wanted))
        .await
        .unwrap_or(Err(ProvisionError::TimedOut))
}

async fn inspect_all(context: &Context, wanted: &Provision) -> Result<Inspection, ProvisionError> {
    let mut inspection = Inspection::default();
    let keys = keys_stream(wanted.replicas);
    for wanted in event_streams(wanted.replicas).into_iter().chain([keys]) {
        match found(context, &wanted.name).await? {
            Some(found) => inspection.drifts.extend(compare(&wanted, &found)),
            None => inspection.missing.push(wanted.name),
        }
    }
    let buckets = BUCKETS.into_iter().filter(|(bucket, ..)| *bucket != CASE_KEYS_BUCKET);
    for (bucket, life, description) in buckets {
        let wanted = bucket_config(bucket, life, description, wanted.replicas);
        let name = format!("KV_{bucket}");
        match found(context, &name).await? {
            Some(found) => inspection.drifts.extend(compare_bucket(&wanted, &found)),
            None => inspection.missing.push(name),
        }
    }
    Ok(inspection)
}

/// The configuration of a stream that may not be there.
async fn found(context: &Context, name: &str) -> Result<Option<Config>, ProvisionError> {
    match context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed("looking at", name, error)),
    }
}

fn bucket_config(bucket: &str, life: Duration, description: &str, replicas: usize) -> kv::Config {
    kv::Config {
        bucket: bucket.to_owned(),
        description: description.to_owned(),
        history: 1,
        max_age: life,
        storage: StorageType::File,
        num_replicas: replicas,
        ..kv::Config::default()
    }
}

/// The names of all streams that the house makes, those of its buckets included.
pub fn stream_names() -> impl Iterator<Item = String> {
    let events = event_streams(1).into_iter().map(|stream| stream.name);
    events.chain(bucket_names().map(|bucket| format!("KV_{bucket}")))
}

/// The names of all buckets that the house makes.
pub fn bucket_names() -> impl Iterator<Item = &'static str> {
    BUCKETS.into_iter().map(|(bucket, ..)| bucket)
}

fn event_streams(replicas: usize) -> [Config; 4] {
    let stream = |name: &str, subjects: &[&str]| Config {
        name: name.to_owned(),
        subjects: subjects.iter().map(|subject| (*subject).to_owned()).collect(),
        ..stream_of(replicas)
    };
    [
        stream(subject::CASES_STREAM, &[subject::CASES_SUBJECTS]),
        stream(subject::CENTERS_STREAM, &[subject::CENTERS_SUBJECTS]),
        stream(subject::LEARNING_STREAM, &subject::LEARNING_SUBJECTS),
        stream(subject::AUDIT_STREAM, &[subject::AUDIT_SUBJECTS]),
    ]
}

/// A stream for ever, of which nothing goes.
fn stream_of(replicas: usize) -> Config {
    Config {
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        storage: StorageType::File,
        num_replicas: replicas,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        max_age: Duration::ZERO,
        duplicate_window: DEDUPLICATION_WINDOW,
        deny_delete: true,
        deny_purge: true,
        allow_rollup: false,
        allow_direct: true,
        allow_atomic_publish: true,
        ..Config::default()
    }
}

/// Compares the fields that an invariant of ours stands on.
fn compare(wanted: &Config, found: &Config) -> Vec<Drift> {
    macro_rules! fields {
        ($($field:ident as $name:literal),* $(,)?) => {
            [$(($name, format!("{:?}", wanted.$field), format!("{:?}", found.$field))),*]
        };
    }
    let fields = fields![
        subjects as "subjects",
        retention as "retention",
        discard as "discard",
        storage as "storage",
        num_replicas as "num_replicas",
        max_bytes as "max_bytes",
        max_messages as "max_msgs",
        max_messages_per_subject as "max_msgs_per_subject",
        max_message_size as "max_msg_size",
        max_age as "max_age",
        duplicate_window as "duplicate_window",
        deny_delete as "deny_delete",
        deny_purge as "deny_purge",
        allow_rollup as "allow_rollup_hdrs",
        allow_direct as "allow_direct",
        allow_atomic_publish as "allow_atomic",
    ];
    drifts(&wanted.name, fields)
}

fn compare_bucket(wanted: &kv::Config, found: &Config) -> Vec<Drift> {
    let fields = [
        (
            "max_msgs_per_subject",
            wanted.history.to_string(),
            found.max_messages_per_subject.to_string(),
        ),
        ("max_age", format!("{:?}", wanted.max_age), format!("{:?}", found.max_age)),
        ("storage", format!("{:?}", wanted.storage), format!("{:?}", found.storage)),
        ("num_replicas", wanted.num_replicas.to_string(), found.num_replicas.to_string()),
    ];
    drifts(&found.name, fields)
}

fn drifts<const N: usize>(stream: &str, fields: [(&'static str, String, String); N]) -> Vec<Drift> {
    let differing = fields.into_iter().filter(|(_, expected, found)| expected != found);
    differing
        .map(|(field, expected, found)| Drift { stream: stream.to_owned(), field, expected, found })
        .collect()
}

fn is_missing(error: &jetstream::context::GetStreamError) -> bool {
    matches!(
        error.kind(),
        jetstream::context::GetStreamErrorKind::JetStream(error)
            if error.error_code() == jetstream::ErrorCode::STREAM_NOT_FOUND
    )
}

fn failed(
    attempted: &'static str,
    stream: &str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> ProvisionError {
    ProvisionError::Bus { attempted, stream: stream.to_owned(), source: Box::new(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_as_we_make_it_has_no_drift_and_every_invariant_is_compared() {
        let [cases, ..] = event_streams(1);
        assert_eq!(compare(&cases, &cases), []);
        let weak = Config { deny_purge: false, num_replicas: 3, ..cases.clone() };
        let fields: Vec<_> = compare(&cases, &weak).into_iter().map(|drift| drift.field).collect();
        assert_eq!(fields, ["num_replicas", "deny_purge"]);
    }
}
