//! The index of similar cases against the view, its damages, and a linear scan.

use std::collections::BTreeSet;
use std::time::Instant;

use proptest::prelude::*;
use proto_events::codes::ErasureReason;
use proto_events::events::PersonalDataErased;
use proto_events::ids::CaseId;
use tokio::task::JoinHandle;

use super::index::Text;
use super::linear::{Pair, likeness, pairs};
use super::*;
use crate::testing::{at, case_id, event, of_kind, opened};
use crate::tests::Running;

/// How many cases the differential test has.
const CASES: u128 = 3000;

fn index(folder: &Path) -> SimilarIndex {
    SimilarIndex::create(folder, Arc::new(Words::new(vec!["东花市街道".to_owned()]))).unwrap()
}

fn text(n: u128, text: &str) -> Text {
    Text {
        case_id: case_id(n),
        center: ["donghuashi", "longtan"][usize::try_from(n % 2).unwrap()].to_owned(),
        departments: vec!["hr-bureau".to_owned()],
        matter: MATTERS[usize::try_from(n).unwrap() % MATTERS.len()].to_owned(),
        text: text.to_owned(),
    }
}

/// Chance that is the same every time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

const MATTERS: [&str; 12] = [
    "退休手续办理",
    "最低生活保障申请",
    "公租房申请",
    "医疗保险参保",
    "卫生许可证办理",
    "残疾人证换领",
    "生育津贴申领",
    "工商注册登记",
    "户口迁移",
    "老年人优待证",
    "临时救助申请",
    "住房公积金提取",
];
const WHO: [&str; 10] = [
    "外地户籍老人",
    "独居老人",
    "个体经营者",
    "新生儿父母",
    "失业人员",
    "随军家属",
    "租住群众",
    "退役军人",
    "残疾居民",
    "小微企业",
];
const WHAT: [&str; 24] = [
    "社保系统查不到外区缴费记录",
    "原单位已注销无法开具证明",
    "配偶失联拿不到离婚材料",
    "户籍地和居住地互相推诿",
    "材料交了三次仍说不齐",
    "窗口告知要先到街道盖章",
    "网上申报一直显示审核中",
    "名字与身份信息不一致",
    "房产证遗失无法提供原件",
    "银行流水与收入证明矛盾",
    "政策调整后旧案不知按哪年办",
    "两个部门口径不同",
    "电子证照未同步到窗口",
    "没有人说得清该找哪个科室",
    "档案存放在已撤并的单位",
    "经营场所没有独立通风系统",
    "医院诊断书格式不符合要求",
    "超过申请期限不予受理",
    "跨省转移接续没有回函",
    "委托书公证费用太高",
    "设备年检报告缺一页",
    "居委会不肯出具居住证明",
    "系统提示重复参保",
    "缴费年限差两个月",
];
const HOW: [&str; 12] = [
    "由区人社局发函核对后补录",
    "街道与派出所联合核实",
    "按容缺办理先行受理",
    "专班会商明确由住保中心承办",
    "协调外省复函后办结",
    "改为数据共享不再收取证明",
    "上门核验后当场办理",
    "依据新办法重新计算年限",
    "会同民政局入户调查",
    "修改办事指南并告知申请人",
    "开具情况说明代替原件",
    "由系统运维修复后重新提交",
];

/// A case as somebody would have written it down.
fn written(chance: &mut Chance) -> String {
    let (who, what, more, how) =
        (chance.of(&WHO), chance.of(&WHAT), chance.of(&WHAT), chance.of(&HOW));
    let (matter, visits) = (chance.of(&MATTERS), chance.below(7) + 2);
    let street = chance.of(&["东花市", "龙潭", "景山", "和平里", "朝阳门", "体育馆路"]);
    format!("{matter}\n{who}在{street}街道咨询{matter}，{what}，{more}，来了{visits}次\n{how}")
}

/// What somebody types about the same kind of thing: a part of it, and now and then a slip of the keyboard.
fn typed(chance: &mut Chance) -> String {
    let what = chance.of(&WHAT);
    let mut part: Vec<char> =
        what.chars().skip(chance.below(3)).take(6 + chance.below(6)).collect();
    if chance.below(2) == 0 {
        let place = chance.below(part.len());
        part[place] = chance.of(&["的", "办", "材", "了"]).chars().next().unwrap_or('了');
    }
    let part: String = part.into_iter().collect();
    match chance.below(3) {
        0 => part,
        _ => format!("{}{part}", chance.of(&MATTERS)),
    }
}

