//! Somebody who holds a token and nothing else: no account that the tests know, no key of an earlier request.

use std::borrow::Borrow;

use serde_json::Value;

use crate::api::{Answer, Api};
use crate::district::District;

/// The holder of a token.
pub struct Holder {
    anybody: Api,
    token: String,
}

impl Holder {
    /// Who holds this token at a district.
    #[must_use]
    pub fn of(district: &District, token: &str) -> Self {
        Self { anybody: district.anybody(), token: token.to_owned() }
    }

    /// Asks with the token.
    #[must_use]
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let request = self.anybody.request(method, path).header("authorization", bearer);
        match body {
            Some(body) => request.json(body).send(),
            None => request.send(),
        }
    }

    /// Reads.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None)
    }

    /// Writes.
    pub fn post(&self, path: &str, body: impl Borrow<Value>) -> Answer {
        self.ask("POST", path, Some(body.borrow()))
    }
}
