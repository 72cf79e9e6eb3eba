//! The runtime's hand on the network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use libp2p::Multiaddr;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::{Swarm, SwarmEvent};
use tokio::sync::watch;

use crate::dialing::{parse_address, parse_addresses};
use crate::events::EventQueue;
use crate::hello::are_protocols;
use crate::offences::Offence;
use crate::peer::Peer;
use crate::service::Service;
use crate::transport::{self, Behaviour};
use crate::{
    Channel, Config, Events, NetworkError, PeerConfig, PeerInfo, PeerKey, RequestError, Response, SendError,
    sync,
};

/// How long the system may take to say which addresses a listener has. A listener on all interfaces has
/// none while there is no interface; it gets them later.
const LISTEN_DEADLINE: Duration = Duration::from_secs(1);

/// Sends, asks and administers. Cheap to clone; when the last clone is dropped, the network stops.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    queue: Arc<EventQueue>,
    wanted: Arc<watch::Sender<Wanted>>,
    stopped: watch::Receiver<bool>,
}

/// What the handle and the swarm's task both see.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) local: PeerKey,
    pub(crate) peers: RwLock<BTreeMap<PeerKey, Arc<Peer>>>,
    pub(crate) listening: Mutex<Vec<Multiaddr>>,
    /// External addresses, and what came of each peer's last dial there: nothing if it has reached this node.
    pub(crate) external: Mutex<BTreeMap<String, BTreeMap<PeerKey, Option<String>>>>,
}

/// What the runtime wants; the swarm's task brings it about. The last word counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) members: BTreeMap<PeerKey, Member>,
    pub(crate) denied: BTreeSet<PeerKey>,
    pub(crate) stop: bool,
}

/// A member whose key and addresses have been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) addresses: Vec<Multiaddr>,
}

/// Starts the network inside the current tokio runtime. When it returns, this node listens, and
/// [`Handle::listening`] says where.
pub async fn start(config: Config) -> Result<(Handle, Events), NetworkError> {
    let local = PeerKey::of_seed(&config.identity);
    let mut seed = config.identity.clone();
    let keypair =
        Keypair::ed25519_from_bytes(seed.as_mut_slice()).map_err(|error| NetworkError::Identity {
            reason: error.to_string(),
        })?;
    if !are_protocols(&config.protocols) {
        return Err(NetworkError::Protocols {
            count: config.protocols.len(),
        });
    }
    let members = checked(&config.peers, local)?;
    let mut swarm = transport::swarm(&config, &keypair)?;
    for address in &config.external {
        swarm.add_external_address(parse_address(address, Some(local))?);
    }
    let listening = listen(&mut swarm, &config.listen, local).await?;

    let shared = Arc::new(Shared {
        local,
        peers: RwLock::new(BTreeMap::new()),
        listening: Mutex::new(listening),
        external: Mutex::new(
            config
                .external
                .iter()
                .map(|address| (address.clone(), BTreeMap::new()))
                .collect(),
        ),
    });
    let queue = Arc::new(EventQueue::new(config.limits.least_votes));
    let (wanted, wanted_by_runtime) = watch::channel(Wanted {
        members,
        ..Wanted::default()
    });
    let (stopping, stopped) = watch::channel(false);
    let service = Service::new(
        swarm,
        &config,
        shared.clone(),
        queue.clone(),
        wanted_by_runtime,
        stopping,
    );
    tokio::spawn(service.run());
    Ok((
        Handle {
            shared,
            queue: queue.clone(),
            wanted: Arc::new(wanted),
            stopped,
        },
        Events::new(queue),
    ))
}

impl Handle {
    /// This node's key.
    pub fn local(&self) -> PeerKey {
        self.shared.local
    }

    /// The multiaddresses this node listens on, ports that the system chose filled in.
    pub fn listening(&self) -> Vec<String> {
        let listening = self
            .shared
            .listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listening.iter().map(Multiaddr::to_string).collect()
    }

    /// What peers have found of this node's external addresses, each as it is configured: for each peer that
    /// has dialled there, why it did not reach this node, or nothing.
    pub fn external(&self) -> BTreeMap<String, BTreeMap<PeerKey, Option<String>>> {
        let external = self
            .shared
            .external
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        external.clone()
    }

    /// Queues a frame. That it was queued does not mean that it arrives.
    pub fn send(&self, peer: PeerKey, channel: Channel, frame: Bytes) -> Result<(), SendError> {
        self.peer(peer)
            .ok_or(SendError::UnknownPeer(peer))?
            .send(channel, frame)
    }

    /// Queues a frame for every connected member; they share its bytes. Returns the connected members
    /// whose queue was full.
    pub fn broadcast(&self, channel: Channel, frame: &Bytes) -> Vec<PeerKey> {
        let peers = self.shared.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers
            .values()
            .filter(|peer| {
                let sent = peer.send(channel, frame.clone());
                matches!(
                    sent,
                    Err(SendError::QueueFull { .. } | SendError::TooLarge { .. })
                )
            })
            .map(|peer| peer.key)
            .collect()
    }

    /// All members but this node, connected or not, in the order of their keys.
    pub fn peers(&self) -> Vec<PeerInfo> {
        let peers = self.shared.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.values().map(|peer| peer.info()).collect()
    }