/// How many of the most alike texts, by a linear scan, have a text as alike among the first ten of the index. A text of
/// the same likeness counts as the text itself: there is no telling which of them is the right one.
fn recalled(asked: &str, texts: &[BTreeSet<Pair>], found: &[Found]) -> (usize, usize) {
    let asked = pairs(asked);
    let mut all: Vec<f64> = texts.iter().map(|text| likeness(&asked, text)).collect();
    let number = |id: CaseId| usize::try_from(id.0.as_u128() - case_id(0).0.as_u128()).unwrap();
    let mut first: Vec<f64> = found.iter().map(|one| all[number(one.case_id)]).collect();
    first.sort_by(|a, b| b.total_cmp(a));
    all.sort_by(|a, b| b.total_cmp(a));
    let top: Vec<f64> = all.into_iter().take(5).filter(|alike| *alike > 0.0).collect();
    let hits = top.iter().zip(&first).filter(|(wanted, there)| *there >= *wanted).count();
    (hits, top.len())
}

#[test]
fn the_first_ten_have_what_a_linear_scan_has_in_its_first_five() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let mut chance = Chance(2021);
    let texts: Vec<String> = (0..CASES).map(|_| written(&mut chance)).collect();
    let started = Instant::now();
    for (n, told) in (0..).zip(&texts) {
        index.put(&text(n, told)).unwrap();
    }
    index.commit(1, at("2021-01-28T10:00:00").to_utc()).unwrap();
    let indexed_in = started.elapsed();
    assert_eq!(u128::from(index.len()), CASES);
    let paired: Vec<BTreeSet<Pair>> = texts.iter().map(|text| pairs(text)).collect();

    let (mut hits, mut of, mut times) = (0, 0, Vec::new());
    for _ in 0..100 {
        let asked = typed(&mut chance);
        let started = Instant::now();
        let found = index.search(&asked, None, &Scope::All, 10).unwrap();
        times.push(started.elapsed());
        let (hit, wanted) = recalled(&asked, &paired, &found);
        (hits, of) = (hits + hit, of + wanted);
    }
    times.sort();
    let bytes: u64 = std::fs::read_dir(folder.path())
        .unwrap()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|data| data.len())
        .sum();
    let characters: usize = texts.iter().map(|text| text.chars().count()).sum();
    println!(
        "{CASES} cases of {} characters: indexed in {indexed_in:?}, {} bytes a case, query p50 {:?} p99 {:?}, recall {hits}/{of}",
        characters / texts.len(),
        u128::from(bytes) / CASES,
        times[50],
        times[98],
    );
    assert!(hits * 100 >= of * 95, "only {hits} of {of} were among the first ten");
}

#[test]
fn the_matter_counts_and_is_enough_without_a_text() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    for n in 0..24 {
        index.put(&text(n, "系统查不到缴费记录")).unwrap();
    }
    index.commit(1, at("2021-01-28T10:00:00").to_utc()).unwrap();
    for asked in ["查不到缴费记录", "", " ，。 "] {
        let found = index.search(asked, Some(MATTERS[3]), &Scope::All, 2).unwrap();
        let ids: BTreeSet<CaseId> = found.iter().map(|one| one.case_id).collect();
        assert_eq!(ids, BTreeSet::from([case_id(3), case_id(15)]), "{asked:?}");
    }
    assert_eq!(index.search("", None, &Scope::All, 5).unwrap(), []);
    let none = index.search("缴费", None, &Scope::Center("jingshan".to_owned()), 5).unwrap();
    assert_eq!(none, []);
    let own = index.search("缴费", None, &Scope::Center("longtan".to_owned()), 30).unwrap();
    assert_eq!(own.len(), 12);
    let department = Scope::Department("hr-bureau".to_owned());
    assert_eq!(index.search("缴费", None, &department, 30).unwrap().len(), 24);
}

#[test]
fn a_case_that_is_put_twice_is_there_once_and_one_that_is_removed_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    let stream = at("2021-01-28T10:00:00").to_utc();
    index.put(&text(0, "公租房轮候资格")).unwrap();
    index.put(&text(0, "残疾人证换领")).unwrap();
    index.commit(1, stream).unwrap();
    assert_eq!(index.len(), 1);
    assert_eq!(index.search("公租房", None, &Scope::All, 5).unwrap(), []);
    assert_eq!(index.search("残疾人证", None, &Scope::All, 5).unwrap().len(), 1);
    index.remove(case_id(0)).unwrap();
    index.commit(2, stream).unwrap();
    assert_eq!(index.search("残疾人证", None, &Scope::All, 5).unwrap(), []);
}

#[test]
fn an_index_of_other_names_or_with_a_damaged_file_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let words = || Arc::new(Words::new(vec![]));
    let open = |words| SimilarIndex::open(folder.path(), words).map(|(_, stamp)| stamp.sequence);
    assert!(open(words()).is_err(), "there is none");
    let index = SimilarIndex::create(folder.path(), words()).unwrap();
    index.put(&text(0, "公租房轮候资格")).unwrap();
    index.commit(7, at("2021-01-28T10:00:00").to_utc()).unwrap();
    drop(index);
    assert_eq!(open(words()).unwrap(), 7);
    assert!(open(Arc::new(Words::new(vec!["龙潭街道".to_owned()]))).is_err());
    let file = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "term"))
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] ^= 0xff;
    std::fs::write(&file, bytes).unwrap();
    assert!(open(words()).is_err(), "a changed file is noticed");
}

