//! Reading ahead: what a batch's transactions will look at is looked up all at once before the first of
//! them, as a store finds many values in less time than one by one.

use quorate_crypto::Address;

use super::INLINE_ASSETS;
use super::working_state::WorkingState;
use crate::state::decode_value;
use crate::{Account, AssetCode, CheckedBatch, Hold, Operation, StateError, StateKey, StateReader};

/// What the transactions of a batch will look at, as far as they tell themselves. Any of it may come twice.
#[derive(Default)]
pub(super) struct Ahead {
    accounts: Vec<Address>,
    balances: Vec<(Address, AssetCode)>,
    holds: Vec<StateKey>,
}

impl Ahead {
    pub(super) fn of(batch: &CheckedBatch) -> Self {
        let mut ahead = Self::default();
        for item in batch.transactions() {
            let intent = item.transaction.intent();
            ahead.accounts.extend(intent.parties.iter().copied());
            for act in &intent.operations {
                if let Some(acting) = intent.parties.get(usize::from(act.party)) {
                    ahead.note_operation(acting, &act.operation);
                }
            }
        }
        ahead
    }

    fn note_operation(&mut self, acting: &Address, operation: &Operation) {
        match operation {
            Operation::Mint { to, asset, .. } => self.note_balance(to, asset),
            // Who acts is a party, so its account is noted.
            Operation::Burn { asset, .. } => self.balances.push((*acting, *asset)),
            Operation::Transfer { to, asset, .. }
            | Operation::Hold {
                beneficiary: to,
                asset,
                ..
            } => {
                self.balances.push((*acting, *asset));
                self.note_balance(to, asset);
            }
            Operation::Release { hold, .. } | Operation::Refund { hold } => {
                let key = StateKey::hold(&hold.owner, &hold.transaction, hold.operation);
                self.holds.push(key);
            }
            _ => {}
        }
    }

    fn note_balance(&mut self, address: &Address, asset: &AssetCode) {
        self.accounts.push(*address);
        self.balances.push((*address, *asset));
    }
}

impl<R: StateReader> WorkingState<'_, R> {
    /// Looks up what transactions will look at, so that it is here when they come to it.
    pub(super) fn read_ahead(&mut self, ahead: Ahead) -> Result<(), StateError<R::Error>> {
        let Ahead {
            mut accounts,
            mut balances,
            mut holds,
        } = ahead;
        holds.sort_unstable();
        holds.dedup();
        self.holds.read_ahead(self.reader, &holds)?;
        for key in &holds {
            if let Some(Hold::V1(hold)) = self.holds.known(key) {
                for address in [hold.owner, hold.beneficiary] {
                    accounts.push(address);
                    balances.push((address, hold.asset));
                }
            }
        }
        self.read_accounts(accounts)?;
        self.read_balances(&balances)
    }

    fn read_accounts(&mut self, mut addresses: Vec<Address>) -> Result<(), StateError<R::Error>> {
        addresses.retain(|address| !self.places.contains_key(address));
        addresses.sort_unstable();
        addresses.dedup();
        let keys: Vec<StateKey> = addresses.iter().map(StateKey::account).collect();
        let values = self.reader.values_of(&keys).map_err(StateError::Read)?;
        for ((address, key), value) in addresses.iter().zip(&keys).zip(values) {
            let stored = match value {
                Some(value) => Some(decode_value::<Account, R::Error>(key, &value)?),
                None => None,
            };
            self.put_account(address, stored);
        }
        Ok(())
    }

    /// Looks up balances that lie under keys of their own, of accounts that are at hand.
    fn read_balances(&mut self, balances: &[(Address, AssetCode)]) -> Result<(), StateError<R::Error>> {
        let mut wanted = Vec::new();
        for (address, code) in balances {
            let Some(place) = self.places.get(address).copied() else {
                continue;
            };
            let none = self.accounts[place.0].account.others == 0;
            if none || self.balances.contains_key(&(place, *code)) {
                continue;
            }
            let asset = self.asset(code)?;
            if asset.is_some_and(|asset| asset.number >= INLINE_ASSETS) {
                wanted.push((StateKey::balance(address, code), place, *code));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        wanted.sort_unstable_by_key(|(key, ..)| *key);
        wanted.dedup_by_key(|(key, ..)| *key);
        let keys: Vec<StateKey> = wanted.iter().map(|(key, ..)| *key).collect();
        let values = self.reader.values_of(&keys).map_err(StateError::Read)?;
        for ((key, place, code), value) in wanted.into_iter().zip(values) {
            self.load_balance(&key, (place, code), value.as_deref())?;
        }
        Ok(())
    }
}
