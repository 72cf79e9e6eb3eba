//! A primary that shows its proposals to some validators alone.

use quorate_consensus::{Body, Message, paxos, pbft, raft};
use quorate_crypto::ValidatorIndex;

/// Who is shown its proposals: bit i for validator i.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choosy {
    /// The chosen ones.
    pub shown: u128,
}

impl Choosy {
    /// Whether this message goes to this peer.
    pub fn says(self, to: ValidatorIndex, message: &Message) -> bool {
        let chosen = self.shown.checked_shr(u32::from(to.0)).unwrap_or(0) & 1 == 1;
        chosen || !proposes(&message.v1().body)
    }
}

/// Whether this proposes anything.
pub fn proposes(body: &Body) -> bool {
    match body {
        Body::Pbft(pbft::Body::PrePrepare { .. }) => true,
        Body::Raft(raft::Body::AppendEntries(append)) => !append.entries.is_empty(),
        Body::Paxos(paxos::Body::Accept(accept)) => !accept.values.is_empty(),
        _ => false,
    }
}
