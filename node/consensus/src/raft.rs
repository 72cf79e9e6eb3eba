//! Raft (Ongaro and Ousterhout, USENIX ATC 2014; Ongaro's thesis, 2014).
//!
//! n validators, of which any minority may crash and come back, and none lies; a quorum is a majority.
//! Terms are numbered from 1, and each has at most one leader. Sections are those of the paper, but where
//! the thesis is named. Indexes are heights.
//!
//! # Leader election (sections 5.1 and 5.2)
//! - A follower that hears no leader for an election timeout, which is drawn anew each time, asks all
//!   whether they would vote for it in the next term (pre-vote; thesis, 9.6). That binds nobody. Whoever hears
//!   a leader says no, so one that was cut off drives no terms up and disturbs nobody.
//! - With a quorum that would, it begins the term, votes for itself and asks for votes. A replica gives one
//!   vote a term, to a candidate that has all the blocks it has itself and, above the candidate's blocks, a log
//!   at least as up-to-date (section 5.4.1). A quorum of votes makes a leader.
//! - A leader that has not heard of a quorum for an election timeout follows (thesis, 6.2), or one whose
//!   messages arrive and whose answers do not would keep others from being elected.
//! - A leader that stops hands over: when a follower has all that it has, it tells that to stand at once
//!   (thesis, 3.10).
//!
//! # Log replication (section 5.3)
//! - The leader appends proposals of the oldest batches that wait, at once while fewer than
//!   [`EAGER_PROPOSALS`](crate::pbft::EAGER_PROPOSALS) are uncommitted, and sends each append to all without
//!   waiting for answers, within the window above the certified height.
//! - A follower checks that its log has the entry before, deletes what conflicts, and appends an entry when
//!   its batches are here. Its answer says up to where its log is the leader's, entries and batches durably.
//!   One that lacks entries says from where to go on; one that lacks blocks fetches them.
//! - The leader commits an entry of its own term that a quorum has, and with it all before it (section 5.4.2).
//!   If it begins with entries of former terms that may not be committed, it appends an empty one of its own.
//! - Followers hear of the commit index at once, and decide up to it in order. Heartbeats say the same again
//!   four times in the shortest election timeout; whatever was lost is found out by their answers.
//!
//! # Blocks in the place of snapshots (section 7)
//! Decided heights are executed, sealed and certified as with every engine (`common`). What is
//! certified is a block, and leaves the log. So the log is bounded, and a follower far behind fetches blocks.
//! A block does not tell the term of its entry. Rules follow:
//! - **What leader and follower both know to be committed matches, whatever its term.** A block that the leader
//!   does not know to be committed need not be in its log: its term may be over, and the block of a later one. A
//!   follower acknowledges nothing at such a height but an entry that it had in its log itself, and a
//!   leader that fetches what it did not commit leads no more.
//! - **A log is found to match by index and term only above the leader's certified height**, and only by a
//!   follower that knows the heights up to there to be committed. Blocks that are fetched may come to lie under
//!   entries that were made on other ones; between two logs with the same entry all is the same that is above
//!   the higher of their certified heights, and below it need not be.
//! - **Elections compare the highest term in the log**, not the last entry's, as terms need not ascend across
//!   such a place. Who holds a committed entry of term T in its log votes only for whom has an entry of a term
//!   as high: either made by a leader that had the committed one, or of T itself, with a log as long, all of
//!   which came from leaders of T or later.
//!
//! # What is durable
//! Term and vote, and each entry as it is appended ([`Record`]), before anything that follows from them
//! leaves; then messages need not be. An entry whose batches a crash has lost is left out at a restart with
//! all that follows it: it was never acknowledged. A seal is recorded if its entry could be lost in that way.
//! A fetched block is on disk before the replica hears of it, as entries above it count without it.
//!
//! # Before the first vote
//! A replica that starts asks what it signed, as with every engine. Votes, candidacies and acknowledged
//! appends of its last recorded term or a later one that it does not remember silence it. That is more than Raft
//! promises: a disk that lies is outside it, and what nobody who answers has heard is not found out.
//!
//! # Deviations
//! - A no-op may lie above the window, or past the epoch's last height. There it is never decided; it commits
//!   what is before it. A log has at most [`MAX_LOG`] entries, but for those that commit it.
//! - Membership changes with the epoch, whose engines are separate: there is no joint consensus (section 6).
//! - A leader whose proposals are too far ahead of a follower's clock is not heard by it, so that one wrong
//!   clock does not run away with the chain's time.
//! - A leader counts and sends its own entry when that is durable, not before (thesis, 10.2.1).

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
/// something was committed. A leader whose log is as long adds its own once a quorum has all the others.
pub const MAX_LOG: usize = 1_024;
