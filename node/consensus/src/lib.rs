//! Ordering engines behind one contract, without I/O: no clock, disk, socket or random number.
//!
//! [`contract`] says what goes into an engine and what comes out of it; [`message`] what validators
//! sign and send. The engines themselves are in folders of the same layout, PBFT first.

pub mod contract;
mod engine;
pub mod message;
pub mod pbft;

pub use contract::{Action, Config, Evidence, Input, Record, Rejection, Step, Timer, TimerRange, Timing};
pub use engine::{Engine, UnknownEngine};
pub use message::{
    Body, Ed25519, Holding, Message, MessageV1, SignatureScheme, Status, Unverified, Verified,
    verify_certificate,
};
