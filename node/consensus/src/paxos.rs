//! Multi-decree Paxos (Lamport, "The part-time parliament", TOCS 1998; "Paxos made simple", 2001).
//!
//! n validators, of which any minority may crash and come back, and none lies; a quorum is a majority.
//! Sections are those of the paper of 2001, and P1 to P2c are its requirements. Every height is an instance
//! of its own, and each replica is a proposer, an acceptor and a learner.
//! A [`Ballot`] (round, proposer) numbers proposals: ballots are totally ordered, and no two proposers
//! share one. Rounds begin with 1; the ballot of round 0 is below all others.
//!
//! # Phase 1, for all heights at once (sections 2.2 and 3)
//! - **Prepare.** A replica that hears no distinguished proposer for an election timeout takes a ballot above
//!   all that it has heard of, and asks for promises about all heights above the one that it has certified.
//! - **Promise.** An acceptor that has promised nothing higher promises to accept nothing lower any more,
//!   and tells, for each of these heights, what it has accepted in the highest ballot. It answers only a
//!   proposer that has all the blocks it has itself: what it accepted for those it has forgotten.
//! - With a majority's promises, its own among them, the replica is the distinguished proposer.
//!
//! # Phase 2, height by height (sections 2.2, 2.3 and 3)
//! - **Accept.** Where promises told of values, the distinguished proposer proposes the one of the highest
//!   ballot (P2c); it fills the gaps between these heights with null; above them it is free, and proposes the
//!   oldest batches that wait, several heights at a time, within the window above the certified height.
//! - **Accepted.** An acceptor accepts whatever it has not promised not to (P1a), when the value's batches are
//!   here, and says so when value and batches are durable.
//! - An acceptor that is asked again while a value is on its way to its disk answers at once, without it: that the
//!   proposer is heard waits for no disk.
//! - **Chosen.** A value that a majority has accepted in one ballot is chosen. The distinguished proposer is
//!   also the distinguished learner: it counts, and tells the others. Any of them passes that word on to
//!   whoever missed it.
//! - **Nack.** An acceptor tells a proposer that its ballot is below the one promised.
//!
//! Decided heights are executed, sealed and certified as with every engine. A certified block answers for
//! itself: its height takes part in no phase any more, and whoever lacks it fetches it.
//!
//! # One distinguished proposer (section 2.4)
//! - It says its accept again, four times in the shortest election timeout, with all that has not been chosen
//!   for so long, or with nothing; acceptors answer. So its absence is noticed, and so is theirs: one that no
//!   majority has answered for an election timeout gives way.
//! - One that is about to stop hands over (yield): it names a successor that answers it, proposes nothing more, and
//!   counts as not heard by whoever has promised its ballot. The successor prepares at once, or when it has all the
//!   blocks that the other told of; one that does not take over within an election timeout is not waited for.
//! - An acceptor that hears it ignores the prepares of others, as any request may be ignored (section 2.2).
//! - The own acceptor is asked last, when its promise makes the majority; and a ballot that nothing higher was
//!   heard of is prepared again, not a new one. So whoever is cut off drives no rounds up, and accepts again
//!   when it comes back.
//! - A proposer that meets a higher promise waits for its next timeout. These are drawn anew each time, from a
//!   range that doubles while nothing comes of them, so that duels end. Only one that a majority has answered in
//!   phase 2 goes on at once, in a ballot above that promise: this majority hears it and ignores the other.
//! - One of which nothing was chosen for an election timeout, though it is answered, prepares again: the value
//!   that it took over may be one whose batches only somebody had who is gone; another majority knows nothing
//!   of it.
//!
//! # Why that is safe
//! Let a majority Q have accepted v for height h in ballot b, and let a proposer propose in b' > b for h. It
//! has promises of a majority for b'. Some acceptor of Q is among them. It had not certified h when it
//! promised, as the proposer had not, and it promised only to one whose certified height was not below its
//! own; so it had forgotten nothing about h. It accepted in b before it promised b' (P1a), so it told of b or of
//! a ballot between, in which by induction v was proposed. So the proposer takes v (P2c). For a height that it
//! has certified itself it proposes nothing.
//! - **Crashes.** What is promised and accepted is recorded before it is said, and a record of a height goes
//!   only when its block is on disk. Certified heights may fall back at a restart, and then the records of
//!   what lies above are there again; no engine needs to wait for a fetched block to be on disk.
//! - **Lost batches.** A record of a value whose batches a crash has lost is left out at a restart. Neither an
//!   accepted nor a promise had told of it, as both wait for batches; so it counts as never accepted, and what
//!   was accepted before it for the height counts again.
//! - **Blocks that are not on disk.** What was accepted for a certified height is forgotten in memory alone; its
//!   record goes when the block is on disk. The seal of a height that no record explains is recorded itself.
//! - **One value a ballot and height.** Whoever proposes has its own promise on its disk, so no later life of
//!   it takes the ballot again. A prepare leaves before that: its ballot may be prepared again after a crash,
//!   when nothing was proposed in it yet. An answer to a prepare of a former life, which asked about fewer heights, is
//!   not counted.
//!
//! # Before the first promise
//! A replica that starts asks what it signed, as with every engine. Promises, accepts and accepteds that it
//! does not remember silence it. That is more than Paxos promises: a disk that lies is outside it, and what
//! nobody who answers has heard is not found out.
//!
//! # Deviations
//! - An acceptor that accepts in a ballot which it has not promised promises it by that.
//! - A proposer too far ahead of an acceptor's clock is not heard by it until this has come so far, so that one wrong
//!   clock does not run away with the chain's time. What phase 1 brought up is not judged by time again. How far a
//!   value lies behind is not judged: one that waited out a partition could never be accepted, and a proposer here is
//!   trusted.
//! - A proposer does not remember each ballot that it tries (section 2.5); the promise of its own acceptor does
//!   that for it, as it proposes nothing without.
//! - Membership changes with the epoch, whose engines are separate. In the parliament of 1998 decrees change it.
//! - An acceptor accepts nothing more than [`MAX_PROMISED`] heights above what its chain has on disk, so that its
//!   promise can tell of all after a crash. One that comes back with an older chain all the same, of a backup,
//!   promises nothing until it has more blocks.

mod acceptor;
mod following;
mod inspect;
mod leading;
mod learner;
mod memory;
mod message;
mod orderer;
mod proposer;
mod succession;
mod timers;

pub use message::{
    Accept, Accepted, AcceptedValue, Ballot, Body, Chosen, MAX_PROMISED, MAX_VALUES, Nack, Prepare, Promise,
    Record, Value, ValueDigest, Yield,
};
pub use orderer::Paxos;

/// A replica of Paxos.
pub type Replica = crate::common::Replica<Paxos>;
