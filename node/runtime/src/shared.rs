//! What threads share.

use std::sync::Arc;

use quorate_crypto::{Certificate, Height, KnownKeys};
use quorate_storage::{Snapshot, StorageError};

use crate::batches::{BatchStore, Rules};
use crate::committed::Committed;
use crate::config::NodeConfig;
use crate::disks::Disks;
use crate::epoch::SharedEpoch;
use crate::error::NodeError;
use crate::home::Identity;
use crate::inbox::Inbox;
use crate::observers::Observers;
use crate::own_batches::OwnBatches;
use crate::pool::Pool;
use crate::roster::Roster;
use crate::standing::SharedStanding;
use crate::state_cache::StateCache;

/// Clients' keys of each kind whose points are remembered: about 40 MB.
const KNOWN_KEYS: usize = 1 << 16;

/// Certificates that are read at the start for each validator's last seal: one that is slow is not in all.
const SEALS_LOOKED_AT: usize = 64;

/// What more than one thread reads or writes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) epoch: SharedEpoch,
    pub(crate) standing: Arc<SharedStanding>,
    pub(crate) committed: Arc<Committed>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) own: Arc<OwnBatches>,
    pub(crate) batches: Arc<BatchStore>,
    pub(crate) state: Arc<StateCache>,
    pub(crate) keys: Arc<KnownKeys>,
    pub(crate) observers: Arc<Observers>,
}

impl Shared {
    /// As of the chain's tip, with the batches that are on disk and in no block.
    pub(crate) fn new(
        identity: &Identity,
        config: &NodeConfig,
        disks: &Disks,
        inbox: &Inbox,
    ) -> Result<Self, NodeError> {
        let certified = disks.chain.tip().height;
        let snapshot = disks.chain.snapshot()?;
        let committed = Committed::new(certified, snapshot.transaction_count());
        note_seals(&committed, &snapshot, &disks.roster)?;
        let rules = Rules::of(identity.network(), &disks.roster);
        let batches = BatchStore::new(Arc::clone(&disks.chain), rules, inbox.clone());
        batches.restore()?;
        Ok(Self {
            epoch: SharedEpoch::new(disks.roster.clone()),
            standing: Arc::new(SharedStanding::new(certified)),
            committed: Arc::new(committed),
            pool: Arc::new(Pool::new(&config.api)),
            own: Arc::new(OwnBatches::default()),
            batches: Arc::new(batches),
            state: Arc::new(StateCache::default()),
            keys: Arc::new(KnownKeys::new(KNOWN_KEYS)),
            observers: Arc::new(Observers::default()),
        })
    }
}

/// Notes who has sealed last, as the certificates of the last blocks say: on an idle network no seal tells that
/// after a start.
fn note_seals(committed: &Committed, snapshot: &Snapshot, roster: &Roster) -> Result<(), StorageError> {
    let committee = &roster.committee;
    let tip = snapshot.height().0;
    // Those of this epoch: who sealed in another is another's place.
    let heights = (roster.first().0..=tip).rev().take(SEALS_LOOKED_AT);
    for height in heights.map(Height) {
        if committed.last_seals().len() >= committee.size() {
            break;
        }
        let certificate = snapshot.certificate(height)?;
        for seal in certificate.iter().flat_map(Certificate::seals) {
            if let Some(seat) = committee.seat(seal.validator) {
                committed.note_seal(seat.seat, height);
            }
        }
    }
    Ok(())
}
