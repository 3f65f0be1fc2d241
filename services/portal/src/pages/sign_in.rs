//! Signing in and out.

use std::sync::Arc;

use axum::Router;

use crate::portal::Portal;

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
}
