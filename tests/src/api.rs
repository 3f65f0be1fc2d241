//! A person, or nobody, at the HTTP contract.
//!
//! Invariants: the address is looked up for every request, so a person stays the same across restarts of
//! the district; a session that has run out is renewed by itself, once per request; a request is sent
//! once: who wants a retry says so.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Request as HttpRequest;

use crate::bodies::event_name;

/// The password of every sample account.
pub const PASSWORD: &str = "correct-horse-battery";

/// How long a request may take; above the product's own limit of 30 s, so that its answer is seen.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(45);

/// Largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The `http://…` address of a district, which changes with every restart.
pub type Address = Arc<RwLock<String>>;

/// Somebody who sends requests.
#[derive(Debug)]
pub struct Api {
    address: Address,
    agent: Agent,
    username: Option<String>,
    token: Mutex<Option<String>>,
}

/// A request that is being written.
#[derive(Debug)]
pub struct Request<'a> {
    api: &'a Api,
    method: &'a str,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Each `set-cookie` of it.
    pub cookies: Vec<String>,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The body as text; what is no UTF-8 is replaced.
    pub text: String,
    /// The body as JSON; `null` when it is none.
    pub json: Value,
}

impl Api {
    /// Somebody at `address`: the person with this username, or nobody.
    #[must_use]
    pub fn new(address: Address, username: Option<&str>) -> Self {
        Self {
            address,
            agent: agent(REQUEST_TIME_MAX),
            username: username.map(ToOwned::to_owned),
            token: Mutex::new(None),
        }
    }

    /// Waits for an answer no longer than this.
    #[must_use]
    pub fn with_patience(mut self, time_max: Duration) -> Self {
        self.agent = agent(time_max);
        self
    }

    /// The username.
    ///
    /// # Panics
    /// When this is nobody.
    #[must_use]
    pub fn username(&self) -> &str {
        self.username.as_deref().expect("somebody with an account")
    }

    /// Starts a request.
    pub fn request<'a>(&'a self, method: &'a str, path: impl Into<String>) -> Request<'a> {
        Request { api: self, method, path: path.into(), headers: Vec::new(), body: None }
    }

    /// Gets a path and expects 200.
    #[track_caller]
    pub fn get(&self, path: impl Into<String>) -> Answer {
        self.request("GET", path).send().expect_status(200)
    }

    /// Posts a body; gives whatever comes back.
    #[track_caller]
    pub fn post(&self, path: impl Into<String>, body: Value) -> Answer {
        self.request("POST", path).json(&body).send()
    }

    /// Opens a case and expects 201.
    #[track_caller]
    pub fn open(&self, body: Value) -> Answer {
        let answer = self.post("/v1/cases", body).expect_status(201);
        assert_eq!(answer.headers.get("etag"), Some(&format!("\"{}\"", answer.version())));
        answer
    }

    /// Sends a command on a case; gives whatever comes back.
    #[track_caller]
    pub fn act(&self, case_id: &str, command: &str, body: Value) -> Answer {
        self.post(format!("/v1/cases/{case_id}/{command}"), body)
    }

    /// Sends a command on a case and expects it to be carried out.
    #[track_caller]
    pub fn done(&self, case_id: &str, command: &str, body: Value) -> Answer {
        let answer = self.act(case_id, command, body).expect_status(200);
        assert_eq!(answer.headers.get("etag"), Some(&format!("\"{}\"", answer.version())));
        assert_eq!(answer.case_id(), case_id);
        answer
    }

    /// The case in the views.
    #[track_caller]
    pub fn case(&self, case_id: &str) -> Value {
        self.get(format!("/v1/cases/{case_id}")).json
    }

    /// The case in the views, not older than a command's answer.
    #[track_caller]
    pub fn case_after(&self, answer: &Answer) -> Value {
        let (case_id, version) = (answer.case_id(), answer.version());
        self.get(format!("/v1/cases/{case_id}?min_version={version}")).json
    }

