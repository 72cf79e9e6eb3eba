//! The serving of certified blocks to a peer that was away.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use quorate_ledger::decode;
use quorate_network::Reply;
use quorate_storage::Chain;
use tokio::runtime;

use crate::wire::{MAX_SYNC_BLOCKS, MAX_SYNC_REQUEST_BYTES, SyncRequest};

/// Bytes of one frame of an answer; blocks are cut into frames and put together again.
const FRAME_BYTES: usize = 4 << 20;

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

    /// Sends what is asked for, as far as it is here and an answer may be long, each block after `pace`.
    pub(crate) fn answer(&self, request: &[u8], pace: Duration, mut reply: Reply) {
        let Ok(SyncRequest::V1 { from, count }) = decode(request, MAX_SYNC_REQUEST_BYTES) else {
            return;
        };
        let chain = Arc::clone(&self.chain);
        self.runtime.spawn(async move {
            let mut height = from;
            for _ in 0..count.min(MAX_SYNC_BLOCKS) {
                if !pace.is_zero() {
                    tokio::time::sleep(pace).await;
                }
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
