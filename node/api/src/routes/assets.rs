//! Assets, who holds them, and records of documents.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use quorate_client::schema::{Asset, AssetList, DocumentRecord, HolderList, RecordList};
use quorate_ledger::{Address, AssetCode, Digest};

use crate::app::App;
use crate::cursor::ListTag;
use crate::input::{Name, Params, address, asset_code, digest, record_place, write_record_place};
use crate::node::{Fault, RecordPlace, Snapshot};
use crate::problem::Failure;

/// Assets, by code.
#[utoipa::path(get, path = "/v1/assets", tag = "assets",
    params(
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 25 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = AssetList)))]
pub(crate) async fn assets(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let limit = params.limit()?;
    let after = params.cursor(&ListTag::assets(), |text| text.parse().ok())?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        Ok(list(snapshot, after, limit)?)
    });
    Ok(read.await?.into_response())
}

/// Assets after a code.
pub(crate) fn list(
    snapshot: &dyn Snapshot,
    after: Option<AssetCode>,
    limit: usize,
) -> Result<AssetList, Fault> {
    let assets = snapshot.assets(after, limit)?;
    let next = assets
        .last()
        .filter(|_| assets.len() == limit)
        .map(|asset| ListTag::assets().cursor(asset.code));
    Ok(AssetList { assets, next })
}

/// An asset.
#[utoipa::path(get, path = "/v1/assets/{code}", tag = "assets",
    params(
        ("code" = String, Path, description = "1 to 12 of A–Z and 0–9"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, body = Asset),
        (status = 400, description = "`malformed_asset`"),
        (status = 404, description = "`unknown_asset`")))]
pub(crate) async fn asset(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let code = asset_code(&name)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        snapshot.asset(&code)?.ok_or_else(unknown_asset)
    });
    Ok(read.await?.into_response())
}

/// Who holds an asset, by address.
#[utoipa::path(get, path = "/v1/assets/{code}/holders", tag = "assets",
    params(
        ("code" = String, Path, description = "1 to 12 of A–Z and 0–9"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 25 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses(
        (status = 200, body = HolderList),
        (status = 400, description = "`malformed_asset`"),
        (status = 404, description = "`unknown_asset`")))]
pub(crate) async fn holders(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let code = asset_code(&name)?;
    let limit = params.limit()?;
    let after = params.cursor(&ListTag::holders(&code), |text| address(text).ok())?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        snapshot.asset(&code)?.ok_or_else(unknown_asset)?;
        Ok(held(snapshot, &code, after, limit)?)
    });
    Ok(read.await?.into_response())
}

/// Holders of an asset after an address.
pub(crate) fn held(
    snapshot: &dyn Snapshot,
    code: &AssetCode,
    after: Option<Address>,
    limit: usize,
) -> Result<HolderList, Fault> {
    let holders = snapshot.holders(code, after, limit)?;
    let next = holders
        .last()
        .filter(|_| holders.len() == limit)
        .map(|holder| ListTag::holders(code).cursor(holder.address));
    Ok(HolderList { holders, next })
}

/// Who recorded a document's hash, earliest first. A hash that nobody recorded has an empty list.
#[utoipa::path(get, path = "/v1/records/{sha256}", tag = "records",
    params(
        ("sha256" = String, Path, description = "The document's SHA-256, 64 hexadecimal digits"),
        ("limit" = Option<u32>, Query, description = "At most this many, 1 to 200; 25 by default"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("min_height" = Option<u64>, Query, description = "Wait until this height is certified here"),
    ),
    responses((status = 200, body = RecordList), (status = 400, description = "`malformed_hash`")))]
pub(crate) async fn records(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let sha256 = digest(&name, "a document's SHA-256")?;
    let limit = params.limit()?;
    let after = params.cursor(&ListTag::records_of(&sha256), record_place)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        Ok(recorded(snapshot, &sha256, after, limit)?)
    });
    Ok(read.await?.into_response())
}

/// Records of a document's hash after a place.
pub(crate) fn recorded(
    snapshot: &dyn Snapshot,
    sha256: &Digest,
    after: Option<RecordPlace>,
    limit: usize,
) -> Result<RecordList, Fault> {
    let records = snapshot.records(sha256, after, limit)?;
    let last = records.last().filter(|_| records.len() == limit);
    let place = last.map(|last| place_of(snapshot, last)).transpose()?;
    let next = place.map(|place| ListTag::records_of(sha256).cursor(write_record_place(place)));
    Ok(RecordList { records, next })
}

/// Where a record is in the log, which it does not say itself.
fn place_of(snapshot: &dyn Snapshot, record: &DocumentRecord) -> Result<RecordPlace, Fault> {
    let ordinal = snapshot
        .transaction(&record.transaction)?
        .and_then(|transaction| transaction.ordinal);
    let operation = u8::try_from(record.operation).ok();
    let place = ordinal.zip(operation);
    let (ordinal, operation) = place.ok_or_else(|| {
        let id = record.transaction;
        Fault(format!("the record of transaction {id} has no place in the log"))
    })?;
    Ok(RecordPlace { ordinal, operation })
}

pub(crate) fn unknown_asset() -> Failure {
    Failure::not_found("unknown_asset", "no asset has this code")
}
