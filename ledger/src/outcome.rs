//! Outcomes: what became of an executed transaction (`docs/formats.md`, sections 8 and 10). Codes are
//! frozen, as they are in the log.

use std::fmt;

use quorate_crypto::bounded::bounded_vec;
use serde::de::{Error as DecodingError, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Amount;
use crate::limits::MAX_RESULTS;

/// Success, or the code and the place of the first failing operation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// All operations took effect.
    Success {
        /// The amount paid for each `release` and `refund`, in the order of operations; for other operations
        /// nothing.
        #[serde(deserialize_with = "bounded_vec::<_, _, MAX_RESULTS>")]
        results: Vec<Amount>,
    },
    /// None took effect.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The failing operation's index, from 0.
        operation: u8,
    },
}

/// Why an operation failed. Numbers and names are frozen. A code that this program does not know is a
/// failure like all others.
///
/// In text formats a code is its name, or its number if it is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub u16);

/// The table of codes: number, constant, name, words.
macro_rules! codes {
    ($($number:literal $constant:ident $name:literal $words:literal;)*) => {
        impl ErrorCode {
            $(
                #[doc = concat!("`", $name, "`: ", $words, ".")]
                pub const $constant: Self = Self($number);
            )*

            /// Every code that this program knows, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$constant),*];

            /// The name in the API, in snake case, if the code is known.
            pub fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($name),)*
                    _ => None,
                }
            }

            /// What it says, in words for people, if the code is known.
            pub fn words(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($words),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    1 UNKNOWN_ASSET "unknown_asset" "no asset has this code";
    2 ASSET_EXISTS "asset_exists" "an asset with this code exists already";
    3 INSUFFICIENT_BALANCE "insufficient_balance" "the free balance is smaller than the amount";
    4 NOT_ISSUER "not_issuer" "only the asset's issuer may mint it";
    5 SUPPLY_OVERFLOW "supply_overflow" "the asset's supply would reach 10^38";
    7 TOO_MANY_DECIMALS "too_many_decimals" "an asset has at most 18 decimals";
    8 THRESHOLD_UNREACHABLE "threshold_unreachable" "the threshold is zero, or the signers do not reach it";
    9 INVALID_KEY "invalid_key" "a key is not a point of its curve, or its proof is not good";
    10 TOO_MANY_BALANCES "too_many_balances" "the recipient holds as many different assets as an account may";
    11 UNKNOWN_VALIDATOR "unknown_validator" "no seat has this validator's key";
    12 NOT_ITS_MEMBER "not_its_member" "only the account of the validator's member may let it rejoin";
    13 REJOIN_TOO_SOON "rejoin_too_soon" "the validator rejoined too short a while ago, by the chain's time";
    14 NOT_YET "not_yet" "this operation is not performed yet";
    15 RECORD_EXISTS "record_exists" "the account has recorded this hash already";
    16 RECORD_TAKEN "record_taken" "this hash is claimed already";
    17 KEY_TAKEN "key_taken" "the key is taken by something else";
    18 BAD_UNTIL "bad_until" "the hold would end at once, or too late";
    19 FROZEN "frozen" "the account is frozen, wholly or for the asset";
    20 NOT_ADMITTED "not_admitted" "the recipient is not admitted to hold the asset";
    21 NOT_PERMITTED "not_permitted" "the account may not do this";
    22 UNKNOWN_HOLD "unknown_hold" "there is no such hold, or it is closed";
    23 HOLD_ENDED "hold_ended" "the hold has ended, and can be refunded only";
    24 HOLD_NOT_ENDED "hold_not_ended" "the hold has not ended, and its beneficiary does not give it up";
    25 CONDITION_UNMET "condition_unmet" "the hold's condition is not met";
    26 NEEDLESS_PREIMAGE "needless_preimage" "a preimage is of no hash in the hold's condition";
    27 EXCEEDS_HOLD "exceeds_hold" "the amount is larger than what is left of the hold";
    28 NOT_NAMED "not_named" "the account is not named in the transaction, and may not erase its texts";
    29 ALREADY_ERASED "already_erased" "a text is erased already";
    30 BENEFICIARY_NOT_PARTY "beneficiary_not_party" "the beneficiary must be a party of a release of a part";
    31 TOO_MANY_HOLDS "too_many_holds" "the account has as many open holds as an account may";
    64 UNKNOWN_MEMBER "unknown_member" "there is no such member";
    65 UNKNOWN_PROPOSAL "unknown_proposal" "there is no such proposal";
    66 PROPOSAL_CLOSED "proposal_closed" "the proposal is not open any more";
    67 NOT_IN_ELECTORATE "not_in_electorate" "the member may not vote on this proposal";
    68 ALREADY_SO "already_so" "it is so already";
    69 WOULD_STRAND "would_strand" "nobody could administer the member, or propose anything, after this";
    70 UNATTESTED "unattested" "too few validators of the new committee have shown that they are live";
    71 TOO_MANY_PROPOSALS "too_many_proposals" "the member has as many open proposals as a member may";
    72 NAME_TAKEN "name_taken" "the name is taken, or was";
    73 BAD_ATTESTATION "bad_attestation" "the attestation is not good, or names no recent block";
    74 TOO_WEAK "too_weak" "fewer would be asked for than the rules allow";
    75 UNKNOWN_SEAT "unknown_seat" "there is no such seat";
    76 TOO_SOON "too_soon" "it is too soon for this";
    77 OVER_SHARE "over_share" "a member would have more than its share";
    78 TOO_MANY_MEMBERS "too_many_members" "there are as many members as there may be";
}

impl ErrorCode {
    /// The number on the chain.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words() {
            Some(words) => f.write_str(words),
            None => write!(
                f,
                "a failure with code {}, which this program does not know",
                self.0
            ),
        }
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.name() {
            Some(name) if serializer.is_human_readable() => serializer.serialize_str(name),
            _ => serializer.serialize_u16(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(TextForm)
        } else {
            u16::deserialize(deserializer).map(Self)
        }
    }
}

/// Reads a code's name, or the number of one without a name.
struct TextForm;

impl Visitor<'_> for TextForm {
    type Value = ErrorCode;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error code's name, or its number if it has no name")
    }

    fn visit_str<E: DecodingError>(self, text: &str) -> Result<ErrorCode, E> {
        let mut known = ErrorCode::ALL.iter();
        known
            .find(|code| code.name() == Some(text))
            .copied()
            .ok_or_else(|| E::custom("unknown error code"))
    }

    fn visit_u64<E: DecodingError>(self, number: u64) -> Result<ErrorCode, E> {
        match u16::try_from(number).map(ErrorCode) {
            Ok(code) if code.name().is_none() => Ok(code),
            _ => Err(E::custom("not the number of an error code without a name")),
        }
    }

    fn visit_i64<E: DecodingError>(self, number: i64) -> Result<ErrorCode, E> {
        let number = u64::try_from(number).map_err(|_| E::custom("an error code is not negative"))?;
        self.visit_u64(number)
    }
}
