//! How rows become transactions: bounds, salts and expiries that follow from the file, the wallet's secret, the
//! network's parameters and certified time alone.

use std::collections::BTreeSet;

use quorate_client::wallet::{TransactionBuilder, Unsigned};
use quorate_crypto::sha256;
use quorate_ledger::limits::{MAX_INTENT_WITH_TEXTS_BYTES, MAX_SIGNERS};
use quorate_ledger::{
    Act, Address, Amount, AssetCode, Digest, Place, SaltLabel, Timestamp, WalletSecret, encode,
};

use super::file::Row;

/// The most rows of a transaction.
pub(crate) const ROWS_PER_TRANSACTION: usize = 100;

/// The most bytes of a label.
pub(crate) const MAX_LABEL: usize = 64;

/// Bytes of an intent beside its operations and the places of its texts: network, sender, expiry, salt, root.
const INTENT_BYTES: usize = 128;

/// Bytes of a signature with its key, of whichever kind, in a transaction.
const SIGNATURE_BYTES: usize = 98;

/// Bytes of a submission beside its operations and texts, if all signers that an account can have sign it.
const OVERHEAD_BYTES: usize = INTENT_BYTES + 16 + MAX_SIGNERS * SIGNATURE_BYTES;

/// Bytes of the place of a row's memo in the intent, and of its salt and length beside it.
const PLACE_BYTES: usize = 3;
const TEXT_BYTES: usize = 16 + 2;

/// Expiries lie on multiples of this, in milliseconds.
pub(crate) const EXPIRY_GRID_MS: u64 = 600_000;

/// Expiries of what others are to sign lie on multiples of this: midnights in UTC.
pub(crate) const SIGNING_GRID_MS: u64 = 86_400_000;

/// Sets the salts of the note that a chunk is paid row by row apart from those of payments: no label has a control
/// character.
const ROW_BY_ROW: &str = "\nrow by row";

/// What the payment to oneself says that is made before a chunk's rows are paid one by one.
const NOTE: &str = "note: rows of a payment file are paid one by one";

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
        self.first..self.first.saturating_add(self.count)
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
    /// What names the file: the hash of its payer and its rows.
    pub(crate) file: Digest,
    /// Empty, unless the file is meant to be paid once more. At most [`MAX_LABEL`] bytes, without control characters.
    pub(crate) label: String,
    /// From which all salts follow.
    pub(crate) secret: WalletSecret,
    /// The network's bound on expiry.
    pub(crate) max_expiry_lead_ms: u64,
}

/// One payment, under each secret from which its salts may follow.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    /// By which it is signed.
    pub(crate) own: Batch,
    /// By which it may have been signed before.
    pub(crate) others: Vec<Batch>,
}

impl Names {
    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Batch> {
        std::iter::once(&self.own).chain(&self.others)
    }

    /// What names the salts of all of them: where it was looked for others, it was not looked for these.
    pub(crate) fn salts(&self) -> Digest {
        let mut first: Vec<[u8; 16]> = self.all().map(|batch| batch.salt(0)).collect();
        first.sort_unstable();
        sha256(&first.concat())
    }
}

/// Packs rows in their order, as many as fit.
pub(crate) fn pack(rows: &[Row], max_transaction_bytes: u32) -> Vec<Unit> {
    let room = (max_transaction_bytes as usize).saturating_sub(OVERHEAD_BYTES);
    // An erasure carries the intent, which is bounded therefore.
    let intent_room = MAX_INTENT_WITH_TEXTS_BYTES - INTENT_BYTES;
    let mut units = Vec::new();
    let mut unit = Unit { first: 0, count: 0 };
    let (mut used, mut intent) = (0, 0);
    for (place, row) in rows.iter().enumerate() {
        let (signed, beside) = sizes(row);
        let fits = used + signed + beside <= room && intent + signed <= intent_room;
        if unit.count > 0 && (unit.count == ROWS_PER_TRANSACTION || !fits) {
            units.push(unit);
            unit = Unit {
                first: place,
                count: 0,
            };
            (used, intent) = (0, 0);
        }
        unit.count += 1;
        used += signed + beside;
        intent += signed;
    }
    if unit.count > 0 {
        units.push(unit);
    }
    units
}

/// Bytes of a row in the intent, and beside it.
fn sizes(row: &Row) -> (usize, usize) {
    let act = Act {
        party: 0,
        operation: row.operation(),
    };
    let act = encode(&act).len();
    match row.memo.len() {
        0 => (act, 0),
        memo => (act + PLACE_BYTES, TEXT_BYTES + memo),
    }
}

