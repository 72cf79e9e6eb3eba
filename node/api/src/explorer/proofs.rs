//! Proofs as files to be saved: what `/v1/proofs` answers, with times as people write them.

use axum::extract::State;
use axum::response::Response;
use quorate_client::When;
use quorate_client::schema::Block;
use quorate_ledger::{Height, Timestamp};

use super::here::Here;
use super::{files, layout, selection};
use crate::app::{App, At};
use crate::input::{self, Name, Params, asset_code, block_ref, digest};
use crate::node::{BlockRef, ProofRequest, Snapshot};
use crate::problem::Failure;
use crate::routes::blocks::find;
use crate::routes::proofs::{block_of, file, statement_of};

pub(super) async fn block(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    let reference = params.only(&[]).and_then(|()| block_ref(&name));
    let read = match reference {
        Ok(reference) => file(&app, None, move |snapshot, _| block_of(snapshot, reference)).await,
        Err(failure) => Err(failure),
    };
    saved(&app, &here, &format!("block-{name}"), read)
}

pub(super) async fn transaction(
    State(app): State<App>,
    here: Here,
    Name(name): Name,
    params: Params,
) -> Response {
    let id = params.only(&[]).and_then(|()| digest(&name, "a transaction id"));
    let asked = id.map(|id| ProofRequest::Transaction { id });
    answer(&app, &here, &format!("transaction-{name}"), asked).await
}

pub(super) async fn account(
    State(app): State<App>,
    here: Here,
    Name(name): Name,
    params: Params,
) -> Response {
    let address = params.only(&[]).and_then(|()| input::address(&name));
    let asked = address.map(|address| ProofRequest::Account { address });
    answer(&app, &here, &format!("account-{name}"), asked).await
}

pub(super) async fn asset(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    let code = selection::spelt("asset", &name);
    let asked = params.only(&[]).and_then(|()| asset_code(&code));
    let asked = asked.map(|code| ProofRequest::Asset { code });
    answer(&app, &here, &format!("asset-{code}"), asked).await
}

pub(super) async fn record(State(app): State<App>, here: Here, Name(name): Name, params: Params) -> Response {
    answer(
        &app,
        &here,
        &format!("record-{name}"),
        read_record(&name, &params),
    )
    .await
}

fn read_record(name: &str, params: &Params) -> Result<ProofRequest, Failure> {
    params.only(&["by"])?;
    let sha256 = digest(name, "a document's SHA-256")?;
    let by = params.text("by").map(str::trim).map(input::address).transpose()?;
    Ok(ProofRequest::Record { sha256, by })
}

/// The statement of an account, whose form has two points as those of lists have: both ends are in it.
pub(super) async fn statement(
    State(app): State<App>,
    here: Here,
    Name(name): Name,
    params: Params,
) -> Response {
    let read = read_statement(&app, &name, &params).await;
    saved(&app, &here, &format!("statement-{name}"), read)
}

async fn read_statement(app: &App, name: &str, params: &Params) -> Result<At<String>, Failure> {
    params.only(&["from", "to"])?;
    let address = input::address(name)?;
    let spelt = params.spelt(selection::spelt);
    let (from, to) = (spelt.when("from")?, spelt.when("to")?);
    file(app, None, move |snapshot, tip| {
        let from = from.map(|from| moment(snapshot, tip, from)).transpose()?;
        let to = to.map(|to| moment(snapshot, tip, to)).transpose()?;
        // The proof's own end is the first moment that is no longer in it.
        let to = to.map(|to| Timestamp(to.0.saturating_add(1)));
        Ok(statement_of(address, from, to, tip))
    })
    .await
}

/// The time of a point on the chain. Above the last block is as late as that one, and below the first the beginning.
fn moment(snapshot: &dyn Snapshot, tip: &Block, point: When) -> Result<Timestamp, Failure> {
    match point {
        When::Time(time) => Ok(time),
        When::Height(Height(0)) => Ok(Timestamp(0)),
        When::Height(height) => {
            let height = height.min(tip.height);
            Ok(find(snapshot, Some(BlockRef::Height(height)))?.timestamp)
        }
    }
}

async fn answer(app: &App, here: &Here, name: &str, asked: Result<ProofRequest, Failure>) -> Response {
    let read = match asked {
        Ok(request) => file(app, None, move |_, _| Ok(request)).await,
        Err(failure) => Err(failure),
    };
    saved(app, here, name, read)
}

fn saved(app: &App, here: &Here, name: &str, read: Result<At<String>, Failure>) -> Response {
    match read {
        Ok(read) => read.respond(|text| files::download("text/plain", &format!("{name}.proof"), text)),
        Err(failure) => layout::answer(app, here, Err(failure)),
    }
}
