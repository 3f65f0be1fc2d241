//! What the district learns: a precedent by two people, applied and retired; similar solved cases while typing; and an
//! improvement from the third case of a kind to the number that says whether it helped.

use serde_json::{Value, json};
use unstuck_tests::bodies::{opening, with};
use unstuck_tests::district::Place;
use unstuck_tests::{Answer, Api, District, wait_for, wait_until};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";

/// The sample district hands it to the public service center by itself.
const MATTER: &str = "退休手续办理";

struct People {
    clerk: Api,
    other_clerk: Api,
    director: Api,
    handler: Api,
    lead: Api,
    coordinator: Api,
}

fn people(district: &District) -> People {
    People {
        clerk: district.clerk("donghuashi"),
        other_clerk: district.clerk("longtan"),
        director: district.staff("director", "director", Place::Center("donghuashi")),
        handler: district.handler("hr-public-service"),
        lead: district.lead("hr-public-service"),
        coordinator: district.coordinator(),
    }
}

/// A case that the department has signed for.
fn accepted(people: &People, n: u32) -> Answer {
    let body = opening("donghuashi", MATTER, n);
    let body = with(body, "/demand", "外区参保记录查不到，退休申报被退回");
    let opened = people.clerk.open(body);
    people.clerk.case_in_state(opened.case_id(), "forwarded");
    people.handler.done(opened.case_id(), "accept", json!({}));
    opened
}

/// … and resolved, because two systems did not share their data.
fn resolved(people: &People, n: u32) -> Answer {
    let opened = accepted(people, n);
    let result = json!({
        "resolution": "D3",
        "result": "由区人社局发函外区核对，补录后当场受理",
        "cause": "S2",
    });
    people.handler.done(opened.case_id(), "resolve", result)
}

fn precedent(case_id: &str, checked_by: &str) -> Value {
    json!({
        "case_id": case_id,
        "title": "外区参保记录缺失的退休申报",
        "situation": "申请人早年在外区参保，本区系统查不到缴费记录。",
        "conditions": ["有原单位工资单或缴费凭证", "外区经办机构书面确认"],
        "basis": [{ "title": "中华人民共和国社会保险法", "article": "第十九条" }],
        "solution": "由区人社局发函核对，补录后当场受理。",
        "checked_by": checked_by,
    })
}

fn event_types(answer: &Answer) -> Vec<&str> {
    let events = answer["events"].as_array().map_or(&[][..], Vec::as_slice);
    events.iter().filter_map(|event| event["type"].as_str()).collect()
}

