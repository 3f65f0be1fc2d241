//! Questions that no page asks: they are refused by name, or answered for what they are, and never cost more than an
//! answer does.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::{Answer, Api, District};

/// Every list and figure.
const QUERIES: [&str; 15] = [
    "/v1/cases",
    "/v1/overview",
    "/v1/blockages",
    "/v1/returns",
    "/v1/centers",
    "/v1/departments",
    "/v1/consultations",
    "/v1/improvements",
    "/v1/precedents",
    "/v1/quarantine",
    "/v1/figures/solved_rate/cases",
    "/v1/register.csv",
    "/v1/similar",
    "/v1/cases/{case}/timeline",
    "/v1/cases/{case}",
];

/// Those that come in pages.
const PAGES: [&str; 5] = [
    "/v1/cases",
    "/v1/improvements",
    "/v1/precedents",
    "/v1/quarantine",
    "/v1/cases/{case}/timeline",
];

/// What is no limit.
const NO_LIMITS: [&str; 8] =
    ["0", "1000000", "201", "-1", "1.5", "many", "18446744073709551616", "%00"];

fn ask(reader: &Api, path: &str) -> Answer {
    let started = Instant::now();
    let answer = reader.request("GET", path).send();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{path} took {took:?}");
    answer
}

/// A district with three cases of one center and one of another; its coordinator, and a case.
fn district() -> (District, Api, String) {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let first = clerk.open(opening("jingshan", UNROUTED_MATTER, 1)).case_id().to_owned();
    for n in 2..=3 {
        clerk.open(opening("jingshan", UNROUTED_MATTER, n));
    }
    let last = district.clerk("donghuashi").open(opening("donghuashi", "公租房申请", 4));
    let coordinator = district.coordinator();
    let path = format!("/v1/cases?min_version={}", last.version());
    assert_eq!(coordinator.get(path)["total"], 4);
    (district, coordinator, first)
}

#[test]
fn parameters_that_are_unknown_twice_or_of_a_wrong_form_are_refused_by_name() {
    let (_district, coordinator, case) = district();
    for query in QUERIES {
        let path = query.replace("{case}", &case);
        for unknown in ["statee=opened", "x=1", "sort_by=due_at&x=1", "%00=1"] {
            ask(&coordinator, &format!("{path}?{unknown}")).refused(422, "invalid");
        }
        for version in ["x", "-1", "1.5", "18446744073709551616"] {
            if path != "/v1/register.csv" {
                let path = format!("{path}?min_version={version}");
                ask(&coordinator, &path).refused(422, "invalid").naming("/min_version");
            }
        }
    }
    for (parameter, name) in [
        ("state=open", "/state"),
        ("sort=due_at;drop", "/sort"),
        ("cause=Z9", "/cause"),
        ("overdue=perhaps", "/overdue"),
        ("center=..%2F..", "/center"),
        ("due_before=yesterday", "/due_before"),
        ("opened_from=2026-02-30", "/opened_from"),
    ] {
        ask(&coordinator, &format!("/v1/cases?{parameter}")).refused(422, "invalid").naming(name);
    }
    let twice = ask(&coordinator, "/v1/cases?state=opened&state=closed");
    assert!((400..500).contains(&twice.status), "{}", twice.text);
}

#[test]
fn a_limit_of_none_or_a_million_is_refused_with_the_range() {
    let (_district, coordinator, case) = district();
    for query in PAGES {
        let path = query.replace("{case}", &case);
        for limit in NO_LIMITS {
            let answer = ask(&coordinator, &format!("{path}?limit={limit}"));
            let answer = answer.refused(422, "invalid").naming("/limit");
            if limit.bytes().all(|byte| byte.is_ascii_digit()) && limit.len() < 10 {
                assert!(answer.text.contains("1 to 200"), "{}", answer.text);
            }
        }
        ask(&coordinator, &format!("{path}?limit=200")).expect_status(200);
    }
}

