//! The proposer: phase 1a, and, as the distinguished proposer, phase 2a (Lamport 2001, sections 2.2 and 3).

use std::collections::{BTreeMap, BTreeSet};

use quorate_crypto::{Height, ValidatorIndex};
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use super::Paxos;
use super::message::{Accept, AcceptedValue, Ballot, Body, MAX_VALUES, Nack, Prepare, Promise, Value, Yield};
use crate::common::{Base, EAGER_PROPOSALS, GATHERED_BATCHES};
use crate::contract::Rejection;
use crate::message::Message;

/// What a proposer does.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) enum Proposer {
    /// Nothing: another proposes, or nobody.
    #[default]
    Idle,
    /// Phase 1, for all heights above the certified one.
    Preparing(Preparation),
    /// Phase 2, height by height: it is the distinguished proposer.
    Leading(Leadership),
}

/// Phase 1 of a ballot.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Preparation {
    ballot: Ballot,
    promised_by: BTreeSet<ValidatorIndex>,
    /// For each height, what was accepted in the highest ballot, by whoever has promised.
    highest: BTreeMap<Height, AcceptedValue>,
    /// Whether the own acceptor was asked for its promise.
    asked_own: bool,
}

/// Phase 2 of a ballot.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(super) struct Leadership {
    ballot: Ballot,
    /// What phase 1 brought up and is not proposed yet.
    carried: BTreeMap<Height, Proposal>,
    /// The highest height that phase 1 brought anything up for.
    carried_to: Height,
    /// The lowest height that nothing is proposed for.
    next: Height,
    /// What is proposed and not chosen yet, as far as is known here. At most a window.
    open: BTreeMap<Height, Proposed>,
    /// Who answered since the election timer was set.
    heard: BTreeSet<ValidatorIndex>,
    /// Whether a majority has answered it in phase 2.
    established: bool,
    /// The lowest open height when the election timer was set.
    stuck_at: Option<Height>,
    /// Whether it hands over, and proposes nothing more.
    hands_over: bool,
}

/// A value that was proposed.
#[derive(Clone, Debug, Hash, Serialize, Deserialize)]
struct Proposed {
    value: Value,
    /// Whether it was said before the last heartbeat: then the next one says it again.
    overdue: bool,
}

impl Proposer {
    /// The ballot under way.
    pub(super) fn ballot(&self) -> Option<Ballot> {
        match self {
            Self::Idle => None,
            Self::Preparing(preparation) => Some(preparation.ballot),
            Self::Leading(leadership) => Some(leadership.ballot),
        }
    }

    pub(super) fn is_leading(&self) -> bool {
        matches!(self, Self::Leading(_))
    }

    pub(super) fn give_up(&mut self) {
        *self = Self::Idle;
    }

    pub(super) fn forget_up_to(&mut self, certified: Height) {
        match self {
            Self::Idle => {}
            Self::Preparing(preparation) => {
                preparation.highest = preparation.highest.split_off(&certified.next());
            }
            Self::Leading(leadership) => {
                leadership.carried = leadership.carried.split_off(&certified.next());
                leadership.open = leadership.open.split_off(&certified.next());
                leadership.next = leadership.next.max(certified.next());
            }
        }
    }

    /// A value is known to be chosen for this height.
    pub(super) fn close(&mut self, height: Height) {
        if let Self::Leading(leadership) = self {
            leadership.open.remove(&height);
        }
    }

    /// What it has proposed for a height that is not known to be chosen.
    pub(super) fn proposed(&self, height: Height) -> Option<&Proposal> {
        match self {
            Self::Leading(leadership) => leadership.open.get(&height).map(|open| &open.value.proposal),
            _ => None,
        }
    }

    pub(super) fn open_heights(&self) -> usize {
        match self {
            Self::Leading(leadership) => leadership.open.len(),
            _ => 0,
        }
    }

    /// Whether it is the distinguished proposer, and waits for a successor to take over.
    pub(super) fn hands_over(&self) -> bool {
        matches!(self, Self::Leading(leadership) if leadership.hands_over)
    }

    /// How many values phase 1 has brought up.
    pub(super) fn carried(&self) -> usize {
        match self {
            Self::Idle => 0,
            Self::Preparing(preparation) => preparation.highest.len(),
            Self::Leading(leadership) => leadership.carried.len(),
        }
    }
}