/// A text as it stands in a URL.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn a_precedent_is_published_by_two_people_applied_and_retired_when_the_policy_changes() {
    let district = District::start(Some(START));
    let people = people(&district);
    let solved = resolved(&people, 1);
    let id = solved.case_id();
    let publish = |by: &Api, body: Value| by.post("/v1/precedents", body);

    publish(&people.lead, precedent(id, people.lead.username())).refused(409, "same_person");
    publish(&people.handler, precedent(id, "nobody")).refused(422, "invalid").naming("/checked_by");
    publish(&people.handler, precedent(id, people.clerk.username()))
        .refused(422, "invalid")
        .naming("/checked_by");
    let named = with(precedent(id, people.lead.username()), "/situation", "样例甲早年在外区参保");
    publish(&people.handler, named).refused(409, "pii_in_text");
    let bare = with(precedent(id, people.lead.username()), "/conditions", json!([]));
    publish(&people.handler, bare).refused(422, "invalid").naming("/conditions");
    publish(&people.other_clerk, precedent(id, people.lead.username())).refused(403, "forbidden");

    let body = precedent(id, people.lead.username());
    let request = people.handler.request("POST", "/v1/precedents").key("precedent-1").json(&body);
    let published = request.send().expect_status(201);
    assert_eq!(event_types(&published), ["cn.unstuck.learning.precedent_published.v1"]);
    let again = request.send().expect_status(201);
    assert_eq!(again["precedent_id"], published["precedent_id"], "a repeat is the same one");
    let precedent_id = published["precedent_id"].as_str().expect("an id").to_owned();

    // Whoever types about it finds it; the case that it was made of is named to whoever may open it.
    let version = published.version();
    let search = |by: &Api| {
        let q = escaped("外区参保记录查不到");
        let path = format!("/v1/precedents?q={q}&min_version={version}");
        by.get(path).items().to_vec()
    };
    let found = search(&people.clerk);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["from_case"], id);
    assert_eq!(found[0]["cause"], "S2");
    assert_eq!(found[0]["checked_by"], people.lead.username());
    assert_eq!(search(&people.other_clerk)[0]["from_case"], Value::Null);

    let open = accepted(&people, 2);
    let apply = |by: &Api, case_id: &str, met: Value| {
        let body = json!({ "case_id": case_id, "conditions_met": met, "note": "已核对原件" });
        by.post(format!("/v1/precedents/{precedent_id}/apply"), body)
    };
    apply(&people.clerk, open.case_id(), json!([1])).refused(409, "conditions_unmet");
    apply(&people.clerk, open.case_id(), json!([1, 7])).refused(422, "invalid");
    apply(&people.clerk, id, json!([1, 2])).refused(409, "wrong_state");
    apply(&people.other_clerk, open.case_id(), json!([1, 2])).refused(403, "forbidden");
    let applied = apply(&people.clerk, open.case_id(), json!([1, 2])).expect_status(200);
    assert_eq!(event_types(&applied), ["cn.unstuck.learning.precedent_applied.v1"]);
    assert_eq!(applied["applications"], 1);

    let retire = |by: &Api, reason: &str| {
        let body = json!({ "reason": reason, "note": "新办法自三月起施行，不再需要外区确认" });
        by.post(format!("/v1/precedents/{precedent_id}/retire"), body)
    };
    retire(&people.clerk, "policy_changed").refused(403, "forbidden");
    retire(&people.lead, "forgotten").refused(422, "invalid");
    let retired = retire(&people.lead, "policy_changed").expect_status(200);
    assert_eq!(retired["retired"], true);
    let third = accepted(&people, 3);
    apply(&people.clerk, third.case_id(), json!([1, 2])).refused(409, "precedent_retired");
    let list = |state: &str| {
        let path = format!("/v1/precedents?{state}&min_version={}", retired.version());
        people.coordinator.get(path)
    };
    assert_eq!(list("matter=x")["total"], 0);
    assert_eq!(list("cause=S")["total"], 0, "one that no longer holds is not offered");
    let gone = list("state=retired");
    assert_eq!(gone.items()[0]["retired"]["reason"], "policy_changed", "{}", gone.text);
    assert_eq!(gone.items()[0]["applications"][0]["case_id"], open["case_id"]);
    people
        .clerk
        .post("/v1/precedents/nothing/apply", json!({ "case_id": id }))
        .refused(404, "not_found");
    assert!(district.verify().status.success());
}

#[test]
fn similar_solved_cases_appear_while_typing_with_what_was_done_and_without_the_person() {
    let district = District::start(Some(START));
    let people = people(&district);
    let solved = resolved(&people, 1);
    let open = accepted(&people, 2);
    let look = |by: &Api, q: &str| by.get(format!("/v1/similar?q={}", escaped(q)));
    let found = wait_for("the solved case is found", || {
        let found = look(&people.clerk, "参保记录在系统里查不到");
        (!found.items().is_empty()).then_some(found)
    });
    assert_eq!(found.items().len(), 1, "{}", found.text);
    let case = &found.items()[0];
    assert_eq!(case["case_id"], solved["case_id"]);
    assert_eq!(case["solution"], "由区人社局发函外区核对，补录后当场受理");
    assert_eq!(case["resolution"], "D3");
    assert!(
        !found.text.contains(open.case_id()),
        "an open case has nothing to tell: {}",
        found.text
    );
    for secret in ["样例", "样**", "1380000", "138****"] {
        assert!(!found.text.contains(secret), "{secret} in {}", found.text);
    }
    // Everybody sees his own.
    assert_eq!(look(&people.other_clerk, "参保记录查不到").items(), &[] as &[Value]);
    assert_eq!(look(&people.handler, "参保记录查不到").items().len(), 1);
    assert_eq!(look(&people.coordinator, "参保记录查不到").items().len(), 1);
    let matter = format!("/v1/similar?matter={}", escaped(MATTER));
    assert_eq!(people.clerk.get(matter).items().len(), 1);
    // What looks like a query is a text like any other.
    for text in ["demand:* AND NOT (", "[* TO *]", "\"", "-参保 +x^9~2", "参保 OR", "\\", "。。。"]
    {
        look(&people.clerk, text);
    }
    let long = "长".repeat(501);
    people
        .clerk
        .request("GET", format!("/v1/similar?q={}", escaped(&long)))
        .send()
        .refused(422, "invalid")
        .naming("/q");

    // The index is disposable.
    district.shut_down();
    std::fs::remove_dir_all(district.data().join("views/similar")).expect("the index is there");
    district.bring_up();
    wait_until("it is built anew", || look(&people.clerk, "参保记录查不到").items().len() == 1);
}

