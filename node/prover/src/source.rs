//! What a prover reads of a chain, and how a node's disk answers it (`docs/formats.md`, section 20).

use quorate_crypto::{Certificate, Committee, Digest, Epoch, Height};
use quorate_ledger::{
    BalanceChange, BalanceItem, Header, HistoryOwner, LogEntry, Place, Prefix, PrefixPath, StateKey,
    TextItem, Timestamp, Transaction,
};
use quorate_verifier::RecoveryStep;

/// A chain of certified blocks, as a prover reads it.
///
/// It is for one moment: answers do not change while a proof is made, so over RocksDB this is a snapshot. What is named
/// in the plural is asked for at once, so that a row that several answers come from is read once. Where something is
/// not there the answer is `None`; an error is for what cannot be read.
///
/// Nothing here grows with the chain's age but logarithms: a proof asks for as many rows as it has entries, and for some
/// hundred more.
pub trait Source {
    /// Why a read failed.
    type Error;

    /// The network's id. Family `meta`, `network`.
    fn network(&self) -> Digest;

    /// The highest block, of which the state is at hand. Family `meta`, `tip`.
    fn height(&self) -> Height;

    /// The header of the block at a height from 1. Family `blocks`: a row begins with it.
    fn header(&self, height: Height) -> Result<Option<Header>, Self::Error>;

    /// The time of the block at a height. It is asked for often: once for each block of a statement, and while
    /// waypoints are searched.
    fn time(&self, height: Height) -> Result<Option<Timestamp>, Self::Error> {
        let header = self.header(height)?;
        Ok(header.map(|header| header.v1().timestamp))
    }

    /// The certificate of the block at a height. Family `certificates`.
    fn certificate(&self, height: Height) -> Result<Option<Certificate>, Self::Error>;

    /// An epoch that has begun: its first block is there, or the block before names its committee. Family `epochs`.
    fn epoch(&self, epoch: Epoch) -> Result<Option<EpochRow>, Self::Error>;

    /// The recovery that an epoch began with, as a proof of committees has it; none if it began otherwise.
    ///
    /// Its document is in the epoch's first block (family `blocks`). The leaves are of the state at its base, which is
    /// gone once later blocks are written; so whoever takes a recovery writes this down then. No family of section 20
    /// has it yet, and before protocol 2 there is none.
    fn recovery(&self, _epoch: Epoch) -> Result<Option<RecoveryStep>, Self::Error> {
        Ok(None)
    }

    /// The ordinal of the transaction with this id, if it was executed. Family `transactions`.
    fn ordinal_of(&self, id: &Digest) -> Result<Option<u64>, Self::Error>;

    /// The height of the block that has the leaf with this ordinal. Family `ordinals`: the row with the greatest key
    /// that is not above it.
    fn height_of(&self, ordinal: u64) -> Result<Option<Height>, Self::Error>;

    /// The log's entries with these ordinals, which ascend and are all of the block at this height; as many as were
    /// asked for, else fewer. Family `log`: one row, of which the entries between are skipped without being made.
    fn entries(&self, height: Height, ordinals: &[u64]) -> Result<Vec<LogEntry>, Self::Error>;

    /// The root of the complete subtree of the log that has the 2^`level` leaves from number `index` * 2^`level` on; of
    /// level 0 the leaf's hash. Family `tiles`: hashes of levels 0, 8, 16… stand in it, those between follow from at
    /// most 128 of one tile. What is not yet in a tile is kept in memory.
    fn log_node(&self, level: u8, index: u64) -> Result<Option<Digest>, Self::Error>;

    /// The transactions at these positions of the block at this height, which ascend; as many as were asked for, else
    /// fewer. Families `blocks`, which names the block's batches, and `batches`.
    fn transactions(&self, height: Height, positions: &[u32]) -> Result<Vec<Transaction>, Self::Error>;

