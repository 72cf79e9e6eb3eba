//! What a validator that starts asks the others, and what they answer (pitfalls 27 and 28).
//!
//! A journal can be of an old backup, or lost; then its replica would contradict what it said since. So
//! whoever starts asks for what others hold that it signed, and says nothing new until enough have
//! answered. An inquiry's nonce is drawn anew at each start, so that no answer to a former one counts.
//!
//! Answers hold statements rather than messages: what was signed, without what travelled beside it.

use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Committee, Digest, Engine, Epoch, Height, Signature, Tag, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::contract::MAX_WINDOW;
use crate::message::{Body, Message, SignatureScheme, Unverified};
use crate::paxos;
use crate::pbft::{self, Claims, NewView, View};
use crate::raft;

/// The most statements in one testimony: of each kind about a height those of two windows.
pub const MAX_SAID: usize = 8 * MAX_WINDOW;

/// A validator has started, and asks what others hold that it signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Inquiry {
    /// Drawn at this start, for this epoch.
    pub nonce: Digest,
    /// The last height that it has certified: what it signed up to there cannot be contradicted any more.
    pub certified: Height,
}

/// The answer to an inquiry.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Testimony {
    /// Who asked.
    pub about: ValidatorIndex,
    /// The inquiry's.
    pub nonce: Digest,
    /// The last height that whoever answers has certified.
    pub certified: Height,
    /// What it holds that was signed by whoever asked.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SAID>")]
    pub said: Vec<SignedStatement>,
}

/// Something that a validator signed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SignedStatement {
    /// What.
    pub statement: Statement,
    /// The signature under it, which is that of the message that said it.
    pub signature: Signature,
}

/// What is signed in a message that must not be contradicted. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Statement {
    /// A seal.
    Seal {
        /// The block's height.
        height: Height,
        /// The block's hash.
        block: Digest,
    },
    /// PBFT's pre-prepare.
    PrePrepare {
        /// The view.
        view: View,
        /// The height.
        height: Height,
        /// The proposal's digest.
        proposal: Digest,
    },
    /// PBFT's prepare.
    Prepare {
        /// The view.
        view: View,
        /// The height.
        height: Height,
        /// The proposal's digest.
        proposal: Digest,
    },
    /// PBFT's commit.
    Commit {
        /// The view.
        view: View,
        /// The height.
        height: Height,
        /// The proposal's digest.
        proposal: Digest,
    },
    /// PBFT's view-change.
    ViewChange(Claims),
    /// PBFT's new-view.
    NewView(Box<NewView>),
    /// Raft's request for a vote, which is a vote for oneself; not that of a pre-vote.
    RequestVote(raft::RequestVote),
    /// Raft's vote; neither one that was refused nor that of a pre-vote.
    VoteReply(raft::VoteReply),
    /// Raft's word that a log is durable.
    AppendReply(raft::AppendReply),
    /// Paxos's promise.
    Promise(paxos::Promise),
    /// Paxos's accept request with values: its ballot was the sender's to lead.
    Accept(paxos::Accept),
    /// Paxos's word that values are accepted.
    Accepted(paxos::Accepted),
}

impl Inquiry {
    pub(crate) fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        quorate_ledger::encode(&(network, epoch, self))
    }
}

impl Testimony {
    pub(crate) fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        quorate_ledger::encode(&(network, epoch, self))
    }

    /// Checks that whoever asked signed all of it.
    pub(crate) fn verify_inside(
        &self,
        network: Digest,
        committee: &Committee,
        scheme: &impl SignatureScheme,
    ) -> Result<(), Unverified> {
        let signer = self.about;
        let key = committee
            .key(signer)
            .ok_or(Unverified::UnknownSender { sender: signer })?;
        for SignedStatement { statement, signature } in &self.said {
            let content = statement.signed_bytes(network, committee.epoch());
            if !scheme.verify(key, statement.domain(), &content, signature) {
                return Err(Unverified::BadSignature { signer });
            }
        }
        Ok(())
    }
}

impl SignedStatement {
    /// What this message's sender signed, if it is something that it must not contradict.
    pub fn of(message: &Message) -> Option<Self> {
        let message = message.v1();
        let statement = match &message.body {
            Body::Seal { height, block } => Statement::Seal {
                height: *height,
                block: *block,
            },
            Body::Pbft(body) => Statement::of(body)?,
            Body::Raft(body) => Statement::of_raft(body)?,
            Body::Paxos(body) => Statement::of_paxos(body)?,
            Body::Status(_) | Body::Inquiry(_) | Body::Testimony(_) => return None,
        };
        Some(Self {
            statement,
            signature: message.signature,
        })
    }
}

impl Statement {
    fn of(body: &pbft::Body) -> Option<Self> {
        Some(match body {
            pbft::Body::PrePrepare {
                view,
                height,
                proposal,
            } => Self::PrePrepare {
                view: *view,
                height: *height,
                proposal: proposal.digest(),
            },
            pbft::Body::Prepare {
                view,
                height,
                proposal,
            } => Self::Prepare {
                view: *view,
                height: *height,
                proposal: *proposal,
            },
            pbft::Body::Commit {
                view,
                height,
                proposal,
            } => Self::Commit {
                view: *view,
                height: *height,
                proposal: *proposal,
            },
            pbft::Body::Complaint { .. } => return None,
            pbft::Body::ViewChange(change) => Self::ViewChange(change.claims.clone()),
            pbft::Body::NewView(new_view) => Self::NewView(Box::new(new_view.clone())),
        })
    }

