//! Prepared certificates.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Committee, Digest, Height, Signature, Tag, ValidatorIndex};
pub use quorate_ledger::PrepareSignature;
use quorate_ledger::Proposal;
use serde::{Deserialize, Serialize};

use super::message::{PreparedClaim, View, vote_bytes};
use super::primary_of;
use crate::message::{SignatureScheme, Unverified};

/// Proof that a quorum accepted one proposal for a height in one view.
///
/// Where the primary proposed, its pre-prepare counts as its prepare. Where a new-view carried the
/// proposal over there is no pre-prepare, and the primary prepares as everybody does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PreparedCertificate {
    /// The view.
    pub view: View,
    /// The height.
    pub height: Height,
    /// The proposal.
    pub proposal: Proposal,
    /// The primary's signature under its pre-prepare.
    pub pre_prepare: Option<Signature>,
    /// Signatures under prepares, ascending by validator.
    #[serde(deserialize_with = "bounded_vec::<_, _, { Committee::MAX_VALIDATORS }>")]
    pub prepares: Vec<PrepareSignature>,
}

impl PreparedCertificate {
    /// What this proves.
    pub fn claim(&self) -> PreparedClaim {
        PreparedClaim {
            height: self.height,
            view: self.view,
            proposal: self.proposal.digest(),
        }
    }

    /// Checks that a quorum of distinct validators signed.
    pub fn verify(
        &self,
        network: Digest,
        committee: &Committee,
        scheme: &impl SignatureScheme,
    ) -> Result<(), Unverified> {
        let primary = primary_of(committee, self.view);
        let prepares = &self.prepares;
        let primary_twice =
            self.pre_prepare.is_some() && prepares.iter().any(|prepare| prepare.validator == primary);
        let signers = prepares.len() + usize::from(self.pre_prepare.is_some());
        if !(prepares.is_sorted_by(|a, b| a.validator < b.validator) || breaks!(SendersCountedTwice))
            || primary_twice
            || signers < committee.quorum()
        {
            return Err(Unverified::Inconsistent);
        }
        let content = vote_bytes(
            network,
            committee.epoch(),
            self.view,
            self.height,
            self.proposal.digest(),
        );
        let check = |signer: ValidatorIndex, tag: Tag, signature: &Signature| {
            let key = committee
                .key(signer)
                .ok_or(Unverified::UnknownSender { sender: signer })?;
            if scheme.verify(key, tag, &content, signature) {
                Ok(())
            } else {
                Err(Unverified::BadSignature { signer })
            }
        };
        if let Some(signature) = &self.pre_prepare {
            check(primary, Tag::PBFT_PRE_PREPARE, signature)?;
        }
        for prepare in prepares {
            check(prepare.validator, Tag::PBFT_PREPARE, &prepare.signature)?;
        }
        Ok(())
    }
}
