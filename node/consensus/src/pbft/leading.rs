//! What the primary does: it proposes (Castro and Liskov 1999, section 4.2).

use quorate_crypto::Height;
use quorate_ledger::Proposal;

use super::Pbft;
use super::instance::Proposed;
use super::message::{Body, View};
use crate::common::{Base, EAGER_PROPOSALS, GATHERED_BATCHES};
use crate::contract::Rejection;
use crate::message::Message;

impl Pbft {
    /// Proposes what can be proposed. Nothing is proposed while nothing waits, but gaps below what
    /// was proposed before a crash are filled, and what is left of an epoch that ends.
    pub(super) fn propose_waiting(&mut self, base: &mut Base) {
        if !self.is_leading(base) {
            return;
        }
        while let Some(height) = self.next_to_propose(base) {
            // 4.2: the primary assigns a sequence number and multicasts a pre-prepare.
            let proposal = base.next_proposal();
            let view = self.view;
            base.finalities.entry(height).or_default();
            let instance = self.instances.entry(height).or_default();
            instance.asked_pre_prepare = Some(view);
            instance.proposed = Some(Proposed::new(view, proposal.clone(), None));
            base.sign(Body::PrePrepare {
                view,
                height,
                proposal,
            });
        }
    }

    /// The lowest height of the window without a proposal, if the primary should make one now.
    fn next_to_propose(&self, base: &Base) -> Option<Height> {
        let free = base.backlog.free();
        let mut undecided = 0;
        let mut first_gap = None;
        let mut above_gap = false;
        for height in base.certified.0.saturating_add(1)..=base.high_watermark().0 {
            let instance = self.instances.get(&Height(height));
            let decided = base.decided(Height(height)).is_some();
            let spoken_for = height <= self.carried_to.0
                || decided
                || instance.is_some_and(|instance| {
                    instance.asked_pre_prepare == Some(self.view) || instance.proposed_in(self.view).is_some()
                });
            if !spoken_for {
                first_gap = first_gap.or(Some(Height(height)));
            } else {
                above_gap |= first_gap.is_some();
                undecided += usize::from(!decided);
            }
        }
        let eager = undecided < EAGER_PROPOSALS && free > 0;
        first_gap.filter(|_| {
            let fills = base.is_ending() && !breaks!(EndNotFilled);
            above_gap || eager || free >= GATHERED_BATCHES || fills
        })
    }

    /// The own pre-prepare is durable, and so are its batches.
    pub(super) fn on_own_pre_prepare(
        &mut self,
        base: &mut Base,
        view: View,
        height: Height,
        proposal: Proposal,
        message: Message,
    ) -> Result<(), Rejection> {
        if view != self.view || !self.begun {
            return Err(self.wrong_view(view));
        }
        let digest = proposal.digest();
        let instance = self.instance_mut(base, height)?;
        match &mut instance.proposed {
            Some(proposed) if proposed.view == view && proposed.digest == digest => {
                proposed.pre_prepare = Some(message.clone());
            }
            _ => return Err(Rejection::Unasked),
        }
        instance.asked_prepare = Some(view);
        instance.required = Some(digest);
        instance.available = Some(digest);
        base.broadcast(message);
        self.try_commit(base, height);
        Ok(())
    }
}
