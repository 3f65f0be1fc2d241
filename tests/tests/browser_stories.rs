//! Stories 2 to 7 through the pages by their people: an allowance that passes every layer, what cannot be done and is
//! explained, a case that is sent back and forth, a day of questions, a promise over the Spring Festival, and somebody who
//! is forgotten.

use serde_json::json;
use unstuck_tests::bodies::{UNROUTED_MATTER, phone};
use unstuck_tests::browser::{Browser, Page};
use unstuck_tests::district::Place;
use unstuck_tests::{Api, District, wait_for, wait_until};

/// Tuesday.
const START: &str = "2021-01-26T10:00:00+08:00";

/// The district, and a browser for everybody in it.
struct Town {
    district: District,
    browser: Browser,
}

impl Town {
    /// Somebody in front of the page that they begin with.
    #[track_caller]
    fn at_work(&self, person: &Api) -> Page {
        let page = self.browser.page(&self.district.address());
        page.sign_in_as(person);
        page
    }

    /// What the citizen reads.
    #[track_caller]
    fn public(&self, code: &str) -> String {
        let page = self.browser.page(&self.district.address());
        page.goto(&format!("/s/{code}"));
        page.nothing_odd();
        page.text()
    }
}

/// A case, as the counter made it.
struct Case {
    id: String,
    code: String,
}

/// Registers a case; it is forwarded by the table, or waits for a person.
#[track_caller]
fn register(page: &Page, clerk: &Api, fields: [&str; 5], n: u32) -> Case {
    let [matter, demand, cause, stage, complexity] = fields;
    page.goto("/counter");
    page.write("matter", matter);
    page.press("Escape");
    page.write("demand", demand);
    page.choose("cause", cause);
    page.choose("blocked_stage", stage);
    page.write("applicant.name", "样例");
    page.write("applicant.phone", &phone(n));
    page.choose("complexity", complexity);
    page.send_form();
    let id = page.path().trim_start_matches("/cases/").split('/').next().unwrap_or("").to_owned();
    let code = clerk.case(&id)["receipt_code"].as_str().expect("a code").to_owned();
    Case { id, code }
}

/// Sends a form that the house refuses: the page says why, and what was written still stands in it.
#[track_caller]
fn is_refused(page: &Page, field: &str) {
    let written = page.written(field);
    page.send_form();
    assert!(page.sees(".error-summary"), "{}", page.text());
    assert_eq!(page.written(field), written);
    page.nothing_odd();
}

/// Sends a form that leads back to its case.
#[track_caller]
fn goes_through(page: &Page) {
    page.send_form();
    let path = page.path();
    assert!(!path.contains("/do/"), "{path}: {}", page.text());
    page.nothing_odd();
}

#[test]
fn four_stories_through_the_pages() {
    let town = Town { district: District::start(Some(START)), browser: Browser::start() };
    let donghuashi = town.district.clerk("donghuashi");
    let coordinator = town.district.coordinator();
    let civil_affairs = town.district.handler("civil-affairs");
    an_allowance_passes_every_layer(&town, &coordinator, &civil_affairs);
    what_cannot_be_done_is_explained(&town, &donghuashi);
    sent_back_and_forth(&town, &donghuashi, &coordinator, &civil_affairs);
    a_day_of_questions(&town, &donghuashi, &coordinator);
}

/// The promise leaves the holiday out and counts the made-up Saturday; who is past it is named; and three years after the
/// end nobody knows whose case it was.
#[test]
fn a_promise_over_the_festival_and_a_person_forgotten() {
    let start = "2026-02-13T10:00:00+08:00";
    let town = Town { district: District::start(Some(start)), browser: Browser::start() };
    let district = &town.district;
    let clerk = district.clerk("donghuashi");
    let coordinator = district.coordinator();
    let lead = district.lead("hr-public-service");
    let desk = town.at_work(&clerk);
    let demand = "两份档案记载不一致，退休无法申报";
    let case = register(&desk, &clerk, ["退休手续办理", demand, "M4", "accept", "complex"], 61);
    clerk.case_in_state(&case.id, "forwarded");
    desk.goto(&format!("/cases/{}", case.id));
    assert!(desk.text().contains("2月27日（周五）17:30"), "{}", desk.text());
    assert!(town.public(&case.code).contains("2月27日（周五）17:30"));

    district.at("2026-02-28T09:30:00+08:00");
    wait_until("the department lead is named", || {
        coordinator.events(&case.id, "escalated").len() == 4
    });
    let named = town.at_work(&lead);
    named.goto(&format!("/cases/{}", case.id));
    assert!(named.text().contains("已超时"), "{}", named.text());
    let worker = town.at_work(&district.handler("hr-public-service"));
    // Past its promise it went to a task force by itself; what has to be done is still the handler's.
    worker.deed(&case.id, "resolve");
    worker.write("result", "档案已核对一致，退休已申报");
    worker.pick("resolution", "D4");
    worker.pick("cause", "M4");
    goes_through(&worker);
    let caller = town.at_work(&district.callback_officer());
    caller.goto(&format!("/callbacks/{}", case.id));
    caller.choose("responded", "yes");
    caller.choose("solved", "yes");
    caller.choose("grade", "5");
    goes_through(&caller);
    coordinator.case_in_state(&case.id, "closed");

    district.at("2029-03-05T10:00:00+08:00");
    wait_until("the person is forgotten", || {
        coordinator.case(&case.id)["applicant"]["erased"] == true
    });
    let later = town.at_work(&coordinator);
    later.goto(&format!("/cases/{}", case.id));
    let shown = later.text();
    assert!(shown.contains("已删除") && !shown.contains("样例 "), "{shown}");
    assert!(shown.contains("档案已核对一致"), "the case stays: {shown}");
    later.nothing_odd();
}

