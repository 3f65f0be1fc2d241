//! `/open311/v2/…`: what the desks of the district are asked for, as Open311 GeoReport v2, read-only and about nobody.
//!
//! The cases are those of people in need, so it answers only where the district file says so. Then it tells of a case:
//! which kind of matter of the district's own table, open or closed, on which days. Never: a text, a place, an
//! applicant, who has it, how it ended, the number of the case or of its receipt, the time of day.
//!
//! Invariants: the id of a request follows from the case under the site's key, and nothing leads back from it; a matter that
//! fewer than [`GROUP_MIN`] cases have had, or that stands in no table, is told as 其他 (other), and as nothing at all as
//! long as those are fewer together; the names, formats, spans and errors are the standard's.

mod forms;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::extract::{RawQuery, State};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use casework::command::Actor;
use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _};
use desk::district::Open311 as Setting;
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::ids::CaseId;
use runtime::http::{Operation, Path, Problem};

use super::Doors;
use crate::index::{CaseRow, Filter, Sort};
use forms::{Form, Node, fault, respond};

/// Where it is.
const ROOT: &str = "/open311/v2";

/// Fewest cases of a matter of which each is told by its matter: as in figures (domain handbook, section 7).
const GROUP_MIN: usize = 5;

/// Longest span of a question, and the one that is meant when none is said (the standard's response volume).
const SPAN_MAX: TimeDelta = TimeDelta::days(90);

/// Most requests of an answer (the standard's response volume).
const REQUESTS_MAX: usize = 1000;

/// Most ids that are asked for at once.
const IDS_MAX: usize = 100;

/// What is in no table, or too rare to be named.
const OTHER: &str = "other";

/// Characters of an id: 80 bits, which nobody guesses and no two cases share.
const ID_CHARS: usize = 20;

/// When this face of the product changed last.
const CHANGESET: &str = "2026-12-01T00:00:00+08:00";

/// A kind of matter.
struct Service {
    code: String,
    name: String,
    keywords: Vec<String>,
    /// The department that the district's table names for it.
    agency: Option<String>,
}

/// The ids of requests, and the cases behind them: as many as the index has.
#[derive(Debug, Default)]
pub(super) struct Ids(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    cases: HashMap<String, CaseId>,
}

/// What is told of a district now.
struct Told<'a> {
    doors: &'a Doors,
    setting: &'a Setting,
    services: Vec<Service>,
    /// The code under which each matter is told.
    codes: HashMap<String, String>,
    /// Whether there are enough others to be told of.
    tells_others: bool,
}

/// Which list of the standard is asked for.
pub(super) async fn discovery(State(doors): State<Doors>, form: Form) -> Result<Response, Problem> {
    let told = Told::of(&doors)?;
    Ok(respond(form, StatusCode::OK, &told.discovery()))
}

pub(super) async fn services(
    State(doors): State<Doors>,
    form: Form,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let told = Told::of(&doors)?;
    Ok(told.answer(form, query.as_deref(), |told, _| Ok(told.list_of_services())))
}

pub(super) async fn service(
    State(doors): State<Doors>,
    form: Form,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let told = Told::of(&doors)?;
    Ok(told.answer(form, query.as_deref(), |told, _| told.definition(forms::stem(&file))))
}

pub(super) async fn requests(
    State(doors): State<Doors>,
    form: Form,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let told = Told::of(&doors)?;
    Ok(told.answer(form, query.as_deref(), Told::list))
}

pub(super) async fn request(
    State(doors): State<Doors>,
    form: Form,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let told = Told::of(&doors)?;
    Ok(told.answer(form, query.as_deref(), |told, _| {
        let found = told.by_ids(&[forms::stem(&file)]);
        match found.is_empty() {
            true => Err((StatusCode::NOT_FOUND, "service_request_id was not found".to_owned())),
            false => Ok(list_of_requests(found)),
        }
    }))
}

/// A refusal in the standard's form.
type Refused = (StatusCode, String);

/// The parameters of a question; the first of each counts, and what the standard does not have is passed over.
type Asked = BTreeMap<String, String>;

