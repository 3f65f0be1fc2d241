//! The HTTP kit as a caller sees it: over a socket where the socket matters, else by calling the router.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly, also in its helpers")]

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::{Json, Router};
use proto_events::codes::Channel;
use runtime::http::{
    Kit, Operation, Parameter, Path, Peer, Problem, ReadyCheck, RequestId, StrictJson,
    health_routes, kit_layers, openapi, problem_pages, problems, serve,
};
use runtime::metrics::Metrics;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::Service as _;

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Applicant {
    name: String,
    phone: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Opening {
    applicant: Applicant,
    modes: Vec<Channel>,
    #[serde(default)]
    summary: Option<String>,
}

fn router() -> Router {
    router_with(Kit::new(Metrics::new()))
}

fn router_with(kit: Kit) -> Router {
    let routes = Router::new()
        .route("/v1/things", post(|body: StrictJson<Opening>| async move { body.hash }))
        .route("/v1/things/{id}", get(|Path(id): Path<u32>| async move { id.to_string() }))
        .route(
            "/v1/plain/{id}",
            get(|axum::extract::Path(id): axum::extract::Path<u32>| async move { id.to_string() }),
        )
        .route("/v1/locked", post(|| async { Problem::unauthenticated("sign in") }))
        .route("/v1/panics", get(|| async { panic!("a bug") as &'static str }))
        .route("/v1/hangs", get(std::future::pending::<&'static str>))
        .route("/v1/id", get(|id: RequestId| async move { id.to_string() }))
        .merge(problem_pages([]));
    kit_layers(routes, kit)
}

async fn call(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response: Response<Body> = router.clone().call(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post_json(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header(header::CONTENT_TYPE, "application/json").body(body.into()).unwrap()
}

async fn problem(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let (status, headers, body) = call(router, request).await;
    assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json", "{body}");
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["status"], status.as_u16());
    assert_eq!(body["request_id"], headers["x-request-id"].to_str().unwrap());
    assert_eq!(body["type"], format!("/problems/{}", body["code"].as_str().unwrap()));
    (status, body)
}

fn opening() -> Value {
    json!({ "applicant": { "name": "样例", "phone": "13800000000" }, "modes": ["phone"] })
}

#[tokio::test]
async fn a_body_of_another_type_is_refused_with_415() {
    let router = router();
    for content_type in [None, Some("text/plain"), Some("application/json; charset=gbk")] {
        let mut request = Request::post("/v1/things");
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(Body::from(opening().to_string())).unwrap();
        assert_eq!(problem(&router, request).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
}

#[tokio::test]
async fn a_syntax_error_names_its_line_and_column() {
    let router = router();
    let (status, body) =
        problem(&router, post_json("/v1/things", "{\n  \"applicant\": ,\n}")).await;
    assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("malformed")));
    assert_eq!((&body["line"], &body["column"]), (&json!(2), &json!(16)));
    for text in [b"".as_slice(), b"\xff\xfe", b"{} {}", b"[1,"] {
        let (status, _) = problem(&router, post_json("/v1/things", text.to_vec())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{text:?}");
    }
}

#[tokio::test]
async fn a_wrong_field_is_named_by_its_json_pointer() {
    let router = router();
    let mut wrong_type = opening();
    wrong_type["applicant"]["phone"] = json!(138);
    let mut missing = opening();
    missing["applicant"].as_object_mut().unwrap().remove("phone");
    let mut unknown = opening();
    unknown["applicant"]["phne"] = json!("1");
    let mut code = opening();
    code["modes"] = json!(["phone", "pigeon"]);
    for (body, pointer, words) in [
        (wrong_type, "/applicant/phone", "expected a string"),
        (missing, "/applicant/phone", "missing field `phone`"),
        (unknown, "/applicant/phne", "unknown field `phne`"),
        (code, "/modes/1", "`home_visit`"),
        (json!([]), "", ""),
    ] {
        let (status, body) = problem(&router, post_json("/v1/things", body.to_string())).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid")),
            "{body}"
        );
        assert_eq!(body["errors"][0]["pointer"], pointer, "{body}");
        assert!(body["errors"][0]["detail"].as_str().unwrap().contains(words), "{body}");
    }
    let twice = r#"{"applicant":{"name":"a","name":"b","phone":"1"},"modes":[]}"#;
    let (_, body) = problem(&router, post_json("/v1/things", twice)).await;
    assert_eq!(body["errors"][0]["pointer"], "/applicant/name");
}

#[tokio::test]
async fn a_fingerprint_ignores_white_space_and_order_and_nothing_else() {
    let router = router();
    let one = r#"{"applicant":{"name":"a","phone":"1"},"modes":["phone"]}"#;
    let same =
        "{ \"modes\" : [\"phone\"],\n \"applicant\": {\"phone\":\"1\", \"name\":\"\\u0061\"} }";
    let other = r#"{"applicant":{"name":"a","phone":"2"},"modes":["phone"]}"#;
    let mut hashes = Vec::new();
    for body in [one, same, other] {
        let (status, _, hash) = call(&router, post_json("/v1/things", body)).await;
        assert_eq!(status, StatusCode::OK);
        hashes.push(hash);
    }
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
    assert_eq!(hashes[0].len(), 64);
}

#[tokio::test]
async fn what_is_not_there_panics_or_cannot_be_read_is_a_problem_too() {
    let router = router();
    let (status, body) = problem(&router, get_request("/nowhere?name=x")).await;
    assert_eq!((status, &body["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
    let (status, body) =
        problem(&router, Request::delete("/v1/things").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed"))
    );
    let (status, body) = problem(&router, get_request("/v1/panics")).await;
    assert_eq!((status, &body["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal")));
    assert!(!body.to_string().contains("a bug"));
    for path in ["/v1/things/abc", "/v1/plain/abc"] {
        let (status, body) = problem(&router, get_request(path)).await;
        assert_eq!((status, &body["code"]), (StatusCode::BAD_REQUEST, &json!("malformed")));
    }
    assert_eq!(call(&router, get_request("/v1/things/7")).await.2, "7");
}

#[tokio::test]
async fn a_method_that_is_not_allowed_names_those_that_are() {
    let (_, headers, _) = call(&router(), get_request("/v1/things")).await;
    assert_eq!(headers[header::ALLOW], "POST");
}

#[tokio::test]
async fn every_answer_has_the_id_and_the_security_headers() {
    let router = router();
    let request =
        Request::get("/v1/id").header("x-request-id", "counter-3").body(Body::empty()).unwrap();
    let (_, headers, body) = call(&router, request).await;
    assert_eq!(
        (body.as_str(), headers["x-request-id"].to_str().unwrap()),
        ("counter-3", "counter-3")
    );
    for path in ["/v1/id", "/v1/panics", "/v1/nothing", "/v1/things/x", "/v1/plain/x"] {
        let (_, headers, _) = call(&router, get_request(path)).await;
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "same-origin", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        assert!(headers.contains_key("x-request-id"), "{path}");
    }
    let (_, headers, body) = call(&router, get_request("/v1/id")).await;
    assert_eq!(headers["x-request-id"].to_str().unwrap(), body);
}

#[tokio::test]
async fn a_full_house_answers_busy_and_a_hanging_handler_is_cut() {
    let kit = Kit::new(Metrics::new()).with_limits(1, Duration::from_millis(200));
    let router = router_with(kit);
    let hanging = tokio::spawn({
        let router = router.clone();
        async move { problem(&router, get_request("/v1/hangs")).await }
    });
    let (status, body) = loop {
        // The spawned request has the only place as soon as it runs.
        let (status, headers, body) = call(&router, get_request("/v1/id")).await;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(headers.contains_key(header::RETRY_AFTER));
            break (status, body);
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("\"busy\""));
    assert_eq!(hanging.await.unwrap().1["code"], "busy");
    assert_eq!(call(&router, get_request("/v1/id")).await.0, StatusCode::OK);
}

/// A request as it comes over a socket of this machine, from a proxy that names a visitor.
fn from(visitor: &'static str, path: &str) -> Request<Body> {
    let mut request = get_request(path);
    request.extensions_mut().insert(ConnectInfo(Peer(std::net::Ipv4Addr::LOCALHOST.into())));
    request.headers_mut().insert("x-forwarded-for", visitor.parse().unwrap());
    request
}

#[tokio::test]
async fn one_visitor_takes_half_of_what_is_served_at_once_and_leaves_the_rest_to_others() {
    let kit = Kit::new(Metrics::new()).with_limits(4, Duration::from_secs(30));
    let router = router_with(kit);
    let mut hanging = Vec::new();
    for _ in 0..2 {
        let router = router.clone();
        hanging
            .push(tokio::spawn(async move { call(&router, from("192.0.2.1", "/v1/hangs")).await }));
    }
    let headers = loop {
        let (status, headers, _) = call(&router, from("192.0.2.1", "/v1/id")).await;
        if status == StatusCode::TOO_MANY_REQUESTS {
            break headers;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(headers[header::RETRY_AFTER], "1");
    assert_eq!(call(&router, from("192.0.2.2", "/v1/id")).await.0, StatusCode::OK);
    // What is over gives its place back.
    for task in hanging {
        task.abort();
        let _ = task.await;
    }
    assert_eq!(call(&router, from("192.0.2.1", "/v1/id")).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn one_address_has_a_rate_and_this_machine_none() {
    let router = router();
    let mut served = 0;
    let headers = loop {
        let (status, headers, _) = call(&router, from("192.0.2.1", "/v1/id")).await;
        if status != StatusCode::OK {
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
            break headers;
        }
        served += 1;
        assert_eq!(call(&router, from("127.0.0.1", "/v1/id")).await.0, StatusCode::OK);
    };
    assert_eq!(served, 6000);
    assert_eq!(headers[header::RETRY_AFTER], "1");
    assert_eq!(call(&router, from("192.0.2.2", "/v1/id")).await.0, StatusCode::OK);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(call(&router, from("192.0.2.1", "/v1/id")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn every_code_has_a_page_and_an_unknown_code_has_none() {
    let router = router();
    for entry in problems() {
        let (status, headers, body) =
            call(&router, get_request(&format!("/problems/{}", entry.code))).await;
        assert_eq!(status, StatusCode::OK);
        assert!(headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
        assert!(body.contains(entry.title_zh) && body.contains(entry.title_en));
    }
    assert_eq!(problem(&router, get_request("/problems/none")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn readiness_names_what_is_not_ready() {
    let metrics = Metrics::new();
    let checks = vec![
        ReadyCheck::new("bus", || async { Ok(()) }),
        ReadyCheck::new("views", || async { Err("7 events behind".to_owned()) }),
    ];
    let document = openapi("t", "1", &[], problems());
    let routes = health_routes::<()>(checks, metrics.clone(), &document);
    let router = kit_layers(routes, Kit::new(metrics));
    let (status, body) = problem(&router, get_request("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        body["checks"][1],
        json!({ "name": "views", "ready": false, "detail": "7 events behind" })
    );
    assert_eq!(call(&router, get_request("/healthz")).await.0, StatusCode::OK);
    let (_, _, text) = call(&router, get_request("/metrics")).await;
    assert!(text.contains("route=\"/readyz\",status=\"503\"} 1"), "{text}");
    assert!(text.contains("unstuck_problems_total{code=\"unavailable\"} 1"));
    assert_eq!(call(&router, get_request("/openapi.json")).await.2, document.to_string());
}

/// Sends raw bytes and reads the whole answer; a reset connection fails the test.
async fn exchange(address: std::net::SocketAddr, head: String, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn two_megabytes_get_a_clear_413_also_in_chunks_and_before_sign_in() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, router(), shutdown.clone()));
    let body = vec![b' '; 2 * 1024 * 1024];
    let common = "host: x\r\ncontent-type: application/json\r\nconnection: close\r\n";
    for path in ["/v1/things", "/v1/locked", "/nowhere"] {
        let head =
            format!("POST {path} HTTP/1.1\r\n{common}content-length: {}\r\n\r\n", body.len());
        let answer = exchange(address, head, &body).await;
        assert!(answer.starts_with("HTTP/1.1 413"), "{path}: {answer}");
        assert!(answer.contains("\"too_large\""));
    }
    let chunked = [format!("{:x}\r\n", body.len()).as_bytes(), &body, b"\r\n0\r\n\r\n"].concat();
    let head = format!("POST /v1/things HTTP/1.1\r\n{common}transfer-encoding: chunked\r\n\r\n");
    assert!(exchange(address, head, &chunked).await.starts_with("HTTP/1.1 413"));
    let head = format!(
        "POST /v1/things HTTP/1.1\r\n{common}content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        body.len()
    );
    assert!(exchange(address, head, b"").await.starts_with("HTTP/1.1 413"));

    shutdown.cancel();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_house_closes() {
    let (entered, is_in) = tokio::sync::oneshot::channel::<()>();
    let (release, released) = tokio::sync::oneshot::channel::<()>();
    let gate = std::sync::Arc::new(std::sync::Mutex::new(Some((entered, released))));
    let router = Router::new().route(
        "/slow",
        get(move || {
            let gate = gate.lock().unwrap().take();
            async move {
                if let Some((entered, released)) = gate {
                    entered.send(()).unwrap();
                    released.await.unwrap();
                }
                "done"
            }
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(serve(listener, router, shutdown.clone()));
    let head = "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n".to_owned();
    let caller = tokio::spawn(async move { exchange(address, head, b"").await });
    is_in.await.unwrap();
    shutdown.cancel();
    release.send(()).unwrap();
    assert!(caller.await.unwrap().ends_with("done"));
    server.await.unwrap().unwrap();
}

fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/v1/things", "things", "Opens a thing")
            .command()
            .takes::<Opening>()
            .answers::<Opening>(201)
            .refuses(&["wrong_state"]),
        Operation::new(Method::GET, "/v1/things/{id}", "things", "Reads a thing")
            .public()
            .parameter(Parameter::query::<Option<Channel>>("mode", "Only this mode"))
            .answers::<Vec<Opening>>(200),
        Operation::new(Method::DELETE, "/v1/things/{id}", "things", "Removes a thing")
            .answers_with(204, "application/json"),
    ]
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(target)) = members.get("$ref") {
                found.insert(target.clone());
            }
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_openapi_document_is_whole() {
    let document = openapi("Things", "1.0.0", &operations(), problems());
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(
        found.contains("#/components/schemas/Applicant")
            && found.contains("#/components/schemas/Problem"),
        "{found:?}"
    );
    for target in &found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target}");
    }
    assert!(!document.to_string().contains("$defs"));
    assert_eq!(document, openapi("Things", "1.0.0", &operations(), problems()));

    let post = &document["paths"]["/v1/things"]["post"];
    let names: Vec<_> = post["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Idempotency-Key", "If-Match"]);
    assert_eq!(post["security"], json!([{ "session": [] }]));
    assert_eq!(post["responses"]["409"]["description"], "`wrong_state`");
    assert_eq!(post["responses"]["412"]["description"], "`stale`");
    assert!(post["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].is_string());
    let get = &document["paths"]["/v1/things/{id}"]["get"];
    assert_eq!(get["security"], json!([]));
    assert_eq!(get["parameters"][0]["in"], "path");
    assert_eq!(get["parameters"][1]["in"], "query");
    assert_eq!(get["responses"]["422"]["description"], "`invalid`", "a query can be wrong");
    let remove = &document["paths"]["/v1/things/{id}"]["delete"];
    assert_eq!(remove["responses"]["422"], Value::Null, "and where nothing is said, nothing is");
    let problem = &document["components"]["schemas"]["Problem"];
    assert_eq!(problem["required"], json!(["type", "title", "status", "code", "detail"]));
    let ids: BTreeSet<_> = ["post_v1_things", "get_v1_things_id", "delete_v1_things_id"].into();
    let mut listed = BTreeSet::new();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            listed.insert(operation["operationId"].as_str().unwrap());
        }
    }
    assert_eq!(listed, ids);
}

/// Reads differently than it is written: the default makes a field optional for a reader only.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Uneven {
    #[serde(default)]
    note: String,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Holder {
    uneven: Uneven,
}

#[test]
fn a_schema_that_reads_and_writes_differently_stands_twice() {
    let operations = [Operation::new(Method::POST, "/v1/holders", "t", "s")
        .takes::<Holder>()
        .answers::<Holder>(200)];
    let document = openapi("t", "1", &operations, problems());
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let find = |schema: &Value| {
        schemas[schema["$ref"].as_str().unwrap().rsplit('/').next().unwrap()].clone()
    };
    let post = &document["paths"]["/v1/holders"]["post"];
    let read = find(
        &find(&post["requestBody"]["content"]["application/json"]["schema"])["properties"]["uneven"],
    );
    let written = find(
        &find(&post["responses"]["200"]["content"]["application/json"]["schema"])["properties"]["uneven"],
    );
    assert_eq!(read["required"], Value::Null);
    assert_eq!(written["required"], json!(["note"]));
}

#[tokio::test]
async fn a_json_answer_is_left_as_it_is() {
    let router = Router::new().route("/v1/ok", get(|| async { Json(json!({ "a": 1 })) }));
    let router = kit_layers(router, Kit::new(Metrics::new()));
    assert_eq!(call(&router, get_request("/v1/ok")).await.2, r#"{"a":1}"#);
}