#[test]
fn a_cursor_of_another_question_or_of_noise_is_refused() {
    let (_district, coordinator, case) = district();
    let page = coordinator.get("/v1/cases?center=jingshan&sort=opened_at&limit=1");
    let cursor = page["next_cursor"].as_str().expect("there are more").to_owned();
    let next = coordinator
        .get(format!("/v1/cases?center=jingshan&sort=opened_at&limit=1&cursor={cursor}"));
    assert_ne!(next.items()[0]["case_id"], page.items()[0]["case_id"]);
    for other in [
        "sort=opened_at",
        "center=jingshan&sort=-opened_at",
        "center=jingshan&sort=due_at",
        "center=jingshan",
        "center=donghuashi&sort=opened_at",
        "center=jingshan&sort=opened_at&state=opened",
        "center=jingshan&sort=opened_at&q=%E6%A5%BC",
    ] {
        let path = format!("/v1/cases?{other}&cursor={cursor}");
        ask(&coordinator, &path).refused(422, "invalid").naming("/cursor");
    }
    let long = "f".repeat(4000);
    for query in PAGES {
        let path = query.replace("{case}", &case);
        for noise in
            ["x", ".", "%00", "00000000.0", "-1", "..%2F..%2Fetc", "%F0%9F%A6%80", "CASES_x", &long]
        {
            let path = format!("{path}?cursor={noise}");
            ask(&coordinator, &path).refused(422, "invalid").naming("/cursor");
        }
        // A cursor of another list.
        if query != "/v1/cases" {
            let path = format!("{path}?cursor={cursor}");
            ask(&coordinator, &path).refused(422, "invalid").naming("/cursor");
        }
    }
}

#[test]
fn a_range_that_ends_before_it_begins_is_refused_and_so_is_a_day_to_come() {
    let (_district, coordinator, _) = district();
    for path in ["/v1/overview", "/v1/blockages", "/v1/returns", "/v1/consultations"] {
        let inverted = format!("{path}?from=2026-02-01&to=2026-01-01");
        ask(&coordinator, &inverted).refused(422, "invalid").naming("/from");
        for noise in ["2026-13-01", "now", "0000-00-00", "%2B10000-01-01", "99999999999999999999"] {
            ask(&coordinator, &format!("{path}?from={noise}"))
                .refused(422, "invalid")
                .naming("/from");
        }
        // Far away, and still a range.
        ask(&coordinator, &format!("{path}?from=1900-01-01&to=2026-01-01")).expect_status(200);
    }
    let inverted = "/v1/cases?opened_from=2026-02-01&opened_to=2026-01-01";
    ask(&coordinator, inverted).refused(422, "invalid").naming("/opened_from");
    for path in ["/v1/overview", "/v1/blockages", "/v1/centers", "/v1/departments"] {
        for day in ["2999-01-01", "9999-12-31T23:59:59%2B08:00"] {
            let path = format!("{path}?as_of={day}");
            ask(&coordinator, &path).refused(422, "invalid").naming("/as_of");
        }
        ask(&coordinator, &format!("{path}?as_of=2001-01-01")).expect_status(200);
    }
}

