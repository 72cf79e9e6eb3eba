//! Batches of a liar's own: records of nothing, under keys that nobody knows.

use std::collections::{BTreeSet, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_crypto::{Digest, SigningKey, ValidatorIndex, sha256};
use quorate_ledger::{Intent, IntentV1, Operation, Timestamp, Transaction};
use quorate_runtime::Means;

/// When its transactions expire.
const LEAD_MS: u64 = 300_000;

/// What it has packed.
pub(crate) struct Stock {
    key: SigningKey,
    number: u64,
    /// In the order in which they are to be ordered.
    pub(crate) waiting: VecDeque<Digest>,
    /// Those that the driver may know of.
    pub(crate) released: BTreeSet<Digest>,
}

impl Stock {
    pub(crate) fn new() -> Self {
        Self {
            key: SigningKey::generate(),
            number: clock_ms(),
            waiting: VecDeque::new(),
            released: BTreeSet::new(),
        }
    }

    /// The next transaction, and the number of the batch that is to have it.
    pub(crate) fn next(&mut self, network: Digest) -> (u64, Transaction) {
        self.number += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.number.to_le_bytes());
        let intent = Intent::V1(IntentV1 {
            network,
            sender: self.key.public().address(),
            expires_at: Timestamp(clock_ms().saturating_add(LEAD_MS)),
            salt,
            operations: vec![Operation::PutRecord {
                sha256: sha256(&salt),
                label: String::new(),
                metadata: Vec::new(),
            }],
            memo: String::new(),
        });
        (self.number, intent.sign([&self.key]))
    }
}

/// Packs one batch more, shown to these. What was packed is heard of as everything else that is stored.
pub(crate) fn pack(means: &Means, (number, transaction): (u64, Transaction), to: &[ValidatorIndex]) {
    if means.pack(number, vec![transaction], to).is_none() {
        tracing::debug!("a batch of the liar's own has no room");
    }
}

fn clock_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
