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

use quorate_crypto::{Certificate, Height, Protocol, ValidatorIndex};
use serde::{Deserialize, Serialize};

use super::base::{Base, Halted};
use super::catch_up::CatchUp;
use super::orderer::Orderer;
use crate::contract::{Action, LearnedFrom, Rejection};
use crate::message::{Body, Message, Status};
use crate::testimony::{Inquiry, MAX_SAID, SignedStatement, Statement, Testimony};

/// What a replica knows of its own inquiry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct OpenInquiry {
    /// Whether it waits for answers, and says nothing new.
    open: bool,
    message: Option<Message>,
    /// Who has answered, and the height that they have certified.
    answers: BTreeMap<ValidatorIndex, Height>,
    /// The last status of each peer that came meanwhile: answers hold own votes.
    deferred: BTreeMap<ValidatorIndex, Status>,
}

impl OpenInquiry {
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A peer that answered says that it has certified this much, which may be less: it has crashed since,
    /// and what it had is not on its disk, nor maybe on anybody's. Of what the replica signed there it has told.
    /// Where validators may lie an old message could be passed off as a new one, so there it counts for nothing.
    pub(crate) fn fall_back(&mut self, engine: Protocol, from: ValidatorIndex, certified: Height) {
        if engine != Protocol::Pbft
            && let Some(answer) = self.answers.get_mut(&from)
        {
            *answer = certified.min(*answer);
        }
    }

    /// Nothing depends on answers any more: the replica votes no more, and goes on learning.
    pub(crate) fn give_up(&mut self) {
        self.open = false;
    }

    /// Keeps a status until the replica may speak.
    pub(crate) fn defer(&mut self, from: ValidatorIndex, status: &Status) {
        self.deferred.insert(from, status.clone());
    }
}

pub(crate) trait Inquiring: Orderer {
    /// Asks, if it was told a nonce, and if a quorum needs anybody else.
    fn begin_inquiry(&mut self) {
        let answers_needed = self.answers_needed();
        let base = self.base_mut();
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
        self.base().config.committee.quorum().saturating_sub(1)
    }

    fn on_own_inquiry(&mut self, message: Message) {
        let base = self.base_mut();
        if base.inquiry.open {
            base.inquiry.message = Some(message.clone());
            base.broadcast(message);
        }
    }

    /// Asks this peer, unless it has answered and told of no block that is missing here. If it did, a crash may
    /// have taken that from it since, and nobody may have it: its last answer counts. An older one that somebody
    /// passes off as new says what it held then, as if the newer one had been lost.
    fn ask_peer(&mut self, peer: ValidatorIndex) {
        let base = self.base_mut();
        let answer = base.inquiry.answers.get(&peer);
        if base.inquiry.open
            && answer.is_none_or(|told| *told > base.certified)
            && let Some(message) = base.inquiry.message.clone()
        {
            base.send(peer, message);
        }
    }

