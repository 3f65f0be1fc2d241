//! Problems: what a caller sees when something was refused or failed (RFC 9457).
//!
//! Invariants: every code has an entry in a catalogue and a page at `/problems/<code>`; a problem never
//! carries what a machine said inside (paths, addresses, sources), only what the caller can act on.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::request_id;

/// The content type of every problem.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// What one field of a request has wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the body (`/applicant/phone`), or `/<name>` of a parameter.
    pub pointer: String,
    /// What is wrong there, in a sentence for a developer.
    pub detail: String,
}

/// One code of the catalogue, with what its page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemEntry {
    /// The code, as in `/problems/<code>`.
    pub code: &'static str,
    /// The HTTP status that it comes with.
    pub status: u16,
    /// The title in English; also the `title` of the body.
    pub title_en: &'static str,
    /// The title in Chinese.
    pub title_zh: &'static str,
    /// What it means and what to do, in English.
    pub explanation_en: &'static str,
    /// What it means and what to do, in Chinese.
    pub explanation_zh: &'static str,
}

macro_rules! entries {
    ($( $(#[$doc:meta])* $name:ident = $code:literal, $status:literal,
        $title_en:literal, $title_zh:literal, $explanation_en:literal, $explanation_zh:literal; )+) => {
        $(
            $(#[$doc])*
            pub const $name: ProblemEntry = ProblemEntry {
                code: $code,
                status: $status,
                title_en: $title_en,
                title_zh: $title_zh,
                explanation_en: $explanation_en,
                explanation_zh: $explanation_zh,
            };
        )+

        /// The kit's own codes. To add one: append it here; its page and its place in OpenAPI follow.
        pub const KIT_PROBLEMS: &[ProblemEntry] = &[$($name),+];
    };
}

entries! {
    /// The request cannot be read.
    MALFORMED = "malformed", 400, "The request cannot be read", "请求无法解析",
        "The body is no JSON, or a header or path has a form that nobody can read. `detail` says where. Sending the same again will fail again.",
        "请求体不是合法的 JSON，或请求头、路径的格式有误。detail 指出位置。原样重发仍会失败。";
    /// Nobody is signed in.
    UNAUTHENTICATED = "unauthenticated", 401, "Sign in first", "请先登录",
        "The session is missing, has ended or was revoked, or the username and password do not fit. Sign in with POST /v1/session.",
        "没有登录、登录已过期或已被撤销，或用户名与密码不符。请通过 POST /v1/session 登录。";
    /// The session waits for its person's password.
    LOCKED = "locked", 401, "The screen is locked", "屏幕已锁定",
        "The session is locked. Its person unlocks it with POST /v1/session/unlock and the password; DELETE /v1/session signs out.",
        "会话已锁定。请本人通过 POST /v1/session/unlock 输入密码解锁，或通过 DELETE /v1/session 退出登录。";
    /// The password is right, a code is missing.
    SECOND_FACTOR_REQUIRED = "second_factor_required", 401, "A code is needed", "请输入动态验证码",
        "The password is right and the account has a second factor. Send the same with `code`, or the `ticket` of this problem and a code to POST /v1/session/second-step, within five minutes.",
        "密码正确，该账号已启用双因素认证。请在五分钟内附上 code 重发，或将本响应中的 ticket 与动态验证码提交至 POST /v1/session/second-step。";
    /// The code opens nothing.
    SECOND_FACTOR_WRONG = "second_factor_wrong", 401, "The code does not fit", "动态验证码不正确",
        "The code is wrong, too old, or was used already; each opens once. Wait for the next one of the app, or use a recovery code.",
        "动态验证码有误、已过期或已使用过，每个验证码只能使用一次。请等待应用生成下一个验证码，或使用恢复码。";
    /// The identity provider's answer proves nobody.
    PROVIDER_REFUSED = "provider_refused", 401, "Not proved", "统一身份认证未通过",
        "What came back from the identity provider does not prove who somebody is, or the provider has let nobody in. Begin anew; when it happens again, whoever runs the house finds the reason in the audit.",
        "身份认证平台返回的结果不能证明身份，或平台未允许登录。请重新登录；若再次出现，请系统管理员在审计记录中查看原因。";
    /// The sign-in began too long ago, was used, or began elsewhere.
    SIGN_IN_OVER = "sign_in_over", 401, "Begin the sign-in anew", "请重新登录",
        "The sign-in with the identity provider began more than ten minutes ago, in another browser, or was used already. Begin anew with POST /v1/session/oidc.",
        "通过身份认证平台的登录已超过十分钟、不是在本浏览器开始，或已使用过。请通过 POST /v1/session/oidc 重新开始。";
    /// Somebody is proved who has no account here.
    NO_ACCOUNT = "no_account", 403, "No account here", "本系统没有对应账号",
        "The identity provider has proved who somebody is, and nobody of that name has an account here, or the account is disabled. An administrator makes accounts.",
        "身份认证平台已确认身份，但本系统没有同名账号，或账号已停用。请联系系统管理员开通账号。";
    /// A second factor has to be enrolled before anything else.
    MUST_ENROL = "must_enrol", 403, "Enrol a second factor first", "请先启用双因素认证",
        "This role needs a second factor here. Enrol one with POST /v1/session/second-factor; until then the session opens nothing else.",
        "本区要求该角色启用双因素认证。请先通过 POST /v1/session/second-factor 启用，启用前不能进行其他操作。";
    /// The enrolment took too long, or is another's.
    ENROLMENT_OVER = "enrolment_over", 409, "Begin the enrolment anew", "请重新开始启用",
        "The enrolment of a second factor began more than a quarter of an hour ago, or is of another account. Begin anew with POST /v1/session/second-factor.",
        "启用双因素认证已超过十五分钟，或不属于该账号。请通过 POST /v1/session/second-factor 重新开始。";
    /// The signed-in person may not do this.
    FORBIDDEN = "forbidden", 403, "Not yours to do", "无权操作",
        "Your role does not allow this, or the matter belongs to another center or department.",
        "您的角色无权进行此操作，或该事项属于其他中心或部门。";
    /// There is nothing here.
    NOT_FOUND = "not_found", 404, "There is nothing here", "未找到",
        "The address or the thing that it names does not exist.",
        "该地址或其所指的内容不存在。";
    /// The address exists, not for this method.
    METHOD_NOT_ALLOWED = "method_not_allowed", 405, "Not with this method", "不支持该请求方法",
        "The address exists, but not for this HTTP method. The Allow header names those that it takes.",
        "该地址存在，但不支持此 HTTP 方法；Allow 响应头列出可用的方法。";
    /// Another account has the username.
    USERNAME_TAKEN = "username_taken", 409, "The username is taken", "用户名已被使用",
        "There is an account of this username already. Choose another, or change that account.",
        "该用户名已有账号。请换一个用户名，或修改原账号。";
    /// The last administrator stays.
    LAST_ADMIN = "last_admin", 409, "The last administrator stays", "不能没有系统管理员",
        "Without this account nobody could administer accounts any more. Make another administrator first.",
        "这是最后一个系统管理员账号，移除或改换角色后将无人管理账号。请先增加另一名系统管理员。";
    /// The one-time link opens nothing.
    FIRST_LINK_INVALID = "first_link_invalid", 403, "The link opens nothing", "一次性链接无效",
        "The one-time link for the first account is wrong, was used, has expired, or there is an account already. Start the program again for a new link, or sign in.",
        "首个账号的一次性链接有误、已使用、已过期，或系统中已有账号。请重新启动程序获取新链接，或直接登录。";
    /// The person was forgotten.
    ERASED = "erased", 410, "The person was forgotten", "个人信息已删除",
        "The personal data of this case was erased; nobody can read it any more.",
        "该案件的个人信息已依法删除，任何人都无法再查看。";
    /// What was sealed does not open.
    UNREADABLE = "unreadable", 409, "The person cannot be read", "个人信息无法读取",
        "The personal data of this case does not open under the case's key: one of the two was changed, or is of another case. The rest of the case stands. Whoever runs the house finds the case in the log, and asks `unstuck verify`.",
        "该案件的个人信息无法用本案密钥解开：密文或密钥被改动，或属于其他案件。案件其余内容不受影响。请联系系统管理员，在日志中查找该案件并运行 unstuck verify。";
    /// No room for another draft.
    TOO_MANY_DRAFTS = "too_many_drafts", 409, "Too many drafts", "草稿过多",
        "There is no room for a further draft. Finish or discard one; a draft that nobody touches goes by itself after three days.",
        "草稿数量已达上限。请先提交或删除已有草稿；三天未动的草稿会自动清除。";
    /// Somebody changed it since the caller read it.
    STALE = "stale", 412, "Somebody changed it meanwhile", "内容已被他人更新",
        "If-Match names a version that is no longer the newest. Read it again, look at what changed, then decide again.",
        "If-Match 所示版本已不是最新。请重新读取，查看变化后再决定。";
    /// The body is too large.
    TOO_LARGE = "too_large", 413, "The body is too large", "请求体过大",
        "A body may have at most 256 KiB.",
        "请求体不得超过 256 KiB。";
    /// The body is not JSON by its content type.
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type", 415, "Send JSON", "请使用 JSON",
        "A body must be sent with `Content-Type: application/json`, in UTF-8, without content encoding.",
        "请求体须以 Content-Type: application/json 发送，使用 UTF-8，且不带内容编码。";
    /// Fields are missing, unknown or have a wrong value.
    INVALID = "invalid", 422, "Some fields are not right", "部分内容有误",
        "The request can be read, but a field is missing, unknown, or has a value that is not allowed. `errors` names each with a JSON pointer.",
        "请求可以解析，但有字段缺失、未知或取值不允许。errors 以 JSON Pointer 逐一指出。";
    /// A key came back with another body.
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch", 422, "This key was used for something else", "该幂等键已用于其他请求",
        "This Idempotency-Key came before with another request. Use a new key for a new command.",
        "该 Idempotency-Key 曾用于内容不同的请求。新的操作请使用新的键。";
    /// Too often.
    TOO_MANY_REQUESTS = "too_many_requests", 429, "Too often", "操作过于频繁",
        "Wait as many seconds as Retry-After says, then try again.",
        "请按 Retry-After 所示秒数等待后重试。";
    /// A fault of ours.
    INTERNAL = "internal", 500, "A fault of ours", "系统内部错误",
        "Something failed that should not. The request id finds it in the log; please report it.",
        "系统发生了不应有的错误。请将请求编号告知管理员，以便在日志中查找。";
    /// More work than the service takes at once.
    BUSY = "busy", 503, "Too much at once", "系统繁忙",
        "More requests are under way than the service takes, or it took too long. With an Idempotency-Key a repeat is harmless; wait as Retry-After says.",
        "同时处理的请求过多，或处理超时。携带 Idempotency-Key 重试不会重复办理；请按 Retry-After 等待。";
    /// A center asks for what only the district decides.
    DISTRICT_DECIDES = "district_decides", 409, "The district decides this", "由区里办理",
        "This is the server of a center: it registers cases, takes what citizens bring, counts questions and closes days, also while the line is down. Everything else is decided in the district, over its own address.",
        "这是中心的服务器：可登记、收材料、撤回、咨询计数和日结，断网时也可办理。其余由区里办理，请在线路畅通时登录区级系统。";
    /// The district does not take what this center writes.
    NOT_ACCEPTED = "not_accepted", 503, "This center is not accepted", "区里未接纳本中心",
        "The district has not accepted this machine as the center, or does not any more; what were registered here would not arrive. `detail` says why. Register on paper, or over the district's address, and tell whoever runs the house.",
        "区里尚未接纳或已不再接纳这台机器，在此登记的内容无法送达；原因见 detail。请先用纸质登记或登录区级系统，并联系系统管理员。";
    /// Something the service stands on is out of reach.
    UNAVAILABLE = "unavailable", 503, "Out of reach for the moment", "服务暂不可用",
        "The bus or a store is out of reach. Nothing was lost; wait as Retry-After says, then try again.",
        "消息总线或存储暂时不可用。数据没有丢失；请按 Retry-After 等待后重试。";
}

/// The kit's own catalogue. Callers append the codes of their rules.
#[must_use]
pub fn problems() -> &'static [ProblemEntry] {
    KIT_PROBLEMS
}

/// A refusal or failure, on its way to the caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The code, as in `/problems/<code>`.
    pub code: Cow<'static, str>,
    /// The HTTP status.
    pub status: StatusCode,
    /// A short title that does not vary with the occurrence.
    pub title: Cow<'static, str>,
    /// What happened here, in a sentence.
    pub detail: String,
    /// The fields that are wrong.
    pub errors: Vec<FieldError>,
    /// When to try again, in seconds; becomes `Retry-After`.
    pub retry_after_seconds: Option<u32>,
    /// Further members of the body; never those that the body has by itself.
    pub extra: Map<String, Value>,
}

