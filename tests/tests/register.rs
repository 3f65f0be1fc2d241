//! The register (登记簿) as a file: its columns, who gets which rows, and what programs that open it make of it.
//!
//! CSV is read by Python's `csv`, XLSX by Python's `zipfile` and an XML reader: by nothing of ours.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};

use runtime::connect::connect;
use runtime::nats_server::BusAddress;
use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, instant, opening, with};
use unstuck_tests::district::{Place, said};
use unstuck_tests::{Answer, District, wait_until};

const MORNING: &str = "2021-01-26T10:00:00+08:00";

/// What somebody writes who knows what a spreadsheet does.
const ARMED: &str = "=HYPERLINK(\"http://example.test/?x=\"&A2,\"点我\")";

/// Heads in both languages, in the order of the book.
const HEADS: [(&str, &str); 31] = [
    ("编号", "Case no."),
    ("登记时间", "Registered at"),
    ("中心", "Center"),
    ("渠道", "Channel"),
    ("反映人(脱敏)", "Applicant (masked)"),
    ("电话(脱敏)", "Telephone (masked)"),
    ("事项", "Matter"),
    ("反映问题", "Problem"),
    ("受阻环节", "Blocked at"),
    ("原因(初判)", "Cause (provisional)"),
    ("原因(确认)", "Cause (confirmed)"),
    ("首接人", "First receiver"),
    ("责任部门", "Department"),
    ("协办部门", "Co-departments"),
    ("分类", "Complexity"),
    ("应办时限", "Due at"),
    ("转办时间", "Forwarded at"),
    ("签收时间", "Accepted at"),
    ("首次联系时间", "First contact at"),
    ("退回次数", "Returns"),
    ("专班", "Task force"),
    ("特事特办", "Special handling"),
    ("结果", "Outcome"),
    ("政策依据", "Policy basis"),
    ("办结时间", "Outcome at"),
    ("是否按时", "On time"),
    ("是否解决", "Solved"),
    ("满意度", "Satisfaction"),
    ("整改", "Rectification"),
    ("改进措施", "Improvements"),
    ("晚到送达时间", "Arrived late at"),
];

/// Columns with instants, and the one with a count.
const TIMES: [usize; 6] = [1, 15, 16, 17, 18, 24];
const COUNT: usize = 19;

const READ_CSV: &str = "
import csv, io, json, sys
text = sys.stdin.buffer.read().decode('utf-8-sig')
print(json.dumps(list(csv.reader(io.StringIO(text, newline=''), strict=True))))
";

const READ_XLSX: &str = "
import io, json, sys, zipfile, datetime
import xml.etree.ElementTree as ET
S = '{http://schemas.openxmlformats.org/spreadsheetml/2006/main}'
book = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert book.testzip() is None
sheet = ET.fromstring(book.read('xl/worksheets/sheet1.xml'))
styles = ET.fromstring(book.read('xl/styles.xml'))
formats = {f.get('numFmtId'): f.get('formatCode') for f in styles.iter(S + 'numFmt')}
styles = [formats.get(x.get('numFmtId')) for x in styles.find(S + 'cellXfs')]
quoted = [x.get('quotePrefix') for x in ET.fromstring(book.read('xl/styles.xml')).find(S + 'cellXfs')]
rows, kinds = [], []
for row in sheet.iter(S + 'row'):
    cells, kind = {}, {}
    for cell in row:
        letters = cell.get('r').rstrip('0123456789')
        column = 0
        for letter in letters: column = column * 26 + ord(letter) - 64
        style = int(cell.get('s') or 0)
        if cell.get('t') == 'inlineStr':
            value, k = ''.join(t.text or '' for t in cell.iter(S + 't')), 'text' + ('!' if quoted[style] else '')
        else:
            value, k = cell.find(S + 'v').text, 'number'
            if styles[style] == 'yyyy-mm-dd hh:mm':
                at = datetime.datetime(1899, 12, 30) + datetime.timedelta(minutes=round(float(value) * 1440))
                value, k = at.strftime('%Y-%m-%d %H:%M'), 'time'
        cells[column - 1], kind[column - 1] = value, k
    rows.append([cells.get(i, '') for i in range(31)])
    kinds.append([kind.get(i, '') for i in range(31)])
print(json.dumps({
    'rows': rows, 'kinds': kinds,
    'formulas': len(list(sheet.iter(S + 'f'))),
    'frozen': [p.get('ySplit') for p in sheet.iter(S + 'pane') if p.get('state') == 'frozen'],
    'filter': [f.get('ref') for f in sheet.iter(S + 'autoFilter')],
    'widths': sum(int(c.get('max')) - int(c.get('min')) + 1 for c in sheet.iter(S + 'col')),
    'files': book.namelist(),
}))
";

