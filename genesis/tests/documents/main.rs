//! Genesis documents: assembling, tampering, bad input, hashes.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod assembling;
mod bad_input;
mod network;
mod properties;
mod tampering;
