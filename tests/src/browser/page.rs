//! One visitor's page: where they go, what they see, what they press.
//!
//! Invariants: a click is the mouse's, at the middle of what is seen there, and fails when something else lies over
//! it; what leads to another page is waited for until that page has loaded.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread;

use serde_json::{Value, json};

use super::looks::Looks;
use super::protocol::{Connection, Event};
use super::town::Account;
use crate::waiting::{SOON, wait_for};

/// A page, and the visitor in front of it.
#[derive(Debug)]
pub struct Page {
    connection: Arc<Connection>,
    context: String,
    target: String,
    session: String,
    origin: String,
    owns_context: bool,
    /// Up to where its events have been looked at for faults.
    pub(super) looked_at: AtomicUsize,
}

impl Page {
    #[track_caller]
    pub(super) fn open(connection: &Arc<Connection>, origin: &str) -> Self {
        let context = connection.call(None, "Target.createBrowserContext", json!({}));
        let context = text(&context.expect("a visitor can be added"), "browserContextId");
        Self::open_in(connection, context, origin, true)
    }

    #[track_caller]
    fn open_in(
        connection: &Arc<Connection>,
        context: String,
        origin: &str,
        owns_context: bool,
    ) -> Self {
        let call = |method: &str, params: Value| {
            connection.call(None, method, params).unwrap_or_else(|why| panic!("{why}"))
        };
        let blank = json!({ "url": "about:blank", "browserContextId": context });
        let target = text(&call("Target.createTarget", blank), "targetId");
        let attach = json!({ "targetId": target, "flatten": true });
        let session = text(&call("Target.attachToTarget", attach), "sessionId");
        let page = Self {
            connection: Arc::clone(connection),
            context,
            target,
            session,
            origin: origin.trim_end_matches('/').to_owned(),
            owns_context,
            looked_at: AtomicUsize::new(0),
        };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        // Each page believes that its window is in front, however many there are.
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page.look(Looks::COUNTER);
        page
    }

    /// Another page of the same visitor, as in a second tab: it has the same cookies.
    #[must_use]
    #[track_caller]
    pub fn another(&self) -> Self {
        Self::open_in(&self.connection, self.context.clone(), &self.origin, false)
    }

