//! Everything that the dashboard asks of the API, at once.
//!
//! Invariants: the figures are the page: without them there is none; whatever else does not come leaves a gap that says
//! so. Every call has an end, so the page has one.

use chrono::{Datelike as _, Months, NaiveDate};
use futures::future::join_all;

use super::answers::{
    BehindPage, Blockages, Bodies, Catalogue, Consultations, Lag, Overview, Returns, Urgent,
    Urgents,
};
use super::feed::{self, Told};
use super::scope::Scope;
use crate::api::{Failure, segment};
use crate::visit::Visit;

/// Months in the trend: a year, this month included.
const TREND_MONTHS: u32 = 12;
/// Cases in each list of what is urgent; the whole list is one tap away.
const URGENT_CASES: &str = "8";

/// The overdue ones, the earliest promise first.
const OVERDUE: [(&str, &str); 3] =
    [("overdue", "true"), ("sort", "due_at"), ("limit", URGENT_CASES)];

/// A month of the trend.
pub(super) struct Month {
    pub(super) first: NaiveDate,
    pub(super) overview: Option<Overview>,
}

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
    pub(super) overdue: Option<Urgents>,
    pub(super) soon: Option<Urgents>,
    pub(super) months: Vec<Month>,
    pub(super) feed: Vec<Told>,
}

impl Read {
    /// Asks for everything.
    ///
    /// # Errors
    /// When the figures themselves do not come.
    pub(super) async fn all(visit: &Visit, scope: &Scope) -> Result<Self, Failure> {
        let api = visit.api();
        let (whole, standing, narrowed) = (scope.query(), scope.standing(), scope.narrowed());
        let (whole, standing, narrowed) = (pairs(&whole), pairs(&standing), pairs(&narrowed));
        let overdue = with(&narrowed, &OVERDUE);
        let of_centers = standing_alone(&standing);
        let of_departments = without_bodies(&whole);
        let of_questions = without_department(&whole);
        let (overview, catalogue, blockages, returns, centers, departments) = tokio::join!(
            api.get::<Overview>("/v1/overview", &whole),
            api.get::<Catalogue>("/v1/figures", &[]),
            api.get::<Blockages>("/v1/blockages", &whole),
            api.get::<Returns>("/v1/returns", &whole),
            api.get::<Bodies>("/v1/centers", &of_centers),
            api.get::<Bodies>("/v1/departments", &of_departments),
        );
        let (consultations, lag, overdue, soon, months, feed) = tokio::join!(
            api.get::<Consultations>("/v1/consultations", &of_questions),
            api.get::<Lag>("/v1/lag", &[]),
            api.get::<Urgents>("/v1/cases", &overdue),
            due_soon(visit, &standing),
            trend(visit, scope),
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
            overdue: overdue.ok(),
            soon,
            months,
            feed,
        })
    }

    /// Asks for what is looked at first, and on the wall: the figures, what is urgent, the feed.
    ///
    /// # Errors
    /// When the figures do not come.
    pub(super) async fn now(visit: &Visit, scope: &Scope) -> Result<Self, Failure> {
        let api = visit.api();
        let (whole, standing, narrowed) = (scope.query(), scope.standing(), scope.narrowed());
        let (whole, standing, narrowed) = (pairs(&whole), pairs(&standing), pairs(&narrowed));
        let overdue = with(&narrowed, &OVERDUE);
        let (overview, catalogue, lag, overdue, soon, feed) = tokio::join!(
            api.get::<Overview>("/v1/overview", &whole),
            api.get::<Catalogue>("/v1/figures", &[]),
            api.get::<Lag>("/v1/lag", &[]),
            api.get::<Urgents>("/v1/cases", &overdue),
            due_soon(visit, &standing),
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
            overdue: overdue.ok(),
            soon,
            months: Vec::new(),
            feed,
        })
    }
}

/// What is due next is what the figure of that name counts; each case is read for what it is about.
async fn due_soon(visit: &Visit, standing: &[(&str, &str)]) -> Option<Urgents> {
    let query = with(standing, &[("limit", URGENT_CASES)]);
    let behind = visit.api().get::<BehindPage>("/v1/figures/due_within_day/cases", &query).await;
    let behind = behind.ok()?;
    let ids = behind.items.iter().filter_map(|item| item.case_id.as_deref());
    let cases = ids.map(|id| async move {
        visit.api().get::<Urgent>(&format!("/v1/cases/{}", segment(id)), &[]).await.ok()
    });
    let mut items: Vec<Urgent> = join_all(cases).await.into_iter().flatten().collect();
    items.sort_by_key(|case| case.due_at);
    Some(Urgents { items, total: behind.total })
}

async fn trend(visit: &Visit, scope: &Scope) -> Vec<Month> {
    let last = scope.as_of.unwrap_or_else(|| visit.now().date_naive());
    let months = months_until(last).into_iter().map(|(first, end)| async move {
        let mut query = vec![("from", first.to_string()), ("to", end.min(last).to_string())];
        query.extend(scope.standing());
        let overview = visit.api().get::<Overview>("/v1/overview", &pairs(&query)).await.ok();
        Month { first, overview }
    });
    join_all(months).await
}

/// The months of the trend, each with its first and its last day.
fn months_until(last: NaiveDate) -> Vec<(NaiveDate, NaiveDate)> {
    let this = last.with_day(1).unwrap_or(last);
    (0..TREND_MONTHS)
        .rev()
        .filter_map(|back| {
            let first = this.checked_sub_months(Months::new(back))?;
            let end = first.checked_add_months(Months::new(1))?.pred_opt()?;
            Some((first, end))
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trend_is_twelve_whole_months_with_this_one_as_the_last() {
        let months = months_until(NaiveDate::from_ymd_opt(2026, 3, 15).unwrap());
        assert_eq!(months.len(), 12);
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap();
        assert_eq!(months[0], (day(2025, 4, 1), day(2025, 4, 30)));
        assert_eq!(months[10], (day(2026, 2, 1), day(2026, 2, 28)));
        assert_eq!(months[11].0, day(2026, 3, 1));
    }
}
