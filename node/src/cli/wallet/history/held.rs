//! What the account held, reckoned backwards from what it holds now. What its own holds hold counts as its own until it
//! is released.

use std::collections::BTreeMap;

use quorate_client::schema::Account;
use quorate_ledger::{Amount, AssetCode};
use quorate_tools::failure::Failure;

use super::disagreeing;
use super::entries::{Direction, Entry};

/// How many smallest units of each asset.
pub(super) type Holdings = BTreeMap<AssetCode, u128>;

/// What the account held, going back in time.
pub(super) struct Held {
    /// None once the history has a gap.
    pub(super) holdings: Option<Holdings>,
    /// The number of the newest transaction that is not reckoned with yet.
    number: u64,
}

impl Held {
    pub(super) fn of(account: &Account) -> Self {
        let holdings = account.balances.iter();
        Self {
            holdings: Some(
                holdings
                    .map(|balance| {
                        let whole = balance.amount.0.saturating_add(balance.held.0);
                        (balance.asset, whole)
                    })
                    .collect(),
            ),
            number: account.transactions,
        }
    }

    /// What was held after the transaction of this number, if it is the next one.
    pub(super) fn before(&self, number: u64) -> Option<Holdings> {
        self.holdings.clone().filter(|_| self.number == number)
    }

    /// What was held before cannot be told.
    pub(super) fn lose(&mut self) {
        self.holdings = None;
    }

    /// Takes back what a transaction did, last things first, and notes what was held after each.
    pub(super) fn go_back(&mut self, number: u64, entries: &mut [Entry]) -> Result<(), Failure> {
        if number != self.number {
            self.holdings = None;
        }
        self.number = number.saturating_sub(1);
        let Some(holdings) = &mut self.holdings else {
            return Ok(());
        };
        for entry in entries.iter_mut().rev() {
            let Some(code) = entry.asset else {
                continue;
            };
            let held = holdings.entry(code).or_default();
            entry.held = Some(Amount(*held));
            let earlier = match entry.direction {
                Direction::In => held.checked_sub(entry.units.0),
                Direction::Out => held.checked_add(entry.units.0),
                Direction::Itself | Direction::None => Some(*held),
            };
            *held = earlier.ok_or_else(|| disagreeing("the history does not lead to the balance"))?;
        }
        Ok(())
    }
}
