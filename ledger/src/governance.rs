//! What governs a network (`docs/formats.md`, section 15): rights and their scopes, what proposals change, ballots
//! and attestations, as operations name them. They are executed from the second protocol on; their form is fixed now.

use std::fmt;
use std::str::FromStr;

use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{
    Address, Digest, Engine, Height, Key, MemberNumber, PublicKey, SeatNumber, Signature, SigningKey, Tag,
    sign_strict, verify_strict,
};
use serde::{Deserialize, Serialize};

use crate::codec::encode;
use crate::limits::{MAX_ADDRESSES, MAX_CHANGE_BYTES, MAX_KEY_PROOFS, MAX_NAME_BYTES};
use crate::parameters::{ParameterError, Parameters};
use crate::primitives::AssetCode;
use crate::rules::Rules;
use crate::text::is_name;

mod addresses;

pub use addresses::{AddressesError, check_addresses, is_listener};

/// What an account may do beyond what every account may. The order of the variants is frozen; the first five are roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Right {
    /// Acts for a member.
    #[serde(rename = "administrator")]
    Administrate,
    /// Operates a member's seats.
    #[serde(rename = "operator")]
    Operate,
    /// Reads what auditors read.
    #[serde(rename = "auditor")]
    Audit,
    /// Takes part without being a member's.
    #[serde(rename = "participant")]
    Participate,
    /// Creates assets.
    #[serde(rename = "issuer")]
    CreateAsset,
    /// Mints an asset.
    #[serde(rename = "mint")]
    Mint,
    /// Freezes accounts.
    #[serde(rename = "freeze")]
    Freeze,
    /// Puts records with a leaf.
    #[serde(rename = "put-record")]
    PutRecord,
    /// Holds an asset whose holders need admission.
    #[serde(rename = "hold-asset")]
    HoldAsset,
    /// Erases others' texts.
    #[serde(rename = "erase")]
    Erase,
}

/// A text that names no right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a right is administrator, operator, auditor, participant, issuer, mint, freeze, put-record, hold-asset or erase"
)]
pub struct NotARight;

/// Where a right holds. The order of the variants is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Everywhere: granted by genesis or ballot alone.
    Network,
    /// For a member: granted by its account or an administrator of it.
    Member(MemberNumber),
    /// For an asset: granted by its issuer.
    Asset(AssetCode),
}

/// A member's vote on a proposal. The order of the variants is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ballot {
    /// For it.
    Yes,
    /// Against it.
    No,
    /// No vote any more.
    Withdrawn,
}

/// What a member, or accounts without one, may use each day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// Bytes.
    pub bytes: u64,
    /// New leaves of the state.
    pub leaves: u32,
}

/// What a proposal would change. The order of the variants is frozen. At most 4,096 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A new member.
    AdmitMember {
        /// Its name.
        name: String,
        /// Its account.
        account: Address,
    },
    /// A member is expelled.
    ExpelMember(MemberNumber),
    /// A dormant member is active again.
    ReinstateMember(MemberNumber),
    /// A member leaves.
    MemberLeaves(MemberNumber),
    /// A new seat in the committee.
    AddSeat {
        /// Whose.
        member: MemberNumber,
        /// Signs votes, batches and seals.
        validator: PublicKey,
        /// The libp2p identity.
        node: PublicKey,
        /// Signs checkpoints.
        witness: PublicKey,
        /// Where others reach it.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_ADDRESSES>")]
        addresses: Vec<String>,
        /// Three, by validator, node and witness in this order, over the seat's [`SeatKeys`].
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_KEY_PROOFS>")]
        proofs: Vec<Signature>,
    },
    /// A seat leaves the committee.
    RemoveSeat(SeatNumber),
    /// Other parameters.
    Parameters(Parameters),
    /// Other rules.
    Rules(Rules),
    /// Another engine.
    Engine(Engine),
    /// Another version of the protocol.
    Protocol(u32),
    /// A right is granted.
    Grant {
        /// To whom.
        account: Address,
        /// What.
        right: Right,
        /// Where.
        scope: Scope,
    },
    /// A right is taken back.
    Revoke {
        /// From whom.
        account: Address,
        /// What.
        right: Right,
        /// Where.
        scope: Scope,
    },
    /// A quota of its own, or again that of the rules.
    Quota {
        /// Whose; none: all accounts without a member together.
        member: Option<MemberNumber>,
        /// How much; none: what the rules say.
        limit: Option<Limit>,
    },
    /// An account is frozen.
    Freeze {
        /// The account.
        account: Address,
        /// For this asset; none: wholly.
        asset: Option<AssetCode>,
    },
    /// It is no longer frozen.
    Unfreeze {
        /// The account.
        account: Address,
        /// For this asset; none: wholly.
        asset: Option<AssetCode>,
    },
}

