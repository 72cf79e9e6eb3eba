//! Who leads: phase 1 (Lamport 2001, sections 2.2 and 3), and how the distinguished proposer gives way or hands over
//! (section 2.4).

use quorate_crypto::{Height, ValidatorIndex};

use super::Paxos;
use super::message::{Ballot, Body, MAX_PROMISED, Nack, Prepare, Promise, Yield};
use super::proposer::{Leadership, Preparation, Proposer};
use crate::common::Base;
use crate::contract::Rejection;
use crate::message::Message;

impl Paxos {
    /// Phase 1a: a ballot above all that were seen. One that is under way goes on, unless a higher one was
    /// seen, so that whoever is cut off drives no rounds up.
    pub(super) fn prepare(&mut self, base: &mut Base) {
        let Some(own) = base.voter() else { return };
        // Phase 1a: a proposer selects a number and sends a prepare request to a majority of acceptors.
        let is_new = match &self.proposer {
            Proposer::Preparing(preparation) => preparation.ballot < self.seen,
            Proposer::Idle | Proposer::Leading(_) => true,
        };
        if is_new {
            let ballot = Ballot {
                round: self.seen.round.saturating_add(1),
                proposer: own,
            };
            self.see(ballot);
            self.proposer = Proposer::Preparing(Preparation {
                ballot,
                ..Preparation::default()
            });
        }
        self.proposer_heard = false;
        if let Some(ballot) = self.proposer.ballot() {
            let certified = base.certified;
            base.sign(Body::Prepare(Prepare { ballot, certified }));
        }
    }

    /// A quorum of one needs nobody else.
    pub(super) fn lead_alone(&mut self, base: &mut Base) {
        let alone = base.config.committee.quorum() == 1;
        let idle = matches!(self.proposer, Proposer::Idle);
        if alone && idle && base.voter().is_some() && !base.is_finished() {
            self.prepare(base);
        }
    }

    /// Phase 1b. An acceptor may ignore any request without harm to safety (Lamport 2001, section 2.2):
    /// while it hears the distinguished proposer it promises nobody else anything.
    pub(super) fn on_prepare(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        prepare: &Prepare,
    ) -> Result<(), Rejection> {
        self.check_proposer(from, prepare.ballot)?;
        self.see(prepare.ballot);
        if prepare.certified < base.certified && !breaks!(LowCertifiedPromised) {
            // What was accepted for the heights between is forgotten here. It needs the blocks first.
            base.status_due.ask_for(from);
            return Err(Rejection::OutsideWindow {
                height: prepare.certified,
                certified: base.certified,
            });
        }
        let promised = self.acceptor.promised;
        // Phase 1b: a prepare with a number below the promised one may be ignored; the proposer is told (2.2).
        if prepare.ballot < promised {
            self.nack(base, prepare.ballot);
            return Err(self.wrong_ballot(prepare.ballot));
        }
        let is_heard = self.proposer_heard && promised.proposer != from;
        if base.voter().is_none() || (prepare.ballot > promised && is_heard) {
            return Ok(());
        }
        self.promise(base, prepare.ballot, prepare.certified)
    }

    /// Promises, with all that was accepted above the proposer's certified height.
    pub(super) fn promise(
        &mut self,
        base: &mut Base,
        ballot: Ballot,
        certified: Height,
    ) -> Result<(), Rejection> {
        let accepted: Vec<_> = self.acceptor.accepted_above(certified).collect();
        if accepted.len() > MAX_PROMISED && Some(ballot.proposer) != base.config.index {
            return Err(Rejection::Full { limit: MAX_PROMISED });
        }
        // Phase 1b: a promise not to accept anything below, and the highest-numbered proposal that was accepted.
        if ballot > self.acceptor.promised {
            self.enter_ballot(base, ballot);
        }
        base.sign(Body::Promise(Promise {
            ballot,
            certified,
            accepted,
        }));
        Ok(())
    }

    /// Takes part in a higher ballot from now on.
    pub(super) fn enter_ballot(&mut self, base: &mut Base, ballot: Ballot) {
        self.acceptor.promise(ballot);
        self.see(ballot);
        self.proposer_heard = false;
        self.early = None;
        (self.yielded, self.called) = (false, None);
        if self.proposer.ballot() != Some(ballot) {
            self.proposer.give_up();
        }
        self.restart_election_timer(base);
    }

