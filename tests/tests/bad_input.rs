//! Bad input over HTTP: each has a clear answer, and a refused request leaves no event behind.

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening, phone, with, without};
use unstuck_tests::{Answer, District, wait_until};

const CASES: &str = "/v1/cases";

#[test]
fn a_body_that_is_not_right_is_refused_by_pointer_and_leaves_nothing() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let right = || opening("jingshan", UNROUTED_MATTER, 1);

    for (pointer, body) in [
        ("/colour", with(right(), "/colour", "red")),
        ("/applicant/nickname", with(right(), "/applicant/nickname", "老张")),
        ("/channel", with(right(), "/channel", "pigeon")),
        ("/cause", with(right(), "/cause", "Z9")),
        ("/complexity", with(right(), "/complexity", "Simple")),
        ("/blocked_stage", with(right(), "/blocked_stage", "")),
        ("/center", with(right(), "/center", "no-such-center")),
        ("/center", with(right(), "/center", "case.>")),
        ("/attempts_before", with(right(), "/attempts_before", -1)),
        ("/attempts_before", with(right(), "/attempts_before", "two")),
        ("/applicant/phone", with(right(), "/applicant/phone", "12345")),
        ("/applicant/name", with(right(), "/applicant/name", "  ")),
        ("/applicant/id_number", with(right(), "/applicant/id_number", "110101199001011")),
        ("/matter/name", with(right(), "/matter/name", "")),
        ("/demand", with(right(), "/demand", "长".repeat(20_000))),
        ("/occurred_at", with(right(), "/occurred_at", "yesterday")),
        ("/occurred_at", with(right(), "/occurred_at", "2021-01-26T15:10:00")),
    ] {
        clerk.post(CASES, body).refused(422, "invalid").naming(pointer);
    }
    for pointer in ["/demand", "/notice", "/applicant/phone", "/matter"] {
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let answer = clerk.post(CASES, without(right(), pointer)).refused(422, "invalid");
        let errors = answer["errors"].as_array().expect("errors").iter();
        let mut pointers = errors.map(|error| error["pointer"].as_str().unwrap_or_default());
        assert!(pointers.any(|found| found == pointer || found == parent), "{}", answer.text);
    }

    // What cannot be read at all.
    let raw = |content_type: &str, body: &[u8]| -> Answer {
        clerk.request("POST", CASES).bytes(content_type, body).send()
    };
    raw("application/json", b"{\"center\": \"jing").refused(400, "malformed");
    raw("application/json", b"").refused(400, "malformed");
    raw("application/json", b"{\"demand\": \"\xff\xfe\"}").refused(400, "malformed");
    raw("text/plain", right().to_string().as_bytes()).refused(415, "unsupported_media_type");
    let large = with(right(), "/summary", "a".repeat(2 * 1024 * 1024));
    clerk.post(CASES, large).refused(413, "too_large");
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    raw("application/json", &deep).refused(400, "malformed");

    // Ids and telephone numbers belong to the applicant, not into free text.
    for text in [
        "请回电13800000009",
        "请回电 138-0000-0009",
        "请回电１３８００００００００",
        "身份证110101199003077475",
    ] {
        clerk.post(CASES, with(right(), "/demand", text)).refused(409, "pii_in_text");
    }
    clerk.post(CASES, with(right(), "/summary", "电话13800000009")).refused(409, "pii_in_text");

    // Nothing of it happened.
    let opened = clerk.open(right());
    clerk.case_after(&opened);
    assert_eq!(clerk.get(CASES).json["total"], 1);
    assert_eq!(clerk.story(opened.case_id()), ["opened"]);
}

