//! The state as one block sees it: what was read, decoded once; what was changed, encoded once at the
//! end; and how to take back what the transaction under way changed.
//!
//! The hash maps here are only looked up in. What leaves them is sorted, so their order reaches nothing.

use std::collections::{BTreeMap, HashMap};

use quorate_crypto::{Address, Digest, Domain, Epoch, Height, PublicKey, merkle};

use super::HistoryEntry;
use crate::limits::MAX_INLINE_BALANCES;
use crate::{
    Account, AccountV1, Amount, Asset, AssetBalance, AssetCode, AssetV1, Balance, BalanceV1, KeySignature,
    Outcome, Receipt, ReceiptV1, Seat, SeatV1, Signers, StateError, StateKey, StateReader, Timestamp, encode,
    read_value, state::decode_value,
};

/// A place in [`WorkingState::accounts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct AccountIndex(usize);

/// The state as the block under way sees it.
pub(super) struct WorkingState<'a, R> {
    reader: &'a R,
    /// Where and when the block is.
    epoch: Epoch,
    timestamp: Timestamp,
    places: HashMap<Address, AccountIndex>,
    accounts: Vec<AccountCell>,
    /// Balances that lie under keys of their own.
    balances: HashMap<(AccountIndex, AssetCode), BalanceCell>,
    assets: HashMap<AssetCode, AssetCell>,
    seats: BTreeMap<PublicKey, SeatCell>,
    /// Whether an account held an asset before the block, where that changed at least once.
    held: BTreeMap<(AssetCode, Address), bool>,
    /// How to take back what the transaction under way changed, last change last.
    undo: Vec<Undo>,
    /// Accounts that the transaction under way touched, its sender first.
    touched: Vec<AccountIndex>,
}

struct AccountCell {
    address: Address,
    account: AccountV1,
    /// Whether its history grew in this block: whatever else changed, that did.
    grown: bool,
}

#[derive(Clone, Copy)]
struct BalanceCell {
    before: Amount,
    now: Amount,
}

struct AssetCell {
    supply_before: Option<Amount>,
    now: Option<AssetV1>,
}

struct SeatCell {
    before: Option<SeatV1>,
    now: Option<SeatV1>,
}

enum Undo {
    Inline(AccountIndex, AssetCode, Amount),
    Other(AccountIndex, AssetCode, Amount),
    Supply(AssetCode, Amount),
    Created(AssetCode),
    Signers(AccountIndex, Option<Signers>),
    Seat(PublicKey, Option<SeatV1>),
}

/// What one executed transaction adds to histories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryStep {
    /// The transaction's id.
    pub id: Digest,
    /// The block that executed it.
    pub height: Height,
    /// Its place among the block's executed transactions, from 0.
    pub index: u32,
    /// The leaf hash of its receipt.
    pub receipt: Digest,
}

impl HistoryStep {
    /// What a transaction adds that was executed at this place with this outcome.
    pub fn new(id: Digest, height: Height, index: u32, outcome: Outcome) -> Self {
        let receipt = Receipt::V1(ReceiptV1 {
            transaction: id,
            outcome,
        });
        Self {
            id,
            height,
            index,
            receipt: merkle::leaf_hash(&encode(&receipt)),
        }
    }

    /// An account's running hash with this as entry `number`, from 1, after `before`, which is zero for the
    /// first (`docs/formats.md`, section 8).
    pub fn hash_after(&self, before: &Digest, number: u64) -> Digest {
        let mut content = [0; 116];
        content[..32].copy_from_slice(&before.0);
        content[32..40].copy_from_slice(&number.to_le_bytes());
        content[40..72].copy_from_slice(&self.id.0);
        content[72..80].copy_from_slice(&self.height.0.to_le_bytes());
        content[80..84].copy_from_slice(&self.index.to_le_bytes());
        content[84..].copy_from_slice(&self.receipt.0);
        Domain::HISTORY.hash(&content)
    }
}

/// What a block changed in all.
pub(super) struct Finished {
    pub(super) changes: BTreeMap<StateKey, Option<Vec<u8>>>,
    pub(super) created: Vec<AssetCode>,
    pub(super) holders: Vec<(AssetCode, Address, bool)>,
    /// Whether something was changed that takes a new epoch to come into force.
    pub(super) ends_epoch: bool,
}

impl<'a, R: StateReader> WorkingState<'a, R> {
    /// The state as a block of this epoch and time finds it.
    pub(super) fn new(reader: &'a R, epoch: Epoch, timestamp: Timestamp) -> Self {
        Self {
            reader,
            epoch,
            timestamp,
            places: HashMap::new(),
            accounts: Vec::new(),
            balances: HashMap::new(),
            assets: HashMap::new(),
            seats: BTreeMap::new(),
            held: BTreeMap::new(),
            undo: Vec::new(),
            touched: Vec::new(),
        }
    }

