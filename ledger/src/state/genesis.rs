//! The state before height 1 (`docs/formats.md`, section 16): as leaves that a genesis document gives, or
//! made of plain lists, for simulations and tests.

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{
    Address, Committee, CommitteeSeat, CommitteeV1, Digest, Engine, Epoch, Height, MemberNumber, PublicKey,
    SeatNumber,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::execution::INLINE_ASSETS;
use crate::limits::{AMOUNT_LIMIT, MAX_BALANCES, MAX_VALUE_BYTES};
use crate::{
    Account, AccountV1, Agreement, Amount, Asset, AssetCode, AssetV1, Balance, BalanceItem, BalanceV1,
    Counters, CountersV1, Grant, GrantV1, HistoryOwner, HistoryStart, InUse, InUseV1, Inline, Member,
    MemberStatus, MemberV1, MemoryState, Owner, Parameters, Right, Rules, Scope, Seat, SeatV1, Signers,
    StateKey, StateTree, Taken, Timestamp, balances_root, decode, encode, value_hash,
};

/// The kind of keys under which accounts and balances lie.
const ACCOUNTS: u8 = 0x01;

/// The kind of keys under which assets lie.
const ASSETS: u8 = 0x03;

/// The state before height 1, with the indexes that follow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisState {
    /// All values, in the form of a block's changes.
    pub changes: BTreeMap<StateKey, Option<Vec<u8>>>,
    /// The state root, checked at every start.
    pub root: Digest,
    /// The first epoch.
    pub agreement: Agreement,
    /// Assets with their numbers, in the order of these.
    pub assets: Vec<(u32, AssetCode)>,
    /// Who holds what, ascending.
    pub holders: Vec<(AssetCode, Address, bool)>,
}

impl GenesisState {
    /// The state of these leaves, in any order.
    ///
    /// # Panics
    /// If a key comes twice, there is no agreement, or the agreement, an account, a balance or an asset is
    /// not the value of its type: whoever derives leaves of a document makes each of them by these types.
    pub fn new(leaves: Vec<(StateKey, Vec<u8>)>) -> Self {
        let count = leaves.len();
        let pairs = leaves.into_iter().map(|(key, value)| (key, Some(value)));
        let changes: BTreeMap<StateKey, Option<Vec<u8>>> = pairs.collect();
        assert_eq!(changes.len(), count, "a state has each key once");
        let mut assets = Vec::new();
        let mut holders = BTreeSet::new();
        for (key, value) in leaves_of(&changes) {
            match key.kind() {
                ACCOUNTS => note_holder(key, value, &mut holders),
                ASSETS => {
                    let Asset::V1(asset) = read_leaf(value);
                    assets.push((asset.number, asset.code));
                }
                _ => {}
            }
        }
        assets.sort_unstable();
        let agreement = changes.get(&StateKey::agreement()).and_then(Option::as_deref);
        let agreement = read_leaf(agreement.expect("every state has an agreement"));
        let root = tree_of(&changes).root();
        Self {
            changes,
            root,
            agreement,
            assets,
            holders: holders.into_iter().collect(),
        }
    }

    /// All leaves, ascending by key.
    pub fn leaves(&self) -> impl Iterator<Item = (&StateKey, &[u8])> {
        leaves_of(&self.changes)
    }

    /// The state tree before height 1.
    pub fn tree(&self) -> StateTree {
        tree_of(&self.changes)
    }
}

impl MemoryState {
    /// The state before height 1.
    pub fn genesis(genesis: &GenesisState) -> Self {
        let leaves = genesis.leaves().map(|(key, value)| (*key, value.to_vec()));
        let leaves: Vec<(StateKey, Vec<u8>)> = leaves.collect();
        Self::from_leaves(leaves)
    }
}

fn leaves_of(changes: &BTreeMap<StateKey, Option<Vec<u8>>>) -> impl Iterator<Item = (&StateKey, &[u8])> {
    changes
        .iter()
        .filter_map(|(key, value)| value.as_deref().map(|value| (key, value)))
}

fn tree_of(changes: &BTreeMap<StateKey, Option<Vec<u8>>>) -> StateTree {
    let hashes = leaves_of(changes).map(|(key, value)| (*key, value_hash(value)));
    StateTree::load(Height::GENESIS, hashes)
}

