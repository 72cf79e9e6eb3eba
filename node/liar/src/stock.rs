//! Batches of a liar's own: records of nothing, under keys that nobody knows.

use std::collections::{BTreeSet, VecDeque};
use std::time::{SystemTime, UNIX_EPOCH};

use quorate_client::wallet::TransactionBuilder;
use quorate_crypto::{ClientSigningKey, Digest, ValidatorIndex, sha256};
use quorate_ledger::{Keep, Submission, Timestamp};
use quorate_runtime::Means;

/// When its transactions expire.
const LEAD_MS: u64 = 300_000;

/// What it has packed.
pub(crate) struct Stock {
    key: ClientSigningKey,
    number: u64,
    /// In the order in which they are to be ordered.
    pub(crate) waiting: VecDeque<Digest>,
    /// Those that the driver may know of.
    pub(crate) released: BTreeSet<Digest>,
}

impl Stock {
    pub(crate) fn new() -> Self {
        Self {
            key: ClientSigningKey::generate_ed25519(),
            number: clock_ms(),
            waiting: VecDeque::new(),
            released: BTreeSet::new(),
        }
    }

    /// What is submitted next, and the number of the batch that is to have it.
    pub(crate) fn next(&mut self, network: Digest) -> (u64, Submission) {
        self.number += 1;
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&self.number.to_le_bytes());
        let expires_at = Timestamp(clock_ms().saturating_add(LEAD_MS));
        let unsigned = TransactionBuilder::new(network, self.key.key().address(), expires_at, salt)
            .record(sha256(&salt), Keep::Log, "", Vec::<u8>::new())
            // It has no text, so none needs a salt.
            .build_with(|_| salt);
        (self.number, unsigned.sign([&self.key]))
    }
}

/// Packs one batch more, shown to these. What was packed is heard of as everything else that is stored.
pub(crate) fn pack(means: &Means, (number, submission): (u64, Submission), to: &[ValidatorIndex]) {
    if means.pack(number, vec![submission], to).is_none() {
        tracing::debug!("a batch of the liar's own has no room");
    }
}

fn clock_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
