//! The pictures of the README: the main pages of the demo, in Chinese, as people at their desks and citizens see them. They
//! are written to `target/screenshots/readme/`; copy them to `deploy/screenshots/` when the pages have changed.

use std::fs;
use std::path::PathBuf;

use unstuck_tests::binary::repository;
use unstuck_tests::browser::{Browser, Looks, Page, Size, Town};

/// A working day of the demo, in the middle of office hours.
const NOW: &str = "2026-03-04T10:02:00+08:00";

/// Bytes of a picture: a README loads all of them.
const BYTES_MAX: u64 = 200 * 1024;

#[test]
fn the_main_pages_have_a_picture_that_a_readme_can_carry() {
    let town = Town::start(NOW);
    let browser = Browser::start();
    let at = |name: &str| {
        let page = browser.page(town.address());
        page.goto("/");
        page.sign_in(town.account(name));
        page
    };

    let counter = at("clerk-donghuashi");
    counter.write("matter", "退休手续办理");
    counter.press("Escape");
    counter.write("demand", "快到退休年龄，在外区租房，不知道找谁办");
    counter.wait_until("document.querySelector('#similar article')");
    counter.choose("cause", "I");
    counter.choose("blocked_stage", "consult");
    keep(&counter, "counter");

    let inbox = at("handler-hr");
    keep(&inbox, "inbox");
    let first = "main a[href^=\"/cases/\"]:not([href*=\"/do/\"])";
    inbox.leads_on("a case", || inbox.click(first));
    keep(&inbox, "case");
    let receipt = inbox.evaluate("document.querySelector('main a[href^=\"/s/\"]').pathname");

    let coordinator = at("coordinator");
    coordinator.goto("/district");
    keep(&coordinator, "district");
    coordinator.goto("/task-forces");
    keep(&coordinator, "task-forces");

    let citizen = browser.page(town.address());
    citizen.look(Looks { size: Size::PHONE, ..Looks::COUNTER });
    citizen.goto(receipt.as_str().expect("the case names its public page"));
    keep(&citizen, "status");
}

/// Takes the picture from the top of the page, with nothing in it that blinks.
#[track_caller]
fn keep(page: &Page, name: &str) -> PathBuf {
    let calm =
        "(document.activeElement?.blur(), scrollTo(0, 0), document.fonts.ready.then(() => true))";
    assert_eq!(page.evaluate(calm), serde_json::json!(true));
    let file = page.picture(&format!("readme/{name}"));
    let bytes = fs::metadata(&file).expect("it was written").len();
    assert!(bytes <= BYTES_MAX, "{name} has {bytes} bytes");
    assert!(file.starts_with(repository().join("target")), "{}", file.display());
    file
}
