//! The kinds of traffic between two peers, each a stream of its own in each direction.

use libp2p::swarm::StreamProtocol;

/// What peers are told by libp2p's identify.
pub(crate) const IDENTIFY_PROTOCOL: &str = "/quorate/2";

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

    /// The most bytes a frame may have: 2 MiB of votes (a view change is the largest), 4 MiB and 64 bytes of
    /// batches (the largest batch and its texts have 4 MiB together).
    pub const fn max_frame(self) -> u32 {
        match self {
            Self::Votes => 2 << 20,
            Self::Batches => (4 << 20) + 64,
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
            Self::Control => "/quorate/control/2",
            Self::Votes => "/quorate/votes/2",
            Self::Batches => "/quorate/batches/2",
            Self::Sync => "/quorate/sync/2",
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
    StreamProtocol::try_from_owned(format!("/quorate/kad/{}/2", hex::encode(&network[..8])))
        .expect("the name starts with a slash")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/formats.md`, section 18.
    #[test]
    fn names_and_limits_are_those_of_the_page() {
        assert_eq!(
            ChannelProtocol::ALL.map(ChannelProtocol::name),
            [
                "/quorate/control/2",
                "/quorate/votes/2",
                "/quorate/batches/2",
                "/quorate/sync/2",
            ]
        );
        let mut network = [0xee; 32];
        network[..8].copy_from_slice(&[0xf8, 0xd1, 0x58, 0x8b, 0xd4, 0x0a, 0x83, 0xc0]);
        assert_eq!(
            kademlia_protocol(&network).as_ref(),
            "/quorate/kad/f8d1588bd40a83c0/2"
        );
        assert_eq!(IDENTIFY_PROTOCOL, "/quorate/2");
        assert_eq!(Channel::ALL.map(Channel::max_frame), [2_097_152, 4_194_368]);
    }
}