/// Marks a response with the code of its problem, for the metrics of the outer layers.
#[derive(Debug, Clone)]
pub struct ProblemCode(pub Cow<'static, str>);

/// How long a caller waits when nobody knows better, in seconds.
const RETRY_AFTER_SECONDS: u32 = 5;

impl Problem {
    /// Makes a problem of a catalogue entry.
    #[must_use]
    pub fn of(entry: &ProblemEntry, detail: impl Into<String>) -> Self {
        let status =
            StatusCode::from_u16(entry.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            code: Cow::Borrowed(entry.code),
            status,
            title: Cow::Borrowed(entry.title_en),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_seconds: matches!(entry.status, 429 | 503).then_some(RETRY_AFTER_SECONDS),
            extra: Map::new(),
        }
    }

    /// A rule said no (409), with the code of the rule.
    #[must_use]
    pub fn conflict(
        code: impl Into<Cow<'static, str>>,
        title: impl Into<Cow<'static, str>>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            status: StatusCode::CONFLICT,
            title: title.into(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_seconds: None,
            extra: Map::new(),
        }
    }

    /// The request cannot be read (400).
    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::of(&MALFORMED, detail)
    }

    /// Nobody is signed in (401).
    #[must_use]
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::of(&UNAUTHENTICATED, detail)
    }

    /// The signed-in person may not do this (403).
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::of(&FORBIDDEN, detail)
    }

    /// There is nothing here (404).
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::of(&NOT_FOUND, detail)
    }

    /// The caller's version is no longer the newest (412); `version` is the newest.
    #[must_use]
    pub fn stale(version: u64) -> Self {
        Self::of(&STALE, format!("the version is now {version}")).with("version", version)
    }

    /// One field is wrong (422).
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError { pointer: pointer.into(), detail: detail.into() }])
    }

    /// Several fields are wrong (422).
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [] => "the request is not right".to_owned(),
            [only] => format!("{}: {}", only.pointer, only.detail),
            many => format!("{} fields are not right", many.len()),
        };
        Self { errors, ..Self::of(&INVALID, detail) }
    }

    /// A fault of ours (500). The caller logs the cause; the body does not say it.
    #[must_use]
    pub fn internal() -> Self {
        Self::of(&INTERNAL, "something failed that should not; the request id finds it in the log")
    }

    /// More work than the service takes (503).
    #[must_use]
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::of(&BUSY, detail).retry_after(1)
    }

    /// Something the service stands on is out of reach (503).
    #[must_use]
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::of(&UNAVAILABLE, detail)
    }

    /// Says when to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Adds a member to the body.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(name.into(), value.into());
        self
    }

    /// The body as JSON; the request id is that of the request being served, when there is one.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = self.extra.clone();
        body.insert("type".to_owned(), format!("/problems/{}", self.code).into());
        body.insert("title".to_owned(), self.title.clone().into_owned().into());
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("code".to_owned(), self.code.clone().into_owned().into());
        body.insert("detail".to_owned(), self.detail.clone().into());
        if !self.errors.is_empty() {
            let errors = self.errors.iter().map(|error| {
                let mut entry = Map::new();
                entry.insert("pointer".to_owned(), error.pointer.clone().into());
                entry.insert("detail".to_owned(), error.detail.clone().into());
                Value::Object(entry)
            });
            body.insert("errors".to_owned(), errors.collect::<Vec<_>>().into());
        }
        if let Some(id) = request_id::current() {
            body.insert("request_id".to_owned(), id.as_str().into());
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(ProblemCode(self.code));
        response
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kit_code_stands_once_and_explains_itself_in_both_languages() {
        let codes: BTreeSet<_> = problems().iter().map(|entry| entry.code).collect();
        assert_eq!(codes.len(), problems().len());
        for entry in problems() {
            assert!((400..600).contains(&entry.status), "{}", entry.code);
            assert!(entry.explanation_en.len() > 20 && entry.explanation_zh.len() > 20);
        }
    }

    #[test]
    fn a_problem_carries_its_type_errors_and_extra_members() {
        let json = Problem::invalid("/applicant/phone", "is too short").with("hint", 7).to_json();
        assert_eq!(json["type"], "/problems/invalid");
        assert_eq!(json["status"], 422);
        assert_eq!(json["errors"][0]["pointer"], "/applicant/phone");
        assert_eq!(json["hint"], 7);
    }

    #[test]
    fn an_extra_member_cannot_replace_the_code() {
        let json = Problem::malformed("no").with("code", "other").to_json();
        assert_eq!(json["code"], "malformed");
    }

    #[test]
    fn out_of_reach_comes_with_retry_after_and_unauthenticated_with_bearer() {
        let response = Problem::unavailable("the bus is out of reach").into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "5");
        let response = Problem::unauthenticated("sign in").into_response();
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_CONTENT_TYPE);
    }
}
