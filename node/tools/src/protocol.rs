//! The consensus protocols as commands name them.

use clap::ValueEnum;
use quorate_crypto::Engine;

/// The consensus protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProtocolArg {
    /// Practical Byzantine fault tolerance: tolerates validators that lie
    Pbft,
    /// Raft: tolerates validators that fail
    Raft,
    /// Multi-decree Paxos: tolerates validators that fail
    Paxos,
}

impl From<ProtocolArg> for Engine {
    fn from(name: ProtocolArg) -> Self {
        match name {
            ProtocolArg::Pbft => Self::Pbft,
            ProtocolArg::Raft => Self::Raft,
            ProtocolArg::Paxos => Self::Paxos,
        }
    }
}
