//! Admission. Noise has proved a peer's key when the doorkeeper sees it; only members that are not denied
//! get a connection. Strangers are bounded before that by the address they come from, as each costs a
//! Noise handshake; and connections that they have begun leave the places of members' addresses free.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use libp2p::core::{Endpoint, transport::PortUse};
use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, DialFailure, FromSwarm, ListenFailure, NetworkBehaviour, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};

use crate::handler::{self, Handler, Streams};
use crate::{Limits, Reason};

/// Addresses whose recent connections are counted; the one that was quiet longest is forgotten.
const MAX_ADDRESSES: usize = 1024;

/// Addresses of a member that are remembered because it came from there.
const MAX_PROVED: usize = 4;

/// The behaviour that admits members and gives each connection its streams.
pub(crate) struct Doorkeeper {
    members: BTreeSet<PeerId>,
    denied: BTreeSet<PeerId>,
    /// Streams of connections that are being established. The swarm's task takes them.
    streams: BTreeMap<ConnectionId, Streams>,
    arrivals: Arrivals,
    pending_inbound: PendingInbound,
}

/// Why a connection was not admitted.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct Refusal(pub(crate) Reason);

impl Doorkeeper {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            members: BTreeSet::new(),
            denied: BTreeSet::new(),
            streams: BTreeMap::new(),
            arrivals: Arrivals {
                rate: f64::from(limits.inbound_rate),
                burst: f64::from(limits.inbound_burst),
                buckets: BTreeMap::new(),
            },
            pending_inbound: PendingInbound {
                most: limits.pending_inbound,
                most_of_member: limits.pending_of_member,
                most_of_stranger: limits.pending_of_stranger,
                configured: BTreeSet::new(),
                proved: BTreeMap::new(),
                pending: BTreeMap::new(),
            },
        }
    }

    /// Sets who is admitted from now on, and the addresses that members are configured with. Connections that stand
    /// are the caller's business.
    pub(crate) fn admit<'a>(
        &mut self,
        members: BTreeSet<PeerId>,
        denied: BTreeSet<PeerId>,
        addresses: impl Iterator<Item = &'a Multiaddr>,
    ) {
        self.pending_inbound.configured = addresses.filter_map(address_of).collect();
        self.pending_inbound
            .proved
            .retain(|member, _| members.contains(member));
        self.members = members;
        self.denied = denied;
    }

    /// Why `peer` may have no connection, if so.
    pub(crate) fn check(&self, peer: &PeerId) -> Result<(), Reason> {
        if !self.members.contains(peer) {
            Err(Reason::NotAMember)
        } else if self.denied.contains(peer) {
            Err(Reason::Denied)
        } else {
            Ok(())
        }
    }

    /// The streams of a connection that has just been established.
    pub(crate) fn take(&mut self, connection: ConnectionId) -> Option<Streams> {
        self.streams.remove(&connection)
    }

    fn establish(
        &mut self,
        connection: ConnectionId,
        peer: &PeerId,
        remote: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        self.pending_inbound.pending.remove(&connection);
        self.check(peer)
            .map_err(|reason| ConnectionDenied::new(Refusal(reason)))?;
        if let Some(address) = address_of(remote) {
            self.pending_inbound.prove(*peer, address);
        }
        let (handler, streams) = handler::pair();
        self.streams.insert(connection, streams);
        Ok(handler)
    }
}

