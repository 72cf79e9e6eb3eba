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
//! lying, whatever a quorum agreed on with its vote is known to somebody honest among those who answer: in PBFT at
//! least f of the others are in that quorum and among those who answer. In Raft and Paxos it may be none, and a
//! forgotten promise is outside of what they bear.

use std::ops::Bound;

use quorate_crypto::{Certificate, Height, ValidatorIndex};

use super::base::{Base, Halted};
use super::orderer::{Notice, Orderer};
use super::replica::Replica;
use crate::contract::{Action, LearnedFrom, Rejection};
use crate::message::{Body, Message};
use crate::testimony::{Inquiry, MAX_SAID, SignedStatement, Statement, Testimony};

impl<E: Orderer> Replica<E> {
    /// Asks, if it was told a nonce, and if a quorum needs anybody else.
    pub(super) fn begin_inquiry(&mut self) {
        let answers_needed = self.answers_needed();
        let base = &mut self.base;
        let Some(nonce) = base.config.inquiry else { return };
        if base.config.index.is_none() || answers_needed == 0 {
            return;
        }
        base.inquiry.open = true;
        let certified = base.certified;
        let inquiry = Inquiry { nonce, certified };
        base.out.actions.push(Action::Sign(Body::Inquiry(inquiry)));
    }

    fn answers_needed(&self) -> usize {
        self.base.config.committee.quorum().saturating_sub(1)
    }

    pub(super) fn on_own_inquiry(&mut self, message: Message) {
        let base = &mut self.base;
        if base.inquiry.open {
            base.inquiry.message = Some(message.clone());
            base.broadcast(message);
        }
    }

    /// Asks this peer, unless it has answered and told of no block that is missing here. If it did, a crash may
    /// have taken that from it since, and nobody may have it: its last answer counts. An older one that somebody
    /// passes off as new says what it held then, as if the newer one had been lost.
    pub(super) fn ask_peer(&mut self, peer: ValidatorIndex) {
        let base = &mut self.base;
        let answer = base.inquiry.answers.get(&peer);
        if base.inquiry.open
            && answer.is_none_or(|told| *told > base.certified)
            && let Some(message) = base.inquiry.message.clone()
        {
            base.send(peer, message);
        }
    }

    /// Asks all who have not answered again, and for the blocks that their answers tell of.
    pub(super) fn ask_again(&mut self) {
        let config = &self.base.config;
        let own = config.index;
        let others: Vec<ValidatorIndex> = config
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
        let Base { inquiry, config, .. } = &self.base;
        if !inquiry.open {
            return Vec::new();
        }
        let others = config.committee.indices();
        others
            .filter(|peer| Some(*peer) != config.index && !inquiry.answers.contains_key(peer))
            .collect()
    }

    /// Tells a validator that has started what is known here that it signed.
    pub(super) fn on_inquiry(&mut self, from: ValidatorIndex, inquiry: &Inquiry) -> Result<(), Rejection> {
        let base = &mut self.base;
        let engine = base.config.committee.engine();
        base.inquiry.fall_back(engine, from, inquiry.certified);
        let period = u64::from(base.config.timing.resend.from_ms) / 2;
        if base.config.index.is_none() || !base.peers.may_testify(from, base.now, period) {
            return Err(Rejection::Duplicate);
        }
        let testimony = Action::Sign(Body::Testimony(self.testimony(from, inquiry)));
        self.base.out.actions.push(testimony);
        // It serves this epoch by now, which it may not have done when it was asked first.
        self.ask_peer(from);
        Ok(())
    }

    pub(super) fn on_testimony(
        &mut self,
        from: ValidatorIndex,
        testimony: &Testimony,
    ) -> Result<(), Rejection> {
        let base = &mut self.base;
        if Some(testimony.about) != base.config.index || base.config.inquiry != Some(testimony.nonce) {
            return Err(Rejection::Unasked);
        }
        base.peers.claims_certified(from, testimony.certified);
        for said in &testimony.said {
            self.check_memory(said, LearnedFrom::Testimony(from))?;
        }
        let inquiry = &mut self.base.inquiry;
        if inquiry.open {
            inquiry.answers.insert(from, testimony.certified);
            self.fetch_what_answers_tell_of();
        }
        Ok(())
    }

    /// A message signed with this validator's key that came from outside. It is one of ours, or this
    /// replica is not what it was, and must vote no more (pitfalls 27 and 28).
    pub(super) fn on_echo(&mut self, message: &Message) -> Result<(), Rejection> {
        if let Some(said) = SignedStatement::of(message) {
            self.check_memory(&said, LearnedFrom::Message)?;
        }
        Err(Rejection::Duplicate)
    }

