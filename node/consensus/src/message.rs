//! What validators sign and send to each other, and the check that lets a message into an engine.

use quorate_crypto::{
    Certificate, Committee, Digest, Epoch, Height, PublicKey, SealContent, Signature, Tag, ValidatorIndex,
    verify_strict,
};
use serde::{Deserialize, Deserializer, Serialize};

use crate::paxos;
use crate::pbft;
use crate::raft;
use crate::testimony::{Inquiry, Testimony};

/// A message as it is sent and stored.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// Version 1.
    V1(MessageV1),
}

/// Version 1 of [`Message`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MessageV1 {
    /// The epoch whose committee gives `sender` its meaning.
    pub epoch: Epoch,
    /// Who signed it (not necessarily who passed it on).
    pub sender: ValidatorIndex,
    /// What is said.
    pub body: Body,
    /// Over [`Body::signed_bytes`] under [`Body::domain`].
    pub signature: Signature,
}

/// What a message says. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Body {
    /// The sender checked and executed the block at this height.
    Seal {
        /// The block's height.
        height: Height,
        /// The block's hash.
        block: Digest,
    },
    /// Where the sender is, and what it is missing. Binds nobody and need not be durable.
    Status(Status),
    /// A message of PBFT.
    Pbft(pbft::Body),
    /// The sender has started, and asks what it signed. Binds nobody and need not be durable.
    Inquiry(Inquiry),
    /// What the recipient signed, as far as the sender knows. Binds nobody and need not be durable.
    Testimony(Testimony),
    /// A message of Raft.
    Raft(raft::Body),
    /// A message of Paxos.
    Paxos(paxos::Body),
}

/// Where a validator is: peers answer with what it is missing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Status {
    /// The reign it is in (view, term or ballot round).
    pub reign: u64,
    /// Whether that reign has begun there.
    pub begun: bool,
    /// The last height it has certified and applied.
    pub certified: Height,
    /// For the heights after that, at most a window: what it holds.
    pub holds: Vec<Holding>,
}

/// What a validator holds for one height of its window. Masks have bit i for validator i.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Holding {
    /// Whether it has the proposal of its current reign.
    pub proposal: bool,
    /// Whose first-phase votes it has (prepares).
    pub first: u128,
    /// Whose second-phase votes it has (commits). In Paxos everybody's once it knows what is chosen.
    pub second: u128,
    /// Whose seals it has.
    pub seals: u128,
}

/// Signing and checking, so that a signer can be remote and simulations cheap.
pub trait SignatureScheme {
    /// Whether `signature` is `key`'s over `content` under `tag`.
    fn verify(&self, key: &PublicKey, tag: Tag, content: &[u8], signature: &Signature) -> bool;
}

/// The real scheme: strict Ed25519.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ed25519;

impl SignatureScheme for Ed25519 {
    fn verify(&self, key: &PublicKey, tag: Tag, content: &[u8], signature: &Signature) -> bool {
        verify_strict(key, tag, content, signature)
    }
}

/// A value whose signatures have been checked. Engines accept nothing else from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified<T>(T);

/// Why a message did not pass the check at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// Another epoch's message.
    #[error("the message is of epoch {got}, this committee serves epoch {expected}")]
    WrongEpoch {
        /// The message's.
        got: Epoch,
        /// The committee's.
        expected: Epoch,
    },
    /// The sender is not in the committee.
    #[error("validator {sender} is not in the committee")]
    UnknownSender {
        /// The index given.
        sender: ValidatorIndex,
    },
    /// A signature, the message's own or one inside it, is wrong.
    #[error("a signature of validator {signer} does not fit")]
    BadSignature {
        /// Whose it should be.
        signer: ValidatorIndex,
    },
    /// Something inside is longer than it may be.
    #[error("the message holds more than it may")]
    TooLarge,
    /// What is inside does not prove what is claimed.
    #[error("the message does not prove what it claims")]
    Inconsistent,
}

