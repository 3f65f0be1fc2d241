//! The pages over plain HTTP, as a browser without script sees them: signing in, the counter, a session that ends in the
//! middle of a form, the lock, drafts, a call afterwards, a bus that does not answer, forms of other sites, the pages alone.

use std::time::Duration;

use serde_json::{Value, json};
use unstuck_tests::api::{Answer, PASSWORD};
use unstuck_tests::binary::unstuck_command;
use unstuck_tests::bodies::{opening, phone};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::Place;
use unstuck_tests::process::Process;
use unstuck_tests::visitor::{Fields, Visitor, hidden};
use unstuck_tests::{Api, District, wait_for, wait_until};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

/// How long a program may take until it listens.
const START_TIME_MAX: Duration = Duration::from_secs(30);

/// The form of the counter, filled.
fn filled(page: &Answer, demand: &str, n: u32) -> Fields {
    let mut fields = hidden(page, "/counter");
    let phone = phone(n);
    for (name, value) in [
        ("matter", "退休手续办理"),
        ("demand", demand),
        ("cause", "I"),
        ("blocked_stage", "consult"),
        ("applicant.name", "样例"),
        ("applicant.phone", phone.as_str()),
    ] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    fields
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text);
    &answer.headers["location"]
}

fn cases(person: &Api) -> u64 {
    person.get("/v1/cases").json["total"].as_u64().expect("a total")
}

#[test]
fn a_clerk_registers_a_case_and_the_citizen_reads_it_with_the_receipt() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let mut visitor = Visitor::at(&district);
    assert_eq!(location(&visitor.get("/counter")), "/sign-in?next=%2Fcounter");
    assert_eq!(location(&visitor.sign_in(clerk.username(), &[])), "/counter");

    let page = visitor.get("/counter").expect_status(200);
    let fields = filled(&page, "<b onclick=x>想问\"退休\"&𠮷</b>", 1);
    let opened = visitor.post("/counter", &fields);
    let way = location(&opened).to_owned();
    assert_eq!(location(&visitor.post("/counter", &fields)), way, "sent twice, it is one case");
    assert_eq!(cases(&clerk), 1);

    let receipt = visitor.get(&way).expect_status(200);
    let id = way.trim_start_matches("/cases/").split('/').next().unwrap();
    let case = clerk.case(id);
    assert_eq!(case["demand"], "<b onclick=x>想问\"退休\"&𠮷</b>");
    let code = case["receipt_code"].as_str().expect("a code");
    assert!(receipt.text.contains(code) && receipt.text.contains("<svg class=\"receipt-qr\""));
    assert!(!receipt.text.contains("样例"), "the receipt names nobody");
    let status = Visitor::at(&district).get(&format!("/s/{code}")).expect_status(200);
    assert!(status.text.contains(case["case_no"].as_str().unwrap()), "{}", status.text);
}

#[test]
fn what_was_typed_comes_back_with_every_fault_and_nothing_of_it_is_markup() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let page = visitor.get("/counter").expect_status(200);
    let mut fields = filled(&page, "<script>alert(1)</script>", 1);
    fields.retain(|(name, _)| name != "cause");
    let answer = visitor.post("/counter", &fields).expect_status(422);
    assert!(answer.text.contains("href=\"#f-cause\""), "{}", answer.text);
    assert!(answer.text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!answer.text.contains("<script>alert"));

    let fields = filled(&page, "请打13800000000", 1);
    let answer = visitor.post("/counter", &fields).expect_status(409);
    assert!(answer.text.contains("href=\"#f-demand\""), "{}", answer.text);
    assert_eq!(cases(&clerk), 0);
}

#[test]
fn a_session_that_ends_in_the_middle_of_a_form_loses_nothing() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let colleague = district.clerk("jingshan");
    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let page = visitor.get("/counter").expect_status(200);
    visitor.lose_session();
    let ended = visitor.post("/counter", &filled(&page, "想问退休", 1)).expect_status(401);
    let carried = hidden(&ended, "/sign-in");

    let looked = visitor.sign_in(colleague.username(), &carried).expect_status(200);
    assert!(looked.text.contains("想问退休"), "somebody else looks first: {}", looked.text);
    assert_eq!(cases(&clerk), 0);

    let mut visitor = Visitor::at(&district);
    let way = visitor.sign_in(clerk.username(), &carried);
    assert!(location(&way).contains("/receipt?new="));
    assert_eq!(cases(&clerk), 1);
}

