//! Reading an applicant in clear (查看个人信息; 个人信息保护法 6, 51).
//!
//! Invariants: the audit's line stands on the bus before a word of the person leaves this handler; where it cannot be
//! written, nothing is shown; who was forgotten is gone for everybody.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::routing::post;
use axum::{Json, Router};
use casework::case::Case;
use casework::free_text::find_personal_data;
use casework::permission;
use casework::refusal::{Refusal, RefusalCode};
use desk::endpoint::case_id;
use desk::{Desk, DeskState, actor_of, problem};
use proto_events::Timestamp;
use proto_events::codes::{ApplicantKind, Care};
use proto_events::ids::CaseId;
use runtime::audit::AuditLine;
use runtime::http::problem::{ERASED, UNREADABLE};
use runtime::http::{Operation, Path, Problem, StrictJson};
use runtime::identity::{Signed, Staff};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::applicant::Applicant;

/// Shortest purpose, in characters: 电话回访 says it.
const PURPOSE_CHARS_MIN: usize = 4;
/// Longest purpose, in characters.
const PURPOSE_CHARS_MAX: usize = 200;

/// The body.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RevealBody {
    /// What it is needed for, 4 to 200 characters; the auditor reads it.
    purpose: String,
}

/// The applicant in clear.
#[derive(Serialize, JsonSchema)]
struct RevealAnswer {
    case_id: CaseId,
    /// What kind of applicant.
    kind: ApplicantKind,
    /// The name.
    name: String,
    /// The telephone.
    phone: String,
    /// The ID number.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_number: Option<String>,
    /// The address.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// What to take care of.
    care: Vec<Care>,
    /// When it was read.
    read_at: Timestamp,
}

pub(crate) fn routes() -> Router<DeskState> {
    Router::new().route("/v1/cases/{id}/reveal", post(handle))
}

pub(crate) fn operation() -> Operation {
    Operation::new(
        Method::POST,
        "/v1/cases/{id}/reveal",
        "intake",
        "Reads the applicant in clear, for a purpose that the audit keeps (查看个人信息)",
    )
    .takes::<RevealBody>()
    .answers::<RevealAnswer>(200)
    .refuses(&[RefusalCode::PiiInText.code(), ERASED.code, UNREADABLE.code])
}

async fn handle(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    body: Result<StrictJson<RevealBody>, Problem>,
) -> Result<Json<RevealAnswer>, Problem> {
    let case_id = case_id(&id)?;
    let subject = desk.subject_of(case_id, None).await?;
    let case = desk
        .load(&subject)
        .await?
        .ok_or_else(|| Problem::not_found("there is no such case (没有这个案件)"))?;
    let (purpose, applicant) = match clear(&desk, &case, &staff, body).await {
        Ok(clear) => clear,
        Err(problem) => {
            if matches!(problem.status.as_u16(), 403 | 409) {
                let detail = format!("Reveal: {}", problem.code);
                desk.audit.record(line(&case, &staff, "refused").detail(detail)).await;
            }
            return Err(problem);
        }
    };
    let read_at = desk.now();
    let told = line(&case, &staff, "personal_data_read").detail(purpose);
    desk.audit.record_or_fail(told).await.map_err(|_| {
        Problem::unavailable("the audit cannot be written, so nothing is shown; try again")
    })?;
    let Applicant { kind, name, phone, id_number, address, care } = applicant;
    Ok(Json(RevealAnswer { case_id, kind, name, phone, id_number, address, care, read_at }))
}

/// The purpose as it is written down, and the applicant.
async fn clear(
    desk: &Desk,
    case: &Case,
    staff: &Staff,
    body: Result<StrictJson<RevealBody>, Problem>,
) -> Result<(String, Applicant), Problem> {
    if !permission::may_reveal(&actor_of(staff), case) {
        return Err(Problem::forbidden(
            "this applicant is not yours to read in clear (无权查看该案件的个人信息)",
        ));
    }
    let purpose = written(&body?.value.purpose)?;
    let applicant = opened(desk, case).await?;
    // The audit is never erased.
    if applicant.is_named_in(&purpose) {
        let detail =
            "/purpose contains the applicant's name or address (用途中含有申请人姓名或住址)";
        return Err(problem::of_refusal(Refusal::rule(RefusalCode::PiiInText, detail)));
    }
    Ok((purpose, applicant))
}

/// The purpose as it is written down.
fn written(purpose: &str) -> Result<String, Problem> {
    let purpose = purpose.trim();
    let chars = purpose.chars().count();
    let detail = match () {
        () if chars < PURPOSE_CHARS_MIN => "at least 4 characters (用途至少4字)",
        () if chars > PURPOSE_CHARS_MAX => "at most 200 characters (用途不超过200字)",
        () if purpose.chars().any(char::is_control) => "must stand on one line (用途须为一行文字)",
        () if find_personal_data(purpose).is_some() => {
            let detail = "/purpose contains an ID, phone or bank card number (用途中含有个人号码)";
            return Err(problem::of_refusal(Refusal::rule(RefusalCode::PiiInText, detail)));
        }
        () => return Ok(purpose.to_owned()),
    };
    Err(Problem::invalid("/purpose", detail))
}

async fn opened(desk: &Desk, case: &Case) -> Result<Applicant, Problem> {
    let no_key = |error| problem::of_key(&desk.metrics, &error);
    let key = match desk.vault.key(case.case_id).await.map_err(no_key)? {
        Some(key) if !case.erased => key,
        _ => {
            let detail = "the personal data of this case was erased (该案件的个人信息已删除)";
            return Err(Problem::of(&ERASED, detail));
        }
    };
    Applicant::open(&case.applicant, &key, case.case_id)
        .map_err(|error| problem::unreadable(&desk.metrics, case.case_id, &error))
}

fn line(case: &Case, staff: &Staff, what: &'static str) -> AuditLine {
    AuditLine::new(staff.username.as_str(), what)
        .role(staff.role)
        .case(case.case_id)
        .center(Some(case.center.clone()))
}
