//! The counter in a browser: a case within a minute by the keyboard alone, and whatever a day at the counter brings: input
//! methods, impatient fingers, the Back button, a lunch break in the middle of a form, a session that ends, names that
//! few fonts have, a receipt on paper.

use std::cell::Cell;

use serde_json::{Value, json};
use unstuck_tests::bodies::phone;
use unstuck_tests::browser::{Browser, Page};
use unstuck_tests::district::Place;
use unstuck_tests::{Api, District, wait_for, wait_until};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

/// Keys that a practised clerk presses in a second.
const KEYS_A_SECOND: u32 = 5;

/// Seconds that typing one registration may take.
const TYPING_SECONDS_MAX: u32 = 60;

/// Things that must be filled in.
const REQUIRED_MAX: usize = 6;

/// What nobody types without a reason.
const MARKUP: &str =
    "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>";

/// The counter of a center, with a clerk for each scene: drafts are kept by person.
struct Counter {
    district: District,
    browser: Browser,
    clerks: Cell<u32>,
}

impl Counter {
    /// A clerk who sits down and sees the empty form.
    fn clerk(&self) -> (Page, Api) {
        let number = self.clerks.get() + 1;
        self.clerks.set(number);
        let place = Place::Center("donghuashi");
        let clerk = self.district.staff(&format!("clerk-{number}"), "clerk", place);
        let page = self.browser.page(&self.district.address());
        page.sign_in_as(&clerk);
        assert_eq!(page.path(), "/counter", "where a clerk begins");
        (page, clerk)
    }

    /// Fills what must be said, for the `n`-th person.
    fn fill(&self, page: &Page, n: u32) {
        page.write("matter", "楼道堆物清理");
        page.write("demand", "楼道里堆满了旧家具，想知道归谁管");
        page.choose("cause", "I");
        page.choose("blocked_stage", "consult");
        page.write("applicant.name", "样例");
        page.write("applicant.phone", &phone(n));
    }

    /// How many cases the people with the `n`-th telephone have; the views may need a moment for a new one.
    fn total(&self, clerk: &Api) -> u64 {
        clerk.get("/v1/cases").json["total"].as_u64().expect("a total")
    }
}

/// The case whose receipt the page shows.
fn case_on(page: &Page, clerk: &Api) -> Value {
    let path = page.path();
    assert!(path.contains("/receipt?new="), "no receipt at {path}: {}", page.text());
    let id = path.trim_start_matches("/cases/").split('/').next().unwrap_or_default();
    clerk.case(id)
}

/// Hands on a keyboard: every key that they press is counted.
struct Hands<'a> {
    page: &'a Page,
    pressed: Cell<usize>,
}

impl Hands<'_> {
    fn press(&self, key: &str) {
        self.count(key.split('+').count());
        self.page.press(key);
    }

    fn letters(&self, text: &str) {
        self.count(text.chars().count());
        self.page.type_text(text);
    }

    fn compose(&self, typed: &str, chosen: &str) {
        self.count(typed.chars().count() + 1);
        self.page.compose(typed, chosen);
    }

    fn count(&self, keys: usize) {
        self.pressed.set(self.pressed.get() + keys);
    }

    /// The name of the control that has the focus.
    fn is_at(&self, name: &str) {
        self.page.wait_until(&format!("document.activeElement?.name === {}", json!(name)));
    }
}

#[test]
fn a_day_at_the_counter() {
    let counter = Counter {
        district: District::start(Some(START)),
        browser: Browser::start(),
        clerks: Cell::new(0),
    };
    by_the_keyboard_alone_within_a_minute(&counter);
    sent_twice_and_gone_back_it_is_one_case(&counter);
    a_draft_survives_a_reload_and_the_end_of_the_shift(&counter);
    a_session_that_ends_in_the_middle_loses_nothing(&counter);
    a_name_that_few_fonts_have_and_a_telephone_in_wide_digits(&counter);
    markup_is_text_wherever_it_comes_back(&counter);
    it_works_without_script(&counter);
    a_line_that_breaks_keeps_what_was_typed(&counter);
}

