//! Who may sign for an account (`docs/formats.md`, section 2).

use quorate_crypto::Key;
use quorate_crypto::bounded::bounded_vec;
use serde::{Deserialize, Serialize};

use crate::limits::MAX_SIGNERS;

/// A key that may sign for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signer {
    /// The key.
    pub key: Key,
    /// Its weight, at least 1.
    pub weight: u16,
}

/// The keys that may sign for an account, and the weight that authorises a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signers {
    /// The sum of weights that authorises a transaction. Whether it can be reached is judged in execution.
    pub threshold: u32,
    /// 1 to 16, strictly ascending by encoded key.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNERS>")]
    pub signers: Vec<Signer>,
}

/// Why signers are malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignersError {
    /// No signer, or more than 16.
    #[error("there are {count} signers, 1 to 16 are allowed")]
    Count {
        /// Signers found.
        count: usize,
    },
    /// Signers out of order, or a key twice.
    #[error("the signers are not strictly ascending by key")]
    Unordered,
    /// A signer without a weight.
    #[error("the signer {key} has the weight 0")]
    Weightless {
        /// Its key.
        key: Key,
    },
}

impl Signers {
    /// What an account without signers has: the key with its address.
    pub fn sole(key: Key) -> Self {
        let (threshold, weight) = (1, 1);
        let signers = vec![Signer { key, weight }];
        Self { threshold, signers }
    }

    /// Checks number, order and weights. Whether the keys are good and the threshold can be reached is judged in
    /// execution.
    pub fn check_form(&self) -> Result<(), SignersError> {
        let count = self.signers.len();
        if !(1..=MAX_SIGNERS).contains(&count) {
            return Err(SignersError::Count { count });
        }
        if !self.signers.is_sorted_by(|a, b| a.key < b.key) {
            return Err(SignersError::Unordered);
        }
        match self.signers.iter().find(|signer| signer.weight == 0) {
            Some(signer) => Err(SignersError::Weightless { key: signer.key }),
            None => Ok(()),
        }
    }

    /// The weight of a key; none if it is not one of the signers.
    pub fn weight_of(&self, key: &Key) -> Option<u16> {
        let signer = self.signers.iter().find(|signer| signer.key == *key);
        signer.map(|signer| signer.weight)
    }

    /// All weights together.
    pub fn total_weight(&self) -> u32 {
        let weights = self.signers.iter().map(|signer| u32::from(signer.weight));
        weights.fold(0, u32::saturating_add)
    }

    /// Whether the threshold is above 0 and all signers together reach it.
    pub fn is_reachable(&self) -> bool {
        (1..=self.total_weight()).contains(&self.threshold)
    }
}
