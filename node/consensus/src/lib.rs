//! Ordering engines behind one contract, without I/O: no clock, disk, socket or random number.
//!
//! [`contract`] says what goes into an engine and what comes out of it, [`message`] what validators
//! sign and send, [`pbft`] how PBFT orders, [`raft`] how Raft does, [`paxos`] how Paxos does. Their folders have the same layout,
//! and what they have in common, which is all but the ordering, is in `common`.
//!
//! | message | from, to | says | durable |
//! | --- | --- | --- | --- |
//! | `PrePrepare` | primary to all | this is to be the height | before it leaves |
//! | `Prepare` | all to all | I accept it and have its batches | before it leaves |
//! | `Commit` | all to all | I hold a prepared certificate | before it leaves |
//! | `Seal` | all to all | I executed the block, this is its hash | follows from the decision |
//! | `Complaint` | all to all | this view makes no progress | no, binds nobody |
//! | `ViewChange` | all to all | I say nothing below this view; this I have prepared | before it leaves |
//! | `NewView` | primary to all | the view begins, with this, as these view-changes prove | before it leaves |
//! | `RequestVote` | candidate to all | elect me; this is how far my log goes | follows from its engine's records |
//! | `VoteReply` | all to the candidate | you have my vote, or not | the same |
//! | `AppendEntries` | leader to all, or one | this comes next in the log | no, it does not count itself by that |
//! | `AppendReply` | follower to leader | up to here my log is yours | the same |
//! | `TimeoutNow` | leader to one | stand for election at once | no, binds nobody |
//! | `paxos::Prepare` | proposer to all | promise me this ballot, for all heights | no, binds nobody |
//! | `Promise` | acceptor to the proposer | I accept nothing lower; this I have accepted | follows from its engine's records |
//! | `Accept` | distinguished proposer to all | accept these values in my ballot | its own promise does, before |
//! | `Accepted` | acceptor to the proposer | I have accepted them, and have their batches | follows from its engine's records |
//! | `Nack` | acceptor to a proposer | I have promised a higher ballot | no, binds nobody |
//! | `Chosen` | distinguished proposer to all | a majority has accepted this | no, it is a fact |
//! | `Yield` | distinguished proposer to all | I stop; this one is to prepare at once | no, binds nobody |
//! | `Status` | all to all, or one | where I am and what I hold | no, binds nobody |
//! | `Inquiry` | whoever starts, to all | what did I sign? | no, binds nobody |
//! | `Testimony` | all to whoever asked | this you signed, as far as I know | no, binds nobody |
//!
//! # Four replicas decide
//! A driver signs what an engine asks it to, makes it durable and gives it back; here nothing is lost
//! and nothing is written.
//!
//! ```
//! use std::collections::VecDeque;
//!
//! use quorate_consensus::{Action, Config, Ed25519, Engine, Input, Message, TimerRange, Timing};
//! use quorate_crypto::{Committee, CommitteeSeat, Epoch, Height, MemberNumber, SeatNumber, SigningKey};
//! use quorate_crypto::{ValidatorIndex, sha256, sign_strict};
//! use quorate_ledger::{Parameters, Timestamp};
//!
//! let keys: Vec<_> = (1..=4).map(|seed| SigningKey::from_seed(&[seed; 32])).collect();
//! let seat = |(number, key): (u8, &SigningKey)| CommitteeSeat {
//!     member: MemberNumber(number.into()),
//!     seat: SeatNumber(number.into()),
//!     validator: key.public(),
//!     node: SigningKey::from_seed(&[100 + number; 32]).public(),
//!     witness: SigningKey::from_seed(&[200 + number; 32]).public(),
//! };
//! let seats = (0..).zip(&keys).map(seat).collect();
//! let committee = Committee::new(Epoch(0), quorate_crypto::Engine::Pbft, 1, seats);
//! let network = sha256(b"an example");
//! let range = TimerRange { from_ms: 200, to_ms: 300 };
//!
//! let mut engines = Vec::new();
//! let mut inputs: VecDeque<(usize, Input)> = VecDeque::new();
//! for index in committee.indices() {
//!     let (engine, _step) = Engine::start(Config {
//!         network,
//!         committee: committee.clone(),
//!         index: Some(index),
//!         parameters: Parameters::default(),
//!         epoch_start: Height::GENESIS,
//!         epoch_end: None,
//!         certified: Height::GENESIS,
//!         certificate: None,
//!         inquiry: None,
//!         timing: Timing { resend: range, progress: range, progress_cap_ms: 5_000, heartbeat: range, election: range },
//!     });
//!     engines.push(engine);
//! }
//! inputs.push_back((0, Input::BatchesAvailable(vec![sha256(b"a batch")])));
//!
//! let mut decisions = Vec::new();
//! while let Some((place, input)) = inputs.pop_front() {
//!     let own = ValidatorIndex(place as u16);
//!     for action in engines[place].step(Timestamp(1_000), input).actions {
//!         match action {
//!             Action::Sign(body) => {
//!                 let content = body.signed_bytes(network, committee.epoch());
//!                 let signature = sign_strict(&keys[place], body.domain(), &content);
//!                 let message = Message::new(committee.epoch(), own, body, signature);
//!                 inputs.push_back((place, Input::Own(message)));
//!             }
//!             Action::Broadcast(message) => {
//!                 let verified = message.verify(network, &committee, &Ed25519)?;
//!                 for peer in (0..4).filter(|peer| *peer != place) {
//!                     inputs.push_back((peer, Input::Message(verified.clone())));
//!                 }
//!             }
//!             Action::RequireBatches { height, proposal, .. } => {
//!                 inputs.push_back((place, Input::ProposalAvailable { height, proposal }));
//!             }
//!             Action::Decide { height, proposal } => decisions.push((height, proposal)),
//!             _ => {}
//!         }
//!     }
//! }
//! assert_eq!(decisions.len(), 4);
//! assert!(decisions.iter().all(|(height, proposal)| {
//!     *height == Height(1) && proposal.batches() == [sha256(b"a batch")]
//! }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

/// Whether this rule is broken on purpose: never, but in test builds.
#[cfg(not(broken_rules))]
macro_rules! breaks {
    ($rule:ident) => {
        false
    };
}
#[cfg(broken_rules)]
macro_rules! breaks {
    ($rule:ident) => {
        crate::broken::is(crate::broken::Rule::$rule)
    };
}

/// A constant, or a parameter by its name, which test builds may set to another value to see at which it does not do.
#[cfg(not(broken_rules))]
macro_rules! tuned {
    ($constant:ident) => {
        $constant
    };
    ($name:literal, $parameter:expr) => {
        $parameter
    };
}
#[cfg(broken_rules)]
macro_rules! tuned {
    ($constant:ident) => {
        crate::broken::tuned(stringify!($constant), $constant)
    };
    ($name:literal, $parameter:expr) => {
        crate::broken::tuned($name, $parameter)
    };
}

#[cfg(broken_rules)]
pub mod broken;
mod common;
pub mod contract;
mod engine;
pub mod image;
pub mod message;
pub mod paxos;
pub mod pbft;
pub mod raft;
pub mod recording;
pub mod testimony;

pub use common::{Awaited, Halted, Replica, Waiting};
pub use contract::{
    Action, Config, Evidence, Input, LearnedFrom, Record, Rejection, Step, Timer, TimerRange, Timing,
};
pub use engine::Engine;
pub use message::{
    Body, Ed25519, Holding, Message, MessageV1, SignatureScheme, Status, Unverified, Verified,
    verify_certificate,
};
pub use testimony::{Inquiry, SignedStatement, Statement, Testimony};
