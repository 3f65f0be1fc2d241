//! What people type: too long, full of numbers of persons, or neither; every free text of every wish.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{ConveneTrigger, Position, ReopenReason, Solved};
use proto_events::events::{
    DepartmentPosition, MeetingAction, Member, PolicyBasis, ReceivedItem, Remedy, RequestedItem,
    WindowContact,
};

use super::*;
use crate::command::{Command, CommandKind, CorrectedField, PartWish};
use crate::refusal::RefusalCode;

/// Where a text stands in a wish, who types it, and on which case.
struct Place {
    pointer: &'static str,
    person: &'static str,
    story: fn() -> Story,
    wish: fn(String) -> Command,
}

macro_rules! places {
    ($( $pointer:literal, $person:literal, $story:expr, $wish:expr; )+) => {
        [$( Place { pointer: $pointer, person: $person, story: $story, wish: $wish } ),+]
    };
}

fn convened() -> Story {
    Story::accepted().does("director", wishes::convene(ConveneTrigger::Person))
}

fn with_action() -> Story {
    convened().does("director", wishes::meet_and_give("civil-affairs"))
}

fn badly_graded() -> Story {
    Story::resolved()
        .does("callback", wishes::feedback(Solved::Yes, 2))
        .does("timer", Command::OpenRectification)
}

fn asked_special() -> Story {
    Story::accepted().does("hr-handler", wishes::special())
}

fn body(id: &str) -> proto_events::ids::DepartmentId {
    id.parse().unwrap()
}

fn declining(change: impl FnOnce(&mut String, &mut Remedy)) -> Command {
    let mut reason = "不属于受理范围".to_string();
    let mut remedy = Remedy { body: "区人民法院".to_string(), contact: None };
    change(&mut reason, &mut remedy);
    let exclusion = proto_events::codes::Exclusion::Litigation;
    Command::Decline { exclusion, reason, remedy: Some(remedy), second_check_by: None }
}

fn determining(change: impl FnOnce(&mut PolicyBasis, &mut String, &mut String)) -> Command {
    let mut basis = PolicyBasis {
        title: "社会保险法".to_string(),
        number: None,
        article: "第十六条".to_string(),
        in_force_from: None,
    };
    let (mut facts, mut alternative) = ("无缴费记录".to_string(), "居民养老".to_string());
    change(&mut basis, &mut facts, &mut alternative);
    Command::DetermineNotDoable {
        basis: vec![basis],
        facts,
        alternatives: vec![alternative],
        countersigned_by: "hr-lead".to_string(),
    }
}

fn explaining(document: String, remedy: String) -> Command {
    let Command::Explain { mode, explainers, understood, .. } = wishes::explain_understood() else {
        unreachable!("it is an explanation")
    };
    Command::Explain {
        mode,
        explainers,
        documents: vec![document],
        remedies: vec![remedy],
        understood,
    }
}

fn convening(change: impl FnOnce(&mut String, &mut String, &mut String, &mut String)) -> Command {
    let (mut chair, mut person) = ("director".to_string(), "civil-lead".to_string());
    let (mut objective, mut reason) = ("明确牵头".to_string(), "需会商".to_string());
    change(&mut chair, &mut person, &mut objective, &mut reason);
    let members = vec![Member { department: body("civil-affairs"), person }];
    Command::ConveneTaskForce { trigger: ConveneTrigger::Person, chair, members, objective, reason }
}

fn meeting(change: impl FnOnce(&mut [String; 5])) -> Command {
    let mut texts = ["director", "职责分工", "由民政局牵头", "civil-affairs", "核对记录"]
        .map(ToString::to_string);
    change(&mut texts);
    let [attendee, basis, decision, owner, what] = texts;
    let position = Position::Object;
    let department = body("civil-affairs");
    Command::RecordMeeting {
        attendees: vec![attendee],
        positions: vec![DepartmentPosition { department, position, basis: Some(basis) }],
        decisions: vec![decision],
        actions: vec![MeetingAction { owner, what, due_at: at("2026-03-06T17:30:00+08:00") }],
    }
}

fn requesting(change: impl FnOnce(&mut [String; 4])) -> Command {
    let mut texts =
        ["配偶失联", "离婚协议", "救助办法", "2020年第3号先例"].map(ToString::to_string);
    change(&mut texts);
    let [facts, requirement_waived, discretion_basis, precedent] = texts;
    let precedents_checked = vec![precedent];
    Command::RequestSpecialHandling {
        facts,
        requirement_waived,
        discretion_basis,
        precedents_checked,
    }
}

