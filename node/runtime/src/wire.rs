//! What travels beside votes: batches with their texts, requests for them, requests for blocks (`docs/formats.md`,
//! section 18).

use bytes::Bytes;
use quorate_crypto::bounded::bounded_vec;
use quorate_crypto::{Digest, Height};
use quorate_driver::MAX_REQUESTED_BATCHES;
use quorate_ledger::{BatchTexts, CheckedBatch, DecodeError, decode, encode};
use quorate_network::Channel;
use serde::{Deserialize, Serialize};

/// The most digests one frame may name.
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
    /// A whole copy of a batch.
    Batch {
        /// The canonical bytes of its `SignedBatch`.
        signed: Bytes,
        /// Those of its `BatchTexts`.
        texts: Bytes,
    },
    /// Please send these.
    Request(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_REQUESTED>")] Vec<Digest>),
    /// The sender has these, and they are not ordered; whoever lacks one may ask for it.
    Announce(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_REQUESTED>")] Vec<Digest>),
    /// Whether the sender votes, or follows the chain until somebody acts; for people, nothing follows from it.
    Votes(bool),
    /// The sender was asked for these and has no whole copy of them.
    NotHeld(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_REQUESTED>")] Vec<Digest>),
    /// Please send what is left of the texts of these, which are ordered.
    RequestTexts(#[serde(deserialize_with = "bounded_vec::<_, _, MAX_REQUESTED>")] Vec<Digest>),
    /// What is left of an ordered batch's texts.
    Texts {
        /// The batch.
        batch: Digest,
        /// The canonical bytes of `BatchTexts` that fit it.
        texts: Bytes,
    },
}

/// A whole copy of a batch as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CopyBytes {
    /// The canonical bytes of its `SignedBatch`.
    pub(crate) signed: Bytes,
    /// Those of its `BatchTexts`.
    pub(crate) texts: Bytes,
}

impl CopyBytes {
    /// The copy of a batch with these texts.
    pub(crate) fn new(batch: &CheckedBatch, texts: &BatchTexts) -> Self {
        Self {
            signed: batch.bytes().clone(),
            texts: Bytes::from(encode(texts)),
        }
    }

    /// The frame that brings it.
    pub(crate) fn frame(&self) -> Bytes {
        let Self { signed, texts } = self.clone();
        BatchFrameV1::Batch { signed, texts }.bytes()
    }
}

impl BatchFrame {
    /// Reads a frame of any length that the channel carries: a batch, or texts, may be of an epoch whose parameters allow
    /// longer ones than those of the epoch under way here.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes, Channel::Batches.max_frame() as usize)
    }
}

impl BatchFrameV1 {
    /// The frame's bytes.
    pub(crate) fn bytes(self) -> Bytes {
        Bytes::from(encode(&BatchFrame::V1(self)))
    }
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

#[cfg(test)]
mod tests {
    use quorate_ledger::limits::MAX_BATCH_BYTES;

    use super::*;

    const DIGEST: Digest = Digest([0xAB; 32]);

    /// A frame's bytes, put together by hand from section 18.
    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    #[test]
    fn a_frame_of_an_epoch_that_allows_the_longest_batches_is_read_in_every_epoch() {
        let frame = BatchFrameV1::Batch {
            signed: Bytes::from(vec![7; MAX_BATCH_BYTES as usize - 1]),
            texts: Bytes::from_static(&[9]),
        };
        let bytes = frame.clone().bytes();
        assert!(bytes.len() <= Channel::Batches.max_frame() as usize);
        assert_eq!(BatchFrame::decode(&bytes), Ok(BatchFrame::V1(frame)));
    }

    #[test]
    fn frames_have_the_bytes_of_the_page() {
        let named = |variant| bytes(&[&[0, variant, 1], &DIGEST.0]);
        let cases = [
            (
                BatchFrameV1::Batch {
                    signed: Bytes::from_static(&[7, 8]),
                    texts: Bytes::from_static(&[9]),
                },
                vec![0, 0, 2, 7, 8, 1, 9],
            ),
            (BatchFrameV1::Request(vec![DIGEST]), named(1)),
            (BatchFrameV1::Announce(vec![DIGEST]), named(2)),
            (BatchFrameV1::Votes(true), vec![0, 3, 1]),
            (BatchFrameV1::NotHeld(vec![DIGEST]), named(4)),
            (BatchFrameV1::RequestTexts(vec![DIGEST]), named(5)),
            (
                BatchFrameV1::Texts {
                    batch: DIGEST,
                    texts: Bytes::from_static(&[5, 6]),
                },
                bytes(&[&[0, 6], &DIGEST.0, &[2, 5, 6]]),
            ),
        ];
        for (frame, expected) in cases {
            assert_eq!(frame.clone().bytes(), expected, "{frame:?}");
            assert_eq!(decode(&expected, 1_024), Ok(BatchFrame::V1(frame)));
        }
    }

    #[test]
    fn more_digests_than_a_frame_may_name_are_refused() {
        for variant in [1, 2, 4, 5] {
            let of = |count: usize| {
                let length = [(count & 0x7f) as u8 | 0x80, (count >> 7) as u8];
                bytes(&[&[0, variant], &length, &DIGEST.0.repeat(count)])
            };
            assert!(decode::<BatchFrame>(&of(256), 1 << 20).is_ok());
            assert!(decode::<BatchFrame>(&of(257), 1 << 20).is_err());
        }
    }
}
