//! Forms, filled the way people fill them: by the names of their controls.

use serde_json::json;

use super::page::Page;
use super::town::Account;
use crate::api::{Api, PASSWORD};

impl Page {
    /// Moves the visitor to another address of the same house, as when it was started again: cookies stay.
    pub fn moved_to(&mut self, origin: &str) {
        self.set_origin(origin);
    }

    /// Signs in as somebody with an account, unless the session still holds.
    ///
    /// # Panics
    /// When it does not lead on.
    #[track_caller]
    pub fn sign_in_as(&self, person: &Api) {
        let (username, password) = (person.username().to_owned(), PASSWORD.to_owned());
        self.goto("/");
        if !self.is_signed_in() {
            self.sign_in(&Account { username, password });
        }
    }

    /// Whether the page is one of somebody who is signed in.
    #[must_use]
    #[track_caller]
    pub fn is_signed_in(&self) -> bool {
        self.evaluate("!!document.querySelector('form[action=\"/sign-out\"]')") == json!(true)
    }

    /// Goes to a case and from there to the form of something to do with it.
    ///
    /// # Panics
    /// When the case's page does not offer it.
    #[track_caller]
    pub fn deed(&self, case_id: &str, name: &str) {
        self.goto(&format!("/cases/{case_id}"));
        assert!(self.offers(name), "{name} is not offered: {}", self.text());
        let link = format!("main a[href$=\"/do/{name}\"]");
        self.unfold(&link);
        self.leads_on(name, || self.click(&link));
    }

    /// Whether the page of a case offers something to do.
    #[must_use]
    #[track_caller]
    pub fn offers(&self, name: &str) -> bool {
        let link = json!(format!("main a[href$=\"/do/{name}\"]"));
        self.evaluate(&format!("!!document.querySelector({link})")) == json!(true)
    }

    /// Opens what something is folded into.
    #[track_caller]
    fn unfold(&self, selector: &str) {
        let selector = json!(selector);
        let unfolded = self.evaluate(&format!(
            "(() => {{ for (let one = document.querySelector({selector}); one; one = one.parentElement)
                if (one.localName === 'details') one.open = true; return true; }})()"
        ));
        assert_eq!(unfolded, json!(true));
    }

    /// Types into the control of a name, instead of what stands in it; opens what it is folded into.
    #[track_caller]
    pub fn write(&self, name: &str, text: &str) {
        let control = format!("main [name=\"{name}\"]:not([type=hidden])");
        self.unfold(&control);
        self.fill(&control, text);
    }

    /// Chooses one of the buttons of a name; opens what it is folded into.
    #[track_caller]
    pub fn choose(&self, name: &str, value: &str) {
        let chip = format!("label:has([name=\"{name}\"][value=\"{value}\"])");
        self.unfold(&chip);
        self.click(&chip);
    }

    /// Takes an entry of a list that opens.
    ///
    /// # Panics
    /// When the list has no such entry.
    #[track_caller]
    pub fn pick(&self, name: &str, value: &str) {
        let (name, value) = (json!(format!("select[name=\"{name}\"]")), json!(value));
        let picked = self.evaluate(&format!(
            "(() => {{ const list = document.querySelector({name}); list.value = {value};
                list.dispatchEvent(new Event('change', {{ bubbles: true }})); return list.value === {value}; }})()"
        ));
        assert_eq!(picked, json!(true), "{value} is not in {name}");
    }

    /// Presses the button that sends the form of the page, and waits for the page behind it.
    #[track_caller]
    pub fn send_form(&self) {
        self.leads_on("sending the form", || {
            self.click("main form.form div.buttons > button[type=submit]:not([hidden])");
        });
    }

    /// What stands in the control of a name.
    #[must_use]
    #[track_caller]
    pub fn written(&self, name: &str) -> String {
        let selector = json!(format!("main [name=\"{name}\"]"));
        let value = self.evaluate(&format!("document.querySelector({selector}).value"));
        value.as_str().unwrap_or_default().to_owned()
    }

    /// The text of what a selector finds first.
    ///
    /// # Panics
    /// When it finds nothing.
    #[must_use]
    #[track_caller]
    pub fn text_of(&self, selector: &str) -> String {
        let text = self.evaluate(&format!("document.querySelector({}).innerText", json!(selector)));
        text.as_str().unwrap_or_default().trim().to_owned()
    }

    /// The token of the visitor's session, which no script of a page can read.
    ///
    /// # Panics
    /// When the visitor is not signed in.
    #[must_use]
    #[track_caller]
    pub fn session_token(&self) -> String {
        let kept = self.call("Network.getCookies", json!({ "urls": [self.origin()] }));
        let cookies = kept["cookies"].as_array().expect("a list");
        let cookie = cookies.iter().find(|cookie| cookie["name"] == "unstuck_session");
        cookie.and_then(|cookie| cookie["value"].as_str()).expect("a session").to_owned()
    }
}
