//! People who go on working while something breaks: whoever is not answered asks again, at another door, with the same key.
//!
//! Invariants: a request is sent again only when nobody answered, with 503 or 429 and a `Retry-After`, or after another
//! sign-in with 401; any other answer than the right one fails the test; what was acknowledged is kept in the [`Truth`].

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::{Address, Answer, Api};
use crate::bodies::{UNROUTED_MATTER, opening};
use crate::truth::Truth;

/// A matter that the table of the sample district hands to a department.
const ROUTED_MATTER: &str = "公租房申请";
/// That department.
pub const DEPARTMENT: &str = "housing";

/// How long somebody goes on asking: longer than any cut of a test and the election after it.
const ASKING_MAX: Duration = Duration::from_secs(90);

/// How long one answer is waited for; then the next door is tried.
const PATIENCE: Duration = Duration::from_secs(5);

/// The doors to the house: addresses that answer the same, by the service that is behind them.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// Facts of citizens.
    pub intake: Vec<String>,
    /// Who handles it, and how it ends.
    pub routing: Vec<String>,
    /// What the views say.
    pub projection: Vec<String>,
}

impl Doors {
    /// Doors that lead to everything.
    #[must_use]
    pub fn to_all(addresses: &[String]) -> Self {
        let all = || addresses.to_vec();
        Self { intake: all(), routing: all(), projection: all() }
    }

    fn of(&self, method: &str, path: &str) -> &[String] {
        let command = path.rsplit('/').next().unwrap_or_default();
        match (method, command) {
            ("GET", _) => &self.projection,
            (_, "cases" | "feedback" | "withdraw" | "reopen" | "consultations" | "close") => {
                &self.intake
            }
            _ => &self.routing,
        }
    }
}

/// Somebody with an account, in front of all doors.
#[derive(Debug)]
pub struct Person {
    api: Api,
    address: Address,
    doors: Doors,
    turns: AtomicUsize,
}

impl Person {
    /// Somebody in front of these doors.
    #[must_use]
    pub fn new(username: &str, doors: &Doors) -> Self {
        let address: Address = Arc::new(RwLock::new(String::new()));
        let api = Api::new(Arc::clone(&address), Some(username)).with_patience(PATIENCE);
        Self { api, address, doors: doors.clone(), turns: AtomicUsize::new(0) }
    }

