//! Somebody comes: who, with what, and how it will be treated.

use std::collections::VecDeque;

use casework::command::{Actor, Open};
use chrono::Datelike as _;
use proto_events::Timestamp;
use proto_events::codes::{ApplicantKind, Cause, CauseCategory, Channel, Complexity, Role};
use proto_events::events::{Matter, Notice, SealedApplicant};
use proto_events::ids::{CaseId, CenterId, ReceiptCode};

use super::{Conduct, mode};
use crate::World;
use crate::catalogue::{How, Problem};
use crate::chance::Chance;
use crate::habits;
use crate::life::SampleApplicant;
use crate::people::person;

/// Heavenly stems and earthly branches: sixty names that nobody has.
const STEMS: &str = "甲乙丙丁戊己庚辛壬癸";
const BRANCHES: &str = "子丑寅卯辰巳午未申酉戌亥";

/// How people come (来件渠道): most of them to the window.
const CHANNELS: &[(Channel, u32)] = &[
    (Channel::Window, 34),
    (Channel::Phone, 15),
    (Channel::GuideDesk, 13),
    (Channel::Hotline12345, 13),
    (Channel::Online, 9),
    (Channel::Community, 6),
    (Channel::Wechat, 5),
    (Channel::Letter, 2),
    (Channel::HomeVisit, 2),
    (Channel::Proactive, 1),
];

/// What a clerk believes at first, when it is not what it turns out to be.
const GUESSES: &[(Cause, u32)] = &[
    (Cause::InformationWhom, 3),
    (Cause::AttitudeDelay, 3),
    (Cause::ProcedureBackAndForth, 3),
    (Cause::AttitudeNotTold, 2),
    (Cause::SystemNotShared, 2),
    (Cause::MaterialsLost, 2),
];

/// Days in which the same person may come again with the same matter, before anybody told him enough.
const AGAIN_DAYS: i64 = 6;

/// A case about to be opened.
pub(crate) struct Arrival<'w> {
    pub(crate) at: Timestamp,
    pub(crate) case_id: CaseId,
    pub(crate) center: CenterId,
    pub(crate) applicant: SampleApplicant,
    pub(crate) clerk: Actor,
    pub(crate) open: Open,
    pub(super) conduct: Conduct<'w>,
}

/// A case that came before, at the same center.
#[derive(Debug, Clone)]
pub(crate) struct Earlier {
    pub(crate) case_id: CaseId,
    /// Its place in the catalogue.
    pub(crate) problem: usize,
    pub(crate) at: Timestamp,
    /// Whose it is.
    pub(crate) applicant: u64,
}

