//! What a replica remembers of what it signed, and what it can tell others of what they signed.

use std::ops::Bound;

use quorate_crypto::{Height, ValidatorIndex};

use super::Pbft;
use super::instance::{Instance, Phase, Proposed};
use super::message::{self, View};
use super::primary_of;
use super::view_change::view_change_of;
use crate::common::Base;
use crate::message::Body;
use crate::testimony::{SignedStatement, Statement};

impl Pbft {
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

    /// View-changes and new-views of a validator that are still kept.
    fn views_said_by(&self, about: ValidatorIndex) -> Vec<SignedStatement> {
        let new_view = self.changes.new_view.as_ref();
        let own = new_view.filter(|message| message.v1().sender == about);
        let mut said: Vec<SignedStatement> = own.and_then(SignedStatement::of).into_iter().collect();
        if let Some(Body::Pbft(message::Body::NewView(new_view))) = new_view.map(|message| &message.v1().body)
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
}

impl Instance {
    /// What a validator signed about this height; `primary_then` says in which views it was the primary.
    fn said_by(
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
