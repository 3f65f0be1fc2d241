//! Everything that the dashboard asks of the API, at once.
//!
//! Invariants: the figures are the page: without them there is none; whatever else does not come leaves a gap that says
//! so. Every call has an end, so the page has one.

use super::answers::{
    BehindPage, Blockages, Bodies, Catalogue, Consultations, Lag, Overview, Returns, Trend,
};
use super::feed::{self, Told};
use super::scope::Scope;
use crate::api::Failure;
use crate::visit::Visit;

/// Months in the trend: a year, this month included.
const TREND_MONTHS: &str = "12";
/// Cases in each list of what is urgent; the whole list is one tap away.
const URGENT_CASES: &str = "8";

/// What was answered.
pub(super) struct Read {
    pub(super) overview: Overview,
    pub(super) catalogue: Catalogue,
    pub(super) blockages: Option<Blockages>,
    pub(super) returns: Option<Returns>,
    pub(super) centers: Option<Bodies>,
    pub(super) departments: Option<Bodies>,
    pub(super) consultations: Option<Consultations>,
    pub(super) lag: Option<Lag>,
    pub(super) overdue: Option<BehindPage>,
    pub(super) soon: Option<BehindPage>,
    pub(super) trend: Option<Trend>,
    pub(super) feed: Vec<Told>,
}

impl Read {
    /// Asks for everything.
    ///
    /// # Errors
    /// When the figures themselves do not come.
    pub(super) async fn all(visit: &Visit, scope: &Scope) -> Result<Self, Failure> {
        let api = visit.api();
        let (whole, standing) = (scope.query(), scope.standing());
        let (whole, standing) = (pairs(&whole), pairs(&standing));
        let of_centers = standing_alone(&standing);
        let of_departments = without_bodies(&whole);
        let of_questions = without_department(&whole);
        let of_months = with(&standing, &[("months", TREND_MONTHS)]);
        let (overview, catalogue, blockages, returns, centers, departments) = tokio::join!(
            api.get::<Overview>("/v1/overview", &whole),
            api.get::<Catalogue>("/v1/figures", &[]),
            api.get::<Blockages>("/v1/blockages", &whole),
            api.get::<Returns>("/v1/returns", &whole),
            api.get::<Bodies>("/v1/centers", &of_centers),
            api.get::<Bodies>("/v1/departments", &of_departments),
        );
        let (consultations, lag, overdue, soon, trend, feed) = tokio::join!(
            api.get::<Consultations>("/v1/consultations", &of_questions),
            api.get::<Lag>("/v1/lag", &[]),
            urgent(visit, "overdue", &standing),
            urgent(visit, "due_within_day", &standing),
            api.get::<Trend>("/v1/trend", &of_months),
            feed::latest(visit),
        );
        Ok(Self {
            overview: overview?,
            catalogue: catalogue?,
            blockages: blockages.ok(),
            returns: returns.ok(),
            centers: centers.ok(),
            departments: departments.ok(),
            consultations: consultations.ok(),
            lag: lag.ok(),
            overdue,
            soon,
            trend: trend.ok(),
            feed,
        })
    }

    /// Asks for what is looked at first, and on the wall: the figures, what is urgent, the feed.
    ///
    /// # Errors
    /// When the figures do not come.
    pub(super) async fn now(visit: &Visit, scope: &Scope) -> Result<Self, Failure> {
        let api = visit.api();
        let (whole, standing) = (scope.query(), scope.standing());
        let (whole, standing) = (pairs(&whole), pairs(&standing));
        let (overview, catalogue, lag, overdue, soon, feed) = tokio::join!(
            api.get::<Overview>("/v1/overview", &whole),
            api.get::<Catalogue>("/v1/figures", &[]),
            api.get::<Lag>("/v1/lag", &[]),
            urgent(visit, "overdue", &standing),
            urgent(visit, "due_within_day", &standing),
            feed::latest(visit),
        );
        Ok(Self {
            overview: overview?,
            catalogue: catalogue?,
            blockages: None,
            returns: None,
            centers: None,
            departments: None,
            consultations: None,
            lag: lag.ok(),
            overdue,
            soon,
            trend: None,
            feed,
        })
    }
}

/// The cases behind a figure of what is urgent, those first that were due first: as it stood, when a day that is past is
/// looked at.
async fn urgent(visit: &Visit, figure: &str, standing: &[(&str, &str)]) -> Option<BehindPage> {
    let query = with(standing, &[("sort", "due_at"), ("limit", URGENT_CASES)]);
    let path = format!("/v1/figures/{figure}/cases");
    visit.api().get::<BehindPage>(&path, &query).await.ok()
}

fn pairs<'a>(query: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    query.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn with<'a>(query: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    query.iter().chain(more).copied().collect()
}

/// The table of centers takes an instant and no filter.
fn standing_alone<'a>(query: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    query.iter().filter(|(name, _)| *name == "as_of").copied().collect()
}

/// The table of departments takes a period and an instant.
fn without_bodies<'a>(query: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is_body = |name: &str| name == "center" || name == "department";
    query.iter().filter(|(name, _)| !is_body(name)).copied().collect()
}

/// Questions have a center and no department.
fn without_department<'a>(query: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    query.iter().filter(|(name, _)| *name != "department").copied().collect()
}
