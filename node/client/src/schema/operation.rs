//! Operations of transactions.

use std::fmt;
use std::str::FromStr;

use quorate_crypto::PublicKey;
use quorate_ledger::{
    Address, Amount, AssetCode, Condition, ConditionLeaf, Digest, HoldRef, Keep, Place, Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ChangeView, SignerView};
use crate::text;

/// One operation of a transaction, and which party acts in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ActView {
    /// The party that acts.
    #[schema(value_type = String)]
    pub by: Address,
    /// What it does.
    #[serde(flatten)]
    pub operation: OperationView,
}

/// One operation of a transaction. Its texts are empty where there are none and where they are withheld.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OperationView {
    /// Makes a new asset.
    #[schema(title = "CreateAsset")]
    CreateAsset {
        /// Its code.
        #[schema(value_type = String)]
        code: AssetCode,
        /// Digits after the decimal point.
        decimals: u8,
        /// Whether whoever receives it needs the right `hold-asset`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        admission: bool,
        /// Whether accounts can be frozen for it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        freezable: bool,
        /// For people.
        description: String,
    },
    /// Makes new units.
    #[schema(title = "Mint")]
    Mint {
        /// The asset.
        #[schema(value_type = String)]
        asset: AssetCode,
        /// Who receives them.
        #[schema(value_type = String)]
        to: Address,
        /// How many smallest units.
        #[serde(with = "text::amount")]
        #[schema(value_type = String)]
        amount: Amount,
    },
    /// Destroys units of the acting party's.
    #[schema(title = "Burn")]
    Burn {
        /// The asset.
        #[schema(value_type = String)]
        asset: AssetCode,
        /// How many smallest units.
        #[serde(with = "text::amount")]
        #[schema(value_type = String)]
        amount: Amount,
    },
    /// Moves units to another account.
    #[schema(title = "Transfer")]
    Transfer {
        /// Who receives them.
        #[schema(value_type = String)]
        to: Address,
        /// The asset.
        #[schema(value_type = String)]
        asset: AssetCode,
        /// How many smallest units.
        #[serde(with = "text::amount")]
        #[schema(value_type = String)]
        amount: Amount,
        /// A note for this transfer.
        memo: String,
    },
    /// Records a document's hash.
    #[schema(title = "PutRecord")]
    PutRecord {
        /// The hash.
        #[schema(value_type = String)]
        sha256: Digest,
        /// Where the record is kept.
        keep: KeepView,
        /// For people.
        label: String,
        /// Anything, in hex.
        #[serde(with = "hex::serde")]
        #[schema(value_type = String)]
        metadata: Vec<u8>,
    },
    /// Replaces the acting party's signers.
    #[schema(title = "SetSigners")]
    SetSigners {
        /// The new signers.
        signers: Vec<SignerView>,
        /// The weight that authorises.
        threshold: u32,
    },
    /// Lets a validator that forgot what it signed vote again from the next epoch on.
    #[schema(title = "Rejoin")]
    Rejoin {
        /// The validator's key.
        #[schema(value_type = String)]
        validator: PublicKey,
        /// What the validator drew when it stopped voting.
        #[schema(value_type = String)]
        token: Digest,
    },
    /// Sets units apart for a beneficiary until a time.
    #[schema(title = "Hold")]
    Hold {
        /// To whom a release pays.
        #[schema(value_type = String)]
        beneficiary: Address,
        /// The asset.
        #[schema(value_type = String)]
        asset: AssetCode,
        /// How many smallest units.
        #[serde(with = "text::amount")]
        #[schema(value_type = String)]
        amount: Amount,
        /// From this time on it can only be refunded.
        #[serde(with = "text::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
        /// What a release needs.
        condition: ConditionView,
        /// A note for this hold.
        memo: String,
    },
    /// Pays a hold, or a part of it, to its beneficiary.
    #[schema(title = "Release")]
    Release {
        /// The hold.
        hold: HoldName,
        /// How many smallest units; null: all that is left.
        amount: Option<String>,
        /// What it shows for the hold's condition, each 32 bytes in hex.
        preimages: Vec<String>,
    },
    /// Gives what is left of a hold back to its owner.
    #[schema(title = "Refund")]
    Refund {
        /// The hold.
        hold: HoldName,
    },
    /// Erases texts of a transaction.
    #[schema(title = "Erase")]
    Erase {
        /// The transaction's id.
        #[schema(value_type = String)]
        transaction: Digest,
        /// Which of its texts.
        texts: Vec<ErasedPlace>,
    },
    /// An operation of governance. Networks of protocol 1 perform none.
    #[schema(title = "Governance")]
    Governance {
        /// Its name: `propose`, `vote`, `grant`, …
        name: String,
        /// What it does, in words. Members are told by their numbers.
        #[serde(default)]
        words: String,
        /// Of a proposal: what it would change.
        #[serde(default)]
        change: Option<ChangeView>,
        /// A proposal's explanation, or the reason of a freeze.
        #[serde(default)]
        text: String,
    },
}

