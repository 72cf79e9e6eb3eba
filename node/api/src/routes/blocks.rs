//! Blocks.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Block, BlockList, OCTET_STREAM, Problem};
use quorate_ledger::{Digest, Height};

use crate::app::App;
use crate::config::{ID_CHUNK, MAX_IDS_PER_PAGE};
use crate::input::{Name, Params, block_ref, wants_bytes, whole_number};
use crate::node::{BlockRef, Fault, Snapshot};
use crate::problem::Failure;

/// Blocks, newest first.
#[utoipa::path(get, path = "/v1/blocks", tag = "blocks",
    params(
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 25 by default. Full blocks make shorter pages"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = BlockList), (status = 400, body = Problem)))]
pub(crate) async fn blocks(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let limit = params.limit()?;
    let first = params.cursor(whole_number)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        let tip = snapshot.height().0;
        let mut height = first.unwrap_or(tip).min(tip);
        let mut blocks = Vec::new();
        let mut ids = 0;
        while height > 0 && blocks.len() < limit && ids < MAX_IDS_PER_PAGE {
            // Blocks pruned here end the list.
            let Some(block) = snapshot.block(BlockRef::Height(Height(height)))? else {
                break;
            };
            let block = with_ids(snapshot, block)?;
            ids += block.transactions.len();
            blocks.push(block);
            height -= 1;
        }
        let next = (height > 0 && !blocks.is_empty()).then(|| height.to_string());
        Ok(BlockList { blocks, next })
    });
    Ok(read.await?.into_response())
}

/// A block by height, by hash, or the latest one. As bytes: `CertifiedBlock`.
#[utoipa::path(get, path = "/v1/blocks/{block}", tag = "blocks",
    params(
        ("block" = String, Path, description = "A height, a block hash or `latest`"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses(
        (status = 200, content((Block = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn block(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let reference = block_ref(&name)?;
    let min_height = params.min_height()?;
    if wants_bytes(&headers) {
        let read = app.read(min_height, move |snapshot, _| {
            let block = find(snapshot, reference)?;
            let bytes = snapshot.certified_block(block.height)?;
            bytes.ok_or_else(unknown_block)
        });
        return Ok(read.await?.respond(octets));
    }
    let read = app.read(min_height, move |snapshot, _| {
        let block = find(snapshot, reference)?;
        with_ids(snapshot, block)
    });
    Ok(read.await?.into_response())
}

/// The block that is meant, or the latest; without ids.
pub(crate) fn find(snapshot: &dyn Snapshot, reference: Option<BlockRef>) -> Result<Block, Failure> {
    let reference = match reference {
        Some(reference) => reference,
        None if snapshot.height() == Height::GENESIS => {
            return Err(Failure::not_found("no_blocks", "no block is certified here yet"));
        }
        None => BlockRef::Height(snapshot.height()),
    };
    snapshot.block(reference)?.ok_or_else(unknown_block)
}

fn unknown_block() -> Failure {
    Failure::not_found(
        "unknown_block",
        "this node has no certified block of that height or hash",
    )
}

/// The block with its ids, which are read in pieces as large as a snapshot gives.
pub(crate) fn with_ids(snapshot: &dyn Snapshot, block: Block) -> Result<Block, Failure> {
    let mut transactions: Vec<Digest> = Vec::new();
    while let Some(from) = u32::try_from(transactions.len())
        .ok()
        .filter(|from| *from < block.transaction_count)
    {
        let piece = snapshot.ids_at(block.height, from, ID_CHUNK)?;
        if piece.is_empty() {
            let reason = format!(
                "block {} has fewer transactions than its header says",
                block.height
            );
            return Err(Fault(reason).into());
        }
        transactions.extend(piece);
    }
    Ok(Block {
        transactions,
        ..block
    })
}

pub(crate) fn octets(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM))], bytes).into_response()
}
