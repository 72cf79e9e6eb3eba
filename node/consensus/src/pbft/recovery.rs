//! Rebuilding a replica from its journal, so that it never contradicts what it said.
//!
//! The chain may be far behind the journal, as blocks are flushed less often than votes, or it may be
//! lost. So own records of any height above the certified height are restored, while of what others send
//! two windows are kept. Nothing is voted on before its height is in the window, by which time all that
//! was said about it is known; and a replica whose prepared certificates are more than a view-change can
//! claim joins no view change until it has come nearer.

use quorate_crypto::Height;

use super::Pbft;
use super::certificate::PreparedCertificate;
use super::instance::{Instance, Phase, Proposed, Vote};
use super::message::Body;
use crate::common::{Base, Orderer as _, SealVote};
use crate::contract::Record;
use crate::message::{self, Message};

impl Pbft {
    /// Takes the records in the order in which they were written, then does what the facts allow.
    pub(super) fn restore_records(&mut self, base: &mut Base, records: Vec<Record>) {
        self.restore_view(base, &records);
        for record in records {
            match record {
                Record::Own(message) => self.restore_own(base, message),
                Record::Accepted(message) => self.restore_accepted(base, message),
                Record::Prepared(certificate) => self.restore_certificate(base, certificate),
                Record::Entered(_) | Record::Raft(..) | Record::Paxos(..) => {}
            }
        }
        self.carry_over(base);
        self.restore_votes_of_certificates();
        let heights: Vec<Height> = self.instances.keys().copied().collect();
        for height in heights {
            if let Some(proposed) = self.instances.get(&height).and_then(|i| i.proposed.as_ref()) {
                base.backlog.take(proposed.proposal.batches());
            }
            self.act_on(base, height);
        }
    }

    fn restore_certificate(&mut self, base: &mut Base, certificate: PreparedCertificate) {
        if let Some(instance) = self.restored(base, certificate.height) {
            let kept = instance.certificate.as_ref();
            if kept.is_none_or(|kept| kept.view < certificate.view) {
                instance.certificate = Some(certificate);
            }
        }
    }

    /// Of two own records for one view and height the later one stands: the earlier never left, or it
    /// would have bound the replica when the later one was made.
    fn restore_own(&mut self, base: &mut Base, message: Message) {
        let own = message.v1().sender;
        let signature = message.v1().signature;
        if Some(own) != base.config.index {
            return;
        }
        let body = match &message.v1().body {
            message::Body::Pbft(body) => body,
            message::Body::Seal { height, block } => {
                let (height, block) = (*height, *block);
                if let Some(finality) = base.restored(height) {
                    finality.seals.insert(own, SealVote { block, signature });
                }
                return;
            }
            _ => return,
        };
        match body {
            Body::PrePrepare { view, height, .. } => {
                let (view, height) = (*view, *height);
                if let Some(instance) = self.restored(base, height) {
                    // Its batches are durable: see `Record::without_unsent`.
                    instance.asked_pre_prepare = instance.asked_pre_prepare.max(Some(view));
                    instance.asked_prepare = instance.asked_prepare.max(Some(view));
                }
                self.restore_accepted(base, message);
            }
            Body::Prepare {
                view,
                height,
                proposal,
            } => {
                let vote = Vote {
                    view: *view,
                    digest: *proposal,
                    signature,
                };
                let current = vote.view == self.view;
                if let Some(instance) = self.restored(base, *height) {
                    instance.asked_prepare = instance.asked_prepare.max(Some(vote.view));
                    if current {
                        instance.prepares.insert(own, vote);
                    }
                    // Its batches are durable: see `Record::without_unsent`.
                    instance.available = Some(vote.digest);
                }
            }
            Body::Commit {
                view,
                height,
                proposal,
            } => {
                let vote = Vote {
                    view: *view,
                    digest: *proposal,
                    signature,
                };
                if let Some(instance) = self.restored(base, *height) {
                    instance.asked_commit = instance.asked_commit.max(Some(vote.view));
                    // Of a former view too: it may be what makes a quorum of that view, where those who
                    // knew the finality have lost it as well. Every later view-change claims it.
                    let kept = instance.commits.get(&own);
                    if kept.is_none_or(|kept| kept.view <= vote.view) {
                        instance.commits.insert(own, vote);
                    }
                }
            }
            Body::Complaint { .. } | Body::ViewChange(_) | Body::NewView(_) => {}
        }
    }

    /// The instance of a height that a record is about, however far above the certified height.
    fn restored(&mut self, base: &mut Base, height: Height) -> Option<&mut Instance> {
        base.restored(height)?;
        Some(self.instances.entry(height).or_default())
    }

    /// A pre-prepare that this replica made or voted on.
    fn restore_accepted(&mut self, base: &mut Base, message: Message) {
        let current = self.view;
        let (sender, own) = (message.v1().sender, base.config.index);
        let message::Body::Pbft(Body::PrePrepare {
            view,
            height,
            proposal,
        }) = &message.v1().body
        else {
            return;
        };
        let (view, height, proposal) = (*view, *height, proposal.clone());
        if view != current {
            return;
        }
        if let Some(instance) = self.restored(base, height) {
            let proposed = Proposed::new(view, proposal, Some(message));
            if Some(sender) == own {
                instance.available = Some(proposed.digest);
            }
            instance.proposed = Some(proposed);
        }
    }

    /// Prepares inside certificates of the current view count again.
    fn restore_votes_of_certificates(&mut self) {
        let view = self.view;
        for instance in self.instances.values_mut() {
            let Some(certificate) = instance.certificate.clone().filter(|c| c.view == view) else {
                continue;
            };
            let digest = certificate.proposal.digest();
            for prepare in &certificate.prepares {
                let vote = Vote {
                    view,
                    digest,
                    signature: prepare.signature,
                };
                instance.record_vote(Phase::Prepare, prepare.validator, vote);
            }
        }
    }
}
