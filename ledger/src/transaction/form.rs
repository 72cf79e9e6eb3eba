//! The form of a transaction (`docs/formats.md`, section 3, "well-formed"): all that can be judged from its bytes and
//! the epoch's parameters alone, except whether its signatures are good.
//!
//! What is well-formed once stays so: an intent that was is carried by an `erase` for ever.

use quorate_crypto::{Digest, Key};

use super::{IntentV1, Place, Transaction};
use crate::limits::{
    MAX_INTENT_WITH_TEXTS_BYTES, MAX_OPERATIONS, MAX_PARTIES, MAX_PLACES, MAX_SIGNATURE_COST, MAX_SIGNATURES,
};
use crate::parameters::ParametersV1;

mod operations;

pub use operations::OperationFormError;

/// Why a transaction is malformed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is for another network.
    #[error("the transaction is for network {got}, this is {expected}")]
    WrongNetwork {
        /// The network it names.
        got: Digest,
        /// This network.
        expected: Digest,
    },
    /// Too many bytes.
    #[error("the transaction has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Bytes of its encoding.
        length: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No party, or more than 16.
    #[error("the transaction has {count} parties, 1 to 16 are allowed")]
    PartyCount {
        /// Parties found.
        count: usize,
    },
    /// Parties out of order, or one twice.
    #[error("the parties after the sender are not strictly ascending")]
    PartiesUnordered,
    /// The sender is another party as well.
    #[error("the sender is a party twice")]
    SenderTwice,
    /// An operation of a party that there is not.
    #[error("operation {operation} is by party {party} of {count}, counted from 0")]
    PartyIndex {
        /// The operation's index, from 0.
        operation: usize,
        /// The party that it names.
        party: u8,
        /// Parties of the intent.
        count: usize,
    },
    /// No signature, or more than 64.
    #[error("the transaction has {count} signatures, 1 to 64 are allowed")]
    SignatureCount {
        /// Signatures found.
        count: usize,
    },
    /// Signatures out of order, or two of one key.
    #[error("the signatures are not strictly ascending by key")]
    SignaturesUnordered,
    /// Signatures that take too long to check.
    #[error("the signatures cost {cost} to check, at most 512 are allowed (Ed25519 is 1, P-256 is 20)")]
    SignatureCost {
        /// What they cost together.
        cost: u32,
    },
    /// A signature under a key that cannot be good: of small order, or no number that a key can have.
    #[error("the key {key} cannot be good")]
    Key {
        /// The key.
        key: Key,
    },
    /// No operation, or more than 256.
    #[error("the transaction has {count} operations, 1 to 256 are allowed")]
    OperationCount {
        /// Operations found.
        count: usize,
    },
    /// A malformed operation.
    #[error("operation {operation}: {error}")]
    Operation {
        /// Its index, from 0.
        operation: usize,
        /// What is wrong with it.
        error: OperationFormError,
    },
    /// Places that its texts cannot have.
    #[error("the places of the texts: {error}")]
    Places {
        /// What is wrong with them.
        error: PlacesError,
    },
    /// An intent with texts that no `erase` could carry.
    #[error("the intent has {length} bytes, with texts at most 16,384 are allowed")]
    IntentTooLong {
        /// Bytes of its encoding.
        length: usize,
    },
}

/// Why places of texts are malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacesError {
    /// None, or more than 513.
    #[error("there are {count} places, 1 to 513 are allowed")]
    Count {
        /// Places found.
        count: usize,
    },
    /// Places out of order, or one twice.
    #[error("the places are not strictly ascending")]
    Unordered,
    /// One at which no text is legal.
    #[error("no text belongs to the place {place}")]
    Illegal {
        /// The place.
        place: Place,
    },
    /// One that is to be erased and that the erased intent does not have.
    #[error("the intent has no text at the place {place}")]
    NotOfTheIntent {
        /// The place.
        place: Place,
    },
}

/// Whose form it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// An intent that would be executed.
    Own,
    /// One that an `erase` carries. Of an `erase` in it only lengths, counts and order are looked at, so nothing is
    /// decoded more than once, however deep they lie in each other.
    Carried,
}

impl FormError {
    /// The stable code of section 23.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongNetwork { .. } => "wrong_network",
            _ => "malformed_transaction",
        }
    }

    /// The stable reason of section 23; that of another network is its code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::WrongNetwork { .. } => "wrong_network",
            Self::TooLong { .. } => "too_long",
            Self::PartyCount { .. } | Self::PartiesUnordered | Self::SenderTwice => "parties",
            Self::PartyIndex { .. } => "party_index",
            Self::SignatureCount { .. } | Self::SignaturesUnordered => "signatures",
            Self::SignatureCost { .. } => "signature_cost",
            Self::Key { .. } => "key",
            Self::OperationCount { .. } => "operations",
            Self::Operation { error, .. } => error.reason(),
            Self::Places { .. } => "places",
            Self::IntentTooLong { .. } => "intent_too_long",
        }
    }
}

