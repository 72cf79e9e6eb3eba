//! The last that each validator signed, by kind, whatever became of it: what is left to tell a validator
//! that comes back with an old journal when the heights it voted on are certified and forgotten here.

use std::collections::BTreeMap;

use quorate_crypto::{Height, ValidatorIndex};
use serde::{Deserialize, Serialize};

use crate::message::{Body, Message};
use crate::paxos;
use crate::pbft;
use crate::raft;
use crate::testimony::SignedStatement;

/// The most kinds of messages that have a slot in one engine.
pub(crate) const KINDS: usize = 5;

/// One slot for each validator and kind of message.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Witness {
    latest: BTreeMap<(ValidatorIndex, Kind), (Rank, SignedStatement)>,
}

/// Kinds that have a slot. New-views have none: the one that matters is the current view's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Kind {
    Seal,
    PrePrepare,
    Prepare,
    Commit,
    ViewChange,
    RequestVote,
    VoteReply,
    AppendReply,
    Promise,
    Accept,
    Accepted,
}

/// Validators say things in the order of reigns, and within a reign roughly of heights.
type Rank = (u64, Height);

impl Witness {
    /// Notes a message, if it is the last of its kind.
    pub(crate) fn note(&mut self, message: &Message) {
        let Some((kind, rank)) = place_of(&message.v1().body) else {
            return;
        };
        let slot = (message.v1().sender, kind);
        if self.latest.get(&slot).is_none_or(|(kept, _)| *kept < rank)
            && let Some(said) = SignedStatement::of(message)
        {
            self.latest.insert(slot, (rank, said));
        }
    }

    /// How many messages are kept.
    pub(crate) fn len(&self) -> usize {
        self.latest.len()
    }

    /// The last that this validator signed of each kind.
    pub(crate) fn of(&self, validator: ValidatorIndex) -> impl Iterator<Item = &SignedStatement> {
        let slots = (validator, Kind::Seal)..=(validator, Kind::Accepted);
        self.latest.range(slots).map(|(_, (_, said))| said)
    }
}

fn place_of(body: &Body) -> Option<(Kind, Rank)> {
    match body {
        Body::Seal { height, .. } => Some((Kind::Seal, (0, *height))),
        Body::Pbft(body) => {
            let kind = match body {
                pbft::Body::PrePrepare { .. } => Kind::PrePrepare,
                pbft::Body::Prepare { .. } => Kind::Prepare,
                pbft::Body::Commit { .. } => Kind::Commit,
                pbft::Body::ViewChange(_) => Kind::ViewChange,
                pbft::Body::Complaint { .. } | pbft::Body::NewView(_) => return None,
            };
            Some((kind, (body.view().0, body.height().unwrap_or_default())))
        }
        Body::Raft(body) => match body {
            raft::Body::RequestVote(request) => Some((Kind::RequestVote, (request.term.0, Height::GENESIS))),
            raft::Body::VoteReply(reply) => Some((Kind::VoteReply, (reply.term.0, Height::GENESIS))),
            raft::Body::AppendReply(reply) => Some((Kind::AppendReply, (reply.term.0, reply.index))),
            raft::Body::AppendEntries(_) | raft::Body::TimeoutNow { .. } => None,
        },
        Body::Paxos(body) => match body {
            paxos::Body::Promise(promise) => Some((Kind::Promise, (promise.ballot.round, Height::GENESIS))),
            paxos::Body::Accept(accept) => Some((Kind::Accept, (accept.ballot.round, accept.top()?))),
            paxos::Body::Accepted(accepted) => {
                Some((Kind::Accepted, (accepted.ballot.round, accepted.top()?)))
            }
            paxos::Body::Prepare(_)
            | paxos::Body::Nack(_)
            | paxos::Body::Chosen(_)
            | paxos::Body::Yield(_) => None,
        },
        Body::Status(_) | Body::Inquiry(_) | Body::Testimony(_) => None,
    }
}
