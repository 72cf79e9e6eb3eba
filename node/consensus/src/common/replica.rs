//! One replica of any protocol: its start and recovery, the dispatch of inputs, and the order in which a step is
//! worked off.

use quorate_crypto::Height;
use serde::{Deserialize, Serialize};

use super::base::Base;
use super::orderer::{Notice, Orderer};
use crate::contract::{Config, Input, Now, Record, Rejection, Step, Timer};
use crate::message::{Body, Message, Verified};

/// One replica: what is the same in every protocol, around what is not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Replica<E> {
    pub(crate) base: Base,
    pub(crate) orderer: E,
}

impl<E: Orderer> Replica<E> {
    /// A replica that has said nothing yet in its epoch.
    pub fn start(config: Config) -> (Self, Step) {
        Self::recover(config, Vec::new())
    }

    /// A replica rebuilt from its journal: what it said before, it says again, and nothing else in
    /// its place. Records at or below `config.certified` are passed over.
    pub fn recover(config: Config, records: Vec<Record>) -> (Self, Step) {
        let mut replica = Self {
            orderer: E::new(&config),
            base: Base::new(config),
        };
        replica.begin_inquiry();
        replica.orderer.restore(&mut replica.base, records);
        replica.base.status_due.ask_all();
        let step = replica.finish_step(Ok(()));
        (replica, step)
    }

    /// Takes one input at the driver's time.
    pub fn step(&mut self, now: Now, input: Input) -> Step {
        self.base.now = now;
        self.orderer.on_step(&self.base);
        let result = self.take(input);
        self.work_off();
        self.finish_step(result)
    }

    fn take(&mut self, input: Input) -> Result<(), Rejection> {
        match input {
            Input::Message(message) => self.on_message(message),
            Input::Own(message) => self.on_own(message),
            Input::BatchesAvailable(batches) => batches
                .iter()
                .try_for_each(|batch| self.base.backlog.insert(*batch, self.base.now)),
            Input::BatchesObsolete(batches) => {
                self.base.served |= self.base.backlog.remove_obsolete(&batches);
                Ok(())
            }
            Input::ProposalAvailable { height, proposal } => {
                self.orderer.on_available(&mut self.base, height, proposal)
            }
            Input::EpochEnds(last) => self.on_epoch_ends(last),
            Input::Executed { height, block } => self.on_executed(height, block),
            Input::Synced(certificate) => {
                let height = certificate.height();
                let result = self.on_synced(certificate);
                self.notify(Notice::Synced(height));
                result
            }
            Input::Connected(peer) => {
                self.base.peers.on_connected(peer);
                self.base.status_due.ask_for(peer);
                self.ask_peer(peer);
                self.notify(Notice::Connected);
                Ok(())
            }
            Input::HeldBack(peer) => {
                self.notify(Notice::HeldBack(peer));
                Ok(())
            }
            Input::Stopping => {
                self.notify(Notice::Stopping);
                Ok(())
            }
            Input::OnDisk(height) => {
                let former = self.base.on_disk;
                self.base.on_disk = former.max(height);
                self.notify(Notice::OnDisk { former });
                Ok(())
            }
            Input::Timeout(timer) => {
                if timer == Timer::Resend {
                    self.on_resend_timeout()?;
                }
                self.orderer.on_timeout(&mut self.base, timer)
            }
        }
    }

    /// Works off what the orderer has found out: certificates inside messages first, whose seals count as if their
    /// signers had sent them; each height that these certify, in order; then what the orderer concludes from all that.
    fn work_off(&mut self) {
        while let Some((from, certificate)) = self.base.learned.pop_front() {
            self.on_foreign_certificate(from, &certificate);
        }
        self.orderer.conclude(&mut self.base);
    }

    fn finish_step(&mut self, result: Result<(), Rejection>) -> Step {
        self.close_inquiry();
        self.orderer.propose(&mut self.base);
        self.ask_for_status();
        self.update_resend_timer();
        self.orderer.settle(&mut self.base);
        self.base.take_step(result)
    }

    pub(crate) fn notify(&mut self, notice: Notice<'_>) {
        self.orderer.on_notice(&mut self.base, notice);
    }

    fn on_message(&mut self, message: Verified<Message>) -> Result<(), Rejection> {
        let message = message.into_inner();
        let (from, signature) = (message.v1().sender, message.v1().signature);
        if Some(from) == self.base.config.index {
            return self.on_echo(&message);
        }
        self.base.witness.note(&message);
        self.notify(Notice::Heard(from));
        match &message.v1().body {
            Body::Seal { height, block } => self.on_seal(from, *height, *block, signature),
            Body::Status(status) => self.on_status(from, status),
            Body::Inquiry(inquiry) => self.on_inquiry(from, inquiry),
            Body::Testimony(testimony) => self.on_testimony(from, testimony),
            body @ (Body::Pbft(_) | Body::Raft(_) | Body::Paxos(_)) => {
                if let Some(certified) = E::claimed_by(body) {
                    self.base.peers.claims_certified(from, certified);
                    self.fetch_if_far_behind();
                }
                self.orderer.on_message(&mut self.base, from, message)
            }
        }
    }

    fn on_own(&mut self, message: Message) -> Result<(), Rejection> {
        let (sender, signature) = (message.v1().sender, message.v1().signature);
        if Some(sender) != self.base.config.index {
            return Err(Rejection::Unasked);
        }
        self.base.disk.on_back(&message.v1().body, self.base.now);
        match &message.v1().body {
            Body::Seal { height, block } => self.on_own_seal(sender, *height, *block, signature),
            Body::Status(_) => {
                self.on_own_status(message);
                Ok(())
            }
            Body::Inquiry(_) => {
                self.on_own_inquiry(message);
                Ok(())
            }
            Body::Testimony(testimony) => {
                let about = testimony.about;
                self.base.send(about, message);
                Ok(())
            }
            Body::Pbft(_) | Body::Raft(_) | Body::Paxos(_) => self.orderer.on_own(&mut self.base, message),
        }
    }

    /// The epoch's last height is known from now on.
    fn on_epoch_ends(&mut self, last: Height) -> Result<(), Rejection> {
        if self.base.epoch_end.is_some() {
            return Err(Rejection::Duplicate);
        }
        self.base.epoch_end = Some(last);
        // Whoever spoke of later heights in this epoch lied.
        self.base.finalities.retain(|height, _| *height <= last);
        self.notify(Notice::EpochEnds(last));
        Ok(())
    }
}
