//! A node's webhooks: the answers of `/webhooks` at the operations listener, which `quorate node webhooks` reads. They
//! are for operators, and no promise as the documents of the client API are.

use quorate_ledger::{Height, Timestamp};
use serde::{Deserialize, Serialize};

use crate::text;

/// A hook, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Where it posts, without what may follow the path.
    pub url: String,
    /// What it does now.
    pub state: WebhookState,
    /// The block that it reads next, or is at.
    pub height: Height,
    /// Certified blocks that it has not gone through.
    pub behind: u64,
    /// Events that were taken since the node's start.
    pub delivered: u64,
    /// Attempts that failed since then.
    pub failed: u64,
    /// Dead letters.
    pub dead: u64,
    /// Failed attempts for the event that is tried now.
    pub attempts: u32,
    /// When it is tried again.
    #[serde(with = "text::optional_rfc3339")]
    pub next_attempt: Option<Timestamp>,
    /// Why the last attempt failed, unless one was taken since; or why the hook is of no use.
    pub error: Option<String>,
}

/// What a hook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// It posts what comes.
    Delivering,
    /// The last attempt failed, and there will be another.
    Retrying,
    /// The receiver is gone for good (410): nothing is posted until somebody asks for it.
    Disabled,
    /// Its secret, its certificates or its files cannot be used: nothing is posted until the node's next start.
    Unusable,
}

impl WebhookState {
    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivering => "delivering",
            Self::Retrying => "retrying",
            Self::Disabled => "disabled",
            Self::Unusable => "unusable",
        }
    }
}

/// All hooks of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookList {
    /// As they are configured.
    pub webhooks: Vec<Webhook>,
}

/// An event that no attempt delivered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetter {
    /// Its id, the same at each attempt.
    pub id: String,
    /// The block.
    pub height: Height,
    /// The transaction's place in the block, from 0; null if it is about the block.
    pub index: Option<u32>,
    /// The transaction's place in the log, from 0; null if it is about the block.
    pub ordinal: Option<u64>,
    /// From which entry of the log on it speaks.
    pub log_from: u64,
    /// Attempts so far.
    pub attempts: u32,
    /// Why the last one failed.
    pub error: String,
    /// When that was.
    #[serde(with = "text::rfc3339")]
    pub at: Timestamp,
}

/// The dead letters of a hook.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterList {
    /// In the log's order as they came.
    pub dead: Vec<DeadLetter>,
}
