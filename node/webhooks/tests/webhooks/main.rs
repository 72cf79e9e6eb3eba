//! Webhooks over real sockets, on the chain in memory that the API is tested on.
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

// They are the API's own, which uses all of them.
#[allow(dead_code, reason = "shared with the tests of the API")]
#[path = "../../../api/tests/api/fake.rs"]
mod fake;
#[allow(dead_code, reason = "shared with the tests of the API")]
#[path = "../../../api/tests/api/story.rs"]
mod story;

mod delivering;
mod keeping;
mod receiver;
mod running;
