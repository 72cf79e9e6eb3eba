//! The OpenAPI document of the client API.

mod codes;
mod complete;
mod flat;

use std::sync::OnceLock;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use crate::routes::{accounts, assets, blocks, governance, log, network, proofs, state, transactions};
use crate::{events, submit};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Quorate",
        description = "The client API of a Quorate validator. Hashes and validators' keys are lower-case hex, \
            clients' keys `ed25519:` or `p256:` and hex, addresses bech32m, amounts decimal strings in the \
            asset's smallest unit, times RFC 3339 in UTC. Every read but the event stream answers at a \
            certified height, named in the `Quorate-Height` header; `min_height` waits for one. Lists go on \
            with `cursor`. Errors are problem documents (RFC 9457) with a stable `code`; 429 and 503 have \
            `Retry-After`. A path that there is not answers as `#/components/responses/NoSuchCall`, another \
            method than those listed as `MethodNotAllowed`, with `Allow`; HEAD is answered as GET without \
            the body, OPTIONS with 204 and `Allow`. Fields may be added: ignore those you do not know.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        network::status,
        network::network,
        submit::submit,
        transactions::transactions,
        transactions::transaction,
        blocks::blocks,
        blocks::block,
        blocks::header,
        blocks::transactions,
        accounts::account,
        accounts::transactions,
        accounts::holds,
        assets::assets,
        assets::asset,
        assets::holders,
        assets::records,
        state::value,
        proofs::transaction,
        proofs::erasure,
        proofs::account,
        proofs::statement,
        proofs::asset,
        proofs::record,
        proofs::block,
        proofs::committees,
        log::checkpoint,
        log::signed_root,
        log::tile,
        log::tile_part,
        log::entries,
        log::entries_part,
        network::validators,
        network::peers,
        network::evidence,
        governance::members,
        governance::member,
        governance::proposals,
        governance::proposal,
        events::events,
        document,
    ),
    components(schemas(
        submit::ManyInJson,
        quorate_client::schema::SubmittedList,
        quorate_client::schema::BlockEvent,
        quorate_client::schema::TransactionEvent,
        quorate_client::schema::Problem,
    )),
    tags(
        (name = "network", description = "The node, the network and its validators"),
        (name = "transactions", description = "Submitting and reading transactions"),
        (name = "blocks", description = "Certified blocks"),
        (name = "accounts", description = "Accounts, their histories and their holds"),
        (name = "assets", description = "Assets and who holds them"),
        (name = "records", description = "Documents' hashes on the ledger"),
        (name = "state", description = "The state by its keys"),
        (name = "proofs", description = "Files that are checked against the genesis document alone"),
        (name = "log", description = "The log's checkpoints and tiles, as other logs show theirs"),
        (name = "governance", description = "Members and their proposals"),
        (name = "events", description = "What is certified, as it happens"),
    ),
)]
struct Document;

/// What the calls take, for those who check that.
pub(crate) fn described() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "network",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json", body = serde_json::Value)))]
pub(crate) async fn document() -> Response {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(|| complete::complete(&described()).to_string());
    ([(CONTENT_TYPE, "application/json")], text.as_str()).into_response()
}
