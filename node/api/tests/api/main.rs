//! The API and the explorer against a node in memory.

#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

mod audit;
mod calls;
mod client;
mod events;
mod explorer;
mod fake;
mod governance;
mod held;
mod lists;
mod log;
mod looks;
mod openapi;
mod operations;
mod pages;
mod prefix;
mod proofs;
mod search;
mod settlement;
mod shares;
mod story;
mod submit;
mod web;