/// A validator's word that it runs a proposed protocol.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attestation {
    /// Version 1.
    V1(AttestationV1),
}

/// Version 1 of [`Attestation`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationV1 {
    /// The network's id.
    pub network: Digest,
    /// The proposal's number.
    pub proposal: u64,
    /// The seat's key, which signs.
    pub validator: PublicKey,
    /// A block's height, at or after the one that made the proposal.
    pub height: Height,
    /// That block's hash.
    pub block: Digest,
    /// The lowest protocol that the validator's program knows.
    pub lowest: u32,
    /// The highest one.
    pub highest: u32,
}

/// A seat's keys, as each new one of them signs them. They name network and member, so the proof of a seat is none for
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatKeys {
    /// The network's id.
    pub network: Digest,
    /// Whose seat.
    pub member: MemberNumber,
    /// Signs votes, batches and seals.
    pub validator: PublicKey,
    /// The libp2p identity.
    pub node: PublicKey,
    /// Signs checkpoints.
    pub witness: PublicKey,
}

/// Why a change is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// More than 4,096 bytes.
    #[error("the change has {length} bytes, at most 4,096 are allowed")]
    TooLong {
        /// Bytes of its encoding.
        length: usize,
    },
    /// A name that nobody may have.
    #[error("a member's name is 1 to 32 of A–Z a–z 0–9 . - _, beginning with neither . nor -")]
    NotAName,
    /// Not as many proofs as keys.
    #[error("a new seat has three proofs, not {count}")]
    ProofCount {
        /// Proofs found.
        count: usize,
    },
    /// Addresses at which nobody can be reached.
    #[error("{0}")]
    Addresses(AddressesError),
    /// A parameter or a rule outside its range.
    #[error("{0}")]
    OutOfRange(ParameterError),
    /// A right that does not exist in this scope.
    #[error("{0}")]
    Scope(ScopeError),
}

/// A right in a scope that it cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the right {right} cannot have the scope {scope}")]
pub struct ScopeError {
    /// The right.
    pub right: Right,
    /// The scope.
    pub scope: Scope,
}

impl Right {
    /// All rights, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Administrate,
        Self::Operate,
        Self::Audit,
        Self::Participate,
        Self::CreateAsset,
        Self::Mint,
        Self::Freeze,
        Self::PutRecord,
        Self::HoldAsset,
        Self::Erase,
    ];

    /// Its number, as in encodings and state keys.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Its name in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrate => "administrator",
            Self::Operate => "operator",
            Self::Audit => "auditor",
            Self::Participate => "participant",
            Self::CreateAsset => "issuer",
            Self::Mint => "mint",
            Self::Freeze => "freeze",
            Self::PutRecord => "put-record",
            Self::HoldAsset => "hold-asset",
            Self::Erase => "erase",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Right {
    type Err = NotARight;

    fn from_str(text: &str) -> Result<Self, NotARight> {
        let right = Self::ALL.into_iter().find(|right| right.name() == text);
        right.ok_or(NotARight)
    }
}

impl Scope {
    /// Its number, as in encodings and state keys.
    pub fn number(&self) -> u8 {
        match self {
            Self::Network => 0,
            Self::Member(_) => 1,
            Self::Asset(_) => 2,
        }
    }

