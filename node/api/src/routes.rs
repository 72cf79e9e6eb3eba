//! The calls of the client API, by what they are about.

pub(crate) mod accounts;
pub(crate) mod assets;
pub(crate) mod blocks;
pub(crate) mod governance;
pub(crate) mod log;
pub(crate) mod network;
pub(crate) mod proofs;
pub(crate) mod state;
pub(crate) mod transactions;

use axum::routing::{MethodRouter, get};

use crate::app::App;
use crate::{events, openapi, submit};

/// Tiles with large indices, whose paths are of any depth: no document of OpenAPI can describe these.
const DEEP_TILES: &str = "/v1/log/tile/{level}/{index}/{width}/{*rest}";
const DEEP_ENTRIES: &str = "/v1/log/tile/entries/{index}/{width}/{*rest}";

/// The calls at these paths.
pub(crate) fn deep_calls() -> [(&'static str, MethodRouter<App>); 2] {
    [(DEEP_TILES, get(log::tile)), (DEEP_ENTRIES, get(log::entries))]
}

/// Every call of the client API with its path, as the OpenAPI document lists them.
pub(crate) fn calls() -> Vec<(&'static str, MethodRouter<App>)> {
    vec![
        ("/v1/status", get(network::status)),
        ("/v1/network", get(network::network)),
        (
            "/v1/transactions",
            get(transactions::transactions).post(submit::submit),
        ),
        ("/v1/transactions/{id}", get(transactions::transaction)),
        ("/v1/blocks", get(blocks::blocks)),
        ("/v1/blocks/{block}", get(blocks::block)),
        ("/v1/blocks/{block}/header", get(blocks::header)),
        ("/v1/blocks/{block}/transactions", get(blocks::transactions)),
        ("/v1/accounts/{address}", get(accounts::account)),
        ("/v1/accounts/{address}/transactions", get(accounts::transactions)),
        ("/v1/accounts/{address}/holds", get(accounts::holds)),
        ("/v1/assets", get(assets::assets)),
        ("/v1/assets/{code}", get(assets::asset)),
        ("/v1/assets/{code}/holders", get(assets::holders)),
        ("/v1/records/{sha256}", get(assets::records)),
        ("/v1/state/{key}", get(state::value)),
        ("/v1/proofs/transaction/{id}", get(proofs::transaction)),
        ("/v1/proofs/erasure/{id}", get(proofs::erasure)),
        ("/v1/proofs/account/{address}", get(proofs::account)),
        ("/v1/proofs/statement/{address}", get(proofs::statement)),
        ("/v1/proofs/asset/{code}", get(proofs::asset)),
        ("/v1/proofs/record/{sha256}", get(proofs::record)),
        ("/v1/proofs/block/{block}", get(proofs::block)),
        ("/v1/proofs/committees", get(proofs::committees)),
        ("/v1/log/checkpoint", get(log::checkpoint)),
        ("/v1/log/signed-root", get(log::signed_root)),
        ("/v1/log/tile/{level}/{index}", get(log::tile)),
        ("/v1/log/tile/{level}/{index}/{width}", get(log::tile_part)),
        ("/v1/log/tile/entries/{index}", get(log::entries)),
        ("/v1/log/tile/entries/{index}/{width}", get(log::entries_part)),
        ("/v1/validators", get(network::validators)),
        ("/v1/peers", get(network::peers)),
        ("/v1/evidence", get(network::evidence)),
        ("/v1/members", get(governance::members)),
        ("/v1/members/{member}", get(governance::member)),
        ("/v1/proposals", get(governance::proposals)),
        ("/v1/proposals/{number}", get(governance::proposal)),
        ("/v1/events", get(events::events)),
        ("/openapi.json", get(openapi::document)),
    ]
}
