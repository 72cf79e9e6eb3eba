//! All transactions that pay a file, in one document that travels between those who sign for the payer.
//!
//! The canonical bytes decide. What the document says beside them is checked against them, but for the
//! decimals, which are the word of whoever built it: amounts are shown in smallest units too.

use std::collections::BTreeMap;

use quorate_client::wallet::{add_signature, format_amount};
use quorate_crypto::{PublicKey, SigningKey};
use quorate_ledger::limits::{MAX_SIGNATURES, MAX_TRANSACTION_BYTES};
use quorate_ledger::{
    Address, Amount, AssetCode, Digest, KeySignature, Operation, Timestamp, Transaction, decode, encode,
};
use serde::{Deserialize, Serialize};

use super::file::{Row, identity};
use super::plan::{Batch, Unit};

/// The most bytes of a document.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// The most rows of the file that is paid.
const MAX_ROWS: usize = 4 << 20;

/// The document, before it is checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    payment: Payment,
    transactions: Vec<Part>,
}

/// What is paid, by whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Payment {
    /// The network.
    pub(crate) network: Digest,
    /// Who pays.
    pub(crate) payer: Address,
    /// Rows of the whole file.
    pub(crate) rows: usize,
    /// What names the file: the hash of its rows.
    pub(crate) sha256: Digest,
    /// Empty, unless the file is meant to be paid once more.
    pub(crate) label: String,
    /// How many decimals each asset has, as whoever built it says.
    pub(crate) decimals: BTreeMap<AssetCode, u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// The first row that it pays, from 1.
    first_row: usize,
    /// Its id, for people.
    id: Digest,
    /// Its canonical bytes in hex, with as many signatures as were made so far.
    transaction: String,
}

/// A payment whose document was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bundle {
    payment: Payment,
    /// In the order of the rows.
    parts: Vec<(Unit, Transaction)>,
}

/// What is paid in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Sum {
    pub(crate) asset: AssetCode,
    pub(crate) rows: usize,
    /// In decimals, if they are said.
    pub(crate) amount: Option<String>,
    /// In smallest units.
    pub(crate) smallest_units: String,
}

impl Document {
    /// Whether it is what it says.
    pub(crate) fn check(self) -> Result<Bundle, String> {
        let Self {
            payment,
            transactions,
        } = self;
        if payment.rows > MAX_ROWS {
            return Err(format!("{} rows, at most {MAX_ROWS} are allowed", payment.rows));
        }
        let mut parts = Vec::new();
        for part in transactions {
            let bytes = hex::decode(&part.transaction).map_err(|error| error.to_string())?;
            let transaction: Transaction =
                decode(&bytes, MAX_TRANSACTION_BYTES as usize).map_err(|error| error.to_string())?;
            if transaction.id() != part.id {
                return Err(format!("an id is {}, not {}", transaction.id(), part.id));
            }
            let first = part.first_row.checked_sub(1).ok_or("rows are numbered from 1")?;
            let count = transaction.intent().operations.len();
            parts.push((Unit { first, count }, transaction));
        }
        Bundle::of(payment, parts)
    }
}

impl Bundle {
    /// A payment of these units, which must be what it says: transfers of the payer, with the salts of their rows.
    pub(crate) fn of(payment: Payment, parts: Vec<(Unit, Transaction)>) -> Result<Self, String> {
        if parts.is_empty() {
            return Err("it pays nothing".to_owned());
        }
        let bundle = Self { payment, parts };
        let batch = bundle.batch();
        let mut free = 0;
        for (unit, transaction) in &bundle.parts {
            let id = transaction.id();
            let intent = transaction.intent();
            if (intent.network, intent.sender) != (batch.network, batch.sender) {
                return Err(format!("{id} is of another network or payer than it says"));
            }
            if unit.first < free || unit.range().end > bundle.payment.rows {
                return Err(format!("the rows of {id} overlap, or there are no such rows"));
            }
            free = unit.range().end;
            if intent.salt != batch.salt(unit.first) {
                return Err(format!("{id} is not of the file and label that it says"));
            }
            let is_transfer = |operation: &Operation| matches!(operation, Operation::Transfer { .. });
            let pays = !intent.operations.is_empty() && intent.operations.iter().all(is_transfer);
            if !pays || !intent.memo.is_empty() {
                return Err(format!("{id} does other things than pay rows"));
            }
        }
        let rows = bundle.rows();
        if rows.len() == bundle.payment.rows {
            let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();
            if identity(&rows) != bundle.payment.sha256 {
                return Err(format!("its rows are not those of {}", bundle.payment.sha256));
            }
        }
        Ok(bundle)
    }

