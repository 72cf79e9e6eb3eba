//! What the distinguished proposer does: phase 2a, height by height, and, as it is the distinguished learner as well,
//! counting what is accepted and telling what is chosen (Lamport 2001, sections 2.2, 2.3 and 3).

use quorate_crypto::ValidatorIndex;
use quorate_ledger::Proposal;

use super::Paxos;
use super::message::{Accept, Accepted, Ballot, Body, Chosen, MAX_VALUES, Value};
use super::proposer::{Proposed, Proposer};
use crate::common::{Base, EAGER_PROPOSALS, GATHERED_BATCHES};
use crate::contract::Rejection;
use crate::message::Message;

impl Paxos {
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
        // Phase 2a: the value of the highest-numbered proposal among the responses, or any if there is none (P2c).
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

    pub(super) fn sign_accept(&self, base: &mut Base, values: Vec<Value>) {
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
    fn hear_acceptor(&mut self, base: &Base, from: ValidatorIndex) {
        let quorum = base.config.committee.quorum();
        if let Proposer::Leading(leadership) = &mut self.proposer {
            leadership.heard.insert(from);
            leadership.established |= leadership.heard.len() + 1 >= quorum;
        }
    }

    /// An acceptor has accepted values of the own ballot: on a majority's accepts a value is chosen.
    pub(super) fn on_accepted(
        &mut self,
        base: &mut Base,
        from: ValidatorIndex,
        accepted: &Accepted,
    ) -> Result<(), Rejection> {
        if !self.leads(accepted.ballot) {
            return Err(self.wrong_ballot(accepted.ballot));
        }
        self.hear_acceptor(base, from);
        let needed = self.accepts_needed(base);
        for value in &accepted.values {
            let height = value.height;
            let Some(proposal) = self.proposer.proposed(height) else {
                continue; // It is chosen already.
            };
            if proposal.digest() != value.proposal {
                return Err(Rejection::BadProposal { height });
            }
            let proposal = proposal.clone();
            let accepted_by = self.learner.accepted_by.entry(height).or_default();
            accepted_by.insert(from);
            // 2.3: a value that a majority has accepted is chosen.
            if accepted_by.len() >= needed {
                let ballot = accepted.ballot;
                self.decide_chosen(base, height, &proposal);
                base.sign(Body::Chosen(Chosen {
                    ballot,
                    height,
                    proposal,
                }));
            }
        }
        Ok(())
    }

    /// Signed: the others learn what is chosen.
    pub(super) fn on_own_chosen(
        &mut self,
        base: &mut Base,
        chosen: &Chosen,
        message: Message,
    ) -> Result<(), Rejection> {
        base.broadcast(message.clone());
        self.on_chosen(base, chosen, message)
    }

    fn accepts_needed(&self, base: &Base) -> usize {
        let quorum = base.config.committee.quorum();
        quorum - usize::from(breaks!(FewerAccepts))
    }
}
