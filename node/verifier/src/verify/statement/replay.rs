//! Balances, and what steps change of them.

use std::collections::BTreeMap;

use quorate_ledger::limits::MAX_BALANCES;
use quorate_ledger::{
    Amount, AssetCode, BalanceChange, BalanceItem, HistoryOwner, Step, WAYPOINT_INTERVAL, balances_root,
};

use crate::at::At;
use crate::verdict::{Code, Refusal, refuse};

/// What an owner has: free and held, of each asset of which one is above 0. Codes order as their texts do.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Balances(BTreeMap<AssetCode, (Amount, Amount)>);

const NOTHING: (Amount, Amount) = (Amount(0), Amount(0));

impl Balances {
    /// Sets free and held of an asset.
    pub(super) fn set(&mut self, asset: AssetCode, free: Amount, held: Amount) {
        if (free, held) == NOTHING {
            self.0.remove(&asset);
        } else {
            self.0.insert(asset, (free, held));
        }
    }

    /// Sets an asset's supply, which stands as free.
    pub(super) fn set_supply(&mut self, asset: AssetCode, supply: Amount) {
        self.set(asset, supply, Amount(0));
    }

    /// All of them, ascending by code.
    pub(super) fn items(&self) -> Vec<BalanceItem> {
        let items = self.0.iter().map(|(asset, (free, held))| BalanceItem {
            asset: *asset,
            free: *free,
            held: *held,
        });
        items.collect()
    }

    /// Applies a step's changes (number 6): each *before* is what there is.
    pub(super) fn apply(&mut self, owner: &HistoryOwner, step: &Step, at: At<'_>) -> Result<(), Refusal> {
        let at_changes = at.field("changes");
        if !step.changes.is_sorted_by(|a, b| a.asset < b.asset) {
            let reason = "the changes do not ascend strictly by code";
            return refuse(Code::BadReplay, at_changes, reason);
        }
        for (place, change) in step.changes.iter().enumerate() {
            self.change(owner, step.number, change, at_changes.item(place))?;
        }
        // Until the end nothing says that the steps are the history's: without a bound, as many balances as a file has
        // room for would be hashed at each waypoint.
        if self.0.len() > MAX_BALANCES {
            let reason = format!("after step {} no account has so many balances", step.number);
            return refuse(Code::BadReplay, at_changes, reason);
        }
        self.check_root(step, at)
    }

    fn change(
        &mut self,
        owner: &HistoryOwner,
        number: u64,
        change: &BalanceChange,
        at: At<'_>,
    ) -> Result<(), Refusal> {
        let code = change.asset;
        let before = (change.free_before, change.held_before);
        let after = (change.free_after, change.held_after);
        if before == after {
            return refuse(
                Code::BadReplay,
                at,
                format!("a change of {code} that changes nothing"),
            );
        }
        if let HistoryOwner::Asset(own) = owner
            && (code != *own || before.1 > Amount(0) || after.1 > Amount(0))
        {
            return refuse(Code::BadReplay, at, "not a change of the asset's supply");
        }
        let has = self.0.get(&code).copied().unwrap_or(NOTHING);
        if before != has {
            let reason = format!(
                "before step {number} there were {} of {code} free and {} held, it says {} and {}",
                has.0, has.1, before.0, before.1
            );
            return refuse(Code::BadReplay, at, reason);
        }
        self.set(code, after.0, after.1);
        Ok(())
    }

    /// Every waypoint's step has the root over what there is then, and no other step has one.
    fn check_root(&self, step: &Step, at: At<'_>) -> Result<(), Refusal> {
        let number = step.number;
        if number.is_multiple_of(WAYPOINT_INTERVAL) {
            if step.balances != Some(balances_root(&self.items())) {
                return refuse(
                    Code::BadBalances,
                    at,
                    format!("the balances at step {number} are others"),
                );
            }
        } else if step.balances.is_some() {
            return refuse(
                Code::BadBalances,
                at,
                format!("step {number} has a root over balances"),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use quorate_crypto::{Address, Digest};
    use quorate_ledger::Timestamp;

    use super::*;

    /// From `before` to `after` units of an asset.
    fn change(asset: usize, before: u128, after: u128) -> BalanceChange {
        BalanceChange {
            asset: format!("A{asset:04}").parse().unwrap(),
            free_before: Amount(before),
            free_after: Amount(after),
            held_before: Amount(0),
            held_after: Amount(0),
        }
    }

    fn apply(balances: &mut Balances, number: u64, changes: Vec<BalanceChange>) -> Result<(), Code> {
        let step = Step {
            number,
            ordinal: number,
            timestamp: Timestamp(number),
            leaf: Digest::ZERO,
            changes,
            balances: None,
        };
        let owner = HistoryOwner::Account(Address([1; 20]));
        let found = balances.apply(&owner, &step, At::Whole("step"));
        found.map_err(|refusal| refusal.code)
    }

    #[test]
    fn nobody_has_more_balances_than_an_account_can_have() {
        let mut balances = Balances::default();
        let all = (0..256).map(|asset| change(asset, 0, 1)).collect();
        assert_eq!(apply(&mut balances, 1, all), Ok(()));
        let another = vec![change(0, 1, 0), change(256, 0, 1)];
        assert_eq!(apply(&mut balances, 2, another), Ok(()));
        assert_eq!(balances.items().len(), 256);
        let more = vec![change(257, 0, 1)];
        assert_eq!(apply(&mut balances, 3, more), Err(Code::BadReplay));
    }
}
