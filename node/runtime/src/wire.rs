//! What travels beside votes: batches, requests for them, requests for blocks.

use quorate_crypto::{Digest, Height};
use quorate_driver::MAX_REQUESTED_BATCHES;
use serde::{Deserialize, Serialize};

/// The most digests one request may name.
pub(crate) const MAX_REQUESTED: usize = MAX_REQUESTED_BATCHES;
/// The most blocks one request may ask for.
pub(crate) const MAX_SYNC_BLOCKS: u64 = 1_024;
/// Bytes of an encoded request for blocks.
pub(crate) const MAX_SYNC_REQUEST_BYTES: usize = 64;

/// A frame on the channel for batches. The order of the variants is frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BatchFrame {
    /// Version 1.
    V1(BatchFrameV1),
}

/// Version 1 of [`BatchFrame`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum BatchFrameV1 {
    /// The canonical bytes of a `SignedBatch`.
    Batch(bytes::Bytes),
    /// Please send these.
    Request(Vec<Digest>),
    /// The sender has these, and they are not ordered; whoever lacks one may ask for it.
    Announce(Vec<Digest>),
    /// Whether the sender votes, or follows the chain until somebody acts; for people, nothing follows from it.
    Votes(bool),
}

/// A request for certified blocks, answered by a stream of frames, a `CertifiedBlock` each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum SyncRequest {
    /// Version 1: `count` blocks from height `from` on, as far as there are.
    V1 {
        /// The first height.
        from: Height,
        /// How many at most.
        count: u64,
    },
}
