//! Sign-in with an identity provider (统一身份认证) by OpenID Connect: authorization code, PKCE, state and nonce.
//!
//! Invariants: a session is opened for an account that is there already and for nobody else; what the provider says is
//! believed only under its signature, by one of two algorithms, for this house, for this attempt, within its time; an
//! attempt is used once, in whatever process; a provider that is down, slow, endless or garbled costs one bounded call
//! and never a sign-in with a password; no code, token or secret is logged.
//!
//! Signatures are checked by `ring`, which the TLS of the house brings. What a library for JWT would add is the little
//! that stands in `jose`; those there are bring a second provider of TLS, or the crate `rsa` with RUSTSEC-2023-0071.

mod fetch;
mod id_token;
mod jose;
mod kept;
mod provider;
mod routes;

pub use provider::{Provider, SignInError};
pub use routes::{operations, routes};