    /// Whether there is a link to this member.
    pub fn is_linked(&self, peer: PeerKey) -> bool {
        self.peer(peer).is_some_and(|peer| peer.info().connected())
    }

    /// Asks a peer. The answer comes in frames, all of them within the deadline.
    pub async fn request(
        &self,
        peer: PeerKey,
        request: Bytes,
        within: Duration,
    ) -> Result<Response, RequestError> {
        let peer = self.peer(peer).ok_or(RequestError::UnknownPeer(peer))?;
        sync::ask(peer, request, within).await
    }

    /// Counts a frame of this peer that nobody who keeps the rules sends: it does not decode, or its signature does
    /// not fit. A few are free; after that nothing more of its votes and batches is taken but one in two seconds,
    /// until that is forgotten. It says whether that is so now, and what is worth a line in the log: at most two a
    /// minute and peer.
    pub fn offended(&self, peer: PeerKey) -> Offence {
        self.queue.offended(peer)
    }

    /// Sets who may have a link, in place of those before. Links of others are closed.
    pub fn set_members(&self, members: &[PeerConfig]) -> Result<(), NetworkError> {
        let members = checked(members, self.shared.local)?;
        self.wanted.send_modify(|wanted| wanted.members = members);
        Ok(())
    }

    /// Sets what is taken of each peer's votes in a second at least, as [`crate::Limits::least_votes`] does at the start, and
    /// by whose votes more is allowed: who only listens says nothing of how much is usual.
    pub fn set_pace(&self, least_votes: Option<u32>, voters: &[PeerKey]) {
        self.queue.set_pace(least_votes, voters.iter().copied().collect());
    }

    /// Closes the links with these peers and refuses new ones, both ways, until they are allowed.
    pub fn deny(&self, peers: &[PeerKey]) {
        self.wanted.send_modify(|wanted| wanted.denied.extend(peers));
    }

    /// Takes these peers off the deny list and dials them.
    pub fn allow(&self, peers: &[PeerKey]) {
        self.wanted
            .send_modify(|wanted| wanted.denied.retain(|peer| !peers.contains(peer)));
    }

    /// The deny list.
    pub fn denied(&self) -> Vec<PeerKey> {
        self.wanted.borrow().denied.iter().copied().collect()
    }

    /// Sends what is queued, within half a second, closes all links and stops listening.
    pub async fn shutdown(&self) {
        self.wanted.send_modify(|wanted| wanted.stop = true);
        let mut stopped = self.stopped.clone();
        // An error means that the task has gone, which is what is waited for.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    }

    fn peer(&self, key: PeerKey) -> Option<Arc<Peer>> {
        let peers = self.shared.peers.read().unwrap_or_else(PoisonError::into_inner);
        peers.get(&key).cloned()
    }
}

fn checked(peers: &[PeerConfig], local: PeerKey) -> Result<BTreeMap<PeerKey, Member>, NetworkError> {
    let mut members = BTreeMap::new();
    for peer in peers.iter().filter(|peer| peer.key != local) {
        peer.key.peer_id().map_err(|_| NetworkError::MemberKey {
            name: peer.name.clone(),
        })?;
        let addresses = parse_addresses(&peer.addresses, peer.key)?;
        members.insert(
            peer.key,
            Member {
                name: peer.name.clone(),
                addresses,
            },
        );
    }
    Ok(members)
}

/// Listens on all addresses and waits until the system has said where that is.
async fn listen(
    swarm: &mut Swarm<Behaviour>,
    texts: &[String],
    local: PeerKey,
) -> Result<Vec<Multiaddr>, NetworkError> {
    let mut waiting = Vec::new();
    for text in texts {
        let address = parse_address(text, Some(local))?;
        let socket = socket_address(&address).ok_or_else(|| NetworkError::Address {
            address: text.clone(),
            reason: "listening needs an IP address",
        })?;
        transport::check_port_is_free(socket).map_err(|error| listen_error(text, error))?;
        let id = swarm.listen_on(address).map_err(|error| match error {
            libp2p::TransportError::Other(error) => listen_error(text, error),
            libp2p::TransportError::MultiaddrNotSupported(_) => NetworkError::Address {
                address: text.clone(),
                reason: "the transport does not know it",
            },
        })?;
        waiting.push(id);
    }
    let mut listening = Vec::new();
    let all = async {
        while !waiting.is_empty() {
            match futures::StreamExt::select_next_some(&mut *swarm).await {
                SwarmEvent::NewListenAddr { listener_id, address } => {
                    waiting.retain(|id| *id != listener_id);
                    listening.push(address);
                }
                SwarmEvent::ListenerClosed {
                    reason: Err(error), ..
                } => return Err(error),
                _ => {}
            }
        }
        Ok(())
    };
    let listened = tokio::time::timeout(LISTEN_DEADLINE, all).await;
    listened
        .unwrap_or(Ok(()))
        .map_err(|error| listen_error(&texts.join(", "), error))?;
    Ok(listening)
}

fn socket_address(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Part::Ip4(ip) => ip.into(),
        Part::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match parts.next()? {
        Part::Tcp(port) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

fn listen_error(address: &str, error: std::io::Error) -> NetworkError {
    let address = address.to_owned();
    if error.kind() == std::io::ErrorKind::AddrInUse {
        NetworkError::PortInUse { address }
    } else {
        NetworkError::Listen { address, error }
    }
}
