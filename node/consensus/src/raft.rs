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
//! - Its next timeout begins when its request has left, as its own vote has to be on its disk before that; and
//!   the range doubles while candidacies come to nothing, until a leader is heard. So slow disks and links
//!   make elections long, and not impossible.
//! - With a quorum that would, it begins the term, votes for itself and asks for votes. A replica gives one
//!   vote a term, to a candidate that has all the blocks it has itself and, above the candidate's blocks, a log
//!   at least as up-to-date (section 5.4.1). A quorum of votes makes a leader.
//! - A leader that has not heard of a quorum for an election timeout follows (thesis, 6.2), or one whose
//!   messages arrive and whose answers do not would keep others from being elected.
//! - A leader that stops hands over: when a follower has all that it has, it tells that to stand at once
//!   (thesis, 3.10). So does one that reaches a quorum and of which nothing is committed for many election timeouts,
//!   to the follower that has most of its log: others may get through with what it cannot.
//!
//! # Log replication (section 5.3)
//! - The leader appends proposals of the oldest batches that wait, at once while fewer than
//!   [`EAGER_PROPOSALS`](crate::common::EAGER_PROPOSALS) are uncommitted, and sends each append to all without
//!   waiting for answers, or for its own disk (thesis, 10.2.1), within the window above the certified height. It
//!   is one of those who may have an entry: when that has left it records it, and counts itself by an answer to
//!   itself, which waits for entry and batches as any other's.
//! - A follower checks that its log has the entry before, deletes what conflicts, and appends an entry when
//!   its batches are here. Then it answers up to where its log is the leader's, entries and batches durably. An
//!   append that has yet to be appended, or has no entries and tells what is committed, is not answered: three
//!   messages to each follower order an entry.
//!   One that lacks entries says from where to go on; one that lacks blocks fetches them. Whatever says nothing of
//!   the log waits for no disk: a heartbeat that comes while an answer waits for it is answered up to index 0.
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
//!   follower acknowledges such a height only by an entry of its own log, there or, of the leader's term, above
//!   it; and a leader that fetches what it did not commit leads no more.
//! - **Above that a log is found to match by an entry of the leader's own term**, which was taken from this leader
//!   with all below, and then entry by entry. One of a former term tells nothing of what is below it. A leader that
//!   fetched block h keeps its entry h + 1, which was made on another entry h than the block's; a follower that
//!   decided that block from an entry and has not certified it yet appends the leader's h + 1 on that. So two logs
//!   with the same entry may differ below it.
//! - **Elections compare the highest term in the log**, not the last entry's, as terms need not ascend across
//!   such a place. Who holds a committed entry of term T in its log votes only for whom has an entry of a term
//!   as high: either made by a leader that had the committed one, or of T itself, with a log as long, all of
//!   which came from leaders of T or later.
//!
//! # What is durable
//! Term and vote, and each entry as it is appended ([`Record`]), before anything that follows from them
//! leaves; then messages need not be. What an answer vouches for, when the leader counts itself, and why nothing of
//! that is lost, is in one file, `raft/durable.rs`.
//!
//! # Why that is safe
//! Let a quorum Q acknowledge index i of the leader of term T, whose entry there is of T itself.
//! - **An acknowledgement is true**: above the follower's certified height its log is the leader's up to i. What is
//!   matched grows by heights that both know to be committed, by an entry of the leader's own term, and by
//!   the next entry.
//! - **Whoever is elected later has all that**, in its log or as blocks. By induction over the terms U > T:
//!   somebody in Q votes in U, after it has acknowledged i. It holds i as a block or as an entry, as only leaders of
//!   terms between could have replaced it, and they had it. If as a block, the candidate has certified as
//!   much. If as an entry, the candidate has certified i or has in its log an entry k of a term T' that is the
//!   highest there and not below T. If T' > T, the leader of T' had all up to i when it made k, so k > i; the
//!   candidate took k with all below from a leader of T' or later, which had that too. If T' = T, its log reaches
//!   i; it took k, and each entry above k later, from leaders of T or later, and the one that covers i is the
//!   committed one. Terms need not ascend, so the highest counts and not the last.
//! - **A leader may crash before it has its own entries.** Q has them, with the leader or without it, as that is
//!   one of Q by its own answer alone. Its journal may lack what it has sent, also in its own term; but it never leads
//!   that again, so no other entry of T is made there, and whoever lacks i gets no vote of anybody in Q. Whatever of
//!   it nobody in Q has may come to nothing, as if it had never left.
//! - **A seal follows a decision**, so one seal shows that its height is committed.
//! - **A block under a leader's first entry** is one that the follower knows to be committed as well, or it refuses;
//!   a leader behind its follower stops at what it may not have.
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
//!   clock does not run away with the chain's time. Nor does what it sends end a follower's pre-vote, which has to
//!   outlast some of its heartbeats where these come more often than answers. How far one lies behind is not judged: an
//!   entry that waited out a partition could never be acknowledged, and a leader here is trusted.

mod durable;
mod following;
mod inspect;
mod leading;
mod log;
mod memory;
mod message;
mod orderer;
mod role;
mod succession;
mod timers;

pub use message::{
    AppendEntries, AppendReply, Body, Entry, MAX_ENTRIES, Position, Record, RequestVote, Term, VoteReply,
};
pub use orderer::Raft;

/// A replica of Raft.
pub type Replica = crate::common::Replica<Raft>;

/// The most entries above the certified height: the window's, and one for each leader that was elected since
/// something was committed. A leader whose log is as long adds its own once a quorum has all the others.
pub const MAX_LOG: usize = 1_024;
