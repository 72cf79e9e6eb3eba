//! Ordering engines behind one contract, without I/O: no clock, disk, socket or random number.
//!
//! [`contract`] says what goes into an engine and what comes out of it; [`message`] what validators
//! sign and send. The engines themselves are in folders of the same layout, PBFT first.

pub mod contract;
pub mod message;

pub use contract::{Action, Config, Input, Record, Rejection, Step, Timer, TimerRange};
pub use message::{Body, Ed25519, Message, MessageV1, SignatureScheme, Verified};
