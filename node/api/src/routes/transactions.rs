//! Reading transactions.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Problem, Transaction};

use crate::app::App;
use crate::input::{Name, Params, digest, wants_bytes};
use crate::problem::Failure;

use super::blocks::octets;

/// A transaction by its id. As bytes: the canonical encoding that was submitted.
#[utoipa::path(get, path = "/v1/transactions/{id}", tag = "transactions",
    params(
        ("id" = String, Path, description = "The transaction's id, 64 hexadecimal digits"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses(
        (status = 200, content((Transaction = "application/json"), (Vec<u8> = "application/octet-stream"))),
        (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn transaction(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let id = digest(&name, "a transaction id")?;
    let min_height = params.min_height()?;
    // The pool first: what leaves it in between is in every later snapshot.
    if wants_bytes(&headers) {
        let pending = app.node.pending_bytes(&id);
        let read = app.read(min_height, move |snapshot, _| {
            let executed = snapshot.transaction_bytes(&id)?;
            executed.or(pending).ok_or_else(unknown_transaction)
        });
        return Ok(read.await?.respond(octets));
    }
    let pending = app.node.pending(&id);
    let read = app.read(min_height, move |snapshot, _| {
        let executed = snapshot.transaction(&id)?;
        executed.or(pending).ok_or_else(unknown_transaction)
    });
    Ok(read.await?.into_response())
}

fn unknown_transaction() -> Failure {
    Failure::not_found(
        "unknown_transaction",
        "no transaction with this id was executed, and none is pending on this node",
    )
}
