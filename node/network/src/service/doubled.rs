//! Tells of node keys that two processes use at once: peers' keys, and this node's own.

use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::swarm::ConnectionId;
use tokio::time::Instant;

use super::Service;
use crate::PeerKey;
use crate::doubled::{Replaced, is_bypass};
use crate::link::Order;

impl Service {
    /// Another link to the same peer is used from now on.
    pub(super) fn on_replaced(&mut self, key: PeerKey, id: ConnectionId, by: Multiaddr) {
        let chosen_here = self.shared.local < key;
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        link.replaced = Some(Replaced {
            at: Instant::now(),
            by,
            chosen_here,
        });
        // The link is closed soon, so its other end is asked at once. A link that takes no orders has failed.
        let _ = link.orders.try_send(Order::Ping);
    }

    /// The other end of a link has answered a ping after so long.
    pub(super) fn on_round_trip(&mut self, key: PeerKey, id: ConnectionId, time: Duration) {
        let (Some(state), Some(link)) = (self.members.get_mut(&key), self.links.get(&id)) else {
            return;
        };
        state.peer.set_rtt(id, time);
        let now = Instant::now();
        let asked = now.checked_sub(time).unwrap_or(now);
        if let Some(replaced) = link
            .replaced
            .as_ref()
            .filter(|replaced| replaced.is_outlived(asked))
            && state.doubled.note(now)
        {
            state.peer.set_key_doubled(true);
            tracing::warn!(
                peer = %state.peer.name(), address = %replaced.by, other_address = %link.address,
                "TWO PROCESSES use the node key of this peer at once: a copy of its home runs, or its key was \
                 stolen. Ask its member"
            );
        }
        let (left, address) = (link.left, link.address.clone());
        self.note_bypass(key, id, left, asked, &address);
    }

    /// A sign that this node's own key is doubled, if the peer left the link in use and still had it later.
    pub(super) fn note_bypass(
        &mut self,
        key: PeerKey,
        id: ConnectionId,
        left: Option<Instant>,
        later: Instant,
        address: &Multiaddr,
    ) {
        let is_current = self.current(key).is_some_and(|current| current.link == id);
        let Some(state) = self.members.get_mut(&key).filter(|_| is_current) else {
            return;
        };
        if left.is_some_and(|left| is_bypass(left, later)) && state.own_doubled.note(Instant::now()) {
            state.peer.set_own_key_doubled(true);
            tracing::warn!(
                peer = %state.peer.name(), %address,
                "ANOTHER PROCESS uses this node's key: this peer writes to it and not to this node. A copy of the \
                 home runs, or the key was stolen"
            );
        }
    }

    /// Tells of keys that one process uses again.
    pub(super) fn end_doubled(&mut self, now: Instant) {
        for state in self.members.values_mut() {
            if state.doubled.end(now) {
                state.peer.set_key_doubled(false);
                tracing::info!(peer = %state.peer.name(), "one process uses the node key of this peer again");
            }
            if state.own_doubled.end(now) {
                state.peer.set_own_key_doubled(false);
                tracing::info!(
                    peer = %state.peer.name(),
                    "this peer no longer writes to another process that uses this node's key"
                );
            }
        }
    }
}
