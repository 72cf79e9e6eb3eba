//! The block explorer: pages rendered here, complete without scripts and without anything from
//! elsewhere. A small script adds relative times, copying, and the overview's live updates. All links are
//! relative to the explorer's root, so that a proxy can serve it under any path.
//!
//! Everything that came from outside goes through maud's escaping; no page holds inline script or
//! style, so the content policy can forbid both.

mod accounts;
mod assets;
mod authority;
mod blocks;
mod charts;
mod checks;
mod csv;
mod documents;
mod files;
mod here;
mod hold;
mod holds;
mod known;
mod layout;
mod members;
mod network;
mod overview;
mod parts;
mod proofs;
mod proposals;
mod raw;
mod records;
mod seals;
mod search;
mod selection;
mod statement;
mod transactions;
mod validator;
mod validators;
mod words;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::ACCEPT;
use axum::middleware::Next;
use axum::response::Response;
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
        ("/blocks.csv", get(blocks::file)),
        ("/blocks/{block}", get(blocks::page)),
        ("/blocks/{block}/bytes", get(raw::block)),
        ("/blocks/{block}/proof", get(proofs::block)),
        ("/transactions", get(transactions::list)),
        ("/transactions.csv", get(transactions::file)),
        ("/transactions/{id}", get(transactions::page)),
        ("/transactions/{id}/bytes", get(raw::transaction)),
        ("/transactions/{id}/proof", get(proofs::transaction)),
        ("/accounts/{address}", get(accounts::page)),
        ("/accounts/{address}/balances.csv", get(accounts::balances_file)),
        ("/accounts/{address}/proof", get(proofs::account)),
        ("/accounts/{address}/statement", get(statement::page)),
        ("/accounts/{address}/statement.csv", get(statement::file)),
        ("/accounts/{address}/statement/proof", get(proofs::statement)),
        ("/assets", get(assets::list)),
        ("/assets.csv", get(assets::file)),
        ("/assets/{code}", get(assets::page)),
        ("/assets/{code}/holders.csv", get(assets::holders_file)),
        ("/assets/{code}/proof", get(proofs::asset)),
        ("/records", get(records::list)),
        ("/records.csv", get(records::file)),
        ("/records/{sha256}", get(records::page)),
        ("/records/{sha256}/records.csv", get(records::file_of)),
        ("/records/{sha256}/proof", get(proofs::record)),
        ("/holds", get(holds::list)),
        ("/holds.csv", get(holds::file)),
        ("/holds/{hold}", get(hold::page)),
        ("/members", get(members::list)),
        ("/members.csv", get(members::file)),
        ("/members/{name}", get(members::page)),
        ("/proposals", get(proposals::list)),
        ("/proposals.csv", get(proposals::file)),
        ("/proposals/{number}", get(proposals::page)),
        ("/validators", get(validators::page)),
        ("/validators.csv", get(validator::file)),
        ("/validators/{name}", get(validator::page)),
        ("/peers.csv", get(validator::peers_file)),
        ("/evidence.csv", get(validator::evidence_file)),
        ("/network", get(network::page)),
        ("/epochs.csv", get(network::epochs_file)),
        ("/search", get(search::search)),
        (search::FROM_PAGES, get(search::search)),
        ("/verify.html", get(files::verifier)),
        ("/static/style.css", get(files::style)),
        ("/static/app.js", get(files::script)),
        ("/static/checking.js", get(files::checking)),
        ("/static/drop.js", get(files::drop)),
        ("/static/icon.svg", get(files::icon)),
    ]
}

/// What makes pages of failures.
pub(crate) struct Failures {
    app: App,
    pages: BTreeSet<&'static str>,
}

impl Failures {
    /// At these paths are pages.
    pub(crate) fn at(app: App, pages: BTreeSet<&'static str>) -> Self {
        Self { app, pages }
    }

    /// Whether whoever asked reads pages: at a page's path everybody does, where nothing is a browser does, and at a
    /// call's path nobody.
    fn has_reader(&self, request: &Request) -> bool {
        if let Some(path) = request.extensions().get::<MatchedPath>() {
            return self.pages.contains(path.as_str());
        }
        let accepts = request.headers().get(ACCEPT);
        let is_browser = accepts
            .and_then(|value| value.to_str().ok())
            .is_some_and(|accepts| accepts.contains("text/html"));
        is_browser && !request.uri().path().starts_with("/v1/")
    }
}

/// Tells people in a page what failed, wherever it did: in reading what was asked for, at a bound, or at the method.
pub(crate) async fn tell_people(
    State(failures): State<Arc<Failures>>,
    here: Here,
    request: Request,
    next: Next,
) -> Response {
    let has_reader = failures.has_reader(&request);
    let response = next.run(request).await;
    let failure = response.extensions().get::<Failure>().cloned();
    match failure.filter(|_| has_reader) {
        Some(failure) => layout::told(&failures.app, &here, &failure),
        None => response,
    }
}
