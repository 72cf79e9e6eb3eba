//! The network between members: bytes in frames over libp2p, and nothing of what they mean.
//!
//! **Who.** A link is a TCP connection under Noise, whose identity is the node key. Only members that
//! are not denied get one ([`Handle::set_members`], [`Handle::deny`]); strangers are turned away once
//! Noise has shown who they are, and before that bounded by the address they come from.
//!
//! **What.** The first frame each way is a handshake that compares networks and looks for a version of the protocol
//! that both sides know. Then each peer has a stream per [`Channel`] and direction, so that votes never wait behind batches, and a
//! stream per request and its answer ([`Handle::request`]). Frames of a channel arrive in order or not at
//! all: when a link breaks, what was on its way is lost, and the protocols above send again.
//!
//! **Where.** Configured addresses are dialled first, for ever; then what mDNS and Kademlia found and
//! what members told of themselves. A node that has explicit external addresses asks each peer to dial
//! them, and warns if one does not reach it there ([`Handle::external`]). A peer dials global addresses, those that it
//! is configured with, and the machine that the link comes from; what became of it, only its own log says. Two peers may dial each other at once; the one with the lower key
//! chooses which connection to use. Where two processes use one key at once, the log says so, at their peers and at
//! each of them ([`PeerInfo::key_doubled`], [`PeerInfo::own_key_doubled`]).
//!
//! # On the wire
//!
//! | stream | content |
//! | --- | --- |
//! | `/quorate/control/2` | `Hello`, then any number of `Control`, at most 1 KiB each |
//! | `/quorate/votes/2`, `/quorate/batches/2` | frames as the runtime sends them |
//! | `/quorate/sync/2` | a request, then an answer of frames of at least a byte, then an empty frame |
//!
//! So `docs/formats.md`, section 18, has it. A frame is a 32-bit little-endian length and that many bytes, of votes at
//! most 2 MiB, of batches at most 4 MiB and 64 bytes. In BCS:
//! `Hello = V1 { network: [u8; 32], protocols: [u32], software: string }`, 1 to 16 protocols, strictly ascending,
//! `Control = V1 (0 Use | 1 Ping u64 | 2 Pong u64 | 3 Dial string | 4 Dialled { address: string, error:
//! Option<string> })`. The names in front are libp2p's multistream-select.
//!
//! # Bounds
//!
//! For each peer, with default [`Limits`], whatever it sends: 32 MiB that a connection has received and
//! nobody has read, on at most 3 connections; 4 MiB of votes and 16 MiB of batches received and waiting
//! for the runtime, frames under assembly included; 4 requests being served, each with 64 KiB of request
//! and two frames of answer of 8 MiB. Where [`Limits::least_votes`] is set, of each peer's votes at most half as many
//! again are taken in a second as of the peer in the middle, and so many at least. Of a peer that has sent 32 frames
//! that break the rules ([`Handle::offended`]) nothing but requests is taken until one is forgotten, which takes two
//! seconds. What this node does itself is bounded too: 4 MiB of votes and 32 MiB of batches wait to be sent to a peer
//! (the bytes of a broadcast are shared between peers), and 4 requests are under way to it, each holding at most two
//! frames.
//!
//! # Example
//!
//! ```
//! use quorate_network::{Channel, Config, NetworkEvent, Limits, PeerConfig, PeerKey, start};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = |seed: u8, peers| Config {
//!     identity: [seed; 32].into(),
//!     listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
//!     external: Vec::new(),
//!     peers,
//!     network: [0; 32],
//!     protocols: vec![1],
//!     software: "example/1".to_owned(),
//!     mdns: false,
//!     kademlia: false,
//!     limits: Limits::default(),
//! };
//! let member = |seed: u8, addresses| PeerConfig {
//!     key: PeerKey::of_seed(&[seed; 32]),
//!     name: format!("node-{seed}"),
//!     addresses,
//! };
//! let (alice, mut seen_by_alice) = start(config(1, vec![member(2, vec![])])).await?;
//! let (bob, mut seen_by_bob) = start(config(2, vec![member(1, alice.listening())])).await?;
//! assert!(matches!(seen_by_alice.recv().await, Some(NetworkEvent::Connected { .. })));
//! alice.send(bob.local(), Channel::Votes, "hello".into())?;
//! loop {
//!     if let Some(NetworkEvent::Message { peer, bytes, .. }) = seen_by_bob.recv().await {
//!         assert_eq!((peer, &bytes[..]), (alice.local(), &b"hello"[..]));
//!         break;
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod channel;
mod config;
mod dialing;
mod doorkeeper;
mod doubled;
mod error;
mod events;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod handler;
mod hello;
mod key;
mod link;
mod mux;
mod offences;
mod pace;
mod peer;
mod pings;
mod queue;
mod resolve;
mod scope;
mod service;
mod sync;
mod traffic;
mod transport;

pub use channel::Channel;
pub use config::{Config, Limits, PeerConfig};
pub use dialing::is_address;
pub use error::{HandshakeField, NetworkError, Reason, ReplyError, RequestError, SendError};
pub use events::{Events, NetworkEvent};
pub use handle::{Handle, start};
pub use key::{InvalidKey, PeerKey};
pub use offences::Offence;
pub use peer::{LinkInfo, PeerInfo};
pub use sync::{MAX_SYNC_ANSWER, MAX_SYNC_FRAME, MAX_SYNC_REQUEST, Reply, Response};
pub use traffic::Traffic;