/// The most bytes an encoded message may have.
///
/// The largest is a new-view: with 128 validators, 86 claims about 64 heights, and 64 certificates
/// with 256 batches and 86 votes each, 1.2 MB.
pub const MAX_MESSAGE_BYTES: usize = 2 << 20;

/// Checks that a quorum of `committee` sealed the certificate's block, as
/// [`Certificate::verify`] does, but with any signature scheme.
pub fn verify_certificate(
    certificate: &Certificate,
    network: Digest,
    committee: &Committee,
    scheme: &impl SignatureScheme,
) -> Result<(), Unverified> {
    let (epoch, seals) = (certificate.epoch(), certificate.seals());
    if epoch != committee.epoch() {
        return Err(Unverified::WrongEpoch {
            got: epoch,
            expected: committee.epoch(),
        });
    }
    if seals.len() < committee.quorum() || !seals.is_sorted_by(|a, b| a.validator < b.validator) {
        return Err(Unverified::Inconsistent);
    }
    let content = SealContent::new(network, epoch, certificate.height(), certificate.block());
    let content = quorate_ledger::encode(&content);
    for seal in seals {
        let signer = seal.validator;
        let key = committee
            .key(signer)
            .ok_or(Unverified::UnknownSender { sender: signer })?;
        if !scheme.verify(key, Tag::SEAL, &content, &seal.signature) {
            return Err(Unverified::BadSignature { signer });
        }
    }
    Ok(())
}

impl Message {
    /// Version 1's fields.
    pub fn v1(&self) -> &MessageV1 {
        let Self::V1(message) = self;
        message
    }

    /// A message of `sender` with its signature.
    pub fn new(epoch: Epoch, sender: ValidatorIndex, body: Body, signature: Signature) -> Self {
        Self::V1(MessageV1 {
            epoch,
            sender,
            body,
            signature,
        })
    }

    /// Whether the message may have come over the link of `peer`. Anybody may pass on what another signed,
    /// but a status or an inquiry: nobody ever does, and each is answered only so often per signer, so
    /// whoever could say a former one again would use up the answers to the present one. Nor a complaint, which
    /// nobody passes on either: it counts for a while from when it comes, and has no time in it.
    pub fn may_come_from(&self, peer: ValidatorIndex) -> bool {
        let message = self.v1();
        let own_link_only = match &message.body {
            Body::Status(_) | Body::Inquiry(_) => true,
            Body::Pbft(body) => matches!(body, pbft::Body::Complaint { .. }),
            _ => false,
        };
        !own_link_only || message.sender == peer || breaks!(QuestionsPassedOn)
    }

    /// Checks the sender and every signature in the message.
    pub fn verify(
        self,
        network: Digest,
        committee: &Committee,
        scheme: &impl SignatureScheme,
    ) -> Result<Verified<Self>, Unverified> {
        let message = self.v1();
        if message.epoch != committee.epoch() {
            return Err(Unverified::WrongEpoch {
                got: message.epoch,
                expected: committee.epoch(),
            });
        }
        let sender = message.sender;
        let key = committee
            .key(sender)
            .ok_or(Unverified::UnknownSender { sender })?;
        let content = message.body.signed_bytes(network, message.epoch);
        if !scheme.verify(key, message.body.domain(), &content, &message.signature) {
            return Err(Unverified::BadSignature { signer: sender });
        }
        message.body.verify_inside(network, committee, scheme)?;
        Ok(Verified(self))
    }
}

impl From<pbft::Body> for Body {
    fn from(body: pbft::Body) -> Self {
        Self::Pbft(body)
    }
}

impl From<raft::Body> for Body {
    fn from(body: raft::Body) -> Self {
        Self::Raft(body)
    }
}

impl From<paxos::Body> for Body {
    fn from(body: paxos::Body) -> Self {
        Self::Paxos(body)
    }
}