proptest! {
    /// Whatever is typed is a text and no query: no syntax, no error, and no case that has nothing of it.
    #[test]
    fn any_text_is_harmless(asked in r#"(\PC|[+\-&|!(){}\[\]^"~*?:\\/ ]|AND|OR|TO|text:){0,60}"#) {
        thread_local! {
            static INDEX: (tempfile::TempDir, SimilarIndex) = {
                let folder = tempfile::tempdir().unwrap();
                let index = index(folder.path());
                index.put(&text(0, "社保系统查不到外区缴费记录 text AND")).unwrap();
                index.commit(1, at("2021-01-28T10:00:00").to_utc()).unwrap();
                (folder, index)
            };
        }
        let found = INDEX.with(|(_, index)| index.search(&asked, None, &Scope::All, 5)).unwrap();
        prop_assert!(found.len() <= 1);
        if let [one] = found[..] {
            prop_assert!(one.score > 0.0);
        }
    }
}

#[test]
fn what_looks_like_a_query_is_searched_for_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path());
    index.put(&text(0, "社保系统查不到外区缴费记录")).unwrap();
    index.commit(1, at("2021-01-28T10:00:00").to_utc()).unwrap();
    let found = |asked: &str| index.search(asked, None, &Scope::All, 5).unwrap().len();
    // A minus excludes nothing, a star stands for nothing, a field is a word.
    assert_eq!(found("-社保"), 1);
    assert_eq!(found("缴费 AND NOT 缴费"), 1);
    assert_eq!(found("matter:公租房"), 0);
    assert_eq!(found("*"), 0);
    assert_eq!(found("[* TO *]"), 0);
}

/// The index beside a running view.
struct Beside {
    similar: Arc<Similar>,
    token: CancellationToken,
    task: JoinHandle<()>,
}

impl Beside {
    async fn start(running: &Running) -> Self {
        let similar = Similar::open(Arc::clone(&running.core), running.dir.path()).await.unwrap();
        let token = CancellationToken::new();
        let task = tokio::spawn(Arc::clone(&similar).run(token.clone()));
        Self { similar, token, task }
    }

    async fn stop(self) {
        self.token.cancel();
        self.task.await.unwrap();
    }

    /// Waits until a text finds these cases.
    async fn finds(&self, asked: &str, expected: &[u128]) {
        let expected: BTreeSet<CaseId> = expected.iter().map(|n| case_id(*n)).collect();
        let look = async {
            loop {
                let found = self.similar.search(asked, None, &Scope::All, 10).unwrap();
                let found: BTreeSet<CaseId> = found.iter().map(|one| one.case_id).collect();
                if found == expected {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), look).await;
        let now = self.similar.search(asked, None, &Scope::All, 10).unwrap();
        assert!(waited.is_ok(), "{asked:?} finds {now:?}, not {expected:?}");
    }
}

#[tokio::test]
async fn a_case_is_found_from_its_solution_on_until_it_is_reopened_or_forgotten() {
    let running = Running::start().await;
    let beside = Beside::start(&running).await;
    let time = at("2021-01-26T10:00:00");
    for n in 0..3 {
        running.append(n, event(n, 0, time, opened(n, time))).await;
    }
    beside.finds("应该找哪个部门", &[]).await;
    for n in 0..3 {
        running.append(n, event(n, 1, time, of_kind(7, time))).await;
    }
    beside.finds("应该找哪个部门", &[0, 1, 2]).await;
    beside.finds("退休申报", &[0, 1, 2]).await;
    running.append(0, event(0, 2, time, of_kind(9, time))).await;
    let erased = PersonalDataErased { reason: ErasureReason::Request };
    running.append(1, event(1, 2, time, erased.into())).await;
    beside.finds("应该找哪个部门", &[2]).await;

    // It goes on where it was, and what happened meanwhile is caught up with.
    beside.stop().await;
    running.append(0, event(0, 3, time, of_kind(7, time))).await;
    let beside = Beside::start(&running).await;
    assert!(beside.similar.sequence() > 0, "it was not thrown away");
    beside.finds("应该找哪个部门", &[0, 2]).await;
    beside.stop().await;

    // What is missing or damaged is built anew from the view.
    std::fs::write(folder(running.dir.path()).join("meta.json"), b"{").unwrap();
    let beside = Beside::start(&running).await;
    beside.finds("应该找哪个部门", &[0, 2]).await;
    beside.stop().await;
    std::fs::remove_dir_all(folder(running.dir.path())).unwrap();
    let beside = Beside::start(&running).await;
    beside.finds("应该找哪个部门", &[0, 2]).await;
    beside.stop().await;
}
