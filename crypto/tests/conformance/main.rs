//! The crate against published vectors, other tools and naive models.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic as tests do")]

mod addresses;
mod key_files;
mod merkle;
mod quorums;
mod signatures;
#[path = "../../../tests/skipped.rs"]
mod skipped;
mod small_order;
