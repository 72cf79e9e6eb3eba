//! Whether this node can be reached where it says: each peer that it has a link with is asked to dial its
//! external addresses, and does the same for its peers.
//!
//! A dial counts only if this node's key is at the other end. The connection that it makes is closed at
//! once and carries nothing.

use std::sync::PoisonError;

use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};

use super::Service;
use super::discovery::dial_error;
use crate::PeerKey;
use crate::dialing::{parse_address, worth_learning};
use crate::hello::printable;
use crate::link::Order;

/// A dial that a peer has asked for.
pub(super) struct Check {
    /// The link that it asked on.
    link: ConnectionId,
    /// As it wrote it.
    address: String,
}

impl Service {
    /// A peer asks whether it can be reached there.
    pub(super) fn on_asked(&mut self, link: ConnectionId, address: String) {
        let Some(asked) = self.links.get(&link) else {
            return;
        };
        let (key, seen) = (asked.peer, asked.address.clone());
        let check = Check { link, address };
        let target = match parse_address(&check.address, Some(key)) {
            Ok(target) if worth_learning(&target, &seen) => target,
            Ok(_) => return self.answer(check, Some("it is an address of nobody, or of this machine")),
            Err(error) => return self.answer(check, Some(&error.to_string())),
        };
        let Ok(id) = key.peer_id() else { return };
        let dial = DialOpts::peer_id(id)
            .addresses(vec![target])
            .condition(PeerCondition::Always)
            .allocate_new_port()
            .build();
        let connection = dial.connection_id();
        match self.swarm.dial(dial) {
            Ok(()) => {
                self.checks.insert(connection, check);
            }
            Err(error) => self.on_check_failed(check, &error),
        }
    }

    /// Whether the connection is one of a check, which is then answered.
    pub(super) fn is_check(&mut self, connection: ConnectionId) -> bool {
        let Some(check) = self.checks.remove(&connection) else {
            return false;
        };
        self.swarm.behaviour_mut().doorkeeper.take(connection);
        self.swarm.close_connection(connection);
        self.answer(check, None);
        true
    }

    pub(super) fn on_check_failed(&self, check: Check, error: &DialError) {
        // Reasons that lie with this node say nothing about the address.
        if !matches!(error, DialError::Denied { .. } | DialError::Aborted) {
            self.answer(check, Some(&dial_error(error)));
        }
    }

    fn answer(&self, check: Check, error: Option<&str>) {
        if let Some(link) = self.links.get(&check.link) {
            let order = Order::Answer {
                address: check.address,
                error: error.map(printable),
            };
            // A link that takes no orders has failed; the peer will ask again on the next.
            let _ = link.orders.try_send(order);
        }
    }

    /// A peer tells whether it has reached this node at an external address.
    pub(super) fn on_dialled(&self, key: PeerKey, address: &str, error: Option<String>) {
        let Some(state) = self.members.get(&key) else {
            return;
        };
        let mut external = self
            .shared
            .external
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = external.get_mut(address) else {
            return;
        };
        let news = seen.insert(key, error.clone()) != Some(error.clone());
        drop(external);
        let peer = state.peer.name();
        match error {
            _ if !news => {}
            None => tracing::info!(%peer, address, "a peer has reached this node at its external address"),
            Some(reason) => tracing::warn!(
                %peer, address, %reason,
                "a peer CANNOT REACH this node at its external address: others may not find it. Mend the \
                 setting `external` in [network], the firewall, or what forwards the port"
            ),
        }
    }
}
