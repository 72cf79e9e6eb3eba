//! The books of all accounts, kept from genesis on by what was executed (formats, sections 10, 11 and 13): whoever checks
//! tables makes all balances again, without a state and without executing.
//!
//! Nothing is judged here: that an operation took effect is known from its certified outcome, and what it then does
//! depends on amounts alone.

use std::collections::{BTreeMap, HashMap};

use quorate_genesis::Genesis;
use quorate_ledger::{Act, Address, Amount, AssetCode, BalanceChange, IntentV1, Operation};

use crate::holds::{Contradiction, HoldEvent, HoldKind};

/// What every account has. The maps are only looked up in, so their order reaches nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    /// Nobody who has nothing is in it.
    funds: HashMap<(Address, AssetCode), Funds>,
    /// Steps of accounts' histories so far.
    entries: HashMap<Address, u64>,
}

/// What an account has of an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Funds {
    free: u128,
    held: u128,
    /// Open holds that it is the beneficiary of: no balance, but what makes its leaf another.
    incoming: u32,
}

/// A balance that a transaction changed, in a step of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChangedBalance {
    pub(crate) account: Address,
    /// The step's number.
    pub(crate) entry: u64,
    pub(crate) change: BalanceChange,
}

/// What the accounts that a transaction touched had before it.
type Before = BTreeMap<(Address, AssetCode), Funds>;

impl Books {
    /// The books at genesis.
    pub(crate) fn of_genesis(genesis: &Genesis) -> Self {
        let mut books = Self::default();
        for (address, code, amount) in first_balances(genesis) {
            let funds = Funds {
                free: amount.0,
                ..Funds::default()
            };
            books.funds.insert((address, code), funds);
        }
        books
    }

    /// Books an executed transaction, given what it did to holds. Gives the balances that it changed, as histories
    /// have them.
    pub(crate) fn book(
        &mut self,
        intent: &IntentV1,
        succeeded: bool,
        events: &[HoldEvent],
    ) -> Result<Vec<ChangedBalance>, Contradiction> {
        let mut before = Before::new();
        let mut growing = intent.parties.clone();
        if succeeded {
            // In their order: what one operation brings in, the next one may spend.
            let mut settled = events.iter().peekable();
            for (operation, act) in (0_u8..=u8::MAX).zip(&intent.operations) {
                self.apply(intent, act, &mut before)?;
                while let Some(event) = settled.next_if(|event| event.operation == operation) {
                    self.settle(event, &mut before)?;
                }
            }
            growing.extend(self.others(intent, events, &before));
        }
        let mut changed = Vec::new();
        for account in growing {
            let entry = self.entries.entry(account).or_default();
            *entry = entry.checked_add(1).ok_or(Contradiction)?;
            let entry = *entry;
            let own = before.iter().filter(|((address, _), _)| *address == account);
            for ((_, asset), before) in own {
                let after = self.funds_of(account, *asset);
                if (before.free, before.held) == (after.free, after.held) {
                    continue;
                }
                let change = BalanceChange {
                    asset: *asset,
                    free_before: Amount(before.free),
                    free_after: Amount(after.free),
                    held_before: Amount(before.held),
                    held_after: Amount(after.held),
                };
                changed.push(ChangedBalance {
                    account,
                    entry,
                    change,
                });
            }
        }
        Ok(changed)
    }

    /// The accounts beside the parties whose histories grow, ascending: those with a changed leaf, and beneficiaries of
    /// new holds.
    fn others(&self, intent: &IntentV1, events: &[HoldEvent], before: &Before) -> Vec<Address> {
        let changed = before
            .iter()
            .filter(|((account, asset), before)| self.funds_of(*account, *asset) != **before)
            .map(|((account, _), _)| *account);
        let made = events.iter().filter(|event| event.kind == HoldKind::Held);
        let beneficiaries = made.map(|event| event.hold.beneficiary);
        let mut others: Vec<Address> = changed
            .chain(beneficiaries)
            .filter(|account| !intent.parties.contains(account))
            .collect();
        others.sort_unstable();
        others.dedup();
        others
    }