fn deciding(reason: String, condition: String) -> Command {
    let conditions = vec![condition];
    Command::DecideSpecialHandling { approved: true, reason, conditions, is_precedent: false }
}

fn transferring(change: impl FnOnce(&mut [String; 3])) -> Command {
    let mut texts = ["朝阳区政务服务中心", "移送函第1号", "户籍在外区"].map(ToString::to_string);
    change(&mut texts);
    let [body, receipt, reason] = texts;
    Command::Transfer { body, receipt, reason }
}

fn returning(note: String, duty_basis: String) -> Command {
    Command::Return {
        reason: proto_events::codes::ReturnReason::NotOurDuty,
        duty_basis: Some(duty_basis),
        suggested_department: Some(body("civil-affairs")),
        note,
    }
}

fn correcting(field: CorrectedField, value: String) -> Command {
    Command::Correct { field, value: Some(value), sealed: None, reason: "听错".to_string() }
}

fn forwarding(ask: String, window: String) -> Command {
    let contact = Some(WindowContact { window, phone: None });
    Command::Forward { department: body("civil-affairs"), ask, contact, automatic: false }
}

fn asking(name: String, basis: String, new_fact: String) -> Command {
    let items = vec![RequestedItem { name, basis }];
    Command::RequestMaterials { items, mode: wishes::mode("phone"), new_fact: Some(new_fact) }
}

fn good() -> String {
    "情况属实".to_string()
}

