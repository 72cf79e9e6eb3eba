//! Blocks.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Block, BlockList, OCTET_STREAM, TransactionList};
use quorate_ledger::{Digest, Height};

use crate::app::{App, At};
use crate::config::{ID_CHUNK, LOOK_CHUNK, MAX_IDS_PER_PAGE};
use crate::cursor::{ListTag, foreign};
use crate::input::{Name, Params, Place, block_ref, wants_bytes, whole_number};
use crate::node::{BlockRef, Fault, Snapshot};
use crate::problem::Failure;
use crate::scan::{Page, cut_short};

/// Blocks, newest first.
#[utoipa::path(get, path = "/v1/blocks", tag = "blocks",
    params(
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 25 by default. Full blocks make shorter pages"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, description = "Blocks, newest first. Full blocks make shorter pages", body = BlockList)))]
pub(crate) async fn blocks(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let limit = params.limit()?;
    let first = params.cursor(&ListTag::blocks(), whole_number)?.map(Height);
    let read = app.read(params.min_height()?, move |snapshot, _| {
        list(snapshot, first, limit, with_ids)
    });
    Ok(read.await?.into_response())
}

/// Blocks from a height down, or from the last one, each as `shape` makes it; its ids count, if it has them.
pub(crate) fn list(
    snapshot: &dyn Snapshot,
    first: Option<Height>,
    limit: usize,
    shape: impl Fn(&dyn Snapshot, Block) -> Result<Block, Fault>,
) -> Result<BlockList, Failure> {
    let tip = snapshot.height();
    let mut height = first.unwrap_or(tip).min(tip).0;
    let mut blocks = Vec::new();
    let mut ids = 0;
    while height > 0 && blocks.len() < limit && ids < MAX_IDS_PER_PAGE {
        // Blocks pruned here end the list.
        let Some(block) = snapshot.block(BlockRef::Height(Height(height)))? else {
            break;
        };
        let block = shape(snapshot, block)?;
        ids += block.transactions.len();
        blocks.push(block);
        height -= 1;
    }
    let next = (height > 0 && !blocks.is_empty()).then(|| ListTag::blocks().cursor(height));
    Ok(BlockList { blocks, next })
}

/// A block by height, by hash, or the latest one. As bytes: `CertifiedBlock`.
#[utoipa::path(get, path = "/v1/blocks/{block}", tag = "blocks",
    params(
        ("block" = String, Path, description = "A height, a block hash or `latest`"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, content((Block = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 400, description = "`malformed_block`"),
        (status = 404, description = "`unknown_block` `no_blocks`")))]
pub(crate) async fn block(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let reference = block_ref(&name)?;
    let min_height = params.min_height()?;
    if wants_bytes(&headers) {
        return Ok(bytes(&app, reference, min_height).await?.respond(octets));
    }
    let read = app.read(min_height, move |snapshot, _| {
        let block = find(snapshot, reference)?;
        Ok(with_ids(snapshot, block)?)
    });
    Ok(read.await?.into_response())
}

/// The canonical bytes of a block, with its certificate and batches.
pub(crate) async fn bytes(
    app: &App,
    reference: Option<BlockRef>,
    min_height: Option<Height>,
) -> Result<At<Vec<u8>>, Failure> {
    app.read_block(min_height, move |snapshot, _| {
        let block = find(snapshot, reference)?;
        let bytes = snapshot.certified_block(block.height)?;
        bytes.ok_or_else(unknown_block)
    })
    .await
}

/// A block's header with exactly a quorum of seals, as canonical bytes: `CertifiedHeader`.
///
/// It is all that is needed to compare what two nodes have at one height; whoever knows the committee checks it.
#[utoipa::path(get, path = "/v1/blocks/{block}/header", operation_id = "block_header", tag = "blocks",
    params(
        ("block" = String, Path, description = "A height, a block hash or `latest`"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The header with its seals", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "`malformed_block`"),
        (status = 404, description = "`unknown_block` `no_blocks`")))]
pub(crate) async fn header(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let reference = block_ref(&name)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        let block = find(snapshot, reference)?;
        snapshot.certified_header(block.height)?.ok_or_else(unknown_block)
    });
    Ok(read.await?.respond(octets))
}

/// The transactions of a block, whole and in their order.
#[utoipa::path(get, path = "/v1/blocks/{block}/transactions", operation_id = "block_transactions", tag = "blocks",
    params(
        ("block" = String, Path, description = "A height, a block hash or `latest`; further pages are of the block of the first"),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "A page of the block's transactions; long transactions make shorter pages", body = TransactionList),
        (status = 400, description = "`malformed_block`"),
        (status = 404, description = "`unknown_block` `no_blocks`")))]
pub(crate) async fn transactions(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let reference = block_ref(&name)?;
    let limit = params.limit()?;
    let tag = ListTag::block_transactions();
    let from = params.cursor(&tag, Place::read)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        // By the next page another block may be the latest.
        let begun = from.map(|from| BlockRef::Height(from.height));
        let block = find(snapshot, reference.or(begun))?;
        if let Some(from) = from.filter(|from| from.height != block.height) {
            return Err(foreign(&tag.cursor(from)));
        }
        let mut index = from.map_or(0, |from| from.index);
        let mut page = Page::new(limit);
        while index < block.transaction_count && !page.is_full() {
            let piece = snapshot.transactions_at(block.height, index, LOOK_CHUNK.min(page.room()))?;
            if piece.is_empty() {
                return Err(cut_short(block.height).into());
            }
            for transaction in piece {
                if page.is_full() {
                    break;
                }
                page.push(transaction);
                index = index.saturating_add(1);
            }
        }
        let next = Place {
            height: block.height,
            index,
        };
        Ok(page.before((index < block.transaction_count).then(|| tag.cursor(next))))
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
pub(crate) fn with_ids(snapshot: &dyn Snapshot, block: Block) -> Result<Block, Fault> {
    let mut transactions: Vec<Digest> = Vec::new();
    while let Some(from) = u32::try_from(transactions.len())
        .ok()
        .filter(|from| *from < block.transaction_count)
    {
        let piece = snapshot.ids_at(block.height, from, ID_CHUNK)?;
        if piece.is_empty() {
            return Err(cut_short(block.height));
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
