//! What the pages need beside the cases: names, the first account, accounts and colleagues, a locked screen, people in
//! clear, the audit, and drafts; each through its door, with who is let in and who is not.

use serde_json::{Value, json};
use unstuck_tests::api::PASSWORD;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening, phone};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::Place;
use unstuck_tests::{District, Holder, wait_for};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

fn signed_in(district: &District, username: &str, password: &str) -> Holder {
    let body = json!({ "username": username, "password": password });
    let answer = district.anybody().post("/v1/session", body).expect_status(200);
    Holder::of(district, answer["token"].as_str().expect("a token"))
}

#[test]
fn every_name_and_label_is_there_for_everybody() {
    let district = District::start(Some(START));
    let anybody = district.anybody();
    let answer = anybody.get("/v1/district");
    assert_eq!(answer["name"], "东城区");
    assert_eq!(answer["timezone"], "Asia/Shanghai");
    assert_eq!(answer["limits"]["simple"], 3);
    let english = |list: &str| {
        answer[list].as_array().expect("a list").iter().all(|one| one["name_en"].is_string())
    };
    assert!(english("centers") && english("departments"), "{}", answer.text);
    // Every code list of the contract: the codes of a request's schema have their labels.
    let document = anybody.get("/openapi.json");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    for (list, schema) in [
        ("channel", "Channel"),
        ("blocked_stage", "Stage"),
        ("cause", "Cause"),
        ("complexity", "Complexity"),
        ("exclusion", "Exclusion"),
        ("return_reason", "ReturnReason"),
        ("pause_reason", "PauseReason"),
        ("resolution", "Resolution"),
        ("explanation_mode", "ExplanationMode"),
        ("understood", "Understood"),
        ("solved", "Solved"),
        ("reopen_reason", "ReopenReason"),
        ("consultation_outcome", "ConsultationOutcome"),
        ("state", "CaseState"),
    ] {
        let codes = answer["codes"][list].as_array().unwrap_or_else(|| panic!("no list {list}"));
        let known = |code: &Value| codes.iter().any(|one| one["code"] == *code);
        let schema = &schemas[schema];
        let variants = schema["oneOf"].as_array().or(schema["enum"].as_array()).expect("codes");
        let constant = |one: &Value| one.get("const").unwrap_or(one).clone();
        assert!(variants.iter().map(constant).all(|code| known(&code)), "{list}: {schema}");
    }
    let tag = answer.headers.get("etag").expect("a tag");
    let again = anybody.request("GET", "/v1/district").header("if-none-match", tag).send();
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.headers.get("cache-control").map(String::as_str), Some("public, max-age=60"));
}

