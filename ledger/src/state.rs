//! The state: a map from 32-byte keys to canonical values (`docs/formats.md`, section 8).
//!
//! Keys start with the owner's address, so one subtree holds all of an account. An account and its
//! first balances share a leaf; further balances follow under the same prefix.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest, Domain, Height, PublicKey, sha256};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::limits::{MAX_INLINE_BALANCES, MAX_SIGNERS, MAX_VALUE_BYTES};
use crate::{Amount, AssetCode, Signer, decode};

mod genesis;
mod memory;
mod overlay;

pub use genesis::{
    GenesisAsset, GenesisBalance, GenesisCommittee, GenesisState, GenesisStateError, GenesisValidator,
    genesis_state,
};
pub use memory::MemoryState;
pub use overlay::Overlay;

/// The place of a value in the state.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StateKey(pub [u8; 32]);

/// Reads the state of one version: all certified blocks, or some executed ones on top of them.
pub trait StateReader {
    /// Why a read failed.
    type Error;

    /// The value under `key`, if there is one.
    fn value(&self, key: &StateKey) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The values under ascending keys, in their order: what [`Self::value`] gives for each of them. A store
    /// finds many at once in less time.
    ///
    /// # Errors
    /// As for one of them.
    fn values_of(&self, keys: &[StateKey]) -> Result<Vec<Option<Vec<u8>>>, Self::Error> {
        keys.iter().map(|key| self.value(key)).collect()
    }

    /// Whether the transaction with this id was executed before.
    fn is_spent(&self, id: &Digest) -> Result<bool, Self::Error>;

    /// Says the same of many at once, in their order, which may be cheaper.
    fn are_spent(&self, ids: &[Digest]) -> Result<Vec<bool>, Self::Error> {
        ids.iter().map(|id| self.is_spent(id)).collect()
    }
}

/// Why the state could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError<E> {
    /// The reader failed.
    #[error("the state cannot be read: {0}")]
    Read(E),
    /// A stored value is not what was written.
    #[error("the value under state key {key} is damaged")]
    Damaged {
        /// Where it lies.
        key: StateKey,
    },
}

/// An account's leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Account {
    /// Version 1.
    V1(AccountV1),
}

/// Version 1 of [`Account`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountV1 {
    /// Entries of its history so far.
    pub transactions: u64,
    /// The history's running hash, zero at first.
    pub history: Digest,
    /// The block of its newest entry, 0 while there is none.
    pub last: Height,
    /// Who may sign; none means the key that the address was made from, alone.
    pub signers: Option<Signers>,
    /// Balances in this leaf, strictly ascending by asset, none zero.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_INLINE_BALANCES>")]
    pub balances: Vec<AssetBalance>,
    /// Balances under keys of their own.
    pub other_balances: u16,
}

impl AccountV1 {
    /// Whether it has a balance of anything.
    #[must_use]
    pub fn holds_anything(&self) -> bool {
        !self.balances.is_empty() || self.other_balances > 0
    }
}

/// Who may sign for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signers {
    /// The weight that authorises a transaction.
    pub threshold: u32,
    /// 1 to 16 signers, strictly ascending by key.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNERS>")]
    pub signers: Vec<Signer>,
}

/// A balance in the account's own leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetBalance {
    /// The asset.
    pub asset: AssetCode,
    /// How much of it, above zero.
    pub amount: Amount,
}

/// A balance that did not fit into the account's own leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Balance {
    /// Version 1.
    V1(BalanceV1),
}

/// Version 1 of [`Balance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceV1 {
    /// How much, above zero.
    pub amount: Amount,
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
    /// Who may mint it.
    pub issuer: Address,
    /// Digits after the decimal point, 0 to 18.
    pub decimals: u8,
    /// Units in existence.
    pub supply: Amount,
    /// For people, at most 128 bytes.
    pub description: String,
}

impl StateKey {
    /// Where the account with this address lies.
    pub fn account(address: &Address) -> Self {
        Self::under(address.as_bytes(), &[0; 12])
    }

    /// Where a balance of the account lies that did not fit into the account's leaf.
    pub fn balance(address: &Address, asset: &AssetCode) -> Self {
        Self::under(address.as_bytes(), asset.padded())
    }

    /// Where the asset with this code lies.
    pub fn asset(code: &AssetCode) -> Self {
        let owner = Domain::ASSET.hash(code.as_str().as_bytes());
        Self::under(&leading(&owner), &[0xFF; 12])
    }