    /// Asks all who have not answered again, and for the blocks that their answers tell of.
    fn ask_again(&mut self) {
        let config = &self.base().config;
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
    fn asked_and_silent(&self) -> Vec<ValidatorIndex> {
        let Base { inquiry, config, .. } = self.base();
        if !inquiry.open {
            return Vec::new();
        }
        let others = config.committee.indices();
        others
            .filter(|peer| Some(*peer) != config.index && !inquiry.answers.contains_key(peer))
            .collect()
    }

    /// Tells a validator that has started what is known here that it signed.
    fn on_inquiry(&mut self, from: ValidatorIndex, inquiry: &Inquiry) -> Result<(), Rejection> {
        let base = self.base_mut();
        let engine = base.config.committee.engine();
        base.inquiry.fall_back(engine, from, inquiry.certified);
        let period = u64::from(base.config.timing.resend.from_ms) / 2;
        if base.config.index.is_none() || !base.peers.may_testify(from, base.now, period) {
            return Err(Rejection::Duplicate);
        }
        let testimony = Action::Sign(Body::Testimony(self.testimony(from, inquiry)));
        self.base_mut().out.actions.push(testimony);
        // It serves this epoch by now, which it may not have done when it was asked first.
        self.ask_peer(from);
        Ok(())
    }

    fn on_testimony(&mut self, from: ValidatorIndex, testimony: &Testimony) -> Result<(), Rejection> {
        let base = self.base_mut();
        if Some(testimony.about) != base.config.index || base.config.inquiry != Some(testimony.nonce) {
            return Err(Rejection::Unasked);
        }
        base.peers.claims_certified(from, testimony.certified);
        for said in &testimony.said {
            self.check_memory(said, LearnedFrom::Testimony(from))?;
        }
        let inquiry = &mut self.base_mut().inquiry;
        if inquiry.open {
            inquiry.answers.insert(from, testimony.certified);
            self.fetch_what_answers_tell_of();
        }
        Ok(())
    }

    /// A message signed with this validator's key that came from outside. It is one of ours, or this
    /// replica is not what it was, and must vote no more (pitfalls 27 and 28).
    fn on_echo(&mut self, message: &Message) -> Result<(), Rejection> {
        if let Some(said) = SignedStatement::of(message) {
            self.check_memory(&said, LearnedFrom::Message)?;
        }
        Err(Rejection::Duplicate)
    }

    /// Something that this validator signed came up. Unless the replica remembers it, it is not what it
    /// was, and must vote no more.
    fn check_memory(&mut self, said: &SignedStatement, told: LearnedFrom) -> Result<(), Rejection> {
        if self.base().config.index.is_none() || self.remembers(said) {
            return Ok(());
        }
        let base = self.base_mut();
        if base.halted.is_none() {
            base.halted = Some(Halted::Forgotten);
            base.inquiry.give_up();
            let said = said.clone();
            base.out.actions.push(Action::Forgotten { said, told });
        }
        Err(Rejection::Forgotten)
    }

    /// As [`Self::check_memory`], of the own seal in a certificate.
    fn check_own_seal(&mut self, certificate: &Certificate) -> Result<(), Rejection> {
        let own = self.base().config.index;
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
        let base = self.base();
        let mut heights: Vec<Height> = base.inquiry.answers.values().copied().collect();
        let spare = heights.len().checked_sub(self.answers_needed())?;
        heights.sort_unstable_by(|a, b| b.cmp(a));
        let place = base.config.committee.weak_quorum().saturating_sub(1).max(spare);
        Some(heights.get(place).copied().unwrap_or_default())
    }

    fn fetch_what_answers_tell_of(&mut self) {
        let base = self.base();
        let Some(to) = self.height_told().filter(|height| *height > base.certified) else {
            return;
        };
        let answers = base.inquiry.answers.iter();
        let above = answers.filter(|(_, height)| **height > base.certified);
        let holders = above.map(|(peer, _)| *peer).collect();
        self.base_mut().fetch(to, holders);
    }

    /// Begins to vote once enough have answered and their blocks are here.
    fn close_inquiry(&mut self) {
        let told = self.height_told();
        let base = self.base_mut();
        if !base.inquiry.open || base.halted.is_some() || told.is_none_or(|height| height > base.certified) {
            return;
        }
        base.inquiry.open = false;
        self.on_inquiry_closed();
        for (from, status) in std::mem::take(&mut self.base_mut().inquiry.deferred) {
            // A peer that was answered a moment ago asks again.
            let _ = self.on_status(from, &status);
        }
        self.base_mut().status_due.ask_all();
    }

    /// All that is held here of what a validator signed above the height that it has certified.
    fn testimony(&self, about: ValidatorIndex, inquiry: &Inquiry) -> Testimony {
        let base = self.base();
        let is_above = |said: &&SignedStatement| {
            let height = said.statement.height();
            height.is_none_or(|height| height > inquiry.certified)
        };
        let mut said: Vec<SignedStatement> = base.witness.of(about).filter(is_above).cloned().collect();
        said.extend(self.said_by(about, inquiry.certified));
        // The highest first: should there be more than an answer may hold, the lowest are left out.
        let seal = |height, block, signature| SignedStatement {
            statement: Statement::Seal { height, block },
            signature,
        };
        let open = self.finalities().rev();
        for (height, finality) in open.take_while(|(height, _)| *height > inquiry.certified) {
            let sealed = finality.seals.get(&about);
            said.extend(sealed.map(|vote| seal(height, vote.block, vote.signature)));
        }
        let above = (Bound::Excluded(inquiry.certified), Bound::Unbounded);
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

impl<R: Orderer> Inquiring for R {}
