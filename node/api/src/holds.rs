//! What releases and refunds are about: they name a hold by the operation that made it, and say no more of it.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use quorate_client::TransactionFilter;
use quorate_client::schema::{HoldName, OperationView, Transaction, TransactionStatus};
use quorate_ledger::{Address, AssetCode, Digest};

use crate::node::{Fault, Snapshot};

/// What the operation that made a hold says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MadeHold {
    /// Whom a release pays.
    pub(crate) beneficiary: Address,
    pub(crate) asset: AssetCode,
}

/// Holds that were looked up: by the transaction that made them and the operation's place there, with their owners.
#[derive(Default)]
pub(crate) struct MadeHolds(BTreeMap<Digest, BTreeMap<u16, (Address, MadeHold)>>);

impl MadeHolds {
    /// Looks a hold up. Each transaction is read once, however many of its holds are named.
    pub(crate) fn find(
        &mut self,
        snapshot: &dyn Snapshot,
        hold: &HoldName,
    ) -> Result<Option<MadeHold>, Fault> {
        if let Entry::Vacant(unknown) = self.0.entry(hold.transaction) {
            let transaction = snapshot.transaction(&hold.transaction)?;
            // What failed has made nothing.
            let made = transaction.filter(|transaction| transaction.status == TransactionStatus::Committed);
            let acts = made.map(|made| made.operations).unwrap_or_default();
            let holds = (0_u16..)
                .zip(acts)
                .filter_map(|(place, act)| match act.operation {
                    OperationView::Hold {
                        beneficiary, asset, ..
                    } => Some((place, (act.by, MadeHold { beneficiary, asset }))),
                    _ => None,
                });
            unknown.insert(holds.collect());
        }
        Ok(self.get(hold))
    }

    /// Whether a filter takes a transaction, by what its releases and refunds are about.
    pub(crate) fn are_taken(
        &mut self,
        snapshot: &dyn Snapshot,
        filter: &TransactionFilter,
        transaction: &Transaction,
    ) -> Result<bool, Fault> {
        filter.takes(transaction, |hold| {
            let made = self.find(snapshot, hold)?;
            Ok(made.map(|made| made.asset))
        })
    }

    /// A hold that was looked up before; none if there never was one of this name.
    pub(crate) fn get(&self, hold: &HoldName) -> Option<MadeHold> {
        let (owner, made) = self.0.get(&hold.transaction)?.get(&hold.operation)?;
        (*owner == hold.owner).then_some(*made)
    }
}