    /// Where the parameters lie.
    pub fn parameters() -> Self {
        let owner = Domain::PARAMETERS.hash(b"");
        Self::under(&leading(&owner), &[0xFE; 12])
    }

    /// Where the epoch under way lies.
    pub fn agreement() -> Self {
        let owner = Domain::AGREEMENT.hash(b"");
        Self::under(&leading(&owner), &[0xFD; 12])
    }

    /// Where a validator's seat lies.
    pub fn seat(validator: &PublicKey) -> Self {
        let owner = Domain::SEAT.hash(&validator.0);
        Self::under(&leading(&owner), &[0xFC; 12])
    }

    /// The key's bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bit at `depth`; bit 0 is the most significant of the first byte.
    pub(crate) fn bit(&self, depth: u8) -> bool {
        let byte = self.0[usize::from(depth / 8)];
        byte >> (7 - depth % 8) & 1 == 1
    }

    /// The first bit in which two different keys differ.
    pub(crate) fn parting(&self, other: &Self) -> Option<u8> {
        let at = self.0.iter().zip(&other.0).position(|(a, b)| a != b)?;
        let bit = (self.0[at] ^ other.0[at]).leading_zeros();
        u8::try_from(8 * at as u32 + bit).ok()
    }

    fn under(owner: &[u8; 20], suffix: &[u8; 12]) -> Self {
        let mut key = [0; 32];
        key[..20].copy_from_slice(owner);
        key[20..].copy_from_slice(suffix);
        Self(key)
    }
}

fn leading(digest: &Digest) -> [u8; 20] {
    let mut owner = [0; 20];
    owner.copy_from_slice(&digest.0[..20]);
    owner
}

/// The values under `keys`: as they are at hand, where they are (`at_hand` gives something), and the others
/// all at once by `read`.
///
/// # Errors
/// If `read` fails.
///
/// # Panics
/// If `read` does not give a value or none for each key.
pub fn values_over<E>(
    keys: &[StateKey],
    at_hand: impl Fn(&StateKey) -> Option<Option<Vec<u8>>>,
    read: impl FnOnce(&[StateKey]) -> Result<Vec<Option<Vec<u8>>>, E>,
) -> Result<Vec<Option<Vec<u8>>>, E> {
    let known: Vec<_> = keys.iter().map(at_hand).collect();
    let lacking = keys.iter().zip(&known).filter(|(_, known)| known.is_none());
    let lacking: Vec<StateKey> = lacking.map(|(key, _)| *key).collect();
    let mut rest = read(&lacking)?.into_iter();
    let mut next = || rest.next().expect("a reader answers for each key");
    Ok(known
        .into_iter()
        .map(|known| known.unwrap_or_else(&mut next))
        .collect())
}

/// The value under `key`, decoded.
///
/// # Errors
/// If the reader fails or the value is not what was written.
pub fn read_value<R: StateReader, T: DeserializeOwned>(
    reader: &R,
    key: &StateKey,
) -> Result<Option<T>, StateError<R::Error>> {
    let Some(bytes) = reader.value(key).map_err(StateError::Read)? else {
        return Ok(None);
    };
    decode_value(key, &bytes).map(Some)
}

/// The value that was found under `key`, decoded.
pub(crate) fn decode_value<T: DeserializeOwned, E>(key: &StateKey, bytes: &[u8]) -> Result<T, StateError<E>> {
    decode(bytes, MAX_VALUE_BYTES).map_err(|_| StateError::Damaged { key: *key })
}

/// The hash of a value, as its leaf commits to it.
pub fn value_hash(value: &[u8]) -> Digest {
    sha256(value)
}

impl Account {
    /// Version 1's fields.
    pub fn v1(&self) -> &AccountV1 {
        let Self::V1(account) = self;
        account
    }
}

impl AccountV1 {
    /// How many different assets the account holds.
    pub fn holdings(&self) -> usize {
        self.balances.len() + usize::from(self.other_balances)
    }
}

impl Balance {
    /// How much.
    pub fn amount(&self) -> Amount {
        let Self::V1(balance) = self;
        balance.amount
    }
}

impl Asset {
    /// Version 1's fields.
    pub fn v1(&self) -> &AssetV1 {
        let Self::V1(asset) = self;
        asset
    }
}

impl std::fmt::Display for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl std::fmt::Debug for StateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}
