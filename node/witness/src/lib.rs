//! A witness of a network's log (`docs/checkpoints.md`, section 6): it asks nodes of members who need not trust each
//! other for headers and checkpoints, checks that all of it is one chain and one log that only grows, and cosigns. It has
//! no ledger and believes nobody.
//!
//! What it finds out against validators is a file that anybody can check. Everything that it cosigns is on disk before
//! it is shown.

mod run;
mod source;
mod store;
mod witness;

pub use run::{DEFAULT_EVERY, run, serve};
pub use source::{NodeSource, OtherWitness, Shown, Source, Unseen};
pub use store::{Kept, Store, StoreError};
pub use witness::{Chain, Event, Found, Settings, Stop, Witness};
