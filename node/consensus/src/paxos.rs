//! Paxos.

mod acceptor;
mod inspect;
mod learner;
mod member;
mod message;
mod proposer;
mod recovery;
mod replica;
mod timers;

pub use message::{
    Accept, Accepted, AcceptedValue, Ballot, Body, Chosen, MAX_PROMISED, MAX_VALUES, Nack, Prepare, Promise,
    Record, Value, ValueDigest,
};
pub use replica::Replica;