fn an_allowance_passes_every_layer(town: &Town, coordinator: &Api, handler: &Api) {
    let clerk = town.district.clerk("longtan");
    let director = town.district.staff("director-longtan", "director", Place::Center("longtan"));
    let lead = town.district.lead("civil-affairs");
    let second = town.district.staff("coordinator-2", "coordinator", Place::District);
    let desk = town.at_work(&clerk);
    let demand = "丈夫失联多年，拿不出离婚协议，低保批不下来";
    let case = register(&desk, &clerk, ["最低生活保障申请", demand, "M3", "review", "special"], 2);
    clerk.case_in_state(&case.id, "forwarded");

    let inbox = town.at_work(handler);
    inbox.deed(&case.id, "accept");
    goes_through(&inbox);
    inbox.deed(&case.id, "contact");
    inbox.choose("mode", "in_person");
    inbox.choose("reached", "yes");
    goes_through(&inbox);

    // Nobody waives a paper before the layers have agreed.
    let result = "经专班会商并层层把关，同意以承诺书代替离婚协议";
    let resolve = || {
        inbox.deed(&case.id, "resolve");
        inbox.write("result", result);
        inbox.pick("resolution", "D5");
        inbox.pick("cause", "M3");
    };
    resolve();
    is_refused(&inbox, "result");

    let board = town.at_work(coordinator);
    board.deed(&case.id, "task-force");
    board.write("reason", "要件无法取得，需多部门会商");
    board.write("objective", "确定无离婚协议时能否受理");
    board.pick("chair", "civil-affairs");
    for (row, body) in ["civil-affairs", "longtan", "hr-bureau"].into_iter().enumerate() {
        board.pick(&format!("members.{row}.department"), body);
    }
    goes_through(&board);
    board.deed(&case.id, "meeting");
    for (row, body) in ["civil-affairs", "longtan", "hr-bureau"].into_iter().enumerate() {
        board.pick(&format!("positions.{row}.department"), body);
        board.pick(&format!("positions.{row}.position"), "agree");
    }
    board.write("decisions", "以承诺书和社区证明代替离婚协议，提请特事特办");
    goes_through(&board);
    assert!(board.text().contains("确定无离婚协议时能否受理"), "{}", board.text());
    board.goto("/task-forces");
    assert!(board.text().contains("最低生活保障申请"), "{}", board.text());
    board.axe();

    inbox.deed(&case.id, "special");
    inbox.write("facts", "配偶为外籍，失联十余年，无法取得离婚协议");
    inbox.write("requirement_waived", "离婚协议或离婚证");
    inbox.write("discretion_basis", "社会救助暂行办法；专班会商意见");
    goes_through(&inbox);
    for (place, person) in [&clerk, &director, &lead, coordinator].into_iter().enumerate() {
        let page = town.at_work(person);
        page.deed(&case.id, "check");
        page.write("finding", "已核实，家庭收入符合条件");
        goes_through(&page);
        assert!(!page.offers("check"), "nobody checks twice: layer {place}");
        assert!(!page.offers("decide"), "who checks does not decide: layer {place}");
    }
    let decider = town.at_work(&second);
    decider.deed(&case.id, "decide");
    decider.choose("approved", "yes");
    decider.write("reason", "事实清楚，符合救助政策本意");
    decider.write("conditions", "每半年复核一次婚姻状况");
    decider.choose("is_precedent", "no");
    goes_through(&decider);
    assert!(decider.text().contains("每半年复核一次婚姻状况"), "{}", decider.text());

    resolve();
    goes_through(&inbox);
    assert_eq!(handler.case(&case.id)["outcome"]["resolution"], "D5");
    let public = town.public(&case.code);
    assert!(public.contains(result), "{public}");
    for inner in ["失联十余年", "社会救助暂行办法", "已核实"] {
        assert!(!public.contains(inner), "{inner}: {public}");
    }
}

