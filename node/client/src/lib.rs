//! The HTTP API's schema, a client for it, and what a wallet needs besides a key: amounts as people
//! write them, building and signing, and checking what a node says against the genesis document.
//!
//! A payment, built and signed without any node:
//!
//! ```
//! use quorate_client::wallet::{TransactionBuilder, parse_amount, random_salt};
//! use quorate_crypto::{ClientSigningKey, sha256};
//! use quorate_ledger::{Timestamp, encode};
//!
//! let network = sha256(b"stands for the hash of a genesis document");
//! let [alice, bob] = [ClientSigningKey::generate_ed25519(), ClientSigningKey::generate_p256()];
//! let (sender, to) = (alice.key().address(), bob.key().address());
//! let amount = parse_amount("12.50", 2)?;
//! let unsigned = TransactionBuilder::new(network, sender, Timestamp(60_000), random_salt()?)
//!     .transfer(to, "QRT".parse()?, amount, "invoice 17")
//!     .build()?;
//! let submission = unsigned.sign([&alice]);
//! assert!(submission.transaction().verify_signatures());
//! let bytes = encode(&submission);
//! # assert!(!bytes.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `Client::settle(bytes.into(), deadline)` brings it to the ledger and says what became of it.

mod client;
mod error;
mod events;
mod filter;
pub mod governance;
pub mod schema;
pub mod spreadsheet;
pub mod text;
mod tls;
pub mod wallet;

pub use client::{Bytes, Client, Page, ProofOf, Wait};
pub use error::ClientError;
pub use events::{EventFilter, EventStream, Frame, SseParser, StreamEvent, TooLong};
pub use filter::{NotAPoint, TransactionFilter, When};
pub use tls::{Authorities, innermost, plain_http, secured_http};
