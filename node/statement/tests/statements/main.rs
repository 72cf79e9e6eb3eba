//! Statements against figures reckoned by hand, files written by hand, files that were tampered with, and the rules of
//! camt.053's schema.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod appearance;
mod figures;
mod golden;
mod limits;
mod made;
mod page;
mod random;
mod schema;
mod tampering;
