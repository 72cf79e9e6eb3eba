//! Recoveries: how a network goes on after more validators are gone than its protocol tolerates
//! (`docs/formats.md`, section 15, "Recovery").
//!
//! Validators that are left stand down and say what they have; members declare the other seats lost. A
//! document names the block to build on and the next committee. Members and all of that committee sign it.
//! [`SignedRecovery::check_form`] checks what needs no state; [`plan()`] is what the new epoch begins with.

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{
    ClientSigningKey, Committee, Digest, Epoch, Height, KeySignature, MemberNumber, PublicKey, SeatNumber,
    Signature, SigningKey, Tag, ValidatorIndex, sign_strict,
};
use serde::{Deserialize, Serialize};

use crate::block::encoded_length;
use crate::limits::{
    MAX_LOSSES, MAX_RECOVERY_BYTES, MAX_RECOVERY_MEMBERS, MAX_SEATS, MAX_SIGNATURES, MAX_STAND_DOWN_BYTES,
    MAX_STAND_DOWNS,
};
use crate::{CertifiedHeader, DecodeError, decode, encode};

mod check;
mod open;
mod plan;

pub use check::{LossFault, RecoveryError, SignatureFault, StandDownFault};
pub use open::{
    AcceptedValue, Ballot, Entry, Open, PrepareSignature, PreparedCertificate, RaftEntry, Term, View,
};
pub use plan::{MAX_PLANNED_HEIGHTS, plan};

/// A validator ends its part in an epoch and says what it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StandDown {
    /// Version 1.
    V1(StandDownV1),
}

/// Version 1 of [`StandDown`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandDownV1 {
    /// The network's id.
    pub network: Digest,
    /// The epoch that the validator stands down in.
    pub epoch: Epoch,
    /// Its index in that epoch's committee.
    pub validator: ValidatorIndex,
    /// The highest header of this epoch for which it has a certificate.
    pub certified: Option<CertifiedHeader>,
    /// What its engine has above that.
    pub open: Open,
}

/// A stand-down with its validator's signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedStandDown {
    /// The stand-down.
    pub stand_down: StandDown,
    /// The validator's, under [`Tag::STAND_DOWN`], strict.
    pub signature: Signature,
}

/// A member declares that a seat's memory is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// Version 1.
    V1(LossV1),
}

/// Version 1 of [`Loss`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossV1 {
    /// The network's id.
    pub network: Digest,
    /// The epoch whose seat is lost.
    pub epoch: Epoch,
    /// The seat.
    pub seat: SeatNumber,
    /// Its validator's key.
    pub validator: PublicKey,
}

/// A loss with signatures of the member's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedLoss {
    /// The loss.
    pub loss: Loss,
    /// Under [`Tag::LOSS`], strictly ascending by key.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNATURES>")]
    pub signatures: Vec<KeySignature>,
}

/// The document: what the network builds on, and who goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recovery {
    /// Version 1.
    V1(RecoveryV1),
}

/// Version 1 of [`Recovery`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryV1 {
    /// The network's id.
    pub network: Digest,
    /// The recovery's number, from 1.
    pub number: u32,
    /// The epoch that ends.
    pub old_epoch: Epoch,
    /// The epoch that begins, one more.
    pub new_epoch: Epoch,
    /// The height of the block to build on; 0 for genesis.
    pub base: Height,
    /// Its hash; genesis's is the network's id.
    pub block: Digest,
    /// The committee of the new epoch.
    pub committee: Committee,
    /// The hash of stand-downs and losses.
    pub evidence: Digest,
}

/// A recovery with all that makes it valid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SignedRecovery {
    /// Version 1.
    V1(SignedRecoveryV1),
}

/// Version 1 of [`SignedRecovery`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedRecoveryV1 {
    /// The document.
    pub recovery: Recovery,
    /// Strictly ascending by validator.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_STAND_DOWNS>")]
    pub stand_downs: Vec<SignedStandDown>,
    /// Strictly ascending by seat.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_LOSSES>")]
    pub losses: Vec<SignedLoss>,
    /// Strictly ascending by member; no hash covers them.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_RECOVERY_MEMBERS>")]
    pub members: Vec<MemberSignatures>,
    /// One for each seat of the new committee, in its order; no hash covers them.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SEATS>")]
    pub validators: Vec<Signature>,
}

/// Signatures of a member's account under a recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberSignatures {
    /// The member.
    pub member: MemberNumber,
    /// Under [`Tag::RECOVERY`], strictly ascending by key.
    #[serde(deserialize_with = "bounded_vec::<_, _, MAX_SIGNATURES>")]
    pub signatures: Vec<KeySignature>,
}

impl StandDown {
    /// Version 1's fields.
    pub fn v1(&self) -> &StandDownV1 {
        let Self::V1(stand_down) = self;
        stand_down
    }

    /// The canonical bytes that are signed under [`Tag::STAND_DOWN`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// The stand-down, signed by its validator, whose key this must be.
    pub fn sign(self, validator: &SigningKey) -> SignedStandDown {
        let signature = sign_strict(validator, Tag::STAND_DOWN, &self.signed_bytes());
        SignedStandDown {
            stand_down: self,
            signature,
        }
    }
}

