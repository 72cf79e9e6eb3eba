//! What can go wrong, as values.

use std::io;

use crate::hello::MAX_PROTOCOLS;
use crate::{Channel, PeerKey};

/// Why the network does not start, or does not take a list of members.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The port is not free.
    #[error(
        "cannot listen on {address}: the port is in use, by another process or by a connection that was closed less \
         than a minute ago"
    )]
    PortInUse {
        /// The address as configured.
        address: String,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address as configured.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// The text is not an address of the form that links are made over.
    #[error(
        "`{address}` is not an address such as /ip4/10.0.0.1/tcp/9100 or /dns/node.example/tcp/9100: {reason}"
    )]
    Address {
        /// The text.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A member's node key is not a point of the curve.
    #[error("the node key of {name} is not an Ed25519 public key")]
    MemberKey {
        /// The member's name.
        name: String,
    },
    /// The versions of the protocol are none, too many, or in no order.
    #[error("{count} versions of the protocol: 1 to {MAX_PROTOCOLS} are told to peers, each once, ascending")]
    Protocols {
        /// How many were given.
        count: usize,
    },
    /// Noise could not be set up with this identity.
    #[error("cannot use the node key: {reason}")]
    Identity {
        /// Why.
        reason: String,
    },
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The key is not a member's.
    #[error("{0} is not a member")]
    UnknownPeer(PeerKey),
    /// There is no link at the moment.
    #[error("no link to {0}")]
    NotConnected(PeerKey),
    /// The peer's queue is full: it reads more slowly than is sent.
    #[error("the queue of {} to {peer} is full", channel.name())]
    QueueFull {
        /// The peer.
        peer: PeerKey,
        /// Whose queue.
        channel: Channel,
    },
    /// The frame is larger than the channel allows.
    #[error("a frame of {size} bytes, where the channel of {} allows {}", channel.name(), channel.max_frame())]
    TooLarge {
        /// The channel.
        channel: Channel,
        /// The frame's size.
        size: usize,
    },
}

/// Why a request has no answer, or no more of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The key is not a member's.
    #[error("{0} is not a member")]
    UnknownPeer(PeerKey),
    /// There is no link at the moment.
    #[error("no link to {0}")]
    NotConnected(PeerKey),
    /// As many requests to this peer are under way as may be.
    #[error("{0} requests to this peer are under way already")]
    TooManyRequests(usize),
    /// The request, or its answer, is larger than allowed.
    #[error("{what} of {size} bytes, where {limit} are allowed")]
    TooLarge {
        /// Which of them.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The most.
        limit: u64,
    },
    /// The deadline passed first.
    #[error("no complete answer within the deadline")]
    Deadline,
    /// The peer refused, gave up, or the link broke before the answer was complete.
    #[error("the answer was cut off: {0}")]
    Interrupted(String),
}

/// Why the rest of an answer cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The peer no longer wants it, was too slow, or the link broke.
    #[error("the peer no longer takes the answer")]
    Gone,
    /// A frame is empty or has more than [`crate::MAX_SYNC_FRAME`] bytes.
    #[error("a frame of an answer has 1 to {limit} bytes, not {size}", limit = crate::MAX_SYNC_FRAME)]
    FrameSize {
        /// Its size.
        size: usize,
    },
    /// The answer as a whole would be larger than [`crate::MAX_SYNC_ANSWER`].
    #[error("an answer has at most {} bytes", crate::MAX_SYNC_ANSWER)]
    AnswerSize,
}

/// A field of the handshake in which both sides have to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeField {
    /// The network's id, the hash of its genesis document.
    Network,
    /// The versions of the protocol: one at least has to be known to both.
    ProtocolVersion,
}

impl std::fmt::Display for HandshakeField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Network => "network id (genesis hash)",
            Self::ProtocolVersion => "protocol version",
        })
    }
}

/// Why a link was refused or ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The peer's node key is not a member's.
    #[error("not a member of this network")]
    NotAMember,
    /// The peer is on the deny list.
    #[error("denied by the operator")]
    Denied,
    /// The peer has more connections than a peer needs, or too many are being set up.
    #[error("too many connections")]
    TooManyConnections,
    /// The two sides do not belong together.
    #[error("the {field} differs: ours is {ours}, the peer's {theirs}")]
    Mismatch {
        /// What differs.
        field: HandshakeField,
        /// This node's value.
        ours: String,
        /// The peer's value.
        theirs: String,
    },
    /// The peer's first words were not a handshake.
    #[error("the handshake is unreadable: {0}")]
    BadHandshake(String),
    /// The peer did not complete the handshake in time.
    #[error("no handshake in time")]
    HandshakeTimeout,
    /// The peer sent a frame above its channel's limit.
    #[error("a frame of {size} bytes on {channel}, where {limit} are allowed")]
    FrameTooLarge {
        /// The stream's name.
        channel: &'static str,
        /// As announced.
        size: u32,
        /// The most.
        limit: u32,
    },
    /// The peer did something else that the protocol does not allow.
    #[error("protocol violation: {0}")]
    Violation(&'static str),
    /// The peer stopped answering.
    #[error("no answer to pings")]
    PingTimeout,
    /// A newer link to the same peer took this one's place.
    #[error("replaced by a newer link")]
    Superseded,
    /// The connection ended.
    #[error("closed: {0}")]
    Closed(String),
    /// This node is stopping.
    #[error("this node is stopping")]
    Shutdown,
}
