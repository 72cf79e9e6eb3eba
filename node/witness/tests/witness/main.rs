//! A witness among nodes that show one history, or two.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod committees;
mod history;
mod http;
mod node;
mod rounds;
mod splits;
mod stored;
