//! A network of validators on this machine, each a process of its own, kept in one folder.
//!
//! `DIR/localnet.json` says what there is; `DIR/NAME` is a validator's home and `DIR/NAME/node.log` its
//! log. A process is believed to be a validator's only if it started when that validator did: process
//! ids are used again.

pub mod control;
mod document;
pub mod make;
pub mod process;
pub mod up;

pub use document::{Localnet, ValidatorEntry};