    /// The account with this address; a fresh one if nothing touched it yet.
    pub(super) fn account(&mut self, address: &Address) -> Result<AccountIndex, StateError<R::Error>> {
        if let Some(place) = self.places.get(address) {
            return Ok(*place);
        }
        let stored: Option<Account> = read_value(self.reader, &StateKey::account(address))?;
        Ok(self.put_account(address, stored))
    }

    /// Looks up these accounts all at once, which takes less time than one by one, so that they are here
    /// when transactions come to them. Any order will do, and any of them may come twice.
    pub(super) fn read_ahead(&mut self, mut addresses: Vec<Address>) -> Result<(), StateError<R::Error>> {
        addresses.retain(|address| !self.places.contains_key(address));
        addresses.sort_unstable();
        addresses.dedup();
        let keys: Vec<StateKey> = addresses.iter().map(StateKey::account).collect();
        let values = self.reader.values_of(&keys).map_err(StateError::Read)?;
        for ((address, key), value) in addresses.iter().zip(&keys).zip(values) {
            let stored = value.map(|value| decode_value(key, &value)).transpose()?;
            self.put_account(address, stored);
        }
        Ok(())
    }

    fn put_account(&mut self, address: &Address, stored: Option<Account>) -> AccountIndex {
        let account = stored.map_or_else(AccountV1::default, |Account::V1(account)| account);
        let place = AccountIndex(self.accounts.len());
        self.accounts.push(AccountCell {
            address: *address,
            account,
            grown: false,
        });
        self.places.insert(*address, place);
        place
    }

    /// Whether the weights of these signatures' keys reach the account's threshold.
    pub(super) fn is_authorised(&self, place: AccountIndex, signatures: &[KeySignature]) -> bool {
        let AccountCell { address, account, .. } = &self.accounts[place.0];
        let Some(signers) = &account.signers else {
            return signatures
                .iter()
                .any(|signature| signature.key.address() == *address);
        };
        let signed = |key| {
            signatures
                .binary_search_by_key(key, |signature| signature.key)
                .is_ok()
        };
        let counting = signers.signers.iter().filter(|signer| signed(&signer.key));
        let weight: u64 = counting.map(|signer| u64::from(signer.weight)).sum();
        weight >= u64::from(signers.threshold)
    }

    /// The first of these signatures' keys that is none of the account's.
    pub(super) fn needless_key(&self, place: AccountIndex, signatures: &[KeySignature]) -> Option<PublicKey> {
        let AccountCell { address, account, .. } = &self.accounts[place.0];
        let is_own = |key: &PublicKey| match &account.signers {
            Some(signers) => signers.signers.iter().any(|signer| signer.key == *key),
            None => key.address() == *address,
        };
        let mut keys = signatures.iter().map(|signature| signature.key);
        keys.find(|key| !is_own(key))
    }

    /// Begins a transaction of this sender.
    pub(super) fn begin(&mut self, sender: AccountIndex) {
        self.undo.clear();
        self.touched.clear();
        self.touched.push(sender);
    }

    /// Notes that the transaction under way touched an account other than its sender's.
    pub(super) fn touch(&mut self, place: AccountIndex) {
        if !self.touched.contains(&place) {
            self.touched.push(place);
        }
    }

