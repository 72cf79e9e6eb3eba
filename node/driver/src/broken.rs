//! Rules of the driver that a test build breaks on purpose, to show that the simulator finds them.
//! `quorate-driver` is never built with this: `node/broken/driver` compiles the same sources with
//! `--cfg broken_rules`, for tests alone.

use std::cell::Cell;

/// A rule of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Actions leave before the records of their step are durable.
    SentBeforeDurable,
    /// Votes are given back before the batches that they vouch for are durable.
    BatchesNotDurable,
    /// Batches are not looked for before a vote.
    BatchesUnchecked,
    /// A journal's entries are forgotten when a block is written, before it is on disk.
    ForgottenTooEarly,
    /// A restarted replica is bound by votes that never left, as their batches were lost.
    UnsentKept,
    /// Prepared certificates are not kept.
    PreparedNotKept,
    /// Raft is told of a fetched block before that is on disk.
    SyncedBeforeDurable,
    /// Messages of former epochs are given to the engine of the epoch under way.
    FormerEpochCounted,
    /// An epoch begins before the chain is on disk up to the last block of the one before.
    EpochBegunTooEarly,
}

thread_local! {
    static BROKEN: Cell<Option<Rule>> = const { Cell::new(None) };
}

/// Breaks a rule, or none, in whatever this thread does from now on.
pub fn set(rule: Option<Rule>) {
    BROKEN.set(rule);
}

pub(crate) fn is(rule: Rule) -> bool {
    BROKEN.get() == Some(rule)
}
