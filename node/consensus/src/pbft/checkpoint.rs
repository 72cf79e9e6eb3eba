//! Seals: the validators' signatures under executed blocks, which are PBFT's checkpoints (section
//! 4.3) and the chain's certificates at once. A quorum of them moves the low watermark.

use quorate_crypto::{Certificate, CertificateV1, Digest, Height, Seal, Signature, ValidatorIndex};

use super::Replica;
use super::instance::{Phase, Recorded, SealVote};
use super::replica::Halted;
use crate::contract::{Action, Record, Rejection};
use crate::message::Body;

impl Replica {
    /// The decided block was executed here: seal it.
    pub(super) fn on_executed(&mut self, height: Height, block: Digest) -> Result<(), Rejection> {
        let instance = self.instance_mut(height)?;
        if instance.executed.is_some() {
            return Err(Rejection::Duplicate);
        }
        instance.executed = Some(block);
        self.try_seal(height);
        self.try_certify();
        Ok(())
    }

    /// Seals what was executed here, once.
    pub(super) fn try_seal(&mut self, height: Height) {
        let votes = self.voter().is_some();
        if let Some(instance) = self.instances.get_mut(&height)
            && let Some(block) = instance.executed
            && votes
            && !instance.asked_seal
        {
            instance.asked_seal = true;
            self.out.actions.push(Action::Sign(Body::Seal { height, block }));
        }
    }

    pub(super) fn on_own_seal(
        &mut self,
        own: ValidatorIndex,
        height: Height,
        block: Digest,
        signature: Signature,
    ) -> Result<(), Rejection> {
        let seal = SealVote { block, signature };
        let message = seal.message(self.config.committee.epoch(), height, own);
        // Should it come back after a crash, an own commit in the journal explains it, or its own record.
        let instance = self.instances.get(&height);
        if instance.is_none_or(|instance| instance.vote(Phase::Commit, own).is_none()) {
            self.record(Record::Own(message.clone()));
        }
        // A height that others certified meanwhile may still want this seal: send it either way.
        self.broadcast(message);
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
        self.peers
            .claims_certified(from, Height(height.0.saturating_sub(self.window)));
        let result = self.record_seal(from, height, SealVote { block, signature });
        self.fetch_if_far_behind();
        result
    }

    fn record_seal(&mut self, from: ValidatorIndex, height: Height, seal: SealVote) -> Result<(), Rejection> {
        let epoch = self.config.committee.epoch();
        match self.instance_mut(height)?.record_seal(from, seal) {
            Recorded::New => {
                self.try_certify();
                Ok(())
            }
            Recorded::Known => Err(Rejection::Duplicate),
            Recorded::Contradicts(first) => {
                self.try_certify();
                let first = first.message(epoch, height, from);
                let second = seal.message(epoch, height, from);
                Err(self.accuse(from, height, first, second))
            }
        }
    }

    /// Certifies what a quorum has sealed and this replica executed alike, in order.
    fn try_certify(&mut self) {
        loop {
            let height = self.certified.next();
            let Some(instance) = self.instances.get(&height) else {
                return;
            };
            let (Some(executed), Some(sealed)) = (instance.executed, instance.sealed(&self.config.committee))
            else {
                return;
            };
            if executed != sealed {
                if self.halted.is_none() {
                    self.halted = Some(Halted::Diverged);
                    self.out.actions.push(Action::Diverged {
                        height,
                        ours: executed,
                        certified: sealed,
                    });
                }
                return;
            }
            let seals = instance
                .seals
                .iter()
                .filter(|(_, seal)| seal.block == sealed)
                .map(|(validator, seal)| Seal {
                    validator: *validator,
                    signature: seal.signature,
                })
                .collect();
            let certificate = Certificate::V1(CertificateV1 {
                epoch: self.config.committee.epoch(),
                height,
                block: sealed,
                seals,
            });
            self.out.actions.push(Action::Certify(certificate.clone()));
            self.move_low_watermark(certificate);
        }
    }

    /// Blocks up to this one were fetched, checked and applied. Moves the height, never the view
    /// (pitfall 5).
    pub(super) fn on_synced(&mut self, certificate: Certificate) -> Result<(), Rejection> {
        if certificate.height() <= self.certified {
            return Err(Rejection::Duplicate);
        }
        let remembered = self.check_own_seal(&certificate);
        self.move_low_watermark(certificate);
        self.try_certify();
        remembered
    }

    /// A certificate from a new-view: its seals count as if their signers had sent them.
    pub(super) fn on_foreign_certificate(&mut self, certificate: &Certificate) {
        if certificate.height() <= self.certified {
            return;
        }
        // The message as a whole is good either way; it has been said that this replica is not.
        let _ = self.check_own_seal(certificate);
        let mut sealers = Vec::new();
        for seal in certificate.seals() {
            self.peers.claims_certified(
                seal.validator,
                Height(certificate.height().0.saturating_sub(self.window)),
            );
            sealers.push(seal.validator);
            let vote = SealVote {
                block: certificate.block(),
                signature: seal.signature,
            };
            // One that was known, or is of a height that is not kept, changes nothing.
            let _ = self.record_seal(seal.validator, certificate.height(), vote);
        }
        if certificate.height() > self.high_watermark() {
            self.fetch(certificate.height(), sealers);
        } else {
            self.fetch_if_far_behind();
        }
    }

    /// Forgets everything up to a certified height, and looks at what has come into the window.
    fn move_low_watermark(&mut self, certificate: Certificate) {
        let former = self.high_watermark();
        let could_claim = self.can_claim_all();
        self.certified = certificate.height();
        self.certificates.insert(self.certified, certificate);
        let oldest = Height(self.certified.0.saturating_sub(self.window));
        self.certificates.retain(|height, _| *height > oldest);
        let above = self.instances.split_off(&self.certified.next());
        let passed = std::mem::replace(&mut self.instances, above);
        self.served |= passed.values().any(|instance| instance.served);
        self.carry_over();
        let (after, to) = (former.max(self.certified), self.high_watermark());
        let entered: Vec<Height> = self
            .instances
            .keys()
            .copied()
            .filter(|height| *height > after && *height <= to)
            .collect();
        for height in entered {
            self.act_on(height);
        }
        if !could_claim && self.can_claim_all() {
            self.check_view_changes();
        }
    }
}
