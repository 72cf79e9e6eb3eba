//! The form of operations: the table of section 3, and the definitions of the types in it.

use quorate_crypto::{Address, Digest};

use super::{FormError, PlacesError, Standing, check_order};
use crate::codec::DecodeError;
use crate::governance::{AddressesError, ChangeError, ScopeError, check_addresses};
use crate::limits::{ASSET_FLAGS_LIMIT, MAX_GUARDIANS, MAX_INTENT_WITH_TEXTS_BYTES, MAX_PREIMAGES};
use crate::primitives::Amount;
use crate::transaction::{ConditionError, Intent, Operation, Place, SignersError};

/// Why an operation is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationFormError {
    /// Nothing, or 10^38 and more.
    #[error("the amount is {amount}, in smallest units above 0 and below 10^38 are allowed")]
    Amount {
        /// The amount.
        amount: Amount,
    },
    /// Flags that an asset cannot have.
    #[error("the asset's flags are {flags}, 0 to 3 are allowed")]
    Flags {
        /// The flags.
        flags: u8,
    },
    /// Signers that no account can have.
    #[error("{0}")]
    Signers(SignersError),
    /// A hold of the acting party for itself.
    #[error("the beneficiary of a hold is another than its owner")]
    OwnHold,
    /// A condition that means nothing.
    #[error("{0}")]
    Condition(ConditionError),
    /// More than 8 preimages.
    #[error("there are {count} preimages, at most 8 are allowed")]
    PreimageCount {
        /// Preimages found.
        count: usize,
    },
    /// Preimages out of order, or one twice.
    #[error("the preimages are not strictly ascending")]
    PreimagesUnordered,
    /// No bytes of an intent, or too many.
    #[error("the intent to be erased from has {length} bytes, 1 to 16,384 are allowed")]
    CarriedLength {
        /// Bytes found.
        length: usize,
    },
    /// Bytes that are not an intent.
    #[error("the intent to be erased from cannot be read: {0}")]
    CarriedEncoding(DecodeError),
    /// An intent from which nothing can be erased.
    #[error("the intent to be erased from has no texts")]
    CarriedWithoutTexts,
    /// An intent that never was well-formed.
    #[error("the intent to be erased from: {0}")]
    CarriedForm(Box<FormError>),
    /// Places that cannot be erased.
    #[error("the places to be erased: {0}")]
    Places(PlacesError),
    /// A right in a scope that it cannot have.
    #[error("{0}")]
    Scope(ScopeError),
    /// A change that means nothing.
    #[error("{0}")]
    Change(ChangeError),
    /// A seat that would stay as it is.
    #[error("there is neither a new key nor are there new addresses for the seat")]
    NothingSet,
    /// Not one proof for each new key.
    #[error("there are {count} proofs for {keys} new keys")]
    ProofCount {
        /// Proofs found.
        count: usize,
        /// New keys.
        keys: usize,
    },
    /// Addresses at which nobody can be reached.
    #[error("{0}")]
    Addresses(AddressesError),
    /// More than 16 guardians.
    #[error("there are {count} guardians, at most 16 are allowed")]
    GuardianCount {
        /// Guardians found.
        count: usize,
    },
    /// Guardians out of order, or one twice.
    #[error("the guardians are not strictly ascending")]
    GuardiansUnordered,
    /// A number of guardians that cannot agree.
    #[error("{threshold} of {count} guardians must agree: 1 to their number is allowed, without guardians 0")]
    GuardianThreshold {
        /// How many must agree.
        threshold: u8,
        /// How many there are.
        count: usize,
    },
}

use OperationFormError as Error;

impl OperationFormError {
    /// The stable reason of section 23.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Amount { .. } => "amount",
            Self::Signers(_) => "signers",
            Self::Condition(_) => "condition",
            Self::PreimageCount { .. } | Self::PreimagesUnordered => "preimages",
            Self::CarriedLength { length } if *length > 0 => "intent_too_long",
            Self::CarriedLength { .. }
            | Self::CarriedEncoding(_)
            | Self::CarriedWithoutTexts
            | Self::CarriedForm(_) => "encoding",
            Self::Places(_) => "places",
            Self::Scope(_) => "scope",
            Self::Change(error) => error.reason(),
            Self::Flags { .. }
            | Self::OwnHold
            | Self::NothingSet
            | Self::ProofCount { .. }
            | Self::Addresses(_)
            | Self::GuardianCount { .. }
            | Self::GuardiansUnordered
            | Self::GuardianThreshold { .. } => "operations",
        }
    }
}

