//! What each column of a register is: by the heads of our own export in either language, by usual names, and by what the
//! district's mapping says.
//!
//! To teach it another name, append it to the line of its field.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use casework::free_text::normalize_digits;
use casework::register::{Column, Lang};

use super::mapping::Mapping;

/// Rows from the top among which the heads are looked for: above them stand titles.
const HEADS_WITHIN: usize = 20;

/// Heads that a row must have to be the row of the heads.
const HEADS_MIN: usize = 3;

macro_rules! fields {
    ($( $variant:ident, $name:literal, $column:expr, [$($synonym:literal),*]; )+) => {
        /// What a column may hold.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub(super) enum Field {
            $( $variant, )+
        }

        impl Field {
            pub(super) const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name in a mapping file.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            const fn column(self) -> Option<Column> {
                match self { $(Self::$variant => $column),+ }
            }

            const fn synonyms(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($synonym),*]),+ }
            }
        }
    };
}

fields! {
    CaseNo, "case_no", Some(Column::CaseNo), ["登记编号", "案件编号", "工单号", "工单编号", "受理编号", "流水号"];
    OpenedAt, "opened_at", Some(Column::OpenedAt), ["登记日期", "受理时间", "受理日期", "反映时间", "反映日期", "来访时间", "来访日期", "日期", "时间"];
    Center, "center", Some(Column::Center), ["政务服务中心", "街道", "街道中心", "所属街道", "受理中心", "登记单位"];
    Channel, "channel", Some(Column::Channel), ["来源", "反映渠道", "来源渠道", "受理方式", "反映方式"];
    ApplicantName, "applicant_name", Some(Column::ApplicantName), ["反映人", "姓名", "申请人", "群众姓名", "来访人", "反映人姓名", "企业名称", "申请人姓名", "办事人"];
    ApplicantPhone, "applicant_phone", Some(Column::ApplicantPhone), ["电话", "联系电话", "联系方式", "手机", "手机号", "手机号码", "反映人电话"];
    IdNumber, "id_number", None, ["身份证", "身份证号", "身份证号码", "证件号码"];
    Address, "address", None, ["住址", "地址", "联系地址", "家庭住址"];
    Matter, "matter", Some(Column::Matter), ["事项名称", "办理事项", "反映事项", "业务事项"];
    Demand, "demand", Some(Column::Demand), ["问题", "诉求", "反映内容", "问题描述", "具体诉求", "诉求内容", "反映的问题", "主要诉求", "情况说明"];
    BlockedStage, "blocked_stage", Some(Column::BlockedStage), ["卡点环节", "环节", "卡在哪个环节", "堵点环节"];
    CauseProvisional, "cause_provisional", Some(Column::CauseProvisional), ["原因", "原因分析", "办不成原因", "原因类别", "初判原因", "原因分类"];
    CauseConfirmed, "cause_confirmed", Some(Column::CauseConfirmed), ["确认原因", "最终原因"];
    FirstReceiver, "first_receiver", Some(Column::FirstReceiver), ["接待人", "登记人", "受理人", "首接责任人", "经办人"];
    Department, "department", Some(Column::Department), ["承办部门", "办理部门", "转办部门", "责任单位", "承办单位", "涉及部门", "主办部门"];
    CoDepartments, "co_departments", Some(Column::CoDepartments), ["协办单位", "配合部门"];
    Complexity, "complexity", Some(Column::Complexity), ["难易程度", "复杂程度", "事项分类", "办理分类"];
    DueAt, "due_at", Some(Column::DueAt), ["办理时限", "时限", "办结时限", "承诺时限", "截止时间", "截止日期", "应办结时间"];
    ForwardedAt, "forwarded_at", Some(Column::ForwardedAt), ["转办日期", "派单时间", "交办时间"];
    AcceptedAt, "accepted_at", Some(Column::AcceptedAt), ["签收日期", "接单时间"];
    FirstContactAt, "first_contact_at", Some(Column::FirstContactAt), ["联系时间", "首次联系日期"];
    Returns, "returns", Some(Column::Returns), ["退单次数"];
    TaskForce, "task_force", Some(Column::TaskForce), ["是否成立专班", "成立专班"];
    SpecialHandling, "special_handling", Some(Column::SpecialHandling), ["是否特事特办"];
    Outcome, "outcome", Some(Column::Outcome), ["办理结果", "处理结果", "办结情况", "办理情况", "状态", "办理状态", "是否办结"];
    PolicyBasis, "policy_basis", Some(Column::PolicyBasis), ["依据", "政策法规依据"];
    OutcomeAt, "outcome_at", Some(Column::OutcomeAt), ["办结日期", "完成时间", "完成日期", "解决时间", "办理完成时间"];
    OnTime, "on_time", Some(Column::OnTime), ["是否超期", "是否逾期", "按时办结"];
    Solved, "solved", Some(Column::Solved), ["是否已解决", "解决情况"];
    Grade, "grade", Some(Column::Grade), ["满意程度", "是否满意", "评价", "群众评价", "回访评价"];
    Rectification, "rectification", Some(Column::Rectification), ["整改情况"];
    Improvements, "improvements", Some(Column::Improvements), ["改进情况", "完善措施"];
    AttemptsBefore, "attempts_before", None, ["来访次数", "跑腿次数", "已跑次数"];
    Ignored, "ignored", None, ["序号", "备注", "No.", "页码", "晚到送达时间", "Arrived late at"];
}

