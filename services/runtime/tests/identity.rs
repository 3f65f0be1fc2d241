//! Accounts and sessions against a real bus, over the router as a caller uses it.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, also in its helpers")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use proto_events::codes::Role;
use proto_events::subject::AUDIT_STREAM;
use runtime::audit::{Audit, AuditLine};
use runtime::clock::ManualClock;
use runtime::http::{Kit, kit_layers};
use runtime::identity::{Identity, IdentityError, NewStaff, Username, session_routes};
use runtime::kv::Bucket;
use runtime::metrics::Metrics;
use runtime::streams::{SESSIONS_BUCKET, STAFF_BUCKET};
use serde_json::{Value, json};
use support::Bus;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tower::Service as _;

const PASSWORD: &str = "窗口一号今天很高兴呀";

struct House {
    bus: Bus,
    clock: Arc<ManualClock>,
    metrics: Metrics,
    identity: Arc<Identity>,
    router: Router,
}

impl House {
    async fn build() -> Self {
        let bus = Bus::start().await;
        let clock = Arc::new(ManualClock::new("2026-03-02T01:00:00Z".parse().unwrap()));
        let metrics = Metrics::new();
        let identity = open(&bus, &clock, &metrics).await;
        let router = router(&identity, &metrics);
        Self { bus, clock, metrics, identity, router }
    }

    async fn add(&self, username: &str) -> Username {
        let new = NewStaff {
            username: username.parse().unwrap(),
            name: "样例".to_owned(),
            role: Role::Clerk,
            center: Some("chaoyangmen".parse().unwrap()),
            department: None,
        };
        self.identity.add(new, PASSWORD).await.unwrap().username
    }

    async fn sign_in(&self, username: &str, password: &str) -> (StatusCode, HeaderMap, Value) {
        let body = json!({ "username": username, "password": password }).to_string();
        let request = Request::post("/v1/session").header(header::CONTENT_TYPE, "application/json");
        call(&self.router, request.body(Body::from(body)).unwrap()).await
    }

    async fn token(&self, username: &str) -> String {
        let (status, _, body) = self.sign_in(username, PASSWORD).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["token"].as_str().unwrap().to_owned()
    }

    async fn who(&self, token: &str) -> StatusCode {
        call(&self.router, with_token("GET", token)).await.0
    }
}

async fn open(bus: &Bus, clock: &Arc<ManualClock>, metrics: &Metrics) -> Arc<Identity> {
    Identity::open(&bus.context, clock.clone(), audit(bus, clock, metrics)).await.unwrap()
}

fn audit(bus: &Bus, clock: &Arc<ManualClock>, metrics: &Metrics) -> Audit {
    let district = "dongcheng".parse().unwrap();
    Audit::new(bus.context.clone(), district, clock.clone(), metrics.clone())
}

fn router(identity: &Arc<Identity>, metrics: &Metrics) -> Router {
    kit_layers(session_routes(), Kit::new(metrics.clone())).with_state(identity.clone())
}

fn with_token(method: &str, token: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri("/v1/session")
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap()
}

