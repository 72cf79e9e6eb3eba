//! The state as one block sees it: what was read, decoded once; what was changed, encoded once at the
//! end; and how to take back what the transaction under way changed.
//!
//! The hash maps here are only looked up in. What leaves them is sorted, so their order reaches nothing.

use std::collections::{BTreeMap, HashMap};

use quorate_crypto::{Address, Digest, Epoch, Height, MemberNumber, SeatNumber, merkle};

use super::funds::{AssetPlace, Funds, funds_key, inline_funds, own_value, put_inline};
use super::governed::Governed;
use super::slots::Slots;
use crate::limits::MAX_BALANCES;
use crate::state::decode_value;
use crate::{
    Account, AccountV1, Agreement, Amount, Asset, AssetCode, AssetV1, Balance, Counters, CountersV1, Erasure,
    HistoryOwner, HistoryStart, Hold, Member, Place, Record, Seat, Signers, StateError, StateKey,
    StateReader, StateValue, Timestamp, encode, encode_into, read_value,
};

/// Where and when the block under way is, and the one parameter that operations look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) network: Digest,
    pub(super) epoch: Epoch,
    /// The version of the rules that the block is executed by.
    pub(super) protocol: u32,
    pub(super) height: Height,
    pub(super) timestamp: Timestamp,
    pub(super) max_hold_ms: u64,
}

/// A place in [`WorkingState::accounts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AccountIndex(pub(super) usize);

/// The state as the block under way sees it.
pub(super) struct WorkingState<'a, R> {
    pub(super) reader: &'a R,
    pub(super) moment: Moment,
    /// The root over no balances, as a new history begins with it.
    no_balances: Digest,
    pub(super) places: HashMap<Address, AccountIndex>,
    pub(super) accounts: Vec<AccountCell>,
    /// Balances that lie under keys of their own.
    pub(super) balances: HashMap<(AccountIndex, AssetCode), BalanceCell>,
    pub(super) assets: HashMap<AssetCode, AssetCell>,
    pub(super) holds: Slots<Hold>,
    pub(super) records: Slots<Record>,
    pub(super) erasures: Slots<Erasure>,
    pub(super) seats: Slots<Seat>,
    pub(super) members: Slots<Member>,
    /// What else governance looks at.
    pub(super) governed: Governed,
    /// The epoch under way, with what waits for its end.
    pub(super) agreement: Agreement,
    counters: Slots<Counters>,
    /// Whether an account had any of an asset before the block, where that changed at least once.
    holders: BTreeMap<(AssetCode, Address), bool>,
    /// Texts that the block has erased.
    pub(super) erased: Vec<(Digest, Place)>,
    /// Whether the block changed something that takes a new epoch to come into force.
    pub(super) ends_epoch: bool,
    /// How to take back what the transaction under way changed, last change last.
    pub(super) undo: Vec<Undo>,
    /// The parties of the transaction under way, its sender first.
    pub(super) parties: Vec<AccountIndex>,
    /// The beneficiaries of the holds that it made.
    pub(super) beneficiaries: Vec<AccountIndex>,
    /// How many texts were erased before it.
    erased_before: usize,
}

/// An account, in the state or not.
pub(super) struct AccountCell {
    pub(super) address: Address,
    pub(super) account: AccountV1,
    /// Whether it was in the state before the block.
    pub(super) stored: bool,
    /// Whether its history grew in this block: whatever else of its leaf changed, that did.
    pub(super) grown: bool,
    /// Assets of which the block has its balance under a key of its own at hand.
    own: Vec<AssetCode>,
    /// Whether these are all that there are.
    all_at_hand: bool,
}

/// A balance under a key of its own, be it of nothing.
#[derive(Clone, Copy, Default)]
pub(super) struct BalanceCell {
    before: Funds,
    now: Funds,
}

/// An asset, in the state or not.
#[derive(Default)]
pub(super) struct AssetCell {
    pub(super) now: Option<AssetV1>,
    /// Whether its history grew in this block: nothing else of it changes without that.
    pub(super) grown: bool,
    created: bool,
}

/// How to take back one change.
pub(super) enum Undo {
    Funds(AccountIndex, AssetPlace, Funds),
    Supply(AssetCode, Amount),
    Created(AssetCode),
    Counters(Option<Box<Counters>>),
    Signers(AccountIndex, Option<Signers>),
    OpenHolds(AccountIndex, u16),
    Hold(StateKey, Option<Box<Hold>>),
    Record(StateKey),
    Erasure(StateKey, Option<Box<Erasure>>),
    Seat(StateKey, Option<Box<Seat>>),
    Member(StateKey, Option<Box<Member>>),
    Governed(StateKey, Option<Box<StateValue>>),
    MemberOf(AccountIndex, Option<MemberNumber>),
    Frozen(AccountIndex, bool),
    Pending(Vec<u64>),
    EndsEpoch(bool),
}

