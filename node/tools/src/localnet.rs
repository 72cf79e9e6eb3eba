//! A network of validators on this machine, each a process of its own, kept in one folder.
//!
//! `DIR/localnet.json` says what there is; `DIR/NAME` is a validator's home and `DIR/NAME/node.log` its
//! log. A process is believed to be a validator's only if it started when that validator did: process
//! ids are used again.

pub(crate) mod control;
pub(crate) mod document;
pub(crate) mod make;
pub(crate) mod process;
pub(crate) mod stop;
pub(crate) mod up;

pub(crate) use document::{Localnet, ValidatorEntry};