    /// Whether `right` can be granted in this scope.
    pub fn legal_for(&self, right: Right) -> bool {
        match right {
            Right::Administrate | Right::Operate => matches!(self, Self::Member(_)),
            Right::Audit | Right::CreateAsset => matches!(self, Self::Network | Self::Member(_)),
            Right::Participate | Right::PutRecord | Right::Erase => matches!(self, Self::Network),
            Right::Mint | Right::HoldAsset => matches!(self, Self::Asset(_)),
            Right::Freeze => matches!(self, Self::Network | Self::Asset(_)),
        }
    }

    /// Checks that `right` can be granted in this scope.
    pub fn check_legal_for(&self, right: Right) -> Result<(), ScopeError> {
        if self.legal_for(right) {
            Ok(())
        } else {
            Err(ScopeError { right, scope: *self })
        }
    }
}

/// `network`, `member 3` or `asset EUR`, for messages; genesis documents have a member's name instead.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network => f.write_str("network"),
            Self::Member(member) => write!(f, "member {}", member.0),
            Self::Asset(asset) => write!(f, "asset {asset}"),
        }
    }
}

impl Change {
    /// What wallets and members know a change by.
    pub fn digest(&self) -> Digest {
        Tag::CHANGE.hash(&encode(self))
    }

    /// Checks all that its bytes show: its length, the ranges of parameters and rules, scopes, the name, the addresses,
    /// and the number of proofs. Whether these are good shows in execution.
    pub fn check_form(&self) -> Result<(), ChangeError> {
        let length = self.encoded_length();
        if length > MAX_CHANGE_BYTES {
            return Err(ChangeError::TooLong { length });
        }
        match self {
            Self::AdmitMember { name, .. } if !is_name(name, MAX_NAME_BYTES) => Err(ChangeError::NotAName),
            Self::AddSeat {
                addresses, proofs, ..
            } => match proofs.len() {
                MAX_KEY_PROOFS => check_addresses(addresses).map_err(ChangeError::Addresses),
                count => Err(ChangeError::ProofCount { count }),
            },
            Self::Parameters(parameters) => parameters.check().map_err(ChangeError::OutOfRange),
            Self::Rules(rules) => rules.check().map_err(ChangeError::OutOfRange),
            Self::Grant { right, scope, .. } | Self::Revoke { right, scope, .. } => {
                scope.check_legal_for(*right).map_err(ChangeError::Scope)
            }
            Self::AdmitMember { .. }
            | Self::ExpelMember(_)
            | Self::ReinstateMember(_)
            | Self::MemberLeaves(_)
            | Self::RemoveSeat(_)
            | Self::Engine(_)
            | Self::Protocol(_)
            | Self::Quota { .. }
            | Self::Freeze { .. }
            | Self::Unfreeze { .. } => Ok(()),
        }
    }
}

impl ChangeError {
    /// The stable reason of section 23.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Scope(_) => "scope",
            Self::TooLong { .. }
            | Self::NotAName
            | Self::ProofCount { .. }
            | Self::Addresses(_)
            | Self::OutOfRange(_) => "change",
        }
    }
}

impl Attestation {
    /// Version 1's fields.
    pub fn v1(&self) -> &AttestationV1 {
        let Self::V1(attestation) = self;
        attestation
    }

    /// The signature of the seat's validator key, whose secret half this must be.
    pub fn sign(&self, key: &SigningKey) -> Signature {
        sign_strict(key, Tag::ATTESTATION, &encode(self))
    }

    /// Whether the validator that it names has signed it.
    pub fn is_signed_by_its_validator(&self, signature: &Signature) -> bool {
        verify_strict(&self.v1().validator, Tag::ATTESTATION, &encode(self), signature)
    }
}

impl SeatKeys {
    /// The proof of one of these keys, whose secret half this must be.
    pub fn prove(&self, key: &SigningKey) -> Signature {
        sign_strict(key, Tag::SEAT_KEYS, &encode(self))
    }

    /// Whether `key` is good, and `proof` its own for this seat.
    pub fn is_good_proof(&self, key: &PublicKey, proof: &Signature) -> bool {
        Key::from(*key).is_good() && self.is_proven_by(key, proof)
    }

    /// Whether `proof` is that of `key` for this seat.
    pub fn is_proven_by(&self, key: &PublicKey, proof: &Signature) -> bool {
        verify_strict(key, Tag::SEAT_KEYS, &encode(self), proof)
    }
}