/// Counts one more, and gives the number of it; 2^32 - 1 stands for none in keys.
fn next_of_u32(made: &mut u32) -> Option<u32> {
    let number = *made;
    *made = number.checked_add(1)?;
    Some(number)
}

/// Bytes of an account's leaf, at least as many as it has but for those of its signers: so that it need not be moved
/// while it is written, nor keeps room for nothing.
fn room_for(account: &AccountV1) -> usize {
    const FIELDS: usize = 128;
    const BALANCE: usize = 49;
    FIELDS + BALANCE * account.balances.len() + 32 * account.waypoints.len()
}

/// What a block changed in all.
pub(super) struct Finished {
    pub(super) changes: BTreeMap<StateKey, Option<Vec<u8>>>,
    pub(super) created: Vec<(u32, AssetCode)>,
    pub(super) holders: Vec<(AssetCode, Address, bool)>,
    pub(super) erased: Vec<(Digest, Place)>,
}

impl<'a, R: StateReader> WorkingState<'a, R> {
    /// The state as a block at this moment finds it.
    pub(super) fn new(reader: &'a R, moment: Moment, agreement: Agreement) -> Self {
        Self {
            reader,
            moment,
            no_balances: merkle::empty_root(),
            places: HashMap::new(),
            accounts: Vec::new(),
            balances: HashMap::new(),
            assets: HashMap::new(),
            holds: Slots::new(),
            records: Slots::new(),
            erasures: Slots::new(),
            seats: Slots::new(),
            members: Slots::new(),
            governed: Governed::default(),
            agreement,
            counters: Slots::new(),
            holders: BTreeMap::new(),
            erased: Vec::new(),
            ends_epoch: false,
            undo: Vec::new(),
            parties: Vec::new(),
            beneficiaries: Vec::new(),
            erased_before: 0,
        }
    }

    /// The account with this address; one without anything if it is not in the state.
    pub(super) fn account(&mut self, address: &Address) -> Result<AccountIndex, StateError<R::Error>> {
        if let Some(place) = self.places.get(address) {
            return Ok(*place);
        }
        let stored: Option<Account> = read_value(self.reader, &StateKey::account(address))?;
        Ok(self.put_account(address, stored))
    }

    /// Has an account at hand from now on, as it is stored, or one without anything.
    pub(super) fn put_account(&mut self, address: &Address, stored: Option<Account>) -> AccountIndex {
        let is_stored = stored.is_some();
        let account = match stored {
            Some(Account::V1(account)) => account,
            None => AccountV1::new(*address, self.history_start(HistoryOwner::Account(*address))),
        };
        let place = AccountIndex(self.accounts.len());
        self.accounts.push(AccountCell {
            address: *address,
            account,
            stored: is_stored,
            grown: false,
            own: Vec::new(),
            all_at_hand: false,
        });
        self.places.insert(*address, place);
        place
    }

    /// `h_0` of an owner that genesis gave nothing.
    fn history_start(&self, owner: HistoryOwner) -> Digest {
        let start = HistoryStart {
            network: self.moment.network,
            owner,
            balances: self.no_balances,
        };
        start.hash()
    }

    /// Begins a transaction of these parties.
    pub(super) fn begin(&mut self, parties: &[Address]) -> Result<(), StateError<R::Error>> {
        self.undo.clear();
        self.beneficiaries.clear();
        self.erased_before = self.erased.len();
        self.parties.clear();
        for address in parties {
            let place = self.account(address)?;
            self.parties.push(place);
        }
        Ok(())
    }

    /// Takes back all that the transaction under way changed.
    pub(super) fn take_back(&mut self) {
        self.take_back_to(0);
        self.beneficiaries.clear();
        self.erased.truncate(self.erased_before);
    }

    /// Takes back the changes after the first `mark` of them; none of those may be an erasure of texts or make a hold.
    pub(super) fn take_back_to(&mut self, mark: usize) {
        while self.undo.len() > mark
            && let Some(undo) = self.undo.pop()
        {
            self.take_back_one(undo);
        }
    }

