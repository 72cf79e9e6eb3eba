//! TCP, Noise with the node key, yamux; and the libp2p behaviours on top.

use std::num::NonZeroU8;
use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::kad::{self, store::MemoryStore};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{self, NetworkBehaviour, Swarm};
use libp2p::{PeerId, Transport as _, connection_limits, identify, mdns, noise, tcp};
use socket2::{Domain, SockRef, Socket, Type};

use crate::channel::{IDENTIFY_PROTOCOL, kademlia_protocol};
use crate::doorkeeper::Doorkeeper;
use crate::mux::Yamux;
use crate::resolve::Resolving;
use crate::{Config, NetworkError};

/// Bytes the kernel may hold of a connection that it has not sent yet. What waits beyond that waits in
/// yamux, where a vote passes batches.
const NOT_SENT: u32 = 128 << 10;
/// Connections a peer may have: the one in use, one that replaces it, one on its way out.
const MAX_CONNECTIONS: u32 = 3;
/// Addresses of a peer that are dialled at once.
const DIALS: NonZeroU8 = NonZeroU8::new(2).expect("two is not zero");
/// How often peers tell each other their addresses again.
const IDENTIFY_INTERVAL: Duration = Duration::from_secs(300);

#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p::swarm::derive_prelude")]
pub(crate) struct Behaviour {
    pub(crate) doorkeeper: Doorkeeper,
    limits: connection_limits::Behaviour,
    identify: identify::Behaviour,
    pub(crate) kademlia: Toggle<kad::Behaviour<MemoryStore>>,
    mdns: Toggle<mdns::tokio::Behaviour>,
}

/// A swarm for this configuration, listening nowhere yet.
pub(crate) fn swarm(config: &Config, keypair: &Keypair) -> Result<Swarm<Behaviour>, NetworkError> {
    let local = keypair.public().to_peer_id();
    let swarm_config = swarm::Config::with_tokio_executor()
        .with_max_negotiating_inbound_streams(32)
        .with_dial_concurrency_factor(DIALS);
    Ok(Swarm::new(
        transport(config, keypair)?,
        behaviour(config, keypair, local),
        local,
        swarm_config,
    ))
}

fn transport(config: &Config, keypair: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetworkError> {
    let noise = noise::Config::new(keypair).map_err(|error| NetworkError::Identity {
        reason: error.to_string(),
    })?;
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true)).map(|stream, _| {
        // Where the system has no such option, votes wait behind what the kernel holds.
        let _ = SockRef::from(&stream.0).set_tcp_notsent_lowat(NOT_SENT);
        stream
    });
    let secured = tcp.upgrade(Version::V1).authenticate(noise).multiplex(Yamux);
    let limits = &config.limits;
    let accepting = TransportTimeout::with_ingoing_timeout(secured.boxed(), limits.accept_timeout);
    let dialling = TransportTimeout::with_outgoing_timeout(accepting.boxed(), limits.dial_timeout);
    Ok(Resolving::new(dialling.boxed()).boxed())
}

fn behaviour(config: &Config, keypair: &Keypair, local: PeerId) -> Behaviour {
    let limits =
        connection_limits::ConnectionLimits::default().with_max_established_per_peer(Some(MAX_CONNECTIONS));
    let identify = identify::Config::new(IDENTIFY_PROTOCOL.to_owned(), keypair.public())
        .with_agent_version(config.software.clone())
        .with_interval(IDENTIFY_INTERVAL)
        .with_cache_size(0);
    let mdns = config
        .mdns
        .then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), local));
    let mdns = mdns.and_then(|started| {
        started
            .inspect_err(|error| tracing::warn!(%error, "not looking for members on the local network"))
            .ok()
    });
    Behaviour {
        doorkeeper: Doorkeeper::new(&config.limits),
        limits: connection_limits::Behaviour::new(limits),
        identify: identify::Behaviour::new(identify),
        kademlia: config.kademlia.then(|| kademlia(config, local)).into(),
        mdns: mdns.into(),
    }
}

/// Kademlia as an address book of members: it stores no records, and only this node's own knowledge of
/// members gets into its table.
fn kademlia(config: &Config, local: PeerId) -> kad::Behaviour<MemoryStore> {
    let mut settings = kad::Config::new(kademlia_protocol(&config.network));
    settings
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_record_ttl(None)
        .set_replication_interval(None)
        .set_publication_interval(None)
        .set_provider_publication_interval(None)
        .set_query_timeout(Duration::from_secs(10));
    let mut kademlia = kad::Behaviour::with_config(local, MemoryStore::new(local), settings);
    kademlia.set_mode(Some(kad::Mode::Server));
    kademlia
}

/// Whether the address can be listened on. libp2p shares ports between its listeners, so that a second
/// node on the same port would start and get some of the first one's connections.
pub(crate) fn check_port_is_free(address: std::net::SocketAddr) -> std::io::Result<()> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}
