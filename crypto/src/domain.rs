//! Domain tags: what is hashed or signed for one purpose can never be taken for another.

use crate::Digest;

/// A domain tag. Content `c` under tag `t` is hashed and signed as `u8(len t) ‖ t ‖ c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Domain(&'static str);

impl Domain {
    /// The genesis document; its hash is the network id.
    pub const GENESIS: Self = Self("quorate/genesis/v1");
    /// The draft that members sign when they join.
    pub const DRAFT: Self = Self("quorate/draft/v1");
    /// A join file's body.
    pub const JOIN: Self = Self("quorate/join/v1");
    /// What a transaction's signers sign; its hash is the transaction's id.
    pub const TRANSACTION: Self = Self("quorate/transaction/v1");
    /// A batch; its hash is the batch's digest.
    pub const BATCH: Self = Self("quorate/batch/v1");
    /// A batch digest, as signed by the batch's author.
    pub const BATCH_AUTHOR: Self = Self("quorate/batch-author/v1");
    /// A proposal.
    pub const PROPOSAL: Self = Self("quorate/proposal/v1");
    /// A block header; its hash is the block's hash.
    pub const BLOCK: Self = Self("quorate/block/v1");
    /// A validator's seal under a block.
    pub const SEAL: Self = Self("quorate/seal/v1");
    /// A committee.
    pub const COMMITTEE: Self = Self("quorate/committee/v1");
    /// One step of an account's running history hash.
    pub const HISTORY: Self = Self("quorate/history/v1");
    /// An asset code, for the state key of the asset.
    pub const ASSET: Self = Self("quorate/asset/v1");
    /// The state key of the parameters.
    pub const PARAMETERS: Self = Self("quorate/parameters/v1");
    /// The state key of the epoch under way.
    pub const AGREEMENT: Self = Self("quorate/agreement/v1");
    /// A validator's key, for the state key of its seat.
    pub const SEAT: Self = Self("quorate/seat/v1");
    /// PBFT's pre-prepare.
    pub const PBFT_PRE_PREPARE: Self = Self("quorate/pbft/pre-prepare/v1");
    /// PBFT's prepare.
    pub const PBFT_PREPARE: Self = Self("quorate/pbft/prepare/v1");
    /// PBFT's commit.
    pub const PBFT_COMMIT: Self = Self("quorate/pbft/commit/v1");
    /// A complaint about a view, which binds nobody.
    pub const PBFT_COMPLAINT: Self = Self("quorate/pbft/complaint/v1");
    /// PBFT's view-change.
    pub const PBFT_VIEW_CHANGE: Self = Self("quorate/pbft/view-change/v1");
    /// PBFT's new-view.
    pub const PBFT_NEW_VIEW: Self = Self("quorate/pbft/new-view/v1");
    /// Raft's request for a vote.
    pub const RAFT_REQUEST_VOTE: Self = Self("quorate/raft/request-vote/v1");
    /// The answer to it.
    pub const RAFT_VOTE_REPLY: Self = Self("quorate/raft/vote-reply/v1");
    /// Raft's append.
    pub const RAFT_APPEND_ENTRIES: Self = Self("quorate/raft/append-entries/v1");
    /// The answer to it.
    pub const RAFT_APPEND_REPLY: Self = Self("quorate/raft/append-reply/v1");
    /// A leader of Raft hands over.
    pub const RAFT_TIMEOUT_NOW: Self = Self("quorate/raft/timeout-now/v1");
    /// Paxos's prepare.
    pub const PAXOS_PREPARE: Self = Self("quorate/paxos/prepare/v1");
    /// Paxos's promise.
    pub const PAXOS_PROMISE: Self = Self("quorate/paxos/promise/v1");
    /// Paxos's accept request.
    pub const PAXOS_ACCEPT: Self = Self("quorate/paxos/accept/v1");
    /// The answer to it.
    pub const PAXOS_ACCEPTED: Self = Self("quorate/paxos/accepted/v1");
    /// Paxos's refusal.
    pub const PAXOS_NACK: Self = Self("quorate/paxos/nack/v1");
    /// Paxos's word that a value is chosen.
    pub const PAXOS_CHOSEN: Self = Self("quorate/paxos/chosen/v1");
    /// A distinguished proposer of Paxos hands over.
    pub const PAXOS_YIELD: Self = Self("quorate/paxos/yield/v1");
    /// A validator's report of where it is.
    pub const STATUS: Self = Self("quorate/status/v1");
    /// The question of a validator that starts, what it signed.
    pub const INQUIRY: Self = Self("quorate/inquiry/v1");
    /// The answer to it.
    pub const TESTIMONY: Self = Self("quorate/testimony/v1");

    /// The tag's text.
    pub const fn tag(self) -> &'static str {
        self.0
    }

    /// The bytes that are hashed and signed for `content` under this tag.
    pub fn preimage(self, content: &[u8]) -> Vec<u8> {
        let tag = self.0.as_bytes();
        let length = u8::try_from(tag.len()).expect("tags are constants shorter than 256 bytes");
        let mut bytes = Vec::with_capacity(1 + tag.len() + content.len());
        bytes.push(length);
        bytes.extend_from_slice(tag);
        bytes.extend_from_slice(content);
        bytes
    }

    /// SHA-256 of the preimage of `content`.
    pub fn hash(self, content: &[u8]) -> Digest {
        Digest::of_parts(&[&[self.0.len() as u8], self.0.as_bytes(), content])
    }
}
