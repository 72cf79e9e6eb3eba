//! One peer's answer to a request for blocks: read from frames, each block checked before it is believed.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes, BytesMut};
use quorate_crypto::{CertificateError, Digest, Epoch, Height};
use quorate_ledger::limits::MAX_PROPOSED_BYTES;
use quorate_ledger::{
    BatchError, BatchTexts, CertifiedBlock, CertifiedBlockV1, CheckedBatch, ContentsError, DecodeError,
    decode, encode,
};
use quorate_network::{PeerKey, RequestError, Response};
use tokio::runtime;

use super::Doubts;
use super::spans::Spans;
use crate::batches::BatchStore;
use crate::epoch::{EpochInfo, SharedEpoch};
use crate::links::Links;
use crate::peer_block::VerifiedBlock;
use crate::wire::SyncRequest;

/// How long a peer may take from one block to the next, whatever the length of either.
const BLOCK_DEADLINE: Duration = Duration::from_secs(5);
/// How often a wait for a peer looks whether its answer is still of use.
const LOOK: Duration = Duration::from_millis(100);
/// What a peer has to deliver in each second beyond that.
const MIN_BYTES_PER_SECOND: u64 = 1 << 20;
/// Bytes of a block by the widest parameters that a network may have: whose epoch a block is, and so how long it may be,
/// is known once it is read. One with a recovery may be longer; this program makes none.
const MAX_BLOCK_BYTES: usize = 3 * MAX_PROPOSED_BYTES as usize + 65_536;
/// How long to wait before looking again whether the next epoch has begun.
const EPOCH_WAIT: Duration = Duration::from_millis(5);
/// How long one answer may take in all.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);

