//! The doors over a real bus: who sees what, and that no answer shows a person.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, also in its helpers")]

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::{Router, response::Response};
use chrono::TimeDelta;
use desk::{Desk, DeskConfig, District, Lines};
use futures::StreamExt as _;
use projection::{Projection, remote};
use proto_events::Timestamp;
use proto_events::codes::{
    ApplicantKind, Cause, Channel, Complexity, ErasureReason, ReturnReason, Role, Stage,
};
use proto_events::envelope::Envelope;
use proto_events::events::{
    CaseEvent, Forwarded, Matter, Notice, Opened, PersonalDataErased, Returned, SealedApplicant,
};
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};
use proto_events::subject::CaseSubject;
use runtime::bus_users::{BusUser, Right};
use runtime::clock::ManualClock;
use runtime::connect::connect;
use runtime::http::{Kit, kit_layers};
use runtime::identity::NewStaff;
use runtime::kv::Bucket;
use runtime::log::{Expected, NewEvent};
use runtime::metrics::Metrics;
use runtime::nats_server::{NatsServer, NatsServerConfig};
use runtime::streams::{CASE_KEYS_BUCKET, Provision, provision};
use runtime::vault::{DataKey, MasterKey};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::Service as _;
use uuid::Uuid;

const PASSWORD: &str = "correct-horse-battery";
const DEADLINE: Duration = Duration::from_secs(20);

/// A projection with its doors, on a bus of its own.
struct House {
    router: Router,
    desk: Arc<Desk>,
    projection: Arc<Projection>,
    metrics: Metrics,
    token: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    server: NatsServer,
    _folder: TempDir,
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
    json: Value,
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_from_rfc3339(&format!("{text}+08:00")).unwrap()
}

fn case_id(n: u128) -> CaseId {
    CaseId(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n))
}

fn receipt(n: u128) -> ReceiptCode {
    ReceiptCode::from_random(u64::try_from(n).unwrap())
}

/// An applicant as he is sealed for a case.
fn sealed(key: &DataKey, n: u128) -> String {
    let clear = r#"{"name":"张建国","phone":"13800000001","care":["veteran"]}"#;
    key.seal(clear.as_bytes(), case_id(n).to_string().as_bytes()).unwrap()
}

/// A user of the bus who may do everything.
fn everybody() -> BusUser {
    let rights = vec![Right::Publish(">".to_owned()), Right::Hear(">".to_owned())];
    BusUser { name: "test".to_owned(), purpose: "everything".to_owned(), rights }
}

