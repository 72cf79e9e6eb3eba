//! Seals: the validators' signatures under executed blocks, which are the chain's certificates, and
//! PBFT's checkpoints (Castro and Liskov 1999, section 4.3) at once. A quorum of them raises the
//! certified height.

use quorate_crypto::{Certificate, Digest, Height, Signature, ValidatorIndex};

use super::base::Halted;
use super::finality::{Recorded, SealVote};
use super::orderer::Orderer;
use super::replica::Replica;
use crate::contract::{Action, Record, Rejection};

impl<E: Orderer> Replica<E> {
    /// The decided block was executed here: seal it.
    pub(super) fn on_executed(&mut self, height: Height, block: Digest) -> Result<(), Rejection> {
        let finality = self.base.finality_mut(height)?;
        if finality.executed.is_some() {
            return Err(Rejection::Duplicate);
        }
        finality.executed = Some(block);
        self.base.try_seal(height);
        self.try_certify();
        Ok(())
    }

    pub(super) fn on_own_seal(
        &mut self,
        own: ValidatorIndex,
        height: Height,
        block: Digest,
        signature: Signature,
    ) -> Result<(), Rejection> {
        let seal = SealVote { block, signature };
        let message = seal.message(self.base.config.committee.epoch(), height, own);
        // Should it come back after a crash, the journal explains it, or its own record.
        if !self.orderer.explains_seal(&self.base, height) {
            self.base.record(Record::Own(message.clone()));
        }
        // A height that others certified meanwhile may still want this seal: send it either way.
        self.base.broadcast(message);
        self.record_seal(own, height, seal)
    }

    pub(super) fn on_seal(
        &mut self,
        from: ValidatorIndex,
        height: Height,
        block: Digest,
        signature: Signature,
    ) -> Result<(), Rejection> {
        // Whoever sealed a height has certified all below its window.
        let base = &mut self.base;
        let below = Height(height.0.saturating_sub(base.window));
        base.peers.claims_certified(from, below);
        let result = self.record_seal(from, height, SealVote { block, signature });
        self.fetch_if_far_behind();
        result
    }

    fn record_seal(&mut self, from: ValidatorIndex, height: Height, seal: SealVote) -> Result<(), Rejection> {
        let epoch = self.base.config.committee.epoch();
        match self.base.finality_mut(height)?.record_seal(from, seal) {
            Recorded::New => {
                self.try_certify();
                Ok(())
            }
            Recorded::Known => Err(Rejection::Duplicate),
            Recorded::Contradicts(first) => {
                self.try_certify();
                let first = first.message(epoch, height, from);
                let second = seal.message(epoch, height, from);
                Err(self.base.accuse(from, height, first, second))
            }
        }
    }

    /// Certifies what a quorum has sealed and this replica executed alike, in order.
    fn try_certify(&mut self) {
        loop {
            let committee = &self.base.config.committee;
            let height = self.base.certified.next();
            let Some(finality) = self.base.finalities.get(&height) else {
                return;
            };
            let (Some(executed), Some(sealed)) = (finality.executed, finality.sealed(committee)) else {
                return;
            };
            if executed != sealed {
                let base = &mut self.base;
                if base.halted.is_none() {
                    base.halted = Some(Halted::Diverged);
                    base.out.actions.push(Action::Diverged {
                        height,
                        ours: executed,
                        certified: sealed,
                    });
                }
                return;
            }
            // PBFT 4.3: a quorum of signed checkpoints is the proof that one is stable; all below is discarded.
            let certificate = finality.certificate(committee.epoch(), height, sealed);
            let certify = Action::Certify(certificate.clone());
            self.base.out.actions.push(certify);
            self.raise_certified(certificate);
        }
    }

    /// Blocks up to this one were fetched, checked and applied. Moves the height, never the reign
    /// (pitfall 5).
    pub(super) fn on_synced(&mut self, certificate: Certificate) -> Result<(), Rejection> {
        if certificate.height() <= self.base.certified {
            return Err(Rejection::Duplicate);
        }
        let remembered = self.check_own_seal(&certificate);
        self.raise_certified(certificate);
        self.try_certify();
        remembered
    }

    /// A certificate that came inside a message: its seals count as if their signers had sent them. Whoever
    /// sent the message should have the block.
    pub(super) fn on_foreign_certificate(&mut self, from: ValidatorIndex, certificate: &Certificate) {
        if certificate.height() <= self.base.certified {
            return;
        }
        // The message as a whole is good either way; it has been said that this replica is not.
        let _ = self.check_own_seal(certificate);
        let mut holders = vec![from];
        for seal in certificate.seals() {
            let base = &mut self.base;
            let below = Height(certificate.height().0.saturating_sub(base.window));
            base.peers.claims_certified(seal.validator, below);
            if seal.validator != from && Some(seal.validator) != base.config.index {
                holders.push(seal.validator);
            }
            let vote = SealVote {
                block: certificate.block(),
                signature: seal.signature,
            };
            // One that was known, or is of a height that is not kept, changes nothing.
            let _ = self.record_seal(seal.validator, certificate.height(), vote);
        }
        if certificate.height() > self.base.high_watermark() {
            self.base.fetch(certificate.height(), holders);
        } else {
            self.fetch_if_far_behind();
        }
    }

    /// All up to a certified height is forgotten, and the orderer looks at what has come into the window.
    fn raise_certified(&mut self, certificate: Certificate) {
        let former = self.base.raise_certified(certificate);
        self.orderer.on_certified(&mut self.base, former);
    }
}
