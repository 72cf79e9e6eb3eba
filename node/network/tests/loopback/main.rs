//! Nodes on loopback with ports that the system chooses, real TCP and Noise between them.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

mod common;
mod discovery;
mod external;
mod hostile;
mod links;
mod pressure;
mod requests;