#[test]
fn full_width_digits_are_the_same_telephone() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let body = opening("jingshan", UNROUTED_MATTER, 1);
    let wide: String = phone(1)
        .chars()
        .map(|digit| char::from_u32(digit as u32 + 0xfee0).expect("a full-width digit"))
        .collect();
    let opened = clerk.open(with(body.clone(), "/applicant/phone", wide));
    let case = clerk.case_after(&opened);
    assert_eq!(case["applicant"]["phone"], "138****0001");
    // The same person with the same matter, written otherwise, is known.
    let again = clerk.post(CASES, with(body, "/applicant/phone", "138 0000 0001"));
    let again = again.refused(409, "duplicate_case");
    assert!(again.text.contains(opened.case_id()), "names the case: {}", again.text);
    // Another person is not.
    clerk.open(opening("jingshan", UNROUTED_MATTER, 2));
    // Nor is the same person with another matter.
    clerk.open(opening("jingshan", "树木修剪", 1));
}

#[test]
fn preconditions_and_keys_are_kept() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let coordinator = district.coordinator();
    let body = opening("jingshan", UNROUTED_MATTER, 1);

    // One key, one case, whatever the number of tries.
    let open = |body: &Value| clerk.request("POST", CASES).key("k-1").json(body).send();
    let opened = open(&body).expect_status(201);
    let again = open(&body).expect_status(201);
    assert_eq!(again.json, opened.json);
    assert_eq!(again.headers.get("etag"), opened.headers.get("etag"));
    open(&with(body.clone(), "/attempts_before", 3)).refused(422, "idempotency_mismatch");
    clerk.request("POST", CASES).key("two words").json(&body).send().refused(400, "malformed");
    let id = opened.case_id();
    let path = |command: &str| format!("{CASES}/{id}/{command}");

    let note = json!({ "text": "已收到", "public": false });
    let progress = path("progress");
    let noted =
        clerk.request("POST", progress.clone()).if_match(opened.version()).json(&note).send();
    let noted = noted.expect_status(200);
    assert!(noted.version() > opened.version());
    let forward = json!({ "department": "housing", "ask": "请办理" });
    let with_version = |header: &str| {
        clerk.request("POST", path("forward")).header("if-match", header).json(&forward).send()
    };
    with_version(&format!("\"{}\"", opened.version())).refused(412, "stale");
    for garbage in ["latest", "\"x\"", "42", "W/\"1\"", "\"1\", \"2\""] {
        with_version(garbage).refused(400, "malformed");
    }
    let forwarded = with_version(&format!("\"{}\"", noted.version())).expect_status(200);

    // A command's answer is given again too, also with the version that has become stale by it.
    let key = |body: &Value| {
        clerk
            .request("POST", progress.clone())
            .key("k-2")
            .if_match(forwarded.version())
            .json(body)
            .send()
    };
    let first = key(&note).expect_status(200);
    assert_eq!(key(&note).expect_status(200).json, first.json);
    key(&json!({ "text": "另一件事", "public": false })).refused(422, "idempotency_mismatch");

    // The same across a restart.
    district.shut_down();
    district.bring_up();
    assert_eq!(open(&body).expect_status(201).case_id(), id);
    assert_eq!(key(&note).expect_status(200).version(), first.version());
    coordinator.case_after(&first);
    let expected = ["opened", "progress_noted", "forwarded", "progress_noted"];
    assert_eq!(coordinator.story(id), expected);
}