    /// The case as soon as the views show it in `state`.
    #[track_caller]
    pub fn case_in_state(&self, case_id: &str, state: &str) -> Value {
        crate::wait_for(&format!("{case_id} is {state}"), || {
            let case = self.case(case_id);
            (case["state"] == state).then_some(case)
        })
    }

    /// The case's history, oldest first: `{type, time, actor, data, …}`.
    #[track_caller]
    pub fn timeline(&self, case_id: &str) -> Vec<Value> {
        let answer = self.get(format!("/v1/cases/{case_id}/timeline?limit=200"));
        answer.items().to_vec()
    }

    /// The names of the events of the case's history, oldest first.
    #[track_caller]
    pub fn story(&self, case_id: &str) -> Vec<String> {
        let name = |item: &Value| event_name(item["type"].as_str().unwrap_or_default()).to_owned();
        self.timeline(case_id).iter().map(name).collect()
    }

    /// The events of one name in the case's history.
    #[track_caller]
    pub fn events(&self, case_id: &str, name: &str) -> Vec<Value> {
        let is_it = |item: &Value| event_name(item["type"].as_str().unwrap_or_default()) == name;
        self.timeline(case_id).into_iter().filter(is_it).collect()
    }

    /// All items of a list, over all of its pages.
    #[track_caller]
    pub fn whole_list(&self, path: &str) -> Vec<Value> {
        let mark = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = self.get(format!("{path}{mark}limit=200{cursor}"));
            items.extend_from_slice(page.items());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return items,
            }
        }
    }

    /// Signs in and gives the token.
    ///
    /// # Errors
    /// When nobody answers or the answer has no token.
    pub fn sign_in(&self) -> anyhow::Result<String> {
        let body = json!({ "username": self.username(), "password": PASSWORD });
        let answer = Request {
            api: self,
            method: "POST",
            path: "/v1/session".to_owned(),
            headers: Vec::new(),
            body: None,
        }
        .json(&body)
        .send_as(None)?;
        let token = answer.json["token"].as_str();
        Ok(token
            .with_context(|| format!("signing in: {} {}", answer.status, answer.text))?
            .to_owned())
    }

    fn current_token(&self) -> anyhow::Result<String> {
        if let Some(token) = self.held_token().as_ref() {
            return Ok(token.clone());
        }
        self.renewed_token()
    }

    fn renewed_token(&self) -> anyhow::Result<String> {
        let token = self.sign_in()?;
        *self.held_token() = Some(token.clone());
        Ok(token)
    }

    fn held_token(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        self.token.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn agent(time_max: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .timeout_global(Some(time_max));
    config.build().into()
}

impl Request<'_> {
    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Adds an Idempotency-Key.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        self.header("idempotency-key", key)
    }

    /// Says on which version the sender decided.
    #[must_use]
    pub fn if_match(self, version: u64) -> Self {
        self.header("if-match", format!("\"{version}\""))
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.bytes("application/json", body.to_string())
    }

    /// Sets any body.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", content_type)
    }

    /// Sends it and gives the answer, whatever it is.
    ///
    /// # Panics
    /// When nobody answers.
    #[track_caller]
    pub fn send(&self) -> Answer {
        let sent = self.try_send();
        sent.unwrap_or_else(|error| panic!("{} {}: {error:#}", self.method, self.path))
    }

    /// Sends it and gives the answer, whatever it is.
    ///
    /// # Errors
    /// When nobody answers, or the line breaks before the answer is whole.
    pub fn try_send(&self) -> anyhow::Result<Answer> {
        if self.api.username.is_none() {
            return self.send_as(None);
        }
        let answer = self.send_as(Some(&self.api.current_token()?))?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.send_as(Some(&self.api.renewed_token()?))
    }

    fn send_as(&self, token: Option<&str>) -> anyhow::Result<Answer> {
        let address = self.api.address.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut request =
            HttpRequest::builder().method(self.method).uri(format!("{address}{}", self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = match &self.body {
            Some(body) => self.api.agent.run(request.body(body.clone())?)?,
            None => self.api.agent.run(request.body(())?)?,
        };
        let cookies = response.headers().get_all("set-cookie").iter();
        let cookies =
            cookies.map(|value| String::from_utf8_lossy(value.as_bytes()).into()).collect();
        let headers = response.headers().iter();
        let headers = headers
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into())
            })
            .collect();
        let status = response.status().as_u16();
        let bytes = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let json = serde_json::from_str(&text).unwrap_or_default();
        Ok(Answer { status, headers, cookies, bytes, text, json })
    }
}