/// Every free text of every wish.
fn places() -> Vec<Place> {
    let places = places! {
        "/matter/name", "clerk", Story::new, |text| wishes::open_with(|open| open.matter.name = text);
        "/matter/code", "clerk", Story::new, |text| wishes::open_with(|open| open.matter.code = Some(text));
        "/demand", "clerk", Story::new, |text| wishes::open_with(|open| open.demand = text);
        "/summary", "clerk", Story::new, |text| wishes::open_with(|open| open.summary = Some(text));
        "/notice/version", "clerk", Story::new, |text| wishes::open_with(|open| open.notice.version = text);
        "/reason", "clerk", Story::opened, |text| declining(|reason, _| *reason = text);
        "/remedy/body", "clerk", Story::opened, |text| declining(|_, remedy| remedy.body = text);
        "/remedy/contact", "clerk", Story::opened, |text| declining(|_, remedy| remedy.contact = Some(text));
        "/items/0/name", "clerk", Story::opened, |name| Command::ReceiveMaterials { items: vec![ReceivedItem { name, basis: None }], complete: true };
        "/items/0/basis", "clerk", Story::opened, |text| Command::ReceiveMaterials { items: vec![ReceivedItem { name: good(), basis: Some(text) }], complete: true };
        "/comment", "callback", Story::resolved, |text| Command::RecordFeedback { responded: true, solved: None, grade: None, comment: Some(text), mode: wishes::mode("phone") };
        "/note", "clerk", Story::resolved, |text| Command::Reopen { reason: ReopenReason::NewFact, note: Some(text) };
        "/reason", "clerk", Story::opened, |reason| Command::Withdraw { reason, note: None };
        "/note", "clerk", Story::opened, |text| Command::Withdraw { reason: good(), note: Some(text) };
        "/ask", "clerk", Story::opened, |text| forwarding(text, good());
        "/contact/window", "clerk", Story::opened, |text| forwarding(good(), text);
        "/text", "clerk", Story::opened, |text| wishes::note(&text);
        "/note", "hr-handler", Story::forwarded, |text| returning(text, good());
        "/duty_basis", "hr-handler", Story::forwarded, |text| returning(good(), text);
        "/basis", "coordinator", Story::opened, |basis| Command::Arbitrate { department: body("civil-affairs"), co_departments: vec![], basis };
        "/basis/0/title", "hr-handler", Story::accepted, |text| determining(|basis, _, _| basis.title = text);
        "/basis/0/number", "hr-handler", Story::accepted, |text| determining(|basis, _, _| basis.number = Some(text));
        "/basis/0/article", "hr-handler", Story::accepted, |text| determining(|basis, _, _| basis.article = text);
        "/facts", "hr-handler", Story::accepted, |text| determining(|_, facts, _| *facts = text);
        "/alternatives/0", "hr-handler", Story::accepted, |text| determining(|_, _, other| *other = text);
        "/documents/0", "hr-handler", Story::not_doable, |text| explaining(text, good());
        "/remedies/0", "hr-handler", Story::not_doable, |text| explaining(good(), text);
        "/result", "hr-handler", Story::accepted, |result| Command::Resolve { resolution: proto_events::codes::Resolution::Normal, result, cause: proto_events::codes::Cause::PolicyGap, process_change_needed: false };
        "/chair", "director", Story::accepted, |text| convening(|chair, _, _, _| *chair = text);
        "/members/0/person", "director", Story::accepted, |text| convening(|_, person, _, _| *person = text);
        "/objective", "director", Story::accepted, |text| convening(|_, _, objective, _| *objective = text);
        "/reason", "director", Story::accepted, |text| convening(|_, _, _, reason| *reason = text);
        "/attendees/0", "director", convened, |text| meeting(|texts| texts[0] = text);
        "/positions/0/basis", "director", convened, |text| meeting(|texts| texts[1] = text);
        "/decisions/0", "director", convened, |text| meeting(|texts| texts[2] = text);
        "/actions/0/owner", "director", convened, |text| meeting(|texts| texts[3] = text);
        "/actions/0/what", "director", convened, |text| meeting(|texts| texts[4] = text);
        "/outcome", "director", convened, |outcome| Command::DissolveTaskForce { outcome };
        "/action", "director", badly_graded, |action| Command::CompleteRectification { action, result: good() };
        "/result", "director", badly_graded, |result| Command::CompleteRectification { action: good(), result };
        "/value", "clerk", Story::opened, |text| correcting(CorrectedField::Demand, text);
        "/value", "clerk", Story::opened, |text| correcting(CorrectedField::Summary, text);
        "/value", "clerk", Story::opened, |text| correcting(CorrectedField::Matter, text);
        "/reason", "clerk", Story::opened, |reason| Command::Correct { field: CorrectedField::Demand, value: Some(good()), sealed: None, reason };
        "/note", "clerk", Story::opened, |text| Command::Link { other: proto_events::ids::CaseId::of_key(&"longtan".parse().unwrap(), "other"), relation: proto_events::codes::LinkRelation::Related, note: Some(text), reciprocal: false };
        "/parts/0/ask", "hr-handler", Story::accepted, |ask| Command::AssignParts { parts: vec![PartWish { department: body("civil-affairs"), ask, due_at: None }] };
        "/result", "coordinator", || Story::accepted().does("hr-handler", wishes::assign("civil-affairs")), |result| Command::CompletePart { department: body("civil-affairs"), result };
        "/items/0/name", "hr-handler", Story::accepted, |text| asking(text, good(), good());
        "/items/0/basis", "hr-handler", Story::accepted, |text| asking(good(), text, good());
        "/new_fact", "hr-handler", Story::accepted, |text| asking(good(), good(), text);
        "/reason", "hr-handler", Story::accepted, |reason| Command::Reclassify { complexity: Some(proto_events::codes::Complexity::Hard), cause: None, reason };
        "/body", "clerk", Story::accepted, |text| transferring(|texts| texts[0] = text);
        "/receipt", "clerk", Story::accepted, |text| transferring(|texts| texts[1] = text);
        "/reason", "clerk", Story::accepted, |text| transferring(|texts| texts[2] = text);
        "/facts", "hr-handler", Story::accepted, |text| requesting(|texts| texts[0] = text);
        "/requirement_waived", "hr-handler", Story::accepted, |text| requesting(|texts| texts[1] = text);
        "/discretion_basis", "hr-handler", Story::accepted, |text| requesting(|texts| texts[2] = text);
        "/precedents_checked/0", "hr-handler", Story::accepted, |text| requesting(|texts| texts[3] = text);
        "/finding", "clerk", asked_special, |finding| Command::CheckSpecialHandling { layer: proto_events::codes::CheckLayer::Community, finding };
        "/reason", "director", checked, |text| deciding(text, good());
        "/conditions/0", "director", checked, |text| deciding(good(), text);
        "/reason", "director", Story::accepted, |reason| Command::Extend { working_days: 5, reason, applicant_told_at: at("2026-03-03T10:00:00+08:00") };
        "/text", "clerk", Story::opened, |text| Command::Urge { text };
        "/result", "clerk", with_action, |result| Command::FinishAction { number: 1, result };
    };
    places.into_iter().collect()
}

