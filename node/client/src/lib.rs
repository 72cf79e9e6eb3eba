//! The HTTP API's schema, a client for it, and what a wallet needs besides a key: amounts as people
//! write them, building and signing, and checking what a node says against the genesis document.
//!
//! A payment, built and signed without any node:
//!
//! ```
//! use quorate_client::wallet::{TransactionBuilder, parse_amount, random_salt};
//! use quorate_crypto::{SigningKey, sha256};
//! use quorate_ledger::{Timestamp, encode};
//!
//! let network = sha256(b"stands for the hash of a genesis document");
//! let (alice, bob) = (SigningKey::generate(), SigningKey::generate().public().address());
//! let amount = parse_amount("12.50", 2)?;
//! let intent = TransactionBuilder::new(network, alice.public().address(), Timestamp(60_000), random_salt()?)
//!     .transfer(bob, "QRT".parse()?, amount, "invoice 17")
//!     .build();
//! let transaction = intent.sign([&alice]);
//! assert!(transaction.verify_signatures().is_ok());
//! let bytes = encode(&transaction);
//! # assert!(!bytes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `Client::settle(bytes.into(), deadline)` brings it to the ledger and says what became of it.

mod client;
mod error;
mod events;
mod filter;
pub mod schema;
pub mod spreadsheet;
pub mod text;
mod tls;
pub mod wallet;

pub use client::{Bytes, Client, Page, Wait};
pub use error::ClientError;
pub use events::{EventFilter, EventStream, Frame, SseParser, StreamEvent, TooLong};
pub use filter::{NotAPoint, TransactionFilter, When};
pub use tls::{Authorities, plain_http};