/// Lets Python read a file.
#[track_caller]
fn python(script: &str, file: &[u8]) -> Value {
    let mut command = Command::new("python3");
    command.args(["-I", "-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("Python can be started");
    child.stdin.take().expect("piped").write_all(file).expect("Python reads");
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("Python writes JSON")
}

fn rows(read: &Value) -> Vec<Vec<String>> {
    serde_json::from_value(read.clone()).expect("rows of texts")
}

/// The rows of a CSV file without its head.
#[track_caller]
fn of_csv(file: &[u8]) -> Vec<Vec<String>> {
    let mut rows = rows(&python(READ_CSV, file));
    assert!(rows.iter().all(|row| row.len() == HEADS.len()), "{rows:?}");
    let head = rows.remove(0);
    let (zh, en) = (HEADS.map(|(zh, _)| zh), HEADS.map(|(_, en)| en));
    assert!(head == zh || head == en, "{head:?}");
    rows
}

fn numbers(rows: &[Vec<String>]) -> Vec<&str> {
    rows.iter().map(|row| row[0].as_str()).collect()
}

/// What stands in the audit about exports, oldest first.
fn exports_in_the_audit(district: &District) -> Vec<Value> {
    let address = BusAddress::of(&district.data()).expect("readable").expect("a managed bus");
    let lines = async {
        let js = connect(&address.access(&district.data(), "operator")?, "test").await?;
        let mut stream = js.get_stream("AUDIT").await?;
        let last = stream.info().await?.state.last_sequence;
        let mut lines = Vec::new();
        for sequence in 1..=last {
            let message = stream.get_raw_message(sequence).await?;
            lines.push(serde_json::from_slice::<Value>(&message.payload)?);
        }
        anyhow::Ok(lines)
    };
    let worker = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let lines = worker.expect("a runtime").block_on(lines).expect("the audit can be read");
    lines.into_iter().filter(|line| line["what"] == "register_exported").collect()
}

/// A clerk, a handler and the callback officer tell a case from the counter to its rectification; gives its id.
#[track_caller]
fn told(district: &District) -> String {
    let clerk = district.clerk("donghuashi");
    let director = district.staff("director", "director", Place::Center("donghuashi"));
    let handler = district.handler("hr-public-service");
    let body = opening("donghuashi", "退休手续办理", 1);
    let opened = clerk.open(with(with(body, "/demand", ARMED), "/matter/code", "0114"));
    let id = opened.case_id();
    clerk.case_in_state(id, "forwarded");
    handler.done(id, "accept", json!({}));
    handler.done(id, "contact", json!({ "mode": "phone", "reached": true }));
    director.done(id, "task-force", json!({
        "chair": "区政务服务局", "members": [{ "department": "hr-public-service", "person": "" }],
        "objective": "当场办结", "reason": "需要集体研究",
    }));
    director.done(id, "task-force/dissolve", json!({ "outcome": "已明确做法" }));
    let parts =
        json!({ "parts": [{ "department": "medical-insurance", "ask": "请核对参保记录" }] });
    handler.done(id, "joint", parts);
    let helper = district.handler("medical-insurance");
    helper.done(id, "parts/medical-insurance/complete", json!({ "result": "记录一致" }));
    handler.done(id, "resolve", json!({
        "resolution": "D3", "cause": "I1", "result": "已办理退休申报", "process_change_needed": true,
    }));
    let feedback = json!({ "responded": true, "solved": "partly", "grade": 2, "mode": "phone" });
    district.callback_officer().done(id, "feedback", feedback);
    wait_until("a rectification is opened", || clerk.case(id)["rectification"].is_object());
    let mended = json!({ "action": "上门说明", "result": "群众认可" });
    handler.done(id, "rectification/complete", mended);
    id.to_owned()
}

/// The instant at a place of a case, as the register writes it.
#[track_caller]
fn minute(case: &Value, pointer: &str) -> String {
    let at = case.pointer(pointer).unwrap_or_else(|| panic!("{pointer} in {case}"));
    instant(at).format("%Y-%m-%d %H:%M").to_string()
}

/// What the register says of the told case, by the Chinese head.
fn expected(case: &Value, in_chinese: bool) -> BTreeMap<&'static str, String> {
    let pick = |zh: &str, en: &str| if in_chinese { zh.to_owned() } else { en.to_owned() };
    let mended_at = minute(case, "/rectification/completed_at");
    BTreeMap::from([
        ("编号", case["case_no"].as_str().expect("a number").to_owned()),
        ("登记时间", minute(case, "/opened_at")),
        ("中心", "东花市街道政务服务中心".to_owned()),
        ("渠道", pick("反映窗口（window）", "Window (window)")),
        ("反映人(脱敏)", "样*甲".to_owned()),
        ("电话(脱敏)", "138****0001".to_owned()),
        ("事项", pick("退休手续办理（0114）", "退休手续办理 (0114)")),
        ("反映问题", ARMED.to_owned()),
        ("受阻环节", pick("咨询（consult）", "Consultation (consult)")),
        ("原因(初判)", pick("不知找谁（I1）", "Whom to ask (I1)")),
        ("原因(确认)", pick("不知找谁（I1）", "Whom to ask (I1)")),
        ("首接人", "clerk-donghuashi".to_owned()),
        ("责任部门", "区人力资源公共服务中心".to_owned()),
        ("协办部门", "区医疗保障局".to_owned()),
        ("分类", pick("简单（simple）", "Simple (simple)")),
        ("应办时限", "2021-01-29 17:30".to_owned()),
        ("转办时间", minute(case, "/handings_over/0/at")),
        ("签收时间", minute(case, "/handings_over/0/accepted_at")),
        ("首次联系时间", minute(case, "/handings_over/0/first_contact_at")),
        ("退回次数", "0".to_owned()),
        (
            "专班",
            pick(
                "是；人工提请（person）；会商0次；已解散：已明确做法",
                "Yes; A person (person); meetings: 0; dissolved: 已明确做法",
            ),
        ),
        ("特事特办", pick("否", "No")),
        (
            "结果",
            pick(
                "已办成（resolved）；部门协调办结（D3）；已办理退休申报",
                "Resolved (resolved); Coordinated between departments (D3); 已办理退休申报",
            ),
        ),
        ("政策依据", String::new()),
        ("办结时间", minute(case, "/outcome_at")),
        ("是否按时", pick("是", "Yes")),
        ("是否解决", pick("部分解决（partly）", "Partly (partly)")),
        ("满意度", pick("不满意（2）", "Dissatisfied (2)")),
        (
            "整改",
            pick(
                &format!("已整改 {mended_at}；区人力资源公共服务中心；上门说明；群众认可"),
                &format!("Done {mended_at}; 区人力资源公共服务中心; 上门说明; 群众认可"),
            ),
        ),
        ("改进措施", pick("需修改指南或流程", "Guide or process to be changed")),
        ("晚到送达时间", String::new()),
    ])
}

#[track_caller]
fn assert_row(row: &[String], expected: &BTreeMap<&'static str, String>, armed: &str) {
    for (cell, (zh, _)) in row.iter().zip(HEADS) {
        let expected = if zh == "反映问题" { armed } else { &expected[zh] };
        assert_eq!(cell, expected, "{zh}");
    }
}

fn assert_file(answer: &Answer, content_type: &str, ending: &str) {
    let header = |name: &str| answer.headers.get(name).map_or("", String::as_str);
    assert!(header("content-type").starts_with(content_type), "{}", header("content-type"));
    let day = "20210126";
    assert_eq!(
        header("content-disposition"),
        format!(
            "attachment; filename=\"register-{day}.{ending}\"; filename*=UTF-8''%E7%99%BB%E8%AE%B0%E7%B0%BF-{day}.{ending}"
        )
    );
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("transfer-encoding"), "chunked", "the file is streamed");
}