    /// Whether this replica said that, or can have forgotten it with good reason. What is of another protocol it
    /// cannot have said.
    fn remembers(&self, said: &SignedStatement) -> bool {
        let Some(own) = self.base.config.index else {
            return true;
        };
        let ours = self.base.config.committee.engine();
        if said.statement.engine().is_some_and(|engine| engine != ours) {
            return false;
        }
        if let Statement::Seal { height, .. } = &said.statement {
            let finality = self.base.finalities.get(height);
            let sealed = finality.is_some_and(|f| f.asked_seal || f.seals.contains_key(&own));
            if *height <= self.base.certified || sealed {
                return true;
            }
        }
        self.orderer.remembers(&self.base, own, &said.statement)
    }

    /// Something that this validator signed came up. Unless the replica remembers it, it is not what it
    /// was, and must vote no more.
    fn check_memory(&mut self, said: &SignedStatement, told: LearnedFrom) -> Result<(), Rejection> {
        if self.remembers(said) {
            return Ok(());
        }
        let base = &mut self.base;
        if base.halted.is_none() {
            base.halted = Some(Halted::Forgotten);
            base.inquiry.give_up();
            let said = said.clone();
            base.out.actions.push(Action::Forgotten { said, told });
        }
        Err(Rejection::Forgotten)
    }

    /// As [`Self::check_memory`], of the own seal in a certificate.
    pub(super) fn check_own_seal(&mut self, certificate: &Certificate) -> Result<(), Rejection> {
        let own = self.base.config.index;
        let seals = certificate.seals();
        let Some(seal) = seals.iter().find(|seal| Some(seal.validator) == own) else {
            return Ok(());
        };
        let said = SignedStatement {
            statement: Statement::Seal {
                height: certificate.height(),
                block: certificate.block(),
            },
            signature: seal.signature,
        };
        self.check_memory(&said, LearnedFrom::Certificate)
    }

    /// The height that somebody honest among those who answered has certified, once they are enough. Those who
    /// answered above it may lie, or be gone with what they had: it can do without as many.
    fn height_told(&self) -> Option<Height> {
        let base = &self.base;
        let mut heights: Vec<Height> = base.inquiry.answers.values().copied().collect();
        let spare = heights.len().checked_sub(self.answers_needed())?;
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let place = base.config.committee.weak_quorum().saturating_sub(1).max(spare);
        Some(heights.get(place).copied().unwrap_or_default())
    }

    fn fetch_what_answers_tell_of(&mut self) {
        let base = &self.base;
        let Some(to) = self.height_told().filter(|height| *height > base.certified) else {
            return;
        };
        let answers = base.inquiry.answers.iter();
        let above = answers.filter(|(_, height)| **height > base.certified);
        let holders = above.map(|(peer, _)| *peer).collect();
        self.base.fetch(to, holders);
    }

    /// Begins to vote once enough have answered and their blocks are here.
    pub(super) fn close_inquiry(&mut self) {
        let told = self.height_told();
        let base = &mut self.base;
        if !base.inquiry.open || base.halted.is_some() || told.is_none_or(|height| height > base.certified) {
            return;
        }
        base.inquiry.open = false;
        let kept: Vec<Height> = base.finalities.keys().copied().collect();
        for height in kept {
            self.orderer.act_on(&mut self.base, height);
            self.base.try_seal(height);
        }
        self.notify(Notice::InquiryClosed);
        for (from, status) in std::mem::take(&mut self.base.inquiry.deferred) {
            // A peer that was answered a moment ago asks again.
            let _ = self.on_status(from, &status);
        }
        self.base.status_due.ask_all();
    }

    /// All that is held here of what a validator signed above the height that it has certified.
    fn testimony(&self, about: ValidatorIndex, inquiry: &Inquiry) -> Testimony {
        let base = &self.base;
        let is_above = |said: &&SignedStatement| {
            let height = said.statement.height();
            height.is_none_or(|height| height > inquiry.certified)
        };
        let mut said: Vec<SignedStatement> = base.witness.of(about).filter(is_above).cloned().collect();
        said.extend(self.orderer.said_by(base, about, inquiry.certified));
        // The highest first: should there be more than an answer may hold, the lowest are left out.
        let seal = |height, block, signature| SignedStatement {
            statement: Statement::Seal { height, block },
            signature,
        };
        let above = (Bound::Excluded(inquiry.certified), Bound::Unbounded);
        for (height, finality) in self.base.finalities.range(above).rev() {
            let sealed = finality.seals.get(&about);
            said.extend(sealed.map(|vote| seal(*height, vote.block, vote.signature)));
        }
        for (height, certificate) in base.certificates.range(above).rev() {
            let seals = certificate.seals().iter();
            let own = seals.filter(|seal| seal.validator == about);
            said.extend(own.map(|own| seal(*height, certificate.block(), own.signature)));
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
            certified: base.certified,
            said: known,
        }
    }
}