/// Why no more blocks come of a request.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("all that was missing is here")]
    Needless,
    #[error("a block did not come within {} s", BLOCK_DEADLINE.as_secs())]
    TooSlow,
    #[error("it ended the answer at block {0}")]
    Ended(Height),
    #[error(transparent)]
    Link(#[from] RequestError),
    #[error("it announces a block of {length} bytes, at most {limit} are allowed")]
    TooLong { length: usize, limit: usize },
    #[error("it sent a block that cannot be decoded: {0}")]
    Malformed(#[from] DecodeError),
    #[error("it sent block {got} for block {asked}")]
    WrongHeight { got: Height, asked: Height },
    #[error("it sent a block of epoch {0}, which is not the one under way there")]
    AnotherEpoch(Epoch),
    #[error("it sent a block of epoch {0}, which has ended here meanwhile")]
    FormerEpoch(Epoch),
    #[error("it sent a block of another network")]
    WrongNetwork,
    #[error("it sent a block with a bad certificate: {0}")]
    Certificate(#[from] CertificateError),
    #[error("it sent a block that does not hold together: {0}")]
    Contents(#[from] ContentsError),
    #[error("it sent a block with a bad batch: {0}")]
    Batch(#[from] BatchError),
}

impl FetchError {
    /// Whether this happens with a peer that keeps the rules, so that nobody has to look at it: it has fewer blocks
    /// than another said, or agreement was quicker and has ended the block's epoch here.
    pub(super) fn is_expected(&self) -> bool {
        matches!(self, Self::Ended(_) | Self::FormerEpoch(_))
    }
}

/// What blocks are fetched with.
pub(super) struct Fetcher<'a> {
    pub(super) runtime: &'a runtime::Handle,
    pub(super) network: Digest,
    pub(super) epoch: &'a SharedEpoch,
    pub(super) batches: &'a BatchStore,
    pub(super) links: &'a Links,
    pub(super) spans: &'a Spans<VerifiedBlock>,
    pub(super) doubts: &'a Doubts,
}

impl Fetcher<'_> {
    /// What people call a peer.
    pub(super) fn name_of(&self, holder: PeerKey) -> String {
        self.links.name_of(holder)
    }

    /// Fetches these heights from `holder`; says for how long nothing had come when it ended. What did not come is
    /// handed back.
    pub(super) fn fetch(
        &self,
        holder: PeerKey,
        span: RangeInclusive<u64>,
    ) -> (Duration, Result<(), FetchError>) {
        let (mut next, mut last) = (*span.start(), Instant::now());
        let fetched = self.fetch_on(holder, &mut next, &mut last, *span.end());
        let idle = last.elapsed();
        if next <= *span.end() {
            self.spans.hand_back(next..=*span.end());
        }
        (idle, fetched)
    }

    fn fetch_on(
        &self,
        holder: PeerKey,
        next: &mut u64,
        last: &mut Instant,
        to: u64,
    ) -> Result<(), FetchError> {
        let request = SyncRequest::V1 {
            from: Height(*next),
            count: to.saturating_sub(*next).saturating_add(1),
        };
        let request = Bytes::from(encode(&request));
        let asked = self.links.handle().request(holder, request, ANSWER_DEADLINE);
        let mut stream = Stream {
            answer: self.runtime.block_on(asked)?,
            received: BytesMut::new(),
        };
        while *next <= to {
            let is_stopped = || self.spans.is_stopped();
            let bytes = stream.block(self.runtime, Height(*next), is_stopped)?;
            *last = Instant::now();
            let block = self.verify(&bytes, Height(*next))?;
            if !self.spans.put(Height(*next), block, bytes.len()) {
                return Ok(());
            }
            *next += 1;
        }
        Ok(())
    }

    /// What is known of the epoch of a block. Who agrees in the next one is known once the last block of
    /// this one is applied, so that is waited for.
    fn epoch_of(&self, epoch: Epoch) -> Result<Arc<EpochInfo>, FetchError> {
        let until = Instant::now() + BLOCK_DEADLINE;
        loop {
            let info = self.epoch.get();
            if info.epoch() == epoch {
                return Ok(info);
            }
            if epoch < info.epoch() {
                return Err(FetchError::FormerEpoch(epoch));
            }
            if self.spans.is_stopped() {
                return Err(FetchError::Needless);
            }
            if Instant::now() >= until {
                return Err(FetchError::AnotherEpoch(epoch));
            }
            std::thread::sleep(EPOCH_WAIT);
        }
    }

    /// The block, if a quorum of the committee sealed it and what comes with it belongs to it.
    fn verify(&self, bytes: &[u8], asked: Height) -> Result<VerifiedBlock, FetchError> {
        let block: CertifiedBlock = decode(bytes, MAX_BLOCK_BYTES)?;
        let header = block.v1().block.header();
        if header.height != asked {
            let got = header.height;
            return Err(FetchError::WrongHeight { got, asked });
        }
        if header.network != self.network {
            return Err(FetchError::WrongNetwork);
        }
        let info = self.epoch_of(header.epoch)?;
        let (committee, parameters) = (info.committee(), info.now.parameters.v1());
        let (length, limit) = (bytes.len(), CertifiedBlock::max_bytes(parameters));
        if length > limit {
            return Err(FetchError::TooLong { length, limit });
        }
        block.v1().certificate.verify(self.network, committee)?;
        block.verify_contents()?;
        let fits: Vec<bool> = block
            .fitting_texts(parameters)
            .iter()
            .map(Option::is_some)
            .collect();
        let CertifiedBlock::V1(CertifiedBlockV1 {
            block,
            certificate,
            batches,
            texts,
        }) = block;
        let trusted = batches
            .into_iter()
            .map(|batch| self.batches.trust(batch, committee, parameters).map(Arc::new));
        let batches: Vec<Arc<CheckedBatch>> = trusted.collect::<Result<_, _>>()?;
        // Texts that do not fit their batch are dropped, the block is not.
        let texts = texts.into_iter().zip(fits);
        let texts: Vec<Option<BatchTexts>> = texts.map(|(texts, fits)| texts.filter(|_| fits)).collect();
        Ok(VerifiedBlock {
            block,
            certificate,
            batches,
            texts,
        })
    }
}

/// An answer that is being read.
struct Stream {
    answer: Response,
    received: BytesMut,
}

impl Stream {
    /// The next block's bytes; a peer that lets them drip is given up, and so is one whose answer is of no
    /// use any more: the run does not end before it.
    fn block(
        &mut self,
        runtime: &runtime::Handle,
        height: Height,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Bytes, FetchError> {
        let started = Instant::now();
        loop {
            if let Some(block) = take_block(&mut self.received, MAX_BLOCK_BYTES)? {
                return Ok(block);
            }
            let received = u64::try_from(self.received.len()).unwrap_or(u64::MAX);
            let earned = Duration::from_secs(received / MIN_BYTES_PER_SECOND);
            let left = (BLOCK_DEADLINE + earned).saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(FetchError::TooSlow);
            }
            if is_stopped() {
                return Err(FetchError::Needless);
            }
            let next = async { tokio::time::timeout(left.min(LOOK), self.answer.next()).await };
            match runtime.block_on(next) {
                Ok(Some(frame)) => self.received.extend_from_slice(&frame?),
                Ok(None) => return Err(FetchError::Ended(height)),
                Err(_) => {}
            }
        }
    }
}

/// The first whole block of what was received: a length (u32, little-endian), then so many bytes.
fn take_block(received: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, FetchError> {
    let Some(prefix) = received.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > limit {
        return Err(FetchError::TooLong { length, limit });
    }
    if received.len() < 4 + length {
        return Ok(None);
    }
    received.advance(4);
    Ok(Some(received.split_to(length).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_out_of_frames_as_they_went_in() {
        let mut received = BytesMut::new();
        let stream = [
            &3_u32.to_le_bytes()[..],
            b"abc",
            &0_u32.to_le_bytes(),
            &2_u32.to_le_bytes(),
            b"de",
        ]
        .concat();
        let mut blocks = Vec::new();
        for byte in stream {
            received.extend_from_slice(&[byte]);
            while let Some(block) = take_block(&mut received, 3).unwrap() {
                blocks.push(block);
            }
        }
        assert_eq!(blocks, [&b"abc"[..], b"", b"de"]);
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_it_is_waited_for() {
        let mut received = BytesMut::from(&4_u32.to_le_bytes()[..]);
        let taken = take_block(&mut received, 3);
        assert!(matches!(taken, Err(FetchError::TooLong { length: 4, limit: 3 })));
    }

    #[test]
    fn an_epoch_that_ends_while_its_blocks_are_fetched_is_nobodys_fault() {
        assert!(FetchError::FormerEpoch(Epoch(1)).is_expected());
        assert!(FetchError::Ended(Height(9)).is_expected());
        assert!(!FetchError::AnotherEpoch(Epoch(2)).is_expected());
        assert!(!FetchError::TooSlow.is_expected());
    }
}
