//! A replica that starts asks before it speaks (pitfalls 27 and 28).
//!
//! Its journal may be of a backup, or its home may be new while its key is not. So it asks all others
//! what they hold that it signed in this epoch, and signs nothing that binds until a quorum less itself
//! has answered: fewer could decide nothing together with it anyway. Something among the answers that it
//! does not remember silences it. So does a certificate with a seal of its own that it does not remember:
//! before it votes it has the blocks that an honest one of those who answered has certified.
//!
//! An answer that leaves something out is no worse than a message that was lost. What was signed and
//! forgotten counts as the replica's fault, one of the f that the protocol bears; with fewer than f others
//! lying, whatever a quorum agreed on with its vote is known to somebody honest among those who answer.

use std::collections::BTreeMap;
use std::ops::Bound;

use quorate_crypto::{Certificate, Height, ValidatorIndex};

use super::Replica;
use super::instance::{Instance, Proposed};
use super::message::{self, View};
use super::primary_of;
use super::replica::Halted;
use super::view_change::view_change_of;
use crate::contract::{Action, Rejection, Told};
use crate::message::{Body, Message, Status};
use crate::testimony::{Inquiry, MAX_SAID, Said, Statement, Testimony};

/// What a replica knows of its own inquiry.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    /// Whether it waits for answers, and says nothing new.
    open: bool,
    message: Option<Message>,
    /// Who has answered, and the height that they have certified.
    answers: BTreeMap<ValidatorIndex, Height>,
    /// The last status of each peer that came meanwhile: answers hold own votes.
    deferred: BTreeMap<ValidatorIndex, Status>,
}

impl Asking {
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Keeps a status until the replica may speak.
    pub(super) fn defer(&mut self, from: ValidatorIndex, status: &Status) {
        self.deferred.insert(from, status.clone());
    }
}

impl Replica {
    /// Asks, if it was told a nonce, and if a quorum needs anybody else.
    pub(super) fn begin_inquiry(&mut self) {
        let Some(nonce) = self.config.inquiry else { return };
        if self.config.index.is_none() || self.answers_needed() == 0 {
            return;
        }
        self.asking.open = true;
        let certified = self.certified;
        let inquiry = Inquiry { nonce, certified };
        self.out.actions.push(Action::Sign(Body::Inquiry(inquiry)));
    }

    fn answers_needed(&self) -> usize {
        self.config.committee.quorum().saturating_sub(1)
    }

    pub(super) fn on_own_inquiry(&mut self, message: Message) {
        if self.asking.open {
            self.asking.message = Some(message.clone());
            self.broadcast(message);
        }
    }

    /// Asks this peer, unless it has answered.
    pub(super) fn ask_peer(&mut self, peer: ValidatorIndex) {
        if self.asking.open
            && !self.asking.answers.contains_key(&peer)
            && let Some(message) = self.asking.message.clone()
        {
            self.send(peer, message);
        }
    }

    /// Asks all who have not answered again, and for the blocks that their answers tell of.
    pub(super) fn ask_again(&mut self) {
        let own = self.config.index;
        let others: Vec<ValidatorIndex> = self
            .config
            .committee
            .indices()
            .filter(|peer| Some(*peer) != own)
            .collect();
        for peer in others {
            self.ask_peer(peer);
        }
        self.fetch_what_answers_tell_of();
    }

    /// Whose answers are still to come, while the replica says nothing new.
    pub(super) fn asked_and_silent(&self) -> Vec<ValidatorIndex> {
        if !self.asking.open {
            return Vec::new();
        }
        let answered = |peer: &ValidatorIndex| self.asking.answers.contains_key(peer);
        let own = self.config.index;
        let others = self.config.committee.indices();
        others
            .filter(|peer| Some(*peer) != own && !answered(peer))
            .collect()
    }

    /// Tells a validator that has started what is known here that it signed.
    pub(super) fn on_inquiry(&mut self, from: ValidatorIndex, inquiry: &Inquiry) -> Result<(), Rejection> {
        let period = u64::from(self.config.timing.resend.from_ms) / 2;
        if self.config.index.is_none() || !self.peers.may_testify(from, self.now, period) {
            return Err(Rejection::Duplicate);
        }
        let testimony = self.testimony(from, inquiry);
        self.out.actions.push(Action::Sign(Body::Testimony(testimony)));
        // It serves this epoch by now, which it may not have done when it was asked first.
        self.ask_peer(from);
        Ok(())
    }

    pub(super) fn on_own_testimony(&mut self, about: ValidatorIndex, message: Message) {
        self.send(about, message);
    }

    pub(super) fn on_testimony(
        &mut self,
        from: ValidatorIndex,
        testimony: &Testimony,
    ) -> Result<(), Rejection> {
        if Some(testimony.about) != self.config.index || self.config.inquiry != Some(testimony.nonce) {
            return Err(Rejection::Unasked);
        }
        self.peers.claims_certified(from, testimony.certified);
        for said in &testimony.said {
            self.check_memory(said, Told::Testimony(from))?;
        }
        if self.asking.open {
            self.asking.answers.insert(from, testimony.certified);
            self.fetch_what_answers_tell_of();
        }
        Ok(())
    }

    /// Something that this validator signed came up. Unless the replica remembers it, it is not what it
    /// was, and must vote no more.
    pub(super) fn check_memory(&mut self, said: &Said, told: Told) -> Result<(), Rejection> {
        if self.remembers(said) {
            return Ok(());
        }
        if self.halted.is_none() {
            self.halted = Some(Halted::Forgotten);
            self.asking.open = false;
            let said = said.clone();
            self.out.actions.push(Action::Forgotten { said, told });
        }
        Err(Rejection::Forgotten)
    }

