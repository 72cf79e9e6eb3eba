//! The task that owns the swarm: admits, dials, chooses between two links to one peer, and closes what
//! has failed. Frames do not pass through it.

mod discovery;
mod doubled;
mod external;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use futures::StreamExt as _;
use libp2p::swarm::{ConnectionId, ListenError, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

pub(crate) use self::external::Check;
use self::external::DialBacks;
use self::refusals::{Refusals, denial};
use crate::dialing::{COURTESY, Dialing};
use crate::doubled::{Doubled, Replaced};
use crate::events::EventQueue;
use crate::handle::{Shared, Wanted};
use crate::hello::HelloV1;
use crate::link::{LINGER, Link, MAX_ASKED, Order, Report};
use crate::peer::{LinkInfo, Outlet, Peer};
use crate::transport::{Behaviour, BehaviourEvent};
use crate::{Config, Limits, NetworkEvent, PeerKey, Reason};

/// A link that was chosen so recently is not given up for another: both peers dialled at once.
const SETTLED: Duration = Duration::from_secs(2);
/// How long a replaced link is kept, for what is still on its way.
const RETIREMENT: Duration = Duration::from_secs(2);
/// A link that lasted so long was a good one: its peer is dialled again without a long pause.
const WORKED: Duration = Duration::from_secs(1);
/// Orders to a link that may wait: to begin, to ping, and an answer for each dial that its peer may ask for.
const MAX_ORDERS: usize = 3 + MAX_ASKED;
/// Reports of links that may wait.
const MAX_REPORTS: usize = 64;
/// How long stopping may take to send what is queued, and then to close.
const DRAIN: Duration = Duration::from_millis(500);

pub(crate) struct Service {
    swarm: Swarm<Behaviour>,
    shared: Arc<Shared>,
    events: Arc<EventQueue>,
    hello: Arc<HelloV1>,
    external: Arc<[String]>,
    limits: Limits,
    wanted: watch::Receiver<Wanted>,
    stopped: watch::Sender<bool>,
    members: BTreeMap<PeerKey, MemberState>,
    links: BTreeMap<ConnectionId, LinkState>,
    /// Connections to close, and when.
    closes: BTreeSet<(Instant, ConnectionId)>,
    /// Dials that peers have asked for.
    checks: BTreeMap<ConnectionId, Check>,
    next_lookup: Instant,
    refusals: Refusals,
    report: mpsc::Sender<(ConnectionId, Report)>,
    reports: mpsc::Receiver<(ConnectionId, Report)>,
}

struct MemberState {
    id: PeerId,
    peer: Arc<Peer>,
    dialing: Dialing,
    denied: bool,
    /// The link in use; the peer counts as connected while there is one.
    current: Option<Current>,
    /// Whether two processes use its key at once.
    doubled: Doubled,
    /// Whether the peer shows that another process uses this node's key.
    own_doubled: Doubled,
    /// How often it may still ask to be dialled.
    dial_backs: DialBacks,
}

#[derive(Clone, Copy)]
struct Current {
    link: ConnectionId,
    since: Instant,
}

struct LinkState {
    peer: PeerKey,
    orders: mpsc::Sender<Order>,
    task: AbortHandle,
    address: Multiaddr,
    outbound: bool,
    /// Once the handshake has passed: the way out and the program at the other end.
    ready: Option<(Arc<Outlet>, String)>,
    /// Whether it has been the link in use.
    used: bool,
    /// Set while another link is used in its place.
    replaced: Option<Replaced>,
    /// Since when the peer writes no more on it.
    left: Option<Instant>,
    /// Why it is being closed.
    reason: Option<Reason>,
}

impl Service {
    pub(crate) fn new(
        swarm: Swarm<Behaviour>,
        config: &Config,
        shared: Arc<Shared>,
        events: Arc<EventQueue>,
        wanted: watch::Receiver<Wanted>,
        stopped: watch::Sender<bool>,
    ) -> Self {
        let (report, reports) = mpsc::channel(MAX_REPORTS);
        let hello = HelloV1::new(config.network, config.protocols.clone(), &config.software);
        let mut service = Self {
            swarm,
            shared,
            events,
            hello: Arc::new(hello),
            external: config.external.iter().take(MAX_ASKED).cloned().collect(),
            limits: config.limits.clone(),
            wanted,
            stopped,
            members: BTreeMap::new(),
            links: BTreeMap::new(),
            closes: BTreeSet::new(),
            checks: BTreeMap::new(),
            next_lookup: Instant::now(),
            refusals: Refusals::default(),
            report,
            reports,
        };
        service.apply_wanted();
        service
    }

    pub(crate) async fn run(mut self) {
        loop {
            let next = self.next_timer();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_swarm_event(event),
                Some((id, report)) = self.reports.recv() => self.on_report(id, report),
                changed = self.wanted.changed() => {
                    if changed.is_err() || self.wanted.borrow().stop {
                        break;
                    }
                    self.apply_wanted();
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.on_timer(),
            }
        }
        self.stop().await;
    }

    /// Brings members and deny list to what the runtime wants.
    fn apply_wanted(&mut self) {
        let wanted = self.wanted.borrow_and_update().clone();
        let now = Instant::now();
        let gone: Vec<PeerKey> = self
            .members
            .keys()
            .filter(|key| !wanted.members.contains_key(key))
            .copied()
            .collect();
        for (key, member) in &wanted.members {
            let Ok(id) = key.peer_id() else { continue };
            let state = self.members.entry(*key).or_insert_with(|| {
                let courtesy = if self.shared.local < *key {
                    Duration::ZERO
                } else {
                    COURTESY
                };
                let mut dialing = Dialing::new(Vec::new(), courtesy);
                dialing.soon(now);
                let peer = Arc::new(Peer::new(*key, &member.name, &self.limits));
                MemberState {
                    id,
                    peer,
                    dialing,
                    denied: false,
                    current: None,
                    doubled: Doubled::default(),
                    own_doubled: Doubled::default(),
                    dial_backs: DialBacks::new(now),
                }
            });
            state.peer.set_name(&member.name);
            state.dialing.configure(member.addresses.clone());
            if let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut() {
                for address in &member.addresses {
                    kademlia.add_address(&id, address.clone());
                }
            }
        }
        let ids =
            |keys: &mut dyn Iterator<Item = &PeerKey>| keys.filter_map(|key| key.peer_id().ok()).collect();
        let (admitted, denied) = (ids(&mut wanted.members.keys()), ids(&mut wanted.denied.iter()));
        let addresses = wanted.members.values().flat_map(|member| &member.addresses);
        let doorkeeper = &mut self.swarm.behaviour_mut().doorkeeper;
        doorkeeper.admit(admitted, denied, addresses);

        for (key, state) in &mut self.members {
            let denied = wanted.denied.contains(key);
            if std::mem::replace(&mut state.denied, denied) == denied {
                continue;
            }
            if denied {
                state.dialing.rest();
            } else {
                state.dialing.soon(now);
            }
        }
        let unwanted: Vec<_> = self
            .links
            .iter()
            .filter_map(|(id, link)| {
                let reason = if !wanted.members.contains_key(&link.peer) {
                    Reason::NotAMember
                } else if wanted.denied.contains(&link.peer) {
                    Reason::Denied
                } else {
                    return None;
                };
                Some((*id, reason))
            })
            .collect();
        for (id, reason) in unwanted {
            self.close(id, reason);
        }
        for key in gone {
            if let Some(state) = self.members.remove(&key)
                && let Some(kademlia) = self.swarm.behaviour_mut().kademlia.as_mut()
            {
                kademlia.remove_peer(&state.id);
            }
        }
        let peers = self
            .members
            .iter()
            .map(|(key, state)| (*key, state.peer.clone()))
            .collect();
        *self.shared.peers.write().unwrap_or_else(PoisonError::into_inner) = peers;
    }

    fn next_timer(&self) -> Option<Instant> {
        let close = self.closes.first().map(|(at, _)| *at);
        self.members
            .values()
            .flat_map(|state| {
                [
                    state.dialing.next(),
                    state.doubled.ends(),
                    state.own_doubled.ends(),
                ]
            })
            .flatten()
            .chain(close)
            .min()
    }

    fn on_timer(&mut self) {
        let now = Instant::now();
        while let Some((at, id)) = self.closes.first().copied()
            && at <= now
        {
            self.closes.pop_first();
            self.swarm.close_connection(id);
        }
        let due: Vec<PeerKey> = self
            .members
            .iter()
            .filter(|(_, state)| state.dialing.next().is_some_and(|at| at <= now))
            .map(|(key, _)| *key)
            .collect();
        for key in due {
            self.dial(key, now);
        }
        self.end_doubled(now);
    }

    fn on_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                if self.is_check(connection_id) {
                    return;
                }
                let address = without_peer_id(endpoint.get_remote_address());
                self.on_established(peer_id, connection_id, address, endpoint.is_dialer());
            }
            SwarmEvent::ConnectionClosed {
                connection_id, cause, ..
            } => {
                let cause = cause.map_or_else(|| "without an error".to_owned(), |cause| cause.to_string());
                self.on_closed(connection_id, cause);
            }
            SwarmEvent::OutgoingConnectionError {
                connection_id,
                peer_id: Some(id),
                error,
            } => {
                if let Some(check) = self.checks.remove(&connection_id) {
                    self.on_check_failed(check, &error);
                } else if let Some(key) = PeerKey::of_peer_id(&id) {
                    self.on_dial_failure(key, &error);
                }
            }
            SwarmEvent::IncomingConnectionError {
                send_back_addr,
                error,
                peer_id,
                ..
            } => {
                if let ListenError::Denied { cause } = error {
                    let peer = peer_id.as_ref().and_then(PeerKey::of_peer_id);
                    self.refuse(peer, &send_back_addr, denial(&cause));
                } else {
                    tracing::debug!(from = %send_back_addr, %error, "a connection did not come about");
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                let mut listening = self
                    .shared
                    .listening
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if !listening.contains(&address) {
                    listening.push(address);
                }
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                let mut listening = self
                    .shared
                    .listening
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                listening.retain(|held| *held != address);
            }
            SwarmEvent::ListenerClosed {
                reason: Err(error), ..
            } => {
                tracing::error!(%error, "a listener has failed: no connections come in over it");
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(%error, "accepting a connection failed")
            }
            SwarmEvent::Behaviour(event) => self.on_behaviour_event(event),
            _ => {}
        }
    }

    fn on_established(&mut self, id: PeerId, connection: ConnectionId, address: Multiaddr, outbound: bool) {
        let streams = self.swarm.behaviour_mut().doorkeeper.take(connection);
        let key = PeerKey::of_peer_id(&id);
        let (Some(streams), Some(key)) = (streams, key) else {
            return;
        };
        // Membership may have changed since the doorkeeper let it pass.
        let Some(state) = self.members.get_mut(&key).filter(|state| !state.denied) else {
            self.swarm.close_connection(connection);
            return;
        };
        state.dialing.rest();
        let (orders, received) = mpsc::channel(MAX_ORDERS);
        let link = Link {
            id: connection,
            peer: state.peer.clone(),
            streams,
            hello: self.hello.clone(),
            external: self.external.clone(),
            events: self.events.clone(),
            reports: self.report.clone(),
            orders: received,
            limits: self.limits.clone(),
        };
        let task = tokio::spawn(link.run()).abort_handle();
        let link = LinkState {
            peer: key,
            orders,
            task,
            address,
            outbound,
            ready: None,
            used: false,
            replaced: None,
            left: None,
            reason: None,
        };
        self.links.insert(connection, link);
    }

    fn on_report(&mut self, id: ConnectionId, report: Report) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.reason.is_none()) else {
            return;
        };
        let key = link.peer;
        match report {
            Report::Ready { outlet, software } => {
                link.ready = Some((outlet, software));
                if self.shared.local < key {
                    self.choose(key, id);
                }
            }
            Report::Left => {
                link.left.get_or_insert_with(Instant::now);
            }
            Report::Chosen if self.shared.local < key => {
                self.close(
                    id,
                    Reason::Violation("the peer chose a link, and it is ours to choose"),
                );
            }
            // Said twice, it means no more than once.
            Report::Chosen if self.current(key).is_some_and(|current| current.link == id) => {}
            Report::Chosen => self.use_link(key, id, Order::Start),
            Report::RoundTrip(time) => self.on_round_trip(key, id, time),
            Report::Asked(address) => self.on_asked(id, address),
            Report::Found { check, found } => self.on_found(check, found),
            Report::Dialled { address, error } => self.on_dialled(key, &address, error),
            Report::Failed(reason) => self.close(id, reason),
        }
    }

    fn current(&self, key: PeerKey) -> Option<Current> {
        self.members.get(&key).and_then(|state| state.current)
    }

    /// The newest link is known to work, so it replaces the one in use, unless that one is as new.
    fn choose(&mut self, key: PeerKey, id: ConnectionId) {
        match self.current(key) {
            Some(current) if current.since.elapsed() < SETTLED => self.close(id, Reason::Superseded),
            Some(current) => {
                self.use_link(key, id, Order::Choose);
                self.closes.insert((Instant::now() + RETIREMENT, current.link));
            }
            None => self.use_link(key, id, Order::Choose),
        }
    }

    fn use_link(&mut self, key: PeerKey, id: ConnectionId, order: Order) {
        let (Some(state), Some(link)) = (self.members.get_mut(&key), self.links.get_mut(&id)) else {
            return;
        };
        let Some((outlet, software)) = link.ready.clone() else {
            return;
        };
        link.used = true;
        link.replaced = None;
        self.closes.retain(|(_, closing)| *closing != id);
        let previous = state.current.replace(Current {
            link: id,
            since: Instant::now(),
        });
        let address = link.address.to_string();
        let outbound = link.outbound;
        state.peer.activate(
            outlet,
            LinkInfo {
                address: address.clone(),
                outbound,
                since: SystemTime::now(),
                software: software.clone(),
            },
        );
        if previous.is_none() {
            tracing::info!(peer = %state.peer.name(), %address, outbound, %software, "link up");
            self.events.link(NetworkEvent::Connected {
                peer: key,
                address,
                software,
                outbound,
            });
        }
        // The runtime knows of the link; now its frames may come. A link that takes no orders has failed.
        let _ = link.orders.try_send(order);
        let by = link.address.clone();
        if let Some(previous) = previous.filter(|previous| previous.link != id) {
            self.on_replaced(key, previous.link, by);
        }
    }

    /// Begins to close a connection; the rest follows when it has closed.
    fn close(&mut self, id: ConnectionId, reason: Reason) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.reason.is_some() {
            return;
        }
        link.reason = Some(reason.clone());
        let (key, address, ready, left) = (link.peer, link.address.clone(), link.ready.is_some(), link.left);
        if matches!(reason, Reason::Closed(_)) {
            self.note_bypass(key, id, left, Instant::now(), &address);
        }
        let was_current = self.leave(key, id, &reason);
        self.note_error(key, ready, &reason);
        if matches!(reason, Reason::Mismatch { .. }) {
            self.closes.insert((Instant::now() + LINGER, id));
        } else {
            self.swarm.close_connection(id);
        }
        // A link that was in use has been told as disconnected, one that was never needed is no news.
        if !was_current && !ready && !matches!(reason, Reason::Closed(_) | Reason::Shutdown) {
            self.refuse(Some(key), &address, reason);
        }
    }

    /// If `id` is the link in use, the peer is disconnected, or goes on over another that is ready.
    fn leave(&mut self, key: PeerKey, id: ConnectionId, reason: &Reason) -> bool {
        let Some(state) = self.members.get_mut(&key) else {
            return false;
        };
        let Some(current) = state.current.filter(|current| current.link == id) else {
            return false;
        };
        if current.since.elapsed() >= WORKED {
            state.dialing.worked();
        }
        state.current = None;
        tracing::info!(peer = %state.peer.name(), %reason, "link down");
        state.peer.deactivate(reason.to_string());
        self.events.link(NetworkEvent::Disconnected {
            peer: key,
            reason: reason.clone(),
        });
        let others = self.links.iter().rev().filter(|(other, link)| {
            **other != id && link.peer == key && link.ready.is_some() && link.reason.is_none()
        });
        let (used, fresh): (Vec<_>, Vec<_>) = others
            .map(|(other, link)| (*other, link.used))
            .partition(|(_, used)| *used);
        // A link that was left once is written to no more, and its other end may not know: it had a second process
        // for a while, say. Closed, it is missed at both ends, and dialled again.
        for (other, _) in used {
            self.close(other, Reason::Superseded);
        }
        if self.shared.local < key {
            if let Some((spare, _)) = fresh.first() {
                self.use_link(key, *spare, Order::Choose);
            }
        } else {
            // It is the peer's to choose one of them, soon or never.
            let by = Instant::now() + RETIREMENT;
            self.closes
                .extend(fresh.into_iter().map(|(other, _)| (by, other)));
        }
        true
    }

    fn on_closed(&mut self, id: ConnectionId, cause: String) {
        self.closes.retain(|(_, closing)| *closing != id);
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        let (key, ready) = (link.peer, link.ready.is_some());
        let reason = match link.reason {
            Some(reason) => {
                link.task.abort();
                reason
            }
            // The peer has closed it. What arrived before is read by the link's task, which then ends.
            None => Reason::Closed(cause),
        };
        if matches!(reason, Reason::Closed(_)) {
            self.note_bypass(key, id, link.left, Instant::now(), &link.address);
        }
        self.leave(key, id, &reason);
        let linked = self.links.values().any(|other| other.peer == key);
        if let Some(state) = self.members.get_mut(&key)
            && !linked
            && !state.denied
        {
            state.dialing.again(Instant::now(), &self.limits);
            self.note_error(key, ready, &reason);
        }
    }

    /// Why there is no link; logged when it changes.
    fn note_error(&self, key: PeerKey, ready: bool, reason: &Reason) {
        let Some(state) = self.members.get(&key) else {
            return;
        };
        let error = match reason {
            Reason::Closed(_) if !ready => {
                "the peer ended the connection before its handshake, as it does with strangers".to_owned()
            }
            reason => reason.to_string(),
        };
        if state.peer.set_error(&error) {
            tracing::info!(peer = %state.peer.name(), reason = %error, "no link");
        }
    }

    fn refuse(&mut self, peer: Option<PeerKey>, address: &Multiaddr, reason: Reason) {
        let address = without_peer_id(address).to_string();
        if self.refusals.is_news(peer, &reason) {
            let member = peer.and_then(|peer| self.members.get(&peer));
            let peer = match (member, peer) {
                (Some(state), _) => state.peer.name(),
                (None, Some(peer)) => format!("no member, with node key {peer}"),
                (None, None) => "unknown".to_owned(),
            };
            tracing::warn!(peer, %address, %reason, "refused a connection");
        }
        // Where the runtime does not keep up, it misses some.
        self.events.refused(NetworkEvent::Refused {
            peer,
            address,
            reason,
        });
    }

    async fn stop(mut self) {
        let deadline = Instant::now() + DRAIN;
        self.members.values_mut().for_each(|state| state.dialing.rest());
        while self
            .members
            .values()
            .any(|state| state.current.is_some() && !state.peer.drained())
            && Instant::now() < deadline
        {
            let pause = Instant::now() + Duration::from_millis(5);
            while let Ok(event) = timeout_at(pause, self.swarm.select_next_some()).await {
                self.on_swarm_event(event);
            }
        }
        let open: Vec<ConnectionId> = self.links.keys().copied().collect();
        for id in open {
            self.close(id, Reason::Shutdown);
        }
        let deadline = Instant::now() + DRAIN;
        while !self.links.is_empty() {
            match timeout_at(deadline, self.swarm.select_next_some()).await {
                Ok(event) => self.on_swarm_event(event),
                Err(_) => break,
            }
        }
        self.links.values().for_each(|link| link.task.abort());
        // The listeners close with the swarm, so the port is free when the caller goes on.
        drop(self.swarm);
        self.events.close();
        self.stopped.send_replace(true);
    }
}

fn without_peer_id(address: &Multiaddr) -> Multiaddr {
    address
        .iter()
        .filter(|part| !matches!(part, libp2p::multiaddr::Protocol::P2p(_)))
        .collect()
}
