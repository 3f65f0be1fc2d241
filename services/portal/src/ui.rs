//! What stands around every page, and the pieces that pages are made of.
//!
//! Invariants: one `h1` a page, landmarks, a skip link, `lang` as the page is written; nothing inline that a strict policy
//! forbids; whatever changes something is a form, links only read. The classes are those of `assets/css`.

mod figures;
mod pieces;
mod problems;
mod surroundings;
#[cfg(test)]
mod tests;

pub(crate) use figures::{Figure, Shown, figure_tile};
pub(crate) use pieces::{
    Tone, empty, facts, fresh, moment, next_page, notice, quote, tag, tile_link,
};
pub(crate) use problems::problem_page;
pub(crate) use surroundings::{clock_off, light};

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::Markup;

use crate::visit::Visit;

/// Which clothes a page wears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dress {
    /// With the navigation of the visitor's role.
    Work,
    /// For citizens: one column, no navigation, the switch to large letters.
    Public,
    /// For a screen on a wall: no head, no foot.
    Wall,
}

/// A page that is about to be answered.
pub(crate) struct Page<'a> {
    visit: &'a Visit,
    title: &'a str,
    body: Markup,
    dress: Dress,
    status: StatusCode,
    fresh: Option<Markup>,
}

impl<'a> Page<'a> {
    /// A page with this title; the body brings its own `h1`.
    pub(crate) const fn new(visit: &'a Visit, title: &'a str, body: Markup) -> Self {
        Self { visit, title, body, dress: Dress::Work, status: StatusCode::OK, fresh: None }
    }

    /// In other clothes.
    pub(crate) const fn dressed(mut self, dress: Dress) -> Self {
        self.dress = dress;
        self
    }

    /// With another status than 200: a form that was refused is rendered again with the status of the refusal.
    pub(crate) const fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Says in the foot how fresh the page is, see [`fresh`].
    pub(crate) fn fresh(mut self, fresh: Markup) -> Self {
        self.fresh = Some(fresh);
        self
    }

    /// Answers it.
    pub(crate) fn respond(self) -> Response {
        (self.status, surroundings::around(&self)).into_response()
    }
}
