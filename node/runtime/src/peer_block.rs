//! A block from a peer, between block sync, which fetches it, and the executor, which applies it.

use std::sync::Arc;

use quorate_crypto::{Certificate, Digest, Height};
use quorate_ledger::{BatchTexts, Block, CheckedBatch};

/// A block whose certificate is good, and all that is in it is what was certified.
#[derive(Clone, Debug)]
pub(crate) struct VerifiedBlock {
    /// The block.
    pub(crate) block: Block,
    /// What proves it.
    pub(crate) certificate: Certificate,
    /// Its batches in order.
    pub(crate) batches: Vec<Arc<CheckedBatch>>,
    /// What came of each batch's texts and fits it; no hash covers that nothing came.
    pub(crate) texts: Vec<Option<BatchTexts>>,
}

impl VerifiedBlock {
    /// The block's height.
    pub(crate) fn height(&self) -> Height {
        self.block.header().height
    }
}

/// Why a certified block could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApplyError {
    /// Not the next height.
    #[error("block {got} does not follow block {tip}")]
    Gap {
        /// The block's height.
        got: Height,
        /// The height written last.
        tip: Height,
    },
    /// Executed here, the block's header differs from the certified one.
    #[error("block {height} executed here gives {ours}, a quorum sealed {certified}")]
    Diverged {
        /// The block's height.
        height: Height,
        /// The hash here.
        ours: Digest,
        /// The hash sealed.
        certified: Digest,
    },
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
}
