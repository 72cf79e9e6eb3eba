//! A chain as a prover reads it, with a bound for what is read: a proof may have 256 MiB, and who asks for one is a
//! stranger. What is counted is what becomes part of the proof, and what it costs to find it.

use std::cell::Cell;

use quorate_crypto::{Certificate, Digest, Epoch, Height};
use quorate_ledger::{
    BalanceItem, Header, HistoryOwner, LogEntry, Place, Prefix, PrefixPath, StateKey, TextItem, Transaction,
};
use quorate_prover::{EpochRow, HistoryRow, Source, WaypointRow};
use quorate_storage::StorageError;

/// Bytes that a proof may be made of. As text it is a third longer, and an address may have 48 MiB of answers.
pub(super) const MAX_BYTES: usize = 32 << 20;

/// What the transactions of one block count besides their bytes: a whole batch is decoded for one of them. So no
/// statement has those of more than 4,096 blocks.
const BLOCK_BYTES: usize = 8 << 10;

/// Bytes of a seal in a certificate, and of a committee's seat.
const SEAL_BYTES: usize = 66;
const SEAT_BYTES: usize = 104;

/// Bytes of a step that are not its changes', and of a change, as a proof has them.
const STEP_BYTES: usize = 64;
const CHANGE_BYTES: usize = 80;

/// Why something cannot be read for a proof.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    /// The database cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The proof would be made of more than this node reads for one.
    #[error(
        "the proof would be made of more than {MAX_BYTES} bytes: ask for less at once, such as a shorter time"
    )]
    TooMuch,
}

/// A source of which only so much can be read.
pub(super) struct Measured<'a, S> {
    source: &'a S,
    left: Cell<usize>,
}

impl<'a, S: Source<Error = StorageError>> Measured<'a, S> {
    /// One of which so many bytes can be read.
    pub(super) fn new(source: &'a S, bytes: usize) -> Self {
        Self {
            source,
            left: Cell::new(bytes),
        }
    }

    fn count(&self, bytes: usize) -> Result<(), ReadError> {
        let left = self.left.get().checked_sub(bytes).ok_or(ReadError::TooMuch)?;
        self.left.set(left);
        Ok(())
    }

    fn count_each<T: serde::Serialize>(&self, values: &[T]) -> Result<(), ReadError> {
        values.iter().try_for_each(|value| {
            // What BCS does not encode is longer than anything.
            self.count(bcs::serialized_size(value).unwrap_or(usize::MAX))
        })
    }
}

impl<S: Source<Error = StorageError>> Source for Measured<'_, S> {
    type Error = ReadError;

    fn network(&self) -> Digest {
        self.source.network()
    }

    fn height(&self) -> Height {
        self.source.height()
    }

    fn header(&self, height: Height) -> Result<Option<Header>, ReadError> {
        Ok(self.source.header(height)?)
    }

    fn certificate(&self, height: Height) -> Result<Option<Certificate>, ReadError> {
        let found = self.source.certificate(height)?;
        let seals = found.as_ref().map_or(0, |found| found.seals().len());
        self.count(Header::BYTES + seals * SEAL_BYTES)?;
        Ok(found)
    }

    fn epoch(&self, epoch: Epoch) -> Result<Option<EpochRow>, ReadError> {
        let found = self.source.epoch(epoch)?;
        let seats = found.as_ref().map_or(0, |found| found.committee.size());
        self.count(seats * SEAT_BYTES)?;
        Ok(found)
    }

    fn ordinal_of(&self, id: &Digest) -> Result<Option<u64>, ReadError> {
        Ok(self.source.ordinal_of(id)?)
    }

    fn height_of(&self, ordinal: u64) -> Result<Option<Height>, ReadError> {
        Ok(self.source.height_of(ordinal)?)
    }

    fn entries(&self, height: Height, ordinals: &[u64]) -> Result<Vec<LogEntry>, ReadError> {
        let found = self.source.entries(height, ordinals)?;
        self.count_each(&found)?;
        Ok(found)
    }

    fn log_node(&self, level: u8, index: u64) -> Result<Option<Digest>, ReadError> {
        Ok(self.source.log_node(level, index)?)
    }

    fn transactions(&self, height: Height, positions: &[u32]) -> Result<Vec<Transaction>, ReadError> {
        self.count(BLOCK_BYTES)?;
        let found = self.source.transactions(height, positions)?;
        self.count_each(&found)?;
        Ok(found)
    }

    fn text(&self, id: &Digest, place: &Place) -> Result<Option<TextItem>, ReadError> {
        let found = self.source.text(id, place)?;
        self.count_each(found.as_slice())?;
        Ok(found)
    }

    fn state_path(&self, head: Height, prefix: &Prefix) -> Result<Option<PrefixPath>, ReadError> {
        Ok(self.source.state_path(head, prefix)?)
    }

    fn leaves_of_kind(&self, kind: u8) -> Result<usize, ReadError> {
        Ok(self.source.leaves_of_kind(kind)?)
    }

    fn state_value(&self, head: Height, key: &StateKey) -> Result<Option<Vec<u8>>, ReadError> {
        let found = self.source.state_value(head, key)?;
        self.count(found.as_ref().map_or(0, Vec::len))?;
        Ok(found)
    }

    fn genesis_balances(&self, owner: &HistoryOwner) -> Result<Vec<BalanceItem>, ReadError> {
        Ok(self.source.genesis_balances(owner)?)
    }

    fn newest_step(&self, head: Height, owner: &HistoryOwner) -> Result<Option<Height>, ReadError> {
        Ok(self.source.newest_step(head, owner)?)
    }

    fn history_row(&self, owner: &HistoryOwner, height: Height) -> Result<Option<HistoryRow>, ReadError> {
        let found = self.source.history_row(owner, height)?;
        for step in found.iter().flat_map(|row| &row.steps) {
            self.count(STEP_BYTES + step.changes.len() * CHANGE_BYTES)?;
        }
        Ok(found)
    }

    fn waypoint(&self, owner: &HistoryOwner, number: u64) -> Result<Option<WaypointRow>, ReadError> {
        Ok(self.source.waypoint(owner, number)?)
    }

    fn waypoint_balances(
        &self,
        owner: &HistoryOwner,
        number: u64,
    ) -> Result<Option<Vec<BalanceItem>>, ReadError> {
        Ok(self.source.waypoint_balances(owner, number)?)
    }

    fn waypoint_node(
        &self,
        owner: &HistoryOwner,
        level: u8,
        index: u64,
    ) -> Result<Option<Digest>, ReadError> {
        Ok(self.source.waypoint_node(owner, level, index)?)
    }
}