fn read_leaf<T: DeserializeOwned>(value: &[u8]) -> T {
    decode(value, MAX_VALUE_BYTES).expect("a leaf of genesis is encoded by its type")
}

/// Notes of what a leaf of kind 01 has units.
fn note_holder(key: &StateKey, value: &[u8], holders: &mut BTreeSet<(AssetCode, Address, bool)>) {
    let mut note = |asset: AssetCode, address: Address, free: Amount, held: Amount| {
        if free.0 > 0 || held.0 > 0 {
            holders.insert((asset, address, true));
        }
    };
    if key.0[21..].iter().all(|byte| *byte == 0) {
        let Account::V1(account) = read_leaf(value);
        for balance in &account.balances {
            note(balance.asset, account.address, balance.free, balance.held);
        }
    } else {
        let Balance::V1(balance) = read_leaf(value);
        note(balance.asset, balance.address, balance.free, balance.held);
    }
}

/// What the state before height 1 is made of. Members and assets are numbered in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisLists {
    /// The network's id.
    pub network: Digest,
    /// Genesis's time.
    pub time: Timestamp,
    /// What the first epoch's committee runs.
    pub engine: Engine,
    /// The version of the rules that the network begins with.
    pub protocol: u32,
    /// The first parameters.
    pub parameters: Parameters,
    /// The first rules.
    pub rules: Rules,
    /// Members, each with one seat.
    pub members: Vec<GenesisMember>,
    /// Assets with their first balances.
    pub assets: Vec<GenesisAsset>,
    /// Accounts that are a member's besides its own.
    pub accounts: Vec<(Address, MemberNumber)>,
    /// Rights besides the members' accounts' own to administrate.
    pub grants: Vec<GenesisGrant>,
}

/// A member of genesis, with its seat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisMember {
    /// Its name.
    pub name: String,
    /// Its account.
    pub account: Address,
    /// Who signs for the account; `None`: the key that its address was made from, alone.
    pub signers: Option<Signers>,
    /// The seat's validator key.
    pub validator: PublicKey,
    /// The seat's node key.
    pub node: PublicKey,
    /// The seat's witness key.
    pub witness: PublicKey,
    /// Where the seat's node is reached.
    pub addresses: Vec<String>,
}

/// An asset of genesis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisAsset {
    /// Its code.
    pub code: AssetCode,
    /// Digits after the decimal point, 0 to 18.
    pub decimals: u8,
    /// 1: holders need admission; 2: it can be frozen.
    pub flags: u8,
    /// Who may mint it.
    pub issuer: Address,
    /// Who holds how much of it, each above zero; together they are the supply.
    pub balances: Vec<(Address, Amount)>,
}

/// A right that genesis grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenesisGrant {
    /// Whose it is.
    pub account: Address,
    /// The right.
    pub right: Right,
    /// In what it holds.
    pub scope: Scope,
}

/// Why lists make no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisStateError {
    /// An asset, a member's account, name or key, or a grant twice.
    #[error("two entries of the lists make the leaf {key}")]
    Repeated {
        /// The leaf.
        key: StateKey,
    },
    /// A balance twice.
    #[error("the balance of {address} in {asset} is listed twice")]
    DuplicateBalance {
        /// Who.
        address: Address,
        /// The asset.
        asset: AssetCode,
    },
    /// A balance of nothing.
    #[error("the balance of {address} in {asset} is zero")]
    ZeroBalance {
        /// Who.
        address: Address,
        /// The asset.
        asset: AssetCode,
    },
    /// More assets than an account may hold.
    #[error("{address} holds more than 256 different assets")]
    TooManyBalances {
        /// Who.
        address: Address,
    },
    /// Balances that add up to too much.
    #[error("the balances in {asset} add up to 10^38 or more")]
    SupplyOverflow {
        /// The asset.
        asset: AssetCode,
    },
    /// An account that is two members'.
    #[error("{address} is an account of two members")]
    TwoMembers {
        /// The account.
        address: Address,
    },
}

