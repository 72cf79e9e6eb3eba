//! Balances, and what steps change of them.

use std::collections::BTreeMap;

use quorate_ledger::{Amount, AssetCode, BalanceChange, BalanceItem};

/// Free and held of an asset.
type Funds = (Amount, Amount);

const NOTHING: Funds = (Amount(0), Amount(0));

/// What an owner has: free and held, of each asset of which one is above 0. Of an asset, its supply is free.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Balances(BTreeMap<AssetCode, Funds>);

impl Balances {
    pub(crate) fn of(items: &[BalanceItem]) -> Self {
        let mut balances = Self::default();
        for item in items {
            balances.set(item.asset, (item.free, item.held));
        }
        balances
    }

    pub(crate) fn set(&mut self, asset: AssetCode, funds: Funds) {
        if funds == NOTHING {
            self.0.remove(&asset);
        } else {
            self.0.insert(asset, funds);
        }
    }

    pub(crate) fn set_supply(&mut self, asset: AssetCode, supply: Amount) {
        self.set(asset, (supply, Amount(0)));
    }

    /// All of them, ascending by code.
    pub(crate) fn items(&self) -> Vec<BalanceItem> {
        let items = self.0.iter().map(|(asset, (free, held))| BalanceItem {
            asset: *asset,
            free: *free,
            held: *held,
        });
        items.collect()
    }

    /// Applies a step's changes; false if they begin from other balances.
    #[must_use]
    pub(crate) fn apply(&mut self, changes: &[BalanceChange]) -> bool {
        let steps = changes.iter().map(|change| {
            let before = (change.free_before, change.held_before);
            (change.asset, before, (change.free_after, change.held_after))
        });
        self.replace(steps)
    }

    /// Takes a step's changes back; false if they end at other balances.
    #[must_use]
    pub(crate) fn take_back(&mut self, changes: &[BalanceChange]) -> bool {
        let steps = changes.iter().map(|change| {
            let after = (change.free_after, change.held_after);
            (change.asset, after, (change.free_before, change.held_before))
        });
        self.replace(steps)
    }

    fn replace(&mut self, steps: impl Iterator<Item = (AssetCode, Funds, Funds)>) -> bool {
        for (asset, expected, now) in steps {
            if self.0.get(&asset).copied().unwrap_or(NOTHING) != expected {
                return false;
            }
            self.set(asset, now);
        }
        true
    }
}
