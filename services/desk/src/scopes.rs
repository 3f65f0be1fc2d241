//! What a machine may read: the scopes of its token, each with the addresses that it opens.
//!
//! Invariant: what is in none of them is for people. Nothing here shows an applicant but masked, and nothing is a person's
//! own (drafts, sessions, accounts, the audit). To open another address to machines, append it here; the tests ask for
//! each over HTTP.

use runtime::identity::Scope;

/// All scopes.
pub const SCOPES: &[Scope] = &[
    Scope {
        code: "read:figures",
        label_zh: "统计指标（含咨询计数、退回矩阵、堵点图）",
        label_en: "Figures, with questions, returns and blockages",
        reads: &[
            "/v1/overview",
            "/v1/figures",
            "/v1/blockages",
            "/v1/returns",
            "/v1/centers",
            "/v1/departments",
            "/v1/consultations",
        ],
    },
    Scope {
        code: "read:cases",
        label_zh: "事项及其过程（申请人已脱敏）",
        label_en: "Cases and their histories, applicants masked",
        reads: &[
            "/v1/cases",
            "/v1/cases/{id}",
            "/v1/cases/{id}/timeline",
            "/v1/cases/{id}/clocks",
            "/v1/figures/{name}/cases",
        ],
    },
    Scope {
        code: "read:register",
        label_zh: "台账文件（申请人已脱敏）",
        label_en: "The register as a file, applicants masked",
        reads: &["/v1/register.csv", "/v1/register.xlsx"],
    },
    Scope {
        code: "read:learning",
        label_zh: "先例与改进",
        label_en: "Precedents and improvements",
        reads: &["/v1/precedents", "/v1/improvements", "/v1/similar"],
    },
    Scope {
        code: "read:events",
        label_zh: "事件流（不含任何文字与个人信息）",
        label_en: "The events, without texts and without anybody's name",
        reads: &["/v1/events"],
    },
    Scope {
        code: "read:feed",
        label_zh: "实时动态与视图进度",
        label_en: "The live feed, and how far the views are",
        reads: &["/v1/live", "/v1/lag"],
    },
];