impl NetworkBehaviour for Doorkeeper {
    type ConnectionHandler = Handler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        match address_of(remote) {
            Some(address)
                if !self.arrivals.admit(address, Instant::now())
                    || !self.pending_inbound.begin(connection, address) =>
            {
                Err(ConnectionDenied::new(Refusal(Reason::TooManyConnections)))
            }
            _ => Ok(()),
        }
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.establish(connection, &peer, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let checked = peer.map_or(Err(Reason::NotAMember), |peer| self.check(&peer));
        checked.map_err(|reason| ConnectionDenied::new(Refusal(reason)))?;
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        remote: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.establish(connection, &peer, remote)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        // Another behaviour may refuse what this one admitted.
        match event {
            FromSwarm::DialFailure(DialFailure { connection_id, .. })
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.streams.remove(&connection_id);
                self.pending_inbound.pending.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

/// Connections that others have begun and that are no links yet, by the addresses they come from.
///
/// An address that is a member's, as it is configured or because a member came from there lately, has places of its
/// own: nobody else can take them but from that address.
struct PendingInbound {
    /// At a time of all members' addresses, and of all others.
    most: u32,
    /// At a time of each member's address.
    most_of_member: u32,
    /// At a time of each other address.
    most_of_stranger: u32,
    configured: BTreeSet<IpAddr>,
    /// Where members came from, the latest last.
    proved: BTreeMap<PeerId, Vec<IpAddr>>,
    pending: BTreeMap<ConnectionId, IpAddr>,
}

impl PendingInbound {
    /// Counts a connection, if there is a place for it.
    fn begin(&mut self, connection: ConnectionId, address: IpAddr) -> bool {
        let from = |wanted: &dyn Fn(&IpAddr) -> bool| {
            let count = self.pending.values().filter(|address| wanted(address)).count();
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let is_members = self.is_members(&address);
        let most_of_address = match is_members {
            true => self.most_of_member,
            false => self.most_of_stranger,
        };
        let has_place = from(&|other| *other == address) < most_of_address
            && from(&|other| self.is_members(other) == is_members) < self.most;
        if has_place {
            self.pending.insert(connection, address);
        }
        has_place
    }

    fn is_members(&self, address: &IpAddr) -> bool {
        self.configured.contains(address) || self.proved.values().any(|known| known.contains(address))
    }

    /// A member came from there.
    fn prove(&mut self, member: PeerId, address: IpAddr) {
        let known = self.proved.entry(member).or_default();
        known.retain(|other| *other != address);
        if known.len() >= MAX_PROVED {
            known.remove(0);
        }
        known.push(address);
    }
}

/// A token bucket per address.
struct Arrivals {
    rate: f64,
    burst: f64,
    buckets: BTreeMap<IpAddr, Bucket>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Arrivals {
    fn admit(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.buckets.len() >= MAX_ADDRESSES && !self.buckets.contains_key(&address) {
            let quietest = self
                .buckets
                .iter()
                .min_by_key(|(_, bucket)| bucket.at)
                .map(|(address, _)| *address);
            quietest.and_then(|address| self.buckets.remove(&address));
        }
        let (rate, burst) = (self.rate, self.burst);
        let bucket = self.buckets.entry(address).or_insert(Bucket {
            tokens: burst,
            at: now,
        });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(burst);
        bucket.at = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }
}

/// Who a connection is counted under: an IPv4 address, or the /64 of an IPv6 one.
fn address_of(remote: &Multiaddr) -> Option<IpAddr> {
    remote.iter().find_map(|part| match part {
        Part::Ip4(address) => Some(address.into()),
        Part::Ip6(address) => {
            let prefix = u128::from(address) & (u128::MAX << 64);
            Some(std::net::Ipv6Addr::from(prefix).into())
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn arrivals() -> Arrivals {
        Arrivals {
            rate: 10.0,
            burst: 20.0,
            buckets: BTreeMap::new(),
        }
    }

    #[test]
    fn a_flood_from_one_address_is_cut_and_others_pass() {
        let (mut arrivals, now) = (arrivals(), Instant::now());
        let (flood, other) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert_eq!((0..1000).filter(|_| arrivals.admit(flood, now)).count(), 20);
        assert!(arrivals.admit(other, now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| arrivals.admit(flood, later)).count(), 10);
    }

    #[test]
    fn strangers_leave_the_places_of_members_addresses_free() {
        let (here, there) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let mut pending_inbound = PendingInbound {
            most: 6,
            most_of_member: 3,
            most_of_stranger: 2,
            configured: [here].into(),
            proved: BTreeMap::new(),
            pending: BTreeMap::new(),
        };
        pending_inbound.prove(PeerId::random(), there);
        let mut connections = (0..).map(ConnectionId::new_unchecked);
        let mut begun = |address| {
            let begun = connections
                .by_ref()
                .take(10)
                .filter(|id| pending_inbound.begin(*id, address));
            begun.collect::<Vec<_>>()
        };
        let strangers: Vec<ConnectionId> = (0..10)
            .flat_map(|last| begun(IpAddr::from([192, 0, 2, last])))
            .collect();
        assert_eq!(strangers.len(), 6);
        assert_eq!((begun(here).len(), begun(there).len()), (3, 3));
        // A place is free again once the connection is made, or has failed.
        pending_inbound.pending.remove(&strangers[0]);
        assert!(pending_inbound.begin(ConnectionId::new_unchecked(1_000), IpAddr::from([192, 0, 2, 77])));
    }

    #[test]
    fn the_memory_for_addresses_is_bounded() {
        let (mut arrivals, now) = (arrivals(), Instant::now());
        for address in 0..10_000u32 {
            assert!(arrivals.admit(std::net::Ipv4Addr::from(address).into(), now));
        }
        assert_eq!(arrivals.buckets.len(), MAX_ADDRESSES);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let of = |text: &str| address_of(&text.parse().unwrap());
        assert_eq!(of("/ip6/2001:db8::1/tcp/1"), of("/ip6/2001:db8::ffff/tcp/2"));
        assert_ne!(of("/ip6/2001:db8::1/tcp/1"), of("/ip6/2001:db8:0:1::1/tcp/1"));
        assert_ne!(of("/ip4/10.0.0.1/tcp/1"), of("/ip4/10.0.0.2/tcp/1"));
    }
}