#[test]
fn the_first_account_is_made_with_the_printed_link_and_makes_the_others() {
    let district = District::start(Some(START));
    let anybody = district.anybody();
    let old = district.line("  http://");
    district.shut_down();
    district.bring_up();
    let link = district.line("  http://");
    let address = district.address();
    let page = format!("{}/first-run#", address.trim_start_matches("http://"));
    let token = link.strip_prefix(&page).expect("the link leads here").to_owned();
    assert!(!district.logged().contains(&token), "the token is in no log");
    let body = |token: &str, password: &str| json!({ "token": token, "username": "admin", "name": "样例管理员", "password": password });
    let made = |body: Value| anybody.post("/v1/first-account", body);
    assert_eq!(anybody.get("/v1/first-account")["missing"], true);
    let old = old.rsplit_once('#').expect("a token").1;
    made(body(old, PASSWORD)).refused(403, "first_link_invalid");
    made(body("nonsense", PASSWORD)).refused(403, "first_link_invalid");
    made(body(&token, "short")).refused(422, "invalid").naming("/password");
    let first = made(body(&token, PASSWORD)).expect_status(201);
    assert_eq!(first["staff"]["role"], "admin");
    made(body(&token, PASSWORD)).refused(403, "first_link_invalid");
    assert_eq!(anybody.get("/v1/first-account")["missing"], false);
    let admin = Holder::of(&district, first["token"].as_str().expect("a token"));

    // Accounts, by the rules of the command line.
    let account = |username: &str, role: &str| json!({ "username": username, "name": "样例员", "role": role, "password": PASSWORD });
    let mut clerk = account("clerk", "clerk");
    admin.post("/v1/staff", &clerk).refused(422, "invalid").naming("/center");
    clerk["center"] = json!("nowhere");
    admin.post("/v1/staff", &clerk).refused(422, "invalid").naming("/center");
    clerk["center"] = json!("jingshan");
    admin.post("/v1/staff", &clerk).expect_status(201);
    admin.post("/v1/staff", &clerk).refused(409, "username_taken");
    admin.post("/v1/staff", account("a b", "auditor")).refused(422, "invalid").naming("/username");
    admin.post("/v1/staff", account("timer", "system")).refused(422, "invalid").naming("/role");
    admin.post("/v1/staff", account("auditor", "auditor")).expect_status(201);
    let listed = admin.get("/v1/staff").expect_status(200);
    assert_eq!(listed["total"], 3);
    assert!(!listed.text.contains("argon2") && !listed.text.contains("stamp"), "{}", listed.text);

    // Whatever is changed ends the sessions of the account.
    let at_desk = signed_in(&district, "clerk", PASSWORD);
    let new = json!({ "password": "another and longer" });
    admin.post("/v1/staff/clerk/password", &new).expect_status(204);
    at_desk.get("/v1/session").refused(401, "unauthenticated");
    let at_desk = signed_in(&district, "clerk", "another and longer");
    let moved = json!({ "role": "handler", "center": null, "department": "tax" });
    let moved = admin.post("/v1/staff/clerk/change", &moved).expect_status(200);
    assert_eq!((&moved["role"], &moved["center"]), (&json!("handler"), &Value::Null));
    at_desk.get("/v1/session").refused(401, "unauthenticated");
    let wrong = json!({ "role": "clerk" });
    admin.post("/v1/staff/clerk/change", &wrong).refused(422, "invalid").naming("/center");
    let at_desk = signed_in(&district, "clerk", "another and longer");
    let colleagues = at_desk.get("/v1/colleagues?department=tax&q=CLE").expect_status(200);
    assert_eq!(colleagues.items().len(), 1);
    assert!(colleagues.items()[0].get("created_at").is_none(), "{}", colleagues.text);
    assert_eq!(at_desk.get("/v1/colleagues?role=admin")["items"][0]["username"], "admin");
    admin.post("/v1/staff/clerk/remove", json!({})).expect_status(204);
    at_desk.get("/v1/session").refused(401, "unauthenticated");
    admin.post("/v1/staff/clerk/remove", json!({})).refused(404, "not_found");
    admin.post("/v1/staff/%20/remove", json!({})).refused(404, "not_found");

    // The last administrator stays.
    admin.post("/v1/staff/admin/remove", json!({})).refused(409, "last_admin");
    let demoted = json!({ "role": "auditor" });
    admin.post("/v1/staff/admin/change", &demoted).refused(409, "last_admin");
    admin.post("/v1/staff", account("second", "admin")).expect_status(201);
    admin.post("/v1/staff/admin/remove", json!({})).expect_status(204);
    admin.get("/v1/staff").refused(401, "unauthenticated");
    let second = signed_in(&district, "second", PASSWORD);
    second.get("/v1/staff").expect_status(200);
    second.get("/v1/audit").refused(403, "forbidden");

    // All of it stands in the audit, the newest first; what it says of whom has no password.
    let auditor = signed_in(&district, "auditor", PASSWORD);
    let told = auditor.get("/v1/audit?actor=admin&limit=200").expect_status(200);
    let kinds: Vec<_> =
        told.items().iter().rev().map(|line| line["kind"].as_str().unwrap_or_default()).collect();
    let expected = [
        "first_account_made",
        "staff_added",
        "staff_added",
        "staff_password_set",
        "staff_changed",
        "staff_removed",
        "refused",
        "refused",
        "staff_added",
        "staff_removed",
    ];
    assert_eq!(kinds, expected, "{}", told.text);
    assert!(!told.text.contains("longer") && !told.text.contains(PASSWORD), "{}", told.text);

    // A house that has accounts prints no link.
    district.shut_down();
    district.bring_up();
    made(body(&token, PASSWORD)).refused(403, "first_link_invalid");
    assert!(anybody.get("/problems/first_link_invalid").text.contains("一次性链接"));
}

