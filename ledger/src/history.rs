//! Histories of accounts and assets: chains of hashes over what changed (`docs/formats.md`, section 13).
//!
//! `h_0` is the hash of a [`HistoryStart`], and `h_n` that of `h_(n-1)` and the n-th step's inner hash. So a
//! step that is only passed over costs 32 bytes.

use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Address, Digest, Tag, merkle};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_STEP_CHANGES;
use crate::{Amount, AssetCode, Timestamp, encode};

/// Every so many steps there is a waypoint, whose step has a root over all balances.
pub const WAYPOINT_INTERVAL: u64 = 32;

/// Whose history it is. Owners order as on disk: accounts by address, then assets by code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum HistoryOwner {
    /// An account's.
    Account(Address),
    /// An asset's: its supply stands for a balance.
    Asset(AssetCode),
}

impl fmt::Display for HistoryOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(address) => write!(f, "account {address}"),
            Self::Asset(code) => write!(f, "asset {code}"),
        }
    }
}

/// What a history begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryStart {
    /// The network's id.
    pub network: Digest,
    /// Whose history it is.
    pub owner: HistoryOwner,
    /// The [root](balances_root) over what genesis gives the owner.
    pub balances: Digest,
}

/// What one transaction changed for one owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The step's number in the history, from 1.
    pub number: u64,
    /// The place of the transaction's leaf in the log.
    pub ordinal: u64,
    /// The time of its block.
    pub timestamp: Timestamp,
    /// The hash of its leaf in the log.
    pub leaf: Digest,
    /// Every balance of the owner that the transaction changed, strictly ascending by code; at least one of
    /// free and held differs in each. An asset's is of itself, with its supply as free.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STEP_CHANGES>")]
    pub changes: Vec<BalanceChange>,
    /// In every 32nd step the [root](balances_root) over all that the owner has after it.
    pub balances: Option<Digest>,
}

/// A balance before a transaction and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceChange {
    /// The asset.
    pub asset: AssetCode,
    /// What the owner could spend before.
    pub free_before: Amount,
    /// What it can spend after.
    pub free_after: Amount,
    /// What its open holds had before.
    pub held_before: Amount,
    /// What they have after.
    pub held_after: Amount,
}

/// A balance at a waypoint, or at a history's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalanceItem {
    /// The asset.
    pub asset: AssetCode,
    /// What the owner can spend.
    pub free: Amount,
    /// What its open holds have. One of the two is above 0.
    pub held: Amount,
}

impl HistoryStart {
    /// The start of an owner to whom genesis gives these balances, ascending by code, none empty.
    pub fn new(network: Digest, owner: HistoryOwner, balances: &[BalanceItem]) -> Self {
        Self {
            network,
            owner,
            balances: balances_root(balances),
        }
    }

    /// `h_0`.
    pub fn hash(&self) -> Digest {
        Tag::HISTORY_START.hash(&encode(self))
    }
}

impl Step {
    /// The inner hash: what the step adds to the history.
    pub fn inner(&self) -> Digest {
        Tag::STEP.hash(&encode(self))
    }

    /// Whether it is at a waypoint, and has a root over all balances.
    pub fn is_waypoint(&self) -> bool {
        self.number > 0 && self.number.is_multiple_of(WAYPOINT_INTERVAL)
    }
}

/// `h_n`, given `h_(n-1)` and the inner hash of step n.
pub fn history_hash(before: &Digest, inner: &Digest) -> Digest {
    Tag::HISTORY.hash_parts(&[&before.0, &inner.0])
}

/// The root over these balances, in the order given: ascending by code, none with free and held 0.
pub fn balances_root(balances: &[BalanceItem]) -> Digest {
    merkle::root(balances.iter().map(encode))
}