    fn take_back_one(&mut self, undo: Undo) {
        match undo {
            Undo::Funds(place, asset, before) => self.put_funds(place, asset, before),
            Undo::Supply(code, supply) => self.put_supply(&code, supply),
            Undo::Created(code) => {
                self.assets.insert(code, AssetCell::default());
            }
            Undo::Counters(before) => {
                let before = before.map(|before| *before);
                self.counters.put(&StateKey::counters(), before);
            }
            Undo::Signers(place, before) => self.accounts[place.0].account.signers = before,
            Undo::OpenHolds(place, before) => self.accounts[place.0].account.holds = before,
            Undo::Hold(key, before) => {
                self.holds.put(&key, before.map(|before| *before));
            }
            Undo::Record(key) => {
                self.records.put(&key, None);
            }
            Undo::Erasure(key, before) => {
                self.erasures.put(&key, before.map(|before| *before));
            }
            Undo::Seat(key, before) => {
                self.seats.put(&key, before.map(|before| *before));
            }
            Undo::Member(key, before) => {
                self.members.put(&key, before.map(|before| *before));
            }
            Undo::Governed(key, before) => {
                self.governed.put(&key, before.map(|before| *before));
            }
            Undo::MemberOf(place, before) => self.accounts[place.0].account.member = before,
            Undo::Frozen(place, before) => self.accounts[place.0].account.frozen = before,
            Undo::Pending(before) => self.agreement.set_pending(before),
            Undo::EndsEpoch(before) => self.ends_epoch = before,
        }
    }

    /// The address of an account.
    pub(super) fn address(&self, place: AccountIndex) -> Address {
        self.accounts[place.0].address
    }

    /// What an account has of an asset.
    pub(super) fn funds(
        &mut self,
        place: AccountIndex,
        asset: AssetPlace,
    ) -> Result<Funds, StateError<R::Error>> {
        let AccountCell {
            address,
            account,
            all_at_hand,
            ..
        } = &self.accounts[place.0];
        if asset.inline {
            return Ok(inline_funds(account, &asset.code));
        }
        if let Some(cell) = self.balances.get(&(place, asset.code)) {
            return Ok(cell.now);
        }
        if account.others == 0 || *all_at_hand {
            return Ok(Funds::default());
        }
        let key = StateKey::balance(address, &asset.code);
        let stored = self.reader.value(&key).map_err(StateError::Read)?;
        self.load_balance(&key, (place, asset.code), stored.as_deref())
    }

    /// What an account has of an asset, in which the transaction under way has changed something.
    pub(super) fn funds_at_hand(&self, place: AccountIndex, asset: AssetPlace) -> Funds {
        if asset.inline {
            return inline_funds(&self.accounts[place.0].account, &asset.code);
        }
        let cell = self.balances.get(&(place, asset.code));
        cell.map_or_else(Funds::default, |cell| cell.now)
    }

    /// Whether an account has a record of its balance in an asset, or room for one more.
    pub(super) fn has_place(
        &mut self,
        place: AccountIndex,
        asset: AssetPlace,
    ) -> Result<bool, StateError<R::Error>> {
        let funds = self.funds(place, asset)?;
        let account = &self.accounts[place.0].account;
        let records = account.balances.len() + usize::from(account.others);
        Ok(!funds.is_empty() || records < MAX_BALANCES)
    }

    /// Changes what an account has of an asset. `change` gives nothing where the books do not add up: no
    /// execution can bring that about, so the state is damaged.
    pub(super) fn change_funds(
        &mut self,
        place: AccountIndex,
        asset: AssetPlace,
        change: impl FnOnce(Funds) -> Option<Funds>,
    ) -> Result<(), StateError<R::Error>> {
        let before = self.funds(place, asset)?;
        let address = self.accounts[place.0].address;
        let now = change(before).ok_or_else(|| StateError::Damaged {
            key: funds_key(&address, asset),
        })?;
        if now == before {
            return Ok(());
        }
        if before.has_units() != now.has_units() {
            let holder = (asset.code, address);
            self.holders.entry(holder).or_insert(before.has_units());
        }
        self.undo.push(Undo::Funds(place, asset, before));
        self.put_funds(place, asset, now);
        Ok(())
    }

    /// Has all balances at hand that an account has under keys of their own; `read` finds those stored.
    pub(super) fn load_all_balances(
        &mut self,
        place: AccountIndex,
        read: impl FnOnce(&R, &Address) -> Result<Vec<(StateKey, Vec<u8>)>, R::Error>,
    ) -> Result<(), StateError<R::Error>> {
        let AccountCell {
            address,
            account,
            all_at_hand,
            ..
        } = &self.accounts[place.0];
        // Those that are at hand count, so without any no other one is stored either.
        if account.others == 0 || *all_at_hand {
            return Ok(());
        }
        let address = *address;
        let own = StateKey::account(&address);
        for (key, value) in read(self.reader, &address).map_err(StateError::Read)? {
            if key == own {
                continue;
            }
            let Balance::V1(balance) = decode_value::<Balance, R::Error>(&key, &value)?;
            if StateKey::balance(&address, &balance.asset) != key {
                return Err(StateError::Damaged { key });
            }
            let at = (place, balance.asset);
            if !self.balances.contains_key(&at) {
                self.load_balance(&key, at, Some(&value))?;
            }
        }
        self.accounts[place.0].all_at_hand = true;
        Ok(())
    }