#[test]
fn a_locked_screen_opens_nothing_and_drafts_outlive_it() {
    let district = District::start(Some(START));
    let clerk = district.clerk("jingshan");
    let other = district.clerk("dongsi");
    let desk = signed_in(&district, clerk.username(), PASSWORD);
    let typed = json!({ "applicant": { "name": "样例丙", "phone": phone(9) }, "step": 2 });
    let saved = desk.ask("PUT", "/v1/drafts/open-case", Some(&typed)).expect_status(200);
    assert_eq!(saved["form"], "open-case");

    desk.post("/v1/session/lock", json!({})).expect_status(200);
    for (method, path) in [
        ("GET", "/v1/cases"),
        ("GET", "/v1/colleagues"),
        ("GET", "/v1/drafts/open-case"),
        ("GET", "/v1/live"),
        ("DELETE", "/v1/drafts/open-case"),
    ] {
        desk.ask(method, path, None).refused(401, "locked");
    }
    let open = opening("jingshan", UNROUTED_MATTER, 1);
    desk.post("/v1/cases", &open).refused(401, "locked");
    let new = json!({ "current": PASSWORD, "new": "another and longer" });
    desk.post("/v1/session/password", &new).refused(401, "locked");
    assert_eq!(desk.get("/v1/session").expect_status(200)["locked"], true);
    // What is for everybody stays so.
    desk.get("/v1/district").expect_status(200);
    let wrong = json!({ "password": "wrong and long" });
    desk.post("/v1/session/unlock", &wrong).refused(422, "invalid").naming("/password");
    district.shut_down();
    district.bring_up();
    desk.get("/v1/cases").refused(401, "locked");
    let right = json!({ "password": PASSWORD });
    assert_eq!(desk.post("/v1/session/unlock", &right).expect_status(200)["locked"], false);
    desk.get("/v1/cases").expect_status(200);
    assert!(district.anybody().get("/problems/locked").text.contains("锁定"));

    // The draft is there on another machine, after signing out, for its own person only.
    desk.ask("DELETE", "/v1/session", None).expect_status(204);
    let elsewhere = signed_in(&district, clerk.username(), PASSWORD);
    let found = elsewhere.get("/v1/drafts/open-case").expect_status(200);
    assert_eq!(found["body"], typed);
    other.request("GET", "/v1/drafts/open-case").send().refused(404, "not_found");
    let put =
        |form: &str, body: &Value| elsewhere.ask("PUT", &format!("/v1/drafts/{form}"), Some(body));
    put("open-case", &json!({ "step": 3 })).expect_status(200);
    assert_eq!(elsewhere.get("/v1/drafts/open-case")["body"], json!({ "step": 3 }));
    put("Open%20Case", &typed).refused(422, "invalid").naming("/form");
    put("open-case", &json!([1])).refused(422, "invalid");
    let large = json!({ "text": "长".repeat(20_000) });
    put("open-case", &large).refused(413, "too_large");
    elsewhere.ask("DELETE", "/v1/drafts/open-case", None).expect_status(204);
    elsewhere.ask("DELETE", "/v1/drafts/open-case", None).expect_status(204);
    elsewhere.get("/v1/drafts/open-case").refused(404, "not_found");

    // Another password ends the other sessions and keeps this one.
    let third = signed_in(&district, clerk.username(), PASSWORD);
    let short = json!({ "current": PASSWORD, "new": "short" });
    third.post("/v1/session/password", &short).refused(422, "invalid").naming("/new");
    third.post("/v1/session/password", &new).expect_status(204);
    third.get("/v1/session").expect_status(200);
    elsewhere.get("/v1/session").refused(401, "unauthenticated");
    signed_in(&district, clerk.username(), "another and longer");
}

