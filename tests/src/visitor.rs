//! A browser without script: it keeps cookies, fills forms, and follows nothing by itself.
//!
//! Invariant: a form sends what its page carries unseen and what was typed, and nothing else.

use std::collections::BTreeMap;

use crate::api::{Answer, PASSWORD};
use crate::{Api, District};

/// What a form sends: names and values, in order.
pub type Fields = Vec<(String, String)>;

/// Somebody in front of the pages.
#[derive(Debug)]
pub struct Visitor {
    anybody: Api,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// Somebody at the pages of a district.
    #[must_use]
    pub fn at(district: &District) -> Self {
        Self::of(district.anybody())
    }

    /// Somebody at the pages that `anybody` reaches.
    #[must_use]
    pub fn of(anybody: Api) -> Self {
        Self { anybody, cookies: BTreeMap::new() }
    }

    /// Somebody who has signed in.
    ///
    /// # Panics
    /// When the pages do not let them in.
    #[must_use]
    #[track_caller]
    pub fn signed_in(district: &District, username: &str) -> Self {
        let mut visitor = Self::at(district);
        let answer = visitor.sign_in(username, &[]);
        assert_eq!(answer.status, 303, "{}", answer.text);
        visitor
    }

    /// Signs in with the form of a page, or with what a page carries.
    #[track_caller]
    pub fn sign_in(&mut self, username: &str, carried: &[(String, String)]) -> Answer {
        let mut fields = carried.to_vec();
        fields.push(("username".to_owned(), username.to_owned()));
        fields.push(("password".to_owned(), PASSWORD.to_owned()));
        self.post("/sign-in", &fields)
    }

    /// Opens an address.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, None, &[])
    }

    /// Sends a form.
    #[track_caller]
    pub fn post(&mut self, path: &str, fields: &[(String, String)]) -> Answer {
        self.ask("POST", path, Some(fields), &[])
    }

    /// Sends any request, with further headers.
    ///
    /// # Panics
    /// When nobody answers.
    #[track_caller]
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        fields: Option<&[(String, String)]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.anybody.request(method, path).header("cookie", cookies.join("; "));
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        if let Some(fields) = fields {
            request = request.bytes("application/x-www-form-urlencoded", encoded(fields));
        }
        let answer = request.send();
        for cookie in &answer.cookies {
            let (name, value) = cookie
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .expect("a cookie is a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Ends the session behind the back of the browser.
    ///
    /// # Panics
    /// When there is none.
    pub fn lose_session(&self) {
        let token = &self.cookies["unstuck_session"];
        let ended = self.anybody.request("DELETE", "/v1/session");
        ended.header("authorization", format!("Bearer {token}")).send().expect_status(204);
    }
}

fn encoded(fields: &[(String, String)]) -> String {
    let escape = |text: &str| {
        text.bytes().fold(String::new(), |mut all, byte| {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                    all.push(char::from(byte));
                }
                _ => all.push_str(&format!("%{byte:02X}")),
            }
            all
        })
    };
    let pairs = fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// What the form that is sent to `action` carries unseen.
///
/// # Panics
/// When the page has no such form.
#[must_use]
#[track_caller]
pub fn hidden(answer: &Answer, action: &str) -> Fields {
    let start = format!("action=\"{action}\"");
    let form = answer.text.split("<form").find(|form| form.contains(&start));
    let form = form.unwrap_or_else(|| panic!("no form for {action}: {}", answer.text));
    let form = form.split("</form>").next().unwrap_or_default();
    form.split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|input| {
            let (name, rest) = input.split_once("\" value=\"").expect("a hidden input has a value");
            (name.to_owned(), plain(rest.split('"').next().unwrap_or_default()))
        })
        .collect()
}

fn plain(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
