//! What the parts that all engines have in common ask a replica of Paxos.

use quorate_crypto::{Height, ValidatorIndex};

use super::Replica;
use crate::common::{Base, Finality, Orderer, Reign, Sealing as _, mask};
use crate::contract::Rejection;
use crate::message::{Holding, Message, Status};
use crate::testimony::{SignedStatement, Statement};

impl Orderer for Replica {
    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn reign(&self) -> Reign {
        Reign {
            number: self.acceptor.promised.round,
            leader: self.leader(),
            begun: self.proposer_heard,
        }
    }

    fn finalities(&self) -> impl DoubleEndedIterator<Item = (Height, &Finality)> {
        self.finalities
            .iter()
            .map(|(height, finality)| (*height, finality))
    }

    fn finality(&self, height: Height) -> Option<&Finality> {
        self.finalities.get(&height)
    }

    fn existing_finality_mut(&mut self, height: Height) -> Option<&mut Finality> {
        self.finalities.get_mut(&height)
    }

    fn finality_mut(&mut self, height: Height) -> Result<&mut Finality, Rejection> {
        self.base.check_kept(height)?;
        Ok(self.finalities.entry(height).or_default())
    }

    fn is_proposed(&self, height: Height) -> bool {
        self.acceptor.accepted.contains_key(&height)
            || self.acceptor.asked.contains_key(&height)
            || self.learner.told(height).is_some()
    }

    /// Only what is chosen is decided, executed and sealed; but this replica need not have accepted it, or a
    /// crash may lose that it has. What it accepted for a certified height is forgotten here.
    fn explains_seal(&self, height: Height) -> bool {
        let vote = self.acceptor.accepted.get(&height);
        vote.is_some_and(|vote| vote.durable)
    }

    fn on_certified(&mut self, former: Height) {
        let certified = self.base.certified;
        self.acceptor.forget_up_to(certified);
        self.proposer.forget_up_to(certified);
        self.learner.forget_up_to(certified);
        self.finalities = self.finalities.split_off(&certified.next());
        if self.base.is_finished() {
            return;
        }
        self.act_on_entered(former);
        let accepted = self.accept_asked();
        if !accepted.is_empty() {
            self.sign_accepted(self.acceptor.promised, accepted);
        }
    }

    fn act_on(&mut self, height: Height) {
        self.try_decide(height);
    }

    /// A value that was accepted in a former ballot, and that nobody has brought up since, is no work: what
    /// it was to order waits in its batches.
    fn is_busy(&self) -> bool {
        let promised = self.acceptor.promised;
        let is_open = |(height, finality): (&Height, &Finality)| {
            let vote = self.acceptor.accepted.get(height);
            finality.decided.is_some()
                || !finality.seals.is_empty()
                || vote.is_some_and(|vote| vote.ballot == promised)
        };
        self.finalities.iter().any(is_open) || !self.acceptor.asked.is_empty() || !self.proposer_heard
    }

    /// That a height is known to be chosen stands in the place of everybody's accepts.
    fn holding(&self, height: Height) -> Holding {
        let finality = self.finalities.get(&height);
        let chosen = self.learner.told(height).is_some() || finality.is_some_and(|o| o.decided.is_some());
        Holding {
            proposal: self.is_proposed(height),
            first: 0,
            second: match chosen {
                true => mask(self.base.config.committee.indices()),
                false => 0,
            },
            seals: finality.map_or(0, |finality| mask(finality.seals.keys().copied())),
        }
    }

    fn on_status_of(&mut self, _from: ValidatorIndex, _status: &Status) {}

    /// The distinguished proposer shows itself by its accepts.
    fn answer_about_reign(&self, _from: ValidatorIndex, _status: &Status) -> Vec<Message> {
        Vec::new()
    }

    /// Passes on that a value is chosen. The distinguished proposer says again what is not.
    fn answer_about_height(&self, height: Height, held: Holding, answer: &mut Vec<Message>) {
        if held.second == 0
            && let Some(message) = self.learner.told(height)
        {
            answer.push(message.clone());
        }
    }

    /// What was said in a ballot up to the one that the journal has promised binds no more than that does. A
    /// distinguished proposer has its own promise.
    fn remembers(&self, said: &SignedStatement) -> bool {
        let Some(own) = self.base.config.index else {
            return true;
        };
        let persisted = self.acceptor.persisted;
        match &said.statement {
            Statement::Seal { height, .. } => {
                let finality = self.finalities.get(height);
                *height <= self.base.certified.max(self.sealed)
                    || self.acceptor.accepted.contains_key(height)
                    || finality
                        .is_some_and(|finality| finality.asked_seal || finality.seals.contains_key(&own))
            }
            Statement::Promise(promise) => promise.ballot <= persisted,
            Statement::Accept(accept) => accept.ballot <= persisted,
            Statement::Accepted(accepted) => accepted.values.iter().all(|value| {
                let vote = self.acceptor.accepted.get(&value.height);
                value.height <= self.base.certified
                    || vote.is_some_and(|vote| {
                        vote.ballot > accepted.ballot
                            || (vote.ballot, vote.digest) == (accepted.ballot, value.proposal)
                    })
            }),
            Statement::PrePrepare { .. }
            | Statement::Prepare { .. }
            | Statement::Commit { .. }
            | Statement::ViewChange(_)
            | Statement::NewView(_)
            | Statement::RequestVote(_)
            | Statement::VoteReply(_)
            | Statement::AppendReply(_) => false,
        }
    }

    fn said_by(&self, _about: ValidatorIndex, _above: Height) -> Vec<SignedStatement> {
        Vec::new()
    }

    fn on_inquiry_closed(&mut self) {
        let heights: Vec<Height> = self.finalities.keys().copied().collect();
        for height in heights {
            self.try_seal(height);
        }
    }
}