impl Field {
    /// Without them no row can be taken, whatever the mapping says.
    const NEEDED: [Self; 3] = [Self::OpenedAt, Self::Matter, Self::Demand];

    pub(super) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// The field that a head names.
    fn of_head(head: &str, mapping: &Mapping) -> Option<Self> {
        let wanted = folded(head);
        if wanted.is_empty() {
            return None;
        }
        if let Some(field) = mapping.column(&wanted) {
            return Some(field);
        }
        usual_heads().get(&wanted).copied()
    }
}

/// Every head that is known without a mapping, as it is compared. A sheet asks for each of its cells.
fn usual_heads() -> &'static HashMap<String, Field> {
    static HEADS: LazyLock<HashMap<String, Field>> = LazyLock::new(|| {
        let mut heads = HashMap::new();
        for field in Field::ALL {
            let own = field.column().into_iter();
            let own = own.flat_map(|column| [Lang::Zh, Lang::En].map(|lang| column.head(lang)));
            for head in own.chain(field.synonyms().iter().copied()) {
                heads.insert(folded(head), *field);
            }
        }
        heads
    });
    &HEADS
}

/// A head as it is compared: one width, no blanks, no marks at its end, small letters.
pub(super) fn folded(head: &str) -> String {
    let text = normalize_digits(head).to_lowercase();
    let kept = |c: &char| !c.is_whitespace() && !matches!(c, ':' | '：' | '*' | '、');
    text.chars().filter(kept).collect()
}

/// Which column holds what.
#[derive(Debug, Default)]
pub(super) struct Columns {
    by_field: BTreeMap<Field, (usize, String)>,
}

impl Columns {
    /// The place of a field, and its head.
    pub(super) fn place(&self, field: Field) -> Option<(usize, &str)> {
        self.by_field.get(&field).map(|(index, head)| (*index, head.as_str()))
    }

    /// The column of a field as a spreadsheet names it, with its head: `C 事项`.
    pub(super) fn label(&self, field: Field) -> Option<String> {
        self.place(field).map(|(index, head)| format!("{} {head}", letters(index)))
    }

    /// The needed columns that are not there.
    pub(super) fn missing(&self, mapping: &Mapping) -> Vec<&'static str> {
        let mut needed = Field::NEEDED.to_vec();
        for (field, has_default) in [
            (Field::Center, mapping.center.is_some()),
            (Field::BlockedStage, mapping.stage.is_some()),
        ] {
            if !has_default {
                needed.push(field);
            }
        }
        let has_cause = mapping.cause.is_some() || self.place(Field::CauseConfirmed).is_some();
        if !has_cause {
            needed.push(Field::CauseProvisional);
        }
        let absent = |field: &Field| self.place(*field).is_none();
        needed.into_iter().filter(absent).map(Field::name).collect()
    }
}

