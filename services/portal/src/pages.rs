//! The pages, one module an area.

pub(crate) mod actions;
pub(crate) mod admin;
pub(crate) mod audit;
pub(crate) mod callbacks;
pub(crate) mod case;
pub(crate) mod cases;
pub(crate) mod changes;
pub(crate) mod consultations;
pub(crate) mod counter;
pub(crate) mod district;
pub(crate) mod drafts;
pub(crate) mod first_run;
pub(crate) mod home;
pub(crate) mod improvements;
pub(crate) mod inbox;
pub(crate) mod lock;
pub(crate) mod password;
pub(crate) mod public;
pub(crate) mod quarantine;
pub(crate) mod receipt;
pub(crate) mod register;
pub(crate) mod second_factor;
pub(crate) mod sign_in;
pub(crate) mod task_forces;