impl Preparation {
    /// P2c: of what was accepted for a height, the value of the highest ballot.
    fn take(&mut self, accepted: AcceptedValue) {
        let kept = self.highest.get(&accepted.height);
        let replaces = |kept: &AcceptedValue| match breaks!(LowestBallotTaken) {
            true => accepted.ballot < kept.ballot,
            false => accepted.ballot > kept.ballot,
        };
        if kept.is_none_or(replaces) {
            self.highest.insert(accepted.height, accepted);
        }
    }
}

impl Paxos {
    /// Phase 1a: a ballot above all that were seen. One that is under way goes on, unless a higher one was
    /// seen, so that whoever is cut off drives no rounds up.
    pub(super) fn prepare(&mut self, base: &mut Base) {
        let Some(own) = base.voter() else { return };
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

    /// Phase 2a: proposes what can be proposed. What phase 1 brought up comes first, with null in the gaps
    /// between; then batches that wait, and what is left of an epoch that ends.
    pub(super) fn propose_waiting(&mut self, base: &mut Base) {
        let mut values = Vec::new();
        while let Some(value) = self.next_value(base) {
            values.push(value);
        }
        for values in values.chunks(MAX_VALUES) {
            self.sign_accept(base, values.to_vec());
        }
    }

    /// The next value that is proposed now, if there is one.
    fn next_value(&mut self, base: &mut Base) -> Option<Value> {
        base.voter()?;
        let Proposer::Leading(leadership) = &mut self.proposer else {
            return None;
        };
        let height = leadership.next;
        if leadership.hands_over || !base.is_in_window(height) {
            return None;
        }
        let fresh = height > leadership.carried_to;
        if fresh {
            let free = base.backlog.free();
            let eager = free > 0 && leadership.open.len() < EAGER_PROPOSALS;
            if !eager && free < GATHERED_BATCHES && !base.is_ending() {
                return None;
            }
        }
        leadership.next = height.next();
        let carried = leadership.carried.remove(&height);
        if breaks!(GapNotFilled) && !fresh && carried.is_none() {
            return self.next_value(base);
        }
        let proposal = match carried {
            Some(proposal) if !breaks!(OwnValueTaken) => proposal,
            _ if fresh || breaks!(OwnValueTaken) => base.next_proposal(),
            _ => Proposal::null(),
        };
        let value = Value {
            height,
            proposal,
            fresh,
        };
        let proposed = Proposed {
            value: value.clone(),
            overdue: false,
        };
        leadership.open.insert(height, proposed);
        Some(value)
    }

    fn sign_accept(&mut self, base: &mut Base, values: Vec<Value>) {
        let (Some(_), Proposer::Leading(leadership)) = (base.voter(), &self.proposer) else {
            return;
        };
        let accept = Accept {
            ballot: leadership.ballot,
            certified: base.certified,
            values,
        };
        base.sign(Body::Accept(accept));
    }

    /// Says again what has not been chosen for so long, and shows that it is alive.
    pub(super) fn say_again(&mut self, base: &mut Base) {
        let Proposer::Leading(leadership) = &mut self.proposer else {
            return;
        };
        if leadership.hands_over {
            // Whoever hears it would wait for it.
            return;
        }
        let mut values = Vec::new();
        for proposed in leadership.open.values_mut() {
            if std::mem::replace(&mut proposed.overdue, true) && values.len() < MAX_VALUES {
                values.push(proposed.value.clone());
            }
        }
        self.sign_accept(base, values);
    }

    /// Signed. The own acceptor is asked as the others are.
    pub(super) fn on_own_accept(
        &mut self,
        base: &mut Base,
        own: ValidatorIndex,
        accept: &Accept,
        message: Message,
    ) -> Result<(), Rejection> {
        if !self.leads(accept.ballot) {
            return Err(self.wrong_ballot(accept.ballot));
        }
        base.broadcast(message);
        self.on_accept(base, own, accept)
    }

    pub(super) fn leads(&self, ballot: Ballot) -> bool {
        self.proposer.is_leading() && self.proposer.ballot() == Some(ballot)
    }

    /// An acceptor has answered in phase 2.
    pub(super) fn hear_acceptor(&mut self, base: &Base, from: ValidatorIndex) {
        let quorum = base.config.committee.quorum();
        if let Proposer::Leading(leadership) = &mut self.proposer {
            leadership.heard.insert(from);
            leadership.established |= leadership.heard.len() + 1 >= quorum;
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

    fn promises_needed(&self, base: &Base) -> usize {
        let quorum = base.config.committee.quorum();
        quorum - usize::from(breaks!(FewerPromises))
    }
}