    /// Asks until the answer has the expected status.
    ///
    /// # Panics
    /// When there is another answer than "come again", or none for too long.
    #[track_caller]
    pub fn insist(
        &self,
        method: &str,
        path: &str,
        key: Option<&str>,
        body: Option<&Value>,
        expected: u16,
    ) -> Answer {
        let started = Instant::now();
        loop {
            let doors = self.doors.of(method, path);
            let door = &doors[self.turns.fetch_add(1, Ordering::Relaxed) % doors.len()];
            door.clone_into(
                &mut self.address.write().unwrap_or_else(std::sync::PoisonError::into_inner),
            );
            let mut request = self.api.request(method, path);
            if let Some(key) = key {
                request = request.key(key);
            }
            if let Some(body) = body {
                request = request.json(body);
            }
            let outcome = request.try_send();
            match &outcome {
                Ok(answer) if answer.status == expected => return answer.clone(),
                Ok(answer) => {
                    let says_when = answer.headers.contains_key("retry-after");
                    // A clock that leapt has ended the session for all: the next request signs in again.
                    let may_come_again =
                        matches!(answer.status, 429 | 503) && says_when || answer.status == 401;
                    assert!(
                        may_come_again,
                        "{method} {path} {key:?} at {door}: {} {} {:?}",
                        answer.status, answer.text, answer.headers
                    );
                }
                Err(_) => {}
            }
            assert!(
                started.elapsed() < ASKING_MAX,
                "{method} {path} {key:?} for too long: {outcome:?}"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a command until it is done.
    #[track_caller]
    pub fn does(&self, path: &str, key: &str, body: &Value) -> Answer {
        let expected = if matches!(path, "/v1/cases" | "/v1/consultations") { 201 } else { 200 };
        self.insist("POST", path, Some(key), Some(body), expected)
    }

    /// Waits until the views show the case of an answer in a state.
    ///
    /// # Panics
    /// When they do not within the time.
    #[track_caller]
    pub fn sees(&self, answer: &Answer, state: &str) {
        let started = Instant::now();
        let (id, version) = (answer.case_id(), answer.version());
        let path = format!("/v1/cases/{id}?min_version={version}");
        while self.insist("GET", &path, None, None, 200)["state"] != state {
            assert!(started.elapsed() < ASKING_MAX, "{id} does not become {state}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The people of a district at work.
#[derive(Debug)]
pub struct Load<'a> {
    /// What they were told.
    pub truth: &'a Truth,
    /// A clerk of each center, and the center.
    pub clerks: Vec<(Person, &'static str)>,
    /// The handler of [`DEPARTMENT`].
    pub handler: Person,
    /// Who asks people afterwards.
    pub callback: Person,
    tallies: bool,
    n: AtomicU32,
    is_over: AtomicBool,
}

impl<'a> Load<'a> {
    /// People with these accounts: `clerk-<center>`, `handler`, `callback`.
    #[must_use]
    pub fn new(truth: &'a Truth, centers: &[&'static str], doors: &Doors) -> Self {
        let clerk =
            |center: &&'static str| (Person::new(&format!("clerk-{center}"), doors), *center);
        Self {
            truth,
            clerks: centers.iter().map(clerk).collect(),
            handler: Person::new("handler", doors),
            callback: Person::new("callback", doors),
            tallies: false,
            n: AtomicU32::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    /// Lets the clerks also count the questions of people whose matter is no case.
    #[must_use]
    pub fn with_tallies(mut self) -> Self {
        self.tallies = true;
        self
    }

    /// Works at every counter until `meanwhile` has ended, and finishes what was begun.
    pub fn during<T>(&self, meanwhile: impl FnOnce() -> T) -> T {
        self.is_over.store(false, Ordering::Relaxed);
        thread::scope(|scope| {
            for index in 0..self.clerks.len() {
                scope.spawn(move || {
                    while !self.is_over.load(Ordering::Relaxed) {
                        self.one(index);
                    }
                });
            }
            // Also when `meanwhile` fails: nobody works for ever.
            let _ends = Ends(&self.is_over);
            meanwhile()
        })
    }

    /// One case at a counter: every second is handed over by the house, handled, asked about, and closed by the house.
    pub fn one(&self, index: usize) {
        let (clerk, center) = &self.clerks[index];
        let n = self.n.fetch_add(1, Ordering::Relaxed);
        let is_routed = n.is_multiple_of(2);
        let matter = if is_routed { ROUTED_MATTER } else { UNROUTED_MATTER };
        let body = opening(center, matter, n);
        if self.tallies {
            let asked = json!({
                "center": center, "topic": "营业执照", "channel": "window", "outcome": "told_route",
            });
            clerk.does("/v1/consultations", &format!("tally-{n}"), &asked);
            self.truth.tallied(center);
        }
        let opened = clerk.does("/v1/cases", &format!("open-{n}"), &body);
        let owed: &[&str] = if is_routed { &["forwarded"] } else { &[] };
        self.truth.opened(center, &opened, owed);
        if n.is_multiple_of(3) {
            // The answer was lost on its way, and the clerk asks again, at another door.
            let again = clerk.does("/v1/cases", &format!("open-{n}"), &body);
            for field in ["case_id", "case_no", "receipt_code", "events"] {
                assert_eq!(again[field], opened[field], "open-{n}: {field}");
            }
        }
        let id = opened.case_id().to_owned();
        let step = |who: &Person, command: &str, body: Value, owed: &[&'static str]| {
            let done =
                who.does(&format!("/v1/cases/{id}/{command}"), &format!("{command}-{n}"), &body);
            self.truth.done(&done, owed);
        };
        step(clerk, "progress", json!({ "text": "已联系", "public": false }), &[]);
        if is_routed {
            clerk.sees(&opened, "forwarded");
            step(&self.handler, "accept", json!({}), &[]);
            step(&self.handler, "contact", json!({ "mode": "phone", "reached": true }), &[]);
            let result = json!({ "resolution": "D3", "cause": "I1", "result": "已在专窗办理" });
            step(&self.handler, "resolve", result, &[]);
            let asked = json!({ "responded": true, "solved": "yes", "grade": 5, "mode": "phone" });
            step(&self.callback, "feedback", asked, &["closed"]);
        }
    }
}

/// Sends everybody home when it goes.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