#[test]
fn a_locked_screen_shows_nothing_and_goes_on_with_the_form() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let page = visitor.get("/counter").expect_status(200);
    assert!(location(&visitor.post("/lock", &[])).starts_with("/lock"));
    assert!(location(&visitor.get("/counter")).starts_with("/lock"));

    let locked = visitor.post("/counter", &filled(&page, "想问退休", 1)).expect_status(401);
    let mut carried = hidden(&locked, "/unlock");
    carried.push(("password".to_owned(), "wrong-horse-battery".to_owned()));
    let still = visitor.post("/unlock", &carried).expect_status(422);
    let mut carried = hidden(&still, "/unlock");
    carried.push(("password".to_owned(), PASSWORD.to_owned()));
    assert!(location(&visitor.post("/unlock", &carried)).contains("/receipt?new="));
    assert_eq!(cases(&clerk), 1);
}

#[test]
fn a_draft_survives_signing_out_and_is_gone_once_it_is_sent() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let page = visitor.get("/counter").expect_status(200);
    let fields = filled(&page, "写到一半", 1);
    visitor.post("/drafts/opening", &fields).expect_status(204);
    assert_eq!(location(&visitor.post("/sign-out", &[])), "/sign-in");

    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let page = visitor.get("/counter").expect_status(200);
    assert!(page.text.contains("写到一半"), "{}", page.text);
    let key = |fields: &Fields| fields.iter().find(|(name, _)| name == "_key").cloned();
    assert_eq!(key(&hidden(&page, "/counter")), key(&fields), "it is still the same wish");
    location(&visitor.post("/counter", &filled(&page, "写到一半", 1)));
    assert!(!visitor.get("/counter").expect_status(200).text.contains("写到一半"));
}

#[test]
fn a_bus_that_does_not_answer_is_said_and_nothing_typed_is_lost() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("donghuashi");
    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let page = visitor.get("/counter").expect_status(200);
    bus.freeze();
    let answer = visitor.post("/counter", &filled(&page, "想问退休", 1));
    bus.thaw();
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.text.contains("想问退休"), "{}", answer.text);
    let fields = filled(&answer, "想问退休", 1);
    wait_for("the case is registered", || {
        let again = visitor.post("/counter", &fields);
        (again.status == 303).then_some(())
    });
    assert_eq!(cases(&clerk), 1);
}

/// A case that is done, and whose applicant has not been asked yet.
fn resolved(clerk: &Api, handler: &Api, officer: &Api) -> String {
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id().to_owned();
    clerk.case_in_state(&id, "forwarded");
    handler.done(&id, "accept", json!({}));
    handler.done(&id, "contact", json!({ "mode": "phone", "reached": true }));
    let result = json!({ "resolution": "D1", "cause": "I1", "result": "已办理退休申报" });
    officer.case_after(&handler.done(&id, "resolve", result));
    id
}

#[test]
fn whoever_calls_back_sees_the_number_when_asked_for_and_writes_down_what_was_said() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let officer = district.callback_officer();
    let id = resolved(&clerk, &handler, &officer);

    let mut visitor = Visitor::signed_in(&district, officer.username());
    let list = visitor.get("/callbacks").expect_status(200);
    assert!(list.text.contains(&format!("/callbacks/{id}")), "{}", list.text);
    let path = format!("/callbacks/{id}");
    let page = visitor.get(&path).expect_status(200);
    assert!(!page.text.contains(&phone(1)), "the number is masked");
    let shown = visitor.post(&format!("{path}/number"), &[]).expect_status(200);
    assert!(shown.text.contains(&phone(1)), "{}", shown.text);

    let mut fields = hidden(&page, &path);
    fields.push(("mode".to_owned(), "phone".to_owned()));
    fields.push(("responded".to_owned(), "yes".to_owned()));
    let asked = visitor.post(&path, &fields).expect_status(422);
    assert!(asked.text.contains("href=\"#f-solved\""), "whoever answered is asked: {}", asked.text);
    fields.push(("solved".to_owned(), "yes".to_owned()));
    assert!(location(&visitor.post(&path, &fields)).starts_with("/callbacks?done="));
    let closed = officer.case_in_state(&id, "closed");
    assert!(closed["erase_after"].is_string(), "the end of its retention is known: {closed}");
}