    /// Takes back all that the transaction under way changed.
    pub(super) fn take_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Inline(place, asset, amount) => self.put_inline(place, asset, amount),
                Undo::Other(place, asset, amount) => self.put_other(place, asset, amount),
                Undo::Supply(code, supply) => self.put_supply(&code, supply),
                Undo::Created(code) => {
                    self.assets.remove(&code);
                }
                Undo::Signers(place, signers) => self.accounts[place.0].account.signers = signers,
                Undo::Seat(validator, seat) => self.put_seat(&validator, seat),
            }
        }
        self.touched.truncate(1);
    }

    /// Adds the transaction under way to the histories of the accounts that it touched: its sender's,
    /// then the others' in ascending order of address.
    pub(super) fn grow_histories(&mut self, step: &HistoryStep, entries: &mut Vec<HistoryEntry>) {
        let Self {
            touched, accounts, ..
        } = self;
        touched[1..].sort_unstable_by_key(|place| accounts[place.0].address);
        for place in touched {
            entries.push(accounts[place.0].grow_history(step));
        }
    }

    /// How much of an asset an account holds.
    pub(super) fn balance(
        &mut self,
        place: AccountIndex,
        asset: &AssetCode,
    ) -> Result<Amount, StateError<R::Error>> {
        let account = &self.accounts[place.0].account;
        match account.balances.iter().find(|balance| balance.asset == *asset) {
            Some(balance) => Ok(balance.amount),
            None => self.other_balance(place, asset),
        }
    }

    /// How many different assets an account holds.
    pub(super) fn holdings(&self, place: AccountIndex) -> usize {
        self.accounts[place.0].account.holdings()
    }

    /// Sets a balance. It stays where it is, if it is anywhere; a new one goes into the account's leaf
    /// while there is room, else under a key of its own.
    pub(super) fn set_balance(
        &mut self,
        place: AccountIndex,
        asset: AssetCode,
        amount: Amount,
    ) -> Result<(), StateError<R::Error>> {
        let balances = &self.accounts[place.0].account.balances;
        let inline = balances.iter().find(|balance| balance.asset == asset);
        let inline = inline.map(|balance| balance.amount);
        let room = balances.len() < MAX_INLINE_BALANCES;
        let other = match inline {
            Some(_) => Amount(0),
            None => self.other_balance(place, &asset)?,
        };
        let before = inline.unwrap_or(other);
        if before == amount {
            return Ok(());
        }
        if (before == Amount(0)) != (amount == Amount(0)) {
            let holder = (asset, self.accounts[place.0].address);
            self.held.entry(holder).or_insert(before != Amount(0));
        }
        if inline.is_some() || (other == Amount(0) && room) {
            self.undo.push(Undo::Inline(place, asset, before));
            self.put_inline(place, asset, amount);
        } else {
            self.undo.push(Undo::Other(place, asset, before));
            self.put_other(place, asset, amount);
        }
        Ok(())
    }

    /// The asset with this code.
    pub(super) fn asset(&mut self, code: &AssetCode) -> Result<Option<&AssetV1>, StateError<R::Error>> {
        if !self.assets.contains_key(code) {
            let stored: Option<Asset> = read_value(self.reader, &StateKey::asset(code))?;
            let now = stored.map(|Asset::V1(asset)| asset);
            let supply_before = now.as_ref().map(|asset| asset.supply);
            self.assets.insert(*code, AssetCell { supply_before, now });
        }
        Ok(self.assets.get(code).and_then(|cell| cell.now.as_ref()))
    }

    /// Makes a new asset; none with its code may exist.
    pub(super) fn create_asset(&mut self, asset: AssetV1) {
        let code = asset.code;
        let cell = AssetCell {
            supply_before: None,
            now: Some(asset),
        };
        self.assets.insert(code, cell);
        self.undo.push(Undo::Created(code));
    }

    /// Sets the supply of an asset that was looked up before.
    pub(super) fn set_supply(&mut self, code: &AssetCode, before: Amount, supply: Amount) {
        self.undo.push(Undo::Supply(*code, before));
        self.put_supply(code, supply);
    }

    /// Replaces the signers of an account.
    pub(super) fn set_signers(&mut self, place: AccountIndex, signers: Signers) {
        let before = self.accounts[place.0].account.signers.replace(signers);
        self.undo.push(Undo::Signers(place, before));
    }

    /// The block's epoch and time.
    pub(super) fn moment(&self) -> (Epoch, Timestamp) {
        (self.epoch, self.timestamp)
    }

    /// A validator's seat.
    pub(super) fn seat(&mut self, validator: &PublicKey) -> Result<Option<SeatV1>, StateError<R::Error>> {
        if let Some(cell) = self.seats.get(validator) {
            return Ok(cell.now);
        }
        let stored: Option<Seat> = read_value(self.reader, &StateKey::seat(validator))?;
        let now = stored.map(|seat| *seat.v1());
        self.seats.insert(*validator, SeatCell { before: now, now });
        Ok(now)
    }

    /// Replaces a seat that was looked up before.
    pub(super) fn set_seat(&mut self, validator: &PublicKey, seat: SeatV1) {
        let before = self.seats.get(validator).and_then(|cell| cell.now);
        self.undo.push(Undo::Seat(*validator, before));
        self.put_seat(validator, Some(seat));
    }

    fn put_seat(&mut self, validator: &PublicKey, seat: Option<SeatV1>) {
        let cell = self
            .seats
            .get_mut(validator)
            .expect("the seat was looked up before");
        cell.now = seat;
    }

    /// The address of an account.
    pub(super) fn address(&self, place: AccountIndex) -> Address {
        self.accounts[place.0].address
    }

    /// Encodes what the block changed.
    pub(super) fn finish(&mut self) -> Finished {
        let mut changes = Vec::with_capacity(self.accounts.len());
        let mut holders = Vec::new();
        for (&(asset, address), before) in &self.held {
            let account = &self.accounts[self.places[&address].0].account;
            let inline = account.balances.iter().any(|balance| balance.asset == asset);
            let other = self.balances.get(&(self.places[&address], asset));
            let now = inline || other.is_some_and(|cell| cell.now != Amount(0));
            if now != *before {
                holders.push((asset, address, now));
            }
        }
        for (&(place, asset), cell) in &self.balances {
            if cell.now != cell.before {
                let key = StateKey::balance(&self.accounts[place.0].address, &asset);
                let kept = cell.now != Amount(0);
                let value = kept.then(|| encode(&Balance::V1(BalanceV1 { amount: cell.now })));
                changes.push((key, value));
            }
        }
        let mut created = Vec::new();
        for (code, cell) in std::mem::take(&mut self.assets) {
            if let Some(asset) = cell.now
                && cell.supply_before != Some(asset.supply)
            {
                if cell.supply_before.is_none() {
                    created.push(code);
                }
                changes.push((StateKey::asset(&code), Some(encode(&Asset::V1(asset)))));
            }
        }
        created.sort_unstable();
        for cell in std::mem::take(&mut self.accounts) {
            if cell.grown {
                let value = encode(&Account::V1(cell.account));
                changes.push((StateKey::account(&cell.address), Some(value)));
            }
        }
        let mut ends_epoch = false;
        for (validator, cell) in std::mem::take(&mut self.seats) {
            if cell.now != cell.before {
                let value = cell.now.map(|seat| encode(&Seat::V1(seat)));
                changes.push((StateKey::seat(&validator), value));
                ends_epoch = true;
            }
        }
        Finished {
            changes: changes.into_iter().collect(),
            created,
            holders,
            ends_epoch,
        }
    }

    fn other_balance(
        &mut self,
        place: AccountIndex,
        asset: &AssetCode,
    ) -> Result<Amount, StateError<R::Error>> {
        if let Some(cell) = self.balances.get(&(place, *asset)) {
            return Ok(cell.now);
        }
        let AccountCell { address, account, .. } = &self.accounts[place.0];
        if account.other_balances == 0 {
            return Ok(Amount(0));
        }
        let stored: Option<Balance> = read_value(self.reader, &StateKey::balance(address, asset))?;
        let amount = stored.map_or(Amount(0), |balance| balance.amount());
        let cell = BalanceCell {
            before: amount,
            now: amount,
        };
        self.balances.insert((place, *asset), cell);
        Ok(amount)
    }

    fn put_inline(&mut self, place: AccountIndex, asset: AssetCode, amount: Amount) {
        let balances = &mut self.accounts[place.0].account.balances;
        let found = balances.binary_search_by_key(&asset, |balance| balance.asset);
        match found {
            Ok(at) if amount == Amount(0) => {
                balances.remove(at);
            }
            Ok(at) => balances[at].amount = amount,
            Err(at) => balances.insert(at, AssetBalance { asset, amount }),
        }
    }

    fn put_other(&mut self, place: AccountIndex, asset: AssetCode, amount: Amount) {
        let cell = self.balances.entry((place, asset)).or_insert(BalanceCell {
            before: Amount(0),
            now: Amount(0),
        });
        let count = &mut self.accounts[place.0].account.other_balances;
        match (cell.now == Amount(0), amount == Amount(0)) {
            (true, false) => *count = count.checked_add(1).expect("holdings are bounded"),
            (false, true) => *count = count.checked_sub(1).expect("the balance was counted"),
            _ => {}
        }
        cell.now = amount;
    }

    fn put_supply(&mut self, code: &AssetCode, supply: Amount) {
        let cell = self.assets.get_mut(code).expect("the asset was looked up before");
        let asset = cell.now.as_mut().expect("the asset exists");
        asset.supply = supply;
    }
}

impl AccountCell {
    fn grow_history(&mut self, step: &HistoryStep) -> HistoryEntry {
        let account = &mut self.account;
        let number = account
            .transactions
            .checked_add(1)
            .expect("histories do not reach 2^64 entries");
        account.transactions = number;
        account.history = step.hash_after(&account.history, number);
        let before = std::mem::replace(&mut account.last, step.height);
        self.grown = true;
        HistoryEntry {
            address: self.address,
            number,
            id: step.id,
            index: step.index,
            before,
        }
    }
}