fn by_the_keyboard_alone_within_a_minute(counter: &Counter) {
    let (page, clerk) = counter.clerk();
    let required = page.evaluate(
        "new Set([...document.querySelectorAll('main form.form [required]')]
           .filter(one => one.checkVisibility()).map(one => one.name)).size",
    );
    assert!(required.as_u64().is_some_and(|n| n <= REQUIRED_MAX as u64 && n > 0), "{required}");

    let hands = Hands { page: &page, pressed: Cell::new(0) };
    hands.is_at("matter");
    hands.letters("txsx");
    page.wait_until("document.querySelector('#matter-list [role=option]')");
    hands.press("Enter");
    assert_eq!(page.written("matter"), "退休手续办理");
    hands.press("Tab");
    hands.is_at("demand");
    hands.compose("kuaidaotuixiunianling", "快到退休年龄");
    hands.letters(",");
    hands.compose("buzhidaozhaoshuibanshouxu", "不知道找谁办手续");
    // What was done for others, and by whom, stands beside it before it is sent.
    page.wait_until("document.querySelector('#similar').innerText.includes('区人力资源')");
    hands.press("Tab");
    hands.is_at("cause");
    hands.press(" ");
    for _ in 0..20 {
        hands.press("Tab");
        if page.evaluate("document.activeElement.name") == json!("blocked_stage") {
            break;
        }
    }
    hands.is_at("blocked_stage");
    hands.press(" ");
    hands.press("Tab");
    hands.is_at("applicant.name");
    hands.compose_and_wait("yangli", "样例甲");
    hands.press("Tab");
    hands.is_at("applicant.phone");
    hands.letters(&phone(1));
    page.leads_on("Ctrl+Enter", || hands.press("Control+Enter"));
    let seconds = hands.pressed.get() as u32 / KEYS_A_SECOND;
    println!("{} keys, {seconds} s", hands.pressed.get());
    assert!(seconds <= TYPING_SECONDS_MAX, "{} keys are {seconds} s", hands.pressed.get());

    let case = case_on(&page, &clerk);
    assert_eq!(case["matter"]["name"], "退休手续办理");
    assert_eq!(case["demand"], "快到退休年龄,不知道找谁办手续");
    page.nothing_odd();
    on_paper(&page, counter, &case);

    // The next one: one key, an empty form, the cursor in it.
    page.leads_on("the next one", || page.press("n"));
    assert_eq!(page.path(), "/counter");
    hands.is_at("matter");
    assert_eq!(page.written("demand"), "");
}

impl Hands<'_> {
    /// Composes a name; the Enter that ends it sends nothing, and neither does one after it.
    fn compose_and_wait(&self, typed: &str, chosen: &str) {
        self.compose(typed, chosen);
        self.page.press("Enter");
        assert_eq!(self.page.path(), "/counter", "an Enter of the input method sends the form");
        assert_eq!(self.page.written("applicant.name"), chosen);
        self.is_at("applicant.name");
    }
}

/// The receipt on the roll of a counter printer and on A5: its code leads to the public page of this case.
fn on_paper(page: &Page, counter: &Counter, case: &Value) {
    let code = case["receipt_code"].as_str().expect("a code");
    let address = format!("{}/s/{code}", page.origin());
    for (paper, width, height) in [("roll", 80.0, None), ("a5", 148.0, Some(210.0))] {
        let id = case["case_id"].as_str().expect("an id");
        page.goto(&format!("/cases/{id}/receipt?paper={paper}"));
        let printed = page.print_pdf();
        let (wide, high) = printed.millimetres();
        assert!((wide - width).abs() < 1.0, "{paper} is {wide} mm wide");
        assert!(height.is_none_or(|height: f64| (high - height).abs() < 1.0), "{paper}: {high} mm");
        assert_eq!(printed.sheets(), 1, "{paper}");
        assert_eq!(printed.qr_codes(), [address.as_str()], "{paper}");
        let text = printed.text();
        assert!(text.contains(code) && !text.contains("样例甲"), "{paper}: {text}");
    }
    let citizen = counter.browser.page(&counter.district.address());
    assert_eq!(citizen.goto(&address), 200);
    citizen.wait_text(case["case_no"].as_str().expect("a number"));
    citizen.nothing_odd();
    page.goto(&format!("/cases/{}/receipt?new=1", case["case_id"].as_str().unwrap_or_default()));
}

