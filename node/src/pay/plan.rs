//! How rows become transactions: bounds, salts and expiries that follow from the file, the network's
//! parameters and certified time alone.

use std::collections::BTreeSet;

use quorate_client::wallet::{TransactionBuilder, payment_salt};
use quorate_ledger::{Address, Digest, Operation, Timestamp, encode};

use super::file::Row;

/// The most rows of a transaction.
pub(crate) const ROWS_PER_TRANSACTION: usize = 100;

/// Bytes of a transaction beside its operations: network, sender, expiry, salt, memo, one signature.
const OVERHEAD_BYTES: usize = 256;

/// Expiries lie on multiples of this, in milliseconds.
pub(crate) const EXPIRY_GRID_MS: u64 = 600_000;

/// Expiries of what others are to sign lie on multiples of this: midnights in UTC.
pub(crate) const SIGNING_GRID_MS: u64 = 86_400_000;

/// Sets the salt of the note that a chunk is paid row by row apart from those of payments.
const ROW_BY_ROW: &str = "\nrow by row";

/// Consecutive rows that are paid by one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unit {
    /// The first row, from 0.
    pub(crate) first: usize,
    /// How many.
    pub(crate) count: usize,
}

impl Unit {
    /// The rows.
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.first..self.first + self.count
    }

    /// Each row by itself.
    pub(crate) fn rows(self) -> impl Iterator<Item = Self> {
        self.range().map(|first| Self { first, count: 1 })
    }
}

/// What all transactions of one payment of a file share.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    /// The network.
    pub(crate) network: Digest,
    /// Who pays.
    pub(crate) sender: Address,
    /// What names the file: the hash of its rows, or of its bytes where an older journal goes on.
    pub(crate) file: Digest,
    /// Empty, unless the file is meant to be paid once more.
    pub(crate) label: String,
    /// The network's bound on expiry.
    pub(crate) max_expiry_lead_ms: u64,
}

/// Packs rows in their order, as many as fit.
pub(crate) fn pack(rows: &[Row], max_transaction_bytes: u32) -> Vec<Unit> {
    let room = (max_transaction_bytes as usize).saturating_sub(OVERHEAD_BYTES);
    let mut units = Vec::new();
    let mut unit = Unit { first: 0, count: 0 };
    let mut used = 0;
    for (place, row) in rows.iter().enumerate() {
        let size = encode(&row.operation()).len();
        if unit.count > 0 && (unit.count == ROWS_PER_TRANSACTION || used + size > room) {
            units.push(unit);
            unit = Unit {
                first: place,
                count: 0,
            };
            used = 0;
        }
        unit.count += 1;
        used += size;
    }
    if unit.count > 0 {
        units.push(unit);
    }
    units
}

impl Batch {
    /// The salt of the transaction that pays rows from `first` on.
    pub(crate) fn salt(&self, first: usize) -> [u8; 16] {
        payment_salt(&self.file, &self.label, first as u64)
    }

    /// The salt of the note that the chunk from `first` on is paid row by row.
    pub(crate) fn note_salt(&self, first: usize) -> [u8; 16] {
        payment_salt(&self.file, &format!("{}{ROW_BY_ROW}", self.label), first as u64)
    }

    /// When a transaction built at certified time `basis` expires: the next mark, or the first one after
    /// it at which the same rows have not failed before. None if that is further away than the network
    /// allows.
    pub(crate) fn expiry(&self, basis: Timestamp, failed: &BTreeSet<Timestamp>) -> Option<Timestamp> {
        self.expiry_on(EXPIRY_GRID_MS, basis, failed)
    }

    /// The same for what others are to sign, which takes them longer.
    pub(crate) fn signing_expiry(&self, basis: Timestamp, failed: &BTreeSet<Timestamp>) -> Option<Timestamp> {
        self.expiry_on(SIGNING_GRID_MS, basis, failed)
    }

