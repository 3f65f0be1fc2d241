//! The pages of the five kinds of people, over the public HTTP API only.
//!
//! Invariants: nothing of the house is reached but through its public HTTP API; every page works without script.