    pub(super) fn on_own_prepare(
        &mut self,
        base: &mut Base,
        prepare: &Prepare,
        message: Message,
    ) -> Result<(), Rejection> {
        if self.proposer.ballot() != Some(prepare.ballot) {
            return Err(self.wrong_ballot(prepare.ballot));
        }
        base.broadcast(message);
        self.ask_own_acceptor(base)
    }

    /// The promise is durable. One of a ballot that was left is not sent (pitfall 18).
    pub(super) fn on_own_promise(
        &mut self,
        base: &mut Base,
        own: ValidatorIndex,
        promise: Promise,
        message: Message,
    ) -> Result<(), Rejection> {
        if promise.ballot != self.acceptor.promised {
            return Err(self.wrong_ballot(promise.ballot));
        }
        let proposer = promise.ballot.proposer;
        if proposer == own {
            return self.on_promise(base, own, promise);
        }
        base.send(proposer, message);
        Ok(())
    }

    /// A promise of what was accepted above a height that this proposer has certified, or below it.
    pub(super) fn on_promise(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        promise: Promise,
    ) -> Result<(), Rejection> {
        let certified = base.certified;
        let wrong = self.wrong_ballot(promise.ballot);
        let preparation = match &mut self.proposer {
            Proposer::Preparing(preparation) if preparation.ballot == promise.ballot => preparation,
            _ => return Err(wrong),
        };
        if promise.certified > certified {
            // The answer to a former life's question, which reached higher.
            return Err(Rejection::Unasked);
        }
        if !preparation.promised_by.insert(from) {
            return Err(Rejection::Duplicate);
        }
        for accepted in promise.accepted {
            if accepted.height > certified {
                preparation.take(accepted);
            }
        }
        self.ask_own_acceptor(base)?;
        self.try_lead(base);
        Ok(())
    }

    /// The own acceptor promises last, when that makes the majority: one that is not answered does not
    /// forbid it to accept what others propose.
    fn ask_own_acceptor(&mut self, base: &mut Base) -> Result<(), Rejection> {
        let others_needed = self.promises_needed(base).saturating_sub(1);
        let Proposer::Preparing(preparation) = &mut self.proposer else {
            return Ok(());
        };
        if preparation.asked_own || preparation.promised_by.len() < others_needed {
            return Ok(());
        }
        let ballot = preparation.ballot;
        if ballot < self.acceptor.promised {
            return Err(self.wrong_ballot(ballot));
        }
        preparation.asked_own = true;
        self.promise(base, ballot, base.certified)
    }

    /// A majority's promises make the distinguished proposer.
    fn try_lead(&mut self, base: &mut Base) {
        let needed = self.promises_needed(base);
        let Some(own) = base.voter() else { return };
        match &mut self.proposer {
            // Its own promise is among them: no later life of this replica has this ballot again.
            Proposer::Preparing(preparation)
                if preparation.promised_by.len() >= needed && preparation.promised_by.contains(&own) =>
            {
                let preparation = std::mem::take(preparation);
                self.lead(base, preparation);
            }
            _ => {}
        }
    }

    fn lead(&mut self, base: &mut Base, preparation: Preparation) {
        let Preparation { ballot, highest, .. } = preparation;
        let next = base.certified.next();
        let carried_to = highest.last_key_value().map_or(Height(0), |(height, _)| *height);
        base.backlog.release_all(base.now);
        for accepted in highest.values() {
            base.backlog.take(accepted.proposal.batches());
        }
        let carried = highest.into_iter();
        let carried = carried.map(|(height, accepted)| (height, accepted.proposal));
        self.proposer = Proposer::Leading(Leadership {
            ballot,
            carried: carried.collect(),
            carried_to,
            next,
            ..Leadership::default()
        });
        self.learner.begin();
        self.proposer_heard = true;
        self.restart_election_timer(base);
        self.propose_waiting(base);
        if self.proposer.open_heights() == 0 {
            self.sign_accept(base, Vec::new());
        }
    }

    fn promises_needed(&self, base: &Base) -> usize {
        let quorum = base.config.committee.quorum();
        quorum - usize::from(breaks!(FewerPromises))
    }

    /// Refuses a ballot below the one that was promised.
    pub(super) fn nack(&self, base: &mut Base, ballot: Ballot) {
        if base.voter().is_some() {
            let promised = self.acceptor.promised;
            base.sign(Body::Nack(Nack { ballot, promised }));
        }
    }