    /// What is written.
    pub(crate) fn document(&self) -> Document {
        let parts = self.parts.iter().map(|(unit, transaction)| Part {
            first_row: unit.first + 1,
            id: transaction.id(),
            transaction: hex::encode(encode(transaction)),
        });
        Document {
            payment: self.payment.clone(),
            transactions: parts.collect(),
        }
    }

    /// What is paid, by whom.
    pub(crate) fn payment(&self) -> &Payment {
        &self.payment
    }

    /// Each transaction with the rows that it pays.
    pub(crate) fn parts(&self) -> &[(Unit, Transaction)] {
        &self.parts
    }

    /// What names its transactions.
    pub(crate) fn batch(&self) -> Batch {
        Batch {
            network: self.payment.network,
            sender: self.payment.payer,
            file: self.payment.sha256,
            label: self.payment.label.clone(),
            max_expiry_lead_ms: 0,
        }
    }

    /// When the first of its transactions expires.
    pub(crate) fn expires_at(&self) -> Timestamp {
        let expiries = self.parts.iter().map(|(_, one)| one.intent().expires_at);
        expiries.min().unwrap_or_default()
    }

    /// The rows that it pays, with their places in the file, from 0. A row's line is not known.
    pub(crate) fn rows(&self) -> Vec<(usize, Row)> {
        let mut rows = Vec::new();
        for (unit, transaction) in &self.parts {
            for (place, operation) in unit.range().zip(&transaction.intent().operations) {
                if let Operation::Transfer {
                    to,
                    asset,
                    amount,
                    memo,
                } = operation
                {
                    let row = Row {
                        line: 0,
                        to: *to,
                        asset: *asset,
                        amount: *amount,
                        memo: memo.clone(),
                    };
                    rows.push((place, row));
                }
            }
        }
        rows
    }

    /// What is paid in each asset.
    pub(crate) fn sums(&self) -> Vec<Sum> {
        let mut sums: BTreeMap<AssetCode, (usize, u128)> = BTreeMap::new();
        for (_, row) in self.rows() {
            let (count, sum) = sums.entry(row.asset).or_default();
            *count += 1;
            *sum = sum.saturating_add(row.amount.0);
        }
        let shown = |(asset, (rows, sum)): (AssetCode, (usize, u128))| Sum {
            asset,
            rows,
            amount: self.in_decimals(&asset, Amount(sum)),
            smallest_units: sum.to_string(),
        };
        sums.into_iter().map(shown).collect()
    }

    /// An amount in the decimals that the document says.
    pub(crate) fn in_decimals(&self, asset: &AssetCode, amount: Amount) -> Option<String> {
        let decimals = self.payment.decimals.get(asset)?;
        Some(format_amount(amount, *decimals))
    }

    /// Adds a signature to each transaction.
    pub(crate) fn sign(self, key: &SigningKey) -> Self {
        let sign = |(unit, transaction)| (unit, add_signature(transaction, key));
        Self {
            payment: self.payment,
            parts: self.parts.into_iter().map(sign).collect(),
        }
    }

    /// Adds the signatures of another copy.
    pub(crate) fn combine(self, other: Self) -> Result<Self, String> {
        let Self { payment, parts } = self;
        if payment != other.payment || parts.len() != other.parts.len() {
            return Err("it is of another payment".to_owned());
        }
        let mut combined = Vec::new();
        for ((unit, one), (_, another)) in parts.into_iter().zip(other.parts) {
            combined.push((unit, combine(one, &another)?));
        }
        Ok(Self {
            payment,
            parts: combined,
        })
    }

    /// Who has signed all of it.
    pub(crate) fn signers(&self) -> Vec<PublicKey> {
        let mut parts = self.parts.iter().map(|(_, transaction)| signers(transaction));
        let mut all = parts.next().unwrap_or_default();
        for one in parts {
            all.retain(|key| one.contains(key));
        }
        all
    }
}

/// Who has signed a transaction.
pub(crate) fn signers(transaction: &Transaction) -> Vec<PublicKey> {
    let signatures = transaction.signatures().iter();
    signatures.map(|signature| signature.key).collect()
}

/// One transaction with the signatures of two copies, which must be good.
pub(crate) fn combine(one: Transaction, another: &Transaction) -> Result<Transaction, String> {
    let id = one.id();
    if another.id() != id {
        return Err(format!("it is {}, and another is {id}", another.id()));
    }
    another.verify_signatures().map_err(|error| error.to_string())?;
    let signatures: Vec<KeySignature> = one
        .signatures()
        .iter()
        .chain(another.signatures())
        .copied()
        .collect();
    let Transaction::V1(fields) = one;
    let combined = Transaction::new(fields.intent, signatures);
    if combined.signatures().len() > MAX_SIGNATURES {
        return Err(format!("{id} has more than {MAX_SIGNATURES} signatures"));
    }
    Ok(combined)
}