impl<'w> Arrival<'w> {
    /// The `number`-th arrival of a seed, and what a later one may have to do with it.
    pub(crate) fn new(
        world: &'w World<'w>,
        (seed, number): (u64, u64),
        at: Timestamp,
        center: &CenterId,
        earlier: Option<&Earlier>,
    ) -> (Self, Earlier) {
        let mut chance = Chance::of(seed, number + 1);
        let case_id = CaseId::of_key(center, &format!("simulation-{seed}-{number}"));
        let again = earlier.filter(|earlier| (at - earlier.at).num_days() <= AGAIN_DAYS);
        let duplicate = again.filter(|_| chance.permille(80));
        let related = earlier.filter(|_| duplicate.is_none() && chance.permille(30));
        let problems = &world.catalogue.problems;
        let place = match duplicate {
            Some(earlier) => earlier.problem,
            None => draw_problem(problems, at.month(), &mut chance),
        };
        let problem = &problems[place];
        let end = chance.weighed(&problem.ends, |end| end.weight).unwrap_or(&problem.ends[0]);
        let who = duplicate.map_or(number, |earlier| earlier.applicant);
        let mut pick = |texts: &[String]| chance.pick(texts).cloned();
        let (demand, summary) = (pick(&problem.demand), pick(&problem.summary));
        let is_hard = problem.complexity >= Complexity::Special;
        let code = world.rules.centers.get(center).map_or("", |center| &center.code);
        let open = Open {
            center: center.clone(),
            channel: chance.of_weights(CHANNELS),
            matter: Matter { name: problem.matter.clone(), code: None },
            blocked_stage: problem.stage,
            cause: first_look(problem.cause, &mut chance),
            demand: demand.unwrap_or_default(),
            summary: summary.filter(|_| chance.permille(700)),
            attempts_before: chance.between(u32::from(is_hard), if is_hard { 8 } else { 4 }),
            complexity: guess(problem.complexity, end.how == How::Declined, &mut chance),
            applicant: SealedApplicant { kind: problem.kind, sealed: String::new() },
            notice: Notice { version: "2025-01".to_owned(), mode: mode("oral") },
            case_no: (world.house.case_no)(code, at, case_id),
            receipt_code: ReceiptCode::from_random(chance.bits()),
        };
        let conduct = Conduct {
            world,
            doubts: chance.permille(habits::of(&problem.department).doubts),
            chance,
            problem,
            end,
            duplicate_of: duplicate.map(|earlier| earlier.case_id),
            related_to: related.map(|earlier| earlier.case_id),
            chain: VecDeque::new(),
            chain_of: None,
            notes: 0,
            after: VecDeque::new(),
            after_of: 0,
            mending: VecDeque::new(),
            mending_of: 0,
            look_back_at: None,
            wishes: 0,
        };
        let arrival = Self {
            at,
            case_id,
            center: center.clone(),
            applicant: sample_applicant(who, problem),
            clerk: person(Role::Clerk, Some(center), None),
            open,
            conduct,
        };
        (arrival, Earlier { case_id, problem: place, at, applicant: who })
    }
}

fn sample_applicant(number: u64, problem: &Problem) -> SampleApplicant {
    SampleApplicant {
        kind: problem.kind,
        name: name(number, problem.kind),
        phone: phone(number),
        care: problem.care.clone(),
    }
}

fn draw_problem(problems: &[Problem], month: u32, chance: &mut Chance) -> usize {
    let sum: u64 = problems.iter().map(|problem| u64::from(problem.weight_in(month))).sum();
    let mut left = chance.below(sum);
    let place = problems.iter().position(|problem| {
        let weight = u64::from(problem.weight_in(month));
        let is_it = left < weight;
        left = left.saturating_sub(weight);
        is_it
    });
    place.unwrap_or(0)
}

/// The cause as a clerk writes it down: often the right one, sometimes its category only, sometimes another.
fn first_look(cause: Cause, chance: &mut Chance) -> Cause {
    if cause.category() == CauseCategory::Applicant {
        return cause;
    }
    match chance.below(100) {
        0..58 => cause,
        58..86 => cause.category().code().parse().unwrap_or(cause),
        _ => chance.of_weights(GUESSES),
    }
}

/// The complexity as it looks at first: one in eight looks easier than it is.
fn guess(complexity: Complexity, is_declined: bool, chance: &mut Chance) -> Complexity {
    let easier = match complexity {
        Complexity::Simple | Complexity::Complex => Complexity::Simple,
        Complexity::Special => Complexity::Complex,
        Complexity::Hard => Complexity::Special,
    };
    if !is_declined && chance.permille(125) { easier } else { complexity }
}

/// The name of the `n`-th applicant, which says that it is a sample.
#[must_use]
pub fn name(n: u64, kind: ApplicantKind) -> String {
    let pick = |text: &str| {
        let place = usize::try_from(n).unwrap_or(0) % text.chars().count();
        text.chars().nth(place).unwrap_or('甲')
    };
    let name = format!("样例·{}{}", pick(STEMS), pick(BRANCHES));
    if kind == ApplicantKind::Person { name } else { format!("{name}商行") }
}

/// The telephone number of the `n`-th applicant, obviously a sample.
#[must_use]
pub fn phone(n: u64) -> String {
    format!("1380000{:04}", (n + 1) % 10_000)
}