#[test]
fn every_column_of_a_told_case_stands_in_both_files_and_both_languages() {
    let district = District::start(Some(MORNING));
    let id = told(&district);
    let auditor = district.staff("auditor", "auditor", Place::District);
    let case = auditor.case(&id);

    for (lang, in_chinese) in [("zh", true), ("en", false)] {
        let expected = expected(&case, in_chinese);
        let csv = auditor.get(format!("/v1/register.csv?lang={lang}"));
        assert_file(&csv, "text/csv; charset=utf-8", "csv");
        assert!(csv.bytes.starts_with(&[0xEF, 0xBB, 0xBF]), "a byte order mark");
        assert!(csv.text.ends_with("\r\n"), "{:?}", csv.text);
        assert_eq!(csv.text.matches('\n').count(), csv.text.matches("\r\n").count());
        let rows_of_csv = of_csv(&csv.bytes);
        assert_eq!(rows_of_csv.len(), 1);
        // In CSV an apostrophe keeps a program from carrying it out.
        assert_row(&rows_of_csv[0], &expected, &format!("'{ARMED}"));

        let xlsx = auditor.get(format!("/v1/register.xlsx?lang={lang}"));
        let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        assert_file(&xlsx, kind, "xlsx");
        let read = python(READ_XLSX, &xlsx.bytes);
        let found = rows(&read["rows"]);
        let heads = if in_chinese { HEADS.map(|(zh, _)| zh) } else { HEADS.map(|(_, en)| en) };
        assert_eq!(found[0], heads);
        // In XLSX it is a text by its type, and stays one when somebody edits it.
        assert_row(&found[1], &expected, ARMED);
        let kinds = rows(&read["kinds"]);
        for (column, kind) in kinds[1].iter().enumerate() {
            let expected = match column {
                COUNT => "number",
                7 => "text!",
                column if TIMES.contains(&column) => "time",
                column if found[1][column].is_empty() => "",
                _ => "text",
            };
            assert_eq!(kind, expected, "{}", HEADS[column].0);
        }
        assert_eq!(read["formulas"], 0);
        assert_eq!(read["frozen"], json!(["1"]));
        assert_eq!(read["filter"], json!(["A1:AE2"]));
        assert_eq!(read["widths"].as_u64(), Some(31), "{read}");
    }
    // Nobody's name or number is in clear in anything that was exported.
    for path in ["/v1/register.csv", "/v1/register.csv?lang=en"] {
        let text = auditor.get(path).text;
        assert!(!text.contains("样例甲") && !text.contains("13800000001"), "{text}");
    }
}