impl Answer {
    /// Expects a status.
    ///
    /// # Panics
    /// When it is another one; shows the body.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "answer: {}", self.text);
        self
    }

    /// Expects a problem with this status and code, well formed.
    ///
    /// # Panics
    /// When it is something else; shows the body.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status, &self["code"]), (status, &json!(code)), "answer: {}", self.text);
        let content_type = self.headers.get("content-type").map_or("", String::as_str);
        assert!(content_type.starts_with("application/problem+json"), "{content_type}");
        assert_eq!(self["type"], format!("/problems/{code}"));
        assert_eq!(self["status"], status);
        for field in ["title", "detail", "request_id"] {
            assert!(
                self[field].as_str().is_some_and(|text| !text.is_empty()),
                "{field}: {}",
                self.text
            );
        }
        self
    }

    /// Expects a refusal that names a field by its JSON pointer.
    ///
    /// # Panics
    /// When no error has this pointer; shows the body.
    #[track_caller]
    pub fn naming(self, pointer: &str) -> Self {
        let errors = self["errors"].as_array().map_or(&[][..], Vec::as_slice);
        let is_named = errors.iter().any(|error| error["pointer"] == pointer);
        assert!(is_named, "no error at {pointer}: {}", self.text);
        self
    }

    /// The id of the case.
    ///
    /// # Panics
    /// When the answer names none.
    #[must_use]
    #[track_caller]
    pub fn case_id(&self) -> &str {
        self["case_id"].as_str().unwrap_or_else(|| panic!("no case_id: {}", self.text))
    }

    /// The code of the receipt.
    ///
    /// # Panics
    /// When the answer has none.
    #[must_use]
    #[track_caller]
    pub fn receipt_code(&self) -> &str {
        self["receipt_code"].as_str().unwrap_or_else(|| panic!("no receipt_code: {}", self.text))
    }

    /// The version of the case.
    ///
    /// # Panics
    /// When the answer has none.
    #[must_use]
    #[track_caller]
    pub fn version(&self) -> u64 {
        self["version"].as_u64().unwrap_or_else(|| panic!("no version: {}", self.text))
    }

    /// The items of a list.
    ///
    /// # Panics
    /// When the answer is no list.
    #[must_use]
    #[track_caller]
    pub fn items(&self) -> &[Value] {
        self["items"].as_array().unwrap_or_else(|| panic!("no items: {}", self.text))
    }

    /// A figure of an overview, by name.
    ///
    /// # Panics
    /// When the answer has none of this name.
    #[must_use]
    #[track_caller]
    pub fn figure(&self, name: &str) -> &Value {
        let figure = &self["figures"][name];
        assert!(figure.is_object(), "no figure {name}: {}", self.text);
        figure
    }

    /// The names of the events that a command made.
    ///
    /// # Panics
    /// When the answer has none.
    #[must_use]
    #[track_caller]
    pub fn event_names(&self) -> Vec<&str> {
        let events =
            self["events"].as_array().unwrap_or_else(|| panic!("no events: {}", self.text));
        events.iter().map(|event| event_name(event["type"].as_str().unwrap_or_default())).collect()
    }
}

impl Index<&str> for Answer {
    type Output = Value;

    fn index(&self, field: &str) -> &Value {
        &self.json[field]
    }
}