    /// As [`Self::check_memory`], of the own seal in a certificate.
    pub(super) fn check_own_seal(&mut self, certificate: &Certificate) -> Result<(), Rejection> {
        let own = self.config.index;
        let seals = certificate.seals();
        let Some(seal) = seals.iter().find(|seal| Some(seal.validator) == own) else {
            return Ok(());
        };
        let said = Said {
            statement: Statement::Seal {
                height: certificate.height(),
                block: certificate.block(),
            },
            signature: seal.signature,
        };
        self.check_memory(&said, Told::Certificate)
    }

    /// The height that somebody honest among those who answered has certified, once they are enough.
    fn height_told(&self) -> Option<Height> {
        let mut heights: Vec<Height> = self.asking.answers.values().copied().collect();
        if heights.len() < self.answers_needed() {
            return None;
        }
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let place = self.config.committee.weak_quorum().saturating_sub(1);
        Some(heights.get(place).copied().unwrap_or_default())
    }

    fn fetch_what_answers_tell_of(&mut self) {
        let Some(to) = self.height_told().filter(|height| *height > self.certified) else {
            return;
        };
        let answers = self.asking.answers.iter();
        let above = answers.filter(|(_, height)| **height > self.certified);
        let holders = above.map(|(peer, _)| *peer).collect();
        self.fetch(to, holders);
    }

    /// Begins to vote once enough have answered and their blocks are here.
    pub(super) fn close_inquiry(&mut self) {
        let told = self.height_told();
        if !self.asking.open || self.halted.is_some() || told.is_none_or(|height| height > self.certified) {
            return;
        }
        self.asking.open = false;
        let heights: Vec<Height> = self.instances.keys().copied().collect();
        for height in heights {
            self.act_on(height);
            self.try_seal(height);
        }
        self.check_view_changes();
        for (from, status) in std::mem::take(&mut self.asking.deferred) {
            // A peer that was answered a moment ago asks again.
            let _ = self.on_status(from, &status);
        }
        self.status_due.ask_all();
    }

    /// All that is held here of what a validator signed above the height that it has certified.
    fn testimony(&self, about: ValidatorIndex, inquiry: &Inquiry) -> Testimony {
        let above = (Bound::Excluded(inquiry.certified), Bound::Unbounded);
        let mut said = self.views_said_by(about);
        let heard = self.heard.of(about);
        said.extend(
            heard
                .filter(|said| {
                    said.statement
                        .height()
                        .is_none_or(|height| height > inquiry.certified)
                })
                .cloned(),
        );
        // The highest first: should there be more than an answer may hold, the lowest are left out.
        for (height, instance) in self.instances.range(above).rev() {
            let primary_then = |view| primary_of(&self.config.committee, view) == about;
            said.extend(instance.said_by(about, *height, primary_then));
        }
        for (height, certificate) in self.certificates.range(above).rev() {
            let seals = certificate.seals().iter();
            said.extend(seals.filter(|seal| seal.validator == about).map(|seal| Said {
                statement: Statement::Seal {
                    height: *height,
                    block: certificate.block(),
                },
                signature: seal.signature,
            }));
        }
        let mut known = Vec::new();
        for one in said {
            if known.len() < MAX_SAID && !known.contains(&one) {
                known.push(one);
            }
        }
        Testimony {
            about,
            nonce: inquiry.nonce,
            certified: self.certified,
            said: known,
        }
    }

    /// View-changes and new-views of a validator that are still kept.
    fn views_said_by(&self, about: ValidatorIndex) -> Vec<Said> {
        let new_view = self.changes.new_view.as_ref();
        let own = new_view.filter(|message| message.v1().sender == about);
        let mut said: Vec<Said> = own.and_then(Said::of).into_iter().collect();
        if let Some(Body::Pbft(message::Body::NewView(new_view))) = new_view.map(|message| &message.v1().body)
        {
            let claims = new_view.view_changes.iter();
            said.extend(claims.filter(|change| change.sender == about).map(|change| Said {
                statement: Statement::ViewChange(change.claims.clone()),
                signature: change.signature,
            }));
        }
        let change = self.changes.changes.get(&about);
        said.extend(
            change
                .filter(|message| view_change_of(message).is_some())
                .and_then(Said::of),
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
    ) -> Vec<Said> {
        let mut said = Vec::new();
        let proposed = [&self.proposed, &self.early].into_iter().flatten();
        said.extend(proposed.filter_map(|proposed| pre_prepare_by(about, height, proposed)));
        if let Some(vote) = self.prepares.get(&about) {
            said.push(Said {
                statement: Statement::Prepare {
                    view: vote.view,
                    height,
                    proposal: vote.digest,
                },
                signature: vote.signature,
            });
        }
        if let Some(vote) = self.commits.get(&about) {
            said.push(Said {
                statement: Statement::Commit {
                    view: vote.view,
                    height,
                    proposal: vote.digest,
                },
                signature: vote.signature,
            });
        }
        if let Some(seal) = self.seals.get(&about) {
            said.push(Said {
                statement: Statement::Seal {
                    height,
                    block: seal.block,
                },
                signature: seal.signature,
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
            said.push(Said { statement, signature });
        }
        let prepares = certificate.prepares.iter();
        said.extend(
            prepares
                .filter(|prepare| prepare.validator == about)
                .map(|prepare| Said {
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

fn pre_prepare_by(about: ValidatorIndex, height: Height, proposed: &Proposed) -> Option<Said> {
    let message = proposed.pre_prepare.as_ref()?.v1();
    let statement = Statement::PrePrepare {
        view: proposed.view,
        height,
        proposal: proposed.digest,
    };
    (message.sender == about).then_some(Said {
        statement,
        signature: message.signature,
    })
}
