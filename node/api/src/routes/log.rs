//! The transaction log as other logs show theirs (`docs/checkpoints.md`, section 4): a signed checkpoint, and hashes and
//! entries as files that never change (C2SP tlog-tiles).

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Uri};
use axum::response::{IntoResponse, Response};
use quorate_checkpoint::TilePath;
use quorate_client::schema::OCTET_STREAM;

use crate::app::App;
use crate::input::{Params, shown};
use crate::problem::Failure;

/// Where the log is: tlog-tiles' prefix.
const PREFIX: &str = "/v1/log/";

/// The content type of a checkpoint.
const NOTE: &str = "text/plain; charset=utf-8";

/// For how long a file that never changes may be kept: a year, which is the longest that anybody asks for.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The newest checkpoint of the log that this validator signed.
///
/// A signed note (C2SP tlog-checkpoint): the log's size and root, signed by the validator's witness key for the log, and
/// cosigned by it with a time. `docs/checkpoints.md` of Quorate says what its names and keys are.
#[utoipa::path(get, path = "/v1/log/checkpoint", operation_id = "log_checkpoint", tag = "log",
    params(
        ("size" = Option<u64>, Query, description = "The checkpoint of this size instead, if it is one of the last 1,024 that this validator signed since its start"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The note", content_type = "text/plain; charset=utf-8", body = String),
        (status = 400, description = "`malformed_size`"),
        (status = 404, description = "`no_checkpoint`")))]
pub(crate) async fn checkpoint(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let size = params.number("size", "malformed_size")?;
    app.reach(params.min_height()?).await?;
    let note = app.node.checkpoint(size).ok_or_else(|| unsigned(size))?;
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(NOTE))];
    Ok(app.now(note).respond(|note| (kind, note).into_response()))
}

/// The root of the newest checkpoint, signed for COSE.
///
/// A `COSE_Sign1` without payload: with an inclusion path put beside it, it is a receipt (RFC 9942) for an entry.
#[utoipa::path(get, path = "/v1/log/signed-root", operation_id = "log_signed_root", tag = "log",
    params(
        ("size" = Option<u64>, Query, description = "The root of the checkpoint of this size instead, if it is one of the last 1,024 that this validator signed since its start"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The signature, as COSE", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "`malformed_size`"),
        (status = 404, description = "`no_checkpoint`")))]
pub(crate) async fn signed_root(State(app): State<App>, params: Params) -> Result<Response, Failure> {
    let size = params.number("size", "malformed_size")?;
    app.reach(params.min_height()?).await?;
    let signed = app.node.signed_root(size).ok_or_else(|| unsigned(size))?;
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM))];
    Ok(app.now(signed).respond(|signed| (kind, signed).into_response()))
}

/// That there is no checkpoint of a size, or none at all.
fn unsigned(size: Option<u64>) -> Failure {
    let which = size.map_or_else(
        || "no checkpoint".to_owned(),
        |size| format!("no checkpoint of size {size}"),
    );
    let detail = format!("this validator has signed {which} since it started");
    Failure::not_found("no_checkpoint", detail)
}

/// A complete tile of the log's tree: 256 hashes of a level.
///
/// Indices above 999 are written in groups of three digits, all but the last with an x before them:
/// `/v1/log/tile/0/x001/067`. The file never changes.
#[utoipa::path(get, path = "/v1/log/tile/{level}/{index}", operation_id = "log_tile", tag = "log",
    params(
        ("level" = u8, Path, description = "The level of tiles: 0 has the hashes of entries, each above it those of complete tiles of the level below"),
        ("index" = String, Path, description = "The tile's index, three digits"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The hashes, one after the other", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "`malformed_tile`"),
        (status = 404, description = "`unknown_tile`")))]
pub(crate) async fn tile(state: State<App>, uri: Uri, params: Params) -> Result<Response, Failure> {
    file(state, &uri, &params).await
}

/// The first hashes of a tile of the log's tree.
#[utoipa::path(get, path = "/v1/log/tile/{level}/{index}/{width}", operation_id = "log_tile_part", tag = "log",
    params(
        ("level" = u8, Path, description = "The level of tiles"),
        ("index" = String, Path, description = "The tile's index, three digits, and `.p`"),
        ("width" = u8, Path, description = "How many hashes, 1 to 255"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The hashes, one after the other", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "`malformed_tile`"),
        (status = 404, description = "`unknown_tile`")))]
pub(crate) async fn tile_part(state: State<App>, uri: Uri, params: Params) -> Result<Response, Failure> {
    file(state, &uri, &params).await
}

/// 256 entries of the log, whose hashes are the tile of level 0 with this index.
///
/// For each entry two bytes with its length, big-endian, and its canonical bytes (`LogEntry`). The file never changes.
#[utoipa::path(get, path = "/v1/log/tile/entries/{index}", operation_id = "log_entries", tag = "log",
    params(
        ("index" = String, Path, description = "The tile's index, three digits; larger ones as of tiles"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The entries", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "`malformed_tile`"),
        (status = 404, description = "`unknown_tile`")))]
pub(crate) async fn entries(state: State<App>, uri: Uri, params: Params) -> Result<Response, Failure> {
    file(state, &uri, &params).await
}

/// The first entries of a tile of the log.
#[utoipa::path(get, path = "/v1/log/tile/entries/{index}/{width}", operation_id = "log_entries_part", tag = "log",
    params(
        ("index" = String, Path, description = "The tile's index, three digits, and `.p`"),
        ("width" = u8, Path, description = "How many entries, 1 to 255"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The entries", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "`malformed_tile`"),
        (status = 404, description = "`unknown_tile`")))]
pub(crate) async fn entries_part(state: State<App>, uri: Uri, params: Params) -> Result<Response, Failure> {
    file(state, &uri, &params).await
}

/// The file at a path below the prefix. OpenAPI has no template for paths of any depth, so those of large indices are
/// described by those of small ones.
async fn file(State(app): State<App>, uri: &Uri, params: &Params) -> Result<Response, Failure> {
    params.only(&["min_height"])?;
    let below = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let path: TilePath = below.parse().map_err(|error| {
        let detail = format!("`{}` is no tile: {error}", shown(below));
        Failure::malformed("malformed_tile", detail)
    })?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        let bytes = snapshot.log_file(&path)?;
        bytes.ok_or_else(|| {
            let detail = format!("the log does not reach as far as {path}");
            Failure::not_found("unknown_tile", detail)
        })
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(OCTET_STREAM)),
        (CACHE_CONTROL, HeaderValue::from_static(FOR_EVER)),
    ];
    Ok(read.await?.respond(|bytes| (headers, bytes).into_response()))
}
