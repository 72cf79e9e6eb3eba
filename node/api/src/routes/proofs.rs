//! Proofs: files that whoever has the genesis document checks without believing any node.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::Block;
use quorate_ledger::{Address, Height, Timestamp};

use super::blocks::find;
use crate::app::{App, At};
use crate::input::{Name, Params, address, asset_code, block_ref, digest};
use crate::node::{BlockRef, ProofRequest, Snapshot};
use crate::problem::Failure;

/// The content type of a proof's file, which is ASCII.
const TEXT: &str = "text/plain";

/// That a transaction was executed, where and with what outcome.
///
/// The file shows the transaction, too, and what there is of its texts. `quorate audit verify` checks it against the
/// genesis document alone, as it does all proofs.
#[utoipa::path(get, path = "/v1/proofs/transaction/{id}", operation_id = "prove_transaction", tag = "proofs",
    params(
        ("id" = String, Path, description = "The transaction's id, 64 hexadecimal digits"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_hash`"),
        (status = 404, description = "`no_blocks` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn transaction(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let id = digest(&name, "a transaction id")?;
    answer(&app, &params, move |_, _| Ok(ProofRequest::Transaction { id })).await
}

/// Which texts of a transaction were erased, by whom and when; or that none was.
///
/// A proof of the transaction shows the texts that there are, and says of the others nothing more than their hashes.
#[utoipa::path(get, path = "/v1/proofs/erasure/{id}", operation_id = "prove_erasure", tag = "proofs",
    params(
        ("id" = String, Path, description = "The transaction's id, 64 hexadecimal digits"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_hash`"),
        (status = 404, description = "`no_blocks` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn erasure(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let id = digest(&name, "a transaction id")?;
    answer(&app, &params, move |_, _| Ok(ProofRequest::Erasure { id })).await
}

/// What an account is: its leaf of the state, all its balances and holds; or that there is none.
#[utoipa::path(get, path = "/v1/proofs/account/{address}", operation_id = "prove_account", tag = "proofs",
    params(
        ("address" = String, Path, description = "An address, qr1…"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_address`"),
        (status = 404, description = "`no_blocks` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn account(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let address = address(&name)?;
    answer(&app, &params, move |_, _| Ok(ProofRequest::Account { address })).await
}

/// All entries of an account between two times, with its balances before and after.
#[utoipa::path(get, path = "/v1/proofs/statement/{address}", operation_id = "prove_statement", tag = "proofs",
    params(
        ("address" = String, Path, description = "An address, qr1…"),
        ("from" = Option<String>, Query, description = "From this time on; from the beginning unless given"),
        ("to" = Option<String>, Query, description = "To before this time; unless given, up to the block that it is read at, that included"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_address` `malformed_range`"),
        (status = 404, description = "`no_blocks` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn statement(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let address = address(&name)?;
    let (from, to) = (params.time("from")?, params.time("to")?);
    answer(&app, &params, move |_, tip| {
        Ok(statement_of(address, from, to, tip))
    })
    .await
}

/// An asset: its leaf of the state, or that there is none.
#[utoipa::path(get, path = "/v1/proofs/asset/{code}", operation_id = "prove_asset", tag = "proofs",
    params(
        ("code" = String, Path, description = "1 to 12 of A–Z and 0–9"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_asset`"),
        (status = 404, description = "`no_blocks` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn asset(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let code = asset_code(&name)?;
    answer(&app, &params, move |_, _| Ok(ProofRequest::Asset { code })).await
}

/// Who claims a document, and whether an account has a record of its own of it; or that neither is so.
///
/// Records that are kept in the log alone are proven by their transactions.
#[utoipa::path(get, path = "/v1/proofs/record/{sha256}", operation_id = "prove_record", tag = "proofs",
    params(
        ("sha256" = String, Path, description = "The document's SHA-256, 64 hexadecimal digits"),
        ("by" = Option<String>, Query, description = "The account whose own record it would be; only who claims it unless given"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_hash` `malformed_address`"),
        (status = 404, description = "`no_blocks` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn record(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let sha256 = digest(&name, "a document's SHA-256")?;
    let by = params.text("by").map(crate::input::address).transpose()?;
    answer(&app, &params, move |_, _| Ok(ProofRequest::Record { sha256, by })).await
}

/// All that a block executed, in order, with what each transaction did; none of it left out.
///
/// Who signed, and texts, are proven by the transaction itself.
#[utoipa::path(get, path = "/v1/proofs/block/{block}", operation_id = "prove_block", tag = "proofs",
    params(
        ("block" = String, Path, description = "A height, a block hash or `latest`"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_block`"),
        (status = 404, description = "`no_blocks` `unknown_block` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn block(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let reference = block_ref(&name)?;
    answer(&app, &params, move |snapshot, _| block_of(snapshot, reference)).await
}

/// The committees from genesis on: whom a verifier has to know before it believes a later block.
#[utoipa::path(get, path = "/v1/proofs/committees", operation_id = "prove_committees", tag = "proofs",
    params(
        ("to" = Option<u64>, Query, description = "Up to the epoch of this height; up to the last one unless given"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The proof's file", content_type = "text/plain", body = String),
        (status = 400, description = "`malformed_range`"),
        (status = 404, description = "`no_blocks` `nothing_to_prove` `not_at_hand`"),
        (status = 422, description = "`proof_too_long`")))]
pub(crate) async fn committees(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let to = params.number("to", "malformed_range")?.map(Height);
    answer(&app, &params, move |_, _| Ok(ProofRequest::Committees { to })).await
}

/// The request for what a block executed.
pub(crate) fn block_of(
    snapshot: &dyn Snapshot,
    reference: Option<BlockRef>,
) -> Result<ProofRequest, Failure> {
    let height = find(snapshot, reference)?.height;
    Ok(ProofRequest::Block { height })
}

/// A statement's request: what is not said is the beginning, and the end of what is certified.
pub(crate) fn statement_of(
    address: Address,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    tip: &Block,
) -> ProofRequest {
    ProofRequest::Statement {
        address,
        from: from.unwrap_or(Timestamp(0)),
        to: to.unwrap_or(Timestamp(tip.timestamp.0.saturating_add(1))),
    }
}

/// The file that proves what `ask` asks for, which sees the chain with its last block.
pub(crate) async fn file<F>(app: &App, min_height: Option<Height>, ask: F) -> Result<At<String>, Failure>
where
    F: FnOnce(&dyn Snapshot, &Block) -> Result<ProofRequest, Failure> + Send + 'static,
{
    let limit = app.config.max_proof_bytes;
    app.prove(min_height, move |snapshot, _| {
        // Before the first block nothing is certified that could prove anything.
        let tip = find(snapshot, None)?;
        let request = ask(snapshot, &tip)?;
        let text = snapshot.proof(&request)??;
        match text.len() <= limit {
            true => Ok(text),
            false => {
                let length = text.len();
                let detail =
                    format!("the proof has {length} bytes, at most {limit} are given: ask for less at once");
                Err(Failure::ProofTooLong { detail })
            }
        }
    })
    .await
}

async fn answer<F>(app: &App, params: &Params, ask: F) -> Result<Response, Failure>
where
    F: FnOnce(&dyn Snapshot, &Block) -> Result<ProofRequest, Failure> + Send + 'static,
{
    let file = file(app, params.min_height()?, ask).await?;
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(TEXT))];
    Ok(file.respond(|text| (kind, text).into_response()))
}
