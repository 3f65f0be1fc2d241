//! Story 1, Retirement (东花市, 26 to 28 January 2021), through the pages by its people: from the telephone call to the closed
//! case, and what the citizen reads on a telephone at every step.

use unstuck_tests::bodies::phone;
use unstuck_tests::browser::{Browser, Looks, Page, Size};
use unstuck_tests::{Api, District, wait_for};

const ASK: &str = "说明残疾人保险由国家缴纳的政策";
const RESULT: &str = "已在专窗办理退休申报，保险由国家缴纳";

/// The case, and who looks at it from outside.
struct Story {
    district: District,
    citizen: Page,
    id: String,
    code: String,
}

impl Story {
    /// The public page says that it stands so, by when, at whom; and nothing about the person.
    #[track_caller]
    fn is_public(&self, state: &str, words: &[&str]) {
        let code = &self.code;
        let label = wait_for(&format!("the receipt says {state}"), || {
            let answer = self.district.receipt(code);
            let label = answer["state_label"]["zh"].as_str().unwrap_or_default().to_owned();
            (answer["state"] == state).then_some(label)
        });
        self.citizen.goto(&format!("{}/s/{code}", self.district.address()));
        let text = self.citizen.text();
        for word in words.iter().copied().chain([label.as_str(), "退休手续办理"]) {
            assert!(text.contains(word), "{word} while {state}: {text}");
        }
        for secret in ["样例甲", phone(1).as_str(), "退役", "残疾证", ASK] {
            assert!(!text.contains(secret), "{secret} while {state}: {text}");
        }
    }

    /// Somebody comes to work: the page that they begin with.
    #[track_caller]
    fn at_work(&self, page: &mut Page, person: &Api) {
        page.moved_to(&self.district.address());
        page.sign_in_as(person);
        // What the page before asked of the house that is gone.
        let _ = page.odd_faults();
    }

    #[track_caller]
    fn state(&self, person: &Api) -> String {
        person.case(&self.id)["state"].as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_retirement_from_the_telephone_call_to_the_closed_case() {
    let district = District::start(Some("2021-01-26T15:10:00+08:00"));
    let browser = Browser::start();
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let federation = district.handler("disabled-federation");
    let callback = district.callback_officer();

    // The call.
    let desk = browser.page(&district.address());
    desk.sign_in_as(&clerk);
    desk.write("matter", "退休手续办理");
    desk.press("Escape");
    desk.write("demand", "快到退休年龄，在外区租房，不知道找谁办");
    desk.choose("cause", "I1");
    desk.choose("blocked_stage", "consult");
    desk.write("applicant.name", "样例甲");
    desk.write("applicant.phone", &phone(1));
    desk.choose("channel", "phone");
    desk.choose("complexity", "simple");
    desk.write("attempts_before", "2");
    desk.choose("applicant.care", "veteran");
    desk.choose("applicant.care", "disabled");
    desk.choose("notice.mode", "phone");
    desk.send_form();
    let id = desk.path().trim_start_matches("/cases/").split('/').next().unwrap().to_owned();
    let case = clerk.case_in_state(&id, "forwarded");
    assert_eq!(case["channel"], "phone");
    assert_eq!(case["attempts_before"], 2);
    assert_eq!(clerk.events(&id, "opened")[0]["data"]["notice"]["mode"], "phone");
    let number = case["case_no"].as_str().expect("a number").to_owned();
    let citizen = browser.page(&district.address());
    citizen.look(Looks { size: Size::PHONE, ..Looks::COUNTER });
    let code = case["receipt_code"].as_str().expect("a code").to_owned();
    let story = Story { district, citizen, id, code };
    let who = "区人力资源公共服务中心";
    story.is_public("forwarded", &[who, "1月29日", "17:30"]);
    story.citizen.axe();
    // The clerk sees where it is.
    desk.goto("/cases");
    desk.wait_text(&number);
    desk.nothing_odd();

    // The next morning it is what waits for the handler.
    story.district.at("2021-01-27T09:20:00+08:00");
    let mut inbox = browser.page(&story.district.address());
    story.at_work(&mut inbox, &handler);
    assert_eq!(inbox.path(), "/inbox");
    inbox.wait_text(&number);
    inbox.leads_on("the case", || inbox.click(&format!("main a[href^=\"/cases/{}\"]", story.id)));
    assert!(inbox.text().contains("在外区租房"), "{}", inbox.text());
    assert!(!inbox.text().contains(&phone(1)), "masked: {}", inbox.text());
    inbox.deed(&story.id, "accept");
    inbox.send_form();
    assert_eq!(story.state(&handler), "in_department");
    story.is_public("in_department", &[who, "1月29日"]);

    inbox.deed(&story.id, "contact");
    inbox.choose("mode", "phone");
    inbox.choose("reached", "yes");
    inbox.send_form();

    inbox.deed(&story.id, "joint");
    inbox.pick("parts.0.department", "disabled-federation");
    inbox.write("parts.0.ask", ASK);
    inbox.send_form();
    story.is_public("in_department", &[who]);

    // No outcome while a part is open: the page does not offer it.
    inbox.wait_text("联办事项");
    assert!(!inbox.sees("main a[href$=\"/do/resolve\"]"), "{}", inbox.text());
    inbox.axe();

    let mut joint = browser.page(&story.district.address());
    story.at_work(&mut joint, &federation);
    joint.wait_text(&number);
    joint.deed(&story.id, "part");
    joint.choose("department", "disabled-federation");
    joint.write("result", "已电话说明：保险由国家缴纳");
    joint.send_form();

    story.district.at("2021-01-27T16:30:00+08:00");
    story.at_work(&mut inbox, &handler);
    inbox.deed(&story.id, "resolve");
    write_outcome(&inbox);
    inbox.send_form();
    assert_eq!(story.state(&handler), "resolved", "{}", inbox.text());
    inbox.axe();
    inbox.nothing_odd();
    story.is_public("resolved", &[RESULT]);

    // Another person asks whether it is.
    story.district.at("2021-01-28T10:00:00+08:00");
    let mut calls = browser.page(&story.district.address());
    story.at_work(&mut calls, &callback);
    assert_eq!(calls.path(), "/callbacks");
    calls.wait_text(&number);
    calls.leads_on("the call", || calls.click(&format!("a[href=\"/callbacks/{}\"]", story.id)));
    assert!(!calls.text().contains(&phone(1)), "masked: {}", calls.text());
    calls.leads_on("whom to call", || calls.click("form[action$=\"/number\"] button"));
    assert!(calls.text().contains(&phone(1)), "{}", calls.text());
    calls.choose("responded", "yes");
    calls.choose("solved", "yes");
    calls.choose("grade", "5");
    calls.choose("mode", "phone");
    calls.send_form();
    assert!(calls.text().contains(&number), "what was written down: {}", calls.text());
    callback.case_in_state(&story.id, "closed");
    calls.nothing_odd();
    story.is_public("closed", &[RESULT]);
    let passer_by = browser.page(&story.district.address());
    passer_by.goto(&format!("/s/{}", story.code));
    passer_by.nothing_odd();

    let told = [
        "opened",
        "forwarded",
        "accepted",
        "applicant_contacted",
        "joint_handling_assigned",
        "part_completed",
        "resolved",
        "feedback_recorded",
        "closed",
    ];
    assert_eq!(clerk.story(&story.id), told, "each form is one step, none twice");
}

/// Fills the form of an outcome.
fn write_outcome(page: &Page) {
    page.write("result", RESULT);
    page.pick("resolution", "D3");
    page.pick("cause", "I1");
}
