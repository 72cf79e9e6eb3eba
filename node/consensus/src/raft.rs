//! Raft.

mod appending;
mod election;
mod inspect;
mod log;
mod member;
mod message;
mod recovery;
mod replica;
mod replication;
mod timers;

pub use message::{
    AppendEntries, AppendReply, Body, Entry, MAX_ENTRIES, Position, Record, RequestVote, Term, VoteReply,
};
pub use replica::Replica;

/// The most entries above the certified height: the window's, and one for each leader that was elected since
/// something was committed.
pub const MAX_LOG: usize = 1_024;
