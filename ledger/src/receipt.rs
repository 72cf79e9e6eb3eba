//! Receipts: what became of an executed transaction. Codes are frozen, as they are hashed.

use quorate_crypto::Digest;
use serde::{Deserialize, Serialize};

/// What became of one executed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Receipt {
    /// Version 1.
    V1(ReceiptV1),
}

/// Version 1 of [`Receipt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptV1 {
    /// The transaction's id.
    pub transaction: Digest,
    /// Success, or why not.
    pub outcome: Outcome,
}

/// Success, or the code and the place of the first failing operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// All operations took effect.
    Success,
    /// None took effect.
    Failed {
        /// Why.
        code: ErrorCode,
        /// The failing operation's index, from 0.
        operation: u16,
    },
}

/// Why an operation failed. The numbers and names are frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[repr(u16)]
pub enum ErrorCode {
    /// No asset has this code.
    #[error("no asset has this code")]
    UnknownAsset = 1,
    /// An asset with this code exists.
    #[error("an asset with this code exists already")]
    AssetExists = 2,
    /// The sender holds less than the amount.
    #[error("the sender's balance is smaller than the amount")]
    InsufficientBalance = 3,
    /// Only the issuer may do this.
    #[error("only the asset's issuer may mint it")]
    NotIssuer = 4,
    /// The supply would not fit into 128 bits.
    #[error("the asset's supply would exceed the largest amount")]
    SupplyOverflow = 5,
    /// A balance would not fit into 128 bits.
    #[error("the recipient's balance would exceed the largest amount")]
    BalanceOverflow = 6,
    /// More than 18 decimals.
    #[error("an asset has at most 18 decimals")]
    TooManyDecimals = 7,
    /// All signers together would not reach the threshold, or it is zero.
    #[error("the signers together do not reach the threshold, or it is zero")]
    ThresholdUnreachable = 8,
    /// A signer's key is not a usable Ed25519 key.
    #[error("a signer's key is not a usable Ed25519 public key")]
    InvalidKey = 9,
    /// The account holds as many different assets as an account may.
    #[error("the recipient holds as many different assets as an account may")]
    TooManyBalances = 10,
    /// No validator has this key.
    #[error("no validator of this network has this key")]
    UnknownValidator = 11,
    /// Only the member that runs the validator may do this.
    #[error("only the member that runs the validator may let it rejoin")]
    NotItsMember = 12,
    /// The validator rejoined a short while ago.
    #[error("the validator rejoined less than ten minutes of the chain's time ago")]
    RejoinTooSoon = 13,
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(self.name())
        } else {
            serializer.serialize_u16(self.number())
        }
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        if deserializer.is_human_readable() {
            let name = String::deserialize(deserializer)?;
            let known = Self::ALL.into_iter().find(|code| code.name() == name);
            known.ok_or_else(|| D::Error::custom("unknown error code"))
        } else {
            let number = u16::deserialize(deserializer)?;
            let known = Self::ALL.into_iter().find(|code| code.number() == number);
            known.ok_or_else(|| D::Error::custom("unknown error code"))
        }
    }
}

impl ErrorCode {
    /// Every code, by number.
    pub const ALL: [Self; 13] = [
        Self::UnknownAsset,
        Self::AssetExists,
        Self::InsufficientBalance,
        Self::NotIssuer,
        Self::SupplyOverflow,
        Self::BalanceOverflow,
        Self::TooManyDecimals,
        Self::ThresholdUnreachable,
        Self::InvalidKey,
        Self::TooManyBalances,
        Self::UnknownValidator,
        Self::NotItsMember,
        Self::RejoinTooSoon,
    ];

    /// The number on the chain.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The name in the API, in snake case.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownAsset => "unknown_asset",
            Self::AssetExists => "asset_exists",
            Self::InsufficientBalance => "insufficient_balance",
            Self::NotIssuer => "not_issuer",
            Self::SupplyOverflow => "supply_overflow",
            Self::BalanceOverflow => "balance_overflow",
            Self::TooManyDecimals => "too_many_decimals",
            Self::ThresholdUnreachable => "threshold_unreachable",
            Self::InvalidKey => "invalid_key",
            Self::TooManyBalances => "too_many_balances",
            Self::UnknownValidator => "unknown_validator",
            Self::NotItsMember => "not_its_member",
            Self::RejoinTooSoon => "rejoin_too_soon",
        }
    }
}
