//! A visit for tests of what is rendered.

use std::sync::OnceLock;

use runtime::clock::ManualClock;
use serde_json::json;

use super::*;
use crate::api::Client;

/// Somebody of this role in front of a page; the API is away, the names are a few.
pub(crate) fn visit(lang: Lang, role: Role) -> Visit {
    let url = "http://127.0.0.1:9".parse().expect("an address");
    let now = DateTime::parse_from_rfc3339("2026-03-04T10:00:00+08:00").expect("an instant");
    let portal = Portal {
        client: Client::new(url, None).expect("a client without TLS"),
        clock: Arc::new(ManualClock::new(now.to_utc())),
        names: crate::names::NamesKept::default(),
        pages: OnceLock::new(),
    };
    let names = json!({
        "name": "东城区", "telephone": "010-0000-0000",
        "centers": [{ "id": "donghuashi", "name": "东花市街道政务服务中心" }],
        "departments": [{ "id": "hr", "name": "区人力资源公共服务中心" }],
        "matters": [{ "name": "退休手续办理", "department": "hr", "keywords": ["退休"] }],
        "codes": {
            "cause_category": [{ "code": "P", "zh": "政策", "en": "Policy" }],
            "cause": [{ "code": "P", "zh": "政策", "en": "Policy" }, { "code": "P1", "zh": "政策空白", "en": "Gap" }],
            "blocked_stage": [{ "code": "consult", "zh": "咨询", "en": "Consultation" }],
            "channel": [{ "code": "window", "zh": "反映窗口", "en": "Window" }],
            "erasure_reason": [
                { "code": "retention", "zh": "保存期满", "en": "Retention is over" },
                { "code": "request", "zh": "申请人要求", "en": "On request" },
            ],
            "mode": [{ "code": "oral", "zh": "口头", "en": "Orally" }],
        },
    });
    Visit {
        portal: Arc::new(portal),
        lang,
        theme: Theme::Auto,
        is_elder: false,
        path: "/counter".to_owned(),
        is_secure: false,
        person: Some(Person {
            token: "token".to_owned(),
            username: "clerk-1".to_owned(),
            name: "样例员".to_owned(),
            role,
            center: Some("donghuashi".to_owned()),
            department: None,
            has_second_factor: false,
        }),
        standing: Standing::Known,
        token: Some("token".to_owned()),
        known_names: Arc::new(serde_json::from_value(names).expect("names")),
        known_people: Arc::default(),
        line: None,
        is_reading: true,
    }
}
