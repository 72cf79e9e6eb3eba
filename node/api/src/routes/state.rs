//! The state itself, by its keys.

use axum::extract::State;
use axum::response::Response;

use super::blocks::octets;
use crate::app::App;
use crate::input::{Name, Params, state_key};
use crate::problem::Failure;

/// A value of the state by its key, as its canonical bytes.
///
/// Keys and values are those of section 12 of Quorate's `docs/formats.md`. The answer proves nothing:
/// `/v1/proofs/…` do.
#[utoipa::path(get, path = "/v1/state/{key}", operation_id = "state_value", tag = "state",
    params(
        ("key" = String, Path, description = "The key's 32 bytes, 64 hexadecimal digits"),
        ("min_height" = Option<u64>, Query),
    ),
    responses(
        (status = 200, description = "The value's canonical bytes", content_type = "application/octet-stream", body = Vec<u8>),
        (status = 400, description = "`malformed_key`"),
        (status = 404, description = "`unknown_key`")))]
pub(crate) async fn value(
    State(app): State<App>,
    Name(name): Name,
    params: Params,
) -> Result<Response, Failure> {
    let key = state_key(&name)?;
    let read = app.read(params.min_height()?, move |snapshot, _| {
        let value = snapshot.state_value(&key)?;
        value.ok_or_else(|| Failure::not_found("unknown_key", "the state has no value under this key"))
    });
    Ok(read.await?.respond(octets))
}
