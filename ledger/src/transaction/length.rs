//! How long encodings are and where what is signed lies in them, without encoding anything again: whoever has decoded a
//! transaction has the bytes.

use std::ops::Range;

use quorate_crypto::{Key, KeySignature};

use super::{
    Act, Condition, ConditionLeaf, IntentV1, Operation, Place, Signers, Submission, Text, TextItem, Texts,
    Transaction,
};
use crate::governance::{Change, Scope};
use crate::primitives::AssetCode;

/// Bytes of an enum's variant, as long as there are fewer than 128.
const VARIANT: usize = 1;
const DIGEST: usize = 32;
const ADDRESS: usize = 20;
const AMOUNT: usize = 16;
const TIMESTAMP: usize = 8;
const SALT: usize = 16;
/// A validator's, node's or witness's.
const PUBLIC_KEY: usize = 32;
const SIGNATURE: usize = 64;
/// A member's or a seat's.
const NUMBER: usize = 4;
/// The owner, the transaction's id and the operation's index.
const HOLD_REF: usize = ADDRESS + DIGEST + 1;
/// Version, network, proposal, validator, height, block, lowest and highest.
const ATTESTATION: usize = VARIANT + DIGEST + 8 + PUBLIC_KEY + 8 + DIGEST + 4 + 4;
/// Version, ten `u32` and four `u64` (section 14).
const PARAMETERS: usize = VARIANT + 10 * 4 + 4 * 8;
/// Version, `strangers`, seven majorities, five `u64` and two `u32`.
const RULES: usize = VARIANT + 1 + 7 * VARIANT + 5 * 8 + 2 * 4;

impl Transaction {
    /// Bytes of the encoding.
    pub fn encoded_length(&self) -> usize {
        VARIANT + self.intent().encoded_length() + self.signatures_length()
    }

    /// Where in an encoding of `length` bytes lies what is signed ([`Self::signed_bytes`]).
    pub fn signed_range(&self, length: usize) -> Range<usize> {
        VARIANT..length - self.signatures_length()
    }

    fn signatures_length(&self) -> usize {
        let signatures = self.signatures();
        let bytes: usize = signatures.iter().map(of_key_signature).sum();
        of_length(signatures.len()) + bytes
    }
}

impl Submission {
    /// Bytes of the encoding.
    pub fn encoded_length(&self) -> usize {
        let texts = self.texts();
        let bytes: usize = texts.iter().map(Text::encoded_length).sum();
        VARIANT + self.transaction().encoded_length() + of_length(texts.len()) + bytes
    }
}

impl IntentV1 {
    /// Bytes of the encoding of the [`Intent`](super::Intent) that this is the content of.
    pub fn encoded_length(&self) -> usize {
        let operations: usize = self.operations.iter().map(Act::encoded_length).sum();
        VARIANT
            + DIGEST
            + of_length(self.parties.len())
            + self.parties.len() * ADDRESS
            + TIMESTAMP
            + SALT
            + of_length(self.operations.len())
            + operations
            + of_option(self.texts.as_ref().map(Texts::encoded_length))
    }
}

impl Act {
    fn encoded_length(&self) -> usize {
        1 + self.operation.encoded_length()
    }
}

impl Texts {
    fn encoded_length(&self) -> usize {
        of_places(&self.places) + DIGEST
    }
}

impl Text {
    /// Bytes of the encoding.
    pub fn encoded_length(&self) -> usize {
        SALT + of_bytes(self.text.len())
    }
}

impl TextItem {
    /// Bytes of the encoding.
    pub fn encoded_length(&self) -> usize {
        match self {
            Self::Shown(text) => VARIANT + text.encoded_length(),
            Self::Withheld { .. } => VARIANT + DIGEST,
        }
    }
}

impl Operation {
    fn encoded_length(&self) -> usize {
        let body = match self {
            Self::CreateAsset { code, .. } => of_code(code) + 1 + 1,
            Self::Mint { asset, .. } | Self::Transfer { asset, .. } => ADDRESS + of_code(asset) + AMOUNT,
            Self::Burn { asset, .. } => of_code(asset) + AMOUNT,
            Self::PutRecord { .. } => DIGEST + VARIANT,
            Self::SetSigners { signers } => signers.encoded_length(),
            Self::Rejoin { .. } => PUBLIC_KEY + DIGEST,
            Self::Hold { asset, condition, .. } => {
                ADDRESS + of_code(asset) + AMOUNT + TIMESTAMP + condition.encoded_length()
            }
            Self::Release {
                amount, preimages, ..
            } => {
                let amount = of_option(amount.map(|_| AMOUNT));
                HOLD_REF + amount + of_length(preimages.len()) + preimages.len() * DIGEST
            }
            Self::Refund { .. } => HOLD_REF,
            Self::Erase { intent, places } => of_bytes(intent.len()) + of_places(places),
            Self::Grant { scope, .. } | Self::Revoke { scope, .. } => of_grant(scope),
            Self::Freeze { asset, .. } | Self::Unfreeze { asset, .. } => of_freeze(asset.as_ref()),
            Self::Assign { member, .. } => ADDRESS + of_option(member.map(|_| NUMBER)),
            Self::Propose { change, .. } => change.encoded_length() + TIMESTAMP,
            Self::Vote { .. } => 8 + VARIANT,
            Self::Withdraw { .. } => 8,
            Self::Attest { .. } => ATTESTATION + SIGNATURE,
            Self::SetSeat {
                validator,
                node,
                witness,
                addresses,
                proofs,
                ..
            } => {
                let keys = [validator, node, witness].map(|key| of_option(key.map(|_| PUBLIC_KEY)));
                let addresses = of_option(addresses.as_deref().map(of_texts));
                NUMBER + keys.iter().sum::<usize>() + addresses + of_signatures(proofs.len())
            }
            Self::SetGuardians { guardians, .. } => {
                of_length(guardians.len()) + guardians.len() * ADDRESS + 1 + 8
            }
            Self::RequestSigners { signers, .. } => ADDRESS + signers.encoded_length(),
            Self::DecideRequest { .. } => ADDRESS + 1,
            Self::ReportDormant { .. } | Self::Answer { .. } => NUMBER,
            Self::DivideQuota { .. } => ADDRESS + 8 + 4,
        };
        VARIANT + body
    }
}

