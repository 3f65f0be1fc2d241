//! Every page, looked at by everybody who can reach it: in both languages, both themes, on the counter's screen and on a
//! telephone, with the keyboard, and without the script.

use unstuck_tests::browser::{Browser, Town, Walk};

/// A Wednesday morning: the counters are open, cases of the year before stand at every step.
const START: &str = "2026-03-18T10:00:00+08:00";

/// Who walks, and where they begin; the names of the demo's accounts without `demo-`.
const WALKERS: &[(&str, &str)] = &[
    ("clerk-donghuashi", "/counter"),
    ("director-donghuashi", "/cases"),
    ("handler-hr", "/inbox"),
    ("lead-hr", "/inbox"),
    ("coordinator", "/district"),
    ("callback", "/callbacks"),
    ("privacy", "/cases"),
    ("auditor", "/district"),
    ("admin", "/admin/accounts"),
];

/// Kinds of pages that the walk is known to reach; when one is missing here, a link to it was lost.
const MET: &[&str] = &[
    "/sign-in",
    "/status",
    "/s/…",
    "/password",
    "/counter",
    "/cases",
    "/cases/…",
    "/cases/…/do/…",
    "/cases/…/receipt",
    "/consultations",
    "/callbacks",
    "/callbacks/…",
    "/inbox",
    "/task-forces",
    "/district",
    "/figures/…",
    "/wall",
    "/improvements",
    "/precedents",
    "/audit",
    "/admin/accounts",
    "/admin/accounts/…",
    "/admin/tokens",
    "/second-factor",
    "/lock",
];

#[test]
fn every_page_of_everybody_is_without_fault() {
    let town = Town::start(START);
    let browser = Browser::start();
    let mut walk = Walk::default();
    let visitor = browser.page(town.address());
    for start in ["/", "/status", "/sign-in"] {
        walk.follow(&visitor, "visitor", start);
    }
    for path in ["/s/AAAA-AAAA-AAAA", "/nowhere"] {
        walk.look_at(&visitor, "visitor", path, 404);
    }
    for (name, start) in WALKERS {
        let page = browser.page(town.address());
        page.sign_in(town.account(name));
        walk.follow(&page, name, start);
    }
    let counter = browser.page(town.address());
    counter.sign_in(town.account("clerk-donghuashi"));
    counter.leads_on("locking", || {
        let _ =
            counter.evaluate("document.querySelector('form[action=\"/lock\"]').requestSubmit()");
    });
    walk.follow(&counter, "clerk who locked", "/lock");
    let kinds = walk.kinds();
    let unmet: Vec<_> = MET.iter().filter(|kind| !kinds.contains(kind)).collect();
    assert!(
        walk.faults().is_empty(),
        "{} faults:\n{}",
        walk.faults().len(),
        walk.faults().join("\n")
    );
    assert!(unmet.is_empty(), "never met: {unmet:?}; met: {kinds:?}");
}