/// Checked by all four layers.
fn checked() -> Story {
    use proto_events::codes::CheckLayer as Layer;
    asked_special()
        .does("clerk", wishes::check(Layer::Community))
        .does("clerk-2", wishes::check(Layer::Street))
        .does("hr-lead", wishes::check(Layer::Department))
        .does("coordinator", wishes::check(Layer::District))
}

#[test]
fn every_wish_with_a_text_in_it_is_looked_at_here() {
    let kinds: Vec<_> = places().iter().map(|place| (place.wish)(good()).kind()).collect();
    let others: Vec<_> = CommandKind::ALL.iter().filter(|kind| !kinds.contains(kind)).collect();
    use CommandKind as K;
    let without_text = [
        K::Accept,
        K::Contact,
        K::Escalate,
        K::OpenRectification,
        K::Close,
        K::ErasePersonalData,
        K::ReviewSpecialHandling,
        K::Pause,
        K::Resume,
        K::RecalculateDeadline,
        // In `import`.
        K::Import,
    ];
    assert_eq!(others, without_text.iter().collect::<Vec<_>>());
}

#[test]
fn a_right_text_is_taken_everywhere() {
    for place in places() {
        (place.story)().does(place.person, (place.wish)(good()));
    }
}

#[test]
fn ten_thousand_characters_are_refused_where_they_stand() {
    for place in places() {
        (place.story)().faults(place.person, &(place.wish)(long(10_000)), &[place.pointer]);
    }
}

#[test]
fn a_control_character_is_refused_where_it_stands() {
    for place in places() {
        let text = "一\u{7}二".to_string();
        (place.story)().faults(place.person, &(place.wish)(text), &[place.pointer]);
    }
}

#[test]
fn a_persons_number_is_refused_in_every_text_however_it_is_written() {
    for text in [
        "请打13812345678联系",
        "请打 138 1234 5678 联系",
        "请打１３８１２３４５６７８联系",
        "请打一三八一二三四五六七八联系",
        "身份证 110101 19000101 0006",
        "身份证１１０１０１１９０００１０１０００６",
    ] {
        for place in places() {
            let answer = (place.story)().wish(place.person, &(place.wish)(text.to_string()));
            let Err(Refusal::Rule { code: RefusalCode::PiiInText, detail }) = &answer else {
                panic!("{} of {text}: {answer:?}", place.pointer)
            };
            assert!(detail.contains(place.pointer), "{}: {detail}", place.pointer);
            assert!(!detail.contains("138") && !detail.contains("110101"), "it repeats no number");
        }
    }
}

#[test]
fn what_only_looks_like_a_persons_number_is_taken() {
    for text in [
        "依据京政发〔2024〕12号第3条",
        "京人社发〔二〇一九〕一三八号",
        "补缴13800.00元，自2021-01-26起",
        "二〇二六年二月十三日来过三次",
        "拨打12345热线",
    ] {
        Story::opened().does("clerk", wishes::note(text));
        Story::accepted().does("director", wishes::extend(5)).does("clerk", wishes::note(text));
    }
}

#[test]
fn a_list_of_more_than_fifty_is_refused() {
    let items = |count| vec![ReceivedItem { name: good(), basis: None }; count];
    let bring = |count| Command::ReceiveMaterials { items: items(count), complete: true };
    Story::opened().faults("clerk", &bring(51), &["/items"]).does("clerk", bring(50));
    let parts = vec![PartWish { department: body("civil-affairs"), ask: good(), due_at: None }; 1];
    Story::accepted().does("hr-handler", Command::AssignParts { parts });
    let precedents_checked = vec![good(); 51];
    let wish = Command::RequestSpecialHandling {
        facts: good(),
        requirement_waived: good(),
        discretion_basis: good(),
        precedents_checked,
    };
    Story::accepted().faults("hr-handler", &wish, &["/precedents_checked"]);
}

#[test]
fn an_office_number_is_measured_in_characters() {
    let phone = |text: String| Command::Forward {
        department: body("civil-affairs"),
        ask: good(),
        contact: Some(WindowContact { window: good(), phone: Some(text) }),
        automatic: false,
    };
    Story::opened().does("clerk", phone(long(40)));
    Story::opened().faults("clerk", &phone(long(41)), &["/contact/phone"]);
}
