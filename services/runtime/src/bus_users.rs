//! Users of the bus and what each may do there, as data: a server's configuration is written from it.
//!
//! Invariants: what is not named is refused by the server; nobody may delete, purge or change a stream, because no
//! [`Right`] says so, and what may be overwritten is a message of a bucket; each user hears its own inbox only; who reads a stream cannot touch the durable consumers that
//! belong to others there.
//!
//! What these permissions cannot hold, and what stands against it: the server knows subjects, not contents, so it cannot
//! tell one event of a case from another on the same subject; and it does not judge the subject that an answer is sent
//! to, so whoever may ask JetStream anything can have a stored message repeated where he may not publish. What comes into a
//! stream like that has no signature of the site's, or names another service than its type's, and `verify` finds it.

use std::fmt::Write as _;

/// One thing that a user may do. Streams and buckets are named in full, never by a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// Publish on a subject or pattern: to append events, or to ask somebody.
    Publish(String),
    /// Hear what is published on a subject or pattern.
    Hear(String),
    /// Answer what a user of this name has asked.
    Answer(&'static str),
    /// Answer once whatever is heard, where the question says. Whoever has it must look at that place before he answers: it is
    /// chosen by who asks.
    Respond,
    /// Ask how a stream is: its settings, sizes and subjects, nothing of its messages.
    Look(String),
    /// Make a stream that is missing. What stands is not changed by it: the server refuses other settings.
    Make(String),
    /// Read single messages of a stream.
    Read(String),
    /// Follow a stream with a consumer that is forgotten when its owner goes.
    Follow(String),
    /// Answer for each message of a stream, with a consumer that the bus remembers.
    React {
        /// The stream.
        stream: String,
        /// The durable name of the consumer.
        durable: String,
    },
    /// Ask how far the consumers of a stream are.
    LookAtConsumers(String),
    /// Look up keys of a bucket.
    ReadBucket(String),
    /// Hear of changes in a bucket, and list it.
    WatchBucket(String),
    /// Write keys of a bucket; a value that is deleted leaves a marker.
    WriteBucket(String),
    /// Have the bytes of a message overwritten, in a bucket that lets that be.
    OverwriteBucket(String),
}

/// The stream of a bucket.
fn stream_of(bucket: &str) -> String {
    format!("KV_{bucket}")
}

impl Right {
    /// What the server must let through to it.
    fn publish(&self) -> Vec<String> {
        let api = |questions: &[&str], stream: &str| -> Vec<String> {
            questions.iter().map(|one| format!("$JS.API.{}", one.replace('#', stream))).collect()
        };
        match self {
            Self::Publish(subject) => vec![subject.clone()],
            Self::Hear(_) | Self::Respond => Vec::new(),
            Self::Answer(user) => vec![format!("{}.>", inbox_prefix(user))],
            Self::Look(stream) => api(&["STREAM.INFO.#"], stream),
            Self::Make(stream) => api(&["STREAM.INFO.#", "STREAM.CREATE.#"], stream),
            Self::Read(stream) => {
                api(&["STREAM.INFO.#", "DIRECT.GET.#", "STREAM.MSG.GET.#"], stream)
            }
            // Under a name only: a consumer that is made without one may be named in its body, after that of another.
            Self::Follow(stream) => api(
                &[
                    "STREAM.INFO.#",
                    "CONSUMER.CREATE.#.*",
                    "CONSUMER.INFO.#.*",
                    "CONSUMER.MSG.NEXT.#.*",
                    "CONSUMER.DELETE.#.*",
                ],
                stream,
            ),
            Self::React { stream, durable } => {
                let consumer = format!("{stream}.{durable}");
                let mut subjects = api(
                    &["CONSUMER.CREATE.#", "CONSUMER.INFO.#", "CONSUMER.MSG.NEXT.#"],
                    &consumer,
                );
                subjects.push(format!("$JS.ACK.{consumer}.>"));
                subjects
            }
            Self::LookAtConsumers(stream) => api(&["CONSUMER.INFO.#.*"], stream),
            Self::ReadBucket(bucket) => {
                let stream = stream_of(bucket);
                let mut subjects = api(&["STREAM.INFO.#", "STREAM.MSG.GET.#"], &stream);
                subjects.push(format!("$JS.API.DIRECT.GET.{stream}.$KV.{bucket}.>"));
                subjects
            }
            Self::WatchBucket(bucket) => {
                let stream = stream_of(bucket);
                let mut subjects = Self::Follow(stream.clone()).publish();
                // The client watches without a name; in a bucket there is no consumer that belongs to anybody.
                subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}"));
                // What it makes anew after a break has a name, and what it is about in its subject.
                subjects.push(format!("$JS.API.CONSUMER.CREATE.{stream}.*.$KV.{bucket}.>"));
                subjects.push(format!("$JS.FC.{stream}.>"));
                subjects
            }
            Self::OverwriteBucket(bucket) => api(&["STREAM.MSG.DELETE.#"], &stream_of(bucket)),
            Self::WriteBucket(bucket) => vec![format!("$KV.{bucket}.>")],
        }
    }

    fn subscribe(&self) -> Option<&str> {
        match self {
            Self::Hear(subject) => Some(subject),
            _ => None,
        }
    }

    /// The stream on which it may make consumers under any name.
    fn follows(&self) -> Option<&str> {
        match self {
            Self::Follow(stream) => Some(stream),
            _ => None,
        }
    }
}

