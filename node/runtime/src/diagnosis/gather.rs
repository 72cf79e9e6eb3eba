//! Gathering the facts from a running node.

use quorate_client::schema::{ConsensusFacts, HeightFacts, PeerFindings};
use quorate_crypto::ValidatorIndex;

use crate::clock;
use crate::node::RunningNode;

impl RunningNode {
    /// What this node sees of itself and its peers.
    pub(crate) fn consensus_facts(&self) -> ConsensusFacts {
        let standing = self.standing.get();
        let tip = self.chain.tip();
        let names = |indices: &[ValidatorIndex]| indices.iter().map(|index| self.name(*index)).collect();
        let links = self.connected();
        let peer = |index: ValidatorIndex| {
            let info = links.get(&index);
            PeerFindings {
                name: self.name(index),
                connected: info.is_some_and(|peer| peer.connected()),
                error: info.and_then(|peer| peer.last_error.clone()),
                round_trip_us: info
                    .and_then(|peer| peer.rtt)
                    .and_then(|time| u64::try_from(time.as_micros()).ok()),
                software: info.and_then(|peer| Some(peer.link.as_ref()?.software.clone())),
                key_doubled: info.is_some_and(|peer| peer.key_doubled),
                own_key_doubled: info.is_some_and(|peer| peer.own_key_doubled),
            }
        };
        let peers: Vec<PeerFindings> = self.links.validators().into_keys().map(peer).collect();
        let connected = peers.iter().filter(|peer| peer.connected);
        let waiting = standing.waiting.iter().map(|waiting| HeightFacts {
            height: waiting.height.0,
            awaits: waiting.awaited.name().to_owned(),
            missing: names(&waiting.missing),
        });
        ConsensusFacts {
            engine: self.committee().engine().to_string(),
            validator: self.epoch.get().now.own_name(),
            view: standing.reign,
            begun: standing.begun,
            primary: self.name(standing.leader),
            certified: standing.certified.0,
            certified_time_ms: tip.timestamp.0,
            clock_ms: clock::now().0,
            stalled_since_ms: self.standing.stalled_since().map(|since| since.0),
            quorum: self.committee().quorum(),
            diverged: standing.diverged,
            quarantined: self.keeper.reason(),
            quarantine_token: self.keeper.token(),
            observing: self
                .observing()
                .into_iter()
                .map(|index| self.name(index))
                .collect(),
            syncing: self.sync.is_running(),
            heights: waiting.collect(),
            unanswered: names(&standing.unanswered),
            unordered_batches: self.batches.len(),
            pending_transactions: self.pool.len(),
            connected: connected.map(|peer| peer.name.clone()).collect(),
            disk_free_bytes: free_bytes(self.home.path()),
            damaged: self
                .self_checked
                .damages()
                .into_iter()
                .map(|damage| format!("{}: {}", damage.place, damage.reason))
                .collect(),
            webhooks: self.webhooks.list(self.committed.height()),
            peers,
        }
    }
}

/// Bytes that a process may still write on the disk of this folder.
pub(crate) fn free_bytes(folder: &std::path::Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}
