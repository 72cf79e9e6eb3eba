//! Chains that were executed and certified, checked as they are and altered in one place.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod altered;
mod bundles;
mod comparing;
mod network;
mod page;
mod parts;
mod states;