/// The state before height 1 that these lists make. What only a document says, such as who signed it, is
/// not looked at.
///
/// # Errors
/// If something is listed twice, or balances are out of their bounds.
pub fn genesis_state(lists: &GenesisLists) -> Result<GenesisState, GenesisStateError> {
    let mut leaves = Leaves::default();
    leaves.put(StateKey::parameters(), &lists.parameters)?;
    leaves.put(StateKey::rules(), &lists.rules)?;
    leaves.put(StateKey::agreement(), &first_agreement(lists))?;
    let counters = Counters::V1(CountersV1 {
        assets: number_of(lists.assets.len()),
        members: number_of(lists.members.len()),
        seats: number_of(lists.members.len()),
        proposals: 0,
        recoveries: 0,
    });
    leaves.put(StateKey::counters(), &counters)?;
    for (number, member) in (0..).zip(&lists.members) {
        put_member(lists.time, number, member, &mut leaves)?;
    }
    for grant in &lists.grants {
        put_grant(grant, &mut leaves)?;
    }
    for (number, asset) in (0..).zip(&lists.assets) {
        put_asset(&lists.network, number, asset, &mut leaves)?;
    }
    for (address, account) in accounts_of(lists)? {
        put_account(&lists.network, address, account, &mut leaves)?;
    }
    Ok(GenesisState::new(leaves.0.into_iter().collect()))
}

#[derive(Default)]
struct Leaves(BTreeMap<StateKey, Vec<u8>>);

impl Leaves {
    fn put<T: Serialize>(&mut self, key: StateKey, value: &T) -> Result<(), GenesisStateError> {
        match self.0.insert(key, encode(value)) {
            None => Ok(()),
            Some(_) => Err(GenesisStateError::Repeated { key }),
        }
    }
}

/// What the lists say of an account.
#[derive(Default)]
struct ListedAccount {
    signers: Option<Signers>,
    member: Option<MemberNumber>,
    balances: BTreeMap<AssetCode, (u32, Amount)>,
}

fn number_of(count: usize) -> u32 {
    u32::try_from(count).expect("genesis lists have fewer than 2^32 entries")
}

fn first_agreement(lists: &GenesisLists) -> Agreement {
    let seats = (0..).zip(&lists.members).map(|(number, member)| CommitteeSeat {
        member: MemberNumber(number),
        seat: SeatNumber(number),
        validator: member.validator,
        node: member.node,
        witness: member.witness,
    });
    let committee = Committee::V1(CommitteeV1 {
        epoch: Epoch(0),
        engine: lists.engine,
        protocol: lists.protocol,
        seats: seats.collect(),
    });
    Agreement::genesis(committee, lists.parameters.v1().max_expiry_lead_ms)
}

/// A member, its seat, what of both is in use, and the right of its account.
fn put_member(
    time: Timestamp,
    number: u32,
    listed: &GenesisMember,
    leaves: &mut Leaves,
) -> Result<(), GenesisStateError> {
    let (member, seat) = (MemberNumber(number), SeatNumber(number));
    let value = Member::V1(MemberV1 {
        number: member,
        name: listed.name.clone(),
        account: listed.account,
        status: MemberStatus::Active,
        seats: 1,
        since: time,
        signed: time,
        reported: None,
        open: Vec::new(),
    });
    leaves.put(StateKey::member(member), &value)?;
    let name = Taken::Name(listed.name.to_ascii_lowercase());
    put_in_use(name, Owner::Member(member), leaves)?;
    for key in [listed.validator, listed.node, listed.witness] {
        put_in_use(Taken::Key(key.0), Owner::Seat(seat), leaves)?;
    }
    let value = Seat::V1(SeatV1 {
        number: seat,
        member,
        validator: listed.validator,
        node: listed.node,
        witness: listed.witness,
        addresses: listed.addresses.clone(),
        sits: true,
        rejoin: None,
        active: Height::GENESIS,
        next: None,
    });
    leaves.put(StateKey::seat(seat), &value)?;
    let own = GenesisGrant {
        account: listed.account,
        right: Right::Administrate,
        scope: Scope::Member(member),
    };
    put_grant(&own, leaves)
}

fn put_in_use(taken: Taken, by: Owner, leaves: &mut Leaves) -> Result<(), GenesisStateError> {
    let key = StateKey::in_use(&taken);
    leaves.put(key, &InUse::V1(InUseV1 { taken, by }))
}