/// The name of a column as a spreadsheet has it: A, B, …, Z, AA.
pub(super) fn letters(index: usize) -> String {
    let mut rest = index + 1;
    let mut name = Vec::new();
    while rest > 0 {
        let digit = u8::try_from((rest - 1) % 26).unwrap_or(0);
        name.push(char::from(b'A' + digit));
        rest = (rest - 1) / 26;
    }
    name.into_iter().rev().collect()
}

/// Where the heads stand, and what they name.
#[derive(Debug)]
pub(super) struct Heads {
    /// Their row, from 0.
    pub(super) at: usize,
    /// The first row below them.
    pub(super) body_from: usize,
    pub(super) columns: Columns,
    /// Heads that nobody knows.
    pub(super) unknown: Vec<String>,
}

/// Finds the row of the heads: the first that has enough of them. A second row of nothing but heads belongs to it, as
/// where one head is merged over two (反映人 over 姓名 and 电话).
pub(super) fn find_heads(rows: &[Vec<String>], mapping: &Mapping) -> Option<Heads> {
    let is_known = |cell: &String| Field::of_head(cell, mapping).is_some();
    let at = rows
        .iter()
        .take(HEADS_WITHIN)
        .position(|row| row.iter().filter(|cell| is_known(cell)).count() >= HEADS_MIN)?;
    let mut heads = rows[at].clone();
    let mut body_from = at + 1;
    if let Some(below) = rows.get(body_from) {
        let mut filled = below.iter().filter(|cell| !cell.is_empty()).peekable();
        if filled.peek().is_some() && filled.all(is_known) {
            body_from += 1;
            heads.resize(heads.len().max(below.len()), String::new());
            for (head, lower) in heads.iter_mut().zip(below).filter(|(_, low)| !low.is_empty()) {
                head.clone_from(lower);
            }
        }
    }
    let mut columns = Columns::default();
    let mut unknown = Vec::new();
    for (index, head) in heads.iter().enumerate().filter(|(_, head)| !head.is_empty()) {
        match Field::of_head(head, mapping) {
            // The first of two columns with one meaning counts; the other is said.
            Some(Field::Ignored) => {}
            Some(field) if !columns.by_field.contains_key(&field) => {
                columns.by_field.insert(field, (index, head.replace(['\r', '\n'], "")));
            }
            _ => unknown.push(format!("{} {}", letters(index), head.replace(['\r', '\n'], ""))),
        }
    }
    Some(Heads { at, body_from, columns, unknown })
}

/// Whether a row is the heads again, as they are printed on every page.
pub(super) fn repeats_heads(row: &[String], mapping: &Mapping) -> bool {
    let known = row.iter().filter(|cell| Field::of_head(cell, mapping).is_some()).count();
    let filled = row.iter().filter(|cell| !cell.is_empty()).count();
    known >= HEADS_MIN && known * 2 > filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_our_own_export_is_known_in_both_languages() {
        let mapping = Mapping::default();
        for lang in [Lang::Zh, Lang::En] {
            let fields: Vec<Option<Field>> = Column::ALL
                .iter()
                .map(|column| Field::of_head(column.head(lang), &mapping))
                .collect();
            for (column, field) in Column::ALL.iter().zip(&fields) {
                let head = column.head(lang);
                match column {
                    // How late it came to another district is nothing to take over.
                    Column::ArrivedLate => assert_eq!(*field, Some(Field::Ignored), "{head}"),
                    _ => assert_eq!(field.and_then(Field::column), Some(*column), "{head}"),
                }
            }
        }
    }

    #[test]
    fn no_name_means_two_things() {
        let mut seen = BTreeMap::new();
        for field in Field::ALL {
            for synonym in field.synonyms() {
                assert_eq!(seen.insert(folded(synonym), field), None, "{synonym}");
            }
        }
    }

    #[test]
    fn columns_have_the_names_of_a_spreadsheet() {
        let names = [0, 25, 26, 51, 52, 701, 702].map(letters);
        assert_eq!(names, ["A", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]);
    }
}
