//! Accounts and their transactions.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Account, Problem, Transaction, TransactionList};
use quorate_ledger::Address;

use crate::app::App;
use crate::input::{Name, Params, address, whole_number};
use crate::node::{Fault, Snapshot};
use crate::problem::Failure;
use crate::shape;

/// An account. One that was never used has no balances.
#[utoipa::path(get, path = "/v1/accounts/{address}", tag = "accounts",
    params(
        ("address" = String, Path, description = "An address, qr1…"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = Account), (status = 400, body = Problem)))]
pub(crate) async fn account(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let address = address(&name)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        Ok(shape::account(address, snapshot.account(&address)?))
    });
    Ok(read.await?.into_response())
}

/// An account's transactions, newest first.
#[utoipa::path(get, path = "/v1/accounts/{address}/transactions", tag = "accounts",
    params(
        ("address" = String, Path, description = "An address, qr1…"),
        ("limit" = Option<u32>, Query, description = "At most so many, 1 to 200; 25 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = TransactionList), (status = 400, body = Problem)))]
pub(crate) async fn transactions(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let address = address(&name)?;
    let limit = params.limit()?;
    let before = params.cursor(whole_number)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        page(snapshot, &address, before, limit)
    });
    Ok(read.await?.into_response())
}

/// Entries of an account's history with numbers below `before`.
pub(crate) fn page(
    snapshot: &dyn Snapshot,
    address: &Address,
    before: Option<u64>,
    limit: usize,
) -> Result<TransactionList, Failure> {
    let entries = snapshot.history(address, before, limit)?;
    let last = entries.last().map(|entry| entry.number);
    let full = entries.len() == limit;
    let mut transactions = Vec::with_capacity(entries.len());
    for entry in entries {
        let facts = snapshot.transaction(&entry.id)?.ok_or_else(|| {
            Fault(format!(
                "transaction {} is in the history of {address} and not on the chain",
                entry.id
            ))
        })?;
        transactions.push(Transaction {
            number: Some(entry.number),
            ..shape::transaction(&facts)
        });
    }
    let next = last
        .filter(|number| full && *number > 1)
        .map(|number| number.to_string());
    Ok(TransactionList { transactions, next })
}