fn put_grant(grant: &GenesisGrant, leaves: &mut Leaves) -> Result<(), GenesisStateError> {
    let GenesisGrant {
        account,
        right,
        scope,
    } = grant.clone();
    let key = StateKey::grant(&account, right, &scope);
    let value = Grant::V1(GrantV1 {
        account,
        right,
        scope,
        by: Address([0; 20]),
        ordinal: 0,
    });
    leaves.put(key, &value)
}

fn put_asset(
    network: &Digest,
    number: u32,
    listed: &GenesisAsset,
    leaves: &mut Leaves,
) -> Result<(), GenesisStateError> {
    let asset = listed.code;
    let mut supply = Some(0_u128);
    for (_, amount) in &listed.balances {
        supply = supply.and_then(|supply| supply.checked_add(amount.0));
    }
    let supply = supply
        .filter(|supply| *supply < AMOUNT_LIMIT)
        .ok_or(GenesisStateError::SupplyOverflow { asset })?;
    let item = BalanceItem {
        asset,
        free: Amount(supply),
        held: Amount(0),
    };
    let items = if supply > 0 { vec![item] } else { Vec::new() };
    let value = Asset::V1(AssetV1 {
        code: asset,
        number,
        issuer: listed.issuer,
        decimals: listed.decimals,
        flags: listed.flags,
        supply: Amount(supply),
        entries: 0,
        last: history_start(network, HistoryOwner::Asset(asset), &items),
        waypoints: Vec::new(),
    });
    leaves.put(StateKey::asset(&asset), &value)
}

/// Every account that has a leaf: members' accounts and others of theirs, those with a right, and holders.
fn accounts_of(lists: &GenesisLists) -> Result<BTreeMap<Address, ListedAccount>, GenesisStateError> {
    let mut accounts: BTreeMap<Address, ListedAccount> = BTreeMap::new();
    let members = (0..)
        .zip(&lists.members)
        .map(|(number, member)| (member.account, MemberNumber(number), member.signers.clone()));
    let others = lists
        .accounts
        .iter()
        .map(|(address, member)| (*address, *member, None));
    for (address, member, signers) in members.chain(others) {
        let account = accounts.entry(address).or_default();
        if account.member.replace(member).is_some() {
            return Err(GenesisStateError::TwoMembers { address });
        }
        account.signers = signers;
    }
    for grant in &lists.grants {
        accounts.entry(grant.account).or_default();
    }
    for (number, listed) in (0_u32..).zip(&lists.assets) {
        let asset = listed.code;
        for &(address, amount) in &listed.balances {
            if amount == Amount(0) {
                return Err(GenesisStateError::ZeroBalance { address, asset });
            }
            let balances = &mut accounts.entry(address).or_default().balances;
            if balances.insert(asset, (number, amount)).is_some() {
                return Err(GenesisStateError::DuplicateBalance { address, asset });
            }
            if balances.len() > MAX_BALANCES {
                return Err(GenesisStateError::TooManyBalances { address });
            }
        }
    }
    Ok(accounts)
}

/// An account's own leaf, and those of its balances that lie apart from it.
fn put_account(
    network: &Digest,
    address: Address,
    listed: ListedAccount,
    leaves: &mut Leaves,
) -> Result<(), GenesisStateError> {
    let mut inline = Vec::new();
    let mut others = 0_u16;
    let mut items = Vec::new();
    for (asset, (number, free)) in listed.balances {
        let (held, incoming) = (Amount(0), 0);
        items.push(BalanceItem { asset, free, held });
        if number < INLINE_ASSETS {
            inline.push(Inline {
                asset,
                free,
                held,
                incoming,
            });
        } else {
            others += 1;
            let balance = Balance::V1(BalanceV1 {
                address,
                asset,
                free,
                held,
                incoming,
            });
            leaves.put(StateKey::balance(&address, &asset), &balance)?;
        }
    }
    let account = Account::V1(AccountV1 {
        address,
        signers: listed.signers,
        member: listed.member,
        frozen: false,
        holds: 0,
        others,
        balances: inline,
        entries: 0,
        last: history_start(network, HistoryOwner::Account(address), &items),
        waypoints: Vec::new(),
    });
    leaves.put(StateKey::account(&address), &account)
}

/// `h_0` of section 13.
fn history_start(network: &Digest, owner: HistoryOwner, items: &[BalanceItem]) -> Digest {
    let start = HistoryStart {
        network: *network,
        owner,
        balances: balances_root(items),
    };
    start.hash()
}
