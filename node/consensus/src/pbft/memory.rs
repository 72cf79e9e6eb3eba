//! What binds after a crash: records, and a replica that is rebuilt from its journal and never contradicts what it
//! said; what it remembers of that, and what it can tell others of what they signed.
//!
//! The chain may be far behind the journal, as blocks are flushed less often than votes, or it may be
//! lost. So own records of any height above the certified height are restored, while of what others send
//! two windows are kept. Nothing is voted on before its height is in the window, by which time all that
//! was said about it is known; and a replica whose prepared certificates are more than a view-change can
//! claim, as its chain is of a backup, joins no view change until it has come nearer.

use std::ops::Bound;

use quorate_crypto::{Digest, Height, ValidatorIndex};

use super::certificate::PreparedCertificate;
use super::instance::{Instance, Phase, Proposed, Vote};
use super::message::{Body, Claims, NewView, PreparedClaim, View};
use super::new_view::new_view_of;
use super::succession::view_change_of;
use super::{Pbft, primary_of};
use crate::common::{Base, Orderer as _, SealVote};
use crate::contract::Record;
use crate::message::{self, Message};
use crate::testimony::{SignedStatement, Statement};

impl Pbft {
    /// Takes the records in the order in which they were written, then does what the facts allow.
    pub(super) fn restore_records(&mut self, base: &mut Base, records: Vec<Record>) {
        self.restore_view(base, &records);
        for record in records {
            match record {
                Record::Own(message) => self.restore_own(base, message),
                Record::Accepted(message) => self.restore_accepted(base, message),
                Record::Prepared(certificate) => self.restore_certificate(base, certificate),
                Record::Entered(_) | Record::Raft(..) | Record::Paxos(..) | Record::StoodDown(_) => {}
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

    /// The view that the journal's records lead to.
    fn restore_view(&mut self, base: &Base, records: &[Record]) {
        for record in records.iter().filter(|_| !breaks!(ViewForgotten)) {
            let (Record::Own(message) | Record::Entered(message)) = record else {
                continue;
            };
            let message::Body::Pbft(body) = &message.v1().body else {
                continue;
            };
            let view = body.view();
            match body {
                Body::NewView(_) if view > self.view || (view == self.view && !self.begun) => {
                    self.view = view;
                    self.begun = true;
                    self.changes.asked_new_view = self.changes.asked_new_view.max(Some(view));
                    self.changes.new_view = Some(message.clone());
                }
                Body::ViewChange(_) => {
                    self.changes.asked_change = self.changes.asked_change.max(Some(view));
                    if Some(message.v1().sender) == base.config.index {
                        self.own_change = Some(message.clone());
                    }
                    if view > self.view {
                        self.view = view;
                        self.begun = false;
                        self.changes.changes.insert(message.v1().sender, message.clone());
                    }
                }
                _ => {}
            }
        }
        if self.begun {
            self.changes.changes.clear();
        }
    }

    /// What is kept of what a validator signed, above a height. The highest first.
    pub(super) fn votes_said_by(
        &self,
        base: &Base,
        about: ValidatorIndex,
        above: Height,
    ) -> Vec<SignedStatement> {
        let mut said = self.views_said_by(about);
        let above = (Bound::Excluded(above), Bound::Unbounded);
        for (height, instance) in self.instances.range(above).rev() {
            let primary_then = |view| primary_of(&base.config.committee, view) == about;
            said.extend(instance.said_by(about, *height, primary_then));
        }
        said
    }

    /// View-changes and new-views of a validator that are still kept.
    fn views_said_by(&self, about: ValidatorIndex) -> Vec<SignedStatement> {
        let new_view = self.changes.new_view.as_ref();
        let own = new_view.filter(|message| message.v1().sender == about);
        let mut said: Vec<SignedStatement> = own.and_then(SignedStatement::of).into_iter().collect();
        if let Some(message::Body::Pbft(Body::NewView(new_view))) = new_view.map(|message| &message.v1().body)
        {
            let claims = new_view.view_changes.iter();
            said.extend(
                claims
                    .filter(|change| change.sender == about)
                    .map(|change| SignedStatement {
                        statement: Statement::ViewChange(change.claims.clone()),
                        signature: change.signature,
                    }),
            );
        }
        let change = self.changes.changes.get(&about);
        said.extend(
            change
                .filter(|message| view_change_of(message).is_some())
                .and_then(SignedStatement::of),
        );
        said
    }

    /// Whether something signed with this validator's key was said by this replica, or can have been said
    /// and forgotten with good reason: its height is certified, or it is of a view that was left and the
    /// replica knows that it voted in that view or a later one.
    pub(super) fn remembers_statement(
        &self,
        base: &Base,
        own: ValidatorIndex,
        statement: &Statement,
    ) -> bool {
        let instance = |height: &Height| self.instances.get(height);
        match statement {
            Statement::Seal { height, .. } => {
                instance(height).is_some_and(|instance| instance.commits.contains_key(&own))
            }
            Statement::PrePrepare {
                view,
                height,
                proposal,
            } => {
                let known = |instance: &Instance| {
                    let proposed = instance.proposed_in(*view);
                    instance.asked_pre_prepare >= Some(*view)
                        && (*view < self.view || proposed.is_some_and(|kept| kept.digest == *proposal))
                };
                *height <= base.certified || instance(height).is_some_and(known)
            }
            Statement::Prepare {
                view,
                height,
                proposal,
            } => {
                let known = |instance: &Instance| {
                    let left = *view < self.view && instance.asked_prepare >= Some(*view);
                    left || instance.has_voted(Phase::Prepare, own, *view, *proposal)
                };
                *height <= base.certified || instance(height).is_some_and(known)
            }
            // Of a view that was left too: it binds later view-changes, and the journal has it.
            Statement::Commit {
                view,
                height,
                proposal,
            } => {
                let known = |instance: &Instance| instance.has_voted(Phase::Commit, own, *view, *proposal);
                *height <= base.certified || instance(height).is_some_and(known)
            }
            Statement::ViewChange(claims) => self.remembers_change(base, claims),
            Statement::NewView(new_view) => self.remembers_new_view(new_view),
            _ => false,
        }
    }

    /// Whether an own view-change that came up is known here, or of a view that was left and may be
    /// forgotten; and whether what it claims is still held here.
    fn remembers_change(&self, base: &Base, claims: &Claims) -> bool {
        let held = |claim: &PreparedClaim| {
            let instance = self.instances.get(&claim.height);
            let certificate = instance.and_then(|instance| instance.certificate.as_ref());
            claim.height <= base.certified
                || certificate.is_some_and(|certificate| certificate.view >= claim.view)
        };
        let asked = self.changes.asked_change >= Some(claims.view);
        (asked || claims.view < self.view) && claims.prepared.iter().all(held)
    }

    /// As [`Self::remembers_change`], of a new-view.
    fn remembers_new_view(&self, new_view: &NewView) -> bool {
        let kept = self.changes.new_view.as_ref().and_then(new_view_of);
        new_view.view < self.view || kept == Some(new_view)
    }

    /// The batches that saying this vouches for: the driver gives it back when they are durable.
    pub(super) fn vouched_by(&self, base: &Base, body: &Body) -> Vec<Digest> {
        match body {
            Body::PrePrepare { proposal, .. } => proposal.batches().to_vec(),
            Body::Prepare { height, proposal, .. } => {
                let instance = self.instances.get(height);
                let known = instance.and_then(|instance| instance.proposal_of(*proposal));
                let decided = || {
                    base.decided(*height)
                        .filter(|decided| decided.digest() == *proposal)
                };
                let known = known.or_else(decided);
                known.map_or_else(Vec::new, |proposal| proposal.batches().to_vec())
            }
            Body::Commit { .. } | Body::Complaint { .. } | Body::ViewChange(_) | Body::NewView(_) => {
                Vec::new()
            }
        }
    }
}

impl Instance {
    /// What a validator signed about this height; `primary_then` says in which views it was the primary.
    pub(super) fn said_by(
        &self,
        about: ValidatorIndex,
        height: Height,
        primary_then: impl Fn(View) -> bool,
    ) -> Vec<SignedStatement> {
        let mut said = Vec::new();
        let proposed = [&self.proposed, &self.early].into_iter().flatten();
        said.extend(proposed.filter_map(|proposed| pre_prepare_by(about, height, proposed)));
        if let Some(vote) = self.prepares.get(&about) {
            said.push(SignedStatement {
                statement: Statement::Prepare {
                    view: vote.view,
                    height,
                    proposal: vote.digest,
                },
                signature: vote.signature,
            });
        }
        if let Some(vote) = self.commits.get(&about) {
            said.push(SignedStatement {
                statement: Statement::Commit {
                    view: vote.view,
                    height,
                    proposal: vote.digest,
                },
                signature: vote.signature,
            });
        }
        let Some(certificate) = &self.certificate else {
            return said;
        };
        let (view, proposal) = (certificate.view, certificate.proposal.digest());
        if let Some(signature) = certificate.pre_prepare.filter(|_| primary_then(view)) {
            let statement = Statement::PrePrepare {
                view,
                height,
                proposal,
            };
            said.push(SignedStatement { statement, signature });
        }
        let prepares = certificate.prepares.iter();
        said.extend(
            prepares
                .filter(|prepare| prepare.validator == about)
                .map(|prepare| SignedStatement {
                    statement: Statement::Prepare {
                        view,
                        height,
                        proposal,
                    },
                    signature: prepare.signature,
                }),
        );
        said
    }
}

fn pre_prepare_by(about: ValidatorIndex, height: Height, proposed: &Proposed) -> Option<SignedStatement> {
    let message = proposed.pre_prepare.as_ref()?.v1();
    let statement = Statement::PrePrepare {
        view: proposed.view,
        height,
        proposal: proposed.digest,
    };
    (message.sender == about).then_some(SignedStatement {
        statement,
        signature: message.signature,
    })
}
