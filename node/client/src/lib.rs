//! The HTTP API's schema, a client for it, and what a wallet needs besides a key: amounts as people
//! write them, building and signing, and checking what a node says against the genesis document.

mod client;
mod error;
mod events;
pub mod schema;
pub mod text;
pub mod wallet;

pub use client::{Bytes, Client, Page, Wait};
pub use error::ClientError;
pub use events::{EventFilter, EventStream, Frame, SseParser, StreamEvent, TooLong};
