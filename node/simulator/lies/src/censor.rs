//! A primary that keeps its office by proposing in time, and orders nothing for those it dislikes.

use quorate_consensus::pbft::{Body as Pbft, Replica};
use quorate_consensus::{Body, pbft::View};
use quorate_crypto::{Digest, Epoch, Height, ValidatorIndex};
use quorate_ledger::{Proposal, Timestamp};

/// What it has proposed last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Censor {
    last: (Epoch, View, Height),
}

impl Censor {
    /// The next proposal with these batches, if it is the primary and its last one is certified.
    pub fn propose(
        &mut self,
        (epoch, engine): (Epoch, &Replica),
        own: ValidatorIndex,
        now: Timestamp,
        batches: Vec<Digest>,
    ) -> Option<Body> {
        let (view, height) = (engine.view(), engine.certified().next());
        if !engine.has_begun() || engine.leader() != own || self.last >= (epoch, view, height) {
            return None;
        }
        self.last = (epoch, view, height);
        let proposal = match batches.is_empty() {
            true => Proposal::null(),
            false => Proposal::new(now, batches),
        };
        Some(Body::Pbft(Pbft::PrePrepare {
            view,
            height,
            proposal,
        }))
    }
}