    /// The balances at hand that an account has under keys of their own, in no order.
    pub(super) fn own_balances(&self, place: AccountIndex) -> impl Iterator<Item = (AssetCode, Funds)> + '_ {
        let codes = self.accounts[place.0].own.iter();
        codes.filter_map(move |code| {
            let cell = self.balances.get(&(place, *code))?;
            Some((*code, cell.now))
        })
    }

    /// Has a balance at hand from now on, as it is stored under a key of its own.
    pub(super) fn load_balance(
        &mut self,
        key: &StateKey,
        at: (AccountIndex, AssetCode),
        stored: Option<&[u8]>,
    ) -> Result<Funds, StateError<R::Error>> {
        let funds = match stored {
            Some(bytes) => {
                let Balance::V1(balance) = decode_value::<Balance, R::Error>(key, bytes)?;
                Funds {
                    free: balance.free.0,
                    held: balance.held.0,
                    incoming: balance.incoming,
                }
            }
            None => Funds::default(),
        };
        let cell = BalanceCell {
            before: funds,
            now: funds,
        };
        self.balances.insert(at, cell);
        self.accounts[at.0.0].own.push(at.1);
        Ok(funds)
    }

    fn put_funds(&mut self, place: AccountIndex, asset: AssetPlace, funds: Funds) {
        if asset.inline {
            put_inline(&mut self.accounts[place.0].account, asset.code, funds);
        } else {
            self.put_own(place, asset.code, funds);
        }
    }

    fn put_own(&mut self, place: AccountIndex, code: AssetCode, funds: Funds) {
        let AccountCell { account, own, .. } = &mut self.accounts[place.0];
        let cell = self.balances.entry((place, code)).or_insert_with(|| {
            own.push(code);
            BalanceCell::default()
        });
        let count = &mut account.others;
        match (cell.now.is_empty(), funds.is_empty()) {
            (true, false) => *count = count.checked_add(1).expect("balances are bounded"),
            (false, true) => *count = count.checked_sub(1).expect("the balance was counted"),
            _ => {}
        }
        cell.now = funds;
    }

    /// How many open holds an account owns.
    pub(super) fn open_holds(&self, place: AccountIndex) -> u16 {
        self.accounts[place.0].account.holds
    }

    /// Sets how many open holds an account owns.
    pub(super) fn set_open_holds(&mut self, place: AccountIndex, holds: u16) {
        let before = std::mem::replace(&mut self.accounts[place.0].account.holds, holds);
        self.undo.push(Undo::OpenHolds(place, before));
    }

    /// Replaces the signers of an account.
    pub(super) fn set_signers(&mut self, place: AccountIndex, signers: Signers) {
        let before = self.accounts[place.0].account.signers.replace(signers);
        self.undo.push(Undo::Signers(place, before));
    }

    /// Makes an account a member's, or nobody's.
    pub(super) fn set_member(&mut self, place: AccountIndex, member: Option<MemberNumber>) {
        let before = std::mem::replace(&mut self.accounts[place.0].account.member, member);
        self.undo.push(Undo::MemberOf(place, before));
    }

    /// Marks an account as frozen, or as no longer so.
    pub(super) fn set_frozen(&mut self, place: AccountIndex, frozen: bool) {
        let before = std::mem::replace(&mut self.accounts[place.0].account.frozen, frozen);
        self.undo.push(Undo::Frozen(place, before));
    }

    /// The asset with this code.
    pub(super) fn asset(&mut self, code: &AssetCode) -> Result<Option<&AssetV1>, StateError<R::Error>> {
        if !self.assets.contains_key(code) {
            let stored: Option<Asset> = read_value(self.reader, &StateKey::asset(code))?;
            let cell = AssetCell {
                now: stored.map(|Asset::V1(asset)| asset),
                grown: false,
                created: false,
            };
            self.assets.insert(*code, cell);
        }
        Ok(self.assets.get(code).and_then(|cell| cell.now.as_ref()))
    }

    /// Makes a new asset with the next number; none with its code may exist.
    pub(super) fn create_asset(
        &mut self,
        code: AssetCode,
        issuer: Address,
        decimals: u8,
        flags: u8,
    ) -> Result<(), StateError<R::Error>> {
        let number = self.count_asset()?;
        let asset = AssetV1 {
            code,
            number,
            issuer,
            decimals,
            flags,
            supply: Amount(0),
            entries: 0,
            last: self.history_start(HistoryOwner::Asset(code)),
            waypoints: Vec::new(),
        };
        let cell = AssetCell {
            now: Some(asset),
            grown: false,
            created: true,
        };
        self.assets.insert(code, cell);
        self.undo.push(Undo::Created(code));
        Ok(())
    }

    /// What was made so far.
    pub(super) fn counters(&mut self) -> Result<CountersV1, StateError<R::Error>> {
        let key = StateKey::counters();
        let found = self.counters.get(self.reader, &key)?;
        let found = found.map(|Counters::V1(counters)| *counters);
        found.ok_or(StateError::Damaged { key })
    }

    /// Counts one more of what is numbered as it is made, and gives its number.
    fn count<N>(
        &mut self,
        next: impl FnOnce(&mut CountersV1) -> Option<N>,
    ) -> Result<N, StateError<R::Error>> {
        let key = StateKey::counters();
        let mut counted = self.counters()?;
        let number = next(&mut counted).ok_or(StateError::Damaged { key })?;
        let before = self.counters.put(&key, Some(Counters::V1(counted)));
        self.undo.push(Undo::Counters(before.map(Box::new)));
        Ok(number)
    }

    fn count_asset(&mut self) -> Result<u32, StateError<R::Error>> {
        self.count(|made| next_of_u32(&mut made.assets))
    }

    pub(super) fn count_member(&mut self) -> Result<MemberNumber, StateError<R::Error>> {
        self.count(|made| next_of_u32(&mut made.members).map(MemberNumber))
    }

    pub(super) fn count_seat(&mut self) -> Result<SeatNumber, StateError<R::Error>> {
        self.count(|made| next_of_u32(&mut made.seats).map(SeatNumber))
    }

    pub(super) fn count_proposal(&mut self) -> Result<u64, StateError<R::Error>> {
        self.count(|made| {
            let number = made.proposals;
            made.proposals = number.checked_add(1)?;
            Some(number)
        })
    }

    /// Sets the supply of an asset that was looked up before.
    pub(super) fn set_supply(&mut self, code: &AssetCode, before: Amount, supply: Amount) {
        self.undo.push(Undo::Supply(*code, before));
        self.put_supply(code, supply);
    }

    fn put_supply(&mut self, code: &AssetCode, supply: Amount) {
        let cell = self.assets.get_mut(code).expect("the asset was looked up before");
        let asset = cell.now.as_mut().expect("the asset exists");
        asset.supply = supply;
    }

    /// Encodes what the block changed.
    pub(super) fn finish(self) -> Finished {
        let holders = self.changed_holders();
        let mut changes = Vec::with_capacity(self.accounts.len());
        for (&(place, code), cell) in &self.balances {
            if cell.now != cell.before {
                let address = self.accounts[place.0].address;
                let value = own_value(address, code, cell.now);
                changes.push((StateKey::balance(&address, &code), value));
            }
        }
        let mut created = Vec::new();
        for (code, cell) in self.assets {
            if let Some(asset) = cell.now
                && cell.grown
            {
                if cell.created {
                    created.push((asset.number, code));
                }
                changes.push((StateKey::asset(&code), Some(encode(&Asset::V1(asset)))));
            }
        }
        created.sort_unstable();
        for cell in self.accounts {
            if cell.grown {
                let room = room_for(&cell.account);
                let value = encode_into(Vec::with_capacity(room), &Account::V1(cell.account));
                changes.push((StateKey::account(&cell.address), Some(value)));
            }
        }
        self.holds.finish(&mut changes);
        self.records.finish(&mut changes);
        self.erasures.finish(&mut changes);
        self.seats.finish(&mut changes);
        self.members.finish(&mut changes);
        self.governed.finish(&mut changes);
        self.counters.finish(&mut changes);
        Finished {
            changes: changes.into_iter().collect(),
            created,
            holders,
            erased: self.erased,
        }
    }

    /// Whether accounts have any of an asset, where that is another than before the block.
    fn changed_holders(&self) -> Vec<(AssetCode, Address, bool)> {
        let mut holders = Vec::new();
        for (&(code, address), before) in &self.holders {
            let place = self.places[&address];
            let inline = inline_funds(&self.accounts[place.0].account, &code);
            let own = self.balances.get(&(place, code));
            let now = inline.has_units() || own.is_some_and(|cell| cell.now.has_units());
            if now != *before {
                holders.push((code, address, now));
            }
        }
        holders
    }
}
