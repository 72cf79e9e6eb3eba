//! What a page has to look up before it can tell operations in words and figures: the decimals of their assets, and
//! the holds that releases and refunds are about.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use maud::{Markup, html};
use quorate_client::schema::{ActView, HoldName, OperationView, Transaction};
use quorate_ledger::{Amount, AssetCode};

use super::parts;
use crate::holds::{MadeHold, MadeHolds};
use crate::node::{Fault, Snapshot};

/// Of the assets and holds that a page speaks of.
#[derive(Default)]
pub(super) struct Known {
    decimals: BTreeMap<AssetCode, Option<u8>>,
    holds: MadeHolds,
}

/// An amount that an operation moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moved {
    /// The asset; none if it is that of a hold which is not known.
    pub(super) asset: Option<AssetCode>,
    /// In its smallest units; none if it is all that is left of a hold, and not paid.
    pub(super) amount: Option<Amount>,
}

impl Known {
    /// Looks up what these operations name.
    pub(super) fn of<'a>(
        snapshot: &dyn Snapshot,
        acts: impl IntoIterator<Item = &'a ActView>,
    ) -> Result<Self, Fault> {
        let mut known = Self::default();
        for act in acts {
            known.learn(snapshot, act)?;
        }
        Ok(known)
    }

    /// Looks up what one transaction names. An asset that it makes itself is on no chain while it is pending, or if it
    /// failed: how many decimals that is to have stands in the transaction.
    pub(super) fn of_one(snapshot: &dyn Snapshot, transaction: &Transaction) -> Result<Self, Fault> {
        let mut known = Self::of(snapshot, &transaction.operations)?;
        for act in &transaction.operations {
            if let OperationView::CreateAsset { code, decimals, .. } = &act.operation {
                let on_chain = known.decimals.entry(*code).or_default();
                on_chain.get_or_insert(*decimals);
            }
        }
        Ok(known)
    }

    /// Looks up assets alone.
    pub(super) fn assets(
        snapshot: &dyn Snapshot,
        codes: impl IntoIterator<Item = AssetCode>,
    ) -> Result<Self, Fault> {
        let mut known = Self::default();
        for code in codes {
            known.learn_asset(snapshot, code)?;
        }
        Ok(known)
    }

    /// Looks up what an operation names.
    pub(super) fn learn(&mut self, snapshot: &dyn Snapshot, act: &ActView) -> Result<(), Fault> {
        let asset = match &act.operation {
            // Its own decimals stand in it.
            OperationView::CreateAsset { .. } => None,
            OperationView::Release { hold, .. } | OperationView::Refund { hold } => {
                self.holds.find(snapshot, hold)?.map(|made| made.asset)
            }
            other => other.asset(),
        };
        match asset {
            Some(code) => self.learn_asset(snapshot, code),
            None => Ok(()),
        }
    }

    /// Looks up an asset.
    pub(super) fn learn_asset(&mut self, snapshot: &dyn Snapshot, code: AssetCode) -> Result<(), Fault> {
        if let Entry::Vacant(unknown) = self.decimals.entry(code) {
            let asset = snapshot.asset(unknown.key())?;
            unknown.insert(asset.map(|asset| asset.decimals));
        }
        Ok(())
    }

    pub(super) fn decimals(&self, code: &AssetCode) -> Option<u8> {
        self.decimals.get(code).copied().flatten()
    }

    pub(super) fn hold(&self, hold: &HoldName) -> Option<MadeHold> {
        self.holds.get(hold)
    }

    /// An amount of an asset, in words.
    pub(super) fn amount(&self, amount: Amount, code: &AssetCode) -> Markup {
        html! { span .money { (parts::amount(amount, self.decimals(code))) " " (parts::asset(code)) } }
    }

    /// What the operation at a place of a transaction moves, if it moves anything: what a release or refund paid, or
    /// was meant to.
    pub(super) fn moved(&self, transaction: &Transaction, place: usize) -> Option<Moved> {
        let act = transaction.operations.get(place)?;
        let of = |asset: &AssetCode, amount: &Amount| Moved {
            asset: Some(*asset),
            amount: Some(*amount),
        };
        let of_hold = |hold: &HoldName, asked: Option<&str>| {
            let paid = result(transaction, place).or(asked);
            Moved {
                asset: self.hold(hold).map(|made| made.asset),
                amount: paid.and_then(|paid| paid.parse().ok()).map(Amount),
            }
        };
        match &act.operation {
            OperationView::Mint { asset, amount, .. }
            | OperationView::Burn { asset, amount }
            | OperationView::Transfer { asset, amount, .. }
            | OperationView::Hold { asset, amount, .. } => Some(of(asset, amount)),
            OperationView::Release { hold, amount, .. } => Some(of_hold(hold, amount.as_deref())),
            OperationView::Refund { hold } => Some(of_hold(hold, None)),
            _ => None,
        }
    }

    /// The same in words.
    pub(super) fn paid(&self, transaction: &Transaction, place: usize) -> Markup {
        match self.moved(transaction, place) {
            Some(Moved {
                asset: Some(asset),
                amount: Some(amount),
            }) => self.amount(amount, &asset),
            Some(Moved {
                asset: None,
                amount: Some(amount),
            }) => html! { span .money { (parts::amount(amount, None)) " what it holds" } },
            _ => html! { "all that is left" },
        }
    }
}

/// What a release or refund at a place paid, in smallest units: results stand in the order of these alone.
fn result(transaction: &Transaction, place: usize) -> Option<&str> {
    let pays = |act: &&ActView| {
        matches!(
            act.operation,
            OperationView::Release { .. } | OperationView::Refund { .. }
        )
    };
    let before = transaction.operations.get(..place)?.iter().filter(pays).count();
    transaction.paid.get(before).map(String::as_str)
}
