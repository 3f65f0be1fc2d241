//! `GET /v1/district`: every name that a page shows, and every code with its labels. No secret is in it, so nobody
//! has to be signed in: the sign-in page and the status page of a receipt need names too.
//!
//! Invariant: labels are those of the code lists themselves, names those of the district file; nothing is written here
//! a second time.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use casework::timetable::Limits;
use proto_events::centers::ConsultationOutcome;
use proto_events::codes::{
    ApplicantKind, Care, CaseState, Cause, CauseCategory, Channel, CheckLayer, Clock, ClosingCode,
    Complexity, ConveneTrigger, ErasureReason, Exclusion, ExplanationMode, Grade, Level,
    LinkRelation, PauseReason, Position, ReopenReason, Resolution, ReturnReason, ReviewResult,
    Role, Solved, Stage, Understood,
};
use proto_events::events::Mode;
use proto_events::ids::{CenterId, DepartmentId, DistrictId};
use proto_events::learning::{ImprovementTrigger, PrecedentOutcome, RetirementReason};
use runtime::http::Operation;
use runtime::http::body::fingerprint;
use schemars::JsonSchema;
use serde::Serialize;

use crate::district::AtCenter;
use crate::{DeskState, District};

/// How long a browser shows what it has before it asks again: names change with a restart, some times a year.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// The one time zone that a district file may name; see [`crate::district`].
const TIMEZONE: &str = "Asia/Shanghai";

