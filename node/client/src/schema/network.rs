//! The node, the network, its validators and members.

use quorate_crypto::{Committee, CommitteeSeat, Engine, MemberNumber, PublicKey, SeatNumber};
use quorate_ledger::{Digest, Epoch, Height, ParametersV1, Timestamp, ValidatorIndex};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::RulesView;
use crate::text;

/// Where a node and its network are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The network id: the hash of the genesis document.
    #[schema(value_type = String)]
    pub network: Digest,
    /// The network's name.
    pub network_name: String,
    /// The node's version.
    pub version: String,
    /// The node's name in the genesis document.
    pub validator: String,
    /// `pbft`, `raft` or `paxos`.
    #[schema(value_type = String, example = "pbft")]
    pub consensus: Engine,
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// The view, term or ballot that the replica is in; of a validator that does not vote, the last that it has heard
    /// of.
    pub view: u64,
    /// The primary's or leader's name, null while there is none.
    pub primary: Option<String>,
    /// The last certified height here.
    #[schema(value_type = u64)]
    pub height: Height,
    /// The hash of that block; the network id before the first block.
    #[schema(value_type = String)]
    pub block_hash: Digest,
    /// The root of the state after that block.
    #[schema(value_type = String)]
    pub state_root: Digest,
    /// The time of that block.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// Whether the node knows that it is behind and is fetching blocks.
    pub syncing: bool,
    /// Why this validator does not vote until somebody acts, null if it votes.
    #[serde(default)]
    pub does_not_vote: Option<String>,
    /// Names of validators that have not told yet what this one signed before its start; it votes once enough have.
    #[serde(default)]
    pub asking: Vec<String>,
    /// Names of the validators that follow the chain and do not vote, as each says of itself to this node.
    #[serde(default)]
    pub observing: Vec<String>,
    /// That so many do not vote that the others are no quorum, null if they are: nothing can be committed then.
    #[serde(default)]
    pub no_quorum_left: Option<String>,
    /// Connected peers.
    pub peers: u64,
    /// Transactions admitted here and not yet executed.
    pub pending_transactions: u64,
    /// Transactions executed since genesis.
    pub transactions: u64,
}

/// What does not change from block to block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Network {
    /// The network id.
    #[schema(value_type = String)]
    pub network: Digest,
    /// The network's name.
    pub name: String,
    /// The genesis document, word for word (TOML). Its canonical hash is the network id.
    pub genesis: String,
    /// Parameters in force.
    pub parameters: ParametersView,
    /// Rules of governance in force.
    #[serde(default)]
    pub rules: Option<RulesView>,
    /// How slow a primary may be before the others replace it, where the protocol judges that: PBFT does.
    pub slowness: Option<SlownessView>,
    /// Who seals the next block.
    pub committee: CommitteeView,
    /// Every epoch so far, ascending.
    pub epochs: Vec<EpochView>,
}

/// Bounds that every validator shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ParametersView {
    /// Bytes of an encoded transaction.
    pub max_transaction_bytes: u32,
    /// Bytes of an encoded batch.
    pub max_batch_bytes: u32,
    /// Transactions in a batch.
    pub max_batch_transactions: u32,
    /// Cost of all signatures in a batch; an Ed25519 signature costs 1, one of P-256 20.
    pub max_batch_signature_cost: u32,
    /// Batches in a proposal.
    pub max_proposal_batches: u32,
    /// How far ahead of a block's time a transaction in it may expire, in milliseconds.
    pub max_expiry_lead_ms: u64,
    /// How far past a block's time a hold made in it may end, in milliseconds.
    pub max_hold_ms: u64,
    /// How far ahead of a validator's clock a fresh proposal may be, in milliseconds.
    pub max_clock_lead_ms: u64,
    /// How far behind a validator's clock a fresh proposal may be where PBFT orders, in milliseconds.
    pub max_clock_lag_ms: u64,
    /// Heights in flight.
    pub window: u32,
    /// Unordered batches of one author that are accepted unasked.
    pub author_quota: u32,
}