#[test]
fn a_call_that_was_overtaken_is_told_what_has_happened_and_keeps_what_was_typed() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let officer = district.callback_officer();
    let id = resolved(&clerk, &handler, &officer);
    let mut visitor = Visitor::signed_in(&district, officer.username());
    let path = format!("/callbacks/{id}");
    let mut fields = hidden(&visitor.get(&path).expect_status(200), &path);
    for (name, value) in [("mode", "phone"), ("responded", "yes"), ("solved", "yes")] {
        fields.push((name.to_owned(), value.to_owned()));
    }
    fields.push(("comment".to_owned(), "窗口的同志很耐心".to_owned()));
    let reopened = clerk.done(&id, "reopen", json!({ "reason": "not_solved" }));
    officer.case_after(&reopened);
    let stale = visitor.post(&path, &fields).expect_status(412);
    assert!(stale.text.contains("群众要求重启"), "{}", stale.text);
    assert!(stale.text.contains("窗口的同志很耐心"), "{}", stale.text);
    // What was before is no news.
    assert!(!stale.text.contains("已联系上群众"), "{}", stale.text);
}

#[test]
fn people_are_shown_by_their_names_and_whoever_has_left_by_the_username() {
    let district = District::start(Some(START));
    let admin = district.staff("admin", "admin", Place::District);
    let add = |username: &str, name: &str, role: &str, place: (&str, &str)| {
        let mut account = json!({
            "username": username, "name": name, "role": role, "password": PASSWORD,
        });
        account[place.0] = json!(place.1);
        admin.post("/v1/staff", account).expect_status(201);
        district.person(username)
    };
    let clerk = add("u.clerk", "窗口甲", "clerk", ("center", "donghuashi"));
    let handler = add("u.handler", "承办乙", "handler", ("department", "hr-public-service"));
    let _lead = add("u.lead", "负责丙", "department_lead", ("department", "hr-public-service"));
    let coordinator = district.coordinator();
    let auditor = district.staff("auditor", "auditor", Place::District);
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id().to_owned();
    clerk.case_in_state(&id, "forwarded");
    let accepted = handler.done(&id, "accept", json!({}));
    coordinator.case_after(&accepted);

    // Whom one may ask for, and in which answer.
    let found = clerk.get("/v1/colleagues?username=u.handler,nobody,u.clerk,U.HANDLER");
    let names: Vec<&Value> = found.items().iter().map(|one| &one["name"]).collect();
    assert_eq!((names, &found["total"]), (vec![&json!("窗口甲"), &json!("承办乙")], &json!(2)));
    let many: Vec<String> = (0..201).map(|number| format!("u{number}")).collect();
    let many = format!("/v1/colleagues?username={}", many.join(","));
    clerk.request("GET", many).send().refused(422, "invalid").naming("/username");
    let told = coordinator.timeline(&id);
    let told = told.last().expect("an event");
    assert_eq!(
        (&told["actor"], &told["data"]["handler"]),
        (&json!("u.handler"), &json!("u.handler"))
    );
    assert_eq!(told["sentence"]["zh"], "区人力资源公共服务中心签收，承办人承办乙");
    let english = told["sentence"]["en"].as_str().expect("a sentence");
    assert!(english.ends_with("signed for it; 承办乙 handles it"), "{english}");
    assert!(!english.contains("区人力资源"), "{english}");

    let mut visitor = Visitor::signed_in(&district, coordinator.username());
    let path = format!("/cases/{id}");
    for address in [path.as_str(), "/cases", "/inbox?tab=inbox-open"] {
        let page = visitor.get(address).expect_status(200);
        assert!(page.text.contains("承办乙"), "{address}: {}", page.text);
        assert!(!page.text.contains("u.handler"), "{address}: {}", page.text);
    }
    let page = visitor.get(&path);
    assert!(page.text.contains("窗口甲") && !page.text.contains("u.clerk"), "{}", page.text);
    let mut audit = Visitor::signed_in(&district, auditor.username());
    let page = audit.get("/audit?kind=signed_in").expect_status(200);
    assert!(page.text.contains("承办乙") && page.text.contains("u.handler"), "{}", page.text);

    // Who has left is called by what stands in the events.
    admin.post("/v1/staff/u.handler/remove", json!({})).expect_status(204);
    let page = visitor.get(&path).expect_status(200);
    assert!(page.text.contains("u.handler") && !page.text.contains("承办乙"), "{}", page.text);
}

