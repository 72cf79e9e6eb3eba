//! A replica with two faces: half of its peers see another proposal, and votes for that.

use std::collections::BTreeMap;

use quorate_consensus::pbft::Body as Pbft;
use quorate_consensus::{Body, Message};
use quorate_crypto::{Digest, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};

use crate::world::World;

/// What it said otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct Equivocator {
    /// The proposal that the other half saw in the place of this one.
    others: BTreeMap<Digest, Proposal>,
}

impl Equivocator {
    /// What it says to this peer. It forgets its face at times, so that it is found out.
    pub(crate) fn say(
        &mut self,
        world: &mut World,
        own: ValidatorIndex,
        to: ValidatorIndex,
        message: &Message,
    ) -> Message {
        if let Body::Pbft(Pbft::PrePrepare { proposal, .. }) = &message.v1().body
            && message.v1().sender == own
        {
            let later = Timestamp(proposal.timestamp().0.saturating_add(1));
            let batches = proposal.batches().split_last().map_or(&[][..], |(_, rest)| rest);
            let other = Proposal::new(later, batches.to_vec());
            self.others.insert(proposal.digest(), other);
        }
        let second_face = to.0.is_multiple_of(2) != world.random.chance(30);
        if message.v1().sender != own || !second_face {
            return message.clone();
        }
        match self.other(&message.v1().body) {
            Some(body) => world.sign(message.v1().epoch, own, body),
            None => message.clone(),
        }
    }

    fn other(&self, body: &Body) -> Option<Body> {
        let Body::Pbft(body) = body else { return None };
        Some(Body::Pbft(match body {
            Pbft::PrePrepare {
                view,
                height,
                proposal,
            } => Pbft::PrePrepare {
                view: *view,
                height: *height,
                proposal: self.others.get(&proposal.digest())?.clone(),
            },
            Pbft::Prepare {
                view,
                height,
                proposal,
            } => Pbft::Prepare {
                view: *view,
                height: *height,
                proposal: self.others.get(proposal)?.digest(),
            },
            Pbft::Commit {
                view,
                height,
                proposal,
            } => Pbft::Commit {
                view: *view,
                height: *height,
                proposal: self.others.get(proposal)?.digest(),
            },
            _ => return None,
        }))
    }
}
