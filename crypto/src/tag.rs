//! Domain tags: what is hashed or signed for one purpose can never be taken for another
//! (`docs/formats.md`, section 1).

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::Digest;

/// A domain tag. Content `c` under tag `t` is hashed and signed as `u8(len t) ‖ t ‖ c`.
///
/// A tag has 15 to 40 bytes, so what is hashed under one begins with a byte that no hash of a list or of the state
/// tree begins with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(&'static str);

/// The constants, and the list of them all.
macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $tag:literal;)*) => {
        impl Tag {
            $($(#[$doc])* pub const $name: Self = Self($tag);)*

            /// All tags, in the order of the page's table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

tags! {
    /// A `Key`; the hash's beginning is the address of the account whose first key it is.
    ADDRESS = "quorate/address/v2";
    /// The genesis document; its hash is the network's id.
    GENESIS = "quorate/genesis/v2";
    /// The draft that members sign when they join.
    DRAFT = "quorate/draft/v2";
    /// A join's body, signed by a member's keys.
    JOIN = "quorate/join/v2";
    /// An intent, as signed by its parties; its hash is the transaction's id.
    TRANSACTION = "quorate/transaction/v2";
    /// A transaction with its signatures; the hash stands in the log.
    SIGNED = "quorate/signed/v2";
    /// A text with its salt and length; the preimage, not its hash, is the data of the text's leaf.
    TEXT = "quorate/text/v2";
    /// A batch; its hash is the batch's digest.
    BATCH = "quorate/batch/v2";
    /// A batch's digest, as signed by the batch's author.
    BATCH_AUTHOR = "quorate/batch-author/v2";
    /// A proposal.
    PROPOSAL = "quorate/proposal/v2";
    /// A committee; the hash stands in headers.
    COMMITTEE = "quorate/committee/v2";
    /// A block's header; its hash is the block's hash.
    BLOCK = "quorate/block/v2";
    /// A validator's seal under a block.
    SEAL = "quorate/seal/v2";
    /// The beginning of a history.
    HISTORY_START = "quorate/history-start/v2";
    /// A history's hash and the inner hash of its next step.
    HISTORY = "quorate/history/v2";
    /// A step of a history; its hash is the inner one.
    STEP = "quorate/step/v2";
    /// A transaction's id and the place of an operation in it, for the state key of a hold.
    HOLD = "quorate/hold/v2";
    /// An address and a document's hash, for the state key of an own record.
    OWN_RECORD = "quorate/own-record/v2";
    /// A document's hash, for the state key of a unique record.
    UNIQUE_RECORD = "quorate/unique-record/v2";
    /// A name or key that is in use, for its state key.
    TAKEN = "quorate/taken/v2";
    /// A transaction's id, for the state key of its erasures.
    ERASURE = "quorate/erasure/v2";
    /// A change of the rules or of who takes part; what a ballot is about.
    CHANGE = "quorate/change/v2";
    /// A seat and its keys, as signed by its new keys.
    SEAT_KEYS = "quorate/seat-keys/v2";
    /// What a validator attests about a proposal.
    ATTESTATION = "quorate/attestation/v2";
    /// A validator's word that it stopped, and what it had.
    STAND_DOWN = "quorate/stand-down/v2";
    /// The stand-downs and losses of a recovery.
    STAND_DOWNS = "quorate/stand-downs/v2";
    /// A member's word that a seat's validator is lost.
    LOSS = "quorate/loss/v2";
    /// A recovery, as signed by members; its hash stands in the log.
    RECOVERY = "quorate/recovery/v2";
    /// PBFT's pre-prepare.
    PBFT_PRE_PREPARE = "quorate/pbft/pre-prepare/v2";
    /// PBFT's prepare.
    PBFT_PREPARE = "quorate/pbft/prepare/v2";
    /// PBFT's commit.
    PBFT_COMMIT = "quorate/pbft/commit/v2";
    /// A complaint about a view, which binds nobody.
    PBFT_COMPLAINT = "quorate/pbft/complaint/v2";
    /// PBFT's view-change.
    PBFT_VIEW_CHANGE = "quorate/pbft/view-change/v2";
    /// PBFT's new-view.
    PBFT_NEW_VIEW = "quorate/pbft/new-view/v2";
    /// Raft's request for a vote.
    RAFT_REQUEST_VOTE = "quorate/raft/request-vote/v2";
    /// The answer to it.
    RAFT_VOTE_REPLY = "quorate/raft/vote-reply/v2";
    /// Raft's append.
    RAFT_APPEND_ENTRIES = "quorate/raft/append-entries/v2";
    /// The answer to it.
    RAFT_APPEND_REPLY = "quorate/raft/append-reply/v2";
    /// A leader of Raft hands over.
    RAFT_TIMEOUT_NOW = "quorate/raft/timeout-now/v2";
    /// Paxos's prepare.
    PAXOS_PREPARE = "quorate/paxos/prepare/v2";
    /// Paxos's promise.
    PAXOS_PROMISE = "quorate/paxos/promise/v2";
    /// Paxos's accept request.
    PAXOS_ACCEPT = "quorate/paxos/accept/v2";
    /// The answer to it.
    PAXOS_ACCEPTED = "quorate/paxos/accepted/v2";
    /// Paxos's refusal.
    PAXOS_NACK = "quorate/paxos/nack/v2";
    /// Paxos's word that a value is chosen.
    PAXOS_CHOSEN = "quorate/paxos/chosen/v2";
    /// A distinguished proposer of Paxos hands over.
    PAXOS_YIELD = "quorate/paxos/yield/v2";
    /// A validator's report of where it is.
    STATUS = "quorate/status/v2";
    /// The question of a validator that starts, what it signed.
    INQUIRY = "quorate/inquiry/v2";
    /// The answer to it.
    TESTIMONY = "quorate/testimony/v2";
    /// A wallet's salts (section 4), which no verifier needs.
    WALLET_SALT = "quorate/wallet-salt/v2";
    /// The secret that a wallet's salts are made from (section 4), which no verifier needs.
    WALLET_SECRET = "quorate/wallet-secret/v2";
}

impl Tag {
    /// The tag's text.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The tag's length, as it stands before it.
    const fn length(self) -> u8 {
        // A test holds all tags to 40 bytes.
        self.0.len() as u8
    }

    /// The bytes that are hashed and signed for `content` under this tag.
    pub fn preimage(self, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.0.len() + content.len());
        self.put_preimage(&mut bytes, content);
        bytes
    }

    /// Appends the preimage of `content` to `bytes`.
    pub fn put_preimage(self, bytes: &mut Vec<u8>, content: &[u8]) {
        bytes.push(self.length());
        bytes.extend_from_slice(self.0.as_bytes());
        bytes.extend_from_slice(content);
    }

    /// SHA-256 of the preimage of `content`.
    pub fn hash(self, content: &[u8]) -> Digest {
        self.hash_parts(&[content])
    }

    /// SHA-256 of the preimage of the concatenation of `parts`.
    pub fn hash_parts(self, parts: &[&[u8]]) -> Digest {
        let mut hasher = Sha256::new();
        hasher.update([self.length()]);
        hasher.update(self.0.as_bytes());
        for part in parts {
            hasher.update(part);
        }
        Digest(hasher.finalize().into())
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