impl SignedStandDown {
    /// The signed stand-down whose canonical bytes these are. It is not yet checked.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        // The signature has no length of its own.
        decode(bytes, MAX_STAND_DOWN_BYTES + 64)
    }

    /// The stand-down's fields.
    pub fn v1(&self) -> &StandDownV1 {
        self.stand_down.v1()
    }
}

impl Loss {
    /// Version 1's fields.
    pub fn v1(&self) -> &LossV1 {
        let Self::V1(loss) = self;
        loss
    }

    /// The canonical bytes that are signed under [`Tag::LOSS`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// The loss, signed with keys of the member's account in any order; a key given twice signs once.
    pub fn sign<'a>(self, keys: impl IntoIterator<Item = &'a ClientSigningKey>) -> SignedLoss {
        let signatures = ascending(keys, Tag::LOSS, &self.signed_bytes());
        SignedLoss {
            loss: self,
            signatures,
        }
    }
}

impl SignedLoss {
    /// The loss's fields.
    pub fn v1(&self) -> &LossV1 {
        self.loss.v1()
    }
}

impl Recovery {
    /// Version 1's fields.
    pub fn v1(&self) -> &RecoveryV1 {
        let Self::V1(recovery) = self;
        recovery
    }

    /// The canonical bytes that are signed under [`Tag::RECOVERY`].
    pub fn signed_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// The document's hash, as the log and the state's mark have it.
    pub fn hash(&self) -> Digest {
        Tag::RECOVERY.hash(&self.signed_bytes())
    }

    /// The signature of a validator of the new committee.
    pub fn sign(&self, validator: &SigningKey) -> Signature {
        sign_strict(validator, Tag::RECOVERY, &self.signed_bytes())
    }

    /// A member's signatures, made with keys of its account in any order; a key given twice signs once.
    pub fn sign_for<'a>(
        &self,
        member: MemberNumber,
        keys: impl IntoIterator<Item = &'a ClientSigningKey>,
    ) -> MemberSignatures {
        let signatures = ascending(keys, Tag::RECOVERY, &self.signed_bytes());
        MemberSignatures { member, signatures }
    }
}

impl SignedRecovery {
    /// The signed recovery whose canonical bytes these are. It is not yet checked.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, MAX_RECOVERY_BYTES)
    }

    /// Version 1's fields.
    pub fn v1(&self) -> &SignedRecoveryV1 {
        let Self::V1(signed) = self;
        signed
    }

    /// The document's fields.
    pub fn recovery(&self) -> &RecoveryV1 {
        self.v1().recovery.v1()
    }

    /// The document's hash, as the log and the state's mark have it.
    pub fn document_hash(&self) -> Digest {
        self.v1().recovery.hash()
    }

    /// The hash of its stand-downs and losses: what `evidence` must be.
    pub fn evidence_hash(&self) -> Digest {
        let SignedRecoveryV1 {
            stand_downs, losses, ..
        } = self.v1();
        evidence_hash(stand_downs, losses)
    }

    /// Height and hash of the highest header that the stand-downs have certified; none if none has any:
    /// then the base is what came before the old epoch's first block.
    pub fn highest_certified(&self) -> Option<(Height, Digest)> {
        let certified = self.v1().stand_downs.iter();
        let certified = certified.filter_map(|signed| signed.v1().certified.as_ref());
        certified
            .max_by_key(|certified| certified.v1().height)
            .map(|certified| (certified.v1().height, certified.hash()))
    }

    /// The part that is over its limit, if one is: its name, its bytes, and how many it may have.
    pub(crate) fn over_limit(&self) -> Option<(&'static str, usize, usize)> {
        let whole = ("recovery", encoded_length(self), MAX_RECOVERY_BYTES);
        let stand_downs = self.v1().stand_downs.iter().map(|signed| {
            let length = encoded_length(&signed.stand_down);
            ("stand-down", length, MAX_STAND_DOWN_BYTES)
        });
        let mut parts = std::iter::once(whole).chain(stand_downs);
        parts.find(|(_, length, limit)| length > limit)
    }
}

/// The hash of stand-downs and losses in a recovery.
pub fn evidence_hash(stand_downs: &[SignedStandDown], losses: &[SignedLoss]) -> Digest {
    Tag::STAND_DOWNS.hash_parts(&[&encode(stand_downs), &encode(losses)])
}

/// Signatures under `tag` over `content`, strictly ascending by key.
fn ascending<'a>(
    keys: impl IntoIterator<Item = &'a ClientSigningKey>,
    tag: Tag,
    content: &[u8],
) -> Vec<KeySignature> {
    let mut signatures: Vec<KeySignature> = keys.into_iter().map(|key| key.sign(tag, content)).collect();
    signatures.sort_by_key(KeySignature::key);
    signatures.dedup_by_key(|signature| signature.key());
    signatures
}