impl Transaction {
    /// Checks all that can be judged from the bytes and the epoch's parameters, except the signatures.
    pub fn check_form(&self, network: &Digest, parameters: &ParametersV1) -> Result<(), FormError> {
        self.check_form_of_length(self.encoded_length(), network, parameters)
    }

    /// Does the same for a transaction whose encoding is known to have `length` bytes.
    pub fn check_form_of_length(
        &self,
        length: usize,
        network: &Digest,
        parameters: &ParametersV1,
    ) -> Result<(), FormError> {
        let intent = self.intent();
        intent.check_network(network)?;
        let limit = parameters.max_transaction_bytes as usize;
        if length > limit {
            return Err(FormError::TooLong { length, limit });
        }
        intent.check_parties()?;
        self.check_signature_keys()?;
        intent.check_contents(network, Standing::Own)
    }

    fn check_signature_keys(&self) -> Result<(), FormError> {
        let signatures = self.signatures();
        let count = signatures.len();
        if !(1..=MAX_SIGNATURES).contains(&count) {
            return Err(FormError::SignatureCount { count });
        }
        if !signatures.is_sorted_by(|a, b| a.key() < b.key()) {
            return Err(FormError::SignaturesUnordered);
        }
        let cost = self.signature_cost();
        if cost > MAX_SIGNATURE_COST {
            return Err(FormError::SignatureCost { cost });
        }
        let mut keys = signatures.iter().map(|signature| signature.key());
        match keys.find(|key| !key.is_of_good_form()) {
            Some(key) => Err(FormError::Key { key }),
            None => Ok(()),
        }
    }
}

impl IntentV1 {
    /// Checks that it is of `network`, and its parties, operations and places: what section 3's points 2, 4 and 5 ask.
    pub fn check_form(&self, network: &Digest) -> Result<(), FormError> {
        self.check(network, Standing::Own)
    }

    fn check(&self, network: &Digest, standing: Standing) -> Result<(), FormError> {
        self.check_network(network)?;
        self.check_parties()?;
        self.check_contents(network, standing)
    }

    fn check_network(&self, network: &Digest) -> Result<(), FormError> {
        if self.network == *network {
            Ok(())
        } else {
            Err(FormError::WrongNetwork {
                got: self.network,
                expected: *network,
            })
        }
    }

    fn check_parties(&self) -> Result<(), FormError> {
        let count = self.parties.len();
        if !(1..=MAX_PARTIES).contains(&count) {
            return Err(FormError::PartyCount { count });
        }
        let (sender, others) = (self.sender(), &self.parties[1..]);
        if !others.is_sorted_by(|a, b| a < b) {
            return Err(FormError::PartiesUnordered);
        }
        if others.contains(&sender) {
            return Err(FormError::SenderTwice);
        }
        let mut acts = self.operations.iter().enumerate();
        match acts.find(|(_, act)| usize::from(act.party) >= count) {
            Some((operation, act)) => Err(FormError::PartyIndex {
                operation,
                party: act.party,
                count,
            }),
            None => Ok(()),
        }
    }

    /// Checks operations and places of an intent whose parties were checked.
    fn check_contents(&self, network: &Digest, standing: Standing) -> Result<(), FormError> {
        let count = self.operations.len();
        if !(1..=MAX_OPERATIONS).contains(&count) {
            return Err(FormError::OperationCount { count });
        }
        for (operation, act) in self.operations.iter().enumerate() {
            act.operation
                .check_form(self.acting(act), network, standing)
                .map_err(|error| FormError::Operation { operation, error })?;
        }
        let Some(texts) = &self.texts else {
            return Ok(());
        };
        self.check_places(&texts.places)
            .map_err(|error| FormError::Places { error })?;
        let length = self.encoded_length();
        if length > MAX_INTENT_WITH_TEXTS_BYTES {
            return Err(FormError::IntentTooLong { length });
        }
        Ok(())
    }

    fn check_places(&self, places: &[Place]) -> Result<(), PlacesError> {
        check_order(places)?;
        match places.iter().find(|place| !place.legal_for(self)) {
            Some(place) => Err(PlacesError::Illegal { place: *place }),
            None => Ok(()),
        }
    }
}

/// Checks that there are 1 to 513 places, strictly ascending.
fn check_order(places: &[Place]) -> Result<(), PlacesError> {
    let count = places.len();
    if !(1..=MAX_PLACES).contains(&count) {
        Err(PlacesError::Count { count })
    } else if !places.is_sorted_by(|a, b| a < b) {
        Err(PlacesError::Unordered)
    } else {
        Ok(())
    }
}
