//! Blocks.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Block, BlockList, OCTET_STREAM, Problem};
use quorate_ledger::{Digest, Height};

use crate::app::App;
use crate::config::{ID_CHUNK, MAX_IDS_PER_PAGE};
use crate::facts::BlockFacts;
use crate::input::{Name, Params, block_ref, wants_bytes, whole_number};
use crate::node::{BlockRef, Fault, Snapshot};
use crate::problem::Failure;
use crate::shape::{self, Names};

/// Blocks, newest first.
#[utoipa::path(get, path = "/v1/blocks", tag = "blocks",
    params(
        ("limit" = Option<u32>, Query, description = "At most so many, 1 to 200; 25 by default. Full blocks make shorter pages"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = BlockList), (status = 400, body = Problem)))]
pub(crate) async fn blocks(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let limit = params.limit()?;
    let first = params.cursor(whole_number)?;
    let names = app.names();
    let read = app.read(params.min_height()?, move |snapshot, _| {
        let tip = snapshot.tip().height.0;
        let mut height = first.unwrap_or(tip).min(tip);
        let mut blocks = Vec::new();
        let mut ids = 0;
        while height > 0 && blocks.len() < limit && ids < MAX_IDS_PER_PAGE {
            // Blocks pruned here end the list.
            let Some(facts) = snapshot.block(BlockRef::Height(Height(height)))? else {
                break;
            };
            let block = with_ids(snapshot, &facts, &names)?;
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
            let facts = find(snapshot, reference)?;
            let bytes = snapshot.certified_block(facts.header.v1().height)?;
            bytes.ok_or_else(unknown_block)
        });
        return Ok(read.await?.respond(octets));
    }
    let names = app.names();
    let read = app.read(min_height, move |snapshot, _| {
        let facts = find(snapshot, reference)?;
        with_ids(snapshot, &facts, &names)
    });
    Ok(read.await?.into_response())
}

/// The block that is meant, or the latest.
pub(crate) fn find(snapshot: &dyn Snapshot, reference: Option<BlockRef>) -> Result<BlockFacts, Failure> {
    let reference = match reference {
        Some(reference) => reference,
        None if snapshot.tip().height == Height::GENESIS => {
            return Err(Failure::not_found("no_blocks", "no block is certified here yet"));
        }
        None => BlockRef::Height(snapshot.tip().height),
    };
    snapshot.block(reference)?.ok_or_else(unknown_block)
}

fn unknown_block() -> Failure {
    Failure::not_found(
        "unknown_block",
        "this node has no certified block of that height or hash",
    )
}

/// The block's document. Ids are read in pieces as large as a snapshot gives.
pub(crate) fn with_ids(snapshot: &dyn Snapshot, facts: &BlockFacts, names: &Names) -> Result<Block, Failure> {
    let header = facts.header.v1();
    let mut ids: Vec<Digest> = Vec::new();
    while let Some(from) = u32::try_from(ids.len())
        .ok()
        .filter(|from| *from < header.transaction_count)
    {
        let piece = snapshot.transactions_at(header.height, from, ID_CHUNK)?;
        if piece.is_empty() {
            let reason = format!(
                "block {} has fewer transactions than its header says",
                header.height
            );
            return Err(Fault(reason).into());
        }
        ids.extend(piece.iter().map(|transaction| transaction.id));
    }
    Ok(shape::block(facts, ids, names))
}

pub(crate) fn octets(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM))], bytes).into_response()
}
