//! The users of the house on the bus, and what each may do there.
//!
//! Invariants: this is the one place that says it: the managed server, `unstuck bus-config` and `deploy/nats` are written
//! from it. Only [`KEYS`] and [`KEYS_READER`] touch the keys of cases; only [`PROVISIONER`] makes streams; a service
//! appends to the streams of its own facts and reads what it decides on.
//!
//! Intake, routing and escalation write the same subject, that of the case: it is the only expectation that is safe
//! (`proto_events::subject`). So the bus keeps them from every other stream, but cannot keep routing from writing what only
//! intake may. Against that stand the rules, which each service asks before it appends, and `ce-source`, which names
//! the service in each event.

use std::path::Path;

use desk::District;
use proto_events::ids::CenterId;
use proto_events::subject::{
    AUDIT_STREAM, AUDIT_SUBJECTS, CASES_STREAM, CASES_SUBJECTS, CENTERS_STREAM, CENTERS_SUBJECTS,
    LEARNING_STREAM, LEARNING_SUBJECTS,
};
use runtime::bus_users::{BusUser, Right};
use runtime::nats_server::seeds_folder;
use runtime::streams::{
    CASE_KEYS_BUCKET, DRAFTS_BUCKET, ENROLLED_BUCKET, FIRST_RUN_BUCKET, OPEN_MATTERS_BUCKET,
    PARKED_BUCKET, SESSIONS_BUCKET, STAFF_BUCKET, stream_names,
};

/// Makes the streams and buckets that are missing.
pub(crate) const PROVISIONER: &str = "provisioner";
/// The tools of whoever runs the house.
pub(crate) const OPERATOR: &str = "operator";
/// Accounts, sessions, drafts: what every process that serves people stands on.
pub(crate) const IDENTITY: &str = "identity";
/// Makes, opens and destroys the keys of cases.
pub(crate) const KEYS: &str = "keys";
/// Opens the keys of cases.
pub(crate) const KEYS_READER: &str = "keys-reader";
pub(crate) const INTAKE: &str = "intake";
pub(crate) const ROUTING: &str = "routing";
pub(crate) const ESCALATION: &str = "escalation";
pub(crate) const LEARNING: &str = "learning";
pub(crate) const PROJECTION: &str = "projection";

/// The names of all users of the house.
pub(crate) const NAMES: [&str; 10] = [
    PROVISIONER,
    OPERATOR,
    IDENTITY,
    KEYS,
    KEYS_READER,
    INTAKE,
    ROUTING,
    ESCALATION,
    LEARNING,
    PROJECTION,
];

/// Subjects on which the projection is asked by tools.
const QUESTIONS: &str = "unstuck.>";

/// The streams of events.
const EVENT_STREAMS: [&str; 4] = [CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM, AUDIT_STREAM];

/// All users of the house.
pub(crate) fn house() -> Vec<BusUser> {
    vec![
        provisioner(),
        operator(),
        identity(),
        user(KEYS, "the keys of cases: made, opened, destroyed", {
            let mut rights = bucket(CASE_KEYS_BUCKET);
            rights.push(Right::OverwriteBucket(CASE_KEYS_BUCKET.to_owned()));
            rights
        }),
        user(KEYS_READER, "the keys of cases: opened", {
            let keys = CASE_KEYS_BUCKET.to_owned();
            vec![Right::ReadBucket(keys.clone()), Right::WatchBucket(keys)]
        }),
        intake(),
        routing(),
        escalation(),
        learning(),
        projection(),
    ]
}

/// What the name of a center's user begins with.
const CENTER_PREFIX: &str = "center:";

/// The user of a center that has a server of its own: it asks the gate in its own name, and can do nothing else. Over the line
/// the district's server lets through what this user may, and so does the center's own.
pub(crate) fn center(id: &CenterId) -> BusUser {
    BusUser {
        name: center_name(id),
        purpose: format!("the line of the center {id}"),
        // With `*` in place of `>` a district's server does not tell a leaf that the gate hears it (nats-server 2.15.1).
        rights: vec![Right::Publish(format!("gate.{id}.>"))],
    }
}

/// The name of a center's user.
pub(crate) fn center_name(id: &CenterId) -> String {
    format!("{CENTER_PREFIX}{id}")
}

/// The users of the managed server of a data folder: those of the house, and the centers whose seeds stand there. A seed that
/// was taken away lets nobody in.
pub(crate) fn of_folder(data: &Path) -> Vec<BusUser> {
    let mut users = house();
    let Ok(seeds) = std::fs::read_dir(seeds_folder(data)) else { return users };
    let mut centers: Vec<CenterId> = seeds
        .filter_map(|seed| {
            let name = seed.ok()?.file_name().into_string().ok()?;
            name.strip_prefix(CENTER_PREFIX)?.strip_suffix(".nk")?.parse().ok()
        })
        .collect();
    centers.sort_unstable();
    users.extend(centers.iter().map(center));
    users
}

