//! What a node tells the API about itself and its chain: facts in the ledger's types, not yet shaped
//! for anybody.

use quorate_client::schema::{SlownessView, VotingView};
use quorate_crypto::{Committee, Protocol, PublicKey};
use quorate_ledger::{Digest, Epoch, Height, Parameters, Timestamp, ValidatorIndex};

/// Where a node and its network are right now.
#[derive(Clone, Debug)]
pub struct StatusFacts {
    /// This node's name in the genesis document.
    pub validator: String,
    /// The engine of the epoch.
    pub consensus: Protocol,
    /// The epoch.
    pub epoch: Epoch,
    /// The reign that this replica is in: a view, a term or a ballot's round.
    pub view: u64,
    /// The name of the primary or leader, if there is one now.
    pub primary: Option<String>,
    /// The last certified block here.
    pub tip: TipFacts,
    /// Whether the node knows that it is behind and is fetching blocks.
    pub syncing: bool,
    /// Why this validator does not vote until somebody acts; none if it votes.
    pub does_not_vote: Option<String>,
    /// Names of validators that have not told yet what this one signed before its start; it votes once enough have.
    pub asking: Vec<String>,
    /// Names of the validators that follow the chain and do not vote, as each says of itself.
    pub observing: Vec<String>,
    /// That so many do that the others are no quorum, and what that means; none if they are.
    pub no_quorum_left: Option<String>,
    /// Connected peers.
    pub peers: usize,
    /// Transactions admitted here and not yet executed.
    pub pending_transactions: usize,
    /// Transactions executed since genesis.
    pub transactions: u64,
}

/// The last certified block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TipFacts {
    /// Its height; 0 before the first block.
    pub height: Height,
    /// Its hash; the network id before the first block.
    pub hash: Digest,
    /// The root of the state after it.
    pub state_root: Digest,
    /// Its time.
    pub timestamp: Timestamp,
}

/// What does not change from block to block.
#[derive(Clone, Debug)]
pub struct NetworkFacts {
    /// The network id.
    pub network: Digest,
    /// The network's name.
    pub name: String,
    /// The genesis document, word for word.
    pub genesis: String,
    /// Parameters in force.
    pub parameters: Parameters,
    /// How slow a primary may be, where the protocol judges that.
    pub slowness: Option<SlownessView>,
    /// Every epoch so far, ascending; the last one is in force.
    pub epochs: Vec<EpochFacts>,
}

/// One epoch.
#[derive(Clone, Debug)]
pub struct EpochFacts {
    /// Its first height.
    pub first: Height,
    /// Who seals its blocks.
    pub committee: Committee,
    /// The validators' names, in the committee's order.
    pub names: Vec<String>,
}

/// One validator of the epoch in force.
#[derive(Clone, Debug)]
pub struct ValidatorFacts {
    /// Its place in the committee.
    pub index: ValidatorIndex,
    /// Its name.
    pub name: String,
    /// The key it seals with.
    pub key: PublicKey,
    /// Whether it is the primary now.
    pub primary: bool,
    /// The last height whose seal of this validator is stored here.
    pub last_seal: Option<Height>,
    /// Whether it votes, as far as this node knows.
    pub voting: VotingView,
    /// Whether this node has a connection to it; none for the node itself.
    pub connected: Option<bool>,
}

/// One connection, or one member that there is none to.
#[derive(Clone, Debug)]
pub struct PeerFacts {
    /// The peer's name in the genesis document.
    pub name: String,
    /// Its libp2p identity.
    pub peer: String,
    /// Where it was reached.
    pub address: Option<String>,
    /// Whether there is a connection now.
    pub connected: bool,
    /// The last certified height it told of.
    pub height: Option<Height>,
    /// Last measured round trip, in microseconds.
    pub round_trip_us: Option<u64>,
}

/// Proof that a validator broke the rules.
#[derive(Clone, Debug)]
pub struct EvidenceFacts {
    /// The validator's name.
    pub validator: String,
    /// Its epoch.
    pub epoch: Epoch,
    /// Which rule, in snake case: `double_prepare`, `double_seal`, …
    pub kind: String,
    /// The height it is about, if it is about one.
    pub height: Option<Height>,
    /// The reign it is about, if it is about one.
    pub view: Option<u64>,
    /// The two signed messages that contradict each other, as they were received.
    pub messages: [Vec<u8>; 2],
}

/// An organisation of the consortium.
#[derive(Clone, Debug)]
pub struct MemberFacts {
    /// Its name.
    pub name: String,
    /// The key that speaks for it.
    pub key: PublicKey,
    /// Names of the validators that it runs.
    pub validators: Vec<String>,
}