impl From<&ParametersV1> for ParametersView {
    fn from(parameters: &ParametersV1) -> Self {
        Self {
            max_transaction_bytes: parameters.max_transaction_bytes,
            max_batch_bytes: parameters.max_batch_bytes,
            max_batch_transactions: parameters.max_batch_transactions,
            max_batch_signature_cost: parameters.max_batch_signature_cost,
            max_proposal_batches: parameters.max_proposal_batches,
            max_expiry_lead_ms: parameters.max_expiry_lead_ms,
            max_hold_ms: parameters.max_hold_ms,
            max_clock_lead_ms: parameters.max_clock_lead_ms,
            max_clock_lag_ms: parameters.max_clock_lag_ms,
            window: parameters.window,
            author_quota: parameters.author_quota,
        }
    }
}

/// How slow a primary may be. It may take `factor` times as long for a proposal as an exchange of votes takes in
/// its view, and `floor_ms` besides. What it takes longer adds up; a validator complains when that is more than one
/// in `share` of the shortest wait for progress. Each complaint doubles all that for this validator until the epoch
/// ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SlownessView {
    /// Times the shortest of the last exchanges of votes.
    pub factor: u64,
    /// Milliseconds besides.
    pub floor_ms: u64,
    /// What part of the shortest wait for progress may add up.
    pub share: u64,
}

/// A committee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommitteeView {
    /// Its hash, as in `next_committee` of block headers.
    #[schema(value_type = String)]
    pub hash: Digest,
    /// The epoch it serves.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// `pbft`, `raft` or `paxos`.
    #[schema(value_type = String, example = "pbft")]
    pub engine: Engine,
    /// The version of messages and rules.
    pub protocol_version: u32,
    /// Validators that a certificate needs.
    pub quorum: u64,
    /// Validators that may be faulty.
    pub faults: u64,
    /// The validators, in the committee's order.
    pub validators: Vec<CommitteeMember>,
}

impl CommitteeView {
    /// A committee whose validators have these names, in its order.
    pub fn of(committee: &Committee, names: &[String]) -> Self {
        let member = |(seat, name): (&CommitteeSeat, &String)| CommitteeMember {
            name: name.clone(),
            key: seat.validator,
            seat: SeatView::from(seat),
        };
        Self {
            hash: committee.digest(),
            epoch: committee.epoch(),
            engine: committee.engine(),
            protocol_version: committee.protocol_version(),
            quorum: committee.quorum() as u64,
            faults: committee.faults() as u64,
            validators: committee.seats().iter().zip(names).map(member).collect(),
        }
    }
}

/// A seat of a committee: who holds it, and its keys, all Ed25519.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SeatView {
    /// The number of the member that holds it.
    pub member: u32,
    /// Its number.
    pub seat: u32,
    /// The key it votes and seals with.
    #[schema(value_type = String)]
    pub validator: PublicKey,
    /// The key that proves its libp2p identity.
    #[schema(value_type = String)]
    pub node: PublicKey,
    /// The key it signs published checkpoints with.
    #[schema(value_type = String)]
    pub witness: PublicKey,
}

impl From<&CommitteeSeat> for SeatView {
    fn from(seat: &CommitteeSeat) -> Self {
        Self {
            member: seat.member.0,
            seat: seat.seat.0,
            validator: seat.validator,
            node: seat.node,
            witness: seat.witness,
        }
    }
}

impl From<&SeatView> for CommitteeSeat {
    fn from(seat: &SeatView) -> Self {
        Self {
            member: MemberNumber(seat.member),
            seat: SeatNumber(seat.seat),
            validator: seat.validator,
            node: seat.node,
            witness: seat.witness,
        }
    }
}

/// A validator's place in a committee.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommitteeMember {
    /// Its name.
    pub name: String,
    /// The key it seals with.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// Its seat.
    #[serde(flatten)]
    pub seat: SeatView,
}