#[test]
fn a_clerk_links_another_case_by_its_number() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let first = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let second = clerk.open(opening("donghuashi", "退休手续办理", 2));
    let (id, other) = (second.case_id().to_owned(), first.case_id().to_owned());
    clerk.case_in_state(&other, "forwarded");
    clerk.case_in_state(&id, "forwarded");
    let number = clerk.case(&other)["case_no"].as_str().expect("a number").to_lowercase();
    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let path = format!("/cases/{id}/do/link");
    let page = visitor.get(&path).expect_status(200);
    let filled = |page: &Answer, number: &str| {
        let mut fields = hidden(page, &path);
        for (name, value) in [("case_id", number), ("relation", "earlier"), ("note", "同一件事")]
        {
            fields.push((name.to_owned(), value.to_owned()));
        }
        fields
    };
    let wrong = visitor.post(&path, &filled(&page, "DHS19990101-AAAA")).expect_status(422);
    assert!(wrong.text.contains("没有找到这个编号的事项"), "{}", wrong.text);
    assert!(wrong.text.contains("value=\"DHS19990101-AAAA\""), "{}", wrong.text);
    let answer = visitor.post(&path, &filled(&wrong, &number));
    let case = visitor.get(location(&answer)).expect_status(200);
    assert!(case.text.contains(&format!("/cases/{other}")), "{}", case.text);
    assert!(case.text.contains("前案") && case.text.contains("同一件事"), "{}", case.text);
    assert_eq!(clerk.case(&id)["links"][0]["case_id"], other.as_str());
    wait_until("the other case is linked back", || {
        clerk.case(&other)["links"][0]["case_id"] == id.as_str()
    });
}

