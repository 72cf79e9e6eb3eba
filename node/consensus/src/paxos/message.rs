//! What replicas of Paxos say to each other, and what they keep.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Digest, Epoch, Height, Tag, ValidatorIndex};
pub use quorate_ledger::{AcceptedValue, PaxosBallot as Ballot};
use quorate_ledger::{Proposal, encode};
use serde::{Deserialize, Serialize};

use crate::contract::MAX_WINDOW;

/// The most values in one message of phase 2.
pub const MAX_VALUES: usize = MAX_WINDOW;

/// The most accepted values in one promise. In a running replica they lie within its window; one that starts
/// with its chain behind its journal may have more, and promises nothing while it has more than this.
pub const MAX_PROMISED: usize = 2 * MAX_WINDOW;

/// A message of Paxos. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// Phase 1a, for all heights at once.
    Prepare(Prepare),
    /// Phase 1b.
    Promise(Promise),
    /// Phase 2a; without a value it shows that the distinguished proposer is alive.
    Accept(Accept),
    /// Phase 2b.
    Accepted(Accepted),
    /// The refusal of a prepare or an accept.
    Nack(Nack),
    /// A majority has accepted a value.
    Chosen(Chosen),
    /// The distinguished proposer hands over.
    Yield(Yield),
}

/// A proposer asks for promises.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prepare {
    /// Its ballot.
    pub ballot: Ballot,
    /// The last height that it has certified: it asks about all above.
    pub certified: Height,
}

/// An acceptor promises to accept nothing of a lower ballot any more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Promise {
    /// The ballot of the prepare that this answers.
    pub ballot: Ballot,
    /// Its certified height.
    pub certified: Height,
    /// For each height above that: what was accepted in the highest ballot.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_PROMISED>")]
    pub accepted: Vec<AcceptedValue>,
}

/// The distinguished proposer asks to accept values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Accept {
    /// Its ballot.
    pub ballot: Ballot,
    /// The last height that it has certified.
    pub certified: Height,
    /// The values, of different heights.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_VALUES>")]
    pub values: Vec<Value>,
}

/// A value for a height.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Value {
    /// The height.
    pub height: Height,
    /// The value.
    pub proposal: Proposal,
    /// Whether the proposer made it, and phase 1 did not bring it up: then its time is judged.
    pub fresh: bool,
}

/// An acceptor has accepted values, durably and with their batches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Accepted {
    /// The ballot of the accept that this answers.
    pub ballot: Ballot,
    /// Which values; none says only that the ballot is the highest promised.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_VALUES>")]
    pub values: Vec<ValueDigest>,
}

/// Names a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ValueDigest {
    /// The height.
    pub height: Height,
    /// The proposal's digest.
    pub proposal: Digest,
}

/// An acceptor has promised a higher ballot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Nack {
    /// The ballot that it refuses.
    pub ballot: Ballot,
    /// The ballot that it has promised.
    pub promised: Ballot,
}

/// A value is chosen for a height, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Chosen {
    /// The ballot in which a majority has accepted it.
    pub ballot: Ballot,
    /// The height.
    pub height: Height,
    /// The value.
    pub proposal: Proposal,
}

/// The distinguished proposer proposes nothing more: whoever it names is to prepare a ballot at once.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Yield {
    /// Its ballot.
    pub ballot: Ballot,
    /// Who is to.
    pub successor: ValidatorIndex,
}

/// What an acceptor must remember across a crash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// The highest ballot that it has promised. The last one counts.
    Promised(Ballot),
    /// It has accepted a value.
    Accepted(AcceptedValue),
}

impl Body {
    /// The tag under which this is signed.
    pub fn domain(&self) -> Tag {
        match self {
            Self::Prepare(_) => Tag::PAXOS_PREPARE,
            Self::Promise(_) => Tag::PAXOS_PROMISE,
            Self::Accept(_) => Tag::PAXOS_ACCEPT,
            Self::Accepted(_) => Tag::PAXOS_ACCEPTED,
            Self::Nack(_) => Tag::PAXOS_NACK,
            Self::Chosen(_) => Tag::PAXOS_CHOSEN,
            Self::Yield(_) => Tag::PAXOS_YIELD,
        }
    }

    /// Whether it says what the sender's records have to bear out. An accept follows from the own promise, which
    /// is durable; that a proposer is heard binds nobody.
    pub fn follows_records(&self) -> bool {
        match self {
            Self::Promise(_) => true,
            Self::Accepted(accepted) => !accepted.values.is_empty(),
            Self::Prepare(_) | Self::Accept(_) | Self::Nack(_) | Self::Chosen(_) | Self::Yield(_) => false,
        }
    }

    /// The content that is signed: names the network and the epoch.
    pub fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        match self {
            Self::Prepare(prepare) => encode(&(network, epoch, prepare)),
            Self::Promise(promise) => encode(&(network, epoch, promise)),
            Self::Accept(accept) => encode(&(network, epoch, accept)),
            Self::Accepted(accepted) => encode(&(network, epoch, accepted)),
            Self::Nack(nack) => encode(&(network, epoch, nack)),
            Self::Chosen(chosen) => encode(&(network, epoch, chosen)),
            Self::Yield(word) => encode(&(network, epoch, word)),
        }
    }

    /// The ballot that it belongs to.
    pub fn ballot(&self) -> Ballot {
        match self {
            Self::Prepare(prepare) => prepare.ballot,
            Self::Promise(promise) => promise.ballot,
            Self::Accept(accept) => accept.ballot,
            Self::Accepted(accepted) => accepted.ballot,
            Self::Nack(nack) => nack.ballot,
            Self::Chosen(chosen) => chosen.ballot,
            Self::Yield(word) => word.ballot,
        }
    }
}

impl Accepted {
    /// The highest height in it.
    pub fn top(&self) -> Option<Height> {
        self.values.iter().map(|value| value.height).max()
    }
}

impl Accept {
    /// The highest height in it.
    pub fn top(&self) -> Option<Height> {
        self.values.iter().map(|value| value.height).max()
    }
}

impl Value {
    /// Its name.
    pub fn digest(&self) -> ValueDigest {
        ValueDigest {
            height: self.height,
            proposal: self.proposal.digest(),
        }
    }
}
