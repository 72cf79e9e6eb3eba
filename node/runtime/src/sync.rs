//! Block sync: certified blocks from peers, for a validator that was away; and their serving.
//!
//! A block is believed for its certificate: a quorum of the committee sealed its header, and what the
//! executor makes of it must give that very header. Blocks are fetched in spans, from one peer after
//! the other.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use quorate_crypto::{Committee, Digest, Height, ValidatorIndex};
use quorate_ledger::{CertifiedBlock, decode, encode};
use quorate_network::{Reply, RequestError};
use quorate_storage::Chain;
use tokio::runtime;

use crate::executor::{ApplyError, ExecutorHandle};
use crate::fatal;
use crate::links::Links;
use crate::wire::{MAX_SYNC_BLOCKS, MAX_SYNC_REQUEST_BYTES, SyncRequest};

/// Bytes of an encoded certified block. The largest batches, as many as a proposal may name, have to
/// fit: a start refuses parameters that would allow more.
pub(crate) const MAX_BLOCK_BYTES: usize = 48 << 20;
/// Bytes of one frame of an answer; blocks are cut into frames and put together again.
const FRAME_BYTES: usize = 4 << 20;
/// How long a peer may take from one frame to the next.
const FRAME_DEADLINE: Duration = Duration::from_secs(10);
/// How long one answer may take in all.
const ANSWER_DEADLINE: Duration = Duration::from_secs(120);
/// How long to wait before peers are asked again after all have failed.
const RETRY: Duration = Duration::from_millis(200);

/// Tells the sync thread what is missing.
#[derive(Clone, Debug)]
pub(crate) struct SyncHandle {
    sender: Sender<(Height, Vec<ValidatorIndex>)>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    running: AtomicBool,
    target: AtomicU64,
    heights: Mutex<BTreeMap<ValidatorIndex, Height>>,
}

impl SyncHandle {
    /// Blocks up to `to` are missing here, and `holders` have them.
    pub(crate) fn fetch(&self, to: Height, holders: Vec<ValidatorIndex>) {
        self.progress.target.fetch_max(to.0, Ordering::AcqRel);
        {
            let mut heights = self
                .progress
                .heights
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            for holder in &holders {
                let known = heights.entry(*holder).or_default();
                *known = (*known).max(to);
            }
        }
        // The thread ends only with the node.
        let _ = self.sender.send((to, holders));
    }

    /// The highest height each validator was said to have certified, where that was above this node's.
    pub(crate) fn heights(&self) -> BTreeMap<ValidatorIndex, Height> {
        self.progress
            .heights
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Whether blocks are being fetched.
    pub(crate) fn is_running(&self) -> bool {
        self.progress.running.load(Ordering::Acquire)
    }
}

/// What the sync thread works with.
pub(crate) struct Parts {
    pub(crate) runtime: runtime::Handle,
    pub(crate) network: Digest,
    pub(crate) committee: Committee,
    pub(crate) chain: Arc<Chain>,
    pub(crate) executor: ExecutorHandle,
    pub(crate) links: Links,
}

/// Starts the sync thread; it ends when the last handle is dropped.
pub(crate) fn start(parts: Parts) -> (SyncHandle, JoinHandle<()>) {
    let (sender, receiver) = channel();
    let progress = Arc::new(Progress::default());
    let shared = Arc::clone(&progress);
    let thread = std::thread::Builder::new()
        .name("block-sync".to_owned())
        .spawn(move || parts.run(&receiver, &shared))
        .expect("a thread can be started");
    (SyncHandle { sender, progress }, thread)
}

#[derive(Debug, thiserror::Error)]
enum SyncError {
    #[error("no link to the peer")]
    NoLink,
    #[error("the peer did not answer within {} s", FRAME_DEADLINE.as_secs())]
    TooSlow,
    #[error("the peer ended the stream before the first block asked for")]
    Nothing,
    #[error(transparent)]
    Link(#[from] RequestError),
    #[error("a block of {0} bytes is announced, at most {MAX_BLOCK_BYTES} are allowed")]
    TooLong(usize),
    #[error("a block cannot be decoded: {0}")]
    Malformed(String),
    #[error("a block's certificate is no good: {0}")]
    Certificate(quorate_crypto::CertificateError),
    #[error("a certificate belongs to another block")]
    WrongCertificate,
    #[error(transparent)]
    Apply(ApplyError),
}

impl Parts {
    fn run(&self, receiver: &Receiver<(Height, Vec<ValidatorIndex>)>, progress: &Progress) {
        while let Ok((mut to, mut holders)) = receiver.recv() {
            progress.running.store(true, Ordering::Release);
            let mut turn = 0_usize;
            let mut failures = 0_usize;
            while self.chain.tip().height < to {
                while let Ok((further, others)) = receiver.try_recv() {
                    to = to.max(further);
                    holders.extend(
                        others
                            .into_iter()
                            .filter(|other| !holders.contains(other))
                            .collect::<Vec<_>>(),
                    );
                }
                let Some(holder) = holders.get(turn % holders.len().max(1)).copied() else {
                    break;
                };
                turn += 1;
                match self.fetch_from(holder, to) {
                    Ok(()) => failures = 0,
                    Err(SyncError::Apply(error @ ApplyError::Diverged { .. })) => fatal(&format!(
                        "this node has diverged and keeps its data for inspection: {error}"
                    )),
                    Err(error) => {
                        tracing::warn!(%holder, %error, "blocks could not be fetched");
                        failures += 1;
                    }
                }
                // Whoever is still behind after every peer was tried twice is told of it again.
                if failures > holders.len() * 2 {
                    break;
                }
                if failures > 0 {
                    std::thread::sleep(RETRY);
                }
            }
            progress.running.store(false, Ordering::Release);
        }
    }

