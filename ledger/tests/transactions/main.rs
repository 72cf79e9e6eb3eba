//! Tests of transactions, their texts, parameters, rules and what governance names, as the ledger's users see them.
//! What is expected was written by hand from `docs/formats.md`.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

mod addresses;
mod carried;
mod form;
mod golden;
mod governance;
mod lengths;
mod limits;
mod operation_form;
mod operations;
mod parameters;
mod primitives;
mod salts;
mod texts;
mod world;