/// The users of all centers of a district.
pub(crate) fn centers(district: &District) -> Vec<BusUser> {
    district.rules.centers.keys().map(center).collect()
}

fn user(name: &str, purpose: &str, rights: Vec<Right>) -> BusUser {
    BusUser { name: name.to_owned(), purpose: purpose.to_owned(), rights }
}

fn provisioner() -> BusUser {
    let streams = stream_names().map(Right::Make).collect();
    user(
        PROVISIONER,
        "makes streams and buckets that are missing; reads and writes nothing",
        streams,
    )
}

fn operator() -> BusUser {
    let mut rights = Vec::new();
    for stream in EVENT_STREAMS.map(str::to_owned) {
        rights.extend([
            Right::Read(stream.clone()),
            Right::Follow(stream.clone()),
            Right::LookAtConsumers(stream),
        ]);
    }
    // A simulation and a restored backup are written by tools.
    rights.extend(publish([CASES_SUBJECTS, CENTERS_SUBJECTS, AUDIT_SUBJECTS]));
    rights.extend(publish(LEARNING_SUBJECTS));
    rights.extend(
        [STAFF_BUCKET, OPEN_MATTERS_BUCKET, PARKED_BUCKET, ENROLLED_BUCKET]
            .into_iter()
            .flat_map(bucket),
    );
    rights.push(Right::Publish(QUESTIONS.to_owned()));
    user(OPERATOR, "tools: all events and accounts, no sessions, no keys", rights)
}

fn identity() -> BusUser {
    let buckets = [STAFF_BUCKET, SESSIONS_BUCKET, DRAFTS_BUCKET, FIRST_RUN_BUCKET];
    let mut rights: Vec<Right> = buckets.into_iter().flat_map(bucket).collect();
    rights.extend(every_service());
    rights.push(Right::Read(AUDIT_STREAM.to_owned()));
    user(IDENTITY, "accounts, sessions, drafts, the audit's readers", rights)
}

fn intake() -> BusUser {
    let mut rights = every_service();
    rights.extend(publish([CASES_SUBJECTS, CENTERS_SUBJECTS]));
    rights.extend(follow(CASES_STREAM));
    rights.extend(follow(CENTERS_STREAM));
    rights.extend(react(intake::AFTERCARE_NAME));
    rights.extend(bucket(OPEN_MATTERS_BUCKET));
    // The gate: it hears the centers, and keeps how far each has come.
    rights.extend([Right::Hear(intake::line::ASKED.to_owned()), Right::Respond]);
    rights.extend(bucket(ENROLLED_BUCKET));
    user(INTAKE, "the facts of citizens and the counts of centers", rights)
}

fn routing() -> BusUser {
    let mut rights = every_service();
    rights.extend(publish([CASES_SUBJECTS]));
    rights.push(Right::Read(CASES_STREAM.to_owned()));
    rights.extend(react(routing::FORWARDING_NAME));
    user(ROUTING, "who handles a case, and its outcome", rights)
}

fn escalation() -> BusUser {
    let mut rights = every_service();
    rights.extend(publish([CASES_SUBJECTS]));
    rights.extend(follow(CASES_STREAM));
    rights.extend(react(escalation::HELP_NAME));
    user(ESCALATION, "time, and help when it runs out", rights)
}

fn learning() -> BusUser {
    let mut rights = every_service();
    rights.extend(publish(LEARNING_SUBJECTS));
    rights.extend(follow(LEARNING_STREAM));
    rights.extend(follow(CASES_STREAM));
    user(LEARNING, "what the district keeps of its cases; writes no case", rights)
}

fn projection() -> BusUser {
    let mut rights = every_service();
    rights.extend(EVENT_STREAMS.into_iter().flat_map(follow));
    rights.push(Right::WatchBucket(PARKED_BUCKET.to_owned()));
    rights.push(Right::Hear(QUESTIONS.to_owned()));
    rights.push(Right::Answer(OPERATOR));
    let enrolled = ENROLLED_BUCKET.to_owned();
    rights.extend([Right::ReadBucket(enrolled.clone()), Right::WatchBucket(enrolled)]);
    user(PROJECTION, "views and queries; appends nothing but lines of the audit", rights)
}

