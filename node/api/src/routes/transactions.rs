//! Reading transactions, one or a list of them.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Transaction, TransactionList, TransactionStatus};
use quorate_ledger::{Digest, Height};

use crate::app::{App, At};
use crate::cursor::ListTag;
use crate::input::{Name, Params, digest, wants_bytes};
use crate::problem::Failure;
use crate::scan::{self, Mark};

use super::blocks::octets;

/// Executed transactions, newest first.
///
/// All of them, or those that fit what is given. A call looks at 4,096 transactions and 1,024 blocks at most, or at
/// 512 of an account or a sender: a page may have fewer transactions than `limit`, even none, and yet a `next` to go
/// on from. Only a `next` of null is the end.
#[utoipa::path(get, path = "/v1/transactions", operation_id = "list_transactions", tag = "transactions",
    params(
        ("account" = Option<String>, Query, description = "Those in the history of this account: it is a party of them, or they changed what it has or is to be given"),
        ("sender" = Option<String>, Query, description = "Those that this account sent, as the first of their parties; with `account`, those of them in that one's history"),
        ("asset" = Option<String>, Query, description = "Those with an operation about this asset"),
        ("kind" = Option<String>, Query, description = "Those with an operation of this type; with `asset`, one operation has to be both"),
        ("from" = Option<String>, Query, description = "From this block on: its height, or a time in RFC 3339"),
        ("to" = Option<String>, Query, description = "Up to this block: its height, or a time in RFC 3339"),
        ("limit" = Option<u32>, Query),
        ("cursor" = Option<String>, Query),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, body = TransactionList),
        (status = 400, description = "`malformed_address` `malformed_asset` `malformed_kind` `malformed_range`")))]
pub(crate) async fn transactions(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let filter = params.filter()?;
    let limit = params.limit()?;
    let min_height = params.min_height()?;
    let tag = ListTag::transactions(&filter);
    let before = params.cursor(&tag, |text| Mark::read(&filter, text))?;
    let read = app.read(min_height, move |snapshot, _| {
        Ok(tag.page(scan::list(snapshot, &filter, before, limit)?))
    });
    Ok(read.await?.into_response())
}

/// A transaction by its id.
///
/// As bytes, once it is executed: its entry of the log, the transaction, and its texts or, where one is erased or not
/// at hand, the hash of its leaf. While it is pending it is not given as bytes, as it has no entry.
#[utoipa::path(get, path = "/v1/transactions/{id}", tag = "transactions",
    params(
        ("id" = String, Path, description = "The transaction's id, 64 hexadecimal digits"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, content((Transaction = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 400, description = "`malformed_hash`"),
        (status = 404, description = "`unknown_transaction`"),
        (status = 409, description = "`pending`")))]
pub(crate) async fn transaction(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = digest(&name, "a transaction id")?;
    let min_height = params.min_height()?;
    if wants_bytes(&headers) {
        return Ok(bytes(&app, id, min_height).await?.respond(octets));
    }
    // The pool first: what leaves it in between is in every later snapshot.
    let pending = app.node.pending(&id);
    let read = app.read(min_height, move |snapshot, _| {
        let executed = snapshot.transaction(&id)?;
        executed.or(pending).ok_or_else(unknown_transaction)
    });
    Ok(read.await?.into_response())
}

/// An executed transaction in canonical bytes.
pub(crate) async fn bytes(app: &App, id: Digest, min_height: Option<Height>) -> Result<At<Vec<u8>>, Failure> {
    // The pool first, as above. One that has expired there will never be executed.
    let pending = app.node.pending(&id);
    let is_pending = pending.is_some_and(|pending| pending.status == TransactionStatus::Pending);
    app.read(min_height, move |snapshot, _| {
        let executed = snapshot.transaction_bytes(&id)?;
        executed.ok_or_else(|| match is_pending {
            true => Failure::NotYet {
                code: "pending",
                detail: "the transaction is pending: it has an entry in the log, and bytes with it, once it is executed"
                    .to_owned(),
            },
            false => unknown_transaction(),
        })
    })
    .await
}

fn unknown_transaction() -> Failure {
    Failure::not_found(
        "unknown_transaction",
        "no transaction with this id was executed, and none is pending on this node",
    )
}