impl<'a> Told<'a> {
    /// What is told, when the district tells anything.
    ///
    /// # Errors
    /// `not_found` where it does not.
    fn of(doors: &'a Doors) -> Result<Self, Problem> {
        let setting = doors.desk.district.open311.as_ref().ok_or_else(|| {
            Problem::not_found("this district has no Open311 (district file: [open311] enabled)")
        })?;
        let rules = &doors.desk.district.rules;
        let of_matter = &doors.desk.district.shown.matter_codes;
        let mut services = Vec::new();
        let (mut codes, mut named) = (HashMap::new(), 0);
        for line in &rules.matters {
            let count = count_of(doors, Some(&line.name));
            let code = of_matter.get(&line.name).cloned().unwrap_or_else(|| code_of(&line.name));
            if count >= GROUP_MIN {
                named += count;
                codes.insert(line.name.clone(), code.clone());
            }
            services.push(Service {
                code,
                name: line.name.clone(),
                keywords: line.keywords.clone(),
                agency: Some(rules.body_name(line.department.as_str()).to_owned()),
            });
        }
        services.push(Service {
            code: OTHER.to_owned(),
            name: "其他 (other)".to_owned(),
            keywords: Vec::new(),
            agency: None,
        });
        let others = count_of(doors, None).saturating_sub(named);
        Ok(Self { doors, setting, services, codes, tells_others: others >= GROUP_MIN })
    }

    /// Answers a question in its form, after a look at whom it is for.
    fn answer(
        &self,
        form: Form,
        query: Option<&str>,
        answer: impl FnOnce(&Self, &Asked) -> Result<Node, Refused>,
    ) -> Response {
        let asked = forms::asked(query.unwrap_or_default());
        let district = &self.doors.desk.district;
        let answered = match asked.get("jurisdiction_id") {
            Some(id) if *id != district.code && *id != district.rules.district.as_str() => {
                Err((StatusCode::NOT_FOUND, "jurisdiction_id was not found".to_owned()))
            }
            _ => answer(self, &asked),
        };
        match answered {
            Ok(node) => respond(form, StatusCode::OK, &node),
            Err((status, text)) => fault(form, status, &text),
        }
    }

    fn discovery(&self) -> Node {
        let district = &self.doors.desk.district;
        let contact = match &district.shown.telephone {
            Some(telephone) => format!("{} {telephone}", district.name),
            None => district.name.clone(),
        };
        let formats = ["text/xml", "application/json"].map(|one| Node::text("format", one));
        let endpoint = Node::object(
            "endpoint",
            [
                Node::text("specification", "http://wiki.open311.org/GeoReport_v2"),
                Node::text("url", self.setting.url.as_deref().unwrap_or(ROOT)),
                Node::text("changeset", CHANGESET),
                Node::text("type", "production"),
                Node::list("formats", formats),
            ],
        );
        Node::object(
            "discovery",
            [
                Node::text("changeset", CHANGESET),
                Node::text("contact", contact),
                Node::text("key_service", "no key is needed; nothing can be written"),
                Node::list("endpoints", [endpoint]),
            ],
        )
    }

    fn list_of_services(&self) -> Node {
        let service = |one: &Service| {
            Node::object(
                "service",
                [
                    Node::text("service_code", &*one.code),
                    Node::text("service_name", &*one.name),
                    Node::text("description", &*one.name),
                    Node::flag("metadata", false),
                    Node::text("type", "realtime"),
                    Node::text("keywords", one.keywords.join(",")),
                    Node::maybe("group", one.agency.as_deref()),
                ],
            )
        };
        Node::list("services", self.services.iter().map(service))
    }

    /// No service has attributes: nothing can be handed in here.
    fn definition(&self, code: &str) -> Result<Node, Refused> {
        if !self.services.iter().any(|one| one.code == code) {
            return Err((StatusCode::NOT_FOUND, "service_code was not found".to_owned()));
        }
        Ok(Node::object(
            "service_definition",
            [Node::text("service_code", code), Node::list("attributes", [])],
        ))
    }

