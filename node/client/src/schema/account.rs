//! Accounts, assets, records.

use quorate_crypto::Key;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height, HoldV1, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ConditionView, FreezeView, GrantView, HoldName, KeepView, Transaction};
use crate::text;

/// An account. One that was never used answers too, with no balances and no transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its address.
    #[schema(value_type = String)]
    pub address: Address,
    /// What it has, ascending by code, none empty.
    pub balances: Vec<Balance>,
    /// Who may sign, ascending by key. Empty until signers are set: then the key that the address was
    /// made from signs alone.
    pub signers: Vec<SignerView>,
    /// The weight that authorises a transaction.
    pub threshold: u32,
    /// Its roles, each once, wherever they hold: `administrator`, `operator`, `auditor`, `participant`, `issuer`.
    pub roles: Vec<String>,
    /// All that it was granted, roles among it; at most 200 are listed.
    #[serde(default)]
    pub grants: Vec<GrantView>,
    /// Whether it is frozen for all assets.
    pub frozen: bool,
    /// For what it is frozen, by whom and when; at most 200 are listed.
    #[serde(default)]
    pub freezes: Vec<FreezeView>,
    /// The number of the member that it belongs to, if it does.
    #[serde(default)]
    pub member: Option<u32>,
    /// Its open holds.
    #[serde(default)]
    pub holds: u16,
    /// Executed transactions in its history.
    pub transactions: u64,
    /// The running hash over its history.
    #[schema(value_type = String)]
    pub history: Digest,
}

impl Account {
    /// One that was never used.
    pub fn unused(address: Address) -> Self {
        Self {
            address,
            balances: Vec::new(),
            signers: Vec::new(),
            threshold: 1,
            roles: Vec::new(),
            grants: Vec::new(),
            frozen: false,
            freezes: Vec::new(),
            member: None,
            holds: 0,
            transactions: 0,
            history: Digest::default(),
        }
    }
}

/// What an account has of one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// The asset's code.
    #[schema(value_type = String)]
    pub asset: AssetCode,
    /// What it can use, in the asset's smallest unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub amount: Amount,
    /// What its open holds hold, in the same unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub held: Amount,
}

/// An open hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Hold {
    /// What it is called by.
    #[serde(flatten)]
    pub name: HoldName,
    /// To whom a release pays.
    #[schema(value_type = String)]
    pub beneficiary: Address,
    /// The asset.
    #[schema(value_type = String)]
    pub asset: AssetCode,
    /// What is left of it, in the asset's smallest unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub amount: Amount,
    /// Released before, refunded from then on.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// What a release needs.
    pub condition: ConditionView,
}

impl From<&HoldV1> for Hold {
    fn from(hold: &HoldV1) -> Self {
        Self {
            name: HoldName {
                owner: hold.owner,
                transaction: hold.transaction,
                operation: u16::from(hold.operation),
            },
            beneficiary: hold.beneficiary,
            asset: hold.asset,
            amount: hold.amount,
            until: hold.until,
            condition: ConditionView::from(&hold.condition),
        }
    }
}

/// A page of an account's open holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HoldList {
    /// Ascending by their keys in the state.
    pub holds: Vec<Hold>,
    /// The cursor of the next page; null at the end.
    pub next: Option<String>,
}

/// A key that may sign for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignerView {
    /// The key: `ed25519:` or `p256:` and hex.
    #[schema(value_type = String)]
    pub key: Key,
    /// Its weight.
    pub weight: u32,
}

/// A page of transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransactionList {
    /// A block's in their order, others newest first.
    pub transactions: Vec<Transaction>,
    /// The cursor of the next page; null at the end, and only there: a page may be shorter than was asked for, and
    /// even empty, and not be the last.
    pub next: Option<String>,
}

/// An asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Asset {
    /// Its unique code.
    #[schema(value_type = String)]
    pub code: AssetCode,
    /// Digits after the decimal point.
    pub decimals: u8,
    /// The account that mints it.
    #[schema(value_type = String)]
    pub issuer: Address,
    /// Units in existence, in the smallest unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub supply: Amount,
    /// Whether whoever receives it needs the right `hold-asset`.
    #[serde(default)]
    pub admission: bool,
    /// Whether accounts can be frozen for it.
    #[serde(default)]
    pub freezable: bool,
    /// For people; empty if there is none, or if it is erased.
    pub description: String,
}

/// A page of assets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AssetList {
    /// Ascending by code.
    pub assets: Vec<Asset>,
    /// The cursor of the next page; null at the end.
    pub next: Option<String>,
}

/// An account that holds an asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holder {
    /// The account.
    #[schema(value_type = String)]
    pub address: Address,
    /// What it can use, in the asset's smallest unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub amount: Amount,
    /// What its open holds hold, in the same unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub held: Amount,
}

/// A page of an asset's holders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HolderList {
    /// Ascending by the address's bytes.
    pub holders: Vec<Holder>,
    /// The cursor of the next page; null at the end.
    pub next: Option<String>,
}

/// That a sender knew a document, by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DocumentRecord {
    /// The document's hash.
    #[schema(value_type = String)]
    pub sha256: Digest,
    /// Who recorded it: the acting party.
    #[schema(value_type = String)]
    pub sender: Address,
    /// Where it is kept.
    pub keep: KeepView,
    /// The block.
    #[schema(value_type = u64)]
    pub height: Height,
    /// The transaction's place in the block.
    pub index: u32,
    /// The operation's place in the transaction.
    pub operation: u16,
    /// The transaction.
    #[schema(value_type = String)]
    pub transaction: Digest,
    /// The block's time.
    #[serde(with = "text::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The sender's label; empty if there is none, or if it is withheld.
    pub label: String,
    /// The sender's metadata, in hex.
    #[serde(with = "hex::serde")]
    #[schema(value_type = String)]
    pub metadata: Vec<u8>,
}

/// A page of records of one hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordList {
    /// Earliest first.
    pub records: Vec<DocumentRecord>,
    /// The cursor of the next page; null at the end.
    pub next: Option<String>,
}
