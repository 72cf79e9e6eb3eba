//! The phases of the protocols, by the names that the papers give them.

use quorate_consensus::{Body, Message, paxos, pbft, raft};
use quorate_crypto::Height;
use serde::{Serialize, Serializer};

/// What a message belongs to. Each protocol's phases are in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// A batch of transactions reaches the validators.
    Request,
    /// PBFT: the primary gives a proposal its height (Castro and Liskov 1999, section 4.2).
    PrePrepare,
    /// PBFT: backups agree on that within the view (4.2).
    Prepare,
    /// PBFT: a quorum knows that a quorum agrees, which outlives the view (4.2).
    Commit,
    /// PBFT: another primary takes over (4.4); complaints, which come before, included.
    ViewChange,
    /// Raft: a term gets its leader (Ongaro and Ousterhout 2014, section 5.2); pre-votes included.
    LeaderElection,
    /// Raft: the leader's entries reach the logs (5.3).
    LogReplication,
    /// Raft: the leader tells what is committed (5.3).
    Commitment,
    /// Paxos: a proposer asks for promises (Lamport 2001, section 2.2, phase 1 a).
    Phase1a,
    /// Paxos: acceptors promise, and tell what they have accepted (phase 1 b).
    Phase1b,
    /// Paxos: the proposer asks acceptors to accept (phase 2 a).
    Phase2a,
    /// Paxos: acceptors accept (phase 2 b).
    Phase2b,
    /// Paxos: an acceptor refuses, as it has promised more (2.2, 2.5).
    Refusal,
    /// Paxos: learners hear what is chosen (2.3).
    Learn,
    /// Blocks are signed, and certified by a quorum: PBFT's checkpoint (4.3), made for each height.
    Seal,
    /// A leader shows that it is alive, and is answered.
    Heartbeat,
    /// Blocks and batches are fetched by whoever lacks them.
    CatchUp,
    /// Where validators are, and, when they start, what they have signed.
    Status,
}

impl Phase {
    /// All phases, in the order in which legends name them.
    pub const ALL: [Self; 18] = [
        Self::Request,
        Self::PrePrepare,
        Self::Prepare,
        Self::Commit,
        Self::ViewChange,
        Self::LeaderElection,
        Self::LogReplication,
        Self::Commitment,
        Self::Phase1a,
        Self::Phase1b,
        Self::Phase2a,
        Self::Phase2b,
        Self::Refusal,
        Self::Learn,
        Self::Seal,
        Self::Heartbeat,
        Self::CatchUp,
        Self::Status,
    ];

    /// The phase of a message, by what it says alone.
    pub fn of(message: &Message) -> Self {
        match &message.v1().body {
            Body::Seal { .. } => Self::Seal,
            Body::Status(_) | Body::Inquiry(_) | Body::Testimony(_) => Self::Status,
            Body::Pbft(body) => match body {
                pbft::Body::PrePrepare { .. } => Self::PrePrepare,
                pbft::Body::Prepare { .. } => Self::Prepare,
                pbft::Body::Commit { .. } => Self::Commit,
                pbft::Body::Complaint { .. } | pbft::Body::ViewChange(_) | pbft::Body::NewView(_) => {
                    Self::ViewChange
                }
            },
            Body::Raft(body) => match body {
                raft::Body::RequestVote(_) | raft::Body::VoteReply(_) | raft::Body::TimeoutNow { .. } => {
                    Self::LeaderElection
                }
                raft::Body::AppendEntries(append) if !append.entries.is_empty() => Self::LogReplication,
                // What is committed and not certified yet is news to followers.
                raft::Body::AppendEntries(append) if append.commit > append.certified => Self::Commitment,
                raft::Body::AppendEntries(_) => Self::Heartbeat,
                // The answer to a leader's first heartbeat, of a log that has nothing.
                raft::Body::AppendReply(reply) if reply.success && reply.index == Height::GENESIS => {
                    Self::Heartbeat
                }
                raft::Body::AppendReply(_) => Self::LogReplication,
            },
            Body::Paxos(body) => match body {
                paxos::Body::Prepare(_) | paxos::Body::Yield(_) => Self::Phase1a,
                paxos::Body::Promise(_) => Self::Phase1b,
                paxos::Body::Accept(accept) if accept.values.is_empty() => Self::Heartbeat,
                paxos::Body::Accept(_) => Self::Phase2a,
                paxos::Body::Accepted(accepted) if accepted.values.is_empty() => Self::Heartbeat,
                paxos::Body::Accepted(_) => Self::Phase2b,
                paxos::Body::Nack(_) => Self::Refusal,
                paxos::Body::Chosen(_) => Self::Learn,
            },
        }
    }

    /// Its name, as the papers have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::PrePrepare => "pre-prepare",
            Self::Prepare => "prepare",
            Self::Commit => "commit",
            Self::ViewChange => "view change",
            Self::LeaderElection => "leader election",
            Self::LogReplication => "log replication",
            Self::Commitment => "commitment",
            Self::Phase1a => "phase 1a prepare",
            Self::Phase1b => "phase 1b promise",
            Self::Phase2a => "phase 2a accept",
            Self::Phase2b => "phase 2b accepted",
            Self::Refusal => "nack",
            Self::Learn => "learn",
            Self::Seal => "seal",
            Self::Heartbeat => "heartbeat",
            Self::CatchUp => "catch-up",
            Self::Status => "status",
        }
    }

    /// Whether such messages come again and again and tell little: charts leave them out unless all is asked
    /// for.
    pub const fn is_routine(self) -> bool {
        matches!(self, Self::Heartbeat | Self::Status)
    }
}

impl Serialize for Phase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