    /// The requests of a span, or those of some ids, which then are all that is asked.
    fn list(&self, asked: &Asked) -> Result<Node, Refused> {
        if let Some(ids) = asked.get("service_request_id") {
            let ids: Vec<&str> = ids.split(',').map(str::trim).take(IDS_MAX).collect();
            return Ok(list_of_requests(self.by_ids(&ids)));
        }
        let (from, to) = self.span(asked)?;
        let wanted = |name: &str| -> Option<Vec<&str>> {
            let text = asked.get(name)?;
            Some(text.split(',').map(str::trim).collect())
        };
        let (codes, states) = (wanted("service_code"), wanted("status"));
        if let Some(unknown) = states.iter().flatten().find(|one| !["open", "closed"].contains(one))
        {
            let text = format!("status {unknown:?} is neither open nor closed");
            return Err((StatusCode::BAD_REQUEST, text));
        }
        let filter = Filter {
            opened_from: Some(from.timestamp_micros()),
            opened_to: Some(to.timestamp_micros()),
            ..Filter::default()
        };
        let view = self.doors.core.view();
        let index = view.index();
        let now = self.doors.core.now().timestamp_micros();
        let page = index.page(&everything(), &filter, Sort::OpenedLast, None, usize::MAX, now);
        let rows = page.case_ids.into_iter().filter_map(|id| index.row(id));
        let found = rows.filter_map(|row| self.request(row)).filter(|one| {
            codes.as_ref().is_none_or(|codes| codes.contains(&one.code))
                && states.as_ref().is_none_or(|states| states.contains(&one.status))
        });
        Ok(list_of_requests(found.take(REQUESTS_MAX).map(|one| one.node).collect()))
    }

    /// The span that is asked for: whole days, because no other instant is told.
    fn span(&self, asked: &Asked) -> Result<(Timestamp, Timestamp), Refused> {
        let read = |name: &str| -> Result<Option<Timestamp>, Refused> {
            let Some(text) = asked.get(name) else { return Ok(None) };
            // A plus sign that was not escaped arrives as a space.
            let at = DateTime::parse_from_rfc3339(&text.replace(' ', "+"));
            at.map(Some).map_err(|_| {
                let text = format!("{name} is no w3 date and time, such as 2026-01-01T00:00:00Z");
                (StatusCode::BAD_REQUEST, text)
            })
        };
        let now = self.doors.core.now();
        let (from, to) = match (read("start_date")?, read("end_date")?) {
            (None, None) => (now - SPAN_MAX, now),
            (Some(from), None) => (from, from + SPAN_MAX),
            (None, Some(to)) => (to - SPAN_MAX, to),
            (Some(from), Some(to)) => (from, to),
        };
        let fault = |text: &str| Err((StatusCode::BAD_REQUEST, text.to_owned()));
        if from > to {
            return fault("start_date lies behind end_date");
        }
        if to - from > SPAN_MAX {
            return fault("start_date and end_date may not span more than 90 days");
        }
        let end_of_day = TimeDelta::days(1) - TimeDelta::microseconds(1);
        Ok((self.day(from), self.day(to) + end_of_day))
    }

    /// The beginning of a day of the district.
    fn day(&self, at: Timestamp) -> Timestamp {
        let offset = self.doors.desk.district.offset;
        let day = at.with_timezone(&offset).date_naive().and_time(NaiveTime::MIN);
        offset.from_local_datetime(&day).single().unwrap_or(at)
    }

    fn day_of(&self, micros: i64) -> String {
        let at = DateTime::from_timestamp_micros(micros).unwrap_or_default();
        self.day(at.with_timezone(&self.doors.desk.district.offset)).to_rfc3339()
    }

    fn by_ids(&self, ids: &[&str]) -> Vec<Node> {
        let cases = self.cases_of(ids);
        let view = self.doors.core.view();
        let index = view.index();
        let rows = cases.into_iter().filter_map(|id| index.row(id));
        rows.filter_map(|row| self.request(row)).map(|one| one.node).collect()
    }