impl Body {
    /// The tag under which this is signed.
    pub fn domain(&self) -> Tag {
        match self {
            Self::Seal { .. } => Tag::SEAL,
            Self::Status(_) => Tag::STATUS,
            Self::Inquiry(_) => Tag::INQUIRY,
            Self::Testimony(_) => Tag::TESTIMONY,
            Self::Pbft(body) => body.domain(),
            Self::Raft(body) => body.domain(),
            Self::Paxos(body) => body.domain(),
        }
    }

    /// The content that is signed: names the network and the epoch.
    pub fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        match self {
            Self::Seal { height, block } => {
                quorate_ledger::encode(&SealContent::new(network, epoch, *height, *block))
            }
            Self::Status(status) => quorate_ledger::encode(&(network, epoch, status)),
            Self::Inquiry(inquiry) => inquiry.signed_bytes(network, epoch),
            Self::Testimony(testimony) => testimony.signed_bytes(network, epoch),
            Self::Pbft(body) => body.signed_bytes(network, epoch),
            Self::Raft(body) => body.signed_bytes(network, epoch),
            Self::Paxos(body) => body.signed_bytes(network, epoch),
        }
    }

    /// Whether a replica that says this must have it on disk first.
    pub fn must_be_durable(&self) -> bool {
        match self {
            // A seal follows from what was decided: after a crash it is made again, the same. An engine
            // records one that nothing else in its journal would explain.
            Self::Seal { .. } | Self::Status(_) | Self::Inquiry(_) | Self::Testimony(_) => false,
            Self::Pbft(body) => body.must_be_durable(),
            // Follows from what its engine records: the term, vote and log, or what was promised and accepted.
            Self::Raft(_) | Self::Paxos(_) => false,
        }
    }

    /// Whether it says that the leader does not do what it owes.
    pub fn is_complaint(&self) -> bool {
        matches!(self, Self::Pbft(pbft::Body::Complaint { .. }))
    }

    /// Whether a replica that says this must have all that its engine recorded before on disk first, though
    /// this itself need not be.
    pub fn follows_records(&self) -> bool {
        match self {
            Self::Seal { .. } | Self::Status(_) | Self::Inquiry(_) | Self::Testimony(_) | Self::Pbft(_) => {
                false
            }
            Self::Raft(body) => body.follows_records(),
            Self::Paxos(body) => body.follows_records(),
        }
    }

    /// The height that this is about, if it is about one: once that is certified and written, nobody
    /// needs the message any more.
    pub fn height(&self) -> Option<Height> {
        match self {
            Self::Seal { height, .. } => Some(*height),
            Self::Status(_) | Self::Inquiry(_) | Self::Testimony(_) | Self::Raft(_) | Self::Paxos(_) => None,
            Self::Pbft(body) => body.height(),
        }
    }

    fn verify_inside(
        &self,
        network: Digest,
        committee: &Committee,
        scheme: &impl SignatureScheme,
    ) -> Result<(), Unverified> {
        match self {
            Self::Seal { .. } | Self::Inquiry(_) | Self::Raft(_) | Self::Paxos(_) => Ok(()),
            Self::Testimony(testimony) => testimony.verify_inside(network, committee, scheme),
            Self::Status(status) => {
                if status.holds.len() > crate::contract::MAX_WINDOW {
                    Err(Unverified::TooLarge)
                } else {
                    Ok(())
                }
            }
            Self::Pbft(body) => body.verify_inside(network, committee, scheme),
        }
    }
}

impl<T> Verified<T> {
    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }

    /// The value, by itself.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Takes the caller's word for it: a replica's own messages, read back from its journal.
    pub fn trusted(value: T) -> Self {
        Self(value)
    }

    /// The same for an input that was recorded. There is no `Deserialize`, so that bytes become no verified
    /// value by mistake: whoever reads a recording of others checks its signatures again.
    pub(crate) fn taken_from<'de, D>(deserializer: D) -> Result<Self, D::Error>
    where
        D: Deserializer<'de>,
        T: Deserialize<'de>,
    {
        T::deserialize(deserializer).map(Self)
    }
}
