//! What the network is started with.

use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::PeerKey;

/// Everything the network needs to know.
#[derive(Clone)]
pub struct Config {
    /// The seed of this node's Ed25519 key. Zeroed when dropped, never printed.
    pub identity: Zeroizing<[u8; 32]>,
    /// Multiaddresses to listen on, such as `/ip4/0.0.0.0/tcp/9100`.
    pub listen: Vec<String>,
    /// Multiaddresses that others reach this node at, where they differ.
    pub external: Vec<String>,
    /// Who may have a link: the genesis, current and next committee and admitted observers. This node's
    /// own entry is ignored.
    pub peers: Vec<PeerConfig>,
    /// The network's id, compared in the handshake.
    pub network: [u8; 32],
    /// The versions of the network's rules and messages that this program knows, 1 to 16, strictly ascending: the
    /// handshake looks for one that both sides know.
    pub protocols: Vec<u32>,
    /// This program's name and version, told to peers and shown by them; it need not be the same.
    pub software: String,
    /// Whether to look for members on the local network.
    pub mdns: bool,
    /// Whether to ask connected members for the addresses of others.
    pub kademlia: bool,
    /// Bounds and durations.
    pub limits: Limits,
}

/// A member, and where it may be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// Its node key.
    pub key: PeerKey,
    /// Its name in the genesis document, for people.
    pub name: String,
    /// Multiaddresses, tried before any that are found out.
    pub addresses: Vec<String>,
}

/// Bounds and durations that a test or an operator may want otherwise. All bounds are per peer, so that
/// no peer can use up another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of votes that may wait to be sent; then the oldest is dropped.
    pub votes_queue: usize,
    /// Bytes of batches that may wait to be sent; then new ones are refused.
    pub batches_queue: usize,
    /// Bytes of votes received that may wait for the runtime; then the stream is not read.
    pub votes_inbox: u32,
    /// Bytes of batches received that may wait for the runtime; then the stream is not read.
    pub batches_inbox: u32,
    /// Of each peer's votes so many are taken in a second at least; more if the peers in the middle send more. None
    /// where all are taken as they come.
    pub least_votes: Option<u32>,
    /// How often a peer is pinged.
    pub ping_interval: Duration,
    /// How long a peer may take to answer a ping before its connection is closed.
    pub ping_timeout: Duration,
    /// The pause before the first redial.
    pub redial_min: Duration,
    /// The longest pause between redials. Two seconds, so that a member that was cut off is back soon
    /// after the cut heals; a dial costs a member that is away next to nothing.
    pub redial_max: Duration,
    /// How long setting up a connection (TCP, Noise) may take.
    pub dial_timeout: Duration,
    /// How long it may take where the other side has begun it: who has something to say says it at once.
    pub accept_timeout: Duration,
    /// How long the handshake on a new connection may take.
    pub handshake_timeout: Duration,
    /// Connections that may be in the middle of being set up: from members' addresses all together, and from all
    /// others.
    pub pending_inbound: u32,
    /// From one member's address.
    pub pending_of_member: u32,
    /// From one other address.
    pub pending_of_stranger: u32,
    /// Connections a second that one address (an IPv6 /64) may begin, after [`Limits::inbound_burst`].
    pub inbound_rate: u32,
    /// Connections that one address may begin at once.
    pub inbound_burst: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            votes_queue: 4 << 20,
            batches_queue: 32 << 20,
            votes_inbox: 4 << 20,
            batches_inbox: 16 << 20,
            least_votes: None,
            ping_interval: Duration::from_secs(2),
            ping_timeout: Duration::from_secs(4),
            redial_min: Duration::from_millis(100),
            redial_max: Duration::from_secs(2),
            dial_timeout: Duration::from_secs(5),
            handshake_timeout: Duration::from_secs(5),
            accept_timeout: Duration::from_secs(3),
            pending_inbound: 64,
            pending_of_member: 32,
            pending_of_stranger: 8,
            inbound_rate: 16,
            inbound_burst: 64,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("listen", &self.listen)
            .field("external", &self.external)
            .field("peers", &self.peers)
            .field("network", &hex::encode(self.network))
            .field("protocols", &self.protocols)
            .field("software", &self.software)
            .finish_non_exhaustive()
    }
}