#[test]
fn the_third_case_of_a_kind_opens_an_improvement_that_ends_with_a_number() {
    let district = District::start(Some(START));
    let people = people(&district);
    resolved(&people, 1);
    resolved(&people, 2);
    let list = |query: &str| people.coordinator.get(format!("/v1/improvements{query}"));
    assert_eq!(list("")["total"], 0, "two are no recurrence");
    let third = resolved(&people, 3);
    let opened =
        wait_for("an improvement is open", || list("?state=opened").items().first().cloned());
    assert_eq!(opened["trigger"], "recurrence", "{opened}");
    assert_eq!((&opened["cause"], &opened["matter"]), (&json!("S2"), &json!(MATTER)));
    assert_eq!(opened["department"], "hr-public-service");
    assert_eq!(opened["case_count"], 3);
    assert!(opened["cases"].as_array().is_some_and(|cases| cases.contains(&third["case_id"])));
    let id = opened["improvement_id"].as_str().expect("an id").to_owned();

    // Once, whatever dies, and the fourth is in the same window.
    district.kill();
    district.bring_up();
    resolved(&people, 4);
    let by_hand = json!({
        "cause": "S2",
        "matter": MATTER,
        "department": "hr-public-service",
        "problem": "窗口反映外区记录查不到",
    });
    people.director.post("/v1/improvements", by_hand.clone()).refused(409, "improvement_open");
    people.clerk.post("/v1/improvements", by_hand.clone()).refused(403, "forbidden");
    assert_eq!(list("")["total"], 1);

    let act = |by: &Api, command: &str, body: Value| {
        by.post(format!("/v1/improvements/{id}/{command}"), body)
    };
    let action = json!({
        "owner": "hr-public-service",
        "what": "开通跨区参保记录查询，并删去指南中的外区证明",
        "due_at": "2026-04-10T17:30:00+08:00",
    });
    act(&people.clerk, "action", action.clone()).refused(403, "forbidden");
    act(&people.lead, "done", json!({ "result": "已上线" })).refused(409, "wrong_state");
    let late = with(action.clone(), "/due_at", "2026-03-01T17:30:00+08:00");
    act(&people.lead, "action", late).refused(422, "invalid").naming("/due_at");
    let set = act(&people.lead, "action", action).expect_status(200);
    assert_eq!(set["state"], "action_set");
    assert_eq!(event_types(&set), ["cn.unstuck.learning.improvement_action_set.v1"]);
    let done = act(&people.lead, "done", json!({ "result": "查询已上线" })).expect_status(200);
    assert_eq!(done["state"], "done");
    let holds = json!({ "holds": true, "note": "抽查三个中心均可当场查询" });
    act(&people.lead, "verify", holds.clone()).refused(403, "forbidden");
    act(&people.director, "verify", holds.clone()).refused(409, "too_early");

    district.at("2026-04-07T10:00:00+08:00");
    let verified = act(&people.director, "verify", holds.clone()).expect_status(200);
    assert_eq!(verified["state"], "verified");
    assert_eq!(
        (&verified["before"]["cases"], &verified["before"]["days"]),
        (&json!(4), &json!(90))
    );
    assert_eq!(verified["after"]["cases"], 0);
    act(&people.director, "verify", holds).refused(409, "wrong_state");
    let finished = list(&format!("?state=verified&min_version={}", verified.version()));
    let attempt = &finished.items()[0]["attempts"][0];
    assert_eq!(attempt["verification"]["holds"], true, "{}", finished.text);
    // Now another may be opened, by hand too.
    let again = people.director.post("/v1/improvements", by_hand).expect_status(201);
    assert_eq!(event_types(&again), ["cn.unstuck.learning.improvement_opened.v1"]);
    people.coordinator.request("GET", "/v1/improvements?state=over").send().refused(422, "invalid");
    assert!(district.verify().status.success());
}