/// The answer.
#[derive(Debug, Serialize, JsonSchema)]
struct DistrictAnswer {
    id: DistrictId,
    /// Administrative code (行政区划代码).
    code: String,
    name: String,
    /// The English name; null when the file has none.
    name_en: Option<String>,
    timezone: &'static str,
    /// The department of the coordinator.
    coordinator: DepartmentId,
    /// Where people call; null when the file has none.
    telephone: Option<String>,
    /// Whether people may sign in with an identity provider (统一身份认证); absent when not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    oidc: bool,
    /// Periods of a working day, such as `09:00-12:00`.
    business_hours: Vec<String>,
    /// The center whose own server answers; null in the district.
    at_center: Option<AtCenter>,
    /// In working days, by name.
    limits: BTreeMap<String, u32>,
    centers: Vec<CenterName>,
    departments: Vec<DepartmentName>,
    matters: Vec<MatterName>,
    /// Every code list by name, each code with its labels, in the order in which a person reads it.
    codes: BTreeMap<&'static str, Vec<CodeName>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CenterName {
    id: CenterId,
    /// What its case numbers begin with.
    code: String,
    name: String,
    name_en: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DepartmentName {
    id: DepartmentId,
    name: String,
    name_en: Option<String>,
    /// Its windows for stuck cases.
    windows: Vec<WindowName>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WindowName {
    name: String,
    phone: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct MatterName {
    name: String,
    /// The code in the national catalogue.
    code: Option<String>,
    /// Words by which it is known.
    keywords: Vec<String>,
    /// Who handles it.
    department: DepartmentId,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CodeName {
    code: &'static str,
    zh: &'static str,
    en: &'static str,
    /// The category of a cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'static str>,
}

/// The route; the answer is made once, because nothing changes it before the next start.
pub(super) fn routes(district: &District) -> Router<DeskState> {
    let answer = serde_json::to_value(answer(district)).unwrap_or_default();
    let tag = HeaderValue::try_from(format!("\"{}\"", &fingerprint(&answer)[..32]))
        .expect("hex digits in quotes are a header value");
    let text: Arc<str> = answer.to_string().into();
    let handler = move |headers: HeaderMap| {
        let (text, tag) = (Arc::clone(&text), tag.clone());
        async move { respond(&headers, &text, tag) }
    };
    Router::new().route("/v1/district", get(handler))
}

pub(super) fn operation() -> Operation {
    Operation::new(
        Method::GET,
        "/v1/district",
        "district",
        "The names of the district and every code with its labels",
    )
    .public()
    .answers::<DistrictAnswer>(200)
}

fn respond(headers: &HeaderMap, text: &str, tag: HeaderValue) -> Response {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values.filter_map(|value| value.to_str().ok()).flat_map(|all| all.split(','));
    let is_known = tags.any(|one| {
        let one = one.trim();
        one == "*" || one.trim_start_matches("W/").as_bytes() == tag.as_bytes()
    });
    let kept = [(header::ETAG, tag), (header::CACHE_CONTROL, CACHE_CONTROL)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (kept, kind, text.to_owned()).into_response()
}

fn answer(district: &District) -> DistrictAnswer {
    let District { rules, code, name, name_en, shown, .. } = district;
    let hours = rules.calendar.hours().iter();
    let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
    DistrictAnswer {
        id: rules.district.clone(),
        code: code.clone(),
        name: name.clone(),
        name_en: Some(name_en.clone()).filter(|name| !name.is_empty()),
        timezone: TIMEZONE,
        coordinator: rules.coordinator.clone(),
        telephone: shown.telephone.clone(),
        oidc: district.oidc.is_some(),
        business_hours: hours.map(|(from, to)| format!("{}-{}", clock(from), clock(to))).collect(),
        at_center: district.at_center.clone(),
        limits: limits(&rules.limits),
        centers: rules
            .centers
            .iter()
            .map(|(id, center)| CenterName {
                id: id.clone(),
                code: center.code.clone(),
                name: center.name.clone(),
                name_en: shown.centers_en.get(id).cloned(),
            })
            .collect(),
        departments: rules
            .departments
            .iter()
            .map(|(id, department)| DepartmentName {
                id: id.clone(),
                name: department.name.clone(),
                name_en: shown.departments_en.get(id).cloned(),
                windows: department
                    .contact
                    .iter()
                    .map(|contact| WindowName {
                        name: contact.window.clone(),
                        phone: contact.phone.clone(),
                    })
                    .collect(),
            })
            .collect(),
        matters: rules
            .matters
            .iter()
            .map(|route| MatterName {
                name: route.name.clone(),
                code: shown.matter_codes.get(&route.name).cloned(),
                keywords: route.keywords.clone(),
                department: route.department.clone(),
            })
            .collect(),
        codes: codes(),
    }
}

fn limits(limits: &Limits) -> BTreeMap<String, u32> {
    let value = serde_json::to_value(limits).unwrap_or_default();
    serde_json::from_value(value).expect("every limit is a number of days")
}

macro_rules! lists {
    ($($name:literal: $list:ty,)+) => {
        [$(($name, <$list>::ALL.iter().map(|one| plain(one.code(), one.label_zh(), one.label_en())).collect()),)+]
    };
}

const fn plain(code: &'static str, zh: &'static str, en: &'static str) -> CodeName {
    CodeName { code, zh, en, category: None }
}

/// Every list of codes. To add one: its name and type here.
fn codes() -> BTreeMap<&'static str, Vec<CodeName>> {
    let mut codes: BTreeMap<&'static str, Vec<CodeName>> = BTreeMap::from(lists! {
        "applicant_kind": ApplicantKind,
        "blocked_stage": Stage,
        "care": Care,
        "cause_category": CauseCategory,
        "channel": Channel,
        "check_layer": CheckLayer,
        "clock": Clock,
        "closing_code": ClosingCode,
        "complexity": Complexity,
        "consultation_outcome": ConsultationOutcome,
        "convene_trigger": ConveneTrigger,
        "erasure_reason": ErasureReason,
        "exclusion": Exclusion,
        "explanation_mode": ExplanationMode,
        "improvement_trigger": ImprovementTrigger,
        "level": Level,
        "link_relation": LinkRelation,
        "pause_reason": PauseReason,
        "position": Position,
        "precedent_outcome": PrecedentOutcome,
        "reopen_reason": ReopenReason,
        "resolution": Resolution,
        "retirement_reason": RetirementReason,
        "return_reason": ReturnReason,
        "review_result": ReviewResult,
        "role": Role,
        "solved": Solved,
        "state": CaseState,
        "understood": Understood,
    });
    let causes = Cause::ALL.iter().map(|cause| CodeName {
        category: Some(cause.category().code()),
        ..plain(cause.code(), cause.label_zh(), cause.label_en())
    });
    codes.insert("cause", causes.collect());
    let modes = Mode::labelled().iter().map(|(code, zh, en)| plain(code, zh, en));
    codes.insert("mode", modes.collect());
    let grades = Grade::ALL.iter().zip(["5", "4", "3", "2", "1"]);
    let grades = grades.map(|(grade, code)| plain(code, grade.label_zh(), grade.label_en()));
    codes.insert("grade", grades.collect());
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_both_labels_and_stands_once_in_its_list() {
        for (name, list) in codes() {
            let mut seen: Vec<_> = list.iter().map(|one| one.code).collect();
            assert!(list.iter().all(|one| !one.zh.is_empty() && !one.en.is_empty()), "{name}");
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), list.len(), "{name}");
        }
        assert_eq!(codes()["cause"][1].category, Some("P"));
        assert_eq!(codes()["grade"][0].zh, "非常满意");
    }

    #[test]
    fn the_answer_has_the_names_the_hours_and_the_limits_of_the_file() {
        let answer = serde_json::to_value(answer(&District::load(None).unwrap())).unwrap();
        assert_eq!(answer["name"], "东城区");
        assert_eq!(answer["business_hours"][1], "13:30-17:30");
        assert_eq!(answer["limits"]["return"], 1);
        assert_eq!(answer["centers"].as_array().unwrap().len(), 17);
        let hr = answer["departments"].as_array().unwrap().iter();
        let hr = hr.clone().find(|one| one["id"] == "hr-public-service").unwrap();
        assert_eq!(hr["windows"][0]["name"], "退休业务专窗");
        assert_eq!(answer["matters"][0]["keywords"][0], "退休");
    }

    #[test]
    fn who_has_the_answer_already_is_not_sent_it_again() {
        let tag = HeaderValue::from_static("\"a\"");
        let with = |value: &'static str| {
            HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(value))])
        };
        for (value, status) in [("\"a\"", 304), ("W/\"a\", \"b\"", 304), ("*", 304), ("\"b\"", 200)]
        {
            assert_eq!(respond(&with(value), "{}", tag.clone()).status(), status, "{value}");
        }
    }
}
