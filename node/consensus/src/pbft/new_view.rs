//! New-views (section 4.4): how a view begins, and what it carries over.

use std::collections::BTreeMap;

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Proposal;

use super::instance::{Instance, Proposed};
use super::message::{self, NewView, SignedClaims, View, ViewChange};
use super::succession::{view_change_of, view_of};
use super::{Pbft, primary_of};
use crate::common::{Base, Orderer as _};
use crate::contract::{Record, Rejection};
use crate::message::{Body, Message};

impl Pbft {
    pub(super) fn on_own_new_view(
        &mut self,
        base: &mut Base,
        own: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection> {
        let view = view_of(&message).unwrap_or_default();
        if view != self.view || self.begun {
            return Err(self.wrong_view(view));
        }
        base.broadcast(message.clone());
        self.enter(base, own, message)
    }

    /// Any valid new-view of a higher view is adopted, whether this replica asked for it or not, until the
    /// epoch's last height is certified here.
    pub(super) fn on_new_view(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        message: Message,
    ) -> Result<(), Rejection> {
        let Some(new_view) = new_view_of(&message) else {
            return Err(Rejection::WrongEngine);
        };
        let view = new_view.view;
        if from != primary_of(&base.config.committee, view) {
            return Err(Rejection::NotLeader {
                sender: from,
                reign: view.0,
            });
        }
        // 4.4: a backup accepts a new-view for its view or a higher one whose O is right. That it follows from the
        // view-changes in it was checked with its signatures.
        let certified = new_view.plan().certified;
        self.check_watermark(base, new_view.certified.is_some(), certified)?;
        if let Some(kept) = self
            .changes
            .new_view
            .clone()
            .filter(|kept| view_of(kept) == Some(view))
        {
            let other = new_view_of(&kept) != Some(new_view);
            return Err(if other {
                base.accuse(from, certified, kept, message)
            } else {
                Rejection::Duplicate
            });
        }
        if view < self.view || (view == self.view && self.begun) {
            return Err(self.wrong_view(view));
        }
        if base.is_finished() {
            return Err(Rejection::OutsideWindow {
                height: certified,
                certified: base.certified,
            });
        }
        base.record(Record::Entered(message.clone()));
        self.enter(base, from, message)
    }

    /// Begins a view with what its primary's new-view carries over.
    fn enter(&mut self, base: &mut Base, primary: ValidatorIndex, message: Message) -> Result<(), Rejection> {
        let view = view_of(&message).unwrap_or_default();
        self.view = view;
        self.begun = true;
        self.changes
            .changes
            .retain(|_, change| view_of(change) > Some(view));
        self.changes
            .complaints
            .retain(|_, complaint| complaint.view >= view);
        self.cancel_new_view_timer(base);
        base.backlog.release_all(base.now);
        for instance in self.instances.values_mut() {
            (instance.proposed, instance.doubted) = (None, false);
        }
        let certificate = new_view_of(&message).and_then(|new_view| new_view.certified.clone());
        self.changes.new_view = Some(message);
        self.carry_over(base);
        self.accept_early(base);
        if let Some(certificate) = certificate {
            base.learn(primary, certificate);
        }
        // Votes and complaints of this view may have been faster than its beginning.
        self.changes.note_news();
        self.carried_against_decided(base)
            .map_or(Ok(()), |height| Err(Rejection::AgainstDecided { height }))
    }

    /// A height for which the current view's new-view carries over another proposal than was decided here. No
    /// quorum of view-changes leads to that while no more than f lie: of every decided height f + 1 honest
    /// replicas hold the prepared certificate, or a block that was certified.
    fn carried_against_decided(&self, base: &Base) -> Option<Height> {
        let carried = self.instances.range(..=self.carried_to);
        let mut against = carried.filter(|(height, instance)| {
            let decided = base.decided(**height);
            instance
                .proposed_in(self.view)
                .is_some_and(|proposed| decided.is_some_and(|decided| *decided != proposed.proposal))
        });
        against.next().map(|(height, _)| *height)
    }

    /// Takes over what the current view's new-view proposes again, for all heights that are kept.
    /// Called again whenever the window has moved.
    pub(super) fn carry_over(&mut self, base: &mut Base) {
        let Some(new_view) = self.changes.new_view.as_ref().and_then(new_view_of) else {
            return;
        };
        let plan = new_view.plan();
        let top = plan.heights.keys().next_back().copied();
        self.carried_to = top.unwrap_or_default().max(plan.certified);
        if !self.begun || self.carried_to <= base.certified {
            return;
        }
        let view = self.view;
        let mut carried: BTreeMap<Height, Proposal> = plan
            .heights
            .keys()
            .map(|height| (*height, Proposal::null()))
            .collect();
        for certificate in new_view.prepared.iter().filter(|_| !breaks!(NullCarriedOver)) {
            carried.insert(certificate.height, certificate.proposal.clone());
        }
        for (height, proposal) in carried {
            let Ok(instance) = self.instance_mut(base, height) else {
                continue;
            };
            if instance.proposed_in(view).is_none() {
                let batches = proposal.batches().to_vec();
                instance.proposed = Some(Proposed::new(view, proposal, None));
                base.backlog.take(&batches);
                self.act_on(base, height);
            }
        }
    }

    /// Takes the pre-prepares that came before their view began.
    fn accept_early(&mut self, base: &mut Base) {
        let view = self.view;
        let early = |instance: &mut Instance| instance.early.take_if(|early| early.view <= view);
        let early: Vec<(Height, Proposed)> = self
            .instances
            .iter_mut()
            .filter_map(|(height, instance)| early(instance).map(|early| (*height, early)))
            .collect();
        for (height, proposed) in early {
            if proposed.view == view && height > self.carried_to {
                // A refusal has been reported where it is evidence.
                let _ = self.accept(base, height, proposed);
            }
        }
    }
}

/// The new-view that follows from these view-changes, which are verified and in the order of their
/// senders.
pub(super) fn new_view(view: View, changes: &[&Message]) -> NewView {
    let contents: Vec<&ViewChange> = changes
        .iter()
        .filter_map(|message| view_change_of(message))
        .collect();
    let plan = message::Plan::of(contents.iter().map(|change| &change.claims));
    let prepared = plan
        .heights
        .values()
        .flatten()
        .filter_map(|claim| {
            contents
                .iter()
                .flat_map(|change| &change.prepared)
                .find(|certificate| certificate.claim() == *claim)
                .cloned()
        })
        .collect();
    let certified = contents
        .iter()
        .find(|change| change.claims.certified == plan.certified)
        .and_then(|change| change.certified.clone());
    let view_changes = changes
        .iter()
        .filter_map(|message| {
            view_change_of(message).map(|change| SignedClaims {
                sender: message.v1().sender,
                claims: change.claims.clone(),
                signature: message.v1().signature,
            })
        })
        .collect();
    NewView {
        view,
        view_changes,
        certified,
        prepared,
    }
}

pub(super) fn new_view_of(message: &Message) -> Option<&NewView> {
    match &message.v1().body {
        Body::Pbft(message::Body::NewView(new_view)) => Some(new_view),
        _ => None,
    }
}