    fn fetch_from(&self, holder: ValidatorIndex, to: Height) -> Result<(), SyncError> {
        let peer = *self.links.peers().get(&holder).ok_or(SyncError::NoLink)?;
        let from = self.chain.tip().height.next();
        let count = (to.0.saturating_sub(from.0) + 1).min(MAX_SYNC_BLOCKS);
        let request = Bytes::from(encode(&SyncRequest::V1 { from, count }));
        let asked = self.links.handle().request(peer, request, ANSWER_DEADLINE);
        let mut answer = self.runtime.block_on(asked)?;
        let mut received = BytesMut::new();
        let mut applied = 0;
        while applied < count {
            if let Some(block) = take_block(&mut received)? {
                self.take(&block)?;
                applied += 1;
                continue;
            }
            let next = self
                .runtime
                .block_on(async { tokio::time::timeout(FRAME_DEADLINE, answer.next()).await });
            match next.map_err(|_| SyncError::TooSlow)? {
                Some(frame) => received.extend_from_slice(&frame?),
                None => break,
            }
        }
        if applied == 0 {
            Err(SyncError::Nothing)
        } else {
            Ok(())
        }
    }

    fn take(&self, bytes: &[u8]) -> Result<(), SyncError> {
        let block: CertifiedBlock =
            decode(bytes, MAX_BLOCK_BYTES).map_err(|error| SyncError::Malformed(error.to_string()))?;
        let certificate = &block.v1().certificate;
        certificate
            .verify(self.network, &self.committee)
            .map_err(SyncError::Certificate)?;
        let header = block.v1().block.header();
        if certificate.block() != block.v1().block.hash()
            || certificate.height() != header.height
            || header.network != self.network
        {
            return Err(SyncError::WrongCertificate);
        }
        self.executor.apply(block).map_err(SyncError::Apply)
    }
}

/// The first whole block of what was received: a length (u32, little-endian), then so many bytes.
fn take_block(received: &mut BytesMut) -> Result<Option<Bytes>, SyncError> {
    let Some(prefix) = received.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > MAX_BLOCK_BYTES {
        return Err(SyncError::TooLong(length));
    }
    if received.len() < 4 + length {
        return Ok(None);
    }
    received.advance(4);
    Ok(Some(received.split_to(length).freeze()))
}

/// Answers peers' requests for blocks.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    chain: Arc<Chain>,
    runtime: runtime::Handle,
}

impl Server {
    /// Serves from `chain`.
    pub(crate) fn new(chain: Arc<Chain>, runtime: runtime::Handle) -> Self {
        Self { chain, runtime }
    }

    /// Sends what is asked for, as far as it is here and an answer may be long.
    pub(crate) fn answer(&self, request: &[u8], mut reply: Reply) {
        let Ok(SyncRequest::V1 { from, count }) = decode(request, MAX_SYNC_REQUEST_BYTES) else {
            return;
        };
        let chain = Arc::clone(&self.chain);
        self.runtime.spawn(async move {
            let mut height = from;
            for _ in 0..count.min(MAX_SYNC_BLOCKS) {
                let chain = Arc::clone(&chain);
                let read = move || chain.snapshot()?.certified_block_bytes(height);
                let Ok(Ok(Some(block))) = tokio::task::spawn_blocking(read).await else {
                    break;
                };
                if send_block(&block, &mut reply).await.is_none() {
                    break;
                }
                height = height.next();
            }
            // The peer may have gone.
            let _ = reply.finish().await;
        });
    }
}

/// Sends one block in frames; none if it does not fit any more, or the peer has gone.
async fn send_block(block: &[u8], reply: &mut Reply) -> Option<()> {
    if reply.room() < block.len() as u64 + 4 {
        return None;
    }
    let length = u32::try_from(block.len()).ok()?;
    let mut bytes = BytesMut::with_capacity(4 + block.len());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(block);
    let mut bytes = bytes.freeze();
    while !bytes.is_empty() {
        let frame = bytes.split_to(bytes.len().min(FRAME_BYTES));
        reply.send(frame).await.ok()?;
    }
    Some(())
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
            while let Some(block) = take_block(&mut received).unwrap() {
                blocks.push(block);
            }
        }
        assert_eq!(blocks, [&b"abc"[..], b"", b"de"]);
    }

    #[test]
    fn a_length_beyond_the_bound_is_refused_before_it_is_waited_for() {
        let mut received = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
        assert!(matches!(take_block(&mut received), Err(SyncError::TooLong(_))));
    }
}
