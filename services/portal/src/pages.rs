//! The pages, one module an area.

pub(crate) mod home;
pub(crate) mod sign_in;
