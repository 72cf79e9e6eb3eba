//! What a replica knows about one height. Facts are kept, conclusions are computed.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;

use quorate_crypto::{Committee, Digest, Epoch, Height, Signature, ValidatorIndex};
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use super::certificate::{PrepareSignature, PreparedCertificate};
use super::message::{Body, View};
use super::primary_of;
use crate::common::Recorded;
use crate::message::{self, Message};

/// A proposal for the height in one view.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
pub(super) struct Proposed {
    pub(super) view: View,
    pub(super) digest: Digest,
    pub(super) proposal: Proposal,
    /// The primary's pre-prepare; none if a new-view carried the proposal over.
    pub(super) pre_prepare: Option<Message>,
    /// Whether the pre-prepare came so long after the proposal's time that it gets no vote here. Judged once, when it
    /// is seen first: what was in time then does not become too old by waiting for its batches.
    pub(super) too_old: bool,
}

/// A prepare or a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Vote {
    pub(super) view: View,
    pub(super) digest: Digest,
    pub(super) signature: Signature,
}

/// The two kinds of vote on a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// A validator has the proposal and its batches.
    Prepare,
    /// A validator holds a prepared certificate.
    Commit,
}

/// One height. Every map has at most one entry a validator.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Instance {
    /// The proposal of the replica's current view, the first that came.
    pub(super) proposed: Option<Proposed>,
    /// A pre-prepare of the next view, kept until that begins.
    pub(super) early: Option<Proposed>,
    /// Each validator's prepare of its highest view.
    pub(super) prepares: BTreeMap<ValidatorIndex, Vote>,
    /// Each validator's commit of its highest view.
    pub(super) commits: BTreeMap<ValidatorIndex, Vote>,
    /// Proof of what was prepared here, of the highest view in which it was.
    pub(super) certificate: Option<PreparedCertificate>,
    /// The proposal whose batches were asked for last, or that needed no asking.
    pub(super) required: Option<Digest>,
    /// The proposal whose batches are here.
    pub(super) available: Option<Digest>,
    /// A proposal that a quorum has committed and that came otherwise than in the current view.
    pub(super) learned: Option<Proposal>,
    /// The highest view for which an own pre-prepare was asked to be signed, and so for the others.
    /// Nothing is ever asked for twice in a view.
    pub(super) asked_pre_prepare: Option<View>,
    pub(super) asked_prepare: Option<View>,
    pub(super) asked_commit: Option<View>,
    /// Whether somebody voted for another proposal of the current view than the one held, and was asked for it.
    pub(super) doubted: bool,
}

impl Proposed {
    pub(super) fn new(view: View, proposal: Proposal, pre_prepare: Option<Message>) -> Self {
        Self {
            view,
            digest: proposal.digest(),
            proposal,
            pre_prepare,
            too_old: false,
        }
    }

    /// Whether the primary proposed it in this view, so that the rules for fresh proposals hold.
    pub(super) fn is_fresh(&self) -> bool {
        self.pre_prepare.is_some()
    }
}

impl Instance {
    fn votes(&self, phase: Phase) -> &BTreeMap<ValidatorIndex, Vote> {
        match phase {
            Phase::Prepare => &self.prepares,
            Phase::Commit => &self.commits,
        }
    }

    /// The vote that is kept of a validator.
    pub(super) fn vote(&self, phase: Phase, of: ValidatorIndex) -> Option<&Vote> {
        self.votes(phase).get(&of)
    }

    /// Whether a validator's vote is this one, or of a higher view.
    pub(super) fn has_voted(&self, phase: Phase, of: ValidatorIndex, view: View, digest: Digest) -> bool {
        self.vote(phase, of)
            .is_some_and(|kept| kept.view > view || (kept.view == view && kept.digest == digest))
    }

    /// Keeps a vote, if its view is above that of the sender's former one.
    pub(super) fn record_vote(&mut self, phase: Phase, from: ValidatorIndex, vote: Vote) -> Recorded<Vote> {
        let votes = match phase {
            Phase::Prepare => &mut self.prepares,
            Phase::Commit => &mut self.commits,
        };
        match votes.get(&from) {
            Some(kept) if kept.view > vote.view => Recorded::Known,
            Some(kept) if kept.view == vote.view && kept.digest != vote.digest => {
                Recorded::Contradicts(*kept)
            }
            Some(kept) if kept.view == vote.view => Recorded::Known,
            _ => {
                votes.insert(from, vote);
                Recorded::New
            }
        }
    }

    /// Who but `own` has voted in `view`.
    pub(super) fn voters(&self, view: View, own: Option<ValidatorIndex>) -> BTreeSet<ValidatorIndex> {
        let votes = self.prepares.iter().chain(&self.commits);
        let of_view = votes.filter(|(_, vote)| vote.view == view);
        of_view
            .map(|(voter, _)| *voter)
            .filter(|voter| Some(*voter) != own)
            .collect()
    }

