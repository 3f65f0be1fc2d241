//! Who asks too often, too much or too large: he waits, with the answer that he would have had, and the others go on.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unstuck_tests::api::{Answer, PASSWORD};
use unstuck_tests::bodies::opening;
use unstuck_tests::{Api, District, wait_for};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

/// A receipt that is right in itself and of nobody, and one whose last letter is wrong.
const OF_NOBODY: &str = "QXPC-P5AY-3UNX";
const OF_NONE: &str = "QXPC-P5AY-3UNY";

/// Asks as a proxy on this machine asks for a visitor.
fn look(anybody: &Api, path: &str, visitor: &str) -> Answer {
    anybody.request("GET", path).header("x-forwarded-for", visitor).send()
}

fn retry_after(answer: &Answer) -> u64 {
    let seconds = answer.headers.get("retry-after").unwrap_or_else(|| panic!("no Retry-After"));
    seconds.parse().expect("whole seconds")
}

/// A problem without what differs by occurrence.
fn told(answer: &Answer) -> Value {
    let mut told = answer.json.clone();
    told["request_id"] = Value::Null;
    told
}

#[test]
fn whoever_guesses_receipts_waits_and_whoever_holds_one_does_not() {
    let district = District::start(Some(START));
    let opened = district.clerk("donghuashi").open(opening("donghuashi", "退休手续办理", 1));
    let code = opened.receipt_code();
    let anybody = district.anybody();
    wait_for("the receipt", || {
        let answer = look(&anybody, &format!("/v1/receipts/{code}"), "192.0.2.1");
        (answer.status == 200).then_some(())
    });

    // Thirty guesses, right in themselves or not, and then none; a forged word in front of the proxy's frees nobody.
    let mut guesses = Vec::new();
    let refused = loop {
        let guess = if guesses.len().is_multiple_of(2) { OF_NOBODY } else { OF_NONE };
        let forged = format!("203.0.113.{}, 198.51.100.7", guesses.len());
        let answer = look(&anybody, &format!("/v1/receipts/{guess}"), &forged);
        if answer.status != 404 {
            break answer;
        }
        guesses.push(answer);
        assert!(guesses.len() < 1000, "nobody stops who guesses");
    };
    assert!((20..=40).contains(&guesses.len()), "{} guesses", guesses.len());
    assert!(guesses.iter().all(|guess| told(guess) == told(&guesses[0])));
    let refused = refused.refused(429, "too_many_requests");
    assert!((1..=10).contains(&retry_after(&refused)));
    // A guess that would be right is told the same, over the API and on the page, which asks for its visitor.
    let right = look(&anybody, &format!("/v1/receipts/{code}"), "198.51.100.7");
    assert_eq!(told(&right.refused(429, "too_many_requests")), told(&refused));
    let page = look(&anybody, &format!("/s/{code}"), "198.51.100.7");
    assert_eq!(page.status, 429, "{}", page.text);
    assert!(page.text.contains("<h1"), "{}", page.text);

    // Somebody else looks as before, a hundred times.
    for _ in 0..100 {
        look(&anybody, &format!("/v1/receipts/{code}"), "192.0.2.7").expect_status(200);
    }
    assert_eq!(look(&anybody, &format!("/s/{code}"), "192.0.2.8").status, 200);
    assert!(anybody.get("/healthz").text.contains("alive"));
}