impl Operation {
    /// Checks the operation by itself; `acting` is who acts in it.
    pub(super) fn check_form(
        &self,
        acting: Option<Address>,
        network: &Digest,
        standing: Standing,
    ) -> Result<(), Error> {
        match self {
            Self::CreateAsset { flags, .. } => {
                ensure(*flags < ASSET_FLAGS_LIMIT, || Error::Flags { flags: *flags })
            }
            Self::Mint { amount, .. } | Self::Burn { amount, .. } | Self::Transfer { amount, .. } => {
                check_amount(*amount)
            }
            Self::SetSigners { signers } | Self::RequestSigners { signers, .. } => {
                signers.check_form().map_err(Error::Signers)
            }
            Self::Hold {
                beneficiary,
                amount,
                condition,
                ..
            } => {
                check_amount(*amount)?;
                ensure(acting != Some(*beneficiary), || Error::OwnHold)?;
                condition.check_form().map_err(Error::Condition)
            }
            Self::Release {
                amount, preimages, ..
            } => {
                amount.map_or(Ok(()), check_amount)?;
                check_preimages(preimages)
            }
            Self::Erase { intent, places } => check_erase(intent, places, network, standing),
            Self::Grant { right, scope, .. } | Self::Revoke { right, scope, .. } => {
                scope.check_legal_for(*right).map_err(Error::Scope)
            }
            Self::Propose { change, .. } => change.check_form().map_err(Error::Change),
            Self::SetSeat {
                validator,
                node,
                witness,
                addresses,
                proofs,
                ..
            } => {
                let keys = [validator, node, witness].into_iter().flatten().count();
                check_seat(keys, addresses.as_deref(), proofs.len())
            }
            Self::SetGuardians {
                guardians, threshold, ..
            } => check_guardians(guardians, *threshold),
            Self::PutRecord { .. }
            | Self::Rejoin { .. }
            | Self::Refund { .. }
            | Self::Freeze { .. }
            | Self::Unfreeze { .. }
            | Self::Assign { .. }
            | Self::Vote { .. }
            | Self::Withdraw { .. }
            | Self::Attest { .. }
            | Self::DecideRequest { .. }
            | Self::ReportDormant { .. }
            | Self::Answer { .. }
            | Self::DivideQuota { .. } => Ok(()),
        }
    }
}

fn ensure(holds: bool, error: impl FnOnce() -> Error) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(error()) }
}

fn check_amount(amount: Amount) -> Result<(), Error> {
    ensure(amount.is_in_range(), || Error::Amount { amount })
}

fn check_preimages(preimages: &[[u8; 32]]) -> Result<(), Error> {
    let count = preimages.len();
    ensure(count <= MAX_PREIMAGES, || Error::PreimageCount { count })?;
    ensure(preimages.is_sorted_by(|a, b| a < b), || Error::PreimagesUnordered)
}

/// An intent that is carried is decoded and looked at; one that is carried by a carried one is not.
fn check_erase(intent: &[u8], places: &[Place], network: &Digest, standing: Standing) -> Result<(), Error> {
    let length = intent.len();
    ensure((1..=MAX_INTENT_WITH_TEXTS_BYTES).contains(&length), || {
        Error::CarriedLength { length }
    })?;
    check_order(places).map_err(Error::Places)?;
    if standing == Standing::Carried {
        return Ok(());
    }
    let carried = Intent::decode_carried(intent).map_err(Error::CarriedEncoding)?;
    let carried = carried.v1();
    let texts = carried.texts.as_ref().ok_or(Error::CarriedWithoutTexts)?;
    carried
        .check(network, Standing::Carried)
        .map_err(|error| Error::CarriedForm(Box::new(error)))?;
    // Its places were just seen to be strictly ascending.
    match places
        .iter()
        .find(|place| texts.places.binary_search(place).is_err())
    {
        Some(place) => Err(Error::Places(PlacesError::NotOfTheIntent { place: *place })),
        None => Ok(()),
    }
}

fn check_seat(keys: usize, addresses: Option<&[String]>, proofs: usize) -> Result<(), Error> {
    ensure(keys > 0 || addresses.is_some(), || Error::NothingSet)?;
    ensure(proofs == keys, || Error::ProofCount { count: proofs, keys })?;
    match addresses {
        Some(addresses) => check_addresses(addresses).map_err(Error::Addresses),
        None => Ok(()),
    }
}

fn check_guardians(guardians: &[Address], threshold: u8) -> Result<(), Error> {
    let count = guardians.len();
    ensure(count <= MAX_GUARDIANS, || Error::GuardianCount { count })?;
    ensure(guardians.is_sorted_by(|a, b| a < b), || Error::GuardiansUnordered)?;
    let needed = usize::from(threshold);
    // Without guardians nobody must agree; with them somebody must, and can.
    let can_agree = needed <= count && (needed > 0) == (count > 0);
    ensure(can_agree, || Error::GuardianThreshold { threshold, count })
}
