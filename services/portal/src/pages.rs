//! The pages, one module an area.

pub(crate) mod district;
pub(crate) mod home;
pub(crate) mod first_run;
pub(crate) mod lock;
pub(crate) mod password;
pub(crate) mod public;
pub(crate) mod sign_in;
pub(crate) mod counter;
pub(crate) mod drafts;
pub(crate) mod receipt;
pub(crate) mod consultations;
pub(crate) mod callbacks;
pub(crate) mod register;
pub(crate) mod admin;
