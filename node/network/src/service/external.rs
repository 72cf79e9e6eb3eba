//! Whether this node can be reached where it says: each peer that it has a link with is asked to dial its
//! external addresses, and does the same for its peers.
//!
//! A dial counts only if this node's key is at the other end. The connection that it makes is closed at
//! once and carries nothing.
//!
//! A peer must not learn by such dials what this node reaches and the peer does not. So few addresses are dialled
//! ([`may_dial_back`], and those that this node is configured with), few at a time ([`DialBacks`]); and whatever a dial
//! ends with, the peer is told the same. The log of the node that dialled has the reason.

use std::sync::PoisonError;
use std::time::Duration;

use libp2p::Multiaddr;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError};
use tokio::time::{Instant, sleep_until};

use super::Service;
use super::discovery::dial_error;
use crate::PeerKey;
use crate::dialing::parse_address;
use crate::hello::printable;
use crate::link::{Order, Report};
use crate::resolve::resolve;
use crate::scope::may_dial_back;

/// Dials that a peer may ask for at once.
const MOST: u32 = 8;
/// It may ask for one more after this time.
const ONE_MORE_IN: Duration = Duration::from_secs(15);
/// What a peer is told that was not reached, whatever the reason.
const NOT_REACHED: &str =
    "the peer did not reach this node there, or does not dial such an address: the peer's log says which";

/// A dial that a peer has asked for.
#[derive(Debug)]
pub(crate) struct Check {
    /// The link that it asked on.
    link: ConnectionId,
    /// As it wrote it.
    address: String,
    /// When it asked.
    asked: Instant,
}

/// How many dials a peer may still ask for.
#[derive(Debug)]
pub(super) struct DialBacks {
    left: u32,
    /// When the last one was added, or the first one taken.
    since: Instant,
}

impl DialBacks {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            left: MOST,
            since: now,
        }
    }

    /// Takes one, if one is left.
    fn take(&mut self, now: Instant) -> bool {
        while self.left < MOST && now.saturating_duration_since(self.since) >= ONE_MORE_IN {
            self.left += 1;
            self.since += ONE_MORE_IN;
        }
        if self.left == MOST {
            self.since = now;
        }
        let has_one = self.left > 0;
        self.left = self.left.saturating_sub(1);
        has_one
    }
}

impl Service {
    /// A peer asks whether it can be reached there.
    pub(super) fn on_asked(&mut self, link: ConnectionId, address: String) {
        let now = Instant::now();
        let Some(key) = self.links.get(&link).map(|link| link.peer) else {
            return;
        };
        let Some(state) = self.members.get_mut(&key) else {
            return;
        };
        if !state.dial_backs.take(now) {
            // Without an answer the peer goes by what it was told before.
            tracing::debug!(peer = %state.peer.name(), "a peer asks for more dials than it may");
            return;
        }
        let check = Check {
            link,
            address,
            asked: now,
        };
        let target = parse_address(&check.address, Some(key));
        let is_configured = target
            .as_ref()
            .is_ok_and(|target| state.dialing.is_configured(target));
        match target {
            Ok(target) if is_configured => self.dial_back(check, key, vec![target]),
            Ok(target) => {
                let report = self.report.clone();
                tokio::spawn(async move {
                    let found = resolve(&target).await.map_err(|error| error.to_string());
                    // The swarm's task has gone only if the whole network has.
                    let _ = report.send((link, Report::Found { check, found })).await;
                });
            }
            Err(error) => self.answer_not_reached(check, &error.to_string()),
        }
    }

    /// What the name stands for that a peer asks to be dialled at; an address is found as it is.
    pub(super) fn on_found(&mut self, check: Check, found: Result<Vec<Multiaddr>, String>) {
        let Some(link) = self.links.get(&check.link) else {
            return;
        };
        let (key, seen) = (link.peer, link.address.clone());
        match found {
            Ok(mut targets) => {
                targets.retain(|target| may_dial_back(target, &seen));
                self.dial_back(check, key, targets);
            }
            Err(reason) => self.answer_not_reached(check, &reason),
        }
    }

    fn dial_back(&mut self, check: Check, key: PeerKey, targets: Vec<Multiaddr>) {
        if targets.is_empty() {
            let reason = "not dialled: it is no global address, no configured one of this peer, and not where its \
                          link comes from";
            return self.answer_not_reached(check, reason);
        }
        let Ok(id) = key.peer_id() else { return };
        let dial = DialOpts::peer_id(id)
            .addresses(targets)
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
        if let Some(link) = self.links.get(&check.link) {
            let order = Order::Answer {
                address: check.address,
                error: None,
            };
            // A link that takes no orders has failed; the peer will ask again on the next.
            let _ = link.orders.try_send(order);
        }
        true
    }

    pub(super) fn on_check_failed(&self, check: Check, error: &DialError) {
        // Reasons that lie with this node say nothing about the address.
        if !matches!(error, DialError::Denied { .. } | DialError::Aborted) {
            self.answer_not_reached(check, &dial_error(error));
        }
    }

    /// Tells the peer that it was not reached, and the log why. The peer is told once a dial has had its time, so that
    /// the moment does not show whether something refused or was silent.
    fn answer_not_reached(&self, check: Check, reason: &str) {
        let Some(link) = self.links.get(&check.link) else {
            return;
        };
        if let Some(state) = self.members.get(&link.peer) {
            tracing::info!(
                peer = %state.peer.name(), address = %printable(&check.address), reason = %printable(reason),
                "a peer was not reached where it asked to be dialled"
            );
        }
        let order = Order::Answer {
            address: check.address,
            error: Some(NOT_REACHED.to_owned()),
        };
        // A strong sender would keep the link's task from seeing that the swarm's task has gone.
        let orders = link.orders.downgrade();
        let at = check.asked + self.limits.dial_timeout;
        tokio::spawn(async move {
            sleep_until(at).await;
            if let Some(orders) = orders.upgrade() {
                // A link that takes no orders has failed; the peer will ask again on the next.
                let _ = orders.try_send(order);
            }
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_ask_for_a_few_dials_and_then_for_one_in_a_while() {
        let start = Instant::now();
        let mut dial_backs = DialBacks::new(start);
        let taken = (0..600_000u64)
            .step_by(100)
            .filter(|ms| dial_backs.take(start + Duration::from_millis(*ms)))
            .count();
        assert_eq!(taken, 8 + 39);
    }

    #[test]
    fn a_peer_that_was_quiet_for_long_may_ask_for_no_more_than_that() {
        let start = Instant::now();
        let mut dial_backs = DialBacks::new(start);
        let later = start + Duration::from_secs(100_000);
        let taken = |dial_backs: &mut DialBacks| (0..100).filter(|_| dial_backs.take(later)).count();
        assert_eq!(taken(&mut dial_backs), 8);
        assert_eq!(taken(&mut dial_backs), 0);
    }
}
