//! A document's records that have leaves in the state: an account's own one, and the one that claims the document. Those
//! that are kept in the log alone have none; each is proven by its transaction.

use quorate_ledger::{Address, Digest, Prefix, Record, RecordV1, StateKey, StateValue};

use super::{Proven, fresh, leaves_under};
use crate::wallet::{TrustError, TrustedGenesis};
use crate::{Client, ClientError, ProofOf};

/// What is proven of a document's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenRecords {
    /// The record that claims it; none: nobody does.
    pub unique: Option<RecordV1>,
    /// The own record of the account that was asked about; none: it has none, or no account was named.
    pub own: Option<RecordV1>,
}

impl TrustedGenesis {
    /// Checks a proof of who claims a document, and of the own record of `by`.
    ///
    /// # Errors
    /// If it is refused, or of something else.
    pub fn check_records(
        &mut self,
        file: &str,
        sha256: &Digest,
        by: Option<&Address>,
    ) -> Result<Proven<ProvenRecords>, TrustError> {
        let (proven, about) = self.check_state(file)?;
        let leaf = |key: &StateKey| -> Result<Option<RecordV1>, TrustError> {
            let other = || TrustError::OtherAnswer { about: about.clone() };
            let found = leaves_under(&proven.value, &Prefix::of_key(key), &about)?;
            match found.first().map(|leaf| &leaf.value) {
                None => Ok(None),
                Some(StateValue::OwnRecord(record) | StateValue::UniqueRecord(record)) => {
                    let Record::V1(record) = record;
                    // The key is a hash that is cut: another document could lie there.
                    (record.sha256 == *sha256)
                        .then_some(Some(*record))
                        .ok_or_else(other)
                }
                Some(_) => Err(other()),
            }
        };
        let value = ProvenRecords {
            unique: leaf(&StateKey::unique_record(sha256))?,
            own: match by {
                None => None,
                Some(by) => leaf(&StateKey::own_record(by, sha256))?.filter(|record| record.address == *by),
            },
        };
        Ok(proven.with(value))
    }

    /// Who claims a document, and whether `by` has an own record of it, which a node proves.
    ///
    /// # Errors
    /// If the node cannot, or what it serves is false.
    pub async fn records(
        &mut self,
        client: &Client,
        sha256: &Digest,
        by: Option<&Address>,
    ) -> Result<Proven<ProvenRecords>, ClientError> {
        let of = ProofOf::Record {
            sha256: *sha256,
            by: by.copied(),
        };
        let file = client.proof(of).await?;
        let check = |genesis: &mut Self| genesis.check_records(&file, sha256, by);
        fresh(client, self.with_committees(client, check).await?)
    }
}
