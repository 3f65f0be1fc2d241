//! The pages of the five kinds of people, over the public HTTP API only.
//!
//! Invariants: nothing of the house is reached but through its public HTTP API; every page works without script;
//! no page changes anything on `GET`.

mod address;
mod api;
mod assets;
mod chart;
mod form;
mod guard;
mod lang;
mod names;
mod pages;
mod people;
mod portal;
mod routes;
mod session;
mod ui;
mod visit;

pub use api::{ApiUrl, ApiUrlError};
pub use portal::{PortalConfig, open, open_alone};