/// A user and all that it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusUser {
    /// The name: of its seed's file, of its inbox.
    pub name: String,
    /// What it is for, in a line of the configuration.
    pub purpose: String,
    /// What it may do.
    pub rights: Vec<Right>,
}

/// The subjects of one user, as a server takes them; a denial goes before what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// On what it may publish.
    pub publish: Vec<String>,
    /// On what it may not, although a pattern allows it.
    pub publish_not: Vec<String>,
    /// What it may hear.
    pub subscribe: Vec<String>,
    /// Whether it may answer what it hears, once.
    pub may_respond: bool,
}

/// The prefix of a user's inbox: what others hear of the bus's answers to it would be theirs.
#[must_use]
pub fn inbox_prefix(user: &str) -> String {
    // A name may hold what separates or matches in a subject.
    let name: String = user
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '-' })
        .collect();
    format!("_INBOX_{name}")
}

/// The permissions of one user among all, in a fixed order and without repetition.
#[must_use]
pub fn permissions(user: &BusUser, all: &[BusUser]) -> Permissions {
    let mut publish: Vec<String> = user.rights.iter().flat_map(Right::publish).collect();
    // Whether the account has JetStream at all: the question whether the bus is there. Who only talks has no use for it.
    let only_talks = |right: &Right| matches!(right, Right::Publish(_) | Right::Hear(_));
    if !user.rights.iter().all(only_talks) {
        publish.push("$JS.API.INFO".to_owned());
    }
    let mut publish_not = Vec::new();
    for stream in user.rights.iter().filter_map(Right::follows) {
        for right in all.iter().filter(|other| other.name != user.name).flat_map(|one| &one.rights)
        {
            if let Right::React { stream: theirs, durable } = right
                && theirs == stream
                && !user.rights.contains(right)
            {
                publish_not.push(format!("$JS.API.CONSUMER.*.{stream}.{durable}"));
                publish_not.push(format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"));
            }
        }
    }
    // Who may look at consumers may look at those of others.
    let looks = user.rights.iter().any(|right| matches!(right, Right::LookAtConsumers(_)));
    if looks {
        publish_not = publish_not.iter().flat_map(|denied| without_info(denied)).collect();
    }
    let inbox = format!("{}.>", inbox_prefix(&user.name));
    let heard = user.rights.iter().filter_map(Right::subscribe).map(ToOwned::to_owned);
    let subscribe = std::iter::once(inbox).chain(heard).collect();
    Permissions {
        publish: in_order(publish),
        publish_not: in_order(publish_not),
        subscribe: in_order(subscribe),
        may_respond: user.rights.contains(&Right::Respond),
    }
}

/// The denials of everything on a consumer but the question how it is.
fn without_info(denied: &str) -> Vec<String> {
    match denied.strip_prefix("$JS.API.CONSUMER.*.") {
        None => vec![denied.to_owned()],
        Some(consumer) => ["CREATE", "DELETE"]
            .map(|question| format!("$JS.API.CONSUMER.{question}.{consumer}"))
            .to_vec(),
    }
}

fn in_order(mut subjects: Vec<String>) -> Vec<String> {
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

/// The users as a block of a nats-server's configuration; `public_key` gives the key of each by its name.
#[must_use]
pub fn authorization(users: &[BusUser], public_key: impl Fn(&str) -> String) -> String {
    let mut text = String::from("authorization {\n  users: [\n");
    for user in users {
        let Permissions { publish, publish_not, subscribe, may_respond } = permissions(user, users);
        // Writing into a text does not fail.
        let _ = writeln!(text, "    # {}: {}", user.name, user.purpose);
        let _ = writeln!(text, "    {{");
        let _ = writeln!(text, "      nkey: {}", quoted(&public_key(&user.name)));
        let _ = writeln!(text, "      permissions: {{");
        let _ = writeln!(text, "        publish: {{");
        text += &list("allow", &publish);
        if !publish_not.is_empty() {
            text += &list("deny", &publish_not);
        }
        let _ = writeln!(text, "        }}");
        let _ = writeln!(text, "        subscribe: {{");
        text += &list("allow", &subscribe);
        let _ = writeln!(text, "        }}");
        if may_respond {
            let _ = writeln!(text, "        allow_responses: {{ max: 1, expires: \"30s\" }}");
        }
        let _ = writeln!(text, "      }}\n    }}");
    }
    text += "  ]\n}\n";
    text
}

fn list(name: &str, subjects: &[String]) -> String {
    let mut text = format!("          {name}: [\n");
    for subject in subjects {
        let _ = writeln!(text, "            {}", quoted(subject));
    }
    text += "          ]\n";
    text
}

/// A text of the server's own syntax: those of JSON are texts there, too.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, rights: Vec<Right>) -> BusUser {
        BusUser { name: name.to_owned(), purpose: "a sample".to_owned(), rights }
    }

    fn react(durable: &str) -> Right {
        Right::React { stream: "CASES".to_owned(), durable: durable.to_owned() }
    }

    #[test]
    fn nobody_gets_a_right_to_change_or_empty_a_stream() {
        let everything = vec![
            Right::Look("CASES".into()),
            Right::Make("CASES".into()),
            Right::Read("CASES".into()),
            Right::Follow("CASES".into()),
            react("mine"),
            Right::LookAtConsumers("CASES".into()),
            Right::ReadBucket("staff".into()),
            Right::WatchBucket("staff".into()),
            Right::WriteBucket("staff".into()),
        ];
        let all = [user("one", everything)];
        for subject in permissions(&all[0], &all).publish {
            for forbidden in
                ["STREAM.DELETE", "STREAM.UPDATE", "STREAM.PURGE", "MSG.DELETE", "$JS.API.>"]
            {
                assert!(!subject.contains(forbidden), "{subject}");
            }
            // A pattern that begins early would let everything through.
            let fixed = subject.split('.').take_while(|token| !matches!(*token, "*" | ">")).count();
            assert!(fixed >= 2, "{subject}");
        }
    }

    #[test]
    fn who_follows_a_stream_cannot_touch_the_durable_consumers_of_others() {
        let follower = user("follower", vec![Right::Follow("CASES".into()), react("mine")]);
        let all = [follower, user("other", vec![react("theirs")])];
        let permissions = permissions(&all[0], &all);
        assert_eq!(
            permissions.publish_not,
            ["$JS.API.CONSUMER.*.CASES.theirs", "$JS.API.CONSUMER.MSG.NEXT.CASES.theirs"]
        );
        assert!(permissions.publish.contains(&"$JS.ACK.CASES.mine.>".to_owned()));
    }

    #[test]
    fn who_may_look_at_consumers_may_look_at_those_of_others_only() {
        let rights = vec![Right::Follow("CASES".into()), Right::LookAtConsumers("CASES".into())];
        let all = [user("operator", rights), user("other", vec![react("theirs")])];
        assert_eq!(
            permissions(&all[0], &all).publish_not,
            [
                "$JS.API.CONSUMER.CREATE.CASES.theirs",
                "$JS.API.CONSUMER.DELETE.CASES.theirs",
                "$JS.API.CONSUMER.MSG.NEXT.CASES.theirs",
            ]
        );
    }

    #[test]
    fn each_hears_its_own_inbox_whatever_its_name_is() {
        let all = [user("center:a.*", vec![])];
        assert_eq!(permissions(&all[0], &all).subscribe, ["_INBOX_center-a--.>"]);
    }

    #[test]
    fn who_only_talks_has_no_jetstream_and_who_responds_does_it_once() {
        let asker = user("center:a", vec![Right::Publish("gate.a.*".into())]);
        let gate = user("gate", vec![Right::Hear("gate.*.*".into()), Right::Respond]);
        let all = [asker, gate];
        assert_eq!(permissions(&all[0], &all).publish, ["gate.a.*"]);
        assert!(!permissions(&all[0], &all).may_respond && permissions(&all[1], &all).may_respond);
        let text = authorization(&all, ToOwned::to_owned);
        assert_eq!(text.matches("allow_responses: { max: 1,").count(), 1, "{text}");
    }

    #[test]
    fn a_configuration_names_each_user_and_quotes_what_it_writes() {
        let all = [user("one", vec![Right::Publish("say \"it\"".into())])];
        let text = authorization(&all, |name| format!("key of {name}"));
        assert!(
            text.contains(r#"nkey: "key of one""#) && text.contains(r#""say \"it\"""#),
            "{text}"
        );
    }
}
