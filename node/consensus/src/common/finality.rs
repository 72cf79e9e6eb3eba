//! What becomes of a height, whichever engine orders it: decided, executed, sealed.

use std::collections::BTreeMap;

use quorate_crypto::{
    Certificate, CertificateV1, Committee, Digest, Epoch, Height, Seal, Signature, ValidatorIndex,
};
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use crate::message::{Body, Message};

/// A seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct SealVote {
    pub(crate) block: Digest,
    pub(crate) signature: Signature,
}

/// What recording a vote has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded<T> {
    /// It is new, or replaces one of a lower reign.
    New,
    /// It was known, or is of a lower reign than the one that is kept.
    Known,
    /// The sender said something else before, at the same place.
    Contradicts(T),
}

/// The finality of one height.
#[derive(Clone, Debug, Default, Hash, Serialize, Deserialize)]
pub(crate) struct Finality {
    /// What was decided, for ever.
    pub(crate) decided: Option<Proposal>,
    /// Whether that ordered a batch which was not ordered before.
    pub(crate) served: bool,
    /// The hash of the block that was executed here.
    pub(crate) executed: Option<Digest>,
    pub(crate) asked_seal: bool,
    /// Each validator's seal, the first that came. At most one a validator.
    pub(crate) seals: BTreeMap<ValidatorIndex, SealVote>,
}

impl Finality {
    /// Keeps a validator's seal: the first, unless it seals two blocks. Then it is the one for the
    /// block that was executed here or that more others sealed, so that a liar's word to this replica
    /// does not spoil a certificate that others made with its word to them.
    pub(crate) fn record_seal(&mut self, from: ValidatorIndex, seal: SealVote) -> Recorded<SealVote> {
        match self.seals.get(&from).copied() {
            Some(kept) if kept.block != seal.block => {
                let others = |block| self.sealers(block).filter(|sealer| *sealer != from).count();
                let preferred = match self.executed {
                    Some(executed) => executed == seal.block,
                    None => others(seal.block) > others(kept.block),
                };
                if preferred {
                    self.seals.insert(from, seal);
                }
                Recorded::Contradicts(kept)
            }
            Some(_) => Recorded::Known,
            None => {
                self.seals.insert(from, seal);
                Recorded::New
            }
        }
    }

    /// The block that a quorum has sealed.
    pub(crate) fn sealed(&self, committee: &Committee) -> Option<Digest> {
        let quorum = committee.quorum();
        if self.seals.len() < quorum {
            return None;
        }
        self.seals
            .values()
            .find(|seal| self.sealers(seal.block).count() >= quorum)
            .map(|seal| seal.block)
    }

    /// Who sealed `block`.
    pub(crate) fn sealers(&self, block: Digest) -> impl Iterator<Item = ValidatorIndex> {
        self.seals
            .iter()
            .filter(move |(_, seal)| seal.block == block)
            .map(|(validator, _)| *validator)
    }

    /// The certificate that the seals of `block` make.
    pub(crate) fn certificate(&self, epoch: Epoch, height: Height, block: Digest) -> Certificate {
        let seals = self
            .seals
            .iter()
            .filter(|(_, seal)| seal.block == block)
            .map(|(validator, seal)| Seal {
                validator: *validator,
                signature: seal.signature,
            })
            .collect();
        Certificate::V1(CertificateV1 {
            epoch,
            height,
            block,
            seals,
        })
    }
}

impl SealVote {
    /// The message that this was, byte for byte.
    pub(crate) fn message(&self, epoch: Epoch, height: Height, sender: ValidatorIndex) -> Message {
        let block = self.block;
        Message::new(epoch, sender, Body::Seal { height, block }, self.signature)
    }
}
