//! The kinds of traffic between two peers, each a stream of its own in each direction.

use libp2p::swarm::StreamProtocol;

/// What [`crate::Handle::send`] sends. Each peer has one long-lived stream per channel and direction, so
/// that nothing on one channel waits behind the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Small and urgent: consensus messages. When a peer's queue is full, the oldest frame is dropped,
    /// as the protocol sends again what is still wanted.
    Votes,
    /// Large and many: batches. When a peer's queue is full, the new frame is refused.
    Batches,
}

impl Channel {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Votes, Self::Batches];

    /// The most bytes a frame may have: 2 MiB of votes (a view change is the largest), 4.5 MiB of
    /// batches (the largest batch has 4 MiB).
    pub const fn max_frame(self) -> u32 {
        match self {
            Self::Votes => 2 << 20,
            Self::Batches => 9 << 19,
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Votes => 0,
            Self::Batches => 1,
        }
    }

    pub(crate) const fn protocol(self) -> ChannelProtocol {
        match self {
            Self::Votes => ChannelProtocol::Votes,
            Self::Batches => ChannelProtocol::Batches,
        }
    }

    /// The channel's name, as in logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Votes => "votes",
            Self::Batches => "batches",
        }
    }
}

/// What a stream of a connection is for, negotiated by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelProtocol {
    /// The handshake, then which of two links is to be used.
    Control,
    /// [`Channel::Votes`].
    Votes,
    /// [`Channel::Batches`].
    Batches,
    /// One request and its answer.
    Sync,
}

impl ChannelProtocol {
    pub(crate) const ALL: [Self; 4] = [Self::Control, Self::Votes, Self::Batches, Self::Sync];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Control => "/quorate/control/1",
            Self::Votes => "/quorate/votes/1",
            Self::Batches => "/quorate/batches/1",
            Self::Sync => "/quorate/sync/1",
        }
    }
}

impl AsRef<str> for ChannelProtocol {
    fn as_ref(&self) -> &str {
        self.name()
    }
}

/// The routing protocol's name carries the network's id, so that networks never share a table.
pub(crate) fn kademlia_protocol(network: &[u8; 32]) -> StreamProtocol {
    StreamProtocol::try_from_owned(format!("/quorate/kad/{}/1", hex::encode(&network[..8])))
        .expect("the name starts with a slash")
}
