//! Blocks and headers that a quorum sealed, each fetched and checked once.

use std::sync::Arc;

use futures::StreamExt as _;
use quorate_client::wallet::VerifiedBlock;
use quorate_ledger::{Header, Height, Timestamp};

use super::{Ledger, Trusted};
use crate::failure::Failure;

/// How many checked blocks are kept: payments sent together come to lie in few blocks.
const KEPT_BLOCKS: usize = 16;

/// How many checked headers are kept: those of what was paid together lie side by side.
const KEPT_HEADERS: usize = 256;

/// How many blocks are fetched at a time where many are looked through: as many as a node reads for one client.
const FETCHED_AT_ONCE: usize = 4;

impl Ledger {
    /// A header that a quorum sealed.
    pub(super) async fn header(&self, trusted: &Trusted, height: Height) -> Result<Header, Failure> {
        // Held while fetching: whoever else wants the same header gets it from here.
        let mut headers = trusted.headers.lock().await;
        if let Some(header) = headers.get(&height) {
            return Ok(header.clone());
        }
        let header = trusted.genesis.lock().await.header(&self.client, height).await?;
        headers.insert(height, header.clone());
        while headers.len() > KEPT_HEADERS {
            headers.pop_first();
        }
        Ok(header)
    }

    /// The header before a height; none before the first.
    pub(super) async fn header_before(
        &self,
        trusted: &Trusted,
        height: Height,
    ) -> Result<Option<Header>, Failure> {
        match height.0.checked_sub(1) {
            None | Some(0) => Ok(None),
            Some(before) => self.header(trusted, Height(before)).await.map(Some),
        }
    }

    /// A block whose certificate and contents were checked.
    pub(super) async fn verified(
        &self,
        trusted: &Trusted,
        height: Height,
    ) -> Result<Arc<VerifiedBlock>, Failure> {
        // Held while fetching: whoever else wants the same block gets it from here.
        let mut blocks = trusted.blocks.lock().await;
        if let Some(block) = blocks.get(&height) {
            return Ok(Arc::clone(block));
        }
        let fetched = self.client.certified_block(height).await?;
        let before = self.header_before(trusted, height).await?;
        let mut genesis = trusted.genesis.lock().await;
        let block = genesis.block(&self.client, height, &fetched, before).await?;
        let block = Arc::new(block);
        blocks.insert(height, Arc::clone(&block));
        while blocks.len() > KEPT_BLOCKS {
            blocks.pop_first();
        }
        Ok(block)
    }

    /// Shows `visit` each block above `down_to` up to `tip`, newest first and checked, until one is older than
    /// `since`. No node can leave anything out of them.
    ///
    /// # Errors
    /// Without the genesis document, by which alone blocks are checked; if one cannot be had or is not good.
    pub async fn look_through(
        &self,
        (tip, down_to): (Height, Height),
        since: Timestamp,
        mut visit: impl FnMut(Height, &VerifiedBlock),
    ) -> Result<(), Failure> {
        let trusted = self
            .trusted
            .as_ref()
            .ok_or_else(|| Failure::failed("blocks are checked by the genesis document alone"))?;
        let client = self.client.at_least(tip);
        let heights = (down_to.0.saturating_add(1)..=tip.0).rev().map(Height);
        let fetched = futures::stream::iter(heights).map(|height| {
            let client = client.clone();
            async move { (height, client.certified_block(height).await) }
        });
        let mut fetched = fetched.buffered(FETCHED_AT_ONCE);
        while let Some((height, block)) = fetched.next().await {
            let block = block?;
            let before = self.header_before(trusted, height).await?;
            let verified = {
                let mut genesis = trusted.genesis.lock().await;
                genesis.block(&client, height, &block, before).await?
            };
            if verified.header().timestamp < since {
                break;
            }
            visit(height, &verified);
        }
        Ok(())
    }

    /// The time of a block: the certified one, or by the node's word without the genesis document.
    pub async fn time_of(&self, height: Height) -> Result<Timestamp, Failure> {
        match &self.trusted {
            Some(trusted) => Ok(self.header(trusted, height).await?.v1().timestamp),
            None => Ok(self.client.block(&height.to_string()).await?.timestamp),
        }
    }
}