/// What each service of the house may do: find its logs, leave a line in the audit.
fn every_service() -> Vec<Right> {
    let looks = EVENT_STREAMS.map(str::to_owned).into_iter().map(Right::Look);
    let open_matters = Right::Look(format!("KV_{OPEN_MATTERS_BUCKET}"));
    looks.chain([open_matters]).chain(publish([AUDIT_SUBJECTS])).collect()
}

fn publish<const N: usize>(subjects: [&str; N]) -> impl Iterator<Item = Right> {
    subjects.map(|subject| Right::Publish(subject.to_owned())).into_iter()
}

fn follow(stream: &str) -> [Right; 2] {
    [Right::Read(stream.to_owned()), Right::Follow(stream.to_owned())]
}

/// A reaction to the events of cases: what it gives up on is parked.
fn react(durable: &str) -> [Right; 3] {
    [
        Right::React { stream: CASES_STREAM.to_owned(), durable: durable.to_owned() },
        Right::Look(format!("KV_{PARKED_BUCKET}")),
        Right::WriteBucket(PARKED_BUCKET.to_owned()),
    ]
}

fn bucket(name: &str) -> Vec<Right> {
    [Right::ReadBucket, Right::WatchBucket, Right::WriteBucket]
        .map(|right| right(name.to_owned()))
        .to_vec()
}

#[cfg(test)]
mod tests {
    use runtime::bus_users::permissions;

    use super::*;

    fn of(name: &str) -> (Vec<String>, Vec<String>) {
        let all = house();
        let user = all.iter().find(|user| user.name == name).unwrap();
        let permissions = permissions(user, &all);
        (permissions.publish, permissions.publish_not)
    }

    #[test]
    fn every_user_has_its_name() {
        assert!(house().iter().map(|user| user.name.as_str()).eq(NAMES));
    }

    #[test]
    fn only_the_keys_own_users_come_near_the_keys_of_cases() {
        for user in house() {
            let touches = of(&user.name).0.into_iter().any(|subject| {
                subject.contains("case_keys")
                    && !subject.starts_with("$JS.API.STREAM.CREATE")
                    && !subject.starts_with("$JS.API.STREAM.INFO")
            });
            assert_eq!(touches, [KEYS, KEYS_READER].contains(&user.name.as_str()), "{}", user.name);
        }
        assert!(!of(KEYS_READER).0.iter().any(|subject| subject.starts_with("$KV")));
    }

    #[test]
    fn each_writes_its_own_streams_and_nobody_changes_one() {
        let writers = |subject: &str| -> Vec<String> {
            let writes = |user: &BusUser| of(&user.name).0.iter().any(|one| one == subject);
            house().into_iter().filter(writes).map(|user| user.name).collect()
        };
        assert_eq!(writers("case.*.*"), [OPERATOR, INTAKE, ROUTING, ESCALATION]);
        assert_eq!(writers("center.*.*"), [OPERATOR, INTAKE]);
        assert_eq!(writers("precedent.*"), [OPERATOR, LEARNING]);
        assert_eq!(writers("improvement.*"), [OPERATOR, LEARNING]);
        assert_eq!(writers("$KV.sessions.>"), [IDENTITY]);
        for user in house() {
            for subject in of(&user.name).0 {
                let changes = ["STREAM.UPDATE", "STREAM.DELETE", "STREAM.PURGE"];
                assert!(!changes.iter().any(|change| subject.contains(change)), "{subject}");
                let overwrites = subject.contains("MSG.DELETE");
                let is_of_keys = user.name == KEYS && subject.ends_with(".KV_case_keys");
                assert!(!overwrites || is_of_keys, "{}: {subject}", user.name);
                let makes = subject.starts_with("$JS.API.STREAM.CREATE");
                assert!(!makes || user.name == PROVISIONER, "{}: {subject}", user.name);
            }
        }
    }

    #[test]
    fn a_center_says_what_happens_there_and_nothing_else() {
        let all = [center(&"donghuashi".parse().unwrap()), center(&"chaoyangmen".parse().unwrap())];
        let permissions = permissions(&all[0], &all);
        assert_eq!(permissions.publish, ["gate.donghuashi.>"]);
        assert_eq!(permissions.subscribe, ["_INBOX_center-donghuashi.>"]);
    }

    #[test]
    fn a_reaction_belongs_to_its_service_alone() {
        let (_, denied) = of(INTAKE);
        for durable in [routing::FORWARDING_NAME, escalation::HELP_NAME] {
            let subject = format!("$JS.API.CONSUMER.*.{CASES_STREAM}.{durable}");
            assert!(denied.contains(&subject), "{subject}");
        }
    }
}