#[test]
fn an_administrator_adds_changes_and_removes_an_account() {
    let district = District::start(Some(START));
    let admin = district.staff("admin-1", "admin", Place::District);
    let mut visitor = Visitor::signed_in(&district, admin.username());
    let pairs = |pairs: &[(&str, &str)]| -> Fields {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let mut account = pairs(&[("name", "样例员"), ("username", "clerk-9"), ("role", "clerk")]);
    account.extend(pairs(&[("password", PASSWORD)]));
    let asked = visitor.post("/admin/accounts", &account).expect_status(422);
    assert!(asked.text.contains("href=\"#f-center\""), "a clerk has a center: {}", asked.text);
    assert!(!asked.text.contains(PASSWORD), "a password is never sent back");
    account.extend(pairs(&[("center", "donghuashi")]));
    assert!(location(&visitor.post("/admin/accounts", &account)).contains("done=added"));
    let taken = visitor.post("/admin/accounts", &account).expect_status(422);
    assert!(taken.text.contains("href=\"#f-username\""), "{}", taken.text);
    location(&Visitor::at(&district).sign_in("clerk-9", &[]));

    let of = "/admin/accounts/clerk-9";
    let change = pairs(&[("name", "样例主任"), ("role", "director"), ("center", "donghuashi")]);
    assert!(location(&visitor.post(of, &change)).contains("done=changed"));
    assert!(visitor.get(of).expect_status(200).text.contains("样例主任"));
    let removed = visitor.post(&format!("{of}/remove"), &[]);
    assert!(location(&removed).contains("done=removed"));
    Visitor::at(&district).sign_in("clerk-9", &[]).expect_status(422);
    let last = visitor.post("/admin/accounts/admin-1/remove", &[]).expect_status(409);
    assert!(last.text.contains("error-summary"), "the last administrator stays: {}", last.text);
}

#[test]
fn the_first_account_is_made_with_the_link_that_the_start_prints() {
    let district = District::start(Some(START));
    let link = district.line("  http://");
    let token = link.split_once('#').expect("a token behind #").1.to_owned();
    let mut visitor = Visitor::at(&district);
    assert!(visitor.get("/sign-in").text.contains("/first-run"), "the sign-in page leads there");
    let fields = |token: &str| -> Fields {
        [
            ("token", token),
            ("username", "admin-1"),
            ("name", "样例管理员"),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    };
    let wrong = visitor.post("/first-run", &fields("0123456789")).expect_status(422);
    assert!(wrong.text.contains("href=\"#f-token\""), "{}", wrong.text);
    assert_eq!(location(&visitor.post("/first-run", &fields(&token))), "/admin/accounts");
    visitor.get("/admin/accounts").expect_status(200);
    assert!(!visitor.get("/sign-in").text.contains("/first-run"));
}

#[test]
fn forms_of_other_sites_are_refused_and_pages_run_nothing_of_others() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let mut visitor = Visitor::signed_in(&district, clerk.username());
    let page = visitor.get("/counter").expect_status(200);
    let policy = &page.headers["content-security-policy"];
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(page.headers["cache-control"], "no-store");
    let fields = filled(&page, "想问退休", 1);
    for headers in [("sec-fetch-site", "cross-site"), ("origin", "http://other.example")] {
        let answer = visitor.ask("POST", "/counter", Some(&fields), &[headers]);
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    assert_eq!(cases(&clerk), 0);
    let answer = visitor.sign_in(clerk.username(), &[]);
    let cookie = &answer.headers["set-cookie"];
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let fields =
        [("username", clerk.username()), ("password", PASSWORD), ("next", "//other.example")];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = visitor.ask("POST", "/sign-in", Some(&fields), &[("x-forwarded-proto", "https")]);
    assert!(answer.headers["set-cookie"].contains("Secure"));
    assert_eq!(location(&answer), "/counter", "the way back is one of ours");
}

#[test]
fn an_address_that_leads_nowhere_is_a_page_and_under_v1_a_problem() {
    let district = District::start(Some(START));
    let page = Visitor::at(&district).get("/nowhere").expect_status(404);
    assert!(page.headers["content-type"].starts_with("text/html"));
    let answer = district.anybody().request("GET", "/v1/nowhere").send();
    answer.refused(404, "not_found");
    let meanings = Visitor::at(&district).get("/problems.json").expect_status(200);
    assert!(meanings.json[0]["explanation"]["zh"].is_string(), "{}", meanings.text);
}

#[test]
fn the_pages_run_alone_on_an_api_that_runs_elsewhere() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let mut command = unstuck_command();
    command.args(["portal", "--api-url", &district.address(), "--listen", "127.0.0.1:0"]);
    let log = district.data().join("portal.log");
    let mut alone = Process::start(command, &log);
    let address = alone.wait_for_line("Listening on ", START_TIME_MAX);
    let address = address.trim_start_matches("Listening on ").to_owned();
    let anybody = Api::new(std::sync::Arc::new(std::sync::RwLock::new(address)), None);
    let mut visitor = Visitor::of(anybody);
    assert_eq!(visitor.get("/readyz").expect_status(200).json["status"], Value::from("ready"));
    assert_eq!(location(&visitor.sign_in(clerk.username(), &[])), "/counter");
    visitor.get("/counter").expect_status(200);

    district.shut_down();
    let answer = visitor.get("/counter");
    assert_eq!(answer.status, 503, "{}", answer.text);
    assert!(answer.headers["content-type"].starts_with("text/html"));
    assert!(alone.stop().success());
}
