//! What belongs to accounts and assets: balances, holds, records, erasures.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest, MemberNumber};
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_INLINE_BALANCES, MAX_PLACES, MAX_SUBTREES};
use crate::{Amount, AssetCode, Condition, Place, Signers, StateKey, Timestamp};

/// An account's leaf. It is never removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Account {
    /// Version 1.
    V1(AccountV1),
}

/// Version 1 of [`Account`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountV1 {
    /// Whose it is.
    pub address: Address,
    /// Who may sign; none means the key that the address was made from, alone.
    pub signers: Option<Signers>,
    /// The member that it belongs to.
    pub member: Option<MemberNumber>,
    /// Whether it is frozen for all assets.
    pub frozen: bool,
    /// Open holds that it owns, at most 256.
    pub holds: u16,
    /// Balances under keys of their own, at most 256 with those in this leaf.
    pub others: u16,
    /// Balances in assets numbered 0 to 3, strictly ascending by code, none empty.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_INLINE_BALANCES>")]
    pub balances: Vec<Inline>,
    /// Steps of its history so far.
    pub entries: u64,
    /// The hash of its newest step; h_0 while there is none (section 13).
    pub last: Digest,
    /// The subtrees of the list of every 32nd step's hash, largest first.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SUBTREES>")]
    pub waypoints: Vec<Digest>,
}

/// A balance in the account's own leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inline {
    /// The asset.
    pub asset: AssetCode,
    /// What the account can use.
    pub free: Amount,
    /// What its open holds hold.
    pub held: Amount,
    /// Open holds in this asset of which it is the beneficiary: its place is kept for them.
    pub incoming: u32,
}

/// A balance under a key of its own: in an asset numbered from 4 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Balance {
    /// Version 1.
    V1(BalanceV1),
}

/// Version 1 of [`Balance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceV1 {
    /// Whose it is.
    pub address: Address,
    /// The asset.
    pub asset: AssetCode,
    /// What the account can use.
    pub free: Amount,
    /// What its open holds hold.
    pub held: Amount,
    /// Open holds in this asset of which it is the beneficiary.
    pub incoming: u32,
}

/// An asset's leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asset {
    /// Version 1.
    V1(AssetV1),
}

/// Version 1 of [`Asset`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetV1 {
    /// Its code.
    pub code: AssetCode,
    /// Its number: assets are numbered as they are created, from 0.
    pub number: u32,
    /// Who may mint it.
    pub issuer: Address,
    /// Digits after the decimal point, 0 to 18.
    pub decimals: u8,
    /// 1: holders need admission, 2: it can be frozen.
    pub flags: u8,
    /// Units in existence, free and held.
    pub supply: Amount,
    /// Steps of its history so far.
    pub entries: u64,
    /// The hash of its newest step; h_0 while there is none (section 13).
    pub last: Digest,
    /// The subtrees of the list of every 32nd step's hash, largest first.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SUBTREES>")]
    pub waypoints: Vec<Digest>,
}

/// An open hold (section 11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// Version 1.
    V1(HoldV1),
}

/// Version 1 of [`Hold`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldV1 {
    /// Whose amount it holds.
    pub owner: Address,
    /// The id of the transaction that made it.
    pub transaction: Digest,
    /// The operation's index there.
    pub operation: u8,
    /// To whom a release pays.
    pub beneficiary: Address,
    /// The asset.
    pub asset: AssetCode,
    /// What is left of it.
    pub amount: Amount,
    /// Released before, refunded from then on.
    pub until: Timestamp,
    /// What a release needs.
    pub condition: Condition,
}

/// A record of a document, of an account's own or one that claims the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// Version 1.
    V1(RecordV1),
}

/// Version 1 of [`Record`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordV1 {
    /// Who put it.
    pub address: Address,
    /// The document's SHA-256.
    pub sha256: Digest,
    /// The transaction.
    pub id: Digest,
    /// The transaction's place in the log.
    pub ordinal: u64,
    /// Its block's time.
    pub timestamp: Timestamp,
}

/// Which texts of a transaction were erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Erasure {
    /// Version 1.
    V1(ErasureV1),
}

/// Version 1 of [`Erasure`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureV1 {
    /// The transaction whose texts they were.
    pub id: Digest,
    /// At least one, strictly ascending by the place's encoding.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PLACES>")]
    pub erased: Vec<Erased>,
}

/// An erased text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Where it stood.
    pub place: Place,
    /// Who erased it.
    pub by: Address,
    /// The place in the log of the transaction that did.
    pub ordinal: u64,
    /// Its block's time.
    pub timestamp: Timestamp,
}

/// How many were made so far; they only count up, so nothing is numbered twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counters {
    /// Version 1.
    V1(CountersV1),
}

/// Version 1 of [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountersV1 {
    /// Assets.
    pub assets: u32,
    /// Members.
    pub members: u32,
    /// Seats.
    pub seats: u32,
    /// Proposals of governance.
    pub proposals: u64,
    /// Recoveries.
    pub recoveries: u32,
}

impl AccountV1 {
    /// An account of which nothing is known but its address, with this h_0 as its history.
    pub fn new(address: Address, first: Digest) -> Self {
        Self {
            address,
            signers: None,
            member: None,
            frozen: false,
            holds: 0,
            others: 0,
            balances: Vec::new(),
            entries: 0,
            last: first,
            waypoints: Vec::new(),
        }
    }

    /// Whether it has a balance of anything.
    #[must_use]
    pub fn holds_anything(&self) -> bool {
        !self.balances.is_empty() || self.others > 0
    }

    /// How many different assets the account has a balance of.
    pub fn holdings(&self) -> usize {
        self.balances.len() + usize::from(self.others)
    }
}

impl Inline {
    /// Whether there is nothing in it: then it is removed.
    pub fn is_empty(&self) -> bool {
        (self.free.0, self.held.0, self.incoming) == (0, 0, 0)
    }
}

impl BalanceV1 {
    /// Whether there is nothing in it: then it is removed.
    pub fn is_empty(&self) -> bool {
        (self.free.0, self.held.0, self.incoming) == (0, 0, 0)
    }
}

impl Account {
    /// Version 1's fields.
    pub fn v1(&self) -> &AccountV1 {
        let Self::V1(account) = self;
        account
    }
}

impl Balance {
    /// Version 1's fields.
    pub fn v1(&self) -> &BalanceV1 {
        let Self::V1(balance) = self;
        balance
    }
}

impl Asset {
    /// Version 1's fields.
    pub fn v1(&self) -> &AssetV1 {
        let Self::V1(asset) = self;
        asset
    }
}

impl Hold {
    /// Version 1's fields.
    pub fn v1(&self) -> &HoldV1 {
        let Self::V1(hold) = self;
        hold
    }

    /// Where it lies.
    pub fn key(&self) -> StateKey {
        let hold = self.v1();
        StateKey::hold(&hold.owner, &hold.transaction, hold.operation)
    }
}

impl Record {
    /// Version 1's fields.
    pub fn v1(&self) -> &RecordV1 {
        let Self::V1(record) = self;
        record
    }
}

impl Erasure {
    /// Version 1's fields.
    pub fn v1(&self) -> &ErasureV1 {
        let Self::V1(erasure) = self;
        erasure
    }
}

impl Counters {
    /// Version 1's fields.
    pub fn v1(&self) -> &CountersV1 {
        let Self::V1(counters) = self;
        counters
    }
}
