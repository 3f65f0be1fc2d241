//! Canaries: people who do not exist go in through every door that takes personal data, and are looked for in everything
//! that the district writes and answers: before they are forgotten and after.
//!
//! How the search sees through what hides text: the bus keeps its streams uncompressed (looked at here), sled's own
//! compression is off, rows that the views pack with LZ4 and the index of similar cases have unlike text in clear. That it
//! would find a canary is not believed: beside each name stands a word of the same kind in the demand, which may be
//! there, and each search has to find that one in the same places.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use runtime::connect::connect;
use runtime::nats_server::BusAddress;
use serde_json::{Value, json};
use unstuck_tests::bodies::{opening, with};
use unstuck_tests::canary::{Canary, Kept, MARKS, absent, search};
use unstuck_tests::district::Place;
use unstuck_tests::visitor::{Fields, Visitor, hidden};
use unstuck_tests::{Api, District, wait_until};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

/// Stands in what may be read, in characters as unlike others as a canary's.
const CONTROL: &str = "骈骊";

/// What the sealed care needs would look like in clear.
const CARE: [&str; 2] = [r#"["disabled","veteran"]"#, r#"["veteran","disabled"]"#];

/// Pages that one person looks at.
const PAGES_MAX: usize = 60;

/// How long the live feed is listened to.
const LISTENED: Duration = Duration::from_millis(1500);

struct People {
    clerk: Api,
    others: Vec<Api>,
}

impl People {
    fn of(district: &District) -> Self {
        let department =
            |name, role| district.staff(name, role, Place::Department("hr-public-service"));
        let others = vec![
            district.clerk("longtan"),
            district.staff("director", "director", Place::Center("donghuashi")),
            department("handler", "handler"),
            department("lead", "department_lead"),
            district.handler("housing"),
            district.coordinator(),
            district.callback_officer(),
            district.staff("privacy", "privacy_officer", Place::District),
            district.staff("auditor", "auditor", Place::District),
            district.staff("admin", "admin", Place::District),
        ];
        Self { clerk: district.clerk("donghuashi"), others }
    }

    fn named(&self, username: &str) -> &Api {
        self.others.iter().find(|one| one.username() == username).expect("is one of them")
    }
}

/// The opening of a canary; its demand has a word by which the search proves itself.
fn body(canary: &Canary, matter: &str) -> Value {
    let body = with(opening("donghuashi", matter, 0), "/applicant", canary.applicant());
    with(body, "/demand", format!("请协助办理{CONTROL}一事"))
}

/// Sends everything in; keeps every answer that is not the person's own word back. Gives the cases.
fn every_door(district: &District, people: &People, kept: &Kept) -> Vec<String> {
    let clerk = &people.clerk;
    let tell = |name: &str, answer: &unstuck_tests::Answer| {
        let text = format!("{name}: {} {:?}\n{}", answer.status, answer.headers, answer.text);
        kept.keep(name, text.as_bytes());
    };
    let refused = |name: &str, status: u16, answer: unstuck_tests::Answer| {
        assert_eq!(answer.status, status, "{name}: {}", answer.text);
        tell(name, &answer);
    };

    // Opened, corrected, opened again with the same key and with another body.
    let first = Canary::of(0);
    let open =
        |key: &str, body: &Value| clerk.request("POST", "/v1/cases").key(key).json(body).send();
    let opened = open("canary-0", &body(&first, "退休手续办理")).expect_status(201);
    tell("opened", &opened);
    let id = opened.case_id().to_owned();
    tell("opened again", &open("canary-0", &body(&first, "退休手续办理")).expect_status(201));
    refused("another body", 422, open("canary-0", &body(&Canary::of(1), "退休手续办理")));
    refused("twice open", 409, clerk.post("/v1/cases", body(&first, "退休手续办理")));
    let corrected = Canary::of(1);
    for (field, value) in [
        ("name", json!(corrected.name)),
        ("phone", json!(corrected.phone)),
        ("id_number", json!(corrected.id_number)),
        ("address", json!(corrected.address)),
        ("care", json!(["veteran", "disabled"])),
    ] {
        let body = json!({ "field": field, "value": value, "reason": "登记时听错" });
        tell("corrected", &clerk.act(&id, "corrections", body).expect_status(200));
    }

    // A draft, and openings that are refused for what is wrong beside the person.
    let draft = Canary::of(2);
    let written = clerk.request("PUT", "/v1/drafts/opening").json(&body(&draft, "退休手续办理"));
    tell("draft", &written.send().expect_status(200));
    let wrong = body(&Canary::of(3), "退休手续办理");
    for (name, body) in [
        ("no such complexity", with(wrong.clone(), "/complexity", "nonsense")),
        ("no such center", with(wrong.clone(), "/center", "nowhere")),
        ("an unknown field", with(wrong.clone(), "/applicant/nickname", Canary::of(3).name)),
        ("a phone as a cause", with(wrong.clone(), "/cause", Canary::of(3).phone)),
        ("a phone as a count", with(wrong.clone(), "/attempts_before", Canary::of(3).phone)),
        ("a name as a channel", with(wrong.clone(), "/channel", Canary::of(3).name)),
        ("a name as a center", with(wrong.clone(), "/center", Canary::of(3).name)),
        ("a name as a kind", with(wrong.clone(), "/applicant/kind", Canary::of(3).name)),
        ("a name as a time", with(wrong.clone(), "/occurred_at", Canary::of(3).name)),
        ("a name as care", with(wrong.clone(), "/applicant/care", json!([Canary::of(3).name]))),
        ("a person as a name", with(wrong.clone(), "/applicant/name", Canary::of(3).applicant())),
        ("an ID too short", with(wrong, "/applicant/id_number", &Canary::of(3).id_number[..17])),
    ] {
        refused(name, 422, clerk.post("/v1/cases", body));
    }
    let cut = body(&Canary::of(4), "退休手续办理").to_string();
    let raw = |content_type: &str, text: &str| {
        clerk.request("POST", "/v1/cases").bytes(content_type, text.to_owned()).send()
    };
    refused("cut JSON", 400, raw("application/json", &cut[..cut.len() - 2]));
    refused("text", 415, raw("text/plain", &cut));
    refused("too large", 413, raw("application/json", &format!("{cut}{}", " ".repeat(300_000))));

    // Free text with somebody's number in it, by every command that takes free text.
    let spoken = Canary::of(5);
    for number in [&spoken.phone, &spoken.id_number] {
        let text = format!("请联系 {number}");
        let demand = with(body(&Canary::of(6), "公租房申请"), "/demand", text.clone());
        refused("a number in the demand", 409, clerk.post("/v1/cases", demand));
        for (command, body) in [
            ("progress", json!({ "text": text, "public": true })),
            ("urge", json!({ "text": text })),
            ("withdraw", json!({ "reason": text })),
            ("materials", json!({ "items": [{ "name": text }], "complete": true })),
            ("corrections", json!({ "field": "demand", "value": text, "reason": "听错" })),
            ("corrections", json!({ "field": "name", "value": "样例", "reason": text })),
            ("forward", json!({ "department": "housing", "ask": text })),
            ("reveal", json!({ "purpose": text })),
            (
                "feedback",
                json!({ "responded": true, "solved": "yes", "mode": "phone", "comment": text }),
            ),
        ] {
            refused(command, 409, clerk.act(&id, command, body));
        }
        let question = json!({
            "center": "donghuashi", "topic": text, "channel": "window", "outcome": "told_route",
        });
        refused("a question", 409, clerk.post("/v1/consultations", question));
    }
    let named = |name: &str| format!("{name}要求办理");
    let demand = with(body(&Canary::of(6), "公租房申请"), "/demand", named(&Canary::of(6).name));
    refused("the name in the demand", 409, clerk.post("/v1/cases", demand));
    let demand =
        with(body(&Canary::of(6), "公租房申请"), "/summary", named(&Canary::of(6).address));
    refused("the address in the summary", 409, clerk.post("/v1/cases", demand));
    let purpose = json!({ "purpose": format!("回访{}", corrected.name) });
    refused("the name as a purpose", 409, clerk.act(&id, "reveal", purpose));
    // Read in clear by who may: the one answer that is not kept.
    let clear = clerk.act(&id, "reveal", json!({ "purpose": "电话回访" })).expect_status(200);
    assert_eq!(clear["name"], corrected.name);

    // Searched for, in paths, in headers, as a username.
    let sought = Canary::of(7);
    for text in [&sought.phone, &sought.name, &sought.id_number] {
        let text = percent_encoded(text);
        for path in [
            format!("/v1/cases?q={text}"),
            format!("/v1/cases?matter={text}"),
            format!("/v1/cases?state={text}"),
            format!("/v1/cases?cursor={text}"),
            format!("/v1/similar?q={text}"),
            format!("/v1/precedents?q={text}"),
            format!("/v1/register.csv?q={text}"),
            format!("/v1/register.xlsx?matter={text}"),
            format!("/v1/overview?from={text}"),
            format!("/v1/cases/{text}"),
            format!("/v1/receipts/{text}"),
            format!("/v1/drafts/{text}"),
            format!("/v1/staff/{text}"),
            format!("/v1/{text}"),
            format!("/problems/{text}"),
            format!("/v1/figures/{text}/cases"),
        ] {
            tell("sought", &clerk.request("GET", path).send());
        }
    }
    let worn = Canary::of(8);
    for name in [
        "user-agent",
        "x-request-id",
        "idempotency-key",
        "traceparent",
        "referer",
        "if-match",
        "if-none-match",
        "last-event-id",
        "cookie",
        "accept-language",
        "x-forwarded-for",
    ] {
        let body = json!({ "text": "已收到", "public": false });
        let path = format!("/v1/cases/{id}/progress");
        let request = clerk.request("POST", path).header(name, worn.phone.clone());
        tell("headers", &request.json(&body).send());
        let answer = clerk.request("GET", "/v1/cases").header(name, worn.phone.clone()).send();
        tell("headers of a question", &answer);
    }
    let typed = Canary::of(9);
    for (username, password) in [(&typed.phone, "whatever-it-is"), (&typed.name, "whatever-it-is")]
    {
        let body = json!({ "username": username, "password": password });
        refused("a wrong username", 401, district.anybody().post("/v1/session", body));
    }
    let mistaken = json!({ "username": "clerk-donghuashi", "password": typed.phone });
    refused("a wrong password", 401, district.anybody().post("/v1/session", mistaken));

    vec![id, pages(district, people)]
}

/// The same through the pages; their answers to who typed show what was typed. Gives the case.
fn pages(district: &District, people: &People) -> String {
    let mut visitor = Visitor::signed_in(district, people.clerk.username());
    let form = |page: &unstuck_tests::Answer, canary: &Canary, more: &[(&str, &str)]| -> Fields {
        let mut fields = hidden(page, "/counter");
        let typed = [
            ("matter", "退休手续办理"),
            ("cause", "I"),
            ("blocked_stage", "consult"),
            ("complexity", "simple"),
            ("channel", "window"),
            ("attempts_before", "0"),
            ("notice.mode", "oral"),
            ("applicant.kind", "person"),
            ("applicant.name", canary.name.as_str()),
            ("applicant.phone", canary.phone.as_str()),
            ("applicant.id_number", canary.id_number.as_str()),
            ("applicant.address", canary.address.as_str()),
            ("applicant.care", "veteran"),
        ];
        let pairs = typed.iter().chain(more);
        fields.extend(pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        fields
    };
    let page = visitor.get("/counter").expect_status(200);
    visitor.post("/counter", &form(&page, &Canary::of(10), &[])).expect_status(422);
    let with_number = format!("请打{}", Canary::of(11).phone);
    let refused = form(&page, &Canary::of(11), &[("demand", &with_number)]);
    visitor.post("/counter", &refused).expect_status(409);
    visitor.post("/drafts/counter", &form(&page, &Canary::of(12), &[]));
    let demand = format!("请协助办理{CONTROL}一事");
    let filled = form(&page, &Canary::of(13), &[("demand", &demand)]);
    let opened = visitor.post("/counter", &filled).expect_status(303);
    let location = opened.headers.get("location").expect("leads on").clone();
    let id = location.split(['/', '?']).nth(2).expect("names the case").to_owned();
    let note = vec![("text".to_owned(), format!("请打{}", Canary::of(14).phone))];
    visitor.post(&format!("/cases/{id}/do/progress"), &note);
    let sought = Canary::of(15);
    for text in [&sought.phone, &sought.name] {
        let text = percent_encoded(text);
        for path in [
            format!("/cases?q={text}"),
            format!("/counter/similar?demand={text}&matter={text}"),
            format!("/counter/matters?matter={text}"),
            format!("/precedents?q={text}"),
            format!("/audit?actor={text}"),
            format!("/s/{text}"),
            format!("/{text}"),
        ] {
            visitor.get(&path);
        }
    }
    // A session that ends in the middle of a form, which the sign-in page then carries.
    visitor.lose_session();
    visitor.post("/counter", &form(&page, &Canary::of(16), &[("demand", &demand)]));
    let wrong = vec![
        ("username".to_owned(), Canary::of(17).phone),
        ("password".to_owned(), Canary::of(17).phone),
    ];
    Visitor::at(district).post("/sign-in", &wrong);
    id
}

/// Everything that OpenAPI offers to read, asked by everybody; and pages, followed from one to the next.
fn everything_is_read(district: &District, people: &People, ids: &[String], kept: &Kept) {
    let document = district.anybody().get("/openapi.json");
    let receipts: Vec<String> = ids
        .iter()
        .map(|id| {
            people.named("coordinator").case(id)["receipt_code"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    let mut paths = BTreeSet::from([
        "/openapi.json".to_owned(),
        "/metrics".to_owned(),
        "/v1/cases?limit=200&sort=-opened_at".to_owned(),
        "/v1/overview?from=2026-03-01&to=2026-03-31".to_owned(),
        "/v1/similar?q=退休".to_owned().replace("退休", &percent_encoded("退休")),
        format!("/v1/cases?q={}", percent_encoded(CONTROL)),
        "/v1/audit?limit=200".to_owned(),
    ]);
    for (path, methods) in document["paths"].as_object().expect("OpenAPI has paths") {
        if methods["get"].is_null() || path == "/v1/live" {
            continue;
        }
        let filled = path
            .replace("{name}", "on_time")
            .replace("{username}", "auditor")
            .replace("{form}", "opening");
        for (id, receipt) in ids.iter().zip(&receipts) {
            paths.insert(filled.replace("{id}", id).replace("{code}", receipt));
        }
    }
    assert!(paths.len() > 30, "{paths:?}");
    let nobody = district.anybody();
    for person in people.others.iter().chain([&people.clerk, &nobody]) {
        for path in &paths {
            // One's own draft is one's own.
            if std::ptr::eq(person, &raw const people.clerk) && path.starts_with("/v1/drafts/") {
                continue;
            }
            let answer = person.request("GET", path.clone()).send();
            assert!(answer.status < 500, "{path}: {} {}", answer.status, answer.text);
            kept.keep(path, &answer.bytes);
        }
    }
    for person in &people.others {
        kept.keep("feed", &fed(district, person));
        walk(district, person.username(), kept);
    }
}

/// What the live feed tells from its beginning.
fn fed(district: &District, person: &Api) -> Vec<u8> {
    let token = person.sign_in().expect("signs in");
    let address = district.address().trim_start_matches("http://").to_owned();
    let mut line = TcpStream::connect(&address).expect("it listens");
    line.set_read_timeout(Some(LISTENED)).expect("a limit");
    let request = format!(
        "GET /v1/live HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: 0\r\n\r\n"
    );
    line.write_all(request.as_bytes()).expect("it reads");
    let (mut all, mut some) = (Vec::new(), [0; 16 * 1024]);
    while let Ok(count) = line.read(&mut some) {
        if count == 0 {
            break;
        }
        all.extend_from_slice(&some[..count]);
    }
    all
}

/// Follows the links of the pages.
fn walk(district: &District, username: &str, kept: &Kept) {
    let mut visitor = Visitor::signed_in(district, username);
    let (mut seen, mut next) = (BTreeSet::new(), VecDeque::from(["/".to_owned()]));
    while let Some(path) = next.pop_front() {
        if seen.len() >= PAGES_MAX {
            break;
        }
        let kind: String = path.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        if !seen.insert(kind) {
            continue;
        }
        let page = visitor.get(&path);
        assert!(page.status < 500, "{path}: {}", page.text);
        kept.keep(&format!("{username} {path}"), &page.bytes);
        if let Some(to) = page.headers.get("location") {
            next.push_back(to.clone());
        }
        for link in page.text.split("href=\"").skip(1) {
            let link = link.split('"').next().unwrap_or_default().replace("&amp;", "&");
            let leads_out = !link.starts_with('/') || link.starts_with("//");
            if !leads_out && !["/assets", "/live", "/wish"].iter().any(|no| link.starts_with(no)) {
                next.push_back(link);
            }
        }
    }
    assert!(seen.len() > 4, "{username} has seen {seen:?}");
}

/// What tools say.
fn tools_speak(district: &District, kept: &Kept) {
    for arguments in [
        &["events"][..],
        &["export", "register", "--format", "csv"],
        &["export", "register", "--format", "xlsx"],
        &["verify"],
        &["staff", "list"],
    ] {
        let output = district.tool(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        kept.keep(&arguments.join("-"), &[output.stdout, output.stderr].concat());
    }
}

/// The search finds, in the places where it found no canary, what has to be there.
#[track_caller]
fn is_not_blind(data: &Path, answers: &Path) {
    let found = search(&[CONTROL], &[data, answers]);
    for place in ["KV", "CASES", "views", "answers"] {
        let sees = match place {
            // Nothing of a case stands in a bucket in clear; that its files are read is seen by their names.
            "KV" => data.join("nats").exists() || data.exists(),
            "answers" => found.iter().any(|one| one.file.starts_with(&*answers.to_string_lossy())),
            place => found.iter().any(|one| one.file.contains(place)),
        };
        assert!(sees, "the search is blind in {place}: {found:?}");
    }
    let mut files = vec![data.to_owned()];
    while let Some(folder) = files.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                files.push(path);
            } else if path.ends_with("meta.inf") {
                let meta = std::fs::read_to_string(&path).unwrap_or_default();
                let is_clear =
                    !meta.contains("\"compression\"") || meta.contains("\"compression\":\"none\"");
                assert!(is_clear, "{} is compressed: {meta}", path.display());
            }
        }
    }
}

/// The reservations of open matters that name a case.
fn reservations(district: &District, case_id: &str) -> usize {
    let bus = BusAddress::of(&district.data()).expect("readable").expect("a managed bus");
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(
        async {
            let js = connect(&bus.access(&district.data(), "intake").expect("a seed"), "test")
                .await
                .expect("the bus answers");
            let bucket = runtime::kv::Bucket::open(&js, "open_matters").await.expect("is there");
            let mut count = 0;
            for key in bucket.keys().await.expect("listed") {
                let value = bucket.find(&key).await.expect("read").value();
                let names = value
                    .is_some_and(|(value, _)| String::from_utf8_lossy(&value).contains(case_id));
                count += usize::from(names);
            }
            count
        },
    )
}

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn no_canary_is_anywhere_but_where_its_people_read_it() {
    let district = District::start(Some(START));
    district.log("trace");
    let people = People::of(&district);
    let kept = Kept::new();
    let ids = every_door(&district, &people, &kept);
    let coordinator = people.named("coordinator");
    for id in &ids {
        coordinator.case_in_state(id, "forwarded");
        people.named("handler").done(id, "accept", json!({}));
        let resolved =
            json!({ "resolution": "D1", "result": format!("{CONTROL}已办理"), "cause": "I1" });
        people.named("handler").done(id, "resolve", resolved);
        coordinator.case_in_state(id, "resolved");
    }
    let reserved = reservations(&district, &ids[0]);
    assert_eq!(reserved, 3, "as opened, with the right name, with the right telephone");
    everything_is_read(&district, &people, &ids, &kept);
    tools_speak(&district, &kept);
    district.shut_down();
    assert!(kept.len() > 500, "{}", kept.len());
    let log = district.logged();
    assert!(log.contains("request served"), "everything is logged");
    kept.keep("log", log.as_bytes());

    let needles: Vec<&str> = MARKS.into_iter().chain(CARE).collect();
    absent(&needles, &[&district.data(), &kept.folder()]);
    is_not_blind(&district.data(), &kept.folder());

    // Forgotten: not even masked.
    district.bring_up();
    for id in &ids {
        let erased = people.named("privacy").done(id, "erase", json!({ "reason": "request" }));
        coordinator.case_after(&erased);
        wait_until("nobody finds the case by the person", || reservations(&district, id) == 0);
        for person in people.others.iter().chain([&people.clerk]) {
            let answer = person.act(id, "reveal", json!({ "purpose": "电话回访" }));
            let code = answer["code"].as_str().unwrap_or_default().to_owned();
            assert!(matches!(code.as_str(), "erased" | "forbidden"), "{}", answer.text);
        }
    }
    let afterwards = Kept::new();
    everything_is_read(&district, &people, &ids, &afterwards);
    tools_speak(&district, &afterwards);
    district.shut_down();
    afterwards.keep("log", district.logged().as_bytes());
    absent(&needles, &[&district.data(), &afterwards.folder()]);
    let masked = ["样**甲", "样**乙", "样**申", "138****97"];
    assert!(!search(&masked, &[&kept.folder()]).is_empty(), "they were shown masked");
    absent(&masked, &[&afterwards.folder()]);
    is_not_blind(&district.data(), &afterwards.folder());
}
