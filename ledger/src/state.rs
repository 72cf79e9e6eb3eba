//! The state: a map from 32-byte keys to canonical values (`docs/formats.md`, section 12).
//!
//! Keys start with a byte of kind, and what belongs to an account goes on with its address, so one subtree
//! holds all of a kind, and one all that an account has of it. An account and its balances in the first
//! four assets share a leaf; all other balances follow under the same prefix.

use quorate_crypto::{Digest, Height};
use serde::de::DeserializeOwned;

use crate::limits::MAX_VALUE_BYTES;
use crate::{Timestamp, decode};

mod genesis;
mod key;
mod memory;
mod overlay;
mod prefix;
mod proof;
mod values;

pub use genesis::*;
pub use key::StateKey;
pub use memory::MemoryState;
pub use overlay::Overlay;
pub use prefix::Prefix;
pub use proof::{
    Found, Leaf, MAX_PROOF_LEAVES, MAX_STATE_PROOF_BYTES, MAX_STEPS, PathStep, StateProof, StateProofError,
    StateProofV1,
};
pub use values::{
    Account, AccountV1, Asset, AssetV1, Attested, Attesting, Balance, BalanceV1, Cast, Counters, CountersV1,
    Erased, Erasure, ErasureV1, Freeze, FreezeV1, GovernanceProposal, GovernanceProposalV1, Grant, GrantV1,
    Guardians, GuardiansV1, Hold, HoldV1, InUse, InUseV1, Inline, Member, MemberStatus, MemberV1, Owner,
    ProposalState, Quota, QuotaShare, QuotaShareV1, QuotaV1, Record, RecordV1, RecoveryMark, RecoveryMarkV1,
    Report, Request, StateValue, Taken, ValueError,
};

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

    /// Whether the transactions with these ids were executed before a block of time `at`, in their order. An
    /// id counts if its leaf in the log has an expiry after `at` (section 9): older ones may be forgotten.
    ///
    /// # Errors
    /// If the log cannot be read.
    fn spent_at(&self, ids: &[Digest], at: Timestamp) -> Result<Vec<bool>, Self::Error>;

    /// The hash of the block at a height of this chain that is not more than 1,000 below the state's; none if there is
    /// none. An attestation names such a block.
    ///
    /// # Errors
    /// If headers cannot be read.
    fn block_hash(&self, height: Height) -> Result<Option<Digest>, Self::Error>;

    /// All values under keys that begin so, ascending by key. Execution asks for an account with all its
    /// balances: every 32nd step of a history commits to them, and its leaf only counts those elsewhere.
    ///
    /// # Errors
    /// As for one value.
    fn values_under(&self, prefix: &Prefix) -> Result<Vec<(StateKey, Vec<u8>)>, Self::Error>;
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

/// The value under `key`, decoded. That the reader has it says that it is the key's own; a value from
/// elsewhere is read by [`StateValue::decode`].
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

/// The hash of a value, as its leaf commits to it: `SHA-256(04 ‖ value)`.
pub fn value_hash(value: &[u8]) -> Digest {
    Digest::of_parts(&[&[4], value])
}