#[test]
fn what_is_searched_for_has_no_syntax() {
    let (_district, coordinator, _) = district();
    let total = |q: &str| {
        let answer = ask(&coordinator, &format!("/v1/cases?q={}", encoded(q))).expect_status(200);
        answer["total"].as_u64().expect("a total")
    };
    assert_eq!(total("楼道"), 3);
    assert_eq!(total("  "), 4, "nothing is searched for");
    for syntax in [
        "state:*",
        "*",
        "?",
        "(",
        ")",
        "\"",
        "\"\"",
        "AND OR NOT",
        "楼道 OR 公租房",
        "楼道*",
        "NOT 公租房",
        "+楼道 -公租房",
        "matter:楼道",
        "[a TO z]",
        "{* TO *}",
        "楼~2",
        "楼道^9",
        "/.*/",
        "%",
        "_",
        "\\",
        "'; --",
        "a\u{0}b",
        "😀",
        "\u{202e}楼道",
        "${jndi:x}",
        "..",
    ] {
        assert_eq!(total(syntax), 0, "{syntax:?} is found as it stands or not at all");
        let similar = ask(&coordinator, &format!("/v1/similar?q={}", encoded(syntax)));
        assert!([200, 422].contains(&similar.status), "{syntax:?}: {}", similar.text);
        assert_eq!(similar["items"].as_array().map_or(0, Vec::len), 0, "none is solved yet");
        ask(&coordinator, &format!("/v1/precedents?q={}", encoded(syntax))).expect_status(200);
    }
    for q in ["楼".repeat(6_000), "AND ".repeat(2500), "(".repeat(10_000)] {
        for path in ["/v1/cases", "/v1/precedents"] {
            // Longer than any address may be, or than any search.
            let answer = ask(&coordinator, &format!("{path}?q={}", encoded(&q)));
            assert!([414, 422, 431].contains(&answer.status), "{}: {}", answer.status, answer.text);
        }
    }
    let long = encoded(&"a".repeat(101));
    ask(&coordinator, &format!("/v1/cases?q={long}")).refused(422, "invalid").naming("/q");
}

#[test]
fn a_feed_begins_only_where_there_is_or_will_be_something() {
    let (district, coordinator, _) = district();
    for noise in ["x", "-1", "1.5", "+1", "1,2", "0x10", "18446744073709551616", "", "CASES_1"] {
        let request = coordinator.request("GET", "/v1/live").header("last-event-id", noise);
        request.send().refused(400, "malformed");
    }
    let token = coordinator.sign_in().expect("a token");
    let newest = coordinator.get("/v1/lag")["as_of_sequence"].as_u64().expect("a sequence");
    // An id of the future is one of another log: the feed begins with what comes.
    for (asked, begins) in [(u64::MAX, newest), (newest + 1000, newest), (newest, newest), (2, 2)] {
        assert_eq!(greeted(&district.address(), &token, asked), begins, "after {asked}");
    }
}

/// The id with which a feed begins.
fn greeted(address: &str, token: &str, last_event_id: u64) -> u64 {
    let address = address.trim_start_matches("http://");
    let mut line = TcpStream::connect(address).expect("somebody listens");
    line.set_read_timeout(Some(Duration::from_secs(10))).expect("a limit can be set");
    write!(
        line,
        "GET /v1/live HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {last_event_id}\r\n\r\n"
    )
    .expect("a request can be sent");
    let (mut text, mut bytes) = (String::new(), [0; 1024]);
    loop {
        let count = line.read(&mut bytes).expect("the greeting comes");
        assert!(count > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        let Some((_, greeting)) = text.split_once("retry: ") else { continue };
        let Some((_, id)) = greeting.split_once("id: ") else { continue };
        if let Some((id, _)) = id.split_once('\n') {
            return id.parse().expect("an id is a number");
        }
    }
}

/// Every byte that is not a letter or digit, as an address writes it.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte.is_ascii_alphanumeric() {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[test]
fn after_all_that_the_views_are_what_they_were() {
    let (district, coordinator, _) = district();
    for query in QUERIES.iter().filter(|query| !query.contains('{')) {
        for noise in ["?", "?&&&", "?=", "?%", "?%ZZ=%ZZ", "?a[]=1", "?limit=1&limit=0", "?q=%FF"] {
            let answer = ask(&coordinator, &format!("{query}{noise}"));
            assert!(answer.status < 500, "{query}{noise}: {} {}", answer.status, answer.text);
        }
    }
    assert_eq!(coordinator.get("/v1/cases").json["total"], 4);
    assert_eq!(coordinator.get("/v1/lag").json["incident"], Value::Null);
    let verified = district.verify();
    assert!(verified.status.success());
}