impl House {
    fn js(&self) -> &async_nats::jetstream::Context {
        self.desk.js.as_ref().expect("the house stands on a bus")
    }

    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = NatsServerConfig {
            data: folder.path().join("bus"),
            binary: None,
            port: None,
            sync_always: false,
            users: vec![everybody()],
            leaf: None,
        };
        let server = NatsServer::start(config).await.unwrap();
        let js = connect(&server.access("test").unwrap(), "test").await.unwrap();
        assert_eq!(provision(&js, &Provision { replicas: 1 }).await.unwrap(), []);
        let metrics = Metrics::new();
        let desk = Desk::open(DeskConfig {
            lines: Lines::of_one(js),
            district: Arc::new(District::load(None).unwrap()),
            clock: Arc::new(ManualClock::new(at("2021-01-28T10:00:00").to_utc())),
            master_key: MasterKey::load_or_create(&folder.path().join("master.key")).unwrap(),
            metrics: metrics.clone(),
        })
        .await
        .unwrap();
        let views = folder.path().join("views");
        let (parts, projection) = projection::open(Arc::clone(&desk), &views).await.unwrap();
        let token = CancellationToken::new();
        let tasks = parts
            .tasks
            .into_iter()
            .map(|task| {
                let running = (task.run)(token.clone());
                tokio::spawn(async move { running.await.unwrap() })
            })
            .collect();
        let router = kit_layers(parts.router, Kit::new(metrics.clone()));
        Self { router, desk, projection, metrics, token, tasks, server, _folder: folder }
    }

    async fn stop(self) {
        self.token.cancel();
        for task in self.tasks {
            task.await.unwrap();
        }
        self.server.stop().await.unwrap();
    }

    /// Signs somebody in and gives the token.
    async fn person(
        &self,
        name: &str,
        role: Role,
        center: Option<&str>,
        with: Option<&str>,
    ) -> String {
        let new = NewStaff {
            username: name.parse().unwrap(),
            name: "样例员".to_owned(),
            role,
            center: center.map(|id| id.parse().unwrap()),
            department: with.map(|id| id.parse().unwrap()),
        };
        self.desk.identity.add(new, PASSWORD).await.unwrap();
        self.desk.identity.open_session(&name.parse().unwrap()).await.unwrap().token
    }

    async fn append(&self, n: u128, center: &str, number: u128, event: CaseEvent) -> u64 {
        let time = at("2021-01-26T10:00:00");
        let command_id = CommandId(Uuid::from_u128(n * 1000 + number));
        let envelope = Envelope {
            id: EventId::of_command(command_id, 0),
            source: format!("/dongcheng/{}/{center}", event.kind().service().name()),
            event_type: event.event_type().to_owned(),
            subject: case_id(n).to_string(),
            time,
            recorded_at: time,
            actor: "clerk".to_owned(),
            role: Role::Clerk,
            command_id,
            command_hash: None,
            causation_id: None,
            correlation_id: None,
            trace_parent: None,
        };
        let new = NewEvent { envelope, body: event.to_body().into() };
        let subject = CaseSubject { center: center.parse().unwrap(), case_id: case_id(n) };
        self.desk.log.append(&subject.to_subject(), Expected::Any, &[new]).await.unwrap()
    }

    async fn open(&self, n: u128, center: &str) -> u64 {
        let key = self.desk.vault.create_key(case_id(n)).await.unwrap();
        self.open_sealed(n, center, sealed(&key, n)).await
    }

    async fn open_sealed(&self, n: u128, center: &str, sealed: String) -> u64 {
        let opened = Opened {
            case_no: format!("DHS-{n}"),
            receipt_code: receipt(n),
            center: center.parse().unwrap(),
            channel: Channel::Window,
            matter: Matter { name: "退休手续办理".to_owned(), code: None },
            blocked_stage: Stage::Consult,
            cause: Cause::InformationWhom,
            demand: "想知道找谁".to_owned(),
            summary: None,
            attempts_before: 2,
            complexity: Complexity::Simple,
            applicant: SealedApplicant { kind: ApplicantKind::Person, sealed },
            notice: Notice {
                version: "1".to_owned(),
                mode: "phone".to_owned().try_into().unwrap(),
            },
            due_at: at("2021-01-29T17:30:00"),
            provisional: false,
            working_days: Some(3),
            imported_from: None,
        };
        self.append(n, center, 0, opened.into()).await
    }

    async fn forward(&self, n: u128, center: &str, number: u128, to: &str) -> u64 {
        let due = at("2021-01-26T10:00:00") + TimeDelta::days(1);
        let forwarded = Forwarded {
            to: to.parse().unwrap(),
            ask: "请办理".to_owned(),
            contact: None,
            due_at: due,
            first_contact_due_at: due,
            return_until: due,
            automatic: true,
        };
        self.append(n, center, number, forwarded.into()).await
    }

    async fn response(&self, path: &str, token: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = Request::get(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().call(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    async fn get(&self, path: &str, token: &str) -> Answer {
        self.get_with(path, token, &[]).await
    }

    async fn get_with(&self, path: &str, token: &str, headers: &[(&str, &str)]) -> Answer {
        let (parts, body) = self.response(path, token, headers).await.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let json = serde_json::from_str(&text).unwrap_or_default();
        assert!(!text.contains("张建国") && !text.contains("13800000001"), "{path}: {text}");
        assert!(!text.contains("\"veteran\""), "{path}: {text}");
        Answer { status: parts.status, headers: parts.headers, text, json }
    }

    #[track_caller]
    fn expect(&self, answer: &Answer, status: u16, code: &str) {
        assert_eq!(answer.status, status, "{}", answer.text);
        assert_eq!(answer.json["code"], code, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_case_is_shown_masked_to_those_who_may_open_it_and_to_nobody_else() {
    let house = House::start().await;
    let clerk = house.person("clerk", Role::Clerk, Some("donghuashi"), None).await;
    let stranger = house.person("stranger", Role::Clerk, Some("jingshan"), None).await;
    let handler = house.person("handler", Role::Handler, None, Some("hr-public-service")).await;
    let coordinator = house.person("coordinator", Role::Coordinator, None, None).await;
    let admin = house.person("admin", Role::Admin, None, None).await;
    let version = house.open(1, "donghuashi").await;
    let id = case_id(1);

    let path = format!("/v1/cases/{id}?min_version={version}");
    let case = house.get(&path, &clerk).await;
    assert_eq!(case.status, 200, "{}", case.text);
    assert_eq!(case.json["applicant"]["name"], "张*国");
    assert_eq!(case.json["applicant"]["phone"], "138****0001");
    assert_eq!(case.json["first_receiver"], "donghuashi");
    assert_eq!(case.json["hops"], 0);
    assert_eq!(case.json["as_of"], "2021-01-28T10:00:00+08:00");
    assert_eq!(case.json["as_of_sequence"], version);
    let tag = case.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"{version}\""));
    let known = house.get_with(&path, &clerk, &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.text.as_str()), (StatusCode::NOT_MODIFIED, ""));

    house.expect(&house.get(&path, "").await, 401, "unauthenticated");
    for token in [&stranger, &handler, &admin] {
        house.expect(&house.get(&path, token).await, 403, "forbidden");
        let timeline = format!("/v1/cases/{id}/timeline");
        house.expect(&house.get(&timeline, token).await, 403, "forbidden");
        assert_eq!(house.get("/v1/cases", token).await.json["total"], 0);
        assert_eq!(house.get("/v1/overview", token).await.json["figures"]["open"]["value"], 0);
    }
    for token in [&clerk, &coordinator] {
        let list = house.get("/v1/cases", token).await;
        assert_eq!(list.json["total"], 1, "{}", list.text);
        assert_eq!(list.json["items"][0]["applicant"]["name"], "张*国");
    }
    // It comes to a department, whose people may open it from then on, also when it has gone on.
    let version = house.forward(1, "donghuashi", 1, "hr-public-service").await;
    let list = house.get(&format!("/v1/cases?min_version={version}"), &handler).await;
    assert_eq!(list.json["total"], 1);
    let version = house.forward(1, "donghuashi", 2, "housing").await;
    let list = house.get(&format!("/v1/cases?min_version={version}"), &handler).await;
    assert_eq!((&list.json["total"], &list.json["items"][0]["hops"]), (&1.into(), &2.into()));
    house.stop().await;
}

#[tokio::test]
async fn an_applicant_who_cannot_be_opened_stays_hidden() {
    let house = House::start().await;
    let clerk = house.person("clerk", Role::Clerk, Some("donghuashi"), None).await;
    house.open(1, "donghuashi").await;
    let version = house.open(2, "donghuashi").await;
    // The key goes first, then the event says so.
    house.desk.vault.destroy(case_id(1)).await.unwrap();
    let case = house.get(&format!("/v1/cases/{}?min_version={version}", case_id(1)), &clerk).await;
    assert_eq!(case.json["applicant"]["name"], "**");
    assert_eq!(case.json["applicant"]["phone"], Value::Null);
    let erased = PersonalDataErased { reason: ErasureReason::Request };
    let version = house.append(1, "donghuashi", 1, erased.into()).await;
    let case = house.get(&format!("/v1/cases/{}?min_version={version}", case_id(1)), &clerk).await;
    assert_eq!(case.json["applicant"]["name"], "已删除");
    assert_eq!(case.json["applicant"]["erased"], true);
    let list = house.get("/v1/cases?sort=-opened_at", &clerk).await;
    let names: Vec<_> = list.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["applicant"]["name"])
        .collect();
    assert_eq!(names.len(), 2);
    assert!(names.contains(&&Value::from("张*国")), "{}", list.text);
    house.stop().await;
}

#[tokio::test]
async fn what_was_cut_changed_or_moved_shows_nobody_and_breaks_no_answer() {
    const CENTER: &str = "donghuashi";
    let house = House::start().await;
    let clerk = house.person("clerk", Role::Clerk, Some(CENTER), None).await;
    let vault = &house.desk.vault;
    let first = sealed(&vault.create_key(case_id(1)).await.unwrap(), 1);
    house.open_sealed(1, CENTER, first.clone()).await;
    let own = sealed(&vault.create_key(case_id(2)).await.unwrap(), 2);
    // One letter is six bits of the ciphertext.
    let other = if own.as_bytes()[60] == b'A' { "B" } else { "A" };
    let changed = format!("{}{other}{}", &own[..60], &own[61..]);
    house.open_sealed(2, CENTER, changed).await;
    let of_no_form = ["", "不是密文", "AAAA"].map(str::to_owned);
    let texts = [first, own[..own.len() - 4].to_owned()].into_iter().chain(of_no_form);
    let mut last = 2;
    for text in texts {
        last += 1;
        vault.create_key(case_id(last)).await.unwrap();
        house.open_sealed(last, CENTER, text).await;
    }
    // The same with the key: that of another case, and one that was cut.
    let bucket = Bucket::open(house.js(), CASE_KEYS_BUCKET).await.unwrap();
    let (wrapped, _) = bucket.find(&case_id(1).to_string()).await.unwrap().value().unwrap();
    let key = vault.create_key(case_id(1)).await.unwrap();
    let mut version = 0;
    for wrapped in [wrapped.clone(), wrapped.slice(..wrapped.len() - 1)] {
        last += 1;
        bucket.put(&case_id(last).to_string(), wrapped).await.unwrap();
        version = house.open_sealed(last, CENTER, sealed(&key, last)).await;
    }
    for n in 1..=last {
        let path = format!("/v1/cases/{}?min_version={version}", case_id(n));
        let case = house.get(&path, &clerk).await;
        assert_eq!(case.status, 200, "{}", case.text);
        let name = if n == 1 { "张*国" } else { "**" };
        assert_eq!(case.json["applicant"]["name"], name, "case {n}");
        assert_eq!(case.json["applicant"]["erased"], false, "case {n}");
    }
    let counted = format!("unstuck_unreadable_applicants_total {}\n", last - 1);
    assert!(house.metrics.render().contains(&counted), "{}", house.metrics.render());
    let list = house.get("/v1/cases", &clerk).await;
    assert_eq!(list.json["total"], u64::try_from(last).unwrap(), "{}", list.text);
    let items = list.json["items"].as_array().unwrap();
    let hidden = items.iter().filter(|item| item["applicant"]["name"] == "**").count();
    assert_eq!(hidden, items.len() - 1, "{}", list.text);
    house.stop().await;
}

#[tokio::test]
async fn what_is_asked_wrongly_is_refused_by_name() {
    let house = House::start().await;
    let clerk = house.person("clerk", Role::Clerk, Some("donghuashi"), None).await;
    house.open(1, "donghuashi").await;
    let id = case_id(1);
    for (path, pointer) in [
        ("/v1/cases?limit=201".to_owned(), "/limit"),
        ("/v1/cases?limit=0".to_owned(), "/limit"),
        ("/v1/cases?cursor=nonsense".to_owned(), "/cursor"),
        ("/v1/cases?colour=red".to_owned(), "/colour"),
        ("/v1/cases?state=Opened".to_owned(), "/state"),
        ("/v1/cases?sort=name".to_owned(), "/sort"),
        ("/v1/cases?due_before=soon".to_owned(), "/due_before"),
        ("/v1/overview?from=2021-02-01&to=2021-01-01".to_owned(), "/from"),
        ("/v1/overview?as_of=now".to_owned(), "/as_of"),
        (format!("/v1/cases/{id}/timeline?cursor=x"), "/cursor"),
    ] {
        let answer = house.get(&path, &clerk).await;
        house.expect(&answer, 422, "invalid");
        assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{}", answer.text);
    }
    let missing = case_id(99);
    for path in [format!("/v1/cases/{missing}"), "/v1/cases/case.*.%3E".to_owned()] {
        house.expect(&house.get(&path, &clerk).await, 404, "not_found");
    }
    for path in ["/v1/receipts/x", "/v1/receipts/AAAA-BBBB-CCCC", "/v1/receipts/%E4%B8%AD"] {
        house.expect(&house.get(path, "").await, 404, "not_found");
    }
    // A version that never comes is waited for, and then answered with what is there.
    let answer = house.get("/v1/cases?min_version=1000", &clerk).await;
    assert_eq!(answer.status, 200);
    house.stop().await;
}

#[tokio::test]
async fn histories_tables_and_the_lag_are_told() {
    let house = House::start().await;
    let coordinator = house.person("coordinator", Role::Coordinator, None, None).await;
    house.open(1, "donghuashi").await;
    house.forward(1, "donghuashi", 1, "civil-affairs").await;
    let returned = Returned {
        department: "civil-affairs".parse().unwrap(),
        reason: ReturnReason::NotOurDuty,
        duty_basis: None,
        suggested_department: Some("medical-insurance".parse().unwrap()),
        note: "不属职责".to_owned(),
        arbitration_due_at: at("2021-01-27T17:30:00"),
    };
    let version = house.append(1, "donghuashi", 2, returned.into()).await;
    let id = case_id(1);

    let first = format!("/v1/cases/{id}/timeline?limit=2&min_version={version}");
    let first = house.get(&first, &coordinator).await;
    assert_eq!(
        (&first.json["total"], first.json["items"].as_array().unwrap().len()),
        (&3.into(), 2)
    );
    assert_eq!(first.json["items"][0]["type"], "cn.unstuck.case.opened.v1");
    assert_eq!(first.json["items"][0]["actor"], "clerk");
    assert_eq!(first.json["items"][1]["data"]["to"], "civil-affairs");
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let second = house.get(&format!("/v1/cases/{id}/timeline?cursor={cursor}"), &coordinator).await;
    assert_eq!(second.json["items"][0]["type"], "cn.unstuck.case.returned.v1");
    assert_eq!(second.json["next_cursor"], Value::Null);

    let returns = house.get("/v1/returns", &coordinator).await;
    let row = serde_json::json!({ "from": "civil-affairs", "to": "medical-insurance", "count": 1 });
    assert_eq!(returns.json["items"], Value::Array(vec![row]));
    let blockages = house.get("/v1/blockages?from=2021-01-26&to=2021-01-26", &coordinator).await;
    assert_eq!(blockages.json["items"][0]["cause"], "I1");
    // One case is too few to be shown.
    assert_eq!(blockages.json["items"][0]["suppressed"], true);
    assert!(blockages.json["items"][0]["count"].is_null() && blockages.json["cases"].is_null());
    let centers = house.get("/v1/centers", &coordinator).await;
    let items = centers.json["items"].as_array().unwrap();
    let row = items.iter().find(|row| row["id"] == "donghuashi").unwrap();
    assert_eq!((&row["open"], &row["overdue"]), (&1.into(), &0.into()));
    let departments = house.get("/v1/departments", &coordinator).await;
    assert!(departments.json["total"].as_u64().unwrap() > 3);
    let overview = house.get("/v1/overview?from=2021-01-01&to=2021-01-31", &coordinator).await;
    // Promised for the 29th, and open on the 28th: nobody has broken that promise.
    assert_eq!(overview.json["figures"]["on_time"]["denominator"], 0, "{}", overview.text);
    assert_eq!(overview.json["figures"]["open"]["value"], 1, "{}", overview.text);
    let lag = house.get("/v1/lag", &coordinator).await;
    assert_eq!(lag.json["as_of_sequence"], version);
    assert_eq!(lag.json["lag_events"], 0);
    assert_eq!(lag.json["incident"], Value::Null);
    assert_eq!(house.projection.sequence(), version);
    house.stop().await;
}

#[tokio::test]
async fn a_poisoned_message_is_counted_and_its_case_stays_readable() {
    let house = House::start().await;
    let clerk = house.person("clerk", Role::Clerk, Some("donghuashi"), None).await;
    house.open(1, "donghuashi").await;
    let subject = format!("case.donghuashi.{}", case_id(1));
    let stored = house.js().publish(subject, "{ no JSON".into()).await.unwrap().await.unwrap();
    let path = |version| format!("/v1/cases/{}?min_version={version}", case_id(1));
    let case = house.get(&path(stored.sequence), &clerk).await;
    assert_eq!(case.json["flags"]["quarantined"], true, "{}", case.text);
    assert_eq!(house.get("/v1/lag", &clerk).await.json["quarantined"], 1);
    assert!(house.metrics.render().contains("unstuck_quarantined_events_total 1"));
    let version = house.forward(1, "donghuashi", 1, "housing").await;
    let case = house.get(&path(version), &clerk).await;
    assert_eq!(case.json["state"], "forwarded", "{}", case.text);
    assert!(house.projection.verify(&[]).await.unwrap().equal);
    house.stop().await;
}

#[tokio::test]
async fn the_feed_resumes_where_it_was_left_and_shows_only_what_one_may_open() {
    let house = House::start().await;
    let clerk = house.person("clerk", Role::Clerk, Some("donghuashi"), None).await;
    house.open(1, "donghuashi").await;
    house.open(2, "jingshan").await;
    house.forward(1, "donghuashi", 1, "housing").await;
    let response = house.response("/v1/live", &clerk, &[("last-event-id", "0")]).await;
    assert_eq!(response.status(), 200);
    let mut body = response.into_body().into_data_stream();
    let mut text = String::new();
    let read = async {
        // The greeting, and two events.
        while text.matches("\n\n").count() < 3 {
            text.push_str(std::str::from_utf8(&body.next().await.unwrap().unwrap()).unwrap());
        }
    };
    tokio::time::timeout(DEADLINE, read).await.unwrap();
    assert!(text.contains("id: 1\n") && text.contains("event: opened\n"), "{text}");
    assert!(text.contains("id: 3\n") && text.contains("event: forwarded\n"), "{text}");
    assert!(!text.contains("id: 2\n") && !text.contains("张建国"), "{text}");
    // It goes on live, and ends with the process.
    house.forward(1, "donghuashi", 2, "health").await;
    let next = tokio::time::timeout(DEADLINE, body.next()).await.unwrap().unwrap().unwrap();
    assert!(std::str::from_utf8(&next).unwrap().contains("id: 4\n"));
    house.token.cancel();
    assert!(tokio::time::timeout(DEADLINE, body.next()).await.unwrap().is_none());
    house.stop().await;
}

#[tokio::test]
async fn a_tool_asks_the_running_projection_over_the_bus() {
    let house = House::start().await;
    let clerk = house.person("clerk", Role::Clerk, Some("donghuashi"), None).await;
    let version = house.open(1, "donghuashi").await;
    house.get(&format!("/v1/cases?min_version={version}"), &clerk).await;
    let client = house.js().client();
    let asked = async {
        loop {
            // The projection subscribes a moment after it was started.
            if let Some(report) = remote::verify(&client, &[]).await.unwrap().pop() {
                return report;
            }
            tokio::task::yield_now().await;
        }
    };
    let report = tokio::time::timeout(DEADLINE, asked).await.unwrap();
    assert_eq!((report.equal, report.cases), (true, 1), "{report:?}");
    assert_eq!(remote::rebuild(&client, |_, _| {}).await.unwrap(), [version]);
    assert_eq!(house.get("/v1/cases", &clerk).await.json["total"], 1);
    house.token.cancel();
    let gone = async {
        // Asked while it stops, it says so; afterwards nobody is there.
        while !remote::verify(&client, &[]).await.is_ok_and(|reports| reports.is_empty()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, gone).await.unwrap();
    house.stop().await;
}