/// One epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EpochView {
    /// Its number.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// Its first height.
    #[schema(value_type = u64)]
    pub first_height: Height,
    /// The hash of its committee.
    #[schema(value_type = String)]
    pub committee: Digest,
    /// `pbft`, `raft` or `paxos`.
    #[schema(value_type = String, example = "pbft")]
    pub engine: Engine,
    /// The version of messages and rules.
    pub protocol_version: u32,
    /// The keys of its validators, in the committee's order.
    #[schema(value_type = Vec<String>)]
    pub validators: Vec<PublicKey>,
    /// The committee's seats, in its order.
    pub seats: Vec<SeatView>,
}

impl EpochView {
    /// The epoch of this committee, which begins at this height.
    pub fn of(first_height: Height, committee: &Committee) -> Self {
        Self {
            epoch: committee.epoch(),
            first_height,
            committee: committee.digest(),
            engine: committee.engine(),
            protocol_version: committee.protocol_version(),
            validators: committee.seats().iter().map(|seat| seat.validator).collect(),
            seats: committee.seats().iter().map(SeatView::from).collect(),
        }
    }

    /// The committee that is described, whatever its hash is said to be.
    pub fn described(&self) -> Committee {
        let seats = self.seats.iter().map(CommitteeSeat::from).collect();
        Committee::new(self.epoch, self.engine, self.protocol_version, seats)
    }
}

/// What an older node does not say.
fn yes() -> bool {
    true
}

/// A validator of the epoch in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Validator {
    /// Its place in the committee.
    #[schema(value_type = u16)]
    pub index: ValidatorIndex,
    /// Its name.
    pub name: String,
    /// The key it seals with.
    #[schema(value_type = String)]
    pub key: PublicKey,
    /// Whether it is the primary now.
    pub primary: bool,
    /// The last height with a seal of this validator in the certificate stored here.
    #[schema(value_type = Option<u64>)]
    pub last_seal: Option<Height>,
    /// Whether it votes; false for one that says of itself that it follows the chain and does not.
    #[serde(default = "yes")]
    pub votes: bool,
    /// The same with what is not known.
    #[serde(default)]
    pub voting: VotingView,
    /// Whether the answering node is connected to it; null for itself.
    pub connected: Option<bool>,
}

/// Whether a validator votes, as far as the answering node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VotingView {
    /// It says so.
    Yes,
    /// It says that it follows the chain and does not.
    No,
    /// The answering node itself: it has just started, and asks the others what it signed before that.
    Asking,
    /// It has not told yet.
    #[default]
    Unknown,
}

/// The committee in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ValidatorList {
    /// The epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// Validators that a certificate needs.
    pub quorum: u64,
    /// In the committee's order.
    pub validators: Vec<Validator>,
}

/// A connection, or a member that there is none to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Peer {
    /// Its name in the genesis document.
    pub name: String,
    /// Its libp2p identity.
    pub peer: String,
    /// Where it was reached.
    pub address: Option<String>,
    /// Whether there is a connection now.
    pub connected: bool,
    /// The last certified height it told of.
    #[schema(value_type = Option<u64>)]
    pub height: Option<Height>,
    /// The last measured round trip, in microseconds.
    pub round_trip_us: Option<u64>,
}

/// Connections.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeerList {
    /// By name.
    pub peers: Vec<Peer>,
}

/// Proof that a validator broke the rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The validator's name.
    pub validator: String,
    /// Its epoch.
    #[schema(value_type = u64)]
    pub epoch: Epoch,
    /// Which rule: `double_prepare`, `double_seal`, …
    pub kind: String,
    /// The height it is about.
    #[schema(value_type = Option<u64>)]
    pub height: Option<Height>,
    /// The view, term or ballot it is about.
    pub view: Option<u64>,
    /// The two signed messages that contradict each other, in hex.
    pub messages: Vec<String>,
}

/// Misbehaviour seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidenceList {
    /// Earliest first.
    pub evidence: Vec<Evidence>,
}