fn sent_twice_and_gone_back_it_is_one_case(counter: &Counter) {
    let (page, clerk) = counter.clerk();
    let before = counter.total(&clerk);
    counter.fill(&page, 2);
    page.leads_on("two impatient clicks", || {
        page.press("Control+Enter");
        page.press("Control+Enter");
    });
    let number = case_on(&page, &clerk)["case_no"].clone();
    wait_until("it is in the list", || counter.total(&clerk) == before + 1);

    page.back();
    page.wait_until("document.readyState === 'complete'");
    assert_eq!(page.path(), "/counter");
    // Whatever the browser has kept of the form, sending it opens no second case.
    if page.written("demand").is_empty() {
        counter.fill(&page, 2);
    }
    page.send_form();
    let text = page.text();
    assert!(text.contains(number.as_str().expect("a number")), "which case it is: {text}");
    assert_eq!(counter.total(&clerk), before + 1);
}

fn a_draft_survives_a_reload_and_the_end_of_the_shift(counter: &Counter) {
    let (page, _) = counter.clerk();
    page.write("demand", "写到一半，有人来问路");
    page.choose("cause", "M");
    page.wait_until("document.querySelector('[data-draft-note]').innerText.trim() !== ''");
    page.reload();
    assert_eq!(page.written("demand"), "写到一半，有人来问路");
    assert!(page.sees("form[action=\"/drafts/opening/discard\"]"), "{}", page.text());

    page.click("details.menu summary");
    page.leads_on("signing out", || page.click("form[action=\"/sign-out\"] button"));
    let username = format!("clerk-{}", counter.clerks.get());
    page.sign_in_as(&counter.district.person(&username));
    assert_eq!(page.written("demand"), "写到一半，有人来问路");
    assert_eq!(page.evaluate("document.querySelector('[name=cause]:checked').value"), json!("M"));
    page.leads_on("throwing it away", || {
        page.click("form[action=\"/drafts/opening/discard\"] button");
    });
    assert_eq!(page.written("demand"), "");
    page.reload();
    assert_eq!(page.written("demand"), "", "it does not come back");
    page.nothing_odd();
}

fn a_session_that_ends_in_the_middle_loses_nothing(counter: &Counter) {
    let (page, clerk) = counter.clerk();
    let before = counter.total(&clerk);
    counter.fill(&page, 3);
    let anybody = counter.district.anybody();
    let ended = anybody.request("DELETE", "/v1/session");
    let token = format!("Bearer {}", page.session_token());
    ended.header("authorization", token).send().expect_status(204);
    page.send_form();
    assert!(page.sees("input[type=password]"), "{}", page.text());
    page.sign_in(&unstuck_tests::browser::Account {
        username: clerk.username().to_owned(),
        password: unstuck_tests::api::PASSWORD.to_owned(),
    });
    assert_eq!(case_on(&page, &clerk)["demand"], "楼道里堆满了旧家具，想知道归谁管");
    wait_until("it is in the list", || counter.total(&clerk) == before + 1);
}