    /// The cases behind ids; made of the whole index at the first question, and of what came since afterwards.
    fn cases_of(&self, ids: &[&str]) -> Vec<CaseId> {
        let view = self.doors.core.view();
        let index = view.index();
        let mut known = self.doors.open311.0.lock().unwrap_or_else(PoisonError::into_inner);
        let with_id = |row: &CaseRow| (self.id_of(row.case_id), row.case_id);
        let count = known.cases.len();
        known.cases.extend(index.rows().skip(count).map(with_id));
        // Another generation may have them in another order.
        if known.cases.len() != index.len() {
            known.cases = index.rows().map(with_id).collect();
        }
        ids.iter().filter_map(|id| known.cases.get(*id).copied()).collect()
    }

    fn id_of(&self, case_id: CaseId) -> String {
        let whole = self.doors.desk.vault.master().pseudonym("open311", &case_id.to_string());
        whole.chars().take(ID_CHARS).collect()
    }

    /// A case as a request; none when it is too rare to be told of.
    fn request(&self, row: &CaseRow) -> Option<Request<'_>> {
        let code = match self.codes.get(&*row.matter) {
            Some(code) => code.as_str(),
            None if self.tells_others => OTHER,
            None => return None,
        };
        let service = self.services.iter().find(|one| one.code == code)?;
        let end = row.facts.rounds.last().and_then(|round| round.end.as_ref());
        let status = if row.is_open() { "open" } else { "closed" };
        let updated = end.map_or(row.opened_at, |end| end.at);
        let none = |name| Node::maybe(name, None);
        let node = Node::object(
            "request",
            [
                Node::text("service_request_id", self.id_of(row.case_id)),
                Node::text("status", status),
                none("status_notes"),
                Node::text("service_name", &*service.name),
                Node::text("service_code", code),
                none("description"),
                Node::maybe("agency_responsible", service.agency.as_deref()),
                none("service_notice"),
                Node::text("requested_datetime", self.day_of(row.opened_at)),
                Node::text("updated_datetime", self.day_of(updated)),
                Node::text("expected_datetime", self.day_of(row.due_at)),
                none("address"),
                none("address_id"),
                none("zipcode"),
                none("lat"),
                none("long"),
                none("media_url"),
            ],
        );
        Some(Request { code, status, node })
    }
}

/// A request, and what it may be asked for by.
struct Request<'a> {
    code: &'a str,
    status: &'static str,
    node: Node,
}

fn list_of_requests(requests: Vec<Node>) -> Node {
    Node::list("service_requests", requests)
}

/// How many cases a matter has had; all, when none is named.
fn count_of(doors: &Doors, matter: Option<&String>) -> usize {
    let filter = Filter { matter: matter.cloned(), ..Filter::default() };
    let view = doors.core.view();
    let index = view.index();
    let now = doors.core.now().timestamp_micros();
    index.page(&everything(), &filter, Sort::Opened, None, 0, now).total
}

/// Whoever counts sees all; what is told of it is decided here.
fn everything() -> Actor {
    Actor {
        username: "open311".to_owned(),
        role: Role::Coordinator,
        center: None,
        department: None,
    }
}

/// The code of a matter without one in the national catalogue: the same for its name for ever.
fn code_of(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("m{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}

/// Its entries in OpenAPI.
pub(super) fn operations() -> Vec<Operation> {
    const LISTS: [(&str, &str, &str); 8] = [
        ("/open311/v2/discovery.json", forms::JSON, "Where the district's Open311 is"),
        ("/open311/v2/discovery.xml", forms::XML, "Where the district's Open311 is"),
        ("/open311/v2/services.json", forms::JSON, "The kinds of matters"),
        ("/open311/v2/services.xml", forms::XML, "The kinds of matters"),
        (
            "/open311/v2/services/{code}",
            forms::JSON,
            "A kind of matter: its code with .json or .xml",
        ),
        (
            "/open311/v2/requests.json",
            forms::JSON,
            "Cases, about nobody: kind, open or closed, days",
        ),
        ("/open311/v2/requests.xml", forms::XML, "Cases, about nobody: kind, open or closed, days"),
        (
            "/open311/v2/requests/{id}",
            forms::JSON,
            "A case, about nobody: its id with .json or .xml",
        ),
    ];
    let operation = |(path, content_type, summary)| {
        Operation::new(Method::GET, path, "open311", summary)
            .public()
            .answers_with(200, content_type)
            .refuses(&["not_found"])
    };
    LISTS.map(operation).into()
}