/// Where a record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepView {
    /// In the transaction log alone.
    Log,
    /// In a leaf of the state, one for each account and document.
    Own,
    /// In a leaf of the state that claims the document.
    Unique,
}

impl From<Keep> for KeepView {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::Log => Self::Log,
            Keep::Own => Self::Own,
            Keep::Unique => Self::Unique,
        }
    }
}

impl From<KeepView> for Keep {
    fn from(keep: KeepView) -> Self {
        match keep {
            KeepView::Log => Self::Log,
            KeepView::Own => Self::Own,
            KeepView::Unique => Self::Unique,
        }
    }
}

/// A hold, by the operation that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldName {
    /// Whose amount it holds.
    #[schema(value_type = String)]
    pub owner: Address,
    /// The transaction that made it.
    #[schema(value_type = String)]
    pub transaction: Digest,
    /// The operation's index there, from 0.
    pub operation: u16,
}

impl From<HoldRef> for HoldName {
    fn from(hold: HoldRef) -> Self {
        Self {
            owner: hold.owner,
            transaction: hold.transaction,
            operation: u16::from(hold.operation),
        }
    }
}

/// What a release needs: so many of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConditionView {
    /// How many must be so.
    pub need: u16,
    /// Of these.
    pub of: Vec<ConditionLeafView>,
}

/// One thing that a condition asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ConditionLeafView {
    /// This account is a party of the releasing transaction.
    #[schema(title = "Signs")]
    Signs {
        /// The account.
        #[schema(value_type = String)]
        account: Address,
    },
    /// The block's time is this or later.
    #[schema(title = "From")]
    From {
        /// The time.
        #[serde(with = "text::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        time: Timestamp,
    },
    /// The release shows 32 bytes with this SHA-256.
    #[schema(title = "Preimage")]
    Preimage {
        /// The hash.
        #[schema(value_type = String)]
        sha256: Digest,
    },
    /// This account has an own record of this document.
    #[schema(title = "Record")]
    Record {
        /// The document's hash.
        #[schema(value_type = String)]
        sha256: Digest,
        /// Whose record.
        #[schema(value_type = String)]
        account: Address,
    },
}

impl From<&Condition> for ConditionView {
    fn from(condition: &Condition) -> Self {
        let leaves = condition.leaves.iter().map(|leaf| match *leaf {
            ConditionLeaf::Signs(account) => ConditionLeafView::Signs { account },
            ConditionLeaf::From(time) => ConditionLeafView::From { time },
            ConditionLeaf::Preimage(sha256) => ConditionLeafView::Preimage { sha256 },
            ConditionLeaf::Record { sha256, by } => ConditionLeafView::Record { sha256, account: by },
        });
        Self {
            need: u16::from(condition.need),
            of: leaves.collect(),
        }
    }
}

/// A text of a transaction, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErasedPlace {
    /// The operation that it belongs to, from 0; null for the transaction's own memo.
    pub operation: Option<u16>,
    /// Which of the operation's texts: 0 its own, 1 a record's metadata; null for the transaction's own memo.
    pub field: Option<u16>,
}