fn what_cannot_be_done_is_explained(town: &Town, clerk: &Api) {
    let handler = town.district.handler("hr-public-service");
    let lead = town.district.lead("hr-public-service");
    let desk = town.at_work(clerk);
    let demand = "七十岁了没有缴过费，想办退休";
    let case = register(&desk, clerk, ["退休手续办理", demand, "P", "review", "simple"], 3);
    clerk.case_in_state(&case.id, "forwarded");
    let inbox = town.at_work(&handler);
    inbox.deed(&case.id, "accept");
    goes_through(&inbox);
    inbox.deed(&case.id, "contact");
    inbox.choose("mode", "in_person");
    inbox.choose("reached", "yes");
    goes_through(&inbox);

    inbox.deed(&case.id, "not-doable");
    inbox.write("facts", "年满七十周岁，没有任何缴费记录");
    inbox.pick("countersigned_by", lead.username());
    let own = json!(format!("select option[value=\"{}\"]", handler.username()));
    assert_eq!(inbox.evaluate(&format!("!!document.querySelector({own})")), json!(false));
    is_refused(&inbox, "facts");
    inbox.write("basis.0.title", "中华人民共和国社会保险法");
    inbox.write("basis.0.number", "主席令第35号");
    inbox.write("basis.0.article", "第十六条");
    inbox.write("alternatives", "城乡居民养老保险\n最低生活保障");
    goes_through(&inbox);
    assert_eq!(handler.case(&case.id)["state"], "not_doable");

    for (mode, understood, with_bureau) in [("in_person", "no", false), ("joint", "partly", true)] {
        inbox.deed(&case.id, "explain");
        inbox.choose("mode", mode);
        if with_bureau {
            inbox.choose("explainers", "hr-bureau");
        }
        inbox.write("documents", "社会保险法第十六条");
        inbox.write("remedies", "行政复议\n行政诉讼");
        inbox.choose("understood", understood);
        goes_through(&inbox);
    }
    assert_eq!(handler.case(&case.id)["state"], "explained", "{}", inbox.text());
    inbox.axe();
    let public = town.public(&case.code);
    for word in ["社会保险法", "行政复议", "行政诉讼"] {
        assert!(public.contains(word), "{word}: {public}");
    }
}

fn sent_back_and_forth(town: &Town, clerk: &Api, coordinator: &Api, civil_affairs: &Api) {
    let insurance = town.district.handler("medical-insurance");
    let desk = town.at_work(clerk);
    let demand = "楼道里堆满了旧家具，两个部门都说不归他们管";
    let case = register(&desk, clerk, [UNROUTED_MATTER, demand, "I1", "accept", "simple"], 4);
    let forward = |department: &str| {
        desk.deed(&case.id, "forward");
        desk.pick("department", department);
        desk.write("ask", "请办理并联系申请人");
        goes_through(&desk);
    };
    let send_back = |person: &Api, other: &str| {
        let page = town.at_work(person);
        page.deed(&case.id, "return");
        page.choose("reason", "R1");
        page.write("note", "不在本部门职责范围内");
        // Whose it is then, and on which basis, must be said.
        is_refused(&page, "note");
        page.pick("suggested_department", other);
        page.write("duty_basis", "部门职责规定第三条");
        goes_through(&page);
    };
    forward("civil-affairs");
    send_back(civil_affairs, "medical-insurance");
    forward("medical-insurance");
    send_back(&insurance, "civil-affairs");
    wait_for("a task force is convened by itself", || {
        coordinator.events(&case.id, "task_force_convened").into_iter().next()
    });
    coordinator.case_in_state(&case.id, "in_task_force");
    desk.goto(&format!("/cases/{}", case.id));
    assert!(!desk.offers("forward"), "it goes round no more");
    assert!(desk.text().contains("来回推转"), "{}", desk.text());

    let board = town.at_work(coordinator);
    board.deed(&case.id, "arbitrate");
    board.pick("department", "civil-affairs");
    board.choose("co_departments", "medical-insurance");
    board.write("basis", "区级协调会议纪要");
    goes_through(&board);
    assert_eq!(coordinator.case(&case.id)["department"], "civil-affairs");
    let inbox = town.at_work(civil_affairs);
    inbox.goto(&format!("/cases/{}", case.id));
    if inbox.offers("return") {
        inbox.deed(&case.id, "return");
        inbox.choose("reason", "R1");
        inbox.write("note", "还是不归我们");
        inbox.pick("suggested_department", "medical-insurance");
        inbox.write("duty_basis", "部门职责规定第三条");
        is_refused(&inbox, "note");
    }
    board.goto("/district");
    board.wait_text("医疗保障局");
    board.axe();
    board.nothing_odd();
}

fn a_day_of_questions(town: &Town, clerk: &Api, coordinator: &Api) {
    let desk = town.at_work(clerk);
    for (place, key) in ["Alt+1", "Alt+2", "Alt+3", "Alt+1"].into_iter().enumerate() {
        desk.leads_on("one more question", || desk.press(key));
        desk.wait_text(&format!("今天已记 {} 人次", place + 1));
    }
    desk.goto("/consultations");
    desk.leads_on("closing the day", || {
        desk.click("form[action=\"/consultations/close\"] button:not(.button-plain)");
    });
    desk.wait_text("今天已日结");
    assert!(!desk.sees("form[action=\"/counter/tally\"]"), "what is closed takes nothing more");
    desk.nothing_odd();
    desk.axe();
    let centers = || coordinator.get("/v1/centers");
    wait_until("the center has reported", || {
        let answer = centers();
        let mine = answer.items().iter().find(|row| row["id"] == "donghuashi").cloned();
        mine.is_some_and(|row| row["today"]["closed"] == true && row["today"]["consultations"] == 4)
    });
}
