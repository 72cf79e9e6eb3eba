//! Reading transactions.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Problem, Transaction};
use quorate_ledger::encode;

use crate::app::App;
use crate::input::{Name, Params, digest, wants_bytes};
use crate::problem::Failure;
use crate::shape;

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
    // The pool first: what leaves it in between is in every later snapshot.
    let pending = app.node.pending(&id);
    let found = app.read(params.min_height()?, move |snapshot, _| {
        if let Some(facts) = snapshot.transaction(&id)? {
            return Ok((shape::transaction(&facts), encode(&facts.transaction)));
        }
        let facts = pending.ok_or_else(|| {
            let detail = "no transaction with this id was executed, and none is pending on this node";
            Failure::not_found("unknown_transaction", detail)
        })?;
        Ok((shape::pending(&facts), encode(&facts.transaction)))
    });
    let found = found.await?;
    Ok(if wants_bytes(&headers) {
        found.respond(|(_, bytes)| octets(bytes))
    } else {
        found.map(|(view, _)| view).into_response()
    })
}