    /// The proposal of `view`, if it is known.
    pub(super) fn proposed_in(&self, view: View) -> Option<&Proposed> {
        self.proposed.as_ref().filter(|proposed| proposed.view == view)
    }

    /// Who accepted the proposal of `view`: those who prepared it, and the primary by its
    /// pre-prepare.
    pub(super) fn prepared_by(&self, view: View, committee: &Committee) -> BTreeSet<ValidatorIndex> {
        let Some(proposed) = self.proposed_in(view) else {
            return BTreeSet::new();
        };
        let mut signers: BTreeSet<_> = signers(&self.prepares, view, proposed.digest).collect();
        if proposed.is_fresh() {
            signers.insert(primary_of(committee, view));
        }
        signers
    }

    /// Section 4.2's predicate `prepared(m, v, n, i)`: the proposal, and a quorum that accepted it.
    pub(super) fn is_prepared(&self, view: View, committee: &Committee) -> bool {
        let enough = match breaks!(CommittedUnprepared) {
            true => committee.weak_quorum(),
            false => committee.quorum(),
        };
        self.proposed_in(view).is_some() && self.prepared_by(view, committee).len() >= enough
    }

    /// The proof of [`Self::is_prepared`].
    pub(super) fn prepared_certificate(
        &self,
        view: View,
        height: Height,
        committee: &Committee,
    ) -> Option<PreparedCertificate> {
        let proposed = self.proposed_in(view)?;
        if !self.is_prepared(view, committee) {
            return None;
        }
        let primary = primary_of(committee, view);
        let pre_prepare = proposed
            .pre_prepare
            .as_ref()
            .map(|message| message.v1().signature);
        let prepares = self
            .prepares
            .iter()
            .filter(|(signer, vote)| {
                vote.view == view
                    && vote.digest == proposed.digest
                    && !(**signer == primary && pre_prepare.is_some())
            })
            .map(|(validator, vote)| PrepareSignature {
                validator: *validator,
                signature: vote.signature,
            })
            .collect();
        Some(PreparedCertificate {
            view,
            height,
            proposal: proposed.proposal.clone(),
            pre_prepare,
            prepares,
        })
    }

    /// The digest that a quorum has committed in one view, whatever view this replica is in.
    pub(super) fn committed(&self, committee: &Committee) -> Option<Digest> {
        let quorum = committee.quorum();
        if self.commits.len() < quorum {
            return None;
        }
        self.commits
            .values()
            .find(|vote| signers(&self.commits, vote.view, vote.digest).count() >= quorum)
            .map(|vote| vote.digest)
    }

    /// The proposal with this digest, if it is known from anywhere but a decision.
    pub(super) fn proposal_of(&self, digest: Digest) -> Option<&Proposal> {
        let certified = self.certificate.as_ref().map(|certificate| &certificate.proposal);
        if let Some(proposed) = self
            .proposed
            .iter()
            .chain(&self.early)
            .find(|p| p.digest == digest)
        {
            return Some(&proposed.proposal);
        }
        self.learned
            .iter()
            .chain(certified)
            .find(|proposal| proposal.digest() == digest)
    }

    /// Whether the replica has what the height needs a proposal for; it needs none once it is decided.
    pub(super) fn has_proposal(&self, view: View, committee: &Committee, decided: bool) -> bool {
        decided
            || match self.committed(committee) {
                Some(digest) => self.proposal_of(digest).is_some(),
                None => self.proposed_in(view).is_some(),
            }
    }

    /// Whether the batches of the proposal of the current view are here.
    pub(super) fn is_available(&self) -> bool {
        self.proposed
            .as_ref()
            .is_some_and(|proposed| self.available == Some(proposed.digest))
    }
}

fn signers(
    votes: &BTreeMap<ValidatorIndex, Vote>,
    view: View,
    digest: Digest,
) -> impl Iterator<Item = ValidatorIndex> {
    votes
        .iter()
        .filter(move |(_, vote)| (vote.view == view || breaks!(OldVotesCounted)) && vote.digest == digest)
        .map(|(validator, _)| *validator)
}

impl Vote {
    /// The message that this was, byte for byte.
    pub(super) fn message(
        &self,
        epoch: Epoch,
        phase: Phase,
        height: Height,
        sender: ValidatorIndex,
    ) -> Message {
        let (view, proposal) = (self.view, self.digest);
        let body = match phase {
            Phase::Prepare => Body::Prepare {
                view,
                height,
                proposal,
            },
            Phase::Commit => Body::Commit {
                view,
                height,
                proposal,
            },
        };
        Message::new(epoch, sender, message::Body::Pbft(body), self.signature)
    }
}