#[test]
fn the_register_is_filtered_as_the_list_and_shows_nobody_what_he_may_not_open() {
    let district = District::start(Some(MORNING));
    let clerk = district.clerk("donghuashi");
    let other = district.clerk("longtan");
    let coordinator = district.coordinator();
    let auditor = district.staff("auditor", "auditor", Place::District);
    let handler = district.handler("hr-public-service");
    let admin = district.staff("admin", "admin", Place::District);

    let routed = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let waiting = clerk.open(with(opening("donghuashi", UNROUTED_MATTER, 2), "/cause", "S1"));
    let far = other.open(opening("longtan", UNROUTED_MATTER, 3));
    clerk.case_in_state(routed.case_id(), "forwarded");
    let newest =
        far.version().max(coordinator.case(routed.case_id())["version"].as_u64().unwrap_or(0));
    let number = |answer: &Answer| answer["case_no"].as_str().expect("a number").to_owned();
    let (routed, waiting, far) = (number(&routed), number(&waiting), number(&far));

    let found = |api: &unstuck_tests::Api, query: &str| {
        let file = api.get(format!("/v1/register.csv?min_version={newest}&{query}"));
        let rows = of_csv(&file.bytes);
        // The list says the same, in the same order.
        let list = api.whole_list(&format!("/v1/cases?sort=opened_at&{query}"));
        let of_list: Vec<_> = list.iter().map(|case| case["case_no"].clone()).collect();
        assert_eq!(json!(numbers(&rows)), json!(of_list), "{query}");
        numbers(&rows).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    for reader in [&coordinator, &auditor] {
        assert_eq!(found(reader, ""), [routed.as_str(), &waiting, &far]);
    }
    assert_eq!(found(&clerk, ""), [routed.as_str(), &waiting]);
    assert_eq!(found(&other, ""), [far.as_str()]);
    assert_eq!(found(&handler, ""), [routed.as_str()]);
    assert!(found(&admin, "").is_empty());
    // A center's clerk gets nothing of another's by asking for it.
    assert!(found(&clerk, "center=longtan").is_empty());

    assert_eq!(found(&coordinator, "center=longtan"), [far.as_str()]);
    assert_eq!(found(&coordinator, "state=opened"), [waiting.as_str(), &far]);
    assert_eq!(found(&coordinator, "department=hr-public-service"), [routed.as_str()]);
    assert_eq!(found(&coordinator, "cause=S"), [waiting.as_str()]);
    assert_eq!(found(&coordinator, "q=%E9%80%80%E4%BC%91"), [routed.as_str()]);
    assert!(found(&coordinator, "overdue=true").is_empty());
    assert!(found(&coordinator, "opened_from=2021-01-27").is_empty());
    assert_eq!(found(&coordinator, "opened_to=2021-01-26&state=opened").len(), 2);

    for (query, pointer) in [
        ("colour=red", "/colour"),
        ("state=Opened", "/state"),
        ("lang=fr", "/lang"),
        ("limit=3", "/limit"),
        ("sort=due_at", "/sort"),
        ("opened_from=soon", "/opened_from"),
    ] {
        for kind in ["csv", "xlsx"] {
            let path = format!("/v1/register.{kind}?{query}");
            let answer = coordinator.request("GET", path).send();
            answer.refused(422, "invalid").naming(pointer);
        }
    }
    district.anybody().request("GET", "/v1/register.csv").send().refused(401, "unauthenticated");

    // A day later the open ones are late, and say so.
    district.at("2021-02-01T10:00:00+08:00");
    let late = of_csv(&coordinator.get("/v1/register.csv?overdue=true").bytes);
    assert_eq!(late.len(), 3);
    assert!(late.iter().all(|row| row[25] == "逾期未结"), "{late:?}");

    // Who, what, how many rows: each export that was carried out, and none that was refused.
    let lines = exports_in_the_audit(&district);
    let by = |name: &str| lines.iter().filter(|line| line["actor"] == name).collect::<Vec<_>>();
    assert_eq!(by("auditor").len(), 1);
    assert_eq!(by("coordinator").len(), 10);
    let line = by("clerk-longtan")[0];
    assert_eq!(line["role"], "clerk");
    assert_eq!(line["center"], "longtan");
    let detail = |line: &Value| line["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(detail(line), format!("csv, 1 rows, min_version={newest}"));
    let line = *by("coordinator").last().expect("a line");
    assert_eq!(detail(line), "csv, 3 rows, overdue=true");
}

#[test]
fn the_tool_exports_beside_a_running_district_and_without_one() {
    let district = District::start(Some(MORNING));
    let id = told(&district);
    let coordinator = district.coordinator();
    let case = coordinator.case(&id);
    let number = case["case_no"].as_str().expect("a number").to_owned();
    let over_http = coordinator.get("/v1/register.csv").bytes;

    let beside = district.tool(&["export", "register", "--format", "csv"]);
    assert!(beside.status.success(), "{}", said(&beside));
    assert_eq!(beside.stdout, over_http, "the tool writes what the API does");
    let file = district.data().join("登记簿.xlsx");
    let path = file.to_str().expect("a path");
    let written =
        district.tool(&["export", "register", "--format", "xlsx", "--lang", "en", "--out", path]);
    assert!(written.status.success(), "{}", said(&written));
    assert!(said(&written).contains("Wrote 1 rows to"), "{}", said(&written));
    let read = python(READ_XLSX, &std::fs::read(&file).expect("the file is there"));
    assert_row(&rows(&read["rows"])[1], &expected(&case, false), ARMED);
    let none = district.tool(&["export", "register", "--format", "csv", "--center", "longtan"]);
    assert!(of_csv(&none.stdout).is_empty(), "{}", said(&none));

    let wrong = district.tool(&[
        "export",
        "register",
        "--format",
        "pdf",
        "--state",
        "Opened",
        "--opened-from",
        "soon",
    ]);
    assert_eq!(wrong.status.code(), Some(64), "{}", said(&wrong));
    for flag in ["--format", "--state"] {
        assert!(said(&wrong).contains(flag), "{}", said(&wrong));
    }
    // A half file never stands there.
    let nowhere = district.data().join("no-such-folder/register.csv");
    let nowhere = nowhere.to_str().expect("a path");
    let failed = district.tool(&["export", "register", "--format", "csv", "--out", nowhere]);
    assert_eq!(failed.status.code(), Some(1), "{}", said(&failed));

    let lines = exports_in_the_audit(&district);
    let of_tool: Vec<_> = lines.iter().filter(|line| line["actor"] == "command-line").collect();
    let details: Vec<_> = of_tool.iter().map(|line| line["detail"].clone()).collect();
    assert_eq!(
        json!(details),
        json!(["csv, 1 rows, everything", "xlsx, 1 rows, lang=en", "csv, 0 rows, center=longtan"])
    );

    // Without a running district: from the folder alone, and for closed cases the very same.
    district.shut_down();
    let alone = district.tool(&["export", "register", "--format", "csv"]);
    assert!(alone.status.success(), "{}", said(&alone));
    assert_eq!(alone.stdout, over_http, "{}", said(&alone));
    assert_eq!(numbers(&of_csv(&alone.stdout)), [number.as_str()]);
    district.bring_up();
    assert_eq!(exports_in_the_audit(&district).len(), lines.len() + 1);
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));

    // Whoever was erased is gone from every export.
    let officer = district.staff("privacy", "privacy_officer", Place::District);
    officer.done(&id, "erase", json!({ "reason": "request" }));
    let erased = coordinator.case(&id)["version"].clone();
    let rows = of_csv(&coordinator.get(format!("/v1/register.csv?min_version={erased}")).bytes);
    assert_eq!((rows[0][4].as_str(), rows[0][5].as_str()), ("已删除", ""));
}