async fn call(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Value) {
    let (parts, body) = router.clone().call(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

async fn audit_lines(bus: &Bus) -> Vec<AuditLine> {
    let mut stream = bus.context.get_stream(AUDIT_STREAM).await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut lines = Vec::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        lines.push(serde_json::from_slice(&message.payload).unwrap());
    }
    lines
}

#[tokio::test]
async fn a_person_signs_in_is_known_and_signs_out() {
    let house = House::build().await;
    house.add("Yang.Li").await;
    let (status, _, body) = house.sign_in(" YANG.LI", PASSWORD).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["staff"],
        json!({ "username": "yang.li", "name": "样例", "role": "clerk", "center": "chaoyangmen", "department": null })
    );
    let expires_at: DateTime<Utc> = body["expires_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(expires_at.to_rfc3339(), "2026-03-02T11:00:00+00:00");
    let token = body["token"].as_str().unwrap();
    let (status, _, who) = call(&house.router, with_token("GET", token)).await;
    let mut expected = body["staff"].clone();
    expected["expires_at"] = body["expires_at"].clone();
    expected["locked"] = json!(false);
    assert_eq!((status, who), (StatusCode::OK, expected));

    let cookie =
        Request::get("/v1/session").header(header::COOKIE, format!("a=b; session={token}"));
    let (status, ..) = call(&house.router, cookie.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);

    assert_eq!(call(&house.router, with_token("DELETE", token)).await.0, StatusCode::NO_CONTENT);
    let (status, headers, body) = call(&house.router, with_token("GET", token)).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")));
    assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test]
async fn sign_ins_and_refusals_leave_audit_lines_without_what_was_typed() {
    let house = House::build().await;
    house.add("yang.li").await;
    let token = house.token("yang.li").await;
    house.sign_in("yang.li", "not the password").await;
    house.sign_in("a typed password", "x").await;
    call(&house.router, with_token("DELETE", &token)).await;
    let lines = audit_lines(&house.bus).await;
    let told: Vec<_> = lines.iter().map(|line| (line.actor.as_str(), line.what.as_ref())).collect();
    assert_eq!(
        told,
        [
            ("yang.li", "signed_in"),
            ("yang.li", "sign_in_refused"),
            ("unknown", "sign_in_refused"),
            ("yang.li", "signed_out"),
        ]
    );
    assert!(lines.iter().all(|line| line.request_id.is_some()));
    assert_eq!(lines[0].role, Some(Role::Clerk));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_get_one_answer_and_then_a_wait() {
    let house = House::build().await;
    house.add("yang.li").await;
    let (status, _, known) = house.sign_in("yang.li", "not the password").await;
    let (_, _, unknown) = house.sign_in("nobody", "not the password").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(known["detail"], unknown["detail"]);
    for _ in 0..4 {
        house.sign_in("yang.li", "not the password").await;
    }
    let (status, headers, body) = house.sign_in("yang.li", PASSWORD).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::TOO_MANY_REQUESTS, &json!("too_many_requests"))
    );
    assert!(headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn who_was_introduced_has_a_name_and_signs_in_only_once_there_is_a_password() {
    let house = House::build().await;
    let username: Username = "clerk.7".parse().unwrap();
    let new = NewStaff {
        username: username.clone(),
        name: "窗口样例员".to_owned(),
        role: Role::Clerk,
        center: Some("chaoyangmen".parse().unwrap()),
        department: None,
    };
    house.identity.introduce(new.clone()).await.unwrap();
    assert!(matches!(house.identity.introduce(new).await, Err(IdentityError::Taken(_))));
    let found = house.identity.find(&username).await.unwrap().unwrap();
    assert_eq!(found.staff.name, "窗口样例员");
    for password in ["", PASSWORD] {
        let (status, ..) = house.sign_in("clerk.7", password).await;
        assert_ne!(status, StatusCode::OK, "{password:?}");
    }
    house.identity.set_password(&username, PASSWORD).await.unwrap();
    assert_eq!(house.sign_in("clerk.7", PASSWORD).await.0, StatusCode::OK);
}

#[tokio::test]
async fn neither_token_nor_password_is_stored() {
    let house = House::build().await;
    house.add("样例").await;
    let token = house.token("样例").await;
    for bucket in [STAFF_BUCKET, SESSIONS_BUCKET] {
        let bucket = Bucket::open(&house.bus.context, bucket).await.unwrap();
        let keys = bucket.keys().await.unwrap();
        assert_eq!(keys.len(), 1);
        let (value, _) = bucket.find(&keys[0]).await.unwrap().value().unwrap();
        let text = format!("{}{}", keys[0], String::from_utf8(value.to_vec()).unwrap());
        assert!(!text.contains(&token) && !text.contains(PASSWORD));
    }
}

#[tokio::test]
async fn removal_disabling_and_another_password_end_all_sessions() {
    let house = House::build().await;
    let username = house.add("yang.li").await;

    let token = house.token("yang.li").await;
    assert_eq!(house.who(&token).await, StatusCode::OK);
    house.identity.set_password(&username, "another long one").await.unwrap();
    assert_eq!(house.who(&token).await, StatusCode::UNAUTHORIZED);
    house.identity.set_password(&username, PASSWORD).await.unwrap();
    assert_eq!(
        house.who(&token).await,
        StatusCode::UNAUTHORIZED,
        "the old password does not revive it"
    );

    let token = house.token("yang.li").await;
    house.identity.set_disabled(&username, true).await.unwrap();
    assert_eq!(house.who(&token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(house.sign_in("yang.li", PASSWORD).await.0, StatusCode::UNAUTHORIZED);
    assert!(house.identity.find_active(&username).await.unwrap().is_none());
    house.identity.set_disabled(&username, false).await.unwrap();

    let token = house.token("yang.li").await;
    house.identity.remove(&username).await.unwrap();
    assert_eq!(house.who(&token).await, StatusCode::UNAUTHORIZED);
    let refused = house.identity.remove(&username).await;
    assert!(matches!(refused, Err(IdentityError::Unknown(_))));
    house.add("yang.li").await;
    assert_eq!(house.who(&token).await, StatusCode::UNAUTHORIZED, "a namesake gets no old session");
    assert_eq!(house.identity.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_username_has_one_account_whatever_its_case() {
    let house = House::build().await;
    let username = house.add("Yang.Li").await;
    let new = NewStaff {
        username: "YANG.LI".parse().unwrap(),
        name: "another".to_owned(),
        role: Role::Auditor,
        center: None,
        department: None,
    };
    let refused = house.identity.add(new.clone(), PASSWORD).await;
    assert!(matches!(refused, Err(IdentityError::Taken(_))));
    let refused = house.identity.add(new, "short").await;
    assert!(matches!(refused, Err(IdentityError::Invalid { field: "password", .. })));
    assert_eq!(house.identity.find_active(&username).await.unwrap().unwrap().role, Role::Clerk);
    house.bus.stop().await;
}

#[tokio::test]
async fn what_one_process_revokes_the_other_forgets_at_once() {
    let house = House::build().await;
    let username = house.add("yang.li").await;
    let other = open(&house.bus, &house.clock, &house.metrics).await;
    let shutdown = CancellationToken::new();
    let watch = tokio::spawn(other.clone().watch(shutdown.clone()));
    // Without the watch a remembered session lives for three seconds; with it, for the time of a message.
    let revoked_within = async |token: &str| {
        let begun = Instant::now();
        while other.resolve(token).await.unwrap().is_some() {
            assert!(begun.elapsed() < Duration::from_secs(5));
            tokio::task::yield_now().await;
        }
        begun.elapsed()
    };
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let token = house.token("yang.li").await;
        assert!(other.resolve(&token).await.unwrap().is_some());
        house.identity.close_session(&token).await.unwrap();
        fastest = fastest.min(revoked_within(&token).await);
    }
    assert!(fastest < Duration::from_millis(1000), "{fastest:?}");

    let token = house.token("yang.li").await;
    assert!(other.resolve(&token).await.unwrap().is_some());
    house.identity.remove(&username).await.unwrap();
    assert!(revoked_within(&token).await < Duration::from_secs(4));
    shutdown.cancel();
    watch.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_session_in_use_lives_ten_hours_and_an_idle_one_two() {
    let house = House::build().await;
    house.add("yang.li").await;
    let idle = house.token("yang.li").await;
    let used = house.token("yang.li").await;
    let looked_at = house.token("yang.li").await;
    for hour in 1..=9 {
        house.clock.advance(TimeDelta::hours(1));
        assert_eq!(house.who(&used).await, StatusCode::OK);
        // A page that is only open is not in use.
        let found = house.identity.look(&looked_at, "/v1/live").await.unwrap();
        assert_eq!(found.is_some(), hour < 2, "after {hour} hours");
    }
    assert_eq!(house.who(&idle).await, StatusCode::UNAUTHORIZED);
    assert_eq!(house.who(&looked_at).await, StatusCode::UNAUTHORIZED);
    house.clock.advance(TimeDelta::hours(1));
    assert_eq!(house.who(&used).await, StatusCode::UNAUTHORIZED);
    let sessions = Bucket::open(&house.bus.context, SESSIONS_BUCKET).await.unwrap();
    assert_eq!(sessions.keys().await.unwrap(), [""; 0], "what ended is cleared away");
}

#[tokio::test]
async fn a_bus_out_of_reach_is_503_and_not_401() {
    let house = House::build().await;
    house.add("yang.li").await;
    let token = house.token("yang.li").await;
    let House { bus, clock, metrics, identity, .. } = house;
    let fresh = router(
        &Identity::new(
            Bucket::open(&bus.context, STAFF_BUCKET).await.unwrap(),
            Bucket::open(&bus.context, SESSIONS_BUCKET).await.unwrap(),
            clock.clone(),
            audit(&bus, &clock, &metrics),
        ),
        &metrics,
    );
    let audit = audit(&bus, &clock, &metrics);
    let Bus { server, folder, context: _ } = bus;
    server.stop().await.unwrap();

    let (status, headers, body) = call(&fresh, with_token("GET", &token)).await;
    assert_eq!((status, &body["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("unavailable")));
    assert_eq!(headers[header::RETRY_AFTER], "5");
    assert!(matches!(
        identity.authenticate("yang.li", PASSWORD).await,
        Err(IdentityError::Unreachable(_))
    ));

    assert!(audit.record_or_fail(AuditLine::new("yang.li", "revealed")).await.is_err());
    assert!(metrics.render().contains("unstuck_audit_failures_total 1"));
    drop(folder);
}

async fn post(house: &House, path: &str, token: &str, body: Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()));
    let (status, _, body) = call(&house.router, request.unwrap()).await;
    (status, body)
}

#[tokio::test]
async fn a_locked_session_opens_nothing_in_any_process_until_its_password_is_typed() {
    let house = House::build().await;
    house.add("yang.li").await;
    let token = house.token("yang.li").await;
    let other = open(&house.bus, &house.clock, &house.metrics).await;

    let (status, body) = post(&house, "/v1/session/lock", &token, json!({})).await;
    assert_eq!((status, &body["locked"]), (StatusCode::OK, &json!(true)));
    post(&house, "/v1/session/lock", &token, json!({})).await;
    for identity in [&house.identity, &other] {
        assert!(matches!(identity.resolve(&token).await, Err(IdentityError::Locked)));
        assert!(matches!(identity.look(&token, "/v1/live").await, Err(IdentityError::Locked)));
    }
    let (status, _, body) = call(&house.router, with_token("GET", &token)).await;
    assert_eq!((status, &body["locked"]), (StatusCode::OK, &json!(true)));
    let new = json!({ "current": PASSWORD, "new": "another and longer" });
    let (status, body) = post(&house, "/v1/session/password", &token, new).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &json!("locked")));

    let wrong = json!({ "password": "wrong and long" });
    let (status, body) = post(&house, "/v1/session/unlock", &token, wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    assert_eq!(body["errors"][0]["pointer"], "/password");
    let (status, body) =
        post(&house, "/v1/session/unlock", &token, json!({ "password": PASSWORD })).await;
    assert_eq!((status, &body["locked"]), (StatusCode::OK, &json!(false)));
    assert!(house.identity.resolve(&token).await.unwrap().is_some());
    let told: Vec<_> = audit_lines(&house.bus).await.into_iter().map(|line| line.what).collect();
    assert_eq!(told, ["signed_in", "session_locked", "unlock_refused", "session_unlocked"]);
}

#[tokio::test]
async fn wrong_passwords_of_an_unlocking_count_as_those_of_a_sign_in() {
    let house = House::build().await;
    house.add("yang.li").await;
    let token = house.token("yang.li").await;
    post(&house, "/v1/session/lock", &token, json!({})).await;
    let mut last = StatusCode::OK;
    for _ in 0..6 {
        let wrong = json!({ "password": "wrong and long" });
        last = post(&house, "/v1/session/unlock", &token, wrong).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(house.sign_in("yang.li", PASSWORD).await.0, StatusCode::TOO_MANY_REQUESTS);
    // Somebody else may need the counter.
    assert_eq!(call(&house.router, with_token("DELETE", &token)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(house.who(&token).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_locked_session_grows_no_older_than_another_that_is_idle() {
    let house = House::build().await;
    house.add("yang.li").await;
    let token = house.token("yang.li").await;
    post(&house, "/v1/session/lock", &token, json!({})).await;
    house.clock.advance(TimeDelta::minutes(119));
    assert_eq!(house.who(&token).await, StatusCode::OK);
    house.clock.advance(TimeDelta::minutes(1));
    assert_eq!(house.who(&token).await, StatusCode::UNAUTHORIZED);
    let unlock = post(&house, "/v1/session/unlock", &token, json!({ "password": PASSWORD })).await;
    assert_eq!(unlock.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_password_ends_the_other_sessions_and_keeps_this_one() {
    let house = House::build().await;
    house.add("yang.li").await;
    let (mine, other) = (house.token("yang.li").await, house.token("yang.li").await);
    let new = "窗口二号今天也很高兴";
    let change = |current: &str, new: &str| json!({ "current": current, "new": new });
    for (body, pointer) in [
        (change("wrong and long", new), "/current"),
        (change(PASSWORD, "short"), "/new"),
        (change(PASSWORD, PASSWORD), "/new"),
        (change(PASSWORD, "yang.li"), "/new"),
    ] {
        let (status, body) = post(&house, "/v1/session/password", &mine, body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert_eq!(body["errors"][0]["pointer"], pointer);
    }
    let (status, body) = post(&house, "/v1/session/password", &mine, change(PASSWORD, new)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{body}");
    assert_eq!(house.who(&mine).await, StatusCode::OK);
    assert_eq!(house.who(&other).await, StatusCode::UNAUTHORIZED);
    assert_eq!(house.sign_in("yang.li", PASSWORD).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(house.sign_in("yang.li", new).await.0, StatusCode::OK);
    let last = audit_lines(&house.bus).await.into_iter().map(|line| line.what);
    assert!(last.collect::<Vec<_>>().contains(&"password_changed".into()));
}