fn a_name_that_few_fonts_have_and_a_telephone_in_wide_digits(counter: &Counter) {
    let (page, clerk) = counter.clerk();
    counter.fill(&page, 4);
    page.write("demand", "户口本上的名字𠮷㐂打不出来");
    page.write("applicant.name", "𠮷㐂");
    page.write("applicant.phone", "１３８ ００００ ０００４");
    page.send_form();
    let case = case_on(&page, &clerk);
    let id = case["case_id"].as_str().expect("an id");
    let purpose = json!({ "purpose": "核对申请人身份" });
    let revealed = clerk.act(id, "reveal", purpose).expect_status(200);
    assert_eq!(revealed["name"], "𠮷㐂");
    assert_eq!(revealed["phone"], phone(4).as_str());
    page.goto(&format!("/cases/{id}"));
    let text = page.text();
    assert!(text.contains("户口本上的名字𠮷㐂打不出来") && !text.contains('\u{fffd}'), "{text}");
    assert!(!text.contains(&phone(4)), "the telephone is masked: {text}");
    page.nothing_odd();
}

fn markup_is_text_wherever_it_comes_back(counter: &Counter) {
    let (page, clerk) = counter.clerk();
    counter.fill(&page, 5);
    page.choose("channel", "window");
    // What fits into a hundred characters.
    let short = "<img src=x onerror=\"document.title='taken'\">";
    page.write("matter", short);
    page.press("Escape");
    page.write("demand", MARKUP);
    page.write("summary", MARKUP);
    page.write("applicant.name", short);
    page.write("applicant.address", MARKUP);
    page.wait_until("document.querySelector('[data-draft-note]').innerText.trim() !== ''");
    page.reload();
    is_text(&page, MARKUP);
    page.send_form();
    is_text(&page, short);
    let case = case_on(&page, &clerk);
    let id = case["case_id"].as_str().expect("an id");
    let code = case["receipt_code"].as_str().expect("a code");
    wait_for("it is in the list", || (counter.total(&clerk) > 0).then_some(()));
    for path in
        [format!("/cases/{id}"), "/cases".to_owned(), format!("/s/{code}"), "/district".to_owned()]
    {
        assert_eq!(page.goto(&path), 200, "{path}");
        is_text(&page, if path.starts_with("/district") { "" } else { short });
    }
    // Who types it next sees it beside the form, as text as well.
    page.goto("/counter");
    page.write("demand", MARKUP);
    page.wait_until("document.querySelector('[data-draft-note]').innerText.trim() !== ''");
    is_text(&page, "");
    page.nothing_odd();
}

/// Nothing of what was typed has become a part of the page.
#[track_caller]
fn is_text(page: &Page, text: &str) {
    let taken = page.evaluate("document.title === 'taken' || !!document.querySelector('img')");
    assert_eq!(taken, json!(false), "at {}: {}", page.url(), page.text());
    let read = page.evaluate(
        "document.body.innerText + [...document.querySelectorAll('input,textarea')].map(one => one.value).join(' ')",
    );
    assert!(
        read.as_str().is_some_and(|read| read.contains(text)),
        "{text} at {}: {read}",
        page.url()
    );
}

fn it_works_without_script(counter: &Counter) {
    let (page, clerk) = counter.clerk();
    page.without_script(true);
    page.goto("/counter");
    counter.fill(&page, 6);
    page.write("applicant.phone", "");
    page.send_form();
    assert!(page.text().contains("请填写联系电话"), "{}", page.text());
    assert_eq!(page.written("demand"), "楼道里堆满了旧家具，想知道归谁管");
    page.write("applicant.phone", &phone(6));
    page.send_form();
    assert_eq!(case_on(&page, &clerk)["matter"]["name"], "楼道堆物清理");
    page.without_script(false);
}

fn a_line_that_breaks_keeps_what_was_typed(counter: &Counter) {
    let (page, clerk) = counter.clerk();
    page.offline(true);
    page.write("demand", "断网时写下的话");
    page.wait_until("document.querySelector('[data-draft-note]').innerText.trim() !== ''");
    page.offline(false);
    let kept = || clerk.request("GET", "/v1/drafts/opening").send();
    wait_until("the draft is saved when the line is back", || {
        kept().text.contains("断网时写下的话")
    });
    page.reload();
    assert_eq!(page.written("demand"), "断网时写下的话");
}
