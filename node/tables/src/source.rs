//! What an export reads of a chain, block by block, whoever has it: a home, a node, a bundle.

use std::collections::BTreeMap;

use quorate_crypto::Committee;
use quorate_crypto::merkle::Frontier;
use quorate_genesis::Genesis;
use quorate_ledger::{
    AssetCode, CertifiedHeader, Digest, Header, Height, HistoryEntry, HoldV1, Intent, LoggedTransaction,
};

/// A chain of certified blocks that were executed.
///
/// What it gives is believed: whoever implements it has checked certificates and executions, as
/// [`Reexecution`](crate::Reexecution) does.
pub trait Source {
    /// Why a block could not be had.
    type Error: std::error::Error + 'static;

    /// What was before the first block that it gives.
    fn start(&self) -> Start;

    /// The next block; none at the chain's end.
    ///
    /// # Errors
    /// If it cannot be read, or is not good.
    fn next_block(&mut self) -> Result<Option<ExecutedBlock>, Self::Error>;
}

/// The ledger before the first block that a source gives, as far as rows of later blocks need it.
#[derive(Clone, Debug)]
pub struct Start {
    /// The block before; none at genesis.
    pub before: Option<Header>,
    /// The transaction log up to it.
    pub log: Frontier,
    /// The decimals of all assets.
    pub decimals: BTreeMap<AssetCode, u8>,
    /// All open holds, with what is left of them.
    pub holds: Vec<HoldV1>,
}

/// A block with what it did.
#[derive(Clone, Debug)]
pub struct ExecutedBlock {
    /// Its header with exactly a quorum of seals, those of the lowest validators at hand.
    pub certified: CertifiedHeader,
    /// What it executed, in order.
    pub transactions: Vec<ExecutedIntent>,
    /// The committee of the next block, where that is another epoch's.
    pub next: Option<Committee>,
}

/// An executed transaction with what it changed.
#[derive(Clone, Debug)]
pub struct ExecutedIntent {
    /// Its leaf in the transaction log.
    pub entry: LoggedTransaction,
    /// That leaf's RFC 6962 hash.
    pub leaf: Digest,
    /// What was signed.
    pub intent: Intent,
    /// The steps by which it made histories grow, in the order of execution.
    pub steps: Vec<HistoryEntry>,
}

impl Start {
    /// Before the first block.
    pub fn of_genesis(genesis: &Genesis) -> Self {
        let assets = genesis.draft().v1().assets.iter();
        Self {
            before: None,
            log: Frontier::new(),
            decimals: assets.map(|asset| (asset.code, asset.decimals)).collect(),
            holds: Vec::new(),
        }
    }

    /// The height before the first block.
    pub fn height(&self) -> Height {
        self.before
            .as_ref()
            .map_or(Height::GENESIS, |header| header.v1().height)
    }
}
