//! Every figure, over a simulated year and to several readers, says what the cases behind it add up to.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use casework::figures::count::Period;
use casework::figures::{Formula, Kind};
use proto_events::codes::Role;
use serde_json::Value;

use super::year::{Place, until};
use crate::figures::past::Moment;
use crate::index::CaseRow;
use crate::testing::{case_id, district};

const PERIODS: [&str; 2] = ["from=2025-06-11&to=2026-06-10", "from=2025-12-01&to=2026-02-28"];

/// All pages of what stands behind a figure: the sum, how many, and the cases. `None` when it has no such side.
async fn behind(place: &Place, token: &str, asked: &str) -> Option<(u64, usize, BTreeSet<String>)> {
    let (mut counted, mut items, mut cases) = (0, 0, BTreeSet::new());
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/figures/{asked}&limit=97{cursor}");
        let page = place.get(&path, token).await;
        if page.status == StatusCode::UNPROCESSABLE_ENTITY {
            return None;
        }
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.json);
        for item in page.json["items"].as_array().unwrap() {
            counted += item["times"].as_u64().unwrap();
            items += 1;
            cases.extend(item["case_id"].as_str().map(str::to_owned));
        }
        match page.json["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page.json["total"], items, "{path}");
                assert_eq!(page.json["counted"], counted, "{path}");
                return Some((counted, items, cases));
            }
        }
    }
}

