//! The beginning of keys: what a proof of the state is about (`docs/formats.md`, section 12).

use std::cmp::Ordering;
use std::fmt;

use quorate_crypto::Address;
use serde::{Deserialize, Serialize};

use super::key::kind;
use crate::StateKey;

/// Bits of a whole key.
const KEY_BITS: u16 = 256;

/// Bits of a kind: all that it has.
const KIND_BITS: u16 = 8;

/// Bits of a kind and an address: all that an account has of that kind.
const OWNER_BITS: u16 = 168;

/// The first `bits` bits of keys, 0 to 256; in `key` the others are 0. Prefixes are ordered by key, then by
/// bits, so one that covers others comes right before them.
///
/// As text it is `key` as 64 hex digits, `/` and `bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prefix {
    /// How many bits, from the most significant of the first byte on.
    pub bits: u16,
    /// The bits, and zeros.
    pub key: [u8; 32],
}

impl Prefix {
    /// The prefix of these bits; none if there are more than 256, or a later one is set.
    pub fn new(bits: u16, key: [u8; 32]) -> Option<Self> {
        let prefix = Self { bits, key };
        prefix.is_well_formed().then_some(prefix)
    }

    /// One key, whole.
    pub fn of_key(key: &StateKey) -> Self {
        Self {
            bits: KEY_BITS,
            key: key.0,
        }
    }

    /// An account with all its balances.
    pub fn account(address: &Address) -> Self {
        Self::owned(kind::ACCOUNT, address)
    }

    /// All holds that an account owns.
    pub fn holds(owner: &Address) -> Self {
        Self::owned(kind::HOLD, owner)
    }

    /// All rights that an account was granted.
    pub fn grants(account: &Address) -> Self {
        Self::owned(kind::GRANT, account)
    }

    /// All freezes of an account.
    pub fn freezes(account: &Address) -> Self {
        Self::owned(kind::FREEZE, account)
    }

    /// All keys of a kind, which is their first byte.
    pub fn kind(kind: u8) -> Self {
        let mut key = [0; 32];
        key[0] = kind;
        Self { bits: KIND_BITS, key }
    }

    fn owned(kind: u8, owner: &Address) -> Self {
        let mut prefix = Self::kind(kind);
        prefix.bits = OWNER_BITS;
        prefix.key[1..21].copy_from_slice(owner.as_bytes());
        prefix
    }

    /// Whether there are at most 256 bits, and zeros after them.
    pub fn is_well_formed(&self) -> bool {
        let mut after = (0..=u8::MAX).filter(|depth| u16::from(*depth) >= self.bits);
        self.bits <= KEY_BITS && after.all(|depth| !self.bit(depth))
    }

    /// Whether the key begins with it.
    pub fn covers(&self, key: &StateKey) -> bool {
        agree(&self.key, &key.0, self.bits)
    }

    /// Whether one of the two covers all that the other one does.
    pub fn overlaps(&self, other: &Self) -> bool {
        agree(&self.key, &other.key, self.bits.min(other.bits))
    }

    /// Whether all that lies under an account's address lies under it too.
    pub(crate) fn has_whole_accounts(&self) -> bool {
        self.bits <= OWNER_BITS
    }

    /// Whether it is one that is asked for: of a kind of the page with 8 bits, a whole key of one, or what one
    /// account has of accounts, holds, grants or freezes (section 12, questions).
    pub fn check_question(&self) -> bool {
        let kind = self.key[0];
        let is_shape = match self.bits {
            KIND_BITS | KEY_BITS => true,
            OWNER_BITS => [kind::ACCOUNT, kind::HOLD, kind::GRANT, kind::FREEZE].contains(&kind),
            _ => false,
        };
        is_shape && (kind::ACCOUNT..=kind::SINGLE).contains(&kind) && self.is_well_formed()
    }

    /// The bit at `depth`, 0 after the prefix.
    pub(crate) fn bit(&self, depth: u8) -> bool {
        StateKey(self.key).bit(depth)
    }
}

/// Whether two keys have the same first `bits` bits.
fn agree(one: &[u8; 32], other: &[u8; 32], bits: u16) -> bool {
    let parting = StateKey(*one).parting(&StateKey(*other));
    parting.is_none_or(|depth| u16::from(depth) >= bits)
}

impl Ord for Prefix {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then(self.bits.cmp(&other.bits))
    }
}

impl PartialOrd for Prefix {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", hex::encode(self.key), self.bits)
    }
}
