//! What a liar of `quorate-lies` has around it in a process.

use quorate_consensus::{Body, Message};
use quorate_crypto::{Committee, Digest, Epoch, ValidatorIndex, sha256};
use quorate_lies::{Random, Stage};
use quorate_runtime::Means;

/// The process's stage.
pub(crate) struct ProcessStage {
    pub(crate) means: Means,
    random: Random,
    committee: Committee,
}

impl ProcessStage {
    pub(crate) fn new(means: Means, seed: u64) -> Self {
        Self {
            committee: means.committee(),
            means,
            random: Random::new(seed),
        }
    }

    /// The epoch may have changed.
    pub(crate) fn follow(&mut self) {
        self.committee = self.means.committee();
    }

    fn another_network() -> Digest {
        sha256(b"another network")
    }
}

impl Stage for ProcessStage {
    fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    fn committee(&self) -> &Committee {
        &self.committee
    }

    fn sign(&self, epoch: Epoch, _: ValidatorIndex, body: Body) -> Message {
        self.means.sign(self.means.network(), epoch, body)
    }

    /// A process has no key but its own: others' names stand under its signature.
    fn sign_elsewhere(&mut self, epoch: Epoch, sender: ValidatorIndex, body: Body) -> Message {
        let signed = self.means.sign(Self::another_network(), epoch, body);
        let signed = signed.v1().clone();
        Message::new(epoch, sender, signed.body, signed.signature)
    }
}
