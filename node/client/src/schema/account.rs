//! Accounts, assets, records.

use quorate_crypto::PublicKey;
use quorate_ledger::{Address, Amount, AssetCode, Digest, Height, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Transaction;
use crate::text;

/// An account. One that was never used answers too, with no balances and no transactions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Account {
    /// Its address.
    #[schema(value_type = String)]
    pub address: Address,
    /// What it holds, ascending by code, none zero.
    pub balances: Vec<Balance>,
    /// Who may sign, ascending by key. Empty until signers are set: then the key that the address was
    /// made from signs alone.
    pub signers: Vec<SignerView>,
    /// The weight that authorises a transaction.
    pub threshold: u32,
    /// Roles of governance; none exist yet.
    pub roles: Vec<String>,
    /// Whether it is frozen; nothing can freeze an account yet.
    pub frozen: bool,
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
            frozen: false,
            transactions: 0,
            history: Digest::default(),
        }
    }
}

/// What an account holds of one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Balance {
    /// The asset's code.
    #[schema(value_type = String)]
    pub asset: AssetCode,
    /// In the asset's smallest unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub amount: Amount,
}

/// A key that may sign for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignerView {
    /// The key.
    #[schema(value_type = String)]
    pub key: PublicKey,
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
    /// For people.
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
    /// In the asset's smallest unit.
    #[serde(with = "text::amount")]
    #[schema(value_type = String)]
    pub amount: Amount,
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
    /// Who recorded it.
    #[schema(value_type = String)]
    pub sender: Address,
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
    /// The sender's label.
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
