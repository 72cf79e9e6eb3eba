//! The block explorer: pages rendered here, complete without scripts and without anything from
//! elsewhere. A small script adds relative times, copying, and the overview's live updates. All links are
//! relative to the explorer's root, so that a proxy can serve it under any path.
//!
//! Everything that came from outside goes through maud's escaping; no page holds inline script or
//! style, so the content policy can forbid both.

mod accounts;
mod assets;
mod blocks;
mod csv;
mod files;
mod here;
mod layout;
mod network;
mod overview;
mod parts;
mod raw;
mod records;
mod search;
mod selection;
mod transactions;
mod validators;
mod words;

use axum::extract::{OriginalUri, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use self::here::Here;
use crate::app::App;
use crate::problem::Failure;

/// Every page with its path.
pub(crate) fn pages() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/", get(overview::page)),
        ("/live", get(overview::live)),
        ("/live/heights", get(overview::heights)),
        ("/blocks", get(blocks::list)),
        ("/blocks/{block}", get(blocks::page)),
        ("/blocks/{block}/bytes", get(raw::block)),
        ("/transactions", get(transactions::list)),
        ("/transactions.csv", get(transactions::file)),
        ("/transactions/{id}", get(transactions::page)),
        ("/transactions/{id}/bytes", get(raw::transaction)),
        ("/accounts/{address}", get(accounts::page)),
        ("/assets", get(assets::list)),
        ("/assets/{code}", get(assets::page)),
        ("/records", get(records::list)),
        ("/records.csv", get(records::file)),
        ("/records/{sha256}", get(records::page)),
        ("/validators", get(validators::page)),
        ("/network", get(network::page)),
        ("/search", get(search::search)),
        (search::FROM_PAGES, get(search::search)),
        ("/static/style.css", get(files::style)),
        ("/static/app.js", get(files::script)),
        ("/static/icon.svg", get(files::icon)),
    ]
}

/// The answer to a path that nothing is at: a page for browsers, a problem document for programs.
pub(crate) async fn nothing_there(
    State(app): State<App>,
    method: Method,
    OriginalUri(uri): OriginalUri,
    here: Here,
    headers: HeaderMap,
) -> Response {
    let accepts = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if method == Method::GET && accepts.contains("text/html") && !uri.path().starts_with("/v1/") {
        layout::answer(&app, &here, Err(Failure::NoSuchCall))
    } else {
        Failure::NoSuchCall.into_response()
    }
}
