//! The log as other logs show theirs (`docs/checkpoints.md`, section 4), and headers with their seals. Whatever is read
//! here is worth nothing by itself.

use quorate_checkpoint::{MAX_NOTE_BYTES, MAX_SIGNED_ROOT_BYTES, TileOf, TilePath};
use quorate_ledger::{CertifiedHeader, Height};

use super::{Bytes, Call, Client};
use crate::ClientError;
use crate::schema::OCTET_STREAM;

/// The content type of a note.
const PLAIN_TEXT: &str = "text/plain";

/// Bytes of a header with a seal of each validator that a committee may have, and some more.
const MAX_HEADER: usize = 16 << 10;

/// Bytes of a static file: of hashes a complete tile has 8 KiB, of entries a bundle at most 256 times 4,226 bytes.
const MAX_TILE: usize = 8 << 10;
const MAX_BUNDLE: usize = 256 * (2 + 4_224);

/// Bytes of a problem document: it comes in the place of what was asked for.
const MAX_PROBLEM: usize = 64 << 10;

impl Client {
    /// A block's header with a quorum of seals; without a height the newest one's.
    pub async fn certified_header(&self, height: Option<Height>) -> Result<CertifiedHeader, ClientError> {
        let block = height.map_or_else(|| "latest".to_owned(), |height| height.to_string());
        let call = bounded(format!("v1/blocks/{block}/header"), OCTET_STREAM, MAX_HEADER);
        let reply = self.send(call).await?;
        quorate_ledger::decode(&reply.body, MAX_HEADER).map_err(|error| ClientError::Protocol {
            node: reply.node.to_string(),
            reason: format!("its header of block {block} cannot be decoded: {error}"),
        })
    }

    /// The note of the newest checkpoint that the node's validator signed, or of that of a size; none if it has none.
    pub async fn checkpoint(&self, size: Option<u64>) -> Result<Option<Bytes>, ClientError> {
        let mut call = bounded("v1/log/checkpoint", PLAIN_TEXT, MAX_NOTE_BYTES);
        call.query.extend(size.map(|size| ("size", size.to_string())));
        self.found(call).await
    }

    /// The root of the same checkpoint, signed for COSE; none if the node has none.
    pub async fn signed_root(&self, size: Option<u64>) -> Result<Option<Bytes>, ClientError> {
        let mut call = bounded("v1/log/signed-root", OCTET_STREAM, MAX_SIGNED_ROOT_BYTES);
        call.query.extend(size.map(|size| ("size", size.to_string())));
        self.found(call).await
    }

    /// The newest note of a witness whose URL this client has in the place of a node's; none if it has none.
    pub async fn witnessed(&self) -> Result<Option<Bytes>, ClientError> {
        self.found(bounded("checkpoint", PLAIN_TEXT, MAX_NOTE_BYTES))
            .await
    }

    /// A static file of the log.
    pub async fn log_file(&self, path: &TilePath) -> Result<Bytes, ClientError> {
        let longest = match path.of {
            TileOf::Hashes(_) => MAX_TILE,
            TileOf::Entries => MAX_BUNDLE,
        };
        let call = bounded(format!("v1/log/{path}"), OCTET_STREAM, longest);
        Ok(self.send(call).await?.body)
    }

    async fn found(&self, call: Call) -> Result<Option<Bytes>, ClientError> {
        match self.send(call).await {
            Ok(reply) => Ok(Some(reply.body)),
            Err(ClientError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A call whose answer has at most so many bytes, or is a problem document.
fn bounded(path: impl Into<String>, accept: &'static str, longest: usize) -> Call {
    let mut call = Call::get(path);
    call.accept = accept;
    call.longest = longest.max(MAX_PROBLEM);
    call
}