impl From<Place> for ErasedPlace {
    fn from(place: Place) -> Self {
        let (operation, field) = match place {
            Place::Memo => (None, None),
            Place::Operation { index, field } => (Some(u16::from(index)), Some(u16::from(field))),
        };
        Self { operation, field }
    }
}

/// What an operation is, as its `type` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Makes a new asset.
    CreateAsset,
    /// Makes new units.
    Mint,
    /// Destroys units.
    Burn,
    /// Moves units.
    Transfer,
    /// Records a document's hash.
    PutRecord,
    /// Replaces an account's signers.
    SetSigners,
    /// Lets a validator vote again.
    Rejoin,
    /// Sets units apart.
    Hold,
    /// Pays a hold.
    Release,
    /// Gives a hold back.
    Refund,
    /// Erases texts.
    Erase,
    /// Anything of governance.
    Governance,
}

/// No operation has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no operation has this name")]
pub struct NotAnOperation;

impl OperationKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CreateAsset,
        Self::Mint,
        Self::Burn,
        Self::Transfer,
        Self::PutRecord,
        Self::SetSigners,
        Self::Rejoin,
        Self::Hold,
        Self::Release,
        Self::Refund,
        Self::Erase,
        Self::Governance,
    ];

    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateAsset => "create_asset",
            Self::Mint => "mint",
            Self::Burn => "burn",
            Self::Transfer => "transfer",
            Self::PutRecord => "put_record",
            Self::SetSigners => "set_signers",
            Self::Rejoin => "rejoin",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Refund => "refund",
            Self::Erase => "erase",
            Self::Governance => "governance",
        }
    }
}

impl fmt::Display for OperationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OperationKind {
    type Err = NotAnOperation;

    fn from_str(text: &str) -> Result<Self, NotAnOperation> {
        let known = Self::ALL.into_iter().find(|kind| kind.name() == text);
        known.ok_or(NotAnOperation)
    }
}

impl OperationView {
    /// What it is.
    pub fn kind(&self) -> OperationKind {
        match self {
            Self::CreateAsset { .. } => OperationKind::CreateAsset,
            Self::Mint { .. } => OperationKind::Mint,
            Self::Burn { .. } => OperationKind::Burn,
            Self::Transfer { .. } => OperationKind::Transfer,
            Self::PutRecord { .. } => OperationKind::PutRecord,
            Self::SetSigners { .. } => OperationKind::SetSigners,
            Self::Rejoin { .. } => OperationKind::Rejoin,
            Self::Hold { .. } => OperationKind::Hold,
            Self::Release { .. } => OperationKind::Release,
            Self::Refund { .. } => OperationKind::Refund,
            Self::Erase { .. } => OperationKind::Erase,
            Self::Governance { .. } => OperationKind::Governance,
        }
    }

    /// The asset it is about, if it is about one.
    pub fn asset(&self) -> Option<AssetCode> {
        match self {
            Self::CreateAsset { code, .. } => Some(*code),
            Self::Mint { asset, .. }
            | Self::Burn { asset, .. }
            | Self::Transfer { asset, .. }
            | Self::Hold { asset, .. } => Some(*asset),
            Self::PutRecord { .. }
            | Self::SetSigners { .. }
            | Self::Rejoin { .. }
            | Self::Release { .. }
            | Self::Refund { .. }
            | Self::Erase { .. }
            | Self::Governance { .. } => None,
        }
    }
}

impl From<&quorate_ledger::Signer> for SignerView {
    fn from(signer: &quorate_ledger::Signer) -> Self {
        Self {
            key: signer.key,
            weight: u32::from(signer.weight),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_called_as_the_operations_type_is() {
        let rejoin = OperationView::Rejoin {
            validator: quorate_crypto::SigningKey::from_seed(&[7; 32]).public(),
            token: Digest::ZERO,
        };
        let burn = OperationView::Burn {
            asset: "QRT".parse().unwrap(),
            amount: Amount(1),
        };
        for operation in [rejoin, burn] {
            let json = serde_json::to_value(&operation).unwrap();
            assert_eq!(json["type"], operation.kind().name());
        }
        for kind in OperationKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("Mint".parse::<OperationKind>(), Err(NotAnOperation));
    }
}
