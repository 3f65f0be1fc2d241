//! All addresses of the pages, one line an area. To add an area: write `pages/<area>.rs` with a `router()`, and merge it
//! here; what stands in the navigation of a role is in `ui/surroundings.rs`.

use std::sync::Arc;

use axum::Router;

use crate::portal::Portal;
use crate::{assets, pages};

/// The routes of every page.
pub(crate) fn all() -> Router<Arc<Portal>> {
    Router::new()
        .merge(assets::router())
        .merge(pages::home::router())
        .merge(pages::sign_in::router())
        .merge(pages::second_factor::router())
        .merge(pages::task_forces::router())
        .merge(pages::admin::router())
        .merge(pages::audit::router())
        .merge(pages::quarantine::router())
        .merge(pages::register::router())
        .merge(pages::callbacks::router())
        .merge(pages::consultations::router())
        .merge(pages::receipt::router())
        .merge(pages::drafts::router())
        .merge(pages::case::router())
        .merge(pages::cases::router())
        .merge(pages::improvements::router())
        .merge(pages::inbox::router())
        .merge(pages::actions::router())
        .merge(pages::counter::router())
        .merge(pages::password::router())
        .merge(pages::lock::router())
        .merge(pages::first_run::router())
        .merge(pages::public::router())
        .merge(pages::district::router())
}