    /// A text of an executed transaction: `Withheld` once it is erased, none if it is missing. Family `texts`.
    fn text(&self, id: &Digest, place: &Place) -> Result<Option<TextItem>, Self::Error>;

    /// Whether the state after the block at `head` is at hand. A node has that of its certified height alone. Where it
    /// is not, nothing is asked of it.
    fn has_state(&self, head: Height) -> bool {
        head == self.height()
    }

    /// The way to what lies under a prefix in the state after the block at `head`; none if that state is not at hand. The
    /// state tree in memory: `StateTree::prove_at`.
    fn state_path(&self, head: Height, prefix: &Prefix) -> Result<Option<PrefixPath>, Self::Error>;

    /// How many leaves of a kind the state has about now: a proof of more than 65,536 is not begun. The state tree in
    /// memory: `StateTree::len_of_kind`.
    fn leaves_of_kind(&self, kind: u8) -> Result<usize, Self::Error>;

    /// The value under a key in the same state. Family `state`.
    fn state_value(&self, head: Height, key: &StateKey) -> Result<Option<Vec<u8>>, Self::Error>;

    /// What genesis gives an owner, ascending by code, none empty; of an asset its supply as free. The genesis document
    /// in the node's home.
    fn genesis_balances(&self, owner: &HistoryOwner) -> Result<Vec<BalanceItem>, Self::Error>;

    /// The height of the block, not above `head`, with the newest step of an owner's history; none if it has no steps.
    ///
    /// From there a history is walked backwards. Section 20 names no row for it. The owner's leaf changes with every
    /// step, so the height costs no row of its own if it stands behind the leaf's value in `state`.
    fn newest_step(&self, head: Height, owner: &HistoryOwner) -> Result<Option<Height>, Self::Error>;

    /// What the block at a height added to an owner's history; none if that is nothing. Family `histories`: one row,
    /// with the numbers of assets made codes by `assets`, and ordinals counted from the block's first.
    fn history_row(&self, owner: &HistoryOwner, height: Height) -> Result<Option<HistoryRow>, Self::Error>;

    /// A waypoint by its step's number, a multiple of 32 from 32 on. Family `waypoints`.
    fn waypoint(&self, owner: &HistoryOwner, number: u64) -> Result<Option<WaypointRow>, Self::Error>;

    /// All that an owner has after the step of a waypoint, ascending by code, none empty; of an asset its supply as
    /// free.
    ///
    /// The row of `waypoints` as section 20 has it is 40 bytes without these. Nothing but a walk through all later
    /// steps gives them then ([`balances_by_walking_back`](crate::balances_by_walking_back)), and a statement of long
    /// ago takes the longer the more came after it. With them in the row none does.
    fn waypoint_balances(
        &self,
        owner: &HistoryOwner,
        number: u64,
    ) -> Result<Option<Vec<BalanceItem>>, Self::Error>;

    /// The root of the complete subtree of an owner's list of waypoints that has the 2^`level` waypoints from number
    /// `index` * 2^`level` on, counted from 0; the level is at least 1. Family `waypoint_nodes`.
    fn waypoint_node(
        &self,
        owner: &HistoryOwner,
        level: u8,
        index: u64,
    ) -> Result<Option<Digest>, Self::Error>;
}

/// An epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRow {
    /// Its first height.
    pub first: Height,
    /// Its committee.
    pub committee: Committee,
}

/// What one block added to one history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// The number of the first of its steps.
    pub first: u64,
    /// The height of the block with the step before that; 0 if there is none.
    pub before: Height,
    /// The steps, at least one, in order.
    pub steps: Vec<HistoryStep>,
}

/// What a row says of a step. The rest follows from its place and from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryStep {
    /// The place of its transaction's leaf in the log.
    pub ordinal: u64,
    /// What changed, as the step has it.
    pub changes: Vec<BalanceChange>,
}

/// A step whose hash the owner's leaf commits to for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaypointRow {
    /// The history's hash with it.
    pub hash: Digest,
    /// The height of its block.
    pub height: Height,
}