impl Batch {
    /// The salt of the transaction that pays rows from `first` on.
    pub(crate) fn salt(&self, first: usize) -> [u8; 16] {
        self.salt_under(&self.label, first, None)
    }

    /// The salt of the note that the chunk from `first` on is paid row by row.
    pub(crate) fn note_salt(&self, first: usize) -> [u8; 16] {
        self.salt_under(&self.note_label(), first, None)
    }

    fn note_label(&self) -> String {
        format!("{}{ROW_BY_ROW}", self.label)
    }

    fn salt_under(&self, label: &str, first: usize, place: Option<Place>) -> [u8; 16] {
        let label = SaltLabel::new(label).expect("a payment's label is much shorter than a salt's may be");
        self.secret
            .salt(&self.network, &self.file, first as u64, label, place)
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

    /// The transaction that pays `rows`, of which `first` is the first one's place in the file. Rows, payer, label,
    /// expiry and secret alone decide about each of its bytes.
    pub(crate) fn payment(&self, first: usize, rows: &[Row], expires_at: Timestamp) -> Unsigned {
        let builder = TransactionBuilder::new(self.network, self.sender, expires_at, self.salt(first));
        let paying = rows.iter().fold(builder, |builder, row| {
            builder.transfer(row.to, row.asset, row.amount, row.memo.clone())
        });
        paying.build_with(|place| self.salt_under(&self.label, first, Some(place)))
    }

    /// The payment of one smallest unit to oneself that notes that the chunk from `first` on is paid row by row.
    pub(crate) fn note(&self, first: usize, asset: AssetCode, expires_at: Timestamp) -> Unsigned {
        let label = self.note_label();
        TransactionBuilder::new(self.network, self.sender, expires_at, self.note_salt(first))
            .transfer(self.sender, asset, Amount(1), NOTE)
            .build_with(|place| self.salt_under(&label, first, Some(place)))
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{ClientSigningKey, SigningKey};
    use quorate_ledger::ParametersV1;

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
            secret: WalletSecret::from_bytes(&[3; 32]),
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
    fn units_stay_below_a_small_network_limit_whoever_signs_them() {
        let rows: Vec<Row> = (0..100).map(|_| row(128)).collect();
        let keys: Vec<ClientSigningKey> = (1..=16)
            .map(|number| ClientSigningKey::p256_from_scalar(&[number; 32]).unwrap())
            .collect();
        for limit in [2_048, 4_096, 65_536] {
            let parameters = ParametersV1 {
                max_transaction_bytes: limit,
                ..ParametersV1::default()
            };
            // The first is as full as any.
            for unit in pack(&rows, limit).into_iter().take(1) {
                let unsigned = batch(1).payment(unit.first, &rows[unit.range()], Timestamp(0));
                let submission = unsigned.sign(&keys);
                assert_eq!(
                    submission.check_form(&sha256(b"network"), &parameters),
                    Ok(()),
                    "{limit}"
                );
            }
        }
    }

    #[test]
    fn the_same_file_gives_the_same_bytes_and_another_secret_or_label_gives_others() {
        let rows = [row(4), row(0), row(4)];
        let key = ClientSigningKey::from_ed25519(SigningKey::from_seed(&[7; 32]));
        let bytes = |batch: &Batch| encode(&batch.payment(5, &rows, Timestamp(600_000)).sign([&key]));
        let one = batch(1);
        assert_eq!(bytes(&one), bytes(&one.clone()));
        let others = [
            Batch {
                secret: WalletSecret::from_bytes(&[4; 32]),
                ..one.clone()
            },
            Batch {
                label: "again".to_owned(),
                ..one.clone()
            },
            Batch {
                file: sha256(b"other"),
                ..one.clone()
            },
        ];
        for other in others {
            assert_ne!(bytes(&one), bytes(&other));
        }
        let submission = one.payment(5, &rows, Timestamp(600_000));
        let salts: BTreeSet<[u8; 16]> = submission.texts.iter().map(|text| text.salt).collect();
        assert_eq!(salts.len(), 2, "equal memos of two rows have salts of their own");
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
        let note = batch.note(0, "QRT".parse().unwrap(), Timestamp(1));
        let payment = batch.payment(0, &[row(4)], Timestamp(1));
        assert_ne!(note.texts[0].salt, payment.texts[0].salt);
    }
}