    fn of_raft(body: &raft::Body) -> Option<Self> {
        match body {
            raft::Body::RequestVote(request) if !request.pre_vote => Some(Self::RequestVote(request.clone())),
            raft::Body::VoteReply(reply) if reply.granted && !reply.pre_vote => {
                Some(Self::VoteReply(reply.clone()))
            }
            raft::Body::AppendReply(reply) if reply.acknowledges() => Some(Self::AppendReply(reply.clone())),
            _ => None,
        }
    }

    fn of_paxos(body: &paxos::Body) -> Option<Self> {
        match body {
            paxos::Body::Promise(promise) => Some(Self::Promise(promise.clone())),
            paxos::Body::Accept(accept) if !accept.values.is_empty() => Some(Self::Accept(accept.clone())),
            paxos::Body::Accepted(accepted) if !accepted.values.is_empty() => {
                Some(Self::Accepted(accepted.clone()))
            }
            _ => None,
        }
    }

    /// The protocol whose message says it; a seal is of all.
    pub fn engine(&self) -> Option<Engine> {
        match self {
            Self::Seal { .. } => None,
            Self::PrePrepare { .. }
            | Self::Prepare { .. }
            | Self::Commit { .. }
            | Self::ViewChange(_)
            | Self::NewView(_) => Some(Engine::Pbft),
            Self::RequestVote(_) | Self::VoteReply(_) | Self::AppendReply(_) => Some(Engine::Raft),
            Self::Promise(_) | Self::Accept(_) | Self::Accepted(_) => Some(Engine::Paxos),
        }
    }

    /// The tag under which it is signed.
    pub fn domain(&self) -> Tag {
        match self {
            Self::Seal { .. } => Tag::SEAL,
            Self::PrePrepare { .. } => Tag::PBFT_PRE_PREPARE,
            Self::Prepare { .. } => Tag::PBFT_PREPARE,
            Self::Commit { .. } => Tag::PBFT_COMMIT,
            Self::ViewChange(_) => Tag::PBFT_VIEW_CHANGE,
            Self::NewView(_) => Tag::PBFT_NEW_VIEW,
            Self::RequestVote(_) => Tag::RAFT_REQUEST_VOTE,
            Self::VoteReply(_) => Tag::RAFT_VOTE_REPLY,
            Self::AppendReply(_) => Tag::RAFT_APPEND_REPLY,
            Self::Promise(_) => Tag::PAXOS_PROMISE,
            Self::Accept(_) => Tag::PAXOS_ACCEPT,
            Self::Accepted(_) => Tag::PAXOS_ACCEPTED,
        }
    }

    /// The content that is signed, the same as that of the message.
    pub fn signed_bytes(&self, network: Digest, epoch: Epoch) -> Vec<u8> {
        match self {
            Self::Seal { height, block } => Body::Seal {
                height: *height,
                block: *block,
            }
            .signed_bytes(network, epoch),
            Self::PrePrepare {
                view,
                height,
                proposal,
            }
            | Self::Prepare {
                view,
                height,
                proposal,
            }
            | Self::Commit {
                view,
                height,
                proposal,
            } => pbft::vote_bytes(network, epoch, *view, *height, *proposal),
            Self::ViewChange(claims) => claims.signed_bytes(network, epoch),
            Self::NewView(new_view) => quorate_ledger::encode(&(network, epoch, new_view)),
            Self::RequestVote(request) => quorate_ledger::encode(&(network, epoch, request)),
            Self::VoteReply(reply) => quorate_ledger::encode(&(network, epoch, reply)),
            Self::AppendReply(reply) => quorate_ledger::encode(&(network, epoch, reply)),
            Self::Promise(promise) => quorate_ledger::encode(&(network, epoch, promise)),
            Self::Accept(accept) => quorate_ledger::encode(&(network, epoch, accept)),
            Self::Accepted(accepted) => quorate_ledger::encode(&(network, epoch, accepted)),
        }
    }

    /// The height that it is about, or the highest, if it is about any.
    pub fn height(&self) -> Option<Height> {
        match self {
            Self::Seal { height, .. }
            | Self::PrePrepare { height, .. }
            | Self::Prepare { height, .. }
            | Self::Commit { height, .. } => Some(*height),
            Self::AppendReply(reply) => Some(reply.index),
            Self::Accept(accept) => accept.top(),
            Self::Accepted(accepted) => accepted.top(),
            Self::ViewChange(_)
            | Self::NewView(_)
            | Self::RequestVote(_)
            | Self::VoteReply(_)
            | Self::Promise(_) => None,
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seal { height, .. } => write!(f, "seal of block {height}"),
            Self::PrePrepare { view, height, .. } => {
                write!(f, "pre-prepare for height {height} in view {view}")
            }
            Self::Prepare { view, height, .. } => write!(f, "prepare for height {height} in view {view}"),
            Self::Commit { view, height, .. } => write!(f, "commit for height {height} in view {view}"),
            Self::ViewChange(claims) => write!(f, "view-change to view {}", claims.view),
            Self::NewView(new_view) => write!(f, "new-view of view {}", new_view.view),
            Self::RequestVote(request) => write!(f, "candidacy in term {}", request.term),
            Self::VoteReply(reply) => write!(f, "vote for {} in term {}", reply.candidate, reply.term),
            Self::AppendReply(reply) => write!(f, "log up to {} in term {}", reply.index, reply.term),
            Self::Promise(promise) => write!(f, "promise of ballot {}", promise.ballot),
            Self::Accept(accept) => write!(f, "request to accept in ballot {}", accept.ballot),
            Self::Accepted(accepted) => write!(f, "accepts in ballot {}", accepted.ballot),
        }
    }
}