    fn expiry_on(&self, grid_ms: u64, basis: Timestamp, failed: &BTreeSet<Timestamp>) -> Option<Timestamp> {
        let grid = grid_ms.min(self.max_expiry_lead_ms).max(1);
        let mut mark = (basis.0 / grid).checked_add(1)?.checked_mul(grid)?;
        while failed.contains(&Timestamp(mark)) {
            mark = mark.checked_add(grid)?;
        }
        (mark - basis.0 <= self.max_expiry_lead_ms).then_some(Timestamp(mark))
    }

    /// The unsigned transaction.
    pub(crate) fn build(
        &self,
        salt: [u8; 16],
        expires_at: Timestamp,
        operations: impl IntoIterator<Item = Operation>,
    ) -> quorate_ledger::Intent {
        TransactionBuilder::new(self.network, self.sender, expires_at, salt)
            .operations(operations)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::sha256;
    use quorate_ledger::Amount;

    use super::*;

    fn row(memo: usize) -> Row {
        Row {
            line: 1,
            to: Address([1; 20]),
            asset: "QRT".parse().unwrap(),
            amount: Amount(1),
            memo: "m".repeat(memo),
        }
    }

    fn batch(max_expiry_lead_ms: u64) -> Batch {
        Batch {
            network: sha256(b"network"),
            sender: Address([2; 20]),
            file: sha256(b"file"),
            label: String::new(),
            max_expiry_lead_ms,
        }
    }

    #[test]
    fn every_row_is_in_exactly_one_unit() {
        for count in [1, 99, 100, 101, 250] {
            let rows: Vec<Row> = (0..count).map(|_| row(0)).collect();
            let units = pack(&rows, 65_536);
            let covered: Vec<usize> = units.iter().flat_map(|unit| unit.range()).collect();
            assert_eq!(covered, (0..count).collect::<Vec<_>>());
            assert!(units.iter().all(|unit| unit.count <= ROWS_PER_TRANSACTION));
        }
    }

    #[test]
    fn units_stay_below_a_small_network_limit() {
        let rows: Vec<Row> = (0..100).map(|_| row(128)).collect();
        for unit in pack(&rows, 2_048) {
            let operations = rows[unit.range()].iter().map(Row::operation);
            let intent = batch(1).build([0; 16], Timestamp(0), operations);
            assert!(encode(&intent).len() + 100 <= 2_048);
        }
    }

    #[test]
    fn expiry_is_the_next_mark_whatever_the_moment_between_two() {
        let batch = batch(86_400_000);
        let none = BTreeSet::new();
        assert_eq!(batch.expiry(Timestamp(0), &none), Some(Timestamp(600_000)));
        assert_eq!(batch.expiry(Timestamp(599_999), &none), Some(Timestamp(600_000)));
        assert_eq!(
            batch.expiry(Timestamp(600_000), &none),
            Some(Timestamp(1_200_000))
        );
    }

    #[test]
    fn a_mark_at_which_the_rows_failed_is_not_used_again() {
        let failed = BTreeSet::from([Timestamp(600_000), Timestamp(1_200_000)]);
        assert_eq!(
            batch(86_400_000).expiry(Timestamp(5), &failed),
            Some(Timestamp(1_800_000))
        );
        assert_eq!(batch(1_000_000).expiry(Timestamp(5), &failed), None);
    }

    #[test]
    fn whoever_builds_for_others_to_sign_within_a_day_comes_to_the_same_expiry() {
        let none = BTreeSet::new();
        let midnight = Timestamp(2 * 86_400_000);
        for moment in [86_400_000, 100_000_000, 2 * 86_400_000 - 1] {
            let expiry = batch(86_400_000).signing_expiry(Timestamp(moment), &none);
            assert_eq!(expiry, Some(midnight));
        }
        let short = batch(3_600_000).signing_expiry(Timestamp(5), &none);
        assert_eq!(short, Some(Timestamp(3_600_000)));
    }

    #[test]
    fn notes_and_payments_never_share_a_salt() {
        let batch = batch(1);
        assert_ne!(batch.salt(0), batch.note_salt(0));
    }
}
