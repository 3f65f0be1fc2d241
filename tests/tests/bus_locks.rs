//! The locks of the bus: what each user may not do, the server itself refuses; what the product needs, it lets through.
//!
//! Each look is a message of a real client with the seed of a real user, at the nats-server that the product keeps or at
//! one with the configuration that it writes.

#[path = "bus_locks/site.rs"]
mod site;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use async_nats::HeaderMap;
use serde_json::{Value, json};
use site::Site;
use unstuck_tests::binary::{sample_district, unstuck_command};
use unstuck_tests::bodies::opening;
use unstuck_tests::district::said;
use unstuck_tests::process::{Process, signal};
use unstuck_tests::wire::{Line, Wish};
use unstuck_tests::{Api, District, wait_until};

/// The users of the house.
const USERS: [&str; 10] = [
    "provisioner",
    "operator",
    "identity",
    "keys",
    "keys-reader",
    "intake",
    "routing",
    "escalation",
    "learning",
    "projection",
];

/// Everything that is worth a lock, and who has its key. Whoever does not stand beside it must be refused.
fn matrix() -> Vec<(Wish<'static>, &'static [&'static str])> {
    use Wish::{Hear, Publish};
    let services: &[&str] =
        &["operator", "identity", "intake", "routing", "escalation", "learning", "projection"];
    let writers_of_cases: &[&str] = &["operator", "intake", "routing", "escalation"];
    let readers_of_cases: &[&str] =
        &["operator", "intake", "routing", "escalation", "learning", "projection"];
    let followers_of_cases: &[&str] =
        &["operator", "intake", "escalation", "learning", "projection"];
    let both_keys: &[&str] = &["keys", "keys-reader"];
    let nobody: &[&str] = &[];
    vec![
        // Events.
        (Publish("case.donghuashi.019a0000-0000-7000-8000-000000000001"), writers_of_cases),
        (Publish("center.donghuashi.days"), &["operator", "intake"]),
        (Publish("precedent.sample"), &["operator", "learning"]),
        (Publish("improvement.sample"), &["operator", "learning"]),
        (Publish("audit.dongcheng"), services),
        (Publish("$JS.API.DIRECT.GET.CASES"), readers_of_cases),
        (Publish("$JS.API.STREAM.MSG.GET.CASES"), readers_of_cases),
        (Publish("$JS.API.DIRECT.GET.CENTERS"), &["operator", "intake", "projection"]),
        (Publish("$JS.API.DIRECT.GET.LEARNING"), &["operator", "learning", "projection"]),
        (Publish("$JS.API.DIRECT.GET.AUDIT"), &["operator", "identity", "projection"]),
        (Publish("$JS.API.CONSUMER.CREATE.CASES.sample"), followers_of_cases),
        (Publish("$JS.API.CONSUMER.CREATE.CASES"), nobody),
        (Publish("$JS.API.CONSUMER.CREATE.AUDIT.sample"), &["operator", "projection"]),
        // The reactions of others.
        (Publish("$JS.API.CONSUMER.CREATE.CASES.routing-forwarding"), &["routing"]),
        (Publish("$JS.API.CONSUMER.MSG.NEXT.CASES.routing-forwarding"), &["routing"]),
        (Publish("$JS.API.CONSUMER.DELETE.CASES.routing-forwarding"), nobody),
        (Publish("$JS.API.CONSUMER.DURABLE.CREATE.CASES.routing-forwarding"), nobody),
        (Publish("$JS.API.CONSUMER.PAUSE.CASES.routing-forwarding"), nobody),
        (Publish("$JS.API.CONSUMER.RESET.CASES.routing-forwarding"), nobody),
        (Publish("$JS.ACK.CASES.routing-forwarding.1.1.1.1.1"), &["routing"]),
        // The keys of cases.
        (Publish("$KV.case_keys.019a0000-0000-7000-8000-000000000001"), &["keys"]),
        (Publish("$JS.API.STREAM.MSG.GET.KV_case_keys"), both_keys),
        (Publish("$JS.API.DIRECT.GET.KV_case_keys"), nobody),
        (Publish("$JS.API.DIRECT.GET.KV_case_keys.$KV.case_keys.sample"), both_keys),
        (Publish("$JS.API.CONSUMER.CREATE.KV_case_keys"), both_keys),
        (Publish("$JS.API.CONSUMER.CREATE.KV_case_keys.sample.$KV.case_keys.>"), both_keys),
        (Publish("$JS.API.CONSUMER.CREATE.KV_sessions.sample.$KV.sessions.>"), &["identity"]),
        // Accounts, sessions, what a service keeps for itself.
        (Publish("$KV.staff.sample"), &["operator", "identity"]),
        (Publish("$KV.sessions.sample"), &["identity"]),
        (Publish("$JS.API.STREAM.MSG.GET.KV_sessions"), &["identity"]),
        (Publish("$JS.API.CONSUMER.CREATE.KV_sessions"), &["identity"]),
        (Publish("$JS.API.STREAM.MSG.GET.KV_drafts"), &["identity"]),
        (Publish("$KV.open_matters.sample"), &["operator", "intake"]),
        (Publish("$KV.parked.sample"), &["operator", "intake", "routing", "escalation"]),
        (Publish("$KV.enrolled.enrolled.donghuashi"), &["operator", "intake"]),
        (Publish("$JS.API.STREAM.MSG.GET.KV_enrolled"), &["operator", "intake", "projection"]),
        // The line of a center: it asks, the gate hears.
        (Publish("gate.donghuashi.hello"), nobody),
        (Hear("gate.*.*"), &["intake"]),
        // Streams themselves.
        (Publish("$JS.API.STREAM.CREATE.CASES"), &["provisioner"]),
        (Publish("$JS.API.STREAM.CREATE.KV_case_keys"), &["provisioner"]),
        (Publish("$JS.API.STREAM.CREATE.ANOTHER"), nobody),
        (Publish("$JS.API.STREAM.UPDATE.CASES"), nobody),
        (Publish("$JS.API.STREAM.DELETE.CASES"), nobody),
        (Publish("$JS.API.STREAM.PURGE.CASES"), nobody),
        (Publish("$JS.API.STREAM.MSG.DELETE.CASES"), nobody),
        (Publish("$JS.API.STREAM.SNAPSHOT.CASES"), nobody),
        (Publish("$JS.API.STREAM.RESTORE.CASES"), nobody),
        (Publish("$JS.API.STREAM.DELETE.KV_case_keys"), nobody),
        (Publish("$JS.API.STREAM.PURGE.KV_case_keys"), nobody),
        (Publish("$JS.API.STREAM.MSG.DELETE.KV_case_keys"), &["keys"]),
        (Publish("$JS.API.STREAM.MSG.DELETE.KV_staff"), nobody),
        (Publish("$JS.API.STREAM.PURGE.KV_sessions"), nobody),
        (Publish("$JS.API.STREAM.UPDATE.AUDIT"), nobody),
        (Publish("$JS.API.STREAM.MSG.DELETE.AUDIT"), nobody),
        (Publish("$JS.API.STREAM.LIST"), nobody),
        (Publish("$JS.API.ACCOUNT.PURGE.G"), nobody),
        (Publish("$SYS.REQ.SERVER.PING"), nobody),
        // What others hear and say.
        (Publish("unstuck.projection.verify"), &["operator"]),
        (Publish("_INBOX_keys.sample"), nobody),
        (Publish("_INBOX_operator.sample"), &["projection"]),
        (Hear("_INBOX_keys.>"), &["keys"]),
        (Hear("_INBOX_identity.>"), &["identity"]),
        (Hear("_INBOX.>"), nobody),
        (Hear(">"), nobody),
        (Hear("*.>"), nobody),
        (Hear("case.>"), nobody),
        (Hear("$KV.case_keys.>"), nobody),
        (Hear("$KV.>"), nobody),
        (Hear("$JS.API.>"), nobody),
        (Hear("$JS.EVENT.>"), nobody),
        (Hear("unstuck.>"), &["projection"]),
    ]
}

fn seeds(data: &Path) -> PathBuf {
    data.join("bus/users")
}

/// Where the managed bus of a data folder is.
fn managed_url(data: &Path) -> String {
    let address = std::fs::read(data.join("bus.json")).expect("the bus says where it is");
    let address: serde_json::Value = serde_json::from_slice(&address).expect("JSON");
    format!("nats://127.0.0.1:{}", address["port"])
}

fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> T {
    let worker = tokio::runtime::Builder::new_current_thread().enable_all().build();
    worker.expect("a runtime").block_on(work).unwrap_or_else(|error| panic!("{error:#}"))
}

#[test]
fn each_user_is_refused_what_belongs_to_others() {
    let district = District::start(None);
    let data = district.data();
    let matrix = matrix();
    let wrong = run(async {
        let mut wrong = Vec::new();
        for user in USERS {
            let seed = seeds(&data).join(format!("{user}.nk"));
            let mut line = Line::open(&managed_url(&data), &seed).await?;
            for (wish, allowed) in &matrix {
                if line.may(*wish).await? != allowed.contains(&user) {
                    wrong.push(format!("{user}: {wish:?}"));
                }
            }
        }
        Ok(wrong)
    });
    assert!(wrong.is_empty(), "not as the matrix says:\n{}", wrong.join("\n"));
    // The violations are meant.
    district.expects_violations();
}

#[test]
fn a_consumer_cannot_be_made_under_the_name_of_another_than_its_subject_says() {
    let district = District::start(None);
    let data = district.data();
    run(async {
        let intake = Line::open(&managed_url(&data), &seeds(&data).join("intake.nk")).await?;
        for config in ["name", "durable_name"] {
            let body = json!({
                "stream_name": "CASES",
                "config": {
                    config: "routing-forwarding", "ack_policy": "explicit", "max_ack_pending": 1,
                },
            });
            let subject = "$JS.API.CONSUMER.CREATE.CASES.sample";
            let answer = intake.client().request(subject, body.to_string().into()).await?;
            let answer: Value = serde_json::from_slice(&answer.payload)?;
            // The server refuses it, or goes by the subject.
            assert!(answer["error"].is_object() || answer["name"] == "sample", "{answer}");
        }
        let operator = Line::open(&managed_url(&data), &seeds(&data).join("operator.nk")).await?;
        let subject = "$JS.API.CONSUMER.INFO.CASES.routing-forwarding";
        let answer = operator.client().request(subject, "".into()).await?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        assert_eq!(answer["config"]["max_ack_pending"], 1000, "{answer}");
        Ok(())
    });
}

#[test]
fn when_the_bus_has_died_and_come_back_every_line_goes_on_and_nothing_is_refused() {
    let district = District::start(None);
    let data = district.data();
    let clerk = district.clerk("donghuashi");
    clerk.open(opening("donghuashi", "退休手续办理", 1));
    let address = std::fs::read(data.join("bus.json")).expect("the bus says where it is");
    let address: Value = serde_json::from_slice(&address).expect("JSON");
    let pid = address["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a process");
    signal(pid, "KILL");
    let mut n = 1;
    wait_until("a case is opened on the bus that was started again", || {
        n += 1;
        clerk.post("/v1/cases", opening("donghuashi", "退休手续办理", n)).status == 201
    });
    // The watch over accounts is one of those that begin anew.
    let watches = || {
        run(async {
            let seed = seeds(&data).join("identity.nk");
            let line = Line::open(&managed_url(&data), &seed).await?;
            let answer = line.client().request("$JS.API.STREAM.INFO.KV_staff", "".into()).await?;
            let answer: Value = serde_json::from_slice(&answer.payload)?;
            Ok(answer["state"]["consumer_count"].as_u64().unwrap_or_default())
        })
    };
    wait_until("the accounts are watched again", || watches() > 0);
}

/// The server judges who publishes, not where an answer goes: what it cannot hold is found by whoever proves the log.
#[test]
fn an_event_that_the_bus_was_made_to_repeat_into_a_case_is_found_by_verify() {
    let district = District::start(None);
    let clerk = district.clerk("donghuashi");
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    clerk.case_in_state(opened.case_id(), "forwarded");
    let subject = format!("case.donghuashi.{}", opened.case_id());
    let data = district.data();
    run(async {
        let projection =
            Line::open(&managed_url(&data), &seeds(&data).join("projection.nk")).await?;
        let operator = Line::open(&managed_url(&data), &seeds(&data).join("operator.nk")).await?;
        let js = async_nats::jetstream::new(operator.client().clone());
        let mut cases = js.get_stream("CASES").await?;
        let last = cases.info().await?.state.last_sequence;
        // A line of the audit, which it may write, looks like an event of a case ...
        let mut headers = HeaderMap::new();
        for (name, values) in cases.get_raw_message(last).await?.headers.iter() {
            let value = values.first().filter(|_| name.to_string().starts_with("ce-"));
            if let Some(value) = value {
                headers.insert(name.clone(), value.clone());
            }
        }
        headers.insert("ce-id", "019a0000-0000-7000-8000-000000000001");
        let line = async_nats::jetstream::new(projection.client().clone());
        let body = r#"{"handler":"somebody"}"#.into();
        let line = line.publish_with_headers("audit.sample", headers, body).await?.await?.sequence;
        // ... and the answer to a question for it goes where it may not.
        let question = json!({ "seq": line }).to_string();
        let asked = projection.client().publish_with_reply(
            "$JS.API.DIRECT.GET.AUDIT",
            subject.clone(),
            question.into(),
        );
        asked.await?;
        projection.client().flush().await?;
        let arrived = async {
            while cases.info().await?.state.last_sequence == last {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(Duration::from_secs(10), arrived).await?
    });
    let output = district.verify();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let text = said(&output);
    assert!(text.contains(&subject), "{text}");
}

#[test]
fn services_apart_work_over_tls_each_with_its_own_seeds_and_nothing_is_refused() {
    let site = Site::single();
    // Whoever comes first makes the streams; the others need not be able to.
    let (_intake, at_intake) =
        site.service("intake", &["intake", "identity", "keys", "provisioner"]);
    let (_routing, at_routing) = site.service("routing", &["routing", "identity"]);
    let (_escalation, _) = site.service("escalation", &["escalation", "identity"]);
    let (_learning, _) = site.service("learning", &["learning", "identity", "keys-reader"]);
    let (_projection, at_projection) =
        site.service("projection", &["projection", "identity", "keys-reader"]);
    site.staff("clerk", &["--role", "clerk", "--center", "donghuashi"]);
    site.staff("handler", &["--role", "handler", "--department", "hr-public-service"]);
    let clerk = Api::new(at_intake, Some("clerk"));
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1)).expect_status(201);
    let id = opened.case_id().to_owned();
    // Routing's reaction has forwarded it, the projection has seen both, and opens the applicant to mask it.
    let reader = Api::new(at_projection, Some("clerk"));
    let case = reader.case_in_state(&id, "forwarded");
    assert!(case["applicant"]["name"].as_str().is_some_and(|name| name.contains('*')), "{case}");
    let accepted = Api::new(at_routing, Some("handler")).done(&id, "accept", json!({}));
    reader.case_after(&accepted);
    let revealed = clerk.post(format!("/v1/cases/{id}/reveal"), json!({ "purpose": "电话回访" }));
    assert_eq!(revealed.status, 200, "{}", revealed.text);
    let mut command = site.command(&["verify"], &site.all_seeds(), Some("ca.crt"));
    let output = command.output().expect("the binary can be started");
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(site.violations(), [""; 0]);
}

#[test]
fn three_servers_keep_each_event_three_times_and_one_may_fail() {
    let mut site = Site::cluster();
    let mut command =
        site.command(&["up", "--listen", "127.0.0.1:0"], &site.all_seeds(), Some("ca.crt"));
    command.args(["--replicas", "3", "--district"]).arg(sample_district());
    command.arg("--data").arg(site.path("data"));
    let mut up = Process::start(command, &site.path("up.log"));
    let address = up.wait_for_line("Listening on ", Duration::from_secs(120));
    site.staff("clerk", &["--role", "clerk", "--center", "donghuashi"]);
    let clerk = Api::new(Arc::new(RwLock::new(address.trim().to_owned())), Some("clerk"));
    clerk.open(opening("donghuashi", "退休手续办理", 1)).expect_status(201);
    let (seed, authority) = (site.all_seeds().join("operator.nk"), site.path("nats/ca.crt"));
    let copies = run(async {
        let line = Line::open_over_tls(&site.url(), &seed, authority).await?;
        let answer = line.client().request("$JS.API.STREAM.INFO.CASES", "".into()).await?;
        let answer: Value = serde_json::from_slice(&answer.payload)?;
        Ok(answer["config"]["num_replicas"].clone())
    });
    assert_eq!(copies, 3);
    site.servers.remove(0).kill();
    // Whoever asks while the others agree again is told to come again, with a matter that nobody has brought yet.
    let mut n = 1;
    wait_until("a case is opened without the first server", || {
        n += 1;
        clerk.post("/v1/cases", opening("donghuashi", "退休手续办理", n)).status == 201
    });
    assert_eq!(site.violations(), [""; 0]);
}

#[test]
fn a_bus_that_cannot_be_trusted_is_not_spoken_to_and_a_stranger_is_not_let_in() {
    let site = Site::single();
    let refused = |seeds: &Path, authority: Option<&str>| {
        let mut command = site.command(&["events"], seeds, authority);
        let output = command.output().expect("the binary can be started");
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("the bus cannot be reached"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        text
    };
    let seeds = site.all_seeds();
    for authority in [Some("other-ca.crt"), None] {
        let text = refused(&seeds, authority);
        assert!(text.contains("UnknownIssuer"), "{text}");
    }
    let elsewhere = Site::prepared();
    let text = refused(&elsewhere.all_seeds(), Some("ca.crt"));
    assert!(text.contains("authorization"), "{text}");
}

#[test]
fn a_center_asks_the_gate_in_its_own_name_and_can_do_nothing_else() {
    use Wish::{Hear, Publish};
    let site = Site::single();
    let own = [
        Publish("gate.donghuashi.hello"),
        Publish("gate.donghuashi.deliver"),
        Hear("_INBOX_center-donghuashi.>"),
    ];
    let of_others = [
        Publish("gate.jingshan.hello"),
        Publish("gate.donghuashi"),
        Publish("case.donghuashi.019a0000-0000-7000-8000-000000000001"),
        Publish("center.donghuashi.days"),
        Publish("deliver.donghuashi.sample"),
        Publish("$JS.API.INFO"),
        Hear("gate.>"),
        Hear("gate.donghuashi.*"),
        Publish("case.jingshan.019a0000-0000-7000-8000-000000000001"),
        Publish("center.jingshan.days"),
        Publish("case.donghuashi"),
        Publish("case.donghuashi.a.b"),
        Publish("precedent.sample"),
        Publish("audit.donghuashi"),
        Publish("$KV.case_keys.sample"),
        Publish("$JS.API.DIRECT.GET.CASES"),
        Publish("$JS.API.STREAM.INFO.CASES"),
        Publish("$JS.API.STREAM.PURGE.CASES"),
        Publish("_INBOX_center-jingshan.sample"),
        Hear("_INBOX_center-jingshan.>"),
        Hear("case.donghuashi.*"),
        Hear(">"),
    ];
    let seed = site.all_seeds().join("center:donghuashi.nk");
    let authority = site.path("nats/ca.crt");
    run(async {
        let mut line = Line::open_over_tls(&site.url(), &seed, authority).await?;
        for wish in own {
            assert!(line.may(wish).await?, "{wish:?}");
        }
        for wish in of_others {
            assert!(!line.may(wish).await?, "{wish:?}");
        }
        Ok(())
    });
}

#[test]
fn seeds_and_authorities_that_do_not_do_are_named_before_anything_starts() {
    let site = Site::prepared();
    let folder = site.seeds_of(&["routing"]);
    let faults = |arguments: &[&str]| {
        let mut command = unstuck_command();
        command.args(arguments).env("UNSTUCK_MASTER_KEY", "5a".repeat(32));
        let output = command.arg("--data").arg(site.path("data")).output().expect("it starts");
        assert_eq!(output.status.code(), Some(64), "{}", said(&output));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        text.lines().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let (seeds, url) = (folder.display().to_string(), "nats://127.0.0.1:4222");
    let routing = ["routing", "--nats-url", url, "--nats-seeds", &seeds];
    let missing = faults(&routing);
    assert!(missing.len() == 1 && missing[0].contains("identity.nk"), "{missing:?}");
    std::fs::write(folder.join("identity.nk"), "not a seed\n").expect("writable");
    std::fs::set_permissions(folder.join("routing.nk"), Permissions::from_mode(0o644))
        .expect("own");
    std::fs::set_permissions(folder.join("identity.nk"), Permissions::from_mode(0o600))
        .expect("own");
    let both = faults(&routing).join("\n");
    assert!(both.contains("routing.nk can be read by others"), "{both}");
    assert!(both.contains("identity.nk does not hold the seed"), "{both}");
    // All users of the house come from `up`.
    let missing = faults(&["up", "--nats-url", url, "--nats-seeds", &seeds]);
    assert_eq!(missing.len(), USERS.len(), "{missing:?}");
    // A tool says so when it needs it.
    let missing = faults(&["events", "--nats-url", url, "--nats-seeds", &seeds]);
    assert!(missing.len() == 1 && missing[0].contains("operator.nk"), "{missing:?}");
    let key = site.path("nats/server.key").display().to_string();
    let no_authority = faults(&["events", "--nats-url", "tls://127.0.0.1:4222", "--nats-ca", &key]);
    assert!(no_authority[0].contains("no certificate"), "{no_authority:?}");
    let two = "nats://user:password@127.0.0.1:4222";
    let two = faults(&["events", "--nats-url", two, "--nats-seeds", &seeds]).join("\n");
    assert!(two.contains("nats-seeds") && !two.contains("password"), "{two}");
    let alone = faults(&["up", "--nats-seeds", &seeds, "--nats-ca", &seeds]).join("\n");
    assert!(alone.contains("--nats-seeds: needs") || alone.contains("nats-seeds"), "{alone}");
    assert!(
        faults(&["events", "--nats-url", url, "--nats-seeds", "/no/such"])[0].contains("/no/such")
    );
}

#[test]
fn seeds_that_stand_there_stay_when_the_configuration_is_written_again() {
    let site = Site::prepared();
    let read = |name: &str| std::fs::read_to_string(site.path(name)).expect("it was written");
    let (users, seed) = (read("nats/users.conf"), read("nats/seeds/intake.nk"));
    assert!(!users.contains(seed.trim()), "the server has public keys only");
    let mut command = unstuck_command();
    command.args(["bus-config", "--centers", "--out"]).arg(site.path("nats"));
    assert!(command.output().expect("it starts").status.success());
    assert_eq!((read("nats/users.conf"), read("nats/seeds/intake.nk")), (users, seed));
}