impl Condition {
    fn encoded_length(&self) -> usize {
        let of_leaf = |leaf: &ConditionLeaf| match leaf {
            ConditionLeaf::Signs(_) => VARIANT + ADDRESS,
            ConditionLeaf::From(_) => VARIANT + TIMESTAMP,
            ConditionLeaf::Preimage(_) => VARIANT + DIGEST,
            ConditionLeaf::Record { .. } => VARIANT + DIGEST + ADDRESS,
        };
        1 + of_length(self.leaves.len()) + self.leaves.iter().map(of_leaf).sum::<usize>()
    }
}

impl Signers {
    fn encoded_length(&self) -> usize {
        let signers = &self.signers;
        // The threshold, and a weight beside each key.
        4 + of_length(signers.len())
            + signers
                .iter()
                .map(|signer| of_key(&signer.key) + 2)
                .sum::<usize>()
    }
}

impl Change {
    /// Bytes of the encoding.
    pub(crate) fn encoded_length(&self) -> usize {
        let body = match self {
            Self::AdmitMember { name, .. } => of_bytes(name.len()) + ADDRESS,
            Self::ExpelMember(_) | Self::ReinstateMember(_) | Self::MemberLeaves(_) | Self::RemoveSeat(_) => {
                NUMBER
            }
            Self::AddSeat {
                addresses, proofs, ..
            } => NUMBER + 3 * PUBLIC_KEY + of_texts(addresses) + of_signatures(proofs.len()),
            Self::Parameters(_) => PARAMETERS,
            Self::Rules(_) => RULES,
            Self::Engine(_) => VARIANT,
            Self::Protocol(_) => 4,
            Self::Grant { scope, .. } | Self::Revoke { scope, .. } => of_grant(scope),
            Self::Quota { member, limit } => {
                of_option(member.map(|_| NUMBER)) + of_option(limit.map(|_| 8 + 4))
            }
            Self::Freeze { asset, .. } | Self::Unfreeze { asset, .. } => of_freeze(asset.as_ref()),
        };
        VARIANT + body
    }
}

/// Bytes of an account, a right and a scope.
fn of_grant(scope: &Scope) -> usize {
    let scope = match scope {
        Scope::Network => 0,
        Scope::Member(_) => NUMBER,
        Scope::Asset(asset) => of_code(asset),
    };
    ADDRESS + VARIANT + VARIANT + scope
}

/// Bytes of an account and perhaps an asset.
fn of_freeze(asset: Option<&AssetCode>) -> usize {
    ADDRESS + of_option(asset.map(of_code))
}

fn of_code(code: &AssetCode) -> usize {
    of_bytes(code.as_str().len())
}

fn of_key(key: &Key) -> usize {
    match key {
        Key::Ed25519(bytes) => VARIANT + bytes.len(),
        Key::P256(bytes) => VARIANT + bytes.len(),
    }
}

fn of_key_signature(signature: &KeySignature) -> usize {
    of_key(&signature.key()) + SIGNATURE
}

fn of_places(places: &[Place]) -> usize {
    let of_place = |place: &Place| match place {
        Place::Memo => VARIANT,
        Place::Operation { .. } => VARIANT + 1 + 1,
    };
    of_length(places.len()) + places.iter().map(of_place).sum::<usize>()
}

fn of_texts(texts: &[String]) -> usize {
    of_length(texts.len()) + texts.iter().map(|text| of_bytes(text.len())).sum::<usize>()
}

fn of_signatures(count: usize) -> usize {
    of_length(count) + count * SIGNATURE
}

/// Bytes of an option of something that has so many.
fn of_option(inner: Option<usize>) -> usize {
    1 + inner.unwrap_or(0)
}

/// Bytes of a text or byte string with its length.
fn of_bytes(length: usize) -> usize {
    of_length(length) + length
}

/// Bytes of the ULEB128 encoding of a sequence's length.
pub(crate) fn of_length(length: usize) -> usize {
    (usize::BITS - (length | 1).leading_zeros()).div_ceil(7) as usize
}