    /// Somebody has promised a higher ballot. A distinguished proposer that a majority has answered goes on
    /// in a ballot above it: that majority hears it. Any other waits, or two could go on outbidding each
    /// other (Lamport 2001, section 2.4).
    pub(super) fn on_nack(&mut self, base: &mut Base, nack: &Nack) -> Result<(), Rejection> {
        self.see(nack.promised);
        if self.proposer.ballot() != Some(nack.ballot) || nack.promised <= nack.ballot {
            return Err(self.wrong_ballot(nack.ballot));
        }
        match &self.proposer {
            Proposer::Leading(leadership) if leadership.established => self.prepare(base),
            _ => {
                self.proposer.give_up();
                self.proposer_heard = false;
                self.restart_election_timer(base);
            }
        }
        Ok(())
    }

    /// The election timer of the distinguished proposer: one that no majority answers gives way, or it would
    /// keep others from taking its place; one of which nothing was chosen meanwhile asks what was accepted
    /// once more, as it may have proposed what nobody has the batches of any more.
    pub(super) fn look_around(&mut self, base: &mut Base) {
        let quorum = base.config.committee.quorum();
        let Proposer::Leading(leadership) = &mut self.proposer else {
            return;
        };
        let heard = std::mem::take(&mut leadership.heard).len() + 1;
        // A successor that has not taken over by now does not.
        self.proposer_heard |= std::mem::take(&mut leadership.hands_over);
        let lowest = leadership.open.keys().next().copied();
        let stuck = lowest.is_some() && leadership.stuck_at == lowest;
        leadership.stuck_at = lowest;
        if heard < quorum {
            self.proposer.give_up();
            self.proposer_heard = false;
        } else if stuck {
            self.attempts.note();
            self.prepare(base);
        }
    }

    /// This node is about to stop: the distinguished proposer hands over to one that answers it and, of these,
    /// has the most blocks. What it has proposed and is not chosen yet comes up in the successor's phase 1.
    pub(super) fn on_stopping(&mut self, base: &mut Base) {
        let Some(own) = base.voter() else {
            return;
        };
        let Proposer::Leading(leadership) = &mut self.proposer else {
            return;
        };
        if breaks!(NobodyYields) {
            return;
        }
        let peers = &base.peers;
        let others = base.config.committee.indices().filter(|whom| *whom != own);
        let fitness = |whom: &ValidatorIndex| (leadership.heard.contains(whom), peers.certified(*whom));
        let Some(successor) = others.max_by_key(fitness) else {
            return;
        };
        let ballot = leadership.ballot;
        leadership.hands_over = true;
        // It tells up to where whoever comes next has to have blocks.
        self.sign_accept(base, Vec::new());
        base.sign(Body::Yield(Yield { ballot, successor }));
    }

    /// Signed: from now on the own acceptor hears another as well.
    pub(super) fn on_own_yield(
        &mut self,
        base: &mut Base,
        word: &Yield,
        message: Message,
    ) -> Result<(), Rejection> {
        if !self.leads(word.ballot) {
            return Err(self.wrong_ballot(word.ballot));
        }
        self.proposer_heard = false;
        base.broadcast(message);
        Ok(())
    }

    /// The distinguished proposer hands over: it counts as not heard, and its successor prepares without waiting for
    /// a timeout.
    pub(super) fn on_yield(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        word: &Yield,
    ) -> Result<(), Rejection> {
        self.check_proposer(from, word.ballot)?;
        self.see(word.ballot);
        if word.ballot != self.acceptor.promised {
            return Err(self.wrong_ballot(word.ballot));
        }
        (self.proposer_heard, self.yielded) = (false, true);
        self.restart_election_timer(base);
        if base.voter() == Some(word.successor) {
            self.called = Some(base.peers.certified(from).max(base.certified));
        }
        Ok(())
    }

    /// A successor prepares once it has all the blocks that the proposer has told of: else that would promise it
    /// nothing.
    pub(super) fn prepare_if_called(&mut self, base: &mut Base) {
        let certified = base.certified;
        let is_ready = self.called.is_some_and(|told| certified >= told);
        if is_ready && base.voter().is_some() && !base.is_finished() {
            self.called = None;
            self.prepare(base);
        }
    }
}