#[test]
fn nobody_does_what_is_not_theirs() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let other_clerk = district.clerk("dongsi");
    let handler = district.handler("housing");
    let auditor = district.staff("auditor", "auditor", unstuck_tests::district::Place::District);
    let anybody = district.anybody();

    let opened = clerk.open(opening("jingshan", "公租房申请", 1));
    let id = opened.case_id();
    clerk.case_in_state(id, "forwarded");
    let note = json!({ "text": "已收到", "public": false });

    // Not signed in, or not rightly.
    anybody.post(CASES, opening("jingshan", UNROUTED_MATTER, 2)).refused(401, "unauthenticated");
    anybody.request("GET", CASES).send().refused(401, "unauthenticated");
    anybody.request("GET", format!("{CASES}/{id}/timeline")).send().refused(401, "unauthenticated");
    let with_token = anybody.request("GET", CASES).header("authorization", "Bearer nonsense");
    with_token.send().refused(401, "unauthenticated");
    for (username, password) in [(clerk.username(), "wrong"), ("nobody", "correct-horse-battery")] {
        let body = json!({ "username": username, "password": password });
        anybody.post("/v1/session", body).refused(401, "unauthenticated");
    }

    // Another center's, another role's.
    other_clerk.post(CASES, opening("jingshan", UNROUTED_MATTER, 3)).refused(403, "forbidden");
    other_clerk.act(id, "progress", note.clone()).refused(403, "forbidden");
    other_clerk.request("GET", format!("{CASES}/{id}")).send().refused(403, "forbidden");
    other_clerk.request("GET", format!("{CASES}/{id}/timeline")).send().refused(403, "forbidden");
    clerk.act(id, "accept", json!({})).refused(403, "forbidden");
    auditor.act(id, "progress", note.clone()).refused(403, "forbidden");
    handler.post(CASES, opening("jingshan", UNROUTED_MATTER, 4)).refused(403, "forbidden");

    // Not now.
    let early = json!({ "resolution": "D1", "result": "已办结", "cause": "I1" });
    handler.act(id, "resolve", early).refused(409, "wrong_state");
    let decline = json!({
        "exclusion": "E5",
        "reason": "属于民事纠纷",
        "remedy": { "body": "人民调解委员会" },
    });
    clerk.act(id, "decline", decline).refused(409, "wrong_state");

    // Not here, not so.
    let missing = "00000000-0000-5000-8000-000000000000";
    clerk.act(missing, "progress", note.clone()).refused(404, "not_found");
    clerk.request("GET", format!("{CASES}/{missing}")).send().refused(404, "not_found");
    clerk.request("GET", "/v1/nothing").send().refused(404, "not_found");
    clerk.act(id, "dance", json!({})).refused(404, "not_found");
    clerk.request("PUT", CASES).json(&json!({})).send().refused(405, "method_not_allowed");
    for code in ["AAAA-BBBB-CCCC", "2222-2222-2223", "x", "%E4%B8%AD"] {
        let answer = anybody.request("GET", format!("/v1/receipts/{code}")).send();
        assert!(matches!(answer.status, 400 | 404), "{code}: {} {}", answer.status, answer.text);
    }
    let not_an_id = clerk.act("case.*.%3E", "progress", note.clone());
    assert!(matches!(not_an_id.status, 400 | 404 | 422), "{}", not_an_id.text);
    clerk.request("GET", format!("{CASES}?colour=red")).send().refused(422, "invalid");
    clerk.request("GET", format!("{CASES}?limit=201")).send().refused(422, "invalid");
    let cursor = clerk.request("GET", format!("{CASES}?cursor=nonsense")).send();
    assert!(matches!(cursor.status, 400 | 422), "{}", cursor.text);

    // A session that has ended is over.
    let token = clerk.sign_in().expect("the clerk can sign in");
    let bearer = format!("Bearer {token}");
    let as_before =
        |method| anybody.request(method, "/v1/session").header("authorization", &bearer);
    assert!(matches!(as_before("DELETE").send().status, 200 | 204));
    let list = anybody.request("GET", CASES).header("authorization", &bearer).send();
    list.refused(401, "unauthenticated");

    // Of all this, the case knows nothing.
    assert_eq!(clerk.story(id), ["opened", "forwarded"]);
}

#[test]
fn every_problem_has_its_page() {
    let district = District::start(None);
    let anybody = district.anybody();
    let refused = anybody.request("GET", CASES).send().refused(401, "unauthenticated");
    let page = anybody.get(refused["type"].as_str().expect("a type"));
    assert!(page.text.contains("unauthenticated"), "{}", page.text);
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json"] {
        anybody.get(path);
    }
    let described = anybody.get("/openapi.json");
    for path in ["/v1/cases", "/v1/cases/{id}/forward", "/v1/cases/{id}/task-force", "/v1/overview"]
    {
        assert!(described["paths"][path].is_object(), "{path} is not described");
    }
    let lag = district.clerk("jingshan").get("/v1/lag");
    assert!(lag["as_of_sequence"].is_u64(), "{}", lag.text);
    wait_until("the views have caught up", || {
        district.metric("unstuck_projection_lag_events") == 0.0
    });
}
