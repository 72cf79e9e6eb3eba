//! Finding members: dialling them, and taking in addresses that identify, Kademlia and mDNS bring.

use std::time::Duration;

use libp2p::swarm::DialError;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::{Multiaddr, PeerId, identify, kad, mdns};
use tokio::time::Instant;

use super::refusals::denial;
use super::{Service, without_peer_id};
use crate::PeerKey;
use crate::dialing::{parse_address, worth_learning};
use crate::transport::BehaviourEvent;

/// Pause between questions to Kademlia.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(5);
/// Dials of a member that must have failed before Kademlia is asked for it.
const LOOKUP_AFTER: u32 = 2;
/// Addresses taken from one message about a peer.
const MAX_TOLD: usize = 8;

impl Service {
    pub(super) fn dial(&mut self, key: PeerKey, now: Instant) {
        let Some(state) = self.members.get_mut(&key) else {
            return;
        };
        state.dialing.rest();
        if state.dialing.failures() >= LOOKUP_AFTER
            && now >= self.next_lookup
            && let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut()
        {
            kademlia.get_closest_peers(state.id);
            self.next_lookup = now + LOOKUP_INTERVAL;
        }
        let dial = DialOpts::peer_id(state.id)
            .addresses(state.dialing.addresses())
            .condition(PeerCondition::DisconnectedAndNotDialing)
            .allocate_new_port()
            .build();
        match self.swarm.dial(dial) {
            Ok(()) => {}
            // A dial of Kademlia's is under way, or a connection is closing.
            Err(DialError::DialPeerConditionFalse(_)) => self.look_again(key, now),
            Err(error) => self.on_dial_failure(key, &error),
        }
    }

    fn look_again(&mut self, key: PeerKey, now: Instant) {
        let linked = self.links.values().any(|link| link.peer == key);
        if let Some(state) = self.members.get_mut(&key)
            && !linked
            && !state.denied
        {
            state.dialing.again(now, &self.limits);
        }
    }

    pub(super) fn on_dial_failure(&mut self, key: PeerKey, error: &DialError) {
        let linked = self.links.values().any(|link| link.peer == key);
        let Some(state) = self.members.get_mut(&key) else {
            return;
        };
        if linked || state.denied {
            return;
        }
        state.dialing.again(Instant::now(), &self.limits);
        let reason = dial_error(error);
        if state.peer.set_error(&reason) {
            tracing::info!(peer = %state.peer.name(), %reason, "no link");
        }
    }

    pub(super) fn on_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Identify(identify::Event::Received {
                connection_id,
                peer_id,
                info,
            }) => {
                let Some(seen) = self.links.get(&connection_id).map(|link| link.address.clone()) else {
                    return;
                };
                self.learn(peer_id, info.listen_addrs, Some(&seen));
            }
            BehaviourEvent::Kademlia(kad::Event::OutboundQueryProgressed {
                result: kad::QueryResult::GetClosestPeers(result),
                ..
            }) => {
                let peers = match result {
                    Ok(found) => found.peers,
                    Err(kad::GetClosestPeersError::Timeout { peers, .. }) => peers,
                };
                for peer in peers {
                    self.learn(peer.peer_id, peer.addrs, None);
                }
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => {
                for (peer, address) in found {
                    self.learn(peer, vec![address], None);
                }
            }
            _ => {}
        }
    }

    /// Takes in addresses of a member, which others or itself have told. A member without a link is
    /// dialled there.
    pub(super) fn learn(&mut self, id: PeerId, told: Vec<Multiaddr>, seen: Option<&Multiaddr>) {
        let Some(key) = PeerKey::of_peer_id(&id) else {
            return;
        };
        let linked = self.links.values().any(|link| link.peer == key);
        let Some(state) = self.members.get_mut(&key) else {
            return;
        };
        let mut news = false;
        for address in told.into_iter().take(MAX_TOLD) {
            let Ok(address) = parse_address(&address.to_string(), Some(key)) else {
                continue;
            };
            if !worth_learning(&address, seen.unwrap_or(&address)) {
                continue;
            }
            news |= state.dialing.learn(address.clone());
            // What a connected member says of itself is worth telling to others.
            if seen.is_some()
                && let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut()
            {
                kademlia.add_address(&id, address);
            }
        }
        if news && !linked && !state.denied {
            state.dialing.soon(Instant::now());
        }
    }
}

/// One line for people; libp2p's own text has several.
pub(super) fn dial_error(error: &DialError) -> String {
    match error {
        DialError::NoAddresses => "no address is known".to_owned(),
        DialError::WrongPeerId { obtained, address } => {
            let other =
                PeerKey::of_peer_id(obtained).map_or_else(|| obtained.to_string(), |key| key.to_string());
            format!("at {} there is another node, {other}", without_peer_id(address))
        }
        DialError::LocalPeerId { address } => format!("{} is this node itself", without_peer_id(address)),
        DialError::Denied { cause } => denial(cause).to_string(),
        DialError::Transport(errors) => {
            let tried: Vec<String> = errors
                .iter()
                .map(|(address, error)| format!("{}: {}", without_peer_id(address), innermost(error)))
                .collect();
            tried.join("; ")
        }
        other => other.to_string(),
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