#[cfg(test)]
mod tests {
    use quorate_crypto::sha256;

    use super::*;
    use crate::pay::plan::pack;

    fn rows(count: usize) -> Vec<Row> {
        let row = |number: usize| Row {
            line: 1,
            to: Address([9; 20]),
            asset: "QRT".parse().unwrap(),
            amount: Amount(number as u128 + 1),
            memo: String::new(),
        };
        (0..count).map(row).collect()
    }

    fn payment(rows: &[Row]) -> Payment {
        Payment {
            network: sha256(b"network"),
            payer: Address([1; 20]),
            rows: rows.len(),
            sha256: identity(rows),
            label: String::new(),
            decimals: BTreeMap::from([("QRT".parse().unwrap(), 2)]),
        }
    }

    fn parts(payment: &Payment, rows: &[Row]) -> Vec<(Unit, Transaction)> {
        let batch = Batch {
            network: payment.network,
            sender: payment.payer,
            file: payment.sha256,
            label: payment.label.clone(),
            max_expiry_lead_ms: 1,
        };
        let build = |unit: Unit| {
            let operations = rows[unit.range()].iter().map(Row::operation);
            let intent = batch.build(batch.salt(unit.first), Timestamp(60_000), operations);
            (unit, Transaction::new(intent, Vec::new()))
        };
        pack(rows, 65_536).into_iter().map(build).collect()
    }

    fn bundle(count: usize) -> Bundle {
        let rows = rows(count);
        let payment = payment(&rows);
        let parts = parts(&payment, &rows);
        Bundle::of(payment, parts).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again_with_all_signatures() {
        let [alice, bob] = [2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let signed = bundle(250).sign(&alice);
        let text = serde_json::to_string(&signed.document()).unwrap();
        let read: Document = serde_json::from_str(&text).unwrap();
        assert_eq!(read.check().unwrap(), signed);
        // Signed apart and put together is the same as signed one after the other.
        let apart = signed.clone().combine(bundle(250).sign(&bob)).unwrap();
        assert_eq!(apart, signed.sign(&bob));
        assert_eq!(apart.signers().len(), 2);
        let sum = &apart.sums()[0];
        assert_eq!((sum.rows, sum.amount.as_deref()), (250, Some("313.75")));
    }

    #[test]
    fn a_document_that_is_not_what_it_says_is_refused() {
        let good = bundle(250);
        let refused = |change: fn(&mut Document)| {
            let mut document = good.document();
            change(&mut document);
            document.check().unwrap_err()
        };
        let changes: [fn(&mut Document); 13] = [
            |document| document.payment.payer = Address([2; 20]),
            |document| document.payment.network = sha256(b"other"),
            |document| document.payment.label = "again".to_owned(),
            |document| document.payment.sha256 = sha256(b"other"),
            |document| document.payment.rows = 249,
            |document| document.payment.rows = usize::MAX,
            |document| document.transactions.clear(),
            |document| document.transactions.swap(0, 1),
            |document| document.transactions[1] = document.transactions[0].clone(),
            |document| document.transactions[0].first_row = 0,
            |document| document.transactions[0].first_row = 2,
            |document| document.transactions[0].id = sha256(b"other"),
            |document| document.transactions[0].transaction.push_str("00"),
        ];
        for change in changes {
            refused(change);
        }
    }

    #[test]
    fn rows_of_another_file_under_this_ones_name_are_refused() {
        let mut swapped = rows(3);
        let payment = payment(&swapped);
        swapped[0].to = Address([8; 20]);
        let parts = parts(&payment, &swapped);
        assert!(
            Bundle::of(payment, parts)
                .unwrap_err()
                .contains("its rows are not")
        );
    }

    #[test]
    fn copies_of_two_payments_are_not_combined() {
        assert!(bundle(2).combine(bundle(3)).is_err());
    }

    #[test]
    fn a_forged_signature_is_not_taken_over() {
        let key = SigningKey::from_seed(&[2; 32]);
        let good = bundle(2).sign(&key);
        let mut other = bundle(3).sign(&key);
        let forged = other.parts[0].1.signatures()[0];
        let intent = good.parts[0].1.intent().clone();
        let intent = quorate_ledger::Intent::V1(intent);
        let payment = good.payment.clone();
        other = Bundle {
            payment,
            parts: vec![(good.parts[0].0, Transaction::new(intent, vec![forged]))],
        };
        assert!(bundle(2).combine(other).is_err());
    }
}