/// Everything that a reader may open.
async fn readable(place: &Place, token: &str) -> BTreeSet<String> {
    let (mut found, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let page = place.found(&format!("/v1/cases?limit=200{cursor}"), token).await;
        let items = page["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["case_id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

fn formula_of(figure: &Value) -> Formula {
    figure["formula"].as_str().unwrap().parse().unwrap()
}

async fn every_figure_agrees(place: &Place, token: &str, scope: &str) -> u64 {
    let open = readable(place, token).await;
    let mut seen = 0;
    for period in PERIODS {
        let overview = place.found(&format!("/v1/overview?{period}{scope}"), token).await;
        let figures = overview["figures"].as_object().unwrap();
        for formula in Formula::ALL {
            assert!(figures.contains_key(formula.name()), "{formula} is not in the overview");
        }
        for (name, figure) in figures {
            let count = |side: &str| figure[side].as_u64().unwrap();
            let formula = formula_of(figure);
            let ask = async |side: &str| {
                let asked = format!("{name}/cases?part={side}&{period}{scope}");
                let found = behind(place, token, &asked).await;
                if let Some((_, _, cases)) = &found {
                    assert!(cases.is_subset(&open), "{asked} shows what may not be opened");
                }
                found
            };
            let (numerator, denominator) = (ask("numerator").await, ask("denominator").await);
            match formula.kind() {
                Kind::Share | Kind::Mean => {
                    let (numerator, denominator) = (numerator.unwrap(), denominator.unwrap());
                    assert_eq!(numerator.0, count("numerator"), "{name} {period}{scope}");
                    assert_eq!(denominator.0, count("denominator"), "{name} {period}{scope}");
                    assert!(numerator.2.is_subset(&denominator.2), "{name}: not of its own");
                    seen += denominator.0;
                }
                Kind::Count => {
                    let numerator = numerator.unwrap();
                    assert_eq!(numerator.0, count("numerator"), "{name} {period}{scope}");
                    assert_eq!(denominator, None, "{name} is not divided");
                    seen += numerator.0;
                }
                Kind::Length if formula == Formula::Oldest => {
                    let open = figures["open"]["numerator"].as_u64().unwrap();
                    assert_eq!(numerator.unwrap().0 > 0, open > 0, "{name} {period}{scope}");
                    assert_eq!(denominator, None, "{name} is not divided");
                }
                Kind::Length => {
                    let (as_long, all) = (numerator.unwrap().0, denominator.unwrap().0);
                    assert_eq!(all, count("denominator"), "{name} {period}{scope}");
                    let percent = if formula == Formula::LeadTimeP50 { 50 } else { 90 };
                    // At most so many percent are shorter, and those that are as long are the rest.
                    assert!(
                        (all - as_long) * 100 < percent * all.max(1),
                        "{name}: {as_long}/{all}"
                    );
                }
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_figure_says_what_the_cases_behind_it_add_up_to() {
    let place = Place::at(until()).await;
    let coordinator = place.person("coordinator", Role::Coordinator, (None, None)).await;
    let rows = place.found("/v1/cases?limit=200", &coordinator).await;
    let of = |field: &str| {
        let items = rows["items"].as_array().unwrap().iter();
        items.filter_map(|item| item[field].as_str()).next().unwrap().to_owned()
    };
    let (center, department) = (of("center"), of("department"));
    // Two refusals about a case that is there, one about a case that is not.
    let refused = of("case_id").parse().unwrap();
    for case_id in [refused, refused, case_id(1)] {
        let mut line = runtime::audit::AuditLine::new("handler", "refused")
            .case(case_id)
            .detail("RecordFeedback: self_feedback");
        line.at = until().to_utc() - chrono::TimeDelta::days(1);
        place.doors.refusals.take(&serde_json::to_vec(&line).unwrap());
    }
    let overview = place.found("/v1/overview", &coordinator).await;
    assert_eq!(overview["figures"]["self_feedback_refused"]["value"], 2);

    let district = every_figure_agrees(&place, &coordinator, "").await;
    let one_center = format!("&center={center}");
    let of_center = every_figure_agrees(&place, &coordinator, &one_center).await;
    assert!(of_center < district && of_center > 0, "{of_center} of {district}");

    let clerk = place.person("clerk", Role::Clerk, (Some(&center), None)).await;
    assert_eq!(every_figure_agrees(&place, &clerk, "").await, of_center);
    let lead = place.person("lead", Role::DepartmentLead, (None, Some(&department))).await;
    let of_department = every_figure_agrees(&place, &lead, "").await;
    assert!(of_department < district && of_department > 0, "{of_department} of {district}");
}

/// Cases of a period can be found by their spans alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_case_whose_span_does_not_meet_the_period_adds_nothing() {
    let place = Place::at(until()).await;
    let moment = Moment::now(until());
    let (met, all) = place
        .doors
        .past
        .look(&place.doors.core, moment, move |seen| {
            let district = district();
            let calendar = &district.rules.calendar;
            let (mut met, mut all) = (0, 0);
            for days in (0..360).step_by(17) {
                let from = until() - chrono::TimeDelta::days(days);
                let period =
                    Period::new(from, from + chrono::TimeDelta::days(5), until(), calendar);
                let figures = |rows: &mut dyn Iterator<Item = &CaseRow>| {
                    super::figures(rows, &period, calendar, &[])
                };
                let meets = |row: &&CaseRow| period.meets(row.facts.span());
                assert_eq!(figures(&mut seen.rows()), figures(&mut seen.rows().filter(meets)));
                met += seen.rows().filter(meets).count();
                all += seen.rows().count();
            }
            (met, all)
        })
        .await
        .unwrap();
    assert!(met * 3 < all, "{met} of {all} cases are looked at for five days");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_group_that_is_shown_has_its_cases_and_no_other_has() {
    let place = Place::at(until()).await;
    let token = place.person("coordinator", Role::Coordinator, (None, None)).await;
    let period = PERIODS[0];
    let map = place.found(&format!("/v1/blockages?{period}"), &token).await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let (mut shown, mut suppressed) = (0, 0);
    for (list, name) in [
        (
            "items",
            &(|row: &Value| format!("blockage:{}:{}", text(&row["cause"]), text(&row["stage"])))
                as &dyn Fn(&Value) -> String,
        ),
        ("by_matter", &|row: &Value| format!("matter:{}", text(&row["matter"]))),
        ("by_department", &|row: &Value| format!("department:{}", text(&row["department"]))),
        ("by_center", &|row: &Value| format!("center:{}", text(&row["center"]))),
    ] {
        let rows = map[list].as_array().unwrap();
        assert!(!rows.is_empty(), "{list} is empty");
        let mut hidden = 0;
        let mut sum = 0;
        for row in rows {
            let group = name(row).replace(' ', "%20");
            let found =
                behind(&place, &token, &format!("blockages/cases?of={group}&{period}")).await;
            assert_eq!(row["suppressed"], row["count"].is_null(), "{row}");
            match row["count"].as_u64() {
                Some(count) => {
                    assert!(count >= 5, "{row}");
                    assert_eq!(found.unwrap().0, count, "{group}");
                    sum += count;
                    shown += 1;
                }
                None => {
                    assert_eq!(found, None, "{group} is too small to be shown");
                    hidden += 1;
                }
            }
        }
        let rest = map["cases"].as_u64().unwrap() - sum;
        assert!(
            hidden == 0 && rest == 0 || hidden >= 2 && rest >= 5,
            "{list}: {hidden} are {rest}"
        );
        suppressed += hidden;
    }
    assert!(shown > 0 && suppressed > 0, "{shown} shown, {suppressed} not");

    let departments = place.found(&format!("/v1/departments?{period}"), &token).await;
    let mut dwelling = 0;
    for row in departments["items"].as_array().unwrap() {
        let figure = &row["dwell"];
        let of = format!("dwell/cases?of=department:{}&{period}", text(&row["id"]));
        let days = behind(&place, &token, &format!("{of}&part=numerator")).await;
        let stays = behind(&place, &token, &format!("{of}&part=denominator")).await;
        if figure.is_null() {
            assert!(stays.is_none_or(|stays| stays.0 == 0), "{of} is suppressed");
        } else {
            assert_eq!(days.unwrap().0, figure["numerator"].as_u64().unwrap());
            assert_eq!(stays.unwrap().0, figure["denominator"].as_u64().unwrap());
            dwelling += 1;
        }
    }
    assert!(dwelling > 0, "no department has a dwell");

    let returns = place.found(&format!("/v1/returns?{period}"), &token).await;
    let overview = place.found(&format!("/v1/overview?{period}"), &token).await;
    assert_eq!(map["recurrence"], overview["figures"]["recurrence"]);
    assert_eq!(map["cases"], overview["figures"]["blockages"]["value"]);
    let mut sum = 0;
    for row in returns["items"].as_array().unwrap() {
        let group = format!("return:{}:{}", text(&row["from"]), text(&row["to"]));
        let found = behind(&place, &token, &format!("returns/cases?of={group}&{period}")).await;
        assert_eq!(found.unwrap().0, row["count"].as_u64().unwrap(), "{group}");
        sum += row["count"].as_u64().unwrap();
    }
    assert_eq!(overview["figures"]["returns"]["value"], sum);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_question_is_refused_by_its_name() {
    let place = Place::at(until()).await;
    let token = place.person("coordinator", Role::Coordinator, (None, None)).await;
    let refused = async |path: &str, pointer: &str| {
        let answer = place.get(path, &token).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", answer.json);
        assert_eq!(answer.json["errors"][0]["pointer"], pointer, "{path}: {}", answer.json);
    };
    for path in [
        "overview",
        "blockages",
        "returns",
        "departments",
        "centers",
        "consultations",
        "figures/open/cases",
    ] {
        refused(&format!("/v1/{path}?as_of=2026-06-11"), "/as_of").await;
        refused(&format!("/v1/{path}?as_of=yesterday"), "/as_of").await;
        let today = place.get(&format!("/v1/{path}?as_of=2026-06-10"), &token).await;
        assert_eq!(today.status, StatusCode::OK, "today, so far: {}", today.json);
        if path != "centers" {
            refused(&format!("/v1/{path}?from=2026-02-01&to=2026-01-31"), "/from").await;
            refused(&format!("/v1/{path}?from=2026-02-01&as_of=2026-01-31"), "/from").await;
        }
    }
    let cases = "/v1/figures/on_time/cases";
    for (asked, pointer) in [
        ("limit=0", "/limit"),
        ("limit=1000000", "/limit"),
        ("cursor=x", "/cursor"),
        ("of=complexity:hard", "/of"),
        ("of=nothing", "/of"),
    ] {
        refused(&format!("{cases}?{asked}"), pointer).await;
    }
    refused("/v1/figures/open/cases?part=denominator", "/part").await;
    refused("/v1/figures/heartbeat/cases?department=housing", "/department").await;
    refused("/v1/figures/lead_time_p50_hard/cases?of=complexity:hard", "/of").await;
    let unknown = place.get("/v1/figures/happiness/cases", &token).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    // A cursor of another figure, side, period or scope.
    let page = place.found(&format!("{cases}?part=denominator&limit=3"), &token).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    for other in
        ["part=numerator", "part=denominator&from=2026-01-01", "part=denominator&center=longtan"]
    {
        refused(&format!("{cases}?{other}&cursor={cursor}"), "/cursor").await;
    }
    refused(&format!("/v1/figures/done_rate/cases?part=denominator&cursor={cursor}"), "/cursor")
        .await;

    let catalogue = place.found("/v1/figures", &token).await;
    let items = catalogue["items"].as_array().unwrap();
    assert_eq!(items.len(), Formula::ALL.len());
    assert!(items.iter().all(|item| item["definition"]["zh"].as_str().unwrap().ends_with('。')));
}
