//! Both databases across restarts, crashes and damage.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chain;
mod check;
mod complete;
mod disk;
mod epochs;
mod erasing;
mod files;
mod indexes;
mod journal;
mod network;
mod offline;
mod opening;
mod proofs;
mod restored;
mod size;
mod static_files;
mod texts;
