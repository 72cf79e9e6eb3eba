//! What the parts that all engines have in common ask a replica of Raft.

use quorate_crypto::{Height, ValidatorIndex};

use super::Replica;
use super::message;
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
            number: self.term.0,
            leader: self.leader,
            begun: self.leader_heard,
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
        self.log.get(height).is_some() || self.staged.contains_key(&height)
    }

    /// Only what is in the log is decided, executed and sealed; but a crash may lose an entry whose batches
    /// are not durable yet, and a block that is being written.
    fn explains_seal(&self, height: Height) -> bool {
        height <= self.durable
    }

    fn on_certified(&mut self, _former: Height) {
        let certified = self.base.certified;
        // What comes above them in the journal is found to follow them.
        self.record_own_up_to(certified);
        if self.base.voter().is_some() {
            let entries = self.log.after(self.durable);
            let leaving = entries.take_while(|(index, _)| *index <= certified);
            let batches = leaving.map(|(index, entry)| (index, entry.proposal.batches().to_vec()));
            self.unwritten.extend(batches);
        }
        self.log.forget_up_to(certified, self.decided);
        if certified > self.commit {
            // It did not commit that itself, so somebody else may have, in a later term.
            self.step_down();
        }
        self.finalities = self.finalities.split_off(&certified.next());
        self.staged = self.staged.split_off(&certified.next());
        for reached in [&mut self.commit, &mut self.decided] {
            *reached = certified.max(*reached);
        }
        self.decide_committed();
    }

    fn act_on(&mut self, height: Height) {
        if self.base.is_in_window(height) {
            self.decide_committed();
        }
    }

    fn is_busy(&self) -> bool {
        let quiet = self.finalities.is_empty() && self.log.is_empty() && self.staged.is_empty();
        !quiet || !self.leader_heard
    }

    fn holding(&self, height: Height) -> Holding {
        let finality = self.finalities.get(&height);
        Holding {
            proposal: self.is_proposed(height),
            seals: finality.map_or(0, |finality| mask(finality.seals.keys().copied())),
            ..Holding::default()
        }
    }

    fn on_status_of(&mut self, _from: ValidatorIndex, _status: &Status) {}

    /// The leader shows itself by its heartbeats.
    fn answer_about_reign(&self, _from: ValidatorIndex, _status: &Status) -> Vec<Message> {
        Vec::new()
    }

    /// The leader sends entries as appends are answered.
    fn answer_about_height(&self, _height: Height, _held: Holding, _answer: &mut Vec<Message>) {}

    /// What was said in a term before the last one of which the journal tells binds no more.
    fn remembers(&self, said: &SignedStatement) -> bool {
        let Some(own) = self.base.config.index else {
            return true;
        };
        let (term, voted_for) = self.persisted;
        let voted = |of: message::Term, whom| of < term || (of == term && voted_for == Some(whom));
        match &said.statement {
            Statement::Seal { height, .. } => {
                let finality = self.finalities.get(height);
                let in_log = self.log.get(*height).is_some();
                *height <= self.base.certified.max(self.sealed)
                    || in_log
                    || finality
                        .is_some_and(|finality| finality.asked_seal || finality.seals.contains_key(&own))
            }
            Statement::RequestVote(request) => voted(request.term, own),
            Statement::VoteReply(reply) => voted(reply.term, reply.candidate),
            Statement::AppendReply(reply) => {
                reply.index <= self.base.certified
                    || reply.term < term
                    || (reply.term == term && reply.index <= self.log.last_index())
            }
            Statement::PrePrepare { .. }
            | Statement::Prepare { .. }
            | Statement::Commit { .. }
            | Statement::ViewChange(_)
            | Statement::NewView(_)
            | Statement::Promise(_)
            | Statement::Accept(_)
            | Statement::Accepted(_) => false,
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