    /// The address that paths are relative to.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub(super) fn set_origin(&mut self, origin: &str) {
        origin.trim_end_matches('/').clone_into(&mut self.origin);
    }

    /// Goes to a path of the origin, and waits until the page has loaded. Gives the status of the answer.
    ///
    /// # Panics
    /// When it does not load.
    #[track_caller]
    pub fn goto(&self, path: &str) -> u16 {
        let url =
            if path.starts_with('/') { format!("{}{path}", self.origin) } else { path.to_owned() };
        let mark = self.mark();
        let went = self.call("Page.navigate", json!({ "url": url }));
        assert!(went.get("errorText").is_none(), "{url}: {}", went["errorText"]);
        if went.get("loaderId").is_some() {
            self.wait_load(mark, &url);
        }
        self.status_since(mark)
    }

    /// Loads the page again. Gives the status of the answer.
    #[track_caller]
    pub fn reload(&self) -> u16 {
        let mark = self.mark();
        self.leads_on("loading again", || {
            self.call("Page.reload", json!({}));
        });
        self.status_since(mark)
    }

    /// Presses the Back button.
    ///
    /// # Panics
    /// When there is no page to go back to.
    #[track_caller]
    pub fn back(&self) {
        let history = self.call("Page.getNavigationHistory", json!({}));
        let current = history["currentIndex"].as_u64().unwrap_or_default();
        let before = usize::try_from(current).ok().and_then(|current| current.checked_sub(1));
        let entry = &history["entries"][before.expect("there is a page to go back to")]["id"];
        self.leads_on("going back", || {
            self.call("Page.navigateToHistoryEntry", json!({ "entryId": entry }));
        });
    }

    /// Does something that leads to another page (or the same one again), and waits until that has loaded.
    ///
    /// # Panics
    /// When nothing loads.
    #[track_caller]
    pub fn leads_on(&self, what: &str, act: impl FnOnce()) {
        let mark = self.mark();
        act();
        self.wait_load(mark, what);
    }

    #[track_caller]
    fn wait_load(&self, mark: usize, what: &str) {
        // A page that the browser had kept is there again without loading.
        let loaded = |event: &Event| {
            let is_kept = event.params["type"] == "BackForwardCacheRestore";
            (event.method == "Page.loadEventFired" || is_kept).then_some(())
        };
        let waited = self.connection.wait_event(&self.session, mark, SOON, loaded);
        waited.unwrap_or_else(|why| panic!("{what} leads to no page: {why} ({})", self.url()));
    }

    /// The status of the last document that came since a mark; 0 when there was none.
    fn status_since(&self, mark: usize) -> u16 {
        let events = self.events_since(mark);
        let status = events.iter().rev().find_map(|event| {
            let is_document =
                event.method == "Network.responseReceived" && event.params["type"] == "Document";
            is_document.then(|| event.params["response"]["status"].as_u64()).flatten()
        });
        status.and_then(|status| u16::try_from(status).ok()).unwrap_or_default()
    }

    /// Where it is now.
    #[must_use]
    #[track_caller]
    pub fn url(&self) -> String {
        self.evaluate("location.href").as_str().unwrap_or_default().to_owned()
    }

    /// Path and query of where it is now.
    #[must_use]
    #[track_caller]
    pub fn path(&self) -> String {
        let path = self.evaluate("location.pathname + location.search");
        path.as_str().unwrap_or_default().to_owned()
    }

    /// What can be read on it.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> String {
        let text = self.evaluate("document.body ? document.body.innerText : ''");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The value of a JavaScript expression; of what it resolves to when it is a promise.
    ///
    /// # Panics
    /// When it throws.
    #[must_use]
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> Value {
        self.try_evaluate(expression, None).unwrap_or_else(|why| panic!("{expression}: {why}"))
    }

    pub(super) fn try_evaluate(
        &self,
        expression: &str,
        context: Option<u64>,
    ) -> Result<Value, String> {
        let mut params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        if let Some(context) = context {
            params["contextId"] = json!(context);
        }
        let session = Some(self.session.as_str());
        let mut answer = self.connection.call(session, "Runtime.evaluate", params)?;
        match answer.get("exceptionDetails") {
            Some(details) => Err(details.to_string()),
            None => Ok(answer["result"]["value"].take()),
        }
    }

    /// Waits until a JavaScript expression is true; pages that come and go meanwhile do not matter.
    ///
    /// # Panics
    /// When it does not become true.
    #[track_caller]
    pub fn wait_until(&self, expression: &str) {
        wait_for(expression, || {
            let value = self.try_evaluate(&format!("!!({expression})"), None).ok()?;
            value.as_bool().filter(|is_true| *is_true)
        });
    }

    /// Waits until something can be read on it.
    ///
    /// # Panics
    /// When it cannot.
    #[track_caller]
    pub fn wait_text(&self, text: &str) {
        self.wait_until(&format!("document.body?.innerText.includes({})", json!(text)));
    }

    /// Whether something that this selector finds is seen.
    #[must_use]
    #[track_caller]
    pub fn sees(&self, selector: &str) -> bool {
        let selector = json!(selector);
        self.evaluate(&format!("document.querySelector({selector})?.checkVisibility() ?? false"))
            == json!(true)
    }

    /// Clicks what a selector finds first.
    ///
    /// # Panics
    /// When nothing is there to click, or something lies over it.
    #[track_caller]
    pub fn click(&self, selector: &str) {
        self.click_on(&format!("document.querySelector({})", json!(selector)));
    }

    /// Clicks the link, button or label with exactly these words.
    ///
    /// # Panics
    /// When nothing is there to click, or something lies over it.
    #[track_caller]
    pub fn click_text(&self, words: &str) {
        self.click_on(&format!(
            "[...document.querySelectorAll('a[href],button,summary,label,[role=button]')]\
             .find(one => one.checkVisibility() && one.innerText.trim() === {})",
            json!(words)
        ));
    }

    /// Clicks what an expression finds.
    #[track_caller]
    fn click_on(&self, finding: &str) {
        let place = wait_for(&format!("something to click: {finding}"), || {
            let looked = self.try_evaluate(
                &format!(
                    "(() => {{ const one = {finding}; if (!one) return null;
                      one.scrollIntoView({{ block: 'center', inline: 'center', behavior: 'instant' }});
                      const box = one.getClientRects()[0]; if (!box) return null;
                      const x = box.x + box.width / 2, y = box.y + box.height / 2;
                      const hit = document.elementFromPoint(x, y);
                      const label = one.labels ? [...one.labels] : [];
                      return [one, ...label].some(part => part.contains(hit)) ? [x, y] : null; }})()"
                ),
                None,
            );
            looked.ok().filter(Value::is_array)
        });
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            self.call(
                "Input.dispatchMouseEvent",
                json!({
                    "type": kind, "x": place[0], "y": place[1],
                    "button": if kind == "mouseMoved" { "none" } else { "left" }, "clickCount": 1,
                }),
            );
        }
    }

    /// Signs in on the page of that, and waits for the page behind it.
    ///
    /// # Panics
    /// When it does not lead on.
    #[track_caller]
    pub fn sign_in(&self, account: &Account) {
        if !self.sees("input[type=password]") {
            self.goto("/sign-in");
        }
        self.fill("input[autocomplete=username], input[name=username]", &account.username);
        self.fill("input[type=password]", &account.password);
        self.leads_on("signing in", || self.press("Enter"));
        assert!(self.is_signed_in(), "not signed in: {}", self.text());
    }

    /// Switches the visitor's scripts off, or on again; the page is to be loaded again after that.
    #[track_caller]
    pub fn without_script(&self, is_off: bool) {
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": is_off }));
    }

    /// Cuts the visitor's line to everything (`true`), or mends it.
    #[track_caller]
    pub fn offline(&self, is_off: bool) {
        self.call(
            "Network.emulateNetworkConditions",
            json!({ "offline": is_off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 }),
        );
    }

    /// Removes the visitor's cookies, as when a session has ended on the other side.
    #[track_caller]
    pub fn forget_cookies(&self) {
        self.call("Network.clearBrowserCookies", json!({}));
    }

    /// Calls a method of the DevTools protocol, for what no other function does.
    ///
    /// # Panics
    /// When the browser refuses.
    #[track_caller]
    pub fn call(&self, method: &str, params: Value) -> Value {
        let called = self.connection.call(Some(&self.session), method, params);
        called.unwrap_or_else(|why| panic!("{why}"))
    }

    pub(super) fn mark(&self) -> usize {
        self.connection.mark(&self.session)
    }

    pub(super) fn events_since(&self, mark: usize) -> Vec<Event> {
        self.connection.events_since(&self.session, mark)
    }

    /// A world of its own beside the page's scripts: what runs there is not held by the page's content policy and
    /// leaves nothing in its globals. It goes with the next page.
    #[track_caller]
    pub(super) fn isolated_world(&self) -> u64 {
        let tree = self.call("Page.getFrameTree", json!({}));
        let frame = &tree["frameTree"]["frame"]["id"];
        let world = json!({ "frameId": frame, "worldName": "checks" });
        let world = self.call("Page.createIsolatedWorld", world);
        world["executionContextId"].as_u64().expect("a world has an id")
    }

    /// Leaves a picture and the address behind, for whoever reads why a test failed.
    fn leave_trace(&self) {
        let call = |method: &str, params: Value| {
            self.connection.call(Some(&self.session), method, params).unwrap_or_default()
        };
        let history = call("Page.getNavigationHistory", json!({}));
        let at = usize::try_from(history["currentIndex"].as_u64().unwrap_or_default());
        let url = &history["entries"][at.unwrap_or_default()]["url"];
        let test = thread::current().name().unwrap_or("test").replace("::", "-");
        let name = format!("failed-{test}-{}", self.session.get(..4).unwrap_or_default());
        eprintln!("---- the page was at {url}; target/screenshots/{name}.png shows it ----");
        // A second panic would hide the first.
        if call("Page.captureScreenshot", json!({}))["data"].is_string() {
            self.picture(&name);
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        if thread::panicking() {
            self.leave_trace();
        }
        // The browser may have ended before its pages.
        let _ = if self.owns_context {
            let context = json!({ "browserContextId": self.context });
            self.connection.call(None, "Target.disposeBrowserContext", context)
        } else {
            self.connection.call(None, "Target.closeTarget", json!({ "targetId": self.target }))
        };
    }
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("{answer} has no {name}")).to_owned()
}
