//! Accounts, their transactions and their holds.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use quorate_client::TransactionFilter;
use quorate_client::schema::{Account, HoldList, TransactionList};

use crate::app::App;
use crate::cursor::ListTag;
use crate::governance;
use crate::input::{Name, Params, address, hold_place, whole_number, write_hold_place};
use crate::problem::Failure;
use crate::scan;

/// An account, with what it was granted and what it is frozen for. One that was never used has no balances.
#[utoipa::path(get, path = "/v1/accounts/{address}", tag = "accounts",
    params(
        ("address" = String, Path, description = "An address, qr1…"),
        ("min_height" = Option<u64>, Query),
    ),
    responses((status = 200, body = Account), (status = 400, description = "`malformed_address`")))]
pub(crate) async fn account(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let address = address(&name)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        Ok(governance::account(snapshot, &address)?)
    });
    Ok(read.await?.into_response())
}

/// An account's transactions, newest first.
#[utoipa::path(get, path = "/v1/accounts/{address}/transactions", operation_id = "account_transactions", tag = "accounts",
    params(
        ("address" = String, Path, description = "An address, qr1…"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 25 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = TransactionList), (status = 400, description = "`malformed_address`")))]
pub(crate) async fn transactions(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let address = address(&name)?;
    let limit = params.limit()?;
    let tag = ListTag::account_transactions(&address);
    let before = params.cursor(&tag, whole_number)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        let everything = TransactionFilter::default();
        let list = scan::history(snapshot, &address, &everything, before, limit)?;
        Ok(tag.page(list))
    });
    Ok(read.await?.into_response())
}

/// What an account's open holds hold, for whom, until when and on which condition.
#[utoipa::path(get, path = "/v1/accounts/{address}/holds", operation_id = "account_holds", tag = "accounts",
    params(
        ("address" = String, Path, description = "An address, qr1…"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 25 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = HoldList), (status = 400, description = "`malformed_address`")))]
pub(crate) async fn holds(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let address = address(&name)?;
    let limit = params.limit()?;
    let tag = ListTag::holds(&address);
    let after = params.cursor(&tag, |text| hold_place(address, text))?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        let holds = snapshot.holds(&address, after, limit)?;
        let next = holds
            .last()
            .filter(|_| holds.len() == limit)
            .map(|last| tag.cursor(write_hold_place(last)));
        Ok(HoldList { holds, next })
    });
    Ok(read.await?.into_response())
}