    /// Moves what an operation moves that is none of holds'.
    fn apply(&mut self, intent: &IntentV1, act: &Act, before: &mut Before) -> Result<(), Contradiction> {
        let acting = || intent.acting(act).ok_or(Contradiction);
        match &act.operation {
            Operation::Mint { to, asset, amount } => {
                self.change(*to, *asset, before, |funds| funds.free_plus(*amount))
            }
            Operation::Burn { asset, amount } => {
                self.change(acting()?, *asset, before, |funds| funds.free_less(*amount))
            }
            Operation::Transfer { to, asset, amount } => {
                self.change(acting()?, *asset, before, |funds| funds.free_less(*amount))?;
                self.change(*to, *asset, before, |funds| funds.free_plus(*amount))
            }
            _ => Ok(()),
        }
    }

    /// Moves what a hold moves.
    fn settle(&mut self, event: &HoldEvent, before: &mut Before) -> Result<(), Contradiction> {
        let (hold, moved) = (&event.hold, event.moved);
        let (owner, beneficiary, asset) = (hold.owner, hold.beneficiary, hold.asset);
        match event.kind {
            HoldKind::Held => {
                self.change(owner, asset, before, |funds| {
                    funds.free_less(moved)?.held_plus(moved)
                })?;
                return self.change(beneficiary, asset, before, Funds::expecting);
            }
            HoldKind::Released => {
                self.change(owner, asset, before, |funds| funds.held_less(moved))?;
                self.change(beneficiary, asset, before, |funds| funds.free_plus(moved))?;
            }
            HoldKind::Refunded => {
                self.change(owner, asset, before, |funds| {
                    funds.held_less(moved)?.free_plus(moved)
                })?;
            }
        }
        if hold.amount == Amount(0) {
            self.change(beneficiary, asset, before, Funds::not_expecting)?;
        }
        Ok(())
    }

    fn change(
        &mut self,
        account: Address,
        asset: AssetCode,
        before: &mut Before,
        change: impl FnOnce(Funds) -> Option<Funds>,
    ) -> Result<(), Contradiction> {
        let funds = self.funds_of(account, asset);
        before.entry((account, asset)).or_insert(funds);
        let funds = change(funds).ok_or(Contradiction)?;
        if funds == Funds::default() {
            self.funds.remove(&(account, asset));
        } else {
            self.funds.insert((account, asset), funds);
        }
        Ok(())
    }

    fn funds_of(&self, account: Address, asset: AssetCode) -> Funds {
        let funds = self.funds.get(&(account, asset));
        funds.copied().unwrap_or_default()
    }
}

impl Funds {
    fn free_plus(self, amount: Amount) -> Option<Self> {
        let free = self.free.checked_add(amount.0)?;
        Some(Self { free, ..self })
    }

    fn free_less(self, amount: Amount) -> Option<Self> {
        let free = self.free.checked_sub(amount.0)?;
        Some(Self { free, ..self })
    }

    fn held_plus(self, amount: Amount) -> Option<Self> {
        let held = self.held.checked_add(amount.0)?;
        Some(Self { held, ..self })
    }

    fn held_less(self, amount: Amount) -> Option<Self> {
        let held = self.held.checked_sub(amount.0)?;
        Some(Self { held, ..self })
    }

    fn expecting(self) -> Option<Self> {
        let incoming = self.incoming.checked_add(1)?;
        Some(Self { incoming, ..self })
    }

    fn not_expecting(self) -> Option<Self> {
        let incoming = self.incoming.checked_sub(1)?;
        Some(Self { incoming, ..self })
    }
}

/// What genesis gives, ascending by account, then code.
pub(crate) fn first_balances(genesis: &Genesis) -> Vec<(Address, AssetCode, Amount)> {
    let assets = genesis.draft().v1().assets.iter();
    let balances = assets.flat_map(|asset| {
        let own = asset.balances.iter();
        own.map(|balance| (balance.address, asset.code, balance.amount))
    });
    let mut balances: Vec<_> = balances.collect();
    balances.sort_unstable_by_key(|(address, code, _)| (*address, *code));
    balances
}