#[test]
fn a_thousand_sign_ins_a_second_are_refused_in_time_and_hold_up_nobody_who_is_in() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let reader = district.handler("tax");
    reader.get("/v1/session");
    let is_over = AtomicBool::new(false);
    let (answers, waits) = std::thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let mut waits = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                let asked = Instant::now();
                reader.get("/v1/cases?limit=5");
                waits.push(asked.elapsed());
            }
            waits
        });
        let flood: Vec<_> = (0..8)
            .map(|line| {
                let anybody = district.anybody();
                scope.spawn(move || {
                    let try_one = |n: usize| {
                        // Every second one at a name that there is; from some addresses, of one of a botnet.
                        let name = if n.is_multiple_of(2) { "clerk-donghuashi" } else { "nobody" };
                        let body =
                            json!({ "username": name, "password": format!("wrong password {n}") });
                        let request = anybody.request("POST", "/v1/session").json(&body);
                        request.header("x-forwarded-for", format!("198.51.100.{line}")).send()
                    };
                    (0..250).map(try_one).collect::<Vec<Answer>>()
                })
            })
            .collect();
        let answers: Vec<Answer> =
            flood.into_iter().flat_map(|line| line.join().expect("a line of the flood")).collect();
        is_over.store(true, Ordering::Relaxed);
        (answers, waits.join().expect("the reader"))
    });
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!(count(401) + count(429) + count(503), 2000);
    assert!(count(429) > 1000, "{} waits, {} wrong, {} busy", count(429), count(401), count(503));
    assert!(answers.iter().filter(|one| one.status != 401).all(|one| retry_after(one) >= 1));
    let mut waits = waits;
    waits.sort_unstable();
    let (median, worst) = (waits[waits.len() / 2], waits[waits.len() - 1]);
    println!("{} reads beside the flood: median {median:?}, worst {worst:?}", waits.len());
    assert!(median < Duration::from_millis(250) && worst < Duration::from_secs(5));

    // Somebody else signs in; the name that was guessed at waits, but not for ever.
    reader.sign_in().expect("the reader can sign in");
    let body = json!({ "username": clerk.username(), "password": PASSWORD });
    let waiting = district.anybody().post("/v1/session", body).refused(429, "too_many_requests");
    assert!(retry_after(&waiting) <= 300);
}

#[test]
fn a_right_password_costs_the_others_of_its_address_nothing() {
    let district = District::start(Some(START));
    let clerk = district.clerk("donghuashi");
    let anybody = district.anybody();
    let body = json!({ "username": clerk.username(), "password": PASSWORD });
    for _ in 0..120 {
        let request = anybody.request("POST", "/v1/session").json(&body);
        request.header("x-forwarded-for", "198.51.100.9").send().expect_status(200);
    }
}

#[test]
fn a_header_of_a_megabyte_is_refused_and_its_line_closed() {
    let district = District::start(Some(START));
    let address = district.address().trim_start_matches("http://").to_owned();
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", district.process_id()));
        let status = status.expect("the process runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kibibytes.expect("a process has a size")
    };
    let ask = |head: &str| {
        let mut line = TcpStream::connect(&address).expect("the address answers");
        line.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        // The other end may close while much is still to be written.
        let _ = line.write_all(head.as_bytes());
        let mut answer = Vec::new();
        let _ = line.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    };
    let large = "a".repeat(1024 * 1024);
    let one = format!("GET /v1/district HTTP/1.1\r\nhost: a\r\nx-large: {large}\r\n\r\n");
    let many: String = (0..20_000).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let many = format!("GET /v1/district HTTP/1.1\r\nhost: a\r\n{many}\r\n");
    let path = format!("GET /{large} HTTP/1.1\r\nhost: a\r\n\r\n");
    for _ in 0..5 {
        ask(&one);
    }
    let before = memory();
    for _ in 0..20 {
        for (head, statuses) in [(&one, &[431][..]), (&many, &[431]), (&path, &[414, 431])] {
            let answer = ask(head);
            let status = answer.get(9..12).and_then(|text| text.parse::<u16>().ok());
            // When it was closed before all was written, the system may have thrown the answer away.
            assert!(
                answer.is_empty() || status.is_some_and(|status| statuses.contains(&status)),
                "{answer}"
            );
        }
    }
    let grown = memory().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more after sixty megabytes of headers");
    assert!(ask(&one).starts_with("HTTP/1.1 431"), "the answer can be read");
    district.anybody().get("/v1/district");
}
