//! Batches of proposals: what is missing is fetched, and what is complete goes on.

use std::collections::BTreeSet;
use std::time::Duration;

use quorate_consensus::{Body, Input, Message, pbft};
use quorate_crypto::Digest;

use super::{Driver, Serving};
use crate::effect::{Effect, Surroundings, Time};
use crate::fetching::Sources;
use crate::required::Complete;

impl Driver {
    /// Which of these batches are not here; they are taken from now on whatever quotas say.
    pub(super) fn missing_of(&mut self, batches: &[Digest], around: &dyn Surroundings) -> BTreeSet<Digest> {
        // Wanted first, looked for then: a batch that arrives in between is seen either way.
        around.want(batches);
        self.want_no_more(batches, around);
        let missing = batches.iter().filter(|digest| !around.holds(digest));
        missing.copied().collect()
    }

    /// The host takes what is missing, and these, whatever quotas say. What it was told of besides it need not.
    fn want_no_more(&mut self, but: &[Digest], around: &dyn Surroundings) {
        let over = self.required.wants(but);
        if !over.is_empty() {
            around.want_no_more(&over);
        }
    }

    /// Goes on with what is complete, and fetches the rest.
    pub(super) fn fetch(&mut self, time: Time, around: &dyn Surroundings) {
        let complete = self.required.take_complete();
        self.on_complete(complete, around);
        self.note_missing(time.since_start);
    }

    /// What is fetched follows what is missing.
    fn note_missing(&mut self, now: Duration) {
        for batch in self.required.take_changed() {
            match self.required.is_missing(&batch) {
                true => self.fetching.miss(batch, now),
                false => self.fetching.arrived(&[batch]),
            }
        }
    }

    /// Who votes for what names missing batches has them.
    pub(super) fn note_voucher(&mut self, message: &Message, time: Time) {
        let v1 = message.v1();
        let engine = &self.serving.engine;
        if !self.fetching.is_empty() && v1.epoch == self.epoch() && v1.sender != engine.leader() {
            let batches = engine.vouched(&v1.body);
            let proposal = prepared(&v1.body);
            self.fetching
                .vouches(v1.sender, proposal, &batches, time.since_start);
        }
    }

    /// Asks for what is missing and due.
    pub(super) fn fetch_missing(&mut self, now: Duration, around: &dyn Surroundings) {
        self.note_missing(now);
        // Block sync may have brought what was asked for. It is told of as well, a little later: so it is enough to look
        // for what would be asked for now. A look at a batch that is not here reads the host's database.
        let due = self.fetching.due(now);
        let here: Vec<Digest> = due.filter(|batch| around.holds(batch)).collect();
        self.on_arrived(&here, around);
        let Serving { engine, index, .. } = &self.serving;
        let committee = engine.committee().indices();
        let peers: Vec<_> = committee.filter(|peer| Some(*peer) != *index).collect();
        let sources = Sources {
            peers: &peers,
            leader: engine.leader(),
        };
        let asked = self
            .fetching
            .ask(now, sources, |digest| around.waits_for_check(digest));
        let (epoch, asked) = (self.epoch(), asked.into_iter());
        self.effects
            .extend(asked.map(|(to, digests)| Effect::FetchBatches { epoch, to, digests }));
    }

    /// These batches are here now.
    pub(super) fn on_arrived(&mut self, batches: &[Digest], around: &dyn Surroundings) {
        self.fetching.arrived(batches);
        let complete = self.required.arrived(batches);
        self.on_complete(complete, around);
    }

    /// All batches of these proposals are here.
    fn on_complete(&mut self, complete: Vec<Complete>, around: &dyn Surroundings) {
        if complete.is_empty() {
            return;
        }
        self.want_no_more(&[], around);
        for Complete {
            height,
            proposal,
            asked,
            decided,
        } in complete
        {
            if asked {
                self.put(Input::ProposalAvailable { height, proposal });
            }
            if let Some(proposal) = decided {
                self.effects.push(Effect::Execute { height, proposal });
            }
        }
    }
}

/// The one proposal whose batches a vote vouches for, if it gives the digest: PBFT's prepares.
fn prepared(body: &Body) -> Option<Digest> {
    match body {
        Body::Pbft(pbft::Body::Prepare { proposal, .. }) => Some(*proposal),
        _ => None,
    }
}