#[test]
fn an_applicant_is_read_in_clear_by_who_needs_it_and_the_audit_says_so() {
    let district = District::start(Some(START));
    let people = [
        (district.clerk("donghuashi"), 200),
        (district.clerk("dongsi"), 403),
        (district.staff("director", "director", Place::Center("donghuashi")), 200),
        (district.handler("hr-public-service"), 200),
        (district.lead("hr-public-service"), 200),
        (district.handler("tax"), 403),
        (district.coordinator(), 200),
        (district.callback_officer(), 200),
        (district.staff("privacy", "privacy_officer", Place::District), 200),
        (district.staff("auditor", "auditor", Place::District), 403),
        (district.staff("admin", "admin", Place::District), 403),
    ];
    let person = |username: &str| {
        let found = people.iter().find(|(person, _)| person.username() == username);
        &found.expect("stands in the table").0
    };
    let clerk = person("clerk-donghuashi");
    let mut body = opening("donghuashi", "退休手续办理", 1);
    body["applicant"]["care"] = json!(["elderly"]);
    let opened = clerk.open(body);
    let id = opened.case_id();
    clerk.case_in_state(id, "forwarded");

    let purpose = json!({ "purpose": "电话回访办理结果" });
    for (person, status) in &people {
        let answer = person.act(id, "reveal", purpose.clone()).expect_status(*status);
        if *status == 200 {
            assert_eq!(answer["name"], "样例甲");
            assert_eq!(answer["phone"], phone(1));
            assert_eq!(answer["care"], json!(["elderly"]));
            assert!(answer.json.get("id_number").is_none(), "{}", answer.text);
            assert_eq!(answer.headers.get("cache-control").map(String::as_str), Some("no-store"));
        } else {
            assert!(!answer.text.contains(&phone(1)), "{}", answer.text);
        }
    }
    district.anybody().act(id, "reveal", purpose.clone()).refused(401, "unauthenticated");
    for text in ["", "看看", "请", &"长".repeat(201), "第一行\n第二行"] {
        let wrong = json!({ "purpose": text });
        clerk.act(id, "reveal", wrong).refused(422, "invalid").naming("/purpose");
    }
    let with_number = json!({ "purpose": "回电13800000009核实" });
    clerk.act(id, "reveal", with_number).refused(409, "pii_in_text");
    let missing = "00000000-0000-5000-8000-000000000000";
    clerk.act(missing, "reveal", purpose.clone()).refused(404, "not_found");

    // The auditor reads who did, when and what for; nothing of the person.
    let auditor = person("auditor");
    let read = auditor.get(format!("/v1/audit?case={id}&kind=personal_data_read&limit=3"));
    assert_eq!(read.items().len(), 3);
    let next = read["next_cursor"].as_str().expect("there are more");
    let rest =
        auditor.get(format!("/v1/audit?case={id}&kind=personal_data_read&limit=200&cursor={next}"));
    assert_eq!(rest.items().len(), 7 - 3, "{}", rest.text);
    assert_eq!(rest["next_cursor"], Value::Null);
    let mut readers: Vec<_> = read.items().iter().chain(rest.items()).collect();
    assert!(readers.iter().all(|line| line["detail"] == "电话回访办理结果"));
    readers.dedup_by_key(|line| line["actor"].clone());
    assert_eq!(readers.len(), 7);
    let refused = auditor.get(format!("/v1/audit?case={id}&kind=refused"));
    assert!(refused.items().len() >= 5, "{}", refused.text);
    let everything = auditor.get("/v1/audit?limit=200&from=2026-03-04&to=2026-03-04");
    assert!(everything.items().len() > 20);
    assert!(!everything.text.contains(&phone(1)) && !everything.text.contains("样例甲"));
    assert_eq!(auditor.get("/v1/audit?to=2026-03-03").items(), [] as [Value; 0]);
    assert_eq!(auditor.get("/v1/audit?from=2026-03-05").items(), [] as [Value; 0]);
    for query in ["limit=0", "limit=201", "from=yesterday", "cursor=x", "colour=red", "case=1"] {
        auditor.request("GET", format!("/v1/audit?{query}")).send().refused(422, "invalid");
    }
    for (person, _) in &people {
        let may = matches!(person.username(), "auditor" | "privacy");
        let answer = person.request("GET", "/v1/audit").send();
        assert_eq!(answer.status, if may { 200 } else { 403 }, "{}", person.username());
        let answer = person.request("GET", "/v1/staff").send();
        let status = if person.username() == "admin" { 200 } else { 403 };
        assert_eq!(answer.status, status, "{}", person.username());
        person.get("/v1/colleagues");
    }

    // A department that gave it back, and everybody once the person is forgotten.
    let handler = person("handler-hr-public-service");
    handler.done(id, "accept", json!({}));
    let result = json!({ "resolution": "D1", "result": "已办理", "cause": "I1" });
    let resolved = handler.done(id, "resolve", result);
    clerk.case_after(&resolved);
    person("privacy").done(id, "erase", json!({ "reason": "request" }));
    wait_for("the key is destroyed", || {
        let answer = clerk.act(id, "reveal", purpose.clone());
        (answer.status == 410).then_some(answer)
    })
    .refused(410, "erased");
}

#[test]
fn nobody_is_shown_in_clear_while_the_audit_cannot_be_written() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("donghuashi");
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id();
    let purpose = json!({ "purpose": "电话回访办理结果" });
    clerk.act(id, "reveal", purpose.clone()).expect_status(200);
    bus.take_away("AUDIT");
    let answer = clerk.act(id, "reveal", purpose);
    assert!(!answer.text.contains(&phone(1)) && !answer.text.contains("样例甲"), "{}", answer.text);
    answer.refused(503, "unavailable");
    assert_eq!(clerk.case(id)["applicant"]["name"], "样*甲", "what needs no line goes on");
}
